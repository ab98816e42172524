from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import PermissionDenied

import milestones.services
import people.services
import programs.services
from milestones.models import DateMove
from programs.models import Objective, Program, Role
from tests.conftest import FRIDAY, NOON

if TYPE_CHECKING:
    from tests.conftest import Cast

NEW = {
    "name": "Fleet refresh",
    "key": "fleet",
    "state": "active",
    "target_precision": "day",
    "visibility": "organisation",
}


def shown(program: Program, **changes: Any) -> dict[str, Any]:
    """What the edit page of a program would post, with changes."""
    program.refresh_from_db()
    posted = {
        "name": program.name,
        "summary": program.summary,
        "area": program.area,
        "rank": program.rank,
        "lead": program.lead_id or "",
        "sponsor": program.sponsor_id or "",
        "owning_team": program.owning_team_id or "",
        "state": program.state,
        "target_on": program.target_on or "",
        "target_precision": program.target_precision,
        "visibility": program.visibility,
        "version": program.version,
    }
    return posted | changes


def test_nobody_makes_themself_the_sponsor(cast: Cast, sign_in: Any) -> None:
    with pytest.raises(PermissionDenied):
        programs.services.change_program(program=cast.na4, by=cast.contributor, sponsor=cast.contributor)
    posted = shown(cast.na4, sponsor=cast.contributor.pk, summary="Ours")
    assert sign_in(cast.contributor).post("/p/NA4/edit", posted).status_code == 302
    cast.na4.refresh_from_db()
    assert (cast.na4.sponsor, cast.na4.summary) == (None, "Ours")


def test_whoever_creates_a_program_leads_it(cast: Cast, sign_in: Any) -> None:
    client = sign_in(cast.outsider)
    assert f'<option value="{cast.outsider.pk}" selected>' in client.get("/programs/new/blank").content.decode()
    team = people.services.create_team(name="Compute", by=cast.admin)
    objective = programs.services.create_objective(by=cast.admin, title="Be there in time")
    related = {"partner_teams": [team.pk], "objectives": [objective.pk], "target_on": "2027-01-15"}
    response = client.post("/programs/new/blank", NEW | related)
    assert response.url == "/p/FLEET"
    program = Program.objects.get(key="FLEET")
    assert program.target_on == date(2027, 1, 15)
    assert list(program.partner_teams.all()) == [team]
    assert list(program.objectives.all()) == [objective]
    assert program.roles.get().user == cast.outsider


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"key": "NA4"}, "key"),
        ({"key": "4NA"}, "key"),
        ({"key": ""}, "key"),
        ({"name": ""}, "name"),
        ({"target_on": "soon"}, "target_on"),
        ({"rank": "-1"}, "rank"),
    ],
)
def test_what_is_wrong_stands_beside_its_field(cast: Cast, sign_in: Any, changed: dict[str, str], field: str) -> None:
    response = sign_in(cast.outsider).post("/programs/new/blank", NEW | changed)
    assert response.status_code == 422
    assert field in response.context["form"].errors
    assert f'aria-describedby="id_{field}_' in response.content.decode()


def test_a_key_of_a_hidden_program_is_taken_like_any_other(cast: Cast, sign_in: Any) -> None:
    response = sign_in(cast.outsider).post("/programs/new/blank", NEW | {"key": "DARK"})
    assert response.status_code == 422
    assert "Canary" not in response.content.decode()


def test_the_first_target_needs_no_cause_and_a_move_does(cast: Cast, sign_in: Any) -> None:
    client = sign_in(cast.lead)
    assert client.post("/p/NA4/edit", shown(cast.na4, target_on="2027-01-15")).url == "/p/NA4"
    response = client.post("/p/NA4/edit", shown(cast.na4, target_on="2027-02-15"))
    assert response.status_code == 422
    assert "cause" in response.context["form"].errors
    moved = {"target_on": "2027-02-15", "cause": cast.cause.pk, "note": "Switchgear in May"}
    assert client.post("/p/NA4/edit", shown(cast.na4, **moved)).url == "/p/NA4"
    move = DateMove.objects.get(field=DateMove.Field.PROGRAM_TARGET)
    assert (move.before_on, move.after_on, move.note) == (date(2027, 1, 15), date(2027, 2, 15), "Switchgear in May")


def test_a_contributor_edits_but_moves_no_target(cast: Cast, sign_in: Any) -> None:
    milestones.services.move_program_target(program=cast.na4, by=cast.lead, at=NOON, target_on=date(2027, 1, 15))
    client = sign_in(cast.contributor)
    posted = shown(cast.na4, summary="More racks", target_on="2027-09-01", visibility="private", lead=cast.viewer.pk)
    posted["sponsor"] = cast.contributor.pk
    assert client.post("/p/NA4/edit", posted).url == "/p/NA4"
    cast.na4.refresh_from_db()
    assert cast.na4.summary == "More racks"
    assert cast.na4.target_on == date(2027, 1, 15)
    assert (cast.na4.visibility, cast.na4.lead, cast.na4.sponsor) == ("organisation", cast.lead, None)


def test_partner_teams_and_objectives_follow_the_boxes(cast: Cast, sign_in: Any) -> None:
    one, two = (people.services.create_team(name=name, by=cast.admin) for name in ("One", "Two"))
    client = sign_in(cast.lead)
    client.post("/p/NA4/edit", shown(cast.na4, partner_teams=[one.pk]))
    client.post("/p/NA4/edit", shown(cast.na4, partner_teams=[two.pk]))
    assert list(cast.na4.partner_teams.all()) == [two]
    objective = programs.services.create_objective(by=cast.admin, title="Closed since")
    client.post("/p/NA4/edit", shown(cast.na4, objectives=[objective.pk]))
    Objective.objects.filter(pk=objective.pk).update(closed_on=date(2026, 1, 1))
    assert "Closed since" in client.get("/p/NA4/edit").content.decode()


@pytest.mark.parametrize("path", ["edit", "delete"])
def test_others_neither_edit_nor_delete(cast: Cast, sign_in: Any, path: str) -> None:
    assert sign_in(cast.viewer).post(f"/p/NA4/{path}", {"name": "Mine"}).status_code == 403
    assert sign_in(cast.outsider).post(f"/p/DARK/{path}", {"name": "Mine"}).status_code == 404
    assert Program.objects.count() == 2


def test_a_deletion_names_what_goes_with_it(cast: Cast, sign_in: Any) -> None:
    ga = milestones.services.create_milestone(program=cast.na4, by=cast.lead, today=FRIDAY, name="GA")
    dark = milestones.services.create_milestone(program=cast.dark, by=cast.lead, today=FRIDAY, name="Shadow")
    milestones.services.link(predecessor=ga, successor=dark, by=cast.lead)
    client = sign_in(cast.lead)
    page = client.get("/p/NA4/delete").content.decode()
    assert "With it go 1 milestone and 1 link between milestones." in page
    assert "1 of the links leads to other programs" in page
    for typed in ("", "na4", "Region NA-4 capacity"):
        refused = client.post("/p/NA4/delete", {"typed": typed})
        assert refused.status_code == 422
        assert "Type NA4 to delete it." in refused.text
    assert client.post("/p/NA4/delete", {"typed": "NA4"}).url == "/"
    assert not Program.objects.filter(key="NA4").exists()
    assert Role.objects.filter(program=cast.dark).count() == 2
    assert client.get("/p/NA4").status_code == 404


def test_no_program_has_a_nul_in_its_key(cast: Cast, sign_in: Any) -> None:
    client = sign_in(cast.lead)
    for path in ("/p/%00", "/p/NA4%00/risks"):
        assert client.get(path).status_code == 404
    assert client.get("/api/v1/milestones?program__in=%00").status_code == 400
    assert client.get("/api/v1/milestones?program__in=NA4,DARK").status_code == 200


def test_a_program_is_ranked_by_its_lead(cast: Cast, sign_in: Any, api: Any) -> None:
    answer = api(cast.contributor).patch("programs/NA4", {"rank": 1})
    assert answer.status_code == 403
    assert answer.json()["detail"] == "You cannot change the rank of Region NA-4 capacity. Ask Lea Lead."
    posted = shown(cast.na4, rank="1", summary="Ours")
    assert sign_in(cast.contributor).post("/p/NA4/edit", posted).status_code == 302
    cast.na4.refresh_from_db()
    assert (cast.na4.rank, cast.na4.summary) == (0, "Ours")
    assert api(cast.lead).patch("programs/NA4", {"rank": 1}).json()["rank"] == 1


def test_its_settings_stand_in_one_place(cast: Cast, sign_in: Any) -> None:
    programs.services.create_slot(program=cast.na4, by=cast.lead, title="Network lead")
    lead, viewer = (sign_in(who).get("/p/NA4/settings").text for who in (cast.lead, cast.outsider))
    for words in ("Everyone in the organisation", "1 contributor, 1 viewer", "Delete program", "only=visibility"):
        assert words in lead
    for words in ("Delete program", "only="):
        assert words not in viewer
    assert sign_in(cast.outsider).get("/p/DARK/settings").status_code == 404
