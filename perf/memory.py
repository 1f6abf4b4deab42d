"""Memory of a first run at its peak, in bytes a node: `python perf/memory.py chain 100000`.

A process of its own: tracing slows everything down, and a second run would find memory that the first one left.
"""

from __future__ import annotations

import subprocess
import sys
import tracemalloc

import cascade as cs
from workloads import BARE, DECLARATIONS

WARMING_UP = 200


def measure_here(shape: str, nodes: int) -> float:
    """Bytes a node at the peak of declaring and running a graph in this process."""
    cs.run(DECLARATIONS[shape](WARMING_UP))  # imports what is imported late
    tracemalloc.start()
    value = cs.run(DECLARATIONS[shape](nodes))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    if value != BARE[shape](nodes):
        raise AssertionError(f"{shape} of {nodes:,} nodes gave {value!r}")
    return peak / nodes


def measure_apart(shape: str, nodes: int) -> float:
    """The same in a child process."""
    command = [sys.executable, __file__, shape, str(nodes)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


if __name__ == "__main__":
    print(measure_here(sys.argv[1], int(sys.argv[2])))
