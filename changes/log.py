"""All changes, as far as a reader sees the programs that they are of: who, when, why, and each field before and after.

An act may have written to several programs; of each only the rows in visible programs are told, and the words that were
given for it only where all of them are. A hand-off is told on both sides; of a hidden program nobody is named.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection, models
from django.db.models import Q
from django.db.models.expressions import RawSQL
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from changes.services import UNDOABLE_FOR, standing
from history.changes import UNKNOWN, FieldChange, Names, Shown, differs, percent, pointed_to, told, words
from history.models import ChangeSet
from metrics.models import KPI, Measurement
from milestones.models import Baseline, DateMove, Dependency, Milestone, Requirement, Workstream
from people.models import Team, User
from programs.models import (
    Alignment,
    GateAction,
    GateCriterion,
    Objective,
    PartnerTeam,
    Phase,
    Program,
    RelatedLink,
    ReportedHealth,
    Role,
    Slot,
)
from risks.models import Assumption, Decision, Issue, MitigationAction, Risk, RiskImpact

Model = type[models.Model]

PAGE_SIZE = 40
# Acts that are looked through for a page: most touch a program that the reader sees.
MOST_ACTS = 400
MOST_ROWS = 6
MINUTES_A_DAY = 480

# What can be asked for, and the rows that it is about.
KINDS: dict[str, tuple[str | Promise, tuple[Model, ...]]] = {
    "program": (lazy("Program"), (Program, PartnerTeam, Alignment, RelatedLink)),
    "health": (lazy("Reported health"), (ReportedHealth,)),
    "milestone": (lazy("Milestones"), (Milestone, DateMove, Workstream)),
    "dependency": (lazy("Dependencies"), (Dependency,)),
    "baseline": (lazy("Baselines"), (Baseline,)),
    "requirement": (lazy("Requirements"), (Requirement,)),
    "risk": (lazy("Risks"), (Risk, RiskImpact, MitigationAction)),
    "issue": (lazy("Issues"), (Issue,)),
    "assumption": (lazy("Assumptions"), (Assumption,)),
    "decision": (lazy("Decisions"), (Decision,)),
    "kpi": (lazy("KPIs"), (KPI, Measurement)),
    "phase": (lazy("Phases and gates"), (Phase, GateCriterion, GateAction)),
    "people": (lazy("Roles and slots"), (Role, Slot)),
    "objective": (lazy("Objectives"), (Objective,)),
    "team": (lazy("Teams"), (Team,)),
}
# Seen by everybody: they belong to the organisation.
SHARED = frozenset({Objective, Team})
# What a row is called by; of rows without a name, what they stand between.
TITLES: dict[Model, tuple[str, ...]] = {
    Dependency: ("predecessor", "successor"),
    PartnerTeam: ("team",),
    Alignment: ("objective",),
    RelatedLink: ("other",),
    RiskImpact: ("risk", "milestone"),
    Measurement: ("kpi", "on", "value"),
    DateMove: ("cause", "note"),
    ReportedHealth: ("health", "because"),
    Role: ("user", "kind"),
    Phase: ("kind",),
}
# Working minutes, as days.
MINUTES: Shown = dict.fromkeys(
    ("work_low", "work_likely", "work_high", "remaining", "lag", "low", "likely", "high"),
    lambda minutes: f"{minutes / MINUTES_A_DAY:.1f}".removesuffix(".0") + " d",
)
# What of a hand-off names people or records of the program at its other end.
NAMING = {"external_key", "agreed_by"}
SHARES: Shown = dict.fromkeys(("probability", "residual_probability"), percent)
UNITS: dict[Model, Shown] = {Milestone: MINUTES, Dependency: MINUTES, RiskImpact: MINUTES, Risk: SHARES}
# Pages of rows that have one.
ADDRESSES: dict[Model, Callable[[Any], str]] = {
    Program: lambda event: f"/p/{event.key}",
    Milestone: lambda event: f"/m/{event.id}",
    Risk: lambda event: f"/r/R-{event.id}",
    Issue: lambda event: f"/issues/{event.id}",
    Decision: lambda event: f"/d/D-{event.id}",
    Baseline: lambda event: f"/baselines/{event.id}",
    Team: lambda event: f"/teams/{event.id}",
}
PRIVATE = lazy("something in a private program")


class Asked(NamedTuple):
    """Which changes: of one program, one person, one kind, in a span of time; older than an act."""

    program: Program | None = None
    person: User | None = None
    kind: str = ""
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """What an act did to one row."""

    noun: str
    title: str
    verb: str
    url: str
    program: str
    fields: tuple[FieldChange, ...]


@dataclass(slots=True)
class Act:
    """Who did something, when and why. ``undoable`` by the reader, as far as can be told without trying.

    ``undone`` is the act that took it back: who did it did that too.
    """

    pk: int
    at: datetime
    by: User | None
    reason: str
    rows: list[Row] = field(default_factory=list)
    count: int = 0
    undoable: bool = False
    undone: ChangeSet | None = None

    @property
    def more(self) -> int:
        return self.count - len(self.rows)

    @property
    def is_undo(self) -> bool:
        return self.reason.startswith("Undo")


@dataclass(frozen=True, slots=True)
class Page:
    """Acts, the newest first; ``older`` is what the next page begins below."""

    acts: list[Act]
    older: int | None


# -- finding ---------------------------------------------------------------------------------------------------------


def event_of(model: Model) -> Any:
    return model.events.rel.related_model  # type: ignore[attr-defined]  # named by history.track


def models_of(kind: str) -> list[Model]:
    return list(KINDS[kind][1]) if kind else [model for _label, some in KINDS.values() for model in some]


def columns_of(model: Model) -> list[str]:
    """The columns of its events that name the programs it belongs to."""
    if model is Program:
        return ["pgh_obj_id"]
    had = {column.column for column in event_of(model)._meta.concrete_fields}
    return [name for name in ("program_id", "other_program_id") if name in had]


def seen(model: Model) -> str:
    """Whether an event ``e`` is of a program that was asked for, as SQL; both ends of related ones must be visible."""
    found = " OR ".join(f"e.{name} = ANY(%(programs)s)" for name in columns_of(model)) or "true"
    return f"({found}) AND {whole(model)}" if model is RelatedLink else found


def whole(model: Model) -> str:
    """Whether all programs that an event ``e`` is of are visible, as SQL."""
    columns = [*columns_of(model), *(["other_id"] if model is RelatedLink else [])]
    return " AND ".join(f"coalesce(e.{name} = ANY(%(visible)s), true)" for name in columns) or "true"


def rows_of(sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def page(asked: Asked, viewer: User, *, at: datetime) -> Page:
    """A page of changes: some ten queries, and one for each noun that is named."""
    programs = Program.objects.visible_to(viewer)
    visible = list(programs.values_list("pk", flat=True))
    chosen = [asked.program.pk] if asked.program else visible
    wanted = [model for model in models_of(asked.kind) if not (asked.program and model in SHARED)]
    sets = _sets(asked, wanted, chosen)
    root_of = _with_all_parts({_root(one).pk: _root(one) for one in sets})
    found = _events(list(root_of), chosen, visible)
    counts: Counter[int] = Counter()
    hidden: set[int] = set()
    acted_in_sight: set[int] = set()
    for one in found:
        root = root_of[one.act].pk
        if one.model in wanted:
            counts[root] += one.many
        if one.has_hidden:
            hidden.add(root)
        if one.has_whole:
            acted_in_sight.add(root)

    def is_named(root: ChangeSet) -> bool:
        return viewer.is_admin or root.by_id == viewer.pk or root.pk in acted_in_sight

    roots = {r.pk: r for r in root_of.values() if counts[r.pk] and (asked.person is None or is_named(r))}
    shown = [roots[pk] for pk in sorted(roots, reverse=True)[:PAGE_SIZE]]
    own = {root.pk for root in shown if root.by_id == viewer.pk and at - root.at <= UNDOABLE_FOR}
    stands = {root_of[part].pk for part in standing([part for part, root in root_of.items() if root.pk in own])}
    undone = {one.undoes_id: one for one in ChangeSet.objects.filter(undoes__in=[root.pk for root in shown])}
    people = User.objects.in_bulk({root.by_id for root in shown if root.by_id})
    acts = {
        root.pk: Act(
            root.pk,
            root.at,
            people.get(root.by_id or 0) if is_named(root) else None,
            "" if root.pk in hidden else root.reason,
            count=counts[root.pk],
            undoable=root.pk in own - stands - undone.keys(),
            undone=undone.get(root.pk),
        )
        for root in shown
    }
    _tell(
        acts, [(one.model, root_of[one.act].pk, one.ids) for one in found if one.model in wanted], viewer, set(visible)
    )
    last = shown[-1].pk if len(roots) > PAGE_SIZE else min(root_of, default=None)
    more = len(roots) > PAGE_SIZE or len(sets) == MOST_ACTS
    return Page(list(acts.values()), last if more else None)


def _root(one: ChangeSet) -> ChangeSet:
    while one.parent is not None:
        one = one.parent
    return one


def _with_all_parts(roots: Mapping[int, ChangeSet]) -> dict[int, ChangeSet]:
    """The act that each change-set is part of, itself included: one query."""
    ids = list(roots)
    below = Q(parent__in=ids) | Q(parent__parent__in=ids) | Q(parent__parent__parent__in=ids)
    parts = ChangeSet.objects.filter(below).select_related("parent__parent__parent")
    return {**roots, **{part.pk: roots[_root(part).pk] for part in parts if _root(part).pk in roots}}


def _sets(asked: Asked, wanted: Sequence[Model], visible: list[int]) -> list[ChangeSet]:
    """The newest acts that may be on the page, parts of others included."""
    rows = ChangeSet.objects.select_related("parent__parent__parent").order_by("-pk")
    if asked.before:
        rows = rows.filter(pk__lt=asked.before)
    if asked.person:
        rows = rows.filter(by_id=asked.person.pk)
    if asked.since:
        rows = rows.filter(at__gte=asked.since)
    if asked.until:
        rows = rows.filter(at__lt=asked.until)
    if asked.program or asked.kind:
        rows = rows.filter(pk__in=_that_wrote(asked, wanted, visible)) if wanted else rows.none()
    return list(rows[:MOST_ACTS])


def _that_wrote(asked: Asked, wanted: Sequence[Model], visible: list[int]) -> RawSQL:
    """The change-sets that wrote to rows of these nouns, as a subquery that stays in the database.

    Of one program or noun there may be few among all: they are found by their own indexes.
    """
    arms: list[str] = []
    params: list[Any] = []
    for model in wanted:
        columns = columns_of(model)
        bounds = [" OR ".join(f"e.{name} = ANY(%s)" for name in columns) or "true"]
        params += [visible] * len(columns)
        if asked.before:
            bounds.append("e.change_set_id < %s")
            params.append(asked.before)
        if asked.since:
            bounds.append("e.pgh_created_at >= %s")
            params.append(asked.since)
        within = " AND ".join(f"({bound})" for bound in bounds)
        arms.append(f"SELECT e.change_set_id FROM {event_of(model)._meta.db_table} e WHERE {within}")  # noqa: S608
    return RawSQL(" UNION ".join(arms), params)  # noqa: S611 - tables and columns of our models


class Found(NamedTuple):
    """What an act wrote to rows of a noun: its first events in the programs asked for, and how many those are."""

    model: Model
    act: int
    ids: list[int]
    many: int
    has_hidden: bool
    has_whole: bool


def _events(ids: list[int], programs: list[int], visible: list[int]) -> list[Found]:
    """What each act wrote, noun by noun: one query."""
    nouns = models_of("")
    arms = [
        f"""
        SELECT {place}, e.change_set_id,
            (array_agg(e.pgh_id ORDER BY e.pgh_id) FILTER (WHERE {seen(model)}))[1:{MOST_ROWS}],
            count(*) FILTER (WHERE {seen(model)}), NOT bool_and({whole(model)}), bool_or({whole(model)})
        FROM {event_of(model)._meta.db_table} e WHERE e.change_set_id = ANY(%(ids)s) GROUP BY e.change_set_id
        """  # noqa: S608 - tables and columns of our models
        for place, model in enumerate(nouns)
    ]
    rows = rows_of(" UNION ALL ".join(arms), {"ids": ids, "programs": programs, "visible": visible})
    return [Found(nouns[place], act, some or [], *rest) for place, act, some, *rest in rows]


# -- telling ---------------------------------------------------------------------------------------------------------


class Written(NamedTuple):
    """One write of one row: its event, and the event before it."""

    model: Model
    event: Any
    before: Any


def _tell(acts: dict[int, Act], found: Iterable[tuple[Model, int, list[int]]], viewer: User, visible: set[int]) -> None:
    """Add to each act the first of its rows, in words."""
    chosen: dict[Model, list[int]] = defaultdict(list)
    of: dict[tuple[Model, int], int] = {}
    room = dict.fromkeys(acts, MOST_ROWS)
    for model, root, ids in found:
        if root not in acts:
            continue
        for pk in ids[: room[root]]:
            chosen[model].append(pk)
            of[model, pk] = root
        room[root] = max(room[root] - len(ids), 0)
    written = _read(chosen)
    differing = [_told_of(one, visible) for one in written]
    names = _names(written, differing, viewer)
    for one, changed in zip(written, differing, strict=True):
        act = acts[of[one.model, one.event.pgh_id]]
        if one.event.pgh_label == "update" and one.before and not changed:
            act.count -= 1  # only its version was raised
            continue
        label = one.event.pgh_label
        program = getattr(one.event, "program_id", None) if one.model is not Program else one.event.pgh_obj_id
        act.rows.append(
            Row(
                noun=_(str(one.model._meta.verbose_name)),
                title=_title(one, names),
                verb={"insert": _("added"), "delete": _("deleted")}.get(label, ""),
                url=_address(one),
                program=names.get((Program, program), "") if program and one.model is not Program else "",
                fields=told(one.event, one.before, changed, names, UNITS.get(one.model)),
            )
        )


def _told_of(one: Written, visible: set[int]) -> list[models.Field[Any, Any]]:
    """The fields in which a write changed a row, as far as its reader is told of them."""
    changed = differs(one.model, one.event, one.before)
    if one.model is Dependency and not {one.event.program_id, one.event.other_program_id} - {None} <= visible:
        return [field for field in changed if field.name not in NAMING]
    return changed


def _read(chosen: Mapping[Model, list[int]]) -> list[Written]:
    """Events with those before them, all nouns at once: one query."""
    models_ = list(chosen)
    arms = []
    for place, model in enumerate(models_):
        table, columns = event_of(model)._meta.db_table, columns_of(model)
        # The event before it ended when this one began; the index by program and end finds it.
        near = f"p.{columns[0]} = e.{columns[0]} AND" if columns and model is not Program else ""
        arms.append(
            f"""
            SELECT {place}, to_jsonb(e), (
                SELECT to_jsonb(p) FROM {table} p
                WHERE {near} p.valid_to = e.pgh_created_at AND p.pgh_obj_id = e.pgh_obj_id AND p.pgh_id < e.pgh_id
                ORDER BY p.pgh_id DESC LIMIT 1
            ) FROM {table} e WHERE e.pgh_id = ANY(%(ids{place})s) AND e.pgh_label <> ''
            """  # noqa: S608 - tables and columns of our models
        )
    params = {f"ids{place}": chosen[model] for place, model in enumerate(models_)}
    rows = rows_of(" UNION ALL ".join(arms), params) if arms else []

    def event(model: Model, values: Any) -> Any:
        if values is None:
            return None
        # As written: a float would show digits that nobody gave.
        values = json.loads(values, parse_float=Decimal) if isinstance(values, str) else values
        made = event_of(model)()
        for column in made._meta.concrete_fields:
            setattr(made, column.attname, column.to_python(values[column.column]))
        return made

    found = [
        Written(models_[place], event(models_[place], row), event(models_[place], old)) for place, row, old in rows
    ]
    return sorted(found, key=lambda one: one.event.pgh_created_at)


def _names(
    written: Iterable[Written], differing: Iterable[Iterable[models.Field[Any, Any]]], viewer: User
) -> dict[tuple[Any, int], str]:
    """Names of the rows that titles and changed fields point to, as far as the reader sees them."""
    written = list(written)
    wanted = pointed_to([(one.event, one.before) for one in written], differing)
    for one in written:
        for name in TITLES.get(one.model, ()):
            column = one.model._meta.get_field(name)
            if isinstance(column, models.ForeignKey):
                wanted[column.related_model].add(getattr(one.event, column.attname))
        if one.model is not Program:
            wanted[Program].add(getattr(one.event, "program_id", None) or 0)
        else:
            wanted[Program].add(one.event.pgh_obj_id)
    names: dict[tuple[Any, int], str] = {}
    for model, ids in wanted.items():
        rows: Any = model._default_manager.all()
        # What is hidden is not named, whatever points to it.
        rows = rows.visible_to(viewer) if hasattr(rows, "visible_to") else rows
        names |= {(model, row.pk): str(row) for row in rows.filter(pk__in=ids - {None})}
    return names


def _title(one: Written, names: Names) -> str:
    if one.model not in TITLES:
        texts = (getattr(one.event, name, "") for name in ("name", "title", "question", "text"))
        return next((text for text in texts if text), "")
    said = (words(one.model._meta.get_field(name), one.event, names) for name in TITLES[one.model])  # type: ignore[arg-type]
    arrow = " → " if one.model is Dependency else ", "
    unseen = str(UNKNOWN) if one.model is Dependency else ""
    return arrow.join(str(PRIVATE) if text == unseen else text for text in said if text)


def _address(one: Written) -> str:
    """Where the row stands, unless it is gone."""
    if one.event.pgh_label == "delete" or one.model not in ADDRESSES:
        return ""
    return ADDRESSES[one.model](one.event)
