# Instances made without a call of their class. Included by _vm.pyx.

def instance_of(type kind not None, dict fields not None):
    """Returns an instance of a class with these attributes. Its `__init__` is not called: that of a frozen dataclass is slow.

    Raises:
        TypeError: the class has its own `__new__`.
    """
    cdef PyObject* made = cascade_bare_instance(<PyTypeObject*>kind, <PyObject*>EMPTY)
    if made == NULL:
        if PyErr_Occurred() != NULL:
            raise_set()
        raise TypeError(f"{kind.__name__} makes its instances in a way of its own")
    instance = <object>made
    decref(made)
    PyObject_GenericSetAttr(instance, DICT_NAME, fields)    # CPython 3.13 gets PyObject_GenericSetDict wrong
    return instance


cdef tuple EMPTY = ()
