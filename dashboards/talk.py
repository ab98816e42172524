"""Comments and stars of programs, milestones, risks and updates."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboards import subjects
from dashboards.subjects import Found
from history.forms import explaining
from people.pages import SignedIn, delete, done, paged, posted
from programs import talk
from programs.forms import CommentForm
from programs.mentions import mentions, offered, readers
from programs.models import Comment, Subject
from programs.pages import Crumbs, find_program, program_crumbs
from programs.permissions import Act, may, require
from programs.threads import with_names

MOST_LETTERS = 60


def find(request: SignedIn, kind: Subject, pk: int) -> Found:
    found = subjects.find(kind, pk, request.user)
    if found is None:
        raise Http404
    return found


def place(found: Found) -> str:
    """The tab of the program below which a subject lies."""
    return {Subject.MILESTONE: "milestones", Subject.RISK: "risks", Subject.UPDATE: "updates"}.get(
        found.kind, "comments"
    )


def crumbs(found: Found) -> Crumbs:
    inside = [] if found.kind == Subject.PROGRAM else [(found.name, found.url)]
    return program_crumbs(found.program, *inside)


@require_http_methods(["GET", "HEAD", "POST"])
def program_comments(request: SignedIn, key: str) -> HttpResponse:
    """What is said about a program, and about all that is in it."""
    return _thread(request, subjects.found(find_program(request, key)))


@require_http_methods(["GET", "HEAD", "POST"])
def comments(request: SignedIn, pk: int, kind: Subject) -> HttpResponse:
    """All that is said about a milestone, a risk or an update."""
    return _thread(request, find(request, kind, pk))


def _thread(request: SignedIn, found: Found) -> HttpResponse:
    program, here = found.program, f"{found.url}/comments"
    form = CommentForm(posted(request), program=program)
    if draft := request.GET.get("text"):
        form.propose({"text": draft})
    if form.is_bound:
        require(request.user, Act.COMMENT, program)
        if form.is_valid():
            with explaining(form):
                comment = talk.post_comment(
                    program=program,
                    kind=found.kind,
                    subject_id=found.pk,
                    text=form.cleaned_data["text"],
                    by=request.user,
                    at=timezone.now(),
                )
                warn_of_strangers(request, comment)
                return done(request, _("Posted your comment."), f"{found.talk_url}#comment-{comment.pk}")
    everything = found.kind == Subject.PROGRAM and request.GET.get("show") == "all"
    own = program.comments.about(found.kind, found.pk)
    rows = program.comments.all() if everything else own
    page: Any = paged(request, with_names(rows))
    about = subjects.named({(row.kind, row.subject_id) for row in page}, request.user) if everything else {}
    context = {
        "program": program,
        "place": place(found),
        "title": _("Comments"),
        "sub": "" if found.kind == Subject.PROGRAM else found.name,
        "crumbs": crumbs(found),
        "page": page,
        "lines": [(row, about.get((row.kind, row.subject_id))) for row in page],
        "form": form,
        "action": here,
        "may_comment": may(request.user, Act.COMMENT, program),
        "tabs_label": _("Comments on what"),
        "tabs": [
            {"label": _("This program"), "url": here, "count": None, "current": not everything},
            {"label": _("Everything in it"), "url": f"{here}?show=all", "count": None, "current": everything},
        ]
        if found.kind == Subject.PROGRAM
        else [],
    }
    return render(request, "dashboards/comments.html", context, status=form.status)


@require_safe
def people_to_mention(request: SignedIn, key: str) -> HttpResponse:
    """Whom an @ with these letters may mean, of those who see the program: the options of a list, a fragment."""
    program = find_program(request, key)
    begun = request.GET.get("q", "").strip()[:MOST_LETTERS]
    return render(request, "dashboards/mentions.html", {"offered": offered(program, begun) if begun else []})


def warn_of_strangers(request: SignedIn, comment: Comment) -> None:
    """Say which @ in a comment reached nobody; whether there is such a person at all stays untold."""
    named = mentions(comment.text, readers(comment.program)) if "@" in comment.text else []
    nobody = list(
        dict.fromkeys(comment.text[m.start : m.end] for m in named if m.person is None and m.end > m.start + 1)
    )
    if nobody:
        messages.warning(
            request,
            _("Told nobody for %(names)s: no one person who sees this is called so.")
            % {"names": ", ".join(nobody[:5])},
        )


def own_comment(request: SignedIn, pk: int) -> tuple[Comment, Found]:
    """A comment of the reader's own; to all others it is not there to be changed."""
    rows = Comment.objects.visible_to(request.user).filter(by=request.user).select_related("program__lead")
    comment = get_object_or_404(rows, pk=pk)
    return comment, find(request, Subject(comment.kind), comment.subject_id)


@require_http_methods(["GET", "HEAD", "POST"])
def comment_edit(request: SignedIn, pk: int) -> HttpResponse:
    comment, found = own_comment(request, pk)
    back = f"{found.talk_url}#comment-{comment.pk}"
    form = CommentForm(posted(request), program=found.program, row=comment)
    if form.is_bound and form.is_valid():
        with explaining(form):
            text = form.changes.get("text", comment.text)
            comment = talk.edit_comment(comment=comment, text=text, by=request.user, at=timezone.now())
            warn_of_strangers(request, comment)
            return done(request, _("Saved your comment."), back, kept=form.kept)
    context = {
        "program": found.program,
        "form": form,
        "title": _("Edit comment"),
        "sub": found.name,
        "crumbs": crumbs(found),
        "cancel_url": back,
        "delete_url": f"/comments/{comment.pk}/delete",
    }
    return render(request, "form_base.html", context, status=form.status)


@require_http_methods(["GET", "HEAD", "POST"])
def comment_delete(request: SignedIn, pk: int) -> HttpResponse:
    comment, found = own_comment(request, pk)
    return delete(
        request,
        lambda: talk.delete_comment(comment=comment, by=request.user),
        row=comment,
        to=found.talk_url,
        back=f"{found.talk_url}#comment-{comment.pk}",
        consequence=_("It leaves this page and the inbox of whoever was told."),
        crumbs=crumbs(found),
    )


# -- stars -----------------------------------------------------------------------------------------------------------


@require_POST
def program_watch(request: SignedIn, key: str) -> HttpResponse:
    return _star(request, subjects.found(find_program(request, key)))


@require_POST
def watch(request: SignedIn, pk: int, kind: Subject) -> HttpResponse:
    return _star(request, find(request, kind, pk))


def _star(request: SignedIn, found: Found) -> HttpResponse:
    """Star or, where the form says so, take the star away: sent twice it means the same."""
    what: dict[str, Any] = {"kind": found.kind, "subject_id": found.pk, "by": request.user}
    if request.POST.get("watch") == "no":
        talk.unwatch(**what)
        return done(request, _("You no longer watch %(name)s.") % {"name": found.name}, found.url)
    talk.watch(program=found.program, at=timezone.now(), **what)
    return done(request, _("You watch %(name)s: comments on it come to your inbox.") % {"name": found.name}, found.url)
