# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True, auto_pickle=False, binding=False
"""The virtual machine: runs verified blueprints.

It knows instructions, frames and errors, and nothing of graphs or engines. Whatever needs more goes through two
objects that it is given: the *host* (turns a deferred result into code, names a tail call's target, calls managed
tasks, hears events) and the *crew* (awaits awaitables; there is none before an event loop runs).

A `Machine` is one run. `run()` goes on until the run is DONE or FAILED, has to PAUSE so that an event loop gets its
turn, or has to WAIT because nothing can go on before an awaitable is done. Two lanes execute instructions: the fast
lane (`execute`) while there is fuel, and the slow lane (`look_around`, `step`), which reads the clock, checks limits
and signals, and executes one instruction at a time while something is awaited or observed.

Awaiting works like a scoreboard: an instruction whose operand is not there yet is parked with the operands it
has, a `Pending` stands in its destination slot, and the machine goes on with the next instruction.
"""

# Python code can hold any object of this module, and call what it likes on it at any time: out of `__hash__`, out of a host's
# method, from another thread. None of that may crash the process, so:
# - objects are made whole by `__cinit__`, and stay as they are; calling `__init__` again does nothing, or is refused;
# - methods are not bound as functions (`binding`), which would take any object for `self`, and no class is pickled field by field;
# - whatever the machine reads while code of users can run is a copy of its own, or is asked anew.

cimport cython
from cpython.dict cimport PyDict_Next
from cpython.list cimport PyList_GET_ITEM, PyList_New, PyList_SET_ITEM
from cpython.mem cimport PyMem_Calloc, PyMem_Free, PyMem_Malloc, PyMem_Realloc
from cpython.object cimport PyObject, PyTypeObject
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE
from cascade._opcodes cimport (
    CALL, CALL_MANAGED, CALL_ONE, CALL_TYPED, DICT, EITHER, LIST, LOOP, LOOP_MANAGED, OPCODE_COUNT, REBUILD, RETURN, SELECT, SET, TUPLE,
    TYPED_COUNT, TYPED_LOAD_OBJECT, TYPED_RETURN_BOOL, TYPED_RETURN_FLOAT, TYPED_RETURN_INT,
)

from collections import deque
from functools import partial
from itertools import chain
import sys
from sys import modules

from cascade.instructions.blueprint import Blueprint
from cascade.errors import DeclarationError, DependencyMissingError, InternalError, StepLimitError
from cascade.instructions.table import INSTRUCTIONS

cdef extern from *:
    """
    #include <time.h>

    typedef PyObject *(*cascade_entry)(PyObject *, PyObject **, size_t, PyObject *);

    #if defined(_MSC_VER)
    #define CASCADE_THREAD_LOCAL __declspec(thread)
    #else
    #define CASCADE_THREAD_LOCAL __thread
    #endif

    /* How many machines are inside a task's function on this thread. */
    static CASCADE_THREAD_LOCAL int cascade_depth = 0;

    /* The clock of time.monotonic(), without the call. */
    static double cascade_clock(void) {
    #if defined(CLOCK_MONOTONIC)
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
    #else
        return (double)clock() / CLOCKS_PER_SEC;
    #endif
    }

    static PyTypeObject *cascade_tail_call;
    static PyTypeObject *cascade_deferred;
    static PyTypeObject *cascade_pending;
    static PyTypeObject *cascade_skipped;
    static PyTypeObject *cascade_jump;

    /* Whether a call's result means something other than itself: a tail call, a deferred result, an awaitable. */
    static inline int cascade_is_special(PyObject *value) {
        PyTypeObject *type = Py_TYPE(value);
        return type == cascade_tail_call || type == cascade_deferred
            || (type->tp_as_async != NULL && type->tp_as_async->am_await != NULL);
    }

    static inline int cascade_is_awaitable(PyObject *value) {
        PyTypeObject *type = Py_TYPE(value);
        return type->tp_as_async != NULL && type->tp_as_async->am_await != NULL;
    }

    /* Types that never hold a deferred value and are common enough to be asked first. */
    static inline int cascade_is_plain(PyObject *value) {
        PyTypeObject *type = Py_TYPE(value);
        return value == Py_None || type == &PyLong_Type || type == &PyFloat_Type || type == &PyUnicode_Type
            || type == &PyBool_Type || type == &PyBytes_Type;
    }

    static PyObject *cascade_raised(void) {
    #if PY_VERSION_HEX >= 0x030C0000
        return PyErr_GetRaisedException();
    #else
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        PyErr_NormalizeException(&type, &value, &traceback);
        if (traceback != NULL) {
            PyException_SetTraceback(value, traceback);
            Py_DECREF(traceback);
        }
        Py_XDECREF(type);
        return value;
    #endif
    }

    /* A frame's slots are plain C memory: the collector learns of them by these two, put into Frame's type. */
    static traverseproc cascade_frame_traverse_fields;
    static inquiry cascade_frame_clear_fields;
    """
    ctypedef int (*visitproc)(PyObject*, void*)
    ctypedef int (*traverseproc)(PyObject*, visitproc, void*)
    ctypedef int (*inquiry)(PyObject*)
    int cascade_depth
    double cascade_clock() noexcept nogil
    PyTypeObject* cascade_tail_call
    PyTypeObject* cascade_deferred
    PyTypeObject* cascade_pending
    PyTypeObject* cascade_skipped
    PyTypeObject* cascade_jump
    bint cascade_is_special(PyObject*) noexcept
    bint cascade_is_awaitable(PyObject*) noexcept
    bint cascade_is_plain(PyObject*) noexcept
    object cascade_raised()
    traverseproc cascade_frame_traverse_fields
    inquiry cascade_frame_clear_fields
    bint DEBUG_CHECKS "CASCADE_DEBUG_CHECKS"

cdef extern from "Python.h":
    ctypedef struct TypeSlots "PyTypeObject":
        traverseproc tp_traverse
        inquiry tp_clear
        PyObject* (*tp_new)(PyObject*, PyObject*, PyObject*) noexcept
        void* tp_vectorcall
    void incref "Py_INCREF"(PyObject*)
    void decref "Py_DECREF"(PyObject*)
    void xdecref "Py_XDECREF"(PyObject*)
    PyTypeObject* type_of "Py_TYPE"(PyObject*)
    int PyErr_CheckSignals() noexcept
    void* PyVectorcall_Function(object)
    PyObject* PyObject_Vectorcall(PyObject*, PyObject**, size_t, PyObject*) noexcept
    Py_ssize_t PyVectorcall_NARGS(size_t) noexcept
    int PyUnicode_Compare(PyObject*, PyObject*) noexcept
    bint PyList_Check(object)
    bint PyTuple_Check(object)
    bint PyDict_Check(object)
    bint PyAnySet_Check(object)

cdef enum:
    POOL_LIMIT = 16            # free frames kept for each code
    POOL_SLOTS = 1 << 20       # frames larger than this are given back at once
    PACE_LIMIT = 4             # task calls between two looks at the clock, at most
    MAP_LIMIT = 16             # inputs of a map that is run by `call_each`, at most

cdef double PACE_TIME = 0.00025     # seconds between two looks that make the pace slow down
cdef double PROGRESS_TIME = 0.1     # seconds between two progress reports of a loop

cdef enum Status:
    RESUMED = 0                # internal: go on with `current`, or with what is ready
    STATUS_DONE = 1
    STATUS_PAUSE = 2
    STATUS_WAIT = 3
    STATUS_FAILED = 4
    NO_ROUTE = 5               # internal: it is for the host to go on with a Router

DONE = STATUS_DONE
PAUSE = STATUS_PAUSE
WAIT = STATUS_WAIT
FAILED = STATUS_FAILED


# ---------------------------------------------------------------------------------------------------------------
# Tail calls
# ---------------------------------------------------------------------------------------------------------------

@cython.final
@cython.freelist(16)
cdef class TailCall:
    """Returned by a task, it means: run again with these arguments.

    Args:
        args: positional arguments of the target.
        kwargs: keyword arguments of the target. A parameter that is not named keeps its current value.
        target: another task, or its name; None for the task that returns it. For another task, parameters
            that are not named take their defaults, as in a first call.

    Raises:
        DeclarationError: (a TypeError) `args` is not a tuple or list, `kwargs` is not a dict with names as keys.
    """

    def __cinit__(self, *args, **kwargs):
        self.arguments = ()

    def __init__(self, args=(), kwargs=None, target=None):
        fill_tail_call(self, args, kwargs, target)

    @property
    def args(self):
        return self.arguments

    @property
    def kwargs(self):
        return {} if self.keywords is None else self.keywords

    @classmethod
    def __class_getitem__(cls, item):
        return cls

    def __repr__(self):
        parts = []
        if self.arguments:
            parts.append(f"args={self.arguments!r}")
        if self.keywords:
            parts.append(f"kwargs={self.keywords!r}")
        if self.target is not None:
            parts.append(f"target={getattr(self.target, 'name', self.target)!r}")
        return f"TailCall({', '.join(parts)})"

    def __reduce__(self):
        return TailCall, (self.arguments, self.keywords, self.target)


cdef int fill_tail_call(TailCall self, object args, object kwargs, object target) except -1:
    cdef tuple arguments
    cdef dict keywords
    if type(args) is tuple:
        arguments = <tuple>args
    elif isinstance(args, (tuple, list)):
        arguments = tuple(args)
    else:
        raise DeclarationError(
            f"TailCall(args={args!r}): args is {type(args).__name__}",
            expected="a tuple of positional arguments",
            hint="write TailCall(args=(value,)) or TailCall(kwargs={'name': value})",
        )
    if kwargs is None:
        keywords = None
    elif type(kwargs) is dict:
        keywords = <dict>kwargs
    elif isinstance(kwargs, dict) or hasattr(kwargs, "keys"):
        keywords = dict(kwargs)
    else:
        raise DeclarationError(
            f"TailCall(kwargs={kwargs!r}): kwargs is {type(kwargs).__name__}",
            expected="a dict of keyword arguments",
            hint="write TailCall(kwargs={'name': value})",
        )
    if self.made:
        raise DeclarationError(
            "TailCall.__init__ of a TailCall that has its arguments", hint="make a new one: TailCall(args=(value,))"
        )
    self.made = True
    self.arguments = arguments
    self.keywords = keywords
    self.target = target
    return 0


cdef PyObject* construct_tail_call(
    PyObject* kind, PyObject** args, size_t flagged_count, PyObject* names
) noexcept:
    # What `TailCall(...)` calls. Without it every construction would build a tuple and a dict for __init__.
    cdef Py_ssize_t count = PyVectorcall_NARGS(flagged_count)
    cdef Py_ssize_t named = 0 if names == NULL else PyTuple_GET_SIZE(<object>names)
    cdef Py_ssize_t i
    cdef PyObject* name
    cdef PyObject* given[3]
    cdef TailCall result
    if (count == 0 and named == 1 and <PyObject*>PyTuple_GET_ITEM(<object>names, 0) == <PyObject*>KWARGS_NAME
            and type_of(args[0]) == <PyTypeObject*>dict):
        # TailCall(kwargs={...}), the spelling of a loop: nothing to check, and no exception state to save for it.
        result = TailCall.__new__(TailCall)
        result.keywords = <dict>args[0]
        result.made = True
        incref(<PyObject*>result)
        return <PyObject*>result
    given[0] = given[1] = given[2] = NULL
    try:
        if count > 3:
            raise TypeError(f"TailCall() takes from 0 to 3 positional arguments but {count} were given")
        for i in range(count):
            given[i] = args[i]
        for i in range(named):
            name = <PyObject*>PyTuple_GET_ITEM(<object>names, i)
            if name == <PyObject*>KWARGS_NAME or <object>name == KWARGS_NAME:
                position = 1
            elif name == <PyObject*>ARGS_NAME or <object>name == ARGS_NAME:
                position = 0
            elif name == <PyObject*>TARGET_NAME or <object>name == TARGET_NAME:
                position = 2
            else:
                raise TypeError(f"TailCall() got an unexpected keyword argument {<object>name!r}")
            if given[position] != NULL:
                raise TypeError(f"TailCall() got multiple values for argument {<object>name!r}")
            given[position] = args[count + i]
        result = TailCall.__new__(TailCall)
        fill_tail_call(
            result,
            () if given[0] == NULL else <object>given[0],
            None if given[1] == NULL else <object>given[1],
            None if given[2] == NULL else <object>given[2],
        )
    except BaseException as error:
        restore_exception(error)
        return NULL
    incref(<PyObject*>result)
    return <PyObject*>result


cdef str ARGS_NAME = "args"
cdef str KWARGS_NAME = "kwargs"
cdef str TARGET_NAME = "target"

cdef extern from "Python.h":
    void PyErr_SetObject(object, object)


cdef void restore_exception(object error) noexcept:
    PyErr_SetObject(type(error), error)


class _Kept:
    def __repr__(self):
        return "the input that it had"


cdef object NOT_GIVEN = _Kept()
KEPT = NOT_GIVEN


@cython.final
@cython.freelist(16)
cdef class Jump:
    """Returned by a task that is bound to a selector, it means: go on with the task of a route.

    Args:
        target_key: the key of the route; see `cascade.select_jump`.
        data: the first argument of the route's task; by default, the one that it had before. Where the route is None,
            the value.
    """

    def __cinit__(self, *args, **kwargs):
        self.data = NOT_GIVEN

    def __init__(self, target_key, data=NOT_GIVEN):
        if self.made:
            raise DeclarationError("Jump.__init__ of a Jump that has its target", hint="make a new one: Jump(key, data)")
        self.made = True
        self.target_key = target_key
        self.data = data

    @classmethod
    def __class_getitem__(cls, item):
        return cls

    def __repr__(self):
        return f"Jump({self.target_key!r})" if self.data is NOT_GIVEN else f"Jump({self.target_key!r}, {self.data!r})"

    def __reduce__(self):
        return Jump, ((self.target_key,) if self.data is NOT_GIVEN else (self.target_key, self.data))


cdef PyObject* construct_jump(PyObject* kind, PyObject** args, size_t flagged_count, PyObject* names) noexcept:
    # What `Jump(...)` calls; see `construct_tail_call`.
    cdef Py_ssize_t count = PyVectorcall_NARGS(flagged_count)
    cdef Py_ssize_t named = 0 if names == NULL else PyTuple_GET_SIZE(<object>names)
    cdef Py_ssize_t i
    cdef PyObject* name
    cdef PyObject* given[2]
    cdef int position
    cdef Jump result
    given[0] = given[1] = NULL
    if count > 2:
        return refuse(f"Jump() takes from 1 to 2 positional arguments but {count} were given")
    for i in range(count):
        given[i] = args[i]
    for i in range(named):
        name = <PyObject*>PyTuple_GET_ITEM(<object>names, i)
        if name == <PyObject*>DATA_NAME or PyUnicode_Compare(name, <PyObject*>DATA_NAME) == 0:
            position = 1
        elif name == <PyObject*>KEY_NAME or PyUnicode_Compare(name, <PyObject*>KEY_NAME) == 0:
            position = 0
        else:
            return refuse(f"Jump() got an unexpected keyword argument {<object>name!r}")
        if given[position] != NULL:
            return refuse(f"Jump() got multiple values for argument {<object>name!r}")
        given[position] = args[count + i]
    if given[0] == NULL:
        return refuse("Jump() missing 1 required argument: 'target_key'")
    result = Jump.__new__(Jump)
    result.made = True
    result.target_key = <object>given[0]
    result.data = NOT_GIVEN if given[1] == NULL else <object>given[1]
    incref(<PyObject*>result)
    return <PyObject*>result


cdef PyObject* refuse(str message) noexcept:
    PyErr_SetObject(TypeError, message)
    return NULL


cdef str DATA_NAME = "data"
cdef str KEY_NAME = "target_key"


@cython.final
cdef class Routes:
    """Where the Jumps of one state lead to; a constant of SELECT.

    Args:
        targets: for each key the word to go to, and the slot that the Jump's data is put into; the word is -1 for the
            end, and the slot -1 for a state that takes no data. None for a state whose Jumps are values like others.
        end: the word to go to with a value.
    """

    def __cinit__(self, targets, Py_ssize_t end):
        cdef Py_ssize_t i
        self.end = end
        self.numbers = {}
        if targets is None:
            return
        self.targets = tuple((key, int(word), int(slot)) for key, word, slot in targets)
        self.places = <Py_ssize_t*>PyMem_Malloc(2 * sizeof(Py_ssize_t) * max(1, len(self.targets)))
        if self.places == NULL:
            raise MemoryError
        for i, (key, word, slot) in enumerate(self.targets):
            self.places[2 * i] = word
            self.places[2 * i + 1] = slot
            self.numbers[key] = i

    def __dealloc__(self):
        PyMem_Free(self.places)

    def __repr__(self):
        return ", ".join(f"{key!r} -> {self.end if word < 0 else word}" for key, word, slot in self.targets or ())


cdef Py_ssize_t follow(Routes routes, Jump jump, PyObject** slots, Py_ssize_t source, uint64_t made) except -2:
    # Goes where a Jump in slot `source` leads: the next word; -1 where that takes more than moving its data.
    # `made` is how many results there were when its state was called.
    cdef PyObject* found = PyDict_GetItemWithError(<PyObject*>routes.numbers, <PyObject*>jump.target_key)
    cdef Py_ssize_t number, word, slot
    cdef PyObject* data = <PyObject*>jump.data
    cdef PyObject* old
    if found == NULL:
        return -1       # an error may be set; it is found out there
    number = <object>found
    word = routes.places[2 * number]
    slot = routes.places[2 * number + 1]
    if jump_is_deferred(jump, made):
        return -1
    if word == -1:
        if data == <PyObject*>NOT_GIVEN:
            data = <PyObject*>None
        incref(data)
        old = slots[source]
        slots[source] = data
        decref(old)
        return routes.end
    if slot == -1:
        if data != <PyObject*>NOT_GIVEN and data != <PyObject*>None:
            return -1
    elif data != <PyObject*>NOT_GIVEN:
        incref(data)
        old = slots[slot]
        slots[slot] = data
        decref(old)
    elif type(<object>slots[slot]) is NO_INPUT:
        return -1
    old = slots[source]
    slots[source] = NULL
    decref(old)
    return word


cdef object NO_INPUT = None


def install_no_input(type kind not None):
    """Names the type of what stands for an argument that has to come by a Jump."""
    global NO_INPUT
    NO_INPUT = kind


cdef extern from "Python.h":
    PyObject* PyDict_GetItemWithError(PyObject*, PyObject*) noexcept
    void PyErr_Clear()


include "vm/search.pxi"


# ---------------------------------------------------------------------------------------------------------------
# Routines, code, frames
# ---------------------------------------------------------------------------------------------------------------

@cython.final
cdef class Routine:
    """How the machine calls a task's function. One slot holds each parameter, in the order of the signature.

    Args:
        owner: the task; the machine only hands it on.
        operation: what the host is asked to do for a managed call; by default the owner.
        function: what is called.
        name: for people.
        parameters: the names of all parameters.
        positional: how many leading ones are passed by position.
        positional_only: how many of these cannot be named.
        keywords: the names of keyword-only parameters.
        varargs: whether there is a `*args` (its slot follows the positional ones and holds a tuple).
        varkwargs: whether there is a `**kwargs` (its slot is the last one and holds a dict).
        bind: called like the function, gives the tuple of slots.
        lowering: when the function is lowered.
        rebinds: whether a tail call may put its arguments into the slots in place.

    Attributes:
        kernels: its typed code, one for each combination of types.
        reasons: why there is none, for other types.
    """

    def __cinit__(self, *, owner, function, str name not None, tuple parameters not None, Py_ssize_t positional,
                  Py_ssize_t positional_only, tuple keywords not None, bint varargs, bint varkwargs, bind,
                  int lowering=LOWER_NEVER, operation=None, bint rebinds=True):
        cdef void* direct
        if not 0 <= positional_only <= positional <= len(parameters):
            raise InternalError(f"routine {name}: the parameters do not add up")
        if positional + len(keywords) + varargs + varkwargs != len(parameters):
            raise InternalError(f"routine {name}: the parameters do not add up")
        check_names(parameters)
        check_names(keywords)
        self.owner = owner
        self.operation = owner if operation is None else operation
        self.may_skip = getattr(operation, "skippable", False)
        self.machine = getattr(operation, "kind", None) == "machine"
        self.chooses = getattr(operation, "kind", None) == "route" and not (operation.conditions or operation.after)
        self.function = function
        self.name = name
        self.parameters = parameters
        self.positional = positional
        self.positional_only = positional_only
        self.keywords = keywords
        self.varargs = varargs
        self.varkwargs = varkwargs
        self.simple = rebinds and not (varargs or varkwargs or keywords)
        self.bind = bind
        self.lowering = lowering
        self.map_lowering = lowering
        self.kernels = []
        self.reasons = []
        self.seen = set()
        self.keyword_names = <PyObject*>keywords if keywords else NULL
        if varargs or varkwargs:
            self.entry = call_variadic
            self.callee = <PyObject*>self
        else:
            direct = PyVectorcall_Function(function)
            self.entry = <Entry>PyObject_Vectorcall if direct == NULL else <Entry>direct
            self.callee = <PyObject*>function

    def lower(self, host, tuple types not None):
        """Makes the kernel for arguments of these types, or notes why there is none, where that was not done yet."""
        make_kernel(host, self, "".join([CODES[kind] for kind in types]).encode(), 0, True)

    def __repr__(self):
        return f"<Routine {self.name}({', '.join(self.parameters)})>"

    cdef Py_ssize_t find(self, PyObject* name) noexcept:
        cdef Py_ssize_t i
        for i in range(PyTuple_GET_SIZE(self.parameters)):
            if <PyObject*>PyTuple_GET_ITEM(self.parameters, i) == name:
                return i
        if type_of(name) != <PyTypeObject*>str:
            return -1       # comparing it could run code of its own
        for i in range(PyTuple_GET_SIZE(self.parameters)):
            if PyUnicode_Compare(<PyObject*>PyTuple_GET_ITEM(self.parameters, i), name) == 0:
                return i
        return -1


cdef int check_names(tuple names) except -1:
    # CPython takes the names that come with a vectorcall for strings, without a look.
    for name in names:
        if type(name) is not str:
            raise InternalError(f"{name!r}, of type {type(name).__name__}, is no name of a parameter")
    return 0


cdef tuple split_variadic(Routine routine, PyObject** slots):
    # The (args, kwargs) of a call, from one value a parameter.
    cdef Py_ssize_t i
    cdef Py_ssize_t at = routine.positional
    cdef list args = [<object>slots[i] for i in range(routine.positional)]
    cdef dict kwargs = {}
    if routine.varargs:
        args.extend(<object>slots[at])
        at += 1
    for i in range(len(routine.keywords)):
        kwargs[routine.keywords[i]] = <object>slots[at]
        at += 1
    if routine.varkwargs:
        kwargs.update(<object>slots[at])
    return tuple(args), kwargs


cdef PyObject* call_variadic(PyObject* callee, PyObject** slots, size_t count, PyObject* names) noexcept:
    cdef Routine routine = <Routine>callee
    cdef tuple parts
    try:
        parts = split_variadic(routine, slots)
    except BaseException as error:
        restore_exception(error)
        return NULL
    return PyObject_Call(<PyObject*>routine.function, <PyObject*>parts[0], <PyObject*>parts[1])

cdef extern from "Python.h":
    PyObject* PyObject_Call(PyObject*, PyObject*, PyObject*) noexcept


cdef object _verifier = None


def install_verifier(verify):
    """Sets the check that every blueprint has to pass before it can be run: raises, or returns None. The first one stays."""
    global _verifier
    if _verifier is None:
        _verifier = verify


@cython.final
cdef class Code:
    """A verified blueprint, ready to run.

    Raises:
        BlueprintError: the blueprint does not pass verification.
    """

    def __cinit__(self, blueprint):
        if _verifier is None:
            raise InternalError("no verifier is installed: a blueprint can only run after verification")
        # A copy of its own, which nobody else has, without cached tables that the words might not agree with.
        blueprint = Blueprint(
            blueprint.name, blueprint.words, blueprint.operands, blueprint.constants, blueprint.inputs, blueprint.slots,
            blueprint.nodes,
        )
        _verifier(blueprint)
        cdef bytes words = blueprint.words
        cdef bytes operands = blueprint.operands
        cdef bytes nodes = blueprint.nodes
        cdef tuple constants = blueprint.constants
        self.held = words, operands, nodes, constants
        self.words = <const Word*><const char*>words
        self.operands = <const int32_t*><const char*>operands
        self.nodes = <const int32_t*><const char*>nodes
        self.constants = (<PyTupleItems*>constants).ob_item
        self.inputs = blueprint.inputs
        self.slots = blueprint.slots
        self.states = []
        self.widest = self.longest_list(len(words) // sizeof(Word))
        self.blueprint = blueprint      # last: only now may it be entered

    cdef Py_ssize_t longest_list(self, Py_ssize_t count):
        cdef Py_ssize_t i, longest = 1
        cdef const Word* word
        for i in range(count):
            word = &self.words[i]
            if word.opcode == SELECT:
                self.selects = True
                self.states.append(i - 1)
            if word.opcode in (CALL, CALL_TYPED, CALL_MANAGED, LIST, TUPLE, SET, DICT, EITHER, REBUILD):
                longest = max(longest, self.operands[word.c])
        return longest

    cdef Frame frame(self):
        # An empty frame, from the pool where there is one.
        cdef Frame result = self.pool
        cdef Py_ssize_t i, size
        if result is not None:
            self.pool = result.parent
            self.pooled -= 1
            result.parent = None
            return result
        result = Frame.__new__(Frame)
        size = self.slots + self.widest
        result.values = <PyObject**>PyMem_Malloc(size * sizeof(PyObject*))
        if result.values == NULL:
            raise MemoryError
        for i in range(size):
            result.values[i] = NULL
        result.size = self.slots
        result.code = self
        return result


cdef extern from "Python.h":
    ctypedef struct PyTupleItems "PyTupleObject":
        PyObject** ob_item
    ctypedef struct PyListItems "PyListObject":
        PyObject** ob_item


@cython.final
@cython.trashcan(True)
cdef class Frame:
    """The values and the place of one piece of code that is being run."""

    def __dealloc__(self):
        if self.values != NULL:
            clear_slots(self)
            PyMem_Free(self.values)
            self.values = NULL
        free_typed(self.typed)


cdef void clear_slots(Frame frame) noexcept:
    cdef Py_ssize_t i
    cdef PyObject* value
    for i in range(frame.size):
        value = frame.values[i]
        if value != NULL:
            frame.values[i] = NULL
            decref(value)


cdef int traverse_frame(PyObject* self, visitproc visit, void* argument) noexcept:
    cdef PyObject** values = (<Frame>self).values
    cdef Py_ssize_t size = (<Frame>self).size
    cdef Py_ssize_t i
    cdef int stop
    if values != NULL:
        for i in range(size):
            if values[i] != NULL:
                stop = visit(values[i], argument)
                if stop:
                    return stop
    return cascade_frame_traverse_fields(self, visit, argument)


cdef int clear_frame(PyObject* self) noexcept:
    if (<Frame>self).values != NULL:
        clear_slots(<Frame>self)
    return cascade_frame_clear_fields(self)


@cython.final
cdef class RouteForm:
    """A route of a Router, compiled.

    Args:
        code: the route's.
        inputs: of the code, with anything in the places of what the graph around it gives.
        places: the number of each such input, and that of the value.
    """

    def __cinit__(self, Code code not None, list inputs not None, list places not None):
        self.code = code
        self.inputs = list(inputs)
        self.places = [(int(at), int(number)) for at, number in places]
        if not all([0 <= at < len(self.inputs) and number >= 0 for at, number in self.places]):
            raise InternalError(f"places {places} for {len(inputs)} inputs")
        self.count = max([number for _, number in self.places], default=-1) + 1

    cpdef list fill(self, list values, Py_ssize_t first):
        """The inputs, given `values` from the number `first` on; None if one of them would change the route's graph."""
        cdef Py_ssize_t i
        cdef PyTypeObject* kind
        cdef list inputs
        if values is None or first < 0 or len(values) - first < self.count:
            raise InternalError(f"{values!r} from {first} on, for a route that needs {self.count} values")
        for i in range(first, len(values)):
            kind = type_of(<PyObject*>PyList_GET_ITEM(values, i))
            if kind == cascade_deferred or kind == cascade_skipped:
                return None
        inputs = self.inputs.copy()
        for at, number in self.places:
            inputs[at] = values[first + number]
        return inputs


@cython.final
cdef class Skipped:
    """Stands for the value of a node that was skipped.

    Attributes:
        task_id: the node.
        reason: why it was skipped.
    """

    def __cinit__(self, str task_id not None, str reason not None):
        self.task_id = task_id
        self.reason = reason

    def __repr__(self):
        return f"<{self.task_id} was skipped: {self.reason}>"

    def __reduce__(self):
        return Skipped, (self.task_id, self.reason)


@cython.final
@cython.trashcan(True)
@cython.freelist(64)
cdef class Pending:
    """Stands in a slot for a value that is not there yet, and keeps the instruction that will make it."""

    def __init__(self):
        raise TypeError("only a machine makes these")


cdef Pending new_pending(Frame frame, Py_ssize_t pc, int32_t destination, list values):
    cdef Pending entry = Pending.__new__(Pending)
    entry.frame = frame
    entry.pc = pc
    entry.destination = destination
    entry.values = values
    return entry


cdef inline bint is_awaited(Frame frame, Py_ssize_t slot, PyObject* value) noexcept:
    # Whether the slot's value is the Pending that the machine put there. One that a function returned is a value like others.
    return (
        type_of(value) == cascade_pending and (<Pending>value).frame is frame and (<Pending>value).destination == slot
        and not (<Pending>value).over
    )


cdef void store_pending(Frame frame, Pending entry) noexcept:
    incref(<PyObject*>entry)
    frame.values[entry.destination] = <PyObject*>entry
    frame.outstanding += 1


cdef void release_frame(Frame frame) noexcept:
    # Empties a frame that has returned and keeps it for the next call of the same code.
    cdef Code code = frame.code
    clear_slots(frame)
    frame.promise = None
    frame.origin = None
    frame.kernel = None
    if code.pooled < POOL_LIMIT and code.slots <= POOL_SLOTS and frame.outstanding == 0:
        frame.parent = code.pool
        code.pool = frame
        code.pooled += 1
    else:
        frame.parent = None


cdef void set_slot(Frame frame, int32_t slot, PyObject* value) noexcept:
    # Takes over the reference. The verifier has shown that the slot is empty, unless a Pending stands there.
    cdef PyObject* old = frame.values[slot]
    frame.values[slot] = value
    xdecref(old)


cdef list copy_slots(PyObject** values, Py_ssize_t count):
    cdef list result = PyList_New(count)
    cdef Py_ssize_t i
    for i in range(count):
        incref(values[i])
        PyList_SET_ITEM(result, i, <object>values[i])
    return result


cdef PyObject* build_container(int opcode, PyObject* constant, PyObject** values, Py_ssize_t count) noexcept:
    cdef list items
    cdef Py_ssize_t i
    if opcode == EITHER:
        i = 0
        while i < count - 1 and type_of(values[i]) == cascade_skipped:
            i += 1
        incref(values[i])
        return values[i]
    for i in range(count):
        if type_of(values[i]) == cascade_skipped:
            incref(values[i])       # a container of what is not there is not there either
            return values[i]
    try:
        if opcode == REBUILD:
            return PyObject_Vectorcall(constant, values, count, NULL)
        items = copy_slots(values, count)
        if opcode == LIST:
            result = items
        elif opcode == TUPLE:
            result = tuple(items)
        elif opcode == SET:
            result = set(items)
        else:
            result = {items[i]: items[i + 1] for i in range(0, count, 2)}
    except BaseException as error:
        restore_exception(error)
        return NULL
    incref(<PyObject*>result)
    return <PyObject*>result


include "vm/kernel.pxi"
include "vm/map.pxi"


# ---------------------------------------------------------------------------------------------------------------
# The machine
# ---------------------------------------------------------------------------------------------------------------

cdef int64_t machines_made = 0


@cython.final
@cython.freelist(8)
cdef class Machine:
    """One run of a piece of code.

    Args:
        code: what to run.
        inputs: a value for each of its inputs.
        host: see the head of this module.
        observed: whether the host wants to hear of started and finished tasks.
        managed: whether the host makes every call.
        deadline: on the clock of `time.monotonic()`; 0.0 for none.
        max_steps: how many task calls the run may make; -1 for any number.

    Attributes:
        error: after FAILED, the exception.
    """

    def __cinit__(self, Code code not None, inputs, host, bint observed=False, bint managed=False,
                  double deadline=0.0, int64_t max_steps=-1):
        global machines_made
        machines_made += 1
        self.number = machines_made
        self.host = host
        self.observed = observed
        self.managed = managed
        self.deadline = deadline
        self.max_steps = max_steps
        self.pace = 1
        self.current = self.enter(code, inputs)

    def __dealloc__(self):
        free_typed(self.spare)

    # -- What the outside calls ---------------------------------------------------------------------------------

    def run(self, double slice_seconds=0.0):
        """Runs until DONE, FAILED, WAIT, or, where `slice_seconds` is not 0, PAUSE after about that long."""
        cdef int status
        self.refuse_if_busy()
        if self.error is not None:
            return STATUS_FAILED
        self.running = True
        cascade_depth_add(1)
        self.slice_end = cascade_clock() + slice_seconds if slice_seconds > 0.0 else 0.0
        self.looked = False
        status = RESUMED
        while status == RESUMED:
            if self.current is not None:
                status = self.execute()
            else:
                status = self.next_ready()
        cascade_depth_add(-1)
        self.running = False
        return status

    def take(self):
        """After DONE: the value, which the machine lets go."""
        value = self.value
        self.value = None
        return value

    def attach(self, crew):
        """Gives the machine a crew, which takes over what was waiting for one."""
        self.refuse_if_busy()
        self.crew = crew
        waiting = self.unspawned
        self.unspawned = None
        for entry, awaitable in waiting or ():
            try:
                crew.spawn(entry, awaitable, self.name_of(entry))
            except BaseException as error:
                self.fail(entry, error)

    def complete(self, Pending entry not None, value):
        """The awaitable of `entry` gave `value`."""
        self.refuse_if_busy()
        self.check_awaited(entry)
        entry.awaited_by = 0
        self.landing = True
        incref(<PyObject*>value)
        self.land(entry.frame, entry.pc, entry.values, <PyObject*>value, entry, True)
        self.landing = False

    def fail(self, Pending entry not None, error):
        """The awaitable of `entry` raised `error`."""
        self.refuse_if_busy()
        self.check_awaited(entry)
        entry.awaited_by = 0
        self.landing = True
        self.fail_at(entry.frame, entry.pc, error)
        self.landing = False

    def label(self, Pending entry not None):
        """The (owner, serial, node, iteration) of the task call that `entry` waits for."""
        self.check_awaited(entry)
        return self.locate(entry.frame, entry.pc)

    def close(self):
        """Drops everything that is left. A coroutine that nobody awaited is closed, so that it does not warn."""
        cdef Frame frame = self.current
        cdef Frame above
        self.refuse_if_busy()
        self.number = -1        # nothing is awaited for it any more
        self.current = None
        self.ready = None
        self.error = None       # its traceback may hold the frame that holds this machine
        while frame is not None:
            # One by one: a chain of parents may be longer than the C stack is deep. A Pending leads back to its frame.
            clear_slots(frame)
            above = frame.parent
            frame.parent = None
            frame = above
        waiting = self.unspawned
        self.unspawned = None
        for entry, awaitable in waiting or ():
            close = getattr(awaitable, "close", None)
            if close is not None:
                close()

    @property
    def steps(self):
        """How many task calls were made."""
        return self.taken + self.batch - self.fuel

    @property
    def iteration(self):
        """How often the code that runs now has been started again by a tail call."""
        return 0 if self.current is None else self.current.iteration

    cdef int refuse_if_busy(self) except -1:
        if self.running or self.landing:
            raise InternalError("a machine was entered while it runs")
        return 0

    cdef int check_awaited(self, Pending entry) except -1:
        if entry.awaited_by != self.number:
            raise TypeError("nothing is awaited for this entry")
        return 0

    # -- Frames -------------------------------------------------------------------------------------------------

    cdef Frame enter(self, Code code, object inputs):
        # A frame of `code` with its inputs in place.
        cdef Frame frame
        cdef PyObject** items
        cdef Py_ssize_t i, count
        if code.blueprint is None:
            raise InternalError("the code was never verified")
        if type(inputs) is tuple:
            items = (<PyTupleItems*>inputs).ob_item
        elif type(inputs) is list:
            items = (<PyListItems*>inputs).ob_item
        else:
            raise TypeError(f"inputs must be a tuple or a list, not {type(inputs).__name__}")
        count = len(inputs)
        if count != code.inputs:
            raise TypeError(f"{code.blueprint.name} takes {code.inputs} inputs, {count} were given")
        frame = code.frame()
        for i in range(count):
            incref(items[i])
            frame.values[i] = items[i]
        frame.pc = 0
        frame.outstanding = 0
        frame.iteration = 0
        frame.next_typed = 0
        frame.next_progress = 0.0
        frame.made = cascade_results_made
        frame.serial = self.serials
        frame.node = 0
        frame.may_skip = False
        frame.inner = False
        return frame

    cdef void switch_to(self, Frame frame) noexcept:
        self.current = frame
        if frame.outstanding or self.observed:
            self.spend()    # fuel left over from another frame must not take this one past the slow lane

    cdef void spend(self) noexcept:
        # Settles the account of steps, so that the slow lane looks at the next instruction.
        self.taken += self.batch - self.fuel
        self.batch = 0
        self.fuel = 0

    cdef int leave(self, Frame frame, PyObject* value) noexcept:
        # The frame returns `value`, whose reference is taken over.
        cdef Frame parent = frame.parent
        cdef Pending promise = frame.promise
        if type_of(value) == cascade_skipped and not frame.may_skip:
            return self.miss(frame, value)
        try:
            if self.observed and frame.origin is not None and not frame.inner:
                self.host.finished(frame.origin, frame.serial, frame.node, <object>value, None)
            if promise is not None:
                self.current = None
                release_frame(frame)
                self.resolve(promise, <object>value)
                decref(value)
                return RESUMED
        except BaseException as error:
            decref(value)
            self.error = error
            return STATUS_FAILED
        if parent is not None:
            set_slot(parent, frame.destination, value)
            release_frame(frame)
            self.switch_to(parent)
            return RESUMED
        self.current = None
        self.value = <object>value
        decref(value)
        release_frame(frame)
        return STATUS_DONE

    cdef int miss(self, Frame frame, PyObject* value) noexcept:
        # The frame's result was skipped, and something asks for it.
        cdef object skipped = <object>value
        decref(value)
        try:
            error = DependencyMissingError((<Skipped>skipped).task_id, (<Skipped>skipped).reason)
            if self.observed and frame.origin is not None:
                self.host.finished(frame.origin, frame.serial, frame.node, None, error)
            self.error = error
        except BaseException as trouble:
            self.error = trouble
        return STATUS_FAILED

    cdef int resolve(self, Pending entry, object value) except -1:
        # The value of a parked instruction is there: into its slot, and on to those that wait for it.
        cdef Frame frame = entry.frame
        cdef PyObject** slot = &frame.values[entry.destination]
        cdef Pending waiter
        frame.outstanding -= 1
        entry.over = True
        if slot[0] == <PyObject*>entry:
            incref(<PyObject*>value)
            slot[0] = <PyObject*>value
            decref(<PyObject*>entry)
        for waiting, position in entry.waiters or ():
            if type(waiting) is Frame:
                self.make_ready(waiting)
            else:
                waiter = <Pending>waiting
                waiter.values[position] = value
                waiter.missing -= 1
                if waiter.missing == 0:
                    self.make_ready(waiter)
        entry.waiters = None
        return 0

    cdef int make_ready(self, object item) except -1:
        if self.ready is None:
            self.ready = deque()
        self.ready.append(item)
        return 0

    cdef int next_ready(self) noexcept:
        cdef Pending entry
        cdef int status
        if not self.ready:
            return STATUS_WAIT
        self.spend()
        status = self.check_limits(None, cascade_clock())
        if status != RESUMED:
            return status
        item = self.ready.popleft()
        if type(item) is Frame:
            self.switch_to(<Frame>item)
            return RESUMED
        entry = <Pending>item
        return self.perform(entry.frame, entry.pc, entry.values, entry)

    # -- The fast lane ------------------------------------------------------------------------------------------

    cdef int execute(self) noexcept:
        cdef Frame frame = self.current
        cdef Code code = frame.code
        cdef const Word* words = code.words
        cdef PyObject** slots = frame.values
        cdef PyObject** constants = code.constants
        cdef Py_ssize_t pc = frame.pc
        cdef Py_ssize_t fuel = self.fuel
        cdef const Word* word
        cdef const int32_t* sources
        cdef PyObject** arguments
        cdef PyObject* result
        cdef PyObject* old
        cdef Py_ssize_t i, count
        cdef int opcode, status
        while True:
            if fuel == 0:
                frame.pc = pc
                self.fuel = 0
                status = self.look_around(frame)
                if status != RESUMED or self.current is not frame:
                    return status
                pc = frame.pc
                fuel = self.fuel
                if fuel == 0:
                    continue
            if DEBUG_CHECKS and not self.operands_hold(frame, pc):
                return STATUS_FAILED
            word = &words[pc]
            pc += 1
            opcode = word.opcode
            if opcode == CALL_ONE:
                fuel -= 1
                old = slots[word.c >> 1]
                result = (<Routine>constants[word.b]).entry(
                    (<Routine>constants[word.b]).callee, &slots[word.c >> 1],
                    (<Routine>constants[word.b]).positional, (<Routine>constants[word.b]).keyword_names)
                if result == NULL or cascade_is_special(result):
                    frame.pc = pc
                    self.fuel = fuel
                    return self.land_call(frame, result, &slots[word.c >> 1], 1)
                if word.c & 1:
                    slots[word.c >> 1] = NULL
                    slots[word.a] = result
                    decref(old)
                else:
                    slots[word.a] = result
            elif opcode == CALL or opcode == CALL_TYPED:
                fuel -= 1
                sources = &code.operands[word.c]
                count = sources[0]
                sources += 1
                arguments = &slots[code.slots]
                for i in range(count):
                    arguments[i] = slots[sources[i] >> 1]
                if opcode == CALL_TYPED and (<Routine>constants[word.b]).lowering != LOWER_NEVER:
                    frame.pc = pc
                    self.fuel = fuel
                    status = self.call_typed(frame, <Routine>constants[word.b], arguments, count, &result)
                    if status != TYPED_CALLED:
                        return status
                else:
                    result = (<Routine>constants[word.b]).entry(
                        (<Routine>constants[word.b]).callee, arguments,
                        (<Routine>constants[word.b]).positional, (<Routine>constants[word.b]).keyword_names)
                if result == NULL or cascade_is_special(result):
                    frame.pc = pc
                    self.fuel = fuel
                    return self.land_call(frame, result, arguments, count)
                for i in range(count):
                    if sources[i] & 1:
                        slots[sources[i] >> 1] = NULL
                slots[word.a] = result
                for i in range(count):
                    if sources[i] & 1:
                        decref(arguments[i])
            elif opcode == LOOP:
                fuel -= 1
                result = (<Routine>constants[word.b]).entry(
                    (<Routine>constants[word.b]).callee, slots,
                    (<Routine>constants[word.b]).positional, (<Routine>constants[word.b]).keyword_names)
                if result != NULL:
                    if type_of(result) == cascade_tail_call:
                        if rebind_in_place(frame, <Routine>constants[word.b], <TailCall>result):
                            decref(result)
                            frame.iteration += 1
                            pc -= 1
                            continue
                    elif not cascade_is_special(result):
                        slots[word.a] = result
                        continue
                frame.pc = pc
                self.fuel = fuel
                return self.land_call(frame, result, slots, code.inputs)
            elif opcode == RETURN:
                result = slots[word.c >> 1]
                slots[word.c >> 1] = NULL
                self.fuel = fuel
                return self.leave(frame, result)
            elif (opcode == LIST or opcode == TUPLE or opcode == SET or opcode == DICT or opcode == REBUILD
                    or opcode == EITHER):
                sources = &code.operands[word.c]
                count = sources[0]
                sources += 1
                arguments = &slots[code.slots]
                for i in range(count):
                    arguments[i] = slots[sources[i] >> 1]
                result = build_container(opcode, constants[word.b], arguments, count)
                if result == NULL:
                    self.fuel = fuel
                    self.error = cascade_raised()
                    return STATUS_FAILED
                drop_sources(slots, sources, count)
                slots[word.a] = result
            elif opcode == SELECT:
                result = slots[word.c >> 1]
                if type_of(result) != cascade_jump or (<Routes>constants[word.b]).targets is None:
                    pc = (<Routes>constants[word.b]).end
                    continue
                frame.pc = pc - 1
                self.fuel = fuel
                status = self.select(frame)
                if status != RESUMED or self.current is not frame:
                    return status
                pc = frame.pc
            else:
                # CALL_MANAGED, LOOP_MANAGED: the host calls, one instruction at a time.
                frame.pc = pc - 1
                self.fuel = fuel
                self.spend()
                return self.step(frame)

    cdef bint operands_hold(self, Frame frame, Py_ssize_t pc) noexcept:
        # In a build with CASCADE_ASSERT: what the verifier has promised for the instruction at `pc`.
        cdef Py_ssize_t slot
        try:
            row = INSTRUCTIONS[frame.code.words[pc].opcode]
            table = frame.code.blueprint
            dropped = set()
            for source in row.c.sources(frame.code.words[pc].c, table):
                slot = source >> 1
                if frame.values[slot] == NULL:
                    raise InternalError(f"{table.name}: word {pc} reads slot {slot}, which is empty")
                if source & 1:
                    dropped.add(slot)
            slot = row.a.writes(frame.code.words[pc].a)
            if slot >= 0 and frame.values[slot] != NULL and slot not in dropped:
                raise InternalError(f"{table.name}: word {pc} writes slot {slot}, which is full")
        except BaseException as error:      # Ctrl-C as well
            self.error = error
            return False
        return True

    cdef int land_call(self, Frame frame, PyObject* result, PyObject** arguments, Py_ssize_t count) noexcept:
        # The call before `frame.pc` gave no plain value.
        cdef const Word* word = &frame.code.words[frame.pc - 1]
        cdef list values
        if result == NULL:
            return self.fail_at(frame, frame.pc - 1, cascade_raised())
        try:
            values = copy_slots(arguments, count)
        except BaseException as error:
            decref(result)
            self.error = error
            return STATUS_FAILED
        if word.opcode == CALL_ONE:
            if word.c & 1:
                set_slot(frame, word.c >> 1, NULL)
        elif word.opcode == CALL or word.opcode == CALL_TYPED:
            drop_sources(frame.values, &frame.code.operands[word.c] + 1, count)
        return self.land(frame, frame.pc - 1, values, result, None, False)

    # -- The slow lane ------------------------------------------------------------------------------------------

    cdef int look_around(self, Frame frame) noexcept:
        # Out of fuel: limits, signals, the event loop's turn; then new fuel, or a single step.
        cdef double now = cascade_clock()
        cdef const Word* word = &frame.code.words[frame.pc]
        cdef int status
        cdef bint loops = is_loop(word.opcode) or frame.code.selects
        cdef bint careful
        if word.opcode == SELECT:
            # Calls take fuel, so it is here that it has run out: on to the next state's call.
            status = self.select(frame)
            if status != RESUMED or self.current is not frame:
                return status
            word = &frame.code.words[frame.pc]
        if self.batch:
            # Fast steps double the fuel up to a limit that keeps a sudden slow one from going unseen for long.
            if now - self.refilled > PACE_TIME:
                self.pace = 1
            elif self.pace < PACE_LIMIT:
                self.pace *= 2
        self.spend()
        status = self.check_limits(frame, now)
        if status != RESUMED:
            return status
        self.refilled = now
        if self.observed and loops and now >= frame.next_progress:
            if frame.next_progress != 0.0:
                try:
                    self.host.progress(*self.locate(frame, frame.pc))
                except BaseException as error:
                    self.error = error
                    return STATUS_FAILED
            frame.next_progress = now + PROGRESS_TIME
        if not self.managed and self.may_be_typed(frame, word):
            return self.run_typed(frame)
        self.batch = self.pace
        careful = frame.outstanding != 0 or self.managed or (self.observed and not loops)
        if self.max_steps >= 0:
            if self.taken >= self.max_steps:
                careful = True      # whether this is a call that has to be made now is for `step` to see
            elif self.batch > self.max_steps - self.taken:
                self.batch = self.max_steps - self.taken
        if careful:
            self.batch = 0
            return self.step(frame)
        self.fuel = self.batch
        return RESUMED

    cdef int check_limits(self, Frame frame, double now) noexcept:
        # Signals, the deadline, and the end of the slice, before which at least one step is made.
        if PyErr_CheckSignals() != 0:
            self.error = cascade_raised()
            return STATUS_FAILED
        if self.deadline != 0.0 and now >= self.deadline:
            if frame is not None:
                return self.stop(frame, frame.pc, False)
            try:
                self.error = self.host.timed_out(self.steps, 0, None)
            except BaseException as error:
                self.error = error
            return STATUS_FAILED
        if self.slice_end != 0.0 and now >= self.slice_end and self.looked:
            return STATUS_PAUSE
        self.looked = True
        return RESUMED

    cdef int stop(self, Frame frame, Py_ssize_t pc, bint by_steps) noexcept:
        # The run has reached max_steps, or its deadline.
        try:
            # A container is put together for the next call, or, at the end, returned.
            while not INSTRUCTION_CALLS[frame.code.words[pc].opcode] and frame.code.words[pc].opcode != RETURN:
                pc += 1
            where = None
            if INSTRUCTION_CALLS[frame.code.words[pc].opcode]:
                where = self.host.where(*self.locate(frame, pc))
            if by_steps:
                self.error = StepLimitError(self.max_steps, frame.iteration, where=where)
            else:
                self.error = self.host.timed_out(self.steps, frame.iteration, where)
        except BaseException as error:
            self.error = error
        return STATUS_FAILED

    cdef int step(self, Frame frame) noexcept:
        # Executes or parks one instruction; its operands may be Pendings.
        cdef const Word* word = &frame.code.words[frame.pc]
        cdef Pending entry, source
        cdef list values
        cdef const int32_t* sources
        cdef int32_t single
        cdef PyObject* value
        cdef Py_ssize_t i, count
        try:
            if word.opcode == RETURN:
                return self.give_back(frame, word.c >> 1)
            if word.opcode == SELECT:
                return self.select(frame)
            if is_loop(word.opcode):
                values = copy_slots(frame.values, frame.code.inputs)
                frame.pc += 1
                return self.perform(frame, frame.pc - 1, values, None)
            if word.opcode == CALL_ONE:
                single = word.c
                sources = &single
                count = 1
            else:
                sources = &frame.code.operands[word.c]
                count = sources[0]
                sources += 1
            values = PyList_New(count)
            for i in range(count):
                value = frame.values[sources[i] >> 1]
                incref(value)
                PyList_SET_ITEM(values, i, <object>value)
            drop_sources(frame.values, sources, count)
            frame.pc += 1
            entry = None
            for i in range(count):
                value = <PyObject*>PyList_GET_ITEM(values, i)
                if is_awaited(frame, sources[i] >> 1, value):
                    if entry is None:
                        entry = new_pending(frame, frame.pc - 1, word.a, values)
                    source = <Pending>value
                    if source.waiters is None:
                        source.waiters = []
                    source.waiters.append((entry, i))
                    entry.missing += 1
            if entry is not None:
                store_pending(frame, entry)
                return RESUMED
            return self.perform(frame, frame.pc - 1, values, None)
        except BaseException as error:
            self.error = error
            return STATUS_FAILED

    cdef int give_back(self, Frame frame, int32_t slot) except -1:
        # RETURN in the slow lane: the value may not be there yet.
        cdef PyObject* value = frame.values[slot]
        if not is_awaited(frame, slot, value):
            frame.values[slot] = NULL
            return self.leave(frame, value)
        return self.wait_for(frame, <Pending>value)

    cdef int wait_for(self, Frame frame, Pending entry) except -1:
        # The frame cannot go on before the value of `entry` is there.
        cdef Pending promise
        cdef Frame parent = frame.parent
        if entry.waiters is None:
            entry.waiters = []
        entry.waiters.append((frame, -1))
        self.current = None
        if frame.promise is None and parent is not None:
            # The caller goes on without the value.
            promise = new_pending(parent, -1, frame.destination, None)
            store_pending(parent, promise)
            frame.promise = promise
            frame.parent = None
            self.switch_to(parent)
        return RESUMED

    cdef int select(self, Frame frame) noexcept:
        # SELECT: goes to the state that a Jump names, or to the end.
        cdef const Word* word = &frame.code.words[frame.pc]
        cdef Routes routes = <Routes>frame.code.constants[word.b]
        cdef Py_ssize_t source = word.c >> 1
        cdef Py_ssize_t target
        cdef PyObject* value = frame.values[source]
        cdef Jump jump
        cdef Frame new
        try:
            if is_awaited(frame, source, value):
                return self.wait_for(frame, <Pending>value)
            if type_of(value) != cascade_jump or routes.targets is None:
                frame.pc = routes.end
                return RESUMED
            target = follow(routes, <Jump>value, frame.values, source, frame.made)
            if target >= 0:
                frame.pc = target
                frame.iteration += 1
                frame.made = cascade_results_made
                return RESUMED
            PyErr_Clear()
            jump = <Jump>value
            deferred = self.host.computed_jump(jump, frame.made)
            if deferred is None:
                raise self.host.jump_error(routes.targets, jump, (<Routine>frame.code.constants[frame.code.words[frame.pc - 1].b]).owner)
            # Its data has to be computed; then it comes back here.
            code, inputs = self.host.expand(deferred)
            self.serials += 1
            new = self.enter(<Code?>code, inputs)
            new.iteration = frame.iteration
            new.parent = frame
            new.destination = source
            set_slot(frame, source, NULL)
            self.switch_to(new)
            return RESUMED
        except BaseException as error:
            return self.fail_at(frame, frame.pc - 1, error)

    cdef int perform(self, Frame frame, Py_ssize_t pc, list values, Pending entry) noexcept:
        # Executes an instruction whose operands are all there. `entry` is set when it was parked before.
        cdef const Word* word = &frame.code.words[pc]
        cdef PyObject** arguments = (<PyListItems*>values).ob_item
        cdef PyObject* constant
        cdef PyObject* result
        cdef Routine routine
        cdef int status
        if not INSTRUCTION_CALLS[word.opcode]:
            constant = frame.code.constants[word.b] if word.opcode == REBUILD else NULL
            result = build_container(word.opcode, constant, arguments, len(values))
            if result == NULL:
                self.error = cascade_raised()
                return STATUS_FAILED
            return self.deliver(frame, pc, result, entry)
        if self.max_steps >= 0 and self.taken >= self.max_steps:
            return self.stop(frame, pc, True)
        routine = <Routine>frame.code.constants[word.b]
        try:
            if routine.machine:
                owner, serial, node, iteration = self.locate(frame, pc)
                held = self.host.admit(routine.operation, values, serial, node)
                if held is not None:
                    incref(<PyObject*>held)
                    return self.deliver(frame, pc, <PyObject*>held, entry)
                return self.call_frame(frame, pc, routine, values, entry)
            if self.managed or word.opcode == CALL_MANAGED or word.opcode == LOOP_MANAGED:
                # The host also tells of its start: it may be skipped, or have to wait first.
                self.taken += 1
                if routine.chooses and not self.observed and not self.managed and self.host.leases is None:
                    status = self.go_on_with_route(frame, pc, values, entry)
                    if status != NO_ROUTE:
                        return status
                owner, serial, node, iteration = self.locate(frame, pc)
                made = self.host.call(
                    routine.operation, values, serial, node, owner if is_loop(word.opcode) or frame.code.selects else None)
                incref(<PyObject*>made)
                result = <PyObject*>made
                made = None
                return self.land(frame, pc, values, result, entry, False)
            if self.observed and not is_loop(word.opcode) and not frame.code.selects:
                if frame.origin is not None:
                    self.host.started(frame.origin, frame.serial, frame.node)
                else:
                    self.host.started(routine.owner, frame.serial, frame.code.nodes[pc])
            if word.opcode == CALL_TYPED:
                return self.call_frame(frame, pc, routine, values, entry)
            self.taken += 1
            result = routine.entry(routine.callee, arguments, routine.positional, routine.keyword_names)
        except BaseException as error:
            return self.fail_at(frame, pc, error)
        if result == NULL:
            return self.fail_at(frame, pc, cascade_raised())
        return self.land(frame, pc, values, result, entry, False)

    cdef int call_frame(self, Frame frame, Py_ssize_t pc, Routine routine, list values, Pending entry) except -1:
        # The task runs in a frame of its own, as after a tail call; its first step is made there.
        cdef Code code = loop_code_of(self.host, routine)
        cdef Frame new = self.enter(code, values[:code.inputs] if routine.machine else values)
        if routine.machine:
            code.machine = routine
        new.inner = frame.inner or frame.code.selects
        new.origin, new.serial, new.node, new.iteration = self.locate(frame, pc)
        return self.place(frame, pc, new, entry)

    # -- What a call's result means -----------------------------------------------------------------------------

    cdef int land(self, Frame frame, Py_ssize_t pc, list values, PyObject* result, Pending entry,
                  bint awaited) noexcept:
        # Takes over the reference to `result`, which may be a value, a tail call, a deferred value or an awaitable.
        cdef object held = <object>result
        decref(result)
        try:
            if type_of(result) == cascade_tail_call:
                return self.tail_call(frame, pc, values, <TailCall>held, entry)
            if type_of(result) == cascade_deferred:
                return self.go_on_with(frame, pc, held, held, entry, only_result(result, frame.made))
            if cascade_is_awaitable(result) and not awaited:
                if entry is None:
                    entry = new_pending(frame, pc, frame.code.words[pc].a, values)
                    store_pending(frame, entry)
                    self.spend()
                entry.awaited_by = self.number
                if self.crew is not None:
                    self.crew.spawn(entry, held, self.name_of(entry))
                    return RESUMED
                if self.unspawned is None:
                    self.unspawned = []
                self.unspawned.append((entry, held))
                return STATUS_WAIT
            incref(result)
            return self.deliver(frame, pc, result, entry)
        except BaseException as error:
            return self.fail_at(frame, pc, error)

    cdef int deliver(self, Frame frame, Py_ssize_t pc, PyObject* value, Pending entry) noexcept:
        # The instruction at `pc` has its value, whose reference is taken over.
        cdef object held = <object>value
        cdef int opcode = frame.code.words[pc].opcode
        decref(value)
        try:
            if self.observed and INSTRUCTION_CALLS[opcode] and not is_loop(opcode) and not frame.code.selects:
                self.tell_end(frame, pc, held, None)
            if entry is not None:
                self.resolve(entry, held)
            else:
                incref(value)
                set_slot(frame, frame.code.words[pc].a, value)
            return RESUMED
        except BaseException as error:
            self.error = error
            return STATUS_FAILED

    cdef int tail_call(self, Frame frame, Py_ssize_t pc, list values, TailCall tail, Pending entry) except -1:
        cdef const Word* word = &frame.code.words[pc]
        cdef Routine routine = <Routine>frame.code.constants[word.b]
        cdef bint looping = is_loop(word.opcode)
        cdef bint stays = looping or frame.code.selects     # it is the same node still
        cdef Routine target
        cdef Frame new
        if looping and rebind_in_place(frame, routine, tail):
            # The slots hold the new arguments; the instruction is executed again.
            frame.iteration += 1
            frame.pc = pc
            if entry is not None:
                # Only the frame itself can have waited for this value, to return it.
                frame.outstanding -= 1
                entry.over = True
                set_slot(frame, word.a, NULL)
                if self.current is not frame:
                    self.make_ready(frame)
            return RESUMED
        target = routine
        if tail.target is not None and tail.target is not routine.owner:
            target = <Routine?>self.host.target(tail.target, routine.owner)
            if target.owner is routine.owner:
                target = routine        # itself by its name, with the policies that it has here
        if target is routine:
            slots = self.host.rebind(routine.operation, tuple(values), tail.args, tail.kwargs)
        elif target.simple and tail.keywords is None and len(tail.arguments) == target.positional:
            slots = tail.arguments
        else:
            slots = target.bind(*tail.args, **tail.kwargs)
        if new_deferred(slots, values if target is routine else None, frame.made):
            return self.go_on_with(frame, pc, self.host.deferred(target.operation, slots), tail, entry, False)
        new = self.enter(loop_code_of(self.host, target), slots)
        new.inner = frame.inner or frame.code.selects
        if stays:
            new.origin = routine.owner if frame.origin is None else frame.origin
            new.serial = frame.serial
            new.node = frame.node
        else:
            new.origin = routine.owner
            new.serial = frame.serial
            new.node = frame.code.nodes[pc]
        new.iteration = frame.iteration + 1
        new.next_progress = frame.next_progress
        return self.place(frame, pc, new, entry)

    cdef int go_on_with(self, Frame frame, Py_ssize_t pc, object deferred, object answer, Pending entry, bint hands_on) except -1:
        # The task's answer means a deferred value: its code runs next. `hands_on` says that its arguments are data.
        cdef Frame new
        code, inputs = self.host.expand(deferred, hands_on)
        if self.observed and not frame.inner and not frame.code.selects:
            self.tell_end(frame, pc, answer, None)
        self.serials += 1
        new = self.enter(<Code?>code, inputs)
        new.iteration = frame.iteration + 1
        return self.place(frame, pc, new, entry)

    cdef int go_on_with_route(self, Frame frame, Py_ssize_t pc, list values, Pending entry) except -1:
        # A Router: goes on with the route that the selector names, if that has a form. All the rest is the host's affair.
        cdef Frame new
        cdef list inputs
        if type(values[0]) is Skipped:
            return NO_ROUTE
        table = values[1]
        try:
            form = table.forms.get(table.routes[values[0]])
        except (KeyError, TypeError):
            return NO_ROUTE
        if type(form) is not RouteForm:
            return NO_ROUTE
        inputs = (<RouteForm>form).fill(values, 2)
        if inputs is None:
            return NO_ROUTE
        self.serials += 1
        new = self.enter((<RouteForm>form).code, inputs)
        new.iteration = frame.iteration + 1
        return self.place(frame, pc, new, entry)

    cdef int place(self, Frame frame, Py_ssize_t pc, Frame new, Pending entry) except -1:
        # Starts a frame whose result is the value of the instruction at `pc`.
        cdef const Word* word = &frame.code.words[pc]
        if word[1].opcode == RETURN and word[1].c >> 1 == word.a:
            # In tail position the new frame takes the place of the old one: constant memory.
            new.parent = frame.parent
            new.promise = frame.promise
            new.destination = frame.destination
            new.may_skip = frame.may_skip
            if entry is None:
                release_frame(frame)
                self.switch_to(new)
                return RESUMED
            frame.outstanding -= 1
            entry.over = True
            entry.waiters = None
            set_slot(frame, word.a, NULL)
            if self.current is frame:
                self.switch_to(new)
            else:
                self.go_on_in(new)
            return RESUMED
        new.may_skip = (<Routine>frame.code.constants[word.b]).may_skip
        if entry is None:
            new.parent = frame
            new.destination = word.a
            self.switch_to(new)
        else:
            new.promise = entry
            self.go_on_in(new)
        return RESUMED

    cdef int go_on_in(self, Frame frame) except -1:
        # A call that was parked goes on in a frame: before what else is ready, as one that was not parked does; but after an
        # await it has to stand in line.
        if self.running and self.current is None:
            self.switch_to(frame)
        else:
            self.make_ready(frame)
        return 0

    # -- Typed code ---------------------------------------------------------------------------------------------

    cdef bint may_be_typed(self, Frame frame, const Word* word) noexcept:
        # Whether this is the time to run the task of a frame, or its state machine, as typed code, or to go on with it.
        cdef Routine routine
        if frame.kernel is not None:
            return True
        if word.opcode == LOOP:
            routine = <Routine>frame.code.constants[word.b]
        elif frame.code.machine is not None and frame.outstanding == 0 and INSTRUCTION_CALLS[word.opcode]:
            routine = frame.code.machine
        else:
            return False
        if routine.lowering == LOWER_NEVER or frame.iteration < frame.next_typed:
            return False
        if self.max_steps >= 0 and self.taken >= self.max_steps:
            return False
        if routine.lowering == LOWER_HOT:
            routine.calls += self.pace      # about as many as since the last look
            return routine.calls >= HOT
        return True

    cdef int run_typed(self, Frame frame) noexcept:
        # A LOOP, or the call of a state, out of fuel: runs the kernel for the types of the arguments. Where there is none,
        # nothing happens.
        cdef const Word* word = &frame.code.words[frame.pc]
        cdef Routine routine = frame.code.machine
        cdef Kernel kernel = frame.kernel
        cdef Py_ssize_t start = 0
        cdef int64_t limit
        try:
            if kernel is None:
                if routine is None:
                    routine = <Routine>frame.code.constants[word.b]
                else:
                    start = frame.code.states.index(frame.pc)
                kernel = find_kernel(self.host, routine, frame.values, frame.code.inputs, start)
                if kernel is None or (self.observed and kernel.defers) or not enter_kernel(frame, kernel):
                    frame.next_typed = frame.iteration + RETRY
                    return RESUMED
                self.taken += 1
            elif not kernel.guards_hold():
                # While others had their turn, a name got another meaning. Here a statement begins.
                return self.leave_typed(frame)
            limit = self.max_steps - self.taken if self.max_steps >= 0 else INT64_MAX
            return self.after_typed(frame, run_profiled(frame, limit) if profiled() else run_kernel(frame, limit))
        except BaseException as error:
            frame.kernel = None
            self.error = error
            return STATUS_FAILED

    cdef int after_typed(self, Frame frame, int outcome) except -1:
        # The typed code of a frame has stopped.
        cdef Kernel kernel = frame.kernel
        cdef TypedState* state = &frame.typed.state
        self.taken += state.steps
        frame.iteration += state.steps
        kernel.steps += state.steps
        state.steps = 0
        if outcome == TYPED_RETURNED:
            value = returned_by(state)
            if cascade_is_special(<PyObject*>value) or (frame.code.selects and type(value) is Jump):
                return self.leave_typed(frame)
            if state.deferred:
                self.note_deferred(frame, kernel)
            if frame.code.selects:
                number = kernel.code.exit_of[place_in_body(frame)]
                frame.pc = frame.code.states[kernel.code.bodies[kernel.code.exits[number].body].state]
            frame.pc += 1
            frame.kernel = None
            incref(<PyObject*>value)
            set_slot(frame, frame.code.words[frame.pc - 1].a, <PyObject*>value)
            if not self.observed and frame.outstanding == 0:
                self.batch = self.fuel = 1      # enough for the RETURN that follows
            return RESUMED
        if outcome == TYPED_LEFT:
            count_exit(kernel, state)
            return self.leave_typed(frame)
        if outcome == TYPED_OUT_OF_STEPS:
            self.taken -= 1     # the one that was not made
            if state.deferred:
                self.note_deferred(frame, kernel)
            return self.stop(frame, frame.pc, True)
        return RESUMED      # the slow lane looks around, and comes back here

    cdef int call_typed(self, Frame frame, Routine routine, PyObject** arguments, Py_ssize_t count,
                        PyObject** result) noexcept:
        # CALL_TYPED: gives TYPED_CALLED and the call's result, which may be that of a plain call; or the status, where the
        # typed code goes on in a frame of its own, or was left.
        cdef Kernel kernel
        cdef Frame new
        cdef Typed* typed
        cdef list values
        cdef int outcome
        cdef Py_ssize_t asked = 0
        try:
            if self.max_steps >= 0 or profiled():
                # The steps in the typed code have to be counted one by one, or a profiler sees them: in a frame of its own.
                values = copy_slots(arguments, count)
                drop_sources(frame.values, &frame.code.operands[frame.code.words[frame.pc - 1].c] + 1, count)
                self.spend()
                self.taken -= 1
                return self.call_frame(frame, frame.pc - 1, routine, values, None)
            kernel = find_kernel(self.host, routine, arguments, count, 0)
            if kernel is None or not fill_spare(self, kernel, arguments):
                result[0] = routine.entry(routine.callee, arguments, routine.positional, routine.keyword_names)
                return TYPED_CALLED
            kernel.entries += 1
            typed = self.spare
            typed.state.fuel = SHORT_FUEL
            typed.state.limit = INT64_MAX
            typed.state.depth_limit = cascade_depth_left() - 8
            cascade_run(&typed.state)
            while typed.state.outcome == TYPED_ASKS and asked < ASK_LIMIT:
                asked += 1
                if not ask(kernel, &typed.state):
                    typed.state.outcome = TYPED_LEFT
                    break
                typed.state.word += 1
                cascade_run(&typed.state)
            kernel.work += SHORT_FUEL - typed.state.fuel
            outcome = typed.state.outcome
            if outcome == TYPED_RETURNED and typed.state.steps == 0:
                value = returned_by(&typed.state)
                if not cascade_is_special(<PyObject*>value):
                    incref(<PyObject*>value)
                    result[0] = <PyObject*>value
                    return TYPED_CALLED
            # It takes long, or is not plain: a frame of its own takes over what was made.
            values = copy_slots(arguments, count)
            drop_sources(frame.values, &frame.code.operands[frame.code.words[frame.pc - 1].c] + 1, count)
            self.spend()
            outcome = self.call_frame(frame, frame.pc - 1, routine, values, None)
            new = self.current
            self.spare, new.typed = new.typed, typed
            new.kernel = kernel
            return self.after_typed(new, typed.state.outcome)
        except BaseException as error:
            self.error = error
            return STATUS_FAILED

    cdef int leave_typed(self, Frame frame) except -1:
        # CPython goes on at the statement where the typed code has stopped; what it gives is the call's result. After
        # what is left of a loop's iteration, typed code may take over again.
        cdef double begun = cascade_clock()
        cdef Kernel kernel = frame.kernel
        cdef Py_ssize_t place = place_in_body(frame)
        cdef Py_ssize_t number = kernel.code.exit_of[place]
        cdef tuple way = way_out(kernel, number)
        cdef int outcome = frame.typed.state.outcome
        cdef list kept, values
        cdef double called, seconds = 0.0
        body = kernel.code.bodies[way[0]]
        if place == body.entry and outcome == TYPED_OUT_OF_FUEL:
            # The step that begins here is made when the call is.
            self.settle(frame, kernel, body, kept_arguments(frame, kernel, body.parameters, body.types))
            self.taken -= 1
            return RESUMED
        # Objects in registers belong to the slots: all are taken before these change.
        kept = kept_arguments(frame, kernel, body.kept, body.types)
        values = values_there(frame, way)
        ranges = ranges_there(frame, way)
        function, iteration = way[1], way[5]
        called = cascade_clock()
        try:
            if outcome == TYPED_LEFT and iteration is not None and not kernel.retired:
                made = iteration(*values)
                seconds = cascade_clock() - called
                if type(made) is _ended:
                    held = None if kernel.hands_on else copy_slots(frame.values, frame.code.inputs)
                    word, values = _come_back(kernel.code, number, made, ranges, held)
                    if type(word) is int:
                        enter_again(frame, kernel, word, values)
                        count_loss(kernel, begun, seconds, False)
                        return RESUMED
                    called = cascade_clock()
                    made = word(*values)
                    seconds += cascade_clock() - called
            elif function is not None:
                made = function(*values, *[chain(NOTHING, rest) for rest in ranges])
                seconds = cascade_clock() - called
            else:
                # At the end of the body of a `for`.
                function, values = _come_back(kernel.code, number, _ended("again", dict(zip(way[6], values))), ranges, None)
                called = cascade_clock()
                made = function(*values)
                seconds = cascade_clock() - called
        except BaseException as error:
            count_loss(kernel, begun, cascade_clock() - called, False)
            frame = self.settle(frame, kernel, body, kept)
            return self.fail_at(frame, frame.pc, error)
        count_loss(kernel, begun, seconds, iteration is not None or function is None)
        frame = self.settle(frame, kernel, body, kept)
        frame.pc += 1
        if frame.code.selects:
            # The state's own operands, of those of the machine.
            operands = frame.code.machine.operation.states[body.state]
            kept = kept[operands.offset : operands.offset + operands.width]
        incref(<PyObject*>made)
        return self.land(frame, frame.pc - 1, kept, <PyObject*>made, None, False)

    cdef Frame settle(self, Frame frame, Kernel kernel, body, list arguments):
        # The frame is that of a task that is called, with these arguments; tail calls may have led to another task, which
        # then takes the frame's place.
        cdef Routine routine = <Routine>frame.code.constants[frame.code.words[frame.pc].b]
        cdef Frame new
        cdef Py_ssize_t i
        if frame.typed.state.deferred:
            self.note_deferred(frame, kernel)
        frame.kernel = None
        if frame.code.selects:
            frame.pc = frame.code.states[body.state]
        if frame.code.selects or body.task is routine.owner:
            for i in range(frame.code.inputs):
                incref(<PyObject*>arguments[i])
                set_slot(frame, i, <PyObject*>arguments[i])
            return frame
        new = self.enter(loop_code_of(self.host, <Routine>body.task.routine), arguments)
        new.origin = routine.owner if frame.origin is None else frame.origin
        new.serial = frame.serial
        new.node = frame.node
        new.iteration = frame.iteration
        new.next_progress = frame.next_progress
        self.place(frame, frame.pc, new, None)
        return new

    cdef int note_deferred(self, Frame frame, Kernel kernel) except -1:
        # Tasks have answered with calls of tasks: each of these has a number, and a name of its own.
        cdef TypedState* state = &frame.typed.state
        self.serials += state.deferred
        frame.serial = self.serials
        frame.node = 0
        frame.origin = kernel.code.bodies[state.origin].task
        state.deferred = 0
        return 0

    # -- Names and errors ---------------------------------------------------------------------------------------

    cdef tuple locate(self, Frame frame, Py_ssize_t pc):
        cdef Routine routine
        if frame.origin is not None:
            return frame.origin, frame.serial, frame.node, frame.iteration
        routine = <Routine>frame.code.constants[frame.code.words[pc].b]
        return routine.owner, frame.serial, frame.code.nodes[pc], frame.iteration

    cdef int tell_end(self, Frame frame, Py_ssize_t pc, object value, object error) except -1:
        # As the host wants to hear it, without the tuple of `locate`.
        if frame.origin is not None:
            self.host.finished(frame.origin, frame.serial, frame.node, value, error)
        else:
            routine = <Routine>frame.code.constants[frame.code.words[pc].b]
            self.host.finished((<Routine>routine).owner, frame.serial, frame.code.nodes[pc], value, error)
        return 0

    cdef object name_of(self, Pending entry):
        return (<Routine>entry.frame.code.constants[entry.frame.code.words[entry.pc].b]).name

    cdef int fail_at(self, Frame frame, Py_ssize_t pc, object error) noexcept:
        # The task called by the instruction at `pc` raised `error`.
        cdef Routine routine = <Routine>frame.code.constants[frame.code.words[pc].b]
        try:
            origin, serial, node, iteration = self.locate(frame, pc)
            if self.observed:
                self.host.finished(origin, serial, node, None, error)
            self.host.annotate(error, routine.owner, origin, serial, node, iteration)
            self.error = error
        except BaseException as trouble:
            self.error = trouble
        return STATUS_FAILED


cpdef Code loop_code_of(host, Routine routine):
    """The code that runs a task on its own, made by the host once."""
    if routine is None:
        raise TypeError("a routine is None")
    if routine.loop is None:
        routine.loop = <Code?>host.loop_code(routine.operation)
    return routine.loop


cdef inline bint is_loop(int opcode) noexcept:
    return opcode == LOOP or opcode == LOOP_MANAGED


cdef void drop_sources(PyObject** slots, const int32_t* sources, Py_ssize_t count) noexcept:
    # Empties the slots that the instruction is the last one to use.
    cdef Py_ssize_t i
    cdef PyObject* value
    for i in range(count):
        if sources[i] & 1:
            value = slots[sources[i] >> 1]
            slots[sources[i] >> 1] = NULL
            decref(value)


cdef bint rebind_in_place(Frame frame, Routine routine, TailCall tail) noexcept:
    # Puts the tail call's arguments into the parameters' slots. False when that needs more than moving values: the
    # slots then hold some of the new arguments, and binding all of them again gives the same result.
    cdef PyObject** slots = frame.values
    cdef Py_ssize_t count = PyTuple_GET_SIZE(tail.arguments)
    cdef Py_ssize_t i, position = 0
    cdef Py_ssize_t size
    cdef bint moved
    cdef PyObject* key
    cdef PyObject* value
    cdef bint is_data = frame.made == cascade_results_made
    if not routine.simple or count > routine.positional:
        return False
    if tail.target is not None and tail.target is not routine.owner:
        return False
    for i in range(count):
        if not move_argument(slots, i, <PyObject*>PyTuple_GET_ITEM(tail.arguments, i), is_data):
            return False
    if tail.keywords is not None:
        size = len(tail.keywords)
        while PyDict_Next(tail.keywords, &position, &key, &value):
            i = routine.find(key)
            if i < count or i < routine.positional_only:
                return False
            # The dict may be the user's own, and what follows may run code that empties it.
            incref(value)
            moved = move_argument(slots, i, value, is_data)
            decref(value)
            if not moved or len(tail.keywords) != size:
                return False
    frame.made = cascade_results_made
    return True


cdef inline bint move_argument(PyObject** slots, Py_ssize_t slot, PyObject* value, bint is_data) noexcept:
    cdef PyObject* old = slots[slot]
    if value == old:
        return True
    if not cascade_is_plain(value):
        try:
            if search_handed_on(<object>value, old) if is_data else search_deferred(<object>value, old):
                return False
        except BaseException:
            return False
    incref(value)
    slots[slot] = value
    decref(old)
    return True


cdef int INSTRUCTION_CALLS[OPCODE_COUNT]
assert len(INSTRUCTIONS) == OPCODE_COUNT, "the extension was built for another table of instructions; build it again"
for _number, _row in enumerate(INSTRUCTIONS):
    INSTRUCTION_CALLS[_number] = _row.calls


cdef extern from *:
    """
    static void cascade_depth_add(int change) { cascade_depth += change; }
    """
    void cascade_depth_add(int) noexcept


def call_each(function, list columns not None, Py_ssize_t positional, tuple names, list results not None,
              double seconds):
    """Calls a function for each item of the columns, from item `len(results)` on, and appends what it gives.

    Args:
        columns: lists of equal length; the first `positional` ones hold positional arguments.
        names: of the keyword arguments in the other columns; None where there are none.
        results: what was given so far; a result that is a tail call, deferred or awaitable is appended last.
        seconds: after about that long it stops.

    Returns:
        Whether the last result needs more than being kept.
    """
    cdef Py_ssize_t i, j, count = len(columns), length
    cdef Py_ssize_t begun = len(results)
    cdef PyObject* arguments[MAP_LIMIT]
    cdef PyObject* keywords = NULL if names is None else <PyObject*>names
    cdef PyObject* made
    cdef PyObject** items
    cdef double end = cascade_clock() + seconds
    cdef bint special
    cdef int fuel = 1
    columns = columns.copy()        # the function may change the list
    count = len(columns)
    if names is not None:
        check_names(names)
    if count > MAP_LIMIT or positional > count or positional < 0 or (0 if names is None else len(names)) != count - positional:
        raise InternalError("call_each was given columns that do not fit")
    cascade_depth_add(1)
    try:
        i = begun
        while True:
            fuel -= 1
            if fuel == 0:
                if PyErr_CheckSignals() != 0:
                    raise cascade_raised()
                if cascade_clock() >= end and i > begun:
                    return False
                fuel = PACE_LIMIT
            for j in range(count):
                column = columns[j]
                if type(column) is not list or i >= len(<list>column):
                    return False
                arguments[j] = <PyObject*>PyList_GET_ITEM(<list>column, i)
            for j in range(count):
                incref(arguments[j])      # the function may change the columns
            made = PyObject_Vectorcall(<PyObject*>function, arguments, positional, keywords)
            for j in range(count):
                decref(arguments[j])
            if made == NULL:
                raise cascade_raised()
            special = cascade_is_special(made)
            results.append(<object>made)
            decref(made)
            if special:
                return True
            i += 1
    finally:
        cascade_depth_add(-1)


def task_depth():
    """How many runs are inside a task's function on this thread, one inside the other."""
    return cascade_depth


def is_awaitable(value):
    """Whether a task that returns `value` has it awaited."""
    return cascade_is_awaitable(<PyObject*>value)


def jump_data_is_deferred(Jump jump not None, uint64_t made):
    """Whether the data of a Jump has to be computed first; `made` is how many results there were when its state was called."""
    return jump_is_deferred(jump, made)


def instance_of(type kind not None, dict fields not None):
    """An instance of a class with these attributes. Its `__init__` is not called: a frozen dataclass sets them one by one.

    Raises:
        TypeError: the class makes its instances in a way of its own.
    """
    cdef PyObject* made
    if (<TypeSlots*>kind).tp_new != PyBaseObject_Type.tp_new:
        raise TypeError(f"{kind.__name__} makes its instances in a way of its own")
    made = PyBaseObject_Type.tp_new(<PyObject*>kind, <PyObject*>EMPTY, NULL)
    if made == NULL:
        raise cascade_raised()
    instance = <object>made
    decref(made)
    PyObject_GenericSetAttr(instance, DICT_NAME, fields)    # CPython 3.13 gets PyObject_GenericSetDict wrong
    return instance


cdef tuple EMPTY = ()
cdef str DICT_NAME = "__dict__"

cdef extern from "Python.h":
    TypeSlots PyBaseObject_Type
    int PyObject_GenericSetAttr(object, object, object) except -1


def enter_task():
    """Marks that a task's function is about to be called on this thread by other means than a machine."""
    cascade_depth_add(1)


def leave_task():
    """Takes back one `enter_task`."""
    cascade_depth_add(-1)


def inside_task():
    """Whether this thread is inside a task's function."""
    return cascade_depth > 0


cascade_tail_call = <PyTypeObject*>TailCall
cascade_pending = <PyTypeObject*>Pending
cascade_skipped = <PyTypeObject*>Skipped
cascade_jump = <PyTypeObject*>Jump
(<TypeSlots*>Jump).tp_vectorcall = <void*>construct_jump
(<TypeSlots*>TailCall).tp_vectorcall = <void*>construct_tail_call
cascade_frame_traverse_fields = (<TypeSlots*>Frame).tp_traverse
cascade_frame_clear_fields = (<TypeSlots*>Frame).tp_clear
(<TypeSlots*>Frame).tp_traverse = traverse_frame
(<TypeSlots*>Frame).tp_clear = clear_frame
