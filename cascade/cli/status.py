"""Exit statuses, and how an exception becomes one: its message, or its traceback, goes to the error output."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable

from cascade.cli.terminal import NotWritten, finish, show_error
from cascade.cli.tracebacks import short_text, whole_text
from cascade.errors import CascadeError, InternalError, ParameterError, TargetError

SUCCEEDED, FAILED, MISUSED, INTERRUPTED, BROKEN_PIPE = 0, 1, 2, 130, 141


def exit_status(action: Callable[[], int]) -> int:
    """Runs a command and returns its exit status; failures are reported on the error output."""
    try:
        status = _exit_status_of(action)
        finish()
        return status
    except BrokenPipeError:
        # The reader has closed the pipe.
        with contextlib.suppress(NotWritten, BrokenPipeError):
            finish()
        return BROKEN_PIPE
    except NotWritten as error:
        return _not_written(error)


def _exit_status_of(action: Callable[[], int]) -> int:
    try:
        return action()
    except SystemExit as ending:
        return ending.code if isinstance(ending.code, int) else SUCCEEDED if ending.code is None else FAILED
    except (BrokenPipeError, NotWritten):
        raise
    except KeyboardInterrupt:
        show_error("interrupted")
        return INTERRUPTED
    except CascadeError as error:
        from_user = error.__traceback__ is not None and is_from_user(error)
        if from_user or isinstance(error, InternalError):
            show_error(whole_text(error) if isinstance(error, InternalError) else short_text(error))
        else:
            show_error(f"cascade: error: {error}")
        return MISUSED if isinstance(error, (TargetError, ParameterError)) and not from_user else FAILED
    except BaseException as error:
        show_error(short_text(error))
        return FAILED


def _not_written(error: NotWritten) -> int:
    with contextlib.suppress(NotWritten, BrokenPipeError):
        finish()  # otherwise Python flushes at exit, and fails again
    show_error(f"cascade: error: {error}")
    return FAILED


def is_from_user(error: BaseException) -> bool:
    """Returns whether an exception was raised inside a user's function or module."""
    at = error.__traceback__
    while at is not None:
        name = at.tb_frame.f_globals.get("__name__", "")
        package = name.partition(".")[0]
        if package == "asyncio" and name != "asyncio.runners":
            return False
        if package != "cascade" and package not in sys.stdlib_module_names:
            return True
        at = at.tb_next
    return False
