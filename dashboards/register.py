"""The risk register in numbers: its rows beside their forecast, the five-by-five matrix, exposure by program."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import Count, F, OuterRef, Q, Subquery, Sum
from django.db.models.expressions import OrderBy

from forecasts.models import ProgramHealth, RiskForecast
from people.models import User
from programs.models import Health
from risks.exposure import Exposure, exposure_of
from risks.forms import IMPACTS, LIKELIHOODS
from risks.models import MitigationAction, Risk, RiskQuerySet

MOST_CHIPS = 3
MOST_BARS = 8
NEW_DAYS = 30
WHISKER_WIDTH = 120
# Longer than any id: a number that the database could not read.
MOST_DIGITS = 18


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


# The first word of a sort is its heading's; each falls back to what costs most, then to the id.
SORTS: dict[str, tuple[str, Any]] = {
    "exposure": ("Exposure", F("exposure")),
    "p80": ("Cost at P80", F("forecast__p80_days")),
    "score": ("Score", F("score")),
    "probability": ("Probability", F("probability")),
    "review": ("Review", F("review_on")),
    "owner": ("Owner", F("owner__name")),
    "title": ("Risk", F("title")),
    "id": ("ID", F("pk")),
}
DEFAULT_SORT = "-exposure"


def ordering(sort: str) -> list[OrderBy | str]:
    """What is not known stays last in both directions; an unknown order is the default."""
    name = sort.removeprefix("-")
    field = SORTS[name][1] if name in SORTS else F("exposure")
    turned = sort.startswith("-") or name not in SORTS
    asked = field.desc(nulls_last=True) if turned else field.asc(nulls_last=True)
    return [asked, F("exposure").desc(nulls_last=True), F("score").desc(nulls_last=True), "pk"]


FILTERS = ("q", "program", "owner", "response", "score", "likelihood", "impact")
FIVE = frozenset("12345")


def chosen(rows: Any, filters: Mapping[str, str], viewer: User) -> Any:
    """Rows, annotated with ``score``, that pass the filters of the address; nonsense in one is as good as none."""
    for word in filters["q"].split():
        named = Q(title__icontains=word) | Q(program__name__icontains=word) | Q(program__key__iexact=word)
        rows = rows.filter(named | Q(owner__name__icontains=word))
    if filters["program"]:
        rows = rows.filter(program__key=filters["program"])
    if owner := filters["owner"]:
        known = owner.isdecimal() and len(owner) < MOST_DIGITS
        rows = rows.filter(owner=viewer.pk if owner == "me" else int(owner)) if known or owner == "me" else rows.none()
    if filters["response"] in Risk.Response.values:
        rows = rows.filter(response=filters["response"])
    if filters["score"].isdecimal() and len(filters["score"]) < 3:
        scored: Any = rows  # type checkers do not see what annotate adds
        rows = scored.filter(score__gte=int(filters["score"]))
    if filters["likelihood"] in FIVE and filters["impact"] in FIVE:
        rows = rows.filter(likelihood_score=filters["likelihood"], impact_score=filters["impact"])
    return rows


# -- sums ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sums:
    """The open risks in numbers: expected minutes, how many are new or wait for a review, what mitigation is late."""

    minutes: float
    new: int
    review: int
    overdue: int
    oldest: MitigationAction | None


def add_up(risks: RiskQuerySet, today: date) -> Sums:
    """Three queries."""
    exposed: Any = risks.open().with_exposure()
    found = exposed.aggregate(
        minutes=Sum("exposure"),
        new=Count("pk", filter=Q(raised_on__gt=today - timedelta(days=NEW_DAYS))),
        review=Count("pk", filter=Q(review_on__lt=today)),
    )
    late = MitigationAction.objects.filter(risk__in=risks.open().values("pk"), done_on=None, due_on__lt=today)
    oldest = late.select_related("risk").order_by("due_on", "pk").first()
    return Sums(found["minutes"] or 0, found["new"], found["review"], late.count(), oldest)


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
            LIKELIHOODS[likelihood - 1],
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
