"""MessageBus: carries events to those who subscribed."""

from __future__ import annotations

from _thread import allocate_lock
from collections.abc import Callable

from cascade._vm import entry_point
from cascade.errors import DeclarationError
from cascade.events.preview import preview
from cascade.imports import TYPE_CHECKING, Any, TypeVar, annotation, asyncio, inspect

if TYPE_CHECKING:
    from cascade.events.types import Event
else:
    Event = annotation("cascade.events.types", "Event")

E = TypeVar("E", bound="Event")


class MessageBus:
    """Carries events to their handlers, in the order of subscription."""

    def __init__(self) -> None:
        self._handlers: tuple[_Subscription, ...] = ()
        # The subscriptions to a class of events; made anew when that changes.
        self._subscribers: dict[type[Event], tuple[_Subscription, ...]] = {}
        self._lock = allocate_lock()

    @property
    def has_subscribers(self) -> bool:
        return bool(self._handlers)

    def hears(self, event_type: type[Event]) -> bool:
        """Returns True if the events of this class have subscribers."""
        return bool(self._subscribers_of(event_type))

    def hears_calls(self) -> bool:
        """Returns True if starts or ends of plain calls in place have subscribers that want them."""
        from cascade.events.types import TaskExecutionFinished, TaskExecutionStarted

        kinds = (TaskExecutionStarted, TaskExecutionFinished)
        return any(entry.calls for kind in kinds for entry in self._subscribers_of(kind))

    def _subscribers_of(self, event_type: type[Event]) -> tuple[_Subscription, ...]:
        found = self._subscribers.get(event_type)
        if found is None:
            with self._lock:
                found = tuple(entry for entry in self._handlers if entry.accepts(event_type))
                self._subscribers[event_type] = found
        return found

    @entry_point
    def subscribe(
        self, event_type: type[E], handler: Callable[[E], object], *, items: bool = True, calls: bool = True
    ) -> Callable[[], None]:
        """Calls `handler` with every event of the type (and its subclasses); `Event` means all.

        With `items=False`, not with starts and ends of single items of maps, so that maps need not publish them. With `calls=False`, it does
        without those of plain calls in place: they come only where another subscription wants them. A loop of such calls then has an end,
        if it has had progress, and no start.

        Events without subscribers are not even made, and a run looks up the subscriptions when it starts. So the events of a
        run that is under way come only if this kind of event had a subscriber before.

        Returns:
            A function that ends the subscription.

        Raises:
            DeclarationError: (a TypeError) `event_type` is not a class of events, or `handler` cannot be called, or is a
                coroutine function, which nobody would await.
        """
        from cascade.events.types import Event

        if not isinstance(event_type, type) or not issubclass(event_type, Event):
            raise DeclarationError(f"subscribe({event_type!r}, ...)", expected="a class of events, such as Event")
        if not callable(handler) or inspect.iscoroutinefunction(handler):
            raise DeclarationError(
                f"the handler {handler!r} {'is a coroutine function' if callable(handler) else 'cannot be called'}",
                where=f"subscribe({event_type.__name__}, ...)",
                expected="a function of one event",
                hint="put the event into an asyncio.Queue there and await the queue elsewhere",
            )
        entry = _Subscription(event_type, handler, items, calls)
        self._change(lambda handlers: (*handlers, entry))
        return lambda: self._change(lambda handlers: tuple(other for other in handlers if other is not entry))

    def _change(self, change: Callable[[tuple[_Subscription, ...]], tuple[_Subscription, ...]]) -> None:
        with self._lock:
            self._handlers = change(self._handlers)
            self._subscribers = {}

    def publish(self, event: Event) -> None:
        """Calls the handlers of the event. One that raises is reported in the log, once, and breaks nothing."""
        try:
            subscribers = self._subscribers[type(event)]
        except KeyError:
            subscribers = self._subscribers_of(type(event))
        for entry in subscribers:
            try:
                entry.handler(event)
            except (Exception, asyncio.CancelledError):  # nothing is awaited here, so it is the handler's own
                if not entry.broken:
                    entry.broken = True
                    _report(entry, event)


def subscribed_types(bus: MessageBus) -> frozenset[type[Event]]:
    """Returns the classes of events of a run that have subscribers; all of them where a bus of a user's own does not know."""
    if not bus.has_subscribers:
        return frozenset()
    from cascade.events.types import EVENTS  # only for a run with subscribers

    hears = getattr(bus, "hears", None)
    return frozenset(EVENTS) if hears is None else frozenset(filter(hears, EVENTS))


def hears_calls(bus: MessageBus) -> bool:
    """Returns True if plain calls in place are to be published; also where a bus of a user's own does not know."""
    hears = getattr(bus, "hears_calls", None)
    return hears is None or hears()


class _Subscription:
    __slots__ = ("broken", "calls", "event_type", "handler", "items")

    def __init__(self, event_type: type[Event], handler: Callable[[Any], object], items: bool, calls: bool) -> None:
        self.event_type = event_type
        self.handler = handler
        self.items = items
        self.calls = calls
        self.broken = False

    def accepts(self, event_type: type[Event]) -> bool:
        from cascade.events.types import ItemFinished, ItemStarted

        return issubclass(event_type, self.event_type) and (
            self.items or not issubclass(event_type, (ItemStarted, ItemFinished))
        )


def _report(entry: _Subscription, event: Event) -> None:
    import logging

    try:
        logging.getLogger("cascade").exception(
            "the handler %s of %s raised at a %s; it is not reported again",
            preview(entry.handler),
            entry.event_type.__name__,
            type(event).__name__,
        )
    except Exception:
        pass  # a log handler that raises must not break a run either
