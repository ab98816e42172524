"""Pages that change a program as a whole: they ask for the cause of a move, and count what a deletion takes along."""

from __future__ import annotations

from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

import milestones.services
import risks.services
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
            return done(request, _("Saved. The forecast follows within seconds."), here, kept=form.kept)
    context = {
        "form": form,
        "title": _("Edit program"),
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
        "title": _("Settings"),
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
    milestones, between = program.milestones.count(), links.count()
    log, decisions = program.risks.count() + program.issues.count(), program.decisions.count()
    measures, updates = program.kpis.count(), program.updates.count()
    counts = [
        (milestones, ngettext("%(count)s milestone", "%(count)s milestones", milestones)),
        (between, ngettext("%(count)s link between milestones", "%(count)s links between milestones", between)),
        (log, ngettext("%(count)s risk or issue", "%(count)s risks and issues", log)),
        (decisions, ngettext("%(count)s decision", "%(count)s decisions", decisions)),
        (measures, ngettext("%(count)s KPI", "%(count)s KPIs", measures)),
        (updates, ngettext("%(count)s update", "%(count)s updates", updates)),
    ]
    gone = [form % {"count": count} for count, form in counts if count]
    listed = ", ".join(gone)
    if gone[1:]:
        listed = _("%(names)s and %(last)s") % {"names": ", ".join(gone[:-1]), "last": gone[-1]}
    across = links.exclude(predecessor__program=program, successor__program=program).count()
    words = [_("With it go %(listed)s.") % {"listed": listed} if gone else _("Nothing hangs on it yet.")]
    if across:
        form = ngettext(
            "%(count)s of the links leads to other programs, whose forecasts will change.",
            "%(count)s of the links lead to other programs, whose forecasts will change.",
            across,
        )
        words.append(form % {"count": across})
    words.append(_("To keep it readable, set its state to Cancelled instead."))
    return " ".join(words)


def program_delete(request: SignedIn, key: str) -> HttpResponse:
    program = find_program(request, key)
    require(request.user, Act.DELETE, program)
    return delete(
        request,
        lambda: risks.services.delete_program(program=program, by=request.user),
        row=program,
        to="/",
        back=f"{program.get_absolute_url()}/settings",
        consequence=effect_of_deleting(program),
        crumbs=program_crumbs(program, (_("Settings"), f"{program.get_absolute_url()}/settings")),
        typed=program.key,
    )
