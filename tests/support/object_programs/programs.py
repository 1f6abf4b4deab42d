"""Whole programs: constants, classes, helper functions, functions that are made tasks, and their calls."""

from __future__ import annotations

import dataclasses
import re
from random import Random

from tests.support.object_programs.dialects import dialect_of
from tests.support.object_programs.grammar import NoVariable, choose
from tests.support.object_programs.library import IMPORTS
from tests.support.object_programs.model import Call, Program, compiled
from tests.support.object_programs.repair import repaired
from tests.support.object_programs.values import HOSTILE, LITERALS
from tests.support.object_programs.writer import Writer

PARAMETERS = [
    "count", "count", "count", "ints", "ints", "ints", "ints", "int", "int", "float", "str", "str", "grid", "grid", "dict", "dict", "mixed", "mixed", "obj", "obj", "objs",
    "array", "array", "matrix", "floats", "floats", "set", "pair", "table", "deque", "heap", "buffer", "random", "func", "any", "strs", "pairs", "bool", "bytes", "complex",
]  # fmt: skip
PARAMETER_NAMES = ["a", "b", "c", "d", "e", "f2", "g2"]
NICE = {
    "count": "n",
    "ints": "xs",
    "grid": "m",
    "str": "s",
    "dict": "counts",
    "obj": "o",
    "objs": "group",
    "array": "arr",
    "floats": "fs",
    "random": "rng",
    "func": "fn",
}

WAYS = [
    (("run", "program"), 50), (("program",), 20), (("program", "program", "run"), 10), (("graph", "program"), 4), (("retry", "run"), 4), (("timeout", "program"), 4),
    (("cache", "program"), 4), (("map", "program"), 6), (("map_three", "map"), 4), (("retry_task", "map"), 3),
]  # fmt: skip

MORE_PARAMETERS = [
    (", bound=3", "bound", "int"),
    (", *, bound=2", "bound", "int"),
    (", *rest", "rest", "any"),
    (", **options", "options", "dict"),
    (", bound=[]", "bound", "ints"),
]

REPAIRED = 50_000_000
"""The programs of seeds from here on have lost most of the statements at which they fail."""

WORD = re.compile(r"[A-Za-z_]\w*")


class ProgramWriter(Writer):
    """Writes a whole program."""

    parameters: dict[str, dict[str, str]]
    extra: dict[str, str] = {}  # of the function that begins

    def program(self, seed: int) -> Program:
        self.parameters = {}
        self.classes = ["A", "B", "C"][: self.pick.choice([0, 1, 1, 2, 2, 3])]
        kinds = [self.pick.choice([*self.dialect.classes, "plain", "plain"]) for _ in self.classes]
        classes = [
            self.parts(self.dialect.classes[kind].replace("<C>", name))
            for name, kind in zip(self.classes, kinds, strict=True)
        ]
        self.features |= {f"class-{kind}" for kind in kinds}
        for number in range(self.pick.choice([0, 0, 1, 1, 2])):
            self.helper(f"h{number}")
        self.function("f", self.pick.randint(3, 12))
        second = self.chance()
        if second < 0.15:
            self.function("g", self.pick.randint(2, 7))
        elif second < 0.27:
            self.wrapper()
        calls = self.calls()
        body = "\n".join(self.lines)
        text = self.with_library(body, classes, " ".join(call.arguments for call in calls))
        if self.chance() < 0.35:
            calls = self.with_changes(text, calls)
        return Program(seed, text, tuple(calls), frozenset(self.features))

    # -- Functions ----------------------------------------------------------------------------------------------------

    def head(self, name: str, parameters: dict[str, str], defaults: str = "") -> None:
        self.begin(parameters)
        self.scope |= self.extra
        self.extra = {}
        self.indent = 0
        self.line(f"def {name}({', '.join(parameters)}{defaults}):")
        self.indent = 1

    def helper(self, name: str) -> None:
        """A function of an int that the others call."""
        self.head(name, {"a": "int"})
        self.grows_in_loop = True
        self.body(self.pick.choice([1, 1, 2, 3]))
        self.line(f"return {self.write('int', 2)}")
        self.helpers += [name, name]

    def function(self, name: str, room: int) -> None:
        kinds = [self.pick.choice(PARAMETERS) for _ in range(self.pick.choice([1, 2, 2, 3, 3, 4]))]
        kinds = [kind for kind in kinds if self.numpy or kind not in ("array", "matrix")] or ["ints"]
        if self.numpy and name == "f":
            kinds = ["array", *kinds[1:]]
        parameters: dict[str, str] = {}
        for number, kind in enumerate(kinds):
            nice = NICE.get(kind, PARAMETER_NAMES[number])
            parameters[nice if nice not in parameters else PARAMETER_NAMES[number]] = kind
        self.parameters[name] = parameters
        enclosed = self.chance() < 0.08
        self.head(name, parameters, self.more_parameters())
        if enclosed:
            self.line("nonlocal kept, gathered")
            self.scope |= {"kept": "int", "gathered": "ints"}
        for kind in self.pick.sample(["int", "ints", "str", "float"], self.pick.choice([1, 1, 2])):
            target = self.fresh()
            self.line(f"{target} = {self.leaf(kind)}")
            self.scope[target] = kind
        self.body(room // 2)
        if self.chance() < 0.8:
            self.statement(self.dialect.loops)
        self.body(room - room // 2)
        self.last()
        if enclosed:
            self.enclose(name)

    def more_parameters(self) -> str:
        """Parameters that the calls leave out."""
        chance = self.chance()
        for text, name, kind in MORE_PARAMETERS:
            chance -= 0.03
            if chance < 0:
                self.extra = {name: kind}
                self.features.add("more-parameters")
                return text
        return ""

    def enclose(self, name: str) -> None:
        """Puts the function written last into one that makes it."""
        start = max(number for number, line in enumerate(self.lines) if line.startswith(f"def {name}("))
        inner = ["    " + line for line in self.lines[start:]]
        self.lines[start:] = [
            f"def make_{name}():",
            "    kept, gathered = 3, [1, 2]",
            *inner,
            f"    return {name}",
            f"{name} = make_{name}()",
        ]
        self.features.add("closure-task")

    def last(self) -> None:
        chance = self.chance()
        if chance < 0.6 and self.scope:
            names = self.pick.sample(list(self.scope), min(len(self.scope), self.pick.choice([1, 2, 3, 5])))
            self.line(f"return {', '.join(names)}")
        elif chance < 0.95:
            self.line(f"return {self.write('any', 3)}")

    def wrapper(self) -> None:
        """A function that calls the other one."""
        parameters = self.parameters["f"]
        self.parameters["g"] = parameters
        self.head("g", parameters)
        given = ", ".join(parameters)
        self.line("found = []")
        self.line(f"for i in range({self.pick.choice([2, 3])}):")
        self.line(f"    found.append(f({given}))")
        self.line("return found")
        self.features.add("task-as-helper")

    # -- Calls --------------------------------------------------------------------------------------------------------

    def calls(self) -> list[Call]:
        found = []
        for name, parameters in self.parameters.items():
            ways = self.pick.choices([ways for ways, _ in WAYS], [weight for _, weight in WAYS])[0]
            self.features |= {f"way-{way}" for way in ways}
            friendly = self.arguments(parameters, 0.03)
            found.append(Call(name, friendly, ways, 70 if self.chance() < 0.06 else self.pick.choice([1, 2, 2, 3])))
            for _ in range(self.pick.choice([1, 1, 2, 3])):
                found.append(Call(name, self.arguments(parameters, self.pick.choice([0.1, 0.3, 0.6])), ways, 2))
            if self.chance() < 0.25:
                found.append(Call(name, self.arguments(parameters, 0.3, 0.5), ways, 2))
            if self.chance() < 0.15 and "count" in parameters.values():
                found.append(Call(name, self.arguments(parameters, 0.0, count="2500"), ways, 2))
                self.features.add("long-loop")
            if self.chance() < 0.3:
                found.append(Call(name, friendly, ways, 2))
        return [self.without_searches(call) for call in found]

    def without_searches(self, call: Call) -> Call:
        """The engine may iterate the arguments of an item between those before it, so lists with an `__iter__` of their own come alone."""
        if "map_three" in call.ways and "HList" in call.arguments:
            return dataclasses.replace(call, ways=("map", "program"))
        return call

    def with_changes(self, text: str, calls: list[Call]) -> list[Call]:
        """The calls, some of them again after a change of what the program names."""
        words = set(WORD.findall(text))
        changes = [change for name, changes in self.dialect.changes.items() if name in words for change in changes]
        found = list(calls)
        for change in self.pick.sample(changes, min(len(changes), self.pick.choice([1, 1, 2, 3]))):
            again = self.pick.choice(calls)
            found.append(dataclasses.replace(again, before=change, times=self.pick.choice([1, 2])))
        self.features.add("change-between-calls")
        return found

    def arguments(self, parameters: dict[str, str], hostile: float, wrong: float = 0.0, count: str = "") -> str:
        texts = []
        for kind in parameters.values():
            if count and kind == "count":
                texts.append(count)
                continue
            if self.chance() < wrong:
                kind = self.pick.choice(PARAMETERS)
            texts.append(self.argument(kind, self.chance() < hostile))
        return f"({', '.join(texts)},)"

    def argument(self, kind: str, hostile: bool) -> str:
        if kind == "obj" or kind == "objs":
            if hostile:
                return self.pick.choice(
                    ["None", "3", "Pair(1, 2)", "Tracked(2)", "[]", "(lambda o: [o, o])(Tracked(1))", "'x'"]
                )
            with_objects = [
                f"{self.class_name()}({self.pick.choice([0, 1, 5])})"
                for _ in range(1 if kind == "obj" else self.pick.choice([1, 2, 3]))
            ]
            return with_objects[0] if kind == "obj" else f"[{', '.join(with_objects)}]"
        while True:
            text = self.pick.choice((HOSTILE if hostile else LITERALS)[kind])
            if self.numpy or "np." not in text:
                return text
            if kind in ("array", "matrix"):
                kind = "ints"

    # -- The library --------------------------------------------------------------------------------------------------

    def parts(self, text: str) -> str:
        """A text of the library with some of its optional lines, and its choices made."""
        found: list[str] = []
        skipped: int | None = None
        kept: int | None = None
        for line in text.strip("\n").split("\n"):
            optional = line.startswith("?")
            bare = line[1:] if optional else line
            indent = len(bare) - len(bare.lstrip())
            if not optional:
                skipped = kept = None
            elif skipped is not None and indent > skipped:
                continue
            elif kept is None or indent <= kept:
                skipped, kept = (None, indent) if self.chance() < 0.4 else (indent, None)
                if skipped is not None:
                    continue
            found.append(choose(bare, self.pick))
        return "\n".join(found)

    def with_library(self, body: str, classes: list[str], arguments: str) -> str:
        """The module's text, with all that it names."""
        found: dict[str, str] = {}
        texts = [*classes, body, arguments, "LOG"]
        if self.chance() < 0.03:
            texts.insert(0, self.shadow())
            self.features.add("shadowed-builtin")
        wanted = set(WORD.findall("\n".join(texts)))
        while missing := [name for name in self.dialect.library if name in wanted and name not in found]:
            for name in missing:
                found[name] = self.parts(self.dialect.library[name])
                self.features.add(f"library-{name}")
                wanted |= set(WORD.findall(found[name]))
        parts = [*(found[name] for name in self.dialect.library if name in found), *(text for text in texts[:-2])]
        whole = "\n".join(parts)
        imports = [line for said, line in IMPORTS.items() if said in whole or said in arguments]
        return "\n".join([*imports, whole]) + "\n"

    def shadow(self) -> str:
        return self.pick.choice(
            [
                "def len(value):\n    LOG.append('len')\n    return 2",
                "abs = note",
                "def range(*given):\n    return [1, 2]",
                "sum = max",
                "class int(int):\n    pass",
                "sorted = reversed",
            ]
        )


def write_program(seed: int) -> Program:
    """The program of a seed."""
    for attempt in range(100):
        try:
            program = ProgramWriter(Random(seed * 1000 + attempt), dialect_of(seed)).program(seed)
            compiled(program.text)
        except (NoVariable, SyntaxError):
            continue
        return repaired(program, Random(seed)) if seed >= REPAIRED else program
    raise AssertionError(f"seed {seed}: no program in 100 attempts")
