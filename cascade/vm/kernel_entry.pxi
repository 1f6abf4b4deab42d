# Kernels: finding and making them, entering, running and leaving typed code. Included by _vm.pyx.

cdef inline bint fill_one(char kind, PyObject* value, Register* register) noexcept:
    # Unboxes a value of the type that is `kind`; False where an int does not fit.
    cdef int overflow = 0
    if kind == b"i":
        register.i = PyLong_AsLongLongAndOverflow(value, &overflow)
        return overflow == 0
    if kind == b"d":
        register.d = PyFloat_AS_DOUBLE(value)
    elif kind == b"b":
        register.i = value == True_
    elif kind == b"o":
        register.object = value
    return True


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


cdef bint watched() except -1:
    # Whether a debugger or a coverage tool wants to hear of lines: then functions are called.
    if cascade_is_traced():
        return True
    return _tool_of is not None and (_tool_of(0) is not None or _tool_of(1) is not None)


cdef bint profiled() except -1:
    # Whether a profiler wants to hear of calls.
    if cascade_is_profiled():
        return True
    return _tool_of is not None and _tool_of(2) is not None


# From CPython 3.12 on: sys.monitoring has numbers for a debugger, a coverage tool and a profiler.
cdef object _tool_of = getattr(getattr(sys, "monitoring", None), "get_tool", None)


cdef bytes key_of(bytes types, Py_ssize_t start):
    return types if start == 0 else b"%s%d" % (types, start)


cdef Kernel find_kernel(context, Routine routine, PyObject** values, Py_ssize_t count, Py_ssize_t start):
    # The kernel for the types of the arguments, made when they are seen for the first time; None where there is none.
    # That of a state machine begins with its state number `start`; MAP_ONLY asks for one that may be for maps only.
    cdef Kernel kernel
    cdef Py_ssize_t i
    cdef char types[PARAMETER_LIMIT]
    if count > PARAMETER_LIMIT:
        routine.lowering = LOWER_NEVER
        return None
    if watched():
        return None
    for i in range(count):
        types[i] = code_of(type_of(values[i]))
    for kernel in routine.kernels:
        if kernel.count != count:
            continue        # what Python code put there
        if (kernel.start == start or start == MAP_ONLY and kernel.start == 0) and same_types(kernel.types, types, count):
            if kernel.guards_hold():
                return None if kernel.retired else kernel
            routine.kernels.remove(kernel)
            routine.seen.discard(kernel.key)
            break
    return make_kernel(context, routine, types[:count], start)


cdef bint same_types(const char* one, const char* other, Py_ssize_t count) noexcept:
    cdef Py_ssize_t i
    for i in range(count):
        if one[i] != other[i]:
            return False
    return True


cdef Kernel make_kernel(context, Routine routine, bytes types, Py_ssize_t start, bint asked=False):
    global eager_seconds
    cdef double begun
    cdef bytes key = key_of(types, start)
    cdef int level = routine.map_lowering if start == MAP_ONLY else routine.lowering
    if key in routine.seen:
        return None
    if not asked and level == LOWER_AT_ONCE and routine.calls < WARM:
        routine.calls += 1
        if eager_seconds > EAGER_SECONDS + EAGER_PART * (cascade_clock() - eager_begun):
            return None
    routine.seen.add(key)
    if len(routine.seen) > KERNEL_LIMIT or routine.made >= KERNEL_LIMIT:
        return None
    routine.made += 1
    begun = cascade_clock()
    names = tuple([TYPE_NAMES[chr(code)] for code in types])
    try:
        if routine.is_state_machine:
            made = context.machine_kernel(routine, names, start)
        else:
            made = context.kernel(routine.owner, names, start == MAP_ONLY)
    except BaseException:
        routine.seen.discard(key)       # so that it is raised again
        routine.made -= 1
        raise
    eager_seconds += cascade_clock() - begun
    if type(made) is Kernel:
        if (<Kernel>made).types_held != types:
            routine.seen.discard(key)
            raise InternalError(f"the context made a kernel for {(<Kernel>made).code.types} instead of {names}")
        routine.kernels.append(made)
        if start != MAP_ONLY:
            routine.lowering = max(routine.lowering, LOWER_AT_ONCE)
        elif made.code.loops or level == LOWER_MUST:
            routine.seen.add(types)         # it is for calls as well
        else:
            (<Kernel>made).start = MAP_ONLY
            (<Kernel>made).key = key
        return <Kernel>made
    if not routine.kernels and (made is None or len(routine.seen) >= 3) and level != LOWER_MUST:
        if start == MAP_ONLY:
            routine.map_lowering = LOWER_NEVER
        else:
            routine.lowering = LOWER_NEVER
    return None


cdef int make_room(Typed* typed, Py_ssize_t room) except -1:
    # Gives the state memory for at least `room` registers; what is in them stays.
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
    # Makes the state ready to run a kernel; not if an argument does not fit.
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
    return typed


cdef bint enter_kernel(Frame frame, Kernel kernel) except -1:
    # False where an argument does not fit.
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
    kernel.left[state.word - kernel.words] += 1
    # A kernel that keeps leaving costs more than it gains.
    if kernel.exit_count < EXITS:
        return
    if kernel.work < WORK * kernel.exit_count or kernel.lost > kernel.work * kernel.gain:
        kernel.retired = True


cdef void count_loss(Kernel kernel, double begun, double seconds, bint resumed) noexcept:
    # An exit has cost the time around the call of CPython's part; and a part of that, if it went on with a loop.
    kernel.lost += min(cascade_clock() - begun - seconds, EXIT_COST)
    if resumed:
        kernel.lost += RESUMED_COST * seconds


cdef int run_kernel(Frame frame, int64_t limit) except -1:
    # Runs until it returns, leaves, or is out of fuel or steps.
    cdef Kernel kernel = frame.kernel
    cdef TypedState* state = &frame.typed.state
    cdef int64_t given = SHORT_FUEL
    cdef Py_ssize_t asked = 0
    state.fuel = SHORT_FUEL
    state.limit = limit
    state.depth_limit = state.depth + cascade_depth_left() - 8
    cascade_run(state)
    while True:
        if state.outcome == TYPED_OUT_OF_FUEL:
            kernel.work += given
            if given != SHORT_FUEL:
                break
            given = state.fuel = kernel.long_fuel
            with nogil:
                cascade_run(state)
        elif state.outcome == TYPED_ASKS and asked < ASK_LIMIT:
            asked += 1
            if not ask(kernel, state):
                state.outcome = TYPED_LEFT
                break
            state.word += 1
            cascade_run(state)
        elif state.outcome == TYPED_FULL:
            make_more_room(frame.typed)
            cascade_run(state)
        else:
            if state.outcome == TYPED_ASKS:
                state.outcome = TYPED_OUT_OF_FUEL
            kernel.work += given - state.fuel
            break
    return state.outcome


@cython.final
cdef class ProfiledRun:
    """Runs a frame's kernel, once: a profiler may keep it."""
    cdef Frame frame
    cdef int64_t limit

    def __call__(self):
        cdef Frame frame = self.frame
        if frame is None:
            raise InternalError("this run of typed code is over")
        self.frame = None
        if not frame.kernel.guards_hold():
            frame.typed.state.outcome = TYPED_OUT_OF_FUEL       # the profiler changed a name: whoever resumes it exits
            return TYPED_OUT_OF_FUEL
        return run_kernel(frame, self.limit)


cdef int run_profiled(Frame frame, int64_t limit) except -1:
    # What takes several turns is seen several times, as a coroutine is.
    cdef ProfiledRun run = ProfiledRun.__new__(ProfiledRun)
    run.frame = frame
    run.limit = limit
    return frame.kernel.seen(run)


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


cdef bint ask(Kernel kernel, TypedState* state) except -1:
    # Calls a function of Python's that has no effect; False where it raises, or gives what has no register.
    cdef AskEntry* entry = &kernel.questions[state.word.e]
    cdef Register* arguments = state.registers + state.word.b
    cdef PyObject* values[QUESTION_ROOM]
    cdef PyObject* result
    cdef Py_ssize_t i, made = 0
    cdef bint fits = False
    values[0] = NULL
    if entry.function == NULL:
        raise InternalError("typed code calls out to something that is no CallOut")
    if entry.measures:
        return measure(<PyObject*>arguments[0].object, &state.registers[state.word.a])
    for i in range(entry.count):
        values[i] = new_boxed(arguments[i], entry.types[i])
        if values[i] == NULL:
            break
        made += 1
    result = PyObject_Vectorcall(entry.function, values, made, NULL) if made == entry.count else NULL
    for i in range(made):
        decref(values[i])
    if result != NULL:
        fits = unboxed(result, entry.result, &state.registers[state.word.a])
        decref(result)
    elif not PyErr_ExceptionMatches(Exception):
        raise cascade_raised()
    else:
        PyErr_Clear()
    return fits


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


cdef PyObject* new_boxed(Register value, char kind) noexcept:
    # A reference of the caller's own; NULL where there is no memory for it.
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
    # False, and nothing is written, where the register cannot hold it.
    cdef Register found
    if kind not in (b"i", b"d", b"b") or code_of(type_of(value)) != kind or not fill_one(kind, value, &found):
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
    return None


cdef object returned_by(TypedState* state):
    # After TYPED_RETURNED: the value.
    return returned(state.word, state.registers[state.word.a])


cdef inline object returned(const TypedWord* word, Register value):
    # What an instruction has returned.
    if word.run == HANDLERS[<int>KERNEL_RETURN_INT]:
        return PyLong_FromLongLong(value.i)
    if word.run == HANDLERS[<int>KERNEL_RETURN_FLOAT]:
        return value.d
    if word.run == HANDLERS[<int>KERNEL_RETURN_BOOL]:
        return value.i != 0
    return <object><PyObject*>value.object


cdef tuple way_out(Kernel kernel, Py_ssize_t number):
    # (body, function to go on with, registers and types of its arguments, registers of ranges, function of an iteration,
    # names of the arguments)
    cdef tuple way = kernel.ways[number]
    if way is None:
        found = kernel.code.exits[number]
        resumption = kernel.code.bodies[found.body].resumption
        names = tuple([name for name, _, _ in found.names])
        way = kernel.ways[number] = (
            found.body, None if found.again else resumption.function(found.statement, names), tuple([at for _, at, _ in found.names]),
            "".join([CODES[kind] for _, _, kind in found.names]).encode(), found.ranges,
            None if found.again else resumption.iteration(found.statement, names), names,
        )
    return way


cdef Py_ssize_t place_in_body(Frame frame) noexcept:
    # The number of the word of a task's body where the code has stopped: inside helpers, the outermost call.
    cdef TypedState* state = &frame.typed.state
    cdef const TypedWord* word = state.word if state.depth == 0 else state.calls[0].word
    return word - frame.kernel.words


cdef list values_there(Frame frame, tuple way):
    # The values of the variables.
    cdef tuple places = <tuple>way[2]
    cdef bytes kinds = <bytes>way[3]
    cdef Py_ssize_t i, register
    cdef list values = []
    for i in range(len(places)):
        register = places[i]
        values.append(None if register < 0 else boxed(frame.typed.memory[register], kinds[i]))
    return values


cdef list ranges_there(Frame frame, tuple way):
    # What is left of the ranges.
    cdef Py_ssize_t at
    cdef list ranges = []
    for at in way[4]:
        following = PyLong_FromLongLong(frame.typed.memory[at].i)
        left = PyLong_FromLongLong(frame.typed.memory[at + 1].i)
        step = PyLong_FromLongLong(frame.typed.memory[at + 2].i)
        ranges.append(range(following, following + left * step, step))
    return ranges

cdef tuple NOTHING = (None,)        # stands for the iteration that is under way


cdef int enter_again(Frame frame, Kernel kernel, Py_ssize_t word, values) except -1:
    # Values for registers; objects among them are held by the frame's slots.
    cdef TypedState* state = &frame.typed.state
    cdef Register* registers = frame.typed.memory
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


cdef bint may_be_typed(Machine machine, Frame frame, const Word* word) noexcept:
    # Whether this is the time to run the task of a frame, or its state machine, as typed code, or to go on with it.
    cdef Routine routine
    if frame.kernel is not None:
        return True
    if word.opcode == LOOP:
        routine = <Routine>frame.code.constants[word.b]
    elif frame.code.machine is not None and frame.outstanding == 0 and INSTRUCTION_CALLS[word.opcode]:
        routine = frame.code.machine
    else:
        return False
    if routine.lowering == LOWER_NEVER or frame.iteration < frame.next_typed:
        return False
    if machine.max_steps >= 0 and machine.taken >= machine.max_steps:
        return False
    if routine.lowering == LOWER_HOT:
        routine.calls += machine.pace      # about as many as since the last look
        return routine.calls >= HOT
    return True


cdef int run_typed(Machine machine, Frame frame) noexcept:
    # A LOOP, or the call of a state, out of fuel: runs the kernel for the types of the arguments. Where there is none,
    # nothing happens.
    cdef const Word* word = &frame.code.words[frame.pc]
    cdef Routine routine = frame.code.machine
    cdef Kernel kernel = frame.kernel
    cdef Py_ssize_t start = 0
    cdef int64_t limit
    try:
        if kernel is None:
            if routine is None:
                routine = <Routine>frame.code.constants[word.b]
            else:
                start = frame.code.states.index(frame.pc)
            kernel = find_kernel(machine.context, routine, frame.values, frame.code.inputs, start)
            if kernel is None or (machine.observed and kernel.defers) or not enter_kernel(frame, kernel):
                frame.next_typed = frame.iteration + RETRY
                return RESUMED
            machine.taken += 1
        elif not kernel.guards_hold():
            # While others had their turn, a name got another meaning. Here a statement begins.
            return leave_typed(machine, frame)
        limit = machine.max_steps - machine.taken if machine.max_steps >= 0 else INT64_MAX
        return after_typed(machine, frame, run_profiled(frame, limit) if profiled() else run_kernel(frame, limit))
    except BaseException as error:
        frame.kernel = None
        machine.error = error
        return STATUS_FAILED


cdef int after_typed(Machine machine, Frame frame, int outcome) except -1:
    # The typed code of a frame has stopped.
    cdef Kernel kernel = frame.kernel
    cdef TypedState* state = &frame.typed.state
    machine.taken += state.steps
    frame.iteration += state.steps
    kernel.steps += state.steps
    state.steps = 0
    if outcome == TYPED_RETURNED:
        value = returned_by(state)
        if cascade_is_special(<PyObject*>value) or (frame.code.selects and type(value) is Jump):
            return leave_typed(machine, frame)
        if state.deferred:
            note_deferred(machine, frame, kernel)
        if frame.code.selects:
            number = kernel.code.exit_of[place_in_body(frame)]
            frame.pc = frame.code.states[kernel.code.bodies[kernel.code.exits[number].body].state]
        frame.pc += 1
        frame.kernel = None
        incref(<PyObject*>value)
        set_slot(frame, frame.code.words[frame.pc - 1].a, <PyObject*>value)
        if not machine.observed and frame.outstanding == 0:
            machine.batch = machine.fuel = 1      # enough for the RETURN that follows
        return RESUMED
    if outcome == TYPED_LEFT:
        count_exit(kernel, state)
        return leave_typed(machine, frame)
    if outcome == TYPED_OUT_OF_STEPS:
        machine.taken -= 1     # the one that was not made
        if state.deferred:
            note_deferred(machine, frame, kernel)
        return machine.stop(frame, frame.pc, True)
    return RESUMED      # the slow lane looks around, and comes back here


cdef int call_typed(Machine machine, Frame frame, Routine routine, PyObject** arguments, Py_ssize_t count,
                    PyObject** result) noexcept:
    # CALL_KERNEL: gives TYPED_CALLED and the call's result, which may be that of a plain call; or the status, where the
    # typed code goes on in a frame of its own, or was left.
    cdef Kernel kernel
    cdef Frame new
    cdef Typed* typed
    cdef list values
    cdef int outcome
    cdef Py_ssize_t asked = 0
    try:
        if machine.max_steps >= 0 or profiled():
            # The steps in the typed code have to be counted one by one, or a profiler sees them: in a frame of its own.
            values = copy_slots(arguments, count)
            drop_sources(frame.values, &frame.code.operands[frame.code.words[frame.pc - 1].c] + 1, count)
            machine.spend()
            machine.taken -= 1
            return machine.call_frame(frame, frame.pc - 1, routine, values, None)
        kernel = find_kernel(machine.context, routine, arguments, count, 0)
        if kernel is None or not fill_spare(machine, kernel, arguments):
            result[0] = routine.entry(routine.callee, arguments, routine.positional, routine.keyword_names)
            return TYPED_CALLED
        kernel.entries += 1
        typed = machine.spare
        typed.state.fuel = SHORT_FUEL
        typed.state.limit = INT64_MAX
        typed.state.depth_limit = cascade_depth_left() - 8
        cascade_run(&typed.state)
        while typed.state.outcome == TYPED_ASKS and asked < ASK_LIMIT:
            asked += 1
            if not ask(kernel, &typed.state):
                typed.state.outcome = TYPED_LEFT
                break
            typed.state.word += 1
            cascade_run(&typed.state)
        kernel.work += SHORT_FUEL - typed.state.fuel
        outcome = typed.state.outcome
        if outcome == TYPED_RETURNED and typed.state.steps == 0:
            value = returned_by(&typed.state)
            if not cascade_is_special(<PyObject*>value):
                incref(<PyObject*>value)
                result[0] = <PyObject*>value
                return TYPED_CALLED
        # It takes long, or is not plain: a frame of its own takes over what was made.
        values = copy_slots(arguments, count)
        drop_sources(frame.values, &frame.code.operands[frame.code.words[frame.pc - 1].c] + 1, count)
        machine.spend()
        outcome = machine.call_frame(frame, frame.pc - 1, routine, values, None)
        new = machine.current
        machine.spare, new.typed = new.typed, typed
        new.kernel = kernel
        return after_typed(machine, new, typed.state.outcome)
    except BaseException as error:
        machine.error = error
        return STATUS_FAILED


cdef int leave_typed(Machine machine, Frame frame) except -1:
    # CPython goes on at the statement where the typed code has stopped; what it gives is the call's result. After
    # what is left of a loop's iteration, typed code may take over again.
    cdef double begun = cascade_clock()
    cdef Kernel kernel = frame.kernel
    cdef Py_ssize_t place = place_in_body(frame)
    cdef Py_ssize_t number = kernel.code.exit_of[place]
    cdef tuple way = way_out(kernel, number)
    cdef int outcome = frame.typed.state.outcome
    cdef list kept, values
    cdef double called, seconds = 0.0
    body = kernel.code.bodies[way[0]]
    if place == body.entry and outcome == TYPED_OUT_OF_FUEL:
        # The step that begins here is made when the call is.
        settle(machine, frame, kernel, body, kept_arguments(frame, kernel, body.parameters, body.types))
        machine.taken -= 1
        return RESUMED
    # Objects in registers belong to the slots: all are taken before these change.
    kept = kept_arguments(frame, kernel, body.kept, body.types)
    values = values_there(frame, way)
    ranges = ranges_there(frame, way)
    function, iteration = way[1], way[5]
    called = cascade_clock()
    try:
        if outcome == TYPED_LEFT and iteration is not None and not kernel.retired:
            made = iteration(*values)
            seconds = cascade_clock() - called
            if type(made) is ITERATION_END:
                held = None if kernel.hands_on else copy_slots(frame.values, frame.code.inputs)
                word, values = REENTER(kernel.code, number, made, ranges, held)
                if type(word) is int:
                    enter_again(frame, kernel, word, values)
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
            function, values = REENTER(kernel.code, number, ITERATION_END("again", dict(zip(way[6], values))), ranges, None)
            called = cascade_clock()
            made = function(*values)
            seconds = cascade_clock() - called
    except BaseException as error:
        count_loss(kernel, begun, cascade_clock() - called, False)
        frame = settle(machine, frame, kernel, body, kept)
        return machine.fail_at(frame, frame.pc, error)
    count_loss(kernel, begun, seconds, iteration is not None or function is None)
    frame = settle(machine, frame, kernel, body, kept)
    frame.pc += 1
    if frame.code.selects:
        # The state's own operands, of those of the state machine.
        offset, width = frame.code.machine.state_operands[body.state]
        kept = kept[offset : offset + width]
    incref(<PyObject*>made)
    return land(machine, frame, frame.pc - 1, kept, <PyObject*>made, None, False)


cdef Frame settle(Machine machine, Frame frame, Kernel kernel, body, list arguments):
    # The frame is that of a task that is called, with these arguments; tail calls may have led to another task, which
    # then takes the frame's place.
    cdef Routine routine = <Routine>frame.code.constants[frame.code.words[frame.pc].b]
    cdef Frame new
    cdef Py_ssize_t i
    if frame.typed.state.deferred:
        note_deferred(machine, frame, kernel)
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
    place(machine, frame, frame.pc, new, None)
    return new


cdef int note_deferred(Machine machine, Frame frame, Kernel kernel) except -1:
    # Tasks have answered with calls of tasks: each of these has a number, and a name of its own.
    cdef TypedState* state = &frame.typed.state
    machine.serials += state.deferred
    frame.serial = machine.serials
    frame.node = 0
    frame.origin = (<Routine?>kernel.code.bodies[state.origin].routine).owner
    state.deferred = 0
    return 0
