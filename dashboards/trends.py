"""The pages of Trends: how forecasts moved from report to report, and how wide they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import Exists, OuterRef
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from dashboards import trend_charts
from dashboards.charts import day_name, signed
from dashboards.templatetags.words import number, short_date, slip_tone
from forecasts.earned import earned_of
from forecasts.models import HealthPolicy, IssuedForecast
from forecasts.policy import newest_policy
from forecasts.trends import RECENT_WEEKS, Line, Report, Rule, lines_of
from people.models import User
from people.pages import SignedIn, day_of
from programs.models import Program
from programs.pages import looks_back

WEEKS = (6, 14, 26, 52)
USUAL_WEEKS = 14
DRAWN, DRAWN_DONE = 6, 2
MOST_ROWS = 100
MOST_OFFERED = 200
HIGHLIGHTS = 4
# A line that meets the edge later than so many times the span of its reports says nothing of when.
FURTHEST = 4
# In this order trends are worth a lead's attention; what is left out needs none.
TELLING = (Rule.NEVER, Rule.SPEEDING_UP, Rule.STEPS, Rule.STEADY_SLIP, Rule.FOLLOWS, Rule.UNSTABLE, Rule.EARLIER)
# Those of which something can be said that follows if they go on.
GOES_ON = frozenset({Rule.FOLLOWS, Rule.SPEEDING_UP, Rule.STEPS, Rule.STEADY_SLIP, Rule.EARLIER})
RULES = (
    (Rule.DONE, lazy("It is done: its line meets the edge.")),
    (Rule.TOO_YOUNG, lazy("Fewer than two reports.")),
    (Rule.NEVER, lazy("The date moves out a day a day or faster, so it gets no nearer.")),
    (Rule.UNSTABLE, lazy("It moved three times or more and got no further than half the way it went.")),
    (
        Rule.FOLLOWS,
        lazy("It slips in parallel with what it waits for: the days between the two vary by three at most."),
    ),
    (Rule.SPEEDING_UP, lazy("A week of the last four costs half as much again as one before them, and a day more.")),
    (Rule.STEPS, lazy("It stood still between half of the reports or more, and moved a week at a time.")),
    (Rule.STEADY_SLIP, lazy("It moves out by more than a day in ten.")),
    (Rule.EARLIER, lazy("It comes in by more than a day in ten.")),
    (Rule.STABLE, lazy("It moves by no more than a day in ten.")),
)


@dataclass(frozen=True)
class Told:
    """A trend in words: short for the table; a heading and what follows from it for the reading.

    ``goes_on_to`` is the day on which it would be done if its trend went on, where that can be said.
    """

    line: Line
    policy: HealthPolicy
    short: str
    title: str
    text: str
    goes_on_to: date | None = None

    @property
    def tone(self) -> str:
        """The colour of a line: how far it drifted."""
        return "done" if self.line.milestone.done_on else slip_tone(self.line.drift_days, self.policy)

    @property
    def now(self) -> Report:
        return self.line.reports[-1]

    @property
    def goes_on_days(self) -> int | None:
        """Days from P80 to where its trend leads."""
        return (self.goes_on_to - self.now.p80_on).days if self.goes_on_to else None


@dataclass(frozen=True)
class Chosen:
    """What the address asks for, and what the filter offers."""

    program: Program | None
    weeks: int
    offered: list[Program]

    def query(self, **changes: object) -> str:
        kept: dict[str, object] = {"program": self.program.key if self.program else "", "weeks": self.weeks}
        pairs = [f"{name}={value}" for name, value in (kept | changes).items() if value]
        return f"?{'&'.join(pairs)}"


def choose(request: SignedIn, *, usual_weeks: int, otherwise: bool) -> Chosen:
    """The program and the weeks of the address; ``otherwise`` a program is picked where it names none."""
    visible = Program.objects.visible_to(request.user)
    key = request.GET.get("program", "").strip()
    asked = request.GET.get("weeks", "")
    weeks = int(asked) if asked in {str(one) for one in WEEKS} else usual_weeks
    offered = list(visible.open().only("key", "name").order_by("name", "id")[:MOST_OFFERED])
    if key:
        program = visible.filter(key__iexact=key).first()
        if program is None:
            raise Http404
    else:
        program = _usual(request.user) if otherwise else None
    return Chosen(program, weeks, offered)


def _usual(user: User) -> Program | None:
    """An open program with forecasts to look back on: one's own first, then by rank."""
    ledger = IssuedForecast.objects.filter(program=OuterRef("pk"), milestone__is_end=True)
    rows = Program.objects.visible_to(user).open().filter(Exists(ledger)).by_rank()
    return rows.with_part(user).first() or rows.first()


def tabs(chosen: Chosen, current: str) -> list[dict[str, Any]]:
    places = (
        ("trend", _("Milestone trend"), f"/trends{chosen.query()}"),
        ("range", _("Forecast range"), f"/trends{chosen.query(chart='range')}"),
        ("accuracy", _("Accuracy"), f"/accuracy{chosen.query(weeks=None)}" if chosen.program else "/accuracy"),
    )
    return [{"label": label, "url": url, "count": None, "current": name == current} for name, label, url in places]


@require_safe
@looks_back
def trends(request: SignedIn) -> HttpResponse:
    """How the forecast of each milestone of a program moved, or how the range of its end did."""
    today = day_of(request)
    chosen = choose(request, usual_weeks=USUAL_WEEKS, otherwise=True)
    chart = "range" if request.GET.get("chart") == "range" else "trend"
    lines = lines_of(chosen.program, today=today, weeks=chosen.weeks) if chosen.program else []
    policy = newest_policy()
    told = [tell(line, lines, policy) for line in lines]
    end = next((one for one in told if one.line.milestone.is_end), None)
    target = chosen.program.target_on if chosen.program else None
    context: dict[str, Any] = {
        "title": _("Milestone trends") if chart == "trend" else _("Forecast range"),
        "chosen": chosen,
        "chart": chart,
        "tabs": tabs(chosen, chart),
        "tabs_label": _("Chart"),
        "weeks_offered": WEEKS,
        "told": told[:MOST_ROWS],
        "left_out": max(0, len(told) - MOST_ROWS),
        "end": end,
        "target_on": target,
        "recent_weeks": RECENT_WEEKS,
        "rules": RULES,
        "untold": [_("What a milestone follows is not kept by day.")],
    }
    if chart == "range":
        context |= _range_of(end, target)
    elif told:
        drawn = _drawn(told)
        days = sorted({report.day for one in drawn for report in one.line.reports})
        context |= {
            "drawing": trend_charts.milestone_trend([_path(one) for one in drawn], target, _finding(drawn, end)),
            "drawn": len(drawn),
            "undrawn": len(told) - len(drawn),
            "days": days,
            "twin": [
                (one, [{report.day: report.p50_on for report in one.line.reports}.get(day) for day in days])
                for one in drawn
            ],
            "highlights": highlights(told),
            "earned": earned_of(chosen.program, today=today) if chosen.program else None,
        }
    return render(request, "dashboards/trends.html", context)


def _drawn(told: Sequence[Told]) -> list[Told]:
    """The end, the open ones that drifted most, and those done last: more lines would hide each other."""
    ahead = [one for one in told if not one.line.milestone.done_on][:DRAWN]
    done = [one for one in told if one.line.milestone.done_on and one.line.steps]
    done.sort(key=lambda one: one.line.current_on, reverse=True)
    return [*ahead, *done[:DRAWN_DONE]]


def _path(one: Told) -> trend_charts.Path:
    line = one.line
    shows_band = line.milestone.is_end and not line.milestone.done_on
    return trend_charts.Path(
        name=line.milestone.name,
        tone=one.tone,
        points=[(report.day, report.p50_on) for report in line.reports],
        note=f"{'' if line.milestone.done_on else 'P50 '}{short_date(line.current_on)}, {signed(line.drift_days)}",
        done=line.milestone.done_on is not None,
        band=[(report.day, report.p50_on, report.p80_on) for report in line.reports] if shows_band else [],
        band_note=f"P80 {short_date(line.reports[-1].p80_on)}",
    )


def _finding(drawn: Sequence[Told], end: Told | None) -> str:
    """What the chart shows, for who does not see it."""
    worst = max(drawn, key=lambda one: one.line.drift_days)
    words = _("Milestone trend over %(steps)s reports.") % {"steps": worst.line.steps + 1}
    if end:
        words += " " + _("P50 of %(milestone)s, the end, moved by %(slip)s to %(day)s.") % {
            "milestone": end.line.milestone.name,
            "slip": signed(end.line.drift_days),
            "day": day_name(end.line.current_on),
        }
    if worst is not end and worst.line.drift_days > 0:
        words += " " + _("%(milestone)s moved most, by %(slip)s.") % {
            "milestone": worst.line.milestone.name,
            "slip": signed(worst.line.drift_days),
        }
    return words + " " + _("Values are in the table.")


def _range_of(end: Told | None, target: date | None) -> dict[str, Any]:
    """The fan of the end milestone, and how its width changed."""
    if end is None or len(end.line.reports) < 2:
        return {}
    reports = end.line.reports
    first, last = reports[0], reports[-1]
    widths = [(report.p90_on - report.p10_on).days for report in (first, last)]
    if widths[0] == widths[1]:
        change = _("as wide as the %(days)s days of %(day)s.")
    elif widths[1] < widths[0]:
        change = _("narrower than the %(days)s days of %(day)s.")
    else:
        change = _("wider than the %(days)s days of %(day)s.")
    words = _("Forecast range of %(milestone)s: P10 %(p10)s to P90 %(p90)s, %(days)s days, %(change)s") % {
        "milestone": end.line.milestone.name,
        "p10": day_name(last.p10_on),
        "p90": day_name(last.p90_on),
        "days": widths[1],
        "change": change % {"days": widths[0], "day": day_name(first.day)},
    }
    fan = [(report.day, report.p10_on, report.p50_on, report.p80_on, report.p90_on) for report in reports]
    return {
        "drawing": trend_charts.forecast_range(fan, target, end.tone, words + " " + _("Values are in the table.")),
        "widths": widths,
        "width_change": widths[1] - widths[0],
        "reports": [(report, (report.p90_on - report.p10_on).days) for report in reversed(reports)],
    }


# ---- words


def tell(line: Line, lines: Sequence[Line], policy: HealthPolicy) -> Told:
    """What the rules found, in words."""
    found = line.reading
    said: dict[str, object] = {
        "name": line.milestone.name,
        "drift": signed(line.drift_days),
        "span": _span(line),
    }
    match found.rule:
        case Rule.DONE:
            said["day"] = short_date(line.current_on)
            title = _("%(name)s is done")
            if line.drift_days:
                short = _("Done, %(drift)s against the first report")
                text = _("It was done on %(day)s, %(drift)s against the first report.")
            else:
                short = _("Done, on the day first forecast")
                text = _("It was done on %(day)s, on the day first forecast.")
        case Rule.TOO_YOUNG:
            short, title = _("Too young to read"), _("%(name)s is too young to read")
            text = _("Two reports make a trend.")
        case Rule.NEVER:
            short, title = _("Gets no nearer"), _("%(name)s moves out as fast as time passes")
            text = _("It moved by %(drift)s in %(span)s. Plan it anew: this date says nothing.")
        case Rule.UNSTABLE:
            said |= {"later": line.moved_later, "earlier": _earlier(line)}
            short, title = _("Moves back and forth"), _("%(name)s moves back and forth")
            text = _("It moved %(later)s times later and %(earlier)s times earlier, %(drift)s in all.")
        case Rule.FOLLOWS:
            said["driver"] = next((one.milestone.name for one in lines if one.milestone.pk == found.driver), "")
            said["fewest"], said["most"] = fewest, most = found.gap_days
            short, title = _("Follows %(driver)s, no buffer"), _("%(name)s follows %(driver)s")
            if fewest == most:
                text = _("Both lines run in parallel, %(most)s d apart: there is no buffer between them.")
            else:
                text = _("Both lines run in parallel, %(fewest)s to %(most)s d apart: there is no buffer between them.")
        case Rule.SPEEDING_UP:
            said |= {"week": number(abs(found.week_days)), "before": number(max(found.before_days, 0))}
            short, title = _("Slip is speeding up"), _("%(name)s slips faster")
            text = _("A week costs %(week)s d of late, %(before)s d before.")
        case Rule.STEPS:
            said["times"] = line.moved_later
            short = _("Repeated late steps")
            title = ngettext(
                "%(name)s stepped later %(times)s time", "%(name)s stepped later %(times)s times", line.moved_later
            )
            text = _("Steps, not drift: between them it stood still. Ask what happened each time.")
        case Rule.STEADY_SLIP:
            said["pace"] = number(7 * line.trend.slope if line.trend else 0)
            short, title = _("Steady slip, %(pace)s d a week"), _("%(name)s slips by %(pace)s d a week")
            text = _("%(drift)s in %(span)s.")
        case Rule.EARLIER:
            short, title, text = _("Comes in earlier"), _("%(name)s comes in earlier"), _("%(drift)s in %(span)s.")
        case Rule.STABLE:
            short, title, text = _("Stable"), _("%(name)s is stable"), _("%(drift)s in %(span)s.")
    text %= said
    goes_on_to = None
    if found.meets_on and found.rule in GOES_ON and found.meets_on - line.reports[-1].day <= FURTHEST * _reported(line):
        goes_on_to = found.meets_on
        text += " " + _beside_forecast(goes_on_to, line.reports[-1])
    return Told(line, policy, short % said, title % said, text, goes_on_to)


def _beside_forecast(goes_on_to: date, now: Report) -> str:
    """When it would be done if its trend went on, and whether its forecast reckons with that."""
    told = _("If this went on, it would be done about %(day)s,") % {"day": short_date(goes_on_to)}
    if goes_on_to > now.p80_on:
        form = _("%(days)s d after its P80: the forecast expects it to slow.")
        beside = form % {"days": (goes_on_to - now.p80_on).days}
    elif goes_on_to < now.p50_on:
        beside = _("before its P50: the forecast does not count on it.")
    else:
        beside = _("between its P50 and P80.")
    return f"{told} {beside}"


def _earlier(line: Line) -> int:
    return line.trend.moves_earlier if line.trend else 0


def _reported(line: Line) -> timedelta:
    return line.reports[-1].day - line.reports[0].day


def _span(line: Line) -> str:
    weeks = round(_reported(line) / timedelta(weeks=1))
    return ngettext("%(count)s week", "%(count)s weeks", weeks) % {"count": weeks}


def highlights(told: Sequence[Told]) -> list[tuple[str, str, str]]:
    """(tone, heading, text) of what is worth reading: trends by rule and drift, then what met the edge."""
    worth = [one for one in told if one.line.reading.rule in TELLING]
    worth.sort(key=lambda one: (TELLING.index(one.line.reading.rule), -one.line.drift_days))
    found = [(one.tone, one.title, one.text) for one in worth[:HIGHLIGHTS]]
    done = [one for one in told if one.line.milestone.done_on]
    if done:
        done.sort(key=lambda one: one.line.current_on, reverse=True)
        named = ", ".join(f"{one.line.milestone.name} {signed(one.line.drift_days)}" for one in done[:3])
        count = ngettext("%(count)s milestone met the edge", "%(count)s milestones met the edge", len(done))
        if len(done) > 3:
            text = _("%(names)s and others, against the first report.") % {"names": named}
        else:
            text = _("%(names)s, against the first report.") % {"names": named}
        found.append(("done", count % {"count": len(done)}, text))
    return found or [("ok", _("Nothing moves"), _("No milestone slips or comes in by more than a day in ten."))]
