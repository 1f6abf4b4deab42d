"""Worker processes end with the process that started them, and when they are idle; what is left of them is removed in silence."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import cascade as cs
from cascade.adapters.executors import processes
from cascade.adapters.executors.local import LocalExecutor
from cascade.runtime import Engine
from tests.support import compute_tasks as compute
from tests.support.processes import alive, until

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("loky") is None, reason="loky is not here"),
    pytest.mark.skipif(os.name != "posix", reason="sends signals"),
    pytest.mark.filterwarnings("ignore:A worker stopped while some jobs:UserWarning"),
]

TASKS = """
import os, signal, sys, time
import cascade as cs

def report(number):
    os.write(1, f"{number}\\n".encode())

@cs.task(mode="compute")
def report_and_return(x):
    report(os.getpid())

@cs.task(mode="compute")
def nap(x):
    report(os.getpid())
    time.sleep(600)

@cs.task(mode="compute")
def hold_the_interpreter(x):
    report(os.getpid())
    pow(7, 10**10)

@cs.task(mode="compute")
def nested(x):
    report(os.getpid())
    cs.run(nap(1))

"""

ACTIONS = {
    "idle": (1, "cs.run(report_and_return(1)); time.sleep(600)"),
    "busy": (1, "cs.run(nap(1))"),
    "holding the interpreter": (1, "cs.run(hold_the_interpreter(1))"),
    "nested": (2, "cs.run(nested(1))"),
    "in an event loop": (1, "import asyncio; asyncio.run(cs.arun(nap(1)))"),
    "with a forked child": (
        2, "cs.run(report_and_return(1))\nif not os.fork():\n    report(os.getpid()); time.sleep(600)\nos.waitpid(-1, 0)",
    ),
}  # fmt: skip
for method in ("fork", "spawn", "forkserver"):
    ACTIONS[f"in a process made by {method}"] = (
        2,
        f"""
import multiprocessing
def work():
    report(os.getpid())
    cs.run(nap(1))
if __name__ == "__main__":
    process = multiprocessing.get_context("{method}").Process(target=work)
    process.start()
    process.join()
""",
    )


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., tuple[subprocess.Popen[str], list[int]]]]:
    """Starts a script; gives it and the numbers of the processes that it tells of. Nothing outlives the test."""
    started: list[subprocess.Popen[str]] = []
    workers: list[int] = []

    def start(action: str, count: int) -> tuple[subprocess.Popen[str], list[int]]:
        file = tmp_path / "script.py"
        file.write_text(TASKS + action)
        running = subprocess.Popen(
            [sys.executable, str(file)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": str(Path(cs.__file__).parent.parent)},
        )  # fmt: skip
        started.append(running)
        assert running.stdout is not None
        workers.extend(int(running.stdout.readline()) for _ in range(count))
        return running, workers

    yield start
    for running in started:
        running.kill()
        for number in workers:
            if alive(number):
                os.kill(number, signal.SIGKILL)
        running.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL], ids=lambda number: number.name)
@pytest.mark.parametrize("action", ["idle", "busy", "nested", "in an event loop"])
def test_workers_end_with_the_process_that_started_them(start, action, number):
    count, text = ACTIONS[action]
    running, workers = start(text, count)
    running.send_signal(number)
    running.wait(30)
    until(lambda: not any(map(alive, workers)))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread of the worker needs the interpreter for it")
def test_a_worker_that_holds_the_interpreter_ends_as_well(start):
    count, text = ACTIONS["holding the interpreter"]
    running, workers = start(text, count)
    running.kill()
    until(lambda: not any(map(alive, workers)))


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_of_a_process_that_multiprocessing_made_end_with_it(start, method):
    count, text = ACTIONS[f"in a process made by {method}"]
    _, (middle, worker) = start(text, count)
    os.kill(middle, signal.SIGKILL)
    until(lambda: not alive(worker))


def test_a_forked_child_does_not_keep_the_workers_alive(start):
    count, text = ACTIONS["with a forked child"]
    running, (worker, child) = start(text, count)
    running.kill()
    running.wait(30)
    until(lambda: not alive(worker))
    assert alive(child)


def test_a_forked_process_has_workers_of_its_own(tmp_path):
    file = tmp_path / "script.py"
    file.write_text(
        """
import os
import cascade as cs
identity = cs.task(mode="compute")(lambda x: x)
print(cs.run(identity(1)), flush=True)
if not os.fork():
    print(cs.run(identity(2)), flush=True)
    os._exit(0)
os.wait()
print(cs.run(identity(3)), flush=True)
"""
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", str(file)], capture_output=True, text=True, timeout=60,
        env={**os.environ, "PYTHONPATH": str(Path(cs.__file__).parent.parent)},
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("1\n2\n3\n", "")


def test_a_thread_watches_where_the_kernel_does_not(tmp_path):
    script = """
import os
from cascade.adapters.executors import lifeline
def refuse(end): raise OSError
lifeline._have_the_kernel_watch = refuse
read_end, write_end = os.pipe()
child = os.fork()
if not child:
    os.close(write_end)
    lifeline.hold(read_end)
    while True: pass
os.close(write_end)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("-9\n", "")


def test_idle_workers_end(path, monkeypatch):
    monkeypatch.setattr(processes, "IDLE_SECONDS", 0.3)
    with LocalExecutor(processes=2) as executor:
        engine = Engine(executor=executor)
        workers = {number for _, number in path.run_with(engine, compute.process_of.map(list(range(4))))}
        until(lambda: not any(map(alive, workers)))
        assert path.run_with(engine, compute.work(1)) == 1  # others are started


def test_a_killed_worker_of_a_nested_task_leaves_no_warning(start):
    running, (outer, _) = start(
        """
try:
    cs.run(nested(1))
except cs.errors.WorkerError:
    print("died", flush=True)
""",
        2,
    )
    os.kill(outer, signal.SIGKILL)
    assert running.communicate(timeout=60) == ("died\n", "")


def test_a_killed_process_with_workers_leaves_no_warning(start):
    running, _ = start("cs.run(nap(1))", 1)
    running.kill()
    assert running.communicate(timeout=60) == ("", "")
