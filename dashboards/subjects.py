"""What people comment on and watch, over all apps: a program, milestone, risk or update as a reader may see it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from dashboards.templatetags.words import short_date
from milestones.models import Milestone
from people.models import Viewer
from programs.models import Program, Subject
from reports.models import Update
from reports.updates.due import day_of
from risks.models import Risk

ICONS = {Subject.PROGRAM: "grid", Subject.MILESTONE: "flag", Subject.RISK: "risk", Subject.UPDATE: "pencil"}
Key = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Found:
    """A subject with its program, its name and where it lies."""

    program: Program
    kind: Subject
    pk: int
    name: str
    url: str

    @property
    def icon(self) -> str:
        return ICONS[self.kind]

    @property
    def talk_url(self) -> str:
        """Where comments on it are read; a program's have a page of their own."""
        return f"{self.url}/comments" if self.kind == Subject.PROGRAM else self.url


def rows(kind: str, viewer: Viewer) -> Any:
    """All subjects of a kind that a reader sees. A draft is nobody's subject."""
    match Subject(kind):
        case Subject.PROGRAM:
            return Program.objects.visible_to(viewer).select_related("lead")
        case Subject.MILESTONE:
            return Milestone.objects.visible_to(viewer).select_related("program__lead")
        case Subject.RISK:
            return Risk.objects.visible_to(viewer).select_related("program__lead")
        case Subject.UPDATE:
            said = Update.objects.visible_to(viewer).published().select_related("program__lead")
            return said.annotate(said_on=day_of("published_at"))


def found(row: Program | Milestone | Risk | Update) -> Found:
    match row:
        case Program():
            return Found(row, Subject.PROGRAM, row.pk, row.name, row.get_absolute_url())
        case Milestone():
            return Found(row.program, Subject.MILESTONE, row.pk, row.name, f"/m/{row.pk}")
        case Risk():
            return Found(row.program, Subject.RISK, row.pk, row.title, f"/r/{row.reference}")
        case Update():
            said_on: Any = getattr(row, "said_on", None)  # what ``rows`` adds
            name = _("Update of %(day)s") % {"day": short_date(said_on)}
            return Found(row.program, Subject.UPDATE, row.pk, name, f"/u/{row.pk}")


def find(kind: str, pk: int, viewer: Viewer) -> Found | None:
    row = rows(kind, viewer).filter(pk=pk).first()
    return found(row) if row else None


def named(keys: Iterable[Key], viewer: Viewer) -> dict[Key, Found]:
    """Those of many subjects that a reader sees: one query a kind."""
    ids: dict[str, set[int]] = defaultdict(set)
    for kind, pk in keys:
        ids[kind].add(pk)
    return {
        (kind, row.pk): found(row)
        for kind, wanted in sorted(ids.items())
        for row in rows(kind, viewer).filter(pk__in=wanted)
    }
