"""What waits for a person, read from the rows that make it wait, and what they are told of: within their rights now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from django.db.models import F
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from dashboards import subjects, waiting
from dashboards.context import pulse
from dashboards.subjects import Found
from milestones.hand_offs import seen
from people.models import User
from programs.models import Notice, Program
from programs.models.watch import NoticeQuerySet
from reports.updates.due import owed_by

MOST_TODOS = 30
Kind = Literal["update", "hand_off", "decision", "gate", "action", "issue", "review"]
LABELS: dict[Kind, tuple[str | Promise, str]] = {
    "decision": (lazy("Decisions that wait for you"), "gavel"),
    "hand_off": (lazy("Hand-offs that wait for your answer"), "swap"),
    "gate": (lazy("Gates to decide"), "key"),
    "update": (lazy("Updates to write"), "pencil"),
    "action": (lazy("Actions that are due"), "check"),
    "issue": (lazy("Issues whose day has come"), "flag"),
    "review": (lazy("To look at again"), "risk"),
}


@dataclass(frozen=True, slots=True)
class Todo:
    """Something to do: it is gone once it is done, for no row says that it is there.

    An action of a review may be of no program.
    """

    kind: Kind
    title: str
    program: Program | None
    url: str
    due_on: date | None

    def is_late(self, today: date) -> bool:
        return self.due_on is not None and self.due_on < today


@dataclass(slots=True)
class Part:
    """A page of each of several lists. One row more than it shows is read, so that it knows whether any goes on."""

    number: int = 1
    goes_on: bool = False

    def of(self, rows: Any, size: int = MOST_TODOS) -> list[Any]:
        start = (self.number - 1) * size
        found = list(rows[start : start + size + 1])
        self.goes_on |= len(found) > size
        return found[:size]


@dataclass(frozen=True, slots=True)
class Line:
    """A notice with the subject that it speaks of."""

    notice: Notice
    about: Found

    @property
    def url(self) -> str:
        comment = self.notice.comment_id
        return f"{self.about.talk_url}#comment-{comment}" if comment else self.about.url

    @property
    def text(self) -> str:
        return self.notice.comment.text if self.notice.comment else self.notice.text


def todos(reader: User, *, at: datetime, zone: ZoneInfo, part: Part | None = None) -> list[Todo]:
    """A page of what waits for a reader in open programs, what is due first in each kind: fourteen queries."""
    part = part or Part()
    today = at.astimezone(zone).date()
    programs = Program.objects.visible_to(reader).open()
    return [
        *_decisions(reader, programs, part),
        *_hand_offs(reader, programs, part),
        *_gates(reader, programs, today, part),
        *_updates(reader, today, part),
        *_actions(reader, programs, today, part),
        *_issues(reader, programs, today, part),
        *_reviews(reader, programs, today, part),
    ]


def _decisions(reader: User, programs: Any, part: Part) -> Iterable[Todo]:
    rows = waiting.decisions(reader, programs).select_related("program")
    for row in part.of(rows.order_by(F("decide_by_on").asc(nulls_last=True), "id")):
        title = f"{row.reference} {row.question}"
        yield Todo("decision", title, row.program, f"/d/{row.reference}", row.decide_by_on)


def _hand_offs(reader: User, programs: Any, part: Part) -> Iterable[Todo]:
    rows = waiting.hand_offs(reader, programs).select_related("predecessor__program", "successor__program")
    for link in seen(part.of(rows.order_by(F("need_by_on").asc(nulls_last=True), "id")), reader):
        receiver = link.successor.program.name if link.successor else _("a private program")
        title = _("%(gives)s, for %(receiver)s") % {"gives": link.row.predecessor.name, "receiver": receiver}
        yield Todo("hand_off", title, link.row.predecessor.program, f"/links/{link.row.pk}/answer", link.row.need_by_on)


def _gates(reader: User, programs: Any, today: date, part: Part) -> Iterable[Todo]:
    mine = waiting.gates(reader, programs, today).select_related("program")
    for row in part.of(mine.order_by("gate_on", "id")):
        title = _("Gate of %(kind)s") % {"kind": row.get_kind_display().lower()}
        yield Todo("gate", title, row.program, f"/phases/{row.pk}/decide", row.gate_on)


def _updates(reader: User, today: date, part: Part) -> Iterable[Todo]:
    """What the sidebar counts beside “My updates”: no second notion of when an update is due."""
    due = [one for one in owed_by(reader, today) if one.is_due]
    for one in part.of(due):
        title = _("Write this week's update") if one.last else _("Write the first update")
        url = f"/u/{one.draft.pk}/edit" if one.draft else f"{one.program.get_absolute_url()}/updates/new"
        yield Todo("update", title, one.program, url, one.due_on)


def _actions(reader: User, programs: Any, today: date, part: Part) -> Iterable[Todo]:
    agreed = waiting.agreed(reader, programs, today)
    against = waiting.mitigations(reader, programs, today)
    found = [
        *(
            Todo("action", row.text, row.program, row.get_absolute_url(), row.due_on)
            for row in part.of(agreed.select_related("program", "review").order_by("due_on", "id"))
        ),
        *(
            Todo("action", row.text, row.risk.program, row.risk.get_absolute_url(), row.due_on)
            for row in part.of(against.select_related("risk__program").order_by("due_on", "id"))
        ),
    ]
    return sorted(found, key=lambda one: one.due_on or today)


def _issues(reader: User, programs: Any, today: date, part: Part) -> Iterable[Todo]:
    rows = waiting.issues(reader, programs, today)
    for row in part.of(rows.select_related("program").order_by("due_on", "id")):
        yield Todo("issue", row.title, row.program, row.get_absolute_url(), row.due_on)


def _reviews(reader: User, programs: Any, today: date, part: Part) -> Iterable[Todo]:
    risks = waiting.risks(reader, programs, today).select_related("program")
    for risk in part.of(risks.order_by("review_on", "id")):
        title = f"{risk.reference} {risk.title}"
        yield Todo("review", title, risk.program, f"/r/{risk.reference}", risk.review_on)
    held = waiting.assumptions(reader, programs, today)
    for row in part.of(held.select_related("program").order_by("expires_on", "id")):
        url = f"{row.program.get_absolute_url()}/assumptions"
        yield Todo("review", _("Does this still hold? %(text)s") % {"text": row.text}, row.program, url, row.expires_on)


def grouped(found: Iterable[Todo], reader: User) -> list[tuple[str, str, list[Todo], int]]:
    """By kind, in the order of ``LABELS``: label, icon, what there is to do and how much more: one query where cut."""
    found = list(found)
    most = Counter(one.kind for one in found)
    waits = pulse(reader)["waits"] if any(count >= MOST_TODOS for count in most.values()) else most
    return [
        (str(label), icon, [one for one in found if one.kind == kind], max(waits[kind] - most[kind], 0))
        for kind, (label, icon) in LABELS.items()
        if most[kind]
    ]


def notices_of(reader: User, *, done: bool) -> NoticeQuerySet:
    """What a reader is told of, newest first; what they put away where ``done`` says so."""
    rows = Notice.objects.visible_to(reader).select_related("by", "comment", "program")
    return (rows.exclude(done_at=None) if done else rows.open()).order_by("-at", "-id")


def lines(notices: Iterable[Notice], reader: User) -> list[Line]:
    """Notices whose subject the reader still sees: at most four queries."""
    notices = list(notices)
    about = subjects.named({(notice.kind, notice.subject_id) for notice in notices}, reader)
    return [
        Line(notice, about[notice.kind, notice.subject_id])
        for notice in notices
        if (notice.kind, notice.subject_id) in about
    ]
