# Snapshots: the frames of a run as data, and a run made of such data. Included by _vm.pyx.
#
# A snapshot is taken while the machine does not run, so each frame stands between two instructions. A call that is under way
# (awaited, or parked with its operands) is data as well: its operands. It is made again when the run is restored.

@cython.final
cdef class Mark:
    """A value that is told by its identity; see vm/snapshot.pxi.

    Args:
        meaning: as it is shown.
    """

    cdef readonly str meaning

    def __cinit__(self, str meaning not None):
        self.meaning = meaning

    def __repr__(self):
        return self.meaning


ABSENT = Mark("no value")
"""In place of the value of a slot that has none yet."""

SAVE_FIRST = Mark("the run has to be saved before this call")
"""What the context returns for a call that may be made only when the run has been saved: the machine then stops before the call."""


@cython.final
cdef class FrameState:
    """A frame as data.

    Attributes:
        code, pc: its position.
        routine: of a loop or a state machine; None for a graph.
        slots: the values of its slots; ABSENT where there is none.
        calls: (position, operands) of the calls that are under way or wait for operands; ABSENT for an operand that is not there yet.
        owner: the number of the frame that takes its result; -1 for the frame whose result is the run's.
        owner_pc: the position of the call there.
        waits: whether the owner waits for the result before it does anything else.
    """

    cdef readonly Code code
    cdef readonly Py_ssize_t pc
    cdef readonly list slots, calls
    cdef readonly Py_ssize_t owner, owner_pc
    cdef readonly bint waits, may_skip, inner
    cdef readonly int64_t iteration, serial
    cdef readonly int32_t node
    cdef readonly object origin
    cdef readonly Routine routine

    def __cinit__(self, Code code not None, Py_ssize_t pc, list slots not None, list calls not None, Py_ssize_t owner=-1, Py_ssize_t owner_pc=0,
                  bint waits=False, bint may_skip=False, bint inner=False, int64_t iteration=0, int64_t serial=0, int32_t node=0, origin=None,
                  Routine routine=None):
        self.code, self.pc, self.slots, self.calls = code, pc, list(slots), list(calls)
        self.owner, self.owner_pc, self.waits = owner, owner_pc, waits
        self.may_skip, self.inner = may_skip, inner
        self.iteration, self.serial, self.node, self.origin = iteration, serial, node, origin
        self.routine = routine


def scalars_of(list values not None, Py_ssize_t longest):
    """Returns a list [position, value] for each value that is there, if all of these are None, booleans, integers of 64 bits, floats, or
    ASCII texts of fewer than `longest` characters; else None."""
    cdef list found = []
    cdef Py_ssize_t at
    cdef int overflow = 0
    for at in range(len(values)):
        value = values[at]
        if value is ABSENT:
            continue
        if type(value) is int:
            PyLong_AsLongLongAndOverflow(<PyObject*>value, &overflow)
            if overflow:
                return None
        elif type(value) is str:
            if len(<str>value) >= longest or not (<str>value).isascii():
                return None
        elif value is not None and type(value) is not float and type(value) is not bool:
            return None
        found.append([at, value])
    return found


cdef list frame_states(Machine machine, awaited):
    # Returns the states of all frames of the run; the one that continues first stands first.
    cdef dict numbers = {}
    cdef dict calls = {}            # by frame: entries
    cdef set promises = set()
    cdef list order = []
    cdef list stack = list(reversed(machine.ready)) if machine.ready else []
    cdef Frame frame
    cdef Pending entry
    cdef Py_ssize_t i
    stack = [*awaited, *[each[0] for each in machine.unspawned or ()], *stack]
    if machine.current is not None:
        stack.append(machine.current)       # it comes first
    seen = set()
    while stack:
        item = stack.pop()
        if item in seen:
            continue
        seen.add(item)
        if type(item) is Frame:
            frame = <Frame>item
            numbers[frame] = len(order)
            order.append(frame)
            if frame.promise is not None:
                promises.add(frame.promise)
                stack.append(frame.promise)
            if frame.parent is not None:
                stack.append(frame.parent)
            for i in range(frame.size):
                if frame.values[i] != NULL and is_awaited(frame, i, frame.values[i]):
                    stack.append(<object>frame.values[i])
            continue
        entry = <Pending?>item
        if entry.over:
            continue
        stack.append(entry.frame)
        if entry.values is not None:
            calls.setdefault(entry.frame, []).append(entry)
            stack.extend([value for value in entry.values if type(value) is Pending and not (<Pending>value).over])
        stack.extend([waiter for waiter, _ in entry.waiters or ()])
    return [state_of(each, numbers, [call for call in calls.get(each, ()) if call not in promises]) for each in order]


cdef object FIRST = itemgetter(0)


cdef FrameState state_of(Frame frame, dict numbers, list calls):
    cdef Pending call
    cdef Routine routine = None
    cdef Py_ssize_t i, owner = -1, owner_pc = 0
    cdef PyObject* held
    cdef list slots = []
    for i in range(frame.size):
        held = frame.values[i]
        slots.append(ABSENT if held == NULL or is_awaited(frame, i, held) else <object>held)
    if frame.promise is not None:
        owner, owner_pc = numbers[frame.promise.frame], frame.promise.pc
    elif frame.parent is not None:
        owner, owner_pc = numbers[frame.parent], frame.parent.pc - 1
    if frame.code.selects:
        routine = frame.code.state_machine
    elif is_loop(frame.code.words[0].opcode):
        routine = <Routine>frame.code.constants[frame.code.words[0].b]
    under_way = sorted([(call.pc, [ABSENT if type(value) is Pending and not (<Pending>value).over else value for value in call.values])
                        for call in calls], key=FIRST)
    return FrameState(frame.code, frame.pc, slots, under_way, owner, owner_pc, frame.promise is None and frame.parent is not None,
                      frame.may_skip, frame.inner, frame.iteration, frame.serial, frame.node, frame.origin, routine)


cdef int restore_frames(Machine machine, list states, Py_ssize_t first) except -1:
    # Replaces the frames of a machine that has not begun; owners stand before the frames that they wait for. Calls that were under
    # way are made again, in their order; then the frame number `first` continues, and then the others.
    cdef list frames = [new_frame_of(machine, <FrameState?>state) for state in states]
    cdef list children = [{} for _ in states]       # by the position of the call: (frame, whether its owner waits)
    cdef FrameState state
    cdef Py_ssize_t number
    for number in range(len(frames)):
        state = <FrameState?>states[number]
        if state.owner >= number or (state.owner < 0) != (number == 0):
            raise unfit(state.code)
        if number > 0:
            children[state.owner][state.owner_pc] = (frames[number], state.waits)
    if not 0 <= first < len(frames):
        raise InternalError(f"a run of {len(frames)} frames continues with frame {first}")
    machine.current = None
    machine.ready = deque()
    for number in range(len(frames)):
        state = <FrameState>states[number]
        if is_loop(state.code.words[0].opcode) or state.code.selects:
            restore_loop(<Frame>frames[number], state, <dict>children[number])
        else:
            restore_graph(machine, <Frame>frames[number], state, <dict>children[number])
        check_slots(<Frame>frames[number], <dict>children[number])
    for number in [first, *[each for each in range(len(frames)) if each != first]]:
        if any([waits or (<Frame>frames[number]).code.selects for _, waits in children[number].values()]):
            continue
        if returns_pending(<Frame>frames[number]):
            machine.ready.appendleft(frames[number])    # it waits for a call before that is made again, and may continue in its place
        else:
            machine.ready.append(frames[number])
    return 0


cdef bint returns_pending(Frame frame) noexcept:
    # Returns whether a frame is at its end, and the value that it returns is not there.
    cdef const Word* word = &frame.code.words[frame.pc]
    cdef PyObject* value = frame.values[word.c >> 1] if word.opcode == RETURN else NULL
    return value != NULL and is_awaited(frame, word.c >> 1, value)


cdef object unfit(Code code):
    return InternalError(f"the state of a frame does not fit its code, {code.blueprint.name}")


cdef Frame new_frame_of(Machine machine, FrameState state):
    cdef Frame frame
    if len(state.slots) != state.code.slots or not 0 <= state.pc < len(state.code.blueprint.words) // <Py_ssize_t>sizeof(Word):
        raise unfit(state.code)
    if state.code.selects:
        if state.routine is None or loop_code_of(machine.context, state.routine) is not state.code:
            raise unfit(state.code)
        state.code.state_machine = state.routine
    frame = machine.enter(state.code, [None] * state.code.inputs)
    clear_slots(frame)
    frame.pc = state.pc
    frame.iteration, frame.serial, frame.node, frame.origin = state.iteration, state.serial, state.node, state.origin
    frame.may_skip, frame.inner = state.may_skip, state.inner
    return frame


cdef int restore_loop(Frame frame, FrameState state, dict children) except -1:
    # A task on its own, or a state machine: a call under way is made again, as its operands are still in their slots.
    cdef Py_ssize_t pc
    for pc, _ in state.calls:
        if not 0 <= pc <= frame.pc:
            raise unfit(frame.code)
        frame.pc = pc
    fill_slots(frame, state.slots)
    for pc, (child, _) in children.items():
        if not 0 <= pc <= frame.pc:
            raise unfit(frame.code)
        (<Frame>child).parent = frame
        (<Frame>child).destination = frame.code.words[pc].a
    return 0


cdef int restore_graph(Machine machine, Frame frame, FrameState state, dict children) except -1:
    # Goes through the instructions that were issued, and parks those again whose values are not there.
    cdef dict calls = dict(state.calls)
    cdef Py_ssize_t pc, i, count
    cdef const Word* word
    cdef const int32_t* sources
    cdef int32_t single
    cdef Pending entry
    for pc in range(frame.pc):
        word = &frame.code.words[pc]
        if word.opcode == CALL_ONE:
            single = word.c
            sources = &single
            count = 1
        else:
            sources = &frame.code.operands[word.c] + 1
            count = frame.code.operands[word.c]
        child, waits = children.get(pc, (None, False))
        entry = None
        if pc in calls or (child is not None and not waits):
            operands = calls.get(pc, [None] * count)
            if len(operands) != count:
                raise unfit(frame.code)
            entry = new_pending(frame, pc, word.a, list(operands))
            for i in range(count):
                if child is None and frame.values[sources[i] >> 1] != NULL:
                    wait_for_operand(<Pending?><object>frame.values[sources[i] >> 1], entry, i)
        for i in range(count):
            if sources[i] & 1:
                set_slot(frame, sources[i] >> 1, NULL)
        set_slot(frame, word.a, NULL)
        if entry is not None:
            store_pending(frame, entry)
            if child is not None:
                (<Frame>child).promise = entry
            elif entry.missing == 0:
                machine.ready.append(entry)
        elif child is not None:
            if pc != frame.pc - 1:
                raise unfit(frame.code)
            (<Frame>child).parent = frame
            (<Frame>child).destination = word.a
    fill_slots(frame, state.slots)
    return 0


cdef int wait_for_operand(Pending source, Pending entry, Py_ssize_t position) except -1:
    if source.waiters is None:
        source.waiters = []
    source.waiters.append((entry, position))
    entry.missing += 1
    return 0


cdef int fill_slots(Frame frame, list slots) except -1:
    # Fills in the values; a slot without one keeps its Pending.
    cdef Py_ssize_t i
    for i in range(frame.code.slots):
        value = slots[i]
        if value is not ABSENT and frame.values[i] == NULL:
            incref(<PyObject*>value)
            frame.values[i] = <PyObject*>value
    return 0


cdef int check_slots(Frame frame, dict children) except -1:
    # Raises where an instruction that is still to come would read an empty slot: the VM relies on it that none does.
    cdef set full = {i for i in range(frame.code.slots) if frame.values[i] != NULL}
    cdef Code code = frame.code
    cdef Py_ssize_t pc
    for pc, (child, waits) in children.items():
        if waits or code.selects:
            full.add(code.words[pc].a)
    if is_loop(code.words[0].opcode) or code.selects:
        # The inputs stay in their slots. A call writes another one, which the word behind it reads.
        needed = set() if code.words[frame.pc].opcode == RETURN else set(range(code.inputs))
        if not INSTRUCTION_CALLS[code.words[frame.pc].opcode]:
            needed.add(code.words[frame.pc].c >> 1)
        if not needed <= full:
            raise unfit(code)
        return 0
    words, operands = code.blueprint.word_table, code.blueprint.operand_table
    for pc in range(frame.pc, len(words) // 4):
        row = INSTRUCTIONS[words[4 * pc]]
        for source in row.c.sources(words[4 * pc + 3], code.blueprint):
            if source >> 1 not in full:
                raise unfit(code)
            if source & 1:
                full.discard(source >> 1)
        if row.a.writes(words[4 * pc + 1]) >= 0:
            full.add(row.a.writes(words[4 * pc + 1]))
    return 0


cdef int stop_before_call(Machine machine, Frame frame, Py_ssize_t pc, list values, Pending entry) except -1:
    # Undoes what was done for a call that the context has not made, and stops: the call is made again when the machine continues.
    cdef const Word* word = &frame.code.words[pc]
    cdef const int32_t* sources
    cdef Py_ssize_t i
    machine.taken -= 1
    if entry is not None:
        if machine.ready is None:
            machine.ready = deque()
        machine.ready.appendleft(entry)
        return STATUS_PAUSE
    frame.pc = pc
    if not is_loop(word.opcode):
        sources = &frame.code.operands[word.c] + 1
        for i in range(len(values)):
            if sources[i] & 1 and frame.values[sources[i] >> 1] == NULL:
                incref(<PyObject*>values[i])
                frame.values[sources[i] >> 1] = <PyObject*>values[i]
    return STATUS_PAUSE
