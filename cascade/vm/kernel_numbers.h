/* Handlers of numbers that are objects: complex, and ints of any size: see cascade/kernels/blocks/number_objects.py. Included by kernel.h.
 * The classes of both operands are exactly int, float, bool or complex, so no code of users runs.
 */

/* The value of any of these classes as a complex number; 1 where an int has no float. */
static inline int cascade_complex_of(PyObject *value, Py_complex *result)
{
    if (PyComplex_CheckExact(value)) {
        *result = ((PyComplexObject *)value)->cval;
        return 0;
    }
    result->imag = 0.0;
    if (PyFloat_CheckExact(value)) {
        result->real = PyFloat_AS_DOUBLE(value);
        return 0;
    }
    result->real = PyLong_AsDouble(value);
    if (result->real == -1.0 && PyErr_Occurred()) {
        PyErr_Clear();
        return 1;
    }
    return 0;
}

/* A complex number in place of an object, whose reference is passed on: in its memory, if nobody else holds it. NULL with an error set. */
static inline PyObject *cascade_complex_in(PyObject *old, Py_complex value)
{
    PyObject *made;
    if (Py_REFCNT(old) == 1 && PyComplex_CheckExact(old)) {
        ((PyComplexObject *)old)->cval = value;
        return old;
    }
    made = PyComplex_FromCComplex(value);
    if (made != NULL)
        Py_DECREF(old);
    return made;
}

/* a = b op c; the object of `into`, b or c or a new one, is used again for the result. NULL, and no error set, for an exit. */
#define COMPLEX_OF(NAME, FUNCTION) \
    static __attribute__((noinline)) PyObject *cascade_complex_##NAME(PyObject *left, PyObject *right, int into) \
    { \
        Py_complex x, y; \
        if (cascade_complex_of(left, &x) || cascade_complex_of(right, &y)) \
            return NULL; \
        x = FUNCTION(x, y); \
        left = into == 0 ? PyComplex_FromCComplex(x) : cascade_complex_in(into == 1 ? left : right, x); \
        if (left == NULL) \
            PyErr_Clear(); \
        return left; \
    } \
    OP(COMPLEX_##NAME) \
    { PyObject *v = cascade_complex_##NAME(O(b), O(c), w->e); if (v == NULL) EXIT; SET(a, v); NEXT; }
COMPLEX_OF(ADD, _Py_c_sum) COMPLEX_OF(SUB, _Py_c_diff) COMPLEX_OF(MUL, _Py_c_prod)

static __attribute__((noinline)) int cascade_complex_abs(PyObject *value, cascade_register *result)
{
    errno = 0;
    result->d = _Py_c_abs(((PyComplexObject *)value)->cval);
    return errno == ERANGE;
}

OP(COMPLEX_ABS) { if (cascade_complex_abs(O(b), &r[(uint32_t)w->a])) EXIT; NEXT; }
OP(COMPLEX_REAL) { D(a) = ((PyComplexObject *)O(b))->cval.real; NEXT; }
OP(COMPLEX_IMAG) { D(a) = ((PyComplexObject *)O(b))->cval.imag; NEXT; }
OP(COMPLEX) { PyObject *v = PyComplex_FromDoubles(D(b), D(c)); if (v == NULL) STOP(CASCADE_RAISED); SET(a, v); NEXT; }

/* ---- Any operator ------------------------------------------------------------------------------------------------- */

static PyObject *cascade_power_of(PyObject *left, PyObject *right) { return PyNumber_Power(left, right, Py_None); }

/* In the order of OPERATORS of cascade/kernels/blocks/number_objects.py. */
static __attribute__((noinline)) PyObject *cascade_operate(PyObject *left, PyObject *right, int number)
{
    static const binaryfunc operators[] = {
        PyNumber_Add, PyNumber_And, PyNumber_FloorDivide, PyNumber_Lshift, PyNumber_Multiply, PyNumber_Remainder, PyNumber_Or,
        cascade_power_of, PyNumber_Rshift, PyNumber_Subtract, PyNumber_TrueDivide, PyNumber_Xor,
    };
    return operators[number](left, right);
}

OP(OPERATE) { PyObject *v = cascade_operate(O(b), O(c), w->e); if (v == NULL) STOP(CASCADE_RAISED); SET(a, v); NEXT; }

/* A comparison of numbers: -1 with an error set. */
static __attribute__((noinline)) int cascade_compare_numbers(PyObject *left, PyObject *right, int sign)
{
    PyObject *found = PyObject_RichCompare(left, right, sign);
    int result = found == NULL ? -1 : found == Py_True;
    Py_XDECREF(found);
    return result;
}

OP(COMPARE_NUMBERS)
{
    int found = cascade_compare_numbers(O(b), O(c), w->e);
    if (found < 0)
        STOP(CASCADE_RAISED);
    I(a) = found;
    NEXT;
}
OP(NEGATE_OBJECT) { PyObject *v = PyNumber_Negative(O(b)); if (v == NULL) STOP(CASCADE_RAISED); SET(a, v); NEXT; }
