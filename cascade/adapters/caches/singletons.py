"""Singletons: objects with nothing but an identity, such as `dataclasses.MISSING`. A copy would be another object."""

from __future__ import annotations

import gc
import sys
import types
from typing import cast

from cascade.adapters.caches.keys import layout_of

Singletons = dict[int, object]
"""Singletons by their ids: a memo for `copy.deepcopy`, which then does not copy them."""

_ATOMIC = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.CodeType)
"""Types whose objects are not copied, so nothing that they hold is."""


def singletons_in(value: object) -> Singletons:
    """Returns the singletons in a value."""
    found: Singletons = {}
    seen: set[int] = set()
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if id(each) in seen or isinstance(each, _ATOMIC):
            continue
        seen.add(id(each))
        if _is_singleton(each):
            found[id(each)] = each
        else:
            waiting += gc.get_referents(each)
    return found


def _is_singleton(value: object) -> bool:
    """Whether an object has no state, and is either unable to have any or named by the module of its class."""
    kind = type(value)
    if kind is object:
        return True
    layout = layout_of(kind)
    if layout is None or layout.base is not object or "__deepcopy__" in dir(kind):
        return False
    if not layout.slots:
        return True
    module = sys.modules.get(kind.__module__)
    named = module is not None and any(each is value for each in list(vars(module).values()))
    return named and not any(cast("tuple[int, object]", held)[1] for held in layout.held_by(value))
