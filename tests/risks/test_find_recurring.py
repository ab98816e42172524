"""What recurs, by hand: days by cause and by giving team, by quarter, where two or more programs share it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

import milestones.services
import people.services
import programs.services
from milestones.models import DateMove, Dependency, Milestone, SlipCause
from people.models import Team, User
from programs.models import Program
from risks.recurring import Kind, Of, Recurring, Slip, costs_of, find, quarters_until, recurring
from tests.conftest import FRIDAY, NOON

if TYPE_CHECKING:
    from tests.conftest import Cast

UTC_ZONE = ZoneInfo("UTC")
A, B = Of(1, "A", "Alpha"), Of(2, "B", "Beta")
Q2, Q3, Q4 = date(2026, 4, 1), date(2026, 7, 1), date(2026, 10, 1)


def slip(program: Of, on: date, days: int, *, kind: Kind = Kind.CAUSE, pk: int = 7) -> Slip:
    return Slip(kind, pk, f"{kind} {pk}", program, on, days)


# -- adding up -------------------------------------------------------------------------------------------------------


def test_days_of_two_programs_over_two_quarters() -> None:
    """Alpha 5 in July and 3 + 4 in October, Beta 10 in December; moves earlier and days before the window are none."""
    [one] = recurring(
        [
            slip(A, date(2026, 7, 1), 5),
            slip(A, date(2026, 10, 1), 3),
            slip(B, date(2026, 12, 31), 10),
            slip(A, date(2026, 11, 1), 4),
            slip(B, date(2026, 8, 1), -20),
            slip(B, date(2026, 6, 30), 100),
        ],
        [Q3, Q4],
    )
    assert (one.name, one.days, one.slips) == ("cause 7", 22, 4)
    assert one.by_quarter == [(Q3, 5), (Q4, 17)]
    assert one.by_program == [(A, 12), (B, 10)]
    assert [(cost.program.key, cost.quarter_on, cost.days, cost.slips) for cost in one.costs] == [
        ("A", Q3, 5, 1),
        ("A", Q4, 7, 2),
        ("B", Q4, 10, 1),
    ]


def test_what_costs_one_program_days_does_not_recur() -> None:
    alone = [slip(A, Q4, 30), slip(A, Q3, 30)]
    assert recurring(alone, [Q3, Q4]) == []
    # A team of the same id is not the cause of that id.
    assert recurring([*alone, slip(B, Q4, 1, kind=Kind.TEAM)], [Q3, Q4]) == []


def test_the_costliest_first() -> None:
    rows = [slip(of, Q4, days, pk=pk) for pk, days in ((1, 2), (2, 9), (3, 2)) for of in (A, B)]
    assert [one.id for one in recurring(rows, [Q4])] == [2, 1, 3]


def test_quarters_go_back_over_the_year() -> None:
    assert quarters_until(date(2026, 5, 20), 3) == [date(2025, 10, 1), date(2026, 1, 1), Q2]
    assert len(quarters_until(FRIDAY)) == 8


@given(
    st.lists(
        st.tuples(st.sampled_from([A, B]), st.integers(0, 400), st.integers(-9, 30), st.integers(1, 3)), max_size=30
    )
)
def test_nothing_is_lost_and_nothing_counts_twice(rows: list[tuple[Of, int, int, int]]) -> None:
    quarters = quarters_until(date(2026, 12, 31), 4)
    slips = [slip(of, date(2026, 1, 1) + timedelta(days=day), days, pk=pk) for of, day, days, pk in rows]
    for one in recurring(slips, quarters):
        mine = [s for s in slips if s.id == one.id and s.days > 0 and s.on.year == 2026]
        assert one.days == sum(s.days for s in mine) == sum(days for _, days in one.by_quarter)
        assert one.days == sum(days for _, days in one.by_program)
        assert one.slips == len(mine)
        assert len(one.by_program) == 2


# -- reading ---------------------------------------------------------------------------------------------------------


class World:
    """NA4 gives Power of the team Site to GPU and to private DARK, and Racks of no team to GPU."""

    def __init__(self, cast: Cast) -> None:
        self.cast = cast
        self.site = people.services.create_team(name="Site", by=cast.admin)
        self.gpu = programs.services.create_program(by=cast.admin, key="GPU", name="GPU fleet")
        self.power = self.milestone(cast.na4, "Power", team=self.site)
        self.scheduler = self.milestone(self.gpu, "Scheduler")
        self.secret = self.milestone(cast.dark, "Secret")

    def milestone(self, program: Program, name: str, **fields: Any) -> Milestone:
        return milestones.services.create_milestone(
            program=program, by=self.cast.admin, today=FRIDAY, name=name, target_on=date(2026, 12, 1), **fields
        )

    def move(self, milestone: Milestone, days: int, at: datetime = NOON, cause: SlipCause | None = None) -> None:
        milestone.refresh_from_db()
        assert milestone.target_on is not None
        milestones.services.change_milestone(
            milestone=milestone, by=self.cast.admin, today=FRIDAY, at=at, cause=cause or self.cast.cause,
            target_on=milestone.target_on + timedelta(days=days),
        )  # fmt: skip

    def hand_off(self, receiver: Milestone, need: date, promised: date | None = None) -> Dependency:
        return milestones.services.link(
            predecessor=self.power, successor=receiver, by=self.cast.admin, need_by_on=need, promised_on=promised
        )

    def found(self, viewer: User) -> dict[tuple[str, str], Recurring]:
        return {(one.kind.value, one.name): one for one in find(viewer, today=FRIDAY, zone=UTC_ZONE)}


@pytest.fixture
def world(cast: Cast) -> World:
    return World(cast)


def test_moved_targets_recur_by_their_cause(world: World) -> None:
    """Power 10 days in July and 4 now, Scheduler 3 now and then 2 back; program targets count as promises too."""
    world.move(world.power, 10, at=datetime(2026, 7, 2, tzinfo=UTC))
    world.move(world.power, 4)
    world.move(world.scheduler, 3)
    world.move(world.scheduler, -2)
    one = world.found(world.cast.outsider)["cause", "Supplier late"]
    assert (one.days, one.slips) == (17, 3)
    assert one.by_quarter[-2:] == [(Q3, 10), (Q4, 7)]
    assert [(of.key, days) for of, days in one.by_program] == [("NA4", 14), ("GPU", 3)]
    programs.services.change_program(program=world.gpu, by=world.cast.admin, target_on=date(2026, 12, 10))
    milestones.services.move_program_target(
        program=world.gpu, by=world.cast.admin, at=NOON, cause=world.cast.cause, target_on=date(2026, 12, 16)
    )
    assert world.found(world.cast.outsider)["cause", "Supplier late"].days == 23


def test_a_move_belongs_to_the_quarter_of_the_organisations_day(world: World) -> None:
    """Half past eleven at night on 30 September in UTC is October in Berlin."""
    late = datetime(2026, 9, 30, 23, 30, tzinfo=UTC)
    world.move(world.power, 5, at=late)
    world.move(world.scheduler, 5, at=late)
    for zone, quarter in (("UTC", Q3), ("Europe/Berlin", Q4)):
        [one] = find(world.cast.outsider, today=FRIDAY, zone=ZoneInfo(zone))
        assert [days for on, days in one.by_quarter if on == quarter] == [10]


def test_what_a_team_gives_late_recurs_by_the_team(world: World) -> None:
    """Promised 6 days late to GPU; its target moved 5 days in NA4, where GPU waits for it."""
    world.hand_off(world.scheduler, date(2026, 12, 4), date(2026, 12, 10))
    world.move(world.power, 5)
    one = world.found(world.cast.outsider)["team", "Site"]
    assert [(of.key, days) for of, days in one.by_program] == [("GPU", 6), ("NA4", 5)]
    assert one.by_quarter[-1] == (Q4, 11)  # a need that lies ahead counts now


def test_a_team_whose_milestones_nobody_waits_for_gives_nothing(world: World) -> None:
    other = world.milestone(world.gpu, "Their part", team=world.site)
    world.move(other, 5)
    world.move(world.power, 5)
    assert ("team", "Site") not in world.found(world.cast.outsider)


def test_late_by_its_delivery_or_until_today(world: World) -> None:
    """Needed on 10 November: not delivered, 10 days until the 20th; delivered on the 12th, 2 days; on the 9th, none."""
    link = world.hand_off(world.scheduler, date(2026, 11, 10))
    world.move(world.power, 1)

    def days() -> dict[str, int]:
        one = world.found(world.cast.outsider).get(("team", "Site"))
        return {of.key: days for of, days in one.by_program} if one else {}

    assert days() == {"GPU": 10, "NA4": 1}
    Dependency.objects.filter(pk=link.pk).update(promised_on=date(2026, 11, 25))
    assert days() == {"GPU": 15, "NA4": 1}
    Milestone.objects.filter(pk=world.power.pk).update(done_on=date(2026, 11, 12))
    assert days() == {"GPU": 2, "NA4": 1}
    Milestone.objects.filter(pk=world.power.pk).update(done_on=date(2026, 11, 9))
    assert days() == {}


def test_days_of_hidden_programs_count_for_those_alone_who_see_them(world: World) -> None:
    world.move(world.secret, 7)
    world.move(world.power, 3)
    world.hand_off(world.secret, date(2026, 11, 10))
    assert world.found(world.cast.outsider) == {}
    seen = world.found(world.cast.lead)
    assert [(of.key, days) for of, days in seen["cause", "Supplier late"].by_program] == [("DARK", 7), ("NA4", 3)]
    assert [(of.key, days) for of, days in seen["team", "Site"].by_program] == [("DARK", 10), ("NA4", 3)]
    assert costs_of(world.cast.outsider, world.cast.cause, None, today=FRIDAY, zone=UTC_ZONE) == []
    assert len(costs_of(world.cast.lead, None, world.site, today=FRIDAY, zone=UTC_ZONE)) == 2
    assert costs_of(world.cast.lead, None, None, today=FRIDAY, zone=UTC_ZONE) == []


@pytest.mark.parametrize("many", [1, 40])
def test_two_queries_whatever_the_size(world: World, many: int) -> None:
    others = Program.objects.bulk_create(Program(key=f"X{n}", name=f"Other {n}") for n in range(many))
    teams = Team.objects.bulk_create(Team(name=f"Team {n}") for n in range(many))
    rows = Milestone.objects.bulk_create(
        Milestone(program=of, name="Part", team=team) for of, team in zip(others, teams, strict=True)
    )
    causes = SlipCause.objects.bulk_create(SlipCause(name=f"Cause {n}") for n in range(many))
    DateMove.objects.bulk_create(
        DateMove(
            program=row.program, milestone=row, field="target", before_on=FRIDAY, after_on=FRIDAY + timedelta(days=3),
            cause=cause, by=world.cast.admin, at=NOON,
        )
        for row in rows
        for cause in causes
    )  # fmt: skip
    Dependency.objects.bulk_create(
        Dependency(predecessor=row, successor=world.scheduler, need_by_on=date(2026, 11, 10)) for row in rows
    )
    with CaptureQueriesContext(connection) as queries:
        found = find(world.cast.outsider, today=FRIDAY, zone=UTC_ZONE)
    assert len(queries) == 2
    assert len(found) == (many * 2 if many > 1 else 1)
