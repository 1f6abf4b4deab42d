"""Random programs of saved runs, for `crash_at_every_commit`: loops, kernels, maps, state machines, waits and effects."""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cascade as cs
from tests.support.durable import tasks

Maker = Callable[[random.Random, str, dict[str, object]], Any]


def program(seed: int, folder: str) -> tuple[Callable[[], Any], dict[str, object]]:
    """Returns a function that makes the target of a seed, and the values of the signals that it waits for."""
    signals: dict[str, object] = {}
    _nest(random.Random(seed), folder, signals, 3)  # to know the signals

    def make() -> Any:
        return _nest(random.Random(seed), folder, {}, 3)

    return make, signals


def _nest(chosen: random.Random, folder: str, signals: dict[str, object], depth: int) -> Any:
    if depth == 0:
        return chosen.choice(LEAVES)(chosen, folder, signals)
    kind = chosen.randrange(5)
    if kind == 0:
        return tasks.together(*(_nest(chosen, folder, signals, depth - 1) for _ in range(2)))
    if kind == 1:
        return tasks.kept(_nest(chosen, folder, signals, depth - 1), chosen.randrange(3))
    if kind == 2:
        first, second = (_nest(chosen, folder, signals, depth - 1) for _ in range(2))
        return tasks.together(first, second.after(first))
    if kind == 3:
        routes = {key: _nest(chosen, folder, signals, depth - 1) for key in ("small", "large")}
        return cs.Router(tasks.choose(chosen.randrange(20)), routes)
    return chosen.choice(LEAVES)(chosen, folder, signals)


def _wait(chosen: random.Random, folder: str, signals: dict[str, object]) -> Any:
    name = f"signal {chosen.randrange(1000)}"
    signals[name] = [name, chosen.randrange(9)]
    return cs.wait(name)


def _conversation(chosen: random.Random, folder: str, signals: dict[str, object]) -> Any:
    name = f"question {chosen.randrange(1000)}"
    signals.update({f"{name} {number}": [name, number] for number in range(2)})
    return tasks.turn(name, [])


def _items(chosen: random.Random) -> list[int]:
    return [chosen.randrange(100) for _ in range(chosen.randrange(1, 7))]


def _effect(chosen: random.Random, folder: str, signals: dict[str, object]) -> Any:
    return tasks.write_once(os.path.join(folder, "effects"), f"{chosen.randrange(10**9)}")


def _effects(chosen: random.Random, folder: str, signals: dict[str, object]) -> Any:
    count = chosen.randrange(1, 9)
    texts = [f"item {chosen.randrange(10**9)}" for _ in range(count)]
    task = chosen.choice([tasks.write_once, tasks.write_later, tasks.write_as_list])
    target = task.map([os.path.join(folder, "effects")] * count, texts)
    return target.with_concurrency(chosen.randrange(1, 4)) if chosen.randrange(2) else target


LEAVES: list[Maker] = [
    lambda chosen, folder, signals: tasks.slow_count(chosen.randrange(8)),
    lambda chosen, folder, signals: tasks.count(chosen.randrange(500)),
    lambda chosen, folder, signals: tasks.even(chosen.randrange(50)),
    lambda chosen, folder, signals: tasks.fib(chosen.randrange(5)),
    lambda chosen, folder, signals: tasks.async_loop(chosen.randrange(5), 0),
    lambda chosen, folder, signals: tasks.handed(chosen.randrange(5)),
    lambda chosen, folder, signals: tasks.rested(chosen.randrange(3)),
    lambda chosen, folder, signals: tasks.state_machine(chosen.randrange(9)),
    lambda chosen, folder, signals: tasks.history(chosen.randrange(6), [], {}),
    lambda chosen, folder, signals: tasks.walk(chosen.randrange(6), random.Random(chosen.randrange(99))),
    lambda chosen, folder, signals: tasks.square.map(_items(chosen)),
    lambda chosen, folder, signals: tasks.later.map(_items(chosen)).with_concurrency(2),
    lambda chosen, folder, signals: tasks.square_slowly.map(_items(chosen)),
    lambda chosen, folder, signals: tasks.based_loop(chosen.randrange(4)),
    lambda chosen, folder, signals: tasks.once_loop(
        os.path.join(folder, f"loop {chosen.randrange(10**6)}"), chosen.randrange(4)
    ),
    _wait,
    _conversation,
    _effect,
    _effects,
]


def effects_in(folder: str) -> dict[str, list[str]]:
    """Returns the effects of a run, each file's lines in order."""
    return {file.name: sorted(file.read_text().splitlines()) for file in sorted(Path(folder).iterdir())}


def clear(folder: str) -> None:
    """Removes the effects of a run."""
    for file in Path(folder).iterdir():
        file.unlink()


def crash(seed: int, *, use_vm: bool, at_random: int, most: int | None = None) -> Any:
    """Crashes the program of a seed; returns how it went."""
    from cascade.testing import crash_at_every_commit

    with tempfile.TemporaryDirectory() as folder:
        make, signals = program(seed, folder)
        return crash_at_every_commit(
            make,
            use_vm=use_vm,
            signals=signals,
            at_random=at_random,
            seed=seed,
            most=most,
            begin=lambda: clear(folder),
            check=lambda: effects_in(folder),
            doubt=tasks.settle,
        )
