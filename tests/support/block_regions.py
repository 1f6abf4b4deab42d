"""Functions for kernels that are made block by block: expressions of which nothing has a typed form."""

from __future__ import annotations

import weakref
from typing import Any


class Part:
    """Everything of it is a matter of CPython's; an attribute named `bad...` raises."""

    def __init__(self, name: str = "") -> None:
        object.__setattr__(self, "log", [name])

    def __repr__(self) -> str:
        return f"Part({self.log})"

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("bad"):
            raise KeyError(name)
        if name.startswith("part"):
            return Part(name)
        return object.__getattribute__(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("bad"):
            raise KeyError(name)
        self.log.append((name, value))

    def __getitem__(self, key: Any) -> Any:
        return (self.log[0], key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.log.append((key, value))

    def __add__(self, other: Any) -> Any:
        return Part(f"{self.log[0]}+{other}")

    def call(self, *values: Any, **named: Any) -> Any:
        if values == (3,):
            raise IndexError(values)
        return Part(f"{self.log[0]}({values}, {named})")


def chain(part: Any, value: Any) -> Any:
    return part.part_a.part_b.call(value, key=value).part_c.log


def chains(part: Any, values: list[Any]) -> Any:
    found = []
    for value in values:
        found.append(part.part_a.call(value).part_b.call(value, part.part_c.log).log)
        part.part_d.call(value + 1)
        part.total = part.part_e[value]
        part.part_f[value] = part.part_g + value
    return found


def handled(part: Any, values: list[Any]) -> Any:
    found: list[Any] = []
    for value in values:
        try:
            found.append(part.part_a.call(value).part_b.call(value, part.bad).log)
        except IndexError as error:
            found.append(("index", str(error)))
            found.append(error.__traceback__.tb_next is not None and error.__traceback__.tb_lineno)
        except KeyError as error:
            found.append(("key", str(error)))
        finally:
            found.append(part.part_b.log)
    return found


def raised_in_a_handler(part: Any, value: Any) -> Any:
    try:
        part.part_a.call(value).part_b.call(part.bad_one)
    except KeyError:
        return (
            part.part_a
            .call(value)
            .part_b.bad_two
        )  # fmt: skip


def raised_with_a_context(part: Any, value: Any) -> Any:
    try:
        return part.part_a.call(value).part_b.call(part.part_c, part.bad_one)
    finally:
        part.log.append(value)


def choices(part: Any, values: list[Any]) -> Any:
    found = []
    for value in values:
        found.append(part.part_a.call(value or part.part_b.log, part.part_c.log).log)
        found.append(part.part_a.call(value) and part.part_b.log or part.part_c.log)
    return found


def increments(part: Any, values: list[Any]) -> Any:
    for value in values:
        part.part_a.part_b += value
        part.part_c += value
    return part


def formatted(part: Any, values: list[Any]) -> Any:
    return [f"{part.part_a.log[0]}: {value!r:>{len(part.log) + 7}} {part.log}" for value in values]


def unbound(part: Any, value: Any) -> Any:
    if value:
        late = 1
    return part.part_a.call(late)


class Base:
    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.value!r})"

    def told(self, value: Any) -> Any:
        return ("base", self.value, value)


class Derived(Base):
    def told(self, value: Any) -> Any:
        return super().told(value), super().told(str(value) + str(self.value))


told = Derived.told


class Mortal:
    def __init__(self, deaths: list[Any], name: str) -> None:
        self.deaths, self.name = deaths, name
        weakref.finalize(self, deaths.append, name)

    def __getattribute__(self, name: str) -> Any:
        return object.__getattribute__(self, name)

    def deaths_so_far(self, *others: Any) -> Any:
        return list(self.deaths)

    def another(self, name: str) -> Mortal:
        return Mortal(self.deaths, name)


def lives(count: int) -> Any:
    found = []
    deaths: list[Any] = []
    for number in range(count):
        mortal = Mortal(deaths, f"m{number}")
        found.append(mortal.another("a").another("b").deaths_so_far())
        found.append(mortal.deaths_so_far(mortal.another("c").name, mortal.deaths_so_far()))
        found.append(Mortal(deaths, "d").another("e").deaths_so_far())
    return found
