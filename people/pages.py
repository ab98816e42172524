"""What pages share: the signed-in reader, the answer after a write, and the question before a deletion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Page, Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django_htmx.middleware import HtmxDetails

from history.forms import RecordForm
from history.services import Notes
from people.models import User

F = TypeVar("F", bound=RecordForm)
M = TypeVar("M", bound=Model)

ROWS_A_PAGE = 100


class SignedIn(HttpRequest):
    """A request behind the sign-in: ``LoginRequiredMiddleware`` lets nobody else through."""

    user: User
    htmx: HtmxDetails
    written: Notes


def posted(request: HttpRequest) -> QueryDict | None:
    """What a form was sent with, empty or not; None where the page was only asked for."""
    return request.POST if request.method == "POST" else None


def narrowed(request: SignedIn, form: F) -> F:
    """The form cut to the fields that ``?only=`` names: one value edited where it stands."""
    asked = request.GET.get("only")
    if asked:
        form.narrow(asked.split(","))
    return form


def form_page(request: SignedIn, context: dict[str, Any], template: str = "form_base.html") -> HttpResponse:
    """A page with one form; of a narrowed form that a script asked for, the form alone."""
    form: RecordForm = context["form"]
    if request.htmx and "only" in request.GET:
        template = "components/inline_form.html"
    return render(request, template, context, status=form.status)


def done(request: SignedIn, message: str, to: str, *, kept: Sequence[str] = (), final: bool = False) -> HttpResponse:
    """Say what was done and go on to a page; ``kept`` names fields that somebody else had changed meanwhile.

    What was written in one change-set can be taken back from the message, unless it is ``final``. A form inside a page
    is answered with nothing: the page then fetches itself anew.
    """
    if kept:
        message += f" Somebody else had changed {', '.join(kept)} meanwhile; that was kept."
    messages.success(request, message, extra_tags="" if final else str(request.written.undoable or ""))
    if request.htmx:
        return HttpResponse(status=204, headers={"HX-Trigger": "refresh"})
    return redirect(to)


def attempt(
    request: SignedIn, write: Callable[[], object], message: str, to: str, *, final: bool = False
) -> HttpResponse:
    """Do what a single button asks for, and go on to a page with what was done or why it was refused."""
    try:
        write()
    except ValidationError as refusal:
        for error in refusal.messages:
            messages.error(request, error)
        return redirect(to)
    return done(request, message, to, final=final)


def delete(
    request: SignedIn,
    write: Callable[[], None],
    *,
    row: Model,
    to: str,
    back: str,
    consequence: str = "",
    crumbs: Sequence[tuple[str, str]] = (),
) -> HttpResponse:
    """Ask before deleting a row, then delete it; a refusal is shown where it was asked."""
    noun = str(row._meta.verbose_name)
    title = f"Delete {noun}"
    context = {"object": row, "title": title, "verb": title, "consequence": consequence, "cancel_url": back}
    if request.method == "POST":
        name = str(row)
        try:
            write()
        except ValidationError as refusal:
            context |= {"errors": refusal.messages, "crumbs": crumbs}
            return render(request, "components/confirm_delete.html", context, status=422)
        return done(request, f"Deleted “{name}”.", to)
    return render(request, "components/confirm_delete.html", context | {"crumbs": crumbs})


def paged(request: HttpRequest, rows: QuerySet[M]) -> Page[M]:
    """The page of rows that the query string asks for."""
    return Paginator(rows, ROWS_A_PAGE).get_page(request.GET.get("page"))
