# What is relied on of classes of the standard library: see cascade/kernels/blocks/random_calls.py and partial_calls.py. Included by _vm.pyx.

cdef extern from "vm/kernel.h":
    ctypedef struct RandomState "cascade_random_state":
        int index
        uint32_t words[624]
    RandomState* random_state_of "cascade_random_state_of"(PyObject*)
    double random_float "cascade_random_float"(PyObject*)
    uint64_t random_bits "cascade_random_bits"(PyObject*, int)
    bint learn_partial_class "cascade_learn_partial"(PyTypeObject*, PyObject*, PyObject*, PyObject*)
    int learn "cascade_learn_random"(PyObject*, PyObject*, PyObject*) except -1


cdef int check_random(source) except -1:
    from _random import Random
    if not isinstance(source, Random):
        raise TypeError(f"expected a random.Random, got an instance of {type(source).__name__}")
    return 0


def random_state(source):
    """Returns the words and the index that stand where a Random's state is expected; its size has been compared."""
    check_random(source)
    cdef RandomState* state = random_state_of(<PyObject*>source)
    cdef Py_ssize_t i
    return (*[state.words[i] for i in range(624)], state.index)


def random_numbers(source, Py_ssize_t count):
    """Returns numbers as typed code makes them: in turn of random(), getrandbits(32) and getrandbits(63)."""
    check_random(source)
    cdef Py_ssize_t i
    return [(random_float(<PyObject*>source), random_bits(<PyObject*>source, 32), random_bits(<PyObject*>source, 63)) for i in range(count)]


def learn_random(cls, tuple functions not None):
    """Has typed code execute the methods of `cls`, that is random.Random, as long as these functions keep their code and defaults."""
    from types import FunctionType
    known = modules.get("random")
    if known is None or cls is not known.Random or not all([type(function) is FunctionType for function in functions]):
        raise TypeError("expected random.Random and functions")
    learn(<PyObject*>cls, <PyObject*>functions, <PyObject*>RANDOM_NEXT)


cdef str RANDOM_NEXT = sys.intern("gauss_next")


def learn_partial(cls):
    """Has typed code look into objects of `cls`, that is functools.partial; returns whether its fields are known."""
    known = modules.get("functools")
    if known is None or cls is not known.partial:
        raise TypeError("expected functools.partial")
    return learn_partial_class(<PyTypeObject*>cls, <PyObject*>"func", <PyObject*>"args", <PyObject*>"keywords")
