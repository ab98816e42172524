from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from people.models import User

if TYPE_CHECKING:
    from tests.conftest import Cast

PASSWORD = "correct horse battery"


@pytest.fixture
def member(cast: Cast) -> User:
    cast.viewer.set_password(PASSWORD)
    cast.viewer.save()
    return cast.viewer


def test_a_password_opens_the_portfolio(member: User, client: Client) -> None:
    answer = client.post("/account/login", {"login": member.email, "password": PASSWORD})
    assert (answer.status_code, answer["Location"]) == (302, "/")
    page = client.get("/")
    assert (page.status_code, 'class="toast"' in page.text) == (200, False)


def test_a_wrong_password_says_so(member: User, client: Client) -> None:
    answer = client.post("/account/login", {"login": member.email, "password": "guess"})
    assert answer.status_code == 200
    assert "not correct" in answer.content.decode()


def test_signing_out_is_asked_first(member: User, sign_in: Any) -> None:
    client = sign_in(member)
    assert "Sign out?" in client.get("/account/logout").content.decode()
    assert client.post("/account/logout").status_code == 302
    assert client.get("/").status_code == 302


def test_a_forgotten_password_is_replaced_by_letter(member: User, client: Client) -> None:
    assert client.post("/account/password", {"email": member.email})["Location"] == "/account/password/sent"
    link = re.search(r"http://testserver(/account/password/\S+)", str(mail.outbox[0].body))
    assert link
    form = client.get(link[1], follow=True)
    assert "Choose a new password" in form.content.decode()
    fresh = "another battery horse"
    client.post(form.redirect_chain[-1][0], {"password1": fresh, "password2": fresh})
    assert client.login(email=member.email, password=fresh)


def test_an_unknown_address_gets_the_same_answer_and_no_letter(cast: Cast, client: Client) -> None:
    assert client.post("/account/password", {"email": "nobody@example.com"})["Location"] == "/account/password/sent"
    assert mail.outbox == []


@pytest.mark.parametrize("path", ["signup", "email", "password/change", "confirm-email", "login/code"])
def test_nothing_else_of_the_sign_in_package_is_mounted(path: str, db: None, client: Client) -> None:
    assert client.get(f"/account/{path}").status_code in (302, 404)
    assert client.get(f"/account/{path}").get("Location", "/account/login").startswith("/account/login")


@pytest.mark.parametrize("name", ["account_login", "account_reset_password", "account_inactive"])
def test_pages_before_sign_in_keep_the_content_policy(name: str, db: None, client: Client) -> None:
    answer = client.get(reverse(name))
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert not re.search(r"<style|\sstyle=|<script(?![^>]* src=)|\son\w+=", answer.content.decode())
