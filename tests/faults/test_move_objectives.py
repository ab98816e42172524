"""Two people move two objectives at the same moment through the API: neither waits for the other for ever."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection

from programs.models import Objective

if TYPE_CHECKING:
    from tests.conftest import Cast

TRIES = 10


@pytest.mark.django_db(transaction=True)
def test_two_moves_at_once_both_get_an_answer(cast: Cast, api: Any) -> None:
    one, other = (Objective.objects.create(title=title) for title in ("Capacity", "Reliability"))
    caller, together = api(cast.admin), Barrier(2)

    def move(row: Objective, below: Objective) -> int:
        together.wait()
        answer = caller.patch(f"objectives/{row.pk}", {"parent": below.pk}, headers={"If-Match": "*"})
        return int(answer.status_code)

    def hang_up() -> None:
        """Close this thread's own connection: the test database waits for it."""
        together.wait()
        connection.close()

    with ThreadPoolExecutor(2) as threads:
        for _ in range(TRIES):
            Objective.objects.update(parent=None)
            answers = [threads.submit(move, one, other), threads.submit(move, other, one)]
            assert sorted(answer.result() for answer in answers) == [200, 422]
        for done in [threads.submit(hang_up) for _ in range(2)]:
            done.result()
