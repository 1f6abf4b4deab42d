"""Peak memory of a first run, in bytes per node: `python perf/memory.py chain 100000`.

A process of its own: tracing slows everything down, and a second run would find memory that the first one left.
"""

from __future__ import annotations

import subprocess
import sys
import tracemalloc

from workloads import BARE, DECLARATIONS

import cascade as cs

WARMING_UP = 200


def measure_here(shape: str, nodes: int) -> float:
    """Returns the peak bytes per node of declaring and running a graph in this process."""
    cs.run(DECLARATIONS[shape](WARMING_UP))  # loads the modules that are imported late
    tracemalloc.start()
    value = cs.run(DECLARATIONS[shape](nodes))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    if value != BARE[shape](nodes):
        raise AssertionError(f"{shape} of {nodes:,} nodes gave {value!r}")
    return peak / nodes


def measure_apart(shape: str, nodes: int) -> float:
    """Returns the same for a child process."""
    command = [sys.executable, __file__, shape, str(nodes)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


if __name__ == "__main__":
    print(measure_here(sys.argv[1], int(sys.argv[2])))
