"""`super()`, class methods, and lists of classes that inherit `list`, in kernels that are made block by block."""

from __future__ import annotations

import copy

import pytest

from cascade.kernels.blocks.admission import refusal_of
from cascade.kernels.blocks.kernel import block_kernel
from tests.support import block_inherited as functions
from tests.support.block_functions import assert_same, instructions
from tests.support.outcomes import described

CLASSES = [functions.Base(3), functions.Middle(3, 4), functions.Other(2.5), functions.Diamond(1, 2)]


def is_native(kernel):
    return "CALL_PYTHON" not in instructions(kernel) and kernel.exit_count == 0


@pytest.mark.parametrize("owner", CLASSES, ids=lambda owner: type(owner).__name__)
def test_super_finds_the_next_class(owner):
    assert is_native(assert_same(functions.values, owner, 4))
    assert_same(functions.values, owner, "a")


def test_instances_are_made_by_inits_that_call_each_other():
    assert is_native(assert_same(functions.makes, 4))


def test_one_kernel_serves_instances_of_several_classes():
    method = functions.Middle.value
    kernel = block_kernel(method)
    for _ in range(3):
        for owner in (functions.Middle(1, 2), functions.Diamond(3, 4), functions.Middle(5, 6)):
            assert kernel(owner, 2) == method(owner, 2)
    assert "EXPECT_SUPER" in instructions(kernel)


@pytest.mark.parametrize(
    "owner",
    [functions.Rebinding(1), functions.Deleting(1), functions.Caught(2)],
    ids=lambda owner: type(owner).__name__,
)
@pytest.mark.parametrize("by", [functions.Rebinding(7), functions.Base(2), 3], ids=repr)
def test_super_looks_at_the_first_variable(owner, by):
    method = type(owner).value
    kernel = block_kernel(method)
    for _ in range(3):
        found = []
        for call in (method, kernel):
            try:
                found.append(call(owner, by))
            except Exception as error:
                error.__traceback__ = error.__traceback__.tb_next
                found.append(described(error))
        assert found[0] == found[1]


def test_what_is_no_method_is_left_to_cpython():
    assert_same(functions.told, functions.Odd(3))
    assert_same(functions.misses, functions.Odd(3))


def test_a_class_that_changes_is_looked_at_again(monkeypatch):
    owner = functions.Diamond(1, 2)
    kernel = assert_same(functions.values, owner, 4)
    monkeypatch.setattr(functions.Other, "value", lambda self, by=1: "another")
    with pytest.raises(TypeError):
        kernel(owner, 4)
    monkeypatch.setattr(functions.Middle, "value", lambda self, by=1: "a")
    monkeypatch.setattr(functions.Other, "value", lambda self, by=1: "b")
    assert kernel(owner, 2) == functions.values(owner, 2) == ["ab", "ab"]
    monkeypatch.undo()
    assert kernel(owner, 2) == functions.values(owner, 2)


def test_another_super_is_called(monkeypatch):
    method = functions.Middle.value
    kernel = block_kernel(method)
    owner = functions.Middle(1, 2)
    assert kernel(owner, 3) == method(owner, 3)
    other = functions.Base(5)
    monkeypatch.setattr(functions, "super", lambda *given: other, raising=False)
    assert kernel(owner, 3) == method(owner, 3) == 17


def test_a_cell_with_another_class():
    class Local(functions.Base):
        def value(self, by=1):
            return super().value(by)

    method = Local.value
    kernel = block_kernel(method)
    owner = Local(4)
    assert [kernel(owner, 2) for _ in range(3)] == [8, 8, 8]
    method.__closure__[0].cell_contents = functions.Middle
    with pytest.raises(TypeError, match=r"^super\(type, obj\): obj "):
        kernel(owner, 2)


@pytest.mark.parametrize("cls", [functions.Base, functions.Middle, functions.Diamond, CLASSES[1]], ids=repr)
def test_class_methods_are_called(cls):
    assert_same(functions.of_classes, cls, 3)


def test_class_methods_of_other_classes_come_later():
    kernel = block_kernel(functions.Base.counted.__func__)
    for _ in range(2):
        for cls in (functions.Middle, functions.Base, functions.Diamond):
            assert kernel(cls, 2) == cls.counted(2)


def test_the_class_of_an_object():
    assert_same(functions.class_of, [*CLASSES, 1, "a", functions.Items()])


LISTS = [[1, 2], functions.Items([1, 2]), functions.Named(1, 2.5), functions.Reversed([1, 2]), functions.Items()]


@pytest.mark.parametrize("items", LISTS, ids=lambda items: f"{type(items).__name__} {items!r}")
@pytest.mark.parametrize("function", [functions.drains, functions.grows_in_its_loop])
def test_lists_of_classes_of_their_own(function, items):
    if type(items) is functions.Reversed and function is functions.drains:
        pytest.skip("its length is always 3")
    assert_same(function, items)


@pytest.mark.parametrize("items", LISTS, ids=lambda items: f"{type(items).__name__} {items!r}")
def test_methods_of_lists_of_classes_of_their_own(items):
    kernel = assert_same(functions.works, items, 3)
    if type(items) in (functions.Items, functions.Named, list):
        assert is_native(kernel)


def test_a_class_gets_methods_of_its_own(monkeypatch):
    kernel = assert_same(functions.works, functions.Items([1]), 3)
    for name in ("__iter__", "__len__", "__getitem__", "append", "pop"):
        monkeypatch.setattr(functions.Items, name, vars(functions.Reversed)[name], raising=False)
        found = [call(functions.Items([1]), 2) for call in (functions.works, kernel)]
        assert found[0] == found[1]


def test_instances_without_an_init_of_their_own():
    assert is_native(assert_same(functions.made_alone, 3))


ONE, ANOTHER = functions.One(), functions.One()


@pytest.mark.parametrize("wanted", [ONE, ANOTHER, functions.Equal(1), 2, "x", None, float("nan")], ids=repr)
@pytest.mark.parametrize(
    "items",
    [
        [ONE, 1, "x"],
        [ONE, ANOTHER, 2],
        [functions.Equal(1), ONE],
        [ONE, functions.Equal(1)],
        [],
        functions.Items([ONE, 2]),
    ],
    ids=repr,
)
def test_objects_are_searched_for(items, wanted):
    kernel = block_kernel(functions.searches)
    for _ in range(3):
        left, right = copy.copy(items), copy.copy(items)
        assert functions.searches(left, wanted) == kernel(right, wanted)
        assert list(map(id, left)) == list(map(id, right))


def test_a_function_that_calls_super_without_a_first_parameter_has_no_kernel():
    refusal = refusal_of(functions.Without.collected)
    assert refusal is not None and refusal.code == "CS105"
    assert refusal_of(functions.Deleting.value) is None


@pytest.mark.parametrize("name", ["discard", "get", "pop", "set_default"])
def test_methods_of_containers_are_native_beside_super(name):
    method = vars(functions.Noting)[name]
    kernel = block_kernel(method)
    for by in (1, 3, 3, 1):
        assert kernel(functions.Noting(3), by) == method(functions.Noting(3), by)
    assert kernel.exit_count == 0
