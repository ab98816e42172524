"""Lists: filters, orders, saved views and files, all of it in the address and within what one sees."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from openpyxl import load_workbook

import metrics.services
import people.services
import programs.services
from dashboards.milestones import MILESTONES
from dashboards.objectives import OBJECTIVES, Branch
from dashboards.register import RISKS
from dashboards.teams import TEAMS
from metrics.lists import KPIS
from milestones.services import create_milestone, create_workstream, link
from people.lists import Shape
from risks.lists import ASSUMPTIONS, DECISIONS, ISSUES
from risks.models import Assumption
from risks.services import create_assumption, create_decision, create_issue, create_risk
from tests.conftest import FRIDAY

if TYPE_CHECKING:
    from tests.conftest import Cast

MOST_QUERIES = 25
LISTS: dict[str, Shape] = {
    "/p/NA4/milestones": MILESTONES,
    "/risks": RISKS,
    "/p/NA4/risks": RISKS,
    "/issues": ISSUES,
    "/assumptions": ASSUMPTIONS,
    "/decisions": DECISIONS,
    "/kpis": KPIS,
    "/p/NA4/kpis": KPIS,
    "/objectives": OBJECTIVES,
    "/teams": TEAMS,
}


@pytest.fixture
def log(cast: Cast) -> Cast:
    """Three rows of each noun that differ in everything that can be asked for, and one of each that is hidden."""
    owners = [cast.lead, cast.viewer, None]
    stream = create_workstream(program=cast.na4, by=cast.lead, name="Power")
    for n, owner in enumerate(owners):
        on = FRIDAY + timedelta(days=n * 20 - 10) if n else None
        name = ("Alpha", "Beta =1+1", "Γάμμα 東京 عربي")[n]
        of: dict[str, Any] = {"program": cast.na4, "by": cast.lead, "owner": owner}
        programs.services.create_objective(by=cast.admin, title=name, owner=owner, period_end_on=on)
        people.services.create_team(by=cast.admin, name=name, area=("", "West", "East")[n], capacity_days=n or None)
        create_milestone(**of, today=FRIDAY, name=name, target_on=on, workstream=stream if n else None)
        create_risk(**of, today=FRIDAY, title=name, likelihood_score=n + 1, impact_score=4, review_on=on)
        create_issue(**of, today=FRIDAY, title=name, due_on=on)
        create_assumption(**of, text=name, expires_on=on)
        create_decision(program=cast.na4, by=cast.lead, today=FRIDAY, question=name, decider=owner, decide_by_on=on)
        kpi = metrics.services.create_kpi(
            **of, name=name, unit="MW", limit_value=Decimal(5), direction="up", target_value=Decimal(9 + n)
        )
        if n:
            metrics.services.measure(kpi=kpi, on=FRIDAY, value=Decimal(n * 4), by=cast.lead, today=FRIDAY)
    dark: dict[str, Any] = {"program": cast.dark, "by": cast.lead, "owner": cast.contributor}
    create_risk(**dark, today=FRIDAY, title="Canary risk")
    create_issue(**dark, today=FRIDAY, title="Canary issue")
    create_assumption(**dark, text="Canary assumption")
    return cast


def rows_of(page: Any) -> list[Any]:
    return [(row.objective if isinstance(row, Branch) else row).pk for row in page.context["page"]]


def addresses(client: Any, path: str, shape: Shape) -> Iterator[dict[str, str]]:
    """Every filter with the first and the last value that it offers, and every order both ways."""
    listing = client.get(path).context["listing"]
    for name, options in listing.offered.items():
        yield from ({name: value} for value in {options[0][0], options[-1][0]})
    for sort in shape.sorts:
        yield {"sort": sort}
        yield {"sort": f"-{sort}"}
    yield {"q": "alpha"}
    yield {"q": "東京"}


def test_whatever_is_offered_can_be_asked_for(log: Cast, sign_in: Any) -> None:
    for path in LISTS:
        client = sign_in(log.outsider)
        whole = rows_of(client.get(path))
        assert len(whole) == 3
        for asked in addresses(client, path, LISTS[path]):
            with CaptureQueriesContext(connection) as queries:
                page = client.get(path, asked)
            listing = page.context["listing"]
            assert not listing.refused, asked
            assert len(queries) <= MOST_QUERIES, asked
            assert set(rows_of(page)) <= set(whole), asked
            assert "Canary" not in page.text
            if "sort" in asked:
                assert sorted(rows_of(page)) == sorted(whole), asked
            else:
                assert len(listing.chips) == 1
                assert listing.chips[0][2] == "?"


def test_nobody_types_an_accent_in_a_filter(cast: Cast, sign_in: Any) -> None:
    tomas = people.services.create_user(by=cast.admin, email="t@example.com", name="Tomás Łukasz", password=None)
    programs.services.change_program(program=cast.na4, by=cast.admin, lead=tomas)
    create_milestone(program=cast.na4, by=cast.admin, today=FRIDAY, name="Öffnung", owner=tomas)
    client = sign_in(cast.admin)
    for asked in ({"q": "offnung"}, {"q": "tomas LUKASZ"}, {"owner": "tomas lukasz"}):
        assert len(rows_of(client.get("/p/NA4/milestones", asked))) == 1, asked
    assert client.get("/?q=tomas").context["page"].paginator.count == 1


def test_the_file_is_what_is_seen(log: Cast, sign_in: Any) -> None:
    for path in LISTS:
        client = sign_in(log.outsider)
        heading = LISTS[path].columns[0 if LISTS[path].columns[0][0] != "ID" else 1][0]
        for asked in ({}, {"q": "beta"}, {"sort": "-owner"} if "owner" in LISTS[path].sorts else {"sort": "-name"}):
            page = client.get(path, asked)
            text = client.get(path, asked | {"format": "csv"}).content.decode("utf-8-sig")
            table = list(csv.DictReader(io.StringIO(text, newline="")))
            assert len(table) == len(rows_of(page))
            assert "Canary" not in text
            book = client.get(path, asked | {"format": "xlsx"})
            sheet: Any = load_workbook(io.BytesIO(book.content)).active
            head, *rows = sheet.iter_rows(values_only=True)
            assert [row[head.index(heading)] for row in rows] == [row[heading] for row in table]
            at = [page.text.rindex(row[heading].replace("=1+1", "")) for row in table if row[heading] != "Alpha"]
            assert at == sorted(at)


def test_what_is_not_understood_is_said_and_the_rest_applied(log: Cast, sign_in: Any) -> None:
    for path in LISTS:
        page = sign_in(log.lead).get(
            path, {"sort": "colour", "owner": "99999999999999999999", "kolor": "x", "q": "beta"}
        )
        assert len(rows_of(page)) == 1
        assert "There is no sort “colour”." in page.text
        assert "no filter “kolor”" in page.text
        if "owner" in LISTS[path].filters:
            assert "has the owner “99999999999999999999”." in page.text


def test_hidden_rows_add_to_no_choice(log: Cast, sign_in: Any) -> None:
    for path in ("/risks", "/issues", "/assumptions"):
        seen, unseen = (sign_in(who).get(path).context["listing"].offered for who in (log.viewer, log.outsider))
        assert (str(log.contributor.pk), "Cem Contributor") in seen["owner"]
        assert (str(log.contributor.pk), "Cem Contributor") not in unseen["owner"]
        assert [key for key, _ in unseen["program"]] == ["NA4"]
        assert sign_in(log.outsider).get(path, {"program": "DARK"}).context["listing"].refused


def test_a_list_is_saved_as_a_view_for_everyone(log: Cast, sign_in: Any) -> None:
    asked = {"show": "settled", "owner": "none", "sort": "-text"}
    Assumption.objects.filter(owner=None).update(state="confirmed")
    page = sign_in(log.lead).get("/assumptions", asked | {"page": "1"})
    offer = page.context["saved"]
    assert f'value="{offer.query.replace("&", "&amp;")}"' in page.text
    shared = {"name": "Nobody’s", "path": offer.path, "query": offer.query, "is_shared": "on"}
    sign_in(log.lead).post("/views/new", shared)
    menu = sign_in(log.outsider).get("/assumptions")
    (view,) = menu.context["saved"].views
    assert view.address == f"/assumptions?{urlencode(sorted(asked.items()))}"
    opened = sign_in(log.outsider).get(view.address)
    assert opened.context["saved"].current == view
    assert len(rows_of(opened)) == 1


def test_views_count_what_passes_the_filters(log: Cast, sign_in: Any) -> None:
    page = sign_in(log.lead).get("/issues", {"owner": "me"})
    assert [tab["count"] for tab in page.context["tabs"]] == [1, 0, 1, 0]
    assert all("owner=me" in tab["url"] for tab in page.context["tabs"])
    nothing = sign_in(log.lead).get("/issues?q=zeppelin")
    assert "Nothing matches" in nothing.text
    assert "Clear filters" in nothing.text


def test_hand_offs_are_saved_and_taken_along(log: Cast, sign_in: Any) -> None:
    rows = [
        create_milestone(program=program, by=log.lead, today=FRIDAY, name=f"Step of {program.key}")
        for program in (log.dark, log.na4)
    ]
    link(predecessor=rows[0], successor=rows[1], by=log.lead, need_by_on=FRIDAY)
    page = sign_in(log.outsider).get("/dependencies?layout=table&state=open&sort=needed&colour=x")
    assert "no filter “colour”" in page.text
    assert page.context["saved"].query == "colour=x&layout=table&sort=needed&state=open"
    text = sign_in(log.outsider).get("/dependencies?state=open&format=csv").content.decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(text))
    assert (row["From"], row["Gives"], row["For"], row["Needed by"]) == (
        "Private programs", "", "Step of NA4", "2026-11-20"
    )  # fmt: skip
    (row,) = csv.DictReader(
        io.StringIO(sign_in(log.lead).get("/p/NA4/dependencies?format=csv").content.decode("utf-8-sig"))
    )
    assert row["Gives"] == "Step of DARK"
