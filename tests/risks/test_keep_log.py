"""Issues, assumptions and decisions: their rules and pages."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from milestones.services import create_milestone
from risks.models import Assumption, Decision, Issue
from risks.services import (
    change_decision,
    change_issue,
    create_assumption,
    create_decision,
    create_issue,
    decide,
    delete_decision,
)
from tests.conftest import FRIDAY

if TYPE_CHECKING:
    from tests.conftest import Cast


def test_an_issue_is_not_closed_before_it_was_raised(cast: Cast) -> None:
    row = create_issue(program=cast.na4, by=cast.lead, today=FRIDAY, title="Chiller failed")
    with pytest.raises(ValidationError) as refusal:
        change_issue(issue=row, by=cast.lead, closed_on=date(2026, 11, 1))
    assert "closed_on" in refusal.value.message_dict
    with pytest.raises(PermissionDenied):
        change_issue(issue=row, by=cast.viewer, title="Mine")


def test_an_issue_names_a_milestone_of_its_own_program(cast: Cast) -> None:
    secret = create_milestone(program=cast.dark, by=cast.lead, today=FRIDAY, name="Canary close")
    row = create_issue(program=cast.na4, by=cast.lead, today=FRIDAY, title="Chiller failed")
    with pytest.raises(ValidationError, match="another program"):
        create_issue(program=cast.na4, by=cast.lead, today=FRIDAY, title="Pump failed", milestone=secret)
    with pytest.raises(ValidationError, match="another program"):
        change_issue(issue=row, by=cast.lead, milestone=secret)


def test_issues_have_pages(cast: Cast, sign_in: Any) -> None:
    client = sign_in(cast.contributor)
    answer = client.post("/p/NA4/issues/new", {"title": "", "due_on": "2020-01-01"})
    assert answer.status_code == 422
    assert client.post("/p/NA4/issues/new", {"title": "Chiller failed", "due_on": "2020-01-01"}).status_code == 302
    row = Issue.objects.get()
    for address, count in (("/issues", 1), ("/p/NA4/issues?show=overdue", 1), ("/issues?show=closed", 0)):
        assert len(client.get(address).context["page"]) == count
    edited = {"title": "Chiller down", "raised_on": row.raised_on.isoformat(), "version": row.version}
    assert client.post(f"/issues/{row.pk}/edit", edited).status_code == 302
    assert client.post(f"/issues/{row.pk}/close").status_code == 302
    row.refresh_from_db()
    assert (row.title, row.due_on) == ("Chiller down", None)
    assert row.closed_on
    assert f'action="/issues/{row.pk}/reopen"' in client.get(f"/issues/{row.pk}").text
    # Who closes what somebody has closed meanwhile does not open it again.
    assert "It is closed already, since" in client.post(f"/issues/{row.pk}/close", follow=True).text
    assert client.post(f"/issues/{row.pk}/reopen").status_code == 302
    assert Issue.objects.get().closed_on is None
    assert "It is open already." in client.post(f"/issues/{row.pk}/reopen", follow=True).text
    assert client.post(f"/issues/{row.pk}/delete").url == "/p/NA4/issues"


def test_assumptions_have_pages(cast: Cast, sign_in: Any) -> None:
    client = sign_in(cast.contributor)
    posted = {"text": "Freight stays open", "expires_on": "2020-01-01"}
    assert client.post("/p/NA4/assumptions/new", posted).status_code == 302
    row = Assumption.objects.get()
    assert row.state == "open"
    assert len(client.get("/assumptions?show=expired").context["page"]) == 1
    edited = posted | {"state": "broken", "version": row.version}
    assert client.post(f"/assumptions/{row.pk}/edit", edited).status_code == 302
    assert "Broken" in client.get("/p/NA4/assumptions?show=settled").text
    assert client.post(f"/assumptions/{row.pk}/delete").status_code == 302
    hidden = create_assumption(program=cast.dark, by=cast.lead, text="Nobody knows")
    assert sign_in(cast.outsider).get(f"/assumptions/{hidden.pk}/edit").status_code == 404
    assert "Nobody knows" not in sign_in(cast.outsider).get("/assumptions").text


def test_the_named_decider_or_who_may_decide_answers(cast: Cast) -> None:
    row = create_decision(program=cast.na4, by=cast.contributor, today=FRIDAY, question="Launch on one feed?")
    with pytest.raises(PermissionDenied):
        decide(decision=row, by=cast.contributor, on=FRIDAY, answer="Yes")
    with pytest.raises(ValidationError) as refusal:
        decide(decision=row, by=cast.lead, on=FRIDAY, answer=" ")
    assert "answer" in refusal.value.message_dict
    named = create_decision(program=cast.na4, by=cast.lead, today=FRIDAY, question="Two feeds?", decider=cast.viewer)
    decide(decision=named, by=cast.viewer, on=FRIDAY, answer="Two", consequence="A month later")
    named.refresh_from_db()
    assert (named.decided_on, named.answer, named.consequence) == (FRIDAY, "Two", "A month later")


def test_nobody_makes_themself_the_decider(cast: Cast) -> None:
    asked: dict[str, Any] = {"program": cast.na4, "today": FRIDAY, "question": "Launch on one feed?"}
    row = create_decision(by=cast.contributor, decider=cast.viewer, **asked)
    with pytest.raises(ValidationError, match="Somebody else must decide"):
        create_decision(by=cast.contributor, decider=cast.contributor, **asked)
    with pytest.raises(ValidationError, match="Somebody else must decide"):
        change_decision(decision=row, by=cast.contributor, decider=cast.contributor)
    assert create_decision(by=cast.lead, decider=cast.lead, **asked).decider == cast.lead


def test_what_was_decided_is_changed_and_deleted_by_who_may_decide(cast: Cast) -> None:
    row = create_decision(program=cast.na4, by=cast.lead, today=FRIDAY, question="Two feeds?", decider=cast.viewer)
    decide(decision=row, by=cast.viewer, on=FRIDAY, answer="Two")
    with pytest.raises(PermissionDenied):
        change_decision(decision=row, by=cast.contributor, question="Three feeds?")
    with pytest.raises(PermissionDenied):
        delete_decision(decision=row, by=cast.contributor)
    change_decision(decision=row, by=cast.lead, question="Two feeds, or three?")
    delete_decision(decision=row, by=cast.lead)


def test_decisions_have_pages(cast: Cast, sign_in: Any) -> None:
    client, long_ago = sign_in(cast.contributor), date.today() - timedelta(days=7 * 365)
    posted = {"question": "Launch on one feed?", "options": "One, or wait", "decide_by_on": str(long_ago)}
    assert client.post("/p/NA4/decisions/new", posted).status_code == 302
    row = Decision.objects.get()
    here = f"/d/D-{row.pk}"
    assert client.post("/p/NA4/decisions/new", {"question": ""}).status_code == 422
    assert len(client.get("/decisions?show=overdue").context["page"]) == 1
    assert f"{here}/decide" not in client.get(here).text
    assert client.get(f"{here}/decide").status_code == 403
    lead = sign_in(cast.lead)
    assert f'<a class="btn primary" href="{here}/decide">' in lead.get(here).text
    Decision.objects.filter(pk=row.pk).update(decider=cast.viewer)
    page = lead.get(here).text
    assert f'<a class="btn" href="{here}/decide">' in page, "who else may decide is not urged to"
    assert "Decide instead of Vera Viewer" in page
    assert f"Was due {long_ago:%-d %b %Y}, 7 y ago" in page
    assert f'<a class="btn primary" href="{here}/decide">' in sign_in(cast.viewer).get(here).text
    Decision.objects.filter(pk=row.pk).update(decider=None)
    assert "One, or wait" in lead.get(f"{here}/decide").text
    answer = lead.post(f"{here}/decide", {"answer": "", "decided_on": "2026-11-20"})
    assert "answer" in answer.context["form"].errors
    decided = {"answer": "Wait", "consequence": "Four weeks", "decided_on": "2026-11-20"}
    assert lead.post(f"{here}/decide", decided).status_code == 302
    assert "Wait" in client.get("/p/NA4/decisions?show=decided").text
    edited = posted | {"question": "One feed?", "version": 2}
    assert client.post(f"{here}/edit", edited).status_code == 403
    assert lead.post(f"{here}/edit", edited).status_code == 302
    row.refresh_from_db()
    assert (row.question, row.answer) == ("One feed?", "Wait")
    assert client.post(f"{here}/delete").status_code == 403
    assert lead.post(f"{here}/delete").url == "/p/NA4/decisions"
