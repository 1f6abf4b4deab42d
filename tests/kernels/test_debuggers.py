"""Machine code has names in gdb where the environment asks for it, as long as it is there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from functools import cache

import pytest

from cascade import _vm

pytestmark = pytest.mark.skipif(
    not _vm.has_machine_code() or not sys.platform.startswith("linux"),
    reason="no machine code with names for debuggers",
)

SPIN = """
import signal, sys
import cascade as cs

def spin(values, turns):
    total = 0
    for _ in range(turns):
        for value in values:
            total += value
    return total

task = cs.task(spin, lower=True)
program = cs.compile(task)
program([1, 2, 3], 30_000)
"""

UNDER_GDB = """
signal.signal(signal.SIGVTALRM, lambda *_: sys.exit(3))
signal.setitimer(signal.ITIMER_VIRTUAL, 0.3)
program([1, 2, 3], 10**10)
"""

LISTED = """
import ctypes, gc, struct
from cascade import _vm

class Entry(ctypes.Structure):
    pass

Entry._fields_ = [("next", ctypes.POINTER(Entry)), ("before", ctypes.POINTER(Entry)), ("file", ctypes.c_void_p), ("size", ctypes.c_uint64)]

class Descriptor(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("action", ctypes.c_uint32), ("relevant", ctypes.POINTER(Entry)), ("first", ctypes.POINTER(Entry))]

descriptor = Descriptor.in_dll(ctypes.CDLL(_vm.__file__), "__jit_debug_descriptor")

def listed():
    found, entry = [], descriptor.first
    while entry:
        text = ctypes.string_at(entry.contents.file, entry.contents.size)
        sections, (count,) = struct.unpack_from("<Q", text, 40)[0], struct.unpack_from("<H", text, 60)
        assert text[:4] == b"\\x7fELF" and count == 4
        (address, size), at = struct.unpack_from("<16xQ8xQ", text, sections + 64), struct.unpack_from("<24xQ", text, sections + 192)[0]
        name = text[at + struct.unpack_from("<I", text, struct.unpack_from("<24xQ", text, sections + 128)[0] + 24)[0]:]
        found.append((name[:name.index(b"\\0")].decode(), address, size))
        entry = entry.contents.next
    return found

code, _, address = task.routine.block_kernel.machine_code()
assert ("cascade::spin", address, len(code)) in listed(), listed()
for number in range(41):
    another = cs.task(type(spin)(spin.__code__.replace(co_name="other", co_qualname=f"other{number}"), globals(), "other"), lower=True)
    cs.compile(another)([1, 2], 20_000)
    assert any(name == f"cascade::other{number}" for name, _, _ in listed())
    if number % 2:
        del another
        gc.collect()
del program, task, another
gc.collect()
print(sorted(name for name, _, _ in listed()))
"""


def run(script: str, names: str, *under: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "CASCADE_MACHINE_CODE_GDB": names, "CASCADE_MACHINE_CODE": ""}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    command = [*under, sys.executable, "-c", textwrap.dedent(script)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=environment)


@cache
def gdb() -> str | None:
    """The path of a gdb that may run programs here; None where there is none."""
    path = shutil.which("gdb")
    if path is None:
        return None
    tried = subprocess.run(
        [path, "-nx", "-batch", "-ex", "run", "--args", "/bin/true"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return path if "exited normally" in tried.stdout else None


@pytest.mark.parametrize("names", ["1", ""])
def test_gdb_shows_the_function_in_a_stack_that_it_can_follow(names):
    path = gdb()
    if path is None:
        pytest.skip("no gdb that may run programs")
    commands = ("set debuginfod enabled off", "handle SIGVTALRM stop nopass", "run", "backtrace 3", "kill")
    under = (path, "-nx", "-batch", *(word for command in commands for word in ("-ex", command)), "--args")
    for _ in range(5):  # the signal may strike where the kernel has left its code, to look for signals
        frames = [line for line in run(SPIN + UNDER_GDB, names, *under).stdout.splitlines() if line.startswith("#")]
        assert frames
        if not names or "in cascade::spin ()" in frames[0]:
            break
    if names:
        assert "in cascade::spin ()" in frames[0]
        assert "cascade_step_in" in frames[1]
    else:
        assert not any("cascade::" in frame for frame in frames)


@pytest.mark.parametrize("names", ["1", ""])
def test_names_come_and_go_with_machine_code(names):
    script = SPIN + LISTED if names else SPIN + LISTED.split("code, _,", maxsplit=1)[0] + "print(listed())"
    done = run(script, names)
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr[-2000:]
