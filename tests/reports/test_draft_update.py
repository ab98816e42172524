"""The draft: sentences by rules from what changed since the last update, each with its sources."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

import history
import metrics.services
import milestones.services
import programs.services
import risks.services
from forecasts.health import finding
from forecasts.models import ProgramHealth
from milestones.models import Milestone
from reports.models import Update
from reports.updates import services, snapshot
from reports.updates.drafting import draft
from reports.updates.drafting.lines import kept_in, prefilled
from reports.updates.drafting.sentences import Sentence, seen
from tests.conftest import FRIDAY, NOON, Cast
from tests.reports.conftest import judge

WEEK = timedelta(days=7)
BEFORE = NOON - WEEK
SOON = NOON - timedelta(hours=1)


@pytest.fixture
def last(cast: Cast) -> Update:
    """An update of a week ago, and the forecast that it was written on."""
    with history.replaying(BEFORE - WEEK):
        for name in ("Fibre", "Launch"):
            milestones.services.create_milestone(
                program=cast.na4, by=cast.lead, name=name, today=FRIDAY, target_on=FRIDAY - timedelta(days=1)
            )
        risks.services.create_risk(program=cast.na4, by=cast.lead, today=FRIDAY - 2 * WEEK, title="Old flood")
    row = judge(cast.na4, FRIDAY - WEEK, "at_risk", 26, at=BEFORE)
    row.findings = [part("own_work", cast, 20), part("risk", cast, 6)]
    row.save()
    update = services.begin_update(program=cast.na4, by=cast.lead, at=BEFORE, health="on_track", text="All well.")
    return services.publish_update(update=update, by=cast.lead, at=BEFORE)


@pytest.fixture
def soon() -> Iterator[None]:
    """What is written happens an hour before noon."""
    with history.replaying(SOON):
        yield


def part(rule: str, cast: Cast, days: int, program: int | None = None) -> Any:
    record = ("risk" if rule == "risk" else "milestone", 7, program or cast.na4.pk)
    return finding(rule, record, "Canary dig" if program else "Fibre", days=days, since=FRIDAY)


def forecast(cast: Cast, slip: int, *parts: Any) -> ProgramHealth:
    row = judge(cast.na4, FRIDAY, "off_track", slip)
    row.findings = list(parts)
    row.save()
    return row


def told(cast: Cast, at: datetime = NOON) -> dict[str, list[Sentence]]:
    found: dict[str, list[Sentence]] = {}
    for sentence in draft(snapshot.take(cast.na4, at)):
        found.setdefault(sentence.rule, []).append(sentence)
    return found


def test_a_slip_with_causes_that_add_up(cast: Cast, last: Update) -> None:
    row = forecast(cast, 34, part("own_work", cast, 23), part("risk", cast, 11))
    found = told(cast)
    [slip] = found["slip"]
    assert slip.text == (
        "P80 is 18 Feb 2027, 34 days later than its target of 15 Jan 2027; 8 days later than on 13 Nov 2026."
    )
    assert [(s.kind, s.field, s.before, s.after, s.run) for s in slip.sources] == [
        ("program", "p80_on", "2027-02-10", "2027-02-18", row.run_id),
        ("program", "target_on", None, "2027-01-15", row.run_id),
    ]
    assert [sentence.text for sentence in found["causes"]] == [
        "Why P80 is 8 days later than on 13 Nov 2026: 5 risk R-7, 3 work on “Fibre”.",
        "Why P80 is 34 days later than the target: 23 work on “Fibre”, 11 risk R-7.",
    ]
    assert found["health"][0].text == "By the data the program is off track; on 13 Nov 2026 it was at risk."


def test_what_was_not_weighed_before_counts_as_one(cast: Cast, last: Update) -> None:
    assert last.snapshot
    last.snapshot["derived"]["findings"] = [part("own_work", cast, 20), part("range", cast, 6)]
    last.save()
    forecast(cast, 34, part("own_work", cast, 23), part("risk", cast, 7), part("own_range", cast, 4))
    assert told(cast)["causes"][0].text == (
        "Why P80 is 8 days later than on 13 Nov 2026: 5 uncertain work and open risks, 3 work on “Fibre”."
    )


def test_the_weightiest_parts_are_named_and_the_others_summed_up(cast: Cast) -> None:
    parts = {"own_work": 46, "risk": 20, "scope": 13, "own_range": 21, "reserve": -66}
    forecast(cast, 34, *(part(rule, cast, days) for rule, days in parts.items()))
    [sentence] = told(cast)["causes"]
    assert sentence.text == (
        "Why P80 is 34 days later than the target: 46 work on “Fibre”, −66 reserve of the plan, 54 from smaller parts."
    )


def test_parts_that_do_not_add_up_are_not_told(cast: Cast, last: Update) -> None:
    forecast(cast, 34, part("own_work", cast, 23))
    assert "causes" not in told(cast)


def test_a_private_program_has_no_name_in_a_draft(cast: Cast, last: Update, soon: None) -> None:
    """The lead sees it; whoever will read the update may not."""
    forecast(cast, 34, part("upstream", cast, 34, cast.dark.pk))
    giver = milestones.services.create_milestone(program=cast.dark, by=cast.lead, name="Canary site", today=FRIDAY)
    receiver = Milestone.objects.get(name="Launch")
    link = milestones.services.link(predecessor=giver, successor=receiver, by=cast.lead, need_by_on=FRIDAY)
    milestones.services.change_dependency(dependency=link, by=cast.lead, at=NOON, promised_on=FRIDAY + WEEK)
    facts = snapshot.take(cast.na4, NOON)
    assert "anary" not in json.dumps(facts)
    assert "DARK" not in json.dumps(facts)
    found = told(cast)
    assert found["causes"][-1].text.endswith("34 waiting for a private program.")
    assert found["hand_offs"][0].text == (
        "Awaited from a private program for “Launch”, promised for 27 Nov 2026, 7 days later than needed on "
        "20 Nov 2026."
    )
    [hidden] = [s for s in seen(found["causes"], [cast.na4.pk])[-1].sources if not s.program]
    assert (hidden.name, hidden.after, hidden.id) == ("a private program", None, 0)


def test_milestones_met_and_missed(cast: Cast, last: Update, soon: None) -> None:
    fibre = Milestone.objects.get(name="Fibre")
    milestones.services.change_milestone(milestone=fibre, by=cast.lead, today=FRIDAY, at=SOON, done_on=FRIDAY)
    found = told(cast)
    assert [s.text for s in found["met"]] == [
        "Done on 20 Nov 2026, 1 day later than its target of 19 Nov 2026: “Fibre”."
    ]
    assert [s.text for s in found["missed"]] == ["Target of 19 Nov 2026 missed: “Launch”."]
    assert [(s.before, s.after) for s in found["met"][0].sources] == [(None, "2026-11-20"), (None, "2026-11-19")]


def test_the_log_of_a_week(cast: Cast, last: Update, soon: None) -> None:
    about: dict[str, Any] = {"program": cast.na4, "by": cast.lead, "today": FRIDAY}
    risks.services.create_risk(**about, title="Supplier folds", probability=Decimal("0.4"))
    old = cast.na4.risks.get(title="Old flood")
    risks.services.close_risk(risk=old, by=cast.lead, on=FRIDAY, because="Dry.")
    risks.services.create_issue(**about, title="Crew away", due_on=FRIDAY - timedelta(days=3))
    decision = risks.services.create_decision(
        **about, question="Rent?", decider=cast.lead, decide_by_on=date(2026, 11, 25)
    )
    milestones.services.move_program_target(
        program=cast.na4, by=cast.lead, at=SOON, target_on=date(2027, 3, 1), cause=cast.cause
    )
    milestones.services.move_program_target(
        program=cast.na4, by=cast.lead, at=SOON, target_on=date(2027, 3, 10), cause=cast.cause
    )
    kpi = metrics.services.create_kpi(
        program=cast.na4, by=cast.lead, name="Racks", unit="racks", limit_value=Decimal(1500), direction="up"
    )
    metrics.services.measure(kpi=kpi, by=cast.lead, on=FRIDAY, value=Decimal("1212.5"), today=FRIDAY)
    found = told(cast)
    risk = cast.na4.risks.get(title="Supplier folds")
    texts = {rule: [sentence.text for sentence in sentences] for rule, sentences in found.items()}
    assert texts["risk_new"] == [f"New risk R-{risk.pk}, raised on 20 Nov 2026: “Supplier folds”, 40% likely."]
    assert texts["risk_closed"] == [f"Risk R-{old.pk} was closed on 20 Nov 2026: “Old flood”."]
    assert texts["issue_overdue"] == ["Issue “Crew away” was due on 17 Nov 2026 and is open."]
    assert texts["decision_waits"] == [f"Decision D-{decision.pk} waits for Lea Lead, due on 25 Nov 2026: “Rent?”"]
    assert texts["moves"] == ["The program’s target moved from 1 Mar 2027 to 10 Mar 2027, 9 days later: supplier late."]
    assert texts["kpi_limit"] == ["KPI “Racks” was 1,212.5 racks on 20 Nov 2026, past its limit of 1,500 racks."]
    # Told once: the next update counts from this one.
    services.publish_update(
        update=services.begin_update(program=cast.na4, by=cast.lead, at=NOON, health="on_track", text="Said."),
        by=cast.lead,
        at=NOON,
    )
    later = told(cast, NOON + timedelta(hours=1))
    assert set(later) & {"risk_new", "risk_closed", "moves", "met"} == set()
    assert "kpi_limit" in later


def test_many_of_a_kind_are_summed_up(cast: Cast, last: Update, soon: None) -> None:
    for n in range(9):
        risks.services.create_risk(program=cast.na4, by=cast.lead, today=FRIDAY, title=f"Risk {n}")
    found = told(cast)["risk_new"]
    assert len(found) == 5
    assert found[-1].text == "5 more risks are new."
    assert len(found[-1].sources) == 5


def test_the_text_begins_with_the_sentences(cast: Cast, last: Update, soon: None) -> None:
    """Names are nobody's Markdown; what a lead changes is their own word and has no source."""
    risks.services.create_risk(program=cast.na4, by=cast.lead, today=FRIDAY, title="*Dig* [here](https://x.example)")
    forecast(cast, 3)
    sentences = draft(snapshot.take(cast.na4, NOON))
    text = prefilled(sentences)
    assert "\\*Dig\\* \\[here\\]" in text
    assert kept_in(text, sentences) == sentences
    kept = kept_in(text.replace("3 days later", "2 days later"), sentences)
    assert [s.rule for s in sentences if s not in kept] == ["slip"]
    assert [Sentence.read(json.loads(json.dumps(s.write()))) for s in sentences] == sentences


@pytest.mark.parametrize("size", [1, 30])
def test_facts_are_read_with_few_queries(cast: Cast, last: Update, size: int) -> None:
    for n in range(size):
        milestones.services.create_milestone(program=cast.na4, by=cast.lead, name=f"M{n}", today=FRIDAY)
    programs.services.report(program=cast.na4, health="at_risk", because="Late.", by=cast.lead, at=NOON)
    with CaptureQueriesContext(connection) as queries:
        snapshot.take(cast.na4, NOON)
    assert len(queries) <= 13, len(queries)
