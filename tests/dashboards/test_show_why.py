"""The calculation behind derived health: the page and the endpoint, frozen for a run."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

import milestones.services
import programs.services
import reports.plans.services
import reports.updates.services
import risks.services
from dashboards import evidence, news, overview
from dashboards.templatetags import words
from forecasts.health import SLIP_RULES
from forecasts.models import FrozenHealth, HealthPolicy, ProgramHealth
from forecasts.services import bring_up_to_date, explain
from milestones.models import Milestone
from programs.models import Program
from reports.letters import outbox, writing
from reports.letters.desk import open_desk
from reports.since import Since
from reports.updates import snapshot
from risks.models import Risk
from tests.conftest import FRIDAY, NOON, Api

if TYPE_CHECKING:
    from tests.conftest import Cast

DAY = 480
MOST_QUERIES = 25
UTC = ZoneInfo("UTC")


@dataclass(frozen=True)
class Scene:
    """NA4 waits for the vault of DARK, which is late and uncertain, and which a risk of DARK threatens."""

    vault: Milestone
    end: Milestone
    risk: Risk

    def compute(self, today: date = FRIDAY) -> int:
        bring_up_to_date(program_ids=[self.end.program_id], today=today, at=NOON)
        explain(program_ids=[self.end.program_id], today=today)
        run = ProgramHealth.objects.get(program=self.end.program_id, day=today).run_id
        assert run is not None
        return run


@pytest.fixture
def scene(cast: Cast) -> Scene:
    made: dict[str, Any] = {"by": cast.lead, "today": FRIDAY}
    programs.services.change_program(program=cast.na4, by=cast.lead, target_on=date(2026, 12, 4))
    vault = milestones.services.create_milestone(
        program=cast.dark, name="Falcon vault", work_low=8 * DAY, work_likely=12 * DAY, work_high=30 * DAY, **made,
        target_on=date(2026, 11, 27),
    )  # fmt: skip
    end = milestones.services.create_milestone(
        program=cast.na4, name="Power on", work_low=2 * DAY, work_likely=4 * DAY, work_high=9 * DAY, is_end=True, **made
    )
    milestones.services.link(predecessor=vault, successor=end, by=cast.lead, need_by_on=date(2026, 11, 27))
    risk = risks.services.create_risk(
        program=cast.dark,
        title="Falcon falls",
        probability=Decimal("0.3"),
        residual_probability=Decimal("0.1"),
        impacts=[risks.services.Impact(vault, 10 * DAY, 15 * DAY, 30 * DAY)],
        **made,
    )
    return Scene(vault, end, risk)


def page(client: Any, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return str(response.content.decode())


def test_its_parts_add_up_to_the_slip(cast: Cast, scene: Scene, sign_in: Any) -> None:
    run = scene.compute()
    row = FrozenHealth.objects.get(program=cast.na4, run=run)
    assert row.slip_days
    html = page(sign_in(cast.viewer), f"/p/NA4/why?run={run}")
    assert f"<b>+{row.slip_days} d</b>" in html
    for part in (item for item in row.findings if item["rule"] in SLIP_RULES):
        assert f"{abs(part['days'])} d</span>" in html
    assert sum(item["days"] or 0 for item in row.findings if item["rule"] in SLIP_RULES) == row.slip_days
    assert "Open risk: Falcon falls" in html
    assert "30% likely" in html
    assert "10000" in html
    assert str(row.run.seed) in html
    assert row.run.engine_version in html
    assert "work at best, likely and at worst" in html
    assert "NA4</a> r" in html
    assert "DARK</a> r" in html


def test_each_part_names_who_answers_for_it(cast: Cast, scene: Scene, sign_in: Any) -> None:
    Milestone.objects.filter(pk=scene.vault.pk).update(owner=cast.contributor)
    Milestone.objects.filter(pk=scene.end.pk).update(owner=cast.viewer)
    Program.objects.filter(pk=cast.dark.pk).update(lead=cast.admin)
    run = scene.compute()
    why = Api(cast.viewer).get("programs/NA4/why", run=run).json()
    owners = {(item["rule"], item["owner"]) for item in why["findings"]}
    # What another program owes is asked of its lead; what all of a program bears, of its own.
    assert owners >= {("upstream", cast.admin.pk), ("risk", cast.admin.pk), ("own_range", cast.lead.pk), ("p80", None)}
    assert {owner for rule, owner in owners if rule == "own_work"} == {cast.viewer.pk}
    outside = Api(cast.outsider).get("programs/NA4/why", run=run).json()
    assert {item["owner"] for item in outside["findings"] if item["record"] == {"private": True}} == {None}
    for path in ("/p/NA4", f"/p/NA4/why?run={run}"):
        assert "<bdi>Ada Admin</bdi>" in page(sign_in(cast.viewer), path), path
        assert "Ada Admin" not in page(sign_in(cast.outsider), path), path
    said = "Owners are those of today."
    assert said in page(sign_in(cast.viewer), f"/p/NA4/why?run={run}")
    assert said not in page(sign_in(cast.viewer), "/p/NA4/why")


def test_without_a_run_it_is_the_newest(cast: Cast, scene: Scene, sign_in: Any) -> None:
    scene.compute(FRIDAY)
    later = scene.compute(FRIDAY + timedelta(days=3))
    client = sign_in(cast.viewer)
    assert f"frozen as run {later} left it" in page(client, "/p/NA4/why")
    assert Api(cast.viewer).get("programs/NA4/why").json()["run"] == later


def test_what_it_shows_stays_when_the_plan_and_the_policy_move_on(cast: Cast, scene: Scene) -> None:
    run = scene.compute()
    api = Api(cast.viewer)
    before = api.get("programs/NA4/why", run=run).json()
    assert {(ground["milestone"], ground["basis"]) for ground in before["grounds"]} == {
        (scene.vault.pk, "points"),
        (scene.end.pk, "points"),
    }
    milestones.services.change_milestone(
        milestone=scene.end, by=cast.lead, today=FRIDAY, at=NOON, work_likely=8 * DAY, work_high=20 * DAY
    )
    HealthPolicy.objects.create(version=2, at_risk_days=1, off_track_days=2)
    assert scene.compute(FRIDAY + timedelta(days=3)) != run
    after = api.get("programs/NA4/why", run=run).json()
    for ground in after["grounds"]:
        assert ground.pop("issued_on") == FRIDAY.isoformat()
    for ground in before["grounds"]:
        assert ground.pop("issued_on") is None
    assert after == before


def test_a_hidden_program_gives_days_and_nothing_else(cast: Cast, scene: Scene, sign_in: Any) -> None:
    run = scene.compute()
    outside = page(sign_in(cast.outsider), f"/p/NA4/why?run={run}")
    for secret in ("Falcon", "DARK", "27 Nov 2026", "30%", f"/r/R-{scene.risk.pk}", f"/m/{scene.vault.pk}"):
        assert secret not in outside, secret
    assert "Waits on a private program" in outside
    assert "And private programs." in outside
    known = Api(cast.viewer).get("programs/NA4/why", run=run).json()
    seen = Api(cast.outsider).get("programs/NA4/why", run=run).json()
    assert "Falcon" not in json.dumps(seen)
    assert "DARK" not in json.dumps(seen)
    assert known["revisions"].keys() == {"NA4", "DARK"}
    assert (seen["revisions"].keys(), seen["private_programs"]) == ({"NA4"}, 1)
    assert [ground["milestone"] for ground in seen["grounds"]] == [scene.end.pk]
    for told in (*seen["findings"], *seen["moves"]):
        if told["record"] == {"private": True}:
            assert told["label"] == ""
            assert not isinstance(told["value"], str)
            assert told["rule"] not in ("risk", "mitigate") or told["value"] is None
    for what in ("findings", "moves"):
        assert [item["days"] for item in seen[what]] == [item["days"] for item in known[what]]
    assert {move["rule"] for move in seen["moves"]} >= {"close_risk", "mitigate"}


def test_runs_of_others_hidden_programs_and_nonsense_are_not_there(cast: Cast, scene: Scene, sign_in: Any) -> None:
    run = scene.compute()
    other = programs.services.create_program(by=cast.admin, key="OTHER", name="Other")
    bring_up_to_date(program_ids=[other.pk], today=FRIDAY, at=NOON)
    foreign = FrozenHealth.objects.get(program=other).run_id
    client, api = sign_in(cast.lead), Api(cast.lead)
    for value in (str(foreign), "0", "-1", "x", "", "9" * 30, "١"):
        assert client.get("/p/NA4/why", {"run": value}).status_code == 404, value
        assert api.get("programs/NA4/why", run=value).status_code == 404, value
    assert api.get("programs/NA4/why", rum=str(foreign)).status_code == 400, "It would answer with another run."
    outsider = sign_in(cast.outsider)
    assert outsider.get(f"/p/DARK/why?run={run}").status_code == outsider.get("/p/NOPE/why").status_code == 404
    assert Api(cast.outsider).get("programs/DARK/why").status_code == 404


def test_a_program_without_a_run_says_so(cast: Cast, sign_in: Any) -> None:
    assert "Nothing computed yet" in page(sign_in(cast.lead), "/p/NA4/why")
    assert Api(cast.lead).get("programs/NA4/why").status_code == 404


def test_pages_letter_update_and_api_say_the_same(cast: Cast, scene: Scene, sign_in: Any) -> None:
    run = scene.compute()
    row = ProgramHealth.objects.get(program=cast.na4)
    client, slip = sign_in(cast.viewer), words.slip(row.slip_days)
    assert (row.slip_days or 0) > 7
    for path in ("/", "/p/NA4", "/p/NA4/milestones", f"/m/{scene.end.pk}", f"/p/NA4/why?run={run}"):
        html = page(client, path)
        assert slip in html, path
        assert words.short_date(row.p80_on) in html, path
    subscription = reports.plans.services.subscribe(user=cast.viewer, by=cast.viewer, at=NOON)
    reports.plans.services.send_now(subscription=subscription, by=cast.viewer, at=NOON)
    (letter,) = outbox.claim(at=NOON)
    (written,) = writing.write([letter], at=NOON, desk=open_desk())
    assert f"Off track · {slip} ·" in written.text
    assert slip in written.html
    assert written.facts["rows"][0]["slip_days"] == row.slip_days
    facts = snapshot.take(cast.na4, NOON)
    assert facts["derived"]["p80_on"] == str(row.p80_on)
    assert [fact["forecast_on"] for fact in facts["milestones"]] == [str(row.p80_on)]


def test_health_and_the_calculation_of_its_run_say_the_same(cast: Cast, scene: Scene) -> None:
    run = scene.compute()
    api = Api(cast.viewer)
    [health] = api.get("programs/NA4/health").json()["data"]
    why = api.get("programs/NA4/why", run=run).json()
    same = ("health", "finish_on", "p50_on", "p80_on", "target_on", "slip_days", "chance", "findings", "moves")
    assert {name: health[name] for name in (*same, "explained", "run")} == {
        name: why[name] for name in (*same, "explained", "run")
    }
    assert health["moves"]
    end = api.get(f"forecasts/{scene.end.pk}").json()
    assert (end["p50_on"], end["p80_on"], end["basis"]) == (health["p50_on"], health["p80_on"], "points")
    assert len(end["quantiles"]) == 19
    assert end["quantiles"][15] == end["p80_on"]


@pytest.mark.parametrize("size", [2, 40])
def test_it_takes_few_queries(size: int, cast: Cast, sign_in: Any) -> None:
    end = milestones.services.create_milestone(
        program=cast.na4, by=cast.lead, today=FRIDAY, name="End", is_end=True, target_on=FRIDAY, work_likely=DAY
    )
    others = Program.objects.bulk_create(Program(key=f"X{n}", name=f"Other {n}") for n in range(size))
    for n, other in enumerate(others):
        step = milestones.services.create_milestone(
            program=other, by=cast.admin, today=FRIDAY, name=f"Step {n}", work_likely=DAY
        )
        milestones.services.link(predecessor=step, successor=end, by=cast.admin)
        end = step
    bring_up_to_date(program_ids=[cast.na4.pk], today=FRIDAY, at=NOON)
    client = sign_in(cast.lead)
    with CaptureQueriesContext(connection) as queries:
        page(client, "/p/NA4/why")
    assert len(queries) <= MOST_QUERIES


def test_what_moved_it_since_friday_adds_up_and_names_nothing_private(cast: Cast, scene: Scene, sign_in: Any) -> None:
    """The vault, of a private program, took five more days in the week; a risk of its own came up."""
    scene.compute(FRIDAY)
    milestones.services.change_milestone(
        milestone=scene.vault, by=cast.lead, today=FRIDAY + timedelta(days=3), at=NOON, work_likely=17 * DAY
    )
    risks.services.create_risk(
        program=cast.na4, by=cast.lead, today=FRIDAY + timedelta(days=3), title="Feeder fails",
        probability=Decimal("0.4"), impacts=[risks.services.Impact(scene.end, 10 * DAY, 15 * DAY, 30 * DAY)],
    )  # fmt: skip
    now = FRIDAY + timedelta(days=6)
    run = scene.compute(now)
    rows = {row.day: row for row in ProgramHealth.objects.filter(program=cast.na4)}
    p80s = [rows[day].p80_on for day in (FRIDAY, now)]
    assert p80s[0]
    assert p80s[1]
    days = (p80s[1] - p80s[0]).days
    assert days > 0

    html = page(sign_in(cast.lead), f"/p/NA4/why?run={run}")
    table = html.partition('id="since"')[2].partition("</table>")[0]
    assert f"P80 moved by +{days} d." in table
    moved = [int(sign + n) for sign, n in re.findall(r'class="delta s-\w+">([+-])(\d+) d', table.replace("−", "-"))]
    assert sum(moved) == days
    assert "Waits on Falcon vault" in table
    assert "Open risk: Feeder fails" in table
    outside = page(sign_in(cast.outsider), f"/p/NA4/why?run={run}").partition('id="since"')[2]
    assert "Falcon" not in outside
    assert "Waits on a private program" in outside

    reasons = {}
    for reader in (cast.lead, cast.outsider):
        since = Since.end_of(FRIDAY, UTC)
        lines = overview.lines(reader, today=now, since=since, zone=UTC, key="NA4")
        left = overview.left_behind(lines, reader)
        [change] = [one for one in news.changes(lines, today=now, since=since, zone=UTC, left=left) if one.reasons]
        assert change.delta == days
        told = [
            int(part.rpartition(" d")[0].rpartition(" ")[2].replace("−", "-")) for part in change.reasons.split("; ")
        ]
        assert sum(told) == days
        reasons[reader] = change.reasons
    assert "Waits on Falcon vault +" in reasons[cast.lead]
    assert "Falcon" not in reasons[cast.outsider]


def test_what_is_hidden_moves_as_one_whichever_comes_first() -> None:
    """Two private givers; the other one is first a week later. 15 d became 21 d: the reader sees six, of one part."""

    def waits(program: int, days: int) -> dict[str, Any]:
        record = {"kind": "milestone", "id": 10 * program, "program": program}
        return {"rule": "upstream", "record": record, "label": "Vault", "days": days, "since": "2026-11-20"}

    now, before = [waits(8, 14), waits(9, 7), waits(1, 3)], [waits(9, 9), waits(8, 6), waits(1, 2)]
    assert [(part.was, part.after) for part in evidence.moved(now, before, 7, {1: "NA4"})] == [(15, 21), (2, 3)]
    assert (
        evidence.title(evidence.moved(now, before, 7, {1: "NA4"})[0].part, {1: "NA4"}) == "Waits on a private program"
    )
    assert evidence.moved(now, before, 5, {1: "NA4"}) == [], "Nothing is told that does not come to the days"
