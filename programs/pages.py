"""What pages of one program share: finding it, and where they lie."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from datetime import date
from functools import lru_cache, wraps
from typing import Any
from urllib.parse import unquote

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import Resolver404, resolve
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from history import past
from people.models import User
from people.pages import SignedIn, zone_of
from programs.models import Program
from programs.permissions import editable

View = Callable[..., HttpResponse]
Crumbs = Sequence[tuple[str | Promise, str]]


class KeyInPath:
    """A program's key in an address. The database knows no text with a NUL, so no address does."""

    regex = r"[^/\x00]+"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


def looks_back(view: View, *, by: Collection[str] = ("as_of", "week")) -> View:
    """A page that ``?as_of=`` shows as it was at the end of a day, in programs that the reader may see today.

    Nothing can be changed on it (``permissions.acts``), and what is only known of today is not shown. ``by`` are the
    parameters that name the day, where one of the usual two means something else to the page.
    """

    @wraps(view)
    def shown(request: SignedIn, *args: Any, **kwargs: Any) -> HttpResponse:
        request.looks_back = True
        if request.method in ("GET", "HEAD"):
            # The frame's, while today is what is read; and before the page, which then is no older than its stamp says.
            request.of_today()
        asked = {name: request.GET[name] for name in by if request.GET.get(name)}
        if request.method not in ("GET", "HEAD") or not asked:
            return view(request, *args, **kwargs)
        zone = zone_of(request)
        on, request.refused_day = past.day_asked(asked, timezone.now().astimezone(zone).date())
        request.asks_for_now = on is None and not request.refused_day
        if on is None:
            return view(request, *args, **kwargs)
        with past.as_of(on, zone, Program.objects.visible_to(request.user).values("pk")):
            try:
                return _staying(view(request, *args, **kwargs), on)
            except Http404:
                # Said alike of what was not there yet, of what is gone since, and of what nobody here may see.
                page = render(request, "programs/not_there.html", {"title": _("Not there on that day")}, status=404)
                return _staying(page, on)

    shown.looks_back = True  # type: ignore[attr-defined]  # links keep the day on their way to such a page
    return shown


LINK = re.compile(r'( href="/(?!/)[^"?#]*)(\?[^"#]*)?')


def _staying(page: HttpResponse, on: date) -> HttpResponse:
    """A page whose links keep the day, those of its frame too, wherever what they lead to can be shown as it was."""

    def kept(link: re.Match[str]) -> str:
        path, query = link[1], link[2] or ""
        if "as_of=" in query or "week=" in query or not goes_back(unquote(path.partition('"')[2])):
            return link[0]
        return f"{path}{query}{'&amp;' if query else '?'}as_of={on}"

    if not page.streaming and page.headers["Content-Type"].startswith("text/html"):
        page.content = LINK.sub(kept, page.text).encode()
    return page


@lru_cache(maxsize=10_000)
def goes_back(path: str) -> bool:
    """Whether the page at an address can be shown as it was."""
    try:
        return getattr(resolve(path).func, "looks_back", False)
    except Resolver404:
        return False


def find_program(request: SignedIn, key: str) -> Program:
    return get_object_or_404(Program.objects.visible_to(request.user).select_related("lead"), key=key)


def of_editable(user: User, rows: list[Any]) -> list[Any]:
    """Rows of programs that a person may edit."""
    allowed = editable(user, {row.program_id: row.program for row in rows}.values())
    return [row for row in rows if row.program_id in allowed]


def program_crumbs(program: Program, *more: tuple[str, str]) -> list[tuple[str, str]]:
    return [(program.name, program.get_absolute_url()), *more]
