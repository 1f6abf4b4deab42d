"""What changes of programs put in: statements that something happens by, and values. It stands at the head of each program."""

HEAD = '''
import gc
import itertools as _itertools
import sys
import threading
import weakref

import numpy as np


TICKS = _itertools.count()


class Wide(int):
    def __add__(self, other):
        LOG.append("add")
        return int(self) + other + 1000


class Loud(list):
    def __getitem__(self, index):
        LOG.append(("item", index))
        return list.__getitem__(self, index)


class Named(str):
    def __hash__(self):
        return 7

    def __eq__(self, other):
        return str.__eq__(self, other)


class Defaults(dict):
    def __missing__(self, key):
        LOG.append(("missing", key))
        return 0


class Ends:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        LOG.append(("end", self.name))


class Odd:
    """Equal to nothing, true by turns, a number by request."""

    turns = 0

    def __eq__(self, other):
        return False

    __hash__ = object.__hash__

    def __bool__(self):
        Odd.turns += 1
        return Odd.turns % 2 == 0

    def __index__(self):
        return 1

    def __len__(self):
        return 2

    def __iter__(self):
        return iter((1, 2.5))

    def __repr__(self):
        return "Odd()"

    def __radd__(self, other):
        return other

    def __lt__(self, other):
        raise ValueError("odd")


def note(value):
    if len(LOG) < 500:
        LOG.append(repr(value)[:40])
    return value


def bump(table, by):
    """Changes whatever it is given."""
    if isinstance(table, list):
        table.append(by)
    elif isinstance(table, dict):
        table[by] = by
    elif isinstance(table, set):
        table.add(by)
    elif hasattr(table, "__dict__") and not isinstance(table, type(note)):
        table.bumped = by


def rebind(name, value):
    globals()[name] = value


def traced(frame, event, argument):
    return traced


def elsewhere(function, *arguments):
    """Calls a function in another thread."""
    found = []

    def work():
        try:
            found.append(function(*arguments))
        except Exception as error:
            found.append(type(error).__name__)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return found[0]

'''

EVENTS = """
gc.collect()
sys.settrace(traced)
sys.settrace(None)
sys.setprofile(traced)
sys.setprofile(None)
sys.setprofile(lambda *given: None)
sys.setswitchinterval(0.005)
rebind('len', lambda given: 3)
rebind('range', lambda *given: list(__builtins__['range'](*given)) if type(__builtins__) is dict else list(__builtins__.range(*given)))
rebind('abs', lambda given: given)
rebind('isinstance', lambda *given: True)
rebind('min', max)
rebind('enumerate', lambda given, *start: list(zip(range(9), given)))
globals().pop('len', None)
globals().pop('abs', None)
rebind('{function}', lambda *given, **named: given)
rebind('{function}', {other})
{function}.__defaults__ = None
{function}.__defaults__ = (2,)
{function}.__code__ = {function}.__code__.replace(co_name='renamed')
{class}.{method} = lambda self, *given: 5
{class}.{attribute} = 7
{class}.{attribute} = property(lambda self: 9)
{class}.__eq__ = lambda self, other: True
{class}.__getattr__ = lambda self, name: 4
{class}.__bool__ = lambda self: False
{class}.__len__ = lambda self: 0
{class}.__init__ = lambda self, *given: None
del {class}.{method}
{name} = float({name})
{name} = str({name})
{name} = [{name}]
{name} = {name},
{name} = None
{name} = not {name}
{name} = bool({name})
{name} = Wide({name})
{name} = Loud({name})
{name} = Named({name})
{name} = Defaults({name})
{name} = Ends('{name}')
{name} = Odd()
{name} = {name} + 0.5
{name} = {name} * 2
{name} = {name} << 40
{name} = {name} * 3037000500
{name} = -{name}
{name} = int({name})
{name} = complex({name}, 1)
{name} = np.float64({name})
{name} = np.int64({name})
{name} = tuple({name})
{name} = list({name})
{name} = iter({name})
{name} = {second}
{name}, {second} = {second}, {name}
{name} = lambda *given: {second}
{name} = note
del {name}
{name}.clear()
{name}.append({second})
{name}.append({name})
{name}.pop()
{name}.sort()
{name}.reverse()
{name}.extend({second})
{name}.insert(0, {second})
{name}.remove({second})
{name}.update({second})
{name}.bumped = {second}
{name}[0] = {second}
{name}[-1] = 0.5
{name}[{second}] = {third}
{name}[:] = []
{name}[1:] = {name}
del {name}[0]
del {name}[-1:]
{name} += {second}
{name} -= {second}
{name} *= {second}
{name} //= {second}
{name} %= {second}
{name} |= {second}
{name} **= 2
bump({name}, {second})
note({name})
print({name}, {second})
print(f'{name} {{{name}!r:.30}} {{{second}!s:>9.20}}')
raise ValueError({name})
raise KeyError
return {name}
return {name}, {second}
return
break
continue
pass
assert {name}, {second}
global {name}
import math as {name}
yield {name}
x{name} = [{name} for {name} in {second}]
x{name} = {{{name}: {second} for {name} in {third}}}
x{name} = sum({name} for {second} in {third})
x{name} = sorted({name}, key=lambda each: {second})
x{name} = {name}[::-1]
x{name} = {name}[1:{second}]
x{name} = {name} if {second} else {third}
x{name} = {name} is {second}, {name} == {second}, {name} in {third}
x{name} = {name} < {second} <= {third}
x{name} = ({name} and {second}) or {third}
x{name} = call('{function}', *given)
x{name} = elsewhere({function}, {name})
x{name} = note({name}) + note({second})
x{name} = divmod({name}, {second})
x{name} = max({name}, {second})
x{name} = sum({name})
x{name} = len({name}) + len({second})
x{name}, *rest = {name}
x{name}, rest = {name}
LOG.append({name})
LOG.append(weakref.ref({name}))
""".strip().split("\n")
"""Lines of code, with holes for names that there are where they come to stand."""

NUMBERS = """
0 1 -1 2 3 5 7 10 -3 True False None 0.0 -0.0 0.5 -1.5 2.0 3.0 1e308 -1e308 1e-320 float('nan') float('inf') -float('inf') 1<<30 (1<<31)-1 1<<31 -(1<<31) 1<<32
1<<53 (1<<53)+1 (1<<62)-1 1<<62 (1<<63)-1 1<<63 -(1<<63) -(1<<63)-1 1<<64 1<<100 -(1<<100) 256 257 1j 'a' '' b'a' Odd() Wide(3) np.int64(3) np.float64(2.5) np.int32(7)
np.uint8(200) np.bool_(True) np.int64(2**63-1) np.float32(0.1) 3037000500 -3037000500 4611686018427387905 9007199254740993.0 9.3e18 () [] [1] (1,) {} range(3) Ends(1)
""".split()

TEXTS = r"""
'' 'a' 'ab' 'abc' 'A' '\x20' '1' '\u00e9' '\u20ac' '\U0001f600' b'a' None 5 Named('a') '%s' '{}' 'x'*300 '\0' '\ud800'
""".split()
