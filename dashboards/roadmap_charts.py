"""Milestones over time as SVG, a row each from P50 to P80 against baseline and target; the roadmap of a program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.html import escape
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from dashboards.charts import Axis, day_name, markup, month_starts, signed, whisker
from dashboards.charts import pixels as n
from dashboards.lettering import LINE, SMALL, cut, width, wrapped
from dashboards.templatetags.words import written
from history import past

WIDTH, LABELS, ROW, HEAD, MOST_ROWS = 1118, 262, 28, 46, 60
OTHERS = lazy("Other milestones")
SLIP = 44  # pixels that a slip takes


@dataclass(frozen=True)
class Mark:
    """A milestone as a roadmap draws it. ``finish_on`` is the day it was done, else its P50."""

    pk: int
    version: int
    name: str
    tone: str
    finish_on: date | None
    p80_on: date | None
    ghost_on: date | None
    slip: int | None
    done: bool
    critical: bool
    driven_by: int | None = None
    target_on: date | None = None
    started: bool = False
    is_end: bool = False
    # Where it stands: a workstream by name, a lane by its number, and the key of a program that is not the page's own.
    group: str = ""
    lane: int = 0
    tag: str = ""
    program: str = ""
    # What the reader may move: the field that its bar stands for, if any, the day it has now, and its target. Why the
    # bar of one that is theirs to change stays: “done”, “started” or “promised”.
    moves: str = ""
    moves_from: date | None = None
    stays: str = ""
    target_moves: bool = False

    @property
    def movable(self) -> str:
        """The fields that the reader may move, for the form that does it without dragging."""
        fields = (self.moves, "target_on" if self.target_moves else "")
        return ",".join(dict.fromkeys(filter(None, fields)))

    @property
    def last_on(self) -> date | None:
        return self.p80_on or self.finish_on

    @property
    def label(self) -> str:
        """“Done 18 Sep”, “4 Dec to 16 Dec”, or one day where nothing is uncertain."""
        if self.finish_on is None:
            return ""
        if self.done:
            return _("Done %(day)s") % {"day": written(self.finish_on, "j M")}
        if self.p80_on is None or self.p80_on <= self.finish_on:
            return written(self.finish_on, "j M")
        return _("%(first)s to %(last)s") % {
            "first": written(self.finish_on, "j M"),
            "last": written(self.p80_on, "j M"),
        }

    @property
    def in_words(self) -> str:
        """“Energization: expected 4 Dec 2026, P80 16 Dec 2026, target 24 Nov 2026, on the critical path”."""
        told = [_("no date")]
        if self.finish_on:
            told = [(_("done %(day)s") if self.done else _("expected %(day)s")) % {"day": day_name(self.finish_on)}]
        if self.p80_on:
            told.append(f"P80 {day_name(self.p80_on)}")
        told.append(_("target %(day)s") % {"day": day_name(self.target_on)} if self.target_on else _("no target"))
        if self.critical:
            told.append(_("on the critical path"))
        return f"{self.name}{f' ({self.tag})' if self.tag else ''}: {', '.join(told)}"

    @property
    def state(self) -> str:
        return _("Done") if self.done else _("Started") if self.started else _("Not started")


@dataclass(frozen=True)
class Place:
    """Where a milestone is drawn."""

    mark: Mark
    x: float
    y: float


@dataclass(frozen=True)
class Columns:
    """Where the words of a row stand: its name, whose it is, and its slip, which ends on the right.

    ``narrow`` is the room of a name on a phone, if it has another drawing there.
    """

    name: int
    tag: int
    slip: int
    narrow: int = 0


NAMES = 176  # pixels of the column of names on a phone, which has slips too
CARD = Columns(10, 176, 252, narrow=114)


def draw(
    marks: Sequence[Mark], links: Sequence[tuple[int, int]], today: date, target: date | None, name: str, finding: str
) -> SafeString:
    """Milestones by workstream against their baseline or target; links between them, the critical ones in red."""
    marks = [mark for mark in marks if mark.finish_on][:MOST_ROWS]
    days = [day for mark in marks for day in (mark.finish_on, mark.p80_on, mark.ghost_on) if day] + [today]
    start, end = _span(days + ([target] if target else []), today)
    axis = Axis(start, end, WIDTH - LABELS - 140, LABELS + 14)
    places: dict[int, Place] = {}
    bands, rows, y, group = [], [], float(HEAD), ""
    for mark in marks:
        if mark.group != group:
            group = mark.group
            bands.append(f'<rect class="v-row" x="0" y="{n(y)}" width="{WIDTH}" height="{ROW}"/>')
            rows.append(named(group or str(OTHERS), CARD.name, y + 18, 380, NAMES - 20, "v-strong v-bold"))
            y += ROW
        place = Place(mark, axis.clamp(mark.finish_on or today), y + ROW / 2)
        places[mark.pk] = place
        rows.append(row(place, axis, CARD))
        y += ROW
    height = y + 6
    lines = [link(places[a], places[b]) for a, b in links if a in places and b in places]
    form = ngettext(
        "%(finding)s %(count)s milestone from %(start)s to %(end)s; the table below has the same days.",
        "%(finding)s %(count)s milestones from %(start)s to %(end)s; the table below has the same days.",
        len(marks),
    )
    span = {"start": written(start, "F Y"), "end": written(end, "F Y")}
    words = escape(form % {"finding": finding, "count": len(marks), **span})
    title = escape(_("Roadmap of %(program)s") % {"program": name})
    heading = escape(_("Plan against baseline"))
    return markup(
        f'<svg width="{WIDTH}" height="{n(height)}" viewBox="0 0 {WIDTH} {n(height)}" role="group" '
        f'aria-labelledby="roadmap-title roadmap-text"><title id="roadmap-title">{title}</title>'
        f'<desc id="roadmap-text">{words}</desc>{ARROWS}'
        f'<g id="road">{"".join(bands)}{_calendar(axis, height)}'
        f'<text class="v-text v-by" x="{CARD.slip}" y="28" text-anchor="end">{heading}</text>'
        f"{_flags(axis, height, today, target)}{''.join(lines)}{''.join(rows)}</g></svg>{names_beside(height)}"
    )


def names_beside(height: float, left: int = 0) -> str:
    """The names once more, in a narrow column that stays in sight while the time beside it is scrolled: on a phone.

    ``left`` is where they begin in the drawing.
    """
    box = f'width="{NAMES}" height="{n(height)}" viewBox="{left} 0 {NAMES} {n(height)}"'
    return f'<div class="road-names" aria-hidden="true" inert><svg {box}><use href="#road"/></svg></div>'


def _span(days: Sequence[date], today: date) -> tuple[date, date]:
    """From the first day to the last with some air, at most a year back and two ahead."""
    first, last = max(min(days), today - timedelta(days=365)), min(max(days), today + timedelta(days=730))
    air = timedelta(days=max(10, (last - first).days // 25))
    return first - air, last + air


def named(text: str, x: float, y: float, room: float, narrow: float = 0, css: str = "v-strong") -> str:
    """A name, cut to its room; and once more for a phone, which has less, in two lines."""
    place = f'x="{n(x)}" y="{n(y)}"'
    full = cut(text, room)
    if not narrow or width(text) <= narrow:
        return f'<text class="{css}" {place}>{escape(full)}</text>'
    first, *more = wrapped(text, narrow, SMALL)
    above = LINE / 2 if more else 0
    below = "".join(f'<tspan x="{n(x)}" dy="{LINE}">{escape(line)}</tspan>' for line in more)
    return (
        f'<text class="{css} v-full" {place}>{escape(full)}</text>'
        f'<text class="{css} v-short" x="{n(x)}" y="{n(y - above)}">{escape(first)}{below}</text>'
    )


def _arrow(name: str, css: str) -> str:
    box = 'viewBox="0 0 8 8" refX="6.5" refY="4" markerWidth="7" markerHeight="7" markerUnits="userSpaceOnUse"'
    return f'<marker id="{name}" {box} orient="auto"><path class="v-head{css}" d="M0 .5 7 4 0 7.5z"/></marker>'


ARROWS = f"<defs>{_arrow('arrow', '')}{_arrow('arrow-critical', ' crit')}</defs>"


def month_step(axis: Axis, room: float = 62) -> int:
    """Every how many months a name has room."""
    months = len(month_starts(axis.start, axis.end))
    return next(step for step in (1, 2, 3, 6, 12) if months / step * room <= axis.width or step == 12)


def _calendar(axis: Axis, height: float) -> str:
    """Lines and names of months, as many as have room."""
    months = month_starts(axis.start, axis.end)
    step = month_step(axis)
    drawn = []
    for first in months:
        if (first.month - 1) % step:
            continue
        x, text = axis.x(first), written(first, "M Y" if first.month == 1 or first == months[0] else "M")
        drawn.append(f'<line class="v-grid" x1="{n(x)}" x2="{n(x)}" y1="32" y2="{n(height)}"/>')
        drawn.append(f'<text class="v-text-2" x="{n(x + 5)}" y="28">{text}</text>')
    edge = f'<line class="v-axis" x1="{LABELS}" x2="{WIDTH}" y1="{HEAD - 1}" y2="{HEAD - 1}"/>'
    return "".join(drawn) + edge


def _flags(axis: Axis, height: float, today: date, target: date | None) -> str:
    x = axis.x(today)
    # The words beside the target's flag need room where the two days are close.
    anchor, at = ("end", x + 4) if target and 0 <= axis.x(target) - x < 50 else ("middle", x)
    words = written(today, "j M")
    words = escape(words if past.day() else _("Today, %(day)s") % {"day": words})
    drawn = (
        f'<line class="v-today" x1="{n(x)}" x2="{n(x)}" y1="14" y2="{n(height)}"/>'
        f'<text class="v-today-text" x="{n(at)}" y="11" text-anchor="{anchor}">{words}</text>'
    )
    if target and axis.has(target):
        x = axis.x(target)
        near = abs(x - axis.x(today)) < 110 and x < axis.x(today)
        anchor, at = ("end", x - 12) if near else ("start", x + 11)
        words = escape(_("Target %(day)s") % {"day": written(target, "j M")})
        drawn += (
            f'<line class="v-target" x1="{n(x)}" x2="{n(x)}" y1="4" y2="{n(height)}" opacity=".55"/>{flag(x, 4, 8)}'
            f'<text class="v-strong" x="{n(at)}" y="11" text-anchor="{anchor}">{words}</text>'
        )
    return drawn


def flag(x: float, y: float, wide: float) -> str:
    notch, half = n(wide * 0.3), n(wide * 0.375)
    return f'<path class="v-target-flag" d="M{n(x)} {n(y)}h{n(wide)}l-{notch} {half} {notch} {half}h-{n(wide)}z"/>'


def _diamond(x: float, y: float, size: float, css: str) -> str:
    s = n(size)
    return f'<path class="{css}" d="M{n(x)} {n(y - size)}l{s} {s}-{s} {s}-{s}-{s}z"/>'


def row(place: Place, axis: Axis, at: Columns) -> str:
    """A milestone's line, as a link to it: name, slip, ghost of its baseline, target, P50 to P80 and both in words."""
    mark, x, y = place.mark, place.x, place.y
    finish, last = mark.finish_on, mark.last_on
    if finish is None or last is None:
        return ""
    room = (at.tag - 4 if mark.tag else at.slip - SLIP - 2) - at.name
    drawn = [named(mark.name, at.name, y + 4, room, at.narrow and at.narrow + (0 if mark.slip is not None else SLIP))]
    if mark.tag:
        drawn.append(f'<text class="v-text" x="{at.tag}" y="{n(y + 4)}">{escape(cut(mark.tag, 46, SMALL))}</text>')
    if mark.slip is not None:
        look, by = f"v-text-2{' v-by' if at.narrow else ''}", f'x="{at.slip}" y="{n(y + 4)}" text-anchor="end"'
        drawn.append(f'<text class="{look}" {by}>{signed(mark.slip)}</text>')
    left, right = x - 11, axis.clamp(last) + (6 if last > finish else 11)
    wide = width(mark.label, SMALL) + 6
    if mark.ghost_on and mark.ghost_on != finish:
        ghost = axis.clamp(mark.ghost_on)
        if abs(ghost - x) > 12:
            drawn.append(f'<line class="v-slip" x1="{n(ghost)}" x2="{n(x)}" y1="{n(y)}" y2="{n(y)}"/>')
        if axis.has(mark.ghost_on):  # beyond the edge the line alone leads there
            drawn.append(_diamond(ghost, y, 5, "v-ghost"))
        left = min(left, ghost - 9)
        if right - 12 < ghost < right + wide + 6:
            right = ghost + 9
    aimed = ""
    if mark.target_on and axis.has(mark.target_on):
        aim = axis.x(mark.target_on)
        pole = f'<line class="v-target" x1="{n(aim)}" x2="{n(aim)}" y1="{n(y - 9)}" y2="{n(y + 9)}"/>'
        pole += flag(aim, y - 9, 5)
        if mark.target_moves:
            # Over all else, so that no bar or words take the pointer away from it.
            aimed = f"<g {_moving('target_on', mark.target_on)}>{_hit(aim - 6, y, 18)}{pole}</g>"
        else:
            drawn.append(pole)
        left = min(left, aim - 4)
        if right - 8 < aim < right + wide:
            right = aim + 8
    body = _diamond(x, y, 7, "v-diamond")
    if mark.done:
        body += f'<path class="v-check" d="M{n(x - 2.6)} {n(y + 0.2)}l1.9 1.9 3.3-4"/>'
    band = "" if mark.done else whisker(axis, finish, last, y)
    of = f'data-milestone="{mark.pk}" data-version="{mark.version}"'
    if mark.moves and mark.moves_from:
        of += f" {_moving(mark.moves, mark.moves_from)}"
    elif mark.stays:
        of += f' data-stays="{mark.stays}"'
    if mark.moves or mark.stays:
        band = _hit(x - 12, y, max(24, axis.clamp(last) - x + 18)) + band
    drawn.append(f'<g class="s-{mark.tone}" {of}>{band}{body}</g>')
    beyond = "" if axis.has(finish) else "‹ " if finish < axis.start else "› "
    label = f"{beyond}{mark.label}{f' {finish:%Y}' if beyond else ''}"
    # Lines of links and of the target run behind the words, which stand on the left where the right has no room.
    start = right if right + wide <= WIDTH else left - wide
    drawn.append(
        f'<g class="v-when"><rect class="v-surface" x="{n(start)}" y="{n(y - 8)}" width="{n(wide)}" height="16" '
        f'opacity=".85"/><text class="v-text-2" x="{n(start + 3)}" y="{n(y + 4)}">{escape(label)}</text></g>{aimed}'
    )
    return linked(f"/m/{mark.pk}", mark.in_words, y - 13, 26, WIDTH, "".join(drawn))


def _moving(field: str, day: date) -> str:
    """What static/js/drag.js moves, and from which day."""
    return f'data-moves="{field}" data-from="{day.isoformat()}"'


def _hit(x: float, y: float, width: float) -> str:
    return f'<rect class="v-hit" x="{n(x)}" y="{n(y - 12)}" width="{n(width)}" height="24"/>'


def linked(url: str, words: str, y: float, height: float, width: float, drawn: str, name: str = "") -> str:
    """A link around what is drawn, over an area that is large enough to be hit."""
    anchor = f' id="{name}"' if name else ""
    return (
        f'<a href="{escape(url)}"{anchor}><title>{escape(words)}</title>'
        f'<rect class="v-hit" x="0" y="{n(y)}" width="{n(width)}" height="{n(height)}"/>{drawn}</a>'
    )


def link(giver: Place, taker: Place, css: str = "") -> str:
    """From a milestone down or up to the row of the one that waits, then across to it."""
    x1, y1, x2, y2 = giver.x, giver.y, taker.x, taker.y
    critical = taker.mark.critical and taker.mark.driven_by == giver.mark.pk
    down = 1 if y2 > y1 else -1
    if abs(x2 - x1) < 3:
        path = f"M{n(x1)} {n(y1 + 8 * down)}V{n(y2 - 9 * down)}"
    else:
        path = f"M{n(x1)} {n(y1 + 8 * down)}V{n(y2 - 14 * down)}H{n(x2)}V{n(y2 - 9 * down)}"
    look, head = ("v-dep crit", "arrow-critical") if critical else ("v-dep", "arrow")
    return f'<path class="{look}{css}" d="{path}" marker-end="url(#{head})"/>'
