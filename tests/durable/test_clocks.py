"""A clock of the machine that is set, forwards or back, while runs wait, are leased, or are due by a schedule."""

from __future__ import annotations

import threading
import time
from pathlib import Path as FilePath

import pytest

import cascade as cs
from cascade.durable.owner import Owner
from cascade.durable.schedules import start_due
from tests.conftest import Path
from tests.support.durable import tasks
from tests.support.growing import growing

HOUR = 3600.0


@pytest.fixture
def store(tmp_path: FilePath) -> cs.Store:
    return cs.Store(tmp_path / "runs.db")


class Clocks:
    """The clock of the machine, and the one that is never set; both can be moved on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._time, self._monotonic = time.time, time.monotonic
        self._shift = self._passed = 0.0
        monkeypatch.setattr(time, "time", lambda: self._time() + self._shift + self._passed)
        monkeypatch.setattr(time, "monotonic", lambda: self._monotonic() + self._passed)

    def set(self, seconds: float) -> None:
        """Sets the clock of the machine forwards, or back."""
        self._shift += seconds

    def wait(self, seconds: float) -> None:
        """Lets time pass."""
        self._passed += seconds


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    return Clocks(monkeypatch)


def parked(store: cs.Store, path: Path, seconds: float) -> cs.Run:
    target = tasks.decide(cs.wait("nothing", seconds, default="late"), 1)
    run = cs.start(target, store=store, id="run", use_vm=path.use_vm)
    run.wait()
    assert run.state().status == "waiting"
    return run


def test_a_parked_wait_is_due_at_its_moment(path: Path, store: cs.Store, clocks: Clocks) -> None:
    parked(store, path, HOUR)
    clocks.wait(HOUR - 60)
    assert cs.resume(store, "run").state().status == "waiting"
    clocks.wait(61)
    assert cs.resume(store, "run").result() == "late: 1"


@pytest.mark.parametrize("hours", [-1000, -1, 1, 1000])
def test_a_wait_beside_another_call_takes_its_timeout_whatever_the_clock_is_set_to(
    path: Path, store: cs.Store, clocks: Clocks, hours: float
) -> None:
    begun, go = threading.Event(), threading.Event()
    tasks.Held.begun, tasks.Held.go = begun, go
    target = tasks.together(cs.wait("nothing", 60, default="late"), tasks.held())
    run = cs.start(target, store=store, id="run", use_vm=path.use_vm)
    assert begun.wait(30)
    clocks.set(hours * HOUR)
    begun.clear()
    assert begun.wait(30)  # it has looked at the clock since then
    assert run.state().status == "running"
    clocks.wait(61)
    go.set()
    assert run.result(30) == ["late", "held"]


def test_a_clock_that_is_set_back_makes_a_parked_wait_no_longer_than_its_timeout(
    path: Path, store: cs.Store, clocks: Clocks
) -> None:
    parked(store, path, 60)
    clocks.set(-1000 * HOUR)
    worker = cs.Worker(store)
    clocks.set(-HOUR)  # the worker sees it
    worker.work(until_idle=True)
    due = store.run("run").due
    assert due is not None and 0 < due - time.time() <= 60
    clocks.wait(61)
    worker.work(until_idle=True)
    assert cs.Run(store, "run").result() == "late: 1"


def test_the_process_that_waits_for_a_parked_run_counts_by_a_clock_that_is_never_set(
    path: Path, store: cs.Store, clocks: Clocks
) -> None:
    run = parked(store, path, 60)
    with pytest.raises(TimeoutError):
        run.result(timeout=0)
    clocks.set(-HOUR)
    clocks.wait(61)
    with pytest.raises(TimeoutError):
        run.result(timeout=0.2)  # it has looked again: a minute at most is left
    clocks.wait(61)
    assert run.result(30) == "late: 1"


def test_a_retry_waits_no_longer_than_its_delay(
    path: Path, store: cs.Store, clocks: Clocks, tmp_path: FilePath
) -> None:
    target = tasks.fail_first(2, str(tmp_path / "attempts")).with_retry(cs.Retry(3, delay=0.01))
    assert cs.run(target, store=store, id="run", every=0, use_vm=path.use_vm) == 2
    clocks.set(-HOUR)
    for number, _, _ in store.snapshots("run"):
        (tmp_path / "attempts").write_text("x")
        assert cs.fork(store, "run", at=number).result(30) == 2


def test_the_time_that_a_run_has_taken_is_not_that_of_the_clock(path: Path, store: cs.Store, clocks: Clocks) -> None:
    target = tasks.together(tasks.slow_count(3), cs.wait("go"), tasks.slow_count(3))
    run = cs.start(target, store=store, id="run", timeout=60, use_vm=path.use_vm)
    run.wait()
    clocks.set(HOUR)
    cs.signal(store, "run", "go", 1)
    assert run.result() == [6, 1, 6]


def test_the_executions_of_a_run_have_one_timeout(path: Path, store: cs.Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for left in growing(0.1):
        with monkeypatch.context() as patch:
            tasks.Held.go = Clocks(patch).wait
            target = tasks.together(tasks.take_long(60 - left), tasks.slow_count(cs.wait("go")))
            run = cs.start(target, store=store, id=f"{left} s left", timeout=60, use_vm=path.use_vm)
            run.wait()
        if run.state().status == "waiting":  # its first execution was in time
            break
    cs.signal(store, run.id, "go", 10**9)
    with pytest.raises(cs.RunTimeoutError, match="the run took longer than 60 s"):
        cs.resume(store, run.id).result(30 + left)


# -- Leases ---------------------------------------------------------------------------------------------------------------


@pytest.mark.once
@pytest.mark.parametrize("hours", [-1, 1])
def test_a_process_of_this_machine_that_lives_keeps_its_runs(store: cs.Store, clocks: Clocks, hours: float) -> None:
    cs.start(tasks.decide(cs.wait("go"), 1), store=store, id="run").wait()
    cs.signal(store, "run", "go", 1)
    owner, other = Owner.new(), Owner.new()
    store.claim("run", owner)
    clocks.set(hours * HOUR)
    assert store.claim_next(other) is None
    clocks.wait(store.lease + 1)  # it was silent
    taken = store.claim_next(other)
    assert taken is not None and taken.id == "run"
    Owner.end(owner)
    Owner.end(other)


@pytest.mark.once
@pytest.mark.parametrize("hours", [-1, 1])
def test_a_process_of_another_machine_keeps_its_runs_while_it_renews_its_lease(
    store: cs.Store, clocks: Clocks, hours: float
) -> None:
    cs.start(tasks.decide(cs.wait("go"), 1), store=store, id="run").wait()
    cs.signal(store, "run", "go", 1)
    store.claim("run", "elsewhere:1:1:1")
    other = Owner.new()
    assert store.claim_next(other) is None
    clocks.set(hours * HOUR)
    for number in range(5):
        clocks.wait(store.lease / 3)
        store.connection().execute("UPDATE runs SET lease = lease + ?", (store.lease / 3,))  # by its own clock
        assert store.claim_next(other) is None, number
    clocks.wait(store.lease / 2)
    assert store.claim_next(other) is None
    clocks.wait(store.lease)
    assert store.claim_next(other) is not None  # it was silent for as long as a lease lasts
    Owner.end(other)


@pytest.mark.once
def test_a_run_that_is_resumed_by_its_name_is_taken_when_its_lease_is_over(store: cs.Store, clocks: Clocks) -> None:
    cs.start(tasks.decide(cs.wait("go"), 1), store=store, id="run").wait()
    cs.signal(store, "run", "go", 1)
    store.claim("run", "elsewhere:1:1:1")
    with pytest.raises(cs.StoreError, match=r"its lease is over in 1\d s"):
        cs.resume(store, "run")
    clocks.wait(16)
    assert cs.resume(store, "run").result() == "1: 1"


# -- Schedules ------------------------------------------------------------------------------------------------------------


@pytest.mark.once
def test_a_schedule_by_intervals_goes_on_when_the_clock_is_set_back(store: cs.Store, clocks: Clocks) -> None:
    cs.every(60, tasks.add(1, 2), store=store, id="often")
    clocks.set(-HOUR)
    assert start_due(store) == 0
    clocks.wait(61)
    assert start_due(store) == 1 and start_due(store) == 0
    clocks.set(HOUR)  # times that have passed are left out
    assert start_due(store) == 1 and start_due(store) == 0
    assert len(store.runs()) == 2


@pytest.mark.once
def test_a_time_that_comes_again_starts_no_second_run(store: cs.Store, clocks: Clocks) -> None:
    cs.every(60, tasks.add(1, 2), store=store, id="often")
    clocks.wait(61)
    ((_, _, due),) = store.schedules()
    assert start_due(store) == 1
    store.connection().execute("UPDATE schedules SET next = ?", (due,))
    assert start_due(store) == 0 and len(store.runs()) == 1
    clocks.wait(61)
    assert start_due(store) == 1 and len(store.runs()) == 2


@pytest.mark.once
def test_a_schedule_by_cron_waits_for_its_time(store: cs.Store, clocks: Clocks) -> None:
    pytest.importorskip("cronsim")
    cs.cron("0 * * * *", tasks.add(1, 2), store=store, id="hourly")
    clocks.set(HOUR)
    assert start_due(store) == 1
    clocks.set(-HOUR)  # the same time comes again
    clocks.wait(HOUR - 10)
    assert start_due(store) == 0
    clocks.wait(HOUR + 10)
    assert start_due(store) == 1 and len(store.runs()) == 2


@pytest.mark.once
def test_the_history_of_a_run_is_in_order_when_the_clock_is_set_back(store: cs.Store, clocks: Clocks) -> None:
    run = cs.start(tasks.decide(cs.wait("go"), tasks.slow_count(4)), store=store, id="run", every=cs.steps(1))
    run.wait()
    clocks.set(-HOUR)
    cs.signal(store, "run", "go", 1)
    assert run.result() == "1: 10"
    steps = [entry.step for entry in run.history()]
    assert steps == sorted(steps) and run.history()[-1].kind == "done"


def test_a_run_of_this_machine_is_not_taken_over_because_the_clock_was_set(store: cs.Store, clocks: Clocks) -> None:
    cs.start(tasks.add(1, 2), store=store, id="run", queue="q")
    owner = Owner.new()
    store.claim("run", owner)
    clocks.set(HOUR)
    with pytest.raises(cs.StoreError, match="is held by another process"):
        cs.resume(store, "run")
    clocks.wait(store.lease + 1)
    assert cs.resume(store, "run").result() == 3
    Owner.end(owner)
