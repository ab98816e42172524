"""Linking milestones: loops, hand-offs and who answers them."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from hypothesis import given
from hypothesis import strategies as st

import programs.services
from history.models import ChangeSet
from milestones.models import DateMove, Dependency, Milestone
from milestones.services import answer_hand_off, change_dependency, create_milestone, find_loop, link, unlink
from people.models import User
from programs.models import Program, Revision
from programs.services import create_program
from tests.conftest import FRIDAY, NOON

if TYPE_CHECKING:
    from tests.conftest import Cast

DAY = 480


def milestone(program: Program, by: User, name: str) -> Milestone:
    return create_milestone(program=program, by=by, today=FRIDAY, name=name)


@pytest.fixture
def gpu(cast: Cast) -> Program:
    """A program that the outsider leads."""
    return create_program(by=cast.admin, key="GPU", name="GPU fleet", lead=cast.outsider)


@pytest.fixture
def hand_off(cast: Cast, gpu: Program) -> Dependency:
    """NA-4 waits for the scheduler of the GPU fleet."""
    return link(
        predecessor=milestone(gpu, cast.outsider, "Scheduler GA"),
        successor=milestone(cast.na4, cast.lead, "Open for traffic"),
        by=cast.lead,
        need_by_on=date(2027, 1, 15),
    )


# -- loops -----------------------------------------------------------------------------------------------------------


def test_a_link_that_closes_a_loop_is_refused_and_the_loop_named(cast: Cast) -> None:
    power, racks, traffic = (milestone(cast.na4, cast.lead, name) for name in ("Power", "Racks", "Traffic"))
    link(predecessor=power, successor=racks, by=cast.lead)
    link(predecessor=racks, successor=traffic, by=cast.lead)
    with pytest.raises(ValidationError) as refusal:
        link(predecessor=traffic, successor=power, by=cast.lead)
    (message,) = refusal.value.message_dict["predecessor"]
    assert "NA4 Power → NA4 Racks → NA4 Traffic → NA4 Power" in message
    assert Dependency.objects.count() == 2


def test_a_milestone_does_not_wait_for_itself(cast: Cast) -> None:
    power = milestone(cast.na4, cast.lead, "Power")
    with pytest.raises(ValidationError):
        link(predecessor=power, successor=power, by=cast.lead)


def test_the_loop_is_named_only_as_far_as_the_reader_sees_it(cast: Cast, gpu: Program) -> None:
    scheduler = milestone(gpu, cast.outsider, "Scheduler")
    power = milestone(cast.na4, cast.lead, "Power")
    canary = milestone(cast.dark, cast.lead, "Canary close")
    merger = milestone(cast.dark, cast.lead, "Canary merged")
    link(predecessor=scheduler, successor=canary, by=cast.lead)
    link(predecessor=canary, successor=merger, by=cast.lead)
    link(predecessor=merger, successor=power, by=cast.lead)
    with pytest.raises(ValidationError) as refusal:
        link(predecessor=power, successor=scheduler, by=cast.outsider)
    (message,) = refusal.value.message_dict["predecessor"]
    # Not even how many milestones it has there.
    assert "GPU Scheduler → milestones of a program that you may not see → NA4 Power → GPU Scheduler" in message
    assert "Canary" not in message
    assert "DARK" not in message


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=20))
def test_a_found_loop_is_one_and_none_means_the_links_can_be_ordered(links: list[tuple[int, int]]) -> None:
    loop = find_loop(links)
    if loop is not None:
        assert all(pair in links for pair in zip(loop, [*loop[1:], loop[0]], strict=True))
        return
    left = set(links)
    while left:
        waiting = {after for _, after in left}
        free = {(before, after) for before, after in left if before not in waiting}
        assert free, "no loop was found, yet nobody can begin"
        left -= free


# -- hand-offs -------------------------------------------------------------------------------------------------------


def test_a_link_across_programs_asks_the_giver(cast: Cast, hand_off: Dependency) -> None:
    assert hand_off.agreement == Dependency.Agreement.PROPOSED
    inside = link(
        predecessor=milestone(cast.na4, cast.lead, "Power"), successor=hand_off.successor, by=cast.contributor
    )
    assert inside.agreement == ""


def test_only_the_receiver_links_and_only_to_what_they_see(cast: Cast, gpu: Program) -> None:
    racks, secret = milestone(cast.na4, cast.lead, "Racks"), milestone(cast.dark, cast.lead, "Canary close")
    with pytest.raises(PermissionDenied):
        link(predecessor=milestone(gpu, cast.outsider, "GA"), successor=racks, by=cast.outsider)
    with pytest.raises(ValidationError) as refusal:
        link(predecessor=secret, successor=milestone(gpu, cast.outsider, "Fleet"), by=cast.outsider)
    assert refusal.value.message_dict["predecessor"] == ["There is no such milestone."]


def test_the_giver_answers_and_a_refusal_has_a_reason(cast: Cast, hand_off: Dependency) -> None:
    with pytest.raises(PermissionDenied):
        answer_hand_off(dependency=hand_off, agreement="accepted", by=cast.lead, on=FRIDAY, at=NOON)
    with pytest.raises(ValidationError) as refusal:
        answer_hand_off(dependency=hand_off, agreement="declined", by=cast.outsider, on=FRIDAY, at=NOON)
    assert "note" in refusal.value.message_dict
    answer_hand_off(
        dependency=hand_off,
        agreement="accepted",
        by=cast.outsider,
        on=FRIDAY,
        at=NOON,
        promised_on=date(2027, 2, 5),
    )
    hand_off.refresh_from_db()
    assert (hand_off.agreement, hand_off.agreed_by, hand_off.promised_on) == (
        "accepted",
        cast.outsider,
        date(2027, 2, 5),
    )


def test_a_promised_day_moves_with_a_cause(cast: Cast, hand_off: Dependency) -> None:
    change_dependency(dependency=hand_off, by=cast.outsider, at=NOON, promised_on=date(2027, 1, 10))
    assert not DateMove.objects.exists()
    with pytest.raises(ValidationError) as refusal:
        change_dependency(dependency=hand_off, by=cast.outsider, at=NOON, promised_on=date(2027, 2, 1))
    assert "cause" in refusal.value.message_dict
    with pytest.raises(ValidationError) as refusal:
        answer_hand_off(
            dependency=hand_off,
            agreement="accepted",
            by=cast.outsider,
            on=FRIDAY,
            at=NOON,
            promised_on=date(2027, 2, 1),
        )
    assert "cause" in refusal.value.message_dict
    change_dependency(dependency=hand_off, by=cast.outsider, at=NOON, cause=cast.cause, promised_on=date(2027, 2, 1))
    assert DateMove.objects.get().program == hand_off.predecessor.program


def test_each_side_changes_its_own_part(cast: Cast, hand_off: Dependency) -> None:
    with pytest.raises(PermissionDenied):
        change_dependency(dependency=hand_off, by=cast.lead, at=NOON, promised_on=FRIDAY)
    with pytest.raises(PermissionDenied):
        change_dependency(dependency=hand_off, by=cast.outsider, at=NOON, need_by_on=FRIDAY)
    with pytest.raises(PermissionDenied):
        unlink(dependency=hand_off, by=cast.outsider)
    unlink(dependency=hand_off, by=cast.contributor)


def test_who_may_change_neither_side_writes_nothing_at_all(cast: Cast, hand_off: Dependency, api: Any) -> None:
    def written() -> list[Any]:
        revisions = Revision.objects.order_by("pk").values_list("pk", "revision", "plan_revision")
        return [ChangeSet.objects.count(), *revisions]

    before = written()
    answer = api(cast.viewer).patch(f"dependencies/{hand_off.pk}", {"reason": "Anything"})
    assert answer.status_code == 403
    for by in (cast.contributor, cast.outsider):
        assert api(by).patch(f"dependencies/{hand_off.pk}", {"reason": "Anything"}).status_code == 200
    assert written() == before


def test_a_link_is_moved_only_onto_what_one_edits_and_sees(cast: Cast, gpu: Program, hand_off: Dependency) -> None:
    fleet, secret = milestone(gpu, cast.outsider, "Fleet live"), milestone(cast.dark, cast.admin, "Canary close")
    with pytest.raises(PermissionDenied):
        change_dependency(dependency=hand_off, by=cast.contributor, at=NOON, successor=fleet)
    programs.services.take_role(role=cast.dark.roles.get(user=cast.contributor), by=cast.lead)
    with pytest.raises(ValidationError) as refusal:
        change_dependency(dependency=hand_off, by=cast.contributor, at=NOON, predecessor=secret)
    assert refusal.value.message_dict["predecessor"] == ["There is no such milestone."]


def test_who_gives_something_else_is_asked_anew(cast: Cast, gpu: Program, hand_off: Dependency) -> None:
    promised = date(2027, 1, 10)
    answer_hand_off(
        dependency=hand_off, agreement="accepted", by=cast.outsider, on=FRIDAY, at=NOON, promised_on=promised
    )
    idle = milestone(cast.dark, cast.lead, "Canary close")
    before = Revision.objects.get(program=cast.dark).plan_revision
    with pytest.raises(ValidationError) as refusal:
        change_dependency(dependency=hand_off, by=cast.admin, at=NOON, predecessor=idle, promised_on=FRIDAY)
    assert "promised_on" in refusal.value.message_dict
    change_dependency(dependency=hand_off, by=cast.admin, at=NOON, predecessor=idle)
    hand_off.refresh_from_db()
    assert (hand_off.agreement, hand_off.agreed_by, hand_off.promised_on) == ("proposed", None, None)
    assert Revision.objects.get(program=cast.dark).plan_revision == before + 1
    change_dependency(dependency=hand_off, by=cast.lead, at=NOON, predecessor=milestone(cast.na4, cast.lead, "Power"))
    hand_off.refresh_from_db()
    assert hand_off.agreement == ""


# -- pages -----------------------------------------------------------------------------------------------------------


def test_a_link_is_made_in_two_steps_without_a_script(cast: Cast, gpu: Program, sign_in: Any) -> None:
    scheduler, traffic = milestone(gpu, cast.outsider, "Scheduler GA"), milestone(cast.na4, cast.lead, "Traffic")
    client = sign_in(cast.contributor)
    address = f"/m/{traffic.pk}/links/new"
    assert "Step 1 of 2" in client.get(address).text
    assert "Scheduler GA" in client.get(f"{address}?program=GPU").text
    assert "Step 1 of 2" in client.get(f"{address}?program=NONE").text
    posted = {"predecessor": scheduler.pk, "kind": "FS", "lag": "2", "need_by_on": "2027-01-15", "note": ""}
    answer = client.post(f"{address}?program=GPU", posted, follow=True)
    assert "Asked GPU fleet for “Scheduler GA”." in answer.text
    assert Dependency.objects.get().lag == 2 * DAY
    answer = client.post(f"{address}?program=GPU", posted)
    assert answer.status_code == 422
    assert answer.context["form"].errors["predecessor"] == ["These milestones are linked like this already."]


def test_the_page_names_a_loop_beside_the_field(cast: Cast, sign_in: Any) -> None:
    power, racks = milestone(cast.na4, cast.lead, "Power"), milestone(cast.na4, cast.lead, "Racks")
    link(predecessor=power, successor=racks, by=cast.lead)
    posted = {"predecessor": racks.pk, "kind": "FS", "lag": ""}
    answer = sign_in(cast.lead).post(f"/m/{power.pk}/links/new?program=NA4", posted)
    assert "NA4 Power → NA4 Racks" in answer.context["form"].errors["predecessor"][0]


def test_a_hidden_end_is_a_private_program_everywhere(cast: Cast, gpu: Program, sign_in: Any) -> None:
    fleet = milestone(gpu, cast.outsider, "Fleet live")
    canary = milestone(cast.dark, cast.lead, "Canary close")
    gives = link(predecessor=fleet, successor=canary, by=cast.lead)
    takes = Dependency.objects.create(predecessor=canary, successor=milestone(gpu, cast.outsider, "Fleet idle"))
    client = sign_in(cast.outsider)
    pages = [
        "/dependencies",
        "/p/GPU/dependencies",
        f"/m/{fleet.pk}",
        f"/m/{takes.successor_id}",
        f"/links/{gives.pk}/answer",
        f"/links/{gives.pk}/edit",
        f"/links/{takes.pk}/edit",
        f"/links/{takes.pk}/delete",
    ]
    for path in pages:
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert "private program" in answer.text.lower(), path
        for secret in ("Canary", "DARK", f"/m/{canary.pk}"):
            assert secret not in answer.text, path
    refused = client.get(f"/links/{takes.pk}/answer")
    assert refused.status_code == 403
    assert "Canary" not in refused.text


def test_the_answer_page_declines_with_a_reason(cast: Cast, hand_off: Dependency, sign_in: Any) -> None:
    client = sign_in(cast.outsider)
    address = f"/links/{hand_off.pk}/answer"
    answer = client.post(address, {"agreement": "declined", "promised_on": "", "note": ""})
    assert answer.status_code == 422
    assert "Say why" in answer.context["form"].errors["note"][0]
    answer = client.post(address, {"agreement": "declined", "promised_on": "2027-01-08", "note": "No people"})
    assert answer.status_code == 302
    hand_off.refresh_from_db()
    assert (hand_off.agreement, hand_off.note) == ("declined", "No people")
    assert hand_off.promised_on is None
    assert sign_in(cast.viewer).get(address).status_code == 403


def test_a_link_is_edited_and_removed_on_its_page(cast: Cast, hand_off: Dependency, sign_in: Any) -> None:
    client = sign_in(cast.lead)
    page = client.get(f"/links/{hand_off.pk}/edit")
    assert page.context["form"].fields["promised_on"].disabled
    posted = {"kind": "SS", "lag": "-4h", "need_by_on": "2027-01-20", "note": "", "version": hand_off.version}
    assert client.post(f"/links/{hand_off.pk}/edit", posted).status_code == 302
    hand_off.refresh_from_db()
    assert (hand_off.kind, hand_off.lag, hand_off.need_by_on) == ("SS", -240, date(2027, 1, 20))
    assert "Remove this link?" in client.get(f"/links/{hand_off.pk}/delete").text
    assert client.post(f"/links/{hand_off.pk}/delete").status_code == 302
    assert not Dependency.objects.exists()


# -- what was agreed -------------------------------------------------------------------------------------------------


def accepted(cast: Cast, hand_off: Dependency) -> Dependency:
    return answer_hand_off(dependency=hand_off, agreement="accepted", by=cast.outsider, on=FRIDAY, at=NOON)


def test_a_hand_off_that_was_agreed_is_not_the_receivers_alone_to_remove(
    cast: Cast, hand_off: Dependency, api: Any, sign_in: Any
) -> None:
    remove, client = f"/links/{hand_off.pk}/delete", sign_in(cast.lead)
    assert remove in client.get(f"/links/{hand_off.pk}/edit").text
    accepted(cast, hand_off)
    assert remove not in client.get(f"/links/{hand_off.pk}/edit").text
    assert client.get(remove).status_code == 403
    other = milestone(cast.na4, cast.lead, "Other")
    for undo in (
        lambda: unlink(dependency=hand_off, by=cast.lead),
        lambda: change_dependency(dependency=hand_off, by=cast.lead, at=NOON, successor=other),
    ):
        with pytest.raises(PermissionDenied) as refusal:
            undo()
        assert "GPU fleet has agreed to this hand-off. Ask its lead to decline it first" in str(refusal.value)
    answer = api(cast.lead).delete(f"dependencies/{hand_off.pk}")
    assert (answer.status_code, answer.json()["detail"]) == (403, str(refusal.value))
    answer_hand_off(dependency=hand_off, agreement="declined", by=cast.outsider, on=FRIDAY, at=NOON, note="No racks")
    unlink(dependency=hand_off, by=cast.lead)
    assert not Dependency.objects.exists()


def test_a_hidden_giver_is_not_named_when_its_word_is_kept(cast: Cast) -> None:
    gpu = create_program(by=cast.admin, key="GPU", name="GPU fleet", lead=cast.outsider)
    row = link(
        predecessor=milestone(cast.dark, cast.lead, "Canary close"), successor=milestone(gpu, cast.admin, "GA"),
        by=cast.admin,
    )  # fmt: skip
    answer_hand_off(dependency=row, agreement="accepted", by=cast.lead, on=FRIDAY, at=NOON)
    with pytest.raises(PermissionDenied) as refusal:
        unlink(dependency=row, by=cast.outsider)
    assert str(refusal.value).startswith("The program that gives has agreed to this hand-off.")


def test_who_may_speak_for_both_programs_removes_what_was_agreed(cast: Cast, hand_off: Dependency) -> None:
    unlink(dependency=accepted(cast, hand_off), by=cast.admin)
    assert not Dependency.objects.exists()
