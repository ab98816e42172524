"""Findings of derived health as sentences, as far as the reader may see what they speak of."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from dashboards.charts import day_name
from dashboards.templatetags.words import HEALTH_WORDS, TONES, number
from forecasts.health import SLIP_RULES
from forecasts.models import ProgramHealth
from programs.models import Health

HIDDEN = "a private program"
# Why there is no forecast, and what would make one.
OBSTACLES = {
    "no_end": "No milestone is marked as the program’s end.",
    "no_target": "There is no target to compare the forecast with.",
    "unplanned": "{label} cannot be forecast yet: neither it nor what it waits for has work or dates.",
    "loop": "{value} milestones wait for each other in a loop, {label} among them.",
    "horizon": "{label} ends too far in the future to be forecast.",
    "refused": "The plan around {label} cannot be computed.",
}
# What adds days to a slip: its heading, and what stands below.
TITLES = {
    "upstream": "Waits on {label}",
    "scope": "{label} was added to the plan",
    "calendar": "Holidays before {label}",
    "range": "Risks and uncertain work before {label}",
    "risk": "Open risk: {label}",
    "risks": "All other open risks",
    "own_range": "How long the work of this program may take",
    "upstream_range": "How long work in other programs may take",
}
PARTS = {
    "upstream": "Expected {value}, held against {limit}.",
    "own_work": "Expected {value}, held against {limit}.",
    "scope": "It is not in the baseline.",
    "calendar": "More days off fall into the work than the plan counted on.",
    "range": "From the plan as it stands, {value}, to P80.",
    "risk": "{value} likely.",
    "risks": "",
    "own_range": "",
    "upstream_range": "",
}
HYGIENE = {
    "stale": "No update for {value} days; after {limit} a program counts as stale.",
    "gate": "The gate of {label} is {value} days overdue.",
}
LOWERING = {
    "kpi": "{label} is at {value}{unit}, past its limit of {limit}{unit}.",
    "hand_off": "The hand-off {label} is promised {value} days later than needed.",
    "issue": "The issue {label} is open {value} days past its date.",
}


@dataclass(frozen=True)
class Evidence:
    """One finding in words: days it adds to the slip, or the colour it asks for."""

    rule: str
    title: str
    text: str
    url: str
    tone: str
    days: int | None = None
    since: str = ""


@dataclass(frozen=True)
class Why:
    """Why a program has its colour: a verdict, the days of its slip, what lowered it, and hygiene."""

    verdict: str
    detail: str
    parts: list[Evidence]
    lowering: list[Evidence]
    hygiene: list[Evidence]


def words(value: object) -> str:
    """A value of a finding as a person writes it: whole numbers without a point, days as dates."""
    if value is None:
        return ""
    if isinstance(value, int | float):
        return number(value)
    try:
        return day_name(date.fromisoformat(str(value)))
    except ValueError:
        return str(value)


def plain_days(days: int) -> str:
    return f"{abs(days)} day{'' if abs(days) == 1 else 's'}"


def why(health: ProgramHealth | None, addresses: Mapping[int, str], visible: Collection[int]) -> Why:
    """Explain a row of derived health. ``addresses`` are pages of programs by id; of others only days are told."""
    findings = [item for item in (health.findings if health else []) if isinstance(item, dict)]
    of = {rule: [item for item in findings if item.get("rule") == rule] for rule in {i.get("rule") for i in findings}}

    def tell(rules: Collection[str], forms: Mapping[str, str]) -> list[Evidence]:
        return [evidence(item, forms, addresses, visible) for item in findings if item.get("rule") in rules]

    parts = _by_size(tell(SLIP_RULES, PARTS))
    verdict, detail = _verdict(health, of, visible)
    return Why(verdict, detail, parts, tell(LOWERING, LOWERING), tell(HYGIENE, HYGIENE))


def _by_size(parts: list[Evidence]) -> list[Evidence]:
    """The largest part of a slip in red, the second in amber, the others grey; what wins days back in green."""
    tones = ("bad", "warn")
    return [
        replace(part, tone="ok" if (part.days or 0) < 0 else tones[n] if n < len(tones) else "none")
        for n, part in enumerate(parts)
    ]


def evidence(
    item: Mapping[str, Any], forms: Mapping[str, str], addresses: Mapping[int, str], visible: Collection[int]
) -> Evidence:
    record = item.get("record")
    record = record if isinstance(record, dict) else {}
    program, seen = record.get("program"), record.get("program") in visible
    label = str(item.get("label") or "") if seen else HIDDEN
    rule, days = str(item.get("rule", "")), item.get("days")
    unit = str(item.get("unit") or "")
    text = forms.get(rule, "{label}").format(
        label=label, value=words(item.get("value")), limit=words(item.get("limit")), unit="" if unit == "days" else unit
    )
    url = ""
    if seen:
        kind, pk = str(record.get("kind", "")), record.get("id")
        url = f"/m/{pk}" if kind == "milestone" else addresses.get(program or 0, "")
    asked = str(item.get("health") or "")
    late = isinstance(days, int) and days > 0
    tone = TONES.get(asked, "warn") if asked else "bad" if late else "ok" if isinstance(days, int) else "warn"
    return Evidence(
        rule=rule,
        title=TITLES.get(rule, "{label}").format(label=label) if rule in SLIP_RULES else text,
        text=text if rule in SLIP_RULES else "",
        url=url,
        tone=tone,
        days=days if isinstance(days, int) else None,
        since=str(item.get("since") or ""),
    )


def _verdict(
    health: ProgramHealth | None, of: Mapping[Any, list[dict[str, Any]]], visible: Collection[int]
) -> tuple[str, str]:
    if health is None:
        return "No forecast yet.", "The first one follows within seconds of the first milestones."
    for item in of.get("p80", []):
        return _against_target(item, health)
    for item in of.get("state", []):
        word = HEALTH_WORDS.get(str(item.get("value")), str(item.get("value")))
        return f"The program is marked {word.lower()}.", "Nothing is forecast while it is."
    for item in of.get("end_done", []):
        return f"Its end milestone was done on {words(item.get('value'))}.", ""
    told = []
    for rule, form in OBSTACLES.items():
        for item in of.get(rule, []):
            record = item.get("record")
            seen = isinstance(record, dict) and record.get("program") in visible
            label = str(item.get("label") or "") if seen else HIDDEN
            told.append(form.format(label=label, value=words(item.get("value"))))
    return (told or [f"Derived health is {HEALTH_WORDS.get(health.health, health.health).lower()}."])[0], " ".join(
        told[1:]
    )


def _against_target(item: Mapping[str, Any], health: ProgramHealth) -> tuple[str, str]:
    value, limit = item.get("value"), item.get("limit")
    slip = int(value) if isinstance(value, int | float) else (health.slip_days or 0)
    when = "on the target" if not slip else f"{plain_days(slip)} {'after' if slip > 0 else 'before'} target"
    verdict = f"P80 is {when}."
    asked = str(item.get("health") or health.health)
    if asked == Health.OFF_TRACK:
        detail = f"The limit for At risk is {words(limit)}."
    elif asked == Health.AT_RISK:
        detail = f"The limit for On track is {words(limit)}."
    else:
        detail = f"Up to {words(limit)} days late is on track."
    if health.health != asked:
        detail += f" What follows lowers it to {HEALTH_WORDS.get(health.health, health.health)}."
    return verdict, detail
