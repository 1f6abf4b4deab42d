"""How much of a call is spent in kernels, read from the counters that the VM keeps for each task.

The counters are of the task and not of a call: where calls of one task overlap, in threads, their shares do too. The time in kernels that are
made as they are executed is an estimate (`cascade/vm/stopwatch.h`); in typed code of numbers it is the whole time of a call, as long as it did not exit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cascade._vm import Routine


class Counters(NamedTuple):
    """The counters of a task's kernels.

    Attributes:
        entries: into kernels of both kinds.
        exits: side exits.
        call_outs: of kernels that are made as they are executed.
        typed: entries into typed code of numbers.
        seconds: in kernels that are made as they are executed.
    """

    entries: int
    exits: int
    call_outs: int
    typed: int
    seconds: float


class Use(NamedTuple):
    """The use of kernels by a call.

    Attributes:
        seconds: in kernels, about; None where typed code exited, and CPython continued for a time that is not known.
    """

    entries: int
    exits: int
    call_outs: int
    seconds: float | None


class KernelUse:
    """Reads the counters where calls begin and end.

    Args:
        routines: of tasks, by their names.
    """

    def __init__(self, routines: Mapping[str, Sequence[Routine]]) -> None:
        self._routines = routines
        self._begun: dict[str, Counters | None] = {}

    def begin(self, task_id: str, name: str) -> None:
        routines = self._routines.get(name)
        if routines is not None:
            self._begun[task_id] = _read(routines)

    def end(self, task_id: str, name: str, duration: float) -> Use | None:
        """Returns the use of a call that has taken `duration` seconds; None where it has used no kernel."""
        if task_id not in self._begun:
            return None
        before, after = self._begun.pop(task_id) or NONE, _read(self._routines[name])
        if after is None or after.entries <= before.entries:
            return None
        exits, typed = after.exits - before.exits, after.typed > before.typed
        seconds = duration if typed else min(max(after.seconds - before.seconds, 0.0), duration)
        return Use(
            after.entries - before.entries,
            exits,
            after.call_outs - before.call_outs,
            None if typed and exits else seconds,
        )


NONE = Counters(0, 0, 0, 0, 0.0)


def _read(routines: Sequence[Routine]) -> Counters | None:
    """Returns the counters; None where there are no kernels (yet)."""
    used = [routine for routine in routines if routine.kernels or routine.block_kernel is not None]
    if not used:
        return None
    blocks = [kernel for kernel in (routine.block_kernel for routine in used) if kernel is not None]
    numbers = [kernel for routine in used for kernel in routine.kernels]
    runs = [kernel.runs for kernel in blocks]
    typed = sum(kernel.entries for kernel in numbers)
    return Counters(
        entries=typed + sum(entries for entries, _ in runs),
        exits=sum(kernel.exits for kernel in numbers) + sum(kernel.exit_count for kernel in blocks),
        call_outs=sum(kernel.called_out for kernel in blocks),
        typed=typed,
        seconds=sum(seconds for _, seconds in runs),
    )
