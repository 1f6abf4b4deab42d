# The search for deferred values in nested lists, tuples, dicts, sets and dataclasses. Included by _vm.pyx.
#
# A search is complete where a call is declared. The arguments that a running task passes on, and the inputs of a
# program, are data: as long as no result has been made meanwhile, a search visits the first items of each argument
# only, so its cost does not depend on their size. See "Where results are looked for" in docs/architecture.md.
#
# Lists, tuples, dicts and sets, and instances of their subclasses, are read by borrowed references, and no other code
# runs: not a subclass's own `__iter__` either. The fields of a dataclass are read as attributes. That may run code of
# users, which can change and free the containers seen before; so from then on the search holds a reference to each of
# these.


cdef enum Outcome:
    NOT_THERE
    THERE
    SPENT           # not among the items up to the limit

cdef enum ClassKind:
    NOT_KNOWN
    NO_CONTAINER
    SET_CLASS
    DATACLASS
    FROZEN_DATACLASS

cdef enum:
    SEARCH_BITS = 6
    SEARCH_ROOM = 1 << (SEARCH_BITS - 1)      # containers that fit the first tables of a search
    FIELDS_LIMIT = 32       # fields of a dataclass that are read without help
    CLASS_ROOM = 512        # classes that are cached
    HANDED_ON = 16          # items that are visited in each argument that is passed on
    SLICE = 100_000         # items after which other threads may run: some milliseconds
    SET_SPARSE = 8          # entries of a set's table that are read for each item up to the limit

cdef struct Search:
    PyObject* root
    PyObject* known             # is not searched, if it is immutable
    PyObject** waiting          # containers that are still to be searched
    Py_ssize_t waiting_count
    Py_ssize_t waiting_room
    Py_ssize_t first            # of those that wait, where the search goes level by level
    Py_ssize_t limit            # of the items that are visited; -1 for none
    Py_ssize_t things           # visited; without a limit, since the last slice
    bint spent                  # there are more items
    PyObject** met              # a hash set of all containers seen, by linear probing; empty until there are two
    Py_ssize_t met_count
    Py_ssize_t met_room         # 1 << met_bits
    int met_bits
    bint holds                  # a reference to each of them
    PyObject* first_waiting[SEARCH_ROOM]
    PyObject* first_met[2 * SEARCH_ROOM]


def holds_deferred(value):
    """Returns whether `value` is a deferred value, or holds one in nested lists, tuples, dicts, sets, dataclasses."""
    return search_deferred(value, NULL)


def look_for_deferred(value, Py_ssize_t limit):
    """As `holds_deferred`, for the first `limit` items in breadth-first order; None where none of them is one, and there are more."""
    cdef int outcome = search_first(value, limit, NULL)
    return None if outcome == SPENT else outcome == THERE


def hands_on_deferred(tuple slots not None, tuple gathered not None=()):
    """Returns whether an argument in `slots` is a deferred value, or has one among its first items.

    Args:
        slots: one value for each parameter.
        gathered: the numbers of the slots of `*args` and `**kwargs`, each of whose items is an argument.
    """
    cdef Py_ssize_t i
    for i in range(len(slots)):
        if search_gathered(slots[i], NULL) if i in gathered else search_handed_on(slots[i], NULL):
            return True
    return False


def holds_new_deferred(tuple slots not None, current, uint64_t made, tuple gathered not None=()):
    """Returns whether the search finds a deferred value in one of the `slots` of a tail call.

    Slots that hold the same object as `current` are skipped. If no result was made since there were `made` of them,
    only the first items of the others are visited. `gathered` is that of `hands_on_deferred`.
    """
    return new_deferred(slots, current, made, gathered)


def holds_made(value, uint64_t made):
    """Returns whether a call's result is a container that holds deferred values; False where none was made since there were `made` of them."""
    return cascade_results_made != made and not cascade_is_special(<PyObject*>value) and search_deferred(value, NULL)


def results_made():
    """Returns the number of deferred values that were made in this process."""
    return cascade_results_made


def results_alive():
    """Returns the number of deferred values that exist in this process."""
    return cascade_results_made - cascade_results_freed


def is_only_result(result, uint64_t made):
    """Returns whether `result` is the only deferred value that was made since there were `made` of them."""
    return only_result(<PyObject*>result, made)


cdef uint64_t SEARCHED = UINT64_MAX     # in place of a number of results: the value has been searched


cdef inline bint may_be_continuation(PyObject* result, uint64_t made) noexcept:
    # Whether the result of a call may be no value, but a continuation; there were `made` results before the call.
    return cascade_is_special(result) or (cascade_results_made != made and not cascade_is_plain(result))


cdef inline bint is_continuation(PyObject* value, uint64_t made) except -1:
    # Whether the result of a call is no value. Without results that were made during the call, no container is searched.
    return may_be_continuation(value, made) and (cascade_is_special(value) or search_deferred(<object>value, NULL))


cdef inline bint only_result(PyObject* result, uint64_t made) noexcept:
    # The object at the address of the last allocation is that one.
    return cascade_results_made == made + 1 and cascade_last_result == result


cdef bint new_deferred(tuple slots, current, uint64_t made, tuple gathered) except -1:
    cdef Py_ssize_t i
    cdef bint found
    cdef bint is_data = cascade_results_made == made
    cdef PyObject* known = NULL
    if current is not None and len(current) < len(slots):
        raise InternalError(f"{len(slots)} values for {len(current)} slots")
    for i in range(len(slots)):
        if current is not None:
            value = current[i]
            known = <PyObject*>value
            if slots[i] is value:
                continue
        if not is_data:
            found = search_deferred(slots[i], known)
        elif gathered and i in gathered:
            found = search_gathered(slots[i], known)
        else:
            found = search_handed_on(slots[i], known)
        if found:
            return True
    return False


cdef bint search_gathered(object arguments, PyObject* known) except -1:
    # Searches the items of `*args` or `**kwargs`, each an argument of its own.
    if isinstance(arguments, dict):
        arguments = tuple((<dict>arguments).values())
    for argument in <tuple?>arguments:
        if search_handed_on(argument, known):
            return True
    return False


cdef inline bint search_handed_on(object value, PyObject* known) except -1:
    return search_first(value, HANDED_ON, known) == THERE


cdef bint jump_is_deferred(Jump jump, uint64_t made) except -1:
    if jump.data is NOT_GIVEN:
        return False
    return search_handed_on(jump.data, NULL) if cascade_results_made == made else search_deferred(jump.data, NULL)


cdef int search_first(object value, Py_ssize_t limit, PyObject* known) except -1:
    cdef Search search
    if cascade_is_plain(<PyObject*>value):
        return NOT_THERE
    begin_search(&search, known, limit)
    try:
        return look_everywhere(&search, <PyObject*>value)
    finally:
        end_search(&search)


cdef bint search_deferred(object value, PyObject* known) except -1:
    # `known` was searched before, and the caller holds it.
    cdef Search search
    if cascade_is_plain(<PyObject*>value):
        return False
    begin_search(&search, known, -1)
    try:
        return look_everywhere(&search, <PyObject*>value) == THERE
    finally:
        end_search(&search)


cdef void begin_search(Search* search, PyObject* known, Py_ssize_t limit) noexcept:
    search.root = NULL
    search.known = known
    search.limit = limit
    search.things = search.first = 0
    search.spent = False
    search.waiting = search.first_waiting
    search.waiting_count = 0
    search.waiting_room = SEARCH_ROOM
    search.met = search.first_met
    search.met_count = search.met_room = search.met_bits = 0
    search.holds = False


cdef int look_everywhere(Search* search, PyObject* root) except -1:
    cdef PyObject* container
    cdef int outcome = meet(search, root)
    while outcome == NOT_THERE and search.waiting_count > search.first and not search.spent:
        if search.limit >= 0:
            container = search.waiting[search.first]
            search.first += 1
        else:
            search.waiting_count -= 1
            container = search.waiting[search.waiting_count]
        outcome = look_inside(search, container)
        if search.limit < 0 and search.things > SLICE:
            yield_to_threads(search)
    return SPENT if outcome == NOT_THERE and search.spent else outcome


cdef int yield_to_threads(Search* search) except -1:
    hold(search)        # they may free containers
    search.things = 0
    with nogil:
        pass
    return 0


cdef inline bint take(Search* search, Py_ssize_t count) noexcept:
    # Counts items; returns False where they exceed the limit.
    search.things += count
    if search.limit < 0 or search.things <= search.limit:
        return True
    search.spent = True
    return False


cdef void end_search(Search* search) noexcept:
    cdef Py_ssize_t i
    if search.holds:
        for i in range(search.met_room):
            xdecref(search.met[i])
        if search.met_room == 0:
            xdecref(search.root)
    if search.met != search.first_met:
        PyMem_Free(search.met)
    if search.waiting != search.first_waiting:
        PyMem_Free(search.waiting)


# ---- items

cdef inline int meet(Search* search, PyObject* item) except -1:
    cdef PyTypeObject* kind = type_of(item)
    cdef int found
    if cascade_is_plain(item):
        return NOT_THERE
    if kind == cascade_deferred:
        return THERE
    if kind == &PyDict_Type or kind == &PyTuple_Type:
        # CPython's collector does not track those that hold only strings, numbers and the like.
        if not PyObject_GC_IsTracked(item):
            return NOT_THERE
    elif not cascade_is_nest(kind):
        found = class_kind(kind)
        if found == NOT_KNOWN:
            found = learn_class(kind)
        if found == NO_CONTAINER:
            return NOT_THERE
    return remember(search, item)


cdef int remember(Search* search, PyObject* container) except -1:
    # Queues a container, which is searched once, however often it is met.
    cdef Py_ssize_t index
    if container == search.known and is_immutable(container):
        return NOT_THERE
    if search.root == NULL:
        search.root = container
    else:
        if 2 * search.met_count >= search.met_room:
            make_table(search)
        index = index_of(search, container)
        if search.met[index] != NULL:
            return NOT_THERE
        search.met[index] = container
        search.met_count += 1
    if search.holds:
        incref(container)
    if search.waiting_count == search.waiting_room:
        make_waiting_room(search)
    search.waiting[search.waiting_count] = container
    search.waiting_count += 1
    return NOT_THERE


cdef inline Py_ssize_t index_of(Search* search, PyObject* container) noexcept:
    # Returns the index of a container, or of a free entry. Fibonacci hashing (Knuth, The Art of Computer Programming,
    # volume 3, 6.4).
    cdef uint64_t mixed = <uint64_t><size_t>container * <uint64_t>0x9E3779B97F4A7C15
    cdef Py_ssize_t index = <Py_ssize_t>(mixed >> (64 - search.met_bits))
    while search.met[index] != NULL and search.met[index] != container:
        index = (index + 1) & (search.met_room - 1)
    return index


cdef int make_table(Search* search) except -1:
    cdef Py_ssize_t i, old_room = search.met_room
    cdef PyObject** old = search.met
    if old_room == 0:
        search.met_room = 2 * SEARCH_ROOM
        search.met_bits = SEARCH_BITS
        memset(search.met, 0, search.met_room * sizeof(PyObject*))
        search.met[index_of(search, search.root)] = search.root
        search.met_count = 1
        return 0
    search.met = <PyObject**>PyMem_Calloc(2 * old_room, sizeof(PyObject*))
    if search.met == NULL:
        search.met = old
        raise MemoryError
    search.met_room = 2 * old_room
    search.met_bits += 1
    for i in range(old_room):
        if old[i] != NULL:
            search.met[index_of(search, old[i])] = old[i]
    if old != search.first_met:
        PyMem_Free(old)
    return 0


cdef int make_waiting_room(Search* search) except -1:
    cdef size_t size = search.waiting_room * sizeof(PyObject*)
    cdef bint first = search.waiting == search.first_waiting
    cdef void* larger = PyMem_Realloc(NULL if first else search.waiting, 2 * size)
    if larger == NULL:
        raise MemoryError
    if first:
        memcpy(larger, search.waiting, size)
    search.waiting = <PyObject**>larger
    search.waiting_room *= 2
    return 0


# ---- containers

cdef int look_inside(Search* search, PyObject* container) except -1:
    cdef int kind
    if is_list(container):
        return look_at_sequence(search, container, True)
    if is_tuple(container):
        return look_at_sequence(search, container, False)
    if is_dict(container):
        return look_at_dict(search, container)
    if is_any_set(container):
        return look_at_set(search, container)
    kind = class_kind(type_of(container))
    hold(search)
    if kind == DATACLASS or kind == FROZEN_DATACLASS:
        return look_at_fields(search, container)
    return look_at_attributes(search, <object>container)


cdef int look_at_sequence(Search* search, PyObject* container, bint growing) except -1:
    # Other threads may change a list when they run.
    cdef Py_ssize_t at = 0, count
    cdef PyObject** items
    cdef int outcome
    while True:
        items = cascade_list_items(container) if growing else cascade_tuple_items(container)
        count = Py_SIZE(container) - at
        if search.limit < 0 and count > SLICE:
            count = SLICE
        outcome = look_at_items(search, items + at, count) if count > 0 else NOT_THERE
        at += count
        if outcome != NOT_THERE or search.limit >= 0 or at >= Py_SIZE(container):
            return outcome
        yield_to_threads(search)


cdef int look_at_items(Search* search, PyObject** items, Py_ssize_t count) except -1:
    cdef Py_ssize_t i
    cdef int outcome
    cdef PyObject* last = NULL
    cdef Py_ssize_t remaining = search.limit - search.things
    if not take(search, count):
        count = remaining
    for i in range(count):
        if items[i] != last:
            last = items[i]
            outcome = meet(search, last)
            if outcome != NOT_THERE:
                return outcome
    return NOT_THERE


cdef int look_at_dict(Search* search, PyObject* container) except -1:
    # The keys first: the container that is met last is searched first.
    cdef PyObject* key
    cdef PyObject* value
    cdef Py_ssize_t position = 0, met = 0
    cdef int outcome
    if search.limit >= 0:
        return look_at_entries(search, container)
    search.things += dict_size(container)
    while next_entry(container, &position, &key, NULL):
        outcome = meet(search, key)
        if outcome != NOT_THERE:
            return outcome
    position = 0
    while next_entry(container, &position, NULL, &value):
        met += 1
        if met % SLICE == 0:
            incref(value)       # other threads may replace it
            yield_to_threads(search)
        outcome = meet(search, value)
        if met % SLICE == 0:
            decref(value)
        if outcome != NOT_THERE:
            return outcome
    return NOT_THERE


cdef int look_at_entries(Search* search, PyObject* container) except -1:
    # Visits the first entries, each key with its value.
    cdef PyObject* key
    cdef PyObject* value
    cdef Py_ssize_t position = 0
    cdef int outcome
    while next_entry(container, &position, &key, &value):
        if not take(search, 1):
            return NOT_THERE
        outcome = meet(search, key)
        if outcome == NOT_THERE:
            outcome = meet(search, value)
        if outcome != NOT_THERE:
            return outcome
    return NOT_THERE


cdef int look_at_set(Search* search, PyObject* container) except -1:
    cdef Py_ssize_t i, count = cascade_set_room(container)
    cdef PyObject* item
    cdef int outcome
    if search.limit >= 0 and count > SET_SPARSE * search.limit:
        count = SET_SPARSE * search.limit
        search.spent = True
    for i in range(count):
        item = cascade_set_item(container, i)
        if item != NULL:
            if not take(search, 1):
                return NOT_THERE
            outcome = meet(search, item)
            if outcome != NOT_THERE:
                return outcome
    return NOT_THERE


cdef int look_at_attributes(Search* search, object container) except -1:
    cdef int outcome
    cdef object missing = object()
    from dataclasses import fields
    if not has_fields(type_of(<PyObject*>container)):       # the class has changed
        return NOT_THERE
    for field in fields(container):
        item = getattr(container, field.name, missing)
        if item is missing:
            continue
        if not take(search, 1):
            return NOT_THERE
        outcome = meet(search, <PyObject*>item)
        if outcome != NOT_THERE:
            return outcome
    return NOT_THERE


cdef void hold(Search* search) noexcept:
    cdef Py_ssize_t i
    if search.holds:
        return
    search.holds = True
    if search.met_room == 0:
        incref(search.root)
    for i in range(search.met_room):
        if search.met[i] != NULL:
            incref(search.met[i])
