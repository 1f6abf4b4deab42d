"""Runs a target with its options, and prints its value."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from cascade.cli.options import ENGINE_OPTIONS, OF_NEW_ENGINES, build_parser, destination, parse, unrecognized, value_of
from cascade.cli.status import SUCCEEDED, exit_status, is_from_user
from cascade.cli.targets import Target
from cascade.cli.terminal import show
from cascade.declare.conversion import Unfit
from cascade.errors import CapacityError, SerializationError
from cascade.observers import console
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


def value_of_target(
    target: Target, arguments: list[str], options: argparse.Namespace | None, engine: Engine | None
) -> tuple[object, str]:
    """Runs a target; returns its value, and how that is to be printed."""
    container = Engine(resources=target.resources).resource_container if engine is None else engine.resource_container
    parameters, environment = target.inputs(container)
    offered = [name for name in ENGINE_OPTIONS if options is None and (engine is None or name not in OF_NEW_ENGINES)]
    parser, flags = build_parser(target, parameters, environment, offered)
    known, unknown = parse(parser, arguments)
    if unknown:
        parser.error(unrecognized(unknown, flags.values(), [] if options is None else [*ENGINE_OPTIONS], offered))
    parsed = vars(known)
    engine_options = {
        name: parsed.get(destination(name), getattr(options, destination(name), None)) for name in ENGINE_OPTIONS
    }
    own = engine is None
    if engine is None:
        engine = _new_engine(target, engine_options["progress"] or "auto", engine_options["resource"] or [], parser)
    params = {}
    for declared in parameters:
        given = parsed.get(f"param {declared.name}")
        if given is not None:
            try:
                params[declared.name] = value_of(given, declared)
            except Unfit as error:
                parser.error(
                    f"argument {flags[declared.name]}: {' '.join(given) if isinstance(given, list) else given!r}: {error}"
                )
    for declared in environment:
        if declared.required and declared.name not in os.environ:
            parser.error(f"the environment variable {declared.name} is not set")
    try:
        value = engine.run_now(
            target.lazy,
            params=params,
            timeout=engine_options["timeout"],
            max_steps=engine_options["max-steps"],
            use_vm=not engine_options["graph-path"],
        )
    except CapacityError as error:
        if not own or is_from_user(error):
            raise
        hint = "--resource NAME=AMOUNT says how much there is"
        raise CapacityError(error.what, where=error.where, expected=error.expected, hint=hint) from None
    return value, engine_options["output"] or "text"


def _new_engine(
    target: Target, progress: str, amounts: Sequence[tuple[str, float]], parser: argparse.ArgumentParser
) -> Engine:
    system = dict(target.system_resources)
    given: dict[str, float] = {}
    for name, amount in amounts:
        if name in given:
            parser.error(f"argument --resource: {name!r} is given twice")
        given[name] = amount
    observers = [] if progress == "none" else [console(progress)]
    return Engine(resources=target.resources, system_resources=system | given, observers=observers)


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
