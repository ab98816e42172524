"""The form that changes the same fields of many rows at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import QueryDict
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from history.forms import RecordForm, called

MOST_ROWS = 200
MOST_SHOWN = 80


class BulkForm(forms.Form):
    """The fields of a record's form, each with a tick: only what is ticked is changed, and to the same in all rows."""

    # Asked beside the fields, without a tick: the cause of dates that move.
    beside: ClassVar[tuple[str, ...]] = ()

    def __init__(self, data: QueryDict | None, *, like: RecordForm, leave: tuple[str, ...] = ()) -> None:
        super().__init__(data)
        self.names = [
            name for name, field in like.fields.items() if name not in ("version", *leave) and not field.disabled
        ]
        self.like = like
        for name in self.names:
            field = like.fields[name]
            field.initial = None
            field.label = field.label or called(name)
            tick = _("Change: %(label)s") % {"label": field.label}
            self.fields[f"set_{name}"] = forms.BooleanField(required=False, label=tick)
            self.fields[name] = field

    def tell(self, rows: Sequence[Model]) -> None:
        """Say below each field what all rows have now, or that they differ."""
        columns = {column.name for column in self.like.model._meta.concrete_fields}
        for name in columns.intersection(self.names):
            now = {self.like.stored(row, name) for row in rows}
            words = self._words(rows[0], name) if len(now) == 1 else _("not the same in all")
            told = _("Now: %(value)s") % {"value": Truncator(words).chars(MOST_SHOWN)}
            field = self.fields[name]
            field.help_text = f"{field.help_text} {told}".lstrip()

    def _words(self, row: Model, name: str) -> str:
        """What a row has; also what is no longer among the choices, as is an owner who has left."""
        now = self.like.stored(row, name)
        if now in (None, ""):
            return _("none")
        return self.like.shown(name, now) or str(getattr(row, name))

    @property
    def pairs(self) -> list[tuple[forms.BoundField, forms.BoundField]]:
        return [(self[f"set_{name}"], self[name]) for name in self.names]

    @property
    def others(self) -> list[forms.BoundField]:
        return [self[name] for name in self.beside]

    @property
    def status(self) -> int:
        return 422 if self.errors else 200

    def ticked(self) -> list[str]:
        return [name for name in self.names if self.cleaned_data.get(f"set_{name}")]

    def full_clean(self) -> None:
        """What is not ticked need not make sense."""
        super().full_clean()
        if self.is_bound:
            for name in self.names:
                if not self.data.get(f"set_{name}"):
                    self.errors.pop(name, None)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not any(cleaned.get(f"set_{name}") for name in self.names) and not any(map(cleaned.get, self.beside)):
            raise ValidationError(_("Tick what is to change."), code="nothing")
        return cleaned

    @property
    def changes(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in self.ticked()}
