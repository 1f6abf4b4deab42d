"""Forms of `super().method` and `super(Class, self).method`: no super object is made.

The method is that which the class behind the one that is named has, in the order of the instance's class. It is looked up when the code is
made, for a class that inherits no others, and again for each class of instances that comes (`cascade_is_super`).
"""

from __future__ import annotations

from types import CellType, FunctionType, MethodDescriptorType, WrapperDescriptorType

from cascade.kernels.blocks.attributes import attribute_name, push_method
from cascade.kernels.blocks.c_calls import finish
from cascade.kernels.blocks.calls import HASHED, known
from cascade.kernels.blocks.decode import Instruction
from cascade.kernels.blocks.generic import loads_method
from cascade.kernels.blocks.points import LeavesTyped
from cascade.kernels.blocks.translator import Translator, form
from cascade.kernels.blocks.values import NOTHING, Value
from cascade.kernels.lasting import MRO, is_instance, is_lasting_class
from cascade.kernels.model import OBJECT

METHODS = (FunctionType, MethodDescriptorType, WrapperDescriptorType)
PLAIN_INIT = object.__init__


@known(super)
def call_super(translator: Translator, count: int, instruction: Instruction) -> bool:
    """Translates the call together with the load of a method behind it."""
    following = translator.text.instructions.get(instruction.after)
    if translator.general or following is None or instruction.after in translator.text.joins:
        return False
    if count not in (0, 2) or not loads_method(following):
        return False
    cls = enclosing_class(translator) if count == 0 else translator.state.stack[-2].known
    name = attribute_name(translator, following)
    if not may_be_instance(translator, count):
        return False
    method = method_behind(translator, cls, name)
    if method is None or (count == 0 and not test_enclosing_class(translator, cls)):
        return False
    if count == 0:
        owner = translator.state.variables[0]
        assert owner is not None
        owner = owner._replace(owned=False, local=0)
    else:
        owner = translator.whole(-1)
    test_method(translator, owner, (cls, name, method))
    del translator.state.stack[len(translator.state.stack) - count - 2 :]
    push_method(translator, method, owner)
    translator.offset = following.after
    return True


@form("LOAD_SUPER_ATTR")
def load_super_attr(translator: Translator, instruction: Instruction) -> None:
    """The same as one instruction (CPython 3.12): `super`, the class and the instance stand on the stack."""
    function, cls, owner = translator.state.stack[-3:]
    found = cls.known if cls.constant else enclosing_class(translator)
    name = translator.code.co_names[instruction.arg >> 2]
    method = method_behind(translator, found, name) if instruction.arg & 1 else None
    if translator.general or function.known is not super or method is None or owner.kind != OBJECT:
        raise LeavesTyped
    if not cls.constant:
        expect_same(translator, cls, found)
    test_method(translator, owner, (found, name, method))
    del translator.state.stack[-3:]
    translator.consume(cls)
    push_method(translator, method, owner)


def enclosing_class(translator: Translator) -> object:
    """Returns the class that the function's cell `__class__` holds; None where there is none."""
    free = translator.code.co_freevars
    closure = translator.function.__closure__
    if "__class__" not in free or closure is None:
        return None
    try:
        return closure[free.index("__class__")].cell_contents
    except ValueError:
        return None


def may_be_instance(translator: Translator, count: int) -> bool:
    if count == 2:
        return translator.whole(-1).kind == OBJECT
    value = translator.state.variables[0] if translator.code.co_argcount else None
    return value is not None and value.kind == OBJECT and value.cls is not CellType and not value.constant


def test_enclosing_class(translator: Translator, cls: object) -> bool:
    """Has it tested that the cell holds the class still; returns True."""
    place = translator.registers.variables - len(translator.code.co_freevars)
    cell = translator.state.variables[place + translator.code.co_freevars.index("__class__")]
    assert cell is not None
    held = translator.computed(OBJECT, "CELL_ITEM", cell)
    expect_same(translator, held, cls)
    translator.chunk.drop(held)
    return True


def expect_same(translator: Translator, value: Value, expected: object) -> None:
    a, b = translator.register(value), translator.object_register(expected)
    translator.emit("JUMP_NOT_SAME", a=a, b=b, target=translator.otherwise())


def test_method(translator: Translator, owner: Value, expected: tuple[object, str, object]) -> None:
    """Has it tested that `super` finds the method for an instance."""
    number = translator.gather(expected, (), ())
    translator.emit("EXPECT_SUPER", a=translator.register(owner), e=number, target=translator.otherwise())


def method_behind(translator: Translator, cls: object, name: str) -> object:
    """Returns the method of the first class behind one that has it, in that one's own order; None where it is something else."""
    if not is_instance(cls, type) or not is_lasting_class(cls, translator.function.__globals__):
        return None
    for base in MRO(cls)[1:]:
        if name in vars(base):
            found = vars(base)[name]
            return found if type(found) in METHODS else None
    return None


@known(PLAIN_INIT)
def call_plain_init(translator: Translator, count: int, instruction: Instruction) -> bool:
    """`object.__init__` of an instance, without arguments, does nothing."""
    return count == 1 and translator.state.stack[-1].kind == OBJECT and finish(translator, instruction, NOTHING)


assert WrapperDescriptorType in HASHED
