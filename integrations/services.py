"""Writes of imports: mappings that are kept, files that wait between dry run and import, and the import itself."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

import history
from integrations.models import ImportMapping, Upload, UploadedFile
from integrations.tables import importing
from integrations.tables.mapping import PortfolioMapping, own_columns, parse
from integrations.tables.reading import Refusal, Table, read
from integrations.tables.report import Report
from milestones.models import SlipCause
from people.models import User
from people.permissions import OrgAct, require
from programs.services import locked

# Files that nobody came back to are forgotten.
KEPT = timedelta(days=1)
MOST_LINES = 2_000


@transaction.atomic
def take_files(*, files: Iterable[tuple[str, bytes]], mapping: dict[str, Any] | None, by: User, at: datetime) -> Upload:
    """Keep uploaded files until they are imported; old ones go."""
    require(by, OrgAct.IMPORT)
    Upload.objects.filter(at__lt=at - KEPT).delete()
    upload = Upload.objects.create(by=by, at=at, mapping=mapping)
    UploadedFile.objects.bulk_create(UploadedFile(upload=upload, name=name, content=content) for name, content in files)
    return upload


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


def import_upload(
    *, upload: Upload, by: User, at: datetime, today: date, cause: SlipCause | None = None, dry_run: bool
) -> Report:
    """Import uploaded files, or say what that would do; once imported they are gone."""
    require(by, OrgAct.IMPORT)
    report = Report()
    tables = tables_of(upload, report)
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
            )
    if report.written:
        Upload.objects.filter(pk=upload.pk).delete()
    else:
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
        raise ValidationError("Only who uploaded the files can discard them.", code="other_person")
    upload.delete()
