"""The risk register in numbers: its rows beside their forecast, the five-by-five matrix, exposure by program."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, OuterRef, Q, Subquery, Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import pgettext_lazy

from dashboards.lettering import cut
from dashboards.templatetags.words import in_days
from forecasts.models import ProgramHealth, RiskForecast
from people import lists
from people.lists import Shape
from programs.models import Health
from risks.exposure import Exposure, exposure_of
from risks.forms import IMPACTS, LIKELIHOODS
from risks.models import MitigationAction, Risk, RiskQuerySet

MOST_CHIPS = 3
MOST_BARS = 8
NEW_DAYS = 30
WHISKER_WIDTH = 120


# -- rows ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Line:
    """A risk beside what it is expected to cost; ``scale`` is the largest P90 on its page."""

    risk: Any
    exposure: Exposure | None
    forecast: RiskForecast | None
    scale: float

    @property
    def heat(self) -> str:
        return heat(self.risk.score or 0)

    @property
    def tone(self) -> str:
        return {"h5": "bad", "h4": "bad", "h3": "warn"}.get(self.heat, "none")

    @property
    def mean_x(self) -> float:
        return self._x(self.exposure.mean if self.exposure else 0)

    @property
    def p90_x(self) -> float:
        return self._x(self.exposure.p90 if self.exposure else 0)

    @staticmethod
    def percent(share: Decimal | None) -> float | None:
        return None if share is None else float(round(share * 100, 2))

    def _x(self, minutes: float) -> float:
        # Half the cap's stroke stays inside the drawing.
        return round(minutes / self.scale * (WHISKER_WIDTH - 1), 1)


def lines(page: Iterable[Any]) -> list[Line]:
    """Of risks with their score, range and forecast."""
    found = [(risk, exposure_of(risk.probability, risk.points)) for risk in page]
    scale = max((max(spread.mean, spread.p90) for _, spread in found if spread), default=0) or 1
    return [Line(risk, spread, forecast_of(risk), scale) for risk, spread in found]


def forecast_of(risk: Risk) -> RiskForecast | None:
    """What a risk costs the end of its program; a closed one costs nothing any more."""
    return None if risk.closed_on else getattr(risk, "forecast", None)


SCORES = (5, 10, 15, 20)
RISKS = Shape(
    name="risks",
    noun=lazy("risk"),
    filters={
        "q": lists.words(
            lazy("Words in title, program or owner"), "title", "program__name", "program__key", "owner__name"
        ),
        "program": lists.program(),
        "owner": lists.person(lazy("Owner")),
        "response": lists.one_of(lazy("Response"), "response", Risk.Response.choices, lazy("No response yet")),
        "score": lists.Filter(
            lazy("Score"),
            lambda rows, value, reader: rows.filter(score__gte=int(value)),
            lambda rows, reader: [(str(score), _("%(score)s or more") % {"score": score}) for score in SCORES],
        ),
        # A cell of the matrix is these two.
        "likelihood": lists.one_of(lazy("Likelihood"), "likelihood_score", enumerate(LIKELIHOODS, start=1)),
        "impact": lists.one_of(lazy("Impact"), "impact_score", enumerate(IMPACTS, start=1)),
        "review": lists.due(pgettext_lazy("day", "Review"), "review_on"),
    },
    sorts={
        "exposure": (lazy("Exposure"), F("exposure")),
        "p80": (lazy("Saved if closed"), F("forecast__p80_days")),
        "score": (lazy("Score"), F("score")),
        "probability": (lazy("Probability"), F("probability")),
        "review": (pgettext_lazy("day", "Review"), F("review_on")),
        "owner": (lazy("Owner"), F("owner__name")),
        "title": (lazy("Risk"), F("title")),
        "id": (lazy("ID"), F("pk")),
    },
    sort="-exposure",
    then=[F("exposure").desc(nulls_last=True), F("score").desc(nulls_last=True)],
    columns=[
        (lazy("ID"), lambda line: line.risk.reference),
        (lazy("Risk"), lambda line: line.risk.title),
        (lazy("Program"), lambda line: line.risk.program.name),
        (lazy("Likelihood"), lambda line: line.risk.likelihood_score),
        (lazy("Impact"), lambda line: line.risk.impact_score),
        (lazy("Score"), lambda line: line.risk.score),
        (lazy("Probability, %"), lambda line: line.percent(line.risk.probability)),
        (lazy("After mitigation, %"), lambda line: line.percent(line.risk.residual_probability)),
        (lazy("Best, working days"), lambda line: in_days(line.risk.points and line.risk.points["low"])),
        (lazy("Likely, working days"), lambda line: in_days(line.risk.points and line.risk.points["likely"])),
        (lazy("Worst, working days"), lambda line: in_days(line.risk.points and line.risk.points["high"])),
        (lazy("Exposure, working days"), lambda line: in_days(line.exposure and line.exposure.mean)),
        (lazy("Exposure at P90, working days"), lambda line: in_days(line.exposure and line.exposure.p90)),
        (lazy("Saved if closed, P80 days"), lambda line: line.forecast and line.forecast.p80_days),
        (lazy("Owner"), lambda line: line.risk.owner and line.risk.owner.name),
        (lazy("Response"), lambda line: line.risk.get_response_display() or None),
        (lazy("Mitigation"), lambda line: line.risk.todo[0].text if line.risk.todo else line.risk.mitigation or None),
        (lazy("Mitigation due"), lambda line: line.risk.todo[0].due_on if line.risk.todo else None),
        (pgettext_lazy("day", "Review"), lambda line: line.risk.review_on),
        (lazy("Closed"), lambda line: line.risk.closed_on),
    ],
)


# -- sums ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sums:
    """The open risks in numbers: how many, expected minutes, which are new or wait for a review, what is late."""

    count: int
    minutes: float
    new: int
    review: int
    overdue: int
    oldest: MitigationAction | None


def add_up(risks: RiskQuerySet, today: date) -> Sums:
    """Three queries."""
    exposed: Any = risks.open().with_exposure()
    found = exposed.aggregate(
        count=Count("pk"),
        minutes=Sum("exposure"),
        new=Count("pk", filter=Q(raised_on__gt=today - timedelta(days=NEW_DAYS))),
        review=Count("pk", filter=Q(review_on__lt=today)),
    )
    late = MitigationAction.objects.filter(risk__in=risks.open().values("pk"), done_on=None, due_on__lt=today)
    oldest = late.select_related("risk").order_by("due_on", "pk").first()
    return Sums(found["count"], found["minutes"] or 0, found["new"], found["review"], late.count(), oldest)


# -- the matrix ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cell:
    likelihood: int
    impact: int
    count: int
    risks: tuple[Risk, ...]

    @property
    def score(self) -> int:
        return self.likelihood * self.impact

    @property
    def heat(self) -> str:
        return heat(self.score)

    @property
    def more(self) -> int:
        return self.count - len(self.risks)


def heat(score: int) -> str:
    """The step of the heat ramp for a score of 1 to 25."""
    return "h5" if score >= 20 else "h4" if score >= 15 else "h3" if score >= 10 else "h2" if score >= 5 else "h0"


def matrix(risks: RiskQuerySet) -> list[tuple[str, list[Cell]]]:
    """Rows from almost certain down to rare, each with five cells: two queries."""
    scored = risks.filter(likelihood_score__isnull=False, impact_score__isnull=False)
    counts: dict[tuple[int, int], int] = {
        (likelihood, impact): count
        for likelihood, impact, count in scored.values_list("likelihood_score", "impact_score").annotate(n=Count("pk"))
    }
    chips: dict[tuple[Any, Any], list[Risk]] = defaultdict(list)
    for risk in scored.order_by("-id")[:400]:
        place = chips[risk.likelihood_score, risk.impact_score]
        if len(place) < MOST_CHIPS:
            place.append(risk)
    return [
        (
            str(LIKELIHOODS[likelihood - 1]),
            [
                Cell(likelihood, impact, counts.get((likelihood, impact), 0), tuple(chips[likelihood, impact]))
                for impact in range(1, len(IMPACTS) + 1)
            ],
        )
        for likelihood in range(len(LIKELIHOODS), 0, -1)
    ]


# -- exposure by program ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Bar:
    """Exposure of one program and its derived health; geometry in a drawing 548 wide."""

    key: str
    name: str
    health: str
    count: int
    minutes: float
    y: int
    width: float

    @property
    def label(self) -> str:
        """As much of the name as stands before the bar."""
        return cut(self.name, 190)

    @property
    def label_x(self) -> float:
        return 200 + self.width + 8


def bars(risks: RiskQuerySet) -> list[Bar]:
    """Expected working minutes by program, most first: one query."""
    newest = ProgramHealth.objects.filter(program=OuterRef("program")).order_by("-day").values("health")[:1]
    exposed: Any = risks.with_exposure()
    totals = list(
        exposed.filter(exposure__gt=0)
        .values("program")
        .annotate(
            key=F("program__key"),
            name=F("program__name"),
            health=Subquery(newest),
            count=Count("pk"),
            total=Sum("exposure"),
        )
        .order_by("-total", "program")[:MOST_BARS]
    )
    most = max((row["total"] for row in totals), default=1)
    return [
        Bar(
            key=row["key"],
            name=row["name"],
            health=row["health"] or Health.NO_FORECAST,
            count=row["count"],
            minutes=row["total"],
            y=place * 30,
            width=max(round(270 * row["total"] / most, 1), 2),
        )
        for place, row in enumerate(totals)
    ]
