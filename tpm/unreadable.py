"""Text with a NUL, which the database cannot hold, so that no filter of any page can look for it."""

from __future__ import annotations

from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from tpm.api import PREFIX


class ReadableQueryMiddleware:
    """Answers 400 where the query of a page has a NUL: its look-ups would crash on it. The API names the parameter."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        asked = [] if request.path.startswith(PREFIX) else request.GET.lists()
        if any("\0" in text for _, texts in asked for text in texts):
            raise BadRequest(_("A query holds no NUL."))
        return self.get_response(request)
