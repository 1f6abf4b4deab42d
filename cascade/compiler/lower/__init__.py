"""A task's function -> typed code, and back: leaving typed code at any statement.

    source      the function's syntax tree, its statements numbered
    translate   the tree -> typed code, for given types of the arguments
    verify      what typed code has to be before it may run
    resume      a function that goes on from a statement with given locals
"""

from __future__ import annotations

from typing import Any

from cascade._vm import Kernel, install_typed_verifier
from cascade.compiler.lower.resume import Resumption
from cascade.compiler.lower.source import SourceError, read_source
from cascade.compiler.lower.translate import Reason, Refusal, translate
from cascade.compiler.lower.verify import verify_typed
from cascade.errors import LoweringError
from cascade.spec.task import Task

install_typed_verifier(verify_typed)

TYPES: dict[type, str] = {int: "int", float: "float", bool: "bool"}


def lower(task: Task[..., Any], kinds: tuple[type, ...]) -> Kernel | None:
    """The kernel of a task for arguments of the given types; None for types that have no registers.

    Raises:
        LoweringError: (a TypeError) the function has no typed form.
    """
    if any(kind not in TYPES for kind in kinds):
        return None
    try:
        source = read_source(task.func)
        code = translate(source, tuple(TYPES[kind] for kind in kinds), task, Resumption(source))
    except SourceError as error:
        raise LoweringError(task.name, [Reason("CS100", 0, 0, task.name, str(error))]) from None
    except Refusal as refusal:
        where = f"{task.func.__code__.co_filename}:{refusal.reason.line}"
        raise LoweringError(task.name, [refusal.reason], where=where) from None
    return Kernel(code)
