"""What is looked at before it is saved: a change of the health policy, beside its versions, and an edit of the plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_POST, require_safe

import people.services
from forecasts import services
from forecasts.forms import PolicyForm
from forecasts.impact import NOT_SIMULATED, Edits, impact_of
from forecasts.models import HealthPolicy
from forecasts.policy import Turn, newest_policy, preview, proposed
from history.forms import explaining
from milestones.forms import LinkForm, MilestoneForm, ProgramChoice
from milestones.models import Dependency
from milestones.views import links
from milestones.views.milestones import edit_context, find_milestone
from people.models import User
from people.pages import SignedIn, done, form_page, narrowed, paged, posted
from people.permissions import OrgAct, require
from programs.models import Program
from programs.permissions import Act
from programs.permissions import require as require_in

HERE = "/settings/health-policy"
CRUMBS = [(lazy("Settings"), "/settings")]
MOST_TURNS = 200


@require_safe
def policy(request: SignedIn) -> HttpResponse:
    """What derived health is judged by, and what it was judged by before."""
    require(request.user, OrgAct.CHANGE_POLICY)
    context = {
        "page": paged(request, HealthPolicy.objects.select_related("created_by").order_by("-version")),
        "standing": newest_policy(),
        "title": _("Health policy"),
        "crumbs": CRUMBS,
        "primary_url": f"{HERE}/edit",
        "primary_label": _("Change the limits"),
        "primary_icon": "pencil",
        "empty_heading": _("No version yet"),
        "empty_text": _("The limits that ship count until somebody changes them."),
    }
    return render(request, "forecasts/policy.html", context)


def policy_edit(request: SignedIn) -> HttpResponse:
    """Choose limits, see which programs they would judge otherwise, then save them."""
    require(request.user, OrgAct.CHANGE_POLICY)
    standing, now = newest_policy(), timezone.now()
    form = PolicyForm(posted(request), standing=standing)
    context: dict[str, Any] = {
        "form": form,
        "standing": standing,
        "title": _("Change the health policy"),
        "sub": _("Nothing is saved before you have seen what changes."),
        "crumbs": [*CRUMBS, (_("Health policy"), HERE)],
        "cancel_url": HERE,
    }
    if form.is_bound and form.is_valid():
        with explaining(form):
            policy = proposed(standing, form.limits)
            with explaining(form):
                if "save" in request.POST:
                    row = services.change_policy(by=request.user, at=now, **form.cleaned_data)
                    return done(
                        request,
                        _("Saved version %(version)s. Every program is judged by it in a moment.")
                        % {"version": row.version},
                        HERE,
                    )
            form.choose_against(standing)
            turns = preview(standing, policy, visible(request.user), people.services.today(now))
            context |= seen(request.user, turns)
    return render(request, "forecasts/policy_form.html", context, status=422 if form.errors else 200)


def visible(viewer: User) -> list[int]:
    return list(Program.objects.visible_to(viewer).order_by("pk").values_list("pk", flat=True))


def seen(viewer: User, turns: list[Turn]) -> dict[str, Any]:
    """What a preview shows: the programs that change colour, latest first, and how many change the stale mark."""
    coloured = sorted(
        (turn for turn in turns if turn.changes_colour), key=lambda turn: (-(turn.slip_days or 0), turn.program)
    )
    programs = Program.objects.visible_to(viewer).in_bulk([turn.program for turn in coloured[:MOST_TURNS]])
    return {
        "turns": [(programs[turn.program], turn) for turn in coloured[:MOST_TURNS]],
        "turn_count": len(coloured),
        "newly_stale": sum(turn.is_stale and not turn.was_stale for turn in turns),
        "no_longer_stale": sum(turn.was_stale and not turn.is_stale for turn in turns),
        "previewed": True,
    }


@require_POST
def milestone_impact(request: SignedIn, pk: int) -> HttpResponse:
    """What the posted form of a milestone would move: a line for a script, without one the form with that line."""
    milestone = find_milestone(request, pk)
    require_in(request.user, Act.EDIT, milestone.program)
    form = narrowed(request, MilestoneForm(request.POST, program=milestone.program, by=request.user, row=milestone))
    edits = Edits(changes=[(milestone, form.changes)]) if form.is_valid() and form.changes else None
    told = {"milestone": milestone} | told_of(request, edits)
    return line(request, told) or form_page(request, edit_context(request, milestone, form) | told)


@require_POST
def new_link_impact(request: SignedIn, pk: int) -> HttpResponse:
    """What the posted form of a new link would move."""
    receiver = find_milestone(request, pk)
    require_in(request.user, Act.EDIT, receiver.program)
    choice = ProgramChoice(request.GET, viewer=request.user, first=receiver.program)
    giver = choice.cleaned_data["program"] if choice.is_valid() else receiver.program
    form = LinkForm(request.POST, giver=giver, receiver=receiver)
    edits = None
    if form.is_valid():
        edits = Edits(links=[Dependency(successor=receiver, **waiting(form.cleaned_data))])
    told = told_of(request, edits)
    context = links.linking_context(receiver, giver, form)
    return line(request, told) or render(request, links.LINK_FORM, context | told, status=form.status)


@require_POST
def link_impact(request: SignedIn, pk: int) -> HttpResponse:
    """What the posted form of a link would move, and who must agree: by how it waits, and by the days of a hand-off."""
    link = links.find_link(request, pk)
    form = links.edit_form(request, link)
    edits = None
    if form.is_valid():
        days = [(link, form.days)] if form.days else []
        edits = Edits(days=days) if days else None
        if form.changes.keys() & {"kind", "lag"}:
            ends = {"predecessor": link.predecessor, "successor": link.successor}
            edits = Edits(links=[Dependency(**ends | waiting(form.cleaned_data))], unlinked=[link], days=days)
    told = told_of(request, edits)
    context = links.edit_context(request, link, form)
    return line(request, told) or render(request, links.HAND_OFF_FORM, context | told, status=form.status)


@require_POST
def answer_impact(request: SignedIn, pk: int) -> HttpResponse:
    """What the giver's posted answer would move, and who must agree to it."""
    return word_impact(request, links.answer_of(request, pk))


@require_POST
def reply_impact(request: SignedIn, pk: int) -> HttpResponse:
    """What the receiver's posted reply would move, and who must agree to it."""
    return word_impact(request, links.reply_of(request, pk))


def word_impact(request: SignedIn, word: links.Word) -> HttpResponse:
    require_in(request.user, Act.AGREE, word.side)
    is_valid = word.form.is_valid()
    told = told_of(request, Edits(days=[(word.link, word.form.days)]) if is_valid and word.form.days else None)
    status = 200 if is_valid else 422
    return line(request, told) or render(request, links.HAND_OFF_FORM, word.context(request) | told, status=status)


def waiting(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What a forecast reads of a link."""
    return {name: fields[name] for name in ("predecessor", "kind", "lag") if name in fields}


def told_of(request: SignedIn, edits: Edits | None) -> dict[str, Any]:
    """What ``impact.html`` says of edits; nothing where there are none."""
    if edits is None:
        return {}
    # Who is still typing is told what is wrong when they save.
    try:
        impact = impact_of(edits, by=request.user, today=people.services.today(timezone.now()))
    except ValidationError as refusal:
        return {"refusal": refusal.messages[0]}
    return {"impact": impact, "policy": newest_policy(), "refusal": NOT_SIMULATED.get(impact.reason, "")}


def line(request: SignedIn, told: dict[str, Any]) -> HttpResponse | None:
    """The line alone, for a script."""
    return render(request, "forecasts/impact.html", told) if request.htmx else None
