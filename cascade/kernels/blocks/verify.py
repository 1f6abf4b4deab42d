"""The verifier of what is added to a kernel: it shares no code with the translator.

It follows every path through the new words, with what each register holds on it, from the stub that they stand for to the jumps
that lead out of them. After it,

- an operand names a register that holds a number, an object, a reference of its own or an address, as the instruction reads it;
- a reference is passed on or dropped once, and none is lost: where paths join, the same registers own references;
- what an instruction borrowed from a container is not read behind code of users, which may have taken it out;
- a jump leads to an instruction: to one of the new words, or to a program point where the code that is there already may be entered;
- side exits and stubs find what they read, and drop exactly the references that there are;
- every path round a loop takes fuel.

Not verified are the classes of objects, and offsets in them: guards of the code itself test these.
"""

from __future__ import annotations

import os
from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from typing import NamedTuple

from cascade.errors import BlueprintError
from cascade.instructions.kernel import FIELDS, KERNEL_INSTRUCTIONS, KernelInstruction
from cascade.kernels.blocks.chunks import Registers
from cascade.kernels.blocks.numpy_types import numpy_now
from cascade.kernels.blocks.points import Callee, CallOut, Exit, Growth, Stub
from cascade.kernels.blocks.values import CONDITION, Iterated, Value

INT, FLOAT, ADDRESS, HELD, BORROWED, OWNED, NOTHING = "i", "f", "a", "h", "b", "o", "?"
"""What a register holds: a number; an address; an object that lives as long as the code, that a container or variable has, or a
reference of its own."""
OBJECTS = HELD + BORROWED + OWNED
READ = {"int": INT, "float": FLOAT, "object": OBJECTS, "given": OWNED, "address": ADDRESS, "": INT + FLOAT + OBJECTS}
WRITTEN = {"int": INT, "float": FLOAT, "object": BORROWED, "owned": OWNED, "held": HELD, "address": ADDRESS, "": INT}
INTS = ("int", "bool", "char", "bool_", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")
FLOATS = ("float", "float32", "float64")
SOURCES = {
    "i": INT,
    "b": INT,
    "c": INT,
    "d": FLOAT,
    "r": OBJECTS,
    "o": OBJECTS,
    **dict.fromkeys("ABCDEFGHI", INT),
    "J": FLOAT,
    "K": FLOAT,
}
"""What the register of a gathered value holds, by its kind; that of None has none."""
FIRST_FLOAT, KINDS = 9, 11
"""Of the kinds of NumPy's scalars."""
TAKING = {
    "CALL_PYTHON",
    "CALL_FUNCTION",
    "BUILD_LIST",
    "BUILD_TUPLE",
    "BUILD_SET",
    "BUILD_DICT",
    "BUILD_NAMED_TUPLE",
    "MAKE_FUNCTION",
}
"""Instructions that pass the references of gathered values on."""
EFFECTS = {"CALL_PYTHON", "CALL_FUNCTION", "ITER_NEXT"}
"""Instructions that run code of users."""
FOREIGN = {"CALL", "HELPER_RETURN", "CALL_OUT", "CALL_OUT_NUMBER", "STEP", "DEFER"}
"""Instructions of other kernels."""
SCALARS = {"BOX_SCALAR": 3, "UNBOX_SCALAR": 0, "RETURN_SCALAR": 2}
"""Instructions about a scalar of NumPy's whose kind is operand e, and which operand they read as a number of that kind."""
LIMITS = {"EXPECT_DICT": 3, "FIT": KINDS, **dict.fromkeys(SCALARS, KINDS)}
"""One more than the largest operand e, which is a number in a table of the handler."""

Claim = dict[int, str]
"""What registers are said to hold."""
Held = tuple[Claim, frozenset[int]]
"""The same, and which of them own references."""


class Tables(NamedTuple):
    """The tables that words refer to, and the layout of the registers. `callees` has call-outs that are calls of kernels, by number."""

    registers: Registers
    exits: list[Exit]
    stubs: list[Stub]
    call_outs: list[CallOut]
    objects: list[object]
    callees: dict[int, Callee]

    def iterator(self, gathering: int) -> Value | None:
        """Returns the iterator in registers that a call passes on; for a call by CPython, an object of it is made in its first register."""
        callee = self.callees.get(gathering)
        return None if callee is None or callee.iterator is None else callee.iterator.value

    def gathered(self, gathering: int) -> list[tuple[int, str]]:
        """Returns what a call-out gathers: (register, kind) of each value, without that of an iterator in registers."""
        iterator = self.iterator(gathering)
        return [
            source
            for source in self.call_outs[gathering].sources
            if iterator is None or source != (iterator.register, "o")
        ]


class Effect(NamedTuple):
    """What an instruction does, by the positions of operands in its word; 0 for an operand that it does not have.

    Attributes:
        name: its name.
        legal: whether it may stand in such a kernel.
        reads: the operands that are read, and what they may hold; `late` those that are read after it has written.
        given: those whose reference is passed on or dropped.
        writes: the operands that are written, and what they hold then.
        copies: the operands that get a copy, and of what.
        items, numbers, made, sum: the first register of an iterator over items, of a range, of one that is made, and of a sum and its errors.
        gathering, target: the operands of that role.
        way: when it has its effect: where the next word follows ("next"), where it jumps ("jump"), or in "both" cases; a store
            into an object writes where it jumps and passes its value on in both.
        exits: whether the run may stop at it.
    """

    name: str
    legal: bool
    reads: tuple[tuple[int, str], ...]
    late: tuple[tuple[int, str], ...]
    given: tuple[int, ...]
    writes: tuple[tuple[int, str], ...]
    copies: tuple[tuple[int, int], ...]
    items: int
    numbers: int
    made: int
    sum: int
    gathering: int
    target: int
    way: str
    exits: bool
    ends: bool
    takes_fuel: bool


def _effect(row: KernelInstruction) -> Effect:
    at = {field: number for number, field in enumerate(FIELDS, 2)}
    operands = [(at[field], operand) for field, operand in row.operands.items()]
    roles = {role: [(place, each.type) for place, each in operands if each.role == role]
             for role in ("reads", "then reads", "writes", "range", "gathering", "target")}  # fmt: skip
    ranges = {kind: place for place, kind in roles["range"]}
    return Effect(
        row.name, (row.only_in == "block" or row.returns or not row.only_in) and row.name not in FOREIGN,
        tuple((place, READ[kind]) for place, kind in roles["reads"]),
        tuple((place, READ[kind]) for place, kind in roles["then reads"]),
        tuple(place for place, kind in roles["reads"] if kind == "given"),
        tuple((place, HELD if row.name == "LOAD_OBJECT" else WRITTEN[kind]) for place, kind in roles["writes"]),
        tuple((place, at[each.source]) for place, each in operands if each.role == "copies"),
        ranges.get("items", 0), ranges.get("", 0), ranges.get("made", 0), ranges.get("sum", 0),
        roles["gathering"][0][0] if roles["gathering"] else 0, roles["target"][0][0] if roles["target"] else 0,
        _way(row), _may_stop(row), row.ends, row.takes_fuel,
    )  # fmt: skip


def _way(row: KernelInstruction) -> str:
    if row.name.startswith("STORE_") and row.name != "STORE_ITEMS":
        return "store"
    if row.name in ("NEXT_BACK", "LIST_NEXT_BACK", "TUPLE_NEXT_BACK"):
        return "jump"
    return "both" if row.takes_fuel and row.name != "NEXT_OR_BACK" else "next"


def _may_stop(row: KernelInstruction) -> bool:
    return bool(row.exits_for) or row.returns or row.name in ("STUB", "GUARD")


BY_OPCODE = tuple(map(_effect, KERNEL_INSTRUCTIONS))
ON = bool(os.environ.get("CASCADE_VERIFY_BLOCKS"))
"""Whether all kernels are verified."""
BEYOND = 2**31
"""More than the number of any word."""
STUB = next(number for number, row in enumerate(KERNEL_INSTRUCTIONS) if row.name == "STUB")


class Verifier:
    """Verifies what is added to one kernel."""

    def __init__(self, tables: Tables) -> None:
        registers = tables.registers
        self.tables = tables
        self.count = registers.count
        self.fixed: Claim = {number: INT for number, _, _ in registers.values}
        for number, kind, _ in registers.values:
            self.fixed[number] = {"float": FLOAT, "object": HELD}.get(kind, INT)
        self.exits: dict[int, Held] = {}
        self.stubs: dict[int, int] = {}  # the numbers of stubs, by their words
        self.points: dict[int, Held] = {}  # the words at which the code may be entered
        self.starts: list[int] = []  # of words that follow one another, ascending
        self.jumps: dict[int, list[tuple[int, int]]] = {}  # out of these, without fuel
        self.ends: dict[int, int] = {}  # the last ones of these
        self.grown: dict[int, int] = {}  # the first words of what has been made of stubs, by their words

    def verify_entry(
        self, growth: Growth, kinds: tuple[type | Iterated | None, ...], closed: int, iterators: Iterable[Value] = ()
    ) -> None:
        """Verifies the code of a call with arguments of these classes.

        Args:
            closed: how many variables are free ones, whose cells the function holds.
            iterators: arguments whose iterators are in registers.
        """
        variables = self.tables.registers.variables
        for number in range(variables - closed, variables):
            self.fixed[number] = HELD
        unboxed: dict[object, str] = {int: INT, bool: INT, float: FLOAT, type(None): NOTHING}
        claim = {number: OWNED if kind is None else unboxed.get(kind, OWNED) for number, kind in enumerate(kinds)
                 if not isinstance(kind, Iterated)}  # fmt: skip
        claim |= claim_of(iterators)
        _Added(self, growth, claim, -1).verify()

    def verify_growth(self, growth: Growth, word: int, number: int) -> None:
        """Verifies the code behind a stub, whose word is given."""
        if self.stubs.get(word) != number:
            raise refusal(f"word {word} is no stub {number}")
        _Added(self, growth, self.claim_of_stub(number), word).verify()

    def verify_renewal(self, growth: Growth, word: int, number: int) -> None:
        """Verifies code that takes the place of that at an entry or a version, whose word is given."""
        point, claim = self.points.get(word), self.claim_of_stub(number)
        if point is None or point != (claim, owned_by(claim)):
            raise refusal(f"word {word} is no program point of stub {number}")
        _Added(self, growth, claim, word).verify()

    def exit(self, number: int) -> Held:
        """Returns what a side exit reads, and which registers own references there."""
        found = self.exits.get(number)
        if found is None:
            if not 0 <= number < len(self.tables.exits):
                raise refusal(f"there is no side exit {number}")
            if any(value.kind == CONDITION for value in self.tables.exits[number].stack):
                raise refusal(f"side exit {number} has a condition on the stack, which is no value")
            found = self.exits[number] = held_at(self.tables.exits[number])
        return found

    def add_part(self, start: int, end: int, jumps: list[tuple[int, int]]) -> None:
        """Notes words that follow one another, and the jumps out of them that take no fuel."""
        if start not in self.jumps:
            insort(self.starts, start)
        self.jumps[start] = [(place, target) for place, target in jumps if start <= place <= end]
        self.ends[start] = end

    def claim_of_stub(self, number: int) -> Claim:
        stub = self.tables.stubs[number]
        return claim_of((*stub.state.variables, *stub.state.stack, *stub.released))

    def reaches(self, targets: Iterable[int], word: int) -> bool:
        """Returns whether a path without fuel leads from one of the targets to a word, which is a stub or has a jump."""
        waiting = list(targets)
        seen: dict[int, int] = {}  # of what has been added, the first word that is reached
        while waiting:
            target = waiting.pop()
            if target == word:
                return True
            target = self.grown.get(target, target)
            part = self.starts[bisect_right(self.starts, target) - 1]
            known = seen.get(part, BEYOND)
            if target <= word <= self.ends[part]:
                return True
            if target < known:
                seen[part] = target
                waiting += [to for place, to in self.jumps[part] if target <= place < known]
        return False


class _Added:
    """Verifies what is added at one time: the words, and those that stand apart at the end of the code, stubs among them."""

    def __init__(self, verifier: Verifier, growth: Growth, claim: Claim, origin: int) -> None:
        self.verifier, self.growth, self.claim, self.origin = verifier, growth, claim, origin
        self.tables = verifier.tables
        self.fixed = verifier.fixed
        self.state: Claim = {}
        self.arrived: dict[int, Claim] = {}  # what registers hold at words that are jumped to
        self.parts = [(growth.start, growth.words), (growth.stub_start, growth.stubs)]
        self.walked: set[int] = set()
        self.out: list[tuple[int, int]] = []
        self.points = {word: held_at(point) for word, point in growth.points}
        self.waiting = [growth.start]

    def verify(self) -> None:
        verifier, growth = self.verifier, self.growth
        if not growth.words.words:
            raise refusal("there are no words")
        if self.origin >= 0:
            verifier.grown[self.origin] = growth.start
            verifier.stubs.pop(self.origin, None)
        self.note_stubs()
        self.arrived[growth.start] = {**self.claim, **self.fixed}
        while self.waiting:
            number = heappop(self.waiting)
            if number not in self.walked:
                self.walk(number)
        for number, target in self.out:
            goes_back = target < number or (target == number and number not in verifier.stubs)
            if (
                goes_back
                and number < growth.stub_start
                and target in self.walked
                and verifier.reaches([target], number)
            ):
                raise refusal(f"word {number}: a path round a loop takes no fuel")
        if self.origin >= 0:
            del verifier.grown[self.origin]
            if verifier.reaches([to for place, to in verifier.jumps[growth.start] if to != place], self.origin):
                raise refusal(f"a path round a loop at word {self.origin} takes no fuel")
            verifier.grown[self.origin] = growth.start
        verifier.points.update(self.points)

    def word_at(self, number: int) -> tuple[tuple[int, ...] | None, int]:
        """Returns a word that is added, with the number of its side exit; None for any other."""
        for start, part in self.parts:
            if 0 <= number - start < len(part.words):
                return part.words[number - start], part.exits[number - start]
        return None, -1

    def note_stubs(self) -> None:
        """Stubs are known by their words; each has a side exit for when no code can be made."""
        for start, part in self.parts:
            for number, word in enumerate(part.words, start):
                if word[0] == STUB:
                    if not 0 <= word[6] < len(self.tables.stubs):
                        raise refusal(f"word {number}: there is no stub {word[6]}")
                    self.verifier.stubs[number] = word[6]

    def expect_iterator(self, number: int, iterator: Value) -> None:
        for register, kind in held_by(iterator):
            found = self.state.get(register, NOTHING)
            if found != kind and (kind != BORROWED or found not in OBJECTS):
                raise refusal(f"word {number}: an iterator is passed on whose register {register} holds {found!r}")

    # -- Paths ------------------------------------------------------------------------------------------------------

    def walk(self, number: int) -> None:
        """Follows the words from one on to where the path ends."""
        state = self.state = dict(self.arrived[number])
        start, before = number, len(self.out)
        while True:
            word, exit_number = self.word_at(number)
            if word is None:
                raise refusal(f"word {number}: the code ends before it")
            if number in self.points:
                self.expect(number, *self.points[number], state)
                state = self.state = {**self.points[number][0], **self.fixed}
            elif number in self.arrived:
                state = self.state = self.merged(number, state, self.arrived[number])
            if number in self.walked:
                if number not in self.points:
                    raise refusal(f"word {number}: a path leads on to what has been verified for another one")
                self.out.append((number - 1, number))
                break
            self.walked.add(number)
            if not 0 <= word[0] < len(BY_OPCODE) or not BY_OPCODE[word[0]].legal:
                raise refusal(f"word {number}: no instruction of such code")
            self.execute(number, word, exit_number, BY_OPCODE[word[0]])
            if BY_OPCODE[word[0]].ends:
                break
            state = self.state
            number += 1
        self.verifier.add_part(start, number, self.out[before:])

    def merged(self, number: int, state: Claim, other: Claim) -> Claim:
        found = {register: kind for register, kind in state.items() if other.get(register) == kind}
        for register, kind in state.items():
            known = other.get(register, NOTHING)
            if (kind == OWNED) != (known == OWNED):
                raise refusal(f"word {number}: on one path only, register {register} owns a reference")
            if kind != known and kind in OBJECTS and known in OBJECTS:
                found[register] = BORROWED
        if owned_by(other) - state.keys():
            raise refusal(f"word {number}: on one path only, a register owns a reference")
        return found

    def arrive(self, number: int, target: int, state: Claim, takes_fuel: bool) -> None:
        """Follows a jump from a word."""
        if not takes_fuel:
            self.out.append((number, target))
        stub = self.verifier.stubs.get(target)
        word, exit_number = self.word_at(target)
        if stub is not None:
            claim = self.verifier.claim_of_stub(stub)
            self.expect(target, claim, owned_by(claim), state)
            if word is not None:
                self.stop_at_stub(target, exit_number, {**claim, **self.fixed})
            return
        known = self.points.get(target) or self.verifier.points.get(target)
        if known is not None:
            self.expect(target, *known, state)
            if takes_fuel and word is not None:
                self.expect(target, *self.verifier.exit(exit_number), {**known[0], **self.fixed})
            if word is not None and target not in self.walked:
                self.arrived.setdefault(target, {**known[0], **self.fixed})
                heappush(self.waiting, target)
        elif target in self.verifier.grown and word is None:
            self.expect_grown(target, state)
        elif word is None or takes_fuel or target in self.walked and target <= number:
            raise refusal(f"word {number}: jumps to word {target}, which is no place to go on")
        else:
            self.meet(number, target, state)

    def expect_grown(self, target: int, state: Claim) -> None:
        """A stub that code has been made of is a jump to that."""
        known = self.verifier.points.get(self.verifier.grown[target])
        if known is None:
            raise refusal(f"word {target} is no stub any more")
        self.expect(target, *known, state)

    def meet(self, number: int, target: int, state: Claim) -> None:
        """A jump to one of the words that are added, from before it."""
        known = self.arrived.get(target)
        apart = target >= self.growth.stub_start
        if known is None:
            self.arrived[target] = dict(state)
        elif target not in self.walked:
            self.arrived[target] = self.merged(target, known, state)
        else:
            self.expect(target, known, owned_by(known), state)
        if not apart:
            heappush(self.waiting, target)
        elif target not in self.walked:
            kept = self.state
            self.walk(target)
            self.state = kept

    def expect(self, number: int, claim: Claim, owned: frozenset[int], state: Claim) -> None:
        """Checks that registers hold what is read of them, and which ones own references."""
        for register, kind in claim.items():
            found = state.get(register, NOTHING)
            if found != kind and (kind not in OBJECTS or found not in OBJECTS or kind == OWNED):
                raise refusal(f"word {number}: register {register} holds {found!r} in place of {kind!r}")
        for register, found in state.items():
            if found == OWNED and register not in owned:
                raise refusal(f"word {number}: nobody drops the reference of register {register}")

    def stop_at_stub(self, number: int, exit_number: int, state: Claim) -> None:
        self.expect(number, *self.verifier.exit(exit_number), state)

    # -- Instructions -----------------------------------------------------------------------------------------------

    def execute(self, number: int, word: tuple[int, ...], exit_number: int, effect: Effect) -> None:
        state = self.state
        for place, kinds in effect.reads:
            if state.get(word[place], NOTHING) not in kinds:
                self.refuse_read(number, word, place, kinds)
        if effect.items and (
            state.get(word[effect.items], NOTHING) not in OBJECTS or state.get(word[effect.items] + 1) != INT
        ):
            raise refusal(f"word {number}: {effect.name} reads an iterator at register {word[effect.items]}")
        if effect.numbers and any(state.get(word[effect.numbers] + offset) != INT for offset in range(3)):
            raise refusal(f"word {number}: {effect.name} reads a range at register {word[effect.numbers]}")
        if effect.sum and any(state.get(word[effect.sum] + offset) != FLOAT for offset in range(2)):
            raise refusal(f"word {number}: {effect.name} reads a sum at register {word[effect.sum]}")
        for place, size in ((effect.items, 2), (effect.numbers, 3)):
            own = range(word[place], word[place] + size)
            if place and (self.fixed.keys() & own or any(word[written] in own for written, _ in effect.writes)):
                raise refusal(f"word {number}: {effect.name} writes to its own iterator, or to a constant")
        self.check_numbers(number, word, effect)
        if effect.exits:
            claim, owned = self.verifier.exit(exit_number)
            if effect.name == "RETURN_OWNED":
                claim, owned = {**claim, word[2]: OWNED}, owned | {word[2]}
            self.expect(number, claim, owned, state)
        if effect.name == "STUB":
            claim = self.verifier.claim_of_stub(word[6])
            self.out.append((number, number))
            self.expect(number, claim, owned_by(claim), state)
        self.follow(number, word, effect)

    def refuse_read(self, number: int, word: tuple[int, ...], place: int, kinds: str) -> None:
        found = self.state.get(word[place], NOTHING)
        name = BY_OPCODE[word[0]].name
        raise refusal(f"word {number}: {name} reads register {word[place]} as one of {kinds!r}, and it is {found!r}")

    def check_numbers(self, number: int, word: tuple[int, ...], effect: Effect) -> None:
        name = effect.name
        if name == "LOAD_OBJECT" and not 0 <= word[6] < len(self.tables.objects):
            raise refusal(f"word {number}: there is no object {word[6]}")
        if effect.gathering:
            self.check_gathering(number, word[effect.gathering])
        if name in LIMITS and not 0 <= word[6] < LIMITS[name]:
            raise refusal(f"word {number}: {name} has {word[6]} in operand e")
        if name in SCALARS and numpy_now() is None:
            raise refusal(f"word {number}: {name} in a process that has no scalars")
        if (place := SCALARS.get(name)) and self.state[word[place]] != scalar(word[6]):
            raise refusal(f"word {number}: {name} reads a number of another kind")
        if name.startswith("TEXT_EXTEND") and word[2] != word[3]:
            raise refusal(f"word {number}: {name} extends a text in another register")

    def check_gathering(self, number: int, gathering: int) -> None:
        if not 0 <= gathering < len(self.tables.call_outs):
            raise refusal(f"word {number}: there is no gathering {gathering}")
        iterator = self.tables.iterator(gathering)
        if iterator is not None:
            self.expect_iterator(number, iterator)
        for register, kind in self.tables.gathered(gathering):
            if kind != "n" and self.state.get(register, NOTHING) not in SOURCES[kind]:
                found = self.state.get(register, NOTHING)
                raise refusal(f"word {number}: gathers register {register} as {kind!r}, and it is {found!r}")

    def follow(self, number: int, word: tuple[int, ...], effect: Effect) -> None:
        """Changes the state by the instruction, and follows its jump."""
        target, before = word[effect.target], self.state
        if effect.way == "next":
            if effect.target:
                self.arrive(number, target, before, effect.takes_fuel)
            self.change(number, word, effect)
        elif effect.way == "both":
            self.change(number, word, effect)
            for place, kinds in effect.late:
                if self.state.get(word[place], NOTHING) not in kinds:
                    self.refuse_read(number, word, place, kinds)
            if effect.target:
                self.arrive(number, target, self.state, effect.takes_fuel)
        elif effect.way == "jump":
            self.state = dict(before)
            self.change(number, word, effect)
            self.arrive(number, target, self.state, effect.takes_fuel)
            self.state = before
        else:
            self.store(number, word, effect, target)

    def store(self, number: int, word: tuple[int, ...], effect: Effect, target: int) -> None:
        """A store into an object passes its value on; where it jumps, the old value is in a register."""
        self.give(word, effect)
        kept = self.state
        self.state = dict(kept)
        self.write(number, word[effect.writes[0][0]], OWNED)
        self.arrive(number, target, self.state, False)
        self.state = kept
        kept.pop(word[effect.writes[0][0]], None)

    def change(self, number: int, word: tuple[int, ...], effect: Effect) -> None:
        state = self.state
        self.give(word, effect)
        if effect.gathering:
            self.pass_on(number, word, effect)
        if effect.name in EFFECTS:
            for register in [register for register, kind in state.items() if kind == BORROWED]:
                del state[register]
        if effect.name.startswith("CALL_") and effect.name in TAKING:
            for register in self.tables.call_outs[word[6]].targets:
                self.write(number, register, OWNED)
        if effect.copies:
            self.copy(number, word, effect)
        for place, kind in effect.writes:
            self.write(number, word[place], scalar(word[6]) if effect.name == "UNBOX_SCALAR" else kind)
        if effect.made:
            for offset in range(3):
                self.write(number, word[effect.made] + offset, INT)

    def give(self, word: tuple[int, ...], effect: Effect) -> None:
        for place in effect.given:
            if effect.name.startswith("RELEASE"):
                del self.state[word[place]]
            else:
                self.state[word[place]] = BORROWED

    def pass_on(self, number: int, word: tuple[int, ...], effect: Effect) -> None:
        if effect.name not in TAKING:
            return
        iterator = self.tables.iterator(word[effect.gathering])
        for register, kind in () if iterator is None else held_by(iterator):
            if kind == OWNED:
                self.state[register] = BORROWED
        for register, kind in self.tables.gathered(word[effect.gathering]):
            if kind == "o":
                if self.state.get(register) != OWNED:
                    raise refusal(
                        f"word {number}: {effect.name} passes the reference of register {register} on, which owns none"
                    )
                self.state[register] = BORROWED

    def copy(self, number: int, word: tuple[int, ...], effect: Effect) -> None:
        """A reference that is moved is owned by the register that it is moved to; by the last one, where it is moved on at once."""
        moved = [(word[to], word[source], self.state[word[source]]) for to, source in effect.copies]
        last = {source: to for to, source, _ in moved}
        for _, source, kind in moved:
            if kind == OWNED and last[source] != source:
                self.state[source] = BORROWED
        for to, source, kind in moved:
            if to != source:
                self.write(number, to, kind if kind != OWNED or last[source] == to else BORROWED)

    def write(self, number: int, register: int, kind: str) -> None:
        if not 0 <= register < self.verifier.count or register in self.fixed:
            raise refusal(f"word {number}: writes register {register}")
        if self.state.get(register) == OWNED:
            raise refusal(f"word {number}: loses the reference of register {register}")
        self.state[register] = kind


def scalar(kind: int) -> str:
    return FLOAT if kind >= FIRST_FLOAT else INT


def held_at(point: Exit) -> Held:
    """Returns what registers hold at a side exit, or where code may be entered."""
    claim = claim_of((*point.variables, *point.stack, *point.released))
    return claim, owned_by(claim)


def claim_of(values: Iterable[Value | None]) -> Claim:
    """Returns what registers hold for values; of two that share a register the one that owns it counts."""
    claim: Claim = {}
    for value in values:
        if value is not None:
            for register, kind in held_by(value):
                if claim.get(register) != OWNED:
                    claim[register] = kind
    return claim


def held_by(value: Value) -> Iterator[tuple[int, str]]:
    kind, register = value.kind, value.register
    if register >= 0:
        if kind in INTS or kind == "counted":
            yield register, INT
        elif kind in FLOATS:
            yield register, FLOAT
        elif kind in ("object", "items"):
            yield register, OWNED if value.owned else BORROWED
        if kind == "items":
            yield register + 1, INT
        elif kind == "range":
            yield from ((register + offset, INT) for offset in range(3))
    for part in value.parts:
        yield from held_by(part)


def owned_by(claim: Claim) -> frozenset[int]:
    return frozenset([register for register, kind in claim.items() if kind == OWNED])


def refusal(text: str) -> BlueprintError:
    return BlueprintError("the code of a kernel is malformed", [text])
