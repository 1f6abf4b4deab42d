# Kernels made block by block: entering them, running them, calls of functions by their kernels, growth. Included by _vm.pyx.

cdef PyObject* run_blocks(BlockKernel kernel, PyObject** arguments, Py_ssize_t count, PyObject* given=NULL) noexcept:
    # Calls a function by its kernel. Returns a new reference, or NULL with the exception set. The reference `given` is passed on: if it is
    # that of an argument, only the function holds that.
    cdef bint fits = True
    cdef TypedState* state = NULL
    cdef PyTypeObject* types[PARAMETER_LIMIT]
    cdef Py_ssize_t word = -1, i
    cdef PyObject* result
    for i in range(count):
        types[i] = type_of_argument(arguments[i])
        fits &= (kernel.callee.compared >> i & 1) == 0 or not cascade_is_copied(type_of(arguments[i]))
    try:
        if fits and not kernel.callee.stale:
            word = kernel.entry_for(types, count)
            if word >= 0:
                Py_EnterRecursiveCall(" while calling a Python object")
    except BaseException as error:
        set_error(error)
        xdecref(given)
        return NULL
    if word >= 0:
        state = start_blocks(kernel, word)
        if state == NULL:
            Py_LeaveRecursiveCall()
    if state == NULL:
        result = call_whole(kernel, arguments)
        xdecref(given)
        return result
    for i in range(count):
        fill_argument(types[i], arguments[i], &state.registers[i])
    xdecref(given)
    cascade_run_frames(state)
    result = after_stop(state)
    end_blocks(kernel, state)
    Py_LeaveRecursiveCall()
    return result


cdef PyObject* call_whole(BlockKernel kernel, PyObject** arguments) noexcept:
    # Has CPython call the function, with a value for each parameter.
    cdef Py_ssize_t number = kernel.positional + PyTuple_GET_SIZE(kernel.keywords)
    cdef tuple args
    cdef dict named
    if number == kernel.parameter_count:
        return PyObject_Vectorcall(<PyObject*>kernel.function, arguments, kernel.positional, <PyObject*>kernel.keywords if number > kernel.positional else NULL)
    try:
        args = tuple([<object>arguments[i] for i in range(kernel.positional)])
        named = {kernel.keywords[i]: <object>arguments[kernel.positional + i] for i in range(number - kernel.positional)}
        if kernel.varargs:
            args += <tuple?><object>arguments[number]
        if kernel.varkwargs:
            named.update(<dict?><object>arguments[kernel.parameter_count - 1])
    except BaseException as error:
        set_error(error)
        return NULL
    return PyObject_Call(<PyObject*>kernel.function, <PyObject*>args, <PyObject*>named)


cdef inline PyObject* run_blocks_of(Routine routine, BlockKernel kernel, PyObject** arguments) noexcept:
    # Calls a routine's function by its kernel.
    if routine.in_order:
        return run_blocks(kernel, arguments, kernel.parameter_count)
    return run_blocks_arranged(routine, kernel, arguments)


cdef PyObject* run_blocks_arranged(Routine routine, BlockKernel kernel, PyObject** arguments) noexcept:
    # Of a bound method, the function behind it is called with one more argument. The variables of `*args` and `**kwargs` are the last ones.
    cdef PyObject* arranged[PARAMETER_LIMIT]
    cdef PyObject* named = NULL
    cdef Py_ssize_t count = 0, keywords = len(routine.keywords)
    cdef PyObject** rest = &arguments[routine.positional]
    if routine.bound != NULL:
        arranged[0] = routine.bound
        count = 1
    memcpy(&arranged[count], arguments, routine.positional * sizeof(PyObject*))
    count += routine.positional
    memcpy(&arranged[count], &rest[1 if routine.varargs else 0], keywords * sizeof(PyObject*))
    count += keywords
    if routine.varargs:
        arranged[count] = rest[0]
        count += 1
    if routine.varkwargs:
        named = cascade_copy_of_dict(rest[keywords + (1 if routine.varargs else 0)])    # the function may change its own
        if named == NULL:
            return NULL
        if kernel.names_self in <dict>named:        # the method is passed its instance once more, which CPython refuses
            decref(named)
            return call_plainly_of(routine, arguments)
        arranged[count] = named
        count += 1
    return run_blocks(kernel, arranged, count, named)


cdef extern from "vm/kernel.h":
    enum:
        OF_UNEQUAL "CASCADE_OF_UNEQUAL"
        OF_HOLDS_NOT "CASCADE_OF_HOLDS_NOT"
        OF_LENGTH "CASCADE_OF_LENGTH"
        ENTERED "CASCADE_ENTERED"
        NEW_ENTRY "CASCADE_NEW_ENTRY"
        NEW_KERNEL "CASCADE_NEW_KERNEL"
        NEW_CODE "CASCADE_NEW_CODE"
        CALL_FUEL "CASCADE_CALL_FUEL"
        ITERATOR_SIZE "CASCADE_ITERATOR_SIZE"
    void cascade_run_frames(TypedState*) noexcept
    TypedState* cascade_take_frame(Callee*, int64_t) noexcept
    void cascade_take_closure(TypedState*) noexcept
    void cascade_begin_run(TypedState*, void*) noexcept
    void cascade_settle(TypedState*) noexcept
    void cascade_leave(TypedState*) noexcept
    TypedState* cascade_leave_call(TypedState*) noexcept
    bint cascade_wants_machine_code(Callee*) noexcept
    int64_t cascade_known_entry(Callee*, PyTypeObject**) noexcept
    bint cascade_is_copied(PyTypeObject*) noexcept
    int cascade_begin_call(const TypedWord*, Register*, int64_t, TypedState*, PyTypeObject**) noexcept
    void cascade_give(TypedState*, PyObject*) noexcept
    void cascade_give_unboxed(TypedState*, Register) noexcept
    void cascade_empty_iterator(Gather*, Register*) noexcept


cdef inline TypedState* start_blocks(BlockKernel kernel, Py_ssize_t word) noexcept:
    # Prepares a run from a word on; NULL where there is no memory for its registers.
    cdef TypedState* state = cascade_take_frame(&kernel.callee, word)
    if state == NULL:
        return NULL
    if kernel.callee.machine_at == 0:
        make_machine_code_of_blocks(kernel)
    state.fuel = state.began = CALL_FUEL
    state.parent = NULL
    state.depth = 0
    state.root = state.current = state
    state.function = <PyObject*>kernel.function
    cascade_take_closure(state)
    state.thread = PyThreadState_Get()
    cascade_begin_run(state, state.thread)
    return state


cdef inline void end_blocks(BlockKernel kernel, TypedState* state) noexcept:
    # The frame is kept for the next run.
    cascade_leave(state)
    if cascade_wants_machine_code(&kernel.callee):
        make_machine_code_of_blocks(kernel)


cdef enum:
    CALLEE_RENEWALS = 8         # kernels of a function for one call of it, as names get another meaning


cdef inline int enter_callee(BlockKernel caller, TypedState* state) noexcept:
    # CALL_FUNCTION: 1 where the code of the function is the current one, 0 where CPython has to make the call, -1 where an exception is set.
    cdef Gather* gather = caller.gathers[state.word.e]
    cdef PyTypeObject* types[PARAMETER_LIMIT]
    cdef Py_ssize_t word
    cdef int found
    while True:
        found = cascade_begin_call(state.word, state.registers, state.fuel, state, types)
        if found == NEW_ENTRY:
            word = new_entry(<BlockKernel>gather.site.callee.kernel, types)
            if word < 0:
                return -1 if word == -2 else 0
        elif found == NEW_KERNEL:
            if not renew_callee(caller, gather, <BlockKernel>gather.site.callee.kernel):
                return 0
        elif found == NEW_CODE:
            make_machine_code_of_blocks(<BlockKernel>gather.site.callee.kernel)
        else:
            return 1 if found == ENTERED else 0


cdef bint renew_callee(BlockKernel kernel, Gather* gather, BlockKernel stale) noexcept:
    # A name that a callee's code relies on has got another meaning: the function gets another kernel, some times.
    if gather.renewals == CALLEE_RENEWALS or stale.translator.consumer is not None:
        return False
    gather.renewals += 1
    try:
        made = kernel.translator.kernel_of(stale.function, None)
        if type(made) is not BlockKernel or (<BlockKernel>made).code is not stale.code or (<BlockKernel>made).callee.stale:
            return False
        kernel.hold(made)
    except BaseException as error:
        if kernel.translator.is_interruption(error):
            raise_later(kernel, error)
        return False        # CPython makes the call
    gather.site.callee = &(<BlockKernel>made).callee
    gather.site.begins_at = NULL
    return True


cdef int return_to_caller(TypedState* state, PyObject* result, Register value) noexcept:
    # Gives what a call has returned to the frame of its caller: a reference, which is taken, or UNBOXED for a number. Returns 0, or how the
    # call raised what is set.
    cdef Gather* gather = state.gathers[state.word.e]
    if result != NULL and gather.joins:
        result = joined(gather, state.registers, result)
    if result == NULL:
        return NESTED_RAISED
    if gather.finish != 0:
        if result != UNBOXED:
            result = cascade_finish(state, gather, result)
        elif gather.finish == OF_UNEQUAL or gather.finish == OF_HOLDS_NOT:
            value.i = not value.i
        elif gather.finish == OF_LENGTH and value.i < 0:
            result = cascade_finish(state, gather, new_int(value.i))
        if result == NULL:
            return CALL_OUT_RAISED
    if result == UNBOXED:
        cascade_give_unboxed(state, value)
    else:
        cascade_give(state, result)
    return 0


cdef Py_ssize_t new_entry(BlockKernel kernel, PyTypeObject** types) noexcept:
    # As the method; -2 with an exception set.
    try:
        return kernel.new_entry(types, kernel.parameter_count)
    except BaseException as error:
        set_error(error)
        return -2


cdef bint take_defaults(Gather* gather, Py_ssize_t parameters, Py_ssize_t positional) except -1:
    # Notes the defaults of the parameters that get no argument; returns whether all parameters have a value then. Those that are passed by
    # position come first.
    cdef Py_ssize_t given = gather.count - gather.place - 1, first, number
    cdef set named = {gather.sources[gather.place + 1 + number].parameter for number in range(given)}
    if gather.site.defaults == NULL:
        return given == parameters
    gather.missing_parameters = <int32_t*>PyMem_Malloc((1 + parameters) * sizeof(int32_t))
    gather.missing_types = <PyTypeObject**>PyMem_Malloc((1 + parameters) * sizeof(PyTypeObject*))
    gather.missing_values = <Register*>PyMem_Malloc((1 + parameters) * sizeof(Register))
    gather.missing_kinds = <char*>PyMem_Malloc((1 + parameters) * sizeof(char))
    if gather.missing_parameters == NULL or gather.missing_types == NULL or gather.missing_values == NULL or gather.missing_kinds == NULL:
        raise MemoryError
    first = positional - PyTuple_GET_SIZE(<object>gather.site.defaults)
    for number in range(max(first, 0), positional):
        if number not in named:
            gather.missing_parameters[gather.missing] = number
            take_default(gather, cascade_tuple_items(gather.site.defaults)[number - first])
            gather.missing += 1
    return given + gather.missing == parameters


cdef void take_default(Gather* gather, PyObject* value) noexcept:
    # Notes the value as a register holds it. A number of 64 bits is no object; another one is held by the tuple of the defaults.
    cdef PyTypeObject* kind = type_of_argument(value)
    cdef char code = code_of(kind) if kind != NULL else b"o"
    gather.missing_types[gather.missing] = kind
    gather.missing_kinds[gather.missing] = code
    if code == b"o":
        gather.missing_values[gather.missing].object = <void*>value
    else:
        fill_one(code, value, &gather.missing_values[gather.missing])


cdef inline void fill_argument(PyTypeObject* kind, PyObject* value, Register* to) noexcept:
    # Passes an object to a parameter whose versions differ by that class.
    cdef char code = code_of(kind) if kind != NULL else b"o"
    if code == b"o":
        to.object = value
        incref(value)
    else:
        fill_one(code, value, to)


cdef inline PyTypeObject* type_of_argument(PyObject* value) noexcept:
    # Returns the class of an argument by which versions differ; NULL where it is any.
    cdef Register number
    cdef PyTypeObject* kind = cascade_told_apart(type_of(value))
    if kind == <PyTypeObject*>int or kind == <PyTypeObject*>float:
        return kind if fill_one(code_of(kind), value, &number) else NULL
    return kind


cdef bint make_iterator(Gather* gather, Register* registers) noexcept:
    # Makes an object of an iterator in registers, for a call by CPython. Returns False where an exception is set.
    cdef Py_ssize_t i
    cdef PyObject* made
    try:
        iterator = value_at(<tuple>gather.iterator, registers, {})
    except BaseException as error:
        set_error(error)
        return False
    for i in range(ITERATOR_SIZE):
        if gather.iterator_owned >> i & 1:
            decref(<PyObject*>registers[gather.iterator_source + i].object)
    made = <PyObject*>iterator
    incref(made)
    registers[gather.iterator_source].object = <void*>made
    return True


cdef int call_by_cpython(Gather* gather, TypedState* state) noexcept:
    # The call of a function that its kernel cannot make. Returns 0, or -1 with an exception set.
    cdef PyObject* made
    state.steps += 1
    if gather.iterated != NULL and not make_iterator(gather, state.registers):
        return -1
    if cascade_call_out(state, gather, state.registers) == 0:
        state.word += 1
        return 0
    if gather.iterated != NULL:
        made = <PyObject*>state.registers[gather.iterator_source].object    # owned still: the iterator, or another one in its place
        cascade_empty_iterator(gather, state.registers)
        decref(made)
    return -1


cdef PyObject* joined(Gather* gather, Register* registers, PyObject* parts) noexcept:
    # Joins the texts of a list, whose reference is taken.
    cdef Source* source = &gather.sources[1]
    cdef PyObject* separator = cascade_boxed(registers[source.where], b"r" if source.kind == b"o" else source.kind)
    cdef PyObject* result = NULL
    if separator != NULL:
        result = PyUnicode_Join(separator, parts)
        decref(separator)
    decref(parts)
    return result


cdef bint is_plain(Gather* gather, Py_ssize_t parameters, Py_ssize_t positional) except -1:
    # Whether a call passes a value to each parameter, in any order.
    cdef Py_ssize_t i
    for i in range(gather.place + 1, gather.count):
        if gather.sources[i].kind not in (b"r", b"o", b"i", b"d", b"b", b"n", b"c"):
            return False
    return take_defaults(gather, parameters, positional)


cdef void set_error(error) noexcept:
    # Sets the error indicator: no entry of this module's is added to the traceback.
    cdef PyObject* exception = <PyObject*>error
    incref(exception)
    incref(<PyObject*>type_of(exception))
    PyErr_Restore(<PyObject*>type_of(exception), exception, PyException_GetTraceback(exception))


cdef PyObject* after_stop(TypedState* root) noexcept:
    # Continues a run that has stopped, to the end of the frame with which it began. No exception of the user's passes through a function of
    # Cython's, which would add itself to the traceback.
    cdef TypedState* state
    cdef BlockKernel kernel
    cdef PyObject* result
    cdef Register value
    cdef int raised
    value.i = 0
    while True:
        state = root.current
        kernel = <BlockKernel>state.callee.kernel
        if not has_ended(kernel, state, &result):
            cascade_run_frames(root)
            continue
        while True:
            if state == root:
                return result
            if result == UNBOXED:
                value = state.registers[state.word.a]
            state = leave_callee(state)
            raised = return_to_caller(state, result, value)
            if raised == 0:
                break
            kernel = <BlockKernel>state.callee.kernel
            result = raise_in_blocks(kernel, state, raised)
        cascade_run_frames(root)


cdef inline TypedState* leave_callee(TypedState* state) noexcept:
    # The frame that was called is over; returns that of its caller.
    cdef Callee* callee = state.callee
    state = cascade_leave_call(state)
    if cascade_wants_machine_code(callee):
        make_machine_code_of_blocks(<BlockKernel>callee.kernel)
    return state


cdef bint has_ended(BlockKernel kernel, TypedState* state, PyObject** result) noexcept:
    # After a stop of a frame: True where its run is over, with the result, or NULL with an exception set; False where typed code continues.
    cdef int found
    if state.outcome == TYPED_RETURNED:
        result[0] = value_returned(kernel, state)
        return True
    if state.outcome == TYPED_RAISED:
        result[0] = raise_in_blocks(kernel, state, CALL_OUT_RAISED if kernel.opcodes[state.word - kernel.words] in (KERNEL_CALL_PYTHON, KERNEL_ITER_NEXT) else INSTRUCTION_RAISED)
        return True
    if state.outcome == TYPED_CALLS and state.fuel > 1:
        found = enter_callee(kernel, state)
        if found < 0:
            result[0] = raise_in_blocks(kernel, state, NESTED_RAISED)
        elif found == 0 and call_by_cpython(kernel.gathers[state.word.e], state) != 0:
            result[0] = raise_in_blocks(kernel, state, CALL_OUT_RAISED)
            return True
        return found < 0
    if state.outcome == TYPED_CALLS:
        state.outcome = TYPED_OUT_OF_FUEL
    if state.outcome == TYPED_OUT_OF_FUEL and pass_block_checkpoint(kernel, state) != 0:
        result[0] = raise_in_blocks(kernel, state, INSTRUCTION_RAISED)
        return True
    found = may_continue(kernel, state)
    if found == 0:
        result[0] = exit_blocks(kernel, state)
    elif found < 0:
        result[0] = raise_in_blocks(kernel, state, INSTRUCTION_RAISED)
    if state.kept != NULL:
        drop_kept(state)
    return found <= 0


cdef int may_continue(BlockKernel kernel, TypedState* state) noexcept:
    # After a stop: 1 where typed code continues, 0 for a side exit, -1 with an exception set.
    cdef Py_ssize_t number = state.word - kernel.words
    try:
        if state.outcome == TYPED_GROWS:
            return grow_blocks(kernel, state, number)
        if state.outcome == TYPED_OUT_OF_FUEL:
            cascade_settle(state)
            state.fuel = state.began = CALL_FUEL
            if cascade_wants_machine_code(&kernel.callee):
                make_machine_code_of_blocks(kernel)
        elif state.outcome == TYPED_GUARDS:
            state.word += 1
        else:
            return 0
        if kernel.names_hold():
            return 1
        kernel.callee.stale = True
        state.word = kernel.words + number
        return 0
    except BaseException as error:
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename.startswith("cascade/vm/"):
            trace = trace.tb_next
        error.__traceback__ = trace
        set_error(error)
        return -1


cdef void drop_kept(TypedState* state) noexcept:
    cdef PyObject* kept = state.kept
    state.frames = 0
    state.kept = NULL
    decref(kept)


cdef int grow_blocks(BlockKernel kernel, TypedState* state, Py_ssize_t number) except -1:
    # Makes the code behind a stub. Returns 0 where that is not possible.
    cdef Py_ssize_t stub = kernel.words[number].e
    cdef Py_ssize_t word = number
    cdef list kept
    if kernel.words[number].run != HANDLERS[<int>KERNEL_STUB]:
        return 1        # another thread has made it
    made = kernel.translator.stubs[stub]
    value = None
    if made[2]:
        value = <object><PyObject*>state.registers[<Py_ssize_t>made[1].stack[made[2]].register].object
    kept = borrowed_at(made[1].stack, state)
    incref(<PyObject*>kept)
    state.kept = <PyObject*>kept
    if kernel.words[number].run == HANDLERS[<int>KERNEL_STUB]:      # what stands above runs code of Python's, in which another thread may make it
        word = kernel.grown(stub, value)
    value = None
    if word < 0:
        return 0
    if kernel.callee.machine_at == 0:
        make_machine_code_of_blocks(kernel)
    if not kernel.names_hold():
        kernel.callee.stale = True     # translating is Python code: others may have had their turn
        return 0
    for item in kept:
        if Py_REFCNT(<PyObject*>item) <= 2:
            return 0        # what it was borrowed from has lost it
    state.word = &kernel.words[word]
    return 1


cdef list borrowed_at(stack, TypedState* state):
    # Returns the objects that registers hold without a reference of their own.
    cdef list found = []
    for value in stack:
        if value.kind == "object":
            if not value.owned and value.local < 0 and value.register >= 0 and not value.constant:
                found.append(<object><PyObject*>state.registers[<Py_ssize_t>value.register].object)
        elif value.parts:
            found.extend(borrowed_at(value.parts, state))
    return found
