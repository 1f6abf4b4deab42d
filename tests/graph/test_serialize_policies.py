"""Graphs with policies, Routers and state machines as JSON: round trips, and hostile input."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cascade as cs
from cascade.errors import CascadeError, CycleError, DeclarationError, SerializationError
from cascade.graph.build import build_graph
from cascade.graph.model import Graph
from cascade.graph.outline import outline, target_of
from cascade.graph.serialize import from_json, to_json
from tests.support import workflows
from tests.support.documents import document
from tests.support.recording import heard_from, story
from tests.support.tasks import add, identity, increment, one
from tests.support.workflows import CACHE, KEPT, WORKFLOWS, Hiccup, careful, kept, work

HAVE = {"cpu": 2, "gpu": 2, "memory": 1}


@pytest.fixture(params=list(WORKFLOWS))
def make(request):
    return WORKFLOWS[request.param]


def recorded(path: Any, target: Any) -> Any:
    workflows.calls.clear()
    outcome, events = heard_from(path, target, system_resources=HAVE)
    return repr(outcome), getattr(outcome, "__notes__", None), story(events)


@pytest.mark.usefixtures("one_slice")
def test_a_graph_with_policies_comes_back(make, path):
    text = to_json(make())
    graph = from_json(text)
    assert to_json(graph) == text == to_json(build_graph(make()))
    assert graph.rows == build_graph(make()).rows
    before = recorded(path, make())
    assert before[2], "something runs"
    assert recorded(path, graph) == before
    assert recorded(path, build_graph(make())) == before
    assert recorded(path, from_json(to_json(graph))) == before


def test_a_program_of_a_graph_that_was_read_runs(make):
    outcomes = []
    for target in (make(), from_json(to_json(make()))):
        workflows.calls.clear()
        program = cs.compile(target, system_resources=HAVE)
        try:
            outcomes.append(repr(program()))
        except Exception as error:
            outcomes.append(repr(error))
    assert outcomes[0] == outcomes[1]


def test_all_options_of_a_retry_come_back():
    retry = cs.Retry(5, 0.5, 2.0, 9.0, 0.25, (Hiccup, KeyError))
    for each in (retry, cs.Retry(2), cs.Retry(1, retry_on=()), cs.Retry(3, retry_on=CycleError)):
        operation = from_json(to_json(one().with_retry(each))).rows[-1][0]
        assert operation.retry == each


def test_what_routes_share_with_the_graph_stays_shared(path):
    shared = increment(1)
    graph = from_json(to_json([cs.Router("a", {"a": add(shared, shared), "b": shared}), shared]))
    outcome, events = heard_from(path, graph)
    assert outcome == [4, 2]
    assert [event[1] for event in story(events) if event[0] == "start"].count("increment#0") == 1
    assert [event[1] for event in story(events)].count("increment#0") == 2
    rows = json.loads(to_json(graph))["rows"]
    assert len(rows) == 4


def test_a_parameter_of_a_route_comes_back(run):
    graph = from_json(to_json(WORKFLOWS["router"]()))
    assert [each.name for each in cs.compile(graph).parameters] == ["elsewhere"]
    lazy = cs.Router("p", {"p": cs.Param("elsewhere", type=int), "q": one()})
    assert run(from_json(to_json(lazy)), params={"elsewhere": "4"}) == 4


def test_a_graph_of_many_nested_routers_is_written_once_each():
    target: Any = one()
    for _ in range(60):
        # Each is needed by routes of two Routers: there are 2**60 ways down.
        target = add(cs.Router("a", {"a": target}), cs.Router("a", {"a": target}))
    text = to_json(target)
    assert len(json.loads(text)["rows"]) == 181
    assert to_json(from_json(text)) == text
    deep: Any = one()
    for _ in range(400):
        deep = cs.Router("a", {"a": increment(deep), "b": one()})
    assert cs.run(from_json(to_json(deep))) == 401


def test_a_long_chain_of_states_comes_back(run):
    states = [work(3) for _ in range(2000)]
    for at, state in enumerate(states):
        cs.bind(state, cs.select_jump({"rest": states[(at + 1) % 2000], "done": None}))
    assert run(from_json(to_json(states[0]))) == "tired"


def test_the_target_of_a_graph_does_not_change_with_the_original(run):
    lazy = increment(1)
    graph = build_graph([cs.Router("a", {"a": add(lazy, 1)}), lazy])
    lazy.with_retry(2)
    made = target_of(graph)
    assert [result.policies is None for result in made] == [False, True]
    assert run(made) == run(graph) == [3, 2]


def test_defaults_of_a_task_stand_in_the_graph_as_they_were(run):
    workflows.calls.clear()
    text = to_json(careful("x"))
    operation = json.loads(text)["operations"][0]
    assert (
        operation["task"] == "tests.support.workflows:careful"
        and operation["timeout"] == 30.0
        and operation["retry"]["max_attempts"] == 3
    )
    changed = text.replace('"timeout": 30.0', '"timeout": 7.5')
    assert from_json(changed).rows[-1][0].timeout == 7.5
    bare = to_json(careful("x").with_retry(None).with_timeout(None).with_constraints(cpu=0))
    assert "retry" not in bare and "timeout" not in bare
    plain = document(operations=[{"task": "tests.support.workflows:careful"}], rows=[[0, -1, -2]], inputs=["plain", 0])
    assert from_json(plain).rows[-1][0] is careful
    assert run(from_json(plain)) == "plain done"


def function_with_defaults(x: int) -> int:
    return 3 * x


def test_a_task_made_beside_its_function_has_its_defaults_again():
    options: Any = {"retry": cs.Retry(4, retry_on=Hiccup), "timeout": 5.0, "constraints": {"cpu": 1.5}, "cache": CACHE}
    target = cs.task(name="beside", **options)(function_with_defaults)(2)
    text = to_json(target, caches={"main": CACHE})
    graph = from_json(text, allow=[__name__, "tests.support.workflows"], caches={"main": CACHE})
    assert to_json(graph, caches={"main": CACHE}) == text
    assert graph.rows[-1][0].task.policies == target.task.policies
    assert graph.rows[-1][0].cache is CACHE
    with pytest.raises(SerializationError, match="Hiccup is not allowed"):
        from_json(text, allow=[__name__], caches={"main": CACHE})


# -- Caches -----------------------------------------------------------------------------------------------------------


def test_a_cache_is_named(path, tmp_path):
    disk = cs.DiskCache(tmp_path / "cache.db")
    target = [kept(1).with_cache(CACHE), kept(2).with_cache(disk), kept(3), kept(4).with_cache(None)]
    text = to_json(target, caches={"memory": CACHE, "disk": disk})
    assert [operation.get("cache") for operation in json.loads(text)["operations"] if "task" in operation] == [
        "memory",
        "disk",
        True,
        None,
    ]
    other, KEPT_BEFORE = cs.MemoryCache(), len(KEPT)
    graph = from_json(text, caches={"memory": other, "disk": disk, "unused": CACHE})
    assert path.run(graph) == [7, 14, 21, 28]
    assert (len(other), len(disk)) == (1, 1) and len(KEPT) >= KEPT_BEFORE
    assert [row[0].cache for row in graph.rows[:3]] == [other, disk, KEPT]
    outcome, events = heard_from(path, graph)
    assert outcome == [7, 14, 21, 28]
    assert [event for event in story(events) if event[0] == "skipped"] == [
        ("skipped", f"kept#{n}", "CacheHit") for n in range(3)
    ]


def test_a_cache_without_a_name_cannot_be_written():
    with pytest.raises(SerializationError, match="a MemoryCache is an object of this program") as raised:
        to_json(add(1, one().with_cache(CACHE)))
    assert raised.value.where == "the cache policy of one#0"
    assert "to_json(target, caches={'name': cache})" in str(raised.value.hint)
    with pytest.raises(SerializationError, match="expected: one of 'other'"):
        to_json(one().with_cache(CACHE), caches={"other": KEPT})


def test_a_cache_that_is_not_given_is_refused_and_nothing_is_opened(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = to_json(one().with_cache(CACHE), caches={"results": CACHE})
    with pytest.raises(SerializationError, match="the cache 'results' is not known") as raised:
        from_json(text)
    assert "caches={'results': ...}" in str(raised.value.hint)
    with pytest.raises(SerializationError, match="did you mean 'result'"):
        from_json(text, caches={"result": CACHE})
    for path in ("results.db", "tests.support.workflows:CACHE"):
        with pytest.raises(SerializationError, match="is not known"):
            from_json(text.replace("results", path))
    assert list(tmp_path.iterdir()) == []
    for bad in ({"results": 5}, {"results": None}, {5: CACHE}, [CACHE]):
        with pytest.raises((SerializationError, DeclarationError)):
            from_json(text, caches=bad)
        with pytest.raises((SerializationError, DeclarationError)):
            to_json(one(), caches=bad)


# -- What cannot be written -------------------------------------------------------------------------------------------


def local_error() -> Any:
    class Local(Exception):
        pass

    return Local


@pytest.mark.parametrize(
    ("lazy", "message", "where"),
    [
        (
            lambda: add(one(), increment(1).with_retry(2, retry_on=local_error())),
            "cannot be found by its name",
            "the retry policy of increment#1",
        ),
        (lambda: cs.Router("a", {object(): one()}), "a object has no JSON form", "a key of Router#0"),
        (lambda: cs.Router("a", {cs.Param("p"): one()}), "has no JSON form", "a key of Router#0"),
        (
            lambda: cs.Router("a", {"a": identity(object())}),
            "a object has no JSON form",
            "argument 'value' of identity#1",
        ),
        (lambda: cs.bind(one(), cs.select_jump({object(): None})), "a object has no JSON form", "a key of one#0"),
        (lambda: one().run_if(object()), "a object has no JSON form", "argument 'condition' of one#0"),
        (lambda: cs.Router("a", {"a": cs.Param("p", type=lambda v: v)}), "cannot be found", "a route of Router#0"),
        (lambda: cs.Router("a", {"a": cs.task(lambda: 1)()}), "does not lead to its function", "task '<lambda>'"),
    ],
)
def test_what_cannot_be_written_is_named(lazy, message, where):
    with pytest.raises(SerializationError, match=message) as raised:
        to_json(lazy())
    assert raised.value.where == where


# -- Hostile input ------------------------------------------------------------------------------------------------------


def task(**policies: Any) -> str:
    return document(operations=[{"task": "tests.support.tasks:increment", **policies}])


def retry(**options: Any) -> str:
    return task(retry={"max_attempts": 2, **options})


def router(*keys: Any, rows: Any = None, **more: Any) -> str:
    return document(
        operations=[{"router": list(keys), **more}, {"task": "tests.support.tasks:increment"}, {"container": "list"}],
        rows=[[1, -1], [0, -1, 0]] if rows is None else rows,
    )


def states(*jumps: Any, rows: Any = None, inputs: Any = (1, {"$jump": "data"})) -> str:
    return document(
        operations=[
            {"task": "tests.support.tasks:increment"},
            {"container": "list"},
            {"resource": "r"},
            {"router": ["a"]},
        ],
        rows=[[0, -2], [0, -1]] if rows is None else rows,
        jumps=list(jumps),
        inputs=list(inputs),
    )


GOOD = [
    task(retry={"max_attempts": 2, "retry_on": ["builtins:OSError", "tests.support.workflows:Hiccup"]}, timeout=5, constraints={"cpu": 1}),
    router("a"),
    router({"$tuple": [1]}),
    states([1, [["a", 0]]]),
    states([1, [["a", 0], ["end", None]]], [0, [["b", 1]]]),
]  # fmt: skip


def test_the_documents_of_these_tests_are_good():
    for text in GOOD:
        assert to_json(from_json(text)) == to_json(from_json(to_json(from_json(text))))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (task(odd=1), "unknown 'odd'"),
        (task(retry=3), "it is a int"),
        (task(retry={}), "missing 'max_attempts'"),
        (task(retry={"max_attempts": 0}), "max_attempts=0"),
        (task(retry={"max_attempts": "3"}), "max_attempts='3'"),
        (retry(delay=-1), "delay is -1"),
        (retry(delay=True), "delay is True"),
        (retry(delay=[1]), r"delay is \[1\]"),
        (retry(jitter=2), "from 0 to 1"),
        (retry(max_delay="x"), "max_delay is 'x'"),
        (retry(other=1), "unknown 'other'"),
        (retry(retry_on=5), "5 names nothing"),
        (retry(retry_on="ValueError"), "names nothing"),
        (retry(retry_on="builtins:nothing"), "does not exist"),
        (retry(retry_on="builtins:eval"), "expected: an exception type"),
        (retry(retry_on="builtins:BaseException"), "expected: an exception type"),
        (retry(retry_on="builtins:KeyboardInterrupt"), "expected: an exception type"),
        (retry(retry_on=["builtins:OSError", "os:system"]), "expected: an exception type"),
        (retry(retry_on="cascade_no_such_module:E"), "is not imported"),
        (retry(retry_on={"$tuple": []}), "names nothing"),
        (task(timeout=0), "timeout=0"),
        (task(timeout=-1), "timeout is -1"),
        (task(timeout="5"), "timeout is '5'"),
        (task(timeout=True), "timeout is True"),
        (task(cache="x"), "the cache 'x' is not known"),
        (task(cache=True), "has no cache of its own"),
        (task(cache=False), "it is False"),
        (task(cache={"$path": "x"}), "expected: the name of a cache"),
        (task(constraints=[["cpu", 1]]), "it is a list"),
        (task(constraints={"cpu": "1"}), "the amount of 'cpu' is '1'"),
        (task(constraints={"cpu": -1}), "the amount of 'cpu' is -1"),
        (task(constraints={"cpu": None}), "increment has 2 parameters, 1 are given"),
        (task(conditions=1), "increment has 2 parameters, 1 are given"),
        (task(conditions=-1), "it is -1"),
        (task(conditions=True), "it is True"),
        (task(conditions=10**12), "no row has more references"),
        (task(after=10**12), "no row has more references"),
        (task(after="all"), "it is 'all'"),
        (task(concurrency=2), "a number from 1 up, for a map"),
        (task(map=[]), "it is a list"),
        (task(map={"positional": 0, "names": []}), "no inputs"),
        (task(map={"positional": 10**12, "names": []}), "no row has more"),
        (task(map={"positional": 1, "names": "x"}), "not a list of names"),
        (task(map={"positional": 0, "names": ["y"]}), "the task cannot be called so"),
        (task(map={"positional": 1, "names": ["x"]}), "the task cannot be called so"),
        (task(map={"positional": 0, "names": ["x", "x"]}), "a name stands twice"),
        (task(map={"positional": 1, "names": []}, concurrency=0), "a number from 1 up"),
        (task(map={"positional": 1, "names": [], "more": 1}), "unknown 'more'"),
        (document(operations=[{"task": "cascade.declare.control:ROUTER"}]), "expected: a task"),
        (document(operations=[{"task": "cascade.declare.control:EITHER"}]), "expected: a task"),
        (document(operations=[{"container": "either"}], rows=[[0]]), "nothing to choose from"),
        (
            document(operations=[{"function": "tests.support.tasks:one", "defaults": {"conditions": 1}}]),
            "only if they are allowed",
        ),
        (router(), "it has no routes"),
        (router("a", retry={"max_attempts": 2}), "unknown 'retry'"),
        (router("a", conditions="x"), "it is 'x'"),
        (router("a", map={"positional": 1, "names": []}), "unknown 'map'"),
        (router("a", "a", rows=[[1, -1], [0, -1, 0, 0]]), "a key stands twice"),
        (router(1, True, rows=[[1, -1], [0, -1, 0, 0]]), "a key stands twice"),
        (router([1]), "it is not a key"),
        (router({"$param": {"name": "n"}}), "known only when it runs"),
        (router({"$what": 1}), "is unknown"),
        (router("a", rows=[[0, -1]]), "1 references for a selector, 1 routes and 0 more"),
        (router("a", rows=[[1, -1], [0, -1, 0, 0]]), "3 references"),
        (router("a", rows=[[0, -1, -1]]), "the route 'a' is not a result of a task"),
        (router("a", rows=[[2, -1], [0, -1, 0]]), "the route 'a' is not a result of a task"),
        (router("a", rows=[[0, -1, 0]]), "depends on itself"),
        (router("a", rows=[[0, 1, 1], [1, 0]]), "depends on itself"),
        (document(operations=[{"router": "abc"}]), "it has no routes"),
        (document(jumps={}), "jumps is not a list"),
        (states(5), "not a row and its jumps"),
        (states([0]), "not a row and its jumps"),
        (states([2, [["a", 0]]]), "not a row and its jumps"),
        (states([-1, [["a", 0]]]), "not a row and its jumps"),
        (states([1, []]), "not a row and its jumps"),
        (states([1, [["a", 0]]], [1, [["b", 0]]]), "bound twice"),
        (states([1, ["a"]]), "not a key and a row"),
        (states([1, [["a", 5]]]), "not a key and a row"),
        (states([1, [["a", -1]]]), "not a key and a row"),
        (states([1, [["a", False]]]), "not a key and a row"),
        (states([1, [["a", 0], ["a", 0]]]), "a key stands twice"),
        (states([1, [[["a"], 0]]]), "it is not a key"),
        (states([0, [["a", None]]], rows=[[1], [0, -1]]), "is not a state"),
        (states([1, [["a", 0]]], rows=[[1], [0, -1]]), "not a key and a row"),
        (states([1, [["a", 0]]], rows=[[2], [0, -1]]), "not a key and a row"),
        (states([2, [["a", 0]]], rows=[[0, -1], [0, -1], [3, -1, 1]]), "is not a state"),
        (states(rows=[[0, -2]]), "takes the data of a Jump"),
        (states(rows=[[0, -2], [0, 0]]), "takes the data of a Jump"),
        (states([1, [["a", 0]]], rows=[[0, -2], [0, 0]]), "takes the data of a Jump"),
        (states([1, [["a", 0]]], rows=[[1, -2], [0, -1]]), "not a key and a row|takes the data"),
        (states([0, [["a", 0]]], rows=[[0, -2]]), "takes the data of a Jump"),
        (document(inputs=[[{"$jump": "data"}]]), r"'\$jump' is unknown"),
        (document(inputs=[{"$jump": "other"}]), r"'\$jump' is unknown"),
    ],
)
def test_hostile_json_is_refused(text, message):
    with pytest.raises(CascadeError, match=message) as raised:
        from_json(text)
    assert isinstance(raised.value, (SerializationError, CycleError))


def test_a_cycle_inside_of_a_route_is_found_when_it_is_read():
    text = document(
        operations=[{"task": "tests.support.tasks:add"}, {"router": ["a"]}], rows=[[0, -1, -1], [0, -2, 0], [1, -1, 0]],
        jumps=[[0, [["go", 1]]]], inputs=["a", {"$jump": "data"}],
    )  # fmt: skip
    with pytest.raises(CycleError, match="add -> add"):
        from_json(text)


def test_exception_types_are_named_under_the_rules_of_names(tmp_path, monkeypatch):
    (tmp_path / "cascade_errors_there.py").write_text("class E(Exception): pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    import sys

    text = retry(retry_on=["builtins:OSError", "cascade.errors:TaskTimeoutError", "cascade_errors_there:E"])
    with pytest.raises(SerializationError, match="cascade_errors_there is not imported"):
        from_json(text)
    with pytest.raises(SerializationError, match="cascade_errors_there:E is not allowed"):
        from_json(text, allow=["tests.support.tasks"])
    assert "cascade_errors_there" not in sys.modules
    graph = from_json(text, allow=["tests.support.tasks", "cascade_errors_there:E"])
    assert [kind.__name__ for kind in graph.rows[-1][0].retry.retry_on] == ["OSError", "TaskTimeoutError", "E"]
    del sys.modules["cascade_errors_there"]


def test_functions_with_bad_defaults_are_refused():
    def beside(**options: Any) -> str:
        return document(
            operations=[{"function": "tests.graph.test_serialize_policies:function_with_defaults", **options}]
        )

    assert cs.run(from_json(beside(defaults={"retry": {"max_attempts": 2}}), allow=["tests.*"])) == 3
    for options, message in (
        ({"defaults": {"conditions": 1}}, "unknown 'conditions'"),
        ({"defaults": {"constraints": {"cpu": None}}}, "the amount of 'cpu' is None"),
        ({"defaults": {"timeout": 1}, "lower": True}, "has default policies"),
        ({"defaults": 5}, "it is a int"),
        ({"defaults": {"cache": "x"}}, "the cache 'x' is not known"),
    ):
        with pytest.raises(SerializationError, match=message):
            from_json(beside(**options), allow=["tests.*"])


@given(st.data())
def test_mutated_json_gives_a_graph_or_a_clear_error(data):
    text = to_json(
        data.draw(
            st.sampled_from(
                [WORKFLOWS[name] for name in ("router", "machine with policies", "map with policies", "defaults")]
            )
        )()
    )
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text) - 1))
        text = text[:at] + data.draw(st.sampled_from(list('0123456789[]{}",:-$aeisn ') + [""])) + text[at + 1 :]
    check_read(text)


@given(st.data())
def test_documents_with_changed_numbers_give_a_graph_or_a_clear_error(data):
    name = data.draw(
        st.sampled_from(["router", "machine with policies", "map with policies", "conditions", "machine of retries"])
    )
    changed = json.loads(to_json(WORKFLOWS[name]()))
    numbers = st.integers(-3, 12) | st.none() | st.booleans()
    for _ in range(data.draw(st.integers(1, 3))):
        rows = (
            changed["rows"] + [way for _, ways in changed.get("jumps", []) for way in ways] + changed.get("jumps", [])
        )
        row = data.draw(st.sampled_from(rows))
        if isinstance(row, list) and row:
            row[data.draw(st.integers(0, len(row) - 1))] = data.draw(numbers)
        if any(
            not isinstance(each, list) or len(each) != 2 or not isinstance(each[1], list)
            for each in changed.get("jumps", [])
        ):
            break
    check_read(json.dumps(changed))


def check_read(text: str) -> None:
    try:
        graph = from_json(text)
    except (SerializationError, CycleError):
        return
    assert isinstance(graph, Graph)
    assert to_json(from_json(to_json(graph, caches={"x": CACHE}))) == to_json(graph)
    assert outline(graph).rows == len(graph)
