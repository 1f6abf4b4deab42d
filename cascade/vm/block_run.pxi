# Kernels made block by block: entering them, running them, calls of functions by their kernels, growth. Included by _vm.pyx.

cdef PyObject* run_blocks(BlockKernel kernel, PyObject** arguments, Py_ssize_t count) noexcept:
    # Calls a function by its kernel. Returns a new reference, or NULL with the exception set.
    cdef TypedState state
    cdef PyTypeObject* types[PARAMETER_LIMIT]
    cdef Py_ssize_t word = -1, i
    cdef PyObject* result
    for i in range(count):
        types[i] = type_of_argument(arguments[i])
    try:
        if not kernel.stale:
            word = kernel.entry_for(types, count)
            if word >= 0:
                Py_EnterRecursiveCall(" while calling a Python object")
    except BaseException as error:
        set_error(error)
        return NULL
    if word < 0 or not start_blocks(kernel, &state, word):
        if word >= 0:
            Py_LeaveRecursiveCall()
        return PyObject_Vectorcall(<PyObject*>kernel.function, arguments, count, NULL)
    for i in range(count):
        fill_argument(types[i], arguments[i], &state.registers[i])
    state.parent = NULL
    state.function = <PyObject*>kernel.function
    take_closure(kernel, &state)
    result = timed_blocks(kernel, &state, PyThreadState_Get())
    end_blocks(kernel, &state)
    Py_LeaveRecursiveCall()
    return result


cdef inline PyObject* run_blocks_of(Routine routine, BlockKernel kernel, PyObject** arguments) noexcept:
    # Calls a routine's function by its kernel; of a bound method, the function behind it with one more argument.
    cdef PyObject* all_arguments[PARAMETER_LIMIT]
    if routine.bound == NULL:
        return run_blocks(kernel, arguments, routine.positional)
    all_arguments[0] = routine.bound
    memcpy(&all_arguments[1], arguments, routine.positional * sizeof(PyObject*))
    return run_blocks(kernel, all_arguments, routine.positional + 1)


cdef inline bint start_blocks(BlockKernel kernel, TypedState* state, Py_ssize_t word) noexcept:
    # Prepares a run: False where there is no memory for its registers.
    cdef Register* registers = kernel.spare
    if registers != NULL:
        kernel.spare = <Register*>registers[0].object
        registers[0] = kernel.image[0]      # which may be a constant; the others are still there
    else:
        registers = <Register*>PyMem_Malloc(kernel.register_count * sizeof(Register))
        if registers == NULL:
            return False
        memcpy(registers, kernel.image, kernel.register_count * sizeof(Register))
    kernel.entries += 1
    if kernel.machine_at == 0:
        make_machine_code_of_blocks(kernel)
    state.word = &kernel.words[word]
    state.registers = registers
    state.fuel = BLOCK_FUEL
    state.depth = state.steps = 0
    state.frames = 0
    state.kept = NULL
    state.is_free = False
    state.watched = kernel.watches
    state.named = &kernel.names_by_number
    state.gathers = kernel.gathers
    return True


cdef inline void take_closure(BlockKernel kernel, TypedState* state) noexcept:
    # The cells of free variables stand behind the other variables; the function holds them.
    cdef PyObject* closure
    cdef Py_ssize_t i
    if kernel.free_count != 0:
        closure = cascade_closure(state.function)
        for i in range(kernel.free_count):
            state.registers[kernel.first_free + i].object = cascade_tuple_items(closure)[i]


cdef inline void end_blocks(BlockKernel kernel, TypedState* state) noexcept:
    # The registers are kept for the next run.
    state.registers[0].object = <void*>kernel.spare
    kernel.spare = state.registers
    kernel.called_out += state.steps
    if kernel.work >= kernel.machine_at:
        make_machine_code_of_blocks(kernel)


cdef enum:
    NESTED_FEW = 8              # calls, before it is known whether most of them exit
    CALLEE_RENEWALS = 8         # kernels of a function for one call of it, as names get another meaning
    NESTED_FRAMES = 4           # made for call-outs in a call, and one more for each turn of a loop: by then CPython is faster
    NESTED_LIMIT = 150          # calls of kernels by kernels: each takes some of the stack of C

cdef extern from "vm/kernel.h":
    enum:
        OF_UNEQUAL "CASCADE_OF_UNEQUAL"
        OF_HOLDS_NOT "CASCADE_OF_HOLDS_NOT"
        OF_LENGTH "CASCADE_OF_LENGTH"

cdef int nested_calls = 0       # changed with the GIL only


cdef inline int call_nested(BlockKernel kernel, TypedState* state) noexcept:
    # CALL_FUNCTION: 1 after the call, 0 where CPython has to make it, -1 where it raised, -2 where code that finishes it did.
    cdef Gather* gather = kernel.gathers[state.word.e]
    return call_kernel(<BlockKernel>gather.callee, kernel, gather, state)


cdef int call_kernel(BlockKernel callee, BlockKernel caller, Gather* gather, TypedState* state) noexcept:
    global nested_calls
    cdef PyObject* function = gather.known if gather.known != NULL else <PyObject*>state.registers[gather.sources[gather.place].where].object
    cdef PyTypeObject* types[PARAMETER_LIMIT]
    cdef TypedState nested
    cdef Py_ssize_t word
    cdef PyObject* result
    cdef void* thread
    if callee.stale:
        return call_nested(caller, state) if renew_callee(caller, gather, callee) else 0
    if callee.retired or callee.exits_often or nested_calls >= NESTED_LIMIT or cascade_guarded(2, function) != gather.code:
        return 0
    thread = PyThreadState_Get()
    if not cascade_may_call(thread) or not types_of_arguments(gather, state.registers, function, types):
        return 0
    word = callee.known_entry(types, callee.parameter_count)
    if word < 0:
        word = new_entry(callee, types)
    if word < 0:
        return -1 if word == -2 else 0
    if not start_blocks(callee, &nested, word):
        return 0
    move_arguments(gather, state.registers, types, nested.registers)
    nested.parent = state
    nested.function = function
    take_closure(callee, &nested)
    nested_calls += 1
    cascade_count_call(thread, 1)
    result = timed_blocks(callee, &nested, thread)
    cascade_count_call(thread, -1)
    nested_calls -= 1
    end_blocks(callee, &nested)
    state.steps += nested.steps
    callee.frames += nested.frames
    if (callee.exit_count * 2 > callee.entries or callee.frames > NESTED_FRAMES * callee.entries + callee.work) and callee.entries >= NESTED_FEW:
        callee.exits_often = True
    if result != NULL and gather.joins:
        result = joined(gather, state.registers, result)
    if result == NULL:
        return -1
    if gather.finish != 0:
        result = finished(state, gather, &nested, result)
        if result == NULL:
            return -2
    if gather.place >= 0:
        release_sources(gather, state.registers)
    if result == UNBOXED:
        state.registers[state.word[1].a] = nested.result
        state.word += 3
        return 1
    state.registers[gather.targets[0]].object = result
    state.word += 1
    return 1


cdef bint renew_callee(BlockKernel kernel, Gather* gather, BlockKernel stale) noexcept:
    # A name that a callee's code relies on has got another meaning: the function gets another kernel, some times.
    if gather.renewals == CALLEE_RENEWALS or stale.translator.consumer is not None:
        return False
    gather.renewals += 1
    try:
        made = kernel.translator.kernel_of(stale.function, None)
        if type(made) is not BlockKernel or (<BlockKernel>made).code is not stale.code or (<BlockKernel>made).stale:
            return False
        kernel.hold(made)
    except BaseException:
        return False        # CPython makes the call
    gather.callee = <void*>made
    return True


cdef PyObject* finished(TypedState* state, Gather* gather, TypedState* nested, PyObject* result) noexcept:
    # Returns what the instruction makes of the result of a special method, whose reference is taken.
    if result != UNBOXED:
        return cascade_finish(state, gather, result)
    if gather.finish == OF_UNEQUAL or gather.finish == OF_HOLDS_NOT:
        nested.result.i = not nested.result.i
    elif gather.finish == OF_LENGTH and nested.result.i < 0:
        return cascade_finish(state, gather, new_int(nested.result.i))
    return UNBOXED


cdef Py_ssize_t new_entry(BlockKernel kernel, PyTypeObject** types) noexcept:
    # As the method; -2 with an exception set.
    try:
        return kernel.new_entry(types, kernel.parameter_count)
    except BaseException as error:
        set_error(error)
        return -2


cdef inline bint types_of_arguments(Gather* gather, Register* registers, PyObject* function, PyTypeObject** types) noexcept:
    # Finds the classes of the arguments by parameter; returns False where CPython has to make the call.
    cdef Py_ssize_t first = gather.place + 1, i
    if gather.iterated != NULL:
        types[0] = <PyTypeObject*>gather.iterated
        return True
    if not gather.is_plain or (gather.defaults != NULL and cascade_guarded(3, function) != gather.defaults):
        return False
    for i in range(gather.count - first):
        types[gather.parameters[i]] = type_of_source(&gather.sources[first + i], registers)
    for i in range(gather.missing):
        types[gather.missing_parameters[i]] = type_of_argument(gather.missing_values[i])
    return True


cdef inline void move_arguments(Gather* gather, Register* registers, PyTypeObject** types, Register* to) noexcept:
    # Passes the arguments to the parameters. What a register owned is passed on, and it may be released all the same.
    cdef Py_ssize_t first = gather.place + 1, i
    if gather.iterated != NULL:
        memcpy(&to[gather.iterator_target], &registers[gather.iterator_source], ITERATOR_SIZE * sizeof(Register))
        empty_iterator(gather, registers)
        return
    for i in range(gather.count - first):
        move_source(&gather.sources[first + i], registers, &to[gather.parameters[i]])
    for i in range(gather.missing):
        fill_argument(types[gather.missing_parameters[i]], gather.missing_values[i], &to[gather.missing_parameters[i]])


cdef bint take_defaults(Gather* gather, Py_ssize_t parameters) except -1:
    # Notes the defaults of the parameters that get no argument; returns whether all parameters have a value then.
    cdef Py_ssize_t given = gather.count - gather.place - 1, first, number
    cdef set named = {gather.parameters[number] for number in range(given)}
    if gather.defaults == NULL:
        return given == parameters
    gather.missing_parameters = <int32_t*>PyMem_Malloc((1 + parameters) * sizeof(int32_t))
    gather.missing_values = <PyObject**>PyMem_Malloc((1 + parameters) * sizeof(PyObject*))
    if gather.missing_parameters == NULL or gather.missing_values == NULL:
        raise MemoryError
    first = parameters - PyTuple_GET_SIZE(<object>gather.defaults)
    for number in range(max(first, 0), parameters):
        if number not in named:
            gather.missing_parameters[gather.missing] = number
            gather.missing_values[gather.missing] = cascade_tuple_items(gather.defaults)[number - first]
            gather.missing += 1
    return given + gather.missing == parameters


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
    cdef int64_t number
    cdef PyTypeObject* kind = told_apart(type_of(value))
    return NULL if kind == <PyTypeObject*>int and not fill_one(b"i", value, <Register*>&number) else kind


cdef enum:
    ITERATOR_SIZE = 9       # registers of an iterator, at most: see `STRIDE` in chunks.py


cdef void empty_iterator(Gather* gather, Register* registers) noexcept:
    # The iterator has been passed on. What is left can be released, and made an object of: a tuple without items, a short range.
    cdef Py_ssize_t i
    for i in range(ITERATOR_SIZE):
        registers[gather.iterator_source + i].i = 1
        if gather.iterator_owned >> i & 1:
            registers[gather.iterator_source + i].object = <void*>NO_ITEMS
            incref(NO_ITEMS)


cdef bint make_iterator(Gather* gather, Register* registers) noexcept:
    # Makes an object of an iterator in registers, for a call by CPython. Returns False where an exception is set.
    cdef Py_ssize_t i
    cdef PyObject* made
    try:
        iterator = value_at(<tuple>gather.iterator, registers)
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
    if gather.iterated == NULL:
        return cascade_call_out(state, gather, state.registers)
    if not make_iterator(gather, state.registers):
        return -1
    made = <PyObject*>state.registers[gather.iterator_source].object
    if cascade_call_out(state, gather, state.registers) == 0:
        return 0
    empty_iterator(gather, state.registers)
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


cdef void release_sources(Gather* gather, Register* registers) noexcept:
    # The function, and what stands before it, die behind the call.
    cdef Py_ssize_t i
    for i in range(gather.place + 1):
        if gather.sources[i].kind == b"o":
            decref(<PyObject*>registers[gather.sources[i].where].object)


cdef bint is_plain(Gather* gather, Py_ssize_t parameters) except -1:
    # Whether a call passes a value to each parameter, in any order.
    cdef Py_ssize_t i
    for i in range(gather.place + 1, gather.count):
        if gather.sources[i].kind not in (b"r", b"o", b"i", b"d", b"b", b"n", b"c"):
            return False
    return take_defaults(gather, parameters)


cdef inline PyTypeObject* type_of_source(Source* source, Register* registers) noexcept:
    cdef PyTypeObject* kind
    if source.kind == b"r" or source.kind == b"o":
        kind = told_apart(type_of(<PyObject*>registers[source.where].object))
        # A boxed number is any object: most are unboxed before a call.
        return NULL if kind == <PyTypeObject*>int or kind == <PyTypeObject*>float or kind == <PyTypeObject*>bool or kind == type_of(None_) else kind
    if source.kind == b"i":
        return <PyTypeObject*>int
    if source.kind == b"d":
        return <PyTypeObject*>float
    if source.kind == b"b":
        return <PyTypeObject*>bool
    if source.kind == b"n":
        return type_of(None_)
    return <PyTypeObject*>str


cdef inline void move_source(Source* source, Register* registers, Register* to) noexcept:
    # Passes a value to a parameter. A reference that the caller owns is passed on; what stays there may be released.
    to[0] = registers[source.where]
    if source.kind == b"r":
        incref(<PyObject*>to.object)
    elif source.kind == b"o":
        registers[source.where].object = <void*>None_
        incref(None_)
    elif source.kind == b"c":
        to.object = cascade_boxed(registers[source.where], source.kind)


cdef void set_error(error) noexcept:
    # Sets the error indicator: no entry of this module's is added to the traceback.
    cdef PyObject* exception = <PyObject*>error
    incref(exception)
    incref(<PyObject*>type_of(exception))
    PyErr_Restore(<PyObject*>type_of(exception), exception, PyException_GetTraceback(exception))


cdef inline PyObject* timed_blocks(BlockKernel kernel, TypedState* state, void* thread) noexcept:
    # A run from its start to its end. That of a recursive call is a part of another one.
    cdef PyObject* result
    cdef double begun = 0.0
    cdef int64_t events = 0
    cdef void* inside = kernel.inside
    if inside != thread:
        kernel.inside = thread
        events = cascade_stopwatch_start(&kernel.watch, &begun)
    cascade_run(state)
    result = after_stop(kernel, state)
    if events != 0:
        cascade_stopwatch_stop(&kernel.watch, events, begun)
    kernel.inside = inside
    return result


cdef PyObject* after_stop(BlockKernel kernel, TypedState* state) noexcept:
    # No exception of the user's passes through a function of Cython's, which would add itself to the traceback.
    cdef int found
    cdef PyObject* result = NULL
    while True:
        if state.outcome == TYPED_RETURNED:
            return value_returned(kernel, state)
        if state.outcome == TYPED_RAISED:
            return raise_in_blocks(kernel, state, CALL_OUT_RAISED if kernel.opcodes[state.word - kernel.words] in (KERNEL_CALL_PYTHON, KERNEL_ITER_NEXT) else INSTRUCTION_RAISED)
        if state.outcome == TYPED_CALLS:
            found = call_nested(kernel, state)
            if found < 0:
                return raise_in_blocks(kernel, state, NESTED_RAISED if found == -1 else CALL_OUT_RAISED)
            if found == 0:
                state.steps += 1
                if call_by_cpython(kernel.gathers[state.word.e], state) != 0:
                    return raise_in_blocks(kernel, state, CALL_OUT_RAISED)
                state.word += 1
            cascade_run(state)
            continue
        if state.outcome == TYPED_OUT_OF_FUEL and pass_block_checkpoint(kernel, state) != 0:
            return raise_in_blocks(kernel, state, INSTRUCTION_RAISED)
        found = may_continue(kernel, state)
        if found == 0:
            result = exit_blocks(kernel, state)
        elif found < 0:
            result = raise_in_blocks(kernel, state, INSTRUCTION_RAISED)
        if state.kept != NULL:
            drop_kept(state)
        if found <= 0:
            return result
        cascade_run(state)


cdef int may_continue(BlockKernel kernel, TypedState* state) noexcept:
    # After a stop: 1 where typed code continues, 0 for a side exit, -1 with an exception set.
    cdef Py_ssize_t number = state.word - kernel.words
    try:
        if state.outcome == TYPED_GROWS:
            return grow_blocks(kernel, state, number)
        if state.outcome == TYPED_OUT_OF_FUEL:
            kernel.work += BLOCK_FUEL
            state.fuel = BLOCK_FUEL
            if kernel.work >= kernel.machine_at:
                make_machine_code_of_blocks(kernel)
        elif state.outcome == TYPED_GUARDS:
            state.word += 1
        else:
            return 0
        if kernel.names_hold():
            return 1
        kernel.stale = True
        state.word = kernel.words + number
        return 0
    except BaseException as error:
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
    cdef Py_ssize_t word
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
    word = kernel.grown(stub, value)
    value = None
    if word < 0:
        return 0
    if not kernel.names_hold():
        kernel.stale = True     # translating is Python code: others may have had their turn
        return 0
    for item in kept:
        if Py_REFCNT(<PyObject*>item) <= 2:
            return 0        # what it was borrowed from has lost it
    if kernel.machine_at == 0:
        make_machine_code_of_blocks(kernel)
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
