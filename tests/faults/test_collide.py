"""A write that the database gives up for another's sake answers 409, on a page and at the API, and wrote nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TYPE_CHECKING

import pytest
from django.db import connection, transaction

from milestones.models import Milestone
from milestones.services import create_milestone
from tests.conftest import FRIDAY, Api

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from people.models import User
    from tests.conftest import Cast


def hold(pk: int, held: Event, enough: Event) -> None:
    """Keep a milestone locked over a connection of its own."""
    with transaction.atomic():
        Milestone.objects.select_for_update().get(pk=pk)
        held.set()
        enough.wait(30)
    connection.close()


@pytest.mark.django_db(transaction=True)
def test_a_write_that_was_given_up(cast: Cast, sign_in: Callable[[User], Client]) -> None:
    row = create_milestone(program=cast.na4, by=cast.lead, today=FRIDAY, name="Power")
    caller, browser = Api(cast.lead), sign_in(cast.lead)
    held, enough = Event(), Event()
    with ThreadPoolExecutor(1) as pool:
        holder = pool.submit(hold, row.pk, held, enough)
        try:
            assert held.wait(30)
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '50ms'")
            answer = caller.patch(f"milestones/{row.pk}", {"name": "Light"})
            page = browser.post(f"/m/{row.pk}/cancel")
        finally:
            with connection.cursor() as cursor:
                cursor.execute("RESET lock_timeout")
            enough.set()
            holder.result()
    assert (answer.status_code, answer.headers["Content-Type"]) == (409, "application/problem+json")
    assert "Send it again" in answer.json()["detail"]
    assert page.status_code == 409
    assert "nothing of yours was written" in page.content.decode()
    assert Milestone.objects.get().name == "Power"
