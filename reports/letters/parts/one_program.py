"""What a program's own letter says first: where it stands and how far it moved. Its name stands above it already."""

from __future__ import annotations

from dataclasses import replace

from programs.models import Program
from reports.letters.facts import Facts
from reports.letters.parts.health import derived_source, health_of, lead_says, moved
from reports.letters.parts.news import Note
from reports.letters.parts.tiles import Tile, tiles
from reports.words import days, sentence, short


def own_news(facts: Facts, program: Program) -> str:
    """Another colour, and days that P80 moved."""
    before, now, move = facts.health_before.get(program.pk), health_of(facts, program.pk), moved(facts, program.pk)
    turn = f"now {now.label.lower()}" if before and before.health != now else ""
    slip = (f"P80 slipped {move} d" if move > 0 else f"P80 is {-move} d earlier") if move else ""
    return ", ".join(filter(None, [turn, slip]))


def own_headline(facts: Facts, program: Program, news: str, asked: str) -> str:
    """The news, or where it stands when nothing moved; and what waits."""
    calm = f"{health_of(facts, program.pk).label}, as before"
    return sentence(", and ".join(filter(None, [news or calm, asked])))


def own_tiles(facts: Facts, program: Program, site: str) -> list[Tile]:
    """Health and P80 of the program, then its risks and hand-offs as in any letter."""
    source = derived_source(facts, program)
    _, risks, _, hand_offs = tiles(facts, site, program)
    agrees = "as the lead says" if program.pk in facts.reported else "the lead has said nothing yet"
    health = Tile(
        str(health_of(facts, program.pk).label), "by the data", lead_says(facts, program.pk) or agrees, source
    )
    return [health, Tile(*_p80(facts, program), source), risks, hand_offs]


def own_notes(told: list[Note]) -> list[Note]:
    return [replace(note, program="", text=f"{note.text[:1].upper()}{note.text[1:]}") for note in told]


def _p80(facts: Facts, program: Program) -> tuple[str, str, str]:
    """P80 against the target, or alone where there is none, and how far it moved."""
    row, move = facts.health.get(program.pk), moved(facts, program.pk)
    if row is None or row.p80_on is None:
        return "–", "P80", "no forecast"
    since = "" if move is None else f"{days(move)} since {short(facts.since.on)}"
    if row.slip_days is None:
        return short(row.p80_on), "P80, no target", since
    return days(row.slip_days), f"P80 {short(row.p80_on)} against target", since
