from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.utils import timezone

import people.services
from people.forms import HolidaysField, HoursField
from people.models import AccessToken, User, WorkingCalendar, digest
from tests.conftest import Api

if TYPE_CHECKING:
    from tests.conftest import Cast

ADMIN_PAGES = [
    "/settings/organisation",
    "/settings/people",
    "/settings/people/new",
    "/settings/calendars",
    "/settings/calendars/new",
]


@pytest.mark.parametrize("path", ADMIN_PAGES)
def test_settings_of_the_organisation_are_an_administrators(cast: Cast, sign_in: Any, path: str) -> None:
    assert sign_in(cast.admin).get(path).status_code == 200
    assert sign_in(cast.lead).get(path).status_code == 403


def test_the_index_offers_what_one_may_open(cast: Cast, sign_in: Any) -> None:
    assert b"/settings/people" in sign_in(cast.admin).get("/settings").content
    page = sign_in(cast.lead).get("/settings").content
    assert b"/settings/people" not in page
    assert b"/settings/profile" in page


def test_people_change_their_own_name_and_zone(cast: Cast, sign_in: Any) -> None:
    client = sign_in(cast.lead)
    assert b"America/Los_Angeles" in client.get("/settings/profile").content
    filled = {"name": "Lea L.", "time_zone": "Asia/Tokyo", "appearance": "system"}
    response = client.post("/settings/profile", filled | {"is_admin": "on"})
    assert response.url == "/settings/profile"
    cast.lead.refresh_from_db()
    assert (cast.lead.name, cast.lead.time_zone, cast.lead.is_admin) == ("Lea L.", "Asia/Tokyo", False)
    assert client.post("/settings/profile", filled | {"time_zone": "Nowhere"}).status_code == 422


def test_people_choose_how_pages_look(cast: Cast, sign_in: Any, client: Any) -> None:
    theirs = sign_in(cast.lead)
    pages = ("/", "/settings/profile", "/nowhere", "/account/logout", "/api/v1/docs")
    for page in pages:
        assert "data-theme" not in theirs.get(page).text
    filled = {"name": "Lea Lead", "time_zone": "UTC"}
    assert theirs.post("/settings/profile", filled | {"appearance": "dark"}).status_code == 302
    for page in pages:
        # With the first bytes of a page, so that no other colours come before.
        head = theirs.get(page).text[:600]
        assert 'data-theme="dark">' in head
        assert '<meta name="color-scheme" content="dark">' in head
    assert "data-theme" not in client.get("/account/login").text
    assert "data-theme" not in sign_in(cast.viewer).get("/").text
    assert theirs.post("/settings/profile", filled | {"appearance": "pink"}).status_code == 422


def test_the_look_is_chosen_by_the_api_too(cast: Cast) -> None:
    caller = Api(cast.lead)
    assert caller.get("me").json()["appearance"] == "system"
    assert caller.patch(f"users/{cast.lead.pk}", {"appearance": "light"}).json()["appearance"] == "light"
    assert caller.get("me").json()["appearance"] == "light"
    assert caller.patch(f"users/{cast.lead.pk}", {"appearance": "pink"}).status_code == 422
    shown = {row["id"]: row["appearance"] for row in caller.get("users").json()["data"]}
    assert shown.pop(cast.lead.pk) == "light"
    assert set(shown.values()) == {None}
    for other in (caller, Api(cast.admin)):
        refused = other.patch(f"users/{cast.viewer.pk}", {"appearance": "dark"})
        assert refused.status_code == 403
        assert "each person’s own choice" in refused.text


def test_an_administrator_adds_a_person_who_then_chooses_a_password(cast: Cast, sign_in: Any, client: Any) -> None:
    filled = {"name": "New Nora", "email": "nora@example.com", "time_zone": "UTC"}
    response = sign_in(cast.admin).post("/settings/people/new", filled, follow=True)
    assert "Forgot your password" in response.content.decode()
    nora = User.objects.get(email="nora@example.com")
    assert not nora.has_usable_password()
    client.post("/account/password", {"email": "nora@example.com"})
    assert [letter.to for letter in mail.outbox] == [["nora@example.com"]]


def test_an_address_is_taken_in_any_case(cast: Cast, sign_in: Any) -> None:
    filled = {"name": "Lea again", "email": "LEA@example.com", "time_zone": "UTC"}
    response = sign_in(cast.admin).post("/settings/people/new", filled)
    assert response.status_code == 422
    assert "exists already" in " ".join(response.context["form"].errors["email"])


def test_a_deactivated_person_is_out_at_once(cast: Cast, sign_in: Any) -> None:
    theirs = sign_in(cast.viewer)
    assert theirs.get("/").status_code == 200
    edit = f"/settings/people/{cast.viewer.pk}/edit"
    filled = {"name": "Vera Viewer", "email": "vera@example.com", "time_zone": "UTC"}
    assert sign_in(cast.admin).post(edit, filled).url == "/settings/people"
    assert theirs.get("/").status_code == 302


def test_the_last_administrator_stays_one(cast: Cast, sign_in: Any) -> None:
    edit = f"/settings/people/{cast.admin.pk}/edit"
    filled = {"name": "Ada Admin", "email": "ada@example.com", "time_zone": "UTC", "is_active": "on"}
    response = sign_in(cast.admin).post(edit, filled)
    assert response.status_code == 422
    assert "only administrator" in response.content.decode()


def test_a_token_is_shown_once_and_can_be_revoked(cast: Cast, sign_in: Any) -> None:
    client = sign_in(cast.viewer)
    ends = people.services.today(timezone.now()) + timedelta(days=30)
    filled = {"name": "Sheet", "scopes": ["read"], "expires_on": ends.isoformat()}
    response = client.post("/settings/tokens/new", filled)
    assert "no-store" in response.headers["Cache-Control"]
    secret = response.context["secret"]
    assert secret in response.content.decode()
    token = AccessToken.objects.get()
    assert token.digest == digest(secret)
    page = client.get("/settings/tokens").content.decode()
    assert token.prefix in page
    assert secret not in page
    assert sign_in(cast.lead).post(f"/settings/tokens/{token.pk}/revoke").status_code == 404
    assert "turned away at once" in client.get(f"/settings/tokens/{token.pk}/revoke").content.decode()
    assert client.post(f"/settings/tokens/{token.pk}/revoke").url == "/settings/tokens"
    assert "revoked" in client.get("/settings/tokens").content.decode()


@pytest.mark.parametrize(
    ("changed", "field"),
    [({"expires_on": "2020-01-01"}, "expires_on"), ({"scopes": []}, "scopes"), ({"name": ""}, "name")],
)
def test_a_token_needs_a_name_a_scope_and_an_end(cast: Cast, sign_in: Any, changed: dict[str, Any], field: str) -> None:
    filled = {"name": "Sheet", "scopes": ["read"], "expires_on": "2099-01-01"} | changed
    response = sign_in(cast.viewer).post("/settings/tokens/new", filled)
    assert response.status_code == 422
    assert field in response.context["form"].errors
    assert not AccessToken.objects.exists()


def test_the_organisation_changes_its_zone(cast: Cast, sign_in: Any) -> None:
    calendar = cast.organisation.calendar_id
    filled = {"name": "Infra", "time_zone": "Pacific/Auckland", "calendar": calendar, "version": 1}
    assert sign_in(cast.admin).post("/settings/organisation", filled).status_code == 302
    cast.organisation.refresh_from_db()
    assert (cast.organisation.name, cast.organisation.time_zone) == ("Infra", "Pacific/Auckland")


WEEK = {
    "name": "Dublin",
    "monday": "8",
    "tuesday": "7.5",
    "wednesday": "7:45",
    "thursday": "8",
    "friday": "6",
    "saturday": "0",
    "sunday": "",
}


def test_a_calendar_is_written_in_hours_and_lines(cast: Cast, sign_in: Any) -> None:
    client = sign_in(cast.admin)
    response = client.post("/settings/calendars/new", WEEK | {"holidays": "2026-12-25 Christmas\n\n2027-01-01"})
    assert response.url == "/settings/calendars"
    calendar = WorkingCalendar.objects.get(name="Dublin")
    assert calendar.minutes == (480, 450, 465, 480, 360, 0, 0)
    assert list(calendar.holidays.order_by("on").values_list("on", "name")) == [
        (date(2026, 12, 25), "Christmas"),
        (date(2027, 1, 1), ""),
    ]
    page = client.get(f"/settings/calendars/{calendar.pk}/edit").content.decode()
    assert "7:45" in page
    assert "2026-12-25 Christmas" in page
    client.post(f"/settings/calendars/{calendar.pk}/edit", WEEK | {"holidays": "2026-12-26 Boxing Day", "version": "1"})
    assert list(calendar.holidays.values_list("name", flat=True)) == ["Boxing Day"]
    assert "7:30" in client.get("/settings/calendars").content.decode()


def test_a_calendar_without_a_working_day_is_refused(cast: Cast, sign_in: Any) -> None:
    response = sign_in(cast.admin).post(
        "/settings/calendars/new", {"name": "Idle", **dict.fromkeys(list(WEEK)[1:], "0")}
    )
    assert response.status_code == 422
    assert "at least one working day" in response.content.decode()


def test_a_calendar_in_use_is_not_deleted(cast: Cast, sign_in: Any) -> None:
    client = sign_in(cast.admin)
    used = cast.organisation.calendar_id
    assert client.post(f"/settings/calendars/{used}/delete").status_code == 422
    spare = people.services.create_calendar(name="Spare", by=cast.admin)
    assert client.post(f"/settings/calendars/{spare.pk}/delete").url == "/settings/calendars"


@pytest.mark.parametrize("text", ["25", "24:30", "-1", "eight", "8:75"])
def test_hours_that_no_day_has_are_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        HoursField().clean(text)


def test_holidays_say_which_line_is_wrong() -> None:
    with pytest.raises(ValidationError) as refusal:
        HolidaysField().clean("2026-12-25 Christmas\nMonday\n2026-12-25 Again")
    assert refusal.value.messages == [
        "Line 2: begin with a day such as 2026-12-25.",
        "Line 3: 2026-12-25 stands there twice.",
    ]
