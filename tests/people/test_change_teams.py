from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import PermissionDenied

import people.services
from people.models import Team

if TYPE_CHECKING:
    from tests.conftest import Cast


@pytest.fixture
def team(cast: Cast) -> Team:
    return people.services.create_team(name="Compute", by=cast.outsider, capacity_days=Decimal(20))


def test_anybody_adds_a_team(cast: Cast, sign_in: Any) -> None:
    client = sign_in(cast.outsider)
    assert "No teams yet" in client.get("/teams").content.decode()
    response = client.post("/teams/new", {"name": "Compute", "capacity_days": "12.5"}, follow=True)
    team = Team.objects.get()
    assert response.redirect_chain == [(f"/teams/{team.pk}", 302)]
    assert team.capacity_days == Decimal("12.5")
    page = client.get("/teams").content.decode()
    assert "12.5" in page
    assert "New team" in page


def test_a_second_team_of_the_same_name_is_refused_beside_the_field(cast: Cast, team: Team, sign_in: Any) -> None:
    response = sign_in(cast.outsider).post("/teams/new", {"name": "Compute"})
    assert response.status_code == 422
    assert "name" in response.context["form"].errors


def test_an_administrator_changes_members(cast: Cast, team: Team, sign_in: Any) -> None:
    client = sign_in(cast.admin)
    client.post(f"/teams/{team.pk}/members", {"members": [cast.lead.pk, cast.viewer.pk]})
    assert set(team.memberships.values_list("user", flat=True)) == {cast.lead.pk, cast.viewer.pk}
    assert "Lea Lead" in client.get(f"/teams/{team.pk}").content.decode()
    assert client.get(f"/teams/{team.pk}/members").content.decode().count("checked") == 2
    client.post(f"/teams/{team.pk}/members", {"members": []})
    assert not team.memberships.exists()


def test_others_change_no_team(cast: Cast, team: Team, sign_in: Any) -> None:
    client = sign_in(cast.lead)
    for path in ("edit", "members", "delete"):
        assert client.get(f"/teams/{team.pk}/{path}").status_code == 403
        assert client.post(f"/teams/{team.pk}/{path}", {"name": "Ours"}).status_code == 403
    with pytest.raises(PermissionDenied, match="Ask an administrator"):
        people.services.change_team(team=team, by=cast.lead, name="Ours")


def test_two_administrators_at_once_lose_nothing(cast: Cast, team: Team, sign_in: Any) -> None:
    client = sign_in(cast.admin)
    people.services.change_team(team=team, by=cast.admin, area="Hardware")
    opened = {"name": "Compute fleet", "area": "", "capacity_days": "20", "version": "1"}
    response = client.post(f"/teams/{team.pk}/edit", opened, follow=True)
    assert "that was kept" in response.content.decode()
    team.refresh_from_db()
    assert (team.name, team.area) == ("Compute fleet", "Hardware")
    people.services.change_team(team=team, by=cast.admin, name="Fleet")
    response = client.post(f"/teams/{team.pk}/edit", {"name": "GPU", "area": "Hardware", "version": str(team.version)})
    assert response.status_code == 412
    assert "changed this while you were editing" in response.content.decode()


def test_a_team_that_still_owns_something_is_not_deleted(cast: Cast, team: Team, sign_in: Any) -> None:
    cast.na4.owning_team = team
    cast.na4.save()
    client = sign_in(cast.admin)
    response = client.post(f"/teams/{team.pk}/delete")
    assert response.status_code == 422
    assert "still used by: program" in response.content.decode()
    cast.na4.owning_team = None
    cast.na4.save()
    assert client.post(f"/teams/{team.pk}/delete").url == "/teams"
    assert not Team.objects.exists()
