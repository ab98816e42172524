"""What recurs over programs and quarters, and the register of problems that people have made of it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_POST, require_safe

from dashboards import bars
from history.changes import changes_of
from history.forms import explaining
from people import permissions as organisation
from people.pages import SignedIn, attempt, day_of, delete, done, form_page, narrowed, paged, posted, zone_of
from people.permissions import OrgAct
from people.services import today
from programs.forms import ProgramForm
from programs.models import Program
from risks import services
from risks.forms import CloseForm, ProblemForm
from risks.models import Problem, ProblemCost
from risks.permissions import may_change, require_change
from risks.recurring import Cost, Kind, Of, Recurring, find, quarters_until

MOST_ROWS = 25
MOST_COSTS = 100
CRUMBS = [(lazy("Problems"), "/problems")]


def title_of(one: Recurring) -> str:
    """What a problem is called until somebody says better; it counts nothing, for others may see less of it."""
    form = _("%(name)s: delays again and again") if one.kind is Kind.CAUSE else _("What %(name)s gives comes late")
    return form % {"name": one.name}


@require_safe
def problems(request: SignedIn) -> HttpResponse:
    """Causes and giving teams that cost two or more of the reader's programs days, beside the register."""
    viewer = request.user
    zone, day = zone_of(request), day_of(request)
    found = find(viewer, today=day, zone=zone)
    visible = Problem.objects.visible_to(viewer)
    recorded = {
        (Kind.CAUSE, cause) if cause else (Kind.TEAM, team): pk
        for pk, cause, team in visible.open().order_by("-pk").values_list("pk", "cause_id", "team_id")
    }
    closed = request.GET.get("show") == "closed"
    done_with = visible.exclude(closed_on=None)
    register = done_with if closed else visible.open()
    page = paged(request, register.select_related("owner", "program").order_by("-opened_on", "-id"))
    most = max((days for one in found for _, days in one.by_quarter), default=0)
    context = {
        "title": _("Problems"),
        "sub": _(
            "What keeps costing several programs days: by the cause of moved dates, and by the team that gives. "
            "A problem that somebody owns can become a program."
        ),
        "lines": [
            (one, bars.by_quarter(one.by_quarter, most, one.name), recorded.get((one.kind, one.id)))
            for one in found[:MOST_ROWS]
        ],
        "more": len(found) - MOST_ROWS,
        "quarters": [bars.quarter_name(on) for on in quarters_until(day)],
        "page": page,
        "started": _seen(request, list(page)),
        "closed": closed,
        "tabs": [
            {"label": _("Open"), "url": "?show=open", "count": visible.open().count(), "current": not closed},
            {"label": _("Closed"), "url": "?show=closed", "count": done_with.count(), "current": closed},
        ],
        "tabs_label": _("Problems"),
        "primary_url": "/problems/new",
        "primary_label": _("New problem"),
    }
    return render(request, "dashboards/problems.html", context)


def _seen(request: SignedIn, rows: Sequence[Problem]) -> set[int]:
    """Ids of the programs started from these problems that the reader sees."""
    started = {row.program_id for row in rows if row.program_id}
    return set(Program.objects.visible_to(request.user).filter(pk__in=started).values_list("pk", flat=True))


def find_problem(request: SignedIn, pk: int) -> Problem:
    rows = Problem.objects.visible_to(request.user).select_related("owner", "cause", "team", "program")
    return get_object_or_404(rows, pk=pk)


def _here(*rows: Problem) -> list[tuple[str | Promise, str]]:
    return [*CRUMBS, *((row.title, row.get_absolute_url()) for row in rows)]


@require_safe
def problem(request: SignedIn, pk: int) -> HttpResponse:
    row = find_problem(request, pk)
    seen = _seen(request, [row])
    started = row.program if row.program_id in seen else None
    mine = may_change(request.user, row)
    found = _as_found(request, row)
    context = {
        "title": row.title,
        "crumbs": CRUMBS,
        "problem": row,
        "source": row.cause or row.team,
        "started": started,
        "found": found,
        "costs": _costliest(found) if found else [],
        "chart": bars.by_quarter(found.by_quarter, max(days for _, days in found.by_quarter), found.name)
        if found
        else "",
        "changes": changes_of(row, {"program": lambda _program: started.name if started else _("a private program")}),
        "may_edit": mine,
        "may_start": mine and not row.program_id and organisation.may(request.user, OrgAct.CREATE_PROGRAM),
    }
    return render(request, "dashboards/problem.html", context)


def _costliest(found: Recurring) -> list[tuple[Cost, str]]:
    """What programs lost in quarters: all of it in order of time, of very many the costliest."""
    costs = sorted(found.costs, key=lambda cost: -cost.days)[:MOST_COSTS]
    costs.sort(key=lambda cost: (cost.quarter_on, cost.program.id))
    return [(cost, bars.quarter_name(cost.quarter_on)) for cost in costs]


def _as_found(request: SignedIn, row: Problem) -> Recurring | None:
    """The evidence of a problem as it was found, of the programs that the reader sees."""
    costs = [
        Cost(Of(program, key, name), on, days, slips)
        for on, days, slips, program, key, name in ProblemCost.objects.visible_to(request.user)
        .filter(problem=row)
        .order_by("quarter_on", "program_id")
        .values_list("quarter_on", "days", "slips", "program_id", "program__key", "program__name")
    ]
    source = row.cause or row.team
    if not costs or source is None:
        return None
    kind = Kind.CAUSE if row.cause_id else Kind.TEAM
    return Recurring(kind, source.pk, source.name, quarters_until(max(row.opened_on, costs[-1].quarter_on)), costs)


@require_POST
def problem_record(request: SignedIn) -> HttpResponse:
    """One click: what recurs becomes a problem that the reader owns, with the evidence as it stands now."""
    organisation.require(request.user, OrgAct.RECORD_PROBLEM)
    zone, on = zone_of(request), day_of(request)
    recurring = find(request.user, today=on, zone=zone)
    one = next((one for one in recurring if str(one.id) == request.POST.get(one.kind)), None)
    if one is None:
        raise Http404
    row = services.open_problem(
        by=request.user, today=on, title=title_of(one), costs=one.costs, **{f"{one.kind}_id": one.id}
    )
    return done(request, _("Recorded, and you own it. Say what would end it."), row.get_absolute_url())


def problem_create(request: SignedIn) -> HttpResponse:
    organisation.require(request.user, OrgAct.RECORD_PROBLEM)
    form = ProblemForm(posted(request), by=request.user)
    if form.is_bound and form.is_valid():
        with explaining(form):
            row = services.open_problem(by=request.user, today=today(timezone.now()), **form.changes)
            return done(request, _("Recorded the problem."), row.get_absolute_url())
    context = {
        "form": form,
        "title": _("New problem"),
        "crumbs": CRUMBS,
        "cancel_url": "/problems",
        "submit_label": _("Record problem"),
    }
    return form_page(request, context)


def problem_edit(request: SignedIn, pk: int) -> HttpResponse:
    row = find_problem(request, pk)
    require_change(request.user, row)
    here = row.get_absolute_url()
    form = narrowed(request, ProblemForm(posted(request), by=request.user, row=row))
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.change_problem(problem=row, by=request.user, **form.changes)
            return done(request, _("Saved the problem."), here, kept=form.kept)
    context = {
        "form": form,
        "title": _("Edit problem"),
        "crumbs": _here(row),
        "cancel_url": here,
        "delete_url": f"{here}/delete",
    }
    return form_page(request, context)


def problem_close(request: SignedIn, pk: int) -> HttpResponse:
    row = find_problem(request, pk)
    require_change(request.user, row)
    here = row.get_absolute_url()
    form = CloseForm(posted(request))
    if form.is_bound and form.is_valid():
        with explaining(form):
            because = form.cleaned_data["closed_because"]
            services.close_problem(problem=row, by=request.user, on=today(timezone.now()), because=because)
            return done(request, _("Closed the problem."), here)
    form.fields["closed_because"].help_text = _("It is solved, or nobody will solve it: the next reader wants to know.")
    context = {
        "form": form,
        "title": _("Close problem"),
        "sub": row.title,
        "crumbs": _here(row),
        "cancel_url": here,
        "submit_label": _("Close problem"),
    }
    return render(request, "form_base.html", context, status=422 if form.errors else 200)


@require_POST
def problem_reopen(request: SignedIn, pk: int) -> HttpResponse:
    row = find_problem(request, pk)
    require_change(request.user, row)
    return attempt(
        request,
        lambda: services.reopen_problem(problem=row, by=request.user),
        _("The problem is open again."),
        row.get_absolute_url(),
    )


def problem_start(request: SignedIn, pk: int) -> HttpResponse:
    """The form of a new program, filled with what the problem says; its summary leads back here."""
    row = find_problem(request, pk)
    require_change(request.user, row)
    organisation.require(request.user, OrgAct.CREATE_PROGRAM)
    here = row.get_absolute_url()
    form = ProgramForm(posted(request), by=request.user)
    form.initial.update(name=row.title, summary=_summary(row, request.build_absolute_uri(here)))
    if form.is_bound and form.is_valid():
        with explaining(form):
            program = services.start_program(problem=row, by=request.user, **form.related, **form.changes)
            return done(
                request,
                _("Started %(program)s. Next: its milestones.") % {"program": program.name},
                program.get_absolute_url(),
            )
    context = {
        "form": form,
        "title": _("Start a program"),
        "sub": _("To end the problem “%(title)s”. The summary leads back to it.") % {"title": row.title},
        "crumbs": _here(row),
        "cancel_url": here,
        "submit_label": _("Start program"),
    }
    return form_page(request, context)


def _summary(row: Problem, address: str) -> str:
    link = f"Started from the problem [{escaped(row.title)}]({address})."
    return f"{row.description}\n\n{link}" if row.description else link


def escaped(text: str) -> str:
    """Text that Markdown shows as it is, inside a link too."""
    return re.sub(r"([\\\[\]])", r"\\\1", text)


def problem_delete(request: SignedIn, pk: int) -> HttpResponse:
    row = find_problem(request, pk)
    require_change(request.user, row)
    return delete(
        request,
        lambda: services.delete_problem(problem=row, by=request.user),
        row=row,
        to="/problems",
        back=row.get_absolute_url(),
        consequence=_("Its evidence goes with it. To keep it in the register, close it instead."),
        crumbs=_here(row),
    )
