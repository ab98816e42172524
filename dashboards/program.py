"""One program on one page: its health and why, its plan drawn, its risks, numbers, words and decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce, JSONObject
from django.utils.translation import gettext as _

from dashboards import evidence, moves
from dashboards.news import moved, named
from dashboards.templatetags.words import critical_path, isolated, slip_tone, written
from forecasts.models import HealthPolicy, MilestoneForecast, ProgramHealth
from forecasts.owners import owners_of
from forecasts.policy import newest_policy
from forecasts.watermelons import COMPARABLE, disagreements
from metrics import kpis
from metrics.lists import newest_measurements
from metrics.models import KPI
from milestones.models import Baseline, BaselineDate, DateMove, Dependency, Milestone
from milestones.scope import Scope
from people.models import User
from programs.models import Health, Objective, Phase, Program, ReportedHealth, Role, Slot, Subject, Watch
from reports.models import Update
from risks.models import Decision, Risk

MOST_MEASUREMENTS = 26
KPI_TONES = {
    kpis.Standing.PAST_LIMIT: "bad",
    kpis.Standing.BEHIND: "warn",
    kpis.Standing.REACHED: "done",
    kpis.Standing.ON_PACE: "ok",
    kpis.Standing.IN_LIMIT: "ok",
}


@dataclass(frozen=True)
class Step:
    """A milestone on the roadmap: where it is expected, and what it is held against."""

    milestone: Milestone
    forecast: MilestoneForecast | None
    baseline_on: date | None
    group: str
    owner_key: str = ""
    is_driving: bool = False
    policy: HealthPolicy = field(kw_only=True)

    @property
    def finish_on(self) -> date | None:
        """The day it was done, its P50 or, without a forecast, the day it is promised."""
        if self.milestone.done_on:
            return self.milestone.done_on
        return likely(self.forecast) or self.milestone.target_on

    @property
    def p80_on(self) -> date | None:
        return self.forecast.p80_on if self.forecast and not self.milestone.done_on else None

    @property
    def reference_on(self) -> date | None:
        """What its slip is measured from: the newest baseline, or its target where it is in none."""
        return self.baseline_on or self.milestone.due_on

    @property
    def slip(self) -> int | None:
        """Days from its reference to the day it was done; till then a baseline is met by the plan, a target by P50."""
        on = planned(self.milestone, self.forecast) if self.baseline_on else self.finish_on
        if on is None or self.reference_on is None:
            return None
        return (on - self.reference_on).days

    @property
    def is_critical(self) -> bool:
        """Whether it decides when the end comes: on the path in its own program, or what that path waits for."""
        return self.is_driving and not self.milestone.done_on

    @property
    def tone(self) -> str:
        """P80 against its target, as health is judged; where it has none, its plan against its baseline."""
        if self.milestone.done_on:
            return "done"
        if self.milestone.due_on is None:
            return slip_tone(self.slip, self.policy)
        return slip_tone((self.p80_on - self.milestone.due_on).days if self.p80_on else None, self.policy)

    @property
    def state(self) -> str:
        if self.milestone.done_on:
            return _("Done")
        return _("Started") if self.milestone.started_on else _("Not started")


def planned(milestone: Milestone, forecast: MilestoneForecast | None) -> date | None:
    """The day it was done, or is expected without uncertainty: what a baseline freezes."""
    return milestone.done_on or (forecast.finish_on if forecast else None)


def likely(forecast: MilestoneForecast | None) -> date | None:
    """P50; the planned day where nothing was simulated."""
    return (forecast.p50_on or forecast.finish_on) if forecast else None


@dataclass(frozen=True)
class Gauge:
    """A KPI with where it stands and its measurements, oldest first."""

    kpi: KPI
    state: kpis.State
    points: list[tuple[date, Decimal]]

    @property
    def tone(self) -> str:
        return KPI_TONES.get(self.state.standing, "none")


@dataclass(frozen=True)
class Event:
    """A line of the log: a decision, a moved date, an approved baseline."""

    on: date
    icon: str
    title: str
    text: str
    url: str = ""


@dataclass(frozen=True)
class Page:
    """All that the program page shows."""

    program: Program
    health: ProgramHealth | None
    why: evidence.Why
    moves: list[moves.Deed]
    reported: ReportedHealth | None
    differs_days: int
    updates: list[Update]
    gauges: list[Gauge]
    steps: list[Step]
    links: list[Dependency]
    has_hidden_givers: bool
    risks: list[Risk]
    exposure: float
    log: list[Event]
    phase: Phase | None
    scope: Scope
    policy: HealthPolicy

    @property
    def derived(self) -> Health:
        return Health(self.health.health) if self.health else Health.NO_FORECAST

    @property
    def disagrees(self) -> bool:
        return self.reported is not None and self.derived in COMPARABLE and self.reported.health != self.derived

    @property
    def p50_slip(self) -> int | None:
        """Days from target to P50."""
        if self.health and self.health.p50_on and self.health.target_on:
            return (self.health.p50_on - self.health.target_on).days
        return None

    @property
    def finding(self) -> str:
        """What the roadmap shows, in a sentence or two."""
        critical = [step.milestone.name for step in self.steps if step.is_critical]
        return f"{self.why.verdict} {critical_path(critical, 6)}".strip()


def find(viewer: User, key: str) -> Program | None:
    """A visible program with the titles of its objectives and the visible programs that are related to it.

    ``has_people`` says whether anybody beside its lead has a part in it.
    """
    visible = Program.objects.visible_to(viewer)
    titles = Objective.objects.filter(alignments__program=OuterRef("pk")).order_by("title")
    named = JSONObject(key="key", name="name")
    related = visible.filter(Q(related_links_here__program=OuterRef("pk")) | Q(related_links__other=OuterRef("pk")))
    return (
        visible.select_related("lead", "sponsor", "owning_team", "revisions")
        .annotate(
            serves=ArraySubquery(titles.values("title")),
            starred=Exists(Watch.objects.filter(user_id=viewer.pk, kind=Subject.PROGRAM, subject_id=OuterRef("pk"))),
            has_people=Exists(Role.objects.filter(program=OuterRef("pk")).exclude(user=OuterRef("lead")))
            | Exists(Slot.objects.filter(program=OuterRef("pk")).exclude(person=None))
            | Q(sponsor__isnull=False),
            related_to=ArraySubquery(related.order_by("name").distinct().values_list(named, flat=True)),
        )
        .filter(key=key)
        .first()
    )


def load(program: Program, viewer: User, *, today: date, zone: ZoneInfo) -> Page:
    """Read a program's page: a fixed number of queries, whatever its size."""
    health = ProgramHealth.objects.filter(program=program, day__lte=today).order_by("-day").first()
    word = ReportedHealth.objects.filter(program=program).select_related("by").order_by("-at", "-id").first()
    own, links = _plan(program)
    policy = newest_policy()
    visible = _visible(program, viewer, health, links)
    steps, links, hidden = _steps(program, own, links, visible, policy)
    risks: list[Any] = list(
        Risk.objects.filter(program=program)
        .open()
        .select_related("owner")
        .with_exposure()
        .order_by(F("exposure").desc(nulls_last=True), "id")
    )
    updates = Update.objects.published().filter(program=program).select_related("author")
    owners = owners_of(health.findings if health else [], visible.keys())
    return Page(
        program=program,
        health=health,
        why=evidence.why(health, {pk: f"/p/{key}" for pk, key in visible.items()}, visible.keys(), owners),
        moves=moves.tell(health.moves if health else [], visible),
        reported=word,
        differs_days=_differs_days(program, health, word, zone, today),
        updates=list(updates.order_by("-published_at", "-id")[:2]),
        gauges=_gauges(program, today),
        steps=steps,
        links=links,
        has_hidden_givers=hidden,
        risks=risks,
        exposure=sum(risk.exposure or 0 for risk in risks),
        log=_log(program, zone),
        phase=Phase.objects.filter(program=program).ahead(today).first(),
        scope=Scope.of(program),
        policy=policy,
    )


def _differs_days(
    program: Program, health: ProgramHealth | None, word: ReportedHealth | None, zone: ZoneInfo, today: date
) -> int:
    if health is None or word is None or health.health not in COMPARABLE or word.health == health.health:
        return 0
    return disagreements([program.pk], today, zone)[program.pk].days


def _baseline_on() -> Subquery:
    """A milestone's day in the newest baseline."""
    newest = BaselineDate.objects.filter(milestone=OuterRef("pk")).order_by("-baseline__approved_on", "-baseline_id")
    return Subquery(newest.values("finish_on")[:1])


def _plan(program: Program) -> tuple[list[Any], list[Any]]:
    """Milestones by workstream, each with its forecast and newest baseline, and the links that lead to them.

    A link names the program that gives in ``giver``; its milestones are read once, not once a link.
    """
    own: list[Any] = list(
        program.milestones.filter(cancelled_on=None)
        .select_related("workstream", "forecast", "team", "owner")
        .annotate(baseline_on=_baseline_on())
        .order_by(
            F("workstream__position").asc(nulls_last=True),
            "workstream_id",
            Coalesce("done_on", "forecast__p50_on", "forecast__finish_on", "target_on").asc(nulls_last=True),
            "id",
        )
    )
    links = Dependency.objects.filter(successor__program=program, predecessor__cancelled_on=None)
    return own, list(links.annotate(giver=F("predecessor__program")).only("predecessor", "successor"))


def _visible(program: Program, viewer: User, health: ProgramHealth | None, links: list[Any]) -> dict[int, str]:
    """Keys of the programs that the page may name, of those that its links and findings speak of."""
    told = [*health.findings, *health.moves] if health else []
    records = [item["record"] for item in told if isinstance(item, dict) and isinstance(item.get("record"), dict)]
    spoken_of = {record["program"] for record in records if isinstance(record.get("program"), int)}
    others = (spoken_of | {link.giver for link in links}) - {program.pk}
    visible = {program.pk: program.key}
    if others:
        visible |= dict(Program.objects.visible_to(viewer).filter(pk__in=others).values_list("pk", "key"))
    return visible


def _steps(
    program: Program, own: list[Any], links: list[Any], visible: Mapping[int, str], policy: HealthPolicy
) -> tuple[list[Step], list[Dependency], bool]:
    """The lines of the roadmap, the links between them, and whether givers stay hidden."""
    outside = {link.predecessor_id for link in links if link.giver != program.pk}
    seen = [link.predecessor_id for link in links if link.giver != program.pk and link.giver in visible]
    rows = Milestone.objects.filter(pk__among=seen).select_related("program", "forecast")
    given: list[Any] = list(rows.annotate(baseline_on=_baseline_on())) if seen else []
    forecasts = {m.pk: m.forecast for m in own if hasattr(m, "forecast")}
    on_path = {pk for pk, forecast in forecasts.items() if forecast.on_longest_path}
    driving = on_path | {forecasts[pk].driven_by_id for pk in on_path}
    steps = [
        Step(
            m,
            forecasts.get(m.pk),
            m.baseline_on,
            m.workstream.name if m.workstream else "",
            is_driving=m.pk in on_path,
            policy=policy,
        )
        for m in own
    ]
    steps += [
        Step(
            m,
            getattr(m, "forecast", None),
            m.baseline_on,
            _("From other programs"),
            m.program.key,
            is_driving=m.pk in driving,
            policy=policy,
        )
        for m in sorted(given, key=lambda m: (m.target_on or date.max, m.pk))
    ]
    shown = {step.milestone.pk for step in steps}
    return steps, [link for link in links if link.predecessor_id in shown], len(outside) > len(given)


def _gauges(program: Program, today: date) -> list[Gauge]:
    found = list(KPI.objects.filter(program=program, retired_on=None).order_by("name", "id"))
    measured = newest_measurements(found, today, MOST_MEASUREMENTS)
    gauges = []
    for kpi in found:
        points = measured[kpi.pk]
        newest = points[-1] if points else None
        standing = kpis.state(kpi, value=newest[1] if newest else None, on=newest[0] if newest else None, today=today)
        gauges.append(Gauge(kpi, standing, points))
    return gauges


def _log(program: Program, zone: ZoneInfo) -> list[Event]:
    """The newest decisions, moved dates and baselines in one list."""
    events = []
    decisions = Decision.objects.filter(program=program).select_related("decider")
    for decision in decisions.order_by(Coalesce("decided_on", "raised_on").desc(), "-id")[:6]:
        if decision.decided_on:
            on, text = decision.decided_on, decision.answer
            if decision.decider:
                text += " " + _("Decided by %(person)s.") % {"person": decision.decider.name}
        else:
            on, by_day = decision.raised_on, decision.decide_by_on
            form = _("Waits for %(person)s, by %(day)s.") if by_day else _("Waits for %(person)s.")
            who = decision.decider.name if decision.decider else _("somebody")
            text = form % {"person": who, "day": written(by_day, "j M Y") if by_day else ""}
        title = f"{decision.reference} {decision.question}"
        events.append(Event(on, "gavel", title, text, f"/d/{decision.reference}"))
    moves = named(DateMove.objects.filter(program=program), "by")
    for move in moves.order_by("-at", "-id")[:6]:
        what = moved(move) or _("The program")
        on = local(move.at, zone)
        years = {day.year for day in (on, move.before_on, move.after_on) if day}
        form = "j M" if len(years) == 1 else "j M Y"
        to = written(move.after_on, form) if move.after_on else _("no date")
        note = f" “{move.note}”" if move.note else ""
        dates = f"{written(move.before_on, form)} → {to}"
        is_promise = move.field == DateMove.Field.PROMISED
        title = (_("%(what)s, promise %(dates)s") if is_promise else _("%(what)s, target %(dates)s")) % {
            "what": isolated(what),
            "dates": dates,
        }
        events.append(Event(on, "trend", title, f"{move.by.name}: {move.cause.name}.{note}"))
    for baseline in Baseline.objects.filter(program=program).select_related("approved_by").order_by("-approved_on")[:3]:
        text = _("By %(person)s.") % {"person": baseline.approved_by.name} + f" {baseline.note}"
        title = _("Baseline “%(name)s” approved") % {"name": baseline.name}
        events.append(Event(baseline.approved_on, "flag", title, text.strip()))
    return sorted(events, key=lambda event: event.on, reverse=True)[:6]


def local(at: datetime, zone: ZoneInfo) -> date:
    return at.astimezone(zone).date()
