"""What outside readers get of a plan that is widened, and what readers are told who lost a program."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client

import people.services
import programs.services
from people.models import SavedView, Team, User
from programs.models import Program
from reports.letters.desk import open_desk
from reports.letters.links import unsubscribe_token
from reports.letters.writing import write
from reports.models import Letter, Plan, Subscription
from reports.plans import services as plans
from tests.conftest import NOON, Api, Cast

SignIn = Callable[[User], Client]
EARLIER = NOON - timedelta(hours=1)
UNSEEN = "A program that you no longer see"


@pytest.fixture
def view(cast: Cast) -> SavedView:
    """What the contributor saved: they see both programs, and share neither."""
    return people.services.save_view(by=cast.contributor, name="Mine", path="/", query=f"lead={cast.lead.pk}")


def shared_with_partner(cast: Cast, **written: Any) -> Plan:
    """A plan that an outside reader gets, let in by an administrator."""
    plan = plans.create_plan(by=cast.admin, at=EARLIER, name="Partners", **written)
    asked = {"email": "pia@partner.example", "name": "Pia", "time_zone": "Asia/Kolkata"}
    plans.invite(plan=plan, by=cast.admin, at=EARLIER, **asked)
    return plan


def letter_to_partner(plan: Plan) -> str:
    rows = Letter.objects.select_related("subscription__plan__program")
    letter = rows.get(subscription=plan.readers.get())
    letter.period = "2026-W47"
    (words,) = write([letter], at=NOON, desk=open_desk())
    return words.text


def test_a_plan_that_outsiders_read_is_widened_by_who_may_share_what_it_tells(cast: Cast) -> None:
    other = programs.services.create_program(by=cast.admin, key="GPU", name="GPU fleet")
    plan = shared_with_partner(cast, content="chosen", programs=[cast.na4], owner=cast.contributor)
    with pytest.raises(PermissionDenied, match="GPU fleet"):
        plans.change_plan(plan=plan, by=cast.contributor, at=NOON, programs=[other])
    for widening in ({"length": "headline"}, {"without": "asks"}, {"audience": "sponsor"}, {"owner": cast.admin}):
        with pytest.raises(PermissionDenied, match="share with outside readers"):
            plans.change_plan(plan=plan, by=cast.contributor, at=NOON, **widening)
    plan.refresh_from_db()
    assert [row.program for row in plan.chosen.all()] == [cast.na4]
    with pytest.raises(PermissionDenied, match="share with outside readers"):
        plans.change_plan(plan=plan, by=cast.contributor, at=NOON, teams=[Team.objects.create(name="Power")])
    # A page sends all of it each time: what stays tells nobody more, and neither does what is taken off.
    plans.change_plan(
        plan=plan, by=cast.contributor, at=NOON, hour=9, name="To partners", programs=[cast.na4], teams=[]
    )
    plans.change_plan(plan=plan, by=cast.admin, at=NOON, programs=[cast.na4, other])
    plans.change_plan(plan=plan, by=cast.contributor, at=NOON, programs=[cast.na4])
    # Without outside readers its keeper chooses freely.
    plans.end_subscription(subscription=plan.readers.get(), by=cast.admin, at=NOON)
    plans.change_plan(plan=plan, by=cast.contributor, at=NOON, programs=[other], length="headline")


def test_a_letter_of_all_programs_holds_what_its_owner_may_share_too(cast: Cast) -> None:
    plan = shared_with_partner(cast, content="chosen", programs=[cast.na4], owner=cast.contributor)
    assert "Region NA-4" in letter_to_partner(plan)
    plans.change_plan(plan=plan, by=cast.contributor, at=NOON, content="portfolio")
    assert "Canary" not in letter_to_partner(plan)
    assert "Region NA-4" not in letter_to_partner(plan)
    plans.change_plan(plan=plan, by=cast.admin, at=NOON, owner=cast.lead)
    assert "Canary" in letter_to_partner(plan), "Both are the lead's to share"


def test_a_letter_of_a_view_holds_what_its_owner_may_share_too(cast: Cast, view: SavedView) -> None:
    plan = shared_with_partner(cast, content="view", view=view)
    assert letter_to_partner(plan) == ""
    leads = people.services.save_view(by=cast.lead, name="Led", path="/", query=view.query)
    plans.change_plan(plan=plan, by=cast.admin, at=NOON, view=leads)
    assert "Canary" in letter_to_partner(plan)
    Plan.objects.filter(pk=plan.pk).update(owner=cast.contributor)
    people.services.change_view(view=view, by=cast.contributor, query="")
    plans.change_plan(plan=plan, by=cast.contributor, at=NOON, view=view)  # tells outsiders nothing
    with pytest.raises(PermissionDenied, match="share with outside readers"):
        plans.change_plan(plan=plan, by=cast.contributor, at=NOON, view=leads)


def test_only_who_sees_what_a_plan_tells_is_made_its_reader(cast: Cast, api: type[Api]) -> None:
    plan = plans.create_plan(by=cast.lead, at=EARLIER, name="Canary", content="program", program=cast.dark)
    with pytest.raises(ValidationError, match="does not see"):
        plans.subscribe(user=cast.outsider, by=cast.lead, plan=plan, at=NOON)
    assert api(cast.lead).post(f"plans/{plan.pk}/readers", {"user": cast.outsider.pk}).status_code == 422
    assert not Subscription.objects.exists()


def test_who_lost_a_program_is_not_told_what_its_plan_is_called_now(cast: Cast, sign_in: SignIn) -> None:
    plan = plans.create_plan(by=cast.lead, at=EARLIER, name="Canary", content="program", program=cast.dark)
    reader = plans.subscribe(user=cast.viewer, by=cast.lead, plan=plan, at=EARLIER)
    Letter.objects.create(subscription=reader, period="2026-W46", due_at=EARLIER, message_id="<1@x>")
    client = sign_in(cast.viewer)
    paths = [
        "/letters",
        "/settings/letters",
        f"/settings/letters/{reader.pk}",
        f"/unsubscribe/{unsubscribe_token(reader.pk)}",
    ]
    for path in paths:
        assert "Canary" in client.get(path).text, path
    programs.services.take_role(role=cast.dark.roles.get(user=cast.viewer), by=cast.lead)
    Program.objects.filter(pk=cast.dark.pk).update(name="Renamed merger")
    Plan.objects.filter(pk=plan.pk).update(name="Renamed plan")
    for path in paths:
        page = client.get(path).text
        assert "Renamed" not in page, path
        assert UNSEEN in page, path
    assert "Renamed" not in str(Api(cast.viewer).get("subscriptions").json())
    said = client.post(f"/settings/letters/{reader.pk}/end", follow=True).text
    assert UNSEEN in said
    assert "Renamed" not in said
