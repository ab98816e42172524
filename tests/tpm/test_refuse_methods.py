"""An address that is asked in a way that it does not know says so on a page; the API says it as a problem."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.test import Client

if TYPE_CHECKING:
    from tests.conftest import Cast


def test_a_button_has_nothing_to_read(cast: Cast, sign_in: Any) -> None:
    answer = sign_in(cast.lead).get("/problems/record")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert "There is nothing to read here" in answer.text
    assert 'aria-label="Personal"' in answer.text


def test_a_page_takes_nothing(cast: Cast, sign_in: Any) -> None:
    answer = sign_in(cast.lead).post("/quality")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert "Nothing can be sent here" in answer.text


def test_who_sends_in_another_way_reads_which_are_known(cast: Cast, sign_in: Any) -> None:
    answer = sign_in(cast.lead).put("/problems/record")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert "This address does not take PUT" in answer.text
    assert "It takes POST. Nothing was changed." in answer.text
    assert "there to be read" not in answer.text


def test_who_is_signed_out_reads_it_at_the_door(cast: Cast) -> None:
    answer = Client().put("/account/password/sent")
    assert answer.status_code == 405
    assert "Nothing can be sent here" in answer.text
    assert 'aria-label="Personal"' not in answer.text


def test_endpoints_answer_with_a_problem(cast: Cast, sign_in: Any) -> None:
    answer = sign_in(cast.lead).put("/api/v1/inbox", {}, content_type="application/json")
    assert (answer.status_code, answer.headers["Content-Type"]) == (405, "application/problem+json")
    assert answer.headers["Allow"].startswith("GET")
