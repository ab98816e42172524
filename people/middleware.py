from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django_htmx.middleware import HtmxDetails

import history.services
from people.pages import SignedIn
from people.unsent import keep


class TimeZoneMiddleware:
    """Shows moments in the zone of whoever is signed in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        zone = ZoneInfo(request.user.time_zone) if request.user.is_authenticated else timezone.get_default_timezone()
        with timezone.override(zone):
            return self.get_response(request)


class NotesMiddleware:
    """Notes what a request writes: its answer offers to take it back."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: SignedIn) -> HttpResponse:
        with history.services.noting() as request.written:
            return self.get_response(request)


class SignInAgainMiddleware:
    """Asks who is signed out in the middle of an edit to sign in again, and keeps what they had sent."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Callable[..., Any], *_: Any) -> HttpResponse | None:
        if request.user.is_authenticated or not getattr(view, "login_required", True):
            return None
        to, htmx = request.get_full_path(), HtmxDetails(request)
        if request.method == "POST" and keep(request):
            to = reverse("unsent")
        elif htmx:
            to = htmx.current_url_abs_path or "/"
        elif request.method != "POST":
            return None  # LoginRequiredMiddleware sends them on, and back here
        answer = redirect_to_login(to)
        if htmx:
            # A script would follow a redirect by itself and put the sign-in page where the value stood.
            return HttpResponse(status=204, headers={"HX-Redirect": answer.url})
        return answer
