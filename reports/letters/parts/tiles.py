"""The four numbers on top of a letter."""

from __future__ import annotations

from dataclasses import dataclass, field

from reports.letters.facts import Facts
from reports.letters.parts.health import JUDGED, health_of, lead_says
from reports.letters.parts.source import Source
from reports.since import past_target
from reports.words import short


@dataclass(frozen=True)
class Tile:
    number: str
    words: str
    beside: str
    source: Source = field(default_factory=dict)


def tiles(facts: Facts) -> list[Tile]:
    listed = [p.pk for p in facts.programs]
    forecast = [row for p in listed if (row := facts.health.get(p)) and row.slip_days is not None]
    past, before = past_target(forecast), past_target(facts.health_before.get(p) for p in listed)
    differ = [p for p in listed if lead_says(facts, p) and health_of(facts, p) in JUDGED]
    return [
        Tile(
            f"{past} of {len(forecast)}",
            "P80 past target",
            f"{before} before {short(facts.since.on)}",
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
        Tile(
            str(facts.late_hand_offs),
            "late hand-off" if facts.late_hand_offs == 1 else "late hand-offs",
            "promised after needed",
            {
                "number": "late_hand_offs",
                "value": facts.late_hand_offs,
                "records": [one[0] for one in facts.late_by_ends],
            },
        ),
    ]
