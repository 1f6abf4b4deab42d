"""Policies in words, for drawings, plans, explanations and listings."""

from __future__ import annotations

import dataclasses
from typing import Any, TextIO

from cascade.declare.retry import Retry
from cascade.graph.operations import Managed, StateMachine, is_map


def printable(text: str) -> str:
    """A text as one line without control characters, which could do things to a terminal."""
    return text if text.isprintable() else "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def write_line(file: TextIO, line: str) -> None:
    """Writes a line; characters that the file's encoding does not have are written escaped."""
    try:
        file.write(line + "\n")
    except UnicodeEncodeError:
        encoding = getattr(file, "encoding", None) or "ascii"
        file.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")


KEY_LENGTH = 40
"""Longer keys are cut."""


def policy_words(operation: Any) -> list[str]:
    """What an operation has set besides what it depends on, such as `["retry 3 (delay 0.1 s)", "cpu=1"]`."""
    if not isinstance(operation, Managed):
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
    return words


def dependence_words(operation: Any) -> list[str]:
    """What decides whether and when it runs, besides its arguments: `["condition", "gpu of a task", "order"]`."""
    words = [f"{name} of a task" for name, amount in getattr(operation, "amounts", ()) if amount is None]
    if getattr(operation, "conditions", 0):
        words.append("condition")
    if getattr(operation, "after", 0):
        words.append("order")
    return words


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


def _type_names(kinds: Any) -> str:
    return " or ".join(kind.__name__ for kind in (kinds if isinstance(kinds, tuple) else (kinds,))) or "nothing"


def called_name(operation: Any) -> str:
    """How a call is written: `fetch`, or `fetch.map` for a call for each item, or `machine fetch`."""
    if isinstance(operation, StateMachine):
        return f"machine {operation.name}"
    return f"{operation.name}.map" if is_map(operation) else str(operation.name)


SIGNS = {"condition": "if ", "order": "after "}


def operand_words(operation: Any, position: int, name: str, text: str) -> str:
    """An operand with what it is for, where it is no argument of the task: `if r3`, `gpu=r4`, `after r5`."""
    if not isinstance(operation, (Managed, StateMachine)):
        return text
    kind = operation.kind_of(position)
    if kind == "constraint":
        return f"{name.removeprefix('constraint ')}={text}"
    return SIGNS.get(kind, "") + text


def mode_words(operation: Any) -> list[str]:
    """Where its task runs, if that is not in place: `["async"]`, `["blocking"]`."""
    task = operation.task
    return [word for word, holds in (("async", task.is_async), (task.mode, task.mode != "inline")) if holds]


def key_words(key: Any) -> str:
    """The key of a route or a jump, in short."""
    try:
        text = repr(key)
    except Exception:
        text = f"<{type(key).__name__}>"
    return text if len(text) <= KEY_LENGTH else text[: KEY_LENGTH - 1] + "…"
