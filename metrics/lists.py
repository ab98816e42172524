"""KPIs with where each stands, as a list."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Case, F, OuterRef, Q, Subquery, When, Window
from django.db.models.functions import RowNumber
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_safe

from metrics.charts import spark
from metrics.kpis import Standing, in_words, state
from metrics.models import KPI, Measurement
from people import lists
from people.export import exact
from people.lists import Listing, Shape
from people.pages import SignedIn, day_of
from programs.pages import find_program, looks_back, program_crumbs
from programs.permissions import Act, editable, may

MOST_POINTS = 60
TONES = {
    Standing.PAST_LIMIT: "bad",
    Standing.BEHIND: "warn",
    Standing.REACHED: "done",
    Standing.ON_PACE: "ok",
    Standing.IN_LIMIT: "ok",
    Standing.NO_LIMIT: "none",
    Standing.UNMEASURED: "none",
}


def newest_measurements(kpis: list[KPI], day: date, most: int = MOST_POINTS) -> dict[int, list[tuple[date, Decimal]]]:
    """The last measurements of each KPI up to a day, in order of day: one query."""
    rank = Window(RowNumber(), partition_by=F("kpi"), order_by=F("on").desc())
    rows = Measurement.objects.filter(kpi__in=kpis, on__lte=day).annotate(rank=rank).filter(rank__lte=most)
    found: dict[int, list[tuple[date, Decimal]]] = defaultdict(list)
    for kpi_id, on, value in rows.order_by("on").values_list("kpi_id", "on", "value"):
        found[kpi_id].append((on, value))
    return found


def line_of(kpi: KPI, measured: list[tuple[date, Decimal]], day: date) -> dict[str, Any]:
    on, value = measured[-1] if measured else (None, None)
    found = state(kpi, value=value, on=on, today=day)
    return {"kpi": kpi, "state": found, "tone": TONES[found.standing], "words": in_words(kpi, found)}


def standings(kpis: Iterable[KPI], day: date) -> dict[int, Standing]:
    """Where each KPI stands, by its newest measurement: one query."""
    found = list(kpis)
    newest = newest_measurements(found, day, 1)
    states: dict[int, Standing] = {}
    for kpi in found:
        on, value = newest[kpi.pk][-1] if newest[kpi.pk] else (None, None)
        states[kpi.pk] = state(kpi, value=value, on=on, today=day).standing
    return states


def _standing(rows: Any, value: str, reader: lists.Reader) -> Any:
    return rows.filter(pk__in=[pk for pk, found in standings(rows, reader.day).items() if found == value])


NEWEST = Measurement.objects.filter(kpi=OuterRef("pk")).order_by("-on")
KPIS = Shape(
    name="kpis",
    noun=lazy("KPI"),
    filters={
        "q": lists.words(lazy("Words in name, unit, program or owner"), "name", "unit", "program__name", "owner__name"),
        "program": lists.program(),
        "standing": lists.Filter(
            lazy("State"),
            _standing,
            lambda rows, reader: [(one.value, str(one.label).capitalize()) for one in Standing],
        ),
        "owner": lists.person(lazy("Owner")),
        "cadence": lists.one_of(lazy("Measured"), "cadence", KPI.Cadence.choices),
        "due": lists.due(lazy("Target"), "target_on"),
    },
    sorts={
        "state": (lazy("State"), F("gravity")),
        "name": (lazy("KPI"), F("name")),
        "measured": (lazy("Measured"), Subquery(NEWEST.values("on")[:1])),
        "value": (lazy("Latest"), Subquery(NEWEST.values("value")[:1])),
        "target": (lazy("Target"), F("target_value")),
        "due": (lazy("Day of the target"), F("target_on")),
        "limit": (lazy("Limit"), F("limit_value")),
        "owner": (lazy("Owner"), F("owner__name")),
    },
    sort="state",
    then=["name"],
    columns=[
        (lazy("KPI"), lambda line: line["kpi"].name),
        (lazy("Program"), lambda line: line["kpi"].program.name),
        (lazy("State"), lambda line: line["state"].label),
        (lazy("In words"), lambda line: line["words"]),
        (lazy("Latest"), lambda line: exact(line["state"].value)),
        (lazy("Unit"), lambda line: line["kpi"].unit or None),
        (lazy("Measured on"), lambda line: line["state"].on),
        (lazy("Target"), lambda line: exact(line["kpi"].target_value)),
        (lazy("By"), lambda line: line["kpi"].target_on),
        (lazy("Limit"), lambda line: exact(line["kpi"].limit_value)),
        (lazy("Direction"), lambda line: line["kpi"].get_direction_display()),
        (lazy("Cadence"), lambda line: line["kpi"].get_cadence_display()),
        (lazy("Owner"), lambda line: line["kpi"].owner and line["kpi"].owner.name),
    ],
)


@require_safe
@looks_back
def kpis(request: SignedIn, key: str | None = None) -> HttpResponse:
    """The KPIs of one program or of all, and those among them that are past their limit or behind their pace."""
    program = find_program(request, key) if key else None
    day = day_of(request)
    visible = KPI.objects.visible_to(request.user)
    if program:
        visible = visible.filter(program=program)
    in_use = Q(retired_on=None)
    found = standings(visible.filter(in_use), day)
    past_limit, behind = (
        [pk for pk, one in found.items() if one is standing] for standing in (Standing.PAST_LIMIT, Standing.BEHIND)
    )
    worst_first = Case(When(pk__in=past_limit, then=0), When(pk__in=behind, then=1), default=2)
    ranked = visible.annotate(gravity=worst_first)
    kinds = {
        "in_use": (_("In use"), in_use),
        "off": (_("Past limit or behind"), Q(pk__in=[*past_limit, *behind])),
        "retired": (_("Retired"), Q(retired_on__isnull=False)),
    }
    listing = Listing(request, KPIS, ranked, kinds, day, program=program)
    rows = listing.ordered(listing.wanted.select_related("owner", "program"))
    if listing.format:
        whole = list(rows)
        newest = newest_measurements(whole, day, 1)
        return listing.file(line_of(kpi, newest[kpi.pk], day) for kpi in whole)
    page = listing.page(rows)
    measured = newest_measurements(list(page), day)
    may_edit = program is not None and may(request.user, Act.EDIT, program)
    context = listing.context(page) | {
        "program": program,
        "place": "kpis",
        "title": _("KPIs"),
        "sub": "" if program else _("Whether programs work: numbers with a target to reach and a limit not to cross."),
        "crumbs": program_crumbs(program) if program else [],
        "lines": [line_of(kpi, measured[kpi.pk], day) | {"spark": spark(kpi, measured[kpi.pk])} for kpi in page],
        "editable": editable(request.user, [kpi.program for kpi in page]),
        "primary_url": f"{program.get_absolute_url()}/kpis/new" if program and may_edit else None,
        "primary_label": _("New KPI"),
        "empty_heading": _("No KPIs yet"),
        "empty_text": _(
            "A KPI says whether the program works: a number with a target to reach and a limit not to cross."
        ),
    }
    return render(request, "metrics/kpis.html", context)
