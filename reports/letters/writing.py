"""Letters written for many readers at once: rights and facts are read together, then each gets what is theirs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError

from people.models import Membership
from programs.permissions import seen_by_each, shared_by_each
from reports.letters import daily
from reports.letters.composing.content import Reader, compose
from reports.letters.composing.cut import Cut
from reports.letters.composing.cutting import MOST_PROGRAMS, Cutting
from reports.letters.composing.rendering import render
from reports.letters.desk import Desk
from reports.letters.facts import Facts
from reports.letters.links import links
from reports.models import Letter, Plan, Subscription
from reports.plans.invitations import write_invitation
from reports.plans.permissions import keeper_of
from reports.plans.promises import EXTRA, INVITATION
from reports.plans.words import schedule
from reports.schedule import WEEK_DAYS

# What is tried in turn until a letter is small enough.
ROWS = (MOST_PROGRAMS, MOST_PROGRAMS * 3 // 4, MOST_PROGRAMS // 2, 0)
# Gmail cuts a message at about 102 kB.
MOST_BYTES = 100_000
# A letter after a long silence looks back this far and no further.
LONGEST_LOOK_BACK = timedelta(days=35)
# What a letter tells was read no longer than this before it was started.
OLDEST_FACTS = timedelta(minutes=10)


@dataclass(frozen=True)
class Written:
    """A letter's words and facts, ready to be sent; or, in ``not_sent``, why there is nothing to send."""

    subject: str = ""
    text: str = ""
    html: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    not_sent: str = ""


def write(letters: Sequence[Letter], *, at: datetime, desk: Desk) -> Iterator[Written]:
    """Each letter as its reader may read it now, in the order given: a fixed number of queries for all of them."""
    readers = [letter.subscription for letter in letters]
    seen = seen_by_each(reader.user for reader in readers if reader.user)
    outside = [reader for reader in readers if not reader.user]
    sharing = [person for r in outside for person in (r.granted_by, keeper_of(r.plan)) if person]
    shared = shared_by_each({person.pk: person for person in sharing}.values())
    teams = _teams(readers)
    told_until = _told_until(letters)
    of_day = [letter for letter in letters if letter.subscription.plan.content == Plan.Content.DAY]
    waits = daily.read(of_day, today=desk.day(at), desk=desk)
    everything = frozenset[int]().union(*seen.values(), *shared.values())
    for letter, reader in zip(letters, readers, strict=True):
        visible = seen[reader.user.pk] if reader.user else shared[reader.granted_by_id or 0]
        if not reader.user and (keeper := keeper_of(reader.plan)):
            visible &= shared[keeper.pk]
        if letter.period == INVITATION:
            yield Written(*write_invitation(letter, desk.organisation))
        elif reader.plan.content == Plan.Content.DAY:
            yield Written(**daily.write(letter, visible, waits, at=at, desk=desk))
        else:
            last = told_until.get((reader.pk, EXTRA in letter.period))
            yield _letter(letter, visible, teams[reader.pk], last, at=at, desk=desk, everything=everything)


def _letter(
    letter: Letter,
    visible: frozenset[int],
    teams: frozenset[int],
    last: datetime | None,
    *,
    at: datetime,
    desk: Desk,
    everything: frozenset[int],
) -> Written:
    reader, plan = letter.subscription, letter.subscription.plan
    try:
        chosen = desk.content(plan)
    except ValidationError as refusal:
        return Written(not_sent=" ".join(refusal.messages))
    ids = visible if chosen is None else visible & chosen
    if chosen is not None and not ids:
        return Written(not_sent="The reader sees no program of it.")
    cut = Cut.of(plan)
    today, since_on = desk.day(at), _since(last, at, desk)
    whole = frozenset({plan.program_id} if plan.program_id else set[int]())
    facts = desk.facts(everything, whole, today=today, since_on=since_on)
    facts, said = _approved(facts, plan, last, desk)
    key = facts.at, facts.today, facts.since.on, said, ids, visible, cut
    if key not in desk.cuttings:
        desk.cuttings[key] = Cutting(facts.only(ids, visible), cut, settings.SITE_URL)
    cutting = desk.cuttings[key]
    for most_rows in (rows for rows in ROWS if rows <= cutting.fits):
        content = compose(
            cutting,
            reader=Reader(reader.user_id, reader.zone_name, teams),
            period=letter.period,
            organisation=desk.organisation,
            schedule=schedule(reader),
            links=links(letter),
            at=at,
            most_rows=most_rows,
        )
        subject, text, html = render(content, cutting.bodies)
        if len(html.encode()) + len(text.encode()) < MOST_BYTES:
            break
        cutting.fits = most_rows - 1
    return Written(subject, text, html, content.as_json())


def _approved(facts: Facts, plan: Plan, last: datetime | None, desk: Desk) -> tuple[Facts, int | None]:
    """What a program's own letter is written from: its newest update's frozen facts, unless they were told before."""
    updates = facts.updates if plan.program_id else []
    update = next((row for row in updates if row.program_id == plan.program_id), None)
    if update is None:
        return facts, None
    if last is None or (update.published_at and update.published_at > last - OLDEST_FACTS):
        frozen = desk.frozen(update)
        return (frozen, update.pk) if frozen else (facts, None)
    return replace(facts, updates=[row for row in facts.updates if row != update]), -update.pk


def _teams(readers: Iterable[Subscription]) -> dict[int, frozenset[int]]:
    """Whose hand-offs a partner's letter tells of: the plan's teams, or else those that the reader is in."""
    partners = [reader for reader in readers if reader.plan.audience == Plan.Audience.PARTNER]
    found: dict[int, frozenset[int]] = {reader.pk: frozenset() for reader in readers}
    if not partners:
        return found
    of_plan: dict[int, set[int]] = {}
    for plan_id, team_id in Plan.teams.through.objects.filter(plan__in={r.plan_id for r in partners}).values_list(
        "plan", "team"
    ):
        of_plan.setdefault(plan_id, set()).add(team_id)
    of_user: dict[int, set[int]] = {}
    memberships = Membership.objects.filter(user__in={r.user_id for r in partners if r.user_id})
    for user_id, team_id in memberships.values_list("user", "team"):
        of_user.setdefault(user_id, set()).add(team_id)
    for reader in partners:
        found[reader.pk] = frozenset(of_plan.get(reader.plan_id) or of_user.get(reader.user_id or 0) or set())
    return found


def _told_until(letters: Sequence[Letter]) -> dict[tuple[int, bool], datetime]:
    """When each reader's last letter was written; an extra one looks at its week alone."""
    due = {letter.subscription_id: letter.due_at for letter in letters}
    sent = (
        Letter.objects.filter(subscription__in=due, state=Letter.State.SENT)
        .exclude(period__contains=EXTRA)
        .exclude(period=INVITATION)
        .order_by("subscription", "-due_at")
        .distinct("subscription")
    )
    return {(pk, False): at for pk, at in sent.values_list("subscription", "started_at") if at}


def _since(last: datetime | None, at: datetime, desk: Desk) -> date:
    """The day from whose end on a letter tells: the one before the letter before, within reason; else a week ago.

    Who got that one in the morning reads in this one what came that afternoon.
    """
    day = desk.day(at)
    return max(desk.day(last) - timedelta(days=1), day - LONGEST_LOOK_BACK) if last else day - timedelta(days=WEEK_DAYS)
