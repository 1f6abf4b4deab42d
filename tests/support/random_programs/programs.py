"""Random programs: constants, helper functions, and one or two tasks."""

from __future__ import annotations

from random import Random

from tests.support.random_programs.model import Helper, Parameter, Program, Signature
from tests.support.random_programs.scripts import ScriptWriter
from tests.support.random_programs.statements import RAISED, Statements

PARAMETERS = [
    ("a:int", "b:int"), ("a:int", "b:int", "x:float"), ("a:int", "x:float", "p:bool"), ("a:int", "x:float"), ("a:int",),
    ("x:float", "y:float"), ("a:int", "b:int", "c:int"), ("a:int", "b:int", "x:float", "p:bool"), ("a:int", "u:any"),
    ("a:int", "o:object"), ("x:float", "y:float", "o:object", "u:any"),
]  # fmt: skip


class Writer(Statements):
    """Writes whole programs."""

    machine = False  # whether the tasks are the states of a machine
    outer = ""  # how the task declares a name that it assigns at its end
    many_tails = False  # whether the script may ask for so many tail calls that products would grow too large

    def program(self) -> tuple[str, bool, bool]:
        """The text, whether it is stateless, and whether it is enclosed in a function."""
        enclosed = self.chance() < 0.2
        self.machine = self.chance() < 0.2
        self.many_tails = self.chance() < 0.1
        self.base = self.depth = int(enclosed)
        self.by_name = not enclosed
        if enclosed:
            self.lines.append("def make():")
        stateless = self.definitions(enclosed)
        if enclosed:
            names = [*(helper.name for helper in self.helpers), *(signature.name for signature in self.tasks)]
            self.line(f"return {{{', '.join(f'{name!r}: {name}' for name in names)}}}")
            self.lines.append("made = make()")
        return "\n".join(self.lines) + "\n", stateless, enclosed

    def definitions(self, enclosed: bool) -> bool:
        self.constants()
        stateless = True
        for number in range(self.pick.choice([0, 0, 1, 1, 2])):
            self.helper(f"h{number}")
        if self.chance() < 0.25:
            self.recursive_helper()
        if self.chance() < 0.03:
            self.helper_with_effect("nonlocal" if enclosed else "global")
            stateless = False
        names = ["f"] if self.chance() < (0.4 if self.machine else 0.75) else ["g", "f"]
        self.tasks = [Signature(name, self.parameters()) for name in names]
        for signature in self.tasks:
            counts = self.chance() < 0.05
            stateless = stateless and not counts
            self.outer = ("nonlocal" if enclosed else "global") if counts else ""
            self.task(signature, self.pick.randint(3, 10) if signature.name == "f" else self.pick.randint(1, 5))
        return stateless

    def constants(self) -> None:
        self.line(f"FACTOR = {self.write_int_literal(0)}")
        self.line(f"SCALE = {self.write_float_literal(0)}")
        flag, sized = self.pick.choice(["True", "False"]), self.pick.choice(["()", "(1, 2)", "'text'"])
        self.line(f"NOTHING, FLAG, SIZED = None, {flag}, {sized}")
        self.line("COUNT = 0")

    def begin(self, name: str, parameters: tuple[Parameter, ...]) -> None:
        """The head of a function, and the scope that its body starts with."""
        texts = [p.name if p.default is None else f"{p.name}={p.default}" for p in parameters]
        self.line(f"def {name}({', '.join(texts)}):")
        self.scope = {parameter.name: parameter.kind for parameter in parameters}
        self.again = "k"

    def body(self, room: int) -> None:
        """About `room` statements of a body."""
        self.room = room
        self.depth += 1
        while self.room > 0 and self.reaches:
            self.statement()
        self.reaches = True
        self.depth -= 1

    def end(self, text: str) -> None:
        self.depth += 1
        self.line(text)
        self.depth -= 1

    # -- Helpers ------------------------------------------------------------------------------------------------------

    def helper(self, name: str) -> None:
        kind = self.pick.choice(["int", "int", "float", "any"])
        parameters = [Parameter("u", self.pick.choice(["int", "int", "float", "any"]))]
        if self.chance() < 0.6:
            default = self.pick.choice(["2", "FACTOR", "0.5", "None", "-1"]) if self.chance() < 0.4 else None
            parameters.append(Parameter("v", self.pick.choice(["int", "float", "bool"]), default))
        if self.chance() < 0.04:
            self.line(f"{name} = lambda u: u + 1")
            self.helpers.append(Helper(name, (Parameter("u", "int"),), "int"))
            return
        self.owner, self.deepest, self.products = None, self.base + 2, 0
        self.begin(name, tuple(parameters))
        if self.chance() < 0.25:
            self.end(f"if {self.write('test', 1)}: {self.fill('raise ' + self.pick.choice(RAISED))}")
        self.body(self.pick.choice([0, 0, 1, 2, 3]))
        self.end(f"return {self.write(kind, 2)}" if self.chance() < 0.96 else "pass")
        self.helpers.append(Helper(name, tuple(parameters), kind))

    def recursive_helper(self) -> None:
        """Bounded for any argument, nan included: alone, twice in itself, or by way of another function."""
        form = self.pick.choice(["linear", "linear", "double", "mutual"])
        limit, other = {"linear": (9, "r"), "double": (5, "r"), "mutual": (7, "s")}[form]
        parameters = (Parameter("n", "int"), Parameter("u", "int"))
        self.owner, self.products = None, 0
        if form == "mutual":
            back = f"return r(n - 1, {self.pick.choice(['u', 'u + 1', 'u - n'])})"
            self.recursive_function("s", parameters, limit, back)
        self.scope = {"n": "int", "u": "int"}
        again = f"{other}(n - 1, {self.write('int', 1)})"
        if form == "double":
            again = f"{again} {self.pick.choice('+-')} {other}(n - {self.pick.choice('12')}, u)"
        elif self.chance() < 0.6:
            again = f"{again} {self.pick.choice(['+', '-', '^', 'or', 'and'])} {self.write('int', 1)}"
        self.recursive_function("r", parameters, limit, f"return {again}")
        self.helpers.append(Helper("r", parameters, "int"))

    def recursive_function(self, name: str, parameters: tuple[Parameter, ...], limit: int, again: str) -> None:
        self.begin(name, parameters)
        result = self.fill(self.pick.choice(["u", "{int}", "{number}", "u + n"]), 1)
        self.end(f"if not 0 < n < {limit}: return {result}")
        self.end(again)

    def helper_with_effect(self, declaration: str) -> None:
        """A function that rebinds a name during the run."""
        self.begin("bump", (Parameter("u", "int"),))
        self.end(f"{declaration} FACTOR")
        self.end(f"FACTOR = {self.pick.choice(['FACTOR + 1', '0.5', 'u', 'None'])}")
        self.end("return u")
        self.helpers += [Helper("bump", (Parameter("u", "int"),), "int")] * 2

    # -- Tasks --------------------------------------------------------------------------------------------------------

    def parameters(self) -> tuple[Parameter, ...]:
        names = [name.split(":") for name in self.pick.choice(PARAMETERS)]
        first_default = len(names) - self.pick.choice([0, 0, 0, 1, 2])
        found = []
        for place, (name, kind) in enumerate(names):
            default = None
            if place >= first_default:
                default = "None" if kind == "object" else self.write_default(kind)
            found.append(Parameter(name, kind, default))
        return tuple(found)

    def write_default(self, kind: str) -> str:
        if kind == "int":
            return self.write_int_literal(0)
        return self.write_float_literal(0) if kind == "float" else {"bool": "False", "any": "None"}[kind]

    def task(self, signature: Signature, room: int) -> None:
        self.owner, self.deepest, self.products = signature, self.base + 4, 0 if self.many_tails else 2
        decorator = len(self.lines)
        self.line("@task")
        self.looped = False
        self.begin(signature.name, (Parameter("k", "int"), *signature.parameters))
        if self.chance() < 0.2:
            self.end('"""A docstring."""')
        if self.outer:
            self.end(f"{self.outer} COUNT")
        self.first_assignments(signature)
        counting = self.chance() < 0.2
        if counting:
            self.counting_head()
        if self.chance() < 0.9:
            self.body(room // 2)
            if self.chance() < 0.6:
                self.depth += 1
                self.do_tail()
                self.depth -= 1
            self.body(room - room // 2)
        self.last_statement(counting)
        if self.chance() < (0.4 if self.looped or self.many_tails else 0.85):
            # Without it only what has a loop, or has made many tail calls, is lowered.
            self.lines[decorator] += "(lower=True)"

    def first_assignments(self, signature: Signature) -> None:
        """Mostly there is a variable of each kind."""
        kinds = [parameter.kind for parameter in signature.parameters]
        for kind in ("int", "float", "bool"):
            if self.chance() < (0.2 if kind in kinds else 0.5):
                target = self.target(kind)
                self.end(f"{target} = {self.value(kind, 1)}")
                self.scope[target] = kind

    def counting_head(self) -> None:
        """Begins as a loop of tail calls does: with the test for its end, perhaps after that of another variable."""
        tests = ["k <= 0", "k < 1", "k == 0", "not k", "not k > 0", f"k <= 0 or {self.write('loop_test', 1)}"]
        heads = [self.pick.choice(tests)]
        if self.chance() < 0.3:
            heads.insert(0, self.write("loop_test", 1))
        for test in heads:
            self.end(f"if {test}: return {self.write('any', 1)}")

    def last_statement(self, counting: bool) -> None:
        chance = self.chance()
        if self.outer:
            self.end(f"COUNT {self.pick.choice(['+= 1', '= COUNT + k', '= k'])}")
            if self.chance() < 0.5:
                self.end("k = COUNT")
        if counting:
            self.end(f"return {self.tail()}")
        elif chance < 0.12:
            self.last_block()
        elif chance < 0.5:
            bound = [name for name, kind in self.scope.items() if kind != "maybe" or self.chance() < 3 * self.wildness]
            self.end(f"return ({', '.join(bound)},)")
        else:
            self.end(self.result() if chance < 0.95 else "pass")

    def last_block(self) -> None:
        """A loop or a choice at the end of the function, which falls off its end after it."""
        self.room, self.depth = 4, self.depth + 1
        getattr(self, self.pick.choice(["do_for", "do_for", "do_while", "do_while", "do_if"]))()
        self.reaches, self.depth = True, self.depth - 1


def write_program(seed: int) -> Program:
    """The program of a seed."""
    pick = Random(seed)
    writer = Writer(pick)
    text, stateless, enclosed = writer.program()
    helpers = [helper for helper in writer.helpers if helper.name != "bump"]
    script = ScriptWriter(pick, text, writer.tasks, helpers, writer.many_tails, writer.machine)
    actions = script.script()
    return Program(seed, text, actions, stateless and script.stateless, enclosed, writer.machine)
