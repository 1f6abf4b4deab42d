"""Derived data: objects that the layers above make of a task or a result, and keep with it for as long as it lives.

Nothing in this layer reads them. Each field has one owner, the only module that reads and sets it. A class of a layer above
is `object` here: its owner narrows it.

| field | owner | contents |
|---|---|---|
| `Derived.code` | `cascade.compiler.code_cache` | the code of graphs whose result is the value of this operation, by their rows |
| `TaskDerived.operations` | `cascade.graph.operations` | operations that call the task, interned, so that equal rows are found equal |
| `TaskDerived.continuations` | `cascade.kernels` | the source of the task's function, and its continuations after side exits |
| `TaskDerived.identity` | `cascade.adapters.caches.identity` | the function's code as a part of cache keys |
| `ResultDerived.policies`, `.operation`, `.operands` | `cascade.graph` | the operation and operands made of these very policies |
| `ResultDerived.around` | `cascade.graph` | the values that a route is given by the graph around its Router |

No copy and no pickle takes these along, but for `around`: a copy of a route is computed in the same surroundings.
"""

from __future__ import annotations

from cascade.imports import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

    from cascade.declare.policies import Policies


class Derived:
    """Objects that layers above keep with an operation that may be the last one of a graph."""

    __slots__ = ("code",)

    code: dict[tuple[tuple[object, ...], ...], object] | None

    def __init__(self) -> None:
        self.code = None


class TaskDerived(Derived):
    """Objects that layers above keep with a task or a resource."""

    __slots__ = ("continuations", "identity", "operations")

    operations: dict[Hashable, object]
    continuations: object
    identity: object

    def __init__(self) -> None:
        super().__init__()
        self.operations = {}
        self.continuations = None
        self.identity = None


class ResultDerived:
    """Objects that layers above keep with a result. It is made for each call with policies: defaults of the class cost less than __init__."""

    policies: Policies | None = None
    operation: object = None
    operands: tuple[object, ...] = ()
    around: object = None
