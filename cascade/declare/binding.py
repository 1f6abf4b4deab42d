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
from cascade.errors import CascadeError
from cascade.imports import NamedTuple, inspect


class Parameter(NamedTuple):
    """A parameter of a function, as that of `inspect`, which takes 10 ms to import."""

    name: str
    kind: int
    default: object


POSITIONAL_ONLY, POSITIONAL_OR_KEYWORD, VAR_POSITIONAL, KEYWORD_ONLY, VAR_KEYWORD = range(5)
"""Kinds of parameters, as those of `inspect`."""
CO_VARARGS, CO_VARKEYWORDS = 0x4, 0x8
EMPTY: object = type("EMPTY", (), {})
"""Stands for the default of a parameter that has none."""
POSITIONAL = (POSITIONAL_ONLY, POSITIONAL_OR_KEYWORD)


Bind = Callable[..., tuple[object, ...]]
"""A function that is called like a task's function, and returns a value for each parameter."""


class _Kept:
    """Stands for a parameter that a tail call did not name."""


KEPT = _Kept()


class Binder:
    """Binds calls of a function to its parameters.

    Attributes:
        parameters: the names of all parameters, in the order of the slots.
        positional: the number of leading ones that are passed by position.
        positional_only: the number of these that cannot be passed by name.
        keywords: the names of the keyword-only ones.
        varargs, varkwargs: whether there is a `*args`, a `**kwargs`.
        gathered: the numbers of their slots, each of which holds several arguments.
        bind: called like the function; returns a tuple with one value for each parameter.
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

    def __init__(self, function: Callable[..., object]) -> None:
        # A decorator's wrapper is called as the user called it, by its own signature, which is usually (*args, **kwargs).
        # The signature that it shows instead, by `__wrapped__`, gives the names in a tail call their meaning.
        own = read_parameters(function, follow_wrapped=False)
        shown = read_parameters(function, follow_wrapped=True)
        if not _holds_defaults(function):
            own = _as_given(own)
        self.bind: Bind
        self._shown: Binder | None = None
        self._describe(function, own)
        if _differ(own, shown):
            self._shown = Binder.__new__(Binder)
            self._shown._shown = None
            self._shown._describe(function, shown)
            if self._shown._deferred:
                self.bind = self._with_inner_defaults(self.bind)

    def _describe(self, function: Callable[..., object], parameters: list[Parameter]) -> None:
        self.function: Callable[..., object] = function
        self.parameters: tuple[str, ...] = tuple(parameter.name for parameter in parameters)
        self.positional: int = sum(parameter.kind in POSITIONAL for parameter in parameters)
        self.positional_only: int = sum(parameter.kind == POSITIONAL_ONLY for parameter in parameters)
        self.keywords: tuple[str, ...] = tuple(p.name for p in parameters if p.kind == KEYWORD_ONLY)
        self.varargs: bool = any(parameter.kind == VAR_POSITIONAL for parameter in parameters)
        self.varkwargs: bool = any(parameter.kind == VAR_KEYWORD for parameter in parameters)
        variable = (VAR_POSITIONAL, VAR_KEYWORD)
        self.gathered: tuple[int, ...] = tuple(
            slot for slot, parameter in enumerate(parameters) if parameter.kind in variable
        )
        defaults = {parameter.name: parameter.default for parameter in parameters}
        self._deferred = {at: p.default for at, p in enumerate(parameters) if holds_deferred(p.default)}
        self.bind = _with_messages_of(function, _binding_function(function, parameters, defaults))
        self._bind_named = _binding_function(function, parameters, dict.fromkeys(self.parameters, KEPT))

    @property
    def unbound(self) -> int:
        """So many arguments by position are the values of the parameters themselves; -1 where each call has to be bound."""
        adds_defaults = self._shown is not None and bool(self._shown._deferred)
        return -1 if adds_defaults or self.keywords or self.gathered else self.positional

    def check_partial(self, args: tuple[object, ...], kwargs: Mapping[str, object]) -> None:
        """Raises TypeError for arguments that no call could pass; a call may lack others."""
        (self if self._shown is None else self._shown)._bind_named(*args, **kwargs)

    def deferred_defaults(self, positional: int, names: Container[str]) -> dict[int | str, object]:
        """Returns the defaults that hold LazyResults and take effect in a call.

        Args:
            positional: the number of arguments that the call passes by position.
            names: those of the arguments that it passes by name.

        Returns:
            The defaults by the names of their parameters; by slot for positional-only ones.
        """
        found: dict[int | str, object] = {}
        for slot, default in self._deferred.items():
            if slot >= min(positional, self.positional):
                if slot < self.positional_only:
                    found[slot] = default
                elif self.parameters[slot] not in names:
                    found[self.parameters[slot]] = default
        found.update(self._inner_defaults(positional, names).items())
        return found

    def _inner_defaults(self, positional: int, names: Container[str]) -> dict[str, object]:
        # The function inside a decorator's wrapper would take its default as it is: so it is passed to the wrapper by name.
        if self._shown is None or not self.varkwargs:
            return {}
        found = self._shown.deferred_defaults(positional, names)
        return {
            name: default for name, default in found.items() if isinstance(name, str) and name not in self.parameters
        }

    def _with_inner_defaults(self, bind: Bind) -> Bind:
        def bind_all(*args: object, **kwargs: object) -> tuple[object, ...]:
            return bind(*args, **kwargs, **self._inner_defaults(len(args), kwargs))

        return bind_all

    def rebind(
        self, current: tuple[object, ...], args: tuple[object, ...], kwargs: Mapping[str, object]
    ) -> tuple[object, ...]:
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
        self, current: tuple[object, ...], args: tuple[object, ...], kwargs: Mapping[str, object]
    ) -> None:
        # The function that binds a tail call has a default for every parameter, which its messages would show.
        full = dict(kwargs)
        at = self.positional + self.varargs
        for index in [*range(len(args), self.positional), *range(at, at + len(self.keywords))]:
            if index >= self.positional_only:
                full.setdefault(self.parameters[index], current[index])
        self.bind(*args, *current[len(args) : self.positional_only], **full)

    def split(self, slots: tuple[object, ...]) -> tuple[tuple[object, ...], dict[str, object]]:
        """Returns the (args, kwargs) of the call that `slots` were bound from."""
        at = self.positional
        args = slots[:at]
        if len(slots) == at:
            return args, {}
        if self.varargs:
            rest = slots[at]
            assert isinstance(rest, tuple)
            args += rest
            at += 1
        kwargs: dict[str, object] = {}
        if self.keywords:
            kwargs = dict(zip(self.keywords, slots[at : at + len(self.keywords)], strict=True))
        if self.varkwargs:
            more = slots[-1]
            assert isinstance(more, dict)
            kwargs.update(more)
        return args, kwargs

    def _split_named(self, slots: tuple[object, ...]) -> tuple[tuple[object, ...], dict[str, object]]:
        # As `split`, for slots that may be KEPT: arguments after the first such slot are passed by name.
        known = next((i for i, value in enumerate(slots[: self.positional]) if value is KEPT), self.positional)
        args, kwargs = self.split(slots)
        if known < self.positional:
            by_name = zip(self.parameters[known : self.positional], slots[known : self.positional], strict=True)
            args, kwargs = args[:known], dict(by_name) | kwargs
        return args, {name: value for name, value in kwargs.items() if value is not KEPT}


def read_parameters(function: Callable[..., object], *, follow_wrapped: bool = True) -> list[Parameter]:
    """Returns the parameters of a function, or with `follow_wrapped` those of the function that it wraps."""
    if type(function) is FunctionType and not function.__dict__:
        return _parameters_of_plain(function)
    try:
        found = inspect.signature(function, follow_wrapped=follow_wrapped).parameters.values()
    except ValueError:
        # Some functions written in C have no signature; they get their arguments as they were passed.
        return [Parameter("args", VAR_POSITIONAL, EMPTY), Parameter("kwargs", VAR_KEYWORD, EMPTY)]
    missing = inspect.Parameter.empty
    return [Parameter(each.name, int(each.kind), EMPTY if each.default is missing else each.default) for each in found]


def note_parameters(error: TypeError, name: str, function: Callable[..., object]) -> None:
    """Adds the parameters of a task to an error of binding, which stays the one that the call of its function would raise."""
    if isinstance(error, CascadeError):
        return
    try:
        signature = inspect.signature(function)
        bare = [parameter.replace(annotation=parameter.empty) for parameter in signature.parameters.values()]
        shown = str(inspect.Signature(bare))
    except Exception:  # a default is a user's value, which may have a `__repr__` of its own
        return
    error.add_note(f"  expected: {name}{shown:.300}")


def _differ(own: list[Parameter], shown: list[Parameter]) -> bool:
    # A default is a user's value, which may have an `==` of its own.
    return len(own) != len(shown) or any(
        one.name != other.name or one.kind != other.kind or one.default is not other.default
        for one, other in zip(own, shown, strict=True)
    )


def _parameters_of_plain(function: FunctionType) -> list[Parameter]:
    """Returns the parameters of a function without attributes of its own, such as a `__signature__` that overrides them."""
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


def _holds_defaults(function: Callable[..., object]) -> bool:
    """Returns True if the defaults in the function's signature are those that its call really uses.

    A function that is written in C, or has a `__signature__`, only shows defaults: passed explicitly, they may mean
    something else.
    """
    if type(function) is FunctionType and not function.__dict__:
        return True
    from functools import partial

    while isinstance(function, (partial, MethodType)) and type(function) in (partial, MethodType):
        function = function.func if isinstance(function, partial) else function.__func__
    if isinstance(function, type):
        makers = (type(function).__call__, function.__new__, function.__init__)  # type: ignore[misc]
        made_by = next((maker for maker in makers if type(maker) is FunctionType), None)
        return made_by is not None and not hasattr(function, "__signature__")
    if hasattr(function, "__signature__"):
        return False
    called = function if hasattr(function, "__code__") else type(function).__call__
    return hasattr(called, "__code__") and hasattr(called, "__defaults__")


def _as_given(shown: list[Parameter]) -> list[Parameter]:
    """Returns parameters that pass arguments on as they came: one with a default is omitted unless the call passes it."""
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


def _with_messages_of(function: Callable[..., object], bind: Bind) -> Bind:
    """Returns `bind` with the messages of a method, whose own function also counts the instance."""
    owner: object = getattr(function, "__self__", None)
    method: Callable[..., object] | None = getattr(function, "__func__", None)
    if method is None and not hasattr(function, "__code__"):
        owner, method = function, getattr(type(function), "__call__", None)
    if method is None or not hasattr(method, "__code__"):
        return bind
    parameters = read_parameters(method, follow_wrapped=False)
    bind_whole = _binding_function(method, parameters, {p.name: p.default for p in parameters})

    def bind_method(*args: object, **kwargs: object) -> tuple[object, ...]:
        try:
            return bind(*args, **kwargs)
        except TypeError:
            pass  # not raised here, where the other message would be its context
        bind_whole(owner, *args, **kwargs)
        return bind(*args, **kwargs)

    return bind_method


def _binding_function(
    function: Callable[..., object], parameters: list[Parameter], defaults: Mapping[str, object]
) -> Bind:
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

    def chosen(*kinds: int) -> dict[str, object]:
        return {p.name: defaults[p.name] for p in parameters if p.kind in kinds and defaults[p.name] is not EMPTY}

    result = FunctionType(code, {}, name, tuple(chosen(*POSITIONAL).values()))
    result.__qualname__ = qualname
    result.__kwdefaults__ = chosen(KEYWORD_ONLY)
    return result


@lru_cache(maxsize=1024)
def _compiled(source: str) -> CodeType:
    module = compile(source, "<cascade: binding of arguments>", "exec")
    return next(constant for constant in module.co_consts if isinstance(constant, CodeType))
