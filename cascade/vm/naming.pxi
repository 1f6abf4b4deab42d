# Names of calls, for events and errors. Included by _vm.pyx.

cdef tuple locate(Machine machine, Frame frame, Py_ssize_t pc):
    cdef Routine routine
    if frame.origin is not None:
        return frame.origin, frame.serial, frame.node, frame.iteration
    routine = <Routine>frame.code.constants[frame.code.words[pc].b]
    return routine.owner, frame.serial, frame.code.nodes[pc], frame.iteration


cdef int publish_end(Machine machine, Frame frame, Py_ssize_t pc, object value, object error) except -1:
    # Publishes the end of a call, without the tuple of `locate`.
    if frame.origin is not None:
        machine.context.finished(frame.origin, frame.serial, frame.node, value, error)
    else:
        routine = <Routine>frame.code.constants[frame.code.words[pc].b]
        machine.context.finished((<Routine>routine).owner, frame.serial, frame.code.nodes[pc], value, error)
    return 0


cdef object name_of(Machine machine, Pending entry):
    return (<Routine>entry.frame.code.constants[entry.frame.code.words[entry.pc].b]).name


cdef int fail_at(Machine machine, Frame frame, Py_ssize_t pc, object error) noexcept:
    # The task called by the instruction at `pc` raised `error`.
    cdef Routine routine = <Routine>frame.code.constants[frame.code.words[pc].b]
    try:
        origin, serial, node, iteration = locate(machine, frame, pc)
        if machine.observed:
            machine.context.finished(origin, serial, node, None, error)
        machine.context.annotate(error, routine.owner, origin, serial, node, iteration)
        machine.error = error
    except BaseException as trouble:
        machine.error = trouble
    return STATUS_FAILED
