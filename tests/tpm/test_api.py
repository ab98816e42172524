"""What all endpoints share: who may ask, errors, entity tags, paging, filters, the rate limit, the document."""

from __future__ import annotations

import gzip
import json
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client, override_settings
from django.utils import timezone

import milestones.services
import people.services
from milestones.models import Milestone
from people.models import AccessToken
from tests.conftest import FRIDAY, Api, Cast

PROBLEM = "application/problem+json"


def milestone(cast: Cast, name: str = "Power on", **fields: Any) -> Milestone:
    return milestones.services.create_milestone(program=cast.na4, by=cast.lead, today=FRIDAY, name=name, **fields)


def refused(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.content
    assert answer.headers["Content-Type"] == PROBLEM
    found: dict[str, Any] = answer.json()
    assert found["status"] == status
    assert found["title"]
    assert found["detail"]
    return found


class TestWhoMayAsk:
    def test_nobody_is_told_to_sign_in(self, cast: Cast) -> None:
        answer = Client().get("/api/v1/programs")
        refused(answer, 401)
        assert answer.headers["WWW-Authenticate"] == "Bearer"

    def test_an_unknown_token_is_refused(self, cast: Cast) -> None:
        refused(Client(headers={"Authorization": "Bearer tpm_nothing"}).get("/api/v1/programs"), 401)

    def test_a_read_only_token_reads_and_does_not_write(self, cast: Cast) -> None:
        caller = Api(cast.lead, scopes=["read"])
        assert caller.get("programs/NA4").status_code == 200
        assert "write" in refused(caller.post("milestones", {"program": "NA4", "name": "No"}), 403)["detail"]

    def test_a_write_only_token_does_not_read(self, cast: Cast) -> None:
        refused(Api(cast.lead, scopes=["write"]).get("programs/NA4"), 403)

    def test_a_page_reads_and_writes_with_its_csrf_token_alone(self, cast: Cast) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(cast.lead)
        assert client.get("/api/v1/programs").status_code == 200
        body = json.dumps({"program": "NA4", "name": "From a page"})
        refused(client.post("/api/v1/milestones", body, content_type="application/json"), 403)
        token = client.cookies["csrftoken"] = "x" * 32
        made = client.post("/api/v1/milestones", body, content_type="application/json", headers={"X-CSRFToken": token})
        assert made.status_code == 201

    @pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
    def test_a_token_ends_with_its_day_in_the_organisations_zone(self, cast: Cast, zone: str) -> None:
        people.services.change_organisation(organisation=cast.organisation, by=cast.admin, time_zone=zone)
        caller, last_day = Api(cast.lead), people.services.today(timezone.now())
        AccessToken.objects.update(expires_on=last_day)
        assert caller.get("me").status_code == 200
        AccessToken.objects.update(expires_on=last_day - timedelta(days=1))
        refused(caller.get("me"), 401)

    def test_a_deactivated_person_is_out(self, cast: Cast) -> None:
        caller = Api(cast.viewer)
        cast.viewer.is_active = False
        cast.viewer.save()
        refused(caller.get("programs"), 401)


class TestErrors:
    def test_what_is_not_there_is_a_problem(self, cast: Cast) -> None:
        caller = Api(cast.lead)
        for path in ("nothing", "programs/NONE", "milestones/1e9", "milestones/999999999999999999999", "programs/", ""):
            refused(caller.get(path), 404)
        refused(caller.post("nothing", {}), 404)
        refused(caller.client.get("/api/v1"), 404)

    def test_a_hidden_row_answers_as_a_missing_one(self, cast: Cast) -> None:
        caller = Api(cast.outsider)
        hidden, missing = caller.get("programs/DARK"), caller.get("programs/NONE")
        assert refused(hidden, 404) == refused(missing, 404)

    def test_methods_that_are_not_there(self, cast: Cast) -> None:
        caller = Api(cast.admin)
        assert caller.client.put("/api/v1/programs/NA4", {}, content_type="application/json").status_code == 405
        answer = caller.client.options("/api/v1/programs")
        refused(answer, 405)
        assert answer.headers["Allow"] == "GET, POST, HEAD, OPTIONS"
        refused(caller.post("date-moves", {}), 405)

    @pytest.mark.parametrize("body", ["{", "[1", '{"name": NaN}', "[" * 100_000, '{"rank": ' + "9" * 5000 + "}"])
    def test_a_body_that_is_no_json(self, cast: Cast, body: str) -> None:
        caller = Api(cast.admin)
        refused(caller.client.post("/api/v1/programs", body, content_type="application/json"), 400)

    def test_a_body_that_is_not_an_object(self, cast: Cast) -> None:
        caller = Api(cast.admin)
        for body in ("[]", "3", '"NA4"', "null"):
            answer = caller.client.post("/api/v1/programs", body, content_type="application/json")
            refused(answer, 422)

    def test_a_body_of_another_kind(self, cast: Cast) -> None:
        refused(Api(cast.admin).client.post("/api/v1/programs", {"key": "X"}), 415)

    def test_a_body_too_large(self, cast: Cast) -> None:
        for size in (1_100_000, 11_000_000):
            refused(Api(cast.admin).post("programs", {"summary": "x" * size}), 413)

    def test_each_field_has_its_pointer(self, cast: Cast) -> None:
        answer = Api(cast.admin).post("programs", {"key": "no", "lead": 10**9, "rank": -1, "partner_teams": [1, "a"]})
        found = refused(answer, 422)
        assert {error["pointer"] for error in found["errors"]} == {
            "/key", "/name", "/lead", "/rank", "/partner_teams/1"
        }  # fmt: skip

    def test_an_unknown_field_is_refused(self, cast: Cast) -> None:
        found = refused(Api(cast.admin).post("programs", {"key": "OK", "name": "Fine", "nmae/x": 1, "id": 4}), 422)
        assert [error["pointer"] for error in found["errors"]] == ["/nmae~1x", "/id"]

    def test_a_refusal_of_the_service_has_its_pointer(self, cast: Cast) -> None:
        found = refused(Api(cast.admin).post("programs", {"key": "NA4", "name": "Twice"}), 422)
        assert [error["pointer"] for error in found["errors"]] == ["/key"]

    @pytest.mark.parametrize("number", [1e400, 1.5, 10**30, -1, True, None, [], {}, "x", "\x00"])
    def test_a_reference_that_is_none(self, cast: Cast, number: Any) -> None:
        body = json.dumps({"predecessor": number, "successor": number}).replace("Infinity", "1e400")
        caller = Api(cast.lead)
        refused(caller.client.post("/api/v1/dependencies", body, content_type="application/json"), 422)

    def test_what_one_may_not_do(self, cast: Cast) -> None:
        found = refused(Api(cast.viewer).post("milestones", {"program": "NA4", "name": "No"}), 403)
        assert found["detail"] == "You cannot edit Region NA-4 capacity. Ask Lea Lead."


class TestEntityTags:
    def test_reading_again_is_told_that_nothing_changed(self, cast: Cast) -> None:
        caller = Api(cast.lead)
        tag = caller.get("programs/NA4").headers["ETag"]
        again = caller.get("programs/NA4", headers={"If-None-Match": f"W/{tag}"})
        assert again.status_code == 304
        assert again.headers["ETag"] == tag
        assert again.content == b""

    def test_a_change_needs_the_tag_that_was_read(self, cast: Cast) -> None:
        caller = Api(cast.lead)
        path = f"milestones/{milestone(cast).pk}"
        refused(caller.patch(path, {"name": "New"}, headers={}), 428)
        tag = caller.get(path).headers["ETag"]
        changed = caller.patch(path, {"name": "New"}, headers={"If-Match": f"W/{tag}"})
        assert changed.json()["name"] == "New"
        assert changed.headers["ETag"] != tag
        refused(caller.patch(path, {"name": "Newer"}, headers={"If-Match": tag}), 412)
        refused(caller.delete(path, headers={"If-Match": tag}), 412)
        assert caller.get(path).json()["name"] == "New"
        assert caller.patch(path, {"name": "Last"}, headers={"If-Match": "*"}).status_code == 200
        assert caller.delete(path).status_code == 204

    def test_the_tag_of_a_compressed_answer_counts(self, cast: Cast) -> None:
        caller, path = Api(cast.lead), f"milestones/{milestone(cast).pk}"
        compressed = {"Accept-Encoding": "gzip"}
        read = caller.get(path, headers=compressed)
        assert json.loads(gzip.decompress(read.content))["version"] == 1
        assert read.headers["ETag"].startswith("W/")
        again = caller.get(path, headers=compressed | {"If-None-Match": read.headers["ETag"]})
        assert again.status_code == 304
        changed = caller.patch(path, {"name": "New"}, headers=compressed | {"If-Match": read.headers["ETag"]})
        assert changed.status_code == 200
        refused(caller.patch(path, {"name": "Newer"}, headers={"If-Match": read.headers["ETag"]}), 412)

    def test_a_set_that_somebody_replaced_is_a_change_too(self, cast: Cast) -> None:
        team = people.services.create_team(name="Power", by=cast.admin)
        caller, path = Api(cast.admin), f"teams/{team.pk}"
        read = caller.get(path).headers["ETag"]
        assert caller.patch(path, {"members": [cast.lead.pk]}, headers={"If-Match": read}).status_code == 200
        refused(caller.patch(path, {"members": [cast.viewer.pk]}, headers={"If-Match": read}), 412)
        assert caller.get(path).json()["members"] == [cast.lead.pk]
        bare = caller.patch(path, {"members": []}, headers={"If-Match": 'W/"v1"'})
        assert bare.json()["members"] == []

    @pytest.mark.django_db(transaction=True)
    def test_of_two_changes_at_once_one_is_refused(self, cast: Cast) -> None:
        caller = Api(cast.lead)
        path = f"milestones/{milestone(cast).pk}"
        tag = caller.get(path).headers["ETag"]
        together = threading.Barrier(2)
        answers: list[int] = []

        def change(name: str) -> None:
            together.wait()
            answers.append(caller.patch(path, {"name": name}, headers={"If-Match": tag}).status_code)
            connection.close()

        threads = [threading.Thread(target=change, args=[name]) for name in ("Left", "Right")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(answers) == [200, 412]


class TestPages:
    def walk(self, caller: Api, way: str = "next", **query: Any) -> list[list[int]]:
        pages, answer = [], caller.get("milestones", **query).json()
        while True:
            pages.append([row["id"] for row in answer["data"]])
            if not answer[way]:
                return pages
            answer = caller.client.get(answer[way]).json()

    @pytest.mark.parametrize("sort", ["id", "-id", "name", "-name", "target_on", "-target_on"])
    def test_every_row_once_in_order_and_back(self, cast: Cast, sort: str) -> None:
        days = [None, 3, 1, None, 2, 1, 1]
        made = [
            milestone(cast, name=f"M{number % 3}", target_on=FRIDAY.replace(day=day) if day else None)
            for number, day in enumerate(days)
        ]
        field = sort.removeprefix("-")

        def value(row: Milestone) -> Any:
            return getattr(row, field)

        having = [row for row in made if value(row) is not None]
        # Equal values come in the order of their ids, whichever way the sort goes.
        having.sort(key=value, reverse=sort.startswith("-"))
        expected = [row.pk for row in having] + [row.pk for row in made if value(row) is None]
        caller = Api(cast.viewer)
        forward = self.walk(caller, sort=sort, limit=3)
        assert [len(page) for page in forward] == [3, 3, 1]
        assert [pk for page in forward for pk in page] == expected
        first = caller.get("milestones", sort=sort, limit=3).json()
        second = caller.client.get(first["next"]).json()
        last = caller.client.get(second["next"]).json()
        assert [row["id"] for row in caller.client.get(last["previous"]).json()["data"]] == forward[1]
        assert [row["id"] for row in caller.client.get(second["previous"]).json()["data"]] == forward[0]
        assert first["previous"] is None
        assert last["next"] is None

    def test_the_link_header_says_the_same(self, cast: Cast) -> None:
        for number in range(3):
            milestone(cast, name=f"M{number}")
        answer = Api(cast.viewer).get("milestones", limit=2)
        assert answer.headers["Link"] == f'<{answer.json()["next"]}>; rel="next"'

    def test_a_row_added_before_the_cursor_repeats_nothing(self, cast: Cast) -> None:
        for name in "BCDE":
            milestone(cast, name=name)
        caller = Api(cast.viewer)
        first = caller.get("milestones", sort="name", limit=2).json()
        milestone(cast, name="A")
        assert [row["name"] for row in caller.client.get(first["next"]).json()["data"]] == ["D", "E"]

    def test_a_cursor_of_another_list_or_hand_made_is_refused(self, cast: Cast) -> None:
        for number in range(3):
            milestone(cast, name=f"M{number}")
        caller = Api(cast.viewer)
        following = caller.get("milestones", sort="name", limit=1).json()["next"]
        found = refused(caller.client.get(following.replace("sort=name", "sort=-name")), 400)
        assert found["errors"][0]["parameter"] == "cursor"
        refused(caller.client.get(following.replace("cursor=", "cursor=x")), 400)

    @pytest.mark.parametrize(
        "query",
        [{"limit": "0"}, {"limit": "101"}, {"limit": "x"}, {"limit": "²"}, {"sort": "note"}, {"sort": "--id"}],
    )
    def test_what_cannot_be_paged_is_refused(self, cast: Cast, query: dict[str, str]) -> None:
        found = refused(Api(cast.viewer).get("milestones", **query), 400)
        assert [error["parameter"] for error in found["errors"]] == list(query)


class TestFilters:
    def test_by_value_bound_set_and_absence(self, cast: Cast) -> None:
        early, late, open_ = (
            milestone(cast, name=name, target_on=day, kind=kind)
            for name, day, kind in (
                ("Early", FRIDAY, "event"),
                ("Late", FRIDAY.replace(month=12), "launch"),
                ("Open", None, "gate"),
            )
        )
        caller = Api(cast.viewer)
        for query, expected in (
            ({"target_on": "2026-11-20"}, [early]),
            ({"target_on__gte": "2026-11-21"}, [late]),
            ({"target_on__isnull": "true"}, [open_]),
            ({"kind__in": "event,gate"}, [early, open_]),
            ({"name__icontains": "EN"}, [open_]),
            ({"program": "na4", "kind": "launch"}, [late]),
            ({"id__in": f"{early.pk},{late.pk}"}, [early, late]),
            ({"owner__isnull": "false"}, []),
            ({"owner": str(cast.lead.pk)}, []),
        ):
            found = caller.get("milestones", **query).json()["data"]
            assert [row["id"] for row in found] == [row.pk for row in expected], query

    @pytest.mark.parametrize(
        "query",
        [
            {"target_on": "20/11/2026"}, {"target_on__isnull": "yes"}, {"owner": "1e999999999"}, {"owner": "x"},
            {"kind": "party"}, {"kind__in": "event,party"}, {"tarket_on": "2026-11-20"}, {"id__in": "1,x"},
            {"name": "\x00"}, {"owner": "9" * 30}, {"is_end": "1"},
        ],
    )  # fmt: skip
    def test_what_is_no_filter_is_refused(self, cast: Cast, query: dict[str, str]) -> None:
        found = refused(Api(cast.viewer).get("milestones", **query), 400)
        assert [error["parameter"] for error in found["errors"]] == list(query)


class TestRateLimit:
    def test_past_the_limit_one_waits(self, cast: Cast) -> None:
        with override_settings(API_REQUESTS_PER_MINUTE=2):
            caller = Api(cast.outsider)
            answers = [caller.get("programs") for _ in range(6)]
        refused(answers[-1], 429)
        assert 0 < int(answers[-1].headers["Retry-After"]) <= 60


class TestDocument:
    def test_it_is_for_those_who_are_signed_in(self, cast: Cast) -> None:
        refused(Client().get("/api/v1/openapi.json"), 401)

    def test_it_says_what_each_verb_takes_and_answers(self, cast: Cast) -> None:
        document = Api(cast.viewer).get("openapi.json").json()
        assert document["openapi"].startswith("3.1")
        change = document["paths"]["/api/v1/milestones/{id}"]["patch"]
        assert [name["name"] for name in change["parameters"] if name["in"] == "header"] == ["If-Match"]
        answers = document["paths"]["/api/v1/milestones"]["post"]["responses"]
        assert answers["201"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/MilestoneOut"}
        assert "application/problem+json" in answers["default"]["content"]
        for path in document["paths"].values():
            for operation in path.values():
                assert operation["security"] == [{"token": []}, {"session": []}]
