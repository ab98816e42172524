"""What one request costs at 200 programs, 20,000 milestones and 10,000 links.

    ./run bench api [--programs 200] [--milestones 20000] [--links 10000] [--rounds 10]

CPU is this process and its PostgreSQL backend together (parallel workers of PostgreSQL are switched off, so that none
is missed), the mean over the rounds of the best of four batches: whatever else the machine does can only add to it.
Queries are those of one request. Requests go through Django's whole stack in this process: the API with an access
token, the two pages with a session. The portfolio is rebuilt when its size differs. The last line is JSON.
"""

import argparse
import itertools
import json
import os
import random
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tpm.settings")
django.setup()

from django.conf import settings
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

import forecasts.services
import people.services
from milestones.models import Dependency, Milestone, SlipCause, Workstream
from people.models import Organisation, Team, User, WorkingCalendar
from programs.models import Program, ReportedHealth, Revision, Role
from risks.models import Risk

GOALS_MS = {"list": 24, "list_sorted": 24, "detail": 12, "create": 25, "change": 25, "program_list": 80, "roadmap": 60}
BATCHES = 4
MOST_QUERIES = {"list": 5, "list_sorted": 5}


def build(programs: int, milestones: int, links: int, today: date) -> None:
    """Write the portfolio as rows: each program a chain of work with side links, a tenth of the links across."""
    pick = random.Random(11)
    with connection.cursor() as cursor:
        tables = [model._meta.db_table for model in (Program, Team, SlipCause, Organisation, WorkingCalendar, User)]
        cursor.execute(f"TRUNCATE {', '.join(tables)} CASCADE")
    people.services.set_up_organisation(name="Infrastructure")
    SlipCause.objects.create(name="Supplier late")
    users = User.objects.bulk_create(
        User(email=f"person{n}@example.com", name=f"Person {n}", is_admin=n == 0) for n in range(50)
    )
    teams = Team.objects.bulk_create(Team(name=f"Team {n}") for n in range(40))
    targets = [today + timedelta(days=pick.randrange(60, 400)) for _ in range(programs)]
    made = Program.objects.bulk_create(
        Program(
            key=f"P{n}",
            name=f"Program {n}",
            area=f"Area {n % 8}",
            lead=users[n % 50],
            owning_team=teams[n % 40],
            summary="Why this program is there, for whom, and what it changes. " * 5,
            target_on=targets[n],
        )
        for n in range(programs)
    )
    Revision.objects.bulk_create(Revision(program=program) for program in made)
    Role.objects.bulk_create(Role(program=p, user=users[(p.pk + 7) % 50], kind="contributor") for p in made)
    ReportedHealth.objects.bulk_create(
        ReportedHealth(program=p, health="on_track", because="", by=users[0], at=timezone.now()) for p in made
    )
    Risk.objects.bulk_create(
        Risk(program=p, title=f"Risk {n}", probability="0.3", raised_on=today) for p in made for n in range(5)
    )
    streams = Workstream.objects.bulk_create(Workstream(program=p, name=f"Stream {n}") for p in made for n in range(4))
    each = milestones // programs
    rows = Milestone.objects.bulk_create(
        Milestone(
            program=program,
            workstream=streams[4 * place + n % 4],
            name=f"Milestone {n}",
            is_end=n == each - 1,
            owner=users[(place + n) % 50],
            team=teams[(place + n) % 40],
            work_low=480,
            work_likely=480 * (1 + n % 9),
            work_high=480 * (10 + n % 15),
            target_on=targets[place] - timedelta(days=2 * (each - n)) if n % 3 else None,
            done_on=today - timedelta(days=30) if n < each // 5 else None,
            note="What is promised, and how one sees that it is there. " * 2,
        )
        for place, program in enumerate(made)
        for n in range(each)
    )
    # Links run from a lower place in a program to a higher one, so no loop can close, across programs either.
    pairs: set[tuple[int, int]] = set()
    while len(pairs) < links:
        giver = pick.randrange(programs)
        receiver = pick.randrange(programs) if pick.random() < 0.1 else giver
        low, high = sorted(pick.sample(range(each), 2))
        pairs.add((giver * each + low, receiver * each + min(high, low + 6)))
    Dependency.objects.bulk_create(
        Dependency(
            predecessor=rows[low],
            successor=rows[high],
            agreement="accepted" if rows[low].program_id != rows[high].program_id else "",
        )
        for low, high in sorted(pairs)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    ids = [program.pk for program in made]
    forecasts.services.bring_up_to_date(program_ids=ids, today=today, at=timezone.now())
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def backend_ms() -> float:
    """CPU of our PostgreSQL backend so far; from the scheduler, whose clock is finer than /proc/PID/stat."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    precise = Path(f"/proc/{pid}/schedstat")
    if precise.exists():
        return int(precise.read_text().split()[0]) / 1e6
    ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(ticks[11]) + int(ticks[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def measure(request: Callable[[], HttpResponse], status: int, rounds: int) -> dict[str, float]:
    """CPU of a request and its parts, and its queries."""
    queries = 0

    def count(execute: Callable[..., Any], *call: Any) -> Any:
        nonlocal queries
        queries += 1
        return execute(*call)

    for _ in range(3):
        answer = request()
        assert answer.status_code == status, answer.content[:2000]
    with connection.execute_wrapper(count):
        request()
    batches = []
    for _ in range(BATCHES):
        backend, own, wall = backend_ms(), time.process_time(), time.perf_counter()
        for _ in range(rounds):
            request()
        own, wall = time.process_time() - own, time.perf_counter() - wall
        backend = backend_ms() - backend
        batches.append((own * 1000 + backend, own * 1000, backend, wall * 1000))
    best = [round(figure / rounds, 1) for figure in min(batches)]
    return dict(zip(("cpu_ms", "app_ms", "postgres_ms", "wall_ms"), best, strict=True)) | {"queries": queries}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--programs", type=int, default=200)
    options.add_argument("--milestones", type=int, default=20_000)
    options.add_argument("--links", type=int, default=10_000)
    options.add_argument("--rounds", type=int, default=10)
    size = options.parse_args()
    if not str(settings.DATABASES["default"]["NAME"]).endswith("_bench"):
        raise SystemExit("This empties the database it runs on: its name must end in _bench. Use ./run bench api.")
    settings.API_REQUESTS_PER_MINUTE = 10**9
    # Pages name their static files without a manifest, as in a checkout where none was collected.
    settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.ALLOWED_HOSTS.append("testserver")
    today = people.services.today(timezone.now())
    wanted = (size.programs, size.milestones, size.links)
    if (Program.objects.count(), Milestone.objects.count(), Dependency.objects.count()) != wanted:
        began = time.perf_counter()
        build(*wanted, today)
        took = time.perf_counter() - began
        print(f"Built {wanted[0]} programs, {wanted[1]} milestones, {wanted[2]} links in {took:.0f} s")
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("SET max_parallel_workers_per_gather = 0")
    # Somebody who leads some programs, not an administrator: the visibility of each row is really asked.
    user = User.objects.get(email="person7@example.com")
    _, secret = people.services.issue_token(
        user=user, name="Benchmark", scopes=["read", "write"], expires_on=today + timedelta(days=1), today=today
    )
    api = Client(headers={"Authorization": f"Bearer {secret}"})
    page = Client()
    page.force_login(user)
    program = Program.objects.filter(lead=user).order_by("pk")[0]
    cause = SlipCause.objects.get().pk
    row = program.milestones.filter(done_on=None, is_end=False).exclude(target_on=None).order_by("pk")[0]
    second = api.get("/api/v1/milestones?limit=100&sort=-target_on").json()["next"]
    added: list[str] = []
    days = itertools.cycle([today + timedelta(days=n) for n in range(100, 130)])
    tag = ""

    def create() -> HttpResponse:
        body = {"program": program.key, "name": "One more", "work_likely": 960, "target_on": "2030-01-31"}
        answer: Any = api.post("/api/v1/milestones", body, content_type="application/json")
        added.append(answer.headers["Location"])
        return answer  # type: ignore[no-any-return]

    def change() -> HttpResponse:
        nonlocal tag
        tag = tag or api.get(f"/api/v1/milestones/{row.pk}").headers["ETag"]
        body = {"target_on": next(days).isoformat(), "cause": cause}
        headers = {"If-Match": tag}
        answer: Any = api.patch(f"/api/v1/milestones/{row.pk}", body, content_type="application/json", headers=headers)
        tag = answer.headers["ETag"]
        return answer  # type: ignore[no-any-return]

    requests: dict[str, tuple[Callable[[], Any], int]] = {
        "list": (lambda: api.get("/api/v1/milestones?limit=100"), 200),
        "list_sorted": (lambda: api.get(second), 200),
        "detail": (lambda: api.get(f"/api/v1/milestones/{row.pk}"), 200),
        "create": (create, 201),
        "change": (change, 200),
        "program_list": (lambda: page.get("/"), 200),
        "roadmap": (lambda: page.get(f"/p/{program.key}"), 200),
    }
    figures = {name: measure(request, status, size.rounds) for name, (request, status) in requests.items()}
    for address in added:
        api.delete(address)
    print(f"{'':14}{'CPU ms':>8}{'goal':>6}{'app':>8}{'postgres':>10}{'wall':>8}{'queries':>9}")
    for name, figure in figures.items():
        missed = figure["cpu_ms"] > GOALS_MS[name] or figure["queries"] > MOST_QUERIES.get(name, figure["queries"])
        print(
            f"{name:14}{figure['cpu_ms']:8}{GOALS_MS[name]:6}{figure['app_ms']:8}{figure['postgres_ms']:10}"
            f"{figure['wall_ms']:8}{figure['queries']:9}{'  missed' if missed else ''}"
        )
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
