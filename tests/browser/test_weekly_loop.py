"""The loop of a week, closed by keyboard alone: the reminder's mail, the editor, the letters, a letter's page."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

import history
import people.services
import programs.services
import risks.services
from people.models import User
from reports.letters import daily, outbox
from reports.letters.mail import Mail
from reports.models import Plan, Subscription, Update
from reports.plans import enrolment, promises
from reports.plans import services as plans
from reports.updates import services
from tests.browser.hands import Keys
from tests.conftest import Cast
from tests.reports.conftest import PostOffice, judge, part

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

MOST_STEPS = 12
AUDIENCES = (Plan.Audience.TEAM, Plan.Audience.SPONSOR)


def deliver() -> int:
    """What the worker does twice a minute."""
    return outbox.deliver(clock=timezone.now, way=Mail())


@pytest.fixture
def week(cast: Cast) -> Cast:
    """Told to be on track eleven days ago, and off track since; its letters and the reader's mail are due this hour."""
    now = timezone.now()
    day, before, earlier = people.services.today(now), now - timedelta(days=11), now - timedelta(hours=1)
    programs.services.change_program(program=cast.na4, by=cast.lead, sponsor=cast.admin)
    judge(cast.na4, day - timedelta(days=11), "on_track", 1)
    with history.replaying(before):
        plans.day_plan(before)
        update = services.begin_update(
            program=cast.na4, by=cast.lead, at=before, health="on_track", text="All is well."
        )
        services.publish_update(update=update, by=cast.lead, at=before)
    judge(cast.na4, day, "off_track", 34, at=now)
    risks.services.create_risk(program=cast.na4, by=cast.lead, today=day, title="Canal floods")
    daily.promise(at=earlier)
    own = Subscription.objects.get(user=cast.lead, plan__content=Plan.Content.DAY)
    plans.change_subscription(subscription=own, by=cast.lead, at=earlier, hour=now.hour)
    for audience in AUDIENCES:
        plans.create_plan(
            by=cast.lead, at=earlier, name=f"For the {audience}", content=Plan.Content.PROGRAM, program=cast.na4,
            audience=audience, enrols=True, weekday=now.weekday(), hour=now.hour,
        )  # fmt: skip
    enrolment.enrol(at=earlier)
    return cast


def addressed(office: PostOffice, user: User) -> EmailMessage:
    """The newest mail that the server took for a person."""
    return [mail for mail in office.mails if user.email in mail["To"]][-1]


def link(mail: EmailMessage, pattern: str) -> str:
    """An address that stands in both parts of a mail."""
    found = re.search(pattern, part(mail, "plain"))
    assert found
    assert f'href="{found[0]}"' in part(mail, "html")
    return found[0]


def headline(mail: EmailMessage) -> str:
    found = re.search(r"<h1[^>]*>([^<]+)", part(mail, "html"))
    assert found
    return found[1].strip()


def numbers(mail: EmailMessage) -> list[str]:
    """The four numbers at the top of a letter."""
    return re.findall(r"^- (\d.+ \(.+\))\r?$", part(mail, "plain"), re.MULTILINE)


def test_from_the_reminder_to_the_letters_page_by_keyboard(
    week: Cast,
    post_office: PostOffice,
    settings: Settings,
    signed_in: Any,
    live_server: LiveServer,
    record_property: Callable[[str, object], None],
) -> None:
    settings.SITE_URL = live_server.url
    page: Page = signed_in(week.lead)
    hand, began = Keys(page, live_server.url), time.monotonic()

    # The reminder.
    daily.promise(at=timezone.now())
    assert deliver() == 1
    mail = addressed(post_office, week.lead)
    assert mail["Subject"] == "Two updates wait for you"
    assert "Canal floods" in part(mail, "plain")
    page.goto(link(mail, rf"{re.escape(live_server.url)}/p/NA4/updates/new"))

    # The draft is there; the rules name what it lacks once it is said how the program stands.
    lint = page.locator("#update-lint")
    expect(page.get_by_label("Health")).to_be_focused()
    expect(page.get_by_label("What happened")).to_have_value(
        re.compile(r"off track(.|\n)*\n- P80 is .* 34 days later(.|\n)*Canal floods")
    )
    hand.type("Off track")
    for missing in (
        "No cause.",
        "No path to green.",
        "Nobody brings it back.",
        "No day by which it is back",
        "No ask.",
    ):
        expect(lint).to_contain_text(missing)
    hand.fill(page.get_by_label("Why it stands so"), "The transformer burned down.")
    hand.fill(page.get_by_label("Path to green"), "Rent one until March.")
    hand.choose(page.get_by_label("Who brings it back"), week.contributor.name)
    hand.fill(page.get_by_label("Back on track by"), "+4w")
    hand.fill(page.get_by_label("Ask"), "Ada: sign the rent by Friday.")
    expect(lint).to_contain_text("Nothing is missing")
    hand.hit("Control+Enter")
    page.wait_for_url(re.compile(r"/u/\d+$"))
    expect(page.get_by_role("status")).to_contain_text("Published.")
    assert Update.objects.filter(program=week.na4, published_at=None).count() == 0

    # Each audience gets its own cut of the same facts; a letter's page says what the letter says.
    promises.promise(at=timezone.now())
    assert deliver() == 4
    mine, sponsors = (addressed(post_office, user) for user in (week.lead, week.admin))
    assert numbers(mine) == numbers(sponsors) != []
    assert "Ada: sign the rent by Friday." in part(sponsors, "plain")
    said = ("The transformer burned down.", "P80 is 18 Feb 2027, 34 days later", "Ada: sign the rent by Friday.")
    page.goto(link(mine, rf"{re.escape(live_server.url)}/letters/\d+"))
    for words in (headline(mine), *said):
        assert words in part(mine, "plain")
        expect(page.locator("body")).to_contain_text(words)
    assert hand.steps <= MOST_STEPS
    record_property("steps", hand.steps)
    record_property("seconds", round(time.monotonic() - began, 1))
