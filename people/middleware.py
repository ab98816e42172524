import hashlib
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
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


class OnceMiddleware:
    """Does once what is sent twice from one page: a double click, or a page that is sent again.

    The token in each form is another one each time the page is made, so that two equal posts are the same act. What was
    done is noted in the session with where it led; two at the same moment wait for each other.
    """

    MOST_NOTED = 20

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith("/api/"):
            return self.get_response(request)  # an endpoint reads its body by itself
        is_form = request.method == "POST" and "csrfmiddlewaretoken" in request.POST and not request.FILES
        key = request.session.session_key if is_form and request.user.is_authenticated else None
        if key is None:
            return self.get_response(request)
        sent = repr((key, request.get_full_path(), sorted(request.POST.lists())))
        digest = hashlib.sha256(sent.encode(errors="surrogatepass")).digest()
        lock = int.from_bytes(digest[:8], signed=True)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [lock])
        try:
            noted: dict[str, str] = SessionStore(key).get("sent", {})
            if (led_to := noted.get(digest.hex())) is not None:
                return self._answer_again(request, led_to)
            answer = self.get_response(request)
            if answer.status_code in (204, 302) and request.session.session_key == key:
                newest = [*noted.items(), (digest.hex(), answer.headers.get("Location", ""))][-self.MOST_NOTED :]
                request.session["sent"] = dict(newest)
                request.session.save()
            return answer
        finally:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [lock])

    def _answer_again(self, request: HttpRequest, led_to: str) -> HttpResponse:
        messages.info(request, _("This was sent twice and done once. Open the form anew to do it again."))
        if HtmxDetails(request):
            return HttpResponse(status=204, headers={"HX-Trigger": "refresh"})
        return redirect(led_to or "/")
