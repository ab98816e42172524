"""Tables as people save them: encodings, separators, quotes, workbooks."""

from __future__ import annotations

import gzip
import io
import json
from datetime import date, datetime
from pathlib import Path

import pytest
from openpyxl import Workbook

from integrations.tables.reading import Table, read
from tests.conftest import SHARED

SPECTRUM = SHARED / "data" / "F_hostile" / "csv_spectrum"


def _read(content: bytes, name: str = "programs.csv") -> Table:
    [table] = read(name, io.BytesIO(content))
    return table


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_encodings_are_found(encoding: str) -> None:
    text = "key,name\nNA4,Café “Zürich”\n"
    marks = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}
    table = _read(marks.get(encoding, b"") + text.encode(encoding))
    assert table.columns == ["key", "name"]
    assert table.rows[0].cells == {"key": "NA4", "name": "Café “Zürich”"}
    assert bool(table.warnings) == (encoding == "cp1252")


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separators_are_found(separator: str) -> None:
    text = f"key;name,note\tand|more\nA{separator}b".replace(";", separator).replace(",", separator)
    table = _read(text.replace("\t", separator).replace("|", separator).encode())
    assert table.columns == ["key", "name", "note", "and", "more"]


def test_a_separator_inside_quotes_does_not_mislead() -> None:
    table = _read(b'key;name\nA;"x, y, z"\nB;"1, 2, 3"\n')
    assert [row.cells["name"] for row in table.rows] == ["x, y, z", "1, 2, 3"]


def test_one_column_is_a_table() -> None:
    assert [row.cells for row in _read(b"name\nOne\n\nTwo words\n").rows] == [{"name": "One"}, {"name": "Two words"}]


def test_packed_tables_are_unpacked() -> None:
    assert _read(gzip.compress(b"key\nA\n"), "programs.csv.gz").rows[0].cells == {"key": "A"}


def test_repeated_columns_hold_a_value_a_line() -> None:
    assert _read(b"key,tag,tag,tag\nA,x,,y\n").rows[0].cells == {"key": "A", "tag": "x\ny"}


@pytest.mark.skipif(not SPECTRUM.is_dir(), reason=f"no tables at {SPECTRUM}")
def test_the_csv_spectrum_is_read_as_its_authors_say() -> None:
    for path in sorted(SPECTRUM.glob("*.csv")):
        expected = json.loads(path.with_suffix(".json").read_text())
        rows = [row.cells for row in _read(path.read_bytes(), path.name).rows]
        plain = [{name: cell.replace("\r\n", "\n") for name, cell in row.items()} for row in rows]
        assert plain == expected, path.name


def test_workbooks_give_a_table_a_sheet_with_values_for_formulas() -> None:
    book = Workbook()
    first = book.active
    assert first is not None
    first.title = "Programs"
    first.append([])
    first.append(["key", "name", "target_on", "rank", "share", "private"])
    first.append(["NA4", "=1+1", date(2027, 3, 31), 3.0, 0.25, True])
    first.append([7, "Later", datetime(2027, 3, 31, 15, 30), None, None, None])
    book.create_sheet("Empty")
    target = io.BytesIO()
    book.save(target)
    [table] = read("plan.xlsx", io.BytesIO(target.getvalue()))
    assert (table.name, table.stem) == ("plan.xlsx/Programs", "programs")
    # A formula that no program has computed yet has no value.
    assert table.rows[0].number == 3
    assert table.rows[0].cells == {
        "key": "NA4", "name": "", "target_on": "2027-03-31", "rank": "3", "share": "0.25", "private": "yes"
    }  # fmt: skip
    assert table.rows[1].cells["key"] == "7"
    assert table.rows[1].cells["target_on"] == "2027-03-31T15:30:00"


@pytest.mark.parametrize("name", ["milestones.csv", "Milestones.CSV", "milestones.csv.gz", "milestones.tsv"])
def test_the_name_of_a_file_says_the_noun(name: str) -> None:
    assert Table(file=name).stem == "milestones"


def test_json_objects_are_rows(tmp_path: Path) -> None:
    document = {"A": {"hours": [8, 9], "on": None, "deep": {"x": 1}}, "B": {"hours": []}}
    table = _read(json.dumps(document).encode(), "calendars.json")
    assert table.columns == ["key", "hours", "on", "deep"]
    assert table.rows[0].cells == {"key": "A", "hours": "8\n9", "on": "", "deep": '{"x": 1}'}
