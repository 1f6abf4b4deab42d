"""Files of DiskCache that cannot be written, or are of another format, and are not damaged."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

import cascade as cs
from cascade.errors import CacheError

pytest.importorskip("msgspec")


def test_an_io_error_while_saving_keeps_the_file_and_what_is_in_it(tmp_path: Path) -> None:
    script = """
import resource, signal, sys, warnings
import cascade as cs
cache = cs.DiskCache(sys.argv[1])
for number in range(100):
    cache.store(b"%d" % number, number)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, resource.RLIM_INFINITY))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for number in range(5):
        cache.store(b"large %d" % number, "x" * 200_000)
    print(len(cache), cache.load(b"7").value, len(caught), caught[0].category.__name__)
    print(caught[0].message)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "cache.db")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    first, message = done.stdout.splitlines()
    assert first == "100 7 5 CacheWarning", done.stderr
    assert message.partition(" (more")[0].endswith("nothing more is kept")
    assert not list(tmp_path.glob("*.damaged-*"))


def test_a_file_of_another_format_is_named_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "cache.db"
    cache = cs.DiskCache(file)
    cache.store(b"key", 1)
    cache.close()
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(CacheError, match=r"a cache of format 99\n  expected: one of format 1"):
        cs.DiskCache(file)
    assert not list(tmp_path.glob("*.damaged-*"))
    connection = sqlite3.connect(file)
    assert connection.execute("SELECT count(*) FROM entries").fetchone() == (1,)
    connection.close()
