"""Pages of the plan beside its forecast: a milestone, and baselines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count, Q
from django.db.models.functions import Coalesce
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboards.curve import curve
from dashboards.program import planned
from dashboards.templatetags.words import days, slip_tone
from forecasts.grounds import P50, P80
from forecasts.models import HealthPolicy, MilestoneForecast
from forecasts.pending import awaited
from forecasts.policy import newest_policy
from forecasts.sequence import out_of_sequence
from history import past
from history.changes import changes_of
from history.forms import explaining
from milestones import services
from milestones.forms import BaselineForm
from milestones.hand_offs import SeenLink, seen
from milestones.models import Baseline, Dependency, Milestone
from milestones.views.milestones import find_milestone, today
from people.pages import SignedIn, day_of, done, paged, posted
from programs.models import Program, Subject
from programs.pages import find_program, looks_back, program_crumbs
from programs.permissions import Act, acts, may, require
from programs.threads import is_watched, thread_of

MOST_ISSUED = 13
WORK_FIELDS = ("work_low", "work_likely", "work_high", "remaining")


def days_late(on: date | None, target: date | None) -> int | None:
    """Calendar days from a target; later is positive."""
    return (on - target).days if on and target else None


@dataclass(frozen=True, slots=True)
class Line:
    """A milestone beside its forecast."""

    milestone: Milestone
    forecast: MilestoneForecast | None
    policy: HealthPolicy

    @property
    def finish_on(self) -> date | None:
        """The day it was done, or is planned: what a baseline, which froze the same, is compared with."""
        return planned(self.milestone, self.forecast)

    @property
    def due_on(self) -> date | None:
        return self.milestone.due_on

    @property
    def late_on(self) -> date | None:
        """The day it was done, or its P80: what a target is compared with."""
        return self.milestone.done_on or (self.forecast.p80_on if self.forecast else None)

    @property
    def slip_days(self) -> int | None:
        """Calendar days from target to the day it was done, or to P80; later is positive."""
        return None if self.milestone.cancelled_on else days_late(self.late_on, self.due_on)

    @property
    def open_float(self) -> int | None:
        """Working minutes that it may move; none once it is over."""
        return self.forecast.total_float if self.forecast and self.milestone.is_open else None

    @property
    def tone(self) -> str:
        if self.milestone.done_on:
            return "done"
        if self.slip_days is None:
            return "none"
        return slip_tone(self.slip_days, self.policy)

    @property
    def glyph(self) -> str:
        """The shape beside the state: the dashed ring is for what has no forecast alone."""
        return "not_started" if self.tone == "none" and self.forecast else self.tone

    @property
    def state(self) -> str:
        if self.milestone.done_on:
            return _("Done")
        if self.milestone.cancelled_on:
            return _("Cancelled")
        return _("Started") if self.milestone.started_on else _("Not started")


def forecasts_of(milestones: list[Milestone]) -> dict[int, MilestoneForecast]:
    return MilestoneForecast.objects.in_bulk([milestone.pk for milestone in milestones])


def beside(
    link: SeenLink, near: Mapping[int, MilestoneForecast], other: int
) -> tuple[MilestoneForecast | None, int, str]:
    """The forecast of a link's other end; by how many days P80 of the giver is past its promise, and that in words."""
    row, giver = link.row, link.predecessor
    given = near.get(giver.pk) if giver and not link.need_over else None
    if not link.crosses or not row.promised_on or not given or not given.p80_on:
        return near.get(other), 0, ""
    over = (given.p80_on - row.promised_on).days
    form = _("P80 is %(days)s d after it") if over > 0 else _("P80 is %(days)s d before it")
    return near.get(other), over, form % {"days": abs(over)} if over else _("P80 is that day")


@looks_back
def milestone(request: SignedIn, pk: int) -> HttpResponse:
    row = find_milestone(request, pk)
    program = row.program
    allowed = acts(request.user, program)
    forecast = MilestoneForecast.objects.filter(pk=row.pk).select_related("driven_by__program", "run").first()
    driver = forecast.driven_by if forecast else None
    driver_seen = driver is not None and Program.objects.visible_to(request.user).filter(pk=driver.program_id).exists()
    ends = Dependency.objects.select_related("predecessor__program", "successor__program")
    links = seen(ends.filter(Q(predecessor=row) | Q(successor=row)).order_by("id")[:200], request.user)
    near = forecasts_of([end for link in links for end in (link.predecessor, link.successor) if end])
    moves = row.date_moves.select_related("cause", "by").order_by("-at", "-id")[:20]
    links_in = [link for link in links if link.row.successor_id == row.pk]
    day = day_of(request)
    broken = {link.pk for link in out_of_sequence([link.row for link in links_in], day)}
    risks = row.risk_impacts.filter(risk__program__in=Program.objects.visible_to(request.user), risk__closed_on=None)
    policy = newest_policy()
    line = Line(row, forecast, policy)
    frozen = row.baseline_dates.select_related("baseline").order_by("-baseline__approved_on", "-id").first()
    drawn = curve(forecast) if forecast and row.is_open else None
    issued = row.issued_forecasts.order_by("-week_on")[:MOST_ISSUED]
    context = {
        "program": program,
        "place": "milestones",
        "title": row.name,
        "untold": [_("P50 and P80 are those issued in that week; float and what drives it are not kept by day.")],
        "crumbs": program_crumbs(program, (_("Milestones"), f"{program.get_absolute_url()}/milestones")),
        "milestone": row,
        "today": day,
        "is_awaited": row.is_open and past.day() is None and awaited(Program.objects.filter(pk=program.pk)).exists(),
        "line": line,
        "policy": policy,
        "forecast": forecast,
        "driver": driver if driver_seen else None,
        "curve": drawn,
        "p50_slip": days_late(forecast.p50_on, line.due_on) if forecast else None,
        "issued": [(one, one.quantiles[P50], one.quantiles[P80]) for one in issued],
        "links_in": [(link, *beside(link, near, link.row.predecessor_id)) for link in links_in],
        "broken": [link for link in links_in if link.row.pk in broken],
        "links_out": [
            (link, *beside(link, near, link.row.successor_id)) for link in links if link.row.predecessor_id == row.pk
        ],
        "requirements": row.requirements.order_by("-in_scope", "id"),
        "impacts": risks.select_related("risk__owner", "risk__program").order_by("-likely", "id"),
        "issues": row.issues.filter(closed_on=None).order_by("due_on", "id"),
        "baseline": frozen,
        "since_baseline": (line.finish_on - frozen.finish_on).days if frozen and line.finish_on else None,
        "moves": moves,
        "changes": changes_of(row, dict.fromkeys(WORK_FIELDS, days)),
        "star_url": f"/m/{row.pk}/watch",
        "starred": is_watched(request.user, Subject.MILESTONE, row.pk),
        "thread": thread_of(program, Subject.MILESTONE, row.pk, f"/m/{row.pk}", allowed),
        "may_edit": Act.EDIT in allowed,
        "may_plan": Act.PLAN in allowed,
        "may_cancel": row.is_open and Act.EDIT in allowed and services.act_of_cancelling(row) in allowed,
        "may_agree": Act.AGREE in allowed,
    }
    return render(request, "dashboards/milestone.html", context)


# -- baselines -------------------------------------------------------------------------------------------------------


def baselines(request: SignedIn, key: str) -> HttpResponse:
    program = find_program(request, key)
    here = f"{program.get_absolute_url()}/baselines"
    rows = program.baselines.select_related("approved_by", "cause").annotate(date_count=Count("dates"))
    may_plan = may(request.user, Act.PLAN, program)
    context = {
        "program": program,
        "place": "milestones",
        "title": _("Baselines"),
        "sub": _("Approved plans, frozen. What happens later is measured against them."),
        "crumbs": program_crumbs(program, (_("Milestones"), f"{program.get_absolute_url()}/milestones")),
        "page": paged(request, rows.order_by("-approved_on", "-id")),
        "primary_url": f"{here}/new" if may_plan else None,
        "primary_label": _("Approve a baseline"),
        "empty_heading": _("No baseline yet"),
        "empty_text": _("Once the plan is agreed, freeze it: slips are counted from it."),
    }
    return render(request, "dashboards/baselines.html", context)


def frozen_dates(program: Program) -> list[tuple[Milestone, date]]:
    """What a baseline approved now would freeze: the day done, or expected, or else promised."""
    finish = Coalesce("done_on", "forecast__finish_on", "target_on")
    rows: Any = (
        program.milestones.filter(cancelled_on=None)
        .annotate(finish=finish)
        .filter(finish__isnull=False)
        .select_related("workstream")
        .order_by("finish", "id")
    )
    return [(row, row.finish) for row in rows]


def baseline_approve(request: SignedIn, key: str) -> HttpResponse:
    program = find_program(request, key)
    require(request.user, Act.PLAN, program)
    here = f"{program.get_absolute_url()}/baselines"
    dated = frozen_dates(program)
    form = BaselineForm(posted(request), is_first=not program.baselines.exists())
    if form.is_bound and form.is_valid():
        with explaining(form):
            row = services.approve_baseline(
                program=program,
                dates={milestone.pk: on for milestone, on in dated},
                by=request.user,
                on=today(),
                **form.changes,
            )
            return done(request, _("Approved “%(name)s”.") % {"name": row.name}, f"/baselines/{row.pk}")
    context = {
        "program": program,
        "title": _("Approve a baseline"),
        "sub": _("It freezes the dates below as they stand now. This cannot be undone."),
        "crumbs": program_crumbs(program, (_("Baselines"), here)),
        "form": form,
        "dated": dated,
        "submit_label": ngettext("Freeze %(count)s date", "Freeze %(count)s dates", len(dated)) % {"count": len(dated)},
        "cancel_url": here,
    }
    return render(request, "dashboards/baseline_form.html", context, status=form.status)


def baseline(request: SignedIn, pk: int) -> HttpResponse:
    rows = Baseline.objects.visible_to(request.user).select_related("program__lead", "approved_by", "cause")
    row = get_object_or_404(rows, pk=pk)
    here = f"{row.program.get_absolute_url()}/baselines"
    dates = row.dates.select_related("milestone__workstream").order_by("finish_on", "id")
    page: Any = paged(request, dates)
    forecasts = forecasts_of([entry.milestone for entry in page])
    policy = newest_policy()
    context = {
        "program": row.program,
        "policy": policy,
        "place": "milestones",
        "title": row.name,
        "crumbs": program_crumbs(row.program, (_("Baselines"), here)),
        "baseline": row,
        "page": page,
        "lines": [
            (entry, line, (line.finish_on - entry.finish_on).days if line.finish_on else None)
            for entry in page
            for line in [Line(entry.milestone, forecasts.get(entry.milestone_id), policy)]
        ],
    }
    return render(request, "dashboards/baseline.html", context)
