"""Links between milestones, hand-offs, and what both sides say to each other."""

from __future__ import annotations

from collections.abc import Callable

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _

from history.forms import explaining
from milestones import services
from milestones.forms import (
    AnswerForm,
    DependencyForm,
    FromList,
    LinkForm,
    ProgramChoice,
    ReplyForm,
)
from milestones.hand_offs import seen
from milestones.models import Dependency
from milestones.views.milestones import _milestone_crumbs, find_milestone, today
from people.pages import SignedIn, attempt, done, posted
from programs.models import Program
from programs.pages import program_crumbs
from programs.permissions import Act, may, require


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
        "title": _("New link"),
        "sub": _("%(name)s waits for another milestone.") % {"name": receiver.name},
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
            asked = (
                _("Asked %(giver)s for “%(milestone)s”.") % {"giver": giver.name, "milestone": link.predecessor.name}
                if giver != receiver.program
                else _("Linked.")
            )
            return done(request, asked, here)
    context |= {
        "form": form,
        "giver": giver,
        "submit_label": _("Link") if giver == receiver.program else _("Ask for it"),
    }
    return render(request, "milestones/link_form.html", context, status=form.status)


def link_edit(request: SignedIn, pk: int) -> HttpResponse:
    link = find_link(request, pk)
    giver, receiver = link.predecessor.program, link.successor.program
    may_receive, may_promise = may(request.user, Act.EDIT, receiver), may(request.user, Act.AGREE, giver)
    if not (may_receive or may_promise):
        raise PermissionDenied(_("You cannot change this link: you have a part in neither of its programs."))
    form = DependencyForm(
        posted(request), row=link, may_receive=may_receive, may_promise=may_promise, crosses=giver != receiver
    )
    back = f"/m/{link.successor_id if may_receive else link.predecessor_id}"
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.change_dependency(dependency=link, by=request.user, at=timezone.now(), **form.move, **form.changes)
            return done(request, _("Saved the link."), back, kept=form.kept)
    context = {
        "form": form,
        "title": _("Edit link") if giver == receiver else _("Edit hand-off"),
        "link": seen([link], request.user)[0],
        "crumbs": [(_("Dependencies"), "/dependencies")],
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
        title=_("Answer hand-off"),
        verb=_("Answer"),
        said=_("Answered; the receiver sees it at once."),
    )


def link_reply(request: SignedIn, pk: int) -> HttpResponse:
    link = find_link(request, pk)
    return _word(
        request,
        link,
        link.successor.program,
        ReplyForm(posted(request), row=link),
        services.reply_to_giver,
        title=_("Reply to the giver"),
        verb=_("Reply"),
        said=_("Replied; the giver sees it at once."),
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
        "crumbs": program_crumbs(side, (_("Dependencies"), hand_offs)),
        "cancel_url": back,
        "submit_label": verb,
    }
    return render(request, "milestones/hand_off_form.html", context, status=422 if form.errors else 200)


def link_delete(request: SignedIn, pk: int) -> HttpResponse:
    link = find_link(request, pk)
    require(request.user, Act.EDIT, link.successor.program)
    services.refuse_undoing(link, request.user)
    shown = seen([link], request.user)[0]
    giver = (
        f"{shown.predecessor.program.name}: {shown.predecessor.name}" if shown.predecessor else _("a private program")
    )
    context = {
        "title": _("Remove link"),
        "question": _("“%(name)s” waits for %(giver)s. Remove this link?")
        % {"name": link.successor.name, "giver": giver},
        "consequence": _("Its forecast no longer waits. The history of the link is kept."),
        "verb": _("Remove link"),
        "cancel_url": f"/m/{link.successor_id}",
        "crumbs": _milestone_crumbs(link.successor),
    }
    if request.method == "POST":
        return attempt(
            request,
            lambda: services.unlink(dependency=link, by=request.user),
            _("Removed the link."),
            f"/m/{link.successor_id}",
        )
    return render(request, "components/confirm_delete.html", context)
