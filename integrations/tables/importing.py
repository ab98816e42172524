"""Rows into the database, noun after noun, all or nothing.

A dry run does the very same writes and takes them back, so that it refuses exactly what the import would refuse.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

from django.db import connection, transaction

import history
from integrations.tables.entries import entries_of
from integrations.tables.job import Importing, load
from integrations.tables.mapping import PortfolioMapping
from integrations.tables.reading import Table
from integrations.tables.report import Report
from integrations.tables.writers import WRITERS
from milestones.models import SlipCause
from people.models import User
from people.permissions import OrgAct, require
from programs.services import touch

# Two imports of the same files at once must not both find nothing.
IMPORT_LOCK = 7305
# An import of so many rows makes what PostgreSQL knows of its tables wrong: the next pages would wait for bad plans.
MANY = 1_000


def run(
    *,
    tables: list[Table],
    mapping: PortfolioMapping,
    by: User,
    at: datetime,
    today: date,
    report: Report,
    cause: SlipCause | None = None,
    dry_run: bool = False,
    tell: Callable[[int, int], None] = lambda done, of: None,
) -> Report:
    """Import tables by a mapping; nothing is written when a row is refused or the run is dry.

    ``tell`` hears now and then how many rows are done, of how many.
    """
    require(by, OrgAct.IMPORT)
    job = Importing(by=by, at=at, today=today, cause=cause, report=report)
    by_noun = entries_of(job, tables, mapping)
    rows = sum(map(len, by_noun.values()))
    job.tell = lambda done: tell(min(done, rows), rows)
    files = ", ".join(dict.fromkeys(table.file for table in tables))
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [IMPORT_LOCK])
        with history.because(f"Import {files}"[:500], by_id=by.pk):
            load(job)
            for noun, write in WRITERS.items():
                if entries := by_noun.get(noun):
                    write(job, entries)
            if job.changed:
                touch(*job.changed, plan=True)
        # What changes nothing leaves nothing behind, not even an empty change-set.
        if dry_run or report.refused or not report.changing:
            transaction.set_rollback(True)
        else:
            report.written = True
            if rows >= MANY:
                transaction.on_commit(count_anew, robust=True)
    return report


def count_anew() -> None:
    """Have PostgreSQL look at its tables at once: by itself it does so a minute later."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
