"""How CPython finds an attribute of an instance of a class, as long as nothing of the class changes."""

from __future__ import annotations

import collections
from types import FunctionType, MethodDescriptorType
from typing import Final, NamedTuple

from cascade._vm import (
    class_tag,
    find_in_class,
    has_instance_dict,
    is_data_descriptor,
    is_descriptor,
    loads_plainly,
    shares_keys,
    slot_offset,
    stores_plainly,
    value_index,
)
from cascade.kernels.lasting import MADE_BY_PROGRAMS, is_lasting, is_lasting_class
from cascade.kernels.model import MISSING

SLOT, VALUE, ITEM, TUPLE_ITEM, CONSTANT, METHOD, PROPERTY = (
    "slot", "value", "item", "tuple item", "constant", "method", "property",
)  # fmt: skip
"""Kinds of access:

    slot        a name in __slots__
    value       in the array of values of an instance, or in its dict
    item        in the dict of an instance
    tuple item  a field of a named tuple
    constant    an object of the class that is no descriptor
    method      a plain function of the class, or a method of a class written in C
    property    the value of a plain function of the class, which is called; where there is a `__getattr__`, that is asked after an
                AttributeError of the function, and only CPython loads it
"""
FIELD: Final = type(vars(collections.namedtuple("Probe", "field"))["field"])


class Access(NamedTuple):
    """How an attribute is accessed.

    Attributes:
        kind: one of the above.
        number: the offset of a slot, or an index; of an item 1 where the instances of the class share names.
        found: the object in the class; of a property the function.
        hidden: where an instance may have an attribute that hides it: "value", "item", or "" where it has none.
        relies_on: classes of objects that stand in the class under the name, and would be descriptors if these classes got the methods.
    """

    kind: str
    number: int = 0
    found: object = None
    hidden: str = ""
    relies_on: tuple[type, ...] = ()


def relied_on(*found: object) -> tuple[type, ...] | None:
    """Returns the classes of objects in a class that the program may change; None where the code cannot test one of them."""
    classes = tuple(type(each) for each in found if each is not MISSING and type(each).__flags__ & MADE_BY_PROGRAMS)
    return classes if all(is_lasting_class(each, {}) and class_tag(each) for each in classes) else None


def of_instance(cls: type, name: str) -> Access | None:
    """Returns how an attribute of an instance is loaded; None where only CPython can."""
    if not loads_plainly(cls) or class_tag(cls) == 0:
        return None
    found = find_in_class(cls, name, MISSING)
    if found is not MISSING and is_data_descriptor(found):
        return of_data_descriptor(cls, name, found)
    relies_on = relied_on(found)
    if relies_on is None:
        return None
    own = of_dict(cls, name)
    if own is not None and (found is MISSING or (own.kind == VALUE and not is_descriptor(found))):
        return own._replace(relies_on=relies_on)
    if found is MISSING:
        return None
    hidden = "" if not has_instance_dict(cls) else VALUE if shares_keys(cls) else ITEM
    if type(found) in (FunctionType, MethodDescriptorType):
        return Access(METHOD, found=found, hidden=hidden)
    return None if is_descriptor(found) else Access(CONSTANT, found=found, hidden=hidden, relies_on=relies_on)


def of_data_descriptor(cls: type, name: str, found: object) -> Access | None:
    offset = slot_offset(cls, name)
    if offset > 0:
        return Access(SLOT, offset)
    if type(found) is FIELD and issubclass(cls, tuple):
        return Access(TUPLE_ITEM, found.__reduce__()[1][0])  # type: ignore[arg-type]
    if type(found) is property and type(found.fget) is FunctionType and find_in_class(cls, "__getattr__", None) is None:
        return Access(PROPERTY, found=found.fget)
    return None


def of_dict(cls: type, name: str) -> Access | None:
    """Returns the access to an attribute that instances have of their own."""
    if not has_instance_dict(cls):
        return None
    if not shares_keys(cls):
        return Access(ITEM)
    index = value_index(cls, name)
    return Access(VALUE, index) if index >= 0 else Access(ITEM, 1)


def store_in(cls: type, name: str) -> Access | None:
    """Returns how an attribute of an instance is stored; None where only CPython can."""
    if not stores_plainly(cls) or class_tag(cls) == 0:
        return None
    found = find_in_class(cls, name, MISSING)
    if found is not MISSING and is_data_descriptor(found):
        offset = slot_offset(cls, name)
        return Access(SLOT, offset) if offset > 0 else None
    own, relies_on = of_dict(cls, name), relied_on(found)
    return None if own is None or relies_on is None else own._replace(relies_on=relies_on)


def of_class(cls: type, name: str) -> Access | None:
    """Returns how an attribute of a class itself is loaded, as long as neither it nor its metaclass changes."""
    meta = type(cls)
    if (
        find_in_class(meta, "__getattribute__") is not type.__getattribute__
        or class_tag(meta) == 0
        or class_tag(cls) == 0
    ):
        return None
    in_meta = find_in_class(meta, name, MISSING)
    if in_meta is not MISSING and is_data_descriptor(in_meta):
        return None
    found = find_in_class(cls, name, MISSING)
    if type(found) is staticmethod:
        return Access(CONSTANT, found=found.__func__) if is_lasting(found.__func__) else None
    if type(found) is classmethod:
        return Access(METHOD, found=found.__func__) if type(found.__func__) is FunctionType else None
    if found is MISSING or (is_descriptor(found) and type(found) is not FunctionType):
        return None
    relies_on = relied_on(found, in_meta)
    return None if relies_on is None else Access(CONSTANT, found=found, relies_on=relies_on)
