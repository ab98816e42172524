"""What pages share: the signed-in reader, the answer after a write, and the question before a deletion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, TypeVar, cast
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Page, Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import override
from django_htmx.middleware import HtmxDetails

import history.services as history
from history import past
from history.bulk import MOST_ROWS, BulkForm
from history.forms import RecordForm
from people.models import User
from people.services import organisation_and_zone

B = TypeVar("B", bound=BulkForm)
F = TypeVar("F", bound=RecordForm)
M = TypeVar("M", bound=Model)

ROWS_A_PAGE = 50
MANY = 2  # for a noun of no number


class SignedIn(HttpRequest):
    """A request behind the sign-in: ``LoginRequiredMiddleware`` lets nobody else through."""

    user: User
    htmx: HtmxDetails
    written: history.Notes
    looks_back: bool
    refused_day: str
    asks_for_now: bool
    organisation: tuple[str, ZoneInfo]
    of_today: Callable[[], Any]


def day_of(request: SignedIn) -> date:
    """The day that a page shows: today, or one in the past (``programs.pages.looks_back``)."""
    return past.day() or timezone.now().astimezone(zone_of(request)).date()


def zone_of(request: HttpRequest) -> ZoneInfo:
    """The zone that says which day is today."""
    return organisation_of(request)[1]


def organisation_of(request: HttpRequest) -> tuple[str, ZoneInfo]:
    """The organisation's name and zone; read once for a page, its frame and the day in the past that it shows."""
    asked = cast(SignedIn, request)
    if not hasattr(asked, "organisation"):
        asked.organisation = organisation_and_zone()
    return asked.organisation


def posted(request: HttpRequest) -> QueryDict | None:
    """What a form was sent with, empty or not; None where the page was only asked for."""
    return request.POST if request.method == "POST" else None


def narrowed(request: SignedIn, form: F) -> F:
    """The form cut to the fields that ``?only=`` names: one value edited where it stands.

    The address may propose other values for them, and say which version they were read from.
    """
    asked = request.GET.get("only")
    if asked:
        form.narrow(asked.split(","))
        form.propose({name: request.GET[name] for name in form.fields if name in request.GET})
    return form


def form_page(request: SignedIn, context: dict[str, Any], template: str = "form_base.html") -> HttpResponse:
    """A page with one form; of a narrowed form that a script asked for, the form alone."""
    form: RecordForm = context["form"]
    if request.htmx and "only" in request.GET:
        template = "components/inline_form.html"
    return render(request, template, context, status=form.status)


def done(
    request: SignedIn, message: str, to: str, *, kept: Sequence[str] = (), final: bool = False, again: bool = False
) -> HttpResponse:
    """Say what was done and go on to a page; ``kept`` names fields that somebody else had changed meanwhile.

    What was written in one change-set can be taken back from the message, unless it is ``final``; after taking back,
    it can be done ``again``. A form inside a page
    is answered with nothing: the page then fetches itself anew.
    """
    if kept:
        beside = _("Somebody else had changed %(names)s meanwhile; that was kept.") % {"names": ", ".join(kept)}
        message = f"{message} {beside}"
    undoable = "" if final else str(request.written.undoable or "")
    messages.success(request, message, extra_tags=f"{undoable} again" if undoable and again else undoable)
    if request.htmx:
        return HttpResponse(status=204, headers={"HX-Trigger": "refresh"})
    return redirect(to)


def back_to(asked: QueryDict, otherwise: str) -> str:
    """The page of ours that a form's ``next`` says it was sent from, or else another."""
    back = asked.get("next", "")
    return back if url_has_allowed_host_and_scheme(back, allowed_hosts=None) else otherwise


def bulk_edit(
    request: SignedIn,
    rows: QuerySet[M],
    form_of: Callable[[QueryDict | None, list[M]], B],
    write: Callable[[M, B], object],
    *,
    noun: Any,
    to: str,
    may_change: Callable[[list[M]], list[M]],
) -> HttpResponse:
    """Change the same in all rows that ``?id=`` names; those that refuse are shown again, with why, and stay chosen.

    ``rows`` are those that the reader may see; of them those that are not theirs to change are told before anything is
    sent. One act, so one undo, whose reason names them in English: ``noun`` is lazy, in one and in many.
    """
    asked = request.POST if request.method == "POST" else request.GET
    ids = {int(text) for text in asked.getlist("id") if text.isascii() and text.isdigit() and len(text) < 19}
    chosen = rows.filter(pk__in=sorted(ids)[:MOST_ROWS])
    found = list(chosen.order_by("pk"))
    back = back_to(asked, to)
    many = noun % MANY
    if not found:
        messages.error(request, _("Choose some %(plural)s first.") % {"plural": many})
        return redirect(back)
    others: list[M] = []
    if request.method == "GET":
        everything, found = found, may_change(found)
        kept = {row.pk for row in found}
        others = [row for row in everything if row.pk not in kept]
        if not found:
            messages.error(
                request,
                _("You cannot change any of these %(plural)s: ask the leads of their programs.") % {"plural": many},
            )
            return redirect(back)
    form = form_of(posted(request), found)
    refused: list[tuple[M, list[str]]] = []
    if form.is_bound and form.is_valid():
        with override("en"):
            reason = f"Change {len(found)} {noun % len(found)}"
        refused = history.each(chosen, lambda row: write(row, form), reason=reason, by_id=request.user.pk)
        if not refused:
            return done(
                request, _("Changed %(count)s %(plural)s.") % {"count": len(found), "plural": noun % len(found)}, back
            )
        if len(refused) < len(found):
            done(
                request,
                _("Changed %(changed)s of %(count)s %(plural)s.")
                % {"changed": len(found) - len(refused), "count": len(found), "plural": noun % len(found)},
                back,
            )
    left = [row for row, _why in refused] or found
    form.tell(left)
    context = {
        "title": _("Change %(count)s %(plural)s") % {"count": len(found), "plural": noun % len(found)},
        "form": form,
        "rows": left,
        "refused": refused,
        "saved": len(found) - len(refused),
        "others": others,
        "next": back,
        "plural": noun % len(refused or found),
        "submit_label": _("Change %(count)s") % {"count": len(refused) or len(found)},
    }
    return render(request, "components/bulk_form.html", context, status=422 if refused else form.status)


def attempt(
    request: SignedIn, write: Callable[[], object], message: str, to: str, *, final: bool = False, again: bool = False
) -> HttpResponse:
    """Do what a single button asks for, and go on to a page with what was done or why it was refused."""
    try:
        write()
    except ValidationError as refusal:
        return refused(request, refusal, to)
    return done(request, message, to, final=final, again=again)


def refused(request: SignedIn, refusal: ValidationError, to: str) -> HttpResponse:
    """Go on to a page with why something was not done."""
    for error in refusal.messages:
        messages.error(request, error)
    return redirect(to)


def delete(
    request: SignedIn,
    write: Callable[[], None],
    *,
    row: Model,
    to: str,
    back: str,
    consequence: str = "",
    crumbs: Sequence[tuple[str | Promise, str]] = (),
    typed: str = "",
) -> HttpResponse:
    """Ask before deleting a row, then delete it; a refusal is shown where it was asked.

    What takes much along is deleted once its ``typed`` name is there, letter by letter.
    """
    noun = _(str(row._meta.verbose_name))
    title = _("Delete %(noun)s") % {"noun": noun}
    context = {
        "object": row,
        "title": title,
        "verb": title,
        "consequence": consequence,
        "cancel_url": back,
        "typed": typed,
    }
    if request.method == "POST":
        name = str(row)
        try:
            if typed and request.POST.get("typed", "").strip() != typed:
                raise ValidationError(_("Type %(typed)s to delete it.") % {"typed": typed}, code="typed")
            write()
        except ValidationError as refusal:
            context |= {"errors": refusal.messages, "crumbs": crumbs}
            return render(request, "components/confirm_delete.html", context, status=422)
        return done(request, _("Deleted “%(name)s”.") % {"name": name}, to)
    return render(request, "components/confirm_delete.html", context | {"crumbs": crumbs})


def paged(request: HttpRequest, rows: QuerySet[M], size: int = ROWS_A_PAGE) -> Page[M]:
    """The page of rows that the query string asks for."""
    return Paginator(rows, size).get_page(request.GET.get("page"))
