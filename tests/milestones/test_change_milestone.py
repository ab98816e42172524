"""Changing a milestone: the rule, the page, and two people at once."""

from __future__ import annotations

from datetime import date
from html import unescape
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.forms import model_to_dict

from history.services import OUTSIDE
from milestones.models import DateMove, Milestone
from milestones.services import (
    answer_hand_off,
    approve_baseline,
    change_milestone,
    create_milestone,
    delete_milestone,
    link,
)
from people.models import User
from programs.models import Revision
from programs.services import create_program
from tests.conftest import FRIDAY, NOON, Cast

DAY = 480


@pytest.fixture
def racks(cast: Cast) -> Milestone:
    return create_milestone(
        program=cast.na4,
        by=cast.lead,
        today=FRIDAY,
        name="Racks energized",
        work_likely=10 * DAY,
        target_on=date(2027, 1, 15),
    )


def typed(row: Milestone, **changes: Any) -> dict[str, Any]:
    """What a browser posts from the edit form, with some fields typed over."""
    posted = {name: "" if value in (None, False) else value for name, value in model_to_dict(row).items()}
    for name in ("work_low", "work_likely", "work_high", "remaining"):
        value = getattr(row, name)
        posted[name] = "" if value is None else f"{value / DAY:g}"
    posted["version"] = row.version
    return posted | changes


def test_a_promised_milestone_is_the_leads_to_delete(cast: Cast, racks: Milestone, sign_in: Any) -> None:
    with pytest.raises(PermissionDenied):
        delete_milestone(milestone=racks, by=cast.contributor)
    assert sign_in(cast.contributor).get(f"/m/{racks.pk}/delete").status_code == 403
    power, loose = (
        create_milestone(program=cast.na4, by=cast.contributor, today=FRIDAY, name=name) for name in ("Power", "Loose")
    )
    approve_baseline(program=cast.na4, name="Plan", dates={power.pk: FRIDAY}, by=cast.lead, on=FRIDAY)
    with pytest.raises(PermissionDenied):
        delete_milestone(milestone=power, by=cast.contributor)
    delete_milestone(milestone=loose, by=cast.contributor)
    delete_milestone(milestone=racks, by=cast.lead)
    assert list(Milestone.objects.all()) == [power]


def test_nothing_is_cancelled_in_the_future(cast: Cast, racks: Milestone) -> None:
    with pytest.raises(ValidationError) as refusal:
        change_milestone(milestone=racks, by=cast.lead, today=FRIDAY, at=NOON, cancelled_on=date(2027, 1, 1))
    assert "cancelled_on" in refusal.value.message_dict


def test_the_last_week_there_is_has_a_last_day_that_nobody_can_mean(cast: Cast) -> None:
    with pytest.raises(ValidationError) as refusal:
        create_milestone(
            program=cast.na4, by=cast.lead, today=FRIDAY, name="Ever", target_on=date.max, target_precision="week"
        )
    assert refusal.value.message_dict == {"target_on": [OUTSIDE]}


def test_a_target_that_moves_needs_a_cause_and_keeps_it(cast: Cast, racks: Milestone) -> None:
    with pytest.raises(ValidationError) as refusal:
        change_milestone(milestone=racks, by=cast.lead, today=FRIDAY, at=NOON, target_on=date(2027, 2, 1))
    assert "cause" in refusal.value.message_dict
    racks.refresh_from_db()
    assert racks.target_on == date(2027, 1, 15)

    change_milestone(
        milestone=racks,
        by=cast.lead,
        today=FRIDAY,
        at=NOON,
        cause=cast.cause,
        reason="Switchgear",
        target_on=date(2027, 2, 1),
    )
    move = DateMove.objects.get()
    assert (move.before_on, move.after_on, move.cause, move.note) == (
        date(2027, 1, 15),
        date(2027, 2, 1),
        cast.cause,
        "Switchgear",
    )


def test_other_dates_move_freely_and_the_first_target_needs_no_cause(cast: Cast) -> None:
    row = create_milestone(program=cast.na4, by=cast.contributor, today=FRIDAY, name="Fibre")
    change_milestone(
        milestone=row,
        by=cast.contributor,
        today=FRIDAY,
        at=NOON,
        not_before_on=date(2027, 1, 4),
        target_on=date(2027, 3, 1),
    )
    change_milestone(milestone=row, by=cast.contributor, today=FRIDAY, at=NOON, not_before_on=date(2027, 1, 5))
    assert not DateMove.objects.exists()


def test_only_who_plans_moves_a_target(cast: Cast, racks: Milestone) -> None:
    with pytest.raises(PermissionDenied):
        change_milestone(
            milestone=racks, by=cast.contributor, today=FRIDAY, at=NOON, cause=cast.cause, target_on=date(2027, 2, 1)
        )
    with pytest.raises(PermissionDenied):
        change_milestone(milestone=racks, by=cast.viewer, today=FRIDAY, at=NOON, name="Mine")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"done_on": date(2026, 11, 21)}, "done_on"),
        ({"work_low": 5 * DAY}, "work_likely"),
        ({"work_likely": 2601 * DAY}, "work_likely"),
        ({"remaining": DAY}, "started_on"),
        ({"started_on": date(2026, 11, 10), "done_on": date(2026, 11, 3)}, "done_on"),
    ],
)
def test_refusals_name_their_field(cast: Cast, racks: Milestone, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        change_milestone(milestone=racks, by=cast.lead, today=FRIDAY, at=NOON, **changes)
    assert field in refusal.value.message_dict


def test_a_done_milestone_has_nothing_remaining_and_a_start(cast: Cast, racks: Milestone) -> None:
    change_milestone(milestone=racks, by=cast.lead, today=FRIDAY, at=NOON, started_on=FRIDAY, remaining=DAY)
    change_milestone(milestone=racks, by=cast.lead, today=FRIDAY, at=NOON, done_on=FRIDAY)
    racks.refresh_from_db()
    assert (racks.remaining, racks.started_on) == (None, FRIDAY)


def test_only_what_forecasts_read_asks_for_a_forecast(cast: Cast, racks: Milestone) -> None:
    before = Revision.objects.get(program=cast.na4)
    change_milestone(milestone=racks, by=cast.lead, today=FRIDAY, at=NOON, note="Nothing to plan")
    between = Revision.objects.get(program=cast.na4)
    change_milestone(milestone=racks, by=cast.lead, today=FRIDAY, at=NOON, work_likely=12 * DAY)
    after = Revision.objects.get(program=cast.na4)
    assert (between.revision, between.plan_revision) == (before.revision + 1, before.plan_revision)
    assert (after.revision, after.plan_revision) == (before.revision + 2, before.plan_revision + 1)


def test_the_page_saves_and_says_so(cast: Cast, racks: Milestone, sign_in: Any) -> None:
    client = sign_in(cast.lead)
    answer = client.post(f"/m/{racks.pk}/edit", typed(racks, name="Racks live", work_likely="2w"), follow=True)
    assert answer.redirect_chain == [(f"/m/{racks.pk}", 302)]
    assert "Saved." in answer.text
    racks.refresh_from_db()
    assert (racks.name, racks.work_likely) == ("Racks live", 10 * DAY)


def test_the_page_asks_for_the_cause_beside_its_field(cast: Cast, racks: Milestone, sign_in: Any) -> None:
    client = sign_in(cast.lead)
    answer = client.post(f"/m/{racks.pk}/edit", typed(racks, target_on="2027-02-01"))
    assert answer.status_code == 422
    assert "say why it moves" in answer.context["form"].errors["cause"][0]
    assert 'value="2027-02-01"' in answer.text
    answer = client.post(f"/m/{racks.pk}/edit", typed(racks, target_on="2027-02-01", cause=cast.cause.pk))
    assert answer.status_code == 302


def test_a_contributor_sees_the_promised_target_but_cannot_type_over_it(
    cast: Cast, racks: Milestone, sign_in: Any
) -> None:
    client = sign_in(cast.contributor)
    assert client.get(f"/m/{racks.pk}/edit").context["form"].fields["target_on"].disabled
    answer = client.post(f"/m/{racks.pk}/edit", typed(racks, target_on="2027-02-01", name="Racks live"))
    assert answer.status_code == 302
    racks.refresh_from_db()
    assert (racks.name, racks.target_on) == ("Racks live", date(2027, 1, 15))


def test_edits_of_different_fields_are_merged_and_said(cast: Cast, racks: Milestone, sign_in: Any) -> None:
    opened = typed(racks)
    change_milestone(milestone=racks, by=cast.contributor, today=FRIDAY, at=NOON, work_likely=20 * DAY)
    answer = sign_in(cast.lead).post(f"/m/{racks.pk}/edit", opened | {"name": "Racks live"}, follow=True)
    assert "Somebody else had changed Work meanwhile; that was kept." in answer.text
    racks.refresh_from_db()
    assert (racks.name, racks.work_likely) == ("Racks live", 20 * DAY)


def test_edits_of_one_field_show_both_and_lose_nothing(cast: Cast, racks: Milestone, sign_in: Any) -> None:
    opened = typed(racks)
    change_milestone(
        milestone=racks, by=cast.contributor, today=FRIDAY, at=NOON, name="Racks powered", work_likely=20 * DAY
    )
    client = sign_in(cast.lead)
    answer = client.post(f"/m/{racks.pk}/edit", opened | {"name": "Racks live", "note": "Mine"})
    assert answer.status_code == 412
    assert "Cem Contributor changed this while you were editing" in answer.text
    assert "Racks powered" in answer.text
    form = answer.context["form"]
    assert (form["name"].value(), form["note"].value(), form["work_likely"].value()) == ("Racks live", "Mine", "20")
    racks.refresh_from_db()
    assert racks.name == "Racks powered"

    again = {field.html_name: field.value() or "" for field in form}
    assert client.post(f"/m/{racks.pk}/edit", again).status_code == 302
    racks.refresh_from_db()
    assert (racks.name, racks.note, racks.work_likely) == ("Racks live", "Mine", 20 * DAY)


def test_buttons_finish_cancel_and_open_again(cast: Cast, racks: Milestone, sign_in: Any) -> None:
    client = sign_in(cast.contributor)
    for verb, state in (("finish", "Done"), ("reopen", "Not started"), ("cancel", "Cancelled"), ("reopen", "Started")):
        assert client.get(f"/m/{racks.pk}/{verb}").status_code == 405
        answer = client.post(f"/m/{racks.pk}/{verb}", follow=True)
        assert answer.status_code == 200
        assert answer.context["line"].state in (state, "Started")


def test_who_may_not_edit_gets_no_form(cast: Cast, racks: Milestone, sign_in: Any) -> None:
    hidden = create_milestone(program=cast.dark, by=cast.lead, today=FRIDAY, name="Canary close")
    viewer, outsider = sign_in(cast.viewer), sign_in(cast.outsider)
    assert viewer.get(f"/m/{racks.pk}").status_code == 200
    assert f"/m/{racks.pk}/edit" not in viewer.get(f"/m/{racks.pk}").text
    for path in ("edit", "delete", "links/new"):
        assert viewer.get(f"/m/{racks.pk}/{path}").status_code == 403
        assert outsider.get(f"/m/{racks.pk}/{path}").status_code == 403
        assert outsider.get(f"/m/{hidden.pk}/{path}").status_code == 404
    for path in ("finish", "cancel", "reopen"):
        assert viewer.post(f"/m/{racks.pk}/{path}").status_code == 403
        assert outsider.post(f"/m/{hidden.pk}/{path}").status_code == 404
    assert outsider.get(f"/m/{hidden.pk}").text == outsider.get("/m/999999").text.replace("999999", str(hidden.pk))


def test_a_target_promised_to_the_quarter_counts_until_its_last_day(cast: Cast) -> None:
    row = create_milestone(
        program=cast.na4,
        by=cast.lead,
        today=FRIDAY,
        name="Racks",
        target_on=date(2027, 2, 3),
        target_precision="quarter",
    )
    assert row.target_on == date(2027, 3, 31)
    # Another day of the same quarter is the same promise.
    change_milestone(milestone=row, by=cast.lead, today=FRIDAY, at=NOON, target_on=date(2027, 1, 15))
    row.refresh_from_db()
    assert row.target_on == date(2027, 3, 31)
    with pytest.raises(ValidationError):
        change_milestone(milestone=row, by=cast.lead, today=FRIDAY, at=NOON, target_precision="year")


def test_a_promise_is_loosened_by_who_plans(cast: Cast) -> None:
    row = create_milestone(
        program=cast.na4, by=cast.lead, today=FRIDAY, name="Racks", target_on=date(2027, 3, 31), target_precision="day"
    )
    given: dict[str, Any] = {"milestone": row, "today": FRIDAY, "at": NOON, "target_precision": "quarter"}
    with pytest.raises(PermissionDenied):
        change_milestone(by=cast.contributor, cause=cast.cause, **given)
    change_milestone(by=cast.lead, **given)  # the day stays: nothing moves that would need a cause
    row.refresh_from_db()
    assert (row.target_on, row.target_precision) == (date(2027, 3, 31), "quarter")


# -- what others build on --------------------------------------------------------------------------------------------


def test_a_contributor_cancels_neither_the_end_nor_what_was_promised(cast: Cast, sign_in: Any) -> None:
    gpu = create_program(by=cast.admin, key="GPU", name="GPU fleet", lead=cast.outsider)
    end, given, own = (
        create_milestone(program=cast.na4, by=cast.lead, today=FRIDAY, name=name, is_end=is_end)
        for name, is_end in (("Live", True), ("Racks", False), ("Draft", False))
    )
    waiting = create_milestone(program=gpu, by=cast.outsider, today=FRIDAY, name="GA")
    row = link(predecessor=given, successor=waiting, by=cast.outsider)

    def cancel(milestone: Milestone, by: User, **changes: Any) -> None:
        changes = changes or {"cancelled_on": FRIDAY}
        change_milestone(milestone=milestone, by=by, today=FRIDAY, at=NOON, **changes)

    cancel(given, cast.contributor)  # nobody has promised it yet
    cancel(given, cast.contributor, cancelled_on=None)
    answer_hand_off(dependency=row, agreement="accepted", by=cast.contributor, on=FRIDAY, at=NOON)
    for milestone, why in ((end, "“Live” is the program's end."), (given, "“Racks” is promised to another program.")):
        with pytest.raises(PermissionDenied) as refusal:
            cancel(milestone, cast.contributor)
        assert (
            str(refusal.value) == f"{why} You cannot change the promised dates of Region NA-4 capacity. Ask Lea Lead."
        )
        with pytest.raises(PermissionDenied):
            delete_milestone(milestone=milestone, by=cast.contributor)
        page = sign_in(cast.contributor).post(f"/m/{milestone.pk}/cancel")
        assert page.status_code == 403
        assert why in unescape(page.content.decode())
        for person, may in ((cast.contributor, False), (cast.lead, True)):
            assert ("Cancel milestone" in sign_in(person).get(f"/m/{milestone.pk}").text) is may
    with pytest.raises(PermissionDenied):
        cancel(end, cast.contributor, is_end=False)
    assert "program&#x27;s lead gives it another end" in (
        sign_in(cast.contributor).get(f"/m/{end.pk}/edit").content.decode()
    )
    cancel(own, cast.contributor)
    cancel(given, cast.lead)
    cancel(end, cast.lead)


def test_deleting_what_waits_for_a_promise_is_the_leads(cast: Cast) -> None:
    gpu = create_program(by=cast.admin, key="GPU", name="GPU fleet", lead=cast.outsider)
    given = create_milestone(program=gpu, by=cast.outsider, today=FRIDAY, name="GA")
    waiting = create_milestone(program=cast.na4, by=cast.lead, today=FRIDAY, name="Racks")
    row = link(predecessor=given, successor=waiting, by=cast.lead)
    answer_hand_off(dependency=row, agreement="accepted", by=cast.outsider, on=FRIDAY, at=NOON)
    with pytest.raises(PermissionDenied):
        delete_milestone(milestone=waiting, by=cast.contributor)
    delete_milestone(milestone=waiting, by=cast.lead)
