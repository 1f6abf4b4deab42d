"""Targets by name: `MODULE:TARGET` is imported, and its parameters are found."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import sys
import types
import typing
from pathlib import Path

from cascade.declare.inputs import REQUIRED, Input, input_of
from cascade.declare.lazy import LazyResult, lazy_result
from cascade.declare.resources import Resource
from cascade.declare.task import Task
from cascade.errors import TargetError, nearest
from cascade.graph.build import flatten
from cascade.graph.inputs import Inputs
from cascade.graph.model import Graph
from cascade.runtime.program import Program
from cascade.runtime.resources import ResourceContainer
from cascade.runtime.resources.resolver import parameters_of


class Target:
    """A target with its parameters; those of a task have been made `Param`s."""

    def __init__(self, given: object, usage: str | None, module: types.ModuleType | None) -> None:
        self.given = given
        self.usage = usage
        self.system_resources = given.system_resources if isinstance(given, Program) else {}
        self.lazy: object = given._target if isinstance(given, Program) else given
        self.description = None
        if isinstance(self.lazy, Task):
            self.description = inspect.getdoc(self.lazy.func)
            self.lazy = _with_parameters(self.lazy)
        elif type(self.lazy) is LazyResult:
            self.description = inspect.getdoc(self.lazy.task.func)
        elif not isinstance(self.lazy, Graph):
            flatten(self.lazy)  # raises TargetError for anything else
        if module is None:
            module = sys.modules.get("__main__")
        found = vars(module).values() if module is not None else ()
        self.resources: list[Resource] = list(
            {each.name: each for each in found if isinstance(each, Resource)}.values()
        )

    def inputs(self, container: ResourceContainer) -> tuple[tuple[Input, ...], list[Input]]:
        """Returns the parameters, and the environment variables."""
        _, inputs = flatten(self.lazy)
        if not isinstance(inputs, Inputs):
            return (), []
        declared = {each.name: each for each in inputs.all_declared() if each.kind != "parameter"}
        return parameters_of(inputs, container), list(declared.values())


def _with_parameters(task: Task[..., object]) -> LazyResult[object]:
    """Returns a call of the task with a parameter for each argument, so that options can set them."""
    try:
        hints = typing.get_type_hints(task.func, include_extras=True)
    except Exception:
        hints = {}  # an annotation cannot be evaluated; the values stay texts
    args, kwargs = [], {}
    for each in inspect.signature(task.func).parameters.values():
        if each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD):
            continue
        value = each.default
        if type(value) is not LazyResult:  # an injected resource, or an input already
            hint = hints.get(each.name)
            notes: list[str] = []
            if typing.get_origin(hint) is typing.Annotated:
                hint, *rest = typing.get_args(hint)
                notes = [note for note in rest if isinstance(note, str)]
            default = REQUIRED if each.default is each.empty else each.default
            # Not `Param`, which checks that the default fits the type: a task's default may be anything.
            value = lazy_result(Input("parameter", each.name, default, hint, notes[0] if notes else ""), ())
        if each.kind is each.KEYWORD_ONLY:
            kwargs[each.name] = value
        else:
            args.append(value)
    return task(*args, **kwargs)


def load_target(text: str, command: str) -> Target:
    place, colon, path = text.rpartition(":")
    if not colon or not place or not path:
        place = place or text
        candidates = _candidates(import_module_of(text)) if not colon and text else []
        raise TargetError(
            f"{text!r} names no target",
            expected="MODULE:TARGET",
            hint="the module has " + ", ".join(f"{text}:{name}" for name in candidates) if candidates else None,
        )
    module = import_module_of(place)
    found: object = module
    for name in path.split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            known = _candidates(module)
            raise TargetError(
                f"module {place!r} has no {path!r}",
                expected="one of " + ", ".join(known) if known else "a task or a LazyResult; the module has none",
                hint=nearest(path, known),
            ) from None
    return Target(found, f"{command} {text}", module)


def _candidates(module: types.ModuleType) -> list[str]:
    kinds = (Task, LazyResult, Program, Graph)
    return [
        name for name, value in vars(module).items() if isinstance(value, kinds) and input_of(value) is None
    ]  # a parameter is not a target that anybody means


def import_module_of(place: str) -> types.ModuleType:
    """Imports a module, by its name or by the path of its file."""
    if place.endswith(".py") or os.sep in place:
        return _module_of_file(Path(place))
    if "" not in sys.path and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())  # as python -m does
    try:
        return importlib.import_module(place)
    except ModuleNotFoundError as error:
        if error.name is None or not (place == error.name or place.startswith(error.name + ".")):
            raise  # the module is there, and misses another
        raise TargetError(
            f"there is no module {place!r}", expected="a module's name, or the path of a .py file"
        ) from None


def _module_of_file(path: Path) -> types.ModuleType:
    if not path.is_file():
        raise TargetError(f"there is no file {str(path)!r}")
    name = path.stem
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not name.isidentifier():
        raise TargetError(f"{str(path)!r} is not a file of Python's", expected="a .py file whose name is an identifier")
    if name in sys.modules and getattr(sys.modules[name], "__file__", None) != str(path):
        raise TargetError(f"a module {name!r} is imported already", where=str(path), hint="rename the file")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent.resolve()))
    sys.modules[name] = module  # as an import does, so that tasks can be found by name
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
