"""Every noun of the API: made, read, listed, changed, deleted, and hidden from those who may not see its program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

import forecasts.services
import metrics.services
import milestones.services
import people.services
import programs.services
import risks.services
from metrics.models import KPI
from milestones.models import Milestone
from people.models import Team
from programs.models import Objective, Phase, Program
from reports.models import Review
from risks.models import Risk
from tests.conftest import FRIDAY, NOON, Api, Cast
from tpm.urls import nouns


@dataclass(frozen=True)
class World:
    """The cast with one row of whatever another noun needs, all in one program."""

    cast: Cast
    program: Program
    first: Milestone
    last: Milestone
    phase: Phase
    risk: Risk
    kpi: KPI
    team: Team
    objective: Objective


def build(cast: Cast, program: Program) -> World:
    lead = cast.lead

    def milestone(name: str) -> Milestone:
        return milestones.services.create_milestone(program=program, by=lead, today=FRIDAY, name=name, target_on=FRIDAY)

    return World(
        cast=cast,
        program=program,
        first=milestone("Power on"),
        last=milestone("Handover"),
        phase=programs.services.create_phase(program=program, by=lead, kind=Phase.Kind.DESIGN),
        risk=risks.services.create_risk(program=program, by=lead, today=FRIDAY, title="Chillers late"),
        kpi=metrics.services.create_kpi(program=program, by=lead, name="Racks"),
        team=people.services.create_team(name="Power", by=cast.admin),
        objective=programs.services.create_objective(by=cast.admin, title="Capacity"),
    )


Body = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """What a noun takes. ``make`` and ``change`` are echoed by the answer, but for names in ``other``."""

    noun: str
    make: Callable[[World], Body]
    change: Callable[[World], Body] | None = None
    by: str = "lead"
    deletes: bool = True
    of_program: bool = True
    other: tuple[str, ...] = ()
    shows: Body = field(default_factory=dict)

    def __str__(self) -> str:
        return self.noun


CASES = [
    Case(
        "programs",
        lambda w: {
            "key": "EU1", "name": "Region EU-1", "partner_teams": [w.team.pk], "objectives": [w.objective.pk],
            "target_on": "2027-03-31", "target_precision": "quarter", "visibility": "private", "rank": 3,
        },
        lambda w: {"name": "Region EU-1 capacity", "target_on": None, "cause": w.cast.cause.pk, "partner_teams": []},
        of_program=False, other=("cause",),
    ),
    Case(
        "roles", lambda w: {"program": w.program.key, "user": w.cast.admin.pk, "kind": "viewer"},
    ),
    Case(
        "slots",
        lambda w: {"program": w.program.key, "title": "Site lead", "team": w.team.pk, "agreed_on": "2026-11-02"},
        lambda w: {"person": w.cast.lead.pk},
    ),
    Case(
        "phases",
        lambda w: {"program": w.program.key, "kind": "testing", "gate_on": "2026-12-01", "approver": w.cast.lead.pk},
        lambda w: {"starts_on": "2026-11-01", "evidence_url": "https://example.com/gate"},
    ),
    Case(
        "gate-criteria",
        lambda w: {"phase": w.phase.pk, "text": "Load test passed"},
        lambda w: {"met_on": "2026-11-20"},
    ),
    Case(
        "gate-actions",
        lambda w: {"phase": w.phase.pk, "text": "Write it down", "owner": w.cast.lead.pk},
        lambda w: {"due_on": "2026-11-20"},
    ),
    Case(
        "objectives",
        lambda w: {"title": "Twice the capacity", "parent": w.objective.pk, "target_value": "2.5000"},
        lambda w: {"current_value": "1.2500"},
        of_program=False,
    ),
    Case(
        "related-links", lambda w: {"program": w.program.key, "other": other_key(w), "kind": "replaces"},
    ),
    Case(
        "workstreams",
        lambda w: {"program": w.program.key, "name": "Civil works"},
        lambda w: {"position": 4},
    ),
    Case(
        "milestones",
        lambda w: {
            "program": w.program.key, "name": "Ready for racks", "is_end": True, "work_low": 480, "work_likely": 960,
            "work_high": 4800, "demand_days": "12.50", "target_on": "2026-12-18", "owner": w.cast.contributor.pk,
        },
        lambda w: {"target_on": "2026-12-23", "cause": w.cast.cause.pk, "reason": "Crane was late", "note": "See log."},
        other=("cause", "reason"),
    ),
    Case(
        "dependencies",
        lambda w: {"predecessor": w.first.pk, "successor": w.last.pk, "kind": "SS", "lag": -480},
        lambda w: {"lag": 0, "need_by_on": "2026-12-01"},
        other=("predecessor", "successor"), shows={"is_hand_off": False, "agreement": ""},
    ),
    Case(
        "requirements",
        lambda w: {"program": w.program.key, "text": "40 MW", "priority": "must", "milestone": w.last.pk},
        lambda w: {"in_scope": False, "scope_reason": "Next year"},
    ),
    Case(
        "slip-causes", lambda w: {"name": "Weather"}, lambda w: {"position": 9},
        by="admin", deletes=False, of_program=False,
    ),
    Case(
        "health-policies",
        lambda w: {
            "at_risk_days": 5, "off_track_days": 20, "stale_days": 14, "reason": "Leads want to know sooner",
            "read_version": 1,
        },
        by="admin", deletes=False, of_program=False, other=("read_version",), shows={"version": 2},
    ),
    Case(
        "baselines",
        lambda w: {
            "program": w.program.key, "name": "First", "dates": [{"milestone": w.last.pk, "finish_on": "2026-12-18"}],
        },
        deletes=False, other=("dates",),
    ),
    Case(
        "risks",
        lambda w: {
            "program": w.program.key, "title": "Transformers late", "probability": "0.3000", "likelihood_score": 3,
            "impacts": [{"milestone": w.last.pk, "low": 480, "likely": 960, "high": 4800}],
        },
        lambda w: {"impacts": [], "response": "mitigate"},
    ),
    Case(
        "mitigation-actions",
        lambda w: {"risk": w.risk.pk, "text": "Second supplier", "due_on": "2026-12-01"},
        lambda w: {"done_on": "2026-11-20"},
    ),
    Case(
        "issues",
        lambda w: {"program": w.program.key, "title": "Flooded", "milestone": w.last.pk, "raised_on": "2026-11-01"},
        lambda w: {"closed_on": "2026-11-20"},
    ),
    Case(
        "assumptions",
        lambda w: {"program": w.program.key, "text": "Grid stays up", "expires_on": "2027-01-01"},
        lambda w: {"state": "broken"},
    ),
    Case(
        "decisions",
        lambda w: {"program": w.program.key, "question": "Which site?", "decider": w.cast.lead.pk},
        lambda w: {"decide_by_on": "2026-12-01", "objective": w.objective.pk},
    ),
    Case(
        "problems",
        lambda w: {"title": "Suppliers are late", "description": "Again.", "cause": w.cast.cause.pk},
        lambda w: {"title": "One supplier is late", "owner": w.cast.lead.pk},
        of_program=False, shows={"costs": [], "program": None, "team": None},
    ),
    Case(
        "kpis",
        lambda w: {"program": w.program.key, "name": "Power", "unit": "MW", "limit_value": "38.5000"},
        lambda w: {"direction": "down", "cadence": "month"},
    ),
    Case(
        "measurements",
        lambda w: {"kpi": w.kpi.pk, "on": "2026-11-20", "value": "41.2000"},
        lambda w: {"value": "41.3000", "note": "Meter was off"},
    ),
    Case(
        "updates",
        lambda w: {"program": w.program.key, "health": "at_risk", "text": "Crane late."},
        lambda w: {"ask": "A second crane"},
    ),
    Case(
        "reviews",
        lambda w: {"held_on": "2026-11-20", "chair": w.cast.lead.pk, "agenda": "Asks", "notes": ""},
        lambda w: {"notes": "Short."},
        of_program=False,
    ),
    Case(
        "review-actions",
        lambda w: {
            "review": Review.objects.get_or_create(held_on=FRIDAY, chair=w.cast.lead)[0].pk, "due_on": "2026-11-27",
            "program": w.program.key, "text": "Ask the utility", "owner": w.cast.lead.pk,
        },
        lambda w: {"done_on": "2026-11-26"},
        of_program=False,
    ),
    Case(
        "update-rules",
        lambda w: {"levels": {"long": "off"}, "reason": "Nobody counts words", "read_version": 0},
        by="admin", deletes=False, of_program=False, other=("levels", "read_version"), shows={"version": 1},
    ),
    Case(
        "comments",
        lambda w: {"kind": "milestone", "subject_id": w.last.pk, "text": "Why is it late?"},
        lambda w: {"text": "Why is it so late?"},
        of_program=False, shows={"program": "NA4", "edited_at": None},
    ),
    Case(
        "watches", lambda w: {"kind": "risk", "subject_id": w.risk.pk}, of_program=False, shows={"program": "NA4"},
    ),
    Case(
        "plans",  # deleting one ends it
        lambda w: {"program": w.program.key, "name": "Sponsor's cut", "content": "program", "hour": 9},
        lambda w: {"name": "The sponsor's cut", "length": "headline"},
        deletes=False,
    ),
    Case(
        "subscriptions", lambda w: {"weekday": 4, "hour": 8}, lambda w: {"hour": 9}, of_program=False, deletes=False,
    ),
    Case(
        "saved-views",
        lambda w: {"name": "Mine", "path": "/risks", "query": "owner=7"},
        lambda w: {"is_shared": True},
        of_program=False,
    ),
    Case(
        "users",
        lambda w: {"email": "new@example.com", "name": "Nia New", "time_zone": "Asia/Tokyo"},
        lambda w: {"name": "Nia Newer", "is_active": False},
        by="admin", deletes=False, of_program=False, other=("email",),
    ),
    Case(
        "teams",
        lambda w: {"name": "Cooling", "capacity_days": "40.00", "members": [w.cast.viewer.pk]},
        lambda w: {"members": [w.cast.lead.pk], "area": "Sites"},
        by="admin", of_program=False,
    ),
    Case(
        "calendars",
        lambda w: {"name": "Four days", "friday": 0, "holidays": [{"on": "2026-12-25", "name": "Christmas"}]},
        lambda w: {"holidays": []},
        by="admin", of_program=False,
    ),
    Case(
        "tokens",
        lambda w: {"name": "Script", "scopes": ["read"], "expires_on": tomorrow()},
        of_program=False, deletes=False,
    ),
]  # fmt: skip
READ_ONLY = {
    "change-sets", "date-moves", "baseline-dates", "forecasts", "letters", "notices", "risk-forecasts",
    "program-healths",
}  # fmt: skip


def other_key(world: World) -> str:
    return next(key for key in ("NA4", "DARK") if key != world.program.key)


def tomorrow() -> str:
    return (people.services.today(timezone.now()) + timedelta(days=1)).isoformat()


def expected(body: Body, case: Case) -> Body:
    return {name: value for name, value in body.items() if name not in case.other}


def shown(answer: Body, names: Body) -> Body:
    return {name: answer[name] for name in names}


def every(caller: Api, noun: str) -> list[Any]:
    return [row.get("key" if noun == "programs" else "id") for row in caller.get(noun, limit=100).json()["data"]]


def test_every_noun_is_in_the_table() -> None:
    assert {case.noun for case in CASES} | READ_ONLY == set(nouns)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_make_read_list_change_delete(cast: Cast, case: Case) -> None:
    world = build(cast, cast.na4)
    caller = Api(getattr(cast, case.by))
    body = case.make(world)
    made = caller.post(case.noun, body)
    assert made.status_code == 201, made.content
    row = made.json()
    assert shown(row, expected(body, case)) == expected(body, case)
    assert shown(row, case.shows) == case.shows
    path = made.headers["Location"].removeprefix("http://testserver/api/v1/")
    assert path == f"{case.noun}/{row.get('key' if case.noun == 'programs' else 'id')}"

    read = caller.get(path)
    secret = {"secret"} & row.keys()
    assert read.json() == {name: value for name, value in row.items() if name not in secret}
    if not secret:
        assert read.headers["ETag"] == made.headers["ETag"]
    assert path.split("/")[1] in map(str, every(caller, case.noun))

    if case.change:
        changes = case.change(world)
        changed = caller.patch(path, changes)
        assert changed.status_code == 200, changed.content
        assert shown(changed.json(), expected(changes, case)) == expected(changes, case)
        assert changed.headers["ETag"] != read.headers["ETag"]
        assert caller.get(path).json() == changed.json()
    else:
        assert caller.client.patch(f"/api/v1/{path}", {}, content_type="application/json").status_code == 405

    if case.deletes:
        assert caller.delete(path).status_code == 204
        assert caller.get(path).status_code == 404


@pytest.mark.parametrize("case", [case for case in CASES if case.of_program], ids=str)
def test_an_outsider_neither_sees_nor_writes_what_is_of_a_private_program(cast: Cast, case: Case) -> None:
    world = build(cast, cast.dark)
    made = Api(cast.lead).post(case.noun, case.make(world))
    assert made.status_code == 201, made.content
    outsider, path = Api(cast.outsider), f"{case.noun}/{made.json()['id']}"
    assert outsider.get(path).status_code == 404
    assert made.json()["id"] not in every(outsider, case.noun)
    assert outsider.get(case.noun, program="DARK").json()["data"] == []
    for write in (outsider.client.patch, outsider.client.delete):
        answer = write(f"/api/v1/{path}", {}, content_type="application/json")
        assert answer.status_code in (404, 405)
    again = outsider.post(case.noun, case.make(world))
    assert again.status_code == 422
    assert "Canary" not in again.content.decode()


@pytest.mark.parametrize("case", [case for case in CASES if case.of_program], ids=str)
def test_a_viewer_reads_and_may_not_write(cast: Cast, case: Case) -> None:
    world = build(cast, cast.na4)
    made = Api(cast.lead).post(case.noun, case.make(world))
    viewer, path = Api(cast.viewer), f"{case.noun}/{made.json()['id']}"
    if case.noun != "updates":
        # A draft is its lead's until it is published.
        assert viewer.get(path).json() == made.json() or case.noun == "related-links"
    assert viewer.post(case.noun, case.make(world)).status_code == 403
    if case.change and case.noun != "updates":
        assert viewer.patch(path, case.change(world)).status_code == 403
    if case.deletes and case.noun != "updates":
        assert viewer.delete(path).status_code == 403


@pytest.mark.parametrize("noun", sorted(nouns))
def test_a_list_asks_the_database_at_most_five_times(cast: Cast, noun: str, django_assert_max_num_queries: Any) -> None:
    world = build(cast, cast.na4)
    caller = Api(cast.lead)
    caller.get("me")
    for case in CASES:
        if case.noun == noun and case.by == "lead":
            caller.post(noun, case.make(world))
    with django_assert_max_num_queries(5):
        assert caller.get(noun).status_code == 200


def test_read_only_nouns_show_what_other_writes_leave(cast: Cast) -> None:
    world = build(cast, cast.dark)
    lead, outsider = Api(cast.lead), Api(cast.outsider)
    lead.patch(f"milestones/{world.last.pk}", {"target_on": "2026-12-24", "cause": cast.cause.pk, "reason": "Rain"})
    forecasts.services.bring_up_to_date(program_ids=[cast.dark.pk], today=FRIDAY, at=NOON)
    lead.post("baselines", {"program": "DARK", "name": "First"})

    [move] = lead.get("date-moves").json()["data"]
    assert (move["before_on"], move["after_on"], move["note"]) == ("2026-11-20", "2026-12-24", "Rain")
    days = {row["milestone"]: row["finish_on"] for row in lead.get("baseline-dates").json()["data"]}
    expected_on = {row["milestone"]: row["finish_on"] for row in lead.get("forecasts").json()["data"]}
    assert set(days) == {world.first.pk, world.last.pk}
    assert days == days | expected_on
    assert lead.get(f"date-moves/{move['id']}").json() == move
    for noun in ("date-moves", "baseline-dates", "forecasts", "risk-forecasts"):
        assert outsider.get(noun).json()["data"] == []
    assert outsider.get(f"date-moves/{move['id']}").status_code == 404
