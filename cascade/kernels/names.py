"""The meaning of the names in a function, and the guards that it is still the same."""

from __future__ import annotations

import ast
import sys
from types import CellType, FunctionType, ModuleType

from cascade.kernels.lasting import is_instance, is_lasting
from cascade.kernels.model import MISSING, Guard
from cascade.kernels.source import FunctionSource


class Names:
    """Collects guards for the names that the code relies on."""

    def __init__(self) -> None:
        self.guards: dict[tuple[object, ...], Guard] = {}

    def meaning(self, source: FunctionSource, node: ast.expr) -> object:
        """Returns the object that a global, builtin, free variable or `module.name` means; MISSING for anything else.

        MISSING, too, for an object that has to die when the name gets another value: the code would hold it.
        """
        if isinstance(node, ast.Attribute):
            module = self.meaning(source, node.value)
            if type(module) is not ModuleType:
                return MISSING
            if module is sys.modules["cascade"]:
                getattr(module, node.attr, None)  # it makes its names on first use; other modules are only read
            return self._item(node.attr, vars(module))
        if not isinstance(node, ast.Name):
            return MISSING
        function, name = source.function, node.id
        if name == "__debug__":
            return __debug__
        if name in source.code.co_freevars:
            return self._contents((function.__closure__ or ())[source.code.co_freevars.index(name)])
        if name in source.locals:
            return MISSING
        return self._item(name, function.__globals__, builtins_of(function))

    def signature(self, function: object) -> None:
        """Adds guards for the function's code and its defaults."""
        for attribute in ("__code__", "__defaults__", "__kwdefaults__") if type(function) is FunctionType else ():
            self._add(Guard("attribute", function, attribute, getattr(function, attribute)))

    def _item(self, name: str, *namespaces: dict[str, object]) -> object:
        for namespace in namespaces:
            found = namespace.get(name, MISSING)
            if found is not MISSING and not is_lasting(found):
                break
            # A missing name is guarded, too: a global may be added that hides a builtin.
            found = self._add(Guard("item", namespace, name, found))
            if found is not MISSING:
                return found
        return MISSING

    def _contents(self, cell: CellType) -> object:
        try:
            found = cell.cell_contents
        except ValueError:
            found = MISSING
        return self._add(Guard("contents", cell, "", found)) if found is MISSING or is_lasting(found) else MISSING

    def _add(self, guard: Guard) -> object:
        # The first reading counts: if another thread changes the name later, the code is not entered.
        return self.guards.setdefault((guard.kind, id(guard.holder), guard.name), guard).expected


def has_plain_names(function: FunctionType) -> bool:
    """Returns whether names are looked up in plain dicts, and builtins in those of the module."""
    own = function.__globals__.get("__builtins__")
    return type(function.__globals__) is dict and builtins_of(function) is (
        vars(own) if is_instance(own, ModuleType) else own
    )


def builtins_of(function: FunctionType) -> dict[str, object]:
    """Returns the namespace in which a function looks up the names that are no globals."""
    found: dict[str, object] = getattr(function, "__builtins__")  # typeshed has no such attribute
    return found
