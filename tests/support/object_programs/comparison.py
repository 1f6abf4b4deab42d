"""Runs programs as plain Python and as tasks, and compares everything that a user can see.

For each call: the value or the exception with its traceback, the arguments and the module's globals afterwards, warnings, what
hostile objects wrote down in `LOG`, which objects are alive while the result is held and after it is gone, and the counts of
references to the arguments.
"""

from __future__ import annotations

import builtins
import contextlib
import gc
import itertools
import linecache
import math
import os
import random
import signal
import sys
import tempfile
import traceback
import types
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cascade as cs
from cascade.errors import CacheWarning
from tests.support.frozen_heap import frozen_heap
from tests.support.fuel import words_without_fuel
from tests.support.object_programs.descriptions import SCALARS, Describer, without_addresses
from tests.support.object_programs.model import HEADER, Call, Program, compiled

PLAIN_SECONDS, TASK_SECONDS = 0.06, 20.0
"""Time of all equal calls in plain Python, which are left out if they take longer, and of those of tasks."""

ITERATED = "iter"
"""What a list with an `__iter__` of its own writes down."""

POLICIES = ("retry", "retry_task", "timeout", "cache")
UNCHANGING = (types.ModuleType, types.FunctionType, types.BuiltinFunctionType)
PARTS = ("result", "afterwards", "warned", "left", "counts")
LIVENESS = ("left", "counts")
MODULES = (math, random, builtins)
DIRECTORY = Path(tempfile.gettempdir()) / f"object_programs_{os.getuid()}"

_numbers = itertools.count()
_ran_away = False  # a handler of the program may have caught it


class Difference(AssertionError):
    """A task did not give what plain Python gives."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class Runaway(BaseException):
    """A program takes too long."""


class NoArguments(Exception):
    """The arguments of a call cannot be made: a class was changed."""


class LeftOut(Exception):
    """The rest of a program is not compared, as plain Python does not end in time, or what it gives depends on how deep the stack is."""


@dataclass
class Tally:
    """What was done: counts that can be added.

    Attributes:
        programs: that were compared.
        calls: that were compared.
        raised: of these, the ones that ended in an exception.
        kernels: typed code that the programs' tasks have, with the entries into it and the exits from it.
        in_kernels: programs of which some typed code was entered.
        left_out: programs that were not compared to the end, by the reason.
        features: programs by the rows of the grammar that they are made of.
    """

    programs: int = 0
    calls: int = 0
    raised: int = 0
    kernels: int = 0
    entries: int = 0
    exits: int = 0
    in_kernels: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    features: Counter[str] = field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


# -- Ways of running --------------------------------------------------------------------------------------------------


class Nothing:
    """A cache that never has anything."""

    def check(self, task_id: str, arguments: dict[str, Any]) -> Any:
        return None

    def save(self, task_id: str, arguments: dict[str, Any], value: Any) -> None:
        pass


def _map(way: Tasks, name: str, arguments: tuple[Any, ...]) -> Any:
    return cs.run(way.task(name).map(*([value] for value in arguments)))[0]


def _map_three(way: Tasks, name: str, arguments: tuple[Any, ...]) -> Any:
    return cs.run(way.task(name).map(*(list(values) for values in zip(*way.three(arguments), strict=True))))


WAYS: dict[str, Callable[[Any, str, tuple[Any, ...]], Any]] = {
    "run": lambda way, name, arguments: cs.run(way.task(name)(*arguments)),
    "program": lambda way, name, arguments: way.program(name)(*arguments),
    "graph": lambda way, name, arguments: cs.run(way.task(name)(*arguments), use_vm=False),
    "retry": lambda way, name, arguments: cs.run(way.task(name)(*arguments).with_retry(max_attempts=1)),
    "retry_task": lambda way, name, arguments: cs.run(cs.task(retry=1)(way.world.names[name])(*arguments)),
    "timeout": lambda way, name, arguments: cs.run(way.task(name)(*arguments).with_timeout(60)),
    "cache": lambda way, name, arguments: cs.run(way.task(name)(*arguments).with_cache(Nothing())),
    "map": _map,
    "map_three": _map_three,
}


class World:
    """A program's module, executed anew for each way of running it, so that none sees what another has changed."""

    def __init__(self, code: types.CodeType, calls: types.CodeType) -> None:
        self.module = types.ModuleType("object_program")
        self.names = vars(self.module)
        self.names["__file__"] = code.co_filename
        sys.modules["object_program"] = self.module  # dataclasses look for it
        exec(code, self.names)
        self.known = dict(self.fixed())
        self.calls: list[Callable[[], tuple[Any, ...]]] = eval(calls, self.names)

    def arguments(self, number: int) -> tuple[Any, ...]:
        try:
            return self.calls[number]()
        except Exception as error:
            raise NoArguments(type(error).__name__) from None

    def fixed(self) -> Iterator[tuple[str, Any]]:
        """The names of what cannot change: modules, functions, and classes as long as their attributes are the same objects."""
        for name, value in self.names.items():
            if isinstance(value, UNCHANGING) and not getattr(value, "__defaults__", None):
                yield name, value
            elif isinstance(value, type):
                yield name, dict(vars(value))

    def change(self, statement: str) -> None:
        """Gives names of the module another meaning, where that is possible."""
        with contextlib.suppress(Exception):
            exec(statement, self.names)

    def globals(self) -> dict[str, Any]:
        """What the names of the module mean, where it is not what they have meant from the beginning; of classes the attributes."""
        found = {}
        for name, value in self.names.items():
            known = self.known.get(name)
            if known is value or name.startswith("__"):
                continue
            if type(known) is dict and isinstance(value, type):
                if vars(value) != known:
                    found[f"class {name}"] = [
                        (key, held) for key, held in vars(value).items() if not key.startswith("_")
                    ]
            else:
                found[name] = value
        return found


@dataclass
class Outcome:
    """What a call gave, by parts; `value` is what a user holds of it."""

    result: Any
    afterwards: Any = None
    warned: Any = None
    left: Any = None
    counts: Any = None

    @property
    def kind(self) -> str:
        return str(self.result[1][0]) if self.result[0] == "raised" else "value"


class Plain:
    """Plain Python: calls the functions themselves."""

    seconds = PLAIN_SECONDS

    def __init__(self, world: World, caught: list[warnings.WarningMessage]) -> None:
        self.world, self.caught = world, caught
        self.number = 0  # of the call under way
        self.held: list[tuple[Any, ...]] = []
        self.file = world.names["__file__"]

    def outcomes(self, number: int, call: Call) -> list[Outcome]:
        """What so many equal calls give."""
        global _ran_away
        _ran_away = False
        self.world.change(call.before)
        signal.setitimer(signal.ITIMER_REAL, self.seconds, self.seconds)
        try:
            found = [self.outcome(number, call, place) for place in range(call.times)]
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        if _ran_away:
            raise Runaway
        return found

    def run(self, call: Call, place: int, arguments: tuple[Any, ...]) -> Any:
        function = self.world.names[call.function]
        if call.way(place) == "map_three":
            return [function(*each) for each in self.three(arguments)]
        return function(*arguments)

    def three(self, arguments: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        """The arguments of three items of a map."""
        others = [self.world.arguments(self.number) for _ in range(2)]
        self.empty("LOG")
        self.held = [arguments, *others]  # so that none dies while the map runs
        return self.held

    def outcome(self, number: int, call: Call, place: int) -> Outcome:
        self.number = number
        arguments = self.prepare(number)
        counts = reference_counts(arguments)
        describer = Describer()
        try:
            value = drained(self.run(call, place, arguments))
            restore()
            outcome = Outcome(("value", describer.describe(value)))
            del value
        except (Runaway, MemoryError, KeyboardInterrupt):
            raise
        except BaseException as error:
            restore()
            described = ("RecursionError",) if ran_out_of_stack(error) else describer.error(error, self.file)
            outcome = Outcome(("raised", described))
            error.__traceback__ = None
            del error
        self.forget_search()
        outcome.afterwards = describer.each(arguments), describer.describe(self.world.globals())
        outcome.warned = tuple(
            [
                (each.category.__name__, without_addresses(str(each.message)), each.lineno, each.filename == self.file)
                for each in self.caught
                if each.category is not CacheWarning
            ]
        )
        del describer
        outcome.counts = tuple(
            [after - before for before, after in zip(counts, reference_counts(arguments), strict=True)]
        )
        del arguments
        outcome.left = Describer().each([self.world.names.get("LOG"), self.world.names.get("WATCHED")])
        self.held = []
        return outcome

    def forget_search(self) -> None:
        """Around a call the engine looks for deferred values in arguments and results, and iterates lists with an `__iter__` of their own."""
        log = self.world.names.get("LOG")
        if type(log) is list:
            while log and type(log[0]) is str and log[0] == ITERATED:
                del log[0]
            while log and type(log[-1]) is str and log[-1] == ITERATED:
                del log[-1]

    def prepare(self, number: int) -> tuple[Any, ...]:
        self.empty("WATCHED")
        random.seed(17)
        arguments = self.world.arguments(number)
        self.empty("LOG")
        self.caught.clear()
        return arguments

    def empty(self, name: str) -> None:
        if type(self.world.names.get(name)) is list:
            self.world.names[name].clear()


class Tasks(Plain):
    """Tasks, by the ways that a call names."""

    seconds = TASK_SECONDS

    def __init__(self, world: World, caught: list[warnings.WarningMessage]) -> None:
        super().__init__(world, caught)
        self.tasks: dict[str, Any] = {}
        self.programs: dict[str, Any] = {}

    def task(self, name: str) -> Any:
        if name not in self.tasks:
            self.tasks[name] = cs.task(self.world.names[name])
        return self.tasks[name]

    def program(self, name: str) -> Any:
        if name not in self.programs:
            self.programs[name] = cs.compile(self.task(name))
        return self.programs[name]

    def run(self, call: Call, place: int, arguments: tuple[Any, ...]) -> Any:
        return WAYS[call.way(place)](self, call.function, arguments)

    def outcome(self, number: int, call: Call, place: int) -> Outcome:
        found = super().outcome(number, call, place)
        if found.kind != "value" and call.way(place) in POLICIES:
            gc.collect()  # the coroutine that executes the policies holds the exception: what dies with it is not a part of later calls
        return found

    def kernels(self) -> list[Any]:
        found = [kernel for task in self.tasks.values() for kernel in getattr(task.routine, "kernels", ())]
        blocks = [task.routine.block_kernel for task in self.tasks.values()]
        return found + [kernel for kernel in blocks if kernel is not None]


def ran_out_of_stack(error: BaseException | None) -> bool:
    """Returns whether an exception came of the depth of the stack, which is another one in each way of running."""
    return error is not None and (
        isinstance(error, RecursionError) or ran_out_of_stack(error.__cause__ or error.__context__)
    )


def drained(value: Any) -> Any:
    """An iterator of the program is not a value: what it gives is."""
    return (
        [*itertools.islice(value, 50)]
        if isinstance(value, (types.GeneratorType, map, filter, zip, enumerate))
        else value
    )


SHARED = (
    int, float, complex, str, bytes, type(None), type, tuple, range,
    types.FunctionType, types.BuiltinFunctionType, types.ModuleType, *SCALARS,
)  # fmt: skip
"""Numbers, texts, ranges, constant tuples and what the modules hold are shared with the whole process."""


def reference_counts(arguments: tuple[Any, ...]) -> list[int]:
    """Of what the arguments alone hold."""
    return [0 if isinstance(value, SHARED) else sys.getrefcount(value) for value in tuple.__iter__(arguments)]


_hooks: list[Any] = [None, None]  # of a debugger, a coverage tool or a profiler
_kept = [(module, dict(vars(module))) for module in MODULES]


def restore() -> None:
    """Undoes what a call has done to the process."""
    if sys.gettrace() is not _hooks[0] or sys.getprofile() is not _hooks[1]:
        sys.settrace(_hooks[0])
        sys.setprofile(_hooks[1])
    for module, kept in _kept:
        if vars(module) != kept:
            vars(module).update(kept)


# -- The comparison ---------------------------------------------------------------------------------------------------


class Comparison:
    """Runs the calls of one program in two worlds."""

    def __init__(self, program: Program, tasks: type[Tasks]) -> None:
        self.program = program
        self.kind = tasks
        self.tally = Tally()
        self.plain: Callable[[], Plain]

    def run(self) -> Tally:
        """Compares the program; raises Difference with all that is needed to see it."""
        DIRECTORY.mkdir(exist_ok=True)
        file = DIRECTORY / f"program_{os.getpid()}_{next(_numbers)}.py"
        file.write_text(self.program.text, encoding="utf-8", errors="surrogatepass")
        try:
            with warnings.catch_warnings(record=True) as caught, undisturbed(caught):
                warnings.simplefilter("always")
                self.compare(str(file), caught)
        except LeftOut as reason:
            self.tally.left_out[str(reason)] += 1
        finally:
            file.unlink()
            linecache.cache.pop(str(file), None)
        return self.tally

    def compare(self, file: str, caught: list[warnings.WarningMessage]) -> None:
        code = compiled(self.program.text)
        arguments = ", ".join(f"lambda: {call.arguments}" for call in self.program.calls)
        calls = compile(f"[{arguments}]", "<arguments>", "eval", dont_inherit=True)
        # Each world has code objects of its own: CPython specialises them for the types that they meet.
        self.plain = lambda: Plain(World(code_of(code, file), calls), caught)
        try:
            plain = self.plain()
        except Exception as error:
            raise LeftOut(f"module: {type(error).__name__}") from None
        tasks = self.kind(World(code_of(code, file), calls), caught)
        for number, call in enumerate(self.program.calls):
            if not callable(plain.world.names.get(call.function)):
                raise LeftOut("nothing to call")
            self.compare_call(number, call, plain, tasks)
        self.tally.programs += 1
        self.tally.features.update(self.program.features)
        self.count(tasks.kernels())

    def compare_call(self, number: int, call: Call, plain: Plain, tasks: Tasks) -> None:
        try:
            expected = plain.outcomes(number, call)
        except (Runaway, MemoryError, NoArguments, RecursionError) as error:
            raise LeftOut(type(error).__name__) from None
        try:
            found = tasks.outcomes(number, call)
        except NoArguments as error:
            raise self.difference("arguments", number, 0, "arguments", str(error)) from None
        except Runaway as runaway:
            where = traceback.format_tb(runaway.__traceback__)[-3:]
            raise self.difference("endless", number, 0, "an end", f"none in time: {where}") from None
        for place, (wanted, outcome) in enumerate(zip(expected, found, strict=True)):
            self.check(number, place, wanted, outcome)
        self.tally.calls += len(expected)
        self.tally.raised += sum(outcome.result[0] == "raised" for outcome in expected)

    def check(self, number: int, place: int, wanted: Outcome, outcome: Outcome) -> None:
        if wanted.result == outcome.result == ("raised", ("RecursionError",)):
            raise LeftOut("RecursionError")  # how far it came depends on the depth of the stack
        for part in PARTS:
            expected, found = getattr(wanted, part), getattr(outcome, part)
            if expected != found:
                if part in LIVENESS and self.may_live_on(number, place, wanted):
                    raise LeftOut("frames live on")
                if excuse := self.excuse(part, number, _shown(expected, None) + _shown(found, None)):
                    raise LeftOut(excuse)
                raise self.difference(
                    f"{part} {wanted.kind}/{outcome.kind}", number, place, *first_difference(expected, found)
                )

    def excuse(self, part: str, number: int, shown: str) -> str | None:
        """Why a difference is none, if it is."""
        if "'RecursionError'" in shown:
            return "RecursionError"  # it was caught: how far the calls came depends on the depth of the stack
        was_cached = any("cache" in call.ways for call in self.program.calls[: number + 1])
        if part == "afterwards" and was_cached and "'del'" in shown:
            return "kept by a cache"  # the identity of a function keeps what its names meant in the last call
        return None

    def may_live_on(self, number: int, place: int, wanted: Outcome) -> bool:
        """Returns whether arguments may outlive the call: with a frame of the program in a cycle those of all callers live on."""
        call = self.program.calls[number]
        if wanted.result[0] == "raised" and call.way(place) in POLICIES:
            return True  # the coroutine that executes the policies holds the exception
        gc.collect()
        plain = self.plain()
        for again in range(number + 1):
            plain.outcomes(again, self.program.calls[again])
        found = [
            each for each in gc.get_objects() if type(each) is types.FrameType and each.f_code.co_filename == plain.file
        ]
        return bool(found)

    def difference(self, kind: str, number: int, place: int, expected: Any, found: Any) -> Difference:
        call = self.program.calls[number]
        calls = "\n".join(f"# {call}" for call in self.program.calls[: number + 1])
        what = f"{kind}, call {number} ({call.function}{call.arguments}){f' after {call.before!r}' if call.before else ''}, time {place + 1} of {call.times}, by {call.way(place)!r}"
        where = f"seed {self.program.seed}: {what}\nexpected {_shown(expected)}\nfound    {_shown(found)}"
        return Difference(kind, f"{where}\n\n{HEADER}\n{self.program.text}\n{calls}")

    def count(self, kernels: list[Any]) -> None:
        self.tally.kernels += len(kernels)
        self.tally.entries += sum(kernel.entries for kernel in kernels)
        self.tally.exits += sum(getattr(kernel, "exits", 0) for kernel in kernels)
        self.tally.in_kernels += any(kernel.entries for kernel in kernels)
        for kernel in kernels:
            if hasattr(kernel, "listing") and (words := words_without_fuel(kernel)):
                last = len(self.program.calls) - 1
                raise self.difference("no fuel", last, 0, "fuel on each way round", f"none round the words {words}")


def code_of(code: types.CodeType, file: str) -> types.CodeType:
    """Another code object like `code`, whose source stands in `file`."""
    inner = tuple(code_of(each, file) if type(each) is types.CodeType else each for each in code.co_consts)
    return code.replace(co_filename=file, co_consts=inner)


def compare(program: Program, tasks: type[Tasks] = Tasks) -> Tally:
    """Compares one program as plain Python and as tasks.

    Raises:
        Difference: with the program, the call, and what was expected and found.
    """
    return Comparison(program, tasks).run()


def first_difference(expected: Any, found: Any) -> tuple[Any, Any]:
    """The smallest parts of two descriptions that show their difference, with a little of what is around."""
    while type(expected) is type(found) is tuple and len(expected) == len(found) and len(repr(expected)) > 200:
        pairs = [pair for pair in zip(expected, found, strict=True) if pair[0] != pair[1]]
        if len(pairs) != 1:
            break
        expected, found = pairs[0]
    return expected, found


def _shown(value: Any, length: int | None = 3000) -> str:
    try:
        return repr(value)[:length]
    except ValueError:  # of an int of more than 4,300 digits
        return "too long to be shown"


@contextlib.contextmanager
def undisturbed(caught: list[warnings.WarningMessage]) -> Iterator[None]:
    """The timer may raise Runaway, and cycles of dead objects are collected between programs only; errors in `__del__` count as warnings."""
    before = signal.signal(signal.SIGALRM, _run_away)
    hook, sys.unraisablehook = sys.unraisablehook, lambda given: caught.append(_as_warning(given))
    collects = gc.isenabled()
    gc.disable()
    _hooks[:] = sys.gettrace(), profile if callable(profile := sys.getprofile()) else None
    try:
        with frozen_heap():
            yield
    finally:
        restore()
        signal.signal(signal.SIGALRM, before)
        sys.unraisablehook = hook
        sys.modules.pop("object_program", None)
        if collects:
            gc.enable()


def _as_warning(given: Any) -> warnings.WarningMessage:
    trace = given.exc_traceback
    return warnings.WarningMessage(
        str(given.exc_value),
        given.exc_type,
        trace.tb_frame.f_code.co_filename if trace else "",
        trace.tb_lineno if trace else 0,
    )


def _run_away(number: int, frame: types.FrameType | None) -> None:
    global _ran_away
    _ran_away = True
    raise Runaway
