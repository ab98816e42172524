"""Writes of the communication plan: plans, who reads them, and who is asked for an update."""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import SplitResult, urlsplit

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

import history
from people import permissions as organisation
from people.models import Team, User
from people.permissions import OrgAct
from people.services import today
from programs.models import Program
from programs.permissions import Act, require
from programs.services import locked
from reports.models import Letter, Plan, PlanProgram, PlanTeam, Reminder, Subscription, WebhookSecret
from reports.models.plan import SECTIONS
from reports.plans.content import condition
from reports.plans.nudges import Nudge, nudges
from reports.plans.permissions import require_change, require_share_with_outsiders
from reports.plans.promises import INVITATION, extra_letter, letter_of, message_id, skip_letters

OWN = frozenset({"weekday", "hour", "paused_until"})
WRITTEN = frozenset(
    {
        "name", "owner", "content", "program", "view", "audience", "enrols", "length", "without", "channel", "rhythm",
        "every_weeks", "starts_on", "weekday", "hour", "zone", "paused_from", "paused_until", "escalate_days",
        "is_template",
    }
)  # fmt: skip
# When these change, letters that would have been due before by the new calendar are not promised.
CALENDAR = frozenset({"rhythm", "every_weeks", "starts_on", "weekday", "hour", "zone", "paused_from", "paused_until"})
# When these change, or a program or team is added, outside readers are told other things, or more of them.
WIDENING = frozenset({"owner", "content", "view", "audience", "length", "without"})
# What a plan made from a template takes over while its lead left it alone.
INHERITED = WRITTEN - {"owner", "program", "view", "is_template", "content"}
DEFAULT_NAME = "Weekly portfolio letter"


def default_plan(at: datetime) -> Plan:
    """The letter that anybody may get."""
    found = Plan.objects.filter(is_default=True).first()
    return _standing(found or Plan(is_default=True, name=DEFAULT_NAME), at)


def day_plan(at: datetime) -> Plan:
    """The plan of all mails of a day."""
    found = Plan.objects.filter(content=Plan.Content.DAY).first()
    return _standing(found or Plan(content=Plan.Content.DAY, name="What waits for you", hour=8), at)


def _standing(plan: Plan, at: datetime) -> Plan:
    """A plan that is everybody's: made once, and given to an administrator as soon as there is one.

    Whoever changed it since, as to be nobody's, meant it.
    """
    if plan.pk and (plan.owner_id or plan.version > 1):
        return plan
    owner = User.objects.filter(is_admin=True, is_active=True).order_by("pk").first()
    if not plan.pk:
        plan.begins_at, plan.owner = at - timedelta(days=7), owner
        with history.because(f"Begin the plan “{plan.name}”", by_id=None):
            return history.create(plan)
    if owner:
        with history.because("Give the plan an owner", by_id=None):
            return history.save(locked(plan), owner=owner)
    return plan


# -- plans -----------------------------------------------------------------------------------------------------------


@transaction.atomic
def create_plan(
    *, by: User, at: datetime, programs: Iterable[Program] = (), teams: Iterable[Team] = (), **written: Any
) -> Plan:
    """Promise something regularly. A program's plan is its lead's to make, any other an administrator's."""
    _only_written(written)
    plan = Plan(**{"owner": by, "begins_at": at} | written)
    _require_make(by, plan)
    _check(plan)
    with history.because("Add a communication plan", by_id=by.pk):
        history.create(plan)
        _set(PlanProgram, plan, "program", programs, by)
        _set(PlanTeam, plan, "team", teams, by)
    return plan


@transaction.atomic
def change_plan(
    *,
    plan: Plan,
    by: User,
    at: datetime,
    programs: Iterable[Program] | None = None,
    teams: Iterable[Team] | None = None,
    **written: Any,
) -> Plan:
    """Change a promise; of a template, also in the plans made from it where their leads left it as it was."""
    plan = locked(plan)
    require_change(by, plan)
    _only_written(written)
    before = {name: getattr(plan, name) for name in written}
    changed = {name: value for name, value in written.items() if before[name] != value}
    if changed.keys() & {"is_template", "program"}:
        raise ValidationError(_("A plan stays with its program; make another one."), code="program")
    with history.because("Change a communication plan", by_id=by.pk):
        _write(plan, changed, at)
        _check(plan)
        is_wider = bool(changed.keys() & WIDENING)
        if programs is not None:
            is_wider |= _set(PlanProgram, plan, "program", programs, by)
        if teams is not None:
            is_wider |= _set(PlanTeam, plan, "team", teams, by)
        if is_wider:
            require_share_with_outsiders(by, plan)
        inherited = {name: value for name, value in changed.items() if name in INHERITED}
        if plan.is_template and inherited:
            for made in plan.made.select_for_update().order_by("pk"):
                alike = {name: value for name, value in inherited.items() if getattr(made, name) == before[name]}
                _write(made, alike, at)
                if alike.keys() & WIDENING:
                    require_share_with_outsiders(by, made)
    return plan


def _write(plan: Plan, changed: dict[str, Any], at: datetime) -> None:
    if changed.keys() & CALENDAR:
        changed = changed | {"begins_at": at}
    history.save(plan, **changed)
    if plan.is_paused_on(today(at)):
        skip_letters(plan.readers.all(), "Paused before it was sent.")


@transaction.atomic
def end_plan(*, plan: Plan, by: User, at: datetime) -> Plan:
    """Promise no more; what waits is called off. Doing it twice is no mistake."""
    plan = locked(plan)
    require_change(by, plan)
    if plan.is_default or plan.content == Plan.Content.DAY:
        raise ValidationError(_("This plan is everybody's. Pause it, or unsubscribe."), code="standing")
    if plan.ended_at:
        return plan
    skip_letters(plan.readers.all(), "The plan was ended before it was sent.")
    with history.because("End a communication plan", by_id=by.pk):
        return history.save(plan, ended_at=at)


def _require_make(by: User, plan: Plan) -> None:
    if plan.program:
        require(by, Act.COMMUNICATE, plan.program)
    else:
        organisation.require(by, OrgAct.MANAGE_PLANS)


def _check(plan: Plan) -> None:
    if plan.view:
        condition(plan.view)
    unknown = set(plan.without.split()) - SECTIONS.keys()
    if unknown:
        raise ValidationError(
            {"without": [_("A letter has no section “%(name)s”.") % {"name": min(unknown)[:40]}]}, code="without"
        )
    if plan.content == Plan.Content.DAY:
        raise ValidationError({"content": [_("There is one mail of a day already.")]}, code="content")


def _set(model: type[PlanProgram] | type[PlanTeam], plan: Plan, name: str, rows: Iterable[Any], by: User) -> bool:
    """Make a plan's programs or teams these; programs only as far as whoever chooses sees them. Whether any is new."""
    wanted = {row.pk: row for row in rows}
    present = {getattr(row, f"{name}_id"): row for row in model._default_manager.filter(plan=plan)}
    if model is PlanProgram:
        for program in wanted.values():
            require(by, Act.VIEW, program)
        seen = set(Program.objects.visible_to(by).filter(pk__in=present).values_list("pk", flat=True))
        present = {pk: row for pk, row in present.items() if pk in seen}
    for pk in sorted(present.keys() - wanted.keys()):
        history.delete(present[pk])
    new = sorted(wanted.keys() - present.keys())
    for pk in new:
        history.create(model(plan=plan, **{name: wanted[pk]}))
    return bool(new)


def _only_written(written: dict[str, Any]) -> None:
    if unknown := written.keys() - WRITTEN:
        raise TypeError(f"not written on a plan: {', '.join(sorted(unknown))}")


# -- readers ---------------------------------------------------------------------------------------------------------


@transaction.atomic
def subscribe(
    *,
    user: User,
    by: User,
    at: datetime,
    plan: Plan | None = None,
    weekday: int | None = None,
    hour: int | None = None,
) -> Subscription:
    """Send a person a plan's letters, the weekly one unless said; also takes up again what was ended.

    Whoever unsubscribed is taken up again by themselves alone.
    """
    plan = plan or default_plan(at)
    if user.pk != by.pk:
        _require_add(plan, by)
    elif not Plan.objects.visible_to(user).running().filter(pk=plan.pk).exists():
        raise ValidationError(_("There is no such plan."), code="plan")
    if not Plan.objects.visible_to(user).filter(pk=plan.pk).exists():
        raise ValidationError(
            {"user": [_("%(user)s does not see what this plan tells of.") % {"user": user.name}]}, code="unseen"
        )
    row = Subscription.objects.select_for_update(of=("self",)).filter(plan=plan, user=user).first()
    with history.because(f"Subscribe to {plan.name}", by_id=by.pk):
        if row is None:
            return history.create(Subscription(plan=plan, user=user, weekday=weekday, hour=hour, begins_at=at))
        if row.left and user.pk != by.pk:
            raise ValidationError(
                {"user": [_("%(user)s unsubscribed, and alone can take it up again.") % {"user": user.name}]},
                code="left",
            )
        return history.save(row, weekday=weekday, hour=hour, ended_at=None, left=False, enrolled=False, begins_at=at)


@transaction.atomic
def change_subscription(*, subscription: Subscription, by: User, at: datetime, **own: Any) -> Subscription:
    """Move a reader's letter to another weekday or hour, or pause it; what went out already is not sent again."""
    if unknown := own.keys() - OWN:
        raise TypeError(f"not a reader's own: {', '.join(sorted(unknown))}")
    subscription = locked(subscription)
    require_own(subscription, by)
    changed = {name: value for name, value in own.items() if getattr(subscription, name) != value}
    if changed:
        changed["begins_at"] = at
    if until := changed.get("paused_until"):
        if until < today(at):
            over = _("That day is over: name the last day without a letter, or leave it empty for no pause.")
            raise ValidationError({"paused_until": [over]}, code="over")
        skip_letters([subscription], "Paused before it was sent.")
    with history.because(f"Change {subscription.plan.name} for a reader", by_id=by.pk):
        return history.save(subscription, **changed)


@transaction.atomic
def end_subscription(*, subscription: Subscription, by: User | None, at: datetime) -> Subscription:
    """Send no more letters, those that wait included. Doing it twice is no mistake. ``by`` is None behind a link."""
    subscription = locked(subscription)
    if by is not None:
        require_own(subscription, by)
    if subscription.ended_at:
        return subscription
    skip_letters([subscription], "Unsubscribed before it was sent.")
    left = by is None or by.pk == subscription.user_id
    # Who was taken off is not put on again because they belong to its audience.
    with history.because(f"End {subscription.plan.name} for a reader", by_id=by.pk if by else subscription.user_id):
        return history.save(subscription, ended_at=at, left=left, enrolled=False)


@transaction.atomic
def send_now(*, subscription: Subscription, by: User, at: datetime) -> Letter:
    """Write an extra letter now, beside the regular one; the next sweep sends it."""
    subscription = locked(subscription)
    require_own(subscription, by)
    if subscription.ended_at or subscription.plan.ended_at:
        raise ValidationError(_("Subscribe first."), code="ended")
    if subscription.plan.content == Plan.Content.DAY:
        raise ValidationError(_("This mail comes when something waits."), code="day")
    return extra_letter(subscription, at)


@transaction.atomic
def invite(*, plan: Plan, email: str, name: str, time_zone: str, by: User, at: datetime) -> Subscription:
    """Ask an outside address whether it wants a plan's letters. It gets none before it says so by the signed link.

    Its letters hold what ``by`` may share. Asking again sends the question again, at most once a day.
    """
    _require_share(plan, by)
    if plan.channel != Plan.Channel.EMAIL:
        raise ValidationError(_("Only a plan by e-mail has outside addresses."), code="channel")
    email = email.lower()
    if User.objects.filter(email__iexact=email, is_active=True).exists():
        raise ValidationError({"email": [_("This person has an account: add them as a person.")]}, code="email")
    row = Subscription.objects.select_for_update(of=("self",)).filter(plan=plan, email=email).first()
    with history.because(f"Invite a reader to {plan.name}", by_id=by.pk):
        if row is None:
            row = history.create(
                Subscription(plan=plan, email=email, name=name, time_zone=time_zone, granted_by=by, begins_at=at)
            )
        elif row.left:
            raise ValidationError({"email": [_("This address unsubscribed; nobody writes to it again.")]}, code="left")
        else:
            history.save(row, name=name, time_zone=time_zone, granted_by=by, ended_at=None)
    asked = Letter.objects.filter(subscription=row, period=INVITATION).first()
    if asked is None:
        letter_of(row, INVITATION, at)
    elif not row.confirmed_at and asked.due_at < at - timedelta(days=1):
        Letter.objects.filter(pk=asked.pk).update(
            state=Letter.State.DUE,
            due_at=at,
            tries=0,
            claims=0,
            claimed_until=None,
            message_id=message_id(row.pk, f"{INVITATION}-{today(at):%Y%m%d}"),
        )
    return row


@transaction.atomic
def confirm(*, subscription: Subscription, at: datetime) -> Subscription:
    """An outside address says by its link that it wants the letters."""
    subscription = locked(subscription)
    if subscription.user_id or subscription.url or subscription.confirmed_at or subscription.ended_at:
        return subscription
    with history.because(f"Confirm a reader of {subscription.plan.name}", by_id=None):
        return history.save(subscription, confirmed_at=at, begins_at=at, ended_at=None)


def _is_port(parts: SplitResult) -> bool:
    """Whether the port is one; none is the usual one."""
    try:
        return parts.port != 0
    except ValueError:
        return False


def _is_ascii(parts: SplitResult) -> bool:
    """Whether a request can be addressed so as it stands, and its name looked up."""
    try:
        (parts.hostname or "").encode("idna")
    except UnicodeError:
        return False
    return parts.geturl().isascii()


@transaction.atomic
def add_webhook(*, plan: Plan, url: str, by: User, at: datetime) -> tuple[Subscription, str]:
    """Send a plan's letters to an address of another system; the secret is shown by this call alone."""
    _require_share(plan, by)
    if plan.channel != Plan.Channel.WEBHOOK:
        raise ValidationError(_("This plan does not go by webhook."), code="channel")
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.username or not _is_port(parts):
        raise ValidationError(
            {"url": [_("Give an address that begins with https:// and holds no password.")]}, code="url"
        )
    if not _is_ascii(parts):
        raise ValidationError(
            {"url": [_("Give an address in plain letters: its name as xn--…, its path with percent signs.")]},
            code="url",
        )
    secret = f"whsec_{b64encode(secrets.token_bytes(32)).decode()}"
    row = Subscription.objects.select_for_update(of=("self",)).filter(plan=plan).exclude(url="").first()
    with history.because(f"Set the webhook of {plan.name}", by_id=by.pk):
        if row is None:
            row = history.create(
                Subscription(plan=plan, url=url, granted_by=by, confirmed_at=at, begins_at=at, time_zone="")
            )
        else:
            history.save(row, url=url, granted_by=by, ended_at=None, begins_at=at)
    WebhookSecret.objects.update_or_create(subscription=row, defaults={"secret": secret, "made_at": at})
    return row, secret


def require_own(subscription: Subscription, by: User) -> None:
    """A reader's letters are theirs; a plan's keepers end and pause those of others, administrators everybody's."""
    if subscription.user_id != by.pk:
        _require_add(subscription.plan, by)


def _require_add(plan: Plan, by: User) -> None:
    """The organisation's own letters have no keeper but administrators."""
    if plan.is_default or plan.content == Plan.Content.DAY:
        organisation.require(by, OrgAct.MANAGE_PEOPLE)
    else:
        require_change(by, plan)


def _require_share(plan: Plan, by: User) -> None:
    """What leaves the organisation is shared by whoever may, of each program that the plan names."""
    require_change(by, plan)
    if plan.is_template or plan.content == Plan.Content.DAY:
        raise ValidationError(_("This plan has no outside readers."), code="content")
    for program in filter(None, [plan.program, *(row.program for row in plan.chosen.select_related("program"))]):
        require(by, Act.SHARE, program)


# -- asking for updates -----------------------------------------------------------------------------------------------


@transaction.atomic
def nudge_all(*, programs: Iterable[Program], by: User, at: datetime) -> list[Nudge]:
    """Ask whoever leads many programs for their updates, each as ``nudge`` asks for one; those left out say why.

    It stands in their next mail of a day.
    """
    day = today(at)
    found = nudges(programs, by=by, day=day)
    rows = [
        Reminder(user=person, program=one.program, kind=Reminder.Kind.NUDGE, owed_on=day, by=by, at=at)
        for one in found
        for person in one.people
    ]
    # Somebody else may ask at the same moment: once a day is enough.
    Reminder.objects.bulk_create(rows, ignore_conflicts=True)
    return found


def nudge(*, program: Program, by: User, at: datetime) -> Nudge:
    """Ask whoever leads a program for its update. Once a day is enough."""
    require(by, Act.COMMUNICATE, program)
    [found] = nudge_all(programs=[program], by=by, at=at)
    if not found.people:
        raise ValidationError(found.why, code=found.code)
    return found
