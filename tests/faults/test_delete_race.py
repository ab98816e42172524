"""Somebody deletes a milestone while another points at it, many times over two real connections: nobody crashes."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

import programs.services
from milestones.models import Milestone
from milestones.services import (
    change_dependency,
    create_milestone,
    create_requirement,
    delete_milestone,
    link,
)
from tests.conftest import FRIDAY, NOON, Api

if TYPE_CHECKING:
    from collections.abc import Callable

    from programs.models import Program
    from tests.conftest import Cast

TRIES = 25


def act(together: Barrier, write: Callable[[], Any]) -> bool:
    """Write once both sides stand ready; whether it was written, not refused."""
    together.wait()
    try:
        write()
    except ValidationError:
        return False
    return True


def hang_up(together: Barrier) -> None:
    """Close this thread's own connection: the test database waits for it."""
    together.wait()
    connection.close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("way", ["link it", "move a link onto it", "move a link of it", "require it"])
def test_deleting_while_another_points_at_it(cast: Cast, way: str) -> None:
    gpu = programs.services.create_program(by=cast.admin, key="GPU", name="GPU fleet", lead=cast.lead)
    together = Barrier(2)

    def milestone(name: str, program: Program = cast.na4) -> Milestone:
        return create_milestone(program=program, by=cast.lead, today=FRIDAY, name=name)

    def pointing_at(doomed: Milestone) -> Callable[[], Any]:
        racks, live = milestone("Racks"), milestone("Live", gpu)
        if way == "link it":
            return partial(link, predecessor=doomed, successor=racks, by=cast.lead)
        if way == "require it":
            fields: dict[str, Any] = {"program": cast.na4, "text": "Redundant", "today": FRIDAY}
            return partial(create_requirement, milestone=doomed, by=cast.lead, **fields)
        before, after = (live, doomed) if way == "move a link onto it" else (doomed, live)
        row = link(predecessor=before, successor=racks, by=cast.lead)
        return partial(change_dependency, dependency=row, predecessor=after, by=cast.lead, at=NOON)

    with ThreadPoolExecutor(2) as pool:
        try:
            for _ in range(TRIES):
                doomed = milestone("Power")
                point = pool.submit(act, together, pointing_at(doomed))
                delete = pool.submit(act, together, partial(delete_milestone, milestone=doomed, by=cast.lead))
                point.result()
                assert delete.result()
                assert not Milestone.objects.filter(pk=doomed.pk).exists()
        finally:
            for closed in [pool.submit(hang_up, together) for _ in range(2)]:
                closed.result()


@pytest.mark.django_db(transaction=True)
def test_both_through_the_api_at_the_versions_they_read(cast: Cast) -> None:
    together = Barrier(2)
    caller = Api(cast.lead)

    def send(method: str, path: str, body: dict[str, Any]) -> int:
        together.wait()
        answer = caller.client.generic(
            method, f"/api/v1/{path}", json.dumps(body), content_type="application/json", headers={"If-Match": '"v1"'}
        )
        return int(answer.status_code)

    with ThreadPoolExecutor(2) as pool:
        try:
            for _ in range(TRIES):
                doomed, racks, live = (
                    create_milestone(program=cast.na4, by=cast.lead, today=FRIDAY, name=name)
                    for name in ("Power", "Racks", "Live")
                )
                row = link(predecessor=doomed, successor=racks, by=cast.lead)
                move = pool.submit(send, "PATCH", f"dependencies/{row.pk}", {"predecessor": live.pk})
                delete = pool.submit(send, "DELETE", f"milestones/{doomed.pk}", {})
                assert delete.result() == 204
                assert move.result() in (200, 404, 412, 422)
        finally:
            for closed in [pool.submit(hang_up, together) for _ in range(2)]:
                closed.result()
