"""What a sentence names as its sources, and what all rules share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from reports.since import NEWS
from reports.updates.drafting.sentences import Sentence, Source, Value

Facts = Mapping[str, Any]
Row = Mapping[str, Any]

# Of one rule; what follows is summed up.
MOST_OF_A_RULE = 4


def source(facts: Facts, kind: str, row: Row, field: str, name: str = "", *, changed: bool = False) -> Source:
    """A field of a record of this program; with how it stood before, where that is told."""
    was = row.get("was") or {}
    return Source(
        kind=kind,
        id=row["id"],
        program=facts["program"],
        name=name or str(row.get("name") or row.get("title") or ""),
        field=field,
        before=was.get(field) if changed else None,
        after=row[field],
        at=facts["at"],
        before_at=facts["since"]["at"] if changed else "",
    )


def derived_source(facts: Facts, field: str, *, changed: bool = False) -> Source:
    """A field of derived health, as the run left it."""
    now, before = facts["derived"], facts["derived_before"] or {}
    return Source(
        kind="program",
        id=facts["program"],
        program=facts["program"],
        name="",
        field=field,
        before=before.get(field) if changed else None,
        after=now[field],
        at=facts["at"],
        before_at=facts["since"]["at"] if changed else "",
        run=now["run"],
    )


def finding_source(facts: Facts, item: Row, *, before: Value = None, changed: bool = False) -> Source:
    """The days of a part of the slip."""
    record = item["record"]
    return Source(
        kind=record["kind"],
        id=record["id"] or 0,
        program=record["program"] or facts["program"],
        name=item["label"],
        field=f"{item['rule']}.days",
        before=before,
        after=item["days"] or 0,
        at=facts["at"],
        before_at=facts["since"]["at"] if changed else "",
        run=facts["derived"]["run"],
    )


def at_most(rule: str, found: Iterable[Sentence], rest: Callable[[int], str]) -> Iterator[Sentence]:
    """The first sentences of a rule, and one that counts the others."""
    every = list(found)
    shown = every if len(every) <= MOST_OF_A_RULE + 1 else every[:MOST_OF_A_RULE]
    yield from shown
    if others := every[len(shown) :]:
        yield Sentence(rule, rest(len(others)), tuple(sentence.sources[0] for sentence in others), about="more")


def recent(on: str | None, facts: Facts) -> bool:
    """What was recorded only now but happened long before, as an import records it, is no news."""
    return bool(on) and date.fromisoformat(str(on)) >= date.fromisoformat(facts["since"]["day"]) - NEWS


def was(row: Row, field: str) -> Any:
    """How a field stood when the last update was published; None where the row was not there."""
    return (row.get("was") or {}).get(field)
