"""Demand against capacity by week, and how far overload stretches work: by hand, then what holds for any plan."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.calendars import LAST_DAY, EngineError, HorizonError, NoWorkingTime, WorkCalendar
from engine.capacity import MOST_STRETCH, NO_CAPACITY, Demand, Teams, compare, stretch
from engine.columns import NotFinite, UnequalShapes

MONDAY = 20_780  # 23 November 2026
OFFICE = WorkCalendar.of_minutes((480, 480, 480, 480, 480, 0, 0))
CLOSED_THURSDAY = WorkCalendar.of_minutes((480, 480, 480, 480, 480, 0, 0), frozenset({MONDAY + 3}))
SHUT = WorkCalendar.of_minutes((480, 480, 480, 480, 480, 0, 0), frozenset(range(MONDAY + 7, MONDAY + 12)))
SHORT_FRIDAY = WorkCalendar.of_minutes((480, 480, 480, 480, 240, 0, 0))


def one_team(capacity: float, *, calendar: WorkCalendar = OFFICE) -> Teams:
    return Teams.of([calendar], [0], [capacity])


def demand(*rows: tuple[float, int, int], team: Any = 0) -> Demand:
    """Tasks of one team as (people-days, first day, last day), days counted from that Monday."""
    days, start, finish = zip(*rows, strict=True)
    return Demand.of([team] * len(rows), days, MONDAY + np.array(start), MONDAY + np.array(finish))


# -- by hand ---------------------------------------------------------------------------------------------------------


def test_two_weeks_of_two_tasks() -> None:
    """15 days over Wednesday to Friday and the next two weeks' first two days: 3 a day; 20 days over the first week."""
    loads = compare(one_team(20), demand((15, 2, 8), (20, 0, 4)), MONDAY + 3, 3)
    assert loads.monday.tolist() == [MONDAY, MONDAY + 7, MONDAY + 14]
    assert loads.demand.tolist() == [[29, 6, 0]]
    assert loads.capacity.tolist() == [[20, 20, 20]]
    assert loads.load.tolist() == [[1.45, 0.3, 0]]
    assert loads.overload.tolist() == [[9, 0, 0]]
    assert loads.is_overloaded.tolist() == [[True, False, False]]
    assert loads.pace.tolist() == [[1.45, 1, 1]]


def test_the_first_task_is_stretched_by_the_week_that_it_shares() -> None:
    """Three of its five days at 1.45 and two at 1: 1 + 3/5 x 0.45. The second lies in that week alone."""
    factor = stretch(one_team(20), demand((15, 2, 8), (20, 0, 4)), MONDAY)
    assert factor.tolist() == pytest.approx([1.27, 1.45])


def test_a_started_task_is_stretched_over_what_lies_ahead() -> None:
    """From the second Monday on the task meets no overload any more; one that is over by then meets none at all."""
    factor = stretch(one_team(20), demand((15, 2, 8), (20, 0, 4)), MONDAY + 7)
    assert factor.tolist() == [1, 1]
    assert stretch(one_team(20), demand((15, 2, 8), (20, 0, 4)), MONDAY + 4)[0] == pytest.approx(1 + 0.45 / 3)


def test_a_holiday_takes_its_share_of_capacity_and_no_demand() -> None:
    """Four days left: capacity 16 of 20, and 20 people-days over those four: overload 4."""
    loads = compare(one_team(20, calendar=CLOSED_THURSDAY), demand((20, 0, 4)), MONDAY, 1)
    assert loads.capacity.tolist() == [[16]]
    assert loads.overload.tolist() == [[4]]


def test_a_week_off_has_no_capacity_and_is_asked_for_nothing() -> None:
    loads = compare(one_team(20, calendar=SHUT), demand((30, 0, 18)), MONDAY, 3)
    assert loads.demand.tolist() == [[15, 0, 15]]
    assert loads.capacity.tolist() == [[20, 0, 20]]
    assert loads.load.tolist() == [[0.75, 0, 0.75]]


def test_what_lies_in_a_week_off_alone_waits_for_nobody() -> None:
    """A day set in the middle of it asks for people that are not there: at most MOST_STRETCH."""
    loads = compare(one_team(20, calendar=SHUT), demand((3, 9, 9)), MONDAY, 2)
    assert loads.demand.tolist() == [[0, 3]]
    assert loads.load.tolist() == [[0, np.inf]]
    assert stretch(one_team(20, calendar=SHUT), demand((3, 9, 9)), MONDAY).tolist() == [MOST_STRETCH]


def test_a_short_day_has_its_share() -> None:
    """Four and a half days a week; Thursday and Friday are one and a half of them."""
    loads = compare(one_team(9, calendar=SHORT_FRIDAY), demand((3, 3, 4), (9, 0, 4)), MONDAY, 1)
    assert loads.demand.tolist() == [[12]]
    assert compare(one_team(9, calendar=SHORT_FRIDAY), demand((5, 3, 7)), MONDAY, 2).demand.tolist() == [[3, 2]]


def test_without_a_capacity_there_is_nothing_to_compare() -> None:
    loads = compare(one_team(NO_CAPACITY), demand((30, 0, 4)), MONDAY, 2)
    assert loads.demand.tolist() == [[30, 0]]
    assert np.isnan(loads.load).all()
    assert loads.overload.tolist() == [[0, 0]]
    assert stretch(one_team(NO_CAPACITY), demand((30, 0, 4)), MONDAY).tolist() == [1]


def test_teams_are_kept_apart() -> None:
    teams = Teams.of([OFFICE, SHUT], [0, 1, 0], [5, 5, NO_CAPACITY])
    both = Demand.of([1, 0], [10, 4], [MONDAY, MONDAY], [MONDAY + 11, MONDAY + 4])
    assert compare(teams, both, MONDAY, 2).demand.tolist() == [[4, 0], [10, 0], [0, 0]]
    assert stretch(teams, both, MONDAY).tolist() == [2, 1]


def test_nothing_asked_for() -> None:
    none = Demand.of([], [], [], [])
    assert compare(one_team(5), none, MONDAY, 1).demand.tolist() == [[0]]
    assert stretch(one_team(5), none, MONDAY).tolist() == []


def test_what_is_refused() -> None:
    for days in (-1, float("inf")):
        with pytest.raises(EngineError, match="0 or more people-days a week"):
            one_team(days)
    with pytest.raises(EngineError, match="0 or more people-days"):
        demand((-1, 0, 0))
    with pytest.raises(NotFinite):
        demand((float("nan"), 0, 0))
    with pytest.raises(EngineError, match="ends on the day it starts"):
        demand((1, 1, 0))
    for start, finish in ((-1, 0), (0, LAST_DAY)):
        with pytest.raises(HorizonError):
            Demand.of([0], [1], [start], [finish])
    with pytest.raises(UnequalShapes):
        Demand.of([0, 0], [1], [0], [0])
    with pytest.raises(UnequalShapes):
        Teams.of([OFFICE], [0, 0], [1])
    with pytest.raises(NoWorkingTime):
        Teams.of([WorkCalendar(week=((),) * 7, extra=((MONDAY, ((0, 60),)),))], [0], [1])


def test_the_ends_of_the_calendar() -> None:
    whole = Demand.of([0], [1], [0], [LAST_DAY - 1])
    loads = compare(one_team(5), whole, 0, LAST_DAY // 7 + 2)
    assert loads.demand.sum() == pytest.approx(1)
    assert loads.capacity[0, 0] == 2  # Thursday and Friday, the first days there are


# -- whatever the plan -----------------------------------------------------------------------------------------------

calendars = st.builds(
    lambda minutes, off: WorkCalendar.of_minutes(minutes, frozenset(MONDAY + day for day in off)),
    st.lists(st.sampled_from([0, 240, 480]), min_size=7, max_size=7).filter(any),
    st.sets(st.integers(0, 80), max_size=20),
)
tasks = st.lists(
    st.tuples(st.integers(0, 500), st.integers(0, 60), st.integers(0, 60)).map(lambda t: (t[0], t[1], t[1] + t[2])),
    min_size=1,
    max_size=12,
)
capacities = st.floats(0, 100)


@settings(max_examples=60, deadline=None)
@given(calendars, tasks)
def test_spreading_preserves_what_is_asked_for(calendar: WorkCalendar, rows: list[tuple[int, int, int]]) -> None:
    loads = compare(one_team(1, calendar=calendar), demand(*rows), MONDAY, 20)
    assert loads.demand.sum() == pytest.approx(sum(days for days, _, _ in rows))
    assert (loads.demand >= 0).all()


@settings(max_examples=60, deadline=None)
@given(calendars, tasks, capacities, capacities)
def test_more_capacity_is_never_more_overload(
    calendar: WorkCalendar, rows: list[tuple[int, int, int]], one: float, other: float
) -> None:
    less, more = (one_team(days, calendar=calendar) for days in sorted((one, other)))
    asked = demand(*rows)
    few, many = (compare(teams, asked, MONDAY, 20) for teams in (less, more))
    assert (many.overload <= few.overload + 1e-9).all()
    assert (many.pace <= few.pace + 1e-9).all()
    assert (stretch(more, asked, MONDAY) <= stretch(less, asked, MONDAY) + 1e-9).all()


@settings(max_examples=60, deadline=None)
@given(calendars, tasks, capacities, st.integers(0, 130))
def test_work_is_never_shortened_and_stretched_only_by_overload(
    calendar: WorkCalendar, rows: list[tuple[int, int, int]], capacity: float, today: int
) -> None:
    teams, asked = one_team(capacity, calendar=calendar), demand(*rows)
    factor = stretch(teams, asked, MONDAY + today)
    assert ((factor >= 1) & (factor <= MOST_STRETCH)).all()
    if not compare(teams, asked, MONDAY, 20).is_overloaded.any():
        assert factor.tolist() == [1.0] * len(rows)


@settings(max_examples=60, deadline=None)
@given(calendars, st.integers(0, 60), st.integers(0, 60), capacities)
def test_no_demand_is_no_overload(calendar: WorkCalendar, start: int, length: int, capacity: float) -> None:
    teams, asked = one_team(capacity, calendar=calendar), demand((0, start, start + length))
    assert not compare(teams, asked, MONDAY, 20).overload.any()
    assert stretch(teams, asked, MONDAY).tolist() == [1]


@settings(max_examples=60, deadline=None)
@given(calendars, tasks, capacities, st.randoms(use_true_random=False))
def test_the_order_of_tasks_changes_no_more_than_the_last_digit(
    calendar: WorkCalendar, rows: list[tuple[int, int, int]], capacity: float, chance: Any
) -> None:
    teams = one_team(capacity, calendar=calendar)
    order = list(range(len(rows)))
    chance.shuffle(order)
    there = stretch(teams, demand(*(rows[at] for at in order)), MONDAY)
    assert there == pytest.approx(stretch(teams, demand(*rows), MONDAY)[order])
