"""What it costs to write and send the letters of a large organisation.

    ./run bench letters [--readers 5000] [--programs 200]

Readers live in twelve zones; each tenth program is private, with a handful of people who see it; a tenth of the
readers sponsor or decide something. All letters are due at once, as after an outage. They are written from
PostgreSQL, both parts, and sent by SMTP to a server on loopback that runs in a process of its own. CPU is this
process and its PostgreSQL backend together. Reads are all statements but the one write a letter needs: that it is
started, and the one before it sent, is committed before its DATA. `growth` is the CPU of all readers over that of
half of them, per letter: 1 is linear. The last line is JSON.
"""

import argparse
import json
import logging
import multiprocessing
import os
import random
import socket
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta
from itertools import pairwise
from multiprocessing.synchronize import Event
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tpm.settings")
django.setup()

from aiosmtpd.controller import Controller
from django.conf import settings
from django.db import connection
from django.utils import timezone

import people.services
from benchmarks.api import backend_ms
from benchmarks.recompute import copy_revisions
from forecasts.models import ProgramHealth
from milestones.models import Dependency, Milestone
from people.models import Organisation, Team, User, WorkingCalendar
from programs.models import Program, ReportedHealth, Role
from reports.letters import outbox
from reports.letters.mail import Mail
from reports.letters.writing import MOST_BYTES
from reports.models import Letter, Subscription
from reports.plans import promises
from reports.plans import services as plans
from risks.models import Decision, Risk

ZONES = (
    "Pacific/Auckland", "Australia/Lord_Howe", "Asia/Tokyo", "Asia/Kolkata", "Asia/Kathmandu", "Europe/Helsinki",
    "Europe/Oslo", "UTC", "America/St_Johns", "America/New_York", "America/Los_Angeles", "Pacific/Pago_Pago",
)  # fmt: skip
HEALTHS = ("off_track", "at_risk", "on_track")
GOALS = {"cpu_ms_per_letter": 15.0, "queries_per_letter": 1.0, "growth": 1.1}


class Sink:
    """Takes everything and keeps nothing."""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        return "250 OK"


def serve(port: int, stop: Event) -> None:
    logging.getLogger("mail.log").setLevel(logging.ERROR)  # it tells of each line
    controller = Controller(Sink(), hostname="127.0.0.1", port=port)
    controller.start()
    stop.wait()
    controller.stop()


def build(readers: int, programs: int, today: date) -> None:
    """A portfolio with a week of news, and readers whose letter is due."""
    rng = random.Random(5)
    with connection.cursor() as cursor:
        tables = [model._meta.db_table for model in (Program, Team, Organisation, WorkingCalendar, User)]
        cursor.execute(f"TRUNCATE {', '.join(tables)}, reports_plan RESTART IDENTITY CASCADE")
        cursor.execute("SET session_replication_role = replica")
    people.services.set_up_organisation(name="Infrastructure")
    now = timezone.now()
    users = User.objects.bulk_create(
        [
            User(email=f"r{n}@example.com", name=f"Reader Number {n}", time_zone=ZONES[n % len(ZONES)])
            for n in range(readers)
        ],
        batch_size=2000,
    )
    rows = Program.objects.bulk_create(
        Program(
            key=f"P{n}",
            name=f"Program {n} of the portfolio",
            lead=rng.choice(users),
            sponsor=rng.choice(users[: max(readers // 10, 1)]),
            visibility="private" if n % 10 == 0 else "organisation",
        )
        for n in range(programs)
    )
    copy_revisions(programs)
    Role.objects.bulk_create(
        Role(program=row, user=user, kind=Role.Kind.VIEWER)
        for row in rows[::10]
        for user in rng.sample(users, min(10, readers))
    )
    healths = []
    for row in rows:
        for day, slip in ((today - timedelta(days=8), rng.randint(-5, 40)), (today, rng.randint(-5, 60))):
            target = today + timedelta(days=100)
            healths.append(
                ProgramHealth(
                    program=row, day=day, health=rng.choice(HEALTHS), slip_days=slip, target_on=target,
                    finish_on=target, p50_on=target, p80_on=target + timedelta(days=slip), policy_version=1,
                    plan_revision=1, revision=1, computed_at=now,
                )
            )  # fmt: skip
    ProgramHealth.objects.bulk_create(healths)
    ReportedHealth.objects.bulk_create(
        ReportedHealth(program=row, health=rng.choice(HEALTHS), at=now - timedelta(days=3), by=users[0]) for row in rows
    )
    Risk.objects.bulk_create(
        Risk(program=row, title=f"Risk {n} of {row.key}", raised_on=today - timedelta(days=n * 3))
        for row in rows
        for n in range(4)
    )
    Decision.objects.bulk_create(
        Decision(
            program=row,
            question=f"Move the target of {row.name}?",
            raised_on=today - timedelta(days=20),
            decider=rng.choice(users[: max(readers // 10, 1)]),
            decide_by_on=today + timedelta(days=rng.randint(1, 20)),
        )
        for row in rows[::4]
    )
    ends = Milestone.objects.bulk_create(Milestone(program=row, name="Ready", is_end=True) for row in rows)
    Dependency.objects.bulk_create(
        Dependency(
            predecessor=giver,
            successor=receiver,
            need_by_on=today,
            promised_on=today + timedelta(days=rng.randint(-9, 30)),
            agreement="accepted",
        )
        for giver, receiver in pairwise(ends)
    )
    plan = plans.default_plan(now - timedelta(days=30))
    Subscription.objects.bulk_create(
        [Subscription(plan=plan, user=user, begins_at=now - timedelta(days=20)) for user in users], batch_size=2000
    )
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = DEFAULT")
        cursor.execute("ANALYZE")


def send(readers: int) -> dict[str, float]:
    """Promise and send all letters; CPU, statements and time for each."""
    kinds: Counter[str] = Counter()

    def counting(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        kinds["starts" if "state = 'started'" in sql else "reads"] += 1
        return execute(sql, params, many, context)

    promises.promise(at=timezone.now())
    waiting = Letter.objects.filter(state=Letter.State.DUE).count()
    assert waiting == readers, (waiting, readers)
    backend, own, wall = backend_ms(), time.process_time(), time.perf_counter()
    with connection.execute_wrapper(counting):
        sent = 0
        while some := outbox.deliver(clock=timezone.now, way=Mail()):
            sent += some
    own, wall = time.process_time() - own, time.perf_counter() - wall
    backend = backend_ms() - backend
    assert sent == readers, (sent, readers)
    return {
        "cpu_ms_per_letter": (own * 1000 + backend) / readers,
        "own_ms_per_letter": own * 1000 / readers,
        "postgres_ms_per_letter": backend / readers,
        "queries_per_letter": kinds["reads"] / readers,
        "writes_per_letter": kinds["starts"] / readers,
        "wall_s": wall,
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--readers", type=int, default=5_000)
    options.add_argument("--programs", type=int, default=200)
    size = options.parse_args()
    if not str(settings.DATABASES["default"]["NAME"]).endswith("_bench"):
        raise SystemExit("This empties the database it runs on: its name must end in _bench. Use ./run bench letters.")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    stop = multiprocessing.get_context("spawn").Event()
    sink = multiprocessing.get_context("spawn").Process(target=serve, args=(port, stop), daemon=True)
    sink.start()
    _wait_for(port)
    today = people.services.today(timezone.now())
    found: dict[int, dict[str, float]] = {}
    for readers in (size.readers // 2, size.readers):
        build(readers, size.programs, today)
        found[readers] = send(readers)
        print(f"{readers} readers: " + ", ".join(f"{name} {value:.2f}" for name, value in found[readers].items()))
    largest = max(len(row.html.encode()) + len(row.text.encode()) for row in Letter.objects.order_by("pk")[:200])
    assert largest < MOST_BYTES
    stop.set()
    figures = found[size.readers]
    figures["growth"] = figures["cpu_ms_per_letter"] / found[size.readers // 2]["cpu_ms_per_letter"]
    figures["largest_kb"] = largest / 1000
    for name, goal in GOALS.items():
        print(f"{name:20}{figures[name]:10.2f}  goal {goal}{'  missed' if figures[name] > goal else ''}")
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}))


def _wait_for(port: int) -> None:
    for _ in range(200):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise SystemExit("The mail server did not start.")


if __name__ == "__main__":
    main()
