"""A simulation that is killed and continues: a planet around its star, by the method of Störmer and Verlet.

The loop runs as typed code, a million steps in some tens of milliseconds, and is saved twenty times a second. Killed at any moment, it
continues from its last snapshot, and ends with the very numbers of an undisturbed run.

    python examples/planet.py --kill-after 0.5      kills itself, by SIGKILL
    python examples/planet.py                       continues
    python examples/planet.py --compare             how fast beside plain Python
"""

from __future__ import annotations

import argparse
import os
import signal
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import cascade as cs


@cs.task
def orbit(steps: int, x: float, y: float, vx: float, vy: float, dt: float) -> Any:
    if steps == 0:
        return x, y, 0.5 * (vx * vx + vy * vy) - 1.0 / (x * x + y * y) ** 0.5
    r3 = (x * x + y * y) ** 1.5
    vx = vx - dt * x / r3
    vy = vy - dt * y / r3
    return orbit.tail(steps - 1, x + dt * vx, y + dt * vy, vx, vy, dt)


def in_plain_python(steps: int, x: float, y: float, vx: float, vy: float, dt: float) -> tuple[float, float, float]:
    while steps != 0:
        r3 = (x * x + y * y) ** 1.5
        vx = vx - dt * x / r3
        vy = vy - dt * y / r3
        x, y, steps = x + dt * vx, y + dt * vy, steps - 1
    return x, y, 0.5 * (vx * vx + vy * vy) - 1.0 / (x * x + y * y) ** 0.5


def compare(steps: int) -> str:
    """Returns the processor time of a step in plain Python, as a task, and in a run that is saved twenty times a second; the results are the same."""
    given = (steps, 1.0, 0.0, 0.0, 1.1, 1e-4)
    cs.run(orbit(100_000, *given[1:]))  # its machine code is made
    with tempfile.TemporaryDirectory() as directory:
        store = cs.Store(Path(directory) / "planet.db")
        ways = (
            lambda: in_plain_python(*given),
            lambda: cs.run(orbit(*given)),
            lambda: cs.run(orbit(*given), store=store, id="orbit", every=0.05),
        )
        values, seconds = [], []
        for way in ways:
            begun = time.process_time()
            values.append(way())
            seconds.append(time.process_time() - begun)
        store.close()
    assert values[0] == values[1] == values[2]
    plain, task, saved = (1e9 * each / steps for each in seconds)
    return f"plain Python {plain:.0f} ns a step, Cascade {task:.0f} ns, saved {saved:.0f} ns: {plain / saved:.1f} times as fast"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=20_000_000)
    parser.add_argument("--kill-after", type=float, metavar="SECONDS")
    parser.add_argument("--store", default="planet.db")
    parser.add_argument("--compare", type=int, nargs="?", const=5_000_000, metavar="STEPS")
    options = parser.parse_args()
    if options.compare:
        print(compare(options.compare))
        return
    store = cs.Store(options.store)
    known = [row for row in store.runs() if row.id == "orbit"]
    print(f"continues at step {known[0].step:,}" if known else "begins", flush=True)
    if options.kill_after is not None:
        threading.Timer(options.kill_after, os.kill, (os.getpid(), signal.SIGKILL)).start()
    x, y, energy = cs.run(orbit(options.steps, 1.0, 0.0, 0.0, 1.1, 1e-4), store=store, id="orbit", every=0.05)
    print(f"after {options.steps:,} steps at ({x:.6f}, {y:.6f}), energy {energy:.9f}")


if __name__ == "__main__":
    main()
