"""My updates: what a lead has to write, by when, what changed since, and the late updates of others."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from struct import pack
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import history
import people.services
import programs.services
import risks.services
from dashboards.weekly.owed import with_changes
from forecasts.models import HealthPolicy
from forecasts.policy import newest_policy
from people.models import User
from programs.models import Program, ReportedHealth, Role
from reports.letters.facts import since_update, what_changed
from reports.letters.parts.news import changed
from reports.models import Reminder
from reports.plans.services import nudge, nudge_all
from reports.updates.due import due_of, owed_by
from reports.updates.services import begin_update, publish_update
from tests.conftest import FRIDAY, NOON
from tests.reports.conftest import judge

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
    programs.services.create_program(by=cast.admin, key="NEW", name="New", lead=cast.lead)
    judge(cast.dark, FRIDAY - timedelta(days=60), "on_track", 5)  # and nothing was ever said of it
    found = owed_by(cast.lead, FRIDAY)
    assert [(one.program.key, (one.due_on - FRIDAY).days, one.tone) for one in found] == [
        ("DARK", -50, "bad"), ("NA4", 2, "warn"), ("GPU", 9, "ok"), ("NEW", 10, "ok"),
    ]  # fmt: skip
    assert [one.last is not None for one in found] == [False, True, True, False]
    assert [one.draft is not None for one in found] == [False, False, True, False]


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
    assert len(queries) <= 24, len(queries)
    assert page.text.count('data-key="u"') == 1
    assert 'href="/p/NA4/updates/new"' in page.text
    assert "You owe no update" in sign_in(cast.outsider).get("/updates/mine").text


def test_the_sidebar_counts_what_is_due(cast: Cast, sign_in: Any) -> None:
    def count(user: User) -> int:
        found = re.search(
            r'<span class="count">(\d+)<span class="sr-only"> due</span>', sign_in(user).get("/inbox").text
        )
        return int(found[1]) if found else 0

    now = timezone.now()
    today = people.services.today(now)
    assert count(cast.lead) == 0  # nothing was said of NA4 and of DARK, but they are new
    for program in (cast.na4, cast.dark):
        judge(program, today - timedelta(days=7), "on_track", 5)
    assert count(cast.lead) == sum(one.is_due for one in owed_by(cast.lead, today)) == 2
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


def test_what_changed_since_the_last_update_stands_beside_it(cast: Cast, sign_in: Any, api: Any) -> None:
    """Each program counts from its own day: what was told then is no news, and the reminder says the same."""
    now = timezone.now()
    today = people.services.today(now)
    # Two with the same risks, told of on different days.
    for program, days in ((cast.na4, 9), (cast.dark, 20)):
        for ago, title in ((15, "Fuel"), (4, "Crane")):
            with history.replaying(now - timedelta(days=ago)):
                risks.services.create_risk(
                    program=program, by=cast.lead, today=today - timedelta(days=ago), title=f"{title} {program.key}"
                )
        with history.replaying(now - timedelta(days=days)):
            at = now - timedelta(days=days)
            row = begin_update(program=program, by=cast.lead, at=at, health="on_track", text="All well.")
            publish_update(update=row, by=cast.lead, at=at)
        judge(program, today - timedelta(days=days + 1), "on_track", 5)
        judge(program, today, "at_risk", 12)
    page = sign_in(cast.lead).get("/updates/mine").text
    for told in ("Crane NA4", "Crane DARK", "Fuel DARK", "at risk, was on track on"):
        assert told in page, told
    assert "Fuel NA4" not in page
    owed = {one["program"]: one for one in api(cast.lead).get("updates/owed").json()["data"]}
    zone = people.services.organisation_zone()
    sinces = {one.program.pk: since_update(one.last, today=today, zone=zone) for one in owed_by(cast.lead, today)}
    both = (cast.na4, cast.dark)
    facts = what_changed(both, sinces, today=today, zone=zone, policy=newest_policy())
    for program in both:
        one = owed[program.key]
        assert one["changes"] == [note.text for note in changed(facts[program.pk], program, "")]
        assert one["more"] == 0
    for nth in range(12):
        risks.services.create_risk(program=cast.na4, by=cast.lead, today=today, title=f"Crane {nth}")
    owed = {one["program"]: one for one in api(cast.lead).get("updates/owed").json()["data"]}
    assert (len(owed["NA4"]["changes"]), owed["NA4"]["more"] > 0, owed["DARK"]["more"]) == (8, True, 0)


def catalog(texts: dict[str, str]) -> bytes:
    """A catalog as gettext compiles it."""
    words = [part.encode() for part in ("", *texts, "Content-Type: text/plain; charset=UTF-8\n", *texts.values())]
    ends = list(accumulate((len(word) + 1 for word in words), initial=28 + 8 * len(words)))
    table = [value for word, at in zip(words, ends, strict=False) for value in (len(word), at)]
    half = len(words) // 2
    return pack(f"<7I{len(table)}I", 0x950412DE, 0, half, 28, 28 + 8 * half, 0, 0, *table) + b"\0".join([*words, b""])


def test_what_changed_stands_in_the_readers_language(cast: Cast, settings: Any, tmp_path: Path, sign_in: Any) -> None:
    folder = tmp_path / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    words = {"new risk %(reference)s: %(title)s": "neues Risiko %(reference)s: %(title)s"}
    (folder / "django.mo").write_bytes(catalog(words))
    settings.LANGUAGES, settings.LOCALE_PATHS = [("en", "English"), ("de", "Deutsch")], [tmp_path]
    day, at = people.services.today(timezone.now()), timezone.now() - timedelta(days=9)
    with history.replaying(at):
        row = begin_update(program=cast.na4, by=cast.lead, at=at, health="on_track", text="All well.")
        publish_update(update=row, by=cast.lead, at=at)
    risk = risks.services.create_risk(program=cast.na4, by=cast.lead, today=day, title="Crane")
    page = sign_in(cast.lead).get("/updates/mine", headers={"Accept-Language": "de"}).text
    assert f"neues Risiko {risk.reference}: Crane." in page


def test_what_the_last_update_said_itself_is_no_news(cast: Cast) -> None:
    """Green three weeks ago; amber nine days ago, after a risk of that same morning."""
    now = timezone.now()
    today = people.services.today(now)
    for days, health in ((21, "on_track"), (9, "at_risk")):
        at = now - timedelta(days=days)
        with history.replaying(at - timedelta(hours=1)):
            risks.services.create_risk(
                program=cast.na4, by=cast.lead, today=people.services.today(at), title=f"Crane of {health}"
            )
        with history.replaying(at):
            path = {"cause": "Crane", "path_to_green": "Another", "path_owner": cast.lead, "path_on": today}
            said: dict[str, Any] = path if health == "at_risk" else {}
            row = begin_update(program=cast.na4, by=cast.lead, at=at, health=health, text="Well.", **said)
            publish_update(update=row, by=cast.lead, at=at)
    [owed] = [one for one in owed_by(cast.lead, today) if one.program == cast.na4]
    [due] = with_changes([owed], today=today, zone=people.services.organisation_zone(), policy=newest_policy())
    assert due.since_on == people.services.today(now - timedelta(days=9))
    assert due.changes == []


@pytest.fixture
def late(cast: Cast) -> Cast:
    """Four late updates: one that the lead shares, one of their own alone, one of somebody else, one of nobody."""
    programs.services.give_role(program=cast.na4, user=cast.contributor, kind=Role.Kind.LEAD, by=cast.lead)
    programs.services.create_program(by=cast.admin, key="GPU", name="GPU fleet", lead=cast.viewer)
    nobodys = programs.services.create_program(by=cast.admin, key="NONE", name="Nobody leads")
    Program.objects.filter(pk=nobodys.pk).update(lead=None)
    Role.objects.filter(program=nobodys).delete()
    today = people.services.today(timezone.now())
    for ago, program in enumerate(Program.objects.order_by("key"), start=10):
        judge(program, today - timedelta(days=ago), "on_track", 5)
    return cast


def test_all_who_are_late_are_asked_at_once(late: Cast, sign_in: Any) -> None:
    admin = sign_in(late.admin)
    page = admin.get("/updates/mine")
    assert "Ask for all 3 late updates" in page.text
    assert [one.nudge.program.key for one in page.context["late"]] == ["NONE", "NA4", "GPU", "DARK"], "silent longest"
    nudge(program=late.dark, by=late.admin, at=timezone.now())
    told = str(next(iter(get_messages(admin.post("/updates/nudge").wsgi_request))))
    assert "Asked for 2 updates: Region NA-4 capacity (Lea Lead, Cem Contributor), GPU fleet (Vera Viewer)." in told
    assert "Canary merger (They were asked today already)" in told
    assert "Nobody leads (Nobody else leads this program)" in told
    asked = set(Reminder.objects.values_list("user__name", "program__key", "kind", "by"))
    assert asked == {
        (person.name, key, "nudge", late.admin.pk)
        for person, key in (
            (late.lead, "NA4"), (late.contributor, "NA4"), (late.lead, "DARK"), (late.viewer, "GPU"),
        )
    }  # fmt: skip
    page = admin.get("/updates/mine").text
    assert page.count("They were asked today already.") == 3
    assert "late updates</button>" not in page
    assert "Not asked: " in str(next(iter(get_messages(admin.post("/updates/nudge").wsgi_request))))
    assert Reminder.objects.count() == len(asked)


def test_a_lead_asks_for_no_more_than_one_by_one(late: Cast, sign_in: Any, api: Any) -> None:
    assert api(late.lead).get("updates/late").json()["data"] == [
        {"program": "NA4", "people": [late.contributor.pk], "code": "", "why": ""}
    ]
    assert [one["program"] for one in api(late.lead).post("updates/late").json()["data"]] == ["NA4"]
    assert api(late.lead).post("updates/late").json()["data"][0]["code"] == "asked"
    assert Reminder.objects.get().user == late.contributor
    for nobody in (late.viewer, late.outsider):
        assert api(nobody).post("updates/late").json() == {"data": []}
        assert "Late updates of others" not in sign_in(nobody).get("/updates/mine").text
    [refused] = nudge_all(programs=[late.dark], by=late.outsider, at=timezone.now())
    assert refused.code == "rights"
    assert Reminder.objects.count() == 1
