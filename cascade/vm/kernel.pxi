# Kernels: verified typed code, its guards and its call-outs. Included by _vm.pyx.
# cascade/instructions/kernel.py has the table of instructions, kernel.h their handlers.


cdef extern from "vm/kernel.h":
    void** HANDLERS "((void **)cascade_handlers)"
    void cascade_run(TypedState*) noexcept nogil
    int TYPED_RETURNED "CASCADE_RETURNED"
    int TYPED_EXITED "CASCADE_EXITED"
    int TYPED_OUT_OF_FUEL "CASCADE_OUT_OF_FUEL"
    int TYPED_OUT_OF_STEPS "CASCADE_OUT_OF_STEPS"
    int TYPED_CALLS_OUT "CASCADE_CALLS_OUT"
    int TYPED_FULL "CASCADE_FULL"

cdef enum:
    SHORT_FUEL = 2000           # back edges before the GIL is released
    LONG_WORK = 1600000         # instructions, about, before a run yields to the event loop: some 1 to 2 ms
    CALL_OUT_LIMIT = 2500       # call-outs before a run yields to the event loop
    KERNEL_LIMIT = 32           # kernels made for one task, all in all
    PARAMETER_LIMIT = 32        # of a task that has kernels
    HOT = 20000                 # tail calls before a task without a loop is lowered: they take about as long as lowering does
    DEFERRED_WORTH = 9          # tail calls that take as long as the call of a task that a task returns, less one
    RETRY = 256                 # tail calls before arguments that did not fit are tried again
    WARM = 8                    # calls before a task with a loop is lowered, once that has taken too long
    MISSES = 64                 # calls in a row without a kernel, before most calls are made without looking for one
    EXITS = 64                  # before a kernel is checked for being worth it
    WORK = 16                   # back edges for each exit that make it so
    FIRST_ROOM = 64             # registers

# Seconds that a word gains over CPython's instructions; the most that an exit is taken to cost, as other processes may
# have run meanwhile; and the fraction by which a loop that CPython continues is slower than a plain one.
cdef double WORD_GAIN = 15e-9
cdef double EXIT_COST = 20e-6
cdef double RESUMED_COST = 0.25

# Seconds of processor time that lowering at the first call may take in a process, and the fraction of the time that it has run.
cdef double EAGER_SECONDS = 0.1
cdef double EAGER_PART = 0.1
cdef double eager_seconds = 0.0
cdef double eager_begun = cascade_clock()
cdef double eager_part = EAGER_PART

cdef enum:
    GUARD_ITEM = 0
    BY_CALL = -2                # the start of a kernel for a call that the VM does not make
    TYPED_CALLED = 100          # not a status: the call has returned

cdef dict GUARD_KINDS = {"item": GUARD_ITEM, "contents": 1, "__code__": 2, "__defaults__": 3, "__kwdefaults__": 4}

# When a task is lowered: the values of `Routine.lowering`.
cdef enum:
    LOWER_NEVER = 0
    LOWER_HOT = 1
    LOWER_AT_ONCE = 2
    LOWER_MUST = 3

NEVER = LOWER_NEVER
WHEN_HOT = LOWER_HOT
AT_ONCE = LOWER_AT_ONCE
MUST = LOWER_MUST

cdef inline char code_of(PyTypeObject* kind) noexcept:
    if kind == <PyTypeObject*>int:
        return b"i"
    if kind == <PyTypeObject*>float:
        return b"d"
    if kind == <PyTypeObject*>bool:
        return b"b"
    if kind == type_of(None_):
        return b"n"
    return b"o"


cdef dict CODES = {"int": "i", "float": "d", "bool": "b", "none": "n", "object": "o"}
cdef dict TYPE_NAMES = {value: key for key, value in CODES.items()}


@cython.final
cdef class Kernel:
    """Verified typed code, ready to run.

    Attributes:
        code: the `TypedCode`.
        start: of a state machine, the state that it begins with.
        entries: the number of its entries.
        exits: the number of its side exits.
        steps: the number of tail calls in it.
        work: the number of back edges taken in it, tail calls and items of maps included.
        retired: whether it is no longer entered, because it kept exiting, or because it was slower.
        slower: whether a trial has shown that CPython is faster.
        retired_in_maps: whether it is no longer used for the items of maps, as CPython is faster.
    """

    def __cinit__(self, code):
        cdef Py_ssize_t i
        cdef const int32_t* fields
        if VERIFY_TYPED is None:
            raise InternalError("typed code can only run after verification")
        VERIFY_TYPED(code)
        cdef bytes words = code.words
        self.code = code
        self.count = len(code.types)
        self.length = len(words) // sizeof(TypedWord)
        self.register_count = code.registers
        self.types_held = "".join([CODES[kind] for kind in code.types]).encode()
        self.start = max(code.bodies[0].state, 0)
        self.key = key_of(self.types_held, self.start)
        self.types = self.types_held
        self.words = <TypedWord*>PyMem_Malloc(len(words))
        self.image = <Register*>PyMem_Malloc(self.register_count * sizeof(Register))
        self.exits_at = <int64_t*>PyMem_Malloc(self.length * sizeof(int64_t))
        self.opcodes = <int32_t*>PyMem_Malloc(self.length * sizeof(int32_t))
        if self.words == NULL or self.image == NULL or self.exits_at == NULL or self.opcodes == NULL:
            raise MemoryError
        memcpy(self.words, <const char*>words, len(words))
        self.objects = code.objects
        fields = <const int32_t*><const char*>words
        if not targets_are_known:
            know_targets()
        for i in range(self.length):
            self.exits_at[i] = 0
            self.opcodes[i] = fields[8 * i]
            self.prepare(i, fields[8 * i])
            self.counts |= KERNEL_COUNTS[fields[8 * i]]
        for i in range(self.register_count):
            self.image[i].i = 0
        for i, kind, value in code.constants:
            if kind == "float":
                self.image[i].d = value
            elif kind == "object":
                self.image[i].object = <void*>value     # `code` holds it
            else:
                self.image[i].i = value
        self.long_fuel = max(200, LONG_WORK // max(self.length, 4))
        self.exit_plans = [None] * len(code.exits)
        self.checkpoints = {}
        self.defers = code.deferring
        self.hands_on = code.hands_on
        self.take_guards(code.guards)
        self.take_call_outs()
        self.trial.at = TRIAL_EXITS
        self.know_constants()
        self.machine_at = machine_work
        if machine_work == 0:
            make_machine_code_of(self)
        self.gain = self.gain_of_back_edge()

    cdef int know_constants(self) except -1:
        # Where all registers are those of one function, its constants stand behind each other.
        cdef Py_ssize_t i
        numbers = [number for number, _, _ in self.code.constants]
        for i in range(self.length):
            if self.opcodes[i] == KERNEL_CALL:
                return 0
        if numbers and numbers == list(range(numbers[0], numbers[0] + len(numbers))):
            self.first_constant, self.constant_count = numbers[0], len(numbers)
        return 0

    @property
    def forms_in_machine_code(self):
        """How many of its words machine code executes without a handler; 0 where there is none."""
        return 0 if self.pages == NULL else self.pages.forms

    def machine_code(self):
        """Returns its machine code, where in it each word begins, and how many words have a form of their own; None where there is none."""
        return shown_machine_code(self.pages)

    def __dealloc__(self):
        cascade_free_pages(self.pages)
        PyMem_Free(self.opcodes)
        PyMem_Free(self.words)
        PyMem_Free(self.image)
        PyMem_Free(self.exits_at)
        PyMem_Free(self.guards)
        PyMem_Free(self.call_outs)

    cdef int prepare(self, Py_ssize_t number, int opcode) except -1:
        # Replaces the opcode of a word by its handler, and its target by the distance to it.
        cdef TypedWord* word = &self.words[number]
        cdef uint64_t value
        word.run = HANDLERS[opcode]
        if KERNEL_TARGETS[opcode]:
            word.f = <int32_t>((word.f - number) * <Py_ssize_t>sizeof(TypedWord))
        elif RETURN_CODES[opcode] != 0:
            word.f = RETURN_CODES[opcode]
        elif opcode == KERNEL_LOAD_OBJECT:
            value = <uint64_t><size_t>cascade_tuple_items(<PyObject*>self.objects)[word.e]
            word.e = <int32_t><uint32_t>(value & 0xFFFFFFFF)
            word.f = <int32_t><uint32_t>(value >> 32)
        return 0

    cdef bint guards_hold(self) except -1:
        # A dict that has not changed since is not searched.
        cdef Py_ssize_t i
        cdef GuardEntry* guard
        cdef uint64_t version
        for i in range(self.guard_count):
            guard = &self.guards[i]
            if guard.kind == GUARD_ITEM:
                version = cascade_version(guard.holder)
                if version == guard.version and version != 0:
                    continue
                if PyDict_GetItemWithError(guard.holder, guard.name) != guard.expected:
                    if PyErr_Occurred() != NULL:
                        raise
                    return False
                guard.version = version
            elif cascade_guarded(guard.kind, guard.holder) != guard.expected:
                return False
        return True

    cdef object call_profiled(self, run):
        # Calls `run` as a call of the task's function, for a profiler.
        if self.caller is None:
            self.caller = PROFILED_CALLER(self.code)
        return self.caller(run)

    cdef int take_guards(self, tuple guards) except -1:
        cdef Py_ssize_t i
        cdef GuardEntry* entry
        self.guards = <GuardEntry*>PyMem_Calloc(max(len(guards), 1), sizeof(GuardEntry))
        if self.guards == NULL:
            raise MemoryError
        for i, guard in enumerate(guards):
            entry = &self.guards[i]
            entry.kind = GUARD_KINDS[guard.kind if guard.kind != "attribute" else guard.name]
            entry.holder = <PyObject*>guard.holder          # `code` holds all three
            entry.name = <PyObject*>guard.name
            entry.expected = NULL if guard.missing else <PyObject*>guard.expected
        self.guard_count = len(guards)
        return 0

    cdef int take_call_outs(self) except -1:
        cdef Py_ssize_t i, j
        cdef CallOut* entry
        self.call_outs = <CallOut*>PyMem_Calloc(max(len(self.objects), 1), sizeof(CallOut))
        if self.call_outs == NULL:
            raise MemoryError
        for i, call_out in enumerate(self.objects):
            if type(call_out) is not CALL_OUT:
                continue
            if len(call_out.types) > CALL_OUT_ROOM:
                raise InternalError("a call-out has too many arguments")
            entry = &self.call_outs[i]
            entry.function = <PyObject*>call_out.function       # `code` holds it
            entry.count = len(call_out.types)
            entry.result = ord(CODES[call_out.result])
            groups = call_out.groups or (-1,) * entry.count
            if len(groups) > CALL_OUT_ROOM:
                raise InternalError("a call-out has too many arguments")
            entry.argument_count = len(groups)
            entry.groups_values = max(groups, default=-1) >= 0
            for j in range(entry.argument_count):
                entry.groups[j] = groups[j]
            entry.named = len(call_out.names)
            entry.names = <PyObject*>call_out.names if call_out.names else NULL
            entry.measures = call_out.function is length
            for j in range(entry.count):
                entry.types[j] = ord(CODES[call_out.types[j]])
        return 0

    cdef double gain_of_back_edge(self) noexcept:
        # Of the shortest loop: a lower bound.
        cdef Py_ssize_t i, span, shortest = self.length
        for i in range(self.length):
            if self.words[i].f < 0:
                span = 1 - self.words[i].f // <Py_ssize_t>sizeof(TypedWord)
                shortest = min(shortest, span)
        return shortest * WORD_GAIN

    @property
    def exits(self):
        return self.exit_count

    @property
    def trial_seconds(self):
        """What a call takes as typed code, and by CPython, as the last trial has shown; None before the first one."""
        if self.trial.typical[PLAIN_WAY] == 0.0:
            return None
        return self.trial.typical[TYPED_WAY], self.trial.typical[PLAIN_WAY]

    @property
    def map_trial_seconds(self):
        """What an item of a map takes with typed code, exits included, and by CPython, lately; None before that is known."""
        if self.map_trial.typical[PLAIN_WAY] == 0.0:
            return None
        return self.map_trial.typical[TYPED_WAY], self.map_trial.typical[PLAIN_WAY]

    def exits_by_word(self):
        """Returns the number of side exits by word; words without any are left out."""
        return {i: self.exits_at[i] for i in range(self.length) if self.exits_at[i]}


cdef bint KERNEL_TARGETS[KERNEL_OPCODE_COUNT]
cdef bint KERNEL_COUNTS[KERNEL_OPCODE_COUNT]
cdef bint KERNEL_ENDS[KERNEL_OPCODE_COUNT]
cdef bint KERNEL_FREE[KERNEL_OPCODE_COUNT]
cdef bint targets_are_known = False

# Of the instructions that return a number: its code, which then stands in operand f; 0 for all others.
cdef char RETURN_CODES[KERNEL_OPCODE_COUNT]
memset(RETURN_CODES, 0, KERNEL_OPCODE_COUNT)
RETURN_CODES[<int>KERNEL_RETURN_INT] = b"i"
RETURN_CODES[<int>KERNEL_RETURN_FLOAT] = b"d"
RETURN_CODES[<int>KERNEL_RETURN_BOOL] = b"b"
RETURN_CODES[<int>KERNEL_RETURN_SCALAR] = b"A"      # and the number of its kind


cdef int know_targets() except -1:
    # Called for the first kernel only: the table takes 3 ms to make, and many processes have no kernel.
    global targets_are_known
    from cascade.instructions.kernel import KERNEL_INSTRUCTIONS

    if len(KERNEL_INSTRUCTIONS) != KERNEL_OPCODE_COUNT:
        raise InternalError("the extension was built for another table of instructions; build it again")
    for number, row in enumerate(KERNEL_INSTRUCTIONS):
        KERNEL_TARGETS[number] = "f" in row.operands and row.operands["f"].role == "target"
        KERNEL_COUNTS[number] = row.counts
        KERNEL_ENDS[number] = row.ends
        KERNEL_FREE[number] = row.free
    targets_are_known = True
    return 0


def length(value):
    """Returns len() of an object of a built-in type.

    Raises:
        TypeError: the type is another one, whose __len__ could have effects.
    """
    if type(value) in (list, tuple, str, bytes, bytearray, dict, set, frozenset, range):
        return len(value)
    raise TypeError
