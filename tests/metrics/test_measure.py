"""KPIs and measurements: their rules and pages."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from metrics.charts import spark
from metrics.kpis import Standing, in_words, state
from metrics.models import KPI, Measurement
from metrics.services import change_kpi, create_kpi, measure
from tests.conftest import FRIDAY

if TYPE_CHECKING:
    from tests.conftest import Cast


@pytest.fixture
def racks(cast: Cast) -> KPI:
    return create_kpi(
        program=cast.na4,
        by=cast.lead,
        name="Racks burned in",
        unit="racks",
        target_value=Decimal(640),
        limit_value=Decimal(100),
    )


def test_a_day_is_measured_once_and_not_ahead(cast: Cast, racks: KPI) -> None:
    measure(kpi=racks, on=FRIDAY, value=Decimal(212), by=cast.contributor, today=FRIDAY)
    with pytest.raises(ValidationError) as refusal:
        measure(kpi=racks, on=FRIDAY, value=Decimal(213), by=cast.contributor, today=FRIDAY)
    assert "on" in refusal.value.message_dict
    with pytest.raises(ValidationError) as refusal:
        measure(kpi=racks, on=FRIDAY + timedelta(days=1), value=Decimal(1), by=cast.lead, today=FRIDAY)
    assert "on" in refusal.value.message_dict
    with pytest.raises(PermissionDenied):
        measure(kpi=racks, on=FRIDAY, value=Decimal(1), by=cast.viewer, today=FRIDAY)


def test_the_line_fits_its_drawing_and_needs_a_value(racks: KPI) -> None:
    assert spark(racks, []) is None
    one = spark(racks, [(FRIDAY, Decimal(5))])
    assert one is not None
    assert len(one.points.split()) == 1
    drawn = spark(racks, [(FRIDAY - timedelta(days=n), Decimal(n * n)) for n in (14, 7, 0)])
    assert drawn is not None
    for point in drawn.points.split():
        x, y = map(float, point.split(","))
        assert 0 <= x <= drawn.width
        assert 0 <= y <= drawn.height
    assert drawn.limit_y is not None
    assert drawn.target_y is not None
    assert drawn.target_y < drawn.limit_y


def test_kpis_have_pages(cast: Cast, sign_in: Any) -> None:
    client = sign_in(cast.contributor)
    assert "No KPIs yet" in client.get("/p/NA4/kpis").text
    posted = {"name": "Latency", "unit": "ms", "direction": "down", "cadence": "week", "limit_value": "35"}
    assert client.post("/p/NA4/kpis/new", posted).status_code == 302
    answer = client.post("/p/NA4/kpis/new", posted)
    assert answer.context["form"].errors["name"] == ["The program has a KPI of this name already."]
    row = KPI.objects.get()
    here = f"/p/NA4/kpis/{row.pk}"
    assert client.post(f"{here}/measurements/new", {"on": "2026-11-13", "value": "36"}).status_code == 302
    answer = client.post(f"{here}/measurements/new", {"on": "2026-11-13", "value": "34"})
    assert "change that one" in answer.context["form"].errors["on"][0]
    page = client.get("/p/NA4/kpis").text
    assert "Past limit" in page
    assert "36 ms" in page
    assert "<polyline" in page
    one = Measurement.objects.get()
    assert 'value="35"' in client.get(f"{here}/edit").content.decode()
    edited = {"on": "2026-11-13", "value": "34.5", "note": "Probe was off", "version": 1}
    assert client.post(f"/measurements/{one.pk}/edit", edited).status_code == 302
    assert "In limit" in client.get(here).text
    assert client.post(f"{here}/edit", posted | {"name": "P99 latency", "version": 1}).status_code == 302
    assert client.post(f"{here}/retire").status_code == 302
    assert "P99 latency" not in client.get("/p/NA4/kpis").text
    assert "P99 latency" in client.get("/p/NA4/kpis?show=retired").text
    assert client.post(f"{here}/retire").status_code == 302
    assert client.post(f"/measurements/{one.pk}/delete").url == here
    assert client.post(f"{here}/delete").url == "/p/NA4/kpis"
    assert not KPI.objects.exists()


def test_who_may_not_measure_sees_no_form(cast: Cast, racks: KPI, sign_in: Any) -> None:
    hidden = create_kpi(program=cast.dark, by=cast.lead, name="Canaries")
    viewer, outsider = sign_in(cast.viewer), sign_in(cast.outsider)
    here = f"/p/NA4/kpis/{racks.pk}"
    assert "measurements/new" not in viewer.get(here).text
    assert viewer.get(f"{here}/measurements/new").status_code == 403
    assert viewer.post(f"{here}/retire").status_code == 403
    assert outsider.get(f"/p/DARK/kpis/{hidden.pk}").status_code == 404
    # A program's address does not show another program's KPI.
    assert outsider.get(f"/p/NA4/kpis/{hidden.pk}").status_code == 404
    assert viewer.get(f"/p/DARK/kpis/{racks.pk}").status_code == 404


def test_a_wrong_pair_of_days_is_refused_beside_its_field(cast: Cast, sign_in: Any) -> None:
    posted = {
        "name": "Latency",
        "direction": "down",
        "cadence": "week",
        "start_on": date(2026, 12, 1).isoformat(),
        "target_on": date(2026, 11, 1).isoformat(),
    }
    answer = sign_in(cast.lead).post("/p/NA4/kpis/new", posted)
    assert "target_on" in answer.context["form"].errors


def test_a_kpi_is_drawn_beside_its_target_limit_and_pace(cast: Cast, racks: KPI, sign_in: Any) -> None:
    change_kpi(
        kpi=racks, by=cast.lead, start_value=Decimal(0), start_on=FRIDAY - timedelta(days=100),
        target_on=FRIDAY + timedelta(days=100),
    )  # fmt: skip
    for days, value in ((200, 110), (14, 180), (0, 212)):
        measure(kpi=racks, on=FRIDAY - timedelta(days=days), value=Decimal(value), by=cast.lead, today=FRIDAY)
    here = f"/p/NA4/kpis/{racks.pk}"
    page = sign_in(cast.lead).get(here)
    assert "212 racks, 108 racks behind the pace of 320 racks" in page.text
    drawn = page.context["course"].figure
    assert [len(line["x"]) for line in drawn["data"]][-1] == 3
    assert [note["text"] for note in drawn["layout"]["annotations"]] == ["Limit 100", "Target 640"]
    low, high = drawn["layout"]["yaxis"]["range"]
    assert low < 0 < 640 < high
    assert f'{here}/edit?only=target_value"' in page.text
    # Fewer days: fewer points, the same table.
    page = sign_in(cast.viewer).get(here, {"days": "90"})
    assert [len(line["x"]) for line in page.context["course"].figure["data"]][-1] == 2
    assert page.text.count('data-label="Pace"') == 3
    assert "?only=" not in page.text


@pytest.mark.parametrize(
    ("standing", "words"),
    [
        (Standing.PAST_LIMIT, "36.5 ms, 1.5 ms past the limit of 35 ms"),
        (Standing.IN_LIMIT, "34 ms, inside the limit of 35 ms"),
        (Standing.REACHED, "20 ms, the target of 25 ms is reached"),
        (Standing.UNMEASURED, "Not measured yet"),
    ],
)
def test_a_standing_says_what_it_rests_on(cast: Cast, standing: Standing, words: str) -> None:
    value = None if standing == Standing.UNMEASURED else Decimal(words.split()[0])
    kpi = KPI(name="Latency", unit="ms", direction="down", limit_value=Decimal(35), target_value=Decimal(25))
    found = state(kpi, value=value, on=FRIDAY, today=FRIDAY)
    assert (found.standing, in_words(kpi, found)) == (standing, words)


def test_what_should_fall_is_over_its_pace(cast: Cast) -> None:
    days: dict[str, Any] = {"start_on": FRIDAY - timedelta(days=50), "target_on": FRIDAY + timedelta(days=50)}
    numbers = {"start_value": Decimal(12), "target_value": Decimal(38)}
    spend = KPI(name="Spend", unit="M$", direction="down", **numbers, **days)
    found = state(spend, value=Decimal("41.8"), on=FRIDAY, today=FRIDAY)
    assert (found.label, in_words(spend, found)) == ("over pace", "41.8 M$, 16.8 M$ over the pace of 25 M$")


def test_per_cents_lie_points_apart(cast: Cast) -> None:
    kpi = KPI(name="Spares", unit="%", direction="up", limit_value=Decimal(90))
    for value, words in ((86, "86 %, 4 points past the limit of 90 %"), (89, "89 %, 1 point past the limit of 90 %")):
        assert in_words(kpi, state(kpi, value=Decimal(value), on=FRIDAY, today=FRIDAY)) == words
