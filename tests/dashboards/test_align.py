from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

import programs.services
from dashboards.objectives import tree
from milestones.models import Milestone
from programs.models import Objective, Program
from tests.conftest import FRIDAY

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


def test_a_period_has_the_year_in_which_it_begins(cast: Cast, sign_in: Any) -> None:
    for title, began in (("Two years", date(2026, 1, 1)), ("One year", date(2027, 2, 1))):
        programs.services.create_objective(
            by=cast.admin, title=title, period_start_on=began, period_end_on=date(2027, 12, 31)
        )
    page = sign_in(cast.viewer).get("/objectives").text
    assert "1 Jan 2026 to 31 Dec 2027" in page
    assert "1 Feb to 31 Dec 2027" in page


def test_programs_that_serve_nothing_are_counted_as_far_as_one_sees_them(cast: Cast, sign_in: Any) -> None:
    objective = programs.services.create_objective(by=cast.admin, title="Capacity")
    programs.services.change_program(program=cast.dark, by=cast.lead, objectives=[objective])
    page = sign_in(cast.viewer).get("/objectives").content.decode()
    assert "1 of 2 open programs serves no objective: Region NA-4 capacity." in page
    assert "Canary merger" in page
    page = sign_in(cast.outsider).get("/objectives").content.decode()
    assert "1 of 1 open programs serves no objective: Region NA-4 capacity." in page
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
    assert [(branch.objective.pk, branch.depth) for branch in tree(rows, FRIDAY)] == [(1, 0), (2, 1), (3, 0)]


@pytest.mark.parametrize(
    ("start", "now", "target", "share"),
    [(None, 1, 4, "0.25"), (60, 45, 30, "0.5"), (0, 8, 4, "2"), (None, 1, None, None), (None, 0, 0, None)],
)
def test_a_share_counts_from_the_start_and_needs_a_target(start: Any, now: int, target: Any, share: Any) -> None:
    row = Objective(start_value=start, current_value=Decimal(now), target_value=target)
    assert row.share == (Decimal(share) if share else None)


@pytest.mark.parametrize(
    ("now", "end", "words"),
    [(10, 182, "behind time"), (60, 182, "keeps pace"), (100, 182, "reached"), (60, -1, "not reached in time")],
)
def test_progress_is_judged_by_the_time_gone(now: int, end: int, words: str) -> None:
    row = Objective(
        pk=1, current_value=Decimal(now), target_value=Decimal(100), period_start_on=FRIDAY - timedelta(days=182),
        period_end_on=FRIDAY + timedelta(days=end),
    )  # fmt: skip
    [branch] = tree([row], FRIDAY)
    assert branch.words == words


def test_the_work_that_serves_nothing_is_counted_in_days(cast: Cast, sign_in: Any) -> None:
    objective = programs.services.create_objective(by=cast.admin, title="Capacity")
    programs.services.change_program(program=cast.na4, by=cast.lead, objectives=[objective])
    for program, days in ((cast.na4, 30), (cast.dark, 10)):
        Milestone.objects.create(program=program, name="Racks", work_likely=days * 480)
    Milestone.objects.create(program=cast.dark, name="Done", work_likely=480, done_on=FRIDAY)
    assert "<b>25%</b>, 10 of 40 days." in sign_in(cast.viewer).get("/objectives").text
    assert "All 1 open programs serve an objective." in sign_in(cast.outsider).get("/objectives").text


def test_an_objective_is_edited_where_it_stands(cast: Cast, sign_in: Any) -> None:
    row = programs.services.create_objective(by=cast.admin, title="Capacity", target_value=Decimal(640))
    client = sign_in(cast.viewer)
    edit = f"/objectives/{row.pk}/edit?only=current_value"
    assert f'href="{edit}"' in client.get("/objectives").text
    assert 'name="target_value"' not in client.get(edit).text
    assert client.post(edit, {"current_value": "212", "version": 1}).status_code == 302
    assert "33.1%" in client.get("/objectives").text
    answer = client.post(
        f"/objectives/{row.pk}/edit", {"title": "X", "start_value": 5, "target_value": 5, "version": 2}
    )
    assert "start_value" in answer.context["form"].errors


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
    assert len(queries) <= 13, len(queries)


def test_programs_without_a_rank_come_last(cast: Cast, sign_in: Any) -> None:
    programs.services.change_program(program=cast.na4, by=cast.admin, rank=2)
    programs.services.create_program(by=cast.admin, key="GPU", name="GPU fleet", rank=1)
    programs.services.create_program(by=cast.admin, key="ATLAS", name="Atlas")
    loose = sign_in(cast.outsider).get("/objectives").context["share"].loose
    assert [program.key for program in loose] == ["GPU", "NA4", "ATLAS"]
