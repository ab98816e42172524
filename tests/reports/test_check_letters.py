"""Every number of a sent letter is computed again; one changed by hand is found."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

import history
import milestones.services
from reports.letters import outbox
from reports.letters.checker import check
from reports.letters.mail import Mail
from reports.models import Letter
from reports.plans import promises
from reports.plans import services as plans
from tests.conftest import FRIDAY, NOON, Cast
from tests.reports.conftest import PostOffice


@pytest.fixture
def sent(portfolio: Cast, post_office: PostOffice) -> Letter:
    with history.replaying(NOON - timedelta(hours=2)):
        late = milestones.services.create_milestone(
            program=portfolio.na4, by=portfolio.lead, today=FRIDAY, name="Wave 2", target_on=FRIDAY - timedelta(days=4)
        )
        milestones.services.change_milestone(
            milestone=late, by=portfolio.lead, today=FRIDAY, at=NOON, done_on=FRIDAY - timedelta(days=1)
        )
        for n in range(5):
            given, taken = (
                milestones.services.create_milestone(program=of, by=portfolio.admin, today=FRIDAY, name=f"“Racks” {n}")
                for of in (portfolio.dark, portfolio.na4)
            )
            milestones.services.link(
                predecessor=given, successor=taken, by=portfolio.admin, need_by_on=FRIDAY,
                promised_on=FRIDAY + timedelta(days=9),
            )  # fmt: skip
    plans.subscribe(user=portfolio.lead, by=portfolio.lead, at=NOON - timedelta(hours=1), weekday=4, hour=12)
    promises.promise(at=NOON)
    outbox.deliver(clock=lambda: NOON, way=Mail())
    return Letter.objects.get()


def test_what_was_sent_is_right(sent: Letter) -> None:
    found = check(sent)
    assert [str(difference) for difference in found.differences] == []
    assert found.numbers > 10
    assert "5 late hand-offs (later than needed)" in sent.text
    assert "““Racks” 0”: " in sent.text
    assert "and 2 more: " in sent.text
    call_command("check_letters")


def in_the_words(letter: Letter) -> None:
    letter.text = letter.text.replace("+34 d", "+33 d")


def in_what_was_said(letter: Letter) -> None:
    letter.text = letter.text.replace("+34 d", "+33 d")
    letter.facts = json.loads(json.dumps(letter.facts, ensure_ascii=False).replace("+34 d", "+33 d"))


def in_the_facts(letter: Letter) -> None:
    assert letter.facts
    letter.facts["rows"][0]["p80_on"] = "2027-02-19"


def in_a_count(letter: Letter) -> None:
    assert letter.facts
    letter.facts["tiles"][0]["value"] += 1


def in_a_name(letter: Letter) -> None:
    letter.text = letter.text.replace("““Racks” 0”: ", "““Racks” 7”: ")


def in_how_many_more(letter: Letter) -> None:
    letter.text = letter.text.replace("and 2 more", "and 4 more")
    letter.facts = json.loads(json.dumps(letter.facts, ensure_ascii=False).replace("and 2 more", "and 4 more"))


def in_the_count_of_the_rest(letter: Letter) -> None:
    assert letter.facts
    letter.facts["tiles"][-1]["more"] += 1


CHANGES = [
    in_the_words,
    in_what_was_said,
    in_the_facts,
    in_a_count,
    in_a_name,
    in_how_many_more,
    in_the_count_of_the_rest,
]


@pytest.mark.parametrize("change", CHANGES)
def test_one_number_changed_by_hand_is_found(sent: Letter, change: Callable[[Letter], None]) -> None:
    change(sent)
    sent.save()
    assert check(Letter.objects.get()).differences
    with pytest.raises(CommandError, match="does not agree"):
        call_command("check_letters")
