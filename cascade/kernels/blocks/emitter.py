"""Emitter: the instructions of a block, with the values on the stack and in the variables that they work on."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import FunctionType

from cascade.kernels.assemble import Label, Space, halves
from cascade.kernels.blocks.chunks import FIRST_NAME, Chunk, Registers, bits_of
from cascade.kernels.blocks.points import CallOut, Exit, Unseen
from cascade.kernels.blocks.values import (
    CHAR,
    CODES,
    CONDITION,
    COUNTED,
    DISPLAY,
    FORGOTTEN,
    ITEMS,
    ITERATORS,
    NOTHING,
    NUMBERS,
    PLAIN,
    ROW,
    SCALARS,
    UNBOXED,
    UNKNOWN,
    ZIPPED,
    State,
    Value,
)  # fmt: skip
from cascade.kernels.model import BOOL, FLOAT, NONE, OBJECT

COMPOSED = frozenset((DISPLAY, CONDITION, ROW, ITEMS, COUNTED, ZIPPED))
"""Kinds of values that are dropped by parts."""
UNMADE = frozenset((DISPLAY, CONDITION, ROW, CHAR))
"""Kinds of values whose object is made where it is needed."""
ALIKE: frozenset[type | None] = frozenset((str, bytes, tuple))
"""Classes of which a variable's first value, a constant as a rule, is as good as any later one."""
RELEASES: dict[type | None, str] = {complex: "RELEASE_COMPLEX"}
"""Instructions that drop a reference, where a class has its own."""


class Emitter:
    """Emits instructions, and keeps the state at the present program point.

    Attributes:
        function: the user's.
        exits, call_outs, objects: the tables that words refer to.
        state: the present one.
        chunk: where instructions are emitted.
        offset: of the present instruction of CPython's.
        general: whether the present instruction's usual form does not fit the values.
    """

    def __init__(self, function: FunctionType, hidden: int = 0) -> None:
        self.function = function
        self.code = function.__code__
        self.registers = Registers(self.code, hidden)
        self.space = Space()
        self.exits: list[Exit] = []
        self.call_outs: list[CallOut] = []
        self.objects: list[object] = []
        self.state = State([], [], False)
        self.chunk = Chunk(0, self.registers, self.space, ())
        self.offset = 0
        self.leaving: Exit | None = None
        self.points: list[tuple[Label, Exit]] = []
        self.epochs = 0
        self.general = False

    def refresh(self) -> None:
        """From here on a side exit has the present state.

        A condition on the stack is no value. Where no code has been made since the last state, an exit begins there, at the comparison.
        """
        stack = self.state.stack
        if self.leaving is not None:
            for value in stack:
                if value.kind == CONDITION:
                    return
        self.leaving = tuple.__new__(Exit, (self.offset, tuple(self.state.variables), tuple(stack), ()))

    def placed(self, value: Value) -> Value:
        """Returns a value with a register in place of a name."""
        if value.register < FIRST_NAME and not value.parts:
            return value
        parts = tuple(map(self.placed, value.parts)) if value.parts else ()
        return value.moved(self.chunk.physical(value.register), parts)

    def new_exit(self) -> int:
        """Returns the number of the side exit with the state of the last `refresh`."""
        if self.leaving is not None:
            self.exits.append(self.leaving)
            self.leaving = None
        return len(self.exits) - 1

    def place_exits(self, first: int) -> None:
        """Puts registers in place of the names in the side exits of a chunk."""
        placed: dict[int, Value] = {}  # by the address of the value, which several exits have
        for number in range(first, len(self.exits)):
            offset, variables, before, released = self.exits[number]
            stack = []
            changed = False
            for value in before:
                if value.register >= FIRST_NAME or value.parts:
                    changed = True
                    if id(value) not in placed:
                        placed[id(value)] = self.placed(value)
                    value = placed[id(value)]
                stack.append(value)
            if changed:
                self.exits[number] = tuple.__new__(Exit, (offset, variables, tuple(stack), released))

    # -- Emission ---------------------------------------------------------------------------------------------------

    def emit(self, name: str, *, target: Label | None = None, **operands: int) -> None:
        self.emit_with(name, operands, target)

    def emit_with(self, name: str, operands: dict[str, int], target: Label | None = None) -> None:
        if self.leaving is not None:
            self.chunk.exit = self.new_exit()
        self.chunk.emit_with(name, operands, target)

    def put_point(self, label: Label, *taken: Value) -> None:
        """Puts a label at which code that is made later enters, with the values that an instruction under way has taken."""
        self.chunk.put(label)
        stack = tuple(map(self.placed, (*self.state.stack, *taken)))
        self.points.append((label, Exit(self.offset, tuple(self.state.variables), stack)))

    def temporary(self) -> int:
        return self.chunk.temporary()

    def computed(self, kind: str, name: str, *operands: Value) -> Value:
        """Emits an instruction, and returns its result in a temporary."""
        registers = [self.register(operand) for operand in operands]
        result = self.temporary()
        self.emit_with(name, dict(zip("abcdef", (result, *registers), strict=False)))
        return Value(kind, result)

    def register(self, value: Value) -> int:
        """Returns the register that holds a value; of a constant, one is loaded if need be."""
        if value.register >= 0 or value.known is UNKNOWN:
            return value.register
        if value.kind in NUMBERS:
            return self.number_register(value.kind, value.known)
        if value.kind == NONE:
            return self.registers.none
        return self.object_register(value.known)

    def number_register(self, kind: str, number: object) -> int:
        key = bits_of(kind, number)
        assert key is not None
        if key in self.registers.constants:
            return self.registers.constants[key]
        low, high = halves(key if isinstance(key, bytes) else key.to_bytes(8, sys.byteorder, signed=True))
        result = self.temporary()
        self.emit("LOAD_FLOAT" if kind == FLOAT else "LOAD_INT", a=result, e=low, f=high)
        return result

    def box(self, kind: str, target: int, source: int) -> None:
        """Makes an object of a number or character in a register, with a reference of its own."""
        if kind in SCALARS:
            self.emit("BOX_SCALAR", a=target, b=source, e=SCALARS.index(kind))
        else:
            self.emit(f"BOX_{kind.upper()}", a=target, b=source)
        if kind == CHAR:
            self.emit("OWN", a=target, b=target)

    def row(self, value: Value) -> Value:
        """Makes the row of an array that a value of that kind stands for."""
        made, *subscripts = value.parts
        for depth, subscript in enumerate(subscripts):
            outer, made = made, self.computed(OBJECT, "ARRAY_ROW", made, subscript)._replace(cls=value.cls, owned=True)
            if depth:
                self.emit("RELEASE", a=outer.register)
        return made._replace(layout=value.layout)

    def object_register(self, found: object) -> int:
        """Loads an object, which the code holds, into a temporary."""
        if found is None:
            return self.registers.none
        number = next((number for number, known in enumerate(self.objects) if known is found), -1)
        if number < 0:
            number = len(self.objects)
            self.objects.append(found)
        result = self.temporary()
        self.emit("LOAD_OBJECT", a=result, e=number)
        return result

    # -- The stack --------------------------------------------------------------------------------------------------

    def push(self, value: Value) -> None:
        self.state.stack.append(value)

    def pop(self) -> Value:
        return self.state.stack.pop()

    def seen(self, place: int) -> Value:
        """Returns a value on the stack, whose class is known or can no longer be told."""
        value = self.state.stack[place]
        if value.tries == FORGOTTEN and value.general and value.kind == OBJECT and not self.general:
            held = value if value.owned else self.own(value)
            value = self.state.stack[place] = held._replace(general=False, tries=0)
            self.refresh()
        if value.unseen:
            raise Unseen(place)
        return self.whole(place) if value.kind == CHAR else value

    def consume(self, *values: Value) -> None:
        """Drops values that have been popped, as their instruction is over."""
        for value in values:
            if value.kind in COMPOSED:
                last_first = value.kind in (DISPLAY, ZIPPED)  # as a tuple drops its items
                self.consume(*(reversed(value.parts) if last_first else value.parts))
            if value.owned:
                self.let_go(value)
            self.drop(value)

    def let_go(self, value: Value) -> None:
        """Drops the reference of a value, which may run code of users."""
        if value.cls in PLAIN:
            self.release(value)
            return
        self.before_effect()
        self.release(value)
        self.after_effect()

    def release(self, value: Value) -> None:
        self.emit(RELEASES.get(value.cls, "RELEASE"), a=value.register)

    def drop(self, value: Value) -> None:
        """Notes that the register of a value is no longer needed, if it is the value's own."""
        if value.register >= 0 and value.local < 0:
            self.chunk.drop(value)

    def before_effect(self) -> None:
        """Code of users may run now: values that are only borrowed get references of their own.

        Forms call it before they look at their operands, which are others afterwards.
        """
        changed = False
        for depth, value in enumerate(self.state.stack):
            lasting = value
            if value.kind == OBJECT:
                lasting = self.lasting(value)
            elif value.kind == DISPLAY:
                parts = tuple(self.lasting(part) for part in value.parts)
                lasting = value if parts == value.parts else value._replace(parts=parts)
            elif value.kind == ROW:
                lasting = self.materialised(value)
            if lasting is not value:
                self.state.stack[depth] = lasting
                changed = True
        if changed:
            self.refresh()

    def before_call_out(self) -> None:
        """CPython, or another kernel, may execute something now."""

    def lasting(self, value: Value) -> Value:
        if value.kind == OBJECT and not value.owned and not value.constant and value.local < 0:
            return self.own(value)
        return value

    def protect(self, above: int, dying: frozenset[type] | None = None) -> None:
        """Has borrowed values get references of their own, apart from the `above` topmost ones.

        Args:
            above: values that the instruction takes.
            dying: the classes of the objects that may die; None for objects of any class.
        """
        stack = self.state.stack
        for depth in range(len(stack) - above):
            value = stack[depth]
            if value.kind == DISPLAY:
                kept = value._replace(parts=tuple(self.kept_from(part, dying) for part in value.parts))
            elif value.kind == ROW and dying is None and value.parts[0].local < 0:
                kept = self.materialised(value)
            else:
                kept = self.kept_from(value, dying)
            if kept != value:
                stack[depth] = kept
                self.refresh()

    def kept_from(self, value: Value, dying: frozenset[type] | None) -> Value:
        if dying is not None and value.cls is not None and value.cls not in dying:
            return value
        return self.lasting(value)

    def after_effect(self) -> None:
        self.state.guarded = False
        self.forget_classes()

    def forget_classes(self) -> None:
        """From here on, the class of an object is tested again before the code relies on it."""
        self.epochs += 1
        self.state.epoch = self.epochs

    def own(self, value: Value) -> Value:
        """Returns an object with a reference of its own, in a temporary."""
        source = self.register(value)
        result = self.temporary()
        self.emit("OWN", a=result, b=source)
        return value._replace(register=result, owned=True, local=-1, known=UNKNOWN)

    def owned(self, depth: int) -> Value:
        """Makes a value on the stack independent of variables and borrowed references, and returns it."""
        value = self.state.stack[depth]
        if value.kind in UNMADE and value.kind != CHAR:
            value = self.materialised(value)
        if value.kind == OBJECT and not value.owned:
            value = self.own(value)
        elif value.kind in UNBOXED and (value.local >= 0 or value.constant):
            source = self.register(value)
            result = self.temporary()
            self.emit("MOVE", a=result, b=source)
            value = Value(value.kind, result)
        self.state.stack[depth] = value
        return value

    def materialised(self, value: Value) -> Value:
        """Returns a comparison as a bool, a display as a tuple, and a character as a text."""
        if value.kind == CHAR:
            text = self.computed(OBJECT, "BOX_CHAR", value)._replace(cls=str)
            if value.local < 0:
                self.chunk.drop(value)
            return text
        if value.kind == CONDITION:
            left, right = value.parts
            return self.computed("bool_" if value.general else BOOL, value.name, left, right)
        if value.kind == ROW:
            return self.row(value)
        if value.kind == DISPLAY:
            number = self.gather(None, value.parts, ())
            result = self.temporary()
            self.emit("BUILD_TUPLE", a=result, e=number)
            return Value(OBJECT, result, tuple, True)
        return value

    def whole(self, place: int) -> Value:
        """Returns a value on the stack, which is no comparison, display or character afterwards."""
        value = self.state.stack[place]
        if value.kind in UNMADE:
            value = self.state.stack[place] = self.materialised(value)
            self.refresh()
        return value

    def gather(
        self, function: object, values: tuple[Value, ...], targets: tuple[int, ...], start: int = 0, end: int = 0
    ) -> int:
        """Returns the number of a call-out, or of a container to be made, of values; references that are owned are passed on."""
        sources = []
        self.keep_identity(*values)
        for value in values:
            kind = CODES.get(value.kind, "o" if value.owned or value.kind in ITERATORS else "r")
            register = self.register(value)
            sources.append((self.chunk.physical(register), kind))
            if register in self.chunk.names:
                self.chunk.pinned.add(register)
        self.call_outs.append(CallOut(function, tuple(sources), tuple(map(self.chunk.physical, targets)), start, end))
        return len(self.call_outs) - 1

    def keep_identity(self, *values: Value) -> None:
        """Values are going to be objects, or to stand in a second register. A NaN leaves where a variable holds it.

        It is equal to nothing, so that containers know it by its identity: of a NaN there are never two registers, or one and an object.
        """
        for value in values:
            if value.local >= 0:
                self.leave_if_nan(value)

    def leave_if_nan(self, value: Value) -> None:
        if value.kind == FLOAT and not value.constant:
            self.emit("EXIT_IF_NAN", a=value.register)

    # -- Variables --------------------------------------------------------------------------------------------------

    def save_aliases(self, local: int) -> None:
        """Values on the stack that are the value of a variable get a register of their own, as it is going to change."""
        for depth, value in enumerate(self.state.stack):
            has_part = value.parts and any(part.local == local for part in value.parts)
            if value.local == local or (has_part and value.kind == ROW):  # the parts of a row are never its own
                self.owned(depth)
            elif has_part:
                self.state.stack[depth] = value._replace(parts=tuple(map(self.kept_apart, value.parts)))

    def kept_apart(self, value: Value) -> Value:
        self.state.stack.append(value)
        value = self.owned(len(self.state.stack) - 1)
        self.state.stack.pop()
        return value

    def store(self, local: int, value: Value) -> None:
        """Stores a value that has been popped in a variable."""
        self.save_aliases(local)
        old = self.state.variables[local]
        aside = -1
        if old is not None and old.kind == OBJECT and old.owned:
            aside = self.temporary()
            self.emit("MOVE", a=aside, b=local)
        if value.kind == OBJECT and not value.owned:
            self.emit("OWN", a=local, b=self.register(value))
        elif value.kind != NONE:
            self.emit("MOVE", a=local, b=self.register(value))
        if value.kind == NONE:
            self.state.variables[local] = NOTHING
        else:
            self.state.variables[local] = Value(
                value.kind, local, value.cls, value.kind == OBJECT, general=value.general and value.cls not in ALIKE,
                met=value.met, tested=value.tested, tries=value.tries, layout=value.layout,
            )  # fmt: skip
        if value.register >= 0 and value.local < 0:
            self.chunk.drop(value)
        if old is not None and aside >= 0:
            self.consume(Value(OBJECT, aside, old.cls, True))


def registers_of(state: State) -> Iterator[int]:
    for value in state.stack:
        yield from names_of(value)


def names_of(value: Value) -> Iterator[int]:
    if value.register >= 0:
        yield value.register
    for part in value.parts:
        yield from names_of(part)
