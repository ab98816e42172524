"""Who may change a communication plan: its owner, whoever leads its program, administrators."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext as _

from people import permissions as organisation
from people.models import User
from people.permissions import OrgAct
from programs.permissions import Act, may
from reports.models import Plan


def may_change(user: User, plan: Plan) -> bool:
    """``Plan.objects.changeable_by`` says the same of many."""
    if not user.is_active:
        return False
    if plan.program:
        return may(user, Act.COMMUNICATE, plan.program) or (
            plan.owner_id == user.pk and may(user, Act.VIEW, plan.program)
        )
    return plan.owner_id == user.pk or organisation.may(user, OrgAct.MANAGE_PLANS)


def require_change(user: User, plan: Plan) -> None:
    if may_change(user, plan):
        return
    if plan.program and not may(user, Act.VIEW, plan.program):
        raise PermissionDenied(_("You cannot change the plan of a private program."))
    lead = plan.program.lead if plan.program else None
    someone = lead or plan.owner
    whom = someone.name if someone else _("an administrator")
    raise PermissionDenied(_("You cannot change this plan. Ask %(person)s.") % {"person": whom})
