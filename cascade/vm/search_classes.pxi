# Classes and dataclasses, for the search for deferred values. Included by _vm.pyx.

# ---- dataclasses

cdef str FIELDS_NAME = "__dataclass_fields__"
cdef str PARAMETERS_NAME = "__dataclass_params__"

cdef object FIELD_CLASS = None, FIELD_MARK = None, PARAMETERS_CLASS = None      # keep the following objects alive

cdef PyTypeObject* field_class = NULL       # dataclasses.Field, if its slots can be read
cdef PyObject* field_mark                   # the `_field_type` of fields that are no ClassVar or InitVar
cdef Py_ssize_t field_mark_offset
cdef Py_ssize_t field_name_offset
cdef PyTypeObject* parameters_class = NULL  # the class of the attribute PARAMETERS_NAME


cdef int look_at_fields(Search* search, PyObject* instance) except -1:
    cdef PyObject* names[FIELDS_LIMIT]
    cdef PyObject* values[FIELDS_LIMIT]
    cdef Py_ssize_t i, count
    cdef int outcome = NOT_THERE
    count = read_names(instance, names)
    if count < 0:
        return look_at_attributes(search, <object>instance)
    if not read_values(instance, names, values, count):
        raise_set()
    try:
        take(search, count)
        for i in range(count):
            if values[i] != NULL and outcome == NOT_THERE:
                outcome = meet(search, values[i])
    finally:
        release(values, count)
    return outcome


cdef Py_ssize_t read_names(PyObject* instance, PyObject** names) except -2:
    # Reads the names of a dataclass's fields, as dataclasses.fields does; returns their number, or -1 if that has to be
    # called.
    cdef Py_ssize_t position = 0, count = 0
    cdef PyObject* fields = NULL
    cdef PyObject* field
    if field_class == NULL:
        return -1
    if cascade_get_optional_attribute(instance, <PyObject*>FIELDS_NAME, &fields) < 0:
        raise_set()
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
    # Steals the names; NULL for a value that is not set. Returns False, with an error set, if reading one raises.
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
    # Makes no container, so that no collection begins: a search may hold borrowed references.
    global field_class, field_mark, field_mark_offset, field_name_offset, parameters_class
    global FIELD_CLASS, FIELD_MARK, PARAMETERS_CLASS
    cdef object dataclasses = modules.get("dataclasses")
    FIELD_CLASS = getattr(dataclasses, "Field", None)
    FIELD_MARK = getattr(dataclasses, "_FIELD", None)
    PARAMETERS_CLASS = getattr(dataclasses, "_DataclassParams", None)
    if not isinstance(FIELD_CLASS, type) or not isinstance(PARAMETERS_CLASS, type):
        return 0
    field_name_offset = cascade_slot_offset(<PyTypeObject*>FIELD_CLASS, <PyObject*>"name")
    field_mark_offset = cascade_slot_offset(<PyTypeObject*>FIELD_CLASS, <PyObject*>"_field_type")
    if field_name_offset < 0 or field_mark_offset < 0:
        return 0
    field_mark = <PyObject*>FIELD_MARK
    parameters_class = <PyTypeObject*>PARAMETERS_CLASS
    field_class = <PyTypeObject*>FIELD_CLASS
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
    # Returns the kind of a class, and caches it where a change of the class or its metaclass changes a tag. Runs no
    # code of users.
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
        return DATACLASS if has_fields(owner) else NO_CONTAINER
    elif found != NULL:
        kind = FROZEN_DATACLASS if is_frozen(owner) else DATACLASS
    known = &known_classes[cascade_class_tag(owner) % CLASS_ROOM]
    known.tag = cascade_class_tag(owner)
    known.meta_tag = cascade_class_tag(meta)
    known.kind = kind
    return kind


cdef bint has_fields(PyTypeObject* owner) noexcept:
    # Returns whether a class, or its metaclass, has the attribute. The metaclass's own code is not called.
    return (
        cascade_find_in_class(owner, <PyObject*>FIELDS_NAME) != NULL
        or cascade_find_in_class(type_of(<PyObject*>owner), <PyObject*>FIELDS_NAME) != NULL
    )


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
    # Returns whether a container cannot change.
    cdef PyTypeObject* kind = type_of(container)
    return is_tuple(container) or not cascade_is_nest(kind) and class_kind(kind) == FROZEN_DATACLASS
