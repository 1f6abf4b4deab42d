"""Attributes and methods in kernels that are made block by block do exactly what they do in CPython."""

from __future__ import annotations

import sys

import pytest

from cascade._vm import class_tag
from cascade.kernels.blocks.kernel import block_kernel
from tests.support import block_attributes as functions
from tests.support.block_attributes import Plain
from tests.support.block_functions import assert_same, instructions


def test_methods_of_instances_are_called_as_by_cpython():
    kernel = assert_same(functions.methods_of_every_kind, Plain(3), 5)
    assert kernel.exit_count == 0


def test_methods_of_built_in_classes_are_called_as_by_cpython():
    kernel = assert_same(functions.methods_of_built_in_classes, [1], " text ", 5, 2.0)
    assert kernel.exit_count == 0


@pytest.mark.parametrize("value", [Plain(1), 3, 2.5, None, "text", [1]])
def test_a_method_that_is_missing_raises_cpythons_exception(value):
    assert_same(functions.missing_methods, value)


@pytest.mark.parametrize("values", [[1, 2, 3], [1, "a"], [1, 2**70], [1, None]])
def test_arguments_that_exit_or_raise_behind_the_load_of_a_method_continue_in_cpython(values):
    assert_same(functions.method_and_exit, Plain(3), values)


def test_a_method_that_is_called_out_is_bound():
    assert_same(functions.methods_of_every_kind, Slow(3), 5)


class Slow(Plain):
    def __getattribute__(self, name):
        return super().__getattribute__(name)


PAIRS = [
    functions.Slots,
    functions.Data,
    functions.OfList,
    functions.OfError,
    functions.Watched,
    functions.Computed,
    lambda left, right: functions.with_dict(functions.Data, left, right),
    lambda left, right: functions.with_dict(functions.OfList, left, right),
]
PAIR_IDS = [
    "slots",
    "values",
    "dict of a list",
    "dict of an error",
    "watched",
    "computed",
    "dict",
    "longer dict of a list",
]
NUMBERS = [(1, 2), (1.5, 2), (True, 2.5), (2**80, 1), ("a", 2), (None, 1)]


@pytest.mark.parametrize("left, right", NUMBERS)
@pytest.mark.parametrize("make", [*PAIRS, functions.Pair], ids=[*PAIR_IDS, "named tuple"])
def test_attributes_are_loaded_from_instances_of_every_kind(make, left, right):
    assert_same(functions.loads, make(left, right), 4)


@pytest.mark.parametrize("values", [[1, 2], [1.5, 2.5, 0.5], [True, 3], ["a", None, [1]], [2**70, 1]])
@pytest.mark.parametrize("make", PAIRS, ids=PAIR_IDS)
def test_attributes_are_stored_in_instances_of_every_kind(make, values):
    assert_same(functions.stores, make(1, 2.5), values)
    assert_same(functions.increments, make(1.5, 2), values)


@pytest.mark.parametrize("make", [make for make in PAIRS if make is not functions.Watched])
def test_the_end_of_a_value_that_is_replaced_runs_at_its_store(make):
    assert_same(functions.finalizers, Made(make), 6)


@pytest.mark.parametrize("make", [make for make in PAIRS if make is not functions.Watched])
def test_names_that_the_end_of_a_replaced_value_changes_are_seen_behind_the_store(make):
    assert_same(functions.names_after_finalizers, Made(make), 50)


class Made:
    """A function that can be copied."""

    def __init__(self, make):
        self.make = make

    def __call__(self, *arguments):
        return self.make(*arguments)

    def __deepcopy__(self, memo):
        return self

    def __repr__(self):
        return "Made"


def test_instances_of_several_classes_come_one_after_another():
    pairs = [make(number, number / 2) for number in range(5) for make in [*PAIRS, functions.Pair]]
    assert_same(functions.sums, pairs)
    assert_same(functions.sums, [*pairs[:2], None, *pairs])


def test_slots_and_values_need_no_call_outs():
    for make in functions.Slots, functions.Data, functions.Pair:
        assert "CALL_PYTHON" not in instructions(assert_same(functions.loads, make(1, 2.5), 4))
    for make in functions.Slots, functions.Data:
        assert "CALL_PYTHON" not in instructions(assert_same(functions.increments, make(1, 2.5), [1.5, 2.5]))


def test_the_order_of_new_attributes_is_that_of_their_stores():
    assert_same(functions.new_attributes, ["a", "reversed", "b", "reversed"])


def test_attributes_without_a_value_raise_cpythons_exception():
    assert_same(functions.deletes, Plain(1), [1, None, 2.5, None, "a"])
    assert_same(functions.loads, functions.Slots.__new__(functions.Slots), 2)
    assert_same(functions.loads, functions.Borrowed(), 2)
    assert_same(functions.stores, functions.Borrowed(), [1])


def test_chains_of_objects_are_walked():
    chain = functions.Linked("a", functions.Linked("b", functions.Linked("c")))
    assert "CALL_PYTHON" not in instructions(assert_same(functions.walk, chain))


def test_a_class_that_changes_under_way_means_what_it_means_then():
    assert_same(functions.changing_class, 8)
    assert_same(functions.changing_class, 11)
    assert_same(functions.changing_class, 14)


def test_attributes_of_classes_that_change_are_found_anew():
    assert_same(functions.changing_attributes_of_a_class, 10)


def test_members_of_enumerations_are_constants():
    colours = [functions.Colour.RED, functions.Colour.GREEN, 1] * 2
    assert_same(functions.enum_members, colours)


def test_isinstance_of_plain_classes():
    values = [Plain(1), functions.Slots(1, 2), 3, True, 2.5, functions.Pretender(), "a", None, Slow(1), Plain, []]
    assert_same(functions.kinds, values)


@pytest.mark.parametrize("make", PAIRS, ids=PAIR_IDS)
def test_a_value_on_the_stack_stays_when_its_attribute_is_replaced(make):
    assert_same(functions.overwritten, make(1.5, 2.5), [1.0, 2.0, 3.5])


def test_values_of_attributes_die_on_time():
    assert_same(functions.dies_on_time, 4)


def test_keys_that_are_no_strings_are_compared_by_cpython():
    assert_same(functions.odd_keys, functions.Odd(), 4)


@pytest.mark.parametrize("make", PAIRS, ids=PAIR_IDS)
def test_references_are_neither_lost_nor_kept(make):
    kernel = block_kernel(functions.stores)
    value, pair = object(), make(1, 2)
    kernel(pair, [1, value, None])
    log = pair.log if make is functions.Watched else []
    log.clear()
    before = sys.getrefcount(value), sys.getrefcount(pair)
    for _ in range(50):
        kernel(pair, [1, 2.5, value, value, None, "a"])
        kernel(pair, [value, None])
    log.clear()
    assert (sys.getrefcount(value), sys.getrefcount(pair)) == before


@pytest.mark.parametrize("make", PAIRS, ids=PAIR_IDS)
def test_the_owner_of_a_replaced_value_is_released_once(make):
    assert_same(functions.stores_behind, functions.Data(make(1, 2), 3), [1, 2.5, "a", (1, 2)])
    kernel = block_kernel(functions.stores_behind)
    outer, inner = functions.Data(1, 2), make(1, 2)
    before = sys.getrefcount(inner), sys.getrefcount(outer)
    for _ in range(30):
        outer.left = inner
        kernel(outer, [1, 2.5, "a", (1, 2)])
    outer.left = None
    assert (sys.getrefcount(inner), sys.getrefcount(outer)) == before


@pytest.mark.parametrize("names", [["a", "b"], ["b", "a", "d"], ["a", "b", "c"]])
def test_attributes_in_dicts_of_instances_are_found_wherever_they_stand(names):
    kernel = assert_same(functions.late, names)
    assert "ATTRIBUTE_ITEM" in instructions(kernel) or "ATTRIBUTE_VALUE" in instructions(kernel)
    assert_same(functions.late_without, names)


ORDERS = ["xy", "yx", "zxy", "abcdefgyx", "xyabcdefghijklmnop", "x", "y", ""]


@pytest.mark.parametrize("orders", [ORDERS[:3], ORDERS[:6], ORDERS, ["xy"] * 4], ids=len)
@pytest.mark.parametrize("change", ["", "item", "other dict", "number as a name", "class"])
def test_instances_with_dicts_of_many_orders(orders, change):
    kernel = block_kernel(functions.moves)
    for n in (3, 3, 60):
        found = []
        for call in (functions.moves, kernel):
            objects = list(map(functions.grown, orders))
            if change == "item":
                vars(objects[0])["x"] = 2**70
            elif change == "other dict":
                objects[-1].__dict__ = OwnDict(vars(objects[0]))
            elif change == "number as a name":
                vars(objects[0])[1] = 2
                objects[0].__dict__.pop(1)
            elif change == "class":
                functions.Grown.x = 5
            try:
                found.append(call(objects, n))
            except Exception as error:
                found.append((type(error), str(error)))
            if change == "class":
                del functions.Grown.x
        assert found[0] == found[1]


class OwnDict(dict):
    """A dict of a class of its own."""


def test_an_int_that_an_attribute_alone_holds_is_no_other_variables():
    def count(owner, n):
        before = []
        for _ in range(n):
            owner.x += 1000
            before.append(owner.x)
            owner.x += 1000
            held = owner.x
            owner.x += 1000
            before.append(held)
        return before

    for make in (functions.Slots, functions.Data):
        assert_same(count, make(300, 2), 20)


def test_a_place_where_objects_and_built_in_values_come_by_turns_needs_few_instructions():
    one, other = Plain(3), (1, 2)
    kernel = block_kernel(functions.attributes_where_there_are)
    for values in (
        [one, one],
        [other],
        [one, other],
        [other, one],
        [[1], one],
        [one, [1]],
        [other, [1], one],
        [{}, other],
    ):
        assert_same(functions.attributes_where_there_are, values, kernel=kernel)
    assert len(instructions(kernel)) < 200


@pytest.mark.parametrize(
    "function",
    [
        functions.sets_a_name_by_its_module,
        functions.sets_a_name_by_an_object,
        functions.sets_a_name_by_its_dict,
        functions.sets_a_function_of_a_module,
    ],
)
def test_a_name_that_the_function_itself_sets_as_an_attribute_means_the_new_value_at_once(function):
    assert_same(function, 4)


class Marked:
    mark = "of the class"


def marks(values):
    found = []
    for value in values:
        try:
            found.append(value.mark)
        except AttributeError as error:
            found.append(str(error))
    return found


def test_an_object_that_is_no_class_is_not_read_as_one():
    # Its bytes are those that a class with the same tag would have.
    as_a_class = bytearray(class_tag(Marked).to_bytes(4, "little") * 200)
    as_a_class[168 - 32 : 176 - 32] = Marked.__flags__.to_bytes(8, "little")
    kernel = assert_same(marks, [Marked])
    assert "EXPECT_OWN_TAG" in instructions(kernel)
    for value in (bytes(as_a_class), Plain(1), 1.5, "text", type):
        assert_same(marks, [value, Marked], kernel=kernel)
