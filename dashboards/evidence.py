"""Findings of derived health as sentences, as far as the reader may see what they speak of."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from dashboards.charts import day_name
from dashboards.templatetags.words import HEALTH_WORDS, TONES, number
from forecasts.health import SLIP_RULES
from forecasts.masking import NOBODYS, together
from forecasts.models import FrozenHealth, ProgramHealth
from forecasts.owners import Owners, owner_of
from forecasts.parts import Changed, changed
from programs.models import Health

# A row of derived health: that of a day, or what one run left behind.
Judged = ProgramHealth | FrozenHealth
HIDDEN = lazy("a private program")
HIDDEN_RISKS = lazy("Open risks that you may not see")  # one or many
# Why there is no forecast, and what would make one.
OBSTACLES = {
    "no_end": lazy("No milestone is marked as the program’s end."),
    "no_target": lazy("There is no target to compare the forecast with."),
    "unplanned": lazy("{label} cannot be forecast yet: neither it nor what it waits for has work or dates."),
    "loop": lazy("{value} milestones wait for each other in a loop, {label} among them."),
    "horizon": lazy("{label} ends too far in the future to be forecast."),
    "refused": lazy("The plan around {label} cannot be computed."),
}
# What adds days to a slip: its heading, and what stands below where the days alone do not say it.
TITLES = {
    "upstream": lazy("Waits on {label}"),
    "own_work": lazy("Work on {label}"),
    "scope": lazy("Scope added on the way to {label}"),
    "reserve": lazy("Approved plan against the target"),
    "calendar": lazy("Holidays before {label}"),
    "range": lazy("Uncertain work and open risks"),
    "risk": lazy("Open risk: {label}"),
    "risks": lazy("All other open risks"),
    "own_range": lazy("How long the work of this program may take"),
    "upstream_range": lazy("How long the work of other programs may take"),
}
PARTS = {
    "range": lazy("By plan the end comes on {value}. What may take longer or happen is not weighed one by one yet."),
    "risks": lazy("Those that cost less than the ones named, taken together."),
    "own_range": lazy("Estimates are ranges. At P80 the work takes longer than planned."),
    "upstream_range": lazy("What this program waits for is uncertain, too."),
}
# How a rule is called where it stands in a column.
RULES = {
    "upstream": lazy("Slip of another program"),
    "own_work": lazy("Slip of its own work"),
    "scope": lazy("Scope added"),
    "reserve": lazy("Approved plan against target"),
    "calendar": lazy("Holidays"),
    "range": lazy("Uncertainty, not weighed yet"),
    "risk": lazy("Risk"),
    "risks": lazy("All other risks"),
    "own_range": lazy("Range of its own work"),
    "upstream_range": lazy("Range of other programs’ work"),
    "p80": lazy("P80 against target"),
    "kpi": lazy("KPI past its limit"),
    "hand_off": lazy("Hand-off promised too late"),
    "issue": lazy("Issue open past its date"),
    "stale": lazy("No recent update"),
    "gate": lazy("Gate overdue"),
    "state": lazy("State of the program"),
    "end_done": lazy("End is done"),
    "no_end": lazy("No end milestone"),
    "no_target": lazy("No target"),
    "unplanned": lazy("Not planned"),
    "loop": lazy("Loop"),
    "horizon": lazy("Too far in the future"),
    "refused": lazy("Cannot be computed"),
}
KINDS = {
    "program": lazy("Program"),
    "milestone": lazy("Milestone"),
    "dependency": lazy("Hand-off"),
    "kpi": lazy("KPI"),
    "issue": lazy("Issue"),
    "phase": lazy("Phase"),
}
MOST_PARTS = 5
HYGIENE = {
    "stale": lazy("No update for {days}; after {limit} a program counts as stale."),
    "gate": lazy("The gate of {label} is {days} overdue."),
}
LOWERING = {
    "kpi": lazy("{label} is at {value}{unit}, past its limit of {limit}{unit}."),
    "hand_off": lazy("The hand-off {label} is promised {days} later than needed."),
    "issue": lazy("The issue {label} is open {days} past its date."),
}
FORMS = HYGIENE | LOWERING


@dataclass(frozen=True)
class Evidence:
    """One finding in words: days it adds to the slip, or the colour that it asks for; ``url`` leads to ``record``, and
    ``owner`` answers for it."""

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
    owner: str = ""

    @property
    def name(self) -> str:
        """What the rule is called."""
        return str(RULES.get(self.rule, self.rule))


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

    @property
    def added_days(self) -> int:
        return sum(max(part.days or 0, 0) for part in self.parts)

    @property
    def won_days(self) -> int:
        """What wins days back: nought or less."""
        return self.total_days - self.added_days


def words(value: object) -> str:
    """A value of a finding as a person writes it: whole numbers without a point, days as dates."""
    if value is None:
        return ""
    if isinstance(value, int | float):
        return number(value)
    day = _day(value)
    return day_name(day) if day else str(value)


def plain_days(days: int) -> str:
    return ngettext("%(count)s day", "%(count)s days", abs(days)) % {"count": abs(days)}


def why(
    health: Judged | None, addresses: Mapping[int, str], visible: Collection[int], owners: Owners | None = None
) -> Why:
    """Explain a row of derived health. ``addresses`` are pages of programs by id; of others only days are told.

    With ``owners`` each part of the slip names who answers for it."""
    day = health.day if health else None
    findings = [item for item in (health.findings if health else []) if isinstance(item, dict)]
    findings = together(findings, visible)
    of = {rule: [item for item in findings if item.get("rule") == rule] for rule in {i.get("rule") for i in findings}}

    def tell(rules: Collection[str]) -> list[Evidence]:
        return [with_owner(item) for item in findings if item.get("rule") in rules]

    def with_owner(item: Mapping[str, Any]) -> Evidence:
        told = evidence(item, addresses, visible, day)
        owner = owner_of(item, health.program_id, owners) if health and owners else None
        return replace(told, owner=owner.name) if owner else told

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
    label = str(item.get("label") or "") if seen else str(HIDDEN)
    rule, days, asked = str(item.get("rule", "")), item.get("days"), str(item.get("health") or "")
    value, limit = (item.get(name) if seen or _is_told(rule, item.get(name)) else None for name in ("value", "limit"))
    days = days if isinstance(days, int) else None
    unit = "" if item.get("unit") == "days" else str(item.get("unit") or "")
    written = {"label": label, "value": words(value), "limit": words(limit), "unit": unit}
    written["days"] = plain_days(round(value)) if isinstance(value, int | float) else ""
    if rule == "risk" and not seen:
        title, text = str(HIDDEN_RISKS), ""
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


def moved(now: Iterable[Any], before: Iterable[Any], days: int, visible: Collection[int]) -> list[Changed]:
    """Of two days' findings the parts of the slip that differ, as far as the reader may see what they speak of.

    None where they do not come to so many ``days``: of a day that was not past the target no parts are known.
    """
    # What is hidden is one part of its rule, whichever program comes first of those that it stands for.
    sides = (
        [
            item if item["record"]["program"] in visible else item | {"record": NOBODYS}
            for item in together(side, visible)
        ]
        for side in (now, before)
    )
    parts = changed(*sides)
    return parts if sum(part.days for part in parts) == days else []


def title(part: Mapping[str, Any], visible: Collection[int]) -> str:
    """A part of a slip in a few words."""
    return evidence(part, {}, visible, None).title


def place(record: Mapping[str, Any], program: str) -> tuple[str, str]:
    """Where a record is shown, and what it is called there; ``program`` is the address of the program it belongs to."""
    kind, pk = str(record.get("kind", "")), record.get("id")
    name = _("Risk R-%(number)s") % {"number": pk} if kind == "risk" else str(KINDS.get(kind, ""))
    return address(record, program), name


def address(record: Mapping[str, Any], program: str) -> str:
    kind, pk = str(record.get("kind", "")), record.get("id")
    pages = {
        "milestone": f"/m/{pk}",
        "risk": f"/r/R-{pk}",
        "issue": f"/issues/{pk}",
        "kpi": f"{program}/kpis/{pk}",
        "dependency": f"{program}/dependencies?layout=table#link-{pk}",
        "phase": f"{program}/phases",
        "team": f"/teams/{pk}#load",
    }
    return pages.get(kind, program) if program else ""


def _is_told(rule: str, value: object) -> bool:
    """Whether a value is what this program bears, rather than a day or a chance of somebody else's."""
    return rule != "risk" and not isinstance(value, str)


def _text(rule: str, value: object, limit: object, days: int, day: date | None) -> str:
    """What stands below a part of a slip."""
    if rule == "risk":
        if not value:
            return ""
        chance, part = number(float(str(value)) * 100), plain_days(days)
        return _("%(chance)s%% likely. Its part of the slip is %(days)s.") % {"chance": chance, "days": part}
    if rule == "calendar":
        return _holidays(days)
    if rule in PARTS:
        return PARTS[rule].format(value=words(value)) if value or rule != "range" else ""
    expected, due = _day(value), _day(limit)
    if expected is None or due is None:
        return ""
    if rule == "reserve":
        return _reserve(expected, due)
    # What is not done cannot be planned for a day in the past.
    is_done = day and expected < day
    # A plan knows no uncertainty: P80, which the page tells too, lies later.
    planned = _("Planned for %(due)s, by the plan of today %(expected)s")
    form = _("Planned for %(due)s, done %(expected)s") if is_done else planned
    text = form % {"due": day_name(due), "expected": day_name(expected)}
    late = (expected - due).days
    if days < 0:
        # Of a delay that came before, what this day absorbs, by reserve or shorter work; the rest was never late.
        won, told = min(-days, max(late - days, 0)), [text]
        if late < 0:
            told.append(_("%(days)s before its day") % {"days": plain_days(late)})
        if won:
            made_up = ngettext(
                "%(count)s day of an earlier delay is absorbed here",
                "%(count)s days of an earlier delay are absorbed here",
                won,
            )
            told.append(made_up % {"count": won})
        return f"{'; '.join(told)}."
    if days == late:
        return f"{text}."
    if days < late:
        said = _("%(text)s; %(days)s of delay arose here, %(more)s came from before.")
        return said % {"text": text, "days": plain_days(days), "more": plain_days(late - days)}
    return _("%(text)s; %(days)s of delay arose here.") % {"text": text, "days": plain_days(days)}


def _reserve(planned: date, target: date) -> str:
    days = (planned - target).days
    form = _("By the approved plan the end was to come on %(planned)s, %(days)s before the target.")
    if days > 0:
        form = _("The approved plan itself has the end on %(planned)s, %(days)s after the target.")
    return form % {"planned": day_name(planned), "days": plain_days(days)}


def _holidays(days: int) -> str:
    more = ngettext(
        "%(count)s day off more than in the plan falls before it.",
        "%(count)s days off more than in the plan fall before it.",
        abs(days),
    )
    fewer = ngettext(
        "%(count)s day off fewer than in the plan falls before it.",
        "%(count)s days off fewer than in the plan fall before it.",
        abs(days),
    )
    return (more if days > 0 else fewer) % {"count": abs(days)}


def _day(value: object) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _verdict(
    health: Judged | None, of: Mapping[Any, list[dict[str, Any]]], visible: Collection[int]
) -> tuple[str, str]:
    if health is None:
        return _("No forecast yet."), _("The first one follows within seconds of the first milestones.")
    for item in of.get("p80", []):
        return _against_target(item, health)
    for item in of.get("state", []):
        word = HEALTH_WORDS.get(str(item.get("value")), str(item.get("value")))
        return _("The program is marked %(word)s.") % {"word": word.lower()}, _("Nothing is forecast while it is.")
    for item in of.get("end_done", []):
        return _("Its end milestone was done on %(day)s.") % {"day": words(item.get("value"))}, ""
    told = []
    for rule, form in OBSTACLES.items():
        for item in of.get(rule, []):
            record = item.get("record")
            seen = isinstance(record, dict) and record.get("program") in visible
            label = str(item.get("label") or "") if seen else str(HIDDEN)
            told.append(form.format(label=label, value=words(item.get("value"))))
    if not told:
        word = HEALTH_WORDS.get(health.health, health.health)
        return _("Derived health is %(word)s.") % {"word": word.lower()}, ""
    return told[0], " ".join(told[1:])


def _against_target(item: Mapping[str, Any], health: Judged) -> tuple[str, str]:
    value, limit = item.get("value"), item.get("limit")
    slip = int(value) if isinstance(value, int | float) else (health.slip_days or 0)
    if not slip:
        verdict = _("P80 is on the target.")
    else:
        form = _("P80 is %(days)s after target.") if slip > 0 else _("P80 is %(days)s before target.")
        verdict = form % {"days": plain_days(slip)}
    asked = str(item.get("health") or health.health)
    if asked == Health.OFF_TRACK:
        detail = _("The limit for At risk is %(limit)s.") % {"limit": words(limit)}
    elif asked == Health.AT_RISK:
        detail = _("The limit for On track is %(limit)s.") % {"limit": words(limit)}
    else:
        days = plain_days(round(limit)) if isinstance(limit, int | float) else words(limit)
        detail = _("Up to %(days)s late is on track.") % {"days": days}
    if health.health != asked:
        word = HEALTH_WORDS.get(health.health, health.health)
        detail += " " + _("What follows lowers it to %(word)s.") % {"word": word}
    return verdict, detail
