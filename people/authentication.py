"""How an API request says who it is: a personal access token, or the session of a page."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from people.models import AccessToken, User, digest
from people.services import today


class TokenAuthentication(BaseAuthentication):
    """``Authorization: Bearer tpm_…``."""

    def authenticate(self, request: Request) -> tuple[User, AccessToken] | None:
        scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        now = timezone.now()
        found = (
            AccessToken.objects.usable(today(now)).select_related("user").filter(digest=digest(token.strip())).first()
        )
        if found is None:
            raise AuthenticationFailed(
                _("This token is unknown, expired or revoked. Make a new one in Settings → Tokens.")
            )
        if found.last_used_at is None or found.last_used_at < now - timedelta(hours=1):
            AccessToken.objects.filter(pk=found.pk).update(last_used_at=now)
        return found.user, found

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class PageSession(SessionAuthentication):
    """A signed-in page's own requests, with its CSRF token."""
