"""Runs that wait for nothing but calls in workers need no event loop; each worker process has a pipe of its own."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path as FilePath
from typing import Any

import pytest

import cascade as cs
from cascade.adapters.executors.local import LocalExecutor
from cascade.errors import RunTimeoutError, WorkerError
from tests.support import compute_tasks as compute
from tests.support.growing import growing
from tests.support.processes import alive, until
from tests.support.tasks import total

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("loky") is None, reason="loky is not here"),
    pytest.mark.skipif(os.name != "posix", reason="sends signals"),
]


@cs.task(mode="compute")
def length(data: bytes) -> int:
    return len(data)


@cs.task(mode="compute")
def repeated(size: int) -> bytes:
    return b"x" * size


@cs.task(mode="compute")
def end_by(number: int) -> None:
    os.kill(os.getpid(), number)


@cs.task(mode="compute")
def end_with_a_forked_child(file: str) -> None:
    child = os.fork()
    if child == 0:
        signal.pause()
    FilePath(file).write_text(str(child))
    os._exit(3)


@cs.task
async def later(value: Any) -> Any:
    await asyncio.sleep(0.01)
    return value


@cs.task
def started(value: Any) -> Any:
    return later(value)


@cs.task
def computed_inside(path: Any, engine: cs.Engine, seconds: float) -> Any:
    return engine.run_now(compute.nap(seconds), use_vm=path.use_vm)


@pytest.fixture(scope="module")
def engine() -> Iterator[cs.Engine]:
    with LocalExecutor(processes=2) as executor:
        yield cs.Engine(executor=executor)


@pytest.fixture
def run(engine, path):
    return lambda target, **options: engine.run_now(target, use_vm=path.use_vm, **options)


@pytest.fixture
def no_loop(monkeypatch):
    monkeypatch.setattr(asyncio, "run", None)


def press_when(condition: Any, taken_by_main: bool = True) -> None:
    """Ctrl-C, once a condition holds. The signal is taken by the main thread, or by another one, which leaves that where it waits."""

    def press() -> None:
        until(condition)
        taker = threading.main_thread().ident if taken_by_main else threading.get_ident()
        assert taker is not None
        signal.pthread_kill(taker, signal.SIGINT)

    threading.Thread(target=press).start()


def number_in(file: FilePath) -> int:
    until(lambda: file.exists() and file.read_text())
    return int(file.read_text())


@pytest.mark.usefixtures("no_loop")
def test_calls_in_workers_need_no_event_loop(run):
    assert run(compute.work(1)) == 1
    assert run(total([compute.work(n) for n in range(20)])) == 190
    assert run(compute.work(compute.work(1), compute.work(2))) == 3
    assert run(compute.give_back("tail")) is not None


@pytest.mark.usefixtures("no_loop")
def test_a_failure_without_a_loop_is_that_of_the_run(run):
    with pytest.raises(compute.Noted, match="from there") as raised:
        run(compute.fail("value"))
    assert any("in task 'fail'" in note for note in raised.value.__notes__)
    with pytest.raises(StopIteration):
        run(compute.fail("stop"))


def test_what_has_to_be_awaited_beside_them_starts_a_loop(run):
    assert run(total([compute.nap(0.05), started(compute.work(1)), later(2)])) == pytest.approx(3.05)
    assert run(total([compute.nap(0.05), started(compute.work(1))])) == pytest.approx(1.05)


def test_a_failure_stops_the_others(run, tmp_path):
    with pytest.raises(compute.Noted):
        run([compute.nap(600, str(tmp_path / "a")), compute.fail("value")])
    begun = tmp_path / "a"
    if begun.exists():
        until(lambda: not alive(number_in(begun)))
    assert run(compute.work(1)) == 1


def test_a_timeout_stops_them(run, tmp_path):
    run(compute.work(1))
    for seconds in growing(1.0):
        begun = tmp_path / str(seconds)
        with pytest.raises(RunTimeoutError):
            run(compute.nap(600, str(begun)), timeout=seconds)
        if begun.exists() and begun.read_text():
            break
    until(lambda: not alive(number_in(begun)))


@pytest.mark.parametrize("taken_by_main", [True, False])
def test_ctrl_c_stops_them(run, taken_by_main, tmp_path):
    begun = tmp_path / "a"
    press_when(lambda: begun.exists() and begun.read_text(), taken_by_main)
    with pytest.raises(KeyboardInterrupt):
        run([compute.nap(600, str(tmp_path / "a")), compute.nap(600)])
    until(lambda: not alive(number_in(tmp_path / "a")))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert run(compute.work(1)) == 1


def test_a_run_inside_of_another_ends_with_it(run, engine, path, tmp_path):
    with pytest.raises(RunTimeoutError):
        run(computed_inside(path, engine, 600), timeout=0.3)
    with ThreadPoolExecutor(1) as threads:  # not the main thread, so there is no Ctrl-C
        assert threads.submit(run, compute.work(1)).result() == 1


def test_a_dead_worker_takes_one_call_with_it(run, tmp_path):
    running = compute.nap(1.0, str(tmp_path / "a"))

    with ThreadPoolExecutor(2) as threads:
        beside = threads.submit(run, running)
        number_in(tmp_path / "a")
        with pytest.raises(WorkerError, match="SIGKILL"):
            run(compute.crash())
        assert beside.result() == 1.0


@pytest.mark.skipif(not hasattr(signal, "SIGRTMIN"), reason="has no such signals")
def test_the_end_by_any_signal_is_an_error(run):
    with pytest.raises(WorkerError, match=f"SIGNAL\\(-{signal.SIGRTMIN + 3}\\)"):
        run(end_by(signal.SIGRTMIN + 3))


def test_a_dead_worker_is_noticed_whose_child_lives_on(run, tmp_path):
    file = tmp_path / "child"
    try:
        with pytest.raises(WorkerError, match=r"EXIT\(3\)"):
            run(end_with_a_forked_child(str(file)))
    finally:
        os.kill(int(file.read_text()), signal.SIGKILL)


SCRIPT = """
import os, signal
import cascade as cs
from cascade.adapters.executors import processes

@cs.task(mode="compute")
def one(x):
    return x, signal.getsignal(signal.SIGINT) is signal.SIG_IGN, signal.pthread_sigmask(signal.SIG_BLOCK, [])

start = processes.threading.Thread.start

def start_and_press(thread):
    if thread.name == "cascade-answers":  # the process has just been started
        child = processes.import_module("multiprocessing").active_children()[-1]
        os.kill(child.pid, signal.SIGINT)
    start(thread)

processes.threading.Thread.start = start_and_press
print(cs.run(one(1)))
"""


def test_ctrl_c_does_not_reach_a_worker_that_begins():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("(1, True, set())\n", "")


@pytest.mark.parametrize("size", [1 << 10, 1 << 16, 1 << 24])
def test_messages_of_any_size(run, size):
    assert run(length(b"x" * size)) == size
    assert len(run(repeated(size))) == size
    assert run([length(b"x" * size) for _ in range(4)]) == [size] * 4


def test_a_worker_that_was_killed_while_it_waited_is_replaced(run):
    for _ in range(3):
        (_, number) = run(compute.process_of(1))
        os.kill(number, signal.SIGKILL)
        assert run(compute.work(2).with_retry(3)) == 2


def test_many_threads_share_the_workers(run):
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda n: run(compute.work(n)), range(400))) == list(range(400))
