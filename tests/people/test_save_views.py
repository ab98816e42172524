from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

import people.services
from people.models import SavedView

if TYPE_CHECKING:
    from tests.conftest import Cast

LATE = "health=off_track&sort=-slip"


@pytest.fixture
def mine(cast: Cast) -> SavedView:
    return people.services.save_view(by=cast.lead, name="Late ones", path="/", query=LATE)


@pytest.fixture
def shared(cast: Cast) -> SavedView:
    return people.services.save_view(by=cast.lead, name="Q1 commitments", path="/", query="group=area", is_shared=True)


def test_what_is_looked_at_is_saved_under_a_name(cast: Cast, sign_in: Any) -> None:
    client = sign_in(cast.viewer)
    given = {"name": "Mine", "path": "/", "query": "?sort=-slip&lead=me&q=&page=3&format=csv"}
    response = client.post("/views/new", given)
    view = SavedView.objects.get()
    assert (view.owner, view.query, view.is_shared) == (cast.viewer, "lead=me&sort=-slip", False)
    assert response["Location"] == view.address == "/?lead=me&sort=-slip"
    assert client.get(view.get_absolute_url())["Location"] == view.address
    assert client.get(f"/?view={view.slug}")["Location"] == view.address
    page = client.get(view.address)
    assert [tab["label"] for tab in page.context["tabs"] if tab["current"]] == ["Mine"]
    assert view.events.count() == 1  # type: ignore[attr-defined]  # made by history.track


def test_a_link_outlives_a_new_name(cast: Cast, mine: SavedView, sign_in: Any) -> None:
    client, old = sign_in(cast.lead), mine.get_absolute_url()
    form = client.get(f"{old}/edit").context["form"]
    response = client.post(
        f"{old}/edit", {"name": "遅れ", "query": LATE, "is_shared": "on", "version": form.initial.get("version", 1)}
    )
    assert response["Location"] == mine.address
    mine.refresh_from_db()
    assert (mine.name, mine.is_shared, mine.slug) == ("遅れ", True, f"view-{mine.pk}")
    assert client.get(old)["Location"] == mine.address


def test_private_is_missing_to_others_and_shared_is_offered(
    cast: Cast, mine: SavedView, shared: SavedView, sign_in: Any, api: Any
) -> None:
    for user in (cast.viewer, cast.admin):
        client = sign_in(user)
        for end in ("", "/edit", "/delete"):
            assert client.get(f"{mine.get_absolute_url()}{end}").status_code == 404
            assert client.post(f"{mine.get_absolute_url()}{end}", {"name": "Ours"}).status_code in (404, 405)
        assert client.get(shared.get_absolute_url())["Location"] == "/?group=area"
        assert "Late ones" not in client.get("/views").text + client.get("/").text
        assert "Q1 commitments" in client.get("/").text
        told, untold = (client.get(f"/?view={slug}").context["asked"] for slug in (mine.slug, "late-ones-987654321"))
        assert (told.view, len(told.refused)) == (untold.view, len(untold.refused)) == ("", 1)
    assert [row["name"] for row in api(cast.viewer).get("saved-views").json()["data"]] == ["Q1 commitments"]
    assert api(cast.viewer).get(f"saved-views/{mine.pk}").status_code == 404


def test_its_owner_changes_a_shared_view_and_so_does_an_administrator(
    cast: Cast, shared: SavedView, sign_in: Any, api: Any
) -> None:
    client = sign_in(cast.viewer)
    for end in ("edit", "delete"):
        assert client.post(f"{shared.get_absolute_url()}/{end}", {"name": "Ours"}).status_code == 403
    assert api(cast.viewer).patch(f"saved-views/{shared.pk}", {"name": "Ours"}).status_code == 403
    assert api(cast.viewer).delete(f"saved-views/{shared.pk}").status_code == 403
    with pytest.raises(PermissionDenied, match="Ask Lea Lead"):
        people.services.delete_view(view=shared, by=cast.viewer)
    assert api(cast.admin).patch(f"saved-views/{shared.pk}", {"name": "Q1"}).json()["name"] == "Q1"
    assert sign_in(cast.lead).post(f"{shared.get_absolute_url()}/delete")["Location"] == "/"
    assert not SavedView.objects.exists()


def test_the_api_keeps_views_too(cast: Cast, api: Any) -> None:
    client = api(cast.lead)
    made = client.post("saved-views", {"name": "Open", "path": "/risks", "query": "show=mine&page=2"})
    assert made.status_code == 201
    shown = made.json()
    assert (shown["query"], shown["owner"], shown["slug"]) == ("show=mine", cast.lead.pk, f"open-{shown['id']}")
    changed = client.patch(f"saved-views/{shown['id']}", {"query": "?show=closed"}).json()
    assert (changed["query"], changed["version"]) == ("show=closed", 2)
    assert [row["id"] for row in client.client.get("/api/v1/saved-views", {"path": "/risks"}).json()["data"]] == [
        shown["id"]
    ]
    assert client.delete(f"saved-views/{shown['id']}").status_code == 204


AWAY = ["//evil.example", "/\\evil.example", "https://evil.example", "/views/x-1", "/account/logout", "/api/v1/me"]


@pytest.mark.parametrize("path", [*AWAY, "", "risks", "/a?b", "/a/", "/a\nb"])
def test_a_view_leads_to_a_page_here_alone(path: str, cast: Cast, sign_in: Any) -> None:
    assert sign_in(cast.lead).post("/views/new", {"name": "Away", "path": path}).status_code == 422
    with pytest.raises(ValidationError):
        people.services.save_view(by=cast.lead, name="Away", path=path)


@pytest.mark.parametrize("name", ["", "Late ones", "x" * 81])
def test_a_name_is_there_once_and_of_some_length(name: str, cast: Cast, mine: SavedView, sign_in: Any) -> None:
    response = sign_in(cast.lead).post("/views/new", {"name": name, "path": "/", "query": "lead=me"})
    assert (response.status_code, "name" in response.context["form"].errors) == (422, True)
    assert SavedView.objects.count() == 1
    assert people.services.save_view(by=cast.viewer, name="Late ones", path="/").pk


def test_more_filters_than_fit_are_refused_and_hostile_ones_come_back_as_they_were(cast: Cast, sign_in: Any) -> None:
    client = sign_in(cast.lead)
    long = {"name": "Long", "path": "/", "query": f"q={'x' * 2000}"}
    assert client.post("/views/new", long).status_code == 422
    text = '"><script>alert(1)</script>&lead=%00\r\nSet-Cookie: a=b'
    assert client.post("/views/new", {"name": text[:80], "path": "/", "query": f"q={text}"}).status_code == 302
    view = SavedView.objects.get()
    page = client.get(view.address)
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert client.get("/views").status_code == 200


def test_a_view_that_names_itself_leads_nowhere(cast: Cast, mine: SavedView, sign_in: Any) -> None:
    people.services.change_view(view=mine, by=cast.lead, query=f"view={mine.slug}")
    page = sign_in(cast.lead).get(f"/?view={mine.slug}")
    assert (page.status_code, page.context["asked"].view) == (200, "")
