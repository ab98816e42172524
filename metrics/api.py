"""KPIs and their measurements."""

from __future__ import annotations

from typing import Any

from django.db.models import F
from django.utils import timezone
from django_filters import rest_framework as filters

from metrics import services
from metrics.models import KPI, Measurement
from people.models import User
from people.services import today
from programs.models import Program
from tpm.nouns import (
    CHOICE,
    DAY,
    NUMBER,
    REFERENCE,
    TEXT,
    Editable,
    Filters,
    In,
    OfProgramOut,
    Out,
    ProgramFilters,
    ProgramKey,
)

KPI_FIELDS = [
    "external_key", "name", "unit", "direction", "start_value", "start_on", "target_value", "target_on", "limit_value",
    "owner", "cadence", "retired_on",
]  # fmt: skip


class KPIOut(OfProgramOut[KPI]):
    class Meta:
        model = KPI
        fields = ["id", "program", *KPI_FIELDS, "version"]


class KPIIn(In[KPI]):
    program = ProgramKey(queryset=Program.objects.all())

    class Meta:
        model = KPI
        fields = ["program", *KPI_FIELDS]


class KPIChange(In[KPI]):
    class Meta:
        model = KPI
        fields = KPI_FIELDS


class KPIsFilters(ProgramFilters):
    class Meta(Filters.Meta):
        model = KPI
        fields = {
            "external_key": ["exact"],
            "name": TEXT,
            "direction": CHOICE,
            "target_on": DAY,
            "owner": REFERENCE,
            "cadence": CHOICE,
            "retired_on": DAY,
        }


class KPIs(Editable[KPI]):
    """Numbers that say whether a program works: where they should go, and what they must not cross."""

    queryset = KPI.objects.annotate(program_key=F("program__key"))
    out, new, change = KPIOut, KPIIn, KPIChange
    filterset_class = KPIsFilters
    sorts = {"id": "id", "name": "name", "target_on": "target_on"}

    def add(self, user: User, fields: dict[str, Any]) -> KPI:
        return services.create_kpi(by=user, **fields)

    def alter(self, user: User, row: KPI, fields: dict[str, Any]) -> KPI:
        return services.change_kpi(kpi=row, by=user, **fields)

    def remove(self, user: User, row: KPI) -> None:
        services.delete_kpi(kpi=row, by=user)


class MeasurementOut(Out[Measurement]):
    class Meta:
        model = Measurement
        fields = ["id", "kpi", "on", "value", "note", "version"]


class MeasurementIn(In[Measurement]):
    class Meta:
        model = Measurement
        fields = ["kpi", "on", "value", "note"]


class MeasurementChange(In[Measurement]):
    class Meta:
        model = Measurement
        fields = ["value", "note"]


class MeasurementsFilters(Filters):
    program = filters.CharFilter(field_name="kpi__program__key", lookup_expr="iexact")

    class Meta(Filters.Meta):
        model = Measurement
        fields = {"kpi": REFERENCE, "on": DAY, "value": NUMBER}


class Measurements(Editable[Measurement]):
    """Values of KPIs, one a day."""

    queryset = Measurement.objects.all()
    out, new, change = MeasurementOut, MeasurementIn, MeasurementChange
    filterset_class = MeasurementsFilters
    sorts = {"id": "id", "on": "on"}

    def add(self, user: User, fields: dict[str, Any]) -> Measurement:
        return services.measure(by=user, today=today(timezone.now()), **fields)

    def alter(self, user: User, row: Measurement, fields: dict[str, Any]) -> Measurement:
        return services.change_measurement(measurement=row, by=user, **fields)

    def remove(self, user: User, row: Measurement) -> None:
        services.delete_measurement(measurement=row, by=user)
