"""Key performance indicators and their measurements."""

from __future__ import annotations

from datetime import date
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from history.models import Record
from history.tracker import track
from people.models import User, Viewer
from people.search import search_index
from programs.models import OfProgramQuerySet, Program


@track()
class KPI(Record):
    """A number that says whether the program works: where it should go, and what it must not cross."""

    class Direction(models.TextChoices):
        UP = "up", lazy("higher is better")
        DOWN = "down", lazy("lower is better")

    class Cadence(models.TextChoices):
        DAY = "day", lazy("daily")
        WEEK = "week", lazy("weekly")
        MONTH = "month", lazy("monthly")
        QUARTER = "quarter", lazy("quarterly")

    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="kpis")
    external_key = models.CharField(max_length=200, blank=True)
    name = models.CharField(max_length=120)
    unit = models.CharField(max_length=20, blank=True)
    direction = models.CharField(max_length=4, choices=Direction.choices, default=Direction.UP)
    start_value = models.DecimalField(lazy("where it starts"), max_digits=18, decimal_places=4, null=True, blank=True)
    start_on = models.DateField(lazy("counted from"), null=True, blank=True)
    target_value = models.DecimalField(lazy("target"), max_digits=18, decimal_places=4, null=True, blank=True)
    target_on = models.DateField(lazy("target day"), null=True, blank=True)
    limit_value = models.DecimalField(lazy("limit"), max_digits=18, decimal_places=4, null=True, blank=True)
    owner = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="kpis")
    cadence = models.CharField(max_length=8, choices=Cadence.choices, default=Cadence.WEEK)
    retired_on = models.DateField(lazy("retired"), null=True, blank=True)

    objects = OfProgramQuerySet["KPI"].as_manager()

    class Meta:
        verbose_name = lazy("KPI")
        constraints = [
            models.UniqueConstraint(
                fields=["program", "name"],
                name="kpi_once",
                violation_error_message=lazy("The program has a KPI of this name already."),
                violation_error_code="name",
            ),
            models.CheckConstraint(
                condition=Q(start_on=None) | Q(target_on=None) | Q(start_on__lt=F("target_on")),
                name="kpi_days_in_order",
                violation_error_message=lazy("The target day lies after the day it is counted from."),
                violation_error_code="target_on",
            ),
        ]
        indexes = [search_index("kpi_search", "name")]

    def get_absolute_url(self) -> str:
        return f"{self.program.get_absolute_url()}/kpis/{self.pk}"

    def __str__(self) -> str:
        return self.name


class MeasurementQuerySet(models.QuerySet["Measurement"]):
    def visible_to(self, viewer: Viewer) -> Self:
        return self.filter(kpi__program__in=Program.objects.visible_to(viewer))

    def newest(self, today: date) -> Self:
        """The last measurement of each KPI up to a day: one row a KPI."""
        return self.filter(on__lte=today).order_by("kpi_id", "-on").distinct("kpi_id")


@track(program="(SELECT program_id FROM metrics_kpi WHERE id = NEW.kpi_id)")
class Measurement(Record):
    kpi = models.ForeignKey(KPI, on_delete=models.CASCADE, related_name="measurements")
    on = models.DateField()
    value = models.DecimalField(max_digits=18, decimal_places=4)
    note = models.CharField(max_length=500, blank=True)

    objects = MeasurementQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kpi", "on"],
                name="measured_once_a_day",
                violation_error_message=lazy("There is a measurement of that day already; change that one."),
                violation_error_code="on",
            )
        ]

    def __str__(self) -> str:
        return _("%(value)s on %(day)s") % {"value": f"{self.value.normalize():f}", "day": f"{self.on:%-d %b %Y}"}
