# Kernels that are made block by block, as they are executed: see cascade/kernels/blocks. Included by _vm.pyx.

from collections import Counter, defaultdict, deque

cdef extern from "vm/kernel.h":
    int TYPED_GROWS "CASCADE_GROWS"
    int cascade_know_characters() except -1
    void cascade_find_small_ints() noexcept
    PyTypeObject* cascade_told[17]
    bint cascade_warns_of_bytes
    PyTypeObject* cascade_told_apart(PyTypeObject*) noexcept
    int TYPED_GUARDS "CASCADE_GUARDS"
    int TYPED_RAISED "CASCADE_RAISED"
    int TYPED_CALLS "CASCADE_CALLS"
    PyObject* cascade_boxed(Register, int) noexcept
    void cascade_hold_last(object, Py_ssize_t, object) noexcept
    int cascade_set_index(object, object, Py_ssize_t) except -1
    void cascade_put_address(const TypedWord*, const void*) noexcept
    int cascade_call_out(TypedState*, Gather*, Register*) noexcept
    PyObject* cascade_finish(TypedState*, Gather*, PyObject*) noexcept
    PyObject* cascade_call_under(TypedState*, PyObject*, PyObject**, size_t) noexcept
    PyTypeObject* cascade_plain_iterators[32]
    int cascade_know_consumers() except -1
    object cascade_consumer(const char*)

cdef extern from "Python.h":
    int Py_EnterRecursiveCall(const char*) except -1
    void Py_LeaveRecursiveCall()
    void PyErr_Restore(PyObject*, PyObject*, PyObject*)
    size_t PY_VECTORCALL_ARGUMENTS_OFFSET
    PyObject* PyException_GetTraceback(PyObject*)
    void* PyEval_SaveThread()
    void PyEval_RestoreThread(void*)
    Py_ssize_t Py_REFCNT(PyObject*)
    PyObject* PyUnicode_Join(PyObject*, PyObject*)
    void* PyThreadState_Get()

cdef enum:
    BLOCK_WORDS = 16384         # of one kernel, at most
    BLOCK_ROOM = 2000           # that is left for what is made at once
    BLOCK_GATHERS = 8192
    BLOCK_WATCHES = 32          # dicts of names
    BLOCK_ENTRIES = 16          # combinations of types
    BLOCK_WARM = 2000           # calls of a function without a loop, before its kernel is made

for _place, _kind in enumerate((
    str, list, tuple, dict, float, int, bool, type(None), bytes, set, range, complex, frozenset, bytearray, deque, defaultdict, Counter,
)):
    cascade_told[_place] = <PyTypeObject*>_kind

cascade_warns_of_bytes = sys.flags.bytes_warning != 0

cascade_know_consumers()


cdef enum:
    OF_ENTRY = -1               # in place of the number of a stub
    OF_ORIGIN = -2

cdef set OVERLAID = set()
# Opcodes of words that do the work of the next one, too.
cdef dict OVERLAYS = {}
# By the opcodes of two neighbours: that of an instruction which does the work of both, and whether the second one reads its operand a.


cdef void free_frames(TypedState* state) noexcept:
    cdef TypedState* following
    while state != NULL:
        following = state.parent
        PyMem_Free(state)
        state = following


cdef object take_new(PyObject* result):
    if result == NULL:
        raise_set()
    value = <object>result
    decref(result)
    return value


cdef int know_overlays(tuple iterators) except -1:
    cdef Py_ssize_t number
    cascade_know_characters()
    cascade_find_small_ints()
    from cascade.instructions.families.sequences import OVERLAYS as pairs
    from cascade.instructions.kernel import KERNEL_OPCODES
    for name, first, second, field in pairs:
        OVERLAYS[KERNEL_OPCODES[first], KERNEL_OPCODES[second]] = (KERNEL_OPCODES[name], field == "a")
        OVERLAID.add(KERNEL_OPCODES[name])
    for number, cls in enumerate(iterators):
        cascade_plain_iterators[number] = <PyTypeObject*><PyObject*>cls
    return 0


cdef void show_site(Gather* gather) noexcept:
    # Notes where the function of a call is, and where its result goes.
    cdef Site* site = gather.site
    cdef Py_ssize_t i
    if gather.place >= 0:
        site.function = gather.sources[gather.place].where
    site.target = gather.targets[0]
    site.is_operator = gather.finish != 0
    site.is_made_into = gather.joins or gather.finish >= OF_UNEQUAL
    for i in range(gather.place + 1):
        if gather.sources[i].kind == b"o":
            site.releases = True


cdef char unboxed_by(int opcode) noexcept:
    # Returns the kind of number that an instruction makes of an object; 0 for another one.
    if opcode == KERNEL_UNBOX_INT:
        return b"i"
    if opcode == KERNEL_UNBOX_FLOAT:
        return b"d"
    return b"b" if opcode == KERNEL_UNBOX_BOOL else 0


cdef object contents_of(cell):
    try:
        return cell.cell_contents
    except ValueError:
        return MISSING


@cython.final
cdef class BlockKernel:
    """A kernel whose code is made as it is executed.

    Args:
        translator: makes the code; see cascade/kernels/blocks/translator.py.
        exits: makes plans of side exits; see cascade/kernels/blocks/exits.py.

    Calling it is calling the function, with arguments by position.
    """
    cdef object __weakref__
    cdef Callee callee                  # as calls see it: see vm/kernel_calls.h
    cdef TypedWord* words
    cdef int32_t* opcodes               # of each word
    cdef int32_t* exit_of
    cdef int32_t* lines
    cdef Stopwatch* exits_at            # and exceptions, at each word
    cdef Gather** gathers
    cdef Watch watches[BLOCK_WATCHES + 1]
    cdef NameTable names_by_number
    cdef Register* image
    cdef Py_ssize_t length              # of what stands at the start of the code
    cdef Py_ssize_t stub_start          # where the stubs at its end begin
    cdef Py_ssize_t first_constant, constant_count, first_scratch, first_free, free_count
    cdef Py_ssize_t gather_count, watch_count, register_count, parameter_count
    cdef Py_ssize_t positional          # parameters of the function that are passed by position
    cdef tuple keywords                 # names of its keyword-only parameters
    cdef bint varargs, varkwargs        # whether it has `*args`, and `**kwargs`
    cdef object names_self              # the name of its first parameter, by which that may be passed, too; or None
    cdef readonly object translator
    cdef object exits
    cdef bytes nesting                  # for each code unit, how many loops it stands in
    cdef object function
    cdef dict plans
    cdef dict checkpoints               # by word: see vm/checkpoint.pxi
    cdef dict held                      # what words refer to
    cdef Pages* pages                   # its machine code, or NULL
    cdef int machine_times              # that it has been made
    cdef tuple relied_on                # names that `is` compares with: see cascade/kernels/blocks/identities.py
    cdef frozenset copied_classes
    cdef bint compares                  # whether there are such names
    cdef bint loops                     # whether the function has a loop
    cdef bint growing                   # or never again, after a fault
    cdef readonly bint slower           # whether it is retired as CPython is faster
    cdef object code
    cdef Trial trial
    cdef int64_t doubts
    cdef int batch_left, batch_way      # of a trial: calls that are left in the present sample
    cdef double batch_begun
    cdef bint short_calls               # several are timed at once
    cdef bint warms_up                  # the last of several calls is timed
    cdef int free_runs                  # of its code without the GIL, under way: it does not grow meanwhile
    cdef Py_ssize_t free_word           # the entry that `is_free` was asked for, when the code had grown so often, and what it has found
    cdef int64_t free_growths
    cdef bint free_found

    def __cinit__(self, translator, exits):
        cdef Py_ssize_t i
        if TRANSLATOR_TYPE is None or type(translator) is not TRANSLATOR_TYPE:
            raise InternalError(f"{translator!r} is no translator")
        self.translator = translator
        self.exits = exits
        self.function = translator.function
        self.code = translator.code
        self.relied_on, self.copied_classes = translator.relied_on, translator.copied_classes
        self.compares = len(self.relied_on) > 0
        self.loops = translator.text.loops
        self.nesting = translator.text.nesting
        self.trial.at = BLOCK_DOUBTS
        self.callee.machine_at = machine_work
        self.batch_begun = NOT_TIMED
        self.plans = {}
        self.checkpoints = {}
        self.held = {}
        for i in translator.compared_parameters:
            self.callee.compared |= <uint32_t>1 << i
        self.positional = translator.code.co_argcount
        self.keywords = translator.code.co_varnames[self.positional:self.positional + translator.code.co_kwonlyargcount]
        self.names_self = translator.code.co_varnames[0] if self.positional > 0 and translator.code.co_posonlyargcount == 0 else None
        self.varargs, self.varkwargs = translator.code.co_flags & 4 != 0, translator.code.co_flags & 8 != 0
        self.parameter_count = self.positional + len(self.keywords) + self.varargs + self.varkwargs
        self.register_count = translator.registers.count + SPARE_REGISTERS
        self.first_constant = translator.registers.first_constant
        self.first_free = translator.registers.variables - len(translator.code.co_freevars)
        self.constant_count = len(translator.registers.values)
        self.first_scratch = translator.registers.first_scratch
        self.free_count = len(translator.code.co_freevars)
        self.words = <TypedWord*>PyMem_Malloc(BLOCK_WORDS * sizeof(TypedWord))
        self.stub_start = BLOCK_WORDS
        self.opcodes = <int32_t*>PyMem_Malloc(BLOCK_WORDS * sizeof(int32_t))
        self.exit_of = <int32_t*>PyMem_Malloc(BLOCK_WORDS * sizeof(int32_t))
        self.lines = <int32_t*>PyMem_Malloc(BLOCK_WORDS * sizeof(int32_t))
        self.exits_at = <Stopwatch*>PyMem_Calloc(BLOCK_WORDS, sizeof(Stopwatch))
        self.gathers = <Gather**>PyMem_Calloc(BLOCK_GATHERS, sizeof(Gather*))
        self.image = <Register*>PyMem_Calloc(self.register_count, sizeof(Register))
        if self.words == NULL or self.opcodes == NULL or self.exit_of == NULL or self.lines == NULL or self.exits_at == NULL:
            raise MemoryError
        if self.gathers == NULL or self.image == NULL:
            raise MemoryError
        if self.parameter_count > PARAMETER_LIMIT:
            raise InternalError("the function has too many parameters")
        for i, kind, value in translator.registers.values:
            if kind == "float":
                self.image[i].d = value
            elif kind == "object":
                self.hold(value)
                self.image[i].object = <void*>value
            else:
                self.image[i].i = value
        self.show_callee()
        if not targets_are_known:
            know_targets()
        if not OVERLAYS:
            know_overlays(translator.plain_iterators)

    cdef void show_callee(self) noexcept:
        self.callee.kernel = <void*>self
        self.callee.code = <PyObject*>self.code
        self.callee.words = self.words
        self.callee.exit_of = self.exit_of
        self.callee.image = self.image
        self.callee.register_count, self.callee.parameter_count = <int32_t>self.register_count, <int32_t>self.parameter_count
        self.callee.first_free, self.callee.free_count = <int32_t>self.first_free, <int32_t>self.free_count
        self.callee.watched = self.watches
        self.callee.named = &self.names_by_number
        self.callee.gathers = self.gathers

    def __dealloc__(self):
        cdef Py_ssize_t i
        cascade_free_pages(self.pages)
        PyMem_Free(self.words)
        PyMem_Free(self.opcodes)
        PyMem_Free(self.exit_of)
        PyMem_Free(self.lines)
        PyMem_Free(self.exits_at)
        PyMem_Free(self.image)
        free_frames(self.callee.spare)
        for i in range(self.callee.owned_room):
            PyMem_Free(self.callee.owned[i])
        PyMem_Free(self.callee.owned)
        PyMem_Free(self.names_by_number.items)
        if self.gathers != NULL:
            for i in range(self.gather_count):
                PyMem_Free(self.gathers[i].site)
                PyMem_Free(self.gathers[i].sources)
                PyMem_Free(self.gathers[i].targets)
                PyMem_Free(self.gathers[i].missing_parameters)
                PyMem_Free(self.gathers[i].missing_types)
                PyMem_Free(self.gathers[i].missing_values)
                PyMem_Free(self.gathers[i].missing_kinds)
                PyMem_Free(self.gathers[i])
            PyMem_Free(self.gathers)

    def __call__(self, *arguments, **named):
        cdef PyObject* result
        if named or self.parameter_count > self.positional:
            found = self.translator.values_of_parameters(self.function, arguments, named)
            if found is None:
                return self.function(*arguments, **named)
            arguments = found
        if len(arguments) != self.parameter_count:
            return self.function(*arguments)
        result = run_blocks(self, cascade_tuple_items(<PyObject*>arguments), len(arguments))
        return take_new(result)

    cdef int hold(self, value) except -1:
        self.held[id(value)] = value
        return 0

    # -- Growth -----------------------------------------------------------------------------------------------------

    cdef Py_ssize_t entry_for(self, PyTypeObject** types, Py_ssize_t count) except -2:
        # Returns the word at which a call with arguments of these classes begins; -1 where there is none.
        cdef Py_ssize_t word = cascade_known_entry(&self.callee, types)
        return word if word >= 0 else self.new_entry(types, count)

    cdef Py_ssize_t new_entry(self, PyTypeObject** types, Py_ssize_t count) except -2:
        # The same for classes that are new.
        cdef Py_ssize_t j
        if self.callee.entry_count == BLOCK_ENTRIES:
            return -1
        kinds = tuple([None if types[j] == NULL else <object><PyObject*>types[j] for j in range(count)])
        return self.made_entry(self.grown(OF_ENTRY, kinds), types, count)

    cdef Py_ssize_t made_entry(self, Py_ssize_t word, PyTypeObject** types, Py_ssize_t count) noexcept:
        # Written when the code has been made: meanwhile other threads may have been here.
        cdef Py_ssize_t j
        if word >= 0 and self.callee.entry_count < BLOCK_ENTRIES:
            for j in range(count):
                self.callee.by_type[self.callee.entry_count].types[j] = types[j]
            self.callee.by_type[self.callee.entry_count].word = word
            self.callee.entry_count += 1
        return word

    cdef Py_ssize_t grown(self, Py_ssize_t stub, found) except -2:
        # Makes the code behind a stub, that of an entry, or that of an origin once more, and returns its first word; -1 where that is not
        # possible now. Translating is Python code: meanwhile another thread, or a finalizer, may come here.
        global eager_seconds
        cdef double begun = cascade_clock(), worked = cascade_thread_clock()
        if self.growing or self.free_runs > 0 or self.stub_start - self.length < BLOCK_ROOM:
            return -1
        self.growing = True
        try:
            if stub == OF_ORIGIN:
                growth = self.translator.renew(found)
            else:
                growth = self.translator.enter(found) if stub == OF_ENTRY else self.translator.grow(stub, found)
            if growth is not None:
                self.add(growth)
        except BaseException as error:
            # The translator may have stopped anywhere. CPython continues, and the function is called from now on.
            self.callee.retired, self.slower = True, False
            if self.translator.is_interruption(error):
                raise self.translator.as_of_the_program(error)
            if at_first_call:
                raise
            return -1
        finally:
            self.growing = self.callee.retired and not self.slower
            code_has_been_made(begun)
            if stub != OF_ORIGIN:
                eager_seconds += cascade_thread_clock() - worked        # hot code is worth its time
        return -1 if growth is None else growth[0]

    cdef int inline_calls(self) except -1:
        # Has the code from where it leads to hot calls made once more, with the code of small functions in place of these calls.
        cdef Py_ssize_t number
        cdef Gather* gather
        cdef list hot = []
        for number in range(self.length):
            if self.opcodes[number] == KERNEL_CALL_FUNCTION:
                gather = self.gathers[self.words[number].e]
                if gather.site.begins_at != NULL and not gather.was_hot:
                    gather.was_hot = True
                    hot.append(self.words[number].e)
        if hot and not self.callee.retired:
            for origin in self.translator.origins_of(hot):
                if self.may_be_renewed(origin.label.index):
                    self.grown(OF_ORIGIN, origin)
        return 0

    cdef bint may_be_renewed(self, Py_ssize_t number) except -1:
        # Returns whether a word may become a jump: the one before it does not read it, nor a call out of it that is under way.
        if number > 0 and self.opcodes[number - 1] in OVERLAID:
            return False
        return self.opcodes[number] not in (KERNEL_CALL_PYTHON, KERNEL_ITER_NEXT)

    cdef int add(self, growth) except -1:
        # Adds words: see Growth in cascade/kernels/blocks/points.py.
        cdef Py_ssize_t start, jump_from, stub_start
        start, words, jump_from, stub_start, stubs, _ = growth
        if start + <Py_ssize_t>len(words[0]) > stub_start:
            raise InternalError("a kernel has become too long")
        self.add_gathers()
        self.add_watches()
        self.put(start, words)
        self.put(stub_start, stubs)
        self.length = max(self.length, start + <Py_ssize_t>len(words[0]))
        self.stub_start = stub_start
        self.overlay(max(start - 1, 0), self.length)
        self.note_unboxing(max(start - 1, 0), self.length)
        if jump_from >= 0:
            self.retarget(jump_from, start)
        self.callee.growths += 1
        return 0

    cdef int put(self, Py_ssize_t start, part) except -1:
        cdef Py_ssize_t number, i, field
        cdef TypedWord* word
        cdef uint64_t value
        cdef int32_t* fields
        words, exits, lines = part
        if start < 0 or start + len(words) > BLOCK_WORDS:
            raise InternalError("a kernel has become too long")
        for i in range(len(words) - 1, -1, -1):     # the first one last: others may come there before the rest is there
            number = start + i
            word = &self.words[number]
            fields = &word.a
            opcode, _, *operands = words[i]
            word.run = HANDLERS[<int>opcode]
            for field in range(6):
                fields[field] = operands[field]
            if KERNEL_TARGETS[<int>opcode]:
                word.f = <int32_t>((word.f - number) * <Py_ssize_t>sizeof(TypedWord))
            elif RETURN_CODES[<int>opcode] != 0:
                word.f = RETURN_CODES[<int>opcode] + (word.e if <int>opcode == KERNEL_RETURN_SCALAR else 0)
                cascade_put_address(word, NULL)
            elif <int>opcode == KERNEL_CALL_FUNCTION:
                cascade_put_address(word, self.gathers[word.e].site)
            elif <int>opcode == KERNEL_LOAD_OBJECT:
                found = self.translator.objects[word.e]
                self.hold(found)
                value = <uint64_t><size_t><PyObject*>found
                word.e = <int32_t><uint32_t>(value & 0xFFFFFFFF)
                word.f = <int32_t><uint32_t>(value >> 32)
            self.opcodes[number] = opcode
            self.exit_of[number] = exits[i]
            self.lines[number] = lines[i]
        return 0

    cdef int overlay(self, Py_ssize_t start, Py_ssize_t end) except -1:
        # A word whose result the next one tests does the work of both, and skips that one, which stays for those who jump to it.
        cdef Py_ssize_t number
        for number in range(start, end - 1):
            found = OVERLAYS.get((self.opcodes[number], self.opcodes[number + 1]))
            if found is not None and self.words[number].a == (self.words[number + 1].a if found[1] else self.words[number + 1].b):
                self.opcodes[number] = found[0]
                self.words[number].run = HANDLERS[<int>found[0]]
        return 0

    cdef void note_unboxing(self, Py_ssize_t start, Py_ssize_t end) noexcept:
        # Where a call is followed by an instruction that unboxes its result, and by the RELEASE of that, it passes the number on.
        cdef Py_ssize_t number
        cdef int32_t target
        cdef Gather* gather
        for number in range(start, end - 2):
            if self.opcodes[number] == KERNEL_CALL_FUNCTION and self.opcodes[number + 2] == KERNEL_RELEASE:
                gather = self.gathers[self.words[number].e]
                target = gather.targets[0]
                if self.words[number + 1].b == target and self.words[number + 2].a == target:
                    gather.site.unboxes = unboxed_by(self.opcodes[number + 1])

    cdef void retarget(self, Py_ssize_t stub, Py_ssize_t start) noexcept:
        # Jumps to a stub lead to what has been made of it; the stub becomes a jump, for those who come there otherwise.
        self.retarget_between(0, self.length, stub, start)
        self.retarget_between(self.stub_start, BLOCK_WORDS, stub, start)
        self.opcodes[stub] = KERNEL_JUMP
        self.words[stub].run = HANDLERS[<int>KERNEL_JUMP]
        self.words[stub].f = <int32_t>((start - stub) * <Py_ssize_t>sizeof(TypedWord))

    cdef void retarget_between(self, Py_ssize_t first, Py_ssize_t end, Py_ssize_t stub, Py_ssize_t start) noexcept:
        cdef Py_ssize_t number
        for number in range(first, end):
            if KERNEL_TARGETS[self.opcodes[number]] and self.words[number].f == (stub - number) * <Py_ssize_t>sizeof(TypedWord):
                self.words[number].f = <int32_t>((start - number) * <Py_ssize_t>sizeof(TypedWord))

    cdef bint is_free(self, Py_ssize_t entry) except -1:
        # Returns whether all code that an entry may lead to, so far, may run without the GIL.
        cdef Py_ssize_t number
        cdef int opcode
        cdef list waiting
        cdef set seen
        if self.free_growths == self.callee.growths and self.free_word == entry:
            return self.free_found
        waiting, seen, found = [entry], {entry}, True
        while waiting and found:
            number = waiting.pop()
            opcode = self.opcodes[number]
            found = KERNEL_FREE[opcode]
            following = [] if KERNEL_ENDS[opcode] else [number + 1]
            if KERNEL_TARGETS[opcode]:
                following.append(number + self.words[number].f // <Py_ssize_t>sizeof(TypedWord))
            waiting += [each for each in following if each not in seen]
            seen.update(following)
        self.free_word, self.free_growths, self.free_found = entry, self.callee.growths, found
        return found

    cdef int add_gathers(self) except -1:
        cdef Gather* gather
        cdef Py_ssize_t i
        made = self.translator.call_outs
        while self.gather_count < len(made):
            if self.gather_count == BLOCK_GATHERS:
                raise InternalError("a kernel has too many call-outs")
            function, sources, targets, _, _ = made[self.gather_count]
            gather = <Gather*>PyMem_Calloc(1, sizeof(Gather))
            if gather == NULL:
                raise MemoryError
            self.gathers[self.gather_count] = gather
            self.gather_count += 1
            gather.sources = <Source*>PyMem_Calloc(max(1, len(sources)), sizeof(Source))
            gather.targets = <int32_t*>PyMem_Malloc(max(1, len(targets)) * sizeof(int32_t))
            if gather.sources == NULL or gather.targets == NULL:
                raise MemoryError
            self.hold(function)
            gather.function = <PyObject*>function
            gather.count = len(sources)
            gather.results = len(targets)
            callee = self.translator.callees.get(self.gather_count - 1)
            if callee is not None:
                self.add_callee(gather, callee)
            for i in range(gather.count):
                gather.sources[i].where = sources[i][0]
                gather.sources[i].kind = ord(sources[i][1])
            for i in range(gather.results):
                gather.targets[i] = targets[i]
            if callee is not None:
                gather.is_callable = gather.iterated != NULL or is_plain(
                    gather, (<BlockKernel>callee.kernel).parameter_count, (<BlockKernel>callee.kernel).positional)
                show_site(gather)
        return 0

    cdef int add_callee(self, Gather* gather, callee) except -1:
        # Notes how a function is called by its kernel.
        cdef Py_ssize_t i, parameters
        self.hold(callee)
        parameters = (<BlockKernel?>callee.kernel).parameter_count
        gather.site = <Site*>PyMem_Calloc(1, sizeof(Site) + parameters * sizeof(Passed))
        if gather.site == NULL:
            raise MemoryError
        gather.site.callee = &(<BlockKernel>callee.kernel).callee
        gather.site.code = <PyObject*>(<BlockKernel>callee.kernel).code
        gather.place = callee.place
        gather.joins = callee.joins
        gather.operand, gather.finish, gather.sign = callee.operand, callee.finish, <PyObject*>callee.sign
        if callee.function is not None:
            gather.site.known = <PyObject*>callee.function
        if callee.defaults is not None:
            gather.site.defaults = <PyObject*>callee.defaults
        for i, number in enumerate(callee.parameters):
            gather.sources[gather.place + 1 + i].parameter = number
        if callee.iterator is not None:
            place, owned = self.exits.iterator_place(callee.iterator)
            self.hold(place)
            gather.iterator = <PyObject*>place
            gather.iterated = <PyObject*>callee.iterator.kind
            gather.iterator_source = callee.iterator.value.register
            gather.iterator_target = callee.iterator.target
            for number in owned:
                gather.iterator_owned |= 1 << (<int>number - gather.iterator_source)
        return 0

    cdef int add_watches(self) except -1:
        cdef Py_ssize_t i
        for namespace, _, _ in self.translator.names_used.values():
            for i in range(self.watch_count):
                if self.watches[i].dict == <PyObject*>namespace:
                    break
            else:
                if self.watch_count == BLOCK_WATCHES:
                    raise InternalError("a kernel relies on too many namespaces")
                self.hold(namespace)
                self.watches[self.watch_count].dict = <PyObject*>namespace
                self.watches[self.watch_count].version = 0
                self.watch_count += 1
        return self.add_names(list(self.translator.names_used.values()))

    cdef int add_names(self, list used) except -1:
        cdef Py_ssize_t i, count = len(used)
        cdef NameEntry* items
        if count == self.names_by_number.count:
            return 0
        items = <NameEntry*>PyMem_Realloc(self.names_by_number.items, count * sizeof(NameEntry))
        if items == NULL:
            raise MemoryError
        self.names_by_number.items = items
        for i in range(self.names_by_number.count, count):
            namespace, name, expected = used[i]     # which the translator holds
            items[i].dict = <PyObject*>namespace
            items[i].name = <PyObject*>name
            items[i].expected = NULL if expected is MISSING else <PyObject*>expected
        self.names_by_number.count = count
        return 0

    cdef bint names_hold(self) except -1:
        # Looks the names up, and notes the versions of their dicts.
        cdef Py_ssize_t i
        for i in range(self.watch_count):
            self.watches[i].version = cascade_version(self.watches[i].dict)
        for namespace, name, expected in self.translator.names_used.values():
            found = (<dict>namespace).get(name, MISSING)
            if found is not expected:
                self.translator.has_changed(namespace, name, expected, found)
                return False
        return True

    cdef bint comparisons_hold(self) noexcept:
        # Whether the names that `is` compares with still mean objects that are no numbers.
        for holder, name, expected in self.relied_on:
            if isinstance(holder, type):
                if class_tag(holder) != expected:
                    return False
                continue
            if name is not None:
                found = (<dict>holder).get(name, MISSING)
            else:
                found = contents_of(holder)
            if found is not expected if expected is not None else type(found) in self.copied_classes:
                return False
        return True

    cdef object exit_plan(self, Py_ssize_t number, Py_ssize_t raises_at):
        key = (number, raises_at)
        plan = self.plans.get(key)
        if plan is None:
            begun = cascade_clock()
            plan = self.plans[key] = self.exits.plan(self.translator, number, raises_at)
            code_has_been_made(begun)
        return plan

    @property
    def entries(self):
        """How often it has been entered."""
        return self.callee.entries

    @property
    def exit_count(self):
        """The number of its side exits."""
        return self.callee.exit_count

    @property
    def work(self):
        """The number of back edges, where they were counted last."""
        return self.callee.work

    @property
    def growths(self):
        """How often its code has grown."""
        return self.callee.growths

    @property
    def called_out(self):
        """The number of calls out and exits."""
        return self.callee.called_out

    @property
    def stale(self):
        """Whether a name that it relies on has another meaning."""
        return self.callee.stale != 0

    @property
    def exits_often(self):
        """Whether it exits too often, where kernels call it, or makes too many frames: then CPython is faster."""
        return self.callee.exits_often != 0

    @property
    def retired(self):
        """Whether it is no longer entered."""
        return self.callee.retired != 0

    @property
    def forms_in_machine_code(self):
        """How many of its words machine code executes without a handler; 0 where there is none."""
        return 0 if self.pages == NULL else self.pages.forms

    def machine_code(self):
        """Returns its machine code, where in it each word begins, and how many words have a form of their own; None where there is none."""
        return shown_machine_code(self.pages)

    def listing(self):
        """Returns the words as (number, handler's opcode, operands, line)."""
        return [(i, self.opcodes[i], (self.words[i].a, self.words[i].b, self.words[i].c, self.words[i].d, self.words[i].e, self.words[i].f),
                 self.lines[i], self.exits_at[i].count) for i in (*range(self.length), *range(self.stub_start, BLOCK_WORDS))]

    @property
    def runs(self):
        """The number of entries, without those of recursive calls, and the seconds that they took, about."""
        return reading(&self.callee.watch)

    def call_outs_made(self):
        """Returns of each call-out that was made its number in the translator's table, how often, and the seconds that it took, about."""
        return [(i, *reading(&self.gathers[i].watch)) for i in range(self.gather_count) if self.gathers[i].watch.count]

    def exits_made(self):
        """Returns of each word with side exits or exceptions its opcode, the number of the exit, how often, and CPython's seconds, about."""
        return [(self.opcodes[i], self.exit_of[i], *reading(&self.exits_at[i])) for i in range(BLOCK_WORDS) if self.exits_at[i].count]

    @property
    def trial_seconds(self):
        """What a call took by the kernel, and by CPython, in the last trial; None before the first one."""
        if self.trial.typical[PLAIN_WAY] == 0.0:
            return None
        return self.trial.typical[TYPED_WAY], self.trial.typical[PLAIN_WAY]

    @property
    def trial_in_batches(self):
        """Whether calls are so short that the last trial timed several at once, with all that stands between them."""
        return bool(self.short_calls)

    @property
    def names(self):
        """The names that the code relies on."""
        return [name for _, name, _ in self.translator.names_used.values()]
