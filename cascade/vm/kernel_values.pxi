# Kernels: values are unboxed into registers, and boxed again. Included by _vm.pyx.

cdef inline bint read_one(char kind, PyObject* value, Register* register) noexcept:
    # Unboxes a value of the type that is `kind`; False where an int does not fit.
    cdef int overflow = 0
    if kind == b"i":
        if cascade_is_short_int(value):
            register.i = cascade_short_int(value)
            return True
        register.i = PyLong_AsLongLongAndOverflow(value, &overflow)
        return overflow == 0
    if kind == b"d":
        register.d = PyFloat_AS_DOUBLE(value)
    elif kind == b"b":
        register.i = value == True_
    elif kind == b"o":
        register.object = value
    return True


cdef inline bint fill_one(char kind, PyObject* value, Register* register) noexcept:
    # The same for a value that others hold: False for a NaN as well. It is equal to nothing, so that containers know it by its identity,
    # which no register has.
    return read_one(kind, value, register) and not (kind == b"d" and register.d != register.d)


cdef bint fill(Kernel kernel, PyObject** values, Register* registers) except -1:
    # Unboxes the arguments into the registers; False where one does not fit.
    cdef Py_ssize_t i
    memcpy(registers, kernel.image, kernel.register_count * sizeof(Register))
    for i in range(kernel.count):
        if not fill_one(kernel.types[i], values[i], &registers[i]):
            return False
        if kernel.hands_on and kernel.types[i] == b"o" and search_handed_on(<object>values[i], NULL):
            return False
    return True


cdef PyObject* new_boxed(Register value, char kind) noexcept:
    # Returns a new reference; NULL where memory is exhausted.
    cdef PyObject* found
    if kind == b"d":
        return new_float(value.d)
    if kind == b"i":
        return new_int(value.i)
    found = <PyObject*>value.object
    if kind == b"b":
        found = True_ if value.i != 0 else False_
    elif kind == b"n":
        found = None_
    incref(found)
    return found


cdef bint unboxed(PyObject* value, char kind, Register* register) noexcept:
    # Unboxes a value; returns False, and writes nothing, where the register cannot hold it.
    cdef Register found
    if kind not in (b"i", b"d", b"b") or code_of(type_of(value)) != kind or not read_one(kind, value, &found):
        return False
    register[0] = found
    return True


cdef object boxed(Register value, char kind):
    if kind == b"i":
        return PyLong_FromLongLong(value.i)
    if kind == b"d":
        return value.d
    if kind == b"b":
        return value.i != 0
    if kind == b"o":
        return <object><PyObject*>value.object
    if kind == b"c":
        return chr(value.i)
    return None


cdef object returned_by(TypedState* state):
    # Returns the value after TYPED_RETURNED.
    return returned(state.word, state.registers[state.word.a])


cdef inline object returned(const TypedWord* word, Register value):
    # Returns the value that a RETURN instruction returned.
    if word.run == HANDLERS[<int>KERNEL_RETURN_INT]:
        return PyLong_FromLongLong(value.i)
    if word.run == HANDLERS[<int>KERNEL_RETURN_FLOAT]:
        return value.d
    if word.run == HANDLERS[<int>KERNEL_RETURN_BOOL]:
        return value.i != 0
    return <object><PyObject*>value.object
