"""What endpoints without rows of their own ask of a query."""

from __future__ import annotations

import re

from django.http import Http404
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from programs.models import Program
from tpm.api import QueryRefused

MOST_WEEKS = 520


def one_program(request: Request) -> Program | None:
    """The program that the query names, if any."""
    key = request.query_params.get("program")
    if key is None:
        return None
    if "\0" in key:
        raise QueryRefused({"program": _("Null characters are not allowed.")})
    program = Program.objects.visible_to(request.user).filter(key__iexact=key).first()
    if program is None:
        raise Http404
    return program


def weeks_of(request: Request, usual: int) -> int:
    text = request.query_params.get("weeks", str(usual))
    if not re.fullmatch(r"[0-9]{1,3}", text) or not 1 <= int(text) <= MOST_WEEKS:
        raise QueryRefused({"weeks": _("A whole number from 1 to %(most)s.") % {"most": MOST_WEEKS}})
    return int(text)


def only_known(request: Request, *names: str) -> None:
    """Refuse a parameter that is not one of these: a misspelt one must not answer with everything."""
    unknown = sorted(request.query_params.keys() - set(names))
    if unknown:
        form = _("Unknown. Known here: %(names)s.") if names else _("Unknown. There are none here.")
        raise QueryRefused(dict.fromkeys(unknown, form % {"names": ", ".join(names)}))


PROGRAM_PARAMETER = OpenApiParameter("program", str, description="Key of one program; without it, all that you see.")
WEEKS_PARAMETER = OpenApiParameter("weeks", int, description="Forecasts issued in so many weeks up to today.")
