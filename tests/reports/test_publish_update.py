"""A lead's week in words: draft, published with its facts, never changed after."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client

import metrics.services
from people.models import User
from programs.models import ReportedHealth
from reports.models import Update
from reports.updates import services, snapshot
from tests.conftest import FRIDAY, NOON, Cast

SignIn = Callable[[User], Client]
CAUSE = "The supplier is late."


def whole(cast: Cast) -> dict[str, Any]:
    """What an update says that is not on track."""
    return {"cause": CAUSE, "path_to_green": "Rent power.", "path_owner": cast.lead, "path_on": FRIDAY}


def draft(cast: Cast, **written: Any) -> Update:
    return services.begin_update(program=cast.na4, by=cast.lead, at=NOON, **written)


def test_publishing_freezes_the_facts_and_reports_the_health(portfolio: Cast) -> None:
    kpi = metrics.services.create_kpi(program=portfolio.na4, by=portfolio.lead, name="Racks", target_value=Decimal(640))
    metrics.services.measure(kpi=kpi, by=portfolio.lead, on=FRIDAY, value=Decimal("212.5"), today=FRIDAY)
    words = "Power is late.\n\nWe rent generators."
    update = draft(portfolio, health="at_risk", text=words, ask="A budget.", **whole(portfolio))
    services.publish_update(update=update, by=portfolio.lead, at=NOON)
    said = ReportedHealth.objects.get(program=portfolio.na4)
    assert (said.health, said.because, said.by, said.at) == (
        "at_risk",
        CAUSE,
        portfolio.lead,
        NOON,
    )
    published = Update.objects.get(pk=update.pk)
    facts = published.snapshot
    assert facts is not None
    assert facts["derived"]["health"] == "off_track"
    assert facts["derived"]["slip_days"] == 34
    assert [row["title"] for row in facts["risks"]] == ["Power supplier folds"]
    assert [(row["name"], row["done_on"]) for row in facts["milestones"]] == [("Power on site", "2026-11-18")]
    assert [(row["name"], row["value"], row["target"]) for row in facts["kpis"]] == [("Racks", "212.5", "640")]
    assert [row["decide_by_on"] for row in facts["decisions"]] == ["2026-11-25"]
    # The facts move on; what the update was written on does not.
    portfolio.na4.risks.all().delete()
    assert Update.objects.get(pk=update.pk).snapshot == facts


@pytest.mark.parametrize(("health", "text", "missing"), [("", "Words.", "health"), ("at_risk", " ", "text")])
def test_half_an_update_is_not_published(cast: Cast, health: str, text: str, missing: str) -> None:
    update = draft(cast, health=health, text=text)
    with pytest.raises(ValidationError) as refusal:
        services.publish_update(update=update, by=cast.lead, at=NOON)
    assert set(refusal.value.message_dict) == {missing}
    assert not ReportedHealth.objects.exists()


def test_what_is_published_is_not_changed(cast: Cast) -> None:
    update = draft(cast, health="on_track", text="All well.")
    services.publish_update(update=update, by=cast.lead, at=NOON)
    for write in (
        lambda: services.change_update(update=update, by=cast.lead, text="Not so well."),
        lambda: services.publish_update(update=update, by=cast.lead, at=NOON + timedelta(days=1)),
        lambda: services.discard_update(update=update, by=cast.lead),
    ):
        with pytest.raises(ValidationError, match="stays as it was said"):
            write()


def test_only_those_who_may_report_write(cast: Cast) -> None:
    for person in (cast.contributor, cast.viewer, cast.outsider):
        with pytest.raises(PermissionDenied):
            services.begin_update(program=cast.na4, by=person, at=NOON)
    update = draft(cast)
    with pytest.raises(PermissionDenied):
        services.change_update(update=update, by=cast.viewer, text="Mine.")


def test_a_snapshot_without_a_forecast(cast: Cast) -> None:
    assert snapshot.take(cast.na4, NOON)["derived"] is None
    assert snapshot.read({"day": "2026-11-20", "rows": [{"due_on": None}]}) == {
        "day": FRIDAY,
        "rows": [{"due_on": None}],
    }


# -- pages -----------------------------------------------------------------------------------------------------------


def test_write_save_and_publish_on_the_page(portfolio: Cast, sign_in: SignIn) -> None:
    lead = sign_in(portfolio.lead)
    answer = lead.post("/p/NA4/updates/new", {"health": "at_risk", "text": "Half a", "draft": "1"})
    update = Update.objects.get()
    assert answer.headers["Location"] == f"/u/{update.pk}/edit"
    written = {"health": "at_risk", "text": "<b>Bold</b> & *late*", "ask": "Money", "version": "1", "publish": "1"}
    written |= {"cause": CAUSE, "path_to_green": "Rent", "path_owner": str(portfolio.lead.pk), "path_on": "2026-12-24"}
    asked = lead.post(f"/u/{update.pk}/edit", written)
    assert asked.status_code == 422
    assert "Look again before you publish" in asked.text
    assert "The forecast is of 20 Nov 2026." in asked.text
    written |= {"anyway": "1"}
    answer = lead.post(f"/u/{update.pk}/edit", written)
    assert answer.headers["Location"] == f"/u/{update.pk}"
    page = lead.get(f"/u/{update.pk}").content.decode()
    assert "<em>late</em>" in page
    assert "<b>Bold</b>" not in page
    assert "Power supplier folds" in page
    assert lead.get(f"/u/{update.pk}/edit").headers["Location"] == f"/u/{update.pk}"
    assert "late" in lead.get("/p/NA4/updates").content.decode()


def test_a_refused_publication_keeps_what_was_typed(cast: Cast, sign_in: SignIn) -> None:
    answer = sign_in(cast.lead).post("/p/NA4/updates/new", {"text": "Typed", "ask": "Kept", "publish": "1"})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "Say how the program stands." in page
    assert "Typed" in page
    assert "Kept" in page
    assert not Update.objects.exists()


def test_two_editors_do_not_overwrite_each_other(cast: Cast, sign_in: SignIn) -> None:
    update = draft(cast, text="First")
    services.change_update(update=update, by=cast.admin, text="Second")
    posted = {"text": "Third", "version": "1", "draft": "1"}
    answer = sign_in(cast.lead).post(f"/u/{update.pk}/edit", posted)
    assert answer.status_code == 412
    assert "Second" in answer.content.decode()
    assert Update.objects.get().text == "Second"


def test_drafts_are_for_those_who_report(cast: Cast, sign_in: SignIn) -> None:
    update = draft(cast, text="Unfinished thought")
    viewer = sign_in(cast.viewer)
    assert viewer.get(f"/u/{update.pk}").status_code == 404
    assert "Unfinished" not in viewer.get("/p/NA4/updates").content.decode()
    assert viewer.get("/p/NA4/updates/new").status_code == 403
    lead = sign_in(cast.lead)
    assert "Unfinished" in lead.get("/p/NA4/updates").content.decode()
    assert lead.get(f"/u/{update.pk}/discard").status_code == 200
    assert lead.post(f"/u/{update.pk}/discard").status_code == 302
    assert not Update.objects.exists()


def test_an_outsider_finds_nothing_of_a_private_program(cast: Cast, sign_in: SignIn) -> None:
    update = services.begin_update(program=cast.dark, by=cast.lead, at=NOON, health="on_track", text="Secret")
    services.publish_update(update=update, by=cast.lead, at=NOON)
    outsider = sign_in(cast.outsider)
    for path in ("/p/DARK/updates", "/p/DARK/updates/new", f"/u/{update.pk}", f"/u/{update.pk}/edit"):
        assert outsider.get(path).status_code == 404
    assert sign_in(cast.viewer).get(f"/u/{update.pk}").status_code == 200
