"""Who may do what in the organisation. What concerns one program stands in programs/permissions.py."""

from __future__ import annotations

from enum import Enum

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from history import past
from people.models import SavedView, Viewer


class OrgAct(Enum):
    """An act on the organisation, in the words of a refusal."""

    CREATE_PROGRAM = gettext_noop("create a program")
    CREATE_TEAM = gettext_noop("add a team")
    EDIT_OBJECTIVES = gettext_noop("edit objectives")
    RECORD_PROBLEM = gettext_noop("record a problem")
    MANAGE_PEOPLE = gettext_noop("add or change people")
    MANAGE_TEAMS = gettext_noop("change teams")
    MANAGE_CALENDARS = gettext_noop("change working calendars")
    MANAGE_VIEWS = gettext_noop("change a view that somebody else saved")
    MANAGE_PROBLEMS = gettext_noop("change a problem that somebody else owns")
    MANAGE_ORGANISATION = gettext_noop("change the organisation's settings")
    MANAGE_PLANS = gettext_noop("change communication plans of the organisation")
    CHANGE_POLICY = gettext_noop("change the health policy")
    CHANGE_UPDATE_RULES = gettext_noop("change the rules for updates")
    HOLD_REVIEW = gettext_noop("hold a portfolio review")
    IMPORT = gettext_noop("import a portfolio")


ANYONE = frozenset(
    {
        OrgAct.CREATE_PROGRAM,
        OrgAct.CREATE_TEAM,
        OrgAct.EDIT_OBJECTIVES,
        OrgAct.RECORD_PROBLEM,
        OrgAct.HOLD_REVIEW,
    }
)


def may(user: Viewer, act: OrgAct) -> bool:
    """Whether a person may: members do what is in ``ANYONE``, administrators everything, nobody in the past."""
    can = user.is_authenticated and user.is_active and (user.is_admin or act in ANYONE)
    return can and past.day() is None


def require(user: Viewer, act: OrgAct) -> None:
    """Raise PermissionDenied, saying what is not allowed and who can."""
    if not may(user, act):
        raise PermissionDenied(_("You cannot %(act)s. Ask an administrator.") % {"act": _(act.value)})


def may_change_view(user: Viewer, view: SavedView) -> bool:
    """Whether a person may: its owner, and administrators where it is for everyone."""
    return user.is_active and (view.owner_id == user.pk or (view.is_shared and may(user, OrgAct.MANAGE_VIEWS)))


def require_change_view(user: Viewer, view: SavedView) -> None:
    if not may_change_view(user, view):
        raise PermissionDenied(
            _("You cannot change this view. Ask %(name)s, or save one of your own.") % {"name": view.owner.name}
        )
