"""Programs that are reported better than derived for two weeks or more, each with both sides of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from dashboards import evidence, overview
from forecasts.models import ProgramHealth
from forecasts.watermelons import WATERMELON_DAYS, disagreements
from people.models import User
from people.pages import SignedIn, day_of, zone_of
from programs.models import Program
from programs.pages import looks_back
from reports.since import Since

ROWS_A_PAGE = 25


@dataclass(frozen=True)
class Watermelon:
    """A program whose lead and whose derived health see it differently, and why derived health does."""

    line: overview.Line
    days: int
    why: evidence.Why

    @property
    def since(self) -> date:
        return self.line.today - timedelta(days=self.days)


@require_safe
@looks_back
def watermelons(request: SignedIn) -> HttpResponse:
    """Where to talk: it compares what is said of a program with what is derived, never one person with another."""
    zone, today = zone_of(request), day_of(request)
    since = Since.end_of(overview.last_friday(today), zone)
    lines = overview.lines(request.user, today=today, since=since, zone=zone)
    better = {line.program.pk: line for line in lines if line.is_reported_better}
    days = {pk: one.better_days for pk, one in disagreements(better, today, zone).items()}
    found = [line for pk, line in better.items() if days[pk] >= WATERMELON_DAYS]
    # By how late the program is expected, then by its name.
    found.sort(key=lambda line: (-(line.slip or 0), line.program.name, line.program.pk))
    page = Paginator(found, ROWS_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "title": _("Watermelons"),
        "sub": _("Reported better than derived for two weeks or more: greener outside than inside."),
        "today": today,
        "page": page,
        "watermelons": explained(page.object_list, days, request.user),
        "younger": len(better) - len(found),
    }
    return render(request, "dashboards/watermelons.html", context)


def explained(lines: Iterable[overview.Line], days: dict[int, int], viewer: User) -> list[Watermelon]:
    """Each with the words of its evidence: two queries."""
    found = list(lines)
    healths = ProgramHealth.objects.in_bulk([line.health.pk for line in found if line.health])
    keys = dict(Program.objects.visible_to(viewer).values_list("pk", "key"))
    addresses = {pk: f"/p/{key}" for pk, key in keys.items()}
    return [
        Watermelon(
            line,
            days[line.program.pk],
            evidence.why(healths.get(line.health.pk) if line.health else None, addresses, keys),
        )
        for line in found
    ]
