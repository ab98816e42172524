"""Imports: tables sent as text, checked or imported at once where they are small, else as a job."""

from __future__ import annotations

import json
from typing import Any

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from integrations import services
from integrations.models import Upload
from integrations.tables.mapping import parse
from integrations.tables.report import Report
from milestones.models import SlipCause
from people.models import Job
from people.permissions import OrgAct, require
from people.services import today
from tpm import broker
from tpm.api import Endpoint
from tpm.nouns import Visible

MOST_FILES = 20


class FileIn(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=200, help_text="Such as programs.csv: its end says what it is.")
    text = serializers.CharField(trim_whitespace=False)


class ImportIn(serializers.Serializer[Any]):
    files = serializers.ListField(child=FileIn(), min_length=1, max_length=MOST_FILES)
    mapping = serializers.JSONField(required=False, help_text="Which column goes where; not needed for our own names.")
    cause = Visible(queryset=SlipCause.objects.filter(retired_on=None), required=False)
    dry_run = serializers.BooleanField(default=False)


class LineOut(serializers.Serializer[Any]):
    noun = serializers.CharField()
    outcome = serializers.CharField()
    file = serializers.CharField()
    row = serializers.IntegerField(allow_null=True)
    name = serializers.CharField()
    column = serializers.CharField()
    value = serializers.CharField()
    reason = serializers.CharField()


class ReportOut(serializers.Serializer[Any]):
    written = serializers.BooleanField(help_text="Whether anything was: an import is all or nothing.")
    counts = serializers.DictField(child=serializers.DictField(child=serializers.IntegerField()))
    warnings = serializers.ListField(child=serializers.CharField())
    all_lines = serializers.IntegerField()
    lines = LineOut(many=True, help_text="The first of them; what is refused comes first.")


class ImportOut(serializers.Serializer[Any]):
    id = serializers.IntegerField(allow_null=True)
    state = serializers.ChoiceField(["waiting", "running", "done", "failed"])
    done = serializers.IntegerField(allow_null=True, help_text="Rows, while it is under way.")
    of = serializers.IntegerField(allow_null=True)
    result = serializers.CharField()
    report = ReportOut(allow_null=True)


def shown(pk: int | None, report: dict[str, Any] | None, job: Job | None = None) -> dict[str, Any]:
    running = job is not None and job.ended_at is None
    progress = broker.job_progress(job.pk) if job and running else None
    refused = report and any(counts["refused"] for counts in report["counts"].values())
    ended = "failed" if refused or (job and not job.is_good) else "done"
    return {
        "id": pk,
        "state": ("running" if progress else "waiting") if running else ended,
        "done": progress.done if progress else None,
        "of": progress.of if progress else None,
        "result": job.result if job else "",
        "report": None if running else report,
    }


class Imports(Endpoint):
    @extend_schema(operation_id="imports_create", request=ImportIn, responses={200: ImportOut, 202: ImportOut})
    def post(self, request: Request) -> Response:
        """Import tables, or with `dry_run` say what that would do; all or nothing.

        Few rows are done at once. Many are answered with 202 and `Location`: look there until `state` is done or
        failed.
        """
        by: Any = request.user
        require(by, OrgAct.IMPORT)
        sent = ImportIn(data=request.data, context={"request": request})
        sent.is_valid(raise_exception=True)
        given, now = sent.validated_data, timezone.now()
        mapping = given.get("mapping")
        if mapping is not None:
            parse(json.dumps(mapping))
        upload = services.take_files(
            files=[(file["name"], file["text"].encode()) for file in given["files"]],
            mapping=mapping,
            by=by,
            at=now,
        )
        found = services.start(
            upload=upload, by=by, at=now, today=today(now), cause=given.get("cause"), dry_run=given["dry_run"]
        )
        if isinstance(found, Report):
            Upload.objects.filter(pk=upload.pk).delete()
            return Response(ImportOut(shown(None, found.as_json(services.MOST_LINES))).data)
        where = reverse("api:import", args=[upload.pk])
        return Response(ImportOut(shown(upload.pk, None, found)).data, status=202, headers={"Location": where})


class Import(Endpoint):
    @extend_schema(operation_id="imports_retrieve", responses=ImportOut)
    def get(self, request: Request, pk: int) -> Response:
        """How far an import of yours is, and what came of it; kept for a day."""
        require(request.user, OrgAct.IMPORT)
        upload = get_object_or_404(Upload.objects.visible_to(request.user).select_related("job"), pk=pk)
        if upload.job is None and upload.report is None:
            raise Http404
        return Response(ImportOut(shown(upload.pk, upload.report, upload.job)).data)
