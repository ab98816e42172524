"""The risk page in numbers: the five-by-five matrix and the exposure of each program."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, Sum

from risks.forms import IMPACTS, LIKELIHOODS
from risks.models import Risk, RiskQuerySet

MOST_CHIPS = 3
MOST_BARS = 8


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


@dataclass(frozen=True, slots=True)
class Bar:
    """Exposure of one program; geometry in a drawing 548 wide."""

    name: str
    minutes: float
    y: int
    width: float

    @property
    def label_x(self) -> float:
        return 200 + self.width + 8


def bars(risks: RiskQuerySet) -> list[Bar]:
    """Expected working minutes by program, most first: one query."""
    exposed: Any = risks.with_exposure()
    totals = list(
        exposed.filter(exposure__gt=0)
        .values("program")
        .annotate(name=F("program__name"), total=Sum("exposure"))
        .order_by("-total", "program")[:MOST_BARS]
    )
    most = max((row["total"] for row in totals), default=1)
    return [
        Bar(row["name"], row["total"], place * 30, max(round(270 * row["total"] / most, 1), 2))
        for place, row in enumerate(totals)
    ]
