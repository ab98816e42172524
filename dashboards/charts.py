"""Rows to SVG. Geometry is in attributes, colour in classes: no style attribute anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.html import escape
from django.utils.safestring import SafeString

from dashboards.templatetags.words import MINUS


def _svg(markup: str) -> SafeString:
    """Markup made here of numbers, our own words and escaped text."""
    return SafeString(markup)


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def day_name(on: date) -> str:
    return f"{on:%-d %b %Y}"


def signed(days: int) -> str:
    return f"+{days} d" if days > 0 else f"{MINUS}{-days} d" if days < 0 else "0 d"


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
    end = min(max(most + timedelta(days=20), start + timedelta(days=183)), start + timedelta(days=548))
    return Axis(start, end, width)


def axis_head(axis: Axis) -> SafeString:
    """Month letters of the column heading, or quarters when months would touch."""
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
            labels.append(f'<text class="v-text" x="{_n(middle)}" y="10" text-anchor="middle">{text}</text>')
    box = f'width="{_n(axis.width)}" height="14" viewBox="0 0 {_n(axis.width)} 14"'
    return _svg(f'<svg {box} aria-hidden="true">{"".join(labels)}</svg>')


def axis_grid(axis: Axis, today: date) -> str:
    """Month lines and today, the same in every row."""
    months = month_starts(axis.start, axis.end)
    firsts = [m for m in months if len(months) <= 11 or m.month % 3 == 1]
    lines = (f'<line class="v-grid" x1="{_n(x)}" x2="{_n(x)}" y1="-8" y2="48"/>' for x in map(axis.x, firsts))
    now = _n(axis.x(today))
    return "".join(lines) + f'<line class="v-today" x1="{now}" x2="{now}" y1="-8" y2="48"/>'


def forecast_row(axis: Axis, grid: str, tone: str, target: date | None, finish: date | None) -> SafeString:
    """Forecast finish against target on the shared axis; what lies outside it is drawn as an arrow at its edge."""
    words = f"Target {day_name(target)}, " if target else "No target, "
    words += f"forecast {day_name(finish)}" if finish else "no forecast yet"
    marks = []
    if target and finish:
        a, b = sorted((axis.clamp(target), axis.clamp(finish)))
        if b - a > 1:
            marks.append(f'<line class="v-band" x1="{_n(a)}" x2="{_n(b)}" y1="21" y2="21"/>')
    if target and axis.has(target):
        x = _n(axis.x(target))
        marks.append(f'<line class="v-target" x1="{x}" x2="{x}" y1="8" y2="29"/>')
        marks.append(f'<path class="v-target-flag" d="M{x} 8h6l-1.8 2.3 1.8 2.3h-6z"/>')
    elif target:
        marks.append(_beyond("v-target-flag", axis, target, 11))
    if finish and axis.has(finish):
        marks.append(f'<circle class="v-dot" cx="{_n(axis.x(finish))}" cy="21" r="4.5"/>')
    elif finish:
        marks.append(_beyond("v-dot", axis, finish, 21))
    box = f'width="{_n(axis.width)}" height="40" viewBox="0 0 {_n(axis.width)} 40"'
    return _svg(f'<svg {box} class="s-{tone}" role="img" aria-label="{words}">{grid}{"".join(marks)}</svg>')


def _beyond(css: str, axis: Axis, on: date, y: int) -> str:
    later = on > axis.end
    x, way = (axis.left + axis.width - 7, "l6 4.5-6 4.5z") if later else (axis.left + 7, "l-6 4.5 6 4.5z")
    return f'<path class="{css}" d="M{_n(x)} {y - 4.5}{way}"><title>{day_name(on)}</title></path>'


def sparkline(points: Sequence[tuple[date, int]], tone: str, what: str = "Slip") -> SafeString:
    """Slip by week, oldest first, over its zero line."""
    if len(points) < 2:
        return _svg('<span class="muted small">too young</span>')
    values = [value for _, value in points]
    low, high = min(0, *values), max(0, *values)
    scale = 18 / (high - low or 1)
    first, last = points[0][0], points[-1][0]
    span = max(1, (last - first).days)

    def y(value: float) -> str:
        return _n(22 - (value - low) * scale)

    line = " ".join(f"{_n(2 + (day - first).days / span * 68)},{y(value)}" for day, value in points)
    weeks = round(span / 7)
    ago = f"{weeks} week{'s' if weeks != 1 else ''} ago"
    return _svg(
        f'<svg width="76" height="26" viewBox="0 0 76 26" class="s-{tone}" role="img" '
        f'aria-label="{escape(what)} {signed(values[0])} {ago}, {signed(values[-1])} now">'
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
        rects.append(f'<rect class="v-fill s-{tone}" x="{_n(x)}" y="0" width="{_n(wide)}" height="10" rx="2"/>')
        x += wide + 2
    if not parts:
        rects = [f'<rect class="v-row" x="0" y="0" width="{width}" height="10" rx="2"/>']
    says = f'role="img" aria-label="{escape(label)}"' if label else 'aria-hidden="true"'
    box = f'width="100%" height="10" viewBox="0 0 {width} 10" preserveAspectRatio="none"'
    return _svg(f"<svg {box} {says}>{''.join(rects)}</svg>")
