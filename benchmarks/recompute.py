"""What it costs to forecast a large portfolio, database to database, and one edit in it.

    ./run bench recompute [--programs 10000] [--milestones 250000] [--links 400000]

Programs come in areas of forty; a twentieth of the links crosses programs, most of these inside an area. All programs
are stale and are brought up to date by the sweep's own call: everything is read from PostgreSQL, simulated with 10,000
samples, judged, and written back. CPU is this process and its PostgreSQL backend together; memory is the peak of this
process. `growth` is the CPU of twice the portfolio over that of the portfolio. `edit_to_forecast_s` is from the commit
of a changed estimate to the commit of its program's new forecast, on the clock, and `edit_to_all_s` to that of all
programs that wait for it: here nearly all hang together. `edit_in_run_s` is that to the first for an edit in the middle
of a run over everything. The last line is JSON.
"""

import argparse
import io
import json
import os
import resource
import threading
import time
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tpm.settings")
django.setup()

import numpy as np
from django.conf import settings
from django.db import connection, models
from django.utils import timezone

import forecasts.services
import milestones.services
import people.services
from benchmarks.api import backend_ms
from forecasts.models import MilestoneForecast, ProgramHealth, Run
from milestones.models import Dependency, Milestone
from people.models import Organisation, Team, User, WorkingCalendar
from programs.models import Program, Revision

AREA = 40  # programs
ACROSS = 0.05
MIDDLE_S = 4.0  # after so long a run over everything is under way
FAR = 0.02  # of the links across programs, those that leave the area
GOALS = {"cpu_s": 20.0, "rss_mb": 1536.0, "growth": 2.2, "edit_to_forecast_s": 5.0}


def copy(model: type[models.Model], columns: dict[str, Sequence[Any]]) -> None:
    """Write rows with COPY: the columns given, each other one by its default."""
    size = len(next(iter(columns.values())))
    fields = [field for field in model._meta.concrete_fields if field.column in columns or not field.null]
    cells: list[Iterable[Any]] = [
        columns[field.column] if field.column in columns else [field.get_default()] * size for field in fields
    ]
    lines = ("\t".join(r"\N" if cell is None else str(cell) for cell in row) for row in zip(*cells, strict=True))
    names = ", ".join(f'"{field.column}"' for field in fields)
    with connection.cursor() as cursor:
        cursor.copy_expert(f"COPY {model._meta.db_table} ({names}) FROM STDIN", io.StringIO("\n".join(lines) + "\n"))
        cursor.execute(f"SELECT setval(pg_get_serial_sequence('{model._meta.db_table}', 'id'), %s)", [size])


def build(programs: int, count: int, links: int, today: date) -> None:
    """Write the portfolio: each program a chain of work with side links; links run forward, so that no loop closes."""
    rng = np.random.default_rng(11)
    with connection.cursor() as cursor:
        tables = [model._meta.db_table for model in (Program, Team, Organisation, WorkingCalendar, User)]
        cursor.execute(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY CASCADE")
        # Half a million history rows are not what is measured here.
        cursor.execute("SET session_replication_role = replica")
    people.services.set_up_organisation(name="Infrastructure")
    User.objects.create(email="lead@example.com", name="Lead", is_admin=True)
    Team.objects.bulk_create(Team(name=f"Team {n}") for n in range(200))
    each = count // programs
    ids = range(1, programs + 1)
    targets = [today + timedelta(days=int(days)) for days in rng.integers(100, 500, programs)]
    copy(
        Program,
        {
            "id": ids,
            "key": [f"P{n}" for n in ids],
            "name": [f"Program {n}" for n in ids],
            "target_on": targets,
            "lead_id": [1] * programs,
        },
    )
    copy_revisions(programs)
    size = programs * each
    place = np.arange(size) % each
    work = rng.integers(1, 15, size) * 480
    has_points = rng.random(size) < 0.5
    copy(
        Milestone,
        {
            "id": range(1, size + 1),
            "program_id": (np.arange(size) // each + 1).tolist(),
            "name": [f"Milestone {n}" for n in place.tolist()],
            "is_end": (place == each - 1).tolist(),
            "team_id": rng.integers(1, 201, size).tolist(),
            "work_low": [int(w * 0.8) if p else None for w, p in zip(work, has_points, strict=True)],
            "work_likely": work.tolist(),
            "work_high": [int(w * 1.9) if p else None for w, p in zip(work, has_points, strict=True)],
            "done_on": [today - timedelta(days=30) if n < each // 5 else None for n in place.tolist()],
        },
    )
    pairs = _pairs(rng, programs, each, links)
    crossing = (pairs[:, 0] - 1) // each != (pairs[:, 1] - 1) // each
    copy(
        Dependency,
        {
            "id": range(1, len(pairs) + 1),
            "predecessor_id": pairs[:, 0].tolist(),
            "successor_id": pairs[:, 1].tolist(),
            "agreement": ["accepted" if one else "" for one in crossing.tolist()],
        },
    )
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = DEFAULT")
        cursor.execute("ANALYZE")


def copy_revisions(programs: int) -> None:
    Revision.objects.bulk_create((Revision(program_id=pk) for pk in range(1, programs + 1)), batch_size=5_000)


def _pairs(rng: np.random.Generator, programs: int, each: int, links: int) -> Any:
    """Distinct pairs of milestone ids int64[links, 2]: all chains, then side links and links across programs."""
    chain = np.arange(1, programs * each + 1)
    chain = chain[chain % each != 0]
    found = np.stack([chain, chain + 1], axis=1)[:links]
    while len(found) < links:
        more = links - len(found) + 1_000
        giver = rng.integers(0, programs, more)
        near = giver // AREA * AREA + rng.integers(0, AREA, more)
        receiver = np.where(rng.random(more) < FAR, rng.integers(0, programs, more), np.minimum(near, programs - 1))
        receiver = np.where(rng.random(more) < ACROSS * links / max(links - chain.size, 1), receiver, giver)
        low = rng.integers(0, each - 1, more)
        high = np.minimum(low + rng.integers(1, 6, more), each - 1)
        fresh = np.stack([giver * each + low + 1, receiver * each + high + 1], axis=1)
        found = np.unique(np.concatenate([found, fresh]), axis=0)
        keep = found[:, 1] == found[:, 0] + 1
        extra = found[~keep]
        found = np.concatenate([found[keep], rng.permutation(extra)[: links - int(keep.sum())]])
    return found


def recompute(today: date) -> dict[str, float]:
    """Forecast everything; every program is behind."""
    backend, own, wall = backend_ms(), time.process_time(), time.perf_counter()
    judged = forecasts.services.catch_up(today=today, at=timezone.now())
    own, wall = time.process_time() - own, time.perf_counter() - wall
    backend = backend_ms() - backend
    assert len(judged) == Program.objects.count()
    return {"cpu_s": own + backend / 1000, "own_s": own, "postgres_s": backend / 1000, "wall_s": wall}


def change(today: date, place: int, days: int) -> tuple[int, date | None]:
    """Commit another estimate of a milestone; the end of its program, and the P80 that this had."""
    user = User.objects.get()
    row = Milestone.objects.filter(done_on=None, is_end=False).order_by("pk")[Milestone.objects.count() // 3 + place]
    end = Milestone.objects.get(program=row.program, is_end=True)
    before = MilestoneForecast.objects.get(pk=end.pk).p80_on
    milestones.services.change_milestone(
        milestone=row, by=user, today=today, at=timezone.now(), work_low=None, work_likely=days * 480, work_high=None
    )
    return end.pk, before


def until_forecast(end: int, before: date | None) -> None:
    while MilestoneForecast.objects.get(pk=end).p80_on == before:
        time.sleep(0.05)


def sweep(today: date) -> threading.Thread:
    """The sweep as the worker runs it, beside whoever edits."""

    def run() -> None:
        forecasts.services.catch_up(today=today, at=timezone.now())
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def edit(today: date) -> tuple[float, float]:
    """Seconds from the commit of a changed estimate to that of its program's forecast, and to that of all others."""
    end, before = change(today, 0, 200)
    began = time.perf_counter()
    sweeping = sweep(today)
    until_forecast(end, before)
    took = time.perf_counter() - began
    sweeping.join()
    all_took = time.perf_counter() - began
    assert not forecasts.services.behind(today=today)
    return took, all_took


def edit_in_run(today: date) -> float:
    """The same for an edit in the middle of a run over everything."""
    Run.objects.update(engine_version="another")
    sweeping = sweep(today)
    time.sleep(MIDDLE_S)
    assert sweeping.is_alive()
    end, before = change(today, 1, 300)
    began = time.perf_counter()
    until_forecast(end, before)
    took = time.perf_counter() - began
    sweeping.join()
    return took


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--programs", type=int, default=10_000)
    options.add_argument("--milestones", type=int, default=250_000)
    options.add_argument("--links", type=int, default=400_000)
    options.add_argument("--no-growth", action="store_true", help="leave out the portfolio of twice the size")
    size = options.parse_args()
    if not str(settings.DATABASES["default"]["NAME"]).endswith("_bench"):
        raise SystemExit(
            "This empties the database it runs on: its name must end in _bench. Use ./run bench recompute."
        )
    today = people.services.today(timezone.now())
    figures: dict[str, float] = {}
    for times in (1,) if size.no_growth else (1, 2):
        began = time.perf_counter()
        build(size.programs * times, size.milestones * times, size.links * times, today)
        print(f"Built {size.programs * times} programs in {time.perf_counter() - began:.0f} s")
        connection.close()
        with connection.cursor() as cursor:
            cursor.execute("SET max_parallel_workers_per_gather = 0")
        found = recompute(today)
        print(f"x{times}: " + ", ".join(f"{name} {value:.1f}" for name, value in found.items()))
        if times == 1:
            figures = found
            # The peak so far is that of this size alone: it comes first.
            figures["rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            figures["edit_to_forecast_s"], figures["edit_to_all_s"] = edit(today)
            figures["edit_in_run_s"] = edit_in_run(today)
            assert ProgramHealth.objects.exclude(p80_on=None).count() == size.programs
        else:
            figures["growth"] = found["cpu_s"] / figures["cpu_s"]
    for name, goal in GOALS.items():
        if name in figures:
            print(f"{name:20}{figures[name]:10.2f}  goal {goal}{'  missed' if figures[name] > goal else ''}")
    print(json.dumps({name: round(value, 2) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
