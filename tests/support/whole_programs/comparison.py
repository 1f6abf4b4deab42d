"""Runs a program as plain Python, on the graph path, in kernels and in machine code, and compares all that a user can see."""

from __future__ import annotations

import builtins
import contextlib
import gc
import io
import itertools
import linecache
import math
import os
import pickle
import random
import signal
import sys
import threading
import types
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import cascade as cs
from cascade import _vm
from cascade.errors import BlueprintError, DeclarationWarning
from cascade.kernels.blocks.verify import Verifier
from tests.support.frozen_heap import frozen_heap
from tests.support.object_programs.descriptions import Describer, without_addresses
from tests.support.whole_programs.model import Call, Program

PLAIN_SECONDS, TASK_SECONDS = 0.15, 25.0
"""For all calls of a program: plain Python's time, beyond which a program is left out, and that of each other way."""

DROPPED = ("collections", "threads")
"""Surroundings in which the order of finalizers is not defined."""

_numbers = itertools.count()
MODULES = (math, random, builtins, sys)
PLAIN = (int, float, str, bool, list, dict, type(None))
"""What attributes of classes are compared, if they change."""


class Difference(AssertionError):
    """A task did not give what plain Python gives."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class LeftOut(Exception):
    """A program that says nothing: it does not end in time, or what it gives is not defined."""


class Runaway(BaseException):
    """The time of a program is over."""


@dataclass(frozen=True)
class Way:
    """A way of running the calls of a program.

    Attributes:
        name: for people.
        path: "graph" or "run" by `cs.run`, or "program" by a compiled program.
        machine_work: after how much work kernels get machine code: -1 for never, None for the usual.
        is_eager: whether kernels are made at the first call, and stay; else as ever, by the real clock.
    """

    name: str
    path: str
    machine_work: int | None = -1
    is_eager: bool = True


KERNELS, MACHINE_CODE = Way("kernels", "program"), Way("machine code", "program", 0)
OTHERS = (
    Way("graph", "graph"),
    Way("machine code, by run", "run", 0),
    Way("machine code, later", "program", 1),
    Way("as usual", "program", None, False),
)


def ways_of(seed: int) -> tuple[Way, ...]:
    """The ways of running a program: kernels with and without machine code, and one other by turns."""
    return KERNELS, MACHINE_CODE, OTHERS[seed % len(OTHERS)]


class World:
    """A program's module, executed anew for each way."""

    def __init__(self, program: Program, way: Way | None) -> None:
        self.way = way
        self.file = f"<whole program {next(_numbers)}>"
        linecache.cache[self.file] = (
            len(program.text),
            None,
            program.text.splitlines(keepends=True),
            self.file,
        )
        self.module = types.ModuleType("whole_program")
        self.names = vars(self.module)
        self.names["call"] = self.call
        sys.modules["whole_program"] = self.module
        exec(compile(program.text, self.file, "exec", dont_inherit=True), self.names)
        self.first = dict(self.names)
        self.tasks: dict[str, Any] = {}

    def close(self) -> None:
        linecache.cache.pop(self.file, None)
        sys.modules.pop("whole_program", None)

    def task(self, name: str) -> Any:
        function = self.names[name]
        if name not in self.tasks or self.tasks[name][0] is not function:
            task = cs.task(function)
            self.tasks[name] = function, task, cs.compile(task)
        return self.tasks[name]

    def call(self, name: str, *arguments: Any) -> Any:
        """Calls a function of the program in this world's way; programs call this, too."""
        if self.way is None:
            return self.names[name](*arguments)
        _, task, program = self.task(name)
        if self.way.path == "program":
            return program(*arguments)
        return cs.run(task(*arguments), use_vm=self.way.path != "graph")

    def map(self, name: str, items: list[tuple[Any, ...]]) -> list[Any]:
        if self.way is None:
            return [self.names[name](*arguments) for arguments in items]
        mapped = self.task(name)[1].map(*(list(column) for column in zip(*items, strict=True)))
        return list(cs.run(mapped, use_vm=self.way.path != "graph"))

    def state(self) -> list[tuple[str, Any]]:
        """The module's names that mean something else than in the beginning, and the values that may have changed."""
        found = []
        for name, value in self.names.items():
            if name.startswith("__") or name == "call":
                continue
            if isinstance(value, type):
                found += [(f"{name}.{key}", held) for key, held in vars(value).items() if type(held) in PLAIN]
            elif not isinstance(value, (types.ModuleType, types.FunctionType)) or self.first.get(name) is not value:
                found.append((name, value))
        return found

    def described(self) -> Any:
        return Describer().describe(self.state())

    def forms(self) -> int:
        """Instructions in machine code, of all kernels of the program's tasks."""
        kernels = [
            kernel
            for _, task, _ in self.tasks.values()
            for kernel in [*task.routine.kernels, task.routine.block_kernel]
        ]
        return sum(kernel.forms_in_machine_code for kernel in kernels if kernel is not None)


class Recorder:
    """Makes the calls of a program in one world, and writes down what they give."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.caught: list[Any] = []

    def record(self, calls: tuple[Call, ...]) -> list[Any]:
        found = []
        for call in calls:
            with contextlib.suppress(Exception):
                exec(call.before, self.world.names)
            if not callable(self.world.names.get(call.function)):
                raise LeftOut("nothing to call")
            found += [self.one(call) for _ in range(call.times)]
        return found

    def one(self, call: Call) -> dict[str, Any]:
        given = self.arguments(call)
        counts = counts_of(given)
        describer, written = Describer(), io.StringIO()
        self.caught.clear()
        random.seed(17)
        stdout, sys.stdout = sys.stdout, written
        before = self.world.described() if call.around == "threads" and self.world.way is None else None
        try:
            with around(call.around, self.caught):
                result = self.outcome(call, given, describer)
        finally:
            sys.stdout = stdout
        if before is not None and before != self.world.described():
            raise LeftOut("threads share state")
        found = {"result": result, "stdout": without_addresses(written.getvalue()), "warnings": list(self.caught)}
        found["arguments"] = describer.each(given)
        found["module"] = tuple([(name, describer.describe(value)) for name, value in self.world.state()])
        del describer
        found["counts"] = counts_behind(counts, given)
        if found["result"][0] == "raised" and any(found["counts"]):
            gc.collect()  # an exception and its frames may be a cycle
            found["counts"] = counts_behind(counts, given)
        del given
        log = self.world.names.get("LOG")
        found["log"] = Describer().describe(
            sorted(map(repr, log)) if call.around in DROPPED and type(log) is list else log
        )
        return found

    def arguments(self, call: Call) -> tuple[Any, ...]:
        try:
            return tuple(eval(call.arguments, self.world.names))
        except Exception as error:
            raise LeftOut(f"arguments: {type(error).__name__}") from None

    def outcome(self, call: Call, given: tuple[Any, ...], describer: Describer) -> Any:
        try:
            value = self.made(call, given)
            restore()
            return "value", describer.describe(drained(value))
        except (Runaway, MemoryError, KeyboardInterrupt, LeftOut):
            raise
        except BaseException as error:
            restore()
            if ran_out_of_stack(error):
                raise LeftOut("RecursionError") from None
            described = describer.error(error, self.world.file)
            error.__traceback__ = None
            return "raised", described

    def made(self, call: Call, given: tuple[Any, ...]) -> Any:
        if call.around == "threads":
            return self.in_threads(call, given)
        if call.around == "fork":
            return self.in_a_child(call, given)
        if call.around == "map":
            return self.world.map(call.function, [given, self.arguments(call), self.arguments(call)])
        return self.world.call(call.function, *given)

    def in_threads(self, call: Call, given: tuple[Any, ...]) -> list[Any]:
        others = [self.arguments(call) for _ in range(2)]
        found: dict[int, Any] = {}

        def work(number: int, arguments: tuple[Any, ...]) -> None:
            try:
                found[number] = "value", drained(self.world.call(call.function, *arguments))
            except Exception as error:
                found[number] = "raised", type(error), str(error)

        threads = [threading.Thread(target=work, args=each) for each in enumerate([given, *others])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return [found.get(number) for number in range(len(threads))]

    def in_a_child(self, call: Call, given: tuple[Any, ...]) -> Any:
        reading, writing = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(int(TASK_SECONDS))  # timers are not inherited
            try:
                self.answer(call, given, writing)
            finally:
                os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as file:
            data = file.read()
        _, status = os.waitpid(child, 0)
        return status, pickle.loads(data) if data else None

    def answer(self, call: Call, given: tuple[Any, ...], writing: int) -> None:
        """Writes what a call gives, in a child process."""
        try:
            value = Describer().describe(drained(self.world.call(call.function, *given)))
        except BaseException as error:
            value = "raised", type(error).__name__, without_addresses(str(error))
        with os.fdopen(writing, "wb") as file:
            file.write(pickle.dumps(value))


# -- What goes on around a call ----------------------------------------------------------------------------------------


def _nothing(frame: Any, event: str, argument: Any) -> Any:
    return None


@contextlib.contextmanager
def around(kind: str, caught: list[Any]) -> Iterator[None]:
    threshold = gc.get_threshold()
    with _warnings(caught):
        if kind == "signals":
            signal.setitimer(signal.ITIMER_PROF, 0.0005, 0.0005)
        elif kind == "collections":
            gc.set_threshold(3, 2, 2)
            gc.enable()
        elif kind == "trace":
            sys.settrace(_nothing)
        elif kind == "profile":
            sys.setprofile(_nothing)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            gc.disable()
            gc.set_threshold(*threshold)
            restore()


@contextlib.contextmanager
def _warnings(caught: list[Any]) -> Iterator[None]:
    def show(message: Any, category: Any, filename: str, lineno: int, *others: Any) -> None:
        if category is DeclarationWarning:
            return  # a task that has become a generator function: advice, beside the program's own warnings
        caught.append(
            (category.__name__, without_addresses(str(message)), lineno if filename.startswith("<whole") else 0)
        )

    def unraisable(given: Any) -> None:
        caught.append(("unraisable", given.exc_type.__name__, without_addresses(str(given.exc_value))))

    hook, sys.unraisablehook = sys.unraisablehook, unraisable
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.showwarning = show  # type: ignore[assignment]
            yield
    finally:
        sys.unraisablehook = hook


_kept = [(module, dict(vars(module))) for module in MODULES]
_limit = sys.getrecursionlimit()


def restore() -> None:
    """Undoes what a call has done to the process."""
    sys.settrace(None)
    sys.setprofile(None)
    sys.setrecursionlimit(_limit)
    for module, kept in _kept[:-1]:
        if vars(module) != kept:
            for name in set(vars(module)) - set(kept):
                delattr(module, name)
            vars(module).update(kept)


def drained(value: Any) -> Any:
    """An iterator of the program is not a value: what it gives is."""
    if isinstance(value, (types.GeneratorType, map, filter, zip, enumerate)):
        return [*itertools.islice(value, 50)]
    return value


def ran_out_of_stack(error: BaseException | None) -> bool:
    return error is not None and (
        isinstance(error, RecursionError) or ran_out_of_stack(error.__cause__ or error.__context__)
    )


def counts_of(given: tuple[Any, ...]) -> list[int]:
    """References to the arguments, and to what lists and dicts among them hold, if it has an identity of its own."""
    own = (list, dict, set, bytearray)
    found = []
    for value in given:
        if type(value) in own:
            found.append(sys.getrefcount(value))
        if type(value) is list:
            found += [sys.getrefcount(item) for item in value[:5] if type(item) in own]
    return found


def counts_behind(counts: list[int], given: tuple[Any, ...]) -> list[int]:
    """What the counts of references have changed by."""
    return [after - before for before, after in zip(counts, counts_of(given), strict=False)]


# -- The comparison ----------------------------------------------------------------------------------------------------


@dataclass
class Tally:
    """What was compared: counts that can be added."""

    programs: int = 0
    calls: int = 0
    raised: int = 0
    in_machine_code: int = 0

    def add(self, other: Tally) -> None:
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


def recorded(program: Program, way: Way | None, seconds: float, tally: Tally | None = None) -> list[Any]:
    """All that a program gives in one way; None stands for plain Python."""
    global _ran_away
    _ran_away = False
    _vm.use_machine_code(-1 if way is None else way.machine_work)
    eager = way is None or way.is_eager
    _vm.lower_without_delay(eager)
    _vm.use_trial_clock((lambda plain: 0.0) if eager else None)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds, 0.5)
    world = None
    try:
        world = World(program, way)
        found = Recorder(world).record(program.calls)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        if _ran_away:
            raise Runaway  # a handler of the program has caught it
        if tally is not None:
            tally.in_machine_code += world.forms() > 0
        return found
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        if world is not None:
            world.close()


def expected_of(program: Program) -> list[Any]:
    """What plain Python gives, in two runs that agree."""
    try:
        first = recorded(program, None, PLAIN_SECONDS)
        gc.collect()
        second = recorded(program, None, 4 * PLAIN_SECONDS)
    except LeftOut:
        raise
    except Runaway:
        raise LeftOut("too long") from None
    except BaseException as error:
        raise LeftOut(f"module: {type(error).__name__}") from None
    if first != second:
        raise LeftOut("two runs differ")
    return first


def compare(
    program: Program, ways: tuple[Way, ...] | None = None, phase: Callable[[str], None] = lambda name: None
) -> Tally:
    """Compares a program's calls in several ways with plain Python.

    Raises:
        Difference: with the program and the first difference.
        LeftOut: there is nothing to compare.
    """
    tally = Tally()
    with _undisturbed():
        phase("plain")
        expected = expected_of(program)
        for way in ways or ways_of(program.seed):
            phase(way.name)
            try:
                found = recorded(program, way, TASK_SECONDS, tally if way is MACHINE_CODE else None)
            except Runaway:
                raise Difference(f"{way.name}: endless", f"{way.name} takes too long\n{program}") from None
            except LeftOut as reason:
                if "RecursionError" in str(reason):
                    raise
                raise Difference(f"{way.name}: {reason}", f"{way.name}: {reason}\n{program}") from None
            _check(program, way, expected, found)
            if _refused:
                raise Difference("verifier", f"{_refused[0]}, {way.name}\n{program}")
    tally.programs, tally.calls = 1, len(expected)
    tally.raised = sum(each["result"][0] == "raised" for each in expected)
    return tally


def _check(program: Program, way: Way, expected: list[Any], found: list[Any]) -> None:
    places = [call for call in program.calls for _ in range(call.times)]
    for number, (wanted, given, call) in enumerate(zip(expected, found, places, strict=True)):
        for part in wanted:
            if wanted[part] != given[part]:
                kind = f"{way.name}: {part} {wanted['result'][0]}/{given['result'][0]}"
                here, there = first_difference(wanted[part], given[part])
                text = (
                    f"{kind}, run {number + 1}: {call}\nexpected {here!r:.2500}\nfound    {there!r:.2500}\n\n{program}"
                )
                raise Difference(kind, text)


def first_difference(expected: Any, found: Any) -> tuple[Any, Any]:
    """The smallest parts of two descriptions that hold all of their difference."""
    while type(expected) is type(found) and type(expected) in (tuple, list) and len(expected) == len(found):
        pairs = [pair for pair in zip(expected, found, strict=True) if pair[0] != pair[1]]
        if len(pairs) != 1 or len(repr(expected)) < 200:
            break
        expected, found = pairs[0]
    return expected, found


_ran_away = False


def _run_away(number: int, frame: Any) -> None:
    global _ran_away
    _ran_away = True
    raise Runaway


_ticks = [0]


def _tick(number: int, frame: Any) -> None:
    _ticks[0] += 1


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    _refused.clear()
    alarm, profile = signal.signal(signal.SIGVTALRM, _run_away), signal.signal(signal.SIGPROF, _tick)
    collects = gc.isenabled()
    gc.disable()
    try:
        with _watched_verifier(), frozen_heap():
            yield
    finally:
        _vm.use_trial_clock(None)
        _vm.lower_without_delay(False)
        _vm.use_machine_code(None)
        signal.signal(signal.SIGVTALRM, alarm)
        signal.signal(signal.SIGPROF, profile)
        restore()
        if collects:
            gc.enable()


_refused: list[str] = []


@contextlib.contextmanager
def _watched_verifier() -> Iterator[None]:
    """Notes what the verifier of blocks refuses, where the environment has CASCADE_VERIFY_BLOCKS; CPython would execute it."""
    originals = Verifier.verify_entry, Verifier.verify_growth

    def noting(original: Any) -> Any:
        def verify(self: Verifier, *given: Any) -> None:
            try:
                original(self, *given)
            except BlueprintError as error:
                _refused.append(str(error))
                raise

        return verify

    Verifier.verify_entry, Verifier.verify_growth = map(noting, originals)  # type: ignore[method-assign]
    try:
        yield
    finally:
        Verifier.verify_entry, Verifier.verify_growth = originals  # type: ignore[method-assign]
