"""A state machine -> typed code, for given types of the operands of its states.

    count(n) = Jump("count", n - 1) if n > 0 else Jump("done", n)        routes: count -> state 0, done -> the end

    0  SUB_INT                       r2 = n - 1
    ...

The operands of all states have registers of their own, as they have slots in the VM's frame. A state is translated like
a task's body, for each combination of types that the operands have when a Jump leads to it; its variables are other
registers than its operands, which are the next call's as well. A Jump to a state is a move into the operand that gets
its data, and a jump to the state's body; one that ends the state machine returns its data. Any other result of a state
(a tail call, a Jump without a target, or by a key that is not known here) is made by CPython, and the VM's frame
continues with it.
"""

from __future__ import annotations

import ast

from cascade._vm import Jump
from cascade.graph.operations import State, StateMachine
from cascade.kernels.arguments import arguments_by_name
from cascade.kernels.assemble import Label
from cascade.kernels.bodies import BodyTranslator, HelperTranslator
from cascade.kernels.builder import BODY_LIMIT, CodeBuilder, Read
from cascade.kernels.model import NONE, OBJECT, TypedCode
from cascade.kernels.parts import BodyPart, HelperPart
from cascade.kernels.source import FunctionSource
from cascade.kernels.values import NO_VALUE, UNKNOWN, SideExit, Value

KEYS = (str, int, bool, float, bytes, type(None))
"""A key of another type may define its own equality."""
PLAIN = (str, bytes, complex)
"""Objects of these types hold no LazyResult that would have to be computed first."""


class StateMachineBuilder:
    """Builds the typed code of a state machine.

    Args:
        state_machine: the state machine.
        read: reads a task's function.
    """

    def __init__(self, state_machine: StateMachine, read: Read) -> None:
        self.code = CodeBuilder(read, self)
        self.state_machine = state_machine
        self.operands = [self.code.assembler.name() for _ in range(state_machine.arguments.stop)]
        self.code.space.parameters.extend(self.operands)

    def build_from(self, start: int, types: tuple[str, ...]) -> TypedCode:
        """Returns the code that begins with the state of number `start`.

        Raises:
            SourceError: the source of a function is not there.
            Refusal: it cannot be lowered.
        """
        first = self.state(start, types)
        assert first is not None
        return self.code.translate(first)

    def state(self, number: int, types: tuple[str, ...]) -> BodyPart | None:
        """Returns the part of a state for some types of all operands; None for one too many."""
        code = self.code
        part = code.bodies.get((number, types))
        if part is None and len(code.bodies) < BODY_LIMIT:
            task = self.state_machine.states[number].operation.task
            source, continuations = code.read_task(task)
            part = BodyPart(
                task, types, source, continuations, len(code.bodies), parameters=self.operands, state=number
            )
            code.add(number, part)
        return part

    def body(self, code: CodeBuilder, part: BodyPart) -> None:
        StateTranslator(self, part).translate()

    def helper(self, code: CodeBuilder, part: HelperPart, source: FunctionSource) -> None:
        HelperTranslator(code, part, source).translate()


class StateTranslator(BodyTranslator):
    """Translates the body of a state's task."""

    def __init__(self, builder: StateMachineBuilder, part: BodyPart) -> None:
        super().__init__(builder.code, part)
        self.builder = builder
        self.state: State = builder.state_machine.states[part.state]

    def translate(self) -> None:
        part, state, function = self.part, self.state, self.function
        stored = part.source.stored
        own = slice(state.offset, state.offset + state.width)
        self.begin(part.types[own])
        part.kept = list(zip(part.parameters, part.types, strict=True))
        bound = {}
        for name, (register, kind) in zip(self.parameters, part.kept[own], strict=True):
            bound[name] = kind
            if kind != NONE and name in stored:
                function.emit("MOVE", a=function.variable(name, kind), b=register)
            elif kind != NONE:
                function.registers[name, kind] = register
        self.statements.run(bound)

    def tail_call(self, node: ast.Call) -> bool:
        """Translates `return Jump(...)`; returns False for other calls."""
        if self.function.meaning(node.func) is not Jump:
            return False
        given = arguments_by_name(node, ("target_key", "data"))
        if given is None or "target_key" not in given or self.state.routes is None:
            return False
        self.choose(given["target_key"], given.get("data"), node)
        return True

    def choose(self, key: ast.expr, data: ast.expr | None, node: ast.Call) -> None:
        """Translates a Jump by a key; one that depends on a test, on both its sides."""
        if isinstance(key, ast.IfExp):
            other = Label()
            if self.expressions.jump(key.test, other, False):
                self.statements.or_exit(self.choose, key.body, data, node)
            if other.uses:
                self.function.put(other)
                self.statements.or_exit(self.choose, key.orelse, data, node)
            return
        target = self.target_of(key)
        value = None if data is None else self.data_of(data)
        if target is None:
            self.return_result(NO_VALUE if value is None else value)
        else:
            self.go_to(target, value, node)

    def target_of(self, key: ast.expr) -> int | None:
        """Returns the number of the state that a key leads to; None for the end."""
        meant = key.value if isinstance(key, ast.Constant) else self.function.meaning(key)
        routes: dict[object, int | None] = dict(self.state.routes or ())
        if type(meant) not in KEYS or meant not in routes:
            raise SideExit
        return routes[meant]

    def data_of(self, data: ast.expr) -> Value:
        """Returns the data of a Jump."""
        value = self.expressions.value(data)
        if value.type == OBJECT and (value.known is UNKNOWN or type(value.known) not in PLAIN):
            raise SideExit  # it may hold LazyResults
        return value

    def go_to(self, number: int, value: Value | None, node: ast.Call) -> None:
        """Moves the data into the operand of a state that gets it, and jumps to the state's body."""
        target = self.builder.state_machine.states[number]
        types = self.part.types
        moves = []
        if not target.takes_input:
            if value is not None and value.type != NONE:
                raise SideExit
        elif value is None:
            if types[target.offset] == OBJECT:
                raise SideExit  # there may be no input yet
        else:
            types = (*types[: target.offset], value.type, *types[target.offset + 1 :])
            if value.type != NONE:
                moves.append((self.builder.operands[target.offset], self.function.register(value)))
        part = self.builder.state(number, types)
        if part is None:
            raise self.function.refuse("CS120", node, "the types of the arguments change too often")
        self.function.move_all(moves)
        self.function.emit("STEP", target=part.label)
