"""A function's syntax tree -> typed code, for given argument types.

    def f(n, total):                  0  JUMP_LESS_EQUAL_VALUE  r0, 0, to 4      statement 0
        while n > 0:                  1  ADD_INT                r1 = r1 + r0     statement 1
            total += n                2  ADD_INT_VALUE          r0 = r0 + -1     statement 2
            n -= 1                    3  BACK                   to 0             statement 0
        return total                  4  RETURN_INT             r1               statement 3

Each variable has a register and one type. A statement computes into temporary registers and writes its variables last,
so at the start of any statement the registers are the locals, and an instruction that cannot do exactly what Python does
leaves there. A `return` of what has no typed form (a string to be made, a call) is such a leaving, too.
"""

from __future__ import annotations

import ast
import builtins
import struct
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, NamedTuple

from cascade._vm import TailCall
from cascade.compiler.lower.resume import Resumption
from cascade.compiler.lower.source import FunctionSource
from cascade.compiler.lower.typed import Exit, Guard, TypedCode
from cascade.opcodes import FLOAT, INT, TYPED_INSTRUCTIONS, TYPED_OPCODES

WRITES = [row.a.role == "writes" for row in TYPED_INSTRUCTIONS]
BOOL = "bool"
SMALL = range(-(2**31), 2**31)
WIDE = range(-(2**63), 2**63)
MISSING = object()

ARITHMETIC = {
    ast.Add: "ADD", ast.Sub: "SUB", ast.Mult: "MUL", ast.FloorDiv: "FLOORDIV", ast.Mod: "MOD",
}  # fmt: skip
BITS = {ast.BitAnd: "AND", ast.BitOr: "OR", ast.BitXor: "XOR", ast.LShift: "LSHIFT", ast.RShift: "RSHIFT"}
# A comparison as (name, whether the operands change places), and its opposite for integers.
COMPARISONS: dict[type[ast.cmpop], tuple[str, bool]] = {
    ast.Lt: ("LESS", False), ast.LtE: ("LESS_EQUAL", False), ast.Gt: ("LESS", True), ast.GtE: ("LESS_EQUAL", True),
    ast.Eq: ("EQUAL", False), ast.NotEq: ("NOT_EQUAL", False),
}  # fmt: skip
OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
}  # fmt: skip
WITH_VALUE = {
    ast.Lt: "LESS", ast.LtE: "LESS_EQUAL", ast.Gt: "MORE", ast.GtE: "MORE_EQUAL", ast.Eq: "EQUAL", ast.NotEq: "NOT_EQUAL",
}  # fmt: skip


@dataclass(frozen=True)
class Reason:
    """Why a function was not lowered. `code` is stable; `construct` is in the user's own words."""

    code: str
    line: int
    column: int
    construct: str
    hint: str

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.code} {self.construct}: {self.hint}"


class Refusal(Exception):
    """The function cannot be lowered."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(str(reason))
        self.reason = reason


class Value(NamedTuple):
    """Where the value of an expression is: in a register, or (for an integer or float) known."""

    type: str
    register: int = -1
    known: Any = None


class Loop(NamedTuple):
    again: Label
    done: Label


class Label:
    """A place in the code, filled in when it is reached."""

    def __init__(self) -> None:
        self.place = -1
        self.uses: list[int] = []


def translate(source: FunctionSource, types: tuple[str, ...], owner: Any, resumption: Resumption) -> TypedCode:
    """Makes the typed code of a function.

    Args:
        source: the function.
        types: of its parameters.
        owner: the task; returning a call of it is a tail call.

    Raises:
        Refusal: with the reason.
    """
    return _Translator(source, types, owner).translate(resumption)


class _Translator:
    def __init__(self, source: FunctionSource, types: tuple[str, ...], owner: Any) -> None:
        self.source = source
        self.owner = owner
        self.parameters = source.function.__code__.co_varnames[: source.function.__code__.co_argcount]
        self.types: dict[str, str] = dict(zip(self.parameters, types, strict=True))
        self.registers = {name: number for number, name in enumerate(self.parameters)}
        self.parameter_types = types
        self.used = len(types)
        self.most = len(types)
        self.words: array[int] = array("i")
        self.statements: list[int] = []
        self.constants: list[Any] = []
        self.guards: dict[str, Guard] = {}
        self.exits: list[Exit] = [Exit((), ())] * len(source.statements)
        self.number = 0
        self.numbers = {id(statement): number for number, statement in enumerate(source.statements)}
        self.loops: list[Loop] = []
        self.ranges: list[int] = []
        self.joined: set[int] = set()
        self.bound: frozenset[str] = frozenset()
        self.stored = {
            node.id for node in ast.walk(source.tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }

    def translate(self, resumption: Resumption) -> TypedCode:
        self.check_signature()
        kept = [self.keep(name) for name in self.parameters]
        end = self.block(self.source.tree.body, frozenset(self.parameters))
        if end is not None:
            self.emit("RETURN_OBJECT", self.constant(None))
        return TypedCode(
            name=self.source.tree.name,
            words=self.words.tobytes(),
            types=self.parameter_types,
            registers=max(self.most, 1),
            kept=tuple(kept),
            constants=tuple(self.constants),
            statements=tuple(self.statements),
            exits=tuple(self.exits),
            guards=tuple(self.guards.values()),
            resumption=resumption,
        )

    def check_signature(self) -> None:
        tree = self.source.tree
        code = self.source.function.__code__
        if tree.args.vararg or tree.args.kwarg or tree.args.kwonlyargs:
            raise self.refuse("CS101", tree, "only plain parameters can be lowered: no *args, **kwargs or keyword-only ones")
        if code.co_cellvars:
            raise self.refuse("CS102", tree, f"a function inside uses its variables {', '.join(code.co_cellvars)}")
        if code.co_flags & 0x2A0:  # a generator, a coroutine, an async generator
            raise self.refuse("CS103", tree, "generators and coroutine functions are not lowered")
        if any(name.startswith("__") and not name.endswith("__") for name in (*code.co_names, *code.co_varnames)):
            raise self.refuse("CS104", tree, "names with two leading underscores have another meaning in a class")

    def keep(self, name: str) -> int:
        """The register of the value that a parameter came with: a copy, where the body changes the parameter."""
        register = self.registers[name]
        if name in self.stored:
            copy = self.temporary()
            self.registers[f".{name}"] = copy
            self.emit("MOVE_FLOAT" if self.types[name] == FLOAT else "MOVE_INT", copy, register)
            return copy
        return register

    def refuse(self, code: str, node: ast.AST, hint: str) -> Refusal:
        construct = ast.unparse(node).split("\n")[0] if not isinstance(node, ast.FunctionDef) else f"def {node.name}(...)"
        return Refusal(Reason(code, getattr(node, "lineno", 0), getattr(node, "col_offset", 0), construct, hint))

    # -- Words ----------------------------------------------------------------------------------------------------

    def emit(self, name: str, a: int = 0, b: int = 0, c: int | Label = 0) -> None:
        if isinstance(c, Label):
            if c.place < 0:
                c.uses.append(len(self.statements))
            c = c.place
        self.words.extend((TYPED_OPCODES[name], a, b, c))
        self.statements.append(self.number)

    def place(self, label: Label) -> None:
        label.place = len(self.statements)
        for word in label.uses:
            self.words[4 * word + 3] = label.place

    def constant(self, value: Any) -> int:
        for number, known in enumerate(self.constants):
            if known is value:
                return number
        self.constants.append(value)
        return len(self.constants) - 1

    def temporary(self) -> int:
        self.used += 1
        self.most = max(self.most, self.used)
        return self.used - 1

    def register(self, value: Value) -> int:
        """The register of a value; one that is known is loaded."""
        if value.register >= 0:
            return value.register
        register = self.temporary()
        if value.type == FLOAT:
            low, high = struct.unpack("=ii", struct.pack("=d", value.known))
            self.emit("LOAD_FLOAT", register, low, high)
        else:
            low, high = struct.unpack("=ii", struct.pack("=q", int(value.known)))
            self.emit("LOAD_INT", register, low, high)
        return register

    # -- Statements -------------------------------------------------------------------------------------------------
    #
    # Each takes the names that are bound before it, and returns those bound after it, or None where nothing follows.

    def block(self, statements: Sequence[ast.stmt], bound: frozenset[str]) -> frozenset[str] | None:
        after: frozenset[str] | None = bound
        for statement in statements:
            if after is None:
                # Never reached, but a place all the same that nobody leaves from.
                return None
            after = self.statement(statement, after)
        return after

    def statement(self, node: ast.stmt, bound: frozenset[str]) -> frozenset[str] | None:
        method: Callable[..., Any] | None = getattr(self, f"do_{type(node).__name__}", None)
        if method is None:
            raise self.refuse("CS110", node, f"statements of this kind ({type(node).__name__}) are not lowered")
        outer, kept = self.number, self.used
        self.number = self.numbers[id(node)]
        names = tuple((name, self.registers[name], self.types[name]) for name in self.registers if name in bound)
        self.exits[self.number] = Exit(names, tuple(self.ranges))
        self.bound = bound
        result: frozenset[str] | None = method(node, bound)
        self.number = outer
        self.used = max(kept, len(self.registers) and max(self.registers.values()) + 1)
        return result

    def do_Pass(self, node: ast.Pass, bound: frozenset[str]) -> frozenset[str]:
        return bound

    def do_Expr(self, node: ast.Expr, bound: frozenset[str]) -> frozenset[str]:
        if not isinstance(node.value, ast.Constant):
            raise self.refuse("CS111", node, "a call for its effect is not lowered")
        return bound

    def do_Assign(self, node: ast.Assign, bound: frozenset[str]) -> frozenset[str]:
        if len(node.targets) != 1:
            raise self.refuse("CS112", node, "write one assignment for each target")
        target = node.targets[0]
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            if len(target.elts) != len(node.value.elts):
                raise self.refuse("CS112", node, "both sides need the same number of items")
            values = [self.copied(self.value(item)) for item in node.value.elts]
            for item, value in zip(target.elts, values, strict=True):
                bound = self.store(item, value, bound)
            return bound
        return self.store(target, self.value(node.value), bound)

    def do_AnnAssign(self, node: ast.AnnAssign, bound: frozenset[str]) -> frozenset[str]:
        return bound if node.value is None else self.store(node.target, self.value(node.value), bound)

    def do_AugAssign(self, node: ast.AugAssign, bound: frozenset[str]) -> frozenset[str]:
        if not isinstance(node.target, ast.Name):
            raise self.refuse("CS113", node, "only variables can be assigned")
        left = ast.copy_location(ast.Name(node.target.id, ast.Load()), node.target)
        operation = ast.copy_location(ast.BinOp(left, node.op, node.value), node)
        return self.store(node.target, self.value(operation), bound)

    def store(self, target: ast.expr, value: Value, bound: frozenset[str]) -> frozenset[str]:
        if not isinstance(target, ast.Name):
            raise self.refuse("CS113", target, "only variables can be assigned")
        name = target.id
        if name not in self.source.function.__code__.co_varnames:
            raise self.refuse("CS113", target, "only local variables can be assigned")
        known = self.types.setdefault(name, value.type)
        if known != value.type:
            raise self.refuse(
                "CS120", target, f"{name!r} is of type {known} before and {value.type} here: start it as a {value.type}"
            )
        if name not in self.registers:
            self.registers[name] = self.temporary()
        self.move(self.registers[name], value)
        return bound | {name}

    def move(self, register: int, value: Value) -> None:
        # The last instruction of an expression writes the variable itself, where its result is a temporary.
        source = self.register(value)
        if source == register:
            return
        last = 4 * (len(self.statements) - 1)
        if (
            value.register >= 0
            and source >= len(self.parameters)
            and source not in self.registers.values()
            and last >= 0
            and self.words[last + 1] == source
            and WRITES[self.words[last]]
            and len(self.statements) not in self.joined
        ):
            self.words[last + 1] = register
            return
        self.emit("MOVE_FLOAT" if value.type == FLOAT else "MOVE_INT", register, source)

    def copied(self, value: Value) -> Value:
        """A value that later stores of the same statement cannot change."""
        if value.register < 0 or value.register not in self.registers.values():
            return value
        register = self.temporary()
        self.emit("MOVE_FLOAT" if value.type == FLOAT else "MOVE_INT", register, value.register)
        return Value(value.type, register)

    def do_If(self, node: ast.If, bound: frozenset[str]) -> frozenset[str] | None:
        otherwise, done = Label(), Label()
        self.jump(node.test, otherwise, False)
        first = self.block(node.body, bound)
        if node.orelse and first is not None:
            self.emit("JUMP", c=done)
        self.put(otherwise)
        second = self.block(node.orelse, bound)
        self.put(done)
        if first is None or second is None:
            return second if first is None else first
        return first & second

    def do_While(self, node: ast.While, bound: frozenset[str]) -> frozenset[str] | None:
        again, otherwise, done = Label(), Label(), Label()
        self.put(again)
        endless = isinstance(node.test, ast.Constant) and bool(node.test.value) is True
        if not endless:
            self.jump(node.test, otherwise, False)
        self.loops.append(Loop(again, done))
        if self.block(node.body, bound) is not None:
            self.number = self.numbers[id(node)]
            self.emit("BACK", c=again)
        self.loops.pop()
        self.number = self.numbers[id(node)]
        self.put(otherwise)
        end = None if endless else self.block(node.orelse, bound)
        self.put(done)
        # After a `break` only what was bound before the loop is sure.
        return bound if done.uses or end is not None else None

    def do_For(self, node: ast.For, bound: frozenset[str]) -> frozenset[str] | None:
        call = node.iter
        if not (isinstance(call, ast.Call) and self.named(call.func) is range and not call.keywords and 0 < len(call.args) < 4):
            raise self.refuse("CS114", node.iter, "only `for ... in range(...)` is lowered")
        if not isinstance(node.target, ast.Name):
            raise self.refuse("CS113", node.target, "only a variable can be the target of a loop")
        values = [self.integer(self.value(argument), argument) for argument in call.args]
        if len(values) == 1:
            values.insert(0, Value(INT, known=0))
        if len(values) == 2:
            values.append(Value(INT, known=1))
        known = self.types.setdefault(node.target.id, INT)
        if known != INT:
            raise self.refuse("CS120", node.target, f"{node.target.id!r} is a {known} before, and an int in the loop")
        registers = [self.register(value) for value in values]
        if node.target.id not in self.registers:
            self.registers[node.target.id] = self.temporary()
        # The range's own three registers stay in use for the whole loop.
        state = self.used
        self.used += 3
        self.most = max(self.most, self.used)
        for offset, register in enumerate(registers):
            self.emit("MOVE_INT", state + offset, register)
        self.emit("RANGE", state)
        again, otherwise, done = Label(), Label(), Label()
        self.put(again)
        self.emit("NEXT", self.registers[node.target.id], state, otherwise)
        self.loops.append(Loop(again, done))
        self.ranges.append(state)
        body = self.block(node.body, bound | {node.target.id})
        self.ranges.pop()
        self.loops.pop()
        self.number = self.numbers[id(node)]
        if body is not None:
            self.emit("BACK", c=again)
        self.put(otherwise)
        end = self.block(node.orelse, bound)
        self.put(done)
        return bound if done.uses or end is not None else None

    def do_Break(self, node: ast.Break, bound: frozenset[str]) -> None:
        self.emit("JUMP", c=self.loops[-1].done)

    def do_Continue(self, node: ast.Continue, bound: frozenset[str]) -> None:
        self.emit("BACK", c=self.loops[-1].again)

    def do_Assert(self, node: ast.Assert, bound: frozenset[str]) -> frozenset[str]:
        holds = Label()
        if node.msg is not None:
            self.check_bound(node.msg)
        self.jump(node.test, holds, True)
        self.emit("LEAVE")
        self.put(holds)
        return bound

    def do_Return(self, node: ast.Return, bound: frozenset[str]) -> None:
        if node.value is None:
            self.emit("RETURN_OBJECT", self.constant(None))
            return
        if isinstance(node.value, ast.Constant) and type(node.value.value) not in (int, float, bool):
            self.emit("RETURN_OBJECT", self.constant(self.own_constant(node.value.value)))
            return
        if self.tail(node.value):
            return
        words, statements = len(self.words), len(self.statements)
        try:
            value = self.value(node.value)
            register = self.register(value)
        except Refusal:
            # CPython returns it.
            del self.words[words:], self.statements[statements:]
            self.check_bound(node.value)
            self.emit("LEAVE")
            return
        self.emit({INT: "RETURN_INT", FLOAT: "RETURN_FLOAT", BOOL: "RETURN_BOOL"}[value.type], register)

    def check_bound(self, node: ast.expr) -> None:
        # What CPython goes on with is given the variables that are bound in any case, and no others.
        for name in ast.walk(node):
            if isinstance(name, ast.Name) and name.id in self.source.function.__code__.co_varnames:
                if name.id not in self.bound:
                    raise self.refuse("CS121", name, f"{name.id!r} may have no value here: give it one before the branch")

    def own_constant(self, value: Any) -> Any:
        # The very object that the function returns, where it has it among its constants.
        for constant in self.source.function.__code__.co_consts:
            if type(constant) is type(value) and constant == value:
                return constant
        return value

    # -- Tail calls ---------------------------------------------------------------------------------------------------

    def tail(self, node: ast.expr) -> bool:
        """Whether `return node` is a tail call of the task itself, which is then translated."""
        if not isinstance(node, ast.Call):
            return False
        arguments = self.tail_arguments(node)
        if arguments is None:
            return False
        words, statements = len(self.words), len(self.statements)
        try:
            values = {name: self.copied(self.value(argument)) for name, argument in arguments}
        except Refusal:
            del self.words[words:], self.statements[statements:]
            return False
        if len(values) < len(arguments) or any(self.types[name] != value.type for name, value in values.items()):
            del self.words[words:], self.statements[statements:]
            return False
        # A parameter that is not named keeps the value that it came with, which the body may have changed since.
        if any(name in self.stored for name in self.parameters if name not in values):
            del self.words[words:], self.statements[statements:]
            return False
        for name, value in values.items():
            self.move(self.registers[name], value)
        self.emit("TAIL")
        return True

    def tail_arguments(self, node: ast.Call) -> list[tuple[str, ast.expr]] | None:
        """The arguments of a tail call of the task itself, by parameter; None for anything else."""
        called = self.named(node.func)
        positional: Sequence[ast.expr] = node.args
        keywords: list[tuple[str | None, ast.expr]] = [(keyword.arg, keyword.value) for keyword in node.keywords]
        if called is TailCall:
            given = dict(zip(("args", "kwargs", "target"), positional))
            if any(name not in ("args", "kwargs") or name in given for name, _ in keywords) or len(positional) > 2:
                return None
            given |= {str(name): value for name, value in keywords}
            args, kwargs = given.get("args", ast.Tuple([], ast.Load())), given.get("kwargs", ast.Dict([], []))
            if not isinstance(args, ast.Tuple) or not isinstance(kwargs, ast.Dict):
                return None
            positional = args.elts
            keywords = [
                (key.value if isinstance(key, ast.Constant) and type(key.value) is str else None, value)
                for key, value in zip(kwargs.keys, kwargs.values, strict=True)
            ]
        elif not (isinstance(node.func, ast.Attribute) and node.func.attr == "tail" and self.named(node.func.value) is self.owner):
            return None
        code = self.source.function.__code__
        by_name = self.parameters[code.co_posonlyargcount :]
        if len(positional) > len(self.parameters) or any(isinstance(item, ast.Starred) for item in positional):
            return None
        result = list(zip(self.parameters, positional))
        for name, value in keywords:
            if name not in by_name or name in [known for known, _ in result]:
                return None
            result.append((name, value))
        if called is not TailCall:
            required = len(self.parameters) - len(self.source.function.__defaults__ or ())
            if any(name not in [known for known, _ in result] for name in self.parameters[:required]):
                return None
        return result

    # -- Names ----------------------------------------------------------------------------------------------------------

    def named(self, node: ast.expr) -> Any:
        """The object that a name or `module.name` means now, under a guard; MISSING for anything else."""
        function = self.source.function
        if isinstance(node, ast.Attribute):
            module = self.named(node.value)
            if not isinstance(module, ModuleType):
                return MISSING
            getattr(module, node.attr, None)  # a module may make the name when it is first asked for
            found = vars(module).get(node.attr, MISSING)
            return self.guarded(f"{id(module)}.{node.attr}", Guard(node.attr, vars(module), found), found)
        if not isinstance(node, ast.Name) or node.id in function.__code__.co_varnames:
            return MISSING
        if node.id in function.__code__.co_freevars:
            return MISSING
        if node.id in function.__globals__:
            found = function.__globals__[node.id]
            return self.guarded(node.id, Guard(node.id, function.__globals__, found), found)
        found = vars(builtins).get(node.id, MISSING)
        return self.guarded(node.id, Guard(node.id, vars(builtins), found, function.__globals__), found)

    def guarded(self, key: str, guard: Guard, found: Any) -> Any:
        if found is not MISSING:
            self.guards[key] = guard
        return found

    # -- Expressions ------------------------------------------------------------------------------------------------------

    def value(self, node: ast.expr) -> Value:
        method: Callable[..., Value] | None = getattr(self, f"value_{type(node).__name__}", None)
        if method is None:
            raise self.refuse("CS130", node, f"expressions of this kind ({type(node).__name__}) are not lowered")
        return method(node)

    def integer(self, value: Value, node: ast.expr) -> Value:
        if value.type == FLOAT:
            raise self.refuse("CS131", node, "an int is needed here, and this is a float")
        return value

    def value_Constant(self, node: ast.Constant) -> Value:
        value = self.number_known(node.value)
        if value is None:
            raise self.refuse("CS132", node, "only bools, floats and ints of 64 bits are lowered")
        return value

    def value_Name(self, node: ast.Name) -> Value:
        name = node.id
        if name in self.registers:
            if name not in self.bound:
                raise self.refuse("CS121", node, f"{name!r} may have no value here: give it one before the branch")
            return Value(self.types[name], self.registers[name])
        if name in self.source.function.__code__.co_varnames:
            raise self.refuse("CS121", node, f"{name!r} may have no value here: give it one before the loop")
        found = self.named(node)
        return self.known(found, node)

    def value_Attribute(self, node: ast.Attribute) -> Value:
        return self.known(self.named(node), node)

    def known(self, found: Any, node: ast.expr) -> Value:
        value = self.number_known(found)
        if value is None:
            raise self.refuse("CS133", node, "only names of numbers are lowered")
        return value

    def number_known(self, found: Any) -> Value | None:
        """The value of a number that a register can hold; None for anything else."""
        if type(found) is float:
            return Value(FLOAT, known=found)
        if type(found) is bool:
            return Value(BOOL, known=found)
        if type(found) is int and found in WIDE:
            return Value(INT, known=found)
        return None

    def value_UnaryOp(self, node: ast.UnaryOp) -> Value:
        if isinstance(node.op, ast.Not):
            return self.truth(node)
        value = self.value(node.operand)
        if isinstance(node.op, ast.UAdd):
            return Value(INT, value.register, value.known) if value.type == BOOL else value
        if isinstance(node.op, ast.Invert):
            if value.type != INT:
                raise self.refuse("CS131", node, "an int is needed here")
            return self.computed(INT, "INVERT_INT", value)
        if value.known is not None and (value.type == FLOAT or -value.known in WIDE):
            return Value(FLOAT if value.type == FLOAT else INT, known=-value.known)
        if value.type == FLOAT:
            return self.computed(FLOAT, "NEGATE_FLOAT", value)
        return self.computed(INT, "NEGATE_INT", value)

    def computed(self, kind: str, name: str, *operands: Value) -> Value:
        registers = [self.register(operand) for operand in operands]
        result = self.temporary()
        self.emit(name, result, *registers)
        return Value(kind, result)

    def value_BinOp(self, node: ast.BinOp) -> Value:
        left, right = self.value(node.left), self.value(node.right)
        floats = FLOAT in (left.type, right.type)
        operation = type(node.op)
        if operation in ARITHMETIC:
            if floats:
                return self.computed(FLOAT, f"{ARITHMETIC[operation]}_FLOAT", self.as_float(left), self.as_float(right))
            return self.integers(operation, left, right)
        if operation is ast.Div:
            if floats:
                return self.computed(FLOAT, "DIVIDE_FLOAT", self.as_float(left), self.as_float(right))
            return self.computed(FLOAT, "DIVIDE_INT", left, right)
        if operation in BITS:
            self.integer(left, node.left)
            self.integer(right, node.right)
            both_bools = left.type == right.type == BOOL and operation not in (ast.LShift, ast.RShift)
            return self.computed(BOOL if both_bools else INT, f"{BITS[operation]}_INT", left, right)
        raise self.refuse("CS134", node, "this operator is not lowered")

    def integers(self, operation: type[ast.operator], left: Value, right: Value) -> Value:
        name = ARITHMETIC[operation]
        value = right.known if right.known is not None else None
        if operation is ast.Sub and value is not None and -value in SMALL:
            name, value = "ADD", -value
        if operation in (ast.Add, ast.Mult) and value is None and left.known is not None:
            left, right = right, left
            value = right.known
        if value is not None and int(value) in SMALL and name != "SUB" and not (name in ("FLOORDIV", "MOD") and int(value) <= 0):
            source = self.register(left)
            result = self.temporary()
            self.emit(f"{name}_INT_VALUE", result, source, int(value))
            return Value(INT, result)
        return self.computed(INT, f"{name}_INT", left, right)

    def as_float(self, value: Value, *, exact: bool = False) -> Value:
        if value.type == FLOAT:
            return value
        if value.known is not None and abs(int(value.known)) <= 2**53:
            return Value(FLOAT, known=float(value.known))
        return self.computed(FLOAT, "TO_EXACT_FLOAT" if exact else "TO_FLOAT", value)

    def value_Compare(self, node: ast.Compare) -> Value:
        if len(node.ops) == 1 and type(node.ops[0]) in COMPARISONS:
            left, right, kind = self.comparable(self.value(node.left), self.value(node.comparators[0]))
            name, swapped = COMPARISONS[type(node.ops[0])]
            if swapped:
                left, right = right, left
            return self.computed(BOOL, f"{name}_{kind}", left, right)
        return self.truth(node)

    def comparable(self, left: Value, right: Value) -> tuple[Value, Value, str]:
        if FLOAT in (left.type, right.type):
            # Python compares an int with a float exactly, not through a rounded double.
            return self.as_float(left, exact=True), self.as_float(right, exact=True), "FLOAT"
        return left, right, "INT"

    def truth(self, node: ast.expr) -> Value:
        """A bool made by jumps."""
        result = self.temporary()
        false, done = Label(), Label()
        self.jump(node, false, False)
        self.emit("LOAD_INT", result, 1)
        self.emit("JUMP", c=done)
        self.put(false)
        self.emit("LOAD_INT", result, 0)
        self.put(done)
        return Value(BOOL, result)

    def value_BoolOp(self, node: ast.BoolOp) -> Value:
        done = Label()
        result = self.temporary()
        kind = ""
        for position, item in enumerate(node.values):
            value = self.value(item)
            if kind and value.type != kind:
                raise self.refuse("CS122", node, f"the sides are a {kind} and a {value.type}")
            kind = value.type
            register = self.register(value)
            self.emit("MOVE_FLOAT" if kind == FLOAT else "MOVE_INT", result, register)
            if position + 1 < len(node.values):
                self.jump_on_value(Value(kind, result), done, isinstance(node.op, ast.Or))
        self.put(done)
        return Value(kind, result)

    def value_IfExp(self, node: ast.IfExp) -> Value:
        otherwise, done = Label(), Label()
        result = self.temporary()
        self.jump(node.test, otherwise, False)
        first = self.value(node.body)
        register = self.register(first)
        self.emit("MOVE_FLOAT" if first.type == FLOAT else "MOVE_INT", result, register)
        self.emit("JUMP", c=done)
        self.put(otherwise)
        second = self.value(node.orelse)
        if second.type != first.type:
            raise self.refuse("CS122", node, f"the sides are a {first.type} and a {second.type}")
        register = self.register(second)
        self.emit("MOVE_FLOAT" if first.type == FLOAT else "MOVE_INT", result, register)
        self.put(done)
        return Value(first.type, result)

    # -- Jumps ------------------------------------------------------------------------------------------------------------

    def put(self, label: Label) -> None:
        self.place(label)
        self.joined.add(label.place)

    def jump(self, node: ast.expr, target: Label, sense: bool) -> None:
        """Goes to `target` if the truth of `node` is `sense`."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            self.jump(node.operand, target, not sense)
        elif isinstance(node, ast.BoolOp):
            stops = isinstance(node.op, ast.Or)  # the truth of a side that settles the whole
            past = Label()
            for item in node.values[:-1]:
                self.jump(item, target if stops is sense else past, stops)
            self.jump(node.values[-1], target, sense)
            self.put(past)
        elif isinstance(node, ast.Compare) and all(type(operator) in COMPARISONS for operator in node.ops):
            past = Label()
            left = self.value(node.left)
            for position, (operator, comparator) in enumerate(zip(node.ops, node.comparators, strict=True)):
                right = self.value(comparator)
                last = position + 1 == len(node.ops)
                if last:
                    self.jump_compared(operator, left, right, target, sense)
                else:
                    self.jump_compared(operator, left, right, past if sense else target, False)
                left = right
            self.put(past)
        else:
            self.jump_on_value(self.value(node), target, sense)

    def jump_on_value(self, value: Value, target: Label, sense: bool) -> None:
        register = self.register(value)
        if value.type == FLOAT:
            self.emit("JUMP_TRUE_FLOAT" if sense else "JUMP_FALSE_FLOAT", register, 0, target)
        else:
            self.emit("JUMP_NOT_EQUAL_VALUE" if sense else "JUMP_EQUAL_VALUE", register, 0, target)

    def jump_compared(self, operator: ast.cmpop, left: Value, right: Value, target: Label, sense: bool) -> None:
        left, right, kind = self.comparable(left, right)
        chosen = type(operator)
        if kind == "INT":
            if not sense:
                chosen = OPPOSITE[chosen]
            if right.known is not None and int(right.known) in SMALL:
                self.emit(f"JUMP_{WITH_VALUE[chosen]}_VALUE", self.register(left), int(right.known), target)
                return
            sense = True
        elif chosen in (ast.Eq, ast.NotEq) and not sense:
            chosen, sense = OPPOSITE[chosen], True
        name, swapped = COMPARISONS[chosen]
        a, b = self.register(left), self.register(right)
        if swapped:
            a, b = b, a
        self.emit(f"JUMP_{'' if sense else 'NOT_'}{name}_{kind}", a, b, target)


