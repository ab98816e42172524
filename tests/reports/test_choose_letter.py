"""Who gets the letter, when, and what they can read again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client

from people.models import User
from reports import outbox, services
from reports.models import Letter, Subscription
from tests.conftest import NOON, Cast
from tests.reports.conftest import PostOffice

SignIn = Callable[[User], Client]


def test_subscribe_change_and_end_on_the_page(cast: Cast, sign_in: SignIn) -> None:
    viewer = sign_in(cast.viewer)
    assert "You do not get the weekly letter." in viewer.get("/settings/letter").content.decode()
    viewer.post("/settings/letter", {"weekday": "4", "hour": "6"})
    row = Subscription.objects.get()
    assert (row.user, row.weekday, row.hour, row.ended_at) == (cast.viewer, 4, 6, None)
    assert "Every Friday at 06:00, UTC." in viewer.get("/settings/letter").content.decode()
    viewer.post("/settings/letter", {"weekday": "0", "hour": "6", "version": str(row.version)})
    assert Subscription.objects.get().weekday == 0
    assert viewer.post("/settings/letter", {"weekday": "9", "hour": "6"}).status_code == 422
    viewer.post("/settings/letter/end")
    assert Subscription.objects.get().ended_at is not None
    row = Subscription.objects.get()
    viewer.post("/settings/letter", {"weekday": "0", "hour": "6", "version": str(row.version)})
    assert Subscription.objects.get().ended_at is None


def test_nobody_subscribes_somebody_else(cast: Cast) -> None:
    with pytest.raises(PermissionDenied):
        services.subscribe(user=cast.viewer, by=cast.lead, at=NOON)
    subscription = services.subscribe(user=cast.viewer, by=cast.admin, at=NOON)
    with pytest.raises(PermissionDenied):
        services.end_subscription(subscription=subscription, by=cast.lead, at=NOON)


def test_a_new_reader_waits_for_their_first_hour(cast: Cast) -> None:
    services.subscribe(user=cast.viewer, by=cast.viewer, at=NOON, weekday=3, hour=7)
    assert outbox.plan(at=NOON) == 0
    assert outbox.plan(at=NOON + timedelta(days=6)) == 1


def test_moving_the_hour_does_not_send_the_week_twice(cast: Cast) -> None:
    at = NOON - timedelta(days=10)
    subscription = services.subscribe(user=cast.viewer, by=cast.viewer, at=at, weekday=0, hour=7)
    assert outbox.plan(at=NOON) == 1
    services.change_subscription(subscription=subscription, by=cast.viewer, at=NOON, weekday=5, hour=7)
    assert outbox.plan(at=NOON + timedelta(days=1)) == 0
    assert outbox.plan(at=NOON + timedelta(days=8)) == 1


def test_an_extra_letter_needs_a_subscription_and_has_an_end(cast: Cast, sign_in: SignIn) -> None:
    viewer = sign_in(cast.viewer)
    assert viewer.post("/settings/letter/now").status_code == 404
    subscription = services.subscribe(user=cast.viewer, by=cast.viewer, at=NOON)
    for _ in range(outbox.MOST_EXTRAS):
        services.send_now(subscription=subscription, by=cast.viewer, at=NOON)
    with pytest.raises(ValidationError, match="enough"):
        services.send_now(subscription=subscription, by=cast.viewer, at=NOON)
    assert viewer.get("/settings/letter/now").status_code == 405
    services.end_subscription(subscription=subscription, by=cast.viewer, at=NOON)
    with pytest.raises(ValidationError, match="Subscribe"):
        services.send_now(subscription=subscription, by=cast.viewer, at=NOON)


def test_a_letter_is_read_again_by_its_reader_alone(portfolio: Cast, post_office: PostOffice, sign_in: SignIn) -> None:
    subscription = services.subscribe(user=portfolio.viewer, by=portfolio.viewer, at=NOON)
    services.send_now(subscription=subscription, by=portfolio.viewer, at=NOON)
    outbox.deliver(clock=lambda: NOON)
    letter = Letter.objects.get()
    viewer = sign_in(portfolio.viewer)
    assert letter.subject in viewer.get("/letters").content.decode().replace("&#x27;", "'")
    web = viewer.get(f"/letters/{letter.pk}")
    assert web.content.decode() == letter.html
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
