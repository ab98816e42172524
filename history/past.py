"""Reading everything as it stood at the end of a day gone by.

A schema holds a view for each table with a history, under the table's own name, and shows what its rows were at the
moment that the transaction names. Inside ``as_of`` that schema comes first: every query, join and count tells of then,
and the transaction can write nothing. Rights are those of today (docs/adr/0016).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime, time, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from django.apps import apps
from django.db import connection, models, transaction
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from history.days import read_day
from history.services import EARLIEST

M = TypeVar("M", bound=models.Model)

SCHEMA = "as_of"
MOMENT = "current_setting('tpm.as_of')::timestamptz"
DAY = "current_setting('tpm.as_of_day')::date"
# Ids of the programs that the reader sees today.
VISIBLE = "current_setting('tpm.visible')::bigint[]"
# At the end of a day: what is written on its last stroke, midnight, is of the day after.
STOOD = f"e.pgh_created_at < {MOMENT} AND (e.valid_to IS NULL OR e.valid_to >= {MOMENT})"

# How tables without a history of their own are read: as SQL.
READ_AS: dict[type[models.Model], str] = {}
# Columns of tracked tables that are not read as they were, as SQL over ``e`` (the event) and ``now`` (the row today).
COLUMNS: dict[type[models.Model], Mapping[str, str]] = {}
# Tracked tables that are read as they are today: who signs in, and what is theirs.
OF_TODAY: set[type[models.Model]] = set()

_day: ContextVar[date | None] = ContextVar("day", default=None)


class Moment(models.Func):
    """The end of the day in the past that is being read."""

    template = MOMENT
    output_field = models.DateTimeField()


def read_as(sql: str) -> Callable[[type[M]], type[M]]:
    """Say how a page of the past reads a table without a history of its own."""

    def wrap(model: type[M]) -> type[M]:
        READ_AS[model] = sql.format(day=DAY, moment=MOMENT, table=model._meta.db_table)
        return model

    return wrap


def day() -> date | None:
    """The day in the past that is being read; None where it is today."""
    return _day.get()


@contextmanager
def as_of(on: date, zone: ZoneInfo, visible: models.QuerySet[Any, Any]) -> Iterator[None]:
    """Read as it was at the end of a day, in programs that the reader sees today, given by their ids; whatever writes
    is refused."""
    moment = datetime.combine(on + timedelta(days=1), time.min, zone)
    seen, params = visible.query.sql_with_params()
    with transaction.atomic():
        with connection.cursor() as cursor:
            # Names of tables are looked up before the statement sets where to look: who sees what is read as of today.
            cursor.execute(
                f"""
                SELECT set_config('tpm.as_of', %s, true), set_config('tpm.as_of_day', %s, true),
                    set_config('tpm.visible', (SELECT coalesce(array_agg(id), '{{}}') FROM ({seen}) s(id))::text, true),
                    set_config('transaction_read_only', 'on', true),
                    set_config('search_path', 'as_of, ' || current_setting('search_path'), true)
                """,  # noqa: S608 - of our models
                [moment.isoformat(), on.isoformat(), *params],
            )
        outer = _day.set(on)
        try:
            yield
        finally:
            _day.reset(outer)
            # Nothing was written; this also puts back what was set, inside another transaction too.
            transaction.set_rollback(True)


# -- the schema ------------------------------------------------------------------------------------------------------


def drop_views(**kwargs: Any) -> None:
    """Before a migration: it may change what the views read."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")


def create_views(*, plan: Any = None, **kwargs: Any) -> None:
    """After a migration, once for all apps."""
    if plan is None:
        return  # the tables were only emptied
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE; CREATE SCHEMA {SCHEMA}")
        there = set(connection.introspection.table_names(cursor))
        for table, sql in views().items():
            # A database that is only migrated part of the way has no past to look at yet.
            if table in there and set(re.findall(r"\b(?:FROM|JOIN) (\w+)", sql)) <= there:
                cursor.execute(f"CREATE VIEW {SCHEMA}.{table} AS {sql}")


def views() -> dict[str, str]:
    """The view of each table that is read as it was: its name, and its SQL."""
    found = {model._meta.db_table: sql for model, sql in READ_AS.items()}
    for event in apps.get_models():
        model = getattr(event, "pgh_tracked_model", None)
        if model is None or model in OF_TODAY:
            continue
        table, own = model._meta.db_table, COLUMNS.get(model, {})
        columns = [field.column for field in model._meta.concrete_fields]
        listed = ", ".join(f'{own.get(name, f"e.{name}")} AS "{name}"' for name in columns)
        # A row that is gone since has no today to be read beside: only where a column needs it.
        joined = f" JOIN {table} now ON now.id = e.id" if any("now." in sql for sql in own.values()) else ""
        found[table] = f"SELECT {listed} FROM {event._meta.db_table} e{joined} WHERE {STOOD}"  # noqa: S608 - of our models
    return found


# -- which day -------------------------------------------------------------------------------------------------------

WEEK = re.compile(r"(\d{4})-W(\d{2})", re.ASCII)
ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
MOST_SHOWN = 60


def day_asked(given: Mapping[str, str], today: date) -> tuple[date | None, str]:
    """The day in the past that ``as_of`` or ``week`` names, the end of the week for a week; or why there is none.

    A day may be written in the words that the fields of forms take.

    >>> day_asked({"week": "2026-W47"}, date(2026, 11, 26))
    (datetime.date(2026, 11, 22), '')
    >>> day_asked({"week": "2026-W48"}, date(2026, 11, 26))
    (None, '')
    >>> [str(day_asked({"as_of": text}, date(2026, 11, 26))[0]) for text in ("last fri", "-4w", "quarter start")]
    ['2026-11-20', '2026-10-29', '2026-10-01']
    >>> day_asked({"as_of": "soon"}, date(2026, 11, 26))
    (None, 'There is no day “soon”: write it as 2026-11-20, last fri or -4w, a week as 2026-W47.')
    """
    text = given.get("as_of") or given.get("week")
    if not text:
        return None, ""
    begins = found = None
    try:
        if given.get("as_of") and (typed := read_day(text, today)):
            begins = found = typed.on
        elif not given.get("as_of") and (week := WEEK.fullmatch(text)):
            begins, found = (date.fromisocalendar(int(week[1]), int(week[2]), weekday) for weekday in (1, 7))
    except ValueError:
        found = None
    if begins is None or found is None:
        return None, _("There is no day “%(text)s”: write it as 2026-11-20, last fri or -4w, a week as 2026-W47.") % {
            "text": text[:MOST_SHOWN]
        }
    if begins > today:
        day = date_format(begins, "j M Y") if given.get("as_of") else text
        return None, _("%(day)s is still to come: the page is shown as it is now.") % {"day": day}
    if found < EARLIEST:
        return None, _("%(text)s lies before all programs: the page is shown as it is now.") % {"text": text}
    return (found if found < today else None), ""
