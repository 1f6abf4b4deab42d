"""Values that are chosen where paths join just before their instruction: objects of many classes come there, and classes that have changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cascade.kernels.blocks.kernel import block_kernel
from tests.support.fuel import words_without_fuel
from tests.support.machine_code_functions import machine_code

COUNT = 9


def _class(number: int) -> type:
    class Made:
        x = number

        def __init__(self) -> None:
            self.y = number * 2.5

        def __ne__(self, other: object) -> bool:
            return number % 2 == 0

        def __radd__(self, other: Any) -> Any:
            return other * number

        __add__ = __radd__

        def __getitem__(self, index: int) -> int:
            if index > 2:
                raise IndexError(index)
            return index * number

        def __len__(self) -> int:
            return number

        def __contains__(self, item: object) -> bool:
            return item == number

        def method(self) -> int:
            return number + 5

        def __call__(self) -> int:
            return -number

    Made.__qualname__ = Made.__name__ = f"Made{number}"
    return Made


for _number in range(COUNT):
    globals()[f"Made{_number}"] = _class(_number)

FORMS = [
    "1.5 != {}", "1 + {}", "{} + 1", "{}[1]", "{}.y", "{}.x", "{}.method()", "{}()", "len({})", "[i for i in {}]", "1 in {}", "not {}",
    "isinstance({}, int)", "{} is None", "{0}.y + {0}.x", "str(type({}))", "[*{}]", "f'{{{}.x}}'",
]  # fmt: skip


def made_of(form: str) -> Callable[..., Any]:
    chosen = "(u if u is not None else v)"
    namespace = dict(globals())
    exec(f"def f(u, v):\n    return {form.format(chosen)}\n", namespace)
    function: Callable[..., Any] = namespace["f"]
    return function


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "others", [(), (3, 2.5, None, "text", [1, 2, 3], (4, 5))], ids=["objects", "objects and others"]
)
def test_objects_of_many_classes_come_to_a_chosen_operand(form: str, others: tuple[Any, ...]) -> None:
    function = made_of(form)
    values = [*others, *(globals()[f"Made{number}"]() for number in range(COUNT)), *others]

    def outcome(run: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return run(*arguments)
        except Exception as error:
            return type(error), str(error)

    with machine_code(0):
        kernel = block_kernel(function)  # type: ignore[arg-type]
        for _ in range(2):
            for value in values:
                for arguments in ((value, None), (None, value), (value, values[-1])):
                    assert repr(outcome(kernel, *arguments)) == repr(outcome(function, *arguments))
                    assert not words_without_fuel(kernel)


@pytest.mark.parametrize("form", ["{}.y", "{}.x", "{}.method()", "{}()", "1 + {}", "len({})", "1.5 != {}"])
def test_a_class_that_changes_is_told_again_at_a_chosen_operand(form: str) -> None:
    function = made_of(form)
    cls: Any = globals()["Made2"]
    value = cls()
    with machine_code(0):
        kernel = block_kernel(function)  # type: ignore[arg-type]
        for turn in range(COUNT):
            cls.x = turn  # the class has another version
            for arguments in ((value, None), (None, value)):
                assert repr(kernel(*arguments)) == repr(function(*arguments))
