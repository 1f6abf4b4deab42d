"""Properties, defaults, keywords and closures are called from kernel to kernel; frames and tracebacks are as in CPython."""

from __future__ import annotations

import gc
import sys
import weakref
from typing import Any

import pytest

from cascade.kernels.blocks.kernel import block_kernel
from tests.support import block_properties as functions
from tests.support.block_functions import assert_same, instructions


@pytest.mark.parametrize(("name", "arguments"), functions.CASES)
def test_functions_with_properties_keywords_and_closures_do_what_cpython_does(name: str, arguments: tuple[Any, ...]):
    assert_same(getattr(functions, name), *arguments)


def test_properties_and_closures_are_called_without_frames():
    for name in ("failing", "failing_inside", "counter"):
        kernel = assert_same(getattr(functions, name), 2)
        assert "CALL_FUNCTION" in instructions(kernel)
    assert "CALL_PYTHON" not in instructions(block_kernel(functions.failing))


def test_lists_are_iterated_over_backward_in_registers():
    kernel = assert_same(functions.backward_with_exits, [1, 2, 3])
    assert "LIST_NEXT_BACKWARD" in instructions(kernel)


def test_other_defaults_code_and_properties_are_seen(monkeypatch: pytest.MonkeyPatch):
    def of(x: Any) -> Any:
        return functions.given(x)[:4], functions.Part(1).total

    kernel = block_kernel(of)
    assert kernel(1) == ((1, 10, "x", 2**70), 3)
    monkeypatch.setattr(functions.given, "__defaults__", (5, 6, 7))
    assert kernel(1) == ((1, 5, 6, 7), 3)
    monkeypatch.setattr(functions.given, "__defaults__", (5, 6))
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        kernel(1)
    monkeypatch.undo()
    monkeypatch.setattr(functions.Part.total.fget, "__code__", (lambda self: "other").__code__)  # type: ignore[attr-defined]
    assert kernel(1) == ((1, 10, "x", 2**70), "other")
    monkeypatch.undo()
    monkeypatch.setattr(functions.Part, "total", 9)
    assert kernel(1) == ((1, 10, "x", 2**70), 9)


class Held:
    pass


def test_what_a_closure_holds_dies_with_the_closure():
    held = Held()
    seen = weakref.ref(held)

    def made(value: Any) -> Any:
        return lambda x: (x, type(value).__name__)

    kernel = block_kernel(functions.applied)
    for _ in range(3):
        assert kernel(made(held), 1) == ((1, "Held"), (2, "Held"))
    del held
    gc.collect()
    assert seen() is None


def test_references_to_arguments_do_not_leak():
    value = object()
    function = lambda x: x
    kernel = block_kernel(functions.applied)
    for _ in range(5):
        with pytest.raises(TypeError):
            kernel(function, value)
    gc.collect()
    assert (sys.getrefcount(value), sys.getrefcount(function)) == (2, 2)
