"""Bodies of tasks and helpers -> instructions."""

from __future__ import annotations

import ast

from cascade.kernels.assemble import Label
from cascade.kernels.builder import CodeBuilder, holds_no_results
from cascade.kernels.diagnostics import Refusal
from cascade.kernels.expressions import UNKNOWN, SideExit, Value
from cascade.kernels.identity import IdentityRefusal
from cascade.kernels.model import INT, NONE, OBJECT, Exit
from cascade.kernels.parts import BodyPart, HelperPart, WrongAssumption
from cascade.kernels.program_points import LOOPS, Point
from cascade.kernels.source import FunctionSource
from cascade.kernels.statements import StatementTranslator
from cascade.kernels.tail_calls import TailCallReader


class HelperTranslator(StatementTranslator):
    """Translates a helper. Where it makes a side exit, CPython runs the statement that called it."""

    def __init__(self, builder: CodeBuilder, part: HelperPart, source: FunctionSource) -> None:
        super().__init__(builder, source, part.space, -1)
        self.part = part

    def translate(self) -> None:
        names = self.source.code.co_varnames[: len(self.part.types)]
        self.check_identities(self.part.types)
        for name, kind in zip(names, self.part.types, strict=True):
            register = self.registers[name, kind] = self.assembler.name()
            self.space.parameters.append(register)
        self.put(self.part.label)
        self.run(dict(zip(names, self.part.types, strict=True)))
        self.part.result = self.part.result or INT  # it never returns

    def exit_at(self, point: Point) -> int:
        return 0

    def after_loops(self, number: int) -> bool:
        return False

    def refused(self, node: ast.stmt, point: Point, refusal: Refusal) -> Point | None:
        raise refusal  # to the statement that calls it

    def return_value(self, node: ast.expr | None) -> None:
        value = Value(NONE, known=None) if node is None else self.value(node)
        part = self.part
        if value.type == NONE:
            raise self.refuse("CS139", node or self.source.tree, "a helper that returns None is not lowered")
        if part.result and part.result != value.type:
            if part.assumed:
                raise WrongAssumption(part)
            hint = f"it returns {value.type} here and {part.result} elsewhere"
            raise self.refuse("CS142", node or self.source.tree, hint)
        part.result = value.type
        self.emit("HELPER_RETURN", a=self.register(value))

    def end(self) -> None:
        self.emit("EXIT")


class BodyTranslator(StatementTranslator):
    """Translates the body of a task."""

    def __init__(self, builder: CodeBuilder, part: BodyPart) -> None:
        super().__init__(builder, part.source, builder.space, part.number)
        self.part = part
        code = self.source.code
        self.parameters = code.co_varnames[: code.co_argcount]
        loops = [number for number, statement in enumerate(self.source.statements) if isinstance(statement, LOOPS)]
        self.body_starts = {self.points.body_of(loop).statement for loop in loops}

    def translate(self) -> None:
        part = self.part
        stored = self.stored()
        self.begin()
        for name, kind, register in zip(self.parameters, part.types, part.parameters, strict=True):
            self.registers[name, kind] = register
            if name in stored and kind != NONE:
                # The value that it came with, for tail calls that do not name it.
                copy = self.assembler.name()
                self.space.variables.append(copy)
                self.emit("MOVE", a=copy, b=register)
                register = copy
            part.kept.append((register, kind))
        self.run(dict(zip(self.parameters, part.types, strict=True)))

    def begin(self) -> None:
        try:
            self.check_identities(self.own_types)
        except IdentityRefusal as refusal:
            self.builder.diagnostics += refusal.diagnostics  # continues, to find the others
        self.put(self.part.label)
        self.exit = self.builder.exit(Exit(self.part.number, 0, False, (), ()))  # here a body is entered

    @property
    def own_types(self) -> tuple[str, ...]:
        """The types of the function's parameters."""
        return self.part.types

    def stored(self) -> set[str]:
        """Returns the names that the function assigns."""
        names = (node for node in ast.walk(self.source.tree) if isinstance(node, ast.Name))
        return {node.id for node in names if isinstance(node.ctx, ast.Store)}

    def note_entry(self, point: Point, label: Label) -> None:
        if point.statement in self.body_starts and not point.again:
            label.uses += 1
            self.builder.entries.append((label, self.exit_at(point)))

    def end(self) -> None:
        self.emit("RETURN_OBJECT", a=self.register(Value(NONE, known=None)))

    def return_value(self, node: ast.expr | None) -> None:
        if node is None:
            self.end()
            return
        if isinstance(node, ast.Call) and self.tail(node):
            return
        self.return_result(self.value(node))

    def return_result(self, value: Value) -> None:
        kind = {NONE: OBJECT}.get(value.type, value.type)
        self.emit(f"RETURN_{kind.upper()}", a=self.register(value))

    # -- Tail calls -----------------------------------------------------------------------------------------------------

    def tail(self, node: ast.Call) -> bool:
        """Translates `return node` where it is a tail call; returns False for other calls."""
        found = TailCallReader(self, self.part).read(node)
        if found is None:
            return False
        task, arguments, deferred = found
        values = [
            item if isinstance(item, Value) else self.value(item) if isinstance(item, ast.expr) else self.known(item[0], node)
            for item in arguments.values()
        ]
        stay = [register for register, _ in self.part.kept] if task is self.part.task and not deferred else [-1] * len(values)
        for value, register in zip(values, stay, strict=True):
            self.hand_on(value, register)
        part = self.builder.body(task, tuple(value.type for value in values))
        if part is None:
            raise self.refuse("CS120", node, "the types of the arguments change too often")
        self.move_all(
            [(to, self.register(value)) for to, value in zip(part.parameters, values, strict=True) if value.type != NONE]
        )
        if deferred:
            self.builder.deferring = True
            self.emit("DEFER", e=self.builder.bodies[task, part.types].number, f=part.label)
        else:
            self.emit("STEP", f=part.label)
        return True

    def hand_on(self, value: Value, stays_in: int) -> None:
        """Notes an argument of a tail call: the VM would look for LazyResults in it, unless the parameter has it already."""
        if value.type != OBJECT or value.register == stays_in >= 0:
            return
        if value.known is UNKNOWN:
            self.builder.hands_on = True
        elif not holds_no_results(value.known):
            raise SideExit


class TaskTranslators:
    """Translates the functions of a task's code."""

    def body(self, builder: CodeBuilder, part: BodyPart) -> None:
        BodyTranslator(builder, part).translate()

    def helper(self, builder: CodeBuilder, part: HelperPart, source: FunctionSource) -> None:
        HelperTranslator(builder, part, source).translate()
