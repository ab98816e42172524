"""All changes, as far as a reader sees the programs that they are of: who, when, why, and each field before and after.

An act may have written to several programs; of each only the rows in visible programs are told, and the words that were
given for it only where all of them are. A hand-off is told on both sides; of a hidden program nobody is named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Q
from django.db.models.expressions import RawSQL

from changes.nouns import SHARED, Model, columns_of, event_of, models_of, rows_of, seen, whole
from changes.services import UNDOABLE_FOR, standing
from changes.telling import MOST_ROWS, Act, tell
from history.models import ChangeSet
from people.models import User
from programs.models import Program

PAGE_SIZE = 40
# Acts that are looked through for a page: most touch a program that the reader sees.
MOST_ACTS = 400


class Asked(NamedTuple):
    """Which changes: of one program, one person, one kind, in a span of time; older than an act."""

    program: Program | None = None
    person: User | None = None
    kind: str = ""
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Acts, the newest first; ``older`` is what the next page begins below."""

    acts: list[Act]
    older: int | None


# -- finding ---------------------------------------------------------------------------------------------------------


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
    undoings = _undoings([root.pk for root in shown])
    people = User.objects.in_bulk({root.by_id for root in shown if root.by_id})
    acts = {
        root.pk: Act(
            root.pk,
            root.at,
            people.get(root.by_id or 0) if is_named(root) else None,
            "" if root.pk in hidden else root.told,
            count=counts[root.pk],
            is_undo=root.is_undo,
            undoable=root.pk in own - stands - undoings.keys(),
            # Taken back and done again, it stands.
            undone=back[-1] if len(back := undoings.get(root.pk, [])) % 2 else None,
        )
        for root in shown
    }
    tell(
        acts, [(one.model, root_of[one.act].pk, one.ids) for one in found if one.model in wanted], viewer, set(visible)
    )
    last = shown[-1].pk if len(roots) > PAGE_SIZE else min(root_of, default=None)
    more = len(roots) > PAGE_SIZE or len(sets) == MOST_ACTS
    return Page(list(acts.values()), last if more else None)


def _undoings(ids: list[int]) -> dict[int, list[ChangeSet]]:
    """Of each act that was taken back: the act that did so, the one that took back that one, and so on. One query."""
    found: dict[int, list[ChangeSet]] = {}
    rows: Any = ChangeSet.objects.raw(
        """
        WITH RECURSIVE undoing AS (
            SELECT s.*, s.undoes_id AS act FROM history_changeset s WHERE s.undoes_id = ANY(%s)
            UNION ALL SELECT s.*, u.act FROM undoing u JOIN history_changeset s ON s.undoes_id = u.id
        ) SELECT * FROM undoing ORDER BY id
        """,
        [ids],
    )
    for one in rows:
        found.setdefault(one.act, []).append(one)
    return found


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
