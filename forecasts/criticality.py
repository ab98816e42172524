"""How much each milestone matters to another: simulated when asked for, never stored."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

import numpy as np
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as lazy

from engine.calendars import EngineError
from engine.drivers import criticality
from forecasts.calendars import load_calendars
from forecasts.estimates import load_classes
from forecasts.network import read_upstream
from milestones.models import Milestone
from people.models import Viewer
from programs.models import Program

# What a request may simulate, rows kept: 40 KB a task.
MOST_TASKS = 2_000
NOT_SIMULATED = {
    "done": lazy("It is done: nothing drives it any more."),
    "no_forecast": lazy(
        "It cannot be forecast yet: it or what it waits for has neither work nor dates, or waits in a loop."
    ),
    "too_large": format_lazy(
        lazy("It waits for more than {count} milestones: too many to simulate while somebody waits."),
        count=f"{MOST_TASKS:,}",
    ),
}


@dataclass(frozen=True, slots=True)
class Task:
    """What drives a milestone: `index` the share of samples in which it does, the others as in `engine.drivers`."""

    milestone: Milestone
    index: float
    significance: float
    sensitivity: float
    cruciality: float
    spearman: float


@dataclass(frozen=True, slots=True)
class Simulated:
    """What drives a milestone, most crucial first; without a simulation the reason, one of `NOT_SIMULATED`.

    Of programs that the viewer may not see there are no tasks; `has_hidden` tells that there are some.
    """

    tasks: list[Task]
    reason: str = ""
    has_hidden: bool = False


def criticality_to(milestone: Milestone, *, viewer: Viewer, today: date) -> Simulated:
    """Simulate all that a milestone waits for, as of a day."""
    if milestone.done_on or milestone.cancelled_on:
        return Simulated([], "done")
    calendars = load_calendars()
    inputs, _ = read_upstream(milestone.program_id, calendars, load_classes(calendars, today), today)
    chosen = inputs.upstream(milestone.pk)
    if chosen.size == 0:
        return Simulated([], "no_forecast")
    if chosen.size > MOST_TASKS:
        return Simulated([], "too_large")
    try:
        network = inputs.compiled(chosen)
        run = inputs.simulated(network, chosen, np.array([network.index(milestone.pk)]), keep=True)
        found = criticality(run, milestone.pk)
    except EngineError:
        return Simulated([], "no_forecast")
    uids = network.uid[found.tasks].tolist()
    rows = _visible(uids, viewer)
    columns = (found.index, found.significance, found.sensitivity, found.cruciality, found.spearman)
    tasks = [
        Task(rows[uid], *row)
        for uid, row in zip(uids, zip(*(column.tolist() for column in columns), strict=True), strict=True)
        if uid in rows and uid != milestone.pk
    ]
    tasks.sort(key=lambda task: (-task.cruciality, -task.index, task.milestone.pk))
    return Simulated(tasks, has_hidden=len(rows) < len(uids))


def _visible(uids: Collection[int], viewer: Viewer) -> dict[int, Milestone]:
    visible = Program.objects.visible_to(viewer)
    return Milestone.objects.filter(program__in=visible).select_related("program").in_bulk(list(uids))
