"""Functions and classes for kernels that are made block by block: attributes and methods."""

from __future__ import annotations

import enum
import math
import sys
import weakref
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple


class Plain:
    """An instance dict, methods, class attributes."""

    limit = 7

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"{type(self).__name__}({vars(self)})"

    def plus(self, more: Any) -> Any:
        return self.value + more

    @classmethod
    def made(cls, value: Any) -> Plain:
        return cls(value)

    @staticmethod
    def twice(value: Any) -> Any:
        return value * 2


def methods_of_every_kind(plain: Any, count: int) -> Any:
    total = 0
    for i in range(count):
        total += plain.plus(i) + plain.twice(i) + plain.made(i).value
    return total


def methods_of_built_in_classes(values: list[Any], text: str, number: int, real: float) -> Any:
    values.append(number.bit_length())
    values.append(real.is_integer())
    values.append(text.upper().lower().strip())
    values.append(text.maketrans("a", "b"))
    return values, (number > 3).bit_length(), real.fromhex("0x1p3"), values.pop()


def missing_methods(value: Any) -> Any:
    found = []
    try:
        value.missing(1)
    except AttributeError as error:
        found.append((str(error), error.name, type(error.obj).__name__))
    return found, value.also_missing()


def method_and_exit(plain: Any, values: list[Any]) -> Any:
    total = 0
    for value in values:
        total += plain.plus(value + 1)
    return total


class Slots:
    __slots__ = ("left", "right")

    def __init__(self, left: Any, right: Any) -> None:
        self.left, self.right = left, right

    def __repr__(self) -> str:
        return f"Slots({[(name, getattr(self, name)) for name in self.__slots__ if hasattr(self, name)]})"


class Pair(NamedTuple):
    left: Any
    right: Any


@dataclass
class Data:
    left: Any
    right: Any


class OfList(list):  # type: ignore[type-arg]
    """Its instances have a dict, whose keys they do not share."""

    left: Any
    right: Any

    def __init__(self, left: Any, right: Any) -> None:
        super().__init__([left])
        self.left, self.right = left, right


class OfError(Exception):
    """The same, of a class with fields of its own behind which the dict stands."""

    left: Any
    right: Any

    def __init__(self, left: Any, right: Any) -> None:
        super().__init__()
        self.left, self.right = left, right
        self.__cause__ = None  # so that the memory before the next instance holds more than zeros

    def __reduce__(self) -> Any:
        return OfError, (self.left, self.right)


class Watched:
    """Has everything of its own: properties, `__setattr__`, `__getattr__`, a data descriptor."""

    right: Any

    def __init__(self, left: Any, right: Any) -> None:
        object.__setattr__(self, "log", [])
        self._left = left
        self.right = right

    def __repr__(self) -> str:
        return f"Watched({vars(self)})"

    @property
    def left(self) -> Any:
        return self._left

    @left.setter
    def left(self, value: Any) -> None:
        self._left = value

    def __setattr__(self, name: str, value: Any) -> None:
        self.__dict__["log"].append((name, value))
        object.__setattr__(self, name, value)


class Computed:
    """Computes what is missing."""

    def __init__(self, left: Any, right: Any) -> None:
        self.right = right

    def __repr__(self) -> str:
        return f"Computed({vars(self)})"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return len(name)


def with_dict(cls: Any, left: Any, right: Any) -> Any:
    """Returns an instance whose dict has been asked for."""
    made = cls(left, right)
    vars(made)["other"] = 1
    return made


def loads(pair: Any, count: int) -> Any:
    total = 0
    for _ in range(count):
        total += pair.left
        total += pair.right * 2
    return total, pair.left, pair.right


def sums(pairs: list[Any]) -> Any:
    total = 0
    for pair in pairs:
        total += pair.left - pair.right
    return total


def stores(pair: Any, values: list[Any]) -> Any:
    for value in values:
        pair.left = value
        pair.right = pair.left
    return pair


def increments(pair: Any, values: list[Any]) -> Any:
    for value in values:
        pair.left += value
        pair.right = pair.left - pair.right
    return pair.left, pair.right


def new_attributes(names: list[str]) -> Any:
    found = []
    for name in names:
        plain = Plain(name)
        if name == "reversed":
            plain.second = 2
            plain.first = 1
        else:
            plain.first = 1.5
            plain.second = True
        found.append((list(vars(plain)), repr(plain)))
    return found


def deletes(plain: Any, values: list[Any]) -> Any:
    found = []
    for value in values:
        plain.value = value
        if value is None:
            del plain.value
        try:
            found.append(plain.value)
        except AttributeError as error:
            found.append((str(error), error.name))
    return found


class Linked:
    __slots__ = ("__weakref__", "below", "name")

    def __init__(self, name: str, below: Any = None) -> None:
        self.name, self.below = name, below

    def __repr__(self) -> str:
        return f"Linked({self.name!r}, {self.below!r})"


def walk(linked: Any) -> Any:
    names = []
    while linked is not None:
        names.append(linked.name)
        linked = linked.below
    return names


class Loud:
    """Notes its end, and what can be seen then."""

    heard: ClassVar[list[Any]] = []

    def __init__(self, holder: Any, number: int) -> None:
        self.holder, self.number = holder, number

    def __del__(self) -> None:
        Loud.heard.append((self.number, type(self.holder.left).__name__, type(self.holder.right).__name__))
        if self.number == 3:
            self.holder.right = "from the end"


def finalizers(make: Any, count: int) -> Any:
    Loud.heard.clear()
    holder = make(None, 0)
    for number in range(count):
        holder.left = Loud(holder, number)
        holder.right = number
    holder.left = None
    return Loud.heard, holder.right


NAMED = 0


class Naming:
    """Gives a global name another meaning at its end."""

    def __del__(self) -> None:
        globals()["NAMED"] += 1


def names_after_finalizers(make: Any, count: int) -> Any:
    global NAMED
    NAMED = 0
    holders = [make(Naming(), 0) for _ in range(count)]
    seen = []
    for holder in holders:
        seen.append(NAMED)
        holder.left = None
        seen.append(NAMED)
    return seen


def make_class() -> Any:
    class Changing:
        kind = 1

        def method(self, value: Any) -> Any:
            return ("first", value)

    return Changing


def change(cls: Any, made: Any, step: int) -> None:
    if step == 3:
        cls.method = lambda self, value: ("second", value)
        cls.kind = 2
    elif step == 5:
        made.method = lambda value: ("own", value)
        made.kind = 3
    elif step == 7:
        made.__class__ = make_class()
    elif step == 9:
        cls.kind = made.__class__.kind = property(lambda self: "computed")
    elif step == 11:
        del made.method
        del type(made).kind


def changing_class(count: int) -> Any:
    cls = make_class()
    made = cls()
    found = []
    for step in range(count):
        found.append((made.method(step), made.kind))
        change(cls, made, step)
    return found


def changing_attributes_of_a_class(count: int) -> Any:
    change_shared(0)
    found = []
    for step in range(count):
        found.append((Shared.kind, Shared.numbers, Shared.method(1), Shared.of_class(2), Shared.static(3)))
        if step % 3 == 1:
            change_shared(step)
    return found


class Shared:
    kind: Any = 0
    numbers = (1, 2)

    def method(self) -> Any:
        return ("method", self)

    @classmethod
    def of_class(cls, value: Any) -> Any:
        return cls.__name__, value

    @staticmethod
    def static(value: Any) -> Any:
        return value


def change_shared(step: int) -> None:
    Shared.kind = step
    Shared.static = staticmethod(lambda value: (step, value))  # type: ignore[method-assign]


class Colour(enum.Enum):
    RED = 1
    GREEN = 2


def enum_members(colours: list[Any]) -> Any:
    found = []
    for colour in colours:
        if colour is Colour.RED:
            found.append("red")
        elif colour == Colour.GREEN:
            found.append(Colour.GREEN)
    return found, Colour.BLUE  # type: ignore[attr-defined]


def kinds(values: list[Any]) -> Any:
    found = []
    for value in values:
        if isinstance(value, Plain):
            found.append("plain")
        elif isinstance(value, (Slots, int)):
            found.append("slots or int")
        elif isinstance(value, Pretender):
            found.append("pretender")
        else:
            found.append(isinstance(value, str))
    return found


class Pretender:
    @property
    def __class__(self) -> Any:  # type: ignore[override]
        return Plain

    def __repr__(self) -> str:
        return "Pretender"


class Borrowed:
    """The slot descriptor of another class: it refuses."""

    left = Slots.left  # type: ignore[misc]
    right = 2

    def __repr__(self) -> str:
        return "Borrowed"


def overwritten(pair: Any, values: list[Any]) -> Any:
    found = []
    for value in values:
        pair.left = value + 0.5
        found.append((pair.left, replaced(pair, value), pair.left))
        kept = pair.left
        pair.left = value * 2.5
        found.append(kept)
        found.append([pair.left, swap(pair)])
    return found


def replaced(pair: Any, value: Any) -> Any:
    pair.left = value - 0.25
    return pair.left


def swap(pair: Any) -> Any:
    pair.left, pair.right = pair.right, pair.left
    return pair.left


def dies_on_time(count: int) -> Any:
    found = []
    linked = Linked("first")
    for number in range(count):
        linked.below = Linked(str(number))
        reference = weakref.ref(linked.below)
        found.append(reference() is not None)
        linked.below = None
        found.append(reference() is None)
    return found


class Odd:
    """Its dict has a key that is not a string, but equal to one."""

    def __init__(self) -> None:
        self.value = 1
        vars(self)[Key("other")] = 2

    def __repr__(self) -> str:
        return f"Odd({[*vars(self).values()]})"


class Key:
    def __init__(self, text: str) -> None:
        self.text = text

    def __hash__(self) -> int:
        return hash(self.text)

    def __eq__(self, other: object) -> bool:
        return other == self.text


def odd_keys(odd: Any, count: int) -> Any:
    total = 0
    for number in range(count):
        total += odd.value + odd.other
        odd.other = number
        odd.value = total
    return total, odd


def stores_behind(outer: Any, values: list[Any]) -> Any:
    for value in values:
        outer.left.right = [value]
        outer.left.left = value
        outer.left = Data(outer.left, value)
        outer.left.left.right = {value}
    return outer


class Late:
    """Its instances have names of their own in dicts, in different orders: there have been too many for names that are shared."""

    def __init__(self, x: Any) -> None:
        self.x = x


def late(names: Any) -> Any:
    many = [Late(number) for number in range(40)]
    for number, one in enumerate(many):
        for name in names if number % 2 else names[::-1]:
            setattr(one, name, number)
    total = 0
    for one in many:
        total += one.a + one.b + one.x
        if one.x % 5 == 0:
            del one.a
            one.c = one.b
            one.a = 100
        total += one.a
        one.__dict__[7] = "a key that is not text"
        total += one.b
    return total


def late_without(names: Any) -> Any:
    many = [Late(number) for number in range(40)]
    for one in many:
        for name in names:
            setattr(one, name, 1)
    total = 0
    for one in many:
        total += one.a
        if one.x == 30:
            del one.a
            total += one.a
    return total


class Grown:
    """Instances get their attributes after many others have been made, in any order: each has a dict of its own."""


def grown(names: str) -> Grown:
    made = Grown()
    for name in names:
        setattr(made, name, ord(name) if name != "x" else 0)
    vars(made)
    return made


def moves(objects: list[Any], n: int) -> list[Any]:
    found: list[Any] = []
    for i in range(n):
        for each in objects:
            each.x += i + 1000
            each.y = each.x * 0.5 if i % 2 else each.x
            if each.x > 3000:
                each.z = found
            found.append(each.y)
    return [len(found), found[-1], [sorted(vars(each)) for each in objects]]


def attributes_where_there_are(values: list[Any]) -> int:
    found = 0
    for value in values:
        try:
            found += value.x
        except AttributeError:
            found -= 1
    return found


# -- Attributes that are names ------------------------------------------------------------------------------------------

NUMBER = 5
MODULE = sys.modules[__name__]


class Names:
    """An object whose attributes are the names of this module."""

    def __init__(self) -> None:
        self.__dict__ = globals()


def sets_a_name_by_its_module(count: int) -> list[Any]:
    found = []
    for i in range(count):
        found.append(NUMBER)
        MODULE.NUMBER = i  # type: ignore[attr-defined]
    MODULE.NUMBER = 5  # type: ignore[attr-defined]
    return found


def sets_a_name_by_an_object(count: int) -> list[Any]:
    found, names = [], Names()
    for i in range(count):
        found.append(NUMBER)
        names.NUMBER = i / 2  # type: ignore[attr-defined]
    names.NUMBER = 5  # type: ignore[attr-defined]
    return found


def sets_a_name_by_its_dict(count: int) -> list[Any]:
    found, names = [], globals()
    for i in range(count):
        found.append(NUMBER)
        names["NUMBER"] = i
    names["NUMBER"] = 5
    return found


def sets_a_function_of_a_module(count: int) -> list[Any]:
    found, floor = [], math.floor
    for i in range(count):
        found.append(math.floor(i + 0.5))
        math.floor = abs  # type: ignore[assignment]
    math.floor = floor
    return found
