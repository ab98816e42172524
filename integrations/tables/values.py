"""The text of a cell made into a day, a number, minutes of work, or a clear refusal."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.translation import gettext as _

from history.services import EARLIEST, LATEST
from integrations.tables.mapping import Source, split
from integrations.tables.nouns import Field, Kind
from people.models import WEEKDAYS
from programs.models import Precision

MINUTES = {"days": 480, "hours": 60, "minutes": 1}
YES, NO = {"yes", "y", "true", "1", "x"}, {"no", "n", "false", "0"}
WITH_UNIT = re.compile(r"(.+?)\s*(d|h|m|days?|hours?|min|minutes?)")
PERIOD = re.compile(r"(?:(\d{4})[- ]?)?(?:(Q)([1-4])|(H)([12]))(?:[- ]?(\d{4}))?", re.IGNORECASE)


@dataclass(frozen=True)
class Target:
    """The last day of the period that a target names, and how exact it is."""

    on: date
    precision: str


def parse(field: Field, text: str, source: Source) -> Any:
    """The value of a field; None for an empty cell, except in text. Raises ValueError saying what to write instead."""
    if field.kind in (Kind.TEXT, Kind.PERSON) and not field.refers_to:
        return text
    if field.kind is Kind.NAMES:
        return tuple(dict.fromkeys(split(text, source.separator or ";")))
    if field.kind is Kind.DAYS:
        return tuple(sorted({_day(part, source) for part in split(text, source.separator or ";")}))
    if field.kind is Kind.WEEKDAYS:
        return tuple(sorted({_weekday(part) for part in split(text, source.separator or ";")}))
    text = text.strip()
    if not text:
        return None
    if field.refers_to:
        return text
    if field.kind is Kind.DAY:
        return _day(text, source)
    if field.kind is Kind.TARGET:
        return _target(text, source)
    if field.kind is Kind.WORK:
        minutes = _minutes(text, source)
        if minutes < 0:
            raise ValueError(_("Work cannot be negative."))
        return minutes
    if field.kind is Kind.LAG:
        return _minutes(text, source)
    if field.kind is Kind.WHOLE:
        number = _number(text, source)
        if number != number.to_integral_value():
            raise ValueError(_("Write a whole number."))
        return int(number)
    if field.kind is Kind.NUMBER:
        return _number(text, source) * source.times
    if field.kind is Kind.YES_NO:
        if text.lower() in YES | NO:
            return text.lower() in YES
        raise ValueError(_("Write yes or no."))
    return _choice(field, text)


def _choice(field: Field, text: str) -> str:
    for value, label in field.choices.choices if field.choices else ():
        if text.casefold() in (value.casefold(), str(label).casefold()):
            return str(value)
    raise ValueError(
        _("This should be %(says)s. For other words, say in the mapping what they mean.") % {"says": field.says}
    )


def _number(text: str, source: Source) -> Decimal:
    if source.decimal == "," and "." in text:
        raise ValueError(_("Write it without points, such as 1234 or 0,5: the mapping gives decimals a comma."))
    plain = text.replace(",", ".") if source.decimal == "," else text
    try:
        number = Decimal(plain)
    except InvalidOperation:
        raise ValueError(_("Write a plain number, such as 12 or 0.5.")) from None
    if not number.is_finite() or abs(number.adjusted()) > 12:
        raise ValueError(_("This number is out of any range."))
    return number


def _minutes(text: str, source: Source) -> int:
    unit = source.unit
    if match := WITH_UNIT.fullmatch(text):
        text, unit = match[1], {"d": "days", "h": "hours", "m": "minutes"}[match[2][0]]
    return round(_number(text, source) * source.times * MINUTES[unit])


def _weekday(text: str) -> int:
    """From 0 for Monday, as a number or as the start of its name."""
    if text in "0123456" and len(text) == 1:
        return int(text)
    for number, name in enumerate(WEEKDAYS):
        if len(text) >= 2 and name.startswith(text.lower()):
            return number
    raise ValueError(_("Write weekdays as mon, tue, … or as 0 (Monday) to 6."))


def _day(text: str, source: Source) -> date:
    day = _format_day(text, source.date) if source.date else _iso_day(text)
    if not EARLIEST <= day <= LATEST:
        raise ValueError(
            _("The day lies outside of %(first)s to %(last)s.") % {"first": EARLIEST.year, "last": LATEST.year}
        )
    return day


def _format_day(text: str, formats: tuple[str, ...]) -> date:
    for one in formats:
        try:
            return datetime.strptime(text, one).date()
        except ValueError:
            continue
    shown = _(" or ").join(date(2026, 3, 31).strftime(one) for one in formats)
    raise ValueError(
        _("The mapping says that days are written like %(shown)s. Mend this one, or the mapping.") % {"shown": shown}
    )


def _iso_day(text: str) -> date:
    # A moment is cut to its day as written: plain days never shift by zone.
    if re.fullmatch(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*", text):
        text = text[:10]
    try:
        if re.fullmatch(r"\d{4}-(\d\d-\d\d|W\d\d-\d)", text):
            return date.fromisoformat(text)
    except ValueError:
        raise ValueError(_("There is no such day.")) from None
    if re.fullmatch(r"\d{5}", text):
        raise ValueError(_("This is Excel's number of a day. Format the column as a date, or write 2026-03-31."))
    if re.fullmatch(r"\d{1,2}[./]\d{1,2}[./]\d{2,4}", text):
        raise ValueError(
            _("Day or month first? Write 2026-03-31, or say how days are written (“date” in the mapping).")
        )
    raise ValueError(_("Write the day as 2026-03-31, or give the format under “date” in the mapping."))


def _target(text: str, source: Source) -> Target:
    named = Precision.DAY
    if not source.date:
        if re.fullmatch(r"\d{4}", text):
            text, named = f"{text}-01-01", Precision.YEAR
        elif re.fullmatch(r"\d{4}-\d\d", text):
            text, named = f"{text}-01", Precision.MONTH
        elif re.fullmatch(r"\d{4}-W\d\d", text):
            text, named = f"{text}-1", Precision.WEEK
        elif (match := PERIOD.fullmatch(text)) and bool(match[1]) != bool(match[6]):
            month = 3 * int(match[3]) if match[2] else 6 * int(match[5])
            text, named = f"{match[1] or match[6]}-{month:02}-01", Precision.QUARTER if match[2] else Precision.HALF
    # A year does not become a quarter because the mapping says that targets are quarters.
    precision = max(named, Precision(source.precision or Precision.DAY), key=list(Precision).index)
    return Target(precision.last_day(_day(text, source)), precision.value)
