"""Pages of the plan beside its forecast: milestones, hand-offs, baselines."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render

from dashboards.curve import curve
from dashboards.program import likely
from dashboards.templatetags.words import days, slip_tone
from forecasts.grounds import P50, P80
from forecasts.models import MilestoneForecast
from history.changes import changes_of
from history.forms import explaining
from milestones import services
from milestones.forms import BaselineForm
from milestones.hand_offs import SeenLink, seen
from milestones.models import Baseline, Dependency, Milestone
from milestones.views import find_milestone, today
from people.models import User
from people.pages import SignedIn, done, paged, posted
from programs.models import Program, Role, Subject
from programs.pages import find_program, program_crumbs
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

    @property
    def finish_on(self) -> date | None:
        """The day it was done, or its P50: what a baseline is compared with."""
        return self.milestone.done_on or likely(self.forecast)

    @property
    def due_on(self) -> date | None:
        """Its target; that of the program where it is the end and has none."""
        return self.milestone.target_on or (self.forecast.target_on if self.forecast else None)

    @property
    def late_on(self) -> date | None:
        """The day it was done, or its P80: what a target is compared with."""
        return self.milestone.done_on or (self.forecast.p80_on if self.forecast else None)

    @property
    def slip_days(self) -> int | None:
        """Calendar days from target to the day it was done, or to P80; later is positive."""
        return None if self.milestone.cancelled_on else days_late(self.late_on, self.due_on)

    @property
    def tone(self) -> str:
        if self.milestone.done_on:
            return "done"
        if self.slip_days is None:
            return "none"
        return slip_tone(self.slip_days)

    @property
    def glyph(self) -> str:
        """The shape beside the state: the dashed ring is for what has no forecast alone."""
        return "not_started" if self.tone == "none" and self.forecast else self.tone

    @property
    def state(self) -> str:
        if self.milestone.done_on:
            return "Done"
        if self.milestone.cancelled_on:
            return "Cancelled"
        return "Started" if self.milestone.started_on else "Not started"


def forecasts_of(milestones: list[Milestone]) -> dict[int, MilestoneForecast]:
    return MilestoneForecast.objects.in_bulk([milestone.pk for milestone in milestones])


def milestones(request: SignedIn, key: str) -> HttpResponse:
    program = find_program(request, key)
    here = f"{program.get_absolute_url()}/milestones"
    day = today()
    of_program = program.milestones.all()
    workstreams = list(program.workstreams.order_by("position", "name", "id"))
    chosen = next((w for w in workstreams if str(w.pk) == request.GET.get("workstream")), None)
    if chosen:
        of_program = of_program.filter(workstream=chosen)
    owners = list(User.objects.filter(milestones__program=program).distinct().order_by("name", "id"))
    owner = next((u for u in owners if str(u.pk) == request.GET.get("owner")), None)
    if owner:
        of_program = of_program.filter(owner=owner)
    counts = of_program.aggregate(
        open=Count("pk", filter=Q(done_on=None, cancelled_on=None)),
        late=Count("pk", filter=Q(done_on=None, cancelled_on=None, target_on__lt=day)),
        done=Count("pk", filter=Q(done_on__isnull=False)),
        all=Count("pk"),
    )
    kinds: dict[str, tuple[str, QuerySet[Milestone]]] = {
        "open": ("Open", of_program.open()),
        "late": ("Past target", of_program.late(day)),
        "done": ("Done", of_program.filter(done_on__isnull=False)),
        "all": ("All", of_program),
    }
    shown = request.GET.get("state", "open")
    shown = shown if shown in kinds else "open"
    rest = request.GET.copy()
    tabs = []
    for name, (label, _) in kinds.items():
        rest["state"] = name
        rest.pop("page", None)
        tabs.append({"label": label, "url": f"?{rest.urlencode()}", "count": counts[name], "current": name == shown})
    finish = Coalesce("done_on", "forecast__p80_on", "forecast__finish_on", "target_on")
    rows = kinds[shown][1].select_related("owner", "workstream")
    page: Any = paged(request, rows.order_by(finish.asc(nulls_last=True), "id"))
    forecasts = forecasts_of(list(page))
    may_edit = may(request.user, Act.EDIT, program)
    context = {
        "program": program,
        "place": "milestones",
        "title": "Milestones",
        "crumbs": program_crumbs(program),
        "page": page,
        "lines": [Line(row, forecasts.get(row.pk)) for row in page],
        "tabs": tabs,
        "state": shown,
        "workstreams": workstreams,
        "workstream": chosen,
        "owners": owners,
        "owner": owner,
        "primary_url": f"{here}/new" if may_edit else None,
        "primary_label": "New milestone",
        "secondary_url": f"{program.get_absolute_url()}/baselines",
        "secondary_label": "Baselines",
        "empty_heading": "No milestones yet",
        "empty_text": "A milestone is a dated promise. Mark one as the end: its forecast is the program's.",
        "filtered": bool(counts["all"]) or bool(chosen) or bool(owner),
    }
    return render(request, "dashboards/milestones.html", context)


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
    risks = row.risk_impacts.filter(risk__program__in=Program.objects.visible_to(request.user), risk__closed_on=None)
    line = Line(row, forecast)
    frozen = row.baseline_dates.select_related("baseline").order_by("-baseline__approved_on", "-id").first()
    drawn = curve(forecast) if forecast and row.is_open else None
    issued = row.issued_forecasts.order_by("-week_on")[:MOST_ISSUED]
    context = {
        "program": program,
        "place": "milestones",
        "title": row.name,
        "crumbs": program_crumbs(program, ("Milestones", f"{program.get_absolute_url()}/milestones")),
        "milestone": row,
        "line": line,
        "forecast": forecast,
        "driver": driver if driver_seen else None,
        "curve": drawn,
        "p50_slip": days_late(forecast.p50_on, line.due_on) if forecast else None,
        "issued": [(one, one.quantiles[P50], one.quantiles[P80]) for one in issued],
        "links_in": [(link, near.get(link.row.predecessor_id)) for link in links if link.row.successor_id == row.pk],
        "links_out": [(link, near.get(link.row.successor_id)) for link in links if link.row.predecessor_id == row.pk],
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
        "may_agree": Act.AGREE in allowed,
    }
    return render(request, "dashboards/milestone.html", context)


# -- hand-offs -------------------------------------------------------------------------------------------------------


def _mine(user: User) -> QuerySet[Program]:
    """Programs for which a person answers: theirs to lead or to contribute to."""
    working = Role.objects.filter(program=OuterRef("pk"), user=user, kind__in=[Role.Kind.LEAD, Role.Kind.CONTRIBUTOR])
    return Program.objects.filter(Q(lead=user) | Exists(working))


@dataclass(frozen=True, slots=True)
class HandOff:
    """A hand-off as the reader sees it, with the giver's forecast and what the reader may do."""

    link: SeenLink
    forecast: MilestoneForecast | None
    may_answer: bool
    may_edit: bool

    @property
    def slack_days(self) -> int | None:
        """Calendar days from the day it is there, or promised, or else expected, to the need; negative is too late."""
        there = self.link.predecessor.done_on if self.link.predecessor else None
        expected = there or self.link.row.promised_on or (self.forecast.p80_on if self.forecast else None)
        if self.link.row.need_by_on is None or expected is None:
            return None
        return (self.link.row.need_by_on - expected).days

    @property
    def tone(self) -> str:
        if self.link.row.agreement == Dependency.Agreement.DELIVERED:
            return "done"
        if self.link.predecessor and self.link.predecessor.done_on:
            return "done"
        if self.slack_days is None:
            return "none"
        return "bad" if self.slack_days < 0 else "warn" if self.slack_days <= 7 else "ok"

    @property
    def state(self) -> str:
        return {"done": "There", "none": "Undated", "bad": "Late", "warn": "Tight", "ok": "In time"}[self.tone]


def dependencies(request: SignedIn, key: str | None = None) -> HttpResponse:
    """Hand-offs of the portfolio, or of one program: who owes whom what, and by when."""
    program = find_program(request, key) if key else None
    rows = Dependency.objects.visible_to(request.user).hand_offs()
    if program:
        own: QuerySet[Program] = Program.objects.filter(pk=program.pk)
        rows = rows.filter(Q(predecessor__program=program) | Q(successor__program=program))
        owes, owed = "We owe", "Owed to us"
    else:
        own = _mine(request.user)
        owes, owed = "I owe", "Owed to me"
    waiting = ~Q(agreement=Dependency.Agreement.DELIVERED)
    filters = {
        "all": ("All", Q()),
        "owe": (owes, Q(predecessor__program__in=own) & waiting),
        "owed": (owed, Q(successor__program__in=own) & waiting),
        "late": ("Promised too late", Q(promised_on__gt=F("need_by_on")) & waiting),
        "unanswered": ("Unanswered", Q(agreement=Dependency.Agreement.PROPOSED)),
    }
    shown = request.GET.get("show", "all")
    shown = shown if shown in filters else "all"
    counts = rows.aggregate(**{name: Count("pk", filter=some) for name, (_, some) in filters.items() if some})
    counts["all"] = rows.count()
    lateness = F("promised_on") - F("need_by_on")
    ordered = (
        rows.filter(filters[shown][1])
        .select_related("predecessor__program", "successor__program")
        .order_by(lateness.desc(nulls_last=True), F("need_by_on").asc(nulls_last=True), "id")
    )
    page: Any = paged(request, ordered)
    links = seen(page, request.user)
    forecasts = forecasts_of([link.predecessor for link in links if link.predecessor])
    answering = set(_mine(request.user).values_list("pk", flat=True))
    admin = request.user.is_admin
    late = counts["late"]
    context = {
        "program": program,
        "place": "dependencies",
        "title": "Dependencies",
        "sub": f"{counts['all']} hand-off{'' if counts['all'] == 1 else 's'} between programs. "
        f"{late} promised later than needed.",
        "crumbs": program_crumbs(program) if program else [],
        "page": page,
        "hand_offs": [
            HandOff(
                link,
                forecasts.get(link.row.predecessor_id),
                admin or link.row.predecessor.program_id in answering,
                admin or link.row.successor.program_id in answering,
            )
            for link in links
        ],
        "tabs": [
            {"label": label, "url": f"?show={name}", "count": counts[name], "current": name == shown}
            for name, (label, _) in filters.items()
        ],
        "tabs_label": "Which hand-offs",
        "filtered": shown != "all",
        "empty_heading": "No hand-offs yet",
        "empty_text": "Open the milestone that waits, and link it to a milestone of another program: "
        "its lead is asked to agree.",
    }
    return render(request, "dashboards/dependencies.html", context)


# -- baselines -------------------------------------------------------------------------------------------------------


def baselines(request: SignedIn, key: str) -> HttpResponse:
    program = find_program(request, key)
    here = f"{program.get_absolute_url()}/baselines"
    rows = program.baselines.select_related("approved_by", "cause").annotate(date_count=Count("dates"))
    may_plan = may(request.user, Act.PLAN, program)
    context = {
        "program": program,
        "place": "milestones",
        "title": "Baselines",
        "sub": "Approved plans, frozen. What happens later is measured against them.",
        "crumbs": program_crumbs(program, ("Milestones", f"{program.get_absolute_url()}/milestones")),
        "page": paged(request, rows.order_by("-approved_on", "-id")),
        "primary_url": f"{here}/new" if may_plan else None,
        "primary_label": "Approve a baseline",
        "empty_heading": "No baseline yet",
        "empty_text": "Once the plan is agreed, freeze it: slips are counted from it.",
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
            return done(request, f"Approved “{row.name}”.", f"/baselines/{row.pk}")
    context = {
        "program": program,
        "title": "Approve a baseline",
        "sub": "It freezes the dates below as they stand now. This cannot be undone.",
        "crumbs": program_crumbs(program, ("Baselines", here)),
        "form": form,
        "dated": dated,
        "submit_label": f"Freeze {len(dated)} dates",
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
    context = {
        "program": row.program,
        "place": "milestones",
        "title": row.name,
        "crumbs": program_crumbs(row.program, ("Baselines", here)),
        "baseline": row,
        "page": page,
        "lines": [
            (entry, line, (line.finish_on - entry.finish_on).days if line.finish_on else None)
            for entry in page
            for line in [Line(entry.milestone, forecasts.get(entry.milestone_id))]
        ],
    }
    return render(request, "dashboards/baseline.html", context)
