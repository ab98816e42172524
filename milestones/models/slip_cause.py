"""Why promised dates move."""

from __future__ import annotations

from django.db import models

from history.models import Record
from history.tracker import track


@track(final=True)
class SlipCause(Record):
    """Why a promised date moves: a short list that the organisation edits."""

    name = models.CharField(max_length=80, unique=True)
    position = models.PositiveIntegerField(default=0)
    retired_on = models.DateField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name
