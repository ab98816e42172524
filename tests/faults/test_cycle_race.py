"""Two people add the two halves of a loop at the same moment, two hundred times, over two real connections."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from milestones.models import Dependency, Milestone
from milestones.services import create_milestone, link
from tests.conftest import FRIDAY

if TYPE_CHECKING:
    from people.models import User
    from tests.conftest import Cast

TRIES = 200


def add(predecessor: Milestone, successor: Milestone, by: User, together: Barrier) -> str:
    """Link once both sides stand ready; what became of it."""
    together.wait()
    try:
        link(predecessor=predecessor, successor=successor, by=by)
    except ValidationError as refusal:
        return refusal.message_dict["predecessor"][0]
    return ""


def hang_up(together: Barrier) -> None:
    """Close this thread's own connection: the test database waits for it."""
    together.wait()
    connection.close()


@pytest.mark.django_db(transaction=True)
def test_one_of_two_halves_is_refused_every_time(cast: Cast) -> None:
    power, racks = (
        create_milestone(program=program, by=cast.lead, today=FRIDAY, name=name)
        for program, name in ((cast.na4, "Power"), (cast.dark, "Racks"))
    )
    together = Barrier(2)
    with ThreadPoolExecutor(2) as pool:
        try:
            for attempt in range(TRIES):
                halves = [
                    pool.submit(add, power, racks, cast.lead, together),
                    pool.submit(add, racks, power, cast.contributor, together),
                ]
                said = [half.result() for half in halves]
                assert Dependency.objects.count() == 1, f"try {attempt}: both halves were added"
                (refusal,) = filter(None, said)
                assert "would close a loop" in refusal
                Dependency.objects.all().delete()
        finally:
            for closed in [pool.submit(hang_up, together) for _ in range(2)]:
                closed.result()
