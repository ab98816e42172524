"""Addresses in a letter: those that a reader without an account follows are signed."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.core import signing
from django.urls import reverse

from reports.models import Letter

UNSUBSCRIBE = "reports.unsubscribe"
SHARED = "reports.letter"


@dataclass(frozen=True)
class Links:
    """Addresses of a letter that differ from reader to reader."""

    site: str
    web: str
    settings: str
    unsubscribe: str


def unsubscribe_token(subscription_id: int) -> str:
    return signing.Signer(salt=UNSUBSCRIBE).sign(str(subscription_id))


def letter_token(letter_id: int) -> str:
    return signing.Signer(salt=SHARED).sign(str(letter_id))


def unsigned(token: str, salt: str) -> int | None:
    """The id in a link that we made; None for another."""
    try:
        return int(signing.Signer(salt=salt).unsign(token))
    except signing.BadSignature:
        return None


def links(letter: Letter) -> Links:
    """Addresses in a letter. Who has no account reads it, and stops it, by signed links alone."""
    site, reader = settings.SITE_URL, letter.subscription
    unsubscribe = f"{site}{reverse('unsubscribe', args=[unsubscribe_token(reader.pk)])}"
    if reader.user_id:
        web, chosen = f"{site}{reverse('letter', args=[letter.pk])}", f"{site}{reverse('letter_settings')}"
    else:
        web, chosen = f"{site}{reverse('letter_shared', args=[letter_token(letter.pk)])}", unsubscribe
    return Links(site=site, web=web, settings=chosen, unsubscribe=unsubscribe)
