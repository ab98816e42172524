"""The letters' way out: a row for each reader and week, claimed before it is written, started before it is sent.

A stop before ``started`` is tried again. After it nobody knows whether the letter arrived: it becomes ``unknown``,
is shown, and is never sent again by itself.
"""

from __future__ import annotations

import smtplib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core import signing
from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.smtp import EmailBackend as SMTP
from django.core.mail.message import sanitize_address
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.urls import reverse

from people.models import Organisation, User
from programs.models import Program
from reports.facts import Facts, load
from reports.letters import LONGEST_LOOK_BACK, MOST_BYTES, MOST_PROGRAMS, WEEK_DAYS, Links, compose, plain, render
from reports.models import Letter, Subscription
from reports.schedule import current, week_of
from reports.since import Since

EXTRA = "-x"
MOST_EXTRAS = 20
# Longer than writing and sending one letter may take (EMAIL_TIMEOUT for each answer of the server).
CLAIM = timedelta(minutes=10)
# Well below the task's time limit, which would end it in the middle of a letter.
ONE_RUN = timedelta(minutes=5)
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=4)
MOST_TRIES = 12
SALT = "reports.unsubscribe"


@dataclass
class Desk:
    """What many letters share while they are written: the organisation, and the facts of those who see the same."""

    organisation: str
    zone: ZoneInfo
    portfolios: dict[tuple[frozenset[int], date, date], Facts] = field(default_factory=dict)

    def facts(self, visible: frozenset[int], *, today: date, since_on: date) -> Facts:
        key = visible, today, since_on
        if key not in self.portfolios:
            since = Since.start_of(since_on, self.zone)
            self.portfolios[key] = load(visible, today=today, since=since)
        return self.portfolios[key]

    def day(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()


def open_desk() -> Desk:
    organisation = Organisation.objects.first()
    if organisation is None:
        return Desk("Portfolio", ZoneInfo("UTC"))
    return Desk(organisation.name, ZoneInfo(organisation.time_zone))


class Refused(Exception):
    """The mail server will not take this letter, now or ever."""


class NotNow(Exception):
    """The mail server did not take this letter but may do so later."""


# -- which letters there are -----------------------------------------------------------------------------------------


def plan(*, at: datetime) -> int:
    """Make the row of each reader's current week where it is missing; set aside what is too late. May run twice."""
    active = Subscription.objects.filter(ended_at=None, user__is_active=True)
    readers = list(active.values_list("pk", "weekday", "hour", "begins_at", "user__time_zone"))
    groups = {
        key: current(at, key[0], key[1], ZoneInfo(key[2])) for key in {(w, h, zone) for _, w, h, _, zone in readers}
    }
    due = {
        (pk, period.week): period.due_at
        for pk, weekday, hour, begins_at, zone in readers
        if (period := groups[weekday, hour, zone]).due_at >= begins_at
    }
    written = Letter.objects.filter(week__in={week for _, week in due}).values_list("subscription_id", "week")
    missing = due.keys() - set(written)
    Letter.objects.bulk_create(
        [
            Letter(subscription_id=pk, week=week, due_at=due[pk, week], message_id=message_id(pk, week))
            for pk, week in sorted(missing)
        ],
        ignore_conflicts=True,
        batch_size=1000,
    )
    newer = Letter.objects.filter(subscription=OuterRef("subscription"), due_at__gt=OuterRef("due_at"))
    waiting = Letter.objects.filter(state=Letter.State.DUE)
    waiting.filter(Exists(newer.exclude(week__contains=EXTRA))).update(
        state=Letter.State.SKIPPED, error="A newer letter took its place."
    )
    waiting.filter(subscription__user__is_active=False).update(state=Letter.State.SKIPPED, error="The reader has left.")
    return len(missing)


def settle(*, at: datetime) -> int:
    """Mark what was interrupted while it was sent as unknown, and give up on what failed too often."""
    over = Letter.objects.filter(claimed_until__lte=at)
    over.filter(state=Letter.State.DUE, tries__gte=MOST_TRIES).update(state=Letter.State.REFUSED)
    return over.filter(state=Letter.State.STARTED).update(
        state=Letter.State.UNKNOWN, error="Sending was interrupted. It may have arrived; it is not sent again."
    )


def waiting(*, at: datetime) -> int:
    return _claimable(at).count()


def skip_letters(subscription: Subscription, because: str) -> None:
    subscription.letters.filter(state=Letter.State.DUE).update(state=Letter.State.SKIPPED, error=because)


def extra_letter(subscription: Subscription, at: datetime) -> Letter:
    """A letter beside the weekly one; the caller holds the subscription's lock."""
    week = week_of(at.astimezone(ZoneInfo(subscription.user.time_zone)).date())
    number = subscription.letters.filter(week__startswith=f"{week}{EXTRA}").count() + 1
    if number > MOST_EXTRAS:
        raise ValidationError("That is enough letters for one week.", code="enough")
    name = f"{week}{EXTRA}{number}"
    return Letter.objects.create(
        subscription=subscription, week=name, due_at=at, message_id=message_id(subscription.pk, name)
    )


def message_id(subscription_id: int, week: str) -> str:
    return f"<{week}.{subscription_id}.digest@{urlsplit(settings.SITE_URL).hostname}>"


# -- unsubscribing ---------------------------------------------------------------------------------------------------


def unsubscribe_token(subscription_id: int) -> str:
    return signing.Signer(salt=SALT).sign(str(subscription_id))


def subscription_of(token: str) -> Subscription | None:
    """Whose letter a link belongs to; None for a link that we did not make."""
    with suppress(signing.BadSignature):
        pk = int(signing.Signer(salt=SALT).unsign(token))
        return Subscription.objects.select_related("user").filter(pk=pk).first()
    return None


# -- sending ---------------------------------------------------------------------------------------------------------


def deliver(*, clock: Callable[[], datetime]) -> int:
    """Send what is due until nothing is left to claim or the time is up; return how many letters went out.

    Several may run at once: each claims one letter at a time. Facts are read once for all readers who see the same.
    """
    sent = 0
    desk = open_desk()
    mailbox: BaseEmailBackend | None = None
    kept: list[BaseEmailBackend] = []
    try:
        until = clock() + ONE_RUN
        while (now := clock()) < until and (letter := claim(at=now)):
            try:
                mailbox = _open(mailbox)
            except (OSError, smtplib.SMTPException) as trouble:
                # The server is away, which is not this letter's fault: no try is counted, and the others wait as well.
                _put_back(letter, at=clock() + FIRST_PAUSE, error=_said(trouble), tries=letter.tries - 1)
                break
            kept.append(mailbox)  # Django names a mail file after the object's address, which must not be used twice
            sent += send(letter, mailbox=mailbox, desk=desk, clock=clock)
            if not isinstance(mailbox, SMTP):
                mailbox.close()
                mailbox = None
    finally:
        if mailbox:
            mailbox.close()
    return sent


@transaction.atomic(durable=True)
def claim(*, at: datetime) -> Letter | None:
    """Take one due letter so that nobody else does until the claim runs out."""
    letter = (
        _claimable(at)
        .select_for_update(of=("self",), skip_locked=True)
        .select_related("subscription__user")
        .order_by("tries", "due_at", "id")
        .first()
    )
    if letter:
        letter.claimed_until = at + CLAIM
        letter.tries += 1
        letter.save(update_fields=["claimed_until", "tries"])
    return letter


def send(
    letter: Letter,
    *,
    mailbox: BaseEmailBackend,
    desk: Desk,
    clock: Callable[[], datetime],
) -> bool:
    """Write a claimed letter with its reader's rights of this moment, and send it once."""
    at = clock()
    subject, text, html = write(letter, at=at, desk=desk)
    if not start(letter, at=at, subject=subject, text=text, html=html):
        return False
    try:
        _post(message(letter), mailbox)
    except NotNow as answer:
        tries = letter.tries
        _put_back(
            letter, at=clock() + min(FIRST_PAUSE * 2 ** (tries - 1), LONGEST_PAUSE), error=str(answer), tries=tries
        )
    except Refused as answer:
        _end(letter, Letter.State.REFUSED, error=str(answer))
    except (OSError, smtplib.SMTPException) as trouble:
        _end(letter, Letter.State.UNKNOWN, error=f"{_said(trouble)}. It may have arrived; it is not sent again.")
    else:
        _end(letter, Letter.State.SENT, sent_at=clock())
        return True
    return False


def write(letter: Letter, *, at: datetime, desk: Desk) -> tuple[str, str, str]:
    """Subject, text and HTML of a letter, as its reader may read it now."""
    reader = letter.subscription.user
    visible = frozenset(Program.objects.visible_to(reader).values_list("pk", flat=True))
    facts = desk.facts(visible, today=desk.day(at), since_on=_since(letter, at, desk))
    for most_programs in (MOST_PROGRAMS, MOST_PROGRAMS // 2, 0):
        content = compose(
            facts,
            reader=reader,
            letter=letter,
            organisation=desk.organisation,
            schedule=_schedule(letter.subscription),
            links=_links(letter),
            most_programs=most_programs,
        )
        subject, text, html = render(content)
        if len(html.encode()) + len(text.encode()) < MOST_BYTES:
            break
    return subject, text, html


def message(letter: Letter) -> EmailMultiAlternatives:
    """The mail of a started letter."""
    reader = letter.subscription.user
    host = urlsplit(settings.SITE_URL).hostname
    mail = EmailMultiAlternatives(
        subject=letter.subject,
        body=letter.text,
        to=[address(reader)],
        headers={
            "Message-ID": letter.message_id,
            "Date": format_datetime((letter.started_at or letter.due_at).astimezone(UTC)),
            "List-Id": f"Weekly portfolio letter <weekly.{host}>",
            "List-Unsubscribe": f"<{_links(letter).unsubscribe}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "Auto-Submitted": "auto-generated",
        },
    )
    mail.attach_alternative(letter.html, "text/html")
    return mail


def address(reader: User) -> str:
    """Name and address as a header may hold them."""
    return sanitize_address((plain(reader.name, 80), reader.email), settings.DEFAULT_CHARSET)


@transaction.atomic(durable=True)
def start(letter: Letter, *, at: datetime, subject: str, text: str, html: str) -> bool:
    """Commit that sending begins, before it does. False when the claim ran out or the letter was called off."""
    letter.state, letter.started_at, letter.claimed_until = Letter.State.STARTED, at, at + CLAIM
    letter.subject, letter.text, letter.html, letter.error = subject, text, html, ""
    mine = Letter.objects.filter(pk=letter.pk, state=Letter.State.DUE, tries=letter.tries, claimed_until__gt=at)
    return bool(
        mine.update(
            state=letter.state,
            started_at=at,
            claimed_until=letter.claimed_until,
            subject=subject,
            text=text,
            html=html,
            error="",
        )
    )


def _claimable(at: datetime) -> QuerySet[Letter]:
    free = Q(claimed_until=None) | Q(claimed_until__lte=at)
    return Letter.objects.filter(free, state=Letter.State.DUE, due_at__lte=at, tries__lt=MOST_TRIES)


def _put_back(letter: Letter, *, at: datetime, error: str, tries: int) -> None:
    """Let a letter wait for another try, unless somebody called it off meanwhile."""
    Letter.objects.filter(pk=letter.pk, state__in=[Letter.State.DUE, Letter.State.STARTED], tries=letter.tries).update(
        state=Letter.State.DUE, claimed_until=at, error=error, tries=tries
    )


def _end(letter: Letter, state: Letter.State, *, error: str = "", sent_at: datetime | None = None) -> None:
    Letter.objects.filter(pk=letter.pk).update(state=state, error=error[:500], sent_at=sent_at, claimed_until=None)


def _open(mailbox: BaseEmailBackend | None) -> BaseEmailBackend:
    """An open way out: the last one while its server still answers. Nothing has started yet, so failing is harmless."""
    if not isinstance(mailbox, SMTP):
        mailbox = get_connection()
    elif mailbox.connection:
        try:
            answers = mailbox.connection.noop()[0] == 250
        except smtplib.SMTPServerDisconnected:
            answers = False
        if not answers:
            mailbox.close()
    mailbox.open()
    return mailbox


def _post(mail: EmailMultiAlternatives, mailbox: BaseEmailBackend) -> None:
    """Hand a mail to the server; its refusals tell apart what is refused for good from what may work later."""
    try:
        mailbox.send_messages([mail])
    except smtplib.SMTPRecipientsRefused as refusal:
        answers = list(refusal.recipients.values())
        raise _refusal(*answers[0]) from refusal
    except smtplib.SMTPResponseException as refusal:
        raise _refusal(refusal.smtp_code, refusal.smtp_error) from refusal


def _refusal(code: int, words: bytes | str) -> NotNow | Refused:
    said = words.decode(errors="replace") if isinstance(words, bytes) else words
    return (NotNow if 400 <= code < 500 else Refused)(plain(f"{code} {said}", 400))


def _said(trouble: Exception) -> str:
    return plain(f"The mail server could not be reached: {trouble}", 400)


def _since(letter: Letter, at: datetime, desk: Desk) -> date:
    """The first day that a letter tells of: that of the letter before, within reason; else the last seven days."""
    day = desk.day(at)
    week = day - timedelta(days=WEEK_DAYS - 1)
    if EXTRA in letter.week:
        return week
    sent = Letter.objects.filter(subscription=letter.subscription_id, state=Letter.State.SENT, due_at__lt=letter.due_at)
    last = sent.exclude(week__contains=EXTRA).order_by("-due_at").values_list("started_at", flat=True).first()
    return max(desk.day(last), day - LONGEST_LOOK_BACK) if last else week


def _schedule(subscription: Subscription) -> str:
    return f"every {subscription.get_weekday_display()} at {subscription.hour:02}:00, {subscription.user.time_zone}"


def _links(letter: Letter) -> Links:
    site = settings.SITE_URL
    return Links(
        site=site,
        web=f"{site}{reverse('letter', args=[letter.pk])}",
        settings=f"{site}{reverse('letter_settings')}",
        unsubscribe=f"{site}{reverse('unsubscribe', args=[unsubscribe_token(letter.subscription_id)])}",
    )
