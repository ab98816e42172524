"""Who gives to whom: the map, the matrix and the table, for the portfolio and for one program."""

from __future__ import annotations

import random
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dashboards.hand_offs import hand_offs
from forecasts.models import MilestoneForecast, ProgramHealth, Run
from milestones.hand_offs import State, state_of
from milestones.models import Dependency, Milestone
from programs.models import Program
from programs.services import create_program
from reports.letters.facts import load
from reports.letters.parts.hand_offs import hand_off
from reports.since import Since
from tests.conftest import FRIDAY, Api

if TYPE_CHECKING:
    from tests.conftest import Cast

MOST_QUERIES = 25
MOST_BYTES = 150_000


def step(program: Program, name: str, **more: Any) -> Milestone:
    return Milestone.objects.create(program=program, name=name, **more)


def give(giver: Milestone, receiver: Milestone, *, late: int | None = None, agreement: str = "accepted") -> Dependency:
    """A hand-off needed on Friday, promised so many days later; not promised where none are given."""
    promised = None if late is None else FRIDAY + timedelta(days=late)
    return Dependency.objects.create(
        predecessor=giver, successor=receiver, need_by_on=FRIDAY, promised_on=promised, agreement=agreement
    )


def judge(program: Program, slip: int) -> None:
    run, _ = Run.objects.get_or_create(
        day=FRIDAY, engine_version="1", inputs_digest="0" * 64, revisions={}, defaults={"computed_at": timezone.now()}
    )
    ProgramHealth.objects.create(
        program=program, day=FRIDAY, health="off_track", slip_days=slip, policy_version=1, run=run, plan_revision=1,
        revision=1, computed_at=timezone.now(), p80_on=FRIDAY + timedelta(days=slip),
    )  # fmt: skip


@pytest.fixture
def web(cast: Cast) -> dict[str, Dependency]:
    """FIB gives NA4 three things, one late and one asked; NA4 gives back to FIB; GPU gives to NA4, late, unpromised."""
    fib = create_program(by=cast.admin, key="FIB", name="Fibre build", lead=cast.outsider)
    gpu = create_program(by=cast.admin, key="GPU", name="GPU fleet", lead=cast.admin)
    traffic, trench, ga = step(cast.na4, "Traffic"), step(fib, "Trench dug"), step(gpu, "Scheduler GA")
    rows = {
        "late": give(trench, traffic, late=10),
        "asked": give(step(fib, "Ducts laid"), traffic, agreement="proposed"),
        "agreed": give(step(fib, "Fibre lit"), traffic, late=-3),
        "back": give(step(cast.na4, "Racks live"), step(fib, "Handover"), late=-9),
        "expected": give(ga, traffic, agreement="proposed"),
        "there": give(step(gpu, "Image", done_on=FRIDAY), traffic, late=5),
    }
    judge(cast.na4, 30)
    judge(gpu, -4)
    MilestoneForecast.objects.create(
        milestone=ga, program=gpu, run=Run.objects.get(), start_on=FRIDAY, finish_on=FRIDAY,
        p80_on=FRIDAY + timedelta(days=21),
    )  # fmt: skip
    return rows


def shown(answer: Any) -> list[int]:
    return [hand_off.row.pk for hand_off in answer.context["hand_offs"]]


def ids(web: dict[str, Dependency], *names: str) -> list[int]:
    return [web[name].pk for name in names]


def test_the_map_says_what_it_shows(cast: Cast, web: dict[str, Dependency], sign_in: Any) -> None:
    answer = sign_in(cast.viewer).get("/dependencies")
    page = answer.text
    assert "6 hand-offs between 3 programs. 2 come later than needed." in page
    finding = "2 of 6 hand-offs are promised or expected later than needed; GPU fleet gives 1 of them."
    assert answer.context["finding"] == finding
    assert f'role="group" aria-label="Dependency map: {finding}' in page
    svg = page[page.index("<svg width") :]
    assert svg.count("<title>") == 3 + 3
    assert (
        "Fibre build to Region NA-4 capacity: 3 hand-offs, 1 later than needed by 10 days, 1 an open question, 1 tight"
        in svg
    )
    assert "Region NA-4 capacity to Fibre build: 1 hand-off, all agreed and in time" in svg
    assert 'href="?layout=table&amp;giver=FIB&amp;receiver=NA4"' in svg
    assert ' style="' not in page
    assert [pair.giver.key for pair, _ in answer.context["pairs"]] == ["GPU", "FIB", "NA4"]
    assert [one.row.pk for one in answer.context["pressing"]] == ids(web, "expected", "late", "asked")


def test_a_program_shows_its_own_part(cast: Cast, web: dict[str, Dependency], sign_in: Any) -> None:
    client = sign_in(cast.viewer)
    answer = client.get("/p/GPU/dependencies")
    assert "2 hand-offs between 2 programs." in answer.text
    assert 'class="node-card focus"' in answer.text
    assert shown(client.get("/p/GPU/dependencies?mine=owe")) == ids(web, "expected")
    assert shown(client.get("/p/GPU/dependencies?mine=owed")) == []
    assert "Gives <" in answer.text
    assert sorted(shown(client.get("/p/FIB/dependencies?layout=table"))) == sorted(
        ids(web, "late", "asked", "agreed", "back")
    )


def test_the_lists_of_a_program_add_up(cast: Cast, web: dict[str, Dependency], sign_in: Any) -> None:
    client = sign_in(cast.outsider)
    page = client.get("/p/NA4/dependencies")
    counts = {str(tab["label"]): tab["count"] for tab in page.context["tabs"]}
    assert counts == {"All": 6, "Gives": 1, "Gets": 4, "There already": 1}
    assert shown(client.get("/p/NA4/dependencies?mine=given&layout=table")) == [web["there"].pk]
    # In the portfolio most are other people's: these do not add up, and say whose they are.
    assert [str(tab["label"]) for tab in client.get("/dependencies").context["tabs"]] == [
        "All", "I owe", "Owed to me",
    ]  # fmt: skip


def test_the_matrix_has_givers_down_and_receivers_across(cast: Cast, web: dict[str, Dependency], sign_in: Any) -> None:
    answer = sign_in(cast.viewer).get("/dependencies?layout=matrix")
    square = answer.context["square"]
    assert [part.key for part in square.receivers] == ["NA4", "FIB"]
    assert [(giver.key, [pair.count if pair else 0 for pair in row]) for giver, row in square.rows] == [
        ("GPU", [2, 0]),
        ("FIB", [3, 0]),
        ("NA4", [0, 1]),
    ]
    assert re.search(r'class="heat h3"[^>]*>2 · \+21 d<', answer.text)


def test_the_worst_comes_first_and_damage_is_what_it_says(cast: Cast, web: dict[str, Dependency], sign_in: Any) -> None:
    answer = sign_in(cast.viewer).get("/dependencies?layout=table")
    assert shown(answer)[:2] == ids(web, "expected", "late")
    by_id = {one.row.pk: one for one in answer.context["hand_offs"]}
    # NA-4 is thirty days past its target: a day late counts double.
    assert (by_id[web["late"].pk].row.damage, by_id[web["late"].pk].weight) == (20, 2)
    assert by_id[web["expected"].pk].row.damage == 42
    assert (by_id[web["there"].pk].row.damage, by_id[web["there"].pk].state) == (0, "There")
    assert by_id[web["asked"].pk].state == "Open question"
    assert by_id[web["back"].pk].weight == 1


def test_the_api_says_the_same_of_each(cast: Cast, web: dict[str, Dependency]) -> None:
    inside = Dependency.objects.create(predecessor=web["back"].predecessor, successor=web["late"].successor)
    over = Dependency.objects.create(predecessor=web["late"].predecessor, successor=step(cast.na4, "No more"))
    Milestone.objects.filter(pk=over.successor_id).update(cancelled_on=FRIDAY)
    for viewer in (cast.viewer, cast.lead):
        pages = {row.pk: row.state for row in hand_offs(viewer)}
        told = {row["id"]: row["state"] for row in Api(viewer).get("dependencies").json()["data"]}
        assert {pk: state for pk, state in told.items() if state} == pages
        assert told[inside.pk] is told[over.pk] is None
    caller = Api(cast.viewer)
    late = caller.get("dependencies", state="late").json()["data"]
    assert sorted(row["id"] for row in late) == sorted(ids(web, "expected", "late"))
    assert caller.get(f"dependencies/{web['late'].pk}").json()["state"] == "late"
    assert caller.get("dependencies", state="nonsense").status_code == 400


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("giver=GPU", ["expected", "there"]),
        ("giver=fib&receiver=na4&state=late", ["late"]),
        ("giver=fibre+Build&receiver=Region+NA-4+capacity&state=late", ["late"]),
        ("program=FIB&state=agreed", ["back"]),
        ("program=FIB&state=tight", ["agreed"]),
        ("state=open", ["asked"]),
        ("state=there", ["there"]),
        ("giver=-&state=late", ["expected", "late"]),
        ("giver=NONE&state=late", ["expected", "late"]),
        ("sort=name&receiver=FIB", ["back"]),
        ("state=nonsense&sort=nonsense&giver=GPU&page=x", ["expected", "there"]),
    ],
)
def test_the_address_filters_and_sorts(
    cast: Cast, web: dict[str, Dependency], sign_in: Any, query: str, names: list[str]
) -> None:
    answer = sign_in(cast.viewer).get(f"/dependencies?layout=table&{query}")
    assert [one.row.pk for one in answer.context.get("hand_offs", [])] == ids(web, *names)


def test_one_verdict_says_how_each_stands(cast: Cast, web: dict[str, Dependency], sign_in: Any) -> None:
    undated = give(step(cast.na4, "Contract"), step(web["late"].predecessor.program, "Signed"))
    Dependency.objects.filter(pk=undated.pk).update(need_by_on=None)
    rows = list(hand_offs(cast.viewer))
    assert {row.state for row in rows} == set(State)
    for row in rows:
        said = state_of(is_there=row.there, agreement=row.agreement, slack_days=row.slack_days)
        assert said == row.state, row
    table = sign_in(cast.viewer).get("/dependencies?layout=table").context["hand_offs"]
    tones = {one.row.pk: one.tone for one in table if not one.row.there}
    week = Since.end_of(FRIDAY - timedelta(days=7), ZoneInfo("UTC"))
    facts = load(frozenset({cast.na4.pk}), today=FRIDAY, zone=ZoneInfo("UTC"), since=week)
    lines = {row.pk: hand_off(row, facts, "") for row in facts.hand_offs}
    assert {pk: line.tone for pk, line in lines.items()} == {pk: tones[pk] for pk in lines}
    assert lines[web["agreed"].pk].slack == "3 d of slack, tight"
    sync = Api(cast.viewer).get("programs/NA4/sync").json()["hand_offs"]
    assert {one["dependency"]: one["state"] for one in sync} == {web[name].pk: state for name, state in (
        ("asked", "open"), ("expected", "late"), ("late", "late"),
    )}  # fmt: skip


def test_a_need_that_is_over_is_not_late(cast: Cast, web: dict[str, Dependency], sign_in: Any) -> None:
    client, late = sign_in(cast.viewer), web["late"]
    path = f"/m/{late.successor_id}"
    assert "10 d late" in client.get(path).text
    Milestone.objects.filter(pk=late.successor_id).update(done_on=FRIDAY)
    text = client.get(path).text
    assert "no longer needed" in text
    assert "10 d late" not in text


def test_a_row_says_where_the_givers_own_forecast_misses_its_promise(
    cast: Cast, web: dict[str, Dependency], sign_in: Any
) -> None:
    late = web["late"]
    MilestoneForecast.objects.create(
        milestone=late.predecessor, program=late.predecessor.program, run=Run.objects.get(), start_on=FRIDAY,
        finish_on=FRIDAY, p80_on=FRIDAY + timedelta(days=33),
    )  # fmt: skip
    page = sign_in(cast.viewer).get("/dependencies?layout=table")
    assert page.text.count("d after the promise") == 1
    assert "P80 23 Dec" in page.text
    assert "23 d after the promise" in page.text
    assert '<span class="tag key">FIB</span>' in page.text
    # Of a giver that the reader does not see there is no forecast.
    Program.objects.filter(key="FIB").update(visibility="private", lead=cast.admin)
    page = sign_in(cast.contributor).get("/dependencies?layout=table")
    assert late.pk in shown(page)
    assert "after the promise" not in page.text
    assert "FIB" not in page.text


def test_what_one_owes_is_in_groups_with_an_answer_on_the_row(
    cast: Cast, web: dict[str, Dependency], sign_in: Any
) -> None:
    giver, receiver = sign_in(cast.outsider), sign_in(cast.contributor)
    answer = giver.get("/dependencies?mine=owe")
    assert shown(answer) == ids(web, "asked", "late", "agreed")
    assert [one.heading for one in answer.context["hand_offs"]] == ["Asked, not answered", "Agreed", ""]
    assert f'action="/links/{web["asked"].pk}/answer"' in answer.text
    assert f'hx-post="/links/{web["asked"].pk}/answer/impact"' in answer.text, "What the day would move, as one types"
    assert f'action="/links/{web["late"].pk}/answer"' not in answer.text
    assert shown(giver.get("/dependencies?mine=owed")) == ids(web, "back")
    assert shown(receiver.get("/dependencies?mine=owed")) == ids(web, "expected", "asked", "late", "agreed")
    assert shown(receiver.get("/dependencies?mine=owe")) == ids(web, "back")
    assert "Nothing is open here" in sign_in(cast.viewer).get("/dependencies?mine=owe").text


def test_a_hidden_program_is_one_private_node_and_its_days_count_for_nothing(
    cast: Cast, web: dict[str, Dependency], sign_in: Any
) -> None:
    judge(cast.dark, 300)
    secret = step(cast.dark, "Canary close")
    takes = give(step(Program.objects.get(key="GPU"), "Fleet live"), secret, late=2)
    gives = give(secret, step(Program.objects.get(key="FIB"), "Backhaul"), agreement="proposed")
    MilestoneForecast.objects.create(
        milestone=secret, program=cast.dark, run=Run.objects.get(), start_on=FRIDAY, finish_on=FRIDAY,
        p80_on=FRIDAY + timedelta(days=99),
    )  # fmt: skip
    client = sign_in(cast.outsider)
    for query in ("", "?layout=matrix", "?layout=table", "?mine=owed"):
        page = client.get(f"/dependencies{query}").text
        assert "rivate program" in page, query
        assert not re.search(r"canary|\bDARK\b", page[page.index("<main") :], re.IGNORECASE), query
    rows = {one.row.pk: one for one in client.get("/dependencies?layout=table").context["hand_offs"]}
    assert (rows[takes.pk].row.damage, rows[takes.pk].weight) == (2, 1)
    assert rows[gives.pk].row.slack_days is None
    assert shown(client.get("/dependencies?layout=table&giver=-")) == [gives.pk]
    assert shown(client.get("/dependencies?layout=table&receiver=-")) == [takes.pk]
    hidden, missing = (client.get(f"/dependencies?layout=table&program={key}") for key in ("DARK", "NOPE"))
    assert shown(hidden) == shown(missing) == shown(client.get("/dependencies?layout=table"))
    assert "No hand-off here has the program “DARK”." in hidden.text
    seen = {one.row.pk: one for one in sign_in(cast.lead).get("/dependencies?layout=table").context["hand_offs"]}
    assert (seen[takes.pk].row.damage, seen[gives.pk].row.slack_days) == (22, -99)


def test_nothing_to_show_says_what_would_fill_it(cast: Cast, sign_in: Any) -> None:
    client = sign_in(cast.lead)
    for path in ("/dependencies", "/dependencies?layout=matrix", "/dependencies?layout=table", "/p/NA4/dependencies"):
        assert "No hand-offs yet" in client.get(path).text
    assert "No hand-offs yet" in client.get("/dependencies?mine=owe&giver=NA4").text


def test_it_stays_small_and_quick_to_ask_at_any_size(cast: Cast, sign_in: Any) -> None:
    """331 programs and 10,000 hand-offs, loops among them."""
    pick = random.Random(7)
    programs = Program.objects.bulk_create(
        Program(key=f"X{n}", name=f"Program of quite some name {n}", lead=cast.lead) for n in range(331)
    )
    steps = Milestone.objects.bulk_create(
        Milestone(program=p, name=f"Part of {p.key}") for p in programs for _ in "abc"
    )
    pairs = {tuple(pick.sample(range(len(steps)), 2)) for _ in range(10_400)}
    crossing = [(a, b) for a, b in sorted(pairs) if steps[a].program_id != steps[b].program_id][:10_000]
    Dependency.objects.bulk_create(
        Dependency(
            predecessor=steps[a],
            successor=steps[b],
            need_by_on=FRIDAY,
            promised_on=FRIDAY + timedelta(days=pick.randrange(-40, 30)),
            agreement=pick.choice(["accepted", "accepted", "proposed", "countered"]),
        )
        for a, b in crossing
    )
    for program in programs:
        judge(program, pick.randrange(-10, 60))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # rows of an open transaction are hidden from whoever else would count them
    client = sign_in(cast.lead)
    too_much = {}
    for path in (
        "/dependencies",
        "/dependencies?layout=matrix",
        "/dependencies?layout=table",
        "/dependencies?mine=owe",
        "/dependencies?mine=owed&page=3",
        "/dependencies?program=X7",
        "/p/X7/dependencies",
        "/p/X7/dependencies?layout=table",
    ):
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(path)
        assert answer.status_code == 200
        if len(queries) > MOST_QUERIES or len(answer.content) > MOST_BYTES:
            too_much[path] = (len(queries), len(answer.content))
    assert too_much == {}
    drawn = client.get("/dependencies")
    assert len(drawn.context["shown"].parts) <= 60
    assert "Not drawn for want of room" in drawn.text
