"""Rows that make something wait for a person: what the inbox lists and the frame counts, within their rights now."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.expressions import Combinable

from milestones.models import Dependency
from people.models import User
from programs.models import Phase, Program
from reports.models import ReviewAction
from risks.models import Assumption, Decision, Issue, MitigationAction, Risk

GATES_AHEAD = timedelta(days=14)
# What each of ``everything`` is in the inbox.
KINDS = ("decision", "hand_off", "gate", "action", "action", "issue", "review", "review")
# A day, or an expression of it: the frame asks the database for its today.
Day = date | Combinable


def decisions(reader: User, programs: QuerySet[Program]) -> QuerySet[Decision]:
    return Decision.objects.waiting().filter(decider=reader, program__in=programs)


def hand_offs(reader: User, programs: Any) -> QuerySet[Dependency]:
    return Dependency.objects.pending().filter(
        agreement=Dependency.Agreement.PROPOSED, predecessor__program__in=programs.worked_on_by(reader)
    )


def gates(reader: User, programs: Any, today: Any) -> QuerySet[Phase]:
    answering = Q(pk__in=programs.led_by(reader).values("pk")) | Q(sponsor=reader)
    nobody_named = Q(approver=None, program__in=programs.filter(answering).values("pk"))
    rows = Phase.objects.filter(decision="", gate_on__lte=today + GATES_AHEAD, program__in=programs)
    return rows.filter(Q(approver=reader) | nobody_named)


def agreed(reader: User, programs: QuerySet[Program], today: Day) -> QuerySet[ReviewAction]:
    """What a review agreed that the reader does; it may be of no program."""
    mine = ReviewAction.objects.filter(owner=reader, done_on=None, due_on__lte=today)
    return mine.filter(Q(program=None) | Q(program__in=programs))


def mitigations(reader: User, programs: QuerySet[Program], today: Day) -> QuerySet[MitigationAction]:
    """What the reader does against risks that are open."""
    mine = MitigationAction.objects.filter(owner=reader, done_on=None, due_on__lte=today)
    return mine.filter(risk__closed_on=None, risk__program__in=programs)


def issues(reader: User, programs: QuerySet[Program], today: Day) -> QuerySet[Issue]:
    return Issue.objects.open().filter(owner=reader, due_on__lte=today, program__in=programs)


def risks(reader: User, programs: QuerySet[Program], today: Day) -> QuerySet[Risk]:
    return Risk.objects.open().filter(owner=reader, program__in=programs, review_on__lte=today)


def assumptions(reader: User, programs: QuerySet[Program], today: Day) -> QuerySet[Assumption]:
    held = Assumption.objects.filter(owner=reader, program__in=programs, state=Assumption.State.OPEN)
    return held.filter(expires_on__lte=today)


def everything(reader: User, today: Day) -> list[QuerySet[Any]]:
    """All of it but updates, which the frame counts by themselves, in the order of ``KINDS``: no query."""
    programs = Program.objects.visible_to(reader).open()
    return [
        decisions(reader, programs),
        hand_offs(reader, programs),
        gates(reader, programs, today),
        agreed(reader, programs, today),
        mitigations(reader, programs, today),
        issues(reader, programs, today),
        risks(reader, programs, today),
        assumptions(reader, programs, today),
    ]
