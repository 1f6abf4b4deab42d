# Maps over NumPy's arrays: the items are handed to a kernel as NumPy's scalars in registers, without an object for each. Included by
# _vm.pyx.
#
# A kernel that touches no objects is *free*: its items are divided among threads, and run without the GIL. It has no effects, so an item with
# a side exit is computed by CPython from its start, as in map.pxi. Any other kernel computes one item after the other, with its
# effects, call-outs and side exits, as it does in calls.

cdef enum:
    FREE_BLOCK = 1 << 22        # items at once, at most, where their results stay in memory
    CALM = 50000                # items without a side exit, after one, before a block is divided among threads again
    FEW_EXITS = 64
    OFTEN = 8                   # items for each side exit, below which CPython computes all: an exit takes as long as some calls
    WINDOW = 64                 # items that CPython computes at once, at first; and that are compared with as many by a kernel
    WINDOW_ROUNDS = 3


@cython.final
cdef class ArrayColumn:
    """The items of an array of NumPy's as they are now, as an input of a map.

    Args:
        array: of one dimension, of numbers or bools.

    Raises:
        TypeError: it is another array.
    """

    cdef char* data
    cdef Py_ssize_t count
    cdef int element, size

    def __cinit__(self, array):
        cdef NumpyArray* found = <NumpyArray*><PyObject*>array
        cdef Py_ssize_t i
        if not numpy_is_known or type_of(<PyObject*>array) != cascade_array_type or found.dimensions != 1:
            raise TypeError(f"expected an array of one dimension, got an instance of {type(array).__name__}")
        for self.element in range(SCALAR_COUNT + 1):
            if self.element < SCALAR_COUNT and cascade_holds(found, self.element):
                break
        if self.element == SCALAR_COUNT:
            raise TypeError("expected an array of numbers or bools")
        self.size = cascade_sizes[self.element]
        self.count = found.shape[0]
        self.data = <char*>PyMem_Malloc(max(self.count * self.size, 1))
        if self.data == NULL:
            raise MemoryError
        if found.strides[0] == self.size:
            memcpy(self.data, found.data, self.count * self.size)
        else:
            for i in range(self.count):
                memcpy(self.data + i * self.size, found.data + i * found.strides[0], self.size)

    def __dealloc__(self):
        PyMem_Free(self.data)

    def __len__(self):
        return self.count

    def __getitem__(self, Py_ssize_t number):
        if not 0 <= number < self.count:
            raise IndexError("no such item of a column")
        return take_new(cascade_scalar_at(self.data + number * self.size, self.element))

    def __iter__(self):
        return iter(self.part(0, self.count))

    cdef list part(self, Py_ssize_t start, Py_ssize_t end):
        cdef Py_ssize_t i
        return [take_new(cascade_scalar_at(self.data + i * self.size, self.element)) for i in range(start, end)]


cdef struct ColumnAt:
    char* data                  # NULL of a list
    int element
    int size
    PyObject** items            # of a list
    Py_ssize_t parameter


@cython.final
cdef class ArrayItems(Shares):
    """A map of a task over the items of arrays, by the kernel that is made block by block.

    Args:
        routine: of the task.
        columns: for each argument of a call an ArrayColumn, or a list, all of equal length; or a tuple of the value that all items share.
        parameters: for each of these the number of its parameter.
        slots: the arguments of the first item, complete.
        results: those so far, as a list or MapResults; results are appended.
        threads, start: as in `Items`.
    """

    cdef Routine routine
    cdef tuple columns
    cdef list slots
    cdef object results
    cdef list listed                    # the results; None where they are unboxed
    cdef MapResults unboxed
    cdef ColumnAt* at                   # of the columns whose items differ
    cdef Py_ssize_t width               # their number
    cdef Py_ssize_t count               # of items
    cdef Py_ssize_t parameter_count
    cdef bint has_lists
    cdef bint by_calls                  # CPython computes the items that are left,
    cdef Py_ssize_t span                # so many at once
    cdef Py_ssize_t wanted              # otherwise, so many
    cdef bint special                   # the last result is no plain value
    # The present block.
    cdef bint in_block                  # of a free kernel, which is not finished
    cdef object held                    # the memory that it writes to, where that is no own one
    cdef BlockKernel kernel
    cdef object pinned                  # the values that all its items share, as free kernels see them
    cdef Register* rest                 # their registers,
    cdef int32_t* rest_at               # and the parameters that they are of
    cdef Py_ssize_t rest_count
    cdef PyTypeObject** types
    cdef Py_ssize_t word                # at which an item begins
    cdef Py_ssize_t first               # its first item
    cdef Register* values               # where results are written
    cdef char* codes
    cdef Register* own_values
    cdef char* own_codes
    cdef int64_t exits, calm
    # Trials of a kernel that calls out or exits.
    cdef double best[2]                 # seconds an item
    cdef int rounds
    cdef int64_t called_out
    cdef Py_ssize_t next_trial          # the item at which it begins

    def __cinit__(self, Routine routine not None, list columns not None, tuple parameters not None, tuple slots not None, results,
                  int threads, start):
        cdef Py_ssize_t i
        self.routine = routine
        self.columns = tuple([column[:] if type(column) is list else column for column in columns])
        self.slots = list(slots)
        self.results = results
        if type(results) is MapResults:
            self.unboxed = results
        else:
            self.listed = <list?>results
        self.parameter_count = len(slots)
        parameters = tuple([int(number) for number in parameters])
        if len(parameters) != len(columns) or len(slots) != len(routine.parameters) or len(slots) > PARAMETER_LIMIT:
            raise InternalError("a map was given columns that do not fit")
        self.at = <ColumnAt*>PyMem_Calloc(len(columns) + 1, sizeof(ColumnAt))
        self.rest = <Register*>PyMem_Calloc(self.parameter_count + 1, sizeof(Register))
        self.rest_at = <int32_t*>PyMem_Calloc(self.parameter_count + 1, sizeof(int32_t))
        self.types = <PyTypeObject**>PyMem_Calloc(self.parameter_count + 1, sizeof(PyTypeObject*))
        self.own_values = <Register*>PyMem_Malloc(LAST_BLOCK * sizeof(Register))
        self.own_codes = <char*>PyMem_Malloc(LAST_BLOCK)
        if self.at == NULL or self.rest == NULL or self.rest_at == NULL or self.types == NULL:
            raise MemoryError
        if self.own_values == NULL or self.own_codes == NULL:
            raise MemoryError
        self.count = -1
        for i in range(len(columns)):
            self.take_column(self.columns[i], parameters[i])
        if self.count < 0 or (self.unboxed is not None and self.unboxed.room < self.count):
            raise InternalError("a map was given columns that do not fit")
        self.set_shares(threads, start)
        self.best[TYPED_WAY] = self.best[PLAIN_WAY] = 1e300
        self.span = WINDOW
        routine.calls += min(self.count, MAP_HOT)

    cdef int take_column(self, column, Py_ssize_t parameter) except -1:
        cdef ColumnAt* at = &self.at[self.width]
        if not 0 <= parameter < self.parameter_count:
            raise InternalError("a map was given columns that do not fit")
        at.parameter = parameter
        if type(column) is tuple and len(<tuple>column) == 1:
            return 0
        if type(column) is ArrayColumn:
            at.data = (<ArrayColumn>column).data
            at.element = (<ArrayColumn>column).element
            at.size = (<ArrayColumn>column).size
        else:
            items = <list?>column
            at.items = cascade_list_items(<PyObject*>items)
            self.has_lists = True
        if self.count not in (-1, len(column)):
            raise InternalError("a map was given columns that do not fit")
        self.count = len(column)
        self.width += 1
        return 0

    def __dealloc__(self):
        PyMem_Free(self.at)
        PyMem_Free(self.rest)
        PyMem_Free(self.rest_at)
        PyMem_Free(self.types)
        PyMem_Free(self.own_values)
        PyMem_Free(self.own_codes)

    @property
    def worth_it(self):
        """Whether the task may have a kernel, and has been called for enough items to pay for making it."""
        return self.routine.may_have_blocks and self.routine.in_order and (self.routine.lowering >= LOWER_AT_ONCE or self.routine.calls >= MAP_HOT)

    cdef Py_ssize_t done(self) noexcept:
        return PyList_GET_SIZE(self.listed) if self.unboxed is None else self.unboxed.count

    def run(self, double seconds):
        """Runs for about `seconds`, or up to an item that CPython has to compute; returns whether there is such an item: see `call_each`."""
        cdef double end = cascade_clock() + seconds
        self.enter()
        try:
            self.block_seconds = seconds / 2
            while self.done() < self.count:
                if not self.in_block:
                    if not self.begin():
                        return True
                    if self.runs_free():
                        self.plan_block()
                if self.in_block:
                    if not self.run_free():
                        return True
                elif self.kernel.callee.retired:
                    self.by_calls = True
                    return True
                elif not self.run_serially(end):
                    return True
                if PyErr_CheckSignals() != 0:
                    raise_set()
                if cascade_clock() >= end:
                    return False
            return False
        finally:
            self.running = False

    def call_each(self, function, Py_ssize_t positional, tuple names, double seconds):
        """Has CPython compute items, after `run` has found one that it has to compute; returns whether the last result is no plain value.

        Args:
            positional, names: as in the function `call_each`.
            seconds: the time after which it stops, about, where CPython computes all items that are left.
        """
        cdef double begun
        cdef Py_ssize_t start = self.done(), wanted = self.wanted
        cdef list made = []
        if self.special:
            self.special = False
            return True
        if self.by_calls:
            wanted = self.span
        wanted = min(wanted, self.count - start)
        begun = trial_time(PLAIN_WAY)
        columns = [self.window(column, start, start + wanted) for column in self.columns]
        try:
            special = call_each(function, columns, positional, names, made, seconds)
        finally:
            if self.done() == start:        # other code may have appended to them
                self.take_objects(made)
        if self.by_calls:
            self.span = min(2 * self.span, LAST_BLOCK) if len(made) == wanted else WINDOW
        elif len(made) == WINDOW:
            self.best[PLAIN_WAY] = min(self.best[PLAIN_WAY], (trial_time(PLAIN_WAY) - begun) / WINDOW)
        return special

    cdef int take_objects(self, list made) except -1:
        if self.unboxed is None:
            self.listed.extend(made)
        else:
            self.unboxed.extend(made)
        return 0

    cdef list window(self, column, Py_ssize_t start, Py_ssize_t end):
        if type(column) is tuple:
            return list(column) * (end - start)
        if type(column) is list:
            return column[start:end]
        return (<ArrayColumn>column).part(start, end)

    # -- Entry ------------------------------------------------------------------------------------------------------

    cdef bint begin(self) except -1:
        # Finds the code for the next item; returns False where there is none.
        cdef Py_ssize_t i
        self.first = self.done()
        self.wanted = WINDOW
        if self.by_calls or self.first >= self.count or watched() or profiled():
            return False
        if not self.take_kernel():
            self.by_calls = True
            return False
        self.wanted = 1
        for i in range(self.parameter_count):
            self.types[i] = type_of_argument(<PyObject*>self.slots[i])
        self.fill_types(self.first)
        self.word = self.kernel.entry_for(self.types, self.parameter_count)
        if self.word < 0:
            self.wanted = WINDOW
        return self.word >= 0

    cdef bint take_kernel(self) except -1:
        cdef BlockKernel kernel = self.routine.block_kernel
        if kernel is None or is_changed(kernel):
            take_block_kernel(self.routine)
            kernel = self.routine.block_kernel
        if kernel is not None and kernel is not self.kernel:
            self.kernel = kernel
            self.long_fuel = max(200, LONG_WORK // max(kernel.length, 4))
            self.share_values()
        # One that is slower in calls may gain where items are not objects.
        return kernel is not None and kernel.callee.compared == 0 and (not kernel.callee.retired or kernel.slower)

    cdef void fill_types(self, Py_ssize_t number) noexcept:
        # The classes of an item's arguments.
        cdef Py_ssize_t j
        cdef ColumnAt* at
        for j in range(self.width):
            at = &self.at[j]
            if at.data != NULL:
                self.types[at.parameter] = cascade_scalar_types[at.element]
            else:
                self.types[at.parameter] = type_of_argument(at.items[number])

    cdef int share_values(self) except -1:
        # Unboxes the arguments that all items share. Arrays are seen through views of their own: nobody else can change their shape.
        cdef Py_ssize_t i, j
        cdef bint differs
        cdef list pinned = []
        self.rest_count = 0
        for i in range(self.parameter_count):
            differs = False
            for j in range(self.width):
                differs |= self.at[j].parameter == i
            if differs:
                continue
            value = self.slots[i]
            if type_of(<PyObject*>value) == cascade_array_type:
                value = value.view()
            pinned.append(value)
            if type_of_argument(<PyObject*>value) == NULL or not fill_one(code_of(type_of(<PyObject*>value)), <PyObject*>value, &self.rest[self.rest_count]):
                self.rest[self.rest_count].object = <void*>value
            self.rest_at[self.rest_count] = i
            self.rest_count += 1
        self.pinned = pinned
        return 0

    cdef bint runs_free(self) except -1:
        return not self.has_lists and self.kernel.is_free(self.word)

    # -- Without the GIL --------------------------------------------------------------------------------------------

    cdef bint run_free(self) except -1:
        # Continues the block for some time; returns False where CPython has to compute the item that follows it.
        cdef Py_ssize_t done
        cdef bint settled = True
        if self.kernel.is_free(self.word):
            self.kernel.free_runs += 1
            try:
                self.advance()
            finally:
                self.kernel.free_runs -= 1
            settled = self.settle()
        else:
            self.exit_all()
        done = self.finished_items()
        if done >= 0:
            return self.end_block(done)
        if settled and self.share_count < self.share_limit and self.calm >= 0:
            self.widen(self.kernel.image, self.kernel.register_count)
        return True

    cdef bint end_block(self, Py_ssize_t done) except -1:
        self.in_block = False
        self.take_results(done)
        self.held = None
        self.calm += done
        # Where the code is no longer free, the item that has stopped the block is computed by the kernel, with the GIL.
        if done == self.size or not self.kernel.is_free(self.word):
            return True
        self.exits += 1
        self.calm = -CALM
        if self.exits >= FEW_EXITS and self.exits * OFTEN > self.first + done:
            self.by_calls = True
        return False

    cdef int plan_block(self) except -1:
        cdef int shares = 1
        cdef Py_ssize_t size = FIRST_BLOCK, left = self.count - self.first
        cdef bint in_place = self.unboxed is not None and self.unboxed.memory is not None
        if self.cost > 0.0:
            if self.cost * left > SHARES_GAIN and self.calm >= 0:
                shares = self.share_limit
            size = block_size(shares * self.block_seconds / self.cost, FREE_BLOCK if in_place else LAST_BLOCK)
        self.size = min(size, left)
        if in_place:
            if self.first + self.size > self.unboxed.room:
                raise InternalError("a map has more results than items")
            self.held = self.unboxed.memory         # other code may take it meanwhile
            self.values = self.unboxed.numbers() + self.first
            self.codes = self.unboxed.codes + self.first
        else:
            self.values = self.own_values
            self.codes = self.own_codes
        self.kernel.callee.entries += 1
        self.in_block = True
        return self.divide(shares, self.kernel.image, self.kernel.register_count)

    cdef void add_work(self, int64_t work) noexcept:
        self.kernel.callee.work += work
        if cascade_wants_machine_code(&self.kernel.callee):
            make_machine_code_of_blocks(self.kernel)

    cdef int run_share(self, Share* share) except -1:
        cdef TypedState* state = &share.typed.state
        state.watched = self.kernel.watches
        state.named = &self.kernel.names_by_number
        state.gathers = self.kernel.gathers
        state.is_free = True
        with nogil:
            self.run_items(share)
        if share.inside and state.outcome not in (TYPED_OUT_OF_FUEL, TYPED_GROWS, TYPED_GUARDS):
            self.exit_share(share)
            self.kernel.exits_at[state.word - self.kernel.words].count += 1
        return 0

    cdef void run_items(self, Share* share) noexcept nogil:
        cdef TypedState* state = &share.typed.state
        cdef Register* registers = share.typed.memory
        cdef Register* found
        cdef ColumnAt* at
        cdef Py_ssize_t i, j
        while self.take_item(share):
            i = share.at
            if not share.inside:
                if state.fuel <= 0:
                    return
                state.word = &self.kernel.words[self.word]
                state.registers = registers
                share.inside = True
                for j in range(self.rest_count):
                    registers[self.rest_at[j]] = self.rest[j]
                for j in range(self.width):
                    at = &self.at[j]
                    if cascade_read(at.data + (self.first + i) * at.size, at.element, &registers[at.parameter]):
                        state.outcome = TYPED_EXITED
                        return
            cascade_run(state)
            if state.outcome != TYPED_RETURNED:
                return
            self.values[i] = registers[state.word.a]
            self.codes[i] = <char>state.word.f
            share.inside = False
            share.at += 1

    cdef bint settle(self) except -1:
        # With the GIL: makes code that shares have come to, and looks names up where their dicts have changed. A share that cannot
        # continue exits. Returns whether there was nothing to do.
        cdef int i
        cdef Share* share
        cdef bint settled = True
        for i in range(self.share_count):
            share = &self.shares[i]
            if share.inside and not share.exited and share.typed.state.outcome in (TYPED_GROWS, TYPED_GUARDS):
                settled = False
                if not self.may_share_continue(&share.typed.state):
                    self.exit_share(share)
        return settled

    cdef void exit_all(self) noexcept:
        # All shares stop where they are.
        cdef int i
        self.stops = True
        for i in range(self.share_count):
            if self.shares[i].at < self.shares[i].end:
                self.exit_share(&self.shares[i])

    cdef bint may_share_continue(self, TypedState* state) except -1:
        cdef int found = may_continue(self.kernel, state)
        if state.kept != NULL:
            drop_kept(state)
        if found < 0:
            raise_set()
        return found > 0

    cdef int take_results(self, Py_ssize_t count) except -1:
        cdef Py_ssize_t i
        if self.done() != self.first:
            raise InternalError("other code has changed the results of a map")
        if self.unboxed is None:
            self.listed.extend([take_new(cascade_boxed(self.values[i], self.codes[i])) for i in range(count)])
        elif self.values != self.own_values:
            self.unboxed.count += count
        else:
            for i in range(count):
                self.unboxed.append(self.values[i], self.codes[i])
        return 0

    # -- With the GIL -----------------------------------------------------------------------------------------------

    cdef bint run_serially(self, double end) except -1:
        # Computes items one after the other for some time; returns False where CPython has to compute the next one.
        cdef int fuel = PACE_LIMIT
        cdef Py_ssize_t begun = self.done(), number = begun
        cdef double started = trial_time(TYPED_WAY)
        while number < self.count:
            if not self.fits(number):
                return False
            self.fill_types(number)
            if self.has_lists:
                self.word = self.kernel.entry_for(self.types, self.parameter_count)
                if self.word < 0:
                    return False
            if self.kernel.callee.stale or self.kernel.callee.retired:
                return True
            if not self.run_item(number):
                self.special = True
                return False
            number += 1
            if self.done() != number:
                raise InternalError("other code has changed the results of a map")
            if number - begun == WINDOW and self.is_tried(number):
                self.end_window(number, (trial_time(TYPED_WAY) - started) / WINDOW)
                self.wanted = WINDOW
                return self.rounds == 0 and not self.by_calls
            fuel -= 1
            if fuel == 0:
                if PyErr_CheckSignals() != 0:
                    raise_set()
                if cascade_clock() >= end:
                    break
                fuel = PACE_LIMIT
        return True

    cdef bint is_tried(self, Py_ssize_t number) noexcept:
        # Whether the items of a window, which call out or exit, are compared with as many that CPython computes.
        if self.kernel.callee.called_out == self.called_out:
            return False
        self.called_out = self.kernel.callee.called_out
        return number >= self.next_trial

    cdef void end_window(self, Py_ssize_t number, double seconds) noexcept:
        self.best[TYPED_WAY] = min(self.best[TYPED_WAY], seconds)
        self.rounds += 1
        if self.rounds > WINDOW_ROUNDS:
            self.by_calls = self.best[TYPED_WAY] > BLOCK_SLOWER * self.best[PLAIN_WAY]
            self.rounds = 0
            self.best[TYPED_WAY] = self.best[PLAIN_WAY] = 1e300
            self.next_trial = number + TRIAL_GROWTH * max(number, WINDOW * WINDOW_ROUNDS)

    cdef bint run_item(self, Py_ssize_t number) except -1:
        # Computes an item by the kernel, and appends its result; returns False where that is no plain value.
        cdef TypedState* state
        cdef PyObject* result
        cdef bint is_number
        cdef uint64_t made = cascade_results_made
        Py_EnterRecursiveCall(" while calling a Python object")
        try:
            state = start_blocks(self.kernel, self.word)
            if state == NULL:
                raise MemoryError
            self.fill_arguments(number, state.registers)
            cascade_run_frames(state)
            is_number = state.current == state and state.outcome == TYPED_RETURNED and returns_number(state.word)
            if is_number:
                release_owned(state, owned_at(self.kernel, self.kernel.exit_of[state.word - self.kernel.words]))
                self.append(state.registers[state.word.a], <char>state.word.f)
            else:
                result = after_stop(state)
            end_blocks(self.kernel, state)
        finally:
            Py_LeaveRecursiveCall()
        return is_number or self.take_object(result, made)

    cdef bint take_object(self, PyObject* result, uint64_t made) except -1:
        cdef bint continues
        if result == NULL:
            raise_set()
        value = take_new(result)
        continues = is_continuation(<PyObject*>value, made)
        if self.unboxed is None or continues:
            self.take_objects([value])
        else:
            self.unboxed.append_object(value)
        return not continues

    cdef int append(self, Register value, char code) except -1:
        if self.unboxed is None:
            self.listed.append(take_new(cascade_boxed(value, code)))
        else:
            self.unboxed.append(value, code)
        return 0

    cdef bint fits(self, Py_ssize_t number) noexcept:
        # Whether registers hold the items: not every float32, and not every uint64.
        cdef Py_ssize_t j
        cdef Register ignored
        for j in range(self.width):
            if self.at[j].data != NULL and cascade_read(self.at[j].data + number * self.at[j].size, self.at[j].element, &ignored):
                return False
        return True

    cdef void fill_arguments(self, Py_ssize_t number, Register* registers) noexcept:
        cdef Py_ssize_t i, j
        cdef ColumnAt* at
        for i in range(self.rest_count):
            fill_argument(self.types[self.rest_at[i]], <PyObject*>self.slots[self.rest_at[i]], &registers[self.rest_at[i]])
        for j in range(self.width):
            at = &self.at[j]
            if at.data == NULL:
                fill_argument(self.types[at.parameter], at.items[number], &registers[at.parameter])
            else:
                cascade_read(at.data + number * at.size, at.element, &registers[at.parameter])


cdef inline bint returns_number(const TypedWord* word) noexcept:
    return word.run != HANDLERS[<int>KERNEL_RETURN_OBJECT] and word.run != HANDLERS[<int>KERNEL_RETURN_OWNED]
