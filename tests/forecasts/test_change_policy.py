"""The health policy: who changes it, what a change would turn, its versions, its page and its endpoint."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import people.services
import programs.services
from forecasts.models import HealthPolicy, ProgramHealth
from forecasts.policy import Turn, newest_policy, preview, proposed
from forecasts.services import behind, bring_up_to_date, catch_up, change_policy
from programs.models import Health, Program
from tests.conftest import FRIDAY, NOON

if TYPE_CHECKING:
    from tests.conftest import Cast
    from tests.forecasts.conftest import Plan

HERE = "/settings/health-policy"
# NA-4 is expected three days after its target, the GPU fleet a day before its own.
STRICT = {"at_risk_days": 2, "off_track_days": 20, "stale_days": 10}
HARSH = {"at_risk_days": 0, "off_track_days": 2, "stale_days": 10}


@pytest.fixture
def judged(plan: Plan) -> Plan:
    bring_up_to_date(program_ids=[plan.na4.pk, plan.gpu.pk], today=FRIDAY, at=NOON)
    return plan


def turned(limits: dict[str, int], program_ids: list[int], today: date) -> list[Turn]:
    standing = newest_policy()
    return preview(standing, proposed(standing, limits), program_ids, today)


def change(cast: Cast, **changes: Any) -> HealthPolicy:
    given: dict[str, Any] = {"by": cast.admin, "at": NOON, "reason": "Sooner", "read_version": 1, **STRICT}
    return change_policy(**given | changes)


def test_a_preview_names_who_would_change_colour_and_writes_nothing(judged: Plan) -> None:
    ids = [judged.na4.pk, judged.gpu.pk]
    assert turned(STRICT, ids, FRIDAY) == [
        Turn(judged.na4.pk, Health.ON_TRACK, Health.AT_RISK, was_stale=False, is_stale=False, slip_days=3)
    ]
    (turn,) = turned(HARSH, ids, FRIDAY)
    assert turn.after == Health.OFF_TRACK
    assert turned({}, ids, FRIDAY) == []
    assert turned(HARSH, [judged.gpu.pk], FRIDAY) == []
    assert HealthPolicy.objects.count() == 1


def test_a_preview_is_what_the_sweep_then_finds(plan: Plan) -> None:
    today = people.services.today(timezone.now())
    catch_up(today=today, at=timezone.now())
    ids = list(Program.objects.order_by("pk").values_list("pk", flat=True))
    before = dict(ProgramHealth.objects.values_list("program", "health"))
    turns = {turn.program: turn.after for turn in turned(HARSH, ids, today)}
    change(plan.cast, **HARSH)
    assert set(behind(today=today)) == set(ids)
    catch_up(today=today, at=timezone.now())
    assert dict(ProgramHealth.objects.values_list("program", "health")) == before | turns
    assert set(ProgramHealth.objects.values_list("policy_version", flat=True)) == {2}


def test_staleness_is_previewed_beside_the_colour(judged: Plan) -> None:
    later = FRIDAY.replace(month=12, day=4)
    bring_up_to_date(program_ids=[judged.gpu.pk], today=later, at=NOON)
    (turn,) = turned({"stale_days": 15}, [judged.gpu.pk], later)
    assert (turn.was_stale, turn.is_stale, turn.changes_colour) == (True, False, False)


def test_a_version_keeps_who_when_and_why(cast: Cast) -> None:
    row = change(cast, reason="  Leads want to know sooner ")
    assert (row.version, row.created_by, row.created_at, row.reason) == (
        2,
        cast.admin,
        NOON,
        "Leads want to know sooner",
    )
    assert newest_policy().at_risk_days == 2
    first = HealthPolicy.objects.get(version=1)
    assert (first.at_risk_days, first.created_by, first.reason) == (7, None, "")


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"reason": " "}, "reason"),
        ({"at_risk_days": 20}, "off_track_days"),
        ({"stale_days": 0}, "stale_days"),
        ({"off_track_days": 4_000}, "off_track_days"),
        ({"at_risk_days": -1}, "at_risk_days"),
        ({"read_version": 7}, "__all__"),
    ],
)
def test_refusals_name_their_field(cast: Cast, changes: dict[str, Any], place: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        change(cast, **changes)
    found = refusal.value.message_dict if hasattr(refusal.value, "error_dict") else {"__all__": refusal.value.messages}
    assert place in found
    assert HealthPolicy.objects.count() == 1


def test_only_an_administrator_changes_it(cast: Cast, sign_in: Any, api: Any) -> None:
    for person in (cast.lead, cast.viewer, cast.outsider):
        with pytest.raises(PermissionDenied):
            change(cast, by=person)
        client = sign_in(person)
        assert client.get(HERE).status_code == 403
        assert client.post(f"{HERE}/edit", STRICT | {"reason": "Mine", "save": "yes"}).status_code == 403
        caller = api(person)
        assert caller.post("health-policies", STRICT | {"reason": "Mine", "read_version": 1}).status_code == 403
        assert caller.post("health-policies/preview", STRICT).status_code == 403
        assert caller.get("health-policies").json()["data"][0]["version"] == 1
    assert HealthPolicy.objects.count() == 1


def test_the_database_asks_for_the_reason_too(cast: Cast) -> None:
    with pytest.raises(IntegrityError):
        HealthPolicy.objects.create(version=2, created_at=NOON, created_by=cast.admin, reason="")


def test_the_page_previews_then_saves(plan: Plan, sign_in: Any) -> None:
    today = people.services.today(timezone.now())
    programs.services.change_program(program=plan.na4, by=plan.cast.admin, target_on=None)
    catch_up(today=today, at=timezone.now())
    client = sign_in(plan.cast.admin)
    form = client.get(f"{HERE}/edit")
    assert "Save as version" not in form.text
    posted = HARSH | {"read_version": 1, "at_risk_days": 0}
    shown = client.post(f"{HERE}/edit", posted)
    assert shown.status_code == 200
    assert "Save as version 2" in shown.text
    names = {program.name for program, _ in shown.context["turns"]}
    assert names == {"GPU fleet"}
    assert HealthPolicy.objects.count() == 1
    unsaid = client.post(f"{HERE}/edit", posted | {"save": "yes"})
    assert unsaid.status_code == 422
    assert unsaid.context["form"].errors["reason"] == ["Say why the limits change."]
    saved = client.post(f"{HERE}/edit", posted | {"save": "yes", "reason": "Sooner"}, follow=True)
    assert "Saved version 2" in saved.text
    assert "Ada Admin" in saved.text
    assert client.post(f"{HERE}/edit", posted | {"save": "yes", "reason": "Again"}).status_code == 422
    assert HealthPolicy.objects.count() == 2


def test_limits_out_of_order_are_refused_before_any_preview(cast: Cast, sign_in: Any) -> None:
    posted = {"at_risk_days": 30, "off_track_days": 30, "stale_days": 10, "read_version": 1}
    answer = sign_in(cast.admin).post(f"{HERE}/edit", posted)
    assert answer.status_code == 422
    assert answer.context["form"].errors["off_track_days"] == ["At risk begins before off track: give more days."]
    assert "previewed" not in answer.context


def test_the_endpoint_previews_and_adds_a_version(judged: Plan, api: Any) -> None:
    today = people.services.today(timezone.now())
    catch_up(today=today, at=timezone.now())
    caller = api(judged.cast.admin)
    (standing,) = caller.get("health-policies").json()["data"]
    assert (standing["version"], standing["at_risk_days"], standing["created_by"]) == (1, 7, None)
    told = caller.post("health-policies/preview", {"at_risk_days": 0, "off_track_days": 1}).json()
    assert {"NA4", "GPU"} >= {row["program"] for row in told["programs"]} != set()
    assert all(row["before"] != row["after"] for row in told["programs"])
    assert caller.post("health-policies/preview", {"at_risk_days": 99}).status_code == 422
    made = caller.post("health-policies", {"at_risk_days": 3, "reason": "Sooner", "read_version": 1})
    assert made.status_code == 201
    shown = made.json()
    assert (shown["version"], shown["at_risk_days"], shown["off_track_days"]) == (2, 3, 30)
    assert (shown["created_by"], shown["reason"]) == (judged.cast.admin.pk, "Sooner")
    again = caller.post("health-policies", {"at_risk_days": 4, "reason": "Sooner", "read_version": 1})
    assert again.status_code == 422
    assert caller.get("health-policies/2").json() == shown


def test_a_preview_asks_the_same_few_questions_for_any_number_of_programs(cast: Cast, sign_in: Any) -> None:
    Program.objects.bulk_create(Program(key=f"X{n}", name=f"Other {n}") for n in range(120))
    client = sign_in(cast.admin)
    with CaptureQueriesContext(connection) as queries:
        assert client.post(f"{HERE}/edit", STRICT | {"read_version": 1}).status_code == 200
    assert len(queries) <= 25


def test_a_refused_change_says_why_once_and_is_saved_once_mended(cast: Cast, sign_in: Any) -> None:
    client = sign_in(cast.admin)
    posted = STRICT | {"read_version": 1, "reason": "Sooner", "save": "yes"}
    refused = client.post(f"{HERE}/edit", posted | {"at_risk_days": 30})
    assert refused.status_code == 422
    assert len(refused.context["form"].errors["off_track_days"]) == 1
    change(cast)
    overtaken = client.post(f"{HERE}/edit", posted)
    assert overtaken.status_code == 422
    assert "Somebody changed the policy meanwhile, to version 2." in overtaken.text
    form = overtaken.context["form"]
    again = {name: form[name].value() for name in form.fields}
    assert again == {name: str(value) for name, value in posted.items() if name != "save"} | {"read_version": "2"}
    assert client.post(f"{HERE}/edit", again | {"save": "yes"}).status_code == 302
    assert newest_policy().version == 3
