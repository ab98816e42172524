"""Rows that nobody can mean are refused one by one, with a text that says what to do; the others are read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from people.models import WorkingCalendar
from tests.integrations.conftest import Import

Write = Callable[[str, str], Path]
PROGRAMS = "key,name\nNA4,Region NA-4\n"


@pytest.mark.parametrize(
    ("noun", "columns", "row", "column", "says"),
    [
        ("milestones", "program,name,work_likely", "NA4,A,-5", "work_likely", "Work cannot be negative."),
        (
            "milestones",
            "program,name,work_low,work_likely,work_high",
            "NA4,A,9,5,12",
            "work_likely",
            "none lower than the one before",
        ),
        ("milestones", "program,name,not_before_on", "NA4,A,9999-12-31", "not_before_on", "outside of 1950 to 2150"),
        ("risks", "program,title,review_on", "NA4,A,9999-12-31", "review_on", "outside of 1950 to 2150"),
    ],
)
def test_a_row_is_refused_beside_its_column(
    run_import: Import, table: Write, noun: str, columns: str, row: str, column: str, says: str
) -> None:
    result = run_import(table("programs.csv", PROGRAMS), table(f"{noun}.csv", f"{columns}\n{row}\n"))
    assert result.of(noun) == {"refused": 1}
    assert f"column {column}" in result.said
    assert says in result.said


@pytest.mark.parametrize("value", ["NaN", "inf", "1e999", "many"])
def test_a_measurement_that_is_no_number_is_refused(run_import: Import, table: Write, value: str) -> None:
    result = run_import(
        table("programs.csv", PROGRAMS),
        table("kpis.csv", "program,name\nNA4,Racks\n"),
        table("measurements.csv", f"program,kpi,on,value\nNA4,Racks,2026-11-20,{value}\n"),
    )
    assert result.of("measurements") == {"refused": 1}
    assert "column value" in result.said


def test_a_calendar_without_a_working_day_is_refused(run_import: Import, table: Write) -> None:
    result = run_import(table("calendars.csv", "name,days_off\nNever,mon;tue;wed;thu;fri;sat;sun\n"))
    assert result.of("calendars") == {"refused": 1}
    assert "A working calendar needs at least one working day." in result.said
    assert list(WorkingCalendar.objects.values_list("name", flat=True)) == ["Monday to Friday"]
