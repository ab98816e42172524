"""The one mail of a day: updates that a person owes, what others asked of them, and where they were named.

A person gets at most one a day, at their own hour: the outbox has one row for each reader and local day.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Max, OuterRef, Subquery
from django.template.loader import render_to_string

import history
from forecasts.policy import newest_policy
from people.models import User
from people.services import organisation_zone
from programs.models import Notice, Program, ReportedHealth, Role
from reports.letters.composing.rendering import INLINER
from reports.letters.facts import load
from reports.letters.links import Links
from reports.letters.parts.news import Note, notes, p80_note
from reports.models import Letter, Plan, Reminder, Subscription, Update
from reports.plans.promises import letter_of
from reports.plans.services import first_administrator
from reports.schedule import WEEK_DAYS, moment
from reports.since import Since
from reports.words import count, ended, plain, sentence, short

Kind = Reminder.Kind
# A mail that could not go in this time after its hour waits for the next day.
LATEST = timedelta(hours=12)
MOST_NOTES, MOST_MENTIONS, MOST_LINES = 8, 10, 6


def day_plan(at: datetime) -> Plan:
    """The plan of all mails of a day; made once."""
    found = Plan.objects.filter(content=Plan.Content.DAY).first()
    if found is None:
        with history.because("Begin the mail of a day", by_id=None):
            found = history.create(
                Plan(
                    name="What waits for you",
                    owner=first_administrator(),
                    content=Plan.Content.DAY,
                    hour=8,
                    begins_at=at - timedelta(days=WEEK_DAYS),
                )
            )
    return found


def promise(*, at: datetime) -> int:
    """Remind of what is owed, and make the mail of each person's day where something waits. May run twice."""
    plan = day_plan(at)
    if plan.ended_at:
        return 0
    zone = organisation_zone()
    remind(plan, today=at.astimezone(zone).date(), zone=zone, at=at)
    waiting = _waiting(plan, at)
    readers = _readers(plan, waiting, at)
    return sum(_begin(reader, waiting[reader.user_id or 0], at) for reader in readers if reader.user_id in waiting)


def remind(plan: Plan, *, today: date, zone: ZoneInfo, at: datetime) -> None:
    """Note who is to be told of updates that are due, and once, after some days, their sponsors."""
    patience = timedelta(days=newest_policy().stale_days)
    said = ReportedHealth.objects.filter(program=OuterRef("pk")).order_by("-at", "-id").values("at")
    programs = list(
        Program.objects.filter(state=Program.State.ACTIVE)
        .order_by("pk")
        .values_list("pk", "lead_id", "sponsor_id", Subquery(said[:1]))
    )
    leads: dict[int, set[int]] = {}
    for pk, user_id in Role.objects.filter(kind=Role.Kind.LEAD, user__is_active=True).values_list("program", "user"):
        leads.setdefault(pk, set()).add(user_id)
    active = set(User.objects.filter(is_active=True).values_list("pk", flat=True))
    wanted: set[tuple[int, int, str, date]] = set()
    for pk, lead_id, sponsor_id, last in programs:
        due_on = last.astimezone(zone).date() + patience if last else plan.begins_at.astimezone(zone).date()
        if today < due_on:
            continue
        owners = ({lead_id} | leads.get(pk, set())) & active
        wanted |= {(owner, pk, Kind.OWED.value, due_on) for owner in owners}
        if today >= due_on + timedelta(days=plan.escalate_days) and sponsor_id in active - owners:
            wanted.add((sponsor_id, pk, Kind.ESCALATION.value, due_on))
    known = Reminder.objects.exclude(kind=Kind.NUDGE).filter(program__in={one[1] for one in wanted})
    wanted -= set(known.values_list("user_id", "program_id", "kind", "owed_on"))
    Reminder.objects.bulk_create(
        [
            Reminder(user_id=user_id, program_id=program_id, kind=kind, owed_on=owed_on, at=at)
            for user_id, program_id, kind, owed_on in sorted(wanted)
        ],
        ignore_conflicts=True,
    )


def mentions(users: Iterable[int] | None, since: datetime) -> Any:
    """Unread notices that name people."""
    rows = Notice.objects.filter(reason=Notice.Reason.MENTION, user__is_active=True, at__gte=since)
    rows = rows.unread().open()
    return rows if users is None else rows.filter(user__in=users)


def _waiting(plan: Plan, at: datetime) -> dict[int, list[datetime]]:
    """When each thing that a person was not told of yet came up."""
    found: dict[int, list[datetime]] = {}
    for user_id, moment_ in Reminder.objects.filter(letter=None, user__is_active=True).values_list("user_id", "at"):
        found.setdefault(user_id, []).append(moment_)
    earliest = max(plan.begins_at, at - timedelta(days=WEEK_DAYS))
    named = mentions(None, earliest).values_list("user_id", "at")
    told = dict(
        Letter.objects.filter(subscription__plan=plan, due_at__gte=earliest)
        .order_by()
        .values_list("subscription__user")
        .annotate(last=Max("due_at"))
    )
    for user_id, moment_ in named:
        if user_id not in told or moment_ > told[user_id]:
            found.setdefault(user_id, []).append(moment_)
    return found


def _readers(plan: Plan, waiting: Iterable[int], at: datetime) -> list[Subscription]:
    """The readers of the day's mail among these people; who has none yet gets it from now on."""
    rows = Subscription.objects.filter(plan=plan, user__in=waiting).select_related("user", "plan").order_by("pk")
    missing = set(waiting) - set(rows.values_list("user_id", flat=True))
    if missing:
        with history.because("Begin the mail of a day", by_id=None):
            for user_id in sorted(missing):
                history.create(Subscription(plan=plan, user_id=user_id, enrolled=True, begins_at=at))
    return list(rows.filter(ended_at=None))


@transaction.atomic
def _begin(reader: Subscription, since: list[datetime], at: datetime) -> bool:
    """Make the mail of a reader's day once its hour has come, with all that was there by then."""
    today = at.astimezone(reader.zone).date()
    due_at = moment(today, reader.cadence.hour, reader.zone)
    if not due_at <= at < due_at + LATEST or min(since) > due_at or reader.is_paused_on(today):
        return False
    Subscription.objects.select_for_update(of=("self",)).get(pk=reader.pk)
    period = today.isoformat()
    if reader.letters.filter(period=period).exists():
        return False
    letter = letter_of(reader, period, due_at)
    Reminder.objects.filter(user=reader.user_id, letter=None, at__lte=due_at).update(letter=letter)
    return True


# -- its words -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Owes:
    """An update that is owed, with last time's words and what changed since."""

    program: str
    why: str
    url: str
    last: list[str]
    last_on: str
    changes: list[Note]
    kind: str


@dataclass(frozen=True)
class Named:
    """Where somebody named the reader."""

    by: str
    program: str
    text: str
    url: str


def write(letter: Letter, visible: frozenset[int], *, today: date, schedule: str, links: Links) -> dict[str, Any]:
    """The mail of a day as its reader may read it now; what was settled since is left out."""
    reader = letter.subscription
    said = ReportedHealth.objects.filter(program=OuterRef("program"), at__gte=OuterRef("at")).order_by("-at")
    rows = (
        Reminder.objects.filter(letter=letter, program__in=visible)
        .annotate(answered_at=Subquery(said.values("at")[:1]))
        .filter(answered_at=None, program__state=Program.State.ACTIVE)
        .select_related("program__lead", "by")
        .order_by("kind", "owed_on", "program__name", "id")
    )
    owes = _owes(list(rows), visible, today, links.site)
    named = [
        Named(
            plain(notice.by.name, 60),
            plain(notice.program.name, 80),
            ended(notice.comment.text) if notice.comment else "",
            f"{links.site}/inbox",
        )
        for notice in mentions([reader.user_id or 0], _told_before(letter))
        .filter(at__lte=letter.due_at, program__in=visible)
        .select_related("by", "program", "comment")
        .order_by("-at", "-id")[:MOST_MENTIONS]
    ]
    if not owes and not named:
        return {"not_sent": "Nothing waits any more."}
    context = {
        "owes": owes,
        "named": named,
        "headline": _headline(owes, len(named)),
        "schedule": schedule,
        "links": links,
        "zone": reader.zone_name,
    }
    return {
        "subject": plain(_headline(owes, len(named)).rstrip("."), 150),
        "text": render_to_string("emails/day.txt", context),
        "html": INLINER.inline(render_to_string("emails/day.html", context)),
        "facts": {
            "today": today.isoformat(),
            "reminders": [[row.pk, row.kind, row.program_id, row.owed_on.isoformat()] for row in rows],
        },
    }


def _told_before(letter: Letter) -> datetime:
    """The hour of the mail before: what came up until then was told by it."""
    earlier = Letter.objects.filter(subscription=letter.subscription_id, due_at__lt=letter.due_at)
    last: datetime | None = earlier.exclude(state=Letter.State.SKIPPED).aggregate(last=Max("due_at"))["last"]
    week_ago = letter.due_at - timedelta(days=WEEK_DAYS)
    return max(last, week_ago) if last else week_ago


def _owes(rows: list[Reminder], visible: frozenset[int], today: date, site: str) -> list[Owes]:
    """Each program once, however many asked for its update; facts are read once for each day that they count from."""
    by_program: dict[int, Reminder] = {}
    for row in rows:
        kept = by_program.get(row.program_id)
        if kept is None or row.kind == Kind.NUDGE:
            by_program[row.program_id] = row
    updates = Update.objects.filter(program__in=by_program).select_related("author")
    last = {
        one.program_id: one
        for one in updates.published().order_by("program_id", "-published_at", "-id").distinct("program_id")
    }
    drafts = dict(updates.filter(published_at=None).order_by("-begun_at").values_list("program_id", "pk"))
    zone, earliest = organisation_zone(), today - timedelta(days=5 * WEEK_DAYS)
    since = dict.fromkeys(by_program, earliest)
    for pk, one in last.items():
        if one.published_at:
            since[pk] = max(one.published_at.astimezone(zone).date(), earliest)
    of_day = {
        on: load(frozenset(pk for pk in since if since[pk] == on), today=today, since=Since.start_of(on, zone))
        for on in set(since.values())
    }
    found = []
    for pk, row in by_program.items():
        update, since_on = last.get(pk), since[pk]
        facts = of_day[since_on].only(frozenset({pk}), visible)
        url = f"{site}/u/{drafts[pk]}/edit" if pk in drafts else f"{site}{row.program.get_absolute_url()}/updates/new"
        if row.kind == Kind.ESCALATION:
            url = f"{site}{row.program.get_absolute_url()}"
        lines = [plain(line.strip().lstrip("#*-> "), 300) for line in (update.text if update else "").splitlines()]
        found.append(
            Owes(
                program=plain(row.program.name, 80),
                why=_why(row, today),
                url=url,
                last=[line for line in lines if line][:MOST_LINES],
                last_on=short(since_on) if update else "",
                changes=[*p80_note(facts, row.program, site), *notes(facts, site)][:MOST_NOTES],
                kind=row.kind,
            )
        )
    return found


def _why(row: Reminder, today: date) -> str:
    late = (today - row.owed_on).days
    if row.kind == Kind.NUDGE and row.by:
        return f"{plain(row.by.name, 60)} asks for its update."
    if row.kind == Kind.ESCALATION:
        lead = f" {plain(row.program.lead.name, 60)} was reminded." if row.program.lead else " Nobody leads it."
        return f"Its update is {late} d late.{lead}"
    return f"Its update was due {late} d ago." if late else "Its update is due today."


def _headline(owes: list[Owes], named: int) -> str:
    mine = [one for one in owes if one.kind != Kind.ESCALATION]
    late = len(owes) - len(mine)
    parts = []
    if len(mine) == 1:
        parts.append(f"the update of {mine[0].program} waits for you")
    elif mine:
        parts.append(count(len(mine), "update waits for you", "updates wait for you"))
    if late == 1:
        name = next(one.program for one in owes if one.kind == Kind.ESCALATION)
        parts.append(f"the update of {name}, which you sponsor, is late")
    elif late:
        parts.append(count(late, "", "updates of programs you sponsor are late"))
    if named:
        parts.append(count(named, "mention", "mentions"))
    return sentence(", ".join(parts))
