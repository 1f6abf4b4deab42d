# Kernels: the one for the types of the arguments is found, or made. Included by _vm.pyx.

cdef inline bint watched() noexcept:
    # Whether a debugger, a coverage tool or another tool but a profiler follows lines: then functions are called.
    return cascade_is_traced() or cascade_is_monitored()


cdef inline bint profiled() noexcept:
    # Whether a profiler follows calls.
    return cascade_is_profiled() or cascade_has_tool(2)


cdef bytes key_of(bytes types, Py_ssize_t start):
    return types if start == 0 or start == BY_CALL else b"%s%d" % (types, start)


cdef Kernel find_kernel(context, Routine routine, PyObject** values, Py_ssize_t count, Py_ssize_t start):
    # Returns the kernel for the types of the arguments, which is made when they are first seen; None where there is
    # none. That of a state machine begins with its state number `start`; MAP_ONLY allows one that is for maps only, and BY_CALL is for a
    # call that the VM does not make.
    cdef Kernel kernel
    cdef Py_ssize_t i
    cdef char types[PARAMETER_LIMIT]
    if count > PARAMETER_LIMIT:
        if not routine.is_state_machine:
            context.kernel(routine.owner, ("object",) * count, start == MAP_ONLY)      # says so
        routine.lowering = LOWER_NEVER
        return None
    if watched():
        return None
    for i in range(count):
        types[i] = code_of(type_of(values[i]))
    for kernel in routine.kernels:
        if kernel.count != count:
            continue        # Python code has put it there
        if (kernel.start == start or start < 0 and kernel.start == 0) and same_types(kernel.types, types, count):
            if kernel.guards_hold():
                return None if kernel.retired or (start == MAP_ONLY and kernel.retired_in_maps) else kernel
            if kernel in routine.kernels:       # names are compared by code of users: another thread may have come here
                routine.kernels.remove(kernel)
                routine.outdated += 1
            routine.seen.discard(kernel.key)
            break
    return make_kernel(context, routine, types[:count], start)


cdef bint same_types(const char* one, const char* other, Py_ssize_t count) noexcept:
    cdef Py_ssize_t i
    for i in range(count):
        if one[i] != other[i]:
            return False
    return True


cdef Kernel make_kernel(context, Routine routine, bytes types, Py_ssize_t start, bint requested=False):
    global eager_seconds
    cdef double begun
    cdef bytes key = key_of(types, start)
    cdef int level = routine.map_lowering if start == MAP_ONLY else routine.call_lowering if start == BY_CALL else routine.lowering
    if key in routine.seen:
        return None
    if not requested and level == LOWER_AT_ONCE and routine.calls < WARM:
        routine.calls += 1
        if eager_seconds > EAGER_SECONDS + eager_part * (cascade_clock() - eager_begun):
            return None
    routine.seen.add(key)
    if len(routine.seen) > KERNEL_LIMIT or routine.made >= KERNEL_LIMIT:
        return None
    routine.made += 1
    begun = cascade_thread_clock()
    names = tuple([TYPE_NAMES[chr(code)] for code in types])
    try:
        if routine.is_state_machine:
            made = context.state_machine_kernel(routine, names, start)
        else:
            made = context.kernel(routine.owner, names, start == MAP_ONLY)
    except BaseException:
        routine.seen.discard(key)       # so that the next call raises it again
        routine.made -= 1
        raise
    eager_seconds += cascade_thread_clock() - begun
    if type(made) is Kernel:
        if (<Kernel>made).types_held != types:
            routine.seen.discard(key)
            raise InternalError(f"the context made a kernel for {(<Kernel>made).code.types} instead of {names}")
        routine.kernels.append(made)
        if start != MAP_ONLY:
            routine.call_lowering = max(routine.call_lowering, LOWER_AT_ONCE)
            if routine.lowering != LOWER_NEVER:
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
            routine.lowering = routine.call_lowering = LOWER_NEVER
    return None
