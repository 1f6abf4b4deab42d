"""Writes the files that derive from the instruction table; `--check` only proves that they are current."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from cascade.instructions.table import INSTRUCTIONS, TYPED_INSTRUCTIONS  # noqa: E402


def opcode_declarations() -> str:
    lines = ["# Generated from cascade/instructions/table.py by tools/generate.py; do not edit.", "", "cdef enum Opcode:"]
    lines += [f"    {row.name} = {number}" for number, row in enumerate(INSTRUCTIONS)]
    lines += [f"    OPCODE_COUNT = {len(INSTRUCTIONS)}", "", "cdef enum TypedOpcode:"]
    lines += [f"    TYPED_{row.name} = {number}" for number, row in enumerate(TYPED_INSTRUCTIONS)]
    lines += [f"    TYPED_COUNT = {len(TYPED_INSTRUCTIONS)}"]
    return "\n".join(lines) + "\n"


def opcode_reference() -> str:
    lines = [
        "# Instructions",
        "",
        "Generated from `cascade/instructions/table.py` by `tools/generate.py`. The word format and the meaning of slots, sources",
        "and argument lists stand at the head of that file; `r3!` reads slot 3 and drops the value.",
        "",
        "| opcode | name | what it does |",
        "|---|---|---|",
    ]
    for number, row in enumerate(INSTRUCTIONS):
        synopsis = row.synopsis.format(a="a", b="b", c="c")
        lines.append(f"| {number} | `{row.name}` | `{synopsis}` |")
    lines += ["", "Typed instructions, for the bodies of lowered tasks:", "", "| opcode | name | what it does |", "|---|---|---|"]
    for number, row in enumerate(TYPED_INSTRUCTIONS):
        leaves = f"; leaves for {row.leaves}" if row.leaves else ""
        lines.append(f"| {number} | `{row.name}` | `{row.synopsis}`{leaves} |")
    return "\n".join(lines) + "\n"


def typed_table() -> str:
    lines = ["/* Generated from cascade/instructions/table.py by tools/generate.py; do not edit. */", ""]
    lines += ["static cascade_handler const cascade_handlers[] = {"]
    lines += [f"    cascade_op_{row.name}," for row in TYPED_INSTRUCTIONS]
    return "\n".join([*lines, "};"]) + "\n"


GENERATED = {
    "cascade/vm/kernel_table.h": typed_table,
    "cascade/_opcodes.pxd": opcode_declarations,
    "docs/instructions.md": opcode_reference,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is not current")
    check = parser.parse_args().check
    stale = []
    for name, make in GENERATED.items():
        path = ROOT / name
        text = make()
        if path.exists() and path.read_text() == text:
            continue
        if check:
            stale.append(name)
        else:
            path.write_text(text)
            print(f"wrote {name}")
    if stale:
        print("not current: " + ", ".join(stale) + "; run python tools/generate.py", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
