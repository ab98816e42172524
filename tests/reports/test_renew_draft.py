"""A draft's own lines follow the records, by the rule and the record that they speak of; a person's words stay."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import risks.services
from people.models import User
from people.services import today
from reports.models import Update
from reports.updates import services
from reports.updates.drafting.lines import Passed, passed, put_into, up_to_date
from reports.updates.drafting.sentences import Sentence, Source
from reports.updates.looking import drafted_of
from risks.models import Risk
from tests.conftest import Api, Cast
from tests.reports.conftest import judge

SignIn = Callable[[User], Client]
NEW = "/p/NA4/updates/new"


def said(rule: str, text: str, kind: str = "risk", pk: int = 7, about: str = "") -> Sentence:
    source = Source(kind, pk, 1, "", "review_on", None, None, "2026-11-20T12:00:00+00:00")
    return Sentence(rule, text, (source,), about)


SEVEN = said("risk_overdue", "Review of risk R-7 was due on 2 Nov 2026.")
NINE = said("risk_overdue", "Review of risk R-9 was due on 4 Nov 2026.", pk=9)
LATER = said("risk_overdue", "Review of risk R-9 was due on 6 Nov 2026.", pk=9)
CLOSED = said("risk_closed", "Risk R-7 was closed on 19 Nov 2026: “Flood”.")
CAUSE = said("causes", "Why P80 is 3 days later than the target: 3 work on “Fibre”.", "program", 1, "target")
OTHER_CAUSE = said("causes", "Why P80 is 3 days later than the target: 3 risk R-7.", "program", 1, "target")
CHANGE = said("causes", "Why P80 is 3 days later than on 13 Nov 2026: 3 risk R-7.", "program", 1, "change")


def text_of(*sentences: Sentence) -> str:
    return "\n".join(sentence.markdown for sentence in sentences)


def test_a_line_is_renewed_by_the_one_on_the_same_record_alone() -> None:
    assert up_to_date(text_of(SEVEN, NINE), [SEVEN, NINE], [LATER, SEVEN]) == text_of(SEVEN, LATER)
    # R-7 is not spoken of any more, and nothing of R-9 takes its place.
    assert up_to_date(text_of(SEVEN), [SEVEN], [NINE]) == text_of(SEVEN)
    assert list(passed(text_of(SEVEN), [SEVEN], [NINE])) == [Passed(1, None, True)]
    assert list(passed(text_of(SEVEN), [], [NINE])) == []
    assert put_into(text_of(SEVEN), NINE.markdown, [SEVEN], [SEVEN, NINE]) == text_of(SEVEN, NINE)
    assert put_into(text_of(SEVEN, NINE), LATER.markdown, [SEVEN, NINE], [SEVEN, LATER]) == text_of(SEVEN, LATER)


def test_other_words_with_the_same_numbers_are_renewed_as_well() -> None:
    assert up_to_date(text_of(CAUSE), [CAUSE], [CHANGE, OTHER_CAUSE]) == text_of(OTHER_CAUSE)
    assert put_into(text_of(CAUSE), OTHER_CAUSE.markdown, [CAUSE], [CHANGE, OTHER_CAUSE]) == text_of(OTHER_CAUSE)
    assert list(passed(text_of(CAUSE, OTHER_CAUSE), [CAUSE], [OTHER_CAUSE])) == [Passed(1, None, True)]


def test_a_record_in_another_state_says_so_in_the_same_place() -> None:
    assert up_to_date(f"First.\n{text_of(SEVEN)}\nLast.\n", [SEVEN], [CLOSED]) == f"First.\n{text_of(CLOSED)}\nLast.\n"
    assert put_into(f"{text_of(SEVEN)}\nLast.", CLOSED.markdown, [SEVEN], [CLOSED]) == f"{text_of(CLOSED)}\nLast."
    # Said once, though two lines spoke of it; the one that nothing replaces is pointed at.
    new = said("risk_new", "New risk R-7, raised on 1 Nov 2026: “Flood”.")
    assert up_to_date(text_of(new, SEVEN), [new, SEVEN], [CLOSED]) == text_of(CLOSED, SEVEN)
    found = passed(
        text_of(new, SEVEN), [new, SEVEN], [said("risk_overdue", "Review of risk R-7 was due on 9 Nov 2026.")]
    )
    assert [one.now is None for one in found] == [True, False]


def test_what_somebody_wrote_is_pointed_at_and_never_changed() -> None:
    by_hand = text_of(NINE).replace("4 Nov", "5 Nov")
    assert up_to_date(by_hand, [NINE], [LATER]) == by_hand
    assert list(passed(by_hand, [NINE], [LATER])) == [Passed(1, LATER, False)]
    own = "R-9 was due on 4 Nov 2026, and Ken looks at it.\n"
    assert up_to_date(own, [NINE], [LATER]) == own
    assert list(passed(own, [NINE], [LATER])) == []


@pytest.fixture
def risk(cast: Cast) -> Risk:
    now = timezone.now()
    judge(cast.na4, today(now), "on_track", 5, at=now)
    return risks.services.create_risk(program=cast.na4, by=cast.lead, today=today(now), title="Flood")


def drafted(page: str) -> dict[str, str]:
    return dict(re.findall(r'type="hidden" name="(drafted)" value="([^"]+)"', page))


def test_a_page_left_open_while_the_records_changed(cast: Cast, risk: Risk, sign_in: SignIn) -> None:
    lead = sign_in(cast.lead)
    page = lead.get(NEW)
    text = f"{page.context['form']['text'].value()}\nOur own words."
    assert "New risk R-" in text
    risks.services.close_risk(risk=risk, by=cast.lead, on=today(timezone.now()), because="Dry")
    to = lead.post(NEW, {"text": text, "health": "on_track", **drafted(page.text)}).headers["Location"]
    stored = Update.objects.get()
    assert "New risk R-" in stored.text
    assert {row["rule"] for row in stored.sentences} >= {"slip", "risk_new"}
    opened = lead.get(to)
    now = str(opened.context["form"]["text"].value())
    assert f"Risk {risk.reference} was closed on" in now
    assert "New risk" not in now
    assert now.endswith("Our own words.")
    assert "its drafted lines say what they say now" in opened.text
    assert Update.objects.get().text == stored.text, "Nothing is saved before somebody sends it."
    with pytest.raises(ValidationError, match="A line is not what the records say"):
        services.publish_update(update=stored, by=cast.lead, at=timezone.now())
    assert (
        lead.post(
            to, {"text": now, "health": "on_track", "publish": "1", "anyway": "1"} | drafted(opened.text)
        ).status_code
        == 302
    )
    assert "risk_closed" in {row["rule"] for row in Update.objects.get().sentences}


def test_a_fact_that_is_gone_stops_publishing_until_somebody_says_it(cast: Cast, risk: Risk, api: type[Api]) -> None:
    lead, at = api(cast.lead), timezone.now()
    row = lead.post("updates", {"program": "NA4", "health": "on_track", "text": "We go on."}).json()
    new = next(one for one in drafted_of(Update(program=cast.na4), at) if one.rule == "risk_new")
    path = f"updates/{row['id']}"
    assert lead.patch(path, {"text": f"We go on.\n{new.markdown}"}).json()["sentences"][0]["rule"] == "risk_new"
    Risk.objects.filter(pk=risk.pk).update(raised_on=today(at) - timedelta(days=90))
    told = [one for one in lead.post(f"{path}/lint").json()["findings"] if one["rule"] == "number"]
    assert [(one["text"], one["line"]) for one in told] == [("The records do not say this any more.", 2)]
    assert lead.patch(path, {"text": f"We go on.\n{new.markdown} So we say."}).json()["sentences"] == []
    assert not [one for one in lead.post(f"{path}/lint").json()["findings"] if one["rule"] == "number"]


def test_own_words_and_known_lines_are_saved_without_reading_the_facts(cast: Cast, risk: Risk, api: type[Api]) -> None:
    lead = api(cast.lead)
    row = lead.post("updates", {"program": "NA4", "health": "on_track", "text": "We go on."}).json()
    new = next(one for one in drafted_of(Update(program=cast.na4), timezone.now()) if one.rule == "risk_new")
    path, asked = f"updates/{row['id']}", []
    for text in ("We go on.\n\n#1 - soon.", new.markdown, f"{new.markdown}\nWe go on.", f"{new.markdown}\n- We go on."):
        headers = {"If-Match": lead.get(path).headers["ETag"]}
        with CaptureQueriesContext(connection) as queries:
            answer = lead.patch(path, {"text": text}, headers=headers)
        asked.append(len(queries))
        assert [one["rule"] for one in answer.json()["sentences"]] == (["risk_new"] if new.markdown in text else [])
    words, drafted, known, listed = asked
    assert words < drafted - 10
    assert known < listed - 10


def test_nobody_makes_a_line_the_rules_own(cast: Cast, risk: Risk, sign_in: SignIn) -> None:
    lead = sign_in(cast.lead)
    for forged in ("", "x", "bm8:1:x"):
        lead.post(NEW, {"text": text_of(SEVEN), "drafted": forged})
    assert [row.sentences for row in Update.objects.all()] == [[], [], []]
