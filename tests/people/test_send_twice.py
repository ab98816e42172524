"""One form sent twice is one act; the same form opened anew is another."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test import Client

from milestones.models import Milestone, Workstream

if TYPE_CHECKING:
    from tests.conftest import Cast

TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')


def opened(client: Client, path: str) -> dict[str, str]:
    found = TOKEN.search(client.get(path).content.decode())
    assert found
    return {"csrfmiddlewaretoken": found[1]}


def test_a_page_sent_again_adds_no_second_row_and_says_so(cast: Cast, sign_in: Any) -> None:
    client, path = sign_in(cast.lead), "/p/NA4/milestones/new"
    form = opened(client, path) | {"name": "Fibre", "kind": "deliverable", "target_precision": "day"}
    first = client.post(path, form)
    again = client.post(path, form, follow=True)
    assert Milestone.objects.count() == 1
    assert again.redirect_chain[0][0] == first.headers["Location"]
    assert "sent twice and done once" in again.content.decode()
    client.post(path, form | opened(client, path))
    client.post(path, form | {"name": "Power"})
    assert sorted(Milestone.objects.values_list("name", flat=True)) == ["Fibre", "Fibre", "Power"]


def test_what_was_refused_can_be_sent_again(cast: Cast, sign_in: Any) -> None:
    client, path = sign_in(cast.lead), "/p/NA4/workstreams/new"
    form = opened(client, path) | {"name": "Power", "position": "0"}
    Workstream.objects.create(program=cast.na4, name="Power")
    assert client.post(path, form).status_code == 422
    Workstream.objects.all().delete()
    assert client.post(path, form).status_code == 302
    assert Workstream.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_at_the_same_moment_wait_for_each_other(cast: Cast, sign_in: Any) -> None:
    client, path = sign_in(cast.lead), "/p/NA4/milestones/new"
    form = opened(client, path) | {"name": "Fibre", "kind": "deliverable", "target_precision": "day"}

    def send(_: int) -> tuple[int, str]:
        other = Client()
        other.cookies = client.cookies
        try:
            answer = other.post(path, form)
            return answer.status_code, answer.headers["Location"]
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(send, range(4)))
    assert Milestone.objects.count() == 1
    assert len(set(answers)) == 1


def test_what_was_typed_for_a_deleted_row_is_shown(cast: Cast, sign_in: Any) -> None:
    client = sign_in(cast.lead)
    row = Milestone.objects.create(program=cast.na4, name="Fibre")
    Milestone.objects.all().delete()
    answer = client.post(f"/m/{row.pk}/edit", {"name": "Fibre <west>", "note": "Two\nlines", "version": "1"})
    page = answer.content.decode()
    assert answer.status_code == 404
    assert "Not saved: what you had typed" in page
    assert "Fibre &lt;west&gt;" in page
    assert "Two<br>lines" in page
    assert "typed" not in client.get(f"/m/{row.pk}/edit").content.decode()
