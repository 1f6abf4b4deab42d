"""Frames of continuations and call-outs, as callees, tracers, handlers and weak references see them."""

from __future__ import annotations

import builtins
import dis
import sys
import weakref
from types import CellType, FunctionType
from typing import Any

import pytest

from cascade.kernels.blocks.code_tables import CodeTables
from cascade.kernels.blocks.kernel import block_kernel
from cascade.kernels.blocks.resume import LASTI, ContinuationError, call_out, continuation
from tests.support.outcomes import outcome


def offset(function: FunctionType, name: str, number: int = 0) -> int:
    """Returns the byte offset of an instruction, by its operation; the first one with that name counts as 0."""
    return [step.offset for step in dis.get_instructions(function) if step.opname == name][number]


def frames(look: Any, x: int) -> object:
    y = [x]
    for x in y:
        look(sys._getframe())
        y = x + \
            look(sys._getframe())  # fmt: skip
    return y


def seen(frame: Any) -> tuple[object, ...]:
    code = frame.f_code
    return (
        code.co_name,
        code.co_qualname,
        frame.f_lineno,
        dict(frame.f_locals),
        code.co_firstlineno,
        frame.f_globals is globals(),
    )


def test_a_callee_sees_the_frame_of_the_function_without_hidden_variables():
    plain: list[Any] = []
    resumed: list[Any] = []
    frames(lambda frame: plain.append(seen(frame)) or 1, 5)
    at = offset(frames, "FOR_ITER")
    look = lambda frame: resumed.append(seen(frame)) or 1  # noqa: E731
    assert continuation(frames, at, (0, 1, 2), (True,))(look, 5, [5], iter([5])) == 6
    for one, other in zip(plain, resumed, strict=True):
        assert {**one[3], "look": None} == {**other[3], "look": None}
        assert one[:3] == other[:3] and one[4:] == other[4:]


def failing(x: object, y: object) -> object:
    try:
        z = x.none, y  # type: ignore[attr-defined]
    except KeyError as error:
        return "handled", error
    finally:
        y.append(1)  # type: ignore[attr-defined]
    return z


def place(error: Exception) -> tuple[int, int | None, int | None]:
    """Returns the line and the columns where `failing` raised an exception."""
    trace = error.__traceback__
    while trace.tb_frame.f_code.co_name != "failing":
        trace = trace.tb_next
    line, _, column, end_column = list(trace.tb_frame.f_code.co_positions())[trace.tb_lasti // 2]
    assert line == trace.tb_lineno
    return line, column, end_column


@pytest.mark.parametrize("suppress", [True, False])
def test_an_exception_is_raised_by_the_instruction_and_keeps_its_context_and_cause(suppress: bool):
    at, log = offset(failing, "LOAD_ATTR"), []
    error, context, cause = ValueError("mine"), KeyError("context"), KeyError("cause")
    error.__context__, error.__cause__, error.__suppress_context__ = context, cause, suppress
    raised = continuation(failing, at, (0, 1), (True,), raises=True)
    try:
        raise IndexError("handled meanwhile")
    except IndexError:
        with pytest.raises(ValueError, match="mine") as caught:
            raised("x", log, "x", error)
    assert caught.value is error
    assert (error.__context__, error.__cause__, error.__suppress_context__) == (context, cause, suppress)
    try:
        failing("x", log)
    except AttributeError as plain:
        assert place(plain) == place(error) == (plain.__traceback__.tb_next.tb_lineno, 12, 18)
    assert log == [1, 1]


def test_an_exception_is_caught_by_the_handler_of_the_instruction():
    error, log = KeyError("mine"), []
    raised = continuation(failing, offset(failing, "LOAD_ATTR"), (0, 1), (True,), raises=True)
    assert raised("x", log, "x", error) == ("handled", error)
    assert log == [1]


def test_a_traceback_that_an_exception_has_comes_behind_the_entry_of_the_function():
    def callee() -> None:
        raise ValueError("inside")

    raised = continuation(failing, offset(failing, "LOAD_ATTR"), (0, 1), (True,), raises=True)
    try:
        callee()
    except ValueError as error:
        inside = error
    inside.__traceback__ = inside.__traceback__.tb_next  # type: ignore[union-attr]
    with pytest.raises(ValueError, match="inside") as caught:
        raised("x", [], "x", inside)
    names = [entry.name for entry in caught.traceback]
    assert names == [
        test_a_traceback_that_an_exception_has_comes_behind_the_entry_of_the_function.__name__,
        "failing",
        "callee",
    ]


class Watched:
    """An object that weak references can watch."""


def releasing(x: object, check: Any) -> object:
    x = None
    return check(x)


def test_values_die_as_early_as_in_the_function():
    reference: list[Any] = []

    def watched() -> Watched:
        made = Watched()
        reference[:] = [weakref.ref(made)]
        return made

    def alive(value: object) -> bool:
        del value
        return reference[0]() is not None

    # A local that is replaced, and a value of the stack that a call takes. `assert` would keep the arguments.
    store = next(step.offset for step in dis.get_instructions(releasing) if step.opname.startswith("STORE_FAST"))
    call = next(step.offset for step in dis.get_instructions(releasing) if step.opname in ("PRECALL", "CALL"))
    replaced = continuation(releasing, store, (0, 1), (True,))(watched(), alive, None)
    stack = (False, True, True) if sys.version_info < (3, 13) else (True, False, True)
    taken = continuation(releasing, call, (1,), stack)(alive, alive, watched())
    called = call_out(releasing, call, offset(releasing, "RETURN_VALUE"), (), (), stack, (True,))(alive, watched())
    assert (replaced, taken, called) == (False, False, False)


def traced(x: int) -> int:
    y = x + 1
    for z in (y, y):
        x += z
    return x


def lines_of(call: Any, *arguments: object) -> list[tuple[str, int]]:
    """Returns the events that a tracer sees of a call, with the lines counted from the first one of the function."""
    events: list[tuple[str, int]] = []

    def trace(frame: Any, event: str, _: object) -> Any:
        if frame.f_code is call.__code__:
            events.append((event, frame.f_lineno - frame.f_code.co_firstlineno))
            return trace
        return None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call(*arguments)
    except KeyError:
        pass
    finally:
        sys.settrace(before)
    return events


def test_a_tracer_sees_a_call_of_the_function_and_each_of_its_lines():
    plain = lines_of(traced, 1)
    assert plain[:3] == [("call", 0), ("line", 1), ("line", 2)]
    resumed = lines_of(continuation(traced, offset(traced, "FOR_ITER"), (0, 1), (True,)), 1, 2, iter((2, 2)))
    assert resumed == [("call", 2), *plain[2:]]
    add = offset(traced, "BINARY_OP")
    called = call_out(traced, add, offset(traced, "STORE_FAST"), (), (), (True, True), (True,))
    assert lines_of(called, 1, 2) == [("call", 1), ("line", 1), ("return", 1)]
    heads = {offset(traced, "FOR_ITER"): ("head", (), 1)}
    returning = continuation(traced, offset(traced, "FOR_ITER"), (0, 1), (True,), loop_heads=heads)
    assert lines_of(returning, 1, 2, iter((2, 2))) == [("call", 2), *plain[2:5], ("return", 2)]


def test_call_outs_return_what_is_asked_for():
    names = traced.__code__.co_varnames
    start, end = offset(traced, "BINARY_OP"), offset(traced, "STORE_FAST") + 2
    if sys.version_info >= (3, 13):
        assert names.index("y") == 1
    assert call_out(traced, start, end, (), (1,), (True, True), ())(2, 3) == 5
    assert call_out(traced, start, end, (), (), (True, True), ())(2, 3) is None
    assert call_out(traced, start, end, (0,), (0, 1), (True, True), ())(9, 2, 3) == (9, 5)
    assert call_out(traced, start, end - 2, (), (), (True, True), (True,))(2, 3) == 5
    assert call_out(traced, start, end - 2, (0,), (0,), (True, True, True), (True, True))(9, "a", 2, 3) == (9, "a", 5)
    assert call_out(traced, start, end - 2, (), (), (False, True, True), (False, True))(2, 3) == 5


def making_cells(x: int) -> Any:
    y = x

    def get() -> object:
        return x, y

    y += 1
    return get


def test_cells_are_given_as_cells_and_shared_with_the_functions_that_are_made_of_them():
    names = CodeTables(making_cells.__code__).own_names
    slots = sorted((names.index("x"), names.index("y")))
    by_name = {"x": CellType(5), "y": CellType(6)}
    start = offset(making_cells, "MAKE_FUNCTION") - 6
    start = next(
        step.offset for step in dis.get_instructions(making_cells) if step.opname in ("LOAD_CLOSURE", "BUILD_TUPLE")
    )
    if sys.version_info >= (3, 13):
        start = max(step.offset for step in dis.get_instructions(making_cells) if step.offset < start - 2)
    end = offset(making_cells, "STORE_FAST", -1)
    get = call_out(making_cells, start, end, slots, (), (), (True,))(*(by_name[names[slot]] for slot in slots))
    by_name["y"].cell_contents = "changed"
    assert get() == (5, "changed")


def in_handler(x: object) -> object:
    try:
        raise ValueError(x)
    except ValueError:
        x = 1
        raise KeyError(x)


def test_the_unit_of_an_instruction_that_handlers_keep_is_moved_with_the_code():
    reraise = offset(in_handler, "RERAISE", -1)
    lasti = offset(in_handler, "RAISE_VARARGS", 1) // 2
    made = continuation(in_handler, reraise, (0,), (LASTI, True))
    assert lines_of(in_handler, "x")[-1] == lines_of(made, "x", lasti, KeyError("again"))[-1] == ("return", 5)


async def coroutine():
    pass


def many_variables() -> Any:
    names = ", ".join(f"v{number}" for number in range(260))
    namespace: dict[str, Any] = {}
    exec(f"def many({names}):\n    return v0", namespace)
    return namespace["many"]


def test_functions_without_continuations_are_refused_with_the_reason():
    with pytest.raises(ContinuationError, match="coroutine"):
        continuation(coroutine, 4, (), ())
    with pytest.raises(ContinuationError, match="before RESUME"):
        continuation(making_cells, 0, (), ())
    with pytest.raises(ContinuationError, match="too many variables"):
        continuation(many_variables(), 2, (0,), ())


class WithSuper:
    def method(self) -> object:
        return super().__repr__

    @staticmethod
    def without() -> object:
        return __class__  # type: ignore[name-defined]  # noqa: F821


def test_super_finds_its_first_argument_or_the_part_is_refused():
    method, instance = WithSuper.method, WithSuper()
    at = offset(method, "LOAD_GLOBAL")
    assert continuation(method, at, (0,), ())(instance) == instance.__repr__
    with pytest.raises(ContinuationError, match="super"):
        continuation(method, at, (), ())
    with pytest.raises(ContinuationError, match="super"):
        continuation(WithSuper.without, offset(WithSuper.without, "LOAD_DEREF"), (), (True,))


def with_other_builtins(values: list[Any], namespace: dict[str, Any]) -> Any:
    total, usual = 0, namespace["__builtins__"]
    values.append(4)
    namespace["__builtins__"] = {"len": lambda values: -1}
    try:
        for value in values:
            total += value
        total += len(values)
    finally:
        namespace["__builtins__"] = usual
    return total


@pytest.mark.parametrize("values", [[1, 2], [1, 2.5], [1, 1 << 70], [1, "a"], [None]], ids=repr)
def test_a_continuation_has_the_builtins_that_the_function_was_made_with(values):
    kernel = block_kernel(with_other_builtins)
    for _ in range(3):
        expected = outcome(with_other_builtins, ([*values], globals()))
        assert outcome(kernel, ([*values], globals())) == expected
        assert globals()["__builtins__"] in (builtins, vars(builtins))


def test_a_function_may_be_made_again_when_its_globals_name_no_builtins():
    namespace: dict[str, Any] = {}
    exec("def size(values):\n    return len(values) + 1", namespace)
    size = namespace["size"]
    start, end = offset(size, "LOAD_GLOBAL"), offset(size, "LOAD_CONST")
    for other in ({"__builtins__": {}}, {}):
        namespace.pop("__builtins__", None)
        namespace.update(other)
        assert call_out(size, start, end, (0,), (), (), (True,))([3, 4]) == 2
        assert {name: value for name, value in namespace.items() if name != "size"} == other
