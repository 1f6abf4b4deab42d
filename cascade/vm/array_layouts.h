/* The fields of NumPy's arrays and scalars and of array.array, which are read without NumPy's headers. Included by kernel.h.
 *
 * NumPy documents PyArrayObject, PyArray_Descr and the scalars' structs as parts of its stable C-API; `learn_numpy` of _vm.pyx fills
 * the tables, and cascade/kernels/blocks/numpy_types.py compares what is read here with what NumPy says, before any array is used.
 * array.array has no such documentation: its fields are compared with those of an array that was made for it. */

#ifndef CASCADE_ARRAY_LAYOUTS_H
#define CASCADE_ARRAY_LAYOUTS_H

#include <string.h>

typedef struct {
    PyObject_HEAD
    char *data;
    int dimensions;
    Py_ssize_t *shape;
    Py_ssize_t *strides;
    PyObject *base;
    PyObject *descr;
    int flags;
} cascade_ndarray;

typedef struct {
    PyObject_HEAD
    PyTypeObject *scalar;
    char kind, code, byte_order, former_flags;
    int number;
} cascade_descr;

typedef struct {
    PyObject_VAR_HEAD
    char *items;
    Py_ssize_t allocated;
    const struct { char code; int size; } *descr;
} cascade_array;

#define CASCADE_WRITEABLE 0x0400
#define CASCADE_WARNS_ON_WRITE ((int)0x80000000)

/* Kinds of items, in the order of SCALARS in cascade/kernels/blocks/values.py. */
enum { CASCADE_BOOL, CASCADE_INT8, CASCADE_UINT8, CASCADE_INT16, CASCADE_UINT16, CASCADE_INT32, CASCADE_UINT32, CASCADE_INT64,
    CASCADE_UINT64, CASCADE_FLOAT32, CASCADE_FLOAT64, CASCADE_ELEMENTS };
static const int cascade_sizes[CASCADE_ELEMENTS] = {1, 1, 1, 2, 2, 4, 4, 8, 8, 4, 8};

/* What is known of NumPy once an instance of its classes has been met. All are held for ever. */
static PyTypeObject *cascade_array_type = NULL;
static PyTypeObject *cascade_scalar_types[CASCADE_ELEMENTS];
static PyObject *cascade_descrs[CASCADE_ELEMENTS];
static PyObject *cascade_numpy_bools[2];
static PyObject *cascade_error_state = NULL;    /* a function that returns how NumPy treats floating-point errors, as a dict */

static __attribute__((noinline)) int cascade_is_like(const PyObject *descr, int element)
{
    const cascade_descr *found = (const cascade_descr *)descr, *known = (const cascade_descr *)cascade_descrs[element];
    return found->number == known->number && found->byte_order == known->byte_order && found->scalar == known->scalar;
}

/* Whether an array's items are of a kind, in native byte order. Arrays from pickles have descriptors of their own. */
static inline int cascade_holds(const cascade_ndarray *array, int element)
{
    return array->descr == cascade_descrs[element] || cascade_is_like(array->descr, element);
}

static inline int cascade_may_write(const cascade_ndarray *array)
{
    return (array->flags & (CASCADE_WRITEABLE | CASCADE_WARNS_ON_WRITE)) == CASCADE_WRITEABLE;
}

static inline int cascade_signals(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, 4);
    return value != value && !(bits & 0x00400000);
}

/* Reads an item into a register; returns 1 where a register cannot hold it: a signalling NaN would become a quiet one. */
#define CASCADE_READ_INT(type) { type v; memcpy(&v, at, sizeof v); value->i = (int64_t)v; return 0; }
static inline __attribute__((always_inline)) int cascade_read(const char *at, int element, cascade_register *value)
{
    switch (element) {
    case CASCADE_BOOL: value->i = *at != 0; return 0;
    case CASCADE_INT8: CASCADE_READ_INT(int8_t)
    case CASCADE_UINT8: CASCADE_READ_INT(uint8_t)
    case CASCADE_INT16: CASCADE_READ_INT(int16_t)
    case CASCADE_UINT16: CASCADE_READ_INT(uint16_t)
    case CASCADE_INT32: CASCADE_READ_INT(int32_t)
    case CASCADE_UINT32: CASCADE_READ_INT(uint32_t)
    case CASCADE_INT64: CASCADE_READ_INT(int64_t)
    case CASCADE_UINT64: { uint64_t v; memcpy(&v, at, 8); value->i = (int64_t)v; return v > INT64_MAX; }
    case CASCADE_FLOAT32: { float v; memcpy(&v, at, 4); value->d = (double)v; return cascade_signals(v); }
    default: memcpy(value, at, 8); return 0;
    }
}

/* Whether NumPy does not ignore an underflow. A dict is made for it: no finalizer may run meanwhile. */
static __attribute__((noinline)) int cascade_underflow_warns(void)
{
    int ignored, collects = PyGC_Disable();
    PyObject *state = PyObject_CallNoArgs(cascade_error_state), *found;
    if (collects)
        PyGC_Enable();
    if (state == NULL) {
        PyErr_Clear();
        return 1;
    }
    found = PyDict_Check(state) ? PyDict_GetItemString(state, "under") : NULL;
    ignored = found != NULL && PyUnicode_CheckExact(found) && PyUnicode_CompareWithASCIIString(found, "ignore") == 0;
    Py_DECREF(state);
    return !ignored;
}

/* Rounds to single precision; returns 1 where NumPy would warn, or for a NaN that signals. */
static inline __attribute__((always_inline)) int cascade_narrow(double value, float *result)
{
    uint64_t bits;
    *result = (float)value;
    if (value != value) {
        memcpy(&bits, &value, 8);
        return !(bits & 0x0008000000000000);
    }
    if (fabsf(*result) <= 1.17549435e-38f && (double)*result != value)
        return cascade_error_state != NULL && cascade_underflow_warns();
    return isinf(*result) && !isinf(value);
}

/* Writes an item; returns 1, and writes nothing, where it does not fit. */
#define CASCADE_WRITE_INT(type) { type v = (type)value.i; if ((int64_t)v != value.i) return 1; memcpy(at, &v, sizeof v); return 0; }
static inline __attribute__((always_inline)) int cascade_write(char *at, int element, cascade_register value)
{
    switch (element) {
    case CASCADE_BOOL: *at = value.i != 0; return 0;
    case CASCADE_INT8: CASCADE_WRITE_INT(int8_t)
    case CASCADE_UINT8: CASCADE_WRITE_INT(uint8_t)
    case CASCADE_INT16: CASCADE_WRITE_INT(int16_t)
    case CASCADE_UINT16: CASCADE_WRITE_INT(uint16_t)
    case CASCADE_INT32: CASCADE_WRITE_INT(int32_t)
    case CASCADE_UINT32: CASCADE_WRITE_INT(uint32_t)
    case CASCADE_UINT64: if (value.i < 0) return 1; memcpy(at, &value, 8); return 0;
    case CASCADE_FLOAT32: { float v; if (cascade_narrow(value.d, &v)) return 1; memcpy(at, &v, 4); return 0; }
    default: memcpy(at, &value, 8); return 0;
    }
}

/* Returns a new scalar of NumPy's with the bits of a register. */
static __attribute__((noinline)) PyObject *cascade_new_scalar(cascade_register value, int element)
{
    PyTypeObject *type = cascade_scalar_types[element];
    PyObject *made;
    char *target;
    if (element == CASCADE_BOOL)
        return Py_NewRef(cascade_numpy_bools[value.i != 0]);
    made = type->tp_alloc(type, 0);
    if (made == NULL)
        return NULL;
    target = (char *)made + sizeof(PyObject);
    cascade_write(target, element, value);
    return made;
}

/* Returns a new scalar with the very bits of an item. */
static PyObject *cascade_scalar_at(const char *at, int element)
{
    PyObject *made;
    if (element == CASCADE_BOOL)
        return Py_NewRef(cascade_numpy_bools[*at != 0]);
    made = cascade_scalar_types[element]->tp_alloc(cascade_scalar_types[element], 0);
    if (made != NULL)
        memcpy((char *)made + sizeof(PyObject), at, (size_t)cascade_sizes[element]);
    return made;
}

/* Reads a scalar of that kind; returns 1 where a register cannot hold it. */
static int cascade_read_scalar(PyObject *value, int element, cascade_register *result)
{
    return cascade_read((const char *)value + sizeof(PyObject), element, result);
}

/* ---- What _vm.pyx needs ------------------------------------------------------------------------------------------- */

static void cascade_learn_scalar(int element, PyObject *descr, PyObject *type)
{
    cascade_descrs[element] = Py_NewRef(descr);
    cascade_scalar_types[element] = (PyTypeObject *)Py_NewRef(type);
}

static void cascade_learn_numpy(PyObject *array_type, PyObject *false_, PyObject *true_, PyObject *error_state)
{
    cascade_numpy_bools[0] = Py_NewRef(false_);
    cascade_numpy_bools[1] = Py_NewRef(true_);
    cascade_error_state = Py_NewRef(error_state);
    cascade_array_type = (PyTypeObject *)Py_NewRef(array_type);
}

#endif
