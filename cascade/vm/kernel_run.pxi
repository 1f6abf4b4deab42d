# Kernels: memory for registers and calls, running typed code, call-outs. Included by _vm.pyx.

cdef int make_room(Typed* typed, Py_ssize_t room) except -1:
    # Allocates memory for at least `room` registers, which keep their contents.
    cdef Py_ssize_t offset = 0
    cdef Register* memory
    if typed.memory != NULL and typed.state.registers != NULL:
        offset = typed.state.registers - typed.memory
    if room < FIRST_ROOM:
        room = FIRST_ROOM
    memory = <Register*>PyMem_Realloc(typed.memory, room * sizeof(Register))
    if memory == NULL:
        raise MemoryError
    typed.memory = memory
    typed.room = room
    typed.state.registers = memory + offset
    typed.state.end = memory + room
    return 0


cdef Typed* start_typed(Typed* typed, Kernel kernel, PyObject** values, bint* fits) except NULL:
    # Prepares the state for a run of a kernel; `fits` is False where an argument has no register.
    if typed == NULL:
        typed = <Typed*>PyMem_Calloc(1, sizeof(Typed))
        if typed == NULL:
            raise MemoryError
    if typed.room < kernel.register_count:
        typed.state.registers = NULL
        make_room(typed, kernel.register_count)
    fits[0] = fill(kernel, values, typed.memory)
    typed.state.registers = typed.memory
    typed.state.word = kernel.words
    typed.state.depth = 0
    typed.state.deferred = 0
    typed.state.steps = 0
    typed.begun = NOT_TIMED
    return typed


cdef bint enter_kernel(Frame frame, Kernel kernel) except -1:
    # Returns False where an argument has no register.
    cdef bint fits = False
    frame.typed = start_typed(frame.typed, kernel, frame.values, &fits)
    if fits:
        frame.kernel = kernel
        kernel.entries += 1
    return fits


cdef bint fill_spare(Machine machine, Kernel kernel, PyObject** values) except -1:
    cdef bint fits = False
    machine.spare = start_typed(machine.spare, kernel, values, &fits)
    return fits


cdef void free_typed(Typed* typed) noexcept:
    if typed != NULL:
        PyMem_Free(typed.memory)
        PyMem_Free(typed.state.calls)
        PyMem_Free(typed)


cdef void count_exit(Kernel kernel, TypedState* state) noexcept:
    kernel.exit_count += 1
    kernel.exits_at[state.word - kernel.words] += 1
    # A kernel that keeps exiting costs more than it gains.
    doubt(kernel)
    if kernel.exit_count < EXITS:
        return
    if kernel.work < WORK * kernel.exit_count or kernel.lost > kernel.work * kernel.gain:
        kernel.retired = True


cdef void count_loss(Kernel kernel, double begun, double seconds, bint resumed) noexcept:
    # Adds the cost of an exit: the time around CPython's part, and a fraction of that, if it continued a loop.
    kernel.lost += min(cascade_clock() - begun - seconds, EXIT_COST)
    if resumed:
        kernel.lost += RESUMED_COST * seconds


cdef inline void count_work(Kernel kernel, int64_t work) noexcept:
    # Back edges that have been taken, and items of maps.
    kernel.work += work
    if kernel.work >= kernel.machine_at:
        make_machine_code_of(kernel)


cdef int run_kernel(Kernel kernel, Typed* typed, int64_t limit) except -1:
    # Runs until it returns, exits, or is out of fuel or steps.
    cdef TypedState* state = &typed.state
    cdef int64_t given = SHORT_FUEL
    cdef Py_ssize_t called_out = 0
    state.fuel = SHORT_FUEL
    state.limit = limit
    state.depth_limit = state.depth + cascade_depth_left() - 8
    cascade_run(state)
    while True:
        if state.outcome == TYPED_OUT_OF_FUEL:
            count_work(kernel, given)
            if given != SHORT_FUEL:
                break
            given = state.fuel = kernel.long_fuel
            with nogil:
                cascade_run(state)
        elif state.outcome == TYPED_CALLS_OUT and called_out < CALL_OUT_LIMIT:
            called_out += 1
            if not call_out(kernel, state):
                state.outcome = TYPED_EXITED
                break
            state.word += 1
            cascade_run(state)
        elif state.outcome == TYPED_FULL:
            make_more_room(typed)
            cascade_run(state)
        else:
            if state.outcome == TYPED_CALLS_OUT:
                state.outcome = TYPED_OUT_OF_FUEL
            count_work(kernel, given - state.fuel)
            break
    if called_out != 0:
        doubt(kernel)
    return state.outcome


cdef int run_shortly(Kernel kernel, Typed* typed) except -1:
    # As `run_kernel`, for a moment: a call that has been started without a frame of its own.
    cdef TypedState* state = &typed.state
    cdef Py_ssize_t called_out = 0
    state.fuel = SHORT_FUEL
    state.limit = INT64_MAX
    state.depth_limit = cascade_depth_left() - 8
    cascade_run(state)
    while state.outcome == TYPED_CALLS_OUT and called_out < CALL_OUT_LIMIT:
        called_out += 1
        if not call_out(kernel, state):
            state.outcome = TYPED_EXITED
            break
        state.word += 1
        cascade_run(state)
    count_work(kernel, SHORT_FUEL - state.fuel)
    if called_out != 0:
        doubt(kernel)
    return state.outcome


@cython.final
cdef class ProfiledRun:
    """Runs a frame's kernel, once: a profiler may keep a reference to it."""
    cdef Frame frame
    cdef int64_t limit

    def __call__(self):
        cdef Frame frame = self.frame
        if frame is None:
            raise InternalError("this run of typed code is over")
        self.frame = None
        if not frame.kernel.guards_hold():
            frame.typed.state.outcome = TYPED_OUT_OF_FUEL       # the profiler changed a name: the next resumption exits
            return TYPED_OUT_OF_FUEL
        return run_kernel(frame.kernel, frame.typed, self.limit)


cdef int run_profiled(Frame frame, int64_t limit) except -1:
    # A run that yields is seen as several calls, as a coroutine is.
    cdef ProfiledRun run = ProfiledRun.__new__(ProfiledRun)
    run.frame = frame
    run.limit = limit
    return frame.kernel.call_profiled(run)


cdef int make_more_room(Typed* typed) except -1:
    cdef TypedState* state = &typed.state
    cdef int64_t room
    cdef TypedCall* calls
    if state.depth >= state.depth_room:
        room = max(64, 2 * state.depth_room)
        calls = <TypedCall*>PyMem_Realloc(state.calls, room * sizeof(TypedCall))
        if calls == NULL:
            raise MemoryError
        state.calls = calls
        state.depth_room = room
    return make_room(typed, 2 * typed.room + REGISTER_ROOM)


cdef enum:
    REGISTER_ROOM = 10000       # more than any function has


cdef bint call_out(Kernel kernel, TypedState* state) except -1:
    # Calls a function of Python's that has no effect; returns False where it raises, or its result has no register.
    cdef CallOut* entry = &kernel.call_outs[state.word.e]
    cdef Register* arguments = state.registers + state.word.b
    cdef PyObject* values[CALL_OUT_ROOM]
    cdef PyObject* result = NULL
    cdef Py_ssize_t i, made = 0
    cdef bint fits = False
    if entry.function == NULL:
        raise InternalError("typed code calls out to something that is no call-out")
    if entry.measures:
        return measure(<PyObject*>arguments[0].object, &state.registers[state.word.a])
    values[0] = NULL
    for i in range(entry.count):
        if entry.types[i] == b"o" and not holds_plain_numbers(<PyObject*>arguments[i].object):
            break       # the function might run code of users
        values[i] = new_boxed(arguments[i], entry.types[i])
        if values[i] == NULL:
            break
        made += 1
    if made == entry.count:
        result = called_with_groups(entry, values) if entry.groups_values else called_with(entry, values)
    for i in range(made):
        decref(values[i])
    if result != NULL:
        fits = unboxed_number(result, state) if state.word.run == HANDLERS[<int>KERNEL_CALL_OUT_NUMBER] else \
            unboxed(result, entry.result, &state.registers[state.word.a])
        decref(result)
    elif PyErr_Occurred() != NULL:
        if not PyErr_ExceptionMatches(Exception):
            raise_set()
        PyErr_Clear()
    return fits


cdef inline PyObject* called_with(CallOut* entry, PyObject** arguments) noexcept:
    return PyObject_Vectorcall(entry.function, arguments, entry.argument_count - entry.named, entry.names)


cdef PyObject* called_with_groups(CallOut* entry, PyObject** values) noexcept:
    # Some of the arguments are tuples of values.
    cdef PyObject* arguments[CALL_OUT_ROOM]
    cdef PyObject* result = NULL
    cdef Py_ssize_t i, j, at = 0, made = 0
    for i in range(entry.argument_count):
        if entry.groups[i] < 0:
            arguments[i] = values[at]
            incref(arguments[i])
            at += 1
        else:
            arguments[i] = cascade_tuple_of(&values[at], entry.groups[i])
            if arguments[i] == NULL:
                break
            at += entry.groups[i]
        made += 1
    if made == entry.argument_count:
        result = called_with(entry, arguments)
    for i in range(made):
        decref(arguments[i])
    return result


cdef bint holds_plain_numbers(PyObject* value) noexcept:
    # Returns whether it is a plain float, int or bool, or a list, tuple or range of them: these run no code of users.
    cdef PyObject** items
    if type_of(value) == <PyTypeObject*>list:
        items = cascade_list_items(value)
    elif cascade_is_plain_tuple(value):
        items = cascade_tuple_items(value)
    else:
        return type_of(value) == <PyTypeObject*>range or code_of(type_of(value)) in (b"d", b"i", b"b")
    return cascade_plain_numbers(items, Py_SIZE(value))


cdef bint unboxed_number(PyObject* result, TypedState* state) noexcept:
    # CALL_OUT_NUMBER: stores a float in register a or an int in register c, and which of them in register d.
    cdef Register* registers = state.registers
    registers[state.word.d].i = code_of(type_of(result)) == b"i"
    if registers[state.word.d].i:
        return unboxed(result, b"i", &registers[state.word.c])
    return unboxed(result, b"d", &registers[state.word.a])


cdef bint measure(PyObject* value, Register* register) noexcept:
    # As `length`, without a call for the most common types.
    if type_of(value) == <PyTypeObject*>str:
        register.i = PyUnicode_GET_LENGTH(value)
    elif type_of(value) == <PyTypeObject*>list or type_of(value) == <PyTypeObject*>tuple or type_of(value) == <PyTypeObject*>bytes:
        register.i = Py_SIZE(value)
    else:
        try:
            register.i = length(<object>value)
        except TypeError:
            return False
    return True
