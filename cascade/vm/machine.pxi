# Machine: one run, its frames, and the dispatch loop. Included by _vm.pyx.

cdef enum:
    POOL_LIMIT = 16            # free frames kept for each code
    POOL_SLOTS = 1 << 20       # frames larger than this are freed at once
    PACE_LIMIT = 4             # task calls between two readings of the clock, at most
    MAP_LIMIT = 16             # inputs of a map that is run by `call_each`, at most


cdef double PACE_TIME = 0.00025     # seconds between two readings that reset the pace
cdef double PROGRESS_TIME = 0.1     # seconds between two progress reports of a loop


cdef enum Status:
    RESUMED = 0                # internal: continue with `current`, or with the queue of the ready
    STATUS_DONE = 1
    STATUS_PAUSE = 2
    STATUS_WAIT = 3
    STATUS_FAILED = 4
    NO_ROUTE = 5               # internal: the context has to choose the route of a Router


DONE = STATUS_DONE
PAUSE = STATUS_PAUSE
WAIT = STATUS_WAIT
FAILED = STATUS_FAILED


cdef int64_t machines_made = 0

cdef int INSTRUCTION_CALLS[OPCODE_COUNT]
assert len(INSTRUCTIONS) == OPCODE_COUNT, "the extension was built for another table of instructions; build it again"
for _number, _row in enumerate(INSTRUCTIONS):
    INSTRUCTION_CALLS[_number] = _row.calls


@cython.final
@cython.freelist(8)
cdef class Machine:
    """One run of a piece of code.

    Args:
        code: the code to run.
        inputs: a value for each of its inputs.
        context: see the head of this module.
        observed: whether the context is to publish that tasks start and end.
        calls_by_context: whether the context makes every call.
        deadline: on the clock of `time.monotonic()`; 0.0 for none.
        max_steps: the limit of task calls; -1 for none.
        serial: the number of its first graph, by which events name it; those of other machines of the run are smaller, or much greater.

    Attributes:
        error: after FAILED, the exception.
    """

    def __cinit__(self, Code code not None, inputs, context, bint observed=False, bint calls_by_context=False,
                  double deadline=0.0, int64_t max_steps=-1, int64_t serial=0):
        global machines_made
        machines_made += 1
        self.number = machines_made
        self.context = context
        self.observed = observed
        self.calls_by_context = calls_by_context
        self.deadline = deadline
        self.max_steps = max_steps
        self.serials = serial
        self.stop_step = INT64_MAX
        self.pace = 1
        self.current = self.enter(code, inputs)

    def __dealloc__(self):
        free_typed(self.spare)

    # -- Methods for Python -------------------------------------------------------------------------------------

    def run(self, double slice_seconds=0.0):
        """Runs until DONE, FAILED, WAIT, or, where `slice_seconds` is not 0, PAUSE after about that long."""
        self.refuse_if_busy()
        if self.error is not None:
            return STATUS_FAILED
        self.begin(slice_seconds)
        return self.proceed(RESUMED)

    cdef void begin(self, double slice_seconds) noexcept:
        self.running = True
        cascade_depth_add(1)
        self.slice_seconds = slice_seconds
        self.checked = False

    cdef int proceed(self, int status) noexcept:
        # After `begin`: continues with the status of an instruction.
        while status == RESUMED:
            if self.current is not None:
                status = self.execute()
            else:
                status = self.next_ready()
        cascade_depth_add(-1)
        self.running = False
        return status

    def take(self):
        """Returns the value after DONE, and drops it."""
        value = self.value
        self.value = None
        return value

    def attach(self, task_group):
        """Sets the task group, and passes it the awaitables that wait for one."""
        self.refuse_if_busy()
        self.task_group = task_group
        waiting = self.unspawned
        self.unspawned = None
        for entry, awaitable in waiting or ():
            try:
                task_group.spawn(entry, awaitable, name_of(self, entry))
            except BaseException as error:
                self.fail(entry, error)

    def complete(self, Pending entry not None, value):
        """Continues with the value of the awaitable of `entry`."""
        self.refuse_if_busy()
        self.check_awaited(entry)
        entry.awaited_by = 0
        self.completing = True
        incref(<PyObject*>value)
        take_result(self, entry.frame, entry.pc, entry.values, <PyObject*>value, entry, True, entry.made)
        self.completing = False

    def fail(self, Pending entry not None, error):
        """Ends the run with the error of the awaitable of `entry`."""
        self.refuse_if_busy()
        self.check_awaited(entry)
        entry.awaited_by = 0
        self.completing = True
        fail_at(self, entry.frame, entry.pc, error)
        self.completing = False

    def stop_before(self, int64_t step):
        """Makes `run` PAUSE before the call number `step`, at a place where the run can be saved; a negative number for none."""
        self.stop_step = INT64_MAX if step < 0 else step

    @property
    def between_calls(self):
        """Whether the run can be saved: no frame is in the midst of typed code."""
        return self.current is None or self.current.kernel is None

    def frames(self, awaited=()):
        """Returns the states of the frames; those that continue first stand first. `awaited` has the entries of the task group."""
        self.refuse_if_busy()
        if not self.between_calls:
            raise InternalError("a machine was saved in the midst of typed code")
        return frame_states(self, awaited)

    def restore(self, states, Py_ssize_t first, int64_t steps, int64_t serials):
        """Replaces the frames of a machine that has not run yet: owners stand before the frames that they wait for."""
        self.refuse_if_busy()
        restore_frames(self, list(states), first)
        self.taken = steps
        self.serials = serials

    def label(self, Pending entry not None):
        """Returns the (owner, serial, node, iteration) of the task call that `entry` waits for."""
        self.check_awaited(entry)
        return locate(self, entry.frame, entry.pc)

    def close(self):
        """Drops all values. A coroutine that was never awaited is closed, so that it does not warn."""
        cdef Frame frame = self.current
        cdef Frame above
        self.refuse_if_busy()
        self.number = -1        # no entry is accepted any more
        self.current = None
        self.ready = None
        self.error = None       # its traceback may hold the frame that holds this machine
        while frame is not None:
            # One by one: a chain of parents may be longer than the C stack is deep. A Pending leads back to its frame.
            clear_slots(frame)
            above = frame.parent
            frame.parent = None
            frame = above
        waiting = self.unspawned
        self.unspawned = None
        for entry, awaitable in waiting or ():
            close = getattr(awaitable, "close", None)
            if close is not None:
                close()

    @property
    def steps(self):
        """The number of task calls so far."""
        return self.taken + self.batch - self.fuel

    @property
    def graphs(self):
        """The number of graphs that tasks have returned so far: frames are numbered by it."""
        return self.serials

    @property
    def iteration(self):
        """The number of tail calls that have led to the present frame."""
        return 0 if self.current is None else self.current.iteration

    cdef int refuse_if_busy(self) except -1:
        if self.running or self.completing:
            raise InternalError("a machine was entered while it runs")
        return 0

    cdef int check_awaited(self, Pending entry) except -1:
        if entry.awaited_by != self.number:
            raise TypeError("nothing is awaited for this entry")
        return 0

    # -- Frames -------------------------------------------------------------------------------------------------

    cdef Frame enter(self, Code code, object inputs):
        # Returns a frame of `code` with its inputs in its slots.
        cdef Frame frame
        cdef PyObject** items
        cdef Py_ssize_t i, count
        if code.blueprint is None:
            raise InternalError("the code was never verified")
        if type(inputs) is tuple:
            items = cascade_tuple_items(<PyObject*>inputs)
        elif type(inputs) is list:
            items = cascade_list_items(<PyObject*>inputs)
        else:
            raise TypeError(f"inputs must be a tuple or a list, not {type(inputs).__name__}")
        count = len(inputs)
        if count != code.inputs:
            raise TypeError(f"{code.blueprint.name} takes {code.inputs} inputs, {count} were given")
        frame = code.frame()
        for i in range(count):
            incref(items[i])
            frame.values[i] = items[i]
        frame.pc = 0
        frame.outstanding = 0
        frame.iteration = 0
        frame.next_typed = 0
        if frame.typed != NULL:
            frame.typed.begun = NOT_TIMED
        frame.next_progress = 0.0
        frame.made = cascade_results_made
        frame.serial = self.serials
        frame.node = 0
        frame.may_skip = False
        frame.inner = False
        return frame

    cdef void switch_to(self, Frame frame) noexcept:
        self.current = frame
        if frame.outstanding or self.observed:
            self.spend()    # with the fuel of another frame this one would miss the slow path

    cdef void spend(self) noexcept:
        # Takes the fuel, and counts the steps made: the slow path executes the next instruction.
        self.taken += self.batch - self.fuel
        self.batch = 0
        self.fuel = 0

    cdef int return_from(self, Frame frame, PyObject* value) noexcept:
        # The frame returns `value`, whose reference is stolen.
        cdef Frame parent = frame.parent
        cdef Pending promise = frame.promise
        if frame.typed != NULL and frame.typed.begun != NOT_TIMED:
            end_typed_sample(self.on_trial, frame.typed)
        if type_of(value) == cascade_skipped and not frame.may_skip:
            return self.fail_skipped(frame, value)
        try:
            if self.observed and frame.origin is not None and not frame.inner:
                self.context.finished(frame.origin, frame.serial, frame.node, <object>value, None)
            if promise is not None:
                self.current = None
                release_frame(frame)
                self.resolve(promise, <object>value)
                decref(value)
                return RESUMED
        except BaseException as error:
            decref(value)
            self.error = error
            return STATUS_FAILED
        if parent is not None:
            set_slot(parent, frame.destination, value)
            release_frame(frame)
            self.switch_to(parent)
            return RESUMED
        self.current = None
        self.value = <object>value
        decref(value)
        release_frame(frame)
        return self.refuse_value() if names_continuation(<PyObject*>self.value) else STATUS_DONE

    cdef int refuse_value(self) noexcept:
        # The run's value is a Jump, which no state machine has taken, or has a tail call in it.
        try:
            self.error = self.context.not_continued(self.value)
        except BaseException as error:
            self.error = error
        self.value = None
        return STATUS_FAILED

    cdef int fail_skipped(self, Frame frame, PyObject* value) noexcept:
        # The frame's result was skipped, and is needed.
        cdef object skipped = <object>value
        decref(value)
        try:
            error = DependencyMissingError((<Skipped>skipped).task_id, (<Skipped>skipped).reason)
            if self.observed and frame.origin is not None:
                self.context.finished(frame.origin, frame.serial, frame.node, None, error)
            self.error = error
        except BaseException as trouble:
            self.error = trouble
        return STATUS_FAILED

    cdef int resolve(self, Pending entry, object value) except -1:
        # Stores the value of a parked instruction, and passes it to the instructions and frames that wait for it.
        cdef Frame frame = entry.frame
        cdef PyObject** slot = &frame.values[entry.destination]
        cdef Pending waiter
        frame.outstanding -= 1
        entry.over = True
        if slot[0] == <PyObject*>entry:
            incref(<PyObject*>value)
            slot[0] = <PyObject*>value
            decref(<PyObject*>entry)
        for waiting, position in entry.waiters or ():
            if type(waiting) is Frame:
                self.make_ready(waiting)
            else:
                waiter = <Pending>waiting
                waiter.values[position] = value
                waiter.missing -= 1
                if waiter.missing == 0:
                    self.make_ready(waiter)
        entry.waiters = None
        return 0

    cdef int make_ready(self, object item) except -1:
        if self.ready is None:
            self.ready = deque()
        self.ready.append(item)
        return 0

    cdef int next_ready(self) noexcept:
        cdef Pending entry
        cdef int status
        if not self.ready:
            return STATUS_WAIT
        self.spend()
        status = check_limits(self, None, cascade_clock())
        if status != RESUMED:
            return status
        item = self.ready.popleft()
        if type(item) is Frame:
            self.switch_to(<Frame>item)
            return RESUMED
        entry = <Pending>item
        return perform(self, entry.frame, entry.pc, entry.values, entry)

    # -- The fast path ------------------------------------------------------------------------------------------

    cdef int execute(self) noexcept:
        cdef Frame frame = self.current
        cdef Code code = frame.code
        cdef const Word* words = code.words
        cdef PyObject** slots = frame.values
        cdef PyObject** constants = code.constants
        cdef Py_ssize_t pc = frame.pc
        cdef Py_ssize_t fuel = self.fuel
        cdef const Word* word
        cdef const int32_t* sources
        cdef PyObject** arguments
        cdef PyObject* result
        cdef PyObject* old
        cdef Py_ssize_t i, count
        cdef int opcode, status
        cdef uint64_t made
        while True:
            if fuel == 0:
                frame.pc = pc
                self.fuel = 0
                status = refuel(self, frame)
                if status != RESUMED or self.current is not frame:
                    return status
                pc = frame.pc
                fuel = self.fuel
                if fuel == 0:
                    continue
            if DEBUG_CHECKS and not self.operands_hold(frame, pc):
                return STATUS_FAILED
            word = &words[pc]
            pc += 1
            opcode = word.opcode
            if opcode == CALL_ONE:
                fuel -= 1
                old = slots[word.c >> 1]
                made = cascade_results_made
                result = (<Routine>constants[word.b]).entry(
                    (<Routine>constants[word.b]).callee, &slots[word.c >> 1],
                    (<Routine>constants[word.b]).positional, (<Routine>constants[word.b]).keyword_names)
                if result == NULL or may_be_continuation(result, made):
                    frame.pc = pc
                    self.fuel = fuel
                    return self.take_special_result(frame, result, &slots[word.c >> 1], 1, made)
                if word.c & 1:
                    slots[word.c >> 1] = NULL
                    slots[word.a] = result
                    decref(old)
                else:
                    slots[word.a] = result
            elif opcode == CALL or opcode == CALL_KERNEL:
                fuel -= 1
                sources = &code.operands[word.c]
                count = sources[0]
                sources += 1
                arguments = &slots[code.slots]
                for i in range(count):
                    arguments[i] = slots[sources[i] >> 1]
                made = cascade_results_made
                if opcode == CALL_KERNEL and (<Routine>constants[word.b]).lowering != LOWER_NEVER:
                    frame.pc = pc
                    self.fuel = fuel
                    status = call_typed(self, frame, <Routine>constants[word.b], arguments, count, &result)
                    if status != TYPED_CALLED:
                        return status
                else:
                    result = (<Routine>constants[word.b]).entry(
                        (<Routine>constants[word.b]).callee, arguments,
                        (<Routine>constants[word.b]).positional, (<Routine>constants[word.b]).keyword_names)
                if result == NULL or may_be_continuation(result, made):
                    frame.pc = pc
                    self.fuel = fuel
                    return self.take_special_result(frame, result, arguments, count, made)
                for i in range(count):
                    if sources[i] & 1:
                        slots[sources[i] >> 1] = NULL
                slots[word.a] = result
                for i in range(count):
                    if sources[i] & 1:
                        decref(arguments[i])
            elif opcode == LOOP:
                fuel -= 1
                made = cascade_results_made
                result = (<Routine>constants[word.b]).entry(
                    (<Routine>constants[word.b]).callee, slots,
                    (<Routine>constants[word.b]).positional, (<Routine>constants[word.b]).keyword_names)
                if result != NULL:
                    if type_of(result) == cascade_tail_call:
                        if rebind_in_place(frame, <Routine>constants[word.b], <TailCall>result):
                            decref(result)
                            frame.iteration += 1
                            pc -= 1
                            continue
                    elif not may_be_continuation(result, made):
                        slots[word.a] = result
                        continue
                frame.pc = pc
                self.fuel = fuel
                return self.take_special_result(frame, result, slots, code.inputs, made)
            elif opcode == RETURN:
                result = slots[word.c >> 1]
                slots[word.c >> 1] = NULL
                self.fuel = fuel
                return self.return_from(frame, result)
            elif (opcode == LIST or opcode == TUPLE or opcode == SET or opcode == DICT or opcode == REBUILD
                    or opcode == EITHER):
                sources = &code.operands[word.c]
                count = sources[0]
                sources += 1
                arguments = &slots[code.slots]
                for i in range(count):
                    arguments[i] = slots[sources[i] >> 1]
                result = build_container(opcode, constants[word.b], arguments, count)
                if result == NULL:
                    self.fuel = fuel
                    self.error = cascade_raised()
                    return STATUS_FAILED
                drop_sources(slots, sources, count)
                slots[word.a] = result
            elif opcode == SELECT:
                result = slots[word.c >> 1]
                if type_of(result) != cascade_jump or (<Routes>constants[word.b]).targets is None:
                    pc = (<Routes>constants[word.b]).end
                    continue
                frame.pc = pc - 1
                self.fuel = fuel
                status = select(self, frame)
                if status != RESUMED or self.current is not frame:
                    return status
                pc = frame.pc
            else:
                # CALL_POLICIES, LOOP_POLICIES: the context makes the call, one instruction at a time.
                frame.pc = pc - 1
                self.fuel = fuel
                self.spend()
                return step(self, frame)

    cdef bint operands_hold(self, Frame frame, Py_ssize_t pc) noexcept:
        # In a build with CASCADE_ASSERT: checks the verifier's promises for the instruction at `pc`.
        cdef Py_ssize_t slot
        try:
            row = INSTRUCTIONS[frame.code.words[pc].opcode]
            table = frame.code.blueprint
            dropped = set()
            for source in row.c.sources(frame.code.words[pc].c, table):
                slot = source >> 1
                if frame.values[slot] == NULL:
                    raise InternalError(f"{table.name}: word {pc} reads slot {slot}, which is empty")
                if source & 1:
                    dropped.add(slot)
            slot = row.a.writes(frame.code.words[pc].a)
            if slot >= 0 and frame.values[slot] != NULL and slot not in dropped:
                raise InternalError(f"{table.name}: word {pc} writes slot {slot}, which is full")
        except BaseException as error:      # Ctrl-C as well
            self.error = error
            return False
        return True

    cdef int take_special_result(self, Frame frame, PyObject* result, PyObject** arguments, Py_ssize_t count, uint64_t made) noexcept:
        # Continues after a call, before `frame.pc`, whose result may be no plain value, or which raised.
        cdef const Word* word = &frame.code.words[frame.pc - 1]
        cdef list values
        if result == NULL:
            return fail_at(self, frame, frame.pc - 1, cascade_raised())
        try:
            values = copy_slots(arguments, count)
        except BaseException as error:
            decref(result)
            self.error = error
            return STATUS_FAILED
        if word.opcode == CALL_ONE:
            if word.c & 1:
                set_slot(frame, word.c >> 1, NULL)
        elif word.opcode == CALL or word.opcode == CALL_KERNEL:
            drop_sources(frame.values, &frame.code.operands[word.c] + 1, count)
        return take_result(self, frame, frame.pc - 1, values, result, None, False, made)


cdef inline bint is_loop(int opcode) noexcept:
    return opcode == LOOP or opcode == LOOP_POLICIES
