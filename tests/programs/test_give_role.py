from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import programs.services
from programs.models import Role, Slot

if TYPE_CHECKING:
    from tests.conftest import Cast


def test_a_lead_gives_changes_and_takes_roles(cast: Cast, sign_in: Any) -> None:
    client = sign_in(cast.lead)
    assert client.post("/p/DARK/roles/new", {"user": cast.outsider.pk, "kind": "viewer"}).url == "/p/DARK/people"
    role = Role.objects.get(program=cast.dark, user=cast.outsider)
    theirs = sign_in(cast.outsider)
    assert "Canary merger" in theirs.get("/p/DARK/people").content.decode()
    assert theirs.get(f"/roles/{role.pk}/edit").status_code == 403
    assert client.post(f"/roles/{role.pk}/edit?only=user", {}).status_code == 302
    client.post(f"/roles/{role.pk}/edit", {"kind": "lead"})
    role.refresh_from_db()
    assert role.kind == Role.Kind.LEAD
    assert "no longer see this private program" in client.get(f"/roles/{role.pk}/delete").content.decode()
    assert client.post(f"/roles/{role.pk}/delete").url == "/p/DARK/people"
    assert theirs.get("/p/DARK/people").status_code == 404


def test_whoever_has_a_role_is_not_offered_another(cast: Cast, sign_in: Any) -> None:
    client = sign_in(cast.lead)
    page = client.get("/p/NA4/roles/new").content.decode()
    assert "Otto Outsider" in page
    assert "Vera Viewer</option>" not in page
    response = client.post("/p/NA4/roles/new", {"user": cast.viewer.pk, "kind": "lead"})
    assert response.status_code == 422
    assert "user" in response.context["form"].errors


def test_contributors_give_no_roles(cast: Cast, sign_in: Any) -> None:
    client = sign_in(cast.contributor)
    assert client.post("/p/NA4/roles/new", {"user": cast.outsider.pk, "kind": "lead"}).status_code == 403
    assert "Give a role" not in client.get("/p/NA4/people").content.decode()


def test_an_open_slot_is_flagged_until_it_is_filled(cast: Cast, sign_in: Any) -> None:
    client = sign_in(cast.contributor)
    assert "No slots yet" in client.get("/p/NA4/people").content.decode()
    assert client.post("/p/NA4/slots/new", {"title": "Network engineer"}).url == "/p/NA4/people"
    slot = Slot.objects.get()
    page = client.get("/p/NA4/people").content.decode()
    assert "1 slot is open." in page
    filled = {"title": slot.title, "person": cast.viewer.pk, "agreed_on": "2026-11-20", "version": slot.version}
    client.post(f"/slots/{slot.pk}/edit", filled)
    slot.refresh_from_db()
    assert (slot.person, slot.agreed_on) == (cast.viewer, date(2026, 11, 20))
    page = client.get("/p/NA4/people").content.decode()
    assert "open." not in page
    assert client.post(f"/slots/{slot.pk}/edit", {"title": "", "version": 2}).status_code == 422
    client.post(f"/slots/{slot.pk}/delete")
    assert not Slot.objects.exists()


def test_a_viewer_reads_and_changes_nothing(cast: Cast, sign_in: Any) -> None:
    slot = programs.services.create_slot(program=cast.na4, by=cast.lead, title="Buyer")
    client = sign_in(cast.viewer)
    assert "/slots/" not in client.get("/p/NA4/people").content.decode()
    for path in (f"/slots/{slot.pk}/edit", f"/slots/{slot.pk}/delete", "/p/NA4/slots/new"):
        assert client.post(path, {"title": "Mine"}).status_code == 403
