from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

import programs.services
from programs.models import Objective, Program
from programs.views import tree

if TYPE_CHECKING:
    from tests.conftest import Cast


def test_anybody_writes_objectives_as_a_tree(cast: Cast, sign_in: Any) -> None:
    client = sign_in(cast.outsider)
    assert "No objectives yet" in client.get("/objectives").content.decode()
    client.post("/objectives/new", {"title": "Capacity before demand"})
    top = Objective.objects.get()
    measured = {"title": "Racks in service", "parent": top.pk, "current_value": "212", "target_value": "640"}
    assert client.post("/objectives/new", measured).url == "/objectives"
    below = Objective.objects.get(parent=top)
    page = client.get("/objectives").content.decode()
    assert page.index("Capacity before demand") < page.index("Racks in service")
    assert "33.1%" in page
    response = client.post(f"/objectives/{top.pk}/edit", {"title": top.title, "parent": below.pk, "version": 1})
    assert response.status_code == 422
    assert "cannot lie below itself" in response.content.decode()
    response = client.post(f"/objectives/{top.pk}/delete")
    assert response.status_code == 422
    client.post(f"/objectives/{below.pk}/edit", {"title": "Racks", "closed_on": "2026-11-20", "version": 1})
    assert "Racks" in client.get("/objectives?show=closed").content.decode()
    for row in (below, top):
        assert client.post(f"/objectives/{row.pk}/delete").url == "/objectives"
    assert not Objective.objects.exists()


def test_a_period_in_the_wrong_order_is_refused_beside_its_field(cast: Cast, sign_in: Any) -> None:
    dates = {"title": "X", "period_start_on": "2027-01-01", "period_end_on": "2026-01-01"}
    response = sign_in(cast.outsider).post("/objectives/new", dates)
    assert "period_end_on" in response.context["form"].errors


def test_programs_that_serve_nothing_are_counted_as_far_as_one_sees_them(cast: Cast, sign_in: Any) -> None:
    objective = programs.services.create_objective(by=cast.admin, title="Capacity")
    programs.services.change_program(program=cast.dark, by=cast.lead, objectives=[objective])
    page = sign_in(cast.viewer).get("/objectives").content.decode()
    assert "1 of 2 open programs serve an objective" in page
    assert "Canary merger" in page
    page = sign_in(cast.outsider).get("/objectives").content.decode()
    assert "0 of 1 open programs serve an objective" in page
    assert "Canary" not in page


def test_two_moves_that_would_close_a_ring_are_refused(cast: Cast) -> None:
    one, two = (programs.services.create_objective(by=cast.admin, title=title) for title in "AB")
    programs.services.change_objective(objective=one, by=cast.admin, parent=two)
    with pytest.raises(ValidationError):
        programs.services.change_objective(objective=two, by=cast.admin, parent=one)


def test_a_tree_reads_from_the_top() -> None:
    rows = [
        Objective(pk=1, title="A"),
        Objective(pk=2, title="B", parent_id=1),
        Objective(pk=3, title="C", parent_id=9),
    ]
    assert [(branch.objective.pk, branch.depth) for branch in tree(rows)] == [(1, 0), (2, 1), (3, 0)]


def test_a_share_needs_a_target() -> None:
    rows = [
        Objective(pk=1, current_value=Decimal(1), target_value=Decimal(4)),
        Objective(pk=2, current_value=Decimal(1)),
    ]
    assert [branch.share for branch in tree(rows)] == [Decimal("0.25"), None]


@pytest.mark.parametrize("size", [3, 60])
def test_any_number_of_objectives_takes_the_same_few_queries(cast: Cast, sign_in: Any, size: int) -> None:
    Objective.objects.bulk_create(Objective(title=f"O{n}", owner=cast.lead) for n in range(size))
    for n in range(size):
        program = Program.objects.create(key=f"P{n}", name=f"P{n}", lead=cast.lead)
        program.alignments.create(objective=Objective.objects.all()[n])
    client = sign_in(cast.lead)
    client.get("/objectives")
    with CaptureQueriesContext(connection) as queries:
        assert client.get("/objectives").status_code == 200
    assert len(queries) <= 12


def test_programs_without_a_rank_come_last(cast: Cast, sign_in: Any) -> None:
    programs.services.change_program(program=cast.na4, by=cast.admin, rank=2)
    programs.services.create_program(by=cast.admin, key="GPU", name="GPU fleet", rank=1)
    programs.services.create_program(by=cast.admin, key="ATLAS", name="Atlas")
    loose = sign_in(cast.outsider).get("/objectives").context["loose"]
    assert [program.key for program in loose] == ["GPU", "NA4", "ATLAS"]
