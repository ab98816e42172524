"""The broker, spoken to directly: when the worker last took a sweep, how far it is. Celery uses it on its own."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import cache
from typing import NamedTuple

import redis
from django.conf import settings

BEAT = "tpm:beat"
PROGRESS = "tpm:progress"
JOB = "tpm:job"
# Of a sweep that ended without a word nothing is heard any more.
PROGRESS_SECONDS = 60


class Progress(NamedTuple):
    """How much is done of what there was to do: of a sweep programs, of a job rows."""

    done: int
    of: int


def connect() -> redis.Redis:
    """A client of the broker; REDIS_URL may be Celery's form of a unix socket."""
    url = settings.REDIS_URL.replace("redis+socket://", "unix://").replace("virtual_host=", "db=")
    return redis.Redis.from_url(url, socket_connect_timeout=2, socket_timeout=2, decode_responses=True)


@cache
def pool() -> redis.Redis:
    """The connections of this process to Redis; it connects on first use."""
    return connect()


def beat(at: datetime) -> None:
    """Note that beat sent a sweep and a worker took it."""
    with connect() as client:
        client.set(BEAT, at.isoformat())


def last_beat() -> datetime | None:
    """When a worker last took a sweep; None before the first. Raises redis.RedisError while the broker is away."""
    with connect() as client:
        found = client.get(BEAT)
    return datetime.fromisoformat(str(found)) if found else None


def note_progress(done: int, of: int) -> None:
    """Note how far a sweep is; nothing remains of one that is done. No run fails for the broker's sake."""
    with suppress(redis.RedisError):
        if done < of:
            pool().set(PROGRESS, f"{done}/{of}", ex=PROGRESS_SECONDS)
        else:
            pool().delete(PROGRESS)


def progress() -> Progress | None:
    """How far the sweep under way is; None where there is none, and while the broker is away."""
    try:
        found = pool().get(PROGRESS)
    except redis.RedisError:
        return None
    return Progress(*map(int, str(found).split("/"))) if found else None


def telling(job: int) -> Callable[[int, int], None]:
    """What notes how far a job is."""

    def tell(done: int, of: int) -> None:
        with suppress(redis.RedisError):
            pool().set(f"{JOB}:{job}", f"{done}/{of}", ex=PROGRESS_SECONDS)

    return tell


def job_progress(job: int) -> Progress | None:
    """How far a job is, in rows; None before its first word, and while the broker is away."""
    try:
        found = pool().get(f"{JOB}:{job}")
    except redis.RedisError:
        return None
    return Progress(*map(int, str(found).split("/"))) if found else None
