"""Runs programs as plain Python, on the graph path and on the VM path, and compares what comes out.

What is compared of each call: the value with its type, bit for bit; of an exception the type, arguments, cause, and of
each of the program's frames in its traceback the function, the lines, the columns and the variables; what was done to opaque objects,
in which order; warnings; and between the two paths the notes.
"""

from __future__ import annotations

import contextlib
import itertools
import linecache
import signal
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any

import cascade as cs
from cascade.errors import LoweringError
from tests.support.random_programs.model import HEADER, Call, Change, Program
from tests.support.random_programs.outcomes import Outcome, exact, exact_error
from tests.support.random_programs.worlds import MODULES, PLAIN, STEP_LIMIT, Names, World, run_plain_machine

PLAIN_SECONDS, PATH_SECONDS = 1.0, 20.0
"""Processor time of a call: mostly it takes some microseconds, but what is endless must not hide a difference."""

_numbers = itertools.count()


class Difference(AssertionError):
    """A path did not give what plain Python gives."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class Runaway(BaseException):
    """A program takes too long; no handler of the program or of Cascade is meant to catch it."""


@dataclass
class Tally:
    """What was done: counts that can be added.

    Attributes:
        programs: that were compared.
        in_kernels: of these, the ones of which a task was run by typed code.
        calls: that were compared, each made on the graph path and several times on the VM path.
        raised: of these, the ones that ended in an exception.
        kernels: that were made; with their entries and exits.
        left_out: programs that were not compared to the end, by the reason.
        refused: calls not compared on the VM path, as `lower=True` makes errors of them, by the codes of the reasons.
    """

    programs: int = 0
    in_kernels: int = 0
    calls: int = 0
    raised: int = 0
    kernels: int = 0
    entries: int = 0
    exits: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


# -- Ways of running --------------------------------------------------------------------------------------------------


class Way:
    """One way of running the task of a world. Plain Python is one, too."""

    name = "plain Python"
    names = PLAIN
    seconds = PLAIN_SECONDS
    passed_on: tuple[type[BaseException], ...] = (Runaway, RecursionError, MemoryError, KeyboardInterrupt)

    def __init__(self, code: CodeType, program: Program, caught: list[warnings.WarningMessage]) -> None:
        self.world = World(code, program.enclosed, self.names)
        self.machine = program.machine
        # Of a map; what is done to an object is written down for each item.
        self.items = 3 if program.stateless and "kind='noisy'" not in repr(program.script) else 1
        self.others: tuple[Any, ...] = ()
        self.caught = caught

    def outcomes(self, call: Call, times: int) -> list[Outcome]:
        """What so many equal calls give."""
        arguments = self.world.arguments(call.arguments)
        self.others = self.world.arguments(call.others)
        return [self.outcome(self.run, arguments) for _ in range(times)]

    def run(self, arguments: tuple[Any, ...]) -> Any:
        by_name = self.world.defined.__getitem__
        if self.machine:
            return run_plain_machine(self.world.states(arguments, self.others), by_name)
        return self.world.task.run(arguments, by_name)

    def outcome(self, run: Callable[[tuple[Any, ...]], Any], arguments: tuple[Any, ...]) -> Outcome:
        self.world.log.clear()
        self.caught.clear()
        notes: tuple[str, ...] = ()
        result: tuple[Any, ...]
        signal.setitimer(signal.ITIMER_VIRTUAL, self.seconds)
        try:
            result = "value", exact(run(arguments))
        except self.passed_on:
            raise
        except BaseException as error:
            notes = tuple(getattr(error, "__notes__", ()))
            result = "raised", exact_error(error, self.world.file)
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        warned = [(warning.category.__name__, str(warning.message), warning.lineno) for warning in self.caught]
        return Outcome(result, tuple(self.world.log), tuple(warned), notes)


class GraphWay(Way):
    """By the walker."""

    name = "graph path"
    names = Names(cs, cs.task, cs.TailCall, cs.Jump)
    seconds = PATH_SECONDS
    passed_on: tuple[type[BaseException], ...] = (Runaway, KeyboardInterrupt)
    use_vm = False

    def run(self, arguments: tuple[Any, ...]) -> Any:
        return cs.run(self.target(arguments), use_vm=self.use_vm, max_steps=STEP_LIMIT)

    def target(self, arguments: tuple[Any, ...]) -> Any:
        if not self.machine:
            return self.world.task(*arguments)
        states = {name: task(*given) for name, (task, given) in self.world.states(arguments, self.others).items()}
        selector = cs.select_jump({**states, "end": None})
        for state in states.values():
            cs.bind(state, selector)
        return states["f"]


class MachineWay(GraphWay):
    """By the machine: as a target, under a limit of steps, and by a compiled program."""

    name = "VM path"
    passed_on = (Runaway, KeyboardInterrupt, LoweringError)
    use_vm = True
    program: Any = None

    def outcomes(self, call: Call, times: int) -> list[Outcome]:
        arguments = self.world.arguments(call.arguments)
        self.others = self.world.arguments(call.others)
        if self.program is None and not self.machine:
            self.program = cs.compile(self.world.task)
        several = (self.run_target, self.run_program, self.run, self.run_program if self.machine else self.run_map)
        return [self.outcome(way, arguments) for way in itertools.islice(itertools.cycle(several), times)]

    def outcome(self, run: Callable[[tuple[Any, ...]], Any], arguments: tuple[Any, ...]) -> Outcome:
        try:
            found = super().outcome(run, arguments)
            # In a map the node is another one.
            return found._replace(notes=None) if run == self.run_map else found
        except LoweringError as error:
            return Outcome(("refused", error.reasons[0].code), (), ())

    def run_target(self, arguments: tuple[Any, ...]) -> Any:
        return cs.run(self.target(arguments))

    def run_program(self, arguments: tuple[Any, ...]) -> Any:
        return cs.compile(self.target(arguments))() if self.machine else self.program(*arguments)

    def run_map(self, arguments: tuple[Any, ...]) -> Any:
        return cs.run(self.world.task.map(*([value] * self.items for value in arguments)))[-1]

    def kernels(self) -> list[Any]:
        """The typed code that the program's tasks have got."""
        tasks = [value for value in self.world.defined.values() if isinstance(value, cs.Task)]
        machines = [machine for task in tasks for machine in task.derived.operations.values()]
        return [kernel for each in (*tasks, *machines) for kernel in each.routine.kernels]


# -- The comparison ---------------------------------------------------------------------------------------------------


class Comparison:
    """Runs the script of one program in three worlds."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.may_be_refused = "lower=True" in program.text
        self.tally = Tally()
        self.kept: dict[tuple[str, str], Any] = {}

    def run(self) -> Tally:
        """Compares the program; raises Difference with all that is needed to see it."""
        file = f"<random program {next(_numbers)}>"
        text = self.program.text
        linecache.cache[file] = (len(text), None, text.splitlines(True), file)
        try:
            with warnings.catch_warnings(record=True) as caught, _signals():
                warnings.simplefilter("always")
                self.compare(compile(text, file, "exec", dont_inherit=True), caught)
        finally:
            del linecache.cache[file]
            for (module, name), value in self.kept.items():
                setattr(MODULES[module], name, value)
        return self.tally

    def compare(self, code: CodeType, caught: list[warnings.WarningMessage]) -> None:
        plain = Way(code, self.program, caught)
        graph, vm = GraphWay(code, self.program, caught), MachineWay(code, self.program, caught)
        try:
            for number, action in enumerate(self.program.script):
                if isinstance(action, Call):
                    self.compare_call(number, action, plain, graph, vm)
                elif action.what in MODULES:
                    self.change_module(action)
                else:
                    for way in (plain, graph, vm):
                        way.world.change(action)
        except LeftOut as reason:
            self.tally.left_out[str(reason)] += 1
        if self.tally.calls:
            self.tally.programs += 1
            self.count(vm.kernels())

    def compare_call(self, number: int, call: Call, plain: Way, graph: GraphWay, vm: MachineWay) -> None:
        # Without state a call that is repeated gives the same again: then the slower ways make it once.
        times = call.times + 1
        few = 1 if self.program.stateless else times
        try:
            expected = plain.outcomes(call, few)
        except (Runaway, RecursionError, MemoryError) as error:
            raise LeftOut(type(error).__name__) from None
        try:
            by_graph = graph.outcomes(call, few)
            by_vm = vm.outcomes(call, times)
        except Runaway:
            raise self.difference("endless", number, "an end", "none in time") from None
        self.check(number, graph.name, expected, by_graph, ("result", "log", "warned"))
        if self.may_be_refused and any(outcome.result[0] == "refused" for outcome in by_vm):
            return self.refuse(by_vm)
        self.check(number, vm.name, expected, by_vm, ("result", "log", "warned"))
        self.check(number, vm.name, by_graph, by_vm, ("notes",))
        self.tally.calls += 1
        self.tally.raised += expected[0].result[0] == "raised"

    def refuse(self, outcomes: list[Outcome]) -> None:
        self.tally.refused[next(str(outcome.result[1]) for outcome in outcomes if outcome.result[0] == "refused")] += 1
        if not self.program.stateless:
            raise LeftOut("refused")  # part of the call may have been made

    def check(
        self, number: int, name: str, expected: list[Outcome], found: list[Outcome], parts: tuple[str, ...]
    ) -> None:
        """Raises Difference if these parts of what was found are not as expected."""
        for place, outcome in enumerate(found):
            wanted = expected[min(place, len(expected) - 1)]
            for part in parts:
                if part == "notes" and outcome.notes is None:
                    continue
                if getattr(outcome, part) != getattr(wanted, part):
                    what = f"{name}, {part}, call {place + 1} of {len(found)}"
                    kind = f"{name}: {part} {wanted.kind}/{outcome.kind}"
                    raise self.difference(kind, number, getattr(wanted, part), getattr(outcome, part), what)

    def difference(self, kind: str, number: int, expected: Any, found: Any, what: str = "") -> Difference:
        script = "\n".join(f"# {action}" for action in self.program.script[: number + 1])
        seed = f"seed {self.program.seed}" if self.program.seed else "a program"
        where = f"{seed}: {what or kind}\nexpected {_shown(expected)}\nfound    {_shown(found)}"
        return Difference(kind, f"{where}\n\n{HEADER}\n{self.program.text}\n{script}")

    def change_module(self, change: Change) -> None:
        """Gives an attribute of a module another meaning, for the whole process; None gives it back its own."""
        key = (change.what, change.name)
        kept = self.kept.setdefault(key, getattr(MODULES[change.what], change.name))
        setattr(MODULES[change.what], change.name, kept if change.value is None else change.value)

    def count(self, kernels: list[Any]) -> None:
        self.tally.kernels += len(kernels)
        self.tally.entries += sum(kernel.entries for kernel in kernels)
        self.tally.exits += sum(kernel.exits for kernel in kernels)
        self.tally.in_kernels += any(kernel.entries for kernel in kernels)


def compare(program: Program) -> Tally:
    """Compares one program on all ways of running.

    Raises:
        Difference: with the program, the call, and what was expected and found.
    """
    return Comparison(program).run()


def _shown(value: Any) -> str:
    try:
        return repr(value)
    except ValueError:  # of an int of more than 4,300 digits
        return "too long to be shown"


class LeftOut(Exception):
    """The rest of a program is not compared: plain Python cannot run it, or lowering was refused half-way."""


@contextlib.contextmanager
def _signals() -> Iterator[None]:
    """Lets the timer of processor time raise Runaway."""
    before = signal.signal(signal.SIGVTALRM, _run_away)
    try:
        yield
    finally:
        signal.signal(signal.SIGVTALRM, before)


def _run_away(number: int, frame: FrameType | None) -> None:
    raise Runaway
