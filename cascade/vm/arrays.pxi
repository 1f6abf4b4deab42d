# What is known of NumPy's arrays and scalars: see vm/array_layouts.h. Included by _vm.pyx.

cdef extern from "vm/kernel.h":
    ctypedef struct NumpyArray "cascade_ndarray":
        char* data
        int dimensions
        Py_ssize_t* shape
        Py_ssize_t* strides
        PyObject* descr
        int flags
    ctypedef struct NumpyDescr "cascade_descr":
        PyTypeObject* scalar
        char byte_order
        int number
    ctypedef struct PlainArray "cascade_array":
        char* items
    void cascade_learn_scalar(int, PyObject*, PyObject*)
    void cascade_learn_numpy(PyObject*, PyObject*, PyObject*, PyObject*)
    PyObject* cascade_new_scalar(Register, int)


def array_fields(array, int dimensions):
    """Returns (address, shape, strides, number, scalar class, flags) as typed code reads them from an array of NumPy's."""
    cdef NumpyArray* found = <NumpyArray*><PyObject*>array
    cdef NumpyDescr* descr = <NumpyDescr*>found.descr
    if found.dimensions != dimensions:
        return ()
    shape = tuple([found.shape[i] for i in range(dimensions)])
    strides = tuple([found.strides[i] for i in range(dimensions)])
    return <size_t>found.data, shape, strides, descr.number, <object><PyObject*>descr.scalar, found.flags


def buffer_address(array):
    """Returns the address of the items of an array.array, as typed code reads it."""
    return <size_t>(<PlainArray*><PyObject*>array).items


def learn_numpy(array_type, descrs, scalars, bools, error_state):
    """Notes NumPy's class of arrays, and the dtypes and classes of scalars in the order of `SCALARS`."""
    for number, (descr, scalar) in enumerate(zip(descrs, scalars, strict=True)):
        cascade_learn_scalar(number, <PyObject*>descr, <PyObject*>scalar)
    cascade_learn_numpy(<PyObject*>array_type, <PyObject*>bools[0], <PyObject*>bools[1], <PyObject*>error_state)


def scalar_of(number, value):
    """Returns a scalar of NumPy's of the kind `number`, as typed code makes it."""
    cdef Register register
    if number >= 9:
        register.d = value
    else:
        register.i = value
    return take_new(cascade_new_scalar(register, number))
