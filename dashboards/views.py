"""Pages that show many nouns side by side."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboards import charts, evidence, machinery, overview, roadmap
from dashboards import program as one
from dashboards.context import is_there, organisation_and_zone
from dashboards.templatetags.words import tone
from forecasts.models import HealthPolicy
from people.pages import SignedIn
from people.permissions import OrgAct, may
from programs.models import Health
from programs.permissions import Act, acts

FILTERS = ("q", "health", "lead", "team", "area")


@require_safe
def portfolio(request: SignedIn) -> HttpResponse:
    """Every program the reader may see, and what changed since last Friday."""
    viewer = request.user
    organisation, zone = organisation_and_zone()
    today = timezone.now().astimezone(zone).date()
    since = overview.last_friday(today)
    chosen = request.GET.get("view", "")
    found = overview.lines(viewer, today=today, since=since, zone=zone, closed=chosen == "closed")
    sums = overview.add_up(found)
    filters = {name: request.GET.get(name, "").strip() for name in FILTERS}
    sort = request.GET.get("sort", "attention")
    belongs = overview.VIEWS.get(chosen, overview.VIEWS[""])
    lines = overview.arrange((x for x in found if belongs(x) and overview.matches(x, filters, viewer)), sort)
    page = Paginator(lines, overview.PAGE_SIZE).get_page(request.GET.get("page"))
    overview.fill(page.object_list, today=today)
    axis = charts.forecast_axis(
        [day for line in page for day in (line.program.target_on, line.p50_on, line.p80_on) if day], today
    )
    grid = charts.axis_grid(axis, today)
    context = {
        "title": f"{organisation} portfolio" if organisation else "Portfolio",
        "organisation": organisation or "Portfolio",
        "today": today,
        "since": since,
        "sums": sums,
        "count": len(found),
        "derived_bar": charts.stacked_bar([(tone(h), sums.derived[h]) for h in Health]),
        "reported_bar": charts.stacked_bar([(tone(h), sums.reported[h]) for h in Health] + [("none", sums.unreported)]),
        "derived_counts": [(h, sums.derived[h]) for h in Health if sums.derived[h]],
        "reported_counts": [(h, sums.reported[h]) for h in Health if sums.reported[h]],
        "changes": overview.changes(viewer, found, today=today, since=since, zone=zone),
        "moves": overview.best_moves(found, viewer),
        "page": page,
        "rows": [
            (
                line,
                charts.forecast_row(axis, grid, tone(line.derived), line.program.target_on, line.p50_on, line.p80_on),
                charts.sparkline(line.slips, tone(line.derived)),
            )
            for line in page
        ],
        "axis_head": charts.axis_head(axis),
        "tabs": tabs(request.GET, found, sums, chosen),
        "tabs_label": "Views",
        "sort": sort,
        "sorts": [(key, label) for key, (label, _) in overview.SORTS.items()],
        "filters": filters,
        "chips": chips(request.GET, filters, found),
        "choices": choices(found),
        "filtered": any(filters.values()) or bool(chosen),
        "policy": HealthPolicy.objects.order_by("-version").first() or HealthPolicy(),
        "can_create": may(viewer, OrgAct.CREATE_PROGRAM) and is_there("/programs/new"),
    }
    return render(request, "dashboards/portfolio.html", context)


def tabs(query: QueryDict, found: list[overview.Line], sums: overview.Sums, chosen: str) -> list[dict[str, object]]:
    """The saved views of the portfolio; each keeps the order but not the filters."""
    kept = f"&sort={query['sort']}" if query.get("sort") in overview.SORTS else ""
    counts: list[tuple[str, str, int | None]] = [
        ("", "Open programs", len(found)),
        ("attention", "Needs attention", sums.attention),
        ("mismatch", "Reported ≠ derived", sums.disagree),
        ("closed", "Closed", len(found)),
    ]
    # Only the programs of the chosen half are read, so the other half's counts are not known here.
    closed = chosen == "closed"
    shown: list[dict[str, object]] = [
        {
            "label": label,
            "url": f"?view={key}{kept}" if key else f"/{kept.replace('&', '?', 1)}",
            "count": count if (key == "closed") == closed else None,
            "current": key == (chosen if chosen in {k for k, _, _ in counts} else ""),
        }
        for key, label, count in counts
    ]
    shown.insert(-1, {"label": "Watermelons", "url": "/watermelons", "count": None, "current": False})
    return shown


def choices(found: list[overview.Line]) -> dict[str, list[tuple[str, str]]]:
    """What the filters offer: only what some visible program has."""
    programs = [line.program for line in found]
    return {
        "health": [(h.value, str(h.label)) for h in Health],
        "lead": sorted({(str(p.lead.pk), p.lead.name) for p in programs if p.lead}, key=lambda pair: pair[1]),
        "team": sorted(
            {(str(p.owning_team.pk), p.owning_team.name) for p in programs if p.owning_team}, key=lambda pair: pair[1]
        ),
        "area": sorted({(p.area, p.area) for p in programs if p.area}),
    }


def chips(query: QueryDict, filters: dict[str, str], found: list[overview.Line]) -> list[tuple[str, str, str]]:
    """The filters in force: name, value in words, and the address without that filter."""
    if not any(filters.values()):
        return []
    offered = choices(found)
    result = []
    for name, value in filters.items():
        if not value:
            continue
        rest = query.copy()
        rest.pop(name, None)
        rest.pop("page", None)
        words = "me" if value == "me" else dict(offered.get(name, [])).get(value, value)
        result.append(("Search" if name == "q" else name.capitalize(), words, f"?{rest.urlencode()}" if rest else "/"))
    return result


@require_safe
def program(request: SignedIn, key: str) -> HttpResponse:
    """One program: its health and why, its plan, risks, numbers, words and decisions."""
    found = one.find(request.user, key)
    if found is None:
        raise Http404
    organisation, zone = organisation_and_zone()
    today = timezone.now().astimezone(zone).date()
    page = one.load(found, request.user, today=today, zone=zone)
    allowed = acts(request.user, found)
    here = found.get_absolute_url()
    marks = [
        roadmap.Mark(
            pk=step.milestone.pk,
            name=step.milestone.name,
            group=step.group,
            tag=step.owner_key,
            tone=step.tone,
            finish_on=step.finish_on,
            p80_on=step.p80_on,
            reference_on=step.reference_on,
            slip=step.slip,
            done=step.milestone.done_on is not None,
            critical=step.is_critical,
            driven_by=step.forecast.driven_by_id if step.forecast else None,
        )
        for step in page.steps
    ]
    context = {
        "title": found.name,
        "organisation": organisation or "Portfolio",
        "program": found,
        "today": today,
        "page": page,
        "updated_on": page.updates[0].published_at.astimezone(zone).date()
        if page.updates and page.updates[0].published_at
        else None,
        "forecast_run": {"at": page.health.computed_at if page.health else None},
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
                    f"{gauge.kpi.name}: {gauge.state.standing.label}",
                ),
            )
            for gauge in page.gauges[:6]
        ],
        "roadmap": roadmap.draw(
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
        "most_rows": roadmap.MOST_ROWS,
        "matrix": charts.risk_matrix(page.risks),
        "pages": {name: f"{here}{end}" for name, end in PROGRAM_LINKS.items() if is_there(f"/p/ANY{end}")},
        "star_url": f"{here}/watch",
        "may_edit": Act.EDIT in allowed,
        "may_report": Act.REPORT in allowed,
        "may_decide": Act.DECIDE in allowed,
    }
    return render(request, "dashboards/program.html", context)


def slip_words(why: evidence.Why) -> str:
    """“34 days late: 21 Waits on GPU scheduler GA, …”: the parts that add days, as the bar shows them."""
    told = ", ".join(f"{part.days} {part.title}" for part in why.parts if (part.days or 0) > 0)
    return f"{why.total_days} days late: {told}"


# Pages about a program that other apps have; those that exist are offered.
PROGRAM_LINKS = {
    "write_update": "/updates/new",
    "edit": "/edit",
    "settings": "/settings",
    "updates": "/updates",
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
@login_not_required
def healthz(request: HttpRequest) -> JsonResponse:
    """For load balancers and ``./run``: 200 while pages work, that is while the database answers."""
    state = machinery.look(timezone.now())
    return JsonResponse(
        state, status=503 if state["status"] == machinery.DOWN else 200, headers={"Cache-Control": "no-store"}
    )
