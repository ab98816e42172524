"""The portfolio on one page: every visible program's health, word, forecast and top risk, what changed, what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BigAutoField, Case, Exists, F, ForeignKey, JSONField, Lookup, OuterRef, Subquery, Sum, When
from django.db.models.functions import Coalesce, JSONObject

from dashboards import moves
from forecasts.models import HealthPolicy, ProgramHealth
from forecasts.policy import newest_policy
from forecasts.watermelons import COMPARABLE, WATERMELON_DAYS, disagreements, is_better
from milestones.models import Milestone
from people.models import Team, User
from programs.models import Alignment, Health, Phase, Program, ReportedHealth, Subject
from reports.models import Update
from reports.since import Since, days_moved, past_target
from risks.models import Risk

HISTORY_WEEKS = 12
# Forecasts that are told of those that moved, with their reasons.
MOST_MOVED = 8
GRAVITY = {
    Health.OFF_TRACK: 6,
    Health.AT_RISK: 5,
    Health.NO_FORECAST: 4,
    Health.ON_TRACK: 3,
    Health.NOT_STARTED: 2,
    Health.ON_HOLD: 1,
    Health.DONE: 0,
}
CLOSED = frozenset({Program.State.DONE, Program.State.CANCELLED})


@ForeignKey.register_lookup
@BigAutoField.register_lookup
class Among(Lookup):
    """``= ANY(array)``: one parameter. Django takes a millisecond or two to write out a list of 200 for ``in``."""

    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        column, params = self.process_lhs(compiler, connection)
        return f"{column} = ANY(%s)", (*params, self.rhs)


@dataclass
class Line:
    """One program and what is known of it now, and was known before the day that changes are counted from."""

    program: Program
    today: date
    zone: ZoneInfo
    policy: HealthPolicy
    health: ProgramHealth | None
    before: ProgramHealth | None
    reported: ReportedHealth | None
    reported_before: ReportedHealth | None
    updated_at: datetime | None
    phase: str = ""
    objectives: list[tuple[int, str]] = field(default_factory=list)
    is_mine: bool = False
    is_watched: bool = False
    slips: list[tuple[date, int]] = field(default_factory=list)
    differs_days: int = 0
    better_days: int = 0
    top_risk: Risk | None = None
    next_milestone: Milestone | None = None
    next_on: date | None = None

    @cached_property
    def derived(self) -> Health:
        return Health(self.health.health) if self.health else Health.NO_FORECAST

    @property
    def slip(self) -> int | None:
        """Days from target to P80."""
        return self.health.slip_days if self.health else None

    @property
    def p50_on(self) -> date | None:
        return self.health.p50_on if self.health else None

    @property
    def p80_on(self) -> date | None:
        return self.health.p80_on if self.health else None

    @property
    def chance(self) -> float | None:
        """The chance of meeting the target, while that is open."""
        return self.health.chance if self.health and self.derived != Health.DONE else None

    @property
    def moved(self) -> int | None:
        """Days by which P80 moved since what went before; later is positive."""
        return days_moved(self.health, self.before)

    @property
    def fell(self) -> bool:
        """Whether derived health is worse than it was before."""
        return self.before is not None and GRAVITY[self.derived] > GRAVITY[Health(self.before.health)]

    @property
    def top_exposure(self) -> float:
        """Expected working minutes of the top risk."""
        risk: Any = self.top_risk  # Any: type checkers do not see what annotate adds
        return (risk.exposure or 0.0) if risk else 0.0

    @property
    def disagrees(self) -> bool:
        return (
            self.reported is not None
            and self.derived in COMPARABLE
            and self.reported.health != self.derived
            and self.program.state not in CLOSED
        )

    @property
    def is_reported_better(self) -> bool:
        return self.disagrees and self.reported is not None and is_better(self.reported.health, self.derived)

    @property
    def is_watermelon(self) -> bool:
        """Reported better than derived for two weeks or more."""
        return self.is_reported_better and self.better_days >= WATERMELON_DAYS

    @property
    def wants_attention(self) -> bool:
        return self.derived in (Health.AT_RISK, Health.OFF_TRACK)

    @property
    def days_since_update(self) -> int | None:
        return (self.today - self.updated_at.astimezone(self.zone).date()).days if self.updated_at else None

    @property
    def is_late_update(self) -> bool:
        """Whether the update alone makes the program stale; else a gate does."""
        days = self.days_since_update
        return days is None or days >= self.policy.stale_days

    @property
    def is_stale(self) -> bool:
        if self.health:
            return self.health.is_stale
        said_on = self.reported.at.astimezone(self.zone).date() if self.reported else None
        return said_on is None or (self.today - said_on).days >= self.policy.stale_days


def last_friday(today: date) -> date:
    """The Friday before today; on a Friday, the one a week ago."""
    return today - timedelta(days=(today.weekday() - 4) % 7 or 7)


def end_of(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day + timedelta(days=1), time.min, zone)


def lines(
    viewer: User, *, today: date, since: Since, zone: ZoneInfo, closed: bool = False, key: str = ""
) -> list[Line]:
    """All visible programs, open or closed, with their newest health and word: a few queries, whatever their number.

    With a ``key``, that program alone, in whatever state it is.
    """
    healths = ProgramHealth.objects.filter(program=OuterRef("pk")).order_by("-day")
    words = ReportedHealth.objects.filter(program=OuterRef("pk")).order_by("-at", "-id")
    updates = Update.objects.published().filter(program=OuterRef("pk")).order_by("-published_at")
    aims = Alignment.objects.filter(program=OuterRef("pk")).order_by("objective__title", "objective_id")
    visible = Program.objects.visible_to(viewer)
    shown = visible.filter(state__in=CLOSED) if closed else visible.open()
    chosen = visible.filter(key=key) if key else shown
    # Any: type checkers do not see what annotate adds.
    programs: list[Any] = list(
        chosen.defer("summary", "external_key")
        .annotate(
            health_id=Subquery(healths.values("pk")[:1]),
            before_id=Subquery(since.before(healths).values("pk")[:1]),
            word_id=Subquery(words.values("pk")[:1]),
            word_before_id=Subquery(since.said_before(words).values("pk")[:1]),
            updated_at=Subquery(updates.values("published_at")[:1]),
            phase=Subquery(Phase.objects.filter(program=OuterRef("pk")).ahead(today).values("kind")[:1]),
            aims=ArraySubquery(aims.values(aim=JSONObject(id="objective_id", title="objective__title"))),
            is_mine=Exists(Program.objects.with_part(viewer).filter(pk=OuterRef("pk"))),
            is_watched=Exists(viewer.watches.filter(kind=Subject.PROGRAM, subject_id=OuterRef("pk"))),
        )
        .order_by("name", "id")
    )
    health_ids = list({pk for p in programs for pk in (p.health_id, p.before_id) if pk})
    health = {row.pk: row for row in ProgramHealth.objects.defer("findings", "moves").filter(pk__among=health_ids)}
    word_ids = list({pk for p in programs for pk in (p.word_id, p.word_before_id) if pk})
    word = {row.pk: row for row in ReportedHealth.objects.filter(pk__among=word_ids)}
    # Few people lead many programs: each person and team is read once, not once a program.
    person_ids = {pk for p in programs for pk in (p.lead_id, p.sponsor_id)} | {row.by_id for row in word.values()}
    people = {row.pk: row for row in User.objects.filter(pk__among=list(person_ids)).only("name")}
    team_ids = list({p.owning_team_id for p in programs})
    teams = {row.pk: row for row in Team.objects.filter(pk__among=team_ids).only("name")}
    for p in programs:
        p.lead, p.sponsor = people.get(p.lead_id), people.get(p.sponsor_id)
        p.owning_team = teams.get(p.owning_team_id)
    for row in word.values():
        row.by = people[row.by_id]
    policy = newest_policy()
    return [
        Line(
            program=p,
            today=today,
            zone=zone,
            policy=policy,
            health=health.get(p.health_id),
            before=health.get(p.before_id),
            reported=word.get(p.word_id),
            reported_before=word.get(p.word_before_id),
            updated_at=p.updated_at,
            phase=p.phase or "",
            objectives=[(aim["id"], aim["title"]) for aim in p.aims],
            is_mine=p.is_mine,
            is_watched=p.is_watched,
        )
        for p in programs
    ]


def fill_history(found: Iterable[Line]) -> None:
    """Add the slips of the last weeks."""
    by_program = {line.program.pk: line for line in found}
    if not by_program:
        return
    today = next(line.today for line in by_program.values())
    history: dict[int, list[tuple[date, int | None]]] = {pk: [] for pk in by_program}
    weeks = today - timedelta(weeks=HISTORY_WEEKS)
    rows = ProgramHealth.objects.filter(program__among=list(by_program), day__gt=weeks).order_by("day")
    for pk, day, slip in rows.values_list("program_id", "day", "slip_days"):
        history[pk].append((day, slip))
    for pk, line in by_program.items():
        weekly = {(today - day).days // 7: (day, slip) for day, slip in history[pk] if slip is not None}
        line.slips = [weekly[week] for week in sorted(weekly, reverse=True)]


def fill_disagreements(found: Iterable[Line], briefly: Iterable[Line] = ()) -> None:
    """Add for how long the lead's word and derived health have differed; of lines ``briefly``, of the last weeks."""
    shown = {line.program.pk: line for line in found if line.disagrees}
    differing = {line.program.pk: line for line in briefly if line.disagrees} | shown
    for today, zone in {(line.today, line.zone) for line in differing.values()}:
        others = differing.keys() - shown.keys()
        for pk, differs in disagreements(shown, today, zone, briefly=others).items():
            differing[pk].differs_days, differing[pk].better_days = differs


def fill_risks(found: Iterable[Line]) -> None:
    """Add the open risk with the largest exposure."""
    by_program = {line.program.pk: line for line in found}
    risks = (
        Risk.objects.filter(program__among=list(by_program))
        .open()
        .with_exposure()
        .order_by("program_id", F("exposure").desc(nulls_last=True), "id")
        .distinct("program_id")
    )
    for risk in risks:
        by_program[risk.program_id].top_risk = risk


def fill_milestones(found: Iterable[Line]) -> None:
    """Add the open milestone that is expected next."""
    by_program = {line.program.pk: line for line in found}
    milestones: Iterable[Any] = (
        Milestone.objects.filter(program__among=list(by_program))
        .open()
        .annotate(expected_on=Coalesce("forecast__p50_on", "forecast__finish_on", "target_on"))
        .exclude(expected_on=None)
        .only("program", "name")
        .order_by("program_id", "expected_on", "id")
        .distinct("program_id")
    )
    for milestone in milestones:
        line = by_program[milestone.program_id]
        line.next_milestone, line.next_on = milestone, milestone.expected_on


@dataclass(frozen=True)
class Left:
    """What runs left behind of programs: moves and findings by the row of derived health.

    ``keys`` are those of the programs that they speak of, as far as the reader may see them.
    """

    moves: dict[int, list[Any]]
    findings: dict[int, list[Any]]
    keys: dict[int, str]


def left_behind(found: list[Line], viewer: User, *, deeds: bool = True, reasons: bool = True) -> Left:
    """Moves of all that are past their target, and findings of those whose move is told: at most two queries."""
    late = {line.health.pk for line in found if deeds and line.health and (line.slip or 0) > 0}
    told = most_moved(found) if reasons else []
    moved = {row.pk for line in told for row in (line.health, line.before) if row}
    each = [
        Case(When(pk__among=list(chosen), then=column), output_field=JSONField())
        for column, chosen in (("moves", late), ("findings", moved))
    ]
    rows = list(ProgramHealth.objects.filter(pk__among=list(late | moved)).values_list("pk", *each))
    moves = {pk: listed for pk, listed, _ in rows if pk in late}
    findings = {pk: listed for pk, _, listed in rows if pk in moved}
    spoken = [item for listed in (*moves.values(), *findings.values()) for item in listed]
    keys = {line.program.pk: line.program.key for line in found}
    if others := {item["record"]["program"] for item in spoken} - keys.keys() - {None}:
        keys |= dict(Program.objects.visible_to(viewer).filter(pk__among=list(others)).values_list("pk", "key"))
    return Left(moves, findings, keys)


def most_moved(found: Iterable[Line]) -> list[Line]:
    """Those whose health fell, then those whose P80 moved most, either way."""
    return sorted((line for line in found if line.moved), key=lambda line: (not line.fell, -abs(line.moved or 0)))[
        :MOST_MOVED
    ]


def best_moves(found: list[Line], left: Left) -> list[moves.Deed]:
    """What would win most days over all programs that are past their target."""
    keys = {line.health.pk: line.program.key for line in found if line.health}
    return moves.add_up([(keys[pk], told) for pk, told in left.moves.items()], left.keys)


@dataclass(frozen=True)
class Sums:
    """The portfolio in numbers, now and before the day that changes are counted from."""

    derived: Counter[Health]
    reported: Counter[Health]
    unreported: int
    disagree: int
    attention: int
    forecast: int
    past_target: int
    past_target_before: int
    fresh: int
    stale: int
    slipped_a_week: int


def exposure(found: Iterable[Line]) -> float:
    """Expected working minutes of all open risks."""
    sized: Any = Risk.objects.open().filter(program__among=[line.program.pk for line in found]).with_exposure()
    return float(sized.aggregate(all=Sum("exposure"))["all"] or 0)


def add_up(found: list[Line]) -> Sums:
    return Sums(
        derived=Counter(line.derived for line in found),
        reported=Counter(Health(line.reported.health) for line in found if line.reported),
        unreported=sum(line.reported is None for line in found),
        disagree=sum(line.disagrees for line in found),
        attention=sum(line.wants_attention for line in found),
        forecast=sum(line.slip is not None for line in found),
        past_target=past_target(line.health for line in found),
        past_target_before=past_target(line.before for line in found),
        fresh=sum(not line.is_stale for line in found),
        stale=sum(line.is_stale for line in found),
        slipped_a_week=sum((line.moved or 0) >= 7 for line in found),
    )
