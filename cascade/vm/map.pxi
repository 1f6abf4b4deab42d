# Maps: the kernel of a task is run over many items, on several threads at once. Included by _vm.pyx.
#
# Items are computed in blocks: unboxed, run without the GIL, divided among threads, and boxed again, up to the first
# item whose typed code has exited. CPython computes that one from its start: typed code has no effects, so none is
# repeated. The results of later items are dropped, as CPython may change values that they read.

cdef enum:
    MAP_ONLY = -1               # the start of a kernel that has no loop: only maps gain by it
    MISS_LIMIT = 1000000
    MAP_HOT = 10000             # items before a task without a loop is lowered: they gain about as much as lowering takes

# Seconds that CPython makes items when one had no kernel, for each of those before it that had none.
cdef double MISS_SECONDS = 1e-6

# Seconds: an item that takes less is not worth another thread.
cdef double SHARE_COST = 1e-7


@cython.final
cdef class Items(Shares):
    """A map of a task over items by its kernels.

    Args:
        context: makes the kernels.
        routine: of the task.
        columns: lists of equal length.
        parameters: for each column the number of the parameter that it is for.
        slots: the arguments of the first item, complete.
        results: those so far, as a list or MapResults; results are appended.
        threads: the greatest number of shares, one a thread.
        start: takes a function and a number, calls it with that in another thread, and returns a function that waits
            for the end of the call.
    """

    cdef object context
    cdef Routine routine
    cdef list columns
    cdef list slots
    cdef object results                 # a list, or MapResults
    cdef Py_ssize_t* parameters
    cdef Py_ssize_t width               # the number of columns
    cdef Py_ssize_t count               # of items
    # The present block.
    cdef Kernel kernel
    cdef Kernel used                    # by the last run
    cdef int misses                     # items in a row for which there was no kernel
    cdef Py_ssize_t first               # its first item
    cdef uint64_t made                  # the number of results when it began
    cdef Register* arguments            # for each item, its arguments
    cdef Register* outcomes             # and its result,
    cdef int32_t* returned_at           # by the word that returned it
    cdef Register* rest                 # the registers of the other parameters
    cdef Py_ssize_t room

    def __cinit__(self, context, Routine routine not None, list columns not None, tuple parameters not None, tuple slots not None,
                  results, int threads, start):
        cdef Py_ssize_t i
        self.context = context
        self.routine = routine
        # Copies: shares run without the GIL, and the lists that they read must not change.
        columns = [(<list?>column)[:] for column in columns]
        if not columns:
            raise InternalError("a map was given no columns")
        parameters = tuple([int(number) for number in parameters])
        self.columns = columns
        self.slots = list(slots)
        self.results = results if type(results) is MapResults else <list?>results
        self.width = len(columns)
        self.count = len(<list?>columns[0])
        self.set_shares(threads, start)
        if len(parameters) != self.width or len(slots) != len(routine.parameters):
            raise InternalError("a map was given columns that do not fit")
        for i in range(self.width):
            if len(<list>columns[i]) != self.count or not 0 <= parameters[i] < len(slots):
                raise InternalError("a map was given columns that do not fit")
        self.parameters = <Py_ssize_t*>PyMem_Malloc(self.width * sizeof(Py_ssize_t))
        if self.parameters == NULL:
            raise MemoryError
        for i in range(self.width):
            self.parameters[i] = parameters[i]
        routine.calls += min(self.count, MAP_HOT)

    def __dealloc__(self):
        PyMem_Free(self.parameters)
        PyMem_Free(self.arguments)
        PyMem_Free(self.outcomes)
        PyMem_Free(self.returned_at)
        PyMem_Free(self.rest)

    @property
    def worth_it(self):
        """Whether the task may have kernels, and has been called for enough items to pay for lowering."""
        cdef int level = self.routine.map_lowering
        return level >= LOWER_AT_ONCE or level == LOWER_HOT and self.routine.calls >= MAP_HOT

    def run(self, double seconds):
        """Runs for about `seconds`, or up to an item that CPython has to compute; returns whether there is such an item: see `call_each`."""
        cdef double begun
        cdef Py_ssize_t done
        self.enter()
        self.used = None
        done = len(self.results)
        begun = trial_time(TYPED_WAY)
        try:
            left = self.run_blocks(seconds)
        finally:
            self.running = False
        if self.used is not None:
            add_map_sample(self.used, TYPED_WAY, trial_time(TYPED_WAY) - begun, len(self.results) - done)
            self.misses = 0
        return left

    def call_each(self, function, Py_ssize_t positional, tuple names, double seconds):
        """As the function `call_each`, after `run` has found an item that CPython has to make: for that item and a few more.

        Where one item after the other has no kernel, it makes more and more of them at once, for as long as `seconds`.
        """
        cdef double begun = trial_time(PLAIN_WAY)
        cdef Py_ssize_t done = len(self.results)
        cdef Kernel used = self.used
        cdef list made = []
        if used is None:
            function = PyCFunction_New(&ITEM_METHOD, self.routine)      # it may have a kernel that is made block by block
        try:
            special = call_each(function, self.columns, positional, names, made, min(seconds, MISS_SECONDS * self.misses), done)
        finally:
            extend_results(self.results, made)
        if used is None:
            self.misses = min(2 * self.misses + 1, MISS_LIMIT)
        else:
            add_map_sample(used, PLAIN_WAY, trial_time(PLAIN_WAY) - begun, len(self.results) - done)
            used.map_trial.exits += 1
            if used.map_trial.exits >= TRIAL_EXITS:
                end_map_round(used)
        return special

    cdef bint run_blocks(self, double seconds) except -1:
        cdef double end = cascade_clock() + seconds
        cdef Py_ssize_t done
        self.block_seconds = seconds / 2
        while len(self.results) < self.count:
            if self.kernel is not None and not self.kernel.guards_hold():
                self.kernel = None
            if self.kernel is None and not self.begin():
                return True
            self.advance()
            done = self.finished_items()
            if done >= 0:
                done = self.append_results(done)
                self.kernel = None
                if done < self.size:
                    return True
            elif self.share_count < self.share_limit:
                self.widen(self.kernel.image, self.kernel.register_count)
            if PyErr_CheckSignals() != 0:
                raise_set()
            if cascade_clock() >= end:
                break
        return False

    cdef bint begin(self) except -1:
        # Takes the next block of items of equal types; returns False where there is no kernel for the first of them.
        cdef Py_ssize_t i, size
        cdef int shares = 1
        self.first = len(self.results)
        self.made = cascade_results_made
        if self.first >= self.count:
            return False        # other code has appended to them
        for i in range(self.width):
            self.slots[self.parameters[i]] = (<list>self.columns[i])[self.first]
        self.kernel = None
        if self.routine.map_lowering != LOWER_NEVER:
            self.kernel = find_kernel(self.context, self.routine, cascade_list_items(<PyObject*>self.slots), len(self.slots), MAP_ONLY)
        if self.kernel is None:
            return False
        size = FIRST_BLOCK
        if self.cost > 0.0:
            if self.cost >= SHARE_COST and self.cost * (self.count - self.first) > SHARES_GAIN:
                shares = self.share_limit
            size = block_size(shares * self.block_seconds / self.cost, LAST_BLOCK)
        size = min(size, self.count - self.first)
        self.make_room_for(size)
        self.size = self.unbox(size)
        if self.size == 0:
            self.kernel = None
            return False
        self.kernel.entries += 1
        self.used = self.kernel
        self.long_fuel = self.kernel.long_fuel
        self.divide(shares, self.kernel.image, self.kernel.register_count)
        return True

    cdef int make_room_for(self, Py_ssize_t size) except -1:
        if size > self.room:
            self.arguments = <Register*>PyMem_Realloc(self.arguments, size * self.width * sizeof(Register))
            self.outcomes = <Register*>PyMem_Realloc(self.outcomes, size * sizeof(Register))
            self.returned_at = <int32_t*>PyMem_Realloc(self.returned_at, size * sizeof(int32_t))
            self.room = size
        self.rest = <Register*>PyMem_Realloc(self.rest, (self.kernel.count + 1) * sizeof(Register))
        if self.arguments == NULL or self.outcomes == NULL or self.returned_at == NULL or self.rest == NULL:
            raise MemoryError
        return 0

    cdef Py_ssize_t unbox(self, Py_ssize_t size) except -1:
        # Unboxes the arguments of items, up to the first that has other types than the kernel's, or no register;
        # returns their number.
        cdef Py_ssize_t i, j, parameter, found = size
        cdef Register* at
        cdef PyObject* value
        cdef char kind
        for i in range(self.kernel.count):
            value = <PyObject*>PyList_GET_ITEM(self.slots, i)
            if not fill_one(self.kernel.types[i], value, &self.rest[i]) or self.holds_results(self.kernel.types[i], value):
                return 0
        for j in range(self.width):
            parameter = self.parameters[j]
            kind = self.kernel.types[parameter]
            column = self.columns[j]
            at = self.arguments + j
            for i in range(found):
                value = <PyObject*>PyList_GET_ITEM(column, self.first + i)
                if code_of(type_of(value)) != kind or not fill_one(kind, value, at) or self.holds_results(kind, value):
                    found = i
                    break
                at += self.width
        return found

    cdef bint holds_results(self, char kind, PyObject* value) except -1:
        return kind == b"o" and self.kernel.hands_on and search_handed_on(<object>value, NULL)

    cdef object profiled_run(self):
        self.kernel.call_profiled(partial(self.run_one_share, 0))

    cdef void add_work(self, int64_t work) noexcept:
        count_work(self.kernel, work)

    cdef int run_share(self, Share* share) except -1:
        cdef TypedState* state = &share.typed.state
        cdef bint called_out = False
        while True:
            if called_out:
                self.run_items(share)       # it is likely to call out again: releasing the GIL takes longer than that
            else:
                with nogil:
                    self.run_items(share)
            if not share.inside:
                return 0
            if state.outcome == TYPED_CALLS_OUT:
                called_out = True
                if call_out(self.kernel, state):
                    state.word += 1
                    continue
                state.outcome = TYPED_EXITED
            elif state.outcome == TYPED_FULL:
                make_more_room(share.typed)
                continue
            if state.outcome != TYPED_OUT_OF_FUEL:
                self.exit_share(share)
                count_exit(self.kernel, state)
            return 0

    cdef void run_items(self, Share* share) noexcept nogil:
        # Runs items until one stops before its end, or there are no more.
        cdef TypedState* state = &share.typed.state
        cdef Register* registers
        cdef Py_ssize_t i, j
        while self.take_item(share):
            i = share.at
            if not share.inside:
                if state.fuel <= 0:
                    return
                registers = share.typed.memory
                for j in range(self.kernel.count):
                    registers[j] = self.rest[j]
                for j in range(self.width):
                    registers[self.parameters[j]] = self.arguments[i * self.width + j]
                state.word = self.kernel.words
                state.registers = registers
                state.depth = 0
                state.depth_limit = self.depth_limit
                state.steps = state.deferred = 0
                state.limit = INT64_MAX
                share.inside = True
            cascade_run(state)
            if state.outcome != TYPED_RETURNED:
                return
            self.outcomes[i] = state.registers[state.word.a]
            self.returned_at[i] = <int32_t>(state.word - self.kernel.words)
            share.inside = False
            share.at += 1

    cdef Py_ssize_t append_results(self, Py_ssize_t count) except -1:
        # Appends the results of the first `count` items of the block; of fewer, where one is no plain value. Returns
        # their number.
        cdef Py_ssize_t i
        cdef object value
        cdef list values
        if type(self.results) is MapResults:
            return self.append_unboxed(count)
        values = PyList_New(count)
        for i in range(count):
            value = returned(&self.kernel.words[self.returned_at[i]], self.outcomes[i])
            if is_continuation(<PyObject*>value, self.made):
                self.results.extend(values[:i])
                return i
            incref(<PyObject*>value)
            PyList_SET_ITEM(values, i, value)
        self.results.extend(values)
        return count

    cdef Py_ssize_t append_unboxed(self, Py_ssize_t count) except -1:
        cdef Py_ssize_t i
        cdef const TypedWord* word
        cdef PyObject* found
        cdef MapResults results = self.results
        for i in range(count):
            word = &self.kernel.words[self.returned_at[i]]
            if word.run != HANDLERS[<int>KERNEL_RETURN_OBJECT]:
                results.append(self.outcomes[i], <char>word.f)
                continue
            found = <PyObject*>self.outcomes[i].object
            if is_continuation(found, self.made):
                return i
            results.append_object(<object>found)
        return count


cdef int extend_results(results, list made) except -1:
    if type(results) is MapResults:
        (<MapResults>results).extend(made)
    else:
        (<list>results).extend(made)
    return 0


def call_each(function, list columns not None, Py_ssize_t positional, tuple names, list results not None,
              double seconds, Py_ssize_t first=-1):
    """Calls a function for each item of the columns, and appends the results.

    Args:
        columns: lists of equal length; the first `positional` ones hold positional arguments.
        names: of the keyword arguments in the other columns; None where there are none.
        results: those so far; a result that is a tail call, deferred or awaitable is appended last.
        seconds: the time after which it stops, about.
        first: the number of the first item; by default as many as there are results.

    Returns:
        Whether the last result is no plain value.
    """
    cdef Py_ssize_t i, j, count = len(columns), length
    cdef Py_ssize_t begun = len(results) if first < 0 else first
    cdef PyObject* arguments[MAP_LIMIT]
    cdef PyObject* keywords = NULL if names is None else <PyObject*>names
    cdef PyObject* made
    cdef PyObject** items
    cdef double end = cascade_clock() + seconds
    cdef bint special
    cdef int fuel = 1
    cdef uint64_t before
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
                    raise_set()
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
            before = cascade_results_made
            made = PyObject_Vectorcall(<PyObject*>function, arguments, positional, keywords)
            for j in range(count):
                decref(arguments[j])
            if made == NULL:
                raise_set()
            special = is_continuation(made, before)
            results.append(<object>made)
            decref(made)
            if special:
                return True
            i += 1
    finally:
        cascade_depth_add(-1)
