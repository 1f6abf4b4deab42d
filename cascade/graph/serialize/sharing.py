"""Containers that stand in a value more than once.

JSON has no references: written out, a list of a list twice, 40 levels deep, is a terabyte. So a container that stands again in a value
that would get long is written once:

    {"$shared": 0, "value": [1, 2]}     where it stands first
    {"$again": 0}                       wherever it stands again
"""

from __future__ import annotations

from cascade.errors import SerializationError
from cascade.graph.containers import is_container, parts

LONG = 10_000
"""So many things are written out, however often they stand there: most values have none of these references."""


class Nest:
    """The containers of one value while it is written.

    Attributes:
        around: the ids of those that are being written.
    """

    def __init__(self, root: object) -> None:
        self.around: set[int] = set()
        self._numbers: dict[int, int] = {}
        self._sizes, self._again = sizes_in(root) if is_container(root) else ({}, set())
        self._shares = self._sizes.get(id(root), 0) > LONG

    def is_shared(self, container: object) -> bool:
        """Whether the container is to be written once, as it is in the value of the nest."""
        return self._shares and id(container) in self._again

    def number(self, container: object) -> tuple[int, bool]:
        """The number of a shared container, and whether it has been written already."""
        known = id(container) in self._numbers
        return self._numbers.setdefault(id(container), len(self._numbers)), known

    def of_set(self, container: object) -> Nest:
        """The nest of a set's elements, which are sorted when they have been written: a reference could come first.

        Raises:
            SerializationError: (a ValueError) they are too long for that.
        """
        size = self._sizes.get(id(container), 0)
        if self._shares and size > LONG:
            raise SerializationError(
                f"a {type(container).__name__} whose elements hold {size:,} things, written out",
                expected=f"at most {LONG:,}",
                hint="what stands in it again and again cannot be shared; use a list or a tuple",
            )
        inner = Nest(None)
        inner.around = self.around
        return inner


def sizes_in(root: object) -> tuple[dict[int, int], set[int]]:
    """By the id of each container in a value, how many things it is, written out; and the ids of those that stand there again.

    A container inside of itself counts nothing there.
    """
    sizes: dict[int, int] = {}
    met: set[int] = set()
    again: set[int] = set()
    inner: dict[int, list[object]] = {}  # holds what was made for this
    stack = [root]
    while stack:
        container = stack[-1]
        if id(container) not in inner:
            everything = parts(container)
            sizes[id(container)] = len(everything)
            inner[id(container)] = found = [part for part in everything if is_container(part)]
            for part in found:
                (again if id(part) in met else met).add(id(part))
            stack += [part for part in found if id(part) not in inner]
            continue
        stack.pop()
        found = inner[id(container)]
        if found:
            sizes[id(container)] += sum(sizes[id(part)] for part in found)
            inner[id(container)] = []
    return sizes, again
