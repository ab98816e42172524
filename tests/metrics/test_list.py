"""The KPIs of all programs on one page: those of programs that the reader sees, and which of them are off."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

import people.services
from metrics.models import KPI
from metrics.services import create_kpi, measure
from people.models import User
from tests.conftest import Cast

SignIn = Callable[[User], Client]


@pytest.fixture
def numbers(cast: Cast) -> dict[str, KPI]:
    """One inside its limit, one past it, one past it and retired, and one that is hidden, past its limit too."""
    today = people.services.today(timezone.now())
    found = {}
    for name, program, value in (
        ("Calm", cast.na4, 10), ("Loud", cast.na4, 90), ("Gone", cast.na4, 90), ("Secret", cast.dark, 90)
    ):  # fmt: skip
        row = create_kpi(program=program, by=cast.lead, name=name, direction="down", limit_value=Decimal(35))
        measure(kpi=row, by=cast.lead, today=today, on=today, value=Decimal(value))
        found[name] = row
    KPI.objects.filter(name="Gone").update(retired_on=today)
    return found


def names(client: Client, address: str) -> set[str]:
    return {line["kpi"].name for line in client.get(address).context["lines"]}


def test_all_programs_show_their_kpis_and_those_that_are_off(
    cast: Cast, numbers: dict[str, KPI], sign_in: SignIn
) -> None:
    lead, outsider = sign_in(cast.lead), sign_in(cast.outsider)
    assert names(lead, "/kpis") == {"Calm", "Loud", "Secret"}
    assert names(lead, "/kpis?show=off") == {"Loud", "Secret"}
    assert names(lead, "/kpis?show=retired") == {"Gone"}
    assert names(lead, "/kpis?program=DARK&show=off") == {"Secret"}
    assert names(outsider, "/kpis") == {"Calm", "Loud"}
    # What is past its limit comes first, by name each; the other way round where that is asked for.
    for order, shown in (("", ["Loud", "Calm"]), ("?sort=name", ["Calm", "Loud"]), ("?sort=-state", ["Calm", "Loud"])):
        assert [line["kpi"].name for line in outsider.get(f"/kpis{order}").context["lines"]] == shown, order
    assert names(outsider, "/kpis?show=off") == {"Loud"}
    assert [tab["count"] for tab in outsider.get("/kpis").context["tabs"]] == [2, 1, 1]


def test_the_file_of_all_names_the_program_of_each(cast: Cast, numbers: dict[str, KPI], sign_in: SignIn) -> None:
    lines = sign_in(cast.outsider).get("/kpis?format=csv").content.decode("utf-8-sig").splitlines()
    assert lines[0].startswith("KPI,Program,State")
    assert sorted(line.split(",")[1] for line in lines[1:]) == [cast.na4.name] * 2
