"""The question before taking away what has no name of its own."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from people.pages import SignedIn, attempt
from programs.models import Phase
from programs.pages import Crumbs

PHASE_ORDER = list(Phase.Kind.values)


def remove(
    request: SignedIn,
    write: Callable[[], None],
    *,
    question: str,
    consequence: str,
    verb: str,
    back: str,
    crumbs: Crumbs,
) -> HttpResponse:
    """Ask before taking away what has no name of its own; then say what became of it."""
    if request.method == "POST":
        return attempt(request, write, _("%(verb)s: done.") % {"verb": verb}, back)
    context = {
        "title": verb,
        "question": question,
        "consequence": consequence,
        "verb": verb,
        "cancel_url": back,
        "crumbs": crumbs,
    }
    return render(request, "components/confirm_delete.html", context)
