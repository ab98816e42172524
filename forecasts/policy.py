"""What other limits would change: today's facts judged by the policy that counts and by another."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from forecasts.calendars import load_calendars
from forecasts.facts import load
from forecasts.health import derive
from forecasts.models import HealthPolicy
from programs.models import Health

LIMITS = ("at_risk_days", "off_track_days", "stale_days")


@dataclass(frozen=True, slots=True)
class Turn:
    """A program that another policy judges otherwise: its colour, or whether it counts as stale."""

    program: int
    before: Health
    after: Health
    was_stale: bool
    is_stale: bool
    slip_days: int | None

    @property
    def changes_colour(self) -> bool:
        return self.before != self.after


def newest_policy() -> HealthPolicy:
    """The policy that counts: the newest row; in an empty table the default that ships as version 1."""
    return HealthPolicy.objects.order_by("-version").first() or HealthPolicy(version=1)


def proposed(standing: HealthPolicy, limits: Mapping[str, int]) -> HealthPolicy:
    """The version after the one that stands, with these limits; not saved. Refuses limits out of order."""
    kept = {name: getattr(standing, name) for name in LIMITS}
    policy = HealthPolicy(version=standing.version + 1, **(kept | dict(limits)))
    policy.clean_fields()
    if policy.at_risk_days >= policy.off_track_days:
        raise ValidationError({"off_track_days": [_("At risk begins before off track: give more days.")]}, code="order")
    return policy


def preview(standing: HealthPolicy, policy: HealthPolicy, program_ids: Collection[int], today: date) -> list[Turn]:
    """Programs of these that would be judged otherwise, in the order of their ids.

    Both policies judge the same facts, those of now: what differs is the policy's doing alone.
    """
    turns = []
    for facts in load(program_ids, load_calendars(), today, None):
        was, is_now = derive(facts, standing, today), derive(facts, policy, today)
        if (was.health, was.is_stale) != (is_now.health, is_now.is_stale):
            turns.append(
                Turn(facts.program, was.health, is_now.health, was.is_stale, is_now.is_stale, is_now.slip_days)
            )
    return turns
