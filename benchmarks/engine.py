"""How fast the engine passes over a large network, beside networkx doing the same work.

    ./run bench engine [--tasks 100000] [--levels 100]

Both compute early and late dates and total float of one layered network (about 2.9 links a task, a tenth of them with
lags) on one calendar; the graph of networkx and our compiled plan are built beforehand and timed apart. The dates must
agree. Each figure is the best of several rounds; the last line is JSON.
"""

import argparse
import json
import time
from collections.abc import Callable
from typing import TypeVar

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from engine import cpm
from engine.calendars import ALL_HOURS
from engine.network import Links, LinkType, Network, compile

Result = TypeVar("Result")


def layered(tasks: int, levels: int, seed: int = 7) -> tuple[NDArray[np.int64], Links]:
    """Durations in minutes and links of a network in layers: each task waits for one to five of the layer before."""
    rng = np.random.default_rng(seed)
    layer = np.sort(rng.integers(0, levels, tasks))
    layer[:levels] = np.arange(levels)
    layer.sort()
    first = np.searchsorted(layer, np.arange(levels + 1))
    waiting = np.flatnonzero(layer > 0)
    succ = np.repeat(waiting, rng.choice([1, 2, 3, 4, 5], waiting.size, p=[0.15, 0.25, 0.25, 0.25, 0.1]))
    low, high = first[layer[succ] - 1], first[layer[succ]]
    pred = low + (rng.random(succ.size) * (high - low)).astype(np.int64)
    pred, succ = np.unique(np.stack([pred, succ]), axis=1)
    lag = np.where(rng.random(pred.size) < 0.1, rng.integers(1, 5 * 480, pred.size), 0)
    names = rng.permutation(tasks)
    return rng.integers(60, 20 * 480, tasks)[np.argsort(names)], Links(
        names[pred], names[succ], np.full(pred.size, LinkType.FS), lag
    )


def by_networkx(graph: "nx.DiGraph[int]", duration: list[int]) -> tuple[dict[int, int], dict[int, int]]:
    """Early starts and total floats, in plain Python over networkx's graph."""
    order = list(nx.topological_sort(graph))
    early: dict[int, int] = {}
    for task in order:
        early[task] = max(
            (early[pred] + duration[pred] + link["lag"] for pred, link in graph.pred[task].items()), default=0
        )
    end = max(early[task] + duration[task] for task in order)
    late: dict[int, int] = {}
    for task in reversed(order):
        late[task] = min((late[succ] - link["lag"] for succ, link in graph.succ[task].items()), default=end)
        late[task] -= duration[task]
    return early, {task: late[task] - early[task] for task in order}


def by_engine(network: Network) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The same from the compiled network: worked minutes at early starts, and total floats."""
    early, late = cpm.passes(network)
    return early >> 1, (late >> 1) - (early >> 1)


def best_of(rounds: int, work: Callable[[], Result]) -> tuple[float, Result]:
    """Shortest wall time in seconds, and what came out."""
    best = float("inf")
    for _ in range(rounds):
        began = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - began)
    return best, result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--levels", type=int, default=100)
    asked = parser.parse_args()

    duration, links = layered(asked.tasks, asked.levels)
    compile_s, network = best_of(
        2,
        lambda: compile(np.arange(duration.size), duration, [ALL_HOURS], np.zeros(duration.size), links, status_day=0),
    )
    schedule_s, dates = best_of(3, lambda: cpm.schedule(network))
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(range(duration.size))
    graph.add_edges_from(
        (pred, succ, {"lag": lag})
        for pred, succ, lag in zip(
            links.pred_uid.tolist(), links.succ_uid.tolist(), links.lag_min.tolist(), strict=True
        )
    )
    theirs_s, (early, floats) = best_of(3, lambda: by_networkx(graph, duration.tolist()))
    ours_s, (ours, our_floats) = best_of(30, lambda: by_engine(network))
    everyone = range(duration.size)
    assert ours.tolist() == [early[task] for task in everyone]
    assert our_floats.tolist() == [floats[task] for task in everyone]
    assert dates.total_float_min.tolist() == our_floats.tolist()
    print(f"{duration.size} tasks, {links.type.size} links, {network.plan.level_ptr.size - 1} levels")
    print(
        f"networkx {theirs_s * 1000:.0f} ms, passes {ours_s * 1000:.1f} ms, with floats and driving links "
        f"{schedule_s * 1000:.1f} ms, compile {compile_s * 1000:.0f} ms"
    )
    print(json.dumps({"cpm_ratio_networkx": round(theirs_s / ours_s, 1)}))


if __name__ == "__main__":
    main()
