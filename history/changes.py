"""What changed in a row, read from its events: one entry a write, newest first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db import models
from django.utils.formats import date_format

from history import past
from history.models import Event

MOST_CHANGES = 30
SILENT = {"id", "version"}


@dataclass(frozen=True, slots=True)
class FieldChange:
    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Change:
    at: datetime
    by: str
    reason: str
    fields: tuple[FieldChange, ...]


def changes_of(row: models.Model, shown: Mapping[str, Callable[[Any], str]] | None = None) -> list[Change]:
    """The newest changes of a tracked row; ``shown`` says how fields with a unit are written.

    One query for the events, one for the people, one for each model that a changed field points to.
    """
    events: models.QuerySet[Any] = row.events  # type: ignore[attr-defined]  # named by history.track
    if past.day():
        events = events.filter(pgh_created_at__lt=past.Moment())
    newest: list[Event] = list(
        events.select_related("change_set").order_by("-pgh_created_at", "-pgh_id")[: MOST_CHANGES + 1]
    )
    fields = [field for field in row._meta.concrete_fields if field.name not in SILENT]
    fields = [field for field in fields if newest and hasattr(newest[0], field.attname)]
    pairs = [
        (event, newest[place + 1] if place + 1 < len(newest) else None)
        for place, event in enumerate(newest[:MOST_CHANGES])
    ]
    differing = [
        [field for field in fields if before and getattr(event, field.attname) != getattr(before, field.attname)]
        for event, before in pairs
    ]
    names = _names(newest, differing)
    authors = get_user_model()._default_manager.in_bulk(
        {event.change_set.by_id for event in newest if event.change_set and event.change_set.by_id}
    )

    def words(field: models.Field[Any, Any], event: Event) -> str:
        value = getattr(event, field.attname)
        if value is None or value == "":
            return ""
        if shown and field.name in shown:
            return shown[field.name](value)
        if isinstance(field, models.ForeignKey):
            return names.get((field.related_model, value), "deleted since")
        if field.choices:
            return str(dict(field.flatchoices).get(value, value))
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, datetime):
            return value.isoformat(" ", "minutes")
        return date_format(value, "j M Y") if isinstance(value, date) else str(value)

    return [
        Change(
            at=event.pgh_created_at,
            by=str(authors.get(event.change_set.by_id or 0, "")) if event.change_set else "",
            reason=event.change_set.reason if event.change_set else "",
            fields=tuple(
                FieldChange(str(field.verbose_name), words(field, before) if before else "", words(field, event))
                for field in changed
            ),
        )
        for (event, before), changed in zip(pairs, differing, strict=True)
    ]


def _names(events: list[Event], differing: list[list[models.Field[Any, Any]]]) -> dict[tuple[Any, int], str]:
    """The names of all rows that changed foreign keys point to, by model and id."""
    wanted: dict[type[models.Model], set[int]] = defaultdict(set)
    for field in {field for changed in differing for field in changed if isinstance(field, models.ForeignKey)}:
        ids = {getattr(event, field.attname) for event in events} - {None}
        wanted[field.related_model] |= ids
    return {
        (model, pk): str(found)
        for model, ids in wanted.items()
        for pk, found in model._default_manager.in_bulk(ids).items()
    }
