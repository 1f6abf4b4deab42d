"""The time of a first run, by stage: `python perf/stages.py --nodes 100000`."""

from __future__ import annotations

import argparse
import gc
import statistics
import time
from collections.abc import Callable
from typing import Any

from workloads import BARE, DECLARATIONS

from cascade._vm import Code
from cascade.adapters.solvers.native import NativeSolver
from cascade.compiler import compile_graph
from cascade.graph.build import build_graph
from cascade.runtime.nodes.capacity import Capacity
from cascade.runtime.program import Program

STAGES = ("declare", "flatten", "solve", "compile", "verify", "run", "free", "bare calls")


def clock(function: Callable[..., Any], *arguments: Any) -> tuple[float, Any]:
    begun = time.perf_counter()
    value = function(*arguments)
    return time.perf_counter() - begun, value


def one_round(shape: str, nodes: int) -> dict[str, float]:
    """Returns the seconds of each stage of one first run."""
    gc.collect()
    seconds = dict.fromkeys(STAGES, 0.0)
    seconds["declare"], target = clock(DECLARATIONS[shape], nodes)
    seconds["flatten"], graph = clock(build_graph, target)
    seconds["solve"], plan = clock(NativeSolver().resolve, graph)
    seconds["compile"], blueprint = clock(compile_graph, graph, plan)
    seconds["verify"], code = clock(Code, blueprint)  # assembling a blueprint is little more than verifying it
    seconds["run"], value = clock(Program(code, graph.inputs, _no_binding, target, Capacity()))
    seconds["bare calls"], expected = clock(BARE[shape], nodes)
    if value != expected:
        raise AssertionError(f"{shape} of {nodes:,} nodes gave {value!r}, expected {expected!r}")
    begun = time.perf_counter()
    del target, graph, plan, blueprint, code
    gc.collect()
    seconds["free"] = time.perf_counter() - begun
    return seconds


def _no_binding(*arguments: Any) -> Any:
    raise AssertionError("the program was called with arguments")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print(f"{options.nodes:,} nodes, microseconds a node, median of {options.rounds} rounds\n")
    print("| stage | " + " | ".join(DECLARATIONS) + " |")
    print("|---|" + "---:|" * len(DECLARATIONS))
    rounds = {shape: [one_round(shape, options.nodes) for _ in range(options.rounds)] for shape in DECLARATIONS}
    for stage in STAGES:
        medians = [statistics.median(seconds[stage] for seconds in rounds[shape]) for shape in rounds]
        print(f"| {stage} | " + " | ".join(f"{median / options.nodes * 1e6:.3f}" for median in medians) + " |")


if __name__ == "__main__":
    main()
