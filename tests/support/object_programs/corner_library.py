"""Classes and functions that the rows of `corners` name, and classes of instances that stand for one another: see `library`."""

from __future__ import annotations

OBJECTS = {
    "operators": """
class <C><|(Base)>:
?    __slots__ = ("x", "y", "items", "name")
    def __init__(self, x, name="o"):
        self.x, self.y, self.items, self.name = x, 1.5, [x, 3], name
    value = property(lambda self: self.x)
    area = lazy = checked = 2
    def step(self, k=1):
        return self.x + k
    def add(self, other):
        return self <+|-|*> other
    def twin(self):
        return <C>(self.x)
    def __repr__(self):
        return f"<C>({self.x})"
    __hash__ = lambda self: 3
    def __add__(self, other):
        return <<C>(self.x + 1)|NotImplemented|self.x + other|self>
    def __radd__(self, other):
        return <other|<C>(self.x)|NotImplemented|self.x + 1>
?    def __iadd__(self, other):
?        self.x += 1
?        return <self|NotImplemented|5>
    def __mul__(self, other):
?        if other == 2:
?            raise ValueError(other)
        return <<C>(self.x)|self.x * 2|NotImplemented>
?    def __rmul__(self, other):
?        return <C>(other)
    def __sub__(self, other):
        LOG.append("sub")
        return <C>(self.x - 1)
?    def __rsub__(self, other):
?        LOG.append("rsub")
?        return other
?    def __floordiv__(self, other):
?        return self.x // other
?    def __mod__(self, other):
?        return <C>(self.x % other)
?    def __truediv__(self, other):
?        return self.x / other
?    def __and__(self, other):
?        return self
?    def __neg__(self):
?        return <C>(-self.x)
?    def __eq__(self, other):
?        LOG.append("eq")
?        return <self.x == other|NotImplemented|self is other|[]>
?    def __lt__(self, other):
?        LOG.append("lt")
?        return <self.x == 3|NotImplemented|other|1>
?    def __ge__(self, other):
?        return <True|NotImplemented|self.items>
?    def __bool__(self):
?        LOG.append("bool")
?        return <self.x != 0|True|1>
?    def __len__(self):
?        return <len(self.items)|-1|0|True|2.5>
?    def __getitem__(self, index):
?        return self.items[index]
?    def __setitem__(self, index, value):
?        LOG.append(("set", index))
?        self.items[<index|0>] = value
?    def __contains__(self, item):
?        return <item in self.items|item|None>
?    def __iter__(self):
?        return iter(<self.items|(1, 2)|range(2)>)
?    def __call__(self, *given):
?        return len(given)
?    def __int__(self):
?        return <7|True|2.5>
?    def __index__(self):
?        return <1|0|self.x>
?    def __float__(self):
?        return <1.5|1>
?    def __format__(self, spec):
?        return <spec|"f"|3>
?    def __str__(self):
?        return "text"
?    def __del__(self):
?        LOG.append("del <C>")
""",
    "computed": """
class Lazy<C>:
    __repr__ = lambda self: "lazy"
    def __set_name__(self, owner, name):
        self.name = name
    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        LOG.append("lazy")
?        instance.__dict__[self.name] = 6
        return <5|instance.x>
class Checked<C>:
    __repr__ = lambda self: "checked"
    def __get__(self, instance, owner=None):
        return <self.held|3>
    held = 4
    def __set__(self, instance, value):
?        if value is None:
?            raise ValueError("None")
        self.held = value
?    def __delete__(self, instance):
?        LOG.append("deleted")
class Meta<C>(type):
    __repr__ = lambda self: "meta"
?    @property
?    def count(cls):
?        LOG.append("count")
?        return 4
?    def __call__(cls, *given, **named):
?        LOG.append("made")
?        return super().__call__(*given, **named)
?    def __getattr__(cls, name):
?        LOG.append(name)
?        raise AttributeError(name)
class <C><(metaclass=Meta<C>)|>:
    lazy, checked, count = Lazy<C>(), Checked<C>(), 3
    table = {1: 2}
    def __init__(self, x, name="c"):
        self.x, self.y, self.items, self.name = x, 0.5, [x, 1], name
        self._area = x
    @property
    def area(self):
?        LOG.append("area")
?        if self._area == 5:
?            raise AttributeError("no area")
        return self._area
?    @area.setter
?    def area(self, value):
?        self._area = value
?    @area.deleter
?    def area(self):
?        del self._area
    @property
    def value(self):
        return self.area <+|*> 2
    @classmethod
    def step(cls, k=1):
        return cls.table.setdefault(k, k)
    def add(self, other):
        return self.value + other
    @staticmethod
    def helper(a):
        return a
    def __repr__(self):
        return f"<C>({self.x})"
    __hash__ = lambda self: 5
    def twin(self):
        return self.__class__(self.x)
?    def __getattr__(self, name):
?        LOG.append(name)
?        return <1|None>
""",
}

LIBRARY = {
    "Early": """
class Early:
    __repr__ = lambda self: f"early({vars(self)})"
    __hash__ = lambda self: 4
    def __init__(self, x, name="e"):
        if x == <0|1|None|name>:
            <return|return None|return x|raise ValueError(x)>
        self.x, self.name = x, name
?    def __del__(self):
?        LOG.append(("del", vars(self).get("x")))
    def pair(self, a, b):
        return <a is b|[b, a]|1|(self, a)>
?    def __contains__(self, other):
?        return vars(other) == vars(self)
""",
    "aliased": "def aliased(a, b, c=None):\n    d = <b|c|a>\n?    a = <b|None>\n    e = <a|b|d>\n    return <1|d|e|(d, e)|d is e>\n",
    "unpacked": "def unpacked(pair):\n    a, b = pair\n    return <1|a|b|(b, a)|a is b>\n",
    "TABLE": "TABLE = <[3, 1, 2, 5]|(4, 5, 6, 7)|[0.5, 1, True]|bytearray(b'abcd')|{0: 1, 1: 2, 2: 3}|'text'>\n",
    "unbind": "def unbind(name):\n    globals().pop(name, None)\n    return name\n",
    "deepest": "def deepest(n):\n    try:\n        return deepest(n + 1) + 0\n    except RecursionError:\n        return <1|2>\n",
    "even": "def even(n):\n    return 1 if n <= 0 else odd(n - 1)\n",
    "odd": "def odd(n):\n    return <0|even(n - 2)> if n <= 0 else even(n - 1)\n",
}

CHANGES: dict[str, list[str]] = {
    "TABLE": ["TABLE = (9, 8, 7)", "TABLE = [1.5]", "TABLE.append(4)", "del TABLE", "TABLE = {1: 1}", "TABLE = None", "TABLE = 'abc'"],
    "A": ["A.__add__ = lambda self, other: 5", "del A.__add__", "A.area = 4", "A.lazy = 7", "A.checked = property(lambda self: 2)", "A.__getitem__ = lambda self, index: index"],
    "even": ["odd = lambda n: n", "even.__code__ = (lambda n: 7).__code__"],
    "unbind": ["FACTOR = 4", "LIMIT = [1]", "len = lambda value: 1"],
}  # fmt: skip
"""What happens to a name between two calls, beside what is in `values`."""
