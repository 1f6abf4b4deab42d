"""Forms of attributes and methods: of modules, of built-in objects, of instances of plain classes."""

from __future__ import annotations

from types import ModuleType

from cascade.kernels.blocks.decode import Instruction
from cascade.kernels.blocks.generic import METHOD_BIT, call_out, loads_method
from cascade.kernels.blocks.names import NULL_LAST, named_value, used
from cascade.kernels.blocks.translator import Translator, form
from cascade.kernels.blocks.values import BUILT_IN, NO_CALLABLE, Value
from cascade.kernels.model import BOOL, FLOAT, INT, MISSING, NONE, OBJECT

CLASSES: dict[str, type] = {INT: int, FLOAT: float, BOOL: bool, NONE: type(None)}
"""Of the kinds of values that have one."""
METHOD_DESCRIPTOR = type(str.join)


@form("LOAD_ATTR", "LOAD_METHOD")
def load_attr(translator: Translator, instruction: Instruction) -> None:
    if loads_method(instruction):
        load_method(translator, instruction)
        return
    found = module_item(translator, instruction)
    if found is MISSING:
        call_out(translator, instruction)
    else:
        translator.pop()
        translator.push(named_value(found))


def attribute_name(translator: Translator, instruction: Instruction) -> str:
    return translator.code.co_names[instruction.arg >> 1 if METHOD_BIT else instruction.arg]


def module_item(translator: Translator, instruction: Instruction) -> object:
    """Returns the attribute of a known module on the stack, which the code relies on from here on; MISSING for others."""
    module = translator.state.stack[-1].known
    if type(module) is not ModuleType:
        return MISSING
    return used(translator, vars(module), attribute_name(translator, instruction))


def load_method(translator: Translator, instruction: Instruction) -> None:
    found = module_item(translator, instruction)
    if found is not MISSING:
        translator.pop()
        push_callable(translator, named_value(found))
        return
    translator.whole(-1)
    value = translator.seen(-1)
    method = method_of(value, attribute_name(translator, instruction))
    if method is not None:
        translator.pop()
        translator.push(Value(OBJECT, known=method, general=True))
        translator.push(value)
        return
    call_out(translator, instruction)
    push_callable(translator, translator.pop())


def push_callable(translator: Translator, value: Value) -> None:
    """Pushes what CALL calls, and the NULL in place of `self`."""
    pair = (NO_CALLABLE, value)
    translator.state.stack.extend(pair[::-1] if NULL_LAST else pair)


def method_of(value: Value, name: str) -> object:
    """Returns a method of a built-in class; None for others. Of these classes nothing changes."""
    cls = CLASSES.get(value.kind, value.cls)
    if cls is None or cls not in BUILT_IN:
        return None
    for base in cls.__mro__:
        if name in vars(base):
            method = vars(base)[name]
            return method if type(method) is METHOD_DESCRIPTOR else None
    return None
