"""What recurs becomes a problem that somebody owns, and a program that is to end it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import milestones.services
import people.services
import programs.services
import risks.services
from milestones.models import Milestone
from programs.models import Program
from risks.models import Problem
from risks.recurring import Cost, Of, quarter_of
from tests.conftest import FRIDAY

if TYPE_CHECKING:
    from tests.conftest import Cast


def today() -> date:
    return people.services.today(timezone.now())


@pytest.fixture
def slipped(cast: Cast) -> list[Program]:
    """The same cause moved a milestone of NA4 by 3 days, one of private DARK by 7, and one of open GPU by 4."""
    gpu = programs.services.create_program(by=cast.admin, key="GPU", name="GPU fleet")
    for program, days in ((cast.na4, 3), (cast.dark, 7), (gpu, 4)):
        row = milestones.services.create_milestone(
            program=program, by=cast.admin, today=today(), name="Part", target_on=today()
        )
        milestones.services.change_milestone(
            milestone=row, by=cast.admin, today=today(), at=timezone.now(), cause=cast.cause,
            target_on=today() + timedelta(days=days),
        )  # fmt: skip
    return [cast.na4, cast.dark, gpu]


def record(cast: Cast, client: Any) -> Problem:
    answer = client.post("/problems/record", {"cause": cast.cause.pk})
    assert answer.status_code == 302
    return Problem.objects.get(pk=int(answer.url.rsplit("/", 1)[1]))


def problem_in(program: Program, cast: Cast, **fields: Any) -> Problem:
    cost = Cost(Of(program.pk, program.key, program.name), quarter_of(FRIDAY), 9, 2)
    return risks.services.open_problem(
        by=cast.lead, today=FRIDAY, title="Late again", cause=cast.cause, costs=[cost], **fields
    )


# -- one click -------------------------------------------------------------------------------------------------------


def test_one_click_makes_an_owned_problem_with_its_evidence(cast: Cast, slipped: list[Program], sign_in: Any) -> None:
    client = sign_in(cast.viewer)
    page = client.get("/problems").text
    assert "Make it a problem" in page
    assert "14 d" in page
    assert "GPU fleet" in page
    row = record(cast, client)
    assert (row.owner, row.cause, row.opened_on) == (cast.viewer, cast.cause, today())
    assert list(row.costs.order_by("-days").values_list("program__key", "days", "slips")) == [
        ("DARK", 7, 1),
        ("GPU", 4, 1),
        ("NA4", 3, 1),
    ]
    page = client.get("/problems").text
    assert "Make it a problem" not in page
    assert f'href="/problems/{row.pk}"' in page


def test_the_evidence_stays_as_it_was_found(cast: Cast, slipped: list[Program], sign_in: Any) -> None:
    client = sign_in(cast.viewer)
    row = record(cast, client)
    milestones.services.change_milestone(
        milestone=Milestone.objects.get(program=slipped[2]), by=cast.admin, today=today(), at=timezone.now(),
        cause=cast.cause, target_on=today() + timedelta(days=40),
    )  # fmt: skip
    assert "<b>14 days</b>" in client.get(f"/problems/{row.pk}").text


def test_days_and_names_are_those_of_programs_that_the_reader_sees(
    cast: Cast, slipped: list[Program], sign_in: Any
) -> None:
    row = record(cast, sign_in(cast.viewer))
    client = sign_in(cast.outsider)
    page = client.get("/problems").text + client.get(f"/problems/{row.pk}").text
    assert "<b>7 days</b>" in page
    assert "<b>7 d</b>" in page
    assert "Canary" not in page
    assert "DARK" not in page


def test_a_thousand_programs_are_as_much_evidence_as_a_page_can_show(cast: Cast, sign_in: Any) -> None:
    many = Program.objects.bulk_create(Program(key=f"X{n}", name=f"Other {n}") for n in range(1_000))
    costs = [Cost(Of(row.pk, row.key, row.name), quarter_of(FRIDAY), n + 1, 1) for n, row in enumerate(many)]
    with CaptureQueriesContext(connection) as queries:
        row = risks.services.open_problem(by=cast.lead, today=FRIDAY, title="Late", cause=cast.cause, costs=costs)
    assert len(queries) < 20
    assert row.costs.count() == 1_000
    page = sign_in(cast.lead).get(f"/problems/{row.pk}")
    assert [cost.days for cost, _ in page.context["costs"]] == list(range(901, 1_001))
    assert "The costliest 100 of 1000." in page.text
    assert f"<b>{sum(range(1_001))} days</b>" in page.text


def test_what_does_not_recur_is_not_recorded(cast: Cast, sign_in: Any) -> None:
    for posted in ({"cause": cast.cause.pk}, {"cause": "x"}, {"team": "9" * 30}, {}):
        assert sign_in(cast.lead).post("/problems/record", posted).status_code == 404
    assert sign_in(cast.lead).get("/problems/record").status_code == 405
    assert "Nothing recurs" in sign_in(cast.lead).get("/problems").text
    assert not Problem.objects.exists()


# -- who sees and changes it -----------------------------------------------------------------------------------------


def test_a_problem_is_seen_with_any_of_its_programs_and_by_its_owner(cast: Cast) -> None:
    hidden, plain = problem_in(cast.dark, cast), problem_in(cast.na4, cast)
    noted = risks.services.open_problem(by=cast.lead, today=FRIDAY, title="Too few electricians")
    given = problem_in(cast.dark, cast, owner=cast.outsider)

    def seen(user: Any) -> set[int]:
        return set(Problem.objects.visible_to(user).values_list("pk", flat=True))

    everything = {row.pk for row in (hidden, plain, noted, given)}
    assert seen(cast.admin) == seen(cast.viewer) == everything
    assert seen(cast.outsider) == everything - {hidden.pk}
    programs.services.delete_program(program=cast.dark, by=cast.admin)
    assert seen(cast.viewer) == {plain.pk, noted.pk}, "What was hidden does not come to light with its evidence gone."


def test_its_owner_and_administrators_change_it(cast: Cast, sign_in: Any) -> None:
    row = problem_in(cast.na4, cast)
    for path in ("edit", "close", "reopen", "start", "delete"):
        assert sign_in(cast.viewer).post(f"/problems/{row.pk}/{path}", {"title": "Mine"}).status_code == 403
    with pytest.raises(PermissionDenied, match="Ask Lea Lead"):
        risks.services.change_problem(problem=row, by=cast.viewer, title="Mine")
    page = sign_in(cast.viewer).get(f"/problems/{row.pk}").text
    assert '/edit"' not in page
    client = sign_in(cast.lead)
    form = {"title": "Cranes come late", "owner": cast.viewer.pk, "version": row.version}
    assert client.post(f"/problems/{row.pk}/edit", form).status_code == 302
    row.refresh_from_db()
    assert (row.title, row.owner) == ("Cranes come late", cast.viewer)
    assert client.post(f"/problems/{row.pk}/edit", form).status_code == 403
    assert sign_in(cast.admin).get(f"/problems/{row.pk}/edit").status_code == 200


def test_it_is_closed_with_a_reason_and_opened_again(cast: Cast, sign_in: Any) -> None:
    row, client = problem_in(cast.na4, cast), sign_in(cast.lead)
    with pytest.raises(ValidationError, match="Say why"):
        risks.services.close_problem(problem=row, by=cast.lead, on=FRIDAY, because=" ")
    with pytest.raises(ValidationError, match="before it was opened"):
        risks.services.close_problem(problem=row, by=cast.lead, on=FRIDAY - timedelta(days=1), because="Solved")
    assert client.post(f"/problems/{row.pk}/close", {}).status_code == 422
    client.post(f"/problems/{row.pk}/close", {"closed_because": "Two suppliers now."})
    assert "Two suppliers now." in client.get(f"/problems/{row.pk}").text
    assert "Late again" not in client.get("/problems").text
    assert "Late again" in client.get("/problems?show=closed").text
    again = client.post(f"/problems/{row.pk}/close", {"closed_because": "Three by now."})
    assert (again.status_code, "This problem is closed already." in again.text) == (422, True)
    client.post(f"/problems/{row.pk}/reopen")
    assert "Late again" in client.get("/problems").text


def test_a_person_records_what_nothing_counts(cast: Cast, sign_in: Any) -> None:
    client = sign_in(cast.outsider)
    assert client.post("/problems/new", {"title": ""}).status_code == 422
    form = {"title": "Too few electricians", "description": "In all sites.", "owner": cast.outsider.pk}
    page = client.post("/problems/new", form, follow=True)
    assert "nothing was counted" in page.text
    answer = client.post(f"/problems/{Problem.objects.get().pk}/delete", follow=True)
    assert answer.redirect_chain == [("/problems", 302)]
    assert not Problem.objects.exists()


# -- the program that ends it ----------------------------------------------------------------------------------------


def test_a_program_starts_from_a_problem_and_leads_back_to_it(cast: Cast, sign_in: Any) -> None:
    row = problem_in(cast.na4, cast, description="One [crane] for three sites.")
    client = sign_in(cast.lead)
    page = client.get(f"/problems/{row.pk}/start")
    form = page.context["form"]
    assert form["name"].value() == "Late again"
    summary = form["summary"].value()
    assert summary == (
        f"One [crane] for three sites.\n\nStarted from the problem [Late again](http://testserver/problems/{row.pk})."
    )
    posted = {
        "name": "Second crane", "key": "CRN", "summary": summary, "state": "active", "lead": cast.lead.pk,
        "target_precision": "day", "visibility": "private",
    }  # fmt: skip
    assert client.post(f"/problems/{row.pk}/start", posted | {"key": "NA4"}).status_code == 422
    assert client.post(f"/problems/{row.pk}/start", posted).url == "/p/CRN"
    row.refresh_from_db()
    assert row.program == Program.objects.get(key="CRN")
    assert "Second crane" in client.get("/problems").text
    assert "Start a program from this" not in client.get(f"/problems/{row.pk}").text
    assert client.post(f"/problems/{row.pk}/start", posted | {"key": "CRN2"}).status_code == 422
    assert not Program.objects.filter(key="CRN2").exists()
    for path in ("/problems", f"/problems/{row.pk}"):
        page = sign_in(cast.outsider).get(path).text
        assert "a private program" in page
        assert "Second crane" not in page
        assert "CRN" not in page


def test_brackets_in_a_title_do_not_break_the_link(cast: Cast, sign_in: Any) -> None:
    row = risks.services.open_problem(by=cast.lead, today=FRIDAY, title="Cranes [again] \\")
    summary = sign_in(cast.lead).get(f"/problems/{row.pk}/start").context["form"]["summary"].value()
    assert summary.startswith(r"Started from the problem [Cranes \[again\] \\](")


# -- the API ---------------------------------------------------------------------------------------------------------


def test_the_api_records_what_recurs_and_starts_a_program(cast: Cast, slipped: list[Program], api: Any) -> None:
    caller = api(cast.viewer)
    made = caller.post("problems", {"title": "Suppliers", "cause": cast.cause.pk}).json()
    assert [(cost["program"], cost["days"]) for cost in made["costs"]] == [("DARK", 7), ("GPU", 4), ("NA4", 3)]
    assert made["costs"][0]["quarter_on"] == quarter_of(today()).isoformat()
    started = caller.post(f"problems/{made['id']}/start", {"key": "SUP", "name": "Suppliers", "visibility": "private"})
    assert started.json()["program"] == {"key": "SUP"}
    outsider = api(cast.outsider)
    shown = outsider.get(f"problems/{made['id']}").json()
    assert [(cost["program"], cost["days"]) for cost in shown["costs"]] == [("GPU", 4), ("NA4", 3)]
    assert shown["program"] == {"private": True}
    assert outsider.post(f"problems/{made['id']}/close", {"because": "Done"}).status_code == 403
    closed = caller.post(f"problems/{made['id']}/close", {"because": "Done"}).json()
    assert (closed["closed_on"], closed["closed_because"]) == (today().isoformat(), "Done")
    assert caller.post(f"problems/{made['id']}/reopen", {}).json()["closed_on"] is None
    team = people.services.create_team(name="Site", by=cast.admin)
    both = caller.post("problems", {"title": "Both", "cause": cast.cause.pk, "team": team.pk})
    assert both.status_code == 422
    assert "not both" in both.content.decode()
