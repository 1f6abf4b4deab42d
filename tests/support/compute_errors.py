"""Exceptions that pickle does not make again by calling their classes."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, NoReturn


class TwoArguments(Exception):
    """Can be pickled, but not unpickled."""

    def __init__(self, first: int, second: int) -> None:
        super().__init__("stubborn")
        self.first, self.second = first, second


class Keywords(ValueError):
    def __init__(self, *, code: int) -> None:
        super().__init__(f"code {code}")
        self.code = code


class OwnMessage(Exception):
    """Is unpickled without an error, and with another message."""

    def __init__(self, code: Any) -> None:
        super().__init__(f"code {code}")
        self.code = code


class NoCall(Exception):
    """Does not call the `__init__` of its base class."""

    def __init__(self, path: str, line: int = 3) -> None:
        self.path, self.line = path, line

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


class Slots(LookupError):
    __slots__ = ("_hidden", "key")

    def __init__(self, key: str, hidden: int) -> None:
        self.key, self._hidden = key, hidden


class ThroughNew(Exception):
    def __new__(cls, a: int, b: int) -> ThroughNew:
        error = super().__new__(cls, a)
        error.total = a + b
        return error

    def __init__(self, a: int, b: int) -> None:
        super().__init__("made")


class OfTheSystem(OSError):
    def __init__(self, context: str) -> None:
        super().__init__(111, "refused", f"/{context}")
        self.context = context


class Mixed(OwnMessage, FileNotFoundError):
    pass


class BadText(UnicodeDecodeError):
    def __init__(self, data: bytes) -> None:
        super().__init__("utf-8", data, 1, 2, "bad")
        self.data = data


class BadLine(SyntaxError):
    def __init__(self, line: int) -> None:
        super().__init__("bad line")
        self.lineno, self.filename = line, "a.txt"


@dataclass(frozen=True)
class Frozen(Exception):
    code: int
    text: str


class OwnGroup(ExceptionGroup[Exception]):
    def __new__(cls, errors: list[Exception], name: str) -> OwnGroup:
        group = super().__new__(cls, "several", errors)
        group.name = name
        return group


class OwnWay(Exception):
    def __init__(self, a: int, b: int) -> None:
        super().__init__(a)
        self.b = b

    def __reduce__(self) -> tuple[Any, ...]:
        return OwnWay, (self.args[0], self.b)


class WrongOwnWay(Exception):
    def __init__(self, a: int, b: int) -> None:
        super().__init__(a)
        self.b = b

    def __reduce__(self) -> tuple[Any, ...]:
        return WrongOwnWay, (self.args[0],)


class Stop(StopIteration):
    def __init__(self, value: int, more: int) -> None:
        super().__init__(value)
        self.more = more


class Quit(BaseException):
    def __init__(self, *, status: int) -> None:
        self.status = status


class Outer(Exception):
    """Has others as an argument and as an attribute."""

    def __init__(self, inner: Exception, number: int) -> None:
        super().__init__(inner)
        self.last = Keywords(code=number)


class Locked(OwnMessage, OSError):
    """Has an attribute that cannot be sent."""

    __slots__ = ("kept",)

    def __init__(self, code: Any) -> None:
        super().__init__(code)
        self.kept = [1]
        self.lock = threading.Lock()

    def __str__(self) -> str:
        return f"{self.code} {self.lock}"


class LockedQuit(BaseException):
    def __init__(self) -> None:
        self.lock = threading.Lock()


class NoSubclass(KeyError):
    def __init__(self) -> None:
        super().__init__("x")
        self.lock = threading.Lock()

    def __init_subclass__(cls) -> NoReturn:
        raise TypeError("final")


def _group() -> OwnGroup:
    return OwnGroup([Keywords(code=1), TwoArguments(2, 3)], "own")


MADE: dict[str, Any] = {
    "two arguments": lambda: TwoArguments(1, 2),
    "keywords": lambda: Keywords(code=4),
    "own message": lambda: OwnMessage(5),
    "no call": lambda: NoCall("a.txt", line=9),
    "slots": lambda: Slots("k", 2),
    "through new": lambda: ThroughNew(1, 2),
    "of the system": lambda: OfTheSystem("host"),
    "mixed": lambda: Mixed(6),
    "bad text": lambda: BadText(b"abc"),
    "bad line": lambda: BadLine(7),
    "frozen": lambda: Frozen(8, "text"),
    "group": _group,
    "own way": lambda: OwnWay(1, 2),
    "wrong own way": lambda: WrongOwnWay(1, 2),
    "own stop": lambda: Stop(1, 2),
    "quit": lambda: Quit(status=3),
    "outer": lambda: Outer(OwnMessage("x"), 3),
    "name": lambda: NameError("no name", name="x"),
    "file": lambda: FileNotFoundError(2, "not there", "a", None, "b"),
    "module": lambda: ImportError("no module", name="m", path="p"),
    "key": lambda: KeyError("k", 2),
}
INCOMPLETE: dict[str, Any] = {
    "locked": lambda: Locked(1),
    "locked quit": LockedQuit,
    "no subclass": NoSubclass,
}
MADE |= {f"not whole: {name}": make for name, make in INCOMPLETE.items()}
