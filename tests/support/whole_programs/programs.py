"""Writes the program of a seed: a sample, changed in some ways, and calls with arguments of many types."""

from __future__ import annotations

import ast
import copy
import functools
import random
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.reduction import replace
from tests.support.whole_programs.library import EVENTS, HEAD
from tests.support.whole_programs.model import SURROUNDINGS, Call, Program
from tests.support.whole_programs.mutations import Place, change, hostile

SECTION = "\n# == "
CHANGED = (0, 1, 1, 1, 2, 2, 2, 3, 3, 4, 6)
"""So many changes of a program, each as likely."""


@dataclass(frozen=True)
class Sample:
    """A section of a file of samples: its functions, and arguments for calls of them."""

    name: str
    imports: str
    text: str
    calls: dict[str, list[str]]


@functools.cache
def samples() -> tuple[Sample, ...]:
    found = []
    for file in sorted((Path(__file__).parent / "samples").glob("[a-z]*.py")):
        head, *sections = file.read_text(encoding="utf-8").split(SECTION)
        imports = head.partition("from __future__ import annotations\n")[2]
        names: dict[str, Any] = {"__name__": __name__}
        exec(imports, names)
        for section in sections:
            name, _, text = section.partition("\n")
            exec(text, names)
            found.append(Sample(f"{file.stem}: {name}", imports, text, names["CALLS"]))
    return tuple(found)


def write_program(seed: int) -> Program:
    """Returns the program of a seed; it is the same in each process."""
    pick = random.Random(seed)
    sample = pick.choice(samples())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about literals that are compared
        tree = _tree(sample)
        wanted = pick.choice(CHANGED)
        changed = sum(change(tree, pick) for _ in range(wanted))
        calls = _calls(sample, tree, pick)
    text = f"{sample.imports}{HEAD}{ast.unparse(tree)}\n"
    return Program(seed, text, calls, f"{sample.name}, {changed} changes")


def unchanged(sample: Sample) -> Program:
    """Returns the program of a sample as it stands, with all of its calls."""
    calls = tuple(Call(function, arguments) for function, given in sample.calls.items() for arguments in given)
    return Program(0, f"{sample.imports}\n{ast.unparse(_tree(sample))}\n", calls, sample.name)


def _tree(sample: Sample) -> ast.Module:
    tree = ast.parse(sample.text)
    tree.body = [node for node in tree.body if not _is_table(node)]
    return tree


def _is_table(node: ast.stmt) -> bool:
    """Whether a statement makes one of the tables of arguments."""
    return isinstance(node, ast.Assign) and isinstance(name := node.targets[0], ast.Name) and name.id.isupper()


def _calls(sample: Sample, tree: ast.Module, pick: random.Random) -> tuple[Call, ...]:
    """Calls of one or two functions, by turns with arguments of different types."""
    functions = pick.sample(sorted(sample.calls), min(len(sample.calls), pick.choice([1, 1, 2])))
    place = Place(copy.deepcopy(tree), pick)
    found = []
    for _ in range(pick.randrange(2, 8)):
        function = pick.choice(functions)
        arguments = pick.choice(sample.calls[function])
        while pick.random() < 0.3:
            arguments = _changed(arguments, pick)
        if pick.random() < 0.2:
            arguments = _enlarged(arguments, pick)
        before = place.filled(pick.choice(EVENTS)) if pick.random() < 0.08 else ""
        around = pick.choice(SURROUNDINGS[1:]) if pick.random() < 0.2 else ""
        found.append(Call(function, arguments, before, pick.choice([1, 1, 1, 2, 2, 3, 3, 40]), around))
    return tuple(found)


def _enlarged(arguments: str, pick: random.Random) -> str:
    """Longer lists and larger numbers: loops that take their fuel, and have machine code in their midst."""
    tree = ast.parse(arguments, mode="eval")
    for node in [*ast.walk(tree.body)]:
        by = pick.choice([30, 300, 1500])
        if isinstance(node, ast.List) and node is not tree.body and isinstance(node.ctx, ast.Load):
            replace(tree, node, ast.BinOp(node, ast.Mult(), ast.Constant(by)))
            break
        if isinstance(node, ast.Constant) and type(node.value) in (int, str, bytes) and pick.random() < 0.7:
            node.value *= by
    return ast.unparse(tree)


def _changed(arguments: str, pick: random.Random) -> str:
    tree = ast.parse(arguments, mode="eval")
    nodes = [node for node in ast.walk(tree.body) if isinstance(node, ast.expr) and node is not tree.body]
    if not nodes:
        return arguments
    node = pick.choice(nodes)
    if isinstance(node, (ast.List, ast.Tuple)) and isinstance(node.ctx, ast.Load):
        form = pick.choice(
            ["Loud({})", "tuple({})", "list({})", "{} * 3", "{} * 40", "iter({})", "set({})", "{}[:1]", "{}[::-1]"]
        )
        text = ast.unparse(node)
        new = text if "nan" in text and "set" in form else form.format(text)  # the hash of a NaN is that of its address
    elif isinstance(node, ast.Constant):
        new = hostile(node.value, pick)
    else:
        return arguments
    replace(tree, node, ast.parse(new, mode="eval").body)
    return ast.unparse(tree)
