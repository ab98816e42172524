"""The risk register and a risk, beside what the forecast says that they cost."""

from __future__ import annotations

from typing import Any

from django.db.models import F, Prefetch, Q, Sum
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from changes.nouns import SHARES
from dashboards import register
from dashboards.register import RISKS
from dashboards.templatetags.words import MINUTES_A_DAY
from dashboards.tornado import tornado
from history.changes import changes_of
from people.lists import Listing
from people.pages import SignedIn, day_of
from programs.models import Program, Subject
from programs.pages import looks_back, program_crumbs
from programs.permissions import Act, acts, editable
from programs.threads import is_watched, thread_of
from risks.exposure import exposure_of
from risks.forms import IMPACTS
from risks.lists import log_page
from risks.models import MitigationAction, Risk
from risks.odds import contradiction


@require_safe
@looks_back
def risks(request: SignedIn, key: str | None = None) -> HttpResponse:
    """Risks by what to expect of them: of one program, or of all."""
    program, context = log_page(request, key, "risk", _("Risks"))
    day = day_of(request)
    visible = Risk.objects.visible_to(request.user)
    if program:
        visible = visible.filter(program=program)
    counted = visible.of_open_programs()
    is_open = Q(closed_on=None, program__in=Program.objects.open())
    kinds = {
        "open": (_("Open"), is_open),
        "overdue": (_("Overdue mitigation"), is_open & Q(pk__in=visible.behind(day).values("pk"))),
        "mine": (_("Mine"), is_open & Q(owner=request.user)),
        # What is left over of a finished program counts no more than in the portfolio.
        "closed": (_("Closed"), ~is_open),
    }
    scored = visible.annotate(score=F("likelihood_score") * F("impact_score"))
    listing = Listing(request, RISKS, scored, kinds, day, program=program)
    exposed = listing.wanted.with_exposure()
    todo = MitigationAction.objects.filter(done_on=None).order_by(F("due_on").asc(nulls_last=True), "id")
    rows = listing.ordered(
        exposed.with_range()
        .select_related("program", "owner", "forecast")
        .prefetch_related(Prefetch("actions", queryset=todo, to_attr="todo"))
    )
    if listing.format:
        return listing.file(register.lines(rows))
    page = listing.page(rows)
    sums = register.add_up(counted, day)
    bars = register.bars(counted.open()) if sums.count and not program else []
    context |= listing.context(page) | {
        "sub": ngettext(
            "%(count)s open risk, %(days)s expected working days in total. "
            "Days on parallel paths overlap: read this as a ranking, not as a forecast.",
            "%(count)s open risks, %(days)s expected working days in total. "
            "Days on parallel paths overlap: read this as a ranking, not as a forecast.",
            sums.count,
        )
        % {"count": sums.count, "days": f"{sums.minutes / MINUTES_A_DAY:.0f}"},
        "lines": register.lines(page),
        "editable": editable(request.user, [row.program for row in page]),
        "shown_minutes": exposed.aggregate(all=Sum("exposure"))["all"] or 0,
        "today": day,
        "untold": [_("What closing a risk saves is not kept by day.")],
        "sums": sums,
        "open_count": sums.count,
        "matrix": register.matrix(counted.open()) if sums.count else [],
        "impact_words": IMPACTS,
        "bars": bars,
        "other_minutes": round(sums.minutes - sum(bar.minutes for bar in bars)),
        "tornado": tornado(program) if sums.count and program else None,
        "in_cell": {"likelihood", "impact"} <= listing.filters.keys(),
        "filters": listing.filters,
        "empty_heading": _("No open risks"),
        "empty_text": _(
            "A risk may happen: give it a probability and the days it would cost a milestone, "
            "and it is ranked by what to expect of it."
        ),
    }
    return render(request, "dashboards/risks.html", context)


@require_safe
@looks_back
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
        "crumbs": program_crumbs(row.program, (_("Risks"), f"{row.program.get_absolute_url()}/risks")),
        "risk": row,
        "contradiction": contradiction(row.probability, row.likelihood_score),
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
        "changes": changes_of(row, SHARES),
        "today": day_of(request),
        "untold": [_("What closing a risk saves is not kept by day.")],
        "star_url": f"/r/{row.reference}/watch",
        "starred": is_watched(request.user, Subject.RISK, row.pk),
        "thread": thread_of(row.program, Subject.RISK, row.pk, f"/r/{row.reference}", allowed),
        "may_edit": Act.EDIT in allowed,
    }
    return render(request, "dashboards/risk.html", context)
