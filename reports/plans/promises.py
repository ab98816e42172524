"""Which letters there are: a row for each plan, reader and period, made when it comes due, set aside when too late."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Exists, Max, OuterRef, Q
from django.utils.translation import gettext as _

from reports.models import Letter, Plan, Subscription
from reports.replies import BROKE_OFF
from reports.schedule import Period, between, current, week_of

EXTRA = "-x"
INVITATION = "invitation"
MOST_EXTRAS = 20
MOST_TRIES = 12
# A letter that so many workers took and none finished writing is given up.
MOST_CLAIMS = 60
# A reader's other weekday, hour or zone moves a letter's moment within its period by less: an hour and a zone are no
# more than two days, a weekday six.
MOST_MOVED = timedelta(days=14)

Due = dict[tuple[int, str], tuple[Subscription, Period]]


def promise(*, at: datetime) -> int:
    """Make the row of each reader's current period where it is missing; set aside what is too late. May run twice."""
    due = _due(at)
    missing = [due[key] for key in sorted(due.keys() - _written(due))]
    rows = [_letter(reader, period) for reader, period in missing] + list(_missed(missing))
    Letter.objects.bulk_create(rows, ignore_conflicts=True, batch_size=1000)
    set_aside()
    return len(missing)


def _written(due: Due) -> set[tuple[int, str]]:
    """The letters of these periods that are there: found by their moment, for few of all letters ever are of now."""
    if not due:
        return set()
    oldest = min(period.due_at for _, period in due.values()) - MOST_MOVED
    return set(Letter.objects.filter(due_at__gte=oldest).values_list("subscription_id", "period"))


def overtaken() -> Exists:
    """Of letters: whether a newer one of the calendar's took its place."""
    newer = Letter.objects.filter(subscription=OuterRef("subscription"), due_at__gt=OuterRef("due_at"))
    return Exists(newer.exclude(Q(period__contains=EXTRA) | Q(period=INVITATION)))


def set_aside() -> None:
    """Give up what waits: missed, where a newer letter took its place; skipped, where its reader is none any more."""
    waiting = Letter.objects.filter(state=Letter.State.DUE).exclude(period=INVITATION)
    waiting.filter(overtaken()).update(state=Letter.State.MISSED, error="A newer letter took its place.")
    active = Subscription.objects.active().filter(pk=OuterRef("subscription"))
    waiting.filter(~Exists(active)).update(state=Letter.State.SKIPPED, error="The reader has left.")


def settle(*, at: datetime) -> int:
    """Mark what was interrupted while it was sent as unknown, and give up on what failed too often."""
    over = Letter.objects.filter(claimed_until__lte=at)
    over.filter(Q(tries__gte=MOST_TRIES) | Q(claims__gte=MOST_CLAIMS), state=Letter.State.DUE).update(
        state=Letter.State.REFUSED
    )
    return over.filter(state=Letter.State.STARTED).update(
        state=Letter.State.UNKNOWN,
        error=f"Sending was interrupted. {BROKE_OFF}",
    )


def skip_letters(readers: Iterable[Subscription], because: str) -> None:
    Letter.objects.filter(subscription__in=[reader.pk for reader in readers], state=Letter.State.DUE).update(
        state=Letter.State.SKIPPED, error=because
    )


def extra_letter(subscription: Subscription, at: datetime) -> Letter:
    """A letter beside the regular one; the caller holds the subscription's lock."""
    week = week_of(at.astimezone(subscription.zone).date())
    number = subscription.letters.filter(period__startswith=f"{week}{EXTRA}").count() + 1
    if number > MOST_EXTRAS:
        raise ValidationError(_("That is enough letters for one week."), code="enough")
    return letter_of(subscription, f"{week}{EXTRA}{number}", at)


def letter_of(subscription: Subscription, period: str, due_at: datetime) -> Letter:
    """A row that no calendar asks for: an extra letter, an invitation, the mail of a day."""
    return Letter.objects.create(
        subscription=subscription, period=period, due_at=due_at, message_id=message_id(subscription.pk, period)
    )


def message_id(subscription_id: int, period: str) -> str:
    return f"<{period}.{subscription_id}.digest@{urlsplit(settings.SITE_URL).hostname}>"


def _due(at: datetime) -> Due:
    plans = Plan.objects.running().exclude(content=Plan.Content.DAY).in_bulk()
    readers = Subscription.objects.active().filter(plan__in=plans).select_related("user").order_by()
    periods: dict[tuple[int, int | None, int | None, str], Period] = {}
    due: Due = {}
    for reader in readers:
        plan = reader.plan = plans[reader.plan_id]
        key = plan.pk, reader.weekday, reader.hour, reader.zone_name
        if key not in periods:
            periods[key] = current(at, reader.cadence, ZoneInfo(reader.zone_name))
        period = periods[key]
        if period.due_at >= max(reader.begins_at, plan.begins_at) and not reader.is_paused_on(period.on):
            due[reader.pk, period.name] = reader, period
    return due


def _missed(missing: list[tuple[Subscription, Period]]) -> Iterable[Letter]:
    """Rows of periods between a reader's last letter and the current one: nobody was there to send them."""
    ids = [reader.pk for reader, _ in missing]
    calendar = Letter.objects.filter(subscription__in=ids).exclude(Q(period__contains=EXTRA) | Q(period=INVITATION))
    last = dict(calendar.order_by().values_list("subscription").annotate(last=Max("due_at")))
    for reader, newest in missing:
        after = max(last.get(reader.pk, reader.begins_at), reader.begins_at, reader.plan.begins_at)
        for period in between(after, newest, reader.cadence, reader.zone):
            if not reader.is_paused_on(period.on):
                yield _letter(
                    reader, period, state=Letter.State.MISSED, error="Nobody was there to send it when it was due."
                )


def _letter(reader: Subscription, period: Period, **more: str) -> Letter:
    return Letter(
        subscription_id=reader.pk,
        period=period.name,
        due_at=period.due_at,
        message_id=message_id(reader.pk, period.name),
        **more,
    )
