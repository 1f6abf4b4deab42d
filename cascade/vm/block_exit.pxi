# Kernels made block by block: results, side exits, exceptions. Included by _vm.pyx.

cdef PyObject* value_returned(BlockKernel kernel, TypedState* state) noexcept:
    # Returns a new reference, or UNBOXED where a kernel has called this one and has got the number.
    cdef const TypedWord* word = state.word
    cdef const int32_t* owned
    cdef Register value = state.registers[word.a]
    cdef PyObject* result
    if word.run == HANDLERS[<int>KERNEL_RETURN_OWNED]:
        result = <PyObject*>value.object
    elif word.run == HANDLERS[<int>KERNEL_RETURN_OBJECT]:
        result = <PyObject*>value.object
        incref(result)
    elif word.run == HANDLERS[<int>KERNEL_RETURN_INT]:
        result = UNBOXED if takes_unboxed(state, b"i") else new_int(value.i)
    elif word.run == HANDLERS[<int>KERNEL_RETURN_FLOAT]:
        result = UNBOXED if takes_unboxed(state, b"d") else new_float(value.d)
    elif word.run == HANDLERS[<int>KERNEL_RETURN_BOOL]:
        if takes_unboxed(state, b"b"):
            result = UNBOXED
        else:
            result = True_ if value.i != 0 else False_
            incref(result)
    else:
        result = cascade_new_scalar(value, word.e)
    if result == NULL:
        return raise_in_blocks(kernel, state, INSTRUCTION_RAISED)
    owned = owned_at(kernel, kernel.exit_of[word - kernel.words])
    cascade_put_address(word, owned)        # for the next returns
    release_owned(state, owned)
    return result


cdef const int32_t* owned_at(BlockKernel kernel, Py_ssize_t number) noexcept:
    # Returns the registers that own references at an exit: their number, and they.
    if number < kernel.callee.owned_room and kernel.callee.owned[number] != NULL:
        return kernel.callee.owned[number]
    return find_owned(kernel, number)


cdef const int32_t* find_owned(BlockKernel kernel, Py_ssize_t number) noexcept:
    cdef int attempts
    for attempts in range(3):
        try:
            return list_owned(kernel, number)
        except BaseException as error:
            raise_later(kernel, error)
    return NULL


cdef const int32_t* list_owned(BlockKernel kernel, Py_ssize_t number) except? NULL:
    cdef tuple registers = kernel.exits.owned_registers(kernel.translator.exits[number])
    cdef Py_ssize_t room = len(kernel.translator.exits), i
    cdef int32_t** lists
    cdef int32_t* made
    if number < kernel.callee.owned_room and kernel.callee.owned[number] != NULL:
        return kernel.callee.owned[number]     # another thread has come here meanwhile
    if number >= kernel.callee.owned_room:
        lists = <int32_t**>PyMem_Realloc(kernel.callee.owned, room * sizeof(int32_t*))
        if lists == NULL:
            raise MemoryError
        memset(lists + kernel.callee.owned_room, 0, (room - kernel.callee.owned_room) * sizeof(int32_t*))
        kernel.callee.owned = lists
        kernel.callee.owned_room = room
    made = <int32_t*>PyMem_Malloc((1 + len(registers)) * sizeof(int32_t))
    if made == NULL:
        raise MemoryError
    made[0] = len(registers)
    for i in range(len(registers)):
        made[i + 1] = registers[i]
    kernel.callee.owned[number] = made
    return made


cdef int unboxed_mark
cdef PyObject* UNBOXED = <PyObject*>&unboxed_mark      # no object


cdef inline bint takes_unboxed(TypedState* state, char kind) noexcept:
    # Whether the instruction behind the call unboxes the result.
    return state.parent != NULL and state.site.unboxes == kind


cdef void release_registers(TypedState* state, tuple owned) noexcept:
    cdef Py_ssize_t i
    for i in range(PyTuple_GET_SIZE(owned)):
        decref(<PyObject*>state.registers[<Py_ssize_t>owned[i]].object)


cdef void release_all(TypedState* state, tuple owned) noexcept:
    # Of what is read at an exit, the continuation has the only reference: it dies when the continuation drops it.
    release_registers(state, owned)
    if state.kept != NULL:
        drop_kept(state)


cdef inline void release_owned(TypedState* state, const int32_t* owned) noexcept:
    cdef int32_t i
    if owned != NULL:
        for i in range(1, owned[0] + 1):
            decref(<PyObject*>state.registers[owned[i]].object)


cdef object value_at(tuple place, Register* registers, dict nans):
    # Returns the value of a variable or of the stack at an exit. `nans`: the objects that were made of NaNs, by their places: a value on the
    # stack may be that of a variable.
    cdef str kind = place[0]
    cdef Register* at
    cdef Py_ssize_t i
    if kind == "k":
        return place[1]
    if kind == "display":
        return tuple([value_at(part, registers, nans) for part in place[1]])
    if kind == "row":
        array, *subscripts = [value_at(part, registers, nans) for part in place[1]]
        for subscript in subscripts:
            array = array[subscript]
        return array
    at = &registers[<Py_ssize_t>place[1]]
    if kind == "range":
        step = at[2].i
        following = at[0].i
        return iter(range(following, following + <object>at[1].i * step, step))
    if kind == "items":
        return iterator_at(<object><PyObject*>at[0].object, at[1].i, 1)
    if kind == "backward":
        return iterator_at(<object><PyObject*>at[0].object, at[1].i, -1)
    if kind in ("zipped", "counted"):
        iterators = [value_at(part, registers, nans) for part in place[2]]
        made = zip(*iterators) if kind == "zipped" else enumerate(iterators[0], at[0].i)
        held = [value_at(part, registers, nans) for part in place[3]]
        for i in range(len(held)):
            cascade_hold_last(made, i - len(held), held[i])
        return made
    if "A" <= kind <= "K":
        return take_new(cascade_new_scalar(at[0], ord(kind) - ord("A")))
    if kind == "d" and at[0].d != at[0].d:
        return nans.setdefault(place, at[0].d)
    return boxed(at[0], ord(kind))


cdef object iterator_at(values, Py_ssize_t index, Py_ssize_t step):
    # Returns an iterator whose next item is that of an index, which lies beyond the end where a list has got shorter.
    iterator = iter(values) if step > 0 else reversed(values)
    cascade_set_index(iterator, values, index)
    return iterator


cdef list values_at(plan, TypedState* state):
    cdef list values = []
    cdef dict nans = {}
    for place in plan[1]:
        values.append(values[<Py_ssize_t>place[1]] if place[0] == "again" else value_at(place, state.registers, nans))
    return values


cdef list consumed_so_far(plan, TypedState* state):
    # Returns what a consumer has so far.
    return [] if plan[3] is None else [value_at(place, state.registers, {}) for place in plan[3][1]]


cdef PyObject* exit_blocks(BlockKernel kernel, TypedState* state) noexcept:
    # CPython continues at the instruction at which the code has stopped.
    cdef Py_ssize_t number = state.word - kernel.words
    cdef object plan
    cdef list values
    kernel.callee.exit_count += 1
    state.steps += 1
    try:
        plan = kernel.exit_plan(kernel.exit_of[number], -1)
        values = values_at(plan, state)
        so_far = consumed_so_far(plan, state)
        release_all(state, plan[2])
    except BaseException as error:
        set_error(error)
        return NULL
    return continued(kernel, state, number, plan, values, so_far)


cdef enum:
    INSTRUCTION_RAISED = 0
    CALL_OUT_RAISED = 1
    NESTED_RAISED = 2       # a function that was called by its kernel


cdef PyObject* raise_in_blocks(BlockKernel kernel, TypedState* state, int how) noexcept:
    # The instruction at which the code has stopped raised the exception that is set. Where a call-out did, its frames stand in the
    # traceback.
    cdef Py_ssize_t number = state.word - kernel.words
    cdef object plan
    cdef list values
    cdef Py_ssize_t call_out = kernel.words[number].e if how != INSTRUCTION_RAISED else -1
    try:
        error = cascade_raised()
        trace = None
        called = <object>kernel.gathers[call_out].function if how == CALL_OUT_RAISED else None
        if how == CALL_OUT_RAISED and strip_parents(error, state) and begins_with(error, called):
            trace = error.__traceback__
        at = kernel.exits.raising_offset(kernel.translator, kernel.exit_of[number], call_out, trace)
        plan = kernel.exit_plan(kernel.exit_of[number], at)
        if trace is not None:
            error.__traceback__ = trace.tb_next     # the continuation's entry stands in its place
        trace = called = None
        values = values_at(plan, state)
        values.append(error)
        error = None        # it dies when the function drops it
        so_far = consumed_so_far(plan, state)
        release_all(state, plan[2])
    except BaseException as fault:
        set_error(fault)
        return NULL
    return continued(kernel, state, number, plan, values, so_far)


@cython.final
cdef class Handover:
    """An iterator that keeps no reference to what it has handed over: values die as early as in the function's own frame."""
    cdef list values        # the last one first

    def __iter__(self):
        return self

    def __next__(self):
        if not self.values:
            raise StopIteration
        return self.values.pop()


cdef PyObject* continued(BlockKernel kernel, TypedState* state, Py_ssize_t number, plan, list values, list so_far) noexcept:
    # CPython executes the rest of the function.
    cdef PyObject* result
    cdef double begun = 0.0
    cdef int64_t events = cascade_stopwatch_start(&kernel.exits_at[number], &begun)
    result = called_by_iterator(state, plan, values, so_far)
    if events != 0:
        cascade_stopwatch_stop(&kernel.exits_at[number], events, begun)
    return result


cdef PyObject* called_by_iterator(TypedState* state, plan, list values, list so_far) noexcept:
    # Calls a continuation, under the frames of the functions whose typed code has led here.
    cdef Handover handover
    cdef PyObject* arguments[2]
    cdef PyObject* result
    cdef object function = plan[0]
    if state.function != NULL and cascade_closure(state.function) != NULL:
        try:
            function = with_closure(function, <object>state.function)
        except BaseException as error:
            set_error(error)
            return NULL
    arguments[0] = NULL
    if values:
        values.reverse()
        handover = Handover.__new__(Handover)
        handover.values = values
        arguments[1] = <PyObject*>handover
    if plan[3] is None:
        result = cascade_call_under(
            state.parent, <PyObject*>function, &arguments[1], (1 if values else 0) | PY_VECTORCALL_ARGUMENTS_OFFSET)
    else:
        result = consume_the_rest(state, plan[3][0], PyObject_Vectorcall(<PyObject*>function, &arguments[1], 1 if values else 0, NULL), so_far)
    if result == NULL and state.parent != NULL:
        error = cascade_raised()
        strip_parents(error, state)
        set_error(error)
    return result


cdef PyObject* consume_the_rest(TypedState* state, str consumer, PyObject* generator, list so_far) noexcept:
    # The function that consumes a generator expression continues with a generator, whose reference is taken.
    cdef PyObject* arguments[4]
    cdef PyObject* result = NULL
    cdef Py_ssize_t count = len(so_far), i
    if generator == NULL:
        return NULL
    try:
        finish = cascade_consumer(consumer.encode())
    except BaseException as error:
        set_error(error)
        decref(generator)
        return NULL
    arguments[0] = NULL
    arguments[1] = generator
    for i in range(count):
        arguments[i + 2] = <PyObject*>so_far[i]
    result = cascade_call_under(state.parent, <PyObject*>finish, &arguments[1], (count + 1) | PY_VECTORCALL_ARGUMENTS_OFFSET)
    decref(generator)
    return result


cdef object with_closure(function, called):
    # Returns the continuation with the closure of the very function that is called.
    if function.__closure__ is called.__closure__:
        return function
    return type(function)(function.__code__, function.__globals__, function.__name__, None, called.__closure__)


cdef int parents_of(TypedState* state) noexcept:
    cdef int count = 0
    while state.parent != NULL:
        state = state.parent
        count += 1
    return count


cdef bint strip_parents(error, TypedState* state) noexcept:
    # Takes the entries of the functions whose typed code has led here out of the traceback of an exception, the outermost first: they get
    # others. Returns whether there were all of them: a signal's handler, which CPython calls where a frame begins, may raise before.
    if state.parent == NULL:
        return True
    if not strip_parents(error, state.parent):
        return False
    return strip_entry(error, <object>state.parent.gathers[state.parent.word.e].function)


cdef bint strip_entry(error, function) noexcept:
    if not begins_with(error, function):
        return False
    error.__traceback__ = error.__traceback__.tb_next
    return True


cdef bint begins_with(error, function) noexcept:
    trace = error.__traceback__
    return trace is not None and trace.tb_frame.f_code is function.__code__
