"""Messages to worker processes: calls, as bytes, and their answers."""

from __future__ import annotations

import contextlib
import pickle
import weakref
from types import GetSetDescriptorType
from typing import cast

from cascade.adapters.executors.exceptions import Parts, incomplete
from cascade.adapters.executors.handshake import digest
from cascade.adapters.executors.sending import Sent, dumps_for_worker, dumps_plain, has_name
from cascade.adapters.executors.stateless import is_sent_by_name, is_stateless
from cascade.adapters.executors.worker import ERROR, LOST, UNREADABLE, VALUE, work
from cascade.adapters.executors.worker_call import WorkerCall
from cascade.adapters.executors.worker_pool import WorkerPool
from cascade.declare.failed import Failed, failed
from cascade.declare.task import Task
from cascade.errors import SendingError, WorkerError
from cascade.imports import TYPE_CHECKING

if TYPE_CHECKING:
    from cascade.adapters.executors.kept import Answer

AnyTask = Task[..., object]

_CAUSE: GetSetDescriptorType = vars(BaseException)["__cause__"]


def call_in_worker(
    pool: WorkerPool, task: Task[..., object], args: tuple[object, ...], kwargs: dict[str, object], by_kernel: bool
) -> WorkerCall:
    """Returns the call of a task's function in a worker; `by_kernel` says that it may make kernels of the function, and use them.

    The call raises:
        SendingError: (a TypeError) something cannot be sent there, or back.
        WorkerError: (a RuntimeError) the worker died.
    """
    tasks: list[AnyTask] = []  # the answer may lead back to these

    def encode() -> tuple[object, ...]:
        program, message, sent = _message(task, args, kwargs, by_kernel)
        tasks.extend(sent.tasks)
        return program, message, *[kept.future for kept in sent.kept]

    def decode(answer: Answer) -> object:
        value = value_of(answer, task)
        tasks.clear()
        return value

    return WorkerCall(pool, task.name, work, encode, decode)


class RemoteTraceback(Exception):
    """The cause of an exception from a worker process: its traceback there, as text."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f'in a worker process\n"""\n{self.text}"""'


_ANOTHER = "a function that makes one, cascade.Blocks(lambda: ...), can make another"


def died(name: str, reason: str, is_replaced: bool = True) -> WorkerError:
    """Returns the error of a call whose worker has died; `is_replaced` says whether there will be another one."""
    again = "the task may be tried again" if is_replaced else f"its executor does nothing any more: {_ANOTHER}"
    return WorkerError(
        name,
        f"the worker process that ran task {name!r} died",
        where=reason,
        hint=f"a crash in native code, too little memory (killed by the system), or os._exit; {again}",
    )


def not_finished(name: str, reason: str, hint: str | None = None) -> WorkerError:
    """Returns the error of a call whose executor was shut down, or has no worker."""
    return WorkerError(name, f"no worker finished task {name!r}", where=reason, hint=hint)


def shut_down(name: str, reason: str, is_replaced: bool) -> WorkerError:
    """Returns the error of a call whose executor was shut down; `is_replaced` says whether there will be another one."""
    again = (
        "the task may be tried again" if is_replaced else f"an executor is shut down when its runs are over; {_ANOTHER}"
    )
    return not_finished(name, reason, again)


_CallParts = tuple[AnyTask, tuple[object, ...], dict[str, object]]


def _message(
    task: AnyTask, args: tuple[object, ...], kwargs: dict[str, object], by_kernel: bool
) -> tuple[bytes, bytes, Sent]:
    """Returns the program and the message of a call, as `work` takes them, and parts of it."""
    function = _sent_as(task)
    lower = task.lower if by_kernel else False
    try:
        if function is task or (lower is not False and is_sent_by_name(function)):
            program = _reference(task, function, lower)
        elif lower is not False and is_stateless(function):
            program = _program(function, lower, None)
        else:
            return b"", *dumps_for_worker((function, args, kwargs, lower))
        plain = dumps_plain((args, kwargs))
        return program, *((plain, Sent([], [])) if plain is not None else dumps_for_worker((args, kwargs)))
    except Exception as error:
        raise cannot_send(task, function, args, kwargs, error) from error


def _program(function: object, lower: bool | None, digest: bytes | None) -> bytes:
    sent = function if type(function) is Task else dumps_for_worker(function)[0]
    return dumps_for_worker((sent, lower, digest))[0]


_references: weakref.WeakKeyDictionary[AnyTask, tuple[object, object, bool | None, bytes]] = weakref.WeakKeyDictionary()


def _reference(task: AnyTask, function: object, lower: bool | None) -> bytes:
    """Returns the program of a task whose function goes by its name, or which does so itself."""
    code = getattr(task.called, "__code__", None)
    known = _references.get(task)
    if known is not None and known[0] is function and known[1] is code and known[2] is lower:
        return known[3]
    made = _program(function, lower, digest(task.called) if function is task else None)
    _references[task] = function, code, lower, made
    return made


def chain_message(calls: list[_CallParts], by_kernel: bool) -> tuple[bytes, Sent]:
    """Returns the message of calls that are made one after the other, and parts of it.

    Raises:
        SendingError: (a TypeError) something cannot be sent.
    """
    try:
        return dumps_for_worker([_parts_of(call, by_kernel) for call in calls])
    except Exception:
        for call in calls:
            _message(*call, by_kernel)
        raise


def _parts_of(call: _CallParts, by_kernel: bool) -> tuple[object, ...]:
    task, args, kwargs = call
    lower = task.lower if by_kernel else False
    function = sent = _sent_as(task)
    if lower is not False and is_stateless(function):
        sent, _ = dumps_for_worker(function)
    return sent, args, kwargs, lower, digest(task.called) if sent is task else None


def _sent_as(task: Task[..., object]) -> object:
    return task if has_name(task) else task.called


def cannot_send(
    task: Task[..., object], function: object, args: tuple[object, ...], kwargs: dict[str, object], error: Exception
) -> SendingError:
    names = task.binder.parameters[: task.binder.positional]
    named = [(names[at] if at < len(names) else f"*{at}", value) for at, value in enumerate(args)]
    for name, value in (*named, *kwargs.items()):
        found = _culprit(value)
        if found is not None:
            path, part, reason = found
            what = f"argument {name + path!r} of task {task.name!r}"
            return SendingError(
                f"{what}, of type {type(part).__name__}, cannot be sent to a worker process: {reason}",
                where=f"task {task.name!r}, which has mode 'compute'",
                hint="pass what it is made from and make it in the task, or use mode='blocking', which stays in this process",
            )
    reason = _reason_not_to_pickle(function) or f"{type(error).__name__}: {error}"
    return SendingError(
        f"the function of task {task.name!r} cannot be sent to a worker process: {reason}",
        where=f"task {task.name!r}, which has mode 'compute'",
        hint="a function at the top level of a module is sent as its name; any other, as one of the main script, with all that it "
        "refers to: move it to a module",
    )


def _reason_not_to_pickle(value: object) -> str | None:
    try:
        dumps_for_worker(value)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def _culprit(value: object) -> tuple[str, object, str] | None:
    """The innermost part of a value that cannot be pickled: its path, itself, the reason."""
    reason = _reason_not_to_pickle(value)
    if reason is None:
        return None
    path = ""
    for _ in range(20):
        for step, part in _parts(value):
            inner = _reason_not_to_pickle(part)
            if inner is not None:
                path, value, reason = path + step, part, inner
                break
        else:
            break
    return path, value, reason


def _parts(value: object) -> list[tuple[str, object]]:
    if isinstance(value, dict):
        return [(f"[{key!r}]", part) for key, part in value.items()]
    if isinstance(value, (list, tuple)):
        return [(f"[{at}]", part) for at, part in enumerate(value)]
    return (
        [(f".{name}", part) for name, part in getattr(value, "__dict__", {}).items()]
        if not isinstance(value, type)
        else []
    )


def value_of(answer: Answer, task: Task[..., object]) -> object:
    """Returns the value that an answer has, or its exception as a `Failed`.

    Raises:
        SendingError: (a TypeError) something could not be sent.
        WorkerError: (a RuntimeError) a value that the call needed was lost with its worker.
    """
    assert isinstance(answer, bytes), "only answers of chains stay on workers"
    where = f"task {task.name!r}, in a worker process"
    try:
        kind, *content = pickle.loads(answer)
    except Exception as error:
        raise SendingError(
            f"the answer of task {task.name!r} cannot be read: {type(error).__name__}: {error}", where=where
        ) from error
    if kind == VALUE:
        return content[0]
    if kind == ERROR:
        whole, parts, text = content
        raised = _raised(whole, parts, task, where)
        _CAUSE.__set__(raised, RemoteTraceback(text))  # never refused, as setting the attribute may be
        return failed(raised)
    if kind == UNREADABLE:
        raise SendingError(
            f"the function or the arguments of task {task.name!r} cannot be read by the worker process: {content[0]}",
            where=where,
            hint="what is sent by its name has to be importable there, too",
        )
    if kind == LOST:
        raise WorkerError(
            content[0],
            f"the worker process that kept the result of task {content[0]!r} died, and called again, it has another result",
            where=where,
            hint="others have used the first one. Return equal results for equal arguments, or give the task a retry policy: "
            "its results are not left on workers",
        )
    what, reason = content
    raise SendingError(f"{what} cannot be sent back from task {task.name!r}: {reason}", where=where)


def error_of_answer(answer: bytes, task: Task[..., object]) -> BaseException:
    """Returns the exception of an answer, as `value_of` raises it."""
    try:
        value = value_of(answer, task)
    except BaseException as error:
        return error.with_traceback(None)
    assert isinstance(value, Failed)
    return value.error


def _raised(whole: bytes | None, parts: Parts, task: Task[..., object], where: str) -> BaseException:
    """Returns the exception that a worker has sent; where that is impossible, one of a subclass with the attributes that could be sent."""
    reason = parts.reason
    if whole is not None:
        try:
            return cast("BaseException", pickle.loads(whole))
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
    missing = [repr(name) for name, value in {**parts.members, **parts.state}.items() if value is None]
    trouble = SendingError(
        f"the {parts.name} that it raised cannot be sent back from task {task.name!r}: {reason}; it was: {parts.message}",
        where=where,
        hint=f"these attributes of it are missing here: {', '.join(missing)}" if missing else None,
    )
    members, state = _read(parts.members), _read(parts.state)
    for kind in parts.classes:
        try:
            return incomplete(pickle.loads(kind), trouble, members, state)
        except Exception:
            continue  # this process does not have the class, or it cannot have subclasses
    return trouble


def _read(pickles: dict[str, bytes | None]) -> dict[str, object]:
    values = {}
    for name, made in pickles.items():
        if made is not None:
            with contextlib.suppress(Exception):
                values[name] = pickle.loads(made)
    return values
