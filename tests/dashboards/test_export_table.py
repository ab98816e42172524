"""The portfolio's table as CSV and XLSX: what is seen, no more, and nothing that a spreadsheet would carry out."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from openpyxl import load_workbook

from people import export
from people.models import User
from programs.models import Program
from tests.conftest import SHARED

if TYPE_CHECKING:
    from tests.conftest import Cast

Portfolio = Callable[[int, list[User]], list[Program]]
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "=cmd|' /C calc'!A0", "＝1+1", '=HYPERLINK("http://x")']


def sheet(content: bytes) -> Any:
    return load_workbook(io.BytesIO(content)).active


def table(client: Any, query: str, kind: str) -> list[dict[str, Any]]:
    response = client.get(f"/?{query}&format={kind}")
    assert response.status_code == 200
    assert response["Content-Type"] == export.KINDS[kind]
    assert response["Content-Disposition"].startswith('attachment; filename="portfolio-')
    if kind == "csv":
        return list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"), newline="")))
    head, *rows = sheet(response.content).iter_rows(values_only=True)
    return [dict(zip(map(str, head), row, strict=True)) for row in rows]


def keys_on_pages(client: Any, query: str) -> list[str]:
    page = client.get(f"/?{query}")
    pages = [page, *(client.get(f"/?{query}&page={n}") for n in range(2, page.context["page"].paginator.num_pages + 1))]
    return [line.program.key for one in pages for _, some in one.context["sections"] for line, *_ in some]


@pytest.mark.parametrize("kind", export.KINDS)
@pytest.mark.parametrize(
    "query",
    ["sort=name", "view=attention&sort=-slip", "group=area&sort=risk", "health=off_track&q=program", "q=zeppelin"],
)
def test_it_is_what_is_seen_on_all_pages(
    kind: str, query: str, cast: Cast, sign_in: Any, portfolio_of: Portfolio
) -> None:
    portfolio_of(60, [cast.lead])
    client = sign_in(cast.outsider)
    rows = table(client, query, kind)
    assert [row["Key"] for row in rows] == keys_on_pages(client, query)
    assert not any(row["Key"] == "DARK" for row in rows)
    lines = {line.program.key: line for _, some in client.get(f"/?{query}").context["sections"] for line, *_ in some}
    for row in rows[: len(lines)]:
        line = lines[row["Key"]]
        assert row["Derived health"] == line.derived.label
        assert str(row["P80 slip, days"] or "0") == str(line.slip or 0)
        if line.p80_on:
            on = row["P80"].date() if isinstance(row["P80"], datetime) else row["P80"]
            assert str(on) == str(line.p80_on)
    assert ("Area" in rows[0]) == ("group" in query) if rows else True


def test_a_day_in_the_past_leaves_out_what_is_not_kept(cast: Cast, sign_in: Any) -> None:
    client = sign_in(cast.lead)
    assert "Top risk" in table(client, "sort=name", "csv")[0]
    response = client.get("/?as_of=2026-01-01&format=csv")
    assert "Top risk" not in response.content.decode()
    assert 'filename="portfolio-2026-01-01.csv"' in response["Content-Disposition"]


def hostile() -> list[str]:
    found = list(FORMULAS)
    for name in ("naughty_strings.json", "xss_strings.json"):
        path = SHARED / "data" / "F_hostile" / name
        if path.exists():
            found += [text for text in json.loads(path.read_text()) if isinstance(text, str)]
    # A name is of one line, is not blank, and holds no NUL: the service refuses or trims the rest.
    return [text[:200] for text in found if text.strip() and "\0" not in text]


def test_hostile_names_stay_text(cast: Cast, sign_in: Any) -> None:
    names = hostile()
    Program.objects.bulk_create(
        Program(key=f"H{n}", name=name, area=name[:120], lead=cast.lead) for n, name in enumerate(names)
    )
    client = sign_in(cast.outsider)
    book = {row["Key"]: row for row in table(client, "q=h&group=area", "xlsx")}
    plain = {row["Key"]: row for row in table(client, "q=h&group=area", "csv")}
    assert book.keys() == plain.keys() >= {f"H{n}" for n in range(len(names))}
    for n, name in enumerate(names):
        told = plain[f"H{n}"]["Program"]
        assert not told.startswith(export.FORMULA)
        assert told == (f"'{name}" if name.startswith(export.FORMULA) else name)
        # XML reads a carriage return as a line's end, and has no control characters.
        shown = export.NOT_IN_XML.sub("", name).replace("\r\n", "\n").replace("\r", "\n")
        assert book[f"H{n}"]["Program"] == (shown or None)


def test_no_cell_is_a_formula() -> None:
    made = sheet(export.workbook(["Name", "Number"], [[text, -3] for text in FORMULAS]))
    cells = [row[0] for row in made.iter_rows(min_row=2)]
    assert [cell.data_type for cell in cells] == ["s"] * len(FORMULAS)
    assert all(cell.quotePrefix for cell in cells)
    assert [row[1].value for row in made.iter_rows(min_row=2)] == [-3] * len(FORMULAS)
