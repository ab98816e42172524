"""The posted shapes of KPIs and measurements."""

from __future__ import annotations

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _

from history.forms import RecordForm
from metrics.models import KPI, Measurement
from people.forms import people


class KPIForm(RecordForm):
    model = KPI
    names = (
        "name",
        "unit",
        "direction",
        "cadence",
        "owner",
        "limit_value",
        "start_value",
        "start_on",
        "target_value",
        "target_on",
    )

    together = {"target_value": ("target_on",)}

    def __init__(self, data: QueryDict | None = None, *, row: KPI | None = None) -> None:
        super().__init__(data, row=row)
        self.fields["unit"].help_text = _("Such as %, ms, racks.")
        self.fields["cadence"].label = _("Measured")
        self.fields["owner"] = forms.ModelChoiceField(people(row.owner if row else None), required=False)
        self.fields["limit_value"].help_text = _("What it must not cross; past it, the program's health drops a step.")
        self.fields["start_value"].help_text = _("With the day and the target it draws the pace to keep.")


class MeasurementForm(RecordForm):
    model = Measurement
    names = ("on", "value", "note")

    def __init__(self, data: QueryDict | None = None, *, kpi: KPI, row: Measurement | None = None) -> None:
        super().__init__(data, row=row)
        self.fields["on"].label = _("Day")
        if kpi.unit:
            self.fields["value"].label = _("Value, %(unit)s") % {"unit": kpi.unit}
