"""Plans of the Kubernetes project's enhancements, what became of them, and what was known on the day of each."""

import csv
from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.reference import Promises

IntArray = NDArray[np.int64]
Row = dict[str, str]
ORDER = {"alpha": 0, "beta": 1, "stable": 2}
NEVER = 1 << 30


@dataclass(frozen=True)
class Plans:
    """Plans that were carried out in the end; arrays of length n follow them.

    `slip` releases later than planned; `shipped` whether the milestone was finished already on the day of the plan;
    `entity` and `day` say whose plan it was, and when (days since 1970-01-01).
    """

    entity: list[str]
    day: IntArray
    promises: Promises
    slip: IntArray
    shipped: NDArray[np.bool_]


@dataclass(frozen=True)
class _Record:
    """Promises by the day on which they were settled."""

    on: list[int]
    kept: list[int]

    def until(self, day: int) -> tuple[int, int]:
        """Promises kept and missed until the end of `day`."""
        count = bisect_right(self.on, day)
        return self.kept[count], count - self.kept[count]


def read(folder: Path) -> Plans:
    """All forward-looking plans of finished milestones, roadmaps and commitments, but not those that repeat a stage."""
    history = [row for row in _rows(folder / "kep_plan_history.csv") if row["planned_date"]]
    release = {row["release"]: int(row["minor"]) for row in _rows(folder / "k8s_releases.csv")}
    shipped = {
        (row["kep"], row["milestone"]): _day(row["actual_date"])
        for row in _rows(folder / "kep_milestones.csv")
        if row["outcome"] == "done"
    }
    by_kep: dict[str, list[Row]] = defaultdict(list)
    for row in history:
        by_kep[row["kep"]].append(row)
    record = {kep: _record(rows, shipped) for kep, rows in by_kep.items()}

    plans = [
        row
        for row in history
        if row["forward_looking"] == "1" and row["repeat_stage"] == "0" and row["outcome"] == "done"
    ]
    facts = []
    for row in plans:
        today = _day(row["as_of_date"])
        kept, missed = record[row["kep"]].until(today)
        lead = _day(row["planned_date_as_published"] or row["planned_date"]) - today
        facts.append((lead, ORDER[row["milestone"]], kept, missed))
    return Plans(
        entity=[row["kep"] for row in plans],
        day=np.array([_day(row["as_of_date"]) for row in plans]),
        promises=Promises(*np.array(facts).T),
        slip=np.array([release[row["actual_release"]] - release[row["planned_release"]] for row in plans]),
        shipped=np.array([shipped[row["kep"], row["milestone"]] <= _day(row["as_of_date"]) for row in plans]),
    )


def _record(rows: list[Row], shipped: dict[tuple[str, str], int]) -> _Record:
    """Promises of one enhancement: each release that a milestone was planned for before that release came.

    Only what was known on a day counts until that day: a promise is settled when its release comes, or when the plan
    moves to a later one.
    """
    by_milestone: dict[str, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row["as_of_date"]):
        if row["repeat_stage"] == "0":
            by_milestone[row["milestone"]].append(row)
    settled = []
    for milestone, mine in by_milestone.items():
        finished = shipped.get((mine[0]["kep"], milestone), NEVER)
        changes = [row for row, before in zip(mine, [None, *mine], strict=False) if _differs(row, before)]
        for row, after in zip(changes, [*changes[1:], None], strict=True):
            due = _day(row["planned_date"])
            if _day(row["as_of_date"]) >= due:
                continue
            if after and _day(after["planned_date"]) > due > _day(after["as_of_date"]):
                settled.append((_day(after["as_of_date"]), False))
            else:
                settled.append((due, finished <= due))
    ordered = sorted(settled)
    return _Record([on for on, _ in ordered], [0, *np.cumsum([kept for _, kept in ordered]).tolist()])


def _differs(row: Row, before: Row | None) -> bool:
    return before is None or row["planned_release"] != before["planned_release"]


def _rows(path: Path) -> list[Row]:
    with path.open(newline="") as lines:
        return list(csv.DictReader(lines))


def _day(text: str) -> int:
    return date.fromisoformat(text).toordinal() - date(1970, 1, 1).toordinal()
