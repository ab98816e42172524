"""Rows that nobody can mean are refused one by one, with a text that says what to do; the others are read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from integrations.tables.mapping import Source
from integrations.tables.nouns import NOUNS, Kind
from integrations.tables.values import Target, parse
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


def test_a_calendar_keeps_what_a_row_does_not_say(run_import: Import, table: Write) -> None:
    """Hours alone leave the days off, days off alone leave the hours, also a short Friday."""
    calendar = WorkingCalendar.objects.create(
        name="Gulf", monday=480, tuesday=480, wednesday=480, thursday=240, friday=0, saturday=0, sunday=480
    )
    run_import(table("calendars.csv", "name,day_hours\nGulf,7\n"))
    calendar.refresh_from_db()
    assert calendar.minutes == (420, 420, 420, 420, 0, 0, 420)
    WorkingCalendar.objects.filter(pk=calendar.pk).update(thursday=240)
    run_import(table("calendars.csv", "name,days_off\nGulf,sat;sun\n"))
    calendar.refresh_from_db()
    assert calendar.minutes == (420, 420, 420, 240, 480, 0, 0)


@pytest.mark.parametrize("text", ["1.234", "1.234,5", "0.5"])
def test_a_point_is_no_decimal_where_the_mapping_says_comma(text: str) -> None:
    """A thousand in one country is one in another: nobody guesses which."""
    field = next(one for one in NOUNS["risks"].fields if one.kind is Kind.NUMBER)
    with pytest.raises(ValueError, match="without points, such as 1234 or 0,5"):
        parse(field, text, Source(decimal=","))
    assert parse(field, "0,5", Source(decimal=",")) == Decimal("0.5")


@pytest.mark.parametrize(
    ("text", "on", "precision"),
    [
        ("2027", date(2027, 12, 31), "year"),
        ("2027-05", date(2027, 6, 30), "quarter"),
        ("Q3 2027", date(2027, 9, 30), "quarter"),
    ],
)
def test_a_target_is_as_coarse_as_it_is_written_or_as_the_mapping_says(text: str, on: date, precision: str) -> None:
    field = next(one for one in NOUNS["milestones"].fields if one.kind is Kind.TARGET)
    assert parse(field, text, Source(precision="quarter")) == Target(on, precision)
