"""Nothing that Python code does to the objects of `cascade._vm` crashes the process: each callable of it, in child processes."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import cascade as cs
from cascade import _vm
from cascade.errors import DeclarationError, InternalError
from cascade.instructions.graph import INSTRUCTIONS
from cascade.instructions.kernel import KERNEL_INSTRUCTIONS
from tests.support import hostile

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("group", hostile.groups())
def test_no_call_of_a_callable_crashes(group):
    seed = os.environ.get("CASCADE_SEED", "1")
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.hostile", group, seed],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_each_class_of_the_module_is_attacked():
    assert {kind.__name__ for kind in hostile.classes()} == set(hostile.RECIPES)


METHODS = [
    (kind, name)
    for kind in hostile.classes()
    if kind is not type(_vm.KEPT)
    for name, member in vars(kind).items()
    if callable(member) and name not in ("__new__", "__class_getitem__")
]


@pytest.mark.parametrize(("kind", "name"), METHODS)
def test_a_method_refuses_an_object_of_another_class(kind, name):
    with pytest.raises(TypeError, match="descriptor"):
        vars(kind)[name](object())


@pytest.mark.parametrize("made", [cs.TailCall((1, [2]), {"name": 3}, "other"), cs.Jump("key", [1])])
def test_what_a_task_returned_cannot_be_made_again(made):
    before = repr(made)
    with pytest.raises(DeclarationError, match="make a new one"):
        made.__init__(("key",))
    assert repr(made) == before


@pytest.mark.parametrize("kind", [cs.TailCall, cs.Jump])
def test_generic_classes_take_a_parameter(kind):
    assert kind[int] is kind


class InitsAgain:
    """Found in the arguments of a tail call, it tries to exchange them."""

    tail: cs.TailCall

    @property
    def __dataclass_fields__(self):
        with pytest.raises(DeclarationError):
            self.tail.__init__((), {})
        return {}


@cs.task
def exchanged(value, steps):
    if steps == 0:
        return "over"
    other = InitsAgain()
    other.tail = cs.TailCall((other, steps - 1))
    return other.tail


def test_a_tail_call_is_not_exchanged_while_it_is_searched(path):
    assert path.run(exchanged(1, 5)) == "over"


def test_a_skipped_value_is_pickled_as_what_it_was_made_of():
    skipped = _vm.Skipped("node", "reason")
    for again in (copy.copy(skipped), copy.deepcopy(skipped), pickle.loads(pickle.dumps(skipped))):
        assert (again.task_id, again.reason) == ("node", "reason")


@pytest.mark.parametrize(
    "kind",
    [
        "ArrayColumn",
        "ArrayItems",
        "Code",
        "Frame",
        "Items",
        "Kernel",
        "Machine",
        "MapResults",
        "Pending",
        "RouteTemplate",
        "Routes",
        "Routine",
    ],
)
@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_what_has_memory_of_its_own_is_not_pickled(kind, protocol):
    with pytest.raises(TypeError, match="cannot pickle"):
        pickle.dumps(hostile.RECIPES[kind](), protocol)


def test_a_result_is_taken_once_by_its_own_machine():
    machine = hostile.waiting_machine()
    entry = hostile.TaskGroup.entries[-1]
    with pytest.raises(TypeError, match="nothing is awaited"):
        hostile.waiting_machine().complete(entry, 1)
    machine.complete(entry, 1)
    with pytest.raises(TypeError, match="nothing is awaited"):
        machine.complete(entry, 2)


def test_a_machine_is_not_closed_by_what_it_calls():
    @cs.task
    def closes(machines):
        with pytest.raises(InternalError, match="while it runs"):
            machines[0].close()
        return "done"

    machines: list[_vm.Machine] = []
    machines.append(hostile.machine_of(closes, machines))
    assert machines[0].run() == _vm.DONE
    assert machines[0].take() == "done"


def test_a_pending_that_a_task_returns_is_a_value_like_others(path):
    value = hostile.pending()

    @cs.task
    def returns(_):
        return value

    assert path.run(returns(returns(1))) is value


def test_columns_of_a_map_are_copies():
    column = [5] * 100
    routine = hostile.add_up.routine
    program = cs.compile(hostile.add_up)
    results: list[object] = []
    items = _vm.Items(program._context, routine, [column], (0,), (5, 0), results, 1, hostile.stop_at_once)
    column.clear()
    items.run(10.0)
    assert len(results) == 100


def test_the_tables_of_the_machine_are_as_long_as_the_instruction_tables():
    text = (Path(_vm.__file__).parent / "_opcodes.pxd").read_text()
    assert f"OPCODE_COUNT = {len(INSTRUCTIONS)}\n" in text
    assert f"KERNEL_OPCODE_COUNT = {len(KERNEL_INSTRUCTIONS)}\n" in text


def test_every_jump_back_takes_fuel_and_every_step_counts():
    for row in KERNEL_INSTRUCTIONS:
        assert row.takes_fuel == ("back to f" in row.synopsis or row.name == "CALL"), row.name
        assert row.counts == ("one step" in row.synopsis), row.name
        assert row.only_in in ("body", "block") or not (row.counts or row.returns and row.operands), row.name
