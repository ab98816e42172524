"""What a long run does on the way: it says how far it is, and looks whether it is computing what nobody waits for."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import connection

# A run that takes no longer neither tells nor looks.
LOOK_EVERY_S = 1.0


class Superseded(Exception):
    """Somebody has edited a plan since the run read it."""


@dataclass(slots=True)
class Watch:
    """Of one run: tells now and then which share of it is computed, and ends it for an edit, where it gives way."""

    tell: Callable[[float], None]
    gives_way: bool
    plan_edits: int = 0
    looked_at: float = field(default_factory=time.monotonic)

    def __call__(self, share: float) -> None:
        if time.monotonic() - self.looked_at < LOOK_EVERY_S:
            return
        self.tell(share)
        if self.gives_way and _plan_edits() != self.plan_edits:
            raise Superseded
        self.looked_at = time.monotonic()


def _plan_edits() -> int:
    """How often plans have changed by now, past the snapshot that the run reads."""
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT coalesce(sum(plan_revision), 0) FROM programs_revision")
            return int(cursor.fetchone()[0])
    finally:
        other.close()
