"""Operations keep the policies of calls, every one of them."""

from __future__ import annotations

import pytest

import cascade as cs
from cascade.declare.policies import PLAIN, Policies
from cascade.graph.operations import Map, extras_of, operation_with
from tests.support.tasks import increment, one

SETTINGS = {
    "retry": cs.Retry(2), "timeout": 5.0, "cache": cs.MemoryCache(), "constraints": (("cpu", 1), ("gpu", one())),
    "conditions": (one(), True), "after": (one(),), "concurrency": 3,
}  # fmt: skip
DECIDED_ONCE = {"conditions", "after", "concurrency"}
CONSTRUCTION = {"construct", "selector"}


def policies_with(*names: str) -> Policies:
    return PLAIN._replace(**{name: SETTINGS[name] for name in names})


def test_every_policy_is_tested_here():
    assert {*SETTINGS, *CONSTRUCTION} == set(Policies._fields)


@pytest.mark.parametrize("name", SETTINGS)
def test_an_operation_returns_the_policy_that_it_was_made_of(name):
    policies = policies_with(name)
    assert operation_with(increment, policies).policies(extras_of(policies)) == policies


@pytest.mark.parametrize("name", SETTINGS)
def test_calls_that_differ_in_one_policy_have_different_operations(name):
    assert operation_with(increment, policies_with(name)) is not operation_with(increment, PLAIN)
    assert operation_with(increment, policies_with(name)) is operation_with(increment, policies_with(name))


@pytest.mark.parametrize("name", SETTINGS)
def test_a_policy_applies_to_later_iterations_and_to_items_unless_it_is_decided_once(name):
    policies = policies_with(name)
    again = operation_with(increment, policies).again
    lazy = increment.map([1])
    each = operation_with(increment, policies._replace(construct=lazy.policies.construct))
    assert isinstance(each, Map)
    if name in DECIDED_ONCE:
        policies = PLAIN
    assert each.item.policies(extras_of(policies)) == policies
    assert each.has_plain_items == policies.is_plain
    if name != "concurrency":  # of maps only
        assert again.policies(extras_of(policies)) == policies
