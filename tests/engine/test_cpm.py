"""Worked networks: the golden examples, calendars that differ, progress, targets."""

from typing import Any

import numpy as np
import pytest

from engine import calendars, cpm
from engine.calendars import ALL_HOURS, WorkCalendar, day_of
from engine.network import NO_DAY, CycleError, Links, LinkType, Network, UnknownTask, compile

DAY = 1440
Row = tuple[str, str, str, int]
START = day_of("2026-01-05")  # a Monday
OFFICE = WorkCalendar.of_minutes((480, 480, 480, 480, 480, 0, 0))


def numbered(durations: dict[str, int], links: list[Row], **options: Any) -> tuple[list[str], Network]:
    """A network in which a unit of work is one day around the clock, with letters for uids."""
    names = list(durations)
    compiled = compile(
        range(len(names)),
        [days * DAY for days in durations.values()],
        [ALL_HOURS],
        [0] * len(names),
        Links.of([(names.index(a), names.index(b), kind, lag * DAY) for a, b, kind, lag in links]),
        status_day=START,
        **options,
    )
    return names, compiled


def table(names: list[str], dates: cpm.Dates) -> dict[str, tuple[int, ...]]:
    """Early and late start and finish, total and free float, in days since the start."""
    columns = [
        (column - START * DAY) // DAY
        for column in (dates.early_start, dates.early_finish, dates.late_start, dates.late_finish)
    ]
    columns += [dates.total_float_min // DAY, dates.free_float_min // DAY]
    return {name: tuple(int(column[row]) for column in columns) for row, name in enumerate(names)}


SEVEN: tuple[dict[str, int], list[Row]] = (
    {"A": 6, "B": 2, "C": 2, "D": 3, "E": 4, "F": 2, "G": 1},
    [(a, b, "FS", 0) for a, b in ("AB", "AC", "BD", "CF", "DE", "FE", "EG")],
)
ALL_KINDS: tuple[dict[str, int], list[Row]] = (
    {"A": 5, "B": 4, "C": 6, "D": 8, "E": 1, "F": 5, "G": 2, "H": 4, "M": 0},
    [
        ("A", "B", "FS", 0),
        ("A", "C", "SS", 2),
        ("B", "D", "FS", 0),
        ("C", "D", "FF", 1),
        ("C", "E", "FS", -1),
        ("D", "F", "SS", 3),
        ("E", "F", "FS", 2),
        ("D", "G", "FS", 0),
        ("F", "G", "FF", 2),
        ("G", "H", "SF", 3),
        ("F", "H", "FS", -2),
        ("H", "M", "FS", 0),
        ("G", "M", "FS", 0),
        ("D", "M", "FS", 0),
    ],
)


def test_seven_tasks_as_published() -> None:
    names, network = numbered(*SEVEN)
    dates = cpm.schedule(network)
    rows = table(names, dates)
    assert rows["C"] == (6, 8, 7, 9, 1, 0)
    assert rows["F"] == (8, 10, 9, 11, 1, 1)
    assert rows["G"] == (15, 16, 15, 16, 0, 0)
    assert [name for name, critical in zip(names, dates.critical, strict=True) if critical] == list("ABDEG")
    path = cpm.driving_path(dates, names.index("G"))
    assert [names[task] for task in path.tasks] == list("ABDEG")
    assert path.anchor == "status date"


def test_all_kinds_of_links() -> None:
    names, network = numbered(*ALL_KINDS)
    assert table(names, cpm.schedule(network)) == {
        "A": (0, 5, 0, 5, 0, 0),
        "B": (5, 9, 5, 9, 0, 0),
        "C": (2, 8, 4, 10, 2, 0),
        "D": (9, 17, 9, 17, 0, 0),
        "E": (7, 8, 9, 10, 2, 2),
        "F": (12, 17, 12, 17, 0, 0),
        "G": (17, 19, 17, 19, 0, 0),
        "H": (16, 20, 16, 20, 0, 0),
        "M": (20, 20, 20, 20, 0, 0),
    }


@pytest.mark.parametrize("how", ["network", "end"])
def test_a_missed_target_gives_negative_float_along_the_binding_path(how: str) -> None:
    durations, links = ALL_KINDS
    day = START + 18 - 1  # the last day of work that ends 18 days after the start
    if how == "network":
        names, network = numbered(durations, links)
        dates = cpm.schedule(network, finish_by_day=day)
    else:
        names, network = numbered(durations, links, finish_by_day=[NO_DAY] * (len(durations) - 1) + [day])
        dates = cpm.schedule(network)
    floats = {name: row[4] for name, row in table(names, dates).items()}
    assert floats == {name: 0 if name in "CE" else -2 for name in names}


def test_five_days_from_monday_end_on_friday_and_so_does_their_milestone() -> None:
    network = compile([1, 2], [5 * 480, 0], [OFFICE], [0, 0], Links.of([(1, 2, "FS", 0)]), status_day=START)
    dates = cpm.schedule(network)
    assert dates.early_finish_day.tolist() == [START + 4] * 2
    assert dates.early_start_day.tolist() == [START, START + 4]


def test_a_milestone_without_work_lies_at_the_start_of_its_not_before_day() -> None:
    network = compile([1], [0], [OFFICE], [0], Links.of([]), status_day=START, not_before_day=[START + 5])
    assert cpm.schedule(network).early_finish_day.tolist() == [START + 7]  # Saturday: the Monday after


def test_a_start_link_puts_a_milestone_on_the_start_of_its_predecessor() -> None:
    links = Links.of([(1, 2, "FS", 0), (2, 3, "SS", 0)])
    network = compile([1, 2, 3], [5 * 480, 480, 0], [OFFICE], [0] * 3, links, status_day=START)
    assert cpm.schedule(network).early_finish_day.tolist() == [START + 4, START + 7, START + 7]


def test_calendars_meet_at_instants() -> None:
    four_days = WorkCalendar(week=(((540, 1020),),) * 4 + ((),) * 3)
    day_and_night = ALL_HOURS
    links = Links.of([(1, 2, "FS", 0), (2, 3, "FS", 0)])
    network = compile(
        [1, 2, 3], [4 * 480, 48 * 60, 480], [four_days, day_and_night, OFFICE], [0, 1, 2], links, status_day=START
    )
    dates = cpm.schedule(network)
    text = [calendars.as_text(instant) for instant in dates.early_finish]
    assert text == ["2026-01-08T17:00", "2026-01-10T17:00", "2026-01-12T08:00"]
    late = [calendars.as_text(instant) for instant in dates.late_finish]
    assert late == ["2026-01-08T17:00", "2026-01-12T00:00", "2026-01-12T08:00"]
    assert dates.total_float_min.tolist() == [0, 31 * 60, 0]
    assert dates.driving.all()


def test_a_lag_runs_in_the_calendar_of_its_predecessor() -> None:
    hours = WorkCalendar(week=(((540, 1020),),) * 5 + ((),) * 2)
    for calendar, day in ((0, START + 8), (1, START + 7)):
        links = Links.of([(1, 2, "FS", 480)])
        network = compile([1, 2], [0, 480], [hours, ALL_HOURS], [calendar, 0], links, status_day=START + 7)
        assert cpm.schedule(network).early_start_day[1] == day


def test_finished_work_keeps_its_days_and_started_work_continues_from_the_status_date() -> None:
    links = Links.of([(1, 2, "FS", 0), (2, 3, "FS", 0)])
    network = compile(
        [1, 2, 3],
        [480, 5 * 480, 480],
        [OFFICE],
        [0] * 3,
        links,
        status_day=START + 7,
        actual_start_day=[START, START + 2, NO_DAY],
        actual_finish_day=[START + 1, NO_DAY, NO_DAY],
        remaining_min=[0, 3 * 480, -1],
    )
    dates = cpm.schedule(network)
    assert dates.early_start_day.tolist() == [START, START + 2, START + 10]
    assert dates.early_finish_day.tolist() == [START + 1, START + 9, START + 10]
    assert dates.total_float_min.tolist() == [0, 0, 0]
    path = cpm.driving_path(dates, 3)
    assert path.tasks.tolist() == [1, 2]
    assert path.anchor == "status date"
    assert cpm.out_of_sequence(network).tolist() == []


def test_what_is_left_waits_for_its_predecessor_even_out_of_sequence() -> None:
    links = Links.of([(1, 2, "FS", 0)])
    network = compile(
        [1, 2],
        [2 * 480, 480],
        [OFFICE],
        [0, 0],
        links,
        status_day=START + 7,
        actual_start_day=[NO_DAY, START],
        remaining_min=[-1, 240],
    )
    assert cpm.schedule(network).early_finish_day.tolist() == [START + 8, START + 9]
    assert cpm.out_of_sequence(network).tolist() == [0]


def test_progress_breaks_links_of_every_type() -> None:
    """By hand, the predecessor from day 3 to day 9, the successor from day 5 to day 8: it began before the end, ended
    before the end, and began and ended after the start."""
    links = Links.of([(1, 2, kind, 0) for kind in ("FS", "SS", "FF", "SF")])
    network = compile(
        [1, 2],
        [480, 480],
        [OFFICE],
        [0, 0],
        links,
        status_day=START + 11,
        actual_start_day=[START + 3, START + 5],
        actual_finish_day=[START + 9, START + 8],
    )
    assert cpm.out_of_sequence(network).tolist() == [0, 2]


def test_a_lag_after_finished_work_still_holds() -> None:
    links = Links.of([(1, 2, "FS", 5 * 480)])
    network = compile(
        [1, 2], [480, 480], [OFFICE], [0, 0], links, status_day=START + 1, actual_finish_day=[START, NO_DAY]
    )
    dates = cpm.schedule(network)
    assert dates.early_start_day[1] == START + 8
    path = cpm.driving_path(dates, 2)
    assert (path.tasks.tolist(), path.links.tolist(), path.anchor) == ([0, 1], [0], "actual")


def test_each_component_ends_by_itself() -> None:
    links = Links.of([(1, 2, "FS", 0)])
    network = compile([1, 2, 3], [480, 480, 10 * 480], [OFFICE], [0] * 3, links, status_day=START)
    assert (cpm.schedule(network).total_float_min // 480).tolist() == [8, 8, 0]
    assert (cpm.schedule(network, ends="component").total_float_min // 480).tolist() == [0, 0, 0]


def test_a_loop_is_named_by_its_shortest_way_round() -> None:
    rows = [(1, 2), (2, 3), (3, 4), (4, 1), (9, 5), (3, 9), (5, 3), (8, 1), (4, 7)]
    for order in (rows, rows[::-1]):
        with pytest.raises(CycleError) as refusal:
            compile(
                range(1, 10), [0] * 9, [OFFICE], [0] * 9, Links.of([(a, b, "FS", 0) for a, b in order]), status_day=1
            )
        assert refusal.value.uids == (3, 9, 5)


def test_a_task_cannot_wait_for_itself() -> None:
    with pytest.raises(CycleError) as refusal:
        compile([4], [0], [OFFICE], [0], Links.of([(4, 4, "SS", 0)]), status_day=START)
    assert refusal.value.uids == (4,)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"durations_min": [-1, 0]}, calendars.EngineError),
        ({"durations_min": [10**12, 0]}, calendars.HorizonError),
        ({"durations_min": [60]}, calendars.EngineError),
        ({"calendar_index": [0, 1]}, calendars.EngineError),
        ({"uids": [1, 1]}, UnknownTask),
        ({"links": Links.of([(1, 3, "FS", 0)])}, UnknownTask),
        ({"links": Links.of([(1, 2, "FS", 10**12)])}, calendars.HorizonError),
        ({"links": Links(*(np.array([value]) for value in (1, 2, 4, 0)))}, calendars.EngineError),
        ({"not_before_day": [day_of("9999-12-31"), NO_DAY]}, calendars.HorizonError),
        ({"status_day": -1}, calendars.HorizonError),
        ({"calendars": []}, calendars.EngineError),
    ],
)
def test_bad_input_is_refused_by_name(change: dict[str, Any], error: type[calendars.EngineError]) -> None:
    given: dict[str, Any] = {
        "uids": [1, 2],
        "durations_min": [60, 60],
        "calendars": [OFFICE],
        "calendar_index": [0, 0],
        "links": Links.of([(1, 2, "FS", 0)]),
        "status_day": START,
    }
    with pytest.raises(error):
        compile(**given | change)


def test_work_past_the_horizon_is_refused_with_its_tasks() -> None:
    years = 100 * 260 * 480
    network = compile([5, 6], [60, years], [OFFICE], [0, 0], Links.of([(5, 6, "FS", 0)]), status_day=START)
    with pytest.raises(calendars.HorizonError) as refusal:
        cpm.schedule(network)
    assert refusal.value.uids == (6,)


def test_a_calendar_needs_working_time() -> None:
    with pytest.raises(calendars.NoWorkingTime):
        WorkCalendar.of_minutes([0] * 7)


def test_an_empty_network_has_no_dates() -> None:
    network = compile([], [], [OFFICE], [], Links.of([]), status_day=START)
    assert cpm.schedule(network).early_finish_day.size == 0


def test_only_finished_work_still_has_dates() -> None:
    network = compile([1], [60], [OFFICE], [0], Links.of([]), status_day=START, actual_finish_day=[START - 3])
    assert cpm.schedule(network).early_finish_day.tolist() == [START - 3]


def test_link_types_are_the_four() -> None:
    assert [kind.name for kind in LinkType] == ["FS", "SS", "FF", "SF"]


def test_float_to_a_task_that_is_not_there_is_refused() -> None:
    network = compile([1, 2], [60, 90], [ALL_HOURS], [0, 0], Links.of([(1, 2, "FS", 0)]), status_day=0)
    with pytest.raises(UnknownTask, match="no task 7"):
        cpm.float_to(cpm.schedule(network), 2, 7)
    assert cpm.float_to(cpm.schedule(network)).tolist() == [cpm.NO_FLOAT, cpm.NO_FLOAT]
