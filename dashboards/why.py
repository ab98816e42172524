"""The calculation behind derived health, frozen for a run: rule by rule, and all that it was computed from."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from dashboards import evidence, moves, overview
from forecasts.grounds import frozen_by, grounds
from forecasts.health import HYGIENE_RULES, SLIP_RULES
from forecasts.models import FrozenHealth, HealthPolicy, MilestoneForecast, ProgramHealth
from forecasts.owners import owners_of
from forecasts.parts import weightiest
from people.models import User
from people.pages import SignedIn
from programs.models import Program
from programs.pages import find_program, program_crumbs

MOST_REVISIONS = 100
MOST_NEIGHBOURS = 10
BASIS = {choice.value: str(choice.label) for choice in MilestoneForecast.Basis}


@require_safe
def why(request: SignedIn, key: str) -> HttpResponse:
    program = find_program(request, key)
    run = request.GET.get("run")
    frozen = frozen_by(FrozenHealth.objects.filter(program=program), run)
    if frozen is None and run is not None:
        raise Http404
    context = {
        "program": program,
        "title": _("Why %(health)s?") % {"health": frozen.get_health_display().lower()} if frozen else _("Why?"),
        "crumbs": program_crumbs(program),
        "frozen": frozen,
        "is_chosen": run is not None,
        "here": f"{program.get_absolute_url()}/why",
    }
    if frozen:
        context |= calculation(frozen, request.user, since=day_in(request.GET.get("since", "")))
    return render(request, "dashboards/why.html", context)


def day_in(text: str) -> date | None:
    """The day of an address; none where it names none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def calculation(frozen: FrozenHealth, viewer: User, *, since: date | None = None) -> dict[str, Any]:
    """What the page shows of a run, as far as the reader may see what it speaks of, and of its move since a day.

    That is the Friday before, where none is named.
    """
    read = {int(pk) for pk in frozen.run.revisions}
    since = since or overview.last_friday(frozen.day)
    before = ProgramHealth.objects.filter(program=frozen.program_id, day__lte=since).order_by("-day").first()
    spoken = (*frozen.findings, *frozen.moves, *(before.findings if before else ()))
    named = read | {item["record"]["program"] for item in spoken}
    keys = dict(Program.objects.visible_to(viewer).filter(pk__in=named).values_list("pk", "key"))
    addresses = {pk: f"/p/{key}" for pk, key in keys.items()}
    apart = SLIP_RULES | HYGIENE_RULES
    judging = [item for item in frozen.findings if item["rule"] not in apart]
    neighbours = FrozenHealth.objects.filter(program=frozen.program_id).order_by("-run_id")
    return {
        "why": evidence.why(frozen, addresses, keys, owners_of(frozen.findings, keys)),
        "since": moved_since(frozen, before, since, addresses, keys) if before else None,
        "judging": [evidence.evidence(item, addresses, keys, frozen.day) for item in judging],
        "moves": moves.tell(frozen.moves, keys),
        "grounds": [(ground, BASIS.get(ground.basis, "")) for ground in grounds(frozen, viewer)],
        "policy": HealthPolicy.objects.filter(version=frozen.policy_version).first(),
        "revisions": revisions(frozen, keys),
        "most_revisions": MOST_REVISIONS,
        "has_hidden": bool(read - keys.keys()),
        "runs": neighbours.defer("findings", "moves")[:MOST_NEIGHBOURS],
    }


def moved_since(
    frozen: FrozenHealth, before: ProgramHealth, on: date, addresses: dict[int, str], keys: dict[int, str]
) -> dict[str, Any] | None:
    """How P80 moved since a day, and the parts that add up to it, largest first: evidence, days then, now, between."""
    if not frozen.p80_on or not before.p80_on:
        return None
    days = (frozen.p80_on - before.p80_on).days
    parts = evidence.moved(frozen.findings, before.findings, days, keys)
    ordered, _rest = weightiest(parts, len(parts))
    told = [(evidence.evidence(one.part, addresses, keys, frozen.day), one.was, one.after, one.days) for one in ordered]
    return {"on": on, "before": before, "days": days, "parts": told}


def revisions(frozen: FrozenHealth, keys: dict[int, str]) -> list[tuple[str, int]]:
    """Plans that the run read, as far as the reader may see their programs."""
    read = [(keys[int(pk)], plan) for pk, plan in frozen.run.revisions.items() if int(pk) in keys]
    return sorted(read)[:MOST_REVISIONS]
