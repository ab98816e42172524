"""The page of one program, which shows many nouns side by side, and what load balancers and open pages ask for."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from dashboards import charts, evidence, machinery, roadmap_charts
from dashboards import program as one
from dashboards.context import is_there
from dashboards.context import pulse as beat
from dashboards.first_steps import first_steps
from history import past
from people.pages import SignedIn, day_of, zone_of
from programs.pages import looks_back
from programs.permissions import Act, acts


@require_safe
@looks_back
def program(request: SignedIn, key: str) -> HttpResponse:
    """One program: its health and why, its plan, risks, numbers, words and decisions."""
    found = one.find(request.user, key)
    if found is None:
        raise Http404
    today = day_of(request)
    page = one.load(found, request.user, today=today, zone=zone_of(request))
    allowed = acts(request.user, found)
    here = found.get_absolute_url()
    marks = [
        roadmap_charts.Mark(
            pk=step.milestone.pk,
            version=step.milestone.version,
            name=step.milestone.name,
            group=step.group,
            tag=step.owner_key,
            tone=step.tone,
            finish_on=step.finish_on,
            p80_on=step.p80_on,
            ghost_on=step.reference_on,
            slip=step.slip,
            done=step.milestone.done_on is not None,
            critical=step.is_critical,
            driven_by=step.forecast.driven_by_id if step.forecast else None,
        )
        for step in page.steps
    ]
    context = {
        "title": found.name,
        "program": found,
        "today": today,
        "page": page,
        "policy": page.policy,
        "slip_bar": charts.stacked_bar(
            [(part.tone, max(part.days or 0, 0)) for part in page.why.parts],
            label=slip_words(page.why),
            width=640,
        ),
        "gauges": [
            (
                gauge,
                charts.trend(
                    [(day, float(value)) for day, value in gauge.points],
                    gauge.tone,
                    f"{gauge.kpi.name}: {gauge.state.label}",
                ),
            )
            for gauge in page.gauges[:6]
        ],
        "roadmap": roadmap_charts.draw(
            marks,
            [(link.predecessor_id, link.successor_id) for link in page.links],
            today,
            found.target_on,
            found.name,
            page.finding,
        )
        if any(mark.finish_on for mark in marks)
        else "",
        "undrawn": sum(mark.finish_on is None for mark in marks),
        "most_rows": roadmap_charts.MOST_ROWS,
        "matrix": charts.risk_matrix(page.risks),
        "first_steps": [] if past.day() else first_steps(page, allowed),
        "untold": [_("P50 and P80 are those issued in that week; float and the critical path are not kept by day.")],
        "pages": {name: f"{here}{end}" for name, end in PROGRAM_LINKS.items() if is_there(f"/p/ANY{end}")},
        "star_url": f"{here}/watch",
        "may_edit": Act.EDIT in allowed,
        "may_plan": Act.PLAN in allowed,
        "may_rank": Act.RANK in allowed,
        "may_manage": Act.MANAGE in allowed,
        "may_report": Act.REPORT in allowed,
        "may_decide": Act.DECIDE in allowed,
    }
    return render(request, "dashboards/program.html", context)


def slip_words(why: evidence.Why) -> str:
    """“34 days late: +21 d Waits on GPU scheduler GA, −4 d …”: all parts, as they add up."""
    told = ", ".join(f"{charts.signed(part.days)} {part.title}" for part in why.parts if part.days)
    late = ngettext("%(days)s day late: %(parts)s", "%(days)s days late: %(parts)s", why.total_days)
    return late % {"days": why.total_days, "parts": told}


# Pages about a program that other apps have; those that exist are offered.
PROGRAM_LINKS = {
    "write_update": "/updates/new",
    "edit": "/edit",
    "settings": "/settings",
    "updates": "/updates",
    "roadmap": "/roadmap",
    "milestones": "/milestones",
    "new_milestone": "/milestones/new",
    "risks": "/risks",
    "new_risk": "/risks/new",
    "kpis": "/kpis",
    "new_kpi": "/kpis/new",
    "decisions": "/decisions",
    "requirements": "/requirements",
}


@require_safe
def pulse(request: SignedIn) -> HttpResponse:
    """A stamp of what the reader sees, for pages that are open: when it differs, they fetch themselves anew."""
    return HttpResponse(beat(request.user, request.GET.get("program", ""))["stamp"], content_type="text/plain")


@require_safe
@login_not_required
def healthz(request: HttpRequest) -> JsonResponse:
    """For load balancers and ``./run``: 200 while pages work, that is while the database answers."""
    state = machinery.look(timezone.now())
    return JsonResponse(
        state, status=503 if state["status"] == machinery.DOWN else 200, headers={"Cache-Control": "no-store"}
    )
