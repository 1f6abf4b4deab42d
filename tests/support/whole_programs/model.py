"""What a program is: the text of a module, and the calls of its functions."""

from __future__ import annotations

from dataclasses import dataclass

SURROUNDINGS = ("", "threads", "signals", "collections", "trace", "profile", "fork", "map")
"""What goes on around a call, beside a call alone."""


@dataclass(frozen=True)
class Call:
    """A call of a function of a program.

    Attributes:
        function: its name.
        arguments: the text of a tuple; it is evaluated in the program's module each time, so that calls share nothing.
        before: a statement that is executed in the module first.
        times: how often the call is made.
        around: one of `SURROUNDINGS`.
    """

    function: str
    arguments: str
    before: str = ""
    times: int = 1
    around: str = ""


@dataclass(frozen=True)
class Program:
    """A module's text and its calls; what it is made of is for people."""

    seed: int
    text: str
    calls: tuple[Call, ...]
    made_of: str = ""

    def __str__(self) -> str:
        calls = "\n".join(f"# {call}" for call in self.calls)
        return f"# seed {self.seed}: {self.made_of}\n{self.text}\n{calls}"
