"""The verifier refuses what the machine could not run safely."""

from __future__ import annotations

import os
import subprocess
import sys
from array import array
from typing import Any

import pytest

import cascade as cs
from cascade._vm import Code, Machine, Pending
from cascade.errors import BlueprintError
from cascade.instructions.blueprint import Blueprint
from cascade.instructions.graph import INSTRUCTIONS, OPCODES
from tests.support.tasks import add, countdown, increment, one

CALL_ONE, CALL, RETURN = OPCODES["CALL_ONE"], OPCODES["CALL"], OPCODES["RETURN"]


def blueprint(code: list[int], **changes: Any) -> Blueprint:
    base: dict[str, Any] = {
        "name": "test",
        "words": array("i", code).tobytes(),
        "operands": array("i", [2, 1, 3, 0]).tobytes(),
        "constants": (increment.routine, add.routine, len),
        "inputs": 2,
        "slots": 3,
        "nodes": array("i", [0] * (len(code) // 4)).tobytes(),
    }
    return Blueprint(**(base | changes))


GOOD = [CALL, 2, 1, 0, RETURN, 0, 0, 5]


def test_a_good_blueprint_runs():
    machine = Machine(Code(blueprint(GOOD)), (3, 4), None)  # type: ignore[arg-type]
    machine.run()
    assert machine.take() == 7


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (blueprint([]), "0 bytes of words are not a positive multiple of 16"),
        (blueprint(GOOD, words=b"12345"), "5 bytes of words"),
        (blueprint(GOOD, operands=b"123"), "3 bytes of operands"),
        (blueprint(GOOD, nodes=b""), "node table"),
        (blueprint(GOOD, inputs=4), "4 inputs and 3 slots"),
        (blueprint(GOOD, slots=2**40), "slots"),
        (blueprint(GOOD, words=bytearray(32)), "words is not bytes"),
        (blueprint(GOOD, constants=[]), "constants is not tuple"),
        (blueprint([99, 0, 0, 0, *GOOD]), "word 0: unknown opcode 99"),
        (blueprint([-1, 0, 0, 0, *GOOD]), "word 0: unknown opcode -1"),
        (blueprint([CALL, 3, 1, 0, RETURN, 0, 0, 5]), "word 0: slot 3 is outside 0..2"),
        (blueprint([CALL, 2, 3, 0, RETURN, 0, 0, 5]), "word 0: constant 3 is outside the table of 3"),
        (blueprint([CALL, 2, 2, 0, RETURN, 0, 0, 5]), "word 0: constant 2 is not a routine of 2 parameters"),
        (blueprint([CALL, 2, 0, 0, RETURN, 0, 0, 5]), "word 0: constant 0 is not a routine of 2 parameters"),
        (blueprint([CALL, 2, 1, 4, RETURN, 0, 0, 5]), "word 0: argument list 4 leaves the operand table"),
        (blueprint([CALL, 2, 1, 2, RETURN, 0, 0, 5]), "word 0: argument list 2 leaves the operand table"),
        (blueprint([CALL, 2, 1, -1, RETURN, 0, 0, 5]), "word 0: argument list -1 leaves the operand table"),
        (blueprint(GOOD, operands=array("i", [-1]).tobytes()), "argument list 0 leaves"),
        (blueprint(GOOD, operands=array("i", [2, 1, 6]).tobytes()), "word 0: slot 3 is outside"),
        (blueprint(GOOD, operands=array("i", [2, 1, 1]).tobytes()), "word 0: slot 0 is read while it is empty"),
        (blueprint(GOOD, inputs=1), "word 0: slot 1 is read while it is empty"),
        (blueprint([CALL_ONE, 1, 0, 1, *GOOD]), "word 0: slot 1 is written while it holds a value"),
        (blueprint([CALL_ONE, 2, 0, 0, RETURN, 0, 0, 4]), "word 1: a return has to drop what it returns"),
        (blueprint([*GOOD[4:], *GOOD]), "word 0: a return has to be the last word"),
        (blueprint([CALL_ONE, 2, 0, 1]), "word 0: a return has to be the last word, and only that"),
        (blueprint([CALL_ONE, 2, 0, 1, RETURN, 0, 7, 5]), "word 1: an unused operand is 7"),
        (blueprint([OPCODES["LOOP"], 2, 0, 0, RETURN, 0, 0, 5]), "constant 0 is not a routine of 2 parameters"),
        (blueprint([*GOOD[:4], OPCODES["LOOP"], 0, 1, 0, RETURN, 0, 0, 1]), "a loop has to be the first of two words"),
        (blueprint([OPCODES["REBUILD"], 2, 5, 0, RETURN, 0, 0, 5]), "constant 5 is outside"),
        (
            blueprint([OPCODES["DICT"], 2, 0, 0, RETURN, 0, 0, 5], operands=array("i", [1, 1]).tobytes()),
            "keys and values do not come in pairs",
        ),
    ],
)
def test_a_malformed_blueprint_is_refused(bad, message):
    with pytest.raises(BlueprintError) as raised:
        Code(bad)
    assert message in str(raised.value)
    assert raised.value.faults


def test_all_faults_are_reported():
    with pytest.raises(BlueprintError) as raised:
        Code(blueprint([99, 0, 0, 0, CALL, 9, 9, 9, RETURN, 0, 0, 5]))
    assert len(raised.value.faults) == 5


def test_inputs_have_to_fit():
    code = cs.compile(add)._code
    for inputs in ((1,), (1, 2, 3), 5):
        with pytest.raises(TypeError):
            Machine(code, inputs, None)  # type: ignore[arg-type]


def test_what_the_compiler_makes_passes():
    for target in (add(increment(one()), [one(), {"a": one()}]), countdown):
        compiled = cs.compile(target).blueprint
        assert Code(compiled.copy()) is not None


MUTATE = """
import random, sys
from array import array
import cascade as cs
from cascade._vm import Code, Machine
from cascade.errors import CascadeError
from cascade.graph.build import build_graph
from cascade.instructions.graph import INSTRUCTIONS
from cascade.compiler.code_cache import loop_code
from tests.support.tasks import add, countdown, identity, increment, one, total

random.seed(int(sys.argv[1]))

@cs.task
def ping(n, x):
    return cs.Jump("pong", n - 1) if n else cs.Jump("end", 5)

@cs.task
def pong(n):
    return cs.Jump("ping") if n % 2 else cs.Jump(random.choice(["ping", "nowhere"]), n)

first, second = ping(3, 4), pong(0)
cs.bind(first, cs.select_jump({"pong": second, "end": None}))
cs.bind(second, cs.select_jump({"ping": first}))
states = loop_code(build_graph(first).rows[-1][0]).blueprint
targets = [add(increment(one()), 2), total([increment(one()), one()]), countdown, identity({one(): (one(), [1])}), add,
    cs.pipeline(1, [increment, lambda x: increment(x).run_if(0)]), identity(first), states, states]
ran = refused = 0
for _ in range(int(sys.argv[2])):
    target = random.choice(targets)
    good = target if target is states else cs.compile(target).blueprint
    words, operands = array("i", good.words), array("i", good.operands)
    for _ in range(random.randint(1, 3)):
        table = random.choice([words, words, operands])
        if table:
            small = random.randrange(-2, 2 * good.slots + len(INSTRUCTIONS))
            table[random.randrange(len(table))] = random.choice([small, small, small, 2**31 - 1, -(2**31)])
    changed = good.copy(
        words=words.tobytes(), operands=operands.tobytes(), slots=max(0, good.slots + random.choice([0, 0, -1, 1]))
    )
    try:
        code = Code(changed)
    except CascadeError:
        refused += 1
        continue
    class RunContext:
        def __getattr__(self, name):
            return lambda *args: None
    machine = Machine(code, (3,) * code.blueprint.inputs, RunContext(), max_steps=50)
    machine.run()
    machine.close()
    ran += 1
print(ran, refused)
"""


def test_mutated_blueprints_never_crash():
    seed = os.environ.get("CASCADE_SEED", "1")
    done = subprocess.run(
        [sys.executable, "-c", MUTATE, seed, "6000"], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"seed {seed}: {done.stderr}"
    ran, refused = map(int, done.stdout.split())
    assert ran > 100
    assert refused > 1000


def test_every_instruction_has_an_explanation_of_its_own():
    assert len({row.name for row in INSTRUCTIONS}) == len(INSTRUCTIONS)
    assert all(row.synopsis for row in INSTRUCTIONS)


def test_tables_cached_before_cannot_deceive_the_verifier():
    deceiving = blueprint(GOOD)
    assert len(deceiving.word_table) == 8
    object.__setattr__(deceiving, "words", array("i", [CALL, 2, 1, 99, RETURN, 0, 0, 5]).tobytes())
    with pytest.raises(BlueprintError):
        Code(deceiving)


def test_more_slots_than_values_are_refused():
    with pytest.raises(BlueprintError, match="more than there are values"):
        Code(blueprint(GOOD, slots=2**30))


def test_objects_are_made_whole_and_stay_as_they_are():
    with pytest.raises(TypeError):
        Code.__new__(Code)
    code = cs.compile(add)._code
    before = code.blueprint
    code.__init__(blueprint(GOOD))
    assert code.blueprint is before
    add.routine.__init__(name="x")
    assert add.routine.name == "add"
    with pytest.raises(TypeError):
        Pending()
    machine = Machine(Code(blueprint(GOOD)), (1, 2), None)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        machine.complete(Pending.__new__(Pending), 1)
