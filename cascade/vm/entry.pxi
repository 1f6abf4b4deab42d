# Functions that users call, and what tracebacks show of the library. Included by _vm.pyx.

cdef extern from "vm/entry.h":
    int cascade_full_tracebacks
    PyObject* cascade_misuse
    object cascade_new_entry(object)


cdef object MISUSE = CascadeError       # keeps it alive
cascade_misuse = <PyObject*>MISUSE


def entry_point(function):
    """Returns an object that calls a function, and takes the leading frames of Cascade off the tracebacks of its exceptions."""
    entry = cascade_new_entry(function)
    for name in ("__module__", "__name__", "__qualname__", "__doc__", "__annotations__"):
        setattr(entry, name, getattr(function, name))
    entry.__wrapped__ = function
    return entry


def show_full_tracebacks(bint full):
    """Sets whether tracebacks keep the frames of Cascade; returns what was set before."""
    global cascade_full_tracebacks
    before = bool(cascade_full_tracebacks)
    cascade_full_tracebacks = full
    return before
