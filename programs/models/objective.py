"""What the organisation wants."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as lazy

from history.models import Record
from history.tracker import track
from people.models import User
from people.search import search_index


@track()
class Objective(Record):
    """What the organisation wants, as a tree; a measure with a target where there is one."""

    title = models.CharField(max_length=200)
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="children")
    owner = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="objectives")
    measure = models.CharField(max_length=200, blank=True)
    start_value = models.DecimalField(lazy("where it starts"), max_digits=18, decimal_places=4, null=True, blank=True)
    target_value = models.DecimalField(max_digits=18, decimal_places=4, null=True, blank=True)
    current_value = models.DecimalField(max_digits=18, decimal_places=4, null=True, blank=True)
    period_start_on = models.DateField(null=True, blank=True)
    period_end_on = models.DateField(null=True, blank=True)
    closed_on = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(parent=F("id")),
                name="objective_not_its_own_parent",
                violation_error_message=lazy("An objective cannot be its own parent."),
                violation_error_code="parent",
            ),
            models.CheckConstraint(
                condition=Q(start_value=None) | Q(target_value=None) | ~Q(start_value=F("target_value")),
                name="objective_has_a_way_to_go",
                violation_error_message=lazy("It cannot start where it should end."),
                violation_error_code="start_value",
            ),
            models.CheckConstraint(
                condition=Q(period_start_on=None) | Q(period_end_on=None) | Q(period_start_on__lte=F("period_end_on")),
                name="objective_period_in_order",
                violation_error_message=lazy("The period ends before it starts."),
                violation_error_code="period_end_on",
            ),
        ]
        indexes = [search_index("objective_search", "title")]

    def get_absolute_url(self) -> str:
        return f"/objectives/{self.pk}"

    def __str__(self) -> str:
        return self.title

    @property
    def share(self) -> Decimal | None:
        """How much of the way from start (or 0) to target is done; below 0 where it went the other way."""
        if self.current_value is None or self.target_value is None:
            return None
        start = self.start_value or Decimal()
        return (self.current_value - start) / (self.target_value - start) if self.target_value != start else None
