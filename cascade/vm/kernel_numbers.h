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

/* Complex numbers that nobody holds any more, for the next results: allocating and freeing them costs more than a product. */
enum { CASCADE_SPARE_COMPLEX = 8 };
static PyObject *cascade_spare_complex[CASCADE_SPARE_COMPLEX];
static int cascade_spare_complex_count;

static inline PyObject *cascade_new_complex(double real, double imag)
{
    PyObject *made;
    if (cascade_spare_complex_count == 0)
        return PyComplex_FromDoubles(real, imag);
    made = cascade_spare_complex[--cascade_spare_complex_count];
    ((PyComplexObject *)made)->cval.real = real;
    ((PyComplexObject *)made)->cval.imag = imag;
    return made;
}

static inline void cascade_release_complex(PyObject *value)
{
    if (Py_REFCNT(value) == 1 && PyComplex_CheckExact(value) && cascade_spare_complex_count < CASCADE_SPARE_COMPLEX)
        cascade_spare_complex[cascade_spare_complex_count++] = value;
    else
        Py_DECREF(value);
}

OP(RELEASE_COMPLEX) { cascade_release_complex(O(a)); NEXT; }

/* Keeps the two parts from being loaded or stored at once: a load of 16 bytes waits for two stores of 8 bytes before it. */
#if defined(__GNUC__) && defined(__x86_64__)
#define CASCADE_APART(x) __asm__("" : "+x"(x))
#else
#define CASCADE_APART(x) (void)(x)
#endif

/* Where a number is no complex one, it is made one first: so do CPython 3.11 to 3.13. Of a NaN, CPython's own function decides the sign. */
#define COMPLEX_OF(NAME, FUNCTION, REAL, IMAG) \
    static __attribute__((noinline)) PyObject *cascade_complex_##NAME(PyObject *left, PyObject *right) \
    { \
        Py_complex x, y; \
        if (cascade_complex_of(left, &x) || cascade_complex_of(right, &y)) \
            return NULL; \
        x = FUNCTION(x, y); \
        return cascade_new_complex(x.real, x.imag); \
    } \
    OP(COMPLEX_##NAME) \
    { \
        PyObject *left = O(b), *right = O(c), *made; \
        if (PyComplex_CheckExact(left) && PyComplex_CheckExact(right)) { \
            double a = ((PyComplexObject *)left)->cval.real, b = ((PyComplexObject *)left)->cval.imag, real; \
            double c = ((PyComplexObject *)right)->cval.real, d = ((PyComplexObject *)right)->cval.imag, imag; \
            CASCADE_APART(a); CASCADE_APART(b); CASCADE_APART(c); CASCADE_APART(d); \
            real = REAL; \
            imag = IMAG; \
            CASCADE_APART(real); CASCADE_APART(imag); \
            made = real == real && imag == imag ? cascade_new_complex(real, imag) : cascade_complex_##NAME(left, right); \
        } \
        else \
            made = cascade_complex_##NAME(left, right); \
        if (made == NULL) { \
            PyErr_Clear(); \
            EXIT; \
        } \
        SET(a, made); \
        NEXT; \
    }
COMPLEX_OF(ADD, _Py_c_sum, a + c, b + d)
COMPLEX_OF(SUB, _Py_c_diff, a - c, b - d)
COMPLEX_OF(MUL, _Py_c_prod, a * c - b * d, a * d + b * c)

static __attribute__((noinline)) int cascade_complex_abs(PyObject *value, cascade_register *result)
{
    errno = 0;
    result->d = cascade_absolute(value);
    return errno == ERANGE;
}

OP(COMPLEX_ABS) { if (cascade_complex_abs(O(b), &r[(uint32_t)w->a])) EXIT; NEXT; }
OP(COMPLEX_REAL) { D(a) = ((PyComplexObject *)O(b))->cval.real; NEXT; }
OP(COMPLEX_IMAG) { D(a) = ((PyComplexObject *)O(b))->cval.imag; NEXT; }
OP(COMPLEX) { PyObject *v = cascade_new_complex(D(b), D(c)); if (v == NULL) STOP(CASCADE_RAISED); SET(a, v); NEXT; }

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

/* Where it raises, CPython does it again: the message depends on whether it is an augmented assignment. */
OP(OPERATE)
{
    PyObject *v = cascade_operate(O(b), O(c), w->e);
    if (v == NULL) {
        PyErr_Clear();
        EXIT;
    }
    SET(a, v);
    NEXT;
}

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
