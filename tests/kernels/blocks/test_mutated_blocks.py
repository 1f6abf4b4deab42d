"""Changed words of kernels that are made as they are executed are refused, or do in machine code what they do by handlers: in child processes.

The functions are of numbers only, as the verifier leaves classes of objects to the guards of the code.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from typing import Any

import pytest

from cascade import _vm

pytestmark = pytest.mark.once

CHANGED = """
import json, random, signal
import cascade as cs
from cascade import _vm
from cascade.errors import BlueprintError
from cascade.instructions.kernel import KERNEL_INSTRUCTIONS
from cascade.kernels.blocks import verify
from cascade.kernels.blocks.translator import Translator
from tests.support.machine_code_functions import in_a_loop, made_of

EXPRESSIONS = [
    "(x + y) * z % 1009 + turn", "x // (y + 1) - turn", "x * 0.5 + y if turn % 3 else y / (turn + 1)", "(x << 3 ^ y) & 65535 | turn",
    "abs(x - y) + min(z, turn)", "-x if x < y <= z else ~y",
]
CARRIED = '''
def f(x, y, z, turns):
    a, b, found = x, y, 0
    for turn in range(turns):
        a, b = b, {}
        if a == b:
            found += 1
        while found > 100:
            found -= turn % 7 + 1
        b = b % 1000 if b > 10000 or b < -10000 else b
    return a, b, found
'''
ARGUMENTS = [(5, 3, 2, 50), (5.5, 3, 2, 50), (5, 3, 2, 3), (1, -1, (1 << 62) + 1, 4), (-(1 << 63), 1 << 61, 1 << 62, 4)]
original = Translator.verify
made, counts = {}, {"refused": 0, "accepted": 0}

class Changing:
    '''Verifies what is added to a kernel, of which it changes one part.'''
    def __init__(self, translator):
        self.verifier, self.registers = translator.verifier, translator.registers.count
        self.left = pick.choice([0, 0, 1, 2])

    def change(self, words, start):
        for _ in range(pick.choice([1, 1, 1, 2])):
            at = pick.randrange(len(words))
            word, place = [*words[at]], pick.choice([0, 2, 3, 4, 5, 6, 7])
            values = [pick.randrange(len(KERNEL_INSTRUCTIONS)), pick.randrange(-2, self.registers + 2), start + pick.randrange(len(words)), 2**31 - 1]
            # Most often a register that the word has in another place: so a result gets that of an operand.
            word[place] = values[0] if not place else pick.choice(word[2:]) if pick.random() < 0.6 else pick.choice(values)
            words[at] = tuple(word)

    def verified(self, verify, growth, others):
        self.left -= 1
        if self.left != -1:
            return verify(growth, *others)
        self.change(growth.words.words, growth.start)
        try:
            verify(growth, *others)
        except BlueprintError:
            counts["refused"] += 1
            raise
        counts["accepted"] += 1

    def verify_entry(self, growth, *others):
        self.verified(self.verifier.verify_entry, growth, others)

    def verify_growth(self, growth, *others):
        self.verified(self.verifier.verify_growth, growth, others)

def verify_changed(translator):
    original(translator)
    translator.verifier = Changing(translator)

def late(number, frame):
    raise TimeoutError  # a changed loop may never end

def outcome(program, arguments):
    # By the process's own time, so that none is stopped because the machine is busy.
    try:
        try:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0.1)
            return repr(program(*arguments))
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    except Exception as error:
        return type(error).__name__

Translator.verify, verify.ON = verify_changed, True
signal.signal(signal.SIGVTALRM, late)
_vm.lower_without_delay(True)
found, in_machine_code = [], 0
for number in range({count}):
    pick = random.Random({seed} * 1_000_003 + number)
    expression = EXPRESSIONS[number % len(EXPRESSIONS)]
    task = cs.task(made_of(CARRIED.replace("{}", expression), False) if number % 2 else in_a_loop(expression, False))
    program = cs.compile(task)
    found.append([outcome(program, arguments) for arguments in ARGUMENTS])
    kernel = task.routine.block_kernel
    in_machine_code += kernel is not None and kernel.forms_in_machine_code > 0
print(json.dumps([counts, in_machine_code, found]))
"""
COUNT = int(os.environ.get("CASCADE_CHANGED", "240"))


def changed(machine_code: str) -> tuple[dict[str, int], int, list[list[str]]]:
    seed = int(os.environ.get("CASCADE_SEED", "1"))
    script = textwrap.dedent(CHANGED).replace("{count}", str(COUNT)).replace("{seed}", str(seed))
    environment = {**os.environ, "CASCADE_MACHINE_CODE": machine_code, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: Any = json.loads(done.stdout)
    return found[0], found[1], found[2]


@pytest.mark.skipif(not _vm.has_machine_code(), reason="no machine code for this platform")
def test_changed_code_is_refused_or_does_in_machine_code_what_it_does_by_handlers():
    counts, none, by_handlers = changed("off")
    _, some, in_machine_code = changed("at once")
    assert counts["refused"] > COUNT // 4 and counts["accepted"] > COUNT // 4
    assert none == 0 and some > COUNT // 2
    for one, other in zip(by_handlers, in_machine_code, strict=True):
        ended = [(a, b) for a, b in zip(one, other, strict=True) if "TimeoutError" not in (a, b)]
        assert [a for a, _ in ended] == [b for _, b in ended]
