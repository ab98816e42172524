"""The verbs of the API beside creating, changing and deleting, and what stays hidden in their answers."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.utils import timezone

import forecasts.services
import milestones.services
import people.services
import programs.services
import risks.services
from milestones.models import Milestone
from people.models import AccessToken
from programs.models import Program, ReportedHealth, Role
from tests.conftest import FRIDAY, NOON, Api, Cast

LATER = FRIDAY + timedelta(days=40)


def milestone(cast: Cast, program: Program, name: str, **fields: Any) -> Milestone:
    return milestones.services.create_milestone(program=program, by=cast.lead, today=FRIDAY, name=name, **fields)


def pointers(answer: Any) -> list[str]:
    assert answer.status_code == 422, answer.content
    return [error["pointer"] for error in answer.json()["errors"]]


class TestPrograms:
    def test_a_promised_target_moves_with_a_cause(self, cast: Cast) -> None:
        caller = Api(cast.lead)
        assert caller.patch("programs/NA4", {"target_on": "2027-01-31"}).status_code == 200
        assert pointers(caller.patch("programs/NA4", {"target_on": "2027-02-28"})) == ["/cause"]
        moved = caller.patch("programs/NA4", {"target_on": "2027-02-28", "cause": cast.cause.pk, "reason": "Permit"})
        assert moved.json()["target_on"] == "2027-02-28"
        [move] = caller.get("date-moves", program="NA4").json()["data"]
        assert (move["field"], move["before_on"], move["note"]) == ("program_target", "2027-01-31", "Permit")

    def test_who_gives_away_what_they_see_gets_no_body(self, cast: Cast) -> None:
        caller = Api(cast.contributor)
        made = caller.post(
            "programs", {"key": "GONE", "name": "Not mine", "visibility": "private", "lead": cast.lead.pk}
        )
        assert (made.status_code, made.content) == (201, b"")
        assert caller.get("programs/GONE").status_code == 404


class TestGates:
    def test_decide(self, cast: Cast) -> None:
        caller = Api(cast.lead)
        phase = caller.post("phases", {"program": "NA4", "kind": "design", "approver": cast.viewer.pk}).json()
        criterion = caller.post("gate-criteria", {"phase": phase["id"], "text": "Load test passed"}).json()
        approver, path = Api(cast.viewer), f"phases/{phase['id']}/decide"
        assert pointers(approver.post(path, {"decision": "passed"})) == ["/decision"]
        assert pointers(approver.post(path, {"decision": "maybe"})) == ["/decision"]
        caller.patch(f"gate-criteria/{criterion['id']}", {"met_on": "2026-11-19"})
        decided = approver.post(path, {"decision": "passed", "note": "Well done"}).json()
        today = people.services.today(timezone.now()).isoformat()
        assert (decided["decision"], decided["decided_by"], decided["note"]) == ("passed", cast.viewer.pk, "Well done")
        assert decided["decided_on"] == today
        assert Api(cast.contributor).post(path, {"decision": "failed"}).status_code == 403
        assert Api(cast.outsider).post(path, {"decision": "failed"}).status_code == 403


class TestHandOffs:
    """DARK, which only its own people see, waits for NA4 or gives to it."""

    def giving(self, cast: Cast) -> dict[str, Any]:
        """The lead of both asks DARK for something that NA4 needs."""
        secret = milestone(cast, cast.dark, "Merge vault")
        open_ = milestone(cast, cast.na4, "Power on")
        body = {"predecessor": secret.pk, "successor": open_.pk, "need_by_on": "2026-12-01", "external_key": "DARK-7"}
        made: dict[str, Any] = Api(cast.lead).post("dependencies", body).json()
        return made

    def test_whoever_sees_both_ends_reads_both(self, cast: Cast) -> None:
        made = self.giving(cast)
        assert made["is_hand_off"] is True
        assert made["agreement"] == "proposed"
        assert made["predecessor"] == {"id": made["predecessor"]["id"], "name": "Merge vault", "program": "DARK"}
        assert made["successor"]["program"] == "NA4"

    def test_a_hidden_end_says_only_that_it_is_private(self, cast: Cast) -> None:
        made = self.giving(cast)
        Api(cast.lead).post(f"dependencies/{made['id']}/answer", {"agreement": "accepted"})
        outsider = Api(cast.outsider)
        seen = outsider.get(f"dependencies/{made['id']}").json()
        assert seen["predecessor"] == {"private": True}
        assert seen["successor"]["name"] == "Power on"
        assert (seen["agreement"], seen["agreed_by"], seen["external_key"]) == ("accepted", None, "")
        hidden = made["predecessor"]["id"]
        assert outsider.get("dependencies").json()["data"] == [seen]
        assert outsider.get("dependencies", program="NA4").json()["data"] == [seen]
        for query in ({"program": "DARK"}, {"predecessor": hidden}, {"milestone": hidden}):
            assert outsider.get("dependencies", **query).json()["data"] == [], query
        assert Api(cast.lead).get("dependencies", milestone=hidden).json()["data"] != []

    def test_a_refusal_does_not_name_the_hidden_end(self, cast: Cast) -> None:
        made = self.giving(cast)
        programs.services.give_role(program=cast.na4, user=cast.outsider, kind=Role.Kind.LEAD, by=cast.lead)
        receiver, path = Api(cast.outsider), f"dependencies/{made['id']}"
        for answer in (
            receiver.post(f"{path}/answer", {"agreement": "declined", "note": "No"}),
            receiver.patch(path, {"promised_on": "2027-01-01"}),
            receiver.patch(path, {"predecessor": made["predecessor"]["id"]}),
        ):
            assert answer.status_code in (403, 422)
            text = answer.content.decode()
            assert not any(word in text for word in ("Canary", "Merge vault", "DARK", "Lea"))
        assert receiver.patch(path, {"lag": 480}).json()["predecessor"] == {"private": True}

    def test_a_loop_is_named_as_far_as_it_is_seen(self, cast: Cast) -> None:
        made = self.giving(cast)
        programs.services.give_role(program=cast.na4, user=cast.outsider, kind=Role.Kind.LEAD, by=cast.lead)
        last = milestone(cast, cast.na4, "Handover")
        Api(cast.lead).post("dependencies", {"predecessor": last.pk, "successor": made["predecessor"]["id"]})
        body = {"predecessor": made["successor"]["id"], "successor": last.pk}
        refused = Api(cast.outsider).post("dependencies", body)
        assert pointers(refused) == ["/predecessor"]
        assert "milestones of a program that you may not see" in refused.json()["detail"]
        assert "vault" not in refused.json()["detail"]

    def test_the_giver_answers(self, cast: Cast) -> None:
        made = self.giving(cast)
        giver, path = Api(cast.contributor), f"dependencies/{made['id']}/answer"
        assert pointers(giver.post(path, {"agreement": "declined"})) == ["/note"]
        assert pointers(giver.post(path, {"agreement": "proposed"})) == ["/agreement"]
        accepted = giver.post(path, {"agreement": "accepted", "promised_on": "2026-12-15"}).json()
        assert (accepted["agreement"], accepted["promised_on"]) == ("accepted", "2026-12-15")
        assert accepted["agreed_by"] == cast.contributor.pk
        assert pointers(giver.post(path, {"agreement": "accepted", "promised_on": "2026-12-20"})) == ["/cause"]
        moved = giver.post(path, {"agreement": "accepted", "promised_on": "2026-12-20", "cause": cast.cause.pk})
        assert moved.json()["promised_on"] == "2026-12-20"


class TestRisks:
    def test_close_and_open_again(self, cast: Cast) -> None:
        caller = Api(cast.contributor)
        path = f"risks/{caller.post('risks', {'program': 'NA4', 'title': 'Chillers late'}).json()['id']}"
        assert pointers(caller.post(f"{path}/close", {})) == ["/because"]
        closed = caller.post(f"{path}/close", {"because": "Delivered"}).json()
        assert (closed["closed_because"], bool(closed["closed_on"])) == ("Delivered", True)
        assert pointers(caller.post(f"{path}/reopen", {"because": "No"})) == ["/because"]
        assert caller.post(f"{path}/reopen").json()["closed_on"] is None

    def test_an_impact_on_a_hidden_milestone_shows_no_id_and_stays(self, cast: Cast) -> None:
        secret = milestone(cast, cast.dark, "Merge vault")
        open_ = milestone(cast, cast.na4, "Power on")
        impacts = [risks.services.Impact(milestone=row, low=0, likely=480, high=960) for row in (secret, open_)]
        risk = risks.services.create_risk(
            program=cast.na4, by=cast.lead, today=FRIDAY, title="Chillers late", impacts=impacts
        )
        minutes = {"low": 0, "likely": 480, "high": 960}
        programs.services.give_role(program=cast.na4, user=cast.outsider, kind=Role.Kind.CONTRIBUTOR, by=cast.lead)
        caller, path = Api(cast.outsider), f"risks/{risk.pk}"
        assert caller.get(path).json()["impacts"] == [
            {"private": True, **minutes},
            {"milestone": open_.pk, **minutes},
        ]
        assert pointers(caller.patch(path, {"impacts": [{"milestone": secret.pk, **minutes}]})) == [
            "/impacts/0/milestone"
        ]
        assert caller.patch(path, {"impacts": []}).json()["impacts"] == [{"private": True, **minutes}]
        wrong = caller.patch(path, {"impacts": [{"milestone": open_.pk, "low": 9, "likely": 1, "high": 2}]})
        assert wrong.status_code == 422


class TestDecisions:
    def test_the_decider_decides(self, cast: Cast) -> None:
        caller = Api(cast.lead)
        body = {"program": "NA4", "question": "Which site?", "decider": cast.viewer.pk}
        path = f"decisions/{caller.post('decisions', body).json()['id']}/decide"
        assert Api(cast.contributor).post(path, {"answer": "North"}).status_code == 403
        decided = Api(cast.viewer).post(path, {"answer": "North", "consequence": "Two weeks later"}).json()
        assert (decided["answer"], decided["consequence"]) == ("North", "Two weeks later")
        assert decided["decided_on"]


class TestUpdates:
    def test_a_draft_is_seen_when_it_is_published(self, cast: Cast) -> None:
        lead, viewer = Api(cast.lead), Api(cast.viewer)
        draft = lead.post("updates", {"program": "NA4", "text": "Crane late."}).json()
        path = f"updates/{draft['id']}"
        assert viewer.get(path).status_code == 404
        assert viewer.get("updates").json()["data"] == []
        assert pointers(lead.post(f"{path}/publish")) == ["/health"]
        lead.patch(path, {"health": "at_risk"})
        assert "/cause" in pointers(lead.post(f"{path}/publish"))
        lead.patch(
            path,
            {
                "cause": "The crane came late.",
                "path_to_green": "A second crane lifts the rest.",
                "path_owner": cast.lead.pk,
                "path_on": (people.services.today(timezone.now()) + timedelta(days=20)).isoformat(),
                "ask": "None.",
            },
        )
        published = lead.post(f"{path}/publish").json()
        assert published["published_at"]
        assert viewer.get(path).json() == published
        word = ReportedHealth.objects.get(program=cast.na4)
        assert (word.health, word.because) == ("at_risk", "The crane came late.")
        assert lead.patch(path, {"text": "All well."}).status_code == 422
        assert lead.delete(path).status_code == 422


class TestLetters:
    def test_one_sees_and_ends_ones_own(self, cast: Cast) -> None:
        caller = Api(cast.viewer)
        path = f"subscriptions/{caller.post('subscriptions', {'weekday': 0}).json()['id']}"
        assert caller.post(f"{path}/send-now").status_code == 200
        [letter] = caller.get("letters").json()["data"]
        assert letter["state"] == "due"
        assert {"text", "html"} <= caller.get(f"letters/{letter['id']}").json().keys()
        assert Api(cast.outsider).get("subscriptions").json()["data"] == []
        # Whoever keeps the plan knows its readers, and reads nobody's letter.
        assert [row["user"] for row in Api(cast.admin).get("subscriptions").json()["data"]] == [cast.viewer.pk]
        assert Api(cast.admin).get("letters").json()["data"] == []
        assert Api(cast.admin).get(f"letters/{letter['id']}").status_code == 404
        assert caller.delete(path).status_code == 204
        assert caller.get(path).json()["ended_at"]
        assert caller.get(f"letters/{letter['id']}").json()["state"] == "skipped"


class TestTokens:
    def test_the_secret_is_shown_once_and_works_until_revoked(self, cast: Cast) -> None:
        caller = Api(cast.viewer)
        body = {"name": "Script", "scopes": ["read"], "expires_on": AccessToken.objects.get().expires_on.isoformat()}
        made = caller.post("tokens", body)
        assert made.headers["Cache-Control"] == "no-store"
        secret, path = made.json()["secret"], f"tokens/{made.json()['id']}"
        assert secret.startswith(made.json()["prefix"])
        assert "secret" not in caller.get(path).json()
        assert secret not in json.dumps(caller.get("tokens").json())
        headers = {"Authorization": f"Bearer {secret}"}
        assert caller.client.get("/api/v1/me", headers=headers).json()["email"] == "vera@example.com"
        assert Api(cast.admin).get(path).status_code == 404
        assert caller.delete(path).status_code == 204
        assert caller.get(path).json()["revoked_at"]
        assert caller.client.get("/api/v1/me", headers=headers).status_code == 401

    def test_a_token_makes_none_that_is_stronger_or_outlives_it(self, cast: Cast) -> None:
        caller = Api(cast.viewer, scopes=["write"])
        day = AccessToken.objects.get().expires_on
        for scopes, expires_on in ((["read"], day), (["write"], day + timedelta(days=1))):
            body = {"name": "More", "scopes": scopes, "expires_on": expires_on.isoformat()}
            assert caller.post("tokens", body).status_code == 403
        assert pointers(caller.post("tokens", {"name": "X", "scopes": [], "expires_on": day.isoformat()})) == [
            "/scopes"
        ]


class TestPeople:
    def test_everyone_sees_names_and_zones_alone(self, cast: Cast) -> None:
        people_seen = Api(cast.outsider).get("users").json()["data"]
        assert people_seen[0]["name"] == "Ada Admin"
        assert set(people_seen[0]) == {"id", "name", "time_zone", "appearance", "is_active", "version"}
        assert people_seen[0]["appearance"] is None, "Each person's own"

    def test_people_change_their_own_name_and_no_more(self, cast: Cast) -> None:
        caller = Api(cast.outsider)
        mine = f"users/{cast.outsider.pk}"
        assert caller.patch(mine, {"time_zone": "Asia/Tokyo"}).json()["time_zone"] == "Asia/Tokyo"
        assert caller.patch(mine, {"is_admin": True}).status_code == 403
        assert caller.patch(f"users/{cast.admin.pk}", {"name": "Mallory"}).status_code == 403
        assert pointers(Api(cast.admin).patch(f"users/{cast.admin.pk}", {"is_admin": False})) == [""]

    def test_the_organisation(self, cast: Cast) -> None:
        admin = Api(cast.admin)
        assert admin.patch("organisation", {"time_zone": "Europe/Berlin"}).json()["time_zone"] == "Europe/Berlin"
        assert pointers(admin.patch("organisation", {"time_zone": "Mars"})) == ["/time_zone"]
        assert Api(cast.viewer).get("organisation").json()["name"] == "Infrastructure"
        assert Api(cast.viewer).patch("organisation", {"name": "Mine"}).status_code == 403


class TestForecasts:
    def compute(self, cast: Cast) -> tuple[Milestone, Milestone]:
        """NA4's end waits for something in DARK that comes late."""
        secret = milestone(cast, cast.dark, "Merge vault", not_before_on=LATER, work_likely=480)
        end = milestone(cast, cast.na4, "Power on", target_on=FRIDAY, is_end=True, work_likely=480)
        link = milestones.services.link(predecessor=secret, successor=end, by=cast.lead, need_by_on=FRIDAY)
        milestones.services.answer_hand_off(
            dependency=link, agreement="accepted", by=cast.lead, on=FRIDAY, at=NOON, promised_on=LATER
        )
        forecasts.services.bring_up_to_date(program_ids=[cast.na4.pk], today=FRIDAY, at=NOON)
        return secret, end

    def test_the_driver_in_a_hidden_program_is_not_told(self, cast: Cast) -> None:
        secret, end = self.compute(cast)
        known = Api(cast.lead).get(f"forecasts/{end.pk}").json()
        assert known["driven_by"] == {"id": secret.pk}
        assert known["finish_on"] > LATER.isoformat()
        assert known["computed_at"] == "2026-11-20T12:00:00Z"
        assert Api(cast.outsider).get(f"forecasts/{end.pk}").json() == known | {"driven_by": {"private": True}}
        assert Api(cast.outsider).get(f"forecasts/{secret.pk}").status_code == 404

    def test_health_shows_its_evidence_and_hides_what_is_hidden(self, cast: Cast) -> None:
        self.compute(cast)
        [known] = Api(cast.lead).get("programs/NA4/health").json()["data"]
        assert (known["program"], known["day"], known["health"]) == ("NA4", "2026-11-20", "off_track")
        names = {(row["rule"], row["label"]) for row in known["findings"]}
        assert ("hand_off", "Merge vault") in names
        [seen] = Api(cast.outsider).get("programs/NA4/health").json()["data"]
        assert len(seen["findings"]) == len(known["findings"])
        text = json.dumps(seen)
        assert "vault" not in text
        hidden = [row for row in seen["findings"] if row["record"] == {"private": True}]
        assert {"hand_off"} <= {row["rule"] for row in hidden}
        for row in hidden:
            assert row["label"] == ""
            assert not isinstance(row["value"], str)
        assert sum(row["days"] or 0 for row in seen["findings"]) == known["slip_days"]
        assert Api(cast.outsider).get("programs/DARK/health").status_code == 404
        assert Api(cast.lead).get("programs/NA4/health", day__lt="2026-11-20").json()["data"] == []

    def test_a_baseline_freezes_what_is_expected(self, cast: Cast) -> None:
        _, end = self.compute(cast)
        caller = Api(cast.lead)
        assert Api(cast.contributor).post("baselines", {"program": "NA4", "name": "First"}).status_code == 403
        first = caller.post("baselines", {"program": "NA4", "name": "First"}).json()
        [frozen] = caller.get("baseline-dates", baseline=first["id"]).json()["data"]
        expected = caller.get(f"forecasts/{end.pk}").json()["finish_on"]
        assert (frozen["milestone"], frozen["finish_on"], frozen["work"]) == (end.pk, expected, 480)
        assert pointers(caller.post("baselines", {"program": "NA4", "name": "Second"})) == ["/cause"]
