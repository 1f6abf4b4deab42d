"""Forms of calls of known plain classes: an instance is made, and initialised by a call of its `__init__`; named tuples are built."""

from __future__ import annotations

import collections
from types import CodeType, FunctionType

from cascade._vm import class_tag, find_in_class, makes_plainly
from cascade.kernels.blocks.attributes import test_class_itself
from cascade.kernels.blocks.c_calls import before_collection, c_result, finish
from cascade.kernels.blocks.calls import OTHERS, translate
from cascade.kernels.blocks.decode import Instruction
from cascade.kernels.blocks.generic import ARGUMENTS, call_out
from cascade.kernels.blocks.names import used
from cascade.kernels.blocks.translator import Translator
from cascade.kernels.blocks.values import Value, constant_value
from cascade.kernels.model import NONE, OBJECT

PLAIN_INIT = find_in_class(object, "__init__")


def construct(translator: Translator, cls: object, count: int, instruction: Instruction) -> bool:
    """Translates a call of a class with `count` arguments on the stack; returns whether there is a form for it."""
    if type(cls) is not type or translator.general or count != instruction.arg or class_tag(cls) == 0:
        return False
    initialise, new = find_in_class(cls, "__init__"), find_in_class(cls, "__new__")
    if count == 0 and (made_alone := instruction_for(cls, initialise, new)):
        return make_alone(translator, cls, made_alone, instruction)
    if makes_plainly(cls) and type(initialise) is FunctionType:
        return settled(translator, count) and initialised(translator, cls, initialise, instruction)
    make = new.__func__ if type(new) is staticmethod else None
    if initialise is PLAIN_INIT and type(make) is FunctionType and makes_named_tuple(cls, make, count):
        return settled(translator, count) and named_tuple(translator, cls, make, instruction)
    return False


OTHERS.append(construct)


def settled(translator: Translator, count: int) -> bool:
    """Returns whether the arguments can be passed on; their classes are told."""
    for place in range(-count, 0):
        if translator.whole(place).kind not in ARGUMENTS:
            return False
        translator.seen(place)
    return True


# -- Instances without an __init__ of their own ---------------------------------------------------------------------------


def instruction_for(cls: type, initialise: object, new: object) -> str:
    """Returns the instruction that makes an instance without arguments, where no code of users runs; "" where some does."""
    if initialise is PLAIN_INIT:
        return "NEW_INSTANCE" if makes_plainly(cls) else ""
    inherited = next((base for base in CONTAINERS if issubclass(cls, base)), None)
    if inherited is None or cls is inherited or initialise is not find_in_class(inherited, "__init__"):
        return ""
    return "CALL_C" if new is find_in_class(inherited, "__new__") else ""


def make_alone(translator: Translator, cls: type, name: str, instruction: Instruction) -> bool:
    register = test_class_itself(translator, cls, constant_value(cls))
    before_collection(translator)
    if name == "CALL_C":
        result = c_result(translator, cls, (), None)
    else:
        made = translator.temporary()
        translator.emit("NEW_INSTANCE", a=made, b=register)
        result = Value(OBJECT, made, owned=True)
    return finish(translator, instruction, result._replace(general=True, met=cls))


CONTAINERS = (list, dict, set)

# -- Instances with an __init__ -----------------------------------------------------------------------------------------


def initialised(translator: Translator, cls: type, initialise: FunctionType, instruction: Instruction) -> bool:
    stack, count = translator.state.stack, instruction.arg
    translator.keep_identity(*stack[len(stack) - count :])  # the stack is still the instruction's
    register = test_class_itself(translator, cls, constant_value(cls))
    before_collection(translator)
    made, alias = translator.temporary(), translator.temporary()
    translator.emit("NEW_INSTANCE", a=made, b=register)
    translator.emit("BORROW", a=alias, b=made)
    translator.chunk.pinned.update((made, alias))
    instance = Value(OBJECT, made, owned=True, general=True, met=cls)
    function = Value(OBJECT, known=initialise, general=True)
    stack[len(stack) - count - 2 : len(stack) - count] = [
        instance,
        function,
        instance._replace(register=alias, owned=False),
    ]
    translator.refresh()
    start, plain_call = translator.offset, translator.plain_call
    # What is inlined may begin the instruction once more, and the stack is no longer the instruction's.
    translator.plain_call = True
    if not translate(translator, initialise, count + 1, instruction):
        call_out(translator, instruction, start)
    translator.offset, translator.plain_call = start, plain_call
    translator.refresh()
    result = translator.pop()
    if result.kind != NONE:
        translator.emit("EXPECT_INITIALISED", a=translator.register(result))
    translator.consume(result)
    return True


# -- Named tuples -------------------------------------------------------------------------------------------------------


def makes_named_tuple(cls: type, make: FunctionType, count: int) -> bool:
    """Returns whether a function is the `__new__` that `collections.namedtuple` makes for a class with `count` fields."""
    if not issubclass(cls, tuple) or make.__code__.co_argcount != count + 1 or make.__kwdefaults__ is not None:
        return False
    fields = make.__code__.co_varnames[1 : count + 1]
    usual = find_in_class(collections.namedtuple("Usual", fields, rename=True), "__new__")
    return type(usual) is staticmethod and traits(make.__code__) == traits(usual.__func__.__code__)


def traits(code: CodeType) -> tuple[object, ...]:
    return (
        code.co_code,
        code.co_names,
        code.co_consts,
        code.co_argcount,
        code.co_kwonlyargcount,
        code.co_flags,
        code.co_freevars,
    )


def named_tuple(translator: Translator, cls: type, new: FunctionType, instruction: Instruction) -> bool:
    if used(translator, new.__globals__, "_tuple_new") is not find_in_class(tuple, "__new__"):
        return False
    register = test_class_itself(translator, cls, constant_value(cls))
    function, code = translator.object_register(new), translator.object_register(new.__code__)
    translator.emit("EXPECT_CODE", a=function, b=code, target=translator.otherwise())
    before_collection(translator)
    stack, count = translator.state.stack, instruction.arg
    values = tuple(stack[len(stack) - count :])
    number = translator.gather(None, values, ())
    made = translator.temporary()
    translator.emit("BUILD_NAMED_TUPLE", a=made, b=register, e=number)
    del stack[len(stack) - count - 2 :]
    for value in values:
        if value.register >= 0 and value.local < 0:
            translator.chunk.drop(value)
    translator.push(Value(OBJECT, made, owned=True, general=True, met=cls))
    return True
