"""The checks of a plan: each on a plan that fails it, the worked indices, and groups against the whole."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import cpm, quality
from engine.calendars import ALL_HOURS, WorkCalendar, day_of
from engine.columns import UnequalShapes
from engine.network import NO_DAY, Links, Network, compile
from engine.quality import Check, judge

TODAY = day_of("2026-03-02")  # a Monday
OFFICE = WorkCalendar.of_minutes((480, 480, 480, 480, 480, 0, 0))
DAY = 480
Row = tuple[int, int, str, int]


def plan(work_days: list[float], links: list[Row], **options: Any) -> Network:
    """Tasks 0, 1, … of working days in office hours; lags in working days."""
    n = len(work_days)
    rows = [(pred, succ, kind, lag * DAY) for pred, succ, kind, lag in links]
    minutes = [int(days * DAY) for days in work_days]
    return compile(range(n), minutes, [OFFICE], [0] * n, Links.of(rows), **{"status_day": TODAY} | options)


def judged(network: Network, **columns: Any) -> dict[str, Check]:
    return {check.name: check for check in judge(cpm.schedule(network), **columns)[0]}


def only(size: int, *which: int) -> list[bool]:
    return [task in which for task in range(size)]


CHAIN: list[Row] = [(0, 1, "FS", 0), (1, 2, "FS", 0)]


def test_a_sound_plan_passes_what_can_be_asked_of_it() -> None:
    network = plan([5, 5, 0], CHAIN)
    checks = judge(cpm.schedule(network), starts=only(3, 0), ends=only(3, 2), owned=[True] * 3)[0]
    assert [check.number for check in checks] == list(range(1, 16))
    assert [check.name for check in checks if check.passes] == [
        "logic", "leads", "lags", "link types", "hard constraints", "high float", "negative float", "high duration",
        "invalid dates", "critical path test", "out of sequence",
    ]  # fmt: skip
    assert [check.name for check in checks if check.passes is None] == [
        "resources", "missed tasks", "critical path length index", "baseline execution index",
    ]  # fmt: skip
    assert all(check.uids.size == 0 for check in checks)


def test_missing_logic() -> None:
    found = judged(plan([5, 5, 0, 3], CHAIN), ends=only(4, 2))["logic"]
    assert (found.count, found.denominator, found.uids.tolist(), found.passes) == (2, 4, [0, 3], False)
    assert judged(plan([5, 5, 0, 3], CHAIN), starts=[1, 0, 0, 0], ends=[0, 0, 1, 0])["logic"].uids.tolist() == [3]


def test_links() -> None:
    links: list[Row] = [(0, 1, "FS", -1), (1, 2, "SS", 2), (2, 3, "FF", 0), (0, 3, "FS", 0)]
    checks = judged(plan([5, 5, 5, 0], links))
    assert (checks["leads"].count, checks["leads"].uids.tolist(), checks["leads"].links.tolist()) == (1, [1], [0])
    assert (checks["lags"].value, checks["lags"].uids.tolist(), checks["lags"].links.tolist()) == (0.25, [2], [1])
    types = checks["link types"]
    assert (types.count, types.value, types.uids.tolist(), types.links.tolist()) == (2, 0.5, [2, 3], [1, 2])
    assert not any(checks[name].passes for name in ("leads", "lags", "link types"))


def test_links_to_finished_work_are_past() -> None:
    network = plan([5, 5], [(0, 1, "FS", -1)], actual_finish_day=[TODAY - 9, TODAY - 2])
    assert judged(network)["leads"].passes is None


def test_hard_constraints_are_finish_by_days_unless_told() -> None:
    network = plan([5, 5, 0], CHAIN, finish_by_day=[NO_DAY, TODAY + 50, NO_DAY])
    assert judged(network)["hard constraints"].uids.tolist() == [1]
    assert judged(network, hard=only(3, 2))["hard constraints"].uids.tolist() == [2]


@pytest.mark.parametrize(("days", "fails"), [(44, False), (44.5, True)])
def test_more_than_44_working_days_are_long(days: float, fails: bool) -> None:
    checks = judged(plan([days, 0, 0], [(0, 2, "FS", 0), (1, 2, "FS", 0)]))
    assert (checks["high duration"].count, checks["high duration"].denominator) == (int(fails), 1)
    assert checks["high float"].uids.tolist() == ([1] if fails else [])


def test_a_working_day_is_the_calendars_own() -> None:
    short = WorkCalendar.of_minutes((240,) * 4 + (0, 0, 0))
    days_off = WorkCalendar.of_minutes((0,) * 7, extra=tuple((TODAY + day, 120) for day in range(0, 900, 7)))
    network = compile(
        [1, 2, 3, 4], [45 * 240, 45 * 240, 45 * 120, 43 * 120], [OFFICE, short, days_off], [0, 1, 2, 2], Links.of([]),
        status_day=TODAY,
    )  # fmt: skip
    assert judged(network)["high duration"].uids.tolist() == [2, 3]


def test_negative_float_is_work_that_a_target_is_too_early_for() -> None:
    network = plan([5, 5, 0], CHAIN, finish_by_day=[NO_DAY, NO_DAY, TODAY + 8])
    checks = judged(network)
    assert checks["negative float"].uids.tolist() == [0, 1, 2]
    assert judged(network, float_min=[0, 0, -1])["negative float"].uids.tolist() == [2]


def test_open_work_in_the_past_and_done_work_in_the_future_are_invalid() -> None:
    network = plan(
        [5, 5, 5, 5], [], actual_start_day=[NO_DAY, TODAY + 1, TODAY - 9, TODAY],
        actual_finish_day=[NO_DAY, NO_DAY, TODAY + 2, NO_DAY],
    )  # fmt: skip
    assert judged(network)["invalid dates"].uids.tolist() == [1, 2]
    stated = [TODAY - 1, NO_DAY, TODAY - 1, TODAY]
    assert judged(network, stated_finish_day=stated)["invalid dates"].uids.tolist() == [0, 1, 2]


def test_resources_have_no_threshold_and_milestones_need_none() -> None:
    found = judged(plan([5, 5, 0], CHAIN), owned=only(3, 0))["resources"]
    assert (found.count, found.denominator, found.passes, found.threshold) == (1, 2, None, None)
    assert found.uids.tolist() == [1]
    assert judged(plan([5], []))["resources"].count == 0


def test_missed_tasks_and_the_index_of_execution() -> None:
    """Over: 0 done in time, 1 done late, 2 open; not due: 3 done early, 4 open. Not in the baseline: 5, done."""
    done = [TODAY - 20, TODAY - 4, NO_DAY, TODAY - 2, NO_DAY, TODAY - 2]
    network = plan([1] * 6, [], actual_finish_day=done)
    baseline = [TODAY - 20, TODAY - 9, TODAY - 8, TODAY + 3, TODAY + 9, NO_DAY]
    checks = judged(network, baseline_finish_day=baseline)
    missed, execution = checks["missed tasks"], checks["baseline execution index"]
    assert (missed.count, missed.denominator, missed.uids.tolist(), missed.passes) == (2, 3, [1, 2], False)
    assert (execution.count, execution.denominator, execution.uids.tolist(), execution.passes) == (2, 3, [2], False)


def test_work_due_today_is_missed_if_today_will_not_do() -> None:
    checks = judged(plan([1, 2], []), baseline_finish_day=[TODAY, TODAY])
    assert checks["missed tasks"].uids.tolist() == [1]
    execution = checks["baseline execution index"]
    assert (execution.denominator, execution.value, execution.passes) == (0, None, None), "the day is not over"


def test_execution_as_worked_by_hand() -> None:
    network = plan([1] * 50, [], actual_finish_day=[TODAY - 2] * 45 + [NO_DAY] * 5)
    found = judged(network, baseline_finish_day=[TODAY - 1] * 50)["baseline execution index"]
    assert (found.count, found.denominator, found.value, found.passes) == (45, 50, 0.9, False)
    assert found.uids.tolist() == [45, 46, 47, 48, 49]


@pytest.mark.parametrize("by", ["finish_by_day", "baseline_finish_day"])
def test_path_length_as_worked_by_hand(by: str) -> None:
    """120 working days are 24 weeks; six before their last is a Thursday."""
    goal = [NO_DAY, TODAY + 23 * 7 - 4]
    options = {"finish_by_day": goal} if by == "finish_by_day" else {}
    network = plan([120, 0], [(0, 1, "FS", 0)], **options)
    columns = {} if options else {by: goal}
    found = judged(network, **columns)["critical path length index"]
    assert (found.count, found.denominator, found.value, found.passes) == (114 * DAY, 120 * DAY, 0.95, True)


def test_a_path_too_long_names_its_end() -> None:
    found = judged(plan([20, 0], [(0, 1, "FS", 0)], finish_by_day=[NO_DAY, TODAY]))["critical path length index"]
    assert (found.value, found.passes, found.uids.tolist()) == (0.05, False, [1])


def test_the_critical_task_moves_the_end() -> None:
    found = judged(plan([5, 5, 0, 2], [*CHAIN, (3, 2, "FS", 0)]))["critical path test"]
    assert (found.count, found.denominator, found.passes) == (100 * DAY, 100 * DAY, True)


def test_an_end_that_a_date_holds_has_no_critical_task() -> None:
    network = plan([5, 0], [(0, 1, "FS", 0)], not_before_day=[NO_DAY, TODAY + 70])
    found = judged(network, ends=only(2, 1))["critical path test"]
    assert (found.count, found.value, found.passes, found.uids.tolist()) == (0, 0, False, [1])


def test_started_work_is_critical_too_and_finished_work_is_not() -> None:
    network = plan([5, 5, 0], CHAIN, actual_finish_day=[TODAY - 3, NO_DAY, NO_DAY],
                   actual_start_day=[TODAY - 9, TODAY - 1, NO_DAY])  # fmt: skip
    assert judged(network)["critical path test"].passes
    assert judged(plan([5], [], actual_finish_day=[TODAY - 3]))["critical path test"].passes is None


def test_across_calendars_the_end_moves_by_as_much_to_a_working_day() -> None:
    short = WorkCalendar.of_minutes((300, 300, 300, 0, 0, 0, 0))
    links = Links.of([(1, 2, "FS", 0), (2, 3, "FS", 90)])
    for first, second in ((OFFICE, short), (short, OFFICE), (ALL_HOURS, OFFICE)):
        network = compile([1, 2, 3], [700, 900, 0], [first, second], [0, 1, 0], links, status_day=TODAY)
        found = judged(network)["critical path test"]
        assert found.value == pytest.approx(1, abs=0.05), (first, second)


def test_before_there_is_a_status_date_nothing_is_in_the_past() -> None:
    network = plan([5, 5, 0], CHAIN, status_day=None, start_day=TODAY)
    checks = judged(network, baseline_finish_day=[TODAY] * 3)
    names = ("invalid dates", "missed tasks", "critical path length index", "baseline execution index")
    assert [checks[name].passes for name in names] == [None] * 4
    assert checks["critical path test"].passes


def test_without_tasks_there_is_nothing_to_judge() -> None:
    assert judge(cpm.schedule(plan([], []))) == {}


def test_each_task_needs_an_entry() -> None:
    with pytest.raises(UnequalShapes):
        judge(cpm.schedule(plan([5, 5], [])), owned=[True])
    with pytest.raises(UnequalShapes):
        judge(cpm.schedule(plan([5, 5], [])), group=[1, 2, 3])


@st.composite
def plans(draw: st.DrawFn) -> tuple[Network, dict[str, Any]]:
    n = draw(st.integers(1, 12))
    rng = np.random.default_rng(draw(st.integers(0, 1 << 30)))
    pairs = np.sort(rng.integers(0, n, (2 * n, 2)), axis=1)
    pairs = pairs[pairs[:, 0] < pairs[:, 1]]
    kinds, lags = rng.integers(0, 4, len(pairs)), rng.integers(-2, 3, len(pairs)) * DAY
    links = Links(pairs[:, 0], pairs[:, 1], kinds, lags)
    day = np.where(rng.random((4, n)) < 0.4, TODAY + rng.integers(-30, 30, (4, n)), NO_DAY)
    network = compile(
        range(n), rng.integers(0, 60, n) * DAY, [OFFICE, ALL_HOURS], rng.integers(0, 2, n), links, status_day=TODAY,
        actual_start_day=day[0], actual_finish_day=np.where(day[0] == NO_DAY, NO_DAY, day[1]), finish_by_day=day[2],
    )  # fmt: skip
    flags = rng.random((4, n)) < 0.5
    columns = dict(zip(("starts", "ends", "owned"), flags, strict=False)) | {"baseline_finish_day": day[3]}
    return network, columns | {"group": rng.integers(5, 8, n)}


@settings(deadline=None)
@given(plans())
def test_groups_add_up_to_the_whole(given_plan: tuple[Network, dict[str, Any]]) -> None:
    network, columns = given_plan
    dates = cpm.schedule(network)
    group = columns.pop("group")
    whole, parts = judge(dates, **columns)[0], judge(dates, group=group, **columns)
    assert list(parts) == sorted(set(group.tolist()))
    for at, check in enumerate(whole):
        if check.number in (12, 13):  # these follow each group's own end
            continue
        mine = [checks[at] for checks in parts.values()]
        assert sum(part.count for part in mine) == check.count, check.name
        assert sum(part.denominator for part in mine) == check.denominator, check.name
        assert set().union(*(part.uids.tolist() for part in mine)) == set(check.uids.tolist())
        assert sorted(np.concatenate([part.links for part in mine])) == sorted(check.links)
        if check.name not in ("leads", "lags", "link types"):
            for label, checks in parts.items():
                assert set(group[checks[at].uids].tolist()) <= {label}


@settings(deadline=None)
@given(plans())
def test_the_walk_along_the_path_finds_what_a_forward_pass_does(given_plan: tuple[Network, dict[str, Any]]) -> None:
    """In one calendar each task that drives the end moves it by its own slip; without any, the test fails."""
    network, _ = given_plan
    links = Links(network.link_pred, network.link_succ, network.link_type, network.link_lag_min)
    one = compile(
        network.uid, network.duration_min, [OFFICE], [0] * network.uid.size, links, status_day=TODAY,
        actual_start_day=network.actual_start_day, actual_finish_day=network.actual_finish_day,
    )  # fmt: skip
    dates = cpm.schedule(one)
    for end in np.flatnonzero(~one.done):
        found = judged(one, ends=only(one.uid.size, int(end)))["critical path test"]
        live = replace(dates, driving=dates.driving & one.live)
        critical = np.flatnonzero(cpm.longest_path(live, int(end)) & (one.work_min > 0))
        assert (found.passes, found.uids.tolist()) == ((True, []) if critical.size else (False, [int(end)]))
        for task in critical:
            floor = one.floor.copy()
            floor[task] = dates.early[task] + 2 * found.denominator
            after = cpm.early_marks(replace(one, floor=floor))[one.plan.rank[end]]
            assert after - dates.early[end] == 2 * found.count


def test_thresholds_are_those_of_the_source() -> None:
    checks = judge(cpm.schedule(plan([1], [])))[0]
    assert [check.threshold for check in checks] == [
        0.05, 0, 0.05, 0.9, 0.05, 0.05, 0, 0.05, 0, None, 0.05, 1, 0.95, 0.95, 0,
    ]  # fmt: skip
    assert [check.number for check in checks if check.at_least] == [4, 12, 13, 14]
    assert (quality.HIGH_DAYS, quality.SLIP_DAYS) == (44, 100)
