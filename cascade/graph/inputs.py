"""Inputs of a graph that are filled in before each run: parameters, resources, and tables of routes."""

from __future__ import annotations

from collections.abc import Iterable

from cascade.declare.inputs import Input, input_of
from cascade.declare.lazy import LazyResult
from cascade.declare.resources import Injection
from cascade.graph.route_table import Once, RouteTable
from cascade.imports import cast, copy


class Inputs(list[object]):
    """The inputs of a graph that takes more than constants; the missing ones are filled in before a run.

    Attributes:
        declared: the numbers of the inputs that are LazyResults of an `Input`, given when the graph is run.
        elsewhere: the declarations in the routes of Routers, which are graphs of their own.
        injections: the resources that the graph and the routes of its Routers use.
        values: those of them whose value is asked for by something else than a call that gets it as an argument.
        tables: the numbers of the inputs that are tables of routes, and share results: each run has its own.
    """

    def __init__(self, values: Iterable[object] = ()) -> None:
        super().__init__(values)
        self.declared: list[int] = []
        self.elsewhere: list[Input] = []
        self.injections: list[Injection] = []
        self.values: list[Injection] = []
        self.tables: list[int] = []

    def all_declared(self) -> list[Input]:
        """Returns the declarations of all inputs to be given, also those of routes."""
        return [each for each in map(input_of, self) if each is not None] + self.elsewhere

    def for_one_run(self) -> list[object]:
        """The inputs with tables of routes of their own; a plain list if nothing else has to be filled in."""
        result: list[object] = (
            list(self) if not self.declared and not self.elsewhere and not self.injections else copy.copy(self)
        )
        once: dict[LazyResult[object], Once] = {}
        for number in self.tables:
            result[number] = cast("RouteTable", self[number]).for_one_run(once)
        return result
