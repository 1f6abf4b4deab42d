# Maps: the kernel of a task over many items, on several threads at once. Included by _vm.pyx.
#
# Items are done in blocks: unboxed, run without the GIL by lanes (one a thread), and boxed again, up to the first item
# whose typed code has left. That one is for CPython, which makes it from its start: typed code has no effects, so nothing is
# done twice. What later items have given by then is dropped, as CPython may change what they see.

cdef extern from *:
    """
    /* The next `count` of something that several threads take from. */
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
    FIRST_BLOCK = 64            # items, before it is known how long they take
    LAST_BLOCK = 16384
    LANE_ROOM = 1024            # lanes, at most
    PARTS = 8                   # of a block, for each lane
    MAP_HOT = 10000             # items before a task without a loop is lowered: they gain about what lowering takes

# Seconds: an item that takes less, and a map that has less to do, are not worth another thread.
cdef double LANE_COST = 1e-7
cdef double LANES_GAIN = 0.0005


cdef struct Lane:
    Typed* typed
    Py_ssize_t at               # the items of the block that it has taken and not done yet
    Py_ssize_t end
    bint inside                 # the first of them is under way
    bint left                   # its typed code has left
    bint busy                   # somebody runs it


cdef Py_ssize_t block_size(double wanted) noexcept:
    # What is no number, or too large for one, has a size as well.
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
        places: for each column the number of the parameter that it is for.
        slots: the arguments of the first item, complete.
        results: what was given so far; results are appended.
        threads: how many lanes there may be.
        start: called with a function and a number, calls that with this in another thread, and gives a function that waits for
            its end.
    """

    cdef object context
    cdef Routine routine
    cdef list columns
    cdef list slots
    cdef list results
    cdef object start
    cdef Py_ssize_t* places
    cdef Py_ssize_t width               # how many columns
    cdef Py_ssize_t count               # of items
    # The block that is under way.
    cdef Kernel kernel
    cdef Py_ssize_t first               # its first item
    cdef Py_ssize_t size
    cdef Py_ssize_t next                # the first item of it that no lane has taken
    cdef Py_ssize_t part                # so many a lane takes at once
    cdef bint stops                     # a lane has left
    cdef Register* given                # for each item, its arguments
    cdef Register* made                 # and its result,
    cdef int32_t* ways                  # by the word that returned it
    cdef Register* rest                 # the registers of the other parameters
    cdef Py_ssize_t room
    cdef Lane* lanes
    cdef bint running
    cdef bint advancing                 # lanes may be called
    cdef int lane_count
    cdef int lane_limit
    cdef int64_t depth_limit
    cdef double cost                    # seconds an item, lately
    cdef double block_seconds

    def __cinit__(self, context, Routine routine not None, list columns not None, tuple places not None, tuple slots not None,
                  list results not None, int threads, start):
        cdef Py_ssize_t i
        self.context = context
        self.routine = routine
        # Copies: lanes run without the GIL, and nobody may change what they read, or free it.
        columns = [(<list?>column)[:] for column in columns]
        if not columns:
            raise InternalError("a map was given no columns")
        places = tuple([int(place) for place in places])
        self.columns = columns
        self.slots = list(slots)
        self.results = results
        self.start = start
        self.width = len(columns)
        self.count = len(<list?>columns[0])
        self.lane_limit = max(1, min(threads, LANE_ROOM))
        if len(places) != self.width or len(slots) != len(routine.parameters):
            raise InternalError("a map was given columns that do not fit")
        for i in range(self.width):
            if len(<list>columns[i]) != self.count or not 0 <= places[i] < len(slots):
                raise InternalError("a map was given columns that do not fit")
        self.places = <Py_ssize_t*>PyMem_Malloc(self.width * sizeof(Py_ssize_t))
        self.lanes = <Lane*>PyMem_Calloc(self.lane_limit, sizeof(Lane))
        if self.places == NULL or self.lanes == NULL:
            raise MemoryError
        for i in range(self.width):
            self.places[i] = places[i]
        routine.calls += min(self.count, MAP_HOT)

    def __dealloc__(self):
        cdef int i
        if self.lanes != NULL:
            for i in range(self.lane_limit):
                free_typed(self.lanes[i].typed)
        PyMem_Free(self.lanes)
        PyMem_Free(self.places)
        PyMem_Free(self.given)
        PyMem_Free(self.made)
        PyMem_Free(self.ways)
        PyMem_Free(self.rest)

    @property
    def worth_it(self):
        """Whether the task may have kernels, and has been called for as many items as lowering it takes."""
        cdef int level = self.routine.map_lowering
        return level >= LOWER_AT_ONCE or level == LOWER_HOT and self.routine.calls >= MAP_HOT

    def run(self, double seconds):
        """Goes on for about so long, or to an item that CPython has to make: then it gives True."""
        if self.running:
            raise InternalError("a map was entered while it runs")
        if self.is_any_busy():
            raise InternalError("a lane of a map is still under way")
        self.running = True
        try:
            return self.go_on(seconds)
        finally:
            self.running = False

    cdef bint go_on(self, double seconds) except -1:
        cdef double end = cascade_clock() + seconds
        cdef Py_ssize_t done
        self.block_seconds = seconds / 2
        while len(self.results) < self.count:
            if self.kernel is not None and not self.kernel.guards_hold():
                self.kernel = None
            if self.kernel is None and not self.begin():
                return True
            self.advance()
            done = self.finished()
            if done >= 0:
                done = self.keep(done)
                self.kernel = None
                if done < self.size:
                    return True
            elif self.lane_count < self.lane_limit:
                self.widen()
            if PyErr_CheckSignals() != 0:
                raise cascade_raised()
            if cascade_clock() >= end:
                break
        return False

    cdef bint begin(self) except -1:
        # Takes the next block of items of equal types; False where there is no kernel for the first of them.
        cdef Py_ssize_t i, size
        cdef int lanes = 1
        self.first = len(self.results)
        if self.first >= self.count:
            return False        # somebody else has added to them
        for i in range(self.width):
            self.slots[self.places[i]] = (<list>self.columns[i])[self.first]
        self.kernel = None
        if self.routine.map_lowering != LOWER_NEVER:
            self.kernel = find_kernel(self.context, self.routine, cascade_list_items(<PyObject*>self.slots), len(self.slots), MAP_ONLY)
        if self.kernel is None:
            return False
        size = FIRST_BLOCK
        if self.cost > 0.0:
            if self.cost >= LANE_COST and self.cost * (self.count - self.first) > LANES_GAIN:
                lanes = self.lane_limit
            size = block_size(lanes * self.block_seconds / self.cost)
        size = min(size, self.count - self.first)
        self.make_room_for(size)
        self.size = self.unbox(size)
        if self.size == 0:
            self.kernel = None
            return False
        self.lane_count = <int>min(lanes, self.size)
        self.part = max(1, self.size // (self.lane_count * PARTS)) if self.lane_count > 1 else self.size
        self.next = 0
        self.stops = False
        self.kernel.entries += 1
        for i in range(self.lane_count):
            self.ready_lane(&self.lanes[i])
        return True

    cdef int make_room_for(self, Py_ssize_t size) except -1:
        if size > self.room:
            self.given = <Register*>PyMem_Realloc(self.given, size * self.width * sizeof(Register))
            self.made = <Register*>PyMem_Realloc(self.made, size * sizeof(Register))
            self.ways = <int32_t*>PyMem_Realloc(self.ways, size * sizeof(int32_t))
            self.room = size
        self.rest = <Register*>PyMem_Realloc(self.rest, (self.kernel.count + 1) * sizeof(Register))
        if self.given == NULL or self.made == NULL or self.ways == NULL or self.rest == NULL:
            raise MemoryError
        return 0

    cdef Py_ssize_t unbox(self, Py_ssize_t size) except -1:
        # The arguments of items into `given`, up to the first that has other types than the kernel's, or does not fit.
        cdef Py_ssize_t i, j, place, found = size
        cdef Register* at
        cdef PyObject* value
        cdef char kind
        for i in range(self.kernel.count):
            value = <PyObject*>PyList_GET_ITEM(self.slots, i)
            if not fill_one(self.kernel.types[i], value, &self.rest[i]) or self.holds_results(self.kernel.types[i], value):
                return 0
        for j in range(self.width):
            place = self.places[j]
            kind = self.kernel.types[place]
            column = self.columns[j]
            at = self.given + j
            for i in range(found):
                value = <PyObject*>PyList_GET_ITEM(column, self.first + i)
                if code_of(type_of(value)) != kind or not fill_one(kind, value, at) or self.holds_results(kind, value):
                    found = i
                    break
                at += self.width
        return found

    cdef bint holds_results(self, char kind, PyObject* value) except -1:
        return kind == b"o" and self.kernel.hands_on and search_handed_on(<object>value, NULL)

    cdef int ready_lane(self, Lane* lane) except -1:
        # A lane that has no items yet, and the kernel's constants in its registers.
        cdef Kernel kernel = self.kernel
        lane.at = lane.end = 0
        lane.inside = lane.left = False
        if lane.typed == NULL:
            lane.typed = <Typed*>PyMem_Calloc(1, sizeof(Typed))
            if lane.typed == NULL:
                raise MemoryError
        if lane.typed.room < kernel.register_count:
            lane.typed.state.registers = NULL
            make_room(lane.typed, kernel.register_count)
        memcpy(lane.typed.memory, kernel.image, kernel.register_count * sizeof(Register))
        lane.typed.state.registers = lane.typed.memory
        lane.typed.state.depth = 0
        return 0

    cdef int advance(self) except -1:
        # Each lane goes on, until there is nothing left or it is out of fuel.
        cdef double begun = cascade_clock()
        cdef int i
        cdef Py_ssize_t before = self.done_items()
        cdef list waits = []
        for i in range(self.lane_count):
            self.lanes[i].typed.state.fuel = self.kernel.long_fuel
        self.depth_limit = cascade_depth_left() - 8
        self.advancing = True
        try:
            for i in range(1, self.lane_count):
                waits.append(self.start(self.lane, i))
            if profiled():
                self.kernel.seen(partial(self.lane, 0))
            else:
                self.lane(0)
        finally:
            try:
                for wait in waits:
                    wait()
            finally:
                self.advancing = False
        if self.is_any_busy():
            raise InternalError("`start` gave a function that does not wait for the end of its lane")
        before = self.done_items() - before
        self.kernel.work += before
        for i in range(self.lane_count):
            self.kernel.work += self.kernel.long_fuel - self.lanes[i].typed.state.fuel
        # A lane that is out of fuel has done a part of an item only.
        self.cost = (cascade_clock() - begun) * self.lane_count / max(1, before)
        return 0

    cdef Py_ssize_t done_items(self) noexcept:
        cdef Py_ssize_t done = min(self.next, self.size)
        cdef int i
        for i in range(self.lane_count):
            done -= self.lanes[i].end - self.lanes[i].at
        return done

    def lane(self, int number):
        """Runs one lane for its share of time; called on its thread."""
        if not 0 <= number < self.lane_count or not self.advancing or self.lanes[number].busy:
            raise InternalError(f"lane {number} of a map was called out of its turn")
        self.lanes[number].busy = True
        try:
            self.run_lane(&self.lanes[number])
        finally:
            self.lanes[number].busy = False

    cdef bint is_any_busy(self) noexcept:
        cdef int i
        for i in range(self.lane_limit):
            if self.lanes[i].busy:
                return True
        return False

    cdef int run_lane(self, Lane* lane) except -1:
        cdef TypedState* state = &lane.typed.state
        cdef bint asked = False
        while True:
            if asked:
                self.go(lane)       # it is likely to ask again: letting go of the GIL takes longer than that
            else:
                with nogil:
                    self.go(lane)
            if not lane.inside:
                return 0
            if state.outcome == TYPED_ASKS:
                asked = True
                if ask(self.kernel, state):
                    state.word += 1
                    continue
                state.outcome = TYPED_LEFT
            elif state.outcome == TYPED_FULL:
                make_more_room(lane.typed)
                continue
            if state.outcome != TYPED_OUT_OF_FUEL:
                lane.left = self.stops = True
                count_exit(self.kernel, state)
            return 0

    cdef void go(self, Lane* lane) noexcept nogil:
        # Runs items until one stops before its end, or there are no more. With a block that has stopped, those of the part
        # at hand are done all the same: an earlier one may be among them.
        cdef TypedState* state = &lane.typed.state
        cdef Register* registers
        cdef Py_ssize_t i, j
        while True:
            if lane.at == lane.end:
                if self.stops:
                    return
                lane.at = cascade_take(&self.next, self.part)
                lane.end = min(lane.at + self.part, self.size)
                if lane.at >= self.size:
                    lane.at = lane.end
                    return
            i = lane.at
            if not lane.inside:
                if state.fuel <= 0:
                    return
                registers = lane.typed.memory
                for j in range(self.kernel.count):
                    registers[j] = self.rest[j]
                for j in range(self.width):
                    registers[self.places[j]] = self.given[i * self.width + j]
                state.word = self.kernel.words
                state.registers = registers
                state.depth = 0
                state.depth_limit = self.depth_limit
                state.steps = state.deferred = 0
                state.limit = INT64_MAX
                lane.inside = True
            cascade_run(state)
            if state.outcome != TYPED_RETURNED:
                return
            self.made[i] = state.registers[state.word.a]
            self.ways[i] = <int32_t>(state.word - self.kernel.words)
            lane.inside = False
            lane.at += 1

    cdef Py_ssize_t finished(self) noexcept:
        # How many items are done, up to the first whose typed code has left; -1 where lanes have to go on first.
        cdef Py_ssize_t left = self.size
        cdef int i
        for i in range(self.lane_count):
            if self.lanes[i].left:
                left = min(left, self.lanes[i].at)
        for i in range(self.lane_count):
            if not self.lanes[i].left and self.lanes[i].at < min(self.lanes[i].end, left):
                return -1
        return left if self.stops or self.next >= self.size else -1

    cdef int widen(self) except -1:
        # Items take long: the lane at hand keeps the one that is under way, and all the lanes there may be share the others.
        cdef Lane* lane = &self.lanes[0]
        cdef int i
        if self.lane_count > 1 or self.stops or lane.at + 1 >= self.size:
            return 0
        self.next = lane.end = lane.at + 1
        self.lane_count = <int>min(self.lane_limit, self.size - lane.at)
        self.part = max(1, (self.size - self.next) // (self.lane_count * PARTS))
        for i in range(1, self.lane_count):
            self.ready_lane(&self.lanes[i])
        return 0

    cdef Py_ssize_t keep(self, Py_ssize_t count) except -1:
        # Appends the results of the first `count` items of the block; of fewer, where one stands for something else.
        cdef Py_ssize_t i
        cdef object value
        cdef list values = PyList_New(count)
        for i in range(count):
            value = returned(&self.kernel.words[self.ways[i]], self.made[i])
            if cascade_is_special(<PyObject*>value):
                self.results.extend(values[:i])
                return i
            incref(<PyObject*>value)
            PyList_SET_ITEM(values, i, value)
        self.results.extend(values)
        return count


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
