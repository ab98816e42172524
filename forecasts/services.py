"""Bring forecasts and derived health up to date with the plan and the day. Nothing here is asked for: it is found."""

from __future__ import annotations

import gc
import math
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import psycopg2.errors
from django.core.exceptions import ValidationError
from django.db import Error, connection, transaction
from django.db.models import F

import history
from engine.calendars import EngineError
from forecasts import network
from forecasts.calendars import Calendars, load_calendars
from forecasts.estimates import load_classes
from forecasts.facts import load
from forecasts.health import WEIGHED_RULES, Derived, Facts, dated, derive, with_weighed
from forecasts.models import (
    FrozenHealth,
    HealthPolicy,
    IssuedForecast,
    MilestoneForecast,
    ProgramHealth,
    RiskForecast,
    Run,
)
from forecasts.weighing import Weighed, weigh
from forecasts.writing import upsert
from milestones.models import Dependency
from people.models import User
from people.permissions import OrgAct, require
from programs.models import Program

# One run at a time: two that compute the same rows would only wait for each other and do it twice.
RUN_LOCK = 7302
POLICY_LOCK = 7307
TRIES = 3
# A component of at most so many programs is computed whole. Of a larger one an edit recomputes what it reaches; what
# lies upstream keeps its forecast, and its float until the next day's run (docs/adr/0006).
WHOLE_UP_TO = 400
EDITED_AT_ONCE = 50
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
    "target_on",
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
    "moves",
    "explained",
    "policy_version",
    "run_id",
    "plan_revision",
    "revision",
]


FROZEN_FIELDS = [name for name in HEALTH_FIELDS if name not in ("plan_revision", "revision")]


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
    calendars: Calendars
    stale: set[int]

    @classmethod
    def read(cls, today: date) -> _State:
        columns = ("pk", "revisions__plan_revision", "revisions__revision")
        revisions = Program.objects.order_by("pk").values_list(*columns)
        healths = ProgramHealth.objects.filter(day=today).values_list(
            "program_id", "plan_revision", "revision", "policy_version", "run_id"
        )
        judged = {program: _Judged(*row) for program, *row in healths}
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
        return run.engine_version == network.ENGINE_VERSION and run.calendars_digest == self.calendars.digest

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

    def plan_revisions(self, part: Sequence[int]) -> dict[str, int]:
        return {str(pk): self.revisions[pk][0] for pk in part}


def newest_policy() -> HealthPolicy:
    """The policy that counts: the newest row; in an empty table the default that ships as version 1."""
    return HealthPolicy.objects.order_by("-version").first() or HealthPolicy(version=1)


@transaction.atomic
def change_policy(*, by: User, at: datetime, reason: str, read_version: int, **limits: int) -> HealthPolicy:
    """Add a version of the policy; the sweep then judges every program by it.

    ``read_version`` is the one that the limits were chosen against: who has not seen the newest chooses again.
    """
    require(by, OrgAct.CHANGE_POLICY)
    if not reason.strip():
        raise ValidationError({"reason": ["Say why the limits change."]}, code="because")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [POLICY_LOCK])
    newest = newest_policy()
    if newest.version != read_version:
        raise ValidationError(
            "Somebody changed the policy meanwhile, to version %(version)s. Look at it, then change it again.",
            code="overtaken",
            params={"version": newest.version},
        )
    row = HealthPolicy(version=newest.version + 1, created_at=at, created_by=by, reason=reason.strip(), **limits)
    return history.create(row)


def behind(*, today: date) -> list[int]:
    """Ids of programs without a health of today that was derived from what there is now."""
    state = _State.read(today)
    return [pk for pk in state.revisions if not state.is_judged(pk)]


def catch_up(*, today: date, at: datetime) -> list[int]:
    """Bring whatever is behind up to date, unless somebody is at it already; ids of the programs judged again.

    Where a few programs of a very large component were edited, these come first and by themselves: whoever edits sees
    the new forecast in seconds, and the next call brings what waits for them.
    """
    program_ids = behind(today=today)
    return _alone(program_ids, today=today, at=at, again=False, wait=False, edited_first=True) if program_ids else []


def bring_up_to_date(*, program_ids: Collection[int], today: date, at: datetime, again: bool = False) -> list[int]:
    """Forecast these programs and all that their dependencies reach as of a day, and derive their health.

    A component whose run still holds is not computed anew, unless ``again``; then only the health of the programs
    asked for is derived. All is read in one snapshot and written in one transaction (inside a caller's transaction it
    joins that one); only rows that differ are written, so that twice leaves the same rows. For days of the past call
    it in the order of days. Returns the ids of the programs judged.
    """
    return _alone(program_ids, today=today, at=at, again=again, wait=True, edited_first=False)


def _alone(
    program_ids: Collection[int], *, today: date, at: datetime, again: bool, wait: bool, edited_first: bool
) -> list[int]:
    for attempt in range(1, TRIES + 1):
        try:
            with _locked(wait=wait) as got_it, _without_collector():
                if not got_it:
                    return []
                edited = _bring_edited(today=today, at=at) if edited_first else []
                return edited or _bring(program_ids, today=today, at=at, again=again)
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
        with _one_snapshot():
            yield got_it
    finally:
        if got_it:
            _lock("pg_advisory_unlock")


@contextmanager
def _without_collector() -> Iterator[None]:
    """A batch makes millions of rows, all alive: the collector would walk them time and again, a quarter of the CPU."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def _one_snapshot() -> Iterator[None]:
    """A transaction that sees one state of the database; inside a caller's transaction, what that one sees."""
    is_outermost = not connection.in_atomic_block
    with transaction.atomic():
        if is_outermost:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield


def _lock(function: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s)", [RUN_LOCK])
        return cursor.fetchone()[0] is not False


def _bring_edited(*, today: date, at: datetime) -> list[int]:
    """Forecast the edited programs of very large components, from what they wait for alone; ids of those."""
    state = _State.read(today)
    edited = [pk for pk in sorted(state.stale) if state.is_edited(pk)]
    if not 0 < len(edited) <= EDITED_AT_ONCE or state.calendars.limits:
        return []
    far = {pk for part in network.components(edited) if len(part) > WHOLE_UP_TO for pk in part}
    edited = [pk for pk in edited if pk in far]
    if not edited:
        return []
    waited_for = network.waited_for(edited)
    part = tuple(sorted(set(waited_for.values()) | set(edited)))
    classes = load_classes(state.calendars, today)
    outcome = network.forecast([part], state.calendars, classes, today, only=waited_for.keys())
    run = _keep_runs([part], outcome.digests, state, today=today, at=at)[edited[0]]
    runs = dict.fromkeys(edited, run)
    forecasts = [row for row in outcome.forecasts if row.program in runs]
    _write_forecasts(forecasts, runs)
    _issue(forecasts, runs, today)
    _write_healths(load(edited, state.calendars, today, outcome.obstacles), state, runs, today=today, at=at)
    return edited


def _bring(program_ids: Collection[int], *, today: date, at: datetime, again: bool) -> list[int]:
    state = _State.read(today)
    asked_for = {pk for pk in program_ids if pk in state.revisions}
    to_run: list[tuple[int, ...]] = []
    to_judge: list[int] = []
    to_write: set[int] = set()
    for part in network.components(asked_for):
        stale = set(part) if again else state.stale & set(part)
        if not stale:
            to_judge += [pk for pk in part if pk in asked_for]
        elif len(part) <= WHOLE_UP_TO or len(stale) == len(part):
            to_run.append(part)
            to_write.update(part)
        else:
            # Of a very large component only what the change reaches, and all that this waits for in turn.
            to_run.append(tuple(sorted(network.reach(stale, network.givers()))))
            to_write |= stale
            to_judge += [pk for pk in part if pk in asked_for and pk not in stale]
    if to_run:
        outcome = network.forecast(to_run, state.calendars, load_classes(state.calendars, today), today)
        runs = _keep_runs(to_run, outcome.digests, state, today=today, at=at)
        runs = {pk: run for pk, run in runs.items() if pk in to_write}
        forecasts = [row for row in outcome.forecasts if row.program in to_write]
        _write_forecasts(forecasts, runs)
        _issue(forecasts, runs, today)
        _write_healths(load(to_write, state.calendars, today, outcome.obstacles), state, runs, today=today, at=at)
    if to_judge:
        runs = {pk: run_id for pk in to_judge if (run_id := state.judged[pk].run)}
        _write_healths(load(to_judge, state.calendars, today, None), state, runs, today=today, at=at)
    return sorted([*to_write, *to_judge])


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


def _issue(forecasts: Iterable[network.Forecast], runs: Mapping[int, int], today: date) -> None:
    """Keep the first forecast of each week as it was issued, for the ledger."""
    week_on = today - timedelta(days=today.weekday())
    issued = set(
        IssuedForecast.objects.filter(program__in=runs, week_on=week_on).values_list("milestone_id", flat=True)
    )
    upsert(
        IssuedForecast,
        [
            "milestone_id", "program_id", "week_on", "day", "run_id", "basis", "target_on", "chance", "finish_on",
            "quantiles",
        ],
        [
            (
                row.milestone, row.program, week_on, today, runs[row.program], row.basis, row.target_on, row.chance,
                row.finish_on, row.quantiles,
            )
            for row in forecasts
            if row.quantiles and row.basis != MilestoneForecast.Basis.DONE and row.milestone not in issued
        ],
        key=["milestone_id", "week_on"],
        replace=False,
    )  # fmt: skip


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
    upsert(
        MilestoneForecast,
        ["milestone_id", "run_id", *FORECAST_FIELDS],
        [(row[0], runs[row.program], *row[1:]) for row in forecasts if standing.get(row.milestone) != tuple(row)],
        key=["milestone_id"],
    )


def explain_some(*, today: date, seconds: float) -> list[int]:
    """Weigh what is uncertain about late programs that are not explained yet, the latest first, until the time is up.

    The time counts from when the record is read. Returns the ids explained.
    """
    rows = ProgramHealth.objects.filter(day=today, explained=False).exclude(p80_on=None).exclude(run=None)
    waiting = list(rows.order_by(F("slip_days").desc(nulls_last=True), "pk").values_list("program_id", flat=True))
    return _explain(waiting, today=today, seconds=seconds) if waiting else []


def explain(*, program_ids: Collection[int], today: date) -> list[int]:
    """Weigh what is uncertain about these programs: parts of the slip, moves, and the cost of their risks.

    Each is written only if its health still stands as it was read. Returns the ids explained.
    """
    return _explain(sorted(program_ids), today=today, seconds=math.inf)


def _explain(program_ids: Sequence[int], *, today: date, seconds: float) -> list[int]:
    """Weigh these programs in turn, each with all that it waits for, over one snapshot.

    A program whose plan has changed since its run is left to the next run: its days would be those of another plan.
    """
    found: list[tuple[ProgramHealth, Weighed | None]] = []
    with _one_snapshot():
        state = _State.read(today)
        classes = load_classes(state.calendars, today)
        until = time.monotonic() + seconds
        asked = ProgramHealth.objects.filter(day=today, program__in=program_ids).exclude(p80_on=None).exclude(run=None)
        rows = {row.program_id: row for row in asked if state.is_judged(row.program_id)}
        hand_offs = _late_hand_offs(rows)
        for row in (rows[pk] for pk in program_ids if pk in rows):
            if time.monotonic() >= until:
                break
            inputs, _ = network.read_upstream(row.program_id, state.calendars, classes, today)
            found.append((row, _weighed(inputs, row, hand_offs[row.program_id])))
    return [row.program_id for row, one in found if _write_weighed(row, one)]


def _weighed(inputs: network.Inputs, row: ProgramHealth, hand_offs: Sequence[Dependency]) -> Weighed | None:
    """What one program's uncertainty is made of; None where that cannot be told."""
    try:
        return weigh(inputs, row.program_id, _uncertain_days(row), hand_offs)
    except EngineError:  # what is tried out may end after the last day that calendars know
        return None


@transaction.atomic
def _write_weighed(read: ProgramHealth, found: Weighed | None) -> bool:
    row = ProgramHealth.objects.select_for_update().filter(pk=read.pk).first()
    names = ("run_id", "revision", "plan_revision", "policy_version", "p80_on", "findings")
    if row is None or row.run_id is None or any(getattr(row, name) != getattr(read, name) for name in names):
        return False
    RiskForecast.objects.filter(program=row.program_id).delete()
    if found:
        if row.slip_days and row.slip_days > 0:
            before = ProgramHealth.objects.filter(program=row.program_id, day__lt=row.day).order_by("-day").first()
            row.findings = with_weighed(row.findings, dated(found.parts, before.findings if before else [], row.day))
        row.moves = found.moves
        RiskForecast.objects.bulk_create(
            RiskForecast(
                risk_id=cost.risk,
                program_id=row.program_id,
                run_id=row.run_id,
                p80_days=cost.p80_days,
                alone_days=cost.alone_days,
                mitigated_days=cost.mitigated_days,
            )
            for cost in found.costs
        )
    row.explained = True
    row.save(update_fields=["findings", "moves", "explained"])
    _freeze([{column: getattr(row, column) for column in ("program_id", "day", "computed_at", *FROZEN_FIELDS)}])
    return True


def _uncertain_days(row: ProgramHealth) -> int:
    return (row.p80_on - row.finish_on).days if row.p80_on and row.finish_on else 0


def _late_hand_offs(program_ids: Iterable[int]) -> dict[int, list[Dependency]]:
    """Open hand-offs into each program whose giver is expected after the day they are needed."""
    found: dict[int, list[Dependency]] = defaultdict(list)
    rows = (
        network.live_links()
        .hand_offs()
        .filter(successor__program__in=list(program_ids), successor__done_on=None, predecessor__done_on=None)
        .filter(predecessor__forecast__p80_on__gt=F("need_by_on"))
        .select_related("predecessor", "successor")
        .order_by("pk")
    )
    for link in rows:
        found[link.successor.program_id].append(link)
    return found


def _write_healths(
    facts: Iterable[Facts], state: _State, runs: Mapping[int, int], *, today: date, at: datetime
) -> None:
    """Derive health and write the rows of the day that differ."""
    standing = {row.program_id: row for row in ProgramHealth.objects.filter(day=today, program__in=runs)}
    changed, unforeseen = [], []
    for one in facts:
        derived = derive(one, state.policy, today)
        if derived.p80_on is None:
            unforeseen.append(one.program)
        before = standing.get(one.program)
        explained = before is not None and _still_explains(before, derived, runs[one.program])
        findings = derived.findings
        if before and explained:
            findings = with_weighed(findings, [part for part in before.findings if part["rule"] in WEIGHED_RULES])
        found = (
            derived.health.value,
            derived.finish_on,
            derived.p50_on,
            derived.p80_on,
            derived.target_on,
            derived.slip_days,
            derived.chance,
            derived.is_stale,
            findings,
            before.moves if before and explained else [],
            explained,
            state.policy.version,
            runs[one.program],
            *state.revisions[one.program],
        )
        if before is None or found != tuple(getattr(before, name) for name in HEALTH_FIELDS):
            changed.append((one.program, today, at, *found))
    columns = ["program_id", "day", "computed_at", *HEALTH_FIELDS]
    upsert(ProgramHealth, columns, changed, key=["program_id", "day"])
    # Without a P80 nothing is weighed any more, and no risk costs days of it.
    RiskForecast.objects.filter(program__in=unforeseen).delete()
    _freeze(dict(zip(columns, row, strict=True)) for row in changed)


def _freeze(rows: Iterable[Mapping[str, Any]]) -> None:
    """Keep what a run said of these programs, beside the row of the day that a later run may replace."""
    columns = ["program_id", "day", "computed_at", *FROZEN_FIELDS]
    upsert(FrozenHealth, columns, ([row[name] for name in columns] for row in rows), key=["program_id", "run_id"])


def _still_explains(row: ProgramHealth, derived: Derived, run: int) -> bool:
    """Whether what was weighed for a row holds for what is derived now."""
    return (
        row.explained
        and row.run_id == run
        and (row.finish_on, row.p80_on, row.target_on) == (derived.finish_on, derived.p80_on, derived.target_on)
    )
