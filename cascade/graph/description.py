"""Policies in words, for drawings, plans, explanations and listings."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, TextIO

from cascade.declare.retry import Retry
from cascade.graph.containers import Container
from cascade.graph.operations import (
    AMOUNT,
    CONDITION,
    ORDER,
    Map,
    Operand,
    PolicyOperation,
    StateMachine,
    TaskOperation,
)

if TYPE_CHECKING:
    from cascade.graph.model import RowOperation


def printable(text: str) -> str:
    """A text as one line without control characters, which could do things to a terminal."""
    return (
        text
        if text.isprintable()
        else "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    )


def write_line(file: TextIO, line: str) -> None:
    """Writes a line; characters that the file's encoding does not have are written escaped."""
    try:
        file.write(line + "\n")
    except UnicodeEncodeError:
        encoding = getattr(file, "encoding", None) or "ascii"
        file.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")


def counted(number: int, word: str) -> str:
    """Returns a number of things in words: `1 task`, `2,000 tasks`."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


KEY_LENGTH = 40
"""Longer keys are cut."""


def policy_words(operation: object) -> list[str]:
    """Returns the policies of an operation in words, such as `["retry 3 (delay 0.1 s)", "cpu=1"]`."""
    if not isinstance(operation, PolicyOperation):
        return []
    words = []
    if operation.retry is not None:
        words.append(_retry_words(operation.retry))
    if operation.timeout is not None:
        words.append(f"timeout {_shown(operation.timeout)} s")
    if operation.cache is not None:
        words.append(f"cache {type(operation.cache).__name__}")
    words += [f"{name}={_shown(amount)}" for name, amount in operation.amounts if amount is not None]
    if operation.concurrency is not None:
        words.append(f"{operation.concurrency} at once")
    if operation.signature is not None and operation.signature.as_array:
        words.append("as an array")
    if operation.signature is not None and operation.signature.on_error != "raise":
        words.append(_error_words(operation.signature.on_error))
    return words


def _error_words(on_error: str | int) -> str:
    return "collects failures" if on_error == "collect" else f"tolerates {on_error:,} failures"


def dependence_words(operation: object) -> list[str]:
    """The dependences of an operation besides its arguments: `["gpu of a task", "condition", "order"]`."""
    if not isinstance(operation, TaskOperation):
        return []
    words = [f"{name} of a task" for name, amount in operation.amounts if amount is None]
    return words + [
        role.edge for role in (CONDITION, ORDER) if any(operand.role is role for operand in operation.operands)
    ]


def _retry_words(retry: Retry) -> str:
    units = {"delay": " s", "max_delay": " s"}
    options = []
    for field in dataclasses.fields(Retry)[1:]:
        value = getattr(retry, field.name)
        if value != field.default:
            name = field.name.replace("retry_on", "on").replace("_", " ")
            options.append(f"{name} {_type_names(value) if name == 'on' else _shown(value)}{units.get(field.name, '')}")
    return f"retry {retry.max_attempts}" + (f" ({', '.join(options)})" if options else "")


def _shown(number: float) -> str:
    try:
        return f"{number:g}"
    except OverflowError:
        return hex(int(number))  # an int that no float holds


def _type_names(kinds: type | tuple[type, ...]) -> str:
    return " or ".join(kind.__name__ for kind in (kinds if isinstance(kinds, tuple) else (kinds,))) or "nothing"


def called_name(operation: RowOperation) -> str:
    """How a call is written: `fetch`, or `fetch.map` for a call for each item, or `machine fetch`."""
    if isinstance(operation, StateMachine):
        return f"machine {operation.name}"
    return f"{operation.name}.map" if isinstance(operation, Map) else operation.name


SIGNS = {CONDITION: "if ", ORDER: "after "}


def operand_words(operand: Operand, text: str) -> str:
    """An operand, shown as `text`, with its role, where it is not an argument of the task: `if r3`, `gpu=r4`, `after r5`."""
    if operand.role is AMOUNT:
        return f"{operand.name.removeprefix('constraint ')}={text}"
    return SIGNS.get(operand.role, "") + text


def mode_words(operation: RowOperation) -> list[str]:
    """The mode of its task, if that is not called in place: `["async"]`, `["blocking"]`."""
    if isinstance(operation, Container):
        return []
    task = operation.task
    return [word for word, holds in (("async", task.is_async), (task.mode, task.mode != "inline")) if holds]


def key_words(key: object) -> str:
    """The key of a route or a jump, in short."""
    try:
        text = repr(key)
    except Exception:
        text = f"<{type(key).__name__}>"
    return text if len(text) <= KEY_LENGTH else text[: KEY_LENGTH - 1] + "…"
