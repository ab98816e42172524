"""How much of the facts each audience is told."""

from __future__ import annotations

from dataclasses import dataclass

from programs.models import Program
from reports.models import Plan

# What an audience is not told, for it is not theirs.
LEFT_OUT = {
    Plan.Audience.EVERYONE: frozenset[str](),
    Plan.Audience.TEAM: frozenset[str](),
    Plan.Audience.SPONSOR: frozenset({"update", "hand_offs", "news"}),
    Plan.Audience.PARTNER: frozenset({"numbers", "decisions", "asks", "update", "programs", "news"}),
}


@dataclass(frozen=True)
class Cut:
    """How much of the facts one audience is told. No cut changes a number; it leaves things out."""

    audience: str = Plan.Audience.EVERYONE
    length: str = Plan.Length.FULL
    without: frozenset[str] = frozenset()
    program: Program | None = None

    @classmethod
    def of(cls, plan: Plan) -> Cut:
        return cls(plan.audience, plan.length, frozenset(plan.without.split()), plan.program)

    def tells(self, section: str) -> bool:
        if self.length == Plan.Length.HEADLINE and section not in ("numbers", "decisions", "asks"):
            return False
        return section not in self.without and section not in LEFT_OUT[Plan.Audience(self.audience)]

    def most(self, many: int, few: int) -> int:
        return many if self.length == Plan.Length.FULL else few
