"""What a letter says: facts of the programs a reader may see, put in order and cut to its audience."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from reports.letters.composing.cut import Cut
from reports.letters.composing.cutting import MOST_PROGRAMS, Cutting
from reports.letters.facts import Facts
from reports.letters.links import Links
from reports.letters.parts.decisions import Ask, ask
from reports.letters.parts.hand_offs import HandOff
from reports.letters.parts.headlines import headline_of, partner_headline, slips
from reports.letters.parts.leads import MOST_ASKS, signed, words_of
from reports.letters.parts.news import Note
from reports.letters.parts.one_program import own_headline
from reports.letters.parts.rows import Row
from reports.letters.parts.tiles import Tile
from reports.models import Plan
from reports.words import both, count, days, local, plain, sentence, short, span
from risks.models import Decision

MOST_DECISIONS = 10
MOST_NOTES = 24
MOST_HAND_OFFS = 20
# Of a summary.
FEW_ROWS, FEW_NOTES = 10, 6

T = TypeVar("T")


@dataclass(frozen=True)
class Reader:
    """Whom a letter is for, as far as its words depend on it."""

    user_id: int | None
    zone_name: str
    teams: frozenset[int] = frozenset()

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.zone_name)


@dataclass(frozen=True)
class Content:
    """One reader's letter, before it is written out as text and as HTML."""

    organisation: str
    title: str
    period: str
    since: str
    headline: str
    news: str
    preheader: str
    tiles: list[Tile]
    mine: list[Ask]
    others: list[Ask]
    more_decisions: int
    asks: list[Ask]
    more_asks: int
    said: list[str]
    said_by: str
    rows_title: str
    rows: list[Row]
    more_rows: int
    hand_offs: list[HandOff]
    more_hand_offs: int
    shows_hand_offs: bool
    notes: list[Note]
    more_notes: int
    computed: str
    as_of: str
    zone: str
    schedule: str
    portfolio_url: str
    decisions_url: str
    web_url: str
    settings_url: str
    unsubscribe_url: str
    is_program: bool = False
    written: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Every number of the letter with the record that it was read from."""
        parts: dict[str, list[Any]] = {
            "tiles": self.tiles,
            "decisions": [*self.mine, *self.others],
            "asks": self.asks,
            "rows": self.rows,
            "hand_offs": self.hand_offs,
            "notes": self.notes,
        }
        return self.written | {
            "headline": self.headline,
            **{name: [one.source | {"said": _said(one)} for one in found] for name, found in parts.items()},
        }


def _said(part: Tile | Ask | Row | HandOff | Note) -> list[str]:
    """The words of a part that hold its numbers."""
    match part:
        case Tile():
            return [part.number, part.words, part.beside, *(one.name for one in part.named)]
        case Ask():
            return [part.note]
        case Row():
            return [part.word, part.forecast, part.move]
        case HandOff():
            return [part.dates, part.slack]
    return [part.text]


def compose(
    cutting: Cutting,
    *,
    reader: Reader,
    period: str,
    organisation: str,
    schedule: str,
    links: Links,
    at: datetime,
    most_rows: int = MOST_PROGRAMS,
) -> Content:
    """Put the facts in one reader's order: what is theirs to decide first."""
    facts, cut = cutting.facts, cutting.cut
    mine, others = _decisions(cutting, reader)
    asked = _asked(len(mine), len(others))
    hand_offs = _hand_offs(cutting, reader)
    headline, news = _headline(cutting, hand_offs, asked)
    title = period_title(period)
    said, said_by = _lead(cutting)
    first_mine, more_mine = _first(mine, MOST_DECISIONS)
    first_others, more_others = _first(others, MOST_DECISIONS)
    first_asks, more_asks = _first(cutting.asks, MOST_ASKS)
    rows, more_rows = _first(cutting.rows, min(most_rows, cut.most(most_rows, FEW_ROWS)))
    hand_offs, more_hand_offs = _first(hand_offs, cut.most(MOST_HAND_OFFS, FEW_ROWS))
    notes, more_notes = _first(cutting.notes if cut.tells("news") else [], cut.most(MOST_NOTES, FEW_NOTES))
    return Content(
        organisation=plain(cut.program.name if cut.program else organisation, 80),
        title=f"{plain(cut.program.name, 60)}, {title[:1].lower()}{title[1:]}" if cut.program else title,
        period=f"{title}, {span(facts.since.first, facts.today)}",
        since=short(facts.since.on),
        headline=headline,
        news=", ".join(filter(None, [news, asked])) or "a quiet week",
        preheader=_preheader(cutting, asked),
        tiles=cutting.tiles,
        mine=[ask(decision, facts.today, cutting.site, True) for decision in first_mine],
        others=[ask(decision, facts.today, cutting.site, False) for decision in first_others],
        more_decisions=more_mine + more_others,
        asks=first_asks,
        more_asks=more_asks,
        said=said,
        said_by=said_by,
        rows_title=_rows_title(cut),
        rows=rows,
        more_rows=more_rows,
        hand_offs=hand_offs,
        more_hand_offs=more_hand_offs,
        shows_hand_offs=cut.audience == Plan.Audience.PARTNER,
        notes=notes,
        more_notes=more_notes,
        computed=_computed(facts, reader.zone),
        as_of=local(at, reader.zone),
        zone=reader.zone_name,
        schedule=schedule,
        portfolio_url=f"{links.site}{cut.program.get_absolute_url() if cut.program else '/'}",
        decisions_url=f"{links.site}/decisions",
        web_url=links.web,
        settings_url=links.settings,
        unsubscribe_url=links.unsubscribe,
        is_program=cut.program is not None,
        written={
            "at": (facts.at or at).isoformat(),
            "today": facts.today.isoformat(),
            "since_on": facts.since.on.isoformat(),
            "audience": cut.audience,
            "length": cut.length,
            "program": cut.program.pk if cut.program else None,
            "programs": [program.pk for program in facts.programs],
        },
    )


def _first(found: Sequence[T], most: int) -> tuple[list[T], int]:
    """The first of a list, and how many more there are."""
    return list(found[:most]), max(0, len(found) - most)


def _decisions(cutting: Cutting, reader: Reader) -> tuple[list[Decision], list[Decision]]:
    """Decisions that wait for the reader, and those that wait for others."""
    waiting = cutting.facts.waiting if cutting.cut.tells("decisions") else []
    mine = [decision for decision in waiting if _answers(decision, reader.user_id)]
    return mine, [decision for decision in waiting if not _answers(decision, reader.user_id)]


def _answers(decision: Decision, user_id: int | None) -> bool:
    """Whether a decision waits for this reader: named, or sponsor of a program where nobody is named."""
    if user_id is None:
        return False
    return (decision.decider_id or decision.program.sponsor_id) == user_id


def _asked(mine: int, others: int) -> str:
    if mine:
        return count(mine, "decision waits for you", "decisions wait for you")
    return count(others, "decision waits", "decisions wait") if others else ""


def _hand_offs(cutting: Cutting, reader: Reader) -> list[HandOff]:
    """All that are told, or of a partner those of their own teams."""
    partner = cutting.cut.audience == Plan.Audience.PARTNER
    return [one for teams, one in cutting.hand_offs if not partner or teams & reader.teams]


def _headline(cutting: Cutting, hand_offs: list[HandOff], asked: str) -> tuple[str, str]:
    """The headline, and the news in a few words."""
    if cutting.cut.audience == Plan.Audience.PARTNER:
        late = sum(one.tone == "bad" for one in hand_offs)
        news = count(late, "hand-off is late", "hand-offs are late") if late else ""
        return partner_headline(len(hand_offs), late), news
    if cutting.own:
        return own_headline(cutting.facts, cutting.own, cutting.news, asked), cutting.news
    headline = headline_of(cutting.facts, cutting.slipped, cutting.news, asked)
    return headline, cutting.news or slips(len(cutting.slipped))


def _preheader(cutting: Cutting, asked: str) -> str:
    """What a mailbox shows behind the subject."""
    since = short(cutting.facts.since.on)
    most = [f"{plain(program.name, 60)} ({days(move)})" for move, program in cutting.slipped[:2]]
    changes = count(len(cutting.notes), "change", "changes")
    news = f"Forecasts moved later on {both(most)}." if most else f"{changes} since {since}."
    return " ".join(filter(None, [sentence(asked) if asked else "", news]))


def _lead(cutting: Cutting) -> tuple[list[str], str]:
    """What a program's lead says since the last letter, and who said it when."""
    program = cutting.cut.program
    update = next((row for row in cutting.facts.updates if program and row.program_id == program.pk), None)
    if update is None:
        return [], ""
    return words_of(update) if cutting.cut.tells("update") else [], signed(update, cutting.facts)


def period_title(period: str) -> str:
    """The name of a period in words.

    >>> period_title("2026-W47"), period_title("2026-W07-x2"), period_title("2026-11")
    ('Week 47', 'Week 7', 'November 2026')
    """
    if period[5] == "W":
        return f"Week {int(period[6:8])}"
    return f"{date(int(period[:4]), int(period[5:7]), 1):%B %Y}"


def _rows_title(cut: Cut) -> str:
    exceptional = cut.audience == Plan.Audience.SPONSOR
    if cut.program:
        return "Milestones past their target" if exceptional else "Milestones ahead"
    return "Exceptions" if exceptional else "All programs"


def _computed(facts: Facts, zone: ZoneInfo) -> str:
    moments = [row.computed_at for row in facts.health.values()]
    if not moments:
        return "No forecast has been computed yet."
    return f"Forecasts as of {local(max(moments), zone)}."
