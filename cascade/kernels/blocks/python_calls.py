"""Calls of plain Python functions: by their kernels, without a frame of CPython's.

A kernel that is called by a kernel has no frame. Where code of its own has to be executed by CPython, by a call-out or a continuation,
the frames of the functions that have led there are made first (`cascade_call_under`): code that looks at frames sees them.
"""

from __future__ import annotations

import dis
from types import CodeType, FunctionType

from cascade._vm import is_like
from cascade.kernels.blocks import generic
from cascade.kernels.blocks.c_calls import before_collection
from cascade.kernels.blocks.calls import CALLEES, OF_MADE_FUNCTIONS, OTHERS, WITH_KEYWORDS
from cascade.kernels.blocks.comprehensions import consumer_of, kernel_of_generator, made_at, next_call
from cascade.kernels.blocks.decode import Instruction
from cascade.kernels.blocks.inlining import inlined
from cascade.kernels.blocks.instructions import with_empty_cells
from cascade.kernels.blocks.names import NULL_LAST
from cascade.kernels.blocks.points import Callee, IteratorArgument, Origin
from cascade.kernels.blocks.sequences import drop_stored
from cascade.kernels.blocks.translator import Translator, form
from cascade.kernels.blocks.values import ITERATORS, NULL, Value, iterated
from cascade.kernels.model import OBJECT


def call_function(
    translator: Translator, function: object, count: int, instruction: Instruction, names: tuple[str, ...] = ()
) -> bool:
    """Translates a call of a known plain function; returns whether that is possible.

    Args:
        count: how many arguments stand on the stack.
        names: those of the last arguments.
    """
    if type(function) is not FunctionType:
        return False
    callee = function_called(translator, function, count, names)
    return callee is not None and _emit(translator, callee, count, instruction)


def call_consumed(translator: Translator, function: object, count: int, instruction: Instruction) -> bool:
    """Translates a call of a known generator function together with that of the function that consumes the generator: `list(tokens(text))`."""
    if type(function) is not FunctionType or function.__code__.co_flags & SUSPENDED != GENERATOR or translator.general:
        return False
    outer = next_call(translator, instruction.after, 1)
    stack, before = translator.state.stack, count + 4
    if outer is None or count != instruction.arg or len(stack) < before:
        return False
    consumer = consumer_of(stack[-before], stack[1 - before])
    if consumer is None or consumer.name in ("any", "all", "join"):
        return False  # the first two close the generator, which may catch that; a method cannot stand for a frame
    code, defaults = function.__code__, function.__defaults__
    parameters = parameters_of(code, count, (), GENERATOR)
    lacks = lacks_arguments(code, count)
    if parameters is None or (lacks and (defaults is None or not _are_there(code, defaults, parameters))):
        return False
    kernel = kernel_of_generator(translator, function, consumer)
    if kernel is None or any(translator.whole(place).kind not in generic.ARGUMENTS for place in range(-before, 0)):
        return False
    for place in range(-count, 0):
        translator.seen(place)
    place = sum(value.kind != NULL for value in stack[len(stack) - before : len(stack) - count - 2])
    number = generic.make(translator, translator.offset, outer.after, before, 1, name="CALL_FUNCTION")
    translator.callees[number] = Callee(
        kernel,
        place,
        operand=0,  # the consumer: code that is called from here on has its line
        parameters=parameters,
        defaults=defaults if lacks else None,
        raises_at=outer.start,
    )
    translator.offset = outer.after
    return True


GENERATOR, SUSPENDED = 0x20, 0x2A0
OTHERS.append(call_consumed)
OTHERS.append(call_function)
WITH_KEYWORDS.append(call_function)


def function_called(
    translator: Translator, function: FunctionType, count: int, names: tuple[str, ...]
) -> Callee | None:
    """Returns how a function is called with so many arguments, the last ones with names; None where only CPython can."""
    code, defaults = function.__code__, function.__defaults__
    parameters = parameters_of(code, count, names)
    lacks = lacks_arguments(code, count)
    if parameters is not None and (not lacks or (defaults is not None and _are_there(code, defaults, parameters))):
        kernel = translator.kernel_of(function, None)
        if kernel is not None:
            return Callee(kernel, parameters=parameters, defaults=defaults if lacks else None)
    translator.plain_callees[translator.offset] = function
    return None


def parameters_of(code: CodeType, count: int, names: tuple[str, ...], allowed: int = 0) -> tuple[int, ...] | None:
    """Returns the number of the parameter of each argument, or None where only CPython can pass them: to `*args` and `**kwargs`, or where
    a keyword-only parameter has its default.

    Args:
        allowed: a flag that functions have not, as a rule.
    """
    by_name = code.co_varnames[code.co_posonlyargcount : code.co_argcount + code.co_kwonlyargcount]
    keyword_only = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    if count - len(names) > code.co_argcount or code.co_flags & 0x2AC & ~allowed:
        return None
    if not set(keyword_only) <= set(names) <= set(by_name):
        return None
    found = (*range(count - len(names)), *(code.co_posonlyargcount + by_name.index(name) for name in names))
    return found if len(set(found)) == len(found) else None


def lacks_arguments(code: CodeType, count: int) -> bool:
    return count < code.co_argcount + code.co_kwonlyargcount


def _are_there(code: CodeType, defaults: tuple[object, ...], parameters: tuple[int, ...]) -> bool:
    first = code.co_argcount - len(defaults)
    return all(number in parameters for number in range(first))


def call_getter(translator: Translator, function: object, instruction: Instruction) -> bool:
    """Translates the load of a property of the object on top of the stack, whose function is called."""
    if type(function) is not FunctionType:
        return False
    callee = function_called(translator, function, 1, ())
    if callee is None or translator.whole(-1).kind not in generic.ARGUMENTS:
        return False
    emit_call(translator, callee._replace(place=-1, function=function), instruction.start, instruction.after, 1, 1)
    return True


def emit_call(
    translator: Translator, callee: Callee, start: int, end: int, taken: int, left: int, keeps: bool = False
) -> None:
    """Emits a call by the kernel of a function, or its code in place of it: see `generic.make` and inlining.py."""
    if inlined(translator, callee, taken, left):
        return
    origin = translator.state.origin
    number = generic.make(translator, start, end, taken, left, name="CALL_FUNCTION", keeps=keeps)
    translator.callees[number] = callee._replace(origin=origin if isinstance(origin, Origin) else None)


# -- Functions that are met -------------------------------------------------------------------------------------------


def call_met(translator: Translator, callee: Value, instruction: Instruction) -> bool:
    """Translates a call of a function that is not known: of closures, arguments, items. It is expected to have the code of one that was met."""
    count = instruction.arg
    if translator.general or callee.register < 0:
        return False
    place = -count - 2 if NULL_LAST else -count - 1
    callee = translator.seen(place)
    if callee.kind != OBJECT or callee.met is not FunctionType:
        return False
    pattern = _pattern(translator, (instruction.start, callee.tries), place)
    if pattern is None:
        return False
    kernel, found = translator.kernel_of(pattern, None), parameters_of(pattern.__code__, count, ())
    if kernel is None or found is None or lacks_arguments(pattern.__code__, count):
        translator.plain_callees[translator.offset] = pattern
        return False
    for each in range(-count, 0):
        if translator.whole(each).kind not in generic.ARGUMENTS:
            return False
        translator.seen(each)
    expected = translator.object_register(pattern)
    owner = translator.state.stack[place]
    if translator.offset in translator.text.joins:
        other = (
            translator.otherwise()
        )  # versions do not differ by the functions met: the code would come back here for ever
    else:
        other = translator.another(place, callee.tries + 1)
    translator.emit("EXPECT_FUNCTION", a=translator.register(owner), b=expected, target=other)
    return _emit(translator, Callee(kernel, parameters=found), count, instruction)


CALLEES.append(call_met)


def _pattern(translator: Translator, call: tuple[int, int], place: int) -> FunctionType | None:
    """Returns a function like the one that a call has met, without what its cells hold.

    Args:
        call: its offset, and how many others were met there before.
    """
    if call not in translator.met_functions:
        found = translator.found_here(place, FunctionType)
        if found is None:
            return None
        assert type(found) is FunctionType
        made = with_empty_cells(found.__code__, found.__globals__)
        translator.met_functions[call] = made if is_like(found, made) else None
    return translator.met_functions[call]


def _emit(translator: Translator, callee: Callee, count: int, instruction: Instruction) -> bool:
    taken = instruction.arg + 2
    for place in range(-taken, 0):
        if translator.whole(place).kind not in generic.ARGUMENTS:
            return False
    for place in range(-count, 0):
        translator.seen(place)
    callee = callee._replace(raises_at=instruction.start)  # KW_NAMES has another position
    emit_call(translator, callee, translator.offset, instruction.after, taken, 1)
    return True


# -- Comprehensions ---------------------------------------------------------------------------------------------------


def call_made_function(translator: Translator, value: Value, count: int, instruction: Instruction) -> bool:
    """The same for a comprehension, which is called with its iterator; of a generator expression, the call of the consumer, too."""
    stack = translator.state.stack
    made = made_at(translator, translator.offset, len(stack) - 2)
    if made is None:
        return False
    if stack[-1].kind not in ITERATORS:
        translator.seen(-1)
    before = 0 if made.consumer is None else 2
    for place in range(-before - 2, -2):
        translator.whole(place)
    iterator = None
    if stack[-1].kind in ITERATORS:
        iterator = IteratorArgument(iterated(stack[-1]), stack[-1], made.kernel.translator.iterator_slot)  # type: ignore[attr-defined]
    place = sum(value.kind != NULL for value in stack[len(stack) - before - 2 : -2])
    number = generic.make(translator, translator.offset, made.call.after, before + 2, 1, name="CALL_FUNCTION")
    translator.callees[number] = Callee(
        made.kernel, place, parameters=(0,), iterator=iterator, raises_at=made.call.start, joins=made.joins
    )
    translator.offset = made.call.after
    return True


OF_MADE_FUNCTIONS.append(call_made_function)


# -- Functions that are made ------------------------------------------------------------------------------------------

CLOSURE = 8
"""The argument of MAKE_FUNCTION, or SET_FUNCTION_ATTRIBUTE, for a function with a closure."""
CLOSURE_FIRST = "SET_FUNCTION_ATTRIBUTE" not in dis.opmap
"""Whether MAKE_FUNCTION takes it from the stack."""


@form("MAKE_FUNCTION")
def make_function(translator: Translator, instruction: Instruction) -> None:
    code = translator.state.stack[-1].known
    closed = CLOSURE_FIRST and instruction.arg == CLOSURE
    if type(code) is not CodeType or (CLOSURE_FIRST and instruction.arg not in (0, CLOSURE)):
        generic.call_out(translator, instruction)
        return
    if closed:
        translator.whole(-2)
    before_collection(translator)
    translator.pop()
    pattern = with_empty_cells(code, translator.function.__globals__)
    closure = (translator.pop(),) if closed else ()
    number, result = translator.gather(pattern, closure, ()), translator.temporary()
    translator.emit("MAKE_FUNCTION", a=result, e=number)
    for value in closure:
        drop_stored(translator, value)
    translator.push(Value(OBJECT, result, owned=True, general=True, met=FunctionType, code=code))


@form("SET_FUNCTION_ATTRIBUTE")
def set_function_attribute(translator: Translator, instruction: Instruction) -> None:
    made = translator.state.stack[-1]
    if instruction.arg != CLOSURE or made.code is None:
        generic.call_out(translator, instruction)
        return
    translator.whole(-2)
    closure, made = translator.state.stack[-2:]
    translator.emit("SET_CLOSURE", a=translator.register(made), b=translator.register(closure))
    del translator.state.stack[-2:]
    translator.push(made)
    translator.consume(closure)
