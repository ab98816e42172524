"""What a weekly letter says: facts of the programs a reader may see, put in order and written out twice."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from unicodedata import category
from zoneinfo import ZoneInfo

import css_inline
from django.template.loader import render_to_string
from django.utils.formats import date_format

from forecasts.models import ProgramHealth
from milestones.models import Milestone
from people.models import User
from programs.models import Health, Program
from reports.facts import Facts
from reports.models import Letter
from reports.since import days_moved, past_target
from risks.models import Decision

# Gmail cuts a message at about 102 kB.
MOST_BYTES = 100_000
MOST_PROGRAMS = 40
MOST_DECISIONS = 10
MOST_NOTES = 24
BAR_PIXELS = 74
WEEK_DAYS = 7
# A letter after a long silence looks back this far and no further.
LONGEST_LOOK_BACK = timedelta(days=35)

SYMBOLS = {
    Health.ON_TRACK: ("ok", "●"),
    Health.AT_RISK: ("warn", "▲"),
    Health.OFF_TRACK: ("bad", "■"),
    Health.DONE: ("ok", "✓"),
    Health.ON_HOLD: ("none", "◇"),
    Health.NOT_STARTED: ("none", "▷"),
    Health.NO_FORECAST: ("none", "○"),
}
WORST_FIRST = [
    Health.OFF_TRACK,
    Health.AT_RISK,
    Health.ON_TRACK,
    Health.NO_FORECAST,
    Health.NOT_STARTED,
    Health.ON_HOLD,
    Health.DONE,
]
# Rules of derived health that say why there is no forecast.
MISSING = {
    "no_end": "needs an end milestone",
    "no_target": "needs a target",
    "unplanned": "needs dates or work",
    "loop": "waits for itself",
}
JUDGED = {Health.ON_TRACK, Health.AT_RISK, Health.OFF_TRACK}
NUMBERS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]

# Format characters that scripts and emoji need; the others can turn a line around.
JOINERS = "\u200c\u200d"
EMPHASIS = re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1")

INLINER = css_inline.CSSInliner(load_remote_stylesheets=False)


@dataclass(frozen=True)
class Ask:
    """A decision that waits, and for whom."""

    program: str
    question: str
    note: str
    tone: str
    url: str


@dataclass(frozen=True)
class Row:
    """A program in the table of all programs."""

    name: str
    url: str
    tone: str
    symbol: str
    word: str
    lead_says: str
    forecast: str
    forecast_tone: str
    bar: int
    move: str
    move_tone: str


@dataclass(frozen=True)
class Note:
    """One thing that happened since the last letter."""

    program: str
    url: str
    text: str


@dataclass(frozen=True)
class Tile:
    number: str
    words: str
    beside: str


@dataclass(frozen=True)
class Content:
    """One reader's letter, before it is written out as text and as HTML."""

    organisation: str
    week: int
    period: str
    since: str
    headline: str
    news: str
    preheader: str
    tiles: list[Tile]
    mine: list[Ask]
    others: list[Ask]
    more_decisions: int
    rows: list[Row]
    more_programs: int
    notes: list[Note]
    more_notes: int
    computed: str
    zone: str
    schedule: str
    portfolio_url: str
    decisions_url: str
    web_url: str
    settings_url: str
    unsubscribe_url: str


def plain(text: str, most: int = 200) -> str:
    """Somebody's words on one line, without control characters and marks of emphasis, cut to a length.

    >>> plain("a\\r\\nBcc:  b\\u202e"), plain("**Power** is 2 ** 3 d late")
    ('a Bcc: b', 'Power is 2 ** 3 d late')
    """
    kept = "".join(" " if category(c) in {"Cc", "Zl", "Zp"} else c for c in text if category(c) != "Cf" or c in JOINERS)
    line = EMPHASIS.sub(r"\2", " ".join(kept.split()))
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def days(value: int) -> str:
    """Days with their sign.

    >>> days(12), days(-2), days(0)
    ('+12 d', '−2 d', '0 d')
    """
    return f"{value:+} d".replace("-", "−") if value else "0 d"


def count(number: int, one: str, many: str) -> str:
    """
    >>> count(1, "decision waits", "decisions wait"), count(14, "decision waits", "decisions wait")
    ('one decision waits', '14 decisions wait')
    """
    return f"{NUMBERS[number] if number < len(NUMBERS) else number} {one if number == 1 else many}"


def sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def both(names: list[str]) -> str:
    return " and ".join(names)


def short(day: date) -> str:
    return date_format(day, "j M")


@dataclass(frozen=True)
class Links:
    """Addresses of a letter that differ from reader to reader."""

    site: str
    web: str
    settings: str
    unsubscribe: str


def compose(
    facts: Facts,
    *,
    reader: User,
    letter: Letter,
    organisation: str,
    schedule: str,
    links: Links,
    most_programs: int = MOST_PROGRAMS,
) -> Content:
    """Put the facts in one reader's order: what is theirs to decide first."""
    mine = [d for d in facts.waiting if _answers(d, reader)]
    others = [d for d in facts.waiting if not _answers(d, reader)]
    later = [(move, p) for p in facts.programs if (move := _move(facts, p.pk)) is not None and move > 0]
    later.sort(key=lambda pair: -pair[0])
    slipped = [(move, p) for move, p in later if move >= WEEK_DAYS]
    news = _news(facts, slipped) or ("" if slipped else _least(later))
    asked = count(len(mine), "decision waits for you", "decisions wait for you") if mine else ""
    if not mine and others:
        asked = count(len(others), "decision waits", "decisions wait")
    ranked = sorted(facts.programs, key=lambda p: _rank(facts, p))
    notes = _notes(facts, links.site)
    longest = max([row.slip_days or 0 for row in facts.health.values()], default=0)
    week = int(letter.week[6:8])
    return Content(
        organisation=plain(organisation, 80),
        week=week,
        period=f"Week {week}, {_span_words(facts.since.on, facts.today)}",
        since=short(facts.since.on),
        headline=_headline(facts, slipped, news, asked),
        news=", ".join(filter(None, [news or _slips(len(slipped)), asked])) or "a quiet week",
        preheader=" ".join(
            filter(
                None,
                [
                    sentence(asked) if asked else "",
                    f"Forecasts moved later on {both([f'{plain(p.name, 60)} ({days(m)})' for m, p in slipped[:2]])}."
                    if slipped
                    else f"{len(facts.programs)} programs, {len(notes)} changes since {short(facts.since.on)}.",
                ],
            )
        ),
        tiles=_tiles(facts),
        mine=[_ask(d, facts.today, links.site, True) for d in mine[:MOST_DECISIONS]],
        others=[_ask(d, facts.today, links.site, False) for d in others[:MOST_DECISIONS]],
        more_decisions=max(0, len(mine) - MOST_DECISIONS) + max(0, len(others) - MOST_DECISIONS),
        rows=[_row(facts, p, links.site, longest) for p in ranked[:most_programs]],
        more_programs=max(0, len(ranked) - most_programs),
        notes=notes[:MOST_NOTES],
        more_notes=max(0, len(notes) - MOST_NOTES),
        computed=_computed(facts, ZoneInfo(reader.time_zone)),
        zone=reader.time_zone,
        schedule=schedule,
        portfolio_url=f"{links.site}/",
        decisions_url=f"{links.site}/decisions",
        web_url=links.web,
        settings_url=links.settings,
        unsubscribe_url=links.unsubscribe,
    )


def render(content: Content) -> tuple[str, str, str]:
    """Subject, plain text and HTML with its style inline."""
    context = {"letter": content}
    subject = plain(render_to_string("emails/weekly.subject.txt", context), 150)
    text = render_to_string("emails/weekly.txt", context)
    return subject, text, INLINER.inline(render_to_string("emails/weekly.html", context))


def _answers(decision: Decision, reader: User) -> bool:
    """Whether a decision waits for this reader: named, or sponsor of a program where nobody is named."""
    if decision.decider_id:
        return decision.decider_id == reader.pk
    return decision.program.sponsor_id == reader.pk


def _move(facts: Facts, program_id: int) -> int | None:
    """Days that P80 moved since the last letter; later is positive."""
    return days_moved(facts.health.get(program_id), facts.health_before.get(program_id))


def _health(facts: Facts, program_id: int) -> Health:
    row = facts.health.get(program_id)
    return Health(row.health) if row else Health.NO_FORECAST


def _turned(facts: Facts) -> Iterable[tuple[Program, ProgramHealth, Health]]:
    """Programs whose derived health is another one than in the last letter, with that one and today's."""
    for program in facts.programs:
        before, now = facts.health_before.get(program.pk), _health(facts, program.pk)
        if before and before.health != now:
            yield program, before, now


def _news(facts: Facts, slipped: list[tuple[int, Program]]) -> str:
    """The strongest change of colour, in words: bad news first."""
    turned = [(p, now) for p, _, now in _turned(facts)]
    for health, words in (
        (Health.OFF_TRACK, "now off track"),
        (Health.AT_RISK, "now at risk"),
        (Health.DONE, "done"),
        (Health.ON_TRACK, "back on track"),
    ):
        if health == Health.ON_TRACK and slipped:
            continue
        names = [plain(p.name, 60) for p, now in turned if now == health]
        if len(names) > 2:
            return count(len(names), f"program is {words}", f"programs are {words}")
        if names:
            return f"{both(names)} {'is' if len(names) == 1 else 'are'} {words}"
    return ""


def _least(later: list[tuple[int, Program]]) -> str:
    """Slips of less than a week, told where there is no stronger news."""
    if not later:
        return ""
    move, program = later[0]
    most = f", the most of {count(len(later), 'program', 'programs')}" if len(later) > 1 else ""
    return f"{plain(program.name, 60)} slipped {move} d{most}"


def _slips(number: int) -> str:
    return count(number, "forecast slipped", "forecasts slipped") + " by a week or more" if number else ""


def _headline(facts: Facts, slipped: list[tuple[int, Program]], news: str, asked: str) -> str:
    if not facts.programs:
        return "No program is open to you yet."
    rest = ", and ".join(filter(None, [news, asked]))
    calm = "" if slipped or news else "no program changed colour and no forecast slipped"
    return " ".join(sentence(part) for part in (_slips(len(slipped)), calm, rest) if part)


def _rank(facts: Facts, program: Program) -> tuple[int, int, str, int]:
    row = facts.health.get(program.pk)
    slip = row.slip_days if row and row.slip_days is not None else -10_000
    return WORST_FIRST.index(_health(facts, program.pk)), -slip, program.name, program.pk


def _tiles(facts: Facts) -> list[Tile]:
    listed = [p.pk for p in facts.programs]
    forecast = [row for p in listed if (row := facts.health.get(p)) and row.slip_days is not None]
    past, before = past_target(forecast), past_target(facts.health_before.get(p) for p in listed)
    differ = sum(bool(_lead_says(facts, p)) and _health(facts, p) in JUDGED for p in listed)
    return [
        Tile(f"{past} of {len(forecast)}", "P80 past target", f"{before} before {short(facts.since.on)}"),
        Tile(
            str(facts.open_risks),
            "open risk" if facts.open_risks == 1 else "open risks",
            f"{len(facts.new_risks)} new, {len(facts.closed_risks)} closed",
        ),
        Tile(str(differ), "lead disagrees" if differ == 1 else "leads disagree", "with the data"),
        Tile(
            str(facts.late_hand_offs),
            "late hand-off" if facts.late_hand_offs == 1 else "late hand-offs",
            "promised after needed",
        ),
    ]


def _lead_says(facts: Facts, program_id: int) -> str:
    """The lead's word where it differs from derived health."""
    reported, derived = facts.reported.get(program_id), _health(facts, program_id)
    if not reported or reported.health == derived or derived not in JUDGED | {Health.NO_FORECAST}:
        return ""
    return f"lead says {Health(reported.health).label.lower()}"


def _row(facts: Facts, program: Program, site: str, longest: int) -> Row:
    health = _health(facts, program.pk)
    tone, symbol = SYMBOLS[health]
    derived = facts.health.get(program.pk)
    slip = derived.slip_days if derived else None
    move = _move(facts, program.pk)
    if slip is None:
        forecast, forecast_tone, bar = _why_no_slip(derived), "none", 0
    elif slip > 0:
        forecast, forecast_tone, bar = days(slip), tone, max(4, round(BAR_PIXELS * slip / max(longest, 1)))
    else:
        forecast, forecast_tone, bar = (f"{-slip} d early" if slip else "on the day"), "ok", 0
    return Row(
        name=plain(program.name, 80),
        url=f"{site}{program.get_absolute_url()}",
        tone=tone,
        symbol=symbol,
        word=health.label,
        lead_says=_lead_says(facts, program.pk),
        forecast=forecast,
        forecast_tone=forecast_tone,
        bar=bar,
        move="–" if move is None else days(move),
        move_tone="none" if not move else "ok" if move < 0 else "bad" if move >= WEEK_DAYS else "warn",
    )


def _why_no_slip(derived: ProgramHealth | None) -> str:
    """What is missing, in a word; the program's page says it in full."""
    rules = {finding["rule"] for finding in derived.findings} if derived else set()
    if derived and derived.p80_on:
        return f"{short(derived.p80_on)}, no target"
    return next((words for rule, words in MISSING.items() if rule in rules), "–")


def _ask(decision: Decision, today: date, site: str, mine: bool) -> Ask:
    by = decision.decide_by_on
    left = (by - today).days if by else None
    who = "You are" if mine else f"{plain(decision.decider.name, 60)} is" if decision.decider else "Nobody is"
    if by is None or left is None:
        when = f"{who} named to decide; no day is set"
    elif left < 0:
        when = f"{who} to decide; it was due {date_format(by, 'D j M')}, {-left} d ago"
    else:
        when = f"{who} to decide by {date_format(by, 'D j M')}"
    return Ask(
        program=plain(decision.program.name, 80),
        question=plain(decision.question, 240),
        note=f"{when} ({decision.reference})",
        tone="none" if left is None else "bad" if left <= WEEK_DAYS else "warn",
        url=f"{site}/d/{decision.reference}",
    )


def _notes(facts: Facts, site: str) -> list[Note]:
    """What happened, most telling first."""
    lines: list[tuple[Program, str]] = []
    for program, before, now in _turned(facts):
        was = Health(before.health).label.lower()
        lines.append((program, f"{now.label.lower()}, was {was} on {short(before.day)}."))
    for program in facts.programs:
        said, reported = facts.reported_before.get(program.pk), facts.reported.get(program.pk)
        if said and reported and said.health != reported.health:
            words = f"{Health(reported.health).label.lower()} instead of {Health(said.health).label.lower()}"
            turn = f"{plain(reported.by.name, 60)} now says {words}"
            lines.append((program, f"{turn}: {_ended(reported.because)}" if reported.because else f"{turn}."))
    lines += [(u.program, f"{plain(u.author.name, 60)} asks: {_ended(u.ask)}") for u in facts.updates if u.ask]
    lines += [(d.program, f"decided ({d.reference}): {_ended(d.answer)}") for d in facts.taken]
    lines += [(m.program, _met(m)) for m in facts.done]
    lines += [(r.program, f"new risk {r.reference}: {_ended(r.title)}") for r in facts.new_risks]
    lines += [(r.program, f"risk {r.reference} closed: {_ended(r.closed_because)}") for r in facts.closed_risks]
    for program in facts.programs:
        row, last = facts.health.get(program.pk), facts.reported.get(program.pk)
        if row and any(finding["rule"] == "stale" for finding in row.findings):
            silent = f"no update for {(facts.today - last.at.date()).days} days." if last else "no update yet."
            lines.append((program, silent))
    return [Note(plain(p.name, 80), f"{site}{p.get_absolute_url()}", text) for p, text in lines]


def _ended(text: str) -> str:
    """Somebody's words as the end of a sentence."""
    words = plain(text, 200)
    return words if words.endswith((".", "!", "?", "…")) else f"{words}."


def _met(milestone: Milestone) -> str:
    done = f"“{plain(milestone.name, 100)}” done on {short(milestone.done_on)}" if milestone.done_on else ""
    if milestone.done_on is None or milestone.target_on is None:
        return f"{done}."
    late = (milestone.done_on - milestone.target_on).days
    if not late:
        return f"{done}, on its target."
    return f"{done}, {abs(late)} d {'after' if late > 0 else 'before'} its target."


def _computed(facts: Facts, zone: ZoneInfo) -> str:
    moments = [row.computed_at for row in facts.health.values()]
    if not moments:
        return "No forecast has been computed yet."
    return f"Forecasts as of {_local(max(moments), zone)}."


def _local(at: datetime, zone: ZoneInfo) -> str:
    local = at.astimezone(zone)
    return f"{date_format(local, 'j M Y, H:i')} {local.tzname()}"


def _span_words(first: date, last: date) -> str:
    if first >= last:
        return date_format(last, "j M Y")
    start = "j" if first.month == last.month else "j M" if first.year == last.year else "j M Y"
    return f"{date_format(first, start)} to {date_format(last, 'j M Y')}"
