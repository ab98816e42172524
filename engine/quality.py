"""Whether a plan is built so that its dates can be trusted: the fourteen checks of the DCMA and one of ours.

Checks look at work that is not finished, links at those that lead to such work. Each counts what it found, out of how
many, and names the tasks, so that a page can link each finding.

Source: US Defense Contract Management Agency, Earned Value Management System Program Analysis Pamphlet (DCMA-EA PAM
200.1, 2012), section 4.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.calendars import MINUTES_PER_DAY, WorkCalendar
from engine.columns import same_shape
from engine.cpm import Dates, out_of_sequence
from engine.network import NO_DAY, BoolArray, IntArray, LinkType, Network, finish_mark, requirement

HIGH_DAYS = 44  # working days: two months
SLIP_DAYS = 100  # working days by which the critical path test delays a task
_NO_ROWS = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Check:
    """One check of one group of tasks.

    `value` = `count` / `denominator` is held against `threshold`: it must be no less where `at_least`, else no more.
    `passes` is None without a threshold, and where there is nothing to check: then `value` is None too. `uids` int64[k]
    are the tasks to look at, `links` int64[k] the links (positions in what was compiled) that lead to them.
    """

    number: int
    name: str
    count: int
    denominator: int
    value: float | None
    threshold: float | None
    at_least: bool
    passes: bool | None
    uids: IntArray
    links: IntArray


@dataclass(frozen=True, slots=True)
class _Rule:
    number: int
    name: str
    threshold: float | None
    at_least: bool = False


LOGIC = _Rule(1, "logic", 0.05)
LEADS = _Rule(2, "leads", 0)
LAGS = _Rule(3, "lags", 0.05)
LINK_TYPES = _Rule(4, "link types", 0.90, at_least=True)
HARD_CONSTRAINTS = _Rule(5, "hard constraints", 0.05)
HIGH_FLOAT = _Rule(6, "high float", 0.05)
NEGATIVE_FLOAT = _Rule(7, "negative float", 0)
HIGH_DURATION = _Rule(8, "high duration", 0.05)
INVALID_DATES = _Rule(9, "invalid dates", 0)
RESOURCES = _Rule(10, "resources", None)
MISSED_TASKS = _Rule(11, "missed tasks", 0.05)
CRITICAL_PATH_TEST = _Rule(12, "critical path test", 1, at_least=True)
CRITICAL_PATH_LENGTH = _Rule(13, "critical path length index", 0.95, at_least=True)
BASELINE_EXECUTION = _Rule(14, "baseline execution index", 0.95, at_least=True)
OUT_OF_SEQUENCE = _Rule(15, "out of sequence", 0)


def judge(
    dates: Dates,
    *,
    group: Any = None,
    starts: Any = None,
    ends: Any = None,
    hard: Any = None,
    owned: Any = None,
    stated_finish_day: Any = None,
    baseline_finish_day: Any = None,
    float_min: Any = None,
) -> dict[int, tuple[Check, ...]]:
    """The fourteen checks in order and a fifteenth, by label of `group` int[n] (a task's program; all 0 without).

    Arrays follow the network's tasks. `starts`, `ends` bool[n]: tasks that need no predecessor, no successor; `hard`
    bool[n]: held by a date that logic cannot move (without it, tasks with a finish-by day); `owned` bool[n]: somebody
    works on it (without it, nothing to check); `stated_finish_day` int[n]: the day that people name, NO_DAY where none;
    `baseline_finish_day` int[n] likewise; `float_min` int[n] working minutes in place of the total float.

    1 logic: a predecessor or successor is missing. 2 leads, 3 lags, 4 finish-to-start: of links. 6, 8: more than
    HIGH_DAYS working days of the task's calendar. 8 and 10 leave out milestones without work. 9: open work that is to
    finish before the status date, or an actual date after it; of all tasks. 11: of tasks whose baseline day has come,
    those whose actual or forecast finish lies after it. 12: a critical task of the group's end (the last to finish of
    `ends`, or of all its open tasks) slips by SLIP_DAYS, and the end by as much; to the minute in one calendar, to less
    than a working day across calendars; its minutes of slip are counted. 13: (length + float) / length of the path from
    the status date to the end, in the end's working minutes, with float against its finish-by or baseline day. 14:
    of tasks whose baseline day is over, those that are done; what is done early hides nothing late. 15, which is not of
    the DCMA: links that progress has broken (`cpm.out_of_sequence`).

    All groups are counted at once, and none is computed anew. Raises UnequalShapes.

    >>> from engine.calendars import ALL_HOURS
    >>> from engine.cpm import schedule
    >>> from engine.network import Links, compile
    >>> links = Links.of([(1, 2, "FS", 0), (2, 3, "FS", -60)])
    >>> network = compile([1, 2, 3], [600, 600, 0], [ALL_HOURS], [0] * 3, links, status_day=20_000)
    >>> checks = judge(schedule(network), starts=[True, False, False], ends=[False, False, True])[0]
    >>> [(check.name, check.count, check.denominator, check.uids.tolist()) for check in checks if check.passes is False]
    [('leads', 1, 2, [3])]
    """
    network = dates.network
    size, succ = network.uid.size, network.link_succ
    nobody, no_day = np.zeros(size, dtype=bool), np.full(size, NO_DAY)
    labels, of = np.unique(_given(group, np.zeros(size, dtype=np.int64)), return_inverse=True)
    baseline, floats = _given(baseline_finish_day, no_day), _given(float_min, dates.total_float_min)
    start, end, somebody = _given(starts, nobody), _given(ends, nobody), _given(owned, ~nobody)
    held, stated = _given(hard, network.finish_by_day != NO_DAY), _given(stated_finish_day, no_day)
    for column in (of, baseline, floats, start, end, somebody, held, stated):
        same_shape("task", network.uid, column)
    tasks, links = _Rows(labels.size, of, network.uid), _Rows(labels.size, of[succ], network.uid[succ], are_links=True)

    still, alive = ~network.done, ~network.done[succ]
    work = still & (network.duration_min > 0)
    long = HIGH_DAYS * _minutes_per_day(network)
    unled = ~start & (np.bincount(succ, minlength=size) == 0)
    unfollowed = ~end & (np.bincount(network.link_pred, minlength=size) == 0)
    from_finish = network.link_type == LinkType.FS
    due = (baseline != NO_DAY) & (baseline <= _status_day(network))
    over = due & (baseline < _status_day(network))
    broken = np.zeros(succ.size, dtype=bool)
    broken[out_of_sequence(network)] = True
    checks = [
        tasks.share(LOGIC, still & (unled | unfollowed), still),
        links.share(LEADS, alive & (network.link_lag_min < 0), alive),
        links.share(LAGS, alive & (network.link_lag_min > 0), alive),
        links.share(LINK_TYPES, alive & from_finish, alive, shown=alive & ~from_finish),
        tasks.share(HARD_CONSTRAINTS, still & held, still),
        tasks.share(HIGH_FLOAT, still & (floats > long), still),
        tasks.share(NEGATIVE_FLOAT, still & (floats < 0), still),
        tasks.share(HIGH_DURATION, work & (network.duration_min > long), work),
        tasks.share(INVALID_DATES, _invalid(dates, stated), np.full(size, network.status_day is not None)),
        tasks.share(RESOURCES, work & ~somebody, work & (owned is not None)),
        tasks.share(MISSED_TASKS, due & (dates.early_finish_day > baseline), due),
        *_path_checks(dates, tasks, end, baseline),
        tasks.share(BASELINE_EXECUTION, network.done & over, over, shown=still & over),
        links.share(OUT_OF_SEQUENCE, alive & broken, alive),
    ]
    return dict(zip(labels.tolist(), zip(*checks, strict=True), strict=True))


@dataclass(frozen=True, slots=True)
class _Rows:
    """Tasks or links as rows that lie in `groups` groups: of each the group, and the task to name."""

    groups: int
    group: IntArray
    uid: IntArray
    are_links: bool = False

    def share(self, rule: _Rule, found: BoolArray, among: BoolArray, shown: BoolArray | None = None) -> list[Check]:
        """A check for each group: rows `found` out of those `among`; it names those `shown`, or else those found."""
        count = np.bincount(self.group[found], minlength=self.groups).tolist()
        denominator = np.bincount(self.group[among], minlength=self.groups).tolist()
        rows = np.flatnonzero(found if shown is None else shown)
        rows = rows[np.argsort(self.group[rows], kind="stable")]
        parts = np.split(rows, np.searchsorted(self.group[rows], np.arange(1, self.groups)))
        return [
            _check(rule, count[one], denominator[one], np.unique(self.uid[part]), part if self.are_links else part[:0])
            for one, part in zip(range(self.groups), parts, strict=False)
        ]


def _check(rule: _Rule, count: int, denominator: int, uids: IntArray, links: IntArray) -> Check:
    value = count / denominator if denominator else None
    passes = None
    if value is not None and rule.threshold is not None:
        passes = value >= rule.threshold if rule.at_least else value <= rule.threshold
    return Check(rule.number, rule.name, count, denominator, value, rule.threshold, rule.at_least, passes, uids, links)


def _given(column: Any, otherwise: NDArray[Any]) -> NDArray[Any]:
    return otherwise if column is None else np.asarray(column, dtype=otherwise.dtype)


def _status_day(network: Network) -> int:
    return NO_DAY if network.status_day is None else network.status_day


def _minutes_per_day(network: Network) -> NDArray[np.float64]:
    return np.array([_day_length(calendar) for calendar in network.calendars.calendars])[network.calendar]


def _day_length(calendar: WorkCalendar) -> float:
    """Mean working minutes of a day with work; of the days that differ where the week has none."""
    days = calendar.week if calendar.minutes_per_week else [intervals for _, intervals in calendar.extra]
    lengths = [sum(stop - start for start, stop in intervals) for intervals in days if intervals]
    return sum(lengths) / len(lengths)


def _invalid(dates: Dates, stated: IntArray) -> BoolArray:
    network, status = dates.network, _status_day(dates.network)
    if network.status_day is None:
        return np.zeros(network.uid.size, dtype=bool)
    past = (dates.early_finish_day < status) | ((stated != NO_DAY) & (stated < status))
    ahead = (network.actual_start_day > status) | (network.actual_finish_day > status)
    return np.asarray((~network.done & past) | ahead)


def _path_checks(dates: Dates, tasks: _Rows, marked: BoolArray, baseline: IntArray) -> tuple[list[Check], list[Check]]:
    """Checks 12 and 13 of each group, from the end that its critical path leads to."""
    network = dates.network
    has_marked = np.bincount(tasks.group[marked], minlength=tasks.groups) > 0
    open_ = np.flatnonzero(~network.done & (marked | ~has_marked[tasks.group]))
    by_finish = open_[np.lexsort((network.plan.rank[open_], dates.early_finish[open_], tasks.group[open_]))]
    ends = by_finish[np.flatnonzero(np.diff(tasks.group[by_finish], append=tasks.groups))]
    slips = [_check(CRITICAL_PATH_TEST, 0, 0, _NO_ROWS, _NO_ROWS)] * tasks.groups
    lengths = [_check(CRITICAL_PATH_LENGTH, 0, 0, _NO_ROWS, _NO_ROWS)] * tasks.groups
    columns = (tasks.group[ends], network.uid[ends], *_slip(dates, ends), *_lengths(dates, ends, baseline))
    for group, uid, task, moved, delay, room, length in zip(*(column.tolist() for column in columns), strict=True):
        shown = np.unique([uid, uid if task < 0 else int(network.uid[task])])
        slips[group] = _naming(_check(CRITICAL_PATH_TEST, moved, delay, _NO_ROWS, _NO_ROWS), shown)
        lengths[group] = _naming(_check(CRITICAL_PATH_LENGTH, room, length, _NO_ROWS, _NO_ROWS), shown[shown == uid])
    return slips, lengths


def _naming(check: Check, uids: IntArray) -> Check:
    return replace(check, uids=uids) if check.passes is False else check


def _slip(dates: Dates, ends: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Of each end, the first critical task with work (-1: none), and the minutes by which the end moves if it slips by
    so many.

    Only the links that drive an end are walked, back and forth, for all ends in step: within one calendar nothing can
    move it further.
    """
    network, table = dates.network, dates.network.calendars
    driving = np.flatnonzero(dates.driving & network.live)
    pred = network.link_pred[driving]
    driving = driving[np.lexsort((-network.uid[pred], dates.early_finish[pred]))]
    driver = np.full(network.uid.size, -1)
    driver[network.link_succ[driving]] = driving

    at, steps = ends.copy(), []
    first = np.where(network.work_min[at] > 0, at, -1)
    depth = np.zeros_like(ends)
    while np.any(driver[at] >= 0):
        link = driver[at]
        at = np.where(link >= 0, network.link_pred[link], at)
        steps.append(link)
        further = (link >= 0) & (network.work_min[at] > 0)
        first, depth = np.where(further, at, first), np.where(further, len(steps), depth)

    calendar = network.calendar[np.where(first >= 0, first, ends)]
    day = np.array([_day_length(one) for one in table.calendars])[calendar]
    delay = np.rint(SLIP_DAYS * day).astype(np.int64)
    mark = np.where(first >= 0, dates.early[first] + 2 * delay, dates.early[ends])
    for step in range(len(steps) - 1, -1, -1):
        moving = np.flatnonzero(depth > step)
        link = steps[step][moving]
        succ = network.link_succ[link]
        mark[moving] = requirement(network, link, mark[moving]) | (network.work_min[succ] > 0)
    before, after = (
        table.worked(calendar, table.instant(network.calendar[ends], finish_mark(network.work_min[ends], start)))
        for start in (dates.early[ends], mark)
    )
    moved = after - before
    near = (calendar != network.calendar[ends]) & (np.abs(moved - delay) < day) & (first >= 0)
    return first, np.where(near, delay, moved), delay


def _lengths(dates: Dates, ends: IntArray, baseline: IntArray) -> tuple[IntArray, IntArray]:
    """Of each end, the length of its path with the float to its target, and alone; 0 without a target or status."""
    network = dates.network
    calendar, goal = network.calendar[ends], network.finish_by_day[ends]
    goal = np.where(goal == NO_DAY, baseline[ends], goal)
    if network.status_day is None:
        return np.zeros_like(ends), np.zeros_like(ends)
    known = goal != NO_DAY
    status, finish, target = (
        network.calendars.worked(calendar, instant)
        for instant in (
            network.status_day * MINUTES_PER_DAY,
            dates.early_finish[ends],
            (np.where(known, goal, 0) + 1) * MINUTES_PER_DAY,
        )
    )
    length = np.where(known, np.maximum(finish - status, 0), 0)
    return np.where(length > 0, length + target - finish, 0), length
