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
