# Kernels: trials, which compare the typed code with CPython by time. Included by _vm.pyx.
#
# Typed code without exits and call-outs needs no trial: entering it takes some 10 ns more than a call, which one turn of a loop gains. Of other
# runs only the clock can tell: after 64 of them some calls are made as typed code and some by CPython, each once, and all are timed. If typed
# code is slower in three rounds, it is retired. Otherwise the next trial begins after eight times as many such runs, so all trials together
# cost next to nothing.
#
# In a map nothing has to be tried, as CPython makes the items that exit: both ways are timed from the first exit on.

cdef enum:
    TRIAL_EXITS = 64            # and call-outs, before the first trial
    TRIAL_GROWTH = 8            # times as many before the next one
    TRIAL_ROUNDS = 3            # that have to agree
    MAP_ROUNDS = 2              # of a map that have to agree, each of TRIAL_EXITS exits
    TYPED_WAY = 0
    PLAIN_WAY = 1

# Typed code that takes so many times as long as CPython is retired: less may be noise.
cdef double TRIAL_SLOWER = 1.1
cdef double NOT_TIMED = -1.0
cdef object TRIAL_CLOCK = None


def use_trial_clock(clock):
    """Replaces the clock of trials, for tests.

    Args:
        clock: called with whether the call is CPython's, before and after each call that is timed; returns seconds as a float. None
            for the real clock.
    """
    global TRIAL_CLOCK
    TRIAL_CLOCK = clock


cdef double trial_time(int way) noexcept:
    if TRIAL_CLOCK is None:
        return cascade_clock()
    return TRIAL_CLOCK(way == PLAIN_WAY)


cdef inline void doubt(Kernel kernel) noexcept:
    # A run with an exit or a call-out.
    kernel.doubts += 1
    if kernel.doubts >= kernel.trial.at and not kernel.trial.on and not kernel.retired:
        kernel.trial.on = True
        begin_round(&kernel.trial)


cdef void begin_round(Trial* trial) noexcept:
    trial.chosen = trial.counts[TYPED_WAY] = trial.counts[PLAIN_WAY] = 0
    trial.total = 0.0


cdef void end_trial(Kernel kernel) noexcept:
    kernel.trial.on = False
    kernel.trial.rounds = 0
    kernel.trial.at = TRIAL_GROWTH * max(kernel.doubts, TRIAL_EXITS)


cdef void cannot_be_compared(Kernel kernel) noexcept:
    # A call by CPython returns a tail call or something to wait for, where the typed code does all of it.
    kernel.trial.on = False
    kernel.trial.at = INT64_MAX


cdef int next_way(Kernel kernel) noexcept:
    # The way of the next call. Not by turns, as arguments may change by turns as well: this sequence (of Thue and Morse) has no period.
    cdef int number = kernel.trial.chosen
    if kernel.steps != 0:
        cannot_be_compared(kernel)
        return TYPED_WAY
    if number == 2 * TRIAL_SAMPLES:
        # Samples have been lost: calls that raised, or that took so long that others had their turn.
        end_trial(kernel)
        return TYPED_WAY
    kernel.trial.chosen += 1
    return way_of_number(number)


cdef inline int way_of_number(int number) noexcept:
    # The sequence of Thue and Morse: the parity of the bits.
    number ^= number >> 4
    number ^= number >> 2
    number ^= number >> 1
    return number & 1


cdef void add_sample(Kernel kernel, int way, double seconds) noexcept:
    cdef Trial* trial = &kernel.trial
    if not trial.on or trial.counts[way] == TRIAL_SAMPLES:
        return
    trial.seconds[way][trial.counts[way]] = seconds
    trial.counts[way] += 1
    if trial.counts[TYPED_WAY] == TRIAL_SAMPLES == trial.counts[PLAIN_WAY]:
        end_round(kernel)


cdef void end_round(Kernel kernel) noexcept:
    cdef Trial* trial = &kernel.trial
    trial.typical[TYPED_WAY] = typical_time(trial.seconds[TYPED_WAY], TRIAL_SAMPLES)
    trial.typical[PLAIN_WAY] = typical_time(trial.seconds[PLAIN_WAY], TRIAL_SAMPLES)
    if trial.typical[TYPED_WAY] <= TRIAL_SLOWER * trial.typical[PLAIN_WAY]:
        end_trial(kernel)
        return
    trial.rounds += 1
    if trial.rounds == TRIAL_ROUNDS:
        end_trial(kernel)
        kernel.retired = kernel.slower = True
    else:
        begin_round(trial)


cdef double typical_time(double* seconds, int count) noexcept:
    # The mean without the slowest quarter: other processes may have had their turn in any. Sorts the samples.
    cdef int i, j
    cdef int most = count - count // 4
    cdef double value, total = 0.0
    for i in range(1, count):
        value = seconds[i]
        j = i
        while j > 0 and seconds[j - 1] > value:
            seconds[j] = seconds[j - 1]
            j -= 1
        seconds[j] = value
    for i in range(most):
        total += seconds[i]
    return total / most


cdef void begin_typed_sample(Machine machine, Kernel kernel, Typed* typed, double begun) noexcept:
    typed.begun = begun
    if begun != NOT_TIMED:
        machine.on_trial = kernel


cdef void end_typed_sample(Kernel kernel, Typed* typed) noexcept:
    # The call is over, with what CPython has made of an exit. A sample counts for one kernel only: another one may have begun since.
    cdef double begun = typed.begun
    typed.begun = NOT_TIMED
    if kernel is not None and typed.state.word >= kernel.words and typed.state.word < kernel.words + kernel.length:
        add_sample(kernel, TYPED_WAY, trial_time(TYPED_WAY) - begun)


cdef PyObject* plain_sample(Kernel kernel, Routine routine, PyObject** arguments) noexcept:
    # The call made by CPython, and timed. NULL, and the exception is set, where it raised.
    cdef double begun = trial_time(PLAIN_WAY)
    cdef PyObject* result = call_plainly_of(routine, arguments)
    if result != NULL:
        if cascade_is_special(result):
            cannot_be_compared(kernel)
        else:
            add_sample(kernel, PLAIN_WAY, trial_time(PLAIN_WAY) - begun)
    return result


cdef void end_map_round(Kernel kernel) noexcept:
    # What an item takes now, exits included, and what one took that CPython made.
    cdef MapTrial* trial = &kernel.map_trial
    cdef double all_items = max(1, trial.items[TYPED_WAY] + trial.items[PLAIN_WAY])
    cdef double typed = (trial.seconds[TYPED_WAY] + trial.seconds[PLAIN_WAY]) / all_items
    cdef double plain = trial.seconds[PLAIN_WAY] / max(1, trial.items[PLAIN_WAY])
    # By the time of the items that typed code has made, so that it does not count how many CPython makes after an exit.
    cdef bint is_slower = trial.seconds[TYPED_WAY] > TRIAL_SLOWER * plain * trial.items[TYPED_WAY]
    trial.rounds = trial.rounds + 1 if is_slower else 0
    if trial.rounds == MAP_ROUNDS:
        kernel.retired_in_maps = True
    trial.typical[TYPED_WAY] = typed
    trial.typical[PLAIN_WAY] = plain
    trial.exits = trial.items[TYPED_WAY] = trial.items[PLAIN_WAY] = 0
    trial.seconds[TYPED_WAY] = trial.seconds[PLAIN_WAY] = 0.0


cdef void add_map_sample(Kernel kernel, int way, double seconds, Py_ssize_t items) noexcept:
    kernel.map_trial.seconds[way] += seconds
    kernel.map_trial.items[way] += items
