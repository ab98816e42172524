"""A lead works on the plan without scripts: moves a date, meets somebody else's edit, asks for a hand-off."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from metrics.services import create_kpi, measure
from milestones.models import DateMove, Dependency, Milestone
from milestones.services import approve_baseline, change_milestone, create_milestone, create_requirement, link
from risks.services import Impact, create_action, create_decision, create_issue, create_risk
from tests.conftest import FRIDAY, NOON

if TYPE_CHECKING:
    from tests.conftest import Cast

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LONG = "Switchgear" * 12


@pytest.fixture
def racks(cast: Cast) -> Milestone:
    return create_milestone(
        program=cast.na4, by=cast.lead, today=FRIDAY, name="Racks live", target_on=date(2027, 1, 15)
    )


class TestWithoutScripts:
    @pytest.fixture
    def browser_context_args(self, browser_context_args: dict[str, Any]) -> dict[str, Any]:
        return {**browser_context_args, "java_script_enabled": False}

    @pytest.fixture(autouse=True)
    def refusals_are_no_complaint(self, complaints: list[str]) -> Any:
        """Chromium complains of a page that answers 412 or 422, which is what a refused form answers."""
        yield
        complaints[:] = [text for text in complaints if "status of 412" not in text and "status of 422" not in text]

    def test_a_target_moves_with_its_cause(
        self, cast: Cast, racks: Milestone, signed_in: Any, live_server: LiveServer
    ) -> None:
        page: Page = signed_in(cast.lead)
        page.goto(f"{live_server.url}/p/NA4/milestones")
        page.get_by_role("link", name="Racks live").click()
        page.get_by_role("link", name="Edit", exact=True).click()
        page.get_by_label("Target").fill("2027-02-01")
        page.get_by_role("button", name="Save").click()
        cause = page.get_by_label("Cause of the move")
        expect(cause).to_have_attribute("aria-invalid", "true")
        expect(page.get_by_label("Target")).to_have_value("2027-02-01")
        cause.select_option(label="Supplier late")
        page.get_by_label("What happened").fill("Switchgear")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#toasts")).to_contain_text("Saved.")
        assert DateMove.objects.get().note == "Switchgear"

    def test_two_people_edit_and_nothing_is_lost(
        self, cast: Cast, racks: Milestone, signed_in: Any, live_server: LiveServer
    ) -> None:
        page: Page = signed_in(cast.lead)
        page.goto(f"{live_server.url}/m/{racks.pk}/edit")
        change_milestone(milestone=racks, by=cast.contributor, today=FRIDAY, at=NOON, name="Racks powered", note="Hers")
        page.get_by_label("Name").fill("Racks energized")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("alert")).to_contain_text("Cem Contributor changed this while you were editing")
        expect(page.get_by_role("alert")).to_contain_text("now Racks powered, you entered Racks energized")
        expect(page.get_by_label("Note")).to_have_value("Hers")
        page.get_by_role("button", name="Save").click()
        racks.refresh_from_db()
        assert (racks.name, racks.note) == ("Racks energized", "Hers")

    def test_a_link_is_asked_for_in_two_steps(
        self, cast: Cast, racks: Milestone, signed_in: Any, live_server: LiveServer
    ) -> None:
        create_milestone(program=cast.dark, by=cast.lead, today=FRIDAY, name="Scheduler GA")
        page: Page = signed_in(cast.lead)
        page.goto(f"{live_server.url}/m/{racks.pk}")
        page.get_by_role("link", name="New link").click()
        page.get_by_label("Program of the milestone").select_option(label="Canary merger")
        page.get_by_role("button", name="Choose a milestone").click()
        page.get_by_label("Waits for").select_option(label="Scheduler GA")
        page.get_by_label("Needed by").fill("2027-01-08")
        page.get_by_role("button", name="Ask for it").click()
        expect(page.locator("#toasts")).to_contain_text("Asked Canary merger")
        assert Dependency.objects.get().need_by_on == date(2027, 1, 8)


@pytest.mark.parametrize("width", [1440, 390, 320])
def test_no_page_of_the_plan_scrolls_sideways(
    width: int, cast: Cast, racks: Milestone, signed_in: Any, live_server: LiveServer
) -> None:
    other = create_milestone(program=cast.dark, by=cast.lead, today=FRIDAY, name=LONG, owner=cast.lead)
    hand_off = link(predecessor=other, successor=racks, by=cast.lead, need_by_on=FRIDAY)
    create_requirement(program=cast.na4, by=cast.lead, today=FRIDAY, text=LONG, milestone=racks)
    baseline = approve_baseline(program=cast.na4, name=LONG, dates={racks.pk: FRIDAY}, by=cast.lead, on=FRIDAY)
    risk = create_risk(
        program=cast.na4,
        by=cast.lead,
        today=FRIDAY,
        title=LONG,
        probability=Decimal("0.5"),
        likelihood_score=4,
        impact_score=4,
        impacts=[Impact(racks, 480, 960, 9600)],
    )
    create_action(risk=risk, by=cast.lead, text=LONG, owner=cast.lead, due_on=FRIDAY)
    issue = create_issue(program=cast.na4, by=cast.lead, today=FRIDAY, title=LONG, milestone=racks)
    decision = create_decision(program=cast.na4, by=cast.lead, today=FRIDAY, question=LONG, options=LONG)
    kpi = create_kpi(program=cast.na4, by=cast.lead, name=LONG, unit="racks", limit_value=Decimal(4))
    measure(kpi=kpi, on=FRIDAY, value=Decimal(5), by=cast.lead, today=FRIDAY, note=LONG)
    page: Page = signed_in(cast.lead)
    page.set_viewport_size({"width": width, "height": 800})
    wide: dict[str, int] = {}
    for place in (
        "/dependencies",
        "/p/NA4/milestones",
        f"/m/{racks.pk}",
        f"/m/{other.pk}",
        f"/m/{other.pk}/edit",
        f"/m/{racks.pk}/links/new?program=DARK",
        f"/links/{hand_off.pk}/answer",
        "/p/NA4/requirements",
        "/p/NA4/workstreams",
        "/p/NA4/baselines",
        "/p/NA4/baselines/new",
        f"/baselines/{baseline.pk}",
        "/risks",
        "/p/NA4/risks",
        f"/r/R-{risk.pk}",
        f"/r/R-{risk.pk}/edit",
        "/issues",
        f"/issues/{issue.pk}",
        "/assumptions",
        "/decisions",
        f"/d/D-{decision.pk}",
        f"/d/D-{decision.pk}/decide",
        "/kpis",
        "/p/NA4/kpis",
        f"/p/NA4/kpis/{kpi.pk}",
    ):
        page.goto(f"{live_server.url}{place}")
        sideways = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        wide |= {place: sideways} if sideways > 0 else {}
    assert wide == {}
