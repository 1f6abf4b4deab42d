"""Runs maps on a Dask cluster of several hosts, which are network namespaces: links that fail, and a scheduler that is killed and started anew.

    host s: the scheduler and a worker      host w: a worker, whose link goes down      host c: Cascade, and its client

    python tools/two_hosts.py [--items 3000]        # as root, on Linux, with `ip` (iproute2)

Each map has to have each of its items once, in order. Says so, and ends with status 2, where namespaces are not allowed.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

NAME = f"cascade{os.getpid()}"
HOSTS = {"s": "10.77.0.1", "w": "10.77.0.2", "c": "10.77.0.3"}
ADDRESS = f"tcp://{HOSTS['s']}:8786"
DOWN = 4.0
"""Seconds for which a link is down."""


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@contextlib.contextmanager
def network() -> Iterator[None]:
    """Makes the hosts; s has a bridge to which the others are connected."""
    try:
        for host in HOSTS:
            ip("netns", "add", NAME + host)
            ip("-n", NAME + host, "link", "set", "lo", "up")
        ip("-n", NAME + "s", "link", "add", "bridge", "type", "bridge")
        for host in ("w", "c"):
            ip(
                "-n",
                NAME + "s",
                "link",
                "add",
                f"to-{host}",
                "type",
                "veth",
                "peer",
                "name",
                "net",
                "netns",
                NAME + host,
            )
            ip("-n", NAME + "s", "link", "set", f"to-{host}", "master", "bridge", "up")
            ip("-n", NAME + host, "addr", "add", f"{HOSTS[host]}/24", "dev", "net")
            ip("-n", NAME + host, "link", "set", "net", "up")
        ip("-n", NAME + "s", "addr", "add", f"{HOSTS['s']}/24", "dev", "bridge")
        ip("-n", NAME + "s", "link", "set", "bridge", "up")
        yield
    finally:
        for host in HOSTS:
            subprocess.run(["ip", "netns", "delete", NAME + host], check=False, capture_output=True)


class Hosts:
    """The processes on the hosts."""

    def __init__(self) -> None:
        self._running: list[subprocess.Popen[bytes]] = []
        self.scheduler = self._start_scheduler()
        self.start_workers()

    def _start(self, host: str, *command: str) -> subprocess.Popen[bytes]:
        started = subprocess.Popen(
            ["ip", "netns", "exec", NAME + host, sys.executable, *command],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stderr=subprocess.DEVNULL,
        )
        self._running.append(started)
        return started

    def _start_scheduler(self) -> subprocess.Popen[bytes]:
        return self._start(
            "s", "-m", "distributed.cli.dask_scheduler", "--host", HOSTS["s"], "--port", "8786", "--no-dashboard"
        )

    def start_workers(self) -> None:
        for host in ("s", "w"):
            self._start(
                host, "-m", "distributed.cli.dask_worker", ADDRESS, "--host", HOSTS[host],
                "--nthreads", "1", "--no-nanny", "--no-dashboard", "--death-timeout", "60",
            )  # fmt: skip

    def restart_scheduler(self) -> None:
        """Kills the scheduler, whose workers end then, and starts another one with others."""
        self.scheduler.kill()
        self.scheduler.wait()
        time.sleep(1.0)
        self.scheduler = self._start_scheduler()
        self.start_workers()

    def client(self, items: int) -> subprocess.Popen[bytes]:
        return self._start("c", __file__, "--client", "--items", str(items))

    def end(self) -> None:
        for each in self._running:
            each.kill()
            each.wait()


def lose_link() -> None:
    ip("-n", NAME + "s", "link", "set", "to-w", "down")
    time.sleep(DOWN)
    ip("-n", NAME + "s", "link", "set", "to-w", "up")


def check(hosts: Hosts, name: str, items: int, trouble: Callable[[], None] | None) -> None:
    begun = time.monotonic()
    client = hosts.client(items)
    stopped = threading.Event()
    has_acted = trouble is None

    def act() -> None:
        nonlocal has_acted
        if trouble is not None and not stopped.wait(5.0):
            trouble()
            has_acted = client.poll() is None

    thread = threading.Thread(target=act)
    thread.start()
    try:
        status = client.wait(timeout=240)
    finally:
        stopped.set()
        thread.join()
    if status != 0:
        raise SystemExit(f"{name}: the client ended with status {status}")
    if not has_acted:
        raise SystemExit(f"{name}: the map was over before; give it more --items")
    print(f"{name}: {items:,} items, each once and in order, in {time.monotonic() - begun:.0f} s", flush=True)


def run_map(items: int) -> None:
    """The work of host c."""
    from distributed import Client

    import cascade as cs
    from cascade.errors import WorkerError
    from tests.support.killing import worked

    policy = cs.Retry(10_000, delay=0.2, retry_on=WorkerError)
    with Client(ADDRESS, set_as_default=False, timeout=60) as client:
        client.wait_for_workers(2, timeout=60)
        engine = cs.Engine(executor=cs.DaskExecutor(client))
        target = worked.map(range(items), [0.01] * items).with_retry(policy)
        values = [value for value, _ in engine.stream(target)]
        assert values == list(range(items)), len(values)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=3000)
    parser.add_argument("--client", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.client:
        run_map(options.items)
        return
    try:
        with network():
            hosts = Hosts()
            try:
                check(hosts, "two hosts", options.items, None)
                check(hosts, f"a worker's link down for {DOWN:g} s", options.items, lose_link)
                check(hosts, "a scheduler killed and started anew", options.items, hosts.restart_scheduler)
            finally:
                hosts.end()
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        print(f"network namespaces are not to be had here: {getattr(error, 'stderr', None) or error}")
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
