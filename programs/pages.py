"""What pages of one program share: finding it, and where they lie."""

from __future__ import annotations

from django.shortcuts import get_object_or_404

from people.pages import SignedIn
from programs.models import Program

Crumbs = list[tuple[str, str]]


class KeyInPath:
    """A program's key in an address. The database knows no text with a NUL, so no address does."""

    regex = r"[^/\x00]+"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


def find_program(request: SignedIn, key: str) -> Program:
    return get_object_or_404(Program.objects.visible_to(request.user).select_related("lead"), key=key)


def program_crumbs(program: Program, *more: tuple[str, str]) -> Crumbs:
    return [(program.name, program.get_absolute_url()), *more]
