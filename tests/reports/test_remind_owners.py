"""The mail of a day: what is owed, who asks, who is named; at most one a day, at the reader's own hour."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

import programs.services
import reports.updates.services
from people.models import User
from programs import talk
from programs.models import Role
from reports.letters import daily, outbox, writing
from reports.letters.desk import open_desk
from reports.letters.mail import Mail
from reports.models import Letter, Reminder, Subscription
from reports.plans import services as plans
from tests.conftest import FRIDAY, NOON, Cast
from tests.reports.conftest import PostOffice, judge, part

SignIn = Callable[[User], Client]
MORNING = NOON.replace(hour=8)


@pytest.fixture
def spoken(portfolio: Cast) -> Cast:
    """Both programs had their update six weeks before; only the open one has another lead and a sponsor."""
    plans.day_plan(MORNING - timedelta(days=60))
    for program, word in ((portfolio.na4, "Power"), (portfolio.dark, "Canary")):
        update = reports.updates.services.begin_update(
            program=program, by=portfolio.lead, at=MORNING, health="on_track", text=f"{word} is **on site**.\n\n- fine"
        )
        at = MORNING - timedelta(days=42)
        reports.updates.services.publish_update(update=update, by=portfolio.lead, at=at)
    programs.services.change_program(program=portfolio.na4, by=portfolio.lead, sponsor=portfolio.admin)
    return portfolio


def run(at: datetime) -> int:
    daily.promise(at=at)
    return outbox.deliver(clock=lambda: at, way=Mail())


def test_the_owner_gets_one_mail_with_last_weeks_words_and_what_changed(spoken: Cast, post_office: PostOffice) -> None:
    judge(spoken.na4, FRIDAY - timedelta(days=43), "at_risk", 26)
    plans.nudge(program=spoken.na4, by=spoken.admin, at=MORNING - timedelta(hours=2))
    about: dict[str, Any] = {"program": spoken.na4, "kind": "program", "subject_id": spoken.na4.pk}
    talk.post_comment(**about, text="Look at this, @Lea Lead", by=spoken.viewer, at=MORNING - timedelta(hours=3))
    assert run(MORNING - timedelta(hours=1)) == 0
    assert run(MORNING) == 2  # the lead, and the sponsor
    assert run(MORNING + timedelta(hours=3)) == 0
    mails = {mail["To"].split()[0]: mail for mail in post_office.mails}
    assert mails["Lea"]["Subject"] == "Two updates wait for you, one mention"
    text = part(mails["Lea"], "plain")
    for words in (
        "Ada Admin asks for its update.",
        "REGION NA-4 CAPACITY",
        "CANARY MERGER",
        "Power is on site.",
        "Power supplier folds",
        "P80 is 18 Feb, 8 d later than on",
        "https://tracker.example/p/NA4/updates/new",
        "Look at this",
        "https://tracker.example/unsubscribe/",
    ):
        assert words in text
    assert text.count("REGION NA-4 CAPACITY") == 1
    assert "<script" not in part(mails["Lea"], "html")
    assert "late. Lea Lead was reminded." in part(mails["Ada"], "plain")
    assert "Region NA-4" in part(mails["Ada"], "plain")


def test_nobody_gets_two_a_day_and_the_sponsor_is_told_once(spoken: Cast, post_office: PostOffice) -> None:
    run(MORNING)
    sent = len(post_office.taken)
    plans.nudge(program=spoken.na4, by=spoken.admin, at=MORNING + timedelta(hours=1))
    for hours in range(1, 24):
        assert run(MORNING + timedelta(hours=hours)) == 0
    assert run(MORNING + timedelta(days=1)) == 1  # the nudge alone, for the lead
    for days in range(2, 20):
        assert run(MORNING + timedelta(days=days)) == 0
    assert len(post_office.taken) == sent + 1
    assert Reminder.objects.filter(kind="escalation").count() == 1
    periods = Letter.objects.values_list("subscription", "period")
    assert len(periods) == len(set(periods))


def test_the_hour_is_the_readers_own(spoken: Cast, post_office: PostOffice) -> None:
    User.objects.filter(pk=spoken.lead.pk).update(time_zone="Asia/Kathmandu")  # 08:00 there is 02:15 UTC
    assert run(NOON.replace(hour=2, minute=10)) == 0
    run(NOON.replace(hour=2, minute=14) + timedelta(days=1))
    assert not post_office.taken
    run(NOON.replace(hour=2, minute=15) + timedelta(days=1))
    assert [mail["To"].split()[0] for mail in post_office.mails] == ["Lea"]


def test_what_was_done_meanwhile_is_not_asked_for(spoken: Cast, post_office: PostOffice) -> None:
    daily.promise(at=MORNING)
    for program in (spoken.na4, spoken.dark):
        programs.services.report(program=program, health="at_risk", because="Steel", by=spoken.lead, at=MORNING)
    assert outbox.deliver(clock=lambda: MORNING + timedelta(minutes=1), way=Mail()) == 0
    assert set(Letter.objects.values_list("state", "error")) == {("skipped", "Nothing waits any more.")}


def test_a_reminder_names_no_hidden_program(spoken: Cast, post_office: PostOffice) -> None:
    daily.promise(at=MORNING)
    programs.services.change_program(program=spoken.dark, by=spoken.admin, lead=spoken.admin)
    Role.objects.filter(program=spoken.dark, user=spoken.lead).delete()
    outbox.deliver(clock=lambda: MORNING, way=Mail())
    (mail,) = (mail for mail in post_office.mails if "Lea" in mail["To"])
    assert not re.search("Canary|DARK", mail["Subject"] + part(mail, "plain") + part(mail, "html"))


def test_who_unsubscribed_from_the_day_gets_none(spoken: Cast, post_office: PostOffice, sign_in: SignIn) -> None:
    run(MORNING)
    own = Subscription.objects.get(user=spoken.lead)
    sign_in(spoken.lead).post(f"/settings/letters/{own.pk}/end")
    plans.nudge(program=spoken.na4, by=spoken.admin, at=MORNING + timedelta(hours=1))
    assert run(MORNING + timedelta(days=1)) == 0


def test_who_may_nudge_and_how_often(spoken: Cast, sign_in: SignIn) -> None:
    with pytest.raises(PermissionDenied):
        plans.nudge(program=spoken.na4, by=spoken.viewer, at=MORNING)
    assert sign_in(spoken.admin).post("/p/NA4/nudge").status_code == 302
    assert Reminder.objects.get().user == spoken.lead
    with pytest.raises(ValidationError, match="today already"):
        plans.nudge(program=spoken.na4, by=spoken.admin, at=Reminder.objects.get().at)


def test_a_mail_asks_as_little_for_many_updates_as_for_few(spoken: Cast) -> None:
    daily.promise(at=MORNING)
    letter = Letter.objects.select_related("subscription__user", "subscription__plan").get(
        subscription__user=spoken.lead
    )

    def asked(escalated: int) -> int:
        with CaptureQueriesContext(connection) as queries:
            (words,) = writing.write([letter], at=MORNING, desk=open_desk())
        assert words.text.count("Open the program") == escalated
        return len(queries)

    few = asked(0)
    for n in range(6):
        program = programs.services.create_program(by=spoken.admin, key=f"P{n}", name=f"P{n}", lead=spoken.contributor)
        Reminder.objects.create(
            user=spoken.lead, program=program, kind="escalation", owed_on=FRIDAY, at=MORNING, letter=letter
        )
    assert asked(6) == few


def test_many_mails_ask_as_little_as_one(spoken: Cast) -> None:
    """Facts are read for each day that programs were last told of, whoever reads of them."""
    people = [User.objects.create(email=f"o{n}@example.com", name=f"Owner {n}") for n in range(6)]
    for n, person in enumerate(people):
        program = programs.services.create_program(by=spoken.admin, key=f"P{n}", name=f"P{n}", lead=person)
        at = MORNING - timedelta(days=20)
        said = reports.updates.services.begin_update(
            program=program, by=person, at=at, health="on_track", text=f"All well in {n}."
        )
        reports.updates.services.publish_update(update=said, by=person, at=at)
    daily.promise(at=MORNING)
    letters = list(
        Letter.objects.filter(subscription__user__in=people)
        .select_related("subscription__user", "subscription__plan")
        .order_by("pk")
    )
    assert len(letters) == 6

    def asked(*some: Letter) -> int:
        with CaptureQueriesContext(connection) as queries:
            found = list(writing.write(some, at=MORNING, desk=open_desk()))
        assert [f"All well in {n}." in words.text for n, words in enumerate(found)] == [True] * len(some)
        return len(queries)

    assert asked(*letters) == asked(letters[0])
