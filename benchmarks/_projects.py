"""Real projects with their tracking (OR-AS DSLIB) as networks, and a plain simulator that shares no code with ours.

Every project keeps one calendar, so positions are *worked minutes* of it: dates subtract, and nothing pauses.
"""

import csv
import gzip
import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.calendars import CalendarTable, WorkCalendar, day_of, instant_of
from engine.network import BoolArray, IntArray, Links, Network, compile

FloatArray = NDArray[np.float64]
Row = dict[str, str]
Link = tuple[int, int, str, int]  # positions of both ends, type, lag in working minutes


@dataclass(frozen=True)
class Project:
    """A baseline and what became of it; arrays follow the activities, positions are worked minutes.

    `links` are those of the file; `held` those read into the baseline where it starts work later than they demand.
    """

    name: str
    calendar: WorkCalendar
    start_day: int
    uid: list[int]
    start: IntArray
    work: IntArray
    links: list[Link]
    held: list[Link]
    begun: int
    finished: int
    spent: IntArray  # working minutes that the activity took in the end; -1 where unknown
    reports: "list[Report]"

    @property
    def planned(self) -> int:
        """Worked minutes from the baseline's start to its finish."""
        return int((self.start + self.work).max() - self.start.min())

    @property
    def lasted(self) -> int:
        """Worked minutes that the project took."""
        return self.finished - self.begun


@dataclass(frozen=True)
class Report:
    """Progress as of a period's end: actual starts (-1: not begun), minutes spent and left, share done."""

    at: int
    begun: IntArray
    spent: IntArray
    left: IntArray
    share: FloatArray

    @property
    def done(self) -> BoolArray:
        """Activities reported complete."""
        return self.share >= 1


def gzipped(path: Path) -> list[Row]:
    """Rows of a gzipped table."""
    with gzip.open(path, "rt", newline="") as lines:
        return list(csv.DictReader(lines))


def rows_by_project(path: Path) -> dict[str, list[Row]]:
    """Rows of a gzipped table under their project, in the order of the file."""
    rows: dict[str, list[Row]] = defaultdict(list)
    for row in gzipped(path):
        rows[row["project"]].append(row)
    return rows


def calendar_of(given: dict[str, Any]) -> WorkCalendar:
    """The calendar of a project from its working hours, free weekdays and holidays."""
    hours = given["working_hours"]
    starts = [hour for hour in hours if hour - 1 not in hours]
    stops = [hour + 1 for hour in hours if hour + 1 not in hours]
    day = tuple((start * 60, stop * 60) for start, stop in zip(starts, stops, strict=True))
    return WorkCalendar(
        week=tuple(() if weekday in given["nonworking_weekdays"] else day for weekday in range(7)),
        holidays=frozenset(map(day_of, given["holidays"])),
    )


def read(folder: Path, *, tracked: bool) -> list[Project]:
    """All projects, or those `tracked` to completion whose durations are not merely the plan's."""
    calendars = json.loads((folder / "calendars.json").read_text())
    tables = (rows_by_project(folder / f"{name}.csv.gz") for name in ("activities", "relations", "tracking"))
    activities, relations, tracking = tables
    with (folder / "projects.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    if tracked:
        rows = [row for row in rows if row["complete"] == "1" and float(row["share_actual_dur_equals_plan"]) < 1]
    return [
        _project(
            row, calendars[row["project"]], *(table[row["project"]] for table in (activities, relations, tracking))
        )
        for row in rows
    ]


def _project(row: Row, given: dict[str, Any], tasks: list[Row], relations: list[Row], tracking: list[Row]) -> Project:
    calendar, text = calendar_of(given), given["start"]
    table = CalendarTable.of([calendar])

    def position(when: str) -> int:
        return int(table.worked(0, instant_of(when))) if when else -1

    uid = [int(task["activity"]) for task in tasks]
    at = {number: place for place, number in enumerate(uid)}
    start = np.array([position(task["baseline_start"]) for task in tasks])
    work = np.array([_minutes(task["baseline_duration_h"]) for task in tasks])
    links = [
        (at[int(link["from_task"])], at[int(link["to_task"])], link["type"], _minutes(link["lag_h"]))
        for link in relations
    ]
    periods: dict[str, list[Row]] = defaultdict(list)
    for line in tracking:
        periods[line["period_end"]].append(line)
    return Project(
        name=row["project"],
        calendar=calendar,
        start_day=day_of(f"{text[4:8]}-{text[2:4]}-{text[:2]}"),
        uid=uid,
        start=start,
        work=work,
        links=links,
        held=_held(start, work, links),
        begun=position(row["actual_start"]),
        finished=position(row["actual_finish"]),
        spent=np.array([_minutes(task["actual_duration_h"]) if task["actual_duration_h"] else -1 for task in tasks]),
        reports=[
            Report(
                at=position(end),
                begun=_column(at, lines, lambda line: position(line["actual_start"]), np.full(work.size, -1)),
                spent=_column(at, lines, lambda line: _minutes(line["actual_duration"]), np.zeros(work.size, np.int64)),
                left=_column(at, lines, lambda line: _minutes(line["remaining_duration"]), work),
                share=_column(at, lines, lambda line: float(line["pct"]), np.zeros(work.size)),
            )
            for end, lines in periods.items()
        ],
    )


def _minutes(hours: str) -> int:
    return round(float(hours) * 60)


def _column(at: dict[int, int], lines: list[Row], value: Any, otherwise: NDArray[Any]) -> NDArray[Any]:
    column = otherwise.copy()
    for line in lines:
        column[at[int(line["activity"])]] = value(line)
    return column


def _held(start: IntArray, work: IntArray, links: list[Link]) -> list[Link]:
    """What the baseline waits for without saying so.

    A task that starts later than its links demand waits for people or things that are not written down; it is linked to
    whatever ends last before it, and the gap becomes the lag.
    """
    finish = start + work
    due = np.full(start.size, start.min())
    waits: list[set[int]] = [set() for _ in start]
    for pred, succ, kind, lag in links:
        due[succ] = max(due[succ], _allowed(kind, lag, int(start[pred]), int(finish[pred]), int(work[succ])))
        waits[succ].add(pred)
    held = []
    for succ in np.argsort(start, kind="stable").tolist():
        before = (finish <= start[succ]) & (start < start[succ])
        if due[succ] >= start[succ] or not before.any():
            continue
        last = finish[before].max()
        for pred in np.flatnonzero(before & (finish == last)).tolist():
            if not _waits_for(waits, pred, succ):
                waits[succ].add(pred)
                held.append((pred, succ, "FS", int(start[succ] - last)))
    return held


def _allowed(kind: str, lag: int, start: Any, finish: Any, work: Any) -> Any:
    """The least start that a link allows its successor."""
    return {"FS": finish, "SS": start, "FF": finish - work, "SF": start - work}[kind] + lag


def _waits_for(waits: list[set[int]], task: int, other: int) -> bool:
    seen, front = {task}, [task]
    while front:
        new = waits[front.pop()] - seen
        seen |= new
        front += new
    return other in seen


@dataclass(frozen=True)
class Outlook:
    """What is left of a project at an instant, as a network; positions count worked minutes from there.

    `planned` is each task's planned work, `work` what is taken to be left, `floor` its least start; links join the
    tasks. `begun` work goes on already; a `wait` is no work but the time until a planned start.
    """

    project: Project
    at: int
    planned: IntArray
    work: IntArray
    begun: BoolArray
    wait: BoolArray
    floor: IntArray
    links: list[Link]


def outlook_at_start(project: Project) -> Outlook:
    """The whole baseline. Tasks without predecessors start where the baseline starts them."""
    links = project.links + project.held
    origin = int(project.start.min())
    floor = project.start - origin
    floor[[succ for _, succ, _, _ in links]] = 0
    none = np.zeros(floor.size, dtype=bool)
    return Outlook(project, origin, project.work, project.work, none, none, floor, links)


def outlook_at(project: Project, report: Report, *, pace: float, delay: int) -> Outlook:
    """What a report leaves: begun work goes on, the rest waits for its links and for its planned start, `delay` later.

    Of begun work, the mean of what is reported to be left and of what the plan at this `pace` leaves is taken.
    """
    waiting = report.begun < 0
    left = np.flatnonzero(~report.done)
    planned_start = project.start - project.start.min() + project.begun + delay
    wait = np.where(waiting, np.maximum(planned_start - report.at, 0), 0)
    floor = np.zeros_like(wait)
    position = {task: at for at, task in enumerate(left.tolist())}
    links = []
    for pred, succ, kind, lag in project.links:
        if not waiting[succ]:
            continue
        if waiting[pred] or (kind in ("FS", "FF") and not report.done[pred]):
            links.append((position[pred], position[succ], kind, lag))
        else:
            begun = int(report.begun[pred]) - report.at
            fixed = _allowed(kind, lag, begun, begun + int(report.spent[pred]), int(project.work[succ]))
            floor[succ] = max(floor[succ], fixed)
    by_plan = np.maximum(project.work * pace - report.spent, 0)
    work = np.where(waiting, project.work, np.rint((report.left + by_plan) / 2).astype(np.int64))
    held = np.flatnonzero(wait[left] > 0)
    links += [(left.size + at, int(task), "FS", 0) for at, task in enumerate(held.tolist())]
    nothing = np.zeros(held.size, dtype=np.int64)
    return Outlook(
        project,
        report.at,
        planned=np.concatenate([project.work[left], nothing]),
        work=np.concatenate([work[left], wait[left][held]]),
        begun=np.concatenate([~waiting[left], nothing > 0]),
        wait=np.arange(left.size + held.size) >= left.size,
        floor=np.concatenate([floor[left], nothing]),
        links=links,
    )


def plain_finish(outlook: Outlook, work: FloatArray) -> FloatArray:
    """Finish float64[samples], worked minutes from the outlook, for drawn work [n, samples]: one plain forward pass."""
    before: list[list[tuple[int, str, int]]] = [[] for _ in outlook.work]
    for pred, succ, kind, lag in outlook.links:
        before[succ].append((pred, kind, lag))
    start, finish = np.zeros_like(work), np.zeros_like(work)
    for task in _in_order(before):
        start[task] = outlook.floor[task]
        for pred, kind, lag in before[task]:
            np.maximum(start[task], _allowed(kind, lag, start[pred], finish[pred], work[task]), out=start[task])
        finish[task] = start[task] + work[task]
    return np.asarray(finish.max(axis=0))


def network_of(outlook: Outlook) -> Network:
    """The same for the engine: tasks 0..n-1, a start that they wait for (n) and an end that waits for them (n + 1)."""
    size = outlook.work.size
    rows = list(outlook.links)
    rows += [(size, task, "FS", int(floor)) for task, floor in enumerate(outlook.floor.tolist())]
    rows += [(task, size + 1, "FS", 0) for task in range(size)]
    return compile(
        range(size + 2),
        [*outlook.work.tolist(), 0, 0],
        [outlook.project.calendar],
        np.zeros(size + 2),
        Links.of(rows),
        status_day=outlook.project.start_day,
    )


def _in_order(before: list[list[tuple[int, str, int]]]) -> list[int]:
    left = [len(waits) for waits in before]
    after: list[list[int]] = [[] for _ in before]
    for succ, waits in enumerate(before):
        for pred, _, _ in waits:
            after[pred].append(succ)
    ready = [task for task, count in enumerate(left) if not count]
    for task in ready:
        for succ in after[task]:
            left[succ] -= 1
            if not left[succ]:
                ready.append(succ)
    assert len(ready) == len(before)
    return ready
