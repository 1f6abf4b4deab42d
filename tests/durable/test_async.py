"""Saved runs in an event loop: `await arun(store=)`, `await run`, and runs as contexts."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path as FilePath
from typing import Any

import pytest

import cascade as cs
from tests.conftest import Path
from tests.support.durable import tasks


@pytest.fixture
def store(tmp_path: FilePath) -> cs.Store:
    return cs.Store(tmp_path / "runs.db")


def test_arun_with_a_store_runs_in_the_event_loop_and_continues_a_run_of_that_name(path: Path, store: cs.Store) -> None:
    async def main() -> list[Any]:
        target = tasks.together(tasks.loop_of_the_call(), tasks.slow_count(5))
        first = await cs.arun(target, store=store, id="run", every=cs.steps(1), use_vm=path.use_vm)
        again = await cs.arun(target, store=store, id="run")
        return [first, again, id(asyncio.get_running_loop())]

    first, again, loop = asyncio.run(main())
    assert first == again == [[loop, threading.get_ident()], 15]
    assert store.run("run").status == "done" and store.run("run").snapshot > 3


def test_arun_that_is_cancelled_leaves_a_run_that_continues(path: Path, store: cs.Store, tmp_path: FilePath) -> None:
    file = tmp_path / "file"

    async def main() -> Any:
        target = tasks.endless(str(file))
        task = asyncio.create_task(cs.arun(target, store=store, id="run", every=cs.steps(1), use_vm=path.use_vm))
        while not file.exists():
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert store.run("run").status == "interrupted"
        FilePath(f"{file}.end").touch()
        return await cs.arun(target, store=store, id="run")

    assert asyncio.run(main()) == "over"
    assert [entry.kind for entry in cs.Run(store, "run").history() if entry.kind != "saved"] == ["resumed", "done"]


def test_arun_continues_a_parked_run_when_its_signal_has_come(path: Path, store: cs.Store) -> None:
    async def main() -> Any:
        task = asyncio.create_task(cs.arun(tasks.decide(cs.wait("go"), 1), store=store, id="run", use_vm=path.use_vm))
        while not (store.has("run") and store.run("run").status == "waiting"):
            await asyncio.sleep(0.001)
        cs.signal(store, "run", "go", "yes")
        return await task

    assert asyncio.run(main()) == "yes: 1"


def test_runs_of_one_event_loop_are_saved_side_by_side(path: Path, store: cs.Store, tmp_path: FilePath) -> None:
    tasks.Ledger.store = store
    store.connection().execute("CREATE TABLE ledger (amount INTEGER)")
    file = str(tmp_path / "file")

    async def main() -> list[Any]:
        targets = [tasks.later(tasks.add(tasks.pay(number), tasks.later(0))) for number in range(5)]
        targets.append(tasks.total(tasks.square.map(tasks.later.map(range(9)))))
        targets.append(tasks.write_later.map([file] * 9, list("abcdefghi")))
        return await asyncio.gather(*[cs.arun(each, store=store, every=0, use_vm=path.use_vm) for each in targets])

    assert asyncio.run(main()) == [0, 1, 2, 3, 4, 204, list("abcdefghi")]
    assert store.connection().execute("SELECT sum(amount) FROM ledger").fetchall() == [(10,)]


def test_errors_of_an_awaited_run_are_those_of_the_task_and_its_options_are_checked(store: cs.Store) -> None:
    async def main() -> None:
        with pytest.raises(ZeroDivisionError):
            await cs.arun(tasks.divide(1, 0), store=store, id="failed")
        with pytest.raises(cs.RunFailedError, match="ZeroDivisionError"):
            await cs.arun(tasks.divide(1, 0), store=store, id="failed")
        with pytest.raises(cs.DeclarationError, match=r"arun\(id=\.\.\.\) without a store"):
            await cs.arun(tasks.add(1), id="x")
        with pytest.raises(cs.DeclarationError, match="expected: a cascade.Store"):
            await cs.arun(tasks.add(1), store="runs.db", id="x")  # type: ignore[call-overload]

    asyncio.run(main())
    assert store.run("failed").status == "failed"


@pytest.mark.once
def test_a_run_that_was_started_can_be_awaited(store: cs.Store, tmp_path: FilePath) -> None:
    async def main() -> None:
        assert await cs.start(tasks.slow_count(5), store=store, id="run") == 15
        assert await cs.Run(store, "run") == 15
        run = cs.start(tasks.endless(str(tmp_path / "file")), store=store, id="endless", every=0.001)
        with pytest.raises(TimeoutError, match="the run 'endless' is running"):
            await run.aresult(timeout=0.01)
        waiter = asyncio.ensure_future(run.aresult())
        await asyncio.sleep(0)
        waiter.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiter
        async with run:
            pass  # it was asked to stop
        assert store.run("endless").status == "interrupted"

    asyncio.run(main())


@pytest.mark.once
def test_a_run_as_a_context_is_waited_for_and_stopped_by_an_exception(store: cs.Store, tmp_path: FilePath) -> None:
    with cs.start(tasks.slow_count(5), store=store, id="run") as run:
        pass
    assert run.state().status == "done"
    with pytest.raises(ValueError, match="enough"):
        with cs.start(tasks.endless(str(tmp_path / "file")), store=store, id="endless", every=0.001):
            raise ValueError("enough")
    assert store.run("endless").status == "interrupted"

    async def main() -> None:
        with pytest.raises(ValueError, match="enough"):
            async with cs.start(tasks.endless(str(tmp_path / "other")), store=store, id="other", every=0.001):
                raise ValueError("enough")
        assert store.run("other").status == "interrupted"

    asyncio.run(main())
