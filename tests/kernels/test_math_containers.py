"""fsum, prod, dist and sumprod in typed code give what `math` gives, to the bit, and raise what it raises."""

from __future__ import annotations

import dataclasses
import itertools
import math
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import cascade as cs
from cascade._vm import Kernel
from cascade.errors import BlueprintError
from cascade.kernels import lower
from cascade.kernels.model import CallOut
from tests.support.math_programs import FLOATS, INTS, Make, bits, maker, outcome, wild_float, wild_int

OF_CONTAINERS = {"fsum": 1, "prod": 1, "dist": 2, "sumprod": 2}
"""How many they take."""
NAMES = [name for name in OF_CONTAINERS if hasattr(math, name)]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    return maker(tmp_path)


def numbers(pick: random.Random, count: int) -> list[Any]:
    """Numbers of one type, or of all; few of them are wild, as most sums of wild ones are infinite."""
    kinds: list[Callable[[], Any]] = [
        lambda: pick.choice([1, 10, 1000, 1e15]) * (pick.random() - 0.5), lambda: pick.randrange(-9, 9), lambda: pick.random() < 0.5,
        lambda: pick.choice(FLOATS), lambda: pick.choice(INTS), lambda: wild_float(pick), lambda: wild_int(pick),
    ]  # fmt: skip
    chosen = [pick.choice(kinds)] if pick.random() < 0.6 else kinds
    return [pick.choice(chosen)() for _ in range(count)]


def containers(name: str) -> Iterator[tuple[Any, ...]]:
    """Arguments of a function of containers: lists, tuples and ranges, a few of another length than the other one."""
    pick = random.Random(name)
    for count in (0, 1, 2, 3, 4, 5, 9, 40):
        for _ in range(150):
            lengths = [max(0, count + (pick.random() < 0.05)) for _ in range(OF_CONTAINERS[name])]
            yield tuple(pick.choice([list, tuple])(numbers(pick, length)) for length in lengths)
    yield from itertools.product(
        [range(5), range(-3, 9, 3), range(0), [1.5, 2.5, -0.0, 1e300, 1]], repeat=OF_CONTAINERS[name]
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_function_of_containers_gives_the_bits_that_math_gives(make: Make, name: str) -> None:
    arguments = "abc"[: OF_CONTAINERS[name]]
    program = make(", ".join(arguments), "total", f"total = math.{name}({', '.join(arguments)})")
    for case in containers(name):
        assert outcome(program, case) == outcome(getattr(math, name), case), case


@pytest.mark.parametrize("width", [0, 1, 2, 3, 5, 8])
@pytest.mark.parametrize("name", NAMES)
def test_items_that_are_written_at_the_call_give_the_same(make: Make, name: str, width: int) -> None:
    count = OF_CONTAINERS[name]
    names = [f"v{number}" for number in range(count * width)]
    halves = [names[at : at + width] for at in range(0, count * width, width)] if width else [[]] * count
    written = [f"({', '.join(half)}{',' * (len(half) == 1)})" for half in halves]
    as_list = [f"[{', '.join(half)}]" for half in halves]
    pick = random.Random(f"{name}{width}")
    for shown in (written, as_list):
        function = getattr(math, name)
        program = make(", ".join(names), f"math.{name}({', '.join(shown)})")
        for _ in range(300):
            case = numbers(pick, len(names))
            expected = outcome(
                lambda *items: function(*[list(items[at * width : (at + 1) * width]) for at in range(count)]),
                tuple(case),
            )
            assert outcome(program, tuple(case)) == expected, case


@pytest.mark.parametrize("name", [name for name, count in OF_CONTAINERS.items() if count == 2 and hasattr(math, name)])
def test_one_container_may_be_written_and_the_other_not(make: Make, name: str) -> None:
    function = getattr(math, name)
    left = make("p, x, y", "total", f"total = math.{name}(p, (x, y))")
    right = make("p, x", "total", f"total = math.{name}((x, 2.5), p)")
    pick = random.Random(name)
    for _ in range(600):
        (x, y), p = numbers(pick, 2), numbers(pick, pick.choice([2, 2, 2, 1, 3]))
        assert outcome(left, (p, x, y)) == outcome(function, (p, (x, y))), (p, x, y)
        assert outcome(right, (p, x)) == outcome(function, ((x, 2.5), p)), (p, x)


@pytest.mark.parametrize("items", ["a", "(x, y)", "()"])
def test_prod_takes_its_start_by_keyword(make: Make, items: str) -> None:
    program = make("a, x, y, s", "total", f"total = math.prod({items}, start=s)")
    pick = random.Random(items)
    for _ in range(800):
        a, (x, y, s) = numbers(pick, pick.randrange(4)), numbers(pick, 3)
        given = {"a": a, "(x, y)": (x, y), "()": ()}[items]
        assert outcome(program, (a, x, y, s)) == outcome(lambda given, s: math.prod(given, start=s), (given, s)), (
            given,
            s,
        )


def test_a_constant_tuple_has_the_type_that_its_items_give(make: Make) -> None:
    program = make(
        "n", "total", "total = 0\n    for i in range(n): total += math.prod((1, 2, 3)) + math.prod(math_weights)"
    )
    program.task.func.__globals__["math_weights"] = (2, 5)  # type: ignore[attr-defined]
    assert program(10) == 160
    (kernel,) = program.task.routine.kernels  # type: ignore[attr-defined]
    assert kernel.exits == 0


LOOP = """total = 0
    for i in range(n):
        total += math.prod(xs) + math.prod(ys)
        if math.prod(ys) > i:
            total = total - 1
    while math.prod(ys) + i < 50:
        i += math.prod(xs, start=1)"""


@pytest.mark.parametrize(
    ("xs", "ys"), [([1, 2], [3]), ([1.5], [3]), ((2, 1), (0.5, 4)), ([1.0], [2.0]), ([1, True], range(1, 4))], ids=repr
)
def test_a_statement_has_a_version_for_an_int_and_one_for_a_float(make: Make, xs: Any, ys: Any) -> None:
    program = make("n, xs, ys", "total + i", LOOP)
    plain = program.task.func  # type: ignore[attr-defined]
    assert bits(program(30, xs, ys)) == bits(plain(30, xs, ys))
    (kernel,) = program.task.routine.kernels  # type: ignore[attr-defined]
    assert (kernel.entries, kernel.exits) == (1, 0)


def test_a_list_that_changes_its_type_between_the_calls_is_seen(make: Make) -> None:
    program = make("n, xs", "total", "total = 0\n    for i in range(n): total += math.prod(xs)")
    xs: list[Any] = [2, 3]
    assert bits(program(4, xs)) == bits(24)
    xs[0] = 0.5
    assert bits(program(4, xs)) == bits(6.0)


class Point(NamedTuple):
    x: float
    y: float


@pytest.mark.parametrize("name", NAMES)
def test_named_tuples_are_taken_as_tuples_are(make: Make, name: str) -> None:
    arguments = ", ".join(["p", "q"][: OF_CONTAINERS[name]])
    program = make("n, p, q", "total", f"total = 0\n    for i in range(n): total += math.{name}({arguments})")
    plain = program.task.func  # type: ignore[attr-defined]
    p, q = Point(1.5, 2), Point(-0.5, 3.25)
    assert bits(program(9, p, q)) == bits(plain(9, p, q))
    assert [kernel.exits for kernel in program.task.routine.kernels] == [0]  # type: ignore[attr-defined]


class Own(tuple[float, ...]):
    """A tuple that says itself what its items are."""

    def __iter__(self) -> Iterator[float]:
        return iter([7.0, 8.0])


@pytest.mark.parametrize("name", NAMES)
def test_a_tuple_with_an_iteration_of_its_own_is_asked(make: Make, name: str) -> None:
    arguments = ", ".join(["p", "p"][: OF_CONTAINERS[name]])
    program = make("p", "total", f"total = math.{name}({arguments})")
    assert bits(program(Own([1.0, 2.0]))) == bits(program.task.func(Own([1.0, 2.0])))  # type: ignore[attr-defined]


def test_a_call_that_is_made_under_a_condition_only_is_not_made_before(make: Make) -> None:
    program = make("n, xs", "total", "total = 0\n    for i in range(n): total += 1 if i or math.prod(xs) > 0 else 2")
    assert program(3, [1]) == 3
    reasons = [reason for _, reasons in program.task.routine.diagnostics for reason in reasons]  # type: ignore[attr-defined]
    assert [reason for reason in reasons if "whether its result is an int or a float is not known here" in str(reason)]


class Hostile(float):
    """A float whose conversion is seen."""

    seen = 0

    def __float__(self) -> float:
        type(self).seen += 1
        return 1.0

    def __mul__(self, other: Any) -> Any:
        type(self).seen += 1
        return float(self) * other

    __rmul__ = __mul__


@pytest.mark.parametrize("name", NAMES)
def test_items_with_code_of_their_own_are_used_as_often_as_in_plain_python(make: Make, name: str) -> None:
    count = OF_CONTAINERS[name]
    arguments = ", ".join(["xs"] * count)
    program = make("n, xs", "total", f"total = 0\n    for i in range(n): total += math.{name}({arguments})")
    seen = []
    for function in (program, program.task.func):  # type: ignore[attr-defined]
        for items in ([Hostile(2.0), 1.0], [1.0, Hostile(2.0), "no number"]):
            Hostile.seen = 0
            seen.append((outcome(function, (3, items)), Hostile.seen))
    assert seen[:2] == seen[2:]
    assert seen[0][1] == 0 or seen[0][1] >= 3


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [iter, set, dict.fromkeys, repr, sum], ids=lambda made: made.__name__)
def test_other_values_are_left_to_cpython(make: Make, name: str, value: Callable[[list[float]], Any]) -> None:
    arguments = ", ".join(["xs"] * OF_CONTAINERS[name])
    program = make("xs", "total", f"total = math.{name}({arguments})")
    plain = program.task.func  # type: ignore[attr-defined]
    items = [1.0, 2.0]
    assert outcome(program, (value(items),)) == outcome(plain, (value(items),))


@pytest.mark.parametrize(
    "call",
    [
        "fsum()",
        "dist(xs)",
        "prod(xs, begin=1)",
        "fsum(xs, start=2)",
        "nextafter(1.0, 2.0, step=1)",
        "dist((1, 2), (3,))",
    ],
)
def test_a_call_that_does_not_fit_raises_what_cpython_raises(make: Make, call: str) -> None:
    program = make("xs", f"math.{call}")
    expected = outcome(program.task.func, ([1.0],))  # type: ignore[attr-defined]
    assert outcome(program, ([1.0],)) == expected
    assert expected[0] in (TypeError, ValueError)


def distances(n: int, x: float, p: tuple[float, float]) -> float:
    total = 0.0
    for _ in range(n):
        total += math.dist((x, 1.0), p)
    return total


@pytest.mark.parametrize(
    "changes",
    [
        {"groups": (2,)},
        {"groups": (3, -1)},
        {"groups": (-2, 1)},
        {"names": ("a", "b", "c")},
        {"names": (1,)},
        {"names": ["a"]},
    ],
    ids=repr,
)
def test_a_call_out_whose_arguments_do_not_fit_is_refused(changes: dict[str, Any]) -> None:
    code = lower(cs.task(distances), ("int", "float", "object")).code  # type: ignore[union-attr]
    objects = tuple(dataclasses.replace(each, **changes) if type(each) is CallOut else each for each in code.objects)
    with pytest.raises(BlueprintError, match="calls out with arguments that do not fit the values"):
        Kernel(dataclasses.replace(code, objects=objects))
