"""The broker, spoken to directly: when the worker last took a sweep. Celery speaks to it on its own."""

from __future__ import annotations

from datetime import datetime

import redis
from django.conf import settings

BEAT = "tpm:beat"


def connect() -> redis.Redis:
    """A client of the broker; REDIS_URL may be Celery's form of a unix socket."""
    url = settings.REDIS_URL.replace("redis+socket://", "unix://").replace("virtual_host=", "db=")
    return redis.Redis.from_url(url, socket_connect_timeout=2, socket_timeout=2, decode_responses=True)


def beat(at: datetime) -> None:
    """Note that beat sent a sweep and a worker took it."""
    with connect() as client:
        client.set(BEAT, at.isoformat())


def last_beat() -> datetime | None:
    """When a worker last took a sweep; None before the first. Raises redis.RedisError while the broker is away."""
    with connect() as client:
        found = client.get(BEAT)
    return datetime.fromisoformat(str(found)) if found else None
