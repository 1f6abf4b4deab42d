"""Inputs as conditions, amounts and keys of routes; the same on both paths."""

from __future__ import annotations

import asyncio
import inspect

import pytest

import cascade as cs
from cascade.errors import (
    CapacityError,
    DependencyMissingError,
    ParameterError,
)
from tests.support.overlap import Overlap
from tests.support.state_machines import machine
from tests.support.tasks import increment, one


def test_inputs_may_be_conditions_and_amounts(run, monkeypatch):
    monkeypatch.setenv("CASCADE_TEST_SLOTS", "2")
    target = cs.pipeline(
        cs.Param("n", 1),
        [
            lambda n: increment(n).run_if(cs.Param("go", True, type=bool)),
            lambda n: increment(n).with_constraints(
                cpu=cs.Param("cpu", 1, type=float), slot=cs.Env("CASCADE_TEST_SLOTS", type=int)
            ),
        ],
    )
    system = {"cpu": 1, "slot": 2}
    assert run(target, system_resources=system) == 3
    assert run(target, system_resources=system, params={"go": "no", "n": 5, "cpu": "0.5"}) == 6
    with pytest.raises(CapacityError, match="cpu=2 exceeds total system capacity"):
        run(target, system_resources=system, params={"cpu": 2})
    with pytest.raises(ParameterError, match="'go' is 'perhaps'"):
        run(target, system_resources=system, params={"go": "perhaps"})
    with pytest.raises(ValueError, match="'cpu' is -1"):
        run(target, system_resources=system, params={"cpu": -1})


def test_a_condition_that_is_given_decides_over_maps_routers_and_machines(run, log):
    go = cs.Param("go", type=bool)
    for lazy in (increment.map([1]).run_if(go), cs.Router("a", {"a": one()}).run_if(go), machine([]).run_if(go)):
        with pytest.raises(DependencyMissingError, match="ConditionFalse"):
            run(lazy, params={"go": False})
        assert run(cs.pipeline(lazy, []), params={"go": True}) in ([2], 1, 3)


def test_a_program_takes_what_its_policies_and_routes_need():
    target = cs.Router(
        cs.Param("kind"),
        {
            "a": increment(cs.Param("x", type=int)).run_if(cs.Param("go", True)),
            "b": increment.map(cs.Param("xs", (), type=list[int])).with_constraints(cpu=cs.Param("cpu", 1)),
        },
    )
    program = cs.compile(target, system_resources={"cpu": 2})
    assert str(inspect.signature(program)) == "(*, kind, x: int, go=True, xs: list[int] = (), cpu=1)"
    assert program(kind="a", x="4") == 5
    assert program(kind="b", x=0, xs=[1, 2], cpu=2) == [2, 3]
    with pytest.raises(CapacityError):
        program(kind="b", x=0, xs=[1], cpu=3)
    with pytest.raises(DependencyMissingError):
        program(kind="a", x=1, go=False)
    with pytest.raises(ParameterError, match="parameter 'x' is missing"):
        program(kind="b")
    with pytest.raises(ParameterError, match="did you mean 'kind'"):
        program(knd="b", x=1)
    with pytest.raises(CapacityError, match="cpu=5"):
        cs.compile(increment(cs.Param("x")).with_constraints(cpu=5), system_resources={"cpu": 2})


def test_runs_of_a_program_with_inputs_share_its_system_resources():
    overlap = Overlap(constraints={"slot": 1})
    program = cs.compile(overlap.work(cs.Param("n")), system_resources={"slot": 2})

    async def main() -> list[int]:
        return await asyncio.gather(*(program.arun(n=n) for n in range(20)))

    assert asyncio.run(main()) == list(range(20))
    assert overlap.most == 2
