"""Tables and a mapping made into entries: each row's cells read into the fields of a noun."""

from __future__ import annotations

from django.utils.translation import gettext as _

from integrations.tables.job import Entry, Importing, singular
from integrations.tables.mapping import PortfolioMapping, Source, TableMapping, rows_meant, text_of
from integrations.tables.nouns import NOUNS, Field, Kind, Noun
from integrations.tables.reading import Refusal, Row, Table
from integrations.tables.report import Outcome
from integrations.tables.values import Target, parse
from programs.models import Precision


def entries_of(job: Importing, tables: list[Table], mapping: PortfolioMapping) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = {}
    used: set[str] = set()
    for part in mapping.tables:
        noun = NOUNS[part.noun]
        meant = [table for table in tables if part.matches(table)]
        if not meant:
            job.report.warnings.append(
                _("No file for %(nouns)s: the mapping expects %(files)s.")
                % {"nouns": noun.name.replace("_", " "), "files": part.files}
            )
        for table in meant:
            used.add(table.name)
            try:
                _check_columns(part, table, tables)
                rows = list(rows_meant(part, table, tables))
            except Refusal as refusal:
                job.report.refuse(refusal)
                continue
            seen = set()
            for row in rows:
                entry = _entry(job, noun, part, table, row)
                if part.distinct and entry:
                    identity = tuple(sorted((name, repr(value)) for name, value in entry.values.items()))
                    if identity in seen:
                        continue
                    seen.add(identity)
                if entry:
                    found.setdefault(noun.name, []).append(entry)
            if part.last_is_end:
                _mark_ends([entry for entry in found.get(noun.name, []) if entry.mapping is part])
    if not used and not job.report.refused:
        job.report.refuse(
            Refusal(
                _("The mapping names none of these files.") if mapping.tables else
                _("Nothing says what these rows are. Call the file or sheet %(names)s, or give a mapping.")
                % {"names": ", ".join(NOUNS)},
                file=", ".join(table.name for table in tables[:5]),
            )
        )  # fmt: skip
    for table in tables:
        job.report.warnings += [f"{table.name}: {warning}" for warning in table.warnings if table.name in used]
        if used and table.name not in used and not _is_joined(mapping, table):
            job.report.warnings.append(_("%(table)s is not imported: no mapping names it.") % {"table": table.name})
    return found


def _mark_ends(entries: list[Entry]) -> None:
    """Make the milestone with the latest target each program's end; of several the last row."""
    ends: dict[str, Entry] = {}
    for entry in entries:
        entry.values["is_end"] = False
        target = entry.values.get("target_on")
        before = ends.get(entry.text("program"))
        if target and (before is None or target >= before.values["target_on"]):
            ends[entry.text("program")] = entry
    for entry in ends.values():
        entry.values["is_end"] = True


def _is_joined(mapping: PortfolioMapping, table: Table) -> bool:
    return any(part.join and part.join.matches(table) for part in mapping.tables)


def _check_columns(part: TableMapping, table: Table, tables: list[Table]) -> None:
    """Every column that the mapping reads must be there: a misspelt one would import nothing in silence."""
    noun = NOUNS[part.noun]
    missing = [name for name in noun.required if name not in part.fields]
    if missing:
        raise Refusal(
            _("A %(noun)s needs a column %(names)s. Add it, or map one to it.")
            % {"noun": noun.singular, "names": _(" and ").join(missing)},
            file=table.name,
        )
    wanted = {column for source in part.fields.values() for column in source.columns}
    wanted |= part.where.keys() | part.unless.keys()
    wanted |= {part.each[0]} if part.each else set()
    present = set(table.columns)
    if part.join:
        wanted.add(part.join.to)
        present |= {
            f"{part.join.prefix}{column}" for other in tables if part.join.matches(other) for column in other.columns
        }
    if absent := sorted(wanted - present):
        raise Refusal(
            _("There is no column %(column)s. The columns are: %(names)s.")
            % {"column": absent[0], "names": ", ".join(table.columns[:40])},
            file=table.name,
            column=absent[0],
        )


def _entry(job: Importing, noun: Noun, part: TableMapping, table: Table, row: Row) -> Entry | None:
    """Parse one row; what cannot be read is refused, all of its cells at once."""
    entry = Entry(noun=noun, mapping=part, file=table.name, row=row.number, cells=row.cells, values={})
    texts = {}
    fields: list[tuple[Field, Source]] = [(f, part.fields[f.name]) for f in noun.fields if f.name in part.fields]
    good = True
    for field_, source in fields:
        try:
            texts[field_.name] = text_of(source, row.cells)
        except KeyError:
            job.note(
                entry, Outcome.REFUSED, _("The mapping's “values” do not have this one. Add it there."), field_.name
            )
            good = False
    entry.name = next(
        (texts[n].strip() for n in ("name", "title", "external_key", "key") if texts.get(n, "").strip()), ""
    )
    for field_, source in fields:
        if field_.name not in texts:
            continue
        text = texts[field_.name]
        if field_.required and not text.strip():
            if field_.refers_to and part.skip_unknown:
                job.note(entry, Outcome.SKIPPED, _("It names no %(field)s.") % {"field": singular(field_)}, field_.name)
            else:
                job.note(
                    entry,
                    Outcome.REFUSED,
                    _("A %(noun)s needs a %(field)s.") % {"noun": noun.singular, "field": field_.name},
                    field_.name,
                )
            return None
        try:
            value = parse(field_, text, source)
        except ValueError as wrong:
            job.note(entry, Outcome.REFUSED, str(wrong), field_.name)
            good = False
            continue
        if isinstance(value, Target):
            entry.values[field_.name] = value.on
            if "target_precision" not in part.fields:
                entry.values["target_precision"] = value.precision
        elif field_.kind is Kind.TARGET and "target_precision" not in part.fields:
            entry.values[field_.name] = None
        else:
            entry.values[field_.name] = value
    day, precision = entry.values.get("target_on"), entry.values.get("target_precision")
    if day and precision in Precision.values:
        # The service stores the last day of the period: compare with that.
        entry.values["target_on"] = Precision(precision).last_day(day)
    return entry if good else None
