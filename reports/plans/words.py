"""When a reader's letters come, in words."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from reports.models import Plan, Subscription
from reports.models.plan import WEEKDAYS


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
