"""Tasks of runs that are saved: another process finds them by their names."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import cascade as cs
from tests.support.processes import until


@cs.task
def add(a: Any, b: Any = 1) -> Any:
    return a + b


@cs.task
def count(n: int, total: int = 0) -> Any:
    if n == 0:
        return total
    return cs.TailCall((n - 1, total + n))


@cs.task(lower=False)
def slow_count(n: int, total: int = 0) -> Any:
    if n == 0:
        return total
    return cs.TailCall(kwargs={"n": n - 1, "total": total + n})


@cs.task
def even(n: int, steps: int = 0) -> Any:
    return True if n == 0 else odd.tail(n - 1, steps + 1)


@cs.task
def odd(n: int, steps: int = 0) -> Any:
    return False if n == 0 else even.tail(n - 1, steps + 1)


@cs.task
def fib(n: int) -> Any:
    return n if n < 2 else add(fib(n - 1), fib(n - 2))


@cs.task
async def later(value: Any) -> Any:
    await asyncio.sleep(0)
    return value


@cs.task
def handed(n: int) -> Any:
    return n if n == 0 else passed(n, later(n))


@cs.task
def passed(n: int, value: int) -> Any:
    """Continues with other calls once a value is there that was awaited."""
    return handed(n - 1) if n % 2 else handed.tail(n - 1)


@cs.task
def rested(n: int) -> Any:
    return n if n == 0 else rested_once(n, cs.sleep(0.001))


@cs.task
def rested_once(n: int, _: None) -> Any:
    return rested(n - 1)


@cs.task
async def loop_of_the_call() -> list[int]:
    return [id(asyncio.get_running_loop()), threading.get_ident()]


@cs.task
def divide(a: int, b: int) -> float:
    return a / b


@cs.task
async def async_loop(n: int, total: int) -> Any:
    await asyncio.sleep(0)
    return total if n == 0 else async_loop.tail(n - 1, total + n)


@cs.task
def total(values: Any) -> Any:
    return sum(values)


@cs.task
def history(n: int, values: list[Any], state: dict[str, Any]) -> Any:
    values.append((n, float(n) / 3, f"step {n}"))
    state[str(n)] = values[-1]
    return (values, state) if n == 0 else history.tail(n - 1, values, state)


@cs.task
def walk(n: int, generator: random.Random, at: float = 0.0) -> Any:
    return at if n == 0 else walk.tail(n - 1, generator, at + generator.random())


@cs.task
def blur(n: int, grid: Any, part: Any, generator: random.Random) -> Any:
    """`part` is a part of the grid's memory."""
    part += generator.random() * grid[:4]
    return grid.tolist() if n == 0 else blur.tail(n - 1, grid, part, generator)


@dataclasses.dataclass
class Point:
    x: float
    y: float
    tags: list[str] = dataclasses.field(default_factory=list)


@cs.task
def move(n: int, point: Point, same: Any) -> Any:
    point.x += 1.0
    point.tags.append(str(n))
    assert same["point"] is point
    return point if n == 0 else move.tail(n - 1, point, same)


@cs.task
def ping(n: int) -> Any:
    return cs.Jump("end", "over") if n <= 0 else cs.Jump("pong", n - 1)


@cs.task
def pong(n: int, by: int = 1) -> Any:
    return cs.Jump("ping", n - by)


def state_machine(n: int) -> Any:
    first = ping(n)
    selector = cs.select_jump({"ping": first, "pong": pong(None, 2), "end": None})
    cs.bind(first, selector)
    for route in selector.routes.values():
        if route is not None and route is not first:
            cs.bind(route, selector)
    return first


@cs.task
def choose(n: int) -> str:
    return "small" if n < 10 else "large"


def routed(n: int) -> Any:
    shared = add(n, 1)
    return add(
        cs.Router(choose(n), {"small": slow_count(shared), "large": add(shared, slow_count(5))}),
        cs.Router(choose(3), {"small": count(3)}),
    )


@cs.task
def turned(n: int) -> Any:
    """Returns a Router of the same rows again and again, with other values in its routes."""
    return n if n <= 0 else cs.Router(choose(n), {"small": add(turned(n - 4), n), "large": turned(n - 7)})


@cs.task
def square(x: int) -> Any:
    return x * x


@cs.task
def square_later(x: int) -> Any:
    return add(square(x), 0)


@cs.task
def square_slowly(x: int) -> Any:
    """Takes so long for three that a run may be saved behind it, before the call that it returns."""
    if x == 3:
        time.sleep(0.002)
    return add(square(x), 0)


@cs.task(lower=False)
def later_after(n: int) -> Any:
    """Takes so long that a run may be saved behind it, before its tail call."""
    time.sleep(0.001)
    return later.tail(n)


@cs.resource
def base() -> Iterator[Any]:
    yield [100]


@cs.task
def based(n: int, values: Any = cs.inject(base)) -> Any:
    return values[0] + n


@cs.task
def based_loop(n: int, total: int = 0, values: Any = cs.inject(base)) -> Any:
    return total if n == 0 else based_loop.tail(n - 1, total + values[0], values)


@cs.task
def fail_first(n: int, attempts: str) -> Any:
    with open(attempts, "a") as file:
        file.write("x")
    with open(attempts) as file:
        if len(file.read()) < n:
            raise ValueError("not yet")
    return n


@cs.task(effect="once")
def write_once(path: str, text: str) -> str:
    with open(path, "a") as file:
        file.write(text + "\n")
    return text


@cs.task(effect="once")
def write_as_list(path: str, text: str) -> list[str]:
    return [write_once.func(path, text)]


@cs.task(effect="once")
def write_or_stop(path: str, text: str) -> str:
    """Is interrupted at its first call with "stop"."""
    if text == "stop" and not os.path.exists(path + ".stopped"):
        open(path + ".stopped", "x").close()
        raise KeyboardInterrupt
    return write_once.func(path, text)


@cs.task(effect="once")
def once_loop(path: str, n: int) -> Any:
    with open(path, "a") as file:
        file.write(f"{n}\n")
    return "over" if n == 0 else once_loop.tail(path, n - 1)


@cs.task
def decide(answer: Any, value: Any) -> Any:
    return f"{answer}: {value}"


@cs.task
def together(*values: Any) -> Any:
    return list(values)


@cs.task
def kept(value: Any, turns: int) -> Any:
    return value if turns == 0 else kept.tail(value, turns - 1)


def settle(name: str, arguments: dict[str, Any]) -> Any:
    """Says what became of a call in doubt: it writes a line, which is there or not."""
    path, text = arguments["path"], str(arguments.get("text", arguments.get("n")))
    try:
        with open(path) as file:
            found = text in file.read().splitlines()
    except FileNotFoundError:
        found = False
    if not found:
        return "again"
    if name != "once_loop":
        return cs.Returned([text] if name == "write_as_list" else text)
    return cs.Returned("over" if arguments["n"] == 0 else once_loop.tail(path, arguments["n"] - 1))


class Plain:
    """A class that is not a dataclass."""

    def __init__(self, value: Any) -> None:
        self.value = value


@cs.task
def grow(seed: int) -> Any:
    return random.Random(seed).randbytes(1_000_000)


@cs.task
def hold(value: Any, lock: Any) -> Any:
    return value


@cs.task
def lock_of(value: Any) -> Any:
    return threading.Lock()


@cs.task(effect="once")
def lock_once(value: Any) -> Any:
    return threading.Lock()


@cs.task(effect="once")
async def lock_once_later(value: Any) -> Any:
    return threading.Lock()


@cs.task(effect="atomic")
def lock_atomically(value: Any) -> Any:
    return threading.Lock()


@cs.task
def count_beside(n: int, value: Any = None) -> Any:
    return second(lock_of(n), slow_count(n))


@cs.task
def second(first: Any, value: Any) -> Any:
    return value


def not_two(n: int) -> int:
    if n == 2:
        raise ValueError("two")
    return n


@cs.task(effect="once")
def once_but_two(n: int) -> int:
    return not_two(n)


@cs.task(effect="once")
async def once_later_but_two(n: int) -> int:
    await asyncio.sleep(0)
    return not_two(n)


@cs.task(effect="atomic")
def atomic_but_two(n: int) -> int:
    return not_two(n)


def _main_thread_waits_for_a_run() -> bool:
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    if frame is None or frame.f_code.co_filename != threading.__file__:
        return False
    while frame is not None and frame.f_code is not getattr(cs.Run.result, "__wrapped__").__code__:
        frame = frame.f_back
    return frame is not None


@cs.task(lower=False)
def interrupt_main(n: int) -> int:
    """Interrupts the main thread, as Ctrl-C does, once that waits, and takes a while."""
    if n == 95:
        until(_main_thread_waits_for_a_run)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    time.sleep(0.01)
    return n if n == 0 else interrupt_main.tail(n - 1)


@cs.task
def leave() -> None:
    raise SystemExit(3)


@cs.task
def crash_in_memory(n: int, lock: Any = None) -> Any:
    import threading

    return n if n == 0 else crash_in_memory.tail(n - 1, threading.Lock())


class Held:
    """Lets a test hold a call, which says so again and again."""

    begun: Any = None
    go: Any = None


@cs.task
async def held() -> str:
    while not Held.go.is_set():
        Held.begun.set()
        await asyncio.sleep(0.01)
    return "held"


@cs.task(lower=False)
def take_long(seconds: float) -> None:
    """Moves the clocks of a test on."""
    Held.go(seconds)


@cs.resource
def ledger() -> Iterator[Any]:
    yield Ledger.store.connection()


class Ledger:
    """The store of the test that writes by it."""

    store: Any = None


@cs.task(effect="atomic")
def pay(amount: int, connection: Any = cs.inject(ledger)) -> Any:
    connection.execute("INSERT INTO ledger VALUES (?)", (amount,))
    if amount < 0:
        raise ValueError("negative")
    return amount


@cs.task(effect="atomic")
def pay_by_postgres(amount: int, connection: Any = cs.inject(ledger)) -> Any:
    connection.execute("INSERT INTO ledger VALUES (%s)", (amount,))
    if amount < 0:
        raise ValueError("negative")
    return amount


@cs.task(effect="once")
async def write_later(path: str, text: str) -> str:
    await asyncio.sleep(0)
    with open(path, "a") as file:
        file.write(text + "\n")
    return text


@cs.task(effect="once", retry=cs.Retry(3))
def write_at_the_second_attempt(path: str) -> Any:
    with open(path, "a") as file:
        file.write("x")
    with open(path) as file:
        if len(file.read()) < 2:
            raise ValueError("not yet")
    return "written"


@cs.task
def turn(question: str, answers: list[Any]) -> Any:
    return answers if len(answers) == 2 else answered(question, answers, cs.wait(f"{question} {len(answers)}"))


@cs.task
def answered(question: str, answers: list[Any], answer: Any) -> Any:
    return turn(question, [*answers, answer])


@cs.task
def note(path: str) -> int:
    with open(path, "a") as file:
        return file.write("x")


@cs.task
def endless(path: str, n: int = 0) -> Any:
    """Writes down that it runs; ends when there is a file beside that says so."""
    with open(path, "a") as file:
        file.write(f"{n}\n")
    time.sleep(0.002)
    return "over" if os.path.exists(path + ".end") else endless.tail(path, n + 1)
