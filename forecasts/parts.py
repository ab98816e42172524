"""What a slip is made of, and which of it changed from one day to another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from forecasts.health import SLIP_RULES, WEIGHED_RULES

UNCERTAIN = WEIGHED_RULES | {"range"}
UNWEIGHED = ("range", "", 0, 0)
# What a part speaks of: its rule; kind, program and id of its record.
Key = tuple[str, str, int, int]
Part = Mapping[str, Any]


class Changed(NamedTuple):
    """A part of a slip with its days now, and before."""

    part: Part
    after: int
    was: int

    @property
    def days(self) -> int:
        """Days by which it grew."""
        return self.after - self.was


def parts_of(findings: Iterable[Any], *, weighed: bool = True) -> dict[Key, Part]:
    """Parts of a slip by what they speak of. Two of a kind, as of private programs, count as one.

    Without ``weighed`` all that is uncertain is one part.
    """
    found: dict[Key, Part] = {}
    for item in findings:
        if item["rule"] not in SLIP_RULES or item["days"] is None:
            continue
        record = item["record"]
        key = (item["rule"], record["kind"], record["program"] or 0, record["id"] or 0)
        if not weighed and item["rule"] in UNCERTAIN:
            key, item = UNWEIGHED, dict(item) | {"rule": "range", "value": None}
        found[key] = dict(item) | {"days": item["days"] + _days(found.get(key))}
    return found


def sum_of(parts: Mapping[Key, Part]) -> int:
    return sum(_days(part) for part in parts.values())


def changed(now: Iterable[Any], before: Iterable[Any]) -> list[Changed]:
    """Of two days' findings the parts whose days differ, now's first. They add up to what the slip moved by.

    Two forecasts compare where both are weighed; else what is uncertain counts as one part.

    >>> work = {"rule": "own_work", "record": {"kind": "milestone", "id": 1, "program": 1}}
    >>> risk = {"rule": "risk", "record": {"kind": "risk", "id": 7, "program": 1}}
    >>> before = [work | {"days": 3}, work | {"rule": "range", "days": 5}]
    >>> told = changed([work | {"days": 9}, risk | {"days": 4}], before)
    >>> [(one.part["rule"], one.was, one.after, one.days) for one in told]
    [('own_work', 3, 9, 6), ('range', 5, 4, -1)]
    """
    sides = [list(now), list(before)]
    weighed = not any(item["rule"] == "range" for side in sides for item in side)
    after, was = (parts_of(side, weighed=weighed) for side in sides)
    found = [
        Changed(after.get(key) or was[key], _days(after.get(key)), _days(was.get(key)))
        for key in dict.fromkeys([*after, *was])
    ]
    return [one for one in found if one.days]


def weightiest(parts: Iterable[Changed], most: int) -> tuple[list[Changed], list[Changed]]:
    """So many parts that count most, and the others; first what pulls the way that the sum goes.

    A single other part is told, too: to sum it up says no less.
    """
    found = list(parts)
    way = 1 if sum(one.days for one in found) > 0 else -1
    ordered = sorted(found, key=lambda one: -way * one.days)
    if len(ordered) <= most + 1:
        return ordered, []
    heaviest = sorted(ordered, key=lambda one: -abs(one.days))[:most]
    return [one for one in ordered if one in heaviest], [one for one in ordered if one not in heaviest]


def _days(part: Part | None) -> int:
    return part["days"] if part else 0
