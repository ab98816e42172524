"""Programs that are reported better than derived for two weeks or more, each with both sides of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboards import evidence, overview
from dashboards.context import organisation_and_zone
from forecasts.models import ProgramHealth
from forecasts.watermelons import WATERMELON_DAYS, days_reported_better
from people.models import User
from people.pages import SignedIn
from programs.models import Program

MOST_PARTS = 5


@dataclass(frozen=True)
class Watermelon:
    """A program whose lead and whose derived health see it differently, and why derived health does."""

    line: overview.Line
    days: int
    why: evidence.Why

    @property
    def since(self) -> date:
        return self.line.today - timedelta(days=self.days)

    @property
    def parts(self) -> list[evidence.Evidence]:
        return self.why.parts[:MOST_PARTS]


@require_safe
def watermelons(request: SignedIn) -> HttpResponse:
    """Where to talk: it compares what is said of a program with what is derived, never one person with another."""
    _, zone = organisation_and_zone()
    today = timezone.now().astimezone(zone).date()
    lines = overview.lines(request.user, today=today, since=overview.last_friday(today), zone=zone)
    better = {line.program.pk: line for line in lines if line.is_reported_better}
    days = days_reported_better(better, today)
    found = [pk for pk in better if days.get(pk, 0) >= WATERMELON_DAYS]
    younger = len(better) - len(found)
    context = {
        "title": "Watermelons",
        "sub": "Green outside, red inside: reported better than derived for two weeks or more.",
        "today": today,
        "watermelons": explained(found, better, days, request.user),
        "younger": younger,
    }
    return render(request, "dashboards/watermelons.html", context)


def explained(
    found: list[int], lines: dict[int, overview.Line], days: dict[int, int], viewer: User
) -> list[Watermelon]:
    """By how late the program is expected, then by its name."""
    healths = ProgramHealth.objects.in_bulk([health.pk for pk in found if (health := lines[pk].health)])
    addresses, visible = {}, set()
    for program in Program.objects.visible_to(viewer).only("key"):
        addresses[program.pk] = program.get_absolute_url()
        visible.add(program.pk)
    result = []
    for pk in found:
        health = lines[pk].health
        why = evidence.why(healths.get(health.pk) if health else None, addresses, visible)
        result.append(Watermelon(lines[pk], days[pk], why))
    return sorted(result, key=lambda one: (-(one.line.slip or 0), one.line.program.name, one.line.program.pk))
