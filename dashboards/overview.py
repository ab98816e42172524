"""The portfolio on one page: every visible program's health, word, forecast and top risk, what changed, what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import BigAutoField, F, ForeignKey, Lookup, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from dashboards import moves
from forecasts.models import ProgramHealth
from forecasts.watermelons import COMPARABLE, WATERMELON_DAYS, days_of_disagreement, is_better
from milestones.models import Baseline, DateMove, Milestone
from people.models import Team, User
from programs.models import Health, Program, ReportedHealth
from reports.models import Update
from reports.since import Since, days_moved, past_target
from risks.models import Decision, Risk

PAGE_SIZE = 50
HISTORY_WEEKS = 12
STALE_DAYS = 10
MOST_CHANGES = 40
GRAVITY = {
    Health.OFF_TRACK: 6,
    Health.AT_RISK: 5,
    Health.NO_FORECAST: 4,
    Health.ON_TRACK: 3,
    Health.NOT_STARTED: 2,
    Health.ON_HOLD: 1,
    Health.DONE: 0,
}


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
    revision: int
    today: date
    zone: ZoneInfo
    health: ProgramHealth | None
    before: ProgramHealth | None
    reported: ReportedHealth | None
    reported_before: ReportedHealth | None
    updated_at: datetime | None
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
    def disagrees(self) -> bool:
        return (
            self.reported is not None
            and self.derived in COMPARABLE
            and self.reported.health != self.derived
            and self.program.state not in (Program.State.DONE, Program.State.CANCELLED)
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
    def is_stale(self) -> bool:
        if self.health:
            return self.health.is_stale
        return self.days_since_update is None or self.days_since_update >= STALE_DAYS

    @property
    def is_behind(self) -> bool:
        """Whether the program was edited, or the day turned, since its health was derived."""
        return self.health is None or self.health.day < self.today or self.health.revision != self.revision


@dataclass(frozen=True)
class Change:
    """Something that happened to the portfolio; heavier ones come first."""

    icon: str
    heading: str
    url: str
    text: str
    weight: float
    delta: int | None = None
    tone: str = "none"
    note: str = ""


def last_friday(today: date) -> date:
    """The Friday before today; on a Friday, the one a week ago."""
    return today - timedelta(days=(today.weekday() - 4) % 7 or 7)


def lines(viewer: User, *, today: date, since: Since, zone: ZoneInfo, closed: bool = False) -> list[Line]:
    """All visible programs, open or closed, with their newest health and word: five queries, whatever their number."""
    healths = ProgramHealth.objects.filter(program=OuterRef("pk")).order_by("-day")
    words = ReportedHealth.objects.filter(program=OuterRef("pk")).order_by("-at", "-id")
    updates = Update.objects.published().filter(program=OuterRef("pk")).order_by("-published_at")
    visible = Program.objects.visible_to(viewer)
    chosen = visible.exclude(pk__in=visible.open()) if closed else visible.open()
    # Any: type checkers do not see what annotate adds.
    programs: list[Any] = list(
        chosen.defer("summary", "external_key")
        .annotate(
            revision=F("revisions__revision"),
            health_id=Subquery(healths.filter(day__lte=today).values("pk")[:1]),
            before_id=Subquery(since.before(healths).values("pk")[:1]),
            word_id=Subquery(words.values("pk")[:1]),
            word_before_id=Subquery(since.said_before(words).values("pk")[:1]),
            updated_at=Subquery(updates.values("published_at")[:1]),
        )
        .order_by("name", "id")
    )
    health_ids = list({pk for p in programs for pk in (p.health_id, p.before_id) if pk})
    health = {row.pk: row for row in ProgramHealth.objects.defer("findings", "moves").filter(pk__among=health_ids)}
    word_ids = list({pk for p in programs for pk in (p.word_id, p.word_before_id) if pk})
    word = {row.pk: row for row in ReportedHealth.objects.filter(pk__among=word_ids)}
    # Few people lead many programs: each person and team is read once, not once a program.
    person_ids = list({p.lead_id for p in programs} | {row.by_id for row in word.values()})
    people = {row.pk: row for row in User.objects.filter(pk__among=person_ids).only("name")}
    team_ids = list({p.owning_team_id for p in programs})
    teams = {row.pk: row for row in Team.objects.filter(pk__among=team_ids).only("name")}
    for p in programs:
        p.lead, p.owning_team = people.get(p.lead_id), teams.get(p.owning_team_id)
    for row in word.values():
        row.by = people[row.by_id]
    return [
        Line(
            program=p,
            revision=p.revision,
            today=today,
            zone=zone,
            health=health.get(p.health_id),
            before=health.get(p.before_id),
            reported=word.get(p.word_id),
            reported_before=word.get(p.word_before_id),
            updated_at=p.updated_at,
        )
        for p in programs
    ]


def fill(page: Iterable[Line], *, today: date) -> None:
    """Add to the lines of one page what only they need: history, how long words differ, top risk, next milestone."""
    by_program = {line.program.pk: line for line in page}
    ids = list(by_program)
    start = today - timedelta(weeks=HISTORY_WEEKS)
    history: dict[int, list[tuple[date, str, int | None]]] = {pk: [] for pk in by_program}
    rows = ProgramHealth.objects.filter(program__among=ids, day__gt=start, day__lte=today).order_by("day")
    for pk, day, health, slip in rows.values_list("program_id", "day", "health", "slip_days"):
        history[pk].append((day, health, slip))
    words: dict[int, list[tuple[date, str]]] = {pk: [] for pk in by_program}
    said = ReportedHealth.objects.filter(program__among=ids).order_by("at", "id")
    for pk, at, health in said.values_list("program_id", "at", "health"):
        words[pk].append((at.astimezone(by_program[pk].zone).date(), health))
    risks = (
        Risk.objects.filter(program__among=ids)
        .open()
        .with_exposure()
        .order_by("program_id", F("exposure").desc(nulls_last=True), "id")
        .distinct("program_id")
    )
    milestones: Iterable[Any] = (
        Milestone.objects.filter(program__among=ids)
        .open()
        .annotate(expected_on=Coalesce("forecast__p50_on", "forecast__finish_on", "target_on"))
        .exclude(expected_on=None)
        .only("program", "name")
        .order_by("program_id", "expected_on", "id")
        .distinct("program_id")
    )
    for risk in risks:
        by_program[risk.program_id].top_risk = risk
    for milestone in milestones:
        line = by_program[milestone.program_id]
        line.next_milestone, line.next_on = milestone, milestone.expected_on
    for pk, line in by_program.items():
        weekly = {(today - day).days // 7: (day, slip) for day, _, slip in history[pk] if slip is not None}
        line.slips = [weekly[week] for week in sorted(weekly, reverse=True)]
        if line.disagrees:
            derived = [(day, health) for day, health, _ in history[pk]]
            line.differs_days = days_of_disagreement(today, derived, words[pk])
            line.better_days = days_of_disagreement(today, derived, words[pk], is_better)


def best_moves(found: Iterable[Line], viewer: User) -> list[moves.Deed]:
    """What would win most days over all programs that are past their target: two queries."""
    late = {line.health.pk: line.program.key for line in found if line.health and (line.slip or 0) > 0}
    rows = dict(ProgramHealth.objects.filter(pk__among=list(late)).values_list("pk", "moves"))
    named = {move["record"]["program"] for told in rows.values() for move in told}
    keys = dict(Program.objects.visible_to(viewer).filter(pk__among=list(named)).values_list("pk", "key"))
    return moves.add_up([(late[pk], told) for pk, told in rows.items()], keys)


# ---- choosing and ordering

VIEWS: dict[str, Callable[[Line], bool]] = {
    "": lambda line: True,
    "attention": lambda line: line.wants_attention,
    "mismatch": lambda line: line.disagrees,
}
FIRST = date.min
SORTS: dict[str, tuple[str, Callable[[Line], tuple[object, ...]]]] = {
    "attention": ("attention", lambda x: (-GRAVITY[x.derived], -(x.slip if x.slip is not None else -9999))),
    "name": ("name", lambda x: (x.program.name.casefold(),)),
    "slip": ("slip", lambda x: (x.slip is None, x.slip or 0)),
    "target": ("target", lambda x: (x.program.target_on is None, x.program.target_on or FIRST)),
    "forecast": ("P80", lambda x: (x.p80_on is None, x.p80_on or FIRST)),
    "chance": ("chance of target", lambda x: (x.chance is None, x.chance or 0.0)),
    "updated": ("last update", lambda x: (x.days_since_update is None, x.days_since_update or 0)),
    "rank": ("rank", lambda x: (x.program.rank == 0, x.program.rank)),
}


def arrange(found: Iterable[Line], sort: str) -> list[Line]:
    """Lines in the asked order, ties by name; unknown orders fall back to attention. A leading dash turns it round."""
    key = SORTS.get(sort.removeprefix("-"), SORTS["attention"])[1]
    ordered = sorted(found, key=lambda line: (line.program.name.casefold(), line.program.pk))
    if not sort.startswith("-"):
        return sorted(ordered, key=key)
    # What has no value stays last in both directions.
    known = [line for line in ordered if key(line)[0] is not True]
    return sorted(known, key=key, reverse=True) + [line for line in ordered if key(line)[0] is True]


def matches(line: Line, filters: Mapping[str, str], viewer: User) -> bool:
    program = line.program
    lead = filters.get("lead", "")
    return (
        says(program, filters.get("q", "").casefold().split())
        and filters.get("health", "") in ("", line.derived)
        and lead in ("", str(program.lead_id), "me" if program.lead_id == viewer.pk else "")
        and filters.get("team", "") in ("", str(program.owning_team_id))
        and filters.get("area", "") in ("", program.area)
    )


def says(program: Program, words: Collection[str]) -> bool:
    """Whether all words stand in what a line shows of a program."""
    if not words:
        return True
    text = f"{program.key} {program.name} {program.lead or ''} {program.owning_team or ''} {program.area}".casefold()
    return all(word in text for word in words)


# ---- sums


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
    behind: int
    slipped_a_week: int
    exposure: float


def add_up(found: list[Line]) -> Sums:
    sized = Risk.objects.open().filter(program__among=[line.program.pk for line in found]).with_exposure()
    total = sized.aggregate(all=Sum("exposure"))["all"] or 0
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
        behind=sum(line.is_behind for line in found),
        slipped_a_week=sum((line.moved or 0) >= 7 for line in found),
        exposure=total,
    )


# ---- what changed

# A moved date is told by the name of the milestone in its own program: the other end of a hand-off may be hidden.
MOVED = ("milestone", "dependency__predecessor", "dependency__successor")


def named(moves: QuerySet[DateMove], *also: str) -> QuerySet[DateMove]:
    """Moves with the names that ``moved`` needs and those of their causes: little of long rows."""
    ends = [f"{end}__{field}" for end in MOVED for field in ("name", "program_id")]
    own = ("program_id", "field", "before_on", "after_on", "note", "by_id", "at")
    links = ("milestone_id", "dependency__predecessor_id", "dependency__successor_id")
    return moves.select_related("cause", *MOVED, *also).only(
        *own, *links, "cause__name", *ends, *(f"{person}__name" for person in also)
    )


def moved(move: DateMove) -> str:
    """The milestone whose day moved; empty for the program's own target."""
    if move.milestone:
        return move.milestone.name
    ends = (move.dependency.predecessor, move.dependency.successor) if move.dependency else ()
    return next((end.name for end in ends if end.program_id == move.program_id), "a hand-off" if ends else "")


def changes(found: list[Line], *, since: Since) -> list[Change]:
    """What happened to these programs since the beginning of a day, heaviest first."""
    known = {line.program.pk: line.program for line in found}
    ids = list(known)
    result = [change for line in found for change in _of_line(line, since)]

    decisions = since.taken(Decision.objects.filter(program__among=ids))
    for decision in decisions.order_by("-decided_on", "-id")[:MOST_CHANGES]:
        program = known[decision.program_id]
        heading = f"{program.name}, decision {decision.reference}"
        result.append(
            Change("gavel", heading, f"/d/{decision.reference}", f"{decision.question} {decision.answer}", 40)
        )

    raised: Any = since.raised(Risk.objects.open().with_exposure().filter(program__among=ids))
    newest: Iterable[Any] = raised.order_by("-raised_on", "-id")[:MOST_CHANGES]
    for risk in newest:
        days = (risk.exposure or 0) / 480
        text = f"New risk {risk.reference}: {risk.title}."
        note = f"{days:.1f} d" if days else ""
        program = known[risk.program_id]
        result.append(Change("risk", program.name, f"/r/{risk.reference}", text, 30 + days, tone="warn", note=note))

    done = since.done(Milestone.objects.filter(program__among=ids))
    for milestone in done.order_by("-is_end", "-done_on", "-id")[:MOST_CHANGES]:
        program = known[milestone.program_id]
        early = (milestone.done_on - milestone.target_on).days if milestone.done_on and milestone.target_on else None
        when = "" if not early else f", {early} d after its target" if early > 0 else f", {-early} d before its target"
        text = f"{milestone.name} is done{when}."
        weight = 80 if milestone.is_end else 20
        result.append(Change("check", program.name, program.get_absolute_url(), text, weight, tone="ok"))

    dates = DateMove.objects.filter(program__among=ids, at__gte=since.at)
    for move in named(dates).order_by("-at", "-id")[:MOST_CHANGES]:
        program = known[move.program_id]
        what = moved(move) or "the program"
        to = f"{move.after_on:%-d %b %Y}" if move.after_on else "no date"
        kind = "Promise" if move.field == DateMove.Field.PROMISED else "Target"
        text = f"{kind} of {what} moved from {move.before_on:%-d %b %Y} to {to}: {move.cause.name}."
        days_moved = (move.after_on - move.before_on).days if move.after_on else None
        late = (days_moved or 0) > 0
        result.append(
            Change(
                "cal",
                program.name,
                program.get_absolute_url(),
                text,
                45 + abs(days_moved or 0) / 2,
                delta=days_moved,
                tone="bad" if late else "ok",
            )
        )

    baselines = Baseline.objects.filter(program__among=ids, approved_on__gte=since.on)
    for baseline in baselines.select_related("approved_by").order_by("-approved_on", "-id")[:MOST_CHANGES]:
        program = known[baseline.program_id]
        text = f"Baseline “{baseline.name}” approved by {baseline.approved_by.name}."
        result.append(Change("flag", program.name, program.get_absolute_url(), text, 35))
    return sorted(result, key=lambda change: -change.weight)[:MOST_CHANGES]


def _of_line(line: Line, since: Since) -> Iterable[Change]:
    """How a program's P80, derived health and its lead's word changed."""
    program, url = line.program, line.program.get_absolute_url()
    before = Health(line.before.health) if line.before else None
    moved = line.moved
    turned = before is not None and before != line.derived
    if turned and before is not None:
        worse = GRAVITY[line.derived] > GRAVITY[before]
        verb = "fell" if worse else "rose"
        text = f"Derived health {verb} from {before.label} to {line.derived.label}."
        if line.disagrees and line.reported:
            text += f" {line.reported.by.name} reports {Health(line.reported.health).label}."
        weight = 100 + abs(moved or 0) if worse else 60 + abs(moved or 0) / 2
        yield Change("flag", program.name, url, text, weight, delta=moved, tone="bad" if worse else "ok")
    elif moved and line.p80_on:
        way = "later" if moved > 0 else "earlier"
        text = f"P80 moved {abs(moved)} d {way}, to {line.p80_on:%-d %b %Y}."
        weight = 50 + abs(moved) if moved > 0 else 25 + abs(moved) / 2
        yield Change("trend", program.name, url, text, weight, delta=moved, tone="bad" if moved > 0 else "ok")
    now, then = line.reported, line.reported_before
    if now and now.at >= since.at and (then is None or then.health != now.health):
        word = Health(now.health).label
        text = f"{now.by.name} now reports {word}"
        text += f", no longer {Health(then.health).label}." if then else "."
        if now.because:
            text += f" “{now.because}”"
        yield Change("pencil", program.name, url, text, 55)
