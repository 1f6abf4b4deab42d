"""Binding of arguments to a function's parameters, by CPython's own rules.

A call is bound by calling a generated function that has the signature of the task and returns its parameters:

    def f(a, b=1, *rest, k, **more): ...        the user's function
    def f(a, b=1, *rest, k, **more): return (a, b, rest, k, more)

So binding is as fast as a call, and a binding error is the very TypeError that the call itself would raise.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from functools import lru_cache
from types import CodeType, FunctionType, MethodType

from cascade._vm import holds_deferred
from cascade.imports import Any, NamedTuple, inspect


class Parameter(NamedTuple):
    """As that of `inspect`, which takes 10 ms to import."""

    name: str
    kind: int
    default: Any


POSITIONAL_ONLY, POSITIONAL_OR_KEYWORD, VAR_POSITIONAL, KEYWORD_ONLY, VAR_KEYWORD = range(5)
"""Kinds of parameters, as those of `inspect`."""
CO_VARARGS, CO_VARKEYWORDS = 0x4, 0x8
EMPTY: Any = type("EMPTY", (), {})
"""In place of a default: there is none."""
POSITIONAL = (POSITIONAL_ONLY, POSITIONAL_OR_KEYWORD)


class _Kept:
    """Stands for a parameter that a tail call did not name."""


KEPT = _Kept()


class Binder:
    """The parameters of a function, and how calls of it are bound.

    Attributes:
        parameters: the names of all parameters, in the order of the slots.
        positional: how many leading ones are passed by position.
        positional_only: how many of these cannot be given by name.
        keywords: the names of the keyword-only ones.
        varargs, varkwargs: whether there is a `*args`, a `**kwargs`.
        gathered: the numbers of their slots, each of which holds several arguments.
        bind: called like the function; gives a tuple with one value for each parameter.
    """

    __slots__ = (
        "bind",
        "function",
        "gathered",
        "keywords",
        "parameters",
        "positional",
        "positional_only",
        "varargs",
        "varkwargs",
        "_bind_named",
        "_deferred",
        "_shown",
    )

    def __init__(self, function: Callable[..., Any]) -> None:
        # A decorator's wrapper is called as the user called it: only its own signature, usually (*args, **kwargs),
        # says how. The signature that it shows instead, by `__wrapped__`, tells what a tail call's names mean.
        own = read_parameters(function, follow_wrapped=False)
        shown = read_parameters(function, follow_wrapped=True)
        if not _holds_defaults(function):
            own = _as_given(own)
        self.bind: Callable[..., tuple[Any, ...]]
        self._shown: Binder | None = None
        self._describe(function, own)
        if _differ(own, shown):
            self._shown = Binder.__new__(Binder)
            self._shown._shown = None
            self._shown._describe(function, shown)
            if self._shown._deferred:
                self.bind = self._with_inner_defaults(self.bind)

    def _describe(self, function: Callable[..., Any], parameters: list[Parameter]) -> None:
        self.function = function
        self.parameters = tuple(parameter.name for parameter in parameters)
        self.positional = sum(parameter.kind in POSITIONAL for parameter in parameters)
        self.positional_only = sum(parameter.kind == POSITIONAL_ONLY for parameter in parameters)
        self.keywords = tuple(p.name for p in parameters if p.kind == KEYWORD_ONLY)
        self.varargs = any(parameter.kind == VAR_POSITIONAL for parameter in parameters)
        self.varkwargs = any(parameter.kind == VAR_KEYWORD for parameter in parameters)
        variable = (VAR_POSITIONAL, VAR_KEYWORD)
        self.gathered = tuple(slot for slot, parameter in enumerate(parameters) if parameter.kind in variable)
        defaults = {parameter.name: parameter.default for parameter in parameters}
        self._deferred = {at: p.default for at, p in enumerate(parameters) if holds_deferred(p.default)}
        self.bind = _with_messages_of(function, _binding_function(function, parameters, defaults))
        self._bind_named = _binding_function(function, parameters, dict.fromkeys(self.parameters, KEPT))

    def deferred_defaults(self, positional: int, names: Container[str]) -> dict[int | str, Any]:
        """The defaults that hold LazyResults, in a call of so many arguments by position and these by name.

        By the names of the parameters; by slot for those that are given by position only.
        """
        found: dict[int | str, Any] = {}
        for slot, default in self._deferred.items():
            if slot >= min(positional, self.positional):
                if slot < self.positional_only:
                    found[slot] = default
                elif self.parameters[slot] not in names:
                    found[self.parameters[slot]] = default
        return found | self._inner_defaults(positional, names)

    def _inner_defaults(self, positional: int, names: Container[str]) -> dict[int | str, Any]:
        # The function inside of a decorator's wrapper would take its default as it is: the wrapper is given it by name.
        if self._shown is None or not self.varkwargs:
            return {}
        found = self._shown.deferred_defaults(positional, names)
        return {name: default for name, default in found.items() if isinstance(name, str) and name not in self.parameters}

    def _with_inner_defaults(self, bind: Callable[..., tuple[Any, ...]]) -> Callable[..., tuple[Any, ...]]:
        def bind_all(*args: Any, **kwargs: Any) -> tuple[Any, ...]:
            more: Any = self._inner_defaults(len(args), kwargs)
            return bind(*args, **kwargs, **more)

        return bind_all

    def rebind(
        self, current: tuple[Any, ...], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[Any, ...]:
        """Binds a tail call: parameters that are not named keep their `current` value.

        Raises:
            TypeError: as the call would, for an unknown name or a surplus argument.
        """
        if self._shown is not None:
            now_args, now_kwargs = self.split(current)
            merged = self._shown.rebind(self._shown._bind_named(*now_args, **now_kwargs), args, kwargs)
            new_args, new_kwargs = self._shown._split_named(merged)
            return self.bind(*new_args, **new_kwargs)
        try:
            named = self._bind_named(*args, **kwargs)
        except TypeError:
            self._raise_as_a_call_would(current, args, kwargs)
            raise
        result = [old if new is KEPT else new for old, new in zip(current, named, strict=True)]
        if self.varargs and not named[self.positional]:
            result[self.positional] = current[self.positional]
        if self.varkwargs and not named[-1]:
            result[-1] = current[-1]
        return tuple(result)

    def _raise_as_a_call_would(
        self, current: tuple[Any, ...], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> None:
        # The function that binds a tail call has a default everywhere, which shows in its messages.
        full = dict(kwargs)
        at = self.positional + self.varargs
        for index in [*range(len(args), self.positional), *range(at, at + len(self.keywords))]:
            if index >= self.positional_only:
                full.setdefault(self.parameters[index], current[index])
        self.bind(*args, *current[len(args) : self.positional_only], **full)

    def split(self, slots: tuple[Any, ...]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The (args, kwargs) of the call that the slots stand for."""
        at = self.positional
        args = slots[:at]
        if self.varargs:
            args += tuple(slots[at])
            at += 1
        kwargs = dict(zip(self.keywords, slots[at : at + len(self.keywords)], strict=True))
        if self.varkwargs:
            kwargs.update(slots[-1])
        return args, kwargs


    def _split_named(self, slots: tuple[Any, ...]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        # As `split`, where slots may be KEPT: what follows such a one is given by name.
        known = next((i for i, value in enumerate(slots[: self.positional]) if value is KEPT), self.positional)
        args, kwargs = self.split(slots)
        if known < self.positional:
            by_name = zip(self.parameters[known : self.positional], slots[known : self.positional], strict=True)
            args, kwargs = args[:known], dict(by_name) | kwargs
        return args, {name: value for name, value in kwargs.items() if value is not KEPT}


def read_parameters(function: Callable[..., Any], *, follow_wrapped: bool = True) -> list[Parameter]:
    """The parameters of a function; those of the one that it wraps, if that is to be followed."""
    if type(function) is FunctionType and not function.__dict__:
        return _parameters_of_plain(function)
    try:
        found = inspect.signature(function, follow_wrapped=follow_wrapped).parameters.values()
    except ValueError:
        # Some functions written in C do not tell; they get their arguments as they were given.
        return [Parameter("args", VAR_POSITIONAL, EMPTY), Parameter("kwargs", VAR_KEYWORD, EMPTY)]
    missing = inspect.Parameter.empty
    return [Parameter(each.name, int(each.kind), EMPTY if each.default is missing else each.default) for each in found]


def _differ(own: list[Parameter], shown: list[Parameter]) -> bool:
    # A default is a user's value, which may have an `==` of its own.
    return len(own) != len(shown) or any(
        one.name != other.name or one.kind != other.kind or one.default is not other.default
        for one, other in zip(own, shown, strict=True)
    )


def _parameters_of_plain(function: FunctionType) -> list[Parameter]:
    """The parameters of a function that has no attributes, which could say something else."""
    code = function.__code__
    names = code.co_varnames
    positional, keywords = code.co_argcount, code.co_argcount + code.co_kwonlyargcount
    defaults = dict(zip(reversed(names[:positional]), reversed(function.__defaults__ or ()), strict=False))
    defaults |= function.__kwdefaults__ or {}
    kinds = [POSITIONAL_ONLY] * code.co_posonlyargcount
    kinds += [POSITIONAL_OR_KEYWORD] * (positional - len(kinds))
    kinds += [KEYWORD_ONLY] * code.co_kwonlyargcount
    found = [Parameter(name, kind, defaults.get(name, EMPTY)) for name, kind in zip(names, kinds, strict=False)]
    if code.co_flags & CO_VARARGS:
        found.insert(positional, Parameter(names[keywords], VAR_POSITIONAL, EMPTY))
        keywords += 1
    if code.co_flags & CO_VARKEYWORDS:
        found.append(Parameter(names[keywords], VAR_KEYWORD, EMPTY))
    return found


def _holds_defaults(function: Any) -> bool:
    """Whether the defaults in the function's signature are those that its call really takes.

    What is written in C, or has a `__signature__`, only shows defaults: given explicitly, they may mean something else.
    """
    if type(function) is FunctionType and not function.__dict__:
        return True
    from functools import partial

    while type(function) in (partial, MethodType):
        function = function.func if type(function) is partial else function.__func__
    if isinstance(function, type):
        makers = (type(function).__call__, function.__new__, function.__init__)  # type: ignore[misc]
        made_by = next((maker for maker in makers if type(maker) is FunctionType), None)
        return made_by is not None and not hasattr(function, "__signature__")
    if hasattr(function, "__signature__"):
        return False
    called = function if hasattr(function, "__code__") else type(function).__call__
    return hasattr(called, "__code__") and hasattr(called, "__defaults__")


def _as_given(shown: list[Parameter]) -> list[Parameter]:
    """Parameters that hand arguments on as they were given: what has a default is left out unless it was given."""
    if all(parameter.default is EMPTY for parameter in shown):
        return shown
    needed = [parameter for parameter in shown if parameter.default is EMPTY]
    names = {parameter.name for parameter in shown}
    rest = Parameter(_free_name("args", names), VAR_POSITIONAL, EMPTY)
    more = Parameter(_free_name("kwargs", names), VAR_KEYWORD, EMPTY)
    return [
        *(p for p in needed if p.kind in POSITIONAL),
        next((p for p in needed if p.kind == VAR_POSITIONAL), rest),
        *(p for p in needed if p.kind == KEYWORD_ONLY),
        next((p for p in needed if p.kind == VAR_KEYWORD), more),
    ]


def _free_name(name: str, taken: Container[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _with_messages_of(
    function: Callable[..., Any], bind: Callable[..., tuple[Any, ...]]
) -> Callable[..., tuple[Any, ...]]:
    """`bind`, with the messages of a method, whose own function also counts the instance."""
    owner: Any = getattr(function, "__self__", None)
    method: Any = getattr(function, "__func__", None)
    if method is None and not hasattr(function, "__code__"):
        owner, method = function, getattr(type(function), "__call__", None)
    if not hasattr(method, "__code__"):
        return bind
    parameters = read_parameters(method, follow_wrapped=False)
    bind_whole = _binding_function(method, parameters, {p.name: p.default for p in parameters})

    def bind_method(*args: Any, **kwargs: Any) -> tuple[Any, ...]:
        try:
            return bind(*args, **kwargs)
        except TypeError:
            bind_whole(owner, *args, **kwargs)
            raise

    return bind_method


def _binding_function(
    function: Callable[..., Any], parameters: list[Parameter], defaults: Mapping[str, Any]
) -> Callable[..., tuple[Any, ...]]:
    pieces = []
    positional_only = sum(parameter.kind == POSITIONAL_ONLY for parameter in parameters)
    for index, parameter in enumerate(parameters):
        kind = parameter.kind
        has_default = defaults[parameter.name] is not EMPTY
        if kind == VAR_POSITIONAL:
            pieces.append(f"*{parameter.name}")
        elif kind == VAR_KEYWORD:
            pieces.append(f"**{parameter.name}")
        else:
            if kind == KEYWORD_ONLY and not any(piece.startswith("*") for piece in pieces):
                pieces.append("*")
            pieces.append(f"{parameter.name}=None" if has_default else parameter.name)
        if index + 1 == positional_only:
            pieces.append("/")
    names = "".join(f"{parameter.name}, " for parameter in parameters)
    name = getattr(function, "__name__", type(function).__name__)
    qualname = getattr(function, "__qualname__", name)
    code = _compiled(f"def bind({', '.join(pieces)}):\n    return ({names})")
    code = code.replace(co_name=name, co_qualname=qualname)

    def chosen(*kinds: Any) -> dict[str, Any]:
        return {
            p.name: defaults[p.name] for p in parameters if p.kind in kinds and defaults[p.name] is not EMPTY
        }

    result = FunctionType(code, {}, name, tuple(chosen(*POSITIONAL).values()))
    result.__qualname__ = qualname
    result.__kwdefaults__ = chosen(KEYWORD_ONLY)
    return result


@lru_cache(maxsize=1024)
def _compiled(source: str) -> CodeType:
    module = compile(source, "<cascade: binding of arguments>", "exec")
    return next(constant for constant in module.co_consts if isinstance(constant, CodeType))
