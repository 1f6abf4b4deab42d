"""Runs the tests of modules in child processes, plainly and in the two ways with kernels, and compares the outcomes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.standard_library.suites import FUNCTIONS, PLAIN, TESTS, Suite

LIMIT = 300.0
"""Seconds that a child may take."""


@dataclass
class Compared:
    """Outcomes of the tests of a module in one way, beside those without kernels."""

    tests: str
    way: str
    count: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        counts = ", ".join(f"{count:,} {name}" for name, count in self.counts.items())
        text = f"{self.tests}, {self.way}: {self.count:,} tests, {counts}, {len(self.differences)} differences"
        return "\n".join([text, *self.differences])


def run_child(suite: Suite, way: str, limit: float, only: str) -> dict[str, Any] | str:
    """Returns the outcomes and counts of one child, or how it ended."""
    environment = {
        **os.environ,
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "CASCADE_MACHINE_CODE": "at once",
        "CASCADE_VERIFY_BLOCKS": "1",
    }
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "outcomes.json")
        child = [sys.executable, "-X", "faulthandler", "-m", "tests.support.standard_library.child"]
        given = [suite.tests, way, str(output), " ".join(suite.modules), " ".join(suite.left_out_of(way)), only]
        log = Path(folder, "log")
        with log.open("wb") as stream:
            try:
                done = subprocess.run(
                    [*child, *given], stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, check=False,
                    env=environment, timeout=limit,
                )  # fmt: skip
            except subprocess.TimeoutExpired:
                return f"not ended after {limit:g} s"
        if output.exists():
            return json.loads(output.read_text())
        return f"exit code {done.returncode}: {log.read_text(errors='replace')[-3000:]}"


def compare(suite: Suite, limit: float = LIMIT, only: str = "") -> list[Compared]:
    """Compares the tests of a suite, or those with a text in their names, in all ways."""
    plain = run_child(suite, PLAIN, limit, only)
    if isinstance(plain, str):
        return [Compared(suite.tests, PLAIN, differences=[plain])]
    ways = [TESTS, FUNCTIONS] if suite.modules else [TESTS]
    return [compare_outcomes(suite, way, plain, run_child(suite, way, limit, only)) for way in ways]


def compare_outcomes(suite: Suite, way: str, plain: dict[str, Any], found: dict[str, Any] | str) -> Compared:
    if isinstance(found, str):
        return Compared(suite.tests, way, differences=[found])
    counts = {name: value for name, value in found.items() if isinstance(value, int)}
    compared = Compared(suite.tests, way, len(found["outcomes"]), counts)
    for name in sorted({**plain["outcomes"], **found["outcomes"]}):
        expected, outcome = plain["outcomes"].get(name), found["outcomes"].get(name)
        if expected != outcome and not any(part in name for part in suite.left_out_of(way)):
            text = found["texts"].get(name) or plain["texts"].get(name, "")
            compared.differences.append(f"    {name}: {expected} without kernels, {outcome} with\n{text}")
    return compared
