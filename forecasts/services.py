"""Bring forecasts and derived health up to date with the plan and the day. Nothing here is asked for: it is found."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

import psycopg2.errors
from django.db import Error, connection, transaction
from django.db.models import Model

from forecasts import network
from forecasts.estimates import load_classes
from forecasts.facts import load
from forecasts.health import Facts, derive
from forecasts.models import HealthPolicy, MilestoneForecast, ProgramHealth, Run
from programs.models import Program

# One run at a time: two that compute the same rows would only wait for each other and do it twice.
RUN_LOCK = 7302
TRIES = 3
ROWS_A_STATEMENT = 5_000
# An edit that got in between: the milestone is gone, or a row has changed since the snapshot.
OVERTAKEN = (psycopg2.errors.SerializationFailure, psycopg2.errors.ForeignKeyViolation)

FORECAST_FIELDS = [
    "program_id",
    "start_on",
    "finish_on",
    "total_float",
    "free_float",
    "on_longest_path",
    "driven_by_id",
    "basis",
    "p50_on",
    "p80_on",
    "chance",
    "quantiles",
]
HEALTH_FIELDS = [
    "health",
    "finish_on",
    "p50_on",
    "p80_on",
    "target_on",
    "slip_days",
    "chance",
    "is_stale",
    "findings",
    "policy_version",
    "run_id",
    "plan_revision",
    "revision",
]


class _Judged(NamedTuple):
    """What a health row of the day was derived from."""

    plan_revision: int
    revision: int
    policy: int
    run: int | None


@dataclass(frozen=True, slots=True)
class _State:
    """What the rows of a day were computed from, beside what there is now."""

    revisions: dict[int, tuple[int, int]]
    judged: dict[int, _Judged]
    runs: dict[int, Run]
    policy: HealthPolicy
    calendars: network.Calendars

    @classmethod
    def read(cls, today: date) -> _State:
        columns = ("pk", "revisions__plan_revision", "revisions__revision")
        revisions = Program.objects.order_by("pk").values_list(*columns)
        healths = ProgramHealth.objects.filter(day=today).values_list(
            "program_id", "plan_revision", "revision", "policy_version", "run_id"
        )
        judged = {program: _Judged(*row) for program, *row in healths}
        return cls(
            # A program without a row of revisions counts as never changed.
            revisions={pk: (plan or 0, revision or 0) for pk, plan, revision in revisions},
            judged=judged,
            runs=Run.objects.in_bulk({row.run for row in judged.values() if row.run}),
            policy=newest_policy(),
            calendars=network.load_calendars(),
        )

    def is_judged(self, program: int) -> bool:
        """Whether its health is that of its revision, its policy and a run that still holds."""
        row = self.judged.get(program)
        return (
            row is not None
            and row[:3] == (*self.revisions[program], self.policy.version)
            and row.run is not None
            and self.holds(self.runs[row.run])
        )

    def holds(self, run: Run) -> bool:
        """Whether a run would find the same inputs again."""
        return (
            run.engine_version == network.ENGINE_VERSION
            and run.calendars_digest == self.calendars.digest
            and all(self.revisions.get(int(pk), (-1,))[0] == plan for pk, plan in run.revisions.items())
        )

    def run_of(self, part: Sequence[int]) -> Run | None:
        """The one run that the rows of a whole component come from, if there is one."""
        runs = {self.judged[pk].run if pk in self.judged else None for pk in part}
        run = self.runs.get(runs.pop() or 0) if len(runs) == 1 else None
        return run if run and {int(pk) for pk in run.revisions} == set(part) else None

    def plan_revisions(self, part: Sequence[int]) -> dict[str, int]:
        return {str(pk): self.revisions[pk][0] for pk in part}


def newest_policy() -> HealthPolicy:
    """The policy that counts: the newest row; in an empty table the default that ships as version 1."""
    return HealthPolicy.objects.order_by("-version").first() or HealthPolicy(version=1)


def behind(*, today: date) -> list[int]:
    """Ids of programs without a health of today that was derived from what there is now."""
    state = _State.read(today)
    return [pk for pk in state.revisions if not state.is_judged(pk)]


def catch_up(*, today: date, at: datetime) -> list[int]:
    """Bring whatever is behind up to date, unless somebody is at it already; ids of the programs judged again."""
    program_ids = behind(today=today)
    return _alone(program_ids, today=today, at=at, again=False, wait=False) if program_ids else []


def bring_up_to_date(*, program_ids: Collection[int], today: date, at: datetime, again: bool = False) -> list[int]:
    """Forecast these programs and all that their dependencies reach as of a day, and derive their health.

    A component whose run still holds is not computed anew, unless ``again``; then only the health of the programs
    asked for is derived. All is read in one snapshot and written in one transaction (inside a caller's transaction it
    joins that one); only rows that differ are written, so that twice leaves the same rows. For days of the past call
    it in the order of days. Returns the ids of the programs judged.
    """
    return _alone(program_ids, today=today, at=at, again=again, wait=True)


def _alone(program_ids: Collection[int], *, today: date, at: datetime, again: bool, wait: bool) -> list[int]:
    for attempt in range(1, TRIES + 1):
        try:
            with _locked(wait=wait) as got_it:
                return _bring(program_ids, today=today, at=at, again=again) if got_it else []
        except Error as refusal:
            if attempt == TRIES or connection.in_atomic_block or not isinstance(refusal.__cause__, OVERTAKEN):
                raise
    return []


@contextmanager
def _locked(*, wait: bool) -> Iterator[bool]:
    """A transaction over one snapshot, alone. The lock is taken before it begins: a snapshot that is taken first and
    then waits would be old by the time its turn comes."""
    if connection.in_atomic_block:
        with transaction.atomic():
            yield _lock("pg_advisory_xact_lock" if wait else "pg_try_advisory_xact_lock")
        return
    got_it = _lock("pg_advisory_lock" if wait else "pg_try_advisory_lock")
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            yield got_it
    finally:
        if got_it:
            _lock("pg_advisory_unlock")


def _lock(function: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s)", [RUN_LOCK])
        return cursor.fetchone()[0] is not False


def _bring(program_ids: Collection[int], *, today: date, at: datetime, again: bool) -> list[int]:
    state = _State.read(today)
    asked_for = {pk for pk in program_ids if pk in state.revisions}
    to_run: list[tuple[int, ...]] = []
    to_judge: list[int] = []
    for part in network.components(asked_for):
        run = state.run_of(part)
        if again or run is None or not state.holds(run):
            to_run.append(part)
        else:
            to_judge += [pk for pk in part if pk in asked_for]
    ran = [pk for part in to_run for pk in part]
    if to_run:
        outcome = network.forecast(to_run, state.calendars, load_classes(today), today)
        runs = _keep_runs(to_run, outcome.digests, state, today=today, at=at)
        _write_forecasts(outcome.forecasts, runs)
        _write_healths(load(ran, state.calendars, today, outcome.obstacles), state, runs, today=today, at=at)
    if to_judge:
        runs = {pk: run_id for pk in to_judge if (run_id := state.judged[pk].run)}
        _write_healths(load(to_judge, state.calendars, today, None), state, runs, today=today, at=at)
    return sorted([*ran, *to_judge])


def _keep_runs(
    parts: Sequence[Sequence[int]], digests: Sequence[str], state: _State, *, today: date, at: datetime
) -> dict[int, int]:
    """The id of each program's run: the one that stands where it had the same inputs, a new one elsewhere."""
    found: dict[int, int] = {}
    made: list[tuple[Sequence[int], Run]] = []
    for part, digest in zip(parts, digests, strict=True):
        run = Run(
            day=today,
            engine_version=network.ENGINE_VERSION,
            calendars_digest=state.calendars.digest,
            inputs_digest=digest,
            revisions=state.plan_revisions(part),
            seed=network.SEED,
            samples=network.SAMPLES,
            computed_at=at,
        )
        standing = state.run_of(part)
        if standing and _same(standing, run):
            found.update(dict.fromkeys(part, standing.pk))
        else:
            made.append((part, run))
    Run.objects.bulk_create([run for _, run in made])
    for part, run in made:
        found.update(dict.fromkeys(part, run.pk))
    return found


def _same(one: Run, other: Run) -> bool:
    names = ("day", "engine_version", "calendars_digest", "inputs_digest", "revisions")
    return all(getattr(one, name) == getattr(other, name) for name in names)


def _write_forecasts(forecasts: Sequence[network.Forecast], runs: Mapping[int, int]) -> None:
    """Write the forecasts that differ from what stands there, and take away those that are none any more."""
    rows = MilestoneForecast.objects.filter(program__in=runs).values_list("milestone_id", *FORECAST_FIELDS)
    standing = {row[0]: row for row in rows}
    gone = standing.keys() - {row.milestone for row in forecasts}
    if gone:
        MilestoneForecast.objects.filter(pk__in=gone).delete()
    MilestoneForecast.objects.bulk_create(
        [
            MilestoneForecast(milestone_id=row[0], run_id=runs[row.program], **_fields(FORECAST_FIELDS, row[1:]))
            for row in forecasts
            if standing.get(row.milestone) != tuple(row)
        ],
        update_conflicts=True,
        unique_fields=["milestone"],
        update_fields=["run", *_names(MilestoneForecast, FORECAST_FIELDS)],
        batch_size=ROWS_A_STATEMENT,
    )


def _write_healths(
    facts: Iterable[Facts], state: _State, runs: Mapping[int, int], *, today: date, at: datetime
) -> None:
    """Derive health and write the rows of the day that differ."""
    rows = ProgramHealth.objects.filter(day=today, program__in=runs).values_list("program_id", *HEALTH_FIELDS)
    standing = {row[0]: row for row in rows}
    changed = []
    for one in facts:
        derived = derive(one, state.policy, today)
        found = (
            derived.health.value,
            derived.finish_on,
            derived.p50_on,
            derived.p80_on,
            derived.target_on,
            derived.slip_days,
            derived.chance,
            derived.is_stale,
            derived.findings,
            state.policy.version,
            runs[one.program],
            *state.revisions[one.program],
        )
        if standing.get(one.program) != (one.program, *found):
            row = ProgramHealth(program_id=one.program, day=today, computed_at=at, **_fields(HEALTH_FIELDS, found))
            changed.append(row)
    ProgramHealth.objects.bulk_create(
        changed,
        update_conflicts=True,
        unique_fields=["program", "day"],
        update_fields=[*_names(ProgramHealth, HEALTH_FIELDS), "computed_at"],
        batch_size=ROWS_A_STATEMENT,
    )


def _fields(names: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    return dict(zip(names, values, strict=True))


def _names(model: type[Model], columns: Sequence[str]) -> list[str]:
    return [model._meta.get_field(column.removesuffix("_id")).name for column in columns]
