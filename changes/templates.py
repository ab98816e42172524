"""The shape of a template of a program, and how it is laid out on days. The templates stand in ``catalogue``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from changes.plans import Gate, Hit, Item, Plan, Threat, Wait, WorkingDays
from milestones.models import Milestone
from programs.models import Phase

DAY = 480  # minutes


@dataclass(frozen=True)
class Step:
    """A milestone: its name, its working days at best, likely and at worst, and the codes of what it waits for."""

    code: str
    name: str
    days: tuple[int, int, int]
    after: tuple[str, ...] = ()
    kind: Milestone.Kind = Milestone.Kind.DELIVERABLE


@dataclass(frozen=True)
class Stream:
    name: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Review:
    """A phase that ends at a gate, on the day on which a step is expected."""

    kind: Phase.Kind
    at: str
    criteria: tuple[str, ...]


@dataclass(frozen=True)
class Danger:
    """A typical risk: what may happen and why, how probable that is, and the days that it costs a step."""

    title: str
    cause: str
    effect: str
    probability: str
    hits: str
    days: tuple[int, int, int]
    mitigation: str


@dataclass(frozen=True)
class Template:
    """``reserve`` is the share of the likely length that lies between the plan's end and the target."""

    slug: str
    name: str
    summary: str
    streams: tuple[Stream, ...]
    reviews: tuple[Review, ...] = ()
    dangers: tuple[Danger, ...] = ()
    end: str = "end"
    reserve: float = 0.25

    @property
    def steps(self) -> Iterator[tuple[str, Step]]:
        return ((stream.name, step) for stream in self.streams for step in stream.steps)

    @property
    def count(self) -> int:
        return sum(len(stream.steps) for stream in self.streams)

    def _ends(self) -> dict[str, int]:
        """Working days from the start to the end of each step, when all take as long as is likely."""
        steps = {step.code: step for _, step in self.steps}
        ends: dict[str, int] = {}

        def end(code: str) -> int:
            if code not in ends:
                step = steps[code]
                ends[code] = max((end(before) for before in step.after), default=0) + step.days[1]
            return ends[code]

        for code in steps:
            end(code)
        return ends

    @property
    def length(self) -> int:
        """Working days from the start to the target."""
        return round(self._ends()[self.end] * (1 + self.reserve))

    def lay_out(self, days: WorkingDays, *, start_on: date | None = None, target_on: date | None = None) -> Plan:
        """The template on days: forwards from a start, or backwards from a target, by working days.

        Gates and launches are promised with their part of the reserve; other work is expected, and not promised.
        """
        length, ends = self.length, self._ends()
        if target_on is not None:
            start_on = days.away(target_on, 1 - length)
        elif start_on is None:
            raise ValueError("Give the day it starts or its target.")
        first = days.away(start_on, 0)
        stretch = length / ends[self.end] if ends[self.end] else 1.0
        on = {code: days.away(first, max(round(end), 1) - 1) for code, end in ends.items()}
        items = [
            Item(
                code=step.code,
                name=step.name,
                stream=stream,
                kind=step.kind,
                work=(step.days[0] * DAY, step.days[1] * DAY, step.days[2] * DAY),
                waits=tuple(Wait(before) for before in step.after),
                finish_on=on[step.code],
                not_before_on=None if step.after else first,
                target_on=days.away(first, max(round(ends[step.code] * stretch), 1) - 1)
                if step.kind != Milestone.Kind.DELIVERABLE and step.code != self.end
                else None,
                is_end=step.code == self.end,
            )
            for stream, step in self.steps
        ]
        starts = [first, *(on[review.at] for review in self.reviews)]
        gates = [
            Gate(review.kind, starts[place], on[review.at], review.criteria)
            for place, review in enumerate(self.reviews)
        ]
        return Plan(
            streams=tuple(stream.name for stream in self.streams),
            items=tuple(items),
            gates=tuple(gates),
            threats=tuple(_threat(danger) for danger in self.dangers),
            start_on=first,
            target_on=target_on or days.away(first, length - 1),
        )


def _threat(danger: Danger) -> Threat:
    low, likely, high = (days * DAY for days in danger.days)
    fields = {
        "event": danger.title,
        "cause": danger.cause,
        "effect": danger.effect,
        "probability": Decimal(danger.probability),
        "response": "mitigate",
        "mitigation": danger.mitigation,
    }
    return Threat(danger.title, fields, (Hit(danger.hits, low, likely, high),))
