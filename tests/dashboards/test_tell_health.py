from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.db import connections
from django.test import Client
from django.utils import timezone

from dashboards import machinery
from tests.conftest import Cast
from tpm import broker


@pytest.fixture
def quiet_broker() -> None:
    with broker.connect() as client:
        client.delete(broker.BEAT, machinery.QUEUE)


def test_all_parts_are_up_after_a_sweep(db: None, client: Client, quiet_broker: None) -> None:
    broker.beat(timezone.now())
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json()["status"] == "up"
    assert {answer.json()[part]["state"] for part in ("database", "broker", "worker", "beat")} == {"up"}


def test_without_sweeps_beat_is_down_and_pages_still_work(db: None, client: Client, quiet_broker: None) -> None:
    broker.beat(timezone.now() - timedelta(hours=1))
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["beat"]["state"]) == ("degraded", "down")


def test_sweeps_that_wait_mean_that_the_worker_is_down(db: None, client: Client, quiet_broker: None) -> None:
    with broker.connect() as connection:
        connection.rpush(machinery.QUEUE, "a sweep")
    answer = client.get("/healthz").json()
    assert (answer["worker"]["state"], answer["beat"]["state"]) == ("down", "up")
    with broker.connect() as connection:
        connection.delete(machinery.QUEUE)


def test_a_long_sweep_says_how_far_it_is(cast: Cast, client: Client, quiet_broker: None) -> None:
    broker.beat(timezone.now() - timedelta(hours=1))
    client.force_login(cast.viewer)
    broker.note_progress(3, 12)
    try:
        answer = client.get("/healthz").json()
        assert answer["forecast"]["running"] == {"done": 3, "of": 12}
        assert answer["worker"]["state"] == "up"
        for path in ("/", "/p/NA4"):
            page = client.get(path).text
            assert "Forecasting 3 of 12 programs</span>" in page
            assert 'id="forecast-run"' in page
    finally:
        broker.note_progress(12, 12)
    assert client.get("/healthz").json()["forecast"]["running"] is None
    assert "Forecasting" not in client.get("/").text


def test_an_absent_broker_is_named(db: None, client: Client, settings: LazySettings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert (answer.json()["broker"]["state"], answer.json()["worker"]["state"]) == ("down", "unknown")


@pytest.mark.django_db(transaction=True)
def test_without_database_it_answers_503(client: Client) -> None:
    connection = connections["default"]
    connection.close()
    known = connection.settings_dict["PORT"]
    connection.settings_dict["PORT"] = "1"
    try:
        answer = client.get("/healthz")
    finally:
        connection.close()
        connection.settings_dict["PORT"] = known
    assert answer.status_code == 503
    assert answer.json()["database"]["state"] == "down"
