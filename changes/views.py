"""Taking a change back from the message that told of it, and starting a program with its plan."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from changes import catalogue, services
from changes.forms import CopyForm, StartForm, TemplateForm
from history.forms import explaining
from history.models import ChangeSet
from people.pages import SignedIn, back_to, done, posted, refused
from people.permissions import OrgAct, may
from people.permissions import require as require_org
from people.services import today
from programs.models import Program
from programs.pages import find_program

MOST_COPIED = 8


@require_POST
def undo(request: SignedIn) -> HttpResponse:
    asked = request.POST.get("change_set", "")
    own = ChangeSet.objects.filter(by_id=request.user.pk)
    change_set = get_object_or_404(own, pk=int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 19 else 0)
    to = back_to(request.POST, "/")
    try:
        gone = services.undo(change_set=change_set, by=request.user, at=timezone.now())
    except ValidationError as refusal:
        return refused(request, refusal, to)
    went = (instead for page, instead in gone.items() if to == page or to.startswith((f"{page}/", f"{page}?")))
    if change_set.is_undo:
        return done(request, _("Done again. The forecast follows within seconds."), next(went, to))
    return done(request, _("Taken back. The forecast follows within seconds."), next(went, to), again=True)


# -- starting a program ----------------------------------------------------------------------------------------------


@require_safe
def program_new(request: SignedIn) -> HttpResponse:
    """The ways to a new program: from a template, from a table, by hand, or a copy of one that the reader sees."""
    require_org(request.user, OrgAct.CREATE_PROGRAM)
    context = {
        "title": _("New program"),
        "sub": _("Begin with what is there. Everything can be changed afterwards."),
        "templates": catalogue.TEMPLATES,
        "may_import": may(request.user, OrgAct.IMPORT),
        "copied": Program.objects.visible_to(request.user).order_by("-id")[:MOST_COPIED],
    }
    return render(request, "changes/program_new.html", context)


def program_from_template(request: SignedIn, slug: str) -> HttpResponse:
    require_org(request.user, OrgAct.CREATE_PROGRAM)
    template = catalogue.find(slug)
    if template is None:
        raise Http404
    form = TemplateForm(posted(request), template=template, by=request.user, today=today(timezone.now()))
    return _start(
        request,
        form,
        _("New program: %(name)s") % {"name": template.name},
        template.summary,
        f"Start from “{template.name}”",
    )


def program_copy(request: SignedIn, key: str) -> HttpResponse:
    program = find_program(request, key)
    require_org(request.user, OrgAct.CREATE_PROGRAM)
    form = CopyForm(posted(request), program=program, by=request.user, today=today(timezone.now()))
    sub = _("Its plan as it is now, on other days. Hand-offs, people, updates and what is done stay behind.")
    return _start(request, form, _("Copy %(name)s") % {"name": program.name}, sub, "Copy a program")


def _start(request: SignedIn, form: StartForm, title: str, sub: str, reason: str) -> HttpResponse:
    """Show what would be created, on the days that were asked for; then create it."""
    if form.is_bound and form.is_valid() and "preview" not in request.POST:
        with explaining(form):
            program = services.start_program(
                plan=form.plan, by=request.user, today=form.today, reason=reason, **form.changes
            )
            said = _("Created %(name)s with its plan. Its forecast follows within seconds.") % {"name": program.name}
            return done(request, said, program.get_absolute_url())
    context = {
        "form": form,
        "title": title,
        "sub": sub,
        "crumbs": [(_("New program"), "/programs/new")],
        "cancel_url": "/programs/new",
        "plan": form.counted_plan,
        "is_past": form.counted_plan.start_on is not None and form.counted_plan.start_on < form.today,
    }
    return render(request, "changes/program_start.html", context, status=form.status)
