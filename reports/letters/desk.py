"""What many letters share while they are written: the organisation, and facts that were read already."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from people.models import Organisation
from reports.letters.composing.cutting import Cutting
from reports.letters.facts import Facts, load
from reports.letters.frozen import is_whole, thaw
from reports.models import Plan, Update
from reports.plans.content import programs_of
from reports.since import Since


@dataclass
class Desk:
    """What many letters share while they are written: the organisation, and facts that were read already."""

    organisation: str
    zone: ZoneInfo
    loaded: dict[tuple[date, date], tuple[frozenset[int], frozenset[int], Facts]] = field(default_factory=dict)
    cuttings: dict[Any, Cutting] = field(default_factory=dict)
    contents: dict[int, frozenset[int] | None] = field(default_factory=dict)
    thawed: dict[int, Facts | None] = field(default_factory=dict)

    def day(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()

    def facts(self, ids: frozenset[int], whole: frozenset[int], *, today: date, since_on: date) -> Facts:
        """Facts of at least these programs."""
        known = self.loaded.get((today, since_on))
        if known is None or not (ids <= known[0] and whole <= known[1]):
            if known:
                ids, whole = ids | known[0], whole | known[1]
            since = Since.end_of(since_on, self.zone)
            known = ids, whole, load(ids, today=today, zone=self.zone, since=since, whole=whole)
            self.loaded[today, since_on] = known
        return known[2]

    def frozen(self, update: Update) -> Facts | None:
        """The facts that an update was published on; None of one whose snapshot does not hold what letters tell."""
        if update.pk not in self.thawed:
            self.thawed[update.pk] = thaw(update, self.zone) if is_whole(update) else None
        return self.thawed[update.pk]

    def content(self, plan: Plan) -> frozenset[int] | None:
        if plan.pk not in self.contents:
            self.contents[plan.pk] = programs_of(plan)
        return self.contents[plan.pk]


def open_desk() -> Desk:
    organisation = Organisation.objects.first()
    if organisation is None:
        return Desk("Portfolio", ZoneInfo("UTC"))
    return Desk(organisation.name, ZoneInfo(organisation.time_zone))
