"""What the rows of a day were computed from, beside what there is now: what is behind, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from forecasts import network
from forecasts.calendars import Calendars, load_calendars
from forecasts.inputs import ENGINE_VERSION
from forecasts.models import HealthPolicy, ProgramHealth, Run
from forecasts.policy import newest_policy
from programs.models import Program

# A component of at most so many programs is computed whole. Of a larger one an edit recomputes what it reaches; what
# lies upstream keeps its forecast, and its float until the next day's run (docs/adr/0006).
WHOLE_UP_TO = 400


class Judged(NamedTuple):
    """What a health row of the day was derived from."""

    plan_revision: int
    revision: int
    policy: int
    run: int | None


@dataclass(frozen=True, slots=True)
class State:
    """What the rows of a day were computed from, beside what there is now."""

    revisions: dict[int, tuple[int, int]]
    judged: dict[int, Judged]
    runs: dict[int, Run]
    policy: HealthPolicy
    calendars: Calendars
    stale: set[int]

    @classmethod
    def read(cls, today: date) -> State:
        columns = ("pk", "revisions__plan_revision", "revisions__revision")
        revisions = Program.objects.order_by("pk").values_list(*columns)
        healths = ProgramHealth.objects.filter(day=today).values_list(
            "program_id", "plan_revision", "revision", "policy_version", "run_id"
        )
        judged = {program: Judged(*row) for program, *row in healths}
        state = cls(
            # A program without a row of revisions counts as never changed.
            revisions={pk: (plan or 0, revision or 0) for pk, plan, revision in revisions},
            judged=judged,
            runs=Run.objects.in_bulk({row.run for row in judged.values() if row.run}),
            policy=newest_policy(),
            calendars=load_calendars(),
            stale=set(),
        )
        state.stale.update(state._find_stale())
        return state

    def _find_stale(self) -> set[int]:
        """Programs whose run would find other inputs: what they wait for has changed since, or they have themselves."""
        changed_since = {pk: changed for pk, run in self.runs.items() if (changed := self._changed_since(run))}
        # Whoever waited for a program that is gone cannot be asked any more.
        whole = {
            pk
            for pk, changed in changed_since.items()
            if len(self.runs[pk].revisions) <= WHOLE_UP_TO or changed - self.revisions.keys()
        }
        receivers = network.receivers() if changed_since.keys() - whole else {}
        reached = {
            pk: set(map(int, self.runs[pk].revisions)) if pk in whole else network.reach(changed, receivers)
            for pk, changed in changed_since.items()
        }
        return {
            program
            for program in self.revisions
            if (row := self.judged.get(program)) is None
            or row.run is None
            or not self._is_current(self.runs[row.run])
            or program in reached.get(row.run, ())
        }

    def _is_current(self, run: Run) -> bool:
        return run.engine_version == ENGINE_VERSION and run.calendars_digest == self.calendars.digest

    def _changed_since(self, run: Run) -> set[int]:
        read = {int(pk): plan for pk, plan in run.revisions.items()}
        return {pk for pk, plan in read.items() if self.revisions.get(pk, (-1,))[0] != plan}

    def is_edited(self, program: int) -> bool:
        """Whether its own plan has changed since it was judged today."""
        row = self.judged.get(program)
        return row is not None and row.plan_revision != self.revisions[program][0]

    def is_judged(self, program: int) -> bool:
        """Whether its health is that of its revision, its policy and a run that still holds."""
        row = self.judged.get(program)
        return (
            row is not None and row[:3] == (*self.revisions[program], self.policy.version) and program not in self.stale
        )

    def run_of(self, part: Sequence[int]) -> Run | None:
        """The one run that the rows of a whole component come from, if there is one."""
        runs = {self.judged[pk].run if pk in self.judged else None for pk in part}
        run = self.runs.get(runs.pop() or 0) if len(runs) == 1 else None
        return run if run and {int(pk) for pk in run.revisions} == set(part) else None

    def behind(self) -> list[int]:
        return [pk for pk in self.revisions if not self.is_judged(pk)]

    def plans(self) -> dict[int, int]:
        return {pk: plan for pk, (plan, _) in self.revisions.items()}

    @property
    def plan_edits(self) -> int:
        """How often the plans of all programs have changed."""
        return sum(plan for plan, _ in self.revisions.values())

    def plan_revisions(self, part: Sequence[int]) -> dict[str, int]:
        return {str(pk): self.revisions[pk][0] for pk in part}
