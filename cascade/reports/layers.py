"""The layout of a graph in layers, from left to right, after Sugiyama, Tagawa and Toda (1981).

Each node stands in a layer behind those of all that it needs; an edge over several layers goes through a place in each of them.
The order in a layer is improved by barycentres, and places are moved towards their neighbours.

Edges that would lead back, as the jumps of state machines may, do not count for the layers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

SWEEPS = 6
"""Rounds of ordering and of moving; more change little."""
ORDERED_LIMIT = 20_000
"""A layout with more places than that is not improved."""
COLUMN_GAP, ROW_GAP, LINE_GAP = 48.0, 18.0, 8.0
"""Pixels between layers, between nodes, and between edges that pass a layer."""


class Box(NamedTuple):
    """The place of a node: its left upper corner, its width and its height."""

    x: float
    y: float
    width: float
    height: float


class Layout(NamedTuple):
    """Places of nodes, and for each edge the points that it passes on its way, without its ends."""

    boxes: list[Box]
    bends: list[list[tuple[float, float]]]
    width: float
    height: float


def lay_out(sizes: Sequence[tuple[float, float]], edges: Sequence[tuple[int, int]]) -> Layout:
    """Returns the layout of nodes of these sizes, and of edges between them by number."""
    forward = _without_cycles(len(sizes), edges)
    ranks = _ranks(len(sizes), [edges[at] for at in forward])
    return _Layers(sizes, edges, ranks, set(forward)).place()


def _without_cycles(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """Returns the numbers of edges that lead forward: depth first, an edge to a node on the present path leads back."""
    after: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    for at, (source, target) in enumerate(edges):
        after[source].append((at, target))
    state = [0] * count  # 1 on the present path, 2 done
    kept: list[int] = []
    for root in range(count):
        if state[root]:
            continue
        state[root] = 1
        stack = [(root, iter(after[root]))]
        while stack:
            node, following = stack[-1]
            for at, target in following:
                if state[target] == 1:
                    continue
                kept.append(at)
                if state[target] == 0:
                    state[target] = 1
                    stack.append((target, iter(after[target])))
                    break
            else:
                state[node] = 2
                stack.pop()
    return sorted(kept)


def _ranks(count: int, edges: Iterable[tuple[int, int]]) -> list[int]:
    """Returns the layer of each node: one behind the last of those that lead to it."""
    after: list[list[int]] = [[] for _ in range(count)]
    missing = [0] * count
    for source, target in edges:
        after[source].append(target)
        missing[target] += 1
    ranks = [0] * count
    ready = [node for node in range(count) if not missing[node]]
    for node in ready:  # which grows
        for target in after[node]:
            ranks[target] = max(ranks[target], ranks[node] + 1)
            missing[target] -= 1
            if not missing[target]:
                ready.append(target)
    for node in reversed(ready):  # a source stands right before what needs it
        if after[node] and not any(target == node for target in after[node]):
            ranks[node] = max(ranks[node], min(ranks[target] for target in after[node]) - 1)
    return ranks


class _Layers:
    """Places in layers: those of nodes by their numbers, then those of edges that pass a layer."""

    def __init__(
        self,
        sizes: Sequence[tuple[float, float]],
        edges: Sequence[tuple[int, int]],
        ranks: list[int],
        forward: set[int],
    ) -> None:
        self.sizes = list(sizes)
        self.nodes = len(sizes)
        self.ranks = list(ranks)
        self.before: list[list[int]] = [[] for _ in sizes]
        self.after: list[list[int]] = [[] for _ in sizes]
        self.passed = [self._add_edge(*edge) if at in forward else [] for at, edge in enumerate(edges)]
        self.layers: list[list[int]] = [[] for _ in range(max(self.ranks, default=-1) + 1)]
        for place, rank in enumerate(self.ranks):
            self.layers[rank].append(place)
        self.y = [0.0] * len(self.ranks)

    def _add_edge(self, source: int, target: int) -> list[int]:
        passed = []
        for rank in range(self.ranks[source] + 1, self.ranks[target]):
            passed.append(len(self.ranks))
            self.ranks.append(rank)
            self.sizes.append((0.0, 0.0))
            self.before.append([])
            self.after.append([])
        for one, other in zip([source, *passed], [*passed, target], strict=True):
            self.after[one].append(other)
            self.before[other].append(one)
        return passed

    def place(self) -> Layout:
        improves = len(self.ranks) <= ORDERED_LIMIT
        if improves:
            for sweep in range(SWEEPS):
                self._order(sweep % 2 == 0)
        for layer in self.layers:
            self._stack(layer, [0.0] * len(layer))
        for sweep in range(SWEEPS if improves else 0):
            self._move(sweep % 2 == 0)
        return self._layout()

    def _order(self, onward: bool) -> None:
        near = self.before if onward else self.after
        for layer in self.layers if onward else reversed(self.layers):
            position = {place: at for each in self.layers for at, place in enumerate(each)} if layer else {}
            centre = {
                place: sum(position[other] for other in near[place]) / len(near[place])
                if near[place]
                else position[place]
                for place in layer
            }
            layer.sort(key=centre.__getitem__)

    def _move(self, onward: bool) -> None:
        near = self.before if onward else self.after
        for layer in self.layers if onward else reversed(self.layers):
            wanted = [
                sum(self.y[other] for other in near[place]) / len(near[place]) if near[place] else self.y[place]
                for place in layer
            ]
            self._stack(layer, wanted)

    def _stack(self, layer: list[int], wanted: list[float]) -> None:
        """Gives places their middles: as near to the wanted ones as their order and sizes allow, by merging blocks that overlap."""
        blocks: list[tuple[float, float, list[int]]] = []  # (sum of the wanted offsets, upper end, places)
        offsets = self._offsets(layer)
        for at in range(len(layer)):
            total, members = wanted[at] - offsets[at], [at]
            while blocks and blocks[-1][1] >= total / len(members):
                before = blocks.pop()
                total, members = total + before[0], [*before[2], *members]
            blocks.append((total, total / len(members), members))
        for _, shift, members in blocks:
            for at in members:
                self.y[layer[at]] = shift + offsets[at]

    def _offsets(self, layer: list[int]) -> list[float]:
        """Returns the middles of places that stand as close as they may."""
        offsets, end = [], 0.0
        for at, place in enumerate(layer):
            height = self.sizes[place][1]
            is_line = place >= self.nodes
            gap = 0.0 if at == 0 else LINE_GAP if is_line and layer[at - 1] >= self.nodes else ROW_GAP
            offsets.append(end + gap + height / 2)
            end += gap + height
        return offsets

    def _layout(self) -> Layout:
        x, left = [0.0] * len(self.ranks), 0.0
        for layer in self.layers:
            width = max((self.sizes[place][0] for place in layer), default=0.0)
            for place in layer:
                x[place] = left + width / 2
            left += width + COLUMN_GAP
        top = min((self.y[place] - self.sizes[place][1] / 2 for place in range(len(self.ranks))), default=0.0)
        bottom = max((self.y[place] + self.sizes[place][1] / 2 for place in range(len(self.ranks))), default=0.0)
        boxes = [
            Box(x[node] - width / 2, self.y[node] - height / 2 - top, width, height)
            for node, (width, height) in enumerate(self.sizes[: self.nodes])
        ]
        bends = [[(x[place], self.y[place] - top) for place in passed] for passed in self.passed]
        return Layout(boxes, bends, max(left - COLUMN_GAP, 0.0), bottom - top)
