# The results of a map that become an array: numbers stay as they are in registers. Included by _vm.pyx.

cdef enum:
    OBJECT_CODE = 111           # b"o": the object stands in `MapResults.objects`
    SCALAR_CODE = 65            # b"A", of the first kind of NumPy's scalars


@cython.final
cdef class MapResults:
    """The results of a map, in memory that becomes the array of them.

    Args:
        room: the greatest number of results.

    `len()` is the number of results so far.
    """

    cdef Py_ssize_t room
    cdef Py_ssize_t count
    cdef object memory                  # an array of NumPy's, of int64 or float64 as the first number; None before that
    cdef Py_buffer view                 # of it
    cdef char* codes                    # of each result: "i", "d", "b", those of NumPy's scalars from "A" on, or "o"
    cdef dict objects                   # results that are no numbers, by their positions

    def __cinit__(self, Py_ssize_t room):
        if room < 0:
            raise InternalError("no room for the results of a map")
        self.codes = <char*>PyMem_Malloc(max(room, 1))
        if self.codes == NULL:
            raise MemoryError
        self.room = room
        self.objects = {}

    def __dealloc__(self):
        PyMem_Free(self.codes)
        self.release()

    def __len__(self):
        return self.count

    cdef void release(self) noexcept:
        if self.view.buf != NULL:
            PyBuffer_Release(&self.view)
            self.view.buf = NULL

    cdef int allocate(self, char code) except -1:
        # It is the array that there will be, where all results are like the first one.
        from numpy import empty

        memory = empty(self.room, "float64" if is_float_code(code) else "int64")
        if self.memory is None:         # importing NumPy may have let other code run
            PyObject_GetBuffer(memory, &self.view, PyBUF_WRITABLE | PyBUF_C_CONTIGUOUS)
            if self.view.len != self.room * <Py_ssize_t>sizeof(Register):
                raise InternalError("NumPy's memory has another size")
            self.memory = memory
        return 0

    cdef Register* numbers(self) noexcept:
        # Returns where the numbers stand; NULL before the first one.
        return <Register*>self.view.buf

    cdef int append(self, Register value, char code) except -1:
        if self.count >= self.room:
            raise InternalError("a map has more results than items")
        if self.memory is None:
            self.allocate(code)
        self.numbers()[self.count] = value
        self.codes[self.count] = code
        self.count += 1
        return 0

    cdef int append_object(self, value) except -1:
        cdef Register number
        cdef char code = number_of(<PyObject*>value, &number)
        if code != OBJECT_CODE:
            return self.append(number, code)
        if self.count >= self.room:
            raise InternalError("a map has more results than items")
        self.objects[self.count] = value
        self.codes[self.count] = OBJECT_CODE
        self.count += 1
        return 0

    cdef int extend(self, list values) except -1:
        for value in values:
            self.append_object(value)
        return 0

    def add(self, value):
        """Appends a result that is not computed by a kernel."""
        self.append_object(value)

    def values(self):
        """Returns the results as a list."""
        cdef Py_ssize_t i
        cdef list found = []
        for i in range(self.count):
            if self.codes[i] == OBJECT_CODE:
                found.append(self.objects[i])
            else:
                found.append(take_new(cascade_boxed(self.numbers()[i], self.codes[i])))
        return found

    def samples(self):
        """Returns the first result of each kind of number, in order; None where some results are no numbers."""
        cdef Py_ssize_t i
        cdef char last = 0
        cdef list found = []
        cdef set seen = set()
        if self.objects:
            return None
        for i in range(1 if self.is_uniform() else self.count):
            if self.codes[i] != last:
                last = self.codes[i]
                if last not in seen:
                    seen.add(last)
                    found.append(take_new(cascade_boxed(self.numbers()[i], last)))
        return found

    cdef bint is_uniform(self) noexcept:
        return self.count > 0 and memcmp(self.codes, self.codes + 1, self.count - 1) == 0

    def taken(self):
        """Returns the results, which are all numbers, as an array, and keeps none: of int64, or of float64 where some are floats."""
        cdef Py_ssize_t i
        cdef Register* numbers = self.numbers()
        memory = self.memory
        if memory is None or self.objects or self.count != self.room:
            raise InternalError("the results of a map are no array of numbers")
        if not self.is_uniform():
            if not is_float_code(self.codes[0]):
                for i in range(self.count):
                    if is_float_code(self.codes[i]):
                        memory = memory.view("float64")
                        break
            if memory is not self.memory or is_float_code(self.codes[0]):
                for i in range(self.count):
                    if not is_float_code(self.codes[i]):
                        numbers[i].d = <double>numbers[i].i
        self.release()
        self.memory = None
        self.room = self.count = 0
        return memory


cdef inline bint is_float_code(char code) noexcept:
    return code == b"d" or code == b"J" or code == b"K"


cdef char number_of(PyObject* value, Register* number) noexcept:
    # Unboxes a number of Python's or NumPy's, and returns its code; OBJECT_CODE for any other object, and for what a register cannot hold.
    cdef PyTypeObject* kind = type_of(value)
    cdef char code = code_of(kind)
    cdef int element
    if code == b"i" or code == b"d" or code == b"b":
        return code if read_one(code, value, number) else OBJECT_CODE
    if numpy_is_known:
        for element in range(SCALAR_COUNT):
            if cascade_scalar_types[element] == kind:
                return OBJECT_CODE if cascade_read_scalar(value, element, number) else <char>(SCALAR_CODE + element)
    return OBJECT_CODE
