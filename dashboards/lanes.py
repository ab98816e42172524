"""The rows of a roadmap: programs or workstreams, each with its milestones drawn one by one or counted by time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import accumulate
from typing import Any, NamedTuple, overload

from django.db.models import (
    Case,
    Count,
    DateField,
    Expression,
    F,
    IntegerField,
    Max,
    OuterRef,
    Q,
    Subquery,
    Value,
    When,
    Window,
)
from django.db.models.functions import (
    Cast,
    Coalesce,
    Greatest,
    RowNumber,
    TruncMonth,
    TruncQuarter,
    TruncWeek,
    TruncYear,
)
from django.utils.translation import gettext as _

from dashboards.roadmap_charts import Mark
from dashboards.templatetags.words import slip_tone
from dashboards.window import Step
from dashboards.window import Window as Shown
from forecasts.models import HealthPolicy, MilestoneForecast, ProgramHealth
from milestones.models import BaselineDate, Dependency, Milestone, MilestoneQuerySet
from people.models import User
from programs.models import Alignment, Health, Phase, Program
from programs.permissions import Act, acts_of_many

TRUNCATE = {Step.WEEK: TruncWeek, Step.MONTH: TruncMonth, Step.QUARTER: TruncQuarter, Step.YEAR: TruncYear}
# The day a milestone was done, its P50 or, where nothing was simulated, the day it is planned or promised.
EXPECTED = Coalesce("done_on", "forecast__p50_on", "forecast__finish_on", "target_on")
# From a forecast to that of the milestone which its start waits for.
DRIVER = "driven_by__forecast__"
GIVERS, TAKERS = -1, -2
# What the reader may do, by the key of a program.
Allowed = Mapping[str, frozenset[Act]]


class Cell(NamedTuple):
    """Milestones that are expected in a step of time, and how many of them are late: P80 past target, not on track."""

    number: int
    late: int


@dataclass
class Lane:
    """A program, or a workstream of one. Milestones outside the window are counted, never drawn."""

    pk: int
    key: str
    title: str
    url: str = ""
    health: Health | None = None
    target_on: date | None = None
    p50_on: date | None = None
    p80_on: date | None = None
    slip: int | None = None
    cells: dict[date, Cell] = field(default_factory=dict)
    earlier: int = 0
    later: int = 0
    undated: int = 0
    done: int = 0
    late: int = 0
    is_open: bool = False
    room: int = 0
    marks: list[Mark] = field(default_factory=list)

    @property
    def inside(self) -> int:
        return sum(cell.number for cell in self.cells.values())

    @property
    def total(self) -> int:
        return self.inside + self.earlier + self.later + self.undated

    @property
    def undrawn(self) -> int:
        """Milestones in the window for which an open lane has no room."""
        return self.inside - len(self.marks) if self.is_open else 0


@dataclass
class Group:
    """Programs that share an area, a lead, an objective or a phase; without a title they share nothing."""

    key: str
    title: str
    lanes: list[Lane]
    is_open: bool = True

    @property
    def cells(self) -> dict[date, Cell]:
        total: dict[date, Cell] = {}
        for lane in self.lanes:
            for first, cell in lane.cells.items():
                there = total.get(first, Cell(0, 0))
                total[first] = Cell(there.number + cell.number, there.late + cell.late)
        return total

    @property
    def total(self) -> int:
        return sum(lane.total for lane in self.lanes)

    @property
    def past_target(self) -> int:
        return sum((lane.slip or 0) > 0 for lane in self.lanes)


# ---- which lanes there are


def programs(viewer: User, *, today: date, by: str, health: str) -> tuple[list[Group], Allowed]:
    """Open programs that the viewer sees, most important first, in groups by title; and what they may do in them."""
    newest = ProgramHealth.objects.filter(program=OuterRef("pk"), day__lte=today).order_by("-day")
    found: list[Any] = list(
        Program.objects.visible_to(viewer)
        .open()
        .by_rank()
        .only("key", "name", "area", "lead", "target_on", "sponsor", "visibility")
        .annotate(health_id=Subquery(newest.values("pk")[:1]))
    )
    derived = ProgramHealth.objects.only("health", "p50_on", "p80_on", "slip_days").in_bulk(
        [program.health_id for program in found if program.health_id]
    )
    lanes: dict[int, Lane] = {}
    for program in found:
        row = derived.get(program.health_id)
        state = Health(row.health) if row else Health.NO_FORECAST
        if health in ("", state):
            lanes[program.pk] = Lane(
                pk=program.pk,
                key=program.key,
                title=program.name,
                url=program.get_absolute_url(),
                health=state,
                target_on=program.target_on,
                p50_on=row.p50_on if row else None,
                p80_on=row.p80_on if row else None,
                slip=row.slip_days if row else None,
            )
    shown = [program for program in found if program.pk in lanes]
    return _grouped(lanes, _titles(shown, by, today), by), allowed_in(viewer, shown)


def allowed_in(viewer: User, programs: Sequence[Program]) -> Allowed:
    found = acts_of_many(viewer, programs)
    return {program.key: found[program.pk] for program in programs}


def _grouped(lanes: Mapping[int, Lane], titles: Mapping[int, tuple[str, str]], by: str) -> list[Group]:
    if by == "program" or not titles:
        return [Group("", "", list(lanes.values()))] if lanes else []
    groups: dict[str, Group] = {}
    nothing = {
        "area": _("No area"),
        "lead": _("No lead"),
        "objective": _("No objective"),
        "phase": _("No phase"),
    }[by]
    for pk, lane in lanes.items():
        key, title = titles.get(pk, ("", nothing))
        groups.setdefault(key, Group(f"{by}-{key}", title, [])).lanes.append(lane)
    if by == "phase":
        order = {kind.value: place for place, kind in enumerate(Phase.Kind)}
        return [groups[key] for key in sorted(groups, key=lambda key: order.get(key, len(order)))]
    return sorted(groups.values(), key=lambda group: (group.key == f"{by}-", group.title.casefold(), group.key))


def _titles(found: Sequence[Any], by: str, today: date) -> dict[int, tuple[str, str]]:
    """What each program is grouped by: a key and a title; a program that serves several objectives has the first."""
    ids = [program.pk for program in found]
    if by == "area":
        return {program.pk: (program.area, program.area) for program in found if program.area}
    if by == "lead":
        names = User.objects.only("name").in_bulk({program.lead_id for program in found if program.lead_id})
        return {p.pk: (str(p.lead_id), names[p.lead_id].name) for p in found if p.lead_id}
    titles: dict[int, tuple[str, str]] = {}
    if by == "objective":
        served = Alignment.objects.filter(program__among=ids).order_by("objective__title", "objective_id")
        for pk, objective, title in served.values_list("program_id", "objective_id", "objective__title"):
            titles.setdefault(pk, (str(objective), title))
    elif by == "phase":
        ahead = Phase.objects.filter(program__among=ids).ahead(today)
        for pk, kind in ahead.values_list("program_id", "kind"):
            titles.setdefault(pk, (kind, str(Phase.Kind(kind).label)))
    return titles


def workstreams(program: Program) -> list[Lane]:
    """A program's workstreams in their order, what is in none, and its neighbours in other programs."""
    rows = program.workstreams.order_by("position", "name", "id").values_list("pk", "name")
    return [
        *(Lane(pk=pk, key=f"w-{pk}", title=name) for pk, name in rows),
        Lane(pk=0, key="w-0", title=_("Other milestones")),
        Lane(pk=GIVERS, key="givers", title=_("From other programs")),
        Lane(pk=TAKERS, key="takers", title=_("For other programs")),
    ]


# ---- what is in them


def of_programs(groups: Iterable[Group]) -> MilestoneQuerySet:
    """Milestones of the programs, each with its lane."""
    ids = [lane.pk for group in groups for lane in group.lanes]
    return Milestone.objects.filter(program__among=ids, cancelled_on=None).annotate(lane=F("program_id"))


def of_program(program: Program, viewer: User) -> MilestoneQuerySet:
    """Its milestones and, as far as the viewer sees them, those of other programs that give to it or take from it."""
    gives = Dependency.objects.filter(successor__program=program).values("predecessor")
    takes = Dependency.objects.filter(predecessor__program=program).values("successor")
    return (
        Milestone.objects.visible_to(viewer)
        .filter(Q(program=program) | Q(pk__in=gives) | Q(pk__in=takes), cancelled_on=None)
        .annotate(
            lane=Case(
                When(program=program, then=Coalesce("workstream_id", 0)),
                When(pk__in=gives, then=GIVERS),
                default=TAKERS,
                output_field=IntegerField(),
            )
        )
    )


def last_day(rows: MilestoneQuerySet) -> date | None:
    """The last day for which something is drawn."""
    days = ("done_on", "promised", "forecast__finish_on", "forecast__p80_on")
    dated: Any = rows.with_due().order_by().annotate(promised=F("due"))
    latest: dict[str, date | None] = dated.aggregate(last=Greatest(*(Max(day) for day in days)))
    return latest["last"]


def count(lanes: Collection[Lane], rows: MilestoneQuerySet, shown: Shown, policy: HealthPolicy) -> None:
    """Say of each lane how many of its milestones are expected in each step of the window, and before and after it."""
    by_pk = {lane.pk: lane for lane in lanes}
    before, after = shown.start - timedelta(days=1), shown.end
    step: Expression = Case(
        When(expected__lt=shown.start, then=Value(before)),
        When(expected__gte=shown.end, then=Value(after)),
        default=Cast(TRUNCATE[shown.step]("expected", output_field=DateField()), DateField()),
        output_field=DateField(),
    )
    done = Count("pk", filter=~Q(done_on=None))
    is_late = Q(done_on=None, forecast__p80_on__gt=F("due") + timedelta(days=policy.at_risk_days))
    found = rows.with_due().annotate(expected=EXPECTED).annotate(step=step).values("lane", "step").order_by()
    counted = found.annotate(n=Count("pk"), late=Count("pk", filter=is_late), done=done)
    for pk, first, number, late, finished in counted.values_list("lane", "step", "n", "late", "done"):
        lane = by_pk[pk]
        lane.late += late
        lane.done += finished
        if first is None:
            lane.undated += number
        elif first == before:
            lane.earlier += number
        elif first == after:
            lane.later += number
        else:
            lane.cells[first] = Cell(number, late)


def read(rows: MilestoneQuerySet, allowed: Allowed, policy: HealthPolicy) -> list[Mark]:
    """Milestones with their forecast and newest baseline, as they are drawn, listed and moved."""
    frozen = BaselineDate.objects.filter(milestone=OuterRef("pk")).order_by("-baseline__approved_on", "-baseline_id")
    forecast = (
        "p80_on", "finish_on", "on_longest_path", "driven_by_id", "start_on", "basis", f"{DRIVER}p50_on",
        f"{DRIVER}finish_on",
    )  # fmt: skip
    own = (
        "pk", "version", "name", "lane", "program__key", "is_end", "done_on", "started_on", "target_on",
        "expected", "promised",
    )  # fmt: skip
    dated: Any = rows.with_due().annotate(promised=F("due"), baseline_on=Subquery(frozen.values("finish_on")[:1]))
    values: Iterable[dict[str, Any]] = dated.values(*own, "baseline_on", *(f"forecast__{name}" for name in forecast))
    return [_mark(row, allowed.get(row["program__key"], frozenset()), policy) for row in values]


def _moves(row: dict[str, Any], allowed: frozenset[Act]) -> dict[str, Any]:
    """Which field moves a milestone's bar, and from which day: the promise that is all there is, else its start.

    Of one that does not move, why it stays.
    """
    if Act.EDIT not in allowed:
        return {}
    if row["done_on"] or row["started_on"]:
        return {"stays": "done" if row["done_on"] else "started"}
    if row["forecast__basis"] not in (None, MilestoneForecast.Basis.PLANNED):
        return {"moves": "not_before_on", "moves_from": _starts_on(row)}
    if row["target_on"] and Act.PLAN in allowed:
        return {"moves": "target_on", "moves_from": row["target_on"]}
    return {"stays": "promised"}


def _starts_on(row: dict[str, Any]) -> date:
    """The day it is likely to start, so that it lands about where it is let go: its plan's start, and as much later as
    what it waits for is likely to be."""
    start_on: date = row["forecast__start_on"]
    p50_on, planned_on = row[f"forecast__{DRIVER}p50_on"], row[f"forecast__{DRIVER}finish_on"]
    return start_on + max(p50_on - planned_on, timedelta()) if p50_on and planned_on else start_on


def _mark(row: dict[str, Any], allowed: frozenset[Act], policy: HealthPolicy) -> Mark:
    done_on, baseline_on = row["done_on"], row["baseline_on"]
    promised = row["promised"]
    late_on, planned_on = done_on or row["forecast__p80_on"], row["forecast__finish_on"]
    # As the program's page says: P80 against its target; where it has none, its plan against its baseline.
    late, due = (late_on, promised) if promised else (planned_on, baseline_on)
    tone = "done" if done_on else slip_tone((late - due).days if late and due else None, policy)
    return Mark(
        pk=row["pk"],
        version=row["version"],
        name=row["name"],
        lane=row["lane"],
        tag=row["program__key"] if row["lane"] in (GIVERS, TAKERS) else "",
        program=row["program__key"],
        tone=tone,
        finish_on=row["expected"],
        p80_on=None if done_on else late_on,
        target_on=promised,
        ghost_on=baseline_on,
        slip=(late_on - promised).days if late_on and promised else None,
        done=done_on is not None,
        started=row["started_on"] is not None,
        is_end=row["is_end"],
        critical=bool(row["forecast__on_longest_path"]) and not done_on,
        driven_by=row["forecast__driven_by_id"],
        **_moves(row, allowed),
        target_moves=bool(row["target_on"]) and row["target_on"] == promised and not done_on and Act.PLAN in allowed,
    )


def open_up(
    lanes: Sequence[Lane], rows: MilestoneQuerySet, shown: Shown, allowed: Allowed, policy: HealthPolicy
) -> None:
    """Read the milestones that open lanes have room for, by the day they are expected."""
    wanted = {lane.pk: lane for lane in lanes if lane.room}
    if not wanted:
        return
    place = Window(RowNumber(), partition_by=[F("lane")], order_by=["expected", "pk"])
    inside = rows.annotate(expected=EXPECTED).filter(
        lane__in=list(wanted), expected__gte=shown.start, expected__lt=shown.end
    )
    most = max(lane.room for lane in wanted.values())
    first = inside.annotate(place=place).filter(place__lte=most).order_by("expected", "pk")
    for mark in read(first, allowed, policy):
        if len(wanted[mark.lane].marks) < wanted[mark.lane].room:
            wanted[mark.lane].marks.append(mark)


def links(lanes: Iterable[Lane]) -> list[tuple[int, int]]:
    """Links between milestones that are drawn: whatever is hidden is not among them."""
    drawn = [mark.pk for lane in lanes for mark in lane.marks]
    if not drawn:
        return []
    between = Dependency.objects.filter(predecessor__among=drawn, successor__among=drawn).order_by("id")
    return list(between.values_list("predecessor_id", "successor_id"))


class Twin(Sequence[tuple[Lane, Mark]]):
    """All milestones of the lanes, in the order of these and then of their days; read a page at a time."""

    def __init__(self, lanes: Sequence[Lane], rows: MilestoneQuerySet, allowed: Allowed, policy: HealthPolicy) -> None:
        self.lanes, self.rows, self.allowed, self.policy = lanes, rows, allowed, policy
        self.ends = list(accumulate(lane.total for lane in lanes))

    def __len__(self) -> int:
        return self.ends[-1] if self.ends else 0

    @overload
    def __getitem__(self, part: int) -> tuple[Lane, Mark]: ...
    @overload
    def __getitem__(self, part: slice) -> list[tuple[Lane, Mark]]: ...
    def __getitem__(self, part: int | slice) -> tuple[Lane, Mark] | list[tuple[Lane, Mark]]:
        if isinstance(part, int):
            return self[part : part + 1][0]
        start, stop = part.start or 0, part.stop
        touched = [
            (lane, end - lane.total)
            for lane, end in zip(self.lanes, self.ends, strict=True)
            if end > start and end - lane.total < stop
        ]
        if not touched:
            return []
        places = {lane.pk: place for place, (lane, _) in enumerate(touched)}
        order = Case(*(When(lane=pk, then=place) for pk, place in places.items()), output_field=IntegerField())
        first = touched[0][1]
        ordered = (
            self.rows.annotate(expected=EXPECTED)
            .filter(lane__in=list(places))
            .order_by(order, F("expected").asc(nulls_last=True), "pk")
        )
        marks = read(ordered[start - first : stop - first], self.allowed, self.policy)
        return [(touched[places[mark.lane]][0], mark) for mark in marks]
