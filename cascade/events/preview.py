"""Short forms of values, for events and messages."""

from __future__ import annotations

PREVIEW_LENGTH = 120
BRACKETS: dict[type, str] = {list: "[]", tuple: "()", dict: "{}", set: "{}", frozenset: "{}"}
LONG: set[type] = {str, bytes, *BRACKETS}
"""Types whose values may be long, and of which a beginning can be made."""


def preview(value: object) -> str:
    """Returns the beginning of a value's repr; never raises.

    Of built-in containers and texts no more is looked at than is shown: a list that a task returns may have millions of
    items. Other classes make their own repr, all of it.
    """
    try:
        text = _beginning(value, PREVIEW_LENGTH + 1, ()) if type(value) in LONG else repr(value)
    except Exception as error:
        text = f"<{type(value).__name__}, whose repr raises {type(error).__name__}>"
    return text if len(text) <= PREVIEW_LENGTH else text[: PREVIEW_LENGTH - 1] + "…"


def _beginning(value: object, room: int, around: tuple[int, ...]) -> str:
    """Returns the repr, or at least `room` characters of its beginning; `around` are the ids of the containers around it."""
    kind = type(value)
    if kind not in LONG:
        return repr(value)
    if isinstance(value, (str, bytes)):
        return repr(value) if len(value) <= room else _beginning_of_text(value, room)
    assert isinstance(value, (list, tuple, dict, set, frozenset))
    if id(value) in around:
        return "...".join(BRACKETS[kind])
    if not value or (kind is not dict and len(value) <= room and LONG.isdisjoint(map(type, value))):
        return repr(value)
    if room <= 0:
        return BRACKETS[kind]  # not shown any more; a nest may be as deep as memory allows
    parts: list[str] = []
    around = (*around, id(value))
    room -= 1
    for item in value.items() if isinstance(value, dict) else value:
        part = _pair(item, room, around) if kind is dict else _beginning(item, room, around)
        parts.append(part)
        room -= len(part) + 2
        if room < 0:
            break
    text = f"({parts[0]},)" if kind is tuple and len(value) == 1 else ", ".join(parts).join(BRACKETS[kind])
    return f"frozenset({text})" if kind is frozenset else text


def _pair(item: tuple[object, object], room: int, around: tuple[int, ...]) -> str:
    text = _beginning(item[0], room, around) + ": "
    return text + _beginning(item[1], room - len(text), around) if len(text) < room else text


def _beginning_of_text(value: str | bytes, room: int) -> str:
    # All of it decides which quotes are taken: a quote at the end makes its beginning take the same.
    if isinstance(value, str):
        return repr(value[:room] + ("'" if "'" in value and '"' not in value else '"'))
    return repr(value[:room] + (b"'" if b"'" in value and b'"' not in value else b'"'))
