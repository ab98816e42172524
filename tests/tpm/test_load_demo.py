"""The demo tells its story on whatever day it is loaded; all of it is computed from what people entered."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from forecasts.accuracy import P50, P80, load, score
from forecasts.health import SLIP_RULES
from forecasts.models import IssuedForecast, ProgramHealth
from milestones.models import Dependency, Milestone
from people.models import User
from programs.models import Health, Program
from reports.models import Plan, Subscription
from reports.plans import kept, promises
from tpm.demo.letters import upset
from tpm.demo.replay import Replay, lay_out


@pytest.mark.django_db(transaction=True)
def test_the_demo_shows_a_believable_portfolio() -> None:
    now, today = datetime(2026, 11, 22, 23, 30, tzinfo=UTC), date(2026, 11, 23)  # a Monday where its people are
    Replay(now=now, say=lambda line: None).run()

    newest = {row.program_id: row for row in ProgramHealth.objects.order_by("day")}
    derived = Counter(row.health for row in newest.values())
    assert derived[Health.ON_TRACK] >= 4
    assert derived[Health.AT_RISK] >= 2
    assert derived[Health.OFF_TRACK] >= 2
    assert derived[Health.NO_FORECAST] == 1

    disagree = 0
    for program in Program.objects.all():
        said = program.reported_healths.order_by("-at").first()
        row = newest[program.pk]
        disagree += said is not None and row.health != Health.NO_FORECAST and said.health != row.health
    assert disagree == 3

    assert Program.objects.count() == 12
    assert 130 <= Milestone.objects.count() <= 170
    assert Milestone.objects.exclude(done_on=None).count() >= 40
    assert Dependency.objects.hand_offs().count() >= 5
    assert ProgramHealth.objects.values("day").distinct().count() == 15
    assert Subscription.objects.filter(plan__is_default=True).count() == 3
    promises.promise(at=now)
    upset(at=now)
    told = kept.kept(Plan.objects.all(), now)
    assert (told.promised, told.late, told.unknown) == (5, 4, 1)  # none is sent here; one never will be

    # The ledger of its weeks is worth a look: dates and chances came due.
    found = score(load(IssuedForecast.objects.all(), today=today, weeks=26))
    assert found.is_enough
    assert found.bias.foretold >= 50
    assert [one.level for one in found.kept] == [P50, P80]

    # Each Friday's rows are history of that Friday.
    first: Any = Milestone.objects.earliest("pk")
    assert first.events.earliest("pgh_created_at").pgh_created_at.date() == date(2026, 11, 20) - timedelta(weeks=13)

    # The days of the findings add up to the slip.
    for row in newest.values():
        parts = [finding["days"] for finding in row.findings if finding["rule"] in SLIP_RULES]
        if parts:
            assert sum(parts) == row.slip_days

    # Pages of programs that have some of everything ask no more than others.
    client = Client()
    for person in User.objects.filter(email__in=("noor.haddad@example.com", "priya.raman@example.com")):
        client.force_login(person)
        pages: list[Any] = [*Program.objects.all(), *Milestone.objects.filter(is_end=True)]
        for path in ("/", "/quality", "/review", *(row.get_absolute_url() for row in pages)):
            with CaptureQueriesContext(connection) as queries:
                assert client.get(path).status_code == 200
            assert len(queries) <= 25, (path, len(queries))


@pytest.mark.parametrize("offset", range(7))
def test_days_are_relative_to_today(offset: int) -> None:
    today = date(2026, 11, 20) + timedelta(days=offset)
    replay = Replay(now=datetime(2026, 11, 20, 9, tzinfo=UTC) + timedelta(days=offset), say=lambda line: None)
    assert replay.today == today
    assert replay.last_friday < today
    assert today - replay.last_friday <= timedelta(days=7)
    assert replay.last_friday.weekday() == 4
    assert replay.day(0) == replay.day_zero <= today
    assert all(replay.day(n).weekday() < 5 and replay.day(n) < replay.day(n + 1) for n in range(-200, 200))


def test_the_plan_waits_for_nothing_that_is_not_in_it() -> None:
    steps = lay_out()
    assert all(key in steps for step in steps.values() for key in step.waits_for)
    assert all(step.start >= steps[key].finish for step in steps.values() for key in step.waits_for)
