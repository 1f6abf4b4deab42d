"""Dicts, sets, deques and heaps in kernels that are made block by block do exactly what they do in CPython."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections import Counter, defaultdict, deque
from typing import Any, NamedTuple

import pytest

from cascade.kernels.blocks.kernel import block_kernel
from tests.support import block_mappings as functions
from tests.support import block_sets as set_functions
from tests.support.block_functions import assert_same, instructions

NAN = float("nan")


class Stats(NamedTuple):
    attack: Any
    defence: Any


class Seen(tuple[Any, ...]):
    """A tuple whose hash and comparison are its own, and are counted."""

    calls = 0
    __slots__ = ()

    def __hash__(self) -> int:
        Seen.calls += 1
        return super().__hash__()

    def __eq__(self, other: object) -> bool:
        Seen.calls += 1
        return super().__eq__(other)


NESTED = (Stats(Stats(Stats(Stats(Stats(1, 2), "a"), None), 2.5), (True, Stats(3, 4))), 0)
KEYS = [
    [1, 2, -1, -2, 0, 2**40, -(2**62), 2**62, 2**61 - 1, -(2**61), 2**63 - 1, -(2**63)],
    ["a", "", "ä", "\U0001f600", "long " * 20],
    [1.0, 0.5, -0.0, float("inf")],
    [True, False, 1],
    [None, 2**70, b"a", (1, "a"), ((1, 2), ()), 1j],
    [1, "a", 2.5, None, (1,)],
    [type, len, KeyError],
    [Stats(1, "a"), (1, "a"), NESTED, (NESTED, 1), Stats(NAN, 1), Stats(1.0, True), Stats(1, 1)],
    [Seen((1, "a")), (1, "a"), Stats(Seen((1,)), 2), Stats((1,), 2)],
]
MIXED = {1: "one", 2.0: "two", "a": "text", None: "none", (1, "a"): "pair", b"a": "bytes", 2**70: "wide", -1: "minus"}
BIG = {number * 7 - 1000: number for number in range(1000)}


@pytest.mark.parametrize(
    "known", [{}, MIXED, BIG, {"a": 1, "": 2, "long " * 20: 3}, {1: 2}, defaultdict(list, MIXED)], ids=len
)
@pytest.mark.parametrize("keys", KEYS, ids=str)
def test_lookups_of_any_key_find_what_cpython_finds(known, keys):
    assert_same(functions.looked_up, known, keys)
    assert_same(functions.item_of, known, keys)
    assert_same(functions.items_or_default, known, keys)


@pytest.mark.parametrize("keys", [[1, 5, 2, 1], ["a", "b", "a"]], ids=str)
def test_lookups_of_ints_and_text_are_native(keys):
    kernel = assert_same(functions.looked_up, dict.fromkeys(keys[:2], 1), keys)
    assert kernel.exit_count == 0
    assert "CALL_PYTHON" not in instructions(kernel)


def test_lookups_of_named_tuples_are_native():
    known = {Stats(1, "a"): 1, (NESTED, 1): 2, Stats(1, 2): 3}
    kernel = assert_same(functions.looked_up, known, [(1, "a"), (NESTED, 1), Stats(1, 2), NESTED])
    assert kernel.exit_count == kernel.called_out == 0


def test_counts_of_pairs_of_bytes_are_native():
    pairs = [(b"a", b"bc"), (b"", b"a"), (b"a", b"bc"), ("a", b"bc"), (b"a", "bc")]
    kernel = assert_same(functions.counted_more, Counter(pairs), pairs * 20)
    assert kernel.exit_count == kernel.called_out == 0


WARNED = """
import sys
import warnings
from cascade.kernels.blocks.kernel import block_kernel

def found(known, keys):
    return [known.get(key) for key in keys]

# A str and bytes of the same hash in tuples of the same hash: CPython compares them, and warns.
text = "ab"
data = b"ab"
assert hash(text) == hash(data)
for look_up in (found, block_kernel(found)):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        assert look_up({(text, 1): 1}, [(data, 1), (text, 1)]) == [None, 1]
    print([str(each.message) for each in seen])
"""


def test_comparisons_of_bytes_in_tuples_warn_as_cpythons_do():
    done = subprocess.run([sys.executable, "-b", "-c", WARNED], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    by_cpython, by_kernel = done.stdout.splitlines()
    assert "Comparison between bytes and string" in by_cpython
    assert by_kernel == by_cpython


def test_the_hash_of_a_tuple_of_users_is_asked_for_as_often_as_by_cpython():
    known = {Seen((1, "a")): 1, Stats(Seen((1,)), 2): 2}
    keys = [Seen((1, "a")), (1, "a"), Stats((1,), 2), Stats(Seen((1,)), 2)]
    counts = []
    for look_up in (functions.looked_up, block_kernel(functions.looked_up)):
        Seen.calls = 0
        look_up(known, keys)
        counts.append(Seen.calls)
    assert counts[0] == counts[1] > 0


@pytest.mark.parametrize("keys", KEYS, ids=str)
@pytest.mark.parametrize("values", [[1, 300, 2**70, -5], ["a", None, [1], 0.5], [True, (1, 2), {}, 1]], ids=str)
def test_stores_under_any_key_are_cpythons(keys, values):
    for known in ({}, MIXED, dict(BIG), defaultdict(None), Counter()):
        assert_same(functions.stored, known, keys, values)


@pytest.mark.parametrize("keys", KEYS[:6], ids=str)
def test_counts_and_removals_are_cpythons(keys):
    for known in ({}, defaultdict(int), {1: 5, "a": 7}):
        assert_same(functions.counted, known, keys)
        assert_same(functions.removed, known, keys)
        assert_same(functions.deleted, dict.fromkeys(keys, 1) | known, keys)
        assert_same(functions.popped, dict.fromkeys(keys, 1) | known, keys)


@pytest.mark.parametrize("key", [5, "five", None, 2.5, (5, 5)])
def test_a_missing_key_raises_cpythons_exception(key):
    for known in ({}, {1: 1}, defaultdict(None), MIXED):
        assert_same(functions.item_of, known, [key])
        assert_same(functions.deleted, known, [key])
        assert_same(functions.popped, known, [key])
    assert_same(set_functions.set_removed, {1}, [1, key])


@pytest.mark.parametrize("key", [[], {}, {1}, ([],), bytearray(b"a")], ids=str)
def test_a_key_without_a_hash_raises_cpythons_exception(key):
    for function in (functions.looked_up, functions.item_of, functions.counted, functions.removed, functions.deleted):
        assert_same(function, {1: 2}, [key])
    assert_same(functions.displays, key, 1)
    assert_same(set_functions.set_changed, [key])
    assert_same(set_functions.in_set, {1}, [key])
    assert_same(set_functions.comprehended, [key])


@pytest.mark.parametrize(("key", "value"), [(1, 2), ("a", [1]), (None, 0.5), ((1, 2), None), (1, 1.0)])
def test_displays_are_cpythons(key, value):
    assert_same(functions.displays, key, value if not isinstance(value, list) else tuple(value))
    assert_same(functions.grouped, [key, value if not isinstance(value, list) else 1, key])
    assert_same(set_functions.comprehended, [key, 2, "a", key])


@pytest.mark.parametrize(
    ("number", "keys"), [(1, [1, 2]), ("a", ["a", "b"]), ((1, 2), [(1, 2)]), (0.5, [0.5]), (1, [True, 1.0])]
)
def test_a_key_that_has_to_be_compared_is_compared_in_the_functions_frame(number, keys):
    assert_same(functions.hostile_lookups, number, keys)
    assert_same(functions.hostile_set, number, keys)


def test_a_hostile_key_is_looked_up_in_the_functions_frame():
    assert_same(functions.hostile_arguments, [1, 3, "two"])


@pytest.mark.parametrize("keys", [[1, 2, 3], ["a", "b"], [(1, 2), (1, 3)], [None, 0.5]], ids=str)
def test_values_die_when_they_are_overwritten_or_removed(keys):
    assert_same(functions.overwritten, keys)
    assert_same(functions.taken_out, keys)
    assert_same(functions.weak_values, keys)
    assert_same(functions.overwritten_while_borrowed, keys)


def test_a_global_that_is_stored_through_its_dict_is_seen_at_once():
    assert_same(functions.named_through_globals, 50)


@pytest.mark.parametrize(
    "known", [{}, {1: 2, 3: 4}, {"a": 1, "b": 2}, MIXED, BIG, defaultdict(list, {1: 2, "a": 3})], ids=len
)
def test_iteration_over_dicts_is_cpythons(known):
    kernel = assert_same(functions.iterated, known)
    assert kernel.exit_count == 0


@pytest.mark.parametrize("known", [{1: 2, 3: 4}, {1: 2, 3: 3, 4: 5, 6: 7}, {}, {1: "a"}, {"a": 2}], ids=str)
def test_a_loop_over_items_makes_no_pairs(known):
    kernel = assert_same(functions.summed, known)
    assert "BUILD_TUPLE" not in instructions(kernel)


@pytest.mark.parametrize("what", ["nothing", "add", "delete", "exchange", "clear", "replace", "rebind", "later"])
@pytest.mark.parametrize("known", [{1: 1, 2: 2, 3: 3}, {"a": 1, "b": 2, "c": 3}], ids=str)
def test_a_dict_that_changes_while_it_is_iterated_over_raises_what_cpython_raises(known, what):
    for at in known:
        assert_same(functions.changed_while_iterated, known, at, what)
        assert_same(functions.items_changed_while_iterated, known, at, what)
    emptied = dict(known)
    del emptied[next(iter(emptied))]
    assert_same(functions.changed_while_iterated, emptied, 2, what)


@pytest.mark.parametrize("values", [[1, 2, "a"], ["a"], [1, 2, 3, None], [1, 2**70]], ids=str)
def test_iterators_are_where_cpython_continues_with_them(values):
    assert_same(functions.iterator_at_exit, dict(enumerate(values)))
    assert_same(functions.iterator_at_exit, {1: 1, 2: 2, "a": 3})


def test_the_dict_of_an_instance_is_read_and_written_as_by_cpython():
    for _ in range(3):
        expected = functions.over_attributes(functions.Thing())
        assert block_kernel(functions.over_attributes)(functions.Thing()) == expected


@pytest.mark.parametrize("factory", [list, int, float, set, str, dict, None, tuple, lambda: 5, lambda: 1 // 0], ids=str)
@pytest.mark.parametrize("keys", [[1, 2, 1], ["a", "b"], [(1, 2), None, 0.5], [True, 2**70]], ids=str)
def test_default_dicts_make_what_their_factory_makes(factory, keys):
    assert_same(functions.defaults, factory, keys)


def test_groups_and_counts_are_native_but_for_their_construction():
    kernel = assert_same(functions.grouped_by_default, [1, 2, 1, 300, 2])
    assert kernel.exit_count == 0
    assert_same(functions.grouped_by_default, ["a", "b", "a"], kernel=kernel)


@pytest.mark.parametrize("keys", [[1, 2, 1, 300], ["a", "b", "a"], [(1, 2), None, (1, 2)], [True, 1.0, 1]], ids=str)
def test_counters_count_as_in_cpython(keys):
    assert_same(functions.tallied, keys)
    assert_same(functions.tallied_in, Counter(keys), keys)


class Doubling(Counter):
    def __missing__(self, key):
        return 10

    def __setitem__(self, key, value):
        super().__setitem__(key, 2 * value)


def test_subclasses_of_counters_do_what_they_override():
    assert_same(functions.tallied_in, Doubling([1, 2]), [1, 2, 3])


@pytest.mark.parametrize("name", ["__getitem__", "__setitem__", "__contains__", "__missing__"])
def test_a_counter_whose_class_is_changed_does_what_the_class_does(name, monkeypatch):
    kernel = assert_same(functions.tallied_in, Counter([1]), [1, 2])
    changed = {
        "__getitem__": lambda self, key: 5,
        "__setitem__": lambda self, key, value: dict.__setitem__(self, key, 3 * value),
        "__contains__": lambda self, key: False,
        "__missing__": lambda self, key: 7,
    }
    monkeypatch.setattr(Counter, name, changed[name], raising=False)
    assert_same(functions.tallied_in, Counter(dict(a=1)), [1, 2, "a"], kernel=kernel)


@pytest.mark.parametrize("keys", KEYS, ids=str)
def test_sets_hold_and_change_as_in_cpython(keys):
    for members in (set(), {1, "a", None}, frozenset(BIG), frozenset((1, 2.0, (1,)))):
        assert_same(set_functions.in_set, members, keys)
    assert_same(set_functions.set_changed, keys)
    assert_same(set_functions.comprehended, keys)


def test_a_set_that_changes_while_it_is_iterated_over_raises_what_cpython_raises():
    assert_same(set_functions.set_changed_while_iterated, {1, 2})


@pytest.mark.parametrize("limit", [None, 0, 1, 3, 200])
def test_deques_are_cpythons(limit):
    for values in ([], [1], [1, "a", None, 0.5], list(range(200))):
        assert_same(set_functions.queued, values, limit)


def test_deques_grow_and_shrink_over_blocks_at_both_ends():
    kernel = assert_same(set_functions.waved, 400)
    assert kernel.exit_count == 0
    assert_same(set_functions.deque_items, deque(range(300)), [0, -1, 1, 299, -300, 150, True])
    assert_same(set_functions.deque_items, deque([1]), [0, 1])


@pytest.mark.parametrize("first", [True, False])
def test_an_empty_deque_raises_cpythons_exception(first):
    assert_same(set_functions.emptied, deque(range(3)), first)


def test_a_deque_that_changes_while_it_is_iterated_over_raises_what_cpython_raises():
    assert_same(set_functions.deque_changed_while_iterated, deque([1, 2]))


def test_what_a_deque_with_a_limit_drops_dies_at_once():
    assert_same(set_functions.dropped_by_a_limit, 5)


@pytest.mark.parametrize(
    "values",
    [
        [5, 3, 8, 1, 9, 2, 2, 5], [], [1], [0.5, 3, True, 2**70, -1], ["b", "a", "c"], [(1, "b"), (1, "a"), (0,), ()],
        [NAN, 1.0, NAN, 0.0], [1, "a"], [None, None], [(1, None), (1, None)], [(1, b"a"), (1, "a")], [[2], [1]], [(1, [2]), (1, [1])],
        list(range(100, 0, -1)),
    ],
    ids=str,
)  # fmt: skip
def test_heaps_are_cpythons(values):
    assert_same(set_functions.sorted_by_heap, values)
    assert_same(set_functions.paired_by_heap, values)
    assert_same(set_functions.popped_from, values)


def test_a_heap_of_numbers_is_native():
    kernel = assert_same(set_functions.paired_by_heap, [5, 3, 8, 1])
    assert kernel.exit_count == 0


def test_items_of_a_heap_that_run_code_are_compared_in_the_functions_frame():
    assert_same(set_functions.heap_of_objects, [5, 3, 8, 1, 9, 2])


@pytest.mark.parametrize(
    ("key", "value"), [(1 << 40, object()), ("key " * 3, [1]), ((1, "a"), "value " * 3), (2.5, functions.Thing())]
)
def test_no_reference_leaks(key, value):
    containers = ({(1, 1): 2}, {(3, 4)}, deque([(0, 0)]), [])
    kernel = block_kernel(functions.used_in_every_way)
    for _ in range(3):
        kernel(*containers, key, value)
    gc.collect()
    before = [sys.getrefcount(found) for found in (*containers, key, value)]
    for _ in range(50):
        kernel(*containers, key, value)
    assert [sys.getrefcount(found) for found in (*containers, key, value)] == before


def refusing_arguments(key):
    refused = functions.Refusing
    known = {refused((key, 1)): 0, refused((key, 2)): 1, refused(key): 2}
    return known, {refused((key, 3))}, [["first"], ["second"]], [key, key]


@pytest.mark.parametrize("key", [1, "text", None, 2**40])
def test_an_exception_of_a_comparison_is_handled_and_no_reference_leaks(key):
    kernel = block_kernel(functions.refused)
    known, members, lists, keys = refusing_arguments(key)
    expected = functions.refused(*refusing_arguments(key))
    assert [kernel(known, members, lists, keys) for _ in range(3)] == [expected] * 3
    gc.collect()
    before = [sys.getrefcount(found) for found in (known, members, lists, lists[0], lists[1], keys)]
    for _ in range(20):
        kernel(known, members, lists, keys)
    assert [sys.getrefcount(found) for found in (known, members, lists, lists[0], lists[1], keys)] == before


@pytest.mark.parametrize("known", [{}, {1: 2, "a": "b"}, defaultdict(int, {1: 1})], ids=str)
def test_views_that_are_no_loop_are_made_without_a_call_out(known):
    kernel = assert_same(functions.views, known)
    assert kernel.exit_count == 0


def test_a_counter_is_true_while_it_has_keys():
    kernel = assert_same(functions.counter_truth, Counter("text"))
    assert kernel.exit_count == 0
