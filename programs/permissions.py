"""Who may do what in a program: one table. Seeing is ``visible_to``; this is doing."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from django.core.exceptions import PermissionDenied

from history import past
from people.models import User, Viewer
from programs.models import Program, Role


class Act(Enum):
    """An act on a program, in the words of a refusal."""

    VIEW = "see"
    COMMENT = "comment on"
    EDIT = "edit"
    MEASURE = "record measurements of"
    AGREE = "agree hand-offs of"
    PLAN = "change the promised dates of"
    RANK = "change the rank of"
    DECIDE = "decide for"
    REPORT = "report on"
    MANAGE = "change the roles of"
    DELETE = "delete"


VIEWER = frozenset({Act.VIEW, Act.COMMENT})
CONTRIBUTOR = VIEWER | {Act.EDIT, Act.MEASURE, Act.AGREE}
LEAD = CONTRIBUTOR | {Act.PLAN, Act.RANK, Act.DECIDE, Act.REPORT, Act.MANAGE, Act.DELETE}
ROLES = {Role.Kind.VIEWER: VIEWER, Role.Kind.CONTRIBUTOR: CONTRIBUTOR, Role.Kind.LEAD: LEAD}
SPONSOR = VIEWER | {Act.DECIDE}


def acts(user: Viewer, program: Program) -> frozenset[Act]:
    """All that a person may do in a program: the union of their roles in it."""
    return acts_of_many(user, [program])[program.pk]


def acts_of_many(user: Viewer, programs: Iterable[Program]) -> dict[int, frozenset[Act]]:
    """The same of many programs, by their ids: one query."""
    known = {program.pk: program for program in programs}
    if past.day():
        return dict.fromkeys(known, frozenset({Act.VIEW}))  # the past is read, by who found it, and never written
    if not isinstance(user, User) or not user.is_active:
        return dict.fromkeys(known, frozenset())
    if user.is_admin:
        return dict.fromkeys(known, frozenset(Act))
    found = {pk: _by_itself(user, program) for pk, program in known.items()}
    for pk, kind in Role.objects.filter(user=user, program__in=known).values_list("program_id", "kind"):
        found[pk] |= ROLES[Role.Kind(kind)]
    return found


def _by_itself(user: User, program: Program) -> frozenset[Act]:
    """What the program's own row allows a person, without their roles."""
    allowed: frozenset[Act] = VIEWER if program.visibility == Program.Visibility.ORGANISATION else frozenset()
    if user.pk == program.lead_id:
        allowed |= LEAD
    if user.pk == program.sponsor_id:
        allowed |= SPONSOR
    return allowed


def editable(user: Viewer, programs: Iterable[Program]) -> set[int]:
    """Which of these programs a person may edit, by id: one query for a whole page of rows."""
    return {pk for pk, allowed in acts_of_many(user, programs).items() if Act.EDIT in allowed}


def may(user: Viewer, act: Act, program: Program) -> bool:
    return act in acts(user, program)


def require(user: Viewer, act: Act, program: Program, *, since: str = "") -> None:
    """Raise PermissionDenied, saying what is not allowed and who can; of a program that is hidden, no name.

    ``since`` is a sentence that comes first, where the act alone does not tell why it is asked for.
    """
    allowed = acts(user, program)
    if act in allowed:
        return
    if Act.VIEW not in allowed:
        raise PermissionDenied(f"You cannot {act.value} a private program.")
    lead = program.lead.name if program.lead else "an administrator"
    raise PermissionDenied(f"{since} You cannot {act.value} {program.name}. Ask {lead}.".lstrip())
