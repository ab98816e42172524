"""A program that starts with the plan of a template or of another program: one act, one undo, a forecast at once."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

import changes.services
import milestones.services
import people.services
import programs.services
import risks.services
from changes import catalogue
from changes.plans import Item, Plan, Wait, WorkingDays, plan_of
from changes.templates import Template
from forecasts.models import ProgramHealth
from forecasts.services import catch_up
from history.models import ChangeSet
from milestones.models import Dependency, Milestone
from people.models import Holiday
from programs.models import Phase, Program
from risks.models import Risk
from risks.services import Impact
from tests.conftest import FRIDAY, Api, Cast

DAY = 480
MONDAY = date(2027, 1, 4)
EVERY = pytest.mark.parametrize("template", catalogue.TEMPLATES, ids=lambda template: template.slug)
FILLED = {"name": "Frankfurt", "key": "FRA1", "counted": "start", "day": "4 Jan 2027", "phases": "on", "risks": "on"}
FILLED["visibility"] = "organisation"


def names(template: Template) -> dict[str, str]:
    return {f"item-{step.code}": step.name for _, step in template.steps}


@EVERY
def test_a_template_is_whole(db: None, template: Template) -> None:
    steps = {step.code: step for _, step in template.steps}
    assert template.end in steps
    assert len(steps) == template.count
    assert all(before in steps for step in steps.values() for before in step.after)
    assert all(step.days[0] <= step.days[1] <= step.days[2] for step in steps.values())
    waited_for = {before for step in steps.values() for before in step.after}
    assert steps.keys() - waited_for == {template.end}, "Every milestone leads to the end."
    assert [review.kind for review in template.reviews] == sorted(
        (review.kind for review in template.reviews), key=Phase.Kind.values.index
    )
    assert {danger.hits for danger in template.dangers} <= steps.keys()
    plan = template.lay_out(WorkingDays(), start_on=MONDAY)
    gates = [gate.gate_on for gate in plan.gates if gate.gate_on]
    assert gates == sorted(gates)


@EVERY
def test_backwards_from_a_target_comes_to_the_same_days(db: None, template: Template) -> None:
    days = WorkingDays()
    forwards = template.lay_out(days, start_on=MONDAY)
    assert forwards.target_on
    assert template.lay_out(days, target_on=forwards.target_on) == forwards


def test_holidays_and_weekends_are_no_working_days(cast: Cast) -> None:
    Holiday.objects.create(calendar_id=cast.organisation.calendar_id, on=date(2027, 1, 6))
    days = WorkingDays()
    assert days.away(date(2027, 1, 5), 1) == date(2027, 1, 7)
    assert days.away(date(2027, 1, 9), 0) == date(2027, 1, 11)
    assert days.away(date(2027, 1, 10), -1) == date(2027, 1, 7)


@EVERY
def test_a_fresh_program_is_on_track(cast: Cast, template: Template) -> None:
    """What the template promises is what its own plan can keep."""
    now = timezone.now()
    today = people.services.today(now)
    plan = template.lay_out(WorkingDays(), start_on=today)
    program = changes.services.start_program(
        plan=plan, by=cast.lead, today=today, reason="Start", key="NEW", name="New", lead=cast.lead
    )
    catch_up(today=today, at=now)
    health = ProgramHealth.objects.get(program=program)
    assert health.health == "on_track", (health.slip_days, health.p50_on, health.p80_on, health.target_on)


def test_the_page_creates_what_it_shows(cast: Cast, sign_in: Any) -> None:
    client = sign_in(cast.outsider)
    [template] = [one for one in catalogue.TEMPLATES if one.slug == "service-migration"]
    assert "Service migration" in client.get("/programs/new").content.decode()
    shown = client.post("/programs/new/service-migration", FILLED | names(template) | {"preview": "yes"})
    assert shown.status_code == 200
    assert "4 Jan 2027" in shown.content.decode()
    assert not Program.objects.filter(key="FRA1").exists()
    given = FILLED | names(template) | {"item-wave3": "", "item-wave2": "Wave 2: the rest", "lead": cast.lead.pk}
    answer = client.post("/programs/new/service-migration", given)
    assert (answer.status_code, answer["Location"]) == (302, "/p/FRA1")
    program = Program.objects.get(key="FRA1")
    assert (program.lead, program.milestones.count()) == (cast.lead, template.count - 1)
    assert program.milestones.get(is_end=True).name == "Old platform switched off"
    link = Dependency.objects.get(successor__name="Old platform without traffic", predecessor__name="Wave 2: the rest")
    assert link.kind == Dependency.Kind.FS
    assert (program.phases.count(), program.risks.count()) == (3, 2)
    assert Risk.objects.get(program=program, title__startswith="A service depends").impacts.count() == 0


def test_it_is_one_act_with_one_undo(cast: Cast, sign_in: Any) -> None:
    [template] = [one for one in catalogue.TEMPLATES if one.slug == "fleet-upgrade"]
    client = sign_in(cast.outsider)
    given = FILLED | names(template) | {"lead": cast.outsider.pk}
    page = client.post("/programs/new/fleet-upgrade", given, follow=True)
    [change_set] = ChangeSet.objects.filter(parent=None, by_id=cast.outsider.pk)
    assert f'name="change_set" value="{change_set.pk}"' in page.content.decode()
    catch_up(today=people.services.today(timezone.now()), at=timezone.now())
    back = client.post("/undo", {"change_set": change_set.pk, "next": "/p/FRA1/milestones"})
    assert back["Location"] == "/"  # not to a page that is gone
    assert not Program.objects.filter(key="FRA1").exists()


def test_who_hands_it_over_cannot_take_it_back(cast: Cast, sign_in: Any) -> None:
    [template] = [one for one in catalogue.TEMPLATES if one.slug == "fleet-upgrade"]
    sign_in(cast.outsider).post("/programs/new/fleet-upgrade", FILLED | names(template) | {"lead": cast.lead.pk})
    [change_set] = ChangeSet.objects.filter(parent=None, by_id=cast.outsider.pk)
    with pytest.raises(PermissionDenied):
        changes.services.undo(change_set=change_set, by=cast.outsider, at=timezone.now())
    assert Program.objects.filter(key="FRA1").exists()


def test_what_cannot_be_is_told_beside_its_field_and_nothing_is_created(cast: Cast, sign_in: Any) -> None:
    client, count = sign_in(cast.lead), Program.objects.count()
    template = catalogue.TEMPLATES[0]
    for wrong, field in (
        ({"key": "NA4"}, "key"),
        ({"name": ""}, "name"),
        ({"day": "soon"}, "day"),
        ({"day": "2090-01-01"}, "day"),
        ({f"item-{template.end}": ""}, f"item-{template.end}"),
    ):
        answer = client.post(f"/programs/new/{template.slug}", FILLED | names(template) | wrong)
        assert answer.status_code == 422, wrong
        assert field in answer.context["form"].errors, wrong
    assert client.get("/programs/new/nothing").status_code == 404
    assert Program.objects.count() == count


@pytest.fixture
def original(cast: Cast) -> Program:
    """NA4 with a plan, a gate, a risk, and a hand-off from a private program."""
    stream = milestones.services.create_workstream(program=cast.na4, by=cast.lead, name="Power")
    power, end = (
        milestones.services.create_milestone(
            program=cast.na4, by=cast.lead, today=FRIDAY, name=name, workstream=stream, work_likely=5 * DAY, **fields
        )
        for name, fields in (
            ("Power", {"not_before_on": MONDAY, "done_on": FRIDAY}),
            ("Open", {"is_end": True, "target_on": date(2027, 3, 31), "target_precision": "quarter"}),
        )
    )
    milestones.services.create_milestone(
        program=cast.na4, by=cast.lead, today=FRIDAY, name="Dropped", cancelled_on=FRIDAY
    )
    secret = milestones.services.create_milestone(program=cast.dark, by=cast.lead, today=FRIDAY, name="Canary merger")
    for before in (power, secret):
        milestones.services.link(predecessor=before, successor=end, by=cast.lead)
    programs.services.create_phase(program=cast.na4, by=cast.lead, kind="design", gate_on=MONDAY)
    risks.services.create_risk(
        program=cast.na4, by=cast.lead, today=FRIDAY, title="Crane", impacts=[Impact(end, DAY, DAY, DAY)]
    )
    programs.services.change_program(program=cast.na4, by=cast.lead, target_on=date(2027, 4, 15))
    return Program.objects.get(pk=cast.na4.pk)


def test_a_copy_has_the_plan_on_other_days_and_nothing_hidden(cast: Cast, original: Program, sign_in: Any) -> None:
    client = sign_in(cast.outsider)
    page = client.get("/p/NA4/copy")
    assert b"Canary" not in page.content
    given = {name: field.initial for name, field in page.context["form"].fields.items() if name.startswith("item-")}
    answer = client.post("/p/NA4/copy", FILLED | given | {"counted": "target", "day": "15 May 2027"})
    assert answer["Location"] == "/p/FRA1"
    copy = Program.objects.get(key="FRA1")
    assert copy.target_on == date(2027, 5, 15)
    rows = {row.name: row for row in copy.milestones.all()}
    assert rows.keys() == {"Power", "Open"}
    assert (rows["Power"].not_before_on, rows["Power"].done_on) == (MONDAY + timedelta(days=30), None)
    assert (rows["Open"].target_on, rows["Open"].target_precision) == (date(2027, 4, 30), "day")
    assert rows["Open"].links_in.get().predecessor == rows["Power"]
    assert copy.phases.get().gate_on == MONDAY + timedelta(days=30)
    assert copy.risks.get().impacts.get().milestone == rows["Open"]


def test_a_copy_on_the_same_days_is_the_same_plan(cast: Cast, original: Program) -> None:
    plan = plan_of(original)
    program = changes.services.start_program(
        plan=plan, by=cast.lead, today=FRIDAY, reason="Copy", key="COPY", name="Copy"
    )

    def shape(plan: Plan) -> list[Any]:
        called = {item.code: item.name for item in plan.items}
        return [
            [(item.name, item.work, item.target_on, [called[wait.item] for wait in item.waits]) for item in plan.items],
            plan.gates,
            plan.target_on,
            plan.streams,
        ]

    assert shape(plan_of(program)) == shape(plan)


def test_what_is_left_out_of_a_copy_may_stand_in_many_ways_behind_what_stays() -> None:
    """Forty layers of two, each waiting for both of the layer before: 2**40 ways, and one answer."""
    layers = [(f"{n}a", f"{n}b") for n in range(40)]
    items = [Item(code="0a", name="First"), Item(code="0b", name="Second")]
    for before, here in pairwise(layers):
        items += [Item(code=code, name=code, waits=(Wait(before[0]), Wait(before[1]))) for code in here]
    names = {code: "" for layer in layers[1:-1] for code in layer}
    kept = {item.code: item for item in Plan(items=tuple(items)).chosen(names, gates=False, threats=False).items}
    assert set(kept) == {"0a", "0b", "39a", "39b"}
    assert [wait.item for wait in kept["39a"].waits] == ["0a", "0b"]


def test_a_copy_of_a_private_program_is_private_unless_somebody_says_otherwise(cast: Cast, sign_in: Any) -> None:
    page = sign_in(cast.viewer).get("/p/DARK/copy")
    assert page.context["form"]["visibility"].value() == "private"
    body = {"key": "DARK2", "name": "Again", "start_on": "2027-06-01"}
    assert Api(cast.viewer).post("programs/DARK/copy", body).json()["visibility"] == "private"
    open_one = body | {"key": "DARK3", "visibility": "organisation"}
    assert Api(cast.viewer).post("programs/DARK/copy", open_one).json()["visibility"] == "organisation"


def test_through_the_api(cast: Cast, original: Program) -> None:
    caller = Api(cast.outsider)
    listed = {template["template"]: template for template in caller.get("program-templates").json()}
    assert len(listed["decommissioning"]["milestones"]) == 10
    body = {"template": "decommissioning", "key": "BYE", "name": "Leave AMS2", "target_on": "2028-06-30"}
    made = caller.post(
        "programs/from-template", body | {"names": {"end": "Keys returned", "buyer": ""}, "risks": False}
    )
    assert (made.status_code, made.json()["target_on"]) == (201, "2028-06-30"), made.content
    assert made["Location"].endswith("/api/v1/programs/BYE")
    assert set(Milestone.objects.filter(program__key="BYE").values_list("name", flat=True)) & {
        "Keys returned", "Buyer or next use of the hardware found",
    } == {"Keys returned"}  # fmt: skip
    assert not Risk.objects.filter(program__key="BYE").exists()
    copied = caller.post("programs/NA4/copy", {"key": "NA5", "name": "Next", "start_on": "2027-06-01"})
    assert copied.status_code == 201, copied.content
    for wrong, pointer in (
        ({}, "/start_on"),
        ({"start_on": "2027-01-01", "target_on": "2027-02-01"}, "/start_on"),
        ({"start_on": "2027-01-01", "names": {"nothing": "x"}}, "/names"),
        ({"start_on": "9999-12-31"}, "/start_on"),
        ({"target_on": "0001-01-01"}, "/target_on"),
    ):
        refused = caller.post(
            "programs/from-template", {"template": "decommissioning", "key": "X", "name": "X"} | wrong
        )
        assert (refused.status_code, [error["pointer"] for error in refused.json()["errors"]]) == (422, [pointer]), (
            wrong
        )
    assert caller.post("programs/DARK/copy", {"key": "X", "name": "X", "start_on": "2027-06-01"}).status_code == 404
