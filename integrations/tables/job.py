"""An import on its way: its rows, what they refer to, and what is said of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeVar

from django.db import models
from django.utils.translation import gettext as _

from integrations.tables.mapping import TableMapping
from integrations.tables.nouns import NOUNS, Field, Kind, Noun
from integrations.tables.report import Line, Outcome, Report
from metrics.models import KPI
from milestones.models import Milestone, SlipCause, Workstream
from people.models import Team, User, WorkingCalendar
from programs.models import Program

M = TypeVar("M", bound=models.Model)
TELL_EVERY = 50


@dataclass
class Entry:
    """A row of a table on its way into a row of the database."""

    noun: Noun
    mapping: TableMapping
    file: str
    row: int
    cells: Mapping[str, str]
    values: dict[str, Any]
    name: str = ""
    outcome: Outcome | None = None
    line: int = 0

    def text(self, field: str) -> str:
        return str(self.values.get(field) or "").strip()


class Unknown(Exception):
    """A row names something that is not there."""


@dataclass
class Importing:
    """One import on its way: who, when, what was found and written so far."""

    by: User
    at: datetime
    today: date
    cause: SlipCause | None
    report: Report
    tell: Callable[[int], None] = lambda done: None  # hears now and then how many rows are done
    people: dict[str, User] = field(default_factory=dict)
    calendars: dict[str, WorkingCalendar] = field(default_factory=dict)
    teams: dict[str, Team] = field(default_factory=dict)
    programs: dict[str, Program] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)
    workstreams: dict[tuple[int, str], Workstream] = field(default_factory=dict)
    milestones: dict[tuple[int, str], Milestone] = field(default_factory=dict)
    kpis: dict[tuple[int, str], KPI] = field(default_factory=dict)
    changed: set[int] = field(default_factory=set)

    def note(self, entry: Entry, outcome: Outcome, reason: str = "", field_name: str = "") -> None:
        source = entry.mapping.fields.get(field_name)
        value = ""
        if source:
            value = ", ".join(filter(None, (entry.cells.get(column, "") for column in source.columns)))
        line = Line(
            noun=entry.noun.name,
            outcome=outcome,
            file=entry.file,
            row=entry.row,
            name=entry.name,
            column=source.named if source else field_name,
            value=value[:200],
            reason=reason,
        )
        if entry.outcome in (Outcome.CREATED, Outcome.UPDATED):  # taken back: the loop it closes is found last
            self.report.lines[entry.line] = line
        else:
            entry.line = len(self.report.lines)
            self.report.lines.append(line)
            if len(self.report.lines) % TELL_EVERY == 0:
                self.tell(len(self.report.lines))
        entry.outcome = outcome


def load(job: Importing) -> None:
    """What rows may refer to: small tables as a whole; milestones of a program when first asked for."""
    job.people = {user.email.lower(): user for user in User.objects.filter(is_active=True)}
    job.calendars = {calendar.name: calendar for calendar in WorkingCalendar.objects.all()}
    for team in Team.objects.all():
        remember(job.teams, team, team.name, team.external_key)
    programs = list(Program.objects.visible_to(job.by).select_related("owning_team"))
    job.programs = {program.key: program for program in programs}
    # Another tool's key counts more than our own, should one be spelt like the other.
    job.programs |= {program.external_key: program for program in programs if program.external_key}
    job.keys = set(Program.objects.values_list("key", flat=True))


def remember(registry: dict[str, M], row: M, *names: str) -> None:
    for name in names:
        if name:
            registry[name] = row


def _find(job: Importing, entry: Entry, field_name: str) -> Any:
    """The row that a cell refers to, or None for an empty cell."""
    wanted = entry.text(field_name)
    field_ = entry.noun.field(field_name)
    if not wanted or field_ is None:
        return None
    registries: dict[str, Mapping[str, models.Model]] = {
        "calendars": job.calendars,
        "teams": job.teams,
        "programs": job.programs,
    }
    return _there(registries[field_.refers_to], wanted, field_)


def _there(registry: Mapping[str, M], wanted: str, field_: Field) -> M:
    if wanted not in registry:
        raise Unknown(
            _("There is no %(field)s “%(wanted)s”. Import it too, or correct the name.")
            % {"field": singular(field_), "wanted": wanted[:80]}
        )
    if registry[wanted]._state.adding:
        raise Unknown(
            _("The %(field)s “%(wanted)s” is refused itself.") % {"field": singular(field_), "wanted": wanted[:80]}
        )
    return registry[wanted]


def _person(job: Importing, entry: Entry, field_name: str) -> User | None:
    wanted = entry.text(field_name)
    if not wanted:
        return None
    if wanted.lower() not in job.people:
        raise Unknown(_("Nobody here has the address “%(wanted)s”. Add the person first.") % {"wanted": wanted[:80]})
    return job.people[wanted.lower()]


def resolve(job: Importing, entry: Entry) -> dict[str, Any] | None:
    """The entry's values with references and people looked up; None after a refusal or a skip."""
    found: dict[str, Any] = {}
    for name, value in entry.values.items():
        field_ = entry.noun.field(name)
        try:
            if field_ and field_.kind is Kind.PERSON:
                found[name] = _person(job, entry, name)
            elif field_ and field_.kind is Kind.NAMES:
                found[name] = [_there(job.teams, one, field_) for one in value]
            elif field_ and field_.refers_to and field_.refers_to != "workstreams":
                found[name] = _find(job, entry, name)
            else:
                found[name] = value
        except Unknown as unknown:
            if entry.mapping.skip_unknown and field_ and field_.required:
                job.note(
                    entry,
                    Outcome.SKIPPED,
                    _("It names a %(field)s that is not here.") % {"field": singular(field_)},
                    name,
                )
            else:
                job.note(entry, Outcome.REFUSED, str(unknown), name)
            return None
    return found


def singular(field_: Field) -> str:
    return str(NOUNS[field_.refers_to].singular) if field_.refers_to else field_.name
