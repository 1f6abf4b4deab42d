"""The classes and helper functions of programs: a program gets those that it names, each with some of its parts.

A line that begins with `?` is left out of some programs; a run of lines that begin with `?` and are indented more belongs to the first.
Classes that stand for one another (`A`, `B`, `C`) have `x`, `y`, `items`, `name`, `value`, `step`, `add` and `twin`, in different ways.
"""

from __future__ import annotations

OBJECTS = {
    "plain": """
class <C><|(Base)>:
    count = 0
?    __slots__ = ("x", "y", "items", "name", "extra")
    def __init__(self, x, name="n"):
?        type(self).count += 1
?        super().__init__()
        self.x = x
        self.y = <x|0.5|1.5|x * 0.5>
        self.items = [x, 2]
        self.name = name
    @property
    def value(self):
?        LOG.append("value")
        return self.x + <1|2|0.5>
    def step(self, k=1):
?        if k == <3|0>:
?            raise ValueError(k)
        self.x <+|-|^>= k
        return <self.x|k|self.value|self.add(k)>
    def add(self, other):
        return self.x + other
    def __repr__(self):
        return f"<C>({self.x})"
    def __hash__(self):
        return <7|hash(self.name)>
    def twin(self):
        return type(self)(self.x)
?    def __eq__(self, other):
?        LOG.append("eq")
?        return self.x == other.x
?    def __lt__(self, other):
?        return self.x < other.x
?    def __bool__(self):
?        return self.x != 0
?    def __len__(self):
?        return len(self.items)
?    def __getattr__(self, attribute):
?        LOG.append("missing " + attribute)
?        raise AttributeError(attribute)
?    def __setattr__(self, attribute, value):
?        LOG.append("set " + attribute)
?        object.__setattr__(self, attribute, value)
?    def __add__(self, other):
?        return <NotImplemented|self.x|self>
""",
    "slots": """
class <C>:
    __slots__ = ("x", "y", "items", "name")
    def __init__(self, x, name="s"):
        self.x = x
        self.y = 2.5
        self.items = [1, x]
?        self.name = name
    value = property(lambda self: self.x * 2)
    def step(self, k=1):
        self.x += k
        return self.x
    def add(self, other):
        return other - self.x
    def __repr__(self):
        return f"<C>({self.x})"
    def __hash__(self):
        return <7|hash(self.name)>
    def twin(self):
        return <C>(self.x + 1)
""",
    "dataclass": """
@dataclass<|(slots=True)|(order=True)|(frozen=True)|(eq=False)>
class <C>:
    x: int
    name: str = "d"
    y: float = 1.0
    items: list = field(default_factory=lambda: [1, 2, 3])
    @property
    def value(self):
        return self.y + self.x
    def step(self, k=1):
?        self.x += k
        return self.x + k
    def add(self, other):
        return self.x ^ other
    def __repr__(self):
        return f"<C>({self.x})"
    def __hash__(self):
        return <7|hash(self.name)>
    def twin(self):
        return replace(self, x=self.x)
""",
    "dynamic": """
class <C>:
    y = 0.25
    name = "dynamic"
    def __init__(self, x, name=None):
        self.__dict__["x"] = x
        self.items = []
    def __getattr__(self, attribute):
        LOG.append("get " + attribute)
        if attribute == "value":
            return 7
        raise AttributeError(attribute)
    @classmethod
    def step(cls, k=1):
        return k + 1
    @staticmethod
    def add(other):
        return other
    def __repr__(self):
        return f"<C>({self.x})"
    def __hash__(self):
        return <7|hash(self.name)>
    def twin(self):
        return self
""",
    "descriptor": """
class Field<C>:
    __repr__ = lambda self: "field"
    def __get__(self, instance, owner):
        LOG.append("read")
        return self if instance is None else instance.kept
    def __set__(self, instance, value):
        LOG.append("write")
        instance.kept = value
class <C>:
    x = Field<C>()
    def __init__(self, x, name="f"):
        self.x, self.y, self.items, self.name = x, x, [x] * 3, name
    value = 3
    def step(self, k=1):
        self.x = self.x + k
        return self.x
    def add(self, other=1):
        self.items.append(other)
        return len(self.items)
    def __repr__(self):
        return f"<C>({self.x})"
    def __hash__(self):
        return <7|hash(self.name)>
    def twin(self):
        return <C>(self.x, self.name)
""",
    "heir": """
class Parent<C>:
    count = 1
    def __init__(self, x, name="p"):
        self.x, self.name, self.items, self.y = x, name, [3], 0.5
    def step(self, k=1):
        return self.x + k
    def add(self, other):
        return self.step(other)
    @property
    def value(self):
        return self.step()
    def __repr__(self):
        return f"<C>({self.x})"
    def __hash__(self):
        return <7|hash(self.name)>
    def twin(self):
        return self.__class__(self.x)
class <C>(Parent<C>):
?    def __init__(self, x, name="c"):
?        <super().__init__(x, name)|super(<C>, self).__init__(x, name=name)|super().__init__(x + 1)>
?    @classmethod
?    def count_all(cls, k=1):
?        return cls.count + k
    def step(self, k=1):
        found = super().step(k)
        self.x <+|-|^>= <1|k>
        return found
?    def __del__(self):
?        LOG.append("del <C>")
""",
}
"""Classes of instances that stand for one another; `<C>` is the name."""

LIBRARY = {
    "LOG": "LOG = []\n",
    "LIMIT": "LIMIT = <3|10|2 ** 40|-1>\n",
    "FACTOR": "FACTOR = <2|3|-1|0|0.5|True>\n",
    "SCALE": "SCALE = <0.5|2|1e300|-0.0>\n",
    "TOTALS": "TOTALS = [0, <0|1.5|2 ** 62>, 3]\n",
    "SEEN": "SEEN = {}\n",
    "WATCHED": "WATCHED = []\n",
    "note": "def note(value):\n    LOG.append(value)\n    return value\n",
    "plus": "def plus(a):\n    return a <+|-|*|^> <1|2|LIMIT|FACTOR>\n",
    "checked": """
def checked(a):
    if a < 0:
        raise ValueError(f"below zero: {a}")
    return a <//|%> 3
""",
    "looped": """
def looped(a):
    total = 0
    for i in range(<3|4>):
        total += a * i
?        if total > LIMIT:
?            return total
    return total
""",
    "effects": "def effects(a):\n    TOTALS[0] += 1\n    LOG.append(TOTALS[0])\n    return a\n",
    "tries": "def tries(a):\n    try:\n        return <10 // a|int(a)|[1, 2, 3][a]>\n    except <ZeroDivisionError|IndexError|Exception>:\n        return -1\n",
    "with_defaults": "def with_defaults(a, b=<2|LIMIT|[1]|None>, *, k=<3|0.5|7>):\n    return a + (b if isinstance(b, int) else 1) <*|-> k\n",
    "variadic": "def variadic(*numbers, name=<0|1>, **rest):\n    return sum(numbers) + name + len(rest)\n",
    "recursive": "def recursive(n, seen=0):\n    if not 0 < n < 20:\n        return seen\n    return recursive(n - 1, seen + n) <+|-> <1|n>\n",
    "endless": "def endless(n):\n    return endless(n + 1)\n",
    "makes_list": "def makes_list(xs):\n    found = []\n    for x in xs:\n        if x <|% 2 >:\n            found.append(x)\n    return found\n",
    "keeps_list": "def keeps_list(xs, kept=[]):\n    if len(kept) < 5:\n        kept.append(len(xs))\n    return <xs|kept|list(kept)>\n",
    "produce": """
def produce(n):
    try:
        for i in range(n):
?            LOG.append(i)
?            if i == <2|3>:
?                raise <ValueError|KeyError>(i)
            yield i <|* 2|- 1|* FACTOR>
    finally:
        LOG.append("closed")
""",
    "make_adder": "def make_adder(by):\n    calls = 0\n    def adder(a):\n        nonlocal calls\n        calls += 1\n        return a + by <+|*> calls\n    return adder\n",
    "grows": "def grows(xs):\n    if len(xs) < 15:\n        xs.<append(1)|insert(0, 2)|extend(xs[:2])>\n",
    "shrinks": "def shrinks(xs):\n    <del xs[-1:]|xs.clear()|xs[:] = xs[:2]|xs.pop()>\n",
    "rebind": "def rebind(value):\n    global LIMIT, FACTOR\n    <LIMIT|FACTOR> = value\n?    FACTOR = LIMIT\n",
    "trace_on": "def trace_on():\n    sys.settrace(lambda frame, event, argument: None)\n",
    "profile_on": "def profile_on():\n    sys.setprofile(lambda frame, event, argument: None)\n",
    "trace_off": "def trace_off():\n    sys.settrace(None)\n    sys.setprofile(None)\n",
    "warn": "def warn(text):\n    warnings.warn(text, <UserWarning|RuntimeWarning>, stacklevel=<1|2>)\n",
    "rising": "def rising(n, by=1):\n    i = 0\n    while i < n:\n        yield <i * by|i + by|str(i)[0]|by|caller_name()>\n        i += <1|by|0.5|1>\n"
    "        if i > 30:\n            <return|raise ValueError(i)|break>\n",
    "filtered": "def filtered(values):\n    for each in values:\n        <if each: yield each|yield each|yield each; note(each)>\n",
    "closing": "def closing(values):\n    try:\n        for each in values:\n            yield each\n    <finally|except ValueError>:\n        note('closed')\n",
    "caller_line": "def caller_line():\n    return sys._getframe(1).f_lineno <|% 7>\n",
    "caller_name": "def caller_name():\n    return <sys._getframe(1).f_code.co_name|traceback.extract_stack()[-2].name|traceback.extract_stack()[-2].line>\n",
    "Pair": "Pair = namedtuple('Pair', 'left right')\n",
    "Base": "class Base:\n?    def __init__(self, *given):\n?        LOG.append('base')\n    kept = 1\n",
    "Tracked": """
class Tracked:
    def __init__(self, x, name="t"):
        WATCHED.append(weakref.ref(self))
        self.x, self.y, self.items, self.name = x, 1.0, [x], name
    value = count = 1
    def step(self, k=1):
        return self.x + k
    add = step
    def __repr__(self):
        return "tracked"
    def __hash__(self):
        return 3
    def twin(self):
        return Tracked(self.x)
    def __del__(self):
        LOG.append(("del", self.x))
""",
    "Manager": """
class Manager:
    __hash__ = lambda self: 2
    __repr__ = lambda self: "manager"
    def __init__(self, number, swallows):
        self.number, self.swallows = number, swallows
    def __enter__(self):
        LOG.append("enter")
        return <self|self.number|[self.number]>
    def __exit__(self, kind, error, trace):
        LOG.append(("exit", kind.__name__ if kind else None))
?        if self.number == 3:
?            raise KeyError("from exit")
        return self.swallows
""",
    "Walk": """
class Walk:
    __hash__ = lambda self: 2
    __repr__ = lambda self: "walk"
    def __init__(self, n):
        self.left = n
    def __iter__(self):
        return self
    def __next__(self):
        LOG.append("next")
        if self.left <= 0:
            raise StopIteration
        self.left -= 1
?        if self.left == 1:
?            raise ValueError("in the middle")
        return self.left
?    def __length_hint__(self):
?        return <2|-1|100>
""",
    "Index": """
class Index:
    __hash__ = lambda self: 5
    __repr__ = lambda self: "index"
    def __init__(self, number, target=None):
        self.number, self.target = number, target
    def __index__(self):
        LOG.append("index")
?        if type(self.target) is list and len(self.target) < 9:
?            self.target.<clear()|append(8)|pop()>
?        if self.number == 1:
?            raise <ValueError|IndexError>("from index")
        return self.number
?    def __lt__(self, other):
?        LOG.append("lt")
?        return True
?    def __add__(self, other):
?        return self.number + other
""",
    "Mutator": """
class Mutator:
    __repr__ = lambda self: "mutator"
    def __init__(self, target):
        self.target = target
    def change(self):
        LOG.append("change")
        if len(self.target) < 12:
            self.target.<append(1)|clear()|insert(0, 5)|reverse()>
        return 1
    def __eq__(self, other):
        self.change()
        return <False|True|NotImplemented>
    __hash__ = lambda self: 9
    def __index__(self):
        return self.change()
?    def __iter__(self):
?        self.change()
?        return iter(self.target)
    def __len__(self):
        return self.change()
    def __radd__(self, other):
        return self.change()
    def __lt__(self, other):
        return self.change() > 0
""",
    "Key": """
class Key:
    __repr__ = lambda self: "key"
    def __init__(self, number):
        self.number = number
    def __hash__(self):
        LOG.append("hash")
?        if self.number == 3:
?            raise TypeError("not hashable today")
        return <1|self.number>
    def __eq__(self, other):
        LOG.append("eq")
?        if self.number == 2:
?            raise ValueError("not comparable")
        return isinstance(other, Key) and self.number == other.number
""",
    "HInt": """
class HInt(int):
?    def __index__(self):
?        LOG.append("index")
?        return 0
?    def __add__(self, other):
?        LOG.append("add")
?        return int(self) + other
?    def __radd__(self, other):
?        LOG.append("radd")
?        return 100
?    def __eq__(self, other):
?        LOG.append("int eq")
?        return False
?    def __lt__(self, other):
?        LOG.append("lt")
?        return True
?    def __bool__(self):
?        LOG.append("bool")
?        return False
    def __hash__(self):
        return 5
""",
    "HFloat": """
class HFloat(float):
?    def __mul__(self, other):
?        LOG.append("mul")
?        return 2.0
?    def __float__(self):
?        LOG.append("float")
?        return 1.0
?    def __radd__(self, other):
?        return 0.5
    def __eq__(self, other):
        return True
    __hash__ = None
""",
    "HStr": """
class HStr(str):
?    def __len__(self):
?        LOG.append("len")
?        return 2
?    def __getitem__(self, index):
?        LOG.append("item")
?        return "z"
?    def __iter__(self):
?        return iter("hs")
?    def __add__(self, other):
?        return "sum"
    def __eq__(self, other):
        LOG.append("eq")
        return str.__eq__(self, other)
    __hash__ = str.__hash__
""",
    "Items": "class Items(list):\n    pass\n",
    "HList": """
class HList(list):
?    def __getitem__(self, index):
?        LOG.append("item")
?        return <7|list.__getitem__(self, 0)|super().__getitem__(index)>
?    def __setitem__(self, index, value):
?        LOG.append("store")
?        super().__setitem__(index, <value|0>)
?    def __iter__(self):
?        LOG.append("iter")
?        return <iter([3, 4])|super().__iter__()>
?    def __len__(self):
?        LOG.append("len")
?        return <super().__len__()|2|0>
?    def __contains__(self, value):
?        LOG.append("contains")
?        return <True|1|[]>
?    def __add__(self, other):
?        return <NotImplemented|[0]>
?    def __iadd__(self, other):
?        LOG.append("iadd")
?        return self
?    def append(self, value):
?        LOG.append("append")
?        super().append(value)
?    def pop(self, *given):
?        return 9
?    def __eq__(self, other):
?        return True
?    def __bool__(self):
?        return <True|False>
    __hash__ = None
""",
    "HDict": """
class HDict(dict):
?    def __missing__(self, key):
?        LOG.append("missing")
?        return 0
?    def __getitem__(self, key):
?        LOG.append("item")
?        return 5
?    def __setitem__(self, key, value):
?        LOG.append("store")
?        super().__setitem__(key, value)
?    def __contains__(self, key):
?        LOG.append("contains")
?        return True
?    def get(self, key, default=None):
?        return default
?    def __iter__(self):
?        return iter(["b"])
?    def items(self):
?        return [("i", 1)]
    kept = 1
""",
    "HTuple": """
class HTuple(tuple):
?    def __getitem__(self, index):
?        LOG.append("item")
?        return 4
?    def __iter__(self):
?        return iter((1, 2))
?    def __len__(self):
?        return 1
    kept = 1
""",
}

HELPERS = ("plus", "checked", "looped", "effects", "tries")

IMPORTS = {
    "math.": "import math", "random": "import random", "np.": "import numpy as np", "heapq.": "import heapq", "sys.": "import sys",
    "warnings.": "import warnings", "traceback.": "import traceback", "weakref.": "import weakref", "array.array": "import array",
    "contextlib.": "import contextlib", "partial(": "from functools import partial", "deque(": "from collections import deque",
    "defaultdict(": "from collections import defaultdict", "Counter(": "from collections import Counter",
    "namedtuple(": "from collections import namedtuple", "@dataclass": "from dataclasses import dataclass, field, replace",
    "Fraction(": "from fractions import Fraction", "Decimal(": "from decimal import Decimal",
}  # fmt: skip
"""What a program imports when it says this."""
