"""What pages share: the signed-in reader, the answer after a write, and the question before a deletion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Page, Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render

from people.models import User

M = TypeVar("M", bound=Model)

ROWS_A_PAGE = 100


class SignedIn(HttpRequest):
    """A request behind the sign-in: ``LoginRequiredMiddleware`` lets nobody else through."""

    user: User


def posted(request: HttpRequest) -> QueryDict | None:
    """What a form was sent with, empty or not; None where the page was only asked for."""
    return request.POST if request.method == "POST" else None


def done(request: HttpRequest, message: str, to: str, *, kept: Sequence[str] = ()) -> HttpResponse:
    """Say what was done and go on to a page; ``kept`` names fields that somebody else had changed meanwhile."""
    if kept:
        message += f" Somebody else had changed {', '.join(kept)} meanwhile; that was kept."
    messages.success(request, message)
    return redirect(to)


def attempt(request: HttpRequest, write: Callable[[], object], message: str, to: str) -> HttpResponse:
    """Do what a single button asks for, and go on to a page with what was done or why it was refused."""
    try:
        write()
    except ValidationError as refusal:
        for error in refusal.messages:
            messages.error(request, error)
        return redirect(to)
    return done(request, message, to)


def delete(
    request: HttpRequest,
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
