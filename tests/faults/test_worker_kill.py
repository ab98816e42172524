"""A worker that is killed in the middle of a run loses nothing: the old numbers stay whole, the task comes back."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.db import connection, transaction
from django.utils import timezone

import milestones.services
import people.services
from forecasts.models import MilestoneForecast, ProgramHealth, Run
from forecasts.services import bring_up_to_date, catch_up
from milestones.models import Milestone
from tests.conftest import ROOT, Cast
from tpm import broker
from tpm.celery import app

T = TypeVar("T")

DAY = 480
PATIENCE_S = 60


@pytest.mark.django_db(transaction=True)
def test_a_killed_worker_leaves_the_old_numbers_whole_and_its_task_comes_back(cast: Cast) -> None:
    at = timezone.now()
    today = people.services.today(at)
    work = milestones.services.create_milestone(
        program=cast.na4, by=cast.admin, today=today, name="Work", work_likely=5 * DAY
    )
    end = milestones.services.create_milestone(program=cast.na4, by=cast.admin, today=today, name="Live", is_end=True)
    milestones.services.link(predecessor=work, successor=end, by=cast.admin)
    catch_up(today=today, at=at)
    before = rows()
    milestones.services.change_milestone(
        milestone=Milestone.objects.get(pk=work.pk), by=cast.admin, today=today, at=at, work_likely=10 * DAY
    )

    queue = f"faults-{os.getpid()}"
    with worker(queue) as process:
        with transaction.atomic():
            # Readers pass, writers wait: the run stops after its forecasts and before its last rows.
            with connection.cursor() as cursor:
                cursor.execute("LOCK TABLE forecasts_programhealth IN SHARE ROW EXCLUSIVE MODE")
            app.send_task("forecasts.sweep", queue=queue)
            backend = until(waiting_backend)
            assert rows() == before
            # The parent must not hand the task on before Postgres has noticed that the child is gone.
            (child,) = children(process.pid)
            os.kill(process.pid, signal.SIGSTOP)
            os.kill(child, signal.SIGKILL)
        until(lambda: not is_connected(backend))
        assert rows() == before
        os.kill(process.pid, signal.SIGCONT)
        until(lambda: rows() != before)

    after = rows()
    newest = ProgramHealth.objects.filter(program=cast.na4).latest("day")
    found = MilestoneForecast.objects.order_by("pk").values_list("pk", "run_id", "finish_on")
    assert list(found) == [(pk, newest.run_id, newest.finish_on) for pk in (work.pk, end.pk)]
    bring_up_to_date(program_ids=[cast.na4.pk], today=newest.day, at=timezone.now(), again=True)
    assert rows() == after
    last_beat = broker.last_beat()
    assert last_beat is not None
    assert last_beat >= at


Rows = list[tuple[int, object, object]]


def rows() -> Rows:
    """What each of the three tables holds: its number of rows, the newest run in it, and its dates."""
    return [
        (Run.objects.count(), Run.objects.order_by("-pk").values_list("pk", flat=True).first(), None),
        *(
            (
                table.count(),
                sorted(table.values_list("run_id", flat=True)),
                sorted(map(str, table.values_list("finish_on"))),
            )
            for table in (MilestoneForecast.objects.all(), ProgramHealth.objects.all())
        ),
    ]


@contextmanager
def worker(queue: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A real worker with one child, on the test's own database and a queue of its own."""
    database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}")
    env = {**os.environ, "DATABASE_URL": urlunsplit(database)}
    command = [sys.executable, "-m", "celery", "-A", "tpm", "worker", "-Q", queue, "-c", "1", "-P", "prefork"]
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "-n", f"{queue}@%h"]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [*command, *quiet], cwd=ROOT, env=env, stdout=log, stderr=log, start_new_session=True
        )
        try:
            yield process
        except AssertionError:
            log.seek(0)
            sys.stderr.write(log.read().decode())
            raise
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            with broker.connect() as client:
                client.delete(queue)


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def waiting_backend() -> int | None:
    """The server process that waits to write health rows."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_locks WHERE relation = 'forecasts_programhealth'::regclass AND NOT granted")
        found = cursor.fetchone()
    return found[0] if found else None


def is_connected(backend: int | None) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM pg_stat_activity WHERE pid = %s", [backend])
        return cursor.fetchone() is not None


def until(find: Callable[[], T]) -> T:
    """Wait until there is something to find."""
    last = time.monotonic() + PATIENCE_S
    while not (found := find()):
        assert time.monotonic() < last, "It did not happen in time."
        time.sleep(0.05)
    return found
