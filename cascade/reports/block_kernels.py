"""Reports of kernels that are made as they are executed: their call-outs and side exits, and what these cost.

The extension counts all of them, and times some by the clock (`cascade/vm/stopwatch.h`), so shares of the time are estimates.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from types import FunctionType
from typing import TYPE_CHECKING, TypeVar, cast

from cascade._vm import BlockKernel, Routine
from cascade.declare.functions import loops
from cascade.graph.description import counted
from cascade.instructions.causes import ANOTHER_NAME, CODES, RAISES
from cascade.instructions.kernel import KERNEL_INSTRUCTIONS
from cascade.kernels.diagnostics import SLOWER_THAN_CALLING, Diagnostic
from cascade.reports.instructions_in_words import LEAVES, Expression, FunctionText

if TYPE_CHECKING:
    from cascade.kernels.blocks.translator import Translator

SHOWN = 8
"""Call-outs and side exits that the text of a report shows."""
TAKES_REST = 0x0C
"""Flags of code objects with `*args` and `**kwargs`."""
MOST = 2 / 3
"""The part of the time from which on a kernel is slow by itself, not because of its call-outs and side exits."""


@dataclass(frozen=True)
class CallOutReport:
    """A call-out: CPython executes an expression or statement, and the kernel continues behind it.

    Attributes:
        line: of its first character.
        source: its text, shortened; empty where the source is not there.
        verb: what CPython does: "is called".
        code: why it has no typed form; docs/lowering.md lists the codes.
        count: how often.
        seconds: the time of all of them, about.
        share: the part of the time of the function's runs; None where it is not known.
        why: of a call of a Python function, why its kernel is not called; "" where it is none, or the reason is not known.
    """

    line: int
    source: str
    verb: str
    code: str
    count: int
    seconds: float
    share: float | None
    why: str = ""

    def __str__(self) -> str:
        return self.text()

    def text(self, whose: str = "the") -> str:
        """Returns it as a line; `whose` says whose time the share is a part of."""
        what = f"`{self.source}` {self.verb}" if self.source else f"something {self.verb}"
        why = f": {self.why}" if self.why else ""
        return f"line {self.line}: {what}, {of_the_time(self.share, whose)}{times(self.count)} ({self.code}){why}"


@dataclass(frozen=True)
class SideExitReport:
    """A side exit: CPython continues from an expression to the end of the function.

    Attributes:
        line: of its first character.
        source: its text, shortened; empty where the source is not there.
        cause: of the exit.
        code: of the cause; docs/lowering.md lists the codes.
        count: how often.
        seconds: what CPython took to the end of the function, about.
        share: the part of the time of the function's runs; None where it is not known.
    """

    line: int
    source: str
    cause: str
    code: str
    count: int
    seconds: float
    share: float | None

    def __str__(self) -> str:
        return self.text()

    def text(self, whose: str = "the") -> str:
        """Returns it as a line; `whose` says whose time the share is a part of."""
        where = f" at `{self.source}`" if self.source else ""
        return f"line {self.line}: side exit{where}, {self.cause}, {of_the_time(self.share, whose)}{times(self.count)} ({self.code})"


@dataclass(frozen=True)
class BlockKernelReport:
    """The kernel of a function whose code is made as it is executed, and its counters. They count all runs of the function, of all tasks.

    Attributes:
        name: of the function.
        file, line: of the function.
        instructions: the number of instructions made so far.
        runs: the number of entries, those of recursive calls included.
        seconds: the time of all runs, about; without that for making code.
        call_outs: the most expensive one first.
        exits: its side exits, the most expensive one first.
        retired: whether it is no longer entered.
        slower: whether that is because CPython was faster.
        trial_seconds: the time of a call by the kernel, and by CPython, by the last measurement of both; None without one.
        trial_in_batches: whether these hold the time between two calls as well: calls are so short that several were timed at once.
        functions: the reports of the functions that it calls by their kernels, directly and indirectly.
        in_machine_code: how many of its instructions machine code executes without a handler; 0 where there is none.
    """

    name: str
    file: str
    line: int
    instructions: int
    runs: int
    seconds: float
    call_outs: tuple[CallOutReport, ...]
    exits: tuple[SideExitReport, ...]
    retired: bool
    slower: bool
    trial_seconds: tuple[float, float] | None
    trial_in_batches: bool = False
    functions: tuple[BlockKernelReport, ...] = ()
    in_machine_code: int = 0

    @property
    def tier(self) -> str:
        """What executes it: "machine code", or "handlers" only."""
        return tier(self.in_machine_code)

    @property
    def worst(self) -> CallOutReport | SideExitReport | None:
        """The call-out or side exit that takes most of the time."""
        return next(iter(_all_parts(self)), None)

    @property
    def own_share(self) -> float | None:
        """The part of the time that no call-out or side exit takes: entering, instructions, functions called by their kernels. None where it is not known."""
        shares = [part.share for part in _all_parts(self)]
        known = [share for share in shares if share is not None]
        return max(0.0, 1.0 - sum(known)) if known and len(known) == len(shares) else None

    @property
    def is_slow_by_itself(self) -> bool:
        """Whether it is retired, and its call-outs and side exits together take a small part of the time only."""
        return self.slower and self.own_share is not None and self.own_share > MOST


def tier(count: int) -> str:
    """Returns what executes a kernel of which so many instructions are in machine code."""
    return "machine code" if count else "handlers"


def in_machine_code(count: int) -> str:
    """Returns the words behind the number of a kernel's instructions."""
    return f" ({count} in machine code)" if count else ""


def refusal(routine: Routine) -> Diagnostic | None:
    """Returns why a task's function has no such kernel; None where it has one, or nothing has been tried."""
    found = routine.block_refusal
    if isinstance(found, Diagnostic):
        return found
    function = routine.function
    if not routine.calls_before_block_kernel or not isinstance(function, FunctionType):
        return None
    from cascade.kernels.blocks.admission import refusal_of

    return refusal_of(function)


def regime(routine: Routine) -> tuple[str, str] | None:
    """Returns the regime of a task by its kernel of this kind, and why; None where it has none, and will have none."""
    kernel = routine.block_kernel
    if kernel is not None:
        return ("call", _why_retired(kernel)) if kernel.retired else ("kernel", "its function runs in a kernel")
    calls = routine.calls_before_block_kernel
    if not calls or refusal(routine) is not None:
        return None
    if calls == 1:
        return "kernel", "its kernel is made at the next call"
    waits = loops(cast("FunctionType", routine.function))
    reason = (
        "making kernels has taken a tenth of the process's time so far"
        if waits
        else "its function has no loop statement"
    )
    at_once = "; @cs.task(lower=True) has it made at once" if waits else ""
    return "call", f"{reason}, so its kernel is made at the {ordinal(calls)} call from now{at_once}"


def translator_of(kernel: BlockKernel) -> Translator:
    """Returns what makes the code of a kernel."""
    return cast("Translator", kernel.translator)


def _why_retired(kernel: BlockKernel) -> str:
    if not kernel.slower:
        return "its kernel was given up, as no code could be made for it"
    by_kernel, plain = kernel.trial_seconds or (1.0, 1.0)
    made = report(kernel)
    because = "" if made.worst is None else f"; {made.worst}"
    if made.is_slow_by_itself:
        own = made.own_share or 0.0
        because = f"; its call-outs and side exits take {percent(1.0 - own)} of the time, the rest of the kernel {percent(own)}"
    return f"{SLOWER_THAN_CALLING} its kernel takes {by_kernel / (plain or 1.0):.2f} times as long as calling the function{because}"


Part = TypeVar("Part", bound=CallOutReport | SideExitReport)


def report(kernel: BlockKernel) -> BlockKernelReport:
    """Returns the report of a kernel, and of those that it calls."""
    return _report(kernel, tuple(_report(each, ()) for each in with_called(kernel)[1:] if each.entries))


def _report(kernel: BlockKernel, functions: tuple[BlockKernelReport, ...]) -> BlockKernelReport:
    translator = translator_of(kernel)
    text = FunctionText(translator.function, translator.text.instructions.values())
    code = translator.code
    _, seconds = kernel.runs
    call_outs, exits = _call_outs(kernel, translator, text), _exits(kernel, translator, text)
    parts = sum(seconds for _, seconds in (*call_outs.values(), *exits.values()))
    total = max(seconds, parts)  # they are estimates of their own

    def share(seconds: float) -> float | None:
        return seconds / total if total else None

    return BlockKernelReport(
        name=translator.function.__qualname__,
        file=code.co_filename,
        line=code.co_firstlineno,
        instructions=translator.word_count,
        runs=kernel.entries,
        seconds=total,
        call_outs=_worst_first(
            CallOutReport(
                found.line, found.source, found.words.verb, found.words.code, count, seconds, share(seconds), why
            )
            for (found, why), (count, seconds) in call_outs.items()
        ),
        exits=_worst_first(
            SideExitReport(found.line, found.source, cause, CODES[cause], count, seconds, share(seconds))
            for (found, cause), (count, seconds) in exits.items()
        ),
        retired=kernel.retired,
        slower=kernel.slower,
        trial_seconds=kernel.trial_seconds,
        trial_in_batches=kernel.trial_in_batches,
        functions=functions,
        in_machine_code=kernel.forms_in_machine_code,
    )


def _all_parts(made: BlockKernelReport) -> tuple[CallOutReport | SideExitReport, ...]:
    parts: tuple[CallOutReport | SideExitReport, ...] = (*made.call_outs, *made.exits)
    return _worst_first(parts)


def _worst_first(parts: Iterable[Part]) -> tuple[Part, ...]:
    return tuple(sorted(parts, key=lambda part: (-part.seconds, -part.count, part.line)))


Key = TypeVar("Key", bound=Hashable)


def _added(items: Iterable[tuple[Key, int, float]]) -> dict[Key, tuple[int, float]]:
    """Returns the counts and seconds of what is the same for the user: the code may have several versions of it."""
    found: dict[Key, tuple[int, float]] = {}
    for key, count, seconds in items:
        known = found.get(key, (0, 0.0))
        found[key] = (known[0] + count, known[1] + seconds)
    return found


def _call_outs(
    kernel: BlockKernel, translator: Translator, text: FunctionText
) -> dict[tuple[Expression, str], tuple[int, float]]:
    def items() -> Iterator[tuple[tuple[Expression, str], int, float]]:
        for number, count, seconds in kernel.call_outs_made():
            made = translator.call_outs[number]
            instructions = translator.text.between(made.start, made.end)
            called = [
                translator.plain_callees[each.start] for each in instructions if each.start in translator.plain_callees
            ]
            yield (text.expression(instructions), why_called(called[-1]) if called else ""), count, seconds

    return _added(items())


def why_called(function: FunctionType) -> str:
    """Returns why CPython calls a Python function, and not its kernel; "" where it is not the function's fault."""
    from cascade.kernels.blocks.admission import refusal_of
    from cascade.kernels.blocks.instructions import GENERATOR

    name, flags = function.__qualname__, function.__code__.co_flags
    if flags & GENERATOR:
        return f"`{name}` is a generator function, which has a kernel where all of its values are taken at once, as by `list({name}(...))`"
    if flags & TAKES_REST:
        return f"`{name}` is declared with `*` or `**`"
    if refusal := refusal_of(function):
        return f"`{name}` can have no kernel, as of `{refusal.construct}` in line {refusal.line} ({refusal.code})"
    return f"`{name}` has keyword-only parameters that are left out" if function.__code__.co_kwonlyargcount else ""


def _exits(
    kernel: BlockKernel, translator: Translator, text: FunctionText
) -> dict[tuple[Expression, str], tuple[int, float]]:
    def items() -> Iterator[tuple[tuple[Expression, str], int, float]]:
        for opcode, number, count, seconds in kernel.exits_made():
            left = translator.exits[number]
            instruction = translator.text.instructions[left.offset]
            yield (text.expression([instruction]), cause_of(opcode, instruction.name)), count, seconds

    return _added(items())


def cause_of(opcode: int, name: str) -> str:
    """Returns why there is a side exit at a word with that opcode, which is a part of an instruction of CPython's with that name."""
    row = KERNEL_INSTRUCTIONS[opcode]
    if row.name == "EXIT":
        return LEAVES.get(name, row.exits_for)
    if row.name in ("STUB", "GUARD", "BACK"):
        return ANOTHER_NAME
    return row.exits_for or RAISES


def with_called(kernel: BlockKernel) -> list[BlockKernel]:
    """Returns a kernel and those that it calls, directly and indirectly."""
    found = [kernel]
    for each in found:  # it grows meanwhile
        for callee in translator_of(each).callees.values():
            called = callee.kernel
            if isinstance(called, BlockKernel) and called not in found:
                found.append(called)
    return found


def lines(made: BlockKernelReport, parts: bool = True) -> Iterator[str]:
    """Yields the text of a report; `parts`: whether call-outs and side exits are listed."""
    yield f"    {_counters(made)}"
    yield from _trial(made)
    yield from _parts(made, "the") if parts else ()
    for called in made.functions:
        yield f"    it calls {called.name} ({called.file}:{called.line}): {_counters(called)}"
        yield from _trial(called)
        yield from _parts(called, "its") if parts else ()


def _counters(made: BlockKernelReport) -> str:
    seconds = f" in {duration(made.seconds)}" if made.seconds else ""
    call_outs, exits = (sum(part.count for part in parts) for parts in (made.call_outs, made.exits))
    state = ", retired" if made.retired else ""
    return (
        f"{counted(made.instructions, 'instruction')}{in_machine_code(made.in_machine_code)}, {counted(made.runs, 'run')}{seconds}, "
        f"{counted(call_outs, 'call-out')}, {counted(exits, 'side exit')}{state}"
    )


def _trial(made: BlockKernelReport) -> Iterator[str]:
    if made.trial_seconds is not None:
        kernel, plain = made.trial_seconds
        between = " and the time to the next one" if made.trial_in_batches else ""
        yield f"        a call{between} took {1e6 * kernel:.2f} us by the kernel, {1e6 * plain:.2f} us by CPython"


def _parts(made: BlockKernelReport, whose: str) -> Iterator[str]:
    worst = _all_parts(made)
    for part in worst[:SHOWN]:
        yield f"        {part.text(whose)}"
    if rest := worst[SHOWN:]:
        share = sum(part.share or 0 for part in rest)
        yield f"        {len(rest)} other places: {of_the_time(share, whose)}{times(sum(part.count for part in rest))}"
    if made.is_slow_by_itself:
        yield f"        the rest of the kernel takes {percent(made.own_share or 0.0)} of {whose} time"


def of_the_time(share: float | None, whose: str) -> str:
    """Returns a share of the time in words, and a comma; empty where it is not known."""
    return "" if share is None else f"{percent(share)} of {whose} time, "


def percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.01 else "less than 1 %"


def duration(seconds: float) -> str:
    """Returns a time with its unit."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} us"


def ordinal(number: int) -> str:
    """Returns a number as an ordinal: `22nd`."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"


def times(count: int) -> str:
    """Returns a number of times in words."""
    return "once" if count == 1 else f"{count:,} times"
