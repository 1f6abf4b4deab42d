"""The kernels in other languages, and by other compilers. A peer that is not installed is skipped, and a line says so."""

from __future__ import annotations

import ctypes
import importlib.metadata
import importlib.util
import shutil
import subprocess
import tempfile
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
    """An interpreter or a compiler beside ours.

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


# -- C --------------------------------------------------------------------------------------------------------------

C_OPTIONS = ["-O2", "-ffp-contract=off", "-shared", "-fPIC"]
ENOUGH_FUEL = 1 << 62


def c_version() -> str | None:
    if shutil.which("gcc") is None:
        return None
    shown = subprocess.run(["gcc", "-dumpfullversion"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return f"gcc {shown.strip()}"


@cache
def c_library() -> ctypes.CDLL:
    """Compiles the kernels in C, whose exits are those of typed code."""
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "kernels.so"
        subprocess.run(["gcc", *C_OPTIONS, "-o", str(library), str(HERE / "c" / "kernels.c")], check=True)
        return ctypes.CDLL(str(library))


def prepare_c(kernel: Kernel) -> Run:
    function = getattr(c_library(), kernel.name.replace("-", "_"))
    types = [
        ctypes.c_double if type(value) is float else ctypes.c_int64 for value in (*kernel.arguments, kernel.answer)
    ]
    *taken, returned = types
    function.argtypes = [ctypes.c_int64, *taken, ctypes.POINTER(returned)]
    answer = returned()

    def run() -> int | float:
        if function(ENOUGH_FUEL, *kernel.arguments, ctypes.byref(answer)) != 0:
            raise AssertionError(f"{kernel.name} exits")
        value: int | float = answer.value
        return value

    return run


# -- numba ----------------------------------------------------------------------------------------------------------


def numba_version() -> str | None:
    found = importlib.util.find_spec("numba")
    return None if found is None else f"numba {importlib.metadata.version('numba')}"


def prepare_numba(kernel: Kernel) -> Run:
    import numba  # type: ignore[import-not-found]

    function = numba.njit(kernel.plain)
    function(*kernel.few)  # is compiled when it is first called
    return partial(function, *kernel.arguments)


def measures_by(prepare: Callable[[Kernel], Run], name: str, kernel: Kernel) -> list[Measure]:
    return [
        Measure(
            f"{kernel.name}, {name}",
            partial(prepare, kernel),
            always(kernel.answer),
            kernel.steps,
            loops=loops_of(kernel),
        )
    ]


# -- All of them ----------------------------------------------------------------------------------------------------

LUA = lua("Lua 5.4", "Debian's lua5.4", "lua5.4")
LUAJIT = lua("LuaJIT -joff", "Debian's luajit", "luajit", "-joff")
C = Peer("gcc -O2", "Debian's gcc", c_version, partial(measures_by, prepare_c, "gcc -O2"))
NUMBA = Peer("numba", "PyPI's numba", numba_version, partial(measures_by, prepare_numba, "numba"))
WASM3 = Peer("wasm3", "PyPI's pywasm3 and wasmtime", wasm_version, partial(measures_by, prepare_wasm, "wasm3"))
PEERS = [C, NUMBA, LUA, LUAJIT, WASM3]


@cache
def installed_peers() -> list[Peer]:
    return [peer for peer in PEERS if peer.version() is not None]
