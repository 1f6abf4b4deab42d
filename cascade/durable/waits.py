"""Waits: results whose values are signals, or that come by the clock."""

from __future__ import annotations

from typing import Any

from cascade._vm import entry_point
from cascade.declare.amounts import as_timeout
from cascade.declare.lazy import lazy_result
from cascade.declare.policies import PLAIN
from cascade.declare.task import Task
from cascade.durable.arguments import checked_name, checked_seconds
from cascade.errors import StoreError
from cascade.imports import NoReturn


class _NoDefault:
    def __repr__(self) -> str:
        return "<no default>"


NO_DEFAULT = _NoDefault()


def _wait(name: str, timeout: float | None, default: object, required: bool) -> NoReturn:
    raise StoreError(
        f"cascade.wait({name!r}) in a run without a store",
        expected="a run that is saved, so that it can be parked",
        hint="cascade.start(target, store=cascade.Store('runs.db'), id='...')",
    )


WAIT: Task[..., object] = Task(_wait, name="wait")
WAIT.effect = "wait"
WAIT.policies = PLAIN  # its calls are made by the run context
vars(WAIT)["__qualname__"] = "WAIT"  # where a saved run finds it


@entry_point
def wait(name: str, timeout: float | None = None, *, default: object = NO_DEFAULT) -> Any:  # noqa: ANN401  # of the type of the signal
    """Returns a result whose value is the next signal of a name that is sent to the run: `cascade.signal(store, id, name, value)`.

    A run that waits for nothing else is parked: it is saved, takes no thread, and its process may end. A signal that came before is kept.

    Args:
        name: of the signal.
        timeout: seconds, by the clock of the machine; None for no limit.
        default: the value when no signal has come by then; without it, a TaskTimeoutError ends the run.

    Raises:
        DeclarationError: (a TypeError) the name is not text.
    """
    checked_name(name, "wait({})", "the name of a signal")
    required = default is NO_DEFAULT
    return lazy_result(WAIT, (name, as_timeout(timeout), None if required else default, required), PLAIN)


@entry_point
def sleep(seconds: float) -> Any:  # noqa: ANN401  # None
    """Returns a result that comes after so many seconds, also if the process ends meanwhile. Its value is None.

    Raises:
        DeclarationError: (a TypeError) these are not seconds, from 0 up.
    """
    seconds = checked_seconds(seconds, "sleep({})")
    return lazy_result(WAIT, (f"sleep {seconds:g}", seconds, None, False), PLAIN)
