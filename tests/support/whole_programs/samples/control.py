"""Programs whose control flow is the point: handlers, generators, closures, callbacks, recursion."""

from __future__ import annotations

import contextlib
import functools
import itertools
import operator  # noqa: F401

LOG: list = []

# == retries


class Flaky:
    def __init__(self, failures):
        self.failures = failures
        self.calls = 0

    def fetch(self, key):
        self.calls += 1
        if self.calls in self.failures:
            raise self.failures[self.calls](key)
        return key * 2


def fetched(keys, failures):
    source = Flaky(failures)
    found = []
    for key in keys:
        for attempt in range(3):
            try:
                value = source.fetch(key)
            except KeyError:
                LOG.append(("again", attempt))
                continue
            except ValueError as error:
                raise RuntimeError("given up", key) from error
            else:
                found.append(value)
                break
            finally:
                LOG.append(key)
        else:
            found.append(None)
    return found, source.calls


def cleaned(values):
    del LOG[:]
    result = 0
    for value in values:
        try:
            try:
                result += 10 // value
            finally:
                LOG.append(value)
                if value == 3:
                    continue
                if value == 4:
                    break
            result += 1
        except ZeroDivisionError:
            result -= 1
            if result < -1:
                return "early", result
        except TypeError as error:
            LOG.append(type(error))
            raise
    return result


CALLS = {
    "fetched": [
        "([1, 2, 3], {1: KeyError, 3: KeyError})",
        "('ab', {1: KeyError, 2: KeyError, 3: KeyError})",
        "([1], {1: ValueError})",
        "([2.5], {1: OSError})",
        "([], {})",
    ],
    "cleaned": ["([1, 2, 0, 3, 5],)", "([0, 0, 0],)", "([1, 'a', 2],)", "([4, 1],)", "([2.5, 0.0],)", "([3, 3],)"],
}

# == contexts


class Guard:
    def __init__(self, name, swallows=()):
        self.name = name
        self.swallows = swallows

    def __enter__(self):
        LOG.append(f"in {self.name}")
        return self

    def __exit__(self, kind, error, trace):
        LOG.append(f"out {self.name} {kind and kind.__name__}")
        return kind is not None and issubclass(kind, self.swallows)


@contextlib.contextmanager
def counting(table, name):
    table[name] = table.get(name, 0) + 1
    try:
        yield table
    finally:
        table[name] = -table[name]


def guarded(values, divisor):
    del LOG[:]
    total = 0
    for value in values:
        with Guard("outer"), Guard(value, (ZeroDivisionError, IndexError)):
            total += value // divisor
            divisor -= 1
            if total > 20:
                return "early", total
            if value == 7:
                continue
            total += [1, 2, 3][value]
        LOG.append(total)
    return total


def counted(names, limit):
    table = {}
    for name in names:
        with counting(table, name) as same:
            assert same is table
            if table[name] > limit:
                raise ValueError(name)
    with contextlib.suppress(KeyError, TypeError):
        table["missing"] += 1
        table["never"] = 1
    return table


CALLS = {
    "guarded": [
        "([1, 2, 0], 3)",
        "([5, 7, 1], 2)",
        "([50], 1)",
        "([1.5], 1)",
        "(['a'], 1)",
        "([], 0)",
        "([-3, -4], 2)",
    ],
    "counted": ["('abab', 5)", "('aaa', 0)", "([1, 1.0, True], 1)", "([[]], 1)"],
}

# == generators


def numbers(limit):
    n = 0
    try:
        while n < limit:
            received = yield n
            n += 1 if received is None else received
    finally:
        LOG.append(("closed", n))


def pairs(items):
    last = None
    for item in items:
        if last is not None:
            yield last, item
        last = item


def consumed(limit, stop):
    del LOG[:]
    total = 0
    for n in numbers(limit):
        if n == stop:
            break
        total += n
    rises = sum(1 for a, b in pairs(numbers(limit)) if a < b)
    squares = [n * n for n in numbers(limit) if n % 2]
    source = numbers(limit)
    first = next(source, None)
    sent = []
    while True:
        try:
            sent.append(source.send(stop))
        except StopIteration:
            break
        except TypeError:
            sent.append("type")
            break
    return total, rises, squares, first, sent, any(n > 3 for n in numbers(limit)), max(pairs(squares), default=None)


def merged(*lists):
    iterators = [iter(values) for values in lists]
    found = []
    while iterators:
        for iterator in list(iterators):
            try:
                found.append(next(iterator))
            except StopIteration:
                iterators.remove(iterator)
    return found


def flattened(values):
    for value in values:
        if isinstance(value, (list, tuple)):
            yield from flattened(value)
        else:
            yield value


def flat_sum(values):
    total = 0
    for position, value in enumerate(flattened(values)):
        total += value * position
    return total, list(flattened(values))[::-1], list(itertools.islice(flattened(values), 2))


CALLS = {
    "consumed": ["(6, 3)", "(3, 9)", "(0, 0)", "(5.5, 2)", "(4, 0.5)", "(2, 'a')"],
    "flat_sum": ["([1, [2, [3, (4,)]], 5],)", "([],)", "([1.5, ['a']],)", "([[[]], True],)", "((1, 2),)"],
}

# == closures


def counter(start, step):
    count = start

    def increment(by=step):
        nonlocal count
        count += by
        return count

    def reset():
        nonlocal count, step
        count, step = start, step + 1
        return count

    return increment, reset


def counted_up(start, step, turns):
    increment, reset = counter(start, step)
    values = []
    for turn in range(turns):
        values.append(increment() if turn % 3 else increment(turn))
        if turn % 5 == 4:
            values.append(reset())
    actions = [lambda x, k=k: x * k + turns for k in range(3)]
    late = [lambda x: x * turn for turn in range(3)]
    return values, [action(start) for action in actions], [action(step) for action in late]


def composed(functions, value):
    def compose(f, g):
        return lambda x: g(f(x))

    whole = functools.reduce(compose, functions, lambda x: x)
    partial = functools.partial(pow, 2)
    trail = [value]
    for function in functions:
        trail.append(function(trail[-1]))
    return whole(value), trail, partial(3), sorted(trail, key=lambda x: -x)


CALLS = {
    "counted_up": ["(0, 1, 8)", "(1.5, 0.25, 7)", "('a', 'b', 2)", "(1 << 62, 1 << 61, 6)", "(True, False, 5)"],
    "composed": [
        "([abs, lambda x: x + 1, str.__len__ if False else float], -3)",
        "([], 5)",
        "([operator.neg, lambda x: x / 2], 7)",
        "([len], 'abc')",
        "([lambda x: x / 0], 1)",
    ],
}

# == recursion


def hanoi(n, source, target, spare, moves):
    if n == 0:
        return 0
    count = hanoi(n - 1, source, spare, target, moves)
    moves.append((source, target))
    return count + 1 + hanoi(n - 1, spare, target, source, moves)


def ackermann(m, n):
    if m == 0:
        return n + 1
    if n == 0:
        return ackermann(m - 1, 1)
    return ackermann(m - 1, ackermann(m, n - 1))


def permutations(items):
    if len(items) <= 1:
        return [items]
    found = []
    for i in range(len(items)):
        for rest in permutations(items[:i] + items[i + 1 :]):
            found.append(items[i : i + 1] + rest)
    return found


def queens(n, row=0, columns=(), found=None):
    found = [] if found is None else found
    if row == n:
        found.append(columns)
        return found
    for column in range(n):
        for earlier, other in enumerate(columns):
            if other == column or abs(other - column) == row - earlier:
                break
        else:
            queens(n, row + 1, (*columns, column), found)
    return found


def is_even(n):
    return True if n == 0 else is_odd(n - 1)


def is_odd(n):
    return False if n == 0 else is_even(n - 1)


CALLS = {
    "hanoi": ["(4, 'a', 'b', 'c', [])", "(0, 1, 2, 3, [])", "(2, 1, 2, 3, None)", "(2.0, 0, 0, 0, [])"],
    "ackermann": ["(2, 3)", "(1, 0)", "(0, 1 << 62)", "(1, 2.0)", "(True, True)"],
    "permutations": ["([1, 2, 3],)", "('abc',)", "((1, 2.5),)", "([],)", "(b'ab',)"],
    "queens": ["(4,)", "(5,)", "(0,)", "(1,)", "(2.0,)"],
    "is_even": ["(10,)", "(7,)", "(4.0,)", "(True,)"],
}

# == callbacks


def visited(items, callback, depth=2):
    total = 0
    for i, item in enumerate(items):
        total += callback(item)
        if depth and i == 1:
            total += call("visited", items[:2], callback, depth - 1)  # noqa: F821
    return total


def observed(values, listeners):
    for value in values:
        for listener in listeners:
            answer = listener(value)
            if answer is True:
                listeners.remove(listener)
            elif answer is False:
                return value
    return len(listeners)


def adder(amount):
    def add(value):
        LOG.append(value)
        return value + amount

    return add


def stops_at(limit):
    return lambda value: value >= limit if value < 5 else None


CALLS = {
    "visited": [
        "([1, 2, 3], adder(1))",
        "([1.5, 2], adder(2), 1)",
        "(['a'], len, 0)",
        "([1, 2], adder('x'))",
        "([1, True, 1 << 63], lambda x: x + 1, 3)",
        "('ab', ord)",
    ],
    "observed": [
        "([1, 2, 3], [stops_at(1), stops_at(3)])",
        "([9], [stops_at(2)])",
        "([1, 'a'], [stops_at(1.5)])",
        "([], [])",
    ],
}

# == matching


def evaluated(node, names):
    match node:
        case int() | float():
            return node
        case str():
            return names[node]
        case ("neg", inner):
            return -evaluated(inner, names)
        case (left, "+", right):
            return evaluated(left, names) + evaluated(right, names)
        case (left, "*", right) if right != 0:
            return evaluated(left, names) * evaluated(right, names)
        case {"if": test, "then": then, **rest}:
            return evaluated(then if evaluated(test, names) else rest.get("else", 0), names)
        case [*items]:
            return [evaluated(item, names) for item in items]
        case _:
            raise TypeError(f"no such node: {node!r}")


def driven(commands):
    x = y = 0
    heading = 0
    for command in commands:
        match command.split():
            case ["go", distance]:
                distance = int(distance)
                if heading == 0:
                    y += distance
                elif heading == 1:
                    x += distance
                elif heading == 2:
                    y -= distance
                else:
                    x -= distance
            case ["left" | "right" as side]:
                heading = (heading + (1 if side == "right" else -1)) % 4
            case ["jump", a, b]:
                x, y = int(a), int(b)
            case []:
                pass
            case other:
                raise ValueError("what?", other)
    return x, y, heading


CALLS = {
    "evaluated": [
        "((1, '+', (2, '*', 'x')), {'x': 5})",
        "({'if': 0, 'then': 1, 'else': ('neg', 2.5)}, {})",
        "([1, 'y'], {})",
        "((3, '*', 0), {})",
        "(None, {})",
        "((1, '+', 'x'), {'x': 'y'})",
    ],
    "driven": [
        "(['go 5', 'right', 'go 3', 'left', 'go 1'],)",
        "(['jump 1 2', '', 'left', 'go 2'],)",
        "(['fly'],)",
        "(['go x'],)",
        "([5],)",
        "([],)",
    ],
}

# == changes


factor = 3


def scaled(value):
    return value * factor


def rescaled(values, when):
    global factor, scaled
    factor = 3
    total = 0
    for i, value in enumerate(values):
        total += scaled(value)
        if i == when:
            factor = 0.5
        elif i == when + 1:
            scaled, kept = abs, scaled
            total += kept(i)
            scaled = kept
        elif i == when + 2:
            del factor
    factor = 3
    return total


def types_change(n, first):
    value = first
    trail = []
    for i in range(n):
        value = value + 1 if i % 4 else value * 2
        if i == 6:
            value = float(value)
        elif i == 9:
            value = int(value) << 60
        elif i == 11:
            value = None if value < 0 else value > 5
        trail.append(value)
    return trail


def builtin_changes(values, when):
    total = 0
    for i, value in enumerate(values):
        if i == when:
            globals()["len"] = lambda given: 100
        elif i == when + 2:
            globals().pop("len", None)
        total += len(value)
    globals().pop("len", None)
    return total


CALLS = {
    "rescaled": ["([1, 2, 3, 4, 5], 2)", "([1.5] * 4, 0)", "([1, 2, 3, 4, 5], 1)", "('abc', 9)", "([1 << 63, 1], 5)"],
    "types_change": ["(8, 1)", "(15, 3)", "(12, -5)", "(14, 0.5)", "(5, 'a')", "(9, True)", "(13, 1 << 50)"],
    "builtin_changes": ["(['a', 'bb', 'ccc', 'dddd'], 1)", "([[1], (), {}], 0)", "([1], 5)", "([b'ab', 'c', ''], -2)"],
}
