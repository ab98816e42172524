"""Hand-offs in a letter."""

from __future__ import annotations

from dataclasses import dataclass, field

from milestones.hand_offs import State
from milestones.models import Dependency
from reports.letters.facts import Facts, expected_on, slack_of, verdict
from reports.letters.parts.source import Source, iso
from reports.words import plain, short


@dataclass(frozen=True)
class HandOff:
    """What one program gives another, and whether it comes in time."""

    name: str
    ends: str
    dates: str
    slack: str
    tone: str
    url: str
    source: Source = field(default_factory=dict)


def hand_off(row: Dependency, facts: Facts, site: str) -> HandOff:
    """Needed against promised; without a promise against P80 of what is given."""
    giver, receiver = row.predecessor, row.successor
    comes, slack, state = expected_on(row), slack_of(row), verdict(row)
    how = "promised" if row.promised_on else "expected at P80"
    dates = f"needed {short(row.need_by_on)}" if row.need_by_on else "no day needed"
    dates += f", {how} {short(comes)}" if comes else ", nothing promised"
    if slack is None:
        words = "no promise"
    elif slack < 0:
        words = f"{-slack} d too late"
    else:
        words = f"{slack} d of slack" if slack else "just in time"
        words += {State.TIGHT: ", tight", State.OPEN: ", not agreed"}.get(state, "")
    return HandOff(
        name=plain(giver.name, 80),
        ends=f"{plain(giver.program.name, 60)} → {plain(receiver.program.name, 60)}",
        dates=dates,
        slack=words,
        tone=state.tone,
        url=f"{site}/m/{giver.pk}{facts.then}",
        source={
            "record": "dependency",
            "id": row.pk,
            "need_by_on": iso(row.need_by_on),
            "comes_on": iso(comes),
            "from": how,
            "slack_days": slack,
        },
    )
