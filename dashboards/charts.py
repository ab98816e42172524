"""Rows to SVG. Geometry is in attributes, colour in classes: no style attribute anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.html import escape
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from dashboards.templatetags.words import MINUS, written
from risks.models import Risk

# The lines of an axis are written once: a long table would repeat them in every row.
GRID = "axis-grid"


def markup(text: str) -> SafeString:
    """Markup made here of numbers, our own words and escaped text."""
    return SafeString(text)


def pixels(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def day_name(on: date) -> str:
    return written(on, "j M Y")


def signed(days: int) -> str:
    return _("%(days)s d") % {"days": f"+{days}" if days > 0 else f"{MINUS}{-days}" if days < 0 else "0"}


def month_starts(start: date, end: date) -> list[date]:
    """First days of the months that begin in a span."""
    year, month, found = start.year, start.month, []
    while (first := date(year, month, 1)) <= end:
        if first >= start:
            found.append(first)
        year, month = year + month // 12, month % 12 + 1
    return found


@dataclass(frozen=True)
class Axis:
    """Days laid on a width in pixels."""

    start: date
    end: date
    width: float
    left: float = 0

    def x(self, on: date) -> float:
        return self.left + (on - self.start).days / max(1, (self.end - self.start).days) * self.width

    def clamp(self, on: date) -> float:
        return min(max(self.x(on), self.left), self.left + self.width)

    def has(self, on: date) -> bool:
        return self.start <= on <= self.end


def forecast_axis(dates: Sequence[date], today: date, width: float = 208) -> Axis:
    """A span of 6 to 18 months from a little before today that holds most of the dates."""
    start = (today - timedelta(days=14)).replace(day=1)
    ahead = sorted(day for day in dates if day >= start)
    most = ahead[int(len(ahead) * 0.95) - 1] if len(ahead) > 1 else (ahead or [today])[0]
    shortest, longest = start + timedelta(days=183), start + timedelta(days=548)
    # A target in the year 9999 has no day after it.
    end = min(max(min(most, longest) + timedelta(days=20), shortest), longest)
    return Axis(start, end, width)


def axis_head(axis: Axis, today: date) -> SafeString:
    """Month letters of the column heading, or quarters when months would touch; it holds the grid of all rows."""
    months = month_starts(axis.start, axis.end)
    narrow = len(months) > 11
    labels = []
    for first in months:
        if narrow and first.month % 3 != 1:
            continue
        if narrow:
            text, middle = f"Q{first.month // 3 + 1} ’{first:%y}", axis.x(first) + 14
        else:
            text = f"{first:%b}"[0] + (f" ’{first:%y}" if first.month == 1 else "")
            middle = axis.x(first + timedelta(days=15))
        if middle < axis.width:
            labels.append(f'<text class="v-text" x="{pixels(middle)}" y="10" text-anchor="middle">{text}</text>')
    box = f'width="{pixels(axis.width)}" height="14" viewBox="0 0 {pixels(axis.width)} 14"'
    return markup(
        f'<svg {box} aria-hidden="true"><defs><g id="{GRID}">{axis_grid(axis, today)}</g></defs>{"".join(labels)}</svg>'
    )


def axis_grid(axis: Axis, today: date) -> str:
    """Month lines and today, the same in every row."""
    months = month_starts(axis.start, axis.end)
    firsts = [m for m in months if len(months) <= 11 or m.month % 3 == 1]
    lines = (f'<line class="v-grid" x1="{pixels(x)}" x2="{pixels(x)}" y1="-8" y2="48"/>' for x in map(axis.x, firsts))
    now = pixels(axis.x(today))
    return "".join(lines) + f'<line class="v-today" x1="{now}" x2="{now}" y1="-8" y2="48"/>'


def forecast_row(axis: Axis, tone: str, target: date | None, p50: date | None, p80: date | None) -> SafeString:
    """P50 to P80 against the target on the shared axis; what lies outside it is drawn as an arrow at its edge."""
    words = _("Target %(day)s") % {"day": day_name(target)} if target else _("No target")
    words += ", " + (f"P50 {day_name(p50)}, P80 {day_name(p80)}" if p50 and p80 else _("no forecast yet"))
    marks = []
    if p50 and p80:
        marks.append(whisker(axis, p50, p80, 21))
    if target and axis.has(target):
        x = pixels(axis.x(target))
        marks.append(f'<line class="v-target" x1="{x}" x2="{x}" y1="8" y2="29"/>')
        marks.append(f'<path class="v-target-flag" d="M{x} 8h6l-1.8 2.3 1.8 2.3h-6z"/>')
    elif target:
        marks.append(_beyond("v-target-flag", axis, target, 11))
    if p50 and axis.has(p50):
        marks.append(f'<circle class="v-dot" cx="{pixels(axis.x(p50))}" cy="21" r="4.5"/>')
    elif p50:
        marks.append(_beyond("v-dot", axis, p50, 21))
    box = f'width="{pixels(axis.width)}" height="40" viewBox="0 0 {pixels(axis.width)} 40"'
    return markup(
        f'<svg {box} class="s-{tone}" role="img" aria-label="{words}"><use href="#{GRID}"/>{"".join(marks)}</svg>'
    )


def whisker(axis: Axis, p50: date, p80: date, y: float) -> str:
    """The band from P50 to P80 with a cap at its end, if that is on the axis."""
    a, b = axis.clamp(p50), axis.clamp(p80)
    if b - a <= 1:
        return ""
    drawn = f'<line class="v-band" x1="{pixels(a)}" x2="{pixels(b)}" y1="{pixels(y)}" y2="{pixels(y)}"/>'
    if axis.has(p80):
        drawn += f'<line class="v-cap" x1="{pixels(b)}" x2="{pixels(b)}" y1="{pixels(y - 5)}" y2="{pixels(y + 5)}"/>'
    return drawn


def _beyond(css: str, axis: Axis, on: date, y: int) -> str:
    later = on > axis.end
    x, way = (axis.left + axis.width - 7, "l6 4.5-6 4.5z") if later else (axis.left + 7, "l-6 4.5 6 4.5z")
    return f'<path class="{css}" d="M{pixels(x)} {y - 4.5}{way}"><title>{day_name(on)}</title></path>'


def sparkline(points: Sequence[tuple[date, int]], tone: str) -> SafeString:
    """Slip by week, oldest first, over its zero line."""
    if len(points) < 2:
        words = escape(_("too young"))
        return markup(f'<span class="muted small">{words}</span>')
    values = [value for _, value in points]
    low, high = min(0, *values), max(0, *values)
    scale = 18 / (high - low or 1)
    first, last = points[0][0], points[-1][0]
    span = max(1, (last - first).days)

    def y(value: float) -> str:
        return pixels(22 - (value - low) * scale)

    line = " ".join(f"{pixels(2 + (day - first).days / span * 68)},{y(value)}" for day, value in points)
    # Its last point may be weeks old: nothing in it is "now".
    said = {"then": signed(values[0]), "first": day_name(first), "last": signed(values[-1]), "day": day_name(last)}
    words = escape(_("Slip %(then)s on %(first)s, %(last)s on %(day)s") % said)
    return markup(
        f'<svg width="76" height="26" viewBox="0 0 76 26" class="s-{tone}" role="img" '
        f'aria-label="{words}">'
        f'<line class="v-zero" x1="0" x2="76" y1="{y(0)}" y2="{y(0)}"/>'
        f'<polygon class="v-area" points="2,{y(0)} {line} 70,{y(0)}"/>'
        f'<polyline class="v-line" points="{line}"/>'
        f'<circle class="v-dot" cx="70" cy="{y(values[-1])}" r="3"/></svg>'
    )


def stacked_bar(parts: Sequence[tuple[str, int]], label: str = "", width: int = 300) -> SafeString:
    """Shares of a whole as one bar; (tone, count) in order."""
    parts = [(tone, count) for tone, count in parts if count]
    total = sum(count for _, count in parts)
    gaps = 2 * max(0, len(parts) - 1)
    rects, x = [], 0.0
    for tone, count in parts:
        wide = (width - gaps) * count / total
        rects.append(f'<rect class="v-fill s-{tone}" x="{pixels(x)}" y="0" width="{pixels(wide)}" height="10" rx="2"/>')
        x += wide + 2
    if not parts:
        rects = [f'<rect class="v-row" x="0" y="0" width="{width}" height="10" rx="2"/>']
    says = f'role="img" aria-label="{escape(label)}"' if label else 'aria-hidden="true"'
    box = f'width="100%" height="10" viewBox="0 0 {width} 10" preserveAspectRatio="none"'
    return markup(f"<svg {box} {says}>{''.join(rects)}</svg>")


def trend(points: Sequence[tuple[date, float]], tone: str, words: str) -> SafeString:
    """Measurements of one KPI, oldest first."""
    if len(points) < 2:
        return markup("")
    values = [value for _, value in points]
    low, high = min(values), max(values)
    first, span = points[0][0], max(1, (points[-1][0] - points[0][0]).days)

    def at(day: date, value: float) -> str:
        return f"{pixels(2 + (day - first).days / span * 142)},{pixels(26 - (value - low) / ((high - low) or 1) * 22)}"

    line = " ".join(at(day, value) for day, value in points)
    x, y = at(*points[-1]).split(",")
    return markup(
        f'<svg width="150" height="30" viewBox="0 0 150 30" class="s-{tone}" role="img" aria-label="{escape(words)}">'
        f'<line class="v-zero" x1="0" x2="150" y1="26" y2="26"/><polygon class="v-area" points="2,26 {line} {x},26"/>'
        f'<polyline class="v-line" points="{line}"/><circle class="v-dot" cx="{x}" cy="{y}" r="3"/></svg>'
    )


# ---- risks


@dataclass(frozen=True)
class Cell:
    """A square of the 5 × 5 matrix and the risks in it."""

    heat: str
    risks: list[Risk]


def risk_matrix(risks: Sequence[Risk]) -> list[tuple[int, list[Cell]]]:
    """Rows from likelihood 5 down to 1, each with its five cells by impact; risks without scores are left out."""
    steps = (4, 9, 12, 16)
    return [
        (
            likelihood,
            [
                Cell(
                    ("h0", "h2", "h3", "h4", "h5")[sum(likelihood * impact > step for step in steps)],
                    [r for r in risks if (r.likelihood_score, r.impact_score) == (likelihood, impact)],
                )
                for impact in range(1, 6)
            ],
        )
        for likelihood in range(5, 0, -1)
    ]
