"""Sentences from the plan: milestones met and missed, dates that moved, baselines, hand-offs promised too late."""

from __future__ import annotations

from collections.abc import Iterator

from milestones.models import DateMove, due_of
from reports.updates.drafting.sentences import PRIVATE, Sentence, Source, against_target, between, day, days, quoted
from reports.updates.drafting.sources import Facts, Row, at_most, recent, source, was


def due_on(facts: Facts, row: Row) -> str | None:
    found: str | None = due_of(row["is_end"], row["target_on"], facts["target_on"])
    return found


def due_source(facts: Facts, row: Row) -> Source:
    """What an end is held against is a field of its program, where that has one."""
    if row["is_end"] and facts["target_on"]:
        return source(facts, "program", {"id": facts["program"], "target_on": facts["target_on"]}, "target_on")
    return source(facts, "milestone", row, "target_on")


def met(facts: Facts) -> Iterator[Sentence]:
    """Milestones that were done since."""
    rows = [row for row in facts["milestones"] if row["done_on"] and not was(row, "done_on")]
    rows = [row for row in rows if recent(row["done_on"], facts)]

    def told(row: Row) -> Sentence:
        text = f"Done on {day(row['done_on'])}"
        sources = [source(facts, "milestone", row, "done_on", changed=True)]
        if due := due_on(facts, row):
            text += f", {against_target(row['done_on'], due)}"
            sources.append(due_source(facts, row))
        return Sentence("met", f"{text}: {quoted(row['name'])}.", tuple(sources))

    ordered = sorted(rows, key=lambda row: (not row["is_end"], row["done_on"], row["id"]))
    return at_most("met", map(told, ordered), lambda count: f"{count} more milestones were done.")


def missed(facts: Facts) -> Iterator[Sentence]:
    """Milestones whose target passed since the last update while they are open."""
    since, today = facts["since"]["day"], facts["day"]
    rows = [
        row
        for row in facts["milestones"]
        if not row["done_on"] and not row["cancelled_on"] and since <= (due_on(facts, row) or "") < today
    ]

    def told(row: Row) -> Sentence:
        due = due_on(facts, row) or ""
        text = f"Target of {day(due)} missed: {quoted(row['name'])}"
        sources = [source(facts, "milestone", row, "done_on"), due_source(facts, row)]
        if row["forecast_on"]:
            late = between(row["forecast_on"], due)
            text += f", P80 is {day(row['forecast_on'])}, {days(late)} later" if late > 0 else ""
            sources.append(source(facts, "milestone", row, "forecast_on"))
        return Sentence("missed", f"{text}.", tuple(sources))

    ordered = sorted(rows, key=lambda row: (not row["is_end"], due_on(facts, row), row["id"]))
    return at_most("missed", map(told, ordered), lambda count: f"{count} more milestones missed their target.")


MOVED = {
    DateMove.Field.PROGRAM_TARGET: "The program’s target",
    DateMove.Field.TARGET: "Target of {name}",
    DateMove.Field.PROMISED: "Promise for {name}",
}


def moves(facts: Facts) -> Iterator[Sentence]:
    """Promised dates that were moved since, with their cause."""

    def told(row: Row) -> Sentence:
        what = MOVED[DateMove.Field(row["field"])].format(name=quoted(row["name"] or "a hand-off"))
        if row["after_on"]:
            text = f"moved from {day(row['before_on'])} to {day(row['after_on'])}"
            text += (
                f", {days(moved := between(row['after_on'], row['before_on']))} {'later' if moved > 0 else 'earlier'}"
            )
        else:
            text = f"of {day(row['before_on'])} was taken back"
        name = row["name"] or ""
        sources = tuple(
            Source("date_move", row["id"], facts["program"], name, field, None, row[field], row["at"])
            for field in ("before_on", "after_on", "cause")
        )
        return Sentence("moves", f"{what} {text}: {row['cause'].lower()}.", sources)

    ordered = sorted(facts["moves"], key=lambda row: (row["field"] != DateMove.Field.PROGRAM_TARGET, row["id"]))
    return at_most("moves", map(told, ordered), lambda count: f"{count} more promised dates were moved.")


def baselines(facts: Facts) -> Iterator[Sentence]:
    for row in facts["baselines"]:
        text = f"Baseline {quoted(row['name'])} was approved on {day(row['approved_on'])} by {row['by']}."
        sources = tuple(source(facts, "baseline", row, field) for field in ("approved_on", "by"))
        yield Sentence("baselines", text, sources)


def hand_offs(facts: Facts) -> Iterator[Sentence]:
    """Hand-offs that are promised later than they are needed, the latest first."""

    def late(row: Row) -> int:
        return between(row["promised_on"], row["need_by_on"]) if row["promised_on"] and row["need_by_on"] else 0

    def told(row: Row) -> Sentence:
        program = facts["others"].get(str(row["other"]))
        other = quoted(program) if program else PRIVATE
        what = f"Awaited from {other} for {quoted(row['name'])}"
        if not row["takes"]:
            what = f"Owed to {other}: {quoted(row['name'])}"
        when = (
            f"promised for {day(row['promised_on'])}, {days(late(row))} later than needed on {day(row['need_by_on'])}"
        )
        return Sentence(
            "hand_offs",
            f"{what}, {when}.",
            tuple(source(facts, "dependency", row, field, changed=True) for field in ("promised_on", "need_by_on")),
        )

    ordered = sorted((row for row in facts["hand_offs"] if late(row) > 0), key=lambda row: (-late(row), row["id"]))
    return at_most(
        "hand_offs", map(told, ordered), lambda count: f"{count} more hand-offs are promised later than needed."
    )
