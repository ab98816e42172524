"""The risk register and a risk, beside what the forecast says that they cost."""

from __future__ import annotations

from typing import Any

from django.db.models import F, Prefetch, Q, QuerySet, Sum
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from dashboards import register
from dashboards.templatetags.words import MINUTES_A_DAY
from dashboards.tornado import tornado
from history.changes import changes_of
from people.models import User
from people.pages import SignedIn, paged
from programs.models import Program, Subject
from programs.pages import program_crumbs
from programs.permissions import Act, acts, editable
from programs.threads import is_watched, thread_of
from risks.exposure import exposure_of
from risks.forms import IMPACTS, LIKELIHOODS
from risks.models import MitigationAction, Risk
from risks.views import log_page, log_shown, log_tabs, today

SCORES = (5, 10, 15, 20)


@require_safe
def risks(request: SignedIn, key: str | None = None) -> HttpResponse:
    """Risks by what to expect of them: of one program, or of all."""
    program, context = log_page(request, key, "risk", "Risks")
    day = today()
    visible = Risk.objects.visible_to(request.user)
    if program:
        visible = visible.filter(program=program)
    is_open = Q(closed_on=None)
    kinds = {
        "open": ("Open", is_open),
        "overdue": ("Overdue mitigation", is_open & Q(pk__in=visible.behind(day).values("pk"))),
        "mine": ("Mine", is_open & Q(owner=request.user)),
        "closed": ("Closed", Q(closed_on__isnull=False)),
    }
    shown = log_shown(request, kinds)
    filters = {name: request.GET.get(name, "").strip() for name in register.FILTERS}
    sort = request.GET.get("sort", register.DEFAULT_SORT)
    scored: Any = visible.filter(kinds[shown][1]).annotate(score=F("likelihood_score") * F("impact_score"))
    rows: Any = register.chosen(scored, filters, request.user).with_exposure()
    todo = MitigationAction.objects.filter(done_on=None).order_by(F("due_on").asc(nulls_last=True), "id")
    page = paged(
        request,
        rows.with_range()
        .select_related("program", "owner", "forecast")
        .prefetch_related(Prefetch("actions", queryset=todo, to_attr="todo"))
        .order_by(*register.ordering(sort)),
    )
    sums = register.add_up(visible, day)
    tabs = log_tabs(kinds, visible, shown)
    count = tabs[0]["count"]
    choices = offered(visible, everywhere=program is None)
    chips_shown = chips(request.GET, filters, choices)
    context |= {
        "sub": f"{count} open risk{'' if count == 1 else 's'}, {sums.minutes / MINUTES_A_DAY:.0f} expected days in "
        "total. Days on parallel paths overlap: read this as a ranking, not as a forecast.",
        "page": page,
        "lines": register.lines(page),
        "editable": editable(request.user, [row.program for row in page]),
        "shown_minutes": rows.aggregate(all=Sum("exposure"))["all"] or 0,
        "tabs": tabs,
        "today": day,
        "sums": sums,
        "open_count": count,
        "matrix": register.matrix(visible.open()) if count else [],
        "impact_words": IMPACTS,
        "bars": register.bars(visible.open()) if count and not program else [],
        "tornado": tornado(program) if count and program else None,
        "in_cell": {filters["likelihood"], filters["impact"]} <= register.FIVE,
        "sort": sort,
        "sorts": [(name, label) for name, (label, _) in register.SORTS.items()],
        "filters": filters,
        "choices": choices,
        "chips": chips_shown,
        "filtered": shown != "open" or bool(chips_shown),
        "empty_heading": "No open risks",
        "empty_text": "A risk may happen: give it a probability and the days it would cost a milestone, "
        "and it is ranked by what to expect of it.",
    }
    return render(request, "dashboards/risks.html", context)


def offered(visible: QuerySet[Risk], *, everywhere: bool) -> dict[str, list[tuple[str, str]]]:
    """What the filters offer: only what some visible risk has."""
    owners = User.objects.filter(pk__in=visible.exclude(owner=None).values("owner")).order_by("name", "pk")
    programs = Program.objects.filter(pk__in=visible.values("program")).order_by("name", "pk")
    return {
        "program": list(programs.values_list("key", "name")) if everywhere else [],
        "owner": [("me", "Me"), *((str(pk), name) for pk, name in owners.values_list("pk", "name"))],
        "response": [(value, str(label)) for value, label in Risk.Response.choices],
        "score": [(str(score), f"{score} or more") for score in SCORES],
    }


def chips(
    query: QueryDict, filters: dict[str, str], choices: dict[str, list[tuple[str, str]]]
) -> list[tuple[str, str, str]]:
    """The filters in force: name, value in words, and the address without that filter."""
    result = []
    scales = {"likelihood": LIKELIHOODS, "impact": IMPACTS}
    for name, value in filters.items():
        if not value:
            continue
        rest = query.copy()
        # A cell of the matrix is one filter of two names.
        for part in scales if name in scales else (name,):
            rest.pop(part, None)
        rest.pop("page", None)
        if name in scales:
            words = scales[name][int(value) - 1] if value in register.FIVE else value
        else:
            words = dict(choices.get(name, [])).get(value, value)
        result.append(("Search" if name == "q" else name.capitalize(), words, f"?{rest.urlencode()}"))
    return result


@require_safe
def risk(request: SignedIn, pk: int) -> HttpResponse:
    """A risk: what it is, what it would cost and what is done about it."""
    found = Risk.objects.visible_to(request.user).select_related("program__lead", "owner", "forecast__run")
    row: Any = get_object_or_404(found.with_range(), pk=pk)
    allowed = acts(request.user, row.program)
    visible = Program.objects.visible_to(request.user)
    impacts = row.impacts.select_related("milestone__program")
    forecast = register.forecast_of(row)
    saved = forecast.mitigated_days if forecast else None
    context = {
        "program": row.program,
        "place": "risks",
        "title": row.title,
        "crumbs": program_crumbs(row.program, ("Risks", f"{row.program.get_absolute_url()}/risks")),
        "risk": row,
        "exposure": exposure_of(row.probability, row.points),
        "mitigated": exposure_of(row.residual_probability, row.points),
        "forecast": forecast,
        # Of what the risk costs, what mitigation leaves.
        "left_days": forecast.p80_days - saved if forecast and saved is not None else None,
        "impacts": impacts.filter(milestone__program__in=visible).order_by("-likely", "id"),
        "has_hidden_impacts": impacts.exclude(milestone__program__in=visible).exists(),
        "actions": row.actions.select_related("owner").order_by(
            F("done_on").asc(nulls_first=True), F("due_on").asc(nulls_last=True), "id"
        ),
        "changes": changes_of(row),
        "today": today(),
        "star_url": f"/r/{row.reference}/watch",
        "starred": is_watched(request.user, Subject.RISK, row.pk),
        "thread": thread_of(row.program, Subject.RISK, row.pk, f"/r/{row.reference}", allowed),
        "may_edit": Act.EDIT in allowed,
    }
    return render(request, "dashboards/risk.html", context)
