"""Every write of KPIs and their measurements."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

import history
from metrics.models import KPI, Measurement
from people.models import User
from programs.models import Program
from programs.permissions import Act, require
from programs.services import locked, touch


@transaction.atomic
def create_kpi(*, program: Program, by: User, **fields: Any) -> KPI:
    require(by, Act.EDIT, program)
    with history.because("Add a KPI", by_id=by.pk):
        row = history.create(KPI(program=program, **fields))
    touch(program.pk, plan=False)
    return row


@transaction.atomic
def change_kpi(*, kpi: KPI, by: User, **changes: Any) -> KPI:
    kpi = locked(kpi)
    require(by, Act.EDIT, kpi.program)
    with history.because("Change a KPI", by_id=by.pk):
        history.save(kpi, **changes)
    touch(kpi.program_id, plan=False)
    return kpi


@transaction.atomic
def delete_kpi(*, kpi: KPI, by: User) -> None:
    kpi = locked(kpi)
    require(by, Act.EDIT, kpi.program)
    with history.because("Delete a KPI", by_id=by.pk):
        history.delete(kpi)
    touch(kpi.program_id, plan=False)


@transaction.atomic
def measure(*, kpi: KPI, on: date, value: Decimal, by: User, today: date, note: str = "") -> Measurement:
    """Record a value; a second one of the same day is refused: change the first."""
    require(by, Act.MEASURE, kpi.program)
    if on > today:
        raise ValidationError({"on": [_("This day lies in the future.")]}, code="future")
    with history.because("Record a measurement", by_id=by.pk):
        row = history.create(Measurement(kpi=kpi, on=on, value=value, note=note))
    touch(kpi.program_id, plan=False)
    return row


@transaction.atomic
def change_measurement(*, measurement: Measurement, by: User, **changes: Any) -> Measurement:
    measurement = locked(measurement)
    require(by, Act.MEASURE, measurement.kpi.program)
    with history.because("Correct a measurement", by_id=by.pk):
        history.save(measurement, **changes)
    touch(measurement.kpi.program_id, plan=False)
    return measurement


@transaction.atomic
def delete_measurement(*, measurement: Measurement, by: User) -> None:
    measurement = locked(measurement)
    require(by, Act.MEASURE, measurement.kpi.program)
    with history.because("Delete a measurement", by_id=by.pk):
        history.delete(measurement)
    touch(measurement.kpi.program_id, plan=False)
