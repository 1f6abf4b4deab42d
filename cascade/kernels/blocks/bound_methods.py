"""Forms of methods of built-in objects that are kept: `append = values.append`, and the calls `append(1)` later on.

The method that a call is expected to make is the one that was met first; it is tested at each call.
"""

from __future__ import annotations

from types import BuiltinFunctionType, MethodDescriptorType

from cascade._vm import find_in_class
from cascade.kernels.blocks.c_calls import before_collection
from cascade.kernels.blocks.calls import CALLEES, translate
from cascade.kernels.blocks.decode import Instruction
from cascade.kernels.blocks.names import NULL_LAST
from cascade.kernels.blocks.translator import Translator
from cascade.kernels.blocks.values import BUILT_IN, Value
from cascade.kernels.model import OBJECT


def bind(translator: Translator, method: object) -> bool:
    """Replaces an object on the stack by its method, which is not called at once; returns True."""
    before_collection(translator)
    number, result = translator.gather(method, (), ()), translator.temporary()
    translator.emit("BIND", a=result, b=translator.register(translator.state.stack[-1]), e=number)
    translator.consume(translator.pop())
    translator.push(Value(OBJECT, result, owned=True, general=True, met=BuiltinFunctionType))
    return True


def call_bound(translator: Translator, callee: Value, instruction: Instruction) -> bool:
    """Translates a call of a bound method that a variable holds, as a call of the method with one more argument."""
    if translator.general or callee.local < 0:
        return False
    count = instruction.arg
    place = -count - 2 if NULL_LAST else -count - 1
    if translator.seen(place).met is not BuiltinFunctionType:
        return False
    method = _expected(translator, instruction, place)
    if method is None:
        return False
    owner = translator.register(translator.state.stack[place])
    translator.emit("EXPECT_BOUND", a=owner, b=translator.object_register(method), target=translator.otherwise())
    register = translator.temporary()
    translator.emit("BOUND_TO", a=register, b=owner)
    stack = translator.state.stack
    before = stack[len(stack) - count - 2 : len(stack) - count]
    stack[len(stack) - count - 2 : len(stack) - count] = [
        Value(OBJECT, known=method, general=True),
        Value(OBJECT, register, method.__objclass__),
    ]
    translator.refresh()
    if translate(translator, method, count + 1, instruction):
        return True
    stack[len(stack) - count - 2 : len(stack) - count] = before
    translator.chunk.drop(Value(OBJECT, register))
    translator.refresh()
    return False


CALLEES.append(call_bound)


def _expected(translator: Translator, instruction: Instruction, place: int) -> MethodDescriptorType | None:
    """Returns the method that a call is expected to make: that of the object that is there now."""
    if instruction.start not in translator.bound_methods:
        found = translator.found_here(place, BuiltinFunctionType)
        if found is None:
            return None
        translator.bound_methods[instruction.start] = _method_of(found)  # type: ignore[arg-type]
    return translator.bound_methods[instruction.start]


def _method_of(bound: BuiltinFunctionType) -> MethodDescriptorType | None:
    cls = type(bound.__self__)
    found = find_in_class(cls, bound.__name__, None)
    return found if cls in BUILT_IN and type(found) is MethodDescriptorType and found.__objclass__ is cls else None
