"""What letters know: the facts of a set of programs on a day, and what changed since an earlier one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from django.db.models import Count, F, Q

from forecasts.models import HealthPolicy, ProgramHealth
from forecasts.policy import newest_policy
from milestones.hand_offs import State, state_of
from milestones.models import Dependency, Milestone
from programs.models import Health, Program, ReportedHealth
from reports.models import Update
from reports.since import News, Since, since_each
from risks.models import Decision, Risk

T = TypeVar("T", Decision, Milestone, Risk, Update)
# After a longer silence an owed update tells no more than this.
LONGEST_SILENCE = timedelta(days=35)


class Late(NamedTuple):
    """A hand-off that comes later than needed: its programs, and whether that is what was promised."""

    pk: int
    giver: int
    receiver: int
    is_promised: bool


@dataclass(frozen=True)
class Facts:
    """All that letters of a day are written from: read once, then cut to what each reader may see."""

    today: date
    zone: ZoneInfo
    since: Since
    policy: HealthPolicy
    programs: list[Program]
    health: dict[int, ProgramHealth]
    health_before: dict[int, ProgramHealth]
    reported: dict[int, ReportedHealth]
    reported_before: dict[int, ReportedHealth]
    waiting: list[Decision]
    taken: list[Decision]
    done: list[Milestone]
    milestones: list[Milestone]
    open_by_program: dict[int, int]
    new_risks: list[Risk]
    closed_risks: list[Risk]
    updates: list[Update]
    hand_offs: list[Dependency]
    late_by_ends: list[Late]
    # The moment they were frozen at; None for those of now.
    at: datetime | None = None

    @property
    def then(self) -> str:
        """What makes an address show its page as it was on that day, whenever the letter is read."""
        return f"?as_of={self.today}"

    @property
    def open_risks(self) -> int:
        return sum(self.open_by_program.values())

    def day(self, at: datetime) -> date:
        """The organisation's day, as ``today`` is."""
        return at.astimezone(self.zone).date()

    def only(self, ids: frozenset[int], seen: frozenset[int]) -> Facts:
        """The same of these programs alone. Of a hand-off both ends must be seen, for it names both.

        One that is late is counted by one end; what a hidden giver expects counts for nothing.
        """

        def of(rows: Iterable[T]) -> list[T]:
            return [row for row in rows if row.program_id in ids]

        return replace(
            self,
            programs=[program for program in self.programs if program.pk in ids],
            health={pk: row for pk, row in self.health.items() if pk in ids},
            health_before={pk: row for pk, row in self.health_before.items() if pk in ids},
            reported={pk: row for pk, row in self.reported.items() if pk in ids},
            reported_before={pk: row for pk, row in self.reported_before.items() if pk in ids},
            waiting=of(self.waiting),
            taken=of(self.taken),
            done=of(self.done),
            milestones=of(self.milestones),
            open_by_program={pk: number for pk, number in self.open_by_program.items() if pk in ids},
            new_risks=of(self.new_risks),
            closed_risks=of(self.closed_risks),
            updates=of(self.updates),
            hand_offs=[
                row
                for row in self.hand_offs
                if (ends := {row.predecessor.program_id, row.successor.program_id}) & ids and ends <= seen
            ],
            late_by_ends=[
                one
                for one in self.late_by_ends
                if {one.giver, one.receiver} & ids and (one.is_promised or one.giver in seen)
            ],
        )


def load(
    program_ids: frozenset[int], *, today: date, zone: ZoneInfo, since: Since, whole: frozenset[int] = frozenset()
) -> Facts:
    """Read what letters need of these programs: a fixed number of queries, whatever their number.

    Of ``whole`` programs, those with a letter of their own, the open milestones as well.
    """
    changed = _changed(program_ids, today=today, since=since)
    newest, before = changed["health"], changed["health_before"]
    finished = [p for p, row in newest.items() if row.health == Health.DONE and row.day >= since.first]
    finished = [p for p in finished if p not in before or before[p].health != Health.DONE]
    programs = Program.objects.filter(pk__in=program_ids).exclude(state=Program.State.CANCELLED)
    decisions = Decision.objects.filter(program__in=program_ids).select_related("program", "decider")
    open_risks = Risk.objects.filter(program__in=program_ids).open().of_open_programs()
    hand_offs = list(
        Dependency.objects.pending()
        .filter(Q(predecessor__program__in=program_ids) | Q(successor__program__in=program_ids))
        .select_related("predecessor__program", "predecessor__forecast", "successor__program")
        .order_by(F("need_by_on").asc(nulls_last=True), "id")
    )
    return Facts(
        today=today,
        zone=zone,
        since=since,
        policy=newest_policy(),
        programs=list(programs.filter(~Q(state=Program.State.DONE) | Q(pk__in=finished)).order_by("name", "id")),
        **changed,
        waiting=list(decisions.waiting().of_open_programs().order_by(F("decide_by_on").asc(nulls_last=True), "id")),
        milestones=list(
            Milestone.objects.filter(program__in=whole, done_on=None, cancelled_on=None)
            .filter(Q(is_end=True) | Q(target_on__isnull=False))
            .select_related("forecast", "owner", "program")
            .with_due()
            .order_by(F("due").asc(nulls_last=True), "id")
        ),
        open_by_program=dict(open_risks.values_list("program").annotate(number=Count("pk")).order_by()),
        updates=list(
            Update.objects.published()
            .filter(program__in=program_ids, published_at__gte=since.at)
            .select_related("program", "author", "path_owner")
            .defer("snapshot", "sentences")
            .order_by("program__name", "program_id", "-published_at", "-id")
            .distinct("program__name", "program_id")
        ),
        hand_offs=[row for row in hand_offs if row.need_by_on],
        late_by_ends=late_of(hand_offs),
    )


def expected_on(row: Dependency) -> date | None:
    """The day that a hand-off is promised for; without a promise P80 of what is given."""
    return row.promised_on or (row.predecessor.forecast.p80_on if hasattr(row.predecessor, "forecast") else None)


def slack_of(row: Dependency) -> int | None:
    comes = expected_on(row)
    return (row.need_by_on - comes).days if row.need_by_on and comes else None


def verdict(row: Dependency) -> State:
    """How a hand-off stands that is awaited, as pages say it."""
    return state_of(is_there=False, agreement=row.agreement, slack_days=slack_of(row))


def late_of(hand_offs: Iterable[Dependency]) -> list[Late]:
    return [
        Late(row.pk, row.predecessor.program_id, row.successor.program_id, row.promised_on is not None)
        for row in hand_offs
        if verdict(row) is State.LATE
    ]


def _changed(program_ids: Collection[int], *, today: date, since: News) -> dict[str, Any]:
    """How programs stand and stood, and what was taken, done, raised and closed since: eight queries."""
    healths = ProgramHealth.objects.filter(program__in=program_ids).order_by("program_id", "-day", "-id")
    reported = ReportedHealth.objects.filter(program__in=program_ids).order_by("program_id", "-at", "-id")
    decisions = Decision.objects.filter(program__in=program_ids).select_related("program", "decider")
    risks = Risk.objects.filter(program__in=program_ids).select_related("program")
    milestones = Milestone.objects.filter(program__in=program_ids).select_related("program")
    return {
        "health": {row.program_id: row for row in healths.filter(day__lte=today).distinct("program_id")},
        "health_before": {row.program_id: row for row in since.before(healths).distinct("program_id")},
        "reported": {row.program_id: row for row in reported.distinct("program_id").select_related("by")},
        "reported_before": {row.program_id: row for row in since.said_before(reported).distinct("program_id")},
        "taken": list(since.taken(decisions).order_by("-decided_on", "-id")),
        "done": list(since.done(milestones).order_by("-is_end", "-done_on", "id")),
        "new_risks": list(since.raised(risks.open().of_open_programs()).order_by("-id")),
        "closed_risks": list(since.closed(risks).order_by("-id")),
    }


def what_changed(
    programs: Iterable[Program], sinces: Mapping[int, Since], *, today: date, zone: ZoneInfo, policy: HealthPolicy
) -> dict[int, Facts]:
    """Of each program alone what changed since a day of its own, and nothing of what merely stands: eight queries."""
    known = list(programs)
    found = _changed(sinces.keys(), today=today, since=since_each(sinces)) if known else {}
    nothing: dict[str, Any] = {
        "waiting": [], "milestones": [], "open_by_program": {}, "updates": [], "hand_offs": [], "late_by_ends": [],
    }  # fmt: skip
    return {
        program.pk: Facts(
            today=today, zone=zone, since=sinces[program.pk], policy=policy, programs=known, **found, **nothing
        ).only(frozenset({program.pk}), frozenset())
        for program in known
    }


def since_update(last: Update | None, *, today: date, zone: ZoneInfo) -> Since:
    """From when an owed update counts its news: from the moment of the one before it, within reason."""
    earliest = Since.end_of(today - LONGEST_SILENCE, zone)
    if last is None or last.published_at is None or last.published_at < earliest.at:
        return earliest
    return Since.after(last.published_at, zone)
