"""Blueprint: the result of the compiler, which the VM runs. Data only."""

from __future__ import annotations

from functools import cached_property


class Frozen:
    """Data whose attributes are set once, by `__init__`; the module of `dataclass` takes 10 ms to import."""

    def __init__(self, **attributes: object) -> None:
        self.__dict__.update(attributes)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a {type(self).__name__} cannot be changed")

    def __delattr__(self, name: str) -> None:
        self.__setattr__(name, None)


class Blueprint(Frozen):
    """Code words, constants and side tables of one graph, or of one task that is run on its own.

    Attributes:
        name: the name of the graph or task, for people.
        words: the instructions, 16 bytes each (see `cascade.instructions.graph`).
        operands: the operand table, int32 each.
        constants: the routines and functions that instructions name.
        inputs: the number of values that a run begins with; they fill the first slots.
        slots: the number of slots of a frame.
        nodes: int32 for each word: the node of the graph that it belongs to. Read only for messages and events.
    """

    name: str
    words: bytes
    operands: bytes
    constants: tuple[object, ...]
    inputs: int
    slots: int
    nodes: bytes

    def __init__(
        self,
        name: str,
        words: bytes,
        operands: bytes,
        constants: tuple[object, ...],
        inputs: int,
        slots: int,
        nodes: bytes,
    ) -> None:
        super().__init__(
            name=name, words=words, operands=operands, constants=constants, inputs=inputs, slots=slots, nodes=nodes
        )

    def copy(self, **changes: object) -> Blueprint:
        """Returns a blueprint of the same data but for the `changes`, with no table made yet."""
        data = {
            name: getattr(self, name) for name in ("name", "words", "operands", "constants", "inputs", "slots", "nodes")
        }
        result = Blueprint.__new__(Blueprint)
        Frozen.__init__(result, **data | changes)
        return result

    def __repr__(self) -> str:
        return f"<Blueprint of {self.name!r}: {len(self.words) // 16} words>"

    @cached_property
    def operand_table(self) -> memoryview:
        return _int32(self.operands)

    @cached_property
    def node_table(self) -> memoryview:
        return _int32(self.nodes)

    @cached_property
    def word_table(self) -> memoryview:
        return _int32(self.words)


def _int32(data: bytes) -> memoryview:
    view = memoryview(data)
    return view.cast("i") if data else view  # an empty view cannot be cast
