"""An issue, and pages that write it."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from history.changes import changes_of
from history.forms import explaining
from people.pages import SignedIn, attempt, bulk_edit, day_of, delete, done, form_page, narrowed, posted
from programs.models import Program
from programs.pages import Crumbs, find_program, looks_back, of_editable, program_crumbs
from programs.permissions import Act, may, require
from risks import services
from risks.forms import BulkIssueForm, IssueForm
from risks.models import Issue
from risks.views.risks import today


def find_issue(request: SignedIn, pk: int) -> Issue:
    rows = Issue.objects.visible_to(request.user).select_related("program__lead", "owner", "milestone")
    return get_object_or_404(rows, pk=pk)


def _issue_crumbs(program: Program) -> Crumbs:
    return program_crumbs(program, (_("Issues"), f"{program.get_absolute_url()}/issues"))


@require_http_methods(["GET", "POST"])
def issues_bulk(request: SignedIn) -> HttpResponse:
    """Change or close many issues, of one program or of several."""
    on = today()

    def write(row: Issue, form: BulkIssueForm) -> None:
        if form.changes:
            services.change_issue(issue=row, by=request.user, **form.changes)
        if form.cleaned_data["close"]:
            services.close_issue(issue=row, by=request.user, on=on)

    return bulk_edit(
        request,
        Issue.objects.visible_to(request.user).select_related("program__lead"),
        BulkIssueForm,
        write,
        noun=ngettext_lazy("issue", "issues"),
        to="/issues",
        may_change=lambda found: of_editable(request.user, found),
    )


@looks_back
def issue(request: SignedIn, pk: int) -> HttpResponse:
    row = find_issue(request, pk)
    context = {
        "program": row.program,
        "place": "risks",
        "title": row.title,
        "crumbs": _issue_crumbs(row.program),
        "issue": row,
        "changes": changes_of(row),
        "today": day_of(request),
        "may_edit": may(request.user, Act.EDIT, row.program),
    }
    return render(request, "risks/issue.html", context)


def issue_create(request: SignedIn, key: str) -> HttpResponse:
    program = find_program(request, key)
    require(request.user, Act.EDIT, program)
    form = IssueForm(posted(request), program=program)
    if form.is_bound and form.is_valid():
        with explaining(form):
            row = services.create_issue(program=program, by=request.user, today=today(), **form.changes)
            return done(request, _("Raised the issue."), f"/issues/{row.pk}")
    context = {
        "form": form,
        "title": _("New issue"),
        "crumbs": _issue_crumbs(program),
        "cancel_url": f"{program.get_absolute_url()}/issues",
        "submit_label": _("Raise issue"),
    }
    return form_page(request, context)


def issue_edit(request: SignedIn, pk: int) -> HttpResponse:
    row = find_issue(request, pk)
    require(request.user, Act.EDIT, row.program)
    here = f"/issues/{row.pk}"
    form = narrowed(request, IssueForm(posted(request), program=row.program, row=row))
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.change_issue(issue=row, by=request.user, **form.changes)
            return done(request, _("Saved the issue."), here, kept=form.kept)
    context = {
        "form": form,
        "title": _("Edit issue"),
        "sub": row.title,
        "crumbs": [*_issue_crumbs(row.program), (row.title, here)],
        "cancel_url": here,
        "delete_url": f"{here}/delete",
    }
    return form_page(request, context)


@require_POST
def issue_close(request: SignedIn, pk: int) -> HttpResponse:
    row = find_issue(request, pk)
    require(request.user, Act.EDIT, row.program)
    return attempt(
        request,
        lambda: services.close_issue(issue=row, by=request.user, on=today()),
        _("Closed the issue."),
        f"/issues/{row.pk}",
    )


@require_POST
def issue_reopen(request: SignedIn, pk: int) -> HttpResponse:
    row = find_issue(request, pk)
    require(request.user, Act.EDIT, row.program)
    return attempt(
        request,
        lambda: services.reopen_issue(issue=row, by=request.user),
        _("The issue is open again."),
        f"/issues/{row.pk}",
    )


def issue_delete(request: SignedIn, pk: int) -> HttpResponse:
    row = find_issue(request, pk)
    require(request.user, Act.EDIT, row.program)
    return delete(
        request,
        lambda: services.delete_issue(issue=row, by=request.user),
        row=row,
        to=f"{row.program.get_absolute_url()}/issues",
        back=f"/issues/{row.pk}",
        crumbs=_issue_crumbs(row.program),
    )
