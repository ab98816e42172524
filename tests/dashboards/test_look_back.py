"""Trends, accuracy and schedule quality: what the pages and the API say of them, and to whom."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import forecasts.services
from dashboards.accuracy import pit_words, reliability_words, shares
from dashboards.trends import tell
from engine.scoring import wilson
from forecasts import quality
from forecasts.accuracy import P50, Accuracy, Bias, Bin, Kept
from forecasts.models import HealthPolicy, IssuedForecast
from forecasts.trends import Line, Reading, Report, Rule
from milestones.models import Baseline, BaselineDate, Dependency, Milestone
from people.models import Team
from programs.models import Program

if TYPE_CHECKING:
    from tests.conftest import Cast

MOST_QUERIES = 25
WEEKS = 14


def ledger(program: Program, name: str, today: date, *, drift: int = 3, **fields: Any) -> Milestone:
    """A milestone with a report each Monday; what was forecast for a month ahead moves by `drift` days a week."""
    row = Milestone.objects.create(program=program, name=name, **fields)
    monday = today - timedelta(days=today.weekday())
    for week in range(WEEKS):
        day = monday - timedelta(weeks=WEEKS - 1 - week)
        if row.done_on and day > row.done_on:
            continue
        p50 = monday - timedelta(days=60) + timedelta(days=drift * week)
        IssuedForecast.objects.create(
            milestone=row,
            program=program,
            week_on=day,
            day=day,
            basis="points",
            target_on=row.target_on,
            chance=0.75 if row.target_on else None,
            finish_on=p50,
            quantiles=[p50 + timedelta(days=at) for at in range(-9, 10)],
        )
    return row


@pytest.fixture
def today(cast: Cast) -> date:
    return timezone.now().date()


@pytest.fixture
def kept(cast: Cast, today: date) -> dict[str, Milestone]:
    team = Team.objects.create(name="Region build")
    ago = today - timedelta(days=20)
    return {
        "live": ledger(cast.na4, "Open for traffic", today, is_end=True),
        "power": ledger(cast.na4, "Power", today, done_on=ago, target_on=ago, team=team),
        "secret": ledger(cast.dark, "Canary step", today, done_on=ago, target_on=ago, is_end=True),
    }


def text_of(page: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))


def test_trends_draw_each_line_and_read_it(cast: Cast, kept: dict[str, Milestone], sign_in: Any) -> None:
    page = sign_in(cast.viewer).get("/trends", {"program": "NA4"})
    text = text_of(page)
    assert "Open for traffic slips by 3 d a week" in text
    assert "End milestone has drifted +39 d" in text
    # Each of the days that its end may have says which it is.
    assert all(re.search(f"<dt>{word}</dt><dd>\\d", page.text) for word in ("P50", "P80", "If the trend goes on"))
    assert "First P50" in text
    assert "Power, done" in page.text
    label = re.search(r'aria-label="(Milestone trend over[^"]+)"', page.text)
    assert label is not None
    assert "P50 of Open for traffic, the end, moved by +39 d" in label[1]
    assert "13 of 13" in text
    assert "style=" not in page.text


def test_the_range_has_a_table_twin(cast: Cast, kept: dict[str, Milestone], sign_in: Any) -> None:
    page = sign_in(cast.viewer).get("/trends", {"program": "NA4", "chart": "range"})
    assert "Forecast range of Open for traffic" in page.text
    # P10 to P90 are sixteen days apart in each of fourteen reports.
    assert text_of(page).count(" 16 d") >= WEEKS
    nothing = sign_in(cast.admin).get("/trends", {"program": "NA4", "chart": "range", "weeks": "nonsense"})
    assert nothing.status_code == 200


def test_without_a_program_it_shows_one_of_ones_own(cast: Cast, kept: dict[str, Milestone], sign_in: Any) -> None:
    Program.objects.filter(pk=cast.dark.pk).update(rank=1)
    assert sign_in(cast.lead).get("/trends").context["chosen"].program == cast.dark
    assert sign_in(cast.outsider).get("/trends").context["chosen"].program == cast.na4
    Program.objects.update(state=Program.State.DONE)
    assert "No forecast to look back on" in sign_in(cast.outsider).get("/trends").text


def test_a_line_that_hardly_nears_its_edge_names_no_day() -> None:
    """A day 36 years off, from 13 weeks of reports, says nothing; four times those weeks may still."""
    reports = [Report(day, *[day + timedelta(days=90)] * 4) for day in (date(2026, 8, 21), date(2026, 11, 20))]
    for meets_on, told in ((date(2062, 11, 9), False), (date(2027, 11, 19), True), (date(2027, 11, 20), False)):
        reading = Reading(Rule.SPEEDING_UP, week_days=6.0, meets_on=meets_on)
        line = Line(Milestone(name="Fleet wave 2"), reports, None, None, reading)
        text = tell(line, [line], HealthPolicy()).text
        assert ("If this went on" in text) is told
        # Both reports forecast their own day, 90 days on: P50 and P80 are 18 Feb 2027.
        assert ("about 19 Nov 2027, 274 d after its P80: the forecast expects it to slow." in text) is told


def test_earned_schedule_stands_beside_the_forecast(
    cast: Cast, kept: dict[str, Milestone], today: date, sign_in: Any
) -> None:
    assert "Earned schedule" not in sign_in(cast.viewer).get("/trends", {"program": "NA4"}).text
    begun = today - timedelta(days=69)  # ten weeks to the end of today
    baseline = Baseline.objects.create(program=cast.na4, name="Plan", approved_on=begun, approved_by=cast.lead)
    for row, days in ((kept["power"], 35), (kept["live"], 70)):
        finish_on = begun + timedelta(days=days - 1)
        BaselineDate.objects.create(baseline=baseline, milestone=row, finish_on=finish_on, work=4800)
    text = text_of(sign_in(cast.viewer).get("/trends", {"program": "NA4"}))
    # Half is done, which the plan wanted after five weeks, or rests at until the tenth: the end of that rest counts.
    assert "Planned by now 100% Done 50% Time passed 10.0 weeks" in text
    assert "Index SPI(t) 0.9" in text


@pytest.mark.parametrize("path", ["/trends", "/accuracy", "/accuracy/expert", "/quality"])
def test_a_hidden_program_is_missing(path: str, cast: Cast, kept: dict[str, Milestone], sign_in: Any) -> None:
    assert sign_in(cast.outsider).get(path, {"program": "DARK"}).status_code == 404
    assert sign_in(cast.viewer).get(path, {"program": "DARK"}).status_code == 200
    assert sign_in(cast.viewer).get(path, {"program": " dark"}).status_code == 200, "A key is typed by hand."


def test_accuracy_counts_what_the_reader_sees(cast: Cast, kept: dict[str, Milestone], sign_in: Any) -> None:
    seen = sign_in(cast.outsider).get("/accuracy")
    assert seen.context["found"].milestones == 2
    assert f"{seen.context['found'].issued} for 2 milestones" in seen.text
    assert "Canary" not in seen.text
    assert sign_in(cast.viewer).get("/accuracy").context["found"].milestones == 3


def test_accuracy_says_when_there_is_too_little(cast: Cast, today: date, sign_in: Any) -> None:
    client = sign_in(cast.viewer)
    assert "No forecast was kept yet" in client.get("/accuracy").text
    row = ledger(cast.na4, "Power", today)
    row.issued_forecasts.filter(day__gt=today - timedelta(weeks=10)).delete()
    assert "Too few forecasts to judge by" in client.get("/accuracy").text
    for name in ("Racks", "Fabric"):
        ledger(cast.na4, name, today)
    assert "Too few forecasts to judge by" not in client.get("/accuracy").text


def test_few_that_agree_are_no_praise() -> None:
    """Of seven milestones, each a vote, 13% to 87% would not be unusual where half come true; of seventy 38% to 62%."""

    def verdict(share: float, votes: int) -> tuple[str, str]:
        low, high = (float(end) for end in wilson(share * votes, votes))
        kept = Kept(P50, share, low, high, votes, 55, share, share)
        (told,) = shares(Accuracy(55, votes, 55, 55, [kept], [], Bias(None, None, 0, None, 0), None))
        return told.tone, told.verdict

    assert verdict(0.2, 7) == ("none", "Too few to tell (7 of them): 13% to 87% would be in line with 50%.")
    assert verdict(0.5, 70) == ("ok", "In line with 50%: P50 means what it says.")
    assert verdict(0.3, 70) == ("bad", "Less than 50%: P50 was named too early.")
    assert verdict(0.0, 7)[0] == "bad", "so few are too few to praise, not to blame"


def test_the_reliability_diagram_has_a_table_twin(cast: Cast, kept: dict[str, Milestone], sign_in: Any) -> None:
    page = sign_in(cast.outsider).get("/accuracy")
    label = re.search(r'aria-label="(Reliability of [^"]+)"', page.text)
    assert label is not None
    assert "targets were given 75% on average and met in 100%" in label[1]
    assert "Every band holds its chance" in label[1]  # one milestone says little
    assert "75%" in text_of(page)
    assert "style=" not in page.text


@pytest.mark.parametrize(
    ("shares", "finding"),
    [
        ((0.1, 0.9), "they mean what they say"),
        ((0.3, 1.0), "Chances were too low."),
        ((0.0, 0.7), "Chances were too high."),
        ((0.0, 1.0), "too timid"),
        ((0.25, 0.75), "too bold"),
    ],
)
def test_a_reliability_diagram_is_put_into_words(shares: tuple[float, float], finding: str) -> None:
    bins = [
        Bin(chance, share, share - 0.05, share + 0.05, 50, 40) for chance, share in zip((0.1, 0.9), shares, strict=True)
    ]
    assert finding in reliability_words(bins)


@pytest.mark.parametrize(
    ("shares", "finding"),
    [
        ([0.1] * 10, "evenly"),
        ([0.05] * 5 + [0.15] * 5, "later than forecast"),
        ([0.15] * 5 + [0.05] * 5, "sooner than forecast"),
        ([0.25] + [0.0625] * 8 + [0.25], "too narrow"),
        ([0.01] + [0.1225] * 8 + [0.01], "too wide"),
    ],
)
def test_a_pit_histogram_is_put_into_words(shares: list[float], finding: str) -> None:
    assert finding in pit_words(shares)


def test_teams_and_programs_stand_in_alphabetical_order(
    cast: Cast, kept: dict[str, Milestone], today: date, sign_in: Any
) -> None:
    for name in ("Zeta", "alpha"):
        ledger(cast.na4, f"Step of {name}", today, team=Team.objects.create(name=name))
    client = sign_in(cast.viewer)
    teams = [row.name for row in client.get("/accuracy", {"by": "team"}).context["groups"]]
    assert teams == ["alpha", "Region build", "Zeta", "No team"]
    programs = [row.name for row in client.get("/accuracy").context["groups"]]
    assert programs == ["Canary merger", "Region NA-4 capacity"]


def test_the_expert_page_shows_scores_and_what_drives_an_end(
    cast: Cast, kept: dict[str, Milestone], sign_in: Any
) -> None:
    work = {"work_low": 480, "work_likely": 960, "work_high": 4800}
    before = Milestone.objects.create(program=cast.na4, name="Cooling", **work)
    Dependency.objects.create(predecessor=before, successor=kept["live"])
    page = sign_in(cast.viewer).get("/accuracy/expert", {"program": "NA4"})
    text = text_of(page)
    assert "Continuous ranked probability score" in text
    assert "What drives Open for traffic" in text
    assert "Cooling" in text
    assert page.context["simulated"].tasks[0].cruciality > 0.99
    other = sign_in(cast.viewer).get("/accuracy/expert", {"milestone": str(before.pk)})
    assert other.context["end"] == before
    for wrong in ("0", "x", "9" * 30):
        assert sign_in(cast.viewer).get("/accuracy/expert", {"milestone": wrong}).status_code == 404


def test_quality_links_each_finding_to_where_it_is_mended(cast: Cast, sign_in: Any) -> None:
    long = Milestone.objects.create(program=cast.na4, name="Long", work_likely=60 * 480, is_end=True)
    bare = Milestone.objects.create(program=cast.na4, name="Bare")
    page = sign_in(cast.viewer).get("/quality")
    assert "1 program" in text_of(page)
    one = sign_in(cast.viewer).get("/quality", {"program": "NA4"})
    assert f'href="/m/{long.pk}/edit"' in one.text  # too long: split it in its form
    assert f'href="/m/{long.pk}"' in one.text  # nothing leads to it: link it on its page
    assert f'href="/m/{bare.pk}/edit"' in one.text
    assert "1 open milestone cannot be checked" in text_of(one)


def test_progress_before_its_turn_is_named_where_it_is_mended(cast: Cast, today: date, sign_in: Any) -> None:
    power, racks, spares = (
        Milestone.objects.create(program=cast.na4, name=name, work_likely=480) for name in ("Power", "Racks", "Spares")
    )
    hidden = Milestone.objects.create(program=cast.dark, name="Vault", work_likely=480)
    for before in (power, spares, hidden):
        Dependency.objects.create(predecessor=before, successor=racks)
    Milestone.objects.filter(pk=racks.pk).update(started_on=today - timedelta(days=3))
    Milestone.objects.filter(pk=spares.pk).update(started_on=today - timedelta(days=1), done_on=today)
    client = sign_in(cast.outsider)
    page = client.get("/quality", {"program": "NA4"})
    row = text_of(page).split("Out-of-sequence progress")[1]
    assert "3 of 3" in row
    assert f'<a class="link" href="/m/{racks.pk}" dir="auto">Racks</a>' in page.text
    said = text_of(client.get(f"/m/{racks.pk}"))
    assert "Started before Power was done; the rest of its work waits for it (retained logic)." in said
    assert "Started before Spares was done." in said
    assert "Started before a milestone of a private program was done." in said
    assert "Out of sequence" not in text_of(client.get(f"/m/{power.pk}"))


def test_a_network_too_large_to_check_is_refused(
    cast: Cast, sign_in: Any, api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quality, "MOST_MILESTONES", 1)
    for name in ("Power", "Racks"):
        Milestone.objects.create(program=cast.na4, name=name)
    page = sign_in(cast.viewer).get("/quality")
    assert (page.status_code, "a network of 2 milestones" in page.text) == (422, True)
    assert api(cast.viewer).get("quality").status_code == 422


def test_no_page_asks_more_for_more_rows(
    cast: Cast, today: date, portfolio_of: Callable[..., list[Program]], sign_in: Any
) -> None:
    programs = portfolio_of(60, [cast.lead])
    IssuedForecast.objects.bulk_create(
        IssuedForecast(
            milestone=row,
            program_id=row.program_id,
            week_on=day,
            day=day,
            basis="points",
            target_on=row.target_on,
            chance=0.5,
            finish_on=day,
            quantiles=[day] * 19,
        )
        for row in Milestone.objects.filter(program__in=programs)
        for day in (today - timedelta(days=today.weekday() + 7 * week) for week in range(1, 4))
    )
    client = sign_in(cast.lead)
    asked = {}
    for path in (
        "/trends?program=P1",
        "/trends?program=P1&chart=range",
        "/accuracy",
        "/accuracy?by=team",
        "/accuracy/expert?program=P1",
        "/quality",
        "/quality?program=P1",
    ):
        with CaptureQueriesContext(connection) as queries:
            assert client.get(path).status_code == 200, path
        asked[path] = len(queries)
    assert {path: count for path, count in asked.items() if count > MOST_QUERIES} == {}


# -- the API


def test_the_api_gives_the_same_figures(cast: Cast, kept: dict[str, Milestone], api: Any) -> None:
    client = api(cast.outsider)
    found = client.get("accuracy").json()
    assert (found["milestones"], found["is_enough"]) == (2, True)
    assert [row["program"] for row in found["programs"]] == ["NA4"]
    assert [row["level"] for row in found["kept"]] == [0.5, 0.8]
    assert found["scores"]["crps"] > 0
    assert [row["team"] for row in found["teams"]] == [None, kept["power"].team_id]
    assert client.get("accuracy", program="NA4").json()["issued"] == found["issued"]
    assert client.get("accuracy", program="DARK").status_code == 404
    assert client.get("accuracy", weeks="0").status_code == 400
    assert client.get("accuracy", porgram="NA4").status_code == 400


def test_trends_quality_and_drivers_are_in_the_api(cast: Cast, kept: dict[str, Milestone], api: Any) -> None:
    client = api(cast.outsider)
    lines = client.get("programs/NA4/trends").json()["milestones"]
    assert [(line["milestone"], line["rule"]) for line in lines] == [
        (kept["live"].pk, "T-8"),
        (kept["power"].pk, "T-1"),
    ]
    assert len(lines[0]["reports"]) == WEEKS
    assert client.get("programs/DARK/trends").status_code == 404
    Milestone.objects.filter(pk=kept["live"].pk).update(work_likely=480)
    judged = client.get("quality").json()
    assert [row["program"] for row in judged["programs"]] == ["NA4"]
    assert [check["number"] for check in judged["together"]] == list(range(1, 16))
    assert client.get("quality", program="DARK").status_code == 404
    drivers = client.get(f"milestones/{kept['live'].pk}/drivers").json()
    assert drivers == {"tasks": [], "reason": "", "has_hidden": False}
    assert client.get(f"milestones/{kept['secret'].pk}/drivers").status_code == 404
    assert client.get("milestones/x/drivers").status_code == 404


def test_the_ledger_of_real_runs_shows(cast: Cast, today: date, sign_in: Any) -> None:
    """What the sweep itself keeps is what the pages read."""
    Milestone.objects.create(program=cast.na4, name="Open", work_likely=480, is_end=True)
    at = timezone.now()
    for weeks in (2, 1, 0):
        day = today - timedelta(weeks=weeks)
        forecasts.services.bring_up_to_date(program_ids=[cast.na4.pk], today=day, at=at)
    page = sign_in(cast.viewer).get("/trends", {"program": "NA4"})
    assert len(page.context["told"][0].line.reports) == 3
