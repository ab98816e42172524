"""Programs that have to do with one another."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_safe

from history.forms import explaining
from people.pages import SignedIn, done, posted
from programs import services
from programs.forms import (
    RelatedForm,
)
from programs.models import Program, RelatedLink
from programs.pages import find_program, program_crumbs
from programs.permissions import Act, may, require
from programs.views.removal import remove

# How a link reads from its other end.
SEEN_FROM_THERE = {
    RelatedLink.Kind.SEE_ALSO: lazy("see also"),
    RelatedLink.Kind.REPLACES: lazy("is replaced by"),
    RelatedLink.Kind.SUPERSEDED_BY: lazy("supersedes"),
}


@dataclass(frozen=True, slots=True)
class Relation:
    """A related program as it reads on this program's page."""

    link: RelatedLink
    words: str
    other: Program
    may_remove: bool


@require_safe
def related(request: SignedIn, key: str) -> HttpResponse:
    program = find_program(request, key)
    may_edit = may(request.user, Act.EDIT, program)
    links = (
        RelatedLink.objects.visible_to(request.user)
        .filter(Q(program=program) | Q(other=program))
        .select_related("program__lead", "other__lead")
        .order_by("id")
    )
    rows = [
        Relation(link, link.get_kind_display(), link.other, may_edit)
        if link.program_id == program.pk
        else Relation(link, str(SEEN_FROM_THERE[RelatedLink.Kind(link.kind)]), link.program, False)
        for link in links
    ]
    here = f"{program.get_absolute_url()}/related"
    context = {
        "program": program,
        "place": "related",
        "title": _("Related programs"),
        "sub": _("Programs that have to do with this one. Nothing waits for them: that is a hand-off."),
        "crumbs": program_crumbs(program),
        "rows": rows,
        "primary_url": f"{here}/new" if may_edit else None,
        "primary_label": _("Relate a program"),
        "empty_heading": _("No related programs"),
        "empty_text": _("Link what this program replaces, or what its readers should see as well."),
    }
    return render(request, "programs/related.html", context)


def related_create(request: SignedIn, key: str) -> HttpResponse:
    program = find_program(request, key)
    require(request.user, Act.EDIT, program)
    back = f"{program.get_absolute_url()}/related"
    form = RelatedForm(posted(request), program=program, viewer=request.user)
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.relate(program=program, by=request.user, **form.cleaned_data)
            return done(request, _("Related to %(name)s.") % {"name": form.cleaned_data["other"].name}, back)
    context = {
        "form": form,
        "title": _("Relate a program"),
        "sub": program.name,
        "crumbs": program_crumbs(program, (_("Related programs"), back)),
        "cancel_url": back,
        "submit_label": _("Relate"),
    }
    return render(request, "form_base.html", context, status=422 if form.errors else 200)


def related_delete(request: SignedIn, pk: int) -> HttpResponse:
    rows = RelatedLink.objects.visible_to(request.user).select_related("program__lead", "other")
    link = get_object_or_404(rows, pk=pk)
    program = link.program
    require(request.user, Act.EDIT, program)
    back = f"{program.get_absolute_url()}/related"
    return remove(
        request,
        lambda: services.unrelate(link=link, by=request.user),
        question=_("%(program)s: %(kind)s %(other)s. Remove this link?")
        % {"program": program.name, "kind": link.get_kind_display(), "other": link.other.name},
        consequence=_("Both programs stay as they are."),
        verb=_("Remove link"),
        back=back,
        crumbs=program_crumbs(program, (_("Related programs"), back)),
    )
