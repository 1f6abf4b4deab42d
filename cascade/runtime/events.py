"""The types of events, under the name by which other code imports them."""

from cascade.events.types import *  # noqa: F403
