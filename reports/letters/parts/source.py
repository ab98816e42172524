"""Where a part of a letter was read from, as JSON: a checker computes its numbers anew from these records."""

from __future__ import annotations

from datetime import date
from typing import Any

Source = dict[str, Any]


def iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
