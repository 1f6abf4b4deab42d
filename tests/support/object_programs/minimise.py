"""Makes a program that shows a difference smaller, as long as it shows one of the same kind.

Each trial runs in a child process: a program that has lost a line may be endless or fill the memory, and one that crashes the process
shows a difference, too.
"""

from __future__ import annotations

import ast
import dataclasses
import os
import resource
import signal
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial

from tests.support.object_programs.comparison import Difference, Tasks, compare
from tests.support.object_programs.model import Call, Program
from tests.support.reduction import Change, expression_changes, reduced, statement_changes

TRIAL_SECONDS = 5
MEMORY = 4 * 2**30
NO_PROGRAM = "?"

Smaller = Callable[[], Program]


def shown_by(program: Program, tasks: type[Tasks] = Tasks) -> tuple[str, str]:
    """The kind of difference that a program shows in a child process, "" for none, and the text about it."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _run_in_child(program, writing, tasks)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8", errors="replace") as file:
        kind, _, text = file.read().partition("\n")
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) not in (signal.SIGVTALRM, signal.SIGKILL):
        return f"crash by signal {os.WTERMSIG(status)}", text
    return kind, text


def _run_in_child(program: Program, writing: int, tasks: type[Tasks]) -> None:
    signal.setitimer(signal.ITIMER_VIRTUAL, TRIAL_SECONDS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        compare(program, tasks)
    except Difference as difference:
        os.write(writing, f"{difference.kind}\n{difference}".encode(errors="backslashreplace")[:60_000])
    except BaseException:
        pass  # no program at all
    finally:
        os._exit(0)


def minimise(program: Program, kind: str, tasks: type[Tasks] = Tasks, seconds: float = 60.0) -> Program:
    """The smallest program found in that time that shows a difference of the same kind."""
    end = time.monotonic() + seconds
    size = 0
    while size != (size := len(program.text) + len(repr(program.calls))):
        for smaller_ones in (_with_fewer_calls, _with_fewer_statements, _with_simpler_expressions):
            program = _reduce(program, smaller_ones, kind, tasks, end)
    return program


def _reduce(
    program: Program, smaller_ones: Callable[[Program], list[Smaller]], kind: str, tasks: type[Tasks], end: float
) -> Program:
    def is_better(smaller: Program, program: Program) -> bool:
        return len(smaller.text) <= len(program.text) and shown_by(smaller, tasks)[0] == kind

    return reduced(program, smaller_ones, is_better, end)


def _with_fewer_calls(program: Program) -> list[Smaller]:
    calls = program.calls
    fewer = [
        calls[len(calls) // 2 :],
        calls[: len(calls) // 2],
        *(calls[:place] + calls[place + 1 :] for place in range(len(calls))),
    ]
    fewer += [
        (*calls[:place], changed, *calls[place + 1 :])
        for place, call in enumerate(calls)
        for changed in _simpler_calls(call)
    ]
    return [partial(dataclasses.replace, program, calls=each) for each in fewer if each and each != calls]


def _simpler_calls(call: Call) -> Iterator[Call]:
    if call.times > 1:
        yield dataclasses.replace(call, times=1)
        yield dataclasses.replace(call, times=call.times // 2)
    if call.before:
        yield dataclasses.replace(call, before="")
    for way in set(call.ways) if len(call.ways) > 1 else ():
        yield dataclasses.replace(call, ways=(way,))


def _parsed(text: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(text)
        except SyntaxError:
            return ast.Module([], [])


def _changed(program: Program, change: Change) -> Program:
    tree = _parsed(program.text)
    change(tree)
    try:
        text = ast.unparse(ast.fix_missing_locations(tree)) + "\n"
    except ValueError:  # a part of a formatted string that may not be there
        text = NO_PROGRAM
    return dataclasses.replace(program, text=text)


def _with_fewer_statements(program: Program) -> list[Smaller]:
    return [partial(_changed, program, change) for change in statement_changes(_parsed(program.text))]


def _with_simpler_expressions(program: Program) -> list[Smaller]:
    return [partial(_changed, program, change) for change in expression_changes(_parsed(program.text))]
