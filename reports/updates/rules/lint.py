"""What an update lacks before anybody reads it: rules over what a lead wrote and the facts beside it. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db import models
from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from forecasts.watermelons import COMPARABLE
from metrics.kpis import Standing
from metrics.models import KPI
from programs.models import Health
from reports.models import Update
from reports.updates.drafting.lines import passed
from reports.updates.drafting.sentences import MONTH, MOST_WORDS, Sentence, amount, between, day, days, read

Facts = Mapping[str, Any]


class Level(models.TextChoices):
    ERROR = "error", lazy("Stops publishing")
    WARNING = "warning", lazy("Asks before publishing")
    OFF = "off", lazy("Off")


@dataclass(frozen=True, slots=True)
class Rule:
    name: str
    label: str | Promise
    level: Level


@dataclass(frozen=True, slots=True)
class Found:
    """Where something is missing, what, and what to do about it. ``line`` counts from 1, in the text of a field."""

    rule: str
    level: Level
    field: str
    text: str
    advice: str
    line: int | None = None


RULES = (
    Rule("cause", lazy("At risk or off track without a cause"), Level.ERROR),
    Rule("path", lazy("At risk or off track without a path to green"), Level.ERROR),
    Rule("owner", lazy("At risk or off track with nobody who brings it back"), Level.ERROR),
    Rule("date", lazy("At risk or off track without a day by which it is back"), Level.ERROR),
    Rule("leap", lazy("From on track to off track without a word why"), Level.ERROR),
    Rule("number", lazy("A drafted line is not what the records say"), Level.ERROR),
    Rule("differs", lazy("Reported health differs from derived health without a word why"), Level.WARNING),
    Rule("header", lazy("A red fact under a green header"), Level.WARNING),
    Rule("ask", lazy("No ask where leadership reads it"), Level.WARNING),
    Rule("stale", lazy("A fact is older than its cadence"), Level.WARNING),
    Rule("reference", lazy("A date or days without what they are held against"), Level.WARNING),
    Rule("long", format_lazy(lazy("A bullet of more than {most} words"), most=MOST_WORDS), Level.WARNING),
)
LEVELS = {rule.name: rule.level for rule in RULES}

NOT_GREEN = (Health.AT_RISK, Health.OFF_TRACK)
CADENCE_DAYS = {KPI.Cadence.DAY: 1, KPI.Cadence.WEEK: 7, KPI.Cadence.MONTH: 31, KPI.Cadence.QUARTER: 92}
WRITTEN = ("cause", "text", "path_to_green", "ask")

BULLET = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+(.*)$")
A_DATE = rf"(?:\d{{1,2}} {MONTH}(?: \d{{4}})?|{MONTH} \d{{1,2}}|\d{{4}}-\d\d-\d\d|Q[1-4](?: \d{{4}})?)"
A_SPAN = (
    r"(?:\d+|an?|one|two|three|four|five|six|seven|eight|nine|ten)[ -]?(?:d\b|days?|weeks?|wks?\b|months?|quarters?)"
)
SHIFT = r"(?:slip\w*|delay\w*|late[r]?|early|earlier|behind|ahead|moved?|push\w*|pull\w*|over)"
SHIFTED = re.compile(rf"\b{SHIFT}\b.{{0,40}}?\b{A_SPAN}|\b{A_SPAN}.{{0,20}}?\b{SHIFT}\b", re.IGNORECASE)
NEW_DATE = re.compile(
    rf"\b(?:now|new date|slip\w* (?:to|until)|moved? to|pushed to|forecast(?: is| for)?)\b.{{0,20}}?\b{A_DATE}",
    re.IGNORECASE,
)
REFERENCE = re.compile(
    r"\b(?:than|against|versus|vs|target|baseline|needed|need-by|promised?|planned?|plan|since|from|before|after|past"
    r"|pace|limit|instead|was|due)\b",
    re.IGNORECASE,
)
ENDS = re.compile(r"(?<=[.!?;])\s+")


@dataclass(frozen=True)
class Desk:
    """What the rules look at: what was written, the facts beside it, and what they would have drafted."""

    update: Update
    facts: Facts
    drafted: list[Sentence] = field(default_factory=list)

    @property
    def is_green(self) -> bool:
        return self.update.health == Health.ON_TRACK

    @property
    def is_not_green(self) -> bool:
        return self.update.health in NOT_GREEN

    @property
    def derived(self) -> str:
        return str((self.facts.get("derived") or {}).get("health", ""))

    def lines(self) -> Iterator[tuple[str, int, str]]:
        """Written lines that are not drafted word by word: field, number, text."""
        drafted = {sentence.markdown for sentence in self.drafted}
        for name in WRITTEN:
            for number, line in enumerate(getattr(self.update, name).splitlines(), 1):
                if line.strip() and line.strip() not in drafted:
                    yield name, number, line


def lint(update: Update, facts: Facts, drafted: list[Sentence], levels: Mapping[str, str]) -> list[Found]:
    """All that is missing, what stops publishing first. ``levels`` name those that are not as they ship."""
    desk = Desk(update, facts, drafted)
    found = []
    for rule in RULES:
        level = Level(levels.get(rule.name, rule.level))
        if level != Level.OFF:
            found += [Found(rule.name, level, *rest) for rest in CHECKS[rule.name](desk)]
    return sorted(found, key=lambda one: one.level != Level.ERROR)


# Field, what, what to do, and the line where there is one.
Said = Iterator[tuple[str, str, str] | tuple[str, str, str, int]]


def cause(desk: Desk) -> Said:
    if desk.is_not_green and not desk.update.cause.strip():
        yield "cause", _("No cause."), _("Say in a sentence why it is not on track.")


def path(desk: Desk) -> Said:
    if desk.is_not_green and not desk.update.path_to_green.strip():
        yield "path_to_green", _("No path to green."), _("Say what brings it back on track.")


def owner(desk: Desk) -> Said:
    if desk.is_not_green and desk.update.path_owner_id is None:
        yield "path_owner", _("Nobody brings it back."), _("Name who does what the path to green says.")


def by_when(desk: Desk) -> Said:
    if desk.is_not_green and desk.update.path_on is None:
        yield "path_on", _("No day by which it is back on track."), _("Name a day, even a rough one.")


def leap(desk: Desk) -> Said:
    said = (desk.facts.get("reported_before") or {}).get("health")
    leaps = said == Health.ON_TRACK and desk.update.health == Health.OFF_TRACK
    if leaps and not desk.update.cause.strip():
        yield (
            "health",
            _("From on track to off track at once."),
            _("Say under “Why it stands so” what nobody saw coming."),
        )


def number(desk: Desk) -> Said:
    """A drafted line that the records left behind, or one that is drafted but for its numbers."""
    for one in passed(desk.update.text, read(desk.update.sentences), desk.drafted):
        if one.now:
            advice = _("The records say: %(sentence)s Add that, and it takes this line’s place.")
            yield "text", _("A line is not what the records say."), advice % {"sentence": one.now.text}, one.place
        else:
            advice = _("Take the line out, or say it in your own words.")
            yield "text", _("The records do not say this any more."), advice, one.place


def differs(desk: Desk) -> Said:
    word = desk.update.health
    if word in COMPARABLE and desk.derived in COMPARABLE and word != desk.derived and not desk.update.cause.strip():
        said, derived = (Health(one).label.lower() for one in (word, desk.derived))
        yield (
            "health",
            _("You say %(said)s, the data say %(derived)s.") % {"said": said, "derived": derived},
            _("Say under “Why it stands so” what the data miss."),
        )


def header(desk: Desk) -> Said:
    if not desk.is_green:
        return
    advice = _("Report what it is, or say in the text why it does not matter.")
    now = desk.facts.get("derived") or {}
    if desk.derived == Health.OFF_TRACK and now.get("p80_on") and now.get("target_on"):
        late = days(between(now["p80_on"], now["target_on"]))
        what = _("P80 is %(day)s, %(late)s later than its target.") % {"day": day(now["p80_on"]), "late": late}
        yield "health", what, advice
    for row in desk.facts.get("kpis", ()):
        if row["standing"] == Standing.PAST_LIMIT:
            what = _("%(name)s is %(value)s, past its limit of %(limit)s.") % {
                "name": row["name"],
                "value": amount(row["value"], row["unit"]),
                "limit": amount(row["limit"]),
            }
            yield "health", what, advice


def ask(desk: Desk) -> Said:
    if desk.facts.get("sponsored") and not desk.update.ask.strip():
        yield "ask", _("No ask."), _("Leadership reads asks first. Say what you need, or that you need nothing.")


def stale(desk: Desk) -> Said:
    today = desk.facts["day"]
    for row in desk.facts.get("kpis", ()):
        if row["measured_on"] and between(today, row["measured_on"]) > CADENCE_DAYS[row["cadence"]]:
            what = _("%(name)s was measured last on %(day)s; it is a %(cadence)s number.") % {
                "name": row["name"],
                "day": day(row["measured_on"]),
                "cadence": KPI.Cadence(row["cadence"]).label,
            }
            yield "text", what, _("Measure it, or say why not.")
    derived_on = (desk.facts.get("derived") or {}).get("day")
    if derived_on and date.fromisoformat(derived_on) < date.fromisoformat(today):
        yield (
            "text",
            _("The forecast is of %(day)s.") % {"day": day(derived_on)},
            _("Wait for the next run: it takes seconds."),
        )


def reference(desk: Desk) -> Said:
    for name, place, line in desk.lines():
        for sentence in ENDS.split(line):
            shifts = SHIFTED.search(sentence) or NEW_DATE.search(sentence)
            if shifts and not REFERENCE.search(sentence):
                yield (
                    name,
                    _("“%(words)s”: against what?") % {"words": shifts[0].strip()},
                    _("Say it: later than the target of …"),
                    place,
                )


def long(desk: Desk) -> Said:
    for name, place, line in desk.lines():
        bullet = BULLET.match(line)
        if bullet and (count := len(bullet[1].split())) > MOST_WORDS:
            yield (
                name,
                _("A bullet of %(count)s words.") % {"count": count},
                _("Cut it to %(most)s, or make it two.") % {"most": MOST_WORDS},
                place,
            )


CHECKS: dict[str, Callable[[Desk], Said]] = {
    "cause": cause,
    "path": path,
    "owner": owner,
    "date": by_when,
    "leap": leap,
    "number": number,
    "differs": differs,
    "header": header,
    "ask": ask,
    "stale": stale,
    "reference": reference,
    "long": long,
}
