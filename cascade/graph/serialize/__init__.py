"""Graphs as JSON, and back."""

from cascade.graph.serialize.reader import from_json as from_json
from cascade.graph.serialize.writer import to_json as to_json
