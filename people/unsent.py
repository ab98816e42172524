"""What somebody sent when they were no longer signed in: kept in their session until they send it again."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from django.http import HttpRequest
from django.utils import timezone

KEY = "unsent"
MOST_CHARACTERS = 200_000
KEPT_SECONDS = 3600
SECRET = re.compile("csrf|password", re.IGNORECASE)


class Unsent(NamedTuple):
    """Where it was sent to, and its fields as pairs of name and value."""

    path: str
    fields: list[tuple[str, str]]


def keep(request: HttpRequest) -> bool:
    """Keep the fields of a posted form; not files, nor what is too long."""
    fields = [(name, value) for name, values in request.POST.lists() if not SECRET.search(name) for value in values]
    if not fields or request.FILES or len(json.dumps(fields)) > MOST_CHARACTERS:
        return False
    at = timezone.now().timestamp()
    request.session[KEY] = {"path": request.get_full_path(), "fields": fields, "at": at}
    return True


def kept(request: HttpRequest) -> Unsent | None:
    found = request.session.get(KEY)
    if not found or timezone.now().timestamp() - found["at"] > KEPT_SECONDS:
        return None
    return Unsent(found["path"], [(name, value) for name, value in found["fields"]])


def drop(request: HttpRequest) -> None:
    request.session.pop(KEY, None)
