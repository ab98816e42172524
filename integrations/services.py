"""Writes of imports: mappings that are kept, files that wait between dry run and import, and the import itself."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

import history
import people.services
from integrations.models import ImportMapping, Upload, UploadedFile
from integrations.tables import importing
from integrations.tables.mapping import PortfolioMapping, own_columns, parse
from integrations.tables.reading import Refusal, Table, read
from integrations.tables.report import Report, in_words
from milestones.models import SlipCause
from people.models import Job, User
from people.permissions import OrgAct, require
from programs.services import locked

# Files that nobody came back to are forgotten.
KEPT = timedelta(days=1)
MOST_LINES = 2_000
# More rows than this are a job: somebody who waits would think that nothing happens.
MOST_AT_ONCE = 500
MOST_TRIES = 3


@transaction.atomic
def take_files(*, files: Iterable[tuple[str, bytes]], mapping: dict[str, Any] | None, by: User, at: datetime) -> Upload:
    """Keep uploaded files until they are imported; old ones go."""
    require(by, OrgAct.IMPORT)
    _forget_old(at)
    upload = Upload.objects.create(by=by, at=at, mapping=mapping)
    UploadedFile.objects.bulk_create(UploadedFile(upload=upload, name=name, content=content) for name, content in files)
    return upload


def _forget_old(at: datetime) -> None:
    """Files that nobody came back to, unless a job is still at them; what came of a job goes with them."""
    old = Upload.objects.filter(Q(job=None) | Q(job__ended_at__isnull=False), at__lt=at - KEPT)
    jobs = list(old.exclude(job=None).values_list("job", flat=True))
    old.delete()
    Job.objects.filter(pk__in=jobs).delete()


def tables_of(upload: Upload, report: Report) -> list[Table]:
    """The tables of the uploaded files; a file that cannot be read is noted in the report."""
    tables: list[Table] = []
    for file in upload.files.order_by("name", "id"):
        try:
            tables += read(file.name, io.BytesIO(bytes(file.content)))
        except Refusal as refusal:
            report.refuse(refusal)
    return tables


def mapping_of(upload: Upload, tables: list[Table]) -> PortfolioMapping:
    return own_columns(tables) if upload.mapping is None else parse(json.dumps(upload.mapping))


@transaction.atomic
def map_columns(*, upload: Upload, mapping: dict[str, Any], by: User) -> Upload:
    """Say anew which column goes where. Raises Refusal, a ValidationError, for a mapping that cannot be."""
    require(by, OrgAct.IMPORT)
    parse(json.dumps(mapping))
    upload = locked(upload)
    upload.mapping = mapping
    upload.save(update_fields=["mapping"])
    return upload


def start(
    *, upload: Upload, by: User, at: datetime, today: date, cause: SlipCause | None = None, dry_run: bool
) -> Report | Job:
    """Import uploaded files, or say what that would do: at once where they are small, else as a job."""
    require(by, OrgAct.IMPORT)
    report = Report()
    tables = tables_of(upload, report)
    if report.refused or sum(len(table.rows) for table in tables) <= MOST_AT_ONCE:
        return _import(upload, tables, report, by=by, at=at, today=today, cause=cause, dry_run=dry_run)
    return _ask(upload, by=by, at=at, cause=cause, dry_run=dry_run)


@transaction.atomic
def _ask(upload: Upload, *, by: User, at: datetime, cause: SlipCause | None, dry_run: bool) -> Job:
    """Write down that a job is to check or import an upload: a sweep finds it."""
    upload = _free(upload)
    if upload.job and upload.job.ended_at is None:
        return upload.job
    if upload.job:
        upload.job.delete()
    files = ", ".join(upload.files.order_by("name").values_list("name", flat=True))
    title = ((_("Check %(files)s") if dry_run else _("Import %(files)s")) % {"files": files})[:200]
    upload.job = Job.objects.create(user=by, title=title, url=f"/import/{upload.pk}/job", asked_at=at)
    upload.dry_run, upload.cause = dry_run, cause
    upload.save(update_fields=["job", "dry_run", "cause"])
    return upload.job


def _free(upload: Upload) -> Upload:
    """The upload, held; refused while a job is at it."""
    found = Upload.objects.select_for_update(of=("self",), skip_locked=True).select_related("job")
    row = found.filter(pk=upload.pk).first()
    if row is None:
        raise ValidationError(_("These files are being worked on. Wait until that is done."), code="busy")
    return row


def carry_out_next(
    *, at: datetime, today: date, tell: Callable[[int], Callable[[int, int], None]] = lambda job: lambda done, of: None
) -> Job | None:
    """Carry out the job that waits longest and that nobody is at; None where there is none.

    What it writes and that it has ended are one transaction: half an import cannot be, nor one that is done twice. One
    that breaks again and again is given up. ``tell`` makes of a job's id what hears how far it is.
    """
    waiting = Upload.objects.filter(job__ended_at=None).exclude(job=None).order_by("job__asked_at", "pk")
    for pk in waiting.values_list("pk", flat=True):
        if (job := _claim(pk, at)) and job.ended_at is None:
            return _carry_out(pk, at, today, tell(job.pk))
        if job:
            return job
    return None


@transaction.atomic
def _claim(pk: int, at: datetime) -> Job | None:
    """Count a try, unless somebody else is at it; give a job up that has broken too often."""
    upload = _held(pk)
    if upload is None or upload.job is None:
        return None
    job = upload.job
    if job.tries >= MOST_TRIES:
        people.services.end_job(job=job, at=at, is_good=False, result=_("It broke each time. Nothing was imported."))
    else:
        job.tries += 1
        job.save(update_fields=["tries"])
    return job


@transaction.atomic
def _carry_out(pk: int, at: datetime, today: date, tell: Callable[[int, int], None]) -> Job | None:
    upload = _held(pk)
    if upload is None or upload.job is None:
        return None
    report = Report()
    tables = tables_of(upload, report)
    by: dict[str, Any] = {"by": upload.by, "cause": upload.cause, "dry_run": upload.dry_run}
    try:
        report = _import(upload, tables, report, at=at, today=today, tell=tell, **by)
        is_good, result = _result(report, upload.dry_run)
    except PermissionDenied as refusal:
        is_good, result = False, str(refusal)
    people.services.end_job(job=upload.job, at=at, is_good=is_good, result=result)
    return upload.job


def _held(pk: int) -> Upload | None:
    """An upload whose job waits, unless somebody else holds it."""
    rows = Upload.objects.select_for_update(of=("self",), skip_locked=True).select_related("job", "by", "cause")
    return rows.filter(pk=pk, job__ended_at=None).exclude(job=None).first()


def _result(report: Report, dry_run: bool) -> tuple[bool, str]:
    """Whether a job did what it was asked for, and what came of it in words."""
    counts = "; ".join(in_words(report.counts()))
    if report.refused:
        return False, _("Nothing was imported: some rows are refused. %(counts)s.") % {"counts": counts}
    if dry_run:
        return True, _("Nothing is written yet; this would be: %(counts)s.") % {"counts": counts}
    if report.written:
        return True, _("Imported: %(counts)s.") % {"counts": counts}
    return True, _("Everything in these files was here already.")


def _import(
    upload: Upload,
    tables: list[Table],
    report: Report,
    *,
    by: User,
    at: datetime,
    today: date,
    cause: SlipCause | None,
    dry_run: bool,
    tell: Callable[[int, int], None] = lambda done, of: None,
) -> Report:
    """Import tables, or say what that would do; once imported the files are gone, and the upload if no job has it."""
    require(by, OrgAct.IMPORT)
    if not report.refused:
        try:
            mapping = mapping_of(upload, tables)
        except Refusal as refusal:
            report.refuse(refusal)
        else:
            importing.run(
                tables=tables,
                mapping=mapping,
                by=by,
                at=at,
                today=today,
                report=report,
                cause=cause,
                dry_run=dry_run,
                tell=tell,
            )
    if report.written and upload.job is None:
        Upload.objects.filter(pk=upload.pk).delete()
        return report
    if report.written:
        upload.files.all().delete()
    Upload.objects.filter(pk=upload.pk).update(report=report.as_json(MOST_LINES))
    return report


@transaction.atomic
def save_mapping(*, name: str, mapping: dict[str, Any], by: User) -> ImportMapping:
    """Keep a mapping under a name; one of that name is replaced."""
    require(by, OrgAct.IMPORT)
    parse(json.dumps(mapping))
    mapping = {**mapping, "name": name}
    present = ImportMapping.objects.select_for_update().filter(name=name).first()
    with history.because("Save an import mapping", by_id=by.pk):
        if present:
            return history.save(present, mapping=mapping)
        return history.create(ImportMapping(name=name, mapping=mapping))


@transaction.atomic
def change_mapping(*, row: ImportMapping, by: User, **changes: Any) -> ImportMapping:
    require(by, OrgAct.IMPORT)
    if "mapping" in changes:
        parse(json.dumps(changes["mapping"]))
    with history.because("Change an import mapping", by_id=by.pk):
        return history.save(locked(row), **changes)


@transaction.atomic
def delete_mapping(*, row: ImportMapping, by: User) -> None:
    require(by, OrgAct.IMPORT)
    with history.because("Delete an import mapping", by_id=by.pk):
        history.delete(locked(row))


@transaction.atomic
def discard(*, upload: Upload, by: User) -> None:
    """Forget uploaded files without importing them."""
    require(by, OrgAct.IMPORT)
    if upload.by_id != by.pk:
        raise ValidationError(_("Only who uploaded the files can discard them."), code="other_person")
    upload = _free(upload)
    if upload.job:
        upload.job.delete()
    upload.delete()
