"""Where a lead's word and derived health differ, and since when. A watermelon is green outside and red inside."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date, timedelta
from operator import ne
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, Q, Subquery
from django.db.models.functions import JSONObject, TruncDate

from forecasts.models import ProgramHealth
from people.services import organisation_zone
from programs.models import Health, Program, ReportedHealth

WATERMELON_DAYS = 14
# Of these a lead can say, from the best to the worst; where derived health says another of them, the two disagree.
COMPARABLE = (Health.ON_TRACK, Health.AT_RISK, Health.OFF_TRACK)

Said = Sequence[tuple[date, str]]


def is_better(word: str, health: str) -> bool:
    """Whether a lead reports better than what is derived, of states that can be compared."""
    return word in COMPARABLE and health in COMPARABLE and COMPARABLE.index(word) < COMPARABLE.index(health)


def days_of_disagreement(
    today: date,
    healths: Iterable[tuple[date, str]],
    words: Iterable[tuple[date, str]],
    differ: Callable[[str, str], bool] = ne,
) -> int:
    """For how many days on end, up to today, a lead's word and derived health have differed; both oldest first.

    >>> healths = [(date(2026, 11, 2), "on_track"), (date(2026, 11, 9), "at_risk"), (date(2026, 11, 16), "off_track")]
    >>> days_of_disagreement(date(2026, 11, 20), healths, [(date(2026, 11, 1), "on_track")])
    11
    >>> days_of_disagreement(date(2026, 11, 20), healths, [(date(2026, 11, 12), "on_track")])
    4
    """
    since, said = today, list(words)
    for day, health in reversed(list(healths)):
        word = next((word for on, word in reversed(said) if on <= day), None)
        if word is None or health not in COMPARABLE or not differ(word, health):
            break
        since = day
    return (today - since).days


def is_watermelon(today: date, healths: Said, words: Said) -> bool:
    """Reported better than derived on every day of the last two weeks or more; both oldest first.

    A day on which the two agreed, or on which the lead said worse than derived, begins the count anew.

    >>> healths = [(date(2026, 11, 2), "at_risk"), (date(2026, 11, 9), "off_track")]
    >>> said = [(date(2026, 11, 1), "on_track")]
    >>> is_watermelon(date(2026, 11, 15), healths, said), is_watermelon(date(2026, 11, 16), healths, said)
    (False, True)
    >>> is_watermelon(date(2026, 11, 16), healths, [*said, (date(2026, 11, 9), "off_track")])
    False
    """
    return days_of_disagreement(today, healths, words, is_better) >= WATERMELON_DAYS


class Differs(NamedTuple):
    """For how many days on end a lead's word has been another than what is derived, and has been better."""

    days: int
    better_days: int


def disagreements(
    program_ids: Collection[int], today: date, zone: ZoneInfo, *, briefly: Collection[int] = ()
) -> dict[int, Differs]:
    """Of each program, counted back as far as there is history: one query. Ask it of those that disagree now.

    Of others, ``briefly``, the last weeks are read: enough to tell a watermelon, whatever their age.
    """
    healths = ProgramHealth.objects.filter(program=OuterRef("pk"), day__lte=today).order_by("day")
    if briefly:
        recent = Q(day__gt=today - 4 * timedelta(days=WATERMELON_DAYS))
        healths = healths.filter(recent | Q(program__in=list(program_ids)))
    words = ReportedHealth.objects.filter(program=OuterRef("pk")).order_by("at", "id")
    on = TruncDate("at", tzinfo=zone)
    rows: Any = Program.objects.filter(pk__in={*program_ids, *briefly}).annotate(
        derived=ArraySubquery(healths.values(each=JSONObject(on="day", health="health"))),
        said=ArraySubquery(words.values(each=JSONObject(on=on, health="health"))),
    )
    found = {}
    for pk, *sides in rows.values_list("pk", "derived", "said"):
        derived, said = ([(date.fromisoformat(each["on"]), each["health"]) for each in side] for side in sides)
        days = days_of_disagreement(today, derived, said)
        found[pk] = Differs(days, days_of_disagreement(today, derived, said, is_better))
    return found


def watermelons(program_ids: Collection[int], today: date) -> dict[int, int]:
    """The open programs of these that are watermelons, with the days for which they have been. Four queries."""
    newest_word = ReportedHealth.objects.filter(program=OuterRef("pk")).order_by("-at", "-id").values("health")[:1]
    newest = ProgramHealth.objects.filter(program=OuterRef("pk"), day__lte=today).order_by("-day").values("health")[:1]
    rows = Program.objects.open().filter(pk__in=list(program_ids)).order_by("pk")
    states = rows.values_list("pk", Subquery(newest_word), Subquery(newest))
    better = [pk for pk, word, health in states if is_better(word, health)]
    found = disagreements(better, today, organisation_zone())
    return {pk: one.better_days for pk, one in found.items() if one.better_days >= WATERMELON_DAYS}
