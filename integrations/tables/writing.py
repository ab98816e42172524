"""Entries against the database: what is new is written in batches, what differs is changed, the rest is left."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import IntegrityError, models, transaction
from django.utils.translation import gettext as _

import history
from integrations.tables.job import Entry, Importing
from integrations.tables.report import Outcome
from programs.services import locked

M = TypeVar("M", bound=models.Model)

BATCH = 500


@dataclass
class Batch:
    """Rows of one noun that are new, written together; on trouble one by one, to say which."""

    job: Importing
    rows: list[tuple[Entry, models.Model]] = field(default_factory=list)

    def add(self, entry: Entry, row: models.Model) -> bool:
        """Check a new row and keep it for writing; false when it is refused."""
        try:
            row.clean_fields(exclude=_not_checked(row))
        except ValidationError as refusal:
            refuse(self.job, entry, refusal)
            return False
        self.rows.append((entry, row))
        return True

    def write(self) -> None:
        for start in range(0, len(self.rows), BATCH):
            part = self.rows[start : start + BATCH]
            manager = type(part[0][1])._default_manager
            try:
                with transaction.atomic():
                    manager.bulk_create([row for _, row in part])
            except IntegrityError:
                for entry, row in part:
                    row.pk = None
                    try:
                        history.create(row)
                    except ValidationError as refusal:
                        refuse(self.job, entry, refusal)
            for entry, _row in part:
                if entry.outcome is None:
                    self.job.note(entry, Outcome.CREATED)
        self.rows.clear()


def _not_checked(row: models.Model) -> set[str]:
    """Fields filled by the database, and references to rows that are looked up already."""
    return {
        f.name
        for f in row._meta.fields
        if f.primary_key or f.is_relation or not isinstance(f.db_default, type(models.NOT_PROVIDED))
    }


def refuse(job: Importing, entry: Entry, refusal: ValidationError) -> None:
    """Note why a row cannot be written, beside the column that each message speaks of."""
    by_field = refusal.message_dict if hasattr(refusal, "error_dict") else {NON_FIELD_ERRORS: refusal.messages}
    for name, messages in by_field.items():
        if name == "cause":
            moved = "promised_on" if entry.noun.name == "dependencies" else "target_on"
            job.note(entry, Outcome.REFUSED, _("This promised date moves: choose a cause for the whole import."), moved)
        else:
            job.note(entry, Outcome.REFUSED, " ".join(messages), "" if name == NON_FIELD_ERRORS else name)


def changes_of(row: models.Model, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What differs. An empty cell takes a value back where the field may be empty, and is no opinion elsewhere."""
    changes = {}
    for name, value in wanted.items():
        column = row._meta.get_field(name)
        assert isinstance(column, models.Field)  # noqa: S101  # narrows the type: nouns name plain fields alone
        if value is None and not column.null:
            continue
        new = value.pk if isinstance(value, models.Model) else value
        if getattr(row, column.attname) != new:
            changes[name] = value
    return changes


def new_row(model: type[M], wanted: Mapping[str, Any]) -> M:
    """A new row; what has no value takes the field's default."""
    return model(**{name: value for name, value in wanted.items() if value is not None})


def in_words(row: models.Model, changes: Mapping[str, Any]) -> str:
    def shown(value: Any) -> str:
        return _("nothing") if value in (None, "") else str(value)[:60]

    return "; ".join(f"{name}: {shown(getattr(row, name))} → {shown(value)}" for name, value in changes.items())


def update(
    job: Importing, entry: Entry, row: models.Model, wanted: Mapping[str, Any], save: Callable[..., object]
) -> None:
    """Change what differs by ``save(**changes)``, or note that nothing does."""
    changes = changes_of(row, wanted)
    if not changes:
        job.note(entry, Outcome.UNCHANGED)
        return
    said = in_words(row, changes)
    try:
        with transaction.atomic():
            save(**changes)
    except ValidationError as refusal:
        refuse(job, entry, refusal)
    else:
        job.note(entry, Outcome.UPDATED, said)


@dataclass
class Seen:
    """Rows of this import by what they stand for: the same twice is skipped, two opinions are refused."""

    job: Importing
    first: dict[Hashable, Entry] = field(default_factory=dict)

    def again(self, identity: Hashable, entry: Entry) -> bool:
        before = self.first.setdefault(identity, entry)
        if before is entry:
            return False
        if entry.mapping.distinct and before.values == entry.values:
            return True
        if before.outcome == Outcome.REFUSED:
            self.job.note(
                entry,
                Outcome.REFUSED,
                _("The same as row %(row)s of %(file)s, which is refused.") % {"row": before.row, "file": before.file},
            )
        elif before.values == entry.values:
            self.job.note(
                entry,
                Outcome.SKIPPED,
                _("The same as row %(row)s of %(file)s.") % {"row": before.row, "file": before.file},
            )
        else:
            self.job.note(
                entry,
                Outcome.REFUSED,
                _("Row %(row)s of %(file)s says otherwise of the same %(noun)s.")
                % {"row": before.row, "file": before.file, "noun": entry.noun.singular},
            )
        return True


def save_row(row: M, **changes: Any) -> M:
    """Change a row that has no rules beyond its constraints."""
    return history.save(locked(row), **changes)
