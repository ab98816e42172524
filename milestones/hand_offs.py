"""Links as a reader may see them: an end in a hidden program is nothing but “a private program”."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from milestones.models import Dependency, Milestone
from people.models import Viewer
from programs.models import Program


@dataclass(frozen=True, slots=True)
class SeenLink:
    """A link whose hidden ends are None. Read the ends here, never on the row."""

    row: Dependency
    predecessor: Milestone | None
    successor: Milestone | None
    crosses: bool

    @property
    def late_days(self) -> int:
        """Calendar days that the promise lies after the need; 0 where it does not, or where one is missing."""
        if self.row.promised_on is None or self.row.need_by_on is None:
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
