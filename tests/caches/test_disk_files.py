"""The file of a DiskCache: damaged, of another program, or used by several processes."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path as FilePath
from typing import Any

import pytest

import cascade as cs
from cascade.errors import CacheError, CacheWarning, MissingExtraError
from tests.support.counted_calls import CALLS, counted_task

np = pytest.importorskip("numpy")

pytest.importorskip("msgspec")


def damaged(path: FilePath, how: str) -> None:
    data = path.read_bytes()
    if how == "truncated":
        path.write_bytes(data[: len(data) // 2 + 100])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "garbage":
        path.write_bytes(b"garbage" * 1000)
    elif how == "scrambled":
        path.write_bytes(data[:100] + bytes(255 - byte for byte in data[100:]))


@pytest.mark.parametrize("how", ["truncated", "garbage", "scrambled"])
def test_a_damaged_file_is_reported_and_begun_anew(run, tmp_path, how):
    file = tmp_path / "cache.db"
    cache = cs.DiskCache(file)
    square = counted_task(cache)
    run([square(i) for i in range(200)])
    cache.close()
    damaged(file, how)
    for suffix in ("-wal", "-shm"):
        FilePath(f"{file}{suffix}").unlink(missing_ok=True)
    with pytest.warns(CacheWarning, match="damaged"):
        square = counted_task(cs.DiskCache(file))
        assert run([square(i) for i in range(200)]) == [i * i for i in range(200)]
    assert run(square(3)) == 9
    assert len(CALLS) == 200
    assert len(list(tmp_path.glob("*.damaged-*"))) == 1


def test_a_damaged_entry_is_reported_and_dropped(run, tmp_path):
    cache = cs.DiskCache(tmp_path / "cache.db")
    square = counted_task(cache)
    run([square(1), square(2)])
    connection = sqlite3.connect(tmp_path / "cache.db")
    connection.execute("UPDATE entries SET value = x'07'")
    connection.commit()
    connection.close()
    with pytest.warns(CacheWarning, match="an entry is damaged"):
        assert run([square(1), square(2)]) == [1, 4]
    assert run([square(1), square(2)]) == [1, 4]
    assert CALLS == [1, 2, 1, 2]


def test_a_file_of_something_else_is_left_alone(tmp_path):
    connection = sqlite3.connect(tmp_path / "other.db")
    connection.execute("CREATE TABLE mine (x)")
    connection.commit()
    connection.close()
    with pytest.raises(CacheError, match="something else"):
        cs.DiskCache(tmp_path / "other.db")
    with pytest.raises(CacheError, match="can be written"):
        cs.DiskCache(tmp_path / "no directory" / "x.db")


def test_a_directory_is_left_alone(tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_text("of the user")
    with pytest.raises(CacheError, match="it is a directory"):
        cs.DiskCache(tmp_path / "kept")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert (tmp_path / "kept" / "file").read_text() == "of the user"


def test_a_cache_that_cannot_be_opened_for_a_while_is_not_taken_for_damaged(tmp_path):
    # As many descriptors as the process may have are open: a limit that is reached elsewhere.
    script = """
import os, resource, sys
import cascade as cs
cache = cs.DiskCache(sys.argv[1])
cache.store(b"key", 1)
cache.close()
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
taken = []
try:
    while True:
        taken.append(os.open(os.devnull, os.O_RDONLY))
except OSError:
    pass
try:
    cache.load(b"key")
except cs.CascadeError as error:
    print(type(error).__name__)
for each in taken:
    os.close(each)
print(cache.load(b"key").value)
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, str(tmp_path / "cache.db")], capture_output=True, text=True, check=False,
        timeout=60,
    )  # fmt: skip
    assert done.stdout.split() == ["CacheError", "1"], done.stderr
    assert not list(tmp_path.glob("*.damaged-*"))


def test_a_full_disk_keeps_nothing_more(run, tmp_path):
    cache = cs.DiskCache(tmp_path / "cache.db")
    repeated = cs.task(cache=cache)(lambda n: "x" * n)
    run(repeated(10))
    cache._connection().execute("PRAGMA max_page_count = 4")
    with pytest.warns(CacheWarning, match="full; nothing more is kept"):
        assert len(run(repeated(100_000))) == 100_000
    assert len(cache) == 1
    assert not list(tmp_path.glob("*.damaged-*"))


def test_without_msgspec_a_disk_cache_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr("cascade.adapters.caches.codec.msgspec", None)
    with pytest.raises(MissingExtraError, match=r"DiskCache needs the package 'msgspec'.*\n.*cascade-engine\[cache\]"):
        cs.DiskCache(tmp_path / "cache.db")
    assert not list(tmp_path.iterdir())


WORKER = """
import sys
import cascade as cs

@cs.task(cache=cs.DiskCache(sys.argv[1]))
def square(x):
    return x * x

use_vm = sys.argv[2] == "vm"
for round in range(3):
    assert cs.run([square(i) for i in range(150)], use_vm=use_vm) == [i * i for i in range(150)]
print("ok")
"""


def test_several_processes_use_one_file(path, tmp_path):
    (tmp_path / "worker.py").write_text(WORKER)
    command = [sys.executable, str(tmp_path / "worker.py"), str(tmp_path / "cache.db"), repr(path)]
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in range(4)]
    for worker in workers:
        output, _ = worker.communicate(timeout=60)
        assert output == "ok\n"
    assert len(cs.DiskCache(tmp_path / "cache.db")) == 150


def test_a_cache_that_a_module_holds_ends_quietly_with_the_process(path, tmp_path):
    script = f"""
import atexit, sys
import cascade as cs
cache = cs.DiskCache(sys.argv[1])
@cs.task(cache=cache)
def double(x):
    return 2 * x
print(cs.run(double(4), use_vm={path.use_vm}))
atexit.register(lambda: print(cs.run(double(5), use_vm={path.use_vm})))
"""
    command = [sys.executable, "-W", "error", "-X", "dev", "-c", script, str(tmp_path / "cache.db")]
    for _ in range(2):
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert (done.stdout.split(), done.stderr) == (["8", "10"], "")
    assert [file.name for file in tmp_path.iterdir()] == ["cache.db"]


def test_threads_share_a_cache(path, cache):
    square = counted_task(cache)
    results: list[Any] = []

    def work() -> None:
        results.append(path.run([square(i) for i in range(50)]))
        if isinstance(cache, cs.DiskCache):
            cache.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert results == [[i * i for i in range(50)]] * 4


def test_a_memory_cache_has_a_limit(run):
    cache = cs.MemoryCache(max_entries=2)
    square = counted_task(cache)
    for x in (1, 2, 1, 3, 1, 2):
        run(square(x))
    assert CALLS == [1, 2, 3, 2]
    assert len(cache) == 2
    cache.clear()
    assert len(cache) == 0
    with pytest.raises(TypeError):
        cs.MemoryCache(0)
