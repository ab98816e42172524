"""What a weekly letter knows: the facts of a set of programs on a day, and what changed since an earlier one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.db.models import F, Q

from forecasts.models import ProgramHealth
from milestones.models import Dependency, Milestone
from programs.models import Health, Program, ReportedHealth
from reports.models import Update
from reports.since import Since
from risks.models import Decision, Risk


@dataclass(frozen=True)
class Facts:
    """All that letters to readers with the same visible programs are written from."""

    today: date
    since: Since
    programs: list[Program]
    health: dict[int, ProgramHealth]
    health_before: dict[int, ProgramHealth]
    reported: dict[int, ReportedHealth]
    reported_before: dict[int, ReportedHealth]
    waiting: list[Decision]
    taken: list[Decision]
    done: list[Milestone]
    open_risks: int
    new_risks: list[Risk]
    closed_risks: list[Risk]
    updates: list[Update]
    late_hand_offs: int


def load(program_ids: frozenset[int], *, today: date, since: Since) -> Facts:
    """Read what letters need of these programs: a fixed number of queries, whatever their number."""
    healths = ProgramHealth.objects.filter(program__in=program_ids).order_by("program_id", "-day", "-id")
    newest = {row.program_id: row for row in healths.filter(day__lte=today).distinct("program_id")}
    before = {row.program_id: row for row in since.before(healths).distinct("program_id")}
    finished = [p for p, row in newest.items() if row.health == Health.DONE and row.day >= since.on]
    finished = [p for p in finished if p not in before or before[p].health != Health.DONE]
    programs = Program.objects.filter(pk__in=program_ids).exclude(state=Program.State.CANCELLED)
    reported = ReportedHealth.objects.filter(program__in=program_ids).order_by("program_id", "-at", "-id")
    decisions = Decision.objects.filter(program__in=program_ids).select_related("program", "decider")
    risks = Risk.objects.filter(program__in=program_ids).select_related("program")
    late = (
        Dependency.objects.hand_offs()
        .filter(Q(predecessor__program__in=program_ids) | Q(successor__program__in=program_ids))
        .filter(promised_on__gt=F("need_by_on"))
        .exclude(agreement=Dependency.Agreement.DELIVERED)
    )
    return Facts(
        today=today,
        since=since,
        programs=list(programs.filter(~Q(state=Program.State.DONE) | Q(pk__in=finished)).order_by("name", "id")),
        health=newest,
        health_before=before,
        reported={row.program_id: row for row in reported.distinct("program_id").select_related("by")},
        reported_before={row.program_id: row for row in since.said_before(reported).distinct("program_id")},
        waiting=list(decisions.waiting().order_by(F("decide_by_on").asc(nulls_last=True), "id")),
        taken=list(since.taken(decisions).order_by("-decided_on", "-id")),
        done=list(
            since.done(Milestone.objects.filter(program__in=program_ids))
            .select_related("program")
            .order_by("-is_end", "-done_on", "id")
        ),
        open_risks=risks.open().count(),
        new_risks=list(since.raised(risks.open()).order_by("-id")),
        closed_risks=list(since.closed(risks).order_by("-id")),
        updates=list(
            Update.objects.published()
            .filter(program__in=program_ids, published_at__gte=since.at)
            .select_related("program", "author")
            .order_by("program__name", "program_id", "-published_at", "-id")
            .distinct("program__name", "program_id")
        ),
        late_hand_offs=late.count(),
    )
