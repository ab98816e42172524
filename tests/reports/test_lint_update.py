"""What an update lacks: each rule found and cleared, on the page and by the API, as strict as the house wants it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client

import programs.services
from people.models import User
from reports.models import LintPolicy, Update
from reports.updates.drafting import VERSION
from reports.updates.drafting.lines import put_into
from reports.updates.drafting.sentences import Sentence
from reports.updates.rules import strictness
from reports.updates.rules.lint import LEVELS, RULES, Found, lint
from tests.conftest import FRIDAY, NOON, Api, Cast
from tests.reports.conftest import judge

SignIn = Callable[[User], Client]
DERIVED = {"health": "off_track", "p80_on": "2027-02-18", "target_on": "2027-01-15", "day": "2026-11-20"}
KPI = {
    "name": "Spares", "unit": "%", "value": "86", "limit": "90", "standing": "past_limit", "cadence": "week",
    "measured_on": "2026-11-19",
}  # fmt: skip
WHOLE: dict[str, Any] = {
    "health": "at_risk",
    "cause": "The supplier is late.",
    "text": "We wait.",
    "ask": "Nothing.",
    "path_to_green": "Second supplier.",
    "path_owner_id": 1,
    "path_on": date(2026, 12, 24),
}


def found(facts: Any = None, drafted: Any = (), levels: Any = None, **written: Any) -> list[Found]:
    return lint(Update(**(WHOLE | written)), {"day": "2026-11-20"} | (facts or {}), list(drafted), levels or {})


def rules(*args: Any, **written: Any) -> set[str]:
    return {one.rule for one in found(*args, **written)}


def test_a_whole_update_lacks_nothing() -> None:
    assert found({"derived": DERIVED, "kpis": [KPI], "sponsored": True}) == []


@pytest.mark.parametrize(
    ("name", "empty", "rule"),
    [
        ("cause", " ", "cause"),
        ("path_to_green", "", "path"),
        ("path_owner_id", None, "owner"),
        ("path_on", None, "date"),
    ],
)
def test_not_on_track_needs_a_cause_a_path_an_owner_and_a_day(name: str, empty: Any, rule: str) -> None:
    for health in ("at_risk", "off_track"):
        assert rules(None, health=health, **{name: empty}) == {rule}
    assert rules(None, health="on_track", **{name: empty}) == set()


def test_from_green_to_red_takes_a_word() -> None:
    before = {"reported_before": {"health": "on_track"}}
    assert rules(before, health="off_track", cause="") == {"cause", "leap"}
    assert "leap" not in rules(before, health="off_track")
    assert "leap" not in rules({"reported_before": {"health": "at_risk"}}, health="off_track", cause="")


def test_red_facts_under_a_green_header() -> None:
    facts = {"derived": DERIVED, "kpis": [KPI]}
    wrong = [one for one in found(facts, health="on_track") if one.rule == "header"]
    assert [one.text for one in wrong] == [
        "P80 is 18 Feb 2027, 34 days later than its target.",
        "Spares is 86 %, past its limit of 90.",
    ]
    assert "header" not in rules(facts, health="at_risk")


def test_another_word_than_the_data_wants_a_sentence() -> None:
    assert "differs" in rules({"derived": DERIVED}, health="on_track", cause="")
    assert "differs" not in rules({"derived": DERIVED}, health="on_track")
    assert "differs" not in rules({"derived": DERIVED | {"health": "no_forecast"}}, health="on_track", cause="")


def test_leadership_reads_asks() -> None:
    assert rules({"sponsored": True}, ask=" ") == {"ask"}
    assert rules({"sponsored": False}, ask="") == set()


def test_facts_older_than_their_cadence() -> None:
    assert rules({"kpis": [KPI | {"measured_on": "2026-11-12"}]}) == {"stale"}
    assert rules({"kpis": [KPI | {"measured_on": "2026-11-12", "cadence": "month"}]}) == set()
    assert rules({"derived": DERIVED | {"day": "2026-11-18"}}) == {"stale"}


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("Fibre slipped 5 days.", True),
        ("Fibre slipped five days", True),
        ("We are 3 weeks late.", True),
        ("- All good.\n- Fibre is 2d behind.", True),
        ("Launch is now 12 Mar.", True),
        ("It slips to 2027-03-12.", True),
        ("Fibre slipped 5 days against its target.", False),
        ("Fibre slipped from 3 Mar to 12 Mar.", False),
        ("P80 is 12 Mar 2027, 9 days later than its target of 3 Mar 2027.", False),
        ("Launch is now 12 Mar instead of 3 Mar.", False),
        ("Meeting on 12 Mar.", False),
        ("The crew works 5 days a week.", False),
        ("We moved the team into one room.", False),
    ],
)
def test_days_and_dates_are_held_against_something(text: str, wrong: bool) -> None:
    assert ("reference" in rules(text=text)) == wrong


def test_long_bullets() -> None:
    words = " ".join(["word"] * 26)
    assert rules(text=f"- {words}") == {"long"}
    assert rules(text=f"1. {words}") == {"long"}
    assert rules(text=words) == set()
    [one] = found(text=f"Fine.\n\n* {words}")
    assert (one.field, one.line, one.text) == ("text", 3, "A bullet of 26 words.")


def test_a_drafted_number_changed_by_hand() -> None:
    drafted = [Sentence("slip", "P80 is 12 Mar 2027, 9 days later than its target of 3 Mar 2027.", ())]
    text = drafted[0].markdown
    assert rules(None, drafted, text=text) == set()
    [one] = found(None, drafted, text=text.replace("9 days", "2 days"))
    assert (one.rule, one.level, one.line) == ("number", "error", 1)
    assert one.advice.startswith(f"The records say: {drafted[0].text}")
    assert "number" in rules(None, drafted, text=text.replace("12 Mar", "1 Apr"))
    assert "number" not in rules(None, drafted, text="- P80 is still late.")
    yesterdays = "- P80 is 14 Mar 2027, 11 days later than its target of 3 Mar 2027; unchanged since 1 Feb 2027."
    assert "number" in rules(None, drafted, text=yesterdays)
    assert put_into(yesterdays, text, [], drafted) == text
    assert "number" not in rules(None, drafted, text=text.replace(", 9 days later", ", for the crane is later"))


def test_levels_are_the_organisations() -> None:
    assert found(cause="", levels={"cause": "off"}) == []
    assert [one.level for one in found(cause="", levels={"cause": "warning"})] == ["warning"]
    assert [one.level for one in found(cause="", text="We are 3 days late.")] == ["error", "warning"]
    assert [rule.name for rule in RULES] == list(LEVELS)


# -- as strict as the organisation says ------------------------------------------------------------------------------


def test_the_rules_are_changed_with_a_reason_and_kept(cast: Cast) -> None:
    change: dict[str, Any] = {"by": cast.admin, "at": NOON, "reason": "Short ones", "read_version": 0}
    row = strictness.change_rules(**change, levels={"long": "error", "cause": "error"})
    assert (row.version, row.levels) == (1, {"long": "error"})
    with pytest.raises(ValidationError, match="to version 1"):
        strictness.change_rules(**change, levels={"long": "off"})
    with pytest.raises(ValidationError, match="No such rule"):
        strictness.change_rules(**change | {"read_version": 1}, levels={"tone": "off"})
    with pytest.raises(ValidationError, match="Say why"):
        strictness.change_rules(**change | {"read_version": 1, "reason": " "}, levels={"long": "off"})
    with pytest.raises(PermissionDenied, match="rules for updates"):
        strictness.change_rules(**change | {"by": cast.lead}, levels={"long": "off"})
    strictness.change_rules(**change | {"read_version": 1}, levels={"ask": "off"})
    assert list(LintPolicy.objects.order_by("version").values_list("levels", flat=True)) == [
        {"long": "error"}, {"ask": "off", "long": "error"},
    ]  # fmt: skip


def test_the_page_of_the_rules(cast: Cast, sign_in: SignIn) -> None:
    admin = sign_in(cast.admin)
    assert "Rules for updates" in admin.get("/settings").text
    page = admin.get("/settings/update-rules").text
    assert "as shipped" in page
    chosen = {**LEVELS, "long": "off", "read_version": "0", "reason": ""}
    assert admin.post("/settings/update-rules/edit", chosen).status_code == 422
    assert admin.post("/settings/update-rules/edit", chosen | {"reason": "Words do not count"}).status_code == 302
    page = admin.get("/settings/update-rules").text
    assert "Words do not count" in page
    assert "long: off" in page
    assert sign_in(cast.lead).get("/settings/update-rules").status_code == 403


def test_errors_stop_publishing_whoever_asks(cast: Cast, api: type[Api]) -> None:
    lead = api(cast.lead)
    judge(cast.na4, FRIDAY, "at_risk", 20)
    row = lead.post("updates", {"program": "NA4", "health": "at_risk", "text": "We are 3 days late."}).json()
    path = f"updates/{row['id']}"
    told = lead.post(f"{path}/lint").json()["findings"]
    assert [(one["rule"], one["level"], one["field"]) for one in told][:2] == [
        ("cause", "error", "cause"), ("path", "error", "path_to_green"),
    ]  # fmt: skip
    refused = lead.post(f"{path}/publish", {"accept_warnings": True})
    assert refused.status_code == 422
    assert {error["pointer"] for error in refused.json()["errors"]} == {
        "/cause", "/path_to_green", "/path_owner", "/path_on",
    }  # fmt: skip
    whole = {"cause": "Late.", "path_to_green": "Rent.", "path_owner": cast.lead.pk, "path_on": "2026-12-24"}
    assert lead.patch(path, whole).status_code == 200
    refused = lead.post(f"{path}/publish")
    assert (refused.status_code, {error["pointer"] for error in refused.json()["errors"]}) == (422, {"/text"})
    assert lead.post(f"{path}/publish", {"accept_warnings": True}).json()["published_at"]
    published = Update.objects.get()
    assert published.snapshot
    assert (published.snapshot["lint_policy"], published.snapshot["rules"]) == (0, VERSION)
    assert api(cast.viewer).post(f"{path}/lint").status_code == 403
    assert api(cast.outsider).post(f"{path}/lint").status_code == 403


def test_the_draft_comes_with_its_sources_and_what_it_lacks(cast: Cast, api: type[Api]) -> None:
    judge(cast.na4, FRIDAY - timedelta(days=1), "off_track", 34)
    programs.services.report(program=cast.na4, health="at_risk", because="Late.", by=cast.lead, at=NOON)
    draft = api(cast.lead).get("programs/NA4/update-draft").json()
    assert draft["text"] == "\n".join(f"- {one['text']}" for one in draft["sentences"])
    [slip] = [one for one in draft["sentences"] if one["rule"] == "slip"]
    assert [one["field"] for one in slip["sources"]] == ["p80_on", "target_on"]
    assert isinstance(draft["findings"], list)
    assert api(cast.viewer).get("programs/NA4/update-draft").status_code == 403
    assert api(cast.outsider).get("programs/DARK/update-draft").status_code == 404
