"""Risks: what they cost, who writes them, and their pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from milestones.models import Milestone
from milestones.services import change_milestone, create_milestone
from programs.models import Revision
from programs.services import create_program
from risks.models import MitigationAction, Risk, RiskImpact
from risks.services import Impact, change_risk, close_risk, create_action, create_risk, reopen_risk
from tests.conftest import FRIDAY, NOON, Api

if TYPE_CHECKING:
    from tests.conftest import Cast

DAY = 480


@pytest.fixture
def energized(cast: Cast) -> Milestone:
    return create_milestone(program=cast.na4, by=cast.lead, today=FRIDAY, name="Utility energization")


@pytest.fixture
def switchgear(cast: Cast, energized: Milestone) -> Risk:
    return create_risk(
        program=cast.na4,
        by=cast.contributor,
        today=FRIDAY,
        title="Switchgear late",
        probability=Decimal("0.6"),
        likelihood_score=3,
        impact_score=4,
        impacts=[Impact(energized, 7 * DAY, 14 * DAY, 28 * DAY)],
    )


def rows(*impacts: tuple[Any, str, str, str], initial: int = 0) -> dict[str, Any]:
    """The impact rows of the form, as a browser posts them."""
    posted: dict[str, Any] = {"impacts-TOTAL_FORMS": len(impacts), "impacts-INITIAL_FORMS": initial}
    for place, impact in enumerate(impacts):
        for name, value in zip(("milestone", "low", "likely", "high"), impact, strict=True):
            posted[f"impacts-{place}-{name}"] = value
    return posted


def own(row: Risk, **changes: Any) -> dict[str, Any]:
    return {
        "title": row.title,
        "probability": "60",
        "likelihood_score": "3",
        "impact_score": "4",
        "raised_on": row.raised_on.isoformat(),
        "version": row.version,
    } | changes


def test_exposure_is_probability_times_mean_days(switchgear: Risk) -> None:
    exposed: Any = Risk.objects.with_exposure().get()
    assert exposed.exposure == pytest.approx(0.6 * (7 + 14 + 28) / 3 * DAY)
    RiskImpact.objects.all().delete()
    bare: Any = Risk.objects.with_exposure().get()
    assert bare.exposure is None


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"probability": Decimal("1.2")}, "probability"),
        ({"likelihood_score": 6}, "likelihood_score"),
        ({"title": ""}, "title"),
    ],
)
def test_refusals_name_their_field(cast: Cast, fields: dict[str, Any], place: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        create_risk(program=cast.na4, by=cast.lead, today=FRIDAY, **{"title": "Late", **fields})
    assert place in refusal.value.message_dict


def test_impacts_rise_from_best_to_worst_and_lie_on_what_can_still_be_late(cast: Cast, energized: Milestone) -> None:
    with pytest.raises(ValidationError) as refusal:
        create_risk(program=cast.na4, by=cast.lead, today=FRIDAY, title="Late", impacts=[Impact(energized, 5, 3, 9)])
    assert "likely" in refusal.value.message_dict
    change_milestone(milestone=energized, by=cast.lead, today=FRIDAY, at=NOON, done_on=FRIDAY)
    energized.refresh_from_db()
    with pytest.raises(ValidationError) as refusal:
        create_risk(program=cast.na4, by=cast.lead, today=FRIDAY, title="Late", impacts=[Impact(energized, 1, 2, 3)])
    assert "impacts" in refusal.value.message_dict
    assert not Risk.objects.exists()


def test_a_hidden_milestone_is_unknown_and_its_impact_stays(cast: Cast, energized: Milestone) -> None:
    canary = create_milestone(program=cast.dark, by=cast.lead, today=FRIDAY, name="Canary close")
    # The outsider may edit NA-4 here, and sees nothing of the private program.
    cast.na4.roles.create(user=cast.outsider, kind="contributor")
    with pytest.raises(ValidationError) as refusal:
        create_risk(program=cast.na4, by=cast.outsider, today=FRIDAY, title="Late", impacts=[Impact(canary, 1, 2, 3)])
    assert refusal.value.message_dict["impacts"] == ["There is no such milestone."]
    risk = create_risk(
        program=cast.na4, by=cast.lead, today=FRIDAY, title="Both", impacts=[Impact(canary, DAY, DAY, DAY)]
    )
    change_risk(risk=risk, by=cast.outsider, today=FRIDAY, impacts=[Impact(energized, DAY, DAY, DAY)])
    assert set(risk.impacts.values_list("milestone__name", flat=True)) == {"Canary close", "Utility energization"}


def test_a_risk_is_closed_with_a_reason_and_opened_again(cast: Cast, switchgear: Risk) -> None:
    with pytest.raises(ValidationError) as refusal:
        close_risk(risk=switchgear, by=cast.lead, on=FRIDAY, because="  ")
    assert "closed_because" in refusal.value.message_dict
    close_risk(risk=switchgear, by=cast.lead, on=FRIDAY, because="It was delivered")
    assert not Risk.objects.open().exists()
    with pytest.raises(ValidationError) as refusal:
        close_risk(risk=switchgear, by=cast.lead, on=FRIDAY + timedelta(days=1), because="Once more")
    assert refusal.value.code == "closed"
    closed = Risk.objects.get(pk=switchgear.pk)
    assert (closed.closed_on, closed.closed_because) == (FRIDAY, "It was delivered")
    reopen_risk(risk=switchgear, by=cast.lead)
    assert Risk.objects.open().exists()


def test_viewers_write_nothing_and_a_change_asks_for_a_forecast(cast: Cast, switchgear: Risk) -> None:
    with pytest.raises(PermissionDenied):
        change_risk(risk=switchgear, by=cast.viewer, today=FRIDAY, title="Mine")
    before = Revision.objects.get(program=cast.na4).plan_revision
    change_risk(risk=switchgear, by=cast.contributor, today=FRIDAY, probability=Decimal("0.3"))
    assert Revision.objects.get(program=cast.na4).plan_revision == before + 1


def test_the_form_raises_a_risk_with_its_days(cast: Cast, energized: Milestone, sign_in: Any) -> None:
    client = sign_in(cast.contributor)
    page = client.get("/p/NA4/risks/new").text
    assert page.count("impacts-") > 3
    posted = {"title": "Switchgear late", "probability": "60%", "likelihood_score": "3", "impact_score": "4"}
    answer = client.post("/p/NA4/risks/new", posted | rows((energized.pk, "", "10", ""), ("", "", "", "")))
    risk = Risk.objects.get()
    assert answer.url == f"/r/R-{risk.pk}"
    assert (risk.probability, risk.raised_on) == (Decimal("0.6"), risk.raised_on)
    impact = risk.impacts.get()
    assert (impact.low, impact.likely, impact.high) == (10 * DAY, 10 * DAY, 10 * DAY)


@pytest.mark.parametrize(
    ("impact", "field"),
    [(("", "", ""), "likely"), (("9", "5", "12"), "likely"), (("soon", "5", ""), "low")],
)
def test_errors_stand_beside_the_row(
    cast: Cast, energized: Milestone, sign_in: Any, impact: tuple[str, str, str], field: str
) -> None:
    answer = sign_in(cast.lead).post("/p/NA4/risks/new", {"title": "Late"} | rows((energized.pk, *impact)))
    assert answer.status_code == 422
    assert field in answer.context["impacts"][0].errors
    assert not Risk.objects.exists()


def test_a_milestone_stands_in_one_row(cast: Cast, energized: Milestone, sign_in: Any) -> None:
    posted = {"title": "Late"} | rows((energized.pk, "", "5", ""), (energized.pk, "", "6", ""))
    answer = sign_in(cast.lead).post("/p/NA4/risks/new", posted)
    assert answer.status_code == 422
    assert "This milestone has a row above." in answer.text


def test_a_foreign_milestone_cannot_be_chosen(cast: Cast, sign_in: Any) -> None:
    canary = create_milestone(program=cast.dark, by=cast.lead, today=FRIDAY, name="Canary close")
    answer = sign_in(cast.lead).post("/p/NA4/risks/new", {"title": "Late"} | rows((canary.pk, "", "5", "")))
    assert "milestone" in answer.context["impacts"][0].errors


def test_the_page_edits_merges_and_keeps_impacts(
    cast: Cast, switchgear: Risk, energized: Milestone, sign_in: Any
) -> None:
    client = sign_in(cast.lead)
    opened = own(switchgear) | rows((energized.pk, "7", "14", "28"), initial=1)
    change_risk(risk=switchgear, by=cast.contributor, today=FRIDAY, review_on=date(2026, 12, 7))
    answer = client.post(f"/r/R-{switchgear.pk}/edit", opened | {"title": "Switchgear very late"}, follow=True)
    assert "Somebody else had changed Next review meanwhile; that was kept." in answer.text
    switchgear.refresh_from_db()
    assert (switchgear.title, switchgear.review_on) == ("Switchgear very late", date(2026, 12, 7))
    opened = own(switchgear, review_on="2026-12-07") | rows(("", "", "", ""), initial=1)
    assert client.post(f"/r/R-{switchgear.pk}/edit", opened).status_code == 302
    assert not switchgear.impacts.exists()


def test_the_next_review_is_not_in_the_past(cast: Cast, switchgear: Risk, sign_in: Any, api: type[Api]) -> None:
    client, said = sign_in(cast.lead), "The next review cannot be in the past: choose today or a later day."
    here = f"/r/R-{switchgear.pk}"
    for path, sent in (
        (f"{here}/edit", own(switchgear, review_on="yesterday") | rows()),
        (f"{here}/edit?only=review_on", {"review_on": "yesterday", "version": switchgear.version}),
        ("/p/NA4/risks/new", {"title": "Other", "review_on": "yesterday"} | rows()),
        ("/risks/bulk", {"id": switchgear.pk, "set_review_on": "on", "review_on": "yesterday"}),
    ):
        answer = client.post(path, sent)
        assert (answer.status_code, said in answer.text) == (422, True), path
    caller = api(cast.lead)
    for answer in (
        caller.patch(f"risks/{switchgear.pk}", {"review_on": "2026-11-01"}),
        caller.post("risks", {"program": "NA4", "title": "Other", "review_on": "2026-11-01"}),
    ):
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/review_on")
    for on in ("today", "tomorrow"):
        sent = {"id": switchgear.pk, "set_review_on": "on", "review_on": on}
        assert client.post("/risks/bulk", sent).status_code == 302
    # What an import brought, or time, stays while other things change.
    Risk.objects.filter(pk=switchgear.pk).update(review_on=date(2026, 11, 1))
    assert caller.patch(f"risks/{switchgear.pk}", {"title": "Late", "review_on": "2026-11-01"}).status_code == 200


def test_buttons_close_reopen_and_delete(cast: Cast, switchgear: Risk, sign_in: Any) -> None:
    client = sign_in(cast.contributor)
    here = f"/r/R-{switchgear.pk}"
    assert client.post(f"{here}/close", {"closed_because": ""}).status_code == 422
    assert client.post(f"{here}/close", {"closed_because": "Delivered"}).status_code == 302
    assert "Delivered" in client.get(here).text
    assert len(client.get("/p/NA4/risks?show=closed").context["page"]) == 1
    assert client.post(f"{here}/reopen").status_code == 302
    assert "Delete" in client.get(f"{here}/delete").text
    assert client.post(f"{here}/delete").url == "/p/NA4/risks"
    assert not Risk.objects.exists()


def test_mitigations_are_added_finished_and_missed(cast: Cast, switchgear: Risk, sign_in: Any) -> None:
    client = sign_in(cast.contributor)
    here = f"/r/R-{switchgear.pk}"
    posted = {"text": "Second source", "owner": cast.lead.pk, "due_on": "2020-01-01"}
    assert client.post(f"{here}/mitigations/new", posted).status_code == 302
    action = MitigationAction.objects.get()
    assert "Overdue" in client.get(here).text
    assert len(client.get("/risks?show=overdue").context["page"]) == 1
    edited = posted | {"text": "Third source", "done_on": "", "version": action.version}
    assert client.post(f"/mitigations/{action.pk}/edit", edited).status_code == 302
    assert client.post(f"/mitigations/{action.pk}/finish").status_code == 302
    assert len(client.get("/risks?show=overdue").context["page"]) == 0
    assert sign_in(cast.viewer).get(f"/mitigations/{action.pk}/edit").status_code == 403
    assert client.post(f"/mitigations/{action.pk}/delete").status_code == 302
    assert not switchgear.actions.exists()


def test_the_matrix_filters_the_list(cast: Cast, switchgear: Risk, sign_in: Any) -> None:
    create_risk(program=cast.na4, by=cast.lead, today=FRIDAY, title="Optics", likelihood_score=2, impact_score=2)
    client = sign_in(cast.viewer)
    page = client.get("/risks?likelihood=3&impact=4")
    assert [risk.title for risk in page.context["page"]] == ["Switchgear late"]
    (cell,) = (one for _, cells in page.context["matrix"] for one in cells if (one.likelihood, one.impact) == (3, 4))
    assert (cell.count, cell.score, cell.more) == (1, 12, 0)
    assert "9.8 d" in page.text
    assert len(client.get("/risks?likelihood=9&impact=x").context["page"]) == 2
    nobody = client.get("/risks?owner=99999999999999999999")
    assert len(nobody.context["page"]) == 2
    assert "No risk here has the owner “99999999999999999999”." in nobody.text


def test_risks_of_a_private_program_are_nowhere_for_an_outsider(cast: Cast, sign_in: Any) -> None:
    canary = create_milestone(program=cast.dark, by=cast.lead, today=FRIDAY, name="Canary close")
    secret = create_risk(
        program=cast.dark,
        by=cast.lead,
        today=FRIDAY,
        title="Canary sings",
        probability=Decimal("0.5"),
        likelihood_score=5,
        impact_score=5,
        impacts=[Impact(canary, DAY, DAY, DAY)],
    )
    create_action(risk=secret, by=cast.lead, text="Cover it")
    client = sign_in(cast.outsider)
    page = client.get("/risks")
    assert "Canary" not in page.text
    assert "0 open risks, 0 expected working days" in page.text
    assert client.get(f"/r/R-{secret.pk}").status_code == 404
    on_both = create_risk(
        program=cast.na4, by=cast.lead, today=FRIDAY, title="Shared", impacts=[Impact(canary, DAY, DAY, DAY)]
    )
    shown = client.get(f"/r/R-{on_both.pk}").text
    assert "Milestones that you may not see." in shown
    assert "Canary" not in shown


def test_an_impact_lies_on_plans_that_its_author_may_edit(cast: Cast, energized: Milestone, api: Any) -> None:
    gpu = create_program(by=cast.admin, key="GPU", name="GPU fleet", lead=cast.outsider)
    ga = create_milestone(program=gpu, by=cast.outsider, today=FRIDAY, name="GA")
    risk = create_risk(program=cast.na4, by=cast.lead, today=FRIDAY, title="Crane", event="Late")
    answer = api(cast.lead).patch(
        f"risks/{risk.pk}", {"impacts": [{"milestone": ga.pk, "low": 1, "likely": 2, "high": 3}]}
    )
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {
            "pointer": "/impacts",
            "detail": "You cannot delay “GA”: it belongs to GPU fleet. Ask Otto Outsider to record the risk there, "
            "or put the impact on the milestone of your own that waits for it.",
        }
    ]
    change_risk(risk=risk, by=cast.admin, today=FRIDAY, impacts=[Impact(ga, 1, 2, 3)])
    change_risk(
        risk=risk, by=cast.lead, today=FRIDAY, impacts=[Impact(ga, 1, 2, 3), Impact(energized, 1, 2, 3)]
    )  # theirs stays
    with pytest.raises(ValidationError):
        change_risk(risk=risk, by=cast.lead, today=FRIDAY, impacts=[Impact(ga, 1, 2, 4)])
    change_risk(risk=risk, by=cast.lead, today=FRIDAY, impacts=[])
    assert not risk.impacts.exists()


def test_a_cancelled_milestone_has_no_impact(cast: Cast, energized: Milestone) -> None:
    energized = change_milestone(milestone=energized, by=cast.lead, today=FRIDAY, at=NOON, cancelled_on=FRIDAY)
    with pytest.raises(ValidationError) as refusal:
        create_risk(program=cast.na4, by=cast.lead, today=FRIDAY, title="Late", impacts=[Impact(energized, 1, 2, 3)])
    assert refusal.value.message_dict["impacts"] == ["Utility energization is cancelled: nothing can delay it."]


def test_another_programs_forecast_moves_by_who_may_edit_it(cast: Cast, energized: Milestone) -> None:
    gpu = create_program(by=cast.admin, key="GPU", name="GPU fleet", lead=cast.outsider)
    ga = create_milestone(program=gpu, by=cast.outsider, today=FRIDAY, name="GA")
    risk = create_risk(
        program=cast.na4,
        by=cast.admin,
        today=FRIDAY,
        title="Crane",
        probability=Decimal("0.2"),
        impacts=[Impact(ga, DAY, DAY, DAY), Impact(energized, DAY, DAY, DAY)],
    )
    others: list[dict[str, Any]] = [{"probability": Decimal("0.9")}, {"residual_probability": Decimal("0.1")}]
    for changes in others:
        with pytest.raises(ValidationError) as refusal:
            change_risk(risk=risk, by=cast.contributor, today=FRIDAY, **changes)
        assert "GPU fleet" in refusal.value.message_dict["impacts"][0]
    change_risk(risk=risk, by=cast.contributor, today=FRIDAY, title="Crane late", probability=Decimal("0.2"))
    close_risk(risk=risk, by=cast.contributor, on=FRIDAY, because="It came")
    with pytest.raises(ValidationError):
        reopen_risk(risk=risk, by=cast.contributor)
    reopen_risk(risk=risk, by=cast.admin)
    canary = create_milestone(program=cast.dark, by=cast.lead, today=FRIDAY, name="Canary close")
    hidden = create_risk(
        program=cast.na4, by=cast.admin, today=FRIDAY, title="Both", impacts=[Impact(canary, DAY, DAY, DAY)]
    )
    cast.na4.roles.create(user=cast.outsider, kind="contributor")
    with pytest.raises(ValidationError) as refusal:
        change_risk(risk=hidden, by=cast.outsider, today=FRIDAY, probability=Decimal("0.9"))
    assert "Canary" not in refusal.value.message_dict["impacts"][0]


def test_a_deleted_programs_risks_delay_nobody_any_more(cast: Cast, sign_in: Any, api: Any) -> None:
    ways: dict[str, Callable[[], Any]] = {
        "GPU": lambda: sign_in(cast.admin).post("/p/GPU/delete", {"typed": "GPU"}),
        "TPU": lambda: api(cast.admin).delete("programs/TPU"),
    }
    for key, delete in ways.items():
        other = create_program(by=cast.admin, key=key, name=key)
        hit = create_milestone(program=cast.na4, by=cast.lead, today=FRIDAY, name=key)
        create_risk(program=other, by=cast.admin, today=FRIDAY, title="Late", impacts=[Impact(hit, DAY, DAY, DAY)])
        before = Revision.objects.get(program=cast.na4).plan_revision
        assert delete().status_code in (204, 302)
        assert not RiskImpact.objects.exists()
        assert Revision.objects.get(program=cast.na4).plan_revision == before + 1
