"""The four numbers on top of a letter."""

from __future__ import annotations

from dataclasses import dataclass, field

from programs.models import Program
from reports.letters.facts import Facts
from reports.letters.parts.hand_offs import hand_off
from reports.letters.parts.health import JUDGED, health_of, lead_says
from reports.letters.parts.source import Source
from reports.since import past_target
from reports.words import plain, short

MOST_NAMED = 3


@dataclass(frozen=True)
class Named:
    """A record that a tile counts, and its page."""

    name: str
    url: str


@dataclass(frozen=True)
class Tile:
    number: str
    words: str
    beside: str
    source: Source = field(default_factory=dict)
    named: list[Named] = field(default_factory=list)


def tiles(facts: Facts, site: str, program: Program | None = None) -> list[Tile]:
    """The numbers of these facts; ``program`` is what a letter is about that tells of one alone."""
    listed = [p.pk for p in facts.programs]
    forecast = [row for p in listed if (row := facts.health.get(p)) and row.slip_days is not None]
    past, before = past_target(forecast), past_target(facts.health_before.get(p) for p in listed)
    differ = [p for p in listed if lead_says(facts, p) and health_of(facts, p) in JUDGED]
    return [
        Tile(
            f"{past} of {len(forecast)}",
            "P80 past target",
            f"{before} on {short(facts.since.on)}",
            {
                "number": "past_target",
                "value": past,
                "of": len(forecast),
                "before": before,
                "records": [[row.program_id, row.slip_days] for row in forecast],
            },
        ),
        Tile(
            str(facts.open_risks),
            "open risk" if facts.open_risks == 1 else "open risks",
            f"{len(facts.new_risks)} new, {len(facts.closed_risks)} closed",
            {
                "number": "open_risks",
                "value": facts.open_risks,
                "new": [risk.pk for risk in facts.new_risks],
                "closed": [risk.pk for risk in facts.closed_risks],
            },
        ),
        Tile(
            str(len(differ)),
            "lead disagrees" if len(differ) == 1 else "leads disagree",
            "with the data",
            {"number": "disagree", "value": len(differ), "records": differ},
        ),
        _late(facts, site, program),
    ]


def _late(facts: Facts, site: str, program: Program | None) -> Tile:
    """Late hand-offs, named by what is given, as far as both ends are seen; where there are more, all of them."""
    late = [one.pk for one in facts.late_by_ends]
    first = [row for row in facts.hand_offs if row.pk in late][:MOST_NAMED]
    known = [hand_off(row, facts, site) for row in first]
    named = [Named(f"“{plain(one.name, 60)}”", one.url) for one in known]
    if more := len(late) - len(named):
        every = f"{site}/dependencies{facts.then}&layout=table&state=late"
        every += f"&program={program.key}" if program else ""
        named.append(Named(f"and {more} more" if named else "where they lie", every))
    return Tile(
        str(len(late)),
        "late hand-off" if len(late) == 1 else "late hand-offs",
        "later than needed",
        {
            "number": "late_hand_offs",
            "value": len(late),
            "records": late,
            "named": [row.pk for row in first],
            "more": more,
        },
        named,
    )
