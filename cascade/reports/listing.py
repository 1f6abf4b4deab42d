"""The listing of code and of everything that it runs: states of state machines, routes of Routers, and typed code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cascade._vm import BlockKernel, Kernel, Routine
from cascade.adapters.solvers.native import NativeSolver
from cascade.compiler import compile_task
from cascade.compiler.code_cache import CodeCache
from cascade.declare.lazy import LazyResult, lazy_result
from cascade.graph.description import key_words, printable
from cascade.graph.operations import Route, StateMachine
from cascade.graph.route_table import RouteTable
from cascade.instructions.blueprint import Blueprint
from cascade.instructions.graph import INSTRUCTIONS, WORD_FIELDS
from cascade.reports.disassembly import disassemble


def listing(blueprint: Blueprint, inputs: Sequence[object] | None) -> str:
    """Returns the listing of a blueprint, of the blueprints that it leads to, and of the kernels of their tasks.

    Args:
        inputs: of the blueprint; None where they are not known.
    """
    from cascade.reports.block_kernels import with_called
    from cascade.reports.block_listing import listing as block_listing
    from cascade.reports.kernel_listing import listing as kernel_listing

    found = _Found()
    parts = list(found.parts_of(blueprint, inputs, ""))
    for title, further, its_inputs in found.waiting:  # it grows meanwhile
        parts += found.parts_of(further, its_inputs, title)
    parts += map(kernel_listing, found.kernels)
    parts += map(block_listing, dict.fromkeys(each for kernel in found.block_kernels for each in with_called(kernel)))
    return "\n\n".join(parts)


class _Found:
    """The blueprints and kernels that a blueprint leads to, each once."""

    def __init__(self) -> None:
        self.waiting: list[tuple[str, Blueprint, Sequence[object] | None]] = []
        self.kernels: dict[Kernel, None] = {}
        self.block_kernels: dict[BlockKernel, None] = {}
        self._machines: set[StateMachine] = set()
        self._routes: dict[LazyResult[object], str] = {}
        self._code_cache = CodeCache(NativeSolver())

    def parts_of(self, blueprint: Blueprint, inputs: Sequence[object] | None, title: str) -> Iterator[str]:
        yield title + disassemble(blueprint)
        words = blueprint.word_table
        for at in range(0, len(words), WORD_FIELDS):
            opcode, _, constant, operands = words[at : at + WORD_FIELDS]
            if not INSTRUCTIONS[opcode].calls:
                continue
            routine = blueprint.constants[constant]
            assert type(routine) is Routine
            self.kernels |= dict.fromkeys(routine.kernels)
            if routine.block_kernel is not None:
                self.block_kernels[routine.block_kernel] = None
            operation, node = routine.operation, blueprint.node_table[at // WORD_FIELDS]
            if isinstance(operation, StateMachine) and operation not in self._machines:
                self._machines.add(operation)
                self._add_machine(operation, node)
            elif isinstance(operation, Route) and inputs is not None:
                sources = INSTRUCTIONS[opcode].c.sources(operands, blueprint)
                table = inputs[sources[1] >> 1]
                assert isinstance(table, RouteTable)
                yield from self._add_routes(table, node)

    def _add_machine(self, machine: StateMachine, node: int) -> None:
        states = ", ".join(f"{state.operation.name} at {2 * number}" for number, state in enumerate(machine.states))
        self.waiting.append(
            (f"{printable(f'the states of {machine.name}#{node}: {states}')}\n", compile_task(machine), None)
        )

    def _add_routes(self, table: RouteTable, node: int) -> Iterator[str]:
        for key, route in table.routes.items():
            title = printable(f"the route {key_words(key)} of Router#{node}")
            if any(route is each for each in table.shared):
                yield f"{title}: its value is there already"
            elif route in self._routes:
                yield f"{title}: see {self._routes[route]}"
            else:
                self._routes[route] = title
                # Compiled as the run does when it continues with this route.
                lazy = lazy_result(route.task, route.slots, route.policies)
                unknown: dict[LazyResult[object], object] = {}
                unknown.update(dict.fromkeys(table.shared))
                lazy.around = table.around(unknown)
                code, inputs = self._code_cache.code_of(lazy)
                self.waiting.append((f"{title}\n", code.blueprint, inputs))
