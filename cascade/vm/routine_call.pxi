# Calls of tasks' functions that the VM does not make, as under policies, in threads and in workers, by their kernels. Included by _vm.pyx.
#
# Such a call has no frame of the VM's. Its registers are its own, so any number of calls may be under way at once, on several threads or one
# inside of the other. No exception of the user's passes through a function of Cython's, which would add itself to the traceback.

cdef extern from "Python.h":
    ctypedef struct CMethod "PyMethodDef":
        const char* ml_name
        PyObject* (*ml_meth)(PyObject*, PyObject*) noexcept
        int ml_flags
        const char* ml_doc
    ctypedef PyObject* (*CFunction "PyCFunction")(PyObject*, PyObject*) noexcept
    int METH_FASTCALL, METH_KEYWORDS
    object PyCFunction_New(CMethod*, object)

cdef enum:
    SPARE_LIMIT = 16            # states kept for the next calls
    SPARE_ROOM = 1024           # registers of one that is kept

cdef CMethod CALL_METHOD
CALL_METHOD.ml_name = "call"
CALL_METHOD.ml_meth = <CFunction>call_by_kernels
CALL_METHOD.ml_flags = METH_FASTCALL | METH_KEYWORDS
CALL_METHOD.ml_doc = "Calls the function of a task, by its kernels where it has some."

cdef CMethod ITEM_METHOD
ITEM_METHOD.ml_name = "call_item"
ITEM_METHOD.ml_meth = <CFunction>call_item
ITEM_METHOD.ml_flags = METH_FASTCALL | METH_KEYWORDS
ITEM_METHOD.ml_doc = "As call, for an item of a map that has no kernel of the other kind."

cdef Typed* spare_states = NULL     # changed with the GIL only
cdef int spare_count = 0


cdef PyObject* call_by_kernels(PyObject* self, PyObject** arguments, Py_ssize_t count, PyObject* names) noexcept:
    return call_with_defaults(<Routine>self, arguments, count, names, True)


cdef PyObject* call_item(PyObject* self, PyObject** arguments, Py_ssize_t count, PyObject* names) noexcept:
    return call_with_defaults(<Routine>self, arguments, count, names, False)


cdef PyObject* call_with_defaults(
    Routine routine, PyObject** arguments, Py_ssize_t count, PyObject* names, bint by_typed_code
) noexcept:
    cdef PyObject* defaults
    cdef PyObject* result
    cdef PyObject* filled[PARAMETER_LIMIT]
    if names != NULL or not routine.simple:
        return call_with_names(routine, arguments, count, names)
    if count == routine.positional:
        return call_with_all(routine, arguments, by_typed_code)
    defaults = fill_defaults(routine, arguments, count, filled)
    if defaults == NULL:
        return PyObject_Vectorcall(<PyObject*>routine.function, arguments, count, NULL)
    result = call_with_all(routine, filled, by_typed_code)
    decref(defaults)
    return result


cdef PyObject* call_with_names(Routine routine, PyObject** arguments, Py_ssize_t count, PyObject* names) noexcept:
    # A call by the block kernel, if there is one.
    cdef tuple slots = None
    if routine.may_have_blocks and routine.entry != routine.plain_entry:
        try:
            slots = slots_by_name(routine, arguments, count, names)
        except BaseException as error:
            set_error(error)
            return NULL
    if slots is None:
        return PyObject_Vectorcall(<PyObject*>routine.function, arguments, count, names)
    return routine.entry(routine.callee, cascade_tuple_items(<PyObject*>slots), routine.positional, routine.keyword_names)


cdef tuple slots_by_name(Routine routine, PyObject** arguments, Py_ssize_t count, PyObject* names):
    # Returns a value for each parameter; None where the call has to be refused.
    cdef object function = routine.function if routine.bound == NULL else routine.function.__func__
    cdef list slots = [<object>arguments[i] for i in range(min(count, routine.positional))]
    cdef dict named = {}
    cdef tuple defaults
    cdef Py_ssize_t i, first
    if names != NULL:
        for i in range(Py_SIZE(names)):
            named[<object>cascade_tuple_items(names)[i]] = <object>arguments[count + i]
    if type(function) is not FUNCTION_TYPE or not routine.has_slots_of(function.__code__) or type(function.__defaults__ or ()) is not tuple:
        return None
    defaults = function.__defaults__ or ()
    first = routine.positional - len(defaults)
    for i in range(count, routine.positional):
        name = routine.parameters[i]
        if i >= routine.positional_only and name in named:
            slots.append(named.pop(name))
        elif i >= first:
            slots.append(defaults[i - first])
        else:
            return None
    if routine.varargs:
        slots.append(tuple([<object>arguments[i] for i in range(routine.positional, count)]))
    elif count > routine.positional:
        return None
    for name in routine.keywords:
        if name not in named and name not in (function.__kwdefaults__ or ()):
            return None
        slots.append(named.pop(name) if name in named else function.__kwdefaults__[name])
    if not routine.varkwargs:
        return None if named else tuple(slots)
    for name in routine.parameters[routine.positional_only:routine.positional]:
        if name in named:
            return None
    slots.append(named)
    return tuple(slots)


cdef PyObject* fill_defaults(Routine routine, PyObject** arguments, Py_ssize_t count, PyObject** filled) noexcept:
    # Fills in the arguments that are not given, and returns the tuple that holds them, a new reference; NULL where CPython has to do it.
    cdef PyObject* function = <PyObject*>routine.function
    cdef PyObject* defaults
    cdef Py_ssize_t i, first
    if type_of(function) != <PyTypeObject*>FUNCTION_TYPE or count > routine.positional or routine.positional > PARAMETER_LIMIT:
        return NULL
    defaults = cascade_guarded(3, function)
    if type_of(defaults) != <PyTypeObject*>tuple or (<object>cascade_guarded(2, function)).co_argcount != routine.positional:
        return NULL
    first = routine.positional - Py_SIZE(defaults)
    if count < first:
        return NULL
    for i in range(count):
        filled[i] = arguments[i]
    for i in range(count, routine.positional):
        filled[i] = cascade_tuple_items(defaults)[i - first]
    incref(defaults)
    return defaults


cdef PyObject* call_with_all(Routine routine, PyObject** arguments, bint by_typed_code) noexcept:
    cdef PyObject* result = NULL
    if not by_typed_code:
        pass
    elif routine.pause > 0:
        routine.pause -= 1
    elif routine.call_lowering >= LOWER_AT_ONCE and call_by_typed_code(routine, arguments, &result):
        return result
    return routine.entry(routine.callee, arguments, routine.positional, NULL)


cdef bint call_by_typed_code(Routine routine, PyObject** arguments, PyObject** result) noexcept:
    # Returns whether the call was made: by typed code, or by CPython in its turn of a trial.
    cdef Kernel kernel
    cdef Typed* typed = NULL
    cdef double begun = NOT_TIMED
    try:
        if KERNEL_OF_CALL is None or cascade_depth_left() <= 0 or profiled():
            return False
        kernel = find_kernel(KERNEL_OF_CALL, routine, arguments, routine.positional, BY_CALL)
        if kernel is not None and kernel.counts:
            return False        # each tail call is a call of its own, with the policies
        if kernel is not None and kernel.trial.on:
            if next_way(kernel) == PLAIN_WAY:
                result[0] = plain_sample(kernel, routine, arguments)
                return True
            begun = trial_time(TYPED_WAY)
            kernel = find_kernel(KERNEL_OF_CALL, routine, arguments, routine.positional, BY_CALL)      # takes that time as well
        if kernel is not None:
            typed = take_state(kernel, arguments)
        if typed == NULL:
            missed(routine)
            return False
    except BaseException as error:
        set_error(error)
        return True
    kernel.entries += 1
    routine.misses = 0
    result[0] = run_typed_code(kernel, typed, arguments)
    keep_state(typed)
    if begun != NOT_TIMED and result[0] != NULL:
        if cascade_is_special(result[0]):
            cannot_be_compared(kernel)
        else:
            add_sample(kernel, TYPED_WAY, trial_time(TYPED_WAY) - begun)
    return True


cdef Typed* take_state(Kernel kernel, PyObject** arguments) except? NULL:
    # Returns a state with the arguments in its registers; NULL where one has no register.
    global spare_states, spare_count
    cdef Typed* typed = spare_states
    cdef bint fits = False
    if typed != NULL:
        spare_states = typed.following
        spare_count -= 1
    try:
        typed = start_typed(typed, kernel, arguments, &fits)
    except BaseException:
        free_typed(typed)
        raise
    if not fits:
        keep_state(typed)
        return NULL
    return typed


cdef void keep_state(Typed* typed) noexcept:
    global spare_states, spare_count
    if spare_count == SPARE_LIMIT or typed.room > SPARE_ROOM:
        free_typed(typed)
        return
    typed.following = spare_states
    spare_states = typed
    spare_count += 1


cdef PyObject* run_typed_code(Kernel kernel, Typed* typed, PyObject** arguments) noexcept:
    # Runs until the call is over. Returns its result, or NULL with the exception set.
    cdef TypedState* state = &typed.state
    cdef PyObject* result = NULL
    cdef bint continues = True
    while continues:
        try:
            run_kernel(kernel, typed, INT64_MAX)
            if state.outcome == TYPED_RETURNED:
                value = returned_by(state)
                incref(<PyObject*>value)
                return <PyObject*>value
        except BaseException as error:
            set_error(error)
            return NULL
        if state.outcome == TYPED_OUT_OF_FUEL:
            if pass_typed_checkpoint(kernel, state) != 0:
                return NULL
            continues = guards_still_hold(kernel) or exit_without_frame(kernel, typed, arguments, &result)
        else:
            count_exit(kernel, state)
            continues = exit_without_frame(kernel, typed, arguments, &result)
    return result


cdef bint guards_still_hold(Kernel kernel) noexcept:
    # Other code has run. Where a name cannot be looked up, CPython looks it up and raises.
    try:
        return kernel.guards_hold()
    except BaseException:
        return False


cdef bint exit_without_frame(Kernel kernel, Typed* typed, PyObject** arguments, PyObject** result) noexcept:
    # CPython continues at the statement at which the typed code has stopped. Returns True where typed code has been re-entered after the rest
    # of a loop's iteration; else `result` has what the call has returned, or NULL with the exception set.
    cdef double begun = cascade_clock()
    cdef double called, seconds
    cdef bint resumed = False
    cdef list values
    cdef PyObject* made
    try:
        number = kernel.code.exit_of[word_in_body(kernel, typed)]
        plan = exit_plan(kernel, number)
        values = values_at_exit(typed, plan)
        ranges = ranges_at_exit(typed, plan)
        function = plan[1]
        iteration = None if kernel.retired or typed.state.outcome != TYPED_EXITED else plan[5]
        if iteration is None and function is None:
            # At the end of the body of a `for`.
            function, values = REENTER(kernel.code, number, ITERATION_END("again", dict(zip(plan[6], values))), ranges, None)
            resumed = True
        elif iteration is None:
            values += [chain(NOTHING, rest) for rest in ranges]
    except BaseException as error:
        set_error(error)
        return False
    called = cascade_clock()
    if iteration is not None:
        made = called_with_list(iteration, values)
        seconds = cascade_clock() - called
        if made == NULL or <PyObject*>type_of(made) != <PyObject*>ITERATION_END:
            count_loss(kernel, begun, seconds, made != NULL)
            result[0] = made
            return False
        try:
            ended = take_new(made)
            values = [<object>arguments[i] for i in range(kernel.count)]
            function, values = REENTER(kernel.code, number, ended, ranges, None if kernel.hands_on else values)
            ended = None
            if type(function) is int:
                reenter_typed(kernel, typed, function, values)
                count_loss(kernel, begun, seconds, False)
                return True
        except BaseException as error:
            set_error(error)
            return False
        called = cascade_clock() - seconds
        resumed = True
    result[0] = called_with_list(function, values)
    count_loss(kernel, begun, cascade_clock() - called, resumed)
    return False


cdef inline PyObject* called_with_list(function, list values) noexcept:
    return PyObject_Vectorcall(<PyObject*>function, cascade_list_items(<PyObject*>values), len(values), NULL)
