# Calls of programs; that of one task calls its function without a Machine. Included by _vm.pyx.
#
# Rules and small steps are called millions of times, and their run is a call of one function, which takes less time than making a Machine.
# So the call is made first. A Machine continues where the run is not over then: the function has raised, or has returned no plain value;
# the call took so long that cancellations have to be looked for; or typed code takes longer than a moment.

cdef extern from "Python.h":
    int PyContextVar_Get(PyObject*, PyObject*, PyObject**) noexcept
    bint PyContextVar_CheckExact(object)

cdef extern from "vm/entry.h":
    void cascade_trim_exception() noexcept
    PyObject* cascade_call_whole(PyObject*, PyObject**, size_t, PyObject*) noexcept
    int cascade_take_vectorcalls(PyTypeObject*, PyTypeObject*, Py_ssize_t) except -1


cdef class DirectCall:
    """The base class of programs. Runs that share a context are made here, all others by `__call__` of the subclass.

    Args:
        code: of the program.
        context: of the runs.
        slice_seconds: how long a call may take before cancellations are looked for.
        inputs: those of the code, where the program takes no arguments.
        bind: otherwise, called like the function of the task; returns the tuple of slots.
        positional: so many arguments by position are the slots themselves; -1 where each call has to be bound.
        gathered: the numbers of the slots of `*args` and `**kwargs`.
    """

    def __cinit__(self, *args, **kwargs):
        self.vectorcall = <void*>call_directly

    def __init__(self, Code code not None, context, double slice_seconds, *, inputs=None, bind=None, Py_ssize_t positional=-1,
                 tuple gathered not None=()):
        if self.code is not None:
            raise InternalError("DirectCall.__init__ of one that has its code")
        self.context = context
        self.slice_seconds = slice_seconds
        self.inputs = inputs
        self.bind = bind
        self.positional = positional if positional == code.inputs else -1
        self.gathered = gathered
        self.code = code        # last: now it may be called
        if inputs is None and code.words[0].opcode == LOOP and code.words[1].opcode == RETURN:
            self.routine = <Routine?><object>code.constants[code.words[0].b]


def called_directly(type kind not None):
    """Has the instances of a subclass of `DirectCall` called without their `__call__`, where that makes no difference. Returns the class."""
    cascade_take_vectorcalls(<PyTypeObject*>kind, <PyTypeObject*>DirectCall, <Py_ssize_t>&(<DirectCall>NULL).vectorcall)
    return kind


cdef PyObject* call_directly(PyObject* self, PyObject** arguments, size_t flags, PyObject* names) noexcept:
    cdef DirectCall program = <DirectCall>self
    cdef PyObject* bound = NULL
    cdef PyObject** slots = arguments
    cdef PyObject* result = NULL
    cdef int found
    if program.code is None or program.inputs is not None and (names != NULL or PyVectorcall_NARGS(flags) != 0):
        return cascade_call_whole(self, arguments, flags, names)
    if pass_scopes() != 0:
        pass
    elif program.inputs is not None:
        result = run_machine(program, program.inputs)
    else:
        if names != NULL or PyVectorcall_NARGS(flags) != program.positional:
            bound = PyObject_Vectorcall(<PyObject*>program.bind, arguments, flags, names)
            if bound == NULL and PyErr_ExceptionMatches(TypeError):
                PyErr_Clear()       # it is bound once more, and the parameters are added to the error
                return cascade_call_whole(self, arguments, flags, names)
            slots = slots_of(program, bound)
        if slots != NULL:
            found = hands_on(program, slots)
            if found == 0:
                result = call_once(program, slots) if program.routine is not None else run_with_slots(program, slots)
            elif found > 0:
                result = cascade_call_whole(self, arguments, flags, names)
        xdecref(bound)
    if result == NULL:
        cascade_trim_exception()
    return result


cdef inline int pass_scopes() noexcept:
    # Returns -1 with an exception set where a run around this call has to end: a loop of short programs has to end as well.
    cdef PyObject* scope
    cdef PyObject* checked
    if INNERMOST_SCOPE is None:
        return 0
    if PyContextVar_Get(<PyObject*>INNERMOST_SCOPE, NULL, &scope) < 0:
        return -1
    xdecref(scope)
    if scope == None_ or scope == NULL:
        return 0
    checked = PyObject_Vectorcall(<PyObject*>CHECK_SCOPES, NULL, 0, NULL)
    xdecref(checked)
    return -1 if checked == NULL else 0


cdef PyObject** slots_of(DirectCall program, PyObject* bound) noexcept:
    # Returns the slots in the result of binding, or NULL with an exception set.
    if bound != NULL and (type_of(bound) != <PyTypeObject*>tuple or Py_SIZE(bound) != program.code.inputs):
        PyErr_SetObject(InternalError, "arguments were bound to no tuple of the slots")
        return NULL
    return NULL if bound == NULL else cascade_tuple_items(bound)


cdef inline int hands_on(DirectCall program, PyObject** slots) noexcept:
    # Returns whether an argument is or holds a deferred value; -1 with an exception set.
    cdef Py_ssize_t i
    for i in range(program.code.inputs):
        if not cascade_is_plain(slots[i]):
            return search_slots(program, slots, i)
    return 0


cdef int search_slots(DirectCall program, PyObject** slots, Py_ssize_t first) noexcept:
    cdef Py_ssize_t i
    try:
        for i in range(first, program.code.inputs):
            value = <object>slots[i]
            if search_gathered(value, NULL) if i in program.gathered else search_handed_on(value, NULL):
                return 1
        return 0
    except BaseException as error:
        set_error(error)
        return -1


cdef PyObject* call_once(DirectCall program, PyObject** slots) noexcept:
    cdef Routine routine = program.routine
    cdef uint64_t made = cascade_results_made
    cdef double begun
    cdef bint late
    cdef PyObject* result = NULL
    if PyErr_CheckSignals() != 0:
        return NULL
    if routine.lowering != LOWER_NEVER and looks_for_kernel(routine) and call_typed_code(program, slots, made, &result):
        return result
    begun = cascade_coarse_clock()
    cascade_depth_add(1)
    result = routine.entry(routine.callee, slots, routine.positional, routine.keyword_names)
    cascade_depth_add(-1)
    late = cascade_coarse_clock() - begun >= program.slice_seconds
    if not late and result != NULL and is_value_of_run(result, made):
        return result
    return continue_after_call(program, slots, made, result, late)


cdef inline bint looks_for_kernel(Routine routine) noexcept:
    if routine.lowering == LOWER_HOT and routine.calls < HOT:
        routine.calls += 1
        return False
    if routine.pause > 0:
        routine.pause -= 1
        return False
    return True


cdef inline bint is_value_of_run(PyObject* result, uint64_t made) noexcept:
    return cascade_is_plain(result) or not (
        may_be_continuation(result, made) or type_of(result) == cascade_skipped or names_continuation(result))


cdef PyObject* run_machine(DirectCall program, inputs) noexcept:
    # A run that consists of more than one call, or of one with policies.
    cdef Machine machine
    try:
        machine = Machine(program.code, inputs, program.context)
    except BaseException as error:
        set_error(error)
        return NULL
    machine.begin(program.slice_seconds)
    return finish(program, machine, machine.proceed(RESUMED))


cdef PyObject* run_with_slots(DirectCall program, PyObject** slots) noexcept:
    cdef PyObject* result
    cdef PyObject* inputs = cascade_tuple_of(slots, program.code.inputs)
    if inputs == NULL:
        return NULL
    result = run_machine(program, <object>inputs)
    decref(inputs)
    return result


cdef Machine machine_with_slots(DirectCall program, PyObject** slots, uint64_t made):
    # Returns a machine before the call.
    cdef Machine machine = Machine(program.code, take_new(cascade_tuple_of(slots, program.code.inputs)), program.context)
    machine.current.made = made
    return machine


cdef PyObject* continue_after_call(DirectCall program, PyObject** slots, uint64_t made, PyObject* result, bint late) noexcept:
    # The function has returned `result`, whose reference is stolen, or has raised: NULL.
    cdef object error = cascade_raised() if result == NULL else None
    cdef Machine machine
    cdef Frame frame
    cdef int status
    try:
        machine = machine_with_slots(program, slots, made)
    except BaseException as trouble:
        xdecref(result)
        set_error(trouble)
        return NULL
    frame = machine.current
    frame.pc = 1
    machine.taken = 1
    machine.begin(program.slice_seconds)
    if result == NULL:
        status = fail_at(machine, frame, 0, error)
    elif may_be_continuation(result, made):
        status = machine.take_special_result(frame, result, frame.values, program.code.inputs, made)
    else:
        set_slot(frame, program.code.words[0].a, result)
        status = STATUS_PAUSE if late else RESUMED
    return finish(program, machine, machine.proceed(status))


cdef PyObject* finish(DirectCall program, Machine machine, int status) noexcept:
    # Returns the value of a run with that status, or NULL with the exception set.
    try:
        value = machine.take() if status == STATUS_DONE else program._finish(machine, program.context, status)
    except BaseException as error:
        set_error(error)
        return NULL
    incref(<PyObject*>value)
    return <PyObject*>value


cdef bint call_typed_code(DirectCall program, PyObject** slots, uint64_t made, PyObject** result) noexcept:
    # Returns False where there is no typed code for the arguments.
    cdef Routine routine = program.routine
    cdef Kernel kernel
    cdef Typed* typed = NULL
    cdef Machine machine = None
    cdef int outcome
    try:
        kernel = find_kernel(program.context, routine, slots, program.code.inputs, 0)
        if kernel is None:
            missed(routine)
            return False
        if kernel.trial.on or profiled():
            machine = machine_with_slots(program, slots, made)
            machine.begin(program.slice_seconds)
            result[0] = finish(program, machine, machine.proceed(RESUMED))
            return True
        typed = take_state(kernel, slots)
        if typed == NULL:
            missed(routine)
            return False
        kernel.entries += 1
        routine.misses = 0
        outcome = run_shortly(kernel, typed)
        if outcome == TYPED_RETURNED and typed.state.steps == 0:
            value = returned_by(&typed.state)
            if is_value_of_run(<PyObject*>value, made):
                incref(<PyObject*>value)
                result[0] = <PyObject*>value
                keep_state(typed)
                return True
        machine = machine_with_slots(program, slots, made)
    except BaseException as error:
        if typed != NULL:
            keep_state(typed)
        set_error(error)
        return True
    result[0] = continue_typed_code(program, machine, kernel, typed, outcome)
    return True


cdef PyObject* continue_typed_code(DirectCall program, Machine machine, Kernel kernel, Typed* typed, int outcome) noexcept:
    # It takes longer, has exited, or its result is no plain value: it continues in the frame of a machine, which gets its state.
    cdef Frame frame = machine.current
    cdef int status
    if frame.typed != NULL:
        keep_state(frame.typed)
    frame.typed = typed
    frame.kernel = kernel
    machine.taken = 1
    machine.begin(program.slice_seconds)
    try:
        status = after_typed(machine, frame, outcome)
    except BaseException as error:
        frame.kernel = None
        machine.error = error
        status = STATUS_FAILED
    return finish(program, machine, machine.proceed(status))
