"""Typed code with changed words is refused, or runs without harm: in a child process, which would not survive harm."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

from cascade import _vm

CHANGED = """
import dataclasses, random, sys
from array import array
import cascade as cs
import cascade.kernels as lower
from cascade.errors import CascadeError
from cascade.instructions.kernel import KERNEL_INSTRUCTIONS, KERNEL_WORD_FIELDS
from tests.support import kernel_functions

pick = random.Random({seed})
count, refused, ran = {count}, 0, 0
FUNCTIONS = [
    (kernel_functions.nests, (9,)), (kernel_functions.factorials, (25,)), (kernel_functions.math_functions, (9,)), (kernel_functions.opaque, (3, "text")),
    (kernel_functions.opaque_returned, (5, [1])), (kernel_functions.floats, (9, 1.5)), (kernel_functions.minmax, (9,)), (kernel_functions.divmods, (9,)),
    (kernel_functions.mutual, (9,)), (kernel_functions.over_containers, (9, [1.5, 2])), (kernel_functions.none, (9,)), (kernel_functions.breaks_wide, (9,)), (kernel_functions.use_global.func, (9, 1)),
]
TARGETS = [lambda function=function, given=given: cs.task(lower=True)(function)(*given) for function, given in FUNCTIONS]
TARGETS += [lambda: kernel_functions.collatz(27), lambda: kernel_functions.halving(1), lambda: kernel_functions.growing(1)]
original = lower.Kernel

def changed(code):
    words = array("i", code.words)
    for _ in range(pick.choice([1, 1, 1, 2, 5])):
        at = KERNEL_WORD_FIELDS * pick.randrange(len(words) // KERNEL_WORD_FIELDS) + pick.choice([0, 0, 2, 3, 4, 5, 6, 7])
        words[at] = pick.choice([pick.randrange(len(KERNEL_INSTRUCTIONS)), pick.randrange(-2, code.registers + 2),
                                 pick.randrange(len(words) // KERNEL_WORD_FIELDS), 2**31 - 1])
    changes = {{"words": words.tobytes()}}
    if pick.random() < 0.1:
        changes["registers"] = pick.randrange(code.registers + 3)
    return dataclasses.replace(code, **changes)

made = []

def kept(code):
    made.append(original(changed(code)))
    return made[-1]

lower.Kernel = kept
for number in range(count):
    target = TARGETS[number % len(TARGETS)]
    try:
        # A changed loop may never end.
        cs.run(target(), max_steps=1000, timeout=0.05)
        ran += 1
    except CascadeError as error:
        refused += type(error).__name__ == "BlueprintError"
    except Exception:
        ran += 1
print(refused, ran, sum(kernel.forms_in_machine_code > 0 for kernel in made))
"""


@pytest.mark.parametrize("part", range(2))
@pytest.mark.parametrize("machine_code", ["off", "at once"])
def test_changed_typed_code_is_refused_or_runs_without_harm(part, machine_code):
    count = int(os.environ.get("CASCADE_CHANGED", "300"))
    script = textwrap.dedent(CHANGED).format(seed=int(os.environ.get("CASCADE_SEED", "1")) + part, count=count)
    environment = {**os.environ, "CASCADE_MACHINE_CODE": machine_code}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=900, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr[-2000:]
    refused, ran, in_machine_code = map(int, done.stdout.split())
    assert refused > count // 2
    assert ran > count // 50
    assert (in_machine_code > count // 50) == (machine_code == "at once" and _vm.has_machine_code())


EXPRESSIONS = [
    "t + i", "t - i", "t * 3 % 1000", "t // 3 + i", "t % 7 - i", "t & i", "t | i", "t ^ i", "(i << 3) % 99", "i >> 2", "-i", "~i",
    "+i", "i * i + t % 5", "(t + i) % 97", "(t - i) * 2 % 9", "i ** 3 % 7", "pow(i, 3, 7)", "abs(-i)", "min(i, 5, t)", "max(i, 5, t)",
    "int(i / 3)", "round(i * 0.3)", "int(i < 5) + int(i == t) + int(i != t) + int(i <= t)", "i if i > t else t", "i and 3", "0 or i",
    "int(1 < i < 5) + int(not i)", "math.floor(i / 3) + math.ceil(i / 3) + math.trunc(i / 3)", "helper(i)", "helper(helper(i))",
    "int(x + i)", "int(x * i - 1.5)", "int((x - i) * 0.5)", "int(x / 3.0)", "int((i + x) // 3.0)", "int((i + x) % 3.0)", "int(x ** 0.5)",
    "int(-x) + int(abs(x))", "int((x + i) * (x - 0.5) % 1000.0)", "int((x * 2.0 - x * 0.5 + i) % 100.0)", "int((1.0 - x) * (x * 3.7))",
    "int(math.sqrt(i) + math.exp(-i) + math.log(i + 1) + math.log2(i + 1) + math.log10(i + 1))",
    "int(math.sin(i) + math.cos(i) + math.tan(i) + math.atan(i) + math.tanh(i) + math.fabs(i))",
    "int(math.isnan(x)) + int(math.isinf(x)) + int(math.isfinite(x))", "i if x < i else 1", "i if not x <= i else 1", "i if x == i else 1",
    "i if i % 3 == 0 else t % 2", "i if (i & 3) >= 1 else 0", "i if i * i <= t else 0", "i if x * x + i <= 4.0 else 1", "i if x - i > 1.0 else 1",
    "len(o) + i", "i if o is None else 1", "i if o is p else 2", "i if o is not p else 2", "math.gcd(i, 12)",
]  # fmt: skip

STACK = """
import math, threading
import cascade as cs
from loops import FUNCTIONS

def work():
    for number, function in enumerate(FUNCTIONS):
        program = cs.compile(cs.task(lower=True)(function))
        expected = function(50, 2.5, "text", 1.0)
        assert program(50, 2.5, "text", 1.0) == expected, number
        program(60_000, 2.5, "text", 1.0)

# Each instruction that left something on the stack would fill it some twenty times.
threading.stack_size(256 * 1024)
thread = threading.Thread(target=work)
thread.start()
thread.join()
print("done")
"""


def test_no_instruction_leaves_anything_on_the_stack(tmp_path):
    lines = ["import math", "", "def helper(n):", "    return n % 3 + 1", "", "FUNCTIONS = []"]
    for number, expression in enumerate(EXPRESSIONS):
        lines += [
            f"def f{number}(n, x, o, p):", "    t = 1", "    for i in range(n):", f"        t = {expression}", "    i = 0",
            "    while i < n:", "        i += 1", f"        u = {expression}", "        if u > t:", "            t = u", "    return t",
            f"FUNCTIONS.append(f{number})",
        ]  # fmt: skip
    (tmp_path / "loops.py").write_text("\n".join(lines) + "\n")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    done = subprocess.run(
        [sys.executable, "-c", STACK], capture_output=True, text=True, timeout=300, check=False, env=environment
    )
    assert done.stdout == "done\n", done.stderr[-2000:]
    assert done.stderr == ""
