"""The kernels in other interpreters. An interpreter that is not installed is skipped, and a line says so."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from kernel_functions import Kernel
from measure import Measure, Run, always, by_itself

HERE = Path(__file__).parent
CLOCKED_STEPS = 8_000_000
"""As many runs are clocked together as have about so many steps: some ten milliseconds at least."""

STACK = 64 * 1024
"""Bytes, for wasm3; none of the kernels calls anything."""


@dataclass(frozen=True)
class Peer:
    """An interpreter beside ours.

    Attributes:
        name: as it stands in the results.
        package: the package that installs it.
        version: returns the version that it reports; None where it is not installed.
        measures: returns the measures of a kernel.
    """

    name: str
    package: str
    version: Callable[[], str | None]
    measures: Callable[[Kernel], list[Measure]]


def loops_of(kernel: Kernel) -> int:
    return max(round(CLOCKED_STEPS / kernel.steps), 1)


# -- Lua ------------------------------------------------------------------------------------------------------------


def lua_version(command: str) -> str | None:
    """Returns the first two words of `Lua 5.4.4  Copyright ...`."""
    if shutil.which(command) is None:
        return None
    shown = subprocess.run([command, "-v"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return " ".join(shown.split()[:2])


def run_lua(command: list[str], script: str, kernel: Kernel, loops: int) -> tuple[float, float]:
    """Runs a kernel in a process of its own; returns the seconds that the script reports, and the answer."""
    arguments = [script, str(loops), *map(repr, kernel.arguments)]
    whole = [*command, str(HERE / "lua" / "kernels.lua"), *arguments]
    seconds, answer = subprocess.run(whole, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    return float(seconds), float(answer)


def lua_measures(command: list[str], name: str, kernel: Kernel) -> list[Measure]:
    scripts = [kernel.name, f"{kernel.name} by tail calls"] if kernel.by_tail_calls else [kernel.name]

    def measure(script: str) -> Measure:
        run = partial(run_lua, command, script, kernel)
        expected = always(kernel.answer)
        return Measure(f"{script}, {name}", always(run), expected, kernel.steps, by_itself, loops_of(kernel))

    return [measure(script) for script in scripts]


def lua(name: str, package: str, *command: str) -> Peer:
    return Peer(name, package, partial(lua_version, command[0]), partial(lua_measures, list(command), name))


# -- wasm3 ----------------------------------------------------------------------------------------------------------


def wasm_version() -> str | None:
    if any(importlib.util.find_spec(module) is None for module in ("wasm3", "wasmtime")):
        return None
    return f"pywasm3 {importlib.metadata.version('pywasm3')}"


def prepare_wasm(kernel: Kernel) -> Run:
    import wasm3  # type: ignore[import-not-found]
    import wasmtime

    binary = bytes(wasmtime.wat2wasm((HERE / "wasm" / "kernels.wat").read_text()))
    environment = wasm3.Environment()
    runtime = environment.new_runtime(STACK)
    runtime.load(environment.parse_module(binary))
    runtime.find_function(kernel.name)(*kernel.few)  # is compiled when it is first called

    def run() -> int | float:
        # Found anew, which takes a microsecond, so that the runtime lives as long as its function.
        answer: int | float = runtime.find_function(kernel.name)(*kernel.arguments)
        return answer

    return run


def wasm_measures(name: str, kernel: Kernel) -> list[Measure]:
    prepare = partial(prepare_wasm, kernel)
    return [Measure(f"{kernel.name}, {name}", prepare, always(kernel.answer), kernel.steps, loops=loops_of(kernel))]


# -- All of them ----------------------------------------------------------------------------------------------------

LUA = lua("Lua 5.4", "Debian's lua5.4", "lua5.4")
LUAJIT = lua("LuaJIT -joff", "Debian's luajit", "luajit", "-joff")
WASM3 = Peer("wasm3", "PyPI's pywasm3 and wasmtime", wasm_version, partial(wasm_measures, "wasm3"))
PEERS = [LUA, LUAJIT, WASM3]


@cache
def installed_peers() -> list[Peer]:
    return [peer for peer in PEERS if peer.version() is not None]
