"""Classes that inherit others, and functions with them, for tests of block kernels."""

from __future__ import annotations

from typing import Any


class Base:
    made = 0

    def __init__(self, x: Any) -> None:
        super().__init__()
        self.x = x

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.x})"

    def value(self, by: Any = 1) -> Any:
        return self.x * by

    @classmethod
    def counted(cls, by: int) -> Any:
        return cls.made + cls.step(by)

    @classmethod
    def step(cls, by: int) -> int:
        return by + len(cls.__name__)


class Middle(Base):
    made = 10

    def __init__(self, x: Any, y: Any) -> None:
        super(Middle, self).__init__(x)
        self.y = y

    def value(self, by: Any = 1) -> Any:
        return super().value(by) + self.y


class Other(Base):
    def value(self, by: Any = 1) -> Any:
        return -super().value(by=by)


class Diamond(Middle, Other):
    def value(self, by: Any = 1) -> Any:
        return super(Diamond, self).value(by) + super(Middle, self).value(by)

    @classmethod
    def step(cls, by: int) -> int:
        return super().step(by) * 2


class Odd(Base):
    value = property(lambda self: lambda by=1: self.x)  # type: ignore[assignment]

    def __init__(self, x: Any) -> None:
        self.x = x

    def told(self) -> Any:
        return super().value(2), super().made

    def missing(self) -> Any:
        return super().none_such()  # type: ignore[misc]


def values(owner: Any, n: int) -> Any:
    found = []
    for i in range(n):
        found.append(owner.value(i))
    return found


def makes(n: int) -> Any:
    found = []
    for i in range(n):
        found.append((Base(i).x, Middle(i, 1).y, Diamond(i, 2.5).value(2), Other(i).value()))
    return found


def told(owner: Any) -> Any:
    return owner.told()


def misses(owner: Any) -> Any:
    return owner.missing()


def rebinds(self: Any, other: Any) -> Any:
    return Rebinding.value(self, other)


class Rebinding(Base):
    def value(self, by: Any = 1) -> Any:
        self = by  # noqa: F841  (super() sees it)
        return super().value(3)


class Deleting(Base):
    def value(self, by: Any = 1) -> Any:
        del self
        return super().value(by)


class Noting(Base):
    def __init__(self, x: Any) -> None:
        super().__init__(x)
        self.seen, self.counts = {1, 5}, {1: 2, 3: 4, 6: 5, 18: 7, 54: 8}

    def discard(self, by: Any) -> Any:
        found = super().value(by)
        self.seen.discard(found)
        return found

    def get(self, by: Any) -> Any:
        return self.counts.get(super().value(by))

    def pop(self, by: Any) -> Any:
        found = super().value(by)
        self.counts[found] = by
        return self.counts.pop(found)

    def set_default(self, by: Any) -> Any:
        return self.counts.setdefault(super().value(by), by)


class Without(Base):
    def collected() -> Any:  # type: ignore[misc]
        found = []
        for value in (1, 2):
            found.append(value)
        return super().value(found)  # type: ignore[misc]


class Caught(Base):
    def value(self, by: Any = 1) -> Any:
        keep = lambda: self  # noqa: E731  (the instance stands in a cell)
        return super().value(by), keep() is not None


def of_classes(cls: Any, n: int) -> Any:
    return [cls.counted(i) for i in range(n)], Base.counted(n), Diamond.counted(n)


def class_of(values: list[Any]) -> Any:
    return [value.__class__.__name__ for value in values], [value.__class__ for value in values]


# -- Lists ------------------------------------------------------------------------------------------------------------


class Items(list):  # type: ignore[type-arg]
    """Nothing of its own."""


class Named(Items):
    def __init__(self, *items: Any) -> None:
        super().__init__(items)
        self.name = "named"

    def push(self, item: Any) -> None:
        super().append(item)


class Reversed(list):  # type: ignore[type-arg]
    def __iter__(self) -> Any:
        return reversed(self[:])

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: Any) -> Any:
        return list.__getitem__(self, index) if isinstance(index, slice) else ("item", index)

    def append(self, item: Any) -> None:
        list.append(self, ("appended", item))

    def pop(self, *index: Any) -> Any:
        return ("popped", list.pop(self, *index))


def works(items: Any, n: int) -> Any:
    found: list[Any] = []
    for i in range(n):
        items.append(i)
        items.insert(0, i * 0.5)
        for item in items:
            found.append(item)
        found.append(items[0])
        found.append(items[-1])
        found.append(len(items))
        found.append(items.pop())
        found.append(items.pop(0))
    return found, items


def drains(items: Any) -> Any:
    found = []
    while len(items):
        found.append(items.pop(0))
    return found, items


def grows_in_its_loop(items: Any) -> Any:
    found = []
    for item in items:
        found.append(item)
        if len(found) < 6:
            items.append(len(found))
        if len(found) == 3:
            found.append(items[9])
    return found


def made_alone(n: int) -> Any:
    found: list[Any] = []
    for _ in range(n):
        items = Items()
        items.append(n)
        found.append((items, type(items), Plain().__class__, Table(), Members()))
    return found


class Plain:
    pass


class Table(dict):  # type: ignore[type-arg]
    pass


class Members(set):  # type: ignore[type-arg]
    pass


class Equal:
    def __init__(self, n: int) -> None:
        self.n = n

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Equal) and self.n == other.n

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Equal({self.n})"


class One:
    def __repr__(self) -> str:
        return "One"


def searches(items: Any, wanted: Any) -> Any:
    found = [wanted in items, wanted not in items, items.count(wanted)]
    if wanted in items:
        found.append(items.index(wanted))
        items.remove(wanted)
    return found, items
