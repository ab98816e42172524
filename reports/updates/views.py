"""Pages of updates: the list, one as it was said, its corrections; they are written in the editor."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from people.pages import SignedIn, delete, paged
from programs.models import Program, Subject
from programs.pages import Crumbs, find_program, program_crumbs
from programs.permissions import Act, acts, may, require
from programs.threads import thread_of
from reports.models import Update
from reports.updates import services, snapshot
from reports.updates.comparing import compare
from reports.updates.drafting.sentences import read, seen


def update_of(request: SignedIn, pk: int) -> Update:
    """An update that the reader may see: published ones, and drafts where they may report."""
    found = Update.objects.visible_to(request.user)
    update = get_object_or_404(found.select_related("program__lead", "author", "path_owner"), pk=pk)
    if update.published_at is None and not may(request.user, Act.REPORT, update.program):
        raise Http404
    return update


def update_crumbs(program: Program) -> Crumbs:
    return program_crumbs(program, (_("Updates"), reverse("update_list", args=[program.key])))


@require_safe
def update_list(request: SignedIn, key: str) -> HttpResponse:
    program = find_program(request, key)
    can_report = may(request.user, Act.REPORT, program)
    newer = Update.objects.published().filter(corrects=OuterRef("pk"))
    rows = program.updates.select_related("author").annotate(is_corrected=Exists(newer))
    rows = rows.defer("snapshot", "sentences").order_by("-published_at", "-id")
    context = {
        "title": _("Updates"),
        "sub": program.name,
        "crumbs": program_crumbs(program),
        "program": program,
        "page": paged(request, rows if can_report else rows.published()),
        "primary_url": reverse("update_begin", args=[program.key]) if can_report else "",
        "primary_label": _("Write update"),
        "empty_heading": _("No updates yet"),
        "empty_text": _("Each week the lead says how the program stands, in a few sentences."),
    }
    return render(request, "reports/update_list.html", context)


@require_safe
def update_detail(request: SignedIn, pk: int) -> HttpResponse:
    """An update as it was said, with the facts of that moment, what changed since the one before, and its sources."""
    update = update_of(request, pk)
    program = update.program
    facts = update.snapshot or snapshot.take(program, timezone.now())
    sentences = read(update.sentences)
    visible = Program.objects.visible_to(request.user)
    named = {source.program for sentence in sentences for source in sentence.sources}
    may_report = may(request.user, Act.REPORT, program)
    newer = program.updates.published().filter(corrects=update).first()
    earlier = before(update)
    context: dict[str, Any] = {
        "title": (_("%(program)s: correction") if update.corrects_id else _("%(program)s: update"))
        % {"program": program.name},
        "crumbs": update_crumbs(program),
        "program": program,
        "update": update,
        "facts": snapshot.shown(facts),
        "sentences": seen(sentences, set(visible.filter(pk__in=named).values_list("pk", flat=True)) if named else ()),
        "corrected_by": newer,
        "before": earlier,
        "turned": compare(earlier, update) if earlier else [],
        "may_correct": may_report and bool(update.published_at) and newer is None,
        "thread": thread_of(program, Subject.UPDATE, update.pk, f"/u/{update.pk}", acts(request.user, program))
        if update.published_at
        else None,
        "primary_url": "" if update.published_at else reverse("update_change", args=[update.pk]),
        "primary_label": _("Edit draft"),
        "primary_icon": "pencil",
    }
    return render(request, "reports/update.html", context)


def before(update: Update) -> Update | None:
    """What was published before: what a correction corrects, else the update that this one counts its news from."""
    if update.corrects_id:
        return Update.objects.select_related("path_owner").defer("snapshot", "sentences").get(pk=update.corrects_id)
    pk = ((update.snapshot or {}).get("since") or {}).get("update")
    if pk is None:
        return None
    rows = Update.objects.published().filter(program=update.program_id, pk=pk)
    return rows.defer("snapshot", "sentences").select_related("path_owner").first()


@require_POST
def update_correct(request: SignedIn, pk: int) -> HttpResponse:
    """Begin a correction, or go on with the one that is there."""
    update = update_of(request, pk)
    require(request.user, Act.REPORT, update.program)
    if update.published_at is None or update.corrections.published().exists():
        raise Http404
    draft = services.begin_correction(update=update, by=request.user, at=timezone.now())
    return redirect("update_change", draft.pk)


@require_http_methods(["GET", "HEAD", "POST"])
def update_discard(request: SignedIn, pk: int) -> HttpResponse:
    update = update_of(request, pk)
    require(request.user, Act.REPORT, update.program)
    if update.published_at:
        raise Http404
    return delete(
        request,
        lambda: services.discard_update(update=update, by=request.user),
        row=update,
        to=reverse("update_list", args=[update.program.key]),
        back=reverse("update_change", args=[update.pk]),
        consequence=_("The draft is gone; nothing that was published changes."),
        crumbs=update_crumbs(update.program),
    )
