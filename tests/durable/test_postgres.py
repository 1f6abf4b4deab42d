"""A store in Postgres: a real server, which the fixture starts from Debian's package in a temporary folder."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path as FilePath

import pytest

import cascade as cs
from tests.conftest import Path
from tests.support.durable import tasks

psycopg = pytest.importorskip("psycopg", reason="psycopg is not here")
pytestmark = pytest.mark.once


class Server:
    """A Postgres server of its own, run by another user where this one is root, as it refuses to be run by root."""

    def __init__(self, folder: FilePath, binaries: FilePath) -> None:
        self.folder = folder
        self._binaries = binaries
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        if os.getuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        self._call("initdb", "-D", str(folder / "data"), "-A", "trust", "-U", "cascade", "--no-sync")
        self.start()

    def _call(self, name: str, *arguments: str) -> None:
        command = [str(self._binaries / name), *arguments]
        if os.getuid() == 0:
            command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.folder, check=False, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self) -> None:
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        self._call(
            "pg_ctl", "-D", str(self.folder / "data"), "-w", "-o", options, "-l", str(self.folder / "log"), "start"
        )

    def stop(self, how: str = "fast") -> None:
        self._call("pg_ctl", "-D", str(self.folder / "data"), "-w", "-m", how, "stop")

    @property
    def address(self) -> str:
        return f"postgresql://cascade@127.0.0.1:{self.port}/postgres"


def binaries() -> FilePath | None:
    found = shutil.which("postgres")
    if found is not None:
        return FilePath(found).parent
    installed = sorted(FilePath("/usr/lib/postgresql").glob("*/bin/postgres"))
    return installed[-1].parent if installed else None


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    folder = binaries()
    if folder is None:
        pytest.skip("no Postgres server is installed (Debian's package postgresql)")
    with tempfile.TemporaryDirectory(prefix="cascade-postgres-") as name:
        os.chmod(name, 0o755)
        made = Server(FilePath(name), folder)
        yield made
        made.stop("immediate")


@pytest.fixture
def store(server: Server) -> Iterator[cs.Store]:
    made = cs.Store(server.address)
    yield made
    for row in made.runs():
        made.remove(row.id)
    made.close()


def test_a_run_continues_from_each_of_its_snapshots(path: Path, store: cs.Store) -> None:
    expected = path.run(tasks.history(5, [], {}))
    run = cs.start(tasks.history(5, [], {}), store=store, id="run", every=cs.steps(1), use_vm=path.use_vm)
    assert run.result() == expected
    for number, _, _ in store.snapshots("run"):
        assert cs.fork(store, "run", at=number).result() == expected


def test_waits_signals_effects_and_workers(path: Path, store: cs.Store, tmp_path: FilePath) -> None:
    file = tmp_path / "file"
    target = tasks.together(tasks.write_once(str(file), "a"), tasks.decide(cs.wait("go"), tasks.slow_count(4)))
    run = cs.start(target, store=store, id="run", use_vm=path.use_vm)
    run.wait()
    assert run.state().status == "waiting"
    cs.signal(store, "run", "go", [1])
    cs.Worker(store).work(until_idle=True)
    assert run.result() == ["a", "[1]: 10"] and file.read_text() == "a\n"
    store.queue("one", 1)
    for number in range(3):
        cs.start(tasks.add(number, 1), store=store, id=f"queued {number}", queue="one")
    cs.Worker(store, concurrency=2).work(until_idle=True)
    assert [row.status for row in store.runs()] == ["done"] * 4
    assert store.collect() == 4 and store.runs() == []


def test_items_with_the_effect_once_share_commits(path: Path, store: cs.Store, tmp_path: FilePath) -> None:
    file = str(tmp_path / "file")
    texts = [*map(str, range(20)), "stop", "after"]
    target = tasks.write_or_stop.map([file] * 22, texts)
    with pytest.raises(KeyboardInterrupt):
        cs.run(target, store=store, id="run", every=3600, use_vm=path.use_vm)
    assert cs.resume(store, "run", doubt=tasks.settle).result() == texts
    assert FilePath(file).read_text().split() == texts


def test_writes_of_an_atomic_call_are_committed_with_the_snapshot(path: Path, store: cs.Store) -> None:
    tasks.Ledger.store = store
    store.connection().execute("CREATE TABLE IF NOT EXISTS ledger (amount BIGINT)")
    store.connection().execute("TRUNCATE ledger")
    assert (
        cs.run(
            tasks.add(tasks.pay_by_postgres(3), tasks.pay_by_postgres(4)), store=store, id="paid", use_vm=path.use_vm
        )
        == 7
    )
    with pytest.raises(ValueError, match="negative"):
        cs.run(tasks.pay_by_postgres(-1), store=store, id="failed", use_vm=path.use_vm)
    assert store.connection().execute("SELECT sum(amount) FROM ledger").fetchone()[0] == 7


def test_two_claims_at_once_have_different_runs(store: cs.Store, server: Server) -> None:
    import threading

    for number in range(8):
        cs.start(tasks.add(number), store=store, id=f"run {number}", queue="q")
    found: list[str] = []

    def claim(number: int) -> None:
        own = cs.Store(server.address)
        while (row := own.claim_next(f"elsewhere:{number}:1:1")) is not None:
            found.append(row.id)
        own.close()

    threads = [threading.Thread(target=claim, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == len(set(found)) == 8


def test_a_server_that_is_lost_interrupts_the_run_which_continues_when_it_is_back(path: Path, server: Server) -> None:
    store = cs.Store(server.address, synchronous="full")  # a server that crashes may lose others
    run = cs.start(tasks.decide(cs.wait("go"), 1), store=store, id="lost", use_vm=path.use_vm)
    run.wait()
    cs.signal(store, "lost", "go", 2)
    server.stop("immediate")
    try:
        with pytest.raises(cs.StoreError, match=r"cannot be reached[\s\S]*continues from its last snapshot"):
            run.result(30)
    finally:
        server.start()
    store.close()
    assert cs.resume(store, "lost").result() == "2: 1"
    store.remove("lost")


def test_a_store_of_a_later_version_is_refused(server: Server, store: cs.Store) -> None:
    store.connection().execute("UPDATE format SET version = 99")
    with pytest.raises(cs.StoreError, match=r"later version of Cascade \(format 99\)"):
        cs.Store(server.address)
    store.connection().execute("UPDATE format SET version = 1")


@pytest.mark.parametrize("looked", ["_has_room", "run"])
def test_a_run_that_another_worker_has_finished_meanwhile_is_not_taken(
    looked: str, store: cs.Store, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    cs.start(tasks.add(1, 2), store=store, id="run", queue="q")
    look = getattr(store, looked)

    def look_and_be_late(row: object) -> object:
        found = look(row)
        monkeypatch.undo()
        cs.Worker(cs.Store(server.address)).work(until_idle=True)
        return found

    monkeypatch.setattr(store, looked, look_and_be_late)
    if looked == "run":
        with pytest.raises(cs.StoreError, match="it has just taken it"):
            store.claim("run", "elsewhere:1:1:1")
    else:
        assert store.claim_next("elsewhere:1:1:1") is None
    assert store.run("run").status == "done" and cs.Run(store, "run").result() == 3


def test_forks_of_a_run_with_any_name(store: cs.Store) -> None:
    cs.run(tasks.add(1, 2), store=store, id="a\\b%")
    assert [cs.fork(store, "a\\b%").id for _ in range(9)] == [f"a\\b%-fork-{number}" for number in range(1, 10)]


def test_a_connection_that_was_lost_while_idle_is_replaced(store: cs.Store, server: Server) -> None:
    cs.start(tasks.decide(cs.wait("go"), 1), store=store, id="run").wait()
    ours = store.connection().info.backend_pid
    with psycopg.connect(server.address, autocommit=True) as other:
        for use in (store.runs, lambda: cs.signal(store, "run", "go", 5), lambda: cs.resume(store, "run").result()):
            other.execute("SELECT pg_terminate_backend(%s)", (store.connection().info.backend_pid,))
            use()
        with store.database.transaction():
            other.execute("SELECT pg_terminate_backend(%s)", (store.connection().info.backend_pid,))
            with pytest.raises(cs.StoreError, match="cannot be reached"):
                store.runs()
    assert store.run("run").status == "done" and store.connection().info.backend_pid != ours
