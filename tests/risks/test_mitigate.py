"""The probability after mitigation: in the service, the form, the API and the import."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError

from risks.models import Risk
from risks.services import change_risk, create_risk
from tests.conftest import FRIDAY

if TYPE_CHECKING:
    from tests.conftest import Cast

FIELD = "residual_probability"
RANGE = "A probability lies between 0 and 1: write 0.6 for 60 per cent."
NOT_MORE = "Mitigation makes no risk more probable: at most the probability itself."
FIRST = "Give the probability first: this is what mitigation leaves of it."


@pytest.fixture
def late(cast: Cast) -> Risk:
    return create_risk(
        program=cast.na4,
        by=cast.lead,
        today=FRIDAY,
        title="Late",
        probability=Decimal("0.6"),
        residual_probability=Decimal("0.2"),
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({FIELD: Decimal("0.7")}, NOT_MORE),
        ({FIELD: Decimal("1.5")}, RANGE),
        ({FIELD: Decimal("-0.1")}, RANGE),
        ({FIELD: Decimal("NaN")}, "“NaN” value must be a decimal number."),
        ({"probability": Decimal("0.1")}, NOT_MORE),
        ({"probability": None}, FIRST),
    ],
)
def test_it_lies_between_nothing_and_the_probability(
    cast: Cast, late: Risk, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValidationError) as refusal:
        change_risk(risk=late, by=cast.lead, today=FRIDAY, **changes)
    assert refusal.value.message_dict[FIELD] == [said]


def test_the_form_takes_it_in_percent(cast: Cast, late: Risk, sign_in: Any) -> None:
    client = sign_in(cast.contributor)
    shown = client.get(f"/r/R-{late.pk}/edit").text
    assert 'name="residual_probability" value="20"' in shown
    posted = {
        "title": "Late",
        "probability": "60",
        FIELD: "30%",
        "raised_on": "2026-11-20",
        "version": late.version,
        "impacts-TOTAL_FORMS": 0,
        "impacts-INITIAL_FORMS": 0,
    }
    refused = client.post(f"/r/R-{late.pk}/edit", posted | {FIELD: "70"})
    assert refused.status_code == 422
    assert refused.context["form"].errors[FIELD] == [NOT_MORE]
    assert client.post(f"/r/R-{late.pk}/edit", posted | {FIELD: "101"}).context["form"].errors[FIELD]
    assert client.post(f"/r/R-{late.pk}/edit", posted).status_code == 302
    late.refresh_from_db()
    assert late.residual_probability == Decimal("0.3")


def test_the_api_names_it_in_a_refusal(cast: Cast, late: Risk, api: Any) -> None:
    caller = api(cast.lead)
    assert caller.get(f"risks/{late.pk}").json()[FIELD] == "0.2000"
    refused = caller.patch(f"risks/{late.pk}", {FIELD: "0.9"})
    assert refused.status_code == 422
    assert refused.json()["errors"] == [{"pointer": f"/{FIELD}", "detail": NOT_MORE}]
    refused = caller.post("risks", {"program": "NA4", "title": "Other", FIELD: "0.1"})
    assert refused.json()["errors"] == [{"pointer": f"/{FIELD}", "detail": FIRST}]
    for value in (60, -0.2):
        refused = caller.patch(f"risks/{late.pk}", {FIELD: value})
        assert refused.json()["errors"] == [{"pointer": f"/{FIELD}", "detail": RANGE}]
    assert caller.patch(f"risks/{late.pk}", {FIELD: "0.1"}).json()[FIELD] == "0.1000"
