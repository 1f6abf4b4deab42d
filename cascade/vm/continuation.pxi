# The result of a call: a value, a tail call, a deferred value or an awaitable. Included by _vm.pyx.

cdef int take_result(Machine machine, Frame frame, Py_ssize_t pc, list values, PyObject* result, Pending entry,
              bint awaited, uint64_t made) noexcept:
    # Continues with the result of a call, whose reference is stolen; there were `made` results before the call.
    cdef object held = <object>result
    decref(result)
    try:
        if type_of(result) == cascade_tail_call:
            return tail_call(machine, frame, pc, values, <TailCall>held, entry)
        if type_of(result) == cascade_deferred:
            return continue_with(machine, frame, pc, held, held, entry, only_result(result, frame.made))
        if cascade_is_awaitable(result) and not awaited:
            if entry is None:
                entry = new_pending(frame, pc, frame.code.words[pc].a, values)
                store_pending(frame, entry)
                machine.spend()
            entry.awaited_by = machine.number
            entry.made = made
            if machine.task_group is not None:
                machine.task_group.spawn(entry, held, name_of(machine, entry))
                return RESUMED
            if machine.unspawned is None:
                machine.unspawned = []
            machine.unspawned.append((entry, held))
            return STATUS_WAIT
        if made != SEARCHED and is_continuation(result, made):
            return continue_with(machine, frame, pc, machine.context.together(held), held, entry, False)
        incref(result)
        return deliver(machine, frame, pc, result, entry)
    except BaseException as error:
        return fail_at(machine, frame, pc, error)


cdef int tail_call(Machine machine, Frame frame, Py_ssize_t pc, list values, TailCall tail, Pending entry) except -1:
    cdef const Word* word = &frame.code.words[pc]
    cdef Routine routine = <Routine>frame.code.constants[word.b]
    cdef bint looping = is_loop(word.opcode)
    cdef bint stays = looping or frame.code.selects     # it is the same node still
    cdef Routine target
    cdef Frame new
    if looping and rebind_in_place(frame, routine, tail):
        # The slots hold the new arguments; the instruction is executed again.
        frame.iteration += 1
        frame.pc = pc
        if entry is not None:
            # Only the frame itself can have waited for this value, to return it.
            frame.outstanding -= 1
            entry.over = True
            set_slot(frame, word.a, NULL)
            if machine.current is not frame:
                machine.make_ready(frame)
        return RESUMED
    target = routine
    if tail.target is not None and tail.target is not routine.owner:
        target = <Routine?>machine.context.target(tail.target, routine.owner)
        if target.owner is routine.owner:
            target = routine        # itself by its name, with the policies that it has here
    if target is routine:
        slots = machine.context.rebind(routine.operation, tuple(values), tail.args, tail.kwargs)
    elif target.simple and tail.keywords is None and len(tail.arguments) == target.positional:
        slots = tail.arguments
    else:
        slots = target.bind(*tail.args, **tail.kwargs)
    if new_deferred(slots, values if target is routine else None, frame.made, target.gathered):
        return continue_with(machine, frame, pc, machine.context.deferred(target.operation, slots), tail, entry, False)
    new = machine.enter(loop_code_of(machine.context, target), slots)
    new.inner = frame.inner or frame.code.selects
    if stays:
        new.origin = routine.owner if frame.origin is None else frame.origin
        new.serial = frame.serial
        new.node = frame.node
    else:
        new.origin = routine.owner
        new.serial = frame.serial
        new.node = frame.code.nodes[pc]
    new.iteration = frame.iteration + 1
    new.next_progress = frame.next_progress
    return start_frame(machine, frame, pc, new, entry)


cdef int continue_with(Machine machine, Frame frame, Py_ssize_t pc, object deferred, object result, Pending entry, bint hands_on) except -1:
    # Continues with the code of a deferred value that a task has returned. `hands_on`: its arguments are data.
    cdef Frame new
    cdef Routine routine
    code, inputs = machine.context.expand(deferred, hands_on)
    if machine.observed and not frame.inner and not frame.code.selects:
        publish_end(machine, frame, pc, result, None)
    machine.serials += 1
    new = machine.enter(<Code?>code, inputs)
    new.iteration = frame.iteration + 1
    if is_loop(new.code.words[new.pc].opcode):
        routine = <Routine>new.code.constants[new.code.words[new.pc].b]
        if routine.lowering == LOWER_HOT:
            routine.calls += DEFERRED_WORTH
    return start_frame(machine, frame, pc, new, entry)


cdef int continue_with_route(Machine machine, Frame frame, Py_ssize_t pc, list values, Pending entry) except -1:
    # A Router: continues with the route that the selector names, if that is compiled; otherwise the context chooses it.
    cdef Frame new
    cdef dict by_key, templates
    cdef list inputs
    if len(values) < 2 or type(values[0]) is Skipped or not isinstance(values[1], CompiledRoutes):
        return NO_ROUTE
    by_key = (<CompiledRoutes>values[1]).by_key
    templates = (<CompiledRoutes>values[1]).templates
    try:
        template = templates.get(by_key[values[0]])
    except (KeyError, TypeError):
        return NO_ROUTE
    if type(template) is not RouteTemplate:
        return NO_ROUTE
    inputs = (<RouteTemplate>template).fill(values, 2)
    if inputs is None:
        return NO_ROUTE
    machine.serials += 1
    new = machine.enter((<RouteTemplate>template).code, inputs)
    new.iteration = frame.iteration + 1
    return start_frame(machine, frame, pc, new, entry)


cdef int start_frame(Machine machine, Frame frame, Py_ssize_t pc, Frame new, Pending entry) except -1:
    # Starts a frame whose result becomes the value of the instruction at `pc`.
    cdef const Word* word = &frame.code.words[pc]
    if word[1].opcode == RETURN and word[1].c >> 1 == word.a:
        # In tail position the new frame replaces the old one: constant memory.
        new.parent = frame.parent
        new.promise = frame.promise
        new.destination = frame.destination
        new.may_skip = frame.may_skip
        if entry is None:
            release_frame(frame)
            machine.switch_to(new)
            return RESUMED
        frame.outstanding -= 1
        entry.over = True
        entry.waiters = None
        set_slot(frame, word.a, NULL)
        if machine.current is frame:
            machine.switch_to(new)
        else:
            continue_in(machine, new)
        return RESUMED
    new.may_skip = (<Routine>frame.code.constants[word.b]).may_skip
    if entry is None:
        new.parent = frame
        new.destination = word.a
        machine.switch_to(new)
    else:
        new.promise = entry
        continue_in(machine, new)
    return RESUMED


cdef int continue_in(Machine machine, Frame frame) except -1:
    # A call that was parked continues in a frame: at once, as one that was not parked does; but after an await it is
    # queued behind the ready ones.
    if machine.running and machine.current is None:
        machine.switch_to(frame)
    else:
        machine.make_ready(frame)
    return 0


cdef bint rebind_in_place(Frame frame, Routine routine, TailCall tail) noexcept:
    # Moves the tail call's arguments into the parameters' slots. Returns False when they have to be bound: the slots
    # then hold some of the new arguments, and binding all of them again has the same result.
    cdef PyObject** slots = frame.values
    cdef Py_ssize_t count = PyTuple_GET_SIZE(tail.arguments)
    cdef Py_ssize_t i, position = 0
    cdef Py_ssize_t size
    cdef bint moved
    cdef PyObject* key
    cdef PyObject* value
    cdef bint is_data = frame.made == cascade_results_made
    if not routine.simple or count > routine.positional:
        return False
    if tail.target is not None and tail.target is not routine.owner:
        return False
    for i in range(count):
        if not move_argument(slots, i, <PyObject*>PyTuple_GET_ITEM(tail.arguments, i), is_data):
            return False
    if tail.keywords is not None:
        size = len(tail.keywords)
        while PyDict_Next(tail.keywords, &position, &key, &value):
            i = routine.find(key)
            if i < count or i < routine.positional_only:
                return False
            # The dict may be the user's own, and the search may run code that empties it.
            incref(value)
            moved = move_argument(slots, i, value, is_data)
            decref(value)
            if not moved or len(tail.keywords) != size:
                return False
    frame.made = cascade_results_made
    return True


cdef inline bint move_argument(PyObject** slots, Py_ssize_t slot, PyObject* value, bint is_data) noexcept:
    cdef PyObject* old = slots[slot]
    if value == old:
        return True
    if not cascade_is_plain(value):
        try:
            if search_handed_on(<object>value, old) if is_data else search_deferred(<object>value, old):
                return False
        except BaseException:
            return False
    incref(value)
    slots[slot] = value
    decref(old)
    return True
