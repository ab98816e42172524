"""The Accuracy tab of Trends: whether forecasts came true, for leads; and the scores behind it, for experts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_safe

from dashboards import trend_charts
from dashboards.templatetags.words import MINUS, number, percent0, slip
from dashboards.trends import WEEKS, Chosen, choose, tabs
from forecasts import accuracy as scores
from forecasts.criticality import NOT_SIMULATED, criticality_to
from forecasts.models import IssuedForecast
from milestones.models import Milestone
from people.models import Team
from people.pages import SignedIn, day_of
from programs.models import Program
from programs.pages import looks_back

USUAL_WEEKS = 26
GROUPS_A_PAGE = 50
TRENDS = (lazy("Trends"), "/trends")  # both pages lie below it
TASKS_SHOWN = 30
# Off by less than this, chances are as good as can be told from some dozens of targets.
SMALL_CHANCE = 0.05
LEVEL_NAMES = {scores.P50: "P50", scores.P80: "P80"}


@dataclass(frozen=True)
class Share:
    """How often one level came true, drawn and judged."""

    kept: scores.Kept
    name: str
    tone: str
    verdict: str
    bar: SafeString


@dataclass(frozen=True)
class GroupRow:
    """A team or program with its bias in words."""

    name: str
    url: str
    group: scores.Group

    @property
    def late(self) -> str:
        return late_words(self.group.bias)

    @property
    def is_few(self) -> bool:
        return self.group.scored < scores.ENOUGH


def late_words(bias: scores.Bias) -> str:
    """“+3 d”; “+3 d or more” where open ones leave it open."""
    if bias.least_days is None:
        return ""
    least = slip(bias.least_days)
    if bias.most_days is None:
        return _("%(least)s or more") % {"least": least}
    return (
        least
        if bias.most_days == bias.least_days
        else _("%(least)s to %(most)s")
        % {
            "least": least,
            "most": slip(bias.most_days),
        }
    )


def shares(found: scores.Accuracy) -> list[Share]:
    told = []
    for kept in found.kept:
        name = LEVEL_NAMES[kept.level]
        words = {"level": percent0(kept.level), "name": name}
        if kept.agrees and kept.is_few:
            least, most = kept.in_line
            tone = "none"
            verdict = _("Too few to tell (%(count)s of them): %(least)s to %(most)s would be in line with %(level)s.")
            words |= {"count": str(kept.milestones), "least": percent0(least), "most": percent0(most)}
        elif kept.agrees:
            tone, verdict = "ok", _("In line with %(level)s: %(name)s means what it says.")
        elif kept.share < kept.level:
            tone, verdict = "bad", _("Less than %(level)s: %(name)s was named too early.")
        else:
            tone, verdict = "warn", _("More than %(level)s: %(name)s was named later than it had to be.")
        bar = trend_charts.share_bar(kept.level, kept.share, kept.low, kept.high, tone)
        told.append(Share(kept, name, tone, verdict % words, bar))
    return told


def reliability_words(bins: Sequence[scores.Bin]) -> str:
    """The finding of the reliability diagram."""
    count = sum(one.forecasts for one in bins)
    mean = sum(one.forecasts * one.chance for one in bins) / count
    met = sum(one.forecasts * one.share for one in bins) / count
    words = _("Reliability of %(count)s chances: targets were given %(mean)s on average and met in %(met)s.") % {
        "count": count,
        "mean": f"{mean:.0%}",
        "met": f"{met:.0%}",
    }
    if all(one.low <= one.chance <= one.high for one in bins):
        return words + " " + _("Every band holds its chance: they mean what they say.")
    if abs(met - mean) >= SMALL_CHANCE:
        return words + " " + (_("Chances were too low.") if met > mean else _("Chances were too high."))
    apart = sum(one.forecasts * (one.share - one.chance) * (one.chance - mean) for one in bins)
    if apart > 0:
        odd = _("Right on average, but too timid: low chances came true more seldom, high ones more often.")
    else:
        odd = _("Right on average, but too bold: low chances came true more often, high ones more seldom.")
    return words + " " + odd


@require_safe
@looks_back
def accuracy(request: SignedIn) -> HttpResponse:
    """How often P50, P80 and chances of target came true, over all that the reader may see or one program."""
    chosen, rows, today = _asked(request)
    ledger = scores.load(rows, today=today, weeks=chosen.weeks)
    found = scores.score(ledger)
    by = "team" if request.GET.get("by") == "team" else "program"
    page = Paginator(_names(ledger, by), GROUPS_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "title": _("Forecast accuracy"),
        "crumbs": [TRENDS],
        "chosen": chosen,
        "tabs": tabs(chosen, "accuracy"),
        "tabs_label": _("Chart"),
        "weeks_offered": WEEKS,
        "found": found,
        "enough": scores.ENOUGH,
        "shares": shares(found),
        "late": late_words(found.bias),
        "reliability_words": reliability_words(found.bins) if found.bins else "",
        "diagram": trend_charts.reliability(
            [(one.chance, one.share, one.low, one.high, one.forecasts) for one in found.bins],
            reliability_words(found.bins) + " " + _("Values are in the table."),
        )
        if found.bins
        else "",
        "by": by,
        "page": page,
        "groups": _group_rows(ledger, by, list(page.object_list)),
    }
    return render(request, "dashboards/accuracy.html", context)


def _asked(request: SignedIn) -> tuple[Chosen, Any, Any]:
    chosen = choose(request, usual_weeks=USUAL_WEEKS, otherwise=False)
    rows = IssuedForecast.objects.visible_to(request.user)
    if chosen.program:
        rows = rows.filter(program=chosen.program)
    return chosen, rows, day_of(request)


def _names(ledger: scores.Ledger, by: str) -> list[tuple[str, str, int]]:
    """(name, page, id) of the programs or teams in a ledger, by name: no order that ranks them."""
    ids = np.unique(ledger.team if by == "team" else ledger.program).tolist()
    if by == "team":
        teams: Mapping[int, Team] = Team.objects.in_bulk([pk for pk in ids if pk])
        found = [(teams[pk].name, f"/teams/{pk}", pk) for pk in ids if pk in teams]
    else:
        programs = Program.objects.only("key", "name").in_bulk(ids)
        found = [(row.name, row.get_absolute_url(), pk) for pk, row in programs.items()]
    found.sort(key=lambda one: (one[0].casefold(), one[2]))
    return [*found, (_("No team"), "", 0)] if by == "team" and 0 in ids else found


def _group_rows(ledger: scores.Ledger, by: str, names: Sequence[tuple[str, str, int]]) -> list[GroupRow]:
    """Only what the page shows is scored."""
    key = ledger.team if by == "team" else ledger.program
    part = ledger.only(np.isin(key, [pk for _, _, pk in names]))
    groups = {group.key: group for group in (scores.by_team(part) if by == "team" else scores.by_program(part))}
    return [GroupRow(name, url, groups[pk]) for name, url, pk in names]


@require_safe
@looks_back
def expert(request: SignedIn) -> HttpResponse:
    """Proper scores, PIT and the parts of Brier's; criticality, SSI and cruciality towards an end milestone."""
    chosen, rows, today = _asked(request)
    found = scores.examine(scores.load(rows, today=today, weeks=chosen.weeks, levels=scores.LEVELS))
    end = _end(request, chosen)
    simulated = criticality_to(end, viewer=request.user, today=today) if end else None
    context = {
        "title": _("Forecast scores"),
        "sub": _("For whoever looks after the forecast itself. A lead needs none of this."),
        "crumbs": [TRENDS, (_("Accuracy"), f"/accuracy{chosen.query(weeks=None) if chosen.program else ''}")],
        "chosen": chosen,
        "weeks_offered": WEEKS,
        "found": found,
        "brier_parts": _brier_parts(found),
        "pit": trend_charts.pit_bars(found.pit, pit_words(found.pit)) if found.pit else "",
        "pit_words": pit_words(found.pit) if found.pit else "",
        "pit_rows": [
            (_("P%(low)s to P%(high)s") % {"low": 10 * at, "high": 10 * (at + 1)}, share)
            for at, share in enumerate(found.pit)
        ],
        "end": end,
        "simulated": simulated,
        "tasks": simulated.tasks[:TASKS_SHOWN] if simulated else [],
        "not_simulated": NOT_SIMULATED.get(simulated.reason, "") if simulated else "",
    }
    return render(request, "dashboards/expert.html", context)


def _end(request: SignedIn, chosen: Chosen) -> Milestone | None:
    """The milestone of the address, or the end of its program."""
    visible = Milestone.objects.visible_to(request.user).select_related("program")
    asked = request.GET.get("milestone", "")
    if asked:
        row = visible.filter(pk=int(asked)).first() if asked.isdecimal() and len(asked) < 19 else None
        if row is None:
            raise Http404
        return row
    return visible.filter(program=chosen.program, is_end=True).first() if chosen.program else None


def _brier_parts(found: scores.Expert) -> list[tuple[str, str, str]]:
    parts = found.brier
    if parts is None:
        return []
    named = [
        (_("Brier score"), parts.score, _("Mean squared error of chances: 0 is perfect, 0.25 is always saying 50%.")),
        (_("Reliability"), parts.reliability, _("How far chances lie from what happened. Lower is better.")),
        (_("Resolution"), parts.resolution, _("How far what happened differs between chances. Higher is better.")),
        (_("Uncertainty"), parts.uncertainty, _("What naming the base rate every time would score.")),
        (_("Within bins"), parts.within_bins, _("What putting unlike chances in one bin hides.")),
        (_("Bias"), parts.bias, _("Share of targets met, less the mean chance.")),
    ]
    return [(name, f"{value:.3f}".replace("-", MINUS), text) for name, value, text in named]


def pit_words(shares: Sequence[float]) -> str:
    """What a PIT histogram looks like: leaning, humped, hollow or even."""
    if not shares:
        return ""
    count = len(shares)
    mean = sum((at + 0.5) / count * share for at, share in enumerate(shares))
    ends = shares[0] + shares[-1]
    words = _("Outcomes lie at P%(mean)s on average.") % {"mean": number(100 * mean)}
    if abs(mean - 0.5) > 0.05:
        found = _("They come later than forecast.") if mean > 0.5 else _("They come sooner than forecast.")
    elif ends > 3 / count:
        found = _("Too many lie at the ends: ranges are too narrow.")
    elif ends < 1 / count:
        found = _("Too few lie at the ends: ranges are too wide.")
    else:
        found = _("They are spread about evenly: ranges mean what they say.")
    return words + " " + found
