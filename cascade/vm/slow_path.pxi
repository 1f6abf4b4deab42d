# The slow path: limits, signals, fairness to the event loop, and one instruction at a time. Included by _vm.pyx.

cdef int refuel(Machine machine, Frame frame) noexcept:
    # Out of fuel: checks limits and signals, may pause for the event loop; then adds fuel, or makes a single step.
    cdef double now = cascade_clock()
    cdef const Word* word = &frame.code.words[frame.pc]
    cdef int status
    cdef bint loops = is_loop(word.opcode) or frame.code.selects
    cdef bint careful
    cdef int64_t left
    if word.opcode == SELECT:
        # Calls take fuel, so it has run out here: continues with the next state's call.
        status = select(machine, frame)
        if status != RESUMED or machine.current is not frame:
            return status
        word = &frame.code.words[frame.pc]
    if machine.batch:
        # Fast steps double the fuel, up to a limit that keeps a sudden slow one from delaying the checks for long.
        if now - machine.refilled > PACE_TIME:
            machine.pace = 1
        elif machine.pace < PACE_LIMIT:
            machine.pace *= 2
    machine.spend()
    status = check_limits(machine, frame, now)
    if status != RESUMED:
        return status
    machine.refilled = now
    if machine.observed and loops and now >= frame.next_progress:
        if frame.next_progress != 0.0:
            try:
                machine.context.progress(*locate(machine, frame, frame.pc))
            except BaseException as error:
                machine.error = error
                return STATUS_FAILED
        frame.next_progress = now + PROGRESS_TIME
    if not machine.calls_by_context and may_be_typed(machine, frame, word):
        return run_typed(machine, frame)
    machine.batch = machine.pace
    careful = frame.outstanding != 0 or machine.calls_by_context or (machine.observed and not loops)
    left = steps_left(machine)
    if machine.batch > left:
        machine.batch = left
        if left == 0:
            careful = True      # `step` decides whether this is a call
    if careful:
        machine.batch = 0
        return step(machine, frame)
    machine.fuel = machine.batch
    return RESUMED


cdef int check_limits(Machine machine, Frame frame, double now) noexcept:
    # Checks signals, the deadline, and the end of the slice, which begins at its first check.
    if (PyErr_CheckSignals() if frame is None or frame.kernel is None else pass_typed_checkpoint(frame.kernel, &frame.typed.state)) != 0:
        machine.error = cascade_raised()
        return STATUS_FAILED
    if machine.deadline != 0.0 and now >= machine.deadline:
        if frame is not None:
            return stop_at_limit(machine, frame, frame.pc, False)
        try:
            machine.error = machine.context.timed_out(machine.steps, 0, None)
        except BaseException as error:
            machine.error = error
        return STATUS_FAILED
    if machine.taken >= machine.stop_step and (frame is None or frame.kernel is None):
        return STATUS_PAUSE     # typed code stops at its next tail call
    if not machine.checked:
        machine.checked = True
        machine.slice_end = now + machine.slice_seconds
    elif machine.slice_seconds > 0.0 and now >= machine.slice_end:
        return STATUS_PAUSE
    return RESUMED


cdef inline int64_t steps_left(Machine machine) noexcept:
    # How many calls may be made before the run ends at its limit, or stops to be saved.
    cdef int64_t last = machine.stop_step
    if 0 <= machine.max_steps < last:
        last = machine.max_steps
    return last - machine.taken if last > machine.taken else 0


cdef int stop_at_limit(Machine machine, Frame frame, Py_ssize_t pc, bint by_steps) noexcept:
    # Ends the run at max_steps, or at its deadline.
    try:
        # A container is built for the next call, or, at the end, for the return.
        while not INSTRUCTION_CALLS[frame.code.words[pc].opcode] and frame.code.words[pc].opcode != RETURN:
            pc += 1
        where = None
        if INSTRUCTION_CALLS[frame.code.words[pc].opcode]:
            where = machine.context.where(*locate(machine, frame, pc))
        if by_steps:
            machine.error = StepLimitError(machine.max_steps, frame.iteration, where=where)
        else:
            machine.error = machine.context.timed_out(machine.steps, frame.iteration, where)
    except BaseException as error:
        machine.error = error
    return STATUS_FAILED


cdef int step(Machine machine, Frame frame) noexcept:
    # Executes or parks one instruction; its operands may be Pendings.
    cdef const Word* word = &frame.code.words[frame.pc]
    cdef Pending entry, source
    cdef list values
    cdef const int32_t* sources
    cdef int32_t single
    cdef PyObject* value
    cdef Py_ssize_t i, count
    try:
        if word.opcode == RETURN:
            return return_slot(machine, frame, word.c >> 1)
        if word.opcode == SELECT:
            return select(machine, frame)
        if is_loop(word.opcode):
            values = copy_slots(frame.values, frame.code.inputs)
            frame.pc += 1
            return perform(machine, frame, frame.pc - 1, values, None)
        if word.opcode == CALL_ONE:
            single = word.c
            sources = &single
            count = 1
        else:
            sources = &frame.code.operands[word.c]
            count = sources[0]
            sources += 1
        values = PyList_New(count)
        for i in range(count):
            value = frame.values[sources[i] >> 1]
            incref(value)
            PyList_SET_ITEM(values, i, <object>value)
        drop_sources(frame.values, sources, count)
        frame.pc += 1
        entry = None
        for i in range(count):
            value = <PyObject*>PyList_GET_ITEM(values, i)
            if is_awaited(frame, sources[i] >> 1, value):
                if entry is None:
                    entry = new_pending(frame, frame.pc - 1, word.a, values)
                source = <Pending>value
                if source.waiters is None:
                    source.waiters = []
                source.waiters.append((entry, i))
                entry.missing += 1
        if entry is not None:
            store_pending(frame, entry)
            return RESUMED
        return perform(machine, frame, frame.pc - 1, values, None)
    except BaseException as error:
        machine.error = error
        return STATUS_FAILED


cdef int return_slot(Machine machine, Frame frame, int32_t slot) except -1:
    # RETURN on the slow path: the value may be awaited.
    cdef PyObject* value = frame.values[slot]
    if not is_awaited(frame, slot, value):
        frame.values[slot] = NULL
        return machine.return_from(frame, value)
    return wait_for(machine, frame, <Pending>value)


cdef int wait_for(Machine machine, Frame frame, Pending entry) except -1:
    # Suspends a frame until the value of `entry` is there.
    cdef Pending promise
    cdef Frame parent = frame.parent
    if entry.waiters is None:
        entry.waiters = []
    entry.waiters.append((frame, -1))
    machine.current = None
    if frame.promise is None and parent is not None:
        # The caller continues without the value.
        promise = new_pending(parent, parent.pc - 1, frame.destination, None)
        store_pending(parent, promise)
        frame.promise = promise
        frame.parent = None
        machine.switch_to(parent)
    return RESUMED


cdef int perform(Machine machine, Frame frame, Py_ssize_t pc, list values, Pending entry) noexcept:
    # Executes an instruction whose operands are all there. `entry` is set when it was parked before.
    cdef const Word* word = &frame.code.words[pc]
    cdef PyObject** arguments = cascade_list_items(<PyObject*>values)
    cdef PyObject* constant
    cdef PyObject* result
    cdef Routine routine
    cdef int status
    cdef uint64_t made_before = cascade_results_made
    if not INSTRUCTION_CALLS[word.opcode]:
        constant = frame.code.constants[word.b] if word.opcode == REBUILD else NULL
        result = build_container(word.opcode, constant, arguments, len(values))
        if result == NULL:
            machine.error = cascade_raised()
            return STATUS_FAILED
        return deliver(machine, frame, pc, result, entry)
    if machine.max_steps >= 0 and machine.taken >= machine.max_steps:
        return stop_at_limit(machine, frame, pc, True)
    routine = <Routine>frame.code.constants[word.b]
    try:
        if routine.is_state_machine:
            owner, serial, node, iteration = locate(machine, frame, pc)
            held = machine.context.admit(routine.operation, values, serial, node)
            if held is not None:
                incref(<PyObject*>held)
                return deliver(machine, frame, pc, <PyObject*>held, entry)
            return call_frame(machine, frame, pc, routine, values, entry)
        if machine.calls_by_context or word.opcode == CALL_POLICIES or word.opcode == LOOP_POLICIES:
            # The context also publishes its start: the call may be skipped, or have to wait first.
            machine.taken += 1
            if routine.chooses_route and not machine.observed and not machine.calls_by_context and not machine.context.holds_resources():
                status = continue_with_route(machine, frame, pc, values, entry)
                if status != NO_ROUTE:
                    return status
            owner, serial, node, iteration = locate(machine, frame, pc)
            made = machine.context.call(
                routine.operation, values, serial, node, owner if is_loop(word.opcode) or frame.code.selects else None)
            if made is SAVE_FIRST:
                return stop_before_call(machine, frame, pc, values, entry)
            incref(<PyObject*>made)
            result = <PyObject*>made
            made = None
            if routine.operation is not routine.owner:
                made_before = SEARCHED      # by whoever executes the policies
            return take_result(machine, frame, pc, values, result, entry, False, made_before)
        if machine.observed and not is_loop(word.opcode) and not frame.code.selects:
            if frame.origin is not None:
                machine.context.started(frame.origin, frame.serial, frame.node)
            else:
                machine.context.started(routine.owner, frame.serial, frame.code.nodes[pc])
        if word.opcode == CALL_KERNEL:
            return call_frame(machine, frame, pc, routine, values, entry)
        machine.taken += 1
        result = routine.entry(routine.callee, arguments, routine.positional, routine.keyword_names)
    except BaseException as error:
        return fail_at(machine, frame, pc, error)
    if result == NULL:
        return fail_at(machine, frame, pc, cascade_raised())
    return take_result(machine, frame, pc, values, result, entry, False, made_before)


cdef int call_frame(Machine machine, Frame frame, Py_ssize_t pc, Routine routine, list values, Pending entry) except -1:
    # Runs a task in a frame of its own, as after a tail call; its first step is made there.
    cdef Code code = loop_code_of(machine.context, routine)
    cdef Frame new = machine.enter(code, values[:code.inputs] if routine.is_state_machine else values)
    if routine.is_state_machine:
        code.state_machine = routine
    new.inner = frame.inner or frame.code.selects
    new.origin, new.serial, new.node, new.iteration = locate(machine, frame, pc)
    return start_frame(machine, frame, pc, new, entry)


cdef int deliver(Machine machine, Frame frame, Py_ssize_t pc, PyObject* value, Pending entry) noexcept:
    # Stores the value of the instruction at `pc`, whose reference is stolen.
    cdef object held = <object>value
    cdef int opcode = frame.code.words[pc].opcode
    decref(value)
    try:
        if machine.observed and INSTRUCTION_CALLS[opcode] and not is_loop(opcode) and not frame.code.selects:
            publish_end(machine, frame, pc, held, None)
        if entry is not None:
            machine.resolve(entry, held)
        else:
            incref(value)
            set_slot(frame, frame.code.words[pc].a, value)
        return RESUMED
    except BaseException as error:
        machine.error = error
        return STATUS_FAILED
