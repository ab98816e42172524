"""The layered layout of the dependency map, whatever graph it is given."""

from __future__ import annotations

import random
from collections import defaultdict
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dashboards.layers import NODE, lay_out

GRAPHS = st.lists(st.tuples(st.integers(1, 12), st.integers(1, 12)), max_size=40)
NODES = range(1, 13)
Edge = tuple[int, int]


@given(GRAPHS)
def test_edges_step_one_layer_forward_and_only_those_that_close_a_loop_run_back(edges: list[Edge]) -> None:
    drawn = lay_out(NODES, edges)
    assert drawn.routes.keys() == {(a, b) for a, b in edges if a != b}
    for edge, route in drawn.routes.items():
        step = -1 if edge in drawn.back else 1
        assert all(after.layer - before.layer == step for before, after in pairwise(route))
        assert (route[0], route[-1]) == (drawn.nodes[edge[0]], drawn.nodes[edge[1]])
    left = drawn.routes.keys() - drawn.back
    while left:
        free = {(a, b) for a, b in left if a not in {receiver for _, receiver in left}}
        assert free, "edges that run forward close a loop"
        left -= free


@given(GRAPHS)
def test_without_a_loop_no_edge_runs_back(edges: list[Edge]) -> None:
    assert lay_out(NODES, [(min(edge), max(edge)) for edge in edges]).back == frozenset()


@given(GRAPHS)
def test_nothing_overlaps(edges: list[Edge]) -> None:
    drawn = lay_out(NODES, edges)
    assert drawn.nodes.keys() == set(NODES)
    column: dict[int, list[float]] = defaultdict(list)
    for point in drawn.nodes.values():
        column[point.layer].append(point.y)
    assert sorted(column) == list(range(drawn.layers))
    for heights in column.values():
        assert all(below - above >= NODE for above, below in pairwise(sorted(heights)))
        assert min(heights) >= NODE / 2
        assert max(heights) + NODE / 2 <= drawn.height
    for route in drawn.routes.values():
        for bend in route[1:-1]:
            assert all(abs(bend.y - y) > NODE / 2 for y in column[bend.layer]), "an edge runs through a node"


@given(GRAPHS, st.randoms(use_true_random=False))
def test_the_order_in_which_a_graph_comes_does_not_show(edges: list[Edge], pick: random.Random) -> None:
    nodes, shuffled = list(NODES), [*edges, *edges[:3]]
    pick.shuffle(nodes)
    pick.shuffle(shuffled)
    assert lay_out(nodes, shuffled) == lay_out(NODES, edges)


def test_a_chain_is_a_straight_line_and_nothing_is_nothing() -> None:
    drawn = lay_out([1, 2, 3], [(1, 2), (2, 3)])
    assert [(point.layer, point.y) for _, point in sorted(drawn.nodes.items())] == [(0, 28), (1, 28), (2, 28)]
    assert (lay_out([], []).layers, lay_out([], []).height) == (0, 0)


def test_who_only_gives_stands_beside_the_first_who_receives() -> None:
    drawn = lay_out(range(5), [(0, 1), (1, 2), (2, 3), (4, 3)])
    assert drawn.nodes[4].layer == drawn.nodes[3].layer - 1
