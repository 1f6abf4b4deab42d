/* Handlers of typed code that touches Python objects: it runs with the GIL. Included by kernel.h.
 *
 * A register that is *owned* holds a reference; the translator knows which ones are. A handler either completes, or changes nothing
 * and makes a side exit, or jumps to `f` where a type is another one than expected. No handler here runs code of users
 * but RELEASE and those that replace an item of a list: what is known of other objects is then settled by the translator.
 */

#define O(x) ((PyObject *)r[(uint32_t)w->x].object)
#define SET(x, value) (r[(uint32_t)w->x].object = (void *)(value))

/* ---- Kinds of values in gathered arguments and in results --------------------------------------------------------- */

typedef struct {
    int32_t where;      /* a register, or, of a constant, its index */
    int32_t kind;       /* 'i', 'd', 'b', 'c' a character, 'n', 'o' owned, 'r' borrowed, 'A' and up: NumPy's scalars */
    int32_t parameter;  /* of a function that is called by its kernel, its number */
} cascade_source;

/* Whether a source of this kind is an object in its register; any other one is made into one for a call of CPython's. */
static inline int cascade_is_object(int32_t kind) { return kind == 'o' || kind == 'r'; }

/* A call-out, or a container that is made of values in registers. */
struct cascade_gather {
    PyObject *function;
    int32_t count;
    int32_t results;            /* registers that get the items of the result; one: the result itself */
    cascade_stopwatch watch;    /* of a call-out */
    int64_t keys, table, entry_at;  /* of an attribute: see kernel_attributes.h */
    cascade_source *sources;
    int32_t *targets;
    cascade_site *site;         /* of a call of a function by its kernel, or NULL: see kernel_calls.h */
    int32_t renewals;           /* of the kernel, as names got another meaning */
    int32_t place;              /* the number of the source before the arguments: the function, if it is not known; -1 for none */
    int32_t operand;            /* the number of the source whose class has the function: see kernel_frames.h */
    int32_t is_callable;        /* whether each parameter gets a value */
    int32_t finish;             /* what is made of the result: see kernel_special.h */
    PyObject *sign;             /* of an operator, as an error names it */
    int was_hot;                /* whether it has been tried to put the function's code in place of the call */
    int32_t missing;            /* parameters that get their defaults; these */
    int32_t *missing_parameters;
    PyTypeObject **missing_types;
    cascade_register *missing_values;
    char *missing_kinds;
    PyObject *iterated;         /* of a comprehension the kind of its iterator, which is the last source, or NULL */
    PyObject *iterator;         /* where it is: see exits.py */
    int32_t iterator_source, iterator_target, iterator_owned;   /* registers; a bit for each of those that own a reference */
    int joins;                  /* whether the result is joined by the text that is source 1 */
    PyCFunction entry;          /* of a function written in C: see kernel_c_calls.h */
    PyObject *self;
    int32_t way;
};

typedef struct cascade_gather cascade_gather;

static PyObject *cascade_characters[256];      /* of Latin-1; each is the only one that indexing a text returns */

static int cascade_know_characters(void)
{
    for (int number = 0; number < 256; number++)
        if (cascade_characters[number] == NULL && (cascade_characters[number] = PyUnicode_FromOrdinal(number)) == NULL)
            return -1;
    return 0;
}

static PyObject *cascade_boxed(cascade_register value, int32_t kind)
{
    switch (kind) {
    case 'i': return PyLong_FromLongLong(value.i);
    case 'd': return PyFloat_FromDouble(value.d);
    case 'b': return Py_NewRef(value.i ? Py_True : Py_False);
    case 'c': return Py_NewRef(cascade_characters[value.i]);
    case 'n': return Py_NewRef(Py_None);
    case 'o': return (PyObject *)value.object;      /* its reference is passed on */
    case 'r': return Py_NewRef((PyObject *)value.object);
    default: return cascade_new_scalar(value, kind - 'A');
    }
}

/* Boxes values; returns how many were made: fewer than there are where memory is exhausted. References of 'o' are passed on. */
static int32_t cascade_box_all(const cascade_gather *gather, cascade_register *r, PyObject **values)
{
    int32_t i;
    for (i = 0; i < gather->count; i++) {
        values[i] = cascade_boxed(r[(uint32_t)gather->sources[i].where], gather->sources[i].kind);
        if (values[i] == NULL)
            break;
    }
    return i;
}

/* Gives references back to registers: those of the first `made` values that came from owned ones. */
static void cascade_unbox_all(const cascade_gather *gather, PyObject **values, int32_t made)
{
    int32_t i;
    for (i = 0; i < made; i++)
        if (gather->sources[i].kind != 'o')
            Py_DECREF(values[i]);
}

/* Owned registers whose references a call has taken over own others. */
static void cascade_forget_all(const cascade_gather *gather, cascade_register *r)
{
    int32_t i;
    for (i = 0; i < gather->count; i++)
        if (gather->sources[i].kind == 'o')
            r[(uint32_t)gather->sources[i].where].object = Py_NewRef(Py_None);
}

enum { CASCADE_GATHER_LIMIT = 64 };

#include "kernel_frames.h"

static int cascade_call_out_untimed(cascade_state *s, cascade_gather *gather, cascade_register *r)
{
    PyObject *values[CASCADE_GATHER_LIMIT + 1], *result;
    int32_t i, made = cascade_box_all(gather, r, values + 1);
    int are_given = 0;
    values[0] = NULL;
    if (made < gather->count) {
        cascade_unbox_all(gather, values + 1, made);
        return -1;
    }
    result = cascade_make_call_under(s->parent, (cascade_pending_call){
        gather->function, values + 1, (size_t)made | PY_VECTORCALL_ARGUMENTS_OFFSET, &are_given, NULL});
    if (!are_given)
        cascade_unbox_all(gather, values + 1, made);
    else if (result == NULL)
        cascade_forget_all(gather, r);
    if (result == NULL)
        return -1;
    if (gather->results == 1)
        r[(uint32_t)gather->targets[0]].object = result;
    else {
        for (i = 0; i < gather->results; i++)
            r[(uint32_t)gather->targets[i]].object = Py_NewRef(PyTuple_GET_ITEM(result, i));
        Py_DECREF(result);
    }
    return 0;
}

/* Returns 0, or -1 with an error set: then owned registers still own what they held. */
static __attribute__((noinline)) int cascade_call_out(cascade_state *s, cascade_gather *gather, cascade_register *r)
{
    double begun;
    int64_t events = cascade_stopwatch_start(&gather->watch, &begun);
    int failed = cascade_call_out_untimed(s, gather, r);
    cascade_count_frames(s);
    if (events)
        cascade_stopwatch_stop(&gather->watch, events, begun);
    return failed;
}

/* ---- Numbers ------------------------------------------------------------------------------------------------------ */

static __attribute__((noinline)) int cascade_wide_int(PyObject *value, int64_t *result)
{
    int overflow;
    *result = PyLong_AsLongLongAndOverflow(value, &overflow);
    return overflow;
}

/* Returns 0, or 1 where it does not fit 64 bits. */
static inline int cascade_int_of(PyObject *value, int64_t *result)
{
    if (cascade_is_short_int(value)) {
        *result = cascade_short_int(value);
        return 0;
    }
    return cascade_wide_int(value, result);
}

#define UNBOX_INT_OR(value, target, MISS) \
    do { PyObject *v_ = (value); \
        if (!PyLong_CheckExact(v_)) MISS; \
        if (cascade_is_short_int(v_)) target = cascade_short_int(v_); \
        else if (cascade_wide_int(v_, &target)) MISS; } while (0)

/* Whether dropping a reference of an object runs no code of users. */
static inline int cascade_dies_plainly(PyObject *value)
{
    PyTypeObject *type = Py_TYPE(value);
    return type == &PyFloat_Type || type == &PyLong_Type || type == &PyUnicode_Type || Py_REFCNT(value) > 1 || value == Py_None;
}

OP(OWN) { SET(a, Py_NewRef(O(b))); NEXT; }
OP(BORROW) { SET(a, O(b)); NEXT; }
OP(RELEASE) { Py_DECREF(O(a)); NEXT; }
OP(BOX_INT) { PyObject *made = PyLong_FromLongLong(I(b)); if (made == NULL) STOP(CASCADE_RAISED); SET(a, made); NEXT; }
OP(BOX_FLOAT) { PyObject *made = PyFloat_FromDouble(D(b)); if (made == NULL) STOP(CASCADE_RAISED); SET(a, made); NEXT; }
OP(BOX_BOOL) { SET(a, Py_NewRef(I(b) ? Py_True : Py_False)); NEXT; }
OP(BOX_CHAR) { SET(a, cascade_characters[I(b)]); NEXT; }
OP(UNBOX_INT) { UNBOX_INT_OR(O(b), I(a), GO(f)); NEXT; }
OP(UNBOX_FLOAT) { if (!PyFloat_CheckExact(O(b)) || isnan(PyFloat_AS_DOUBLE(O(b)))) GO(f); D(a) = PyFloat_AS_DOUBLE(O(b)); NEXT; }
OP(UNBOX_BOOL) { PyObject *v = O(b); if (v != Py_True && v != Py_False) GO(f); I(a) = v == Py_True; NEXT; }
OP(EXPECT_NONE) { if (O(a) != Py_None) GO(f); NEXT; }
OP(EXPECT_CLASS) { if ((void *)Py_TYPE(O(a)) != r[(uint32_t)w->b].object) GO(f); NEXT; }
OP(EXPECT_LIST) { if (!PyList_CheckExact(O(a))) GO(f); NEXT; }
OP(EXPECT_STR) { if (!PyUnicode_CheckExact(O(a))) GO(f); NEXT; }
OP(EXPECT_TUPLE) { if (!PyTuple_CheckExact(O(a))) GO(f); NEXT; }
OP(TRUTH) { PyObject *v = O(b); int found = cascade_plain_truth(v); if (found < 0) EXIT; I(a) = found; NEXT; }

/* ---- Growth, guards, call-outs ------------------------------------------------------------------------------------ */

OP(STUB) { STOP(CASCADE_GROWS); }
/* Whether the names mean the same still, though dicts have changed. Notes the versions of these. */
static __attribute__((noinline)) int cascade_names_hold(cascade_state *s)
{
    cascade_watch *watch;
    for (watch = s->watched; watch->dict != NULL; watch++) {
        watch->version = cascade_version(watch->dict);
        if (!cascade_has_plain_keys(watch->dict))
            return 0;
    }
    for (Py_ssize_t i = 0; i < s->named->count; i++) {
        const cascade_name *name = &s->named->items[i];
        if (PyDict_GetItemWithError(name->dict, name->name) != name->expected) {
            for (watch = s->watched; watch->dict != NULL; watch++)
                watch->version = 0;
            return 0;
        }
    }
    return 1;
}
OP(GUARD)
{
    for (const cascade_watch *watch = s->watched; watch->dict != NULL; watch++)
        if (cascade_version(watch->dict) != watch->version || watch->version == 0) {
            if (s->is_free || !cascade_names_hold(s))
                STOP(CASCADE_GUARDS);       /* looking names up takes the GIL */
            break;
        }
    NEXT;
}
OP(CALL_PYTHON) { s->steps += 1; if (cascade_call_out(s, s->gathers[w->e], r)) STOP(CASCADE_RAISED); NEXT; }
OP(NEW_CELL) { PyObject *v = PyCell_New(NULL); if (v == NULL) STOP(CASCADE_RAISED); PyCell_SET(v, O(b)); SET(a, v); NEXT; }
OP(EMPTY_CELL) { PyObject *v = PyCell_New(NULL); if (v == NULL) STOP(CASCADE_RAISED); SET(a, v); NEXT; }
OP(CELL_ITEM) { PyObject *v = PyCell_GET(O(b)); if (v == NULL) EXIT; SET(a, v); NEXT; }
OP(CELL_STORE) { PyObject *old = PyCell_GET(O(a)); PyCell_SET(O(a), O(b)); Py_XDECREF(old); NEXT; }

OP(EXIT_UNLESS_EQUAL) { if (I(a) != I(b)) EXIT; NEXT; }
OP(EXIT_IF_NAN) { if (isnan(D(a))) EXIT; NEXT; }
