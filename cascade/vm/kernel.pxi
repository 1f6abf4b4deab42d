# Kernels: entering typed code, running it, and leaving it. Included by _vm.pyx.
# The instructions are described in cascade/instructions/table.py, and done in kernel.h.

from libc.stdint cimport INT64_MAX, uint32_t
from libc.string cimport memcpy

cdef extern from "kernel.h":
    """
    /* How many calls deep CPython would still go. */
    static int64_t cascade_depth_left(void) {
    #if PY_VERSION_HEX >= 0x030C0000
        return PyThreadState_Get()->py_recursion_remaining;
    #else
        return PyThreadState_Get()->recursion_remaining;
    #endif
    }

    /* A number that changes whenever a dict does; 0 where there is none. */
    static uint64_t cascade_version(PyObject *dict) {
    #if PY_VERSION_HEX < 0x030E0000
    #pragma GCC diagnostic push
    #pragma GCC diagnostic ignored "-Wdeprecated-declarations"
        return ((PyDictObject *)dict)->ma_version_tag;
    #pragma GCC diagnostic pop
    #else
        return 0;
    #endif
    }
    /* What a cell holds, or what a function is made of; NULL for nothing. A function without defaults has None. */
    static PyObject *cascade_guarded(int kind, PyObject *holder) {
        PyObject *found;
        switch (kind) {
        case 1: return PyCell_GET(holder);
        case 2: return ((PyFunctionObject *)holder)->func_code;
        case 3: found = ((PyFunctionObject *)holder)->func_defaults; break;
        default: found = ((PyFunctionObject *)holder)->func_kwdefaults; break;
        }
        return found == NULL ? Py_None : found;
    }
    """
    PyObject* cascade_guarded(int, PyObject*) noexcept
    int64_t cascade_depth_left() noexcept
    uint64_t cascade_version(PyObject*) noexcept
    void** HANDLERS "((void **)cascade_handlers)"
    void cascade_run(TypedState*) noexcept nogil
    int TYPED_RETURNED "CASCADE_RETURNED"
    int TYPED_LEFT "CASCADE_LEFT"
    int TYPED_OUT_OF_FUEL "CASCADE_OUT_OF_FUEL"
    int TYPED_OUT_OF_STEPS "CASCADE_OUT_OF_STEPS"
    int TYPED_ASKS "CASCADE_ASKS"
    int TYPED_FULL "CASCADE_FULL"

cdef extern from "Python.h":
    object PyLong_FromLongLong(long long)
    long long PyLong_AsLongLongAndOverflow(PyObject*, int*) noexcept
    double PyFloat_AS_DOUBLE(PyObject*) noexcept
    PyObject* PyErr_Occurred() noexcept
    ctypedef struct PyThreadState:
        void* c_tracefunc
        void* c_profilefunc
    PyThreadState* PyThreadState_Get() noexcept
    PyObject* None_ "Py_None"
    PyObject* True_ "Py_True"
    PyObject* False_ "Py_False"
    PyObject* new_float "PyFloat_FromDouble" (double) noexcept
    PyObject* new_int "PyLong_FromLongLong" (long long) noexcept
    PyObject* call_vector "PyObject_Vectorcall" (PyObject*, PyObject**, size_t, PyObject*) noexcept
    bint PyErr_ExceptionMatches(object) noexcept
    Py_ssize_t Py_SIZE(PyObject*) noexcept
    Py_ssize_t PyUnicode_GET_LENGTH(PyObject*) noexcept

cdef enum:
    SHORT_FUEL = 2000           # back edges before the GIL is released
    LONG_WORK = 1600000         # instructions, about, before the event loop has its turn: some 1 to 2 ms
    ASK_LIMIT = 2500            # calls of Python's functions before the event loop has its turn
    KERNEL_LIMIT = 32           # kernels made for one task, all in all
    PARAMETER_LIMIT = 32        # of a task that has kernels
    HOT = 20000                 # tail calls before a task without a loop is lowered: they take about as long as that does
    RETRY = 256                 # tail calls before arguments that did not fit are looked at again
    WARM = 8                    # calls before a task with a loop is lowered, once that has taken too long
    EXITS = 64                  # before it is asked whether a kernel is worth it
    WORK = 16                   # back edges for each exit that make it so
    FIRST_ROOM = 64             # registers

# Of a word that is run instead of CPython's instructions; the most that an exit may be taken to cost by itself, as other
# processes may have had their turn meanwhile; and the part by which a loop that CPython goes on with is slower than a plain one.
cdef double WORD_GAIN = 15e-9
cdef double EXIT_COST = 20e-6
cdef double RESUMED_COST = 0.25

# Lowering at the first call may take this long in a process, and this part of the time that it has run.
cdef double EAGER_SECONDS = 0.1
cdef double EAGER_PART = 0.1
cdef double eager_seconds = 0.0
cdef double eager_begun = cascade_clock()

cdef enum:
    GUARD_ITEM = 0
    TYPED_CALLED = 100          # beside the statuses: the call is over

cdef dict GUARD_KINDS = {"item": GUARD_ITEM, "contents": 1, "__code__": 2, "__defaults__": 3, "__kwdefaults__": 4}

# When a task is lowered; what `Task.lowering` says.
cdef enum:
    LOWER_NEVER = 0
    LOWER_HOT = 1
    LOWER_AT_ONCE = 2
    LOWER_MUST = 3

NEVER = LOWER_NEVER
WHEN_HOT = LOWER_HOT
AT_ONCE = LOWER_AT_ONCE
MUST = LOWER_MUST

cdef object _typed_verifier = None
cdef object _question = None


def install_typed_verifier(verify, question):
    """Sets the check that typed code has to pass before it can be run (raises, or returns None), and the class `Question`. The first ones stay."""
    global _typed_verifier, _question
    if _typed_verifier is None:
        _typed_verifier = verify
        _question = question


cdef object _come_back = None
cdef object _ended = None


def install_come_back(come_back, ended):
    """Sets the function that says where to go on after an iteration, and the type of what that gives. The first ones stay."""
    global _come_back, _ended
    if _come_back is None:
        _come_back = come_back
        _ended = ended


cdef object _profiled_caller = None


def install_profiled_caller(make):
    """Sets the function that makes, of typed code, a caller that a profiler takes for the task's function. The first one stays."""
    global _profiled_caller
    if _profiled_caller is None:
        _profiled_caller = make


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
        entries: how often it was entered.
        exits: how often it was left before its end.
        steps: the tail calls made in it.
        work: the back edges taken in it, tail calls and items of maps included.
        retired: whether it is no longer entered, because it kept leaving.
    """

    def __cinit__(self, code):
        cdef Py_ssize_t i
        cdef const int32_t* fields
        if _typed_verifier is None:
            raise InternalError("typed code can only run after verification")
        _typed_verifier(code)
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
        self.left = <int64_t*>PyMem_Malloc(self.length * sizeof(int64_t))
        if self.words == NULL or self.image == NULL or self.left == NULL:
            raise MemoryError
        memcpy(self.words, <const char*>words, len(words))
        self.objects = code.objects
        fields = <const int32_t*><const char*>words
        if not targets_are_known:
            know_targets()
        for i in range(self.length):
            self.left[i] = 0
            self.prepare(i, fields[8 * i])
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
        self.ways = [None] * len(code.exits)
        self.defers = code.deferring
        self.hands_on = code.hands_on
        self.take_guards(code.guards)
        self.take_questions()
        self.gain = self.gain_of_a_turn()

    def __dealloc__(self):
        PyMem_Free(self.words)
        PyMem_Free(self.image)
        PyMem_Free(self.left)
        PyMem_Free(self.guards)
        PyMem_Free(self.questions)

    cdef int prepare(self, Py_ssize_t number, int opcode) except -1:
        # Puts the handler and the distance of the target into a word.
        cdef TypedWord* word = &self.words[number]
        cdef uint64_t value
        word.run = HANDLERS[opcode]
        if TYPED_TARGETS[opcode]:
            word.f = <int32_t>((word.f - number) * <Py_ssize_t>sizeof(TypedWord))
        elif opcode == TYPED_LOAD_OBJECT:
            value = <uint64_t><size_t>(<PyTupleItems*>self.objects).ob_item[word.e]
            word.e = <int32_t><uint32_t>(value & 0xFFFFFFFF)
            word.f = <int32_t><uint32_t>(value >> 32)
        return 0

    cdef bint guards_hold(self) except -1:
        # A dict that has not changed since is not looked into.
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

    cdef object seen(self, run):
        # Calls `run` so that a profiler sees a call of the task's function.
        if self.caller is None:
            self.caller = _profiled_caller(self.code)
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

    cdef int take_questions(self) except -1:
        cdef Py_ssize_t i, j
        cdef AskEntry* entry
        self.questions = <AskEntry*>PyMem_Calloc(max(len(self.objects), 1), sizeof(AskEntry))
        if self.questions == NULL:
            raise MemoryError
        for i, question in enumerate(self.objects):
            if type(question) is not _question:
                continue
            if len(question.types) > QUESTION_ROOM:
                raise InternalError("a function is asked with too many arguments")
            entry = &self.questions[i]
            entry.function = <PyObject*>question.function       # `code` holds it
            entry.count = len(question.types)
            entry.result = ord(CODES[question.result])
            entry.measures = question.function is length
            for j in range(entry.count):
                entry.types[j] = ord(CODES[question.types[j]])
        return 0

    cdef double gain_of_a_turn(self) noexcept:
        # By the shortest loop, so that it is not taken for too much.
        cdef Py_ssize_t i, span, shortest = self.length
        for i in range(self.length):
            if self.words[i].f < 0:
                span = 1 - self.words[i].f // <Py_ssize_t>sizeof(TypedWord)
                shortest = min(shortest, span)
        return shortest * WORD_GAIN

    @property
    def exits(self):
        return self.exit_count

    def exits_by_word(self):
        """How often it was left, by word; words that it was never left at are not there."""
        return {i: self.left[i] for i in range(self.length) if self.left[i]}


cdef bint TYPED_TARGETS[TYPED_COUNT]
cdef bint targets_are_known = False


cdef int know_targets() except -1:
    # When the first kernel is made: the table takes 3 ms to make, and many processes have no kernel.
    global targets_are_known
    from cascade.instructions.table import TYPED_INSTRUCTIONS

    if len(TYPED_INSTRUCTIONS) != TYPED_COUNT:
        raise InternalError("the extension was built for another table of instructions; build it again")
    for number, row in enumerate(TYPED_INSTRUCTIONS):
        TYPED_TARGETS[number] = "f" in row.operands and row.operands["f"].role == "target"
    targets_are_known = True
    return 0


def length(value):
    """len() of an object of Python's own types; a TypeError for others, whose __len__ could do anything."""
    if type(value) in (list, tuple, str, bytes, bytearray, dict, set, frozenset, range):
        return len(value)
    raise TypeError


# ---- Finding and making kernels -----------------------------------------------------------------------------------

cdef inline bint fill_one(char kind, PyObject* value, Register* register) noexcept:
    # Unboxes a value of the type that is `kind`; False where an int does not fit.
    cdef int overflow = 0
    if kind == b"i":
        register.i = PyLong_AsLongLongAndOverflow(value, &overflow)
        return overflow == 0
    if kind == b"d":
        register.d = PyFloat_AS_DOUBLE(value)
    elif kind == b"b":
        register.i = value == True_
    elif kind == b"o":
        register.object = value
    return True


cdef bint fill(Kernel kernel, PyObject** values, Register* registers) except -1:
    # Unboxes the arguments into the registers; False where one does not fit.
    cdef Py_ssize_t i
    memcpy(registers, kernel.image, kernel.register_count * sizeof(Register))
    for i in range(kernel.count):
        if not fill_one(kernel.types[i], values[i], &registers[i]):
            return False
        if kernel.hands_on and kernel.types[i] == b"o" and search_handed_on(<object>values[i], NULL):
            return False
    return True


cdef bint watched() except -1:
    # Whether a debugger or a coverage tool wants to hear of lines: then functions are called.
    if PyThreadState_Get().c_tracefunc != NULL:
        return True
    return _tool_of is not None and (_tool_of(0) is not None or _tool_of(1) is not None)


cdef bint profiled() except -1:
    # Whether a profiler wants to hear of calls.
    if PyThreadState_Get().c_profilefunc != NULL:
        return True
    return _tool_of is not None and _tool_of(2) is not None


# From CPython 3.12 on: sys.monitoring has numbers for a debugger, a coverage tool and a profiler.
cdef object _tool_of = getattr(getattr(sys, "monitoring", None), "get_tool", None)


cdef bytes key_of(bytes types, Py_ssize_t start):
    return types if start == 0 else b"%s%d" % (types, start)


cdef Kernel find_kernel(host, Routine routine, PyObject** values, Py_ssize_t count, Py_ssize_t start):
    # The kernel for the types of the arguments, made when they are seen for the first time; None where there is none.
    # That of a state machine begins with its state number `start`; MAP_ONLY asks for one that may be for maps only.
    cdef Kernel kernel
    cdef Py_ssize_t i
    cdef char types[PARAMETER_LIMIT]
    if count > PARAMETER_LIMIT:
        routine.lowering = LOWER_NEVER
        return None
    if watched():
        return None
    for i in range(count):
        types[i] = code_of(type_of(values[i]))
    for kernel in routine.kernels:
        if kernel.count != count:
            continue        # what Python code put there
        if (kernel.start == start or start == MAP_ONLY and kernel.start == 0) and same_types(kernel.types, types, count):
            if kernel.guards_hold():
                return None if kernel.retired else kernel
            routine.kernels.remove(kernel)
            routine.seen.discard(kernel.key)
            break
    return make_kernel(host, routine, types[:count], start)


cdef bint same_types(const char* one, const char* other, Py_ssize_t count) noexcept:
    cdef Py_ssize_t i
    for i in range(count):
        if one[i] != other[i]:
            return False
    return True


cdef Kernel make_kernel(host, Routine routine, bytes types, Py_ssize_t start, bint asked=False):
    global eager_seconds
    cdef double begun
    cdef bytes key = key_of(types, start)
    cdef int level = routine.map_lowering if start == MAP_ONLY else routine.lowering
    if key in routine.seen:
        return None
    if not asked and level == LOWER_AT_ONCE and routine.calls < WARM:
        routine.calls += 1
        if eager_seconds > EAGER_SECONDS + EAGER_PART * (cascade_clock() - eager_begun):
            return None
    routine.seen.add(key)
    if len(routine.seen) > KERNEL_LIMIT or routine.made >= KERNEL_LIMIT:
        return None
    routine.made += 1
    begun = cascade_clock()
    names = tuple([TYPE_NAMES[chr(code)] for code in types])
    try:
        if routine.machine:
            made = host.machine_kernel(routine, names, start)
        else:
            made = host.kernel(routine.owner, names, start == MAP_ONLY)
    except BaseException:
        routine.seen.discard(key)       # so that it is raised again
        routine.made -= 1
        raise
    eager_seconds += cascade_clock() - begun
    if type(made) is Kernel:
        if (<Kernel>made).types_held != types:
            routine.seen.discard(key)
            raise InternalError(f"the host made a kernel for {(<Kernel>made).code.types} instead of {names}")
        routine.kernels.append(made)
        if start != MAP_ONLY:
            routine.lowering = max(routine.lowering, LOWER_AT_ONCE)
        elif made.code.loops or level == LOWER_MUST:
            routine.seen.add(types)         # it is for calls as well
        else:
            (<Kernel>made).start = MAP_ONLY
            (<Kernel>made).key = key
        return <Kernel>made
    if not routine.kernels and (made is None or len(routine.seen) >= 3) and level != LOWER_MUST:
        if start == MAP_ONLY:
            routine.map_lowering = LOWER_NEVER
        else:
            routine.lowering = LOWER_NEVER
    return None


# ---- Running ------------------------------------------------------------------------------------------------------

cdef int make_room(Typed* typed, Py_ssize_t room) except -1:
    # Gives the state memory for at least `room` registers; what is in them stays.
    cdef Py_ssize_t offset = 0
    cdef Register* memory
    if typed.memory != NULL and typed.state.registers != NULL:
        offset = typed.state.registers - typed.memory
    if room < FIRST_ROOM:
        room = FIRST_ROOM
    memory = <Register*>PyMem_Realloc(typed.memory, room * sizeof(Register))
    if memory == NULL:
        raise MemoryError
    typed.memory = memory
    typed.room = room
    typed.state.registers = memory + offset
    typed.state.end = memory + room
    return 0


cdef Typed* start_typed(Typed* typed, Kernel kernel, PyObject** values, bint* fits) except NULL:
    # Makes the state ready to run a kernel; not if an argument does not fit.
    if typed == NULL:
        typed = <Typed*>PyMem_Calloc(1, sizeof(Typed))
        if typed == NULL:
            raise MemoryError
    if typed.room < kernel.register_count:
        typed.state.registers = NULL
        make_room(typed, kernel.register_count)
    fits[0] = fill(kernel, values, typed.memory)
    typed.state.registers = typed.memory
    typed.state.word = kernel.words
    typed.state.depth = 0
    typed.state.deferred = 0
    typed.state.steps = 0
    return typed


cdef bint enter_kernel(Frame frame, Kernel kernel) except -1:
    # False where an argument does not fit.
    cdef bint fits = False
    frame.typed = start_typed(frame.typed, kernel, frame.values, &fits)
    if fits:
        frame.kernel = kernel
        kernel.entries += 1
    return fits


cdef bint fill_spare(Machine machine, Kernel kernel, PyObject** values) except -1:
    cdef bint fits = False
    machine.spare = start_typed(machine.spare, kernel, values, &fits)
    return fits


cdef void free_typed(Typed* typed) noexcept:
    if typed != NULL:
        PyMem_Free(typed.memory)
        PyMem_Free(typed.state.calls)
        PyMem_Free(typed)


cdef void count_exit(Kernel kernel, TypedState* state) noexcept:
    kernel.exit_count += 1
    kernel.left[state.word - kernel.words] += 1
    # A kernel that keeps leaving costs more than it gains.
    if kernel.exit_count < EXITS:
        return
    if kernel.work < WORK * kernel.exit_count or kernel.lost > kernel.work * kernel.gain:
        kernel.retired = True


cdef void count_loss(Kernel kernel, double begun, double seconds, bint resumed) noexcept:
    # An exit has cost the time around the call of CPython's part; and a part of that, if it went on with a loop.
    kernel.lost += min(cascade_clock() - begun - seconds, EXIT_COST)
    if resumed:
        kernel.lost += RESUMED_COST * seconds


cdef int run_kernel(Frame frame, int64_t limit) except -1:
    # Runs until it returns, leaves, or is out of fuel or steps.
    cdef Kernel kernel = frame.kernel
    cdef TypedState* state = &frame.typed.state
    cdef int64_t given = SHORT_FUEL
    cdef Py_ssize_t asked = 0
    state.fuel = SHORT_FUEL
    state.limit = limit
    state.depth_limit = state.depth + cascade_depth_left() - 8
    cascade_run(state)
    while True:
        if state.outcome == TYPED_OUT_OF_FUEL:
            kernel.work += given
            if given != SHORT_FUEL:
                break
            given = state.fuel = kernel.long_fuel
            with nogil:
                cascade_run(state)
        elif state.outcome == TYPED_ASKS and asked < ASK_LIMIT:
            asked += 1
            if not ask(kernel, state):
                state.outcome = TYPED_LEFT
                break
            state.word += 1
            cascade_run(state)
        elif state.outcome == TYPED_FULL:
            make_more_room(frame.typed)
            cascade_run(state)
        else:
            if state.outcome == TYPED_ASKS:
                state.outcome = TYPED_OUT_OF_FUEL
            kernel.work += given - state.fuel
            break
    return state.outcome


@cython.final
cdef class ProfiledRun:
    """Runs a frame's kernel, once: a profiler may keep it."""
    cdef Frame frame
    cdef int64_t limit

    def __call__(self):
        cdef Frame frame = self.frame
        if frame is None:
            raise InternalError("this run of typed code is over")
        self.frame = None
        if not frame.kernel.guards_hold():
            frame.typed.state.outcome = TYPED_OUT_OF_FUEL       # the profiler changed a name: whoever resumes it exits
            return TYPED_OUT_OF_FUEL
        return run_kernel(frame, self.limit)


cdef int run_profiled(Frame frame, int64_t limit) except -1:
    # What takes several turns is seen several times, as a coroutine is.
    cdef ProfiledRun run = ProfiledRun.__new__(ProfiledRun)
    run.frame = frame
    run.limit = limit
    return frame.kernel.seen(run)


cdef int make_more_room(Typed* typed) except -1:
    cdef TypedState* state = &typed.state
    cdef int64_t room
    cdef TypedCall* calls
    if state.depth >= state.depth_room:
        room = max(64, 2 * state.depth_room)
        calls = <TypedCall*>PyMem_Realloc(state.calls, room * sizeof(TypedCall))
        if calls == NULL:
            raise MemoryError
        state.calls = calls
        state.depth_room = room
    return make_room(typed, 2 * typed.room + REGISTER_ROOM)

cdef enum:
    REGISTER_ROOM = 10000       # more than any function has


cdef bint ask(Kernel kernel, TypedState* state) except -1:
    # Calls a function of Python's that has no effect; False where it raises, or gives what has no register.
    cdef AskEntry* entry = &kernel.questions[state.word.e]
    cdef Register* arguments = state.registers + state.word.b
    cdef PyObject* values[QUESTION_ROOM]
    cdef PyObject* result
    cdef Py_ssize_t i, made = 0
    cdef bint fits = False
    values[0] = NULL
    if entry.function == NULL:
        raise InternalError("typed code asks something that is no Question")
    if entry.measures:
        return measure(<PyObject*>arguments[0].object, &state.registers[state.word.a])
    for i in range(entry.count):
        values[i] = new_boxed(arguments[i], entry.types[i])
        if values[i] == NULL:
            break
        made += 1
    result = call_vector(entry.function, values, made, NULL) if made == entry.count else NULL
    for i in range(made):
        decref(values[i])
    if result != NULL:
        fits = unboxed(result, entry.result, &state.registers[state.word.a])
        decref(result)
    elif not PyErr_ExceptionMatches(Exception):
        raise cascade_raised()
    else:
        PyErr_Clear()
    return fits


cdef bint measure(PyObject* value, Register* register) noexcept:
    # As `length`, without a call for the most common types.
    if type_of(value) == <PyTypeObject*>str:
        register.i = PyUnicode_GET_LENGTH(value)
    elif type_of(value) == <PyTypeObject*>list or type_of(value) == <PyTypeObject*>tuple or type_of(value) == <PyTypeObject*>bytes:
        register.i = Py_SIZE(value)
    else:
        try:
            register.i = length(<object>value)
        except TypeError:
            return False
    return True


cdef PyObject* new_boxed(Register value, char kind) noexcept:
    # A reference of the caller's own; NULL where there is no memory for it.
    cdef PyObject* found
    if kind == b"d":
        return new_float(value.d)
    if kind == b"i":
        return new_int(value.i)
    found = <PyObject*>value.object
    if kind == b"b":
        found = True_ if value.i != 0 else False_
    elif kind == b"n":
        found = None_
    incref(found)
    return found


cdef bint unboxed(PyObject* value, char kind, Register* register) noexcept:
    # False, and nothing is written, where the register cannot hold it.
    cdef Register found
    if kind not in (b"i", b"d", b"b") or code_of(type_of(value)) != kind or not fill_one(kind, value, &found):
        return False
    register[0] = found
    return True


cdef object boxed(Register value, char kind):
    if kind == b"i":
        return PyLong_FromLongLong(value.i)
    if kind == b"d":
        return value.d
    if kind == b"b":
        return value.i != 0
    if kind == b"o":
        return <object><PyObject*>value.object
    return None


cdef object returned_by(TypedState* state):
    # After TYPED_RETURNED: the value.
    return returned(state.word, state.registers[state.word.a])


cdef inline object returned(const TypedWord* word, Register value):
    # What an instruction has returned.
    if word.run == HANDLERS[<int>TYPED_RETURN_INT]:
        return PyLong_FromLongLong(value.i)
    if word.run == HANDLERS[<int>TYPED_RETURN_FLOAT]:
        return value.d
    if word.run == HANDLERS[<int>TYPED_RETURN_BOOL]:
        return value.i != 0
    return <object><PyObject*>value.object


# ---- Leaving ------------------------------------------------------------------------------------------------------

cdef tuple way_out(Kernel kernel, Py_ssize_t number):
    # (body, function to go on with, registers and types of its arguments, registers of ranges, function of an iteration,
    # names of the arguments)
    cdef tuple way = kernel.ways[number]
    if way is None:
        found = kernel.code.exits[number]
        resumption = kernel.code.bodies[found.body].resumption
        names = tuple([name for name, _, _ in found.names])
        way = kernel.ways[number] = (
            found.body, None if found.again else resumption.function(found.statement, names), tuple([at for _, at, _ in found.names]),
            "".join([CODES[kind] for _, _, kind in found.names]).encode(), found.ranges,
            None if found.again else resumption.iteration(found.statement, names), names,
        )
    return way


cdef Py_ssize_t place_in_body(Frame frame) noexcept:
    # The number of the word of a task's body where the code has stopped: inside helpers, the outermost call.
    cdef TypedState* state = &frame.typed.state
    cdef const TypedWord* word = state.word if state.depth == 0 else state.calls[0].word
    return word - frame.kernel.words


cdef list values_there(Frame frame, tuple way):
    # The values of the variables.
    cdef tuple places = <tuple>way[2]
    cdef bytes kinds = <bytes>way[3]
    cdef Py_ssize_t i, register
    cdef list values = []
    for i in range(len(places)):
        register = places[i]
        values.append(None if register < 0 else boxed(frame.typed.memory[register], kinds[i]))
    return values


cdef list ranges_there(Frame frame, tuple way):
    # What is left of the ranges.
    cdef Py_ssize_t at
    cdef list ranges = []
    for at in way[4]:
        following = PyLong_FromLongLong(frame.typed.memory[at].i)
        left = PyLong_FromLongLong(frame.typed.memory[at + 1].i)
        step = PyLong_FromLongLong(frame.typed.memory[at + 2].i)
        ranges.append(range(following, following + left * step, step))
    return ranges

cdef tuple NOTHING = (None,)        # stands for the iteration that is under way


cdef int enter_again(Frame frame, Kernel kernel, Py_ssize_t word, values) except -1:
    # Values for registers; objects among them are held by the frame's slots.
    cdef TypedState* state = &frame.typed.state
    cdef Register* registers = frame.typed.memory
    cdef Py_ssize_t at
    for at, kind, value in values:
        if kind == "float":
            registers[at].d = value
        elif kind == "object":
            registers[at].object = <void*>value
        else:
            registers[at].i = value
    state.word = kernel.words + word
    state.registers = registers
    state.depth = 0
    return 0


cdef list kept_arguments(Frame frame, Kernel kernel, registers, types):
    cdef Py_ssize_t at
    cdef list values = []
    for at, kind in zip(registers, types):
        values.append(None if kind == "none" else boxed(frame.typed.memory[at], ord(CODES[kind])))
    return values
