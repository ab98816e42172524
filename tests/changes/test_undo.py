"""Taking an act back: whole or not at all, by who did it, while nobody has built on it."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client
from django.utils import timezone

import changes.services
import metrics.services
import milestones.services
import programs.services
import risks.services
from changes.services import ACTS
from history.models import ChangeSet, Event
from history.services import FINAL
from milestones.models import Dependency, Milestone
from people.models import User
from programs.models import Program, Role
from risks.models import Risk
from risks.services import Impact
from tests.conftest import FRIDAY, Api, Cast

DAY = 480


def add(cast: Cast, name: str, by: User | None = None) -> Milestone:
    return milestones.services.create_milestone(
        program=cast.na4, by=by or cast.lead, name=name, today=FRIDAY, target_on=date(2027, 1, 15), work_likely=5 * DAY
    )


def take_back(by: User, which: ChangeSet | None = None) -> None:
    newest = which or ChangeSet.objects.filter(parent=None, by_id=by.pk).latest("id")
    changes.services.undo(change_set=newest, by=by, at=timezone.now())


def test_every_tracked_model_is_final_or_says_what_taking_it_back_is() -> None:
    tracked = {model.pgh_tracked_model for model in apps.get_models() if issubclass(model, Event)}
    assert tracked == FINAL | ACTS.keys()
    assert not FINAL & ACTS.keys()


def test_a_moved_target_goes_back_and_its_cause_with_it(cast: Cast) -> None:
    row = add(cast, "Fibre")
    plan = cast.na4.revisions.plan_revision
    milestones.services.change_milestone(
        milestone=row, by=cast.lead, today=FRIDAY, at=timezone.now(), target_on=date(2027, 3, 1), cause=cast.cause
    )
    take_back(cast.lead)
    row.refresh_from_db()
    assert row.target_on == date(2027, 1, 15)
    assert row.date_moves.count() == 0
    cast.na4.revisions.refresh_from_db()
    assert cast.na4.revisions.plan_revision > plan + 1


def test_taking_back_can_be_taken_back(cast: Cast) -> None:
    row = add(cast, "Fibre")
    milestones.services.change_milestone(
        milestone=row, by=cast.lead, today=FRIDAY, at=timezone.now(), name="Fibre, west"
    )
    take_back(cast.lead)
    take_back(cast.lead)
    row.refresh_from_db()
    assert row.name == "Fibre, west"


def test_a_deleted_milestone_returns_with_its_links_and_risk_impacts_under_its_old_id(cast: Cast) -> None:
    first, last = add(cast, "Fibre"), add(cast, "Open")
    milestones.services.link(predecessor=first, successor=last, by=cast.lead)
    risk = risks.services.create_risk(
        program=cast.na4, by=cast.lead, today=FRIDAY, title="Permit", impacts=[Impact(first, DAY, DAY, DAY)]
    )
    version = first.version
    milestones.services.delete_milestone(milestone=first, by=cast.lead)
    assert Dependency.objects.count() == 0
    take_back(cast.lead)
    again = Milestone.objects.get(pk=first.pk)
    assert (again.name, again.target_on) == ("Fibre", date(2027, 1, 15))
    assert again.version > version
    assert [(link.predecessor_id, link.successor_id) for link in Dependency.objects.all()] == [(first.pk, last.pk)]
    assert Risk.objects.get(pk=risk.pk).impacts.get().milestone_id == first.pk


def test_what_was_taken_back_is_not_taken_back_again(cast: Cast) -> None:
    row = add(cast, "Fibre")
    milestones.services.delete_milestone(milestone=row, by=cast.lead)
    deleted = ChangeSet.objects.filter(parent=None, by_id=cast.lead.pk).latest("id")
    take_back(cast.lead, deleted)
    with pytest.raises(ValidationError) as refusal:
        take_back(cast.lead, deleted)
    assert refusal.value.code == "undone"


def test_an_added_row_is_deleted_but_not_once_somebody_built_on_it(cast: Cast) -> None:
    add(cast, "Alone")
    take_back(cast.lead)
    assert not Milestone.objects.filter(name="Alone").exists()
    first = add(cast, "Fibre")
    act = ChangeSet.objects.latest("id")
    milestones.services.link(predecessor=first, successor=add(cast, "Open"), by=cast.contributor)
    with pytest.raises(ValidationError, match="built on “Fibre”"):
        take_back(cast.lead, act)
    assert Milestone.objects.filter(name="Fibre").exists()


def test_what_others_added_below_a_row_is_something_built_on_it(cast: Cast) -> None:
    """Also where nothing hangs on that in turn, which Django deletes without looking at it."""
    kpi = metrics.services.create_kpi(program=cast.na4, by=cast.lead, name="Racks")
    made = ChangeSet.objects.latest("id")
    metrics.services.measure(kpi=kpi, by=cast.contributor, today=FRIDAY, on=FRIDAY, value=Decimal(3))
    with pytest.raises(ValidationError, match="built on “Racks”"):
        take_back(cast.lead, made)
    row = add(cast, "Fibre", cast.contributor)
    made = ChangeSet.objects.latest("id")
    milestones.services.approve_baseline(
        program=cast.na4, name="First", dates={row.pk: date(2027, 1, 15)}, by=cast.lead, on=FRIDAY
    )
    with pytest.raises(ValidationError, match="built on “Fibre”"):
        take_back(cast.contributor, made)
    assert (kpi.measurements.count(), row.baseline_dates.count()) == (1, 1)


def test_a_link_whose_ends_go_back_closes_no_loop(cast: Cast) -> None:
    first, second, third, fourth = (add(cast, name) for name in ("Fibre", "Open", "Permit", "Power"))
    link = milestones.services.link(predecessor=first, successor=second, by=cast.lead)
    milestones.services.change_dependency(
        dependency=link, by=cast.lead, at=timezone.now(), predecessor=third, successor=fourth
    )
    act = ChangeSet.objects.filter(parent=None).latest("id")
    milestones.services.link(predecessor=second, successor=first, by=cast.contributor)
    with pytest.raises(ValidationError, match="loop"):
        take_back(cast.lead, act)
    link.refresh_from_db()
    assert (link.predecessor, link.successor) == (third, fourth)


def test_a_milestone_that_was_promised_since_is_not_cancelled_again(cast: Cast) -> None:
    row, at = add(cast, "Fibre", cast.contributor), timezone.now()
    given: dict[str, Any] = {"milestone": row, "by": cast.contributor, "today": FRIDAY, "at": at}
    milestones.services.change_milestone(**given, cancelled_on=FRIDAY)
    milestones.services.change_milestone(**given, cancelled_on=None)
    reopened = ChangeSet.objects.filter(parent=None).latest("id")
    other = programs.services.create_program(by=cast.admin, key="OTHER", name="Other", lead=cast.admin)
    needs = milestones.services.create_milestone(program=other, by=cast.admin, name="Land", today=FRIDAY)
    link = milestones.services.link(predecessor=row, successor=needs, by=cast.admin, need_by_on=date(2027, 1, 20))
    milestones.services.answer_hand_off(
        dependency=link, by=cast.lead, on=FRIDAY, at=at, agreement="accepted", promised_on=date(2027, 1, 20)
    )
    with pytest.raises(PermissionDenied, match="promised to another program"):
        take_back(cast.contributor, reopened)
    row.refresh_from_db()
    assert row.cancelled_on is None


def test_what_others_changed_meanwhile_stays_theirs(cast: Cast) -> None:
    row = add(cast, "Fibre")
    at = timezone.now()
    milestones.services.change_milestone(milestone=row, by=cast.lead, today=FRIDAY, at=at, name="Fibre, west")
    act = ChangeSet.objects.latest("id")
    milestones.services.change_milestone(milestone=row, by=cast.contributor, today=FRIDAY, at=at, note="Ask Ruth")
    take_back(cast.lead, act)
    row.refresh_from_db()
    assert (row.name, row.note) == ("Fibre", "Ask Ruth")


def test_the_same_field_changed_again_refuses_and_changes_nothing(cast: Cast) -> None:
    row = add(cast, "Fibre")
    at = timezone.now()
    milestones.services.change_milestone(milestone=row, by=cast.lead, today=FRIDAY, at=at, name="West", note="Mine")
    act = ChangeSet.objects.latest("id")
    milestones.services.change_milestone(milestone=row, by=cast.contributor, today=FRIDAY, at=at, name="East")
    with pytest.raises(ValidationError, match="was changed again since"):
        take_back(cast.lead, act)
    row.refresh_from_db()
    assert (row.name, row.note) == ("East", "Mine")


def test_a_link_does_not_come_back_where_it_would_close_a_loop(cast: Cast) -> None:
    first, last = add(cast, "Fibre"), add(cast, "Open")
    link = milestones.services.link(predecessor=first, successor=last, by=cast.lead)
    milestones.services.unlink(dependency=link, by=cast.lead)
    act = ChangeSet.objects.latest("id")
    milestones.services.link(predecessor=last, successor=first, by=cast.lead)
    with pytest.raises(ValidationError, match="loop"):
        take_back(cast.lead, act)
    assert Dependency.objects.count() == 1


def test_only_ones_own_and_only_for_a_day_and_only_while_one_may(cast: Cast) -> None:
    add(cast, "Fibre", by=cast.contributor)
    act = ChangeSet.objects.latest("id")
    with pytest.raises(PermissionDenied, match="Only who made"):
        take_back(cast.lead, act)
    with pytest.raises(ValidationError, match="too old"):
        changes.services.undo(change_set=act, by=cast.contributor, at=timezone.now() + timedelta(days=2))
    Role.objects.filter(user=cast.contributor).delete()
    with pytest.raises(PermissionDenied, match="may not change it any more"):
        take_back(cast.contributor, act)
    assert Milestone.objects.filter(name="Fibre").exists()


def test_what_was_said_stands(cast: Cast) -> None:
    programs.services.report(program=cast.na4, health="on_track", because="All well.", by=cast.lead, at=timezone.now())
    with pytest.raises(ValidationError, match="cannot be taken back"):
        take_back(cast.lead)


def test_a_deleted_program_without_reports_returns_whole(cast: Cast) -> None:
    add(cast, "Fibre")
    programs.services.delete_program(program=cast.na4, by=cast.admin)
    take_back(cast.admin)
    again = Program.objects.get(key="NA4")
    assert again.lead == cast.lead
    assert again.milestones.get().name == "Fibre"
    assert again.roles.count() == 2
    assert again.revisions.plan_revision > 1


def test_the_message_of_a_page_offers_it(cast: Cast, client: Client) -> None:
    row = add(cast, "Fibre")
    client.force_login(cast.lead)
    page = client.post(f"/m/{row.pk}/edit?only=name", {"name": "West", "version": row.version}, follow=True)
    act = ChangeSet.objects.latest("id")
    assert f'name="change_set" value="{act.pk}"' in page.content.decode()
    back = client.post("/undo", {"change_set": act.pk, "next": f"/m/{row.pk}"}, follow=True)
    assert "Taken back. The forecast follows within seconds." in back.content.decode()
    assert back.redirect_chain[0][0] == f"/m/{row.pk}"
    # The page waits for the forecast after an undo as after an edit.
    assert all("recalculating" in shown.content.decode() for shown in (page, back))
    row.refresh_from_db()
    assert row.name == "Fibre"
    undone = ChangeSet.objects.latest("id")
    done_again = client.post("/undo", {"change_set": undone.pk, "next": f"/m/{row.pk}"}, follow=True).content.decode()
    assert "Done again. The forecast follows within seconds." in done_again
    assert ">Redo</button>" in back.content.decode()
    assert ">Undo</button>" in done_again
    row.refresh_from_db()
    assert row.name == "West"
    elsewhere = client.post("/undo", {"change_set": act.pk, "next": "https://example.org/"})
    assert elsewhere.headers["Location"] == "/"
    for odd in ("", "x", "9" * 40, "²"):
        assert client.post("/undo", {"change_set": odd}).status_code == 404


def test_a_page_that_is_gone_gives_way_to_its_program(cast: Cast, client: Client) -> None:
    row = add(cast, "Fibre")
    client.force_login(cast.lead)
    act = ChangeSet.objects.latest("id")
    back = client.post("/undo", {"change_set": act.pk, "next": f"/m/{row.pk}"}, follow=True)
    assert back.redirect_chain[0][0] == "/p/NA4"


def test_the_api_takes_back_too(cast: Cast) -> None:
    row = add(cast, "Fibre", by=cast.contributor)
    api = Api(cast.contributor)
    newest = api.get("change-sets").json()["data"][0]
    assert (newest["undoes"], newest["undone_by"]) == (None, None)
    assert api.post(f"change-sets/{newest['id']}/undo").status_code == 204
    assert not Milestone.objects.filter(pk=row.pk).exists()
    undoing, undone = api.get("change-sets").json()["data"][:2]
    assert (undoing["undoes"], undone["undone_by"]) == (newest["id"], undoing["id"])
    assert Api(cast.lead).post(f"change-sets/{newest['id']}/undo").status_code == 404
