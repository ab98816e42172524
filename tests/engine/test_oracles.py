"""Random networks: the vectorised passes against a scalar recursion of their own and against linear programming."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from engine import cpm
from engine.calendars import ALL_HOURS, CalendarTable, WorkCalendar, day_of
from engine.network import NO_DAY, CycleError, Links, LinkType, Network, compile, components, digest

START = day_of("2026-03-02")
CALENDARS = [
    ALL_HOURS,
    WorkCalendar(week=(((540, 720), (780, 1080)),) * 5 + ((),) * 2, holidays=frozenset({START + 3, START + 4})),
    WorkCalendar(week=((), ((420, 1020),), ((420, 1020),), ((420, 1020),), ((0, 60),), ((420, 600),), ())),
    WorkCalendar.of_minutes((480,) * 5 + (0, 0), extra=((START + 5, 240),)),
]


def random_links(rng: np.random.Generator, n: int, largest_lag: int) -> Links:
    pairs = [(int(a), int(b)) for a, b in (np.sort(rng.choice(n, 2, replace=False)) for _ in range(2 * n))]
    names = rng.permutation(1000)[:n]
    return Links(
        pred_uid=names[[a for a, _ in pairs]],
        succ_uid=names[[b for _, b in pairs]],
        type=rng.integers(0, 4, len(pairs)),
        lag_min=np.where(rng.random(len(pairs)) < 0.5, 0, rng.integers(-largest_lag, largest_lag + 1, len(pairs))),
    )


def optimum(cost: Any, rows: Any, least: Any, bounds: list[tuple[int | None, int | None]]) -> NDArray[np.float64]:
    """Starts of least cost with start of successor - start of predecessor >= least, for each row."""
    solution = linprog(cost, A_ub=rows, b_ub=-least, bounds=bounds).x
    assert solution is not None
    return solution.round()


@pytest.mark.parametrize("seed", range(300))
def test_dates_equal_a_linear_program(seed: int) -> None:
    """Least starts and largest starts under the written inequalities, one calendar around the clock."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 13))
    links = random_links(rng, n, 20)
    uids = np.unique(np.concatenate([links.pred_uid, links.succ_uid]))
    n = uids.size
    work = np.where(rng.random(n) < 0.25, 0, rng.integers(1, 30, n))
    network = compile(uids, work, [ALL_HOURS], [0] * n, links, status_day=START)
    dates = cpm.schedule(network)
    rows = np.zeros((links.type.size, n))
    least = np.zeros(links.type.size)
    for row, (a, b, kind, lag) in enumerate(
        zip(network.link_pred, network.link_succ, links.type, links.lag_min, strict=True)
    ):
        event = work[a] if kind in (LinkType.FS, LinkType.FF) else 0
        least[row] = event + lag - (work[b] if kind in (LinkType.FF, LinkType.SF) else 0)
        rows[row, a], rows[row, b] = 1, -1
    early = optimum(np.ones(n), rows, least, [(0, None)] * n)
    end = (early + work).max()
    late = optimum(-np.ones(n), rows, least, [(None, end - d) for d in work])
    assert (dates.early_start - START * 1440).tolist() == early.tolist()
    assert (dates.early_finish - START * 1440).tolist() == (early + work).tolist()
    assert (dates.late_start - START * 1440).tolist() == late.tolist()
    assert dates.total_float_min.tolist() == (late - early).tolist()
    slack = rows @ -early - least
    assert dates.link_float_min.tolist() == slack.tolist()
    free = [min([end - early[k] - work[k], *slack[network.link_pred == k]]) for k in range(n)]
    assert dates.free_float_min.tolist() == free


@cache
def minutes_of(calendar: WorkCalendar, first: int, days: int) -> list[bool]:
    """Whether each minute is worked, read off the definition of the calendar, not its tables."""
    extra = dict(calendar.extra)
    open_minutes = []
    for day in range(first, first + days):
        intervals = extra.get(day, () if day in calendar.holidays else calendar.week[(day + 3) % 7])
        open_minutes += [any(a <= minute < b for a, b in intervals) for minute in range(1440)]
    return open_minutes


def add_work(open_minutes: Sequence[bool], at: int, minutes: int) -> int:
    """Walk minute by minute: the instant at which so much has been worked after (or undone before) an instant."""
    while minutes > 0:
        minutes -= open_minutes[at]
        at += 1
    while minutes < 0:
        at -= 1
        minutes += open_minutes[at]
    return at


def next_open(open_minutes: Sequence[bool], at: int) -> int:
    while not open_minutes[at]:
        at += 1
    return at


def in_closure(open_minutes: Sequence[bool], at: int) -> bool:
    return open_minutes[at] or open_minutes[at - 1]


def walked_early(network: Network, order: Sequence[int], first: int, days: int) -> tuple[list[int], list[int]]:
    """Early starts and finishes by walking minutes in each task's calendar, link by link."""
    minutes = [minutes_of(calendar, first, days) for calendar in network.calendars.calendars]
    origin = first * 1440
    start, finish = [0] * len(order), [0] * len(order)
    for task in order:
        own, work = minutes[network.calendar[task]], int(network.work_min[task])
        at = next_open(own, network.status_day * 1440 - origin) if network.status_day else 0
        for row in np.flatnonzero(network.link_succ == task):
            pred, lag = network.link_pred[row], int(network.link_lag_min[row])
            kind = LinkType(network.link_type[row])
            theirs = minutes[network.calendar[pred]]
            event = start[pred] if kind.from_start else finish[pred]
            reached = add_work(theirs, event, lag)
            if lag < 0:
                reached = next_open(theirs, reached)
            if kind in (LinkType.FF, LinkType.SF) and work:
                worked_until = add_work(own, reached, 1) - 1 if not in_closure(own, reached) else reached
                reached = add_work(own, worked_until, -work)
            at = max(at, next_open(own, reached) if work or not in_closure(own, reached) else reached)
        start[task], finish[task] = at, add_work(own, at, work)
    return [origin + at for at in start], [origin + at for at in finish]


@pytest.mark.parametrize("seed", range(150))
def test_early_dates_equal_a_walk_through_the_minutes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 9))
    links = random_links(rng, n, 700)
    uids = np.unique(np.concatenate([links.pred_uid, links.succ_uid]))
    n = uids.size
    work = np.where(rng.random(n) < 0.3, 0, rng.integers(1, 900, n))
    network = compile(uids, work, CALENDARS, rng.integers(0, 4, n), links, status_day=START + int(rng.integers(0, 7)))
    dates = cpm.schedule(network)
    start, finish = walked_early(network, network.plan.order.tolist(), START - 30, 120)
    assert dates.early_start.tolist() == start
    assert dates.early_finish.tolist() == finish


class Case:
    """A random network with calendars, progress and targets, to ask questions of."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        n = int(rng.integers(2, 20))
        links = random_links(rng, n, 3000)
        uids = np.unique(np.concatenate([links.pred_uid, links.succ_uid]))
        n = uids.size
        started = rng.random(n) < 0.2
        ended = rng.random(n) < 0.15
        self.links = links
        self.tasks: dict[str, Any] = {
            "uids": uids,
            "durations_min": np.where(rng.random(n) < 0.3, 0, rng.integers(1, 5000, n)),
            "calendar_index": rng.integers(0, 4, n),
            "actual_start_day": np.where(started | ended, START - rng.integers(5, 9, n), NO_DAY),
            "actual_finish_day": np.where(ended, START - rng.integers(1, 5, n), NO_DAY),
            "remaining_min": np.where(started, rng.integers(0, 3000, n), -1),
            "not_before_day": np.where(rng.random(n) < 0.2, START + rng.integers(0, 20, n), NO_DAY),
            "finish_by_day": np.where(rng.random(n) < 0.1, START + rng.integers(0, 20, n), NO_DAY),
        }
        self.rng = rng

    def schedule(self, **changes: Any) -> cpm.Dates:
        tasks = self.tasks | changes
        links = tasks.pop("links", self.links)
        return cpm.schedule(compile(calendars=CALENDARS, links=links, status_day=START, **tasks))


seeds = st.integers(0, 2**32 - 1).map(Case)


@given(seeds)
@settings(max_examples=60, deadline=None)
def test_the_order_of_rows_changes_nothing(case: Case) -> None:
    tasks, rows = case.rng.permutation(case.tasks["uids"].size), case.rng.permutation(case.links.type.size)
    links = Links(case.links.pred_uid[rows], case.links.succ_uid[rows], case.links.type[rows], case.links.lag_min[rows])
    before = case.schedule()
    after = case.schedule(links=links, **{name: column[tasks] for name, column in case.tasks.items()})
    for name in ("early_start", "early_finish", "late_start", "late_finish", "total_float_min", "free_float_min"):
        assert getattr(before, name)[tasks].tolist() == getattr(after, name).tolist()
    assert digest(before.network) == digest(after.network)
    assert before.link_float_min[rows].tolist() == after.link_float_min.tolist()
    for uid in case.tasks["uids"]:
        one, other = cpm.driving_path(before, uid), cpm.driving_path(after, uid)
        assert before.network.uid[one.tasks].tolist() == after.network.uid[other.tasks].tolist()


@given(seeds)
@settings(max_examples=60, deadline=None)
def test_every_link_holds_early_and_late(case: Case) -> None:
    dates = case.schedule()
    assert (dates.link_float_min >= 0).all()
    assert (dates.free_float_min >= 0).all()
    without_targets = case.schedule(finish_by_day=None)
    assert (without_targets.total_float_min >= without_targets.free_float_min).all()
    assert (without_targets.total_float_min >= 0).all()
    assert (without_targets.late_finish >= without_targets.early_finish).all()
    assert without_targets.early_start.tolist() == dates.early_start.tolist()


@given(seeds)
@settings(max_examples=60, deadline=None)
def test_late_dates_are_the_latest_that_leave_the_end_where_it_is(case: Case) -> None:
    """Holding a task back to its late start moves nothing past its late date; by a minute more, the end moves."""
    dates = case.schedule(finish_by_day=None, actual_start_day=None, actual_finish_day=None)
    network = dates.network
    task = int(case.rng.integers(network.uid.size))
    end = dates.early_finish.max()
    for extra, moves in ((0, False), (1, True)):
        floor = network.floor.copy()
        floor[task] = dates.late[task] + 2 * extra
        held = cpm.schedule(_with_floor(network, floor))
        assert (held.early_finish.max() > end) == moves


def _with_floor(network: Network, floor: Any) -> Network:
    fields = {name: getattr(network, name) for name in network.__dataclass_fields__}
    return Network(**fields | {"floor": floor})


@given(seeds)
@settings(max_examples=60, deadline=None)
def test_free_float_is_what_a_task_may_slip_alone(case: Case) -> None:
    dates = case.schedule(finish_by_day=None, actual_start_day=None, actual_finish_day=None)
    network = dates.network
    task = int(case.rng.integers(network.uid.size))
    others = np.arange(network.uid.size) != task
    for extra, moves in ((0, False), (1, True)):
        floor = network.floor.copy()
        slip = dates.free_float_min[task] + extra
        floor[task] = 2 * ((dates.early[task] >> 1) + slip) if slip else dates.early[task]
        held = cpm.schedule(_with_floor(network, floor))
        moved = held.early[others] >> 1 != dates.early[others] >> 1
        assert (moved.any() or held.early_finish.max() > dates.early_finish.max()) == moves


@given(seeds)
@settings(max_examples=60, deadline=None)
def test_a_delay_upstream_never_makes_anything_earlier(case: Case) -> None:
    """Longer work moves nothing forward where links leave finishes and enter starts, whatever the lag."""
    links = Links(case.links.pred_uid, case.links.succ_uid, case.links.type * 0, np.abs(case.links.lag_min))
    before = case.schedule(links=links)
    longer = case.tasks["durations_min"].copy()
    longer[case.rng.integers(longer.size)] += 500
    after = case.schedule(links=links, durations_min=longer)
    assert (after.early_finish >= before.early_finish).all()


@given(seeds)
@settings(max_examples=60, deadline=None)
def test_float_to_an_end_is_what_a_task_may_slip_before_it_moves(case: Case) -> None:
    dates = case.schedule(actual_start_day=None, actual_finish_day=None)
    network = dates.network
    task, end, other = case.rng.choice(network.uid.size, 3)
    ends = network.uid[[end, other]].tolist()
    floats = cpm.float_to(dates, *ends)
    slip = int(floats[task]) if floats[task] < cpm.NO_FLOAT else 40_000
    for extra, moves in ((0, False), (1, floats[task] < cpm.NO_FLOAT)):
        floor = network.floor.copy()
        if slip + extra:
            floor[task] = 2 * ((dates.early[task] >> 1) + slip + extra)
        held = cpm.schedule(_with_floor(network, floor))
        assert bool((held.early[[end, other]] >> 1 > dates.early[[end, other]] >> 1).any()) == moves


@given(seeds)
@settings(max_examples=40, deadline=None)
def test_the_driving_path_has_no_gaps(case: Case) -> None:
    dates = case.schedule()
    network = dates.network
    for uid in network.uid:
        path = cpm.driving_path(dates, uid)
        assert (dates.link_float_min[path.links] == 0).all()
        assert network.link_pred[path.links].tolist() == path.tasks[:-1].tolist()
        assert network.link_succ[path.links].tolist() == path.tasks[1:].tolist()
        assert cpm.longest_path(dates, uid)[path.tasks].all()
        first = path.tasks[0]
        assert network.done[first] or network.own_floor[first] | (network.work_min[first] > 0) == dates.early[first]


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_components_are_those_of_the_graph(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size, count = int(rng.integers(1, 40)), int(rng.integers(0, 40))
    pred, succ = rng.integers(0, size, (2, count))
    _, expected = connected_components(coo_array((np.ones(count), (pred, succ)), shape=(size, size)), directed=False)
    label = components(size, pred, succ)
    assert (label <= np.arange(size)).all()
    assert len(set(zip(label.tolist(), expected.tolist(), strict=True))) == len(set(expected.tolist()))
    assert len(set(label.tolist())) == len(set(expected.tolist()))


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_a_named_loop_is_a_loop_and_no_order_hides_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 12))
    rows = [(int(a), int(b), "FS", 0) for a, b in rng.integers(0, n, (2 * n, 2))]
    found = []
    for order in (rows, rows[::-1]):
        try:
            compile(range(n), [0] * n, [ALL_HOURS], [0] * n, Links.of(order), status_day=START)
        except CycleError as refusal:
            loop = refusal.uids
            steps = {(a, b) for a, b, _, _ in rows}
            assert all(step in steps for step in zip(loop, (*loop[1:], loop[0]), strict=True))
            assert len(set(loop)) == len(loop)
            found.append(loop)
    assert len(found) in (0, 2)
    assert len(set(found)) <= 1


@given(
    st.lists(st.integers(START * 1440, (START + 20) * 1440), min_size=1, max_size=20),
    st.integers(0, len(CALENDARS) - 1),
)
@settings(max_examples=60, deadline=None)
def test_marks_are_the_nearest_instants_of_work(instants: list[int], calendar: int) -> None:
    table = CalendarTable.of(CALENDARS)
    after = table.instant(calendar, table.mark_from(calendar, instants))
    before = table.instant(calendar, table.mark_until(calendar, instants))
    assert (before <= instants).all()
    assert (instants <= after).all()
    assert table.worked(calendar, before).tolist() == table.worked(calendar, instants).tolist()
    assert table.worked(calendar, after).tolist() == table.worked(calendar, instants).tolist()
