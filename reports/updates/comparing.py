"""What one update says that the one before did not, and the other way round, line by line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from programs.models import Health
from reports.models import Update


@dataclass(frozen=True, slots=True)
class Turned:
    """A field that says something else: its name, and lines that are gone (``-``), new (``+``) or the same (`` ``)."""

    label: str
    lines: list[tuple[str, str]]


def compare(before: Update, after: Update) -> list[Turned]:
    """Fields that differ, in the order of the page."""
    pairs = zip(_said(before), _said(after), strict=True)
    return [Turned(label, list(_lines(old, new))) for (label, old), (_, new) in pairs if old.strip() != new.strip()]


def _said(update: Update) -> Iterator[tuple[str, str]]:
    yield _("Health"), str(Health(update.health).label) if update.health else ""
    yield _("Why it stands so"), update.cause
    yield _("What happened"), update.text
    yield _("Path to green"), update.path_to_green
    yield _("Who brings it back"), update.path_owner.name if update.path_owner else ""
    yield _("Back on track by"), date_format(update.path_on, "j M Y") if update.path_on else ""
    yield _("Ask"), update.ask


def _lines(old: str, new: str) -> Iterator[tuple[str, str]]:
    """
    >>> list(_lines("a\\nb", "a\\nc"))
    [(' ', 'a'), ('-', 'b'), ('+', 'c')]
    """
    gone, come = ([line for line in text.splitlines() if line.strip()] for text in (old, new))
    for kind, start, end, first, last in SequenceMatcher(None, gone, come, autojunk=False).get_opcodes():
        if kind == "equal":
            yield from ((" ", line) for line in gone[start:end])
        else:
            yield from (("-", line) for line in gone[start:end])
            yield from (("+", line) for line in come[first:last])
