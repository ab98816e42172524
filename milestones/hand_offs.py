"""How hand-offs stand, and links as a reader may see them: of a hidden end only “a private program”."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Case, CharField, Q, TextChoices, Value, When
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from milestones.models import Dependency, Milestone
from people.models import Viewer
from programs.models import Program

TIGHT_DAYS = 7


class State(TextChoices):
    """How a hand-off stands: one verdict for pages, letters and the API."""

    LATE = "late", lazy("Later than needed")
    OPEN = "open", lazy("Open question")
    TIGHT = "tight", lazy("Tight")
    UNDATED = "undated", lazy("Agreed, no day")
    AGREED = "agreed", lazy("Agreed, in time")
    THERE = "there", lazy("There")

    @property
    def tone(self) -> str:
        return TONES[self]


TONES = {
    State.LATE: "bad",
    State.OPEN: "warn",
    State.TIGHT: "warn",
    State.UNDATED: "none",
    State.AGREED: "ok",
    State.THERE: "done",
}


def state_of(*, is_there: bool, agreement: str, slack_days: int | None) -> State:
    """The state of a hand-off; without a day to compare there is no slack."""
    if is_there:
        return State.THERE
    if slack_days is not None and slack_days < 0:
        return State.LATE
    if agreement != Dependency.Agreement.ACCEPTED:
        return State.OPEN
    if slack_days is None:
        return State.UNDATED
    return State.TIGHT if slack_days <= TIGHT_DAYS else State.AGREED


def state_column() -> Case:
    """The same of rows with ``there`` and ``slack_days``, so that lists are counted and filtered by it."""
    return Case(
        When(there=True, then=Value(State.THERE)),
        When(slack_days__lt=0, then=Value(State.LATE)),
        When(~Q(agreement=Dependency.Agreement.ACCEPTED), then=Value(State.OPEN)),
        When(slack_days=None, then=Value(State.UNDATED)),
        When(slack_days__lte=TIGHT_DAYS, then=Value(State.TIGHT)),
        default=Value(State.AGREED),
        output_field=CharField(),
    )


@dataclass(frozen=True, slots=True)
class SeenLink:
    """A link whose hidden ends are None. Read the ends here, never on the row."""

    row: Dependency
    predecessor: Milestone | None
    successor: Milestone | None
    crosses: bool

    @property
    def need_over(self) -> str:
        """Why nobody waits for it any more, in words; empty while somebody does."""
        if self.row.agreement == Dependency.Agreement.DELIVERED or (self.predecessor and self.predecessor.done_on):
            return _("given")
        return _("no longer needed") if self.successor and self.successor.done_on else ""

    @property
    def late_days(self) -> int:
        """Calendar days that the promise lies after the need; 0 where it does not, nobody waits, or one is missing."""
        if self.need_over or self.row.promised_on is None or self.row.need_by_on is None:
            return 0
        return max((self.row.promised_on - self.row.need_by_on).days, 0)

    @property
    def wants_reply(self) -> bool:
        """Whether the giver's last word is another day or a refusal, to which the receiver may reply."""
        return self.row.agreement in (Dependency.Agreement.COUNTERED, Dependency.Agreement.DECLINED)

    @property
    def tone(self) -> str:
        """The status class of the agreement; a late promise is said beside its day."""
        if self.row.agreement == Dependency.Agreement.DELIVERED:
            return "done"
        if self.row.agreement == Dependency.Agreement.DECLINED:
            return "bad"
        return "ok" if self.row.agreement == Dependency.Agreement.ACCEPTED else "warn"


def seen(links: Iterable[Dependency], viewer: Viewer) -> list[SeenLink]:
    """Links (with both milestones and their programs loaded) as the viewer may see them: one query."""
    rows = list(links)
    ids = {end.program_id for row in rows for end in (row.predecessor, row.successor)}
    open_to = set(Program.objects.visible_to(viewer).filter(pk__in=ids).values_list("pk", flat=True))
    return [
        SeenLink(
            row,
            row.predecessor if row.predecessor.program_id in open_to else None,
            row.successor if row.successor.program_id in open_to else None,
            row.predecessor.program_id != row.successor.program_id,
        )
        for row in rows
    ]
