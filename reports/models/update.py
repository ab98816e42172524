"""What leads say each week."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from history.models import Record
from history.tracker import track
from people.models import User
from people.search import search_index
from programs.models import OfProgramQuerySet, Program, ReportedHealth


class UpdateQuerySet(OfProgramQuerySet["Update"]):
    def published(self) -> Self:
        return self.exclude(published_at=None)


@track(final=True)
class Update(Record):
    """What a lead says this week; publishing freezes the facts it was written on."""

    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="updates")
    author = models.ForeignKey(User, on_delete=models.PROTECT, related_name="updates")
    health = models.CharField(max_length=12, choices=ReportedHealth._meta.get_field("health").choices, blank=True)
    text = models.TextField(blank=True, max_length=20_000)
    ask = models.TextField(blank=True, max_length=5_000)
    cause = models.TextField(lazy("why it stands so"), blank=True, max_length=5_000)
    path_to_green = models.TextField(blank=True, max_length=5_000)
    path_owner = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+", verbose_name=lazy("who brings it back")
    )
    path_on = models.DateField(lazy("back on track by"), null=True, blank=True)
    corrects = models.ForeignKey("self", null=True, blank=True, on_delete=models.CASCADE, related_name="corrections")
    correction = models.CharField(lazy("what it corrects"), blank=True, max_length=500)
    begun_at = models.DateTimeField()
    published_at = models.DateTimeField(null=True, blank=True)
    snapshot = models.JSONField(null=True, blank=True, editable=False)
    sentences = models.JSONField(default=list, blank=True, editable=False)

    objects = UpdateQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(published_at=None) | (~Q(health="") & ~Q(text="") & Q(snapshot__isnull=False)),
                name="update_published_whole",
                violation_error_message=lazy("A published update has a health and a text."),
                violation_error_code="text",
            ),
            models.CheckConstraint(
                condition=Q(published_at=None)
                | Q(path_owner=None, path_on=None)
                | Q(path_owner__isnull=False, path_on__isnull=False),
                name="update_path_whole",
                violation_error_message=lazy("Name who brings it back on track and by when: both, or neither."),
                violation_error_code="path_owner",
            ),
            models.CheckConstraint(
                condition=Q(published_at=None)
                | Q(corrects=None, correction="")
                | (Q(corrects__isnull=False) & ~Q(correction="")),
                name="update_correction_said",
                violation_error_message=lazy("Say what it corrects."),
                violation_error_code="correction",
            ),
            models.UniqueConstraint(
                fields=["corrects"],
                name="update_corrected_once",
                violation_error_message=lazy("There is a correction of this update already."),
                violation_error_code="corrects",
            ),
        ]
        indexes = [
            models.Index(fields=["program", "-published_at"], name="update_newest"),
            search_index("update_search", "text", "ask", "path_to_green"),
        ]

    def __str__(self) -> str:
        return _("Update %(id)s") % {"id": self.pk}

    def get_absolute_url(self) -> str:
        return f"/u/{self.pk}"
