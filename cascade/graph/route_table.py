"""The routes of a Router as a value in the graph, and their surroundings."""

from __future__ import annotations

from collections.abc import Callable

from cascade._vm import CompiledRoutes
from cascade.declare.lazy import LazyResult


class RouteTable(CompiledRoutes):
    """The routes of a Router.

    Attributes:
        shared: their results that the graph around it computes in any case.
        skips: whether something in them may be skipped.
        uses: their results that are computed at most once, by whichever Router of a graph further out needs them first.
        common: their results that other Routers of the same graph may need as well.
        once: for one run, the states of these.
        templates: compiled routes, by route; owned by `cascade.compiler.code_cache`.
    """

    # CPython finds attributes in the dict of an instance of an extension type's subclass half as fast.
    __slots__ = ("__weakref__", "common", "once", "routes", "shared", "skips", "templates", "uses")

    def __init__(
        self,
        routes: dict[object, LazyResult[object]],
        shared: tuple[LazyResult[object], ...],
        skips: bool,
        uses: dict[LazyResult[object], Use],
        templates: dict[LazyResult[object], object] | None = None,
    ) -> None:
        self.templates = {} if templates is None else templates
        super().__init__(routes, self.templates)
        self.routes = routes
        self.shared = shared
        self.skips = skips
        self.uses = uses
        self.common: list[LazyResult[object]] = []
        self.once: dict[LazyResult[object], Once] = {}

    def for_one_run(self, once: dict[LazyResult[object], Once]) -> RouteTable:
        """A table with results of its own; `once` has those that other tables of the run have, too."""
        result = RouteTable(self.routes, self.shared, self.skips, self.uses, self.templates)
        result.common = self.common
        result.once = {lazy: once.setdefault(lazy, Once(lazy)) for lazy in self.common}
        return result

    def around(self, values: dict[LazyResult[object], object]) -> Around:
        """Returns the surroundings of a route, given the values of the shared results."""
        return Around(values, {**self.uses, **self.once})

    def __repr__(self) -> str:
        return "{" + ", ".join(f"{key!r}: {route.task.name}" for key, route in self.routes.items()) + "}"


class Once:
    """A result that routes of several Routers need. The first one that does computes it.

    Attributes:
        lazy: the result.
        state: "not begun", "begun" or "done".
        value: when it is done.
        waiting: those who need it meanwhile are woken by these.
    """

    __slots__ = ("lazy", "state", "value", "waiting")

    def __init__(self, lazy: LazyResult[object]) -> None:
        self.lazy = lazy
        self.state = "not begun"
        self.value: object = None
        self.waiting: list[Callable[[], None]] = []


class Use:
    """A `Once` that is needed, with its surroundings."""

    __slots__ = ("around", "once")

    def __init__(self, once: Once, around: Around) -> None:
        self.once = once
        self.around = around


class Around:
    """The surroundings of a route: the results that the graph around it shares with it.

    Attributes:
        values: of results that it has computed.
        once: results that it computes at most once; their operands stand here, too, if not with the `Use`.
        route: the Router's table and the route, unless something may be computed once.
    """

    __slots__ = ("once", "route", "values")

    route: tuple[RouteTable, LazyResult[object]] | None

    def __init__(self, values: dict[LazyResult[object], object], once: dict[LazyResult[object], Once | Use]) -> None:
        self.values = values
        self.once = once
        self.route = None

    def use(self, lazy: LazyResult[object]) -> Use:
        found = self.once[lazy]
        return Use(found, self) if type(found) is Once else found  # type: ignore[return-value]

    def without(self, lazy: LazyResult[object]) -> Around:
        """Returns the surroundings of `lazy` itself."""
        return Around(self.values, {other: found for other, found in self.once.items() if other is not lazy})


NOTHING_AROUND = Around({}, {})
