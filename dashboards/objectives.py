"""What the organisation wants, as a tree, beside the programs that serve it and how they stand."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import F, OuterRef, Q, Subquery, Sum
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext, pgettext_lazy
from django.views.decorators.http import require_safe

from dashboards.templatetags.words import MINUTES_A_DAY
from forecasts.models import ProgramHealth
from milestones.models import Milestone
from people import lists
from people.export import exact
from people.lists import Listing, Shape
from people.models import Viewer
from people.pages import SignedIn, day_of
from people.permissions import OrgAct, may
from programs.models import Alignment, Objective, Program
from programs.pages import looks_back

MOST_PROGRAMS = 12
MOST_NAMED = 3
BAR = 120


@dataclass(slots=True)
class Branch:
    """An objective with how deep it lies, and the open programs that serve it, as far as the reader sees them."""

    objective: Objective
    today: date
    depth: int = 0
    programs: list[Any] = field(default_factory=list)

    @property
    def elapsed(self) -> float | None:
        """How much of its period is over; None without one."""
        start, end = self.objective.period_start_on, self.objective.period_end_on
        if start is None or end is None or start == end:
            return None
        return min(max((self.today - start).days / (end - start).days, 0.0), 1.0)

    @property
    def tone(self) -> str:
        share, elapsed = self.objective.share, self.elapsed
        if share is None:
            return "none"
        if share >= 1:
            return "done"
        return "none" if elapsed is None else "ok" if float(share) >= elapsed else "warn"

    @property
    def words(self) -> str:
        """What the tone says, beside the numbers."""
        late = self.objective.period_end_on is not None and self.objective.period_end_on < self.today
        if self.tone == "warn":
            return _("not reached in time") if late else _("behind time")
        return {"done": _("reached"), "ok": _("keeps pace")}.get(self.tone, "")

    @property
    def width(self) -> float:
        """Of the bar, in a drawing BAR wide."""
        return round(BAR * min(max(float(self.objective.share or 0), 0.0), 1.0), 1)

    @property
    def tick(self) -> float | None:
        """Where the bar would end if progress kept pace with time."""
        return None if self.elapsed is None else round(min(max(BAR * self.elapsed, 1.0), BAR - 1.0), 1)


def tree(objectives: list[Objective], today: date) -> list[Branch]:
    """Objectives in reading order, each below what it is part of; one whose parent is not listed stands at the top."""
    listed = {row.pk for row in objectives}
    below: dict[int | None, list[Objective]] = {}
    for row in objectives:
        below.setdefault(row.parent_id if row.parent_id in listed else None, []).append(row)
    branches: list[Branch] = []
    waiting = [(row, 0) for row in reversed(below.get(None, []))]
    while waiting:
        row, depth = waiting.pop()
        branches.append(Branch(row, today, depth))
        waiting += [(child, depth + 1) for child in reversed(below.get(row.pk, []))]
    return branches


@dataclass(frozen=True, slots=True)
class Share:
    """Open work that serves no objective, of all that the reader sees."""

    loose: list[Any]
    programs: int
    loose_days: float
    days: float

    @property
    def of_programs(self) -> str:
        """“3 of 12 open programs serve no objective: A, B and 1 more.”"""
        if not self.loose:
            return _("All %(programs)s open programs serve an objective.") % {"programs": self.programs}
        names = [row.name for row in self.loose[:MOST_NAMED]]
        more = len(self.loose) - len(names)
        listed = ", ".join(names)
        if more:
            listed = _("%(names)s and %(count)s more") % {"names": listed, "count": more}
        form = ngettext(
            "%(count)s of %(programs)s open programs serves no objective: %(listed)s.",
            "%(count)s of %(programs)s open programs serve no objective: %(listed)s.",
            len(self.loose),
        )
        return form % {"count": len(self.loose), "programs": self.programs, "listed": listed}

    @property
    def of_work(self) -> float | None:
        return self.loose_days / self.days if self.days else None


def share_of(programs: Iterable[Any], aligned: Collection[int], viewer: Viewer) -> Share:
    """One query: the work of open milestones, by program."""
    rows = list(programs)
    work = dict(
        Milestone.objects.visible_to(viewer)
        .open()
        .filter(program__in=[row.pk for row in rows], work_likely__gt=0)
        .values_list("program")
        .annotate(work=Sum("work_likely"))
    )
    loose = [row for row in rows if row.pk not in aligned]
    return Share(
        loose,
        len(rows),
        sum(work.get(row.pk, 0) for row in loose) / MINUTES_A_DAY,
        sum(work.values()) / MINUTES_A_DAY,
    )


OBJECTIVES = Shape(
    name="objectives",
    noun=lazy("objective"),
    filters={
        "q": lists.words(lazy("Words in title, measure or owner"), "title", "measure", "owner__name"),
        "owner": lists.person(lazy("Owner")),
        "end": lists.due(lazy("End of its period"), "period_end_on"),
    },
    sorts={
        "tree": (lazy("Place in the tree"), F("title")),
        "title": (lazy("Title"), F("title")),
        "period": (lazy("End of the period"), F("period_end_on")),
        "owner": (lazy("Owner"), F("owner__name")),
    },
    sort="tree",
    columns=[
        (lazy("Objective"), lambda branch: branch.objective.title),
        (lazy("Level"), lambda branch: branch.depth + 1),
        (lazy("Measure"), lambda branch: branch.objective.measure or None),
        (lazy("Progress, %"), lambda branch: _percent(branch.objective.share)),
        (lazy("In words"), lambda branch: branch.words or None),
        (lazy("Start"), lambda branch: exact(branch.objective.start_value)),
        (lazy("Measured"), lambda branch: exact(branch.objective.current_value)),
        (lazy("Target"), lambda branch: exact(branch.objective.target_value)),
        (pgettext_lazy("day", "From"), lambda branch: branch.objective.period_start_on),
        (pgettext_lazy("day", "To"), lambda branch: branch.objective.period_end_on),
        (lazy("Owner"), lambda branch: branch.objective.owner and branch.objective.owner.name),
        (lazy("Programs that serve it"), lambda branch: ", ".join(row.name for row in branch.programs) or None),
    ],
)


def _percent(share: Decimal | None) -> float | None:
    return None if share is None else float(round(share * 100, 1))


@require_safe
@looks_back
def objectives(request: SignedIn) -> HttpResponse:
    day = day_of(request)
    kinds = {"open": (_("Open"), Q(closed_on=None)), "closed": (_("Closed"), Q(closed_on__isnull=False))}
    listing = Listing(request, OBJECTIVES, Objective.objects.all(), kinds, day)
    rows = list(listing.ordered(listing.wanted.select_related("owner")))
    branches = tree(rows, day) if listing.sort.endswith("tree") else [Branch(row, day) for row in rows]
    newest = ProgramHealth.objects.filter(program=OuterRef("pk")).order_by("-day")
    visible: Any = Program.objects.visible_to(request.user).open().by_rank()
    programs = {row.pk: row for row in visible.annotate(derived=Subquery(newest.values("health")[:1]))}
    serving: dict[int, list[Any]] = {}
    aligned = set()
    alignments = Alignment.objects.filter(program__in=list(programs)).order_by("id")
    for program_id, objective_id, closed_on in alignments.values_list(
        "program_id", "objective_id", "objective__closed_on"
    ):
        serving.setdefault(objective_id, []).append(programs[program_id])
        if closed_on is None:
            aligned.add(program_id)
    for branch in branches:
        branch.programs = serving.get(branch.objective.pk, [])
    if listing.format:
        return listing.file(branches)
    page = listing.page(branches)
    may_edit = may(request.user, OrgAct.EDIT_OBJECTIVES)
    closed = listing.shown == "closed"
    context = listing.context(page) | {
        "title": _("Objectives"),
        "sub": _("What the organisation wants, how far it has come, and the programs that serve it."),
        "bar": BAR,
        "most": MOST_PROGRAMS,
        "share": share_of(programs.values(), aligned, request.user) if programs and not closed else None,
        "may_edit": may_edit,
        "primary_url": "/objectives/new" if may_edit else None,
        "primary_label": _("New objective"),
        "empty_heading": _("No closed objectives") if closed else _("No objectives yet"),
        "empty_text": ""
        if closed
        else _("Say what the organisation wants, by when. Programs then say what they serve."),
    }
    return render(request, "dashboards/objectives.html", context)
