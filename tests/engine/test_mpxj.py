"""67 real projects (OR-AS DSLIB) have the dates that MPXJ's scheduler gives them.

Instants are compared as written. One rule differs on purpose: MPXJ always shows the late dates of a milestone at the
end of a working day, even where its early date is the next morning and it has no float; here a late date is never
before an early one. No working minute lies between the two.
"""

import csv
import gzip
import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import cpm
from engine.calendars import WorkCalendar, as_text, day_of, instant_of
from engine.network import Links, compile

SHARED = Path(os.environ.get("TPM_SHARED", Path(__file__).parents[3] / "shared"))
PROJECTS = SHARED / "data" / "B3_dslib"
COLUMNS = ("early_start", "early_finish", "late_start", "late_finish")

pytestmark = pytest.mark.skipif(not PROJECTS.is_dir(), reason=f"no project data in {PROJECTS}")


def rows_by_project(name: str) -> dict[str, list[dict[str, str]]]:
    rows = defaultdict(list)
    with gzip.open(PROJECTS / name, "rt", newline="") as lines:
        for row in csv.DictReader(lines):
            rows[row["project"]].append(row)
    return rows


def calendar_of(given: dict[str, Any]) -> WorkCalendar:
    hours = given["working_hours"]
    starts = [hour for hour in hours if hour - 1 not in hours]
    stops = [hour + 1 for hour in hours if hour + 1 not in hours]
    day = tuple((start * 60, stop * 60) for start, stop in zip(starts, stops, strict=True))
    return WorkCalendar(
        week=tuple(() if weekday in given["nonworking_weekdays"] else day for weekday in range(7)),
        holidays=frozenset(map(day_of, given["holidays"])),
    )


def test_dates_and_floats_equal_mpxj() -> None:
    calendars = json.loads((PROJECTS / "calendars.json").read_text())
    activities, relations, expected = map(rows_by_project, ("activities.csv.gz", "relations.csv.gz", "cpm_mpxj.csv.gz"))
    equal = total = 0
    for project, tasks in activities.items():
        text = calendars[project]["start"]
        network = compile(
            [int(task["activity"]) for task in tasks],
            [round(float(task["baseline_duration_h"]) * 60) for task in tasks],
            [calendar_of(calendars[project])],
            np.zeros(len(tasks)),
            Links.of(
                [
                    (int(link["from_task"]), int(link["to_task"]), link["type"], round(float(link["lag_h"]) * 60))
                    for link in relations[project]
                ]
            ),
            status_day=None,
            start_day=day_of(f"{text[4:8]}-{text[2:4]}-{text[:2]}"),
        )
        dates = cpm.schedule(network)
        given = {row["activity"]: row for row in expected[project]}
        ordered = [given[task["activity"]] for task in tasks]
        assert dates.total_float_min.tolist() == [round(float(row["total_slack"]) * 60) for row in ordered], project
        for column in COLUMNS:
            ours = getattr(dates, column)
            theirs = np.array([instant_of(row[column]) for row in ordered])
            worked = network.calendars.worked(0, ours) == network.calendars.worked(0, theirs)
            assert worked.all(), (project, column, [as_text(instant) for instant in ours[~worked]])
            equal += int(np.count_nonzero(ours == theirs))
            total += ours.size
    assert total == 4 * 3592
    assert equal >= total - 4
