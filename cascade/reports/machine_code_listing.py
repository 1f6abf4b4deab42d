"""The listing of machine code: what the machine executes for each instruction of a kernel, beside it."""

from __future__ import annotations

import platform
from bisect import bisect_right
from collections.abc import Callable, Iterator

from cascade._vm import BlockKernel, Kernel
from cascade.imports import TYPE_CHECKING

if TYPE_CHECKING:
    from capstone import Cs

INDENT = " " * 12
BYTES_SHOWN = 20
"""On a line, where there is no disassembler."""
JUMPS = ("j", "b")
"""How the names of jumps begin, on x86-64 and on aarch64."""
HINT = "its bytes: pip install 'cascade-engine[listing]' for its instructions"
Decoded = Callable[[bytes, int], Iterator[tuple[int, str]]]
"""Yields the offset and the text of each machine instruction in some bytes, which begin at an offset."""


class MachineCodeListing:
    """The machine code of a kernel, by its instructions.

    Attributes:
        title: says which tier executes the kernel, and how much of it.
    """

    def __init__(self, kernel: Kernel | BlockKernel, instructions: int) -> None:
        made = kernel.machine_code()
        self._bytes, self._starts, _ = made or (b"", [], 0)
        disassembler = _disassembler() if made else None
        self._decoded: Decoded = _hexadecimal if disassembler is None else _decoder(disassembler, self._target)
        self.title = "executed by handlers"
        if made:
            count = kernel.forms_in_machine_code
            self.title = f"{count} of {instructions} in {len(self._bytes)} bytes of machine code"
            if disassembler is None:
                self.title += f"; {HINT}"

    def of(self, number: int) -> list[str]:
        """Returns the lines of an instruction; none where it was made since."""
        if number + 1 >= len(self._starts):
            return []
        start, end = self._starts[number], self._starts[number + 1]
        return [f"{INDENT}{at:04x}  {text}" for at, text in self._decoded(self._bytes[start:end], start)]

    def rest(self) -> list[str]:
        """Returns a line about what is off the usual way; none where there is no machine code."""
        if not self._starts:
            return []
        start, end = self._starts[-1], len(self._bytes)
        return [
            f"{INDENT}{start:04x}  {end - start} bytes off the usual way: to handlers, from them, and between loops"
        ]

    def _target(self, offset: int) -> str:
        """Returns where a jump leads in words."""
        if offset >= self._starts[-1]:
            return "off the usual way"
        number = bisect_right(self._starts, offset) - 1
        return str(number) if self._starts[number] == offset else ""


def _hexadecimal(code: bytes, start: int) -> Iterator[tuple[int, str]]:
    for at in range(0, len(code), BYTES_SHOWN):
        yield start + at, code[at : at + BYTES_SHOWN].hex(" ")


def _disassembler() -> Cs | None:
    try:
        import capstone
    except ImportError:
        return None
    if platform.machine().lower() in ("aarch64", "arm64"):
        return capstone.Cs(capstone.CS_ARCH_ARM64, capstone.CS_MODE_ARM)
    return capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)


def _decoder(disassembler: Cs, target: Callable[[int], str]) -> Decoded:
    def decoded(code: bytes, start: int) -> Iterator[tuple[int, str]]:
        for at, _, name, operands in disassembler.disasm_lite(code, start):
            text = f"{name:<9} {operands}".rstrip()
            to = operands.removeprefix("#")
            words = target(int(to, 16)) if name.startswith(JUMPS) and to.startswith("0x") else ""
            yield at, f"{text:<22} -> {words}" if words else text

    return decoded
