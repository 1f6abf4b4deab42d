/* Handlers of functions of Python's own: numbers, classes, whole lists: see cascade/instructions/families/functions.py. Included by
 * kernel.h. A handler that jumps to f has changed nothing: the function is called instead.
 */

/* ---- Numbers ------------------------------------------------------------------------------------------------------ */

static const double cascade_powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

/* float.__round__, called: a half, and what is outside of the range in which a product with a power of ten tells the digits. */
static __attribute__((noinline)) int cascade_round_by_call(double x, int64_t digits, double *z)
{
    PyObject *number = PyFloat_FromDouble(x), *rounded = NULL;
    if (number != NULL)
        rounded = PyObject_CallMethod(number, "__round__", "L", (long long)digits);
    Py_XDECREF(number);
    if (rounded == NULL) {
        PyErr_Clear();
        return 1;
    }
    *z = PyFloat_AS_DOUBLE(rounded);
    Py_DECREF(rounded);
    return 0;
}

/* round(x, digits): x times a power of ten, with an error of less than one unit, is rounded to an integer; unless it lies about half way
 * between two of them, that is the right one, and its quotient by the power, both exact, is the float next to the decimal number. */
static __attribute__((noinline)) int cascade_round_digits(cascade_register *result, double x, int64_t digits)
{
    double product, whole, distance;
    if (digits < 0 || digits > 15 || !(fabs(x) < 1e15))
        return cascade_round_by_call(x, digits, &result->d);
    product = x * cascade_powers[digits];
    if (!(fabs(product) < 1e15))
        return cascade_round_by_call(x, digits, &result->d);
    whole = rint(product);
    distance = fabs(product - whole);
    if (0.5 - distance <= fabs(product) * 0x1p-51)
        return cascade_round_by_call(x, digits, &result->d);
    result->d = whole / cascade_powers[digits];
    return 0;
}

OP(ROUND_DIGITS) { if (cascade_round_digits(&r[(uint32_t)w->a], D(b), I(c))) EXIT; NEXT; }

/* The digits of a text of ASCII, with a sign and a point, as an int of 64 bits; the number of digits behind the point, and -1 where it
 * is another text. At most `limit` digits. */
static inline int cascade_digits(PyObject *text, int limit, int with_point, int64_t *number, int *negative)
{
    const unsigned char *from, *end;
    int64_t found = 0;
    int digits = 0, behind = -1;
    if (!PyUnicode_IS_COMPACT_ASCII(text) || PyUnicode_GET_LENGTH(text) > limit + 2)
        return -1;
    from = PyUnicode_1BYTE_DATA(text);
    end = from + PyUnicode_GET_LENGTH(text);
    *negative = from < end && *from == '-';
    if (from < end && (*from == '-' || *from == '+'))
        from++;
    for (; from < end; from++) {
        if (*from == '.' && with_point && behind < 0)
            behind = 0;
        else if (*from < '0' || *from > '9')
            return -1;
        else {
            found = 10 * found + (*from - '0');
            digits += 1;
            behind += behind >= 0;
        }
    }
    *number = found;
    return digits == 0 || digits > limit ? -1 : behind < 0 ? 0 : behind;
}

static __attribute__((noinline)) int cascade_int_of_text(PyObject *text, cascade_register *result)
{
    int negative;
    int64_t number;
    if (cascade_digits(text, 18, 0, &number, &negative) < 0)
        return 1;
    result->i = negative ? -number : number;
    return 0;
}

/* An int below 10**15 and a power of ten up to that are floats, so their quotient is the float next to the decimal number. */
static __attribute__((noinline)) int cascade_float_of_text(PyObject *text, cascade_register *result)
{
    int64_t number;
    int negative, behind = cascade_digits(text, 15, 1, &number, &negative);
    if (behind < 0)
        return 1;
    result->d = (double)number / cascade_powers[behind];
    if (negative)
        result->d = -result->d;
    return 0;
}

OP(INT_OF_TEXT) { if (cascade_int_of_text(O(b), &r[(uint32_t)w->a])) GO(f); NEXT; }
OP(FLOAT_OF_TEXT) { if (cascade_float_of_text(O(b), &r[(uint32_t)w->a])) GO(f); NEXT; }
OP(EXPECT_NUMBERS) { if (!cascade_plain_numbers(cascade_items_of(O(a)), Py_SIZE(O(a)))) GO(f); NEXT; }

/* As long_hash does: modulo 2**61 - 1, with the sign of the number, and -2 in place of -1. */
OP(HASH_INT)
{
    const uint64_t modulus = ((uint64_t)1 << 61) - 1;
    int64_t x = I(b), hash = (int64_t)(cascade_magnitude(x) % modulus);
    hash = x < 0 ? -hash : hash;
    I(a) = hash == -1 ? -2 : hash;
    NEXT;
}

/* ---- Functions that are made -------------------------------------------------------------------------------------- */

static __attribute__((noinline)) PyObject *cascade_make_function(const cascade_gather *gather, cascade_register *r)
{
    PyObject *made = PyFunction_New(PyFunction_GET_CODE(gather->function), PyFunction_GET_GLOBALS(gather->function));
    if (made != NULL && gather->count > 0) {
        PyObject *closure = (PyObject *)r[(uint32_t)gather->sources[0].where].object;
        if (PyFunction_SetClosure(made, closure) < 0)
            Py_CLEAR(made);
        else if (gather->sources[0].kind == 'o')
            Py_DECREF(closure);
    }
    return made;
}

OP(MAKE_FUNCTION)
{
    PyObject *made = cascade_make_function(s->gathers[w->e], r);
    if (made == NULL)
        STOP(CASCADE_RAISED);
    SET(a, made);
    NEXT;
}
OP(EXPECT_FUNCTION) { if (!cascade_functions_alike(O(a), O(b))) GO(f); NEXT; }
OP(SET_CLOSURE) { if (PyFunction_SetClosure(O(a), O(b)) < 0) STOP(CASCADE_RAISED); NEXT; }

/* ---- Classes ------------------------------------------------------------------------------------------------------ */

/* Whether an object is an instance of a class; -1 where code of users decides it. */
static __attribute__((noinline)) int cascade_is_instance(PyObject *value, PyObject *class)
{
    PyTypeObject *type = Py_TYPE(value);
    if (Py_TYPE(class) != &PyType_Type)
        return -1;
    if (PyType_IsSubtype(type, (PyTypeObject *)class))
        return 1;
    return cascade_has_plain_class(type) ? 0 : -1;
}

OP(IS_INSTANCE) { int found = cascade_is_instance(O(b), O(c)); if (found < 0) GO(f); I(a) = found; NEXT; }
OP(TYPE_OF) { SET(a, Py_NewRef((PyObject *)Py_TYPE(O(b)))); NEXT; }

/* ---- Whole lists and tuples --------------------------------------------------------------------------------------- */

/* Whether an object and all in it are of classes whose operations run no code of users. */
static int cascade_is_of_plain_classes(PyObject *value, int depth)
{
    PyTypeObject *type = Py_TYPE(value);
    Py_ssize_t i;
    if (type == &PyLong_Type || type == &PyFloat_Type || type == &PyUnicode_Type || type == &PyBool_Type || value == Py_None
            || type == &PyBytes_Type || type == &PyComplex_Type)
        return 1;
    if (type != &PyTuple_Type || depth == 0)
        return 0;
    for (i = 0; i < PyTuple_GET_SIZE(value); i++)
        if (!cascade_is_of_plain_classes(cascade_tuple_items(value)[i], depth - 1))
            return 0;
    return 1;
}

/* A new reference; NULL, and no error set, where the builtin has to be called. */
static PyObject *cascade_or_call(PyObject *value)
{
    if (value == NULL)
        PyErr_Clear();
    return value;
}

/* Adds a float to a sum as the builtin does: from CPython 3.12 on with the errors of the additions (Neumaier), which stay 0 before. */
static inline void cascade_add_float(double *sum, double *errors, double x)
{
    double before = *sum, after = before + x;
#if CASCADE_SUMS_ERRORS
    *errors += fabs(before) >= fabs(x) ? (before - after) + x : (x - after) + before;
#else
    (void)errors;
#endif
    *sum = after;
}
static inline double cascade_with_errors(double sum, double errors) { return errors != 0.0 && isfinite(errors) ? sum + errors : sum; }

/* Adds floats to a sum, from an item on. */
static PyObject *cascade_sum_floats(PyObject **items, Py_ssize_t i, Py_ssize_t count, double sum)
{
    double errors = 0.0;
    for (; i < count; i++) {
        if (!PyFloat_CheckExact(items[i]))
            return NULL;
        cascade_add_float(&sum, &errors, PyFloat_AS_DOUBLE(items[i]));
    }
    return cascade_or_call(PyFloat_FromDouble(cascade_with_errors(sum, errors)));
}

/* sum() of ints, or of floats. */
static __attribute__((noinline)) PyObject *cascade_sum(PyObject *value)
{
    PyObject **items = cascade_items_of(value);
    Py_ssize_t i, count = Py_SIZE(value);
    int64_t sum = 0, x;
    for (i = 0; i < count; i++) {
        PyObject *item = items[i];
        if (PyFloat_CheckExact(item) && i == 0)
            return cascade_sum_floats(items, 1, count, 0.0 + PyFloat_AS_DOUBLE(item));
        if (!(PyLong_CheckExact(item) || PyBool_Check(item)) || cascade_int_of(item, &x) || __builtin_add_overflow(sum, x, &sum))
            return NULL;
    }
    return cascade_or_call(PyLong_FromLongLong(sum));
}

/* The first of items of one class than which none is less, or more. */
static __attribute__((noinline)) PyObject *cascade_extreme(PyObject *value, int least)
{
    PyObject **items = cascade_items_of(value), *best;
    Py_ssize_t i, count = Py_SIZE(value);
    PyTypeObject *type;
    if (count == 0)
        return NULL;
    best = items[0];
    type = Py_TYPE(best);
    if (type == &PyFloat_Type) {
        double found = PyFloat_AS_DOUBLE(best);
        for (i = 1; i < count; i++) {
            double x;
            if (!PyFloat_CheckExact(items[i]))
                return NULL;
            x = PyFloat_AS_DOUBLE(items[i]);
            if (least ? x < found : x > found) {
                found = x;
                best = items[i];
            }
        }
    }
    else if (type == &PyLong_Type) {
        int64_t found, x;
        if (cascade_int_of(best, &found))
            return NULL;
        for (i = 1; i < count; i++) {
            if (!PyLong_CheckExact(items[i]) || cascade_int_of(items[i], &x))
                return NULL;
            if (least ? x < found : x > found) {
                found = x;
                best = items[i];
            }
        }
    }
    else if (type == &PyUnicode_Type) {
        for (i = 1; i < count; i++) {
            int order;
            if (!PyUnicode_CheckExact(items[i]))
                return NULL;
            order = PyUnicode_Compare(items[i], best);
            if (least ? order < 0 : order > 0)
                best = items[i];
        }
    }
    else
        return NULL;
    return Py_NewRef(best);
}

/* Whether any item has the truth that is looked for; -1 where a class with a truth of its own comes before it. */
static __attribute__((noinline)) int cascade_any(PyObject *value, int wanted)
{
    PyObject **items = cascade_items_of(value);
    Py_ssize_t i, count = Py_SIZE(value);
    for (i = 0; i < count; i++) {
        int found = cascade_plain_truth(items[i]);
        if (found < 0)
            return -1;
        if (found == wanted)
            return 1;
    }
    return 0;
}

static __attribute__((noinline)) PyObject *cascade_sorted(PyObject *value)
{
    PyObject **items = cascade_items_of(value), *made;
    Py_ssize_t i, count = Py_SIZE(value);
    for (i = 0; i < count; i++)
        if (!cascade_is_of_plain_classes(items[i], 3))
            return NULL;
    made = PySequence_List(value);
    if (made != NULL && PyList_Sort(made) < 0)
        Py_CLEAR(made);
    return cascade_or_call(made);
}

/* A list or tuple, or the keys of a set as a list: a new reference, or NULL. */
static inline PyObject *cascade_listed(PyObject *value)
{
    return PyAnySet_CheckExact(value) ? cascade_or_call(PySequence_List(value)) : Py_NewRef(value);
}

#define WHOLE(NAME, CALL) \
    static __attribute__((noinline)) PyObject *cascade_##NAME(PyObject *value) \
    { \
        PyObject *items = cascade_listed(value), *found = items == NULL ? NULL : CALL; \
        Py_XDECREF(items); \
        return found; \
    } \
    OP(NAME) { PyObject *v = cascade_##NAME(O(b)); if (v == NULL) GO(f); SET(a, v); NEXT; }
WHOLE(SUM, cascade_sum(items)) WHOLE(LEAST, cascade_extreme(items, 1)) WHOLE(MOST, cascade_extreme(items, 0))
WHOLE(SORTED, cascade_sorted(items))

static __attribute__((noinline)) int cascade_any_of(PyObject *value, int wanted)
{
    PyObject *items = cascade_listed(value);
    int found = items == NULL ? -1 : cascade_any(items, wanted);
    Py_XDECREF(items);
    return found;
}
OP(ANY) { int found = cascade_any_of(O(b), 1); if (found < 0) GO(f); I(a) = found; NEXT; }
OP(ALL) { int found = cascade_any_of(O(b), 0); if (found < 0) GO(f); I(a) = !found; NEXT; }
OP(LIST_OF) { PyObject *v = PySequence_List(O(b)); if (v == NULL) STOP(CASCADE_RAISED); SET(a, v); NEXT; }
OP(TUPLE_OF) { PyObject *v = PySequence_Tuple(O(b)); if (v == NULL) STOP(CASCADE_RAISED); SET(a, v); NEXT; }

#include "kernel_numbers.h"
#include "kernel_partial.h"
#include "kernel_random.h"
