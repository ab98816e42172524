"""My updates: what a lead has to write, by when, and what was said last."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import people.services
import programs.services
from forecasts.models import HealthPolicy
from people.models import User
from programs.models import Program, ReportedHealth, Role
from reports.updates.due import due_of, owed_by
from reports.updates.services import begin_update, publish_update
from tests.conftest import FRIDAY, NOON

if TYPE_CHECKING:
    from tests.conftest import Cast


def publish(cast: Cast, program: Program, days_ago: int) -> None:
    at = NOON - timedelta(days=days_ago)
    row = begin_update(program=program, by=cast.lead, at=at, health="on_track", text="All **well**.")
    publish_update(update=row, by=cast.lead, at=at)


def test_the_first_due_comes_first(cast: Cast) -> None:
    gpu = programs.services.create_program(by=cast.admin, key="GPU", name="GPU fleet", lead=cast.lead)
    publish(cast, cast.na4, 8)
    publish(cast, gpu, 1)
    begin_update(program=gpu, by=cast.lead, at=NOON, health="at_risk", text="Draft")
    found = owed_by(cast.lead, FRIDAY)
    assert [(one.program.key, (one.due_on - FRIDAY).days, one.tone) for one in found] == [
        ("DARK", 0, "bad"), ("NA4", 2, "warn"), ("GPU", 9, "ok"),
    ]  # fmt: skip
    assert [one.last is not None for one in found] == [False, True, True]
    assert [one.draft is not None for one in found] == [False, False, True]


def test_only_leads_of_active_programs_owe(cast: Cast) -> None:
    for person in (cast.admin, cast.contributor, cast.viewer, cast.outsider):
        assert owed_by(person, FRIDAY) == []
    Program.objects.filter(pk=cast.dark.pk).update(state=Program.State.ON_HOLD)
    assert [one.program.key for one in owed_by(cast.lead, FRIDAY)] == ["NA4"]
    programs.services.give_role(program=cast.na4, user=cast.outsider, kind=Role.Kind.LEAD, by=cast.lead)
    assert [one.program.key for one in owed_by(cast.outsider, FRIDAY)] == ["NA4"]


def test_the_day_is_that_of_the_organisation(cast: Cast) -> None:
    """Late in the evening in UTC it is the next day already in Tokyo."""
    cast.organisation.time_zone = "Asia/Tokyo"
    cast.organisation.save()
    at = datetime(2026, 11, 19, 20, tzinfo=UTC)
    row = begin_update(program=cast.na4, by=cast.lead, at=at, health="on_track", text="Well.")
    publish_update(update=row, by=cast.lead, at=at)
    [found] = [one for one in owed_by(cast.lead, FRIDAY) if one.program == cast.na4]
    assert found.due_on == FRIDAY + timedelta(days=10)


@pytest.mark.parametrize("size", [1, 40])
def test_the_page_asks_little(cast: Cast, sign_in: Any, size: int) -> None:
    for n in range(size):
        program = programs.services.create_program(by=cast.admin, key=f"P{n}", name=f"P{n}", lead=cast.lead)
        publish(cast, program, n % 12)
    client = sign_in(cast.lead)
    with CaptureQueriesContext(connection) as queries:
        page = client.get("/updates/mine")
    assert len(queries) <= 14, len(queries)
    assert page.text.count('data-key="u"') == 1
    assert 'href="/p/NA4/updates/new"' in page.text
    assert "You owe no update" in sign_in(cast.outsider).get("/updates/mine").text


def test_the_sidebar_counts_what_is_due(cast: Cast, sign_in: Any) -> None:
    def count(user: User) -> int:
        found = re.search(
            r'<span class="count">(\d+)<span class="sr-only"> due</span>', sign_in(user).get("/inbox").text
        )
        return int(found[1]) if found else 0

    assert count(cast.lead) == 2  # nothing was ever said of NA4 and of DARK
    now = timezone.now()
    programs.services.report(program=cast.na4, health="on_track", because="All well", by=cast.lead, at=now)
    assert count(cast.lead) == 1
    assert count(cast.outsider) == 0
    HealthPolicy.objects.all().delete()  # the limits that ship count
    assert count(cast.lead) == 1
    # As on the page: what turns stale in three days is due.
    ReportedHealth.objects.update(at=now - timedelta(days=8))
    assert count(cast.lead) == sum(one.is_due for one in owed_by(cast.lead, people.services.today(now))) == 2


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "America/Los_Angeles"])
def test_the_sidebar_counts_what_the_list_says_is_due(cast: Cast, zone: str) -> None:
    """Stale after ten days and told three before: due from the seventh day on, at whatever hour the word was given."""
    cast.organisation.time_zone = zone
    cast.organisation.save()
    now = timezone.now()
    today = people.services.today(now)
    counts = []
    for hours in range(-36, 37, 6):
        ReportedHealth.objects.all().delete()
        at = now - timedelta(days=7, hours=hours)
        for program in (cast.na4, cast.dark):
            ReportedHealth.objects.create(program=program, health="on_track", by=cast.lead, at=at)
        due = [one for one in owed_by(cast.lead, today) if one.is_due]
        counts.append(due_of(cast.lead).count())
        assert counts[-1] == len(due), (zone, hours)
    assert set(counts) == {0, 2}
