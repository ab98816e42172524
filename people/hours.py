"""The working hours that people in several time zones share: each one's day, in the zone of whoever looks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from zoneinfo import ZoneInfo

from django.db.models import F
from django.utils.translation import gettext as _

from people.models import MINUTES_OF_DAY, Organisation, Team, User

# Every zone in use today lies a whole number of quarters from UTC.
QUARTER = 15
QUARTERS = MINUTES_OF_DAY // QUARTER
STARTS = 9 * 60
MOST_CITIES = 3

Slots = frozenset[int]
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class WorkingDay:
    """When a person works: quarters of the reader's day, and the same in their own time."""

    user: User
    local: Span
    slots: Slots

    @property
    def city(self) -> str:
        return self.user.time_zone.rsplit("/", 1)[-1].replace("_", " ")

    @property
    def spans(self) -> list[Span]:
        return spans(self.slots)

    @property
    def local_words(self) -> str:
        return span_words([self.local])

    @property
    def words(self) -> str:
        return span_words(self.spans)


@dataclass(frozen=True, slots=True)
class Shared:
    """The quarters that all share; those that all but some cities share, where that is more; else what most share."""

    days: list[WorkingDay]
    zone: str
    slots: Slots
    without: tuple[list[str], Slots] | None
    most: tuple[int, Slots]

    @property
    def in_words(self) -> str:
        """“All 7 share 15:00 to 16:00 CET; without Sydney 14:00 to 17:00.”"""
        count = len(self.days)
        if self.slots:
            words = _("Both share %(hours)s") if count == 2 else _("All %(count)s share %(hours)s")
        else:
            words = _("No working hour suits both") if count == 2 else _("No working hour suits all %(count)s")
        words %= {"count": count, "hours": f"{span_words(spans(self.slots))} {self.zone}"}
        if self.without:
            cities, slots = self.without
            hours = span_words(spans(slots)) if self.slots else f"{span_words(spans(slots))} {self.zone}"
            without = _("%(sentence)s; without %(cities)s %(hours)s")
            words = without % {"sentence": words, "cities": _listed(cities), "hours": hours}
        elif not self.slots and self.most[0] > 1:
            most = _("%(sentence)s; %(count)s of them share %(hours)s")
            hours = f"{span_words(spans(self.most[1]))} {self.zone}"
            words = most % {"sentence": words, "count": self.most[0], "hours": hours}
        return f"{words}."


def _listed(cities: Sequence[str]) -> str:
    more = len(cities) - MOST_CITIES
    named = [*cities[:MOST_CITIES], *([_("%(count)s more") % {"count": more}] if more > 0 else [])]
    if not named[1:]:
        return "".join(named)
    return _("%(names)s and %(last)s") % {"names": ", ".join(named[:-1]), "last": named[-1]}


def spans(slots: Slots) -> list[Span]:
    """Runs of quarters as minutes of the day; one that runs past midnight ends after 24:00.

    >>> spans(frozenset({94, 95, 0, 1}))
    [(1410, 1470)]
    """
    if len(slots) == QUARTERS:
        return [(0, MINUTES_OF_DAY)]
    found = []
    for start in sorted(slot for slot in slots if (slot - 1) % QUARTERS not in slots):
        end = start
        while end % QUARTERS in slots:
            end += 1
        found.append((start * QUARTER, end * QUARTER))
    return found


def clock(minute: int) -> str:
    """A minute of the day as a clock shows it; the end of a day is 24:00.

    >>> clock(555), clock(1440), clock(1470)
    ('09:15', '24:00', '00:30')
    """
    minute = minute if minute <= MINUTES_OF_DAY else minute - MINUTES_OF_DAY
    return f"{minute // 60:02}:{minute % 60:02}"


def span_words(found: Sequence[Span]) -> str:
    return ", ".join(_("%(start)s to %(end)s") % {"start": clock(start), "end": clock(end)} for start, end in found)


def working_day(user: User, minutes: int, at: datetime, zone: ZoneInfo) -> WorkingDay:
    """Nine o'clock in their zone and what their calendar has for a day, by the clocks of this moment."""
    ahead = _offset(zone, at) - _offset(ZoneInfo(user.time_zone), at)
    first = (STARTS + ahead) // QUARTER
    quarters = min(-(-minutes // QUARTER), QUARTERS)
    slots = frozenset((first + n) % QUARTERS for n in range(quarters))
    return WorkingDay(user, (STARTS, STARTS + quarters * QUARTER), slots)


def _offset(zone: ZoneInfo, at: datetime) -> int:
    """Minutes east of UTC at a moment."""
    offset = at.astimezone(zone).utcoffset()
    return int(offset.total_seconds()) // 60 if offset else 0


def shared(days: list[WorkingDay], zone: str) -> Shared | None:
    """What two or more people share; None for fewer."""
    if len(days) < 2:
        return None
    everybody = _all(day.slots for day in days)
    groups: dict[Slots, list[WorkingDay]] = {}
    for day in days:
        groups.setdefault(day.slots, []).append(day)
    # Leaving one group out: the largest gain, then the fewest people left out.
    best: tuple[list[str], Slots] | None = None
    rank = (len(everybody), 0)
    for slots, left_out in groups.items():
        rest = [other for other in groups if other != slots]
        if len(days) - len(left_out) < 2 or not rest:
            continue
        common = _all(rest)
        if len(common) > len(everybody) and (len(common), -len(left_out)) > rank:
            best, rank = (sorted({day.city for day in left_out}), common), (len(common), -len(left_out))
    count = Counter(slot for day in days for slot in day.slots)
    most = max(count.values(), default=0)
    return Shared(days, zone, everybody, best, (most, frozenset(slot for slot, n in count.items() if n == most)))


def _all(slots: Iterable[Slots]) -> Slots:
    both: Callable[[Slots, Slots], Slots] = frozenset.intersection
    return reduce(both, slots)


def shared_hours(people: Collection[User], reader: User, at: datetime) -> Shared | None:
    """The hours that people share, in the reader's zone and from west to east: two queries.

    A person's calendar is that of their team, else the organisation's.
    """
    if len(people) < 2:
        return None
    default = Organisation.objects.select_related("calendar").first()
    usual = max(default.calendar.minutes) if default else 480
    teams = Team.objects.filter(memberships__user__in=[one.pk for one in people]).exclude(calendar=None)
    calendars: dict[int, int] = {}
    rows = teams.select_related("calendar").order_by("pk").annotate(member=F("memberships__user"))
    for team in rows:
        if team.calendar:
            calendars.setdefault(team.member, max(team.calendar.minutes))
    zone = ZoneInfo(reader.time_zone)
    days = [working_day(one, calendars.get(one.pk, usual), at, zone) for one in people]
    days.sort(key=lambda day: (_offset(ZoneInfo(day.user.time_zone), at), day.user.name, day.user.pk))
    return shared(days, zone_name(at, zone))


def zone_name(at: datetime, zone: ZoneInfo) -> str:
    """“CET”, and “UTC+04” where a zone has no letters of its own."""
    name = at.astimezone(zone).tzname() or "UTC"
    return f"UTC{name}" if name[0] in "+-" else name
