"""Plans and readers that follow from others: a template's plan for each program, members of teams, sponsors."""

from __future__ import annotations

from datetime import datetime

import history
from people.models import Membership, User
from programs.models import PartnerTeam, Program, Role
from programs.permissions import seen_by_each
from reports.models import Plan, PlanTeam, Subscription
from reports.plans.promises import skip_letters
from reports.plans.services import INHERITED

Pair = tuple[int, int]


def adopt(*, at: datetime) -> int:
    """Give each active program the plans of the organisation's templates that it lacks."""
    templates = list(Plan.objects.filter(is_template=True, ended_at=None).order_by("pk"))
    if not templates:
        return 0
    made = set(Plan.objects.filter(template__in=templates).values_list("template_id", "program_id"))
    programs = list(Program.objects.filter(state=Program.State.ACTIVE).order_by("pk"))
    missing = [(t, p) for p in programs for t in templates if (t.pk, p.pk) not in made]
    if missing:
        with history.because("Make the plans of a template", by_id=None):
            for template, program in missing:
                taken = {name: getattr(template, name) for name in INHERITED}
                history.create(
                    Plan(
                        content=Plan.Content.PROGRAM,
                        program=program,
                        owner_id=program.lead_id,
                        template=template,
                        begins_at=at,
                        **taken,
                    )
                )
    return len(missing)


def enrol(*, at: datetime) -> None:
    """Make readers of those who belong to a plan's teams or audience, and of nobody who does not any more."""
    belong = _belonging()
    # The day's mail takes its readers as something waits for them.
    plans = Plan.objects.running().exclude(content=Plan.Content.DAY)
    rows = Subscription.objects.filter(user__isnull=False, plan__in=plans)
    present = {(row.plan_id, row.user_id or 0): row for row in rows.order_by("pk")}
    missing = sorted(belong.keys() - present.keys())
    back = [row for pair, row in present.items() if pair in belong and row.enrolled and row.ended_at and not row.left]
    gone = [row for pair, row in present.items() if pair not in belong and row.enrolled and not row.ended_at]
    if not (missing or back or gone):
        return
    with history.because("Follow who belongs to a plan's audience", by_id=None):
        for plan_id, user_id in missing:
            team_id = belong[plan_id, user_id]
            history.create(Subscription(plan_id=plan_id, user_id=user_id, team_id=team_id, enrolled=True, begins_at=at))
        for row in Subscription.objects.select_for_update().filter(pk__in=[row.pk for row in back]).order_by("pk"):
            history.save(row, ended_at=None, begins_at=at)
        skip_letters(gone, "The reader does not belong to its audience any more.")
        for row in Subscription.objects.select_for_update().filter(pk__in=[row.pk for row in gone]).order_by("pk"):
            history.save(row, ended_at=at)


def _belonging() -> dict[Pair, int | None]:
    """Each plan and person who belongs to it, with the team through which they do."""
    running = Plan.objects.running()
    belong: dict[Pair, int | None] = {}
    by_team: dict[int, set[int]] = {}
    for team_id, user_id in Membership.objects.filter(user__is_active=True).values_list("team_id", "user_id"):
        by_team.setdefault(team_id, set()).add(user_id)
    for plan_id, team_id in PlanTeam.objects.filter(plan__in=running).values_list("plan_id", "team_id"):
        belong |= {(plan_id, user_id): team_id for user_id in by_team.get(team_id, ())}
    plans = list(running.filter(enrols=True).select_related("program"))
    programs = {plan.program_id for plan in plans}
    roles: dict[int, set[int]] = {}
    for program_id, user_id in Role.objects.filter(program__in=programs).values_list("program_id", "user_id"):
        roles.setdefault(program_id, set()).add(user_id)
    partners: dict[int, set[int]] = {}
    for program_id, team_id in PartnerTeam.objects.filter(program__in=programs).values_list("program_id", "team_id"):
        partners.setdefault(program_id, set()).add(team_id)
    for plan in plans:
        program = plan.program
        if program is None:
            continue
        match plan.audience:
            case Plan.Audience.SPONSOR:
                belong[plan.pk, program.sponsor_id or 0] = None
            case Plan.Audience.TEAM:
                people = roles.get(program.pk, set()) | {program.lead_id or 0}
                belong |= {(plan.pk, user_id): None for user_id in people}
            case Plan.Audience.PARTNER:
                for team_id in partners.get(program.pk, ()):
                    belong |= {(plan.pk, user_id): team_id for user_id in by_team.get(team_id, ())}
    return _who_see(belong, {plan.pk: plan.program_id for plan in plans})


def _who_see(belong: dict[Pair, int | None], programs: dict[int, int | None]) -> dict[Pair, int | None]:
    """Without those who left, or who do not see the program that the plan is about."""
    seen = seen_by_each(User.objects.filter(pk__in={user_id for _, user_id in belong}, is_active=True))
    return {
        (plan_id, user_id): team_id
        for (plan_id, user_id), team_id in belong.items()
        if user_id in seen and programs.get(plan_id) in seen[user_id] | {None}
    }
