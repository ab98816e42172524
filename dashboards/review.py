"""The review pack: what the portfolio's review talks about on one page, now or as it stood on a day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import F
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from dashboards import charts, evidence, overview
from dashboards.overview import GRAVITY, Line
from dashboards.templatetags.words import tone
from forecasts.models import ProgramHealth
from people.models import User
from people.pages import SignedIn, day_of, organisation_of, zone_of
from programs.models import Program
from programs.pages import looks_back
from reports.models import Review, ReviewAction, Update
from reports.reviews.agreed import agreed
from reports.since import Since
from risks.models import Decision

WEEK = timedelta(days=7)
# What a lead asked longer ago was answered, or is asked again.
ASKS = timedelta(days=14)
MOST_EXCEPTIONS = 20
MOST_MOVES = 6


@dataclass(frozen=True)
class Wanting:
    """A program that is at risk or off track: its forecast drawn, and what adds most to its slip."""

    line: Line
    drawing: Any
    why: evidence.Why

    @property
    def part(self) -> evidence.Evidence | None:
        return next(iter([*self.why.parts, *self.why.lowering]), None)


@require_safe
@looks_back
def review(request: SignedIn) -> HttpResponse:
    """Exceptions, disagreements, asks, decisions waiting and top moves, as far as the reader may see them."""
    viewer = request.user
    day, zone = day_of(request), zone_of(request)
    since = Since.end_of(day - WEEK, zone)
    lines = overview.lines(viewer, today=day, since=since, zone=zone)
    overview.fill_disagreements(lines)
    programs = {line.program.pk: line.program for line in lines}
    wanting = sorted(
        (line for line in lines if line.wants_attention), key=lambda line: (-GRAVITY[line.derived], -(line.slip or 0))
    )
    found = explained(wanting[:MOST_EXCEPTIONS], viewer, day)
    held = Review.objects.visible_to(viewer).filter(held_on__lte=day).order_by("-held_on").first()
    actions = ReviewAction.objects.visible_to(viewer).select_related("owner", "program", "review")
    context = {
        "title": _("Portfolio review"),
        "sub": f"{organisation_of(request)[0] or _('Portfolio')}, {date_format(day, 'j F Y')}",
        "today": day,
        "copied_day": day,
        "sums": overview.add_up(lines),
        "count": len(lines),
        "exceptions": found,
        "more_exceptions": len(wanting) - len(found),
        "axis_head": charts.axis_head(axis_of(wanting, day), day),
        "disagreements": sorted((line for line in lines if line.disagrees), key=lambda line: -line.differs_days),
        "asks": asks(programs, overview.end_of(day, zone)),
        "decisions": [(row, bool(row.decide_by_on and row.decide_by_on < day)) for row in decisions(programs)],
        "moves": overview.best_moves(lines, overview.left_behind(lines, viewer, reasons=False))[:MOST_MOVES],
        "last": held,
        # What a program's own sync agreed stands on its agenda.
        "actions": agreed(actions.open().exclude(review=None).order_by("due_on", "id"), viewer),
    }
    return render(request, "dashboards/review.html", context)


def axis_of(lines: Iterable[Line], day: date) -> charts.Axis:
    dates = [on for line in lines for on in (line.program.target_on, line.p50_on, line.p80_on) if on]
    return charts.forecast_axis(dates, day)


def explained(lines: list[Line], viewer: User, day: date) -> list[Wanting]:
    """Each with its forecast drawn against its target, and the words of its evidence: two queries."""
    healths = ProgramHealth.objects.in_bulk([line.health.pk for line in lines if line.health])
    keys = dict(Program.objects.visible_to(viewer).values_list("pk", "key"))
    addresses = {pk: f"/p/{key}" for pk, key in keys.items()}
    axis = axis_of(lines, day)
    return [
        Wanting(
            line,
            charts.forecast_row(axis, tone(line.derived), line.program.target_on, line.p50_on, line.p80_on),
            evidence.why(healths.get(line.health.pk) if line.health else None, addresses, keys),
        )
        for line in lines
    ]


def asks(programs: dict[int, Program], moment: datetime) -> list[Update]:
    """The newest word of each program, where it asks for something and is not old."""
    rows = Update.objects.published().filter(program__among=list(programs), published_at__gte=moment - ASKS)
    newest = rows.order_by("program_id", "-published_at", "-id").distinct("program_id")
    found = [row for row in newest.select_related("author").defer("snapshot", "sentences") if row.ask.strip()]
    for row in found:
        row.program = programs[row.program_id]
    return sorted(found, key=lambda row: (row.program.name, row.pk))


def decisions(programs: dict[int, Program]) -> list[Decision]:
    """Decisions that wait, those due first on top."""
    rows = Decision.objects.waiting().filter(program__among=list(programs)).select_related("decider")
    found = list(rows.order_by(F("decide_by_on").asc(nulls_last=True), "id"))
    for row in found:
        row.program = programs[row.program_id]
    return found
