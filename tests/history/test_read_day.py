"""Days as people type them."""

from __future__ import annotations

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from history.days import DayField, DayInput, read_day
from milestones.forms import MilestoneForm
from people.models import Organisation
from tests.conftest import Cast

FRIDAY = date(2026, 11, 20)


@pytest.mark.parametrize(
    ("text", "on", "precision"),
    [
        ("2026-12-04", date(2026, 12, 4), "day"),
        ("4 Dec", date(2026, 12, 4), "day"),
        ("30 Nov", date(2026, 11, 30), "day"),
        ("30nov", date(2026, 11, 30), "day"),
        ("30. November 2026", date(2026, 11, 30), "day"),
        ("30.11.", date(2026, 11, 30), "day"),
        ("30.11", date(2026, 11, 30), "day"),
        ("30. 11. 2026", date(2026, 11, 30), "day"),
        ("4.12.2026", date(2026, 12, 4), "day"),
        ("15.1.", date(2027, 1, 15), "day"),
        ("30/11", date(2026, 11, 30), "day"),
        ("30/11/26", date(2026, 11, 30), "day"),
        ("11/30/2026", date(2026, 11, 30), "day"),
        ("30-11-2026", date(2026, 11, 30), "day"),
        ("5/5/2027", date(2027, 5, 5), "day"),
        ("2026/11/30", date(2026, 11, 30), "day"),
        ("4th december 2027", date(2027, 12, 4), "day"),
        ("Dec 4, 2027", date(2027, 12, 4), "day"),
        ("15 Jan", date(2027, 1, 15), "day"),
        ("today", FRIDAY, "day"),
        ("tomorrow", date(2026, 11, 21), "day"),
        ("fri", date(2026, 11, 27), "day"),
        ("this fri", FRIDAY, "day"),
        ("next Monday", date(2026, 11, 23), "day"),
        ("last mon", date(2026, 11, 16), "day"),
        ("last fri", date(2026, 11, 13), "day"),
        ("last sat", date(2026, 11, 14), "day"),
        ("+2w", date(2026, 12, 4), "day"),
        ("in 3 days", date(2026, 11, 23), "day"),
        ("−1d", date(2026, 11, 19), "day"),
        ("+3m", date(2027, 2, 20), "day"),
        ("+1y", date(2027, 11, 20), "day"),
        ("week 3 2027", date(2027, 1, 24), "week"),
        ("2026-W53", date(2027, 1, 3), "week"),
        ("Feb 2028", date(2028, 2, 29), "month"),
        ("Q3 2027", date(2027, 9, 30), "quarter"),
        ("h1 2027", date(2027, 6, 30), "half"),
        ("2027", date(2027, 12, 31), "year"),
    ],
)
def test_a_day_in_many_ways(text: str, on: date, precision: str) -> None:
    assert read_day(text, FRIDAY) == (on, precision)


@pytest.mark.parametrize(
    "text",
    [
        "soon",
        "31 Feb",
        "Q5 2027",
        "week 54",
        "4/12/2026",
        "4/12",
        "31.2.",
        "13.13.2026",
        "1-2",
        "+99999d",
        "0000",
        "²",
        "4 dec\0",
    ],
)
def test_what_names_no_day(text: str) -> None:
    assert read_day(text, FRIDAY) is None


@pytest.mark.django_db
def test_what_may_be_either_of_two_days_is_asked_back() -> None:
    with pytest.raises(ValidationError) as refusal:
        DayField().clean("4/12/2026")
    assert refusal.value.messages == ["“4/12/2026” may be 12 Apr 2026 or 4 Dec 2026: write the month as a word."]


def test_what_is_typed_is_told_in_words(cast: Cast, sign_in: Any) -> None:
    client = sign_in(cast.viewer)
    for text, said in (
        ("30.11.2026", "Mon 30 Nov 2026"),
        ("Q3 2027", "Thu 30 Sep 2027, the last day of that quarter"),
        ("2028", "Sun 31 Dec 2028, the last day of that year"),
        ("4/12/2026", "“4/12/2026” may be 12 Apr 2026 or 4 Dec 2026: write the month as a word."),
        ("31.2.2027", "There is no such day in the calendar."),
        ("31 nov", "There is no such day in the calendar."),
        ("2027-02-30", "There is no such day in the calendar."),
        ("<b>", "Write a day such as 4 Dec 2026, 4.12.2026, next fri, +2w or Q3 2027."),
        (" ", ""),
    ):
        answer = client.get("/day", {"text": text})
        assert (answer.text, answer.headers["Content-Type"]) == (said, "text/plain; charset=utf-8")


@given(st.text(max_size=60), st.dates())
def test_no_text_is_a_crash(text: str, today: date) -> None:
    read_day(text, today)


@pytest.mark.django_db
@given(st.dates(min_value=date(1950, 1, 1), max_value=date(2150, 12, 31)))
def test_what_the_field_shows_it_reads_again(day: date) -> None:
    shown = DayInput().format_value(day)
    assert DayField().clean(shown) == day


def test_a_period_says_how_exactly_it_is_meant(cast: Cast) -> None:
    form = MilestoneForm(
        forms.Form({"name": "Open", "kind": "deliverable", "target_on": "Q3 2027", "target_precision": "day"}).data,  # type: ignore[arg-type]
        program=cast.na4,
        by=cast.lead,
    )
    assert form.is_valid(), form.errors
    assert (form.changes["target_on"], form.changes["target_precision"]) == (date(2027, 9, 30), "quarter")


def test_the_day_is_that_of_the_organisation_wherever_the_reader_is(cast: Cast) -> None:
    """Its clocks are 25 hours ahead of the reader's: never the same day."""
    Organisation.objects.update(time_zone="Pacific/Kiritimati")
    with timezone.override("Pacific/Pago_Pago"):
        assert DayField().clean("today") == timezone.localdate(timezone=ZoneInfo("Pacific/Kiritimati"))
        assert DayField().clean("today") != timezone.localdate()
