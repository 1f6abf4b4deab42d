"""Listings of programs with policies, Routers and state machines."""

from __future__ import annotations

import re
from typing import Any

import pytest

import cascade as cs
from tests.support import workflows
from tests.support.tasks import add, identity, increment, one
from tests.support.workflows import WORKFLOWS, careful

HAVE = {"cpu": 9, "gpu": 9, "memory": 9}


def listing(target: Any) -> str:
    """Without kernels, which tests that ran before may have made."""
    return cs.compile(target, system_resources=HAVE).disassemble().partition("\n\nkernel ")[0]


def test_a_workflow_is_listed_with_what_it_leads_to(golden):
    golden("workflow.code", listing(workflows.everything()))


@pytest.mark.parametrize("name", list(WORKFLOWS))
def test_every_word_of_a_workflow_is_listed(name):
    program = cs.compile(WORKFLOWS[name](), system_resources=HAVE)
    text = program.disassemble()
    lines = text.split("\n\n")[0].splitlines()
    assert len(lines) == 1 + len(program.blueprint.words) // 16
    assert "object at" not in text and "<" not in re.sub(r"'[^']*'", "", text.partition("\n\nkernel ")[0])


def test_operands_that_are_no_arguments_say_what_they_are_for():
    text = listing(add(1, increment(2)).run_if(one()).after(one()).with_constraints(cpu=one(), gpu=2).with_retry(2))
    (line,) = [line for line in text.splitlines() if "with policies" in line]
    assert re.search(
        r"= add\(r\d!, r\d!, cpu=r\d!, if r\d!, after r\d!\) with policies +; node 4, retry 2, gpu=2$", line
    )
    assert "increment.map(r0!) with policies" in listing(increment.map([1]).with_retry(2))
    assert "LOOP_POLICIES r2 = careful(r0, r1) with policies, again on TailCall" in listing(careful)


def test_states_and_their_jumps_are_listed():
    text = listing(WORKFLOWS["machine with policies"]())
    assert "the states of work#7: work at 0, rest at 2" in text
    assert "if r6 is a Jump: go to 'rest' -> 2 with r2, 'done' -> 4; else to 4" in text
    last = add(0, 10)
    text = listing(cs.bind(increment(1), cs.select_jump({"last": last})))
    assert "if r3 is a Jump: go to 4, like any other value" in text
    two = listing([WORKFLOWS["machine"](), WORKFLOWS["machine"]()])
    assert two.count("the states of work#") == 1 and two.count("the states of counts#") == 1


def test_routes_are_listed_as_they_run():
    shared = increment(1)
    inner = cs.Router("x", {"x": add(shared, 1), "y": shared})
    text = listing(
        [shared, cs.Router("a", {"a": inner, "b": cs.Param("p", 1), 3: shared}), cs.Router("a", {"a": inner})]
    )
    assert re.findall(r"^the route .*", text, re.MULTILINE) == [
        "the route 3 of Router#1: its value is there already",
        "the route 'a' of Router#2: see the route 'a' of Router#1",
        "the route 'a' of Router#1",
        "the route 'y' of Router#0: its value is there already",
        "the route 'b' of Router#1",
        "the route 'x' of Router#0",
    ]
    assert "Router(r1!, routes r2!, shared r0) with policies" in text
    many: Any = one()
    for _ in range(60):
        many = add(cs.Router("a", {"a": many}), cs.Router("a", {"a": many}))
    assert listing(many).count("blueprint ") == 61


def test_kernels_of_routes_and_states_are_listed():
    @cs.task
    def spin(n: int) -> int:
        while n > 0:
            n -= 1
        return n

    target = cs.Router("a", {"a": identity(spin(3))})
    assert "kernel spin" not in cs.compile(target).disassemble()
    cs.explain(target)
    assert "kernel spin" in cs.compile(target).disassemble()
