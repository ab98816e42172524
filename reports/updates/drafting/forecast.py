"""Sentences from the forecast: derived health that turned, P80 against the target, and why."""

from __future__ import annotations

from collections.abc import Iterator

from forecasts.parts import Changed, changed, parts_of, sum_of, weightiest
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
    parts = parts_of(now["findings"])
    total = sum_of(parts)
    if total != now["slip_days"]:
        return
    total_before = sum_of(parts_of(before["findings"])) if before else 0
    told_before = before and before["slip_days"] == total_before and before["target_on"] == now["target_on"]
    # A change of a few days says more of this week than the sum of all weeks.
    if before and told_before and total_before and (moved := total - total_before):
        heading = f"Why P80 is {days(moved)} {'later' if moved > 0 else 'earlier'} than on {day(facts['since']['day'])}"
        yield _because(facts, heading, changed(now["findings"], before["findings"]), is_change=True)
    heading = f"Why P80 is {days(total)} later than the target"
    whole = [Changed(part, part["days"], 0) for part in parts.values()]
    yield _because(facts, heading, whole, is_change=False)


def _because(facts: Facts, heading: str, parts: list[Changed], *, is_change: bool) -> Sentence:
    # As many as a sentence of a readable length can name.
    for most in range(MOST_CAUSES, 0, -1):
        shown, rest = weightiest(parts, most)
        words = [f"{signed(one.days)} {_cause(facts, one.part)}" for one in shown]
        if rest:
            words.append(f"{signed(sum(one.days for one in rest))} from smaller parts")
        text = f"{heading}: {', '.join(words)}."
        if len(text.split()) <= MOST_WORDS:
            break
    sources = [
        finding_source(
            facts, dict(one.part) | {"days": one.after}, before=one.was if is_change else None, changed=is_change
        )
        for one in (*shown, *rest)
    ]
    which = (
        [derived_source(facts, "p80_on", changed=True)]
        if is_change
        else [derived_source(facts, "p80_on"), derived_source(facts, "target_on")]
    )
    return Sentence("causes", text, (*which, *sources), about="change" if is_change else "target")


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
