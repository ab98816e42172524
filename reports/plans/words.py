"""When a reader's letters come, in words, and what they may call them."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from people.models import User
from reports.models import Plan, Subscription
from reports.models.plan import WEEKDAYS

UNSEEN = lazy("A program that you no longer see")


def names(rows: Iterable[Subscription], reader: User) -> dict[int, str]:
    """What a reader may call the plans of these, by their ids; none that tells of a program they do not see."""
    plans = {row.plan_id: row.plan for row in rows}
    seen = set(Plan.objects.visible_to(reader).filter(pk__in=plans).values_list("pk", flat=True))
    return {pk: plan.name for pk, plan in plans.items() if pk in seen}


def name(row: Subscription) -> str:
    """What its reader may call a plan; an outside one was told when they were asked."""
    return row.plan.name if row.user is None else names([row], row.user).get(row.plan_id, str(UNSEEN))


def schedule(reader: Subscription) -> str:
    """When a reader's letters come, in words."""
    plan, cadence = reader.plan, reader.cadence
    if plan.content == Plan.Content.DAY:
        form = _("on days when something waits, at %(hour)s, %(zone)s")
    elif cadence.monthly:
        form = _("on the first %(weekday)s of each month at %(hour)s, %(zone)s")
    else:
        form = ngettext(
            "every %(weekday)s at %(hour)s, %(zone)s",
            "every %(count)s weeks on %(weekday)s at %(hour)s, %(zone)s",
            cadence.every_weeks,
        )
    return form % {
        "weekday": dict(WEEKDAYS)[cadence.weekday],
        "count": cadence.every_weeks,
        "hour": f"{cadence.hour:02}:00",
        "zone": reader.zone_name,
    }
