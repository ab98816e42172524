"""Who answers for a part of a slip, so that whoever reads it knows whom to ask."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from django.db.models import QuerySet, Value

from forecasts.health import SLIP_RULES
from milestones.models import Milestone
from programs.models import Program
from risks.models import Risk

# Of these a whole program answers; what several programs bear together has no one owner.
OF_ALL = frozenset({"reserve", "range", "risks", "own_range"})
NOBODYS = frozenset({"upstream_range"})


class Owner(NamedTuple):
    pk: int
    name: str


# By the kind and id of a record; that of a program is its lead.
Owners = Mapping[tuple[str, int], Owner]


def owner_of(finding: Mapping[str, Any], program: int, owners: Owners) -> Owner | None:
    """The owner of a milestone or risk of this program, else the lead of the program that the part is about."""
    rule, record = finding.get("rule"), finding.get("record")
    if rule not in SLIP_RULES - NOBODYS or not isinstance(record, Mapping):
        return None
    own = None
    if rule not in OF_ALL and record.get("program") == program:
        own = owners.get((str(record.get("kind")), record.get("id") or 0))
    return own or owners.get(("program", record.get("program") or 0))


def owners_of(findings: Iterable[Mapping[str, Any]], visible: Collection[int]) -> dict[tuple[str, int], Owner]:
    """Who owns what these findings speak of and leads their programs, of visible programs alone: one query."""
    records = [item["record"] for item in findings if item["record"].get("program") in visible]
    programs = {record["program"] for record in records}

    def named(kind: str, rows: QuerySet[Any], role: str) -> Any:
        rows = rows.exclude(**{role: None}).order_by()
        return rows.annotate(of=Value(kind)).values_list("pk", role, f"{role}__name", "of")

    ids = {kind: [record["id"] for record in records if record["kind"] == kind] for kind in ("milestone", "risk")}
    found = named("program", Program.objects.filter(pk__in=programs), "lead").union(
        named("milestone", Milestone.objects.filter(pk__in=ids["milestone"], program__in=programs), "owner"),
        named("risk", Risk.objects.filter(pk__in=ids["risk"], program__in=programs), "owner"),
        all=True,
    )
    return {(kind, pk): Owner(person, name) for pk, person, name, kind in found}
