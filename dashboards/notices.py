"""The inbox as a page, and what its buttons do."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from dashboards import inbox
from people.models import Job
from people.pages import SignedIn, done, paged, zone_of
from people.services import read_jobs
from programs import talk
from programs.models import Notice

MOST_JOBS = 20


@require_safe
def inbox_page(request: SignedIn) -> HttpResponse:
    """What waits for the reader, and what they are told of."""
    reader, at = request.user, timezone.now()
    zone = zone_of(request)
    put_away = request.GET.get("show") == "done"
    waiting = [] if put_away else inbox.todos(reader, at=at, zone=zone)
    page: Any = paged(request, inbox.notices_of(reader, done=put_away))
    today = at.astimezone(zone).date()
    context = {
        "title": _("Inbox"),
        "sub": _(
            "What waits for you goes by itself once it is done. What you are told of stays until you put it away."
        ),
        "today": today,
        "put_away": put_away,
        "groups": [
            (label, icon, [(todo, todo.is_late(today)) for todo in found], more)
            for label, icon, found, more in inbox.grouped(waiting, reader)
        ],
        "jobs": [] if put_away else Job.objects.visible_to(reader).in_inbox()[:MOST_JOBS],
        "page": page,
        "lines": inbox.lines(page, reader),
        "tabs_label": _("Inbox"),
        "tabs": [
            {"label": _("Open"), "url": "/inbox", "count": None, "current": not put_away},
            {"label": _("Put away"), "url": "/inbox?show=done", "count": None, "current": put_away},
        ],
    }
    return render(request, "dashboards/inbox.html", context)


def find(request: SignedIn, pk: int) -> inbox.Line:
    notice = get_object_or_404(Notice.objects.visible_to(request.user).select_related("comment", "program"), pk=pk)
    seen = inbox.lines([notice], request.user)
    if not seen:
        raise Http404
    return seen[0]


@require_POST
def notice_open(request: SignedIn, pk: int) -> HttpResponse:
    """Read a notice: go to what it speaks of."""
    line = find(request, pk)
    talk.read_notice(notice=line.notice, at=timezone.now())
    return redirect(line.url)


@require_POST
def notice_done(request: SignedIn, pk: int) -> HttpResponse:
    line = find(request, pk)
    talk.finish_notice(notice=line.notice, at=timezone.now())
    return done(request, _("Put away."), "/inbox")


@require_POST
def notices_read(request: SignedIn) -> HttpResponse:
    at = timezone.now()
    talk.read_all(by=request.user, at=at)
    read_jobs(by=request.user, at=at)
    return done(request, _("All are marked as read."), "/inbox")
