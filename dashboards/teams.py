"""Teams, and what each is asked for against what it can do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, F, OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce, NullIf
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from dashboards import bars, promises
from dashboards.templatetags.words import number
from forecasts.loads import WEEKS, Asking, TeamLoad, Week, load_of, loads_of, overloaded, worst
from history import past
from people import charts, lists
from people.export import exact
from people.hours import shared_hours
from people.lists import Listing, Shape
from people.models import Membership, Team, User
from people.pages import SignedIn, day_of
from people.permissions import OrgAct, may
from people.views import find_team, team_crumbs
from programs.pages import looks_back

MOST_ROWS = 60


def in_words(team: Team, weeks: Sequence[Week]) -> tuple[str, str, str]:
    """Tone, state and finding: in how many of the weeks the team is asked for more than it can do, and when most."""
    if team.capacity_days is None:
        return "none", _("Nothing to compare"), _("Nobody has said what the team can do a week.")
    if not any(week.demand for week in weeks):
        finding = _("No milestone asks for the team in the next %(weeks)s weeks.") % {"weeks": len(weeks)}
        return "none", _("Not asked for"), finding
    peak, many = worst(weeks), len(overloaded(weeks))
    if peak is None:
        finding = _("Asked for no more than it can do in any of the next %(weeks)s weeks.") % {"weeks": len(weeks)}
        return "ok", _("Within capacity"), finding
    form = ngettext(
        "Asked for more than it can do in one of the next %(weeks)s weeks, "
        "most in week %(week)s, %(demand)s of %(capacity)s people-days.",
        "Asked for more than it can do in %(count)s of the next %(weeks)s weeks, "
        "most in week %(week)s, %(demand)s of %(capacity)s people-days.",
        many,
    )
    finding = form % {
        "count": many,
        "weeks": len(weeks),
        "week": peak.number,
        "demand": number(peak.demand),
        "capacity": number(peak.capacity or 0),
    }
    return "bad", _("Overloaded"), finding


TEAMS = Shape(
    name="teams",
    noun=lazy("team"),
    filters={
        "q": lists.words(lazy("Words in name or area"), "name", "area"),
        "area": lists.value(lazy("Area"), "area", lazy("No area")),
        "calendar": lists.related(lazy("Working calendar"), "calendar", lazy("The organisation’s")),
        "capacity": lists.Filter(
            lazy("Capacity"),
            lambda rows, value, reader: rows.filter(capacity_days__isnull=value != "said"),
            lambda rows, reader: [("said", _("Said")), ("unsaid", _("Not said"))],
        ),
        "limits": lists.Filter(
            lazy("Overload"),
            lambda rows, value, reader: rows.filter(limits_work=True),
            lambda rows, reader: [("yes", _("Delays work"))],
        ),
    },
    sorts={
        "name": (lazy("Team"), F("name")),
        "area": (lazy("Area"), NullIf("area", Value(""))),
        "members": (lazy("Members"), F("member_count")),
        "capacity": (lazy("People-days a week"), F("capacity_days")),
        "calendar": (lazy("Working calendar"), F("calendar__name")),
    },
    sort="name",
    columns=[
        (lazy("Team"), lambda line: line.team.name),
        (lazy("Area"), lambda line: line.team.area or None),
        (lazy("Members"), lambda line: line.team.member_count),
        (lazy("People-days a week"), lambda line: exact(line.team.capacity_days)),
        (
            format_lazy(lazy("Overloaded weeks of {weeks}"), weeks=WEEKS),
            lambda line: len(line.over) if line.team.capacity_days is not None else None,
        ),
        (lazy("Most in week"), lambda line: line.peak and line.peak.number),
        (lazy("Overload delays work"), lambda line: _("yes") if line.team.limits_work else _("no")),
        (
            lazy("Working calendar"),
            lambda line: line.team.calendar.name if line.team.calendar else _("The organisation’s"),
        ),
    ],
)


@dataclass(frozen=True, slots=True)
class TeamLine:
    """A team with what it is asked for in the coming weeks."""

    team: Any
    weeks: Sequence[Week]

    @property
    def chart(self) -> str:
        return bars.small_weeks(self.weeks) if any(week.demand for week in self.weeks) else ""

    @property
    def over(self) -> Sequence[Week]:
        return overloaded(self.weeks)

    @property
    def peak(self) -> Week | None:
        return worst(self.weeks)


def lines_of(rows: Iterable[Team], viewer: User, day: date) -> list[TeamLine]:
    found = list(rows)
    # What teams were asked for hangs on forecasts of each day, which are not kept.
    loads = {} if past.day() else loads_of(found, viewer, today=day)
    return [TeamLine(row, loads.get(row.pk, ())) for row in found]


@require_safe
@looks_back
def teams(request: SignedIn) -> HttpResponse:
    day = day_of(request)
    # Counted beside, not grouped: a view of the past has no primary key to group by.
    members = Membership.objects.filter(team=OuterRef("pk")).order_by().values("team").annotate(many=Count("pk"))
    found = Team.objects.annotate(member_count=Coalesce(Subquery(members.values("many")), 0))
    listing = Listing(request, TEAMS, found, {"": (_("All"), Q())}, day)
    rows = listing.ordered(listing.wanted.select_related("calendar"))
    if listing.format:
        return listing.file(lines_of(rows, request.user, day))
    page = listing.page(rows)
    may_add = may(request.user, OrgAct.CREATE_TEAM)
    context = listing.context(page) | {
        "lines": lines_of(page, request.user, day),
        "weeks": WEEKS,
        "small_weeks": bars.SMALL_WEEKS,
        "title": _("Teams"),
        "untold": [_("What teams were asked for by week is not kept by day.")],
        "sub": _("People who deliver together, and what they are asked for against what they can do."),
        "primary_url": "/teams/new" if may_add else None,
        "primary_label": _("New team"),
        "empty_heading": _("No teams yet"),
        "empty_text": _("Programs, slots and milestones name the team that delivers them."),
    }
    return render(request, "dashboards/teams.html", context)


@require_safe
def team(request: SignedIn, pk: int) -> HttpResponse:
    row, at, day = find_team(pk), timezone.now(), day_of(request)
    load = load_of(row, request.user, today=day)
    members = list(User.objects.filter(memberships__team=row).order_by("name", "id"))
    hours = shared_hours([one for one in members if one.is_active], request.user, at)
    programs = promises.programs_of(row, request.user)
    tone, state, finding = in_words(row, load.weeks)
    may_edit = may(request.user, OrgAct.MANAGE_TEAMS)
    context = {
        "team": row,
        "title": row.name,
        "crumbs": team_crumbs(),
        "load": load,
        "overloaded": load.overloaded,
        "tone": tone,
        "state": state,
        "finding": finding,
        "chart": bars.by_week(load.weeks, finding) if load.asking else "",
        "asking": _heaviest_first(load)[:MOST_ROWS],
        "undated_days": sum(one.demand for one in load.undated),
        "rows": [(one, at.astimezone(ZoneInfo(one.time_zone))) for one in members],
        "hours": hours,
        "hours_chart": charts.draw(hours) if hours else "",
        "most_rows": charts.MOST_ROWS,
        "programs": programs[:MOST_ROWS],
        "more_programs": len(programs) - MOST_ROWS,
        "record": promises.record_of(row, request.user, day),
        "today": day,
        "may_edit": may_edit,
        "primary_url": f"/teams/{row.pk}/members" if may_edit else None,
        "primary_label": _("Change members"),
        "primary_icon": "user",
        "secondary_url": f"/teams/{row.pk}/edit" if may_edit else None,
        "secondary_label": _("Edit"),
        "secondary_icon": "pencil",
        "empty_heading": _("Nobody is in this team yet"),
        "empty_text": _("Members show who delivers what the team promises."),
    }
    return render(request, "dashboards/team.html", context)


def _heaviest_first(load: TeamLoad) -> list[tuple[Asking, float]]:
    """Milestones that ask for the team, those first that ask for most in overloaded weeks."""
    found = [(one, load.overloading(one)) for one in load.asking]
    return sorted(found, key=lambda pair: -pair[1])
