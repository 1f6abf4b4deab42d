"""LazyResult: a call of a task that has not been made yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

from cascade._vm import install_deferred

if TYPE_CHECKING:
    from cascade.spec.task import Task

R = TypeVar("R", covariant=True)


class LazyResult(Generic[R]):
    """What calling a task gives: the task and its bound arguments.

    It may stand anywhere in the arguments of other tasks, also inside nested lists, tuples, dicts, sets and
    dataclasses. Run it with `cascade.run`, or compile it with `cascade.compile`.

    Attributes:
        task: the task that was called.
        slots: one value for each parameter of the task, defaults filled in.
    """

    __slots__ = ("task", "slots", "__weakref__")

    task: Task[..., R]
    slots: tuple[Any, ...]

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments by the names of the parameters."""
        return dict(zip(self.task.binder.parameters, self.slots, strict=True))

    def __repr__(self) -> str:
        return f"<LazyResult of {self.task.name}>"

    def __bool__(self) -> NoReturn:
        raise TypeError(
            f"the result of task {self.task.name!r} is not known yet, so it has no truth value; "
            "pass it to a task that decides, or run it first with cascade.run"
        )


install_deferred(LazyResult)
