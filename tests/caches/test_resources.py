"""Resources as arguments of cached calls: their declaration is in the key, not their value."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

import cascade as cs
from cascade.errors import (
    CacheWarning,
)
from cascade.runtime import Engine
from tests.support.resources import Connection, server

pytestmark = pytest.mark.filterwarnings("ignore:a call of task .* is not cached:cascade.errors.CacheWarning")


def say(what: str) -> None:
    # Not a list of the test's own: what is in it would be part of the keys.
    logging.getLogger("tests.joined").info(what)


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Any:
    caplog.set_level(logging.INFO, "tests.joined")
    return lambda: [record.message for record in caplog.records if record.name == "tests.joined"]


@cs.resource
async def server_later(url: str = cs.Param("url", "a")) -> AsyncIterator[Connection]:
    await asyncio.sleep(0)
    yield Connection("server", url)


@cs.resource(scope="task")
def session(server: Connection = cs.inject(server), user: str = "me") -> Iterator[Connection]:
    say("+session")
    yield Connection("session", server.how, user)
    say("-session")


@cs.resource(scope="task")
async def session_later(server: Connection = cs.inject(server_later), user: str = "me") -> AsyncIterator[Connection]:
    say("+session")
    yield Connection("session", server.how, user)
    say("-session")


@cs.resource
def size(given: int = cs.Param("size", 3)) -> Iterator[int]:
    yield given


@cs.task
def ask(text: str, *connections: Any) -> Any:
    say(text)
    return [text, *(getattr(each, "how", each) for each in connections)]


@pytest.mark.parametrize("resource", [server, server_later, session, session_later])
def test_a_resource_counts_in_a_key_as_what_makes_it(run, said, resource):
    cache = cs.MemoryCache()

    def answer(text: str, url: str) -> Any:
        return run(ask(text, cs.inject(resource)).with_cache(cache), params={"url": url})

    first = answer("x", "a")
    assert answer("x", "a") == first
    assert answer("x", "b") != first
    assert answer("y", "a") != first
    assert [text for text in said() if text in ("x", "y")] == ["x", "x", "y"]
    assert len(cache) == 3


@pytest.mark.parametrize("resource", [session, session_later])
def test_a_cached_call_sets_nothing_up(run, said, resource):
    cache = cs.MemoryCache()
    target = ask("x", [cs.inject(resource), "y"]).with_cache(cache)
    for _ in range(2):
        assert run(target)[0] == "x"
        assert said() == ["+session", "x", "-session"]


def test_a_resource_with_a_key_counts_by_its_value(run, said):
    cache = cs.MemoryCache()
    for given in (3, 3, 4):
        target = ask("x", cs.inject(size), cs.inject(server)).with_cache(cache)
        assert run(target, params={"size": given}) == ["x", given, ("server", "a")]
    assert len(cache) == 2
    assert run(ask("x", 4, cs.inject(server)).with_cache(cache)) == ["x", 4, ("server", "a")]
    assert len(cache) == 2


def test_other_resources_and_overrides_have_other_keys(path):
    cache = cs.MemoryCache()
    engine = Engine(resources=[server])

    @cs.resource(name="server")
    def fake() -> Iterator[Connection]:
        yield Connection("fake")

    target = ask("x", cs.inject("server")).with_cache(cache)
    assert path.run_with(engine, target) == ["x", ("server", "a")]
    with engine.resource_container.override("server", fake):
        assert path.run_with(engine, target) == ["x", ("fake",)]
    assert path.run_with(engine, target) == ["x", ("server", "a")]
    assert len(cache) == 2


def test_defaults_that_come_with_the_run_do_not_keep_a_task_from_being_cached(run, said):
    cache = cs.MemoryCache()

    @cs.task
    def scaled(x: int, scale: int = cs.Param("scale", 2), server: Any = cs.inject(server)) -> int:
        say("called")
        return x * scale

    assert [run(scaled(5).with_cache(cache), params={"scale": scale}) for scale in (2, 3, 2, 3)] == [10, 15, 10, 15]
    assert run(scaled.map([5, 6]).with_cache(cache), params={"scale": 3}) == [15, 18]
    assert len(said()) == 3


def test_a_resource_whose_code_cannot_be_told_is_not_cached_and_said_so(run):
    lock = threading.Lock()

    @cs.resource(scope="task")
    def locked() -> Iterator[Any]:
        yield lock

    with pytest.warns(CacheWarning, match="a call of task 'ask' is not cached: the closure's 'lock'"):
        run(ask("x", cs.inject(locked)).with_cache(cs.MemoryCache()))


def test_a_cache_of_ones_own_is_given_what_makes_a_resource(run):
    heard = []

    class Policy:
        def check(self, task_id: str, arguments: dict[str, Any]) -> Any:
            heard.append(arguments)

        def save(self, task_id: str, arguments: dict[str, Any], value: Any) -> None:
            assert arguments is heard[-1]

    for _ in range(2):
        run(ask("x", cs.inject(session)).with_cache(Policy()))
    assert repr(heard[0]) == repr(heard[1])
    assert "Placeholder" not in repr(heard)
    assert type(heard[0]["connections"][0].arguments["server"]).__name__ == "Origin"
