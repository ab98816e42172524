"""Where a KPI stands: inside its limit or past it, and whether it keeps the pace to its target."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from metrics.models import KPI

PER_CENT = ("%", "per cent", "percent")


class Standing(models.TextChoices):
    """What one word says about a KPI; what is worse wins."""

    PAST_LIMIT = "past_limit", lazy("past limit")
    BEHIND = "behind", lazy("behind pace")
    REACHED = "reached", lazy("target reached")
    ON_PACE = "on_pace", lazy("on pace")
    IN_LIMIT = "in_limit", lazy("in limit")
    NO_LIMIT = "no_limit", lazy("measured, without limit or pace")
    UNMEASURED = "unmeasured", lazy("not measured yet")


@dataclass(frozen=True, slots=True)
class State:
    """A KPI's standing with the numbers behind it.

    `is_past_limit` and `is_behind` are None where there is no limit, no pace or no measurement to judge by; `expected`
    is the value that the straight line from start to target asks for on the day of the measurement.
    """

    standing: Standing
    value: Decimal | None = None
    on: date | None = None
    expected: Decimal | None = None
    is_past_limit: bool | None = None
    is_behind: bool | None = None
    lower_is_better: bool = False

    @property
    def label(self) -> str:
        """Its standing in a word: what should be low is over its pace, not behind it, and keeps within its target."""
        low = {Standing.BEHIND: _("over pace"), Standing.REACHED: _("within target")} if self.lower_is_better else {}
        return low.get(self.standing, str(self.standing.label))


def pace(kpi: KPI, day: date) -> Decimal | None:
    """What a straight line from start to target value asks for on a day, level before and after; None without one.

    Between its ends it is rounded, here and once for whoever judges, shows or writes it.
    """
    if kpi.start_value is None or kpi.target_value is None or kpi.start_on is None or kpi.target_on is None:
        return None
    whole = (kpi.target_on - kpi.start_on).days
    gone = min(max((day - kpi.start_on).days, 0), whole)
    if gone in (0, whole):
        return kpi.target_value if gone else kpi.start_value
    return rounded(kpi.start_value + (kpi.target_value - kpi.start_value) * gone / whole)


def rounded(value: Decimal) -> Decimal:
    """A value as exactly as anybody would say it: 330.9091 → 330.9, 31.9318 → 31.9, 1.0546 → 1.05, 0.04545 → 0.0455."""
    return round(value, 1 if abs(value) >= 10 else min(2 - value.adjusted(), 4))


def state(kpi: KPI, *, value: Decimal | None, on: date | None, today: date) -> State:
    """Judge a KPI by its newest measurement.

    The pace is that of the day it was measured, so that a weekly number does not fall behind between two Fridays; once
    the target day is over, only the target will do.
    """
    if value is None or on is None:
        return State(Standing.UNMEASURED)
    past_limit = None if kpi.limit_value is None else _is_worse(kpi, value, kpi.limit_value)
    reached = kpi.target_value is not None and not _is_worse(kpi, value, kpi.target_value)
    overdue = kpi.target_on is not None and today > kpi.target_on
    expected = kpi.target_value if overdue else pace(kpi, on)
    behind = None if expected is None else not reached and _is_worse(kpi, value, expected)
    if past_limit:
        standing = Standing.PAST_LIMIT
    elif behind:
        standing = Standing.BEHIND
    elif reached:
        standing = Standing.REACHED
    elif behind is False:
        standing = Standing.ON_PACE
    elif past_limit is False:
        standing = Standing.IN_LIMIT
    else:
        standing = Standing.NO_LIMIT
    return State(standing, value, on, expected, past_limit, behind, kpi.direction == KPI.Direction.DOWN)


def in_words(kpi: KPI, found: State) -> str:
    """What a standing rests on: “36 ms, 1 ms past the limit of 35 ms”."""
    if found.value is None:
        return _("Not measured yet")
    limit, target = (_said(kpi, value) if value is not None else "" for value in (kpi.limit_value, kpi.target_value))
    behind = (
        _("%(apart)s over the pace of %(pace)s")
        if found.lower_is_better
        else _("%(apart)s behind the pace of %(pace)s")
    )
    words = {
        Standing.PAST_LIMIT: _("%(apart)s past the limit of %(limit)s")
        % {"apart": _apart(kpi, found.value, kpi.limit_value), "limit": limit},
        Standing.BEHIND: behind
        % {"apart": _apart(kpi, found.value, found.expected), "pace": _said(kpi, found.expected)},
        Standing.REACHED: _("the target of %(target)s is reached") % {"target": target},
        Standing.ON_PACE: _("keeps the pace of %(pace)s") % {"pace": _said(kpi, found.expected)},
        Standing.IN_LIMIT: _("inside the limit of %(limit)s") % {"limit": limit},
        Standing.NO_LIMIT: _("without limit or pace to judge it by"),
    }
    return f"{_said(kpi, found.value)}, {words[found.standing]}"


def _apart(kpi: KPI, value: Decimal, than: Decimal | None) -> str:
    """How far two values lie from each other: of per cents in points, for “4 % past 90 %” may be a share of the 90."""
    gap = abs(value - (than or 0))
    if kpi.unit not in PER_CENT:
        return _said(kpi, gap)
    return ngettext("%(points)s point", "%(points)s points", 1 if gap == 1 else 2) % {"points": _digits(gap)}


def _said(kpi: KPI, value: Decimal | None) -> str:
    """A value with its unit, to four decimals at most, as it is measured: 250.0000 → “250 racks”."""
    return f"{_digits(value or Decimal(0))} {kpi.unit}".rstrip()


def _digits(value: Decimal) -> str:
    return f"{value:,.4f}".rstrip("0").rstrip(".").replace("-", "\u2212")


def _is_worse(kpi: KPI, value: Decimal, than: Decimal) -> bool:
    return value < than if kpi.direction == KPI.Direction.UP else value > than
