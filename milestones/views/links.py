"""Links between milestones, hand-offs, and what both sides say to each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

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
    LinkForm,
    ProgramChoice,
    ReplyForm,
)
from milestones.hand_offs import seen
from milestones.models import Dependency, Milestone
from milestones.views.milestones import _milestone_crumbs, find_milestone, today
from people.pages import SignedIn, attempt, done, posted
from programs.models import Program
from programs.pages import program_crumbs
from programs.permissions import Act, may, require

LINK_FORM, HAND_OFF_FORM = "milestones/link_form.html", "milestones/hand_off_form.html"


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
    if not (choice.is_bound and choice.is_valid()):
        return render(request, "milestones/link_program.html", _new_link(receiver) | {"choice": choice})
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
    return render(request, LINK_FORM, linking_context(receiver, giver, form), status=form.status)


def _new_link(receiver: Milestone) -> dict[str, Any]:
    return {
        "title": _("New link"),
        "sub": _("%(name)s waits for another milestone.") % {"name": receiver.name},
        "crumbs": _milestone_crumbs(receiver),
        "receiver": receiver,
        "cancel_url": f"/m/{receiver.pk}",
    }


def linking_context(receiver: Milestone, giver: Program, form: LinkForm) -> dict[str, Any]:
    """What the second step of a new link stands in."""
    here, query = f"/m/{receiver.pk}", f"?program={giver.key}"
    return _new_link(receiver) | {
        "giver": giver,
        "form": form,
        "action": f"{here}/links/new{query}",
        "impact_url": f"{here}/links/impact{query}",
        "submit_label": _("Link") if giver == receiver.program else _("Ask for it"),
    }


def link_edit(request: SignedIn, pk: int) -> HttpResponse:
    link = find_link(request, pk)
    form = edit_form(request, link)
    if form.is_bound and form.is_valid():
        with explaining(form):
            services.change_dependency(dependency=link, by=request.user, at=timezone.now(), **form.move, **form.changes)
            return done(request, _("Saved the link."), back_of(request, link), kept=form.kept)
    return render(request, HAND_OFF_FORM, edit_context(request, link, form), status=form.status)


def edit_form(request: SignedIn, link: Dependency) -> DependencyForm:
    """The form of a link, for what the reader may change of it."""
    giver, receiver = link.predecessor.program, link.successor.program
    may_receive, may_promise = may(request.user, Act.EDIT, receiver), may(request.user, Act.AGREE, giver)
    if not (may_receive or may_promise):
        raise PermissionDenied(_("You cannot change this link: you have a part in neither of its programs."))
    return DependencyForm(
        posted(request), row=link, may_receive=may_receive, may_promise=may_promise, crosses=giver != receiver
    )


def back_of(request: SignedIn, link: Dependency) -> str:
    may_receive = may(request.user, Act.EDIT, link.successor.program)
    return f"/m/{link.successor_id if may_receive else link.predecessor_id}"


def edit_context(request: SignedIn, link: Dependency, form: DependencyForm) -> dict[str, Any]:
    """What the form of a link stands in, with the address of the impact of what is changed."""
    may_receive = not form.fields["lag"].disabled
    here = f"/links/{link.pk}"
    return {
        "form": form,
        "title": _("Edit link") if link.predecessor.program == link.successor.program else _("Edit hand-off"),
        "link": seen([link], request.user)[0],
        "today": today(),
        "crumbs": [(_("Dependencies"), "/dependencies")],
        "action": f"{here}/edit",
        "impact_url": f"{here}/impact",
        "cancel_url": back_of(request, link),
        "delete_url": f"{here}/delete" if may_receive and not services.is_kept(link, request.user) else None,
    }


@dataclass(frozen=True)
class Word:
    """What one side of a hand-off says to the other: ``name`` is its place below the hand-off."""

    link: Dependency
    name: str
    side: Program
    form: AnswerForm | ReplyForm
    write: Callable[..., object]
    title: str
    verb: str
    said: str

    @property
    def hand_offs(self) -> str:
        return f"{self.side.get_absolute_url()}/dependencies"

    @property
    def back(self) -> str:
        return f"{self.hand_offs}?layout=table#link-{self.link.pk}"

    def context(self, request: SignedIn) -> dict[str, Any]:
        """What its form stands in."""
        here = f"/links/{self.link.pk}/{self.name}"
        return {
            "form": self.form,
            "title": self.title,
            "link": seen([self.link], request.user)[0],
            "today": today(),
            "crumbs": program_crumbs(self.side, (_("Dependencies"), self.hand_offs)),
            "cancel_url": self.back,
            "submit_label": self.verb,
            "action": here,
            "impact_url": f"{here}/impact",
        }


def answer_of(request: SignedIn, pk: int) -> Word:
    link = find_link(request, pk)
    is_delivered = link.agreement == Dependency.Agreement.DELIVERED
    return Word(
        link,
        "answer",
        link.predecessor.program,
        AnswerForm(posted(request), row=link),
        services.answer_hand_off,
        title=_("Not delivered after all") if is_delivered else _("Answer hand-off"),
        verb=_("Say so") if is_delivered else _("Answer"),
        said=_("Answered; the receiver sees it at once."),
    )


def reply_of(request: SignedIn, pk: int) -> Word:
    link = find_link(request, pk)
    return Word(
        link,
        "reply",
        link.successor.program,
        ReplyForm(posted(request), row=link),
        services.reply_to_giver,
        title=_("Reply to the giver"),
        verb=_("Reply"),
        said=_("Replied; the giver sees it at once."),
    )


def link_answer(request: SignedIn, pk: int) -> HttpResponse:
    return _say(request, answer_of(request, pk))


def link_reply(request: SignedIn, pk: int) -> HttpResponse:
    return _say(request, reply_of(request, pk))


def _say(request: SignedIn, word: Word) -> HttpResponse:
    require(request.user, Act.AGREE, word.side)
    form = word.form
    if form.is_bound and form.is_valid():
        given = form.cleaned_data
        back = given.pop("back") or word.back
        with explaining(form):
            word.write(dependency=word.link, by=request.user, on=today(), at=timezone.now(), **given)
            return done(request, word.said, back)
    return render(request, HAND_OFF_FORM, word.context(request), status=422 if form.errors else 200)


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
