# Maps: the kernel of a task is run over many items, on several threads at once. Included by _vm.pyx.
#
# Items are computed in blocks: unboxed, run without the GIL, divided among threads, and boxed again, up to the first
# item whose typed code has exited. CPython computes that one from its start: typed code has no effects, so none is
# repeated. The results of later items are dropped, as CPython may change values that they read.

cdef extern from *:
    """
    /* Takes the next `count` numbers of a sequence that several threads share; returns the first. */
    static Py_ssize_t cascade_take(Py_ssize_t *next, Py_ssize_t count) {
    #if defined(_MSC_VER)
        return (Py_ssize_t)_InterlockedExchangeAdd64((volatile long long *)next, (long long)count);
    #else
        return __sync_fetch_and_add(next, count);
    #endif
    }
    """
    Py_ssize_t cascade_take(Py_ssize_t*, Py_ssize_t) noexcept nogil

cdef enum:
    MAP_ONLY = -1               # the start of a kernel that has no loop: only maps gain by it
    MISS_LIMIT = 1000000
    FIRST_BLOCK = 64            # items, before their time is known
    LAST_BLOCK = 16384
    SHARE_LIMIT = 1024            # threads, at most
    PARTS = 8                   # of a block, for each share
    MAP_HOT = 10000             # items before a task without a loop is lowered: they gain about as much as lowering takes

# Seconds that CPython makes items when one had no kernel, for each of those before it that had none.
cdef double MISS_SECONDS = 1e-6

# Seconds: an item that takes less, and a map that has less to do, are not worth another thread.
cdef double SHARE_COST = 1e-7
cdef double SHARES_GAIN = 0.0005


cdef struct Share:
    Typed* typed
    Py_ssize_t at               # the items of the block that it has taken and not computed yet
    Py_ssize_t end
    bint inside                 # the first of them is being computed
    bint exited                 # its typed code has exited
    bint busy                   # a thread runs it


cdef Py_ssize_t block_size(double wanted) noexcept:
    # A NaN and an infinity have a size as well.
    if wanted < LAST_BLOCK:
        return max(<Py_ssize_t>wanted, FIRST_BLOCK) if wanted > 0.0 else FIRST_BLOCK
    return LAST_BLOCK


@cython.final
cdef class Items:
    """A map of a task over items by its kernels.

    Args:
        context: makes the kernels.
        routine: of the task.
        columns: lists of equal length.
        parameters: for each column the number of the parameter that it is for.
        slots: the arguments of the first item, complete.
        results: those so far; results are appended.
        threads: the greatest number of shares, one a thread.
        start: takes a function and a number, calls it with that in another thread, and returns a function that waits
            for the end of the call.
    """

    cdef object context
    cdef Routine routine
    cdef list columns
    cdef list slots
    cdef list results
    cdef object start
    cdef Py_ssize_t* parameters
    cdef Py_ssize_t width               # the number of columns
    cdef Py_ssize_t count               # of items
    # The present block.
    cdef Kernel kernel
    cdef Kernel used                    # by the last run
    cdef int misses                     # items in a row for which there was no kernel
    cdef Py_ssize_t first               # its first item
    cdef Py_ssize_t size
    cdef Py_ssize_t next                # the first item of it that no share has taken
    cdef Py_ssize_t part                # the number of items that a share takes at once
    cdef bint stops                     # a share has exited
    cdef Register* arguments            # for each item, its arguments
    cdef Register* outcomes             # and its result,
    cdef int32_t* returned_at           # by the word that returned it
    cdef Register* rest                 # the registers of the other parameters
    cdef Py_ssize_t room
    cdef Share* shares
    cdef bint running
    cdef bint advancing                 # shares may be called
    cdef int share_count
    cdef int share_limit
    cdef int64_t depth_limit
    cdef double cost                    # seconds an item, lately
    cdef double block_seconds

    def __cinit__(self, context, Routine routine not None, list columns not None, tuple parameters not None, tuple slots not None,
                  list results not None, int threads, start):
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
        self.results = results
        self.start = start
        self.width = len(columns)
        self.count = len(<list?>columns[0])
        self.share_limit = max(1, min(threads, SHARE_LIMIT))
        if len(parameters) != self.width or len(slots) != len(routine.parameters):
            raise InternalError("a map was given columns that do not fit")
        for i in range(self.width):
            if len(<list>columns[i]) != self.count or not 0 <= parameters[i] < len(slots):
                raise InternalError("a map was given columns that do not fit")
        self.parameters = <Py_ssize_t*>PyMem_Malloc(self.width * sizeof(Py_ssize_t))
        self.shares = <Share*>PyMem_Calloc(self.share_limit, sizeof(Share))
        if self.parameters == NULL or self.shares == NULL:
            raise MemoryError
        for i in range(self.width):
            self.parameters[i] = parameters[i]
        routine.calls += min(self.count, MAP_HOT)

    def __dealloc__(self):
        cdef int i
        if self.shares != NULL:
            for i in range(self.share_limit):
                free_typed(self.shares[i].typed)
        PyMem_Free(self.shares)
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
        if self.running:
            raise InternalError("a map was entered while it runs")
        if self.is_any_busy():
            raise InternalError("a share of a map is still running")
        self.running = True
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

    def call_each(self, function, list columns not None, Py_ssize_t positional, tuple names, double seconds):
        """As the function `call_each`, after `run` has found an item that CPython has to make: for that item and a few more.

        Where one item after the other has no kernel, it makes more and more of them at once, for as long as `seconds`.
        """
        cdef double begun = trial_time(PLAIN_WAY)
        cdef Py_ssize_t done = len(self.results)
        cdef Kernel used = self.used
        if used is None:
            function = PyCFunction_New(&ITEM_METHOD, self.routine)      # it may have a kernel that is made block by block
        special = call_each(function, columns, positional, names, self.results, min(seconds, MISS_SECONDS * self.misses))
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
                self.widen()
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
            size = block_size(shares * self.block_seconds / self.cost)
        size = min(size, self.count - self.first)
        self.make_room_for(size)
        self.size = self.unbox(size)
        if self.size == 0:
            self.kernel = None
            return False
        self.share_count = <int>min(shares, self.size)
        self.part = max(1, self.size // (self.share_count * PARTS)) if self.share_count > 1 else self.size
        self.next = 0
        self.stops = False
        self.kernel.entries += 1
        self.used = self.kernel
        for i in range(self.share_count):
            self.ready_share(&self.shares[i])
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

    cdef int ready_share(self, Share* share) except -1:
        # Prepares a share: it has no items yet, and the kernel's constants in its registers.
        cdef Kernel kernel = self.kernel
        share.at = share.end = 0
        share.inside = share.exited = False
        if share.typed == NULL:
            share.typed = <Typed*>PyMem_Calloc(1, sizeof(Typed))
            if share.typed == NULL:
                raise MemoryError
        if share.typed.room < kernel.register_count:
            share.typed.state.registers = NULL
            make_room(share.typed, kernel.register_count)
        memcpy(share.typed.memory, kernel.image, kernel.register_count * sizeof(Register))
        share.typed.state.registers = share.typed.memory
        share.typed.state.depth = 0
        return 0

    cdef int advance(self) except -1:
        # Runs each share until it has no more items, or is out of fuel.
        cdef double begun = cascade_clock()
        cdef int i
        cdef Py_ssize_t before = self.done_items()
        cdef list waits = []
        for i in range(self.share_count):
            self.shares[i].typed.state.fuel = self.kernel.long_fuel
        self.depth_limit = cascade_depth_left() - 8
        self.advancing = True
        try:
            for i in range(1, self.share_count):
                waits.append(self.start(self.run_one_share, i))
            if profiled():
                self.kernel.call_profiled(partial(self.run_one_share, 0))
            else:
                self.run_one_share(0)
        finally:
            try:
                for wait in waits:
                    wait()
            finally:
                self.advancing = False
        if self.is_any_busy():
            raise InternalError("`start` returned a function that does not wait for the end of its share")
        before = self.done_items() - before
        self.kernel.work += before
        for i in range(self.share_count):
            self.kernel.work += self.kernel.long_fuel - self.shares[i].typed.state.fuel
        # A share that is out of fuel has computed a part of an item only.
        self.cost = (cascade_clock() - begun) * self.share_count / max(1, before)
        return 0

    cdef Py_ssize_t done_items(self) noexcept:
        cdef Py_ssize_t done = min(self.next, self.size)
        cdef int i
        for i in range(self.share_count):
            done -= self.shares[i].end - self.shares[i].at
        return done

    def run_one_share(self, int number):
        """Runs one share until it is out of items or fuel; called on its thread."""
        if not 0 <= number < self.share_count or not self.advancing or self.shares[number].busy:
            raise InternalError(f"share {number} of a map was called out of its turn")
        self.shares[number].busy = True
        try:
            self.run_share(&self.shares[number])
        finally:
            self.shares[number].busy = False

    cdef bint is_any_busy(self) noexcept:
        cdef int i
        for i in range(self.share_limit):
            if self.shares[i].busy:
                return True
        return False

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
                share.exited = self.stops = True
                count_exit(self.kernel, state)
            return 0

    cdef void run_items(self, Share* share) noexcept nogil:
        # Runs items until one stops before its end, or there are no more. When the block has stopped, a share still
        # computes the items that it has taken: one of them may come before the item that stopped the block.
        cdef TypedState* state = &share.typed.state
        cdef Register* registers
        cdef Py_ssize_t i, j
        while True:
            if share.at == share.end:
                if self.stops:
                    return
                share.at = cascade_take(&self.next, self.part)
                share.end = min(share.at + self.part, self.size)
                if share.at >= self.size:
                    share.at = share.end
                    return
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

    cdef Py_ssize_t finished_items(self) noexcept:
        # Returns the number of finished items, up to the first whose typed code has exited; -1 where shares have to
        # continue first.
        cdef Py_ssize_t limit = self.size
        cdef int i
        for i in range(self.share_count):
            if self.shares[i].exited:
                limit = min(limit, self.shares[i].at)
        for i in range(self.share_count):
            if not self.shares[i].exited and self.shares[i].at < min(self.shares[i].end, limit):
                return -1
        return limit if self.stops or self.next >= self.size else -1

    cdef int widen(self) except -1:
        # Items take long: the only share keeps its present item, and as many shares as allowed divide the others.
        cdef Share* share = &self.shares[0]
        cdef int i
        if self.share_count > 1 or self.stops or share.at + 1 >= self.size:
            return 0
        self.next = share.end = share.at + 1
        self.share_count = <int>min(self.share_limit, self.size - share.at)
        self.part = max(1, (self.size - self.next) // (self.share_count * PARTS))
        for i in range(1, self.share_count):
            self.ready_share(&self.shares[i])
        return 0

    cdef Py_ssize_t append_results(self, Py_ssize_t count) except -1:
        # Appends the results of the first `count` items of the block; of fewer, where one is no plain value. Returns
        # their number.
        cdef Py_ssize_t i
        cdef object value
        cdef list values = PyList_New(count)
        for i in range(count):
            value = returned(&self.kernel.words[self.returned_at[i]], self.outcomes[i])
            if cascade_is_special(<PyObject*>value):
                self.results.extend(values[:i])
                return i
            incref(<PyObject*>value)
            PyList_SET_ITEM(values, i, value)
        self.results.extend(values)
        return count


def call_each(function, list columns not None, Py_ssize_t positional, tuple names, list results not None,
              double seconds):
    """Calls a function for each item of the columns, from item `len(results)` on, and appends the results.

    Args:
        columns: lists of equal length; the first `positional` ones hold positional arguments.
        names: of the keyword arguments in the other columns; None where there are none.
        results: those so far; a result that is a tail call, deferred or awaitable is appended last.
        seconds: the time after which it stops, about.

    Returns:
        Whether the last result is no plain value.
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
            made = PyObject_Vectorcall(<PyObject*>function, arguments, positional, keywords)
            for j in range(count):
                decref(arguments[j])
            if made == NULL:
                raise_set()
            special = cascade_is_special(made)
            results.append(<object>made)
            decref(made)
            if special:
                return True
            i += 1
    finally:
        cascade_depth_add(-1)
