"""Rows to SVG. Geometry is in attributes, colour in classes: no style attribute anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.html import escape
from django.utils.safestring import SafeString

from dashboards.templatetags.words import MINUS
from risks.models import Risk


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
    shortest, longest = start + timedelta(days=183), start + timedelta(days=548)
    # A target in the year 9999 has no day after it.
    end = min(max(min(most, longest) + timedelta(days=20), shortest), longest)
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


# ---- the roadmap of one program

WIDTH, LABELS, ROW, HEAD, MOST_ROWS = 1118, 262, 28, 46, 60
OTHERS = "Other milestones"


@dataclass(frozen=True)
class Mark:
    """A milestone as the roadmap draws it."""

    pk: int
    name: str
    group: str
    tag: str
    tone: str
    finish_on: date | None
    reference_on: date | None
    slip: int | None
    done: bool
    critical: bool


def roadmap(
    marks: Sequence[Mark], links: Sequence[tuple[int, int]], today: date, target: date | None, name: str
) -> SafeString:
    """Milestones by workstream against their target or baseline; links between them, the critical ones in red."""
    marks = [mark for mark in marks if mark.finish_on][:MOST_ROWS]
    days = [day for mark in marks for day in (mark.finish_on, mark.reference_on) if day] + [today]
    start, end = _span(days + ([target] if target else []), today)
    axis = Axis(start, end, WIDTH - LABELS - 110, LABELS + 14)
    place: dict[int, tuple[Mark, float, float]] = {}
    bands, rows, y, group = [], [], float(HEAD), ""
    for mark in marks:
        if mark.group != group:
            group = mark.group
            bands.append(f'<rect class="v-row" x="0" y="{_n(y)}" width="{WIDTH}" height="{ROW}"/>')
            name_at = f'x="10" y="{_n(y + 18)}"'
            rows.append(f'<text class="v-strong v-bold" {name_at}>{escape(_cut(group or OTHERS, 60))}</text>')
            y += ROW
        middle = y + ROW / 2
        place[mark.pk] = (mark, axis.clamp(mark.finish_on or today), middle)
        rows.append(_row(mark, axis, middle))
        y += ROW
    height = y + 6
    lines = [_link(place[a], place[b]) for a, b in links if a in place and b in place]
    return _svg(
        f'<svg width="{WIDTH}" height="{_n(height)}" viewBox="0 0 {WIDTH} {_n(height)}" role="img" '
        f'aria-labelledby="roadmap-title roadmap-text"><title id="roadmap-title">Roadmap of {escape(name)}</title>'
        f'<desc id="roadmap-text">{len(marks)} milestones from {start:%B %Y} to {end:%B %Y}, each against its target '
        f"or baseline. The table below has the same days.</desc><defs>{_arrow('arrow', '')}"
        f"{_arrow('arrow-critical', ' crit')}</defs>{''.join(bands)}{_calendar(axis, height)}"
        f"{_flags(axis, height, today, target)}{''.join(lines)}{''.join(rows)}</svg>"
    )


def _span(days: Sequence[date], today: date) -> tuple[date, date]:
    """From the first day to the last with some air, at most a year back and two ahead."""
    first, last = max(min(days), today - timedelta(days=365)), min(max(days), today + timedelta(days=730))
    air = timedelta(days=max(10, (last - first).days // 25))
    return first - air, last + air


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _arrow(name: str, css: str) -> str:
    box = 'viewBox="0 0 8 8" refX="6.5" refY="4" markerWidth="7" markerHeight="7" markerUnits="userSpaceOnUse"'
    return f'<marker id="{name}" {box} orient="auto"><path class="v-head{css}" d="M0 .5 7 4 0 7.5z"/></marker>'


def _calendar(axis: Axis, height: float) -> str:
    """Lines and names of months, as many as have room."""
    months = month_starts(axis.start, axis.end)
    step = next(step for step in (1, 2, 3, 6, 12) if len(months) / step * 62 <= axis.width or step == 12)
    drawn = []
    for first in months:
        if (first.month - 1) % step:
            continue
        x, text = axis.x(first), f"{first:%b %Y}" if first.month == 1 or first == months[0] else f"{first:%b}"
        drawn.append(f'<line class="v-grid" x1="{_n(x)}" x2="{_n(x)}" y1="32" y2="{_n(height)}"/>')
        drawn.append(f'<text class="v-text-2" x="{_n(x + 5)}" y="28">{text}</text>')
    edge = f'<line class="v-axis" x1="{LABELS}" x2="{WIDTH}" y1="{HEAD - 1}" y2="{HEAD - 1}"/>'
    return "".join(drawn) + edge


def _flags(axis: Axis, height: float, today: date, target: date | None) -> str:
    x = axis.x(today)
    drawn = (
        f'<line class="v-today" x1="{_n(x)}" x2="{_n(x)}" y1="14" y2="{_n(height)}"/>'
        f'<text class="v-today-text" x="{_n(x)}" y="11" text-anchor="middle">Today, {today:%-d %b}</text>'
    )
    if target and axis.has(target):
        x = axis.x(target)
        near = abs(x - axis.x(today)) < 110 and x < axis.x(today)
        anchor, at = ("end", x - 12) if near else ("start", x + 11)
        drawn += (
            f'<line class="v-target" x1="{_n(x)}" x2="{_n(x)}" y1="4" y2="{_n(height)}" opacity=".55"/>'
            f'<path class="v-target-flag" d="M{_n(x)} 4h8l-2.4 3 2.4 3h-8z"/>'
            f'<text class="v-strong" x="{_n(at)}" y="11" text-anchor="{anchor}">Target {target:%-d %b}</text>'
        )
    return drawn


def _diamond(x: float, y: float, size: float, css: str) -> str:
    s = _n(size)
    return f'<path class="{css}" d="M{_n(x)} {_n(y - size)}l{s} {s}-{s} {s}-{s}-{s}z"/>'


def _row(mark: Mark, axis: Axis, y: float) -> str:
    """A milestone's line: name, slip, ghost of its reference, its day."""
    finish = mark.finish_on
    if finish is None:
        return ""
    x = axis.clamp(finish)
    drawn = [f'<text class="v-strong" x="10" y="{_n(y + 4)}">{escape(_cut(mark.name, 22 if mark.tag else 29))}</text>']
    if mark.tag:
        drawn.append(f'<text class="v-text" x="176" y="{_n(y + 4)}">{escape(_cut(mark.tag, 7))}</text>')
    if mark.slip is not None:
        drawn.append(f'<text class="v-text-2" x="252" y="{_n(y + 4)}" text-anchor="end">{signed(mark.slip)}</text>')
    if mark.reference_on and mark.reference_on != finish:
        ghost = axis.clamp(mark.reference_on)
        if abs(ghost - x) > 12:
            drawn.append(f'<line class="v-slip" x1="{_n(ghost)}" x2="{_n(x)}" y1="{_n(y)}" y2="{_n(y)}"/>')
        drawn.append(_diamond(ghost, y, 5, "v-ghost"))
    body = _diamond(x, y, 7, "v-diamond")
    if mark.done:
        body += f'<path class="v-check" d="M{_n(x - 2.6)} {_n(y + 0.2)}l1.9 1.9 3.3-4"/>'
    drawn.append(f'<g class="s-{mark.tone}">{body}</g>')
    beyond = "" if axis.has(finish) else "‹ " if finish < axis.start else "› "
    year = f" {finish:%Y}" if beyond else ""
    ghost_right = mark.reference_on and axis.clamp(mark.reference_on) > x and axis.clamp(mark.reference_on) - x < 90
    at = axis.clamp(mark.reference_on) + 11 if mark.reference_on and ghost_right else x + 13
    label = f"{beyond}{'Done ' if mark.done else ''}{finish:%-d %b}{year}"
    drawn.append(f'<text class="v-text-2" x="{_n(at)}" y="{_n(y + 4)}">{label}</text>')
    return "".join(drawn)


def _link(giver: tuple[Mark, float, float], taker: tuple[Mark, float, float]) -> str:
    """From a milestone down or up to the row of the one that waits, then across to it."""
    (one, x1, y1), (other, x2, y2) = giver, taker
    critical = one.critical and other.critical
    down = 1 if y2 > y1 else -1
    if abs(x2 - x1) < 3:
        path = f"M{_n(x1)} {_n(y1 + 8 * down)}V{_n(y2 - 9 * down)}"
    else:
        path = f"M{_n(x1)} {_n(y1 + 8 * down)}V{_n(y2 - 14 * down)}H{_n(x2)}V{_n(y2 - 9 * down)}"
    css, head = ("v-dep crit", "arrow-critical") if critical else ("v-dep", "arrow")
    return f'<path class="{css}" d="{path}" marker-end="url(#{head})"/>'


def trend(points: Sequence[tuple[date, float]], tone: str, words: str) -> SafeString:
    """Measurements of one KPI, oldest first."""
    if len(points) < 2:
        return _svg("")
    values = [value for _, value in points]
    low, high = min(values), max(values)
    first, span = points[0][0], max(1, (points[-1][0] - points[0][0]).days)

    def at(day: date, value: float) -> str:
        return f"{_n(2 + (day - first).days / span * 142)},{_n(26 - (value - low) / ((high - low) or 1) * 22)}"

    line = " ".join(at(day, value) for day, value in points)
    x, y = at(*points[-1]).split(",")
    return _svg(
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
