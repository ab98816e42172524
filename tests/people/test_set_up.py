from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from people.models import Organisation, User

if TYPE_CHECKING:
    from tests.conftest import Cast

FILLED = {
    "organisation": "Infrastructure",
    "time_zone": "Europe/Berlin",
    "name": "Ada Admin",
    "email": "ada@example.com",
    "password": "cooling tower nine",
    "again": "cooling tower nine",
}


def test_a_new_installation_asks_to_be_set_up(db: None, client: Client) -> None:
    assert client.get("/", follow=True).redirect_chain[-1][0] == "/set-up"
    assert b"Set up your portfolio" in client.get("/set-up").content


def test_whoever_sets_up_administers_and_is_signed_in(db: None, client: Client) -> None:
    response = client.post("/set-up", FILLED, follow=True)
    assert response.redirect_chain == [("/", 302)]
    assert "Welcome, Ada Admin" in response.content.decode()
    user = User.objects.get()
    assert (user.is_admin, user.email, user.time_zone) == (True, "ada@example.com", "Europe/Berlin")
    assert user.check_password("cooling tower nine")
    assert Organisation.objects.get().name == "Infrastructure"


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("again", "another one", "The two passwords differ."),
        ("password", "short", "too short"),
        ("email", "nowhere", "valid email"),
        ("time_zone", "Mars/Crater", "Select a valid choice"),
        ("organisation", "", "required"),
    ],
)
def test_what_is_wrong_stands_beside_its_field(db: None, client: Client, field: str, value: str, said: str) -> None:
    filled = FILLED | {field: value} | ({"again": value} if field == "password" else {})
    response = client.post("/set-up", filled)
    assert response.status_code == 422
    assert said in " ".join(response.context["form"].errors[field])
    assert not User.objects.exists()


def test_it_is_gone_as_soon_as_there_is_a_person(cast: Cast, client: Client, sign_in: Any) -> None:
    assert client.get("/set-up").status_code == 404
    assert client.post("/set-up", FILLED).status_code == 404
    assert sign_in(cast.admin).get("/set-up").status_code == 404
    assert client.get("/account/login").status_code == 200


def test_an_administrator_can_be_made_on_the_command_line(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", iter(["cooling tower nine\n"]))
    call_command("create_admin", "ada@example.com", "Ada Admin", "--password-stdin", "--organisation", "Infra")
    assert User.objects.get().check_password("cooling tower nine")
    assert Organisation.objects.get().name == "Infra"
    monkeypatch.setattr("sys.stdin", iter(["short\n"]))
    with pytest.raises(CommandError, match="too short"):
        call_command("create_admin", "eve@example.com", "Eve", "--password-stdin")
    monkeypatch.setattr("sys.stdin", iter(["cooling tower nine\n"]))
    with pytest.raises(CommandError, match="exists already"):
        call_command("create_admin", "ADA@example.com", "Ada", "--password-stdin")
