"""The weekly loop in the hands of who forgets, hurries or means harm."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

import people.services
from people.models import SavedView, User
from reports.letters import outbox
from reports.letters.mail import Mail
from reports.models import Letter, Plan, Subscription, Update
from reports.plans import enrolment, kept, promises
from reports.plans import services as plans
from reports.updates import services
from tests.conftest import FRIDAY, NOON, Cast
from tests.reports.conftest import PostOffice

SignIn = Callable[[User], Client]
EARLIER = NOON - timedelta(hours=1)
HTMX = {"HX-Request": "true"}


def own_plan(cast: Cast, **more: Any) -> Plan:
    """A plan of the open program for its viewer, due at noon on Friday."""
    written: dict[str, Any] = {"name": "NA-4", "content": "program", "program": cast.na4, "weekday": 4, "hour": 12}
    plan = plans.create_plan(by=cast.lead, at=EARLIER, **(written | more))
    plans.subscribe(user=cast.viewer, by=cast.lead, plan=plan, at=EARLIER)
    return plan


def states() -> list[tuple[str, str]]:
    return list(Letter.objects.order_by("due_at", "pk").values_list("period", "state"))


# -- two tabs ----------------------------------------------------------------------------------------------------------


def test_who_publishes_in_one_tab_loses_no_word_in_the_other(cast: Cast, sign_in: SignIn) -> None:
    lead = sign_in(cast.lead)
    draft = services.begin_update(program=cast.na4, by=cast.lead, at=NOON, health="on_track", text="First")
    typed = {"health": "on_track", "text": "From the other tab", "ask": "Nothing", "version": draft.version}
    services.publish_update(update=draft, by=cast.lead, at=NOON)
    for address in (f"/u/{draft.pk}/edit", "/p/NA4/updates/new"):
        answer = lead.post(address, typed | {"draft_id": draft.pk, "publish": "1"})
        page = answer.content.decode()
        assert answer.status_code == 422
        assert "stays as it was said" in page
        assert "From the other tab" in page
        by_itself = lead.post(address, typed | {"draft_id": draft.pk}, headers=HTMX)
        assert "stays as it was said" in by_itself.content.decode()
    assert lead.get(f"/u/{draft.pk}/edit").headers["Location"] == f"/u/{draft.pk}"
    assert Update.objects.get().text == "First"


def test_who_is_signed_out_while_typing_loses_no_word(cast: Cast, sign_in: SignIn) -> None:
    draft = services.begin_update(program=cast.na4, by=cast.lead, at=NOON, health="on_track", text="First")
    nobody = Client()
    answer = nobody.post(f"/u/{draft.pk}/edit", {"text": "Typed meanwhile", "version": 1}, headers=HTMX)
    assert answer.headers["HX-Redirect"].endswith("next=/account/unsent")
    nobody.force_login(cast.lead)
    assert "Typed meanwhile" in nobody.get("/account/unsent").content.decode()


# -- pauses ------------------------------------------------------------------------------------------------------------


def test_the_end_of_a_pause_sends_nothing_late_and_breaks_no_promise(cast: Cast) -> None:
    plan = own_plan(cast)
    own = plan.readers.get()
    plans.change_subscription(subscription=own, by=cast.viewer, at=EARLIER, paused_until=FRIDAY + timedelta(days=60))
    promises.promise(at=NOON + timedelta(days=20))
    back = NOON + timedelta(days=26)  # a Wednesday
    plans.change_subscription(subscription=own, by=cast.viewer, at=back, paused_until=None)
    promises.promise(at=back)
    assert states() == []
    promises.promise(at=NOON + timedelta(days=28))
    assert states() == [("2026-W51", "due")]


def test_a_plan_that_is_paused_sends_nothing_that_waited(cast: Cast) -> None:
    plan = own_plan(cast)
    promises.promise(at=NOON)
    plans.change_plan(plan=plan, by=cast.lead, at=NOON, paused_from=FRIDAY, paused_until=FRIDAY + timedelta(days=20))
    assert states() == [("2026-W47", "skipped")]
    back = NOON + timedelta(days=12)
    plans.change_plan(plan=plan, by=cast.lead, at=back, paused_from=None, paused_until=None)
    promises.promise(at=back)
    promises.promise(at=NOON + timedelta(days=14))
    assert states() == [("2026-W47", "skipped"), ("2026-W49", "due")]
    assert kept.kept(Plan.objects.all(), NOON + timedelta(days=14)).words


def test_a_pause_that_is_over_is_not_shown(cast: Cast, sign_in: SignIn) -> None:
    plan, viewer, today = own_plan(cast), sign_in(cast.viewer), people.services.today(timezone.now())
    for days, shown in ((-1, False), (1, True)):
        until = today + timedelta(days=days)
        Plan.objects.filter(pk=plan.pk).update(paused_until=until)
        Subscription.objects.update(paused_until=until)
        for path in ("/plan", f"/plans/{plan.pk}", "/settings/letters"):
            page = viewer.get(path).content.decode()
            assert bool(re.search("paused until|<dt>Paused", page)) is shown, path


# -- words that mean harm ----------------------------------------------------------------------------------------------

HOSTILE = 'Für <b@evil.example>, "x"\r\nBcc: all@evil.example'


def test_names_inject_no_header(portfolio: Cast, post_office: PostOffice) -> None:
    plan = own_plan(portfolio)
    Plan.objects.filter(pk=plan.pk).update(name=HOSTILE)
    type(portfolio.na4).objects.filter(pk=portfolio.na4.pk).update(name=HOSTILE)
    User.objects.filter(pk=portfolio.viewer.pk).update(name=HOSTILE)
    promises.promise(at=NOON)
    assert outbox.deliver(clock=lambda: NOON, way=Mail()) == 1
    (mail,) = post_office.mails
    assert "Bcc" not in mail
    assert mail["To"].addresses[0].addr_spec == "vera@example.com"
    assert len(mail["To"].addresses) == 1
    sent = re.search(rb"^List-Id:([^\r\n]*(?:\r\n [^\r\n]*)*)", post_office.taken[0], re.MULTILINE)
    assert sent
    assert sent[1].count(b"<") == 1
    assert sent[1].strip().endswith(f"<plan-{plan.pk}.tracker.example>".encode())


# -- whose the standing plans are --------------------------------------------------------------------------------------


def test_the_standing_plans_are_the_first_administrators_until_given_away(cast: Cast, sign_in: SignIn) -> None:
    weekly, day = plans.default_plan(NOON), plans.day_plan(NOON)
    assert weekly.owner == day.owner == cast.admin
    page = sign_in(cast.admin).get(f"/plans/{weekly.pk}/edit")
    assert page.status_code == 200
    plans.change_plan(plan=weekly, by=cast.admin, at=NOON, owner=None)
    assert plans.default_plan(NOON).owner is None
    for path in ("/plan", f"/plans/{weekly.pk}"):
        assert "nobody" in sign_in(cast.viewer).get(path).content.decode()


def test_what_was_swept_before_anybody_is_an_administrator_gets_an_owner_later(cast: Cast) -> None:
    User.objects.filter(is_admin=True).update(is_active=False)
    assert plans.default_plan(NOON).owner is plans.day_plan(NOON).owner is None
    User.objects.filter(pk=cast.admin.pk).update(is_active=True)
    assert plans.default_plan(NOON).owner == plans.day_plan(NOON).owner == cast.admin
    assert Plan.objects.count() == 2


# -- nobody to write to ------------------------------------------------------------------------------------------------


def test_a_plan_that_nobody_reads_promises_nothing_and_says_so(
    cast: Cast, post_office: PostOffice, sign_in: SignIn
) -> None:
    plan = own_plan(cast)
    plans.end_subscription(subscription=plan.readers.get(), by=cast.lead, at=EARLIER)
    Plan.objects.filter(pk=plan.pk).update(enrols=True, audience="sponsor")  # and the program has no sponsor
    enrolment.enrol(at=NOON)
    assert promises.promise(at=NOON) == 0
    assert outbox.deliver(clock=lambda: NOON, way=Mail()) == 0
    assert not Letter.objects.exists()
    found = Plan.objects.filter(pk=plan.pk)
    assert kept.kept(found, NOON).words == "No message was promised for the last 7 days."
    assert (kept.next_due(found, NOON), kept.troubles(found, NOON)) == ([], [])
    lead = sign_in(cast.lead)
    assert "none: nobody reads it yet" in lead.get(f"/plans/{plan.pk}").content.decode()
    assert "NA-4" in lead.get("/plan").content.decode()
    plans.subscribe(user=cast.viewer, by=cast.lead, plan=plan, at=NOON)
    assert "nobody reads it yet" not in lead.get(f"/plans/{plan.pk}").content.decode()


# -- what goes away ----------------------------------------------------------------------------------------------------


def test_a_plan_whose_team_is_deleted_writes_to_nobody(cast: Cast, sign_in: SignIn) -> None:
    team = people.services.create_team(name="Racks", by=cast.admin)
    people.services.set_members(team=team, members=[cast.outsider], by=cast.admin)
    written: dict[str, Any] = {"name": "T", "content": "program", "program": cast.na4, "weekday": 4, "hour": 12}
    plan = plans.create_plan(by=cast.lead, at=EARLIER, teams=[team], **written)
    enrolment.enrol(at=EARLIER)
    assert plan.readers.get().user == cast.outsider
    people.services.delete_team(team=team, by=cast.admin)
    enrolment.enrol(at=NOON)
    assert promises.promise(at=NOON) == 0
    assert sign_in(cast.lead).get(f"/plans/{plan.pk}").status_code == 200


def test_a_saved_view_that_a_plan_uses_stays(cast: Cast, sign_in: SignIn) -> None:
    view = people.services.save_view(by=cast.admin, name="Mine", path="/", query="sort=slip")
    plans.create_plan(by=cast.admin, at=NOON, name="S", content="view", view=view)
    answer = sign_in(cast.admin).post(f"/views/{view.pk}/delete")
    assert answer.status_code < 500
    assert SavedView.objects.filter(pk=view.pk).exists()
