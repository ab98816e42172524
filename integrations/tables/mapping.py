"""The mapping file: which table holds which noun, and which column goes into which field."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any

from django.utils.translation import gettext as _

from integrations.tables.nouns import NOUNS
from integrations.tables.reading import Refusal, Row, Table
from programs.models import Precision

IN_BRACES = re.compile(r"\{([^{}]+)\}")
MOST_TIMES = 1_000_000
# Written in JSON, and no backslash before such letters.
NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
UNITS = ("days", "hours", "minutes")


@dataclass(frozen=True)
class Source:
    """Where a field's value comes from, and how its text is read."""

    column: str = ""
    template: str = ""
    constant: str | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    default: str = ""
    separator: str = ""
    count: bool = False
    times: Decimal = Decimal(1)
    date: tuple[str, ...] = ()
    precision: str = ""
    unit: str = "days"
    decimal: str = "."
    cut: int = 0

    @property
    def columns(self) -> list[str]:
        return [self.column] if self.column else IN_BRACES.findall(self.template)

    @property
    def named(self) -> str:
        """The column, for a refusal."""
        return self.column or ", ".join(self.columns)


@dataclass(frozen=True)
class Join:
    """Another table whose columns are added, under a prefix, where a column of it equals one of ours."""

    files: str
    column: str
    to: str
    prefix: str

    def matches(self, table: Table) -> bool:
        return fnmatchcase(table.name.lower(), self.files.lower())


@dataclass(frozen=True)
class TableMapping:
    noun: str
    files: str
    fields: Mapping[str, Source]
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unless: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    each: tuple[str, str] | None = None
    join: Join | None = None
    distinct: bool = False
    skip_unknown: bool = False
    last_is_end: bool = False

    def matches(self, table: Table) -> bool:
        """Whether the pattern names this file, or this sheet of it; case does not matter."""
        pattern = self.files.lower()
        return fnmatchcase(table.file.lower(), pattern) or fnmatchcase(table.name.lower(), pattern)


@dataclass(frozen=True)
class PortfolioMapping:
    name: str
    tables: tuple[TableMapping, ...]


def parse(text: str, file: str = "mapping") -> PortfolioMapping:
    """Read a mapping file. Raises Refusal naming the place in it."""
    try:
        document = json.loads(text)
        mapping = _Reader(file).mapping(document)
        # What a mapping may say and PostgreSQL's JSON may not hold.
        said = json.dumps(document, ensure_ascii=False, allow_nan=False)
        said.encode()  # half a character is no text
    except (ValueError, RecursionError) as broken:
        raise Refusal(_("The mapping is not valid JSON: %(broken)s.") % {"broken": broken}, file=file) from broken
    if NUL.search(said):
        raise Refusal(_("The mapping holds a character that is no text: \\u0000."), file=file)
    return mapping


def names_file(mapping: PortfolioMapping, file: str) -> bool:
    """Whether a mapping may read this file or a sheet in it: others need not be opened."""
    patterns = [part.files for part in mapping.tables] + [part.join.files for part in mapping.tables if part.join]
    return any(
        fnmatchcase(file.lower(), part)
        for pattern in patterns
        for part in (pattern.lower(), pattern.lower().rpartition("/")[0])
    )


def own_columns(tables: list[Table]) -> PortfolioMapping:
    """The mapping of tables that carry our own names: of the noun in the file or sheet, of fields in the columns."""
    found = []
    for table in tables:
        noun = NOUNS.get(table.stem)
        if noun:
            by_name = {column.strip().lower().replace(" ", "_"): column for column in table.columns}
            fields = {f.name: Source(column=by_name[f.name]) for f in noun.fields if f.name in by_name}
            found.append(TableMapping(noun.name, literal(table.name), fields))
    return PortfolioMapping(_("our own column names"), tuple(found))


def literal(name: str) -> str:
    """A pattern that matches this name alone."""
    return re.sub(r"([*?\[])", r"[\1]", name)


def rows_meant(mapping: TableMapping, table: Table, others: list[Table]) -> Iterator[Row]:
    """The table's rows that the mapping means: joined, filtered, and one for each listed value where asked."""
    joined = _joined(mapping.join, others) if mapping.join else {}
    for row in table.rows:
        cells = row.cells
        if mapping.join:
            cells = {**joined.get(cells.get(mapping.join.to, ""), {}), **cells}
        if any(cells.get(column, "").strip() not in wanted for column, wanted in mapping.where.items()):
            continue
        if any(cells.get(column, "").strip() in unwanted for column, unwanted in mapping.unless.items()):
            continue
        if mapping.each:
            column, separator = mapping.each
            for part in split(cells.get(column, ""), separator):
                yield Row(row.number, {**cells, column: part})
        else:
            yield Row(row.number, cells)


def _joined(join: Join, others: list[Table]) -> dict[str, dict[str, str]]:
    for table in others:
        if join.matches(table):
            return {
                row.cells.get(join.column, ""): {f"{join.prefix}{name}": cell for name, cell in row.cells.items()}
                for row in table.rows
            }
    raise Refusal(
        _("The mapping joins %(files)s, which is not among the files. Add it.") % {"files": join.files}, file=join.files
    )


def split(text: str, separator: str) -> list[str]:
    """The values listed in a cell, between separators or one a line."""
    parts = re.split(f"{re.escape(separator)}|\n" if separator else "\n", text)
    return [part.strip() for part in parts if part.strip()]


def text_of(source: Source, cells: Mapping[str, str]) -> str:
    """The text that a field gets from a row. Raises KeyError for a value that the mapping's ``values`` lack."""
    if source.constant is not None:
        return source.constant
    if source.template:
        used = IN_BRACES.findall(source.template)
        filled = not used or any(cells.get(column, "").strip() for column in used)
        text = IN_BRACES.sub(lambda match: cells.get(match[1], ""), source.template) if filled else ""
    else:
        text = cells.get(source.column, "")
    if source.values and (text.strip() or "" in source.values):
        known = text.strip()
        text = source.values[known] if known in source.values else source.values["*"]
    if source.count:
        text = str(len(split(text, source.separator)))
    if source.cut and len(text) > source.cut:
        text = text[: source.cut - 1] + "…"
    return text if text.strip() else source.default


class _Reader:
    """Checks a mapping's JSON while reading it; says where it is wrong."""

    def __init__(self, file: str) -> None:
        self.file = file

    def refuse(self, place: str, reason: str) -> Refusal:
        return Refusal(f"{place}: {reason}" if place else reason, file=self.file)

    def keys(self, place: str, value: Any, allowed: set[str]) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.refuse(place, _("this should be an object in braces."))
        if unknown := sorted(value.keys() - allowed):
            raise self.refuse(
                place,
                _("“%(unknown)s” is unknown here. Use %(names)s.")
                % {"unknown": unknown[0], "names": ", ".join(sorted(allowed))},
            )
        return value

    def text(self, place: str, value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise self.refuse(place, _("this should be text."))
        return str(value)

    def mapping(self, document: Any) -> PortfolioMapping:
        top = self.keys(_("The mapping"), document, {"name", "about", "tables"})
        tables = top.get("tables")
        if not isinstance(tables, list) or not tables:
            raise self.refuse("tables", _("list at least one table."))
        found = [self.table(f"tables[{index}]", table) for index, table in enumerate(tables)]
        return PortfolioMapping(self.text("name", top.get("name", self.file)), tuple(found))

    def table(self, place: str, value: Any) -> TableMapping:
        allowed = {
            "noun", "files", "fields", "where", "unless", "each", "join", "distinct", "skip_unknown", "last_is_end",
            "about",
        }  # fmt: skip
        table = self.keys(place, value, allowed)
        noun = NOUNS.get(self.text(f"{place}.noun", table.get("noun", "")))
        if noun is None:
            raise self.refuse(f"{place}.noun", _("choose one of %(names)s.") % {"names": ", ".join(NOUNS)})
        files = self.text(f"{place}.files", table.get("files", ""))
        if not files:
            raise self.refuse(f"{place}.files", _("say which file, such as programs.csv or export-*.xlsx/Risks."))
        fields = {
            name: self.source(f"{place}.fields.{name}", source)
            for name, source in self.keys(f"{place}.fields", table.get("fields"), {f.name for f in noun.fields}).items()
        }
        missing = [name for name in noun.required if name not in fields]
        if missing:
            needs = {"noun": noun.singular, "names": _(" and ").join(missing)}
            raise self.refuse(f"{place}.fields", _("a %(noun)s needs %(names)s.") % needs)
        if table.get("last_is_end") and (noun.name != "milestones" or "is_end" in fields or "target_on" not in fields):
            raise self.refuse(f"{place}.last_is_end", _("this is for milestones with a target_on and without is_end."))
        each, join = None, None
        if "each" in table:
            parts = self.keys(f"{place}.each", table["each"], {"column", "separator"})
            each = (
                self.text(f"{place}.each.column", parts.get("column")),
                self.text(f"{place}.each.separator", parts.get("separator", "")),
            )
        if "join" in table:
            parts = self.keys(f"{place}.join", table["join"], {"files", "column", "to", "prefix"})
            join = Join(*(self.text(f"{place}.join.{k}", parts.get(k)) for k in ("files", "column", "to", "prefix")))
        return TableMapping(
            noun=noun.name,
            files=files,
            fields=fields,
            where=self.filter(f"{place}.where", table.get("where", {})),
            unless=self.filter(f"{place}.unless", table.get("unless", {})),
            each=each,
            join=join,
            distinct=self.flag(f"{place}.distinct", table.get("distinct", False)),
            skip_unknown=self.flag(f"{place}.skip_unknown", table.get("skip_unknown", False)),
            last_is_end=self.flag(f"{place}.last_is_end", table.get("last_is_end", False)),
        )

    def flag(self, place: str, value: Any) -> bool:
        if not isinstance(value, bool):
            raise self.refuse(place, _("this is true or false."))
        return value

    def filter(self, place: str, value: Any) -> dict[str, tuple[str, ...]]:
        if not isinstance(value, dict):
            raise self.refuse(place, _("this should be an object in braces: column to the values meant."))
        return {
            column: tuple(
                self.text(f"{place}.{column}", one) for one in (wanted if isinstance(wanted, list) else [wanted])
            )
            for column, wanted in value.items()
        }

    def source(self, place: str, value: Any) -> Source:
        if isinstance(value, str):
            return Source(column=value)
        allowed = {
            "column", "template", "constant", "values", "default", "separator", "count", "times", "date", "precision",
            "unit", "decimal", "cut",
        }  # fmt: skip
        spec = dict(self.keys(place, value, allowed))
        if len(spec.keys() & {"column", "template", "constant"}) != 1:
            raise self.refuse(place, _("give one of column, template or constant."))
        if "values" in spec:
            if not isinstance(spec["values"], dict):
                raise self.refuse(f"{place}.values", _("this should be an object in braces: from value to value."))
            spec["values"] = {k: self.text(f"{place}.values.{k}", v) for k, v in spec["values"].items()}
        if "date" in spec:
            formats = spec["date"] if isinstance(spec["date"], list) else [spec["date"]]
            spec["date"] = tuple(self.text(f"{place}.date", one) for one in formats)
        if "count" in spec:
            spec["count"] = self.flag(f"{place}.count", spec["count"])
        if "times" in spec:
            if isinstance(spec["times"], bool) or not isinstance(spec["times"], int | float):
                raise self.refuse(f"{place}.times", _("this should be a number."))
            times = Decimal(str(spec["times"]))
            if not times.is_finite() or abs(times) > MOST_TIMES:
                raise self.refuse(f"{place}.times", _("this factor is out of any range."))
            spec["times"] = times
        if "cut" in spec and (isinstance(spec["cut"], bool) or not isinstance(spec["cut"], int) or spec["cut"] < 1):
            raise self.refuse(f"{place}.cut", _("this should be a number of characters."))
        if spec.get("precision", "day") not in Precision.values:
            raise self.refuse(
                f"{place}.precision", _("choose one of %(names)s.") % {"names": ", ".join(Precision.values)}
            )
        if spec.get("unit", "days") not in UNITS:
            raise self.refuse(f"{place}.unit", _("choose one of %(names)s.") % {"names": ", ".join(UNITS)})
        if spec.get("decimal", ".") not in (".", ","):
            raise self.refuse(f"{place}.decimal", _("this is a point or a comma."))
        texts = {"column", "template", "constant", "default", "separator"} & spec.keys()
        return Source(**spec | {name: self.text(f"{place}.{name}", spec[name]) for name in texts})
