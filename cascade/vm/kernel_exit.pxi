# Kernels: side exits, and re-entry after them. Included by _vm.pyx.

cdef tuple exit_plan(Kernel kernel, Py_ssize_t number):
    # Returns the continuation of an exit: (body, function, registers and types of its arguments, registers of ranges,
    # function of an iteration, names of the arguments)
    cdef tuple plan = kernel.exit_plans[number]
    if plan is None:
        found = kernel.code.exits[number]
        continuations = kernel.code.bodies[found.body].continuations
        names = tuple([name for name, _, _ in found.names])
        plan = kernel.exit_plans[number] = (
            found.body, None if found.again else continuations.function(found.statement, names), tuple([at for _, at, _ in found.names]),
            "".join([CODES[kind] for _, _, kind in found.names]).encode(), found.ranges,
            None if found.again else continuations.iteration(found.statement, names), names,
        )
    return plan


cdef Py_ssize_t word_in_body(Kernel kernel, Typed* typed) noexcept:
    # Returns the number of the word of a task's body at which the code has stopped: inside helpers, the outermost call.
    cdef TypedState* state = &typed.state
    cdef const TypedWord* word = state.word if state.depth == 0 else state.calls[0].word
    return word - kernel.words


cdef list values_at_exit(Typed* typed, tuple plan):
    # Returns the values of the variables at an exit.
    cdef tuple registers = <tuple>plan[2]
    cdef bytes kinds = <bytes>plan[3]
    cdef Py_ssize_t i, register
    cdef list values = []
    for i in range(len(registers)):
        register = registers[i]
        values.append(None if register < 0 else boxed(typed.memory[register], kinds[i]))
    return values


cdef list ranges_at_exit(Typed* typed, tuple plan):
    # Returns the ranges of the active loops, from their next items on.
    cdef Py_ssize_t at
    cdef list ranges = []
    for at in plan[4]:
        following = PyLong_FromLongLong(typed.memory[at].i)
        remaining = PyLong_FromLongLong(typed.memory[at + 1].i)
        step = PyLong_FromLongLong(typed.memory[at + 2].i)
        ranges.append(range(following, following + remaining * step, step))
    return ranges


cdef tuple NOTHING = (None,)        # the item of the iteration that is being executed


cdef int reenter_typed(Kernel kernel, Typed* typed, Py_ssize_t word, values) except -1:
    # Loads values into registers, and sets the word to continue at. The slots of the frame, or the caller, hold the objects among them.
    cdef TypedState* state = &typed.state
    cdef Register* registers = typed.memory
    cdef Py_ssize_t at
    for at, kind, value in values:
        if kind == "float":
            registers[at].d = value
        elif kind == "object":
            registers[at].object = <void*>value
        else:
            registers[at].i = value
    state.word = kernel.words + word
    state.registers = registers
    state.depth = 0
    return 0


cdef list kept_arguments(Frame frame, Kernel kernel, registers, types):
    cdef Py_ssize_t at
    cdef list values = []
    for at, kind in zip(registers, types):
        values.append(None if kind == "none" else boxed(frame.typed.memory[at], ord(CODES[kind])))
    return values


cdef int exit_typed(Machine machine, Frame frame) except -1:
    # CPython continues at the statement at which the typed code has stopped, and returns the call's result. After the
    # rest of a loop's iteration, typed code may be re-entered.
    cdef double begun = cascade_clock()
    cdef Kernel kernel = frame.kernel
    cdef Py_ssize_t word_number = word_in_body(kernel, frame.typed)
    cdef Py_ssize_t number = kernel.code.exit_of[word_number]
    cdef tuple plan = exit_plan(kernel, number)
    cdef int outcome = frame.typed.state.outcome
    cdef list kept, values
    cdef double called, seconds = 0.0
    body = kernel.code.bodies[plan[0]]
    if word_number == body.entry and outcome == TYPED_OUT_OF_FUEL:
        # The step that begins here is made when the call is.
        restore_frame(machine, frame, kernel, body, kept_arguments(frame, kernel, body.parameters, body.types))
        machine.taken -= 1
        return RESUMED
    # Objects in registers are held by the slots: all are read before these change.
    kept = kept_arguments(frame, kernel, body.kept, body.types)
    values = values_at_exit(frame.typed, plan)
    ranges = ranges_at_exit(frame.typed, plan)
    function, iteration = plan[1], plan[5]
    called = cascade_clock()
    try:
        if outcome == TYPED_EXITED and iteration is not None and not kernel.retired:
            made = iteration(*values)
            seconds = cascade_clock() - called
            if type(made) is ITERATION_END:
                held = None if kernel.hands_on else copy_slots(frame.values, frame.code.inputs)
                word, values = REENTER(kernel.code, number, made, ranges, held)
                if type(word) is int:
                    reenter_typed(kernel, frame.typed, word, values)
                    count_loss(kernel, begun, seconds, False)
                    return RESUMED
                called = cascade_clock()
                made = word(*values)
                seconds += cascade_clock() - called
        elif function is not None:
            made = function(*values, *[chain(NOTHING, rest) for rest in ranges])
            seconds = cascade_clock() - called
        else:
            # At the end of the body of a `for`.
            function, values = REENTER(kernel.code, number, ITERATION_END("again", dict(zip(plan[6], values))), ranges, None)
            called = cascade_clock()
            made = function(*values)
            seconds = cascade_clock() - called
    except BaseException as error:
        count_loss(kernel, begun, cascade_clock() - called, False)
        frame = restore_frame(machine, frame, kernel, body, kept)
        return fail_at(machine, frame, frame.pc, error)
    count_loss(kernel, begun, seconds, iteration is not None or function is None)
    if frame.typed.begun != NOT_TIMED and cascade_is_special(<PyObject*>made):
        frame.typed.begun = NOT_TIMED
        cannot_be_compared(kernel)
    frame = restore_frame(machine, frame, kernel, body, kept)
    frame.pc += 1
    if frame.code.selects:
        # The state's own operands, of those of the state machine.
        offset, width = frame.code.state_machine.state_operands[body.state]
        kept = kept[offset : offset + width]
    incref(<PyObject*>made)
    return take_result(machine, frame, frame.pc - 1, kept, <PyObject*>made, None, False, frame.made)


cdef int leave_at_step(Machine machine, Frame frame) except -1:
    # The call that a tail call leads to begins here: its arguments are in the registers of the parameters.
    cdef Kernel kernel = frame.kernel
    body = kernel.code.bodies[kernel.code.steps_to[frame.typed.state.word - kernel.words]]
    restore_frame(machine, frame, kernel, body, kept_arguments(frame, kernel, body.parameters, body.types))
    return 0


cdef Frame restore_frame(Machine machine, Frame frame, Kernel kernel, body, list arguments):
    # Restores the frame of the task that is executed, with these arguments. After tail calls it may be another task,
    # whose frame then replaces this one.
    cdef Routine routine = <Routine>frame.code.constants[frame.code.words[frame.pc].b]
    cdef Frame new
    cdef Py_ssize_t i
    if frame.typed.state.deferred:
        count_deferred(machine, frame, kernel)
    frame.kernel = None
    if frame.code.selects:
        frame.pc = frame.code.states[body.state]
    if frame.code.selects or (<Routine?>body.routine).owner is routine.owner:
        for i in range(frame.code.inputs):
            incref(<PyObject*>arguments[i])
            set_slot(frame, i, <PyObject*>arguments[i])
        return frame
    new = machine.enter(loop_code_of(machine.context, <Routine>body.routine), arguments)
    new.origin = routine.owner if frame.origin is None else frame.origin
    new.serial = frame.serial
    new.node = frame.node
    new.iteration = frame.iteration
    new.next_progress = frame.next_progress
    start_frame(machine, frame, frame.pc, new, None)
    return new


cdef int count_deferred(Machine machine, Frame frame, Kernel kernel) except -1:
    # Counts the calls of tasks that tasks have returned: each of these has a number, and a name of its own.
    cdef TypedState* state = &frame.typed.state
    machine.serials += state.deferred
    frame.serial = machine.serials
    frame.node = 0
    frame.origin = (<Routine?>kernel.code.bodies[state.origin].routine).owner
    state.deferred = 0
    return 0
