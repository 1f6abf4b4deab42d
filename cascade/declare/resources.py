"""Resources: values that are set up before the tasks that use them and torn down after."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

from cascade._vm import entry_point
from cascade.declare.binding import EMPTY, POSITIONAL_ONLY, VAR_KEYWORD, VAR_POSITIONAL, read_parameters
from cascade.declare.derived import TaskDerived
from cascade.declare.lazy import LazyResult, lazy_result
from cascade.declare.task import Task
from cascade.errors import DeclarationError, InternalError, nearest
from cascade.imports import TYPE_CHECKING, Any, NoReturn, overload

if TYPE_CHECKING:
    from typing import Protocol

    class _Decorator(Protocol):
        def __call__(self, func: GeneratorFunction, /) -> Resource: ...


GeneratorFunction = Callable[..., Iterator[object] | AsyncIterator[object]]
SCOPES = ("run", "task")
CO_GENERATOR, CO_ASYNC_GENERATOR = 0x20, 0x200  # as in inspect, which takes long to import


class Resource:
    """A generator function that sets something up, yields it, and tears it down.

    Attributes:
        func: the generator function.
        name: its name in `inject`.
        scope: "run" (one for each run that needs it) or "task" (one for each call of a task that gets it).
        is_async: whether it is an async generator function.
        parameters: its parameters and their defaults, among them other resources and inputs.
    """

    func: Callable[..., Any]  # a generator function, sync or async

    @entry_point
    def __init__(self, func: GeneratorFunction, *, name: str | None = None, scope: str = "run") -> None:
        flags = _code_flags(func)
        shown = getattr(func, "__qualname__", repr(func))
        if isinstance(func, (Resource, Task)) or not flags & (CO_GENERATOR | CO_ASYNC_GENERATOR):
            raise DeclarationError(
                f"a resource must be a generator function, and {shown} is none",
                expected="a function (def or async def) that yields once",
                hint="set up before the yield, yield what tasks get, tear down after it",
            )
        if name is not None and (not isinstance(name, str) or not name):
            raise DeclarationError(f"@resource(name={name!r})", expected="a name")
        if scope not in SCOPES:
            raise DeclarationError(
                f"@resource(scope={scope!r})",
                where=f"resource {name or shown!r}",
                expected="one of " + ", ".join(map(repr, SCOPES)),
                hint=nearest(str(scope), SCOPES),
            )
        self.func = func
        self.name: str = name if name is not None else str(getattr(func, "__name__", shown))
        self.scope = scope
        self.is_async: bool = bool(flags & CO_ASYNC_GENERATOR)
        self.parameters: dict[str, object] = self._defaults()
        self.derived: TaskDerived = TaskDerived()
        self._injected: LazyResult[object] | None = None
        self.__doc__ = getattr(func, "__doc__", None)
        self.__wrapped__ = func

    def _defaults(self) -> dict[str, object]:
        result: dict[str, object] = {}
        for parameter in read_parameters(self.func):
            if parameter.kind in (VAR_POSITIONAL, VAR_KEYWORD):
                continue
            if parameter.default is EMPTY or parameter.kind == POSITIONAL_ONLY:
                raise DeclarationError(
                    f"parameter {parameter.name!r} of resource {self.name!r} cannot be filled in",
                    expected="parameters that can be named and have a default, since nobody calls a resource",
                    hint=f"{parameter.name}=cascade.inject('...') for another resource, {parameter.name}=cascade.Param('...') "
                    "for an input",
                )
            result[parameter.name] = parameter.default
        return result

    @property
    def needs(self) -> list[Injection]:
        """The resources that it needs itself."""
        return [i for i in map(injection_of, self.parameters.values()) if i is not None]

    def __call__(self, /, *args: object, **kwargs: object) -> Any:  # noqa: ANN401 - as that of `func`
        """Calls the generator function, for tests of it."""
        return self.func(*args, **kwargs)

    def __getstate__(self) -> dict[str, object]:
        # Its LazyResult refers back to it, and is made again where it is unpickled: it may be the default of a compute task.
        return {**self.__dict__, "_injected": None, "derived": TaskDerived()}

    def __repr__(self) -> str:
        return f"<Resource {self.name}>"


class Injection(Task[..., object]):
    """Stands for a resource in a graph: for a registered one by its name, or for one that it holds."""

    takes_policies = False

    def __init__(self, name: str, resource: Resource | None = None) -> None:
        super().__init__(_never_called, name=name)
        self.mode = "resource"
        self.resource = resource

    def __repr__(self) -> str:
        return f"inject({self.name!r})"

    def __reduce__(self) -> tuple[object, ...]:
        return _injection, (self.name if self.resource is None else self.resource,)


def _never_called() -> NoReturn:
    raise InternalError("an injected resource was called")


@overload
def resource(func: GeneratorFunction, /) -> Resource: ...
@overload
def resource(*, name: str | None = None, scope: str = "run") -> _Decorator: ...
@entry_point
def resource(func: GeneratorFunction | None = None, /, *, name: str | None = None, scope: str = "run") -> object:
    """Makes a generator function a resource: set-up before its `yield`, tear-down after it.

    Tasks get the value that it yields by `inject`. The tear-down always runs, also when the run fails or is cancelled, in the
    reverse order of the set-ups. The function's own parameters may inject other resources.

    The function is resumed after its `yield` in any case, and no error of the run is raised there. So the code that follows must
    not assume that the run succeeded: `try: yield ...; commit() except: rollback()` would always commit. Undo there what has not
    been finished, and finish in a task that comes last: `cascade.sequence([work, commit(cascade.inject(...))])`.

    Args:
        func: a sync or async generator function, all of whose parameters have defaults.
        name: its name in `inject`; by default the function's name.
        scope: "run" for one that all tasks of a run share, set up when it is first needed; "task" for one of its own
            for each call of a task.

    Raises:
        DeclarationError: (a TypeError) it is not a generator function, or has parameters without defaults.

    >>> import cascade as cs
    >>> @cs.resource
    ... def numbers():
    ...     yield [1, 2, 3]
    >>> @cs.task
    ... def total(values=cs.inject(numbers)):
    ...     return sum(values)
    >>> cs.run(total())
    6
    """
    if func is None:
        return lambda function: Resource(function, name=name, scope=scope)
    return Resource(func, name=name, scope=scope)


@entry_point
def inject(name: str | Resource) -> Any:  # noqa: ANN401 - of the type of its parameter
    """Returns a stand-in for a resource, for the default of a task's or a resource's parameter, or anywhere a LazyResult may stand.

    Args:
        name: of a resource that the engine knows (`engine.register`), or a resource itself, which needs no
            registration and can be overridden by its name all the same.

    Raises:
        DeclarationError: (a TypeError) it is neither.
    """
    if isinstance(name, Resource):
        if name._injected is None:
            name._injected = lazy_result(Injection(name.name, name), ())
        return name._injected
    if not isinstance(name, str) or not name:
        raise DeclarationError(f"inject({name!r})", expected="the name of a resource, or a resource")
    lazy = _by_name.get(name)
    if lazy is None:
        lazy = _by_name.setdefault(name, lazy_result(Injection(name), ()))
    return lazy


# One for each name, so that graphs that inject the same have equal shapes, and are compiled once.
_by_name: dict[str, LazyResult[object]] = {}


def _injection(name: str | Resource) -> Injection:
    found = injection_of(inject(name))
    assert found is not None
    return found


def injection_of(value: object) -> Injection | None:
    """Returns the injection that `value` stands for if it is a resource's LazyResult, otherwise None."""
    task = value.task if type(value) is LazyResult else None
    return task if isinstance(task, Injection) else None


def _code_flags(func: object) -> int:
    while not hasattr(func, "__code__") and (wrapped := getattr(func, "__wrapped__", None)) is not None:
        func = wrapped
    func = getattr(func, "func", func) if type(func).__name__ == "partial" else func
    code = getattr(getattr(func, "__func__", func), "__code__", None)
    return 0 if code is None else int(code.co_flags)
