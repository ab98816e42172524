"""Pages of people and programs ask few questions of the database, however much there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

import people.services
import programs.services
from people.models import Team, User
from programs.models import Objective, Phase, Program, Role

if TYPE_CHECKING:
    from tests.conftest import Cast

MOST_QUERIES = 25
PAGES = [
    "/programs/new",
    "/programs/new/blank",
    "/programs/new/data-centre-region",
    "/p/NA4/copy",
    "/p/NA4/edit",
    "/p/NA4/delete",
    "/p/NA4/people",
    "/p/NA4/roles/new",
    "/p/NA4/slots/new",
    "/p/NA4/phases",
    "/p/NA4/phases/new",
    "/p/NA4/related",
    "/p/NA4/related/new",
    "/objectives",
    "/objectives/new",
    "/teams",
    "/teams/new",
    "/settings",
    "/settings/profile",
    "/settings/tokens",
    "/settings/people",
    "/settings/calendars",
    "/settings/organisation",
]


def asked(client: Any) -> dict[str, int]:
    counts = {}
    for path in PAGES:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(path).status_code == 200
        counts[path] = len(queries)
    return counts


@pytest.fixture
def much(cast: Cast) -> None:
    for n in range(40):
        user = User.objects.create(email=f"p{n}@example.com", name=f"Person {n}")
        team = Team.objects.create(name=f"Team {n}")
        Program.objects.create(key=f"X{n}", name=f"Program {n}", lead=user, owning_team=team)
        Objective.objects.create(title=f"Objective {n}", owner=user)
        Role.objects.create(program=cast.na4, user=user, kind="viewer")
        programs.services.create_slot(program=cast.na4, by=cast.lead, title=f"Slot {n}", person=user, team=team)
        people.services.set_members(team=team, members=[user, cast.lead], by=cast.admin)
        calendar = people.services.create_calendar(name=f"Calendar {n}", by=cast.admin)
        Team.objects.filter(pk=team.pk).update(calendar=calendar)
    for program in Program.objects.exclude(pk=cast.na4.pk):
        programs.services.relate(program=cast.na4, other=program, kind="see_also", by=cast.admin)
    for kind in Phase.Kind:
        phase = programs.services.create_phase(program=cast.na4, by=cast.lead, kind=kind, approver=cast.viewer)
        for n in range(5):
            programs.services.create_criterion(phase=phase, by=cast.lead, text=f"Criterion {n}")
            programs.services.create_gate_action(phase=phase, by=cast.lead, text=f"Action {n}", owner=cast.viewer)


def test_little_takes_few_queries(cast: Cast, sign_in: Any) -> None:
    assert {path: n for path, n in asked(sign_in(cast.admin)).items() if n > MOST_QUERIES} == {}


def test_much_takes_as_few(cast: Cast, much: None, sign_in: Any) -> None:
    assert {path: n for path, n in asked(sign_in(cast.admin)).items() if n > MOST_QUERIES} == {}
