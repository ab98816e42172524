"""Letters as mail: their headers, and the mail server that takes or refuses them."""

from __future__ import annotations

import secrets
import smtplib
from datetime import UTC
from email.utils import format_datetime, formataddr
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.smtp import EmailBackend as SMTP
from django.core.mail.message import sanitize_address

from reports.letters.links import links
from reports.letters.outbox import NotNow, Refused
from reports.models import Letter, Plan
from reports.plans.promises import INVITATION
from reports.words import plain


class Mail:
    """The mail server. It stays open from letter to letter while it answers."""

    channel: str = Plan.Channel.EMAIL
    away: tuple[type[Exception], ...] = (OSError, smtplib.SMTPException)

    def __init__(self) -> None:
        self.mailbox: BaseEmailBackend | None = None
        # Django names a mail file after the object's address, which must not be used twice.
        self.kept: list[BaseEmailBackend] = []

    def open(self) -> None:
        if not isinstance(self.mailbox, SMTP):
            self.mailbox = get_connection()
            self.kept.append(self.mailbox)
        elif self.mailbox.connection:
            try:
                answers = self.mailbox.connection.noop()[0] == 250
            except smtplib.SMTPServerDisconnected:
                answers = False
            if not answers:
                self.mailbox.close()
        self.mailbox.open()

    def post(self, letter: Letter) -> None:
        """Hand a mail to the server; its answers tell apart what is refused for good from what may work later."""
        mailbox = self.mailbox or get_connection()
        try:
            mailbox.send_messages([message(letter)])
        except smtplib.SMTPRecipientsRefused as refusal:
            raise _refusal(*next(iter(refusal.recipients.values()))) from refusal
        except smtplib.SMTPResponseException as refusal:
            raise _refusal(refusal.smtp_code, refusal.smtp_error) from refusal
        if not isinstance(mailbox, SMTP):
            self.close()

    def close(self) -> None:
        if self.mailbox:
            self.mailbox.close()
            self.mailbox = None


class Shelf:
    """Letters that are read on their page alone: written, kept, and sent nowhere."""

    channel: str = Plan.Channel.PAGE
    away: tuple[type[Exception], ...] = ()

    def open(self) -> None:
        """Nothing to open."""

    def post(self, letter: Letter) -> None:
        """The row is all there is."""

    def close(self) -> None:
        """Nothing to close."""


class _Parts(EmailMultiAlternatives):
    """A mail whose parts stand apart by a line that no text can hold by chance, without looking through them for it."""

    def message(self, **options: Any) -> Any:
        made = super().message(**options)
        made.set_boundary(secrets.token_hex(24))
        return made


def message(letter: Letter) -> EmailMultiAlternatives:
    """The mail of a started letter. All letters of one plan to one reader are one thread."""
    reader = letter.subscription
    host = urlsplit(settings.SITE_URL).hostname
    thread = f"<{reader.pk}.thread@{host}>"
    headers = {
        "Message-ID": letter.message_id,
        "Date": format_datetime((letter.started_at or letter.due_at).astimezone(UTC)),
        "Auto-Submitted": "auto-generated",
    }
    if letter.period != INVITATION:
        headers |= {
            "In-Reply-To": thread,
            "References": thread,
            "List-Id": f"{_phrase(reader.plan.name)} <plan-{reader.plan_id}.{host}>",
            "List-Unsubscribe": f"<{links(letter).unsubscribe}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
    mail = _Parts(subject=letter.subject, body=letter.text, to=[address(letter)], headers=headers)
    mail.attach_alternative(letter.html, "text/html")
    return mail


def address(letter: Letter) -> str:
    """Name and address as a header may hold them."""
    reader = letter.subscription
    email = reader.user.email if reader.user else reader.email
    return sanitize_address((plain(reader.reader_name, 80), email), settings.DEFAULT_CHARSET)


def _phrase(name: str) -> str:
    """A name before an address in angle brackets: quoted, or encoded where it is not plain ASCII."""
    return formataddr((plain(name, 60), "-"), settings.DEFAULT_CHARSET).removesuffix(" <->")


def _refusal(code: int, words: bytes | str) -> NotNow | Refused:
    text = words.decode(errors="replace") if isinstance(words, bytes) else words
    return (NotNow if 400 <= code < 500 else Refused)(plain(f"{code} {text}", 400))
