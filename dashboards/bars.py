"""Bars by quarter and by week: rows to SVG, with geometry in attributes and colour in classes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import cycle

from django.utils.html import escape
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from dashboards.templatetags.words import number, written
from forecasts.loads import Week

QUARTER_WIDTH, QUARTER_GAP, QUARTER_HEIGHT = 16, 4, 36
WIDTH, HEIGHT, LEFT, TOP, FOOT = 1118, 244, 44, 22, 40
SMALL_WIDTH, SMALL_HEIGHT, SMALL_WEEKS = 156, 32, 13
CROSS = (
    '<rect class="v-fill" x="-5" y="-5" width="10" height="10" rx="2"/><path class="v-check" d="m-2 -2 4 4M2 -2l-4 4"/>'
)


def _svg(markup: str) -> SafeString:
    """Markup made here of numbers, our own words and escaped text."""
    return SafeString(markup)


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def quarter_name(on: date) -> str:
    """“Q4 2026” for any day in it."""
    return _("Q%(quarter)s %(year)s") % {"quarter": (on.month + 2) // 3, "year": on.year}


def by_quarter(days: Sequence[tuple[date, int]], most: int, name: str) -> SafeString:
    """Days by quarter, oldest first, on a scale that ends at ``most``; the present quarter stands out."""
    worst_on, worst = max(days, key=lambda item: (item[1], item[0]))
    bars = []
    for place, count in enumerate(count for _day, count in days):
        x = place * (QUARTER_WIDTH + QUARTER_GAP)
        tall = max((QUARTER_HEIGHT - 4) * count / max(most, 1), 2) if count else 0
        tone = "done" if place == len(days) - 1 else "none"
        bars.append(
            f'<rect class="v-fill s-{tone}" x="{x}" y="{_n(QUARTER_HEIGHT - 1 - tall)}" width="{QUARTER_WIDTH}" '
            f'height="{_n(tall)}" rx="2"/>'
        )
    width = len(days) * (QUARTER_WIDTH + QUARTER_GAP) - QUARTER_GAP
    says = escape(
        _("%(name)s: most in %(worst_on)s, %(worst)s days; %(days)s in this quarter")
        % {"name": name, "worst_on": quarter_name(worst_on), "worst": worst, "days": days[-1][1]}
    )
    line = _line("v-axis", 0, width, QUARTER_HEIGHT - 0.5)
    box = f'width="{width}" height="{QUARTER_HEIGHT}" viewBox="0 0 {width} {QUARTER_HEIGHT}"'
    return _svg(f'<svg {box} role="img" aria-label="{says}">{"".join(bars)}{line}</svg>')


def by_week(weeks: Sequence[Week], finding: str) -> SafeString:
    """Demand by week against the line of capacity; what lies above it stands out and is marked with a cross."""
    most = _most(weeks)
    step = _step(most)
    top = (int(most / step) + 1) * step
    slot = (WIDTH - LEFT) / len(weeks)

    def y(days: float) -> float:
        return TOP + (HEIGHT - TOP - FOOT) * (1 - days / top)

    parts = []
    for tick in range(int(top / step) + 1):
        parts.append(_line("v-grid", LEFT, WIDTH, y(tick * step)))
        parts.append(_text(LEFT - 8, y(tick * step) + 4, number(tick * step), "end"))
    for place, week in enumerate(weeks):
        x = LEFT + place * slot
        inside = week.demand if week.capacity is None else min(week.demand, week.capacity)
        parts.append(_bar("done", x + 4, y(inside), slot - 8, y(0) - y(inside)))
        if week.is_overloaded:
            parts.append(_bar("bad", x + 4, y(week.demand), slot - 8, y(inside) - y(week.demand)))
            at = f"translate({_n(x + slot / 2)} {_n(y(week.demand) - 10)})"
            parts.append(f'<g class="s-bad" transform="{at}">{CROSS}</g>')
        if week.capacity is not None:
            parts.append(_line("v-target", x, x + slot, y(week.capacity)))
        if place % 2 == 0:
            parts.append(_text(x + slot / 2, HEIGHT - 22, escape(_("W%(week)s") % {"week": week.number})))
            parts.append(_text(x + slot / 2, HEIGHT - 6, written(week.monday, "j M")))
    box = f'width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
    return _svg(f'<svg {box} role="img" aria-label="{escape(finding)}">{"".join(parts)}</svg>')


def small_weeks(weeks: Sequence[Week]) -> SafeString:
    """The next weeks as a few small bars; its finding stands beside it in words."""
    shown = weeks[:SMALL_WEEKS]
    most = _most(shown)
    slot = SMALL_WIDTH / SMALL_WEEKS

    def y(days: float) -> float:
        return 2 + (SMALL_HEIGHT - 3) * (1 - days / most)

    parts = []
    for place, week in enumerate(shown):
        x, tone = place * slot, "bad" if week.is_overloaded else "done"
        parts.append(_bar(tone, x + 1, y(week.demand), slot - 2, SMALL_HEIGHT - 1 - y(week.demand)))
        if week.capacity is not None:
            parts.append(_line("v-target", x, x + slot, y(week.capacity)))
    box = f'width="{SMALL_WIDTH}" height="{SMALL_HEIGHT}" viewBox="0 0 {SMALL_WIDTH} {SMALL_HEIGHT}"'
    return _svg(f'<svg {box} aria-hidden="true">{"".join(parts)}</svg>')


def _bar(tone: str, x: float, y: float, width: float, height: float) -> str:
    if height <= 0:
        return ""
    return f'<rect class="v-fill s-{tone}" x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}" rx="2"/>'


def _line(look: str, left: float, right: float, y: float) -> str:
    return f'<line class="{look}" x1="{_n(left)}" x2="{_n(right)}" y1="{_n(y)}" y2="{_n(y)}"/>'


def _text(x: float, y: float, words: str, anchor: str = "middle") -> str:
    return f'<text class="v-text" x="{_n(x)}" y="{_n(y)}" text-anchor="{anchor}">{words}</text>'


def _most(weeks: Sequence[Week]) -> float:
    """The top of a scale: the most that is asked for or can be done, and at least one."""
    return max([1.0, *(week.demand for week in weeks), *(week.capacity or 0.0 for week in weeks)])


def _step(most: float) -> int:
    """A round distance of grid lines, of which there are at most five.

    >>> _step(72), _step(3), _step(4100)
    (20, 1, 1000)
    """
    step, factors = 1, cycle((2, 2.5, 2))
    while most / step > 5:
        step = int(step * next(factors))
    return step
