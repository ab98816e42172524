"""The ledger scored, against numbers worked out by hand. Today is 20 November 2026: what is known ends on the 19th.

milestone  issued   P50     P80     target  chance  done
Power      5 Oct    3 Nov   10 Nov  6 Nov   0.7     5 Nov
Power      12 Oct   6 Nov   12 Nov  6 Nov   0.5     5 Nov
Racks      5 Oct    10 Nov  16 Nov  12 Nov  0.6     open
Live       5 Oct    18 Nov  30 Nov  –       –       open
"""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from forecasts.accuracy import ENOUGH, LEVELS, P50, P80, Ledger, by_program, by_team, examine, load, score
from forecasts.models import IssuedForecast
from milestones.models import Milestone
from people.models import Team, User
from programs.models import Program
from tests.conftest import FRIDAY, Cast


def issue(
    milestone: Milestone,
    day: date,
    p50: date,
    p80: date | None = None,
    *,
    target: date | None = None,
    chance: float | None = None,
) -> IssuedForecast:
    return IssuedForecast.objects.create(
        milestone=milestone,
        program_id=milestone.program_id,
        week_on=day - timedelta(days=day.weekday()),
        day=day,
        basis="points",
        target_on=target,
        chance=chance,
        finish_on=p50,
        quantiles=[p50] * 10 + [p80 or p50] * 9,
    )


def nov(day: int) -> date:
    return date(2026, 11, day)


@pytest.fixture
def ledger(cast: Cast) -> dict[str, Milestone]:
    team = Team.objects.create(name="Region build")
    power = Milestone.objects.create(program=cast.na4, name="Power", team=team, done_on=nov(5))
    racks = Milestone.objects.create(program=cast.na4, name="Racks", team=team)
    live = Milestone.objects.create(program=cast.dark, name="Live")
    issue(power, date(2026, 10, 5), nov(3), nov(10), target=nov(6), chance=0.7)
    issue(power, date(2026, 10, 12), nov(6), nov(12), target=nov(6), chance=0.5)
    issue(racks, date(2026, 10, 5), nov(10), nov(16), target=nov(12), chance=0.6)
    issue(live, date(2026, 10, 5), nov(18), nov(30))
    return {"power": power, "racks": racks, "live": live}


def read(viewer: User | None = None, weeks: int = 26, levels: tuple[float, ...] = (P50, P80)) -> Ledger:
    rows = IssuedForecast.objects.visible_to(viewer) if viewer else IssuedForecast.objects.all()
    return load(rows, today=FRIDAY, weeks=weeks, levels=levels)


def test_shares_count_milestones_and_open_ones_past_their_day_as_missed(ledger: dict[str, Milestone]) -> None:
    found = score(read())
    assert (found.issued, found.milestones, found.finished, found.scored) == (4, 3, 2, 3)
    p50, p80 = found.kept
    # Power kept one of two, the others none.
    assert p50.share == pytest.approx(1 / 6)
    assert (p50.milestones, p50.due) == (3, 4)
    # Live can still be done by 30 November.
    assert (p80.share, p80.milestones, p80.due, p80.least, p80.most) == (0.5, 2, 3, 0.5, 0.75)
    assert p80.low < 0.5 < p80.high
    assert p80.agrees
    assert not found.is_enough


def test_bias_is_told_in_days_with_bounds_and_in_chance(ledger: dict[str, Milestone]) -> None:
    found = score(read())
    # Days after P50: 2, -1, at least 9, at least 1; half are open, so nothing bounds the median above.
    assert (found.bias.least_days, found.bias.most_days, found.bias.due) == (1.5, None, 4)
    assert found.bias.chance == pytest.approx(2 / 3 - 0.6)
    assert found.bias.foretold == 3
    assert found.brier == pytest.approx((0.09 + 0.25 + 0.36) / 3)
    assert [(one.chance, one.share, one.forecasts) for one in found.bins] == [
        (0.5, 1.0, 1),
        (pytest.approx(0.6), 0.0, 1),
        (pytest.approx(0.7), 1.0, 1),
    ]


def test_teams_and_programs_are_scored_apart(ledger: dict[str, Milestone], cast: Cast) -> None:
    whole = read()
    na4, dark = by_program(whole)
    assert (na4.key, na4.scored, na4.milestones, na4.bias.least_days) == (cast.na4.pk, 3, 2, 2)
    assert na4.kept is not None
    assert na4.kept.share == 0.5
    # Nothing of DARK had its P80 day, but its P50 is over.
    assert (dark.key, dark.scored, dark.kept, dark.bias.least_days) == (cast.dark.pk, 0, None, 1)
    nobody, team = by_team(whole)
    assert (nobody.key, nobody.milestones, team.milestones) == (0, 1, 2)


def test_what_was_cancelled_or_done_before_and_what_is_older_does_not_count(
    ledger: dict[str, Milestone], cast: Cast
) -> None:
    issue(ledger["power"], nov(9), nov(20))  # told on the 9th that it was done on the 5th
    gone = Milestone.objects.create(program=cast.na4, name="Gone", cancelled_on=nov(1))
    issue(gone, date(2026, 10, 5), nov(2))
    assert read().size == 4
    assert read(weeks=6).size == 1
    Program.objects.filter(pk=cast.dark.pk).update(state=Program.State.CANCELLED)
    assert read().size == 3


def test_a_target_that_was_past_when_the_forecast_was_issued_is_no_foresight(
    ledger: dict[str, Milestone],
) -> None:
    issue(ledger["racks"], nov(16), nov(25), target=nov(12), chance=0.0)
    assert score(read()).bias.foretold == 3


def test_today_is_not_over(ledger: dict[str, Milestone], cast: Cast) -> None:
    Milestone.objects.filter(pk=ledger["racks"].pk).update(done_on=FRIDAY)
    due = Milestone.objects.create(program=cast.na4, name="Due today")
    issue(due, date(2026, 10, 5), FRIDAY)
    found = score(read())
    assert (found.finished, found.kept[0].due) == (2, 4)


def test_what_is_hidden_does_not_count(ledger: dict[str, Milestone], cast: Cast) -> None:
    found = score(read(cast.outsider))
    assert (found.issued, found.milestones) == (3, 2)
    assert [group.key for group in by_program(read(cast.outsider))] == [cast.na4.pk]
    assert score(read(cast.viewer)).issued == 4


def test_an_empty_ledger_has_no_shares(cast: Cast) -> None:
    found = score(read())
    assert (found.issued, found.scored, found.kept, found.bins, found.brier) == (0, 0, [], [], None)
    assert by_program(read()) == by_team(read()) == []
    whole = examine(read(levels=LEVELS))
    assert (whole.n, whole.crps, whole.skill, whole.pit, whole.brier) == (0, None, None, [], None)


def test_proper_scores_of_certain_forecasts_are_their_errors(cast: Cast) -> None:
    """With one day at all levels the CRPS is the distance from it; open ones count with what has passed."""
    for name, forecast, done in (("A", 2, 6), ("B", 9, 7), ("C", 15, None)):
        row = Milestone.objects.create(program=cast.na4, name=name, done_on=nov(done) if done else None)
        issue(row, date(2026, 10, 5), nov(forecast))
    found = examine(read(levels=LEVELS))
    assert (found.n, found.still_open) == (3, 1)
    assert found.crps == found.plan_crps == pytest.approx((4 + 2 + 4) / 3)
    assert found.skill == pytest.approx(0)
    assert sum(found.pit) == pytest.approx(1)
    # B came before all its quantiles, A and C after theirs.
    assert found.pit[0] == pytest.approx(1 / 3)
    assert found.pit[-1] == pytest.approx(2 / 3)


def test_from_twenty_scored_forecasts_on_it_is_enough(cast: Cast) -> None:
    row = Milestone.objects.create(program=cast.na4, name="Power", done_on=nov(5))
    for week in range(ENOUGH):
        assert not score(read()).is_enough
        issue(row, nov(2) - timedelta(weeks=week), nov(6))
    assert score(read()).is_enough


def test_any_number_of_forecasts_is_read_in_one_query(cast: Cast) -> None:
    rows = Milestone.objects.bulk_create(Milestone(program=cast.na4, name=f"M{n}") for n in range(500))
    IssuedForecast.objects.bulk_create(
        IssuedForecast(
            milestone=row,
            program=cast.na4,
            week_on=date(2026, 10, 5),
            day=date(2026, 10, 5),
            basis="points",
            finish_on=nov(6),
            quantiles=[nov(6)] * 19,
        )
        for row in rows
    )
    with CaptureQueriesContext(connection) as queries:
        found = read(levels=LEVELS)
    assert (found.size, len(queries)) == (500, 1)
    assert found.quantile_day.shape == (500, 19)
