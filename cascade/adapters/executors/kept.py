"""Results that stay on the workers that have computed them: those that only other calls in workers need.

    worker 1    load(path): an answer of 80 MB      it stays there, and its digest goes to the caller
    caller      Kept(digest)                        stands for the value, among the arguments of other calls
    worker 2    clean(Kept(digest))                 gets the answer from worker 1, and reads its value

A worker that dies takes its answers with it, and the cluster makes those calls again. Other calls may have used the value before. So a call
that is given another one than that of the digest is not made, and raises WorkerError.
"""

from __future__ import annotations

import hashlib
import pickle
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any, SupportsIndex

LEAST = 1 << 16
"""Bytes of an answer that stays: smaller ones cost less to bring back than the message that they come with."""


class Kept:
    """Stands for a value that a worker keeps.

    Args:
        name: of the task that has returned it.
        digest: of the answer that has it.
        future: what the cluster knows the answer by; it keeps the answer as long as there is such an object.
    """

    __slots__ = ("digest", "future", "name")

    def __init__(self, name: str, digest: bytes, future: object) -> None:
        self.name = name
        self.digest = digest
        self.future = future

    def __reduce__(self) -> tuple[object, ...]:
        return _value_of, (self.digest, self.name)


class KeptAnswer:
    """An answer that stays on a worker, or comes to another one that needs it.

    Args:
        data: the answer.
        digest: of the data.
    """

    __slots__ = ("data", "digest")

    def __init__(self, data: bytes, digest: bytes) -> None:
        self.data = data
        self.digest = digest

    def __sizeof__(self) -> int:
        return object.__sizeof__(self) + sys.getsizeof(
            self.data
        )  # by it schedulers choose a worker, and count its memory

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[object, ...]:
        data = pickle.PickleBuffer(self.data) if int(protocol) >= 5 else self.data
        return KeptAnswer, (data, self.digest)


Answer = bytes | Kept
"""An answer, or what stands in the place of one that has stayed on a worker."""
Keeper = Callable[[bytes], bytes | KeptAnswer]
"""Has an answer stay on the worker where it is called, unless it is a small one."""


def kept_answer(data: bytes) -> KeptAnswer:
    """Returns an answer with its digest."""
    return KeptAnswer(data, hashlib.blake2b(data, digest_size=16).digest())


class LostResult(Exception):
    """A worker was not given a value that was kept; the argument is the name of the task that has returned it."""


_here = threading.local()


def loads_with(message: bytes, kept: Sequence[object]) -> Any:  # noqa: ANN401  # as `pickle.loads`
    """Reads a message whose values stand in part in these answers.

    Raises:
        LostResult: one of them is not that which was kept.
    """
    if not kept:
        return pickle.loads(message)
    _here.answers = {answer.digest: answer.data for answer in kept if type(answer) is KeptAnswer}
    try:
        return pickle.loads(message)
    finally:
        del _here.answers


def _value_of(digest: bytes, name: str) -> object:
    """Returns the value of a kept answer, in a worker; each call returns another copy."""
    data = getattr(_here, "answers", {}).get(digest)
    if data is None:
        raise LostResult(name)
    _, answer = pickle.loads(data)
    _, (value, *_) = pickle.loads(answer)
    return value
