# State machines: following a Jump to its state. Included by _vm.pyx.

cdef int select(Machine machine, Frame frame) noexcept:
    # SELECT: continues with the state that a Jump names, or at the end.
    cdef const Word* word = &frame.code.words[frame.pc]
    cdef Routes routes = <Routes>frame.code.constants[word.b]
    cdef Py_ssize_t source = word.c >> 1
    cdef Py_ssize_t target
    cdef PyObject* value = frame.values[source]
    cdef Jump jump
    cdef Frame new
    try:
        if is_awaited(frame, source, value):
            return wait_for(machine, frame, <Pending>value)
        if type_of(value) != cascade_jump or routes.targets is None:
            frame.pc = routes.end
            return RESUMED
        target = follow(routes, <Jump>value, frame.values, source, frame.made)
        if target >= 0:
            frame.pc = target
            frame.iteration += 1
            frame.made = cascade_results_made
            return RESUMED
        PyErr_Clear()
        jump = <Jump>value
        deferred = machine.context.computed_jump(jump, frame.made)
        if deferred is None:
            raise machine.context.jump_error(routes.targets, jump, (<Routine>frame.code.constants[frame.code.words[frame.pc - 1].b]).owner)
        # Its data has to be computed; then this instruction is executed again.
        code, inputs = machine.context.expand(deferred)
        machine.serials += 1
        new = machine.enter(<Code?>code, inputs)
        new.iteration = frame.iteration
        new.parent = frame
        new.destination = source
        set_slot(frame, source, NULL)
        machine.switch_to(new)
        return RESUMED
    except BaseException as error:
        return fail_at(machine, frame, frame.pc - 1, error)
