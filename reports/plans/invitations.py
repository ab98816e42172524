"""The letter that asks an outside address whether it wants to be written to: nothing is sent before it says so."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.core import signing
from django.template.loader import render_to_string
from django.urls import reverse

from reports.models import Letter, Subscription
from reports.words import plain

SALT = "reports.invitation"
VALID = timedelta(days=30)


def invitation_token(subscription_id: int) -> str:
    return signing.TimestampSigner(salt=SALT).sign(str(subscription_id))


def invited(token: str) -> Subscription | None:
    """Who was asked by a link; raises BadSignature for one that we did not make, or that is too old."""
    pk = signing.TimestampSigner(salt=SALT).unsign(token, max_age=VALID)
    return Subscription.objects.select_related("user", "plan").filter(pk=int(pk), user=None).exclude(email="").first()


def write_invitation(letter: Letter, organisation: str) -> tuple[str, str, str]:
    """Subject, text and HTML."""
    reader = letter.subscription
    context = {
        "organisation": plain(organisation, 80),
        "by": plain(reader.granted_by.name, 80) if reader.granted_by else "",
        "plan": plain(reader.plan.name, 80),
        "url": f"{settings.SITE_URL}{reverse('opt_in', args=[invitation_token(reader.pk)])}",
    }
    subject = plain(render_to_string("emails/invitation.subject.txt", context), 150)
    return (
        subject,
        render_to_string("emails/invitation.txt", context),
        render_to_string("emails/invitation.html", context),
    )
