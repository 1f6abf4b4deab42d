"""Where tasks run: threads and worker processes, and what happens when these fail."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import importlib.util
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import cascade as cs
from cascade.adapters.executors.local import LocalExecutor
from cascade.errors import DeclarationError, MissingExtraError, SendingError, WorkerError
from cascade.runtime import Engine
from tests.support import compute_tasks as compute
from tests.support.growing import growing
from tests.support.processes import alive, until
from tests.support.tasks import add, fail_later, one

variable = contextvars.ContextVar("variable", default=0)
needs_loky = pytest.mark.skipif(importlib.util.find_spec("loky") is None, reason="loky is not here")
pytestmark = pytest.mark.filterwarnings("ignore:A worker stopped while some jobs:UserWarning")


# -- Threads ------------------------------------------------------------------------------------------------------------


def test_blocking_tasks_share_so_many_threads(path):
    barrier = threading.Barrier(2)

    @cs.task(mode="blocking")
    def meet(n: int) -> str:
        barrier.wait(60)
        return threading.current_thread().name

    with LocalExecutor(threads=2) as executor:
        names = path.run_with(Engine(executor=executor), [meet(n) for n in range(6)])
        assert len(set(names)) == 2 and all(name.startswith("cascade") for name in names)
    until(lambda: not any(thread.name.startswith("cascade_") for thread in threading.enumerate()))


def test_a_run_does_not_wait_for_a_late_thread_of_its_executors_own(path):
    begun, end, ended = threading.Event(), threading.Event(), threading.Event()

    @cs.task(mode="blocking")
    def blocked() -> None:
        begun.set()
        end.wait(60)
        ended.set()

    with LocalExecutor(threads=1) as executor:
        for seconds in growing(0.02):
            with pytest.raises(TimeoutError):
                path.run_with(cs.Engine(executor=executor), blocked().with_timeout(seconds))
            if begun.is_set():
                break
        assert not ended.is_set()  # the thread is still there
        end.set()


def test_blocking_tasks_see_the_context_of_the_run(path):
    look = cs.task(mode="blocking")(lambda: variable.get())
    token = variable.set(5)
    try:
        assert path.run(look()) == 5
        assert path.run_with(Engine(executor=LocalExecutor(threads=1)), [look(), look()]) == [5, 5]
    finally:
        variable.reset(token)


@pytest.mark.parametrize("options", [{"threads": 0}, {"threads": True}, {"processes": -1}, {"processes": 2.0}])
def test_wrong_numbers_are_refused(options):
    with pytest.raises(DeclarationError, match="a number from 1 up"):
        LocalExecutor(**options)


def test_an_error_from_an_event_loop_has_no_context_of_ours(path):
    with pytest.raises(ValueError) as raised:
        path.run(fail_later("x"))
    assert raised.value.__context__ is None


# -- Processes ----------------------------------------------------------------------------------------------------------


def test_a_coroutine_function_cannot_run_in_a_process():
    with pytest.raises(DeclarationError, match="is a coroutine function"):

        @cs.task(mode="compute")
        async def wrong() -> None: ...


def test_without_loky(path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"needs the package 'loky'.*\n.*cascade-engine\[processes\]"):
        path.run_with(Engine(executor=LocalExecutor(processes=1)), compute.work(1))


def test_loky_is_loaded_by_compute_tasks_only():
    code = "import sys, cascade as cs; print(cs.run(cs.task(lambda: 1)()), [m for m in sys.modules if 'loky' in m or 'pickle' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "loky" not in done.stdout


@needs_loky
class TestProcesses:
    def test_compute_tasks_run_in_other_processes(self, run):
        values = run([compute.process_of(n) for n in range(4)])
        assert [value for value, _ in values] == [0, 1, 2, 3]
        assert os.getpid() not in {process for _, process in values}

    def test_arguments_of_every_kind(self, run):
        assert run(compute.work(1)) == 1
        assert run(compute.work(2, 3, 4, scale=5, x=6)) == 23
        assert run(add(compute.work(one()), compute.work(n=2, scale=3))) == 7

    def test_functions_without_a_name_of_their_own(self, run):
        offset = 10
        local = cs.task(mode="compute")(lambda x: x + offset)
        assert run(local(1)) == 11
        assert run(cs.task(mode="compute", name="plain")(compute.work.func)(4)) == 4

    def test_tasks_without_a_name_of_their_own_come_back_as_themselves(self, run):
        @cs.task(mode="compute")
        def count(n: int, steps: int = 0) -> Any:
            return steps if n <= 0 else count.tail(n - 1, steps + 1)

        @cs.task(retry=2)
        def local(x: int) -> int:
            return x + os.getpid()

        @cs.task(mode="compute")
        def answer(kind: str) -> Any:
            return {"graph": local(1), "tail": cs.TailCall((2,), target=local), "value": [local]}.get(kind, count.name)

        assert run(count(5)) == 5
        assert run(answer("graph")) == 1 + os.getpid()
        assert run(answer("tail")) == 2 + os.getpid()
        assert run(answer("value"))[0] is local
        assert run(answer("other")) == "count"

    def test_tasks_of_a_class_without_a_name_are_sent(self, run):
        class Counter:
            @cs.task(mode="compute")
            def down(self, n: int) -> Any:
                return "end" if n <= 0 else self.down.tail(n - 1)

            @cs.task
            @staticmethod
            def double(x: int) -> int:
                return 2 * x

            @cs.task(mode="compute")
            def go_on(self, n: int) -> Any:
                return self.double(n)

        assert run(Counter().down(2)) == "end"
        assert run(Counter().go_on(2)) == 4

    def test_a_worker_may_send_on_what_it_was_sent(self, run):
        @cs.task(mode="compute")
        def inner(n: int) -> Any:
            return "in" if n <= 0 else inner.tail(n - 1)

        @cs.task(mode="compute")
        def outer(n: int) -> Any:
            return (cs.run(inner(n)), outer) if n else inner(1)

        assert run(outer(2)) == ("in", outer)
        assert run(outer(0)) == "in"

    def test_a_cache_cannot_be_sent_along(self, run):
        @cs.task(mode="compute", cache=cs.MemoryCache())
        def count(n: int) -> Any:
            return "done" if n <= 0 else count.tail(n - 1)

        with pytest.raises(SendingError, match="task 'count' has a cache of its own") as caught:
            run(count(3))
        assert caught.value.hint.endswith("move it to a module")

    def test_tracebacks_name_the_files_of_functions_that_are_sent_by_value(self, run):
        def deeper() -> None:
            raise ValueError([inner.__code__.co_filename for inner in (deeper, lambda: 0)])

        local = cs.task(mode="compute")(lambda: deeper())
        with pytest.raises(ValueError) as raised:
            run(local())
        assert raised.value.args[0] == [__file__, __file__]
        assert f'File "{__file__}", line' in str(raised.value.__cause__)

    def test_loops_and_graphs_come_back(self, run):
        assert run(compute.countdown(5)) == "done"
        assert run(compute.give_back("tail")) == 10
        assert run(compute.give_back("graph")) == 6
        assert run(cs.task(lambda b: len(b))(compute.give_back("bytes"))) == 1_000_000

    def test_a_worker_may_run_graphs_itself(self, run):
        assert run(compute.nested(5)) == 6

    def test_errors_come_back_as_themselves(self, run):
        with pytest.raises(compute.Noted, match="from there") as raised:
            run(compute.fail("value"))
        assert raised.value.__notes__[0] == "a note"
        assert "in task 'fail', node fail#0" in raised.value.__notes__[1]
        cause = str(raised.value.__cause__)
        assert 'compute_tasks.py", line' in cause and "Noted: from there" in cause and "worker.py" not in cause
        with pytest.raises(SystemExit, match="7"):
            run(compute.fail("exit"))

    def test_stop_iteration_comes_back_as_itself(self, path):
        with pytest.raises(StopIteration) as raised:
            path.run(compute.fail("stop"))
        assert raised.value.value == 5

    def test_a_value_that_cannot_come_back_is_told(self, run):
        with pytest.raises(
            SendingError, match="its value, of type lock, cannot be sent back from task 'give_back': TypeError"
        ):
            run(compute.give_back("lock"))

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (lambda lock: compute.work(lock), "argument 'n' of task 'work', of type lock, .*cannot pickle"),
            (
                lambda lock: compute.process_of({"a": [1, (lock,)]}),
                r"argument \"x\['a'\]\[1\]\[0\]\" of task 'process_of'",
            ),
            (lambda lock: compute.work(1, 2, lock), r"argument '\*2' of task 'work'"),
            (lambda lock: compute.work(1, scale=lock), "argument 'scale'"),
            (lambda lock: compute.work(1, more=lock), "argument 'more'"),
            (
                lambda lock: cs.task(mode="compute", name="closed")(lambda: lock)(),
                "the function of task 'closed' cannot be sent",
            ),
        ],
    )
    def test_what_cannot_be_sent_is_named(self, run, call, message):
        with pytest.raises(SendingError, match=message) as raised:
            run(call(threading.Lock()))
        assert isinstance(raised.value, TypeError)

    def test_resources_that_cannot_be_sent_are_named(self, run):
        @cs.resource
        def lock() -> Any:
            yield threading.Lock()

        with pytest.raises(SendingError, match="argument 'x' of task 'process_of'"):
            run(compute.process_of(cs.inject(lock)))

    @pytest.mark.parametrize("kill", [lambda: compute.die(), lambda: compute.crash()], ids=["exit", "signal"])
    def test_a_worker_that_dies_is_noticed(self, run, kill):
        with pytest.raises(WorkerError, match="the worker process that ran task '(die|crash)' died") as raised:
            run(kill())
        assert raised.value.task in ("die", "crash")
        assert "exit status" in str(raised.value.where)
        assert run(compute.work(5)) == 5

    def test_a_death_takes_only_what_was_running(self, path):
        with LocalExecutor(processes=1) as executor:
            engine = Engine(executor=executor)

            async def main() -> list[Any]:
                runs = [compute.die(), *(compute.work(n) for n in range(5))]
                return await asyncio.gather(*(engine.run(r, use_vm=path.use_vm) for r in runs), return_exceptions=True)

            results = asyncio.run(main())
        assert isinstance(results[0], WorkerError)
        assert results[1:] == [0, 1, 2, 3, 4]

    def test_another_attempt_finds_a_new_worker(self, path, tmp_path):
        target = compute.die_once(str(tmp_path / "marker"))
        with pytest.raises(WorkerError):
            path.run(target)
        assert path.run(target) == "alive"

    def test_a_call_that_is_cancelled_is_stopped(self, path, tmp_path):
        started = tmp_path / "started"
        with LocalExecutor(processes=1) as executor:
            engine = Engine(executor=executor)

            async def main() -> None:
                run = asyncio.ensure_future(engine.run(compute.nap(600, str(started)), use_vm=path.use_vm))
                waiting = asyncio.ensure_future(engine.run(compute.nap(601), use_vm=path.use_vm))
                while not started.exists() or not started.read_text():
                    await asyncio.sleep(0.005)
                waiting.cancel()
                run.cancel()
                await asyncio.wait([run, waiting])
                assert run.cancelled() and waiting.cancelled()
                assert await engine.run(compute.work(7), use_vm=path.use_vm) == 7

            asyncio.run(main())
            until(lambda: not alive(int(started.read_text())))

    def test_a_timeout_stops_a_call_and_others_go_on(self, path, tmp_path):
        started = tmp_path / "started"
        with LocalExecutor(processes=2) as executor:
            engine = Engine(executor=executor)

            async def main() -> None:
                other = asyncio.ensure_future(engine.run(compute.nap(1.5), use_vm=path.use_vm))
                await engine.run(compute.work(1), use_vm=path.use_vm)
                with pytest.raises(TimeoutError):
                    await engine.run(compute.nap(600, str(started)), use_vm=path.use_vm, timeout=0.7)
                assert await other == 1.5

            asyncio.run(main())
            if started.exists() and started.read_text():
                until(lambda: not alive(int(started.read_text())))

    def test_a_failing_sibling_stops_a_call(self, path):
        begun = time.monotonic()
        with pytest.raises(ValueError, match="x"):
            path.run([compute.nap(600), fail_later("x", 0.2)])
        assert time.monotonic() - begun < 30

    def test_closing_ends_what_runs(self, path):
        executor = LocalExecutor(processes=1)
        engine = Engine(executor=executor)

        async def main() -> list[Any]:
            runs = [asyncio.ensure_future(engine.run(compute.nap(600), use_vm=path.use_vm)) for _ in range(3)]
            await asyncio.sleep(0.3)
            executor.close()
            return await asyncio.gather(*runs, return_exceptions=True)

        assert [type(result) for result in asyncio.run(main())] == [WorkerError] * 3

    def test_a_module_that_appears_later_is_found(self, path, tmp_path, monkeypatch):
        assert path.run(compute.work(1)) == 1
        name = f"cascade_later_{path!r}"
        (tmp_path / f"{name}.py").write_text(
            "import cascade as cs\n@cs.task(mode='compute')\ndef f(x):\n    return x * 2\n"
        )
        monkeypatch.syspath_prepend(tmp_path)
        module = importlib.import_module(name)
        assert path.run(module.f(4)) == 8

    def test_what_a_worker_cannot_import_is_told(self, path, monkeypatch):
        module = type(sys)("cascade_only_here")
        exec("import cascade as cs\n@cs.task(mode='compute')\ndef f(x): return x\n", vars(module))
        monkeypatch.setitem(sys.modules, "cascade_only_here", module)
        with pytest.raises(SendingError, match="cannot be read by the worker process: ModuleNotFoundError"):
            path.run(module.f(1))

    def test_many_calls_from_many_threads(self, path):
        with LocalExecutor(processes=2) as executor:
            engine = Engine(executor=executor)
            results: list[Any] = []

            def work() -> None:
                results.append(path.run_with(engine, [compute.work(n) for n in range(25)]))

            threads = [threading.Thread(target=work) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
            assert results == [list(range(25))] * 4

    def test_cancellations_at_random_moments(self, path):
        with LocalExecutor(processes=2) as executor:
            engine = Engine(executor=executor)

            async def main() -> None:
                for number in range(8):
                    target = [compute.nap(0.01 * n) for n in range(4)]
                    run = asyncio.ensure_future(engine.run(target, use_vm=path.use_vm))
                    await asyncio.sleep(0.013 * number)
                    run.cancel()
                    await asyncio.wait([run])
                assert await asyncio.wait_for(engine.run(compute.work(3), use_vm=path.use_vm), 60) == 3

            asyncio.run(main())


SCRIPT = """
import sys, time
import cascade as cs

@cs.task(mode="compute")
def nap(seconds):
    time.sleep(seconds)
    return seconds

print(cs.run(nap(0.01)), flush=True)
@cs.task(mode="compute")
def count(n, steps=0):
    return steps if n <= 0 else count.tail(n - 1, steps + 1)

@cs.task
def square(n):
    return n * n

@cs.task(mode="compute")
def go_on(n):
    return square(n)

@cs.task(mode="compute")
def nested(n):
    return cs.run(count(n))

if sys.argv[1:] == ["go on"]:
    for target in (count, go_on):
        print([cs.run(target(3), use_vm=use_vm) for use_vm in (True, False)])
    print(cs.run(nested(2)))
if sys.argv[1:] == ["wait"]:
    cs.run([nap(600), nap(600)])
"""


@needs_loky
class TestScripts:
    def start(self, folder: Path, *arguments: str) -> subprocess.Popen[str]:
        file = folder / "script.py"
        file.write_text(SCRIPT)
        environment = {**os.environ, "PYTHONPATH": str(Path(cs.__file__).parent.parent)}
        return subprocess.Popen(
            [sys.executable, str(file), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=environment, start_new_session=True,
        )  # fmt: skip

    def test_a_script_needs_no_guard_and_ends_quietly(self, tmp_path):
        running = self.start(tmp_path)
        assert running.communicate(timeout=60) == ("0.01\n", "")

    def test_tasks_of_a_script_mention_each_other(self, tmp_path):
        running = self.start(tmp_path, "go on")
        assert running.communicate(timeout=60) == ("0.01\n[3, 3]\n[9, 9]\n2\n", "")

    @pytest.mark.skipif(os.name != "posix", reason="sends a signal")
    def test_ctrl_c_ends_it_with_its_workers(self, tmp_path):
        running = self.start(tmp_path, "wait")
        assert running.stdout is not None
        assert running.stdout.readline() == "0.01\n"
        time.sleep(0.3)
        os.killpg(running.pid, signal.SIGINT)  # as a terminal does: to all processes of the group
        _, errors = running.communicate(timeout=60)
        assert "KeyboardInterrupt" in errors and errors.count("Traceback") <= 2
        gc.collect()
        until(lambda: _group_is_gone(running.pid))


def _group_is_gone(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_thread_comes_to_its_end_beside_a_busy_loop(path):
    # The loop lets the interpreter go at every turn of the event loop, and would take it back before the thread wakes up.
    done = threading.Event()

    @cs.task(mode="blocking")
    def work() -> None:
        for _ in range(50):
            time.sleep(0)  # lets the interpreter go
        done.set()

    @cs.task(lower=False)
    def spin(n: int) -> Any:
        return n if done.is_set() else cs.TailCall((n + 1,))

    path.run_with(cs.Engine(), [work(), spin(0)], timeout=60)
