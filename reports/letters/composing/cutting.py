"""What all readers of one cut of the same facts are told alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from programs.models import Program
from reports.letters.composing.cut import Cut
from reports.letters.facts import Facts
from reports.letters.parts.decisions import Ask
from reports.letters.parts.hand_offs import HandOff, hand_off
from reports.letters.parts.headlines import least, news_of
from reports.letters.parts.health import moved
from reports.letters.parts.leads import asks
from reports.letters.parts.news import Note, notes
from reports.letters.parts.one_program import own_news, own_notes, own_tiles
from reports.letters.parts.rows import Row, milestone_row, program_row, rank
from reports.letters.parts.tiles import Tile, tiles
from reports.models import Plan
from reports.schedule import WEEK_DAYS

MOST_PROGRAMS = 40


@dataclass
class Cutting:
    """What all readers of one cut of the same facts are told alike: worked out once."""

    facts: Facts
    cut: Cut
    site: str
    # How many rows fitted into the letters so far, and the bodies that were written for them.
    fits: int = MOST_PROGRAMS
    bodies: dict[Any, tuple[str, str]] = field(default_factory=dict)

    @property
    def own(self) -> Program | None:
        """The program that the letter is about, where it is about one."""
        return self.cut.program if self.facts.programs else None

    @cached_property
    def later(self) -> list[tuple[int, Program]]:
        found = [(move, p) for p in self.facts.programs if (move := moved(self.facts, p.pk)) is not None and move > 0]
        return sorted(found, key=lambda pair: -pair[0])

    @cached_property
    def slipped(self) -> list[tuple[int, Program]]:
        return [(move, p) for move, p in self.later if move >= WEEK_DAYS]

    @cached_property
    def news(self) -> str:
        if self.own:
            return own_news(self.facts, self.own)
        return news_of(self.facts, self.slipped) or ("" if self.slipped else least(self.later))

    @cached_property
    def tiles(self) -> list[Tile]:
        if not self.cut.tells("numbers"):
            return []
        return own_tiles(self.facts, self.own, self.site) if self.own else tiles(self.facts, self.site)

    @cached_property
    def rows(self) -> list[Row]:
        if not self.cut.tells("programs"):
            return []
        facts = self.facts
        if self.cut.program:
            slips = [
                (row.forecast.p80_on - row.due_on).days
                for row in facts.milestones
                if hasattr(row, "forecast") and row.forecast.p80_on and row.due_on
            ]
            longest = max(slips, default=0)
            rows = [milestone_row(row, facts, self.site, longest) for row in facts.milestones]
        else:
            longest = max([row.slip_days or 0 for row in facts.health.values()], default=0)
            ranked = sorted(facts.programs, key=lambda program: rank(facts, program))
            rows = [program_row(facts, program, self.site, longest) for program in ranked]
        return [row for row in rows if row.exceptional] if self.cut.audience == Plan.Audience.SPONSOR else rows

    @cached_property
    def asks(self) -> list[Ask]:
        return asks(self.facts, self.site) if self.cut.tells("asks") else []

    @cached_property
    def notes(self) -> list[Note]:
        told = notes(self.facts, self.site)
        return own_notes(told) if self.own else told

    @cached_property
    def hand_offs(self) -> list[tuple[frozenset[int], HandOff]]:
        """Each with the teams at its ends."""
        if not self.cut.tells("hand_offs") or not (self.cut.program or self.cut.audience == Plan.Audience.PARTNER):
            return []
        return [
            (
                frozenset(pk for pk in (row.predecessor.team_id, row.successor.team_id) if pk),
                hand_off(row, self.facts, self.site),
            )
            for row in self.facts.hand_offs
        ]
