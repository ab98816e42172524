"""Whether plans are built so that their dates can be trusted: the checks of the DCMA and ours over live programs.

Checks look at the whole network that the programs hang in, and count for each program what lies in it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from django.core.exceptions import ValidationError
from django.db.models import F
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from engine import cpm, quality
from engine.calendars import EngineError
from engine.network import NO_DAY, Network
from forecasts.calendars import EPOCH, load_calendars
from forecasts.collector import without_collector
from forecasts.estimates import load_classes
from forecasts.inputs import Inputs, groups
from forecasts.network import components, read
from milestones.models import Baseline, BaselineDate, Milestone

IntArray = NDArray[np.int64]

PATH_CHECKS = frozenset({quality.CRITICAL_PATH_TEST.number, quality.CRITICAL_PATH_LENGTH.number})
DCMA = 14  # so many checks are theirs; what comes after is ours, and no program passes or fails by it
# A network of more milestones takes longer than anybody waits for a page.
MOST_MILESTONES = 100_000


@dataclass(frozen=True, slots=True)
class Check:
    """One check of one program, or of all: `value` = `count` / `of`, None with nothing to check.

    `passes` is None then, and where there is no threshold. `milestones` are the ones to look at.
    """

    number: int
    name: str
    threshold: float | None
    at_least: bool
    count: int
    of: int
    value: float | None
    passes: bool | None
    milestones: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Judged:
    """A program's checks, in order, the DCMA's first; none where nothing of its plan can be computed.

    `left_out` are open milestones outside the network: with neither work, dates nor links, or behind some that have
    none, or in a loop.
    """

    program: int
    checks: Sequence[Check]
    left_out: Sequence[int] = ()

    @property
    def passed(self) -> int:
        """How many of the DCMA's checks it passes."""
        return sum(check.passes is True for check in self.checks[:DCMA])

    @property
    def checked(self) -> int:
        """How many of the DCMA's checks found something to check against a limit."""
        return sum(check.passes is not None for check in self.checks[:DCMA])

    @property
    def failed(self) -> list[Check]:
        return [check for check in self.checks if check.passes is False]


@without_collector()
def judge(program_ids: Collection[int], *, today: date) -> list[Judged]:
    """Judge the plans of these programs as of a day, in the order of their ids.

    Raises ValidationError where the network that they hang in has more than `MOST_MILESTONES`.
    """
    ids = set(program_ids)
    parts = components(ids)
    size = Milestone.objects.filter(program__in={program for part in parts for program in part}).count()
    if size > MOST_MILESTONES:
        raise ValidationError(
            _("These plans hang together in a network of %(size)s milestones: too many to check while you wait.")
            % {"size": f"{size:,}"},
            code="too_large",
        )
    calendars = load_calendars()
    inputs, _upstream = read(parts, calendars, load_classes(calendars, today), today)
    open_ones = list(
        Milestone.objects.open()
        .filter(program__in=ids)
        .order_by("pk")
        .values_list("program_id", "pk", "owner_id", "team_id")
    )
    checks: dict[int, Sequence[Check]] = {}
    computed: set[int] = set()
    if inputs.tasks:
        facts = _Facts.read(inputs, ids, {pk for _program, pk, owner, team in open_ones if owner or team})
        for chosen, network in _networks(inputs):
            computed.update(network.uid.tolist())
            checks.update(_merged(checks, _judged(inputs, facts, chosen, network), ids))
    left_out: dict[int, list[int]] = defaultdict(list)
    for program, milestone, *_rest in open_ones:
        if milestone not in computed:
            left_out[program].append(milestone)
    return [Judged(pk, checks.get(pk, ()), left_out[pk]) for pk in sorted(ids)]


def together(judged: Sequence[Judged]) -> list[Check]:
    """The checks of all programs as one: counts are added up; of path checks, the programs that pass are counted."""
    found = []
    for each in zip(*(one.checks for one in judged if one.checks), strict=True):
        first = each[0]
        if first.number in PATH_CHECKS:
            count, of = sum(one.passes is True for one in each), sum(one.passes is not None for one in each)
        else:
            count, of = sum(one.count for one in each), sum(one.of for one in each)
        threshold = 1.0 if first.number in PATH_CHECKS else first.threshold
        found.append(_check(first, threshold, count, of, ()))
    return found


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the checks ask beyond the network, by position of a task."""

    program: IntArray
    owned: NDArray[np.bool_]
    baseline_day: IntArray

    @classmethod
    def read(cls, inputs: Inputs, programs: Collection[int], owned: Collection[int]) -> _Facts:
        newest = (
            Baseline.objects.filter(program__in=programs)
            .order_by("program_id", "-approved_on", "-id")
            .distinct("program_id")
        )
        dates = BaselineDate.objects.filter(
            baseline__in=list(newest.values_list("pk", flat=True)), milestone__program=F("baseline__program")
        )
        baseline: Mapping[int, date] = dict(dates.values_list("milestone_id", "finish_on"))
        return cls(
            np.array([task.program for task in inputs.tasks], dtype=np.int64),
            np.array([task.id in owned for task in inputs.tasks], dtype=bool),
            np.array(
                [(baseline[task.id] - EPOCH).days if task.id in baseline else NO_DAY for task in inputs.tasks],
                dtype=np.int64,
            ),
        )


def _networks(inputs: Inputs) -> Iterator[tuple[IntArray, Network]]:
    """All tasks as one network; where the engine refuses, the connected parts that it takes."""
    at = range(len(inputs.tasks))
    pairs = zip(inputs.pred.tolist(), inputs.succ.tolist(), strict=True)
    waiting = [[np.array(part, dtype=np.int64) for part in groups(at, pairs)]]
    while waiting:
        parts = waiting.pop()
        chosen = np.sort(np.concatenate(parts))
        try:
            network = inputs.compiled(chosen)
            cpm.schedule(network)
        except EngineError:
            half = len(parts) // 2
            waiting += [some for some in (parts[:half], parts[half:]) if half and some]
        else:
            yield chosen, network


def _judged(inputs: Inputs, facts: _Facts, chosen: IntArray, network: Network) -> dict[int, tuple[quality.Check, ...]]:
    tasks = [inputs.tasks[at] for at in chosen.tolist()]
    dates = cpm.schedule(network)
    ends = np.array([task.is_end for task in tasks], dtype=bool)
    open_ends = [task.id for task in tasks if task.is_end and task.done_on is None]
    floats = cpm.float_to(dates, *open_ends)
    floats = np.where(floats == cpm.NO_FLOAT, dates.total_float_min, floats)
    # Negative is what is too late for the day that the path to an end is held against: its baseline's.
    due = np.where(ends & ~network.done, facts.baseline_day[chosen], NO_DAY)
    if np.any(due != NO_DAY):
        room = cpm.schedule(inputs.compiled(chosen, due)).total_float_min
        floats = np.where(room < 0, room, floats)
    # What has a day to begin on begins a plan; a day typed in place of work and links is held by that alone.
    begins = (inputs.columns["not_before"][chosen] != NO_DAY) | (inputs.columns["started"][chosen] != NO_DAY)
    waits = np.isin(chosen, inputs.succ)
    typed = np.array([task.work is None and task.remaining is None and task.not_before_on is None for task in tasks])
    typed &= ~waits & ~network.done & (inputs.columns["target"][chosen] != NO_DAY)
    return quality.judge(
        dates,
        group=facts.program[chosen],
        starts=begins & ~typed,
        ends=ends,
        hard=typed,
        owned=facts.owned[chosen],
        stated_finish_day=np.where(typed, inputs.columns["target"][chosen], NO_DAY),
        baseline_finish_day=facts.baseline_day[chosen],
        float_min=floats,
    )


def _merged(
    standing: Mapping[int, Sequence[Check]], found: Mapping[int, Sequence[quality.Check]], ids: Collection[int]
) -> dict[int, Sequence[Check]]:
    """Checks by program; those of a program that lies in several networks are added up."""
    merged: dict[int, Sequence[Check]] = {}
    for program in found.keys() & ids:
        checks = [_own(check) for check in found[program]]
        if program in standing:
            checks = [_added(one, other) for one, other in zip(standing[program], checks, strict=True)]
        merged[program] = checks
    return merged


def _own(check: quality.Check) -> Check:
    return Check(
        check.number,
        check.name,
        check.threshold,
        check.at_least,
        check.count,
        check.denominator,
        check.value,
        check.passes,
        check.uids.tolist(),
    )


def _added(one: Check, other: Check) -> Check:
    if one.number in PATH_CHECKS:  # of one end: of the network that it lies in, not of the rest
        return other if one.value is None else one
    milestones = sorted({*one.milestones, *other.milestones})
    return _check(one, one.threshold, one.count + other.count, one.of + other.of, milestones)


def _check(like: Check, threshold: float | None, count: int, of: int, milestones: Sequence[int]) -> Check:
    value = count / of if of else None
    passes = None
    if value is not None and threshold is not None:
        passes = value >= threshold if like.at_least else value <= threshold
    return Check(like.number, like.name, threshold, like.at_least, count, of, value, passes, milestones)


def failing(judged: Sequence[Judged]) -> Counter[int]:
    """How many programs fail each check, by its number."""
    return Counter(check.number for one in judged for check in one.failed)
