"""The code of continuations is consistent: over hundreds of functions of the standard library, none of which is executed."""

from __future__ import annotations

import argparse
import ast
import asyncio.base_events
import calendar
import collections
import configparser
import csv
import datetime
import decimal
import difflib
import dis
import email.message
import fractions
import heapq
import inspect
import json.encoder
import logging
import opcode
import pathlib
import random
import statistics
import tarfile
import textwrap
import threading
import types
import zipfile
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any

import pytest

from cascade.kernels.blocks.code_tables import CodeTables
from cascade.kernels.blocks.resume import ContinuationError, continuation
from tests.support import bytecode_states as states

MODULES = [
    argparse, ast, asyncio.base_events, calendar, collections, configparser, csv, datetime, decimal, difflib, email.message, fractions,
    heapq, inspect, json.encoder, logging, pathlib, random, statistics, tarfile, textwrap, threading, types, zipfile,
]  # fmt: skip
SUSPENDABLE = 0x20 | 0x80 | 0x200


def functions_of(module: Any) -> Iterator[FunctionType]:
    """Yields the functions of a module and those inside of them, the latter with empty cells."""
    source = compile(inspect.getsource(module), module.__file__, "exec", dont_inherit=True)
    codes = [source]
    while codes:
        code = codes.pop()
        codes += [const for const in code.co_consts if isinstance(const, CodeType)]
        if code.co_flags & 0x02 and not code.co_flags & SUSPENDABLE:  # a function's: its locals are fast
            cells = tuple(types.CellType() for _ in code.co_freevars)
            yield FunctionType(code, vars(module), None, None, cells)


def in_quick_set(number: int, module: Any) -> Any:
    return pytest.param(module, id=module.__name__, marks=[pytest.mark.slow] if number % 4 else [])


@pytest.mark.parametrize("module", [in_quick_set(*each) for each in enumerate(MODULES)])
def test_the_user_s_code_is_the_same_behind_any_prologue(module: Any):
    """In three continuations of each function, with and without returns at the heads of loops."""
    for function in functions_of(module):
        tables, depths = CodeTables(function.__code__), states.stack_depths(function.__code__)
        for unit in sorted(depths)[tables.first :: max(1, len(depths) // 3)]:
            if unit >= tables.first:
                check(function, tables, unit, depths[unit], {})
                check(function, tables, unit, depths[unit], loop_heads(tables, depths))


def loop_heads(tables: CodeTables, depths: dict[int, int]) -> dict[int, tuple[object, tuple[int, ...], int]]:
    heads = {jump.target for jump in tables.jumps if jump.target < jump.start} & depths.keys()
    return {2 * head: (object(), (), depths[head]) for head in heads}


def check(function: FunctionType, tables: CodeTables, unit: int, depth: int, heads: dict[int, Any]) -> None:
    code = function.__code__
    raises = unit % 3 == 0
    bound = [slot for slot in range(len(tables.own_names)) if slot == 0 or (slot + unit) % 4]
    try:
        made = continuation(function, 2 * unit, bound, [True] * depth, raises, loop_heads=heads, tables=tables).__code__
    except ContinuationError as error:
        assert "super()" in str(error)
        return
    prologue = prologue_of(made)
    depths = states.stack_depths(made, raising=prologue[-2].unit if raises else None)
    assert max(depths.values()) <= made.co_stacksize
    assert list(dis.get_instructions(made))
    pairs = list(paired(code, made, len(prologue)))
    compare_instructions(code, made, pairs)
    compare_handlers(code, made, pairs)


def prologue_of(made: CodeType) -> list[states.Step]:
    """Returns the instructions of a prologue, which ends with the first NOP behind RESUME."""
    names = [opcode.opname[step.opcode] for step in states.steps(made).values()]
    return list(states.steps(made).values())[: names.index("NOP", names.index("RESUME")) + 1]


def paired(code: CodeType, made: CodeType, prologue: int) -> Iterator[tuple[states.Step, states.Step]]:
    """Yields each instruction of the user's with the one that stands for it in the continuation."""
    added = iter(list(states.steps(made).values())[prologue:])
    for step in sorted(states.steps(code).values()):
        new = next(added)
        yield step, new
        if states.caches(new.opcode) < states.caches(step.opcode):
            assert next(added).opcode == states.OP["NOP"]


def compare_instructions(code: CodeType, made: CodeType, pairs: list[Any]) -> None:
    new_units = {old.unit: new.unit for old, new in pairs}
    positions, new_positions = list(code.co_positions()), list(made.co_positions())
    for old, new in pairs:
        assert {positions[old.unit]} == set(new_positions[new.unit : new.end])
        assert names_of(code, old) == names_of(made, new)
        if old.opcode != new.opcode:
            assert redirected_name(opcode.opname[old.opcode]) == opcode.opname[new.opcode]
        elif old.target is not None:
            assert new.target == new_units[old.target]
        elif not states.slots_of(old):
            assert old.argument == new.argument


def redirected_name(name: str) -> str:
    assert "JUMP_BACKWARD" in name
    return name.replace("_NO_INTERRUPT", "").replace("BACKWARD", "FORWARD")


def names_of(code: CodeType, step: states.Step) -> list[str]:
    names = (*states.slot_names(code), *code.co_freevars)
    return [names[slot] for slot in states.slots_of(step)]


def compare_handlers(code: CodeType, made: CodeType, pairs: list[Any]) -> None:
    new_units = {2 * old.unit: 2 * new.unit for old, new in pairs} | {2 * pairs[-1][0].end: 2 * pairs[-1][1].end}
    expected = [
        (new_units[entry.start], new_units[entry.end], new_units[entry.target], entry.depth, entry.lasti)
        for entry in states.handlers(code)
    ]
    found = [(entry.start, entry.end, entry.target, entry.depth, entry.lasti) for entry in states.handlers(made)]
    assert found[len(found) - len(expected) :] == expected
    assert len(found) - len(expected) <= 1
