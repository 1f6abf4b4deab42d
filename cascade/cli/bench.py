"""`cascade bench`: how long a target takes, beside the same functions in plain Python, measured by pyperf.

pyperf measures in processes of its own: `python -m cascade.cli.bench DESCRIPTION`, where DESCRIPTION is the target and its options as JSON.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

from cascade.cli.plain import NoPlainFormError, PlainForm
from cascade.cli.running import read_arguments
from cascade.cli.status import FAILED, SUCCEEDED
from cascade.cli.targets import Target, load_target
from cascade.cli.terminal import show, show_error
from cascade.errors import MissingExtraError
from cascade.events.preview import preview
from cascade.graph.build import flatten
from cascade.graph.inputs import Inputs
from cascade.graph.model import Graph
from cascade.runtime.inputs import InputValues
from cascade.runtime.program import compile as compile_target

UNITS = ((1.0, "s"), (1e3, "ms"), (1e6, "us"), (1e9, "ns"))
PLAIN, TASK = "plain Python", "Cascade"
Pyperf = Any  # a module that need not be installed
Measures = dict[str, Callable[[], object]]


def bench(target: Target, text: str, arguments: Sequence[str], given: Sequence[str]) -> int:
    """Measures a target and prints how long it takes.

    Args:
        text: MODULE:TARGET.
        arguments: the target's options.
        given: options of pyperf.

    Returns:
        The exit status: a failure where the two values differ.

    Raises:
        MissingExtraError: (an ImportError) pyperf is not installed.
    """
    pyperf = _pyperf()
    measures, reason = _measures(target, arguments)
    if PLAIN in measures:
        values = {name: call() for name, call in measures.items()}
        if not _is_same(values[PLAIN], values[TASK]):
            show_error("cascade: error: the values differ; nothing was measured")
            for name, value in values.items():
                show_error(f"  {name}: {preview(value)}")
            return FAILED
    found = _measure(pyperf, measures, json.dumps([text, *arguments]), given)
    _show(found, reason)
    return SUCCEEDED


def _pyperf() -> Pyperf:
    try:
        return importlib.import_module("pyperf")
    except ImportError:
        raise MissingExtraError("cascade bench", "pyperf", "bench") from None


def _measures(target: Target, arguments: Sequence[str]) -> tuple[Measures, str | None]:
    """Returns the functions to be measured, and why plain Python is not among them."""
    given = read_arguments(target, [*arguments], None, None, runs=False)
    rows, inputs = flatten(target.lazy)
    if isinstance(inputs, Inputs) and (inputs.injections or inputs.tables or inputs.elsewhere):
        program = compile_target(target.lazy)  # type: ignore[call-overload]  # any target
        return {TASK: lambda: program(**given.params)}, "it uses resources or Routers"
    values = InputValues(given.params).fill(inputs) if isinstance(inputs, Inputs) else inputs
    graph: Any = Graph(rows, tuple(values))  # the overloads have no graphs
    measures: Measures = {TASK: compile_target(graph)}
    try:
        return {PLAIN: PlainForm(rows, values).function, **measures}, None
    except NoPlainFormError as error:
        return measures, str(error)


def _is_same(one: object, other: object) -> bool:
    if type(one) is not type(other):
        return False
    try:
        if bool(one == other):
            return True
    except Exception:
        pass  # an array has no truth value
    return repr(one) == repr(other)


def _measure(pyperf: Pyperf, measures: Measures, description: str, given: Sequence[str]) -> dict[str, Any]:
    """Calls pyperf, which calls this module in its processes."""
    runner = pyperf.Runner(program_args=("-m", "cascade.cli.bench", description), show_name=False)
    runner.parse_args(["--quiet", "--copy-env", *given])
    found = {}
    for name, call in measures.items():
        if not runner.args.worker:
            show_error(f"measures {name} ...")
        with contextlib.redirect_stdout(io.StringIO()):  # its own summary; `_show` has the same
            found[name] = runner.bench_func(name, call)
    return found


def _in_units(seconds: float) -> str:
    """Returns a time with three digits, as pyperf's own summary has it: times here begin at some ten nanoseconds."""
    factor, unit = next(((factor, unit) for factor, unit in UNITS if seconds >= 0.9995 / factor), UNITS[-1])
    return f"{seconds * factor:.3g} {unit}"


def _show(found: dict[str, Any], reason: str | None) -> None:
    for name, measured in found.items():
        show(f"{name:12}  {_in_units(measured.mean()):>7}  +- {_in_units(measured.stdev())}")
    if reason is not None:
        show(f"no plain Python beside it: {reason}")
        return
    ratio = found[PLAIN].mean() / found[TASK].mean()
    word = f"is {ratio:.2f} times as fast as" if ratio >= 1 else f"takes {1 / ratio:.2f} times as long as"
    show(f"Cascade {word} plain Python; the values are the same")


def main() -> None:
    """Is called in a process of pyperf's."""
    text, *arguments = json.loads(sys.argv[1])
    measures, _ = _measures(load_target(text, "cascade bench"), arguments)
    _measure(_pyperf(), measures, sys.argv[1], sys.argv[2:])


if __name__ == "__main__":
    main()
