"""Programs with text and bytes."""

from __future__ import annotations

import re
import string

LOG: list = []

# == parsing


def tokens(text):
    found = []
    i = 0
    while i < len(text):
        character = text[i]
        if character.isspace():
            i += 1
            continue
        if character.isdigit():
            start = i
            while i < len(text) and (text[i].isdigit() or text[i] == "."):
                i += 1
            number = text[start:i]
            found.append(float(number) if "." in number else int(number))
            continue
        if character.isalpha():
            name = ""
            while i < len(text) and text[i].isalnum():
                name += text[i]
                i += 1
            found.append(name)
            continue
        if character not in "+-*/()":
            raise SyntaxError(f"unexpected {character!r} at {i}")
        found.append(character)
        i += 1
    return found


class Parser:
    def __init__(self, text, names):
        self.tokens = tokens(text)
        self.at = 0
        self.names = names

    def peek(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def take(self):
        token = self.peek()
        self.at += 1
        return token

    def atom(self):
        token = self.take()
        if token == "(":
            value = self.sum()
            if self.take() != ")":
                raise SyntaxError("no end of brackets")
            return value
        if token == "-":
            return -self.atom()
        if isinstance(token, str):
            return self.names[token]
        return token

    def product(self):
        value = self.atom()
        while self.peek() in ("*", "/"):
            if self.take() == "*":
                value *= self.atom()
            else:
                value /= self.atom()
        return value

    def sum(self):
        value = self.product()
        while (sign := self.peek()) in ("+", "-"):
            self.take()
            other = self.product()
            value = value + other if sign == "+" else value - other
        return value


def calculate(text, names):
    parser = Parser(text, names)
    value = parser.sum()
    if parser.peek() is not None:
        return "rest", parser.tokens[parser.at :], value
    return value


EXPRESSIONS = [
    "('1 + 2 * (3 - x)', {'x': 5})",
    "('2.5 * -4 / y', {'y': 0.5})",
    "('7 / 0', {})",
    "('a + b', {'a': 'x', 'b': 'y'})",
    "('(1', {})",
    "('z', {})",
    "('9999999999 * 9999999999 - 1', {})",
    "('1 $ 2', {})",
    "('1 2', {})",
    "('', {})",
]
CALLS = {
    "tokens": ["('12 + ab3*(4.5)',)", "('1.2.3',)", "('',)", "('\\u0663 + \\u00e9',)", "(b'1 + 2',)", "(['1', 'a'],)"],
    "calculate": EXPRESSIONS,
}

# == ciphers


def caesar(text, by):
    result = []
    for character in text:
        if "a" <= character <= "z":
            result.append(chr((ord(character) - 97 + by) % 26 + 97))
        elif character.isupper() and character.isascii():
            result.append(chr((ord(character) - 65 + by) % 26 + 65))
        else:
            result.append(character)
    return "".join(result)


def vigenere(text, key):
    out = ""
    k = 0
    for c in text:
        if c in string.ascii_lowercase:
            out += string.ascii_lowercase[(string.ascii_lowercase.index(c) + ord(key[k % len(key)])) % 26]
            k += 1
        else:
            out += c
    return out, k


def run_lengths(text):
    if not text:
        return ""
    parts = []
    last, count = text[0], 1
    for c in text[1:]:
        if c == last:
            count += 1
        else:
            parts.append(f"{last}{count if count > 1 else ''}")
            last, count = c, 1
    parts.append(f"{last}{count if count > 1 else ''}")
    return "".join(parts)


def checksum(data):
    a, b = 1, 0
    for byte in data:
        a = (a + byte) % 65521
        b = (b + a) % 65521
    return (b << 16) | a


TEXTS = [
    "('Hello, World!', 3)",
    "('abc xyz', -30)",
    "('', 1)",
    "('\\u00dcber \\U0001f600 zz', 1 << 64)",
    "('abc', 1.5)",
    "(['a', 'B', '!'], 2)",
    "(b'abc', 1)",
]
CALLS = {
    "caesar": TEXTS,
    "vigenere": [
        "('attack at dawn', 'lemon')",
        "('abc', '')",
        "('ABC', 'k')",
        "('aa', ['k', 'l'])",
        "(['a', 'bc'], 'x')",
    ],
    "run_lengths": ["('aaabccd',)", "('',)", "('\\u00e9\\u00e9x',)", "([1, 1, 2],)", "(b'aab',)"],
    "checksum": [
        "(b'hello',)",
        "(bytearray(b'\\xff' * 50),)",
        "([1, -2, 1 << 70],)",
        "('abc',)",
        "(memoryview(b'xyz'),)",
    ],
}

# == records


def read_table(text):
    lines = text.splitlines()
    header = lines[0].split(",")
    rows = []
    for number, line in enumerate(lines[1:], start=2):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        fields = line.split(",")
        if len(fields) != len(header):
            raise ValueError(f"line {number}: {len(fields)} fields")
        row = {}
        for name, value in zip(header, fields, strict=True):
            try:
                row[name] = int(value)
            except ValueError:
                try:
                    row[name] = float(value)
                except ValueError:
                    row[name] = value.strip('"')
        rows.append(row)
    return rows


def totals(text, column):
    found = {}
    for row in read_table(text):
        key = row.get(column, "?")
        for name, value in row.items():
            if isinstance(value, (int, float)) and name != column:
                found[key, name] = found.get((key, name), 0) + value
    for (key, name), value in sorted(found.items(), key=repr):
        print(f"{key!s:>5} {name:<5}|{value:8.2f}|{value!r}")
    return found


TABLES = [
    "('a,b,c\\n1,2,x\\n3,4.5,y\\n\\n# no\\n5,6,x', 'c')",
    "('a\\n1\\n99999999999999999999\\n', 'z')",
    "('a,b\\n1', 'a')",
    "('', 'a')",
    "('a,b\\n nan,\\u0661\\n1e400,-0', 'b')",
    "(b'a,b', 'a')",
]
CALLS = {"totals": TABLES}

# == templates


def rendered(template, values):
    parts = []
    rest = template
    while rest:
        start = rest.find("{{")
        if start < 0:
            parts.append(rest)
            break
        parts.append(rest[:start])
        end = rest.find("}}", start)
        if end < 0:
            raise ValueError("unclosed", start)
        name, _, form = rest[start + 2 : end].partition(":")
        parts.append(format(values[name.strip()], form))
        rest = rest[end + 2 :]
    return "".join(parts)


def wrapped(text, width):
    lines = []
    line = ""
    for word in text.split():
        if len(line) + len(word) + bool(line) > width:
            if line:
                lines.append(line)
            line = word
        else:
            line += " " * bool(line) + word
    lines.append(line)
    return "\n".join(line.rjust(width, ".") for line in lines)


def palindromes(text):
    best = ""
    for centre in range(len(text)):
        for width in (0, 1):
            low, high = centre, centre + width
            while low >= 0 and high < len(text) and text[low] == text[high]:
                low -= 1
                high += 1
            if high - low - 1 > len(best):
                best = text[low + 1 : high]
    return best, best == best[::-1]


def replaced(text, pattern):
    count = 0

    def change(match):
        nonlocal count
        count += 1
        return f"<{match.group(0).upper()}{count}>"

    result = re.sub(pattern, change, text)
    return result, count, result.count("<") == count


CALLS = {
    "rendered": [
        "('a{{x}}b{{ y :.2f}}', {'x': 1, 'y': 2.5})",
        "('{{x', {})",
        "('{{z}}', {})",
        "('{{x:d}}', {'x': 'a'})",
        "('', None)",
        "('plain', None)",
    ],
    "wrapped": [
        "('the quick brown fox jumps', 10)",
        "('', 5)",
        "('a bb ccc', 1)",
        "('\\u00e9 \\u20ac', 3)",
        "('a b', 2.5)",
    ],
    "palindromes": ["('abacabad',)", "('',)", "('\\u00e9a\\u00e9',)", "([1, 2, 1],)", "(b'abba',)"],
    "replaced": ["('a1b22', '[0-9]+')", "('aaa', 'a*')", "('x', '(')", "(b'x', b'x')"],
}

# == letters


def frequencies(text):
    counts = [0] * 26
    others = {}
    for character in text:
        place = ord(character.lower()) - ord("a")
        if 0 <= place < 26:
            counts[place] += 1
        else:
            others[character] = others.get(character, 0) + 1
    return counts, others, max(others, key=others.get, default="")


def is_anagram(first, second):
    table = {}
    for c in first:
        table[c] = table.get(c, 0) + 1
    for c in second:
        if c not in table:
            return False
        table[c] -= 1
        if table[c] == 0:
            del table[c]
    return not table


def to_number(text, base):
    value = 0
    sign = 1
    for position, c in enumerate(text):
        if position == 0 and c in "+-":
            sign = -1 if c == "-" else 1
            continue
        digit = "0123456789abcdefghijklmnopqrstuvwxyz".find(c.lower())
        if digit < 0 or digit >= base:
            raise ValueError(f"{c!r} at {position} of {text!r}")
        value = value * base + digit
    return sign * value


def to_text(value, base):
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    value = abs(value)
    digits = ""
    while value:
        value, digit = divmod(value, base)
        digits = "0123456789abcdef"[digit] + digits
    return sign + digits


CALLS = {
    "frequencies": ["('Hello World',)", "('',)", "('\\u0130\\u00df',)", "(['a', 'bc'],)", "('!!?',)"],
    "is_anagram": ["('listen', 'silent')", "('', '')", "('a', 'b')", "([1, 2], (2.0, True))", "('ab', 'abb')"],
    "to_number": [
        "('ff', 16)",
        "('-1010', 2)",
        "('zzzzzzzzzzzzzzzz', 36)",
        "('12', 1)",
        "('', 10)",
        "('12', 2.5)",
        "(['1', '2'], 10)",
    ],
    "to_text": ["(255, 16)", "(-10, 2)", "(0, 5)", "(1 << 100, 7)", "(5, 1.5)", "(2.0, 2)", "(True, 2)", "(9, 0)"],
}

# == states


class Machine:
    def __init__(self, code):
        self.code = code
        self.stack = []
        self.at = 0
        self.steps = 0

    def push(self, value):
        self.stack.append(value)

    def pop(self):
        return self.stack.pop()

    def step(self):
        name, value = self.code[self.at]
        self.at += 1
        self.steps += 1
        if name == "push":
            self.push(value)
        elif name == "add":
            self.push(self.pop() + self.pop())
        elif name == "mul":
            self.push(self.pop() * self.pop())
        elif name == "jump":
            if self.pop():
                self.at = value
        elif name == "dup":
            self.push(self.stack[-1])
        else:
            return False
        return True

    def run(self, most):
        while self.at < len(self.code) and self.step():
            if self.steps > most:
                raise TimeoutError(self.at, self.stack)
        return self.stack


def executed(code, most):
    machine = Machine(code)
    try:
        return machine.run(most), machine.steps
    except IndexError:
        return "empty", machine.at


CALLS = {
    "executed": [
        "([('push', 5), ('dup', 0), ('push', -1), ('add', 0), ('dup', 0), ('jump', 1), ('end', 0)], 100)",
        "([('push', 3), ('dup', 0), ('mul', 0), ('push', 1), ('jump', 1)], 60)",
        "([('push', 1.5), ('push', True), ('add', 0)], 9)",
        "([('add', 0)], 9)",
        "([('push', 'a'), ('push', 3), ('mul', 0), ('push', []), ('add', 1)], 9)",
        "([('push',)], 1)",
    ]
}
