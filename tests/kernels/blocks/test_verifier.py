"""The verifier accepts what the translator makes, and refuses it with changed words."""

from __future__ import annotations

import random

import pytest

from cascade.errors import BlueprintError
from cascade.instructions.kernel import KERNEL_INSTRUCTIONS, KERNEL_OPCODES
from cascade.kernels.blocks import verify
from cascade.kernels.blocks.kernel import block_kernel
from cascade.kernels.blocks.numpy_types import numpy_now
from cascade.kernels.blocks.translator import Translator
from cascade.kernels.blocks.values import Value
from cascade.kernels.blocks.verify import FIRST_FLOAT, KINDS, Verifier
from tests.support import block_loops, block_programs, block_sequences


def squares(count):
    return [number * number for number in range(count)]


def kept(values):
    found = [value for value in values if value]
    return found, {value for value in values}, {value: 1 for value in values}, sum(value for value in values)


def halves(values):
    return sum(value * 0.5 for value in values), sum((0.5 for _ in values), 2.0)


def from_the_last(values):
    total = 1
    for value in reversed(values):
        total = (value or 1) * total
    return total


def doubled(values):
    total = 0
    for value in values:
        total += value * 2
    return total


def twice(number):
    return number + number


def replaced(values):
    values[1:2] = values
    return values


CALLS = [
    (block_loops.last_of_some, (50,)), (block_loops.counted_by_while, (50,)), (block_loops.sum_of_numbered, ([1, 2, 3],)),
    (halves, ([1, 2, 3],)), (block_loops.sum_of_pairs, ([1, 2, 3],)), (block_sequences.collected, (["a", 1, 2.5],)), (block_loops.pairs_from, ([5, 6], 2)),
    (block_programs.sum_with_handler, ([1, 2, 3, 40],)), (block_programs.exchanged, (2**70, [3, "42", 0.0, None])),
    (block_programs.half_of_pairs, (5,)), (block_programs.zipped_range_and_list, (3,)), (squares, (3,)), (kept, ([3, 0, 5],)),
    (from_the_last, ([3, None, 5],)), (doubled, ([1, 2, 3],)), (replaced, ([1, 2, 3],)),
]  # fmt: skip
NAMES = [function.__name__ for function, _ in CALLS]


def made(function):
    """A translator whose additions are verified, and the list of these."""
    translator = Translator(function)
    translator.verify()
    verifier, added = translator.verifier, []

    class Noting:
        def verify_entry(self, growth, *others):
            verifier.verify_entry(growth, *others)
            added.append((growth, others))

        def verify_growth(self, growth, *others):
            verifier.verify_growth(growth, *others)

    translator.verifier = Noting()
    return translator, added


@pytest.mark.parametrize("function, arguments", CALLS, ids=NAMES)
def test_what_is_made_is_accepted(function, arguments, monkeypatch):
    refused = []
    kernel = block_kernel(function)
    kernel.translator.verify()
    for name in ("verify_entry", "verify_growth"):
        original = getattr(Verifier, name)

        def noted(self, *given, original=original):
            try:
                original(self, *given)
            except BlueprintError as error:
                refused.append(str(error))
                raise

        monkeypatch.setattr(Verifier, name, noted)
    kernel(*arguments)
    kernel(*arguments)
    assert kernel.growths > 0
    assert refused == []


def test_code_that_is_made_while_a_run_prepares_to_have_it_made_is_not_made_again(monkeypatch):
    kernel = block_kernel(doubled)
    kernel.translator.verify()
    constant, runs = Value.constant.fget, []

    def other_run(value):
        """Another thread has its turn, or a handler of a signal runs."""
        if not any(runs[-1:]):
            runs.append(True)
            assert kernel([1, 2]) == 6
            runs[-1] = False
        return constant(value)

    monkeypatch.setattr(Value, "constant", property(other_run))
    assert kernel([1, 2, 3]) == 12
    assert runs
    assert not kernel.retired


def changed(growth, word):
    return growth._replace(words=growth.words._replace(words=[*word]))


def refuses(translator, growth, others):
    translator.verify()
    try:
        translator.verifier.verify_entry(growth, *others)
    except BlueprintError:
        return True
    return False


@pytest.mark.parametrize("function, arguments", CALLS, ids=NAMES)
def test_changed_words_are_refused(function, arguments):
    translator, added = made(function)
    translator.enter(tuple(map(type, arguments)))
    growth, others = added[0]
    words = growth.words.words
    pick = random.Random(7)
    assert not refuses(translator, growth, others)
    for _ in range(100):
        at = pick.randrange(len(words))
        row = KERNEL_INSTRUCTIONS[words[at][0]]
        places = [
            place
            for place, field in enumerate("abcdef", 2)
            if field in row.operands and row.operands[field].role != "value"
        ]
        if not places:
            continue
        word = [*words[at]]
        word[pick.choice(places)] = pick.choice([2**31 - 1, -1, 10**6])
        assert refuses(translator, changed(growth, [*words[:at], tuple(word), *words[at + 1 :]]), others), (
            row.name,
            word,
        )


def test_unknown_and_foreign_instructions_are_refused():
    translator, added = made(block_loops.last_of_some)
    translator.enter((int,))
    growth, others = added[0]
    for opcode in (-1, len(KERNEL_INSTRUCTIONS), KERNEL_OPCODES["CALL"], KERNEL_OPCODES["CALL_OUT"]):
        words = [(opcode, *growth.words.words[0][1:]), *growth.words.words[1:]]
        assert refuses(translator, changed(growth, words), others)


def test_a_scalar_of_a_kind_that_there_is_not_is_refused(monkeypatch):
    translator, added = made(twice)
    translator.enter((int,))
    growth, others = added[0]
    name = "RETURN_SCALAR"

    def returning(kind):
        words = [
            (KERNEL_OPCODES[name], *word[1:6], kind, word[7]) if word[0] == KERNEL_OPCODES["RETURN_INT"] else word
            for word in growth.words.words
        ]
        assert words != growth.words.words
        return changed(growth, words)

    assert [refuses(translator, returning(kind), others) for kind in (-1, KINDS, 10**6)] == [True] * 3
    assert refuses(translator, returning(FIRST_FLOAT), others)  # the register holds an int
    if numpy_now() is not None:
        assert not refuses(translator, returning(0), others)
    monkeypatch.setattr(verify, "numpy_now", lambda: None)
    assert refuses(translator, returning(0), others)


def test_a_reference_that_is_lost_or_dropped_twice_is_refused():
    translator, added = made(block_sequences.collected)
    translator.enter((None,))
    growth, others = added[0]
    word = (KERNEL_OPCODES["RELEASE"], 0, 0, 0, 0, 0, 0, 0)
    words, exits, lines = growth.words
    twice = growth._replace(
        words=growth.words._replace(words=[word, word, *words], exits=[0, 0, *exits], lines=[0, 0, *lines]), points=()
    )
    assert refuses(translator, twice, others)


def test_a_loop_without_fuel_is_refused():
    translator, added = made(block_loops.last_of_some)
    translator.enter((int,))
    growth, others = added[0]
    back = KERNEL_OPCODES["BACK"]
    words = [(KERNEL_OPCODES["JUMP"], *word[1:]) if word[0] == back else word for word in growth.words.words]
    assert words != growth.words.words
    assert refuses(translator, changed(growth, words), others)
