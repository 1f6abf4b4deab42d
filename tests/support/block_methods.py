"""Classes whose bound methods are tasks."""

from __future__ import annotations

import threading
from typing import Any


class Account:
    def __init__(self, total: Any) -> None:
        self.total = total

    def grow(self, by: Any) -> Any:
        found = self.total
        for _ in range(2):
            found = self.total + by
            self.total = found
        return found - by

    def scaled(self, count: Any, by: Any = 2) -> Any:
        found = 0
        for number in range(count):
            found += number * by + self.total
        return found

    def starred(self, *values: Any) -> Any:
        return [value for value in values if value != self.total]

    @classmethod
    def opened(cls, count: Any) -> Any:
        made = cls(0)
        for number in range(count):
            made.total += number
        return made

    def where(self, count: Any) -> Any:
        for _ in range(count):
            pass
        return threading.get_ident()


class Meter:
    def __init__(self) -> None:
        self.factor = 2.5

    def read(self, number: Any) -> Any:
        total = 0.0
        for each in range(number % 7):
            total += each * self.factor
        return total


class Deep:
    def run(self, turns: Any) -> Any:
        return sum(range(turns))
