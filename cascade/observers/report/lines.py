"""Events that `cascade.console(format="json")` has written, read again."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator

from cascade.errors import SerializationError
from cascade.events.types import EVENTS, Event, RunFinished, RunStarted
from cascade.observers.report.collected import Collected

CLASSES: dict[str, type[Event]] = {kind.__name__: kind for kind in EVENTS}
NUMBERS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


def read_events(lines: Iterable[str]) -> Iterator[Event]:
    """Reads events from lines of JSON; events of other classes, as programs publish them, are left out.

    Raises:
        SerializationError: (a ValueError) a line is not an event; it is named by its number.
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            fields = json.loads(line)
            kind = CLASSES.get(fields["event"])
            if kind is not None:
                yield _event(kind, fields)
        except (ValueError, TypeError, KeyError) as error:
            raise SerializationError(
                f"line {number} is not an event: {line.strip():.60}",
                expected="a line that console(format='json') has written",
                hint=f"{type(error).__name__}: {error}",
            ) from None


def _event(kind: type[Event], fields: dict[str, object]) -> Event:
    known = {each.name for each in dataclasses.fields(kind)}
    values = {name: fields[name] for name in known if name in fields}
    for name in ("timestamp", "duration", "rate", "delay"):
        if name in values:
            value = values[name]
            values[name] = NUMBERS[value] if isinstance(value, str) else float(value)  # type: ignore[arg-type]
    return kind(**values)  # type: ignore[arg-type]  # which would raise TypeError


def last_run(events: Iterable[Event]) -> Collected | None:
    """Returns the data of the last run of which there is the start: of one that has ended, if there is any."""
    under_way: dict[str, Collected] = {}
    ended: Collected | None = None
    for event in events:
        if isinstance(event, RunStarted):
            under_way[event.run_id] = Collected(event)
        run = under_way.get(event.run_id)
        if run is not None:
            run.add(event)
            if isinstance(event, RunFinished):
                ended = under_way.pop(event.run_id)
    return ended if ended is not None or not under_way else list(under_way.values())[-1]
