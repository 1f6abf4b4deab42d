"""Run in a child process: calls a callable of `cascade._vm` with whatever there is. `python -m tests.support.hostile GROUP SEED`."""

from __future__ import annotations

import ast
import faulthandler
import gc
import itertools
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import cascade as cs
from cascade import _vm
from cascade.kernels.blocks.kernel import block_kernel
from cascade.kernels.blocks.numpy_types import numpy_now
from tests.support.kernel_functions import add_up

SAMPLES = 600  # calls with more than two arguments, for each callable
DEPTH = 3  # how deep mischief calls itself


class Mischief:
    """Whatever CPython asks of it, it first changes what is being read."""

    depth = 0

    def act(self) -> None:
        if Mischief.depth >= DEPTH:
            return
        Mischief.depth += 1
        try:
            self.act_once()
        except BaseException:  # noqa: BLE001, S110  the next action may do more
            pass
        finally:
            Mischief.depth -= 1

    def act_once(self) -> None:
        chosen = choice.choice(instances)
        action = choice.randrange(4)
        if action == 0:
            for held in lists:
                held.clear()
        elif action == 1:
            chosen.__init__(*choice.choices(pool, k=choice.randrange(4)))
        elif action == 2:
            method = choice.choice(methods_of(type(chosen)))
            method(chosen, *choice.choices(pool, k=choice.randrange(3)))
        else:
            lists.append([self, 1, 2])
            choice.choice(lists).extend([self, 2.0, "three"])

    def __eq__(self, other: object) -> bool:
        self.act()
        return choice.random() < 0.5

    def __hash__(self) -> int:
        self.act()
        return hash("name")

    def __index__(self) -> int:
        self.act()
        return choice.choice((-1, 0, 1, 1 << 40))

    def __float__(self) -> float:
        self.act()
        return choice.choice((0.0, float("nan"), float("inf")))

    def __len__(self) -> int:
        self.act()
        return 3

    def __bool__(self) -> bool:
        self.act()
        return True

    def __iter__(self) -> Iterator[Any]:
        self.act()
        return iter((1, self))

    def __getitem__(self, index: object) -> Any:
        self.act()
        if index == 5:
            raise IndexError
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.act()
        return choice.choice(pool)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        self.act()
        return choice.choice(pool)

    def __repr__(self) -> str:
        self.act()
        return "mischief"

    def __await__(self) -> Iterator[Any]:
        self.act()
        yield

    def __del__(self) -> None:
        self.act()


class TaskGroup:
    entries: list[_vm.Pending] = []  # noqa: RUF012  all of them, whoever made them

    def spawn(self, entry: Any, awaitable: object, name: str) -> None:
        self.entries.append(entry)


def stop_at_once(function: Callable[[int], None], number: int) -> Callable[[], object]:
    return lambda: function(number)


@cs.task
def wait(value: Any) -> Any:
    return Mischief()


def machine_of(task: Any, *values: Any) -> _vm.Machine:
    program = cs.compile(task)
    return _vm.Machine(program._code, values, program._context)


@_vm.called_directly
class Direct(_vm.DirectCall):
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return Mischief()


def direct_call() -> Direct:
    program = cs.compile(wait)
    return Direct(program._code, program._context, 0.0, bind=wait.bind, positional=1)


def waiting_machine() -> _vm.Machine:
    machine = machine_of(wait, 1)
    machine.attach(TaskGroup())
    machine.run()
    return machine


def items() -> _vm.Items:
    program = cs.compile(add_up)
    return _vm.Items(
        program._context,
        add_up.routine,
        [[3, 4, 5] * 40],
        (0,),
        (3,) * len(add_up.routine.parameters),
        [],
        2,
        stop_at_once,
    )


def array_column() -> _vm.ArrayColumn:
    numpy_now()
    return _vm.ArrayColumn(np.arange(120))


def array_items() -> _vm.ArrayItems:
    slots = (3,) * len(add_up.routine.parameters)
    results = _vm.MapResults(120)
    return _vm.ArrayItems(add_up.routine, [array_column()], (0,), slots, results, 2, stop_at_once)


def map_results() -> _vm.MapResults:
    items = array_items()
    items.run(10.0)
    return next(each for each in gc.get_referents(items) if type(each) is _vm.MapResults)


def kernel() -> _vm.Kernel:
    program = cs.compile(add_up)
    add_up.routine.lower(program._context, ("int",) * len(add_up.routine.parameters))
    return add_up.routine.kernels[0]


def profiled_run() -> _vm.ProfiledRun:
    """One that a profiler has kept."""
    found: list[Any] = []
    sys.setprofile(
        lambda frame, event, argument: (
            found.extend(frame.f_back.f_locals.values()) if event == "call" and frame.f_back else None
        )
    )
    try:
        cs.run(add_up(10, 0))
    finally:
        sys.setprofile(None)
    return next((each for each in found if type(each) is _vm.ProfiledRun), _vm.ProfiledRun())


def route_template() -> _vm.RouteTemplate:
    return _vm.RouteTemplate(cs.compile(wait)._code, [0, 0], [(0, 0), (1, 1)])


def pending() -> _vm.Pending:
    waiting_machine()
    return TaskGroup.entries[-1]


def frame() -> Any:
    return next(found for found in gc.get_referents(pending()) if type(found).__name__ == "Frame")


RECIPES: dict[str, Callable[[], Any]] = {
    "TailCall": lambda: cs.TailCall((1, Mischief()), {"name": [Mischief()]}),
    "Jump": lambda: cs.Jump(Mischief(), [Mischief()]),
    "Routes": lambda: _vm.Routes([(Mischief(), 1, 2), ("name", 0, 0)], 3),
    "RouteTemplate": route_template,
    "CompiledRoutes": lambda: _vm.CompiledRoutes({Mischief(): 1}, {1: route_template()}),
    "Routine": lambda: cs.task(lambda name, other=2: name).routine,
    "Code": lambda: cs.compile(wait)._code,
    "Frame": frame,
    "Pending": pending,
    "Machine": waiting_machine,
    "DirectCall": direct_call,
    "Shares": items,
    "Items": items,
    "ArrayColumn": array_column,
    "ArrayItems": array_items,
    "MapResults": map_results,
    "Kernel": kernel,
    "ProfiledRun": profiled_run,
    "BlockKernel": lambda: block_kernel(lambda name: [name]),
    "Handover": lambda: _vm.Handover(),
    "Skipped": lambda: _vm.Skipped("name", "reason"),
    "_Kept": lambda: _vm.KEPT,
    "Mark": lambda: _vm.Mark("name"),
    "FrameState": lambda: _vm.FrameState(cs.compile(wait)._code, 0, [_vm.ABSENT, Mischief()], [(0, [Mischief()])]),
}
"""How to make an instance of each class."""


def is_own(value: object) -> bool:
    own = getattr(value, "__module__", None) == _vm.__name__ or getattr(value, "__self__", None) is _vm
    return callable(value) and own


def classes() -> list[type]:
    found = [value for value in vars(_vm).values() if isinstance(value, type) and is_own(value)]
    return [*found, *(type(frame()) for _ in range("Frame" not in vars(_vm)))]


def callables() -> dict[str, Callable[..., Any]]:
    """All functions of the module, its classes, and what their attributes are found by, which take an instance."""
    found: dict[str, Callable[..., Any]] = {name: value for name, value in vars(_vm).items() if is_own(value)}
    for kind in classes():
        for name, member in vars(kind).items():
            if callable(member):
                found[f"{kind.__name__}.{name}"] = member
            elif hasattr(member, "__get__"):
                found[f"{kind.__name__}.{name}"] = member.__get__
        for name in (
            "__reduce__",
            "__reduce_ex__",
            "__setstate__",
            "__copy__",
            "__deepcopy__",
            "__init__",
            "__new__",
            "__getstate__",
        ):
            if hasattr(kind, name):
                found[f"{kind.__name__}.{name}"] = getattr(kind, name)
    return found


def groups() -> list[str]:
    """What is attacked in one child process: a class, or all functions of the module."""
    return sorted({group_of(name, function) for name, function in callables().items()})


def group_of(name: str, function: Callable[..., Any]) -> str:
    return name.split(".")[0] if "." in name or isinstance(function, type) else "functions"


def methods_of(kind: type) -> list[Callable[..., Any]]:
    return [member for member in vars(kind).values() if callable(member)]


def parameter_names() -> list[str]:
    tree = ast.parse((Path(_vm.__file__).parent / "_vm.pyi").read_text())
    return sorted({node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)} - {"self"})


def attempt(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    try:
        return function(*args, **kwargs)
    except BaseException:  # noqa: BLE001  whatever it raises: it did not crash
        return None


def fill_pool() -> None:
    instances.extend(recipe() for recipe in RECIPES.values())
    instances.extend(made for kind in classes() if (made := attempt(kind.__new__, kind)) is not None)
    lists.extend([[], [1], [[1, 2], [3, 4]], [Mischief()], [[Mischief(), 1]], [("name", 0, 0)], [(0, 1)]])
    pool.extend(
        [None, object(), -1, 0, 1, 2, 1 << 70, float("nan"), float("inf"), True, "", "name", "\ud800", b"words", len]
    )
    pool.extend(
        [
            (),
            (1,),
            (0,),
            ("name",),
            (1, 2),
            (Mischief(),),
            {},
            {"name": 1},
            {Mischief(): 1},
            {1, 2},
            int,
            type,
            Mischief,
        ]
    )
    pool.extend([Mischief(), wait, wait(1), cs.compile(wait)._context, TaskGroup(), stop_at_once])
    pool.extend(lists)
    pool.extend(instances)


def attack(function: Callable[..., Any]) -> None:
    names = parameter_names()
    attempt(function)
    for value in pool:
        attempt(function, value)
    for one, other in itertools.product(pool, repeat=2):
        attempt(function, one, other)
    for _ in range(SAMPLES):
        given = choice.choices(pool, k=choice.randrange(3, 9))
        named = {choice.choice(names): choice.choice(pool) for _ in range(choice.randrange(3))}
        attempt(function, *given, **named)
        attempt(function, choice.choice(instances), *given[:2], **named)


choice = random.Random()  # noqa: S311
pool: list[Any] = []
lists: list[list[Any]] = []
instances: list[Any] = []


def main(group: str, seed: int) -> None:
    faulthandler.enable()
    faulthandler.dump_traceback_later(250, exit=True)
    choice.seed(seed)
    fill_pool()
    for name, function in callables().items():
        if group_of(name, function) == group:
            attack(function)
    gc.collect()
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
