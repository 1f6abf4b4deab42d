"""Bodies of tasks and helpers -> instructions."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Mapping

from cascade.kernels.assemble import Label
from cascade.kernels.builder import CodeBuilder, holds_no_results
from cascade.kernels.calls import call_value
from cascade.kernels.diagnostics import Refusal
from cascade.kernels.expressions import Expressions
from cascade.kernels.function_builder import FunctionBuilder
from cascade.kernels.identity import IdentityRefusal, check_identities
from cascade.kernels.model import INT, NONE, OBJECT, Exit
from cascade.kernels.parts import BodyPart, HelperPart, WrongAssumption
from cascade.kernels.program_points import END, LOOPS, Point, ProgramPoints
from cascade.kernels.source import FunctionSource
from cascade.kernels.statements import Statements
from cascade.kernels.tail_calls import TailCallReader
from cascade.kernels.values import NO_VALUE, UNKNOWN, SideExit, Value
from cascade.kernels.versions import named


def _check_identities(function: FunctionBuilder, types: Mapping[str, str]) -> None:
    check_identities(function.source, types, function.meaning)


class HelperTranslator:
    """Translates a helper. Where it makes a side exit, CPython runs the statement that called it."""

    def __init__(self, code: CodeBuilder, part: HelperPart, source: FunctionSource) -> None:
        self.part = part
        self.function = FunctionBuilder(code, source, part.space)
        self.expressions = Expressions(self.function, call_value)
        self.statements = Statements(self.function, self.expressions, ProgramPoints(source), self)

    def translate(self) -> None:
        function, part = self.function, self.part
        names = function.source.code.co_varnames[: len(part.types)]
        types = dict(zip(names, part.types, strict=True))
        _check_identities(function, types)
        for name, kind in types.items():
            register = function.registers[name, kind] = function.assembler.name()
            function.space.parameters.append(register)
        function.put(part.label)
        self.statements.run(types)
        part.result = part.result or INT  # it never returns

    def exit_at(self, point: Point) -> int:
        return 0

    def note_entry(self, point: Point, label: Label) -> None:
        pass  # the code is entered in bodies only

    def refused(self, node: ast.stmt, point: Point, refusal: Refusal) -> Point | None:
        try:
            raise refusal  # to the statement that calls it
        finally:
            del refusal  # which holds this frame, and with it those of all callers and their arguments

    def return_value(self, node: ast.expr | None) -> None:
        function, part = self.function, self.part
        value = NO_VALUE if node is None else self.expressions.value(node)
        at = node or function.source.tree
        if value.type == NONE:
            raise function.refuse("CS139", at, "a helper that returns None is not lowered")
        if part.result and part.result != value.type:
            if part.assumed:
                raise WrongAssumption(part)
            raise function.refuse("CS142", at, f"it returns {value.type} here and {part.result} elsewhere")
        part.result = value.type
        function.emit("HELPER_RETURN", a=function.register(value))

    def end(self) -> None:
        self.function.emit("EXIT")


class BodyTranslator(ABC):
    """Translates the body of a task's function."""

    def __init__(self, code: CodeBuilder, part: BodyPart) -> None:
        self.code = code
        self.part = part
        self.function = FunctionBuilder(code, part.source, code.space)
        self.expressions = Expressions(self.function, call_value)
        self.points = ProgramPoints(part.source)
        self.statements = Statements(self.function, self.expressions, self.points, self)
        original = part.source.code
        self.parameters = original.co_varnames[: original.co_argcount]
        statements = part.source.statements
        loops = [number for number, statement in enumerate(statements) if isinstance(statement, LOOPS)]
        self.body_starts = {self.points.body_of(loop).statement for loop in loops}
        self.last_loop = max(loops, default=-1)

    @abstractmethod
    def translate(self) -> None:
        """Translates the body."""

    @abstractmethod
    def tail_call(self, node: ast.Call) -> bool:
        """Translates `return node` where it is a tail call; returns False for other calls."""

    def begin(self, types: tuple[str, ...]) -> None:
        """Places the label of the body; `types` are those of the function's parameters."""
        try:
            _check_identities(self.function, dict(zip(self.parameters, types, strict=True)))
        except IdentityRefusal as refusal:
            self.code.diagnostics += refusal.diagnostics  # continues, to find the others
        self.function.put(self.part.label)
        self.function.exit = self.code.exit(Exit(self.part.number, 0, False, (), ()))  # here a body is entered

    # -- As a FunctionKind --------------------------------------------------------------------------------------------

    def exit_at(self, point: Point) -> int:
        if point == END:
            return self.code.exit(Exit(self.part.number, END.statement, False, (), ()))
        function = self.function
        names = tuple(
            (name, -1 if kind == NONE else function.variable(name, kind), kind)
            for name, kind in named(function.bound).items()
        )
        loops = self.points.loops_around(point.statement)
        if point.again:
            loops = [*loops, point.statement]
        statements = function.source.statements
        ranges = tuple(function.range_of(loop) for loop in loops if isinstance(statements[loop], ast.For))
        return self.code.exit(Exit(self.part.number, point.statement, point.again, names, ranges))

    def note_entry(self, point: Point, label: Label) -> None:
        if point.statement in self.body_starts and not point.again:
            label.uses += 1
            self.code.entries.append((label, self.exit_at(point)))

    def refused(self, node: ast.stmt, point: Point, refusal: Refusal) -> Point | None:
        """Records the diagnostics, and continues to find more of them; after all loops, CPython runs the rest."""
        if self.follows_loops(point.statement) and not isinstance(refusal, IdentityRefusal):
            return None
        new = [each for each in refusal.diagnostics if each not in self.code.diagnostics]
        self.code.diagnostics += new
        if not new:
            return None
        assigned = {
            name.id for name in ast.walk(node) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
        }
        bound = {name: kind for name, kind in self.function.bound.items() if name not in assigned}
        self.function.bound = bound
        following = self.points.after(point.statement)
        if not isinstance(node, (ast.If, *LOOPS)):
            return following
        self.statements.versions.label(following, bound).uses += 1
        return self.points.start_of(node.body)

    def follows_loops(self, number: int) -> bool:
        """Returns whether all loops come before a statement: then CPython can run the rest."""
        return 0 <= self.last_loop < number and not self.points.loops_around(number)

    def return_value(self, node: ast.expr | None) -> None:
        if node is None:
            self.end()
        elif not isinstance(node, ast.Call) or not self.tail_call(node):
            self.return_result(self.expressions.value(node))

    def return_result(self, value: Value) -> None:
        kind = OBJECT if value.type == NONE else value.type
        self.function.emit(f"RETURN_{kind.upper()}", a=self.function.register(value))

    def end(self) -> None:
        self.return_result(NO_VALUE)


class TaskBodyTranslator(BodyTranslator):
    """Translates the body of a task that is called or tail-called."""

    def translate(self) -> None:
        part, function = self.part, self.function
        stored = part.source.stored
        self.begin(part.types)
        for name, kind, register in zip(self.parameters, part.types, part.parameters, strict=True):
            function.registers[name, kind] = register
            kept = self.copy_of(register) if name in stored and kind != NONE else register
            part.kept.append((kept, kind))
        self.statements.run(dict(zip(self.parameters, part.types, strict=True)))

    def copy_of(self, register: int) -> int:
        """Returns the name of a register that keeps the argument of a parameter."""
        copy = self.function.assembler.name()
        self.function.space.variables.append(copy)
        self.function.emit("MOVE", a=copy, b=register)
        return copy

    def tail_call(self, node: ast.Call) -> bool:
        found = TailCallReader(self.function, self.part).read(node)
        if found is None:
            return False
        task, arguments, deferred = found
        values = [self.expressions.argument(item, node) for item in arguments.values()]
        to_itself = task is self.part.task and not deferred
        stay = [register for register, _ in self.part.kept] if to_itself else [-1] * len(values)
        for value, register in zip(values, stay, strict=True):
            self.hand_on(value, register)
        part = self.code.body(task, tuple(value.type for value in values))
        if part is None:
            raise self.function.refuse("CS120", node, "the types of the arguments change too often")
        self.move_arguments(part, values)
        if deferred:
            self.code.deferring = True
            self.function.emit("DEFER", e=self.code.bodies[task, part.types].number, target=part.label)
        else:
            self.function.emit("STEP", target=part.label)
        return True

    def move_arguments(self, part: BodyPart, values: list[Value]) -> None:
        function = self.function
        pairs = zip(part.parameters, values, strict=True)
        function.move_all([(to, function.register(value)) for to, value in pairs if value.type != NONE])

    def hand_on(self, value: Value, stays_in: int) -> None:
        """Checks an argument of a tail call, which must hold no LazyResult, unless it is the parameter's own."""
        if value.type != OBJECT or value.register == stays_in >= 0:
            return
        if value.known is UNKNOWN:
            self.code.hands_on = True
        elif not holds_no_results(value.known):
            raise SideExit


class TaskTranslators:
    """Translates the functions of a task's code."""

    def body(self, code: CodeBuilder, part: BodyPart) -> None:
        TaskBodyTranslator(code, part).translate()

    def helper(self, code: CodeBuilder, part: HelperPart, source: FunctionSource) -> None:
        HelperTranslator(code, part, source).translate()
