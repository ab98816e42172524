"""What keeps slipping: days by cause and by the team that gives, by quarter, where programs share them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from django.db.models import Exists, F, OuterRef, QuerySet

from milestones.models import DateMove, Dependency, SlipCause, is_awaited, is_given
from people.models import Team, Viewer
from programs.models import Program

QUARTERS = 8
# A cause or team that costs one program days is that program's matter.
FEWEST_PROGRAMS = 2


class Kind(StrEnum):
    CAUSE = "cause"
    TEAM = "team"


class Of(NamedTuple):
    """A program that a slip cost days."""

    id: int
    key: str
    name: str


class Slip(NamedTuple):
    """A promise that lies later than before, or than it is needed; by its cause or by the team that gives."""

    kind: Kind
    id: int
    name: str
    program: Of
    on: date
    days: int


class Cost(NamedTuple):
    """What one source cost one program in one quarter (its first day)."""

    program: Of
    quarter_on: date
    days: int
    slips: int


@dataclass(frozen=True)
class Recurring:
    """A cause, or a team that gives, which cost two or more programs days. ``costs`` in order of quarter and program.

    ``quarters`` are the first days of all quarters that were looked at, the oldest first.
    """

    kind: Kind
    id: int
    name: str
    quarters: Sequence[date]
    costs: Sequence[Cost]

    @cached_property
    def days(self) -> int:
        return sum(cost.days for cost in self.costs)

    @cached_property
    def slips(self) -> int:
        return sum(cost.slips for cost in self.costs)

    @cached_property
    def by_program(self) -> list[tuple[Of, int]]:
        """Days of each program, most first."""
        days: dict[Of, int] = defaultdict(int)
        for cost in self.costs:
            days[cost.program] += cost.days
        return sorted(days.items(), key=lambda item: (-item[1], item[0].id))

    @cached_property
    def by_quarter(self) -> list[tuple[date, int]]:
        """Days of each quarter, those without any included."""
        days: dict[date, int] = defaultdict(int)
        for cost in self.costs:
            days[cost.quarter_on] += cost.days
        return [(quarter, days[quarter]) for quarter in self.quarters]


def quarter_of(day: date) -> date:
    """The first day of the quarter in which a day lies.

    >>> quarter_of(date(2026, 11, 20))
    datetime.date(2026, 10, 1)
    """
    return date(day.year, (day.month - 1) // 3 * 3 + 1, 1)


def quarters_until(today: date, count: int = QUARTERS) -> list[date]:
    """First days of the last quarters, the present one included, oldest first.

    >>> quarters_until(date(2026, 2, 3), 3)
    [datetime.date(2025, 7, 1), datetime.date(2025, 10, 1), datetime.date(2026, 1, 1)]
    """
    found = [quarter_of(today)]
    while len(found) < count:
        found.append(quarter_of(found[-1] - timedelta(days=1)))
    return found[::-1]


def recurring(slips: Iterable[Slip], quarters: Sequence[date]) -> list[Recurring]:
    """Sources of slips in these quarters that two or more programs share, the costliest first."""
    cells: dict[tuple[Kind, int], dict[tuple[date, Of], list[int]]] = defaultdict(lambda: defaultdict(list))
    names: dict[tuple[Kind, int], str] = {}
    wanted = set(quarters)
    for slip in slips:
        quarter = quarter_of(slip.on)
        if slip.days > 0 and quarter in wanted:
            names[slip.kind, slip.id] = slip.name
            cells[slip.kind, slip.id][quarter, slip.program].append(slip.days)
    found = [
        Recurring(
            *source,
            names[source],
            quarters,
            [
                Cost(program, quarter, sum(days), len(days))
                for (quarter, program), days in sorted(cells[source].items())
            ],
        )
        for source in names
        if len({program for _, program in cells[source]}) >= FEWEST_PROGRAMS
    ]
    return sorted(found, key=lambda one: (-one.days, one.kind, one.id))


def find(viewer: Viewer, *, today: date, zone: tzinfo) -> list[Recurring]:
    """What recurs over the programs that the viewer sees, in the last quarters: two queries."""
    quarters = quarters_until(today)
    return recurring(_slips(viewer, today=today, since=quarters[0], zone=zone), quarters)


def costs_of(
    viewer: Viewer, cause: SlipCause | None, team: Team | None, *, today: date, zone: tzinfo
) -> Sequence[Cost]:
    """What a cause or a giving team costs the programs that the viewer sees; nothing where it does not recur."""
    wanted = (Kind.CAUSE, cause.pk) if cause else (Kind.TEAM, team.pk) if team else None
    if wanted is None:
        return []
    return next((one.costs for one in find(viewer, today=today, zone=zone) if (one.kind, one.id) == wanted), [])


def _slips(viewer: Viewer, *, today: date, since: date, zone: tzinfo) -> Iterable[Slip]:
    programs = Program.objects.visible_to(viewer)
    yield from _moves(programs, since, zone)
    yield from _late_hand_offs(programs, today, since)


def _moves(programs: QuerySet[Program], since: date, zone: tzinfo) -> Iterable[Slip]:
    """Promised dates that moved later: by cause; and by team where another program waits for the milestone.

    A promise to a receiver that moved counts to its team as a late hand-off, not here: it would count twice.
    """
    given = Dependency.objects.hand_offs().filter(
        predecessor=OuterRef("milestone"), successor__program__in=programs, predecessor__cancelled_on=None
    )
    rows = (
        DateMove.objects.filter(program__in=programs, at__gte=datetime.combine(since, time.min, zone))
        .filter(after_on__gt=F("before_on"))
        .annotate(gives=Exists(given))
        .order_by("pk")
    )
    columns = (
        "cause_id", "cause__name", "milestone__team_id", "milestone__team__name", "gives", "field", "at",
        "before_on", "after_on", "program_id", "program__key", "program__name",
    )  # fmt: skip
    for cause, cause_name, team, team_name, gives, field, at, before_on, after_on, *of in rows.values_list(*columns):
        program, on, days = Of(*of), at.astimezone(zone).date(), (after_on - before_on).days
        yield Slip(Kind.CAUSE, cause, cause_name, program, on, days)
        if team and gives and field == DateMove.Field.TARGET:
            yield Slip(Kind.TEAM, team, team_name, program, on, days)


def _late_hand_offs(programs: QuerySet[Program], today: date, since: date) -> Iterable[Slip]:
    """Hand-offs promised or delivered later than needed, by the team that gives; the receiver bears the days.

    One that is past its need and neither delivered nor promised anew is late until today. A need that lies ahead counts
    in this quarter.
    """
    rows = (
        Dependency.objects.hand_offs()
        .live()
        .with_given_on()
        .filter(is_given() | is_awaited(), predecessor__program__in=programs, successor__program__in=programs)
        .filter(need_by_on__gte=since, predecessor__team__isnull=False)
        .order_by("pk")
    )
    columns = (
        "predecessor__team_id", "predecessor__team__name", "need_by_on", "promised_on", "given_on",
        "successor__program_id", "successor__program__key", "successor__program__name",
    )  # fmt: skip
    for team, name, need_by_on, promised_on, given_on, *of in rows.values_list(*columns):
        there_on = given_on or max(promised_on or need_by_on, today)
        yield Slip(Kind.TEAM, team, name, Of(*of), min(need_by_on, today), (there_on - need_by_on).days)
