"""A plan's letters as signed webhooks: what arrives, what is tried again, and where none is ever sent."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from pytest_django import Settings

from integrations.webhooks.sending import Hook
from reports.letters import outbox
from reports.models import Letter, Subscription, WebhookSecret
from reports.plans import promises
from reports.plans import services as plans
from tests.conftest import NOON, Api, Cast

State = Letter.State


@dataclass
class Other:
    """The system at the other end: what it answers, and what it took."""

    port: int = 0
    status: int = 200
    taken: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def other(settings: Settings) -> Iterator[Other]:
    other = Other()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            other.taken.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(other.status)
            self.send_header("Location", "http://127.0.0.1:9/")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    other.port = server.server_port
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    settings.WEBHOOK_PRIVATE_TARGETS, settings.WEBHOOK_TIMEOUT_S = True, 2
    settings.SITE_URL = "https://tracker.example"
    yield other
    server.shutdown()
    thread.join()
    server.server_close()


def hooked(cast: Cast, port: int) -> str:
    """A webhook plan of both programs, kept by their lead; the secret."""
    plan = plans.create_plan(
        by=cast.admin, at=NOON - timedelta(hours=1), name="Chat", channel="webhook", weekday=4, hour=12, owner=cast.lead
    )
    reader, secret = plans.add_webhook(
        plan=plan, url="https://hooks.example/x?y=1", by=cast.lead, at=NOON - timedelta(hours=1)
    )
    Subscription.objects.filter(pk=reader.pk).update(url=f"http://127.0.0.1:{port}/x?y=1")
    return secret


def run(minutes: int = 0) -> int:
    at = NOON + timedelta(minutes=minutes)
    promises.promise(at=at)
    promises.settle(at=at)
    return outbox.deliver(clock=lambda: at, way=Hook())


def test_the_letter_arrives_signed(portfolio: Cast, other: Other) -> None:
    secret = hooked(portfolio, other.port)
    assert run() == 1
    ((headers, body),) = other.taken
    letter = Letter.objects.get()
    told = json.loads(body)
    assert (told["type"], told["data"]["subject"], told["data"]["facts"]) == ("letter", letter.subject, letter.facts)
    assert headers["webhook-id"] == letter.message_id.strip("<>")
    assert headers["webhook-timestamp"] == str(int(NOON.timestamp()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert run(60) == 0


def test_it_holds_what_the_lead_may_share(portfolio: Cast, other: Other) -> None:
    hooked(portfolio, other.port)
    portfolio.dark.roles.all().delete()
    type(portfolio.dark).objects.filter(pk=portfolio.dark.pk).update(lead=portfolio.admin)
    run()
    assert b"Region NA-4" in other.taken[0][1]
    assert b"Canary" not in other.taken[0][1]


@pytest.mark.parametrize(
    ("status", "state"), [(503, State.DUE), (429, State.DUE), (404, State.REFUSED), (302, State.REFUSED)]
)
def test_what_is_tried_again(portfolio: Cast, other: Other, status: int, state: str) -> None:
    hooked(portfolio, other.port)
    other.status = status
    assert run() == 0
    assert Letter.objects.get().state == state
    assert str(status) in Letter.objects.get().error
    other.status = 200
    assert run(2) == (state == State.DUE)


def test_nobody_there_costs_a_try_and_nothing_else(portfolio: Cast, other: Other) -> None:
    hooked(portfolio, 9)
    assert run() == 0
    assert (Letter.objects.get().state, Letter.objects.get().tries) == (State.DUE, 1)


def test_no_private_network_is_reached(portfolio: Cast, other: Other, settings: Settings) -> None:
    settings.WEBHOOK_PRIVATE_TARGETS = False
    hooked(portfolio, other.port)
    Subscription.objects.update(url=f"https://localhost:{other.port}/")
    assert run() == 0
    assert (Letter.objects.get().state, other.taken) == (State.REFUSED, [])
    assert "private network" in Letter.objects.get().error


@pytest.mark.parametrize(
    "url", ["https://example.com/ü", f"https://{'ü' * 60}.example/", f"https://{'u' * 64}.example/"]
)
def test_an_address_that_no_request_can_name_is_refused(portfolio: Cast, url: str) -> None:
    hooked(portfolio, 9)
    with pytest.raises(ValidationError, match=r"address|valid URL"):
        plans.add_webhook(plan=Subscription.objects.get().plan, url=url, by=portfolio.lead, at=NOON)
    # One that was kept before is no failure that is tried for ever.
    Subscription.objects.update(url=url)
    assert run() == 0
    assert Letter.objects.get().state == State.REFUSED


def test_who_answers_drop_by_drop_is_left(portfolio: Cast, settings: Settings) -> None:
    settings.WEBHOOK_PRIVATE_TARGETS, settings.WEBHOOK_TIMEOUT_S = True, 1
    with socket.create_server(("127.0.0.1", 0)) as server:
        hooked(portfolio, server.getsockname()[1])

        def drip() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                connection.sendall(b"HTTP/1.1 ")
                for _ in range(40):
                    connection.sendall(b"2")
                    time.sleep(0.2)

        thread = threading.Thread(target=drip)
        thread.start()
        began = time.monotonic()
        assert run() == 0
        assert time.monotonic() - began < 4
        thread.join()
    assert Letter.objects.get().state == State.UNKNOWN


def test_the_secret_is_shown_once_and_logged_never(
    portfolio: Cast,
    other: Other,
    api: type[Api],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = hooked(portfolio, other.port)
    plan = Subscription.objects.get().plan
    lead = api(portfolio.lead)
    shown = lead.post(f"plans/{plan.pk}/webhook", {"url": "https://hooks.example/z"})
    assert shown.json()["secret"] != secret
    assert shown.headers["Cache-Control"] == "no-store"
    assert shown.json()["secret"] == WebhookSecret.objects.get().secret
    for path in ("plans", f"plans/{plan.pk}", "subscriptions"):
        assert b"whsec" not in lead.get(path).content
    Subscription.objects.update(url=f"http://127.0.0.1:{other.port}/")
    run()
    logged = [record.getMessage() for record in caplog.records if not record.name.startswith("django.db")]
    assert not any(shown.json()["secret"] in line for line in logged)
    for url in ("http://hooks.example/", "https://user:pass@hooks.example/"):
        with pytest.raises(ValidationError, match="https"):
            plans.add_webhook(plan=plan, url=url, by=portfolio.lead, at=NOON)
