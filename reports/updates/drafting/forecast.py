"""Sentences from the forecast: derived health that turned, P80 against the target, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from forecasts.health import SLIP_RULES, WEIGHED_RULES
from programs.models import Health
from reports.updates.drafting.sentences import (
    MOST_WORDS,
    PRIVATE,
    Sentence,
    against,
    against_target,
    between,
    day,
    days,
    quoted,
    signed,
)
from reports.updates.drafting.sources import Facts, Row, derived_source, finding_source

MOST_CAUSES = 3
UNCERTAIN = WEIGHED_RULES | {"range"}
UNWEIGHED = ("range", "", 0, 0)


def health(facts: Facts) -> Iterator[Sentence]:
    """Derived health that turned."""
    now, before = facts["derived"], facts["derived_before"]
    if now and before and now["health"] != before["health"]:
        words = [Health(row["health"]).label.lower() for row in (before, now)]
        text = f"By the data the program is {words[1]}; on {day(facts['since']['day'])} it was {words[0]}."
        yield Sentence("health", text, (derived_source(facts, "health", changed=True),))


def slip(facts: Facts) -> Iterator[Sentence]:
    """P80 against the target, and how far it moved."""
    now, before = facts["derived"], facts["derived_before"] or {}
    if not now or not now["p80_on"] or now["health"] == Health.DONE:
        return
    text = f"P80 is {day(now['p80_on'])}"
    sources = [derived_source(facts, "p80_on", changed=bool(before.get("p80_on")))]
    if now["target_on"]:
        text += f", {against_target(now['p80_on'], now['target_on'])}"
        sources.append(derived_source(facts, "target_on"))
    if before.get("p80_on"):
        moved = between(now["p80_on"], before["p80_on"])
        since = day(facts["since"]["day"])
        text += f"; {against(moved, f'on {since}')}" if moved else f"; unchanged since {since}"
    yield Sentence("slip", f"{text}.", tuple(sources))


def causes(facts: Facts) -> Iterator[Sentence]:
    """Why P80 is later than the target, or than it was: parts that add up to the days."""
    now, before = facts["derived"], facts["derived_before"]
    if not now or not now["target_on"] or (now["slip_days"] or 0) <= 0:
        return
    # Two forecasts compare where both are weighed; else what is uncertain counts as one.
    weighed = not any(item["rule"] == "range" for row in (now, before) if row for item in row["findings"])
    parts, parts_before = _parts(now), {}
    if before:
        parts, parts_before = _parts(now, weighed=weighed), _parts(before, weighed=weighed)
    total, total_before = _sum(parts), _sum(parts_before)
    moved = total - total_before
    told_before = before and before["slip_days"] == total_before and before["target_on"] == now["target_on"]
    if total != now["slip_days"]:
        return
    # A change of a few days says more of this week than the sum of all weeks.
    if told_before and moved and total_before:
        keys = list(dict.fromkeys([*parts, *parts_before]))
        changed = [(key, _days(parts.get(key)), _days(parts_before.get(key))) for key in keys]
        yield _because(
            facts,
            f"Why P80 is {days(moved)} {'later' if moved > 0 else 'earlier'} than on {day(facts['since']['day'])}",
            [(parts.get(key) or parts_before[key], after, was) for key, after, was in changed if after != was],
            changed=True,
        )
    heading = f"Why P80 is {days(total)} later than the target"
    yield _because(facts, heading, [(part, _days(part), 0) for part in _parts(now).values()], changed=False)


def _because(facts: Facts, heading: str, parts: list[tuple[Row, int, int]], *, changed: bool) -> Sentence:
    # First what pulls the way that the sum goes.
    way = 1 if sum(after - was for _, after, was in parts) > 0 else -1
    ordered = sorted(parts, key=lambda part: -way * (part[1] - part[2]))
    weightiest = sorted(ordered, key=lambda part: -abs(part[1] - part[2]))
    # As many as a sentence of a readable length can name.
    for most in range(MOST_CAUSES, 0, -1):
        shown = ordered if len(ordered) <= most + 1 else [part for part in ordered if part in weightiest[:most]]
        words = [f"{signed(after - was)} {_cause(facts, part)}" for part, after, was in shown]
        rest = [part for part in ordered if part not in shown]
        if rest:
            words.append(f"{signed(sum(after - was for _, after, was in rest))} everything else")
        text = f"{heading}: {', '.join(words)}."
        if len(text.split()) <= MOST_WORDS:
            break
    sources = [
        finding_source(facts, dict(part) | {"days": after}, before=was if changed else None, changed=changed)
        for part, after, was in [*shown, *rest]
    ]
    which = (
        [derived_source(facts, "p80_on", changed=True)]
        if changed
        else [derived_source(facts, "p80_on"), derived_source(facts, "target_on")]
    )
    return Sentence("causes", text, (*which, *sources), about="change" if changed else "target")


def _parts(derived: Row, *, weighed: bool = True) -> dict[tuple[str, str, int, int], Row]:
    """Parts of a slip by what they speak of. Two of a kind, as of private programs, count as one."""
    found: dict[tuple[str, str, int, int], Row] = {}
    for item in derived["findings"]:
        if item["rule"] in SLIP_RULES and item["days"] is not None:
            record = item["record"]
            key = (item["rule"], record["kind"], record["program"] or 0, record["id"] or 0)
            if not weighed and item["rule"] in UNCERTAIN:
                key = UNWEIGHED
                item = dict(item) | {"rule": "range"}
            found[key] = dict(item) | {"days": item["days"] + _days(found.get(key))}
    return found


def _days(part: Row | None) -> int:
    return part["days"] if part else 0


def _sum(parts: Mapping[Any, Row]) -> int:
    return sum(_days(part) for part in parts.values())


def _cause(facts: Facts, part: Row) -> str:
    """What added the days, in a few words. Of a private program, only that it is one."""
    rule, record = part["rule"], part["record"]
    here = record["program"] in (None, facts["program"])
    program = "" if here else facts["others"].get(str(record["program"]), "")
    hidden = not here and not program
    name = PRIVATE if hidden else quoted(part["label"])
    words = {
        "upstream": f"waiting for {name}",
        "own_work": f"work on {name}",
        "scope": f"scope added before {name}",
        "reserve": "reserve of the plan" if part["days"] < 0 else "a plan that ends after the target",
        "calendar": f"holidays before {name}",
        "risk": f"a risk of {name}" if hidden else f"risk R-{record['id']}",
        "risks": "all other open risks",
        "range": "uncertain work and open risks",
        "own_range": "how long own work may take",
        "upstream_range": "how long other programs may take",
    }
    return words.get(rule, str(rule))
