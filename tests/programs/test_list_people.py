"""People of the organisation with their roles over programs, and open slots: for administrators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

import programs.services
from people.models import User
from programs.models import Program, Role

if TYPE_CHECKING:
    from tests.conftest import Cast


def names(page: Any) -> list[str]:
    return [one.user.name for one in page.context["people"]]


def test_it_lists_what_people_do_in_programs(cast: Cast, sign_in: Any) -> None:
    client = sign_in(cast.admin)
    page = client.get("/settings/people")
    parts = {one.user.name: one.in_words for one in page.context["people"]}
    assert parts["Lea Lead"] == "DARK: leads; NA4: leads"
    assert parts["Vera Viewer"] == "DARK: viewer; NA4: viewer"
    assert parts["Otto Outsider"] is None
    assert names(client.get("/settings/people?show=idle")) == ["Ada Admin", "Otto Outsider"]
    assert names(client.get("/settings/people?show=admins")) == ["Ada Admin"]
    assert names(client.get("/settings/people?role=contributor&program=NA4")) == ["Cem Contributor"]
    assert "DARK: viewer" in client.get("/settings/people?format=csv").text
    person = client.get(cast.viewer.get_absolute_url()).text
    assert "Canary merger" in person
    assert f"/roles/{cast.dark.roles.get(user=cast.viewer).pk}/delete" in person
    for path in ("/settings/people", cast.viewer.get_absolute_url(), "/settings/slots"):
        assert sign_in(cast.lead).get(path).status_code == 403


def test_standing_is_changed_where_it_stands(cast: Cast, sign_in: Any) -> None:
    client = sign_in(cast.admin)
    here = cast.viewer.get_absolute_url()
    assert f"{here}/edit?only=is_admin" in client.get("/settings/people").text
    client.post(f"{here}/edit?only=is_admin", {"is_admin": "on", "version": cast.viewer.version})
    assert User.objects.get(pk=cast.viewer.pk).is_admin
    client.post(f"{here}/edit?only=is_active", {"version": cast.viewer.version + 1})
    assert names(client.get("/settings/people?show=left")) == ["Vera Viewer"]
    only = client.post(f"{cast.admin.get_absolute_url()}/edit?only=is_admin", {"version": cast.admin.version})
    assert "only administrator" in only.text


def test_open_slots_of_all_programs_stand_in_one_list(cast: Cast, sign_in: Any) -> None:
    for program in (cast.na4, cast.dark):
        programs.services.create_slot(program=program, by=cast.lead, title=f"Lead of {program.key}")
    programs.services.create_slot(program=cast.na4, by=cast.lead, title="Filled", person=cast.viewer)
    page = sign_in(cast.admin).get("/settings/slots")
    assert [slot.title for slot in page.context["page"]] == ["Lead of DARK", "Lead of NA4"]
    assert "2 slots are open" in sign_in(cast.admin).get("/settings/people").text


def test_many_people_cost_no_more_queries(cast: Cast, sign_in: Any) -> None:
    many = User.objects.bulk_create(User(email=f"p{n}@example.com", name=f"Person {n}") for n in range(60))
    some = Program.objects.bulk_create(Program(key=f"X{n}", name=f"Other {n}", lead=many[n]) for n in range(60))
    Role.objects.bulk_create(Role(program=program, user=user, kind="viewer") for program in some[:9] for user in many)
    client = sign_in(cast.admin)
    with CaptureQueriesContext(connection) as queries:
        page = client.get("/settings/people?q=person")
    assert len(queries) <= 25
    assert "and 4 more" in page.text
    assert len(page.content) < 150_000
