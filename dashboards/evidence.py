"""Findings of derived health as sentences, as far as the reader may see what they speak of."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from dashboards.charts import day_name
from dashboards.templatetags.words import HEALTH_WORDS, TONES, number
from forecasts.health import SLIP_RULES
from forecasts.masking import together
from forecasts.models import FrozenHealth, ProgramHealth
from programs.models import Health

# A row of derived health: that of a day, or what one run left behind.
Judged = ProgramHealth | FrozenHealth
HIDDEN = "a private program"
HIDDEN_RISKS = "Open risks that you may not see"  # one or many
# Why there is no forecast, and what would make one.
OBSTACLES = {
    "no_end": "No milestone is marked as the program’s end.",
    "no_target": "There is no target to compare the forecast with.",
    "unplanned": "{label} cannot be forecast yet: neither it nor what it waits for has work or dates.",
    "loop": "{value} milestones wait for each other in a loop, {label} among them.",
    "horizon": "{label} ends too far in the future to be forecast.",
    "refused": "The plan around {label} cannot be computed.",
}
# What adds days to a slip: its heading, and what stands below where the days alone do not say it.
TITLES = {
    "upstream": "Waits on {label}",
    "own_work": "Work on {label}",
    "scope": "Scope added on the way to {label}",
    "calendar": "Holidays before {label}",
    "range": "Uncertain work and open risks",
    "risk": "Open risk: {label}",
    "risks": "All other open risks",
    "own_range": "How long the work of this program may take",
    "upstream_range": "How long the work of other programs may take",
}
PARTS = {
    "range": "By plan the end comes on {value}. What may take longer or happen is not weighed one by one yet.",
    "risks": "Those that cost less than the ones named, taken together.",
    "own_range": "Estimates are ranges. At P80 the work takes longer than planned.",
    "upstream_range": "What this program waits for is uncertain, too.",
}
# How a rule is called where it stands in a column.
RULES = {
    "upstream": "Slip of another program",
    "own_work": "Slip of its own work",
    "scope": "Scope added",
    "calendar": "Holidays",
    "range": "Uncertainty, not weighed yet",
    "risk": "Risk",
    "risks": "All other risks",
    "own_range": "Range of its own work",
    "upstream_range": "Range of other programs’ work",
    "p80": "P80 against target",
    "kpi": "KPI past its limit",
    "hand_off": "Hand-off promised too late",
    "issue": "Issue open past its date",
    "stale": "No recent update",
    "gate": "Gate overdue",
    "state": "State of the program",
    "end_done": "End is done",
    "no_end": "No end milestone",
    "no_target": "No target",
    "unplanned": "Not planned",
    "loop": "Loop",
    "horizon": "Too far in the future",
    "refused": "Cannot be computed",
}
KINDS = {
    "program": "Program",
    "milestone": "Milestone",
    "dependency": "Hand-off",
    "kpi": "KPI",
    "issue": "Issue",
    "phase": "Phase",
}
MOST_PARTS = 5
HYGIENE = {
    "stale": "No update for {value} days; after {limit} a program counts as stale.",
    "gate": "The gate of {label} is {value} days overdue.",
}
LOWERING = {
    "kpi": "{label} is at {value}{unit}, past its limit of {limit}{unit}.",
    "hand_off": "The hand-off {label} is promised {value} days later than needed.",
    "issue": "The issue {label} is open {value} days past its date.",
}
FORMS = HYGIENE | LOWERING


@dataclass(frozen=True)
class Evidence:
    """One finding in words: days it adds to the slip, or the colour that it asks for; ``url`` leads to ``record``."""

    rule: str
    title: str
    text: str
    url: str
    tone: str
    days: int | None = None
    since: date | None = None
    record: str = ""
    label: str = ""
    value: str = ""
    limit: str = ""
    health: str = ""

    @property
    def name(self) -> str:
        """What the rule is called."""
        return RULES.get(self.rule, self.rule)


@dataclass(frozen=True)
class Why:
    """Why a program has its colour: a verdict, the days of its slip, what lowered it, and hygiene."""

    verdict: str
    detail: str
    parts: list[Evidence]
    lowering: list[Evidence]
    hygiene: list[Evidence]

    @property
    def shown(self) -> list[Evidence]:
        """The parts that matter most, whether they add days or win them back."""
        weightiest = sorted(self.parts, key=lambda part: -abs(part.days or 0))[:MOST_PARTS]
        return [part for part in self.parts if part in weightiest]

    @property
    def folded(self) -> list[Evidence]:
        return [part for part in self.parts if part not in self.shown]

    @property
    def folded_days(self) -> int:
        return sum(part.days or 0 for part in self.folded)

    @property
    def total_days(self) -> int:
        return sum(part.days or 0 for part in self.parts)


def words(value: object) -> str:
    """A value of a finding as a person writes it: whole numbers without a point, days as dates."""
    if value is None:
        return ""
    if isinstance(value, int | float):
        return number(value)
    day = _day(value)
    return day_name(day) if day else str(value)


def plain_days(days: int) -> str:
    return f"{abs(days)} day{'' if abs(days) == 1 else 's'}"


def why(health: Judged | None, addresses: Mapping[int, str], visible: Collection[int]) -> Why:
    """Explain a row of derived health. ``addresses`` are pages of programs by id; of others only days are told."""
    day = health.day if health else None
    findings = [item for item in (health.findings if health else []) if isinstance(item, dict)]
    findings = together(findings, visible)
    of = {rule: [item for item in findings if item.get("rule") == rule] for rule in {i.get("rule") for i in findings}}

    def tell(rules: Collection[str]) -> list[Evidence]:
        return [evidence(item, addresses, visible, day) for item in findings if item.get("rule") in rules]

    verdict, detail = _verdict(health, of, visible)
    return Why(verdict, detail, _by_size(tell(SLIP_RULES)), tell(LOWERING), tell(HYGIENE))


def _by_size(parts: list[Evidence]) -> list[Evidence]:
    """The largest part of a slip in red, the second in amber, the others grey; what wins days back in green."""
    tones = ("bad", "warn")
    return [
        replace(part, tone="ok" if (part.days or 0) < 0 else tones[n] if n < len(tones) else "none")
        for n, part in enumerate(parts)
    ]


def evidence(
    item: Mapping[str, Any], addresses: Mapping[int, str], visible: Collection[int], day: date | None
) -> Evidence:
    """A finding of a day in words. Of what the reader may not see only the number of days that it costs is told."""
    record = item.get("record")
    record = record if isinstance(record, dict) else {}
    program, seen = record.get("program"), record.get("program") in visible
    label = str(item.get("label") or "") if seen else HIDDEN
    rule, days, asked = str(item.get("rule", "")), item.get("days"), str(item.get("health") or "")
    value, limit = (item.get(name) if seen or _is_told(rule, item.get(name)) else None for name in ("value", "limit"))
    days = days if isinstance(days, int) else None
    unit = "" if item.get("unit") == "days" else str(item.get("unit") or "")
    written = {"label": label, "value": words(value), "limit": words(limit), "unit": unit}
    if rule == "risk" and not seen:
        title, text = HIDDEN_RISKS, ""
    elif rule in SLIP_RULES:
        title, text = TITLES.get(rule, "{label}").format(**written), _text(rule, value, limit, days or 0, day)
    else:
        title, text = FORMS.get(rule, "{label}").format(**written), ""
    tone = TONES.get(asked, "warn") if asked else "warn" if days is None else "bad" if days > 0 else "ok"
    url, name = place(record, addresses.get(program or 0, "")) if seen else ("", "")
    return Evidence(
        rule=rule,
        title=title,
        text=text,
        url=url,
        tone=tone,
        days=days,
        since=_day(item.get("since")),
        record=name,
        label=label,
        value=f"{number(float(value) * 100)}%" if rule == "risk" and value is not None else words(value),
        limit=words(limit),
        health=asked,
    )


def place(record: Mapping[str, Any], program: str) -> tuple[str, str]:
    """Where a record is shown, and what it is called there; ``program`` is the address of the program it belongs to."""
    kind, pk = str(record.get("kind", "")), record.get("id")
    name = f"Risk R-{pk}" if kind == "risk" else KINDS.get(kind, "")
    pages = {
        "milestone": f"/m/{pk}",
        "risk": f"/r/R-{pk}",
        "issue": f"/issues/{pk}",
        "kpi": f"{program}/kpis/{pk}",
        "dependency": f"{program}/dependencies?layout=table#link-{pk}",
        "phase": f"{program}/phases",
        "team": f"/teams/{pk}#load",
    }
    return (pages.get(kind, program), name) if program else ("", name)


def _is_told(rule: str, value: object) -> bool:
    """Whether a value is what this program bears, rather than a day or a chance of somebody else's."""
    return rule != "risk" and not isinstance(value, str)


def _text(rule: str, value: object, limit: object, days: int, day: date | None) -> str:
    """What stands below a part of a slip."""
    if rule == "risk":
        return f"{number(float(str(value)) * 100)}% likely. At P80 it costs {plain_days(days)}." if value else ""
    if rule == "calendar":
        more = "more" if days > 0 else "fewer"
        one = abs(days) == 1
        return f"{abs(days)} day{'' if one else 's'} off {more} than in the plan fall{'s' if one else ''} before it."
    if rule in PARTS:
        return PARTS[rule].format(value=words(value)) if value or rule != "range" else ""
    expected, due = _day(value), _day(limit)
    if expected is None or due is None:
        return ""
    # What is not done cannot be planned for a day in the past.
    verb = "done" if day and expected < day else "by the plan now"
    text = f"Due {day_name(due)}, {verb} {day_name(expected)}"
    if days < 0:
        return f"{text}; {plain_days(days)} of an earlier delay are won back here."
    return f"{text}." if days == (expected - due).days else f"{text}; {plain_days(days)} of delay arose here."


def _day(value: object) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _verdict(
    health: Judged | None, of: Mapping[Any, list[dict[str, Any]]], visible: Collection[int]
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


def _against_target(item: Mapping[str, Any], health: Judged) -> tuple[str, str]:
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
