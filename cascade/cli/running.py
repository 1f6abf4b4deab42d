"""Runs a target with its options, and prints its value."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, NoReturn

from cascade._vm import entry_point
from cascade.cli.options import ENGINE_OPTIONS, OF_NEW_ENGINES, build_parser, destination, parse, unrecognized, value_of
from cascade.cli.status import SUCCEEDED, exit_status, is_from_user
from cascade.cli.targets import Target
from cascade.cli.terminal import show
from cascade.declare.conversion import Unfit
from cascade.errors import CapacityError, SerializationError
from cascade.observers import Observer, console
from cascade.runtime.engine import Engine


class Cli:
    """The command line of one target; calling it runs it and ends the process."""

    def __init__(self, target: object, *, name: str | None = None, engine: Engine | None = None) -> None:
        self._target = Target(target, name, None)
        self._engine = engine

    def main(self, arguments: Sequence[str] | None = None) -> int:
        """Runs the target with the options in `arguments` and returns the exit status."""
        given = sys.argv[1:] if arguments is None else list(arguments)
        return exit_status(lambda: run_target(self._target, given, None, self._engine))

    def __call__(self, arguments: Sequence[str] | None = None) -> NoReturn:
        sys.exit(self.main(arguments))


@entry_point
def create_cli(target: object, *, name: str | None = None, engine: Engine | None = None) -> Cli:
    """Makes the command line of a target for a script, as `cascade run` has it.

        if __name__ == "__main__":
            cascade.create_cli(target)()

    Args:
        target: a task, a LazyResult, a container of these, a Graph or a Program.
        name: the name of the program in its help; by default that of the script.
        engine: runs it; by default one with the resources of the script and a display of the progress.

    Raises:
        TargetError: (a TypeError) `target` is something else.
    """
    return Cli(target, name=name, engine=engine)


def run_target(target: Target, arguments: list[str], options: argparse.Namespace | None, engine: Engine | None) -> int:
    value, how = value_of_target(target, arguments, options, engine)
    print_value(value, how)
    return SUCCEEDED


class Given(NamedTuple):
    """The options of a command line.

    Attributes:
        params: values of the target's parameters.
        engine: those of the engine, by their names.
    """

    params: dict[str, object]
    engine: dict[str, Any]  # each is of the type that its parser returns
    parser: argparse.ArgumentParser

    def option(self, name: str) -> Any:  # noqa: ANN401 - see `engine`
        return self.engine.get(name)


def read_arguments(
    target: Target,
    arguments: list[str],
    options: argparse.Namespace | None,
    engine: Engine | None,
    *,
    runs: bool = True,
) -> Given:
    """Returns the options of a target and of the engine.

    Args:
        options: those that stand before the target; the engine's may stand there, or beside the target's. None in a script.
        engine: of a script; it has some of the options already.
        runs: whether the engine's options have a meaning.
    """
    container = Engine(resources=target.resources).resource_container if engine is None else engine.resource_container
    parameters, environment = target.inputs(container)
    offered = [name for name in ENGINE_OPTIONS if runs and (engine is None or name not in OF_NEW_ENGINES)]
    parser, flags = build_parser(target, parameters, environment, offered, defaults=options is None)
    known, unknown = parse(parser, arguments)
    if unknown:
        parser.error(unrecognized(unknown, flags.values(), BEFORE, offered))
    parsed = vars(known)
    params = {}
    for declared in parameters:
        given = parsed.get(f"param {declared.name}")
        if given is not None:
            try:
                params[declared.name] = value_of(given, declared)
            except Unfit as error:
                shown = " ".join(given) if isinstance(given, list) else given
                parser.error(f"argument {flags[declared.name]}: {shown!r}: {error}")
    for declared in environment:
        if declared.required and declared.name not in os.environ:
            parser.error(f"the environment variable {declared.name} is not set")
    return Given(params, {name: _of_engine(destination(name), options, parsed) for name in ENGINE_OPTIONS}, parser)


BEFORE = ("--watch", "--run", "--fast", "--rigorous")
"""Options of commands, which decide how the target is imported or run."""


def _of_engine(name: str, options: argparse.Namespace | None, parsed: Mapping[str, object]) -> object:
    """Returns an option of the engine, which may stand before the target or behind it; amounts may stand at both."""
    before, behind = getattr(options, name, None), parsed.get(name)
    if behind is None:
        return before
    return [*before, *behind] if isinstance(before, list) and isinstance(behind, list) else behind


def value_of_target(
    target: Target, arguments: list[str], options: argparse.Namespace | None, engine: Engine | None
) -> tuple[object, str]:
    """Runs a target; returns its value, and how that is to be printed."""
    given = read_arguments(target, arguments, options, engine)
    own = engine is None
    if engine is None:
        engine = _new_engine(target, given)
    try:
        value = engine.run_now(
            target.lazy,
            params=given.params,
            timeout=given.option("timeout"),
            max_steps=given.option("max-steps"),
            use_vm=not given.option("graph-path"),
        )
    except CapacityError as error:
        if not own or is_from_user(error):
            raise
        hint = "--resource NAME=AMOUNT says how much there is"
        raise CapacityError(error.what, where=error.where, expected=error.expected, hint=hint) from None
    return value, given.option("output") or "text"


def _new_engine(target: Target, given: Given) -> Engine:
    amounts: dict[str, float] = {}
    for name, amount in given.option("resource") or []:
        if name in amounts:
            given.parser.error(f"argument --resource: {name!r} is given twice")
        amounts[name] = amount
    system = dict(target.system_resources) | amounts
    return Engine(resources=target.resources, system_resources=system, observers=_observers(given))


def _observers(given: Given) -> list[Observer]:
    progress = given.option("progress") or "auto"
    found: list[Observer] = [] if progress == "none" else [console(progress)]
    if given.option("profile"):
        from cascade.cli.profile import Profile

        found.append(Profile())
    if given.option("report"):
        from cascade.observers.report import report

        found.append(report(given.option("report")))
    if given.option("trace"):
        from cascade.observers.trace import trace

        found.append(trace(given.option("trace")))
    return found


def print_value(value: object, how: str) -> None:
    if how == "json":
        try:
            text = json.dumps(value, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise SerializationError(
                f"the value, a {type(value).__name__}, cannot be printed as JSON: {error}",
                hint="leave out --output json",
            ) from None
        show(text)
    elif how == "text" and value is not None:
        show(value if isinstance(value, str) else repr(value))
