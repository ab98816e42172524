"""The roadmap of the portfolio and of one program. What it shows is in its address alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from dashboards import lane_charts, lanes
from dashboards.lanes import Allowed, Group, Lane, Twin
from dashboards.templatetags.words import critical_path, isolated
from dashboards.window import ZOOMS, Step, Window, fits, fitted, window
from forecasts.models import HealthPolicy, ProgramHealth
from forecasts.policy import newest_policy
from history import past
from milestones.models import Milestone, MilestoneQuerySet
from people.pages import SignedIn, day_of
from programs.models import Health
from programs.pages import find_program, looks_back, program_crumbs
from programs.permissions import Act

GROUPS = {
    "area": lazy("Area"),
    "lead": lazy("Lead"),
    "objective": lazy("Objective"),
    "phase": lazy("Phase"),
    "program": lazy("Programs alone"),
}
# Rows that are drawn at first, that each “show more” adds, and at most.
ROWS, MOST_ROWS = 200, 1_000
MOST_OF_A_PROGRAM = 60  # rows of the portfolio's roadmap; its own has them all
MOST_TURNED = 60  # groups and lanes that an address names
UNTOLD = lazy("P50 and P80 are those issued in that week; the critical path is not kept by day.")
ROWS_OF_TABLE = 50
EVERY = "all"
UNREADABLE = {
    "zoom": lazy("The zoom is week, month or quarter; months are shown."),
    "group": lazy("Programs are grouped by area, lead, objective, phase or program; areas are shown."),
    "health": lazy("There is no such health; programs of any health are shown."),
    "from": lazy(
        "A window reaches from one day such as 2026-11-20 to another, four weeks to 30 years later; "
        "the usual one is shown."
    ),
    "rows": lazy("The number of rows is between %(least)s and %(most)s; %(least)s are shown."),
}


@dataclass(frozen=True)
class Asked:
    """What an address asks a roadmap for."""

    path: str
    zoom: Step
    group: str
    health: str
    first: date | None
    last: date | None
    window: Window
    rows: int
    opened: tuple[str, ...]
    closed: tuple[str, ...]
    day: date | None = None  # in the past
    unreadable: list[str] = field(default_factory=list)

    def state(self, **changes: Any) -> list[tuple[str, str]]:
        """Names and values of an address that asks for the same, but for the changes."""
        said: dict[str, Any] = {
            "zoom": self.zoom if self.zoom is not Step.MONTH else "",
            "group": self.group if self.group != "area" else "",
            "health": self.health,
            "from": self.first.isoformat() if self.first else "",
            "to": self.last.isoformat() if self.last else "",
            "open": self.opened,
            "closed": self.closed,
            "rows": self.rows if self.rows != ROWS else "",
            "as_of": self.day.isoformat() if self.day else "",
        }
        said |= changes
        pairs = []
        for name, value in said.items():
            for one in value if isinstance(value, tuple) else (value,):
                if one:
                    pairs.append((name, str(one)))
        return pairs

    def url(self, **changes: Any) -> str:
        pairs = self.state(**changes)
        return f"{self.path}?{urlencode(pairs)}" if pairs else self.path

    def fitted(self, rows: MilestoneQuerySet, today: date) -> Asked:
        """Without months in which nothing is, unless the address names a day."""
        last = None if self.first or self.last else lanes.last_day(rows)
        return replace(self, window=fitted(self.zoom, today, last)) if last else self

    @property
    def clear_url(self) -> str:
        """The address of the usual roadmap, of the same day."""
        return f"{self.path}?{urlencode({'as_of': self.day.isoformat()})}" if self.day else self.path

    def at(self, shown: Window) -> str:
        """The address of another stretch of time."""
        return self.url(**{"from": shown.start.isoformat(), "to": shown.last.isoformat()})

    def is_open(self, key: str, usual: bool) -> bool:
        return key not in self.closed and (usual or key in self.opened)

    def turned(self, key: str, is_open: bool, usual: bool) -> str:
        """The address that closes what is open and opens what is closed."""
        opened = tuple(one for one in self.opened if one != key)
        closed = tuple(one for one in self.closed if one != key)
        if is_open and usual:
            closed = (*closed, key)[-MOST_TURNED:]
        elif not is_open and not usual:
            opened = (*opened, key)[-MOST_TURNED:]
        return self.url(open=opened, closed=closed)


def read(request: HttpRequest, today: date) -> Asked:
    """What the address asks for; what cannot be read is left out, and said so."""
    query, unreadable = request.GET, []

    def one_of(name: str, known: Iterable[str], usual: str) -> str:
        value = query.get(name, "").strip() or usual
        if value in {usual, *known}:
            return value
        unreadable.append(name)
        return usual

    def day(name: str) -> date | None:
        text = query.get(name, "").strip()
        try:
            return date.fromisoformat(text) if text else None
        except ValueError:
            unreadable.append("from")
            return None

    zoom = Step(one_of("zoom", ZOOMS, "month"))
    group = one_of("group", GROUPS, "area")
    health = one_of("health", Health.values, "")
    first, last = day("from"), day("to")
    if "from" in unreadable or not fits(first, last):
        unreadable.append("from")
        first = last = None
    try:
        rows = int(query.get("rows") or ROWS)
    except ValueError:
        rows = 0
    if not ROWS <= rows <= MOST_ROWS:
        unreadable.append("rows")
        rows = ROWS
    return Asked(
        path=request.path,
        zoom=zoom,
        group=group,
        health=health,
        first=first,
        last=last,
        window=window(zoom, today, first, last),
        rows=rows,
        opened=tuple(query.getlist("open"))[-MOST_TURNED:],
        closed=tuple(query.getlist("closed"))[-MOST_TURNED:],
        day=past.day(),
        unreadable=[str(UNREADABLE[name]) % {"least": ROWS, "most": MOST_ROWS} for name in dict.fromkeys(unreadable)],
    )


@dataclass(frozen=True)
class Sheet:
    """What is drawn of the lanes: those for which there are rows, open or closed."""

    groups: list[Group]
    asked: Asked
    all_open: bool
    left_out: int  # lanes below the last row
    cut: int  # milestones of open lanes for which no row was left
    turns: dict[str, tuple[bool, bool]]  # by key: whether it is open, and whether it is unless asked otherwise

    @property
    def lanes(self) -> list[Lane]:
        return [lane for group in self.groups if group.is_open for lane in group.lanes]

    def turned(self, key: str) -> str:
        """The address that opens a closed group or lane and closes an open one."""
        is_open, usual = self.turns[key]
        return self.asked.turned(key, is_open, usual)


def lay_out(groups: Sequence[Group], asked: Asked, most: int) -> Sheet:
    """Open what is asked for, or all that fits, until the rows are used up; ``most`` milestones a lane."""
    known = {EVERY, *(group.key for group in groups), *(lane.key for group in groups for lane in group.lanes)}
    asked = replace(
        asked,
        opened=tuple(key for key in asked.opened if key in known),
        closed=tuple(key for key in asked.closed if key in known),
    )
    needed = sum(1 + sum(1 + min(lane.inside, most) for lane in group.lanes) for group in groups)
    all_open = EVERY not in asked.closed and (EVERY in asked.opened or needed <= ROWS)
    turns: dict[str, tuple[bool, bool]] = {}
    left, shown, drawn, cut = asked.rows, [], 0, 0
    for group in groups:
        group.is_open = asked.is_open(group.key, usual=True)
        turns[group.key] = group.is_open, True
        left -= 1 if group.title else 0
        if left <= 0:
            break
        kept = group.lanes
        if group.is_open:
            kept = []
            for lane in group.lanes:
                if left <= 0:
                    break
                kept.append(lane)
                lane.is_open = asked.is_open(lane.key, usual=all_open)
                turns[lane.key] = lane.is_open, all_open
                left -= 1
                wanted = min(lane.inside, most) if lane.is_open else 0
                lane.room = min(wanted, left)
                left -= lane.room
                cut += wanted - lane.room
        drawn += len(kept)
        shown.append(replace(group, lanes=kept))
    return Sheet(shown, asked, all_open, sum(len(group.lanes) for group in groups) - drawn, cut, turns)


def drawing(
    sheet: Sheet,
    rows: MilestoneQuerySet,
    allowed: Allowed,
    policy: HealthPolicy,
    today: date,
    target: date | None,
    finding: str,
) -> dict[str, Any]:
    """The drawing: its months and weeks, and what lies below them."""
    shown = sheet.asked.window
    lanes.open_up(sheet.lanes, rows, shown, allowed, policy)
    between = lanes.links(sheet.lanes)
    return {
        "head": lane_charts.head(shown, today, target),
        "may_move": any(mark.movable for lane in sheet.lanes for mark in lane.marks),
        "body": lane_charts.body(sheet.groups, between, shown, today, target, finding, sheet.turned),
    }


def controls(sheet: Sheet) -> dict[str, Any]:
    """Links to the same roadmap in another zoom, another time, opened or closed, with more rows."""
    asked = sheet.asked
    shown = asked.window
    start = shown.start.isoformat() if asked.first or asked.last else ""
    zooms = ((Step.WEEK, _("Weeks")), (Step.MONTH, _("Months")), (Step.QUARTER, _("Quarters")))
    return {
        "window": shown,
        "tabs": [
            {
                "label": label,
                "url": asked.url(**{"zoom": zoom if zoom is not Step.MONTH else "", "from": start, "to": ""}),
                "count": None,
                "current": zoom is asked.zoom,
            }
            for zoom, label in zooms
        ],
        "tabs_label": _("Zoom"),
        "earlier_url": asked.at(shown.moved(-1)),
        "later_url": asked.at(shown.moved(1)),
        "today_url": asked.url(**{"from": "", "to": ""}) if asked.first or asked.last else "",
        "open_url": "" if sheet.all_open and not asked.closed else asked.url(open=(EVERY,), closed=()),
        "close_url": asked.url(open=(), closed=(EVERY,)) if any(lane.is_open for lane in sheet.lanes) else "",
        "more_url": asked.url(rows=min(asked.rows + ROWS, MOST_ROWS)) if asked.rows < MOST_ROWS else "",
        "sheet": sheet,
        "unreadable": asked.unreadable,
        "kept": [(name, value) for name, value in asked.state() if name not in ("from", "to", "health")],
        "asked": asked,
    }


@require_safe
@looks_back
def portfolio(request: SignedIn) -> HttpResponse:
    """All open programs that the reader sees, over time."""
    today = day_of(request)
    asked = read(request, today)
    groups, allowed = lanes.programs(request.user, today=today, by=asked.group, health=asked.health)
    found = [lane for group in groups for lane in group.lanes]
    rows = lanes.of_programs(groups)
    asked = asked.fitted(rows, today)
    policy = newest_policy()
    lanes.count(found, rows, asked.window, policy)
    sheet = lay_out(groups, asked, MOST_OF_A_PROGRAM)
    asked = sheet.asked
    finding = portfolio_finding(found)
    context = {
        "title": _("Roadmap"),
        "untold": [UNTOLD],
        "sub": finding,
        "page": Paginator(Twin(found, rows, allowed, policy), ROWS_OF_TABLE).get_page(request.GET.get("page")),
        "group_choices": [
            {"label": label, "url": asked.url(group=name if name != "area" else ""), "current": name == asked.group}
            for name, label in GROUPS.items()
        ],
        "health_choices": [(health.value, str(health.label)) for health in Health],
        "chips": [(_("Health"), str(Health(asked.health).label), asked.url(health=""))] if asked.health else [],
        "found": found,
        "groups": groups,
        **drawing(sheet, rows, allowed, policy, today, None, finding),
        **controls(sheet),
    }
    return render(request, "dashboards/roadmap.html", context)


def portfolio_finding(found: Sequence[Lane]) -> str:
    """“4 of 11 programs with P80 and target end after it; the latest is Region NA-4 capacity, 34 days.”

    As the portfolio counts them: of programs without a P80 or a target nobody can say.
    """
    slips = [(lane.slip, lane) for lane in found if lane.slip is not None]
    late = [(slip, lane) for slip, lane in slips if slip > 0]
    if not found:
        return ""
    if not slips:
        count = ngettext("%(count)s program", "%(count)s programs", len(found)) % {"count": len(found)}
        return _("%(programs)s, none with a forecast against a target.") % {"programs": count}
    form = ngettext("%(count)s program with P80 and target", "%(count)s programs with P80 and target", len(slips))
    judged = form % {"count": len(slips)}
    if not late:
        return _("None of %(programs)s ends after it.") % {"programs": judged}
    form = ngettext(
        "%(count)s of %(programs)s ends after it; the latest is %(latest)s, %(days)s days.",
        "%(count)s of %(programs)s end after it; the latest is %(latest)s, %(days)s days.",
        len(late),
    )
    days, worst = max(late, key=lambda one: one[0])
    return form % {"count": len(late), "programs": judged, "latest": isolated(worst.title), "days": days}


@require_safe
@looks_back
def program(request: SignedIn, key: str) -> HttpResponse:
    """One program over time, by workstream, with what it takes from and gives to others."""
    found = find_program(request, key)
    today = day_of(request)
    asked = read(request, today)
    rows = lanes.of_program(found, request.user)
    asked = asked.fitted(rows, today)
    streams = lanes.workstreams(found)
    policy = newest_policy()
    lanes.count(streams, rows, asked.window, policy)
    streams = [lane for lane in streams if lane.total]
    sheet = lay_out([Group("", "", streams)], asked, MOST_ROWS)
    health = ProgramHealth.objects.filter(program=found, day__lte=today).order_by("-day").only("slip_days").first()
    path: Any = Milestone.objects.filter(program=found, forecast__on_longest_path=True, done_on=None)
    finding = program_finding(health.slip_days if health else None, path.order_by("forecast__finish_on", "pk"))
    allowed = lanes.allowed_in(request.user, [found])
    may_edit = Act.EDIT in allowed[found.key]
    context = {
        "program": found,
        "title": _("Roadmap"),
        "untold": [UNTOLD],
        "crumbs": program_crumbs(found),
        "sub": finding,
        "page": Paginator(Twin(streams, rows, allowed, policy), ROWS_OF_TABLE).get_page(request.GET.get("page")),
        "found": streams,
        "new_url": f"{found.get_absolute_url()}/milestones/new" if may_edit else "",
        **drawing(sheet, rows, allowed, policy, today, found.target_on, finding),
        **controls(sheet),
    }
    return render(request, "dashboards/roadmap.html", context)


def program_finding(slip: int | None, path: Any) -> str:
    """“P80 is 34 days after the target. Critical path: Energization, Cooling.”"""
    if slip is None:
        told = _("No forecast against a target yet.")
    elif slip:
        after = ngettext("P80 is %(count)s day after the target.", "P80 is %(count)s days after the target.", slip)
        before = ngettext(
            "P80 is %(count)s day before the target.", "P80 is %(count)s days before the target.", abs(slip)
        )
        told = (after if slip > 0 else before) % {"count": abs(slip)}
    else:
        told = _("P80 is on the day of the target.")
    names = [isolated(name) for name in path.values_list("name", flat=True)[:6]]
    return f"{told} {critical_path(names, 5)}".strip()
