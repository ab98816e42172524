"""How fast the engine is: beside networkx, beside the memory of the machine, and beside itself.

    ./run bench engine [--tasks 100000] [--levels 100]

- `cpm_ratio_networkx`: early and late dates and total float of one layered network (about 2.9 links a task, a tenth of
  them with lags) on one calendar, by networkx and by us; graph and compiled plan are built beforehand. Dates agree.
- `samples_per_second`, `copy_bandwidth_share`: a simulation of 10,000 tasks in 10,000 samples, sampling included, the
  end and nothing else summarised; bytes are (links + 2 x tasks) x 4 a sample, held against a copy of 40 MB measured in
  the same run. All tasks lead to the end.
- `whatif_ratio`: a full run over the median what-if of one task's work, 40 programs of 250 tasks with 5 % of the links
  across; a what-if must have the bits of a full run.
- `pipeline_s`: 10,000 tasks in 10,000 samples over four calendars, with two shared factors a task: forward, quantiles
  of 500 milestones, criticality and sensitivity to one, the cost of 50 risks.
- `growth`: CPU of a simulation of 100,000 tasks over that of 10,000, for ten times the work.

Each figure is the best of several rounds; the last line is JSON.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from engine import cpm
from engine.calendars import ALL_HOURS, OFFICE_HOURS, WorkCalendar
from engine.draws import CERTAIN, NO_RISKS, Draw, Risks, Uncertainty
from engine.drivers import Changes, criticality, whatif
from engine.network import Links, LinkType, Network, compile
from engine.simulation import simulate
from engine.steps import plan_steps
from engine.streams import strata, triangular

SAMPLES = 10_000

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


def uncertain(network: Network, risks: Risks = NO_RISKS, *, shared: bool = False) -> Uncertainty:
    """Each task's work times a skewed ratio; `shared` factors by program (250 tasks) and team."""
    size = network.uid.size
    plain = Uncertainty.none(size, risks)
    law = replace(
        plain,
        shapes=(triangular(strata(200), 0.8, 1, 1.8),),
        shape=np.where(network.work_min > 0, 0, CERTAIN),
        scale_min=network.work_min.astype(float),
    )
    if not shared:
        return law
    programs = size // 250
    drivers = np.stack([network.uid // 250, programs + network.uid % 40], axis=1)
    return replace(law, drivers=drivers, driver_uid=np.arange(programs + 40), driver_sd=np.full(programs + 40, 0.1))


def portfolio(programs: int = 40, each: int = 250, seed: int = 3) -> tuple[NDArray[np.int64], Links]:
    """Durations and links of programs side by side: links run a few tasks forward, 5 % of them into another program."""
    rng = np.random.default_rng(seed)
    place = np.tile(np.arange(each), programs)
    program = np.repeat(np.arange(programs), each)
    succ = np.repeat(np.flatnonzero(place > 0), rng.integers(1, 4, programs * (each - 1)))
    back = np.minimum(rng.integers(1, 8, succ.size), place[succ])
    home = np.where(rng.random(succ.size) < 0.05, rng.integers(0, programs, succ.size), program[succ])
    pred = home * each + place[succ] - back
    pred, succ = np.unique(np.stack([pred, succ]), axis=1)
    return rng.integers(60, 20 * 480, programs * each), Links(pred, succ, np.zeros_like(pred), np.zeros_like(pred))


def simulation_figures() -> dict[str, float]:
    """How fast 10,000 x 10,000 are simulated, beside a copy in memory."""
    duration, links = layered(10_000, 100)
    end = duration.size
    ends = np.setdiff1d(np.arange(end), links.pred_uid)
    links = Links(
        *(np.concatenate(pair) for pair in zip(
            (links.pred_uid, links.succ_uid, links.type, np.zeros_like(links.lag_min)),
            (ends, np.full(ends.size, end), np.zeros_like(ends), np.zeros_like(ends)),
            strict=True,
        ))
    )  # fmt: skip
    network = compile(
        np.arange(end + 1), np.append(duration, 0), [OFFICE_HOURS], np.zeros(end + 1), links, status_day=20_000
    )
    law, steps = uncertain(network), plan_steps(network)
    seconds, _ = best_of(7, lambda: simulate(network, law, seed=1, watch=[end], steps=steps))
    source = np.ones(10_000_000, dtype=np.float32)
    room = np.empty_like(source)
    copy_s, _ = best_of(20, lambda: np.copyto(room, source))
    moved = (links.type.size + 2 * network.uid.size) * 4 * SAMPLES
    copied = 2 * source.nbytes / copy_s
    print(f"simulation {seconds * 1000:.0f} ms, {moved / seconds / 1e9:.1f} GB/s; copy {copied / 1e9:.1f} GB/s")
    return {
        "samples_per_second": round(network.uid.size * SAMPLES / seconds),
        "copy_bandwidth_share": round(moved / seconds / copied, 2),
    }


def whatif_figures() -> dict[str, float]:
    """How much faster a what-if is than a full run of the same portfolio."""
    duration, links = portfolio()
    size = duration.size
    network = compile(np.arange(size), duration, [OFFICE_HOURS], np.zeros(size), links, status_day=20_000)
    law, steps = uncertain(network), plan_steps(network)
    full_s, _ = best_of(5, lambda: simulate(network, law, seed=1, watch=[size - 1], steps=steps, keep=True))
    run = simulate(network, law, seed=1, watch=[size - 1], steps=steps, keep=True)
    took = []
    for uid in np.random.default_rng(5).choice(size, 200, replace=False).tolist():
        changes = Changes(draws={uid: longer(run.draws[int(steps.step[uid])])})
        seconds, delta = best_of(1, partial(whatif, run, changes))
        took.append(seconds)
    changed = replace(law, scale_min=law.scale_min * np.where(np.arange(size) == uid, 1.1, 1.0))
    again = simulate(network, changed, seed=1, watch=[size - 1], steps=steps, keep=True)
    assert all(np.array_equal(again.sample(at), delta.sample(at)) for at in range(size))
    median = float(np.median(took))
    print(f"full run {full_s * 1000:.0f} ms, what-if median {median * 1000:.2f} ms, mean {np.mean(took) * 1000:.2f} ms")
    return {"whatif_ratio": round(full_s / median, 1)}


def longer(draw: Draw) -> Draw:
    return draw._replace(scale=draw.scale * 1.1)


def pipeline_figures() -> dict[str, float]:
    """Everything that a forecast of 10,000 tasks asks for."""
    duration, links = portfolio()
    size = duration.size
    calendars = [WorkCalendar.of_minutes((480,) * 5 + (0, 0), frozenset({20_010 + k, 20_200 + k})) for k in range(4)]
    # A team's calendar follows the program: links across programs cross calendars, others mostly do not.
    network = compile(np.arange(size), duration, calendars, np.arange(size) // 250 % 4, links, status_day=20_000)
    hit = np.random.default_rng(9).choice(size, 50, replace=False).tolist()
    risks = Risks.of([(n, 0.3) for n in range(50)], [(n, uid, 480.0, 2400.0, 9600.0) for n, uid in enumerate(hit)])
    law, steps = uncertain(network, risks, shared=True), plan_steps(network)
    watch = np.random.default_rng(2).choice(size, 500, replace=False)

    def whole() -> None:
        run = simulate(network, law, seed=1, watch=watch, steps=steps, keep=True)
        _ = run.quantile_day
        criticality(run, size - 1, driving_only=True)
        for risk in range(50):
            whatif(run, Changes.without([risk]), size - 1).days_saved(size - 1, 0.8)

    seconds, _ = best_of(3, whole)
    return {"pipeline_s": round(seconds, 2)}


def growth_figures() -> dict[str, float]:
    """CPU of ten times the tasks over that of the tasks."""
    took = []
    for programs in (40, 400):
        duration, links = portfolio(programs)
        size = duration.size
        network = compile(np.arange(size), duration, [OFFICE_HOURS], np.zeros(size), links, status_day=20_000)
        law, best = uncertain(network), float("inf")
        for _ in range(2):
            began = time.process_time()
            simulate(network, law, seed=1, watch=[size - 1])
            best = min(best, time.process_time() - began)
        took.append(best)
    return {"growth": round(took[1] / took[0], 1)}


def cpm_figures(tasks: int, levels: int) -> dict[str, float]:
    """The critical path method, by networkx and by us."""
    duration, links = layered(tasks, levels)
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
    return {"cpm_ratio_networkx": round(theirs_s / ours_s, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--levels", type=int, default=100)
    asked = parser.parse_args()
    figures = cpm_figures(asked.tasks, asked.levels)
    for more in (simulation_figures, whatif_figures, pipeline_figures, growth_figures):
        figures |= more()
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
