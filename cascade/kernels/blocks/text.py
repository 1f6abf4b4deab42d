"""Forms of text and bytes."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from functools import cache

from cascade.kernels.blocks.c_calls import NO, STR, WHOLE, Classes, c_function, c_result, finish
from cascade.kernels.blocks.calls import known
from cascade.kernels.blocks.decode import Instruction
from cascade.kernels.blocks.generic import LIMIT, call_out
from cascade.kernels.blocks.text_operators import LATIN, class_of
from cascade.kernels.blocks.translator import Translator, form
from cascade.kernels.blocks.values import CHAR, Value
from cascade.kernels.model import BOOL, FLOAT, INT, NONE, OBJECT

TESTS = ("isalnum", "isalpha", "isascii", "isdigit", "islower", "isspace", "istitle", "isupper")
TEXT_TESTS = ("isdecimal", "isidentifier", "isnumeric", "isprintable")


def enter_methods(cls: type, names: tuple[str, ...], result: type, *arguments: Classes, optional: int = 0) -> None:
    for name in names:
        c_function(getattr(cls, name), result, (cls,), *arguments, optional=optional)


def enter_methods_of_both(cls: type) -> None:
    """Enters the methods that text and bytes have in common."""
    own: Classes = (cls,)
    place: Classes = (*WHOLE, *NO)
    enter_methods(cls, TESTS, bool)
    enter_methods(cls, ("capitalize", "lower", "swapcase", "title", "upper"), cls)
    enter_methods(cls, ("strip", "lstrip", "rstrip"), cls, (cls, *NO), optional=1)
    enter_methods(cls, ("split", "rsplit"), list, (cls, *NO), WHOLE, optional=2)
    enter_methods(cls, ("splitlines",), list, WHOLE, optional=1)
    enter_methods(cls, ("partition", "rpartition"), tuple, own)
    enter_methods(cls, ("find", "rfind", "index", "rindex", "count"), int, own, place, place, optional=2)
    enter_methods(cls, ("startswith", "endswith"), bool, own, place, place, optional=2)
    enter_methods(cls, ("replace",), cls, own, own, WHOLE, optional=1)
    enter_methods(cls, ("removeprefix", "removesuffix"), cls, own)
    enter_methods(cls, ("center", "ljust", "rjust"), cls, WHOLE, own, optional=1)
    enter_methods(cls, ("zfill",), cls, WHOLE)
    enter_methods(cls, ("expandtabs",), cls, WHOLE, optional=1)


enter_methods_of_both(str)
enter_methods_of_both(bytes)
enter_methods(str, TEXT_TESTS, bool)
enter_methods(str, ("casefold",), str)
enter_methods(str, ("join",), str, (list, tuple))
enter_methods(str, ("encode",), bytes)
enter_methods(bytes, ("decode", "hex"), str)
c_function(builtins.repr, str, (str, bytes, int, float, bool, type(None)))
c_function(builtins.ascii, str, (str, bytes, int, float, bool, type(None)))
for to_base in (builtins.bin, builtins.hex, builtins.oct):
    c_function(to_base, str, WHOLE)
c_function(builtins.format, str, (str, int, float), STR, optional=1)


# -- Characters -------------------------------------------------------------------------------------------------------


def character(translator: Translator, count: int) -> Value | None:
    """Returns the argument of a call, if it is one character, unboxed."""
    value = translator.state.stack[-1]
    return value if count == 1 and value.kind == CHAR else None


@cache
def table_of(method: Callable[[str], bool]) -> bytes:
    """Returns the result of a test for each character of Latin-1."""
    return bytes(method(chr(number)) for number in range(LATIN))


@cache
def map_of(method: Callable[[str], str]) -> bytes:
    """Returns the result of a method for each character of Latin-1, as another one; 0 where it is none."""
    results = [method(chr(number)) for number in range(LATIN)]
    return bytes(ord(text) if len(text) == 1 and ord(text) < LATIN else 0 for text in results)


def enter_test(method: Callable[[str], bool]) -> None:
    @known(method)
    def call_test(translator: Translator, count: int, instruction: Instruction) -> bool:
        value = character(translator, count)
        if value is None:
            return False
        table = Value(OBJECT, known=table_of(method))
        return finish(translator, instruction, translator.computed(BOOL, "BYTES_ITEM", table, value))


def enter_map(method: Callable[[str], str]) -> None:
    @known(method)
    def call_map(translator: Translator, count: int, instruction: Instruction) -> bool:
        value = character(translator, count)
        if value is None or translator.general:
            return False
        table = translator.register(Value(OBJECT, known=map_of(method)))
        result = translator.temporary()
        otherwise = translator.otherwise()
        translator.emit("CHAR_MAP", a=result, b=table, c=translator.register(value), target=otherwise)
        return finish(translator, instruction, Value(CHAR, result))


for test in (*TESTS, *TEXT_TESTS):
    enter_test(getattr(str, test))
for changed in (str.lower, str.upper, str.swapcase, str.title, str.capitalize, str.casefold):
    enter_map(changed)


@known(builtins.ord)
def call_ord(translator: Translator, count: int, instruction: Instruction) -> bool:
    value = character(translator, count)
    if value is not None:
        return finish(translator, instruction, value._replace(kind=INT))
    value = translator.whole(-1)
    if count != 1 or class_of(translator.seen(-1)) is not str:
        return False
    if value.constant and type(value.known) is str and len(value.known) == 1:
        return finish(translator, instruction, Value(INT, known=ord(value.known)))
    return finish(translator, instruction, translator.computed(INT, "ORD", value))


@known(builtins.chr)
def call_chr(translator: Translator, count: int, instruction: Instruction) -> bool:
    translator.whole(-1)
    value = translator.seen(-1)
    if count != 1 or value.kind not in (INT, BOOL):
        return False
    if translator.general:
        text = translator.computed(OBJECT, "TEXT_OF_NUMBER", value)._replace(cls=str, owned=True)
        return finish(translator, instruction, text)
    number, otherwise = translator.register(value), translator.otherwise()
    result = translator.temporary()
    translator.emit("CHAR_OF", a=result, b=number, target=otherwise)
    return finish(translator, instruction, Value(CHAR, result))


# -- Conversions ------------------------------------------------------------------------------------------------------


def text_of(translator: Translator, place: int) -> Value | None:
    """Returns str() of a value on the stack; None where there is no form of it."""
    value = translator.state.stack[place]
    if value.kind == CHAR:
        return value
    translator.whole(place)
    value = translator.seen(place)
    if class_of(value) is str:
        return value
    if value.kind == INT:
        return translator.computed(OBJECT, "INT_TO_TEXT", value)._replace(cls=str, owned=True)
    if value.number:
        return c_result(translator, METHODS_OF_STR[value.kind], (value,), str)
    return Value(OBJECT, cls=str, known="None") if value.kind == NONE else None


METHODS_OF_STR: dict[str, object] = {FLOAT: builtins.repr, BOOL: builtins.repr}


@known(builtins.str)
def call_str(translator: Translator, count: int, instruction: Instruction) -> bool:
    result = text_of(translator, -1) if count == 1 else None
    return result is not None and finish(translator, instruction, result)


# -- Searches ---------------------------------------------------------------------------------------------------------


def enter_search(method: object, kind: str, name: str) -> None:
    @known(method)
    def search(translator: Translator, count: int, instruction: Instruction) -> bool:
        if count != 2:
            return False
        part = translator.state.stack[-1]
        text = translator.whole(-2)
        if class_of(translator.seen(-2)) is not str:
            return False
        if name == "TEXT_INDEX" and part.kind == CHAR:
            return finish(translator, instruction, translator.computed(kind, "TEXT_INDEX_CHAR", text, part))
        translator.whole(-1)
        if class_of(translator.seen(-1)) is not str:
            return False
        values = translator.state.stack[-2:]
        return finish(translator, instruction, translator.computed(kind, name, *values))


enter_search(str.find, INT, "TEXT_FIND")
enter_search(str.index, INT, "TEXT_INDEX")
enter_search(str.count, INT, "TEXT_COUNT")
enter_search(str.startswith, BOOL, "TEXT_STARTS")
enter_search(str.endswith, BOOL, "TEXT_ENDS")


# -- Formatted strings ------------------------------------------------------------------------------------------------


@form("FORMAT_VALUE")
def format_value(translator: Translator, instruction: Instruction) -> None:
    conversion, specified = instruction.arg & 3, instruction.arg & 4
    if not (
        with_format(translator) if specified and not conversion else not specified and converted(translator, conversion)
    ):
        call_out(translator, instruction)


@form("FORMAT_SIMPLE")
def format_simple(translator: Translator, instruction: Instruction) -> None:
    if not converted(translator, 0):
        call_out(translator, instruction)


@form("CONVERT_VALUE")
def convert_value(translator: Translator, instruction: Instruction) -> None:
    if not converted(translator, instruction.arg):
        call_out(translator, instruction)


@form("FORMAT_WITH_SPEC")
def format_with_spec(translator: Translator, instruction: Instruction) -> None:
    if not with_format(translator):
        call_out(translator, instruction)


def converted(translator: Translator, conversion: int) -> bool:
    """Replaces the value on top of the stack by its text, as `!s`, `!r` or `!a` or no conversion at all has it."""
    if conversion < 2:
        result = text_of(translator, -1)
    else:
        translator.whole(-1)
        value = translator.seen(-1)
        function = builtins.repr if conversion == 2 else builtins.ascii
        plain = value.number or value.kind == NONE or class_of(value) in (str, bytes)
        result = c_result(translator, function, (value,), str) if plain else None
    if result is None:
        return False
    value = translator.pop()
    if result is not value:
        translator.consume(value)
    translator.push(result)
    return True


def with_format(translator: Translator) -> bool:
    """Replaces a value and its format on the stack by the formatted text; returns whether it has done so."""
    for place in (-2, -1):
        translator.whole(place)
        translator.seen(place)
    value, specification = translator.state.stack[-2:]
    if not (value.number or class_of(value) is str) or class_of(specification) is not str:
        return False
    result = c_result(translator, builtins.format, (value, specification), str)
    translator.pop(), translator.pop()
    translator.consume(specification, value)
    translator.push(result)
    return True


@form("BUILD_STRING")
def build_string(translator: Translator, instruction: Instruction) -> None:
    count = instruction.arg
    values = tuple(translator.state.stack[len(translator.state.stack) - count :])
    if count > LIMIT or any(class_of(value) is not str for value in values):
        call_out(translator, instruction)
        return
    number = translator.gather(None, tuple(value._replace(owned=False) for value in values), ())
    result = translator.temporary()
    translator.emit("BUILD_TEXT", a=result, e=number)
    del translator.state.stack[len(translator.state.stack) - count :]
    translator.consume(*values)
    translator.push(Value(OBJECT, result, str, True))
