"""How the tables of other tools become our rows: mappings that are kept, and files on their way in."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as lazy

from history.models import Record
from history.tracker import track
from milestones.models import SlipCause
from people.models import Job, User, Viewer
from people.permissions import OrgAct, may


class ImportMappingQuerySet(models.QuerySet["ImportMapping"]):
    def visible_to(self, viewer: Viewer) -> Self:
        """Whoever may import sees the mappings."""
        return self if may(viewer, OrgAct.IMPORT) else self.none()


@track(final=True, of_today=True)
class ImportMapping(Record):
    """Which column of which table goes where (docs/import.md), kept under a name to be used again."""

    name = models.CharField(max_length=120, unique=True)
    mapping = models.JSONField()

    objects = ImportMappingQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(name=""),
                name="import_mapping_has_name",
                violation_error_message=lazy("A mapping needs a name."),
                violation_error_code="name",
            )
        ]

    def __str__(self) -> str:
        return self.name


class UploadQuerySet(models.QuerySet["Upload"]):
    def visible_to(self, viewer: Viewer) -> Self:
        """Each administrator sees what they uploaded themselves."""
        return self.filter(by_id=viewer.pk) if may(viewer, OrgAct.IMPORT) else self.none()


class Upload(models.Model):
    """Files between the dry run and the import. Not history: gone when imported, or after a day.

    One that a job imported stays for that day without its files, to say what came of it.
    """

    by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="uploads")
    at = models.DateTimeField(default=timezone.now)
    mapping = models.JSONField(null=True, blank=True, help_text="Empty: the tables carry our own column names.")
    report = models.JSONField(null=True, blank=True, help_text="What the last dry run found, or the import did.")
    # Of an upload that is checked or imported while its person does something else.
    job = models.OneToOneField(Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    dry_run = models.BooleanField(default=True)
    cause = models.ForeignKey(SlipCause, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    objects = UploadQuerySet.as_manager()

    def __str__(self) -> str:
        return f"upload {self.pk}"


class UploadedFile(models.Model):
    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, related_name="files")
    name = models.CharField(max_length=200)
    content = models.BinaryField()

    def __str__(self) -> str:
        return self.name
