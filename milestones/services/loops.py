"""No milestone waits for itself, however long the way around."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable
from itertools import groupby

from django.core.exceptions import ValidationError
from django.db import connection
from django.utils.translation import gettext as _

from milestones.models import Milestone
from people.models import User

# Two people who add the two halves of a loop at once must wait for each other.
GRAPH_LOCK = 7301


def lock_graph() -> None:
    """Let one transaction at a time change what waits for what; held until it ends, and taken before any row."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [GRAPH_LOCK])


def find_loop(links: Iterable[tuple[int, int]]) -> list[int] | None:
    """A loop among links (predecessor id, successor id), as ids in order, or None.

    Peels off milestones that wait for nothing (Kahn 1962); whoever is left waits for a loop, and walking backwards
    along what is left must run into it.
    """
    waits_for: dict[int, set[int]] = defaultdict(set)
    leads_to: dict[int, set[int]] = defaultdict(set)
    for predecessor, successor in links:
        waits_for[successor].add(predecessor)
        leads_to[predecessor].add(successor)
    free = deque(node for node in leads_to if not waits_for.get(node))
    left = {node: set(before) for node, before in waits_for.items() if before}
    while free:
        for successor in leads_to.get(node := free.popleft(), ()):
            left[successor].discard(node)
            if not left[successor]:
                del left[successor]
                free.append(successor)
    if not left:
        return None
    node = min(left)
    seen: dict[int, int] = {}
    path: list[int] = []
    while node not in seen:
        seen[node] = len(path)
        path.append(node)
        node = min(left[node] & left.keys())
    return path[seen[node] :][::-1]


def path_between(start: int, end: int) -> list[int] | None:
    """Milestone ids from ``start`` along links to ``end``, or None: one recursive query over what is reachable."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH RECURSIVE ahead (id, via) AS (
                SELECT %(start)s::bigint, NULL::bigint
                UNION
                SELECT d.successor_id, d.predecessor_id
                FROM milestones_dependency d JOIN ahead ON d.predecessor_id = ahead.id
            )
            SELECT id, via FROM ahead
            """,
            {"start": start},
        )
        came_from: dict[int, int | None] = {}
        for node, via in cursor.fetchall():
            came_from.setdefault(node, via)
    if end not in came_from:
        return None
    path, node = [end], came_from[end]
    while node is not None and path[-1] != start:
        path.append(node)
        node = came_from[node]
    return path[::-1]


def name_loop(ids: list[int], reader: User) -> str:
    """The loop in words, as far as the reader may see it."""
    seen = {
        m.pk: f"{m.program.key} {m.name}"
        for m in Milestone.objects.visible_to(reader).filter(pk__in=ids).select_related("program")
    }
    # How many milestones lie in a row out of sight is not told either.
    names = (seen.get(pk, _("milestones of a program that you may not see")) for pk in [*ids, ids[0]])
    return " → ".join(name for name, _same in groupby(names))


def refuse_loop(predecessor: Milestone, successor: Milestone, by: User) -> None:
    loop = path_between(successor.pk, predecessor.pk)
    if loop is not None:
        raise ValidationError(
            {
                "predecessor": [
                    _("This would close a loop: %(name_loop)s. Remove one of its links first.")
                    % {"name_loop": name_loop(loop, by)}
                ]
            },
            code="loop",
        )
