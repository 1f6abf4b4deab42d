"""Schedules: targets that workers start again and again, at an interval or by a rule of cron."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import datetime
from importlib import import_module
from typing import Any

from cascade._vm import entry_point
from cascade.declare.lazy import LazyResult
from cascade.durable.arguments import checked_name, checked_seconds
from cascade.durable.clocks import LEAST_JUMP
from cascade.durable.execution import written_target
from cascade.durable.pinned import function_rows
from cascade.durable.store import Store, checked_store
from cascade.errors import DeclarationError, MissingExtraError
from cascade.runtime.engine import name_of


@entry_point
def every(
    seconds: float,
    target: LazyResult[Any],
    *,
    store: Store,
    id: str,
    queue: str | None = None,
    params: Mapping[str, object] | None = None,
) -> None:
    """Has workers start a target at an interval. A schedule of that name that is there already is replaced.

    A run is named by the schedule and its time: `id@1700000000`. Times that pass while no worker is there are left out.

    Args:
        seconds: between two starts, 1 or more; the first one is after that.
        target: the target, as of `cascade.start`.
        store, id: where the schedule is kept, and its name.
        queue: of its runs.
        params: values of the target's parameters.

    Raises:
        DeclarationError: (a TypeError) the interval is not a number from 1 up.
    """
    checked_seconds(seconds, "every({}, ...)", least=1.0, expected="a number of seconds, from 1 up")
    _add(store, id, f"every {seconds!r}", target, queue, params)


@entry_point
def cron(
    rule: str,
    target: LazyResult[Any],
    *,
    store: Store,
    id: str,
    queue: str | None = None,
    params: Mapping[str, object] | None = None,
) -> None:
    """Has workers start a target by a rule of cron, such as `"*/5 * * * *"`, in local time; otherwise as `every`.

    Raises:
        DeclarationError: (a TypeError) the rule cannot be read.
        MissingExtraError: (an ImportError) cronsim is not installed.
    """
    if not isinstance(rule, str):
        raise DeclarationError(f"cron({rule!r})", expected="five fields: minute, hour, day, month, weekday")
    _cron_after(rule, time.time())
    _add(store, id, f"cron {rule}", target, queue, params)


def _add(
    store: Store, id: str, rule: str, target: object, queue: str | None, params: Mapping[str, object] | None
) -> None:
    checked_name(id, "id={}", "the name of a schedule")
    if queue is not None:
        checked_name(queue, "queue={}", "the name of a queue")
    data, writer = written_target(checked_store(store), target, params)
    options = {"every": 1.0, "queue": queue}
    store.put_schedule(
        id,
        rule,
        data,
        name_of(target),
        json.dumps(options),
        next_time(rule, time.time()),
        dict(writer.blobs),
        function_rows(writer.tasks, set()),
    )


def next_time(rule: str, after: float) -> float:
    """Returns the first time of a rule behind another time."""
    kind, _, text = rule.partition(" ")
    return after + float(text) if kind == "every" else _cron_after(text, after)


def _cron_after(rule: str, after: float) -> float:
    try:
        cronsim: Any = import_module("cronsim")
    except ImportError:
        raise MissingExtraError("cascade.cron", "cronsim", "schedules") from None
    try:
        found: datetime = next(cronsim.CronSim(rule, datetime.fromtimestamp(after)))
    except (cronsim.CronSimError, StopIteration, TypeError) as error:
        raise DeclarationError(
            f"cron({rule!r}): {error}", expected="five fields: minute, hour, day, month, weekday"
        ) from None
    return found.timestamp()


def start_due(store: Store) -> int:
    """Starts the runs of schedules whose time has come; returns how many."""
    now, started = time.time(), 0
    for id, rule, due in store.schedules():
        if due <= now:
            following = next_time(rule, due)
            started += store.start_scheduled(id, due, next_time(rule, now) if following <= now else following)
        elif rule.startswith("every ") and due > next_time(rule, now) + LEAST_JUMP:
            store.set_schedule(id, due, next_time(rule, now))  # the clock was set back
    return started
