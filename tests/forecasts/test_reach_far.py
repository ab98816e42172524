"""Of a very large component an edit recomputes what it reaches, and finds what a whole run would."""

import itertools
from typing import Any

import pytest
from django.db import connection

from forecasts.models import MilestoneForecast, ProgramHealth, Run
from forecasts.services import behind, bring_up_to_date, catch_up
from forecasts.state import WHOLE_UP_TO
from milestones.models import Dependency, Milestone
from programs.models import Program, Revision
from tests.conftest import FRIDAY, NOON, Cast
from tests.forecasts.conftest import DAY

SIZE = WHOLE_UP_TO + 5


@pytest.fixture
def chain(cast: Cast) -> list[Program]:
    """One program after the other, each a day of work of its own before the end that the next one waits for."""
    made = Program.objects.bulk_create(Program(key=f"C{n}", name=f"Link {n}", target_on=FRIDAY) for n in range(SIZE))
    Revision.objects.bulk_create(Revision(program=program) for program in made)
    ends = Milestone.objects.bulk_create(
        Milestone(program=program, name="End", is_end=True, work_low=DAY // 2, work_likely=DAY, work_high=2 * DAY)
        for program in made
    )
    Dependency.objects.bulk_create(
        Dependency(predecessor=giver, successor=receiver, agreement="accepted")
        for giver, receiver in itertools.pairwise(ends)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return made


def rows() -> dict[str, list[Any]]:
    """All that an edit may change, but not which run said so, nor float, which waits for the next whole run."""
    forecasts = MilestoneForecast.objects.order_by("pk").values_list("pk", "finish_on", "quantiles", "chance")
    healths = ProgramHealth.objects.order_by("pk").values_list("program_id", "health", "slip_days", "p80_on")
    return {"forecasts": list(forecasts), "healths": list(healths)}


def test_an_edit_recomputes_what_it_reaches_and_judges_the_rest(chain: list[Program], cast: Cast) -> None:
    assert len(catch_up(today=FRIDAY, at=NOON)) == Program.objects.count()
    assert behind(today=FRIDAY) == []
    middle = chain[SIZE - 20]
    Milestone.objects.filter(program=middle).update(work_high=90 * DAY)
    Revision.objects.filter(program=middle).update(plan_revision=2)
    reached = [program.pk for program in chain[SIZE - 20 :]]
    assert behind(today=FRIDAY) == reached
    before = rows()
    assert catch_up(today=FRIDAY, at=NOON) == reached
    # Whoever edited came first, by a run of what that program waits for alone; then all that wait for it.
    runs = ProgramHealth.objects.filter(program__in=reached).order_by("program").values_list("run", flat=True)
    first, *rest = runs
    assert rest == [first + 1] * len(rest)
    assert len(Run.objects.get(pk=first).revisions) == SIZE - 19
    assert behind(today=FRIDAY) == []
    after = rows()
    assert [one == other for one, other in zip(before["forecasts"], after["forecasts"], strict=True)] == [
        program.pk not in reached for program in chain
    ]
    bring_up_to_date(program_ids=[chain[0].pk], today=FRIDAY, at=NOON, again=True)
    assert rows() == after

    # What an edit does not reach is judged all the same, in the same breath as what is simulated anew.
    Revision.objects.filter(program=chain[0]).update(revision=2)
    Revision.objects.filter(program=chain[-1]).update(plan_revision=2)
    wanted = [chain[0].pk, chain[-1].pk]
    assert bring_up_to_date(program_ids=wanted, today=FRIDAY, at=NOON) == wanted
    assert behind(today=FRIDAY) == []
