"""The posted shapes of an import: files, which column goes where, and mappings that are kept."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile as PostedFile
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from history.forms import RecordForm
from integrations.models import ImportMapping
from integrations.tables.mapping import literal, parse
from integrations.tables.nouns import NOUNS, Field, Kind, Noun
from integrations.tables.reading import MIB, SUFFIXES, Refusal, Table
from milestones.models import SlipCause
from people.models import User

MOST_UPLOADED = 20 * MIB
MOST_FILES = 20
# A column with more different words than this is text, not a state.
MOST_WORDS = 30
KEEP = "="
DAYS_WRITTEN = (
    ("", "2026-03-31"),
    ("%d/%m/%Y", "31/03/2026"),
    ("%m/%d/%Y", "03/31/2026"),
    ("%d.%m.%Y", "31.03.2026"),
    ("%d %b %Y", "31 Mar 2026"),
    ("%d/%b/%y %I:%M %p", "31/Mar/26 02:15 PM"),
)
AS_TEXT = lazy(
    'Such as {"tables": [{"noun": "milestones", "files": "tasks.csv", "fields": {"program": {"constant": "NA4"}, '
    '"name": "Task", "target_on": {"column": "Finish", "date": "%d.%m.%Y"}}}]}. All of it stands in docs/import.md.'
)
UNITS = (("days", lazy("days")), ("hours", lazy("hours")), ("minutes", lazy("minutes")))


class ManyFiles(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Several files at once."""

    def clean(self, data: Any, initial: Any = None) -> list[PostedFile[Any]]:
        files = [super(FilesField, self).clean(one, initial) for one in data or [None]]
        if len(files) > MOST_FILES or sum(file.size or 0 for file in files) > MOST_UPLOADED:
            raise ValidationError(
                _("At most %(files)s files and %(size)s MiB here. Larger ones: ./run manage import_portfolio.")
                % {"files": MOST_FILES, "size": MOST_UPLOADED // MIB},
                code="too_much",
            )
        return files


class FilesForm(forms.Form):
    tables = FilesField(
        label=lazy("Files"),
        widget=ManyFiles(attrs={"accept": ",".join((".gz", *SUFFIXES))}),
        help_text=lazy(
            "CSV, Excel or JSON: programs, milestones, dependencies, risks, KPIs …, one file or sheet each."
        ),
    )
    mapping = forms.ModelChoiceField(
        ImportMapping.objects.none(),
        required=False,
        empty_label=lazy("None"),
        help_text=lazy("Saved from an earlier import. Not needed where columns have our names; else you choose next."),
    )

    def __init__(self, *args: Any, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["mapping"]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101  # narrows the type of a field named above
        field.queryset = ImportMapping.objects.visible_to(by).order_by("name", "id")


class ImportForm(forms.Form):
    """The last question before an import: why promised dates move, where some do."""

    cause = forms.ModelChoiceField(
        SlipCause.objects.filter(retired_on=None).order_by("position", "id"),
        required=False,
        empty_label=lazy("No promised date moves"),
        label=lazy("Why promised dates move"),
        help_text=lazy("Asked once for the whole import."),
    )


class MappingNameForm(forms.Form):
    name = forms.CharField(max_length=120, label=lazy("Save this mapping as"))


class MappingField(forms.CharField):
    """A mapping as JSON text."""

    widget = forms.Textarea(attrs={"rows": 24, "class": "mono", "spellcheck": "false"})

    def prepare_value(self, value: Any) -> Any:
        return value if value is None or isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return text
        try:
            parse(text)
        except Refusal as refusal:
            raise ValidationError(refusal.reason, code="mapping") from refusal
        return json.loads(text)


class MappingForm(RecordForm):
    model = ImportMapping
    names = ("name", "mapping")
    mapping = MappingField(help_text=AS_TEXT)


class WholeMappingForm(forms.Form):
    """The mapping of an upload as text, for what the choices above cannot say."""

    mapping = MappingField(label=lazy("The mapping as JSON"), help_text=AS_TEXT)


class Section(NamedTuple):
    """What the page shows of one table and one noun."""

    title: str
    noun: Noun | None
    choose: forms.BoundField
    fields: list[forms.BoundField]
    options: list[forms.BoundField]


class Part(NamedTuple):
    """One table as one noun: ``spec`` is that part of the mapping, as JSON."""

    table: Table
    spec: dict[str, Any]


class ColumnsForm(forms.Form):
    """For each table: what its rows are, and which column goes into which field.

    What a mapping says beyond a plain column (templates, joins, filters) is offered as “as the mapping says” and kept.
    """

    def __init__(
        self, data: QueryDict | Mapping[str, Any] | None, *, tables: Sequence[Table], mapping: Mapping[str, Any]
    ) -> None:
        super().__init__(data)
        self.original = mapping
        self.parts = _parts(tables, mapping)
        for index, part in enumerate(self.parts):
            self._add(index, part)

    def _add(self, index: int, part: Part) -> None:
        noun = NOUNS.get(part.spec.get("noun", ""))
        nouns = [(name, name.replace("_", " ")) for name in NOUNS]
        self.fields[f"{index}-noun"] = forms.ChoiceField(
            label=_("Its rows are"),
            required=False,
            choices=[("", _("not imported")), *nouns],
            initial=noun.name if noun else "",
        )
        if noun is None:
            return
        given = part.spec["fields"]
        columns = [(f":{column}", column) for column in part.table.columns]
        for field in noun.fields:
            source = given.get(field.name)
            column = source if isinstance(source, str) else (source or {}).get("column")
            kept = [] if source is None or column in part.table.columns else [(KEEP, _("as the mapping says"))]
            self.fields[f"{index}-{field.name}"] = forms.ChoiceField(
                label=field.label,
                required=False,
                choices=[("", "–"), *kept, *columns],
                initial=f":{column}" if column in part.table.columns else (KEEP if source else ""),
                help_text=_help(field),
            )
            if field.choices and column in part.table.columns:
                self._add_words(index, part.table, field, str(column), source)
        kinds = {field.kind for field in noun.fields}
        sources = [source for source in given.values() if isinstance(source, dict)]
        if kinds & {Kind.DAY, Kind.TARGET}:
            dates = [one for source in sources for one in _listed(source.get("date"))]
            self.fields[f"{index}-days"] = forms.ChoiceField(
                label=_("Days are written"),
                required=False,
                choices=[*DAYS_WRITTEN, *((one, one) for one in dates if one not in dict(DAYS_WRITTEN))],
                initial=dates[0] if dates else "",
            )
        if kinds & {Kind.WORK, Kind.LAG}:
            units = [source["unit"] for source in sources if "unit" in source]
            self.fields[f"{index}-unit"] = forms.ChoiceField(
                label=_("Work is in"), choices=UNITS, initial=units[0] if units else "days"
            )

    def _add_words(self, index: int, table: Table, field: Field, column: str, source: Any) -> None:
        """A choice for each word in a column whose words are not ours."""
        words = dict.fromkeys(row.cells.get(column, "").strip() for row in table.rows)
        words.pop("", None)
        known = {name.casefold(): str(value) for value, label in _choices(field) for name in (value, label)}
        said = source.get("values", {}) if isinstance(source, dict) else {}
        if len(words) > MOST_WORDS or all(word.casefold() in known for word in words):
            return
        for number, word in enumerate(words):
            self.fields[f"{index}-{field.name}-{number}"] = forms.ChoiceField(
                label=_("%(field)s where %(column)s is “%(word)s”")
                % {"field": field.label, "column": column, "word": word[:60]},
                required=False,
                choices=[("", _("refuse the row")), *_choices(field)],
                initial=said.get(word) or said.get("*") or known.get(word.casefold(), ""),
            )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        for index, part in enumerate(self.parts):
            noun = NOUNS.get(cleaned.get(f"{index}-noun", ""))
            for name in noun.required if noun and noun.name == part.spec.get("noun") else ():
                if not cleaned.get(f"{index}-{name}"):
                    self.add_error(f"{index}-{name}", _("Choose the column: these rows cannot be without it."))
        return cleaned

    @property
    def sections(self) -> list[Section]:
        found = []
        for index, part in enumerate(self.parts):
            noun = NOUNS.get(part.spec.get("noun", ""))
            names = [name for name in self.fields if name.startswith(f"{index}-") and name != f"{index}-noun"]
            options = [f"{index}-days", f"{index}-unit"]
            found.append(
                Section(
                    title=part.table.name,
                    noun=noun,
                    choose=self[f"{index}-noun"],
                    fields=[self[name] for name in names if name not in options],
                    options=[self[name] for name in options if name in names],
                )
            )
        return found

    @property
    def names_new(self) -> bool:
        """Whether a table was given a noun only now: its fields are the next question."""
        nouns = ((self.cleaned_data[f"{index}-noun"], part.spec.get("noun")) for index, part in enumerate(self.parts))
        return any(noun and noun != before for noun, before in nouns)

    def mapping(self) -> dict[str, Any]:
        """The mapping chosen, as JSON. A table whose noun was only now chosen takes the columns of our own names."""
        parts = []
        for index, part in enumerate(self.parts):
            noun = NOUNS.get(self.cleaned_data[f"{index}-noun"])
            if noun is None:
                continue
            if noun.name != part.spec.get("noun"):
                parts.append({"noun": noun.name, "files": literal(part.table.name), "fields": guess(noun, part.table)})
                continue
            fields = {}
            for field in noun.fields:
                if source := self._source(index, part, field):
                    fields[field.name] = source
            parts.append({**part.spec, "fields": fields})
        return {"name": self.original.get("name", "columns"), "tables": parts}

    def _source(self, index: int, part: Part, field: Field) -> Any:
        chosen = self.cleaned_data[f"{index}-{field.name}"]
        before = part.spec["fields"].get(field.name)
        if not chosen:
            return None
        if chosen == KEEP:
            return before
        column = chosen[1:]
        same = isinstance(before, dict) and before.get("column") == column
        source = dict(before) if same else {}
        source |= {"column": column}
        words = [row.cells.get(column, "").strip() for row in part.table.rows] if field.choices else []
        for number, word in enumerate(dict.fromkeys(word for word in words if word)):
            if value := self.cleaned_data.get(f"{index}-{field.name}-{number}"):
                source.setdefault("values", {})[word] = value
        if field.kind in (Kind.DAY, Kind.TARGET):
            source.pop("date", None)
            if days := self.cleaned_data.get(f"{index}-days"):
                source["date"] = days
        if field.kind in (Kind.WORK, Kind.LAG) and (unit := self.cleaned_data.get(f"{index}-unit")):
            source["unit"] = unit
        return column if source == {"column": column} else source


def _parts(tables: Sequence[Table], mapping: Mapping[str, Any]) -> list[Part]:
    """The mapping's parts that match a table, then the tables that no part names."""
    found, named = [], set()
    parsed = parse(json.dumps(mapping)).tables if mapping.get("tables") else ()
    for spec, part in zip(mapping.get("tables", []), parsed, strict=True):
        for table in tables:
            if part.matches(table):
                found.append(Part(table, spec))
                named.add(table.name)
                break
    return found + [Part(table, {}) for table in tables if table.name not in named]


def _help(field: Field) -> str:
    said = "" if field.kind is Kind.TEXT and not field.refers_to else field.says.capitalize()
    return (_("Needed. %(said)s") % {"said": said}).strip() if field.required else said


def _choices(field: Field) -> list[tuple[str, str]]:
    return [(str(value), str(label)) for value, label in field.choices.choices] if field.choices else []


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or [])


# What other tools call our fields; enough to save most of the choosing.
ALIASES = {
    "external_key": ("id", "key", "issue key", "number", "uid", "code", "ref", "reference", "task_code", "activity id"),
    "name": ("title", "summary", "subject", "task", "task name", "activity name", "project name"),
    "title": ("name", "summary", "subject"),
    "program": ("project", "project key", "program key", "project name"),
    "target_on": ("due", "due date", "target", "finish", "end", "deadline"),
    "done_on": ("resolved", "actual finish", "completed", "done", "closed"),
    "started_on": ("actual start", "started"),
    "not_before_on": ("start", "start date"),
    "work_likely": ("duration", "work", "effort", "original estimate", "estimate"),
    "remaining": ("remaining estimate", "remaining work"),
    "state": ("status",),
    "kind": ("type", "link type"),
    "lag": ("delay",),
    "predecessor": ("from", "from_task"),
    "successor": ("to", "to_task"),
    "owner": ("assignee",),
    "lead": ("owner", "project lead", "manager"),
    "owning_team": ("team",),
    "raised_on": ("created", "raised"),
    "closed_on": ("resolved", "closed"),
    "due_on": ("due", "due date"),
    "note": ("description", "notes", "comment"),
    "summary": ("description",),
    "value": ("measurement",),
    "on": ("date", "day"),
}


def guess(noun: Noun, table: Table) -> dict[str, str]:
    """The columns that probably go into a noun's fields, each used once; required ones are always there."""
    left = {column.strip().lower().replace("_", " "): column for column in table.columns}
    found: dict[str, str] = {}
    for names in (lambda f: (f.name,), lambda f: ALIASES.get(f.name, ())):
        for field in noun.fields:
            for name in names(field):
                if field.name not in found and (column := left.pop(name.replace("_", " "), None)):
                    found[field.name] = column
    for name in noun.required:
        found.setdefault(name, table.columns[0])
    return {field.name: found[field.name] for field in noun.fields if field.name in found}
