"""Working hours of people in several zones, drawn: rows in, SVG out."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from people.hours import Shared, Span, WorkingDay, clock, spans
from people.models import MINUTES_OF_DAY

MOST_ROWS = 40
NAMES, HOURS, ROW, TOP = 224, 480, 24, 28
LETTERS = 30
EVERY = 3


def draw(found: Shared) -> SafeString:
    """A row of 24 hours for each person, and the hours that all share as a band behind them."""
    rows = found.days[:MOST_ROWS]
    bottom = TOP + ROW * len(rows)
    return format_html(
        '<svg width="{}" height="{}" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}{}</svg>',
        NAMES + HOURS + 16,
        bottom + 4,
        NAMES + HOURS + 16,
        bottom + 4,
        found.in_words,
        _band(found, bottom),
        format_html_join("", "{}", ((_hour(hour, bottom),) for hour in range(0, 25, EVERY))),
        format_html_join("", "{}", ((_row(day, TOP + ROW * place),) for place, day in enumerate(rows))),
    )


def _band(found: Shared, bottom: int) -> SafeString:
    return format_html_join(
        "",
        '<rect class="s-ok v-tint" x="{}" y="{}" width="{}" height="{}"/>',
        ((x, TOP - 4, width, bottom - TOP + 4) for x, width in _places(spans(found.slots))),
    )


def _hour(hour: int, bottom: int) -> SafeString:
    x = NAMES + hour * 60 * HOURS // MINUTES_OF_DAY
    return format_html(
        '<line class="v-grid" x1="{}" x2="{}" y1="{}" y2="{}"/><text class="v-text" x="{}" y="14" text-anchor="middle">'
        "{}</text>",
        x,
        x,
        TOP - 6,
        bottom,
        x,
        clock(hour * 60),
    )


def _row(day: WorkingDay, y: int) -> SafeString:
    return format_html(
        '<text class="v-strong" x="0" y="{}">{}</text>{}',
        y + 16,
        Truncator(f"{day.user.name}, {day.city}").chars(LETTERS),
        format_html_join(
            "",
            '<rect class="s-done v-fill" x="{}" y="{}" width="{}" height="10" rx="3"/>',
            ((x, y + 7, width) for x, width in _places(day.spans)),
        ),
    )


def _places(found: list[Span]) -> Iterator[tuple[float, float]]:
    """Where spans lie on the axis; one past midnight goes on at its left end."""
    scale = HOURS / MINUTES_OF_DAY
    for start, end in found:
        yield NAMES + start * scale, (min(end, MINUTES_OF_DAY) - start) * scale
        if end > MINUTES_OF_DAY:
            yield NAMES, (end - MINUTES_OF_DAY) * scale
