# Maps: a block of items that several threads compute at once. Included by _vm.pyx.

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
    FIRST_BLOCK = 64            # items, before their time is known
    LAST_BLOCK = 16384
    SHARE_LIMIT = 1024            # threads, at most
    PARTS = 8                   # of a block, for each share

# Seconds that a map has to do, for another thread to be worth it.
cdef double SHARES_GAIN = 0.0005


cdef enum:
    APART = 128                 # bytes between what two threads write: they would wait for each other's lines of the cache


cdef struct Share:
    Typed* typed
    Py_ssize_t at               # the items of the block that it has taken and not computed yet
    Py_ssize_t end
    bint inside                 # the first of them is being computed
    bint exited                 # its typed code has exited
    bint busy                   # a thread runs it
    char apart[APART]


cdef Py_ssize_t block_size(double wanted, Py_ssize_t most) noexcept:
    # A NaN and an infinity have a size as well.
    if wanted < most:
        return max(<Py_ssize_t>wanted, FIRST_BLOCK) if wanted > 0.0 else FIRST_BLOCK
    return most


cdef class Shares:
    """A block of items, divided among threads: a share is what one thread computes.

    Subclasses know how an item is computed.
    """

    cdef object start                   # calls a function on another thread
    cdef Share* shares
    cdef int share_count
    cdef int share_limit
    cdef Py_ssize_t size                # of the present block
    cdef Py_ssize_t next                # the first item of it that no share has taken
    cdef Py_ssize_t part                # the number of items that a share takes at once
    cdef bint stops                     # a share has exited
    cdef bint running
    cdef bint advancing                 # shares may be called
    cdef int64_t depth_limit
    cdef int64_t long_fuel              # back edges of a share before it stops
    cdef double cost                    # seconds an item, lately
    cdef double block_seconds

    def __dealloc__(self):
        cdef int i
        if self.shares != NULL:
            for i in range(self.share_limit):
                free_typed(self.shares[i].typed)
        PyMem_Free(self.shares)

    cdef int set_shares(self, int threads, start) except -1:
        self.start = start
        self.share_limit = max(1, min(threads, SHARE_LIMIT))
        self.shares = <Share*>PyMem_Calloc(self.share_limit, sizeof(Share))
        if self.shares == NULL:
            raise MemoryError
        return 0

    # -- What subclasses know ---------------------------------------------------------------------------------------

    cdef int run_share(self, Share* share) except -1:
        raise InternalError("these shares compute nothing")

    cdef object profiled_run(self):
        # Calls the first share as a call of the task's function, for a profiler.
        self.run_one_share(0)

    cdef void add_work(self, int64_t work) noexcept:
        # So many items and back edges have been computed.
        pass

    # -- The block --------------------------------------------------------------------------------------------------

    cdef int enter(self) except -1:
        if self.running:
            raise InternalError("a map was entered while it runs")
        if self.is_any_busy():
            raise InternalError("a share of a map is still running")
        self.running = True
        return 0

    cdef int divide(self, int shares, const Register* image, Py_ssize_t register_count) except -1:
        # Divides the present block among at most so many shares, with these registers.
        cdef int i
        self.share_count = <int>min(shares, self.size)
        self.part = max(1, self.size // (self.share_count * PARTS)) if self.share_count > 1 else self.size
        self.next = 0
        self.stops = False
        for i in range(self.share_count):
            ready_share(&self.shares[i], image, register_count)
        return 0

    cdef int advance(self) except -1:
        # Runs each share until it has no more items, or is out of fuel.
        cdef double begun = cascade_clock()
        cdef int i
        cdef int64_t work
        cdef Py_ssize_t before = self.done_items()
        cdef list waits = []
        for i in range(self.share_count):
            self.shares[i].typed.state.fuel = self.long_fuel
        self.depth_limit = cascade_depth_left() - 8
        self.advancing = True
        try:
            for i in range(1, self.share_count):
                waits.append(self.start(self.run_one_share, i))
            if profiled():
                self.profiled_run()
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
        work = before
        for i in range(self.share_count):
            work += self.long_fuel - self.shares[i].typed.state.fuel
        self.add_work(work)
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

    @cython.final
    cdef inline bint take_item(self, Share* share) noexcept nogil:
        # Takes the share's next item; False where there is none. When the block has stopped, a share still computes the items that
        # it has taken: one of them may come before the item that stopped the block.
        if share.at == share.end:
            if self.stops:
                return False
            share.at = cascade_take(&self.next, self.part)
            share.end = min(share.at + self.part, self.size)
            if share.at >= self.size:
                share.at = share.end
                return False
        return True

    cdef void exit_share(self, Share* share) noexcept:
        share.exited = self.stops = True

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

    cdef int widen(self, const Register* image, Py_ssize_t register_count) except -1:
        # Items take long: the only share keeps its present item, and as many shares as allowed divide the others.
        cdef Share* share = &self.shares[0]
        cdef int i
        if self.share_count > 1 or self.stops or share.at + 1 >= self.size:
            return 0
        self.next = share.end = share.at + 1
        self.share_count = <int>min(self.share_limit, self.size - share.at)
        self.part = max(1, (self.size - self.next) // (self.share_count * PARTS))
        for i in range(1, self.share_count):
            ready_share(&self.shares[i], image, register_count)
        return 0


cdef int ready_share(Share* share, const Register* image, Py_ssize_t register_count) except -1:
    # Prepares a share: it has no items yet, and the kernel's constants in its registers.
    share.at = share.end = 0
    share.inside = share.exited = False
    if share.typed == NULL:
        share.typed = <Typed*>PyMem_Calloc(1, sizeof(Typed) + APART)
        if share.typed == NULL:
            raise MemoryError
    if share.typed.room < register_count:
        share.typed.state.registers = NULL
        make_room(share.typed, register_count + APART // sizeof(Register))
    memcpy(share.typed.memory, image, register_count * sizeof(Register))
    share.typed.state.registers = share.typed.memory
    share.typed.state.depth = 0
    return 0
