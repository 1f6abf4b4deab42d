"""Random statements, tail calls in every spelling included."""

from __future__ import annotations

from random import Random

from tests.support.random_programs.expressions import Expressions
from tests.support.random_programs.model import Parameter, Signature

LOCALS = {"int": "abcd", "float": "xyz", "real": "xyz", "bool": "pq", "none": "uvw", "mixed": "uvw"}
EVERY_LOCAL = "abcdxyzpquvw"


def _weighted(text: str) -> tuple[str, ...]:
    rows = [line.split() for line in text.splitlines() if line.strip()]
    return tuple(name for weight, name in rows for _ in range(int(weight)))


SIMPLE = _weighted("""
    34 assign
    14 augment
    6 tuple
    4 swap
    3 divide
    2 chain
    1 annotate
    4 assert
    2 nothing
    1 effect
    4 become
    13 leave
""")
COMPOUND = _weighted("""
    9 if
    5 for
    4 while
""")
ASSIGNED = ("int",) * 20 + ("float",) * 7 + ("real",) * 7 + ("bool",) * 4 + ("none",) * 2 + ("mixed",) * 2
AUGMENTED = {
    "int": (
        "+= {int}", "+= {int}", "-= {int}", "+= 1", "-= 1", "//= {divisor}", "%= {divisor}", "|= {int}", "^= {int}",
        "&= {int}", "*= {int_literal}", "<<= {shift_literal}", ">>= {shift}", "+= {bool}",
    ),
    "float": (
        "+= {float}", "-= {number}", "*= {real}", "/= {divisor}", "/= {float}", "%= {float}", "//= {float}", "+= {int}",
    ),
    "real": (
        "+= {number}", "-= {real}", "*= {number}", "*= {real}", "/= {number}", "**= {small}", "%= {number}",
        "+= {real}",
    ),
    "bool": ("^= {bool}", "&= {bool}", "|= {bool}"),
}  # fmt: skip
STEPS = {
    "int": ("+= 1", "+= 2", "-= 1", "-= 3", "//= 2", ">>= 1", "*= 3", "%= 7"),
    "float": ("+= 0.5", "-= 1.5", "*= 2.0", "/= 2.0"),
    "real": ("+= 0.5", "-= 1.5", "*= 2.0", "/= 2.0"),
}
COUNTED = ("{0} > 0", "{0} > 0", "{0} > 0 and {1}", "({1}) and {0} > 0", "{0}", "0 < {0} < 9", "not {0} <= 0")
RAISED = (
    "ValueError('bad', {number})", "Trouble({any})", "ValueError", "ArithmeticError()", "KeyError({int})", "None",
    "Trouble(f'a message about {{{any_name}}}')", "StopIteration({int})", "RuntimeError('no') from None",
    "Trouble({int}) from ValueError({float})", "ZeroDivisionError", "OverflowError(-1, 'text')", "SystemExit({int})",
)  # fmt: skip
RESULTS = (
    "{int}", "{int}", "{float}", "{real}", "{bool}", "{any}", "{any}", "'ended'", "None", "3.5", "True", "{int_name}",
    "{float_name}", "({int}, {float})", "{int_name}, {any_name}", "-0.0", "",
)  # fmt: skip
# What no typed form is asked for: such a program has to be left to CPython as a whole, or at that statement.
BEYOND = (
    "c = len(str({int_name}))", "c = ({int}, {number})[1]", "p = {int} in (1, 2, {int})", "u = [{int} for a in (1, 2)]",
    "b = sum((1, {int}))", "u = (lambda v: v + 1)({int})", "b = (c := {int}) + 1", "p = isinstance({any_name}, int)",
    "try: a = {int}\n{indent}except ArithmeticError: a = 5", "try: x = {float}\n{indent}finally: b = 1", "raise",
    "for b in (1, {int}): a = b", "u = divmod({int}, {divisor})", "x = complex({float}, 1.0)", "u, *v = {int}, 2, 3",
    "u = f'{{{any_name}}}'",
)  # fmt: skip

Scope = dict[str, str]


class Statements(Expressions):
    """Writes statements into `lines`. The scope says which variables are bound at the place that is being written."""

    def __init__(self, pick: Random) -> None:
        super().__init__(pick)
        self.lines: list[str] = []
        self.depth = self.base = 0
        self.deepest = 3
        self.room = 0
        self.reaches = True
        self.may_continue = True
        self.owner: Signature | None = None
        self.tasks: list[Signature] = []
        self.by_name = False
        self.looped = False

    def line(self, text: str) -> None:
        self.lines.append("    " * self.depth + text)

    def fill(self, template: str, depth: int = 2) -> str:
        """A template of this module with its symbols written."""
        return template.format_map(_Filling(self, depth)) if "{" in template else template

    # -- Blocks and what is bound after them --------------------------------------------------------------------------

    def block(self, most: int) -> Scope | None:
        """Writes a block; gives the scope after it, or None where nothing follows."""
        before, self.scope = self.scope, dict(self.scope)
        self.depth += 1
        for _ in range(self.pick.randint(1, most)):
            self.statement()
            if not self.reaches and self.chance() < 0.9:
                break
        after = self.scope if self.reaches else None
        self.scope, self.reaches = before, True
        self.depth -= 1
        return after

    def join(self, ends: list[Scope | None]) -> None:
        """Goes on after blocks of which one has run."""
        scopes = [scope for scope in ends if scope is not None]
        if not scopes:
            self.reaches = False
            return
        joined = scopes[0]
        for scope in scopes[1:]:
            joined = {name: _either(joined.get(name), scope.get(name)) for name in {**joined, **scope}}
        self.scope = joined

    def statement(self) -> None:
        self.room -= 1
        if self.room > 0 and self.depth < self.deepest and self.chance() < 0.35:
            kind = self.pick.choice(COMPOUND)
        else:
            kind = self.pick.choice(SIMPLE)
        getattr(self, "do_" + kind)()

    # -- Simple statements --------------------------------------------------------------------------------------------

    def target(self, kind: str) -> str:
        """A variable to assign: mostly one that has that kind of value anyway."""
        return self.pick.choice(EVERY_LOCAL if self.chance() < 3 * self.wildness else LOCALS[kind])

    def value(self, kind: str, depth: int = 3) -> str:
        if kind == "none":
            return "None"
        return self.write("any" if kind == "mixed" else kind, depth)

    def do_assign(self) -> None:
        kind = self.pick.choice(ASSIGNED)
        if self.chance() < self.wildness:
            self.line(self.fill(self.pick.choice(BEYOND)).replace("{indent}", "    " * self.depth))
            return
        target = self.target(kind)
        self.line(f"{target} = {self.value(kind)}")
        self.scope[target] = kind

    def do_augment(self) -> None:
        names = [name for name, kind in self.scope.items() if kind in AUGMENTED and name in EVERY_LOCAL]
        if not names:
            return self.do_assign()
        name = self.pick.choice(names)
        self.line(f"{name} {self.fill(self.pick.choice(AUGMENTED[self.scope[name]]))}")

    def do_tuple(self) -> None:
        kinds = [self.pick.choice(ASSIGNED) for _ in range(self.pick.choice([2, 2, 2, 3]))]
        targets = [self.target(kind) for kind in kinds]
        self.line(f"{', '.join(targets)} = {', '.join([self.value(kind, 2) for kind in kinds])}")
        self.scope.update(zip(targets, kinds, strict=True))

    def do_swap(self) -> None:
        group = self.pick.choice(["abcd", "xyz", "pq", EVERY_LOCAL if self.wildness else "abcd"])
        names = [name for name in self.scope if name in group]
        if len(names) < 2:
            return self.do_assign()
        count = 3 if len(names) > 2 and self.chance() < 0.3 else 2
        names = self.pick.sample(names, count)
        turned = names[1:] + names[:1]
        self.line(f"{', '.join(names)} = {', '.join(turned)}")
        self.scope.update({name: self.scope[other] for name, other in zip(names, turned, strict=True)})

    def do_divide(self) -> None:
        template, kinds = self.pick.choice([
            ("divmod({int}, {divisor})", ("int", "int")), ("divmod({int}, {divisor})", ("int", "int")),
            ("divmod({number}, {float})", ("float", "float")), ("math.frexp({float})", ("float", "int")),
            ("math.modf({float})", ("real", "real")),
        ])  # fmt: skip
        targets = [self.target(kind) for kind in kinds]
        self.line(f"{', '.join(targets)} = {self.fill(template)}")
        self.scope.update(zip(targets, kinds, strict=True))

    def do_chain(self) -> None:
        kind = self.pick.choice(ASSIGNED)
        targets = [self.target(kind), self.target(kind)]
        self.line(f"{targets[0]} = {targets[1]} = {self.value(kind)}")
        self.scope.update(dict.fromkeys(targets, kind))

    def do_annotate(self) -> None:
        kind = self.pick.choice(ASSIGNED)
        target = self.target(kind)
        if target in self.scope or self.chance() < 0.8:
            self.line(f"{target}: object = {self.value(kind)}")
            self.scope[target] = kind
        else:
            self.line(f"{target}: int")

    def do_assert(self) -> None:
        self.line("assert " + self.fill(self.pick.choice([
            "{test}", "{test}, {any}", "{test}, 'a message'", "{test}, f'{{{any_name}}} is bad'", "{int} or True",
            "{bool}, ({int}, {number})", "{bool_name} or {test} or not {number}",
        ])))  # fmt: skip

    def do_nothing(self) -> None:
        self.line(self.pick.choice(["pass", "...", "'a string for nothing'", "17"]))

    def do_effect(self) -> None:
        """An expression whose value nobody takes."""
        names = ["17"] if not self.wildness else ["{number}", "{call_int}", "{call_any}", "{test}", "{int_name}"]
        self.line(self.fill(self.pick.choice(names)))

    def do_become(self) -> None:
        """A variable that was None so far becomes a number."""
        names = [name for name, kind in self.scope.items() if kind in ("none", "mixed") and name in EVERY_LOCAL]
        if not names:
            name = self.target("none")
            self.line(f"{name} = None")
            self.scope[name] = "none"
            return
        name = self.pick.choice(names)
        kind = self.pick.choice(["int", "int", "float"])
        tests = ["{0} is None", "{0} is None", "{0} is None or {1} > {0}", "{0} is None or {2} is not {0}"]
        test = self.pick.choice(tests)
        self.line(f"if {test.format(name, self.write(kind, 1), self.write('object_name', 1))}:")
        self.depth += 1
        self.line(f"{name} = {self.write(kind, 2)}")
        self.depth -= 1
        self.scope[name] = kind if self.scope[name] == "none" else "mixed"

    def do_leave(self) -> None:
        """Leaves the block, a loop or the function, mostly under a condition."""
        if self.loops and self.chance() < 0.65:
            jump = "break" if self.chance() < 0.5 or not self.may_continue else "continue"
        elif self.chance() < 0.25:
            jump = self.fill("raise " + self.pick.choice(RAISED))
        else:
            jump = self.result()
        if self.depth > self.base + 1 and self.chance() < 0.07:
            self.line(jump)
            self.reaches = False
        elif self.chance() < 0.5:
            self.line(f"if {self.write('test', 1)}: {jump}")
        else:
            self.line(f"if {self.write('test', 2)}:")
            self.depth += 1
            self.line(jump)
            self.depth -= 1

    # -- Compound statements ------------------------------------------------------------------------------------------

    def do_if(self) -> None:
        self.line(f"if {self.write('test', 2)}:")
        ends = [self.block(3)]
        while self.room > 0 and self.chance() < 0.25:
            self.line(f"elif {self.write('test', 2)}:")
            ends.append(self.block(2))
        if self.chance() < 0.5:
            self.line("else:")
            ends.append(self.block(2))
        else:
            ends.append(dict(self.scope))
        self.join(ends)

    def do_for(self) -> None:
        name = f"i{self.depth}" if self.chance() < 0.85 else self.target("int")
        before = dict(self.scope)
        guard = ""
        chance = self.chance()
        if chance < 0.06:
            # As long as it likes, but for this.
            guard = f"if {name} > 3 or {name} < -3: break"
            bounds = self.fill("{int}", 1)
        elif chance < 0.08 and not self.loops:
            bounds = "2500"
            self.deepest -= 1
        else:
            bounds = self.write("range", 1)
        self.line(f"for {name} in range({bounds}):")
        self.scope[name] = "int"
        favourite = f"{self.pick.choice('abcd')} {self.pick.choice(['+=', '-=', '^='])} {name}"
        self.loop_body([guard] if guard else [], favourite)
        if bounds == "2500":
            self.deepest += 1
        self.after_loop(before)

    def do_while(self) -> None:
        name = f"w{self.depth}"
        self.scope[name] = "int"
        if self.chance() < 0.4:
            return self.natural_while(name)
        self.line(f"{name} = {self.pick.randint(0, 4)}")
        before = dict(self.scope)
        first = []
        if self.chance() < 0.15:
            self.line("while True:" if self.chance() < 0.8 else "while 1:")
            first = [f"if {name} <= 0: break"]
        else:
            self.line(f"while {self.pick.choice(COUNTED).format(name, self.write('test', 1))}:")
        if self.chance() < 0.6:
            self.loop_body([*first, f"{name} -= 1"])
        else:
            self.loop_body(first, last=f"{name} -= 1")
        self.after_loop(before)

    def natural_while(self, name: str) -> None:
        """A loop whose head and step are about the same variable; another one bounds it."""
        self.line(f"{name} = {self.pick.randint(-1, 4)}")
        before = dict(self.scope)
        test = self.write("loop_test", 1)
        self.line(f"while {test}:")
        variable = test.removeprefix("not ").split()[0]
        kind = self.scope.get(variable, "")
        step = f"{variable} {self.pick.choice(STEPS[kind])}" if kind in STEPS and variable in EVERY_LOCAL else ""
        self.loop_body([f"{name} -= 1", f"if {name} < 0: break"], last=step)
        self.after_loop(before)

    def loop_body(self, first: list[str], favourite: str = "", last: str = "") -> None:
        """A body with given lines at its beginning and its end. No `continue` may pass the end by."""
        self.depth += 1
        for line in first:
            self.line(line)
        if favourite and self.scope.get(favourite[0]) == "int" and self.chance() < 0.6:
            self.line(favourite)
        self.depth -= 1
        outer, self.may_continue = self.may_continue, not last
        self.loops += 1
        self.looped = True
        end = self.block(3)
        self.loops -= 1
        self.may_continue = outer
        if last:
            self.depth += 1
            self.line(last)
            self.depth -= 1
        self.join([end, self.scope])

    def after_loop(self, before: Scope) -> None:
        self.join([before, self.scope])
        if self.chance() < 0.3:
            self.line("else:")
            self.join([self.block(2), dict(self.scope)])

    machine: bool

    # -- Results and tail calls ---------------------------------------------------------------------------------------

    def result(self) -> str:
        """A `return` or another end of the function."""
        if self.owner is not None and self.chance() < 0.45:
            tail = self.tail()
            if self.chance() < 0.5:
                return f"return {tail} if k > 0 else {self.write('any', 1)}"
            if tail.startswith(("TailCall", "cs.")) and self.chance() < 0.2:
                return f"return k > 0 and {tail} or {self.write('int', 1)}"
            return f"return {self.write('any', 1)} if not k > 0 else {tail}"
        return f"return {self.fill(self.pick.choice(RESULTS))}".rstrip()

    def do_tail(self) -> None:
        """Tail calls in statements of their own."""
        self.line(f"if k > 0{self.pick.choice(['', '', ' and ' + self.write('bool', 1)])}:")
        self.depth += 1
        tail = self.tail()
        if self.chance() < 0.1:
            self.line(f"again = {tail}")
            tail = "again"
        self.line(f"return {tail}")
        self.depth -= 1

    def tail(self) -> str:
        """A tail call, in one of its spellings; `k` counts them down, so it is always given."""
        assert self.owner is not None
        if self.machine and self.chance() < 0.8:
            return self.jump()
        target = self.pick.choice(self.tasks) if self.chance() < 0.4 else self.owner
        own = target is self.owner
        spelling = self.pick.choice(["TailCall", "TailCall", "cs.TailCall", "tail", "tail", "call", "call", "call"])
        if spelling == "call":
            return f"{target.name}({', '.join(self.tail_arguments(target, False)[2])})"
        if spelling == "tail":
            return f"{target.name}.tail({', '.join(self.tail_arguments(target, False)[2])})"
        positional, by_name, _ = self.tail_arguments(target, own)
        parts = []
        if positional or not by_name:
            opening, closing = ("[", "]") if self.chance() < 0.05 else ("(", ",)" if len(positional) == 1 else ")")
            keyword = "args=" if not by_name and self.chance() < 0.3 else ""
            parts.append(keyword + opening + ", ".join(positional) + closing)
        if by_name:
            items = ", ".join([f"'{name}': {text}" for name, text in by_name])
            parts.append(f"kwargs={{{items}}}" if not positional or self.chance() < 0.7 else f"{{{items}}}")
        if not own or self.chance() < 0.1:
            parts.append(f"target='{target.name}'" if self.by_name and self.chance() < 0.3 else f"target={target.name}")
        if parts[0].startswith("args="):
            self.pick.shuffle(parts)
            parts = [part if "=" in part.split("(")[0] else f"args={part}" for part in parts]
        return f"{spelling}({', '.join(parts)})"

    def jump(self) -> str:
        """A Jump, in one of its spellings; one to a state counts `k` down."""
        spelling = self.pick.choice(["Jump", "cs.Jump"])
        if self.chance() < 0.2:
            return f"{spelling}('end'{self.pick.choice(['', ', {0}', ', data={0}']).format(self.write('any', 1))})"
        states = [f"'{signature.name}'" for signature in self.tasks]
        key = self.pick.choice(states)
        if self.chance() < 0.3:
            key = f"{key} if {self.write('test', 1)} else {self.pick.choice([*states, chr(39) + 'end' + chr(39)])}"
        data = self.pick.choice(["k - 1", "k - 1", "k - 1", "k - 1", "k + -1", "k - 1.0"])
        if self.chance() < self.wildness:
            data = self.write("any", 1)
        return f"{spelling}(target_key={key}, data={data})" if self.chance() < 0.3 else f"{spelling}({key}, {data})"

    def tail_arguments(self, target: Signature, own: bool) -> tuple[list[str], list[tuple[str, str]], list[str]]:
        """The arguments by position, those by name, and both as in a call; in its `own` loop a task may omit some."""
        positional, by_name = [], []
        named = self.chance() < 0.15
        for parameter in (Parameter("k", "int"), *target.parameters):
            may_miss = parameter.name != "k" and (own or parameter.default is not None)
            if may_miss and self.chance() < 0.3:
                named = True
                continue
            named = named or self.chance() < 0.15
            text = "k - 1" if parameter.name == "k" else self.tail_argument(parameter)
            if named:
                by_name.append((parameter.name, text))
            else:
                positional.append(text)
        if self.chance() < 0.3:
            by_name.reverse()
        return positional, by_name, [*positional, *(f"{name}={text}" for name, text in by_name)]

    def tail_argument(self, parameter: Parameter) -> str:
        kind = parameter.kind
        if self.chance() < 3 * self.wildness:
            kind = self.pick.choice(["int", "float", "bool", "any"])
        known = self.scope.get(parameter.name, "")
        if _either(known, kind) == kind and self.chance() < 0.5:
            if kind == "int" and self.chance() < 0.3:
                return f"{parameter.name} {self.pick.choice('++-')} {self.pick.choice('1123')}"
            return parameter.name
        return self.write("any_name" if kind == "object" else kind, 1)


class _Filling:
    """Gives a template the texts of its symbols, in the order in which they stand."""

    def __init__(self, writer: Expressions, depth: int) -> None:
        self.writer, self.depth = writer, depth

    def __getitem__(self, symbol: str) -> str:
        return "{indent}" if symbol == "indent" else self.writer.write(symbol, self.depth)


def _either(first: str | None, second: str | None) -> str:
    """The kind of a variable after one of two ways."""
    if first == second and first is not None:
        return first
    if first is None or second is None or "maybe" in (first, second):
        return "maybe"
    return "float" if {first, second} == {"float", "real"} else "mixed"
