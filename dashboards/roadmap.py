"""The roadmap of one program as SVG: milestones by workstream from P50 to P80, against their baseline or target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.html import escape
from django.utils.safestring import SafeString

from dashboards.charts import Axis, markup, month_starts, signed, whisker
from dashboards.charts import pixels as n

WIDTH, LABELS, ROW, HEAD, MOST_ROWS = 1118, 262, 28, 46, 60
OTHERS = "Other milestones"
LETTER = 5.7  # pixels that a letter of a label takes, about


@dataclass(frozen=True)
class Mark:
    """A milestone as the roadmap draws it. ``finish_on`` is the day it was done, else its P50."""

    pk: int
    name: str
    group: str
    tag: str
    tone: str
    finish_on: date | None
    p80_on: date | None
    reference_on: date | None
    slip: int | None
    done: bool
    critical: bool
    driven_by: int | None = None

    @property
    def last_on(self) -> date | None:
        return self.p80_on or self.finish_on

    @property
    def label(self) -> str:
        """“Done 18 Sep”, “4 Dec to 16 Dec”, or one day where nothing is uncertain."""
        if self.finish_on is None:
            return ""
        if self.done:
            return f"Done {self.finish_on:%-d %b}"
        if self.p80_on is None or self.p80_on <= self.finish_on:
            return f"{self.finish_on:%-d %b}"
        return f"{self.finish_on:%-d %b} to {self.p80_on:%-d %b}"


@dataclass(frozen=True)
class Place:
    """Where a milestone is drawn."""

    mark: Mark
    x: float
    y: float


def draw(
    marks: Sequence[Mark], links: Sequence[tuple[int, int]], today: date, target: date | None, name: str, finding: str
) -> SafeString:
    """Milestones by workstream against their baseline or target; links between them, the critical ones in red."""
    marks = [mark for mark in marks if mark.finish_on][:MOST_ROWS]
    days = [day for mark in marks for day in (mark.finish_on, mark.p80_on, mark.reference_on) if day] + [today]
    start, end = _span(days + ([target] if target else []), today)
    axis = Axis(start, end, WIDTH - LABELS - 140, LABELS + 14)
    places: dict[int, Place] = {}
    bands, rows, y, group = [], [], float(HEAD), ""
    for mark in marks:
        if mark.group != group:
            group = mark.group
            bands.append(f'<rect class="v-row" x="0" y="{n(y)}" width="{WIDTH}" height="{ROW}"/>')
            name_at = f'x="10" y="{n(y + 18)}"'
            rows.append(f'<text class="v-strong v-bold" {name_at}>{escape(_cut(group or OTHERS, 60))}</text>')
            y += ROW
        place = Place(mark, axis.clamp(mark.finish_on or today), y + ROW / 2)
        places[mark.pk] = place
        rows.append(_row(place, axis))
        y += ROW
    height = y + 6
    lines = [_link(places[a], places[b]) for a, b in links if a in places and b in places]
    return markup(
        f'<svg width="{WIDTH}" height="{n(height)}" viewBox="0 0 {WIDTH} {n(height)}" role="img" '
        f'aria-labelledby="roadmap-title roadmap-text"><title id="roadmap-title">Roadmap of {escape(name)}</title>'
        f'<desc id="roadmap-text">{escape(finding)} {len(marks)} milestones from {start:%B %Y} to {end:%B %Y}; the '
        f"table below has the same days.</desc><defs>{_arrow('arrow', '')}"
        f"{_arrow('arrow-critical', ' crit')}</defs>{''.join(bands)}{_calendar(axis, height)}"
        f'<text class="v-text" x="252" y="28" text-anchor="end">P50 against baseline</text>'
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
        drawn.append(f'<line class="v-grid" x1="{n(x)}" x2="{n(x)}" y1="32" y2="{n(height)}"/>')
        drawn.append(f'<text class="v-text-2" x="{n(x + 5)}" y="28">{text}</text>')
    edge = f'<line class="v-axis" x1="{LABELS}" x2="{WIDTH}" y1="{HEAD - 1}" y2="{HEAD - 1}"/>'
    return "".join(drawn) + edge


def _flags(axis: Axis, height: float, today: date, target: date | None) -> str:
    x = axis.x(today)
    # The words beside the target's flag need room where the two days are close.
    anchor, at = ("end", x + 4) if target and 0 <= axis.x(target) - x < 50 else ("middle", x)
    drawn = (
        f'<line class="v-today" x1="{n(x)}" x2="{n(x)}" y1="14" y2="{n(height)}"/>'
        f'<text class="v-today-text" x="{n(at)}" y="11" text-anchor="{anchor}">Today, {today:%-d %b}</text>'
    )
    if target and axis.has(target):
        x = axis.x(target)
        near = abs(x - axis.x(today)) < 110 and x < axis.x(today)
        anchor, at = ("end", x - 12) if near else ("start", x + 11)
        drawn += (
            f'<line class="v-target" x1="{n(x)}" x2="{n(x)}" y1="4" y2="{n(height)}" opacity=".55"/>'
            f'<path class="v-target-flag" d="M{n(x)} 4h8l-2.4 3 2.4 3h-8z"/>'
            f'<text class="v-strong" x="{n(at)}" y="11" text-anchor="{anchor}">Target {target:%-d %b}</text>'
        )
    return drawn


def _diamond(x: float, y: float, size: float, css: str) -> str:
    s = n(size)
    return f'<path class="{css}" d="M{n(x)} {n(y - size)}l{s} {s}-{s} {s}-{s}-{s}z"/>'


def _row(place: Place, axis: Axis) -> str:
    """A milestone's line: name, slip, ghost of its baseline, P50 to P80 and both in words."""
    mark, x, y = place.mark, place.x, place.y
    finish, last = mark.finish_on, mark.last_on
    if finish is None or last is None:
        return ""
    drawn = [f'<text class="v-strong" x="10" y="{n(y + 4)}">{escape(_cut(mark.name, 22 if mark.tag else 29))}</text>']
    if mark.tag:
        drawn.append(f'<text class="v-text" x="176" y="{n(y + 4)}">{escape(_cut(mark.tag, 7))}</text>')
    if mark.slip is not None:
        drawn.append(f'<text class="v-text-2" x="252" y="{n(y + 4)}" text-anchor="end">{signed(mark.slip)}</text>')
    right = axis.clamp(last) + (6 if last > finish else 11)
    if mark.reference_on and mark.reference_on != finish:
        ghost = axis.clamp(mark.reference_on)
        if abs(ghost - x) > 12:
            drawn.append(f'<line class="v-slip" x1="{n(ghost)}" x2="{n(x)}" y1="{n(y)}" y2="{n(y)}"/>')
        drawn.append(_diamond(ghost, y, 5, "v-ghost"))
        if right - 12 < ghost < right + len(mark.label) * LETTER + 12:
            right = ghost + 9
    body = _diamond(x, y, 7, "v-diamond")
    if mark.done:
        body += f'<path class="v-check" d="M{n(x - 2.6)} {n(y + 0.2)}l1.9 1.9 3.3-4"/>'
    band = "" if mark.done else whisker(axis, finish, last, y)
    drawn.append(f'<g class="s-{mark.tone}">{band}{body}</g>')
    beyond = "" if axis.has(finish) else "‹ " if finish < axis.start else "› "
    label = f"{beyond}{mark.label}{f' {finish:%Y}' if beyond else ''}"
    # Lines of links and of the target run behind the words.
    drawn.append(
        f'<rect class="v-surface" x="{n(right)}" y="{n(y - 8)}" width="{n(len(label) * LETTER + 6)}" height="16" '
        f'opacity=".85"/><text class="v-text-2" x="{n(right + 3)}" y="{n(y + 4)}">{label}</text>'
    )
    return "".join(drawn)


def _link(giver: Place, taker: Place) -> str:
    """From a milestone down or up to the row of the one that waits, then across to it."""
    x1, y1, x2, y2 = giver.x, giver.y, taker.x, taker.y
    critical = taker.mark.critical and taker.mark.driven_by == giver.mark.pk
    down = 1 if y2 > y1 else -1
    if abs(x2 - x1) < 3:
        path = f"M{n(x1)} {n(y1 + 8 * down)}V{n(y2 - 9 * down)}"
    else:
        path = f"M{n(x1)} {n(y1 + 8 * down)}V{n(y2 - 14 * down)}H{n(x2)}V{n(y2 - 9 * down)}"
    css, head = ("v-dep crit", "arrow-critical") if critical else ("v-dep", "arrow")
    return f'<path class="{css}" d="{path}" marker-end="url(#{head})"/>'
