"""How the rows of each noun find what is there already, and the rules that they keep."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils.translation import gettext as _

import history
from integrations.tables.job import Entry, Importing, remember, resolve
from integrations.tables.report import Outcome
from integrations.tables.writing import Batch, Seen, changes_of, in_words, new_row, refuse, save_row, update
from metrics.models import KPI, Measurement
from milestones.models import Dependency, Milestone, Workstream
from milestones.services import (
    change_dependency,
    change_milestone,
    find_loop,
    lock_graph,
    move_program_target,
    name_loop,
)
from people.models import WEEKDAYS, Holiday, Team, WorkingCalendar
from people.services import change_calendar, change_team
from programs.models import PartnerTeam, Program, RelatedLink, Revision
from risks.models import Issue, Risk

M = TypeVar("M", bound=models.Model)

# Naming one takes a walk over the whole network: whoever has more mends these first.
MOST_LOOPS = 20


def _week(entry: Entry, present: WorkingCalendar | None) -> dict[str, int]:
    """Working minutes of each weekday; what a row does not say stays, and is 8 hours Monday to Friday at first."""
    hours, off = entry.values.get("day_hours"), entry.values.get("days_off")
    if hours is None and off is None:
        return {}
    full = round(hours * 60) if hours is not None else None
    week = {}
    for number, day in enumerate(WEEKDAYS):
        had = getattr(present, day) if present else (0 if number in (5, 6) else 480)
        works = number not in off if off is not None else had > 0
        kept = had or 480 if full is None else full
        week[day] = kept if works else 0
    return week


def _calendars(job: Importing, entries: list[Entry]) -> None:
    seen = Seen(job)
    for entry in entries:
        name = entry.text("name")
        if seen.again(name, entry):
            continue
        days = entry.values.get("holidays")
        present = job.calendars.get(name)
        minutes = _week(entry, present)
        if present is None:
            try:
                with transaction.atomic():
                    calendar = history.create(WorkingCalendar(name=entry.values["name"], **minutes))
                    Holiday.objects.bulk_create(Holiday(calendar=calendar, on=on) for on in days or ())
            except ValidationError as refusal:
                refuse(job, entry, refusal)
                continue
            job.calendars[name] = calendar
            job.note(entry, Outcome.CREATED)
            continue
        before = set(present.holidays.values_list("on", flat=True))
        changes = changes_of(present, minutes)
        if not changes and (days is None or set(days) == before):
            job.note(entry, Outcome.UNCHANGED)
            continue
        names = dict(present.holidays.values_list("on", "name"))
        holidays = None if days is None else [(on, names.get(on, "")) for on in days]
        try:
            with transaction.atomic():
                change_calendar(calendar=present, by=job.by, holidays=holidays, **changes)
        except ValidationError as refusal:
            refuse(job, entry, refusal)
        else:
            job.note(entry, Outcome.UPDATED, in_words(present, changes) or "holidays")


def _teams(job: Importing, entries: list[Entry]) -> None:
    seen = Seen(job)
    batch = Batch(job)
    for entry in entries:
        if seen.again(entry.text("external_key") or entry.text("name"), entry):
            continue
        wanted = resolve(job, entry)
        if wanted is None:
            continue
        team = job.teams.get(entry.text("external_key")) or job.teams.get(entry.text("name"))
        if team is None:
            team = new_row(Team, wanted)
            if batch.add(entry, team):
                remember(job.teams, team, team.name.strip(), team.external_key.strip())
        else:
            update(job, entry, team, wanted, partial(change_team, team=team, by=job.by))
    batch.write()


def _programs(job: Importing, entries: list[Entry]) -> None:
    seen = Seen(job)
    batch = Batch(job)
    partners: list[tuple[Program, list[Team]]] = []
    for entry in entries:
        identity = entry.text("external_key") or entry.text("key") or entry.text("name")
        if seen.again(identity, entry):
            continue
        wanted = resolve(job, entry)
        if wanted is None:
            continue
        teams = wanted.pop("partner_teams", None)
        if not wanted.get("key"):
            wanted.pop("key", None)
        if "external_key" not in wanted and "key" not in wanted:
            wanted["external_key"] = entry.text("name")[:200]
        program = job.programs.get(identity)
        if program is None and entry.text("key"):
            program = job.programs.get(entry.text("key"))
            if program and program.external_key and program.external_key != entry.text("external_key"):
                job.note(
                    entry,
                    Outcome.REFUSED,
                    _("“%(key)s” is the key of %(program)s. Choose another.")
                    % {"key": program.key, "program": program.name},
                    "key",
                )
                continue
        if program is None:
            wanted.setdefault("key", _key(identity, job.keys))
            program = new_row(Program, wanted)
            if batch.add(entry, program):
                job.keys.add(program.key)
                remember(job.programs, program, program.key, program.external_key.strip())
                partners.append((program, teams or []))
        else:
            _update_program(job, entry, program, wanted, teams)
    batch.write()
    written = [(program, teams) for program, teams in partners if not program._state.adding]
    Revision.objects.bulk_create(Revision(program=program) for program, _ in written)
    PartnerTeam.objects.bulk_create(
        PartnerTeam(program=program, team=team)
        for program, teams in written
        for team in teams
        if team.pk != program.owning_team_id
    )


def _update_program(
    job: Importing, entry: Entry, program: Program, wanted: dict[str, Any], teams: list[Team] | None
) -> None:
    changes = changes_of(program, wanted)
    said = in_words(program, changes)
    if teams is not None:
        owner = changes.get("owning_team", program.owning_team)
        teams = [team for team in teams if team != owner]
        before = set(program.partners.values_list("team_id", flat=True))
        if {team.pk for team in teams} == before:
            teams = None
        else:
            said = "; ".join(filter(None, [said, "partner teams"]))
    if not changes and teams is None:
        job.note(entry, Outcome.UNCHANGED)
        return
    try:
        with transaction.atomic():
            move_program_target(program=program, by=job.by, at=job.at, cause=job.cause, partner_teams=teams, **changes)
    except ValidationError as refusal:
        refuse(job, entry, refusal)
    else:
        job.note(entry, Outcome.UPDATED, said)


def _key(external_key: str, taken: set[str]) -> str:
    """A short key from another tool's: capital letters, digits and dashes, at most 16, none taken.

    >>> _key("kep 2314", set()), _key("kep 2314", {"KEP-2314"}), _key("42", set())
    ('KEP-2314', 'KEP-2314-2', 'P-42')
    """
    plain = re.sub(r"[^A-Z0-9]+", "-", external_key.upper()).strip("-") or "P"
    if not plain[0].isalpha():
        plain = f"P-{plain}"
    if len(plain) > 16:
        plain = f"{plain[:11].rstrip('-')}-{hashlib.sha256(external_key.encode()).hexdigest()[:4].upper()}"
    key, number = plain, 1
    while key in taken:
        number += 1
        tail = f"-{number}"
        key = plain[: 16 - len(tail)].rstrip("-") + tail
    return key


def _of_program(job: Importing, entry: Entry, wanted: Mapping[str, Any]) -> Program | None:
    """The entry's program; None when it was refused itself and is not there."""
    program: Program = wanted["program"]
    if program._state.adding:
        job.note(entry, Outcome.REFUSED, _("Its program is refused."), "program")
        return None
    return program


def _workstreams(job: Importing, entries: list[Entry]) -> None:
    _with_workstreams(job, entries)
    _write_children(job, entries, Workstream, job.workstreams, ("name",))


def _with_workstreams(job: Importing, entries: Iterable[Entry]) -> None:
    programs = {entry.text("program") for entry in entries}
    ids = {job.programs[name].pk for name in programs if name in job.programs}
    for row in Workstream.objects.filter(program__in=ids):
        job.workstreams[row.program_id, row.name.strip()] = row


def _write_children(
    job: Importing,
    entries: list[Entry],
    model: type[M],
    registry: dict[tuple[int, str], M],
    names: tuple[str, ...],
    settle: Callable[[Entry, dict[str, Any]], bool] | None = None,
    save: Callable[..., object] = save_row,
    defaults: dict[str, Any] | None = None,
) -> None:
    """Rows of a program that are known by the first of ``names`` that they have."""
    seen = Seen(job)
    batch = Batch(job)
    for entry in entries:
        wanted = resolve(job, entry)
        if wanted is None or (program := _of_program(job, entry, wanted)) is None:
            continue
        identity = next((entry.text(name) for name in names if entry.text(name)), "")
        if seen.again((program.pk, identity), entry) or (settle and not settle(entry, wanted)):
            continue
        row = registry.get((program.pk, identity))
        if row is None:
            row = new_row(model, {**(defaults or {}), **{n: v for n, v in wanted.items() if v is not None}})
            if batch.add(entry, row):
                job.changed.add(program.pk)
                registry[program.pk, identity] = row
        elif row._state.adding:
            job.note(
                entry,
                Outcome.REFUSED,
                _("Another row of this import is the same %(noun)s.") % {"noun": entry.noun.singular},
            )
        else:
            if changes_of(row, wanted):
                job.changed.add(program.pk)
            update(job, entry, row, wanted, partial(save, row))
    batch.write()


def _milestones(job: Importing, entries: list[Entry]) -> None:
    _with_workstreams(job, entries)
    _with_milestones(job, {entry.text("program") for entry in entries})

    def settle(entry: Entry, wanted: dict[str, Any]) -> bool:
        """The rules of the milestone services: nothing happens in the future, nothing remains of what is done."""
        for name in ("started_on", "done_on", "cancelled_on"):
            if wanted.get(name) and wanted[name] > job.today:
                job.note(
                    entry, Outcome.REFUSED, _("This day lies in the future: a forecast says when it will be."), name
                )
                return False
        if wanted.get("done_on"):
            wanted["remaining"] = None
            if not wanted.get("started_on"):
                wanted["started_on"] = wanted["done_on"]
        if name := entry.text("workstream"):
            workstream = job.workstreams.get((wanted["program"].pk, name))
            if workstream is None or workstream._state.adding:
                job.note(
                    entry,
                    Outcome.REFUSED,
                    _("The program has no workstream “%(name)s”.") % {"name": name[:80]},
                    "workstream",
                )
                return False
            wanted["workstream"] = workstream
        return True

    def save(row: Milestone, **changes: Any) -> object:
        return change_milestone(milestone=row, by=job.by, today=job.today, at=job.at, cause=job.cause, **changes)

    _write_children(job, entries, Milestone, job.milestones, ("external_key", "name"), settle, save)


def _with_milestones(job: Importing, programs: Iterable[str]) -> None:
    """Milestones by external key, and by name where no other has it."""
    ids = {job.programs[name].pk for name in programs if name in job.programs}
    rows = list(Milestone.objects.filter(program__in=ids).order_by("id"))
    for row in rows:
        job.milestones.setdefault((row.program_id, row.name.strip()), row)
    for row in rows:
        if row.external_key:
            job.milestones[row.program_id, row.external_key.strip()] = row


def _dependencies(job: Importing, entries: list[Entry]) -> None:
    names = {entry.text(f) for entry in entries for f in ("program", "predecessor_program", "successor_program")}
    _with_milestones(job, names)
    lock_graph()
    ids = [job.programs[name].pk for name in names if name in job.programs]
    present = list(Dependency.objects.filter(successor__program__in=ids))
    by_ends = {(row.predecessor_id, row.successor_id, row.kind): row for row in present}
    by_key = {row.external_key: row for row in present if row.external_key}
    seen = Seen(job)
    batch = Batch(job)
    drawn: list[tuple[Entry, Dependency]] = []
    for entry in entries:
        wanted = resolve(job, entry)
        if wanted is None or not _ends(job, entry, wanted):
            continue
        before, after = wanted["predecessor"], wanted["successor"]
        kind = wanted.get("kind") or Dependency.Kind.FS
        if seen.again(entry.text("external_key") or (before.pk, after.pk, kind), entry):
            continue
        programs = {before.program_id, after.program_id}
        row = by_key.get(entry.text("external_key")) or by_ends.get((before.pk, after.pk, kind))
        if row is None:
            row = new_row(Dependency, wanted)
            if len(programs) > 1:
                row.agreement = Dependency.Agreement.PROPOSED
            if batch.add(entry, row):
                by_ends[before.pk, after.pk, kind] = row
                drawn.append((entry, row))
                job.changed |= programs
            continue
        if row._state.adding:
            job.note(entry, Outcome.REFUSED, _("Another row of this import draws the same dependency."))
            continue
        if changes_of(row, wanted):
            drawn.append((entry, row))
            job.changed |= programs
        save = partial(change_dependency, dependency=row, by=job.by, at=job.at, cause=job.cause)
        update(job, entry, row, wanted, save)
    batch.write()
    _refuse_loops(job, drawn)


def _ends(job: Importing, entry: Entry, wanted: dict[str, Any]) -> bool:
    """Put the two milestones in the place of their names."""
    both = wanted.pop("program", None)
    for end in ("predecessor", "successor"):
        program = wanted.pop(f"{end}_program", None) or both
        if program is None:
            job.note(
                entry, Outcome.REFUSED, _("In which program? Give program, or one for each end."), f"{end}_program"
            )
            return False
        milestone = job.milestones.get((program.pk, entry.text(end))) if not program._state.adding else None
        if milestone is None or milestone._state.adding:
            outcome = Outcome.SKIPPED if entry.mapping.skip_unknown else Outcome.REFUSED
            job.note(
                entry,
                outcome,
                _("%(program)s has no milestone “%(name)s”.") % {"program": program.key, "name": entry.text(end)[:80]},
                end,
            )
            return False
        wanted[end] = milestone
    entry.name = f"{wanted['predecessor'].name} → {wanted['successor'].name}"[:200]
    return True


def _refuse_loops(job: Importing, drawn: list[tuple[Entry, Dependency]]) -> None:
    """Check the whole network once; take the loop's rows of this import out and look for a further loop."""
    links = set(Dependency.objects.values_list("predecessor_id", "successor_id")) if drawn else set()
    for _turn in range(MOST_LOOPS):
        loop = find_loop(links)
        if loop is None:
            return
        steps = set(zip(loop, [*loop[1:], loop[0]], strict=True))
        names = name_loop(loop[:20], job.by)
        if len(loop) > 20:
            names = _("%(names)s (the first 20)") % {"names": names}
        guilty = [(entry, row) for entry, row in drawn if (row.predecessor_id, row.successor_id) in steps]
        for entry, _row in guilty:
            job.note(
                entry,
                Outcome.REFUSED,
                _("This closes a loop: %(names)s. Remove one of its links.") % {"names": names},
                "predecessor",
            )
        links -= {(row.predecessor_id, row.successor_id) for _entry, row in guilty} if guilty else steps


def _related_links(job: Importing, entries: list[Entry]) -> None:
    names = {entry.text("program") for entry in entries}
    ids = [job.programs[name].pk for name in names if name in job.programs]
    present = set(RelatedLink.objects.filter(program__in=ids).values_list("program_id", "other_id", "kind"))
    seen = Seen(job)
    batch = Batch(job)
    for entry in entries:
        wanted = resolve(job, entry)
        if wanted is None or (program := _of_program(job, entry, wanted)) is None:
            continue
        other: Program = wanted["other"]
        entry.name = f"{program.key} – {other.key}"
        if other._state.adding:
            job.note(entry, Outcome.REFUSED, _("The other program is refused."), "other")
            continue
        identity = (program.pk, other.pk, wanted.get("kind") or RelatedLink.Kind.SEE_ALSO)
        if seen.again(identity, entry):
            continue
        if identity in present:
            job.note(entry, Outcome.UNCHANGED)
        elif batch.add(entry, new_row(RelatedLink, wanted)):
            job.changed.add(program.pk)
    batch.write()


def _of_registry(job: Importing, entries: list[Entry], rows: Iterable[Any], name: str) -> dict[tuple[int, str], Any]:
    registry: dict[tuple[int, str], Any] = {}
    for row in rows:
        registry.setdefault((row.program_id, getattr(row, name).strip()), row)
        if row.external_key:
            registry[row.program_id, row.external_key.strip()] = row
    return registry


def _program_ids(job: Importing, entries: list[Entry]) -> list[int]:
    return [job.programs[name].pk for name in {e.text("program") for e in entries} if name in job.programs]


def _risks(job: Importing, entries: list[Entry]) -> None:
    rows = Risk.objects.filter(program__in=_program_ids(job, entries)).order_by("id")
    registry = _of_registry(job, entries, rows, "title")
    _write_children(job, entries, Risk, registry, ("external_key", "title"), defaults={"raised_on": job.today})


def _issues(job: Importing, entries: list[Entry]) -> None:
    rows = Issue.objects.filter(program__in=_program_ids(job, entries)).order_by("id")
    registry = _of_registry(job, entries, rows, "title")
    _write_children(job, entries, Issue, registry, ("external_key", "title"), defaults={"raised_on": job.today})


def _kpis(job: Importing, entries: list[Entry]) -> None:
    _with_kpis(job, entries)
    _write_children(job, entries, KPI, job.kpis, ("external_key", "name"))


def _with_kpis(job: Importing, entries: list[Entry]) -> None:
    rows = KPI.objects.filter(program__in=_program_ids(job, entries)).order_by("id")
    job.kpis = _of_registry(job, entries, rows, "name") | {
        key: row for key, row in job.kpis.items() if not row._state.adding
    }


def _measurements(job: Importing, entries: list[Entry]) -> None:
    _with_kpis(job, entries)
    ids = {row.pk for row in job.kpis.values() if not row._state.adding}
    present = {(row.kpi_id, row.on): row for row in Measurement.objects.filter(kpi__in=ids)}
    seen = Seen(job)
    batch = Batch(job)
    for entry in entries:
        wanted = resolve(job, entry)
        if wanted is None or (program := _of_program(job, entry, wanted)) is None:
            continue
        kpi = job.kpis.get((program.pk, entry.text("kpi")))
        if kpi is None or kpi._state.adding:
            job.note(
                entry,
                Outcome.REFUSED,
                _("%(program)s has no KPI “%(name)s”.") % {"program": program.key, "name": entry.text("kpi")[:80]},
                "kpi",
            )
            continue
        entry.name = f"{kpi.name}, {wanted['on']}"
        if seen.again((kpi.pk, wanted["on"]), entry):
            continue
        wanted = {name: value for name, value in wanted.items() if name != "program"} | {"kpi": kpi}
        row = present.get((kpi.pk, wanted["on"]))
        if row is None:
            if batch.add(entry, new_row(Measurement, wanted)):
                job.changed.add(program.pk)
        else:
            if changes_of(row, wanted):
                job.changed.add(program.pk)
            update(job, entry, row, wanted, partial(save_row, row))
    batch.write()


# In this order: whatever a row may refer to stands before it.
WRITERS: dict[str, Callable[[Importing, list[Entry]], None]] = {
    "calendars": _calendars,
    "teams": _teams,
    "programs": _programs,
    "workstreams": _workstreams,
    "milestones": _milestones,
    "dependencies": _dependencies,
    "related_links": _related_links,
    "risks": _risks,
    "issues": _issues,
    "kpis": _kpis,
    "measurements": _measurements,
}
