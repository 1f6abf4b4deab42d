"""MessageBus: carries events to those who subscribed."""

from __future__ import annotations

import inspect
import logging
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from cascade.errors import DeclarationError
from cascade.runtime.events import Event
from cascade.runtime.preview import preview

E = TypeVar("E", bound=Event)
logger = logging.getLogger("cascade")


class MessageBus:
    """Carries events to their handlers, in the order of subscription."""

    def __init__(self) -> None:
        self._handlers: list[_Subscription] = []
        self._lock = threading.Lock()

    @property
    def has_subscribers(self) -> bool:
        return bool(self._handlers)

    def subscribe(self, event_type: type[E], handler: Callable[[E], object]) -> Callable[[], None]:
        """Calls `handler` with every event of the type (and its subclasses); `Event` hears all.

        A run that is under way hears of the change only if somebody had subscribed before it started.

        Returns:
            A function that ends the subscription.

        Raises:
            DeclarationError: (a TypeError) `event_type` is no class of events, or `handler` cannot be called, or is a
                coroutine function, which nobody would await.
        """
        if not isinstance(event_type, type) or not issubclass(event_type, Event):
            raise DeclarationError(f"subscribe({event_type!r}, ...)", expected="a class of events, such as Event")
        if not callable(handler) or inspect.iscoroutinefunction(handler):
            raise DeclarationError(
                f"the handler {handler!r} {'is a coroutine function' if callable(handler) else 'cannot be called'}",
                where=f"subscribe({event_type.__name__}, ...)", expected="a function of one event",
                hint="put the event into an asyncio.Queue there and await the queue elsewhere",
            )
        entry = _Subscription(event_type, handler)
        with self._lock:
            self._handlers = [*self._handlers, entry]

        def unsubscribe() -> None:
            with self._lock:
                self._handlers = [other for other in self._handlers if other is not entry]

        return unsubscribe

    def publish(self, event: Event) -> None:
        """Calls the handlers of the event. One that raises is reported in the log, once, and breaks nothing."""
        for entry in self._handlers:
            if isinstance(event, entry.event_type):
                try:
                    entry.handler(event)
                except Exception:
                    if not entry.broken:
                        entry.broken = True
                        _report(entry, event)


class _Subscription:
    __slots__ = ("broken", "event_type", "handler")

    def __init__(self, event_type: type[Event], handler: Callable[[Any], object]) -> None:
        self.event_type = event_type
        self.handler = handler
        self.broken = False


def _report(entry: _Subscription, event: Event) -> None:
    try:
        logger.exception(
            "the handler %s of %s raised at a %s; it is not reported again",
            preview(entry.handler), entry.event_type.__name__, type(event).__name__,
        )
    except Exception:
        pass  # a log handler that raises must not break a run either
