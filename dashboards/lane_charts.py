"""The lanes of a roadmap as SVG: open ones with a row a milestone, closed ones as a strip of counts by time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta

from django.utils.html import escape
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboards.charts import Axis, day_name, markup, month_starts, signed, whisker
from dashboards.charts import pixels as n
from dashboards.lanes import Cell, Group, Lane
from dashboards.lettering import LINE, SMALL, cut, width, wrapped
from dashboards.roadmap_charts import (
    ARROWS,
    ROW,
    WIDTH,
    Columns,
    Place,
    flag,
    link,
    linked,
    month_step,
    named,
    names_beside,
    row,
)
from dashboards.templatetags.words import SHAPE_OF, SHAPES, tone, written
from dashboards.window import Window
from history import past

LABELS, LEFT, HEAD = 300, 314, 50
NAMES_LEFT = 26  # where the column of names on a phone begins in the drawing
LANE, BAND, STRIP, FOOT = 44, 28, 22, 6
ROOM = Columns(52, 204, 292, narrow=102)
SHADES = 4
TITLE = 170  # pixels that the title of a band has on a phone
MONTH, WEEK = 50, 30  # pixels that the name of a month takes, and of a week
# The address that opens what is closed and closes what is open, by its key.
Toggle = Callable[[str], str]


def axis_of(shown: Window) -> Axis:
    return Axis(shown.start, shown.end, WIDTH - LEFT - FOOT, LEFT)


def head(shown: Window, today: date, target: date | None) -> SafeString:
    """Months, ISO weeks, today and the target of the one program: what stays in sight above the rows."""
    axis = axis_of(shown)
    every = month_step(axis, MONTH)
    words = escape(_("P80 against target"))
    drawn = [f'<text class="v-text v-slips" x="{ROOM.slip}" y="44" text-anchor="end">{words}</text>']
    for place, first in enumerate(f for f in month_starts(axis.start, axis.end) if (f.month - 1) % every == 0):
        if axis.x(first) > WIDTH - 40:
            continue
        name = f"Q{first.month // 3 + 1}" if every == 3 else written(first, "M")
        text = f"{name} {first:%Y}" if first.month == 1 or place == 0 else name
        drawn.append(f'<text class="v-text-2" x="{n(axis.x(first) + 4)}" y="29">{text}</text>')
    week = _("W%(week)s")
    for monday, number in weeks(axis):
        drawn.append(f'<text class="v-text" x="{n(axis.x(monday) + 4)}" y="44">{week % {"week": number}}</text>')
    if axis.has(today):
        x = axis.x(today)
        anchor = "start" if x < LEFT + 40 else "end" if x > WIDTH - 60 else "middle"
        day = written(today, "j M")
        words = escape(day if past.day() else _("Today, %(day)s") % {"day": day})
        drawn.append(f'<text class="v-today-text" x="{n(x)}" y="12" text-anchor="{anchor}">{words}</text>')
    if target and axis.has(target):
        x = axis.x(target)
        # Beside today's words where the two days are close.
        gap = x - axis.x(today) if axis.has(today) else WIDTH
        at, anchor = (x - 6, "end") if -70 < gap < 0 or x > WIDTH - 110 else (x + 11, "start")
        if not 0 <= gap < 50:
            words = escape(_("Target %(day)s") % {"day": written(target, "j M")})
            drawn.append(f'<text class="v-strong" x="{n(at)}" y="12" text-anchor="{anchor}">{words}</text>')
        drawn.append(flag(x, 4, 8))
    drawn.append(f'<line class="v-axis" x1="{LABELS}" x2="{WIDTH}" y1="{HEAD - 1}" y2="{HEAD - 1}"/>')
    box = f'width="{WIDTH}" height="{HEAD}" viewBox="0 0 {WIDTH} {HEAD}"'
    return markup(f'<svg {box} aria-hidden="true">{"".join(drawn)}</svg>')


def weeks(axis: Axis) -> list[tuple[date, int]]:
    """Mondays and their ISO week numbers, as many as have room."""
    wide = 7 / (axis.end - axis.start).days * axis.width
    every = next((step for step in (1, 2, 4, 8, 13) if step * wide >= WEEK), None)
    if every is None:
        return []
    monday = axis.start + timedelta(days=-axis.start.weekday() % 7)
    found: list[tuple[date, int]] = []
    while monday < axis.end and axis.x(monday) < WIDTH - 24:
        number = monday.isocalendar().week
        if (number - 1) % every == 0:
            # Where a year ends between two labels, its last gives way to the first week of the next.
            while found and axis.x(monday) - axis.x(found[-1][0]) < WEEK - 1:
                found.pop()
            found.append((monday, number))
        monday += timedelta(days=7)
    return found


def body(
    groups: Sequence[Group],
    links: Sequence[tuple[int, int]],
    shown: Window,
    today: date,
    target: date | None,
    finding: str,
    toggle: Toggle,
) -> SafeString:
    """Groups, their lanes, and the milestones of open lanes with the links between them."""
    axis = axis_of(shown)
    strips = [lane.cells for group in groups for lane in group.lanes] + [g.cells for g in groups if not g.is_open]
    sheet = _Sheet(axis, shown, toggle, max((cell.number for cells in strips for cell in cells.values()), default=1))
    for group in groups:
        sheet.group(group)
    height = sheet.y + FOOT
    lines = [_link(sheet.places[a], sheet.places[b]) for a, b in links if a in sheet.places and b in sheet.places]
    day = axis.width / (axis.end - axis.start).days
    return markup(
        f'<svg width="{WIDTH}" height="{n(height)}" viewBox="0 0 {WIDTH} {n(height)}" role="group" '
        f'aria-label="{escape(finding)}" data-day="{day:.4f}" data-today="{today.isoformat()}">'
        f'{ARROWS}<g id="road">{"".join(sheet.bands)}'
        f"{_grid(axis, height, today, target)}{''.join(lines)}{''.join(sheet.rows)}</g></svg>"
        f"{names_beside(height, NAMES_LEFT)}"
    )


def _grid(axis: Axis, height: float, today: date, target: date | None) -> str:
    every = month_step(axis, MONTH)
    marks = [("v-grid", first) for first in month_starts(axis.start, axis.end) if (first.month - 1) % every == 0]
    marks += [("v-today", today)] if axis.has(today) else []
    drawn = "".join(_down(look, axis.x(day), 0, height) for look, day in marks)
    if target and axis.has(target):
        drawn += f'<g opacity=".55">{_down("v-target", axis.x(target), 0, height)}</g>'
    return drawn


def _down(look: str, x: float, top: float, bottom: float) -> str:
    return f'<line class="{look}" x1="{n(x)}" x2="{n(x)}" y1="{n(top)}" y2="{n(bottom)}"/>'


def _link(giver: Place, taker: Place) -> str:
    return link(giver, taker, "" if giver.mark.program == taker.mark.program else " across")


def described(lane: Lane) -> str:
    """What a lane holds, in a few words."""
    return " · ".join(_counts(lane))


def _counts(lane: Lane) -> list[str]:
    told = [ngettext("%(count)s milestone", "%(count)s milestones", lane.total) % {"count": lane.total}]
    if lane.is_open:
        counts = ((lane.earlier, _("%(count)s earlier")), (lane.later, _("%(count)s later")))
    else:
        counts = ((lane.done, _("%(count)s done")), (lane.late, _("%(count)s late")))
    return [*told, *(form % {"count": count} for count, form in counts if count)]


def _fitting(told: Sequence[str], between: str) -> str:
    """As many of these words as have room beside each other in the column of names."""
    fits = [between.join(told[:count]) for count in range(len(told), 1, -1)]
    return next((words for words in fits if width(words, SMALL) <= TITLE), told[0])


def _strip_words(title: str, cells: Mapping[date, Cell], shown: Window) -> str:
    inside = sum(cell.number for cell in cells.values())
    if not inside:
        return _("Open %(title)s: none is expected in this window") % {"title": title}
    first = max(cells, key=lambda on: cells[on].number)
    most = f"{shown.step.name_of(first)}, {cells[first].number}"
    return _("Open %(title)s: %(inside)s expected in this window, most in %(most)s") % {
        "title": title,
        "inside": inside,
        "most": most,
    }


class _Sheet:
    """What was drawn so far, from top to bottom."""

    def __init__(self, axis: Axis, shown: Window, toggle: Toggle, most: int) -> None:
        self.axis, self.shown, self.toggle, self.most = axis, shown, toggle, most
        self.y = 0.0
        self.bands: list[str] = []
        self.rows: list[str] = []
        self.places: dict[int, Place] = {}

    def group(self, group: Group) -> None:
        if group.title:
            self._heading(group)
        if group.is_open:
            for lane in group.lanes:
                self.lane(lane)

    def _heading(self, group: Group) -> None:
        many = len(group.lanes)
        words = [ngettext("%(count)s program", "%(count)s programs", many) % {"count": many}]
        few = list(words)
        if group.past_target:
            words.append(_("%(count)s of them past target at P80") % {"count": group.past_target})
            few.append(_("%(count)s past target") % {"count": group.past_target})
        words.append(ngettext("%(count)s milestone", "%(count)s milestones", group.total) % {"count": group.total})
        self._band(group.key, group.title, ", ".join(words), _fitting(few, ", "), group.is_open, group.cells)

    def _band(self, key: str, title: str, words: str, few: str, is_open: bool, cells: Mapping[date, Cell]) -> None:
        """A shaded heading that opens and closes what is below it; closed, with the strip of what that is.

        A phone has ``few`` words below the title: beside it they would lie behind the names."""
        lines = wrapped(title, TITLE, SMALL)
        band = BAND + LINE * (len(lines) - 1)
        y, tall = self.y, band + (0 if is_open else STRIP)
        self.bands.append(f'<rect class="v-row" x="0" y="{n(y)}" width="{WIDTH}" height="{tall}"/>')
        drawn = _chevron(y + 14, is_open)
        drawn += f'<text class="v-strong v-bold v-full" x="28" y="{n(y + 18)}">{escape(cut(title, 262))}</text>'
        for at, line in enumerate([*lines, few], start=1):
            look = "v-text" if at > len(lines) else "v-strong v-bold"
            drawn += f'<text class="{look} v-short" x="28" y="{n(y + LINE * at)}">{escape(line)}</text>'
        wide = n(width(words, SMALL) + 8)
        drawn += f'<rect class="v-row v-full" x="{LEFT + 4}" y="{n(y + 4)}" width="{wide}" height="20"/>'
        drawn += f'<text class="v-text v-full" x="{LEFT + 8}" y="{n(y + 18)}">{escape(words)}</text>'
        if is_open:
            says = _("Close %(title)s: %(words)s") % {"title": title, "words": words}
        else:
            says = _strip_words(title, cells, self.shown)
            drawn += self._strip(cells, y + band - 1)
        self._toggle(key, says, y + 1, tall - 2, WIDTH, drawn)
        self.y += tall

    def _toggle(self, key: str, says: str, y: float, height: float, width: float, drawn: str) -> None:
        """A link that opens or closes something; the page that it leads to is shown where it stands."""
        name = f"row-{len(self.rows)}"
        self.rows.append(linked(f"{self.toggle(key)}#{name}", says, y, height, width, drawn, name))

    def lane(self, lane: Lane) -> None:
        if lane.health is None:
            few = _fitting(_counts(lane), " · ")
            self._band(lane.key, lane.title, described(lane), few, lane.is_open, lane.cells)
        else:
            self._program(lane)
        for mark in lane.marks:
            place = Place(mark, self.axis.x(mark.finish_on or self.axis.start), self.y + ROW / 2)
            self.places[mark.pk] = place
            self.rows.append(row(place, self.axis, ROOM))
            self.y += ROW
        if lane.undrawn and lane.url:
            words = _("%(count)s more in this window") % {"count": lane.undrawn}
            text = f'<text class="v-link" x="{ROOM.name}" y="{n(self.y + 18)}">{escape(words)}</text>'
            says = _("%(words)s: roadmap of %(lane)s") % {"words": words, "lane": lane.title}
            self.rows.append(linked(f"{lane.url}/roadmap", says, self.y + 1, 26, WIDTH, text))
            self.y += ROW

    def _program(self, lane: Lane) -> None:
        """A program: its health, name and slip, P50 to P80 against its target; closed, with its strip."""
        y = self.y
        colour = tone(lane.health)
        shape = SHAPES[SHAPE_OF.get(lane.health, colour)] if lane.health else ""
        below = f'x="{ROOM.name}" y="{n(y + 35)}"'
        drawn = [
            f'<g class="glyph s-{colour}" transform="translate(32 {n(y + 8)})">{shape}</g>'
            f"{named(lane.title, ROOM.name, y + 18, 190, ROOM.narrow, 'v-strong v-bold')}"
            f'<text class="v-text{" v-full" if lane.p80_on else ""}" {below}>{described(lane)}</text>'
        ]
        if lane.p80_on:
            # Below a name that may take two lines.
            drawn.append(
                f'<text class="v-text v-short" x="{ROOM.name}" y="{n(y + 37)}">P80 {day_name(lane.p80_on)}</text>'
            )
        if lane.slip is not None:
            by = f'x="{ROOM.slip}" y="{n(y + 18)}" text-anchor="end"'
            drawn.append(f'<text class="v-text-2 v-by" {by}>{signed(lane.slip)}</text>')
        drawn.append(f'<g class="s-{colour}">{self._ends(lane, y + 14)}</g>')
        self.rows.append(_down_left(y))
        self.rows.append(linked(lane.url, _program_words(lane), y + 2, 26, WIDTH, "".join(drawn)))
        if lane.total:
            closing = _("Close %(title)s") % {"title": lane.title}
            says = closing if lane.is_open else _strip_words(lane.title, lane.cells, self.shown)
            strip = "" if lane.is_open else self._strip(lane.cells, y + 23)
            self._toggle(lane.key, says, y + 2, 26, 28, _chevron(y + 14, lane.is_open) + strip)
        self.y += LANE

    def _ends(self, lane: Lane, y: float) -> str:
        drawn, axis = "", self.axis
        if lane.p50_on and lane.p80_on:
            drawn += whisker(axis, lane.p50_on, lane.p80_on, y)
        if lane.target_on and axis.has(lane.target_on):
            x = axis.x(lane.target_on)
            drawn += _down("v-target", x, y - 11, y + 8) + flag(x, y - 11, 6)
        if lane.p50_on and axis.has(lane.p50_on):
            drawn += f'<circle class="v-dot" cx="{n(axis.x(lane.p50_on))}" cy="{n(y)}" r="4.5"/>'
        return drawn

    def _strip(self, cells: Mapping[date, Cell], y: float) -> str:
        """A box a step of time with its number; the darker, the more; a line below for the share that is late."""
        shades: list[list[str]] = [[] for _ in range(SHADES)]
        late, numbers = [], []
        for first in sorted(cells):
            x, right = self.axis.x(first) + 1, self.axis.x(self.shown.step.later(first, 1)) - 1
            wide, cell = right - x, cells[first]
            shade = min(SHADES - 1, (cell.number * SHADES - 1) // self.most)
            shades[shade].append(f"M{n(x)} {n(y)}h{n(wide)}v17h-{n(wide)}z")
            numbers.append(f'<text x="{n(x + wide / 2)}" y="{n(y + 12)}">{cell.number}</text>')
            if cell.late:
                late.append(f"M{n(x)} {n(y + 16)}h{n(max(3, wide * cell.late / cell.number))}")
        boxes = "".join(f'<path class="v-cell d{place}" d="{"".join(d)}"/>' for place, d in enumerate(shades) if d)
        lines = f'<path class="v-late" d="{"".join(late)}"/>' if late else ""
        return f'{boxes}{lines}<g class="v-count">{"".join(numbers)}</g>'


def _chevron(y: float, is_open: bool) -> str:
    way = f"M9 {n(y - 2)}l4.5 4.5 4.5-4.5" if is_open else f"M11 {n(y - 4.5)}l4.5 4.5-4.5 4.5"
    return f'<path class="v-chev" d="{way}"/>'


def _down_left(y: float) -> str:
    return f'<line class="v-grid" x1="0" x2="{WIDTH}" y1="{n(y)}" y2="{n(y)}"/>'


def _program_words(lane: Lane) -> str:
    told = [str(lane.health.label) if lane.health else ""]
    told.append(_("target %(day)s") % {"day": day_name(lane.target_on)} if lane.target_on else _("no target"))
    if lane.p50_on and lane.p80_on:
        told += [f"P50 {day_name(lane.p50_on)}", f"P80 {day_name(lane.p80_on)}"]
    if lane.slip is not None:
        told.append(_("%(slip)s against target") % {"slip": signed(lane.slip)})
    return f"{lane.title}: {', '.join(told)}"
