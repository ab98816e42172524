"""Writes of what leads say each week."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

import history
from people.models import User
from programs.models import Program
from programs.permissions import Act, require
from programs.services import locked, report
from reports.models import Update
from reports.updates.drafting import VERSION
from reports.updates.drafting.lines import kept_in
from reports.updates.drafting.sentences import Sentence, read
from reports.updates.looking import look_over
from reports.updates.rules.lint import Found
from reports.words import plain

# What a lead writes; everything else of an update is set by publishing it.
WRITTEN = {"health", "cause", "text", "ask", "path_to_green", "path_owner", "path_on", "correction"}


@transaction.atomic
def begin_update(
    *, program: Program, by: User, at: datetime, drafted: Iterable[Sentence] = (), **written: Any
) -> Update:
    """Start a draft of what the lead says this week. ``drafted`` are sentences that its text may begin with."""
    require(by, Act.REPORT, program)
    _only_written(written)
    sentences = _own_lines(written.get("text", ""), drafted)
    with history.because("Begin an update", by_id=by.pk):
        return history.create(Update(program=program, author=by, begun_at=at, sentences=sentences, **written))


@transaction.atomic
def begin_correction(*, update: Update, by: User, at: datetime) -> Update:
    """Start a new version of a published update, on the same facts, or go on with the one that is begun.

    The old one stays as it was said.
    """
    update = locked(update)
    require(by, Act.REPORT, update.program)
    if update.published_at is None:
        raise ValidationError(_("A draft is changed, not corrected."), code="draft")
    begun = update.corrections.filter(published_at=None).first()
    if begun:
        return begun
    copied = {name: getattr(update, name) for name in WRITTEN - {"correction"} | {"sentences"}}
    with history.because("Begin a correction", by_id=by.pk):
        return history.create(Update(program=update.program, author=by, begun_at=at, corrects=update, **copied))


@transaction.atomic
def change_update(*, update: Update, by: User, drafted: Iterable[Sentence] = (), **written: Any) -> Update:
    """Change a draft. What is published stays as it was said."""
    update = _draft(update, by)
    _only_written(written)
    if "text" in written:
        written["sentences"] = _own_lines(written["text"], [*read(update.sentences), *drafted])
    with history.because("Change an update", by_id=by.pk):
        return history.save(update, **written)


@transaction.atomic
def discard_update(*, update: Update, by: User) -> None:
    update = _draft(update, by)
    with history.because("Discard an update", by_id=by.pk):
        history.delete(update)


@transaction.atomic
def publish_update(*, update: Update, by: User, at: datetime) -> Update:
    """Publish a draft: freeze the facts that it was written on, and append the lead's word to the program.

    What the rules call an error stops it; to ask about a warning is up to whoever calls.
    """
    update = _draft(update, by)
    missing = {}
    if not update.health:
        missing["health"] = [_("Say how the program stands.")]
    if not update.text.strip():
        missing["text"] = [_("Say it in words as well.")]
    if missing:
        raise ValidationError(missing)
    desk = look_over(update, at)
    _refuse(desk.errors, "lint")
    sentences = [sentence.write() for sentence in kept_in(update.text, desk.drafted)]
    facts = desk.facts | {"rules": VERSION, "lint_policy": desk.version}
    with history.because("Publish an update", by_id=by.pk):
        history.save(update, published_at=at, snapshot=facts, sentences=sentences)
    report(program=update.program, health=update.health, because=_because(update), by=by, at=at)
    return update


def _because(update: Update) -> str:
    """The cause, or else the first line: what stands below it is news, and no reason."""
    lines = (line.strip().lstrip("#*-> ") for line in update.text.splitlines())
    return plain(update.cause or next(filter(None, lines), ""), 500)


def refuse_warnings(update: Update, at: datetime) -> None:
    """Raise what the rules ask to look at again: for callers that have nobody to ask."""
    _refuse(look_over(update, at).warnings, "warnings")


def _refuse(found: list[Found], code: str) -> None:
    wrong: dict[str, list[str]] = {}
    for one in found:
        wrong.setdefault(one.field, []).append(f"{one.text} {one.advice}")
    if wrong:
        raise ValidationError(wrong, code=code)


def _own_lines(text: str, drafted: Iterable[Sentence]) -> list[dict[str, Any]]:
    """Drafted sentences that stand in a text word by word: nobody wrote these lines, and they follow the records."""
    each = {sentence.markdown: sentence for sentence in drafted}
    return [sentence.write() for sentence in kept_in(text, each.values())]


def _draft(update: Update, by: User) -> Update:
    update = locked(update)
    require(by, Act.REPORT, update.program)
    if update.published_at:
        raise ValidationError(_("A published update stays as it was said. Write a new one."), code="published")
    return update


def _only_written(written: dict[str, Any]) -> None:
    if unknown := written.keys() - WRITTEN:
        raise TypeError(f"not written by a lead: {', '.join(sorted(unknown))}")
