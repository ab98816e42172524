"""Hostile and broken files: a refusal that says what to do, quickly, in bounded memory, and nothing written."""

from __future__ import annotations

import gzip
import io
import json
import resource
import struct
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from integrations.tables.mapping import parse
from integrations.tables.reading import MOST_COLUMNS, Refusal, read
from milestones.models import Dependency, Milestone
from programs.models import Program
from tests.conftest import SHARED, Api, Cast
from tests.integrations.conftest import Import

HOSTILE = SHARED / "data" / "F_hostile"
Write = Callable[[str, str], Path]

PLAN = {
    "tables": [
        {"noun": "programs", "files": "programs.csv", "fields": {"key": "key", "name": "name"}},
        {
            "noun": "milestones",
            "files": "plan.*",
            "fields": {
                "program": {"constant": "NA4"},
                "external_key": "id",
                "name": "name",
                "work_likely": "duration",
            },
        },
        {
            "noun": "dependencies",
            "files": "plan.*",
            "each": {"column": "predecessors", "separator": ","},
            "fields": {"program": {"constant": "NA4"}, "predecessor": "predecessors", "successor": "id"},
        },
    ]
}


@pytest.mark.skipif(not HOSTILE.is_dir(), reason=f"no hostile files at {HOSTILE}")
def test_every_hostile_file_is_refused_in_time(run_import: Import) -> None:
    files = sorted(path for path in HOSTILE.rglob("*") if path.is_file())
    assert files
    for path in files:
        started = time.monotonic()
        result = run_import(path)
        assert time.monotonic() - started < 5, path
        assert (result.code, result.refused) == (1, 1), path
        assert path.name in result.said, path
        assert "Traceback" not in result.said
    assert not Program.objects.exists()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 1_000_000  # kB


@pytest.fixture
def plan(table: Write) -> Callable[[str], list[Path]]:
    mapping = table("mapping.json", json.dumps(PLAN))
    programs = table("programs.csv", "key,name\nNA4,Region NA-4\n")

    def write(text: str) -> list[Path]:
        return [mapping, programs, table("plan.csv", text)]

    return write


def test_loops_are_refused_by_name(run_import: Import, plan: Callable[[str], list[Path]]) -> None:
    mapping, *files = plan("id,name,duration,predecessors\n1,a,5,3\n2,b,5,1\n3,c,5,2\n")
    result = run_import(*files, mapping=mapping)
    assert result.code == 1
    assert result.of("dependencies") == {"refused": 3}
    assert "NA4 b → NA4 c → NA4 a → NA4 b" in result.said
    assert not Milestone.objects.exists()


def test_a_milestone_that_waits_for_itself_is_refused(run_import: Import, plan: Callable[[str], list[Path]]) -> None:
    mapping, *files = plan("id,name,duration,predecessors\n1,a,5,1\n")
    result = run_import(*files, mapping=mapping)
    assert result.of("dependencies") == {"refused": 1}
    assert "cannot wait for itself" in result.said


def test_a_loop_through_what_is_there_is_refused(run_import: Import, plan: Callable[[str], list[Path]]) -> None:
    mapping, *files = plan("id,name,duration,predecessors\n1,a,5,\n2,b,5,1\n")
    assert run_import(*files, mapping=mapping).code == 0
    mapping, *files = plan("id,name,duration,predecessors\n1,a,5,2\n2,b,5,1\n")
    result = run_import(*files, mapping=mapping)
    assert result.of("dependencies") == {"unchanged": 1, "refused": 1}
    assert Dependency.objects.count() == 1


def test_impossible_work_is_refused_row_by_row(run_import: Import, plan: Callable[[str], list[Path]]) -> None:
    mapping, *files = plan(
        "id,name,duration,predecessors\n1,a,-5,\n2,b,1e308,\n3,c,NaN,\n4,d,inf,\n5,e,,\n6,f,99999,\n"
    )
    result = run_import(*files, mapping=mapping)
    assert result.of("milestones") == {"created": 1, "refused": 5}
    for row, value in ((2, "-5"), (3, "1e308"), (4, "NaN"), (5, "inf"), (7, "99999")):
        assert f"row {row}, column duration" in result.said
        assert repr(value) in result.said


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("03/04/2025", "Day or month first?"),
        ("2025-13-01", "no such day"),
        ("2025-02-30", "no such day"),
        ("31/02/2025", "Day or month first?"),
        ("45000", "Excel's number"),
        ("9999-12-31", "outside of 1950"),
        ("0001-01-01", "outside of 1950"),
        ("soon", "2026-03-31"),
    ],
)
def test_ambiguous_days_are_refused(run_import: Import, table: Write, text: str, says: str) -> None:
    result = run_import(table("programs.csv", f"key,name,target_on\nNA4,Region,{text}\n"))
    assert result.of("programs") == {"refused": 1}
    assert says in result.said


# -- files made here -------------------------------------------------------------------------------------------------


def _workbook(*rows: list[object], title: str = "Programs") -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    for row in rows:
        sheet.append(row)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def _replaced(workbook: bytes, part: str, content: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook)) as before, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as after:
        for name in before.namelist():
            after.writestr(name, content if name == part else before.read(name))
    return target.getvalue()


GOOD = _workbook(["key", "name"], ["NA4", "Region"])
SHEET = "xl/worksheets/sheet1.xml"
ENTITY = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><worksheet>&a;</worksheet>'


def _old_archive_says_small(workbook: bytes) -> bytes:
    """A part that claims ten bytes and unpacks to more."""
    at = workbook.index(b"PK\x01\x02")
    return workbook[: at + 24] + struct.pack("<I", 10) + workbook[at + 28 :]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", b"", "empty"),
        ("a.csv", b"\n\n \n", "empty"),
        ("a.csv", b"key,name\n", "no rows"),
        ("a.csv", b'key,name\n"A,unclosed\n', "quote"),
        ("a.csv", b'key,name\n"A"x,b\n', "quote"),
        ("a.csv", b"key,name\nA,b,c\n", "Quote cells"),
        ("a.csv", b"k\xe4y\x81,name\nA,b\n", "unknown encoding"),
        ("a.csv", b"key,name\nA,\0\n", "null character"),
        ("a.csv", b"key,name\nA," + b"x" * 500_000 + b"\n", "no end"),
        ("a.csv", b"key,name\nA," + b"x" * 200_000 + b"\n", "cannot be read"),
        ("a.csv", b"key," + b"c," * MOST_COLUMNS + b"\n", "columns"),
        ("a.csv", b"<html><table></table></html>", "web page"),
        ("a.csv.gz", b"not packed", "damaged"),
        ("a.csv.gz", gzip.compress(gzip.compress(b"key,name\nA,b\n")), "twice"),
        ("a.csv.gz", gzip.compress(b"0," * 4_000_000), "unpacks"),
        ("a.csv.gz", gzip.compress(b"key,name\nA,b\n" * 99)[:-9], "damaged"),
        ("a.xlsx", b"key,name\nA,b\n", "something else"),
        ("a.xlsx", b"\xd0\xcf\x11\xe0" + bytes(512), "password"),
        ("a.xlsx", GOOD[:-40], "damaged"),
        ("a.xlsx", _replaced(GOOD, SHEET, b"<worksheet>" + b" " * 30_000_000), "unpacks"),
        ("a.xlsx", _replaced(GOOD, SHEET, b"<worksheet><sheetData><row"), "damaged"),
        ("a.xlsx", _replaced(GOOD, SHEET, ENTITY), "entities"),
        ("a.xlsx", _replaced(GOOD, SHEET, b" " * 5000 + ENTITY[21:]), "damaged"),
        ("a.xlsx", _old_archive_says_small(GOOD), "damaged"),
        ("a.xlsx", _workbook(["key", "name"]), "no rows"),
        ("a.zip", GOOD, "not read"),
        ("a.csv", GOOD.replace(b"xl/workbook.xml", b"xl/workbonk.xml"), "archive"),
        ("a.json", b"[" * 100_000, "cannot be read"),
        ("a.json", b'[{"key": "\\ud800"}]', "cannot be read"),
        ("a.json", b'[{"a": "' + b"x" * 17_000_000, "more than 16 MiB"),
        ("a.json", b'["a", "b"]', "list of objects"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "",
)
def test_a_file_that_is_no_table_is_refused(name: str, content: bytes, says: str) -> None:
    started = time.monotonic()
    with pytest.raises(Refusal, match=says):
        read(name, io.BytesIO(content))
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("text", [r"\u0000", r"\\\u0000", r"\ud800"])
def test_a_mapping_holds_text_alone(cast: Cast, api: type[Api], sign_in: Any, text: str) -> None:
    """In a column's name, a value, or a remark that nothing reads: the database could not keep it."""
    plain = {"tables": [{"noun": "programs", "files": "p.csv", "fields": {"key": "k", "name": "n"}}], "about": "here"}
    for place in ('"k"', '"here"'):
        mapping = json.dumps(plain).replace(place, f'"{text}"')
        page = sign_in(cast.admin).post("/import/mappings/new", {"name": "Jira", "mapping": mapping})
        assert (page.status_code, "mapping" in page.context["form"].errors) == (422, True)
        body = f'{{"files": [{{"name": "p.csv", "text": "k,n\\n"}}], "mapping": {mapping}}}'
        answer = api(cast.admin).client.post("/api/v1/imports", body, content_type="application/json")
        assert answer.status_code in (400, 422)
    parse(json.dumps(plain).replace("here", r"C:\\u0000"))  # a backslash, and what follows it
    with pytest.raises(Refusal):
        parse(json.dumps(plain).replace('"here"', "NaN"))
