"""Crashes: random programs that are killed where they save, and in between. `tools/crash_runs.py` kills many more."""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import Any

import pytest

import cascade as cs
from cascade.testing import crash_at_every_commit
from tests.conftest import Path
from tests.support.durable import tasks
from tests.support.durable.programs import crash

pytestmark = pytest.mark.once


@pytest.mark.parametrize("seed", [2, 9, 19, 29])
def test_a_random_program_has_the_same_value_and_effects_however_it_is_killed(path: Path, seed: int) -> None:
    crashes = crash(seed, use_vm=path.use_vm, at_random=1, most=4)
    assert crashes.kills >= 4


def test_a_run_survives_a_crash_before_and_after_each_of_its_commits(path: Path, tmp_path: FilePath) -> None:
    file = tmp_path / "file"
    crashes = crash_at_every_commit(
        lambda: tasks.together(tasks.write_once(str(file), "a"), tasks.decide(cs.wait("go"), tasks.slow_count(2))),
        use_vm=path.use_vm,
        signals={"go": 1},
        begin=lambda: file.unlink(missing_ok=True),
        check=file.read_text,
        doubt=tasks.settle,
    )
    assert crashes.value == ["a", "1: 3"] and crashes.kills == 2 * crashes.commits > 10


def test_the_kit_sees_an_effect_that_is_repeated(path: Path, tmp_path: FilePath) -> None:
    file = tmp_path / "file"
    with pytest.raises(AssertionError, match=r"killed at commit \d+, before it: "):
        crash_at_every_commit(
            lambda: tasks.add(tasks.note(str(file)), 1),
            use_vm=path.use_vm,
            begin=lambda: file.unlink(missing_ok=True),
            check=file.read_text,
        )


def test_a_map_that_is_over_is_not_made_again_when_another_one_is_saved_before_the_run_has_its_result(
    path: Path, tmp_path: FilePath
) -> None:
    file = tmp_path / "file"

    def target() -> Any:
        maps = [tasks.write_as_list.map([str(file)] * 2, [f"{each} a", f"{each} b"]) for each in range(3)]
        return tasks.together(*maps, tasks.write_later.map([str(file)] * 2, ["c", "d"]))

    crashes = crash_at_every_commit(
        target,
        use_vm=path.use_vm,
        begin=lambda: file.unlink(missing_ok=True),
        check=lambda: sorted(file.read_text().splitlines()),
        doubt=tasks.settle,
    )
    # Items that end together share a commit, so that a run may be over a commit or two before the undisturbed one was.
    assert crashes.kills > crashes.commits > 10
