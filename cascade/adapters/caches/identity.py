"""Identity: bytes that stand for all that a task's function does.

They are made of its code object (instructions, constants, names; no line numbers, no comments), its defaults, the values that its
closure holds, its attributes, the values of the globals it reads, and its imports; of functions and classes among
these likewise, and so on. Parts of the standard library and of installed packages count by their names and versions. Code that
cannot be identified is refused.

The bytes are kept, with the places where they were read from: as long as the same objects stand there, and the
mutable data among them has the same contents, they hold.
"""

from __future__ import annotations

import abc
import builtins
import collections
import dataclasses
import enum
import functools
import os
import sys
import types
from collections.abc import Callable, Iterable, Mapping
from importlib import util
from typing import Any, TypeAlias, TypeGuard, cast

from cascade.adapters.caches.annotations import FIELD, annotation_parts
from cascade.adapters.caches.keys import Encoder, digest, encode, framed, is_immutable, unkeyable
from cascade.adapters.caches.library import (
    DOORS,
    check_not_opaque,
    find_spec,
    is_environment,
    is_library,
    is_library_module,
    name_of,
    version_of,
)
from cascade.adapters.caches.models import attribute_parts, declared_by, is_machinery
from cascade.adapters.caches.reads import ANNOTATIONS, HIDDEN, HIDDEN_IN_SYS, Import, names_in, reads_of
from cascade.adapters.caches.watch import MISSING, Watch
from cascade.declare.control import JumpSelector
from cascade.declare.inputs import REQUIRED, Input
from cascade.declare.lazy import LazyResult
from cascade.declare.policies import Policies
from cascade.declare.resources import Injection, Resource
from cascade.declare.task import BoundTask, Task
from cascade.errors import KeyingError

TUPLE_FIELD: type = getattr(collections, "_tuplegetter")  # that of a named tuple's fields
CACHED_FUNCTION: type = getattr(functools, "_lru_cache_wrapper")
PROPERTIES = frozenset({property, enum.property})
OF_NO_MATTER = frozenset(
    {
        "__dict__", "__weakref__", "__firstlineno__", "__static_attributes__", "__annotate__", "__annotate_func__", "__annotations_cache__",
        "__slotnames__", "_abc_impl", "__annotations__", "__dataclass_fields__", "__dataclass_params__",
    }
)  # fmt: skip
"""Of a class. The last four are looked into in another way."""
OF_NO_MATTER_IN_ENUMS = frozenset(
    {"_value2member_map_", "_hashable_values_", "_unhashable_values_", "_unhashable_values_map_"}
)
"""These follow from the members; and a Flag notes there which values were seen."""
VERSION = f"{sys.implementation.cache_tag} {sys.version_info[:3]}".encode()
KNOWN_CLASSES = 128

Names = Mapping[str, object]
AnyTask: TypeAlias = Task[..., object]


def _is_module(value: object) -> TypeGuard[types.ModuleType]:
    """Whether a value is a module by its type: a `__class__` may say anything."""
    return issubclass(type(value), types.ModuleType)


class Identity:
    """The identity of one function, with all that was read for it.

    Args:
        annotated: whether annotations of functions count.

    Attributes:
        reads_annotations: whether any of the code looks at them.
        objects: references to the objects that the code reads and could tell from an equal copy, by ids.
        resources: those that it injects by themselves, by their names; of several of one name, one.
    """

    def __init__(self, function: object, annotated: bool = False) -> None:
        self.function = function
        self.reads_annotations: bool = annotated
        self._annotated = annotated
        self._names: Names = {}  # of the annotations that are looked into
        self._watch = Watch()
        self.holds: Callable[[], bool] = self._watch.holds  # says whether this is still so
        self.resources: dict[str, Resource] = {}
        self._seen: dict[int, bytes] = {}  # references to the objects that were looked into, by id
        self._kept: list[object] = []  # so that the ids above stay theirs
        self._encoder = Encoder(self._of_part, self._seen)
        self.digest: bytes = digest(VERSION + self._of(function))
        self.objects: dict[int, bytes] = {**self._encoder.references(), **self._seen}
        self.text: str = (
            f"{getattr(function, '__module__', '')}:{getattr(function, '__qualname__', '')}@{self.digest.hex()}"
        )

    def encoder(self, code_of: Callable[[object], bytes]) -> Encoder:
        """An encoder of the arguments of a call: one that the code reads by another name as well is not a copy of it."""
        return Encoder(code_of, self.objects).after(self._encoder)

    def _seen_before(self, value: object) -> bytes | None:
        # A reference to an object that was looked into before.
        reference = self._seen.get(id(value))
        if reference is None:
            self._seen[id(value)] = b"seen%d;" % len(self._kept)
            self._kept.append(value)
        return reference

    # -- Parts of objects ----------------------------------------------------------------------------------------------

    def _of(self, value: object) -> bytes:
        if is_immutable(value):
            return encode(value)
        if value is NotImplemented:
            return b"NotImplemented"
        inner = self._encoder.reference(value)  # to a part of data that was written
        seen = self._seen_before(value)
        if seen is not None:
            return seen
        written = self._of_code_object(value)
        if written is not None:
            return written
        kind = type(value)
        if value is sys.modules or value is os.environ:
            check_not_opaque(value)
        if inner is not None:
            return inner
        if kind is dict or kind is list or kind is tuple:
            written = framed(b"container", kind.__name__.encode()) + self._of_each(cast("Iterable[object]", value))
        else:
            reference = self._seen.pop(id(value))  # or it would pass for code that was seen
            written = b"data" + self._encoder.write(value)
            self._seen[id(value)] = reference
        self._watch.data(value)
        return written

    def _of_part(self, value: object) -> bytes:
        # A part of data has to be code, or it is refused.
        seen = self._seen_before(value)
        if seen is not None:
            return seen
        written = self._of_code_object(value)
        if written is None:
            raise unkeyable(value)
        return written

    def _of_code_object(self, value: Any) -> bytes | None:  # noqa: ANN401  # its exact class, which is looked at first, decides
        # Functions, classes and objects made of them; None for data. By the types themselves: a `__class__` may say anything.
        kind = type(value)
        if kind is types.FunctionType:
            return self._of_function(value)
        if issubclass(kind, type):
            return self._of_class(value)
        if kind is Task:
            return framed(b"task", value.name.encode()) + self._of(self._watch.attribute(value, "func"))
        if kind is LazyResult:
            return self._of_lazy_result(value)
        if kind is JumpSelector:
            return b"routes" + self._of(self._watch.attribute(value, "routes"))
        if _is_module(value):
            return self._of_module(value)
        if kind is functools.partial:
            parts = [self._of(self._watch.attribute(value, name)) for name in ("func", "args")]
            return (
                b"partial"
                + b"".join(parts)
                + self._of_pairs(cast("Names", self._watch.attribute(value, "keywords")))
                + self._of_pairs(value.__dict__)
            )
        if kind in (staticmethod, classmethod):
            return framed(b"method", kind.__name__.encode()) + self._of(value.__func__)
        if kind in (types.MethodType, BoundTask):
            return b"bound" + self._of(value.__self__) + self._of(value.__func__)
        if kind in PROPERTIES:
            return framed(b"property", kind.__name__.encode()) + self._of_each((value.fget, value.fset, value.fdel))
        if kind is functools.cached_property:
            return b"cached" + self._of(self._watch.attribute(value, "func"))
        if kind is CACHED_FUNCTION:
            return b"wrapper" + self._of(value.cache_parameters()) + self._of_pairs(value.__dict__)
        if kind in (
            types.BuiltinFunctionType,
            types.MethodDescriptorType,
            types.WrapperDescriptorType,
            types.MethodWrapperType,
        ):
            return self._of_builtin(value)
        if kind in (types.MemberDescriptorType, types.GetSetDescriptorType):
            return framed(b"slot", f"{value.__objclass__.__qualname__}.{value.__name__}".encode())
        if kind is TUPLE_FIELD:
            return framed(b"field", encode(value.__reduce__()[1][0]))  # its place
        described = annotation_parts(value)
        if described is not None:
            texts = b"".join([self._of_text(part) for part in described])
            return framed(b"type", kind.__name__.encode()) + self._of_each(described) + texts
        if kind is dataclasses.Field:
            return (
                b"field"
                + self._of_each([self._watch.attribute(value, name) for name in FIELD])
                + self._of_pairs(value.metadata)
            )
        attribute = attribute_parts(value, kind)
        if attribute is not None:
            return b"attribute of attrs" + self._of_each(attribute)
        if callable(value) and is_library(kind) and is_library(value):  # a ufunc, say
            return self._of_library(value)
        return None

    def _of_library(self, value: object, module: str | None = None) -> bytes:
        check_not_opaque(value)
        module = module or value.__module__
        name = f"{module}.{getattr(value, '__qualname__', None) or getattr(value, '__name__')}"
        if name.rpartition(".")[2] in ANNOTATIONS:
            self.reads_annotations = True
        return framed(b"library", name.encode() + version_of(module))

    def _of_lazy_result(self, lazy: LazyResult[object]) -> bytes:
        # The default of a parameter, say. Its value is an argument of the call.
        if not lazy.task.takes_policies:
            return framed(b"given", f"{type(lazy.task).__name__} {lazy.task.name}".encode()) + self._of_declared(
                lazy.task
            )
        policies = cast("Policies | None", self._watch.attribute(lazy, "policies"))
        set_on_it = b"" if policies is None else self._of_each(policies._replace(cache=None))
        slots = cast("Iterable[object]", self._watch.attribute(lazy, "slots"))
        return b"lazy" + self._of(lazy.task) + self._of_each(slots) + set_on_it

    def _of_declared(self, task: AnyTask) -> bytes:
        # How an input is declared says what a graph that takes it gets; the code of a resource is looked into where that is taken.
        if isinstance(task, Injection) and task.resource is not None:
            self.resources[task.name] = task.resource
        if not isinstance(task, Input):
            return b""
        default = self._watch.attribute(task, "default")
        parts = [task.kind, self._watch.attribute(task, "type"), *([] if default is REQUIRED else [default])]
        return b"".join([self._at(part, f"the declaration of {task!r}") for part in parts])

    def _of_each(self, values: Iterable[object]) -> bytes:
        items = [part for pair in values.items() for part in pair] if isinstance(values, dict) else list(values)
        return b"%d:" % len(items) + b"".join([self._of(item) for item in items])

    def _of_pairs(self, mapping: Mapping[str, object]) -> bytes:
        # Of one that may be changed in place.
        return self._of_each([part for pair in self._watch.all_of(mapping) for part in pair])

    # -- Functions ----------------------------------------------------------------------------------------------------

    def _of_function(self, function: types.FunctionType) -> bytes:
        if is_library(function):
            return self._of_library(function)
        code, more, own = function.__code__, function.__kwdefaults__, function.__dict__
        names = function.__name__, function.__qualname__, function.__doc__
        built_in: Names = getattr(function, "__builtins__")
        self._watch.function(function)
        self._check(code)
        pieces = [
            b"function",
            self._of_each((*names, function.__module__)),
            self._of_code(code, function.__globals__, built_in),
        ]
        pieces.append(self._of_each(function.__defaults__ or ()))
        pieces.append(self._of_pairs(more) if more else b"0:")
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
            value = self._watch.cell(cell)
            if value is not MISSING:
                pieces.append(self._at(value, f"the closure's {name!r}"))
        if own:
            self._watch.all_of(own)
        for name, value in own.items():
            if name != "__signature__" or self._annotated:
                pieces.append(framed(b"attribute", name.encode()) + self._at(value, f"{function.__qualname__}.{name}"))
        if self._annotated:
            pieces.append(
                self._of_annotations(
                    cast("Names", self._watch.attribute(function, "__annotations__")), function.__globals__
                )
            )
        return b"".join(pieces)

    def _check(self, code: types.CodeType) -> None:
        names = names_in(code)
        hidden = set(HIDDEN & names)
        if "sys" in names:
            hidden.update(f"sys.{name}" for name in HIDDEN_IN_SYS & names)
        if hidden:
            raise KeyingError(f"{min(hidden)}, which may reach anything")
        if ANNOTATIONS & names:
            self.reads_annotations = True

    def _of_code(self, code: types.CodeType, names: Names, built_in: Names) -> bytes:
        pieces = [
            framed(b"code", code.co_code), framed(b"except", getattr(code, "co_exceptiontable", b"")),
            encode((code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars, code.co_name, code.co_qualname)),
            encode((code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags & 0xFFFF)),
        ]  # fmt: skip
        for constant in code.co_consts:
            inner = isinstance(constant, types.CodeType)
            pieces.append(self._of_code(constant, names, built_in) if inner else encode(constant))
        reads = reads_of(code)
        for chain in reads.chains:
            variables = reads.subjects[chain]
            if variables is not None and self._is_environment(chain, names):
                pieces.append(framed(b"environment", b"".join([self._of_variable(each) for each in sorted(variables)])))
            else:
                pieces.append(self._of_global(chain, names, built_in))
        self._check_environment(reads.imports, code)
        pieces += [self._of_import(each, names) for each in reads.imports]
        return b"".join(pieces)

    def _is_environment(self, chain: tuple[str, ...], names: Names) -> bool:
        value = self._watch.item(names, chain[0])
        for attribute in chain[1:]:
            if value is not os and value is not os.environ:
                return False
            value = getattr(value, attribute, None)
        return is_environment(value)

    def _of_variable(self, name: str) -> bytes:
        return encode((name, self._watch.environment(name)))

    def _check_environment(self, imports: Iterable[Import], code: types.CodeType) -> None:
        # The attributes that are read of a module imported inside of the function cannot be told apart.
        read = {"environ", "environb", "getenv", "getenvb"} & set(code.co_names)
        if read and any(each.module == "os" and each.names is None for each in imports):
            raise KeyingError(
                f"os.{min(read)}, imported inside of a function", hint="import os at the head of the module"
            )

    def _of_global(self, chain: tuple[str, ...], names: Names, built_in: Names) -> bytes:
        path, rest = [chain[0]], list(chain[1:])
        value = self._watch.item(names, chain[0])
        if value is MISSING:
            value = self._watch.item(built_in, chain[0])
        if value is MISSING:
            return framed(b"nothing", chain[0].encode())  # it will raise, or is deleted and set by the function itself
        while rest and type(value) is types.ModuleType and (value is builtins or not is_library_module(value.__name__)):
            path.append(rest.pop(0))
            value = self._watch.item(vars(value), path[-1])
            if value is MISSING:
                raise KeyingError(f"{'.'.join(chain)}, which its module does not have now")
        name = ".".join(path)
        if _is_module(value):
            if not is_library_module(value.__name__):
                raise KeyingError(f"the module {name!r}, used as a value")
            if rest:
                return framed(b"global", name.encode()) + self._of_library_part(value, rest)
        return framed(b"global", name.encode()) + self._at(value, f"the global {name!r}")

    def _of_library_part(self, module: types.ModuleType, attributes: Iterable[str]) -> bytes:
        # Its name is in the code. Some of it is not code, and may change all the time, as `sys.argv`.
        value: object = module
        for attribute in attributes:
            if not _is_module(value):
                break
            value = vars(value).get(attribute)
            check_not_opaque(value)
        if _is_module(value):
            return self._of_module(value)
        return framed(b"module", module.__name__.encode() + version_of(module.__name__))

    def _of_import(self, each: Import, names: Names) -> bytes:
        name = each.module
        if each.level:
            name = util.resolve_name("." * each.level + name, str(names.get("__package__") or ""))
        module = self._watch.item(sys.modules, name)
        if is_library_module(name):
            if each.names is None and name.partition(".")[0] in DOORS - {"sys"}:
                raise KeyingError(
                    f"the module {name!r}, imported inside of a function", hint="import it at the head of the module"
                )
            if _is_module(module):
                for attribute in each.names or ():
                    self._of_library_part(module, [attribute])
            return framed(b"import", name.encode() + version_of(name))
        if module is MISSING or module is None:
            if find_spec(name.partition(".")[0]) is None:
                return framed(b"no module", name.encode())
            raise KeyingError(
                f"the module {name!r}, which is not imported yet", hint="import it at the head of the module"
            )
        if each.names is None or type(module) is not types.ModuleType:
            raise KeyingError(
                f"the module {name!r}, imported inside of a function", hint="import it at the head of the module"
            )
        pieces = [framed(b"import", name.encode())]
        for attribute in each.names:
            value = self._watch.item(vars(module), attribute)
            if value is MISSING:
                raise KeyingError(f"{name}.{attribute}, which its module does not have now")
            pieces.append(framed(b"from", attribute.encode()) + self._at(value, f"what is imported as {attribute!r}"))
        return b"".join(pieces)

    def _at(self, value: object, where: str) -> bytes:
        try:
            return self._of(value)
        except KeyingError as error:
            between = ", " if error.what.startswith("the ") else ": "
            raise KeyingError(f"{where}{between}{error.what}", hint=error.hint) from None

    # -- Classes ------------------------------------------------------------------------------------------------------

    def _of_class(self, kind: type) -> bytes:
        if is_library(kind):
            return self._of_library(kind)
        own = vars(kind)
        for name in ("__bases__", "__class__", "__name__", "__qualname__"):
            self._watch.attribute(kind, name)
        self._watch.all_of(own)
        pieces = [framed(b"class", encode((kind.__name__, kind.__qualname__))), self._of_each(kind.__bases__)]
        without = OF_NO_MATTER | OF_NO_MATTER_IN_ENUMS if issubclass(kind, enum.Enum) else OF_NO_MATTER
        for name, value in list(own.items()):
            if name not in without and not is_machinery(kind, name):
                pieces.append(framed(b"member", name.encode()) + self._at(value, f"{kind.__qualname__}.{name}"))
        if type(kind) is not type:
            pieces.append(self._of(type(kind)))
        module = sys.modules.get(kind.__module__)
        pieces.append(self._of_annotations(own.get("__annotations__", {}), {} if module is None else vars(module)))
        for name, field in self._watch.all_of(own.get("__dataclass_fields__", {})):
            pieces.append(framed(b"field", name.encode()) + self._at(field, f"{kind.__qualname__}.{name}"))
        pieces.append(encode(repr(own.get("__dataclass_params__"))))
        pieces.append(self._at(declared_by(kind), f"the fields of {kind.__qualname__}"))
        if "_abc_impl" in own:
            pieces.append(self._of_abstract(kind))
        return b"".join(pieces)

    def _of_abstract(self, kind: type) -> bytes:
        # Which classes were registered by its `register`, as isinstance sees them.
        self._watch.registrations()
        registered = [each() for each in abc._get_dump(kind)[0]]  # type: ignore[attr-defined]
        return encode(sorted(name_of(each) for each in registered if each is not None))

    def _of_annotations(self, annotations: Mapping[str, object], names: Names) -> bytes:
        outer, self._names = self._names, names
        pieces = []
        for name, value in self._watch.all_of(annotations):
            pieces.append(
                framed(b"annotation", name.encode())
                + self._at(value, f"the annotation of {name!r}")
                + self._of_text(value)
            )
        self._names = outer
        return b"".join(pieces)

    def _of_text(self, text: object) -> bytes:
        # The objects that the names in a text among annotations stand for, as far as they are known.
        if type(text) is not str:
            return b""
        try:
            code = compile(text, "annotation", "eval", dont_inherit=True)
        except (SyntaxError, ValueError):
            return b"none"
        inner = [self._of_text(each) for each in code.co_consts if each != text]
        return self._of_code(code, self._names, vars(builtins)) + b"".join(inner)

    # -- Of others ----------------------------------------------------------------------------------------------------

    def _of_module(self, module: types.ModuleType) -> bytes:
        if not is_library_module(module.__name__) or module.__name__ in DOORS:
            raise KeyingError(f"the module {module.__name__!r}, used as a value")
        return framed(b"module", module.__name__.encode() + version_of(module.__name__))

    def _of_builtin(self, value: types.BuiltinFunctionType) -> bytes:
        owner = getattr(value, "__self__", None)
        if owner is not None and not isinstance(owner, types.ModuleType):
            return framed(b"method", value.__name__.encode()) + self._of(owner)
        kind = getattr(value, "__objclass__", None)
        return self._of_library(value, getattr(value, "__module__", None) or getattr(kind, "__module__", "builtins"))


def identity_of(task: AnyTask | Resource) -> str:
    """A name of the task or resource and its code: module, qualified name and digest.

    Raises:
        KeyingError: (a TypeError) the function depends on something that cannot be identified.
    """
    return known_identity(task).text


def known_identity(task: AnyTask | Resource) -> Identity:
    """As `identity_of`, with all that was found out."""
    known = task.derived.identity
    if not isinstance(known, Identity) or known.function is not task.func or not _holds(known):
        known = task.derived.identity = _identity(task.func)
    return known


def _holds(identity: Identity) -> bool:
    try:
        return identity.holds()
    except Exception:  # another thread changes what is looked at
        return False


def _identity(value: object) -> Identity:
    try:
        found = Identity(value)
        return Identity(value, annotated=True) if found.reads_annotations else found
    except KeyingError:
        raise
    except Exception as error:
        raise KeyingError(f"code that cannot be looked into ({type(error).__name__}: {error})") from None


def code_of(value: object) -> bytes:
    """The bytes of a function, class or task that is an argument; refuses anything else."""
    if type(value) is Task:
        return f"{value.name} {identity_of(value)}".encode()
    if not issubclass(type(value), type):
        return _identity(value).digest
    known = _classes.get(id(value))
    if known is None or not _holds(known):
        if len(_classes) >= KNOWN_CLASSES:
            _classes.clear()
        known = _classes[id(value)] = _identity(value)
    return known.digest


_classes: dict[int, Identity] = {}
"""Of classes whose objects are arguments, by their ids; they are kept by what is known of them."""
