"""An agent that asks a person before each step that costs something, and waits for the answer across restarts.

The agent is a loop: it plans a purchase, waits for a signal with the answer, and buys, which is never done twice. While it waits
there is no process at all: its state is in the store.

    python examples/approval.py                    starts it, or shows for what it waits
    python examples/approval.py --answer yes       answers, and lets it go on

"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import cascade as cs

WISHES = (("desk", 310), ("lamp", 45), ("chair", 180))


@cs.task
def agent(budget: int, bought: Sequence[str] = ()) -> Any:
    wishes = [(thing, price) for thing, price in WISHES if thing not in bought and price <= budget]
    if not wishes:
        return f"bought {', '.join(bought) or 'nothing'}, {budget} left"
    thing, price = wishes[0]
    return decide(budget, bought, thing, price, cs.wait(f"{thing} for {price}?"))


@cs.task
def decide(budget: int, bought: Sequence[str], thing: str, price: int, answer: str) -> Any:
    if answer != "yes":
        return f"bought {', '.join(bought) or 'nothing'}, {budget} left: no {thing}"
    return agent(budget - price, bought_with(bought, buy(thing, price)))


@cs.task(effect="once")
def buy(thing: str, price: int) -> str:
    print(f"buys      {thing} for {price}")
    return thing


@cs.task
def bought_with(bought: Sequence[str], thing: str) -> list[str]:
    return [*bought, thing]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answer", choices=("yes", "no"))
    parser.add_argument("--budget", type=int, default=400)
    parser.add_argument("--store", default="approval.db")
    options = parser.parse_args()
    store = cs.Store(options.store)
    if not store.runs():
        run = cs.start(agent(options.budget), store=store, id="agent")
    else:
        for question in store.run("agent").waits if options.answer else ():
            cs.signal(store, "agent", question, options.answer)
        run = cs.resume(store, "agent")
    run.wait()
    state = run.state()
    print(f"asks      {state.waits[0]}" if state.waits else f"done      {run.result()}")


if __name__ == "__main__":
    main()
