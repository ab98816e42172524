from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

import programs.services
from programs.models import GateAction, GateCriterion, Phase
from tests.conftest import FRIDAY

if TYPE_CHECKING:
    from tests.conftest import Cast


@pytest.fixture
def design(cast: Cast) -> Phase:
    return programs.services.create_phase(
        program=cast.na4, by=cast.lead, kind=Phase.Kind.DESIGN, approver=cast.viewer, gate_on=date(2026, 11, 1)
    )


@pytest.fixture
def last(cast: Cast) -> Phase:
    return programs.services.create_phase(program=cast.na4, by=cast.lead, kind=Phase.Kind.POST_IMPLEMENTATION)


def test_a_contributor_plans_phases_and_their_gates(cast: Cast, sign_in: Any) -> None:
    client = sign_in(cast.contributor)
    assert "No phases yet" in client.get("/p/NA4/phases").content.decode()
    planned = {"kind": "testing", "starts_on": "2026-11-01", "gate_on": "2026-12-01", "approver": cast.viewer.pk}
    assert client.post("/p/NA4/phases/new", planned).url == "/p/NA4/phases"
    phase = Phase.objects.get()
    page = client.get("/p/NA4/phases/new").content.decode()
    assert 'value="testing"' not in page
    late = planned | {"gate_on": "2026-10-01", "version": phase.version}
    response = client.post(f"/phases/{phase.pk}/edit", late)
    assert response.status_code == 422
    assert "gate_on" in response.context["form"].errors
    client.post(f"/phases/{phase.pk}/criteria/new", {"text": "Load test passed", "evidence_url": "example.com/load"})
    criterion = GateCriterion.objects.get()
    assert criterion.evidence_url == "https://example.com/load"
    client.post(f"/criteria/{criterion.pk}/meet")
    criterion.refresh_from_db()
    assert criterion.met_on
    client.post(f"/phases/{phase.pk}/actions/new", {"text": "Write it down", "owner": cast.lead.pk})
    action = GateAction.objects.get()
    client.post(f"/gate-actions/{action.pk}/finish")
    action.refresh_from_db()
    assert action.done_on
    page = client.get("/p/NA4/phases").content.decode()
    assert "Load test passed" in page
    assert "Write it down" in page
    for path in (f"/criteria/{criterion.pk}/delete", f"/gate-actions/{action.pk}/delete", f"/phases/{phase.pk}/delete"):
        assert client.get(path).status_code == 200
        assert client.post(path).url == "/p/NA4/phases"
    assert not Phase.objects.exists()


def test_an_overdue_gate_says_so(cast: Cast, design: Phase, sign_in: Any) -> None:
    assert "Gate overdue" in sign_in(cast.viewer).get("/p/NA4/phases").content.decode()


def test_the_approver_decides_though_only_a_viewer(cast: Cast, design: Phase, sign_in: Any) -> None:
    criterion = programs.services.create_criterion(phase=design, by=cast.lead, text="Two vendors")
    client = sign_in(cast.viewer)
    decide = f"/phases/{design.pk}/decide"
    assert "Two vendors" in client.get(decide).content.decode()
    response = client.post(decide, {"decision": "passed"})
    assert response.status_code == 422
    assert "1 criterion is not met" in response.content.decode()
    assert client.post(decide, {"decision": "conditional", "note": "Until March"}).url == "/p/NA4/phases"
    design.refresh_from_db()
    assert (design.decision, design.decided_by, design.note) == ("conditional", cast.viewer, "Until March")
    programs.services.change_criterion(criterion=criterion, by=cast.lead, met_on=FRIDAY)
    client.post(decide, {"decision": "passed"})
    design.refresh_from_db()
    assert design.decision == "passed"


def test_who_is_neither_approver_nor_lead_decides_nothing(cast: Cast, design: Phase, sign_in: Any) -> None:
    client = sign_in(cast.contributor)
    assert client.post(f"/phases/{design.pk}/decide", {"decision": "passed"}).status_code == 403
    with pytest.raises(PermissionDenied):
        programs.services.decide_gate(phase=design, decision="passed", by=cast.contributor, on=FRIDAY)
    assert f"/phases/{design.pk}/decide" not in client.get("/p/NA4/phases").content.decode()


def test_nobody_makes_themself_the_approver(cast: Cast, design: Phase, sign_in: Any) -> None:
    posted = {"starts_on": "", "gate_on": "", "approver": cast.contributor.pk, "version": design.version}
    refused = sign_in(cast.contributor).post(f"/phases/{design.pk}/edit", posted)
    assert refused.context["form"].errors["approver"] == ["Somebody else must decide what you plan."]
    with pytest.raises(ValidationError):
        programs.services.create_phase(
            program=cast.na4, by=cast.contributor, kind=Phase.Kind.TESTING, approver=cast.contributor
        )
    programs.services.change_phase(phase=design, by=cast.contributor, approver=cast.lead)
    programs.services.change_phase(phase=design, by=cast.lead, approver=cast.lead)


def test_conditions_are_said(cast: Cast, design: Phase, sign_in: Any) -> None:
    refused = sign_in(cast.lead).post(f"/phases/{design.pk}/decide", {"decision": "conditional", "note": " "})
    assert refused.status_code == 422
    assert refused.context["form"].errors == {"note": ["Say what the conditions are, and by when."]}


def test_a_decided_gate_is_not_a_contributors_to_delete(cast: Cast, design: Phase) -> None:
    programs.services.decide_gate(phase=design, decision=Phase.Decision.FAILED, by=cast.viewer, on=FRIDAY)
    with pytest.raises(PermissionDenied):
        programs.services.delete_phase(phase=design, by=cast.contributor)
    programs.services.delete_phase(phase=design, by=cast.lead)


def test_the_record_of_a_decided_gate_is_not_a_contributors_to_rewrite(
    cast: Cast, design: Phase, sign_in: Any, api: Any
) -> None:
    programs.services.change_phase(phase=design, by=cast.contributor, note="Ask for two vendors")
    programs.services.decide_gate(phase=design, decision=Phase.Decision.PASSED, by=cast.viewer, on=FRIDAY, note="Two")
    contributor = sign_in(cast.contributor)
    assert api(cast.contributor).patch(f"phases/{design.pk}", {"note": "Never mind"}).status_code == 403
    assert contributor.get(f"/phases/{design.pk}/edit").status_code == 403
    assert f"/phases/{design.pk}/edit" not in contributor.get("/p/NA4/phases").text
    design.refresh_from_db()
    assert design.note == "Two"
    assert sign_in(cast.lead).get(f"/phases/{design.pk}/edit").status_code == 200
    assert api(cast.lead).patch(f"phases/{design.pk}", {"note": "Two vendors"}).status_code == 200


def test_the_last_gate_asks_how_it_went(cast: Cast, last: Phase, sign_in: Any) -> None:
    client = sign_in(cast.lead)
    decide = f"/phases/{last.pk}/decide"
    response = client.post(decide, {"decision": "passed"})
    assert response.status_code == 422
    assert set(response.context["form"].errors) == {"target_met", "lessons"}
    client.post(decide, {"decision": "passed", "target_met": "no", "lessons": "Order switchgear **first**."})
    last.refresh_from_db()
    assert (last.target_met, last.lessons) == (False, "Order switchgear **first**.")
    assert "<strong>first</strong>" in client.get("/p/NA4/phases").content.decode()


def test_a_last_gate_that_stays_shut_may_leave_it_open(cast: Cast, last: Phase) -> None:
    phase = programs.services.decide_gate(phase=last, decision=Phase.Decision.FAILED, by=cast.lead, on=FRIDAY)
    assert phase.target_met is None
    with pytest.raises(ValidationError):
        programs.services.decide_gate(phase=last, decision=Phase.Decision.CONDITIONAL, by=cast.lead, on=FRIDAY)


def test_an_earlier_gate_does_not_ask(cast: Cast, design: Phase, sign_in: Any) -> None:
    assert "Lessons" not in sign_in(cast.lead).get(f"/phases/{design.pk}/decide").content.decode()


def test_a_decided_gate_is_not_deleted_by_who_may_not_decide(cast: Cast, design: Phase, sign_in: Any) -> None:
    programs.services.decide_gate(phase=design, decision=Phase.Decision.PASSED, by=cast.lead, on=FRIDAY)
    client = sign_in(cast.contributor)
    assert client.get(f"/phases/{design.pk}/delete").status_code == 403
    assert f"/phases/{design.pk}/delete" not in client.get(f"/phases/{design.pk}/edit").content.decode()
    assert sign_in(cast.lead).post(f"/phases/{design.pk}/delete").url == "/p/NA4/phases"


def test_a_failed_gate_keeps_the_program_in_its_phase_on_every_page(cast: Cast, design: Phase, sign_in: Any) -> None:
    programs.services.create_phase(program=cast.na4, by=cast.lead, kind=Phase.Kind.DEVELOPMENT)
    client = sign_in(cast.viewer)

    def told() -> set[str]:
        return {
            next(line.phase for line in client.get("/").context["page"] if line.program == cast.na4),
            client.get("/roadmap?group=phase").context["groups"][0].key.removeprefix("phase-"),
            client.get("/p/NA4").context["page"].phase.kind,
            client.get("/p/NA4/phases").context["current"].kind,
        }

    for decision, phase in ((Phase.Decision.FAILED, "design"), (Phase.Decision.PASSED, "development")):
        programs.services.decide_gate(phase=design, decision=decision, by=cast.viewer, on=FRIDAY)
        assert told() == {phase}
