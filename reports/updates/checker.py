"""Computes every number of a published update again, and says where the answer is another one.

Three ways that share nothing: the rules draft again from the frozen snapshot and must say the same; each number of a
sentence must follow from the fields that it names as its sources; and the snapshot must agree with the history of its
records and with the forecast run that it names, as far as those are kept.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.apps import apps
from django.db.models import Model

from forecasts.models import FrozenHealth
from forecasts.parts import UNCERTAIN
from metrics.models import KPI, Measurement
from milestones.models import Dependency, Milestone
from people.services import organisation_zone
from reports.models import Update
from reports.updates import drafting
from reports.updates.drafting.sentences import MINUS, NAMES, Sentence, Source, between, day, read
from risks.models import Decision, Issue, Risk

# In the snapshot: the lists that hold the records of a kind.
LISTS: dict[str, tuple[str, ...]] = {
    "milestone": ("milestones",),
    "risk": ("risks", "closed_risks"),
    "issue": ("issues",),
    "decision": ("decisions", "decided"),
    "dependency": ("hand_offs",),
    "kpi": ("kpis",),
    "baseline": ("baselines",),
    "date_move": ("moves",),
}
# Fields of the snapshot that the history of a record must know at the version that the snapshot names.
REMEMBERED: dict[str, tuple[type[Model], dict[str, str]]] = {
    "milestone": (Milestone, {name: name for name in ("target_on", "done_on", "cancelled_on")}),
    "risk": (Risk, {name: name for name in ("probability", "review_on", "raised_on", "closed_on")}),
    "issue": (Issue, {name: name for name in ("raised_on", "due_on", "closed_on")}),
    "decision": (Decision, {name: name for name in ("decide_by_on", "decided_on")}),
    "dependency": (Dependency, {name: name for name in ("need_by_on", "promised_on")}),
    "kpi": (KPI, {"target": "target_value", "limit": "limit_value"}),
}
DERIVED = ("health", "finish_on", "p50_on", "p80_on", "target_on", "slip_days", "chance")

DATES = re.compile(r"\b\d{1,2} [A-Z][a-z]{2} \d{4}\b")
NUMBERS = re.compile(rf"(?<![\w.]){MINUS}?\d[\d,]*(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Difference:
    """A number that is another one when it is computed again, in an update or a letter."""

    id: int
    where: str
    said: str
    found: str
    noun: str = "update"

    def __str__(self) -> str:
        return f"{self.noun} {self.id}, {self.where}: says {self.said}, computed {self.found}"


@dataclass(frozen=True, slots=True)
class Checked:
    """What was looked at, and what differs. ``own`` counts numbers in a lead's own words, which have no source."""

    numbers: int
    own: int
    differences: list[Difference]


def check(update: Update, zone: ZoneInfo) -> Checked:
    """Check one published update, whose days are those of a zone: eight queries."""
    facts: Mapping[str, Any] = update.snapshot or {}
    sentences = read(update.sentences)
    found = [
        *_text(update, sentences),
        *_drafted_again(update, facts, sentences),
        *_explained(update, sentences, zone),
        *_sources(update, facts, sentences),
        *_forecast(update, facts),
        *_history(update, facts),
    ]
    told = sum(len(numbers_of(sentence)) for sentence in sentences)
    drafted = {sentence.markdown for sentence in sentences}
    own = [line for line in update.text.splitlines() if line.strip() not in drafted]
    return Checked(told, sum(len(NUMBERS.findall(line)) for line in own), found)


def check_all(updates: Iterable[Update]) -> Checked:
    zone = organisation_zone()
    each = [check(update, zone) for update in updates]
    return Checked(
        sum(one.numbers for one in each),
        sum(one.own for one in each),
        [difference for one in each for difference in one.differences],
    )


# -- the words -------------------------------------------------------------------------------------------------------


def _text(update: Update, sentences: list[Sentence]) -> Iterator[Difference]:
    """What has sources stands in the text word by word."""
    lines = {line.strip() for line in update.text.splitlines()}
    for sentence in sentences:
        if sentence.markdown not in lines:
            yield Difference(update.pk, f"text, rule {sentence.rule}", "something else", sentence.text)


def _drafted_again(update: Update, facts: Mapping[str, Any], sentences: list[Sentence]) -> Iterator[Difference]:
    """The rules say the same of the frozen facts."""
    if facts.get("rules") != drafting.VERSION:
        return
    again: dict[str, list[Sentence]] = {sentence.rule: [] for sentence in sentences}
    for sentence in drafting.draft(facts):
        again.setdefault(sentence.rule, []).append(sentence)
    for sentence in sentences:
        if sentence not in again[sentence.rule]:
            same = next((one.text for one in again[sentence.rule]), "nothing")
            yield Difference(update.pk, f"rule {sentence.rule}", sentence.text, same)


def numbers_of(sentence: Sentence) -> list[str]:
    """Dates and numbers of a sentence, without those in names.

    >>> numbers_of(Sentence("slip", "P80 is 2 Mar 2027, 9 days later: “Wave 2”, R-7.", ()))
    ['2 Mar 2027', '9']
    """
    text = NAMES.sub(" ", sentence.text)
    for source in sentence.sources:
        for value in (source.before, source.after):
            if isinstance(value, str) and not _is_day(value) and not _is_number(value):
                text = re.sub(re.escape(value), " ", text, flags=re.IGNORECASE)
    dates = DATES.findall(text)
    return [*dates, *NUMBERS.findall(DATES.sub(" ", text))]


def _explained(update: Update, sentences: list[Sentence], zone: ZoneInfo) -> Iterator[Difference]:
    """Each number follows from the sources that the sentence names."""
    for sentence in sentences:
        allowed = set(following(sentence.sources, zone))
        for number in numbers_of(sentence):
            if number not in allowed:
                yield Difference(update.pk, f"rule {sentence.rule}: {sentence.text}", number, "none of its sources")
        if sentence.rule == "causes":
            head, *parts = [int(number.replace(MINUS, "-").replace(",", "")) for number in _counts(sentence)]
            if abs(sum(parts)) != head:
                yield Difference(update.pk, f"rule causes: {sentence.text}", str(head), str(sum(parts)))


def _counts(sentence: Sentence) -> list[str]:
    return [number for number in numbers_of(sentence) if not DATES.fullmatch(number)]


def following(sources: Collection[Source], zone: ZoneInfo) -> Iterator[str]:
    """Every date and number that can be said of these fields: themselves, days between them, their sum, their count."""
    moments = {on for source in sources for on in (source.at, source.before_at) if on}
    days = {datetime.fromisoformat(moment).astimezone(zone).date().isoformat() for moment in moments}
    values = [value for source in sources for value in (source.before, source.after)]
    days |= {value for value in values if isinstance(value, str) and _is_day(value)}
    yield from (day(value) for value in days)
    yield from (_written(abs(between(one, other))) for one in days for other in days)
    yield str(len(sources))
    for value in values:
        if isinstance(value, int | float) or (isinstance(value, str) and _is_number(value)):
            yield _written(Decimal(str(value)))
            yield _written(Decimal(str(value)) * 100)
    # Parts of a slip: how much each is or changed, and what the last of them are together.
    pairs = [(source.after, source.before or 0) for source in sources]
    parts = [after - before for after, before in pairs if isinstance(after, int) and isinstance(before, int)]
    yield from (_written(part) for part in parts)
    yield from (_written(sum(parts[place:])) for place in range(len(parts)))
    yield _written(abs(sum(parts)))


def _written(value: Any) -> str:
    return f"{Decimal(value).normalize():,f}".replace("-", MINUS)


def _is_day(value: str) -> bool:
    try:
        return bool(date.fromisoformat(value))
    except ValueError:
        return False


def _is_number(value: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?", value) is not None


# -- the facts -------------------------------------------------------------------------------------------------------


def _sources(update: Update, facts: Mapping[str, Any], sentences: list[Sentence]) -> Iterator[Difference]:
    """Each source says what the snapshot says."""
    for source in (source for sentence in sentences for source in sentence.sources):
        where = f"{source.kind} {source.id} {source.field}"
        for said, known in zip((source.before, source.after), _known(facts, source), strict=True):
            if said != known and not (said is None and source.before_at == ""):
                yield Difference(update.pk, f"source {where}", str(said), str(known))


def _known(facts: Mapping[str, Any], source: Source) -> tuple[Any, Any]:
    """What the snapshot knows of a field: before and now."""
    now, before = facts.get("derived") or {}, facts.get("derived_before") or {}
    if source.field.endswith(".days"):
        return _part(before, source), _part(now, source)
    if source.kind == "program":
        # Its target stands twice: as the program had it, and as its health was derived from it.
        known = facts if source.after == facts.get(source.field) else now
        return before.get(source.field), known.get(source.field)
    rows = [row for name in LISTS[source.kind] for row in facts.get(name, ()) if row["id"] == source.id]
    row = rows[0] if rows else {}
    return (row.get("was") or {}).get(source.field), row.get(source.field)


def _part(derived: Mapping[str, Any], source: Source) -> int:
    """The days of a part of the slip; what is uncertain counts as one where it is not weighed."""
    rule, findings = source.field.removesuffix(".days"), derived.get("findings", ())
    if rule == "range":
        return sum(item["days"] or 0 for item in findings if item["rule"] in UNCERTAIN)
    return sum(
        item["days"] or 0
        for item in findings
        if (item["rule"], item["record"]["kind"], item["record"]["id"] or 0) == (rule, source.kind, source.id)
        and item["record"]["program"] in (None, source.program)
    )


def _forecast(update: Update, facts: Mapping[str, Any]) -> Iterator[Difference]:
    """Derived health is what its run left behind, and its days are those between its dates."""
    derived = facts.get("derived")
    if not derived:
        return
    if derived["p80_on"] and derived["target_on"]:
        slip = between(derived["p80_on"], derived["target_on"])
        if slip != derived["slip_days"]:
            yield Difference(update.pk, "snapshot, days after target", str(derived["slip_days"]), str(slip))
    frozen = FrozenHealth.objects.filter(program=update.program_id, run=derived["run"] or 0).first()
    if frozen is None or frozen.policy_version != derived["policy_version"]:
        return
    for name in DERIVED:
        kept = getattr(frozen, name)
        kept = kept.isoformat() if isinstance(kept, date) else kept
        if kept != derived[name]:
            yield Difference(update.pk, f"snapshot, {name} of run {derived['run']}", str(derived[name]), str(kept))


def _history(update: Update, facts: Mapping[str, Any]) -> Iterator[Difference]:
    """Each record is in the snapshot as the version of it that the snapshot names was."""
    for kind, (model, fields) in REMEMBERED.items():
        rows = {row["id"]: row for name in LISTS[kind] for row in facts.get(name, ()) if "version" in row}
        if not rows:
            continue
        events: Any = apps.get_model(f"{model._meta.label}Event")._default_manager
        stood = events.filter(pgh_obj_id__in=rows).values("pgh_obj_id", "version", *fields.values())
        kept = {(one["pgh_obj_id"], one["version"]): one for one in stood.order_by("pgh_id")}
        for pk, row in rows.items():
            known = kept.get((pk, row["version"]))
            for name, column in fields.items() if known else ():
                if name in row and not _same(row[name], known[column]):  # type: ignore[index]
                    yield Difference(update.pk, f"snapshot, {name} of {kind} {pk}", str(row[name]), str(known[column]))  # type: ignore[index]
    yield from _measured(update, facts)


def _measured(update: Update, facts: Mapping[str, Any]) -> Iterator[Difference]:
    """KPIs have the value that was measured on their day, and that the history knows."""
    told = {row["id"]: row for row in facts.get("kpis", ()) if row.get("measured_on")}
    if not told:
        return
    events: Any = apps.get_model(f"{Measurement._meta.label}Event")._default_manager
    every: dict[tuple[int, str], list[Decimal]] = {}
    for kpi, on, value in events.filter(kpi_id__in=told).values_list("kpi_id", "on", "value"):
        every.setdefault((kpi, on.isoformat()), []).append(value)
    for pk, row in told.items():
        known = every.get((pk, row["measured_on"]), [])
        if known and not any(_same(row["value"], value) for value in known):
            yield Difference(update.pk, f"snapshot, value of kpi {pk}", str(row["value"]), str(known[-1]))


def _same(said: Any, known: Any) -> bool:
    if isinstance(known, date):
        return bool(said == known.isoformat())
    if isinstance(known, Decimal):
        return said is not None and Decimal(said) == known
    return bool(said == known)
