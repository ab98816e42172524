"""Sentences from what a program keeps a log of: risks, issues, decisions, and its numbers.

None counts days up to the day of the facts: a draft of yesterday is as true today.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from metrics.kpis import Standing
from metrics.models import KPI
from reports.updates.drafting.sentences import Sentence, amount, day, quoted
from reports.updates.drafting.sources import Facts, Row, at_most, recent, source, was


def risks(facts: Facts) -> Iterator[Sentence]:
    """Risks that are new, closed, or not looked at again by their day."""
    new = [row for row in facts["risks"] if row["was"] is None and recent(row["raised_on"], facts)]
    closed = [row for row in facts["closed_risks"] if not was(row, "closed_on") and recent(row["closed_on"], facts)]
    overdue = [row for row in facts["risks"] if row["review_on"] and row["review_on"] < facts["day"]]

    def raised(row: Row) -> Sentence:
        text = f"New risk R-{row['id']}, raised on {day(row['raised_on'])}: {quoted(row['title'])}"
        sources = [source(facts, "risk", row, "raised_on")]
        if row["probability"] is not None:
            text += f", {amount(str(Decimal(row['probability']) * 100))}% likely"
            sources.append(source(facts, "risk", row, "probability"))
        return Sentence("risk_new", f"{text}.", tuple(sources))

    def ended(row: Row) -> Sentence:
        text = f"Risk R-{row['id']} was closed on {day(row['closed_on'])}: {quoted(row['title'])}."
        return Sentence("risk_closed", text, (source(facts, "risk", row, "closed_on", changed=True),))

    def forgotten(row: Row) -> Sentence:
        text = f"Review of risk R-{row['id']} was due on {day(row['review_on'])}."
        return Sentence("risk_overdue", text, (source(facts, "risk", row, "review_on"),))

    yield from at_most("risk_new", map(raised, new), lambda count: f"{count} more risks are new.")
    yield from at_most("risk_closed", map(ended, closed), lambda count: f"{count} more risks were closed.")
    yield from at_most(
        "risk_overdue", map(forgotten, overdue), lambda count: f"{count} more risks are past their review."
    )


def issues(facts: Facts) -> Iterator[Sentence]:
    """Issues that are new, closed, or open past their day."""
    still = [row for row in facts["issues"] if not row["closed_on"]]
    overdue = [row for row in still if row["due_on"] and row["due_on"] < facts["day"]]
    new = [row for row in still if row["was"] is None and recent(row["raised_on"], facts) and row not in overdue]
    closed = [
        row
        for row in facts["issues"]
        if row["closed_on"] and not was(row, "closed_on") and recent(row["closed_on"], facts)
    ]

    def raised(row: Row) -> Sentence:
        text = f"New issue, raised on {day(row['raised_on'])}: {quoted(row['title'])}"
        sources = [source(facts, "issue", row, "raised_on")]
        if row["due_on"]:
            text += f", due on {day(row['due_on'])}"
            sources.append(source(facts, "issue", row, "due_on"))
        return Sentence("issue_new", f"{text}.", tuple(sources))

    def ended(row: Row) -> Sentence:
        text = f"Issue closed on {day(row['closed_on'])}: {quoted(row['title'])}."
        return Sentence("issue_closed", text, (source(facts, "issue", row, "closed_on", changed=True),))

    def late(row: Row) -> Sentence:
        text = f"Issue {quoted(row['title'])} was due on {day(row['due_on'])} and is open."
        return Sentence("issue_overdue", text, (source(facts, "issue", row, "due_on"),))

    yield from at_most("issue_overdue", map(late, overdue), lambda count: f"{count} more issues are past their day.")
    yield from at_most("issue_new", map(raised, new), lambda count: f"{count} more issues are new.")
    yield from at_most("issue_closed", map(ended, closed), lambda count: f"{count} more issues were closed.")


def decisions(facts: Facts) -> Iterator[Sentence]:
    """Decisions that wait, those past their day first, and those that were taken since."""
    taken = [row for row in facts["decided"] if not was(row, "decided_on") and recent(row["decided_on"], facts)]

    def waits(row: Row) -> Sentence:
        who = row["decider"] or "nobody named yet"
        by = row["decide_by_on"]
        text = f"Decision D-{row['id']} waits for {who}"
        if by:
            text += f", {'overdue since' if by < facts['day'] else 'due on'} {day(by)}"
        sources = [source(facts, "decision", row, "decider"), source(facts, "decision", row, "decide_by_on")]
        return Sentence("decision_waits", f"{text}: {quoted(row['question'])}", tuple(sources))

    def decided(row: Row) -> Sentence:
        text = f"Decision D-{row['id']} was taken on {day(row['decided_on'])}: {quoted(row['answer'])}"
        return Sentence("decision_taken", text, (source(facts, "decision", row, "decided_on", changed=True),))

    yield from at_most("decision_waits", map(waits, facts["decisions"]), lambda count: f"{count} more decisions wait.")
    yield from at_most("decision_taken", map(decided, taken), lambda count: f"{count} more decisions were taken.")


def kpis(facts: Facts) -> Iterator[Sentence]:
    """KPIs past their limit, then those behind their pace."""

    def told(row: Row) -> Sentence:
        on, unit = day(row["measured_on"]), row["unit"]
        text = f"KPI {quoted(row['name'])} was {amount(row['value'], unit)} on {on}"
        sources = [source(facts, "kpi", row, "value", changed=True), source(facts, "kpi", row, "measured_on")]
        if row["standing"] == Standing.PAST_LIMIT:
            return Sentence(
                "kpi_limit",
                f"{text}, past its limit of {amount(row['limit'], unit)}.",
                (*sources, source(facts, "kpi", row, "limit")),
            )
        apart = "over" if row["direction"] == KPI.Direction.DOWN else "behind"
        return Sentence(
            "kpi_pace",
            f"{text}, {apart} the pace of {amount(row['expected'], unit)}.",
            (*sources, source(facts, "kpi", row, "expected")),
        )

    for rule, standing, words in (
        ("kpi_limit", Standing.PAST_LIMIT, "past their limit"),
        ("kpi_pace", Standing.BEHIND, "behind their pace"),
    ):
        rows = [row for row in facts["kpis"] if row["standing"] == standing]
        yield from at_most(rule, map(told, rows), lambda count, words=words: f"{count} more KPIs are {words}.")  # type: ignore[misc]
