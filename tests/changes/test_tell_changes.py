"""All changes: who, when, what before and after, why; of what one sees, by program, person, kind and week."""

from __future__ import annotations

from copy import copy
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import changes.services
import history
import metrics.services
import people.services
import programs.services
import reports.updates.services
import risks.services
from changes.log import MOST_ACTS
from changes.pages import MOST_OFFERED
from history.changes import changes_of
from history.models import ChangeSet
from milestones.models import Milestone
from milestones.services import (
    answer_hand_off,
    change_dependency,
    change_milestone,
    create_milestone,
    delete_milestone,
    link,
)
from people.models import User
from programs.models import Program
from programs.services import relate
from risks.services import Impact, create_risk
from tests.conftest import FRIDAY

if TYPE_CHECKING:
    from tests.conftest import Cast

MOST_QUERIES = 25


@pytest.fixture
def step(cast: Cast) -> Milestone:
    return create_milestone(program=cast.na4, by=cast.lead, today=FRIDAY, name="Power on", work_likely=480)


def move(step: Milestone, cast: Cast, **changes: Any) -> None:
    change_milestone(milestone=step, by=cast.lead, today=FRIDAY, at=timezone.now(), **changes)


def test_it_says_who_what_when_and_why(cast: Cast, step: Milestone, sign_in: Any) -> None:
    move(step, cast, name="Power is on", work_likely=960, owner=cast.contributor)
    page = sign_in(cast.outsider).get("/changes")
    (row,) = page.context["acts"][0].rows
    said = {field.label: (field.before, field.after) for field in row.fields}
    assert said == {
        "name": ("Power on", "Power is on"), "work": ("1 d", "2 d"), "owner": ("", "Cem Contributor"),
    }  # fmt: skip
    assert (row.title, row.url, row.program) == ("Power is on", f"/m/{step.pk}", "Region NA-4 capacity")
    assert page.context["acts"][0].by == cast.lead
    assert not page.context["acts"][0].undoable
    of_one = sign_in(cast.outsider).get("/p/NA4/changes")
    assert of_one.context["acts"][0].pk == page.context["acts"][0].pk
    assert sign_in(cast.outsider).get("/p/DARK/changes").status_code == 404


def test_what_one_does_not_see_is_not_told(cast: Cast, step: Milestone, sign_in: Any) -> None:
    """An act over two programs tells of the visible one alone, without the words given for it."""
    hidden = create_milestone(program=cast.dark, by=cast.lead, today=FRIDAY, name="Canary step")
    with history.because("Canary plans", by_id=cast.lead.pk):
        move(step, cast, name="Both")
        change_milestone(milestone=hidden, by=cast.lead, today=FRIDAY, at=timezone.now(), name="Canary moved")
    link(predecessor=hidden, successor=step, by=cast.lead)
    risk = create_risk(program=cast.na4, by=cast.lead, today=FRIDAY, title="Spill", impacts=[Impact(hidden, 1, 2, 3)])
    assert risk.impacts.exists()
    for path in ("/changes", "/p/NA4/changes", "/changes?kind=milestone", "/changes?person=me"):
        page = sign_in(cast.outsider).get(path)
        assert "Canary" not in page.text, path
        assert "DARK" not in page.text, path
    seen = sign_in(cast.viewer).get("/changes")
    assert "Canary plans" in seen.text
    assert "Canary moved" in seen.text
    both = sign_in(cast.outsider).get("/changes?kind=dependency").context["acts"][0].rows[0]
    assert both.title == "something in a private program → Both"
    assert sign_in(cast.outsider).get("/changes?program=DARK").context["refused"]


def test_who_acts_in_a_hidden_program_is_not_named(cast: Cast, step: Milestone, sign_in: Any, api: Any) -> None:
    """A hand-off shows on both sides; of a hidden giver neither who answered, nor what its tool calls it."""
    giver = programs.services.create_program(
        by=cast.admin, key="SHH", name="Secret", lead=cast.outsider, visibility=Program.Visibility.PRIVATE
    )
    given = create_milestone(program=giver, by=cast.outsider, today=FRIDAY, name="Given")
    row = link(predecessor=given, successor=step, by=cast.admin)
    at = timezone.now()
    change_dependency(dependency=row, by=cast.admin, at=at, external_key="SHH-7", note="By hand")
    answer_hand_off(dependency=row, agreement="accepted", by=cast.outsider, on=FRIDAY, at=at, note="From our plant")
    relate(program=cast.na4, other=giver, kind="see_also", by=cast.admin)

    def told(client: Any, query: str = "") -> list[Any]:
        return list(client.get(f"/p/NA4/changes?{query}").context["acts"])

    viewer, admin = sign_in(cast.viewer), sign_in(cast.admin)
    acts = [act for act in told(viewer) if any(row.noun == "dependency" for row in act.rows)]
    assert [(act.by, act.reason) for act in acts] == [(None, "")] * 3
    fields = [field for act in acts for row in act.rows for field in row.fields]
    assert {field.label for field in fields} == {"note", "agreement", "agreed on"}
    assert not told(viewer, f"person={cast.outsider.pk}")
    assert not told(viewer, "kind=program")[:-1], "Only that it was created"
    of_both = [(act.by, act.reason) for act in told(admin, "kind=dependency")]
    assert (cast.outsider, "From our plant") in of_both
    assert len(told(admin, f"person={cast.outsider.pk}")) == 1
    assert len(told(admin, "kind=program")) == 2
    # Nor does the inbox of who asked name them.
    [notice] = api(cast.lead).get("notices").json()["data"]
    assert (notice["by"], notice["text"]) == (None, "Accepted. From our plant")
    assert "Otto" not in sign_in(cast.lead).get("/inbox").text


def test_filters_leave_what_they_ask_for(cast: Cast, step: Milestone, sign_in: Any) -> None:
    old = timezone.now() - timedelta(days=30)
    with history.replaying(old):
        programs.services.create_objective(by=cast.admin, title="Of last month")
    week = "{}-W{:02}".format(*old.isocalendar()[:2])
    client = sign_in(cast.lead)

    def told(query: str) -> list[str]:
        page = client.get(f"/changes?{query}")
        assert not page.context["refused"], query
        return [row.noun for act in page.context["acts"] for row in act.rows]

    assert set(told("kind=milestone")) == {"milestone"}
    assert set(told("kind=objective")) == {"objective"}
    assert told(f"week={week}") == ["objective"]
    assert "objective" not in told(f"since={(old + timedelta(days=2)).date()}")
    assert "milestone" in told("person=me")
    assert "objective" not in told("person=me")
    assert "milestone" in told("program=NA4&kind=milestone")
    refused = client.get("/changes?kind=x&person=7x&week=2026-W77&colour=red&before=z").context["refused"]
    assert len(refused) == 4


def test_an_own_change_is_taken_back_and_done_again_from_here(cast: Cast, step: Milestone, sign_in: Any) -> None:
    move(step, cast, name="Other")
    client = sign_in(cast.lead)
    act = client.get("/changes").context["acts"][0]
    assert act.undoable
    answer = client.post("/undo", {"change_set": act.pk, "next": "/changes"}, follow=True)
    assert Milestone.objects.get(pk=step.pk).name == "Power on"
    assert "Redo" in answer.text
    undoing, undone = answer.context["acts"][:2]
    assert (undone.pk, undone.undone.pk, undone.undoable) == (act.pk, undoing.pk, False)
    assert "Undone by" in answer.text
    assert f'href="/changes?before={undoing.pk + 1}#change-{undoing.pk}"' in answer.text
    assert sign_in(cast.outsider).get(f"/changes?before={undoing.pk + 1}").context["acts"][0].pk == undoing.pk
    # Done again, it stands, and is taken back by taking back what did it again.
    for name, reasons in (("Other", ["Redo", "Undo"]), ("Power on", ["Undo", "Redo", "Undo"])):
        client.post("/undo", {"change_set": client.get("/changes").context["acts"][0].pk, "next": "/changes"})
        assert Milestone.objects.get(pk=step.pk).name == name
        told = client.get("/changes").context["acts"]
        *again, first = told[: len(reasons) + 1]
        assert [one.reason.partition(":")[0] for one in again] == reasons
        assert [one.undoable for one in told[: len(reasons) + 1]] == [True] + [False] * len(reasons)
        assert first.undone == (ChangeSet.objects.get(pk=again[0].pk) if name == "Power on" else None)


def test_acts_of_long_ago_are_told_in_one_verb(cast: Cast, step: Milestone, sign_in: Any, api: Any) -> None:
    """What was done again was once stored as “Undo: Undo: …”."""
    move(step, cast, name="Other")
    client = sign_in(cast.lead)
    said = client.get("/changes").context["acts"][0].reason

    def take_back(stored: str = "") -> Any:
        client.post("/undo", {"change_set": client.get("/changes").context["acts"][0].pk, "next": "/changes"})
        if stored:
            ChangeSet.objects.filter(pk=ChangeSet.objects.latest("pk").pk).update(reason=f"{stored}: {said}")
        return client.get("/changes").context["acts"][0]

    take_back()
    for stored, told, is_undo in (
        ("Undo: Undo", "Redo", False),
        ("Redo: Undo", "Undo", True),
        ("", "Redo", False),
        ("", "Undo", True),
    ):
        act = take_back(stored)
        assert (act.reason, act.is_undo) == (f"{told}: {said}", is_undo)
    reasons = [row["reason"].removesuffix(f": {said}") for row in api(cast.lead).get("change-sets").json()["data"]]
    assert reasons[:6] == ["Undo", "Redo", "Undo", "Redo", "Undo", said]
    assert [change.reason for change in changes_of(step)][:2] == [f"Undo: {said}", f"Redo: {said}"]


def test_what_stands_is_not_offered_to_be_taken_back(cast: Cast, step: Milestone, sign_in: Any) -> None:
    """Nor what came of it as part of one act; what the same person wrote beside it can be."""
    now = timezone.now()
    said: dict[str, Any] = {"health": "on_track", "text": "Well.", "ask": "", "path_to_green": ""}
    update = reports.updates.services.begin_update(program=cast.na4, by=cast.lead, at=now, **said)
    reports.updates.services.publish_update(update=update, by=cast.lead, at=now)
    gate = programs.services.create_phase(program=cast.na4, by=cast.lead, kind="design", gate_on=FRIDAY)
    programs.services.decide_gate(phase=gate, decision="passed", by=cast.lead, on=FRIDAY)
    move(step, cast, name="Other")
    acts = sign_in(cast.lead).get("/changes").context["acts"]
    offered = {row.noun for act in acts if act.undoable for row in act.rows}
    kept = {row.noun for act in acts if act.by == cast.lead and not act.undoable for row in act.rows}
    assert {"milestone", "phase"} <= offered
    assert kept == {"reported health", "phase"}
    for act in acts:
        if act.by == cast.lead and not act.undoable:
            written = ChangeSet.objects.get(pk=act.pk)
            with pytest.raises(ValidationError, match="cannot be taken back"):
                changes.services.undo(change_set=written, by=cast.lead, at=timezone.now())


def test_a_probability_is_told_in_per_cent(cast: Cast, sign_in: Any) -> None:
    risk = create_risk(program=cast.na4, by=cast.lead, today=FRIDAY, title="Pumps late", probability=Decimal("0.5"))
    risks.services.change_risk(risk=risk, by=cast.lead, today=FRIDAY, probability=Decimal("0.6"))
    act = sign_in(cast.outsider).get("/changes").context["acts"][0]
    assert [(field.before, field.after) for field in act.rows[0].fields] == [("50%", "60%")]
    page = sign_in(cast.outsider).get(f"/r/R-{risk.pk}")
    assert [(field.before, field.after) for field in page.context["changes"][0].fields] == [("50%", "60%")]


def test_deleted_rows_are_told_by_name(cast: Cast, step: Milestone, sign_in: Any) -> None:
    delete_milestone(milestone=step, by=cast.lead)
    row = next(row for act in sign_in(cast.outsider).get("/changes").context["acts"] for row in act.rows)
    assert (row.title, row.verb, row.url) == ("Power on", "deleted", "")


def test_pages_go_back_and_ask_little(cast: Cast, sign_in: Any) -> None:
    with history.because("Many at once", by_id=cast.lead.pk):
        for n in range(12):
            create_milestone(program=cast.na4, by=cast.lead, today=FRIDAY, name=f"Part {n}")
    for n in range(45):
        people.services.create_team(by=cast.admin, name=f"Team {n}")
    client = sign_in(cast.outsider)
    seen: list[int] = []
    url = "/changes"
    while url:
        with CaptureQueriesContext(connection) as queries:
            page = client.get(url)
        assert len(queries) <= MOST_QUERIES
        seen += [act.pk for act in page.context["acts"]]
        url = f"/changes{page.context['older_url']}" if page.context["older_url"] else ""
    assert seen == sorted(set(seen), reverse=True)
    many = ChangeSet.objects.get(reason="Many at once").pk
    act = next(act for act in page.context["acts"] if act.pk == many)
    assert (len(act.rows), act.count) == (6, 12)


def test_a_page_reads_no_more_history_than_it_looks_through(cast: Cast, step: Milestone, sign_in: Any) -> None:
    """Of acts without number no more than are looked through come out of the database, and no person asks for all."""
    sets = ChangeSet.objects.bulk_create(ChangeSet(by_id=cast.lead.pk) for _ in range(MOST_ACTS + 100))
    event = Milestone.events.rel.related_model._default_manager.get(pgh_obj_id=step.pk)  # type: ignore[attr-defined]
    rows = []
    for one in sets:
        row = copy(event)
        row.pk, row.pgh_id, row.pgh_label, row.change_set_id = None, None, "update", one.pk
        row.valid_to = row.pgh_created_at
        rows.append(row)
    type(event)._default_manager.bulk_create(rows)
    client, read = sign_in(cast.outsider), []

    def counting(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        answer = execute(sql, params, many, context)
        read.append(context["cursor"].rowcount)
        return answer

    for query in ("kind=milestone", "program=NA4", f"kind=milestone&before={sets[50].pk}"):
        read.clear()
        with connection.execute_wrapper(counting):
            assert client.get(f"/changes?{query}").status_code == 200
        assert max(read) <= MOST_ACTS, query


def test_a_person_is_found_by_their_id_however_many_there_are(cast: Cast, step: Milestone, sign_in: Any) -> None:
    User.objects.bulk_create(User(email=f"p{n}@example.com", name=f"A person {n:03}") for n in range(MOST_OFFERED))
    page = sign_in(cast.outsider).get(f"/changes?person={cast.lead.pk}")
    assert (page.context["refused"], page.context["acts"][0].by) == ([], cast.lead)
    assert ("Person", cast.lead.name) in [chip[:2] for chip in page.context["chips"]]
    assert sign_in(cast.outsider).get("/changes?person=987654321").context["refused"]
    assert sign_in(cast.outsider).get("/p/NA4/changes?kind=team").context["acts"] == []


def test_a_measured_value_reads_as_it_was_written(cast: Cast, sign_in: Any) -> None:
    kpi = metrics.services.create_kpi(program=cast.na4, by=cast.lead, name="Failed placements")
    metrics.services.measure(kpi=kpi, by=cast.lead, today=FRIDAY, on=FRIDAY, value=Decimal("1.1"))
    assert "Failed placements, 20 Nov 2026, 1.1</p>" in sign_in(cast.viewer).get("/p/NA4/changes").text
