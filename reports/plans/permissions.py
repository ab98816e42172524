"""Who may change a communication plan: its owner, whoever leads its program, administrators."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext as _

from people import permissions as organisation
from people.models import User
from people.permissions import OrgAct
from programs.models import Program
from programs.permissions import Act, may, require, shared_by_each
from reports.models import Plan
from reports.plans.content import programs_of


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


def keeper_of(plan: Plan) -> User | None:
    """Who says by themselves what a plan tells of, without a list of programs: outsiders get what they may share."""
    match plan.content:
        case Plan.Content.PORTFOLIO:
            return plan.owner
        case Plan.Content.VIEW if plan.view:
            return plan.view.owner
    return None


def require_share_with_outsiders(user: User, plan: Plan) -> None:
    """Whoever makes a plan tell outside readers other things, or more, may share all that it then tells them."""
    granters = [row.granted_by for row in plan.readers.filter(user=None, ended_at=None).select_related("granted_by")]
    letting = {person.pk: person for person in granters if person}
    if not letting:
        return
    keeper = keeper_of(plan)
    shared = shared_by_each([*letting.values(), user, *([keeper] if keeper else [])])
    told = frozenset[int]().union(*(shared[pk] for pk in letting))
    if keeper:
        told &= shared[keeper.pk]
    chosen = programs_of(plan)
    if chosen is not None:
        told &= chosen
    first = Program.objects.filter(pk__in=told - shared[user.pk]).order_by("pk").first()
    if first:
        require(user, Act.SHARE, first)
