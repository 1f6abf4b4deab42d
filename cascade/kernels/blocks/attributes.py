"""Forms of attributes and methods: of modules, of built-in objects, of classes, of instances of plain classes."""

from __future__ import annotations

import builtins
from types import ModuleType

from cascade._vm import class_tag, find_in_class, loads_plainly
from cascade.kernels.assemble import Label
from cascade.kernels.blocks import arrays, scalars
from cascade.kernels.blocks.access import (
    CONSTANT,
    ITEM,
    METHOD,
    PROPERTY,
    SLOT,
    TUPLE_ITEM,
    VALUE,
    Access,
    of_class,
    of_instance,
    store_in,
)
from cascade.kernels.blocks.bound_methods import bind
from cascade.kernels.blocks.c_calls import finish
from cascade.kernels.blocks.calls import known
from cascade.kernels.blocks.decode import METHOD_BIT, Instruction
from cascade.kernels.blocks.generic import call_out, loads_method
from cascade.kernels.blocks.names import NULL_LAST, item, named_value
from cascade.kernels.blocks.python_calls import call_getter
from cascade.kernels.blocks.regions import call_out_region
from cascade.kernels.blocks.sequences import INHERITS, settled_object
from cascade.kernels.blocks.translator import Translator, form
from cascade.kernels.blocks.values import BUILT_IN, CHAR, HELD, NO_CALLABLE, UNKNOWN, Value, constant_value
from cascade.kernels.lasting import MRO, is_instance, is_lasting, is_lasting_class
from cascade.kernels.model import BOOL, FLOAT, INT, NONE, OBJECT

CLASSES: dict[str, type] = {INT: int, FLOAT: float, BOOL: bool, NONE: type(None), CHAR: str}
"""Of the kinds of values that have one."""
METHOD_DESCRIPTOR = type(str.join)


@form("LOAD_ATTR", "LOAD_METHOD")
def load_attr(translator: Translator, instruction: Instruction) -> None:
    name, method = attribute_name(translator, instruction), loads_method(instruction)
    if method and translator.state.stack[-1].kind == CHAR and load_built_in_method(translator, name):
        return
    value = translator.whole(-1)
    if translator.general:
        call_out_load(translator, instruction, method)
        return
    if type(value.known) is ModuleType:
        found = item(translator, vars(value.known), name)
        if found is not None:
            translator.pop()
            push_loaded(translator, found, method)
            return
    if name in arrays.ATTRIBUTES and not method:
        translator.seen(-1)
        if arrays.load_attribute(translator, instruction, name):
            return
    if load_built_in_method(translator, name, method):
        return
    if name == "__class__" and not method and load_class(translator):
        return
    if value.met is type and not value.constant and value.owned is False:
        expect_class(translator, instruction)
    access = tested(translator, name)
    if access is not None and access.kind == PROPERTY and call_getter(translator, access.found, instruction):
        push_loaded(translator, translator.pop(), method)
    elif access is None or access.kind == PROPERTY or (access.kind == METHOD and not method):
        call_out_load(translator, instruction, method)
    else:
        load_by(translator, access, name, method)


def call_out_load(translator: Translator, instruction: Instruction, method: bool) -> None:
    if not call_out_region(translator, instruction):
        push_loaded(translator, translator.pop(), method)


def attribute_name(translator: Translator, instruction: Instruction) -> str:
    return translator.code.co_names[instruction.arg >> 1 if METHOD_BIT else instruction.arg]


def push_loaded(translator: Translator, value: Value, method: bool) -> None:
    """Pushes an attribute; one that is going to be called with the NULL in place of `self`."""
    pair = (NO_CALLABLE, value) if method else (value,)
    translator.state.stack.extend(pair[::-1] if NULL_LAST else pair)


def load_built_in_method(translator: Translator, name: str, method: bool = True) -> bool:
    """Replaces an object of a built-in class on the stack by its method and itself, or by its method that is bound to it.

    Of these classes nothing changes.
    """
    value = translator.state.stack[-1]
    if value.kind != CHAR:
        value = translator.seen(-1)
    cls = scalars.class_of(value) if value.scalar else CLASSES.get(value.kind, value.cls)
    if cls is None or (cls not in BUILT_IN and value.layout is None and not value.scalar):
        return False
    found = find_in_class(cls, name)
    if type(found) is not METHOD_DESCRIPTOR:
        return False
    if not method:
        return value.kind == OBJECT and cls in BUILT_IN and bind(translator, found)
    push_method(translator, found, translator.pop())
    return True


def push_method(translator: Translator, function: object, owner: Value) -> None:
    translator.push(Value(OBJECT, known=function, general=True))
    translator.push(owner)


def expect_class(translator: Translator, instruction: Instruction) -> None:
    """A class on the stack, which a variable holds, is expected to be the first one that was met here: it is known then, if it is."""
    if instruction.start not in translator.met_classes:
        found = translator.found_here(-1, type)
        lasts = is_instance(found, type) and is_lasting_class(found, translator.function.__globals__)
        translator.met_classes[instruction.start] = found if lasts else None  # type: ignore[assignment]
    cls = translator.met_classes[instruction.start]
    if cls is not None and class_tag(cls) and test_class(translator, -1):  # another object has no tag to be read
        owner = translator.register(translator.state.stack[-1])
        translator.emit("EXPECT_OWN_TAG", a=owner, e=signed(class_tag(cls)), target=translator.otherwise())
        translator.consume(translator.pop())
        translator.push(named_value(cls))


def load_class(translator: Translator) -> bool:
    """Replaces an object on the stack by its class, which is tested then; returns whether it has done so."""
    cls = translator.seen(-1).met
    if cls is None or translator.state.stack[-1].constant or not is_lasting_class(cls, translator.function.__globals__):
        return False
    if not has_plain_class(cls) or not test_class(translator, -1):
        return False
    translator.consume(translator.pop())
    translator.push(named_value(cls))
    return True


def inherits(translator: Translator, place: int, method: str) -> type | None:
    """Returns list or tuple where an object on the stack is of a class that inherits it, with its method, which is tested then."""
    value = translator.state.stack[place]
    if translator.general or value.kind != OBJECT or value.cls is not None or value.met is None:
        return None
    base = next((base for base in (list, tuple) if issubclass(value.met, base)), None)
    if base is None or find_in_class(value.met, method) is not find_in_class(base, method):
        return None
    return base if test_class(translator, place) else None


INHERITS.append(inherits)

# -- Tests of classes ---------------------------------------------------------------------------------------------------


def tested(translator: Translator, name: str, place: int = -1, store: bool = False) -> Access | None:
    """Returns how an attribute of a value on the stack is accessed, whose class has been tested then; None where by CPython."""
    value = translator.seen(place)
    if value.kind != OBJECT or value.met is None:
        return None
    if store:
        access = store_in(value.met, name)
    elif is_instance(value.known, type):
        access = of_class(value.known, name)
    else:
        access = of_instance(value.met, name)
    if access is None or not test_class(translator, place):
        return None
    if is_instance(value.known, type) and not store:
        test_class_itself(translator, value.known, value)
    for cls in access.relies_on:
        test_class_itself(translator, cls, constant_value(cls))
    return access


def test_class_itself(translator: Translator, cls: type, value: Value) -> int:
    """Has it tested that nothing of a class has changed; returns the register that holds it."""
    register = translator.register(value)
    translator.emit("EXPECT_OWN_TAG", a=register, e=signed(class_tag(cls)), target=translator.otherwise())
    return register


def test_class(translator: Translator, place: int) -> bool:
    """Has the class of an object on the stack tested; returns whether it can be."""
    value = translator.state.stack[place]
    if value.tested == translator.state.epoch:
        return True
    assert value.met is not None
    tag = class_tag(value.met)
    if tag == 0:
        return False
    otherwise = translator.another(place, value.tries + 1)
    translator.emit("EXPECT_TAG", a=translator.register(value), e=signed(tag), target=otherwise)
    translator.replace(place, value._replace(tested=translator.state.epoch))
    return True


def signed(tag: int) -> int:
    return tag - 2**32 if tag >= 2**31 else tag


# -- Loads --------------------------------------------------------------------------------------------------------------


def load_by(translator: Translator, access: Access, name: str, method: bool) -> None:
    """Replaces an object on the stack by its attribute."""
    value = translator.state.stack[-1]
    if access.kind in (CONSTANT, METHOD):
        test_absence(translator, access, name)
        translator.pop()
        if access.kind == METHOD:
            push_method(translator, access.found, value)
            return
        if is_lasting(access.found):
            translator.consume(value)
            push_loaded(translator, named_value(access.found), method)
            return
        translator.push(value)
        found = of_its_class(translator, name)
    else:
        found = loaded(translator, access, name)
    translator.pop()
    if value.owned:
        found = translator.own(found)
    translator.consume(value)
    push_loaded(translator, found, method)


def of_its_class(translator: Translator, name: str) -> Value:
    """Returns an attribute of the class that a value on the stack has, or is, borrowed. The code does not hold it: it dies with the class."""
    value = translator.state.stack[-1]
    result = translator.temporary()
    instruction = "OWN_ITEM" if is_instance(value.known, type) else "CLASS_ITEM"
    translator.emit(instruction, a=result, b=translator.register(value), e=translator.gather(name, (), ()))
    return Value(OBJECT, result)


def loaded(translator: Translator, access: Access, name: str) -> Value:
    """Returns an attribute that the instance has, borrowed."""
    value = translator.state.stack[-1]
    if access.kind == TUPLE_ITEM:
        return translator.computed(OBJECT, "TUPLE_ITEM", value, Value(INT, known=access.number))
    operands = {"b": translator.register(value), "a": translator.temporary()}
    operands["c"] = access.number
    if access.kind in (VALUE, ITEM):
        operands["e"] = translator.gather(name, (), ())
    instruction = {SLOT: "ATTRIBUTE_SLOT", VALUE: "ATTRIBUTE_VALUE", ITEM: "ATTRIBUTE_ITEM"}[access.kind]
    translator.emit(instruction, target=translator.otherwise(), **operands)
    return Value(OBJECT, operands["a"])


def test_absence(translator: Translator, access: Access, name: str) -> None:
    """Has it tested that the instance has no attribute that hides the one of its class."""
    if access.hidden:
        owner, site = translator.register(translator.state.stack[-1]), translator.gather(name, (), ())
        instruction = "EXPECT_NO_VALUE" if access.hidden == VALUE else "EXPECT_NO_ITEM"
        translator.emit(instruction, a=owner, e=site, target=translator.otherwise())


# -- Stores -------------------------------------------------------------------------------------------------------------


@form("STORE_ATTR")
def store_attr(translator: Translator, instruction: Instruction) -> None:
    name = translator.code.co_names[instruction.arg]
    translator.whole(-2), translator.whole(-1)
    if translator.general:
        call_out(translator, instruction)
        return
    translator.seen(-1)
    value = translator.state.stack[-2]
    if value.unseen and value.local < 0:
        value = translator.seen(-2)
    access = tested(translator, name, store=True)
    if access is None or value.kind not in HELD:
        call_out_region(translator, instruction)
        return
    if value.scalar:
        settled_object(translator, -2)
    translator.before_effect()
    emit_store(translator, instruction, access, name)


def emit_store(translator: Translator, instruction: Instruction, access: Access, name: str) -> None:
    value, owner = translator.state.stack[-2:]
    translator.keep_identity(value)
    kind = value.kind.upper() if value.number else "OWNED" if value.owned else "BORROWED"
    old, end = translator.temporary(), Label()
    translator.chunk.pinned.add(old)
    place = {SLOT: "SLOT", VALUE: "VALUE", ITEM: "ITEM"}[access.kind]
    operands = {"a": translator.register(owner), "b": translator.register(value), "d": old}
    if place != "ITEM":
        operands["c"] = access.number
    if place != "SLOT":
        operands["e"] = translator.gather(name, (), ())
    translator.emit(f"STORE_{place}_{kind}", target=end, **operands)
    if place == "ITEM":
        # The dict may be a module's: a name that the code relies on may mean something else now.
        translator.state.guarded = False
    translator.pop(), translator.pop()
    if value.kind == OBJECT and value.owned:
        translator.chunk.drop(value)
    else:
        translator.consume(value)
    translator.chunk.pinned.add(owner.register)
    released = (Value(OBJECT, old, owned=True), owner) if owner.owned else (Value(OBJECT, old, owned=True),)
    translator.await_end(end, instruction.after, released)
    translator.consume(owner)


# -- isinstance ---------------------------------------------------------------------------------------------------------


@known(builtins.isinstance)
def call_isinstance(translator: Translator, count: int, instruction: Instruction) -> bool:
    if count != 2:
        return False
    translator.whole(-2), translator.whole(-1)
    tests = translator.state.stack[-1].known
    classes = tests if type(tests) is tuple else (tests,)
    if tests is UNKNOWN or not all(type(cls) is type for cls in classes):
        return False
    value = translator.seen(-2)
    cls = CLASSES.get(value.kind, value.cls)
    if cls is None:
        if value.kind != OBJECT or value.met is None or not has_plain_class(value.met):
            return False
        if not test_class(translator, -2):
            return False
        cls = value.met
    held = any(each is test for each in MRO(cls) for test in classes)
    return finish(translator, instruction, Value(BOOL, known=held))


def has_plain_class(cls: type) -> bool:
    """Returns whether the `__class__` of instances of a class is their class, and no code is asked for it."""
    return loads_plainly(cls) and find_in_class(cls, "__class__") is OBJECT_CLASS


OBJECT_CLASS = find_in_class(object, "__class__")
