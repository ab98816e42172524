"""A day as people type it, and the field that takes it."""

from __future__ import annotations

import re
from calendar import monthrange
from contextlib import suppress
from datetime import date, timedelta
from typing import Any, ClassVar, NamedTuple

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as lazy

MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
}
WEEKDAYS = {name: number for number, name in enumerate(("mon", "tue", "wed", "thu", "fri", "sat", "sun"))}
NEAR = {"today": 0, "tomorrow": 1, "yesterday": -1}
MOST_CHARACTERS = 40
LAST_DAY = {
    "week": lazy("%(day)s, the last day of that week"),
    "month": lazy("%(day)s, the last day of that month"),
    "quarter": lazy("%(day)s, the last day of that quarter"),
    "half": lazy("%(day)s, the last day of that half"),
    "year": lazy("%(day)s, the last day of that year"),
}

ISO = re.compile(r"(\d{4})([-./])(\d{1,2})\2(\d{1,2})")
NUMBERS = re.compile(r"(\d{1,2}) ?([./-]) ?(\d{1,2})(?: ?\2 ?(\d{4}|\d{2})|\.)?")
DAY_MONTH = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?\.? ?([a-z]{3,9})\.?,?(?: (\d{4}))?")
MONTH_DAY = re.compile(r"([a-z]{3,9})\.? (\d{1,2})(?:st|nd|rd|th)?,?(?: (\d{4}))?")
AWAY = re.compile(r"([+-]|in )(\d{1,4}) ?(d|w|m|y)(?:ays?|eeks?|onths?|ears?)?")
WEEKDAY = re.compile(r"(?:(next|this|last) )?([a-z]{3,9})")
WEEK = re.compile(r"(?:(\d{4})-?)?w(?:eek ?)?(\d{1,2})(?:,? (\d{4}))?")
PART = re.compile(r"([qh])(\d)(?: (\d{4}))?")
MONTH = re.compile(r"([a-z]{3,9})\.? (\d{4})")
SPAN = re.compile(r"([+-]?\d{1,4}) ?(d|w)?(?:ays?|eeks?)?")
YEAR = re.compile(r"(\d{4})")


class Typed(NamedTuple):
    """A day, and how exactly it was named: day, week, month, quarter, half or year, of which it is the last day."""

    on: date
    precision: str


def read_day(text: str, today: date) -> Typed | None:
    """The day that a text names, or None where it names none. Of a period, its last day.

    >>> friday = date(2026, 11, 20)
    >>> [read_day(text, friday).on.isoformat() for text in ("next fri", "+2w", "4 Dec", "30.11.", "Q3 2027")]
    ['2026-11-27', '2026-12-04', '2026-12-04', '2026-11-30', '2027-09-30']
    >>> read_day("Q3 2027", friday).precision, read_day("soon", friday)
    ('quarter', None)
    """
    words = _words(text)
    if len(words) > MOST_CHARACTERS:
        return None
    try:
        return _read(words, today)
    except (ValueError, OverflowError):  # 31 Feb, week 54, a year past 9999
        return None


def _words(text: str) -> str:
    return " ".join(text.lower().replace("\u2212", "-").split())


def _by_numbers(words: str, today: date) -> list[date]:
    """The days that numbers alone may name. Who writes dots puts the day first; with strokes, English does either.

    >>> [_by_numbers(text, date(2026, 11, 20)) for text in ("30/11", "4/12/2026")]
    [[datetime.date(2026, 11, 30)], [datetime.date(2026, 4, 12), datetime.date(2026, 12, 4)]]
    """
    found = NUMBERS.fullmatch(words)
    if not found or (found[2] == "-" and not found[4]):
        return []
    first, second, year = int(found[1]), int(found[3]), found[4] and int(found[4]) + (2000 if len(found[4]) == 2 else 0)
    days = set()
    for day, month in [(first, second)] if found[2] == "." else [(first, second), (second, first)]:
        with suppress(ValueError):
            days.add(_of_month(month, day, year, today).on)
    return sorted(days)


def _is_shaped(words: str) -> bool:
    """Whether a text has the shape of a day, such as 31 Feb, be there one or not."""
    if found := NUMBERS.fullmatch(words):
        return found[2] != "-" or bool(found[4])
    found = DAY_MONTH.fullmatch(words)
    return bool(ISO.fullmatch(words) or (found and found[2][:3] in MONTHS))


def _read(words: str, today: date) -> Typed | None:
    if words in NEAR:
        return Typed(today + timedelta(days=NEAR[words]), "day")
    if words == "quarter start":
        return Typed(date(today.year, today.month - (today.month - 1) % 3, 1), "day")
    if found := ISO.fullmatch(words):
        return Typed(date(int(found[1]), int(found[3]), int(found[4])), "day")
    if len(days := _by_numbers(words, today)) == 1:
        return Typed(days[0], "day")
    if found := AWAY.fullmatch(words):
        return Typed(_away(today, int(found[2]) * (-1 if found[1] == "-" else 1), found[3]), "day")
    if (found := DAY_MONTH.fullmatch(words)) and found[2][:3] in MONTHS:
        return _of_month(MONTHS[found[2][:3]], int(found[1]), found[3] and int(found[3]), today)
    if (found := WEEKDAY.fullmatch(words)) and found[2][:3] in WEEKDAYS:
        ahead = (WEEKDAYS[found[2][:3]] - today.weekday()) % 7
        if found[1] == "last":
            return Typed(today + timedelta(days=ahead - 7), "day")
        return Typed(today + timedelta(days=ahead or (0 if found[1] == "this" else 7)), "day")
    if found := WEEK.fullmatch(words):
        year = int(found[1] or found[3] or today.isocalendar().year)
        return Typed(date.fromisocalendar(year, int(found[2]), 7), "week")
    if found := PART.fullmatch(words):
        months = 3 if found[1] == "q" else 6
        return _month_end(int(found[3] or today.year), int(found[2]) * months, "quarter" if months == 3 else "half")
    if (found := MONTH.fullmatch(words)) and found[1][:3] in MONTHS:
        return _month_end(int(found[2]), MONTHS[found[1][:3]], "month")
    if (found := MONTH_DAY.fullmatch(words)) and found[1][:3] in MONTHS:
        return _of_month(MONTHS[found[1][:3]], int(found[2]), found[3] and int(found[3]), today)
    if found := YEAR.fullmatch(words):
        return Typed(date(int(found[1]), 12, 31), "year")
    return None


def _of_month(month: int, day: int, year: Any, today: date) -> Typed:
    """Without a year, the nearest: next January in November, last November in January."""
    if not year:
        gap = month - today.month
        year = today.year + (1 if gap < -6 else -1 if gap > 6 else 0)
    return Typed(date(year, month, day), "day")


def _month_end(year: int, month: int, precision: str) -> Typed:
    return Typed(date(year, month, monthrange(year, month)[1]), precision)


def _away(today: date, count: int, unit: str) -> date:
    if unit in "dw":
        return today + timedelta(days=count * (7 if unit == "w" else 1))
    year, month = divmod(today.year * 12 + today.month - 1 + count * (12 if unit == "y" else 1), 12)
    return date(year, month + 1, min(today.day, monthrange(year, month + 1)[1]))


class DayInput(forms.TextInput):
    """A text field; its script adds a calendar to pick from."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(
            {"data-day": "", "autocomplete": "off", "placeholder": "4 Dec, next fri, +2w, Q3 2027"} | (attrs or {})
        )

    def format_value(self, value: Any) -> str | None:
        return date_format(value, "j M Y") if isinstance(value, date) else super().format_value(value)


class DayField(forms.DateField):
    """A day in any of the ways that people write one. ``precision`` is how exactly the last one read was named.

    Which day "today" is, the app that knows the organisation says (``people.apps``): the day of its zone, whatever the
    zone of the reader.
    """

    widget = DayInput
    default_error_messages = {
        "invalid": lazy("Write a day such as 4 Dec 2026, 4.12.2026, next fri, +2w or Q3 2027."),
        "no_such": lazy("There is no such day in the calendar."),
        "either": lazy("“%(text)s” may be %(first)s or %(second)s: write the month as a word."),
    }
    precision = ""
    today: ClassVar[staticmethod[..., date]] = staticmethod(timezone.localdate)

    def to_python(self, value: Any) -> date | None:
        self.precision = ""
        if value in self.empty_values or isinstance(value, date):
            return super().to_python(value)
        typed = read_day(str(value), self.today())
        if typed is None:
            words = _words(str(value))
            days = _by_numbers(words, self.today())
            if len(days) > 1:
                first, second = (date_format(day, "j M Y") for day in days)
                said = {"text": str(value).strip(), "first": first, "second": second}
                raise ValidationError(self.error_messages["either"], code="either", params=said)
            if _is_shaped(words):
                raise ValidationError(self.error_messages["no_such"], code="no_such")
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        self.precision = typed.precision
        return typed.on

    def meant(self, text: str) -> str:
        """What a text names, in words: the day with its weekday, or why it is none. Nothing is named by nothing."""
        try:
            day = self.to_python(text.strip())
        except ValidationError as refusal:
            return refusal.messages[0]
        if day is None:
            return ""
        said = date_format(day, "D j M Y")
        return LAST_DAY[self.precision] % {"day": said} if self.precision in LAST_DAY else said


class SpanField(forms.Field):
    """Days of the calendar to move something by: “10”, “2w”, “-3”."""

    default_error_messages = {"invalid": lazy("Write days or weeks, such as 10, 2w or -3.")}

    def to_python(self, value: Any) -> int | None:
        text = str(value or "").strip().lower().replace("\u2212", "-")
        if not text:
            return None
        found = SPAN.fullmatch(text)
        if not found:
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return int(found[1]) * (7 if found[2] == "w" else 1)
