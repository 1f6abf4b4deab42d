"""Makes a program that shows a difference smaller, as long as it shows the same.

Each trial runs in a child process: a program that has lost a line may be endless or fill the memory, and one that
crashes the process shows a difference, too.
"""

from __future__ import annotations

import ast
import dataclasses
import os
import resource
import signal
import time
from collections.abc import Callable
from functools import partial

from tests.support.random_programs.comparison import Difference, compare
from tests.support.random_programs.model import Call, Program
from tests.support.reduction import Change, expression_changes, reduced

TRIAL_SECONDS = 5
MEMORY = 2 * 2**30


def shown_by(program: Program) -> tuple[str, str]:
    """The kind of difference that a program shows in a child process, "" for none, and the text about it."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _run_in_child(program, writing)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as file:
        kind, _, text = file.read().partition("\n")
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) not in (signal.SIGALRM, signal.SIGKILL):
        return f"crash by signal {os.WTERMSIG(status)}", text
    return kind, text


def _run_in_child(program: Program, writing: int) -> None:
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(TRIAL_SECONDS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        compare(program)
    except Difference as difference:
        os.write(writing, f"{difference.kind}\n{difference}".encode()[:60_000])
    except BaseException:
        pass  # no program at all
    finally:
        os._exit(0)


Smaller = Callable[[], Program]


def minimise(program: Program, kind: str, seconds: float = 60.0) -> Program:
    """The smallest program found in that time that shows a difference of the same kind."""
    compare(Program(0, "@task(lower=True)\ndef f(n):\n    return n\n", (Call((1,)),)))  # imports what all children need
    end = time.monotonic() + seconds
    size = 0
    while size != (size := len(program.text) + len(program.script)):
        for smaller_ones in (_with_shorter_scripts, _with_fewer_lines, _with_simpler_expressions):
            program = _reduce(program, smaller_ones, kind, end)
    return program


def _reduce(program: Program, smaller_ones: Callable[[Program], list[Smaller]], kind: str, end: float) -> Program:
    def is_better(smaller: Program, program: Program) -> bool:
        return len(smaller.text) <= len(program.text) and shown_by(smaller)[0] == kind

    return reduced(program, smaller_ones, is_better, end)


def _with_shorter_scripts(program: Program) -> list[Smaller]:
    script = program.script
    halves = [script[: len(script) // 2], script[len(script) // 2 :]]
    without_one = [script[:place] + script[place + 1 :] for place in range(len(script))]
    once = [
        (*script[:place], dataclasses.replace(action, times=1), *script[place + 1 :])
        for place, action in enumerate(script)
        if isinstance(action, Call) and action.times > 1
    ]
    shorter = [candidate for candidate in (*halves, *without_one, *once) if candidate and candidate != script]
    return [partial(dataclasses.replace, program, script=candidate) for candidate in shorter]


def _with_fewer_lines(program: Program) -> list[Smaller]:
    """Without a line and the block that belongs to it; with the block, but without the line; without just the line."""
    lines = program.text.splitlines()
    texts = []
    for place, line in enumerate(lines):
        end = place + 1
        while end < len(lines) and _indent(lines[end]) > _indent(line):
            end += 1
        block = [other[4:] for other in lines[place + 1 : end]]
        texts.append(lines[:place] + lines[end:])
        if block:
            texts += [lines[:place] + block + lines[end:], lines[:place] + lines[place + 1 :]]
    return [partial(dataclasses.replace, program, text="\n".join(text) + "\n") for text in texts if len(text) > 1]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _with_simpler_expressions(program: Program) -> list[Smaller]:
    try:
        tree = ast.parse(program.text)
    except SyntaxError:
        return []
    return [partial(_changed, program, change) for change in expression_changes(tree, _kept(tree))]


def _kept(tree: ast.AST) -> list[ast.AST]:
    # Exponents and shift counts must not grow.
    return [
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Pow, ast.LShift))
        for inner in ast.walk(node.right)
    ]


def _changed(program: Program, change: Change) -> Program:
    tree = ast.parse(program.text)
    change(tree)
    return dataclasses.replace(program, text=ast.unparse(tree) + "\n")
