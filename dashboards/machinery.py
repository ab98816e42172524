"""Whether the parts of the system run: database, broker, worker, beat."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import redis
from django.db import Error, connection

from forecasts.models import Run
from tpm import broker

# The beat ticks every 2 s; a long forecast may hold the worker for a while.
FRESH_SECONDS = 30
QUEUE = "celery"  # where Celery puts what no task routes elsewhere
UP, DOWN, UNKNOWN = "up", "down", "unknown"


def look(at: datetime) -> dict[str, Any]:
    """The state of each part; ``status`` is up, degraded (pages work, forecasts wait) or down (no database)."""
    database, forecast_at = _database()
    running = broker.progress()
    parts: dict[str, Any] = {"database": {"state": database}, **_background(at, is_running=running is not None)}
    states = {part["state"] for part in parts.values()}
    status = DOWN if database == DOWN else UP if states == {UP} else "degraded"
    forecast = {
        "computed_at": forecast_at.isoformat() if forecast_at else None,
        "running": running._asdict() if running else None,
    }
    return {"status": status, **parts, "forecast": forecast}


def _database() -> tuple[str, datetime | None]:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return UP, Run.objects.order_by("-computed_at").values_list("computed_at", flat=True).first()
    except Error:
        return DOWN, None


def _background(at: datetime, *, is_running: bool) -> dict[str, dict[str, Any]]:
    """A worker notes each sweep that beat sends, and how far a long one is: when the notes are old, sweeps that wait
    tell which of them is away."""
    try:
        last = broker.last_beat()
        with broker.connect() as client:
            waiting = int(client.llen(QUEUE))
    except redis.RedisError:
        return {"broker": {"state": DOWN}, "worker": {"state": UNKNOWN}, "beat": {"state": UNKNOWN}}
    age = max(0, round((at - last).total_seconds())) if last else None
    if is_running or (age is not None and age <= FRESH_SECONDS):
        worker = beat = UP
    elif waiting:
        worker, beat = DOWN, UP
    else:
        worker, beat = UNKNOWN, DOWN
    seen = {"last_sweep_at": last.isoformat() if last else None, "age_seconds": age}
    return {
        "broker": {"state": UP, "waiting": waiting},
        "worker": {"state": worker, **seen},
        "beat": {"state": beat, **seen},
    }
