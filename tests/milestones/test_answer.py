"""What giver and receiver say about a hand-off: accept, offer another day, decline, take it, ask again."""

from __future__ import annotations

from datetime import date
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.utils import timezone

import changes.services
import history
from history.changes import changes_of
from history.models import ChangeSet
from milestones.models import DateMove, Dependency, Milestone
from milestones.services import answer_hand_off, create_milestone, link, reply_to_giver, unlink
from programs.models import Notice, Revision
from programs.services import create_program
from tests.conftest import FRIDAY, NOON

if TYPE_CHECKING:
    from tests.conftest import Cast

NEEDED, LATER = date(2027, 1, 15), date(2027, 2, 5)


@pytest.fixture
def hand_off(cast: Cast) -> Dependency:
    """NA-4, of the lead, waits for a program that the outsider leads."""
    gpu = create_program(by=cast.admin, key="GPU", name="GPU fleet", lead=cast.outsider)
    giver = create_milestone(program=gpu, by=cast.outsider, today=FRIDAY, name="Scheduler GA")
    taker = create_milestone(program=cast.na4, by=cast.lead, today=FRIDAY, name="Open for traffic")
    return link(predecessor=giver, successor=taker, by=cast.lead, need_by_on=NEEDED, note="With quotas")


def answer(cast: Cast, row: Dependency, agreement: str, **more: Any) -> Dependency:
    return answer_hand_off(dependency=row, agreement=agreement, by=cast.outsider, on=FRIDAY, at=NOON, **more)


def offered(cast: Cast, row: Dependency) -> Dependency:
    return answer(cast, row, "countered", promised_on=LATER, note="Racks come late")


# -- the rule --------------------------------------------------------------------------------------------------------


def test_another_day_is_offered_with_words(cast: Cast, hand_off: Dependency) -> None:
    for fields, wrong in (
        ({"note": "Racks come late"}, "promised_on"),
        ({"note": "Racks come late", "promised_on": NEEDED}, "promised_on"),
        ({"promised_on": LATER, "note": " "}, "note"),
    ):
        with pytest.raises(ValidationError) as refusal:
            answer(cast, hand_off, "countered", **fields)
        assert list(refusal.value.message_dict) == [wrong]
    row = offered(cast, hand_off)
    assert (row.agreement, row.promised_on, row.need_by_on) == ("countered", LATER, NEEDED)
    assert (row.note, row.agreed_by) == ("Racks come late", cast.outsider)
    assert changes_of(row)[0].reason == "Racks come late"
    # It is no promise that others may plan with yet; moved again, it still keeps its cause.
    assert not Dependency.objects.agreed().exists()
    with pytest.raises(ValidationError) as refusal:
        answer(cast, row, "countered", promised_on=date(2027, 2, 8), note="Later still")
    assert list(refusal.value.message_dict) == ["cause"]
    answer(cast, row, "countered", promised_on=date(2027, 2, 8), note="Later still", cause=cast.cause)
    assert DateMove.objects.get().note == "Later still"


def test_the_receiver_takes_the_day_that_is_offered(cast: Cast, hand_off: Dependency) -> None:
    before = Revision.objects.get(program=cast.na4).plan_revision
    row = reply_to_giver(
        dependency=offered(cast, hand_off), agreement="accepted", by=cast.contributor, on=FRIDAY, at=NOON
    )
    assert (row.agreement, row.promised_on, row.need_by_on) == ("accepted", LATER, NEEDED)
    assert (row.agreed_by, row.agreed_on, row.note) == (cast.outsider, FRIDAY, "Racks come late")
    assert changes_of(row)[0].reason == "Take the day offered"
    assert Revision.objects.get(program=cast.na4).plan_revision == before + 2


def test_the_receiver_asks_again(cast: Cast, hand_off: Dependency) -> None:
    sooner = date(2027, 1, 25)
    row = reply_to_giver(
        dependency=offered(cast, hand_off), agreement="proposed", by=cast.lead, on=FRIDAY, at=NOON, need_by_on=sooner,
        note="Half the racks will do",
    )  # fmt: skip
    assert (row.agreement, row.need_by_on, row.promised_on) == ("proposed", sooner, LATER)
    assert (row.agreed_by, row.agreed_on, row.note) == (None, None, "Half the racks will do")
    declined = answer(cast, row, "declined", note="Not before spring")
    row = reply_to_giver(dependency=declined, agreement="proposed", by=cast.lead, on=FRIDAY, at=NOON)
    assert (row.agreement, row.note) == ("proposed", "Not before spring")
    reasons = [change.reason for change in changes_of(row)]
    assert reasons == [
        "Ask again",
        "Not before spring",
        "Half the racks will do",
        "Racks come late",
        "Ask for a hand-off",
    ]


def test_only_what_the_giver_offers_is_taken(cast: Cast, hand_off: Dependency) -> None:
    for agreement in ("accepted", "proposed"):
        with pytest.raises(ValidationError):
            reply_to_giver(dependency=hand_off, agreement=agreement, by=cast.lead, on=FRIDAY, at=NOON)
    declined = answer(cast, hand_off, "declined", note="No racks")
    with pytest.raises(ValidationError) as refusal:
        reply_to_giver(dependency=declined, agreement="accepted", by=cast.lead, on=FRIDAY, at=NOON)
    assert refusal.value.message_dict == {"agreement": ["No other day is offered."]}


def test_what_is_delivered_stays_agreed_and_takes_no_other_answer(
    cast: Cast, hand_off: Dependency, sign_in: Any, api: Any
) -> None:
    answer(cast, hand_off, "accepted", promised_on=NEEDED)
    later: dict[str, Any] = {"dependency": hand_off, "agreement": "delivered", "on": LATER, "at": NOON}
    row = answer_hand_off(**later, by=cast.admin)
    assert (row.agreed_by, row.agreed_on, row.delivered_on) == (cast.outsider, FRIDAY, LATER)
    given: Any = Dependency.objects.with_given_on().get(pk=row.pk)
    assert given.given_on == LATER
    client, place = sign_in(cast.outsider), f"/links/{row.pk}/answer"
    for page in ("/p/GPU/dependencies?mine=given", "/dependencies?layout=table", f"/m/{row.predecessor_id}"):
        text = client.get(page).text
        assert "Delivered" in text, page
        assert f'href="{place}">Not delivered after all' in text, page
    told = "This hand-off is delivered. If it is not after all"
    # An answer from a page of before it was delivered does not take the delivery back.
    for stale in ("accepted", "countered", "declined", "delivered"):
        posted = client.post(place, {"agreement": stale, "promised_on": str(NEEDED), "note": "No racks"})
        assert posted.status_code == 422, stale
        assert told in posted.text, stale
    for other in ("countered", "delivered"):
        refused = api(cast.outsider).post(f"dependencies/{row.pk}/answer", {"agreement": other, "note": "No racks"})
        assert refused.status_code == 422
        assert told in refused.json()["errors"][0]["detail"]
    # Delivered unasked, it is agreed by that.
    asked = link(
        predecessor=hand_off.predecessor, successor=hand_off.successor, by=cast.lead, kind="SS", need_by_on=NEEDED
    )
    row = answer_hand_off(**later | {"dependency": asked}, by=cast.outsider)
    assert (row.agreed_by, row.agreed_on, row.delivered_on) == (cast.outsider, LATER, LATER)


def test_what_is_not_delivered_after_all_is_put_right(cast: Cast, hand_off: Dependency, sign_in: Any, api: Any) -> None:
    answer(cast, hand_off, "accepted", promised_on=NEEDED)
    delivered: dict[str, Any] = {"dependency": hand_off, "agreement": "delivered", "on": LATER, "at": NOON}
    answer_hand_off(**delivered, by=cast.admin)
    client, place = sign_in(cast.outsider), f"/links/{hand_off.pk}/answer"
    page = client.get(place)
    assert page.status_code == 200
    assert "Not delivered after all" in page.text
    assert "It is delivered" not in page.text
    posted = {"agreement": "not_delivered_accepted", "promised_on": "", "note": ""}
    assert client.post(place, posted).status_code == 302
    row = Dependency.objects.get(pk=hand_off.pk)
    assert (row.agreement, row.agreed_by, row.agreed_on) == ("accepted", cast.outsider, FRIDAY)
    assert (row.delivered_on, row.promised_on) == (None, NEEDED)
    assert changes_of(row)[0].reason == "Hand-off not delivered after all"
    said = "Not delivered after all. Accepted, for 15 Jan 2027."
    assert Notice.objects.filter(user=cast.lead, reason="answer", text=said).exists()
    # Who waits for it may remove it once the giver has declined it, which needs a reason.
    answer_hand_off(**delivered, by=cast.admin)
    with pytest.raises(PermissionDenied, match="GPU fleet says that this hand-off is delivered"):
        unlink(dependency=hand_off, by=cast.lead)
    giver = api(cast.outsider)
    assert giver.post(f"dependencies/{row.pk}/answer", {"agreement": "declined"}).status_code == 422
    made = giver.post(f"dependencies/{row.pk}/answer", {"agreement": "declined", "note": "Wrong racks"}).json()
    assert (made["agreement"], made["delivered_on"], made["note"]) == ("declined", None, "Wrong racks")
    unlink(dependency=hand_off, by=cast.lead)


# -- deliveries from before their day was kept apart -----------------------------------------------------------------


def kept_apart() -> None:
    """What the migration makes of such rows."""
    with connection.cursor() as cursor:
        cursor.execute(import_module("milestones.migrations.0007_keep_day_of_delivery").KEEP)


def test_the_agreement_just_before_an_old_delivery_comes_back(cast: Cast, hand_off: Dependency) -> None:
    ends: dict[str, Any] = {"predecessor": hand_off.predecessor, "successor": hand_off.successor, "by": cast.lead}
    agreed, countered, unasked = hand_off, link(**ends, kind="SS"), link(**ends, kind="FF")
    answer(cast, agreed, "accepted", promised_on=NEEDED)
    answer(cast, countered, "accepted", promised_on=NEEDED)
    answer(cast, countered, "countered", promised_on=LATER, note="Racks come late", cause=cast.cause)
    rows = Dependency.objects.filter(pk__in=[agreed.pk, countered.pk, unasked.pk])
    # Said twice, as it could be.
    for on in (NEEDED, LATER):
        rows.update(agreement="delivered", agreed_on=on, agreed_by=cast.admin)
    kept_apart()
    assert list(rows.order_by("pk").values_list("agreed_by", "agreed_on", "delivered_on")) == [
        (cast.outsider.pk, FRIDAY, LATER),
        (cast.admin.pk, LATER, LATER),
        (cast.admin.pk, LATER, LATER),
    ]


def test_an_old_delivery_is_still_taken_back(cast: Cast, hand_off: Dependency) -> None:
    answer(cast, hand_off, "accepted", promised_on=NEEDED)
    with history.because("Hand-off delivered", by_id=cast.outsider.pk) as act:
        Dependency.objects.filter(pk=hand_off.pk).update(agreement="delivered")
    kept_apart()
    hand_off.refresh_from_db()
    assert (hand_off.agreement, hand_off.delivered_on) == ("delivered", FRIDAY)
    changes.services.undo(change_set=ChangeSet.objects.get(pk=act), by=cast.outsider, at=timezone.now())
    hand_off.refresh_from_db()
    assert (hand_off.agreement, hand_off.agreed_on, hand_off.delivered_on) == ("accepted", FRIDAY, None)


@pytest.mark.parametrize("who", ["outsider", "viewer"])
def test_only_the_receiver_replies(cast: Cast, hand_off: Dependency, who: str) -> None:
    row = offered(cast, hand_off)
    with pytest.raises(PermissionDenied):
        reply_to_giver(dependency=row, agreement="accepted", by=getattr(cast, who), on=FRIDAY, at=NOON)


# -- pages -----------------------------------------------------------------------------------------------------------


def test_a_row_is_answered_and_replied_to_where_it_stands(cast: Cast, hand_off: Dependency, sign_in: Any) -> None:
    giver, receiver = sign_in(cast.outsider), sign_in(cast.lead)
    place = f"/links/{hand_off.pk}"
    page = giver.get("/dependencies?mine=owe").text
    assert f'action="{place}/answer"' in page
    back = f"/dependencies?mine=owe#link-{hand_off.pk}"
    assert f'value="{back}"' in page
    assert f"{place}/answer" not in receiver.get("/dependencies?mine=owed").text
    posted = {"agreement": "countered", "promised_on": str(LATER), "note": "", "back": back}
    refused = giver.post(f"{place}/answer", posted)
    assert refused.status_code == 422
    assert "Say why" in refused.text
    assert f'value="{back}"' in refused.text
    answered = giver.post(f"{place}/answer", posted | {"note": "Racks come late"})
    assert (answered.status_code, answered.headers["Location"]) == (302, back)
    page = receiver.get("/dependencies?mine=owed").text
    assert f'action="{place}/reply"' in page
    assert "“Racks come late”" in page
    assert "Another day is offered" in page
    assert "Take 5 Feb 2027" in page
    taken = receiver.post(f"{place}/reply", {"agreement": "accepted", "need_by_on": "", "back": "//elsewhere.example/"})
    assert taken.headers["Location"] == f"/p/NA4/dependencies?layout=table#link-{hand_off.pk}"
    hand_off.refresh_from_db()
    assert (hand_off.agreement, hand_off.need_by_on) == ("accepted", NEEDED)
    again = receiver.post(f"{place}/reply", {"agreement": "proposed", "need_by_on": "", "back": ""})
    assert again.status_code == 422
    assert "The giver has neither declined nor offered another day." in again.text


def test_who_gets_it_late_asks_for_an_earlier_day(cast: Cast, hand_off: Dependency, sign_in: Any) -> None:
    """What was agreed stays so: the receiver's lead says it to the giver's, in a comment on what is given."""
    client, place = sign_in(cast.lead), "/dependencies?mine=owed"
    assert "Ask for an earlier day" not in client.get(place).text
    answer(cast, hand_off, "accepted", promised_on=LATER)
    [one] = client.get(place).context["hand_offs"]
    page = client.get(place).text
    assert f'href="{one.question_url.replace("&", "&amp;")}"' in page
    assert "Ask for an earlier day" not in sign_in(cast.outsider).get(f"{place}&layout=table").text
    asked = client.get(one.question_url)
    text = "@Otto Outsider This is needed by 15 Jan 2027 and comes 21 days later."
    assert text in asked.text
    draft = asked.context["form"].initial["text"]
    client.post(one.question_url.partition("?")[0], {"text": draft})
    assert Notice.objects.get(user=cast.outsider, reason="mention", comment__text=draft).by == cast.lead
    hand_off.refresh_from_db()
    assert (hand_off.agreement, hand_off.promised_on) == ("accepted", LATER)


def test_the_pages_of_answer_and_reply_are_for_their_side(cast: Cast, hand_off: Dependency, sign_in: Any) -> None:
    offered(cast, hand_off)
    for who, answers, replies in (
        (cast.outsider, 200, 403),
        (cast.lead, 403, 200),
        (cast.contributor, 403, 200),
        (cast.viewer, 403, 403),
        (cast.admin, 200, 200),
    ):
        client = sign_in(who)
        assert client.get(f"/links/{hand_off.pk}/answer").status_code == answers, who
        assert client.get(f"/links/{hand_off.pk}/reply").status_code == replies, who
    assert f'href="/links/{hand_off.pk}/reply"' in sign_in(cast.lead).get(f"/m/{hand_off.successor_id}").text
    assert "Take the day offered" in sign_in(cast.lead).get(f"/links/{hand_off.pk}/reply").text
    looked_on = sign_in(cast.viewer).get("/p/NA4/dependencies?mine=owed").text
    assert "“Racks come late”" in looked_on
    assert f"/links/{hand_off.pk}/" not in looked_on


# -- the API ---------------------------------------------------------------------------------------------------------


def test_whose_milestone_is_done_has_but_to_say_that_it_is_delivered(
    cast: Cast, hand_off: Dependency, sign_in: Any
) -> None:
    answer(cast, hand_off, "accepted", promised_on=LATER)
    giver = sign_in(cast.outsider)
    chosen = [giver.get(f"/links/{hand_off.pk}/answer").context["form"].initial["agreement"]]
    Milestone.objects.filter(pk=hand_off.predecessor_id).update(done_on=FRIDAY)
    chosen += [giver.get(f"/links/{hand_off.pk}/answer").context["form"].initial["agreement"]]
    assert chosen == ["accepted", "delivered"]


def test_the_api_answers_and_replies(cast: Cast, hand_off: Dependency, api: Any) -> None:
    giver, receiver, path = api(cast.outsider), api(cast.contributor), f"dependencies/{hand_off.pk}"
    wrong = giver.post(f"{path}/answer", {"agreement": "countered", "promised_on": str(LATER)})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/note")
    made = giver.post(f"{path}/answer", {"agreement": "countered", "promised_on": str(LATER), "note": "Racks"}).json()
    assert (made["agreement"], made["promised_on"], made["note"]) == ("countered", str(LATER), "Racks")
    assert giver.post(f"{path}/reply", {"agreement": "accepted"}).status_code == 403
    assert receiver.post(f"{path}/answer", {"agreement": "accepted"}).status_code == 403
    assert receiver.post(f"{path}/reply", {"agreement": "declined"}).status_code == 422
    again = receiver.post(f"{path}/reply", {"agreement": "proposed", "need_by_on": "2027-01-25", "note": "Half"}).json()
    assert (again["agreement"], again["need_by_on"], again["agreed_by"]) == ("proposed", "2027-01-25", None)
    giver.post(f"{path}/answer", {"agreement": "countered", "note": "As before"})
    taken = receiver.post(f"{path}/reply", {"agreement": "accepted"}).json()
    assert (taken["agreement"], taken["promised_on"]) == ("accepted", str(LATER))


def test_who_does_not_see_a_hand_off_finds_none(cast: Cast, api: Any, sign_in: Any) -> None:
    own = create_program(by=cast.admin, key="SHUT", name="Closed", lead=cast.admin, visibility="private")
    giver = create_milestone(program=own, by=cast.admin, today=FRIDAY, name="Vault")
    taker = create_milestone(program=cast.dark, by=cast.admin, today=FRIDAY, name="Canary close")
    row = link(predecessor=giver, successor=taker, by=cast.admin)
    assert api(cast.outsider).post(f"dependencies/{row.pk}/reply", {"agreement": "accepted"}).status_code == 404
    assert sign_in(cast.outsider).get(f"/links/{row.pk}/reply").status_code == 404
    # The lead of the receiver replies without learning who gives.
    answer_hand_off(
        dependency=row, agreement="countered", by=cast.admin, on=FRIDAY, at=NOON, promised_on=LATER, note="Later"
    )
    page = sign_in(cast.lead).get(f"/links/{row.pk}/reply")
    assert page.status_code == 200
    assert not any(word in page.text for word in ("Vault", "SHUT", "Closed"))
    taken = api(cast.lead).post(f"dependencies/{row.pk}/reply", {"agreement": "accepted"}).json()
    assert (taken["agreement"], taken["predecessor"], taken["agreed_by"]) == ("accepted", {"private": True}, None)
