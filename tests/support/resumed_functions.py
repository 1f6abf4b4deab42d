"""Functions of all shapes for tests of continuations, with the arguments that they are called with.

They are compiled with spare locals by `bytecode_states.with_spare_locals`, and shorter than 250 code units.
"""

from __future__ import annotations

CASES: list = []
"""(function, maker of its arguments) of each case."""


def case(*makers):
    def add(function):
        CASES.extend((function, maker) for maker in makers)
        return function

    return add


class Noted:
    """Writes down what is done with it."""

    def __init__(self, log, fails=()):
        self.log, self.fails = log, fails

    def note(self, *what):
        self.log.append(what)
        if what[0] in self.fails:
            raise LookupError(*what)
        return len(self.log)

    def __enter__(self):
        return self.note("enter")

    def __exit__(self, kind, error, trace):
        self.note("exit", kind)
        return kind is ZeroDivisionError

    def __getitem__(self, key):
        return self.note("get", repr(key))

    def __setitem__(self, key, value):
        self.note("set", repr(key), value)

    def __repr__(self):
        return f"Noted({self.log!r})"


@case(lambda: ([1, 2, 3], 5), lambda: ([1, 60, 3], 5), lambda: ([], 0), lambda: ([1], 0), lambda: (None, 1))
def loop_and_try(xs, n):
    total = 0
    for x in xs:
        total += x * n
        if total > 100:
            raise ValueError(total)
    try:
        total / n
    except ZeroDivisionError as error:
        total = repr(error), repr(error.__context__)
    return total


@case(lambda: ([[1, 2], [3], []],), lambda: ([[1, 2], [3, "4"]],), lambda: ([[], []],))
def nested_loops(rows):
    found = []
    for index, row in enumerate(rows):
        for item in row:
            if item == 3:
                continue
            found.append((index, item + 1))
        else:
            found.append(index)
    return found, rows


@case(lambda: (7,), lambda: (0,), lambda: (27,))
def while_loop(n):
    count = 0
    while n > 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        count += 1
        if count == 12:
            break
    else:
        return count, "all"
    return count, n


@case(lambda: ([], 1), lambda: ([], 0), lambda: ([], "x"), lambda: ([], None))
def try_else_finally(log, x):
    try:
        log.append(1 / x)
        if x is None:
            return "never"
    except ZeroDivisionError:
        log.append("zero")
        return log
    except (TypeError, ValueError) as error:
        log.append(str(error))
        raise KeyError(x) from error
    else:
        log.append("else")
    finally:
        log.append("finally")
    return log


@case(lambda: ([], 1), lambda: ([], 0), lambda: ([], "x"))
def nested_try(log, x):
    for turn in range(3):
        try:
            try:
                if turn == 1:
                    continue
                log.append(turn / x)
            finally:
                log.append("inner")
        except ZeroDivisionError:
            break
    return log


@case(lambda: ([1], 1), lambda: ([1], 0), lambda: ([1], 2))
def handler_in_handler(log, x):
    try:
        log[x]
    except IndexError as error:
        try:
            raise ValueError(x)
        except ValueError as other:
            log.append((repr(other), repr(other.__context__), repr(error.__context__)))
            log[3 - x] = 1
    return log


@case(
    lambda: (Noted([]), 1),
    lambda: (Noted([]), 0),
    lambda: (Noted([]), ""),
    lambda: (Noted([], ("exit",)), 0),
    lambda: (Noted([], ("enter",)), 0),
)
def with_statement(manager, x):
    with manager as entered, manager:
        result = entered / x
        manager.note(result)
    with manager:
        return manager, x
    return manager.log


@case(lambda: (3, [1, 2]), lambda: (3, ["a"]))
def closures(n, items):
    total = n

    def add(item, factor=n):
        nonlocal total
        total += item * factor
        return total

    parts = [add(item) + n for item in items]
    n = len(parts)
    return parts, total, add(1), (lambda: (n, total))()


def _outer(free, other):
    @case(lambda: (1, 2), lambda: ("a", 2), lambda: (1, "b"))
    def free_variables(a, b):
        nonlocal free
        before = free
        free = a + b
        try:
            del b
            return before, free, [other + a for _ in range(2)], b  # noqa: F821
        except UnboundLocalError as error:
            return str(error), free
        finally:
            free = before

    return free_variables


_outer(1, 2)


@case(lambda: (1, 2, 3), lambda: ("1", 2, 3))
def cells_and_stars(first, *rest, **named):
    get = lambda: (first, rest, named)  # noqa: E731
    values = {**named, "first": first, "more": [*rest, first]}
    return max(first, *rest, **named), dict(first=first, **values) if named else values, get()


@case(lambda: ({"a": 1, "b": 2}, [3, 4]), lambda: ({"a": 1}, 5), lambda: ({}, []))
def comprehensions(table, items):
    squares = [item * item for item in items if item]
    swapped = {value: key for key, value in table.items()}
    nested = {(x, y) for x in squares for y in swapped if x != y}
    return squares, swapped, sorted(nested), sum(x for x in squares)


@case(lambda: (1, 2, 3), lambda: (3, 2, 1), lambda: (1, "a", 2), lambda: (0, None, 0))
def comparisons(a, b, c):
    result = [a < b < c, a == b != c, a is b is not c]
    if a < b <= c and not (a or b) or c in (1, 2, 3):
        result.append("yes")
    return result, a and b or c, None if b is None else b


@case(
    lambda: ({"kind": "point", "x": 1, "y": 2},),
    lambda: ([1, 2, 3, 4],),
    lambda: (5,),
    lambda: ("text",),
    lambda: ([],),
)
def matching(value):
    match value:
        case {"kind": "point", "x": x, **rest}:
            return x, rest
        case [first, *middle, last] if first < last:
            return first, middle, last
        case int(number) | float(number):
            return -number
        case []:
            return "empty"
        case str():
            return f"{value!r:>10}{value}{len(value):03d}"
        case _:
            return None


@case(lambda: ("a,b,c", 2), lambda: ("", 0), lambda: (None, 0))
def texts_and_walrus(text, n):
    if (parts := text.split(",")) and (last := parts[-1]) != "":
        text += f"<{last:>{n}}|{n!s}|{parts}>"
    return text, parts, text[1:-1], text[::2], text.replace(",", ";", n)


@case(lambda: ([1, 2, 3], {"k": 1}), lambda: ([1], {}), lambda: ((1, 2), {"k": 1}))
def subscripts_and_unpacking(xs, table):
    xs[0] += 10
    table["k"] -= xs[0]
    a, (b, *c), d = xs[0], xs, table
    xs[1:2] = [a, b]
    a, b = b, a
    del table["k"], xs[0]
    return a, b, c, d, xs


@case(lambda: (1,), lambda: (0,))
def deleted_and_global(x):
    global made_here
    made_here = x
    y = x
    if x:
        del y
    try:
        return y, made_here
    except NameError as error:
        del x, error
        return sorted(locals()), no_such_name  # noqa: F821


@case(lambda: (Noted([]), 2), lambda: (Noted([], ("get",)), 2), lambda: (Noted([], ("set",)), 2))
def methods_and_imports(noted, n):
    import math
    from os.path import join as joined

    noted[n] = noted[n, 1] + noted.note(n, math.floor(2.5))
    noted.extra = joined("a", str(n))
    noted.extra += "!"
    assert noted.extra.endswith("!"), noted
    return noted, noted.extra, getattr(noted, "none", None), sorted([n, 1], key=lambda x: -x, reverse=True)


class Base:
    def value(self, more):
        return self, more

    def __repr__(self):
        return type(self).__name__


class Derived(Base):
    @case(lambda: (Derived(), 1), lambda: (Base(), 1))
    def value(self, more):
        found = super().value(more)
        more = [super(Derived, self).value(each)[1] for each in (more, 2)]
        return type(found[0]).__name__, found[1], more, __class__.__name__


@case(lambda: (5, [0]), lambda: (0, [0]))
def recursive(n, log):
    log[0] += 1
    return n * recursive(n - 1, log) if n else 1


@case(lambda: (True,), lambda: (False,))
def raising(chained):
    try:
        try:
            (chained and [] or [])[1]
        except IndexError:
            raise KeyError("second")
    except KeyError as error:
        if chained:
            raise ValueError("third") from error
        raise
    return chained
