"""Functions that call functions of Python's own: those under test in tests/kernels/blocks/test_functions.py."""

from __future__ import annotations

import math
import random
from functools import partial


def seeded_numbers(count):
    random.seed(7)
    return [random.random() for _ in range(count)]


def divided(a, b):
    quotient, rest = divmod(a, b)
    return divmod(a, b), quotient, rest


def rounded(x, digits):
    return round(x), round(x, digits), round(x, None), round(x, 2)


def powers(a, b, modulus):
    return pow(a, b), pow(a, 3), pow(a, b, modulus)


def hashes(values):
    return [hash(value) for value in values]


NUMBERS = (int, float)


def classes(value):
    return (
        isinstance(value, int),
        isinstance(value, (int, float)),
        isinstance(value, bool),
        isinstance(value, object),
        isinstance(value, (Plain,)),
        isinstance(value, NUMBERS),
        isinstance(value, (int, str, Derived)),
        isinstance(value, (int, (float, str))),
        isinstance(value, int | str),
        isinstance(value, Plain),
        type(value),
        type(value) is int,
    )


def classes_of_all(values):
    plain = 0
    found = []
    for value in values:
        if isinstance(value, Plain):
            plain += 1
        found.append(type(value))
    return plain, found


class Plain:
    def __repr__(self):
        return "Plain()"


class Derived(Plain):
    pass


class Pretender:
    """It says that its class is another one."""

    def __repr__(self):
        return "Pretender()"

    @property
    def __class__(self):
        return Plain


class Watching(type):
    def __instancecheck__(cls, value):
        return value == 3


class Watched(metaclass=Watching):
    pass


def watched(values):
    return [isinstance(value, Watched) for value in values]


def totals(values):
    return sum(values)


def extremes(values):
    return min(values), max(values)


def truths(values):
    return any(values), all(values)


def ordered(values):
    return sorted(values)


def copies(values):
    return list(values), tuple(values)


def total_of_each(lists):
    total = 0
    for values in lists:
        total += sum(values)
        total += max(values)
    return total


def total_of_display(a, b):
    return sum([a, b]), max((a, b)), min([a, b, a]), sorted((b, a)), any([a, b]), all((a, b))


class Counted:
    """An item whose methods run code of users."""

    def __init__(self, number):
        self.number = number
        self.calls = []

    def __repr__(self):
        return f"Counted({self.number}, {self.calls})"

    def __radd__(self, other):
        self.calls.append("radd")
        return other + self.number

    def __lt__(self, other):
        self.calls.append("lt")
        return self.number < (other.number if isinstance(other, Counted) else other)

    def __gt__(self, other):
        self.calls.append("gt")
        return self.number > (other.number if isinstance(other, Counted) else other)

    def __bool__(self):
        self.calls.append("bool")
        return self.number != 0


def drawn(count):
    random.seed(7)
    found = []
    for i in range(count):
        found.append(random.random())
        found.append(random.randint(1, 6))
        found.append(random.randrange(10))
        found.append(random.randrange(5, 5 + i + 1))
        found.append(random.randrange(0, 1000, 7))
        found.append(random.randrange(1000, 0, -7))
        found.append(random.uniform(1.5, 4.0))
        found.append(random.uniform(1, i))
        found.append(random.gauss(0.0, 1.0))
        found.append(random.gauss(1, 2.5))
        found.append(random.getrandbits(5))
        found.append(random.getrandbits(40))
        found.append(random.choice([1, 2.5, "a"]))
        found.append(random.choice((i, i)))
        items = [1, 2, 3, 4, 5, 6, 7]
        random.shuffle(items)
        found.append(items)
    return found, random.getstate()


def drawn_from(source, count):
    found = []
    for i in range(count):
        found.append(source.random())
        found.append(source.randint(1, 6))
        found.append(source.randrange(i + 1))
        found.append(source.uniform(0.0, 4.0))
        found.append(source.gauss(0.0, 1.0))
        found.append(source.getrandbits(5))
        found.append(source.choice([1, 2.5, "a"]))
        items = [1, 2, 3, 4, 5, 6, 7]
        source.shuffle(items)
        found.append(items)
    return found, source.getstate()


def drawn_once(a):
    random.seed(1)
    return random.randrange(a), random.getstate()


def drawn_between(a, b):
    random.seed(1)
    return random.uniform(a, b), random.gauss(a, b), random.randint(a, b), random.getstate()


def chosen(values):
    random.seed(1)
    random.shuffle(values)
    return random.choice(values)


def drawn_by(source, count):
    total = 0.0
    for _ in range(count):
        total += source.random() + source.randint(1, 3)
    return total


class Loaded(random.Random):
    """A subclass: its numbers are its own."""

    def random(self):
        return 0.5


def complex_arithmetic(a, b):
    return a + b, a - b, a * b, -a, a == b, a != b


def complex_parts(a, b):
    return abs(a), a.real, a.imag, complex(a.real, b.imag), complex(a.imag), a / b, a**2, a**b


def complex_chain(a, b, count):
    kept = []
    for _ in range(count):
        c = a
        a = a * a + b
        a = 2 + a - 0.5
        a = a - (b + 1)
        kept.append(c)
    return a, kept


def escape(c, limit):
    z = 0j
    for i in range(limit):
        if abs(z) > 2.0:
            return i
        z = z * z + c
    return limit


def wide_arithmetic(a, b):
    return a + b, a - b, a * b, a == b, a < b, a >= b, -a


def wide_division(a, b):
    return a // b, a % b, a / b


def wide_bits(a, b):
    return a & b, a | b, a ^ b, a >> 3, a << 2


def spigot(count):
    scale = 10 ** (count // 10)
    term = total = scale
    n = 1
    while term:
        term //= n
        total += term
        n += 1
    return total


def all_rounded(values, digits):
    found = []
    for value in values:
        found.append(round(value, digits))
    return found


def of_float(x, y):
    return (
        math.gamma(x),
        math.lgamma(x),
        math.hypot(x, y),
        math.hypot(x, y, x),
        math.log(x, y),
        math.frexp(x),
        math.modf(x),
    )


def parts_of_float(x):
    mantissa, exponent = math.frexp(x)
    fraction, whole = math.modf(x)
    return mantissa * exponent, fraction, whole


def of_ints(a, b, c):
    return math.gcd(), math.lcm(), math.gcd(a), math.gcd(a, b), math.lcm(a, b), math.gcd(a, b, c), math.lcm(a, b, c)


def of_lists(values, others):
    return math.fsum(values), math.prod(values), math.dist(values, others), sum(values, 1), sum(values, 0.5)


def numbers_of(texts):
    found = []
    for text in texts:
        found.append(int(text))
    return found


def floats_of(texts):
    found = []
    for text in texts:
        found.append(float(text))
    return found


def numbers_or_none(texts):
    found = []
    for text in texts:
        try:
            found.append(int(text))
        except ValueError:
            found.append(None)
    return found


def conversions(a):
    return int(a), float(a), int(), float(), bool(a)


def of_base(text, base):
    return int(text, base)


def greatest(a, b):
    return max(a, b), min(a, b), max(b, a), min(b, a), max(0, a), min(a, 1.5)


def clamped(values, low, high):
    total = 0.0
    for value in values:
        total += min(max(value, low), high)
    return total


def matched(commands):
    found = []
    for command in commands:
        match command:
            case ("move", x, y):
                found.append((x, y))
            case [x]:
                found.append(x)
            case {"name": name}:
                found.append(name)
            case (_, _, _, _):
                found.append(4)
            case (1, *rest):
                found.append(rest)
            case int() | str():
                found.append("plain")
            case _:
                found.append(command)
    return found


def matched_display(a, b):
    match a, b:
        case (1, other):
            return other
        case (other, 1, _):
            return other
        case (other, _):
            return [other]


def called_partly(function, values):
    total = 0
    for value in values:
        total += function(value)
    return total


def called_partly_in_turn(functions, values):
    found = []
    for function in functions:
        for value in values:
            found.append(function(value))
    return found


def held_partly(low, values):
    above = partial(max, low)
    return [above(value) for value in values] + [above(values[0]), above(0)]


GREATER = partial(max, 1.5)


def greater(values):
    found = []
    for value in values:
        found.append(GREATER(value))
    return found


class Doubling(partial):
    def __call__(self, value):
        return 2 * value


def rest_of_greater(whole, real, values):
    """Of two kinds of numbers either may be the greater one; a result is used with what stands on the stack already."""
    values[max(real, whole) % 3 :] = []
    return values, min(whole, real) * 2, values
