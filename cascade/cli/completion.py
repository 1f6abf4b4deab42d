"""Completion of command lines in bash, zsh and fish: `eval "$(cascade completion bash)"`.

The script of a shell calls `cascade completion SHELL --words ...` with the words so far and prints candidates for the last one. The
commands and their options are those of the parser. Targets and their parameters are read from the text of a module: pressing a key runs no code of it.
"""

from __future__ import annotations

import argparse
import ast
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from cascade.cli.options import ENGINE_OPTIONS

MODULES = 400
"""Files of a folder that are offered."""

BASH = """_cascade() {
    local line="${COMP_LINE:0:COMP_POINT}" words candidate
    read -ra words <<< "$line"
    [[ "$line" == *[[:space:]] ]] && words+=("")
    COMPREPLY=()
    while IFS= read -r candidate; do
        COMPREPLY+=("$candidate")
    done < <(command "${words[0]}" completion bash --words "${words[@]:1}" 2> /dev/null)
    [[ ${#COMPREPLY[@]} -gt 0 && "${COMPREPLY[0]}" == *[:/] ]] && compopt -o nospace 2> /dev/null
    return 0
}
complete -o bashdefault -o default -F _cascade cascade
"""
ZSH = """#compdef cascade
_cascade() {
    local -a found open
    found=("${(@f)$(command "${words[1]}" completion zsh --words "${(@)words[2,CURRENT]}" 2> /dev/null)}")
    open=("${(@M)found:#*[:/]}")
    found=("${(@)found:#*[:/]}")
    [[ -n "$open" ]] && compadd -S '' -a open
    [[ -n "$found" ]] && compadd -a found
    (( ${#found} + ${#open} > 0 )) && [[ -n "$found$open" ]] || _files
}
compdef _cascade cascade
"""
FISH = """function __cascade_words
    set -l words (commandline -opc) (commandline -ct)
    command $words[1] completion fish --words $words[2..] 2> /dev/null
end
complete -c cascade -f -a '(__cascade_words)'
complete -c cascade -n '__fish_seen_subcommand_from report' -F
"""
SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}


def candidates(parser: argparse.ArgumentParser, words: Sequence[str], shell: str) -> list[str]:
    """Returns the words that may stand in place of the last one, sorted.

    Args:
        words: those after the program's name; the last one may be empty.
        shell: "bash" takes `:` and `=` for ends of words, so it is given the rest behind the last one.
    """
    *before, word = words or [""]
    found = sorted({each for each in _possible(parser, before, word) if each.startswith(word)})
    if shell != "bash":
        return found
    known = max(word.rfind(":"), word.rfind("=")) + 1
    return [each[known:] for each in found]


def _possible(parser: argparse.ArgumentParser, before: Sequence[str], word: str) -> Iterator[str]:
    at = 0
    while at < len(before):
        action = _option(parser, before[at])
        inner = _commands(parser).get(before[at])
        if inner is not None:
            parser = inner
        elif action is not None:
            if action.nargs != 0 and at + 1 == len(before):
                yield from _choices(action)
                return
            at += action.nargs != 0
        elif before[at].startswith("-") or not _takes_target(parser):
            return
        else:
            yield from _parameters(before[at])
            if _option(parser, "--graph-path") is not None:  # of `run`, whose options may stand here
                yield from (f"--{name}" for name in ENGINE_OPTIONS)
            return
        at += 1
    yield from _next_words(parser, word)


def _next_words(parser: argparse.ArgumentParser, word: str) -> Iterator[str]:
    yield from _commands(parser)
    option, equals, _ = word.partition("=")
    action = _option(parser, option)
    if equals and action is not None:
        yield from (f"{option}={each}" for each in _choices(action))
    elif word.startswith("-"):
        yield from (flag for flag in parser._option_string_actions if flag.startswith("--") or flag == "-h")
    elif _takes_target(parser):
        yield from _targets(word)
    else:
        for positional in parser._get_positional_actions():
            yield from _choices(positional) if not isinstance(positional, argparse._SubParsersAction) else ()


def _commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def _option(parser: argparse.ArgumentParser, word: str) -> argparse.Action | None:
    return parser._option_string_actions.get(word)


def _choices(action: argparse.Action) -> list[str]:
    return [str(each) for each in action.choices or ()]


def _takes_target(parser: argparse.ArgumentParser) -> bool:
    return any(action.metavar == "MODULE:TARGET" for action in parser._get_positional_actions())


# -- Targets, from the text of modules --------------------------------------------------------------------------------


def _targets(word: str) -> Iterator[str]:
    place, colon, _ = word.rpartition(":")
    if colon:
        yield from (f"{place}:{name}" for name in _names(_tree_of(place)))
        return
    folder = Path(os.path.dirname(word) or ".")
    if not folder.is_dir():
        return
    prefix = word[: len(word) - len(os.path.basename(word))]
    for entry in sorted(folder.iterdir())[:MODULES]:
        if entry.name.startswith((".", "_")):
            continue
        if entry.suffix == ".py":
            if any(True for _ in _names(_tree_of(str(entry)))):
                yield f"{prefix}{entry.name}:"
        elif entry.is_dir() and any(entry.glob("*.py")):
            yield f"{prefix}{entry.name}/"


def _tree_of(place: str) -> ast.Module:
    path = Path(place)
    if not place.endswith(".py") and os.sep not in place:
        path = Path(*place.split(".")).with_suffix(".py")
        if not path.exists():
            path = Path(*place.split("."), "__init__.py")
    try:
        return ast.parse(path.read_bytes())
    except (OSError, ValueError, SyntaxError, RecursionError):
        return ast.Module([], [])


def _names(module: ast.Module) -> Iterator[str]:
    """Yields the names of tasks, and of values of calls at the top of a module, which may be LazyResults."""
    makers = _makers(module)
    if not makers:
        return
    tasks = set()
    for node in module.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and _is_task(node, makers):
            tasks.add(node.name)
            yield node.name
        elif isinstance(node, ast.Assign) and isinstance(node.value, (ast.Call, ast.List, ast.Dict, ast.BinOp)):
            used = {each.id for each in ast.walk(node.value) if isinstance(each, ast.Name)}
            if used & (tasks | makers) and not _is_input(node.value):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        tasks.add(target.id)
                        yield target.id


def _makers(module: ast.Module) -> set[str]:
    """Returns the names under which a module knows Cascade, and its functions."""
    found = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            found |= {each.asname or each.name for each in node.names if each.name == "cascade"}
        elif isinstance(node, ast.ImportFrom) and node.module == "cascade":
            found |= {each.asname or each.name for each in node.names}
    return found


def _is_task(function: ast.FunctionDef | ast.AsyncFunctionDef, makers: set[str]) -> bool:
    for decorator in function.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if isinstance(called, ast.Attribute) and called.attr == "task":
            return isinstance(called.value, ast.Name) and called.value.id in makers
        if isinstance(called, ast.Name) and called.id == "task" and "task" in makers:
            return True
    return False


def _is_input(value: ast.expr) -> bool:
    called = value.func if isinstance(value, ast.Call) else None
    name = called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
    return name in ("Param", "Env", "MemoryCache", "DiskCache", "Store", "Retry", "Engine")


def _parameters(target: str) -> Iterator[str]:
    """Yields the options of a target: a task's own parameters, and the parameters that its module names."""
    place, _, name = target.rpartition(":")
    module = _tree_of(place)
    for node in module.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == name:
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            yield from (f"--{each.arg.replace('_', '-')}" for each in arguments)
            return
    for call in ast.walk(module):
        if isinstance(call, ast.Call) and ast.unparse(call.func).rpartition(".")[2] == "Param" and call.args:
            first = call.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield f"--{first.value.replace('_', '-')}"
    yield "--help"
