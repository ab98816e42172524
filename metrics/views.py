"""Pages of KPIs and their measurements."""

from __future__ import annotations

from datetime import date, timedelta

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_POST

import people.services
from history.changes import changes_of
from history.forms import explaining
from metrics import services
from metrics.charts import course
from metrics.forms import KPIForm, MeasurementForm
from metrics.kpis import pace
from metrics.lists import line_of, newest_measurements
from metrics.models import KPI, Measurement
from people.pages import SignedIn, attempt, day_of, delete, done, form_page, narrowed, paged, posted
from programs.models import Program
from programs.pages import Crumbs, find_program, looks_back, program_crumbs
from programs.permissions import Act, acts, require

MOST_DRAWN = 2_000
# How far back the figure of a KPI reaches, by the address's ?days=.
SPANS = {"": lazy("All"), "365": lazy("A year"), "90": lazy("90 days")}


def today() -> date:
    return people.services.today(timezone.now())


def find_kpi(request: SignedIn, key: str, pk: int) -> KPI:
    rows = KPI.objects.visible_to(request.user).select_related("program__lead", "owner")
    return get_object_or_404(rows, program__key=key, pk=pk)


def _crumbs(program: Program, *more: tuple[str, str]) -> Crumbs:
    return program_crumbs(program, (_("KPIs"), f"{program.get_absolute_url()}/kpis"), *more)


@looks_back
def kpi(request: SignedIn, key: str, pk: int) -> HttpResponse:
    row = find_kpi(request, key, pk)
    allowed = acts(request.user, row.program)
    day, here = day_of(request), row.get_absolute_url()
    span = request.GET.get("days", "")
    span = span if span in SPANS else ""
    measured = newest_measurements([row], day, MOST_DRAWN)[row.pk]
    line = line_of(row, measured, day)
    page = paged(request, row.measurements.order_by("-on", "-id"))
    context = line | {
        "program": row.program,
        "place": "kpis",
        "title": row.name,
        "crumbs": _crumbs(row.program),
        "here": here,
        "course": course(
            row, measured, f"{row.name}: {line['words']}", day - timedelta(days=int(span)) if span else None
        ),
        "spans": [
            {
                "label": str(label),
                "url": f"?days={days}" if days else here,
                "count": None,
                "current": days == span,
            }
            for days, label in SPANS.items()
        ]
        if measured
        else [],
        "page": page,
        "lines": [(measurement, pace(row, measurement.on)) for measurement in page],
        "changes": changes_of(row),
        "may_edit": Act.EDIT in allowed,
        "may_measure": Act.MEASURE in allowed and row.retired_on is None,
    }
    return render(request, "metrics/kpi.html", context)


def kpi_create(request: SignedIn, key: str) -> HttpResponse:
    program = find_program(request, key)
    require(request.user, Act.EDIT, program)
    form = KPIForm(posted(request))
    if form.is_bound and form.is_valid():
        with explaining(form):
            row = services.create_kpi(program=program, by=request.user, **form.changes)
            return done(
                request, _("Added “%(name)s”. Record a first value.") % {"name": row.name}, row.get_absolute_url()
            )
    context = {
        "form": form,
        "title": _("New KPI"),
        "crumbs": _crumbs(program),
        "cancel_url": f"{program.get_absolute_url()}/kpis",
        "submit_label": _("Add KPI"),
    }
    return form_page(request, context)


def kpi_edit(request: SignedIn, key: str, pk: int) -> HttpResponse:
    row = find_kpi(request, key, pk)
    require(request.user, Act.EDIT, row.program)
    form = narrowed(request, KPIForm(posted(request), row=row))
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.change_kpi(kpi=row, by=request.user, **form.changes)
            return done(request, _("Saved the KPI."), row.get_absolute_url(), kept=form.kept)
    context = {
        "form": form,
        "title": _("Edit KPI"),
        "sub": row.name,
        "crumbs": _crumbs(row.program, (row.name, row.get_absolute_url())),
        "cancel_url": row.get_absolute_url(),
        "delete_url": f"{row.get_absolute_url()}/delete",
    }
    return form_page(request, context)


@require_POST
def kpi_retire(request: SignedIn, key: str, pk: int) -> HttpResponse:
    """Stop counting a KPI, or count it again; its measurements stay."""
    row = find_kpi(request, key, pk)
    require(request.user, Act.EDIT, row.program)
    retired_on = None if row.retired_on else today()
    return attempt(
        request,
        lambda: services.change_kpi(kpi=row, by=request.user, retired_on=retired_on),
        _("Retired: it no longer counts for health.") if retired_on else _("In use again."),
        row.get_absolute_url(),
    )


def kpi_delete(request: SignedIn, key: str, pk: int) -> HttpResponse:
    row = find_kpi(request, key, pk)
    require(request.user, Act.EDIT, row.program)
    return delete(
        request,
        lambda: services.delete_kpi(kpi=row, by=request.user),
        row=row,
        to=f"{row.program.get_absolute_url()}/kpis",
        back=row.get_absolute_url(),
        consequence=_("Its measurements go with it. To keep them, retire it instead."),
        crumbs=_crumbs(row.program, (row.name, row.get_absolute_url())),
    )


# -- measurements ----------------------------------------------------------------------------------------------------


def measurement_create(request: SignedIn, key: str, pk: int) -> HttpResponse:
    row = find_kpi(request, key, pk)
    require(request.user, Act.MEASURE, row.program)
    form = MeasurementForm(posted(request), kpi=row)
    form.fields["on"].initial = day = today()
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.measure(kpi=row, by=request.user, today=day, **form.changes)
            return done(request, _("Recorded."), row.get_absolute_url())
    context = {
        "form": form,
        "title": _("Record a value"),
        "sub": row.name,
        "crumbs": _crumbs(row.program, (row.name, row.get_absolute_url())),
        "cancel_url": row.get_absolute_url(),
        "submit_label": _("Record"),
    }
    return form_page(request, context)


def find_measurement(request: SignedIn, pk: int) -> Measurement:
    rows = Measurement.objects.visible_to(request.user).select_related("kpi__program__lead")
    return get_object_or_404(rows, pk=pk)


def measurement_edit(request: SignedIn, pk: int) -> HttpResponse:
    row = find_measurement(request, pk)
    require(request.user, Act.MEASURE, row.kpi.program)
    form = narrowed(request, MeasurementForm(posted(request), kpi=row.kpi, row=row))
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.change_measurement(measurement=row, by=request.user, **form.changes)
            return done(request, _("Corrected."), row.kpi.get_absolute_url(), kept=form.kept)
    context = {
        "form": form,
        "title": _("Correct a measurement"),
        "sub": row.kpi.name,
        "crumbs": _crumbs(row.kpi.program, (row.kpi.name, row.kpi.get_absolute_url())),
        "cancel_url": row.kpi.get_absolute_url(),
        "delete_url": f"/measurements/{row.pk}/delete",
    }
    return form_page(request, context)


def measurement_delete(request: SignedIn, pk: int) -> HttpResponse:
    row = find_measurement(request, pk)
    require(request.user, Act.MEASURE, row.kpi.program)
    return delete(
        request,
        lambda: services.delete_measurement(measurement=row, by=request.user),
        row=row,
        to=row.kpi.get_absolute_url(),
        back=row.kpi.get_absolute_url(),
        crumbs=_crumbs(row.kpi.program, (row.kpi.name, row.kpi.get_absolute_url())),
    )
