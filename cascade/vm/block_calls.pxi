# Calls of tasks' functions by kernels that are made block by block. Included by _vm.pyx.
#
# `Routine.entry` is `call_counted` at first, which makes the kernel when the function has been called often enough, then `call_blocks`, or
# the function itself. So a kernel is entered wherever the VM calls a function.

cdef enum:
    BLOCK_RETRY = 32            # calls before a kernel is made that there was no time for
    BLOCK_REMADE = 8            # kernels of one function, as names get another meaning
    BLOCK_DOUBTS = 4            # calls with exits or call-outs, before the first trial
    BLOCK_ROUNDS = 3            # of a trial that have to agree
    BLOCK_FEW = 3               # samples of each way that are enough where calls take long

cdef double BLOCK_LONG = 0.01   # seconds of all samples of a round
cdef double BLOCK_SLOWER = 1.05
cdef double BLOCK_MUCH_SLOWER = 1.25    # counts for two rounds


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
        return call_plainly_of(routine, arguments)
    try:
        make_block_kernel(routine)
    except BaseException as error:
        set_error(error)
        return NULL
    return routine.entry(routine.callee, arguments, count, names)


cdef int make_block_kernel(Routine routine) except -1:
    # Makes the kernel of a routine, or has its function called from now on.
    global eager_seconds
    cdef double begun = cascade_clock()
    routine.block_calls = BLOCK_RETRY
    if routine.lowering != LOWER_MUST and eager_seconds > EAGER_SECONDS + eager_part * (begun - eager_begun):
        return 0        # lowering has taken much of the time that the process has run
    made = None
    if routine.blocks_made < BLOCK_REMADE and BLOCK_KERNEL_OF is not None:
        made = BLOCK_KERNEL_OF(routine.function)
    routine.blocks_made += 1
    if type(made) is BlockKernel:
        routine.block_kernel = made
        routine.entry = call_blocks
        routine.callee = <PyObject*>routine
    else:
        routine.block_kernel = None
        routine.block_refusal = made
        routine.entry = routine.plain_entry
        routine.callee = routine.plain_callee
    eager_seconds += cascade_clock() - begun
    return 0


cdef PyObject* call_blocks(PyObject* callee, PyObject** arguments, size_t count, PyObject* names) noexcept:
    # Calls a function by its kernel.
    cdef Routine routine = <Routine>callee
    cdef BlockKernel kernel = <BlockKernel>routine.block_kernel
    cdef PyObject* result
    cdef double begun
    cdef int way
    cdef int64_t called_out, growths
    if kernel.retired or cascade_is_traced() or cascade_is_profiled():
        return call_plainly_of(routine, arguments)
    try:
        if (_tool_of is not None and (watched() or profiled())) or is_changed(kernel):
            if kernel.stale:
                make_block_kernel(routine)
                kernel = None
            return call_plainly_of(routine, arguments)
    except BaseException as error:
        set_error(error)
        return NULL
    if not kernel.trial.on:
        called_out = kernel.called_out
        growths = kernel.growths
        result = run_blocks(kernel, arguments, routine.positional)
        if kernel.called_out != called_out and kernel.growths == growths:
            doubt_blocks(kernel)
        return result
    way = next_block_way(kernel)
    growths = kernel.growths
    begun = trial_time(way)
    result = call_plainly_of(routine, arguments) if way == PLAIN_WAY else run_blocks(kernel, arguments, routine.positional)
    if result != NULL and not cascade_is_special(result) and kernel.growths == growths:
        add_block_sample(kernel, way, trial_time(way) - begun)
    return result


cdef bint is_changed(BlockKernel kernel) except -1:
    # Whether the function has got other code, or a name another meaning: then the kernel is made anew.
    if cascade_guarded(2, <PyObject*>kernel.function) != <PyObject*>kernel.code:
        kernel.stale = True
    return kernel.stale


# -- Trials: see kernel_trial.pxi -----------------------------------------------------------------------------------

cdef void doubt_blocks(BlockKernel kernel) noexcept:
    kernel.doubts += 1
    if kernel.doubts >= kernel.trial.at:
        kernel.trial.on = True
        begin_round(&kernel.trial)


cdef int next_block_way(BlockKernel kernel) noexcept:
    cdef int number = kernel.trial.chosen
    kernel.trial.chosen += 1
    if number >= 6 * TRIAL_SAMPLES:
        end_block_trial(kernel)     # samples have been lost
        return TYPED_WAY
    return way_of_number(number)


cdef void add_block_sample(BlockKernel kernel, int way, double seconds) noexcept:
    cdef Trial* trial = &kernel.trial
    cdef int fewest
    if not trial.on or trial.counts[way] == TRIAL_SAMPLES:
        return
    trial.seconds[way][trial.counts[way]] = seconds
    trial.counts[way] += 1
    trial.total += seconds
    fewest = min(trial.counts[TYPED_WAY], trial.counts[PLAIN_WAY])
    if fewest == TRIAL_SAMPLES or (fewest >= BLOCK_FEW and trial.total > BLOCK_LONG):
        end_block_round(kernel)


cdef void end_block_round(BlockKernel kernel) noexcept:
    cdef Trial* trial = &kernel.trial
    trial.typical[TYPED_WAY] = least(trial.seconds[TYPED_WAY], trial.counts[TYPED_WAY])
    trial.typical[PLAIN_WAY] = least(trial.seconds[PLAIN_WAY], trial.counts[PLAIN_WAY])
    if trial.typical[TYPED_WAY] <= BLOCK_SLOWER * trial.typical[PLAIN_WAY]:
        end_block_trial(kernel)
        return
    trial.rounds += 1 if trial.typical[TYPED_WAY] <= BLOCK_MUCH_SLOWER * trial.typical[PLAIN_WAY] else 2
    begin_round(trial)
    if trial.rounds >= BLOCK_ROUNDS:
        end_block_trial(kernel)
        kernel.retired = kernel.slower = True


cdef void end_block_trial(BlockKernel kernel) noexcept:
    kernel.trial.on = False
    kernel.trial.rounds = 0
    kernel.trial.at = TRIAL_GROWTH * max(kernel.doubts, BLOCK_DOUBTS)


cdef double least(double* seconds, int count) noexcept:
    # Other processes may have had their turn in any of the samples.
    cdef int i
    cdef double found = seconds[0]
    for i in range(1, count):
        found = min(found, seconds[i])
    return found
