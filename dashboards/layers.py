"""A layered drawing of a small directed graph: who gives stands to the left of who receives.

After Sugiyama, Tagawa and Toda (1981): turn the few edges that close loops around (Eades, Lin and Smyth 1993), lay
nodes on layers, let long edges run through a bend on each layer between, sort layers by barycentre so that few edges
cross, and find heights by least squares under a least distance. The same graph gives the same drawing in whatever order
it comes.
"""

from __future__ import annotations

from bisect import bisect, insort
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from typing import NamedTuple

NODE, GAP = 56.0, 28.0  # the height of a node, and the least air between two
BEND, AIR = 20.0, 6.0  # the same for an edge that runs through a layer
SWEEPS = 12

Edge = tuple[int, int]


class Point(NamedTuple):
    """A place on a layer; ``y`` is its middle."""

    layer: int
    y: float


@dataclass(frozen=True, slots=True)
class Layout:
    """Where nodes stand, and where each edge runs: from its giver over bends to its receiver, one layer a step.

    Edges in ``back`` close a loop: they run to the left.
    """

    nodes: dict[int, Point]
    routes: dict[Edge, tuple[Point, ...]]
    back: frozenset[Edge]
    layers: int
    height: float


def lay_out(nodes: Iterable[int], edges: Iterable[Edge]) -> Layout:
    """A drawing of nodes and the edges between them; edges from a node to itself are left out.

    >>> drawn = lay_out([3, 1, 2], [(1, 2), (2, 3), (1, 3)])
    >>> [drawn.nodes[node].layer for node in (1, 2, 3)]
    [0, 1, 2]
    >>> len(drawn.routes[1, 3])
    3
    """
    ids = sorted(set(nodes))
    there = set(ids)
    asked = sorted({(a, b) for a, b in edges if a != b and a in there and b in there})
    order = _sequence(ids, asked)
    back = frozenset((a, b) for a, b in asked if order[a] > order[b])
    forward = sorted({(b, a) if (a, b) in back else (a, b) for a, b in asked})
    layer_of = _layers(sorted(ids, key=order.__getitem__), forward)
    # Vertices are nodes, then bends; each edge has its own bends.
    vertices = {node: place for place, node in enumerate(ids)}
    on = [layer_of[node] for node in ids]
    runs: dict[Edge, list[int]] = {}
    for a, b in asked:
        left, right = (b, a) if (a, b) in back else (a, b)
        bends = range(layer_of[left] + 1, layer_of[right])
        path = [vertices[left], *range(len(on), len(on) + len(bends)), vertices[right]]
        on.extend(bends)
        runs[a, b] = path
    links = sorted({step for path in runs.values() for step in pairwise(path)})
    rows = _sorted_layers(on, links)
    sizes = [NODE if vertex < len(ids) else BEND for vertex in range(len(on))]
    heights = _heights(rows, links, sizes)
    top = min((heights[vertex] - sizes[vertex] / 2 for vertex in range(len(on))), default=0.0)
    points = [Point(on[vertex], round(heights[vertex] - top, 1)) for vertex in range(len(on))]
    return Layout(
        nodes={node: points[vertices[node]] for node in ids},
        routes={
            edge: tuple(points[vertex] for vertex in (reversed(path) if edge in back else path))
            for edge, path in runs.items()
        },
        back=back,
        layers=len(rows),
        height=max((point.y + size / 2 for point, size in zip(points, sizes, strict=True)), default=0.0),
    )


def _sequence(ids: Sequence[int], edges: Sequence[Edge]) -> dict[int, int]:
    """The place of each node in a row in which few edges point backwards: those alone close loops."""
    out: dict[int, set[int]] = {node: set() for node in ids}
    into: dict[int, set[int]] = {node: set() for node in ids}
    for a, b in edges:
        out[a].add(b)
        into[b].add(a)
    left: list[int] = []
    right: list[int] = []
    rest = set(ids)
    while rest:
        sinks = sorted(node for node in rest if not out[node])
        sources = [] if sinks else sorted(node for node in rest if not into[node])
        if sinks:
            taken, row = sinks, right
        elif sources:
            taken, row = sources, left
        else:
            taken, row = [max(rest, key=lambda node: (len(out[node]) - len(into[node]), -node))], left
        for node in taken:
            row.append(node)
            rest.discard(node)
            for other in out[node]:
                into[other].discard(node)
            for other in into[node]:
                out[other].discard(node)
    return {node: place for place, node in enumerate(left + right[::-1])}


def _layers(order: Sequence[int], forward: Sequence[Edge]) -> dict[int, int]:
    """Each node behind all that give to it; who only gives stands right before the first who receives."""
    before, after = defaultdict(list), defaultdict(list)
    for a, b in forward:
        before[b].append(a)
        after[a].append(b)
    layer: dict[int, int] = {}
    for node in order:
        layer[node] = max((layer[giver] + 1 for giver in before[node]), default=0)
    for node in order:
        if after[node] and not before[node]:
            layer[node] = min(layer[receiver] for receiver in after[node]) - 1
    return layer


def _sorted_layers(on: Sequence[int], links: Sequence[Edge]) -> list[list[int]]:
    """Vertices layer by layer, in the order with the fewest crossings that the sweeps came by."""
    rows: list[list[int]] = [[] for _ in range(max(on, default=-1) + 1)]
    for vertex, layer in enumerate(on):
        rows[layer].append(vertex)
    near = _neighbours(links)
    best, fewest = [list(row) for row in rows], _crossings(rows, links)
    for sweep in range(SWEEPS):
        side = sweep % 2
        for row in rows if side == 0 else rows[::-1]:
            place = {vertex: at for other in rows for at, vertex in enumerate(other)}
            middle = {
                vertex: fmean(place[other] for other in near[side][vertex])
                if near[side][vertex]
                else float(place[vertex])
                for vertex in row
            }
            row.sort(key=lambda vertex: (middle[vertex], place[vertex]))
        if (crossings := _crossings(rows, links)) < fewest:
            best, fewest = [list(row) for row in rows], crossings
    return best


def _neighbours(links: Sequence[Edge]) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
    """Of each vertex: those on the layer before, and those on the layer after."""
    before, after = defaultdict(list), defaultdict(list)
    for a, b in links:
        before[b].append(a)
        after[a].append(b)
    return before, after


def _crossings(rows: Sequence[Sequence[int]], links: Sequence[Edge]) -> int:
    """How many pairs of edges between neighbouring layers cross."""
    at = {vertex: (layer, place) for layer, row in enumerate(rows) for place, vertex in enumerate(row)}
    by_layer: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for a, b in links:
        by_layer[at[a][0]].append((at[a][1], at[b][1]))
    count = 0
    for pairs in by_layer.values():
        ends: list[int] = []
        for _, end in sorted(pairs):
            count += len(ends) - bisect(ends, end)
            insort(ends, end)
    return count


def _heights(rows: Sequence[Sequence[int]], links: Sequence[Edge], sizes: Sequence[float]) -> list[float]:
    """The middle of each vertex: near its neighbours, in the order of its layer, never closer than allowed."""
    near = _neighbours(links)
    y = [0.0] * len(sizes)
    steps = [_distances(row, sizes) for row in rows]
    for row, offsets in zip(rows, steps, strict=True):
        for vertex, offset in zip(row, offsets, strict=True):
            y[vertex] = offset - offsets[-1] / 2
    for sweep in range(SWEEPS):
        side = sweep % 2
        turned = list(zip(rows, steps, strict=True))
        for row, offsets in turned if side == 0 else turned[::-1]:
            wanted = [fmean(y[other] for other in near[side][v]) if near[side][v] else y[v] for v in row]
            level = _rising([want - offset for want, offset in zip(wanted, offsets, strict=True)])
            for vertex, low, offset in zip(row, level, offsets, strict=True):
                y[vertex] = low + offset
    return y


def _distances(row: Sequence[int], sizes: Sequence[float]) -> list[float]:
    """How far below the first of its layer each vertex lies at the least."""
    offsets, at = [], 0.0
    for place, vertex in enumerate(row):
        if place:
            before = row[place - 1]
            both_nodes = sizes[before] == sizes[vertex] == NODE
            at += (sizes[before] + sizes[vertex]) / 2 + (GAP if both_nodes else AIR)
        offsets.append(at)
    return offsets


def _rising(values: Sequence[float]) -> list[float]:
    """The rising values nearest to these by least squares (pool adjacent violators).

    >>> _rising([3.0, 1.0, 2.0, 5.0])
    [2.0, 2.0, 2.0, 5.0]
    """
    pools: list[tuple[float, int]] = []
    for value in values:
        mean, count = value, 1
        while pools and pools[-1][0] > mean:
            above, many = pools.pop()
            mean, count = (mean * count + above * many) / (count + many), count + many
        pools.append((mean, count))
    return [mean for mean, count in pools for _ in range(count)]
