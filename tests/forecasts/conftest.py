"""Two programs and a hand-off, worked out by hand from Friday 20 November 2026 over eight hours from Monday to Friday.

NA4   Power (5 days)  20, 23-26 Nov    → Racks (2 days)  27, 30 Nov  → Live   30 Nov; target 27 Nov: 3 days late
GPU   Racks of NA4 → Scheduler (3 days)  1-3 Dec  → GA  3 Dec; target 4 Dec: 1 day early

Nobody doubts the work: P80 is the plan.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

import milestones.services
import programs.services
from milestones.models import Dependency, Milestone
from programs.models import Program
from tests.conftest import FRIDAY, NOON, Cast

DAY = 480


def certain(days: int) -> dict[str, int]:
    """Work of which best, likely and worst are the same."""
    return {"work_low": days * DAY, "work_likely": days * DAY, "work_high": days * DAY}


@dataclass(frozen=True)
class Plan:
    na4: Program
    gpu: Program
    power: Milestone
    racks: Milestone
    live: Milestone
    scheduler: Milestone
    ga: Milestone
    hand_off: Dependency
    cast: Cast

    def change(self, milestone: Milestone, **changes: Any) -> None:
        milestones.services.change_milestone(
            milestone=milestone, by=self.cast.admin, today=FRIDAY, at=NOON, cause=self.cast.cause, **changes
        )


@pytest.fixture
def plan(cast: Cast) -> Plan:
    def milestone(program: Program, name: str, **fields: Any) -> Milestone:
        return milestones.services.create_milestone(program=program, by=cast.admin, today=FRIDAY, name=name, **fields)

    def link(predecessor: Milestone, successor: Milestone) -> Dependency:
        return milestones.services.link(predecessor=predecessor, successor=successor, by=cast.admin)

    programs.services.change_program(program=cast.na4, by=cast.admin, target_on=date(2026, 11, 27))
    gpu = programs.services.create_program(by=cast.admin, key="GPU", name="GPU fleet", target_on=date(2026, 12, 4))
    power = milestone(cast.na4, "Power", **certain(5), target_on=date(2026, 11, 24))
    racks = milestone(cast.na4, "Racks", **certain(2), target_on=date(2026, 11, 25))
    live = milestone(cast.na4, "Live", is_end=True)
    scheduler = milestone(gpu, "Scheduler", **certain(3))
    ga = milestone(gpu, "GA", is_end=True)
    link(power, racks)
    link(racks, live)
    link(scheduler, ga)
    return Plan(cast.na4, gpu, power, racks, live, scheduler, ga, link(racks, scheduler), cast)
