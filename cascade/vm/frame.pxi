# Frames and their slots, parked instructions, containers. Included by _vm.pyx.

@cython.final
@cython.trashcan(True)
cdef class Frame:
    """The values and the position of one piece of code that is being run."""

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
cdef class RouteTemplate:
    """A route of a Router, compiled.

    Args:
        code: the route's.
        inputs: of the code, with anything for the values that come from the graph around it.
        holes: for each of these, the number of the input and that of the value.
    """

    def __cinit__(self, Code code not None, list inputs not None, list holes not None):
        self.code = code
        self.inputs = list(inputs)
        self.holes = [(int(at), int(number)) for at, number in holes]
        if not all([0 <= at < len(self.inputs) and number >= 0 for at, number in self.holes]):
            raise InternalError(f"holes {holes} for {len(inputs)} inputs")
        self.count = max([number for _, number in self.holes], default=-1) + 1

    cpdef list fill(self, list values, Py_ssize_t first):
        """Returns the inputs with `values` from the number `first` on; None if one of these would change the route's graph."""
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
        for at, number in self.holes:
            inputs[at] = values[first + number]
        return inputs


cdef class CompiledRoutes:
    """The routes of a Router; the graph's table of routes is a subclass.

    Args:
        routes: the route for each key of the selector.
        templates: by route, the `RouteTemplate` of those that are compiled; any other value for those that are not.
    """

    def __cinit__(self, *args, **kwargs):
        self.by_key = {}
        self.templates = {}

    def __init__(self, dict routes not None, dict templates not None):
        if self.made:
            raise InternalError("CompiledRoutes.__init__ of one that has its routes")
        self.made = True
        self.by_key = routes
        self.templates = templates


@cython.final
cdef class Skipped:
    """The value of a node that was skipped.

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
    """A placeholder in a slot for a value that is not there yet, with the parked instruction that computes it."""

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
    # Returns whether a slot holds the Pending that the VM put there; one that a function returned is a plain value.
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
    # Steals the reference. The verifier has proved that the slot is empty, unless a Pending is in it.
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
            incref(values[i])       # a container of a skipped value is skipped, too
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


cdef void drop_sources(PyObject** slots, const int32_t* sources, Py_ssize_t count) noexcept:
    # Empties the slots whose last use the instruction is.
    cdef Py_ssize_t i
    cdef PyObject* value
    for i in range(count):
        if sources[i] & 1:
            value = slots[sources[i] >> 1]
            slots[sources[i] >> 1] = NULL
            decref(value)
