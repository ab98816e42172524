"""The checker: what was published is computed again, and one number changed by hand is found."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

import history
import metrics.services
import milestones.services
import risks.services
from forecasts.health import finding
from forecasts.models import FrozenHealth, Run
from reports.models import Update
from reports.updates import services, snapshot
from reports.updates.checker import check
from reports.updates.drafting import draft
from reports.updates.drafting.lines import prefilled
from tests.conftest import FRIDAY, NOON, Cast
from tests.reports.conftest import judge

WEEK = timedelta(days=7)
UTC = ZoneInfo("UTC")


@pytest.fixture
def published(cast: Cast) -> Update:
    """An update that says of everything something, as it was drafted."""
    about: dict[str, Any] = {"program": cast.na4, "by": cast.lead, "today": FRIDAY}
    with history.replaying(NOON - WEEK):
        for name in ("Wave 2 of 3", "Launch"):
            milestones.services.create_milestone(**about, name=name, target_on=FRIDAY - timedelta(days=1))
        giver = milestones.services.create_milestone(program=cast.dark, by=cast.lead, today=FRIDAY, name="Site")
        kpi = metrics.services.create_kpi(
            program=cast.na4, by=cast.lead, name="Racks", unit="racks", limit_value=Decimal("1500.5")
        )
        old = risks.services.create_risk(**about, title="Old flood")
    judge(cast.na4, FRIDAY - WEEK, "at_risk", 26)
    with history.replaying(NOON - timedelta(hours=1)):
        first, last = cast.na4.milestones.order_by("id")
        milestones.services.change_milestone(milestone=first, by=cast.lead, today=FRIDAY, at=NOON, done_on=FRIDAY)
        link = milestones.services.link(predecessor=giver, successor=last, by=cast.lead, need_by_on=FRIDAY)
        milestones.services.change_dependency(dependency=link, by=cast.lead, at=NOON, promised_on=FRIDAY + WEEK)
        for _ in range(9):
            risks.services.create_risk(**about, title="Supplier 4 folds", probability=Decimal("0.35"))
        risks.services.close_risk(risk=old, by=cast.lead, on=FRIDAY, because="Dry.")
        risks.services.create_issue(**about, title="Crew away", due_on=FRIDAY - timedelta(days=3))
        risks.services.create_decision(**about, question="Rent 2?", decider=cast.lead, decide_by_on=FRIDAY)
        metrics.services.measure(kpi=kpi, by=cast.lead, on=FRIDAY, value=Decimal("1212.25"), today=FRIDAY)
        for days in (100, 109):
            milestones.services.move_program_target(
                program=cast.na4, by=cast.lead, at=NOON - timedelta(hours=1), target_on=FRIDAY + timedelta(days=days),
                cause=cast.cause,
            )  # fmt: skip
    run = Run.objects.create(day=FRIDAY, engine_version="1", inputs_digest="", revisions={}, computed_at=NOON)
    row = judge(cast.na4, FRIDAY, "off_track", 34)
    ends = [("own_work", first.pk, 50), ("scope", last.pk, 9), ("calendar", first.pk, 7), ("own_work", last.pk, -2)]
    ends.append(("reserve", last.pk, -30))
    row.findings = [
        finding(rule, ("milestone", pk, cast.na4.pk), "Wave 2 of 3", days=days, since=FRIDAY) for rule, pk, days in ends
    ]
    row.run = run
    row.save()
    names = ("health", "finish_on", "p50_on", "p80_on", "target_on", "slip_days", "policy_version", "computed_at")
    FrozenHealth.objects.create(program=cast.na4, run=run, day=FRIDAY, **{name: getattr(row, name) for name in names})
    text = f"All in all 12 days.\n\n{prefilled(draft(snapshot.take(cast.na4, NOON)))}\n"
    update = services.begin_update(program=cast.na4, by=cast.lead, at=NOON, health="on_track", text=text)
    return services.publish_update(update=update, by=cast.lead, at=NOON)


def test_what_was_drafted_and_published_is_right(published: Update) -> None:
    rules = {sentence["rule"] for sentence in published.sentences}
    assert rules >= {
        "health", "slip", "causes", "moves", "met", "missed", "hand_offs", "kpi_limit", "issue_overdue", "risk_new",
        "risk_closed", "decision_waits",
    }  # fmt: skip
    found = check(published, UTC)
    assert found.differences == []
    assert found.numbers > 30
    assert found.own == 1
    call_command("check_updates")


def in_text(update: Update) -> None:
    update.text = update.text.replace("34 days later", "33 days later")


def in_a_sentence(update: Update) -> None:
    said = json.dumps(update.sentences)
    update.sentences = json.loads(said.replace("34 days later", "33 days later"))
    update.text = update.text.replace("34 days later", "33 days later")


def in_a_source(update: Update) -> None:
    update.sentences = json.loads(json.dumps(update.sentences).replace('"after": "1212.25"', '"after": "1213.25"'))


def in_the_snapshot(update: Update) -> None:
    assert update.snapshot
    update.snapshot["derived"]["p80_on"] = "2027-02-19"


def in_a_record_of_the_snapshot(update: Update) -> None:
    """Of a record that no sentence speaks of, as the facts below the update show it."""
    assert update.snapshot
    update.snapshot["risks"][-1]["probability"] = "0.3600"


def in_the_days_of_a_part(update: Update) -> None:
    assert update.snapshot
    update.snapshot["derived"]["findings"][0]["days"] = 21


@pytest.mark.parametrize(
    "change",
    [in_text, in_a_sentence, in_a_source, in_the_snapshot, in_a_record_of_the_snapshot, in_the_days_of_a_part],
)
def test_one_number_changed_by_hand_is_found(published: Update, change: Callable[[Update], None]) -> None:
    change(published)
    Update.objects.filter(pk=published.pk).update(
        text=published.text, snapshot=published.snapshot, sentences=published.sentences
    )
    found = check(Update.objects.get(pk=published.pk), UTC)
    assert found.differences
    assert str(found.differences[0]).startswith(f"update {published.pk}, ")
    with pytest.raises(CommandError, match="does not agree"):
        call_command("check_updates")


def test_every_digit_of_every_sentence_counts(published: Update) -> None:
    """Whatever digit of a sentence is another one, it is found."""
    missed = []
    for place, row in enumerate(published.sentences):
        for at, digit in enumerate(row["text"]):
            if not digit.isdigit():
                continue
            changed = json.loads(json.dumps(published.sentences))
            text = f"{row['text'][:at]}{(int(digit) + 1) % 10}{row['text'][at + 1 :]}"
            changed[place]["text"] = text
            edited = Update(
                pk=1, program=published.program, text=published.text, snapshot=published.snapshot, sentences=changed
            )
            if not any(text in (found.said, found.found) for found in check(edited, UTC).differences):
                missed.append(text)
    assert missed == []


def test_what_was_done_since_changes_nothing(cast: Cast, published: Update) -> None:
    """An update is checked against its own moment."""
    for milestone in cast.na4.milestones.all():
        milestones.services.change_milestone(
            milestone=milestone, by=cast.lead, today=FRIDAY, at=NOON, target_on=FRIDAY + WEEK, cause=cast.cause
        )
    cast.na4.risks.all().delete()
    with CaptureQueriesContext(connection) as queries:
        assert check(Update.objects.get(pk=published.pk), UTC).differences == []
    assert len(queries) <= 9, len(queries)
