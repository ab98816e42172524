"""What an act wrote, in words: each row by name, each field before and after, as far as a reader is told of them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from changes.nouns import ADDRESSES, NAMING, TITLES, UNITS, Model, columns_of, event_of, rows_of
from history.changes import UNKNOWN, FieldChange, Names, differs, pointed_to, told, words
from history.models import ChangeSet
from milestones.models import Dependency
from people.models import User
from programs.models import Program

MOST_ROWS = 6
PRIVATE = lazy("something in a private program")


@dataclass(frozen=True, slots=True)
class Row:
    """What an act did to one row."""

    noun: str
    title: str
    verb: str
    url: str
    program: str
    fields: tuple[FieldChange, ...]


@dataclass(slots=True)
class Act:
    """Who did something, when and why. ``undoable`` by the reader, as far as can be told without trying.

    ``undone`` is the act that took it back, unless that was taken back itself: who did it did that too.
    """

    pk: int
    at: datetime
    by: User | None
    reason: str
    rows: list[Row] = field(default_factory=list)
    count: int = 0
    is_undo: bool = False
    undoable: bool = False
    undone: ChangeSet | None = None

    @property
    def more(self) -> int:
        return self.count - len(self.rows)


class Written(NamedTuple):
    """One write of one row: its event, and the event before it."""

    model: Model
    event: Any
    before: Any


def tell(acts: dict[int, Act], found: Iterable[tuple[Model, int, list[int]]], viewer: User, visible: set[int]) -> None:
    """Add to each act the first of its rows, in words."""
    chosen: dict[Model, list[int]] = defaultdict(list)
    of: dict[tuple[Model, int], int] = {}
    room = dict.fromkeys(acts, MOST_ROWS)
    for model, root, ids in found:
        if root not in acts:
            continue
        for pk in ids[: room[root]]:
            chosen[model].append(pk)
            of[model, pk] = root
        room[root] = max(room[root] - len(ids), 0)
    written = _read(chosen)
    differing = [_told_of(one, visible) for one in written]
    names = _names(written, differing, viewer)
    for one, changed in zip(written, differing, strict=True):
        act = acts[of[one.model, one.event.pgh_id]]
        if one.event.pgh_label == "update" and one.before and not changed:
            act.count -= 1  # only its version was raised
            continue
        label = one.event.pgh_label
        program = getattr(one.event, "program_id", None) if one.model is not Program else one.event.pgh_obj_id
        act.rows.append(
            Row(
                noun=_(str(one.model._meta.verbose_name)),
                title=_title(one, names),
                verb={"insert": _("added"), "delete": _("deleted")}.get(label, ""),
                url=_address(one),
                program=names.get((Program, program), "") if program and one.model is not Program else "",
                fields=told(one.event, one.before, changed, names, UNITS.get(one.model)),
            )
        )


def _told_of(one: Written, visible: set[int]) -> list[models.Field[Any, Any]]:
    """The fields in which a write changed a row, as far as its reader is told of them."""
    changed = differs(one.model, one.event, one.before)
    if one.model is Dependency and not {one.event.program_id, one.event.other_program_id} - {None} <= visible:
        return [field for field in changed if field.name not in NAMING]
    return changed


def _read(chosen: Mapping[Model, list[int]]) -> list[Written]:
    """Events with those before them, all nouns at once: one query."""
    models_ = list(chosen)
    arms = []
    for place, model in enumerate(models_):
        table, columns = event_of(model)._meta.db_table, columns_of(model)
        # The event before it ended when this one began; the index by program and end finds it.
        near = f"p.{columns[0]} = e.{columns[0]} AND" if columns and model is not Program else ""
        arms.append(
            f"""
            SELECT {place}, to_jsonb(e), (
                SELECT to_jsonb(p) FROM {table} p
                WHERE {near} p.valid_to = e.pgh_created_at AND p.pgh_obj_id = e.pgh_obj_id AND p.pgh_id < e.pgh_id
                ORDER BY p.pgh_id DESC LIMIT 1
            ) FROM {table} e WHERE e.pgh_id = ANY(%(ids{place})s) AND e.pgh_label <> ''
            """  # noqa: S608 - tables and columns of our models
        )
    params = {f"ids{place}": chosen[model] for place, model in enumerate(models_)}
    rows = rows_of(" UNION ALL ".join(arms), params) if arms else []

    def event(model: Model, values: Any) -> Any:
        if values is None:
            return None
        # As written: a float would show digits that nobody gave.
        values = json.loads(values, parse_float=Decimal) if isinstance(values, str) else values
        made = event_of(model)()
        for column in made._meta.concrete_fields:
            setattr(made, column.attname, column.to_python(values[column.column]))
        return made

    found = [
        Written(models_[place], event(models_[place], row), event(models_[place], old)) for place, row, old in rows
    ]
    return sorted(found, key=lambda one: one.event.pgh_created_at)


def _names(
    written: Iterable[Written], differing: Iterable[Iterable[models.Field[Any, Any]]], viewer: User
) -> dict[tuple[Any, int], str]:
    """Names of the rows that titles and changed fields point to, as far as the reader sees them."""
    written = list(written)
    wanted = pointed_to([(one.event, one.before) for one in written], differing)
    for one in written:
        for name in TITLES.get(one.model, ()):
            column = one.model._meta.get_field(name)
            if isinstance(column, models.ForeignKey):
                wanted[column.related_model].add(getattr(one.event, column.attname))
        if one.model is not Program:
            wanted[Program].add(getattr(one.event, "program_id", None) or 0)
        else:
            wanted[Program].add(one.event.pgh_obj_id)
    names: dict[tuple[Any, int], str] = {}
    for model, ids in wanted.items():
        rows: Any = model._default_manager.all()
        # What is hidden is not named, whatever points to it.
        rows = rows.visible_to(viewer) if hasattr(rows, "visible_to") else rows
        names |= {(model, row.pk): str(row) for row in rows.filter(pk__in=ids - {None})}
    return names


def _title(one: Written, names: Names) -> str:
    if one.model not in TITLES:
        texts = (getattr(one.event, name, "") for name in ("name", "title", "question", "text"))
        return next((text for text in texts if text), "")
    said = (words(one.model._meta.get_field(name), one.event, names) for name in TITLES[one.model])  # type: ignore[arg-type]
    arrow = " → " if one.model is Dependency else ", "
    unseen = str(UNKNOWN) if one.model is Dependency else ""
    return arrow.join(str(PRIVATE) if text == unseen else text for text in said if text)


def _address(one: Written) -> str:
    """Where the row stands, unless it is gone."""
    if one.event.pgh_label == "delete" or one.model not in ADDRESSES:
        return ""
    return ADDRESSES[one.model](one.event)
