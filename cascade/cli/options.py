"""The options of a target and of the engine: their parser, and the conversion of their values."""

from __future__ import annotations

import argparse
import itertools
import re
import typing
from collections.abc import Callable, Iterable, Sequence
from typing import TypedDict

from cascade.cli.targets import Target
from cascade.cli.terminal import Parser
from cascade.declare.conversion import Unfit, convert, type_name
from cascade.declare.inputs import Input
from cascade.errors import nearest
from cascade.observers import FORMATS as DISPLAYS

NEGATIVE = re.compile(r"-((\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(e[-+]?\d+)?j?|inf|infinity|nan)$", re.IGNORECASE)
"""Matches values that begin with a dash, as an option does."""
INFERRED = (bool, int, float, str, list, tuple, dict, set)
"""A parameter without a declared type has the type of its default, if that is one of these."""


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not number > 0:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number of seconds above 0, such as 2.5")
    return number


def _amount(text: str) -> tuple[str, float]:
    """Parses NAME=AMOUNT, the capacity of a system resource."""
    name, sign, amount = text.rpartition("=")
    if not sign or not name:
        raise argparse.ArgumentTypeError(f"{text!r}: expected NAME=AMOUNT, such as cpu=4")
    try:
        number = convert(amount, int | float)
    except Unfit:
        raise argparse.ArgumentTypeError(f"{text!r}: the amount is not a number") from None
    assert isinstance(number, (int, float))
    if not number >= 0:
        raise argparse.ArgumentTypeError(f"{text!r}: expected an amount of 0 or more")
    return name, number


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number, 0 or more")
    return int(text)


class ArgumentOptions(TypedDict, total=False):
    """Keyword arguments of `ArgumentParser.add_argument`."""

    action: str | type[argparse.Action]
    choices: Sequence[str]
    default: str | None
    dest: str
    help: str
    metavar: str
    nargs: str
    required: bool
    type: Callable[[str], object]


ENGINE_OPTIONS: dict[str, ArgumentOptions] = {
    "progress": {
        "choices": (*DISPLAYS, "none"),
        "default": "auto",
        "help": "how progress is shown, on the error output",
    },
    "output": {"choices": ("text", "json", "none"), "default": "text", "help": "how the value is printed"},
    "timeout": {"type": _positive, "metavar": "SECONDS", "help": "time limit of the run"},
    "max-steps": {"type": _count, "metavar": "N", "help": "how many task calls the run may make"},
    "resource": {
        "type": _amount,
        "metavar": "NAME=AMOUNT",
        "action": "append",
        "help": "how much there is for constraints, for each resource once",
    },
    "profile": {"action": "store_true", "help": "print a table of where the time went, on the error output"},
    "report": {"metavar": "FILE", "help": "write a report of the run, one HTML file"},
    "trace": {"metavar": "FILE", "help": "write a trace of the run for chrome://tracing or Perfetto"},
    "graph-path": {"action": "store_true", "help": "interpret the graph instead of running compiled code"},
}

OF_NEW_ENGINES = ("progress", "resource", "profile", "report", "trace")
"""Options that only an engine of the command line's own takes: a script's engine has them already."""


OF_SAVED_RUNS = ("--store", "--id", "--every")
"""Options of `cascade.run` that the command line does not have."""


def parse(parser: argparse.ArgumentParser, arguments: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """Parses as `parse_known_args` does, but reports unknown options before missing required ones: they may be the same, misspelled."""
    given = {
        each.partition("=")[0]
        for each in itertools.takewhile(lambda each: each != "--", arguments)
        if each.startswith("--")
    }
    if given <= parser._option_string_actions.keys() or "-h" in arguments or "--help" in given:
        return parser.parse_known_args(arguments)
    required = [action for action in parser._actions if action.required]
    for action in required:
        action.required = False
    try:
        return parser.parse_known_args(arguments)
    finally:
        for action in required:
            action.required = True


def unrecognized(unknown: Sequence[str], flags: Iterable[str], before: Iterable[str], offered: Iterable[str]) -> str:
    """Returns the message about options that the target does not have.

    Args:
        before: the options of the command, which stand before the target.
        offered: the engine's, which may stand beside the target's.
    """
    given = unknown[0].partition("=")[0]
    if given in before:
        advice: str | None = f"{given} stands before the target"
    elif given in OF_SAVED_RUNS:
        advice = "a program starts a saved run: cascade.run(target, store=cascade.Store(path), id=name); `cascade runs` continues it"
    else:
        advice = nearest(given, flags) or nearest(given, [f"--{name}" for name in offered])
    return f"unrecognized arguments: {' '.join(unknown)}" + ("" if advice is None else f" ({advice})")


def destination(name: str) -> str:
    return name.replace("-", "_")


def build_parser(
    target: Target,
    parameters: Sequence[Input],
    environment: Sequence[Input],
    of_engine: Sequence[str],
    *,
    defaults: bool,
) -> tuple[argparse.ArgumentParser, dict[str, str]]:
    """Returns the parser of the options of a target and of the engine, and the option of each parameter.

    Args:
        of_engine: the names of the engine's options; a parameter of that name goes before.
        defaults: whether those that are not given have their defaults; otherwise they are None.
    """
    names = {each.name for each in parameters}
    parser = Parser(
        prog=target.usage,
        description=target.description,
        epilog=_environment_help(environment),
        allow_abbrev=False,
        add_help=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser._negative_number_matcher = NEGATIVE  # otherwise -1e-3 is taken for an option
    parser.add_argument(*(["-h"] if "help" in names else ["-h", "--help"]), action="help", help="show this and exit")
    group = parser.add_argument_group("parameters") if parameters else parser
    flags = {}
    for each in parameters:
        spelled = {f"--{each.name.replace('_', '-')}": None, f"--{each.name}": None}
        flags[each.name] = next(iter(spelled))
        group.add_argument(*spelled, **_options_of(each))
    if of_engine:
        group = parser.add_argument_group("running")
        for name in of_engine:
            if destination(name) not in names and name not in names:
                option = ENGINE_OPTIONS[name]
                group.add_argument(f"--{name}", **(option if defaults else {**option, "default": None}))
    return parser, flags


def _options_of(declared: Input) -> ArgumentOptions:
    words = [declared.description] if declared.description else []
    words.append("required" if declared.required else f"default: {declared.default!r}")
    if _kind(declared) is None:
        words.append("a text, as it has no type")
    options: ArgumentOptions = {
        "dest": f"param {declared.name}",
        "default": None,
        "required": declared.required,
        "help": ", ".join(words).replace("%", "%%"),
    }
    if _kind(declared) is bool:
        options["action"] = argparse.BooleanOptionalAction
        return options
    options["metavar"] = _placeholder(declared)
    if _is_list(declared.type):
        options["nargs"] = "*"
    return options


def _placeholder(declared: Input) -> str:
    if _is_list(declared.type):
        return "ITEM"
    kind = _kind(declared)
    if isinstance(kind, type) and typing.get_origin(kind) is None:
        return type_name(kind).upper()
    return "VALUE"


def _environment_help(environment: Sequence[Input]) -> str | None:
    if not environment:
        return None
    return "environment:\n" + "\n".join(f"  {each.describe()}" for each in environment)


def _kind(declared: Input) -> object:
    kind = declared.type
    return type(declared.default) if kind is None and type(declared.default) in INFERRED else kind


def _is_list(kind: object) -> bool:
    return (typing.get_origin(kind) or kind) in (list, tuple, set, frozenset)


def value_of(given: object, declared: Input) -> object:
    kind = _kind(declared)
    if isinstance(given, list) and len(given) == 1 and given[0].lstrip().startswith("["):
        given = given[0]  # a JSON array in one text; otherwise each text is an item
    value = convert(given, kind)
    return value if declared.type is None else given  # the run converts it, once
