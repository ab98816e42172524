"""What a team promised other programs, and whether it kept it; and the programs that it works for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, Subquery, Sum
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from forecasts.models import ProgramHealth
from milestones.hand_offs import SeenLink, seen
from milestones.models import Dependency, Milestone, is_awaited, is_given
from people.models import Team, Viewer
from programs.models import Program

MOST_ROWS = 20


@dataclass(frozen=True, slots=True)
class Record:
    """A team's promises to other programs, as far as the reader sees the programs that it gave them for."""

    kept: int
    late: int
    late_days: int
    ahead: int
    overdue: int
    open: list[SeenLink]

    @property
    def given(self) -> int:
        return self.kept + self.late + self.ahead + self.overdue

    @property
    def tone(self) -> str:
        if self.overdue:
            return "bad"
        return "none" if not self.kept + self.late else "warn" if self.late else "ok"

    @property
    def in_words(self) -> str:
        """“Kept 4 of 6 promises, the others 9 days late on average; 3 are ahead, 1 is overdue.”"""
        if not self.given:
            return _("No promise to another program yet.")
        over = self.kept + self.late
        words = _("No promise is due yet")
        if over:
            form = ngettext("Kept %(kept)s of %(count)s promise", "Kept %(kept)s of %(count)s promises", over)
            words = form % {"kept": self.kept, "count": over}
        if self.late:
            days = round(self.late_days / self.late)
            late = ngettext("%(count)s day", "%(count)s days", days) % {"count": days}
            others = ngettext("the other %(days)s late", "the others %(days)s late on average", self.late)
            words += ", " + others % {"days": late}
        ahead = [_("%(count)s ahead") % {"count": self.ahead}] if self.ahead else []
        ahead += [_("%(count)s overdue") % {"count": self.overdue}] if self.overdue else []
        return f"{'; '.join([words, ', '.join(ahead)] if ahead else [words])}."


def record_of(team: Team, viewer: Viewer, today: date) -> Record:
    """Hand-offs of the team's milestones that it stands by, with a day: three queries."""
    rows: Any = (
        Dependency.objects.agreed()
        .live()
        .with_given_on()
        .filter(is_given() | is_awaited(), predecessor__team=team, promised_on__isnull=False)
        .filter(predecessor__program__in=Program.objects.visible_to(viewer))
    )
    done, undone = Q(given_on__isnull=False), Q(given_on=None)
    in_time = Q(given_on__lte=F("promised_on"))
    counts = rows.aggregate(
        kept=Count("pk", filter=done & in_time),
        late=Count("pk", filter=done & ~in_time),
        late_days=Sum(F("given_on") - F("promised_on"), filter=done & ~in_time),
        ahead=Count("pk", filter=undone & Q(promised_on__gte=today)),
        overdue=Count("pk", filter=undone & Q(promised_on__lt=today)),
    )
    counts["late_days"] = counts["late_days"].days if counts["late_days"] else 0
    ends = ("predecessor__program", "successor__program")
    still_open = rows.filter(undone).select_related(*ends).order_by("promised_on", "pk")[:MOST_ROWS]
    return Record(open=seen(still_open, viewer), **counts)


def programs_of(team: Team, viewer: Viewer) -> list[Any]:
    """Open programs that a team owns, is a partner of, or has open milestones in, with ``derived`` health and how."""
    newest = ProgramHealth.objects.filter(program=OuterRef("pk")).order_by("-day").values("health")[:1]
    delivers = Milestone.objects.open().filter(program=OuterRef("pk"), team=team)
    rows: Any = Program.objects.visible_to(viewer).open().by_rank()
    return list(
        rows.annotate(
            derived=Subquery(newest),
            delivers=Exists(delivers),
            partner=Exists(team.partnerships.filter(program=OuterRef("pk"))),
        )
        .filter(Q(owning_team=team) | Q(delivers=True) | Q(partner=True))
        .select_related("lead")
    )
