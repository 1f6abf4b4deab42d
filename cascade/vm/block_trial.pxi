# Trials of kernels that are made block by block: see kernel_trial.pxi. Included by _vm.pyx.

cdef enum:
    BLOCK_DOUBTS = 4            # calls with exits or call-outs, before the first trial
    BLOCK_ROUNDS = 3            # of a trial that have to agree
    BLOCK_BATCH = 32            # short calls in a sample: the first ones of either way pay for the branches that were predicted for the other
    BLOCK_WARMED = 4            # calls, of which the last one is the sample, where they are longer: for the same reason
    BLOCK_FEW = 3               # samples of each way that are enough where calls take long

cdef double BLOCK_SHORT = 2e-6  # seconds of a call below which several are timed at once
cdef double BLOCK_COLD = 100e-6 # seconds of a call above which the first one is as good as the next
cdef double BLOCK_LONG = 0.01   # seconds of all samples of a round
cdef double BLOCK_SLOWER = 1.02
cdef double BLOCK_GAIN = 1.25
cdef double BLOCK_MUCH_SLOWER = 1.25    # counts for two rounds


cdef double time_of_one_call(int way) noexcept:
    # The processor time of the thread: other processes and threads do not make a sample longer, as one such sample of three decides whether
    # a kernel is kept. The calls of a batch may be made by several threads.
    return cascade_thread_clock() if TRIAL_CLOCK is None else trial_time(way)


cdef void doubt_blocks(BlockKernel kernel) noexcept:
    kernel.doubts += 1
    if kernel.doubts >= kernel.trial.at:
        kernel.trial.on = True
        kernel.batch_left = 0
        kernel.batch_begun = NOT_TIMED
        begin_round(&kernel.trial)


cdef PyObject* call_on_trial(BlockKernel kernel, Routine routine, PyObject** arguments) noexcept:
    # Calls a function by its kernel or as CPython does. Short calls are timed by the batch, from its first to the next one's: reading the
    # clock takes as long as one of them, and what stands between them takes equally long on both ways.
    cdef PyObject* result
    cdef int64_t pieces = pieces_made   # by this kernel or those that it calls
    cdef double seconds, begun = NOT_TIMED
    cdef int way
    if kernel.batch_left == 0:
        end_batch(kernel)
        if not kernel.trial.on:
            return call_plainly_of(routine, arguments) if kernel.callee.retired else run_blocks_of(routine, kernel, arguments)
        begin_batch(kernel)
        if kernel.short_calls and kernel.batch_way == PLAIN_WAY:
            routine.entry = call_in_plain_batch
    kernel.batch_left -= 1
    if kernel.batch_left == 0 and not kernel.short_calls:
        begun = time_of_one_call(kernel.batch_way)
    way = kernel.batch_way      # the function may be called inside
    result = call_plainly_of(routine, arguments) if way == PLAIN_WAY else run_blocks_of(routine, kernel, arguments)
    if result == NULL or leads_elsewhere(result) or pieces_made != pieces:
        kernel.batch_begun = NOT_TIMED
    elif begun != NOT_TIMED:
        seconds = time_of_one_call(way) - begun
        kernel.warms_up = seconds < BLOCK_COLD
        if seconds < BLOCK_SHORT:
            kernel.short_calls = True
            begin_round(&kernel.trial)      # samples of several calls hold what stands between them, those so far do not
        else:
            add_block_sample(kernel, way, seconds, 1)
    return result


cdef inline bint leads_elsewhere(PyObject* result) noexcept:
    # Whether other work of any length follows before the next call. A tail call is followed by a step, which takes equally long on both ways.
    return cascade_is_special(result) and type_of(result) != cascade_tail_call


cdef PyObject* call_in_plain_batch(PyObject* callee, PyObject** arguments, size_t count, PyObject* names) noexcept:
    # The entry of a function meanwhile: nearly what it is where the kernel is retired.
    cdef Routine routine = <Routine>callee
    cdef BlockKernel kernel = <BlockKernel>routine.block_kernel
    cdef PyObject* result
    kernel.batch_left -= 1
    if kernel.batch_left <= 0:
        kernel.batch_left = 0
        routine.entry = call_blocks
    result = routine.plain_entry(routine.plain_callee, arguments, routine.positional, names)
    if result == NULL or leads_elsewhere(result):
        kernel.batch_begun = NOT_TIMED
    return result


cdef void begin_batch(BlockKernel kernel) noexcept:
    cdef int number = kernel.trial.chosen
    kernel.trial.chosen += 1
    kernel.batch_left = BLOCK_BATCH if kernel.short_calls else BLOCK_WARMED if kernel.warms_up else 1
    kernel.batch_way = way_of_number(number)
    if kernel.short_calls:
        kernel.batch_begun = trial_time(kernel.batch_way)
    if number >= 6 * TRIAL_SAMPLES:
        end_block_trial(kernel)     # samples have been lost


cdef void end_batch(BlockKernel kernel) noexcept:
    cdef double begun = kernel.batch_begun
    if begun != NOT_TIMED:
        kernel.batch_begun = NOT_TIMED
        add_block_sample(kernel, kernel.batch_way, trial_time(kernel.batch_way) - begun, BLOCK_BATCH)


cdef void add_block_sample(BlockKernel kernel, int way, double seconds, int calls) noexcept:
    cdef Trial* trial = &kernel.trial
    cdef int fewest
    if not trial.on or trial.counts[way] == TRIAL_SAMPLES:
        return
    trial.seconds[way][trial.counts[way]] = seconds / calls
    trial.counts[way] += 1
    trial.total += seconds
    fewest = min(trial.counts[TYPED_WAY], trial.counts[PLAIN_WAY])
    if fewest == TRIAL_SAMPLES or (fewest >= BLOCK_FEW and trial.total > BLOCK_LONG):
        end_block_round(kernel)


cdef void end_block_round(BlockKernel kernel) noexcept:
    cdef Trial* trial = &kernel.trial
    trial.typical[TYPED_WAY] = least(trial.seconds[TYPED_WAY], trial.counts[TYPED_WAY])
    trial.typical[PLAIN_WAY] = least(trial.seconds[PLAIN_WAY], trial.counts[PLAIN_WAY])
    # The least is that of the shortest calls: where calls differ, the kernel may gain more in the long ones.
    if trial.typical[TYPED_WAY] <= BLOCK_SLOWER * trial.typical[PLAIN_WAY] or gains_in_all(trial):
        end_block_trial(kernel)
        return
    trial.rounds += 1 if trial.typical[TYPED_WAY] <= BLOCK_MUCH_SLOWER * trial.typical[PLAIN_WAY] else 2
    begin_round(trial)
    if trial.rounds >= BLOCK_ROUNDS:
        end_block_trial(kernel)
        kernel.callee.retired = kernel.slower = True


cdef void end_block_trial(BlockKernel kernel) noexcept:
    kernel.trial.on = False
    kernel.trial.rounds = 0
    kernel.trial.at = TRIAL_GROWTH * max(kernel.doubts, BLOCK_DOUBTS)


cdef bint gains_in_all(Trial* trial) noexcept:
    # Whether typed code takes less by the means.
    cdef double typed = typical_time(trial.seconds[TYPED_WAY], trial.counts[TYPED_WAY])
    return BLOCK_GAIN * typed < typical_time(trial.seconds[PLAIN_WAY], trial.counts[PLAIN_WAY])


cdef double least(double* seconds, int count) noexcept:
    # Other processes may have had their turn in any of the samples.
    cdef int i
    cdef double found = seconds[0]
    for i in range(1, count):
        found = min(found, seconds[i])
    return found
