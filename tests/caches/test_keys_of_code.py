"""Keys of code: the function of a task, and all that it calls and reads."""

from __future__ import annotations

import dataclasses
import functools
import math
import os
import subprocess
import sys
import textwrap
import threading
import types
import typing
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import pytest

import cascade as cs
from cascade.adapters.caches.identity import identity_of
from cascade.errors import CacheWarning, KeyingError
from tests.support.cached_values import Point

np = pytest.importorskip("numpy")

pytest.importorskip("msgspec")


T = TypeVar("T")
Identifier = typing.NewType("Identifier", int)


def function_from(source: str, **names: Any) -> Any:
    namespace: dict[str, Any] = {"__name__": "made_for_a_test", **names}
    exec(textwrap.dedent(source), namespace)
    return namespace["f"]


BASE = "def f(x, y=1):\n    return helper(x) + y + CONSTANT"
HELPER = "def f(x):\n    return inner(x)"
INNER = "def f(x):\n    return x + 1"


def identity(base: str = BASE, helper: str = HELPER, inner: str = INNER, constant: Any = 1) -> str:
    inside = function_from(inner)
    names = {"helper": function_from(helper, inner=inside), "CONSTANT": constant}
    return identity_of(cs.task(function_from(base, **names)))


def test_the_identity_of_a_task_is_its_code_and_all_that_it_calls():
    assert identity() == identity()
    assert identity() == identity(
        base="def f(x, y=1):\n    # a comment\n\n    return (helper(x)\n            + y + CONSTANT)"
    )
    others = [
        identity(base="def f(x, y=2):\n    return helper(x) + y + CONSTANT"),
        identity(base="def f(x, y=1):\n    return helper(x) - y + CONSTANT"),
        identity(base="def f(x, y=1):\n    return helper(x) + y + CONSTANT + 1"),
        identity(base="def f(x, *, y=1):\n    return helper(x) + y + CONSTANT"),
        identity(helper="def f(x):\n    return inner(x) + 1"),
        identity(inner="def f(x):\n    return x + 2"),
        identity(constant=2),
        identity(constant=1.0),
        identity(constant=[1]),
    ]
    assert len({identity(), *others}) == 1 + len(others)


def test_globals_closures_and_helpers_may_change_between_calls():
    def make(factor: Any) -> Any:
        @cs.task
        def f(x: Any) -> Any:
            return x * factor

        return f

    assert identity_of(make(2)) == identity_of(make(2)) != identity_of(make(3))
    table = [1]
    task = make(table)
    before = identity_of(task)
    table.append(2)
    assert identity_of(task) != before
    table.pop()
    assert identity_of(task) == before

    helper = function_from("def f(x):\n    return x")
    task = cs.task(function_from("def f(x):\n    return g(x)", g=helper))
    before = identity_of(task)
    assert identity_of(task) == before
    helper.__code__ = function_from("def f(x):\n    return x + 1").__code__
    assert identity_of(task) != before
    helper.__defaults__ = (5,)
    again = identity_of(task)
    assert again != before
    task.func.__globals__["g"] = function_from("def f(x):\n    return x")
    assert identity_of(task) not in (again,)


def test_recursion_classes_partials_and_modules_have_identities():
    class Scale:
        factor = 2

        def apply(self, x: int) -> int:
            return x * self.factor

    def with_class(x: int) -> int:
        return Scale().apply(x)

    task = cs.task(with_class)
    before = identity_of(task)
    Scale.factor = 3
    assert identity_of(task) != before

    def recursive(n: int) -> int:
        return 0 if n == 0 else recursive(n - 1)

    assert identity_of(cs.task(recursive))
    assert identity_of(cs.task(functools.partial(with_class, 3))) != identity_of(
        cs.task(functools.partial(with_class, 4))
    )
    assert identity_of(cs.task(lambda x: math.sqrt(os.path.getsize(x)) + np.sum([1])))  # type: ignore[misc]
    module = types.ModuleType("module_of_a_user")
    exec("def g(x): return x", module.__dict__)
    task = cs.task(function_from("def f(x): return m.g(x)", m=module))
    before = identity_of(task)
    exec("def g(x): return x + 1", module.__dict__)
    assert identity_of(task) != before


CLASS = "class Parent:\n    @staticmethod\n    def h(x): return x + 1\nclass Child(Parent): pass\ndef f(x): return Child.h(x)"
RECORD = "import dataclasses\n@dataclasses.dataclass\nclass Record:\n    x: {}\n    y: 'Kind' = 1\ndef f(x): return {}"
HELPED = "def g(x): return x + K\nK = 1\n"
CHANGES = {
    "a helper that is imported": ("def f(x):\n    from users import g\n    return g(x)", "users.g = lambda x: x + 9"),
    "what a helper reads that is imported": ("def f(x):\n    from users import g\n    return g(x)", "users.K = 9"),
    "an import inside of an inner function": ("def f(x):\n    def inner():\n        from users import g\n        return g(x)\n    return inner()", "users.K = 9"),
    "an import relative to its package": ("__package__ = 'users'\ndef f(x):\n    from . import g\n    return g(x)", "users.K = 9"),
    "the module itself": ("def f(x):\n    from users import g\n    return g(x)", "users = sys.modules['users'] = types.ModuleType('users'); users.g = abs"),
    "an attribute of a function": ("def g(x): return x * g.k\ng.k = 2\ndef f(x): return g(x)", "g.k = 3"),
    "a new attribute of a function": ("def g(x): return x * getattr(g, 'k', 1)\ndef f(x): return g(x)", "g.k = 3"),
    "what is in an attribute of a function": ("def g(x): return x * g.k[0]\ng.k = [2]\ndef f(x): return g(x)", "g.k[0] = 3"),
    "a function that another wraps": (HELPED + "import functools\n@functools.wraps(g)\ndef w(x): return w.__wrapped__(x)\ndef f(x): return w(x)", "K = 9"),
    "a cached function": ("import functools\n@functools.cache\ndef g(x): return x + K\nK = 1\ndef f(x): return g.__wrapped__(x)", "K = 9"),
    "a method that a class has later": (CLASS, "Child.h = staticmethod(lambda x: x + 9)"),
    "a method of a base class": (CLASS, "Parent.h = staticmethod(lambda x: x + 9)"),
    "the bases of a class": (CLASS, "class Other:\n    h = staticmethod(lambda x: x + 9)\nChild.__bases__ = (Other,)"),
    "a metaclass": ("class M(type):\n    def __call__(cls): return 1\nclass C(metaclass=M): pass\ndef f(x): return C()", "M.__call__ = lambda cls: 2"),
    "the docstring of a class": ("class C: 'one'\ndef f(x): return C.__doc__", "C.__doc__ = 'two'"),
    "the positions of a pattern": (
        "class C:\n    a, b = 1, 2\n    __match_args__ = ('a',)\ndef f(x):\n    match C():\n        case C(y): return y", "C.__match_args__ = ('b',)"),
    "what an abstract class has registered": ("import abc\nclass C(abc.ABC): pass\nclass D: pass\ndef f(x): return issubclass(D, C)", "C.register(D)"),
    "the type of a field": (RECORD.format("int", "[each.type(x) for each in dataclasses.fields(Record)[:1]]"), "Record.__dataclass_fields__['x'].type = str"),
    "the default of a field": (RECORD.format("int", "[str(each.default) for each in dataclasses.fields(Record)]"), "Record.__dataclass_fields__['x'].default = 5"),
    "an annotation of a class": (RECORD.format("int", "str(Record.__annotations__)"), "Record.__annotations__['x'] = float"),
    "what the text of an annotation means": (
        "Kind = int\n" + RECORD.format("int", "str(typing.get_type_hints(Record))").replace("import dataclasses", "import dataclasses, typing"), "Kind = str"),
    "a text inside of an annotation": (
        "import typing\nKind = int\n" + RECORD.format("typing.List['Kind']", "str(typing.get_type_hints(Record))"), "Kind = str"),
    "a text inside of a text": (
        "from __future__ import annotations\nimport typing\nKind = int\n" + RECORD.format("list['Kind']", "str(typing.get_type_hints(Record))"), "Kind = str"),
    "what is inside of an annotation": (
        "class Kind:\n    k = 1\n" + RECORD.format("list[Kind] | None", "Record.__annotations__['x'].__args__[0].__args__[0].k"), "Kind.k = 2"),
    "an annotation of a function": ("def g(x: int): pass\ndef f(x): return str(g.__annotations__)", "g.__annotations__['x'] = str"),
    "a signature": ("import inspect\ndef g(x: int): pass\ndef f(x): return str(inspect.signature(g))", "g.__annotations__['x'] = str"),
    "an argument that is passed by default": ("def g(x, *, k=1): return x + k\ndef f(x): return g(x)", "g.__kwdefaults__['k'] = 7"),
    "a list that is passed by default": ("def g(x, k=[1]): return x + k[0]\ndef f(x): return g(x)", "g.__defaults__[0][0] = 7"),
    "the keywords of a partial": ("import functools\np = functools.partial(lambda x, k: x + k, k=1)\ndef f(x): return p(x)", "p.keywords['k'] = 5"),
    "the function of a partial": (
        "import functools\np = functools.partial(lambda x: x)\ndef f(x): return p(x)", "p.__setstate__((lambda x: x + 9, (), {}, {}))"),
    "a name among the builtins": ("import builtins\nbuiltins.bonus = 1\ndef f(x): return x + bonus", "builtins.bonus = 9"),
    "a builtin by its module": ("import builtins\nbuiltins.bonus = 1\ndef f(x): return x + builtins.bonus", "builtins.bonus = 9"),
    "a global that hides a builtin": ("def f(x): return abs(x)", "abs = lambda x: x + 9"),
    "the docstring of a function": ("def g(): 'one'\ndef f(x): return g.__doc__", "g.__doc__ = 'two'"),
    "the name of a class": ("class C: pass\ndef f(x): return C.__name__", "C.__name__ = 'D'"),
    "the type of a class": ("class M(type):\n    k = 2\nclass N(type):\n    k = 1\nclass C(metaclass=N): pass\ndef f(x): return C.k", "C.__class__ = M"),
    "all annotations of a function": ("def g(x: int): pass\ndef f(x): return str(g.__annotations__)", "g.__annotations__ = {'x': str}"),
    "the name of a function": ("def g(): pass\ndef f(x): return g.__name__", "g.__name__ = 'h'"),
    "an alias of a type": ("class C:\n    k = 1\nAlias = list[C]\ndef f(x): return Alias.__args__[0].k", "C.k = 2"),
    "a member of an enumeration": ("import enum\nclass E(enum.Enum):\n    A = 1\nE.A.k = 1\ndef f(x): return E.A.k", "E.A.k = 2"),
    "a dataclass among the globals": (RECORD.format("int", "[x + one.x, one.z]") + "\none = Record(1)\none.z = 1", "one.z = 2"),
    "a method of an object": (RECORD.format("int", "m()") + "\none = Record(1)\nm = one.__repr__", "one.x = 2"),
    "a task that is called": ("import cascade\ng = cascade.task(lambda x: x + K, name='g')\nK = 1\ndef f(x): return g(x)", "K = 9"),
}  # fmt: skip
UNTOLD = {
    "globals": ("K = 1\ndef f(x): return globals()['K'] + x", "builtins.globals"),
    "eval": ("K = 1\ndef f(x): return eval('K') + x", "builtins.eval"),
    "another name of eval": ("K = 1\ne = eval\ndef f(x): return e('K') + x", "builtins.eval"),
    "eval of the module builtins": ("K = 1\nimport builtins\ndef f(x): return builtins.eval('K', {'K': 1}) + x", "builtins.eval"),
    "eval that is imported": ("K = 1\ndef f(x):\n    from builtins import eval as e\n    return e('K') + x", "builtins.eval"),
    "exec": ("def f(x):\n    exec('x')\n    return x", "builtins.exec"),
    "sys.modules": ("import sys\nK = 1\ndef f(x): return getattr(sys.modules[__name__], 'K') + x", "modules"),
    "sys.modules of another name": ("import sys as s\nK = 1\ndef f(x): return s.modules[__name__].K + x", "sys.modules"),
    "sys that is imported": ("K = 1\ndef f(x):\n    import sys as s\n    return s.modules[__name__].K + x", "modules"),
    "sys by another module": ("import os\nK = 1\ndef f(x): return os.sys.modules[__name__].K + x", "modules"),
    "sys as a value": ("import sys\nK = 1\ndef f(x): return vars(sys)[y][__name__].K + x\ny = 'modu' 'les'", "the module 'sys', used as a value"),
    "the modules themselves": ("from sys import modules\nK = 1\ndef f(x): return modules[__name__].K + x", "sys.modules"),
    "import_module": ("import importlib\ndef f(x): return importlib.import_module('users').g(x)", "importlib.import_module"),
    "__import__": ("def f(x): return __import__('users').g(x)", "__import__"),
    "the globals of a function": (HELPED + "def f(x): return g.__globals__['K'] + x", "__globals__"),
    "these by getattr": (HELPED + "def f(x): return getattr(g, '__globals__')['K'] + x", "__globals__"),
    "frames": ("import sys\nK = 1\ndef f(x): return sys._getframe() and x", "sys._getframe"),
    "pickle": ("import pickle\ndef g(x): return x\ndef f(x): return pickle.loads(pickle.dumps(g))(x)", "pickle.loads"),
    "a module that is imported": ("def f(x):\n    import users\n    return users.g(x)", r"the module 'users', imported inside of a function \(import it at the head"),
    "a submodule that is imported": ("def f(x):\n    from users import missing\n    return x", "users.missing, which its module does not have"),
    "a module that is a value": ("import users\nmodules = [users]\ndef f(x): return modules[0].g(x)", "the module 'users', used as a value"),
    "an object": ("class C:\n    def __call__(self, x): return x\ng = C()\ndef f(x): return g(x)", "a value of type made.C"),
    "a subclass of a property": ("class P(property): pass\nclass C:\n    p = P(lambda self: 1)\ndef f(x): return C().p", "a value of type made.P"),
    "an object that says it is a function": (
        "import types\nclass C:\n    __class__ = types.FunctionType\n    def __call__(self, x): return x\ng = C()\ndef f(x): return g(x)", "a value of type made.C"),
}  # fmt: skip


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The names of a module, beside which there is a module `users`."""
    module, users = types.ModuleType("made"), types.ModuleType("users")
    users.__dict__.update(__file__="/users.py", __path__=[])
    exec(HELPED, vars(users))
    monkeypatch.setitem(sys.modules, "made", module)
    monkeypatch.setitem(sys.modules, "users", users)
    monkeypatch.setattr("builtins.bonus", 0, raising=False)
    vars(module).update(sys=sys, types=types)
    return vars(module)


@pytest.mark.parametrize("change", CHANGES)
def test_what_code_uses_may_change_between_calls(run, made, change):
    source, then = CHANGES[change]
    exec(compile(source, "made", "exec", dont_inherit=True), made)
    cache = cs.MemoryCache()
    task = cs.task(made["f"])
    before = run(task(2).with_cache(cache))
    assert [run(task(2).with_cache(cache)), len(cache)] == [before, 1]
    exec("import users", made)
    exec(then, made)
    task = task if change != "a global that hides a builtin" else cs.task(made["f"])
    plain = task.func(2)
    after = run(task(2).with_cache(cache))
    assert after == (plain if not isinstance(plain, cs.LazyResult) else run(plain))
    assert after != before
    assert len(cache) == 2


@pytest.mark.parametrize("reach", UNTOLD)
def test_code_that_may_reach_anything_is_not_cached(run, made, reach):
    source, message = UNTOLD[reach]
    exec(compile(source, "made", "exec", dont_inherit=True), made)
    cache = cs.MemoryCache()
    with pytest.warns(CacheWarning, match=f"a call of task 'f' is not cached: .*{message}"):
        try:
            run(cs.task(made["f"])(2).with_cache(cache))
        except ImportError:
            pass
    assert len(cache) == 0


def test_libraries_may_be_imported_inside_of_functions(run, made, cache):
    exec(
        "def f(x):\n    import json, sys, wave as w\n    from math import floor\n    return [json.loads(x), floor(1.5), sys.maxsize]",
        made,
    )
    task = cs.task(made["f"])
    for _ in range(2):
        assert run(task("1").with_cache(cache)) == [1, 1, sys.maxsize]
    assert len(cache) == 1


IMPORTING = """
import sys, warnings
import cascade as cs

@cs.task(cache=cs.DiskCache(sys.argv[1]))
def f(x):
    from helper import g
    return g(x)

warnings.simplefilter("always")
use_vm = sys.argv[2] == "vm"
print([cs.run(f(1), use_vm=use_vm) for _ in range(2)])
"""


def test_a_helper_that_is_imported_may_change_between_processes(path, tmp_path):
    (tmp_path / "main.py").write_text(IMPORTING)
    command = [sys.executable, "-B", str(tmp_path / "main.py"), str(tmp_path / "cache.db"), repr(path)]
    for added, calls in ((1, 1), (1, 1), (200, 2)):
        (tmp_path / "helper.py").write_text(f"def g(x): return x + {added}")
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.stdout == f"[{1 + added}, {1 + added}]\n", done.stderr
        assert (
            done.stderr.count("the module 'helper', which is not imported yet (import it at the head of the module)")
            == 1
        )
        assert len(cs.DiskCache(tmp_path / "cache.db")) == calls


@dataclasses.dataclass
class Annotated(Generic[T]):
    """A class with annotations of all kinds, and what `field` can be told."""

    a: list[int] | None
    b: dict[str, list[Point]]
    c: typing.Optional[Point]  # noqa: UP007
    d: Callable[[int], str]
    e: typing.Callable[..., Any]  # noqa: UP006
    f: typing.Literal["a", 1]
    g: typing.Annotated[int, "of something"]
    h: T
    i: Identifier
    j: type[Point]
    k: typing.ClassVar[int] = 1
    l: Unknown = None  # type: ignore[name-defined]  # noqa: E741, F821
    m: list[int] = dataclasses.field(default_factory=list, metadata={"unit": "m"})
    _: dataclasses.KW_ONLY
    n: "Annotated[int] | None" = None  # noqa: UP037


def test_classes_with_the_usual_annotations_are_told(made):
    text = identity_of(cs.task(lambda: Annotated))
    assert text == identity_of(cs.task(lambda: Annotated))
    fields = "\n    ".join(f"{name}: {kind}" for name, kind in Annotated.__annotations__.items() if name not in "_lmnk")
    head = "import dataclasses, typing\nfrom collections.abc import Callable\nPoint = int\nT = typing.TypeVar('T')\nAny = typing.Any\n"
    head += (
        "Identifier = typing.NewType('Identifier', int)\n@dataclasses.dataclass\nclass Real(typing.Generic[T]):\n    "
    )
    exec(compile(head + fields + "\ndef f(): return Real", "made", "exec", dont_inherit=True), made)
    before = identity_of(cs.task(made["f"]))
    made["Real"].__dataclass_fields__["a"].type = list[str] | None
    assert identity_of(cs.task(made["f"])) != before


def test_what_is_set_on_a_result_among_the_globals_counts(made):
    exec("import cascade\ng = cascade.task(lambda x: x, name='g')\none = g(1)\ndef f(x): return one", made)
    task = cs.task(made["f"])
    seen = [identity_of(task)]
    made["one"].run_if(True)
    seen.append(identity_of(task))
    made["one"].run_if(False).with_retry(3)
    seen.append(identity_of(task))
    assert len(set(seen)) == 3
    assert identity_of(task) == seen[-1]


def test_a_module_of_the_user_may_have_the_name_of_one_of_the_standard_library(made, monkeypatch):
    statistics = types.ModuleType("statistics")
    statistics.__dict__.update(__file__="/users/statistics.py")
    exec("def mean(x): return x", vars(statistics))
    monkeypatch.setitem(sys.modules, "statistics", statistics)
    exec("from statistics import mean\ndef f(x): return mean(x)", made)
    task = cs.task(made["f"])
    before = identity_of(task)
    statistics.__dict__["mean"].__code__ = (lambda x: x + 1).__code__
    assert identity_of(task) != before


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: (lambda lock: lambda: lock)(threading.Lock()), "the closure's 'lock': a value of type _thread.lock"),
        (lambda: function_from("def f(): return m", m=types.ModuleType("users")), "the module 'm', used as a value"),
        (lambda: function_from("def f(): return m.missing", m=types.ModuleType("users")), "m.missing"),
        (
            lambda: function_from("def f(): return g()", g=function_from("def f(): return h", h=object())),
            "the global 'g'",
        ),
    ],
)
def test_what_cannot_be_told_is_not_cached(run, make, message):
    task = cs.task(make())
    with pytest.raises(KeyingError) as raised:
        identity_of(task)
    assert message in str(raised.value)
    with pytest.warns(CacheWarning, match="is not cached"), pytest.MonkeyPatch.context():
        try:
            run(cs.task(make(), cache=cs.MemoryCache())())  # type: ignore[call-overload]
        except AttributeError:
            pass
