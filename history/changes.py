"""What changed in a row, read from its events: one entry a write, newest first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user_model
from django.db import models
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from history import past
from history.models import Event

MOST_CHANGES = 30
SILENT = {"id", "version"}
# What a changed field points to where its name is not known: deleted, or not for the reader.
UNKNOWN = lazy("deleted since")

Names = Mapping[tuple[Any, int], str]
Shown = Mapping[str, Callable[[Any], str]]


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


def changes_of(row: models.Model, shown: Shown | None = None) -> list[Change]:
    """The newest changes of a tracked row; ``shown`` says how fields with a unit are written.

    One query for the events, one for the people, one for each model that a changed field points to.
    """
    events: models.QuerySet[Any] = row.events  # type: ignore[attr-defined]  # named by history.track
    if past.day():
        events = events.filter(pgh_created_at__lt=past.Moment())
    newest: list[Event] = list(
        events.select_related("change_set").order_by("-pgh_created_at", "-pgh_id")[: MOST_CHANGES + 1]
    )
    pairs = [
        (event, newest[place + 1] if place + 1 < len(newest) else None)
        for place, event in enumerate(newest[:MOST_CHANGES])
    ]
    differing = [differs(type(row), event, before) for event, before in pairs]
    names = names_of(pointed_to(pairs, differing))
    authors = get_user_model()._default_manager.in_bulk(
        {event.change_set.by_id for event in newest if event.change_set and event.change_set.by_id}
    )
    return [
        Change(
            at=event.pgh_created_at,
            by=str(authors.get(event.change_set.by_id or 0, "")) if event.change_set else "",
            reason=event.change_set.told if event.change_set else "",
            fields=told(event, before, changed, names, shown),
        )
        for (event, before), changed in zip(pairs, differing, strict=True)
    ]


def differs(model: type[models.Model], event: Event, before: Event | None) -> list[models.Field[Any, Any]]:
    """The fields in which a write changed a row; none of its first."""
    fields = [f for f in model._meta.concrete_fields if f.name not in SILENT and hasattr(event, f.attname)]
    return [field for field in fields if before and getattr(event, field.attname) != getattr(before, field.attname)]


def told(
    event: Event,
    before: Event | None,
    changed: Iterable[models.Field[Any, Any]],
    names: Names,
    shown: Shown | None = None,
) -> tuple[FieldChange, ...]:
    """What changed, in words."""
    return tuple(
        FieldChange(
            _(str(field.verbose_name)),
            words(field, before, names, shown) if before else "",
            words(field, event, names, shown),
        )
        for field in changed
    )


def words(field: models.Field[Any, Any], event: Event, names: Names, shown: Shown | None = None) -> str:
    """A field's value as people read it."""
    value = getattr(event, field.attname)
    if value is None or value == "":
        return ""
    if shown and field.name in shown:
        return shown[field.name](value)
    if isinstance(field, models.ForeignKey):
        return names.get((field.related_model, value), str(UNKNOWN))
    if field.choices:
        return str(dict(field.flatchoices).get(value, value))
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, datetime):
        return value.isoformat(" ", "minutes")
    if isinstance(value, Decimal):
        return f"{value.normalize():f}".replace("-", "\u2212")
    return date_format(value, "j M Y") if isinstance(value, date) else str(value)


def percent(share: Decimal) -> str:
    """A share as people read it: 0.6000 → “60%”."""
    return f"{(share * 100).normalize():f}%"


def pointed_to(
    pairs: Iterable[tuple[Event, Event | None]], differing: Iterable[Iterable[models.Field[Any, Any]]]
) -> dict[type[models.Model], set[int]]:
    """All rows that changed foreign keys point to, by model."""
    wanted: dict[type[models.Model], set[int]] = defaultdict(set)
    for pair, changed in zip(pairs, differing, strict=True):
        for field in changed:
            if isinstance(field, models.ForeignKey):
                wanted[field.related_model] |= {getattr(one, field.attname) for one in pair if one} - {None}
    return wanted


def names_of(wanted: Mapping[type[models.Model], set[int]]) -> dict[tuple[Any, int], str]:
    """The names of rows by model and id: one query a model."""
    return {
        (model, pk): str(found)
        for model, ids in wanted.items()
        for pk, found in model._default_manager.in_bulk(ids).items()
    }
