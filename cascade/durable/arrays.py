"""NumPy arrays as a run holds them: with the layout of their memory, and as parts of one memory where they overlap."""

from __future__ import annotations

import types
from collections.abc import Callable
from importlib import import_module
from typing import Any

from cascade.errors import KeyingError, StoreError

Array = Any  # of NumPy, which may not be there
GAPS = 2
"""An array whose memory is spread over more times its size is saved without the gaps."""


class Arrays:
    """The arrays of one snapshot.

    Attributes:
        shared: the owners of memory that several arrays have, by id.
    """

    def __init__(self) -> None:
        self.shared: set[int] = set()
        self._seen: dict[int, list[Array]] = {}  # by the id of the object that owns their memory
        self._memories: dict[int, tuple[Array, int, Array]] = {}  # by the id of the owner, which is held here

    def begin(self) -> None:
        """Called before an attempt to write all values."""
        self._seen, self._memories = {}, {}

    def has_memory_of(self, value: object) -> bool:
        """Returns whether an array that was written has the memory of an object, such as a bytearray."""
        return id(value) in self._seen

    def finds_sharing(self, array: Array, numpy: types.ModuleType, is_written: Callable[[object], bool]) -> bool:
        """Returns whether an array is the first to overlap with others that were written: then all is written anew.

        Raises:
            KeyingError: (a TypeError) the memory that they share is not one of NumPy.
        """
        owner, base = _owner_of(array, numpy)
        if id(owner) in self.shared:
            return False
        low, high = _bounds(array)
        others = self._seen.setdefault(id(owner if base is None else base), [])
        if base is not None and is_written(base):
            raise KeyingError(f"an array whose memory a {type(base).__name__} has as well")
        for other in others:
            begin, end = _bounds(other)
            if other is array or low >= end or begin >= high or not (array.flags.writeable or other.flags.writeable):
                continue
            if base is not None:
                raise KeyingError("arrays that share their memory")
            self.shared.add(id(owner))
            return True
        others.append(array)
        return False

    def is_plain(self, array: Array, numpy: types.ModuleType) -> bool:
        """Returns whether an array is contiguous, can be written to, and shares its memory with none that was written."""
        is_shared = id(_owner_of(array, numpy)[0]) in self.shared
        return not is_shared and (array.size == 0 or bool(array.flags.forc and array.flags.writeable))

    def parts(self, array: Array, numpy: types.ModuleType, description: object) -> list[object]:
        """Returns the arguments of `made_array` that make an array anew; its memory is bytes, or an array that others have as well."""
        owner, _ = _owner_of(array, numpy)
        if id(owner) not in self.shared:
            array = without_gaps(array)
            low, high = _bounds(array)
            memory: Any = _memory(array, low, high - low, numpy).tobytes()
        else:
            if id(owner) not in self._memories:
                low, high = _bounds(owner)
                self._memories[id(owner)] = owner, low, _memory(owner, low, high - low, numpy)
            _, low, memory = self._memories[id(owner)]
        return [memory, _address(array) - low, array.shape, array.strides, description, array.flags.writeable]


def without_gaps(array: Array) -> Array:
    """Returns an array, or a copy of it with the same order in memory, if that has large gaps."""
    low, high = _bounds(array)
    if high - low <= GAPS * array.nbytes:
        return array
    order = tuple(slice(None, None, -1 if stride < 0 else 1) for stride in array.strides)
    made = array[order].copy(order="K")[order]
    made.flags.writeable = array.flags.writeable
    return made


def made_array(
    memory: Any,  # noqa: ANN401
    offset: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    description: object,
    is_writeable: bool,
) -> Array:
    """Returns the array at an offset of a memory, which is bytes or an array of bytes."""
    numpy: Any = import_module("numpy")
    if type(memory) is bytes:
        held = numpy.empty(len(memory), numpy.uint8)
        held[:] = numpy.frombuffer(memory, numpy.uint8)
        memory = held
    dtype = numpy.lib.format.descr_to_dtype(description)
    if type(memory) is not numpy.ndarray or memory.dtype != numpy.uint8 or memory.ndim != 1 or dtype.hasobject:
        raise StoreError("an array of the run is damaged")
    made = numpy.ndarray(shape, dtype, memory, offset, strides)  # raises where it would leave the memory
    made.flags.writeable = is_writeable
    return made


def _owner_of(array: Array, numpy: types.ModuleType) -> tuple[Array, object]:
    """Returns the array that owns the memory of an array, and the object of another kind that it has it from, if any."""
    while isinstance(array.base, numpy.ndarray):
        array = array.base
    base = array.base
    return array, base.obj if type(base) is memoryview else base


def _address(array: Array) -> int:
    return int(array.__array_interface__["data"][0])


def _bounds(array: Array) -> tuple[int, int]:
    """Returns the addresses of the first byte of an array, and behind its last one."""
    steps = [(size - 1) * stride for size, stride in zip(array.shape, array.strides, strict=True)]
    begin = _address(array)
    if array.size == 0:
        return begin, begin
    return begin + sum(step for step in steps if step < 0), begin + sum(
        step for step in steps if step > 0
    ) + array.itemsize


class _Bytes:
    """Some bytes of an array's memory, in the protocol by which NumPy makes an array of them."""

    def __init__(self, owner: Array, address: int, size: int) -> None:
        self.owner = owner  # the memory lives as long as this
        self.__array_interface__ = {"data": (address, False), "shape": (size,), "typestr": "|u1", "version": 3}


def _memory(owner: Array, address: int, size: int, numpy: Any) -> Array:  # noqa: ANN401
    return numpy.asarray(_Bytes(owner, address, size))
