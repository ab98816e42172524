"""“Since Friday” is one span with one name: the overview and a letter count the same, from the end of that day."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import history
import milestones.services
import risks.services
from dashboards import news, overview
from programs.models import Program, ReportedHealth
from reports.letters.composing.content import Reader, compose
from reports.letters.composing.cut import Cut
from reports.letters.composing.cutting import Cutting
from reports.letters.facts import load
from reports.letters.links import Links
from reports.schedule import moment
from reports.since import Since
from tests.conftest import FRIDAY, Cast
from tests.reports.conftest import judge

ZONE = ZoneInfo("Europe/Berlin")
TODAY = FRIDAY + timedelta(days=6)
FIRST = FRIDAY + timedelta(days=1)


def at(day: date, hour: int) -> datetime:
    return moment(day, hour, ZONE)


def record(cast: Cast, program: Program, word: str, when: datetime, day: date) -> None:
    """A risk, a decision that is taken and a milestone that is done, all recorded at a moment for a day."""
    with history.replaying(when):
        risks.services.create_risk(program=program, by=cast.lead, today=day, title=f"{word} supplier folds")
        decision = risks.services.create_decision(
            program=program, by=cast.lead, today=day, question=f"{word}?", decider=cast.lead
        )
        risks.services.decide(decision=decision, by=cast.lead, on=day, answer="Yes.")
        milestone = milestones.services.create_milestone(program=program, by=cast.lead, today=day, name=word)
        milestones.services.change_milestone(milestone=milestone, by=cast.lead, today=day, at=when, done_on=day)


def test_a_baseline_is_told_once_from_when_it_was_recorded(cast: Cast) -> None:
    """Two were approved on the first day: one before the span begins, one in it. One is dated back, one of long ago."""
    since = Since(FRIDAY, FRIDAY, at(FRIDAY, 12))
    step = milestones.services.create_milestone(program=cast.na4, by=cast.lead, today=FRIDAY, name="Power")
    for name, when, day in (
        ("Told", at(FRIDAY, 9), FRIDAY),
        ("Afternoon", at(FRIDAY, 15), FRIDAY),
        ("Back", at(TODAY, 9), FRIDAY - timedelta(days=1)),
        ("Long ago", at(TODAY, 10), FRIDAY - timedelta(days=60)),
    ):
        with history.replaying(when):
            milestones.services.approve_baseline(
                program=cast.na4, name=name, dates={step.pk: TODAY}, by=cast.lead, on=day, cause=cast.cause
            )
    assert {row.name for row in since.approved(cast.na4.baselines.all())} == {"Afternoon", "Back"}
    lines = overview.lines(cast.lead, today=TODAY, since=since, zone=ZONE)
    texts = [change.text for change in news.changes(lines, today=TODAY, since=since, zone=ZONE)]
    assert [text for text in texts if "Baseline" in text] == [
        "Baseline “Afternoon” approved by Lea Lead.",
        "Baseline “Back” approved by Lea Lead. Recorded now: it was on 19 Nov.",
    ]


def test_the_overview_and_the_letter_count_alike(cast: Cast) -> None:
    # The forecast moves by 17 days on the first day that counts and by 3 more until Thursday.
    for day, slip in ((FRIDAY, -5), (FIRST, 12), (TODAY, 15)):
        judge(cast.na4, day, "on_track" if slip < 0 else "at_risk", slip)
    for day, slip in ((FRIDAY, 40), (TODAY, 40)):
        judge(cast.dark, day, "off_track", slip)
    words = [("on_track", at(FRIDAY, 18)), ("at_risk", at(FIRST, 10))]
    for word, when in words:
        ReportedHealth.objects.create(program=cast.na4, health=word, at=when, by=cast.lead, because="Steel is late")
    record(cast, cast.na4, "Friday", at(FRIDAY, 23), FRIDAY)
    record(cast, cast.na4, "Saturday", at(FIRST, 0), FIRST)
    # Ticked off on Monday for the week before: news all the same.
    record(cast, cast.na4, "Late", at(FRIDAY + timedelta(days=3), 9), FRIDAY - timedelta(days=4))

    since = Since.end_of(overview.last_friday(TODAY), ZONE)
    assert since.on == FRIDAY
    lines = overview.lines(cast.lead, today=TODAY, since=since, zone=ZONE)
    sums = overview.add_up(lines)
    told = news.changes(lines, today=TODAY, since=since, zone=ZONE)
    facts = load(frozenset(line.program.pk for line in lines), today=TODAY, zone=ZONE, since=since)
    letter = compose(
        Cutting(facts, Cut(), ""),
        reader=Reader(cast.lead.pk, "UTC"),
        period="2026-W48",
        organisation="Infrastructure",
        schedule="every Thursday",
        links=Links("", "", "", ""),
        at=at(TODAY, 12),
    )

    moved = {line.program.name: line.moved for line in lines}
    assert moved == {"Region NA-4 capacity": 20, "Canary merger": 0}
    assert {row.name: row.move for row in letter.rows} == {"Region NA-4 capacity": "+20 d", "Canary merger": "0 d"}
    assert (sums.past_target, sums.forecast, sums.past_target_before) == (2, 2, 1)
    assert (letter.tiles[0].number, letter.tiles[0].beside) == ("2 of 2", "1 on 20 Nov")
    assert letter.tiles[1].beside == "2 new, 0 closed"
    for part, most in (("supplier folds", 2), ("Yes.", 2), ("done", 2)):
        assert sum(part in change.text for change in told) == most
        assert sum(part in note.text for note in letter.notes) == most
    # What was recorded after the fact says so.
    assert [change.text.rpartition("Recorded now: ")[2] for change in told if "Recorded now" in change.text] == [
        "it was on 16 Nov."
    ] * 3
    # What fell comes first, with the days that its number counts; the rest says what it is.
    assert (told[0].heading, told[0].delta, told[0].kind) == ("Region NA-4 capacity", 20, "P80")
    assert told[0].text.startswith("Derived health fell from On track to At risk. P80 moved 20 d later, to ")
    assert {change.kind for change in told[1:]} == {"lead’s word", "decision", "new risk", "done"}
    assert any(change.text == "Saturday? Decided: Yes." for change in told)
    assert sum("now reports At risk" in change.text for change in told) == 1
    assert sum("now says at risk instead of on track" in note.text for note in letter.notes) == 1
