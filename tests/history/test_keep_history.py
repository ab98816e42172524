"""Triggers keep every row as it was: who, when, why, and from when until when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import InternalError, connection, transaction
from django.db.models import ForeignObject

import history
from history.models import ChangeSet, Event, Record
from milestones.models import Dependency, Milestone
from people.models import AccessToken
from programs.models import Program, Revision
from tests.conftest import Cast

pytestmark = pytest.mark.django_db


def make_milestone(cast: Cast, name: str = "Cooling commissioned") -> Milestone:
    return history.create(Milestone(program=cast.na4, name=name))


def events(row: Any) -> list[Any]:
    """A row's events, oldest first; event tables are made at import, so types know nothing of their columns."""
    return list(row.events.order_by("pgh_id"))


def event_table(row: Any) -> Any:
    return row.events.model.objects


def test_each_write_is_an_event_that_ends_the_one_before(cast: Cast) -> None:
    milestone = make_milestone(cast)
    history.save(milestone, name="Cooling handed over")
    history.save(milestone, name="Cooling accepted")
    first, second, third = events(milestone)
    assert [event.name for event in (first, second, third)] == [
        "Cooling commissioned",
        "Cooling handed over",
        "Cooling accepted",
    ]
    assert first.valid_to == second.pgh_created_at
    assert second.valid_to == third.pgh_created_at
    assert third.valid_to is None
    assert first.pgh_created_at < second.pgh_created_at < third.pgh_created_at


def test_two_changes_of_one_transaction_can_be_told_apart(cast: Cast) -> None:
    with transaction.atomic():
        milestone = make_milestone(cast)
        history.save(milestone, name="Renamed at once")
    first, second = events(milestone)
    assert first.pgh_created_at < second.pgh_created_at


def test_rows_are_read_as_they_stood(cast: Cast) -> None:
    milestone = make_milestone(cast)
    between = events(milestone)[0].pgh_created_at
    history.save(milestone, name="Later name")
    table = event_table(milestone)
    assert table.at(between).get(pgh_obj=milestone).name == "Cooling commissioned"
    assert table.at(datetime.now(UTC)).get(pgh_obj=milestone).name == "Later name"
    assert not table.at(between - timedelta(days=1)).filter(pgh_obj=milestone).exists()


def test_a_deleted_row_is_gone_from_now_on_and_there_before(cast: Cast) -> None:
    milestone = make_milestone(cast)
    table, pk = event_table(milestone), milestone.pk
    history.delete(milestone)
    inserted, deleted = table.filter(pgh_obj_id=pk).order_by("pgh_id")
    assert deleted.pgh_label == "delete"
    assert inserted.valid_to == deleted.pgh_created_at == deleted.valid_to
    assert not table.at(datetime.now(UTC)).filter(pgh_obj_id=pk).exists()


def test_events_say_who_and_why(cast: Cast) -> None:
    with history.because("Move the whole row", by_id=cast.lead.pk) as outer:
        milestone = make_milestone(cast)
        with history.because("A part of it", by_id=cast.lead.pk) as inner:
            history.save(milestone, name="Second")
        history.save(milestone, name="Third")
    first, second, third = events(milestone)
    assert (first.change_set_id, second.change_set_id, third.change_set_id) == (outer, inner, outer)
    assert ChangeSet.objects.get(pk=inner).parent_id == outer
    assert ChangeSet.objects.get(pk=outer).by_id == cast.lead.pk
    assert ChangeSet.objects.get(pk=outer).reason == "Move the whole row"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE milestones_milestoneevent SET name = 'forged'",
        "UPDATE milestones_milestoneevent SET valid_to = NULL",
        "DELETE FROM milestones_milestoneevent",
    ],
)
def test_history_cannot_be_rewritten(cast: Cast, statement: str) -> None:
    history.save(make_milestone(cast), name="Twice, so that one event is closed")
    with pytest.raises(InternalError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_a_replay_dates_history_in_the_past(cast: Cast) -> None:
    then = datetime(2026, 8, 21, 15, tzinfo=UTC)
    with history.replaying(then), history.because("Long ago", by_id=None) as change_set:
        milestone = make_milestone(cast)
    assert events(milestone)[0].pgh_created_at == then
    assert ChangeSet.objects.get(pk=change_set).at == then
    history.save(milestone, name="Today")
    assert events(milestone)[1].pgh_created_at > then + timedelta(days=1)


def test_a_clock_set_back_ends_no_event_before_it_began(cast: Cast) -> None:
    milestone = make_milestone(cast)
    with history.replaying(datetime(2020, 1, 1, tzinfo=UTC)):
        history.save(milestone, name="From a clock set back")
    first, second = events(milestone)
    assert first.pgh_created_at == first.valid_to == second.pgh_created_at


def test_an_event_between_programs_carries_both(cast: Cast) -> None:
    giver = make_milestone(cast, "Giver")
    receiver = history.create(Milestone(program=cast.dark, name="Receiver"))
    (event,) = events(history.create(Dependency(predecessor=giver, successor=receiver)))
    assert (event.program_id, event.other_program_id) == (cast.dark.pk, cast.na4.pk)


def test_every_table_of_ours_is_tracked() -> None:
    """Computed rows, tokens, uploads and the outbox are no history; many-to-many tables are tracked through-models."""
    untracked = {
        model._meta.label
        for app in ("people", "programs", "milestones", "risks", "metrics", "forecasts", "reports", "integrations")
        for model in apps.get_app_config(app).get_models(include_auto_created=True)
        if not issubclass(model, Event) and not hasattr(model, "events")
    }
    assert untracked == {
        AccessToken._meta.label,
        Revision._meta.label,
        "forecasts.FrozenHealth",
        "forecasts.HealthPolicy",
        "forecasts.IssuedForecast",
        "forecasts.MilestoneForecast",
        "forecasts.ProgramHealth",
        "forecasts.RiskForecast",
        "forecasts.Run",
        "integrations.Upload",
        "people.Job",
        "programs.Notice",
        "programs.Watch",
        "integrations.UploadedFile",
        "reports.Letter",
        "reports.LintPolicy",
        "reports.Reminder",
        "reports.WebhookSecret",
    }


def test_every_event_finds_its_program_by_an_index() -> None:
    """“All rows of this program at T” is one index scan a table."""
    organisation_wide = {"people", "integrations"}
    for model in apps.get_models():
        if not issubclass(model, Event) or model._meta.app_label in organisation_wide:
            continue
        tracked: Any = model.pgh_tracked_model
        if tracked in (Program,) or tracked._meta.model_name in (
            "objective",
            "slipcause",
            "subscription",
            "planteam",
            "review",
        ):
            continue
        assert any(index.fields[0] in ("program", "program_id") for index in model._meta.indexes), model


def test_the_order_of_the_apps_holds_for_foreign_keys_too() -> None:
    order = ["history", "people", "programs", "milestones", "risks", "metrics", "forecasts", "reports", "integrations"]
    beside = {("risks", "metrics"), ("metrics", "risks")}
    for model in apps.get_models(include_auto_created=True):
        here = model._meta.app_label
        if here not in order:
            continue
        for field in model._meta.get_fields():
            target: Any = field.related_model if isinstance(field, ForeignObject) else None
            if target is not None and target._meta.app_label in order:
                there = target._meta.app_label
                assert (here, there) not in beside
                assert order.index(there) <= order.index(here), f"{model._meta.label}.{field.name} points up"


def test_a_write_raises_the_version_and_an_empty_one_writes_nothing(cast: Cast) -> None:
    milestone = make_milestone(cast)
    assert milestone.version == 1
    history.save(milestone, name="Changed")
    assert Milestone.objects.get(pk=milestone.pk).version == 2
    history.save(milestone, name="Changed")
    assert Milestone.objects.get(pk=milestone.pk).version == 2
    assert len(events(milestone)) == 2
    assert issubclass(Milestone, Record)


def test_a_broken_constraint_speaks_beside_its_field(cast: Cast) -> None:
    milestone = make_milestone(cast)
    with pytest.raises(ValidationError) as refusal:
        history.save(milestone, work_low=480)
    assert refusal.value.message_dict == {
        "work_likely": ["Give all three of best, likely and worst, none lower than the one before."]
    }
    with pytest.raises(ValidationError) as refusal:
        history.create(Program(key="NA4", name="Again"))
    assert refusal.value.message_dict == {"key": ["This key is taken."]}
    assert Milestone.objects.get(pk=milestone.pk).work_low is None


def test_what_is_still_used_is_not_deleted(cast: Cast) -> None:
    with pytest.raises(ValidationError, match="still used by: program"):
        history.delete(cast.lead)
