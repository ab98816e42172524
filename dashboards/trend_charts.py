"""Drawings of how forecasts moved and how often they came true. Rows in, SVG out, as in dashboards/charts.py."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from math import atan2, degrees

from django.utils.html import escape
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from dashboards.charts import Axis, month_starts
from dashboards.lettering import SMALL, cut
from dashboards.templatetags.words import written

WIDTH, HEIGHT = 860, 560
LEFT, TOP, BOTTOM, PLOT = 78, 16, 520, 614
LABEL, LABEL_GAP, DONE_GAP = 14, 30, 16
NAMES, DONE = WIDTH - LEFT - PLOT - LABEL, 40  # room of a name at the end of its line, and of “, done” after it
SQUARE = 420  # of the plots whose axes both go from 0 to 100 %


def _svg(markup: str) -> SafeString:
    """Markup made here of numbers, our own words and escaped text."""
    return SafeString(markup)


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _day(on: date) -> str:
    return written(on, "j M")


@dataclass(frozen=True)
class Path:
    """A milestone's line: (report day, forecast day) oldest first; of the end milestone also the days of a band."""

    name: str
    tone: str
    points: Sequence[tuple[date, date]]
    note: str
    done: bool = False
    band: Sequence[tuple[date, date, date]] = ()
    band_note: str = ""


@dataclass(frozen=True)
class _Plane:
    """Report days to the right, forecast days upwards."""

    x: Callable[[date], float]
    y: Callable[[date], float]
    first: date
    newest: date
    last: date  # a little after the newest report
    low: date
    high: date

    def line(self, points: Sequence[tuple[date, date]]) -> str:
        return " ".join(f"{_n(self.x(report))},{_n(self.y(forecast))}" for report, forecast in points)


def milestone_trend(paths: Sequence[Path], target: date | None, words: str) -> SafeString:
    """Forecast date by report date; `words` say the finding."""
    points = [point for path in paths for point in path.points]
    band = [(report, edge) for path in paths for report, *edges in path.band for edge in edges]
    plane = _plane([*points, *band], [target] if target else [])
    drawn = "".join(_path(plane, path, shape) for path, shape in zip(paths, _shapes(len(paths)), strict=True))
    return _frame(plane, _target(plane, target) + drawn + _names(plane, paths), words)


def forecast_range(
    reports: Sequence[tuple[date, date, date, date, date]], target: date | None, tone: str, words: str
) -> SafeString:
    """A fan of (report day, P10, P50, P80, P90) by report date."""
    plane = _plane([(day, edge) for day, *edges in reports for edge in edges], [target] if target else [])

    def area(low: int, high: int) -> str:
        there = [(row[0], row[low]) for row in reports]
        back = [(row[0], row[high]) for row in reversed(reports)]
        return f'<polygon class="v-area" points="{plane.line([*there, *back])}"/>'

    last = reports[-1]
    x = plane.x(last[0])
    heights = _spread([plane.y(edge) + 4 for edge in last[1:]], 15)
    names = "".join(
        f'<text class="{"v-strong" if name == "P50" else "v-text-2"}" x="{_n(x + LABEL)}" y="{_n(y)}">'
        f"{name} {_day(edge)}</text>"
        for name, edge, y in zip(("P10", "P50", "P80", "P90"), last[1:], heights, strict=True)
    )
    middle = [(row[0], row[2]) for row in reports]
    fan = (
        f'<g class="s-{tone}">{area(1, 4)}{area(2, 3)}<polyline class="v-line bold" points="{plane.line(middle)}"/>'
        f"{_marks(plane, middle, 'circle')}{names}</g>"
    )
    return _frame(plane, _target(plane, target) + fan, words)


def _frame(plane: _Plane, markup: str, words: str) -> SafeString:
    """The drawing over its grid, and its forecast days once more: on a phone they stay in sight beside it."""
    box, days = f'width="100%" viewBox="0 0 {WIDTH} {HEIGHT}"', _days(plane)
    return _svg(
        f'<svg {box} role="img" aria-label="{escape(words)}">{_ground(plane)}{days}{markup}</svg>'
        f'<svg class="plot-days" viewBox="0 0 {LEFT} {HEIGHT}" aria-hidden="true">{days}</svg>'
    )


def _days(plane: _Plane) -> str:
    return "".join(
        f'<text class="v-text" x="{LEFT - 8}" y="{_n(plane.y(on) + 4)}" text-anchor="end">{_tick_name(on)}</text>'
        for on in _ticks(plane.low, plane.high, 9)
    )


def _plane(points: Sequence[tuple[date, date]], more: Sequence[date]) -> _Plane:
    reports, forecasts = [report for report, _ in points], [*(forecast for _, forecast in points), *more]
    first, newest = min(reports), max(reports)
    last = _shifted(newest, max(7, (newest - first).days // 14))
    air = max(7, (max(forecasts) - min(forecasts)).days // 12)
    low, high = _shifted(min(forecasts), -air), _shifted(max(forecasts), air)
    across, up = Axis(first, last, PLOT, LEFT), Axis(low, high, BOTTOM - TOP)
    return _Plane(across.x, lambda on: BOTTOM - up.x(on), first, newest, last, low, high)


def _shifted(on: date, days: int) -> date:
    """A day so much later or earlier, as far as there are days."""
    return date.fromordinal(min(max(on.toordinal() + days, 1), date.max.toordinal()))


def _ticks(start: date, end: date, most: int) -> list[date]:
    """Firsts of months, as many as have room; of a short span, its own first day."""
    months = month_starts(start, end) or [start]
    step = next((step for step in (1, 2, 3, 6, 12) if len(months) / step <= most), 12 * (1 + len(months) // 12 // most))
    return [first for at, first in enumerate(months) if (at if step > 12 else first.month - 1) % step == 0] or months[
        :1
    ]


def _tick_name(on: date) -> str:
    return written(on, "j M Y") if on.month == 1 else _day(on)


def _ground(plane: _Plane) -> str:
    """The grid, and the edge where a milestone is done: report and forecast are the same day."""
    right = LEFT + PLOT
    drawn = _edge(plane)
    for on in _ticks(plane.low, plane.high, 9):
        y = _n(plane.y(on))
        drawn += f'<line class="v-grid" x1="{LEFT}" x2="{right}" y1="{y}" y2="{y}"/>'
    for on in _ticks(plane.first, plane.last, 7):
        x = _n(plane.x(on))
        drawn += f'<line class="v-grid" x1="{x}" x2="{x}" y1="{TOP}" y2="{BOTTOM}"/>'
        drawn += f'<text class="v-text" x="{x}" y="{BOTTOM + 20}" text-anchor="middle">{_tick_name(on)}</text>'
    middle = LEFT + PLOT / 2
    words = escape(_("Report date"))
    return drawn + f'<text class="v-text" x="{_n(middle)}" y="{BOTTOM + 36}" text-anchor="middle">{words}</text>'


def _edge(plane: _Plane) -> str:
    begin, end = max(plane.first, plane.low), min(plane.last, plane.high)
    if begin >= end:
        return ""
    x1, y1, x2, y2 = plane.x(begin), plane.y(begin), plane.x(end), plane.y(end)
    path = f"M{_n(x1)} {BOTTOM}V{_n(y1)}L{_n(x2)} {_n(y2)}V{BOTTOM}z"
    drawn = f'<path class="v-row" d="{path}"/>'
    drawn += f'<line class="v-axis" x1="{_n(x1)}" y1="{_n(y1)}" x2="{_n(x2)}" y2="{_n(y2)}"/>'
    if x2 - x1 < 200:
        return drawn
    angle = -degrees(atan2(y1 - y2, x2 - x1))
    x, y = x1 + (x2 - x1) * 0.12, y1 + (y2 - y1) * 0.12
    place = f'transform="translate({_n(x)} {_n(y - 6)}) rotate({_n(angle)})"'
    words = escape(_("Done when a line meets this edge"))
    return drawn + f'<text class="v-text" {place}>{words}</text>'


def _target(plane: _Plane, target: date | None) -> str:
    if target is None:
        return ""
    y, right = plane.y(target), plane.x(plane.newest)
    words = escape(_("Target %(day)s") % {"day": _day(target)})
    return (
        f'<line class="v-target" x1="{LEFT}" x2="{_n(right)}" y1="{_n(y)}" y2="{_n(y)}" opacity=".5"/>'
        f'<path class="v-target-flag" d="M{LEFT + 4} {_n(y + 5)}h9l-2.7 3.5 2.7 3.5h-9z"/>'
        f'<text class="v-strong" x="{LEFT + 17}" y="{_n(y + 15)}">{words}</text>'
    )


def _shapes(count: int) -> list[str]:
    return [("circle", "diamond", "square", "triangle")[at % 4] for at in range(count)]


def _path(plane: _Plane, path: Path, shape: str) -> str:
    drawn = ""
    if path.band:
        there, back = [row[:2] for row in path.band], [(row[0], row[2]) for row in reversed(path.band)]
        drawn = f'<polygon class="v-area" points="{plane.line([*there, *back])}"/>'
    css = "v-line bold" if path.band else "v-line"
    drawn += f'<polyline class="{css}" points="{plane.line(path.points)}"/>'
    return f'<g class="s-{path.tone}">{drawn}{_marks(plane, path.points, shape)}</g>'


def _marks(plane: _Plane, points: Sequence[tuple[date, date]], shape: str) -> str:
    """Every second report, counted from the last, which is larger."""
    marks = []
    for back, (report, forecast) in enumerate(reversed(points)):
        if back % 2 == 0:
            marks.append(_mark(shape, plane.x(report), plane.y(forecast), 2.6 if back else 4.5))
    return "".join(marks)


def _mark(shape: str, x: float, y: float, size: float) -> str:
    s, big = _n(size), size * 1.25
    if shape == "circle":
        return f'<circle class="v-dot" cx="{_n(x)}" cy="{_n(y)}" r="{s}"/>'
    if shape == "square":
        side = _n(2 * size)
        return f'<rect class="v-dot" x="{_n(x - size)}" y="{_n(y - size)}" width="{side}" height="{side}" rx="1"/>'
    if shape == "triangle":
        return f'<path class="v-dot" d="M{_n(x)} {_n(y - big)}l{_n(big)} {_n(1.6 * big)}h-{_n(2 * big)}z"/>'
    d = _n(big)
    return f'<path class="v-diamond" d="M{_n(x)} {_n(y - big)}l{d} {d}-{d} {d}-{d}-{d}z"/>'


def _names(plane: _Plane, paths: Sequence[Path]) -> str:
    """Names at the ends of the lines, pushed apart where they would touch; open ones stand in a column."""
    ahead, done = [path for path in paths if not path.done], [path for path in paths if path.done]
    drawn = []
    for path, height in zip(
        ahead, _spread([plane.y(path.points[-1][1]) + 1 for path in ahead], LABEL_GAP), strict=True
    ):
        beside = _n(plane.x(path.points[-1][0]) + LABEL)
        drawn.append(f'<text class="v-strong" x="{beside}" y="{_n(height)}">{escape(cut(path.name, NAMES))}</text>')
        drawn.append(f'<text class="v-text" x="{beside}" y="{_n(height + 13)}">{escape(path.note)}</text>')
        if path.band:
            top = min(plane.y(path.band[-1][2]) + 4, height - 14)
            drawn.append(f'<text class="v-text-2" x="{beside}" y="{_n(top)}">{escape(path.band_note)}</text>')
    for path, height in zip(done, _spread([plane.y(path.points[-1][1]) + 12 for path in done], DONE_GAP), strict=True):
        x = plane.x(path.points[-1][0]) + 10
        words = escape(_("%(name)s, done") % {"name": cut(path.name, min(NAMES, WIDTH - x - DONE), SMALL)})
        drawn.append(f'<text class="v-text-2" x="{_n(x)}" y="{_n(height)}">{words}</text>')
    return "".join(drawn)


def _spread(wanted: Sequence[float], gap: float) -> list[float]:
    """Heights no nearer to each other than a gap, each as near as that allows to where it is wanted."""
    order = sorted(range(len(wanted)), key=lambda at: wanted[at])
    found = list(wanted)
    for above, below in pairwise(order):
        found[below] = max(found[below], found[above] + gap)
    # What does not fit above the lower edge moves up, and pushes what is above it.
    floor = float(BOTTOM)
    for at in reversed(order):
        found[at] = min(found[at], floor)
        floor = found[at] - gap
    return found


# ---- accuracy


def share_bar(level: float, share: float, low: float, high: float, tone: str) -> SafeString:
    """A share between 0 and 100 % with its band, and where it should be."""
    width, y = 300.0, 14

    def x(value: float) -> str:
        return _n(4 + value * (width - 8))

    shares = {
        name: f"{value:.0%}" for name, value in (("share", share), ("low", low), ("high", high), ("level", level))
    }
    words = escape(_("%(share)s of the milestones, band %(low)s to %(high)s, should be %(level)s") % shares)
    return _svg(
        f'<svg width="100%" viewBox="0 0 {_n(width)} 30" class="s-{tone}" role="img" aria-label="{words}">'
        f'<line class="v-axis" x1="{x(0)}" x2="{x(1)}" y1="{y}" y2="{y}"/>'
        f'<line class="v-band" x1="{x(low)}" x2="{x(high)}" y1="{y}" y2="{y}"/>'
        f'<line class="v-target" x1="{x(level)}" x2="{x(level)}" y1="3" y2="25"/>'
        f'<circle class="v-dot" cx="{x(share)}" cy="{y}" r="5"/></svg>'
    )


def reliability(points: Sequence[tuple[float, float, float, float, int]], words: str) -> SafeString:
    """(chance, share, low, high, forecasts) against the diagonal on which chances mean what they say."""
    most = max((count for *_, count in points), default=1)
    drawn = [_unit_grid(_("Chance of target, as forecast"), _("Targets met"))]
    line = " ".join(f"{_n(_px(chance))},{_n(_py(share))}" for chance, share, *_ in points)
    drawn.append(f'<g class="s-done"><polyline class="v-line" points="{line}"/>')
    for chance, share, low, high, count in points:
        x = _n(_px(chance))
        drawn.append(f'<line class="v-cap" x1="{x}" x2="{x}" y1="{_n(_py(low))}" y2="{_n(_py(high))}" opacity=".4"/>')
        radius = _n(3.5 + 5 * (count / most) ** 0.5)
        drawn.append(f'<circle class="v-dot" cx="{x}" cy="{_n(_py(share))}" r="{radius}"/>')
    return _square("".join([*drawn, "</g>"]), words)


def pit_bars(shares: Sequence[float], words: str) -> SafeString:
    """A histogram of PITs; the line is where all bars end when forecasts mean what they say."""
    high = max([*shares, 2 / len(shares)]) * 1.1
    wide = SQUARE / len(shares)
    bars, middle = [], []
    for at, share in enumerate(shares):
        tall = share / high * SQUARE
        x, y = _px(0) + at * wide, _py(0) - tall
        bars.append(
            f'<rect class="v-fill" x="{_n(x + 2)}" y="{_n(y)}" width="{_n(wide - 4)}" height="{_n(tall)}" rx="2"/>'
        )
        middle.append(
            f'<text class="v-text-2" x="{_n(x + wide / 2)}" y="{_n(y - 6)}" text-anchor="middle">{share:.0%}</text>'
        )
    level, line = _py(0) - SQUARE / len(shares) / high, escape(_("even"))
    even = _n(level)
    ticks = "".join(
        f'<text class="v-text" x="{_n(_px(part / 4))}" y="{_n(_py(0) + 18)}" text-anchor="middle">P{part * 25}</text>'
        for part in range(5)
    )
    ground = (
        f'<line class="v-axis" x1="{_n(_px(0))}" x2="{_n(_px(1))}" y1="{_n(_py(0))}" y2="{_n(_py(0))}"/>{ticks}'
        f'<g class="s-done">{"".join(bars)}</g>{"".join(middle)}'
        f'<line class="v-target" x1="{_n(_px(0))}" x2="{_n(_px(1))}" y1="{even}" y2="{even}" opacity=".6"/>'
        f'<text class="v-strong" x="{_n(_px(0) - 8)}" y="{_n(level + 4)}" text-anchor="end">{line}</text>'
    )
    return _square(ground, words)


def _px(value: float) -> float:
    return 52 + value * SQUARE


def _py(value: float) -> float:
    return 12 + (1 - value) * SQUARE


def _square(markup: str, words: str) -> SafeString:
    box = f'viewBox="0 0 {SQUARE + 76} {SQUARE + 58}"'
    return _svg(f'<svg width="100%" {box} role="img" aria-label="{escape(words)}">{markup}</svg>')


def _unit_grid(across: str, up: str) -> str:
    drawn = []
    for part in range(6):
        value = part / 5
        x, y = _n(_px(value)), _n(_py(value))
        drawn.append(f'<line class="v-grid" x1="{x}" x2="{x}" y1="{_n(_py(1))}" y2="{_n(_py(0))}"/>')
        drawn.append(f'<line class="v-grid" x1="{_n(_px(0))}" x2="{_n(_px(1))}" y1="{y}" y2="{y}"/>')
        drawn.append(f'<text class="v-text" x="{x}" y="{_n(_py(0) + 18)}" text-anchor="middle">{value:.0%}</text>')
        drawn.append(
            f'<text class="v-text" x="{_n(_px(0) - 8)}" y="{_n(_py(value) + 4)}" text-anchor="end">{value:.0%}</text>'
        )
    corner = f'x1="{_n(_px(0))}" y1="{_n(_py(0))}" x2="{_n(_px(1))}" y2="{_n(_py(1))}"'
    drawn.append(f'<line class="v-zero" {corner}/>')
    drawn.append(
        f'<text class="v-text" x="{_n(_px(0.5))}" y="{_n(_py(0) + 38)}" text-anchor="middle">{escape(across)}</text>'
    )
    drawn.append(f'<text class="v-text" x="{_n(_px(0) + 6)}" y="{_n(_py(1) + 14)}">{escape(up)}</text>')
    return "".join(drawn)
