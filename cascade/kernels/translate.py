"""A function's syntax tree -> typed code, for given argument types.

    def f(n, total):                  0  JUMP_LESS_EQUAL_INT         if n <= 0: go to 3      (0 stands in a register)
        while n > 0:                  1  ADD_INT                     total = total + n
            total += n                2  SUB_THEN_BACK_LESS_INT      n = n - 1; if 0 < n: back to 1
            n -= 1                    3  RETURN_INT                  total
        return total

A statement computes into temporary registers and writes its variables last, so at the start of any statement the registers
are the locals, and an instruction that cannot do exactly what Python does leaves there. A `raise`, or a `return` of what
has no typed form (a string to be made, a list), is such a leaving, too.

**Versions.** A place in the function is translated once for each combination of types that the variables have there
(basic block versioning; Chevalier-Boisvert and Feeley, ECOOP 2015). In

    best = None                       # best: None
    for i in range(n):                # best: None the first time, then int
        if best is None or ...:       # settled while translating where best is None
            best = i

there is a `for` for each. So variables may change their type, and "has no value" is a type among others. What a
version does at its end is to go to the version of the next place that fits: one that is there already by a jump.

A loop's test stands at its end as well: instead of a jump back to the test, the test is made again and goes back to
the body. A few simple statements before such a test are repeated rather than jumped to.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any, NamedTuple, cast

from cascade._vm import TailCall
from cascade.declare.lazy import LazyResult
from cascade.declare.task import Task
from cascade.graph.model import is_container
from cascade.kernels.assemble import ROWS, Assembler, Item, Label, Space, halves
from cascade.kernels.calls import Calls, bind_call
from cascade.kernels.continuation import Resumption
from cascade.kernels.diagnostics import Reason, Refusal, refuse
from cascade.kernels.expressions import UNKNOWN, Leaves, Value
from cascade.kernels.fuse import fuse
from cascade.kernels.identity import IdentityRefusal, check_identities
from cascade.kernels.model import BOOL, FLOAT, INT, NONE, OBJECT, Body, Exit, Helper, Question, TypedCode
from cascade.kernels.names import Names, has_plain_names
from cascade.kernels.program_points import END, LOOPS, Places, Point
from cascade.kernels.source import FunctionSource, SourceError, read_source

VERSION_LIMIT = 6  # of one place, before its variables are said to change type too often
SIZE_LIMIT = 4000  # instructions
REPEATED = 3  # simple statements before the end of a loop that are repeated rather than jumped to
HELPER_LIMIT = 32
BODY_LIMIT = 12  # tasks and types that tail calls go to
LOOKING = {"locals", "vars", "dir", "eval", "exec"}
CODE_FLAGS = 0x2A0  # a generator, a coroutine, an async generator
RANGE = range  # what it is now: builtins may be replaced
INNER = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.GeneratorExp)
SIMPLE = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Pass)


class Version(NamedTuple):
    """A place to be translated for the types that variables have there; both hash by value."""

    point: Point
    types: tuple[tuple[str, str], ...]


@dataclass(eq=False)
class BodyPart:
    """A task's body inside the code that is being made."""

    task: Task[..., Any]
    types: tuple[str, ...]
    source: FunctionSource
    resumption: Resumption
    number: int
    label: Label = field(default_factory=Label)
    parameters: list[int] = field(default_factory=list)
    kept: list[tuple[int, str]] = field(default_factory=list)
    state: int = -1


@dataclass(eq=False)
class HelperPart:
    """A helper function inside the code that is being made."""

    function: FunctionType
    types: tuple[str, ...]
    space: Space
    label: Label = field(default_factory=Label)
    result: str = ""
    assumed: bool = False


class _Assumption(Exception):
    """A recursive helper gives another type than was assumed."""

    def __init__(self, part: HelperPart) -> None:
        super().__init__()
        self.part = part


class CodeBuilder:
    """Makes the typed code of a task: its body, those of the tasks it goes on with, and the helpers.

    Args:
        read: gives the source and the resumption of a task's function; raises SourceError.
    """

    def __init__(self, read: Callable[[Task[..., Any]], tuple[FunctionSource, Resumption]]) -> None:
        self.read = read
        self.assembler = Assembler()
        self.names = Names()
        self.space = self.assembler.space()
        self.exits: dict[Exit, int] = {}
        self.bodies: dict[tuple[Any, tuple[str, ...]], BodyPart] = {}
        self.waiting: list[BodyPart] = []
        self.helpers: dict[tuple[Any, tuple[str, ...]], HelperPart] = {}
        self.pieces: list[list[Item | Label]] = []
        self.reasons: list[Reason] = []
        self.entries: list[tuple[Label, int]] = []
        self.deferring = False
        self.hands_on = False

    def build(self, task: Task[..., Any], types: tuple[str, ...]) -> TypedCode:
        first = self.body(task, types)
        assert first is not None
        return self.translate(first)

    def translate(self, first: BodyPart) -> TypedCode:
        """Translates a body, and those that it goes on with."""
        while self.waiting:
            self.translator(self.waiting.pop(0)).translate()
        if self.reasons:
            raise Refusal(*self.reasons)
        return self.finish(first)

    def translator(self, part: BodyPart) -> BodyTranslator:
        return BodyTranslator(self, part)

    def body(self, task: Task[..., Any], types: tuple[str, ...]) -> BodyPart | None:
        """The part of a task's body for some types, which is translated after what is at hand; None for one too many."""
        part = self.bodies.get((task, types))
        if part is None and len(self.bodies) < BODY_LIMIT:
            self.names.signature(task.func)
            source, resumption = self.read(task)
            check_signature(source)
            self.reasons += captured(source)
            part = BodyPart(task, types, source, resumption, len(self.bodies))
            part.parameters = [self.assembler.name() for _ in types]
            (self.space.variables if self.bodies else self.space.parameters).extend(part.parameters)
            self.bodies[task, types] = part
            self.waiting.append(part)
        return part

    def exit(self, way: Exit) -> int:
        return self.exits.setdefault(way, len(self.exits))

    # -- Helpers --------------------------------------------------------------------------------------------------------

    def helper(self, function: FunctionType, types: tuple[str, ...]) -> HelperPart:
        """The part of a helper function for some types of its arguments, translated when it is first called."""
        part = self.helpers.get((function, types))
        if part is not None:
            if not part.result:
                part.result, part.assumed = INT, True  # it calls itself before it has given anything
            return part
        name = function.__qualname__
        if len(self.helpers) >= HELPER_LIMIT:
            raise Refusal(Reason("CS141", 0, 0, name, "too many helper functions for one kernel"))
        self.names.signature(function)
        try:
            source = read_source(function)
        except SourceError as error:
            raise Refusal(Reason("CS100", 0, 0, name, str(error))) from None
        check_signature(source)
        if reasons := captured(source):
            raise Refusal(*reasons)
        for guess in ("", FLOAT, BOOL):
            part = HelperPart(function, types, self.assembler.space(), result=guess, assumed=bool(guess))
            if self.make_helper(part, source):
                return part
        raise refuse("CS142", source.tree, "it gives values of different types", source)

    def make_helper(self, part: HelperPart, source: FunctionSource) -> bool:
        """Translates a helper into a piece of code of its own; False where its result is not what was assumed."""
        assembler = self.assembler
        helpers, items, pieces = dict(self.helpers), assembler.items, list(self.pieces)
        assembler.items = []
        self.helpers[part.function, part.types] = part
        done = False
        try:
            HelperTranslator(self, part, source).translate()
            self.pieces.append(self.with_constants(part, source))
            done = True
        except _Assumption as error:
            if error.part is not part:
                raise
        finally:
            assembler.items = items
            if not done:
                self.helpers, self.pieces = helpers, pieces
        return done

    def with_constants(self, part: HelperPart, source: FunctionSource) -> list[Item | Label]:
        # The registers are new at each call, so a helper loads its constants itself.
        label, *items = self.assembler.items
        loads: list[Item | Label] = []
        for (kind, bits), name in part.space.constants.items():
            operands: dict[str, Any] = {"a": name}
            if kind == OBJECT:
                operands["e"] = bits
            else:
                operands["e"], operands["f"] = halves(bits if kind == FLOAT else _int_bits(bits))
            loads.append(Item(f"LOAD_{kind.upper()}", operands, 0, (source, source.tree.lineno), part.space))
        return [label, *loads, *items]

    # -- The end --------------------------------------------------------------------------------------------------------

    def finish(self, first: BodyPart) -> TypedCode:
        assembler = self.assembler
        for piece in self.pieces:
            assembler.items += piece
        for label in [*(body.label for body in self.bodies.values()), *(helper.label for helper in self.helpers.values())]:
            label.uses += 1  # an entry, also where nothing jumps to it
        turn_steps(assembler.items)
        assembler.items = fuse(assembler.items, assembler.temporaries)
        if len(assembler.items) > SIZE_LIMIT:
            raise refuse("CS143", first.source.tree, "the typed code would be too long", first.source)
        if self.hands_on and not all(isinstance(each, Question) or holds_no_results(each) for each in assembler.objects):
            raise refuse("CS123", first.source.tree, "it hands objects on, and names containers in which there may be LazyResults", first.source)
        assembler.assign()
        words, items = assembler.words()
        places = self.space.places
        return TypedCode(
            name=first.task.name,
            words=words,
            types=first.types,
            registers=max(self.space.total, 1),
            constants=tuple(
                (places[name], kind, assembler.constant_value(kind, bits))
                for (kind, bits), name in self.space.constants.items()
            ),
            objects=tuple(assembler.objects),
            exit_of=tuple(item.exit for item in items),
            exits=tuple(
                Exit(
                    way.body,
                    way.statement,
                    way.again,
                    tuple((name, -1 if kind == NONE else places[at], kind) for name, at, kind in way.names),
                    tuple(places[at] for at in way.ranges),
                )
                for way in self.exits
            ),
            bodies=tuple(
                Body(
                    part.task,
                    part.types,
                    tuple(places[at] for at in part.parameters),
                    tuple(-1 if kind == NONE else places[at] for at, kind in part.kept),
                    part.resumption,
                    part.label.index,
                    part.state,
                )
                for part in self.bodies.values()
            ),
            helpers=tuple(
                Helper(part.function.__name__, part.label.index, part.types, part.result, part.space.total)
                for part in self.helpers.values()
            ),
            entries=tuple((label.index, number) for label, number in self.entries),
            guards=tuple(self.names.guards.values()),
            deferring=self.deferring,
            hands_on=self.hands_on,
            loops=any(ROWS[item.name].takes_fuel for item in items),
            lines=tuple(item.line for item in items),
        )


def _int_bits(value: int) -> bytes:
    return value.to_bytes(8, "little", signed=True)


def check_signature(source: FunctionSource) -> None:
    """Refuses functions that cannot be lowered whatever their statements are."""
    tree = source.tree
    code = source.code

    def no(reason: str, hint: str) -> Refusal:
        return refuse(reason, tree, hint, source)

    if tree.args.vararg or tree.args.kwarg or tree.args.kwonlyargs:
        raise no("CS101", "only plain parameters can be lowered: no *args, **kwargs or keyword-only ones")
    if code.co_flags & CODE_FLAGS:
        raise no("CS103", "generators and coroutine functions are not lowered")
    if any(name.startswith("__") and not name.endswith("__") for name in (*code.co_names, *code.co_varnames)):
        raise no("CS104", "names with two leading underscores have another meaning in a class")
    if not has_plain_names(source.function):
        raise no("CS106", "its globals are no plain dict, or its builtins are not those of its module")
    asked = LOOKING.intersection(code.co_names)
    if "__class__" in code.co_freevars:
        asked |= {"super"}
    if asked:
        raise no("CS105", f"it looks at its own variables by {', '.join(sorted(asked))}(), and typed code has others")


def captured(source: FunctionSource) -> list[Reason]:
    """The reason for a function inside that uses the variables; translation can go on past it to find others.

    A comprehension is no such function, although CPython 3.11 makes one of it: nothing of it outlives its expression.
    """
    inside = (node for node in ast.walk(source.tree) if isinstance(node, INNER) and node is not source.tree)
    used = {name.id for node in inside for name in ast.walk(node) if isinstance(name, ast.Name)}
    names = [name for name in source.code.co_cellvars if name in used]
    return [*refuse("CS102", source.tree, f"a function inside uses its variables {', '.join(names)}", source).reasons] if names else []


def turn_steps(items: list[Item | Label]) -> None:
    """Where a tail call's body begins with a test, the test is made at the tail call and goes on where the loop goes on."""
    places = {item: number for number, item in enumerate(items) if type(item) is Label}
    made: dict[Label, Label] = {}
    number = 0
    while number < len(items):
        item = items[number]
        number += 1
        if type(item) is not Item or item.name != "STEP":
            continue
        at = places[item.operands["f"]] + 1
        while type(items[at]) is Label:
            at += 1
        test = items[at]
        assert type(test) is Item
        if test.name not in TURNED:
            continue
        taken: Label = test.operands["f"]
        past = made.get(taken)
        if past is None:
            past = made[taken] = Label()
            past.placed = True
            items.insert(at + 1, past)
            places = {item: number for number, item in enumerate(items) if type(item) is Label}
            number += at + 1 <= number
        # The branch that ends the loop is the one that comes to a return first.
        ends = next(ROWS[other.name] for other in items[at + 1 :] if type(other) is Item and ROWS[other.name].ends)
        name, swapped = TURNED[test.name]
        a, b = test.operands["a"], test.operands["b"]
        goes_on, ends_at = taken, past
        if not ends.returns:
            goes_on, ends_at = past, taken
            name, swapped = OPPOSITE_STEP[test.name]
        if swapped:
            a, b = b, a
        items[number - 1] = Item(name, {"a": a, "b": b, "f": goes_on}, item.exit, item.line, item.space)
        items.insert(number, Item("BACK", {"f": ends_at}, item.exit, item.line, item.space))
        goes_on.uses += 1
        ends_at.uses += 1
        places = {item: number for number, item in enumerate(items) if type(item) is Label}


TURNED = {f"JUMP_{name}_INT": (f"STEP_{name}_INT", False) for name in ("LESS", "LESS_EQUAL", "EQUAL", "NOT_EQUAL")}
OPPOSITE_STEP = {
    "JUMP_LESS_INT": ("STEP_LESS_EQUAL_INT", True), "JUMP_LESS_EQUAL_INT": ("STEP_LESS_INT", True),
    "JUMP_EQUAL_INT": ("STEP_NOT_EQUAL_INT", False), "JUMP_NOT_EQUAL_INT": ("STEP_EQUAL_INT", False),
}  # fmt: skip


class FunctionTranslator(Calls):
    """Translates the statements of one function, place by place.

    Each `do_` method translates a statement, with `bound` as it is there, and gives the place that follows it; None
    where nothing does.
    """

    def __init__(self, builder: CodeBuilder, source: FunctionSource, space: Space, body: int) -> None:
        super().__init__(source, builder.assembler, builder.names, space)
        self.builder = builder
        self.body_number = body
        self.labels: dict[Version, Label] = {}
        self.pending: list[Version] = []
        self.versions: dict[Point, list[Version]] = {}
        self.states: dict[int, int] = {}
        self.places = Places(source)
        self.numbers = self.places.numbers
        loops = [number for number, statement in enumerate(source.statements) if isinstance(statement, LOOPS)]
        self.first_loop, self.last_loop = (loops[0], loops[-1]) if loops else (-1, -1)

    def helper(self, function: FunctionType, types: tuple[str, ...], node: ast.expr) -> HelperPart:
        return self.builder.helper(function, types)

    def check_identities(self, types: tuple[str, ...]) -> None:
        names = self.source.code.co_varnames[: len(types)]
        check_identities(self.source, dict(zip(names, types, strict=True)), self.meaning)

    # -- Places ---------------------------------------------------------------------------------------------------------

    def label(self, point: Point, bound: dict[str, str]) -> Label:
        """The label of a place for some types of the variables; what is new will be translated if something goes there."""
        version = Version(point, tuple(sorted(bound.items())))
        label = self.labels.get(version)
        if label is None:
            label = self.labels[version] = Label()
        if not label.placed:
            self.pending.append(version)
        return label

    def run(self, entry: dict[str, str]) -> None:
        """Translates everything that is reached from the first statement."""
        self.follow(Version(Point(0), tuple(sorted(entry.items()))))
        while self.pending:
            version = self.pending.pop()
            label = self.labels[version]
            if label.uses and not label.placed:
                self.follow(version)

    def follow(self, version: Version) -> None:
        point: Point | None = version.point
        bound = dict(version.types)
        arriving = True
        while point is not None:
            if not arriving and (point.again or isinstance(self.places.node(point), ast.While)):
                pass  # the end of a loop's body: the test is made here
            else:
                label = self.label(point, bound)
                if not label.placed:
                    self.check_versions(Version(point, tuple(sorted(bound.items()))))
                    self.put(label)
                    self.bound = bound
                    self.note_entry(point, label)
                elif not self.worth_repeating(point):
                    self.emit_jump("JUMP", label)
                    return
            arriving = False
            self.bound = bound
            if point == END:
                self.exit = self.builder.exit(Exit(max(self.body_number, 0), END.statement, False, (), ()))
                self.end()
                return
            point = self.statement(point)
            bound = self.bound

    def note_entry(self, point: Point, label: Label) -> None:
        """The label is a place where a loop's iteration may begin."""

    def worth_repeating(self, point: Point) -> bool:
        for _ in range(REPEATED):
            node = self.places.node(point)
            if not isinstance(node, SIMPLE):
                return False
            point = self.places.after(point.statement)
            if point.again or isinstance(self.places.node(point), ast.While):
                return self.loop_around_point(point)
        return False

    def loop_around_point(self, point: Point) -> bool:
        # The end of a loop's body, not the start of a loop that follows.
        body = self.places.node(point)
        return point.again or any(
            version.point == self.places.start_of(body.body) and label.placed  # type: ignore[union-attr]
            for version, label in self.labels.items()
        )

    def check_versions(self, version: Version) -> None:
        known = self.versions.setdefault(version.point, [])
        known.append(version)
        if len(known) <= VERSION_LIMIT:
            return
        node = self.places.node(version.point) or self.source.tree
        types: dict[str, list[str]] = {}
        for other in known:
            for name, kind in other.types:
                if kind not in types.setdefault(name, []):
                    types[name].append(kind)
        name = max(types, key=lambda name: len(types[name]))
        kinds = " or ".join(types[name])
        raise self.refuse("CS120", node, f"the types of the variables change too often: {name!r} is {kinds} here")

    # -- Statements -----------------------------------------------------------------------------------------------------

    def statement(self, point: Point) -> Point | None:
        node = self.source.statements[point.statement]
        self.line = (self.source, node.lineno)
        self.exit = self.way_out(point)
        items = len(self.assembler.items)
        try:
            if point.again:
                assert isinstance(node, ast.For)
                return self.next_of(node, point.statement)
            method: Callable[[Any], Point | None] | None = getattr(self, f"do_{type(node).__name__}", None)
            if method is None:
                raise self.refuse("CS110", node, f"statements of this kind ({type(node).__name__}) are not lowered")
            return method(node)
        except Leaves:
            self.leave(items)
        except Refusal as refusal:
            del self.assembler.items[items:]
            self.emit("EXIT")
            if isinstance(refusal, IdentityRefusal) or not self.after_loops(point.statement):
                return self.refused(node, point, refusal)
        return None

    def leave(self, first: int) -> None:
        """CPython goes on; also where the instructions from the first one on go to a place that is now not reached."""
        places = {*self.labels.values(), *(part.label for part in self.builder.bodies.values())}
        for item in self.assembler.items[first:]:
            if isinstance(item, Item) and item.name != "CALL":
                label = item.operands.get("f")
                if isinstance(label, Label) and not label.placed and label not in places:
                    self.put(label)
        self.emit("EXIT")

    def refused(self, node: ast.stmt, point: Point, refusal: Refusal) -> Point | None:
        """Notes the reasons, and goes on to find more of them."""
        new = [reason for reason in refusal.reasons if reason not in self.builder.reasons]
        self.builder.reasons += new
        if not new:
            return None
        assigned = {name.id for name in ast.walk(node) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)}
        self.bound = {name: kind for name, kind in self.bound.items() if name not in assigned}
        following = self.places.after(point.statement)
        if not isinstance(node, (ast.If, *LOOPS)):
            return following
        self.label(following, self.bound).uses += 1
        return self.places.start_of(node.body)

    def after_loops(self, number: int) -> bool:
        """Whether all loops come before a statement: then CPython can do what is left."""
        return 0 <= self.last_loop < number and not self.places.loops_around(number)

    def way_out(self, point: Point) -> int:
        names = tuple((name, -1 if kind == NONE else self.variable(name, kind), kind) for name, kind in self.bound.items())
        loops = self.places.loops_around(point.statement)
        if point.again:
            loops = [*loops, point.statement]
        ranges = tuple(self.state_of(loop) for loop in loops if isinstance(self.source.statements[loop], ast.For))
        return self.builder.exit(Exit(self.body_number, point.statement, point.again, names, ranges))

    def number_of(self, node: ast.stmt) -> int:
        return self.numbers[id(node)]

    def do_Pass(self, node: ast.Pass) -> Point:
        return self.places.after(self.number_of(node))

    def do_Expr(self, node: ast.Expr) -> Point:
        if not isinstance(node.value, ast.Constant):
            raise self.refuse("CS111", node, "a call for its effect is not lowered")
        return self.places.after(self.number_of(node))

    def do_Assign(self, node: ast.Assign) -> Point:
        if len(node.targets) == 1 and isinstance(node.targets[0], ast.Tuple):
            targets = node.targets[0].elts
            values = self.several(node.value, len(targets), node)
        else:
            targets = node.targets
            values = [self.value(node.value)] * len(targets)
        self.store([(self.target(item), value) for item, value in zip(targets, values, strict=True)])
        return self.places.after(self.number_of(node))

    def several(self, node: ast.expr, count: int, statement: ast.stmt) -> list[Value]:
        """The values that a tuple on the left is given."""
        if isinstance(node, (ast.Tuple, ast.List)) and len(node.elts) == count:
            return [self.value(item) for item in node.elts]
        values = self.two_values(node) if count == 2 and isinstance(node, ast.Call) else None
        if values is not None:
            return values
        raise self.refuse("CS112", statement, "the right side has to show as many values as there are variables")

    def target(self, node: ast.expr) -> str:
        if not isinstance(node, ast.Name) or node.id not in self.source.locals:
            raise self.refuse("CS113", node, "only local variables can be assigned")
        return node.id

    def store(self, pairs: Sequence[tuple[str, Value]]) -> None:
        """Gives variables their values, all at once."""
        bound = dict(self.bound)
        moves = []
        for name, value in pairs:
            bound[name] = value.type
            if value.type != NONE:
                moves.append((self.variable(name, value.type), self.register(value)))
        self.move_all(moves)
        self.bound = bound

    def move_all(self, moves: Sequence[tuple[int, int]]) -> None:
        """Moves that happen at once, one after the other."""
        waiting = dict(moves)  # of several to one register, the last one counts
        waiting = {to: source for to, source in waiting.items() if to != source}
        while waiting:
            sources = set(waiting.values())
            to = next((to for to in reversed(waiting) if to not in sources), None)
            if to is not None:
                self.emit("MOVE", a=to, b=waiting.pop(to))
                continue
            to, source = next(iter(waiting.items()))
            if waiting[source] == to:
                self.emit("MOVE2", a=to, b=source, c=source, d=to)
                del waiting[to], waiting[source]
                continue
            spare = self.assembler.temporary()
            self.emit("MOVE", a=spare, b=to)
            waiting = {one: spare if other == to else other for one, other in waiting.items()}

    def do_AnnAssign(self, node: ast.AnnAssign) -> Point:
        if node.value is not None:
            self.store([(self.target(node.target), self.value(node.value))])
        elif not isinstance(node.target, ast.Name):
            raise self.refuse("CS113", node.target, "only local variables can be annotated")
        return self.places.after(self.number_of(node))

    def do_AugAssign(self, node: ast.AugAssign) -> Point:
        name = self.target(node.target)
        left = ast.copy_location(ast.Name(name, ast.Load()), node.target)
        self.store([(name, self.value(ast.copy_location(ast.BinOp(left, node.op, node.value), node)))])
        return self.places.after(self.number_of(node))

    def do_If(self, node: ast.If) -> Point | None:
        other = self.places.start_of(node.orelse) if node.orelse else self.places.after(self.number_of(node))
        return self.places.start_of(node.body) if self.jump(node.test, self.label(other, self.bound), False) else None

    def do_While(self, node: ast.While) -> Point | None:
        number = self.number_of(node)
        body = self.label(self.places.start_of(node.body), self.bound)
        if body.placed:
            return self.places.out_of(number) if self.jump(node.test, body, True) else None
        out = self.label(self.places.out_of(number), self.bound)
        return self.places.start_of(node.body) if self.jump(node.test, out, False) else None

    def do_For(self, node: ast.For) -> Point | None:
        call = node.iter
        if not (isinstance(call, ast.Call) and self.meaning(call.func) is RANGE and not call.keywords and 0 < len(call.args) < 4):
            raise self.refuse("CS114", node.iter, "only `for ... in range(...)` is lowered")
        self.target(node.target)
        number = self.number_of(node)
        values = [self.integer(argument) for argument in call.args]
        if len(values) == 1:
            values.insert(0, Value(INT, known=0))
        if len(values) == 2:
            values.append(Value(INT, known=1))
        state_at = self.state_of(number)
        for offset, value in enumerate(values):
            self.emit("MOVE", a=state_at + offset, b=self.register(value))
        self.emit("RANGE", a=state_at)
        return self.next_of(node, number, first=True)

    def state_of(self, number: int) -> int:
        """The first of the three registers, side by side, that a `for` has for its range."""
        if number not in self.states:
            state = [self.assembler.name() for _ in range(3)]
            self.space.variables.extend(state)
            self.states[number] = state[0]
        return self.states[number]

    def next_of(self, node: ast.For, number: int, *, first: bool = False) -> Point:
        """The next of a range, at the start of the loop or at the end of its body."""
        name = self.target(node.target)
        operands = {"a": self.variable(name, INT), "b": self.state_of(number)}
        inside = {**self.bound, name: INT}
        body = self.label(self.places.start_of(node.body), inside)
        if body.placed and not first:
            self.emit("NEXT_BACK", **operands, f=body)
            return self.places.out_of(number)
        out = self.label(self.places.out_of(number), self.bound)
        self.emit("NEXT_OR_BACK" if out.placed else "NEXT", **operands, f=out)
        self.bound = inside
        return self.places.start_of(node.body)

    def do_Break(self, node: ast.Break) -> Point:
        return self.places.after(self.places.loops_around(self.number_of(node))[-1])

    def do_Continue(self, node: ast.Continue) -> Point:
        loop = self.places.loops_around(self.number_of(node))[-1]
        return Point(loop, isinstance(self.source.statements[loop], ast.For))

    def do_Assert(self, node: ast.Assert) -> Point | None:
        if not __debug__:
            return self.places.after(self.number_of(node))
        holds = Label()
        if self.jump(node.test, holds, True):
            self.emit("EXIT")
        if not holds.uses:
            return None
        self.put(holds)
        return self.places.after(self.number_of(node))

    def do_Raise(self, node: ast.Raise) -> None:
        raise Leaves

    def do_Return(self, node: ast.Return) -> None:
        self.give(node.value)

    def give(self, node: ast.expr | None) -> None:
        """`return node`."""
        if isinstance(node, ast.IfExp):
            other = Label()
            if self.jump(node.test, other, False):
                self.give(node.body)
            if other.uses:
                self.put(other)
                self.give(node.orelse)
            return
        self.or_leave(self.give_value, node)

    def or_leave(self, translate: Callable[..., None], *arguments: Any) -> None:
        """Translates something that is returned; where that has no typed form, CPython returns it."""
        items = len(self.assembler.items)
        try:
            translate(*arguments)
        except IdentityRefusal:
            raise
        except (Leaves, Refusal):
            del self.assembler.items[items:]
            self.emit("EXIT")

    def give_value(self, node: ast.expr | None) -> None:
        raise NotImplementedError

    def end(self) -> None:
        """The function's end."""
        raise NotImplementedError


class HelperTranslator(FunctionTranslator):
    """Translates a helper function. Where it leaves, the statement that called it is made by CPython."""

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
        self.part.result = self.part.result or INT  # it never gives anything

    def way_out(self, point: Point) -> int:
        return 0

    def after_loops(self, number: int) -> bool:
        return False

    def refused(self, node: ast.stmt, point: Point, refusal: Refusal) -> Point | None:
        raise refusal  # to the statement that calls it

    def give_value(self, node: ast.expr | None) -> None:
        value = Value(NONE, known=None) if node is None else self.value(node)
        part = self.part
        if value.type == NONE:
            raise self.refuse("CS139", node or self.source.tree, "a helper that gives None is not lowered")
        if part.result and part.result != value.type:
            if part.assumed:
                raise _Assumption(part)
            hint = f"it gives {value.type} here and {part.result} elsewhere"
            raise self.refuse("CS142", node or self.source.tree, hint)
        part.result = value.type
        self.emit("HELPER_RETURN", a=self.register(value))

    def end(self) -> None:
        self.emit("EXIT")


class BodyTranslator(FunctionTranslator):
    """Translates the body of a task."""

    def __init__(self, builder: CodeBuilder, part: BodyPart) -> None:
        super().__init__(builder, part.source, builder.space, part.number)
        self.part = part
        code = self.source.code
        self.parameters = code.co_varnames[: code.co_argcount]
        loops = [number for number, statement in enumerate(self.source.statements) if isinstance(statement, LOOPS)]
        self.body_starts = {self.places.body_of(loop).statement for loop in loops}

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
            self.builder.reasons += refusal.reasons  # and on, to find the others
        self.put(self.part.label)
        self.exit = self.builder.exit(Exit(self.part.number, 0, False, (), ()))  # here a body is entered, not left

    @property
    def own_types(self) -> tuple[str, ...]:
        """The types of the function's parameters."""
        return self.part.types

    def stored(self) -> set[str]:
        """The names that the function gives values to."""
        names = (node for node in ast.walk(self.source.tree) if isinstance(node, ast.Name))
        return {node.id for node in names if isinstance(node.ctx, ast.Store)}

    def note_entry(self, point: Point, label: Label) -> None:
        if point.statement in self.body_starts and not point.again:
            label.uses += 1
            self.builder.entries.append((label, self.way_out(point)))

    def end(self) -> None:
        self.emit("RETURN_OBJECT", a=self.register(Value(NONE, known=None)))

    def give_value(self, node: ast.expr | None) -> None:
        if node is None:
            self.end()
            return
        if isinstance(node, ast.Call) and self.tail(node):
            return
        self.give_result(self.value(node))

    def give_result(self, value: Value) -> None:
        kind = {NONE: OBJECT}.get(value.type, value.type)
        self.emit(f"RETURN_{kind.upper()}", a=self.register(value))

    # -- Tail calls -----------------------------------------------------------------------------------------------------

    def tail(self, node: ast.Call) -> bool:
        """Translates `return node` where it is a tail call; False for other calls."""
        found = self.tail_arguments(node)
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
        """An argument of a tail call: the machine would look for LazyResults in it, unless the parameter has it already."""
        if value.type != OBJECT or value.register == stays_in >= 0:
            return
        if value.known is UNKNOWN:
            self.builder.hands_on = True
        elif not holds_no_results(value.known):
            raise Leaves

    def tail_arguments(self, node: ast.Call) -> tuple[Task[..., Any], dict[str, Any], bool] | None:
        """The task that goes on, what each of its parameters gets, and whether `node` is a call of the task itself."""
        positional: Sequence[ast.expr] = node.args
        keywords: list[tuple[str | None, ast.expr]] = [(keyword.arg, keyword.value) for keyword in node.keywords]
        target: Any = self.part.task
        func = node.func
        if isinstance(func, ast.Attribute) and func.attr == "tail" and type(target := self.meaning(func.value)) is Task:
            spelled = "tail"
        elif self.meaning(func) is TailCall:
            spelled, target = "TailCall", self.part.task
            given = self.spelled(node, ("args", "kwargs", "target"))
            if given is None:
                return None
            if "target" in given:
                target = self.meaning(given["target"])
            args, kwargs = given.get("args", ast.Tuple([], ast.Load())), given.get("kwargs", ast.Dict([], []))
            if type(target) is not Task or not isinstance(args, ast.Tuple) or not isinstance(kwargs, ast.Dict):
                return None
            positional = args.elts
            keywords = [
                (key.value if isinstance(key, ast.Constant) and type(key.value) is str else None, value)
                for key, value in zip(kwargs.keys, kwargs.values, strict=True)
            ]
        elif type(target := self.meaning(func)) is Task:
            spelled = "call"
        else:
            return None
        named = [(name, value) for name, value in keywords if name is not None]
        if len(named) < len(keywords) or not may_go_on(target):
            return None
        if target is not self.part.task or spelled == "call":
            return target, bind_call(self, cast(FunctionType, target.func), positional, named, node), spelled == "call"
        return target, self.own_arguments(positional, named, node, spelled == "tail"), False

    def spelled(self, node: ast.Call, names: tuple[str, ...]) -> dict[str, ast.expr] | None:
        """The arguments of a call by the names of the parameters; None where they do not all show."""
        given = dict(zip(names, node.args))
        for keyword in node.keywords:
            if keyword.arg not in names or keyword.arg in given:
                return None
            given[keyword.arg] = keyword.value
        starred = any(isinstance(item, ast.Starred) for item in node.args)
        return given if len(node.args) <= len(names) and not starred else None

    def own_arguments(
        self, positional: Sequence[ast.expr], named: Sequence[tuple[str, ast.expr]], node: ast.Call, checked: bool
    ) -> dict[str, Any]:
        """Of a tail call of the task itself: a parameter that is not named keeps the value that it came with."""
        code = self.source.code
        if len(positional) > len(self.parameters) or any(isinstance(item, ast.Starred) for item in positional):
            raise Leaves
        given: dict[str, Any] = dict(zip(self.parameters, positional))
        for name, value in named:
            if name in given or name not in self.parameters[code.co_posonlyargcount :]:
                raise Leaves
            given[name] = value
        if checked and any(
            name not in given for name in self.parameters[: len(self.parameters) - len(self.function.__defaults__ or ())]
        ):
            raise Leaves
        kept = {
            name: Value(NONE, known=None) if kind == NONE else Value(kind, register)
            for name, (register, kind) in zip(self.parameters, self.part.kept, strict=True)
        }
        return {name: given.get(name, kept[name]) for name in self.parameters}


def holds_no_results(value: Any) -> bool:
    """Whether there is no LazyResult in an object, and never will be."""
    if type(value) in (tuple, frozenset):
        return all(map(holds_no_results, value))
    return type(value) is not LazyResult and not is_container(value)


def may_go_on(task: Task[..., Any]) -> bool:
    """Whether a tail call to the task may stay in the code."""
    return (
        task.lower is not False
        and task.policies is None
        and not task.is_async
        and task.mode == "inline"
        and type(task.func) is FunctionType
    )
