# The machine: the dispatch loop, the slow path, parking. Included by _vm.pyx.

cdef enum:
    POOL_LIMIT = 16            # free frames kept for each code
    POOL_SLOTS = 1 << 20       # frames larger than this are given back at once
    PACE_LIMIT = 4             # task calls between two looks at the clock, at most
    MAP_LIMIT = 16             # inputs of a map that is run by `call_each`, at most


cdef double PACE_TIME = 0.00025     # seconds between two looks that make the pace slow down
cdef double PROGRESS_TIME = 0.1     # seconds between two progress reports of a loop


cdef enum Status:
    RESUMED = 0                # internal: go on with `current`, or with what is ready
    STATUS_DONE = 1
    STATUS_PAUSE = 2
    STATUS_WAIT = 3
    STATUS_FAILED = 4
    NO_ROUTE = 5               # internal: it is for the context to go on with a Router


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
        code: what to run.
        inputs: a value for each of its inputs.
        context: see the head of this module.
        observed: whether the context wants to hear of started and finished tasks.
        managed: whether the context makes every call.
        deadline: on the clock of `time.monotonic()`; 0.0 for none.
        max_steps: how many task calls the run may make; -1 for any number.

    Attributes:
        error: after FAILED, the exception.
    """

    def __cinit__(self, Code code not None, inputs, context, bint observed=False, bint managed=False,
                  double deadline=0.0, int64_t max_steps=-1):
        global machines_made
        machines_made += 1
        self.number = machines_made
        self.context = context
        self.observed = observed
        self.managed = managed
        self.deadline = deadline
        self.max_steps = max_steps
        self.pace = 1
        self.current = self.enter(code, inputs)

    def __dealloc__(self):
        free_typed(self.spare)

    # -- What the outside calls ---------------------------------------------------------------------------------

    def run(self, double slice_seconds=0.0):
        """Runs until DONE, FAILED, WAIT, or, where `slice_seconds` is not 0, PAUSE after about that long."""
        cdef int status
        self.refuse_if_busy()
        if self.error is not None:
            return STATUS_FAILED
        self.running = True
        cascade_depth_add(1)
        self.slice_end = cascade_clock() + slice_seconds if slice_seconds > 0.0 else 0.0
        self.looked = False
        status = RESUMED
        while status == RESUMED:
            if self.current is not None:
                status = self.execute()
            else:
                status = self.next_ready()
        cascade_depth_add(-1)
        self.running = False
        return status

    def take(self):
        """After DONE: the value, which the machine lets go."""
        value = self.value
        self.value = None
        return value

    def attach(self, task_group):
        """Gives the machine a crew, which takes over what was waiting for one."""
        self.refuse_if_busy()
        self.task_group = task_group
        waiting = self.unspawned
        self.unspawned = None
        for entry, awaitable in waiting or ():
            try:
                task_group.spawn(entry, awaitable, self.name_of(entry))
            except BaseException as error:
                self.fail(entry, error)

    def complete(self, Pending entry not None, value):
        """The awaitable of `entry` gave `value`."""
        self.refuse_if_busy()
        self.check_awaited(entry)
        entry.awaited_by = 0
        self.landing = True
        incref(<PyObject*>value)
        land(self, entry.frame, entry.pc, entry.values, <PyObject*>value, entry, True)
        self.landing = False

    def fail(self, Pending entry not None, error):
        """The awaitable of `entry` raised `error`."""
        self.refuse_if_busy()
        self.check_awaited(entry)
        entry.awaited_by = 0
        self.landing = True
        self.fail_at(entry.frame, entry.pc, error)
        self.landing = False

    def label(self, Pending entry not None):
        """The (owner, serial, node, iteration) of the task call that `entry` waits for."""
        self.check_awaited(entry)
        return self.locate(entry.frame, entry.pc)

    def close(self):
        """Drops everything that is left. A coroutine that nobody awaited is closed, so that it does not warn."""
        cdef Frame frame = self.current
        cdef Frame above
        self.refuse_if_busy()
        self.number = -1        # nothing is awaited for it any more
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
        """How many task calls were made."""
        return self.taken + self.batch - self.fuel

    @property
    def iteration(self):
        """How often the code that runs now has been started again by a tail call."""
        return 0 if self.current is None else self.current.iteration

    cdef int refuse_if_busy(self) except -1:
        if self.running or self.landing:
            raise InternalError("a machine was entered while it runs")
        return 0

    cdef int check_awaited(self, Pending entry) except -1:
        if entry.awaited_by != self.number:
            raise TypeError("nothing is awaited for this entry")
        return 0

    # -- Frames -------------------------------------------------------------------------------------------------

    cdef Frame enter(self, Code code, object inputs):
        # A frame of `code` with its inputs in place.
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
            self.spend()    # fuel left over from another frame must not take this one past the slow lane

    cdef void spend(self) noexcept:
        # Settles the account of steps, so that the slow lane looks at the next instruction.
        self.taken += self.batch - self.fuel
        self.batch = 0
        self.fuel = 0

    cdef int leave(self, Frame frame, PyObject* value) noexcept:
        # The frame returns `value`, whose reference is taken over.
        cdef Frame parent = frame.parent
        cdef Pending promise = frame.promise
        if type_of(value) == cascade_skipped and not frame.may_skip:
            return self.miss(frame, value)
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
        return STATUS_DONE

    cdef int miss(self, Frame frame, PyObject* value) noexcept:
        # The frame's result was skipped, and something asks for it.
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
        # The value of a parked instruction is there: into its slot, and on to those that wait for it.
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
        status = self.check_limits(None, cascade_clock())
        if status != RESUMED:
            return status
        item = self.ready.popleft()
        if type(item) is Frame:
            self.switch_to(<Frame>item)
            return RESUMED
        entry = <Pending>item
        return self.perform(entry.frame, entry.pc, entry.values, entry)

    # -- The fast lane ------------------------------------------------------------------------------------------

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
        while True:
            if fuel == 0:
                frame.pc = pc
                self.fuel = 0
                status = self.look_around(frame)
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
                result = (<Routine>constants[word.b]).entry(
                    (<Routine>constants[word.b]).callee, &slots[word.c >> 1],
                    (<Routine>constants[word.b]).positional, (<Routine>constants[word.b]).keyword_names)
                if result == NULL or cascade_is_special(result):
                    frame.pc = pc
                    self.fuel = fuel
                    return self.land_call(frame, result, &slots[word.c >> 1], 1)
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
                if result == NULL or cascade_is_special(result):
                    frame.pc = pc
                    self.fuel = fuel
                    return self.land_call(frame, result, arguments, count)
                for i in range(count):
                    if sources[i] & 1:
                        slots[sources[i] >> 1] = NULL
                slots[word.a] = result
                for i in range(count):
                    if sources[i] & 1:
                        decref(arguments[i])
            elif opcode == LOOP:
                fuel -= 1
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
                    elif not cascade_is_special(result):
                        slots[word.a] = result
                        continue
                frame.pc = pc
                self.fuel = fuel
                return self.land_call(frame, result, slots, code.inputs)
            elif opcode == RETURN:
                result = slots[word.c >> 1]
                slots[word.c >> 1] = NULL
                self.fuel = fuel
                return self.leave(frame, result)
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
                # CALL_POLICIES, LOOP_POLICIES: the host calls, one instruction at a time.
                frame.pc = pc - 1
                self.fuel = fuel
                self.spend()
                return self.step(frame)

    cdef bint operands_hold(self, Frame frame, Py_ssize_t pc) noexcept:
        # In a build with CASCADE_ASSERT: what the verifier has promised for the instruction at `pc`.
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

    cdef int land_call(self, Frame frame, PyObject* result, PyObject** arguments, Py_ssize_t count) noexcept:
        # The call before `frame.pc` gave no plain value.
        cdef const Word* word = &frame.code.words[frame.pc - 1]
        cdef list values
        if result == NULL:
            return self.fail_at(frame, frame.pc - 1, cascade_raised())
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
        return land(self, frame, frame.pc - 1, values, result, None, False)

    # -- The slow lane ------------------------------------------------------------------------------------------

    cdef int look_around(self, Frame frame) noexcept:
        # Out of fuel: limits, signals, the event loop's turn; then new fuel, or a single step.
        cdef double now = cascade_clock()
        cdef const Word* word = &frame.code.words[frame.pc]
        cdef int status
        cdef bint loops = is_loop(word.opcode) or frame.code.selects
        cdef bint careful
        if word.opcode == SELECT:
            # Calls take fuel, so it is here that it has run out: on to the next state's call.
            status = select(self, frame)
            if status != RESUMED or self.current is not frame:
                return status
            word = &frame.code.words[frame.pc]
        if self.batch:
            # Fast steps double the fuel up to a limit that keeps a sudden slow one from going unseen for long.
            if now - self.refilled > PACE_TIME:
                self.pace = 1
            elif self.pace < PACE_LIMIT:
                self.pace *= 2
        self.spend()
        status = self.check_limits(frame, now)
        if status != RESUMED:
            return status
        self.refilled = now
        if self.observed and loops and now >= frame.next_progress:
            if frame.next_progress != 0.0:
                try:
                    self.context.progress(*self.locate(frame, frame.pc))
                except BaseException as error:
                    self.error = error
                    return STATUS_FAILED
            frame.next_progress = now + PROGRESS_TIME
        if not self.managed and may_be_typed(self, frame, word):
            return run_typed(self, frame)
        self.batch = self.pace
        careful = frame.outstanding != 0 or self.managed or (self.observed and not loops)
        if self.max_steps >= 0:
            if self.taken >= self.max_steps:
                careful = True      # whether this is a call that has to be made now is for `step` to see
            elif self.batch > self.max_steps - self.taken:
                self.batch = self.max_steps - self.taken
        if careful:
            self.batch = 0
            return self.step(frame)
        self.fuel = self.batch
        return RESUMED

    cdef int check_limits(self, Frame frame, double now) noexcept:
        # Signals, the deadline, and the end of the slice, before which at least one step is made.
        if PyErr_CheckSignals() != 0:
            self.error = cascade_raised()
            return STATUS_FAILED
        if self.deadline != 0.0 and now >= self.deadline:
            if frame is not None:
                return self.stop(frame, frame.pc, False)
            try:
                self.error = self.context.timed_out(self.steps, 0, None)
            except BaseException as error:
                self.error = error
            return STATUS_FAILED
        if self.slice_end != 0.0 and now >= self.slice_end and self.looked:
            return STATUS_PAUSE
        self.looked = True
        return RESUMED

    cdef int stop(self, Frame frame, Py_ssize_t pc, bint by_steps) noexcept:
        # The run has reached max_steps, or its deadline.
        try:
            # A container is put together for the next call, or, at the end, returned.
            while not INSTRUCTION_CALLS[frame.code.words[pc].opcode] and frame.code.words[pc].opcode != RETURN:
                pc += 1
            where = None
            if INSTRUCTION_CALLS[frame.code.words[pc].opcode]:
                where = self.context.where(*self.locate(frame, pc))
            if by_steps:
                self.error = StepLimitError(self.max_steps, frame.iteration, where=where)
            else:
                self.error = self.context.timed_out(self.steps, frame.iteration, where)
        except BaseException as error:
            self.error = error
        return STATUS_FAILED

    cdef int step(self, Frame frame) noexcept:
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
                return self.give_back(frame, word.c >> 1)
            if word.opcode == SELECT:
                return select(self, frame)
            if is_loop(word.opcode):
                values = copy_slots(frame.values, frame.code.inputs)
                frame.pc += 1
                return self.perform(frame, frame.pc - 1, values, None)
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
            return self.perform(frame, frame.pc - 1, values, None)
        except BaseException as error:
            self.error = error
            return STATUS_FAILED

    cdef int give_back(self, Frame frame, int32_t slot) except -1:
        # RETURN in the slow lane: the value may not be there yet.
        cdef PyObject* value = frame.values[slot]
        if not is_awaited(frame, slot, value):
            frame.values[slot] = NULL
            return self.leave(frame, value)
        return self.wait_for(frame, <Pending>value)

    cdef int wait_for(self, Frame frame, Pending entry) except -1:
        # The frame cannot go on before the value of `entry` is there.
        cdef Pending promise
        cdef Frame parent = frame.parent
        if entry.waiters is None:
            entry.waiters = []
        entry.waiters.append((frame, -1))
        self.current = None
        if frame.promise is None and parent is not None:
            # The caller goes on without the value.
            promise = new_pending(parent, -1, frame.destination, None)
            store_pending(parent, promise)
            frame.promise = promise
            frame.parent = None
            self.switch_to(parent)
        return RESUMED

    cdef int perform(self, Frame frame, Py_ssize_t pc, list values, Pending entry) noexcept:
        # Executes an instruction whose operands are all there. `entry` is set when it was parked before.
        cdef const Word* word = &frame.code.words[pc]
        cdef PyObject** arguments = cascade_list_items(<PyObject*>values)
        cdef PyObject* constant
        cdef PyObject* result
        cdef Routine routine
        cdef int status
        if not INSTRUCTION_CALLS[word.opcode]:
            constant = frame.code.constants[word.b] if word.opcode == REBUILD else NULL
            result = build_container(word.opcode, constant, arguments, len(values))
            if result == NULL:
                self.error = cascade_raised()
                return STATUS_FAILED
            return self.deliver(frame, pc, result, entry)
        if self.max_steps >= 0 and self.taken >= self.max_steps:
            return self.stop(frame, pc, True)
        routine = <Routine>frame.code.constants[word.b]
        try:
            if routine.is_state_machine:
                owner, serial, node, iteration = self.locate(frame, pc)
                held = self.context.admit(routine.operation, values, serial, node)
                if held is not None:
                    incref(<PyObject*>held)
                    return self.deliver(frame, pc, <PyObject*>held, entry)
                return self.call_frame(frame, pc, routine, values, entry)
            if self.managed or word.opcode == CALL_POLICIES or word.opcode == LOOP_POLICIES:
                # The host also tells of its start: it may be skipped, or have to wait first.
                self.taken += 1
                if routine.chooses_route and not self.observed and not self.managed and not self.context.holds_resources():
                    status = go_on_with_route(self, frame, pc, values, entry)
                    if status != NO_ROUTE:
                        return status
                owner, serial, node, iteration = self.locate(frame, pc)
                made = self.context.call(
                    routine.operation, values, serial, node, owner if is_loop(word.opcode) or frame.code.selects else None)
                incref(<PyObject*>made)
                result = <PyObject*>made
                made = None
                return land(self, frame, pc, values, result, entry, False)
            if self.observed and not is_loop(word.opcode) and not frame.code.selects:
                if frame.origin is not None:
                    self.context.started(frame.origin, frame.serial, frame.node)
                else:
                    self.context.started(routine.owner, frame.serial, frame.code.nodes[pc])
            if word.opcode == CALL_KERNEL:
                return self.call_frame(frame, pc, routine, values, entry)
            self.taken += 1
            result = routine.entry(routine.callee, arguments, routine.positional, routine.keyword_names)
        except BaseException as error:
            return self.fail_at(frame, pc, error)
        if result == NULL:
            return self.fail_at(frame, pc, cascade_raised())
        return land(self, frame, pc, values, result, entry, False)

    cdef int call_frame(self, Frame frame, Py_ssize_t pc, Routine routine, list values, Pending entry) except -1:
        # The task runs in a frame of its own, as after a tail call; its first step is made there.
        cdef Code code = loop_code_of(self.context, routine)
        cdef Frame new = self.enter(code, values[:code.inputs] if routine.is_state_machine else values)
        if routine.is_state_machine:
            code.machine = routine
        new.inner = frame.inner or frame.code.selects
        new.origin, new.serial, new.node, new.iteration = self.locate(frame, pc)
        return place(self, frame, pc, new, entry)

    cdef int deliver(self, Frame frame, Py_ssize_t pc, PyObject* value, Pending entry) noexcept:
        # The instruction at `pc` has its value, whose reference is taken over.
        cdef object held = <object>value
        cdef int opcode = frame.code.words[pc].opcode
        decref(value)
        try:
            if self.observed and INSTRUCTION_CALLS[opcode] and not is_loop(opcode) and not frame.code.selects:
                self.publish_end(frame, pc, held, None)
            if entry is not None:
                self.resolve(entry, held)
            else:
                incref(value)
                set_slot(frame, frame.code.words[pc].a, value)
            return RESUMED
        except BaseException as error:
            self.error = error
            return STATUS_FAILED

    # -- Names and errors ---------------------------------------------------------------------------------------

    cdef tuple locate(self, Frame frame, Py_ssize_t pc):
        cdef Routine routine
        if frame.origin is not None:
            return frame.origin, frame.serial, frame.node, frame.iteration
        routine = <Routine>frame.code.constants[frame.code.words[pc].b]
        return routine.owner, frame.serial, frame.code.nodes[pc], frame.iteration

    cdef int publish_end(self, Frame frame, Py_ssize_t pc, object value, object error) except -1:
        # As the host wants to hear it, without the tuple of `locate`.
        if frame.origin is not None:
            self.context.finished(frame.origin, frame.serial, frame.node, value, error)
        else:
            routine = <Routine>frame.code.constants[frame.code.words[pc].b]
            self.context.finished((<Routine>routine).owner, frame.serial, frame.code.nodes[pc], value, error)
        return 0

    cdef object name_of(self, Pending entry):
        return (<Routine>entry.frame.code.constants[entry.frame.code.words[entry.pc].b]).name

    cdef int fail_at(self, Frame frame, Py_ssize_t pc, object error) noexcept:
        # The task called by the instruction at `pc` raised `error`.
        cdef Routine routine = <Routine>frame.code.constants[frame.code.words[pc].b]
        try:
            origin, serial, node, iteration = self.locate(frame, pc)
            if self.observed:
                self.context.finished(origin, serial, node, None, error)
            self.context.annotate(error, routine.owner, origin, serial, node, iteration)
            self.error = error
        except BaseException as trouble:
            self.error = trouble
        return STATUS_FAILED


cdef inline bint is_loop(int opcode) noexcept:
    return opcode == LOOP or opcode == LOOP_POLICIES
