# Routine and Code: a task as the VM calls it, and a verified blueprint. Included by _vm.pyx.

cdef extern from "Python.h":
    bint PyMethod_Check(object)
    bint PyFunction_Check(object)


@cython.final
cdef class Routine:
    """The calling convention of a task's function. Each parameter has a slot, in the order of the signature.

    Args:
        owner: the task; the VM only passes it on.
        operation: the operand of the context's `call`: the owner with policies; by default the owner.
        function: the function that is called.
        name: for people.
        parameters: the names of all parameters.
        positional: the number of leading ones that are passed by position.
        positional_only: the number of these that cannot be named.
        keywords: the names of keyword-only parameters.
        varargs: whether there is a `*args` (its slot follows the positional ones and holds a tuple).
        varkwargs: whether there is a `**kwargs` (its slot is the last one and holds a dict).
        bind: called like the function, returns the tuple of slots.
        lowering: when the function is lowered for calls that the VM makes.
        call_lowering: the same for all other calls, by executors and in workers; by default as `lowering`.
        block_lowering: when it gets a kernel that is made block by block; by default when one of the others says.
        rebinds: whether a tail call may move its arguments into the slots.
        may_skip: whether its result may be a `Skipped`.
        chooses_route: whether it is a Router that always runs: its operands are the selector, the `CompiledRoutes`, and
            the values that the routes share.
        state_operands: of a state machine, the (offset, width) of each state's operands among all of them; else empty.

    Attributes:
        kernels: its typed code, one for each combination of types.
        diagnostics: for other types, the diagnostics.
        may_have_blocks: whether the call allows a kernel that is made block by block.
    """

    def __cinit__(self, *, owner, function, str name not None, tuple parameters not None, Py_ssize_t positional,
                  Py_ssize_t positional_only, tuple keywords not None, bint varargs, bint varkwargs, bind,
                  int lowering=LOWER_NEVER, int call_lowering=-1, int block_lowering=-1, operation=None, bint rebinds=True, bint may_skip=False,
                  bint chooses_route=False, tuple state_operands not None=()):
        cdef void* direct
        if not 0 <= positional_only <= positional <= len(parameters):
            raise InternalError(f"routine {name}: the parameters do not add up")
        if positional + len(keywords) + varargs + varkwargs != len(parameters):
            raise InternalError(f"routine {name}: the parameters do not add up")
        check_names(parameters)
        check_names(keywords)
        self.owner = owner
        self.operation = owner if operation is None else operation
        self.may_skip = may_skip
        self.chooses_route = chooses_route
        self.state_operands = tuple([(int(offset), int(width)) for offset, width in state_operands])
        self.is_state_machine = len(self.state_operands) > 0
        self.function = function
        self.name = name
        self.parameters = parameters
        self.positional = positional
        self.positional_only = positional_only
        self.keywords = keywords
        self.varargs = varargs
        self.varkwargs = varkwargs
        self.gathered = ((positional,) if varargs else ()) + ((len(parameters) - 1,) if varkwargs else ())
        self.simple = rebinds and not (varargs or varkwargs or keywords)
        self.bind = bind
        self.lowering = lowering
        self.map_lowering = lowering
        self.call_lowering = lowering if call_lowering < 0 else call_lowering
        self.kernels = []
        self.diagnostics = []
        self.seen = set()
        self.keyword_names = <PyObject*>keywords if keywords else NULL
        if varargs or varkwargs:
            self.entry = call_variadic
            self.callee = <PyObject*>self
        else:
            direct = PyVectorcall_Function(function)
            self.entry = <Entry>PyObject_Vectorcall if direct == NULL else <Entry>direct
            self.callee = <PyObject*>function
        self.plain_entry = self.entry
        self.plain_callee = self.callee
        if PyMethod_Check(function) and PyFunction_Check(function.__func__):
            self.bound = <PyObject*>function.__self__
        self.in_order = self.bound == NULL and not (varargs or varkwargs)
        lowering = max(lowering, self.call_lowering) if block_lowering < 0 else block_lowering
        self.may_have_blocks = (
            lowering != LOWER_NEVER and not self.is_state_machine and rebinds and (self.simple or self.has_slots_of_function())
            and len(parameters) + (self.bound != NULL) <= PARAMETER_LIMIT
        )
        if self.may_have_blocks:
            self.block_calls = 1 if lowering >= LOWER_AT_ONCE else BLOCK_WARM
            self.entry = call_counted
            self.callee = <PyObject*>self

    @property
    def call(self):
        """A function that calls the routine's, by its kernels where there are some; to the caller both are alike."""
        if self.caller is None:
            self.caller = PyCFunction_New(&CALL_METHOD, self)
        return self.caller

    def lower(self, context, tuple types not None):
        """Makes the kernel for arguments of these types, or records the diagnostics, unless that was done before."""
        make_kernel(context, self, "".join([CODES[kind] for kind in types]).encode(), 0, True)

    @property
    def calls_before_block_kernel(self):
        """At which call from now on its block kernel is made; 0 where that has been done, or is not going to be."""
        return max(1, self.block_calls) if self.entry == call_counted else 0

    def __repr__(self):
        return f"<Routine {self.name}({', '.join(self.parameters)})>"

    cdef bint has_slots_of_function(self) except -1:
        # Whether each slot is a parameter of the Python function that is called, of its kind.
        function = self.function if self.bound == NULL else self.function.__func__
        return type(function) is FUNCTION_TYPE and self.has_slots_of(<object>cascade_guarded(2, <PyObject*>function))

    cdef bint has_slots_of(self, code) except -1:
        cdef Py_ssize_t positional = self.positional + (self.bound != NULL)
        if self.varkwargs and (
            code.co_posonlyargcount < self.positional_only or code.co_varnames[(self.bound != NULL):positional] != self.parameters[:self.positional]
        ):
            return False        # what has the name of a parameter is no part of `**kwargs`
        return (
            code.co_argcount == positional and code.co_varnames[positional:positional + code.co_kwonlyargcount] == self.keywords
            and (code.co_flags & 4 != 0) == self.varargs and (code.co_flags & 8 != 0) == self.varkwargs
        )

    cdef Py_ssize_t find(self, PyObject* name) noexcept:
        cdef Py_ssize_t i
        for i in range(PyTuple_GET_SIZE(self.parameters)):
            if <PyObject*>PyTuple_GET_ITEM(self.parameters, i) == name:
                return i
        if type_of(name) != <PyTypeObject*>str:
            return -1       # its comparison could run other code
        for i in range(PyTuple_GET_SIZE(self.parameters)):
            if PyUnicode_Compare(<PyObject*>PyTuple_GET_ITEM(self.parameters, i), name) == 0:
                return i
        return -1


cdef int check_names(tuple names) except -1:
    # CPython does not check that the names of a vectorcall are strings.
    for name in names:
        if type(name) is not str:
            raise InternalError(f"{name!r}, of type {type(name).__name__}, is no name of a parameter")
    return 0


cdef tuple split_variadic(Routine routine, PyObject** slots):
    # Returns the (args, kwargs) of a call, from one value for each parameter.
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


@cython.final
cdef class Code:
    """A verified blueprint, ready to run.

    Raises:
        BlueprintError: the blueprint does not pass verification.
    """

    def __cinit__(self, blueprint):
        if VERIFY is None:
            raise InternalError("no verifier is installed: a blueprint can only run after verification")
        # A copy that no other code can change, without cached tables that may disagree with the words.
        blueprint = Blueprint(
            blueprint.name, blueprint.words, blueprint.operands, blueprint.constants, blueprint.inputs, blueprint.slots,
            blueprint.nodes,
        )
        VERIFY(blueprint)
        cdef bytes words = blueprint.words
        cdef bytes operands = blueprint.operands
        cdef bytes nodes = blueprint.nodes
        cdef tuple constants = blueprint.constants
        self.held = words, operands, nodes, constants
        self.words = <const Word*><const char*>words
        self.operands = <const int32_t*><const char*>operands
        self.nodes = <const int32_t*><const char*>nodes
        self.constants = cascade_tuple_items(<PyObject*>constants)
        self.inputs = blueprint.inputs
        self.slots = blueprint.slots
        self.states = []
        self.widest = self.longest_list(len(words) // sizeof(Word))
        self.blueprint = blueprint      # last: now it may be entered

    cdef Py_ssize_t longest_list(self, Py_ssize_t count):
        cdef Py_ssize_t i, longest = 1
        cdef const Word* word
        for i in range(count):
            word = &self.words[i]
            if word.opcode == SELECT:
                self.selects = True
                self.states.append(i - 1)
            if word.opcode in (CALL, CALL_KERNEL, CALL_POLICIES, LIST, TUPLE, SET, DICT, EITHER, REBUILD):
                longest = max(longest, self.operands[word.c])
        return longest

    cdef Frame frame(self):
        # Returns an empty frame, from the pool where there is one.
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


cpdef Code loop_code_of(context, Routine routine):
    """Returns the code that runs a task on its own; the context makes it once."""
    if routine is None:
        raise TypeError("a routine is None")
    if routine.loop is None:
        routine.loop = <Code?>context.loop_code(routine.operation)
    return routine.loop
