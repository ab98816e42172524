"""The agenda of a program's weekly sync: what changed in a week, and what waits for a word, a day or a decision."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import F, Q
from django.utils.translation import gettext as _

from dashboards import news, overview
from dashboards.hand_offs import HandOff, hand_offs, told, with_damage
from dashboards.news import Change
from milestones.hand_offs import State, seen
from people.models import User
from programs.models import Program
from reports.models import ReviewAction
from reports.since import Since
from risks.models import Assumption, Decision, Issue, MitigationAction, Risk

WEEK = timedelta(days=7)
MOST_OF_EACH = 40
ONE_MORE = MOST_OF_EACH + 1  # so that a list knows that it is cut


@dataclass(frozen=True, slots=True)
class Due:
    """A record of the log that wants a look by a day, and what that day is."""

    kind: str
    pk: int
    url: str
    title: str
    what: str
    owner: User | None
    due_on: date


@dataclass(frozen=True, slots=True)
class Agenda:
    """What a program's sync talks about; ``hand_offs`` with whether the program itself is asked to answer.

    ``cut`` names the lists that have more than is told of them.
    """

    program: Program
    today: date
    since: Since
    changes: list[Change]
    hand_offs: list[HandOff]
    due: list[Due]
    decisions: list[Decision]
    actions: list[ReviewAction]
    cut: list[str]


def agenda(viewer: User, key: str, *, today: date, zone: ZoneInfo) -> Agenda | None:
    """The agenda as far as a viewer sees it; none of a program that they do not see. Some 18 queries."""
    since = Since.end_of(today - WEEK, zone)
    line = next(iter(overview.lines(viewer, today=today, since=since, zone=zone, key=key)), None)
    if line is None:
        return None
    program = line.program
    happened = news.happened([line], today=today, since=since, zone=zone)
    changes = news.heaviest(happened)
    due = sorted(_due(program, today + WEEK), key=lambda one: (one.due_on, one.kind, one.pk))
    hand_offs = _pressing(viewer, program)
    decisions = list(
        Decision.objects.waiting()
        .filter(program=program)
        .select_related("decider")
        .order_by(F("decide_by_on").asc(nulls_last=True), "id")[:ONE_MORE]
    )
    actions = list(
        ReviewAction.objects.visible_to(viewer)
        .open()
        .filter(program=program)
        .select_related("owner", "program", "review")
        .order_by("due_on", "id")[:ONE_MORE]
    )
    read: dict[str, list[Any]] = {"hand_offs": hand_offs, "due": due, "decisions": decisions, "actions": actions}
    cut = [name for name, rows in read.items() if len(rows) > MOST_OF_EACH]
    return Agenda(
        program=program,
        today=today,
        since=since,
        changes=changes,
        hand_offs=hand_offs[:MOST_OF_EACH],
        due=due[:MOST_OF_EACH],
        decisions=decisions[:MOST_OF_EACH],
        actions=actions[:MOST_OF_EACH],
        cut=["changes", *cut] if len(happened) > len(changes) else cut,
    )


def _pressing(viewer: User, program: Program) -> list[HandOff]:
    """Hand-offs of the program that wait for an answer or come later than needed, the first needed first."""
    either = Q(predecessor__program=program) | Q(successor__program=program)
    rows = with_damage(hand_offs(viewer).filter(either, state__in=[State.LATE, State.OPEN]))
    found = list(rows.order_by(F("need_by_on").asc(nulls_last=True), "id")[:ONE_MORE])
    return told(found, seen(found, viewer), {program.pk}, False, grouped=False)


def _due(program: Program, until: date) -> Iterable[Due]:
    """Open records of the log whose day comes by then, or has passed."""
    risks = Risk.objects.open().filter(program=program, review_on__lte=until).select_related("owner")
    for risk in risks.order_by("review_on", "id")[:ONE_MORE]:
        if risk.review_on:
            url = risk.get_absolute_url()
            yield Due("risk", risk.pk, url, f"{risk.reference} {risk.title}", _("review"), risk.owner, risk.review_on)
    acts = MitigationAction.objects.filter(risk__program=program, risk__closed_on=None, done_on=None, due_on__lte=until)
    for act in acts.select_related("owner", "risk").order_by("due_on", "id")[:ONE_MORE]:
        if act.due_on:
            what = _("against %(risk)s") % {"risk": act.risk.reference}
            yield Due("mitigation", act.pk, act.risk.get_absolute_url(), act.text, what, act.owner, act.due_on)
    issues = Issue.objects.open().filter(program=program, due_on__lte=until).select_related("owner")
    for issue in issues.order_by("due_on", "id")[:ONE_MORE]:
        if issue.due_on:
            yield Due("issue", issue.pk, issue.get_absolute_url(), issue.title, _("issue"), issue.owner, issue.due_on)
    held = Assumption.objects.filter(program=program, state=Assumption.State.OPEN, expires_on__lte=until)
    for one in held.select_related("owner").order_by("expires_on", "id")[:ONE_MORE]:
        if one.expires_on:
            url = f"{program.get_absolute_url()}/assumptions#assumption-{one.pk}"
            yield Due("assumption", one.pk, url, one.text, _("assumption"), one.owner, one.expires_on)
