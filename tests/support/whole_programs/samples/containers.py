"""Programs with lists, dicts, sets, queues and heaps."""

from __future__ import annotations

import heapq
from collections import Counter, OrderedDict, defaultdict, deque

LOG: list = []

# == sorting


def bubble(values):
    swaps = 0
    for end in range(len(values) - 1, 0, -1):
        done = True
        for i in range(end):
            if values[i] > values[i + 1]:
                values[i], values[i + 1] = values[i + 1], values[i]
                swaps += 1
                done = False
        if done:
            break
    return swaps


def quick(values, low=0, high=None):
    if high is None:
        high = len(values) - 1
    while low < high:
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
        if j - low < high - i:
            quick(values, low, j)
            low = i
        else:
            quick(values, i, high)
            high = j
    return values


def merge_sort(values):
    if len(values) <= 1:
        return values[:]
    middle = len(values) // 2
    left, right = merge_sort(values[:middle]), merge_sort(values[middle:])
    result = []
    i = j = 0
    while i < len(left) and j < len(right):
        if left[i] <= right[j]:
            result.append(left[i])
            i += 1
        else:
            result.append(right[j])
            j += 1
    result += left[i:]
    result.extend(right[j:])
    return result


def insertion(values):
    for i in range(1, len(values)):
        key = values[i]
        j = i - 1
        while j >= 0 and values[j] > key:
            values[j + 1] = values[j]
            j -= 1
        values[j + 1] = key
    return values[::-1]


LISTS = [
    "([3, 1, 2, 9, -5, 4, 4],)",
    "([2.5, -1.0, float('inf'), 0.0, -0.0],)",
    "(['pear', 'apple', 'fig'],)",
    "([True, 3, 2.5, 1 << 70, -7],)",
    "([1, 'a', 2],)",
    "([(1, 2), (0, 9), (1, 1)],)",
    "([float('nan'), 1.0, 0.5],)",
    "((3, 1, 2),)",
    "([],)",
]
CALLS = {"bubble": LISTS, "quick": LISTS, "merge_sort": LISTS, "insertion": LISTS}

# == graphs


def dijkstra(graph, start):
    distances = {start: 0}
    queue = [(0, start)]
    before = {}
    while queue:
        distance, node = heapq.heappop(queue)
        if distance > distances.get(node, float("inf")):
            continue
        for neighbour, weight in graph.get(node, {}).items():
            candidate = distance + weight
            if candidate < distances.get(neighbour, float("inf")):
                distances[neighbour] = candidate
                before[neighbour] = node
                heapq.heappush(queue, (candidate, neighbour))
    return distances, before


def breadth_first(graph, start, goal):
    queue = deque([start])
    paths = {start: [start]}
    while queue:
        node = queue.popleft()
        if node == goal:
            return paths[node]
        for other in graph[node]:
            if other not in paths:
                paths[other] = paths[node] + [other]
                queue.append(other)
    return None


def topological(graph):
    degree = {node: 0 for node in graph}
    for node in graph:
        for other in graph[node]:
            degree[other] += 1
    ready = [node for node in degree if degree[node] == 0]
    order = []
    while ready:
        node = ready.pop()
        order.append(node)
        for other in graph[node]:
            degree[other] -= 1
            if not degree[other]:
                ready.append(other)
    if len(order) != len(graph):
        raise ValueError(f"a cycle among {sorted(set(graph) - set(order))}")
    return order


def components(edges, count):
    parent = list(range(count))

    def find(x):
        while parent[x] != x:
            parent[x] = parent[parent[x]]
            x = parent[x]
        return x

    merged = 0
    for a, b in edges:
        first, second = find(a), find(b)
        if first != second:
            parent[first] = second
            merged += 1
    return merged, [find(x) for x in range(count)]


CALLS = {
    "dijkstra": [
        "({'a': {'b': 1, 'c': 4}, 'b': {'c': 2, 'd': 6}, 'c': {'d': 3}}, 'a')",
        "({1: {2: 0.5}, 2: {1: 0.25, 3: 2}}, 1)",
        "({1: {2: '3'}}, 1)",
        "({'a': {1: 1, 'b': 1}, 1: {'c': 2}, 'b': {'c': 2}}, 'a')",
        "({}, None)",
    ],
    "breadth_first": [
        "({1: [2, 3], 2: [4], 3: [4], 4: []}, 1, 4)",
        "({'x': 'yz', 'y': 'z', 'z': ''}, 'x', 'q')",
        "({1: [5]}, 1, 6)",
    ],
    "topological": ["({1: [2], 2: [3], 3: []},)", "({1: [2], 2: [1]},)", "({'a': ['b'], 'b': []},)", "({1: [9]},)"],
    "components": [
        "([(0, 1), (2, 3), (1, 3)], 6)",
        "([(0, 9)], 3)",
        "([], 0)",
        "([(0, 1.0)], 2)",
        "([(True, False)], 2)",
    ],
}

# == words


def word_counts(text):
    counts = defaultdict(int)
    for word in text.lower().split():
        word = word.strip(".,;!?")
        if not word:
            continue
        counts[word] += 1
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return ordered[:5], sum(counts.values())


def groups(words):
    found = {}
    for word in words:
        key = "".join(sorted(word))
        found.setdefault(key, []).append(word)
    return [group for group in found.values() if len(group) > 1]


def most_common(items):
    counter = Counter(items)
    for item, count in counter.most_common(2):
        print(item, count)
    counter.update({"extra": 2})
    counter.subtract(["extra"])
    total = 0
    for key in list(counter):
        total += counter[key]
        if counter[key] < 2:
            del counter[key]
    return counter, total, counter["missing"]


def inverted(index):
    result = {}
    for name, numbers in index.items():
        for number in numbers:
            if number in result:
                result[number].add(name)
            else:
                result[number] = {name}
    return {number: sorted(names) for number, names in sorted(result.items())}


CALLS = {
    "word_counts": [
        "('the cat. The dog, the end!',)",
        "('',)",
        "('... ;',)",
        "(b'a b a',)",
        "('\\u00e4 \\u00c4 x\\U0001f600 x\\U0001f600',)",
        "(5,)",
    ],
    "groups": ["(['tea', 'eat', 'tan', 'ate'],)", "([],)", "(['a', b'a'],)", "([[3, 1], [1, 3]],)", "('aab',)"],
    "most_common": ["('abracadabra',)", "([1, 1.0, True, 2],)", "([],)", "([[1]],)", "({'a': 3},)"],
    "inverted": [
        "({'x': [1, 2], 'y': [2, 3]},)",
        "({},)",
        "({'x': [1, 1.0], 'y': [True]},)",
        "({'x': 5},)",
        "({1: 'ab', 2: 'b'},)",
    ],
}

# == grids


def life(cells, generations):
    rows, columns = len(cells), len(cells[0])
    for _ in range(generations):
        fresh = [[0] * columns for _ in range(rows)]
        for r in range(rows):
            for c in range(columns):
                around = 0
                for dr in (-1, 0, 1):
                    for dc in (-1, 0, 1):
                        if (dr or dc) and cells[(r + dr) % rows][(c + dc) % columns]:
                            around += 1
                fresh[r][c] = 1 if around == 3 or (around == 2 and cells[r][c]) else 0
        cells = fresh
    return cells, sum(map(sum, cells))


def multiply(a, b):
    result = []
    for row in a:
        fresh = []
        for j in range(len(b[0])):
            total = 0
            for k in range(len(b)):
                total += row[k] * b[k][j]
            fresh.append(total)
        result.append(fresh)
    return result


def paths(grid):
    rows, columns = len(grid), len(grid[0])
    best = [[0] * columns for _ in grid]
    for r in range(rows):
        for c in range(columns):
            if r == 0 and c == 0:
                best[r][c] = grid[r][c]
            elif r == 0:
                best[r][c] = best[r][c - 1] + grid[r][c]
            elif c == 0:
                best[r][c] = best[r - 1][c] + grid[r][c]
            else:
                best[r][c] = min(best[r - 1][c], best[r][c - 1]) + grid[r][c]
    return best[-1][-1], best


def flood(picture, row, column, colour):
    old = picture[row][column]
    stack = [(row, column)]
    filled = 0
    while stack:
        r, c = stack.pop()
        if not (0 <= r < len(picture) and 0 <= c < len(picture[r])) or picture[r][c] != old:
            continue
        picture[r][c] = colour
        filled += 1
        stack += [(r + 1, c), (r - 1, c), (r, c + 1), (r, c - 1)]
        if filled > 50:
            raise RuntimeError("too much", filled)
    return filled


CALLS = {
    "life": [
        "([[0, 1, 0, 0], [0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]], 3)",
        "([[1, 1], [True, 0]], 2)",
        "([[]], 1)",
        "(['ab', 'cd'], 1)",
    ],
    "multiply": [
        "([[1, 2], [3, 4]], [[5, 6], [7, 8]])",
        "([[1.5, 2]], [[1 << 40], [1 << 40]])",
        "([[1 << 40]], [[1 << 40, 2]])",
        "([[1, 2]], [[1], ['x']])",
        "([[True]], [[2.5, -0.0]])",
        "([(1, 2)], ((1,), (2,)))",
        "([[1]], [])",
    ],
    "paths": [
        "([[1, 3, 1], [1, 5, 1], [4, 2, 1]],)",
        "([[1.5, 2], [0.5, 1]],)",
        "([[1, 2], [3]],)",
        "([['a', 'b'], ['c', 'd']],)",
    ],
    "flood": [
        "([[1, 1, 0], [1, 0, 0], [1, 1, 1]], 0, 0, 7)",
        "([[1, 1]], 0, 0, 1)",
        "([['a', 'a'], ['b', 'a']], 0, 1, 'z')",
        "([[0.0, -0.0, False]], 0, 0, 2)",
        "([(1, 1)], 0, 0, 2)",
    ],
}

# == dynamic


def knapsack(weights, values, capacity):
    best = [0] * (capacity + 1)
    for weight, value in zip(weights, values, strict=False):
        for room in range(capacity, weight - 1, -1):
            candidate = best[room - weight] + value
            if candidate > best[room]:
                best[room] = candidate
    return best[capacity], best


def edit_distance(a, b):
    previous = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        current = [i]
        for j, y in enumerate(b, 1):
            cost = previous[j - 1] + (x != y)
            current.append(min(cost, previous[j] + 1, current[-1] + 1))
        previous = current
    return previous[-1]


def longest_increasing(values):
    tails = []
    for value in values:
        low, high = 0, len(tails)
        while low < high:
            middle = (low + high) >> 1
            if tails[middle] < value:
                low = middle + 1
            else:
                high = middle
        if low == len(tails):
            tails.append(value)
        else:
            tails[low] = value
    return len(tails), tails


memory = {}


def ways(coins, amount):
    key = (tuple(coins), amount)
    if key in memory:
        return memory[key]
    if amount == 0:
        result = 1
    elif amount < 0 or not coins:
        result = 0
    else:
        result = ways(coins, amount - coins[0]) + ways(coins[1:], amount)
    memory[key] = result
    return result


CALLS = {
    "knapsack": [
        "([1, 3, 4], [15, 20, 30], 6)",
        "([1, 2], [0.5, 0.75], 4)",
        "([], [], 0)",
        "([2.0], [1], 5)",
        "([-1, 2], [5, 6], 4)",
        "([0], [1 << 62], 3)",
    ],
    "edit_distance": [
        "('kitten', 'sitting')",
        "('', 'abc')",
        "([1, 2, 3], (1, 2.0, True))",
        "('abc', 5)",
        "(b'abc', 'abc')",
    ],
    "longest_increasing": [
        "([3, 1, 4, 1, 5, 9, 2, 6],)",
        "([0.5, 2, 1.5],)",
        "('hello',)",
        "([1, 'a'],)",
        "([float('nan')] * 3,)",
    ],
    "ways": ["([1, 2, 5], 11)", "([], 0)", "([2], 3)", "((5, 1), 8)", "([0.5], 2)"],
}

# == queues


def round_robin(jobs, quantum):
    queue = deque(jobs)
    time = 0
    finished = []
    while queue:
        name, left = queue.popleft()
        used = min(quantum, left)
        time += used
        left -= used
        if left > 0:
            queue.append((name, left))
        else:
            finished.append((name, time))
        if time > 1000:
            queue.clear()
    return finished


def window_sums(values, width):
    window = deque(maxlen=width)
    total = 0
    sums = []
    for value in values:
        if len(window) == width:
            total -= window[0]
        window.append(value)
        total += value
        if len(window) == width:
            sums.append(total)
    window.rotate(1)
    return sums, list(window), window.maxlen


def running_medians(values):
    low, high = [], []
    medians = []
    for value in values:
        heapq.heappush(low, -heapq.heappushpop(high, value))
        if len(low) > len(high):
            heapq.heappush(high, -heapq.heappop(low))
        medians.append(high[0] if len(high) > len(low) else (high[0] - low[0]) / 2)
    return medians, heapq.nlargest(2, high), low


class Lru:
    def __init__(self, size):
        self.size = size
        self.items = OrderedDict()
        self.hits = 0

    def get(self, key):
        if key not in self.items:
            return None
        self.items.move_to_end(key)
        self.hits += 1
        return self.items[key]

    def put(self, key, value):
        self.items[key] = value
        self.items.move_to_end(key)
        if len(self.items) > self.size:
            self.items.popitem(last=False)


def caching(size, keys):
    cache = Lru(size)
    for number, key in enumerate(keys):
        if cache.get(key) is None:
            cache.put(key, number)
    return cache.hits, list(cache.items.items())


CALLS = {
    "round_robin": [
        "([('a', 5), ('b', 3)], 2)",
        "([('a', 1.5)], 0.5)",
        "([('a', 5)], 0.01)",
        "([('a',)], 1)",
        "([], 1)",
    ],
    "window_sums": ["([1, 2, 3, 4, 5], 3)", "([0.1, 0.2, 0.3], 2)", "([], 0)", "('abc', 2)", "([1, 2.5, True], 1)"],
    "running_medians": ["([5, 2, 8, 1, 9],)", "([1.5, -2, 3],)", "(['a', 'b'],)", "([],)", "([True, 1 << 70, 2],)"],
    "caching": ["(2, 'abacab')", "(0, [1, 2])", "(3, [1, 1.0, True])", "(1, [[1]])"],
}

# == changing


def grows(values, limit):
    for value in values:
        if len(values) < limit:
            values.append(value * 2)
    return values


def shrinks(values):
    kept = 0
    for value in values:
        if value % 2 == 0:
            values.remove(value)
        else:
            kept += 1
    return kept, values


def drops(table):
    for key in table:
        if table[key] is None:
            del table[key]
    return table


def rewrites(table):
    total = 0
    for key, value in table.items():
        table[key] = value + 1
        total += value
        if total > 10:
            table[f"new {key}"] = total
    return total


def chases(items):
    seen = set()
    for item in items:
        if item in seen:
            items.discard(item)
        seen |= {item, item + 1}
        if len(seen) > 4:
            items.add(item + 100)
    return seen


def aliases(n):
    row = [0] * n
    rows = [row] * n
    rows.append(rows[0][:])
    for i in range(n):
        rows[i][i] += i + 1
        rows[-1][i] = rows[i]
    row[0] = rows[-1]
    return rows, row


CALLS = {
    "grows": ["([1, 2], 9)", "(['a'], 5)", "([0.5, 3], 4)", "([], 3)", "([[1], 2], 6)"],
    "shrinks": ["([1, 2, 2, 4, 5, 6],)", "([2.0, 4.0, 1.0],)", "(['a'],)", "([0, 0, 0],)"],
    "drops": ["({1: 2, 3: None, 4: 5},)", "({},)", "({'a': None},)", "([1, None],)"],
    "rewrites": ["({'a': 1, 'b': 2},)", "({'a': 9, 'b': 2},)", "({1: 0.5, 2: 20.0, 3: 1},)", "({'x': 'y'},)"],
    "chases": ["({1, 2},)", "({5, 9, 13},)", "({1.5},)", "({'a'},)", "(set(),)"],
    "aliases": ["(3,)", "(1,)", "(0,)", "(5,)"],
}
