"""A plan that is not in a program yet: of a template laid out on days, or of a program copied to other days."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from graphlib import TopologicalSorter

from django.core.exceptions import ValidationError
from django.db.models import Prefetch
from django.utils.translation import gettext as _

from forecasts.calendars import day_number, load_calendars
from milestones.models import Dependency, Milestone
from programs.models import GateCriterion, Phase, Precision, Program
from risks.models import Risk, RiskImpact

FURTHEST = timedelta(days=20 * 366)


def refuse_far(day: date, today: date) -> None:
    """Refuse to count a plan from a day that nobody can mean."""
    if abs(day - today) > FURTHEST:
        raise ValidationError(_("Give a day within twenty years."), code="far")


class WorkingDays:
    """The days on which the organisation works: its week without its holidays."""

    def __init__(self) -> None:
        calendars = load_calendars()
        calendar = calendars.by_id[calendars.of(None)]
        self.week = [bool(hours) for hours in calendar.week]
        self.holidays = calendar.holidays

    def is_working(self, day: date) -> bool:
        return self.week[day.weekday()] and day_number(day) not in self.holidays

    def away(self, day: date, count: int) -> date:
        """The working day that lies ``count`` working days after a day, or before it; 0 is that day or the next."""
        step = timedelta(days=-1 if count < 0 else 1)
        while not self.is_working(day):
            day += step
        for _step in range(abs(count)):
            day += step
            while not self.is_working(day):
                day += step
        return day


@dataclass(frozen=True)
class Wait:
    """What an item waits for, and how."""

    item: str
    kind: str = Dependency.Kind.FS
    lag: int = 0


@dataclass(frozen=True)
class Item:
    """A milestone to be; work in minutes. ``code`` names it within its plan."""

    code: str
    name: str
    stream: str = ""
    kind: str = Milestone.Kind.DELIVERABLE
    work: tuple[int | None, int | None, int | None] = (None, None, None)
    waits: tuple[Wait, ...] = ()
    finish_on: date | None = None
    not_before_on: date | None = None
    target_on: date | None = None
    target_precision: str = Precision.DAY
    is_end: bool = False
    team_id: int | None = None


@dataclass(frozen=True)
class Gate:
    """A phase to be, with what must be true at its gate."""

    kind: str
    starts_on: date | None = None
    gate_on: date | None = None
    criteria: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return str(Phase.Kind(self.kind).label)


@dataclass(frozen=True)
class Hit:
    """What a threat costs an item, in working minutes at best, likely and at worst."""

    item: str
    low: int
    likely: int
    high: int


@dataclass(frozen=True)
class Threat:
    """A risk to be; ``fields`` are those of its row."""

    title: str
    fields: dict[str, object]
    hits: tuple[Hit, ...] = ()


@dataclass(frozen=True)
class Plan:
    """All that a new program begins with."""

    streams: tuple[str, ...] = ()
    items: tuple[Item, ...] = ()
    gates: tuple[Gate, ...] = ()
    threats: tuple[Threat, ...] = ()
    start_on: date | None = None
    target_on: date | None = None
    target_precision: str = Precision.DAY

    def moved(self, by: timedelta) -> Plan:
        """The same plan with all its days moved; a whole month or quarter becomes a day, for it is none any more."""

        def to(day: date | None) -> date | None:
            return day + by if day else None

        def exact(precision: str) -> str:
            return Precision.DAY if by else precision

        items = [
            replace(
                item,
                finish_on=to(item.finish_on),
                not_before_on=to(item.not_before_on),
                target_on=to(item.target_on),
                target_precision=exact(item.target_precision),
            )
            for item in self.items
        ]
        gates = [replace(gate, starts_on=to(gate.starts_on), gate_on=to(gate.gate_on)) for gate in self.gates]
        return replace(
            self,
            items=tuple(items),
            gates=tuple(gates),
            start_on=to(self.start_on),
            target_on=to(self.target_on),
            target_precision=exact(self.target_precision),
        )

    def chosen(self, names: dict[str, str], *, gates: bool, threats: bool) -> Plan:
        """The plan with other names, and with or without its gates and threats.

        An item with an empty name is left out, and what waited for it waits for what it did. The end stays: without it
        there is no forecast. Raises ValidationError where a name is for no item.
        """
        unknown = sorted(names.keys() - {item.code for item in self.items})
        if unknown:
            raise ValidationError(
                {"names": [_("There is no milestone “%(name)s”.") % {"name": unknown[0]}]}, code="unknown"
            )
        gone = {item.code for item in self.items if names.get(item.code) == "" and not item.is_end}
        waits_of = {item.code: item.waits for item in self.items}

        # What stands behind each item that goes, worked out once: each after those that it waits for.
        behind: dict[str, dict[tuple[str, str], Wait]] = {}

        def kept(waits: tuple[Wait, ...]) -> dict[tuple[str, str], Wait]:
            found: dict[tuple[str, str], Wait] = {}
            for wait in waits:
                found |= behind[wait.item] if wait.item in gone else {(wait.item, wait.kind): wait}
            return found

        for code in TopologicalSorter(
            {code: {wait.item for wait in waits_of[code]} & gone for code in gone}
        ).static_order():
            behind[code] = kept(waits_of[code])

        items = [
            replace(item, name=names.get(item.code) or item.name, waits=tuple(kept(item.waits).values()))
            for item in self.items
            if item.code not in gone
        ]
        kept_threats = [
            replace(threat, hits=tuple(hit for hit in threat.hits if hit.item not in gone)) for threat in self.threats
        ]
        used = {item.stream for item in items}
        return replace(
            self,
            streams=tuple(stream for stream in self.streams if stream in used),
            items=tuple(items),
            gates=self.gates if gates else (),
            threats=tuple(kept_threats) if threats else (),
        )


def plan_of(program: Program) -> Plan:
    """The plan of a program, for a copy: what is in it alone, as it was planned and not how far it has come.

    Hand-offs to other programs, people, decisions and what was done stay behind; cancelled milestones do too.
    """
    rows = list(program.milestones.filter(cancelled_on=None).select_related("workstream", "forecast").order_by("id"))
    rows.sort(key=lambda row: (row.workstream.position, row.workstream.pk) if row.workstream else (1 << 31, 0))
    ids = {row.pk for row in rows}
    waits: dict[int, list[Wait]] = {}
    links = Dependency.objects.filter(predecessor__program=program, successor__program=program).order_by("id")
    for link in links:
        if {link.predecessor_id, link.successor_id} <= ids:
            waits.setdefault(link.successor_id, []).append(Wait(str(link.predecessor_id), link.kind, link.lag))
    items = [
        Item(
            code=str(row.pk),
            name=row.name,
            stream=row.workstream.name if row.workstream else "",
            kind=row.kind,
            work=(row.work_low, row.work_likely, row.work_high),
            waits=tuple(waits.get(row.pk, ())),
            finish_on=row.done_on or (row.forecast.finish_on if hasattr(row, "forecast") else None) or row.target_on,
            not_before_on=row.not_before_on,
            target_on=row.target_on,
            target_precision=row.target_precision,
            is_end=row.is_end,
            team_id=row.team_id,
        )
        for row in rows
    ]
    phases = program.phases.prefetch_related(Prefetch("criteria", GateCriterion.objects.order_by("id")))
    gates = [
        Gate(phase.kind, phase.starts_on, phase.gate_on, tuple(row.text for row in phase.criteria.all()))
        for phase in sorted(phases, key=lambda phase: Phase.Kind.values.index(phase.kind))
    ]
    days = [day for item in items for day in (item.not_before_on, item.target_on, item.finish_on) if day]
    days += [gate.starts_on for gate in gates if gate.starts_on]
    return Plan(
        streams=tuple(program.workstreams.order_by("position", "id").values_list("name", flat=True)),
        items=tuple(items),
        gates=tuple(gates),
        threats=tuple(_threats(program, ids)),
        start_on=min(days, default=None),
        target_on=program.target_on,
        target_precision=program.target_precision,
    )


def _threats(program: Program, ids: set[int]) -> list[Threat]:
    kept = (
        "cause", "event", "effect", "probability", "residual_probability", "likelihood_score", "impact_score",
        "response", "mitigation",
    )  # fmt: skip
    impacts = Prefetch("impacts", RiskImpact.objects.order_by("id"))
    return [
        Threat(
            risk.title,
            {name: getattr(risk, name) for name in kept},
            tuple(
                Hit(str(hit.milestone_id), hit.low, hit.likely, hit.high)
                for hit in risk.impacts.all()
                if hit.milestone_id in ids
            ),
        )
        for risk in Risk.objects.filter(program=program).open().prefetch_related(impacts).order_by("id")
    ]
