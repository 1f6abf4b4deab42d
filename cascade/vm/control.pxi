# TailCall, Jump and Routes: the results of a task that name its continuation. Included by _vm.pyx.

@cython.final
@cython.freelist(16)
cdef class TailCall:
    """The result by which a task continues with another call: of itself, or of another task.

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
    # The vectorcall of `TailCall(...)`: without it every construction would build a tuple and a dict for __init__.
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


cdef enum:
    SEEN_ITEMS = 16     # of a run's value


cdef bint names_continuation(PyObject* value) noexcept:
    # Whether the value of a run is none: a Jump, or a list, tuple or dict with a tail call among its first items.
    cdef PyTypeObject* kind = type_of(value)
    cdef Py_ssize_t i, position = 0
    cdef PyObject* key
    cdef PyObject* item
    if kind == <PyTypeObject*>list:
        for i in range(min(PyList_GET_SIZE(<object>value), SEEN_ITEMS)):
            if type_of(cascade_list_items(value)[i]) == cascade_tail_call:
                return True
    elif kind == <PyTypeObject*>tuple:
        for i in range(min(PyTuple_GET_SIZE(<object>value), SEEN_ITEMS)):
            if type_of(cascade_tuple_items(value)[i]) == cascade_tail_call:
                return True
    elif kind == <PyTypeObject*>dict:
        for i in range(SEEN_ITEMS):
            if not PyDict_Next(<dict>value, &position, &key, &item):
                break
            if type_of(item) == cascade_tail_call:
                return True
    return kind == <PyTypeObject*>Jump


def is_not_continued(value):
    """Returns whether the value of a run is none: a Jump, or a list, tuple or dict with a tail call among its first items."""
    return names_continuation(<PyObject*>value)


cdef str ARGS_NAME = "args"


cdef str KWARGS_NAME = "kwargs"


cdef str TARGET_NAME = "target"


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
    """The result by which a task that is bound to a selector continues with the task of a route.

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
    # The vectorcall of `Jump(...)`; see `construct_tail_call`.
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
    """The targets of one state's Jumps; a constant of SELECT.

    Args:
        targets: for each key the word to continue at, and the slot for the Jump's data; the word is -1 for the end, and
            the slot -1 for a state that takes no data. None for a state whose Jumps are values like others.
        end: the word to continue at with a value.
    """

    def __cinit__(self, targets, Py_ssize_t end):
        cdef Py_ssize_t i
        self.end = end
        self.numbers = {}
        if targets is None:
            return
        self.targets = tuple((key, int(word), int(slot)) for key, word, slot in targets)
        self.destinations = <Py_ssize_t*>PyMem_Malloc(2 * sizeof(Py_ssize_t) * max(1, len(self.targets)))
        if self.destinations == NULL:
            raise MemoryError
        for i, (key, word, slot) in enumerate(self.targets):
            self.destinations[2 * i] = word
            self.destinations[2 * i + 1] = slot
            self.numbers[key] = i

    def __dealloc__(self):
        PyMem_Free(self.destinations)

    def __repr__(self):
        return ", ".join(f"{key!r} -> {self.end if word < 0 else word}" for key, word, slot in self.targets or ())


cdef Py_ssize_t follow(Routes routes, Jump jump, PyObject** slots, Py_ssize_t source, uint64_t made) except -2:
    # Follows the Jump in slot `source`: returns the next word; -1 where its data cannot simply be moved. `made` is the
    # number of results when its state was called.
    cdef PyObject* found = PyDict_GetItemWithError(<PyObject*>routes.numbers, <PyObject*>jump.target_key)
    cdef Py_ssize_t number, word, slot
    cdef PyObject* data = <PyObject*>jump.data
    cdef PyObject* old
    if found == NULL:
        return -1       # an error may be set; the caller clears it
    number = <object>found
    word = routes.destinations[2 * number]
    slot = routes.destinations[2 * number + 1]
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


cdef str DICT_NAME = "__dict__"


def is_awaitable(value):
    """Returns whether a task's result is awaited."""
    return cascade_is_awaitable(<PyObject*>value)


def jump_data_is_deferred(Jump jump not None, uint64_t made):
    """Returns whether the data of a Jump has to be computed first; `made` is the number of results when its state was called."""
    return jump_is_deferred(jump, made)
