"""What leads say in letters, in their own words: what they ask for, and how they mean to come back on track."""

from __future__ import annotations

from reports.letters.facts import Facts
from reports.letters.parts.decisions import Ask
from reports.models import Update
from reports.words import ended, plain, short

MOST_ASKS = 10
MOST_PARAGRAPHS = 12


def asks(facts: Facts, site: str) -> list[Ask]:
    """What each lead asked for in the newest update since the last letter."""
    return [
        Ask(
            program=plain(update.program.name, 80),
            question=plain(update.ask, 600),
            note=signed(update, facts),
            tone="none",
            url=f"{site}/u/{update.pk}",
            source={"record": "update", "id": update.pk, "published_on": _published_on(update, facts)},
        )
        for update in facts.updates
        if update.ask.strip()
    ]


def signed(update: Update, facts: Facts) -> str:
    """Who said it and when."""
    on = facts.day(update.published_at) if update.published_at else None
    return f"{plain(update.author.name, 60)} on {short(on)}" if on else ""


def words_of(update: Update) -> list[str]:
    """An update as plain lines: the cause first, what happened, and the path to green with who and by when."""
    lines = [*_paragraphs(update.cause), *_paragraphs(update.text)][:MOST_PARAGRAPHS]
    if update.path_to_green.strip():
        who = plain(update.path_owner.name, 60) if update.path_owner else ""
        when = f"by {short(update.path_on)}" if update.path_on else ""
        by = ", ".join(filter(None, [who, when]))
        lines.append(f"Path to green{f' ({by})' if by else ''}: {ended(' '.join(_paragraphs(update.path_to_green)))}")
    return lines


def _paragraphs(text: str) -> list[str]:
    """Markdown as plain lines; marks of lists and headings go."""
    lines = [plain(line.strip().lstrip("#*-> ").strip(), 600) for line in text.splitlines()]
    return [line for line in lines if line]


def _published_on(update: Update, facts: Facts) -> str | None:
    return facts.day(update.published_at).isoformat() if update.published_at else None
