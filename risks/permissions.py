"""Who may change a problem: it belongs to a person, not to a program."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext as _

from people import permissions as organisation
from people.models import Viewer
from people.permissions import OrgAct
from risks.models import Problem


def may_change(user: Viewer, problem: Problem) -> bool:
    """Whether a person may: its owner, and administrators."""
    return (user.is_active and problem.owner_id == user.pk) or organisation.may(user, OrgAct.MANAGE_PROBLEMS)


def require_change(user: Viewer, problem: Problem) -> None:
    """Raise PermissionDenied, saying who can."""
    if not may_change(user, problem):
        raise PermissionDenied(_("You cannot change this problem. Ask %(name)s.") % {"name": problem.owner.name})
