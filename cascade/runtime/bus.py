"""MessageBus: carries events to those who subscribed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from cascade.runtime.events import Event

E = TypeVar("E", bound=Event)
logger = logging.getLogger("cascade")


class MessageBus:
    """Carries events to their handlers, in the order of subscription."""

    def __init__(self) -> None:
        self._handlers: list[tuple[type[Event], Callable[[Any], object]]] = []
        self._broken: list[Callable[[Any], object]] = []

    @property
    def has_subscribers(self) -> bool:
        return bool(self._handlers)

    def subscribe(self, event_type: type[E], handler: Callable[[E], object]) -> Callable[[], None]:
        """Calls `handler` with every event of the type (and its subclasses); `Event` hears all.

        A run that is under way hears of the change only if somebody had subscribed before it started.

        Returns:
            A function that ends the subscription.
        """
        entry = (event_type, handler)
        self._handlers = [*self._handlers, entry]

        def unsubscribe() -> None:
            self._handlers = [other for other in self._handlers if other is not entry]

        return unsubscribe

    def publish(self, event: Event) -> None:
        """Calls the handlers of the event. One that raises is reported in the log, once, and breaks nothing."""
        for event_type, handler in self._handlers:
            if isinstance(event, event_type):
                try:
                    handler(event)
                except Exception:
                    if handler not in self._broken:
                        self._broken.append(handler)
                        logger.exception("a handler of %s raised; it is not reported again", event_type.__name__)
