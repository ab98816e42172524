"""What a letter says: facts of the programs a reader may see, put in order, cut to its audience, written out twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import css_inline
from django.template.loader import render_to_string

from programs.models import Program
from reports.facts import Facts
from reports.headlines import headline_of, least, news_of, partner_headline, slips
from reports.leads import MOST_ASKS, asks, signed, words_of
from reports.models import Plan
from reports.one_program import own_headline, own_news, own_notes, own_tiles
from reports.sections import (
    WEEK_DAYS,
    Ask,
    HandOff,
    Note,
    Row,
    Tile,
    ask,
    hand_off,
    milestone_row,
    moved,
    notes,
    program_row,
    rank,
    tiles,
)
from reports.words import both, count, days, local, plain, sentence, short, span
from risks.models import Decision

# Gmail cuts a message at about 102 kB.
MOST_BYTES = 100_000
MOST_PROGRAMS = 40
MOST_DECISIONS = 10
MOST_NOTES = 24
MOST_HAND_OFFS = 20
# Of a summary.
FEW_ROWS, FEW_NOTES = 10, 6
# A letter after a long silence looks back this far and no further.
LONGEST_LOOK_BACK = timedelta(days=35)

SLOT = '<tr id="body"></tr>'
INLINER = css_inline.CSSInliner(load_remote_stylesheets=False)

SECTIONS = {
    "numbers": "Four numbers",
    "decisions": "Decisions that wait",
    "asks": "What leads ask for",
    "update": "What the lead says",
    "programs": "Programs, or a program's milestones",
    "hand_offs": "Hand-offs",
    "news": "What happened",
}
# What an audience is not told, for it is not theirs.
LEFT_OUT = {
    Plan.Audience.EVERYONE: frozenset[str](),
    Plan.Audience.TEAM: frozenset[str](),
    Plan.Audience.SPONSOR: frozenset({"update", "hand_offs", "news"}),
    Plan.Audience.PARTNER: frozenset({"numbers", "decisions", "asks", "update", "programs", "news"}),
}


@dataclass(frozen=True)
class Cut:
    """How much of the facts one audience is told. No cut changes a number; it leaves things out."""

    audience: str = Plan.Audience.EVERYONE
    length: str = Plan.Length.FULL
    without: frozenset[str] = frozenset()
    program: Program | None = None

    @classmethod
    def of(cls, plan: Plan) -> Cut:
        return cls(plan.audience, plan.length, frozenset(plan.without.split()), plan.program)

    def tells(self, section: str) -> bool:
        if self.length == Plan.Length.HEADLINE and section not in ("numbers", "decisions", "asks"):
            return False
        return section not in self.without and section not in LEFT_OUT[Plan.Audience(self.audience)]

    def most(self, many: int, few: int) -> int:
        return many if self.length == Plan.Length.FULL else few


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
class Links:
    """Addresses of a letter that differ from reader to reader."""

    site: str
    web: str
    settings: str
    unsubscribe: str


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
            return [part.number, part.words, part.beside]
        case Ask():
            return [part.note]
        case Row():
            return [part.word, part.forecast, part.move]
        case HandOff():
            return [part.dates, part.slack]
    return [part.text]


@dataclass
class Cutting:
    """What all readers of one cut of the same facts are told alike: worked out once."""

    facts: Facts
    cut: Cut
    site: str
    # How many rows fitted into the letters so far, and the bodies that were written for them.
    fits: int = MOST_PROGRAMS
    bodies: dict[Any, tuple[str, str]] = field(default_factory=dict)

    @property
    def own(self) -> Program | None:
        """The program that the letter is about, where it is about one."""
        return self.cut.program if self.facts.programs else None

    @cached_property
    def later(self) -> list[tuple[int, Program]]:
        found = [(move, p) for p in self.facts.programs if (move := moved(self.facts, p.pk)) is not None and move > 0]
        return sorted(found, key=lambda pair: -pair[0])

    @cached_property
    def slipped(self) -> list[tuple[int, Program]]:
        return [(move, p) for move, p in self.later if move >= WEEK_DAYS]

    @cached_property
    def news(self) -> str:
        if self.own:
            return own_news(self.facts, self.own)
        return news_of(self.facts, self.slipped) or ("" if self.slipped else least(self.later))

    @cached_property
    def tiles(self) -> list[Tile]:
        if not self.cut.tells("numbers"):
            return []
        return own_tiles(self.facts, self.own) if self.own else tiles(self.facts)

    @cached_property
    def rows(self) -> list[Row]:
        if not self.cut.tells("programs"):
            return []
        facts = self.facts
        if self.cut.program:
            slips = [
                (row.forecast.p80_on - row.target_on).days
                for row in facts.milestones
                if hasattr(row, "forecast") and row.forecast.p80_on and row.target_on
            ]
            longest = max(slips, default=0)
            rows = [milestone_row(row, facts.today, self.site, longest) for row in facts.milestones]
        else:
            longest = max([row.slip_days or 0 for row in facts.health.values()], default=0)
            ranked = sorted(facts.programs, key=lambda program: rank(facts, program))
            rows = [program_row(facts, program, self.site, longest) for program in ranked]
        return [row for row in rows if row.exceptional] if self.cut.audience == Plan.Audience.SPONSOR else rows

    @cached_property
    def asks(self) -> list[Ask]:
        return asks(self.facts, self.site) if self.cut.tells("asks") else []

    @cached_property
    def notes(self) -> list[Note]:
        told = notes(self.facts, self.site)
        return own_notes(told) if self.own else told

    @cached_property
    def hand_offs(self) -> list[tuple[frozenset[int], HandOff]]:
        """Each with the teams at its ends."""
        if not self.cut.tells("hand_offs") or not (self.cut.program or self.cut.audience == Plan.Audience.PARTNER):
            return []
        return [
            (
                frozenset(pk for pk in (row.predecessor.team_id, row.successor.team_id) if pk),
                hand_off(row, self.site),
            )
            for row in self.facts.hand_offs
        ]


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
    waiting = facts.waiting if cut.tells("decisions") else []
    mine = [d for d in waiting if _answers(d, reader.user_id)]
    others = [d for d in waiting if not _answers(d, reader.user_id)]
    asked = count(len(mine), "decision waits for you", "decisions wait for you") if mine else ""
    if not mine and others:
        asked = count(len(others), "decision waits", "decisions wait")
    hand_offs = [
        one for teams, one in cutting.hand_offs if cut.audience != Plan.Audience.PARTNER or teams & reader.teams
    ]
    told = cutting.notes if cut.tells("news") else []
    most = min(most_rows, cut.most(most_rows, FEW_ROWS))
    most_notes, most_hand_offs = cut.most(MOST_NOTES, FEW_NOTES), cut.most(MOST_HAND_OFFS, FEW_ROWS)
    slipped, rows = cutting.slipped, cutting.rows
    title = period_title(period)
    said = next((u for u in facts.updates if cut.program and u.program_id == cut.program.pk), None)
    if cut.audience == Plan.Audience.PARTNER:
        late = sum(one.tone == "bad" for one in hand_offs)
        news = count(late, "hand-off is late", "hand-offs are late") if late else ""
        headline = partner_headline(len(hand_offs), late)
    else:
        news = cutting.news or ("" if cutting.own else slips(len(slipped)))
        if cutting.own:
            headline = own_headline(facts, cutting.own, news, asked)
        else:
            headline = headline_of(facts, slipped, cutting.news, asked)
    return Content(
        organisation=plain(cut.program.name if cut.program else organisation, 80),
        title=f"{plain(cut.program.name, 60)}, {title[:1].lower()}{title[1:]}" if cut.program else title,
        period=f"{title}, {span(facts.since.on, facts.today)}",
        since=short(facts.since.on),
        headline=headline,
        news=", ".join(filter(None, [news, asked])) or "a quiet week",
        preheader=" ".join(
            filter(
                None,
                [
                    sentence(asked) if asked else "",
                    f"Forecasts moved later on {both([f'{plain(p.name, 60)} ({days(m)})' for m, p in slipped[:2]])}."
                    if slipped
                    else f"{count(len(cutting.notes), 'change', 'changes')} since {short(facts.since.on)}.",
                ],
            )
        ),
        tiles=cutting.tiles,
        mine=[ask(d, facts.today, cutting.site, True) for d in mine[:MOST_DECISIONS]],
        others=[ask(d, facts.today, cutting.site, False) for d in others[:MOST_DECISIONS]],
        more_decisions=max(0, len(mine) - MOST_DECISIONS) + max(0, len(others) - MOST_DECISIONS),
        asks=cutting.asks[:MOST_ASKS],
        more_asks=max(0, len(cutting.asks) - MOST_ASKS),
        said=words_of(said) if said and cut.tells("update") else [],
        said_by=signed(said) if said else "",
        rows_title=_rows_title(cut),
        rows=rows[:most],
        more_rows=max(0, len(rows) - most),
        hand_offs=hand_offs[:most_hand_offs],
        more_hand_offs=max(0, len(hand_offs) - most_hand_offs),
        shows_hand_offs=cut.audience == Plan.Audience.PARTNER,
        notes=told[:most_notes],
        more_notes=max(0, len(told) - most_notes),
        computed=_computed(facts, reader.zone),
        as_of=f"{local(at, reader.zone)}",
        zone=reader.zone_name,
        schedule=schedule,
        portfolio_url=f"{links.site}{cut.program.get_absolute_url() if cut.program else '/'}",
        decisions_url=f"{links.site}/decisions",
        web_url=links.web,
        settings_url=links.settings,
        unsubscribe_url=links.unsubscribe,
        is_program=cut.program is not None,
        written={
            "at": at.isoformat(),
            "today": facts.today.isoformat(),
            "since_on": facts.since.on.isoformat(),
            "audience": cut.audience,
            "length": cut.length,
            "program": cut.program.pk if cut.program else None,
            "programs": [program.pk for program in facts.programs],
        },
    )


def render(content: Content, bodies: dict[Any, tuple[str, str]]) -> tuple[str, str, str]:
    """Subject, plain text and HTML with its style inline; what readers share is written once, in ``bodies``."""
    shared = len(content.rows), tuple(one.url for one in content.hand_offs)
    if shared not in bodies:
        bodies[shared] = _body(content)
    text, html = bodies[shared]
    context = {"letter": content, "body": text}
    subject = plain(render_to_string("emails/weekly.subject.txt", context), 150)
    own = INLINER.inline(render_to_string("emails/weekly.html", context))
    return subject, render_to_string("emails/weekly.txt", context), _broken(own.replace(SLOT, html))


def _body(content: Content) -> tuple[str, str]:
    """Programs, hand-offs and news as text and as HTML with its style inline."""
    html = INLINER.inline(render_to_string("emails/weekly_body.html", {"letter": content}))
    html = html.partition('<tr id="begin"></tr>')[2].partition('<tr id="end"></tr>')[0]
    return render_to_string("emails/weekly_body.txt", {"letter": content}), html


def _broken(html: str) -> str:
    """With a line for each cell: mail takes lines of up to 998 characters as they are, and encodes longer ones."""
    return html.replace("</td><td", "</td>\n<td").replace("</tr><tr", "</tr>\n<tr").replace("</th><t", "</th>\n<t")


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


def _answers(decision: Decision, user_id: int | None) -> bool:
    """Whether a decision waits for this reader: named, or sponsor of a program where nobody is named."""
    if user_id is None:
        return False
    return (decision.decider_id or decision.program.sponsor_id) == user_id


def _computed(facts: Facts, zone: ZoneInfo) -> str:
    moments = [row.computed_at for row in facts.health.values()]
    if not moments:
        return "No forecast has been computed yet."
    return f"Forecasts as of {local(max(moments), zone)}."
