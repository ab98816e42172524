"""A forecast that something has changed for is marked until the new one is there, on every page that shows it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from django.utils import timezone

import people.services
from forecasts.pending import awaited, edited
from forecasts.services import catch_up
from milestones.services import change_milestone, create_milestone, link
from programs.models import Program
from programs.services import create_program

if TYPE_CHECKING:
    from tests.conftest import Cast

MARK = "recalculating"


def test_it_is_marked_until_the_new_one_is_there(cast: Cast, sign_in: Any) -> None:
    now = timezone.now()
    today: date = people.services.today(now)
    other = create_program(by=cast.admin, key="GPU", name="GPU fleet", lead=cast.outsider)
    apart = create_program(by=cast.admin, key="APART", name="Apart", lead=cast.lead)
    giver, taker, own = (
        create_milestone(program=program, by=cast.admin, today=today, name="Step", work_likely=480)
        for program in (other, cast.na4, apart)
    )
    link(predecessor=giver, successor=taker, by=cast.admin)
    client = sign_in(cast.lead)

    def marked() -> set[str]:
        paths = ("/", "/p/GPU", "/p/NA4", "/p/APART", f"/m/{giver.pk}", f"/m/{taker.pk}")
        mains = {path: client.get(path).text for path in paths}
        return {path for path, text in mains.items() if MARK in text[text.index('id="forecast-run"') :]}

    catch_up(today=today, at=now)
    assert marked() == set()
    change_milestone(milestone=giver, by=cast.admin, today=today, at=now, work_likely=4_800)
    everything = Program.objects.all()
    assert set(edited(everything)) == {other}
    assert set(awaited(everything)) == {other, cast.na4}, "What waits for it is forecast anew with it"
    # Beside the run of all programs on pages that are of none, beside its own on those of one.
    assert marked() == {"/", "/p/GPU", "/p/NA4", f"/m/{giver.pk}", f"/m/{taker.pk}"}
    assert MARK not in client.get("/p/NA4", {"as_of": "-1d"}).text
    catch_up(today=today, at=now)
    assert marked() == set()
    own.delete()
    assert set(awaited(everything)) == set(), "Nothing was touched"
