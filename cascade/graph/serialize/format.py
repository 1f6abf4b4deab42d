"""The format of a graph as JSON.

    {"format": "cascade-graph", "version": 1,
     "operations": [{"task": "my.module:load"}, {"container": "list"}, {"task": "my.module:total", "timeout": 5.0}],
     "rows": [[0], [1, 0, -1], [2, 1]],
     "inputs": [5]}

`rows` are like those of the graph (`cascade.graph.model`), each with the number of its operation first; the last one is the
result. Results that only routes and jumps lead to are rows as well (`cascade.graph.outline`), before those of the graph:

    a Router            operation {"router": [key, ...]}; the row has the selector, and a route for each key
    a state machine     "jumps": [[row, [[key, row of the next state, or null for the end], ...]], ...]

The nodes of operators over results are named by these: {"operator": "+"}.

Policies stand in the operations (`cascade.graph.serialize.policies`). Values that JSON has no form for are objects with one key that
begins with `$`; a container that stands in one again and again is written once (`cascade.graph.serialize.sharing`). Functions and
classes are named by `module:qualname`; reading imports a module only if the caller's allow-list holds it, and calls nothing.
"""

from __future__ import annotations

from cascade.graph.containers import DICT, EITHER, LIST, REBUILT, SET, TUPLE

FORMAT, VERSION = "cascade-graph", 1
CONTAINERS = {each.name: each for each in (LIST, TUPLE, SET, DICT, EITHER, REBUILT)}
TASK_OPTIONS = ("name", "pure", "mode", "lower")
FROM_JUMP = {"$jump": "data"}
"""Stands for the first argument of a state that a Jump provides, and nothing else."""
