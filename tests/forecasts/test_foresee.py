"""What an edit would move is what the forecast then says, told as far as the reader may see; nothing of it is saved."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import forecasts.impact
import forecasts.services
import milestones.services
import people.services
import programs.services
from forecasts.impact import Edits, Impact, impact_of
from forecasts.models import MilestoneForecast
from milestones.models import Dependency, Milestone
from people.models import User
from programs.models import Program
from tests.conftest import FRIDAY, NOON, Cast
from tests.forecasts.conftest import DAY, Plan

MONDAY = date(2026, 11, 30)


def foreseen(plan: Plan, by: User | None = None, **edits: Any) -> Impact:
    return impact_of(Edits(**edits), by=by or plan.cast.admin, today=FRIDAY)


def days(impact: Impact) -> dict[str, int | None]:
    return {one.milestone.name: one.days for moves in impact.programs for one in moves.milestones}


def p80() -> dict[int, date | None]:
    forecasts.services.bring_up_to_date(program_ids=Program.objects.values_list("pk", flat=True), today=FRIDAY, at=NOON)
    return dict(MilestoneForecast.objects.values_list("pk", "p80_on"))


def unlink(plan: Plan) -> tuple[dict[str, Any], Callable[[], object]]:
    return {"unlinked": [plan.hand_off]}, lambda: milestones.services.unlink(
        dependency=plan.hand_off, by=plan.cast.admin
    )


def add_link(plan: Plan) -> tuple[dict[str, Any], Callable[[], object]]:
    link = Dependency(predecessor=plan.live, successor=plan.scheduler, kind="FS", lag=2 * DAY)
    return {"links": [link]}, lambda: milestones.services.link(
        predecessor=plan.live, successor=plan.scheduler, lag=2 * DAY, by=plan.cast.admin
    )


def promise(plan: Plan) -> tuple[dict[str, Any], Callable[[], object]]:
    """Of a giver of which nothing else is known, the promise is the day."""
    permit = milestones.services.create_milestone(program=plan.na4, by=plan.cast.admin, today=FRIDAY, name="Permit")
    link = milestones.services.link(predecessor=permit, successor=plan.scheduler, by=plan.cast.admin)
    link = milestones.services.answer_hand_off(
        dependency=link, agreement="accepted", by=plan.cast.admin, on=FRIDAY, at=NOON, promised_on=date(2026, 12, 1)
    )
    later = date(2026, 12, 15)
    return {"days": [(link, {"promised_on": later})]}, lambda: milestones.services.change_dependency(
        dependency=link, by=plan.cast.admin, at=NOON, cause=plan.cast.cause, promised_on=later
    )


def decline(plan: Plan) -> tuple[dict[str, Any], Callable[[], object]]:
    return take_back(plan, "declined")


def deliver(plan: Plan) -> tuple[dict[str, Any], Callable[[], object]]:
    return take_back(plan, "delivered")


def take_back(plan: Plan, agreement: str) -> tuple[dict[str, Any], Callable[[], object]]:
    """Of a giver with a day of its own the promise is no longer the day."""
    edits, _ = promise(plan)
    link = edits["days"][0][0]
    plan.change(link.predecessor, target_on=date(2026, 12, 8))
    return {"days": [(link, {"agreement": agreement})]}, lambda: milestones.services.answer_hand_off(
        dependency=link, agreement=agreement, by=plan.cast.admin, on=FRIDAY, at=NOON, note="No crane"
    )


def edit(**changes: Any) -> Callable[[Plan], tuple[dict[str, Any], Callable[[], object]]]:
    return lambda plan: ({"changes": [(plan.power, changes)]}, lambda: plan.change(plan.power, **changes))


@pytest.mark.parametrize(
    "an_edit",
    [
        pytest.param(edit(not_before_on=MONDAY), id="not before"),
        pytest.param(edit(work_low=4 * DAY, work_likely=9 * DAY, work_high=30 * DAY), id="work"),
        pytest.param(edit(started_on=FRIDAY, remaining=DAY), id="started"),
        pytest.param(edit(done_on=FRIDAY), id="done"),
        pytest.param(edit(cancelled_on=FRIDAY), id="cancelled"),
        pytest.param(unlink, id="a link goes"),
        pytest.param(add_link, id="a link comes"),
        pytest.param(promise, id="a promise moves"),
        pytest.param(decline, id="a promise is taken back"),
        pytest.param(deliver, id="a hand-off is delivered"),
    ],
)
def test_what_is_foreseen_is_what_the_forecast_then_says(plan: Plan, an_edit: Any) -> None:
    edits, save = an_edit(plan)
    before = p80()
    with CaptureQueriesContext(connection) as asked:
        impact = foreseen(plan, **edits)
    assert not [one["sql"] for one in asked if not one["sql"].lstrip().startswith(("SELECT", "WITH"))]
    save()
    after = p80()
    told = {one.milestone.pk: (one.before_on, one.after_on) for moves in impact.programs for one in moves.milestones}
    assert told == {pk: (on, after.get(pk)) for pk, on in before.items() if after.get(pk) != on}
    assert told


def test_each_program_tells_how_far_it_moves(plan: Plan) -> None:
    impact = foreseen(plan, changes=[(plan.power, {"not_before_on": MONDAY})])
    # Six working days later, and all of them reach over one weekend more.
    assert days(impact) == dict.fromkeys(("Power", "Racks", "Live", "Scheduler", "GA"), 8)
    assert [(moves.program.key, len(moves.milestones)) for moves in impact.programs] == [("NA4", 3), ("GPU", 2)]
    assert [one.milestone.name for one in impact.by_name][:2] == ["Live", "GA"]
    assert {one.milestone.name for one in impact.by_name} == days(impact).keys()


def test_a_target_alone_moves_nothing_but_its_chance(plan: Plan) -> None:
    impact = foreseen(plan, changes=[(plan.power, {"target_on": date(2026, 11, 26)})])
    assert impact.count == 0
    assert [(one.chance_before, one.chance_after) for one in impact.edited] == [(0.0, 1.0)]
    (power,) = impact.edited
    assert (power.due_before_on, power.due_after_on) == (plan.power.target_on, date(2026, 11, 26))
    assert power.late_days == (power.after_on - date(2026, 11, 26)).days if power.after_on else False


def test_a_day_that_is_over_is_said_of_what_is_open(plan: Plan) -> None:
    over: dict[str, Any] = {"not_before_on": date(2026, 11, 12), "target_on": date(2026, 11, 12)}
    assert foreseen(plan, changes=[(plan.power, over)]).past == ["not_before_on", "target_on"]
    assert foreseen(plan, changes=[(plan.power, {"not_before_on": FRIDAY})]).past == []
    assert foreseen(plan, changes=[(plan.power, over | {"done_on": FRIDAY})]).past == []


def test_a_day_that_is_over_is_said_where_nothing_is_simulated(
    plan: Plan, sign_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    never = milestones.services.create_milestone(
        program=plan.na4, by=plan.cast.admin, today=FRIDAY, name="Never",
        not_before_on=date(2099, 6, 1), work_likely=400 * DAY,
    )  # fmt: skip
    milestones.services.link(predecessor=plan.power, successor=never, by=plan.cast.admin)
    over: Any = {"changes": [(plan.power, {"target_on": date(2026, 11, 12)})]}
    told = foreseen(plan, **over)
    assert (told.reason, told.past) == ("no_forecast", ["target_on"])
    monkeypatch.setattr(forecasts.impact, "MOST_TASKS", 1)
    told = foreseen(plan, **over)
    assert (told.reason, told.past) == ("too_large", ["target_on"])
    line = sign_in(plan.cast.lead).post(
        f"/m/{plan.power.pk}/impact?only=not_before_on",
        {"not_before_on": "2026-11-12", "version": plan.power.version},
        headers={"HX-Request": "true"},
    )
    assert "too many to simulate" in line.text
    assert "This day is over" in line.text


def test_a_hand_off_that_would_come_too_late_names_who_must_agree(plan: Plan) -> None:
    programs.services.change_program(program=plan.gpu, by=plan.cast.admin, lead=plan.cast.lead)
    Dependency.objects.filter(pk=plan.hand_off.pk).update(need_by_on=date(2026, 12, 1))
    changes: Any = {"changes": [(plan.power, {"not_before_on": MONDAY})]}
    (broken,) = foreseen(plan, **changes).broken
    assert (broken.giver, broken.receiver, broken.late_days) == (plan.racks, plan.scheduler, 7)
    assert broken.agrees == plan.cast.lead
    # Who leads the receiver agrees with themselves.
    assert [one.agrees for one in foreseen(plan, by=plan.cast.lead, **changes).broken] == [None]
    assert not foreseen(plan, changes=[(plan.power, {"not_before_on": date(2026, 11, 23)})]).broken


def test_what_is_late_already_is_told_where_it_comes_later_still(plan: Plan) -> None:
    Dependency.objects.filter(pk=plan.hand_off.pk).update(need_by_on=FRIDAY)
    assert [one.late_days for one in foreseen(plan, changes=[(plan.power, {"not_before_on": MONDAY})]).broken] == [18]
    assert not foreseen(plan, changes=[(plan.power, {"done_on": FRIDAY})]).broken


def test_a_move_that_breaks_an_agreed_promise_asks_whoever_it_was_given_to(plan: Plan) -> None:
    programs.services.change_program(program=plan.gpu, by=plan.cast.admin, lead=plan.cast.lead)
    Dependency.objects.filter(pk=plan.hand_off.pk).update(
        need_by_on=date(2026, 12, 31), promised_on=date(2026, 12, 2), agreement="accepted"
    )
    (broken,) = foreseen(plan, changes=[(plan.power, {"not_before_on": MONDAY})]).broken
    assert (broken.why, broken.due_on, broken.late_days) == ("promised", date(2026, 12, 2), 6)
    assert broken.agrees == plan.cast.lead


def test_other_days_of_a_hand_off_say_who_must_agree(plan: Plan) -> None:
    """Racks are expected on 30 November."""
    programs.services.change_program(program=plan.gpu, by=plan.cast.admin, lead=plan.cast.contributor)
    Dependency.objects.filter(pk=plan.hand_off.pk).update(need_by_on=date(2026, 12, 4), promised_on=date(2026, 12, 2))
    link = Dependency.objects.select_related("predecessor__program__lead", "successor__program__lead").get(
        pk=plan.hand_off.pk
    )

    def asked(**days: Any) -> list[tuple[str, int, User | None]]:
        return [(one.why, one.late_days, one.agrees) for one in foreseen(plan, days=[(link, days)]).broken]

    assert asked(need_by_on=date(2026, 12, 3)) == []
    assert asked(need_by_on=date(2026, 12, 1)) == [("needed", 1, plan.cast.lead)]
    assert asked(promised_on=date(2026, 12, 9)) == [("needed", 5, plan.cast.contributor)]
    assert asked(promised_on=date(2026, 11, 27)) == [("unsure", 3, None)]
    with pytest.raises(PermissionDenied):
        foreseen(plan, by=plan.cast.viewer, days=[(link, {"need_by_on": FRIDAY})])


def test_a_word_about_a_day_after_the_need_asks_the_side_that_has_not_agreed(plan: Plan, sign_in: Any) -> None:
    """Needed by 10 December; the giver has offered the 20th."""
    giver, receiver = plan.cast.lead, plan.cast.contributor
    programs.services.change_program(program=plan.gpu, by=plan.cast.admin, lead=receiver)
    need, offer, sooner = date(2026, 12, 10), date(2026, 12, 20), date(2026, 12, 15)
    rows = Dependency.objects.filter(pk=plan.hand_off.pk)

    def asked(**word: Any) -> list[User | None]:
        link = rows.select_related("predecessor__program__lead", "successor__program__lead").get()
        return [one.agrees for one in foreseen(plan, days=[(link, word)]).broken]

    rows.update(need_by_on=need, promised_on=offer, agreement="countered")
    assert asked(agreement="proposed", need_by_on=need) == [giver]
    assert asked(agreement="accepted", need_by_on=need) == [None]
    assert asked(agreement="accepted", promised_on=sooner) == [receiver]
    assert asked(agreement="countered", promised_on=sooner) == [receiver]
    assert asked(promised_on=sooner) == [receiver]
    assert asked(agreement="declined") == asked(agreement="delivered") == []
    # The giver who accepts and leaves the day empty means the day that stands.
    line = sign_in(plan.cast.admin).post(
        f"/links/{plan.hand_off.pk}/answer/impact", {"agreement": "accepted"}, headers={"HX-Request": "true"}
    )
    assert f'Needs <b dir="auto">{receiver.name}</b>’s agreement: <bdi>Racks</bdi> would come 10 d after' in line.text
    # What the receiver has agreed to is asked for once.
    rows.update(agreement="accepted")
    assert asked(agreement="accepted", promised_on=sooner) == [None]
    assert asked(agreement="accepted", promised_on=date(2026, 12, 21)) == [receiver]
    assert asked(agreement="countered", promised_on=sooner) == [receiver]


@pytest.fixture
def private(plan: Plan) -> Plan:
    """The program that waits is hidden from the contributor of the one that gives."""
    programs.services.change_program(program=plan.gpu, by=plan.cast.admin, visibility="private", lead=plan.cast.admin)
    Dependency.objects.filter(pk=plan.hand_off.pk).update(need_by_on=date(2026, 12, 1))
    return plan


def test_of_private_programs_there_is_a_number_and_no_name(private: Plan, api: Any, sign_in: Any) -> None:
    contributor = private.cast.contributor
    impact = foreseen(private, by=contributor, changes=[(private.power, {"not_before_on": MONDAY})])
    assert [moves.program.key for moves in impact.programs] == ["NA4"]
    assert (impact.hidden, impact.hidden_days) == (2, 8)
    assert [(one.giver, one.receiver, one.agrees) for one in impact.broken] == [(private.racks, None, None)]
    later = str(people.services.today(timezone.now()) + timedelta(weeks=3))
    told = api(contributor).post("what-if", {"milestones": [{"milestone": private.power.pk, "not_before_on": later}]})
    line = sign_in(contributor).post(
        f"/m/{private.power.pk}/impact?only=not_before_on",
        {"not_before_on": later, "version": private.power.version},
        headers={"HX-Request": "true"},
    )
    assert "2 milestones of private programs move by up to +" in line.text
    assert "Needs the agreement of a private program: <bdi>Racks</bdi> would come" in line.text
    assert "when <bdi>a private program</bdi> needs it." in line.text
    for answer in (told, line):
        assert "GPU" not in answer.content.decode()
        assert "Scheduler" not in answer.content.decode()


def test_only_who_may_edit_asks_and_no_loop_is_foreseen(plan: Plan, api: Any, sign_in: Any) -> None:
    cast = plan.cast
    with pytest.raises(PermissionDenied):
        foreseen(plan, by=cast.viewer, changes=[(plan.power, {"done_on": FRIDAY})])
    with pytest.raises(ValidationError, match="loop"):
        foreseen(plan, links=[Dependency(predecessor=plan.ga, successor=plan.power)])
    with pytest.raises(ValidationError, match="future"):
        foreseen(plan, changes=[(plan.power, {"done_on": MONDAY})])
    assert sign_in(cast.viewer).post(f"/m/{plan.power.pk}/impact").status_code == 403
    body = {"milestones": [{"milestone": plan.power.pk, "work_likely": 480}]}
    assert api(cast.viewer).post("what-if", body).status_code == 403
    assert api(cast.lead, ["read"]).post("what-if", body).status_code == 403
    assert api(cast.lead).post("what-if", {}).status_code == 422
    assert api(cast.lead).post("what-if", {"milestones": [{"milestone": 987_654}]}).status_code == 422


def test_the_api_tells_programs_hand_offs_and_who_agrees(plan: Plan, api: Any) -> None:
    Dependency.objects.filter(pk=plan.hand_off.pk).update(need_by_on=FRIDAY)
    answer = api(plan.cast.admin).post(
        "what-if",
        {
            "milestones": [{"milestone": plan.power.pk, "work_low": None, "work_likely": 4800, "work_high": None}],
        },
    )
    assert answer.status_code == 200
    told = answer.json()
    assert {moves["program"] for moves in told["programs"]} == {"NA4", "GPU"}
    assert {"milestone", "name", "before_on", "after_on", "days"} <= told["programs"][0]["milestones"][0].keys()
    assert told["hidden"] == 0
    assert told["reason"] == ""
    assert [one["dependency"] for one in told["hand_offs"]] == [plan.hand_off.pk]
    # A hand-off that goes with the same edits comes too late for nobody.
    body = {"milestones": [{"milestone": plan.power.pk, "work_likely": 4800}], "unlinked": [plan.hand_off.pk]}
    assert api(plan.cast.admin).post("what-if", body).json()["hand_offs"] == []
    body = {"hand_offs": [{"dependency": plan.hand_off.pk, "need_by_on": "2026-11-18"}]}
    (late,) = api(plan.cast.admin).post("what-if", body).json()["hand_offs"]
    offer = {"dependency": plan.hand_off.pk, "promised_on": "2026-12-18", "agreement": "countered"}
    body = {"hand_offs": [offer]}
    (asks,) = api(plan.cast.admin).post("what-if", body).json()["hand_offs"]
    assert (asks["why"], asks["agrees"]) == ("needed", plan.gpu.lead_id)
    body = {"hand_offs": [{"dependency": plan.hand_off.pk, "agreement": "declined"}]}
    assert api(plan.cast.admin).post("what-if", body).json()["hand_offs"] == []
    body = {"hand_offs": [{"dependency": plan.hand_off.pk, "agreement": "perhaps"}]}
    assert api(plan.cast.admin).post("what-if", body).status_code == 422
    assert (late["why"], late["due_on"], late["agrees"]) == ("needed", "2026-11-18", plan.cast.lead.pk)


def test_the_form_shows_the_line_before_it_is_saved(
    plan: Plan, sign_in: Any, django_assert_max_num_queries: Any
) -> None:
    client, power = sign_in(plan.cast.lead), plan.power
    assert (
        f'hx-post="/m/{power.pk}/impact?only=not_before_on"'
        in client.get(f"/m/{power.pk}/edit?only=not_before_on", headers={"HX-Request": "true"}).text
    )
    assert "/impact" not in client.get(f"/m/{power.pk}/edit?only=owner").text
    later = str(people.services.today(timezone.now()) + timedelta(weeks=3))
    posted = {"not_before_on": later, "version": power.version}
    with django_assert_max_num_queries(25):
        client.post(f"/m/{power.pk}/impact?only=not_before_on", posted, headers={"HX-Request": "true"})
    page = client.post(f"/m/{power.pk}/impact?only=not_before_on", posted)
    # Without a script it is the form again, as it was filled in, and it saves to the place where it came from.
    assert "Moves <b>5 milestones</b> in 2 programs at P80" in page.text
    # Later is worse, by however little; of many a few are named.
    moves = page.text.index("Moves <b>")
    assert page.text[moves:].count('class="delta s-bad"') == 4
    assert "<bdi>Power</bdi>: target stays 24 Nov 2026, P80 " in page.text[:moves]
    assert "and 1 more." in page.text
    assert f'value="{later}"' in page.text
    assert f'action="/m/{power.pk}/edit?only=not_before_on"' in page.text
    power.refresh_from_db()
    assert power.not_before_on is None
    bad = client.post(
        f"/m/{power.pk}/impact?only=work_likely", posted | {"work_likely": "soon"}, headers={"HX-Request": "true"}
    )
    assert bad.status_code == 200
    assert not bad.text.strip().startswith("<p>")


def test_a_link_shows_the_line_before_it_waits_otherwise(
    plan: Plan, sign_in: Any, django_assert_max_num_queries: Any
) -> None:
    client, link, script = sign_in(plan.cast.admin), plan.hand_off, {"HX-Request": "true"}
    url = f"/links/{link.pk}/impact"
    assert f'hx-post="{url}"' in client.get(f"/links/{link.pk}/edit").text
    posted = {"kind": "FS", "lag": "10", "version": link.version}
    with django_assert_max_num_queries(25):
        told = client.post(url, posted, headers=script).text
    assert "Moves <b>2 milestones</b> in 1 program at P80" in told
    page = client.post(url, posted)
    assert told.strip().splitlines()[0] in page.text
    assert f'action="/links/{link.pk}/edit"' in page.text
    days = client.post(url, posted | {"lag": "0", "need_by_on": "2026-11-20"}, headers=script).text
    assert "Moves <b>no milestone</b> at P80." in days
    assert re.search(r"would come \d+ d after 20 Nov 2026, when <bdi>GPU fleet</bdi> needs it", days)
    assert "<p>" not in client.post(url, posted | {"lag": "0", "note": "Sealed"}, headers=script).text

    url = f"/m/{plan.scheduler.pk}/links/impact?program=NA4"
    posted = {"predecessor": plan.live.pk, "kind": "FS", "lag": "2"}
    assert f'hx-post="{url}"' in client.get(f"/m/{plan.scheduler.pk}/links/new?program=NA4").text
    assert "Moves <b>2 milestones</b>" in client.post(url, posted, headers=script).text
    assert f'action="/m/{plan.scheduler.pk}/links/new?program=NA4"' in client.post(url, posted).text
    back = f"/m/{plan.power.pk}/links/impact?program=GPU"
    assert "close a loop" in client.post(back, posted | {"predecessor": plan.scheduler.pk}, headers=script).text
    assert Dependency.objects.filter(successor=plan.scheduler).count() == 1


def test_an_answer_and_a_reply_show_the_line_before_they_are_sent(plan: Plan, sign_in: Any) -> None:
    client, link, script = sign_in(plan.cast.admin), plan.hand_off, {"HX-Request": "true"}
    Dependency.objects.filter(pk=link.pk).update(need_by_on=date(2026, 12, 1))
    url = f"/links/{link.pk}/answer"
    assert f'hx-post="{url}/impact"' in client.get(url).text
    told = client.post(f"{url}/impact", {"agreement": "accepted", "promised_on": "2026-11-20"}, headers=script).text
    assert re.search(r"P80 of <bdi>Racks</bdi> is [^,]+, \d+ d after this promise\.", told)
    told = client.post(f"{url}/impact", {"agreement": "declined"}, headers=script).text
    assert "Moves <b>no milestone</b> at P80." in told
    assert "would come" not in told
    page = client.post(f"{url}/impact", {"agreement": "countered", "promised_on": "2026-12-04"})
    assert "would come 3 d after 1 Dec 2026, when <bdi>GPU fleet</bdi> needs it" in page.text
    assert f'action="{url}"' in page.text

    Dependency.objects.filter(pk=link.pk).update(agreement="countered", promised_on=date(2026, 12, 4))
    url = f"/links/{link.pk}/reply/impact"
    told = client.post(url, {"agreement": "proposed", "need_by_on": "2026-11-30"}, headers=script).text
    assert 'Needs <b dir="auto">Lea Lead</b>’s agreement' in told
    assert sign_in(plan.cast.viewer).post(url, {"agreement": "proposed"}).status_code == 403


def test_an_address_may_propose_a_day(cast: Cast, plan: Plan, sign_in: Any) -> None:
    client = sign_in(cast.lead)
    url = f"/m/{plan.power.pk}/edit?only=not_before_on&not_before_on=2026-12-07&version={plan.power.version}"
    page = client.get(url, headers={"HX-Request": "true"}).text
    assert 'value="2026-12-07"' in page
    assert 'hx-trigger="load, input' in page
    plan.change(Milestone.objects.get(pk=plan.power.pk), not_before_on=MONDAY)
    # Who dropped it had read an older version: theirs is not overwritten unseen.
    assert client.post(url, {"not_before_on": "2026-12-07", "version": plan.power.version}).status_code == 412
