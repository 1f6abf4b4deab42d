"""Continuations and call-outs: whatever a function does from an instruction on, its continuation does."""

from __future__ import annotations

import sys
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

from cascade.kernels.blocks.code_tables import CodeTables
from cascade.kernels.blocks.resume import call_out, continuation
from tests.support import bytecode_states as states
from tests.support import resumed_functions
from tests.support.outcomes import outcome

SOURCE = Path(resumed_functions.__file__)
FUNCTIONS: dict[str, Any] = {"__name__": "resumed"}
states.with_spare_locals(SOURCE.read_text(), str(SOURCE), FUNCTIONS)
CASES = [
    pytest.param(function, maker, id=f"{function.__name__}-{number}")
    for number, (function, maker) in enumerate(FUNCTIONS["CASES"])
]


@pytest.mark.parametrize("spare", [True, False], ids=["spare", "exact"])
@pytest.mark.parametrize(("function", "maker"), CASES)
def test_a_function_continues_from_every_instruction_as_it_would_have_gone_on(
    function: FunctionType, maker: Any, spare: bool
):
    arguments = maker()
    expected = outcome(function, arguments), repr(arguments)
    resumed = function if spare else states.without_spare_locals(SOURCE.read_text(), str(SOURCE), function)
    tables, keywords = CodeTables(resumed.__code__), states.behind_keyword_names(function)
    for unit in states.stack_depths(function.__code__):
        if unit <= tables.first:
            continue
        arguments = maker()
        stopped = states.stopping(function, {keywords.get(unit, unit)})
        result = outcome(lambda *given: resume(resumed, stopped(*given), 2 * unit, tables), arguments)
        assert (result, repr(arguments)) == expected, f"unit {unit}"


def resume(function: FunctionType, state: object, at: int, tables: CodeTables) -> object:
    """Returns what a function returns that has been stopped, or has not come to the place."""
    if not isinstance(state, states.State):
        return state
    state = state.without_spare(tables.own_names)
    made = continuation(function, at, *state.shape(), tables=tables)
    return made(*state.arguments())


class Injected(Exception):
    """An exception that any instruction may raise."""


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="an exception of a tracer is raised by another instruction")
@pytest.mark.parametrize(("function", "maker"), CASES)
def test_an_exception_is_raised_as_if_the_instruction_had_raised_it(function: FunctionType, maker: Any):
    tables, keywords = CodeTables(function.__code__), states.behind_keyword_names(function)
    for unit in states.stack_depths(function.__code__):
        if unit <= tables.first or unit in keywords:
            continue
        arguments, others = maker(), maker()
        expected = outcome(lambda *given: injected(function, unit, given), arguments)
        states.handle(None)  # a handler that fails in its first instruction leaves its exception
        stopped = states.stopping(function, {unit})
        result = outcome(lambda *given: raised(function, stopped(*given), tables), others)
        states.handle(None)
        assert (result, repr(others)) == (expected, repr(arguments)), f"unit {unit}"


def injected(function: FunctionType, unit: int, arguments: tuple[object, ...]) -> object:
    """Calls a function whose instruction raises an exception when it is first come to, as a tracer makes it do."""

    def trace(frame: Any, event: str, _: object) -> Any:
        if frame.f_code is not function.__code__ or frame.f_back.f_code is not injected.__code__:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode" and frame.f_lasti == 2 * unit:
            raise Injected
        return trace

    sys.settrace(trace)
    try:
        return function(*arguments)
    finally:
        sys.settrace(None)


def raised(function: FunctionType, state: object, tables: CodeTables) -> object:
    """Returns what a function returns that has been stopped where it raises, or has not come to the place."""
    if not isinstance(state, states.State):
        return state
    error = Injected()
    error.__context__ = sys.exception()
    return continuation(function, state.at, *state.shape(), raises=True, tables=tables)(*state.arguments(), error)


@pytest.mark.parametrize(("function", "maker"), CASES)
def test_a_call_out_does_what_its_instructions_do(function: FunctionType, maker: Any):
    arguments = maker()
    expected = outcome(function, arguments), repr(arguments)
    tables, keywords = CodeTables(function.__code__), states.behind_keyword_names(function)
    for unit in states.stack_depths(function.__code__):
        if unit <= tables.first or unit in keywords:
            continue
        ends = states.straight_ends(function, unit)
        for end in dict.fromkeys((*ends[:1], *ends[-1:])):
            arguments = maker()
            run = CalledOut(function, tables, unit, end, single=end == ends[0])
            result = outcome(lambda *given: run(given, maker()), arguments)
            states.handle(None)
            assert run.skipped or (result, repr(arguments)) == expected, f"units {unit} to {end}"


class CalledOut:
    """Runs a function up to a unit, calls out for the instructions up to another one, and continues from there.

    A call-out of one instruction that raises continues as if the instruction had raised in the function.
    """

    def __init__(self, function: FunctionType, tables: CodeTables, start: int, end: int, single: bool) -> None:
        self.function, self.tables, self.start, self.end, self.single = function, tables, start, end, single
        self.skipped = False

    def __call__(self, arguments: tuple[object, ...], others: tuple[object, ...]) -> object:
        then = self.state_at_end(others)
        state = states.stopping(self.function, {self.start})(*arguments)
        if not isinstance(state, states.State):
            return state
        writes = sorted(states.stored(self.function, self.start, self.end) & then.bound.keys()) if then else []
        taken, left = state.shape()[1], then.shape()[1] if then else ()
        reads = sorted(state.bound)
        called = call_out(self.function, 2 * self.start, 2 * self.end, reads, writes, taken, left, tables=self.tables)
        failure = None
        try:
            returned = called(*state.arguments())
        except BaseException as error:
            failure = error
        if failure is not None:
            return self.raised(state, failure)
        assert then is not None
        values = returned if len(writes) + sum(left) != 1 else (returned,)
        bound = {slot: state.bound.get(slot) for slot in then.bound} | dict(zip(writes, values or ()))
        stack = list(values or ())[len(writes) :]
        made = continuation(self.function, 2 * self.end, *then.shape(), tables=self.tables)
        return made(*(bound[slot] for slot in sorted(bound)), *stack)

    def state_at_end(self, arguments: tuple[object, ...]) -> Any:
        """Returns the state behind the instructions, None if they raise."""
        handled = sys.exception()
        try:
            return self._state_at_end(arguments)
        finally:
            states.handle(handled)

    def _state_at_end(self, arguments: tuple[object, ...]) -> Any:
        try:
            state = states.stopping(self.function, {self.start})(*arguments)
            if not isinstance(state, states.State):
                return None
            made = continuation(self.function, state.at, *state.shape())
            prologue = (len(made.__code__.co_code) - len(self.tables.raw)) // 2
            then = states.stopping(made, {prologue + self.end})(*state.arguments())
        except Exception:
            return None
        return then if isinstance(then, states.State) else None

    def raised(self, state: Any, error: BaseException) -> object:
        self.skipped = not self.single
        error.__traceback__ = error.__traceback__.tb_next.tb_next
        made = continuation(self.function, state.at, *state.shape(), raises=True, tables=self.tables)
        return made(*state.arguments(), error)
