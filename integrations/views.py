"""Pages of the import: upload, choose columns, look at a dry run, import; and the mappings that are kept."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from history.forms import explaining
from integrations import services
from integrations.forms import (
    ColumnsForm,
    FilesForm,
    ImportForm,
    MappingForm,
    MappingNameForm,
    WholeMappingForm,
)
from integrations.models import ImportMapping, Upload
from integrations.tables.mapping import own_columns
from integrations.tables.nouns import NOUNS
from integrations.tables.report import Outcome, Report, in_words
from people.models import Job
from people.pages import SignedIn, attempt, delete, done, form_page, paged, posted
from people.permissions import OrgAct, require
from people.services import today
from tpm import broker

IMPORT = [(lazy("Settings"), "/settings"), (lazy("Import"), "/import")]
LINES_A_PAGE = 100
TONES = {"created": "ok", "updated": "done", "unchanged": "none", "skipped": "warn", "refused": "bad"}


@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: SignedIn) -> HttpResponse:
    require(request.user, OrgAct.IMPORT)
    files = request.FILES if request.method == "POST" else None
    form = FilesForm(posted(request), files, by=request.user)
    if form.is_bound and form.is_valid():
        chosen: ImportMapping | None = form.cleaned_data["mapping"]
        row = services.take_files(
            files=[(str(file.name), file.read()) for file in form.cleaned_data["tables"]],
            mapping=chosen.mapping if chosen else None,
            by=request.user,
            at=timezone.now(),
        )
        report = Report()
        tables = services.tables_of(row, report)
        if chosen is None and not report.refused and len(own_columns(tables).tables) < len(tables):
            return redirect("import_columns", row.pk)
        return _check(request, row)
    context = {
        "form": form,
        "title": _("Import"),
        "sub": _("Tables of programs, milestones and more. Nothing is written before you have seen a dry run."),
        "crumbs": [(_("Settings"), "/settings")],
        "mappings": ImportMapping.objects.visible_to(request.user).order_by("name", "id"),
        "nouns": NOUNS.values(),
        "submit_label": _("Look at them"),
        "cancel_url": "/settings",
    }
    return render(request, "integrations/upload.html", context, status=422 if form.errors else 200)


def _upload_of(request: SignedIn, pk: int) -> Upload:
    require(request.user, OrgAct.IMPORT)
    return get_object_or_404(Upload.objects.visible_to(request.user).select_related("job"), pk=pk)


def _check(request: SignedIn, row: Upload) -> HttpResponse:
    now = timezone.now()
    return _went(row, services.start(upload=row, by=request.user, at=now, today=today(now), dry_run=True))


def _went(row: Upload, found: Report | Job) -> HttpResponse:
    return redirect("import_job" if isinstance(found, Job) else "import_check", row.pk)


@require_safe
def job(request: SignedIn, pk: int) -> HttpResponse:
    """How far a long check or import is; who waits is led on once it is done."""
    row = _upload_of(request, pk)
    if row.job is None or row.job.ended_at:
        onward = reverse("import_check", args=[row.pk])
        return HttpResponse(headers={"HX-Redirect": onward}) if request.htmx else redirect(onward)
    context = {
        "title": row.job.title,
        "crumbs": IMPORT,
        "upload": row,
        "job": row.job,
        "progress": broker.job_progress(row.job.pk),
    }
    return render(request, "integrations/job.html", context)


@require_GET
def check(request: SignedIn, pk: int) -> HttpResponse:
    """What the last dry run found."""
    row = _upload_of(request, pk)
    if row.job and row.job.ended_at is None:
        return redirect("import_job", row.pk)
    if row.report is None:
        return redirect("import_columns", row.pk)
    return _shown(request, row, ImportForm(initial={"cause": request.GET.get("cause")}))


def _shown(request: SignedIn, row: Upload, form: ImportForm) -> HttpResponse:
    report: dict[str, Any] = row.report or Report().as_json()
    totals = {outcome: sum(counts[outcome] for counts in report["counts"].values()) for outcome in Outcome.values}
    refused = totals[Outcome.REFUSED]
    shown = request.GET.get("show", "")
    lines = [line for line in report["lines"] if not shown or line["outcome"] == shown]
    tabs = [{"label": _("All rows"), "url": "?", "count": sum(totals.values()), "current": not shown}]
    tabs += [
        {"label": Outcome(outcome).label, "url": f"?show={outcome}", "count": number, "current": shown == outcome}
        for outcome, number in totals.items()
        if number
    ]
    context = {
        "title": _("Imported") if report["written"] else _("Dry run"),
        "written": report["written"],
        "sub": ", ".join(row.files.order_by("name").values_list("name", flat=True)),
        "crumbs": IMPORT,
        "upload": row,
        "form": form,
        "counts": [
            (noun.replace("_", " "), [counts[outcome] for outcome in Outcome.values])
            for noun, counts in report["counts"].items()
            if any(counts.values())
        ],
        "outcomes": Outcome.labels,
        "warnings": report["warnings"],
        "refused": refused,
        "changing": totals[Outcome.CREATED] + totals[Outcome.UPDATED],
        "tabs": tabs,
        "page": Paginator([line | {"tone": TONES[line["outcome"]]} for line in lines], LINES_A_PAGE).get_page(
            request.GET.get("page")
        ),
        "left_out": report["all_lines"] - len(report["lines"]),
        "filtered": bool(shown),
        "whole_url": request.path,
    }
    return render(request, "integrations/check.html", context, status=422 if form.errors else 200)


@require_POST
def carry_out(request: SignedIn, pk: int) -> HttpResponse:
    """Import, or only look again: with a cause chosen, a dry run may find less to refuse."""
    row = _upload_of(request, pk)
    form = ImportForm(request.POST)
    if not form.is_valid():
        return _shown(request, row, form)
    now = timezone.now()
    report = services.start(
        upload=row,
        by=request.user,
        at=now,
        today=today(now),
        cause=form.cleaned_data["cause"],
        dry_run="check" in request.POST,
    )
    if isinstance(report, Job):
        return _went(row, report)
    if report.written:
        return done(request, _("Imported: %(counts)s.") % {"counts": "; ".join(in_words(report.counts()))}, "/")
    cause = form.cleaned_data["cause"]
    return redirect(reverse("import_check", args=[row.pk]) + (f"?cause={cause.pk}" if cause else ""))


@require_http_methods(["GET", "HEAD", "POST"])
def columns(request: SignedIn, pk: int) -> HttpResponse:
    """Choose what each table is and which column goes where."""
    row = _upload_of(request, pk)
    report = Report()
    tables = services.tables_of(row, report)
    if report.refused:
        return _check(request, row)
    mapping = row.mapping or _own_mapping(tables)
    whole = "whole" in request.POST
    form = ColumnsForm(None if whole else posted(request), tables=tables, mapping=mapping)
    text = WholeMappingForm(request.POST if whole else None, initial={"mapping": mapping})
    sent = text if whole else form
    if sent.is_bound and sent.is_valid():
        chosen = text.cleaned_data["mapping"] if whole else form.mapping()
        with explaining(sent):
            services.map_columns(upload=row, mapping=chosen, by=request.user)
            again = not whole and form.names_new
            return redirect("import_columns", row.pk) if again else _check(request, _upload_of(request, pk))
    context = {
        "title": _("Which column goes where"),
        "sub": _("Say what the rows of each table are, then which column fills which field."),
        "crumbs": [*IMPORT, (_("Files"), reverse("import_check", args=[row.pk]))],
        "upload": row,
        "form": form,
        "text": text,
        "name_form": MappingNameForm(),
        "has_mapping": bool(row.mapping),
    }
    return render(request, "integrations/columns.html", context, status=422 if sent.errors else 200)


def _own_mapping(tables: list[Any]) -> dict[str, Any]:
    """Our own column names as a mapping that can be edited."""
    parts = own_columns(tables).tables
    return {
        "name": "columns",
        "tables": [
            {
                "noun": part.noun,
                "files": part.files,
                "fields": {name: source.column for name, source in part.fields.items()},
            }
            for part in parts
            if all(name in part.fields for name in NOUNS[part.noun].required)
        ],
    }


@require_POST
def keep_mapping(request: SignedIn, pk: int) -> HttpResponse:
    """Save the upload's mapping under a name."""
    row = _upload_of(request, pk)
    form = MappingNameForm(request.POST)
    back = reverse("import_columns", args=[row.pk])
    if not form.is_valid() or not row.mapping:
        return attempt(request, _refuse_name, "", back)
    name, mapping = form.cleaned_data["name"], row.mapping
    return attempt(
        request,
        lambda: services.save_mapping(name=name, mapping=mapping, by=request.user),
        _("Saved the mapping “%(name)s”.") % {"name": name},
        back,
    )


def _refuse_name() -> None:
    raise ValidationError(_("Give the mapping a name of at most 120 characters."), code="name")


@require_POST
def discard(request: SignedIn, pk: int) -> HttpResponse:
    row = _upload_of(request, pk)
    return attempt(
        request,
        lambda: services.discard(upload=row, by=request.user),
        _("The files are gone; nothing was imported."),
        "/import",
    )


# -- mappings that are kept ------------------------------------------------------------------------------------------


@require_GET
def mappings(request: SignedIn) -> HttpResponse:
    require(request.user, OrgAct.IMPORT)
    context = {
        "page": paged(request, ImportMapping.objects.visible_to(request.user).order_by("name", "id")),
        "title": _("Import mappings"),
        "sub": _("Which column of other tools’ tables goes where."),
        "crumbs": IMPORT,
        "primary_url": reverse("mapping_create"),
        "primary_label": _("New mapping"),
        "empty_heading": _("No mappings yet"),
        "empty_text": _("Save one while importing, or paste one as JSON."),
    }
    return render(request, "integrations/mappings.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def mapping_create(request: SignedIn) -> HttpResponse:
    require(request.user, OrgAct.IMPORT)
    form = MappingForm(posted(request))
    if form.is_bound and form.is_valid():
        with explaining(form):
            row = services.save_mapping(by=request.user, **form.changes)
            return done(request, _("Saved the mapping “%(name)s”.") % {"name": row.name}, reverse("mappings"))
    context = {
        "form": form,
        "title": _("New mapping"),
        "crumbs": [*IMPORT, (_("Mappings"), reverse("mappings"))],
        "cancel_url": reverse("mappings"),
    }
    return form_page(request, context)


@require_http_methods(["GET", "HEAD", "POST"])
def mapping_edit(request: SignedIn, pk: int) -> HttpResponse:
    require(request.user, OrgAct.IMPORT)
    row = get_object_or_404(ImportMapping.objects.visible_to(request.user), pk=pk)
    form = MappingForm(posted(request), row=row)
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.change_mapping(row=row, by=request.user, **form.changes)
            return done(request, _("Saved the mapping."), reverse("mappings"), kept=form.kept)
    context = {
        "form": form,
        "title": _("Edit mapping"),
        "crumbs": [*IMPORT, (_("Mappings"), reverse("mappings"))],
        "cancel_url": reverse("mappings"),
        "delete_url": reverse("mapping_delete", args=[row.pk]),
    }
    return form_page(request, context)


@require_http_methods(["GET", "HEAD", "POST"])
def mapping_delete(request: SignedIn, pk: int) -> HttpResponse:
    require(request.user, OrgAct.IMPORT)
    row = get_object_or_404(ImportMapping.objects.visible_to(request.user), pk=pk)
    return delete(
        request,
        lambda: services.delete_mapping(row=row, by=request.user),
        row=row,
        to=reverse("mappings"),
        back=reverse("mapping_edit", args=[row.pk]),
        consequence=_("What was imported with it stays."),
        crumbs=[*IMPORT, (_("Mappings"), reverse("mappings"))],
    )
