"""Actions that meetings agreed, each with what its reader may do about it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from people.models import User
from people.permissions import OrgAct, may
from reports.models import ReviewAction


@dataclass(frozen=True, slots=True)
class Agreed:
    """An action; whoever may change it, and its owner, may say that it is done (``reviews.services``)."""

    action: ReviewAction
    may_change: bool
    may_finish: bool


def agreed(actions: Iterable[ReviewAction], reader: User, edits: Collection[int] = ()) -> list[Agreed]:
    """Each of these with what the reader may do; ``edits`` are the programs whose syncs' actions they may change."""
    holds = may(reader, OrgAct.HOLD_REVIEW)
    lines = []
    for one in actions:
        changes = holds if one.review_id else one.program_id in edits
        lines.append(Agreed(one, changes, changes or one.owner_id == reader.pk))
    return lines
