"""What each page costs at 12 programs, at 331, and at 200 programs with 20,000 milestones and 10,000 links.

    ./run bench pages [--data DIR] [--sizes 12,331,20k] [--rounds 5]

12 programs are the demo. 331 are the demo and the Kubernetes enhancements of DIR/A1_keps (by default the folder
``data`` of TPM_SHARED, or of ``shared`` beside the project); without that folder the size is left out, and said so.
The large portfolio is that of ./run bench api, with a baseline of each program. Pages are those addresses that need
nothing or a program's key, forms left out: of the program with most milestones that the reader leads. Those that can
be shown as they were are asked for a day a week ago, too, under their name and ``past``. CPU is this
process and its PostgreSQL backend together, the mean over the rounds of the best of three batches; bytes are those of
the page before compression; ``what_if`` is the line that says what an edit would move. Growth is printed beside each
page: its CPU over that at 12 programs. The last line is JSON: page and size → figures; the two roadmaps of the large
portfolio are ``roadmap_20k`` and ``program_roadmap_20k``.
"""

import argparse
import json
import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tpm.settings")
django.setup()

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.models import Count
from django.test import Client
from django.urls import URLResolver, get_resolver
from django.utils import timezone

import forecasts.services
import history
import people.services
from benchmarks.api import backend_ms, build
from milestones.models import Baseline, BaselineDate, Dependency, Milestone, SlipCause
from people.models import Organisation, Team, User, WorkingCalendar
from programs.models import Objective, Program
from programs.pages import goes_back

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("TPM_SHARED", ROOT.parent / "shared"))
SIZES = ("12", "331", "20k")
LARGE = (200, 20_000, 10_000)
BATCHES = 3
MOST_QUERIES = 25
# The first answer of the large roadmap, and of any other page.
GOALS = {"roadmap_20k": {"cpu_ms": 500.0, "bytes": 1_000_000}, "what_if_12": {"cpu_ms": 200.0}}
MOST_BYTES = 150_000
# Forms and what is before the sign-in; the API has a benchmark of its own.
FORMS = ("new", "edit", "delete", "record")
APART = ("account", "api", "set-up", "healthz", "unsubscribe", "static")


def empty() -> None:
    models = (Program, Objective, Team, SlipCause, Organisation, WorkingCalendar, User)
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(model._meta.db_table for model in models)} CASCADE")


def analyse() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def demo() -> User:
    """Twelve programs with fourteen weeks behind them."""
    empty()
    call_command("load_demo", verbosity=0)
    analyse()
    return User.objects.get(email="priya.raman@example.com")


def enhancements(folder: Path) -> User:
    """The Kubernetes enhancements beside the demo, forecast like everything."""
    mapping = ROOT / "docs" / "mappings" / "kubernetes-enhancements.json"
    call_command("import_portfolio", folder, mapping=mapping, verbosity=0)
    today = people.services.today(timezone.now())
    while forecasts.services.behind(today=today):
        forecasts.services.catch_up(today=today, at=timezone.now())
    analyse()
    return User.objects.get(email="priya.raman@example.com")


def large() -> User:
    """200 programs, 20,000 milestones and 10,000 links, each milestone in a baseline and with a forecast."""
    if (Program.objects.count(), BaselineDate.objects.count(), Dependency.objects.count()) == LARGE:
        return User.objects.get(email="person7@example.com")
    empty()
    today = people.services.today(timezone.now())
    with history.replaying(timezone.now() - timedelta(days=30)):
        build(*LARGE, today)
    reader = User.objects.get(email="person7@example.com")
    baselines = Baseline.objects.bulk_create(
        Baseline(program=program, name="First", approved_on=today - timedelta(days=60), approved_by=reader)
        for program in Program.objects.order_by("pk")
    )
    by_program = {baseline.program_id: baseline for baseline in baselines}
    BaselineDate.objects.bulk_create(
        BaselineDate(
            baseline=by_program[milestone.program_id],
            milestone=milestone,
            finish_on=milestone.forecast.finish_on - timedelta(days=milestone.pk % 20),
        )
        for milestone in Milestone.objects.select_related("forecast").only("program", "forecast__finish_on")
    )
    analyse()
    return reader


def addresses(resolver: URLResolver | None = None, above: str = "") -> Iterator[str]:
    """Every address that needs nothing, or ``KEY``, the key of a program; forms left out."""
    for pattern in (resolver or get_resolver()).url_patterns:
        path = above + str(pattern.pattern).replace("<key:key>", "KEY")
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern, path)
        elif re.fullmatch(r"[\w/-]*", path) and path.split("/")[0] not in APART and path.split("/")[-1] not in FORMS:
            yield path


# Beside the address alone: the roadmap with as much drawn as it draws, and far down its table.
MORE = {"roadmap_open": "roadmap?zoom=quarter&open=all&rows=1000", "roadmap_table": "roadmap?page=390"}


def name_of(path: str) -> str:
    """“p/KEY/risks” → “program_risks”, “” → “portfolio”."""
    path = path.replace("p/KEY", "program", 1) if path.startswith("p/KEY") else path
    return path.replace("/", "_").replace("-", "_") or "portfolio"


def measure(ask: Callable[[], Any], rounds: int) -> dict[str, float]:
    """CPU, queries and bytes of a page."""
    queries = 0

    def count(execute: Callable[..., Any], *call: Any) -> Any:
        nonlocal queries
        queries += 1
        return execute(*call)

    ask()
    with connection.execute_wrapper(count):
        size = len(ask().content)
    batches = []
    for _ in range(BATCHES):
        backend, own = backend_ms(), time.process_time()
        for _ in range(rounds):
            ask()
        own = time.process_time() - own
        batches.append((own * 1000 + backend_ms() - backend) / rounds)
    return {"cpu_ms": round(min(batches), 1), "queries": queries, "bytes": size}


def pages(reader: User, size: str, rounds: int) -> dict[str, dict[str, float]]:
    """Figures of all pages that answer this reader."""
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("SET max_parallel_workers_per_gather = 0")
    client, admin = Client(), Client()
    client.force_login(reader)
    admin.force_login(User.objects.filter(is_admin=True).order_by("pk")[0])
    # A page for administrators alone refuses the reader, as it should: an administrator asks for it.
    logging.disable(logging.CRITICAL)
    led = Program.objects.filter(lead=reader).annotate(size=Count("milestones"))
    key = led.order_by("-size", "pk")[0].key
    figures = {}
    asked = {name_of(path): path for path in addresses()} | MORE
    for name, path in asked.items():
        address = f"/{path.replace('KEY', key, 1)}"
        asks = admin if client.get(address).status_code == 403 else client
        status = asks.get(address).status_code
        if status == 200:
            figures[f"{name}_{size}"] = measure(partial(asks.get, address), rounds)
            if goes_back(address.partition("?")[0]):
                address += f"{'&' if '?' in address else '?'}as_of=-1w"
                figures[f"{name}_past_{size}"] = measure(partial(asks.get, address), rounds)
        else:
            print(f"{address} answers {status}: left out")
    # What somebody waits for while they type: the first milestone of the program that is ahead, three weeks later.
    ahead = Milestone.objects.filter(program__key=key, done_on=None, started_on=None, forecast__isnull=False)
    row = ahead.select_related("forecast").order_by("forecast__start_on", "pk")[0]
    typed = {"not_before_on": row.forecast.start_on + timedelta(weeks=3), "version": row.version}
    address, headers = f"/m/{row.pk}/impact?only=not_before_on", {"HX-Request": "true"}
    assert "milestone" in client.post(address, typed, headers=headers).text
    figures[f"what_if_{size}"] = measure(partial(client.post, address, typed, headers=headers), rounds)
    return figures


def missed(name: str, figure: dict[str, float]) -> str:
    goal = GOALS.get(name, {"bytes": MOST_BYTES} if "roadmap" not in name else {}) | {"queries": MOST_QUERIES}
    over = [f"{what} over {most:,.0f}" for what, most in goal.items() if figure[what] > most]
    return f"  missed: {', '.join(over)}" if over else ""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, default=SHARED / "data")
    options.add_argument("--sizes", default=",".join(SIZES))
    options.add_argument("--rounds", type=int, default=5)
    given = options.parse_args()
    wanted = given.sizes.split(",")
    if not str(settings.DATABASES["default"]["NAME"]).endswith("_bench"):
        raise SystemExit("This empties the database it runs on: its name must end in _bench. Use ./run bench pages.")
    # Pages name their static files without a manifest, as in a checkout where none was collected.
    settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.ALLOWED_HOSTS.append("testserver")
    folder = given.data / "A1_keps"
    if "331" in wanted and not folder.is_dir():
        print(f"There is no {folder}: 331 programs are left out.")
        wanted.remove("331")
    figures: dict[str, dict[str, float]] = {}
    for size in [size for size in SIZES if size in wanted]:
        began = time.perf_counter()
        if size == "331" and "12" not in wanted:
            demo()
        reader = demo() if size == "12" else enhancements(folder) if size == "331" else large()
        print(f"{size}: {Program.objects.count()} programs in {time.perf_counter() - began:.0f} s")
        figures |= pages(reader, size, given.rounds)
    print(f"{'':36}{'CPU ms':>8}{'growth':>8}{'queries':>9}{'bytes':>10}")
    for name, figure in figures.items():
        first = figures.get(f"{name.rpartition('_')[0]}_12", figure)["cpu_ms"]
        growth = f"{figure['cpu_ms'] / first:8.1f}"
        print(f"{name:36}{figure['cpu_ms']:8}{growth}{figure['queries']:9}{figure['bytes']:10,}{missed(name, figure)}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
