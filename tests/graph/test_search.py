"""The search for LazyResults in values: compared with a plain one, and among values that change while it goes on."""

from __future__ import annotations

import collections
import dataclasses
import gc
import importlib.util
import sys
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cascade as cs
from cascade._vm import holds_deferred
from tests.support.processes import in_child
from tests.support.searched_values import Noisy, Pair, events
from tests.support.tasks import identity, one

LAZY = one()


class NoisyDict(dict):
    def keys(self) -> Any:
        events.append(("keys", len(self)))
        return super().keys()


class Plain:
    pass


@dataclasses.dataclass
class Data:
    left: Any
    right: Any
    kind: ClassVar[Any] = LAZY
    seed: dataclasses.InitVar[int] = 0


@dataclasses.dataclass(slots=True)
class Slotted:
    left: Any
    right: Any


@dataclasses.dataclass
class Telling:
    left: Any
    right: Any

    def __getattribute__(self, name: str) -> Any:
        if name in ("left", "right"):
            events.append((name, type(object.__getattribute__(self, name)).__name__))
        return object.__getattribute__(self, name)


class Meta(type):
    pass


class MetaTold(type):
    def __getattr__(cls, name: str) -> Any:
        raise AttributeError(name)


Odd = Meta("Odd", (), {})
OddData = dataclasses.dataclass(Meta("OddData", (Data,), {}))
ToldData = dataclasses.dataclass(MetaTold("ToldData", (Data,), {}))
Told = MetaTold("Told", (), {})


def reference(root: Any) -> bool:
    """What the search finds, in plain Python."""
    if type(root) is cs.LazyResult:
        return True
    seen, stack, kept = {id(root)}, [root], [root]
    while stack:
        value = stack.pop()
        for item in children(value):
            if type(item) is cs.LazyResult:
                return True
            if is_container(item) and id(item) not in seen:
                kept.append(item)
                seen.add(id(item))
                stack.append(item)
    return False


def is_container(value: Any) -> bool:
    return isinstance(value, (list, tuple, dict, set, frozenset)) or (
        hasattr(type(value), "__dataclass_fields__") and not isinstance(value, type)
    )


def children(value: Any) -> Any:
    for kind in (list, tuple, set, frozenset):
        if isinstance(value, kind):
            return [*kind.__iter__(value)]
    if isinstance(value, dict):
        return [*dict.keys(value), *dict.values(value)]
    if is_container(value):
        names = [field.name for field in dataclasses.fields(value)]
        return [getattr(value, name) for name in names if hasattr(type(value), name) or name in vars(value)]
    return ()


LEAVES = [None, 1, 2.5, "x", b"x", True, 1j, Plain, Data, int, Odd, Told, (), frozenset()]
MAKERS: dict[str, Any] = {
    "list": list,
    "tuple": tuple,
    "dict": lambda items: dict(enumerate(items)),
    "keys": lambda items: {key: None for key in items if hashable(key)},
    "set": lambda items: {item for item in items if hashable(item)},
    "frozenset": lambda items: frozenset(item for item in items if hashable(item)),
    "Noisy": Noisy,
    "NoisyDict": lambda items: NoisyDict(enumerate(items)),
    "OrderedDict": lambda items: collections.OrderedDict(enumerate(items)),
    "deque": collections.deque,
    "Pair": lambda items: Pair(*(items + [None, None])[:2]),
    "Plain": lambda items: Plain(),
    "Odd": lambda items: Odd(),
    "Told": lambda items: Told(),
    **{
        kind.__name__: (lambda kind: lambda items: kind(*(items + [None, None])[:2]))(kind)
        for kind in (Data, Slotted, Telling, OddData, ToldData)
    },
}
GROWING = ("list", "dict", "Noisy", "NoisyDict", "OrderedDict")


def hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


@st.composite
def nests(draw: st.DrawFn) -> list[Any]:
    """Values, each of them made of those before it; lists and dicts may hold later ones as well."""
    values: list[Any] = [*LEAVES, LAZY] if draw(st.booleans()) else [*LEAVES]
    first = len(values)
    kinds = draw(st.lists(st.sampled_from([*MAKERS]), min_size=1, max_size=30))
    for kind in kinds:
        # Mostly of those that were made last: so it gets deep.
        numbers = draw(st.lists(st.integers(1, 12), max_size=4))
        values.append(MAKERS[kind]([values[-min(number, len(values))] for number in numbers]))
    for at, kind in enumerate(kinds, first):
        if kind in GROWING and draw(st.booleans()):
            later = values[draw(st.integers(0, len(values) - 1))]
            if isinstance(values[at], dict):
                values[at]["later"] = later
            else:
                values[at].append(later)
    return values[first:]


@settings(max_examples=200)
@given(values=nests(), collect=st.booleans())
def test_the_search_finds_what_a_plain_one_finds_and_asks_the_same_questions(values, collect):
    if collect:
        gc.collect(0)  # from then on, tuples of plain values are not tracked
    for value in values:
        events.clear()
        expected, asked = reference(value), [*events]
        events.clear()
        assert holds_deferred(value) == expected
        assert events == asked


@pytest.mark.parametrize("make", [lambda value: [value], lambda value: (value,), lambda value: {0: value}])
def test_a_million_levels_are_no_matter(make):
    inner: list[Any] = []
    value: Any = inner
    for _ in range(1_000_000):
        value = make(value)
    assert not holds_deferred(value)
    inner.append(LAZY)
    assert holds_deferred(value)


@pytest.mark.parametrize(
    "make",
    [
        lambda value: [value, value],
        lambda value: {value: value} if hashable(value) else (value, value),
        lambda value: Data(value, value),
        lambda value: Noisy([value, value]),
    ],
)
def test_what_is_shared_is_searched_once(make):
    inner: list[Any] = []
    value: Any = make(inner)
    for _ in range(200):
        value = make(value)  # 2 ** 200 ways lead to the innermost
    assert not holds_deferred(value)
    inner.append(LAZY)
    assert holds_deferred(value)


def test_a_knot_of_many_is_searched_once():
    knots: list[list[Any]] = [[] for _ in range(300)]
    for knot in knots:
        knot += knots
    assert not holds_deferred(knots)
    knots[0].append({"x": LAZY})
    assert holds_deferred(knots)


@pytest.mark.parametrize("size", [1, 31, 32, 33, 34, 63, 64, 65, 66, 1000, 100_000])
def test_wide_values_are_searched_whole(size):
    value: list[Any] = [[number] for number in range(size)]
    assert not holds_deferred(value)
    for at in {0, size // 2, size - 1}:
        value[at] = [LAZY]
        assert holds_deferred(value)
        value[at] = [0]


def set_item(value: Any) -> None:
    value["c"] = LAZY


def replace_item(value: Any) -> None:
    value["a"] = LAZY


def add_key(value: Any) -> None:
    value[LAZY] = 1


def unite(value: Any) -> None:
    value |= {"c": LAZY}


@pytest.mark.parametrize(
    "change",
    [
        set_item,
        replace_item,
        add_key,
        unite,
        lambda value: value.setdefault("c", LAZY),
        lambda value: value.update(c=LAZY),
        lambda value: value.update([("c", LAZY)]),
        lambda value: value.update(c=(1, (LAZY,))),
    ],
)
def test_a_dict_of_plain_values_may_hold_a_result_later(change):
    # CPython does not track it until then.
    for value in ({"a": 1, "b": "x"}, vars(Plain())):
        value["a"] = 1
        gc.collect()
        assert not holds_deferred([value])
        change(value)
        assert holds_deferred(value)
        assert holds_deferred([value])


@pytest.mark.parametrize(
    "value",
    [
        dict.fromkeys("ab", LAZY), dict.fromkeys({LAZY: 1}), dict.fromkeys({LAZY}), {"a": LAZY}.copy(), {"a": 1} | {"b": LAZY},
        {**{"a": 1}, "b": LAZY}, {name: LAZY for name in "ab"}, dict(a=LAZY), dict([("a", LAZY)]), dict({"a": LAZY}), vars(Data(LAZY, 1)),
    ],
)  # fmt: skip
def test_a_dict_of_a_result_is_searched_however_it_was_made(value):
    assert holds_deferred(value)
    assert holds_deferred((value,))


@pytest.mark.parametrize("seen", [False, True])
def test_the_variables_of_an_object_may_hold_a_result_later(seen):
    for _ in range(50):  # CPython has found a quicker way by then
        plain: Any = Plain()
        plain.a, plain.b = 1, "x"
        if seen:
            assert not holds_deferred(vars(plain))
        plain.a = LAZY
        assert holds_deferred(vars(plain))
        plain.a = 1
        plain.c = (LAZY,)
        assert holds_deferred([vars(plain)])


def test_a_dict_changed_after_a_collection_is_searched():
    value: Any = {"a": 1}
    nest = ("x", value)
    gc.collect()
    assert not holds_deferred(nest)
    value["b"] = {"c": LAZY}
    assert holds_deferred(nest)


def test_a_tuple_of_plain_tuples_is_clear_before_and_after_a_collection():
    value = tuple((number, str(number)) for number in range(10))
    assert not holds_deferred(value)
    gc.collect()
    assert not holds_deferred(value)
    assert not holds_deferred((value, 1))
    assert holds_deferred((value, LAZY))


def test_a_set_that_lost_elements_is_searched():
    value: set[Any] = {*range(100)}
    value -= {*range(50)}
    assert not holds_deferred(value)
    value.add((1, LAZY))
    assert holds_deferred(value)
    assert holds_deferred(frozenset(value))


def test_fields_that_are_not_set_are_passed_over():
    empty = object.__new__(Slotted)
    assert not holds_deferred(empty)
    empty.right = LAZY
    assert holds_deferred(empty)
    plain = object.__new__(Data)
    assert not holds_deferred([plain])
    plain.left = [LAZY]
    assert holds_deferred([plain])


def test_a_dataclass_may_have_any_number_of_fields():
    for size in (0, 1, 31, 32, 33, 100):
        kind = dataclasses.make_dataclass("Wide", [f"f{number}" for number in range(size)])
        assert not holds_deferred(kind(*[1] * size))
        assert size == 0 or holds_deferred(kind(*[1] * (size - 1), LAZY))


def test_a_class_that_becomes_a_dataclass_is_asked_again():
    class Late:
        value: Any

    late = Late()
    late.value = LAZY
    for _ in range(3):
        assert not holds_deferred([late])
    dataclasses.dataclass(Late)
    assert holds_deferred([late])
    assert holds_deferred(late)
    del Late.__dataclass_fields__  # type: ignore[attr-defined]
    assert not holds_deferred([late])

    class Base:
        pass

    class Heir(Base):
        pass

    heir: Any = Heir()
    heir.left, heir.right = 1, LAZY
    assert not holds_deferred([heir])
    Base.__dataclass_fields__ = Data.__dataclass_fields__  # type: ignore[attr-defined]
    assert holds_deferred([heir])
    heir.__class__ = Plain
    assert not holds_deferred([heir])


def test_a_class_whose_class_changes_is_asked_again():
    class Asked(type):
        pass

    item = Asked("Item", (), {})()
    item.left, item.right = 1, LAZY
    assert not holds_deferred([item])
    Asked.__dataclass_fields__ = Data.__dataclass_fields__  # type: ignore[attr-defined]
    item.__dataclass_fields__ = Data.__dataclass_fields__
    assert holds_deferred([item])
    del Asked.__dataclass_fields__  # type: ignore[attr-defined]
    assert not holds_deferred([item])


def test_fields_that_change_are_read_anew():
    kind = dataclasses.make_dataclass("Changing", ["value"])
    item = kind(1)
    item.other = LAZY
    assert not holds_deferred(item)
    kind.__dataclass_fields__["other"] = dataclasses.make_dataclass("Other", ["other"]).__dataclass_fields__["other"]
    assert holds_deferred(item)
    kind.__dataclass_fields__["other"].name = "value"
    assert not holds_deferred(item)


@pytest.mark.parametrize("fields", [None, 5, {"x": 1}, {1: 2}])
def test_what_only_looks_like_a_dataclass_is_refused_as_before(fields):
    class Fake:
        __dataclass_fields__ = fields

    with pytest.raises((TypeError, AttributeError)):
        holds_deferred([Fake()])


def test_what_an_attribute_raises_comes_out():
    @dataclasses.dataclass
    class Raising:
        left: Any = None
        right: Any = None

        def __getattribute__(self, name: str) -> Any:
            if name == "right":
                raise KeyError("right")
            if name == "left":
                raise AttributeError("left")
            return object.__getattribute__(self, name)

    with pytest.raises(KeyError, match="right"):
        holds_deferred([Raising()])
    with pytest.raises(KeyError, match="right"):
        holds_deferred([[LAZY], Raising()])  # what is met last is looked into first
    assert holds_deferred([Raising(), LAZY])


def test_a_property_that_makes_new_containers_does_not_hide_one():
    # Each of them is freed after it was looked into, and the next one may have its address.
    @dataclasses.dataclass
    class Holder:
        made: Any = None

    class Maker(Holder):
        def __init__(self, made: Any) -> None:
            self.kept = made

        made = property(lambda self: [[self.kept]])

    assert not holds_deferred([Maker(number) for number in range(500)])
    assert holds_deferred([*map(Maker, [LAZY, *range(500)])])


@dataclasses.dataclass
class Clearing:
    nest: Any
    victim: Any = None

    def __getattribute__(self, name: str) -> Any:
        if name == "victim":
            nest = object.__getattribute__(self, "nest")
            for container in [*nest]:
                container.clear()
            nest.clear()
            gc.collect()
            return [[0] * 10 for _ in range(100)]
        return object.__getattribute__(self, name)


class CalledMeta(type):
    called: ClassVar[list[str]] = []

    def __getattr__(cls, name: str) -> Any:
        CalledMeta.called.append(name)
        raise AttributeError(name)


class CalledItem(metaclass=CalledMeta):
    def __getattribute__(self, name: str) -> Any:
        CalledMeta.called.append(name)
        return super().__getattribute__(name)


@pytest.mark.parametrize("size", [3, 100])
def test_code_that_empties_what_was_met_before_is_survived(size):
    nest = [[[number], {"x": [number]}] for number in range(size)]
    assert not holds_deferred([*nest, Clearing(nest)])
    nest = [[[number], {"x": [number]}] for number in range(size)]
    assert not holds_deferred([nest, [Clearing(nest)]])


def untouchable(base: type) -> type:
    """A subclass of a container whose own ways to its items must not be taken."""

    def touched(self: Any, *args: Any) -> Any:
        raise AssertionError("code of the container was called")

    names = (
        "__iter__",
        "__len__",
        "__getitem__",
        "__contains__",
        "__bool__",
        "__eq__",
        "keys",
        "values",
        "items",
        "copy",
    )
    return type(base.__name__, (base,), {**dict.fromkeys(names, touched), "__hash__": None})


@pytest.mark.parametrize("base", [list, tuple, set, frozenset, dict, collections.OrderedDict])
def test_no_code_of_a_container_is_called(path, base):
    untouched = untouchable(base)({"a": 1, "b": 2} if issubclass(base, dict) else ["a", "b"])
    assert path.run(identity(untouched)) is untouched
    assert path.run(identity([untouched, one()]))[0] is untouched
    assert cs.compile(identity)(untouched) is untouched


@pytest.mark.parametrize("base", [list, tuple])
def test_results_are_found_where_a_container_iterates_over_other_things(path, base):
    kind = type("Other", (base,), {"__iter__": lambda self: iter("other")})
    found = path.run(identity(kind([one(), 2])))
    assert type(found) is kind and [*base.__iter__(found)] == [1, 2]


@pytest.mark.parametrize("kind", [list, dict.fromkeys, set])
@pytest.mark.parametrize("size", [3, 100])
def test_no_code_of_a_class_that_is_no_container_is_called(run, kind, size):
    container = kind([CalledItem(), *map(str, range(size))])
    CalledMeta.called.clear()
    assert not holds_deferred([container])
    task = cs.task(lambda given, *others: len(given))
    assert run(task(container)) == run(task(container, task([]))) == run(task.map([container]))[0] == size + 1
    assert CalledMeta.called == []


def test_the_search_keeps_no_references():
    leaf = object()
    inner: list[Any] = [leaf]
    shared: list[Any] = [inner, (inner, leaf), {"x": inner}, Data(inner, leaf), Noisy([inner]), Slotted(leaf, inner)]
    nest: list[Any] = [*shared, [[*shared] for _ in range(100)]]
    found = [*nest, [LAZY]]

    @dataclasses.dataclass
    class Raising(Data):
        @property
        def other(self) -> Any:
            raise KeyError

        __dataclass_fields__: ClassVar[Any] = {}

    failing = Raising(inner, leaf)
    Raising.__dataclass_fields__ = {
        **Data.__dataclass_fields__,
        **dataclasses.make_dataclass("Other", ["other"]).__dataclass_fields__,
    }

    def counts() -> list[int]:
        return [sys.getrefcount(each) for each in (leaf, inner, LAZY, failing, Data, nest, *shared)]

    def search() -> None:
        assert not holds_deferred(nest)
        assert holds_deferred(found)
        with pytest.raises(KeyError):
            holds_deferred([nest, failing])

    search()
    before = counts()
    for _ in range(10):
        search()
    assert counts() == before


@pytest.mark.skipif(importlib.util.find_spec("_testcapi") is None, reason="a Python without its test modules")
def test_a_lack_of_memory_is_an_exception_like_others():
    output = in_child("""
    import _testcapi
    from cascade._vm import holds_deferred

    value = [[number] for number in range(1000)]
    failed = []
    for start in range(10):
        _testcapi.set_nomemory(start, start + 1)
        try:
            holds_deferred(value)
        except MemoryError:
            _testcapi.remove_mem_hooks()
            failed.append(start)
        else:
            _testcapi.remove_mem_hooks()
    print(len(failed), holds_deferred(value))
    """)
    assert output == "10 False"
