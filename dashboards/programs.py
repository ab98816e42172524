"""Pages that change a program as a whole: they ask for the cause of a move, and count what a deletion takes along."""

from __future__ import annotations

from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

import milestones.services
import programs.services
from dashboards.forms import ProgramChangeForm
from history.forms import explaining
from milestones.models import Dependency
from people.pages import SignedIn, delete, done, form_page, narrowed, posted
from people.permissions import OrgAct
from people.permissions import may as may_org
from programs.models import Program, Role
from programs.pages import find_program, program_crumbs
from programs.permissions import Act, acts, may, require


def program_edit(request: SignedIn, key: str) -> HttpResponse:
    program = find_program(request, key)
    require(request.user, Act.EDIT, program)
    here = program.get_absolute_url()
    form = narrowed(request, ProgramChangeForm(posted(request), by=request.user, row=program))
    if form.is_bound and form.is_valid():
        with explaining(form):
            milestones.services.move_program_target(
                program=program, by=request.user, at=timezone.now(), **form.move, **form.related, **form.changes
            )
            return done(request, "Saved. The forecast follows within seconds.", here, kept=form.kept)
    context = {
        "form": form,
        "title": "Edit program",
        "crumbs": program_crumbs(program),
        "cancel_url": here,
        "delete_url": f"{here}/delete" if may(request.user, Act.DELETE, program) else None,
    }
    return form_page(request, context)


@require_safe
def program_settings(request: SignedIn, key: str) -> HttpResponse:
    """What a program is called, who may see and change it, and how it ends: all in one place."""
    program = find_program(request, key)
    allowed = acts(request.user, program)
    roles = program.roles.order_by().values_list("kind").annotate(many=Count("pk"))
    counts = dict(roles)
    phases = program.phases.count()
    context = {
        "program": program,
        "place": "settings",
        "title": "Settings",
        "crumbs": program_crumbs(program),
        "roles": [(kind.label, counts[kind]) for kind in Role.Kind if counts.get(kind)],
        "open_slots": program.slots.filter(person=None).count(),
        "phases": phases,
        "may_edit": Act.EDIT in allowed,
        "may_manage": Act.MANAGE in allowed,
        "may_rank": Act.RANK in allowed,
        "may_plan": Act.PLAN in allowed,
        "may_delete": Act.DELETE in allowed,
        "may_copy": may_org(request.user, OrgAct.CREATE_PROGRAM),
    }
    return render(request, "dashboards/program_settings.html", context)


def effect_of_deleting(program: Program) -> str:
    """What goes with a program, in words."""
    links = Dependency.objects.filter(Q(predecessor__program=program) | Q(successor__program=program))
    counts = [
        (program.milestones.count(), "milestone", "milestones"),
        (links.count(), "link between milestones", "links between milestones"),
        (program.risks.count() + program.issues.count(), "risk or issue", "risks and issues"),
        (program.decisions.count(), "decision", "decisions"),
        (program.kpis.count(), "KPI", "KPIs"),
        (program.updates.count(), "update", "updates"),
    ]
    gone = [f"{count} {one if count == 1 else many}" for count, one, many in counts if count]
    listed = ", ".join(gone[:-1]) + (" and " if gone[1:] else "") + "".join(gone[-1:])
    across = links.exclude(predecessor__program=program, successor__program=program).count()
    words = [f"With it go {listed}." if gone else "Nothing hangs on it yet."]
    if across:
        waits = "1 of the links leads" if across == 1 else f"{across} of the links lead"
        words.append(f"{waits} to other programs, whose forecasts will change.")
    words.append("To keep it readable, set its state to Cancelled instead.")
    return " ".join(words)


def program_delete(request: SignedIn, key: str) -> HttpResponse:
    program = find_program(request, key)
    require(request.user, Act.DELETE, program)
    return delete(
        request,
        lambda: programs.services.delete_program(program=program, by=request.user),
        row=program,
        to="/",
        back=f"{program.get_absolute_url()}/settings",
        consequence=effect_of_deleting(program),
        crumbs=program_crumbs(program, ("Settings", f"{program.get_absolute_url()}/settings")),
        typed=program.key,
    )
