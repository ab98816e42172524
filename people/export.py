"""A table as a file: CSV or XLSX, in which what people typed stays text."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from io import BytesIO
from typing import Any

from django.http import HttpResponse
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font

Cell = str | int | float | date | None
KINDS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
# A spreadsheet takes text that begins so for a formula, the wide forms too where they are typed.
FORMULA = tuple("=+-@\t\r\n＝＋－＠")
# What XML cannot hold.
NOT_IN_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
MOST_CHARACTERS = 32_767  # of a cell in Excel
WIDEST = 60


def file(kind: str, name: str, headings: Sequence[str], rows: Iterable[Sequence[Cell]]) -> HttpResponse:
    """An answer to be saved under a name; ``kind`` is one of ``KINDS``."""
    response = HttpResponse(content_type=KINDS[kind])
    response["Content-Disposition"] = f'attachment; filename="{name}.{kind}"'
    response["Cache-Control"] = "private, no-store"
    if kind == "csv":
        response.write("\ufeff")  # Excel reads a file without this mark in the code page of its machine
        writer = csv.writer(response)
        writer.writerow(headings)
        writer.writerows([harmless(cell) for cell in row] for row in rows)
    else:
        response.write(workbook(headings, list(rows)))
    return response


def exact(value: Decimal | None) -> float | None:
    """A decimal as a cell."""
    return None if value is None else float(value)


def harmless(cell: Cell) -> Cell:
    """A cell of a CSV file: an apostrophe before what would be a formula.

    >>> harmless("=1+1"), harmless("1-1"), harmless(-3)
    ("'=1+1", '1-1', -3)
    """
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell


def workbook(headings: Sequence[str], rows: Sequence[Sequence[Cell]]) -> bytes:
    """The bytes of a workbook with one sheet."""
    book = Workbook(write_only=True)
    sheet: Any = book.create_sheet()
    sheet.freeze_panes = "A2"
    for place, heading in enumerate(headings):
        longest = max((len(str(row[place] or "")) for row in rows), default=0)
        sheet.column_dimensions[chr(ord("A") + place)].width = min(max(len(heading), longest) + 2, WIDEST)
    sheet.append([typed(sheet, heading, bold=True) for heading in headings])
    for row in rows:
        sheet.append([typed(sheet, cell) for cell in row])
    content = BytesIO()
    book.save(content)
    return content.getvalue()


def typed(sheet: Any, value: Any, *, bold: bool = False) -> Any:
    if isinstance(value, str):
        value = NOT_IN_XML.sub("", value)[:MOST_CHARACTERS]
    cell = WriteOnlyCell(sheet, value)
    if isinstance(value, str):
        cell.data_type = "s"  # openpyxl makes a formula of what begins with an equals sign
        cell.quotePrefix = value.startswith(FORMULA)  # and Excel would, once the cell is edited
    if bold:
        cell.font = Font(bold=True)
    return cell
