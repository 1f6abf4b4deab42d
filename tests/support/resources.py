"""Resources that record their set-up and tear-down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import cascade as cs

Log = list[Any]


def make(name: str, log: Log, *, is_async: bool = False, scope: str = "run", **needs: Any) -> cs.Resource:
    """A resource that writes down its set-up and tear-down, and yields its name and what it needs."""

    def sync(**given: Any) -> Iterator[Any]:
        log.append(f"+{name}")
        yield (name, *given.values()) if given else name
        log.append(f"-{name}")

    async def later(**given: Any) -> AsyncIterator[Any]:
        await asyncio.sleep(0)
        log.append(f"+{name}")
        yield (name, *given.values()) if given else name
        await asyncio.sleep(0)
        log.append(f"-{name}")

    source = f"{'async ' * is_async}def f({', '.join(f'{n}=needs[{n!r}]' for n in needs)}):\n"
    arguments = ", ".join(f"{n}={n}" for n in needs)
    if is_async:
        source += f"    inner = later({arguments})\n    yield await anext(inner)\n    await anext(inner, None)\n"
    else:
        source += f"    yield from sync({arguments})\n"
    names = {"needs": needs, "sync": sync, "later": later}
    exec(source, names)
    return cs.resource(name=name, scope=scope)(names["f"])


def leaving(error: Exception, is_async: bool, name: str) -> cs.Resource:
    def sync() -> Iterator[Any]:
        yield 1
        raise error

    async def later() -> AsyncIterator[Any]:
        yield 1
        raise error

    return cs.resource(name=name)(later if is_async else sync)


def task_of(
    log: Log, *, is_async: bool = False, failures: int = 0, error: type[BaseException] = ValueError
) -> cs.Task[..., Any]:
    """A task that writes its arguments down and gives them; the first calls fail."""
    calls = 0

    def use(x: Any = None, *rest: Any) -> Any:
        nonlocal calls
        calls += 1
        log.append(x)
        if calls <= failures:
            raise error(calls)
        return (x, *rest)

    async def use_later(x: Any = None, *rest: Any) -> Any:
        await asyncio.sleep(0)
        return use(x, *rest)

    return cs.task(name="use")(use_later if is_async else use)


class Connection:
    """Something that no key can be made of."""

    def __init__(self, *how: Any) -> None:
        self.how = how


@cs.resource
def server(url: str = cs.Param("url", "a")) -> Iterator[Connection]:
    yield Connection("server", url)
