"""Calls that are made in place: the code of a small function without effects becomes a part of its caller's.

    for x, w in enumerate(ws):              UNBOX_FLOAT ..          the items, as before
        t += weight(i, x) * w               EXPECT_CODE weight, ..  is it the same function still?
                                            ADD_INT t1, i, x        its instructions, on the caller's registers
    def weight(i, j):                       DIVIDE_INT t2, one, t1
        return 1 / (i + j)                  MUL_FLOAT ..            the caller goes on with a number

The function has no loop and changes nothing. So wherever it cannot go on (a rare class, a sum past 64 bits, an exception), nothing has
happened: a side exit there is one at the call, and where a class is not the expected one, the call is made as any other. Classes are
expected to be those that the function's own kernel has met first (`Translator.met`), so it is inlined only when it has been called, and when
its caller's code is hot: see `Translator.renew`.

A store may come last: behind it there is nothing but the return.
"""

from __future__ import annotations

from types import FunctionType
from typing import NamedTuple

from cascade._vm import BlockKernel
from cascade.instructions.kernel import KERNEL_INSTRUCTIONS
from cascade.kernels.assemble import Label
from cascade.kernels.blocks.chunks import OutOfRegisters
from cascade.kernels.blocks.inlined_values import (
    Borrowed,
    Mixed,
    NotInlined,
    NotMet,
    common_kind,
    is_borrowed,
    joined,
    may_die,
    owned_in,
    registers_in,
)
from cascade.kernels.blocks.points import (
    CALLED,
    OF_HOLDS,
    OF_LENGTH,
    OF_UNEQUAL,
    Callee,
    Ended,
    Exit,
    LeavesTyped,
    Stub,
    Unseen,
)
from cascade.kernels.blocks.translator import FORMS, Translator
from cascade.kernels.blocks.values import (
    DISPLAY,
    NULL,
    PLAIN,
    UNBOXED,
    State,
    Value,
    constant_value,
)  # fmt: skip
from cascade.kernels.model import BOOL, NONE, OBJECT

LENGTH_LIMIT = 80
"""Instructions of CPython's of a function that is inlined."""
DEPTH_LIMIT = 4
"""Functions that are inlined one in the other."""
ROOM = 24
"""Scratch registers that have to be free."""
SIZE_LIMIT = 400
"""Instructions that are made for one call: each path of a function is translated on its own, and there may be very many."""
ALLOWED = frozenset(
    (
        "RESUME", "NOP", "CACHE", "PRECALL", "NOT_TAKEN", "KW_NAMES", "PUSH_NULL", "POP_TOP", "COPY", "SWAP",
        "LOAD_CONST", "LOAD_FAST", "LOAD_FAST_CHECK", "LOAD_FAST_LOAD_FAST", "STORE_FAST", "STORE_FAST_STORE_FAST", "STORE_FAST_LOAD_FAST",
        "LOAD_GLOBAL", "LOAD_ATTR", "LOAD_METHOD", "CALL", "BUILD_TUPLE", "UNPACK_SEQUENCE", "BINARY_SUBSCR", "STORE_SUBSCR",
        "BINARY_OP", "COMPARE_OP", "IS_OP", "CONTAINS_OP", "TO_BOOL",
        "UNARY_NOT", "UNARY_NEGATIVE", "UNARY_POSITIVE", "UNARY_INVERT",
        "POP_JUMP_IF_TRUE", "POP_JUMP_IF_FALSE", "POP_JUMP_FORWARD_IF_TRUE", "POP_JUMP_FORWARD_IF_FALSE",
        "POP_JUMP_IF_NONE", "POP_JUMP_IF_NOT_NONE", "POP_JUMP_FORWARD_IF_NONE", "POP_JUMP_FORWARD_IF_NOT_NONE",
        "JUMP_IF_TRUE_OR_POP", "JUMP_IF_FALSE_OR_POP", "JUMP_FORWARD",
    )
)  # fmt: skip
"""Instructions that may stand in a function that is inlined."""
PURE = frozenset(
    row.name
    for row in KERNEL_INSTRUCTIONS
    if row.free and (not row.ends or row.name == "JUMP") and not row.takes_fuel and row.name not in ("STUB", "CALL")
    if not any(operand.role == "range" for operand in row.operands.values())
) | frozenset(
    (
        "OWN", "BORROW", "RELEASE", "RELEASE_COMPLEX", "BOX_INT", "BOX_FLOAT", "BOX_BOOL", "BOX_CHAR", "BOX_SCALAR", "TRUTH",
        "NAME_ITEM", "CELL_ITEM", "EXPECT_ROOM", "EXPECT_CODE", "EXPECT_FUNCTION", "EXPECT_TAG", "EXPECT_OWN_TAG", "EXPECT_NO_VALUE",
        "EXPECT_NO_ITEM", "EXPECT_LATIN", "EXPECT_DICT", "EXPECT_BUFFER", "EXPECT_VIEW", "EXPECT_NUMBERS", "EXPECT_SCALARS",
        "LIST_ITEM", "TUPLE_ITEM", "LIST_HOLDS_INT", "LIST_HOLDS_FLOAT", "TUPLE_HOLDS_INT", "TUPLE_HOLDS_FLOAT", "SIZE",
        "TEXT_ITEM", "BYTES_ITEM", "TEXT_SIZE", "CHAR_OF", "ORD", "TEXT_IS_CHAR", "TEXT_HOLDS_CHAR", "TEXT_EQUAL", "TEXT_NOT_EQUAL",
        "TEXT_ORDER", "BYTES_ORDER", "BYTEARRAY_ITEM", "BUFFER_AT", "VIEW_AT1", "VIEW_AT2", "VIEW_DIMENSION", "DEQUE_ITEM",
        "DICT_ITEM_INT", "DICT_GET_INT", "DICT_HOLDS_INT", "DICT_ITEM_STR", "DICT_GET_STR", "DICT_HOLDS_STR", "DICT_ITEM", "DICT_GET",
        "DICT_HOLDS", "DICT_ITEM_TUPLE", "DICT_GET_TUPLE", "DICT_HOLDS_TUPLE", "DICT_SIZE",
        "SET_HOLDS_INT", "SET_HOLDS", "SET_HOLDS_TUPLE", "SET_SIZE",
        "ATTRIBUTE_SLOT", "ATTRIBUTE_VALUE", "ATTRIBUTE_ITEM", "CLASS_ITEM", "OWN_ITEM", "IS_INSTANCE", "TYPE_OF",
    )
)  # fmt: skip
"""Instructions that change nothing and raise nothing themselves, so that the call may be made instead, behind any of them."""
STORES = ("LIST_STORE_", "WRITE_", "ARRAY1_STORE_", "ARRAY2_STORE_", "BYTEARRAY_STORE")
"""Beginnings of the names of stores; a store that exits has not been made."""
BEHIND_A_STORE = ("RELEASE", "RELEASE_COMPLEX", "MOVE", "OWN", "LOAD_INT", "LOAD_FLOAT", "LOAD_OBJECT", "JUMP")
"""Instructions that may stand between a store and the end: none after which the call could be made once more."""


class Path(NamedTuple):
    """Where a path of the function begins: the state there, and how much had been made before it.

    Attributes:
        label: leads there; None at the start of the function and behind a conditional jump.
        free: the scratch registers that are not in use.
    """

    label: Label | None
    offset: int
    state: State
    free: list[int]
    items: int
    branches: int
    waiting: int


class Inlined(Translator):
    """The code of a function as a part of another one's.

    It writes to the tables and the chunk of that one. Variables are values, not registers of their own: a store is nothing but
    another value, and a load pushes it, as that of the variable.

    Attributes:
        outer: the caller's.
        exit: the side exit at the outermost call; `stub` the stub that makes that call.
        fixed: the registers of the arguments, which are not the function's.
        passed_on: those of them that nobody but the function has: such an object may die where its parameter gets another value.
        began: how much had been made before the outermost call.
        branches: paths that are still to be translated.
        last_holders: of the registers `passed_on` the number of the last variable that has the object when the function returns.
        common: the kind that all results are made where paths return several, or None.
        stored: whether the store has come on the present path; `has_stored` whether there is one on any.
    """

    def __init__(
        self,
        outer: Translator,
        callee: Translator,
        arguments: list[Value | None],
        passed_on: set[int],
        common: str | None = None,
    ) -> None:
        self.outer, self.function, self.code, self.text = outer, callee.function, callee.code, callee.text
        self.registers, self.space, self.chunk = outer.registers, outer.space, outer.chunk
        self.exits, self.call_outs, self.objects, self.callees = (
            outer.exits,
            outer.call_outs,
            outer.objects,
            outer.callees,
        )
        self.points, self.names_used, self.kernel_of = outer.points, outer.names_used, outer.kernel_of
        self.met, self.assigned, self.lines = callee.met, callee.assigned, callee.lines
        self.state = State(arguments, [], outer.state.guarded, outer.state.epoch)
        self.fixed = {value.register for value in arguments if value is not None and value.register >= 0}
        self.fixed |= {part.register for value in arguments if value is not None for part in value.parts}
        self.passed_on, self.common = passed_on, common
        self.root: Translator = outer.root if isinstance(outer, Inlined) else outer
        self.began: int = outer.began if isinstance(outer, Inlined) else len(outer.chunk.items)
        self.depth: int = outer.depth + 1 if isinstance(outer, Inlined) else 1
        self.exit: Exit
        self.stub: Stub
        if isinstance(outer, Inlined):
            self.exit, self.stub = outer.exit, outer.stub
        else:
            assert outer.leaving is not None
            self.exit, self.stub = outer.leaving, Stub(outer.offset, outer.kept(), 0, 0, CALLED)
        self.waiting: list[tuple[Label, Stub, object]] = []  # type: ignore[assignment]
        self.branches: list[Path] = []
        self.stored = self.has_stored = False
        self.consumer, self.version, self.verifier, self.found = None, None, None, None
        self.offset, self.leaving, self.general, self.moved = 0, None, False, False
        self.keywords, self.call_start, self.plain_call, self.hot = (), -1, False, True
        self.met_functions, self.made_kernels, self.partials, self.fragments = callee.met_functions, {}, {}, {}
        self.plain_callees = callee.plain_callees
        self.bound_methods, self.met_classes = callee.bound_methods, callee.met_classes
        self.not_inlined = outer.not_inlined
        self.inlined_count = 0
        self.last_holders: dict[int, int] | None = None

    # -- Where it cannot go on ------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """A side exit is one at the outermost call, which drops the references of the functions in between."""
        self.leaving = self.exit._replace(released=self.released())

    def released(self) -> tuple[Value, ...]:
        """Returns the values that this function, and those that it is inlined in, own now."""
        held = self.own_values()
        self.chunk.pinned.update(value.register for value in held if value.register in self.chunk.names)
        return (*(self.outer.released() if isinstance(self.outer, Inlined) else ()), *map(self.placed, held))

    def own_values(self) -> list[Value]:
        values = (*self.state.variables, *self.state.stack)
        return [each for value in values if value is not None for each in owned_in(value)]

    def otherwise(self) -> Label:
        label = Label()
        self.root.waiting.append((label, self.stub._replace(released=self.released()), None))
        return label

    def another(self, place: int, tried: int) -> Label:
        return self.otherwise()

    def emit_with(self, name: str, operands: dict[str, int], target: Label | None = None) -> None:
        if self.stored and name not in BEHIND_A_STORE:
            raise NotInlined
        if name.startswith(STORES):
            self.expect_others_to_last()
            self.stored = self.has_stored = True
        elif name not in PURE:
            raise NotInlined
        super().emit_with(name, operands, target)

    def expect_others_to_last(self) -> None:
        """Behind a store, an item that was borrowed from its container may be gone: no caller may have one."""
        outer = self.outer
        while True:
            inlined = isinstance(outer, Inlined)
            values = (*outer.state.stack, *outer.state.variables) if inlined else outer.state.stack
            fixed = outer.fixed if isinstance(outer, Inlined) else set()
            if any(is_borrowed(each, fixed) for value in values if value is not None for each in (value, *value.parts)):
                raise NotInlined if inlined else Borrowed
            if not isinstance(outer, Inlined):
                return
            outer = outer.outer

    def keep_from_store(self) -> None:
        """The same of the function's own values: what it drops when it returns must not run code of users then."""
        values, stack = self.state.variables, self.state.stack
        container = stack[-2]
        for place, value in enumerate(values):
            if value is not None and value.register != container.register:
                values[place] = self.lasting_behind_store(value)
        for place, value in enumerate(stack[:-3]):
            stack[place] = self.lasting_behind_store(value)
        self.refresh()

    def lasting_behind_store(self, value: Value) -> Value:
        if value.passed_apart:
            return value
        if value.parts or (value.owned and value.cls not in PLAIN):
            raise NotInlined
        if not is_borrowed(value, self.fixed):
            return value
        if value.cls is None:
            raise NotInlined
        return self.own(value)

    def before_effect(self) -> None:
        raise NotInlined

    def before_call_out(self) -> None:
        raise NotInlined

    def leave(self) -> None:
        raise NotInlined

    def put_point(self, label: Label, *taken: Value) -> None:
        raise NotInlined

    # -- Values ---------------------------------------------------------------------------------------------------------

    def let_go(self, value: Value) -> None:
        """Drops the reference of a value. Only objects that were made here can die, so no code of users runs."""
        if value.cls not in PLAIN:
            self.keep_borrowed()
        self.release(value)

    def keep_borrowed(self) -> None:
        """An object is dropped that other values may be borrowed from."""
        super().before_effect()
        for number, value in enumerate(self.state.variables):
            if value is not None and is_borrowed(value, self.fixed):
                self.state.variables[number] = self.own(value)

    def drop(self, value: Value) -> None:
        if value.register not in self.fixed:
            super().drop(value)

    def unbox(self, place: int, value: Value, number: Value) -> None:
        if value.local < 0:
            super().unbox(place, value, number)
            return
        held = self.state.variables[value.local]
        self.replace(place, number)
        if held is not None and held.owned:
            self.emit("RELEASE", a=held.register)

    def replace(self, place: int, value: Value) -> None:
        local = self.state.stack[place].local
        held = self.state.variables[local] if local >= 0 else None
        super().replace(place, value)
        if held is not None:
            self.state.variables[local] = value._replace(local=-1, owned=held.owned and value.kind == OBJECT)

    def store(self, local: int, value: Value) -> None:
        old = self.state.variables[local]
        if old is not None and old.register in self.passed_on:
            raise NotInlined  # it dies here, not behind the call
        self.save_aliases(local)
        if value.register in self.fixed:
            pass  # it stays there
        elif value.local >= 0 and value.kind == OBJECT:
            value = self.own(value)
        elif value.local >= 0:
            result = self.temporary()
            self.emit("MOVE", a=result, b=self.register(value))
            value = value._replace(register=result)
        if value.register in self.chunk.names:
            self.chunk.pinned.add(value.register)
        self.state.variables[local] = value._replace(local=-1)
        if old is not None:
            self.consume(old)

    # -- Paths ----------------------------------------------------------------------------------------------------------

    def jump_label(self, offset: int, back: bool = False) -> tuple[Label, bool]:
        if back:
            raise NotInlined
        label = Label()
        self.pin()
        self.branches.append(self.path(label, offset))
        return label, False

    def go_to(self, offset: int, back: bool = False) -> None:
        if back:
            raise NotInlined
        self.offset, self.moved = offset, True

    def path(self, label: Label | None, offset: int) -> Path:
        sizes = len(self.chunk.items), len(self.branches), len(self.root.waiting)
        return Path(label, offset, self.state.copy(), list(self.chunk.free), *sizes)

    def pin(self) -> None:
        """Temporaries that several paths may read are written."""
        for value in (*self.state.variables, *self.state.stack):
            if value is not None:
                self.chunk.pinned.update(each for each in registers_in(value) if each in self.chunk.names)

    def dispatch(self, place: int) -> None:
        """A value is expected to be of the class that the function's own kernel has met there."""
        met = self.met.get((self.offset, place))
        if met is None:
            raise NotMet
        before = self.state.stack[place]
        self.see(place, met.cls, met.like, 0)
        if self.state.stack[place].unseen or self.state.stack[place] == before:
            raise NotInlined

    def found_here(self, place: int, kind: type) -> object:
        """Nothing stands there now: the function's own kernel would have to have met it."""
        raise NotMet

    def run(self) -> Value:
        """Makes the code, and returns the result: no argument's register, and with a reference of its own."""
        results: list[tuple[Value, bool]] = []
        returned: list[Value] = []
        end, register, start = Label(), self.temporary(), self.path(None, 0)
        self.chunk.pinned.add(register)
        waiting = [start]
        while waiting:
            path = waiting.pop()
            if path.label is not None:
                self.chunk.put(path.label)
                self.state, self.chunk.free = path.state.copy(), list(path.free)
            self.offset, self.stored = path.offset, False
            self.branches = []
            value = self.followed(path is start)
            waiting += self.branches
            if value is None:
                continue
            if not waiting and not results:
                return self.settled(value)
            returned.append(value)
            self.give(value if self.common is None else self.made_common(value, self.common), register, results)
            if waiting:
                self.emit("JUMP", target=end)
        if not results:
            raise NotInlined
        self.chunk.put(end)
        self.state.guarded = all(guarded for _, guarded in results)
        if self.common is None and len({value.kind for value, _ in results}) > 1:
            raise Mixed(common_kind(returned))
        return joined([value for value, _ in results])

    def followed(self, is_first: bool) -> Value | None:
        """Translates a path to its return; None where it ends in making the call after all."""
        part = self.path(None, self.offset)
        while True:
            before = len(self.branches)
            try:
                value = self.step()
            except (NotInlined, LeavesTyped, OutOfRegisters):
                if is_first:
                    raise
                del self.chunk.items[part.items :], self.branches[part.branches :], self.root.waiting[part.waiting :]
                self.state, self.chunk.free, self.leaving = part.state, list(part.free), None
                self.refresh()
                self.emit("JUMP", target=self.otherwise())
                return None
            if value is not None:
                return value
            if len(self.branches) > before:
                self.pin()
                part, is_first = self.path(None, self.offset), False

    def step(self) -> Value | None:
        """Translates an instruction; returns the result where it is the return."""
        instruction = self.text.instructions[self.offset]
        if len(self.chunk.free) < ROOM or len(self.chunk.items) - self.began > SIZE_LIMIT or self.root.is_full:
            raise NotInlined
        self.moved = False
        self.refresh()
        if instruction.name == "RETURN_CONST":
            return constant_value(self.code.co_consts[instruction.arg])
        if instruction.name == "RETURN_VALUE":
            if not self.state.stack[-1].passed_apart:
                self.whole(-1)
            return self.pop()
        if instruction.name not in ALLOWED:
            raise NotInlined
        if instruction.name == "STORE_SUBSCR":
            self.keep_from_store()
        try:
            FORMS[instruction.name](self, instruction)
        except Unseen as unseen:
            self.dispatch(unseen.place)
            return None
        except Ended:
            raise NotInlined from None
        if self.waiting:
            raise NotInlined  # the form has several ways to go on
        if not self.moved and self.offset == instruction.start:
            self.offset = instruction.after
        return None

    def settled(self, value: Value) -> Value:
        """Returns a result that is independent of the function's variables and arguments, which are dropped."""
        value = self.apart(value)
        self.finish()
        return value

    def apart(self, value: Value) -> Value:
        if value.kind == DISPLAY:
            return value._replace(local=-1, parts=tuple(map(self.apart, value.parts)))
        if value.kind not in (OBJECT, NONE, *UNBOXED):
            raise NotInlined
        if value.kind == OBJECT and not value.constant and not value.owned:
            value = self.own(value)
        elif value.kind in UNBOXED and not value.constant and (value.local >= 0 or value.register in self.fixed):
            self.leave_if_nan(value)
            result = self.temporary()
            self.emit("MOVE", a=result, b=value.register)
            value = value._replace(register=result)
        return value._replace(local=-1)

    def made_common(self, value: Value, kind: str) -> Value:
        """Returns the result of a path as one of the common kind; where an object is no such number, the call is made."""
        if value.kind in UNBOXED and kind == OBJECT:
            self.keep_identity(value)
            made = self.temporary()
            self.box(value.kind, made, self.register(value))
            return Value(OBJECT, made, owned=True)
        if value.kind == OBJECT and kind != OBJECT:
            self.push(value)
            self.refresh()
            number = self.temporary()
            self.emit(f"UNBOX_{kind.upper()}", a=number, b=self.register(value), target=self.otherwise())
            self.pop()
            if value.owned:
                self.release(value)
            return Value(kind, number)
        return value

    def give(self, value: Value, register: int, results: list[tuple[Value, bool]]) -> None:
        """Puts the result of one path into the register of all of them."""
        if value.kind == DISPLAY:
            raise NotInlined
        source = self.register(value)
        if value.kind == OBJECT and not (value.owned and not value.constant):
            self.emit("OWN", a=register, b=source)
        elif value.kind == NONE:
            self.emit("OWN", a=register, b=self.registers.none)
        elif value.kind in UNBOXED or value.kind == OBJECT:
            self.emit("MOVE", a=register, b=source)
        else:
            raise NotInlined
        self.finish()
        kind = OBJECT if value.kind == NONE else value.kind
        owned = kind == OBJECT
        cls = type(None) if value.kind == NONE else value.cls
        result = Value(
            kind, register, cls, owned, general=value.general and not value.constant, met=value.met, layout=value.layout
        )
        results.append((result, self.state.guarded))

    def finish(self) -> None:
        held = self.own_values()
        if self.passed_on:
            self.note_last_holders(held)
        for value in held:
            self.release(value)
        self.state.variables, self.state.stack = [None] * len(self.state.variables), []
        self.refresh()

    def note_last_holders(self, held: list[Value]) -> None:
        """Notes the last variable that holds each argument: CPython drops variables in their order, and the argument dies there.

        Raises:
            NotInlined: a variable has another object that may die, between two arguments; or the order differs by the path.
        """
        variables = [(number, value) for number, value in enumerate(self.state.variables) if value is not None]
        if any(map(may_die, held)) or any(is_borrowed(each, self.fixed) and each.cls is None for _, each in variables):
            raise NotInlined
        last = {value.register: number for number, value in variables if value.register in self.passed_on}
        if self.last_holders not in (None, last):
            raise NotInlined
        self.last_holders = last


# -- Calls --------------------------------------------------------------------------------------------------------------


def inlined(translator: Translator, callee: Callee, taken: int, left: int) -> bool:
    """Inlines a call whose operands are the `taken` topmost values of the stack; returns whether that is possible.

    Args:
        left: how many values the call leaves: 1, or 0 where its result is dropped.
    """
    kernel = callee.kernel
    if (
        not translator.hot
        or translator.plain_call
        or callee.defaults is not None
        or callee.iterator is not None
        or callee.joins
    ):
        return False
    assert isinstance(kernel, BlockKernel)
    called: Translator = kernel.translator
    if (
        (translator.offset, called.code) in translator.not_inlined
        or not is_small(translator, called)
        or kernel.retired
        or kernel.stale
        or kernel.exits_often
    ):
        return False
    try:
        tried(translator, callee, called, taken, left)
    except Borrowed:
        if isinstance(translator, Inlined):
            raise
        translator.before_effect()
        try:
            tried(translator, callee, called, taken, left)
        except NotInlined:
            return False
    except NotInlined:
        return False
    translator.inlined_count += 1
    return True


def tried(
    translator: Translator, callee: Callee, called: Translator, taken: int, left: int, common: str | None = None
) -> None:
    """Inlines a call; where that is not possible, everything is as it was before, and `NotInlined` is raised."""
    waiting = translator.root.waiting if isinstance(translator, Inlined) else translator.waiting
    before = len(translator.chunk.items), len(waiting), list(translator.chunk.free)
    state, leaving = translator.state.copy(), translator.leaving
    try:
        put_in_place(translator, callee, called, taken, left, common)
    except (NotInlined, LeavesTyped, OutOfRegisters, Unseen) as found:
        if type(found) not in (NotMet, Borrowed, Mixed):
            translator.not_inlined.add((translator.offset, called.code))
        del translator.chunk.items[before[0] :], waiting[before[1] :]
        translator.chunk.free, translator.state, translator.leaving = before[2], state, leaving
        translator.refresh()
        if isinstance(found, Mixed):
            tried(translator, callee, called, taken, left, found.common)
        elif isinstance(found, NotInlined):
            raise
        else:
            raise NotInlined from found


def is_small(translator: Translator, callee: Translator) -> bool:
    """Returns whether a function is short and has no loop, no cells and no handlers, and is not being inlined already."""
    code = callee.code
    while isinstance(translator, Inlined):
        if translator.code is code or translator.depth >= DEPTH_LIMIT:
            return False
        translator = translator.outer
    return (
        translator.code is not code
        and callee.consumer is None
        and not callee.compared_parameters
        and not (code.co_cellvars or code.co_freevars or code.co_exceptiontable or callee.text.loops)
        and len(callee.text.instructions) <= LENGTH_LIMIT
    )


def put_in_place(
    translator: Translator, callee: Callee, called: Translator, taken: int, left: int, common: str | None
) -> None:
    stack = translator.state.stack
    first = len(stack) - taken
    for place in range(-taken, 0):
        if not stack[place].passed_apart:
            translator.whole(place)
    translator.refresh()
    given = [value for value in stack[first:] if value.kind != NULL]
    passed = given[callee.place + 1 :]
    if len(passed) != len(callee.parameters):
        raise NotInlined
    variables: list[Value | None] = [None] * len(called.code.co_varnames)
    for number, value in zip(callee.parameters, passed, strict=True):
        variables[number] = as_argument(value, number)
    for value in stack:
        translator.chunk.pinned.update(each for each in registers_in(value) if each in translator.chunk.names)
    inner = Inlined(translator, called, variables, {each.register for each in given if may_die(each)}, common)
    inner.refresh()
    inner.emit("EXPECT_ROOM", e=inner.depth)
    known = callee.function or (given[callee.place].known if callee.place >= 0 else None)
    if type(known) is FunctionType:
        function, code = inner.object_register(known), inner.object_register(called.code)
        inner.emit("EXPECT_CODE", a=function, b=code, target=inner.otherwise())
    free = list(translator.chunk.free)
    result = finished(inner, inner.run(), callee.finish)
    kept = {translator.chunk.physical(register) for register in registers_in(result)}
    translator.chunk.free = [number for number in free if number not in kept]
    if isinstance(translator, Inlined):
        translator.stored, translator.has_stored = (
            translator.stored or inner.has_stored,
            translator.has_stored or inner.has_stored,
        )
    translator.state.guarded = inner.state.guarded
    operands = [value for value in stack[first:] if value.kind != NULL]
    if translator.text.instructions[translator.offset].name in CALLS:
        operands[callee.place + 1 :] = as_variables_end(passed, callee.parameters, inner.last_holders or {})
    del stack[first:]
    if left:
        translator.push(result)
    translator.consume(*operands)
    if not left:
        translator.consume(result)


CALLS = ("KW_NAMES", "PRECALL", "CALL", "LOAD_CONST")
"""Instructions at which a call begins (LOAD_CONST with the names of arguments, from CPython 3.13 on); the operands of others die in the order of the stack."""


def as_variables_end(passed: list[Value], parameters: tuple[int, ...], last_holders: dict[int, int]) -> list[Value]:
    """Returns arguments in the order in which they die with the variables of the function."""
    holders = [last_holders.get(value.register, number) for value, number in zip(passed, parameters, strict=True)]
    return [passed[place] for place in sorted(range(len(passed)), key=holders.__getitem__)]


def as_argument(value: Value, number: int) -> Value:
    """Returns an operand as the value of a variable, which borrows it."""
    parts = tuple(part._replace(owned=False, local=number if part.register >= 0 else -1) for part in value.parts)
    return value._replace(owned=False, local=-1, parts=parts)


def finished(inner: Inlined, result: Value, finish: int) -> Value:
    """Finishes the result of a special method as the instruction does."""
    if finish == 0:
        return result
    if finish < OF_UNEQUAL:
        if result.kind == OBJECT and result.cls is None:
            raise NotInlined  # it may be NotImplemented
        return result
    if result.kind != BOOL or finish == OF_LENGTH:
        raise NotInlined
    if finish == OF_HOLDS:
        return result
    if result.constant:
        return Value(BOOL, known=not result.known)
    return inner.computed(BOOL, "EQUAL_INT", result, Value(BOOL, known=False))
