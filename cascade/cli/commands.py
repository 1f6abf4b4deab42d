"""The program `cascade` and its commands."""

from __future__ import annotations

import argparse
import os
import re
import sys
import typing
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from cascade.cli.explaining import has_colours, text_of
from cascade.cli.options import ENGINE_OPTIONS, destination
from cascade.cli.running import run_target, value_of_target
from cascade.cli.status import MISUSED, SUCCEEDED, exit_status
from cascade.cli.targets import Target, load_target
from cascade.cli.terminal import NotWritten, Parser, occupy_closed_descriptors, show, show_error
from cascade.compiler.code_cache import target_code
from cascade.errors import SerializationError, TargetError, nearest
from cascade.messages import names as messages
from cascade.messages import page
from cascade.reports.drawing import FORMATS as DRAWINGS
from cascade.reports.drawing import visualize
from cascade.reports.explain import explain
from cascade.reports.listing import listing
from cascade.reports.plan import plan_lines
from cascade.runtime.program import Program


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit status.

    The status is 0 for success, 1 for a failure of the run or of anything else, 2 for an invalid command line, 130 after
    Ctrl-C.

    Args:
        arguments: those after the program's name; by default the process's own.
    """
    return exit_status(lambda: dispatch(sys.argv[1:] if arguments is None else list(arguments)))


def script() -> NoReturn:
    """Runs the program `cascade` and ends the process."""
    occupy_closed_descriptors()
    sys.exit(main())


class _Command(typing.NamedTuple):
    run: Callable[[Target, list[str], argparse.Namespace], int]
    help: str
    arguments: Callable[[argparse.ArgumentParser], None]


def dispatch(arguments: list[str]) -> int:
    if arguments[:1] == ["completion"] and arguments[2:3] == ["--words"]:
        return _complete(arguments[1], arguments[3:])  # argparse would take some of the words for its own
    saved = arguments[:1] in (["runs"], ["work"])
    with_saved = saved or not arguments or arguments[0].startswith("-")
    parser = build_parser(with_saved)
    if not arguments:
        show_error(parser.format_help().rstrip())
        return MISUSED
    parsed = parser.parse_args(arguments)
    if saved:
        from cascade.cli.runs import run_command

        return run_command(parsed)
    if parsed.command in OTHERS:
        return OTHERS[parsed.command].run(parsed)
    if parsed.command == "run" and parsed.watch:
        from cascade.cli.watch import run_and_watch

        return run_and_watch(lambda: _on_target(parsed))
    return _on_target(parsed)


def _on_target(parsed: argparse.Namespace) -> int:
    if parsed.command == "explain" and _is_page(parsed.target):
        return _pages([parsed.target, *parsed.rest])
    target = load_target(parsed.target, f"cascade {parsed.command}")
    return COMMANDS[parsed.command].run(target, parsed.rest, parsed)


def build_parser(with_saved: bool = True) -> Parser:
    """Returns the parser of the program; `with_saved`: whether it has the commands on saved runs, whose code takes time to import."""
    parser = Parser(
        prog="cascade",
        description="Runs and shows targets of Cascade.",
        allow_abbrev=False,
        epilog="TARGET is a task, a LazyResult, or a list of these; MODULE a module's name, or the path of a .py file.",
    )
    parser.add_argument("--version", action="version", version=f"cascade {_version()}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        sub = commands.add_parser(name, help=command.help, description=command.help, allow_abbrev=False)
        command.arguments(sub)
        sub.add_argument("target", metavar="MODULE:TARGET")
        sub.add_argument(
            "rest", nargs=argparse.REMAINDER, metavar="...", help="options of the target; --help shows them"
        )
    for name, other in OTHERS.items():
        other.arguments(commands.add_parser(name, help=other.help, description=other.help, allow_abbrev=False))
    if with_saved:
        from cascade.cli.runs import add_commands

        add_commands(commands)
    return parser


def _run_command(target: Target, rest: list[str], options: argparse.Namespace) -> int:
    return run_target(target, rest, options, None)


def _explain(target: Target, rest: list[str], options: argparse.Namespace) -> int:
    if not options.run and "--run" in rest:  # behind the target; its own options are for a run only
        rest.remove("--run")
        options.run = True
    if options.run:
        value_of_target(target, rest, options, None)
    else:
        _no_more(target, rest)
    show(text_of(explain(target.given), has_colours()))
    return SUCCEEDED


def _is_page(target: str) -> bool:
    """Returns whether a target of `explain` is the name of a page, or looks like one that there is not."""
    return page(_as_page(target)) is not None or re.fullmatch(r"(?i)cs\d+|[a-z]+(error|warning)", target) is not None


def _as_page(name: str) -> str:
    """Returns the name of a page, whatever its case."""
    return next((known for known in messages() if known.lower() == name.lower()), name)


def _pages(names: list[str]) -> int:
    pages = {name: page(_as_page(name)) for name in names}
    for name, text in pages.items():
        if text is None:
            raise TargetError(
                f"there is no page about {name!r}", expected="error classes and codes", hint=nearest(name, messages())
            )
        show(text.rstrip("\n"))
    return SUCCEEDED


def _bench(target: Target, rest: list[str], options: argparse.Namespace) -> int:
    from cascade.cli.bench import bench

    given = [f"--{name}" for name in ("fast", "rigorous") if getattr(options, name)]
    if options.output is not None:
        given += ["--output", options.output]
    return bench(target, options.target, rest, given)


def _graph(target: Target, rest: list[str], options: argparse.Namespace) -> int:
    _no_more(target, rest, options, _graph_arguments)
    text = visualize(target.lazy, format=options.format or _format_of(options.output))
    if options.output is None:
        show(text.removesuffix("\n"))
        return SUCCEEDED
    try:
        Path(options.output).write_text(text, encoding="utf-8")
    except OSError as error:
        raise NotWritten(error.strerror or str(error), f"the picture cannot be written to {options.output!r}") from None
    return SUCCEEDED


def _format_of(file: str | None) -> str:
    """Returns the format of a picture by the ending of its file's name."""
    return {".svg": "svg", ".mmd": "mermaid", ".mermaid": "mermaid"}.get(Path(file or "").suffix.lower(), "dot")


def _plan(target: Target, rest: list[str], options: argparse.Namespace) -> int:
    _no_more(target, rest)
    show("\n".join(plan_lines(target.lazy)))
    return SUCCEEDED


def _disassemble(target: Target, rest: list[str], options: argparse.Namespace) -> int:
    _no_more(target, rest)
    given = target.given
    if isinstance(given, Program):
        show(given.disassemble())
    else:
        code, inputs = target_code(given)  # no Program, which needs the system's resources
        show(listing(code.blueprint, inputs))
    return SUCCEEDED


def _report(options: argparse.Namespace) -> int:
    from cascade.observers.report.lines import last_run, read_events
    from cascade.observers.report.page import page

    output = options.output or ("run.html" if options.events == "-" else str(Path(options.events).with_suffix(".html")))
    if options.events == "-":
        run = last_run(read_events(sys.stdin))
    else:
        try:
            with open(options.events, encoding="utf-8", errors="replace") as lines:
                run = last_run(read_events(lines))
        except OSError as error:
            raise SerializationError(f"{options.events} cannot be read: {error.strerror or error}") from None
    if run is None:
        raise SerializationError(f"{options.events} holds no run", expected="the event RunStarted, and those after it")
    try:
        Path(output).write_text(page(run, None), encoding="utf-8", errors="replace")
    except OSError as error:
        raise NotWritten(error.strerror or str(error), f"the report cannot be written to {output!r}") from None
    show(output)
    return SUCCEEDED


def _new(options: argparse.Namespace) -> int:
    from cascade.cli.new import new_project

    for path in new_project(options.folder):
        show(str(path))
    return SUCCEEDED


def _completion(options: argparse.Namespace) -> int:
    from cascade.cli.completion import SCRIPTS

    show(SCRIPTS[options.shell].removesuffix("\n"))
    return SUCCEEDED


def _complete(shell: str, words: list[str]) -> int:
    from cascade.cli.completion import candidates

    if found := candidates(build_parser(), words, shell):
        show("\n".join(found))
    return SUCCEEDED


def _version() -> str:
    # The package's version; the layers below do not import the package.
    return str(sys.modules[__name__.partition(".")[0]].__version__)


def _no_more(
    target: Target,
    rest: list[str],
    options: argparse.Namespace | None = None,
    arguments: Callable[[argparse.ArgumentParser], None] | None = None,
) -> None:
    """Takes the options of a command that stand behind the target, which has none of its own; refuses others."""
    parser = Parser(prog=target.usage, allow_abbrev=False)
    if arguments is not None:
        arguments(parser)
    parser.parse_args(rest, options)


def _run_arguments(parser: argparse.ArgumentParser) -> None:
    for name, options in ENGINE_OPTIONS.items():
        parser.add_argument(f"--{name}", **options)
    if hasattr(os, "fork"):
        parser.add_argument("--watch", action="store_true", help="run it again after each change of a file of its code")
    else:
        parser.set_defaults(watch=False)


def _explain_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--run", action="store_true", help="run the target first, with its options: what has not run has no kernel yet"
    )
    parser.set_defaults(**{destination("progress"): "none"})


def _graph_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=DRAWINGS, help="by default that of FILE's ending, or dot")
    parser.add_argument("--output", metavar="FILE", help="by default it is printed")


def _bench_arguments(parser: argparse.ArgumentParser) -> None:
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--fast", action="store_true", help="measure for a shorter time")
    length.add_argument("--rigorous", action="store_true", help="measure for a longer time")
    parser.add_argument(
        "--output", metavar="FILE", help="a file of pyperf's, which `python -m pyperf` compares and shows"
    )


def _report_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "events", metavar="FILE", help="lines of JSON that console(format='json') has written; - for the input"
    )
    parser.add_argument("--output", metavar="FILE", help="by default the name of FILE, with .html")


def _new_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="FOLDER", help="its last part is the name of the project")


def _completion_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=("bash", "zsh", "fish"))


def _no_arguments(parser: argparse.ArgumentParser) -> None:
    pass


COMMANDS = {
    "run": _Command(_run_command, "Run a target and print its value.", _run_arguments),
    "explain": _Command(
        _explain,
        "Explain how each task of a target will run, and why; or an error class or a code: cascade explain CS138.",
        _explain_arguments,
    ),
    "graph": _Command(_graph, "Draw the graph of a target.", _graph_arguments),
    "plan": _Command(_plan, "Print the plan of a target, stage by stage.", _no_arguments),
    "disassemble": _Command(_disassemble, "Print the compiled code of a target.", _no_arguments),
    "bench": _Command(_bench, "Measure a target beside the same functions in plain Python.", _bench_arguments),
}
"""Commands on a target."""


class _Other(typing.NamedTuple):
    run: Callable[[argparse.Namespace], int]
    help: str
    arguments: Callable[[argparse.ArgumentParser], None]


OTHERS = {
    "report": _Other(
        _report, "Write a report of the last run in a file of events as one HTML file.", _report_arguments
    ),
    "new": _Other(_new, "Make a small project with a test.", _new_arguments),
    "completion": _Other(
        _completion, 'Print the completion for a shell: eval "$(cascade completion bash)".', _completion_arguments
    ),
}
"""Commands without a target."""
