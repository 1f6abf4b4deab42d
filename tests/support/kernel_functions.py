"""Functions for the tests of lowering. Not in a test module: pytest compiles the asserts of those differently."""

from __future__ import annotations

import math
from math import pi, sqrt

import cascade as cs


@cs.task(lower=True)
def count_down(n):
    if n <= 0:
        return "done"
    return cs.TailCall(kwargs={"n": n - 1})


@cs.task(lower=True)
def add_up(n, total):
    while n > 0:
        total += n * n % 7
        n -= 1
    return total


@cs.task(lower=True)
def factorial(n):
    result = 1
    for i in range(1, n + 1):
        result *= i
    return result


FACTOR = 3


@cs.task(lower=True)
def use_global(n, total):
    if n == 0:
        return total
    return use_global.tail(n - 1, total + FACTOR)


def nested(n, stop):
    total = 0
    for i in range(n):
        k = 3
        while k > 0:
            k -= 1
            if k == 1:
                continue
            total += i
            if total == stop:
                break
        else:
            total += 100
        if i % 2 == 0:
            total -= 1
        else:
            for j in range(2):
                total += j
        assert total != 1_000_000, "a message"
    else:
        total += 10_000
    return total


def unbound(n):
    if n > 0:
        value = 1
    return value


def retyped(n):
    value = 0
    for i in range(n):
        value = (value, i)
    return value


def appends(n):
    found = []
    for i in range(n):
        found.append(i)
    return found


def generates(n):
    yield n


def looks_at_itself(n):
    return locals()


def compares_identity(n):
    return n is n + 1


def asks_helper(n):
    while n > 0:
        n = prints(n)
    return n


def prints(n):
    print(n)
    return n - 1


K = 7


def helper(a, b=2):
    return a * b + K


def fact(n):
    if n < 2:
        return 1
    return n * fact(n - 1)


def fibr(n):
    return n if n < 2 else fibr(n - 1) + fibr(n - 2)


def isodd(n):
    if n == 0:
        return False
    return iseven(n - 1)


def iseven(n):
    if n == 0:
        return True
    return isodd(n - 1)


def bad(n):
    return 10 // n


def loopy(n):
    s = 0.0
    for i in range(n):
        s += i / (i + 1)
    return s


def none(n):
    best = None
    for i in range(n):
        v = (i * 7919) % 101
        if best is None or v < best:
            best = v
    return best


def intfloat(n):
    total = 0
    for i in range(n):
        total += i * 0.5
    return total


def helper_calls(n):
    s = 0
    for i in range(n):
        s += helper(i) + helper(i, 3) + helper(b=1, a=i)
    return s


def factorials(n):
    s = 0
    for i in range(n):
        s += fact(i)
    return s


def fibonaccis(n):
    s = 0
    for i in range(3):
        s += fibr(n)
    return s


def mutual(n):
    c = 0
    for i in range(n):
        if iseven(i):
            c += 1
    return c


def bad_helper(n):
    s = 0
    for i in range(n, -1, -1):
        s += bad(i)
    return s


def loopy_helper(n):
    s = 0.0
    while n > 0:
        s += loopy(n)
        n -= 1
    return s


def math_functions(n):
    s = 0.0
    for i in range(1, n):
        s += (
            math.sin(i) * sqrt(i)
            + math.log(i)
            - math.atan2(i, 3)
            + math.exp(-i)
            + pi
            + math.hypot(i, 2)
            + math.floor(i / 3)
            + math.gcd(i, 12)
        )
    return s


def over_containers(n, xs):
    s = 0.0
    for i in range(1, n):
        s += math.prod(xs) + math.fsum((i, 2.0, s)) - math.dist((i, 1.0), xs) + math.prod((i, s), start=2)
    return s


def minmax(n):
    lo = 10**6
    hi = -1
    for i in range(n):
        x = i * i % 37
        lo = min(lo, x)
        hi = max(hi, x, 3)
    return (lo, hi)


def divmods(n):
    s = 0
    for i in range(-n, n):
        q, r = divmod(i, 7)
        s += q * 3 + r
        q2, r2 = divmod(i * 1.5, -0.7)
        s += int(q2) - round(r2) + abs(i) + (i**2) + 2 ** (i % 5) + pow(3, abs(i), 11)
    return s


def powers(n):
    s = 0.0
    for i in range(n):
        s += (i + 0.5) ** 1.5 + 2.0**-i + i**0.5
    return s


def big(n):
    x = 1
    for i in range(1, n):
        x *= i
    return x


def swaps(n):
    a, b, c = 1, 2, 3
    for i in range(n):
        a, b, c = b, c, a
        a, b = b, a
    return a * 100 + b * 10 + c


def raises(n):
    for i in range(n):
        if i > 50:
            raise ValueError(f"too big {i}")
    return i


def unbound_after_loop(n):
    for i in range(n):
        pass
    return i


def opaque(n, o):
    p = None
    for i in range(n):
        p = o
    return p is o, p


def opaque_returned(n, o):
    for i in range(n):
        if i == 3:
            return o
    return None


def unused_text(n, mode="x"):
    s = 0
    while s < n:
        s += 1
    return "done"


def lengths(n, xs):
    c = 0
    for i in range(len(xs)):
        c += i + n
    return c


def chains(n):
    c = 0
    for i in range(n):
        if 3 < i <= n - 2 < 100:
            c += 1
        c += (i > 2) + (not i) + (i and 5) + (0 or i)
        x = i if i > 3 else -i
        c += x
    return c


def nests(n):
    c = 0
    for i in range(n):
        for j in range(i):
            if j == 3:
                continue
            if j == 7:
                break
            k = 0
            while k < j:
                k += 1
                if k == 5:
                    break
            else:
                c += 100
            c += k
        else:
            c += 1000
    else:
        c += 5
    return c


def shifts(n):
    h = 5381
    for i in range(n):
        h = ((h << 5) ^ (h >> 3) ^ i) & 0xFFFFFFFF
    return h


def congruential(n):
    x = 1
    for i in range(n):
        x = (x * 6364136223846793005 + 1442695040888963407) % 2**63
    return x


def floats(n, x):
    y = -0.0
    for i in range(n):
        x = x * 1.5 - y / 3.0
        y = x // 2.0 + x % 3.0
        if math.isnan(x) or math.isinf(y):
            break
    return x


def bools(n, f):
    for i in range(n):
        f = not f
    return f


def asserts(n):
    for i in range(n):
        assert i < 20, "message %d" % i
    return n


def mk():
    base = 10

    def closed(n, step=3):
        s = 0
        for i in range(n):
            s += base + step
        return s

    return closed


closed = mk()


def wide_again(n):
    x = 1
    for i in range(n):
        x = (x * 3 + i) % 1000003
        if i % 1000 == 7:
            x = x * 10**18 * 10 % 97
    return x


def breaks_wide(n):
    found = 0
    for i in range(n):
        x = i + 1
        while x < 10**18:
            x = x * x + 1
            if x % 5 == 0:
                break
            if x % 7 == 0:
                continue
            found += 1
        else:
            found += 100
    return found


def until_factor_changes(n):
    while FACTOR == 0:
        n += 1
    return n


THING = None


def asks_thing(n):
    found = 0
    for i in range(n):
        found += THING and 1
    return found


def rounds(a):
    i = 0
    while i < 3:
        i += 1
        a = round(a, -3)
    return a, i


def inner_loop_first(n, m):
    p = m > m
    for i in range(n):
        for _ in range(4, 1, -3):
            if None:
                w = 0.5  # noqa: F841
        p = 100 != 63 >= pow(1, 4, m)
    return p, i


# -- State machines ---------------------------------------------------------------------------------------------------


def machine_of(states):
    """The first state of a machine: its states by name, each a function or task and arguments; "end" ends it."""
    tasks = {name: each if isinstance(each, cs.Task) else cs.task(each) for name, (each, _) in states.items()}
    lazies = {name: tasks[name](*given) for name, (_, given) in states.items()}
    selector = cs.select_jump({**lazies, "end": None})
    for lazy in lazies.values():
        cs.bind(lazy, selector)
    return next(iter(lazies.values()))


def countdown_machine(n):
    @cs.task(lower=True)
    def countdown(n):
        return cs.Jump("again", n - 1) if n > 0 else "done"

    lazy = countdown(n)
    return cs.bind(lazy, cs.select_jump({"again": lazy}))


STEPS = {1: 0, 27: 111, 97: 118, 837_799: 524}


def collatz(n):
    """Counts the steps; the number and the count share the data, as a Jump has one."""

    @cs.task(lower=True)
    def look(data):
        n, steps = data % 2**40, data // 2**40
        if n == 1:
            return cs.Jump("end", steps)
        return cs.Jump("even" if n % 2 == 0 else "odd", data)

    @cs.task(lower=True)
    def even(data):
        n, steps = data % 2**40, data // 2**40
        while n % 2 == 0:
            n //= 2
            steps += 1
        return cs.Jump(target_key="look", data=n + (steps << 40))

    @cs.task(lower=True)
    def odd(data):
        n, steps = data % 2**40, data // 2**40
        return cs.Jump("look", 3 * n + 1 + (steps + 1 << 40))

    lazies = {"look": look(n), "even": even(0), "odd": odd(0)}
    selector = cs.select_jump({**lazies, "end": None})
    for lazy in lazies.values():
        cs.bind(lazy, selector)
    return lazies["look"]


def halving(n):
    @cs.task(lower=True)
    def half(x, least):
        smaller = x / 2
        return cs.Jump("half", smaller) if smaller > least else cs.Jump("end", x)

    lazy = half(n, 0.0)
    return cs.bind(lazy, cs.select_jump({"half": lazy, "end": None}))


def growing(n):
    @cs.task(lower=True)
    def grow(product, factors):
        for i in range(2, factors + 1):
            product *= i
        return cs.Jump("shrink", product)

    @cs.task(lower=True)
    def shrink(product, modulus):
        return cs.Jump("end", product % modulus)

    first, second = grow(n, 25), shrink(0, 1_000_003)
    selector = cs.select_jump({"shrink": second, "end": None})
    cs.bind(second, selector)
    return cs.bind(first, selector)


TOLD = False


def until_told(n):
    @cs.task(lower=True)
    def wait(n):
        return cs.Jump("end", n) if TOLD else cs.Jump("wait", n + 1)

    lazy = wait(n)
    return cs.bind(lazy, cs.select_jump({"wait": lazy, "end": None}))
