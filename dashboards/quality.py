"""Schedule quality: the fourteen checks of the DCMA and our own over all programs, with a link to mend each finding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_safe

from dashboards.templatetags.words import MINUS, percent
from forecasts import quality
from forecasts.quality import Check, Judged
from history import past
from milestones.models import Milestone
from people.pages import SignedIn, day_of
from programs.models import Program
from programs.pages import looks_back

PROGRAMS_A_PAGE = 30
FINDINGS_SHOWN = 5
ALL_FINDINGS = 200  # of one program, where the reader asks for it
# What a check looks for, why it matters, and what mends it.
WORDS = {
    1: (
        lazy("Missing logic"),
        lazy("Open milestones that wait for nothing, or for which nothing waits."),
        lazy("Link them."),
    ),
    2: (
        lazy("Leads"),
        lazy("Links with a negative lag: they overlap what they claim to follow."),
        lazy("Split the work instead."),
    ),
    3: (lazy("Lags"), lazy("Links with a lag: work that nobody sees."), lazy("Make the wait a milestone.")),
    4: (
        lazy("Finish to start"),
        lazy("Share of links of the plainest type."),
        lazy("Turn other types into finish to start."),
    ),
    5: (
        lazy("Hard dates"),
        lazy("Open milestones held by a typed day alone."),
        lazy("Give them work and what they wait for."),
    ),
    6: (
        lazy("High float"),
        lazy("Open milestones with more than 44 working days of float."),
        lazy("Look for a missing link."),
    ),
    7: (
        lazy("Negative float"),
        lazy("Open milestones that cannot be done in time for the baseline day of the end that they lead to."),
        lazy("Move the day or the work."),
    ),
    8: (lazy("Long work"), lazy("Milestones of more than 44 working days."), lazy("Split them.")),
    9: (lazy("Invalid dates"), lazy("Open work in the past, or done work in the future."), lazy("Correct the dates.")),
    10: (lazy("Nobody’s work"), lazy("Open work with neither owner nor team."), lazy("Name who does it.")),
    11: (
        lazy("Missed tasks"),
        lazy("Of milestones whose baseline day has come, those done or expected after it."),
        lazy("Win back days, or agree a new baseline."),
    ),
    12: (
        lazy("Critical path test"),
        lazy("Whether a slip of 100 days at the start of the path moves the end."),
        lazy("Mend the links."),
    ),
    13: (
        lazy("Critical path length"),
        lazy("(Length + float) / length of the path to the end."),
        lazy("Win back days on the path."),
    ),
    14: (
        lazy("Baseline execution"),
        lazy("Milestones done, of those whose baseline day is over."),
        lazy("Finish them, or agree a new baseline."),
    ),
    15: (
        lazy("Out-of-sequence progress"),
        lazy("Links to open work that began before what it waits for allowed. The rest of it waits all the same."),
        lazy("Correct the actual dates, or the link."),
    ),
}
# Mended in the form of the milestone; all others on its page, where its links are.
MENDED_IN_FORM = frozenset({5, 8, 9, 10})


@dataclass(frozen=True)
class Finding:
    """A milestone to look at, and where it is mended."""

    name: str
    url: str


@dataclass(frozen=True)
class Told:
    """A check in words; with the milestones to look at where it fails."""

    check: Check
    findings: Sequence[Finding] = ()
    more: int = 0
    of_programs: bool = False  # a check of the path to one end, added up: programs that pass it

    @property
    def number(self) -> int | None:
        """Its number among the DCMA's; our own has none."""
        return self.check.number if self.check.number <= quality.DCMA else None

    @property
    def title(self) -> str:
        return str(WORDS[self.check.number][0])

    @property
    def text(self) -> str:
        return str(WORDS[self.check.number][1])

    @property
    def remedy(self) -> str:
        return str(WORDS[self.check.number][2])

    @property
    def tone(self) -> str:
        return "none" if self.check.passes is None else "ok" if self.check.passes else "bad"

    @property
    def verdict(self) -> str:
        if self.check.passes is None:
            return _("No limit") if self.check.value is not None else _("Nothing to check")
        return _("Pass") if self.check.passes else _("Fail")

    @property
    def value(self) -> str:
        if self.check.value is None:
            return "–"
        if self.of_programs:
            return _("%(count)s of %(of)s programs") % {"count": self.check.count, "of": self.check.of}
        return shown(self.check.number, self.check.value)

    @property
    def found(self) -> str:
        """What the value is a share of, where it is one of milestones or links."""
        if not self.check.of or self.check.number in quality.PATH_CHECKS:
            return ""
        return _("%(count)s of %(of)s") % {"count": self.check.count, "of": self.check.of}

    @property
    def limit(self) -> str:
        if self.check.threshold is None:
            return _("none")
        if self.of_programs:
            return _("all")
        return f"{'≥' if self.check.at_least else '≤'} {shown(self.check.number, self.check.threshold)}"


@dataclass(frozen=True)
class ProgramRow:
    """A program with the checks that it fails, and the milestones that no check sees."""

    program: Program
    judged: Judged
    failed: Sequence[Told]
    left_out: Sequence[Finding]


def shown(number: int, value: float) -> str:
    """Shares in per cent; the two indices of baseline and path as they are."""
    return f"{value:.2f}".replace("-", MINUS) if number in (13, 14) else percent(value)


@require_safe
@looks_back
def schedule_quality(request: SignedIn) -> HttpResponse:
    """The checks over every open program that the reader sees, or over one of them."""
    today = day_of(request)
    visible = Program.objects.visible_to(request.user)
    key = request.GET.get("program", "").strip()
    one = visible.filter(key__iexact=key).first() if key else None
    if key and one is None:
        raise Http404
    chosen = [one] if one else list(visible.open().only("key", "name", "state").order_by("name", "id"))
    try:
        judged = {row.program: row for row in quality.judge([program.pk for program in chosen], today=today)}
    except ValidationError as refusal:
        context = {
            "title": _("Schedule quality"),
            "count": len(chosen),
            "refusal": refusal.messages[0],
        }
        return render(request, "dashboards/quality.html", context, status=422)
    page = Paginator(chosen, PROGRAMS_A_PAGE).get_page(request.GET.get("page"))
    shown_here = [(program, judged[program.pk]) for program in page.object_list]
    most = ALL_FINDINGS if one else FINDINGS_SHOWN
    names = _names(shown_here, most)
    rows = [_row(program, row, names, most) for program, row in shown_here]
    fails = quality.failing(list(judged.values()))
    own = [Told(check, *_findings(check, names, most)) for check in judged[one.pk].checks] if one else []
    context = {
        "title": _("Schedule quality of %(program)s") % {"program": one.name} if one else _("Schedule quality"),
        "one": one,
        "crumbs": [(_("Schedule quality"), "/quality")] if one else [],
        "page": page,
        "count": len(chosen),
        "checks": [_over_all(check, rows, fails[check.number]) for check in quality.together(list(judged.values()))],
        "rows": rows,
        "own": own,
        "unjudged": [told for told in own if told.number and told.check.passes is None],
        "clean": sum(bool(row.checks) and row.passed == row.checked for row in judged.values()),
    }
    return render(request, "dashboards/quality.html", context)


def _names(shown_here: Sequence[tuple[Program, Judged]], most: int) -> Mapping[int, str]:
    wanted = {
        milestone
        for _, row in shown_here
        for some in (*(check.milestones for check in row.failed), row.left_out)
        for milestone in some[:most]
    }
    return dict(Milestone.objects.filter(pk__in=wanted).values_list("pk", "name"))


def _findings(check: Check, names: Mapping[int, str], most: int) -> tuple[list[Finding], int]:
    if check.passes is not False:
        return [], 0
    end = "/edit" if check.number in MENDED_IN_FORM and past.day() is None else ""
    found = [Finding(names[pk], f"/m/{pk}{end}") for pk in check.milestones[:most] if pk in names]
    return found, len(check.milestones) - len(found)


def _row(program: Program, row: Judged, names: Mapping[int, str], most: int) -> ProgramRow:
    failed = [Told(check, *_findings(check, names, most)) for check in row.failed]
    end = "/edit" if past.day() is None else ""
    left_out = [Finding(names[pk], f"/m/{pk}{end}") for pk in row.left_out[:most] if pk in names]
    return ProgramRow(program, row, failed, left_out)


def _over_all(check: Check, rows: Sequence[ProgramRow], fails: int) -> tuple[Told, int, list[tuple[Program, Told]]]:
    """(check over all programs, how many fail it, those of this page that do)."""
    here = [(row.program, told) for row in rows for told in row.failed if told.check.number == check.number]
    return Told(check, of_programs=check.number in quality.PATH_CHECKS), fails, here
