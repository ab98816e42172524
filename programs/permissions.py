"""Who may do what in a program: one table. Seeing is ``visible_to``; this is doing."""

from __future__ import annotations

from enum import Enum

from django.core.exceptions import PermissionDenied

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
    if not isinstance(user, User) or not user.is_active:
        return frozenset()
    if user.is_admin:
        return frozenset(Act)
    allowed: frozenset[Act] = VIEWER if program.visibility == Program.Visibility.ORGANISATION else frozenset()
    if user.pk == program.lead_id:
        allowed |= LEAD
    if user.pk == program.sponsor_id:
        allowed |= SPONSOR
    for kind in Role.objects.filter(user=user, program=program).values_list("kind", flat=True):
        allowed |= ROLES[Role.Kind(kind)]
    return allowed


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
