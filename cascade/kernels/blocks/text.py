"""Forms of text and bytes."""

from __future__ import annotations

import builtins

from cascade.kernels.blocks.c_calls import BYTES, NO, STR, WHOLE, Classes, c_function

SPAN = (STR, (*WHOLE, *NO), (*WHOLE, *NO))
BYTE_SPAN = (BYTES, (*WHOLE, *NO), (*WHOLE, *NO))
TESTS = ("isalnum", "isalpha", "isascii", "isdigit", "islower", "isspace", "istitle", "isupper")


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
enter_methods(str, ("isdecimal", "isidentifier", "isnumeric", "isprintable"), bool)
enter_methods(str, ("casefold",), str)
enter_methods(str, ("join",), str, (list, tuple))
enter_methods(str, ("encode",), bytes)
enter_methods(bytes, ("decode", "hex"), str)
c_function(builtins.repr, str, (str, bytes, int, float, bool, type(None)))
c_function(builtins.ascii, str, (str, bytes, int, float, bool, type(None)))
for to_base in (builtins.bin, builtins.hex, builtins.oct):
    c_function(to_base, str, WHOLE)
c_function(builtins.format, str, (str, int, float), STR, optional=1)
