"""Functions by which it can be seen that a NaN is the same object: it is equal to nothing, so that containers know it by its identity."""

from __future__ import annotations

import math


def among_constants(n):
    return [math.nan in [math.nan, 1.0] for _ in range(n)], [[1.0, math.nan].index(math.nan) for _ in range(n)]


def hashed(n):
    return len({hash(math.nan) for _ in range(n)})


def as_key(x, n):
    found = {}
    for i in range(n):
        found[x] = i
    return len(found), found[x]


def distinct(xs):
    found = set()
    for x in xs:
        found.add(x)
    return len(found)


def looked_for(xs):
    return [x in xs for x in xs], [xs.count(x) for x in xs], [xs.index(x) for x in xs]


def in_displays(xs):
    y = xs[0]
    return [y], xs == [y, *xs[1:]], (y,) == (xs[0],), y in (1.0, y)


def stored(x, n):
    made = [0.0] * n
    for i in range(n):
        made[i] = x
    return x in made, made == [x] * n, made.count(x), len(set(made))


def largest(xs):
    best = xs[0]
    for x in xs:
        if x > best:
            best = x
    return best in xs, xs.index(max(xs)), xs.index(min(xs))


def summed(xs):
    total = 0.0
    for x in xs:
        if x == x:
            total += x * 2.0
    return total, sum(xs)


def computed_twice_stored(v, n):
    xs, ys = [], []
    for _ in range(n):
        y = v - v
        xs.append(y)
        ys.append(y)
    return [x in ys for x in xs], xs == ys, xs.count(xs[0])


def computed_least(v, n):
    losses = []
    for i in range(n):
        losses.append(v - v if i == 0 else float(i))
    return losses.index(min(losses))


def pair(x):
    return [x, x]


def computed_argument(v, n):
    found = []
    for _ in range(n):
        one, other = pair(v - v)
        found.append(one in [other])
    return found


def computed_key(v, n):
    found, seen = {}, set()
    for i in range(n):
        y = v * 0.0
        found[y] = i
        found[y] = i + 1
        seen.add(y)
        seen.add(y)
    return len(found), len(seen)


class Holder:
    def __init__(self, value):
        self.value = value


def computed_attribute(v, n):
    holder = Holder(0.0)
    found = []
    for _ in range(n):
        y = v - v
        holder.value = y
        found.append(holder.value in [y])
    return found


def computed_items(v, n):
    y = v - v
    rows = []
    for i in range(n):
        rows.append((y, i))
    xs = [0.0] * n
    xs[0] = y
    return (y, 1) in rows, rows[0][0] in [rows[1][0]], y in xs, {y: 1} == {y: 1}, hash(y) == hash(y)


def computed_for_closure(v, n):
    def is_held():
        return y in [y, 1.0]

    y = 0.0
    found = []
    for _ in range(n):
        z = v - v
        y = z
        found.append((is_held(), y in [z]))
    return found


def given_back(x, n):
    while n > 0:
        n -= 1
    return x


def computed_choice(v, n):
    found = []
    for i in range(n):
        y = v - v
        found.append(n if i > n else y)
        found.append(y in found)
    return found


def itself(x):
    return x


def computed_aliases(v, n):
    best, found = 0.0, []
    for i in range(n):
        x = v - v
        if i == 0 or x < best:
            best = x
        found.append(x)
        found.append(itself(x))
        found.append(y := v * 0.0)
        found.append(y in found)
    a = b = v - v
    return found.index(best), found.count(best), a in [b], (a, 1) == (b, 1)
