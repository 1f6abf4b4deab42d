"""Programs that compute with numbers."""

from __future__ import annotations

import math
import random

LOG: list = []

# == primes


def sieve(limit):
    flags = [True] * (limit + 1)
    flags[0] = flags[1] = False
    found = []
    for number in range(2, limit + 1):
        if not flags[number]:
            continue
        found.append(number)
        for multiple in range(number * number, limit + 1, number):
            flags[multiple] = False
    return found, sum(flags)


def goldbach(limit):
    primes, count = sieve(limit)
    known = set(primes)
    result = {}
    for even in range(4, limit, 2):
        for prime in primes:
            if even - prime in known:
                result[even] = (prime, even - prime)
                break
        else:
            print("none for", even)
    return result, count


CALLS = {"sieve": ["(50,)", "(200,)", "(1,)", "(30.0,)", "(True,)"], "goldbach": ["(60,)", "(9,)", "('9',)"]}

# == series


def wallis(terms, scale):
    product = 1.0
    for n in range(1, terms):
        product *= 4 * n * n / (4 * n * n - 1)
    return product * scale


def exponential(x, eps):
    total = term = 1
    n = 0
    while abs(term) > eps:
        n += 1
        term = term * x / n
        total += term
        if n > 500:
            raise OverflowError(f"no end at {term!r}")
    return total, n


def continued(x, depth):
    parts = []
    while depth and x:
        whole = math.floor(x)
        parts.append(whole)
        rest = x - whole
        if rest == 0:
            break
        x = 1 / rest
        depth -= 1
    else:
        parts.append(None)
    numerator, denominator = 1, 0
    for part in reversed(parts):
        numerator, denominator = (part or 0) * numerator + denominator, numerator
    return parts, numerator, denominator


CALLS = {
    "wallis": ["(100, 2)", "(50, 2.0)", "(100, True)", "(30, 1 << 70)", "(3, 1j)"],
    "exponential": ["(1, 1e-9)", "(2.5, 1e-12)", "(-3, 0.001)", "(float('nan'), 0.1)", "(1e200, 0.1)", "(700, -1)"],
    "continued": ["(3.14159, 8)", "(7, 3)", "(-2.75, 9)", "(float('inf'), 3)", "(0.1, True)"],
}

# == growth


def fibonacci(n, first=0, second=1):
    for _ in range(n):
        first, second = second, first + second
    return first


def factorial_digits(n):
    product = 1
    for k in range(2, n + 1):
        product *= k
    digits = 0
    total = 0
    while product:
        product, digit = divmod(product, 10)
        digits += 1
        total += digit
    return digits, total


def hashed(data, seed):
    value = seed
    for item in data:
        value ^= item
        value *= 1099511628211
        value &= (1 << 64) - 1
    return value


def mixed_up(n, step):
    total = 0
    best = None
    for i in range(n):
        total += step
        if i == n // 2:
            step = step * 1.5
        if best is None or total > best:
            best = total
        if i % 7 == 3:
            total = -total
    return total, best


CALLS = {
    "fibonacci": ["(10,)", "(100,)", "(300,)", "(80, 0.5)", "(20, 'a', 'b')", "(90, True, True)", "(5, [1], [2])"],
    "factorial_digits": ["(5,)", "(20,)", "(21,)", "(60,)", "(-1,)", "(3.0,)"],
    "hashed": [
        "(b'hello world', 14695981039346656037)",
        "([1, 2, 3], 0)",
        "(range(40), 5)",
        "([1, 2.5], 3)",
        "((True, False), 1 << 63)",
    ],
    "mixed_up": ["(20, 3)", "(30, 0.1)", "(10, 1 << 60)", "(9, True)", "(8, float('inf'))", "(7, -0.0)"],
}

# == walks


def walk(steps, seed):
    source = random.Random(seed)
    x = y = 0
    seen = {(0, 0)}
    turns = 0
    for step in range(steps):
        direction = source.randrange(4)
        if direction == 0:
            x += 1
        elif direction == 1:
            x -= 1
        elif direction == 2:
            y += 1
        else:
            y -= 1
        if (x, y) in seen:
            turns += 1
        seen.add((x, y))
    return x, y, len(seen), turns


def estimate_pi(count):
    inside = 0
    for _ in range(count):
        x = random.random()
        y = random.uniform(-1, 1)
        if x * x + y * y <= 1.0:
            inside += 1
    return 4 * inside / count


def dice(rounds, sides):
    counts = [0] * (2 * sides + 1)
    for _ in range(rounds):
        counts[random.randint(1, sides) + random.randint(1, sides)] += 1
    best = max(range(len(counts)), key=counts.__getitem__)
    values = list(range(sides))
    random.shuffle(values)
    return counts, best, random.choice(values), values, random.gauss(0, 1)


CALLS = {
    "walk": ["(50, 1)", "(200, 7)", "(0, 'x')", "(10, 2.5)"],
    "estimate_pi": ["(100,)", "(0,)", "(True,)"],
    "dice": ["(60, 6)", "(10, 1)", "(3, 0)", "(5, 2.0)"],
}

# == orbits


def simulate(bodies, steps, dt):
    for _ in range(steps):
        for i in range(len(bodies)):
            x, v, m = bodies[i]
            force = 0.0
            for j, (other, _, mass) in enumerate(bodies):
                if i != j:
                    distance = other - x
                    force += m * mass / (distance * distance + 0.01) * (1 if distance > 0 else -1)
            v += force / m * dt
            bodies[i] = (x + v * dt, v, m)
    energy = 0.0
    for x, v, m in bodies:
        energy += 0.5 * m * v**2
    return energy


def euler(f, y, t, h, n):
    path = [(t, y)]
    for _ in range(n):
        k1 = f(t, y)
        k2 = f(t + h / 2, y + h * k1 / 2)
        k3 = f(t + h / 2, y + h * k2 / 2)
        k4 = f(t + h, y + h * k3)
        y += h * (k1 + 2 * k2 + 2 * k3 + k4) / 6
        t += h
        path.append((t, y))
    return path[-1], len(path)


def bisect_root(f, low, high, eps):
    steps = 0
    if f(low) * f(high) > 0:
        raise ValueError("no change of sign")
    while high - low > eps:
        middle = (low + high) / 2
        if f(middle) == 0:
            return middle, steps
        if f(low) * f(middle) < 0:
            high = middle
        else:
            low = middle
        steps += 1
        assert steps < 100, "endless"
    return (low + high) / 2, steps


CALLS = {
    "simulate": [
        "([(0.0, 0.0, 1.0), (1.0, 0.5, 2.0), (-2.0, 0.0, 0.5)], 10, 0.01)",
        "([(0, 0, 1), (1, 0, 2)], 5, 1)",
        "([(0, 0, 0), (1, 0, 2)], 5, 1)",
        "([], 3, 0.1)",
        "([(0.0, 0, 1), [1, 2.0, True], (3, 4)], 2, 0.5)",
    ],
    "euler": [
        "(lambda t, y: y - t, 1.0, 0.0, 0.1, 20)",
        "(lambda t, y: 2, 0, 0, 1, 5)",
        "(lambda t, y: t if y < 3 else 1 / (t - 2), 0, 0, 1, 6)",
        "(math.hypot, 1, 1, 0.5, 4)",
    ],
    "bisect_root": [
        "(lambda x: x * x - 2, 0, 2, 1e-9)",
        "(math.cos, 1.0, 2.0, 1e-6)",
        "(lambda x: 1, 0, 1, 0.1)",
        "(lambda x: x, -1, 1, 0)",
    ],
}

# == modular


def power(base, exponent, modulus):
    result = 1
    base %= modulus
    while exponent > 0:
        if exponent & 1:
            result = result * base % modulus
        exponent >>= 1
        base = base * base % modulus
    return result


def egcd(a, b):
    if a == 0:
        return b, 0, 1
    g, y, x = egcd(b % a, a)
    return g, x - (b // a) * y, y


def inverse(a, m):
    g, x, _ = egcd(a, m)
    if g != 1:
        raise ValueError("no inverse", a, m)
    return x % m


def inverses(m):
    found = []
    failed = 0
    for a in range(m):
        try:
            found.append(inverse(a, m))
        except ValueError as error:
            failed += error.args[1]
        finally:
            LOG.append(a)
    del LOG[:]
    return found, failed


def lcg(seed, n):
    values = []
    for i in range(n):
        seed = (6364136223846793005 * seed + 1442695040888963407) % 2**64
        values.append(seed >> 33 if i % 2 else -(seed >> 60))
    return values


CALLS = {
    "power": [
        "(3, 200, 1000007)",
        "(2, 64, 1 << 62)",
        "(7, 10, 1)",
        "(5, -1, 3)",
        "(1.5, 4, 7)",
        "(3, 5, 0)",
        "((1 << 62) + 1, 9, (1 << 63) - 1)",
    ],
    "egcd": ["(240, 46)", "(0, 5)", "(1 << 80, 3 << 70)", "(2.5, 10)"],
    "inverses": ["(12,)", "(7,)", "(0,)", "(4.0,)"],
    "lcg": ["(1, 10)", "(-5, 3)", "(0.5, 2)"],
}

# == bits


def popcounts(values):
    result = []
    for value in values:
        count = 0
        while value:
            value &= value - 1
            count += 1
        result.append(count)
    return result


def gray(bits):
    codes = []
    for i in range(1 << bits):
        codes.append(i ^ (i >> 1))
    for i, (a, b) in enumerate(zip(codes, codes[1:], strict=False)):
        if f"{a ^ b:b}".count("1") != 1:
            return i
    return codes[-3:]


def reverse_bits(value, width):
    result = 0
    for _ in range(width):
        result = (result << 1) | (value & 1)
        value >>= 1
    return result if result < 1 << (width - 1) else result - (1 << width)


CALLS = {
    "popcounts": ["([0, 1, 255, 1 << 40],)", "([True, False],)", "([1 << 70, 3],)", "([3, 'a'],)", "((5, 6),)"],
    "gray": ["(4,)", "(0,)", "(1,)"],
    "reverse_bits": ["(0b1011, 8)", "(-1, 16)", "(5, 64)", "(7, 63)", "(1, 62)", "(9, 70)", "(3, 0)", "(2.0, 3)"],
}

# == kinds


def classify(values):
    ints = floats = others = 0
    for value in values:
        if isinstance(value, bool):
            others += 1
        elif isinstance(value, int):
            ints += value
        elif isinstance(value, float):
            if math.isnan(value):
                continue
            if math.isinf(value):
                break
            floats += value
        else:
            others += len(value)
    else:
        return "all", ints, floats, others
    return "broken", ints, floats, others


def statistics(values):
    n = 0
    mean = m2 = 0.0
    low, high = float("inf"), float("-inf")
    for value in values:
        n += 1
        delta = value - mean
        mean += delta / n
        m2 += delta * (value - mean)
        low = min(low, value)
        high = max(high, value)
    if n < 2:
        return mean, None, low, high
    return round(mean, 6), math.sqrt(m2 / (n - 1)), low, high


def rounding(values, digits):
    total = 0
    for value in values:
        total += round(value, digits) if digits else round(value)
        total -= int(value) if value < 1e15 else 0
        total += math.trunc(value / 2) + value // 3 + value % 0.7
    return total, -total, abs(total)


CALLS = {
    "classify": [
        "([1, 2.5, True, 'abc', float('nan')],)",
        "([1, float('inf'), 2],)",
        "([1, None],)",
        "((),)",
        "([[1], {2: 3}, 4],)",
    ],
    "statistics": [
        "([1, 2, 3, 4],)",
        "([1.5, -2.0, 1e10],)",
        "([],)",
        "([5],)",
        "([1, float('nan')],)",
        "([1, '2'],)",
        "([True, 1 << 65, 0.5],)",
    ],
    "rounding": [
        "([1.5, 2.5, -0.5, 1e20], 0)",
        "([1.005, 2.675], 2)",
        "([10, 25], -1)",
        "([float('inf')], 1)",
        "([1, 2.0, True], None)",
        "([3.7], 1.0)",
    ],
}
