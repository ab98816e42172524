"""Who gets the letter, when, and what they can read again."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client

from people.models import User
from reports.letters import outbox
from reports.letters.mail import Mail
from reports.models import Letter, Subscription
from reports.plans import promises
from reports.plans import services as plans
from tests.conftest import NOON, Cast
from tests.reports.conftest import PostOffice

SignIn = Callable[[User], Client]


def test_subscribe_change_pause_and_end_on_the_page(cast: Cast, sign_in: SignIn) -> None:
    viewer = sign_in(cast.viewer)
    assert "below" not in viewer.get("/settings/letters").text  # where there is no plan yet
    weekly = plans.default_plan(NOON)
    page = viewer.get("/settings/letters").content.decode()
    assert "You get no letter" in page
    assert weekly.name in page
    viewer.post(f"/plans/{weekly.pk}/subscribe", {"next": "settings"})
    row = Subscription.objects.get()
    assert (row.user, row.weekday, row.hour, row.ended_at) == (cast.viewer, None, None, None)
    assert "every Monday at 07:00, UTC" in viewer.get("/settings/letters").content.decode()
    own = f"/settings/letters/{row.pk}"
    viewer.post(own, {"weekday": "4", "hour": "6", "paused_until": "", "version": str(row.version)})
    assert "every Friday at 06:00, UTC" in viewer.get("/settings/letters").content.decode()
    assert viewer.post(own, {"weekday": "9", "hour": "6"}).status_code == 422
    row.refresh_from_db()
    paused = {"weekday": "4", "hour": "6", "paused_until": "2020-01-02", "version": str(row.version)}
    refused = viewer.post(own, paused)
    assert (refused.status_code, "That day is over" in refused.text) == (422, True)
    paused |= {"paused_until": "2030-01-02"}
    assert viewer.post(own, paused).status_code == 302
    assert "paused until 2 Jan 2030" in viewer.get("/settings/letters").content.decode()
    assert sign_in(cast.lead).get(own).status_code == 404
    viewer.post(f"{own}/end")
    assert Subscription.objects.exclude(ended_at=None).get().left
    viewer.post(f"/plans/{weekly.pk}/subscribe")
    assert Subscription.objects.filter(ended_at=None).count() == 1


def test_who_unsubscribed_is_not_subscribed_again_by_others(cast: Cast) -> None:
    subscription = plans.subscribe(user=cast.viewer, by=cast.admin, at=NOON)
    plans.end_subscription(subscription=subscription, by=cast.viewer, at=NOON)
    with pytest.raises(ValidationError, match="alone can take it up"):
        plans.subscribe(user=cast.viewer, by=cast.admin, at=NOON)
    assert plans.subscribe(user=cast.viewer, by=cast.viewer, at=NOON).ended_at is None


def test_nobody_subscribes_somebody_else(cast: Cast) -> None:
    with pytest.raises(PermissionDenied):
        plans.subscribe(user=cast.viewer, by=cast.lead, at=NOON)
    subscription = plans.subscribe(user=cast.viewer, by=cast.admin, at=NOON)
    with pytest.raises(PermissionDenied):
        plans.end_subscription(subscription=subscription, by=cast.lead, at=NOON)


def test_a_new_reader_waits_for_their_first_hour(cast: Cast) -> None:
    plans.subscribe(user=cast.viewer, by=cast.viewer, at=NOON, weekday=3, hour=7)
    assert promises.promise(at=NOON) == 0
    assert promises.promise(at=NOON + timedelta(days=6)) == 1


def test_moving_the_hour_does_not_send_the_week_twice(cast: Cast) -> None:
    at = NOON - timedelta(days=10)
    subscription = plans.subscribe(user=cast.viewer, by=cast.viewer, at=at, weekday=0, hour=7)
    assert promises.promise(at=NOON) == 1
    plans.change_subscription(subscription=subscription, by=cast.viewer, at=NOON, weekday=5, hour=7)
    assert promises.promise(at=NOON + timedelta(days=1)) == 0
    assert promises.promise(at=NOON + timedelta(days=8)) == 1


def test_an_extra_letter_needs_a_subscription_and_has_an_end(cast: Cast, sign_in: SignIn) -> None:
    viewer = sign_in(cast.viewer)
    subscription = plans.subscribe(user=cast.viewer, by=cast.viewer, at=NOON)
    for _ in range(promises.MOST_EXTRAS):
        plans.send_now(subscription=subscription, by=cast.viewer, at=NOON)
    with pytest.raises(ValidationError, match="enough"):
        plans.send_now(subscription=subscription, by=cast.viewer, at=NOON)
    assert viewer.get(f"/settings/letters/{subscription.pk}/now").status_code == 405
    plans.end_subscription(subscription=subscription, by=cast.viewer, at=NOON)
    with pytest.raises(ValidationError, match="Subscribe"):
        plans.send_now(subscription=subscription, by=cast.viewer, at=NOON)


def test_a_letter_is_read_again_by_its_reader_alone(portfolio: Cast, post_office: PostOffice, sign_in: SignIn) -> None:
    subscription = plans.subscribe(user=portfolio.viewer, by=portfolio.viewer, at=NOON)
    plans.send_now(subscription=subscription, by=portfolio.viewer, at=NOON)
    outbox.deliver(clock=lambda: NOON, way=Mail())
    letter = Letter.objects.get()
    viewer = sign_in(portfolio.viewer)
    assert letter.subject in viewer.get("/letters").content.decode().replace("&#x27;", "'")
    web = viewer.get(f"/letters/{letter.pk}")
    # As it was sent, below the way back.
    assert re.sub("\n<nav.*</nav>\n", "", web.text) == letter.html
    assert '<a href="/letters"' in web.text
    policy = web.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert "script-src" not in policy
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
    assert viewer.get(f"/letters/{letter.pk}.txt").content.decode() == letter.text
    for other in (portfolio.admin, portfolio.lead):
        assert sign_in(other).get(f"/letters/{letter.pk}").status_code == 404
        assert letter.subject not in sign_in(other).get("/letters").content.decode()
    assert Client().get(f"/letters/{letter.pk}").status_code == 302
