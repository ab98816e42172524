"""What happened to the portfolio since a day: forecasts, health and words that turned, and what people recorded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet
from django.utils.http import urlencode
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from dashboards import evidence
from dashboards.charts import signed
from dashboards.overview import MOST_MOVED, Left, Line, end_of
from dashboards.templatetags.words import isolated, written
from forecasts.parts import weightiest
from milestones.models import Baseline, DateMove, Milestone
from programs.models import Health
from reports.since import Since
from risks.models import Decision, Risk

MOST_CHANGES = 24
ONE_MORE = MOST_CHANGES + 1  # of each kind, so that who tells the heaviest knows that there are more
MOST_REASONS, MOST_LETTERS = 2, 60
FALL = 100


@dataclass(frozen=True)
class Change:
    """Something that happened to the portfolio, and its ``kind``: what the days count, or what it is.

    What forecasts did comes first, health that fell before what moved most days; then what people recorded, the days
    that they moved before the rest by weight. ``reasons`` say why a forecast moved, ``why`` where that is told in full.
    """

    icon: str
    heading: str
    url: str
    text: str
    kind: str
    weight: float = 0
    delta: int | None = None
    tone: str = "none"
    note: str = ""
    is_forecast: bool = False
    reasons: str = ""
    why: str = ""

    @property
    def order(self) -> tuple[bool, bool, int, bool, float]:
        days = self.delta or 0
        return (not self.is_forecast, self.weight != FALL, -abs(days), days < 0, -self.weight)


# A moved date is told by the name of the milestone in its own program: the other end of a hand-off may be hidden.
MOVED = ("milestone", "dependency__predecessor", "dependency__successor")


def named(moves: QuerySet[DateMove], *also: str) -> QuerySet[DateMove]:
    """Moves with the names that ``moved`` needs and those of their causes: little of long rows."""
    ends = [f"{end}__{field}" for end in MOVED for field in ("name", "program_id")]
    own = ("program_id", "field", "before_on", "after_on", "note", "by_id", "at")
    links = ("milestone_id", "dependency__predecessor_id", "dependency__successor_id")
    return moves.select_related("cause", *MOVED, *also).only(
        *own, *links, "cause__name", *ends, *(f"{person}__name" for person in also)
    )


def moved(move: DateMove) -> str:
    """The milestone whose day moved; empty for the program's own target."""
    if move.milestone:
        return move.milestone.name
    ends = (move.dependency.predecessor, move.dependency.successor) if move.dependency else ()
    return next((end.name for end in ends if end.program_id == move.program_id), _("a hand-off") if ends else "")


def changes(found: list[Line], *, today: date, since: Since, zone: ZoneInfo, left: Left | None = None) -> list[Change]:
    """The most telling of what happened to these programs from the beginning of a day to the end of today.

    With what runs ``left`` behind of them, forecasts that moved say why.
    """
    return heaviest(happened(found, today=today, since=since, zone=zone, left=left))


def heaviest(found: list[Change]) -> list[Change]:
    """The heaviest of what forecasts did, of days that people moved, and of the rest.

    Of the first two at most so many: where much moves, the rest is not lost.
    """
    forecasts = [change for change in found if change.is_forecast]
    recorded = [change for change in found if not change.is_forecast]
    dates = [change for change in recorded if change.delta]
    rest = [change for change in recorded if not change.delta]
    return [*forecasts[:MOST_MOVED], *dates[:MOST_MOVED], *rest][:MOST_CHANGES]


def happened(found: list[Line], *, today: date, since: Since, zone: ZoneInfo, left: Left | None = None) -> list[Change]:
    """What happened to these programs from the beginning of a day to the end of today, heaviest first."""
    known = {line.program.pk: line.program for line in found}
    ids = list(known)
    end_of_today = end_of(today, zone)
    result = [change for line in found for change in _of_line(line, since, left)]

    decisions = since.taken(Decision.objects.filter(program__among=ids, decided_on__lte=today))
    for decision in decisions.order_by("-decided_on", "-id")[:ONE_MORE]:
        program = known[decision.program_id]
        naming = {"program": isolated(program.name), "reference": decision.reference}
        heading = _("%(program)s, decision %(reference)s") % naming
        said = {"question": isolated(decision.question), "answer": isolated(decision.answer)}
        text = _("%(question)s Decided: %(answer)s") % said + _late_word(decision.decided_on, since)
        result.append(Change("gavel", heading, f"/d/{decision.reference}", text, _("decision"), 40))

    still_open = Q(closed_on=None) | Q(closed_on__gt=today)
    risks: Any = Risk.objects.filter(still_open, program__among=ids, raised_on__lte=today).with_exposure()
    newest: Iterable[Any] = since.raised(risks).order_by("-raised_on", "-id")[:ONE_MORE]
    for risk in newest:
        days = (risk.exposure or 0) / 480
        text = _("New risk %(reference)s: %(title)s.") % {"reference": risk.reference, "title": risk.title}
        text += _late_word(risk.raised_on, since)
        note = _("%(days)s d") % {"days": f"{days:.1f}"} if days else ""
        program = known[risk.program_id]
        kind = _("working days") if days else _("new risk")
        result.append(
            Change("risk", program.name, f"/r/{risk.reference}", text, kind, 30 + days, tone="warn", note=note)
        )

    done = since.done(Milestone.objects.filter(program__among=ids, done_on__lte=today).select_related("program"))
    for milestone in done.order_by("-is_end", "-done_on", "-id")[:ONE_MORE]:
        program = known[milestone.program_id]
        early = (milestone.done_on - milestone.due_on).days if milestone.done_on and milestone.due_on else None
        if not early:
            form = _("%(milestone)s is done.")
        elif early > 0:
            form = _("%(milestone)s is done, %(days)s d after its target.")
        else:
            form = _("%(milestone)s is done, %(days)s d before its target.")
        text = form % {"milestone": isolated(milestone.name), "days": abs(early or 0)}
        text += _late_word(milestone.done_on, since)
        weight = 80 if milestone.is_end else 20
        result.append(Change("check", program.name, program.get_absolute_url(), text, _("done"), weight, tone="ok"))

    dates = DateMove.objects.filter(program__among=ids, at__gte=since.at, at__lt=end_of_today)
    for move in named(dates).order_by("-at", "-id")[:ONE_MORE]:
        program = known[move.program_id]
        what = moved(move) or _("the program")
        if move.field == DateMove.Field.PROMISED:
            form = _("Hand-off of %(what)s is promised by %(after)s, no longer %(before)s: %(cause)s.")
            kind = _("promise")
        else:
            form = _("Target of %(what)s moved from %(before)s to %(after)s: %(cause)s.")
            kind = _("target")
        text = form % {
            "what": isolated(what),
            "before": written(move.before_on, "j M Y"),
            "after": written(move.after_on, "j M Y") if move.after_on else _("no date"),
            "cause": move.cause.name,
        }
        days_moved = (move.after_on - move.before_on).days if move.after_on else None
        late = (days_moved or 0) > 0
        result.append(
            Change(
                "cal",
                program.name,
                program.get_absolute_url(),
                text,
                kind,
                45,
                delta=days_moved,
                tone="bad" if late else "ok",
            )
        )

    baselines = since.approved(Baseline.objects.filter(program__among=ids, approved_on__lte=today))
    for baseline in baselines.select_related("approved_by").order_by("-approved_on", "-id")[:ONE_MORE]:
        program = known[baseline.program_id]
        text = _("Baseline “%(baseline)s” approved by %(approved_by)s.") % {
            "baseline": baseline.name,
            "approved_by": baseline.approved_by.name,
        }
        text += _late_word(baseline.approved_on, since)
        result.append(Change("flag", program.name, program.get_absolute_url(), text, _("baseline"), 35))
    return sorted(result, key=lambda change: change.order)


def _late_word(on: date | None, since: Since) -> str:
    """What happened before the first day, and was recorded after it, says so."""
    if not on or on >= since.first:
        return ""
    return " " + _("Recorded now: it was on %(day)s.") % {"day": written(on, "j M")}


def _of_line(line: Line, since: Since, left: Left | None) -> Iterable[Change]:
    """How a program's P80, derived health and its lead's word changed."""
    program, url = line.program, line.program.get_absolute_url()
    before = Health(line.before.health) if line.before else None
    moved = line.moved
    shift = ""
    if moved and line.p80_on:
        form = (
            _("P80 moved %(days)s d later, to %(day)s.")
            if moved > 0
            else _("P80 moved %(days)s d earlier, to %(day)s.")
        )
        shift = form % {"days": abs(moved), "day": written(line.p80_on, "j M Y")}
    if before is not None and before != line.derived:
        form = (
            _("Derived health fell from %(before)s to %(after)s.")
            if line.fell
            else _("Derived health rose from %(before)s to %(after)s.")
        )
        text = f"{form % {'before': before.label, 'after': line.derived.label}} {shift}".rstrip()
        if line.disagrees and line.reported:
            naming = {"person": line.reported.by.name, "health": Health(line.reported.health).label}
            text += " " + _("%(person)s reports %(health)s.") % naming
        turned = Change("flag", program.name, url, text, _("health"), FALL if line.fell else 60, is_forecast=True)
        turned = replace(turned, tone="bad" if line.fell else "ok")
        yield replace(turned, **_days_of(line, since, left)) if shift else turned
    elif shift:
        tone = "bad" if (moved or 0) > 0 else "ok"
        told = Change("trend", program.name, url, shift, "P80", tone=tone, is_forecast=True)
        yield replace(told, **_days_of(line, since, left))
    now, then = line.reported, line.reported_before
    if now and now.at >= since.at and (then is None or then.health != now.health):
        naming = {"person": now.by.name, "now": Health(now.health).label}
        if then:
            naming["then"] = Health(then.health).label
        form = (
            _("%(person)s now reports %(now)s, no longer %(then)s.") if then else _("%(person)s now reports %(now)s.")
        )
        text = form % naming
        if now.because:
            text += f" “{now.because}”"
        yield Change("pencil", program.name, url, text, _("lead’s word"), 55)


def _days_of(line: Line, since: Since, left: Left | None) -> dict[str, Any]:
    """By how many days a P80 moved, and why, where the parts of both days are known and add up to it."""
    told: dict[str, Any] = {"kind": "P80", "delta": line.moved}
    sides = [left.findings.get(row.pk) if left and row else None for row in (line.health, line.before)]
    run = line.health.run_id if line.health else None
    if left and run and sides[0] is not None and sides[1] is not None:
        parts = evidence.moved(sides[0], sides[1], line.moved or 0, left.keys)
        shown, rest = weightiest(parts, MOST_REASONS)
        names = [Truncator(evidence.title(one.part, left.keys)).chars(MOST_LETTERS) for one in shown]
        words = [f"{isolated(name)} {signed(one.days)}" for name, one in zip(names, shown, strict=True)]
        if rest:
            days = signed(sum(one.days for one in rest))
            words.append(_("%(count)s smaller parts %(days)s") % {"count": len(rest), "days": days})
        told["reasons"] = "; ".join(words)
        asked = urlencode([("run", str(run)), ("since", str(since.on))])
        told["why"] = f"{line.program.get_absolute_url()}/why?{asked}#since"
    return told
