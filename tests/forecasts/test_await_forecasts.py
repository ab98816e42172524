"""A forecast that something has changed for is marked until the new one is there, on every page that shows it."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.utils import timezone

import people.services
from forecasts.pending import awaited, edited
from forecasts.services import catch_up
from history.services import replaying
from milestones.services import change_milestone, create_milestone, link
from programs.models import Program, Revision
from programs.services import create_program

if TYPE_CHECKING:
    from tests.conftest import Cast

MARK = "recalculating"


def test_it_is_marked_until_the_new_one_is_there(cast: Cast, sign_in: Any) -> None:
    now = timezone.now()
    today: date = people.services.today(now)
    with replaying(now - timedelta(days=3)):
        other = create_program(by=cast.admin, key="GPU", name="GPU fleet", lead=cast.outsider)
    apart = create_program(by=cast.admin, key="APART", name="Apart", lead=cast.lead)
    giver, taker, _apart = (
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
    past = client.get("/p/GPU", {"as_of": "-1d"})
    assert past.status_code == 200
    assert "As it was on" in past.text
    assert MARK not in past.text
    catch_up(today=today, at=now)
    assert marked() == set()


def test_a_program_without_a_row_of_revisions_counts_as_never_changed(cast: Cast) -> None:
    now = timezone.now()
    today: date = people.services.today(now)
    Revision.objects.filter(program=cast.na4).delete()
    catch_up(today=today, at=now)
    everything = Program.objects.all()
    assert not edited(everything)
    assert not awaited(everything)


def test_what_comes_while_a_page_is_read_differs_from_its_stamp(cast: Cast, sign_in: Any) -> None:
    """Or an open page would keep the old forecast until something else changes."""
    now = timezone.now()
    today: date = people.services.today(now)
    step = create_milestone(program=cast.na4, by=cast.admin, today=today, name="Step", work_likely=480)
    client = sign_in(cast.lead)
    is_due = False

    def swept_meanwhile(execute: Any, *call: Any) -> Any:
        """The sweep commits just after the page has read the milestone's forecast."""
        nonlocal is_due
        answer = execute(*call)
        if is_due and 'FROM "forecasts_milestoneforecast"' in call[0]:
            is_due = False
            catch_up(today=today, at=timezone.now())
        return answer

    catch_up(today=today, at=now)
    change_milestone(milestone=step, by=cast.admin, today=today, at=now, work_likely=4_800)
    is_due = True
    with connection.execute_wrapper(swept_meanwhile):
        page = client.get(f"/m/{step.pk}").text
    assert not is_due
    stamp = re.search(r'data-pulse="([^"]*)" data-stamp="([^"]*)"', page)
    assert stamp is not None
    assert client.get(stamp[1]).text != stamp[2]
