"""Values on pages and in lists are links to a form of that one value, for those who may change it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

import programs.services
from metrics.models import KPI
from milestones.models import Milestone, Requirement
from programs.models import Phase, Program
from programs.permissions import acts, acts_of_many, editable
from risks.models import Assumption, Decision, Issue, Risk, RiskImpact
from tests.conftest import FRIDAY

if TYPE_CHECKING:
    from tests.conftest import Cast


@pytest.fixture
def rows(cast: Cast) -> dict[str, Any]:
    of: Any = {"program": cast.na4}
    return {
        "program": cast.na4,
        "issue": Issue.objects.create(title="Flood", raised_on=FRIDAY, **of),
        "assumption": Assumption.objects.create(text="Power is there", **of),
        "decision": Decision.objects.create(question="Two feeds?", raised_on=FRIDAY, **of),
        "risk": Risk.objects.create(title="Transformer late", raised_on=FRIDAY, probability=Decimal("0.4"), **of),
        "phase": programs.services.create_phase(program=cast.na4, by=cast.lead, kind=Phase.Kind(Phase.Kind.values[0])),
        "requirement": Requirement.objects.create(text="Two feeds", scope_since_on=FRIDAY, **of),
        "kpi": KPI.objects.create(name="Racks", **of),
    }


@pytest.mark.parametrize(
    ("place", "noun", "field", "value", "stored"),
    [
        ("/p/NA4", "program", "area", "Regions", "Regions"),
        ("/p/NA4", "program", "rank", "3", 3),
        ("/p/NA4", "program", "state", "on_hold", "on_hold"),
        ("/issues", "issue", "due_on", "2026-12-04", "2026-12-04"),
        ("/issues/{}", "issue", "due_on", "", None),
        ("/assumptions", "assumption", "state", "confirmed", "confirmed"),
        ("/decisions", "decision", "decide_by_on", "2026-12-04", "2026-12-04"),
        ("/p/NA4/decisions", "decision", "decide_by_on", "2026-12-04", "2026-12-04"),
        ("/d/D-{}", "decision", "decide_by_on", "2026-12-04", "2026-12-04"),
        ("/risks", "risk", "probability", "70", Decimal("0.7")),
        ("/r/R-{}", "risk", "review_on", "2099-12-04", "2099-12-04"),
        ("/p/NA4/phases", "phase", "gate_on", "2026-12-04", "2026-12-04"),
        ("/p/NA4/requirements", "requirement", "priority", "could", "could"),
        ("/p/NA4/kpis", "kpi", "limit_value", "12", Decimal(12)),
    ],
)
def test_one_value_is_changed_and_no_other(
    cast: Cast, rows: dict[str, Any], sign_in: Any, place: str, noun: str, field: str, value: str, stored: Any
) -> None:
    row, client = rows[noun], sign_in(cast.lead)
    place = place.format(row.pk)
    edit = f"{row.get_absolute_url()}/edit?only={field}"
    assert f'href="{edit}"' in client.get(place).text
    asked = client.get(edit, headers={"HX-Request": "true"}).text
    assert asked.lstrip().startswith("<form")
    assert client.post(edit, {field: value, "version": row.version}).status_code == 302
    row.refresh_from_db()
    found = getattr(row, field)
    assert (found if found is None or not hasattr(found, "isoformat") else found.isoformat()) == stored
    assert f'href="{edit}"' not in sign_in(cast.outsider).get(place).text


def test_a_risks_impacts_stay_when_one_value_changes(cast: Cast, rows: dict[str, Any], sign_in: Any) -> None:
    end = Milestone.objects.create(program=cast.na4, name="Live")
    RiskImpact.objects.create(risk=rows["risk"], milestone=end, low=480, likely=480, high=960)
    edit = f"/r/R-{rows['risk'].pk}/edit?only=owner"
    assert sign_in(cast.lead).post(edit, {"owner": cast.lead.pk, "version": 1}).status_code == 302
    rows["risk"].refresh_from_db()
    assert rows["risk"].owner == cast.lead
    assert rows["risk"].impacts.count() == 1


def test_letters_for_a_number_are_refused_and_empty_nothing(cast: Cast, rows: dict[str, Any], sign_in: Any) -> None:
    edit, client = f"/r/R-{rows['risk'].pk}/edit?only=probability", sign_in(cast.lead)
    asked = client.get(edit, headers={"HX-Request": "true"}).text
    # A browser's own field for numbers would send letters as nothing.
    assert 'type="number"' not in asked
    assert 'inputmode="decimal"' in asked
    answer = client.post(edit, {"probability": "abc", "version": 1}, headers={"HX-Request": "true"})
    assert answer.status_code == 422
    assert 'value="abc"' in answer.text
    rows["risk"].refresh_from_db()
    assert rows["risk"].probability == Decimal("0.4")


def test_what_one_may_in_many_programs_is_one_question(cast: Cast) -> None:
    programs.services.change_program(program=cast.na4, by=cast.admin, sponsor=cast.outsider)
    both = list(Program.objects.order_by("key"))
    for person in (cast.admin, cast.lead, cast.contributor, cast.viewer, cast.outsider):
        with CaptureQueriesContext(connection) as queries:
            found = acts_of_many(person, both)
        assert len(queries) <= 1
        assert found == {program.pk: acts(person, program) for program in both}
    assert editable(cast.contributor, both) == {program.pk for program in both}
    assert editable(cast.viewer, both) == set()


def test_decisions_that_wait_for_the_reader_come_first(cast: Cast, rows: dict[str, Any], sign_in: Any) -> None:
    def ask(question: str, decider: Any, day: str | None) -> None:
        Decision.objects.create(
            program=cast.na4, question=question, raised_on=FRIDAY, decider=decider, decide_by_on=day
        )

    ask("Later mine", cast.lead, "2126-12-01")
    ask("Overdue mine", cast.lead, "2026-01-05")
    ask("First of all", cast.viewer, "2026-01-01")
    client = sign_in(cast.lead)
    page = client.get("/decisions")
    order = ["Overdue mine", "Later mine", "First of all", "Two feeds?"]
    assert [row.question for row in page.context["page"]] == order
    assert "2 decisions wait for you, 1 past its day." in page.text
    assert [name for name, _ in page.context["lines"]] == ["Waiting for you", "Waiting for others"]
    by = client.get("/decisions", {"by": "decider"})
    assert [name for name, _ in by.context["lines"]] == [
        "Waiting for you",
        "Waiting for Vera Viewer",
        "Nobody is named",
    ]
    assert "wait for you" not in sign_in(cast.outsider).get("/p/NA4/decisions").text
