"""Progress that came before its turn: work that began although what it waits for was not done."""

from collections.abc import Sequence
from datetime import date

import numpy as np

from engine.cpm import breaks
from engine.network import LinkType
from forecasts.calendars import day_number
from milestones.models import Dependency, Milestone
from programs.models import Program


def out_of_sequence(links: Sequence[Dependency], today: date) -> list[Dependency]:
    """Of links, with both milestones and the givers' programs loaded, those to open work that progress has broken.

    By retained logic the rest of such work waits for the link all the same.
    """
    live = [link for link in links if link.successor.is_open and not _is_gone(link.predecessor)]
    ends = [(link.predecessor, link.successor) for link in live]
    days = [
        (_begun(before, today), day_number(before.done_on), _begun(after, today), day_number(after.done_on))
        for before, after in ends
    ]
    columns = np.array(days, dtype=np.int64).reshape(len(days), 4).T
    kinds = np.array([LinkType[link.kind] for link in live], dtype=np.int64)
    return [link for link, broken in zip(live, breaks(kinds, *columns).tolist(), strict=True) if broken]


def _begun(milestone: Milestone, today: date) -> int:
    """A start that lies ahead is none yet."""
    started_on = milestone.started_on
    return day_number(started_on if started_on and started_on <= today else None)


def _is_gone(milestone: Milestone) -> bool:
    return milestone.cancelled_on is not None or milestone.program.state == Program.State.CANCELLED
