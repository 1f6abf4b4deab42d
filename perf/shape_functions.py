"""Shapes: functions as users write them, with lists, arrays, text, dicts and objects in them.

None was written for the engine. A function does not change its arguments, so that it can be called again and
again; plain CPython's value is the answer that it has to return.
"""

from __future__ import annotations

import heapq
import math
import random
import sys
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

try:
    import numpy as np
except ImportError:  # under PyPy
    np = None  # type: ignore[assignment]

Arguments = tuple[Any, ...]


@dataclass(frozen=True)
class Shape:
    """A function, its group, and its arguments."""

    group: str
    function: Callable[..., Any]
    arguments: Callable[[], Arguments]

    @property
    def name(self) -> str:
        return self.function.__name__


SHAPES: list[Shape] = []


def shape(group: str, *arguments: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Adds a function to the shapes; an argument that is a function is called to make the argument."""

    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        def make() -> Arguments:
            return tuple(argument() if callable(argument) else argument for argument in arguments)

        SHAPES.append(Shape(group, function, make))
        return function

    return add


def integers(count: int, limit: int, seed: int = 1) -> Callable[[], list[int]]:
    return lambda: [random.Random(seed + i).randrange(limit) for i in range(count)]


def floats(count: int, seed: int = 2) -> Callable[[], list[float]]:
    return lambda: [random.Random(seed + i).uniform(-1.0, 1.0) for i in range(count)]


# -- Lists of numbers -----------------------------------------------------------------------------------------------


@shape("lists", 20_000)
def sieve(limit: int) -> int:
    is_prime = [True] * limit
    is_prime[0] = is_prime[1] = False
    for n in range(2, int(limit**0.5) + 1):
        if is_prime[n]:
            for multiple in range(n * n, limit, n):
                is_prime[multiple] = False
    return sum(is_prime)


@shape("lists", integers(120, 4), integers(120, 4, 500))
def edit_distance(a: list[int], b: list[int]) -> int:
    previous = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        current = [i]
        for j, right in enumerate(b, 1):
            current.append(min(previous[j] + 1, current[j - 1] + 1, previous[j - 1] + (left != right)))
        previous = current
    return previous[-1]


@shape("lists", integers(40, 50), integers(40, 100, 700), 500)
def knapsack(weights: list[int], values: list[int], capacity: int) -> int:
    best = [0] * (capacity + 1)
    for weight, value in zip(weights, values):
        for room in range(capacity, weight - 1, -1):
            best[room] = max(best[room], best[room - weight] + value)
    return best[capacity]


@shape("lists", 200)
def n_body(steps: int) -> float:
    positions = [[0.0, 0.0, 0.0], [4.8, -1.2, -0.1], [8.3, 4.1, -0.4], [12.9, -15.1, -0.2], [15.4, -25.9, 0.2]]
    velocities = [[0.0, 0.0, 0.0], [0.6, 2.8, -0.02], [-1.0, 1.8, 0.008], [1.1, 0.9, -0.01], [0.98, 0.6, -0.03]]
    masses = [39.5, 0.04, 0.01, 0.002, 0.002]
    for _ in range(steps):
        for i in range(5):
            for j in range(i + 1, 5):
                dx = positions[i][0] - positions[j][0]
                dy = positions[i][1] - positions[j][1]
                dz = positions[i][2] - positions[j][2]
                pull = 0.001 / (dx * dx + dy * dy + dz * dz) ** 1.5
                for axis, d in enumerate((dx, dy, dz)):
                    velocities[i][axis] -= d * masses[j] * pull
                    velocities[j][axis] += d * masses[i] * pull
        for position, velocity in zip(positions, velocities):
            for axis in range(3):
                position[axis] += 0.001 * velocity[axis]
    return positions[0][0]


@shape("lists", integers(2_000, 10_000))
def quicksort(values: list[int]) -> list[int]:
    values = list(values)
    stack = [(0, len(values) - 1)]
    while stack:
        low, high = stack.pop()
        if low >= high:
            continue
        pivot = values[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        stack.append((low, j))
        stack.append((i, high))
    return values


@shape("lists", lambda: sorted(integers(5_000, 100_000)()), integers(500, 100_000, 9_000))
def binary_searches(values: list[int], wanted: list[int]) -> int:
    found = 0
    for each in wanted:
        low, high = 0, len(values)
        while low < high:
            middle = (low + high) // 2
            if values[middle] < each:
                low = middle + 1
            else:
                high = middle
        if low < len(values) and values[low] == each:
            found += 1
    return found


@shape(
    "lists", lambda: [floats(30, seed)() for seed in range(30)], lambda: [floats(30, seed)() for seed in range(50, 80)]
)
def multiply(a: list[list[float]], b: list[list[float]]) -> list[list[float]]:
    size = len(b)
    result = [[0.0] * len(b[0]) for _ in a]
    for i in range(len(a)):
        for j in range(len(b[0])):
            total = 0.0
            for k in range(size):
                total += a[i][k] * b[k][j]
            result[i][j] = total
    return result


@shape("lists", lambda: [[(row * column) % 3 == 0 for column in range(40)] for row in range(40)], 2)
def life(board: list[list[bool]], generations: int) -> int:
    height, width = len(board), len(board[0])
    for _ in range(generations):
        new = []
        for y in range(height):
            row = []
            for x in range(width):
                alive = 0
                for dy in (-1, 0, 1):
                    for dx in (-1, 0, 1):
                        if (dy or dx) and board[(y + dy) % height][(x + dx) % width]:
                            alive += 1
                row.append(alive == 3 or (alive == 2 and board[y][x]))
            new.append(row)
        board = new
    return sum(sum(row) for row in board)


@shape("lists", floats(5_000), 20)
def moving_average(values: list[float], width: int) -> list[float]:
    result = []
    total = 0.0
    for i, value in enumerate(values):
        total += value
        if i >= width:
            total -= values[i - width]
        result.append(total / min(i + 1, width))
    return result


@shape("lists", floats(5_000), floats(5_000, 900))
def correlation(xs: list[float], ys: list[float]) -> float:
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    above = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys))
    below = sum((x - mean_x) ** 2 for x in xs) * sum((y - mean_y) ** 2 for y in ys)
    return above / math.sqrt(below)


@shape("lists", integers(3_000, 1_000))
def squares_of_even(values: list[int]) -> int:
    return sum([value * value for value in values if value % 2 == 0])


@shape("lists", integers(3_000, 100))
def best_stretch(values: list[int]) -> tuple[int, int, int]:
    best, begin, end = 0, 0, 0
    total, start = 0, 0
    for i, value in enumerate(values):
        total += value - 50
        if total <= 0:
            total, start = 0, i + 1
        elif total > best:
            best, begin, end = total, start, i + 1
    return best, begin, end


@shape("lists", 7)
def queens(size: int) -> int:
    count = 0
    columns = [-1] * size
    row = 0
    while row >= 0:
        columns[row] += 1
        if columns[row] >= size:
            columns[row] = -1
            row -= 1
            continue
        for other in range(row):
            if columns[other] == columns[row] or abs(columns[other] - columns[row]) == row - other:
                break
        else:
            if row == size - 1:
                count += 1
            else:
                row += 1
    return count


# -- Arrays ---------------------------------------------------------------------------------------------------------


def grid(height: int, width: int) -> Callable[[], Any]:
    return lambda: np.random.default_rng(3).random((height, width))


def vector(count: int, seed: int = 4) -> Callable[[], Any]:
    return lambda: np.random.default_rng(seed).random(count)


@shape("arrays", grid(60, 60))
def heat(plate: Any) -> float:
    height, width = plate.shape
    new = plate.copy()
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            new[y, x] = 0.25 * (plate[y - 1, x] + plate[y + 1, x] + plate[y, x - 1] + plate[y, x + 1])
    return float(new.sum())


@shape("arrays", vector(3_000))
def sum_of_squares(values: Any) -> float:
    total = 0.0
    for i in range(len(values)):
        total += values[i] * values[i]
    return float(total)


@shape("arrays", vector(3_000))
def cumulative_maximum(values: Any) -> Any:
    result = np.empty_like(values)
    best = values[0]
    for i, value in enumerate(values):
        if value > best:
            best = value
        result[i] = best
    return result.tolist()


@shape("arrays", lambda: np.random.default_rng(5).integers(0, 20, 3_000))
def histogram(values: Any) -> Any:
    counts = np.zeros(20, dtype=np.int64)
    for value in values:
        counts[value] += 1
    return counts.tolist()


@shape("arrays", grid(50, 3))
def closest_pair(points: Any) -> tuple[int, int]:
    best, pair = math.inf, (-1, -1)
    for i in range(points.shape[0]):
        for j in range(i + 1, points.shape[0]):
            distance = 0.0
            for axis in range(points.shape[1]):
                difference = points[i, axis] - points[j, axis]
                distance += difference * difference
            if distance < best:
                best, pair = distance, (i, j)
    return pair


@shape("arrays", vector(2_000), 0.3)
def exponential_smoothing(values: Any, alpha: float) -> float:
    smooth = values[0]
    for i in range(1, values.size):
        smooth = alpha * values[i] + (1 - alpha) * smooth
    return float(smooth)


@shape("arrays", grid(30, 30))
def floyd_warshall(weights: Any) -> float:
    distance = weights.copy()
    n = distance.shape[0]
    for k in range(n):
        for i in range(n):
            for j in range(n):
                through = distance[i, k] + distance[k, j]
                if through < distance[i, j]:
                    distance[i, j] = through
    return float(distance.sum())


@shape("arrays", lambda: bytearray(range(256)) * 20)
def checksum(data: bytearray) -> int:
    a, b = 1, 0
    for byte in data:
        a = (a + byte) % 65521
        b = (b + a) % 65521
    return b << 16 | a


@shape("arrays", 2_000)
def euler(steps: int) -> list[float]:
    state = np.zeros(2)
    state[0] = 1.0
    for _ in range(steps):
        x, v = state[0], state[1]
        state[0] = x + 0.01 * v
        state[1] = v - 0.01 * x
    return list(map(float, state))


# -- Text -----------------------------------------------------------------------------------------------------------

WORDS = "the quick brown fox jumps over the lazy dog while 42 small cats watch, and 7 mice hide (under x1 + y_2 * 3.5)"


@shape("text", (WORDS + " ") * 8)
def tokens(text: str) -> list[tuple[str, str]]:
    found = []
    i = 0
    while i < len(text):
        c = text[i]
        if c.isspace():
            i += 1
        elif c.isalpha() or c == "_":
            start = i
            while i < len(text) and (text[i].isalnum() or text[i] == "_"):
                i += 1
            found.append(("name", text[start:i]))
        elif c.isdigit():
            start = i
            while i < len(text) and (text[i].isdigit() or text[i] == "."):
                i += 1
            found.append(("number", text[start:i]))
        else:
            found.append(("sign", c))
            i += 1
    return found


@shape("text", (WORDS + "\n") * 20)
def count_words(text: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for line in text.splitlines():
        for word in line.lower().split():
            word = word.strip(",()")
            if word:
                counts[word] = counts.get(word, 0) + 1
    return counts


@shape("text", WORDS * 8, 3)
def caesar(text: str, shift: int) -> str:
    result = ""
    for c in text:
        if "a" <= c <= "z":
            result += chr((ord(c) - ord("a") + shift) % 26 + ord("a"))
        else:
            result += c
    return result


@shape("text", ("([]{})" * 200) + "(")
def brackets(text: str) -> int:
    stack = []
    for i, c in enumerate(text):
        if c in "([{":
            stack.append(c)
        elif c in ")]}":
            if not stack or "([{".index(stack.pop()) != ")]}".index(c):
                return i
    return -1 if not stack else len(text)


@shape("text", "\n".join(f"{i},name{i},{i * 1.5},{'yes' if i % 3 else 'no'}" for i in range(200)))
def parse_table(text: str) -> float:
    total = 0.0
    for line in text.split("\n"):
        number, name, amount, is_open = line.split(",")
        if is_open == "yes" and name.startswith("name1"):
            total += float(amount) * int(number)
    return total


@shape("text", WORDS * 20)
def run_lengths(text: str) -> str:
    parts = []
    previous, count = "", 0
    for c in text:
        if c == previous:
            count += 1
        else:
            if count:
                parts.append(f"{previous}{count}")
            previous, count = c, 1
    parts.append(f"{previous}{count}")
    return "".join(parts)


@shape("text", "the quick brown fox jumps over the lazy dog " * 40)
def longest_palindrome(text: str) -> int:
    best = 0
    for middle in range(len(text)):
        for left, right in ((middle, middle), (middle, middle + 1)):
            while left >= 0 and right < len(text) and text[left] == text[right]:
                left -= 1
                right += 1
            best = max(best, right - left - 1)
    return best


@shape("text", "3 4 + 2 * 7 / 5 1 - 9 * + " * 30)
def postfix(text: str) -> float:
    stack = [0.0]
    for token in text.split():
        if token in "+-*/":
            b, a = stack.pop(), stack.pop() if stack else 0.0
            stack.append(a + b if token == "+" else a - b if token == "-" else a * b if token == "*" else a / b)
        else:
            stack.append(float(token))
    return stack[-1]


# -- Dicts, sets, heaps, queues -------------------------------------------------------------------------------------


def roads(nodes: int, seed: int = 6) -> Callable[[], dict[int, list[tuple[int, int]]]]:
    def make() -> dict[int, list[tuple[int, int]]]:
        source = random.Random(seed)
        return {n: [(source.randrange(nodes), source.randrange(1, 20)) for _ in range(4)] for n in range(nodes)}

    return make


@shape("dicts", roads(300), 0)
def dijkstra(graph: dict[int, list[tuple[int, int]]], start: int) -> int:
    distances = {start: 0}
    heap = [(0, start)]
    while heap:
        distance, node = heapq.heappop(heap)
        if distance > distances[node]:
            continue
        for neighbour, length in graph[node]:
            new = distance + length
            if new < distances.get(neighbour, 1 << 60):
                distances[neighbour] = new
                heapq.heappush(heap, (new, neighbour))
    return sum(distances.values())


@shape("dicts", roads(600), 0)
def breadth_first(graph: dict[int, list[tuple[int, int]]], start: int) -> int:
    seen = {start}
    queue = deque([(start, 0)])
    deepest = 0
    while queue:
        node, depth = queue.popleft()
        deepest = max(deepest, depth)
        for neighbour, _ in graph[node]:
            if neighbour not in seen:
                seen.add(neighbour)
                queue.append((neighbour, depth + 1))
    return deepest


@shape("dicts", integers(3_000, 200))
def group_by_digit(values: list[int]) -> dict[int, list[int]]:
    groups = defaultdict(list)
    for value in values:
        groups[value % 10].append(value)
    return dict(groups)


@shape("dicts", integers(2_000, 1_000), 1_000)
def pairs_with_sum(values: list[int], wanted: int) -> int:
    seen: dict[int, int] = {}
    count = 0
    for value in values:
        count += seen.get(wanted - value, 0)
        seen[value] = seen.get(value, 0) + 1
    return count


@shape("dicts", 300)
def memoised_paths(size: int) -> int:
    known = {(0, 0): 1}
    for total in range(1, 2 * 24):
        for x in range(max(0, total - 23), min(total, 23) + 1):
            y = total - x
            known[x, y] = (known.get((x - 1, y), 0) + known.get((x, y - 1), 0)) % size
    return known[23, 23]


@shape("dicts", integers(2_000, 50))
def most_common(values: list[int]) -> list[tuple[int, int]]:
    counts = Counter()  # type: ignore[var-annotated]
    for value in values:
        counts[value] += 1
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:5]


@shape("dicts", lambda: [("open", i % 17, i % 5) if i % 3 else ("pay", i % 17, i % 7) for i in range(2_000)])
def ledger(entries: list[tuple[str, int, int]]) -> dict[int, int]:
    accounts: dict[int, int] = {}
    for kind, account, amount in entries:
        if kind == "open":
            accounts.setdefault(account, 0)
            accounts[account] += amount
        elif account in accounts and accounts[account] >= amount:
            accounts[account] -= amount
    return accounts


@shape("dicts", 400)
def collatz_lengths(limit: int) -> int:
    known = {1: 1}
    for start in range(2, limit):
        path = []
        n = start
        while n not in known:
            path.append(n)
            n = n // 2 if n % 2 == 0 else 3 * n + 1
        length = known[n]
        for each in reversed(path):
            length += 1
            known[each] = length
    return max(known.values())


# -- Objects --------------------------------------------------------------------------------------------------------


class Account:
    def __init__(self, balance: float) -> None:
        self.balance = balance
        self.moves = 0

    def deposit(self, amount: float) -> None:
        self.balance += amount
        self.moves += 1

    def withdraw(self, amount: float) -> bool:
        if amount > self.balance:
            return False
        self.balance -= amount
        self.moves += 1
        return True


@shape("objects", 1_000)
def bank(rounds: int) -> tuple[float, int]:
    account = Account(100.0)
    refused = 0
    for i in range(rounds):
        account.deposit(i % 7)
        if not account.withdraw(i % 11):
            refused += 1
    return account.balance, account.moves + refused


@dataclass
class Particle:
    x: float
    y: float
    dx: float
    dy: float

    def step(self, dt: float) -> None:
        self.x += self.dx * dt
        self.y += self.dy * dt
        if not 0.0 <= self.x <= 1.0:
            self.dx = -self.dx
        if not 0.0 <= self.y <= 1.0:
            self.dy = -self.dy


@shape("objects", 20, 30)
def particles(count: int, steps: int) -> float:
    swarm = [Particle(i / count, 1 - i / count, 0.3 + i * 0.01, 0.7 - i * 0.01) for i in range(count)]
    for _ in range(steps):
        for particle in swarm:
            particle.step(0.05)
    return sum(particle.x * particle.y for particle in swarm)


class Vector(NamedTuple):
    x: float
    y: float

    def plus(self, other: Vector) -> Vector:
        return Vector(self.x + other.x, self.y + other.y)

    def times(self, factor: float) -> Vector:
        return Vector(self.x * factor, self.y * factor)


@shape("objects", 400)
def orbit(steps: int) -> float:
    position, velocity = Vector(1.0, 0.0), Vector(0.0, 1.0)
    for _ in range(steps):
        distance = math.hypot(position.x, position.y)
        velocity = velocity.plus(position.times(-0.01 / distance**3))
        position = position.plus(velocity.times(0.01))
    return position.x


class Node:
    __slots__ = ("left", "right", "value")

    def __init__(self, value: int) -> None:
        self.value = value
        self.left: Node | None = None
        self.right: Node | None = None


@shape("objects", integers(500, 10_000))
def tree_sort(values: list[int]) -> list[int]:
    root = Node(values[0])
    for value in values[1:]:
        node = root
        while True:
            if value < node.value:
                if node.left is None:
                    node.left = Node(value)
                    break
                node = node.left
            else:
                if node.right is None:
                    node.right = Node(value)
                    break
                node = node.right
    result = []
    stack: list[Node] = []
    current: Node | None = root
    while stack or current is not None:
        while current is not None:
            stack.append(current)
            current = current.left
        current = stack.pop()
        result.append(current.value)
        current = current.right
    return result


@dataclass
class Processor:
    code: list[tuple[str, int]]
    stack: list[int] = field(default_factory=list)
    pc: int = 0


@shape("objects", 500)
def interpreter(rounds: int) -> int:
    processor = Processor([("push", 1), ("add", 0), ("dup", 0), ("drop", 0), ("loop", rounds)], [0])
    count = 0
    while processor.pc < len(processor.code):
        name, value = processor.code[processor.pc]
        processor.pc += 1
        if name == "push":
            processor.stack.append(value)
        elif name == "add":
            processor.stack.append(processor.stack.pop() + processor.stack.pop())
        elif name == "dup":
            processor.stack.append(processor.stack[-1])
        elif name == "drop":
            processor.stack.pop()
        elif name == "loop":
            count += 1
            if count < value:
                processor.pc = 0
    return processor.stack[-1]


class Light:
    LIMITS = {"red": 5, "green": 7, "yellow": 2}
    NEXT = {"red": "green", "green": "yellow", "yellow": "red"}

    def __init__(self) -> None:
        self.colour = "red"
        self.time = 0

    @property
    def is_over(self) -> bool:
        return self.time >= self.LIMITS[self.colour]

    def tick(self) -> None:
        self.time += 1
        if self.is_over:
            self.colour, self.time = self.NEXT[self.colour], 0


@shape("objects", 2_000)
def traffic(ticks: int) -> tuple[str, int]:
    light = Light()
    greens = 0
    for _ in range(ticks):
        light.tick()
        if light.colour == "green":
            greens += 1
    return light.colour, greens


# -- The rest: random numbers, recursion, closures, generators, exceptions, sums of other kinds ---------------------


@shape("rest", 3_000)
def estimate_pi(count: int) -> float:
    random.seed(7)
    inside = 0
    for _ in range(count):
        x, y = random.random(), random.random()
        if x * x + y * y <= 1.0:
            inside += 1
    return 4.0 * inside / count


@shape("rest", 1_000)
def random_walk(steps: int) -> int:
    source = random.Random(8)
    place = 0
    for _ in range(steps):
        place += source.choice((-1, 1)) * source.randint(1, 3)
    return place


def fibonacci(n: int) -> int:
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


shape("rest", 17)(fibonacci)


def ackermann(m: int, n: int) -> int:
    if m == 0:
        return n + 1
    if n == 0:
        return ackermann(m - 1, 1)
    return ackermann(m - 1, ackermann(m, n - 1))


shape("rest", 2, 40)(ackermann)


@shape("rest", 0.0, 3.0, 1_000)
def simpson(a: float, b: float, n: int) -> float:
    def f(x: float) -> float:
        return math.exp(-x * x) * math.cos(x)

    width = (b - a) / n
    return width / 3 * sum(f(a + i * width) * (1 if i in (0, n) else 4 if i % 2 else 2) for i in range(n + 1))


@shape("rest", 2_000)
def newton_roots(count: int) -> float:
    total = 0.0
    for n in range(1, count):
        x = float(n)
        while abs(x * x - n) > 1e-9 * n:
            x = 0.5 * (x + n / x)
        total += x
    return total


@shape("rest", 1_500)
def generated(count: int) -> int:
    def triangles(limit: int) -> Iterator[int]:
        total = 0
        for i in range(limit):
            total += i
            yield total

    return sum(t for t in triangles(count) if t % 3 == 0)


@shape("rest", lambda: [str(i) if i % 5 else f"x{i}" for i in range(1_500)])
def sum_of_numbers(texts: list[str]) -> tuple[int, int]:
    total = wrong = 0
    for text in texts:
        try:
            total += int(text)
        except ValueError:
            wrong += 1
    return total, wrong


@shape("rest", 40, 24)
def mandelbrot_complex(width: int, limit: int) -> int:
    total = 0
    for row in range(width):
        for column in range(width):
            c = complex(3.0 * column / width - 2.0, 2.0 * row / width - 1.0)
            z = 0j
            for _ in range(limit):
                if abs(z) > 2.0:
                    break
                z = z * z + c
                total += 1
    return total


@shape("rest", 1_000)
def digits_of_e(count: int) -> int:
    """Sums the first digits of e, by the spigot algorithm of Rabinowitz and Wagon (1991), in long integers."""
    scale = 10 ** (count // 10)
    term = total = scale
    n = 1
    while term:
        term //= n
        total += term
        n += 1
    return sum(map(int, str(total)))


@shape("rest", 5.0, 2.0, 2_000)
def control_loop(goal: float, start: float, steps: int) -> float:
    """A PID controller and the plant that it controls."""
    value, integral, last = start, 0.0, 0.0
    gains = partial(max, -10.0)
    for _ in range(steps):
        error = goal - value
        integral += error * 0.01
        output = gains(min(10.0, 2.0 * error + 0.5 * integral + 0.1 * (error - last) / 0.01))
        last = error
        value += (output - 0.3 * value) * 0.01
    return value


sys.modules.setdefault("shape_functions", sys.modules[__name__])
try:
    import shape_match  # noqa: F401 (adds one more; PyPy 3.9 has no match statement)
except SyntaxError:
    pass


def main(name: str, loops: int) -> None:
    """Runs a shape so many times, for another interpreter; prints the seconds and the answer."""
    run, answer = next(partial(each.function, *each.arguments()) for each in SHAPES if each.name == name), None
    for _ in range(max(loops // 4, 3)):
        run()
    begun = time.perf_counter()
    for _ in range(loops):
        answer = run()
    print(time.perf_counter() - begun)
    print(repr(answer))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
