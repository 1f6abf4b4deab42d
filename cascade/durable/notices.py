"""Notices to whoever calls a saved run by `cascade.run`: another target than the saved one, a wait, and how it continues after Ctrl-C."""

from __future__ import annotations

import logging
import shlex
import time
from collections.abc import Mapping

from cascade.declare.failed import add_note
from cascade.declare.warn import warn_user
from cascade.durable.execution import written_target
from cascade.durable.schema import RunRow
from cascade.durable.store import Store
from cascade.errors import DurabilityWarning

SHORT = 10.0
"""Seconds of a `cascade.sleep` that are not worth a notice."""

logger = logging.getLogger("cascade")


def warn_of_another_target(store: Store, id: str, target: object, params: Mapping[str, object] | None) -> None:
    """Warns where a run is there already, and is one of another target, of other arguments or of other parameters."""
    try:
        data, _ = written_target(store, target, params)
    except Exception:
        return  # it is not needed, as the saved one continues
    # Pickles of equal values differ now and then. All other bytes are equal if the target is.
    if not store.pickle and data != store.target(id):
        row = store.run(id)
        text = "is over, and its value is returned" if row.is_over else "continues with its own target"
        warn_user(
            f"the run {id!r} in {store.path} was started with another target, or with other arguments, and {text}: "
            "what was given now is not used. A new run needs another id.",
            DurabilityWarning,
        )


def log_wait(store: Store, row: RunRow) -> None:
    """Says on the logger "cascade" what a run waits for: whoever called it sees nothing else, perhaps for days."""
    signals = [name for name in row.waits if not name.startswith("sleep ")]
    until = "" if row.due is None else time.strftime(" until %Y-%m-%d %H:%M:%S", time.localtime(row.due))
    if signals:
        logger.warning(
            "the run %r waits for the signal %s%s; to send it, in another terminal: cascade runs signal --store %s %s %s VALUE",
            row.id, " or ".join(map(repr, signals)), until, *map(shlex.quote, (store.path, row.id, signals[0])),
        )  # fmt: skip
    elif row.due is not None and row.due - time.time() > SHORT:
        logger.warning("the run %r sleeps%s", row.id, until)


def note_how_it_continues(error: BaseException, store: Store, id: str, has_name: bool) -> None:
    """Adds a note to the KeyboardInterrupt of a run that is saved."""
    if store.has(id):
        how = "the same call continues it" if has_name else f"cascade.resume(store, {id!r}) continues it"
        add_note(error, f"the run {id!r} is saved in {store.path}: {how}")
