"""The one mail of a day: updates that a person owes, what others asked of them, and where they were named.

A person gets at most one a day, at their own hour: the outbox has one row for each reader and local day.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
from reports.letters.desk import Desk
from reports.letters.facts import Facts, since_update, what_changed
from reports.letters.links import links
from reports.letters.parts.news import Note, changed
from reports.models import Letter, Plan, Reminder, Subscription, Update
from reports.plans.promises import letter_of
from reports.plans.services import day_plan
from reports.plans.words import schedule
from reports.schedule import WEEK_DAYS, moment
from reports.words import count, ended, plain, sentence, short

Kind = Reminder.Kind
# A mail that could not go in this time after its hour waits for the next day.
LATEST = timedelta(hours=12)
MOST_NOTES, MOST_MENTIONS, MOST_LINES = 8, 10, 6


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


@dataclass(frozen=True)
class Waits:
    """What waits for the readers of several mails of a day, by letter, and what was said last of its programs."""

    reminders: dict[int, list[Reminder]]
    notices: dict[int, list[Notice]]
    last: dict[int, Update]
    drafts: dict[int, int]
    # By program: what changed since its last update, within reason.
    facts: dict[int, Facts]


def read(letters: Sequence[Letter], *, today: date, desk: Desk) -> Waits:
    """Of so many mails of a day what their readers wait for now: five queries. What was settled is left out."""
    if not letters:
        return Waits({}, {}, {}, {}, {})
    said = ReportedHealth.objects.filter(program=OuterRef("program"), at__gte=OuterRef("at")).order_by("-at")
    reminders: dict[int, list[Reminder]] = {}
    for row in (
        Reminder.objects.filter(letter__in=letters)
        .annotate(answered_at=Subquery(said.values("at")[:1]))
        .filter(answered_at=None, program__state=Program.State.ACTIVE)
        .select_related("program__lead", "by")
        .order_by("kind", "owed_on", "program__name", "id")
    ):
        reminders.setdefault(row.letter_id or 0, []).append(row)
    programs = {row.program_id: row.program for rows in reminders.values() for row in rows}
    updates = Update.objects.filter(program__in=programs).select_related("author").defer("snapshot", "sentences")
    newest = updates.published().order_by("program_id", "-published_at", "-id").distinct("program_id")
    last = {one.program_id: one for one in newest}
    sinces = {pk: since_update(last.get(pk), today=today, zone=desk.zone) for pk in programs}
    return Waits(
        reminders=reminders,
        notices=_notices(letters),
        last=last,
        drafts=dict(updates.filter(published_at=None).order_by("-begun_at").values_list("program_id", "pk")),
        facts=what_changed(programs.values(), sinces, today=today, zone=desk.zone, policy=newest_policy()),
    )


def _notices(letters: Sequence[Letter]) -> dict[int, list[Notice]]:
    """Where each reader was named since their mail before, and until this one came due."""
    since = _told_before(letters)
    rows = mentions([letter.subscription.user_id or 0 for letter in letters], min(since.values()))
    by_user: dict[int, list[Notice]] = {}
    for notice in rows.select_related("by", "program", "comment").order_by("-at", "-id"):
        by_user.setdefault(notice.user_id, []).append(notice)
    return {
        letter.pk: [
            notice
            for notice in by_user.get(letter.subscription.user_id or 0, [])
            if since[letter.pk] <= notice.at <= letter.due_at
        ]
        for letter in letters
    }


def write(letter: Letter, visible: frozenset[int], waits: Waits, *, at: datetime, desk: Desk) -> dict[str, Any]:
    """The mail of a day as its reader may read it now."""
    reader, to, today = letter.subscription, links(letter), desk.day(at)
    rows = [row for row in waits.reminders.get(letter.pk, []) if row.program_id in visible]
    owes = [_owed(row, waits, to.site) for row in _once(rows)]
    notices = [notice for notice in waits.notices.get(letter.pk, []) if notice.program_id in visible]
    named = [
        Named(
            plain(notice.by.name if notice.by else "", 60),
            plain(notice.program.name, 80),
            ended(notice.comment.text) if notice.comment else "",
            f"{to.site}/inbox",
        )
        for notice in notices[:MOST_MENTIONS]
    ]
    if not owes and not named:
        return {"not_sent": "Nothing waits any more."}
    context = {
        "owes": owes,
        "named": named,
        "headline": _headline(owes, len(named)),
        "schedule": schedule(reader),
        "links": to,
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


def _told_before(letters: Sequence[Letter]) -> dict[int, datetime]:
    """The hour of the mail before each: what came up until then was told by it."""
    week = timedelta(days=WEEK_DAYS)
    sent = Letter.objects.filter(
        subscription__in={letter.subscription_id for letter in letters},
        due_at__gte=min(letter.due_at for letter in letters) - week,
    ).exclude(state__in=[Letter.State.SKIPPED, Letter.State.MISSED])
    earlier = list(sent.order_by().values_list("subscription", "due_at"))
    return {
        letter.pk: max(
            [letter.due_at - week, *(at for pk, at in earlier if pk == letter.subscription_id and at < letter.due_at)]
        )
        for letter in letters
    }


def _once(rows: Iterable[Reminder]) -> list[Reminder]:
    """Each program once, however many asked for its update."""
    by_program: dict[int, Reminder] = {}
    for row in rows:
        if row.program_id not in by_program or row.kind == Kind.NUDGE:
            by_program[row.program_id] = row
    return list(by_program.values())


def _owed(row: Reminder, waits: Waits, site: str) -> Owes:
    pk, update, facts = row.program_id, waits.last.get(row.program_id), waits.facts[row.program_id]
    page = f"{site}{row.program.get_absolute_url()}"
    url = f"{site}/u/{waits.drafts[pk]}/edit" if pk in waits.drafts else f"{page}/updates/new"
    lines = [plain(line.strip().lstrip("#*-> "), 300) for line in (update.text if update else "").splitlines()]
    return Owes(
        program=plain(row.program.name, 80),
        why=_why(row, facts.today),
        url=page if row.kind == Kind.ESCALATION else url,
        last=[line for line in lines if line][:MOST_LINES],
        last_on=short(facts.since.on) if update else "",
        changes=changed(facts, row.program, site)[:MOST_NOTES],
        kind=row.kind,
    )


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
