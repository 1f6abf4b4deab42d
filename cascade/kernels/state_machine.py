"""A state machine -> typed code, for given types of the operands of its states.

    count(n) = Jump("count", n - 1) if n > 0 else Jump("done", n)        routes: count -> state 0, done -> the end

    0  SUB_INT                       r2 = n - 1
    ...

The operands of all states have registers of their own, as they have slots in the VM's frame. A state is translated like a
task's body, for each combination of types that the operands have when a Jump leads to it; its variables are other
registers than its operands, which are the next call's as well. A Jump to a state is a move into the operand that gets its data and a
jump to the state's body; one that ends the state machine returns its data. CPython makes any other result of a state (a tail
call, a Jump that leads nowhere, or by a key that is not known here), and the VM's frame continues from there.
"""

from __future__ import annotations

import ast

from cascade._vm import Jump
from cascade.graph.operations import State, StateMachine
from cascade.kernels.assemble import Label
from cascade.kernels.bodies import BodyTranslator, TaskTranslators
from cascade.kernels.builder import BODY_LIMIT, CodeBuilder, Read
from cascade.kernels.expressions import UNKNOWN, SideExit, Value
from cascade.kernels.model import NONE, OBJECT, TypedCode
from cascade.kernels.parts import BodyPart
from cascade.kernels.tail_calls import arguments_by_name

KEYS = (str, int, bool, float, bytes, type(None))
"""A key of another type may be equal to others in ways of its own."""
PLAIN = (str, bytes, complex)
"""Objects of these types hold no LazyResult that would have to be computed first."""


class StateMachineBuilder(CodeBuilder):
    """Makes the typed code of a state machine."""

    def __init__(self, machine: StateMachine, read: Read) -> None:
        super().__init__(read, StateTranslators())
        self.machine = machine
        self.operands = [self.assembler.name() for _ in range(machine.count)]
        self.space.parameters.extend(self.operands)

    def build_from(self, start: int, types: tuple[str, ...]) -> TypedCode:
        """Returns the code that begins with the state of number `start`.

        Raises:
            SourceError: the source of a function is not there.
            Refusal: it cannot be lowered.
        """
        first = self.state(start, types)
        assert first is not None
        return self.translate(first)

    def state(self, number: int, types: tuple[str, ...]) -> BodyPart | None:
        """Returns the part of a state for some types of all operands; None for one too many."""
        part = self.bodies.get((number, types))
        if part is None and len(self.bodies) < BODY_LIMIT:
            task = self.machine.states[number].operation
            source, resumption = self.read_task(task)
            part = BodyPart(task, types, source, resumption, len(self.bodies), parameters=self.operands, state=number)
            self.add(number, part)
        return part


class StateTranslators(TaskTranslators):
    """Translates the states of a state machine, and the helpers that they call."""

    def body(self, builder: CodeBuilder, part: BodyPart) -> None:
        assert isinstance(builder, StateMachineBuilder)
        StateTranslator(builder, part).translate()


class StateTranslator(BodyTranslator):
    """Translates the body of a state's task."""

    builder: StateMachineBuilder

    def translate(self) -> None:
        part, state = self.part, self.machine_state
        stored = self.stored()
        self.begin()
        part.kept = list(zip(part.parameters, part.types, strict=True))
        own = part.kept[state.offset : state.offset + state.width]
        bound = {}
        for name, (register, kind) in zip(self.parameters, own, strict=True):
            bound[name] = kind
            if kind == NONE:
                continue
            if name in stored:
                self.emit("MOVE", a=self.variable(name, kind), b=register)
            else:
                self.registers[name, kind] = register
        self.run(bound)

    @property
    def own_types(self) -> tuple[str, ...]:
        state = self.machine_state
        return self.part.types[state.offset : state.offset + state.width]

    @property
    def machine_state(self) -> State:
        return self.builder.machine.states[self.part.state]

    def tail(self, node: ast.Call) -> bool:
        """Translates `return Jump(...)`; returns False for other calls."""
        if self.meaning(node.func) is not Jump:
            return False
        given = arguments_by_name(node, ("target_key", "data"))
        if given is None or "target_key" not in given or self.machine_state.routes is None:
            return False
        self.choose(given["target_key"], given.get("data"), node)
        return True

    def choose(self, key: ast.expr, data: ast.expr | None, node: ast.Call) -> None:
        if isinstance(key, ast.IfExp):
            other = Label()
            if self.jump(key.test, other, False):
                self.or_exit(self.choose, key.body, data, node)
            if other.uses:
                self.put(other)
                self.or_exit(self.choose, key.orelse, data, node)
            return
        meant = key.value if isinstance(key, ast.Constant) else self.meaning(key)
        routes = dict(self.machine_state.routes or ())
        if type(meant) not in KEYS or meant not in routes:
            raise SideExit
        value = None if data is None else self.value(data)
        if value is not None and value.type == OBJECT and not (value.known is not UNKNOWN and type(value.known) in PLAIN):
            raise SideExit  # it may hold LazyResults
        target = routes[meant]
        if target is None:
            self.return_result(Value(NONE, known=None) if value is None else value)
        else:
            self.go_to(target, value, node)

    def go_to(self, number: int, value: Value | None, node: ast.Call) -> None:
        target = self.builder.machine.states[number]
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
                moves.append((self.builder.operands[target.offset], self.register(value)))
        part = self.builder.state(number, types)
        if part is None:
            raise self.refuse("CS120", node, "the types of the arguments change too often")
        self.move_all(moves)
        self.emit("STEP", f=part.label)
