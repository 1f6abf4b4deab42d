"""The attributes that caches read of objects of NumPy and pydantic, as protocols: these libraries need not be installed."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from typing import Protocol


class Dtype(Protocol):
    """A NumPy dtype."""

    kind: str
    char: str
    itemsize: int
    alignment: int
    isalignedstruct: bool
    isbuiltin: int
    hasobject: bool
    metadata: Mapping[str, object] | None
    subdtype: object
    base: Dtype
    shape: tuple[int, ...]
    names: tuple[str, ...] | None
    fields: Mapping[str, tuple[Dtype, int] | tuple[Dtype, int, str]]
    type: builtins.type
    str: builtins.str


class ArrayFlags(Protocol):
    """The flags of a NumPy array."""

    writeable: bool
    aligned: bool


class Array(Protocol):
    """A NumPy array, or a scalar, which has the same attributes."""

    dtype: Dtype
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    flags: ArrayFlags
    base: object

    def tobytes(self, order: str = "C") -> bytes:
        """Returns the elements' bytes."""
        ...

    def tolist(self) -> list[object]:
        """Returns the elements as Python objects."""
        ...


class PydanticModel(Protocol):
    """An instance of a pydantic model."""

    __pydantic_extra__: object
    __pydantic_private__: object
    __pydantic_fields_set__: set[str]
