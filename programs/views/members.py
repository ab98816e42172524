"""People of a program: roles, and slots that are filled or open."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import F
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from history import past
from history.forms import explaining
from people import charts
from people.hours import shared_hours
from people.models import User
from people.pages import SignedIn, delete, done, form_page, narrowed, posted
from programs import services
from programs.forms import (
    RoleForm,
    SlotForm,
)
from programs.models import Program, Role, Slot
from programs.pages import Crumbs, find_program, looks_back, program_crumbs
from programs.permissions import Act, acts, require
from programs.views.removal import remove


def _people_url(program: Program) -> str:
    return f"{program.get_absolute_url()}/people"


def _people_crumbs(program: Program) -> Crumbs:
    return program_crumbs(program, (_("People"), _people_url(program)))


def at_work(program: Program, roles: Iterable[Role], slots: Iterable[Slot]) -> list[User]:
    """Who works on a program: its lead and sponsor, who leads or contributes by role, who fills a slot."""
    named = [program.lead, program.sponsor, *(role.user for role in roles if role.kind != Role.Kind.VIEWER)]
    found = {one.pk: one for one in [*named, *(slot.person for slot in slots)] if one and one.is_active}
    return list(found.values())


@require_safe
@looks_back
def program_people(request: SignedIn, key: str) -> HttpResponse:
    program = get_object_or_404(
        Program.objects.visible_to(request.user).select_related("lead", "sponsor", "owning_team"), key=key
    )
    allowed = acts(request.user, program)
    roles = list(program.roles.select_related("user").order_by("user__name", "id"))
    order = list(Role.Kind.values)
    slots = list(program.slots.select_related("team", "person").order_by(F("person_id").asc(nulls_first=True), "id"))
    # Nobody's zone of then is known, so no hours of then are shared.
    hours = None if past.day() else shared_hours(at_work(program, roles, slots), request.user, timezone.now())
    context = {
        "program": program,
        "place": "people",
        "title": _("People"),
        "untold": [
            _(
                "Time zones, and who may sign in, are those of today; "
                "the hours that all shared, and who could see the program, are not known of that day."
            )
        ],
        "crumbs": program_crumbs(program),
        "partners": [row.team for row in program.partners.select_related("team").order_by("team__name", "id")],
        "roles": sorted(roles, key=lambda role: order.index(role.kind)),
        "slots": slots,
        "hours": hours,
        "hours_chart": charts.draw(hours) if hours else "",
        "most_rows": charts.MOST_ROWS,
        "open_count": sum(slot.person_id is None for slot in slots),
        "may_manage": Act.MANAGE in allowed,
        "may_edit": Act.EDIT in allowed,
    }
    return render(request, "programs/people.html", context)


def role_give(request: SignedIn, key: str) -> HttpResponse:
    program = find_program(request, key)
    require(request.user, Act.MANAGE, program)
    form = RoleForm(posted(request), program=program)
    if form.is_bound and form.is_valid():
        with explaining(form):
            row = services.give_role(program=program, by=request.user, **form.changes)
            said = _("%(name)s is now %(kind)s of %(program)s.") % {
                "name": row.user.name,
                "kind": row.get_kind_display().lower(),
                "program": program.name,
            }
            return done(request, said, _people_url(program))
    context = {
        "form": form,
        "title": _("Give a role"),
        "crumbs": _people_crumbs(program),
        "cancel_url": _people_url(program),
        "submit_label": _("Give role"),
    }
    return form_page(request, context)


def find_role(request: SignedIn, pk: int) -> Role:
    return get_object_or_404(Role.objects.visible_to(request.user).select_related("program__lead", "user"), pk=pk)


def role_edit(request: SignedIn, pk: int) -> HttpResponse:
    role = find_role(request, pk)
    program = role.program
    require(request.user, Act.MANAGE, program)
    form = narrowed(request, RoleForm(posted(request), program=program, row=role))
    if form.is_bound and form.is_valid():
        with explaining(form):
            kind = form.cleaned_data.get("kind", role.kind)
            services.give_role(program=program, user=role.user, kind=kind, by=request.user)
            return done(request, _("Changed %(name)s's role.") % {"name": role.user.name}, _people_url(program))
    context = {
        "form": form,
        "title": _("Change a role"),
        "crumbs": _people_crumbs(program),
        "cancel_url": _people_url(program),
        "delete_url": f"/roles/{role.pk}/delete",
        "delete_label": _("Take role"),
    }
    return form_page(request, context)


def role_delete(request: SignedIn, pk: int) -> HttpResponse:
    role = find_role(request, pk)
    program = role.program
    require(request.user, Act.MANAGE, program)
    hidden = program.visibility == Program.Visibility.PRIVATE
    return remove(
        request,
        lambda: services.take_role(role=role, by=request.user),
        question=_("%(name)s is %(kind)s of %(program)s. Take this role?")
        % {"name": role.user.name, "kind": role.get_kind_display().lower(), "program": program.name},
        consequence=_("They no longer see this private program.") if hidden else _("They still see the program."),
        verb=_("Take role"),
        back=_people_url(program),
        crumbs=_people_crumbs(program),
    )


def slot_create(request: SignedIn, key: str) -> HttpResponse:
    program = find_program(request, key)
    require(request.user, Act.EDIT, program)
    form = SlotForm(posted(request))
    if form.is_bound and form.is_valid():
        with explaining(form):
            row = services.create_slot(program=program, by=request.user, **form.changes)
            return done(request, _("Added the slot “%(title)s”.") % {"title": row.title}, _people_url(program))
    context = {
        "form": form,
        "title": _("New slot"),
        "sub": _("Somebody whom the program needs; leave the person empty to show that the slot is open."),
        "crumbs": _people_crumbs(program),
        "cancel_url": _people_url(program),
        "submit_label": _("Add slot"),
    }
    return form_page(request, context)


def find_slot(request: SignedIn, pk: int) -> Slot:
    rows = Slot.objects.visible_to(request.user).select_related("program__lead", "person", "team")
    return get_object_or_404(rows, pk=pk)


def slot_edit(request: SignedIn, pk: int) -> HttpResponse:
    slot = find_slot(request, pk)
    program = slot.program
    require(request.user, Act.EDIT, program)
    form = narrowed(request, SlotForm(posted(request), row=slot))
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.change_slot(slot=slot, by=request.user, **form.changes)
            return done(request, _("Saved the slot."), _people_url(program), kept=form.kept)
    context = {
        "form": form,
        "title": _("Edit slot"),
        "crumbs": _people_crumbs(program),
        "cancel_url": _people_url(program),
        "delete_url": f"/slots/{slot.pk}/delete",
    }
    return form_page(request, context)


def slot_delete(request: SignedIn, pk: int) -> HttpResponse:
    slot = find_slot(request, pk)
    require(request.user, Act.EDIT, slot.program)
    back = _people_url(slot.program)
    return delete(
        request,
        lambda: services.delete_slot(slot=slot, by=request.user),
        row=slot,
        to=back,
        back=back,
        crumbs=_people_crumbs(slot.program),
    )
