"""The effect of a task: the treatment of its calls that were under way when a saved run broke off."""

from __future__ import annotations

from typing import Literal

from cascade.errors import DeclarationError, nearest

Effect = Literal["again", "once", "atomic"]
EFFECTS = ("again", "once", "atomic")


def checked(name: str, effect: str, *, typed: bool, pure: bool) -> str:
    """Returns the effect that a task is declared with.

    Raises:
        DeclarationError: (a TypeError) there is none of that name, or it contradicts `lower=True` or `pure=True`.
    """
    if effect not in EFFECTS:
        raise DeclarationError(
            f"@task(effect={effect!r})",
            expected="one of " + ", ".join(map(repr, EFFECTS)),
            hint=nearest(str(effect), EFFECTS),
        )
    if typed or pure:
        other = "lower=True" if typed else "pure=True"
        raise DeclarationError(f"task {name!r} has effect={effect!r} and {other}", expected="one of the two")
    return effect
