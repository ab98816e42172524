"""The milestones of a program beside their forecast, as a list."""

from __future__ import annotations

from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboards.plan import Line, forecasts_of
from dashboards.templatetags.words import in_days
from milestones.models import Milestone
from people import lists
from people.lists import Listing, Shape
from people.pages import SignedIn, day_of
from programs.pages import find_program, looks_back, program_crumbs
from programs.permissions import Act, acts

MILESTONES = Shape(
    name="milestones",
    noun="milestone",
    show="state",
    filters={
        "q": lists.words("Words in name, workstream or owner", "name", "workstream__name", "owner__name"),
        "workstream": lists.related("Workstream", "workstream", "No workstream"),
        "owner": lists.person("Owner"),
        "team": lists.related("Team", "team", "No team"),
        "kind": lists.one_of("Kind", "kind", Milestone.Kind.choices),
        "target": lists.due("Target", "target_on"),
    },
    sorts={
        "finish": ("Expected", Coalesce("done_on", "forecast__p80_on", "forecast__finish_on", "target_on")),
        "name": ("Milestone", F("name")),
        "workstream": ("Workstream", F("workstream__name")),
        "owner": ("Owner", F("owner__name")),
        "work": ("Work", F("work_likely")),
        "start": ("Not before", F("not_before_on")),
        "target": ("Target", F("target_on")),
        "slip": ("Slip", Coalesce("done_on", "forecast__p80_on") - Coalesce("target_on", "forecast__target_on")),
        "float": ("Float", F("forecast__total_float")),
    },
    sort="finish",
    size=40,
    columns=[
        ("Milestone", lambda line: line.milestone.name),
        ("Workstream", lambda line: line.milestone.workstream and line.milestone.workstream.name),
        ("Kind", lambda line: line.milestone.get_kind_display()),
        ("End of the program", lambda line: "end" if line.milestone.is_end else None),
        ("Owner", lambda line: line.milestone.owner and line.milestone.owner.name),
        ("Team", lambda line: line.milestone.team and line.milestone.team.name),
        ("Work, days", lambda line: in_days(line.milestone.work_likely)),
        ("Not before", lambda line: line.milestone.not_before_on),
        ("Target", lambda line: line.due_on),
        ("P50", lambda line: line.forecast and line.forecast.p50_on),
        ("P80", lambda line: line.forecast and line.forecast.p80_on),
        ("Done", lambda line: line.milestone.done_on),
        ("Slip against target, days", lambda line: line.slip_days),
        ("Float, days", lambda line: in_days(line.open_float)),
        ("State", lambda line: line.state),
    ],
)


@require_safe
@looks_back
def milestones(request: SignedIn, key: str) -> HttpResponse:
    program = find_program(request, key)
    here, day = f"{program.get_absolute_url()}/milestones", day_of(request)
    is_open = Q(done_on=None, cancelled_on=None)
    kinds = {
        "open": ("Open", is_open),
        "late": ("Past target", is_open & Q(target_on__lt=day)),
        "done": ("Done", Q(done_on__isnull=False)),
        "all": ("All", Q()),
    }
    listing = Listing(request, MILESTONES, program.milestones.all(), kinds, day, program=program)
    rows = listing.ordered(listing.wanted.select_related("owner", "workstream", "team"))
    if listing.format:
        found = list(rows)
        known = forecasts_of(found)
        return listing.file(Line(row, known.get(row.pk)) for row in found)
    page = listing.page(rows)
    forecasts = forecasts_of(list(page))
    allowed = acts(request.user, program)
    context = listing.context(page) | {
        "program": program,
        "may_edit": Act.EDIT in allowed,
        "may_plan": Act.PLAN in allowed,
        "place": "milestones",
        "title": "Milestones",
        "untold": ["P80 and slip are those issued in that week; float is not kept by day."],
        "crumbs": program_crumbs(program),
        "lines": [Line(row, forecasts.get(row.pk)) for row in page],
        "primary_url": f"{here}/new" if Act.EDIT in allowed else None,
        "primary_label": "New milestone",
        "secondary_url": f"{program.get_absolute_url()}/baselines",
        "secondary_label": "Baselines",
        "empty_heading": "No milestones yet",
        "empty_text": "A milestone is a dated promise. Mark one as the end: its forecast is the program's.",
    }
    return render(request, "dashboards/milestones.html", context)
