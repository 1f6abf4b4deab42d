/* Handlers of lists and tuples: see cascade/instructions/families/sequences.py. Included by kernel.h. */

static __attribute__((noinline)) PyObject *cascade_build(const cascade_gather *gather, cascade_register *r, int as_list)
{
    PyObject *made = as_list ? PyList_New(gather->count) : PyTuple_New(gather->count);
    PyObject **items;
    int32_t count;
    if (made == NULL)
        return NULL;
    items = as_list ? cascade_list_items(made) : cascade_tuple_items(made);
    count = cascade_box_all(gather, r, items);
    if (count == gather->count)
        return made;
    cascade_unbox_all(gather, items, count);
    while (count-- > 0)
        items[count] = NULL;
    Py_DECREF(made);
    return NULL;
}

OP(BUILD_LIST) { PyObject *v = cascade_build(s->gathers[w->e], r, 1); if (v == NULL) STOP(CASCADE_RAISED); SET(a, v); NEXT; }
OP(BUILD_TUPLE) { PyObject *v = cascade_build(s->gathers[w->e], r, 0); if (v == NULL) STOP(CASCADE_RAISED); SET(a, v); NEXT; }

/* Makes a negative index count from the end; returns 1 where there is no such item. */
#define INDEX_OR_EXIT(i, count) \
    do { if ((uint64_t)(i) >= (uint64_t)(count)) { \
        (i) = (int64_t)((uint64_t)(i) + (uint64_t)(count)); \
        if ((uint64_t)(i) >= (uint64_t)(count)) EXIT; } } while (0)

#define INDEXED(NAME, ITEMS) \
    OP(NAME##_ITEM) { PyObject *v = O(b); int64_t i = I(c); INDEX_OR_EXIT(i, Py_SIZE(v)); SET(a, ITEMS(v)[i]); NEXT; } \
    OP(NAME##_NEXT) { PyObject *v = O(b); int64_t i = r[(uint32_t)w->b + 1].i; if (i >= Py_SIZE(v)) GO(f); \
        r[(uint32_t)w->b + 1].i = i + 1; SET(a, ITEMS(v)[i]); NEXT; } \
    OP(NAME##_NEXT_BACK) { PyObject *v = O(b); int64_t i = r[(uint32_t)w->b + 1].i; if (i >= Py_SIZE(v)) NEXT; \
        r[(uint32_t)w->b + 1].i = i + 1; SET(a, ITEMS(v)[i]); BACK(f); }
INDEXED(LIST, cascade_list_items) INDEXED(TUPLE, cascade_tuple_items)

/* The same, and the test of the item's class in the next word, which is skipped where it holds: w[1].a gets a number. */
#define RESULT r[(uint32_t)w[1].a]
#define SKIP do { w += 2; CONTINUE; } while (0)
#define TESTED_AS(NAME, ITEMS, KIND, HOLDS, KEEP) \
    OP(NAME##_ITEM_##KIND) { PyObject *v = O(b); int64_t i = I(c); INDEX_OR_EXIT(i, Py_SIZE(v)); v = ITEMS(v)[i]; \
        if (HOLDS) { KEEP; SKIP; } SET(a, v); NEXT; } \
    OP(NAME##_NEXT_##KIND) { PyObject *v = O(b); int64_t i = r[(uint32_t)w->b + 1].i; if (i >= Py_SIZE(v)) GO(f); \
        r[(uint32_t)w->b + 1].i = i + 1; v = ITEMS(v)[i]; if (HOLDS) { KEEP; SKIP; } SET(a, v); NEXT; }
#define TESTED(NAME, ITEMS) \
    TESTED_AS(NAME, ITEMS, INT, PyLong_CheckExact(v) && cascade_is_short_int(v), RESULT.i = cascade_short_int(v)) \
    TESTED_AS(NAME, ITEMS, FLOAT, PyFloat_CheckExact(v) && !isnan(PyFloat_AS_DOUBLE(v)), RESULT.d = PyFloat_AS_DOUBLE(v)) \
    TESTED_AS(NAME, ITEMS, BOOL, v == Py_True || v == Py_False, RESULT.i = v == Py_True) \
    TESTED_AS(NAME, ITEMS, LIST, PyList_CheckExact(v), SET(a, v)) \
    TESTED_AS(NAME, ITEMS, TUPLE, PyTuple_CheckExact(v), SET(a, v)) \
    TESTED_AS(NAME, ITEMS, STR, PyUnicode_CheckExact(v), SET(a, v))
TESTED(LIST, cascade_list_items) TESTED(TUPLE, cascade_tuple_items)

/* The items of a list or tuple. */
static inline PyObject **cascade_items_of(PyObject *value)
{
    return PyList_CheckExact(value) ? cascade_list_items(value) : cascade_tuple_items(value);
}

static __attribute__((noinline)) PyObject *cascade_slice(int64_t start, int64_t stop, int64_t step, int32_t absent)
{
    int64_t numbers[3] = {start, stop, step};
    PyObject *bounds[3], *made = NULL;
    int count = 0;
    while (count < 3 && (bounds[count] = absent >> count & 1 ? Py_NewRef(Py_None) : PyLong_FromLongLong(numbers[count])) != NULL)
        count++;
    if (count == 3)
        made = PySlice_New(bounds[0], bounds[1], bounds[2]);
    while (count > 0)
        Py_DECREF(bounds[--count]);
    return made;
}
OP(SLICE) { PyObject *v = cascade_slice(I(b), I(c), I(d), w->e); if (v == NULL) STOP(CASCADE_RAISED); SET(a, v); NEXT; }
/* What raises has changed nothing: CPython executes the instruction again. */
OP(ITEMS) { PyObject *v = PyObject_GetItem(O(b), O(c)); if (v == NULL) { PyErr_Clear(); EXIT; } SET(a, v); NEXT; }
OP(STORE_ITEMS) { if (PyObject_SetItem(O(a), O(b), O(c)) != 0) { PyErr_Clear(); EXIT; } NEXT; }
OP(EXPECT_ANY_LIST) { if (!PyList_Check(O(a))) GO(f); NEXT; }
OP(SIZE) { I(a) = Py_SIZE(O(b)); NEXT; }
OP(LIST_REPLACE)      /* the reference of c is passed on */
{
    PyObject *list = O(a), *old;
    int64_t i = I(b);
    INDEX_OR_EXIT(i, Py_SIZE(list));
    old = cascade_list_items(list)[i];
    cascade_list_items(list)[i] = O(c);
    Py_DECREF(old);
    NEXT;
}

/* The other stores put their value in place of a plain object only, whose end runs no code of users. */
#define STORED(NAME, NEW) \
    OP(LIST_STORE_##NAME) { PyObject *list = O(a), *old; int64_t i = I(b); INDEX_OR_EXIT(i, Py_SIZE(list)); old = cascade_list_items(list)[i]; \
        if (!cascade_dies_plainly(old)) \
            GO(f); \
        cascade_list_items(list)[i] = NEW; Py_DECREF(old); NEXT; }
STORED(OWNED, O(c)) STORED(BORROWED, Py_NewRef(O(c))) STORED(BOOL, Py_NewRef(I(c) ? Py_True : Py_False))

/* A number that nobody else holds takes the new value in place. */
OP(LIST_STORE_FLOAT)
{
    PyObject *list = O(a), *old, *made;
    int64_t i = I(b);
    INDEX_OR_EXIT(i, Py_SIZE(list));
    old = cascade_list_items(list)[i];
    if (PyFloat_CheckExact(old) && Py_REFCNT(old) == 1) {
        cascade_set_float(old, D(c));
        NEXT;
    }
    if (!cascade_dies_plainly(old))
        GO(f);
    made = PyFloat_FromDouble(D(c));
    if (made == NULL)
        STOP(CASCADE_RAISED);
    cascade_list_items(list)[i] = made;
    Py_DECREF(old);
    NEXT;
}
OP(LIST_STORE_INT)
{
    PyObject *list = O(a), *old, *made;
    int64_t i = I(b);
    INDEX_OR_EXIT(i, Py_SIZE(list));
    old = cascade_list_items(list)[i];
    if (PyLong_CheckExact(old) && Py_REFCNT(old) == 1 && cascade_may_hold(old, I(c))) {
        cascade_set_int(old, I(c));
        NEXT;
    }
    if (!cascade_dies_plainly(old))
        GO(f);
    made = PyLong_FromLongLong(I(c));
    if (made == NULL)
        STOP(CASCADE_RAISED);
    cascade_list_items(list)[i] = made;
    Py_DECREF(old);
    NEXT;
}

/* ---- Iterators ---------------------------------------------------------------------------------------------------- */

/* Returns a new reference: the next item, or NULL at the end, or with an error set. */
static __attribute__((noinline)) PyObject *cascade_plain_next(PyObject *iterator)
{
    PyObject *item = cascade_iterate(iterator);
    if (item == NULL && PyErr_Occurred() && PyErr_ExceptionMatches(PyExc_StopIteration))
        PyErr_Clear();
    return item;
}

static PyTypeObject *cascade_plain_iterators[32];   /* those of values.PLAIN_ITERATORS */

static __attribute__((noinline)) PyObject *cascade_any_next(
    cascade_state *parent, cascade_gather *gather, PyObject *iterator, PyObject *end)
{
    PyObject *values[2] = {NULL, iterator}, *item;
    double begun;
    int64_t events;
    int i;
    for (i = 0; cascade_plain_iterators[i] != NULL; i++)
        if (cascade_plain_iterators[i] == Py_TYPE(iterator))
            return cascade_plain_next(iterator);
    events = cascade_stopwatch_start(&gather->watch, &begun);
    item = cascade_call_under(parent, gather->function, values + 1, 1 | PY_VECTORCALL_ARGUMENTS_OFFSET);
    if (events)
        cascade_stopwatch_stop(&gather->watch, events, begun);
    if (item == end) {
        Py_DECREF(item);
        return NULL;
    }
    return item;
}

#define NEXT_OR_END(CALL) \
    PyObject *item = CALL; \
    if (item == NULL) { \
        if (PyErr_Occurred()) \
            STOP(CASCADE_RAISED); \
        GO(f); \
    } \
    SET(a, item); \
    NEXT;
OP(PLAIN_NEXT) { NEXT_OR_END(cascade_plain_next(O(b))) }
OP(ITER_NEXT) { NEXT_OR_END(cascade_any_next(s->parent, s->gathers[w->e], O(b), O(c))) }

/* The three registers of a range: next, remaining, step. Returns 1 where they cannot hold it. */
static __attribute__((noinline)) int cascade_range_of(PyObject *range, cascade_register *into)
{
    static const char *const names[3] = {"start", "stop", "step"};
    cascade_register found[3];
    int i, failed = 0;
    for (i = 0; i < 3 && !failed; i++) {
        PyObject *value = PyObject_GetAttrString(range, names[i]);
        failed = value == NULL || !PyLong_CheckExact(value) || cascade_int_of(value, &found[i].i);
        Py_XDECREF(value);
    }
    PyErr_Clear();
    if (failed || cascade_range(found))
        return 1;
    memcpy(into, found, sizeof(found));
    return 0;
}
OP(RANGE_OF) { if (cascade_range_of(O(b), &r[(uint32_t)w->a])) EXIT; NEXT; }
OP(RANGE_BACKWARD)
{
    cascade_register *range = &r[(uint32_t)w->a];
    if (range[2].i == INT64_MIN)
        EXIT;
    if (range[1].i > 0)
        range[0].i += (range[1].i - 1) * range[2].i;
    range[2].i = -range[2].i;
    NEXT;
}

/* Takes the reference of the item. */
static __attribute__((noinline)) int cascade_append_slowly(PyObject *list, PyObject *item)
{
    int failed = PyList_Append(list, item);
    if (!failed)
        Py_DECREF(item);
    return failed;
}

static inline int cascade_append(PyObject *list, PyObject *item)
{
    Py_ssize_t size = Py_SIZE(list);
    if (size < cascade_list_room(list)) {
        cascade_list_items(list)[size] = item;
        Py_SET_SIZE((PyVarObject *)list, size + 1);
        return 0;
    }
    return cascade_append_slowly(list, item);
}

OP(APPEND) { if (cascade_append(O(a), O(b))) STOP(CASCADE_RAISED); NEXT; }
OP(APPEND_INT)
{
    PyObject *made = PyLong_FromLongLong(I(b));
    if (made == NULL || (cascade_append(O(a), made) && (Py_DECREF(made), 1)))
        STOP(CASCADE_RAISED);
    NEXT;
}
OP(APPEND_FLOAT)
{
    PyObject *made = PyFloat_FromDouble(D(b));
    if (made == NULL || (cascade_append(O(a), made) && (Py_DECREF(made), 1)))
        STOP(CASCADE_RAISED);
    NEXT;
}
/* As list.pop() does: the memory may shrink. */
OP(LIST_POP)
{
    PyObject *list = O(b), *item;
    Py_ssize_t size = Py_SIZE(list);
    if (size == 0)
        EXIT;
    item = Py_NewRef(cascade_list_items(list)[size - 1]);
    if (size - 1 >= cascade_list_room(list) >> 1) {
        Py_SET_SIZE((PyVarObject *)list, size - 1);
        Py_DECREF(item);
    }
    else if (PyList_SetSlice(list, size - 1, size, NULL) < 0) {
        Py_DECREF(item);
        STOP(CASCADE_RAISED);
    }
    SET(a, item);
    NEXT;
}

/* Whether a number is among items that are plain numbers; -1 where another kind of object comes before it. */
static __attribute__((noinline)) int cascade_holds_number(PyObject **items, Py_ssize_t count, int is_float, cascade_register wanted)
{
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *item = items[i];
        if (PyFloat_CheckExact(item)) {
            double found = PyFloat_AS_DOUBLE(item);
            if (is_float) {
                if (found == wanted.d)
                    return 1;
                if (found != found && wanted.d != wanted.d)
                    return -1;      /* the same NaN, or another one */
            }
            else {
                if (cascade_inexact(wanted.i))
                    return -1;
                if (found == (double)wanted.i)
                    return 1;
            }
        }
        else if (PyLong_CheckExact(item) || PyBool_Check(item)) {
            int64_t found;
            if (cascade_int_of(item, &found)) {
                if (is_float)
                    return -1;
                continue;
            }
            if (is_float && cascade_inexact(found))
                return -1;
            if (is_float ? (double)found == wanted.d : found == wanted.i)
                return 1;
        }
        else if (item != Py_None && !PyUnicode_CheckExact(item))
            return -1;
    }
    return 0;
}

#define CONTAINS(NAME, ITEMS) \
    OP(NAME##_HOLDS_INT) { PyObject *v = O(b); int found = cascade_holds_number(ITEMS(v), Py_SIZE(v), 0, r[(uint32_t)w->c]); \
        if (found < 0) \
            GO(f); \
        I(a) = found; NEXT; } \
    OP(NAME##_HOLDS_FLOAT) { PyObject *v = O(b); int found = cascade_holds_number(ITEMS(v), Py_SIZE(v), 1, r[(uint32_t)w->c]); \
        if (found < 0) \
            GO(f); \
        I(a) = found; NEXT; }
CONTAINS(LIST, cascade_list_items) CONTAINS(TUPLE, cascade_tuple_items)

/* ---- Whole lists and tuples --------------------------------------------------------------------------------------- */

/* What an item is: 1 a number, 2 a text, 4 another plain object, 16 one that is compared by identity, 8 any other. */
static inline int cascade_sort_of(PyObject *item)
{
    PyTypeObject *type = Py_TYPE(item);
    if (type == &PyLong_Type || type == &PyFloat_Type || type == &PyBool_Type)
        return 1;
    if (type == &PyUnicode_Type)
        return 2;
    if (item == Py_None || type == &PyBytes_Type)
        return 4;
    return type->tp_richcompare == PyBaseObject_Type.tp_richcompare ? 16 : 8;
}

enum { CASCADE_ALIKE = 1, CASCADE_HASHED };

/* Whether all items are compared without code of users, and, if that is wanted, all numbers or all texts, or hashed without such code. */
static __attribute__((noinline)) int cascade_has_scalars(PyObject *sequence, int wanted)
{
    PyObject **items = PyList_Check(sequence) ? cascade_list_items(sequence) : cascade_tuple_items(sequence);
    Py_ssize_t count = Py_SIZE(sequence), i;
    int sorts = 0;
    for (i = 0; i < count && (sorts & 8) == 0; i++)
        sorts |= cascade_sort_of(items[i]);
    return wanted == CASCADE_ALIKE ? sorts <= 2 : wanted == CASCADE_HASHED ? sorts < 8 : (sorts & 8) == 0;
}
OP(EXPECT_SCALARS) { if (!cascade_has_scalars(O(a), w->e)) GO(f); NEXT; }

static inline int64_t cascade_bound(int64_t bound, int64_t size)
{
    if (bound < 0) {
        bound += size;
        return bound < 0 ? 0 : bound;
    }
    return bound > size ? size : bound;
}

static __attribute__((noinline)) PyObject *cascade_slice_of(PyObject *sequence, int64_t start, int64_t stop)
{
    start = cascade_bound(start, Py_SIZE(sequence));
    stop = cascade_bound(stop, Py_SIZE(sequence));
    return PyList_CheckExact(sequence) ? PyList_GetSlice(sequence, start, stop) : PyTuple_GetSlice(sequence, start, stop);
}
#define SLICED(NAME) \
    OP(NAME##_SLICE) { PyObject *v = cascade_slice_of(O(b), I(c), I(d)); if (v == NULL) STOP(CASCADE_RAISED); SET(a, v); NEXT; }
SLICED(LIST) SLICED(TUPLE)

/* As PySlice_Unpack and the subscript of lists and tuples do. */
static __attribute__((noinline)) PyObject *cascade_steps_of(PyObject *sequence, int64_t start, int64_t stop, int32_t with)
{
    Py_ssize_t step = with >> 2, first = start, end = stop, count, i;
    PyObject *made, **items, **to;
    if (with & 1)
        first = step < 0 ? PY_SSIZE_T_MAX : 0;
    if (with & 2)
        end = step < 0 ? PY_SSIZE_T_MIN : PY_SSIZE_T_MAX;
    count = PySlice_AdjustIndices(Py_SIZE(sequence), &first, &end, step);
    made = PyList_CheckExact(sequence) ? PyList_New(count) : PyTuple_New(count);
    if (made == NULL)
        return NULL;
    items = cascade_items_of(sequence);
    to = cascade_items_of(made);
    for (i = 0; i < count; i++, first += step)
        to[i] = Py_NewRef(items[first]);
    return made;
}
OP(STEPS) { PyObject *v = cascade_steps_of(O(b), I(c), I(d), w->e); if (v == NULL) STOP(CASCADE_RAISED); SET(a, v); NEXT; }
OP(LIST_STORE_SLICE)
{
    int64_t size = Py_SIZE(O(a)), start = cascade_bound(I(b), size), stop = cascade_bound(I(c), size);
    if (PyList_SetSlice(O(a), start, stop, O(d)) < 0) {
        PyErr_Clear();
        EXIT;
    }
    NEXT;
}
OP(LIST_DELETE)
{
    PyObject *list = O(a);
    int64_t i = I(b);
    INDEX_OR_EXIT(i, Py_SIZE(list));
    if (!cascade_dies_plainly(cascade_list_items(list)[i]))
        GO(f);
    if (PyList_SetSlice(list, i, i + 1, NULL) < 0)
        STOP(CASCADE_RAISED);
    NEXT;
}

static int cascade_note_tuple(PyObject *found, void *last)
{
    if (PyTuple_CheckExact(found))
        *(PyObject **)last = found;
    return 0;
}

/* A new zip() or enumerate() gets an item that it gave last, by its place from the end: it stands in the tuple that is used for each
 * result, the last one that the iterator holds, in which there is None so far. */
static void cascade_hold_last(PyObject *iterator, Py_ssize_t place, PyObject *item)
{
    PyObject *tuple = NULL, **held;
    Py_TYPE(iterator)->tp_traverse(iterator, cascade_note_tuple, &tuple);
    if (tuple == NULL || PyTuple_GET_SIZE(tuple) + place < 0)
        return;
    held = &cascade_tuple_items(tuple)[PyTuple_GET_SIZE(tuple) + place];
    if (*held == Py_None)
        Py_SETREF(*held, Py_NewRef(item));
    if (!PyObject_GC_IsTracked(tuple))
        PyObject_GC_Track(tuple);
}

/* Sets the index of an iterator, which lies beyond the end where a list, bytearray or array.array has got shorter: __setstate__ stops at
 * the end, so for the length of this call the end is where the index is (no item is read then). That of other classes has no end. */
static int cascade_set_index(PyObject *iterator, PyObject *values, Py_ssize_t index)
{
    PyObject *name = PyUnicode_InternFromString("__setstate__"), *state = PyLong_FromSsize_t(index), *done = NULL;
    if (name != NULL && state != NULL) {
        Py_ssize_t length = Py_TYPE(iterator) == &PySeqIter_Type ? index + 1 : Py_SIZE(values);
        if (index >= length)
            Py_SET_SIZE((PyVarObject *)values, index + 1);
        done = PyObject_CallMethodOneArg(iterator, name, state);
        if (index >= length)
            Py_SET_SIZE((PyVarObject *)values, length);
    }
    Py_XDECREF(name);
    Py_XDECREF(state);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

OP(LIST_NEXT_BACKWARD)
{
    cascade_register *state = &r[(uint32_t)w->b];
    PyObject *list = (PyObject *)state[0].object;
    int64_t index = state[1].i;
    if (index < 0 || index >= PyList_GET_SIZE(list))
        GO(f);
    state[1].i = index - 1;
    SET(a, cascade_list_items(list)[index]);
    NEXT;
}
