"""The page that creates an empty program."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils.translation import gettext as _

from history.forms import explaining
from people import permissions as organisation
from people.pages import SignedIn, done, form_page, posted
from people.permissions import OrgAct
from programs import services
from programs.forms import (
    ProgramForm,
)


def program_create(request: SignedIn) -> HttpResponse:
    organisation.require(request.user, OrgAct.CREATE_PROGRAM)
    form = ProgramForm(posted(request), by=request.user)
    if form.is_bound and form.is_valid():
        with explaining(form):
            row = services.create_program(by=request.user, **form.related, **form.changes)
            return done(
                request, _("Created %(name)s. Next: its milestones.") % {"name": row.name}, row.get_absolute_url()
            )
    context = {
        "form": form,
        "title": _("New program"),
        "crumbs": [(_("New program"), "/programs/new")],
        "cancel_url": "/programs/new",
        "submit_label": _("Create program"),
    }
    return form_page(request, context)
