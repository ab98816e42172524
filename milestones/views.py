"""Pages that write the plan. The pages that show it beside its forecast are in ``dashboards/plan.py``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

import people.permissions
import people.services
from history.forms import explaining
from milestones import services
from milestones.forms import (
    AnswerForm,
    BulkMilestoneForm,
    DependencyForm,
    FromList,
    LinkForm,
    MilestoneForm,
    ProgramChoice,
    ReplyForm,
    RequirementForm,
    SlipCauseForm,
    WorkstreamForm,
)
from milestones.hand_offs import seen
from milestones.models import Dependency, Milestone, Requirement, SlipCause, Workstream
from milestones.scope import Scope
from people.pages import SignedIn, attempt, bulk_edit, delete, done, form_page, narrowed, paged, posted
from people.permissions import OrgAct
from programs.models import Program
from programs.pages import Crumbs, find_program, program_crumbs
from programs.permissions import Act, acts, may, require

PLAN_FIELDS = set(MilestoneForm.names) - services.NOT_PLAN_FIELDS


def today() -> date:
    return people.services.today(timezone.now())


def _milestone_crumbs(milestone: Milestone) -> Crumbs:
    return program_crumbs(
        milestone.program,
        ("Milestones", f"{milestone.program.get_absolute_url()}/milestones"),
        (milestone.name, f"/m/{milestone.pk}"),
    )


# -- milestones ------------------------------------------------------------------------------------------------------


def find_milestone(request: SignedIn, pk: int) -> Milestone:
    rows = Milestone.objects.visible_to(request.user).select_related("program__lead", "owner", "team", "workstream")
    return get_object_or_404(rows, pk=pk)


def milestone_create(request: SignedIn, key: str) -> HttpResponse:
    program = find_program(request, key)
    require(request.user, Act.EDIT, program)
    back = f"{program.get_absolute_url()}/milestones"
    form = MilestoneForm(posted(request), program=program, by=request.user)
    if form.is_bound and form.is_valid():
        with explaining(form):
            row = services.create_milestone(program=program, by=request.user, today=today(), **form.changes)
            return done(request, f"Added “{row.name}”. Its forecast follows within seconds.", f"/m/{row.pk}")
    context = {
        "form": form,
        "title": "New milestone",
        "crumbs": program_crumbs(program, ("Milestones", back)),
        "cancel_url": back,
        "submit_label": "Add milestone",
    }
    return form_page(request, context)


def milestone_edit(request: SignedIn, pk: int) -> HttpResponse:
    milestone = find_milestone(request, pk)
    require(request.user, Act.EDIT, milestone.program)
    here = f"/m/{milestone.pk}"
    form = narrowed(request, MilestoneForm(posted(request), program=milestone.program, by=request.user, row=milestone))
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.change_milestone(
                milestone=milestone, by=request.user, today=today(), at=timezone.now(), **form.move, **form.changes
            )
            return done(request, "Saved. The forecast follows within seconds.", here, kept=form.kept)
    return form_page(request, edit_context(request, milestone, form))


def edit_context(request: SignedIn, milestone: Milestone, form: MilestoneForm) -> dict[str, Any]:
    """What the form of a milestone stands in; of fields that forecasts read, with the address of their impact."""
    here = f"/m/{milestone.pk}"
    query = f"?{request.GET.urlencode()}" if request.GET else ""
    return {
        "form": form,
        "title": "Edit milestone",
        "sub": milestone.name,
        "crumbs": _milestone_crumbs(milestone),
        "action": f"{here}/edit{query}",
        "impact_url": f"{here}/impact{query}" if form.fields.keys() & PLAN_FIELDS else "",
        "cancel_url": here,
        "delete_url": f"{here}/delete"
        if may(request.user, services.act_of_deleting(milestone), milestone.program)
        else None,
    }


def milestone_delete(request: SignedIn, pk: int) -> HttpResponse:
    milestone = find_milestone(request, pk)
    require(request.user, services.act_of_deleting(milestone), milestone.program)
    return delete(
        request,
        lambda: services.delete_milestone(milestone=milestone, by=request.user),
        row=milestone,
        to=f"{milestone.program.get_absolute_url()}/milestones",
        back=f"/m/{milestone.pk}",
        consequence="Its links, hand-offs and risk impacts go with it. Its history is kept.",
        crumbs=_milestone_crumbs(milestone),
    )


def _milestone_button(request: SignedIn, pk: int, message: str, **changes: Any) -> HttpResponse:
    milestone = find_milestone(request, pk)
    require(request.user, Act.EDIT, milestone.program)
    return attempt(
        request,
        lambda: services.change_milestone(
            milestone=milestone, by=request.user, today=today(), at=timezone.now(), **changes
        ),
        message,
        f"/m/{milestone.pk}",
    )


@require_POST
def milestone_finish(request: SignedIn, pk: int) -> HttpResponse:
    return _milestone_button(request, pk, "Marked as done today.", done_on=today(), cancelled_on=None)


@require_POST
def milestone_cancel(request: SignedIn, pk: int) -> HttpResponse:
    return _milestone_button(request, pk, "Cancelled: nothing waits for it any more.", cancelled_on=today())


@require_POST
def milestone_reopen(request: SignedIn, pk: int) -> HttpResponse:
    return _milestone_button(request, pk, "Open again.", done_on=None, cancelled_on=None)


@require_http_methods(["GET", "POST"])
def milestones_bulk(request: SignedIn) -> HttpResponse:
    """Change the same in many milestones, of one program or of several."""
    now = timezone.now()
    on = people.services.today(now)

    def write(row: Milestone, form: BulkMilestoneForm) -> None:
        services.change_milestone(milestone=row, by=request.user, today=on, at=now, **form.changes_of(row))

    return bulk_edit(
        request,
        Milestone.objects.visible_to(request.user).select_related("program__lead"),
        lambda data, rows: BulkMilestoneForm(data, rows, by=request.user),
        write,
        plural="milestones",
        to="/",
    )


# -- links -----------------------------------------------------------------------------------------------------------


def find_link(request: SignedIn, pk: int) -> Dependency:
    rows = Dependency.objects.visible_to(request.user).select_related(
        "predecessor__program__lead", "successor__program__lead"
    )
    return get_object_or_404(rows, pk=pk)


def link_create(request: SignedIn, pk: int) -> HttpResponse:
    """Two steps that work without a script: whose milestone, then which one."""
    receiver = find_milestone(request, pk)
    require(request.user, Act.EDIT, receiver.program)
    here = f"/m/{receiver.pk}"
    choice = ProgramChoice(
        request.GET if "program" in request.GET else None, viewer=request.user, first=receiver.program
    )
    context = {
        "title": "New link",
        "sub": f"{receiver.name} waits for another milestone.",
        "crumbs": _milestone_crumbs(receiver),
        "cancel_url": here,
        "receiver": receiver,
        "choice": choice,
    }
    if not (choice.is_bound and choice.is_valid()):
        return render(request, "milestones/link_program.html", context)
    giver = choice.cleaned_data["program"]
    form = LinkForm(posted(request), giver=giver, receiver=receiver)
    if form.is_bound and form.is_valid():
        with explaining(form):
            link = services.link(successor=receiver, by=request.user, **form.changes)
            asked = f"Asked {giver.name} for “{link.predecessor.name}”." if giver != receiver.program else "Linked."
            return done(request, asked, here)
    context |= {"form": form, "giver": giver, "submit_label": "Link" if giver == receiver.program else "Ask for it"}
    return render(request, "milestones/link_form.html", context, status=form.status)


def link_edit(request: SignedIn, pk: int) -> HttpResponse:
    link = find_link(request, pk)
    giver, receiver = link.predecessor.program, link.successor.program
    may_receive, may_promise = may(request.user, Act.EDIT, receiver), may(request.user, Act.AGREE, giver)
    if not (may_receive or may_promise):
        raise PermissionDenied("You cannot change this link: you have a part in neither of its programs.")
    form = DependencyForm(
        posted(request), row=link, may_receive=may_receive, may_promise=may_promise, crosses=giver != receiver
    )
    back = f"/m/{link.successor_id if may_receive else link.predecessor_id}"
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.change_dependency(dependency=link, by=request.user, at=timezone.now(), **form.move, **form.changes)
            return done(request, "Saved the link.", back, kept=form.kept)
    context = {
        "form": form,
        "title": "Edit link" if giver == receiver else "Edit hand-off",
        "link": seen([link], request.user)[0],
        "crumbs": [("Dependencies", "/dependencies")],
        "cancel_url": back,
        "delete_url": f"/links/{link.pk}/delete" if may_receive and not services.is_kept(link, request.user) else None,
    }
    return render(request, "milestones/hand_off_form.html", context, status=form.status)


def link_answer(request: SignedIn, pk: int) -> HttpResponse:
    link = find_link(request, pk)
    return _word(
        request,
        link,
        link.predecessor.program,
        AnswerForm(posted(request), row=link),
        services.answer_hand_off,
        title="Answer hand-off",
        verb="Answer",
        said="Answered; the receiver sees it at once.",
    )


def link_reply(request: SignedIn, pk: int) -> HttpResponse:
    link = find_link(request, pk)
    return _word(
        request,
        link,
        link.successor.program,
        ReplyForm(posted(request), row=link),
        services.reply_to_giver,
        title="Reply to the giver",
        verb="Reply",
        said="Replied; the giver sees it at once.",
    )


def _word(
    request: SignedIn,
    link: Dependency,
    side: Program,
    form: FromList,
    write: Callable[..., object],
    *,
    title: str,
    verb: str,
    said: str,
) -> HttpResponse:
    """What one side of a hand-off says to the other."""
    require(request.user, Act.AGREE, side)
    hand_offs = f"{side.get_absolute_url()}/dependencies"
    back = f"{hand_offs}?layout=table#link-{link.pk}"
    if form.is_bound and form.is_valid():
        given = form.cleaned_data
        back = given.pop("back") or back
        with explaining(form):
            write(dependency=link, by=request.user, on=today(), at=timezone.now(), **given)
            return done(request, said, back)
    context = {
        "form": form,
        "title": title,
        "link": seen([link], request.user)[0],
        "crumbs": program_crumbs(side, ("Dependencies", hand_offs)),
        "cancel_url": back,
        "submit_label": verb,
    }
    return render(request, "milestones/hand_off_form.html", context, status=422 if form.errors else 200)


def link_delete(request: SignedIn, pk: int) -> HttpResponse:
    link = find_link(request, pk)
    require(request.user, Act.EDIT, link.successor.program)
    services.refuse_undoing(link, request.user)
    shown = seen([link], request.user)[0]
    giver = f"{shown.predecessor.program.name}: {shown.predecessor.name}" if shown.predecessor else "a private program"
    context = {
        "title": "Remove link",
        "question": f"“{link.successor.name}” waits for {giver}. Remove this link?",
        "consequence": "Its forecast no longer waits. The history of the link is kept.",
        "verb": "Remove link",
        "cancel_url": f"/m/{link.successor_id}",
        "crumbs": _milestone_crumbs(link.successor),
    }
    if request.method == "POST":
        return attempt(
            request,
            lambda: services.unlink(dependency=link, by=request.user),
            "Removed the link.",
            f"/m/{link.successor_id}",
        )
    return render(request, "components/confirm_delete.html", context)


# -- workstreams -----------------------------------------------------------------------------------------------------


def workstreams(request: SignedIn, key: str) -> HttpResponse:
    program = find_program(request, key)
    rows = program.workstreams.annotate(milestone_count=Count("milestones")).order_by("position", "name", "id")
    may_edit = may(request.user, Act.EDIT, program)
    here = f"{program.get_absolute_url()}/workstreams"
    context = {
        "program": program,
        "place": "milestones",
        "page": paged(request, rows),
        "title": "Workstreams",
        "crumbs": program_crumbs(program),
        "may_edit": may_edit,
        "primary_url": f"{here}/new" if may_edit else None,
        "primary_label": "New workstream",
        "empty_heading": "No workstreams yet",
        "empty_text": "A workstream groups the milestones that one part of the program delivers.",
    }
    return render(request, "milestones/workstreams.html", context)


def workstream_create(request: SignedIn, key: str) -> HttpResponse:
    program = find_program(request, key)
    require(request.user, Act.EDIT, program)
    back = f"{program.get_absolute_url()}/workstreams"
    form = WorkstreamForm(posted(request))
    if form.is_bound and form.is_valid():
        with explaining(form):
            row = services.create_workstream(program=program, by=request.user, **form.changes)
            return done(request, f"Added “{row.name}”.", back)
    context = {
        "form": form,
        "title": "New workstream",
        "crumbs": program_crumbs(program, ("Workstreams", back)),
        "cancel_url": back,
        "submit_label": "Add workstream",
    }
    return form_page(request, context)


def find_workstream(request: SignedIn, pk: int) -> Workstream:
    return get_object_or_404(Workstream.objects.visible_to(request.user).select_related("program__lead"), pk=pk)


def workstream_edit(request: SignedIn, pk: int) -> HttpResponse:
    workstream = find_workstream(request, pk)
    program = workstream.program
    require(request.user, Act.EDIT, program)
    back = f"{program.get_absolute_url()}/workstreams"
    form = narrowed(request, WorkstreamForm(posted(request), row=workstream))
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.change_workstream(workstream=workstream, by=request.user, **form.changes)
            return done(request, "Saved the workstream.", back, kept=form.kept)
    context = {
        "form": form,
        "title": "Edit workstream",
        "crumbs": program_crumbs(program, ("Workstreams", back)),
        "cancel_url": back,
        "delete_url": f"/workstreams/{workstream.pk}/delete",
    }
    return form_page(request, context)


def workstream_delete(request: SignedIn, pk: int) -> HttpResponse:
    workstream = find_workstream(request, pk)
    program = workstream.program
    require(request.user, Act.EDIT, program)
    back = f"{program.get_absolute_url()}/workstreams"
    return delete(
        request,
        lambda: services.delete_workstream(workstream=workstream, by=request.user),
        row=workstream,
        to=back,
        back=back,
        consequence="Its milestones stay, without a workstream.",
        crumbs=program_crumbs(program, ("Workstreams", back)),
    )


# -- requirements ----------------------------------------------------------------------------------------------------


def requirements(request: SignedIn, key: str) -> HttpResponse:
    program = find_program(request, key)
    here = f"{program.get_absolute_url()}/requirements"
    scope = Scope.of(program)
    shown = request.GET.get("show", "")
    rows = Requirement.objects.filter(program=program)
    kinds = {
        "in": ("In scope", scope.inside, rows.filter(in_scope=True)),
        "out": ("Out", scope.outside, rows.filter(in_scope=False)),
        "added": ("Added since baseline", scope.added, rows.added_since(scope.baseline_on)),
        "loose": ("Without a milestone", scope.loose, rows.without_milestone()),
    }
    tabs = [{"label": "All", "url": here, "count": scope.inside + scope.outside, "current": shown not in kinds}]
    for name, (label, count, some) in kinds.items():
        tabs.append({"label": label, "url": f"{here}?show={name}", "count": count, "current": shown == name})
        rows = some if shown == name else rows
    allowed = acts(request.user, program)
    may_edit = Act.EDIT in allowed
    context = {
        "program": program,
        "may_plan": Act.PLAN in allowed,
        "place": "requirements",
        "page": paged(request, rows.select_related("milestone").by_priority()),
        "title": "Requirements",
        "sub": scope.sentence,
        "crumbs": program_crumbs(program),
        "tabs": tabs,
        "tabs_label": "Which requirements",
        "may_edit": may_edit,
        "primary_url": f"{here}/new" if may_edit else None,
        "primary_label": "New requirement",
        "empty_heading": "No requirements yet",
        "empty_text": "Say what the program must, should and could deliver, and which milestone delivers it.",
        "filtered": shown in kinds,
    }
    return render(request, "milestones/requirements.html", context)


def requirement_create(request: SignedIn, key: str) -> HttpResponse:
    program = find_program(request, key)
    require(request.user, Act.EDIT, program)
    back = f"{program.get_absolute_url()}/requirements"
    form = RequirementForm(posted(request), program=program, by=request.user)
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.create_requirement(program=program, by=request.user, today=today(), **form.changes)
            return done(request, "Added the requirement.", back)
    context = {
        "form": form,
        "title": "New requirement",
        "crumbs": program_crumbs(program, ("Requirements", back)),
        "cancel_url": back,
        "submit_label": "Add requirement",
    }
    return form_page(request, context)


def find_requirement(request: SignedIn, pk: int) -> Requirement:
    return get_object_or_404(Requirement.objects.visible_to(request.user).select_related("program__lead"), pk=pk)


def requirement_edit(request: SignedIn, pk: int) -> HttpResponse:
    requirement = find_requirement(request, pk)
    program = requirement.program
    require(request.user, Act.EDIT, program)
    back = f"{program.get_absolute_url()}/requirements"
    form = narrowed(request, RequirementForm(posted(request), program=program, by=request.user, row=requirement))
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.change_requirement(requirement=requirement, by=request.user, today=today(), **form.changes)
            return done(request, "Saved the requirement.", back, kept=form.kept)
    context = {
        "form": form,
        "title": "Edit requirement",
        "crumbs": program_crumbs(program, ("Requirements", back)),
        "cancel_url": back,
        "delete_url": f"/requirements/{requirement.pk}/delete",
    }
    return form_page(request, context)


def requirement_delete(request: SignedIn, pk: int) -> HttpResponse:
    requirement = find_requirement(request, pk)
    program = requirement.program
    require(request.user, Act.EDIT, program)
    back = f"{program.get_absolute_url()}/requirements"
    return delete(
        request,
        lambda: services.delete_requirement(requirement=requirement, by=request.user),
        row=requirement,
        to=back,
        back=back,
        crumbs=program_crumbs(program, ("Requirements", back)),
    )


# -- causes of slips -------------------------------------------------------------------------------------------------

CAUSES = "/settings/slip-causes"
SETTINGS: Crumbs = [("Settings", "/settings")]


def slip_causes(request: SignedIn) -> HttpResponse:
    people.permissions.require(request.user, OrgAct.MANAGE_ORGANISATION)
    rows = SlipCause.objects.annotate(move_count=Count("date_moves")).order_by("position", "name", "id")
    context = {
        "page": paged(request, rows),
        "title": "Causes of slips",
        "crumbs": SETTINGS,
        "sub": "Whoever moves a promised date chooses one. Keep the list short: slips are explained by it later.",
        "primary_url": f"{CAUSES}/new",
        "primary_label": "New cause",
        "empty_heading": "No causes yet",
        "empty_text": "Without one, nobody can move a promised date.",
    }
    return render(request, "milestones/slip_causes.html", context)


def slip_cause_create(request: SignedIn) -> HttpResponse:
    people.permissions.require(request.user, OrgAct.MANAGE_ORGANISATION)
    form = SlipCauseForm(posted(request))
    if form.is_bound and form.is_valid():
        with explaining(form):
            row = services.create_slip_cause(by=request.user, **form.changes)
            return done(request, f"Added “{row.name}”.", CAUSES)
    context = {
        "form": form,
        "title": "New cause",
        "crumbs": [*SETTINGS, ("Causes of slips", CAUSES)],
        "cancel_url": CAUSES,
        "submit_label": "Add cause",
    }
    return form_page(request, context)


def slip_cause_edit(request: SignedIn, pk: int) -> HttpResponse:
    people.permissions.require(request.user, OrgAct.MANAGE_ORGANISATION)
    row = get_object_or_404(SlipCause, pk=pk)
    form = SlipCauseForm(posted(request), row=row)
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.change_slip_cause(slip_cause=row, by=request.user, **form.changes)
            return done(request, "Saved the cause.", CAUSES, kept=form.kept)
    context = {
        "form": form,
        "title": "Edit cause",
        "crumbs": [*SETTINGS, ("Causes of slips", CAUSES)],
        "cancel_url": CAUSES,
    }
    return form_page(request, context)


@require_POST
def slip_cause_retire(request: SignedIn, pk: int) -> HttpResponse:
    """Take a cause off the list, or put it back: what it explained keeps it."""
    people.permissions.require(request.user, OrgAct.MANAGE_ORGANISATION)
    row = get_object_or_404(SlipCause, pk=pk)
    retired_on = None if row.retired_on else today()
    return attempt(
        request,
        lambda: services.change_slip_cause(slip_cause=row, by=request.user, retired_on=retired_on),
        f"“{row.name}” is off the list." if retired_on else f"“{row.name}” is on the list again.",
        CAUSES,
    )
