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
    PyObject* cascade_scalar_at(const char*, int)
    int cascade_read_scalar(PyObject*, int, Register*) noexcept
    int cascade_read(const char*, int, Register*) noexcept nogil
    bint cascade_holds(const NumpyArray*, int) noexcept
    const int cascade_sizes[11]
    PyTypeObject* cascade_array_type
    PyTypeObject* cascade_scalar_types[11]


cdef int check_class(value, str module, str name) except -1:
    # The layout of an object is read, so it must be an instance of that very class.
    known = modules.get(module)
    if known is None or type(value) is not getattr(known, name, None):
        raise TypeError(f"expected a {module}.{name}, got an instance of {type(value).__name__}")
    return 0


cdef enum:
    SCALAR_COUNT = 11

cdef bint numpy_is_known = False


def array_fields(array, int dimensions):
    """Returns (address, shape, strides, number, scalar class, flags) as typed code reads them from an array of NumPy's."""
    check_class(array, "numpy", "ndarray")
    cdef NumpyArray* found = <NumpyArray*><PyObject*>array
    cdef NumpyDescr* descr = <NumpyDescr*>found.descr
    if found.dimensions != dimensions:
        return ()
    shape = tuple([found.shape[i] for i in range(dimensions)])
    strides = tuple([found.strides[i] for i in range(dimensions)])
    return <size_t>found.data, shape, strides, descr.number, <object><PyObject*>descr.scalar, found.flags


def buffer_address(array):
    """Returns the address of the items of an array.array, as typed code reads it."""
    check_class(array, "array", "array")
    return <size_t>(<PlainArray*><PyObject*>array).items


def learn_numpy(array_type, descrs, scalars, bools, error_state):
    """Notes NumPy's class of arrays, and the dtypes and classes of scalars in the order of `SCALARS`."""
    global numpy_is_known
    numpy = modules.get("numpy")
    descrs, scalars, bools = tuple(descrs), tuple(scalars), tuple(bools)
    if numpy is None or array_type is not numpy.ndarray or len(bools) != 2 or len(scalars) != SCALAR_COUNT:
        raise TypeError("expected NumPy's class of arrays, and its dtypes and classes of scalars")
    if not all([isinstance(descr, numpy.dtype) for descr in descrs]) or not all([isinstance(scalar, type) for scalar in scalars]):
        raise TypeError("expected dtypes and classes")
    for number, (descr, scalar) in enumerate(zip(descrs, scalars, strict=True)):
        cascade_learn_scalar(number, <PyObject*>descr, <PyObject*>scalar)
    cascade_learn_numpy(<PyObject*>array_type, <PyObject*>bools[0], <PyObject*>bools[1], <PyObject*>error_state)
    numpy_is_known = True


def scalar_of(number, value):
    """Returns a scalar of NumPy's of the kind `number`, as typed code makes it."""
    cdef Register register
    if not numpy_is_known or type(number) is not int or not 0 <= number < SCALAR_COUNT:
        raise TypeError("expected the number of a kind of NumPy's scalars, which are known")
    if number >= 9:
        register.d = value
    else:
        register.i = value
    return take_new(cascade_new_scalar(register, number))
