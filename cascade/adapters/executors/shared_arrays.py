"""Arrays that several processes of one machine read in the same memory.

The memory is an anonymous file of the process that shares it (`memfd_create`), which others open by their path of it. So it is freed with that
process, however it ends, and there is nothing to be cleaned up.
"""

from __future__ import annotations

import mmap
import os
import secrets
import socket
import sys
from collections import OrderedDict
from typing import NamedTuple, cast

from cascade.errors import SendingError
from cascade.imports import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LEAST = 1 << 20
"""Bytes of an array that is shared: smaller ones are sent as they are."""
HEAD = 64
"""Bytes before the array: a token that tells the file from any other."""
KEPT_LIMIT = 8

_open: OrderedDict[SharedPart, NDArray[np.generic]] = OrderedDict()


class NotShared(SendingError):
    """The memory of another process cannot be opened here, as on another machine."""


class SharedPart(NamedTuple):
    """A shared array, for another process of the machine.

    Attributes:
        token: stands at the beginning of the file.
        host: the machine.
        path: of the file.
        dtype, shape: of the array.
    """

    token: bytes
    host: str
    path: str
    dtype: str
    shape: tuple[int, ...]

    def array(self) -> NDArray[np.generic]:
        """Returns the array in shared memory, which cannot be written to.

        Raises:
            NotShared: (a TypeError) it is not there.
        """
        known = _open.get(self)
        if known is None:
            known = _opened(self)
            while len(_open) >= KEPT_LIMIT:
                _open.popitem(last=False)
            _open[self] = known
        return known


def _opened(part: SharedPart) -> NDArray[np.generic]:
    import numpy

    try:
        if part.host != socket.gethostname():
            raise OSError("another machine")
        file = os.open(part.path, os.O_RDONLY)
        try:
            memory = mmap.mmap(file, 0, prot=mmap.PROT_READ)
        finally:
            os.close(file)
        if memory[: len(part.token)] != part.token:
            raise OSError("another file")
    except (OSError, ValueError) as error:
        raise NotShared(f"an array cannot be read in the memory of the process that has it: {error}") from None
    count = 1
    for length in part.shape:
        count *= length
    array = numpy.frombuffer(memory, numpy.dtype(part.dtype), count, HEAD)
    return cast("NDArray[np.generic]", array.reshape(part.shape))


class SharedArray:
    """A copy of an array that other processes of the machine can read.

    Args:
        array: of a dtype without objects.
    """

    _file = -1

    def __init__(self, array: NDArray[np.generic]) -> None:
        self._file = os.memfd_create("cascade-array")
        token = secrets.token_bytes(16)
        os.ftruncate(self._file, HEAD + array.nbytes)
        with mmap.mmap(self._file, HEAD + array.nbytes) as memory:
            import numpy

            memory[: len(token)] = token
            copy = numpy.frombuffer(memory, array.dtype, array.size, HEAD).reshape(array.shape)
            copy[...] = array
            del copy
        self.part = SharedPart(
            token, socket.gethostname(), f"/proc/{os.getpid()}/fd/{self._file}", array.dtype.str, array.shape
        )

    def close(self) -> None:
        """Frees the memory, as soon as no other process has it open."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __del__(self) -> None:
        self.close()


def is_worth_sharing(array: NDArray[np.generic]) -> bool:
    """Returns whether an array is read by other processes in shared memory: it is large, and the system can."""
    return sys.platform == "linux" and array.nbytes >= LEAST and not array.dtype.hasobject
