"""An agent: a planner that chooses the next tool, and a Router to the tools, until their findings make an answer.

Each turn returns the graph of the next one, so the loop takes constant memory however long it gets; the planner and the tools may be
coroutines, be retried, have time limits and caches, like any other tasks. The planner stands for a language model. It is a few rules,
so that every run does the same.

    python examples/agent.py
    python examples/agent.py --question "the length of Amazon divided by the height of Fuji"
    python examples/agent.py --max-steps 10
    python examples/agent.py --compare                  how fast beside plain Python
"""

import argparse
import re
import statistics
import time
from typing import NamedTuple

import cascade as cs

FACTS = {
    "height of Everest": "8849 m", "height of Fuji": "3776 m", "depth of Challenger Deep": "10935 m",
    "length of Amazon": "6400 km", "length of Rhine": "1233 km",
}  # fmt: skip
METRES = {"m": 1.0, "km": 1000.0, "feet": 0.3048, "miles": 1609.344}

UNIT = rf"({'|'.join(METRES)})\b"
RULES = {  # the words that each tool is for; the first tool that finds some is next
    "look up": r"the (\w+ of [A-Z]\w*(?: [A-Z]\w*)*)",
    "calculate": rf"(\d\S*) {UNIT} (plus|minus|divided by) (\d\S*) {UNIT}",
    "convert": rf"(\d\S*) {UNIT} in {UNIT}",
    "answer": r".*",
}


class Notes(NamedTuple):
    """The question, with findings in the place of the words that they were found for."""

    question: str
    lines: tuple[str, ...] = ()
    done: bool = False


class Action(NamedTuple):
    tool: str
    words: str
    arguments: tuple[str, ...]


@cs.task
def plan(notes: Notes) -> Action:
    found = {tool: re.search(rule, notes.question) for tool, rule in RULES.items()}
    return next(Action(tool, words[0], words.groups()) for tool, words in found.items() if words)


@cs.task
def tool_of(action: Action) -> str:
    return action.tool


@cs.task
def look_up(action: Action) -> str:
    return FACTS[action.arguments[0]]


@cs.task
def calculate(action: Action) -> str:
    one, unit, operator, other, other_unit = action.arguments
    left, right = float(one) * METRES[unit], float(other) * METRES[other_unit]
    if operator == "divided by":
        return f"{left / right:.7g}"
    return f"{(left + right if operator == 'plus' else left - right) / METRES[unit]:.7g} {unit}"


@cs.task
def convert(action: Action) -> str:
    number, unit, wanted = action.arguments
    return f"{float(number) * METRES[unit] / METRES[wanted]:.7g} {wanted}"


@cs.task
def answer(action: Action) -> str:
    return action.words


@cs.task
def noted(notes: Notes, action: Action, found: str) -> Notes:
    question = notes.question.replace(action.words, found, 1)
    return Notes(question, (*notes.lines, f"{action.tool:<10} {question}"), done=action.tool == "answer")


@cs.task
def turn(notes: Notes) -> str | cs.LazyResult[str]:
    if notes.done:
        return "\n".join(notes.lines)
    action = plan(notes).with_retry(3)
    tools = {
        "look up": look_up(action),
        "calculate": calculate(action),
        "convert": convert(action),
        "answer": answer(action),
    }
    return turn(noted(notes, action, cs.Router(tool_of(action), tools)))


@cs.task
def begun(question: str) -> Notes:
    return Notes(question, (f"{'asked':<10} {question}",))


default = "the height of Everest plus the depth of Challenger Deep in feet"
agent = turn(begun(cs.Param("question", default, description="what is asked")))

TOOLS = {"look up": look_up, "calculate": calculate, "convert": convert, "answer": answer}


def in_plain_python(question: str) -> str:
    """Returns the same, of the same functions: a loop, a dict of tools, and the retry."""
    notes = begun.func(question)
    while not notes.done:
        for attempt in range(3):
            try:
                action = plan.func(notes)
                break
            except Exception:
                if attempt == 2:
                    raise
        found = TOOLS[tool_of.func(action)].func(action)
        notes = noted.func(notes, action, found)
    return "\n".join(notes.lines)


def compare(rounds: int = 200) -> str:
    """Returns the median time of a question by the program and by plain Python, one after the other; the answers are the same."""
    program, ours, theirs = cs.compile(agent), [], []
    for _ in range(rounds):
        start = time.perf_counter()
        found = program(question=default)
        middle = time.perf_counter()
        assert in_plain_python(default) == found
        ours.append(middle - start)
        theirs.append(time.perf_counter() - middle)
    mine, plain = (1e6 * statistics.median(times) for times in (ours, theirs))
    turns = found.count("\n")
    return f"a question of {turns} turns: Cascade {mine:.0f} us, plain Python {plain:.0f} us, {(mine - plain) / turns:.0f} us more a turn"


def main() -> None:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--compare", action="store_true")
    given, others = parser.parse_known_args()
    if given.compare:
        print(compare())
    else:
        cs.create_cli(agent)(others)


if __name__ == "__main__":
    main()
