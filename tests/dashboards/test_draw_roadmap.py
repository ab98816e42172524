"""The roadmap: what is drawn, counted and left out, by the address alone; of the portfolio and of one program."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import programs.services
from dashboards.window import Step, fitted, window
from forecasts.models import MilestoneForecast
from milestones.models import Baseline, BaselineDate, Dependency, Milestone, Workstream
from people.models import User
from programs.models import Alignment, Objective, Phase, Program
from tests.conftest import FRIDAY

if TYPE_CHECKING:
    from tests.conftest import Cast

Portfolio = Callable[[int, list[User]], list[Program]]


def look(client: Any, path: str = "/roadmap", **query: Any) -> Any:
    answer = client.get(path, query)
    assert answer.status_code == 200
    return answer


def drawn(answer: Any) -> list[int]:
    """Milestones that have a row, from top to bottom."""
    return [int(pk) for pk in re.findall(r'<a href="/m/(\d+)"', answer.context["body"])]


def links(answer: Any) -> list[str]:
    return re.findall(r'<path class="v-dep([^"]*)"', answer.context["body"])


def opened(answer: Any) -> dict[str, bool]:
    return {lane.title: lane.is_open for lane in answer.context["found"]}


def row_of(answer: Any, milestone: Milestone) -> str:
    found = re.search(rf'<a href="/m/{milestone.pk}">.*?</a>', answer.context["body"])
    assert found
    return found.group()


# -- what is drawn ---------------------------------------------------------------------------------------------------


def test_a_small_portfolio_is_drawn_whole(cast: Cast, sign_in: Any, portfolio_of: Portfolio) -> None:
    portfolio_of(3, [cast.lead])
    answer = look(sign_in(cast.viewer), zoom="quarter")
    assert set(drawn(answer)) == set(Milestone.objects.values_list("pk", flat=True))
    assert answer.context["sub"] == (
        "3 of 3 programs with P80 and target end after it; the latest is Cluster program 0, 49 days."
    )
    assert f'role="group" aria-label="{answer.context["sub"]}"' in answer.text
    assert f"Today, {timezone.localdate():%-d %b}</text>" in answer.text


def test_a_row_says_when_with_its_target_and_version(cast: Cast, sign_in: Any, portfolio_of: Portfolio) -> None:
    portfolio_of(1, [cast.lead])
    end = Milestone.objects.get(is_end=True)
    frozen = Baseline.objects.create(program=end.program, name="Plan", approved_on=FRIDAY, approved_by=cast.lead)
    assert end.target_on
    BaselineDate.objects.create(baseline=frozen, milestone=end, finish_on=end.target_on - timedelta(days=50))
    forecast = MilestoneForecast.objects.get(pk=end.pk)
    assert forecast.p50_on
    assert forecast.p80_on
    row = row_of(look(sign_in(cast.viewer), zoom="quarter"), end)
    told = [forecast.p50_on, forecast.p80_on, end.target_on]
    p50, p80, target = (f"{day:%-d %b %Y}" for day in told)
    assert f"<title>{end.name}: expected {p50}, P80 {p80}, target {target}, on the critical path</title>" in row
    assert f'data-milestone="{end.pk}" data-version="{end.version}"' in row
    for css in ("v-ghost", "v-target", "v-band", "v-diamond", "s-bad"):
        assert f'class="{css}"' in row
    # What lies beyond the edge is not drawn at it.
    frozen.dates.update(finish_on=end.target_on - timedelta(days=900))
    beyond = row_of(look(sign_in(cast.viewer), zoom="quarter"), end)
    assert "v-ghost" not in beyond
    assert "v-slip" in beyond
    done = row_of(look(sign_in(cast.viewer), zoom="quarter"), Milestone.objects.exclude(done_on=None).get())
    assert ": done " in done
    assert "v-check" in done


def moving(answer: Any, milestone: Milestone) -> list[tuple[str, str]]:
    """Which fields of a milestone its row lets the reader drag, and from which days."""
    return re.findall(r'data-moves="(\w+)" data-from="([\d-]+)"', row_of(answer, milestone))


def test_who_may_edit_moves_bars_and_who_may_plan_moves_targets(
    cast: Cast, sign_in: Any, portfolio_of: Portfolio
) -> None:
    (program,) = portfolio_of(1, [cast.lead])
    programs.services.give_role(program=program, user=cast.contributor, kind="contributor", by=cast.admin)
    done, step, started, end = Milestone.objects.order_by("pk")
    Milestone.objects.filter(pk=started.pk).update(started_on=FRIDAY)
    starts = ("not_before_on", str(step.forecast.start_on))
    target = ("target_on", str(step.target_on))
    for path in ("/roadmap", "/p/P0/roadmap"):
        seen = {user: look(sign_in(user), path, zoom="quarter") for user in (cast.viewer, cast.contributor, cast.lead)}
        assert moving(seen[cast.viewer], step) == []
        assert moving(seen[cast.contributor], step) == [starts]
        assert moving(seen[cast.lead], step) == [starts, target]
        # What has begun keeps its start, and what is done stays.
        assert moving(seen[cast.lead], started) == [("target_on", str(started.target_on))]
        assert moving(seen[cast.lead], done) == []
        move = f'href="/m/{step.pk}/edit?only='
        assert f'{move}not_before_on,target_on"' in seen[cast.lead].text
        assert f'{move}not_before_on"' in seen[cast.contributor].text
        assert move not in seen[cast.viewer].text
        assert "js/drag.js" not in seen[cast.viewer].text
    # What waits starts as much later as that is likely to be.
    MilestoneForecast.objects.filter(pk=step.pk).update(driven_by=done)
    MilestoneForecast.objects.filter(pk=done.pk).update(finish_on=FRIDAY, p50_on=FRIDAY + timedelta(days=9))
    later = ("not_before_on", str(step.forecast.start_on + timedelta(days=9)))
    assert moving(look(sign_in(cast.lead), zoom="quarter"), step) == [later, target]
    # A day alone is all there is of what is only planned: that is what its bar moves.
    MilestoneForecast.objects.filter(pk=end.pk).update(basis="planned")
    assert moving(look(sign_in(cast.lead), zoom="quarter"), end) == [("target_on", str(end.target_on))] * 2
    assert moving(look(sign_in(cast.contributor), zoom="quarter"), end) == []


def test_arrows_join_what_is_drawn(cast: Cast, sign_in: Any, portfolio_of: Portfolio) -> None:
    portfolio_of(2, [cast.lead])
    client = sign_in(cast.viewer)
    last, end = Milestone.objects.filter(program__key="P1").order_by("pk")[2:]
    MilestoneForecast.objects.filter(pk=end.pk).update(driven_by=last)
    assert sorted(links(look(client, zoom="quarter"))) == ["", "", "", "", "", " across", " crit"]
    # With one program closed, its own and the hand-off have nowhere to go.
    assert sorted(links(look(client, zoom="quarter", closed="P0"))) == ["", "", " crit"]


def test_hidden_programs_leave_no_trace(cast: Cast, sign_in: Any) -> None:
    giver = Milestone.objects.create(program=cast.dark, name="Codename Falcon", target_on=timezone.localdate())
    taker = Milestone.objects.create(program=cast.na4, name="Bring-up", target_on=timezone.localdate())
    outside = sign_in(cast.outsider)
    addresses = ("/roadmap?zoom=week", "/roadmap?group=lead", "/p/NA4/roadmap", "/roadmap?open=DARK&page=1")

    def read() -> list[bytes]:
        return [outside.get(address).content for address in addresses]

    Dependency.objects.create(predecessor=giver, successor=taker)
    Dependency.objects.create(predecessor=taker, successor=giver, kind="SS")
    with_it = read()
    assert links(look(sign_in(cast.viewer), zoom="week")) == [" across", " across"]
    assert links(look(sign_in(cast.viewer), "/p/NA4/roadmap", zoom="week")) == [" across", " across"]
    cast.dark.delete()
    assert with_it == read()


# -- what the address says -------------------------------------------------------------------------------------------


def test_programs_close_to_a_strip_of_counts_and_open_again(cast: Cast, sign_in: Any, portfolio_of: Portfolio) -> None:
    portfolio_of(2, [cast.lead])
    client = sign_in(cast.viewer)
    closed = look(client, zoom="quarter", closed="P1")
    assert len(drawn(closed)) == 4
    assert sum(int(count) for count in re.findall(r'y="[\d.]+">(\d+)</text>', closed.context["body"])) == 4
    assert "Open Fleet program 1: 4 expected in this window, most in " in closed.context["body"]
    everything = closed.context["close_url"]
    nothing = look(client, everything.partition("?")[0], closed="all", zoom="quarter")
    assert everything == "/roadmap?zoom=quarter&closed=all"
    assert drawn(nothing) == []
    # The strip itself opens its program: the address of its link leads there and back.
    way = re.search(r'<a href="([^"#]*)#[^"]*" id="[^"]*"><title>Open Fleet', nothing.context["body"])
    assert way
    again = client.get(way.group(1).replace("&amp;", "&"))
    assert opened(again)["Fleet program 1"]
    assert not opened(again)["Cluster program 0"]
    assert len(drawn(again)) == 4


def test_a_group_closes_as_a_whole(cast: Cast, sign_in: Any, portfolio_of: Portfolio) -> None:
    portfolio_of(4, [cast.lead])
    answer = look(sign_in(cast.viewer), zoom="quarter", closed="area-Cluster")
    body = answer.context["body"]
    assert "<title>Cluster program 0: " not in body
    assert "<title>Fleet program 1: " in body
    assert "Open Cluster: 8 expected in this window" in body


@pytest.mark.parametrize("by", ["area", "lead", "objective", "phase", "program"])
def test_it_groups_by_what_programs_share(by: str, cast: Cast, sign_in: Any, portfolio_of: Portfolio) -> None:
    first, second = portfolio_of(2, [cast.lead, cast.contributor])
    objective = Objective.objects.create(title="Capacity for 2027")
    Alignment.objects.create(program=first, objective=objective)
    Phase.objects.create(program=second, kind="testing")
    answer = look(sign_in(cast.outsider), group=by)
    titles = [group.title for group in answer.context["groups"]]
    assert (
        titles
        == {
            "area": ["Cluster", "Fleet", "No area"],
            "lead": ["Cem Contributor", "Lea Lead"],
            "objective": ["Capacity for 2027", "No objective"],
            "phase": ["Testing", "No phase"],
            "program": [""],
        }[by]
    )


def test_a_window_moves_through_time(cast: Cast, sign_in: Any, portfolio_of: Portfolio) -> None:
    portfolio_of(1, [cast.lead])
    client = sign_in(cast.viewer)
    now = look(client)
    assert now.context["today_url"] == ""
    earlier = client.get(now.context["earlier_url"])
    shown, before = now.context["window"], earlier.context["window"]
    assert before.start < shown.start <= before.end < shown.end
    assert earlier.context["today_url"] == "/roadmap"
    assert client.get(earlier.context["later_url"]).context["window"].start == shown.start
    past = look(client, **{"from": "2020-01-01", "to": "2020-12-31"})
    assert drawn(past) == []
    assert "4 milestones · 4 later" in past.context["body"]
    assert "zoom=week" in past.context["tabs"][0]["url"]
    assert "from=2020-01-01" in past.context["tabs"][0]["url"]


def test_the_axis_names_months_and_iso_weeks(cast: Cast, sign_in: Any, portfolio_of: Portfolio) -> None:
    portfolio_of(1, [cast.lead])
    head = look(sign_in(cast.viewer), zoom="week", **{"from": "2026-11-16", "to": "2027-05-16"}).context["head"]
    assert re.findall(r">(W\d+)</text>", head)[:8] == ["W47", "W48", "W49", "W50", "W51", "W52", "W53", "W1"]
    assert ">Jan 2027</text>" in head


@pytest.mark.parametrize(
    ("zoom", "first", "last", "step", "steps"),
    [
        ("week", None, None, "week", 26),
        ("month", None, None, "month", 15),
        ("quarter", None, None, "month", 36),
        ("week", date(2026, 1, 7), date(2030, 1, 1), "quarter", 17),
        ("month", date(2000, 2, 29), date(2029, 12, 31), "year", 30),
        ("quarter", None, date(2026, 5, 1), "month", 36),
    ],
)
def test_steps_are_as_fine_as_their_numbers_have_room(
    zoom: str, first: date | None, last: date | None, step: str, steps: int
) -> None:
    shown = window(Step(zoom), FRIDAY, first, last)
    assert (shown.step, len(shown.steps)) == (step, steps)
    assert shown.has(first or last or FRIDAY)
    assert shown.moved(1).moved(-1) == shown


@pytest.mark.parametrize("zoom", ["week", "month", "quarter"])
def test_a_window_is_no_longer_than_what_is_drawn(zoom: str) -> None:
    usual = window(Step(zoom), FRIDAY)
    none, some, much = (fitted(Step(zoom), FRIDAY, FRIDAY + timedelta(days=days)) for days in (0, 100, 999_999))
    assert usual.start == none.start == some.start
    assert some.has(FRIDAY + timedelta(days=100))
    assert none.end <= some.end < much.end
    assert much == usual
    half = some.moved(-1)
    assert window(Step(zoom), FRIDAY, half.start, half.last).moved(1) == some


def test_the_health_filter_is_that_of_the_portfolio(cast: Cast, sign_in: Any, portfolio_of: Portfolio) -> None:
    portfolio_of(3, [cast.lead])
    client = sign_in(cast.viewer)
    answer = look(client, health="at_risk")
    assert list(opened(answer)) == ["Region program 2"]
    assert answer.context["chips"] == [("Health", "At risk", "/roadmap")]
    assert "Nothing matches" in look(client, health="done").text


@pytest.mark.parametrize(
    "query",
    [
        "zoom=fortnight", "group=<script>alert(1)</script>", "health=fine", "from=yesterday", "to=2026-02-30",
        "from=0001-01-01", "to=9999-12-31", "from=2026-11-01&to=2026-10-01", "from=1990-01-01&to=2199-01-01",
        "from=2026-11-01&to=2026-11-02", "rows=-1", "rows=9999999999999999999999", "rows=²", "rows=NaN",
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/roadmap", "/p/P0/roadmap"])
def test_what_cannot_be_read_is_said_and_left_out(
    query: str, path: str, cast: Cast, sign_in: Any, portfolio_of: Portfolio
) -> None:
    portfolio_of(1, [cast.lead])
    answer = sign_in(cast.viewer).get(f"{path}?{query}")
    assert answer.status_code == 200
    assert len(answer.context["unreadable"]) == 1
    assert 'class="notice s-warn"' in answer.text
    assert "<script>alert" not in answer.text


def test_strange_names_to_open_and_pages_past_the_end_change_nothing(
    cast: Cast, sign_in: Any, portfolio_of: Portfolio
) -> None:
    portfolio_of(1, [cast.lead])
    names = "".join(f"&open=X{n}&closed=<b>{n}" for n in range(300))
    answer = sign_in(cast.viewer).get(f"/roadmap?page=999999{names}")
    assert answer.status_code == 200
    assert answer.context["unreadable"] == []
    page = answer.text[answer.text.index('id="main"') :]  # the form above it that looks back asks for all the same
    assert "X299" not in page
    assert "b&gt;299" not in page


# -- a program's own -------------------------------------------------------------------------------------------------


def test_a_program_has_its_workstreams_and_neighbours(cast: Cast, sign_in: Any, portfolio_of: Portfolio) -> None:
    portfolio_of(3, [cast.lead])
    answer = look(sign_in(cast.viewer), "/p/P1/roadmap", zoom="quarter")
    assert list(opened(answer)) == [
        "Site and power", "Network", "Other milestones", "From other programs", "For other programs",
    ]  # fmt: skip
    assert answer.context["sub"].startswith("P80 is 34 days after the target.")
    assert len(drawn(answer)) == 6
    assert links(answer).count(" across") == 2
    assert '<a class="tab" href="/p/P1/roadmap" aria-current="page">Roadmap</a>' in answer.text
    assert "(P0): expected " in answer.context["body"]


def test_a_program_without_milestones_offers_to_add_one(cast: Cast, sign_in: Any) -> None:
    assert "No milestones yet" in look(sign_in(cast.viewer), "/p/NA4/roadmap").text
    assert '"/p/NA4/milestones/new"' not in look(sign_in(cast.viewer), "/p/NA4/roadmap").text
    assert '"/p/NA4/milestones/new"' in look(sign_in(cast.lead), "/p/NA4/roadmap").text
    Program.objects.all().delete()
    assert "No open programs" in look(sign_in(cast.viewer)).text


def test_milestones_without_a_day_are_in_the_table_alone(cast: Cast, sign_in: Any) -> None:
    stream = Workstream.objects.create(program=cast.na4, name="Power")
    Milestone.objects.create(program=cast.na4, name="Some day", workstream=stream)
    answer = look(sign_in(cast.viewer), "/p/NA4/roadmap")
    assert drawn(answer) == []
    assert [mark.name for _, mark in answer.context["page"]] == ["Some day"]


# -- at any size -----------------------------------------------------------------------------------------------------


@pytest.fixture
def crowd(cast: Cast) -> list[Program]:
    """160 programs of 12 milestones: too many to be drawn one by one."""
    today = timezone.localdate()
    programs = Program.objects.bulk_create(
        Program(key=f"X{n}", name=f"Other {n}", area=f"Area {n % 7}", rank=n + 1, target_on=today) for n in range(160)
    )
    rows = Milestone.objects.bulk_create(
        Milestone(program=program, name=f"Step {n}", target_on=today + timedelta(days=20 * n - 60))
        for program in programs
        for n in range(12)
    )
    Dependency.objects.bulk_create(
        Dependency(predecessor=rows[n], successor=rows[n + 13]) for n in range(0, len(rows) - 13, 4)
    )
    return programs


def test_a_large_portfolio_is_counted_not_drawn(cast: Cast, crowd: list[Program], sign_in: Any) -> None:
    client = sign_in(cast.viewer)
    with CaptureQueriesContext(connection) as few:
        look(client, zoom="quarter", health="off_track")
    with CaptureQueriesContext(connection) as queries:
        answer = look(client, zoom="quarter")
    assert len(queries) <= 25
    assert len(queries) <= len(few) + 5
    assert len(answer.content) < 400_000
    assert drawn(answer) == []
    numbers = [int(count) for count in re.findall(r'y="[\d.]+">(\d+)</text>', answer.context["body"])]
    assert sum(numbers) == 160 * 12
    one = look(client, zoom="quarter", open=["X3", "X4"])
    assert len(drawn(one)) == 24
    with CaptureQueriesContext(connection) as queries:
        everything = look(client, zoom="quarter", open="all", rows=1000)
    assert len(queries) <= 25
    assert 900 < len(drawn(everything)) < 1000
    assert len(everything.content) < 1_000_000


def test_rows_beyond_the_first_are_shown_on_demand(cast: Cast, crowd: list[Program], sign_in: Any) -> None:
    client = sign_in(cast.viewer)
    answer = look(client, zoom="quarter", open="all")
    first = len(drawn(answer))
    assert answer.context["sheet"].left_out > 100
    more = client.get(answer.context["more_url"])
    assert len(drawn(more)) > first + 150
    assert drawn(more)[:first] == drawn(answer)


def test_a_long_program_is_cut_and_leads_to_its_own_roadmap(cast: Cast, sign_in: Any) -> None:
    today = timezone.localdate()
    Milestone.objects.bulk_create(
        Milestone(program=cast.na4, name=f"Step {n}", target_on=today + timedelta(days=n)) for n in range(90)
    )
    client = sign_in(cast.viewer)
    answer = look(client)
    assert len(drawn(answer)) == 60
    assert "30 more in this window: roadmap of Region NA-4 capacity" in answer.context["body"]
    assert len(drawn(look(client, "/p/NA4/roadmap"))) == 90
    Milestone.objects.bulk_create(
        Milestone(program=cast.na4, name=f"Part {n}", target_on=today + timedelta(days=n)) for n in range(200)
    )
    answer = look(client, "/p/NA4/roadmap", open="w-0")
    assert len(drawn(answer)) == 199
    assert "Below 91 more milestones." in answer.text
    assert len(drawn(client.get(answer.context["more_url"]))) == 290


def test_the_table_has_all_in_the_order_of_the_drawing(cast: Cast, crowd: list[Program], sign_in: Any) -> None:
    client = sign_in(cast.viewer)
    told = [(lane.title, mark.name) for lane, mark in look(client, group="program", page=2).context["page"]]
    every = [(f"Other {n}", f"Step {step}") for n in range(160) for step in range(12)]
    assert told == every[50:100]
    last = look(client, group="program", page=39).context["page"]
    assert last.paginator.count == len(every)
    assert [(lane.title, mark.name) for lane, mark in last] == every[1900:]
