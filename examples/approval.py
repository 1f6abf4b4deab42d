"""An agent with tools that asks a person before each step that costs something, and waits for the answer across restarts.

The agent is a loop: it looks up the price of a wish by one of its tools, waits for a signal with the answer, and buys, which is never done twice. While it
waits there is no process at all: its state is in the store.

    python examples/approval.py                    starts it, or shows for what it waits
    python examples/approval.py --answer yes       answers, and lets it go on
    python examples/approval.py --compare          what it costs that a decision survives a crash
    python examples/approval.py --picture turn.svg the graph of a turn

"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cascade as cs

WISHES = ("desk", "lamp", "chair")
CATALOGUE = {"desk": 310, "lamp": 95, "chair": 180}
SECOND_HAND = {"lamp": 45, "chair": 200}


@cs.task
def tool_for(thing: str) -> str:
    """Returns the tool that finds the best price."""
    return "second hand" if SECOND_HAND.get(thing, 1_000) < CATALOGUE[thing] else "catalogue"


@cs.task
def catalogue(thing: str) -> int:
    return CATALOGUE[thing]


@cs.task
def second_hand(thing: str) -> int:
    return SECOND_HAND[thing]


def price_of(thing: str) -> cs.LazyResult[int]:
    tools = {"catalogue": catalogue(thing), "second hand": second_hand(thing)}
    return cs.Router(tool_for(thing), tools)


@cs.task
def agent(budget: int, bought: Sequence[str] = (), too_dear: Sequence[str] = ()) -> Any:
    wishes = [thing for thing in WISHES if thing not in (*bought, *too_dear)]
    if not wishes:
        return f"bought {', '.join(bought) or 'nothing'}, {budget} left"
    return ask(budget, bought, too_dear, wishes[0], price_of(wishes[0]))


@cs.task
def ask(budget: int, bought: Sequence[str], too_dear: Sequence[str], thing: str, price: int) -> Any:
    if price > budget:
        return agent(budget, bought, [*too_dear, thing])
    return decide(budget, bought, too_dear, thing, price, cs.wait(f"{thing} for {price}?"))


@cs.task
def decide(budget: int, bought: Sequence[str], too_dear: Sequence[str], thing: str, price: int, answer: str) -> Any:
    if answer != "yes":
        return f"bought {', '.join(bought) or 'nothing'}, {budget} left: no {thing}"
    return agent(budget - price, bought_with(bought, buy(thing, price)), too_dear)


@cs.task(effect="once")
def buy(thing: str, price: int) -> str:
    print(f"buys      {thing} for {price}")
    return thing


@cs.task
def bought_with(bought: Sequence[str], thing: str) -> list[str]:
    return [*bought, thing]


def in_plain_python(budget: int, answer: str = "yes") -> str:
    """Returns the same in one process, whose end loses it."""
    bought: list[str] = []
    for thing in WISHES:
        price = {"catalogue": CATALOGUE, "second hand": SECOND_HAND}[tool_for.func(thing)][thing]
        if price <= budget and answer == "yes":
            bought.append(buy.func(thing, price))
            budget -= price
    return f"bought {', '.join(bought) or 'nothing'}, {budget} left"


def with_answers(budget: int) -> tuple[str, int]:
    """Runs an agent in a store, and answers "yes" each time; returns its result, and how often it has asked."""
    with tempfile.TemporaryDirectory() as folder:
        store = cs.Store(Path(folder, "approval.db"))
        run, asked = cs.start(agent(budget), store=store, id="agent"), 0
        run.wait()
        while waits := run.state().waits:
            cs.signal(store, "agent", waits[0], "yes")
            run, asked = cs.resume(store, "agent"), asked + 1
            run.wait()
        return run.result(), asked


def compare(budget: int) -> str:
    with_answers(budget)  # the first one imports and compiles
    begun = time.perf_counter()
    found, decisions = with_answers(budget)
    ours = time.perf_counter() - begun
    begun = time.perf_counter()
    assert in_plain_python(budget) == found
    seconds = time.perf_counter() - begun
    return (
        f"{1e3 * ours / decisions:.1f} ms a decision that survives a crash at any moment (SQLite, synced to the disk),\n"
        f"{1e6 * seconds / decisions:.0f} us in plain Python, which would be lost"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answer", choices=("yes", "no"))
    parser.add_argument("--budget", type=int, default=400)
    parser.add_argument("--store", default="approval.db")
    parser.add_argument("--compare", action="store_true")
    parser.add_argument("--picture", metavar="FILE")
    options = parser.parse_args()
    if options.compare:
        print(compare(options.budget))
    elif options.picture:
        turn = decide(400, [], [], "desk", price_of("desk"), cs.wait("desk for 310?"))
        Path(options.picture).write_text(cs.visualize(turn, format="svg"))
    else:
        act(cs.Store(options.store), options.budget, options.answer)


def act(store: cs.Store, budget: int, answer: str | None) -> None:
    """Starts the agent or answers it, and lets it go on until it asks again, or is done."""
    if not store.runs():
        run = cs.start(agent(budget), store=store, id="agent")
    else:
        for question in store.run("agent").waits if answer else ():
            cs.signal(store, "agent", question, answer)
        run = cs.resume(store, "agent")
    run.wait()
    state = run.state()
    print(
        f"asks      {state.waits[0]}  (start again with --answer yes, or no)"
        if state.waits
        else f"done      {run.result()}"
    )


if __name__ == "__main__":
    main()
