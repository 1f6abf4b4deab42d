"""Kernels keep no object alive that CPython would let die."""

from __future__ import annotations

import gc
import weakref

import pytest

import cascade as cs
from cascade.kernels import translate
from cascade.kernels.blocks.admission import refusal_of
from cascade.kernels.blocks.kernel import block_kernel
from cascade.kernels.blocks.translator import Translator
from tests.support import lasting_functions as functions
from tests.support.block_functions import assert_same, instructions
from tests.support.lasting_functions import Holder, Thing, Things
from tests.support.machine_code_functions import machine_code


def alive(references):
    gc.collect()
    return [reference for reference in references if reference() is not None]


def notes(function, *arguments):
    """What is noted in a call of the function, and in three calls of its kernel."""
    kernel, found = block_kernel(function), []
    for each in (function, kernel, kernel, kernel):
        functions.NOTES.clear()
        each(*arguments)
        found.append(list(functions.NOTES))
    return found


def test_a_class_that_is_made_in_a_function_dies_with_its_attributes_while_the_kernel_lives():
    kernel = block_kernel(functions.makes_a_class)
    functions.MADE.clear()
    assert [kernel(20) for _ in range(5)] == [functions.makes_a_class(20)] * 5
    assert len(functions.MADE) == 24
    assert alive(functions.MADE) == []


def test_an_attribute_of_a_class_dies_when_it_is_replaced_while_the_kernel_lives():
    kernel = assert_same(functions.attributes_of_classes, 10)
    assert "CLASS_ITEM" in instructions(kernel) and "OWN_ITEM" in instructions(kernel)
    references = list(map(weakref.ref, (Holder.step, Holder.items)))
    Holder.step, Holder.items = Thing(), Things([4, 5])
    assert alive(references) == []
    assert_same(functions.attributes_of_classes, 10, kernel=kernel)


def test_an_attribute_of_a_class_that_is_held_by_a_variable_outlives_its_replacement():
    for _ in range(3):
        Holder.items = Things([1, 2, 3])
        expected = functions.replaces_an_attribute(Holder(), 5)
        Holder.items = Things([1, 2, 3])
        assert block_kernel(functions.replaces_an_attribute)(Holder(), 5) == expected


@pytest.mark.parametrize("way", ["changed", "deleted"])
def test_the_value_of_a_global_dies_when_the_global_is(way, monkeypatch):
    monkeypatch.setattr(functions, "TABLE", Things(range(10)))
    monkeypatch.setattr(functions, "THING", Thing())
    kernel = assert_same(functions.global_values, 8)
    references = list(map(weakref.ref, (functions.TABLE, functions.THING)))
    with monkeypatch.context() as change:
        # The context keeps the old values as well.
        change._setattr = change._setitem = []
        if way == "changed":
            functions.TABLE, functions.THING = Things([7] * 10), Thing()
        else:
            del functions.TABLE, functions.THING
    monkeypatch._setattr.clear()
    assert alive(references) == []
    if way == "deleted":
        functions.TABLE, functions.THING = Things(range(10)), Thing()
    assert_same(functions.global_values, 8, kernel=kernel)


def test_a_global_that_a_variable_holds_outlives_its_replacement():
    functions.TABLE = Things(range(10))
    expected = functions.replaces_a_global(5)
    functions.TABLE = Things(range(10))
    assert block_kernel(functions.replaces_a_global)(5) == expected


def test_the_value_of_a_module_dies_when_the_module_gets_another_one():
    functions.options.table = Things([1, 2, 3])
    kernel = assert_same(functions.values_of_modules, 5)
    reference = weakref.ref(functions.options.table)
    functions.options.table = Things()
    assert alive([reference]) == []
    assert_same(functions.values_of_modules, 5, kernel=kernel)


def test_the_value_of_a_global_dies_while_a_kernel_for_numbers_lives(run):
    functions.THING = Thing()
    watched, task = weakref.ref(functions.THING), cs.task(lower=True)(functions.returns_a_global)
    code = translate(task, ("int",))
    assert run(task(10)) == 55
    assert run(task(1000)) is watched()
    functions.THING = None
    assert alive([watched]) == []
    assert code.bodies
    assert run(task(1000)) is None


@pytest.mark.parametrize("bound", [list.append, str.upper, len, Thing, (int, float), 2.5, "text", None, (1, (2, b"x"))])
def test_objects_that_last_are_constants(bound):
    from cascade.kernels.lasting import is_lasting

    assert is_lasting(bound)


@pytest.mark.parametrize("bound", [[].append, {}, (1, []), Thing(), Things(), Thing().__init__, frozenset({Thing()})])
def test_objects_that_may_die_are_no_constants(bound):
    from cascade.kernels.lasting import is_lasting

    assert not is_lasting(bound)


@pytest.mark.parametrize("called", functions.DROPPING, ids=lambda each: each.__name__)
def test_an_argument_dies_when_the_called_function_drops_it(called):
    found = notes(functions.passes, 3, called)
    assert found[0][:2] == ["closed", "dropped"]
    assert found[1:] == found[:1] * 3


@pytest.mark.parametrize("called", [functions.fails_with_more, functions.takes_one])
def test_an_argument_of_a_call_that_fails_dies_once(called):
    found = notes(functions.passes_to_one_that_fails, 3, called)
    assert found[0] == ["closed", "closed", "caught"] * 3
    assert found[1:] == found[:1] * 3


@pytest.mark.parametrize("function", [functions.counts_references, functions.resizes])
def test_a_function_that_counts_references_has_no_kernel(function):
    diagnostic = refusal_of(function)
    assert diagnostic is not None and diagnostic.code == "CS105"
    task = cs.compile(cs.task(function))
    assert [task(5) for _ in range(3)] == [function(5)] * 3


@pytest.mark.parametrize("call", [functions.fails, functions.sorts, lambda value: functions.fails(value)])
@pytest.mark.parametrize(
    "function", [functions.catches, functions.catches_without_a_name, functions.catches_in_the_end]
)
def test_an_exception_that_was_caught_dies_before_the_function_goes_on(function, call):
    found = notes(function, 4, call)
    assert "closed" in found[0] and "dead" in found[0]
    assert found[1:] == found[:1] * 3


@pytest.mark.parametrize("allowed", range(8))
def test_what_is_on_the_stack_where_no_more_code_can_be_made_dies_on_time(allowed, monkeypatch):
    made, grow = [], Translator.grow

    def grows(self, stub, found):
        made.append(stub)
        return grow(self, stub, found) if len(made) <= allowed else None

    monkeypatch.setattr(Translator, "grow", grows)
    found = notes(functions.replaces_what_it_reads, 3)
    assert found[0] == ["caught", "closed", 0, "caught", "closed", 1, "caught", "closed", 2]
    assert found[1:] == found[:1] * 3


@pytest.fixture(params=[None, 0], ids=["usual", "hot"])
def hot(request):
    """Whether the code is hot from its first run, so that it has small functions in place."""
    with machine_code(request.param):
        yield


@pytest.mark.parametrize("statement", functions.OPERANDS + functions.HELD_BY_THE_ITERATOR)
def test_operands_and_items_die_in_the_order_of_cpython(statement, hot):
    names = dict(vars(functions))
    exec(f"def f():\n    {statement}\n    NOTES.append('over')\n", names)
    found = notes(names["f"])
    assert found == found[:1] * 4 and "over" in found[0]


@pytest.mark.parametrize(
    "function", [functions.zipped_to_the_end, functions.zipped_and_left, functions.stored_and_dropped]
)
def test_operands_of_statements_die_in_the_order_of_cpython(function, hot):
    found = notes(function)
    assert found == found[:1] * 4
