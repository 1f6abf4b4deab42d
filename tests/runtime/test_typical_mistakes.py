"""Typical mistakes get an answer that says what to write, on both paths: messages of graphs, maps, loops and observers."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import cascade as cs

np = pytest.importorskip("numpy")


@cs.task
def add(a: int, b: int = 2) -> int:
    return a + b


@cs.task
def say(prefix: str, x: int) -> str:
    return prefix + str(x)


@cs.task
def listed(count: int) -> list[int]:
    return list(range(count))


@cs.task
async def later(x: int) -> int:
    return x


@cs.task
def jumps(x: int) -> Any:
    return cs.Jump("end", x)


@cs.task
def in_a_list(n: int) -> Any:
    return [in_a_list.tail(n - 1)]


@cs.task
def in_a_tuple(n: int) -> Any:
    return n, in_a_tuple.tail(n - 1)


@cs.task
def in_a_dict(n: int) -> Any:
    return {"next": in_a_dict.tail(n - 1)}


@cs.task
def dictionary() -> dict[str, int]:
    return {"a": 1}


@cs.task
def uses(x: int) -> Any:
    return add(x) if add(x) > 1 else 0


DECLARED = [
    # What is written, and a part of the answer.
    (lambda: bool(add(1)), "has no truth value", "run_if(condition)"),
    (lambda: add(1) == 2, "cannot be compared by ==", "cs.run(result) == value"),
    (lambda: add(1) != 2, "cannot be compared by !=", "cs.run(result) == value"),
    (lambda: 1 in listed(3), "cannot be searched by in", "cs.run(result)"),
    (lambda: len(listed(3)), "cannot be measured by len()", "cs.run(result)"),
    (lambda: list(listed(3)), "cannot be iterated over", "task.map(result)"),
    (lambda: int(add(1)), "cannot be converted by int()", "cs.run(result)"),
    (lambda: add(1).result(), "has no 'result'", "cs.run(result) runs it"),
    (lambda: add(1).compute(), "has no 'compute'", "cs.run(result) runs it"),
    (lambda: listed(3).shape, "its attribute 'shape' cannot be read", "cs.run(result).shape"),
    (lambda: listed(3).append(1), "its attribute 'append' cannot be read", "cs.run(result).append"),
    (lambda: range(add(1)), "cannot be used as an index", "cs.run(result)"),
    (lambda: sorted([add(2), add(1)]), "has no truth value", "run it first"),
    (lambda: add.map(1), "map input 'a' is of type int", "add.partial(a=...).map(...)"),
    (lambda: add.map(np.array(3)), "map input 'a' is of type ndarray", "add.partial(a=...).map(...)"),
    (lambda: add.map([1, 2], 3), "map input 'b' is of type int", "add.partial(b=...).map(a=...)"),
    (lambda: say.map("ab", [1, 2]), "map input 'prefix' is a text", "say.partial(prefix='ab').map(x=...)"),
    (lambda: say.partial(prefix="a").map([1]), "multiple values for argument 'prefix'", "partial holds 'prefix' already: pass the others by name, .map(x=...)"),
    (lambda: say.map([("a", 1)]), "missing 1 required positional argument: 'x'", "say.map(*zip(*tuples))"),
    (lambda: say.map(zip("ab", [1, 2])), "missing 1 required positional argument: 'x'", "say.map(prefix=..., x=...)"),
    (lambda: add.map([1], c=[2]), "unexpected keyword argument 'c'", "add.map(a=..., b=...)"),
    (lambda: add.map({"a": 1}), "map input 'a' is a dict", "for its values: a=list(values.values())"),
    (lambda: add.map({"a": [1], "b": [2]}), "map input 'a' is a dict", "add.map(**lists)"),
    (lambda: add.map(), "missing 1 required positional argument: 'a'", "add.map(a=..., b=...)"),
    (lambda: add(1).after(3), "after(3), of type int", "pass the result of a call"),
    (lambda: add(1).with_timeout("3"), "timeout is '3', of type str", "a number, 0 or more"),
    (lambda: add(1).with_cache("a.db"), "has no method 'check'", "cascade.DiskCache(path)"),
    (lambda: cs.task(constraints=["cpu"])(add.func), "constraints=['cpu']", "constraints={'cpu': 1}"),
    (lambda: cs.task(mode="cpu")(add.func), "@task(mode='cpu')", "did you mean 'compute'?"),
    (lambda: cs.task(retries=3)(add.func), "unknown option 'retries'", "did you mean 'retry'?"),
    (lambda: cs.task(add), "task 'add' is a task already", "task(other.func)"),
    (lambda: cs.Router(add(1), {}), "Router(routes={})", "a dict of LazyResults"),
    (lambda: cs.bind(add(1), add(2)), "bind(...,", "the selector that select_jump returns"),
    (lambda: cs.Param(3), "Param(3)", "a name"),
    (lambda: cs.Param("n", "x", type=int), "the default 'x' does not fit int", "not a whole number"),
    (lambda: cs.report("/no/such/folder/run.html"), "there is no directory", "a directory that is there"),
    (lambda: cs.trace("/no/such/folder/run.json"), "there is no directory", "a directory that is there"),
]  # fmt: skip


@pytest.mark.parametrize(("write", "what", "hint"), DECLARED, ids=[what for _, what, _ in DECLARED])
def test_what_is_written_is_answered_at_once(write: Any, what: str, hint: str) -> None:
    with pytest.raises(Exception) as found:
        write()
    assert isinstance(found.value, cs.CascadeError)
    assert what in str(found.value).splitlines()[0] and hint in str(found.value)


RUN = [
    (lambda: add, "task 'add' was given where its result is expected", "call it: add(...)"),
    (lambda: 3, "the target is 3, of type int", "@task"),
    (lambda: (add(n) for n in range(3)), "of type generator", "make it a list: list(...)"),
    (lambda: map(add, [1, 2]), "of type map", "make it a list: list(...)"),
    (lambda: add.tail(1), "of type TailCall", "to begin a loop, call its task: cs.run(task(...))"),
    (lambda: cs.compile(add), "of type Program", "a program is called itself: program(...)"),
    (lambda: [add(1), add], "target[1] is task 'add'", "call it: add(...)"),
    (lambda: add(cs.Param("n")), "parameter 'n' is missing", "params={'n': ...}"),
    (lambda: jumps(1), "Jump", "bind"),
    (lambda: in_a_list(2), "a tail call in a list", "return in_a_list.tail(...)"),
    (lambda: in_a_tuple(2), "a tail call in a tuple", "return in_a_tuple.tail(...)"),
    (lambda: in_a_dict(2), "a tail call in a dict", "or put a call into it, which is continued: in_a_dict(...)"),
    (lambda: add.map(dictionary()), "map input 'a' is a dict", "for its keys: a=list(values)"),
    (lambda: uses(1), "has no truth value", "return the result, or pass it to another task"),
    (lambda: add(1).run_if(False), "there is no value: node add#0 was skipped", "cs.Router(condition, {True: result, False: other})"),
    (lambda: add.map([1, 2], [1]), "mismatched lengths: a has 2, b has 1", "as many items in each input"),
    (lambda: add.map(finished()), "map input 'a' is a generator that has ended", "pass a list"),
    (lambda: cs.Router(add(1), {"a": add(2)}), "there is no route for 3", "one of 'a'"),
    (lambda: add(1).with_constraints(gpu=1), "gpu=1 exceeds total system capacity", "system_resources={'gpu': ...}"),
]  # fmt: skip


@pytest.mark.parametrize("task", [in_a_list, in_a_tuple, in_a_dict])
def test_a_tail_call_in_a_container_is_answered_by_programs_and_kernels(task: Any) -> None:
    program = cs.compile(task)
    for _ in range(2100):  # a kernel is made meanwhile
        with pytest.raises(cs.DeclarationError, match="a tail call in a"):
            program(2)


def test_a_call_in_a_container_is_continued_and_a_tail_call_among_arguments_is_a_value(run: Any) -> None:
    assert run(add.map({"a": 1}.values())) == [3]
    assert run([add(1), (add(2), {"x": add(3)})]) == [3, (4, {"x": 5})]
    tail = add.tail(1)
    assert run(cs.task(lambda value: len(value))([tail])) == 1


def finished() -> Any:
    items = (n for n in range(2))
    list(items)
    return items


@pytest.mark.parametrize(("make", "what", "hint"), RUN, ids=[what for _, what, _ in RUN])
def test_what_is_run_is_answered(run: Any, make: Any, what: str, hint: str) -> None:
    with pytest.raises(cs.CascadeError) as found:
        run(make())
    assert what in str(found.value).splitlines()[0] and hint in str(found.value)


def test_a_generator_is_the_input_of_one_run(run: Any) -> None:
    target = add.map(n for n in range(3))
    assert run(target) == [2, 3, 4]
    with pytest.raises(cs.MapError, match="map input 'a' is a generator that has ended"):
        run(target)


OPTIONS = [
    ({"reprot": "run.html"}, "did you mean 'report'?"),
    ({"n": 3}, "params={'n': ...}"),
    ({"store": "runs.db"}, "store=cascade.Store('runs.db')"),
    ({"id": "a"}, "store=cascade.Store('runs.db')"),
    ({"observers": print}, "observers=[...]"),
    ({"observers": [cs.console]}, "call it: observers=[console()]"),
    ({"report": True}, "the path of a file, such as 'run.html'"),
    ({"report": "/no/such/folder/run.html"}, "there is no directory '/no/such/folder'"),
    ({"report": "/"}, "is a directory"),
]


@pytest.mark.parametrize(("options", "answer"), OPTIONS, ids=[answer for _, answer in OPTIONS])
def test_options_of_a_run_are_answered(options: Any, answer: str) -> None:
    with pytest.raises(TypeError) as found:
        cs.run(add(1), **options)
    assert answer in "\n".join([str(found.value), *getattr(found.value, "__notes__", ())])


ROUTES = [
    (7, {1.0: add(1)}, None),
    (7, {"7": add(1)}, "the key '7' is of type str, and the value of type int"),
    ("nwe", {"new": add(1)}, "did you mean 'new'?"),
]


@pytest.mark.parametrize(("key", "routes", "hint"), ROUTES)
def test_a_key_without_a_route_is_answered_by_the_one_that_was_meant(
    run: Any, key: object, routes: Any, hint: Any
) -> None:
    with pytest.raises(cs.RouteError, match="there is no route for") as found:
        run(cs.Router(key, routes))
    assert found.value.hint == hint


def test_messages_name_the_class_that_users_know() -> None:
    with pytest.raises(TypeError, match=r"^LazyResult\.with_retry\(\) got an unexpected keyword argument 'attempts'"):
        add(1).with_retry(attempts=3)  # type: ignore[call-arg]


def test_several_targets_go_in_a_list() -> None:
    with pytest.raises(cs.TargetError, match=r"hint: several targets go in a list: cs\.run\(\[a, b\]\)"):
        cs.run(add(1), add(2))  # type: ignore[arg-type]


def test_an_awaited_result_runs_and_asyncio_run_says_that_it_is_no_coroutine() -> None:
    async def main() -> int:
        return await later(3)  # type: ignore[no-any-return]

    assert asyncio.run(main()) == 3
    with pytest.raises(ValueError, match=r"LazyResult of later, not run yet: cs\.run\(\.\.\.\)"):
        asyncio.run(later(1))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("written", "meant"), [("task(1).with_retires(3)", "with_retry"), ("cs.visualise(task(1))", "visualize")]
)
def test_a_misspelled_method_or_name_is_suggested(written: str, meant: str) -> None:
    script = f"import cascade as cs; task = cs.task(abs); {written}"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert f"id you mean '{meant}'" in ended.stderr.replace("id you mean: ", "id you mean ")


def test_a_report_that_cannot_be_written_costs_no_run(tmp_path: Path) -> None:
    called: list[int] = []
    task = cs.task(called.append)
    with pytest.raises(cs.DeclarationError):
        cs.run(task(1), report=tmp_path / "none" / "run.html")
    assert called == []
