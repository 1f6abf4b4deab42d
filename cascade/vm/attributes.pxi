# What a kernel's translator asks about classes and their attributes. No code of users runs. Included by _vm.pyx.

cdef extern from "vm/cpython.h":
    Py_ssize_t cascade_value_index(PyTypeObject*, PyObject*) noexcept
    void* cascade_shared_keys(PyTypeObject*) noexcept
    bint cascade_takes_stores(PyObject*) noexcept
    Py_ssize_t cascade_dict_place(PyTypeObject*) noexcept
    bint cascade_makes_plainly(PyTypeObject*) noexcept
    bint cascade_loads_plainly(PyTypeObject*, PyObject*, PyObject*) noexcept
    bint cascade_stores_plainly(PyTypeObject*, PyObject*, PyObject*) noexcept


cdef PyTypeObject* class_of(cls) except NULL:
    if not isinstance(cls, type):
        raise TypeError(f"expected a class, got an instance of {type(cls).__name__}")
    return <PyTypeObject*>cls


def find_in_class(cls, str name not None, default=None):
    """Returns an attribute of a class or its bases as it stands there; neither its metaclass nor a descriptor is called."""
    cdef PyObject* found = cascade_find_in_class(class_of(cls), <PyObject*>name)
    return default if found == NULL else <object>found


def class_tag(cls):
    """Returns the number that a class has as long as nothing of it, or of its bases, changes; 0 where it has none."""
    cascade_find_in_class(class_of(cls), <PyObject*>"__class__")      # gives it one
    return cascade_class_tag(class_of(cls))


def loads_plainly(cls):
    """Returns whether attributes of a class's instances are looked up as `object.__getattribute__` does; `__getattr__` may follow."""
    cdef PyObject* plain = cascade_find_in_class(<PyTypeObject*>object, <PyObject*>"__getattribute__")
    return cascade_loads_plainly(class_of(cls), cascade_find_in_class(class_of(cls), <PyObject*>"__getattribute__"), plain)


def stores_plainly(cls):
    """Returns whether attributes of a class's instances are set as `object.__setattr__` does."""
    cdef PyObject* plain = cascade_find_in_class(<PyTypeObject*>object, <PyObject*>"__setattr__")
    return cascade_stores_plainly(class_of(cls), cascade_find_in_class(class_of(cls), <PyObject*>"__setattr__"), plain)


def slot_offset(cls, str name not None):
    """Returns where a slot stands in the instances of a class; -1 where the name is no slot."""
    return cascade_slot_offset(class_of(cls), <PyObject*>name)


def value_index(cls, str name not None):
    """Returns the index of an attribute among the values of a class's instances; -1 for none."""
    return cascade_value_index(class_of(cls), <PyObject*>name)


def shares_keys(cls):
    """Returns whether the instances of a class keep their attributes in an array."""
    return cascade_shared_keys(class_of(cls)) != NULL


def has_instance_dict(cls):
    """Returns whether the instances of a class have a dict, or may get one."""
    return cascade_dict_place(class_of(cls)) != 0


def is_data_descriptor(value):
    """Returns whether an object of a class decides on the attribute of its name, whatever the instance has."""
    return cascade_takes_stores(<PyObject*>value)


def is_descriptor(value):
    """Returns whether an object of a class is asked for the value of the attribute of its name."""
    return cascade_is_descriptor(<PyObject*>value)


def makes_plainly(cls):
    """Returns whether instances of a class are made by `object.__new__`."""
    return cascade_makes_plainly(class_of(cls))


cdef extern from "vm/cpython.h":
    bint cascade_functions_alike(PyObject*, PyObject*)


def is_like(value, function):
    """Returns whether an object is a function with the code, globals and builtins of another one."""
    return cascade_functions_alike(<PyObject*>value, <PyObject*>function)
