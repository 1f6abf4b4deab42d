"""Programs with NumPy arrays and buffers."""

from __future__ import annotations

from array import array  # noqa: F401

import numpy as np

LOG: list = []

# == stencils


def heat(field, steps, rate):
    rows, columns = field.shape
    for _ in range(steps):
        fresh = field.copy()
        for r in range(1, rows - 1):
            for c in range(1, columns - 1):
                around = field[r - 1, c] + field[r + 1, c] + field[r, c - 1] + field[r, c + 1]
                fresh[r, c] = field[r, c] + rate * (around - 4 * field[r, c])
        field = fresh
    return field


def smoothed(values, width):
    result = np.zeros(len(values))
    for i in range(len(values)):
        total = 0.0
        count = 0
        for j in range(max(0, i - width), min(len(values), i + width + 1)):
            total += values[j]
            count += 1
        result[i] = total / count
    return result


def integral(image):
    total = np.zeros((image.shape[0] + 1, image.shape[1] + 1), dtype=image.dtype)
    for r in range(image.shape[0]):
        row = 0
        for c in range(image.shape[1]):
            row += image[r, c]
            total[r + 1, c + 1] = total[r, c + 1] + row
    return total


ARRAYS_2D = [
    "np.arange(12.0).reshape(3, 4)",
    "np.arange(20).reshape(4, 5)",
    "np.ones((4, 4), dtype=np.float32)",
    "np.asfortranarray(np.arange(12.0).reshape(4, 3))",
    "np.arange(40.0).reshape(5, 8)[::2, ::-2]",
    "np.array([[1, 250], [255, 3]], dtype=np.uint8)",
    "np.arange(9.0).astype('>f8').reshape(3, 3)",
    "np.zeros((0, 3))",
    "np.array([[1, 2.5], ['a', None]], dtype=object)",
    "np.array([[np.nan, np.inf], [-0.0, 1e300]])",
    "[[1, 2], [3, 4]]",
]
CALLS = {
    "heat": [f"({text}, 2, 0.1)" for text in ARRAYS_2D],
    "integral": [f"({text},)" for text in ARRAYS_2D],
    "smoothed": [
        "(np.arange(6.0), 1)",
        "(np.array([1, 2, 3]), 2)",
        "([1.5, 2], 1)",
        "(array('d', [1, 2, 3]), 1)",
        "(np.array([True, False]), 0)",
        "(np.arange(3.0), -1)",
        "(b'abc', 1)",
    ],
}

# == tables


def histogram(values, bins):
    counts = np.zeros(bins, dtype=np.int64)
    low = high = values[0]
    for value in values:
        if value < low:
            low = value
        if value > high:
            high = value
    step = (high - low) / bins
    for value in values:
        place = int((value - low) / step) if step else 0
        if place == bins:
            place -= 1
        counts[place] += 1
    return counts, low, high, step


def cumulative(values):
    total = values[0] * 0
    for i in range(len(values)):
        total += values[i]
        values[i] = total
    return values, total


def correlation(x, y):
    n = x.size
    mean_x = mean_y = 0.0
    for i in range(n):
        mean_x += x[i] / n
        mean_y += y[i] / n
    upper = lower_x = lower_y = 0.0
    for a, b in zip(x, y, strict=False):
        upper += (a - mean_x) * (b - mean_y)
        lower_x += (a - mean_x) ** 2
        lower_y += (b - mean_y) ** 2
    return upper / (lower_x * lower_y) ** 0.5


def solved(a, b):
    n = len(b)
    for i in range(n):
        pivot = i
        for r in range(i + 1, n):
            if abs(a[r, i]) > abs(a[pivot, i]):
                pivot = r
        if a[pivot, i] == 0:
            raise ZeroDivisionError(i)
        if pivot != i:
            for c in range(n):
                a[i, c], a[pivot, c] = a[pivot, c], a[i, c]
            b[i], b[pivot] = b[pivot], b[i]
        for r in range(i + 1, n):
            by = a[r, i] / a[i, i]
            for c in range(i, n):
                a[r, c] -= by * a[i, c]
            b[r] -= by * b[i]
    x = np.zeros(n)
    for i in reversed(range(n)):
        total = b[i]
        for c in range(i + 1, n):
            total -= a[i, c] * x[c]
        x[i] = total / a[i, i]
    return x


ARRAYS_1D = [
    "np.array([3.0, 1.0, 2.0, 5.5])",
    "np.array([3, 1, 2, 5])",
    "np.array([200, 100, 255], dtype=np.uint8)",
    "np.array([1.5, 2.5], dtype=np.float32)",
    "np.arange(10)[::-3]",
    "np.array([], dtype=float)",
    "np.array([2**62, 2**62, 5])",
    "np.array([2**63, 1], dtype=np.uint64)",
    "np.array([True, False, True])",
    "np.array([1, 'a', 2.5], dtype=object)",
    "np.array([np.nan, 1.0])",
    "np.array([1 + 2j, 3])",
    "array('d', [1.0, 2.0, 4.0])",
    "array('i', [2**31 - 1, 1])",
    "bytearray(b'\\x00\\xff\\x10')",
    "memoryview(bytearray(b'abc'))",
    "[1, 2.5, True]",
    "np.array(5)",
]
CALLS = {
    "histogram": [f"({text}, 3)" for text in ARRAYS_1D],
    "cumulative": [f"({text},)" for text in ARRAYS_1D],
    "correlation": [
        "(np.arange(4.0), np.array([1.0, 3.0, 2.0, 5.0]))",
        "(np.arange(3), np.ones(3))",
        "(np.ones(2, dtype=np.float32), np.arange(2.0))",
        "(np.arange(3), [1, 2])",
    ],
    "solved": [
        "(np.array([[2.0, 1.0], [1.0, 3.0]]), np.array([3.0, 5.0]))",
        "(np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([3.0, 5.0]))",
        "(np.array([[1.0, 2.0], [2.0, 4.0]]), np.array([1.0, 2.0]))",
        "(np.array([[2, 1], [1, 3]]), np.array([3, 5]))",
        "(np.array([[2.0, 1.0], [1.0, 3.0]]), [3, 5])",
        "(np.array([[0.0, 0.0], [0.0, 0.0]]), np.array([1.0, 1.0]))",
    ],
}

# == masks


def thresholded(image, limit):
    mask = np.zeros(image.shape, dtype=bool)
    count = 0
    for r in range(len(image)):
        for c, value in enumerate(image[r]):
            if value > limit:
                mask[r, c] = True
                count += 1
                image[r][c] = limit
    return mask, count, image


def labelled(mask):
    labels = np.zeros(mask.shape, dtype=np.int32)
    label = 0
    for r in range(mask.shape[0]):
        for c in range(mask.shape[1]):
            if not mask[r, c] or labels[r, c]:
                continue
            label += 1
            stack = [(r, c)]
            while stack:
                y, x = stack.pop()
                if y < 0 or x < 0 or y >= mask.shape[0] or x >= mask.shape[1]:
                    continue
                if not mask[y, x] or labels[y, x]:
                    continue
                labels[y, x] = label
                stack.extend([(y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)])
    return labels, label


def scanned(data, wanted):
    count = 0
    last = -1
    for place, byte in enumerate(data):
        if byte == wanted:
            count += 1
            last = place
        elif byte > 250:
            data[place] = wanted
    return count, last, len(data), data


CALLS = {
    "thresholded": [f"({text}, 3)" for text in ARRAYS_2D]
    + ["(np.arange(6.0).reshape(2, 3), 2.5)", "(np.arange(4, dtype=np.int8).reshape(2, 2), 300)"],
    "labelled": [
        "(np.array([[1, 1, 0], [0, 0, 1]], dtype=bool),)",
        "(np.array([[1, 0, 2]]),)",
        "(np.zeros((2, 0)),)",
        "(np.array([[0.5, -0.0]]),)",
    ],
    "scanned": [
        "(bytearray(b'hello\\xff'), 108)",
        "(b'hello\\xff', 108)",
        "(array('B', [1, 255, 1]), 1)",
        "(memoryview(b'aba'), 97)",
        "(np.array([1, 300, 1]), 1)",
        "('abc', 'b')",
        "([1, 2.5, 999], 1)",
    ],
}

# == views


def shifted(values, by):
    view = values[1:]
    for i in range(len(view)):
        view[i] = values[i] + by
        values[i] = view[-1] - i
    return values, view


def resized(values, turns):
    total = 0.0
    for turn in range(turns):
        if turn == 3:
            values = values.reshape(-1)[:2]
        elif turn == 5:
            values = np.append(values, turn)
        elif turn == 7:
            values = values.tolist()
        for value in values:
            total += value
    return total, values


def powers(values, exponent):
    results = []
    for value in values:
        results.append(value**exponent)
        results.append(value // 2)
        results.append(value % 3)
        results.append(-value)
        results.append(value > 2)
        results.append(abs(value) * True)
    return results, sum(values), max(values)


CALLS = {
    "shifted": [f"({text}, 1)" for text in ARRAYS_1D],
    "resized": ["(np.arange(4.0), 9)", "(np.arange(4), 6)", "(np.arange(6.0).reshape(2, 3), 4)", "([1.0], 3)"],
    "powers": [f"({text}, 2)" for text in ARRAYS_1D] + ["(np.array([2.0, -1.5]), 0.5)", "(np.array([2, 3]), -1)"],
}
