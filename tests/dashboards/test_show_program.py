from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dashboards import evidence
from forecasts.models import ProgramHealth
from metrics.models import KPI, Measurement
from milestones.models import Dependency, Milestone, Requirement
from people.models import User
from programs.models import Program, RelatedLink

if TYPE_CHECKING:
    from tests.conftest import Cast

Portfolio = Callable[[int, list[User]], list[Program]]


def page(client: Any, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return str(response.content.decode())


def test_it_says_why_and_the_days_add_up(cast: Cast, sign_in: Any, portfolio_of: Portfolio) -> None:
    portfolio_of(2, [cast.lead])
    html = page(sign_in(cast.viewer), "/p/P1")
    assert "The forecast is 34 days after target." in html
    assert "The limit for At risk is 30." in html
    shown = ProgramHealth.objects.filter(program__key="P1").latest("day")
    parts = evidence.why(shown, {}, [shown.program_id]).parts
    assert sum(part.days or 0 for part in parts) == shown.slip_days == 34
    for part in parts:
        assert f'<a href="{part.url}">{part.title}</a>' in html


def test_its_roadmap_has_a_table_twin(cast: Cast, sign_in: Any, portfolio_of: Portfolio) -> None:
    portfolio_of(2, [cast.lead])
    html = page(sign_in(cast.viewer), "/p/P1")
    assert html.count("<svg") > 5
    assert 'id="roadmap-title">Roadmap of Fleet program 1' in html
    for milestone in Milestone.objects.filter(program__key="P1"):
        assert f'<a href="/m/{milestone.pk}" dir="auto">{milestone.name}</a>' in html


def test_hidden_and_missing_programs_are_the_same(cast: Cast, sign_in: Any) -> None:
    outsider = sign_in(cast.outsider)
    hidden, missing = outsider.get("/p/DARK"), outsider.get("/p/NOPE")
    assert hidden.status_code == missing.status_code == 404
    assert hidden.content.replace(b"DARK", b"NOPE") == missing.content
    assert "Canary merger" in page(sign_in(cast.viewer), "/p/DARK")


def test_what_a_private_program_gives_is_not_named(cast: Cast, sign_in: Any) -> None:
    giver = Milestone.objects.create(program=cast.dark, name="Codename Falcon", target_on=date(2027, 1, 4))
    taker = Milestone.objects.create(program=cast.na4, name="Bring-up", target_on=date(2027, 1, 15))
    Dependency.objects.create(predecessor=giver, successor=taker)
    outside = page(sign_in(cast.outsider), "/p/NA4")
    assert "Falcon" not in outside
    assert "DARK" not in outside
    assert "1 milestone of a private program is waited for" in outside
    inside = page(sign_in(cast.viewer), "/p/NA4")
    assert "Codename Falcon" in inside
    assert '<span class="tag key">DARK</span>' in inside


def test_a_finding_about_a_hidden_program_tells_its_days_alone(cast: Cast) -> None:
    record = {"kind": "milestone", "id": 7, "program": cast.dark.pk}
    row = ProgramHealth(
        health="at_risk",
        findings=[
            {"rule": "slip", "record": record, "label": "Falcon", "value": "2027-01-04", "limit": "", "days": 9},
            {"rule": "loop", "record": record, "label": "Falcon", "value": 3},
            {"rule": "from the future"},
            "not a finding",
        ],
    )
    told = evidence.why(row, {}, [cast.na4.pk])
    assert [(part.title, part.days, part.url) for part in told.parts] == [("a private program", 9, "")]
    assert told.verdict == "3 milestones wait for each other in a loop, a private program among them."


def test_an_empty_program_offers_what_fills_it(cast: Cast, sign_in: Any) -> None:
    html = page(sign_in(cast.lead), "/p/NA4")
    assert "No milestones yet" in html
    assert "No forecast" in html
    assert "No update yet" in html


def test_kpis_show_where_they_stand(cast: Cast, sign_in: Any) -> None:
    kpi = KPI.objects.create(program=cast.na4, name="Latency", unit="ms", direction="down", limit_value=Decimal(35))
    for weeks in range(4):
        on = date.today() - timedelta(weeks=weeks)
        Measurement.objects.create(kpi=kpi, on=on, value=Decimal(41 - weeks))
    html = page(sign_in(cast.outsider), "/p/NA4")
    assert "past limit" in html
    assert 'aria-label="Latency: past limit"' in html


@pytest.mark.parametrize("size", [2, 60])
def test_it_takes_few_queries(size: int, cast: Cast, sign_in: Any, portfolio_of: Portfolio) -> None:
    portfolio_of(size, [cast.lead])
    client = sign_in(cast.contributor)
    with CaptureQueriesContext(connection) as queries:
        page(client, "/p/P1")
    assert len(queries) <= 25


def test_related_programs_are_named_as_far_as_they_are_visible(cast: Cast, sign_in: Any) -> None:
    open_one = Program.objects.create(key="EDGE", name="Edge refresh")
    for other in (cast.dark, open_one):
        RelatedLink.objects.create(program=other, other=cast.na4, kind="see_also")
        RelatedLink.objects.create(program=cast.na4, other=other, kind="replaces")
    outside = page(sign_in(cast.outsider), "/p/NA4")
    assert outside.count(">Edge refresh</a>") == 1
    assert "Canary merger" not in outside
    assert ">Canary merger</a>" in page(sign_in(cast.viewer), "/p/NA4")


def test_it_counts_its_scope(cast: Cast, sign_in: Any) -> None:
    for inside in (True, True, False):
        Requirement.objects.create(
            program=cast.na4, text="x", in_scope=inside, scope_since_on=date(2026, 1, 1), scope_reason="Too dear."
        )
    assert "2 in, 1 out, 2 without a milestone" in page(sign_in(cast.outsider), "/p/NA4")


def test_only_who_may_is_offered_to_write(cast: Cast, sign_in: Any) -> None:
    assert "Write update" in page(sign_in(cast.lead), "/p/NA4")
    assert "Write update" not in page(sign_in(cast.viewer), "/p/NA4")
