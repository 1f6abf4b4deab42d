"""Arguments bind as in a plain call, and a wrong call fails where it was written."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import pytest

import cascade as cs
from cascade.declare.binding import EMPTY, read_parameters


def plain(a, b=2):
    return ("plain", a, b)


def positional_only(a, b=2, /, c=3):
    return ("positional_only", a, b, c)


def keyword_only(a, *, k, d="default"):
    return ("keyword_only", a, k, d)


def variadic(a, *rest, k=0, **more):
    return ("variadic", a, rest, k, more)


def nothing():
    return ("nothing",)


FUNCTIONS = [plain, positional_only, keyword_only, variadic, nothing]
CALLS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((), {}),
    ((1,), {}),
    ((1, 2), {}),
    ((1, 2, 3), {}),
    ((1, 2, 3, 4), {}),
    ((), {"a": 1}),
    ((1,), {"a": 1}),
    ((1,), {"k": 5}),
    ((1,), {"c": 5, "b": 1}),
    ((1,), {"unknown": 5}),
    ((1, 2), {"k": 5, "x": 6}),
    ((), {"a": 1, "k": 2, "z": 3}),
]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
@pytest.mark.parametrize(("args", "kwargs"), CALLS)
def test_a_call_binds_or_fails_as_python_does(run, function, args, kwargs):
    task = cs.task(function)
    try:
        expected = function(*args, **kwargs)
    except TypeError as error:
        with pytest.raises(TypeError) as raised:
            task(*args, **kwargs)
        assert str(raised.value) == str(error)
    else:
        assert run(task(*args, **kwargs)) == expected


def test_the_error_is_raised_where_the_call_was_written():
    task = cs.task(plain)
    with pytest.raises(TypeError) as raised:
        task()
    assert any(entry.path.name == "test_binding.py" for entry in raised.traceback)


def test_defaults_are_the_functions_own_objects(run):
    marker = object()

    def function(x=marker):
        return x

    assert run(cs.task(function)()) is marker


def test_a_default_may_be_a_result(run):
    source = cs.task(lambda: 5)()
    assert run(cs.task(lambda x=source: x + 1)()) == 6


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
@pytest.mark.parametrize(("args", "kwargs"), CALLS)
def test_a_tail_call_to_another_task_binds_as_a_first_call(run, function, args, kwargs):
    target = cs.task(function)

    @cs.task
    def start():
        return cs.TailCall(args, kwargs, target)

    try:
        expected = function(*args, **kwargs)
    except TypeError as error:
        with pytest.raises(TypeError) as raised:
            run(start())
        assert str(raised.value) == str(error)
    else:
        assert run(start()) == expected


def once(function):
    """A task that tail-calls itself once with what it is given, and then returns its arguments."""
    state: dict[str, Any] = {}

    def reset(*args, **kwargs):
        state["tail"] = cs.TailCall(args, kwargs)

    def body(values):
        return state.pop("tail", None) or values

    return body, reset


def make_plain(body):
    return lambda a, b=2: body((a, b))


def make_positional_only(body):
    return lambda a, b=2, /, c=3: body((a, b, c))


def make_keyword_only(body):
    return lambda a, *, k=4: body((a, k))


def make_variadic(body):
    return lambda a, *rest, k=5, **more: body((a, rest, k, more))


@pytest.mark.parametrize(
    ("make", "first", "tail", "expected"),
    [
        (make_plain, ((1,), {}), ((), {"b": 9}), (1, 9)),
        (make_plain, ((1,), {}), ((7,), {}), (7, 2)),
        (make_plain, ((1, 5), {}), ((), {}), (1, 5)),
        (make_plain, ((), {"b": 3, "a": 1}), ((8,), {}), (8, 3)),
        (make_plain, ((), {"b": 3, "a": 1}), ((8,), {"b": 4}), (8, 4)),
        (make_positional_only, ((1,), {}), ((), {"c": 9}), (1, 2, 9)),
        (make_positional_only, ((1, 5), {}), ((6,), {}), (6, 5, 3)),
        (make_keyword_only, ((1,), {"k": 7}), ((2,), {}), (2, 7)),
        (make_keyword_only, ((1,), {"k": 7}), ((), {"k": 8}), (1, 8)),
        (make_variadic, ((1, 2, 3), {"x": 4}), ((), {"k": 6}), (1, (2, 3), 6, {"x": 4})),
        (make_variadic, ((1, 2, 3), {"x": 4}), ((9, 8), {}), (9, (8,), 5, {"x": 4})),
        (make_variadic, ((1, 2, 3), {"x": 4}), ((), {"y": 1}), (1, (2, 3), 5, {"y": 1})),
    ],
)
def test_a_tail_call_keeps_what_it_does_not_name(run, make, first, tail, expected):
    body, reset = once(None)
    task = cs.task(make(body))
    reset(*tail[0], **tail[1])
    assert run(task(*first[0], **first[1])) == expected


@pytest.mark.parametrize(
    ("make", "tail", "message"),
    [
        (make_plain, ((), {"c": 1}), "got an unexpected keyword argument 'c'"),
        (make_plain, ((1, 2, 3), {}), "takes from 1 to 2 positional arguments but 3 were given"),
        (make_plain, ((1,), {"a": 1}), "got multiple values for argument 'a'"),
        (make_positional_only, ((), {"a": 1}), "positional-only arguments passed as keyword arguments: 'a'"),
        (make_keyword_only, ((1, 2), {}), "takes 1 positional argument but 2"),
    ],
)
def test_a_wrong_tail_call_fails_as_the_call_would(run, make, tail, message):
    body, reset = once(None)
    task = cs.task(make(body))
    reset(*tail[0], **tail[1])
    with pytest.raises(TypeError) as raised:
        run(task(0))
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: cs.TailCall(5), "write TailCall(args=(value,))"),
        (lambda: cs.TailCall(kwargs=[1]), "a dict of keyword arguments"),
        (lambda: cs.TailCall((), {}, None, 4), "takes from 0 to 3 positional arguments"),
        (lambda: cs.TailCall(kwarg={}), "unexpected keyword argument 'kwarg'"),
        (lambda: cs.TailCall((), args=()), "multiple values for argument 'args'"),
    ],
)
def test_a_malformed_tail_call_is_refused_where_it_is_made(make, message):
    with pytest.raises(TypeError) as raised:
        make()
    assert message in str(raised.value)


def test_a_tail_call_shows_what_it_holds():
    tail = cs.TailCall([1], {"b": 2}, "other")
    assert (tail.args, tail.kwargs, tail.target) == ((1,), {"b": 2}, "other")
    assert repr(tail) == "TailCall(args=(1,), kwargs={'b': 2}, target='other')"
    assert repr(cs.TailCall()) == "TailCall()"
    assert cs.TailCall().kwargs == {}


def test_the_tail_method_binds_where_it_is_called():
    task = cs.task(plain)
    tail = task.tail(1, b=3)
    assert (tail.args, tail.kwargs, tail.target) == ((1,), {"b": 3}, task)
    with pytest.raises(TypeError, match="missing 1 required"):
        task.tail()


def test_a_task_keeps_the_functions_identity():
    task = cs.task(plain)
    assert (task.name, task.func, task.__wrapped__) == ("plain", plain, plain)
    assert inspect.signature(task) == inspect.signature(plain)


class Holder:
    def method(self, a, b=1):
        return a

    def __call__(self, a):
        return a


@pytest.mark.parametrize("function", [Holder().method, Holder()], ids=["method", "callable"])
@pytest.mark.parametrize(("args", "kwargs"), [((), {}), ((1, 2, 3), {}), ((1,), {"a": 2}), ((1,), {"z": 2})])
def test_methods_fail_with_pythons_own_words(function, args, kwargs):
    with pytest.raises(TypeError) as expected:
        function(*args, **kwargs)
    with pytest.raises(TypeError) as raised:
        cs.task(function)(*args, **kwargs)
    assert str(raised.value) == str(expected.value)


def test_a_tail_call_of_a_wrapped_function_names_the_parameters_it_shows(run):
    calls = []

    def decorator(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            calls.append((args, kwargs))
            return function(*args, **kwargs)

        return wrapper

    @cs.task
    @decorator
    def loop(n, kept="default", *, mark=None):
        return (n, kept, mark) if n == 0 else cs.TailCall(kwargs={"n": n - 1})

    @cs.task
    @decorator
    def wrong(n):
        return cs.TailCall((1, 2))

    assert run(loop(1, mark="x")) == (0, "default", "x")
    assert calls == [((1,), {"mark": "x"}), ((0,), {"mark": "x"})]
    with pytest.raises(TypeError, match=r"wrong\(\) takes 1 positional argument but 2 were given"):
        run(wrong(1))


def _parameters_by_inspect(function: Any) -> list[tuple[str, int, Any]]:
    missing = inspect.Parameter.empty
    return [
        (each.name, int(each.kind), EMPTY if each.default is missing else each.default)
        for each in inspect.signature(function).parameters.values()
    ]


def _nothing(): ...
def _mixed(a, /, b, c=1, *rest, d, e=2, **more): ...
def _keywords(*, a, b=None): ...
def _positional_only(a, b=(), /): ...
def _star_keywords(*rest, a=1, b): ...
def _locals(a, *b, **c):
    d = e = a
    return d, e, b, c


@pytest.mark.parametrize(
    "function",
    [_nothing, _mixed, _keywords, _positional_only, _star_keywords, _locals, lambda *a, **b: (a, b), lambda x=1: x],
)
def test_parameters_are_read_as_inspect_reads_them(function):
    assert [tuple(each) for each in read_parameters(function)] == _parameters_by_inspect(function)


def test_parameters_are_read_as_inspect_reads_them_where_something_says_otherwise():
    @functools.wraps(_mixed)
    def wrapped(*args, **kwargs): ...

    def described(*args): ...

    described.__signature__ = inspect.signature(_keywords)  # type: ignore[attr-defined]

    def changed(a, b, c=3): ...

    changed.__defaults__ = (1, 2, 3)
    for function in (wrapped, described, changed, len, functools.partial(_mixed, 1), "".join):
        assert [tuple(each) for each in read_parameters(function)] == _parameters_by_inspect(function)
    assert [each.name for each in read_parameters(wrapped, follow_wrapped=False)] == ["args", "kwargs"]
