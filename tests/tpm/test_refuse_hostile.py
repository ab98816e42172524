"""What no well-meaning client sends: each is refused with a problem that says why, and nothing crashes."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.db import connection

from people.models import WorkingCalendar
from reports.plans import services as plans
from tests.conftest import FRIDAY, NOON, Api, Cast
from tests.tpm.test_api import milestone, refused
from tpm.wsgi import application


@pytest.mark.parametrize("body", [r'{"\ud800": 1}', r'{"key": "X", "name": "\udfff"}', r'[["\ud800\ud800"]]'])
def test_half_a_character_is_no_text(cast: Cast, body: str) -> None:
    answer = Api(cast.admin).client.post("/api/v1/programs", body, content_type="application/json")
    assert "surrogate" in refused(answer, 400)["detail"]


def test_a_whole_pair_of_escapes_is_text(cast: Cast) -> None:
    body = r'{"key": "OK", "name": "\ud83d\ude80"}'
    answer = Api(cast.admin).client.post("/api/v1/programs", body, content_type="application/json")
    assert answer.json()["name"] == "🚀"


def test_an_entry_of_a_list_is_checked_in_full_by_a_change_too(cast: Cast) -> None:
    caller = Api(cast.admin)
    calendar = f"calendars/{WorkingCalendar.objects.get().pk}"
    found = refused(caller.patch(calendar, {"holidays": [{}]}), 422)
    assert [error["pointer"] for error in found["errors"]] == ["/holidays/0/on"]
    assert caller.patch(calendar, {"holidays": [{"on": "2026-12-25"}]}).json()["holidays"][0]["name"] == ""
    risk = f"risks/{caller.post('risks', {'program': 'NA4', 'title': 'Crane', 'event': 'Late'}).json()['id']}"
    found = refused(caller.patch(risk, {"impacts": [{"milestone": milestone(cast).pk, "low": 0, "likely": 1}]}), 422)
    assert [error["pointer"] for error in found["errors"]] == ["/impacts/0/high"]


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+14:00"])
def test_a_moment_beyond_the_calendar(cast: Cast, moment: str) -> None:
    refused(Api(cast.lead).get("date-moves", at__gt=moment), 400)


@pytest.mark.parametrize("named", ["٣", "+1", " 1", "1_0", "1\n", "1\x00", "9" * 19, "9" * 20])
def test_an_id_is_plain_digits(cast: Cast, named: str) -> None:
    for pk in range(12):
        milestone(cast, f"Milestone {pk}")
    refused(Api(cast.lead).get(f"milestones/{named}"), 404)


@pytest.mark.parametrize("claim", ["charset=rot13", "CharSet=zlib", "charset*=utf-8''hex", 'charset = "undefined"'])
def test_a_claimed_charset_is_not_looked_up(db: None, claim: str) -> None:
    """Through the WSGI door itself: the test client makes its requests another way."""
    said: list[str] = []
    environ = {
        "REQUEST_METHOD": "GET",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "PATH_INFO": "/api/v1/programs",
        "QUERY_STRING": "name=%ff",
        "CONTENT_TYPE": f"application/json; {claim}",
        "wsgi.input": io.BytesIO(),
        "wsgi.url_scheme": "http",
    }
    body = b"".join(application(environ, lambda status, headers: said.append(status)))
    assert (said, json.loads(body)["status"]) == (["401 Unauthorized"], 401)


def test_another_host_is_a_problem_below_the_api_and_a_page_elsewhere(cast: Cast) -> None:
    caller = Api(cast.lead)
    refused(caller.get("me", headers={"Host": "evil.example"}), 400)
    page = caller.client.get("/", headers={"Host": "evil.example"})
    assert (page.status_code, page.headers["Content-Type"]) == (400, "text/html; charset=utf-8")


def test_a_crash_is_a_problem_that_tells_nothing(cast: Cast) -> None:
    caller = Api(cast.lead)
    caller.client.raise_request_exception = False
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE milestones_workstream RENAME TO gone")
    found = refused(caller.get("workstreams"), 500)
    assert "workstream" not in json.dumps(found)


NO_NUMBERS: list[Any] = ["NaN", "sNaN", "Infinity", "-Infinity", "1e400", "1e999999999", "9" * 400, True, [], {}]


@pytest.mark.parametrize("value", NO_NUMBERS)
def test_what_is_no_number_is_not_measured(cast: Cast, value: Any) -> None:
    caller = Api(cast.lead)
    kpi = caller.post("kpis", {"program": "NA4", "name": "Racks"}).json()["id"]
    found = refused(caller.post("measurements", {"kpi": kpi, "on": str(FRIDAY), "value": value}), 422)
    assert [error["pointer"] for error in found["errors"]] == ["/value"]
    for field in ("start_value", "target_value", "limit_value"):
        refused(caller.patch(f"kpis/{kpi}", {field: value}), 422)


@pytest.mark.parametrize("probability", ["-0.01", "1.01", 2, "50%", *NO_NUMBERS])
def test_a_probability_is_a_share(cast: Cast, probability: Any) -> None:
    caller = Api(cast.lead)
    risk = caller.post("risks", {"program": "NA4", "title": "Crane", "event": "Late"}).json()["id"]
    found = refused(caller.patch(f"risks/{risk}", {"probability": probability}), 422)
    assert [error["pointer"] for error in found["errors"]] == ["/probability"]


@pytest.mark.parametrize("path", ["/risks?q=", "/risks?program=", "/trends?program=", "/quality?program=", "/?page="])
def test_no_page_looks_for_a_nul(cast: Cast, sign_in: Any, path: str) -> None:
    assert sign_in(cast.lead).get(f"{path}a%00b").status_code == 400


@pytest.mark.parametrize("path", ["accuracy", "quality", "risks", "program-healths"])
def test_no_endpoint_looks_for_a_nul(cast: Cast, path: str) -> None:
    found = refused(Api(cast.lead).get(path, program="a\0b"), 400)
    assert [error["parameter"] for error in found["errors"]] == ["program"]


@pytest.mark.parametrize("path", ["program-healths/a%00b", "program-healths/a%00b?watermelon=true", "programs/a%00b"])
def test_a_key_holds_no_nul(cast: Cast, path: str) -> None:
    refused(Api(cast.lead).get(path), 404)


@pytest.mark.parametrize("number", ["1e-16384", "1e16384", "0e-20000", f"1.{'0' * 20000}1", "9" * 200000, "NaN"])
def test_no_number_that_the_database_cannot_hold_is_looked_for(cast: Cast, number: str) -> None:
    for path, parameter in (("risks", "probability"), ("risks", "probability__gte"), ("measurements", "value")):
        found = refused(Api(cast.lead).get(path, **{parameter: number}), 400)
        assert [error["parameter"] for error in found["errors"]] == [parameter]


@pytest.mark.parametrize("week", ["9999-W52", "9999-W53", "0000-W01"])
def test_a_week_beyond_the_calendar_is_refused(cast: Cast, sign_in: Any, week: str) -> None:
    page = sign_in(cast.lead).get(f"/changes?week={week}")
    assert (page.status_code, len(page.context["refused"])) == (200, 1)


def test_a_hidden_plan_is_as_unknown_as_a_missing_one_and_as_no_number(cast: Cast) -> None:
    plan = plans.create_plan(by=cast.lead, at=NOON, name="Canary", content="program", program=cast.dark)
    caller = Api(cast.outsider)
    hidden, missing = (refused(caller.post("subscriptions", {"plan": pk}), 422) for pk in (plan.pk, plan.pk + 1))
    assert hidden["errors"] == missing["errors"]
    headers: Any = {"content_type": "application/json"}
    for body in ('{"plan": 1e400}', '{"plan": 1.7}'):
        refused(caller.client.post("/api/v1/subscriptions", body, **headers), 422)
    lead = Api(cast.lead)
    refused(lead.client.post(f"/api/v1/plans/{plan.pk}/readers", '{"user": 1e400}', **headers), 422)
    refused(lead.client.post("/api/v1/plans", '{"name": "A", "teams": [1e400]}', **headers), 422)
