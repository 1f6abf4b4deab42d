# Whether a deferred value stands in a value: itself, or inside nested lists, tuples, dicts, sets, dataclasses.
# Included by _vm.pyx.
#
# A search is whole where a call is declared. What a task that runs hands on, and what a program is given, is data: as long
# as no result has been made meanwhile, a search meets the first things of each argument only, so it costs the same for any
# size. See "Where results are looked for" in docs/architecture.md.
#
# There are two ways to look into a container, and they find the same. The quiet one reads lists, tuples, dicts and sets
# where they are, by borrowed references, and runs no other code. What it does not know, such as the class of an object
# that it meets for the first time, or a list with an `__iter__` of its own, it leaves to the other one, which asks as
# Python does. That may run code of users, which can change and free what was met before; so from then on the search
# holds a reference to every container that it met.


cdef enum Outcome:
    NOT_THERE
    THERE
    UNCLEAR         # cannot be said quietly
    SPENT           # not among as many things as were to be met

cdef enum ClassKind:
    NOT_KNOWN
    NO_CONTAINER
    SET_CLASS
    DATACLASS
    FROZEN_DATACLASS

cdef enum:
    SEARCH_BITS = 6
    SEARCH_ROOM = 1 << (SEARCH_BITS - 1)      # containers that a search has room for at first
    FIELDS_LIMIT = 32       # fields of a dataclass that are read without help
    CLASS_ROOM = 512        # classes that are remembered
    HANDED_ON = 16          # things that are met in each argument that is handed on
    TURN = 100_000          # things after which other threads have their turn: some milliseconds
    SET_SPARSE = 8          # places of a set that are looked at for each thing that may be met

cdef struct Search:
    PyObject* root
    PyObject* known             # is not looked into, if it is immutable
    PyObject** waiting          # containers that are still to be looked into
    Py_ssize_t waiting_count
    Py_ssize_t waiting_room
    Py_ssize_t first            # of those that wait, where the search goes level by level
    Py_ssize_t limit            # things that may be met; -1 for any number
    Py_ssize_t things           # that were met; without a limit, since the last turn
    bint spent                  # there are more
    PyObject** met              # a hash set of all containers, by linear probing; empty until there are two
    Py_ssize_t met_count
    Py_ssize_t met_room         # 1 << met_bits
    int met_bits
    bint holds                  # a reference to each of them
    PyObject* first_waiting[SEARCH_ROOM]
    PyObject* first_met[2 * SEARCH_ROOM]


def holds_deferred(value):
    """Whether a deferred value stands in `value`: itself, or inside nested lists, tuples, dicts, sets, dataclasses."""
    return search_deferred(value, NULL)


def look_for_deferred(value, Py_ssize_t limit):
    """As `holds_deferred`, among the first `limit` things level by level; None where there are more, and none of them is one."""
    cdef int outcome = search_first(value, limit, NULL)
    return None if outcome == SPENT else outcome == THERE


def hands_on_deferred(tuple slots not None):
    """Whether a deferred value is one of the `slots`, or stands among the first things of one of them."""
    cdef Py_ssize_t i
    for i in range(len(slots)):
        if search_handed_on(slots[i], NULL):
            return True
    return False


def holds_new_deferred(tuple slots not None, current, uint64_t made):
    """Whether a deferred value stands in one of the `slots` of a tail call, as far as it is looked for.

    Those that hold the same object as `current` are left out. If no result was made since there were `made` of them, no more than
    the first things of the others are looked at.
    """
    return new_deferred(slots, current, made)


def results_made():
    """How many deferred values were made in this process."""
    return cascade_results_made


def is_only_result(answer, uint64_t made):
    """Whether `answer` is the only deferred value that was made since there were `made` of them."""
    return only_result(<PyObject*>answer, made)


cdef inline bint only_result(PyObject* answer, uint64_t made) noexcept:
    # What lives where the last one was allocated is that one.
    return cascade_results_made == made + 1 and cascade_last_result == answer


cdef bint new_deferred(tuple slots, current, uint64_t made) except -1:
    cdef Py_ssize_t i
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
        if search_handed_on(slots[i], known) if is_data else search_deferred(slots[i], known):
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
    # `known` was searched before, and is held by somebody.
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
    cdef int outcome = meet_aloud(search, root)
    while outcome == NOT_THERE and search.waiting_count > search.first and not search.spent:
        if search.limit >= 0:
            container = search.waiting[search.first]
            search.first += 1
        else:
            search.waiting_count -= 1
            container = search.waiting[search.waiting_count]
        outcome = look_quietly(search, container)
        if outcome == UNCLEAR:
            outcome = look_aloud(search, container)
        if search.limit < 0 and search.things > TURN:
            give_threads_a_turn(search)
    return SPENT if outcome == NOT_THERE and search.spent else outcome


cdef int give_threads_a_turn(Search* search) except -1:
    hold(search)        # they may free what was met
    search.things = 0
    with nogil:
        pass
    return 0


cdef inline bint take(Search* search, Py_ssize_t count) noexcept:
    # Counts things that are met; False where that is more than may be.
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


# ---- what is met

cdef inline int meet(Search* search, PyObject* item) except -1:
    cdef PyTypeObject* kind = type_of(item)
    cdef int found
    if cascade_is_plain(item):
        return NOT_THERE
    if kind == cascade_deferred:
        return THERE
    if kind == &PyDict_Type or kind == &PyTuple_Type:
        # CPython's collector passes by those that hold nothing but strings, numbers and the like.
        if not PyObject_GC_IsTracked(item):
            return NOT_THERE
    elif not cascade_is_nest(kind):
        found = class_kind(kind)
        if found == NO_CONTAINER:
            return NOT_THERE
        if found == NOT_KNOWN:
            return UNCLEAR
    return remember(search, item)


cdef int meet_aloud(Search* search, PyObject* item) except -1:
    # Somebody has to hold a reference to the item.
    cdef int outcome = meet(search, item)
    if outcome == UNCLEAR:
        if learn_class(type_of(item)) == NO_CONTAINER:
            return NOT_THERE
        return remember(search, item)
    return outcome


cdef int remember(Search* search, PyObject* container) except -1:
    # A container is looked into once, however often it is met.
    cdef Py_ssize_t place
    if container == search.known and is_immutable(container):
        return NOT_THERE
    if search.root == NULL:
        search.root = container
    else:
        if 2 * search.met_count >= search.met_room:
            make_table(search)
        place = place_of(search, container)
        if search.met[place] != NULL:
            return NOT_THERE
        search.met[place] = container
        search.met_count += 1
    if search.holds:
        incref(container)
    if search.waiting_count == search.waiting_room:
        make_waiting_room(search)
    search.waiting[search.waiting_count] = container
    search.waiting_count += 1
    return NOT_THERE


cdef inline Py_ssize_t place_of(Search* search, PyObject* container) noexcept:
    # Fibonacci hashing (Knuth, The Art of Computer Programming, volume 3, 6.4).
    cdef uint64_t mixed = <uint64_t><size_t>container * <uint64_t>0x9E3779B97F4A7C15
    cdef Py_ssize_t place = <Py_ssize_t>(mixed >> (64 - search.met_bits))
    while search.met[place] != NULL and search.met[place] != container:
        place = (place + 1) & (search.met_room - 1)
    return place


cdef int make_table(Search* search) except -1:
    cdef Py_ssize_t i, old_room = search.met_room
    cdef PyObject** old = search.met
    if old_room == 0:
        search.met_room = 2 * SEARCH_ROOM
        search.met_bits = SEARCH_BITS
        memset(search.met, 0, search.met_room * sizeof(PyObject*))
        search.met[place_of(search, search.root)] = search.root
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
            search.met[place_of(search, old[i])] = old[i]
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


# ---- looking into a container

cdef int look_quietly(Search* search, PyObject* container) except -1:
    cdef PyTypeObject* kind = type_of(container)
    if is_list(container):
        if cascade_iterates_as(kind, &PyList_Type):
            return look_at_sequence(search, container, True)
    elif is_tuple(container):
        if cascade_iterates_as(kind, &PyTuple_Type):
            return look_at_sequence(search, container, False)
    elif kind == &PyDict_Type:
        return look_at_dict(search, container)
    elif kind == &PySet_Type or kind == &PyFrozenSet_Type:
        return look_at_set(search, container)
    return UNCLEAR


cdef int look_at_sequence(Search* search, PyObject* container, bint growing) except -1:
    # A list may be changed by others while they have their turn.
    cdef Py_ssize_t at = 0, count
    cdef PyObject** items
    cdef int outcome
    while True:
        items = cascade_list_items(container) if growing else cascade_tuple_items(container)
        count = Py_SIZE(container) - at
        if search.limit < 0 and count > TURN:
            count = TURN
        outcome = look_at_items(search, items + at, count) if count > 0 else NOT_THERE
        at += count
        if outcome != NOT_THERE or search.limit >= 0 or at >= Py_SIZE(container):
            return outcome
        give_threads_a_turn(search)


cdef int look_at_items(Search* search, PyObject** items, Py_ssize_t count) except -1:
    cdef Py_ssize_t i
    cdef int outcome
    cdef PyObject* last = NULL
    cdef Py_ssize_t left = search.limit - search.things
    if not take(search, count):
        count = left
    for i in range(count):
        if items[i] != last:
            last = items[i]
            outcome = meet(search, last)
            if outcome != NOT_THERE:
                return outcome
    return NOT_THERE


cdef int look_at_dict(Search* search, PyObject* container) except -1:
    # First the keys, as `children` has them: what is met last is looked into first.
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
        if met % TURN == 0:
            incref(value)       # others may put another one in its place
            give_threads_a_turn(search)
        outcome = meet(search, value)
        if met % TURN == 0:
            decref(value)
        if outcome != NOT_THERE:
            return outcome
    return NOT_THERE


cdef int look_at_entries(Search* search, PyObject* container) except -1:
    # The first ones, each key with its value.
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


cdef int look_aloud(Search* search, PyObject* container) except -1:
    cdef int kind = NOT_KNOWN
    hold(search)
    if not cascade_is_nest(type_of(container)):
        kind = class_kind(type_of(container))
    if kind == DATACLASS or kind == FROZEN_DATACLASS:
        return look_at_fields(search, container)
    return look_at_children(search, <object>container)


cdef int look_at_children(Search* search, object container) except -1:
    cdef int outcome
    for item in children(container, search.limit):
        if not take(search, 1):
            return NOT_THERE
        outcome = meet_aloud(search, <PyObject*>item)
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


cdef object children(object value, Py_ssize_t limit):
    # All of them, or as many as are of use where only so many things may be met.
    if PyList_Check(value) or PyTuple_Check(value) or PyAnySet_Check(value):
        return value
    if PyDict_Check(value):
        if limit >= 0:
            return chain.from_iterable(zip(value.keys(), value.values()))
        return list(value.keys()) + list(value.values())
    if not isinstance(value, type) and PyObject_HasAttr(<PyObject*>type_of(<PyObject*>value), <PyObject*>FIELDS_NAME):
        missing = object()
        found = [getattr(value, field.name, missing) for field in modules["dataclasses"].fields(value)]
        return [item for item in found if item is not missing]
    return ()


# ---- dataclasses

cdef str FIELDS_NAME = "__dataclass_fields__"
cdef str PARAMETERS_NAME = "__dataclass_params__"

cdef object DATACLASSES = None      # keeps what follows alive

cdef PyTypeObject* field_class = NULL       # dataclasses.Field, if its instances can be read where they are
cdef PyObject* field_mark                   # stands in those that are no ClassVar or InitVar
cdef Py_ssize_t field_mark_offset
cdef Py_ssize_t field_name_offset
cdef PyTypeObject* parameters_class = NULL  # of what a class has as PARAMETERS_NAME


cdef int look_at_fields(Search* search, PyObject* instance) except -1:
    cdef PyObject* names[FIELDS_LIMIT]
    cdef PyObject* values[FIELDS_LIMIT]
    cdef Py_ssize_t i, count
    cdef int outcome = NOT_THERE
    count = read_names(instance, names)
    if count < 0:
        return look_at_children(search, <object>instance)
    if not read_values(instance, names, values, count):
        raise cascade_raised()
    try:
        take(search, count)
        for i in range(count):
            if values[i] != NULL and outcome == NOT_THERE:
                outcome = meet_aloud(search, values[i])
    finally:
        release(values, count)
    return outcome


cdef Py_ssize_t read_names(PyObject* instance, PyObject** names) except -2:
    # The names of a dataclass's fields, as dataclasses.fields finds them; -1 if they have to be found by that.
    cdef Py_ssize_t position = 0, count = 0
    cdef PyObject* fields = NULL
    cdef PyObject* field
    if field_class == NULL:
        return -1
    if cascade_get_optional_attribute(instance, <PyObject*>FIELDS_NAME, &fields) < 0:
        raise cascade_raised()
    if fields == NULL or type_of(fields) != &PyDict_Type:
        xdecref(fields)
        return -1
    while next_entry(fields, &position, NULL, &field):
        if type_of(field) != field_class or count == FIELDS_LIMIT or slot_of(field, field_name_offset) == NULL:
            release(names, count)
            decref(fields)
            return -1
        if slot_of(field, field_mark_offset) == field_mark:
            names[count] = slot_of(field, field_name_offset)
            incref(names[count])
            count += 1
    decref(fields)
    return count


cdef bint read_values(PyObject* instance, PyObject** names, PyObject** values, Py_ssize_t count) noexcept:
    # Takes the names; NULL stands for a value that is not set. False, with an error set, if reading one raises.
    cdef Py_ssize_t i
    cdef bint failed = False
    for i in range(count):
        values[i] = NULL
        failed = failed or cascade_get_optional_attribute(instance, names[i], &values[i]) < 0
    if failed:
        release(values, count)
    release(names, count)
    return not failed


cdef void release(PyObject** values, Py_ssize_t count) noexcept:
    cdef Py_ssize_t i
    for i in range(count):
        xdecref(values[i])


cdef inline PyObject* slot_of(PyObject* instance, Py_ssize_t offset) noexcept:
    return (<PyObject**>(<char*>instance + offset))[0]


cdef int learn_fields() except -1:
    global field_class, field_mark, field_mark_offset, field_name_offset, parameters_class, DATACLASSES
    cdef list found = [getattr(modules.get("dataclasses"), name, None) for name in ("Field", "_FIELD", "_DataclassParams")]
    if not isinstance(found[0], type) or not isinstance(found[2], type):
        return 0
    field_name_offset = cascade_slot_offset(<PyTypeObject*>found[0], <PyObject*>"name")
    field_mark_offset = cascade_slot_offset(<PyTypeObject*>found[0], <PyObject*>"_field_type")
    if field_name_offset < 0 or field_mark_offset < 0:
        return 0
    DATACLASSES = found
    field_mark = <PyObject*>found[1]
    parameters_class = <PyTypeObject*>found[2]
    field_class = <PyTypeObject*>found[0]
    return 0


# ---- classes

cdef struct KnownClass:
    unsigned int tag
    unsigned int meta_tag       # of its metaclass
    int kind

cdef KnownClass known_classes[CLASS_ROOM]


cdef inline int class_kind(PyTypeObject* owner) noexcept:
    cdef unsigned int tag = cascade_class_tag(owner)
    cdef KnownClass* known = &known_classes[tag % CLASS_ROOM]
    if tag == 0 or known.tag != tag or known.meta_tag != cascade_class_tag(type_of(<PyObject*>owner)):
        return NOT_KNOWN
    return known.kind


cdef int learn_class(PyTypeObject* owner) except -1:
    # As `children` asks. What is found is kept where a change of the class, or of its class, would be noticed.
    cdef object held = <object>owner, its_class = type(held)
    cdef PyTypeObject* meta = <PyTypeObject*>its_class
    cdef bint plain = (
        cascade_find_in_class(meta, <PyObject*>FIELDS_NAME) == NULL
        and cascade_finds_as_type(meta)
    )
    cdef PyObject* found = cascade_find_in_class(owner, <PyObject*>FIELDS_NAME)     # now both have tags
    cdef KnownClass* known
    cdef int kind = NO_CONTAINER
    if PyType_IsSubtype(owner, &PySet_Type) or PyType_IsSubtype(owner, &PyFrozenSet_Type):
        kind = SET_CLASS
    elif PyType_IsSubtype(owner, &PyType_Type):
        kind = NO_CONTAINER
    elif not plain or (found != NULL and cascade_is_descriptor(found)):
        return DATACLASS if PyObject_HasAttr(<PyObject*>owner, <PyObject*>FIELDS_NAME) else NO_CONTAINER
    elif found != NULL:
        kind = FROZEN_DATACLASS if is_frozen(owner) else DATACLASS
    known = &known_classes[cascade_class_tag(owner) % CLASS_ROOM]
    known.tag = cascade_class_tag(owner)
    known.meta_tag = cascade_class_tag(meta)
    known.kind = kind
    return kind


cdef bint is_frozen(PyTypeObject* owner) except -1:
    cdef PyObject* parameters
    if field_class == NULL:
        learn_fields()
    parameters = cascade_find_in_class(owner, <PyObject*>PARAMETERS_NAME)
    return (
        parameters != NULL and type_of(parameters) == parameters_class
        and (<object>parameters).frozen is True
    )


cdef bint is_immutable(PyObject* container) noexcept:
    # A namedtuple is one, too.
    cdef PyTypeObject* kind = type_of(container)
    if is_tuple(container):
        return cascade_iterates_as(kind, &PyTuple_Type)
    return not cascade_is_nest(kind) and class_kind(kind) == FROZEN_DATACLASS
