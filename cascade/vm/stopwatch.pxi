# Stopwatches: see vm/stopwatch.h. Included by _vm.pyx.

cdef extern from "vm/kernel.h":
    int64_t cascade_stopwatch_start(Stopwatch*, double*) noexcept
    void cascade_stopwatch_stop(Stopwatch*, int64_t, double) noexcept
    double cascade_stopwatch_total(const Stopwatch*) noexcept
    void cascade_stopwatch_use(double (*)() noexcept, bint)
    double cascade_making

cdef extern from "Python.h":
    void PyErr_Fetch(PyObject**, PyObject**, PyObject**)
    void PyErr_Restore(PyObject*, PyObject*, PyObject*)

cdef object STOPWATCH_CLOCK = None
cdef int64_t pieces_made = 0    # of code, in this process: a sample of a trial in which one was made shows what making it took


def use_stopwatch_clock(clock):
    """Replaces the clock of stopwatches, for tests.

    Args:
        clock: called without arguments; returns seconds as a float. None for the real clock.
    """
    global STOPWATCH_CLOCK
    STOPWATCH_CLOCK = clock
    cascade_stopwatch_use(<double (*)() noexcept>cascade_clock if clock is None else given_time, clock is None)


cdef double given_time() noexcept:
    # An exception may be set: what is timed has raised it.
    cdef PyObject* kind
    cdef PyObject* value
    cdef PyObject* trace
    cdef double seconds
    PyErr_Fetch(&kind, &value, &trace)
    seconds = time_of_clock()
    PyErr_Restore(kind, value, trace)
    return seconds


cdef double time_of_clock() noexcept:
    return STOPWATCH_CLOCK()


cdef void code_has_been_made(double begun) noexcept:
    # Stopwatches do not count the time since the real clock showed `begun`.
    global cascade_making, pieces_made
    pieces_made += 1
    if STOPWATCH_CLOCK is None:
        cascade_making += cascade_clock() - begun


cdef tuple reading(const Stopwatch* watch):
    # Returns the number of events, and the seconds that all of them took, about.
    return watch.count, cascade_stopwatch_total(watch)


use_stopwatch_clock(None)
