"""The translator of one function: block by block, from stubs.

    def total(xs):              LIST_NEXT   item, xs.., end          version: t is an int
        t = 0                   UNBOX_INT   t1, item, -> stub        the first item was an int
        for x in xs:            ADD_INT     t, t, t1
            t += x              BACK        the version's start
        return t

A *version* is a program point with the facts about the variables and the value stack there. A *stub* is a word that stops the
run: the extension then calls `grow`, which translates what follows, for the values that are in the registers at that time,
and puts a jump in place of the stub. So only what is executed is translated, and an object's class is known when it is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from types import BuiltinFunctionType, CellType, CodeType, FunctionType, MethodDescriptorType, ModuleType
from typing import NamedTuple

from cascade.instructions.kernel import KERNEL_OPCODES
from cascade.kernels.assemble import Code, Label
from cascade.kernels.blocks.chunks import Chunk, OutOfRegisters, add_names
from cascade.kernels.blocks.code_tables import CodeTables
from cascade.kernels.blocks.decode import Function, Instruction, decode
from cascade.kernels.blocks.emitter import Emitter, registers_of
from cascade.kernels.blocks.identities import compared_parameters, copied_classes, relied_on
from cascade.kernels.blocks.instructions import values_of_parameters
from cascade.kernels.blocks.numpy_types import numpy_now
from cascade.kernels.blocks.points import (
    AHEAD,
    BACKWARD,
    CALLED,
    GENERAL,
    HERE,
    Callee,
    Ended,
    Exit,
    Growth,
    LeavesTyped,
    Met,
    Origin,
    Stub,
    Unseen,
    Version,
)  # fmt: skip
from cascade.kernels.blocks.values import (
    FORGOTTEN,
    ITERATED,
    ITERATORS,
    NOTHING,
    NULL,
    PLAIN_ITERATORS,
    TOLD_APART,
    UNBOXED,
    UNKNOWN,
    Iterated,
    KeptState,
    Value,
    shifted,
)
from cascade.kernels.blocks.verify import Tables, Verifier
from cascade.kernels.interruption import as_of_the_program, is_interruption
from cascade.kernels.lasting import has_identity, is_lasting_class
from cascade.kernels.model import BOOL, FLOAT, INT, NONE, OBJECT
from cascade.kernels.values import WIDE

STUB = KERNEL_OPCODES["STUB"]
RENEWALS = 2
"""How often the code from a program point on is made anew."""
VERSION_LIMIT = 8
"""Versions of a program point, before numbers are boxed to have fewer."""
DISPATCH_LIMIT = 6
"""Classes that are told apart at one place."""
STUB_LIMIT = 500
"""Room that is left for stubs."""
CODE_LIMIT = 16_384
"""Words of a kernel. Stubs fill its end backwards, so that what is executed most stands together, without jumps in between."""
EXPECTED: dict[type, str] = {list: "EXPECT_LIST", tuple: "EXPECT_TUPLE", str: "EXPECT_STR"}
"""Instructions that test for a class."""


HIDDEN = 2
"""Registers of a consumer."""


class Consumer(NamedTuple):
    """What takes the values of a generator expression, in place of a function that is called with the generator.

    Attributes:
        name: of the function.
        begin: makes the first state of its hidden variables.
        take: takes the value on top of the stack.
        end: puts the result on the stack.
    """

    name: str
    begin: Callable[[Translator], None]
    take: Callable[[Translator, Instruction], None]
    end: Callable[[Translator], None]


ASSIGNMENTS = ("STORE_GLOBAL", "DELETE_GLOBAL")
MEANT_FOR_GOOD = (FunctionType, BuiltinFunctionType, ModuleType, type)
"""Classes of what names mean for good, as a rule."""
CHANGING: set[tuple[int, str]] = set()
"""Names, by the address of their namespace, that have had several values."""


class Translator(Emitter):
    """The code of one function so far.

    Attributes:
        function: the user's.
        text: its instructions.
        exits, stubs, call_outs: the tables that words refer to.
        found, found_at: the value whose class the code that is being made has been made for, and where: the offset, and the place.
        verifier: verifies what is added, where that is asked for.
        partials, bound_methods, met_classes: of calls of partial objects and of methods that are kept, and of loads from classes, what these
            were, by the offset of the instruction.
        consumer: what takes the values of a generator expression.
        met_functions: functions like those that were met, by the offset of a call, and how many others were met there before.
        plain_callees: Python functions that CPython calls, by the offset of the call.
        made_kernels: those of comprehensions, by the address of their code and the name of the consumer.
        compared_parameters: see identities.py.
        met: the first class that was met where one was needed, by the offset and the place on the stack.
        hot: whether calls are made in place where that is possible; `renewing` while code is made once more.
        plain_call: whether the present instruction's call is not made in place.
        not_inlined: calls that cannot be, by their offset and the code that is called.
        state: the present one.
        chunk: where instructions are emitted.
    """

    plain_iterators = tuple(sorted(PLAIN_ITERATORS, key=id))
    is_interruption = staticmethod(is_interruption)
    as_of_the_program = staticmethod(as_of_the_program)

    values_of_parameters = staticmethod(values_of_parameters)  # for the extension

    def __init__(self, function: FunctionType, consumer: Consumer | None = None) -> None:
        super().__init__(function, 0 if consumer is None else HIDDEN)
        self.consumer = consumer
        self.text: Function = decode(self.code)
        self.tables = CodeTables(self.code)
        self.lines = _lines(self.code)
        self.versions: dict[tuple[object, ...], Version] = {}
        self.counts: dict[int, int] = {}
        self.stubs: list[Stub] = []
        self.stub_words: dict[int, int] = {}
        self.stub_labels: dict[int, Version] = {}
        self.callees: dict[int, Callee] = {}
        self.kernel_of: Callable[[FunctionType, Consumer | None], object] = lambda function, consumer: None
        self.met_functions: dict[tuple[int, int], FunctionType | None] = {}
        self.plain_callees: dict[int, FunctionType] = {}
        self.made_kernels: dict[tuple[int, str], object] = {}
        self.word_count = 0
        self.stub_start = CODE_LIMIT
        self.assigned = frozenset(
            self.code.co_names[each.arg] for each in self.text.instructions.values() if each.name in ASSIGNMENTS
        )
        self.names_used: dict[tuple[int, str], tuple[dict[str, object], str, object]] = {}
        self.relied_on, self.copied_classes = relied_on(function), copied_classes()
        self.compared_parameters = compared_parameters(function)
        self.moved = False
        self.version: Version | None = None
        self.waiting: list[tuple[Label, Stub, Version | None]] = []
        self.keywords: tuple[str, ...] = ()
        self.call_start = -1
        self.fragments: dict[tuple[object, ...], FunctionType] = {}
        self.found: object = None
        self.found_at = (-1, 0)
        self.verifier: Verifier | None = None
        self.partials: dict[int, object] = {}
        self.bound_methods: dict[int, MethodDescriptorType | None] = {}
        self.met_classes: dict[int, type | None] = {}
        self.met: dict[tuple[int, int], Met] = {}
        self.hot = self.renewing = self.plain_call = False
        self.not_inlined: set[tuple[int, CodeType]] = set()
        self.inlined_count = 0

    def has_changed(self, namespace: dict[str, object], name: str, *values: object) -> None:
        """Takes note that a name has got another value: unless it is that of a function or the like, kernels look it up from now on."""
        if not issubclass(type(values[-1]), MEANT_FOR_GOOD):
            CHANGING.add((id(namespace), name))

    def verify(self) -> None:
        """Has what is added to the kernel verified, from the beginning on."""
        tables = Tables(self.registers, self.exits, self.stubs, self.call_outs, self.objects, self.callees)
        self.verifier = Verifier(tables)

    # -- Growth -----------------------------------------------------------------------------------------------------

    def enter(self, kinds: tuple[type | Iterated | None, ...]) -> Growth:
        """Returns the code of a call with arguments of these classes; None stands for any other."""
        variables: list[Value | None] = [None] * self.registers.first_constant
        iterators = []
        for number, kind in enumerate(kinds):
            if isinstance(kind, Iterated):
                iterators.append(shifted(kind.value, self.iterator_slot))
                variables[number] = Value(ITERATED, parts=(iterators[-1],))
            else:
                variables[number] = argument_value(kind, number)
        for place in range(self.registers.variables - len(self.code.co_freevars), self.registers.variables):
            variables[place] = Value(OBJECT, place, CellType)  # the function holds it
        origin = Origin(Label(), None)
        origin.stub = Stub(0, KeptState(tuple(variables), (), False, 0, origin), 0, 0)
        growth = self.grow_from(origin.stub, self.word_count, -1, None)
        if self.verifier is not None:
            self.verifier.verify_entry(growth, kinds, len(self.code.co_freevars), iterators)
        return growth

    @property
    def iterator_slot(self) -> int:
        """The first register of a comprehension's iterator on the stack: only the container in the making stands below it."""
        return self.registers.slot(0 if self.consumer is not None else 1)

    def grow(self, number: int, found: object) -> Growth:
        """Returns the code behind a stub; `found` is the value whose class is needed."""
        stub = self.stubs[number]
        word = self.stub_words[number]
        last = word == self.word_count - 1
        start = word if last else self.word_count
        growth = self.grow_from(stub, start, -1 if last else word, self.stub_labels.get(number), found)
        if self.verifier is not None:
            self.verifier.verify_growth(growth, word, number)
        return growth

    def origins_of(self, calls: list[int]) -> list[Origin]:
        """Returns the program points from which the code leads to calls that may be made in place, by their numbers."""
        found: list[Origin] = []
        for number in calls:
            origin = self.callees[number].origin
            if origin is not None and origin not in found and origin.renewals < RENEWALS:
                found.append(origin)
        return found

    def renew(self, origin: Origin) -> Growth | None:
        """Returns the code from a program point on once more, with calls made in place; None where there are none that can be."""
        number, word, stub, version = len(self.stubs), origin.label.index, origin.stub, origin.version
        self.stubs.append(stub)
        before, count, hot = Snapshot(self, origin), self.inlined_count, self.hot
        origin.renewals += 1
        origin.label = Label()
        if version is not None:
            version.label, version.rotated = origin.label, None
            self.stub_labels[number] = version
        self.hot = self.renewing = True
        try:
            growth = self.grow_from(stub, self.word_count, word, version)
        finally:
            self.renewing, self.hot = False, hot or self.inlined_count > count
        if self.inlined_count == count:
            before.restore(self)
            return None
        if self.verifier is not None:
            self.verifier.verify_renewal(growth, word, number)
        return growth

    def grow_from(
        self, stub: Stub, start: int, jump_from: int, version: Version | None, found: object = None
    ) -> Growth:
        first_exit = len(self.exits)
        self.state = stub.state.state()
        self.forget_classes()
        self.chunk = Chunk(start, self.registers, self.space, registers_of(self.state))
        self.waiting, self.points = [], []
        self.offset = stub.offset
        self.version = version
        self.found, self.found_at = found, (stub.offset, stub.place)
        self.keywords, self.call_start = (), -1
        self.put_origin(stub, version)
        try:
            self.begin(stub, found)
            self.translate()
        except Ended:
            pass
        self.general, self.found = False, None
        for label, waiting, owner in self.waiting:
            self.put_stub(label, waiting, owner, self.chunk.cold)
        words, stubs = self.chunk.words(self.stub_start, lambda number: self.exits[number].stack)
        self.place_exits(first_exit)
        self.word_count, self.stub_start = start + len(words.words), self.stub_start - len(stubs.words)
        for first, part in ((start, words), (self.stub_start, stubs)):
            for index, word in enumerate(part.words):
                if word[0] == STUB:
                    self.stub_words[word[6]] = first + index
        return Growth(
            start, words, jump_from, self.stub_start, stubs, tuple((label.index, point) for label, point in self.points)
        )

    def put_origin(self, stub: Stub, version: Version | None) -> None:
        """Notes that an entry or a version begins here, if one does."""
        origin = self.state.origin
        if version is not None:
            self.put_point(version.label)
            self.new_origin(version, stub.offset)
        elif isinstance(origin, Origin) and not origin.label.placed:
            self.put_point(origin.label)

    def new_origin(self, version: Version, offset: int) -> None:
        if version.origin is None:
            version.origin = Origin(version.label, version)
        origin = self.state.origin = version.origin
        origin.label, origin.stub = version.label, Stub(offset, self.state.kept(self.state.stack), 0, 0)

    def begin(self, stub: Stub, found: object) -> None:
        """Begins with what a stub stands for."""
        if stub.way in (AHEAD, BACKWARD):
            self.chunk.line = self.lines[stub.offset // 2]
            self.refresh()
            self.consume(*stub.released)
            self.go_to(stub.offset, stub.way == BACKWARD)
            return
        if stub.way == CALLED:
            self.chunk.line = self.lines[stub.offset // 2]
            self.consume(*stub.released)
        self.begin_instruction(self.text.instructions[stub.offset])
        self.general, self.plain_call = stub.way == GENERAL, stub.way == CALLED
        if stub.place:
            self.note_met(stub, found)
            joins = stub.offset in self.text.joins and not self.general
            before = self.state.key(stub.offset) if joins else None
            self.see(stub.place, type(found), found, stub.tried)
            if joins and self.state.key(stub.offset) != before:  # else it would go on where it has come from
                self.go_to(stub.offset)  # what comes here with the same facts continues here

    def found_here(self, place: int, kind: type) -> object:
        """Returns the object of a class that stands at a place of the stack now, or None where code cannot be made for it.

        Raises:
            Unseen: code is made for it when this instruction is executed.
        """
        if self.found_at == (self.offset, place) and type(self.found) is kind:
            return self.found
        if self.offset in self.text.joins:
            return None  # a version here does not differ by the object, so that the code would come here for ever
        raise Unseen(place)

    def otherwise(self) -> Label:
        """Returns the label of a stub where the present instruction is made in the way that fits all values."""
        label = Label()
        self.waiting.append((label, Stub(self.offset, self.kept(), 0, 0, GENERAL), None))
        return label

    def await_end(self, label: Label, offset: int, released: tuple[Value, ...]) -> None:
        """Has a stub made for the end of a loop, which drops the iterator's references."""
        placed = tuple(map(self.placed, released))
        self.waiting.append((label, Stub(offset, self.kept(), 0, 0, AHEAD, placed), None))

    def put_stub(self, label: Label, stub: Stub, version: Version | None, items: Code) -> None:
        number = len(self.stubs)
        self.stubs.append(stub)
        if version is not None:
            self.stub_labels[number] = version
        self.leaving = Exit(stub.offset, stub.state.variables, stub.state.stack, stub.released)
        self.chunk.exit = self.new_exit()
        self.chunk.put_stub(label, number, items)

    def translate(self) -> None:
        """Translates from the present offset on, until the block ends."""
        instructions, joins = self.text
        while True:
            instruction = instructions[self.offset]
            self.moved = False
            try:
                if self.chunk.is_full:
                    self.dispatch(0)
                self.begin_instruction(instruction)
                (FORMS.get(instruction.name) or FORMS[""])(self, instruction)
                if self.call_start < 0:  # a call begins before CALL
                    self.general = self.plain_call = False
            except Unseen as unseen:
                self.dispatch(unseen.place)
            except (LeavesTyped, OutOfRegisters):
                self.leave()
            if self.is_full:
                self.leave()
            if not self.moved:
                self.version = None  # that point lies before
                if self.offset == instruction.start:
                    self.offset = instruction.after
                if self.offset in joins:
                    self.go_to(self.offset)

    @property
    def is_full(self) -> bool:
        """Whether there may not be enough room for another instruction of CPython's."""
        chunk = self.chunk
        return chunk.start + len(chunk.items) + len(self.waiting) > self.stub_start - STUB_LIMIT

    def begin_instruction(self, instruction: Instruction) -> None:
        self.chunk.line = self.lines[instruction.start // 2]
        self.refresh()

    @property
    def way(self) -> str:
        """How a stub continues with the present instruction."""
        return GENERAL if self.general else CALLED if self.plain_call else HERE

    def leave(self) -> None:
        self.emit("EXIT")
        raise Ended

    # -- Classes that are met ---------------------------------------------------------------------------------------

    def note_met(self, stub: Stub, found: object) -> None:
        """Takes note of the class that was met first where one is needed, without keeping the object."""
        cls = type(found)
        if not has_identity(cls):
            return
        if cls in TOLD_APART:
            like = found if cls is int and found not in WIDE else LIKE.get(cls)
        else:
            like = next((each for make in LIKES if (each := make(found)) is not None), None)
            if like is None and not is_lasting_class(cls, self.function.__globals__):
                return
        self.met.setdefault((stub.offset, stub.place), Met(cls, like))

    def dispatch(self, place: int) -> None:
        """Ends the block in a stub, which tells the class of a value on the stack."""
        met = self.met.get((self.offset, place)) if self.renewing and place and not self.general else None
        before = self.state.stack[place] if met is not None else None
        if met is not None and before is not None and before.unseen:
            self.see(place, met.cls, met.like, 0)
            if not self.state.stack[place].unseen:
                if self.offset in self.text.joins:
                    self.go_to(self.offset)
                self.moved = True  # the same instruction again
                return
        label = Label()
        self.put_stub(label, Stub(self.offset, self.kept(), place, 0, self.way), None, self.chunk.items)
        raise Ended

    def another(self, place: int, tried: int) -> Label:
        """Returns the label of a stub where the class of a value on the stack is told again."""
        label = Label()
        self.waiting.append((label, Stub(self.offset, self.kept(), place, tried, self.way), None))
        return label

    def see(self, place: int, kind: type, found: object, tried: int) -> None:
        """Begins with a test for a class that a value on the stack may have.

        Args:
            found: such a value, or one that is like it.
        """
        if self.state.stack[place].met is not None:  # it has another class now
            self.replace(place, self.state.stack[place]._replace(met=None, tested=-1))
        value = self.state.stack[place]
        if not has_identity(kind):
            self.replace(place, value._replace(general=True, tries=tried))
            return
        if kind not in TOLD_APART and self.see_by_family(place, kind, found, tried):
            return
        if tried >= DISPATCH_LIMIT or kind not in TOLD_APART:
            told = tried < DISPATCH_LIMIT and kind not in TOLD_APART
            met = kind if told and is_lasting_class(kind, self.function.__globals__) else None
            self.replace(place, value._replace(general=True, met=met, tries=tried))
            return
        otherwise = self.another(place, tried + 1)
        # A NaN stays an object, by whose identity containers know it. Other floats are told apart from it first.
        if kind is bool or (kind is float and (found == found or not tried)) or (kind is int and found in WIDE):
            name = {int: INT, float: FLOAT, bool: BOOL}[kind]
            result = self.temporary()
            self.emit(f"UNBOX_{name.upper()}", a=result, b=value.register, target=otherwise)
            self.unbox(place, value, Value(name, result))
        elif kind is type(None):
            self.emit("EXPECT_NONE", a=value.register, target=otherwise)
            self.unbox(place, value, NOTHING)
        else:
            if kind in EXPECTED:
                self.emit(EXPECTED[kind], a=value.register, target=otherwise)
            else:
                self.emit("EXPECT_CLASS", a=value.register, b=self.object_register(kind), target=otherwise)
            self.replace(place, value._replace(cls=kind))
        self.refresh()

    def see_by_family(self, place: int, kind: type, found: object, tried: int) -> bool:
        """Begins with a test that a family of classes has for itself; returns whether it has one."""
        seer = next(filter(None, (find(kind) for find in SEEN)), None)
        if tried >= DISPATCH_LIMIT or seer is None or not seer(self, place, found, self.another(place, tried + 1)):
            return False
        self.refresh()
        return True

    def unbox(self, place: int, value: Value, number: Value) -> None:
        """A value on the stack, and the variable that it is the value of, become a number or None."""
        if value.local >= 0:
            self.emit("RELEASE", a=value.local)
            if number.kind != NONE:
                self.emit("MOVE", a=value.local, b=number.register)
                number = number._replace(register=value.local)
            self.replace(place, number)
        else:
            self.state.stack[place] = number
            if value.owned:
                self.emit("RELEASE", a=value.register)

    def replace(self, place: int, value: Value) -> None:
        """Replaces what is known of a value on the stack, and of the variable that it is the value of."""
        stack, local = self.state.stack, self.state.stack[place].local
        if local < 0:
            stack[place] = value
            return
        changed = value._replace(local=local, owned=False)
        for other, item in enumerate(stack):
            if item.local == local:
                stack[other] = changed
            elif item.parts:
                parts = tuple(changed if part.local == local else part for part in item.parts)
                stack[other] = item._replace(parts=parts)
        self.state.variables[local] = value._replace(local=-1, owned=value.kind == OBJECT)

    def kept(self) -> KeptState:
        """Returns the state with registers in place of names."""
        add_names(self.state.stack, self.chunk.pinned)
        return self.state.kept(map(self.placed, self.state.stack))

    # -- Control flow -----------------------------------------------------------------------------------------------

    def go_to(self, offset: int, back: bool = False) -> None:
        """Continues at a program point where paths join: in its version for the present facts."""
        self.settle_for_join(offset)
        key = self.state.key(offset)
        version = self.versions.get(key)
        self.offset, self.moved = offset, True
        if version is not None and version.label.placed:
            if version.rotated is not None and back:
                name, register, iterator, label = version.rotated
                self.emit(name, a=register, b=iterator, target=label)
            self.emit("BACK" if back else "JUMP", target=version.label)
            raise Ended
        if version is None:
            version = self.new_version(key, offset)
        self.waiting = [item for item in self.waiting if item[0] is not version.label]
        self.forget_classes()
        if back:
            self.emit(
                "BACK", target=version.label
            )  # others come by the jump back: it takes fuel also where it leads to the next word
        self.put_point(version.label)
        self.version = version
        self.new_origin(version, offset)

    def new_version(self, key: tuple[object, ...], offset: int) -> Version:
        self.counts[offset] = self.counts.get(offset, 0) + 1
        version = self.versions[key] = Version()
        return version

    def await_version(self, version: Version, offset: int) -> None:
        """Has a stub made for a version that is jumped to and not translated."""
        if not version.label.placed and not any(label is version.label for label, _, _ in self.waiting):
            self.waiting.append((version.label, Stub(offset, self.kept(), 0, 0), version))

    def jump_label(self, offset: int, back: bool = False) -> tuple[Label, bool]:
        """Returns the label for a conditional jump in the present state, and whether it lies before."""
        if self.is_settled():
            key = self.state.key(offset)
            version = self.versions.get(key)
            if version is None and self.counts.get(offset, 0) < VERSION_LIMIT:
                version = self.new_version(key, offset)
            if version is not None:
                self.await_version(version, offset)
                return version.label, back
        label = Label()
        stub = Stub(offset, self.kept(), 0, 0, BACKWARD if back else AHEAD)
        self.waiting.append((label, stub, None))
        return label, False

    def is_settled(self) -> bool:
        return all(self.in_place(depth, value) for depth, value in enumerate(self.state.stack))

    def in_place(self, depth: int, value: Value) -> bool:
        kind = value.kind
        if kind == OBJECT:
            return value.known is not UNKNOWN or value.owned and value.register == self.registers.slot(depth)
        return kind in (NULL, NONE) or value.register == self.registers.slot(depth)

    def settle_for_join(self, offset: int) -> None:
        """Moves the values of the stack to their places, and boxes numbers where there are many versions already."""
        state = self.state
        if state.stack:
            self.keep_identity_at(offset)
        if self.counts.get(offset, 0) >= VERSION_LIMIT and state.key(offset) not in self.versions:
            self.generalise()
        moves = []
        for depth, value in enumerate(state.stack):
            if self.in_place(depth, value):
                continue
            if value.kind in ITERATORS:
                raise LeavesTyped
            value = self.owned(depth)
            if value.register >= 0 and value.kind not in (NULL, NONE):
                moves.append((depth, value))
        aside = []
        taken = {self.registers.slot(depth) for depth, _ in moves}
        for depth, value in moves:
            if value.register in taken and len(moves) > 1:
                spare = self.temporary()
                self.emit("MOVE", a=spare, b=value.register)
                value = value._replace(register=spare)
            aside.append((depth, value))
        for depth, value in aside:
            slot = self.registers.slot(depth)
            self.emit("MOVE", a=slot, b=value.register)
            state.stack[depth] = value._replace(register=slot)
            self.chunk.drop(value)

    def keep_identity_at(self, offset: int) -> None:
        """The same of the values on the stack, of which each gets a register of its own where paths join."""
        if not any(value.kind == FLOAT and value.local >= 0 for value in self.state.stack):
            return
        before = self.leaving, self.chunk.exit, self.offset
        self.offset = offset
        self.refresh()
        self.keep_identity(*self.state.stack)
        self.leaving, self.chunk.exit, self.offset = before

    def generalise(self) -> None:
        """Makes objects of the variables that are numbers, and forgets their classes."""
        for number, value in enumerate(self.state.variables):
            if value is not None and value.kind in UNBOXED:
                self.save_aliases(number)
                self.box(value.kind, number, number)
                value = Value(OBJECT, number, owned=True, general=True, tries=FORGOTTEN)
            elif value is not None and value.kind == NONE:
                self.emit("OWN", a=number, b=self.registers.none)
                value = Value(OBJECT, number, owned=True, general=True, tries=FORGOTTEN)
            elif value is not None and value.kind == OBJECT and not value.constant and value.cls is not CellType:
                value = Value(OBJECT, number, owned=value.owned, general=True, tries=FORGOTTEN)
            self.state.variables[number] = value


class Snapshot:
    """Where the code of a function stands, to go back there if what is made of a program point is not used."""

    def __init__(self, translator: Translator, origin: Origin) -> None:
        self.ends = translator.word_count, translator.stub_start
        self.versions, self.counts = translator.versions.copy(), translator.counts.copy()
        self.points = [
            (each, each.label, each.label.placed, each.rotated, each.origin) for each in self.versions.values()
        ]
        self.origin, self.label, self.stub = origin, origin.label, origin.stub

    def restore(self, translator: Translator) -> None:
        translator.word_count, translator.stub_start = self.ends
        translator.versions, translator.counts = self.versions, self.counts
        for version, label, placed, rotated, origin in self.points:
            version.label, version.rotated, version.origin, label.placed = label, rotated, origin, placed
        self.origin.label, self.origin.stub = self.label, self.stub


def argument_value(kind: type | None, number: int) -> Value:
    """Returns an argument of a class that the call has; None stands for any class that is not told apart.

    A scalar of NumPy's is an item of an array that is mapped over, and stands in a register as it is.
    """
    if kind is None:
        return Value(OBJECT, number, owned=True)
    if kind is type(None):
        return NOTHING
    name = {int: INT, float: FLOAT, bool: BOOL}.get(kind)
    if name is None and kind not in TOLD_APART:
        known = numpy_now()
        assert known is not None
        name = known.kinds[kind]
    return Value(OBJECT, number, kind, True) if name is None else Value(name, number)


def _lines(code: CodeType) -> list[int]:
    """Returns the line of each code unit of two bytes; 0 where it has none."""
    lines: list[int] = []
    for start, end, line in code.co_lines():
        lines += [line or 0] * ((end - start) // 2)
    return lines


Seer = Callable[[Translator, int, object, Label], bool]
"""Emits a test for the class of a value on the stack, or a jump to the label, and replaces what is known of it."""
SEEN: list[Callable[[type], Seer | None]] = []
"""Functions that return how a value of a class is seen, if their family knows it."""
LIKE: dict[type, object] = {int: 0, float: 0.0, bool: True, type(None): None}
LIKES: list[Callable[[object], object]] = []
"""Functions that return a value that is seen as another one is, if their family knows it: nobody has to keep that one."""
Form = Callable[[Translator, Instruction], None]
FORMS: dict[str, Form] = {}
"""By the name of CPython's instruction; "" for those without a form."""


def form(*names: str) -> Callable[[Form], Form]:
    """Enters a function as the form of instructions."""

    def enter(function: Form) -> Form:
        for name in names:
            assert name not in FORMS
            FORMS[name] = function
        return function

    return enter
