"""Machine code in a process with other threads, children, signals, samplers and an end; and what is left of kernels that are gone."""

from __future__ import annotations

import gc
import linecache
import os
import signal
import subprocess
import sys
import textwrap
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cascade as cs
from cascade import _vm
from tests.support.machine_code_functions import collected, forms, machine_code, made_of, program, remainders

pytestmark = pytest.mark.skipif(not _vm.has_machine_code(), reason="no machine code for this platform")

KERNELS = int(os.environ.get("CASCADE_KERNELS", "240"))
"""So many kernels are made and dropped."""


@pytest.fixture(autouse=True)
def at_once() -> Iterator[None]:
    with machine_code(0):
        yield


# -- What is left ------------------------------------------------------------------------------------------------------


def made_and_dropped(number: int) -> None:
    of_numbers = number % 2 == 0
    body = f"total += turn * {number} + y" if of_numbers else f"total += values[turn % {number % 3 + 1}] * {number} + y"
    store = "" if of_numbers else "\n        values[0] = total % 97"
    text = f"def f(values, y, turns):\n    total = 0\n    for turn in range(turns):\n        {body}{store}\n    return total\n"
    function = made_of(text, of_numbers)
    task = cs.task(function)
    given = (lambda: 5) if of_numbers else lambda: [1, 2, 3]
    assert cs.run(task(given(), 2, 4)) == function(given(), 2, 4)
    assert forms(task) > 0


def left() -> tuple[int, int]:
    """The size of the pages of machine code, and the number of blocks of memory."""
    linecache.cache.clear()
    gc.collect()
    return _vm.machine_code_bytes(), sys.getallocatedblocks()


def test_kernels_that_are_made_and_dropped_leave_no_pages_and_no_memory():
    for number in range(60):
        made_and_dropped(number)
    pages, blocks = left()
    for number in range(KERNELS):
        made_and_dropped(number)
    pages_behind, blocks_behind = left()
    assert pages_behind == pages
    assert blocks_behind - blocks < KERNELS // 4  # one for each kernel would be seen


# -- Threads and children ----------------------------------------------------------------------------------------------


class Running:
    """Threads that run a program again and again, and notice a wrong result."""

    def __init__(self, run: Any, expected: Any, threads: int = 2) -> None:
        self.run, self.expected = run, expected
        self.wrong: list[Any] = []
        self.rounds = 0
        self.stopped = threading.Event()
        self.threads = [threading.Thread(target=self.work, daemon=True) for _ in range(threads)]

    def work(self) -> None:
        while not self.stopped.is_set():
            if (found := self.run()) != self.expected:
                self.wrong.append(found)
            self.rounds += 1

    def __enter__(self) -> Running:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stopped.set()
        for thread in self.threads:
            thread.join()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_child_that_is_forked_while_threads_are_in_machine_code_computes_as_they_do():
    run = program(remainders, 10)
    expected = remainders(50_000)
    with Running(lambda: run(50_000), expected) as running, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        for _ in range(15):
            child = os.fork()
            if child == 0:
                signal.alarm(30)
                os._exit(run(50_000) != expected)
            assert os.waitpid(child, 0)[1] == 0
    assert running.wrong == []


def test_threads_that_take_turns_in_one_kernel_of_lists_compute_each_its_own():
    values = [3, 5, 7, 11, 13, 17, 19, 23]
    run = program(collected, [*values], 50)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with Running(lambda: run([*values], 20_000), collected([*values], 20_000), 3) as running:
            while running.rounds < 60:
                assert run([*values], 3_000) == collected([*values], 3_000)
    finally:
        sys.setswitchinterval(before)
    assert running.wrong == []


# -- Signals and samplers ----------------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers")
@pytest.mark.parametrize("function", [remainders, collected])
def test_a_handler_of_signals_runs_the_kernel_that_it_interrupts(function):
    first = lambda: () if function is remainders else ([*range(9)],)  # noqa: E731
    run = program(function, *first(), 20)

    def call(turns: int) -> int:
        found: int = run(*first(), turns)
        return found

    expected, inner = function(*first(), 300_000), function(*first(), 500)
    seen: list[Any] = []
    former = signal.signal(signal.SIGPROF, lambda number, frame: seen.append(call(500)))
    signal.setitimer(signal.ITIMER_PROF, 0.002, 0.002)
    try:
        while len(seen) < 20:
            assert call(300_000) == expected
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, former)
    assert set(seen) == {inner}


def test_a_sampler_of_frames_finds_only_python_functions_while_threads_are_in_machine_code():
    run = program(remainders, 10)
    listed = program(collected, [*range(9)], 20)
    found = set()
    with (
        Running(lambda: run(200_000), remainders(200_000)) as first,
        Running(lambda: listed([*range(9)], 50_000), collected([*range(9)], 50_000)) as second,
    ):
        watched = {thread.ident for thread in (*first.threads, *second.threads)}
        samples = 0
        while samples < 100 or "work" not in found or first.rounds < 5 or second.rounds < 5:
            samples += 1
            for thread, frame in sys._current_frames().items():
                while thread in watched and frame is not None:
                    found.add(frame.f_code.co_name)
                    assert frame.f_lineno is None or frame.f_lineno >= 0
                    frame = frame.f_back  # type: ignore[assignment]
    assert first.wrong == second.wrong == []


# -- The end of the process --------------------------------------------------------------------------------------------


def in_a_process(script: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "CASCADE_MACHINE_CODE": "at once", "PYTHONPATH": os.pathsep.join(sys.path)}
    text = textwrap.dedent(script)
    return subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, timeout=120, check=False, env=environment
    )


def test_a_process_ends_while_a_daemon_thread_is_in_machine_code():
    done = in_a_process("""
        import threading
        import cascade as cs
        from tests.support.machine_code_functions import remainders, program
        run = program(remainders, 10)
        begun = threading.Event()
        threading.Thread(target=lambda: (begun.set(), run(10**15)), daemon=True).start()
        begun.wait()
        assert run(1000) == remainders(1000)
        print("end")
    """)
    assert (done.returncode, done.stdout, done.stderr) == (0, "end\n", "")


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals")
def test_a_process_that_is_killed_in_machine_code_writes_where_its_threads_are():
    done = in_a_process("""
        import faulthandler, os, signal, threading
        import cascade as cs
        from tests.support.machine_code_functions import remainders, program
        faulthandler.enable()
        run = program(remainders, 10)
        threading.Timer(0.1, lambda: os.kill(os.getpid(), signal.SIGSEGV)).start()
        run(10**15)
    """)
    assert done.returncode == -signal.SIGSEGV
    assert "Segmentation fault" in done.stderr
    assert "in <module>" in done.stderr


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="no list of the process's pages")
def test_no_pages_are_made_where_the_process_may_not_execute_new_ones():
    done = in_a_process("""
        import ctypes
        import cascade as cs
        from cascade import _vm
        PR_SET_MDWE, REFUSE = 65, 1
        libc = ctypes.CDLL(None, use_errno=True)
        forbidden = libc.prctl(PR_SET_MDWE, REFUSE, 0, 0, 0) == 0
        from tests.support.machine_code_functions import forms, remainders
        task = cs.task(remainders)
        assert cs.run(task(1000)) == remainders(1000)
        assert (forms(task) == 0) or not forbidden
        print("forbidden" if forbidden else "allowed")
    """)
    assert done.returncode == 0, done.stderr
    if done.stdout == "allowed\n":
        pytest.skip("this system does not refuse it")
