"""Every exception class of Cascade.

Three kinds of failure are kept apart: misuse (the subclasses of `CascadeError`, which also inherit the built-in
class that a user would catch there), an exception of the user's own code (raised as it is, with a note), and a
bug of Cascade (`InternalError`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cascade.imports import Protocol

PAGE = "cascade explain {}"
"""The command that prints the page about an error class or a code; the last line of messages names it. It needs no network."""


class CascadeError(Exception):
    """Base class of the errors of misuse, whose messages have up to five parts, one a line; the last one names the page of the error.

    Attributes:
        what: the fault.
        where: the task, node or file that it was found in.
        expected: the values that are allowed instead.
        hint: a way to mend it.
    """

    what: str
    where: str | None
    expected: str | None
    hint: str | None

    def __init__(
        self, what: str, *, where: str | None = None, expected: str | None = None, hint: str | None = None
    ) -> None:
        lines = [what]
        for label, text in (("where", where), ("expected", expected), ("hint", hint), ("more", self._page())):
            if text is not None:
                lines.append(f"  {label}: {text}")
        super().__init__("\n".join(lines))
        self.what = what
        self.where = where
        self.expected = expected
        self.hint = hint

    def _page(self) -> str | None:
        """Returns the command that prints the page of the class; None for classes of users."""
        kind = type(self)
        return PAGE.format(kind.__name__) if kind.__module__ == __name__ else None

    def _repr_html_(self) -> str:
        """Shows the parts of the message in a notebook, one a row."""
        from cascade.imports import from_above

        parts = (
            (type(self).__name__, self.what),
            ("where", self.where),
            ("expected", self.expected),
            ("hint", self.hint),
            ("more", self._page()),
        )
        facts = from_above("cascade.reports.notebook", "facts")
        return facts([part for part in parts if part[1] is not None])  # type: ignore[no-any-return]

    def __reduce__(self) -> tuple[object, ...]:
        # The keyword arguments above are not in `args`, so the default way of copying would lose them.
        return _restore, (type(self), self.args, self.__dict__)


def _restore(kind: type[CascadeError], args: tuple[object, ...], state: dict[str, object]) -> CascadeError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class TargetError(CascadeError, TypeError):
    """The target of a run is not a LazyResult, a container of them, or (for `compile`) a task."""


class DeclarationError(CascadeError, TypeError):
    """A task, a TailCall or an engine was declared with an argument that is not allowed."""


class NotRunError(CascadeError, TypeError, AttributeError):
    """A LazyResult was used as if it were its value, which is not known before a run."""


class ParameterError(CascadeError, TypeError, ValueError):
    """An input of a run is missing, unknown, declared twice, or cannot be converted. `name` is its name."""

    name: str

    def __init__(
        self, name: str, what: str, *, where: str | None = None, expected: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(what, where=where, expected=expected, hint=hint)
        self.name = name


class ResourceError(CascadeError, RuntimeError):
    """A resource is unknown, or breaks the protocol of resources. `name` is its name."""

    name: str

    def __init__(
        self, name: str, what: str, *, where: str | None = None, expected: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(what, where=where, expected=expected, hint=hint)
        self.name = name


class CycleError(CascadeError, ValueError):
    """A graph depends on itself. `cycle` names the nodes along it, the first one again at the end."""

    cycle: tuple[str, ...]

    def __init__(self, cycle: Sequence[str], *, where: str | None = None) -> None:
        super().__init__(
            "the graph depends on itself: " + " -> ".join(cycle),
            where=where,
            expected="a graph without cycles",
            hint="loops are written with TailCall, or by returning a LazyResult from the task",
        )
        self.cycle = tuple(cycle)


class PlanError(CascadeError, ValueError):
    """A solver's plan does not fit the graph."""


class UnknownTaskError(CascadeError, LookupError):
    """A TailCall names a task that is unknown in the graph where it was returned."""


class DrawingError(CascadeError, ValueError):
    """A graph cannot be drawn in the requested format."""


class SerializationError(CascadeError, ValueError):
    """A graph cannot be written as JSON, or a text is not the JSON of a graph, or names an object that is not allowed."""


class StoreError(CascadeError, RuntimeError):
    """A store of runs cannot be opened, read or written; or a run in it is not there, or is held by another process."""


class SavingError(CascadeError, TypeError):
    """A run holds a value that cannot be saved."""


class UnknownCodeError(CascadeError, LookupError):
    """A task, function or class of a saved run is not found in this process."""


class ChangedCodeError(CascadeError, RuntimeError):
    """The code of a saved run has changed so that it cannot continue. `changes` has a text for each function that has changed."""

    changes: tuple[str, ...]

    def __init__(self, what: str, changes: Iterable[str], *, hint: str | None = None) -> None:
        super().__init__(what, expected="the code that the run began with, or one with the same parameters", hint=hint)
        self.changes = tuple(changes)


class InDoubtError(CascadeError, RuntimeError):
    """A call whose effect must not be repeated had begun when its process ended: whether the effect took place is not known.

    Attributes:
        arguments: of the call, by name.
    """

    arguments: dict[str, object]

    def __init__(
        self,
        what: str,
        arguments: dict[str, object],
        *,
        where: str | None = None,
        expected: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(what, where=where, expected=expected, hint=hint)
        self.arguments = arguments


class RunFailedError(CascadeError, RuntimeError):
    """A saved run has failed, in another process. Its text has the traceback there."""


class RunCancelledError(CascadeError, RuntimeError):
    """A saved run was cancelled."""


class DurabilityWarning(UserWarning):
    """A saved run continues with code that has changed."""


class RunTimeoutError(CascadeError, TimeoutError):
    """A run took longer than its `timeout`. `steps` and `iterations` count the task calls and iterations that it made."""

    seconds: float
    steps: int
    iterations: int

    def __init__(self, seconds: float, steps: int, iterations: int, *, where: str | None = None) -> None:
        super().__init__(
            f"the run took longer than {seconds:g} s: stopped after {steps:,} steps, in iteration {iterations:,}",
            where=where,
            hint="raise timeout=, or look for a loop that does not end",
        )
        self.seconds = seconds
        self.steps = steps
        self.iterations = iterations


class StepLimitError(CascadeError, RuntimeError):
    """A run needs more task calls than its `max_steps`. `steps` and `iterations` count those that it made."""

    max_steps: int
    steps: int
    iterations: int

    def __init__(self, max_steps: int, iterations: int, *, where: str | None = None) -> None:
        super().__init__(
            f"the run needs more than max_steps={max_steps:,} task calls: stopped in iteration {iterations:,}",
            where=where,
            hint="raise max_steps=, or look for a loop that does not end",
        )
        self.max_steps = max_steps
        self.steps = max_steps
        self.iterations = iterations


class Diagnostic(Protocol):
    """A construct that prevents a function from being lowered."""

    @property
    def code(self) -> str:
        """Stable, `CS1` and two digits; docs/lowering.md lists them."""
        raise NotImplementedError

    @property
    def line(self) -> int:
        """The line in the file, from 1 up."""
        raise NotImplementedError

    @property
    def construct(self) -> str:
        """The user's own text there."""
        raise NotImplementedError

    @property
    def hint(self) -> str:
        """A way to write it instead."""
        raise NotImplementedError


class LoweringError(CascadeError, TypeError):
    """A task declared with `lower=True` cannot be lowered. `reasons` holds the diagnostics, each with a code and a line."""

    reasons: tuple[Diagnostic, ...]

    def __init__(self, name: str, reasons: Sequence[Diagnostic], *, where: str | None = None) -> None:
        self.reasons = tuple(reasons)
        super().__init__(
            "\n".join([f"task {name!r} cannot be lowered", *(f"  - {reason}" for reason in reasons)]), where=where
        )

    def _page(self) -> str | None:
        """Returns the command that prints the pages of the codes."""
        return PAGE.format(" ".join(dict.fromkeys(reason.code for reason in self.reasons)))


class PolicyError(CascadeError, ValueError):
    """A policy was given a number that is out of range."""


class CapacityError(CascadeError, ValueError):
    """A node requests more of a system resource than the engine has."""


class TaskTimeoutError(CascadeError, TimeoutError):
    """A call took longer than the `with_timeout` of its node."""


class DependencyMissingError(CascadeError, RuntimeError):
    """A value is needed whose node was skipped. `task_id` names the node, and `reason` the reason of the skip."""

    task_id: str
    reason: str

    def __init__(self, task_id: str, reason: str, *, where: str | None = None) -> None:
        self.task_id = task_id
        self.reason = reason
        super().__init__(
            f"there is no value: node {task_id} was skipped ({reason})",
            where=where,
            expected="a target that runs",
            hint="give it a value for that case: cs.Router(condition, {True: result, False: other}); a pipeline passes the value around it",
        )

    def _page(self) -> str | None:
        """Returns the command that prints the page of the reason."""
        return PAGE.format(self.reason)


class KeyingError(CascadeError, TypeError):
    """A value, or the code of a task, cannot be part of a cache key."""


class CacheError(CascadeError, RuntimeError):
    """A cache cannot be used in the requested way."""


class CacheWarning(UserWarning):
    """A value is not cached, or a file of a cache was damaged. The run continues without it."""


class DeclarationWarning(UserWarning):
    """A declaration is allowed, and probably not meant: such as a task whose value is a generator."""


class RouteError(CascadeError, LookupError, ValueError):
    """A Router's selector, or a Jump, names a route that does not exist."""


class MapError(CascadeError, ValueError):
    """The inputs of a map do not fit each other."""


class EventLoopError(CascadeError, RuntimeError):
    """A synchronous entry point was called where an event loop is already running."""


class BlueprintError(CascadeError, ValueError):
    """A blueprint is malformed. `faults` lists every fault found."""

    faults: tuple[str, ...]

    def __init__(self, what: str, faults: Sequence[str] = (), *, where: str | None = None) -> None:
        super().__init__("\n".join([what, *(f"  - {fault}" for fault in faults)]), where=where)
        self.faults = tuple(faults)


class MissingExtraError(CascadeError, ImportError):
    """A feature needs a package that is not installed. `package` is its name."""

    package: str

    def __init__(self, what: str, package: str, extra: str) -> None:
        super().__init__(
            f"{what} needs the package {package!r}, which is not installed",
            hint=f"pip install 'cascade-engine[{extra}]'",
        )
        self.package = package


class SendingError(CascadeError, TypeError):
    """A value cannot be sent to a worker process, or back."""


class WorkerError(CascadeError, RuntimeError):
    """A worker process died, or an executor was shut down, before a call was over. `task` is the name of the task."""

    task: str

    def __init__(self, task: str, what: str, *, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(what, where=where, hint=hint)
        self.task = task


class SchedulerError(CascadeError, ConnectionError):
    """No scheduler of a Dask cluster answers at an address."""


class InternalError(CascadeError, RuntimeError):
    """A bug of Cascade itself; please report it with the program that shows it."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Returns a hint that names the known words nearest to `name`, or None if none is near."""
    import difflib

    close = difflib.get_close_matches(name, list(known), n=3)
    return "did you mean " + " or ".join(repr(word) for word in close) + "?" if close else None
