# Kernels: typed code is entered from the dispatch loop, and continued after a stop. Included by _vm.pyx.

cdef bint may_be_typed(Machine machine, Frame frame, const Word* word) noexcept:
    # Returns whether the task of a frame, or its state machine, is to be run or continued as typed code now.
    cdef Routine routine
    if frame.kernel is not None:
        return True
    if word.opcode == LOOP:
        routine = <Routine>frame.code.constants[word.b]
    elif frame.code.state_machine is not None and frame.outstanding == 0 and INSTRUCTION_CALLS[word.opcode]:
        routine = frame.code.state_machine
    else:
        return False
    if routine.lowering == LOWER_NEVER or frame.iteration < frame.next_typed:
        return False
    if machine.max_steps >= 0 and machine.taken >= machine.max_steps:
        return False
    if routine.lowering == LOWER_HOT:
        routine.calls += machine.pace      # about as many as since the last check
        return routine.calls >= HOT
    return True


cdef int run_typed(Machine machine, Frame frame) noexcept:
    # A LOOP, or the call of a state, out of fuel: runs the kernel for the types of the arguments, if there is one.
    cdef const Word* word = &frame.code.words[frame.pc]
    cdef Routine routine = frame.code.state_machine
    cdef Kernel kernel = frame.kernel
    cdef Py_ssize_t start = 0
    cdef int64_t limit
    cdef double begun = NOT_TIMED
    try:
        if kernel is None:
            if routine is None:
                routine = <Routine>frame.code.constants[word.b]
            else:
                start = frame.code.states.index(frame.pc)
            kernel = find_kernel(machine.context, routine, frame.values, frame.code.inputs, start)
            if kernel is not None and kernel.trial.on and word.opcode == LOOP and frame.iteration == 0 and not machine.observed:
                if next_way(kernel) == PLAIN_WAY:
                    return call_plainly(machine, frame, kernel, routine)
                begun = trial_time(TYPED_WAY)
            if kernel is None or (machine.observed and kernel.defers) or not enter_kernel(frame, kernel):
                frame.next_typed = frame.iteration + RETRY
                return RESUMED
            begin_typed_sample(machine, kernel, frame.typed, begun)
            machine.taken += 1
        elif not kernel.guards_hold():
            # While other code ran, a name got another meaning. Here a statement begins.
            return exit_typed(machine, frame)
        limit = steps_left(machine)
        return after_typed(machine, frame, run_profiled(frame, limit) if profiled() else run_kernel(frame.kernel, frame.typed, limit))
    except BaseException as error:
        frame.kernel = None
        machine.error = error
        return STATUS_FAILED


cdef int call_plainly(Machine machine, Frame frame, Kernel kernel, Routine routine) noexcept:
    # A LOOP on trial, made by CPython.
    cdef uint64_t made = cascade_results_made
    cdef PyObject* result = plain_sample(kernel, routine, frame.values)
    machine.taken += 1
    frame.pc += 1
    if result == NULL or may_be_continuation(result, made):
        return machine.take_special_result(frame, result, frame.values, frame.code.inputs, made)
    set_slot(frame, frame.code.words[frame.pc - 1].a, result)
    give_fuel_for_return(machine, frame)
    return RESUMED


cdef inline void give_fuel_for_return(Machine machine, Frame frame) noexcept:
    if not machine.observed and frame.outstanding == 0:
        machine.batch = machine.fuel = 1


cdef int after_typed(Machine machine, Frame frame, int outcome) except -1:
    # Continues after a stop of a frame's typed code.
    cdef Kernel kernel = frame.kernel
    cdef TypedState* state = &frame.typed.state
    machine.taken += state.steps
    frame.iteration += state.steps
    kernel.steps += state.steps
    state.steps = 0
    if outcome == TYPED_RETURNED:
        value = returned_by(state)
        if is_continuation(<PyObject*>value, frame.made) or (frame.code.selects and type(value) is Jump):
            return exit_typed(machine, frame)
        if state.deferred:
            count_deferred(machine, frame, kernel)
        if frame.code.selects:
            number = kernel.code.exit_of[word_in_body(kernel, frame.typed)]
            frame.pc = frame.code.states[kernel.code.bodies[kernel.code.exits[number].body].state]
        frame.pc += 1
        frame.kernel = None
        incref(<PyObject*>value)
        set_slot(frame, frame.code.words[frame.pc - 1].a, <PyObject*>value)
        give_fuel_for_return(machine, frame)
        return RESUMED
    if outcome == TYPED_EXITED:
        count_exit(kernel, state)
        return exit_typed(machine, frame)
    if outcome == TYPED_OUT_OF_STEPS:
        machine.taken -= 1     # the one that was not made
        if machine.max_steps < 0 or machine.taken < machine.max_steps:
            leave_at_step(machine, frame)       # the run is to be saved
            return RESUMED
        if state.deferred:
            count_deferred(machine, frame, kernel)
        return stop_at_limit(machine, frame, frame.pc, True)
    frame.typed.begun = NOT_TIMED       # others may have their turn meanwhile
    return RESUMED      # the slow path checks limits, and enters here again


cdef inline void missed(Routine routine) noexcept:
    # There was no kernel for a call. Looking for one takes some 30 ns, so after many in a row it is not done for each.
    routine.misses += 1
    if routine.misses >= MISSES:
        routine.pause = MISSES - 1


cdef int call_typed(Machine machine, Frame frame, Routine routine, PyObject** arguments, Py_ssize_t count,
                    PyObject** result) noexcept:
    # CALL_KERNEL: returns TYPED_CALLED and the call's result, which may be that of a plain call; or a status, where the
    # typed code continues in a frame of its own, or has exited.
    cdef Kernel kernel
    cdef Frame new
    cdef Typed* typed
    cdef list values
    cdef int outcome
    cdef double begun = NOT_TIMED
    if routine.pause > 0:
        routine.pause -= 1
        result[0] = routine.entry(routine.callee, arguments, routine.positional, routine.keyword_names)
        return TYPED_CALLED
    try:
        if machine.max_steps >= 0 or profiled():
            # Steps in the typed code are limited, or a profiler sees the call: it gets a frame of its own.
            values = copy_slots(arguments, count)
            drop_sources(frame.values, &frame.code.operands[frame.code.words[frame.pc - 1].c] + 1, count)
            machine.spend()
            machine.taken -= 1
            return call_frame(machine, frame, frame.pc - 1, routine, values, None)
        kernel = find_kernel(machine.context, routine, arguments, count, 0)
        if kernel is not None and kernel.trial.on:
            if next_way(kernel) == PLAIN_WAY:
                result[0] = plain_sample(kernel, routine, arguments)
                return TYPED_CALLED
            begun = trial_time(TYPED_WAY)
            kernel = find_kernel(machine.context, routine, arguments, count, 0)     # again, as typed code takes that time as well
        if kernel is None or not fill_spare(machine, kernel, arguments):
            missed(routine)
            result[0] = routine.entry(routine.callee, arguments, routine.positional, routine.keyword_names)
            return TYPED_CALLED
        kernel.entries += 1
        routine.misses = 0
        typed = machine.spare
        outcome = run_shortly(kernel, typed)
        begin_typed_sample(machine, kernel, typed, begun)
        if outcome == TYPED_RETURNED and typed.state.steps == 0:
            value = returned_by(&typed.state)
            if not cascade_is_special(<PyObject*>value):
                incref(<PyObject*>value)
                result[0] = <PyObject*>value
                if begun != NOT_TIMED:
                    end_typed_sample(kernel, typed)
                return TYPED_CALLED
        # It takes long, or its result is no plain value: it continues in a frame of its own.
        values = copy_slots(arguments, count)
        drop_sources(frame.values, &frame.code.operands[frame.code.words[frame.pc - 1].c] + 1, count)
        machine.spend()
        outcome = call_frame(machine, frame, frame.pc - 1, routine, values, None)
        new = machine.current
        machine.spare, new.typed = new.typed, typed
        new.kernel = kernel
        return after_typed(machine, new, typed.state.outcome)
    except BaseException as error:
        machine.error = error
        return STATUS_FAILED
