"""Whether the communication plan was kept: what was promised, what went, what is late, and what comes next."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q, Value
from django.db.models.functions import Coalesce, NullIf
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from reports.models import Letter, Plan, Subscription
from reports.models.plan import PlanQuerySet
from reports.plans.promises import EXTRA, INVITATION, overtaken
from reports.plans.services import CALENDAR

LOOK_BACK = timedelta(days=7)
# A letter may be so long on its way before it is late.
GRACE = timedelta(hours=1)
MOST_TROUBLES, MOST_NEXT = 100, 12


@dataclass(frozen=True)
class Kept:
    """How many messages were promised for the last days, and what became of them."""

    promised: int
    sent: int
    late: int
    refused: int
    unknown: int
    missed: int
    waiting: int

    @property
    def words(self) -> str:
        if not self.promised:
            return _("No message was promised for the last 7 days.")
        if self.late:
            promised = ngettext("%(count)s promised message", "%(count)s promised messages", self.promised)
            late = ngettext("%(late)s of %(promised)s is late.", "%(late)s of %(promised)s are late.", self.late)
            return late % {"late": self.late, "promised": promised % {"count": self.promised}}
        sent = ngettext(
            "%(sent)s of %(count)s promised message went out, none is late.",
            "%(sent)s of %(count)s promised messages went out, none is late.",
            self.promised,
        )
        return sent % {"sent": self.sent, "count": self.promised}

    @property
    def tone(self) -> str:
        return "bad" if self.late else "warn" if self.unknown else "ok"


@dataclass(frozen=True)
class Next:
    """Letters that come due together."""

    due_at: datetime
    letters: int
    plan: str
    plans: int


def promised(plans: PlanQuerySet) -> Any:
    """Letters that a calendar asked for; a reader's extra ones, invitations and the mail of a day are no promise."""
    letters = Letter.objects.promised_by(plans.exclude(content=Plan.Content.DAY))
    return letters.exclude(period__contains=EXTRA).exclude(period=INVITATION).exclude(state=Letter.State.SKIPPED)


def is_late(at: datetime) -> Q:
    """Not out an hour after it was due: still waiting, refused, or never sent in an outage."""
    on_its_way = Q(state__in=[Letter.State.DUE, Letter.State.STARTED], due_at__lt=at - GRACE)
    return on_its_way | Q(state__in=[Letter.State.REFUSED, Letter.State.MISSED])


def counts(at: datetime) -> dict[str, Any]:
    state = Letter.State
    return {
        "promised": Count("pk"),
        "sent": Count("pk", filter=Q(state=state.SENT)),
        "late": Count("pk", filter=is_late(at)),
        "refused": Count("pk", filter=Q(state=state.REFUSED)),
        "unknown": Count("pk", filter=Q(state=state.UNKNOWN)),
        "missed": Count("pk", filter=Q(state=state.MISSED)),
        "waiting": Count("pk", filter=Q(state__in=[state.DUE, state.STARTED])),
    }


def kept(plans: PlanQuerySet, at: datetime) -> Kept:
    return Kept(**promised(plans).filter(due_at__gt=at - LOOK_BACK, due_at__lte=at).aggregate(**counts(at)))


def kept_by_plan(plans: PlanQuerySet, at: datetime) -> dict[int, Kept]:
    rows = promised(plans).filter(due_at__gt=at - LOOK_BACK, due_at__lte=at).order_by()
    return {
        row.pop("subscription__plan"): Kept(**row) for row in rows.values("subscription__plan").annotate(**counts(at))
    }


def troubles(plans: PlanQuerySet, at: datetime) -> list[Letter]:
    """Letters that are late or of which nobody knows whether they arrived, the newest first."""
    rows = promised(plans).filter(is_late(at) | Q(state=Letter.State.UNKNOWN), due_at__gt=at - 4 * LOOK_BACK)
    found = rows.select_related("subscription__plan", "subscription__user", "again_by").order_by("-due_at", "-id")
    return list(found.annotate(is_overtaken=overtaken())[:MOST_TROUBLES])


def next_due(plans: PlanQuerySet, at: datetime) -> list[Next]:
    """What comes due next, all that does at one moment together: one query."""
    together: dict[datetime, list[tuple[str, int, int]]] = defaultdict(list)
    for pk, name, number, due_at in _due(plans.running(), at):
        together[due_at].append((name, pk, number))
    found = [
        Next(due_at, sum(number for *_, number in rows), min(rows)[0], len({pk for _, pk, _ in rows}))
        for due_at, rows in sorted(together.items())
    ]
    return found[:MOST_NEXT]


def next_of_each(plans: Iterable[Plan], at: datetime) -> dict[int, datetime]:
    """When the next letter of each plan is due; where nobody reads it yet, by its own calendar alone: one query."""
    each = {plan.pk: plan for plan in plans if plan.content != Plan.Content.DAY and not plan.ended_at}
    found: dict[int, datetime] = {}
    for pk, _name, _number, due_at in _due(Plan.objects.filter(pk__in=each), at):
        found[pk] = min(found.get(pk, due_at), due_at)
    unread = {pk: Subscription(plan=plan).next_due(at) for pk, plan in each.items() if pk not in found}
    return found | {pk: due_at for pk, due_at in unread.items() if due_at}


def _due(plans: PlanQuerySet, at: datetime) -> Iterator[tuple[int, str, int, datetime]]:
    """Readers of a plan who share a calendar, a zone and a pause: the plan, how many, and when they hear next."""
    rows: Any = Subscription.objects.active().filter(plan__in=plans.exclude(content=Plan.Content.DAY))
    rows = rows.annotate(where=Coalesce("user__time_zone", NullIf("time_zone", Value("")), Value("UTC"))).order_by()
    own, shared = ("weekday", "hour", "paused_until", "where"), [f"plan__{name}" for name in CALENDAR]
    for group in rows.values("plan", "plan__name", *own, *shared).annotate(number=Count("pk")):
        reader = Subscription(
            weekday=group["weekday"],
            hour=group["hour"],
            paused_until=group["paused_until"],
            time_zone=group["where"],
            plan=Plan(**{name: group[f"plan__{name}"] for name in CALENDAR}),
        )
        if due_at := reader.next_due(at):
            yield group["plan"], group["plan__name"], group["number"], due_at
