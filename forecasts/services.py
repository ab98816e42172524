"""Bring forecasts and derived health up to date with the plan and the day. Nothing here is asked for: it is found."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from functools import partial
from itertools import count
from typing import Any

import psycopg2.errors
from django.core.exceptions import ValidationError
from django.db import Error, connection, transaction
from django.db.models import F
from django.utils.translation import gettext as _

import history
from engine.calendars import EngineError
from forecasts import network
from forecasts.collector import without_collector
from forecasts.estimates import load_classes
from forecasts.facts import load
from forecasts.health import WEIGHED_RULES, Derived, Facts, dated, derive, with_weighed
from forecasts.inputs import ENGINE_VERSION, SAMPLES, SEED, Inputs
from forecasts.models import (
    FrozenHealth,
    HealthPolicy,
    IssuedForecast,
    MilestoneForecast,
    ProgramHealth,
    RiskForecast,
    Run,
)
from forecasts.policy import newest_policy
from forecasts.rows import Forecast
from forecasts.state import WHOLE_UP_TO, State
from forecasts.watch import Superseded, Watch
from forecasts.weighing import Weighed, weigh
from forecasts.writing import upsert
from milestones.models import Dependency
from people.models import User
from people.permissions import OrgAct, require
from programs.models import Revision

# One run at a time: two that compute the same rows would only wait for each other and do it twice.
RUN_LOCK = 7302
POLICY_LOCK = 7307
TRIES = 3
EDITED_AT_ONCE = 50
# So many programs make a batch: fewer cost more looks at all programs, more are more to lose when one gives way.
TOGETHER = 2_000
# So many times a batch gives way to edits, before it is computed whatever comes.
GIVES_WAY = 2
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


@transaction.atomic
def change_policy(*, by: User, at: datetime, reason: str, read_version: int, **limits: int) -> HealthPolicy:
    """Add a version of the policy; the sweep then judges every program by it.

    ``read_version`` is the one that the limits were chosen against: who has not seen the newest chooses again.
    """
    require(by, OrgAct.CHANGE_POLICY)
    if not reason.strip():
        raise ValidationError({"reason": [_("Say why the limits change.")]}, code="because")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [POLICY_LOCK])
    newest = newest_policy()
    if newest.version != read_version:
        raise ValidationError(
            _("Somebody changed the policy meanwhile, to version %(version)s. Look at it, then change it again."),
            code="overtaken",
            params={"version": newest.version},
        )
    row = HealthPolicy(version=newest.version + 1, created_at=at, created_by=by, reason=reason.strip(), **limits)
    return history.create(row)


def behind(*, today: date) -> list[int]:
    """Ids of programs without a health of today that was derived from what there is now."""
    return State.read(today).behind()


def untold(done: int, of: int) -> None:
    """For whoever does not ask how far it is."""


def catch_up(*, today: date, at: datetime, tell: Callable[[int, int], None] = untold) -> list[int]:
    """Bring whatever is behind up to date, unless somebody is at it already; ids of the programs judged again.

    It goes batch by batch, each in a transaction of its own, and before each come the programs that were edited
    meanwhile: whoever edits sees the new forecast in seconds. A batch gives way to an edit that it has not read, but
    not for ever: what is edited all the time is forecast in the end, and so is all the rest (docs/adr/0011). ``tell``
    hears now and then how many programs are done, of how many.
    """
    state = State.read(today)
    waiting = state.behind()
    if not waiting:
        return []
    is_nested = connection.in_atomic_block  # nobody else sees what it is about to read
    edited = [pk for pk in sorted(state.stale) if state.is_edited(pk)]
    known = state.plans()
    brought: set[int] = set()

    def told(rest: Collection[int]) -> Callable[[float], None]:
        done = len(brought.intersection(waiting))
        return lambda share: tell(done + int(share * len(rest)), len(waiting))

    with _alone(wait=False) as got_it:
        for batch in _batches(waiting) if got_it else ():
            for chances in reversed(range(GIVES_WAY + 1)):
                if edited:
                    brought.update(_tried(partial(_bring_edited, edited, today=today, at=at)))
                rest = [pk for pk in batch if pk not in brought]
                watch = Watch(told(rest), gives_way=chances > 0 and not is_nested)
                try:
                    if rest:
                        brought.update(_tried(partial(_bring, rest, today=today, at=at, watch=watch)))
                    is_done = True
                except Superseded:
                    is_done = False
                now = dict(Revision.objects.values_list("pk", "plan_revision"))
                edited, known = sorted(pk for pk, plan in now.items() if plan != known.get(pk)), now
                if is_done:
                    break
        if got_it:
            tell(len(waiting), len(waiting))
    return sorted(brought)


def bring_up_to_date(*, program_ids: Collection[int], today: date, at: datetime, again: bool = False) -> list[int]:
    """Forecast these programs and all that their dependencies reach as of a day, and derive their health.

    A component whose run still holds is not computed anew, unless ``again``; then only the health of the programs
    asked for is derived. All is read in one snapshot and written in one transaction (inside a caller's transaction it
    joins that one); only rows that differ are written, so that twice leaves the same rows. For days of the past call
    it in the order of days. Returns the ids of the programs judged.
    """
    with _alone(wait=True):
        return _tried(partial(_bring, program_ids, today=today, at=at, again=again))


def _batches(program_ids: Collection[int]) -> list[list[int]]:
    """Programs by component, small components together: each batch costs a look at all programs."""
    wanted = set(program_ids)
    batches: list[list[int]] = [[]]
    for part in network.components(wanted):
        if len(batches[-1]) >= TOGETHER:
            batches.append([])
        batches[-1] += [pk for pk in part if pk in wanted]
    return batches


@contextmanager
def _alone(*, wait: bool) -> Iterator[bool]:
    """Whether nobody else runs. The lock is taken before a run's snapshot: a snapshot that is taken first and then
    waits would be old by the time its turn comes. Inside a caller's transaction it lasts as long as that."""
    kind = "xact_" if connection.in_atomic_block else ""
    got_it = _lock(f"pg_{'' if wait else 'try_'}advisory_{kind}lock")
    try:
        yield got_it
    finally:
        if got_it and not kind:
            _lock("pg_advisory_unlock")


def _tried(run: Callable[[], list[int]]) -> list[int]:
    """Run over one snapshot, and again where an edit got in between."""
    for attempt in count(1):
        try:
            with _one_snapshot(), without_collector():
                return run()
        except Error as refusal:
            if attempt == TRIES or connection.in_atomic_block or not isinstance(refusal.__cause__, OVERTAKEN):
                raise
    raise AssertionError  # count() does not end


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


def _bring_edited(program_ids: Collection[int], *, today: date, at: datetime) -> list[int]:
    """Forecast edited programs, unless they are many: with their component, or in a very large one by themselves, from
    what they wait for alone; ids of those judged."""
    state = State.read(today)
    edited = [pk for pk in program_ids if pk in state.stale]
    if not 0 < len(edited) <= EDITED_AT_ONCE:
        return []
    far = {pk for part in network.components(edited) if len(part) > WHOLE_UP_TO for pk in part}
    near = [pk for pk in edited if pk not in far]
    found = _bring(near, today=today, at=at) if near else []
    edited = [pk for pk in edited if pk in far]
    if not edited or state.calendars.limits:
        return found
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
    return found + edited


def _bring(
    program_ids: Collection[int], *, today: date, at: datetime, again: bool = False, watch: Watch | None = None
) -> list[int]:
    state = State.read(today)
    if watch:
        watch.plan_edits = state.plan_edits
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
        classes = load_classes(state.calendars, today)
        outcome = network.forecast(to_run, state.calendars, classes, today, meanwhile=watch)
        if watch:
            watch(1.0)
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
    parts: Sequence[Sequence[int]], digests: Sequence[str], state: State, *, today: date, at: datetime
) -> dict[int, int]:
    """The id of each program's run: the one that stands where it had the same inputs, a new one elsewhere."""
    found: dict[int, int] = {}
    made: list[tuple[Sequence[int], Run]] = []
    for part, digest in zip(parts, digests, strict=True):
        run = Run(
            day=today,
            engine_version=ENGINE_VERSION,
            calendars_digest=state.calendars.digest,
            inputs_digest=digest,
            revisions=state.plan_revisions(part),
            seed=SEED,
            samples=SAMPLES,
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


def _issue(forecasts: Iterable[Forecast], runs: Mapping[int, int], today: date) -> None:
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


def _write_forecasts(forecasts: Sequence[Forecast], runs: Mapping[int, int]) -> None:
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
        state = State.read(today)
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


def _weighed(inputs: Inputs, row: ProgramHealth, hand_offs: Sequence[Dependency]) -> Weighed | None:
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
        Dependency.objects.pending()
        .filter(successor__program__in=list(program_ids), predecessor__forecast__p80_on__gt=F("need_by_on"))
        .select_related("predecessor", "successor")
        .order_by("pk")
    )
    for link in rows:
        found[link.successor.program_id].append(link)
    return found


def _write_healths(facts: Iterable[Facts], state: State, runs: Mapping[int, int], *, today: date, at: datetime) -> None:
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
