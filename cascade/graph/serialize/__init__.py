"""Graphs as JSON, and back."""

from cascade.graph.serialize.document import from_json as from_json
from cascade.graph.serialize.document import to_json as to_json
