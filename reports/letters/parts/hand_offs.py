"""Hand-offs in a letter."""

from __future__ import annotations

from dataclasses import dataclass, field

from milestones.models import Dependency
from reports.letters.facts import Facts
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
    p80 = giver.forecast.p80_on if hasattr(giver, "forecast") else None
    comes = row.promised_on or p80
    slack = (row.need_by_on - comes).days if row.need_by_on and comes else None
    how = "promised" if row.promised_on else "expected at P80"
    dates = f"needed {short(row.need_by_on)}" if row.need_by_on else "no day needed"
    dates += f", {how} {short(comes)}" if comes else ", nothing promised"
    if slack is None:
        words, tone = "no promise", "warn"
    elif slack < 0:
        words, tone = f"{-slack} d too late", "bad"
    else:
        words, tone = (f"{slack} d of slack" if slack else "just in time"), "ok"
    return HandOff(
        name=plain(giver.name, 80),
        ends=f"{plain(giver.program.name, 60)} → {plain(receiver.program.name, 60)}",
        dates=dates,
        slack=words,
        tone=tone,
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
