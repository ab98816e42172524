"""The demo's communication plans: who hears of one program, with one letter late and one of which nobody knows."""

from __future__ import annotations

from datetime import datetime, timedelta

from people.models import User
from programs.models import Program
from reports.models import Letter, Plan
from reports.plans import enrolment
from reports.plans import services as plans
from reports.replies import BROKE_OFF

PLANS = (
    ("For the team", Plan.Audience.TEAM, Plan.Length.FULL),
    ("For the sponsor", Plan.Audience.SPONSOR, Plan.Length.SUMMARY),
)


def promise_letters(*, program: Program, lead: User, readers: list[User], at: datetime) -> None:
    """A program's plans with their readers, and the weekly letter for some."""
    for user in readers:
        plans.subscribe(user=user, by=user, at=at, weekday=0, hour=7)
    for name, audience, length in PLANS:
        plans.create_plan(
            by=lead,
            at=at,
            name=name,
            content=Plan.Content.PROGRAM,
            program=program,
            audience=audience,
            length=length,
            enrols=True,
            weekday=0,
            hour=7,
        )
    enrolment.enrol(at=at)


def upset(*, at: datetime) -> None:
    """One mailbox is full, and sending to another was interrupted: what the page of the plan is for."""
    waiting = Letter.objects.filter(state=Letter.State.DUE, subscription__plan__content=Plan.Content.PROGRAM)
    full, interrupted = waiting.order_by("subscription__plan__audience", "pk")[:2]
    Letter.objects.filter(pk=full.pk).update(
        tries=6, claimed_until=at + timedelta(hours=2), error="452 4.2.2 Mailbox full"
    )
    Letter.objects.filter(pk=interrupted.pk).update(
        state=Letter.State.UNKNOWN,
        started_at=interrupted.due_at,
        error=f"Sending was interrupted. {BROKE_OFF}",
    )
