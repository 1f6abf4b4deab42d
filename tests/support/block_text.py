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


def characters(text: Any, places: Any) -> Any:
    found = []
    for place in places:
        c = text[place]
        found.append(c)
        if c == "a" or c != "b" and "c" <= c < "k" or c in "xyz-" or c not in ("ä", "é", "x"):
            found.append(ord(c))
        found.append(c == text[0])
        found.append(c > text)
        found.append(c is text[place])
    return found


def iterated(text: Any) -> Any:
    count, kept, previous = 0, "", None
    for i, c in enumerate(text):
        if c == previous:
            count += i
        elif previous is not None and c < previous:
            kept += c
        previous = c
    for c, d in zip(text, text[1:]):
        count += c == d
    return count, kept, previous, [c for c in text]


def kinds(text: Any) -> Any:
    found = []
    for c in text:
        found.append(
            (
                c.isalpha(),
                c.isdigit(),
                c.isalnum(),
                c.isspace(),
                c.isupper(),
                c.islower(),
                c.isnumeric(),
                c.isprintable(),
            )
        )
        found.append((c.upper(), c.lower(), c.swapcase(), c.title(), c.casefold(), c.strip(), len(c), c * 2, c + c))
    return found


def items(data: Any, places: Any) -> Any:
    total = 0
    for place in places:
        total += data[place] * 3
    for item in data:
        total ^= item
    return total, len(data), data[1:-1]


def shifted(text: Any, by: Any) -> Any:
    result = ""
    for c in text:
        result += chr(ord(c) + by)
    return result


def compared(left: Any, right: Any) -> Any:
    found = [left == right, left != right, left < right, left <= right, left > right, left >= right, left in right]
    if left == right:
        found.append("same")
    return found


def compared_for_equality(left: Any, right: Any) -> Any:
    return left == right, left != right, right == "a", right != "ab", "é" == left


def sliced(text: Any, start: Any, stop: Any) -> Any:
    return text[start:stop], text[:stop], text[start:], text[:], text[start:stop:2], text[start:stop] is text


def joined_by_operators(left: Any, right: Any, count: Any) -> Any:
    return left + right, (left + right) + left, left * count, count * right, left + "é", "%s|%s" % (left, right)


def grown(parts: Any) -> Any:
    kept = ""
    other = kept
    for part in parts:
        kept += part
        kept = kept + "," + part
        other = kept
        kept += kept
        if len(kept) > 100:
            kept = part
    return kept, other


def formatted(value: Any, other: Any) -> Any:
    return (
        f"{value}", f"{value}{other}", f"<{value!r}>", f"{value!s:>9}", f"{other!a}", f"{value:}", f"{value:>12}|{other:<6}",
        "%s %r" % (value, other), "%5s" % value,
    )  # fmt: skip


def formatted_number(value: Any, digits: Any) -> Any:
    return (
        f"{value:.3f}",
        f"{value:{digits}}",
        "%d %08.3f %x" % (value, value, 255),
        "%s" % value,
        str(value),
        repr(value),
    )


def converted(texts: Any) -> Any:
    found = []
    for text in texts:
        found.append(int(text))
        found.append(float(text))
    return found


def converted_or_not(texts: Any) -> Any:
    total = wrong = 0
    for text in texts:
        try:
            total += int(text)
        except ValueError as error:
            wrong += 1
            last = str(error)
    return total, wrong, last


def searched(text: Any, part: Any) -> Any:
    return (
        text.find(part), text.count(part), text.startswith(part), text.endswith(part), part in text, part not in text,
        text.index(part), text.rfind(part),
    )  # fmt: skip


def searched_for_characters(text: Any, parts: Any) -> Any:
    found = []
    for c in parts:
        found.append((c in text, text.find(c), text.count(c), text.startswith(c), text.index(c)))
    return found


def ordinals(values: Any) -> Any:
    found = []
    for value in values:
        found.append(chr(value))
        found.append(ord(chr(value)))
    return found


def ordinals_of(texts: Any) -> Any:
    return [ord(texts[0]), ord(texts[1])]


def handed_on(text: Any, call: Any) -> Any:
    kept = {}
    for c in text:
        kept[c] = call(c)
        if c:
            d = c, c
    return kept, d, c


def last_of(text: Any) -> Any:
    for c in text:
        last = c
        del c
    return last


def characters_in_characters(text: Any) -> Any:
    found = []
    for c in text:
        for d in text:
            found.append((c in d, d not in c, "a" in c, "漢" not in d, "" in c, text in c, c in text))
    return found
