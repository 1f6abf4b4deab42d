"""The command line: `cascade run MODULE:TARGET --name value`, and what else can be done with a target.

It is made with argparse: the options of a target are known only when its module has been imported, argparse builds
parsers at run time as well as any other, and it needs no installation.

The parameters of a target become options. For a task, these are its parameters, with the types of their annotations;
for a LazyResult, its `Param`s.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.util
import inspect
import itertools
import json
import os
import re
import sys
import traceback
import types
import typing
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from cascade.declare.conversion import Unfit, convert, type_name
from cascade.declare.inputs import REQUIRED, Input
from cascade.declare.lazy import LazyResult, lazy_result
from cascade.declare.resources import Resource
from cascade.declare.task import Task
from cascade.errors import (
    CapacityError,
    CascadeError,
    InternalError,
    ParameterError,
    SerializationError,
    TargetError,
    nearest,
)
from cascade.graph.build import Inputs, flatten
from cascade.graph.model import Graph
from cascade.observers import FORMATS as DISPLAYS
from cascade.observers import console
from cascade.reports.drawing import FORMATS as DRAWINGS
from cascade.reports.drawing import visualize
from cascade.reports.explain import explain
from cascade.reports.listing import listing
from cascade.reports.plan import plan_lines
from cascade.runtime.engine import Engine
from cascade.runtime.program import Program
from cascade.runtime.resources import ResourceContainer
from cascade.runtime.resources.resolver import parameters_of
from cascade.compiler.code_cache import target_code
from cascade.runtime.spine.failures import user_part
from cascade.terminal import NotWritten, Parser, finish, occupy_closed_descriptors, show, publish_on

SUCCEEDED, FAILED, MISUSED, INTERRUPTED, BROKEN_PIPE = 0, 1, 2, 130, 141
NEGATIVE = re.compile(r"-((\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(e[-+]?\d+)?j?|inf|infinity|nan)$", re.IGNORECASE)
"""What is the value of an option, although it begins as an option does."""
INFERRED = (bool, int, float, str, list, tuple, dict, set)
"""A parameter without a type has that of its default, if it is one of these."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit status.

    The status is 0 for success, 1 when the run or something else failed, 2 for a command line that makes no sense, 130
    after Ctrl-C.

    Args:
        arguments: those after the program's name; by default the process's own.
    """
    return _status(lambda: _dispatch(sys.argv[1:] if arguments is None else list(arguments)))


def script() -> NoReturn:
    """The program `cascade`."""
    occupy_closed_descriptors()
    sys.exit(main())


class Cli:
    """The command line of one target; calling it runs it and ends the process."""

    def __init__(self, target: Any, *, name: str | None = None, engine: Engine | None = None) -> None:
        self._target = _Target(target, name, None)
        self._engine = engine

    def main(self, arguments: Sequence[str] | None = None) -> int:
        """Runs the target with the options in `arguments` and returns the exit status."""
        given = sys.argv[1:] if arguments is None else list(arguments)
        return _status(lambda: _run(self._target, given, None, self._engine))

    def __call__(self, arguments: Sequence[str] | None = None) -> NoReturn:
        sys.exit(self.main(arguments))


def create_cli(target: Any, *, name: str | None = None, engine: Engine | None = None) -> Cli:
    """Gives a script the command line of a target, as `cascade run` has it:

        if __name__ == "__main__":
            cascade.create_cli(target)()

    Args:
        target: a task, a LazyResult, a list or tuple of these, a Graph or a Program.
        name: the name of the program in its help; by default that of the script.
        engine: runs it; by default one with the resources of the script and a display of the progress.

    Raises:
        TargetError: (a TypeError) `target` is something else.
    """
    return Cli(target, name=name, engine=engine)


# -- Commands ---------------------------------------------------------------------------------------------------------


class _Command(typing.NamedTuple):
    run: Callable[[_Target, list[str], argparse.Namespace], int]
    help: str
    arguments: Callable[[argparse.ArgumentParser], None]


def _dispatch(arguments: list[str]) -> int:
    parser = Parser(
        prog="cascade", description="Runs and shows targets of Cascade.", allow_abbrev=False,
        epilog="TARGET is a task, a LazyResult, or a list of these; MODULE a module's name, or the path of a .py file.",
    )
    parser.add_argument("--version", action="version", version=f"cascade {_package().__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        sub = commands.add_parser(name, help=command.help, description=command.help, allow_abbrev=False)
        command.arguments(sub)
        sub.add_argument("target", metavar="MODULE:TARGET")
        sub.add_argument("rest", nargs=argparse.REMAINDER, metavar="...", help="options of the target; --help shows them")
    parsed = parser.parse_args(arguments)
    target = _load(parsed.target, f"cascade {parsed.command}")
    return COMMANDS[parsed.command].run(target, parsed.rest, parsed)


def _run_command(target: _Target, rest: list[str], options: argparse.Namespace) -> int:
    return _run(target, rest, options, None)


def _explain(target: _Target, rest: list[str], options: argparse.Namespace) -> int:
    _no_more(target, rest)
    show(str(explain(target.given)))
    return SUCCEEDED


def _graph(target: _Target, rest: list[str], options: argparse.Namespace) -> int:
    _no_more(target, rest)
    text = visualize(target.lazy, format=options.format)
    if options.output is None:
        show(text.removesuffix("\n"))
        return SUCCEEDED
    try:
        Path(options.output).write_text(text, encoding="utf-8")
    except OSError as error:
        raise NotWritten(error.strerror or str(error), f"the picture cannot be written to {options.output!r}") from None
    return SUCCEEDED


def _plan(target: _Target, rest: list[str], options: argparse.Namespace) -> int:
    _no_more(target, rest)
    show("\n".join(plan_lines(target.lazy)))
    return SUCCEEDED


def _disassemble(target: _Target, rest: list[str], options: argparse.Namespace) -> int:
    _no_more(target, rest)
    given = target.given
    if isinstance(given, Program):
        show(given.disassemble())
    else:
        code, inputs = target_code(given)  # no Program, which needs the system's resources
        show(listing(code.blueprint, inputs))
    return SUCCEEDED


def _package() -> Any:
    # Its version; the layers below do not know it.
    return sys.modules[__name__.partition(".")[0]]


def _no_more(target: _Target, rest: list[str]) -> None:
    Parser(prog=target.usage, allow_abbrev=False).parse_args(rest)


def _run_arguments(parser: argparse.ArgumentParser) -> None:
    for name, options in ENGINE_OPTIONS.items():
        parser.add_argument(f"--{name}", **options)


def _graph_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=DRAWINGS, default="dot")
    parser.add_argument("--output", metavar="FILE", help="by default it is printed")


def _no_arguments(parser: argparse.ArgumentParser) -> None:
    pass


def _positive(text: str) -> float:
    number = float(text)
    if not number > 0:
        raise argparse.ArgumentTypeError("expected a positive number of seconds")
    return number


def _amount(text: str) -> tuple[str, float]:
    """NAME=AMOUNT of a system resource."""
    name, sign, amount = text.rpartition("=")
    if not sign or not name:
        raise argparse.ArgumentTypeError(f"{text!r}: expected NAME=AMOUNT, such as cpu=4")
    try:
        number = convert(amount, int | float)
    except Unfit:
        raise argparse.ArgumentTypeError(f"{text!r}: the amount is no number") from None
    if not number >= 0:
        raise argparse.ArgumentTypeError(f"{text!r}: expected an amount from 0 up")
    return name, number


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("expected a number from 0 up")
    return number


ENGINE_OPTIONS: dict[str, dict[str, Any]] = {
    "progress": {"choices": (*DISPLAYS, "none"), "default": "auto", "help": "how progress is shown, on the error output"},
    "output": {"choices": ("text", "json", "none"), "default": "text", "help": "how the value is printed"},
    "timeout": {"type": _positive, "metavar": "SECONDS", "help": "what the run may take"},
    "max-steps": {"type": _count, "metavar": "N", "help": "how many task calls the run may make"},
    "resource": {
        "type": _amount, "metavar": "NAME=AMOUNT", "action": "append", "help": "how much there is for constraints, for each resource once",
    },
    "graph-path": {"action": "store_true", "help": "walk the graph instead of running compiled code"},
}
OF_NEW_ENGINES = ("progress", "resource")
"""What an engine that a script has made itself has already."""

COMMANDS = {
    "run": _Command(_run_command, "Run a target and print its value.", _run_arguments),
    "explain": _Command(_explain, "Tell how each task of a target will run, and why.", _no_arguments),
    "graph": _Command(_graph, "Draw the graph of a target.", _graph_arguments),
    "plan": _Command(_plan, "Print the plan of a target, stage by stage.", _no_arguments),
    "disassemble": _Command(_disassemble, "Print the compiled code of a target.", _no_arguments),
}


# -- Targets ----------------------------------------------------------------------------------------------------------


class _Target:
    """A target with its parameters; those of a task have been made `Param`s."""

    def __init__(self, given: Any, usage: str | None, module: types.ModuleType | None) -> None:
        self.given = given
        self.usage = usage
        self.system_resources = given.system_resources if isinstance(given, Program) else {}
        self.lazy: Any = given._target if isinstance(given, Program) else given
        self.description = None
        if isinstance(self.lazy, Task):
            self.description = inspect.getdoc(self.lazy.func)
            self.lazy = _with_parameters(self.lazy)
        elif type(self.lazy) is LazyResult:
            self.description = inspect.getdoc(self.lazy.task.func)
        elif not isinstance(self.lazy, Graph):
            flatten(self.lazy)  # refuses what is no target
        if module is None:
            module = sys.modules.get("__main__")
        found = vars(module).values() if module is not None else ()
        self.resources: list[Resource] = list({each.name: each for each in found if isinstance(each, Resource)}.values())

    def inputs(self, container: ResourceContainer) -> tuple[tuple[Input, ...], list[Input]]:
        """The parameters, and the variables of the environment."""
        _, inputs = flatten(self.lazy)
        if not isinstance(inputs, Inputs):
            return (), []
        declared = {each.name: each for each in inputs.all_declared() if each.kind != "parameter"}
        return parameters_of(inputs, container), list(declared.values())


def _with_parameters(task: Task[..., Any]) -> LazyResult[Any]:
    """A call of the task whose arguments are parameters, so that they can be given as options."""
    try:
        hints = typing.get_type_hints(task.func, include_extras=True)
    except Exception:
        hints = {}  # an annotation that names what does not exist; the values stay texts
    args, kwargs = [], {}
    for each in inspect.signature(task.func).parameters.values():
        if each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD):
            continue
        value = each.default
        if type(value) is not LazyResult:  # an injected resource, or an input already
            hint = hints.get(each.name)
            notes: list[str] = []
            if typing.get_origin(hint) is typing.Annotated:
                hint, *rest = typing.get_args(hint)
                notes = [note for note in rest if isinstance(note, str)]
            default = REQUIRED if each.default is each.empty else each.default
            # No `Param`, which wants a default that fits: a task's own is what it is.
            value = lazy_result(Input("parameter", each.name, default, hint, notes[0] if notes else ""), ())
        if each.kind is each.KEYWORD_ONLY:
            kwargs[each.name] = value
        else:
            args.append(value)
    return task(*args, **kwargs)


def _load(text: str, command: str) -> _Target:
    place, colon, path = text.rpartition(":")
    if not colon or not place or not path:
        place = place or text
        candidates = _candidates(_module(text)) if not colon and text else []
        raise TargetError(
            f"{text!r} names no target", expected="MODULE:TARGET",
            hint="the module has " + ", ".join(f"{text}:{name}" for name in candidates) if candidates else None,
        )
    module = _module(place)
    found: Any = module
    for name in path.split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            known = _candidates(module)
            raise TargetError(
                f"module {place!r} has no {path!r}",
                expected="one of " + ", ".join(known) if known else "a task or a LazyResult; the module has none",
                hint=nearest(path, known),
            ) from None
    return _Target(found, f"{command} {text}", module)


def _candidates(module: types.ModuleType) -> list[str]:
    return [name for name, value in vars(module).items() if isinstance(value, (Task, LazyResult, Program, Graph))]


def _module(place: str) -> types.ModuleType:
    if place.endswith(".py") or os.sep in place:
        return _module_of_file(Path(place))
    if "" not in sys.path and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())  # as python -m does
    try:
        return importlib.import_module(place)
    except ModuleNotFoundError as error:
        if error.name is None or not (place == error.name or place.startswith(error.name + ".")):
            raise  # the module is there, and misses another
        raise TargetError(f"there is no module {place!r}", expected="a module's name, or the path of a .py file") from None


def _module_of_file(path: Path) -> types.ModuleType:
    if not path.is_file():
        raise TargetError(f"there is no file {str(path)!r}")
    name = path.stem
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not name.isidentifier():
        raise TargetError(f"{str(path)!r} is no file of Python's", expected="a .py file whose name is an identifier")
    if name in sys.modules and getattr(sys.modules[name], "__file__", None) != str(path):
        raise TargetError(f"a module {name!r} is imported already", where=str(path), hint="rename the file")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent.resolve()))
    sys.modules[name] = module  # as an import does, so that tasks can be found by name
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


# -- Running ----------------------------------------------------------------------------------------------------------


def _run(target: _Target, arguments: list[str], options: argparse.Namespace | None, engine: Engine | None) -> int:
    container = Engine(resources=target.resources).resource_container if engine is None else engine.resource_container
    parameters, environment = target.inputs(container)
    offered = [name for name in ENGINE_OPTIONS if options is None and (engine is None or name not in OF_NEW_ENGINES)]
    parser, flags = _parser(target, parameters, environment, offered)
    known, unknown = _parse(parser, arguments)
    if unknown:
        parser.error(_unrecognized(unknown, flags.values(), [] if options is None else [*ENGINE_OPTIONS], offered))
    parsed = vars(known)
    engine_options = {name: parsed.get(_dest(name), getattr(options, _dest(name), None)) for name in ENGINE_OPTIONS}
    own = engine is None
    if engine is None:
        engine = _new_engine(target, engine_options["progress"] or "auto", engine_options["resource"] or [], parser)
    params = {}
    for declared in parameters:
        given = parsed.get(f"param {declared.name}")
        if given is not None:
            try:
                params[declared.name] = _value(given, declared)
            except Unfit as error:
                parser.error(f"argument {flags[declared.name]}: {' '.join(given) if isinstance(given, list) else given!r}: {error}")
    for declared in environment:
        if declared.required and declared.name not in os.environ:
            parser.error(f"the environment variable {declared.name} is not set")
    try:
        value = engine.run_now(
            target.lazy, params=params, timeout=engine_options["timeout"], max_steps=engine_options["max-steps"],
            use_vm=not engine_options["graph-path"],
        )
    except CapacityError as error:
        if not own or _from_user(error):
            raise
        hint = "--resource NAME=AMOUNT says how much there is"
        raise CapacityError(error.what, where=error.where, expected=error.expected, hint=hint) from None
    _print(value, engine_options["output"] or "text")
    return SUCCEEDED


def _new_engine(
    target: _Target, progress: str, amounts: Sequence[tuple[str, float]], parser: argparse.ArgumentParser
) -> Engine:
    system = dict(target.system_resources)
    given: dict[str, float] = {}
    for name, amount in amounts:
        if name in given:
            parser.error(f"argument --resource: {name!r} is given twice")
        given[name] = amount
    observers = [] if progress == "none" else [console(progress)]
    return Engine(resources=target.resources, system_resources=system | given, observers=observers)


def _parse(parser: argparse.ArgumentParser, arguments: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """As `parse_known_args`, but options that are not known come before required ones that are missing: they may be the same, misspelled."""
    given = {each.partition("=")[0] for each in itertools.takewhile(lambda each: each != "--", arguments) if each.startswith("--")}
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


def _unrecognized(unknown: Sequence[str], flags: Iterable[str], before: Iterable[str], offered: Iterable[str]) -> str:
    """What is wrong with options that the target does not have.

    Args:
        before: the engine's options that stand before the target.
        offered: those that stand beside the target's.
    """
    given = unknown[0].partition("=")[0]
    if given in (f"--{name}" for name in before):
        advice: str | None = f"{given} stands before the target"
    else:
        advice = nearest(given, [*flags, *(f"--{name}" for name in offered)])
    return f"unrecognized arguments: {' '.join(unknown)}" + ("" if advice is None else f" ({advice})")


def _dest(name: str) -> str:
    return name.replace("-", "_")


def _parser(
    target: _Target, parameters: Sequence[Input], environment: Sequence[Input], of_engine: Sequence[str]
) -> tuple[argparse.ArgumentParser, dict[str, str]]:
    names = {each.name for each in parameters}
    parser = Parser(
        prog=target.usage, description=target.description, epilog=_environment_help(environment), allow_abbrev=False,
        add_help=False, formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser._negative_number_matcher = NEGATIVE  # or -1e-3 would be taken for an option
    parser.add_argument(*(["-h"] if "help" in names else ["-h", "--help"]), action="help", help="show this and exit")
    group = parser.add_argument_group("parameters") if parameters else parser
    flags = {}
    for each in parameters:
        kind = _kind(each)
        words = [each.description] if each.description else []
        words.append("required" if each.required else f"default: {each.default!r}")
        options: dict[str, Any] = {
            "dest": f"param {each.name}", "default": None, "required": each.required, "help": ", ".join(words).replace("%", "%%"),
        }
        if kind is bool:
            options["action"] = argparse.BooleanOptionalAction
        else:
            options["metavar"] = _placeholder(each)
            if _is_list(each.type):
                options["nargs"] = "*"
        spelled = {f"--{each.name.replace('_', '-')}": None, f"--{each.name}": None}
        flags[each.name] = next(iter(spelled))
        group.add_argument(*spelled, **options)
    if of_engine:
        group = parser.add_argument_group("running")
        for name in of_engine:
            if _dest(name) not in names and name not in names:
                group.add_argument(f"--{name}", **ENGINE_OPTIONS[name])
    return parser, flags


def _placeholder(declared: Input) -> str:
    if _is_list(declared.type):
        return "ITEM"
    if isinstance(declared.type, type) and typing.get_origin(declared.type) is None:
        return type_name(declared.type).upper()
    return "VALUE"


def _environment_help(environment: Sequence[Input]) -> str | None:
    if not environment:
        return None
    return "environment:\n" + "\n".join(f"  {each.describe()}" for each in environment)


def _kind(declared: Input) -> Any:
    kind = declared.type
    return type(declared.default) if kind is None and type(declared.default) in INFERRED else kind


def _is_list(kind: Any) -> bool:
    return (typing.get_origin(kind) or kind) in (list, tuple, set, frozenset)


def _value(given: Any, declared: Input) -> Any:
    kind = _kind(declared)
    if isinstance(given, list):
        # One text that is JSON, or a text for each item.
        if len(given) == 1 and given[0].lstrip().startswith("["):
            given = given[0]
    value = convert(given, kind)
    return value if declared.type is None else given  # the run converts it, once


def _print(value: Any, how: str) -> None:
    if how == "json":
        try:
            text = json.dumps(value, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise SerializationError(
                f"the value, a {type(value).__name__}, cannot be printed as JSON: {error}", hint="leave out --output json"
            ) from None
        show(text)
    elif how == "text" and value is not None:
        show(value if isinstance(value, str) else repr(value))


def _status(action: Callable[[], int]) -> int:
    """Runs a command; what goes wrong is told on the error output and by the status."""
    try:
        status = _subscribed(action)
        finish()
        return status
    except BrokenPipeError:
        # Nobody reads what is printed.
        with contextlib.suppress(NotWritten, BrokenPipeError):
            finish()
        return BROKEN_PIPE
    except NotWritten as error:
        return _not_written(error)


def _subscribed(action: Callable[[], int]) -> int:
    try:
        return action()
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else SUCCEEDED if leaving.code is None else FAILED
    except (BrokenPipeError, NotWritten):
        raise
    except KeyboardInterrupt:
        publish_on("interrupted")
        return INTERRUPTED
    except CascadeError as error:
        from_user = error.__traceback__ is not None and _from_user(error)
        if from_user or isinstance(error, InternalError):
            _tell_traceback(error if isinstance(error, InternalError) else _trimmed(error))
        else:
            publish_on(f"cascade: error: {error}")
        return MISUSED if isinstance(error, (TargetError, ParameterError)) and not from_user else FAILED
    except BaseException as error:
        _tell_traceback(_trimmed(error))
        return FAILED


def _tell_traceback(error: BaseException) -> None:
    publish_on("".join(traceback.format_exception(error)).removesuffix("\n"))


def _not_written(error: NotWritten) -> int:
    with contextlib.suppress(NotWritten, BrokenPipeError):
        finish()  # nothing is left for Python to find at the end
    publish_on(f"cascade: error: {error}")
    return FAILED


def _from_user(error: BaseException) -> bool:
    """Whether it was raised inside a user's function or module."""
    at = error.__traceback__
    while at is not None:
        name = at.tb_frame.f_globals.get("__name__", "")
        if not name.startswith(("cascade.", "importlib")) and name not in ("cascade", "asyncio.runners"):
            return not name.startswith("asyncio")
        at = at.tb_next
    return False


def _trimmed(error: BaseException) -> BaseException:
    return error.with_traceback(user_part(error.__traceback__))
