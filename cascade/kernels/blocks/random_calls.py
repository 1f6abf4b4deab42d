"""Forms of calls of the methods of random.Random: those that `random` has as functions, and those of other objects.

    random.random()         RANDOM              the C function of the module's object
    source.randint(1, 6)    RANDOM_RANGE        Python functions whose code is known

The methods written in Python are those of CPython 3.11 to 3.13; where a code is another one, they are called. What they rely on, names of
the module and of the classes, is guarded; that an object has no attributes in place of methods is tested at each call.
"""

from __future__ import annotations

import builtins
import gc
import math
import operator
import sys
import zlib
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType, MethodDescriptorType, MethodType, ModuleType
from typing import NamedTuple

from cascade._vm import learn_random, random_numbers, random_state
from cascade.kernels.blocks.c_calls import finish
from cascade.kernels.blocks.calls import OTHERS
from cascade.kernels.blocks.decode import Instruction
from cascade.kernels.blocks.names import check_names, noted
from cascade.kernels.blocks.numbers import as_float
from cascade.kernels.blocks.sequences import KINDS
from cascade.kernels.blocks.translator import Translator
from cascade.kernels.blocks.values import NOTHING, Value
from cascade.kernels.model import FLOAT, INT, MISSING, OBJECT
from cascade.kernels.names import builtins_of
from cascade.kernels.values import WIDE

Relied = tuple[dict[str, object], str, object]
"""A namespace, a name, and what it has to mean."""
WRITTEN = ("_randbelow", "choice", "gauss", "randint", "randrange", "shuffle", "uniform")
"""Methods written in Python."""
SIZE = 2520
"""Bytes of the object in C: a header, an index and 624 words."""


class Source(NamedTuple):
    """What is known of random.Random.

    Attributes:
        cls: the class.
        methods: by the identity of the function or descriptor: its name.
        relied: what the methods rely on.
    """

    cls: type
    methods: dict[int, str]
    relied: tuple[Relied, ...]


def namespace_of(cls: type) -> dict[str, object]:
    """Returns the dict behind a class's `__dict__`."""
    return next(found for found in gc.get_referents(vars(cls)) if type(found) is dict)


def relied_on(module: ModuleType, cls: type, base: type) -> tuple[Relied, ...]:
    own, inherited, names = namespace_of(cls), namespace_of(base), vars(module)
    built_in = builtins_of(own[WRITTEN[0]])  # type: ignore[arg-type]
    relied: list[Relied] = [(own, name, own[name]) for name in WRITTEN]
    for name in ("random", "getrandbits"):
        relied += [(own, name, MISSING), (inherited, name, inherited[name])]
    for name in ("__getattribute__", "__getattr__", "__setattr__", "__delattr__", "gauss_next"):
        relied.append((own, name, MISSING))
        relied.append((inherited, name, inherited.get(name, MISSING)))
    for name, expected in (
        ("_index", operator.index), ("_ONE", names["_ONE"]), ("TWOPI", names["TWOPI"]), ("_sqrt", math.sqrt), ("_log", math.log),
        ("_cos", math.cos), ("_sin", math.sin),
    ):  # fmt: skip
        relied.append((names, name, expected))
    for name in ("len", "range", "reversed"):
        relied += [(names, name, MISSING), (built_in, name, vars(builtins)[name])]
    return tuple(relied)


def digest(function: FunctionType) -> int:
    """Returns a checksum of what a function does."""
    code = function.__code__
    parts = (code.co_code, code.co_consts, code.co_names, code.co_varnames, code.co_flags, function.__defaults__)
    return zlib.crc32(repr(parts).encode())


DIGESTS: dict[tuple[int, int], tuple[int, ...]] = {
    (3, 11): (2162372116, 2670184945, 3519690724, 3242322467, 3793465806, 3039221726, 3275422305),
    (3, 12): (1519983197, 338964811, 1864809446, 1893127722, 3363051918, 1936342186, 3622856428),
    (3, 13): (2600968893, 3374910641, 4067304206, 276226592, 3298703309, 2870140674, 2523245157),
}
"""Of the methods written in Python, in the order of `WRITTEN`."""


def learn(module: ModuleType) -> Source | None:
    """Returns what is known of random.Random; None where it is not as expected."""
    cls: type = module.Random
    base = cls.__base__
    functions = tuple(vars(cls).get(name) for name in WRITTEN)
    if base is None or not all(type(function) is FunctionType for function in functions):
        return None
    found = tuple(digest(function) for function in functions)  # type: ignore[arg-type]
    if found != DIGESTS.get(sys.version_info[:2]) or not state_is_known(cls, base):
        return None
    relied = relied_on(module, cls, base)
    if not all(namespace.get(name, MISSING) is expected for namespace, name, expected in relied):
        return None
    if names_of_numbers(module) != (1, 2 * math.pi):
        return None
    learn_random(cls, functions)
    methods = {id(function): name for name, function in zip(WRITTEN, functions, strict=True)}
    methods |= {id(vars(base)[name]): name for name in ("random", "getrandbits")}
    return Source(cls, methods, relied)


def names_of_numbers(module: ModuleType) -> tuple[object, object]:
    return vars(module)["_ONE"], vars(module)["TWOPI"]


def state_is_known(cls: type, base: type) -> bool:
    """Returns whether an object has its state where it is expected, and makes the same numbers of it as typed code."""
    if base.__basicsize__ != SIZE:
        return False
    mine, other = cls(20), cls(20)
    if random_state(mine) != mine.getstate()[1]:
        return False
    made = [(other.random(), other.getrandbits(32), other.getrandbits(63)) for _ in range(300)]
    return random_numbers(mine, 300) == made and mine.getstate() == other.getstate()


LEARNT: list[Source | None] = []
"""What was found when a method was first called."""


def source_of() -> Source | None:
    module = sys.modules.get("random")
    if not LEARNT and module is not None and hasattr(module, "Random"):
        LEARNT.append(learn(module))
    return LEARNT[0] if LEARNT else None


# -- Calls --------------------------------------------------------------------------------------------------------------


def call_method(translator: Translator, function: object, count: int, instruction: Instruction) -> bool:
    """Translates a call of a method: bound to an object that is known, or with the object as its first argument."""
    if translator.general or type(function) not in (
        FunctionType,
        MethodType,
        BuiltinFunctionType,
        MethodDescriptorType,
    ):
        return False
    owner = None
    if isinstance(function, MethodType | BuiltinFunctionType):
        owner = function.__self__
        if type(owner).__module__ != "random":
            return False
    source = source_of()
    if source is None:
        return False
    if owner is not None:
        name = name_of_bound(source, function, owner)
        value = Value(OBJECT, known=owner, general=True)
    elif count:
        name = source.methods.get(id(function), "")
        count -= 1
        value = translator.state.stack[-count - 1]
    else:
        return False
    if name not in FORMS or value.kind != OBJECT:
        return False
    stack = translator.state.stack
    for place in range(-count, 0):
        translator.whole(place)
        translator.seen(place)
    if (owner is None or name in WRITTEN) and not rely(translator, source):
        return False
    if owner is None and name not in WRITTEN:
        test(translator, value)
    result = FORMS[name](translator, value, stack[len(stack) - count :])
    return result is not None and finish(translator, instruction, result)


def name_of_bound(source: Source, function: object, owner: object) -> str:
    """Returns the name of a method bound to a Random; empty for any other."""
    if type(owner) is not source.cls:
        return ""
    if isinstance(function, MethodType):
        return source.methods.get(id(function.__func__), "")
    name = str(function.__name__)  # type: ignore[attr-defined]
    return name if name in ("random", "getrandbits") else ""


def rely(translator: Translator, source: Source) -> bool:
    """Has it guarded that names mean what methods rely on; returns False where they do not."""
    if any(noted(translator, namespace, name) is not expected for namespace, name, expected in source.relied):
        return False
    check_names(translator)
    return True


Form = Callable[[Translator, Value, list[Value]], "Value | None"]
"""Of a method: of the object and the arguments, whose kinds are known; returns the result, None where it has to be called."""


def of_ints(values: list[Value], least: int, most: int) -> bool:
    return least <= len(values) <= most and all(value.kind == INT for value in values)


def drawn(translator: Translator, kind: str, name: str, source: Value, *values: Value) -> Value:
    """Emits an instruction that draws numbers from an object; where it does not fit, the method is called."""
    registers = [translator.register(value) for value in (source, *values)]
    result = translator.temporary()
    operands = dict(zip("abcde", (result, *registers), strict=False))
    translator.emit(name, target=translator.otherwise(), **operands)
    return Value(kind, result)


def test(translator: Translator, source: Value) -> None:
    translator.emit("RANDOM_KNOWN", a=translator.register(source), target=translator.otherwise())


def random(translator: Translator, source: Value, values: list[Value]) -> Value | None:
    if values:
        return None
    return translator.computed(FLOAT, "RANDOM", source)


def getrandbits(translator: Translator, source: Value, values: list[Value]) -> Value | None:
    if not of_ints(values, 1, 1):
        return None
    return drawn(translator, INT, "RANDOM_BITS", source, values[0])


def randrange(translator: Translator, source: Value, values: list[Value]) -> Value | None:
    if not of_ints(values, 1, 3):
        return None
    if len(values) == 1:
        return drawn(translator, INT, "RANDOM_BELOW", source, values[0])
    step = values[2] if len(values) > 2 else Value(INT, known=1)
    return drawn(translator, INT, "RANDOM_RANGE", source, values[0], values[1], step)


def randint(translator: Translator, source: Value, values: list[Value]) -> Value | None:
    if not of_ints(values, 2, 2):
        return None
    one = Value(INT, known=1)
    last = values[1].known
    if isinstance(last, int) and last + 1 in WIDE:
        end = Value(INT, known=last + 1)
    else:
        end = translator.computed(INT, "ADD_INT", values[1], one)
    return drawn(translator, INT, "RANDOM_RANGE", source, values[0], end, one)


def uniform(translator: Translator, source: Value, values: list[Value]) -> Value | None:
    if len(values) != 2 or not all(value.kind in (INT, FLOAT) for value in values):
        return None
    first, last = (as_float(translator, value, True) for value in values)
    width = translator.computed(FLOAT, "SUB_FLOAT", last, first)
    test(translator, source)
    number = translator.computed(FLOAT, "RANDOM", source)
    part = translator.computed(FLOAT, "MUL_FLOAT", width, number)
    return translator.computed(FLOAT, "ADD_FLOAT", first, part)


def gauss(translator: Translator, source: Value, values: list[Value]) -> Value | None:
    if len(values) not in (0, 2) or not all(value.kind in (INT, FLOAT) for value in values):
        return None
    mean, width = (as_float(translator, value) for value in values or GAUSS)
    return drawn(translator, FLOAT, "RANDOM_GAUSS", source, mean, width)


GAUSS = [Value(FLOAT, known=0.0), Value(FLOAT, known=1.0)]
"""The defaults, which are a part of the digest."""


def choice(translator: Translator, source: Value, values: list[Value]) -> Value | None:
    if len(values) != 1 or values[0].kind != OBJECT or values[0].cls not in KINDS:
        return None
    size = translator.computed(INT, "SIZE", values[0])
    index = drawn(translator, INT, "RANDOM_BELOW", source, size)
    return translator.own(translator.computed(OBJECT, f"{KINDS[values[0].cls]}_ITEM", values[0], index))


def shuffle(translator: Translator, source: Value, values: list[Value]) -> Value | None:
    if len(values) != 1 or values[0].kind != OBJECT or values[0].cls is not list:
        return None
    registers = {"a": translator.register(source), "b": translator.register(values[0])}
    translator.emit("RANDOM_SHUFFLE", target=translator.otherwise(), **registers)
    return NOTHING


FORMS: dict[str, Form] = {
    "random": random, "getrandbits": getrandbits, "randrange": randrange, "randint": randint, "uniform": uniform,
    "gauss": gauss, "choice": choice, "shuffle": shuffle,
}  # fmt: skip
OTHERS.insert(0, call_method)  # before the calls of any Python function
