"""Forms of tracked records: what a person changed, beside what others changed since the form was opened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar, NamedTuple

from django import forms
from django.contrib.auth import get_user_model
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import models
from django.forms.models import fields_for_model, model_to_dict
from django.http import QueryDict
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from history.days import DayField
from history.models import Record


class Conflict(NamedTuple):
    """A field that two people changed to different values."""

    label: str
    theirs: str
    yours: str


class RecordForm(forms.Form):
    """The posted shape of a tracked row. It never saves: ``changes`` is what to hand to the service.

    An edit form carries the row's ``version``. Where somebody saved in between, the event of that version is the base
    of a three-way merge: fields that only they changed are kept as they are now (``kept``), fields that both changed
    make the form invalid once (``conflicts``) and keep what was typed, so that saving again means it.
    """

    model: ClassVar[type[models.Model]]
    names: ClassVar[tuple[str, ...]]
    # Fields that are asked for together with one: the precision of a date, the cause of its move.
    together: Mapping[str, tuple[str, ...]] = {}

    def __init__(
        self,
        data: QueryDict | Mapping[str, Any] | None = None,
        *,
        row: models.Model | None = None,
        initial: dict[str, Any] | None = None,
    ) -> None:
        stored = model_to_dict(row, self.names) if row else {}
        super().__init__(data, initial={name: _bare(value) for name, value in stored.items()} | (initial or {}))
        self.fields.update(
            fields_for_model(
                self.model, [name for name in self.names if name not in self.fields], formfield_callback=_field
            )
        )
        self.row = row
        self.conflicts: list[Conflict] = []
        self.kept: list[str] = []
        self.proposed = False
        self.by = ""
        self.at: datetime | None = None
        self._base: models.Model | None = row
        if isinstance(row, Record):
            self.fields["version"] = forms.IntegerField(
                widget=forms.HiddenInput, required=False, initial=row.version, min_value=1
            )
        self.order_fields([*self.names])

    def __getitem__(self, name: str) -> forms.BoundField:
        if name in self.fields and self.fields[name].label is None:
            self.fields[name].label = called(name)
        return super().__getitem__(name)

    def is_valid(self) -> bool:
        return super().is_valid() and not self.conflicts

    def narrow(self, names: Iterable[str]) -> None:
        """Ask for these fields alone, and what goes with them; the others stay as they are stored."""
        asked = {name for name in names if name in self.names}
        asked |= {name for one in asked for name in self.together.get(one, ())}
        self.fields = {name: field for name, field in self.fields.items() if name in asked or name == "version"}

    def propose(self, values: Mapping[str, str]) -> None:
        """Begin with other values than those that are stored; nothing is changed before somebody sends them."""
        self.initial.update(values)
        self.proposed = bool(values)

    @property
    def status(self) -> int:
        """The answer's status: 412 where somebody else saved first, 422 where a field needs another look."""
        return 412 if self.conflicts else 422 if self.errors else 200

    @property
    def changes(self) -> dict[str, Any]:
        """What was changed since the form was opened; of a new row, every field."""
        given = {name: self.cleaned_data[name] for name in self.names if name in self.cleaned_data}
        if self._base is None:
            return given
        return {name: value for name, value in given.items() if _plain(value) != self.stored(self._base, name)}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        for name, value in cleaned.items():
            if isinstance(value, str):
                cleaned[name] = value.replace("\r\n", "\n")
            field = self.fields[name]
            # "Q3 2027" says by itself how exactly the day is meant.
            exact = name.removesuffix("_on") + "_precision"
            if isinstance(field, DayField) and field.precision not in ("", "day") and exact in cleaned:
                cleaned[exact] = field.precision
        version = cleaned.get("version")
        if isinstance(self.row, Record) and version and version != self.row.version:
            self._merge(self.row, version)
        return cleaned

    def stored(self, row: models.Model, name: str) -> Any:
        return getattr(row, self.model._meta.get_field(name).attname)  # type: ignore[union-attr]

    def _merge(self, row: Record, version: int) -> None:
        """Compare what was read, what stands now and what was typed; then let the form speak of what stands now."""
        events: models.QuerySet[Any] = row.events  # type: ignore[attr-defined]  # named by history.track
        base = events.filter(version=version).order_by("-pgh_created_at", "-pgh_id").first()
        if base is None:
            return
        data: Any = self.data.copy() if isinstance(self.data, QueryDict) else dict(self.data)
        for name in (name for name in self.names if name in self.fields):
            field = self.fields[name]
            was, now = self.stored(base, name), self.stored(row, name)
            if was == now or field.disabled:
                continue
            label = str(self[name].label)
            if name not in self.cleaned_data:
                self.conflicts.append(Conflict(label, self.shown(name, now), str(self[name].data or "")))
            elif _plain(self.cleaned_data[name]) == was:
                self.kept.append(label)
                # The person left this field alone: it shows, and stays, what the other one made it.
                del self.cleaned_data[name]
                posted = _posted(field, now)
                if isinstance(data, QueryDict) and isinstance(posted, list):
                    data.setlist(name, posted)
                else:
                    data[name] = posted
            elif _plain(self.cleaned_data[name]) != now:
                yours = self.shown(name, _plain(self.cleaned_data[name]))
                self.conflicts.append(Conflict(label, self.shown(name, now), yours))
        data["version"] = str(row.version)
        self.data = data
        self._base = row
        newest = events.filter(valid_to=None).select_related("change_set").first()
        if newest and newest.change_set:
            self.at = newest.change_set.at
            self.by = str(get_user_model()._default_manager.filter(pk=newest.change_set.by_id or 0).first() or "")

    def shown(self, name: str, value: Any) -> str:
        """A stored value in the words of the page."""
        field = self.fields[name]
        if value is None:
            return ""
        if isinstance(field, forms.ModelChoiceField):
            return str(field.queryset.filter(pk=value).first() or "") if field.queryset is not None else ""
        if isinstance(field, forms.ChoiceField):
            return str(dict(field.choices).get(value, value))  # type: ignore[arg-type]
        if isinstance(value, bool):
            return _("yes") if value else _("no")
        if isinstance(value, date):
            return date_format(value, "j M Y")
        return str(field.prepare_value(_bare(value)))


def _field(field: models.Field[Any, Any], **kwargs: Any) -> forms.Field | None:
    if type(field) is models.DateField:
        kwargs["form_class"] = DayField
    return field.formfield(label=capfirst(_(str(field.verbose_name))), **kwargs)


def called(name: str) -> str:
    """The label of a field that has no words of its own."""
    return capfirst(_(name.replace("_", " ")))


@contextmanager
def explaining(form: forms.Form) -> Iterator[None]:
    """Put a refusal of the service inside beside the fields that it speaks of."""
    try:
        yield
    except ValidationError as refusal:
        errors = refusal.error_dict if hasattr(refusal, "error_dict") else {NON_FIELD_ERRORS: refusal.error_list}
        for name, messages in errors.items():
            form.add_error(name if name in form.fields else None, messages)


def _plain(value: Any) -> Any:
    return value.pk if isinstance(value, models.Model) else value


def _bare(value: Any) -> Any:
    """A number as people type it: the database's 640.0000 without its idle zeros."""
    return Decimal(f"{value.normalize():f}") if isinstance(value, Decimal) else value


def _posted(field: forms.Field, value: Any) -> str | list[str]:
    """A stored value as a browser would post it."""
    if isinstance(value, bool):
        return "on" if value else ""
    if isinstance(value, date):
        return date_format(value, "j M Y")
    shown = "" if value is None else field.prepare_value(_bare(value))
    return shown if isinstance(shown, list) else str(shown)
