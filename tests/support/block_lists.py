"""Functions with methods, operators, slices and comprehensions of lists, for kernels that are made block by block."""

from __future__ import annotations

from typing import Any


def searches(values: Any, wanted: Any) -> Any:
    found = values.count(wanted)
    if wanted in values:
        return found, values.index(wanted), wanted not in values
    return found, wanted not in values


def index_of(values: Any, wanted: Any) -> Any:
    return values.index(wanted)


def removes(values: Any, wanted: Any) -> Any:
    kept = values[0], values[-1]
    values.remove(wanted)
    return kept, values


def sorts(values: Any) -> Any:
    result = values.sort()
    return result, values


def changes(values: Any, more: Any, place: Any) -> Any:
    values.extend(more)
    values.insert(place, more)
    values.reverse()
    other = values.copy()
    other.append(values.pop(0))
    values.insert(place, 2.5)
    values.insert(-1, None)
    return other, values, values.pop(place)


def pops_while_held(values: Any, place: Any) -> Any:
    pairs = []
    for _ in range(2):
        pairs.append([values[place], values.pop(place)])
    return pairs, [values[0], values.clear(), len(values)]


def joined(first: Any, second: Any) -> Any:
    both = first + second
    both += second
    same = first
    same += first
    return both, same, first


def repeated(values: Any, times: Any) -> Any:
    return values * times, times * values


def compared(first: Any, second: Any) -> Any:
    return first == second, first != second, first < second, first <= second, first > second, first >= second


def compared_displays(a: Any, b: Any, c: Any) -> Any:
    return (a, b) < (c, a), (a, b, c) == (a, b, c), (a, b) != (b, a)


def sliced(values: Any, start: Any, stop: Any) -> Any:
    return values[start:stop], values[:stop], values[start:], values[:], values[::2]


def assigned_slices(values: Any, start: Any, stop: Any) -> Any:
    values[start:stop] = [start, stop]
    values[:0] = values[-2:]
    return values


def deleted(values: Any, place: Any) -> Any:
    kept = values[place]
    del values[place]
    del values[-1:]
    return kept, values


def comprehended(values: Any) -> Any:
    x = "kept"
    doubled = [x * 2 for x in values]
    even = [y for y in values if y % 2 == 0]
    table = {y: y + 1 for y in values}
    group = {y // 2 for y in values}
    pairs = [(i, y) for i, y in enumerate(values) for _ in range(2)]
    both = [a * b for a, b in zip(values, doubled)]
    nested = [[x + y for x in values] for y in range(3)]
    return x, doubled, even, table, sorted(group), pairs, both, nested


def comprehended_with_handler(values: Any) -> Any:
    z = 5
    try:
        return [10 // z for z in values], z
    except ZeroDivisionError as error:
        return z, str(error)


def unpacked(values: Any) -> Any:
    first, *middle, last = values
    whole = [*values, first, *middle]
    return first, middle, last, whole, (*values, last), (first, last)


def unpacked_pairs(pairs: Any) -> Any:
    total = 0
    for first, second in pairs:
        total += first * second
    return total


def tested(values: Any) -> Any:
    count = 0
    for value in values:
        if value:
            count += 1
        if not value:
            count += 100
    return count


def inserts_computed(values: Any, number: Any) -> Any:
    values.insert(1, number * 1)
    values.insert(-1, min(number, number))
    return values


def met_again(xs: Any, ys: Any) -> Any:
    """More versions of the loop than are made: the classes of variables are forgotten where they join, and told again where they are used."""
    a = b = c = d = None
    total = 0
    for j in ys:
        if j % 2:
            a = j if a is None else 0.5
        if j % 3:
            b = a
        if j % 5:
            c = (b, a) if c is None else None
        if j % 7:
            d = total
        total = total + j if total < 50 else total + 0.25
        xs[(j if j % 2 else 0) % len(xs)] = abs(j) + total
        xs[j % len(xs)] += j
        if total == d:
            xs.append(-total)
        total = -total if total > 100 else total
    return a, b, c, d, total, xs
