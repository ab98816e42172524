"""The milestones of a program beside their forecast, as a list."""

from __future__ import annotations

from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_safe

from dashboards.plan import Line, forecasts_of
from dashboards.templatetags.words import in_days
from forecasts.policy import newest_policy
from milestones.models import Milestone
from people import lists
from people.lists import Listing, Shape
from people.pages import SignedIn, day_of
from programs.pages import find_program, looks_back, program_crumbs
from programs.permissions import Act, acts

MILESTONES = Shape(
    name="milestones",
    noun=lazy("milestone"),
    show="state",
    filters={
        "q": lists.words(lazy("Words in name, workstream or owner"), "name", "workstream__name", "owner__name"),
        "workstream": lists.related(lazy("Workstream"), "workstream", lazy("No workstream")),
        "owner": lists.person(lazy("Owner")),
        "team": lists.related(lazy("Team"), "team", lazy("No team")),
        "kind": lists.one_of(lazy("Kind"), "kind", Milestone.Kind.choices),
        "target": lists.due(lazy("Target"), "due"),
    },
    sorts={
        "finish": (lazy("Expected"), Coalesce("done_on", "forecast__p80_on", "forecast__finish_on", "target_on")),
        "name": (lazy("Milestone"), F("name")),
        "workstream": (lazy("Workstream"), F("workstream__name")),
        "owner": (lazy("Owner"), F("owner__name")),
        "work": (lazy("Work"), F("work_likely")),
        "start": (lazy("Not before"), F("not_before_on")),
        "target": (lazy("Target"), F("due")),
        "slip": (lazy("Slip"), Coalesce("done_on", "forecast__p80_on") - F("due")),
        "float": (lazy("Float"), F("forecast__total_float")),
    },
    sort="finish",
    size=40,
    columns=[
        (lazy("Milestone"), lambda line: line.milestone.name),
        (lazy("Workstream"), lambda line: line.milestone.workstream and line.milestone.workstream.name),
        (lazy("Kind"), lambda line: line.milestone.get_kind_display()),
        (lazy("End of the program"), lambda line: _("end") if line.milestone.is_end else None),
        (lazy("Owner"), lambda line: line.milestone.owner and line.milestone.owner.name),
        (lazy("Team"), lambda line: line.milestone.team and line.milestone.team.name),
        (lazy("Work, days"), lambda line: in_days(line.milestone.work_likely)),
        (lazy("Not before"), lambda line: line.milestone.not_before_on),
        (lazy("Target"), lambda line: line.due_on),
        ("P50", lambda line: line.forecast and line.forecast.p50_on),
        ("P80", lambda line: line.forecast and line.forecast.p80_on),
        (lazy("Done"), lambda line: line.milestone.done_on),
        (lazy("Slip against target, days"), lambda line: line.slip_days),
        (lazy("Float, days"), lambda line: in_days(line.open_float)),
        (lazy("State"), lambda line: line.state),
    ],
)


@require_safe
@looks_back
def milestones(request: SignedIn, key: str) -> HttpResponse:
    program = find_program(request, key)
    here, day = f"{program.get_absolute_url()}/milestones", day_of(request)
    is_open = Q(done_on=None, cancelled_on=None)
    kinds = {
        "open": (_("Open"), is_open),
        "late": (_("Overdue"), is_open & Q(due__lt=day)),
        "done": (_("Done"), Q(done_on__isnull=False)),
        "all": (_("All"), Q()),
    }
    listing = Listing(request, MILESTONES, program.milestones.with_due(), kinds, day, program=program)
    rows = listing.ordered(listing.wanted.select_related("owner", "workstream", "team"))
    policy = newest_policy()
    if listing.format:
        found = list(rows)
        known = forecasts_of(found)
        return listing.file(Line(row, known.get(row.pk), policy) for row in found)
    page = listing.page(rows)
    forecasts = forecasts_of(list(page))
    allowed = acts(request.user, program)
    context = listing.context(page) | {
        "program": program,
        "may_edit": Act.EDIT in allowed,
        "may_plan": Act.PLAN in allowed,
        "place": "milestones",
        "title": _("Milestones"),
        "untold": [_("P80 and slip are those issued in that week; float is not kept by day.")],
        "crumbs": program_crumbs(program),
        "lines": [Line(row, forecasts.get(row.pk), policy) for row in page],
        "primary_url": f"{here}/new" if Act.EDIT in allowed else None,
        "primary_label": _("New milestone"),
        "secondary_url": f"{program.get_absolute_url()}/baselines",
        "secondary_label": _("Baselines"),
        "empty_heading": _("No milestones yet"),
        "empty_text": _("A milestone is a dated promise. Mark one as the end: its forecast is the program's."),
    }
    return render(request, "dashboards/milestones.html", context)
