"""The commands on saved runs: `cascade runs ...` and `cascade work`."""

from __future__ import annotations

import argparse
import ast
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cascade.cli.status import FAILED, SUCCEEDED
from cascade.cli.targets import import_module_of
from cascade.cli.terminal import show
from cascade.durable.effects import Doubt, Returned
from cascade.durable.run import Run, fork, resume
from cascade.durable.run import signal as send
from cascade.durable.schema import STATUSES
from cascade.durable.store import RunRow, Store
from cascade.durable.work import Worker
from cascade.errors import StoreError, TargetError, nearest
from cascade.graph.description import counted

if TYPE_CHECKING:
    from cascade.cli.terminal import Parser

    Commands = argparse._SubParsersAction[Parser]


def add_commands(commands: Commands) -> None:
    """Adds the commands to the program's."""
    runs = commands.add_parser(
        "runs", help="List, show and change saved runs.", description="List, show and change saved runs."
    )
    kinds = runs.add_subparsers(dest="kind", metavar="ACTION", required=True)
    for name, (action, text, arguments) in ACTIONS.items():
        sub = kinds.add_parser(name, help=text, description=text, allow_abbrev=False)
        sub.add_argument(
            "--store", required=True, metavar="PATH", help="the file of the store, or its postgresql:// address"
        )
        sub.add_argument(
            "--tasks", action="append", default=[], metavar="MODULE", help="imported first: the tasks of the runs"
        )
        for argument, options in arguments.items():
            sub.add_argument(argument, **options)  # type: ignore[arg-type]  # each has options of its own
        sub.set_defaults(action=action)
    work = commands.add_parser(
        "work", help="Execute saved runs.", description="Take runs from a store and execute them."
    )
    work.add_argument(
        "--store", required=True, metavar="PATH", help="the file of the store, or its postgresql:// address"
    )
    work.add_argument(
        "--tasks", action="append", required=True, metavar="MODULE", help="the module of the tasks; may be repeated"
    )
    work.add_argument("--queue", action="append", default=[], help="takes runs of this queue only; may be repeated")
    work.add_argument("--concurrency", type=_count, default=1, metavar="N", help="runs that are executed at once")
    work.add_argument("--until-idle", action="store_true", help="ends when no run is due")
    work.set_defaults(action=_work)


def run_command(options: argparse.Namespace) -> int:
    """Runs one of the commands and returns its exit status."""
    sys.path.insert(0, "")
    for module in options.tasks:
        import_module_of(module)
    if options.action is not _work:
        _check_exists(options.store)
    status: int = options.action(Store(options.store), options)
    return status


def _check_exists(path: str) -> None:
    """Raises StoreError for a file that is not there: opening it would make an empty store."""
    if "://" in path or os.path.exists(path):
        return
    folder, name = os.path.split(path)
    found = sorted(os.listdir(folder or ".")) if os.path.isdir(folder or ".") else []
    raise StoreError(
        f"there is no store {path}", expected="the file that runs were saved in", hint=nearest(name, found)
    )


def _list(store: Store, options: argparse.Namespace) -> int:
    rows = store.runs(options.status, options.limit)
    for row in rows:
        waits = f"  waits for {', '.join(row.waits)}" if row.status == "waiting" else ""
        show(f"{row.id}  {row.status}  {row.name}  step {row.step:,}  {_when(row.saved)}{waits}")
    if not rows:
        show("no runs")
    return SUCCEEDED


def _show(store: Store, options: argparse.Namespace) -> int:
    run = Run(store, options.id)
    row, state = store.run(options.id), run.state()
    show(
        f"{row.id}: {row.status}; target {row.name}, step {row.step:,}, snapshot {row.snapshot}, saved {_when(row.saved)}"
    )
    for task, iteration, variables in state.where:
        show(f"  {task}, iteration {iteration:,}")
        for name, value in variables.items():
            show(f"    {name} = {value!r:.100}")
    if row.error:
        show(row.error.rstrip())
    for entry in run.history()[-options.last :]:
        show(f"  {_when(entry.at)}  {entry.kind}  step {entry.step:,}  {entry.detail}".rstrip())
    return SUCCEEDED


def _resume(store: Store, options: argparse.Namespace) -> int:
    doubt: Doubt | None = "again" if options.again else None
    if options.returned is not None:
        doubt = Returned(_value(options.returned))
    return _follow(store, resume(store, options.id, doubt=doubt))


def _fork(store: Store, options: argparse.Namespace) -> int:
    changed: dict[str, Any] = {}
    for each in options.set:
        name, equals, text = each.partition("=")
        if not equals or not name.isidentifier():
            raise TargetError(f"--set {each}", expected="NAME=VALUE")
        changed[name] = _value(text)
    return _follow(store, fork(store, options.id, options.at, fork_id=options.fork_id, **changed))


def _follow(store: Store, run: Run) -> int:
    # Until it is over or parked: its thread ends then.
    run.wait()
    row = store.run(run.id)
    if row.status == "waiting":
        show(f"{run.id}: waits for {', '.join(row.waits)}")
        return SUCCEEDED
    show(f"{run.id}: {run.result()!r}")
    return SUCCEEDED


def _cancel(store: Store, options: argparse.Namespace) -> int:
    before = store.run(options.id)
    store.cancel(options.id)
    status = store.run(options.id).status
    show(f"{options.id}: {'ends at its next snapshot' if status == 'running' else status}{' already' * before.is_over}")
    return SUCCEEDED


def _signal(store: Store, options: argparse.Namespace) -> int:
    send(store, options.id, options.name, _value(options.value))
    row = store.run(options.id)
    waits = f"; now it waits for {', '.join(row.waits)}" if row.status == "waiting" and row.waits else ""
    show(
        f"{row.id}: " + ("continues" if options.name in row.waits else f"kept until it waits for {options.name}{waits}")
    )
    return SUCCEEDED


def _collect(store: Store, options: argparse.Namespace) -> int:
    show(f"{counted(store.collect(options.older_than), 'run')} dropped")
    return SUCCEEDED


def _work(store: Store, options: argparse.Namespace) -> int:
    failed = []

    def report(row: RunRow, error: BaseException | None) -> None:
        if error is not None:
            failed.append(row.id)
        show(f"{row.id}: {store.run(row.id).status if error is None else f'{type(error).__name__}: {error}'}")

    def begin(row: RunRow) -> None:
        show(f"{row.id}: " + (f"resumed at step {row.step:,}" if row.snapshot else "begun"))

    worker = Worker(store, queues=options.queue, concurrency=options.concurrency, begin=begin, report=report)
    before = [signal.signal(each, lambda *_: worker.stop()) for each in (signal.SIGINT, signal.SIGTERM)]
    try:
        worker.work(until_idle=options.until_idle)
    finally:
        for each, handler in zip((signal.SIGINT, signal.SIGTERM), before, strict=True):
            signal.signal(each, handler)
    return FAILED if failed and options.until_idle else SUCCEEDED


def _value(text: str) -> object:
    """Returns the value of an argument: a literal of Python, or the text itself, unless it looks like a literal that is wrong."""
    try:
        value: object = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        if text[:1] in tuple("[({'\""):
            raise TargetError(f"the value {text} is not a literal", expected="a literal of Python, or a text") from None
        return text
    return value


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 up")
    return int(text)


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not number >= 0.0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0 up")
    return number


def _when(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment))


ID: dict[str, dict[str, object]] = {"id": {"metavar": "ID"}}
ACTIONS: dict[str, tuple[Callable[[Store, argparse.Namespace], int], str, dict[str, dict[str, object]]]] = {
    "list": (
        _list,
        "List the runs, the latest first.",
        {
            "--status": {"choices": STATUSES, "help": "of these only"},
            "--limit": {"type": _count, "default": 50, "metavar": "N", "help": "not more than so many"},
        },
    ),
    "show": (
        _show,
        "Show the state and the history of a run.",
        {**ID, "--last": {"type": _count, "default": 20, "metavar": "N", "help": "so many of its last events"}},
    ),
    "resume": (
        _resume,
        "Continue a run here, until it is over or waits.",
        {
            **ID,
            "--again": {"action": "store_true", "help": "make a call in doubt again"},
            "--returned": {"metavar": "VALUE", "help": "take a call in doubt as made, with this value"},
        },
    ),
    "fork": (
        _fork,
        "Start a new run from a snapshot.",
        {
            **ID,
            "--at": {"type": int, "help": "the number of the snapshot; by default the last one"},
            "--fork-id": {"help": "the name of the new run"},
            "--set": {"action": "append", "default": [], "metavar": "NAME=VALUE", "help": "a new value of a variable"},
        },
    ),
    "cancel": (_cancel, "Cancel a run.", ID),
    "signal": (
        _signal,
        "Send a signal to a run.",
        {**ID, "name": {"metavar": "NAME"}, "value": {"metavar": "VALUE", "nargs": "?", "default": "None"}},
    ),
    "gc": (
        _collect,
        "Drop runs that are over.",
        {"--older-than": {"type": _seconds, "default": 0.0, "metavar": "SECONDS", "help": "for so long"}},
    ),
}
