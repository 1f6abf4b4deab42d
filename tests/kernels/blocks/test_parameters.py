"""Functions with keyword-only parameters, `*args` and `**kwargs` run in kernels as any other function does."""

from __future__ import annotations

import copy

import pytest

import cascade as cs
from cascade._vm import lower_without_delay
from cascade.kernels.blocks.kernel import block_kernel
from tests.support import parameter_functions as functions
from tests.support.block_functions import outcome
from tests.support.machine_code_functions import machine_code

WAYS = {
    "run": lambda task, args, named: cs.run(task(*args, **named)),
    "program": lambda task, args, named: cs.compile(task)(*args, **named),
    "graph": lambda task, args, named: cs.run(task(*args, **named), use_vm=False),
    "retry": lambda task, args, named: cs.run(task(*args, **named).with_retry(max_attempts=1)),
    "map": lambda task, args, named: cs.run(task.map(*([each] for each in args), **{k: [v] for k, v in named.items()}))[
        0
    ],
}


@pytest.fixture(params=[None, 0], ids=["usual", "hot"], autouse=True)
def hot(request):
    with machine_code(request.param):
        lower_without_delay(True)
        yield
        lower_without_delay(False)


def check(call, function, args, named):
    """Compares some calls with those of the function, each with arguments of its own."""
    for _ in range(3):
        expected = outcome(lambda *args: function(*args[0], **args[1]), [*copy.deepcopy((args, named))])
        given = copy.deepcopy((args, named))
        assert outcome(lambda *args: call(*args[0], **args[1]), [*given]) == expected
        assert given == (args, named)  # the function has dicts of its own


@pytest.mark.parametrize("function, args, named", functions.CALLS)
def test_a_kernel_takes_arguments_of_every_kind(function, args, named):
    kernel = block_kernel(function)
    check(kernel, function, args, named)
    assert kernel.entries


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("function, args, named", functions.CALLS)
def test_a_task_passes_arguments_of_every_kind_to_its_kernel(way, function, args, named):
    if way == "map" and not (args or named):
        pytest.skip("a map over nothing")
    if function is functions.looks_at_its_frame and way == "map":
        pytest.skip("the items of a map are called by another function")
    task = cs.task(function)
    check(lambda *args, **named: WAYS[way](task, args, named), function, args, named)
    assert way == "graph" or task.routine.block_kernel.entries


def test_functions_whose_code_gets_other_parameters_are_called_by_cpython():
    def function(a, *, b):
        return a + b

    def other(a, *rest, b=1):
        return a, rest, b

    task = cs.task(function)
    assert [cs.run(task(1, b=2)) for _ in range(3)] == [3] * 3
    function.__code__ = other.__code__
    assert [cs.run(task(1, b=2)) for _ in range(3)] == [(1, (), 2)] * 3


def test_a_method_takes_arguments_of_every_kind():
    class Account:
        def __init__(self):
            self.total = 0

        def add(self, *amounts, factor=1, **named):
            for amount in amounts:
                self.total += amount * factor
            return self.total, named

    account, plain = Account(), Account()
    task = cs.task(account.add)
    for _ in range(3):
        assert cs.run(task(1, 2, factor=3, note="x")) == plain.add(1, 2, factor=3, note="x")
        assert cs.run(task()) == plain.add()
    assert task.routine.block_kernel.entries == 6


def test_a_kernel_calls_functions_with_keyword_only_parameters_by_their_kernels():
    kernel = block_kernel(functions.calls_with_names)
    assert kernel([1, 2], 50) == functions.calls_with_names([1, 2], 50)
    assert block_kernel(functions.keyword_only).entries >= 40
    assert block_kernel(functions.scaled).entries >= 40


@pytest.mark.parametrize("way", ["run", "program", "retry"])
@pytest.mark.parametrize(("args", "named"), [((), {}), ((1, 2), {"a": 3})])
def test_a_function_alone_holds_the_tuple_and_the_dict_of_its_arguments(way, args, named):
    task = cs.task(functions.drops_what_it_gathers)
    for _ in range(3):
        functions.NOTES.clear()
        assert WAYS[way](task, args, named) == 1
        assert functions.NOTES == ["own", "dropped", "more", "over"]


class Counted:
    def of(self, count, **named):
        total = 0
        for number in range(count):
            total += number
        return total, named

    def only_by_position(self, /, count, **named):
        return self.of(count, **{name: value for name, value in named.items() if name != "self"}), sorted(named)


@pytest.mark.parametrize("way", WAYS)
def test_a_method_is_passed_its_instance_once(way):
    for method in (Counted().of, Counted().only_by_position):
        task = cs.task(method)
        check(lambda *args, task=task, **named: WAYS[way](task, args, named), method, (5,), {"self": 3, "other": 4})
        check(lambda *args, task=task, **named: WAYS[way](task, args, named), method, (5,), {"other": 4})


def test_code_with_other_names_of_parameters_is_called_by_cpython():
    def function(a, **named):
        return a, named

    def other(b, **named):
        return b, named

    task = cs.task(function)
    assert [cs.run(task(1, b=2).with_timeout(9)) for _ in range(3)] == [(1, {"b": 2})] * 3
    function.__code__ = other.__code__
    with pytest.raises(TypeError, match="multiple values"):
        cs.run(task(1, b=2).with_timeout(9))


def test_defaults_may_be_a_tuple_of_another_class():
    class Defaults(tuple):
        pass

    def function(a, b=2, *rest, k=1, **named):
        return a, b, rest, k, named

    task = cs.task(function)
    expected = [cs.run(task(1).with_timeout(9)) for _ in range(3)]
    function.__defaults__ = Defaults((2,))
    assert [cs.run(task(1).with_timeout(9)) for _ in range(3)] == expected


def test_functions_with_many_parameters_are_called_from_kernels():
    names = {"__name__": __name__}
    exec(f"def many({', '.join(f'a{i}={i}' for i in range(33))}): return a0 + a32", names)
    exec("def calls(x):\n    return many(x) + many(x, 5)", names)
    assert [block_kernel(names["calls"])(3) for _ in range(3)] == [70] * 3
    assert [cs.run(cs.task(names["many"])(4)) for _ in range(3)] == [36] * 3
