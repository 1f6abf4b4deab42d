"""The outputs of the command line: standard output and error output, as far as they are open.

Either may be closed (`>&-`; Python has None in its place) or full (`>/dev/full`).
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from typing import NoReturn, TextIO

from cascade.graph.description import write_line


class NotWritten(Exception):
    """An output cannot be written; the message says which one, and why."""

    def __init__(self, reason: str, what: str = "the output cannot be written") -> None:
        super().__init__(f"{what}: {reason}")


def show(text: str) -> None:
    """Writes lines to the standard output, escaping characters that its encoding lacks.

    Raises:
        NotWritten: it is closed, or full.
        BrokenPipeError: nobody reads it.
    """
    if sys.stdout is None:
        raise NotWritten("it is closed")
    try:
        write_line(sys.stdout, text)
    except BrokenPipeError:
        raise
    except (OSError, ValueError) as error:
        raise NotWritten(_reason(error)) from None


def show_error(text: str) -> None:
    """Writes lines to the error output, if there is one that takes them."""
    if sys.stderr is None:
        return
    try:
        write_line(sys.stderr, text)
        sys.stderr.flush()
    except (OSError, ValueError):
        _discard(sys.stderr)


def finish() -> None:
    """Flushes both outputs; text that an output does not take is discarded.

    Raises:
        NotWritten, BrokenPipeError: as `show`.
    """
    with contextlib.suppress(NotWritten, BrokenPipeError):
        _flush(sys.stderr)
    _flush(sys.stdout)


def _flush(output: TextIO | None) -> None:
    if output is None or getattr(output, "closed", False):
        return
    try:
        output.flush()
    except BrokenPipeError:
        _discard(output)
        raise
    except (OSError, ValueError) as error:
        _discard(output)
        raise NotWritten(_reason(error)) from None


def _discard(output: TextIO) -> None:
    """Discards the buffer of an output: otherwise Python tries to write it at exit, and fails again."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, output.fileno())
        os.close(nowhere)


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error)


def occupy_closed_descriptors() -> None:
    """Opens /dev/null in place of standard files that are closed: the next file that is opened would be taken for one of them."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # it gets the lowest number that is free


class Parser(argparse.ArgumentParser):
    """A parser that reports closed and full outputs; its base class writes to the other one, or is silent."""

    def _print_message(self, message: str, file: object = None) -> None:
        if message:  # the help, or the version
            show(message.removesuffix("\n"))

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        if message:
            show_error(message.removesuffix("\n"))
        sys.exit(status)

    def error(self, message: str) -> NoReturn:
        show_error(self.format_usage().removesuffix("\n"))
        self.exit(2, f"{self.prog}: error: {message}\n")
