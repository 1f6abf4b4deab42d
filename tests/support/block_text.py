"""Functions of text and bytes for kernels that are made block by block."""

from __future__ import annotations

from typing import Any


def words(text: Any) -> Any:
    found, kept = [], []
    for word in text.lower().split():
        word = word.strip(",.()")
        if word.isalpha() and not word.startswith("the"):
            found.append((word, word.find("o"), word.count("o", 1), word.replace("o", "0", 1)))
            kept.append(word)
    return found, ", ".join(kept)


def positions(text: Any, parts: Any) -> Any:
    found = []
    for part in parts:
        found.append(text.index(part))
        found.append(part.upper())
    return found


def positions_or_none(text: Any, parts: Any) -> Any:
    found = []
    for part in parts:
        try:
            found.append(text.index(part))
        except ValueError as error:
            found.append(str(error))
    return found


def joined(parts: Any, by: Any) -> Any:
    return by.join(parts) + by.join([parts[0]])


def called_with(text: Any, argument: Any) -> Any:
    return text.split(argument)
