"""The one way to write a tracked row: say why, check it, raise its version, let the database have the last word."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeVar

from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, ValidationError
from django.db import IntegrityError, connection, models, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

M = TypeVar("M", bound=models.Model)

# Models whose rows are never taken back by an undo, once written: what was said, approved, sent, or is an account.
FINAL: set[type[models.Model]] = set()

# A day outside of these is a slip of the finger, and no plan reaches it.
EARLIEST, LATEST = date(1950, 1, 1), date(2150, 12, 31)
OUTSIDE = gettext_noop("The day lies outside of 1950 to 2150: check its year.")
NO_SUCH_ROW = "23503"  # PostgreSQL: foreign_key_violation


@dataclass(slots=True)
class Notes:
    """What was written: the change-sets in order, and whether any row of them is final."""

    change_sets: list[int] = field(default_factory=list)
    final: bool = False

    @property
    def undoable(self) -> int | None:
        """The change-set that can be taken back as a whole, if there is one."""
        return self.change_sets[0] if len(self.change_sets) == 1 and not self.final else None


_notes: ContextVar[Notes | None] = ContextVar("notes", default=None)


@contextmanager
def noting() -> Iterator[Notes]:
    """Note what is written inside, so that a page can offer to take it back."""
    notes = Notes()
    outer = _notes.set(notes)
    try:
        yield notes
    finally:
        _notes.reset(outer)


def _note(row: models.Model) -> None:
    notes = _notes.get()
    if notes is not None and type(row) in FINAL:
        notes.final = True


@contextmanager
def because(reason: str = "", *, by_id: int | None) -> Iterator[int]:
    """Group the writes inside under one change-set: who did it and why. Nested ones become parts of the outer one.

    What a row points to is checked, and so locked, as the row is written rather than at the end: all transactions lock
    rows first and the revisions of their programs last, and two of them cannot wait for each other.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """
            SET CONSTRAINTS ALL IMMEDIATE;
            WITH outer_set AS (SELECT history_change_set() AS id),
            made AS (
                INSERT INTO history_changeset (by_id, reason, parent_id) SELECT %s, %s, id FROM outer_set RETURNING id
            )
            SELECT made.id, outer_set.id, set_config('tpm.change_set', made.id::text, true) FROM made, outer_set
            """,
            [by_id, reason],
        )
        change_set, outer, _setting = cursor.fetchone()
        yield change_set
        cursor.execute("SELECT set_config('tpm.change_set', %s, true)", [str(outer or "")])
    notes = _notes.get()
    if notes is not None and outer is None:
        notes.change_sets.append(change_set)


@contextmanager
def replaying(at: datetime) -> Iterator[None]:
    """Date the history written inside as of a moment in the past: for the demo and imports of history alone."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('tpm.at', %s, true)", [at.isoformat()])
        yield
        cursor.execute("SELECT set_config('tpm.at', '', true)")


def create(row: M) -> M:
    """Insert a new row after its own checks; a broken constraint becomes an error beside the field it speaks of."""
    row.clean_fields(exclude=_generated(row))
    refuse_far_days(row, (field.name for field in row._meta.concrete_fields))
    row.clean()
    with _explained(row):
        row.save(force_insert=True)
    _note(row)
    return row


def save(row: M, **changes: Any) -> M:
    """Write changed fields of a locked row and raise its version; nothing is written when nothing differs."""
    changed = {name: value for name, value in changes.items() if getattr(row, name) != value}
    if not changed:
        return row
    for name, value in changed.items():
        setattr(row, name, value)
    row.clean_fields(exclude={f.name for f in row._meta.fields} - changed.keys())
    refuse_far_days(row, changed)
    row.clean()
    update_fields = list(changed)
    version = getattr(row, "version", None)
    if version is not None:
        row.version = version + 1  # type: ignore[attr-defined]
        update_fields.append("version")
    with _explained(row):
        row.save(update_fields=update_fields)
    _note(row)
    return row


def delete(row: models.Model) -> None:
    """Delete a row; its events stay. What still points at it is named in the refusal."""
    try:
        with transaction.atomic():
            row.delete()
            _note(row)
    except models.ProtectedError as refusal:
        names = sorted({_(str(other._meta.verbose_name)) for other in refusal.protected_objects})
        raise ValidationError(
            _("%(row)s is still used by: %(names)s. Remove or move those first."),
            code="in_use",
            params={"row": str(row), "names": ", ".join(names)},
        ) from refusal


def each(
    rows: models.QuerySet[M], write: Callable[[M], object], *, reason: str, by_id: int
) -> list[tuple[M, list[str]]]:
    """Write to many rows of programs as one act; a row that refuses stays as it was, and is returned with why.

    All rows are locked first, then the revision of each row's program as it is written: both in the order of programs,
    so that two acts wait for each other once and not in a ring.
    """
    refused = []
    with because(reason, by_id=by_id):
        for row in rows.select_for_update(of=("self",)).order_by("program_id", "pk"):
            try:
                with transaction.atomic():
                    write(row)
            except (ValidationError, PermissionDenied) as refusal:
                refused.append((row, getattr(refusal, "messages", None) or [str(refusal)]))
    return refused


def refuse_far_days(row: models.Model, names: Iterable[str]) -> None:
    """Raise ValidationError beside each of these fields whose day nobody can mean."""
    days = {name: getattr(row, name) for name in names if type(row._meta.get_field(name)) is models.DateField}
    far = {name: [_(OUTSIDE)] for name, day in days.items() if day and not EARLIEST <= day <= LATEST}
    if far:
        raise ValidationError(far, code="day")


def _generated(row: models.Model) -> set[str]:
    """Names of the fields that the database fills."""
    return {
        f.name for f in row._meta.fields if f.primary_key or not isinstance(f.db_default, type(models.NOT_PROVIDED))
    }


@contextmanager
def _explained(row: models.Model) -> Iterator[None]:
    try:
        with transaction.atomic():
            yield
    except IntegrityError as refusal:
        name = str(getattr(getattr(refusal.__cause__, "diag", None), "constraint_name", ""))
        if getattr(refusal.__cause__, "pgcode", None) == NO_SUCH_ROW:
            pointing = (f.name for f in row._meta.local_fields if f.remote_field and f"_{f.column}_" in name)
            message = {next(pointing, NON_FIELD_ERRORS): [_("Somebody deleted this in the meantime.")]}
            raise ValidationError(message, code="gone") from refusal
        for constraint in row._meta.constraints:
            if constraint.name == name:
                place = constraint.violation_error_code or NON_FIELD_ERRORS
                message = {place: [str(constraint.get_violation_error_message())]}
                raise ValidationError(message, code=name) from refusal
        for field in row._meta.local_fields:
            if field.unique and not field.primary_key and name.startswith(f"{row._meta.db_table}_{field.column}"):
                message = {field.name: [_("This %(name)s is taken.") % {"name": _(str(field.verbose_name))}]}
                raise ValidationError(message, code="unique") from refusal
        raise
