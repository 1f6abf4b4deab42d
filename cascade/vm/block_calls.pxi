# Calls of tasks' functions by kernels that are made block by block. Included by _vm.pyx.
#
# `Routine.entry` is `call_counted` at first, which makes the kernel when the function has been called often enough, then `call_blocks`, or
# the function itself. So a kernel is entered wherever the VM calls a function.

cdef double BLOCK_WORTH = 0.0002    # seconds of a call for which making a kernel is worth its time, though there is no loop

cdef enum:
    BLOCK_RETRY = 32            # calls before a kernel is made that there was no time for
    BLOCK_REMADE = 8            # kernels of one function, as names get another meaning


def lower_without_delay(bint on):
    """Has kernels made however much of the process's time that takes, and block kernels at the first call, for tests.

    Args:
        on: whether to; False for the usual limits.
    """
    global eager_part, at_first_call
    eager_part = 1e9 if on else EAGER_PART
    at_first_call = on


cdef bint at_first_call = False


cdef PyObject* call_plainly_of(Routine routine, PyObject** arguments) noexcept:
    return routine.plain_entry(routine.plain_callee, arguments, routine.positional, routine.keyword_names)


cdef PyObject* call_counted(PyObject* callee, PyObject** arguments, size_t count, PyObject* names) noexcept:
    # Calls a function that has no kernel yet.
    cdef Routine routine = <Routine>callee
    routine.block_calls -= 1
    if routine.block_calls > 0 and not at_first_call:
        return call_plainly_of(routine, arguments) if routine.block_calls & 15 != 15 else call_timed(routine, arguments)
    try:
        make_block_kernel(routine)
    except BaseException as error:
        set_error(error)
        return NULL
    return routine.entry(routine.callee, arguments, count, names)


cdef PyObject* call_timed(Routine routine, PyObject** arguments) noexcept:
    # One of 16 calls, beginning with the first: where it takes long, the next one has a kernel.
    cdef double begun = cascade_clock()
    cdef PyObject* result = call_plainly_of(routine, arguments)
    if TRIAL_CLOCK is None and cascade_clock() - begun > BLOCK_WORTH:
        routine.block_calls = min(routine.block_calls, 1)
    return result


cdef int make_block_kernel(Routine routine) except -1:
    # Makes the kernel of a routine, or has its function called from now on.
    routine.block_calls = BLOCK_RETRY
    if routine.lowering != LOWER_MUST and eager_seconds > EAGER_SECONDS + eager_part * (cascade_clock() - eager_begun):
        return 0        # lowering has taken much of the time that the process has run
    return take_block_kernel(routine)


cdef int take_block_kernel(Routine routine) except -1:
    # As `make_block_kernel`, however much time lowering has taken.
    global eager_seconds
    cdef double begun = cascade_thread_clock()
    made = None
    if routine.blocks_made < BLOCK_REMADE and BLOCK_KERNEL_OF is not None:
        made = BLOCK_KERNEL_OF(routine.function if routine.bound == NULL else routine.function.__func__)
    routine.blocks_made += 1
    if type(made) is BlockKernel and routine.has_slots_of((<BlockKernel>made).code):
        routine.block_kernel = made
        routine.entry = call_blocks
        routine.callee = <PyObject*>routine
    else:
        routine.block_kernel = None
        routine.block_refusal = None if type(made) is BlockKernel else made
        routine.entry = routine.plain_entry
        routine.callee = routine.plain_callee
    eager_seconds += cascade_thread_clock() - begun
    return 0


cdef PyObject* call_blocks(PyObject* callee, PyObject** arguments, size_t count, PyObject* names) noexcept:
    # Calls a function by its kernel.
    cdef Routine routine = <Routine>callee
    cdef BlockKernel kernel = <BlockKernel>routine.block_kernel
    cdef PyObject* result
    cdef int64_t called_out, pieces
    if kernel.callee.retired:
        routine.entry = routine.plain_entry
        routine.callee = routine.plain_callee
        return call_plainly_of(routine, arguments)
    if watched() or profiled():
        return call_plainly_of(routine, arguments)
    if is_changed(kernel):
        try:
            make_block_kernel(routine)
        except BaseException as error:
            set_error(error)
            return NULL
        return call_plainly_of(routine, arguments)
    if not kernel.trial.on:
        called_out = kernel.callee.called_out
        pieces = pieces_made
        result = run_blocks_of(routine, kernel, arguments)
        # A turn of a loop makes up for what entering takes; nothing is known of other calls.
        if (kernel.callee.called_out != called_out or not kernel.loops) and pieces_made == pieces:
            doubt_blocks(kernel)
        return result
    return call_on_trial(kernel, routine, arguments)


cdef inline bint is_changed(BlockKernel kernel) noexcept:
    # Whether the function has got other code, or a name another meaning: then the kernel is made anew.
    if cascade_guarded(2, <PyObject*>kernel.function) != <PyObject*>kernel.code or (kernel.compares and not kernel.comparisons_hold()):
        kernel.callee.stale = True
    return kernel.callee.stale
