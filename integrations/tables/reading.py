"""Files of strangers into rows of text, within limits of size, time and memory."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import IO, Any
from xml.etree.ElementTree import ParseError

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from openpyxl import load_workbook

MIB = 1024 * 1024
MOST_BYTES = 64 * MIB
# A document is held in memory as a whole, and takes there a multiple of its length.
MOST_JSON_BYTES = 16 * MIB
MOST_ROWS = 200_000
MOST_COLUMNS = 1_000
MOST_CELLS = 2_000_000
MOST_CELL = 100_000
MOST_SHEETS = 50
MOST_PARTS = 2_000
# No honest table shrinks more than this; what does is a bomb.
MOST_RATIO = 100
HEADER_WITHIN = 100
CHUNK = 256 * 1024
SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".xlsx", ".json")
DELIMITERS = ",;\t|"
# What openpyxl and the parsers below it raise on a damaged or hostile workbook.
BROKEN = (
    ValueError,  # also what defusedxml says of entities, and UnicodeDecodeError
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    ParseError,
    RuntimeError,
    OSError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
)


class Refusal(ValidationError):
    """What is wrong in which file, row and column, with the value found and what to do about it."""

    def __init__(
        self, reason: str, *, file: str = "", row: int | None = None, column: str = "", value: str = ""
    ) -> None:
        super().__init__(reason, code="refused")
        self.reason, self.file, self.row, self.column, self.value = reason, file, row, column, value[:200]


@dataclass(frozen=True)
class Row:
    """A row under the header; ``number`` is the one a spreadsheet shows."""

    number: int
    cells: dict[str, str]


@dataclass
class Table:
    """One CSV file or one sheet. A column that appears several times holds one value a line."""

    file: str
    sheet: str = ""
    columns: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.file}/{self.sheet}" if self.sheet else self.file

    @property
    def stem(self) -> str:
        """What the table is called without its ending: ``milestones`` for ``Milestones.csv.gz``."""
        name = self.sheet or self.file
        if not self.sheet:
            for suffix in sorted(SUFFIXES, key=len, reverse=True):
                name = name[: -len(suffix)] if name.lower().endswith(suffix) else name
        return name.strip().lower().replace(" ", "_").replace("-", "_")


def table_files(paths: Iterable[Path]) -> list[Path]:
    """The files meant: folders stand for the tables directly inside them."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(p for p in path.iterdir() if p.is_file() and p.name.lower().endswith(SUFFIXES))
        elif path.is_file():
            found.append(path)
        else:
            raise Refusal(_("There is no such file or folder. Check the path."), file=str(path))
    if not found:
        raise Refusal(
            _("There is no table here. Give files ending in %(names)s, or a folder with some.")
            % {"names": ", ".join(SUFFIXES)}
        )
    return found


def read(name: str, source: IO[bytes]) -> list[Table]:
    """The tables of one file: one of a CSV or JSON file, one a sheet of a workbook. Raises Refusal."""
    if not name.lower().endswith(SUFFIXES):
        raise Refusal(
            _("This is not read. Give tables ending in %(names)s.") % {"names": ", ".join(SUFFIXES)}, file=name
        )
    head = source.read(8)
    source.seek(0)
    if head.startswith(b"\x1f\x8b") or name.lower().endswith(".gz"):
        with tempfile.SpooledTemporaryFile(max_size=4 * MIB) as unpacked:
            _unpack(name, source, unpacked)
            return _read_plain(name, unpacked)
    return _read_plain(name, source)


def _read_plain(name: str, source: IO[bytes]) -> list[Table]:
    size = source.seek(0, io.SEEK_END)
    source.seek(0)
    most = MOST_JSON_BYTES if ".json" in name.lower() else MOST_BYTES
    if size > most:
        raise Refusal(_("The file holds more than %(most)s MiB. Split it.") % {"most": most // MIB}, file=name)
    head = source.read(512)
    source.seek(0)
    if not head.strip():
        raise Refusal(_("The file is empty. It needs a header row and rows below it."), file=name)
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        raise Refusal(
            _("This is an old or password-protected Excel file. Save it as .xlsx without a password."), file=name
        )
    if head.startswith(b"PK"):
        return _read_workbook(name, source)
    if name.lower().endswith(".xlsx"):
        raise Refusal(
            _("The name says Excel, the content is something else. Open it in Excel and save it as .xlsx."), file=name
        )
    if head.startswith(b"\x1f\x8b"):
        raise Refusal(_("The file is packed twice. Unpack it first."), file=name)
    if head.lstrip().lower().startswith((b"<?xml", b"<!doctype", b"<html", b"%pdf")):
        raise Refusal(_("This is a web page or a document, not a table. Export the table as CSV."), file=name)
    encoding, said = _encoding(name, source)
    source.seek(0)
    text = io.TextIOWrapper(source, encoding=encoding, newline="")
    try:
        table = _read_json(name, text) if ".json" in name.lower() else _read_csv(name, text)
    finally:
        text.detach()
    table.warnings = said + table.warnings
    return [table]


def _unpack(name: str, source: IO[bytes], target: IO[bytes]) -> None:
    packed = source.seek(0, io.SEEK_END)
    source.seek(0)
    if packed > MOST_BYTES:
        raise Refusal(_("The file holds more than %(count)s MiB. Split it.") % {"count": MOST_BYTES // MIB}, file=name)
    size = 0
    try:
        with gzip.GzipFile(fileobj=source) as stream:
            while chunk := stream.read(CHUNK):
                size += len(chunk)
                if size > MOST_BYTES or (size > MIB and size > MOST_RATIO * packed):
                    raise Refusal(
                        _("The file unpacks to far more than it should. Unpack it and look first."), file=name
                    )
                target.write(chunk)
    except (OSError, EOFError, zlib.error) as broken:
        raise Refusal(_("The packed file is damaged. Pack it again."), file=name) from broken
    target.seek(0)


# -- text ------------------------------------------------------------------------------------------------------------


def _encoding(name: str, source: IO[bytes]) -> tuple[str, list[str]]:
    """The encoding that decodes the whole file, and a warning where it is a guess."""
    head = source.read(4096)
    if head.startswith(codecs.BOM_UTF8):
        candidates = ["utf-8-sig"]
    elif head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        candidates = ["utf-16"]
    else:
        candidates = ["utf-8", "cp1252"]
    for encoding in candidates:
        source.seek(0)
        decoder = codecs.getincrementaldecoder(encoding)()
        line = 1
        try:
            while chunk := source.read(CHUNK):
                text = decoder.decode(chunk)
                if (at := text.find("\0")) >= 0:
                    line += text.count("\n", 0, at)
                    raise Refusal(
                        _(
                            "Line %(line)s holds a null character, which no text has. "
                            "Save the table as CSV in UTF-8 again."
                        )
                        % {"line": line},
                        file=name,
                        row=line,
                        value=text[max(0, at - 20) : at + 20].replace("\0", "␀"),
                    )
                line += text.count("\n")
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        if encoding == "cp1252":
            return encoding, [_("Read as Windows-1252, because it is not UTF-8: check letters such as é and ü.")]
        return encoding, []
    raise Refusal(_("The text is in an unknown encoding. Save the table as CSV in UTF-8."), file=name)


def _bounded_lines(name: str, text: IO[str]) -> Iterator[str]:
    """Lines, none of them without end."""
    number = 0
    while line := text.readline(MOST_CELL * 4):
        number += 1
        if len(line) >= MOST_CELL * 4:
            raise Refusal(
                _("This line has no end. Check the file: is it a table?"), file=name, row=number, value=line[:40]
            )
        yield line


def _delimiter(text: IO[str]) -> str:
    """The separator under which the first rows have the most columns, and equally many."""
    start = text.read(CHUNK)
    text.seek(0)
    best, best_score = ",", (0, 0)
    for delimiter in DELIMITERS:
        widths = []
        try:
            for cells in csv.reader(io.StringIO(start, newline=""), delimiter=delimiter):
                if cells:
                    widths.append(len(cells))
                if len(widths) == 20:
                    break
        except csv.Error:
            continue
        if widths and widths[0] > 1:
            score = (sum(width == widths[0] for width in widths), widths[0])
            if score > best_score:
                best, best_score = delimiter, score
    return best


def _read_csv(name: str, text: IO[str]) -> Table:
    reader = csv.reader(_bounded_lines(name, text), delimiter=_delimiter(text), strict=True)
    try:
        return _table(name, "", reader)
    except csv.Error as broken:
        raise Refusal(
            _(
                "Line %(line)s cannot be read (%(broken)s). A quote inside a quoted cell must be doubled, "
                "and each quoted cell closed."
            )
            % {"line": reader.line_num, "broken": broken},
            file=name,
            row=reader.line_num,
        ) from broken


def _read_json(name: str, text: IO[str]) -> Table:
    """A list of objects, or an object of objects whose names become the column ``key``."""
    try:
        document = json.load(text)
        json.dumps(document, ensure_ascii=False).encode()  # half a character, written as \\ud800, ends here
    except (ValueError, RecursionError) as broken:
        raise Refusal(_("This JSON cannot be read. Check it with another program."), file=name) from broken
    if isinstance(document, dict):
        document = [{"key": key, **value} for key, value in document.items() if isinstance(value, dict)]
    if not isinstance(document, list) or not document or not all(isinstance(item, dict) for item in document):
        raise Refusal(_("JSON is read as a list of objects, one a row. This is something else."), file=name)
    columns = list(dict.fromkeys(str(key) for item in document for key in item))
    if len(columns) > MOST_COLUMNS:
        raise Refusal(
            _("The objects have more than %(count)s names. Split the file.") % {"count": MOST_COLUMNS},
            file=name,
        )
    rows = ([_json_text(item.get(column)) for column in columns] for item in document)
    return _table(name, "", iter([columns, *rows]))


def _json_text(value: Any) -> str:
    if isinstance(value, list):
        return "\n".join(_json_text(item) for item in value)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return _text(value)


# -- workbooks -------------------------------------------------------------------------------------------------------


def _read_workbook(name: str, source: IO[bytes]) -> list[Table]:
    try:
        with zipfile.ZipFile(source) as archive:
            parts = archive.infolist()
            if len(parts) > MOST_PARTS:
                raise Refusal(_("This archive has too many parts for a workbook."), file=name)
            if not any(part.filename == "xl/workbook.xml" for part in parts):
                raise Refusal(_("This is an archive, not a table. Unpack it and give the tables inside."), file=name)
            for part in parts:
                if part.flag_bits & 1:
                    raise Refusal(_("The workbook is password-protected. Save it without a password."), file=name)
                if part.file_size > MIB and part.file_size > MOST_RATIO * max(part.compress_size, 1):
                    raise Refusal(_("The workbook unpacks to far more than it should: it is not read."), file=name)
                if part.filename.endswith((".xml", ".rels")):
                    with archive.open(part) as xml:
                        start = xml.read(4096).replace(b"\0", b"").upper()
                    if b"<!DOCTYPE" in start or b"<!ENTITY" in start:
                        raise Refusal(
                            _(
                                "The workbook declares XML entities, which no table needs and attacks use. "
                                "It is not read."
                            ),
                            file=name,
                        )
            if sum(part.file_size for part in parts) > MOST_BYTES:
                raise Refusal(
                    _("The workbook unpacks to more than %(count)s MiB. Split it.") % {"count": MOST_BYTES // MIB},
                    file=name,
                )
        source.seek(0)
        # Looking after styles and extensions that we do not read, openpyxl warns; the reader of the import cannot act.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return list(_sheets(name, source))
    except Refusal:
        raise
    except BROKEN as broken:
        raise Refusal(_("The workbook is damaged. Open it in Excel and save it again."), file=name) from broken


def _sheets(name: str, source: IO[bytes]) -> Iterator[Table]:
    book = load_workbook(source, read_only=True, data_only=True, keep_links=False)
    try:
        if len(book.worksheets) > MOST_SHEETS:
            raise Refusal(
                _("The workbook has more than %(count)s sheets. Split it.") % {"count": MOST_SHEETS},
                file=name,
            )
        empty = []
        for sheet in book.worksheets:
            sheet.reset_dimensions()  # what a file says of its own size may be a lie
            table = _table(name, sheet.title, (map(_text, cells) for cells in sheet.iter_rows(values_only=True)), True)
            if table.columns:
                yield table
            else:
                empty.append(sheet.title)
        if len(empty) == len(book.worksheets):
            raise Refusal(_("The workbook has no rows below a header."), file=name)
    finally:
        book.close()


def _text(value: Any) -> str:
    """A cell as text: days in ISO form, whole numbers without a point."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


# -- rows ------------------------------------------------------------------------------------------------------------


def _table(name: str, sheet: str, lines: Iterator[Iterable[str]], may_be_empty: bool = False) -> Table:
    table = Table(file=name, sheet=sheet)
    where = table.name
    columns: list[str] = []
    repeated: set[str] = set()
    cells_read = 0
    for number, line in enumerate(lines, start=1):
        cells = list(line)
        if len(cells) > MOST_COLUMNS:
            raise Refusal(
                _("There are more than %(count)s columns. Split the table.") % {"count": MOST_COLUMNS},
                file=where,
                row=number,
            )
        if not columns:
            if any(cell.strip() for cell in cells):
                columns = [" ".join(cell.split()) for cell in cells]
                repeated = {column for column in columns if columns.count(column) > 1}
            elif number >= HEADER_WITHIN:
                if may_be_empty:
                    return table
                raise Refusal(
                    _("No header row within the first %(count)s rows. Put it first.") % {"count": HEADER_WITHIN},
                    file=where,
                )
            continue
        if not any(cells):
            continue
        if len(table.rows) >= MOST_ROWS or (cells_read := cells_read + len(cells)) > MOST_CELLS:
            raise Refusal(_("The table is too long. Split it."), file=where, row=number)
        if len(cells) > len(columns) and any(cells[len(columns) :]):
            raise Refusal(
                _("The row has %(cells)s cells, the header %(columns)s. Quote cells that hold the separator.")
                % {"cells": len(cells), "columns": len(columns)},
                file=where,
                row=number,
                value=cells[len(columns)],
            )
        row: dict[str, str] = {}
        for column, cell in zip(columns, cells, strict=False):
            if len(cell) > MOST_CELL:
                raise Refusal(
                    _("More than %(count)s characters. Shorten it.") % {"count": f"{MOST_CELL:,}"},
                    file=where,
                    row=number,
                    column=column,
                )
            if "\0" in cell:
                raise Refusal(
                    _("A null character, which no text has. Remove it."),
                    file=where,
                    row=number,
                    column=column,
                    value=cell.replace("\0", "␀"),
                )
            if column in repeated and row.get(column):
                row[column] = f"{row[column]}\n{cell}" if cell else row[column]
            elif column:
                row[column] = cell
        table.rows.append(Row(number, row))
    if not table.rows:
        if may_be_empty:
            return table
        raise Refusal(_("There are no rows below the header."), file=where)
    table.columns = [column for column in dict.fromkeys(columns) if column]
    return table
