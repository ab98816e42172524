"""Requirements, workstreams and causes of slips: their rules and pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from milestones.models import Requirement, SlipCause, Workstream
from milestones.scope import Scope
from milestones.services import (
    approve_baseline,
    change_requirement,
    change_slip_cause,
    create_milestone,
    create_requirement,
    create_workstream,
)
from tests.conftest import FRIDAY

if TYPE_CHECKING:
    from tests.conftest import Cast


def test_out_of_scope_needs_a_reason_and_is_the_leads_to_say(cast: Cast) -> None:
    row = create_requirement(program=cast.na4, by=cast.contributor, today=FRIDAY, text="24 MW at N+1")
    with pytest.raises(PermissionDenied):
        change_requirement(requirement=row, by=cast.contributor, today=FRIDAY, in_scope=False, scope_reason="Later")
    with pytest.raises(ValidationError) as refusal:
        change_requirement(requirement=row, by=cast.lead, today=FRIDAY, in_scope=False)
    assert "scope_reason" in refusal.value.message_dict
    change_requirement(requirement=row, by=cast.lead, today=FRIDAY, in_scope=False, scope_reason="Later")
    row.refresh_from_db()
    assert (row.in_scope, row.scope_since_on) == (False, FRIDAY)


def test_a_requirement_names_a_milestone_of_its_own_program(cast: Cast) -> None:
    secret = create_milestone(program=cast.dark, by=cast.lead, today=FRIDAY, name="Canary close")
    row = create_requirement(program=cast.na4, by=cast.lead, today=FRIDAY, text="24 MW")
    with pytest.raises(ValidationError, match="another program"):
        create_requirement(program=cast.na4, by=cast.lead, today=FRIDAY, text="Power", milestone=secret)
    with pytest.raises(ValidationError, match="another program"):
        change_requirement(requirement=row, by=cast.lead, today=FRIDAY, milestone=secret)


def test_the_scope_in_a_sentence(cast: Cast) -> None:
    assert Scope.of(cast.na4).sentence == "0 in, 0 out, 0 without a milestone"
    racks = create_milestone(program=cast.na4, by=cast.lead, today=FRIDAY, name="Racks")
    before = FRIDAY.replace(day=6)
    create_requirement(program=cast.na4, by=cast.lead, today=before, text="Power", milestone=racks)
    approve_baseline(program=cast.na4, name="Plan", dates={racks.pk: FRIDAY}, by=cast.lead, on=FRIDAY.replace(day=13))
    create_requirement(program=cast.na4, by=cast.lead, today=FRIDAY, text="Cooling")
    create_requirement(
        program=cast.na4, by=cast.lead, today=FRIDAY, text="Second room", in_scope=False, scope_reason="Phase two"
    )
    assert Scope.of(cast.na4).sentence == "2 in, 1 out, 1 added since baseline, 1 without a milestone"


def test_requirements_have_pages(cast: Cast, sign_in: Any) -> None:
    client = sign_in(cast.lead)
    assert "No requirements yet" in client.get("/p/NA4/requirements").text
    posted = {"text": "24 MW", "priority": "must", "milestone": "", "in_scope": "", "scope_reason": ""}
    answer = client.post("/p/NA4/requirements/new", posted)
    assert answer.context["form"].errors["scope_reason"] == ["Say why it is out of scope."]
    assert client.post("/p/NA4/requirements/new", posted | {"in_scope": "on"}).status_code == 302
    row = Requirement.objects.get()
    for show, count in (("", 1), ("in", 1), ("out", 0), ("added", 0), ("loose", 1)):
        assert len(client.get("/p/NA4/requirements", {"show": show}).context["page"]) == count
    edited = posted | {"in_scope": "on", "text": "24 MW at N+1", "version": row.version}
    assert client.post(f"/requirements/{row.pk}/edit", edited).status_code == 302
    row.refresh_from_db()
    assert row.text == "24 MW at N+1"
    assert sign_in(cast.viewer).get(f"/requirements/{row.pk}/edit").status_code == 403
    assert client.post(f"/requirements/{row.pk}/delete").status_code == 302
    assert not Requirement.objects.exists()


def test_workstreams_have_pages_and_leave_their_milestones(cast: Cast, sign_in: Any) -> None:
    client = sign_in(cast.contributor)
    assert client.post("/p/NA4/workstreams/new", {"name": "Power", "position": "1"}).status_code == 302
    answer = client.post("/p/NA4/workstreams/new", {"name": "Power", "position": "2"})
    assert answer.context["form"].errors["name"] == ["The program has a workstream of this name already."]
    row = Workstream.objects.get()
    racks = create_milestone(program=cast.na4, by=cast.lead, today=FRIDAY, name="Racks", workstream=row)
    page = client.get("/p/NA4/workstreams")
    assert page.context["page"][0].milestone_count == 1
    edited = {"name": "Site and power", "position": "1", "version": 1}
    assert client.post(f"/workstreams/{row.pk}/edit", edited).status_code == 302
    assert client.post(f"/workstreams/{row.pk}/delete").status_code == 302
    racks.refresh_from_db()
    assert racks.workstream is None
    other = create_workstream(program=cast.dark, by=cast.lead, name="Canary")
    assert sign_in(cast.outsider).get(f"/workstreams/{other.pk}/edit").status_code == 404


def test_administrators_keep_the_list_of_causes(cast: Cast, sign_in: Any) -> None:
    with pytest.raises(PermissionDenied):
        change_slip_cause(slip_cause=cast.cause, by=cast.lead, name="Other")
    client = sign_in(cast.admin)
    assert client.post("/settings/slip-causes/new", {"name": "Permit late", "position": "9"}).status_code == 302
    answer = client.post("/settings/slip-causes/new", {"name": "Permit late", "position": "9"})
    assert "name" in answer.context["form"].errors
    row = SlipCause.objects.get(name="Permit late")
    edited = {"name": "Permits late", "position": "9", "version": row.version}
    assert client.post(f"/settings/slip-causes/{row.pk}/edit", edited).status_code == 302
    assert "Permits late" in client.get("/settings/slip-causes").text
    assert client.post(f"/settings/slip-causes/{row.pk}/retire").status_code == 302
    row.refresh_from_db()
    assert row.retired_on
    racks = create_milestone(program=cast.na4, by=cast.lead, today=FRIDAY, name="Racks", target_on=FRIDAY)
    choices = sign_in(cast.lead).get(f"/m/{racks.pk}/edit").context["form"].fields["cause"].queryset
    assert row not in choices
    assert sign_in(cast.lead).get("/settings/slip-causes").status_code == 403
