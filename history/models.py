"""Base classes of tracked rows and of their event tables, and the change-set that groups events."""

from __future__ import annotations

import re
from datetime import datetime
from typing import ClassVar, Self

import pghistory.models
from django.db import models
from django.db.models import Manager, Q

from history.past import read_as


class HistoryNow(models.Func):
    """The moment a change counts from: the clock, or the replayed past of an import or the demo."""

    function = "history_now"
    output_field = models.DateTimeField()


TAKEN_BACK = re.compile(r"(?:(?:Undo|Redo)(?:: |$))+")


class CurrentChangeSet(models.Func):
    """The change-set that the running transaction writes for, or null."""

    function = "history_change_set"
    output_field = models.BigIntegerField()


@read_as("SELECT * FROM {table} WHERE at < {moment}")
class ChangeSet(models.Model):
    """One act of one person or job: who, when, why. Event rows point here; undo takes one back as a whole."""

    at = models.DateTimeField(db_default=HistoryNow())
    by_id = models.BigIntegerField(null=True, help_text="The user's id; null for a job.")
    reason = models.TextField(blank=True)
    parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="parts")
    undoes = models.OneToOneField(
        "self", null=True, on_delete=models.PROTECT, related_name="undone_by", help_text="The act that it took back."
    )

    class Meta:
        indexes = [
            models.Index(fields=["at"], name="change_set_at"),
            models.Index(fields=["by_id", "id"], name="change_set_by"),
        ]

    def __str__(self) -> str:
        return self.reason or f"change {self.pk}"

    @property
    def is_undo(self) -> bool:
        """Whether it took something back, and did not do again what had been."""
        return self.undoes_id is not None and self._verbs.count("Undo") % 2 == 1

    @property
    def what(self) -> str:
        """What it did, took back or did again."""
        return self.reason[len(self._verbs) :]

    @property
    def told(self) -> str:
        """Why, in one verb: acts of long ago say “Undo: Undo: …”, and “Redo: Undo: …” where those were taken back."""
        if self.undoes_id is None:
            return self.reason
        return f"{'Undo' if self.is_undo else 'Redo'}: {self.what}".removesuffix(": ")

    @property
    def _verbs(self) -> str:
        found = TAKEN_BACK.match(self.reason) if self.undoes_id else None
        return found[0] if found else ""


class EventQuerySet(models.QuerySet["Event"]):
    def at(self, moment: datetime) -> Self:
        """Rows as they stood at a moment: one a record that existed then."""
        return self.filter(pgh_created_at__lte=moment).filter(Q(valid_to=None) | Q(valid_to__gt=moment))

    def since(self, moment: datetime) -> Self:
        return self.filter(pgh_created_at__gt=moment)


class Event(pghistory.models.Event):
    """Base of every event table: a copy of the row, true from ``pgh_created_at`` until ``valid_to``.

    An open ``valid_to`` means true now. A deleted row's last event has no extent.
    """

    valid_to = models.DateTimeField(null=True, editable=False)
    change_set = models.ForeignKey(
        ChangeSet,
        null=True,
        editable=False,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="+",
        db_default=CurrentChangeSet(),
    )

    objects: ClassVar[Manager[Event]] = EventQuerySet.as_manager()

    class Meta:
        abstract = True


class Record(models.Model):
    """Base of every editable row: a version for ``If-Match``, raised by each write of the row itself."""

    version = models.PositiveIntegerField(default=1, editable=False)

    class Meta:
        abstract = True
