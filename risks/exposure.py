"""What a risk is expected to cost, from its probability and three points. Pure: the unit is that of the points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import sqrt

TAIL = 0.1  # of P90


@dataclass(frozen=True, slots=True)
class Exposure:
    """Cost to expect of a risk: its mean, and what it exceeds in one case of ten."""

    mean: float
    p90: float


def exposure(probability: float, low: float, likely: float, high: float) -> Exposure:
    """Mean and P90 of a cost that is nothing, or with ``probability`` triangular between ``low`` and ``high``.

    The mean is the probability times (low + likely + high) / 3. The cost stays within x in all cases in which the risk
    does not happen, and in the triangle's share up to x of the others: P90 is 0 up to a probability of 10 %, else the
    triangle's quantile at 1 - 0.1 / probability.

    By hand for 40 % of 3, 6 or 12 days: the mean is 0.4 * 7 = 2.8. The quantile is wanted at 1 - 0.1 / 0.4 = 0.75,
    beyond the mode (6 - 3) / (12 - 3) = 0.33: 12 - sqrt(0.25 * (12 - 3) * (12 - 6)) = 12 - 3.67 = 8.33.

    >>> found = exposure(0.4, 3, 6, 12)
    >>> round(found.mean, 2), round(found.p90, 2)
    (2.8, 8.33)
    >>> exposure(0.1, 10, 20, 30)
    Exposure(mean=2.0, p90=0.0)
    >>> exposure(1.0, 5, 5, 5)
    Exposure(mean=5.0, p90=5.0)
    """
    mean = probability * (low + likely + high) / 3
    return Exposure(mean, triangular_quantile(1 - TAIL / probability, low, likely, high) if probability > TAIL else 0.0)


def triangular_quantile(share: float, low: float, likely: float, high: float) -> float:
    """What a triangular quantity stays within in this share of cases, 0 to 1.

    >>> triangular_quantile(0.5, 0, 5, 10), triangular_quantile(0.5, 7, 7, 7)
    (5.0, 7.0)
    """
    if low == high:
        return float(low)
    if share <= (likely - low) / (high - low):
        return low + sqrt(share * (high - low) * (likely - low))
    return high - sqrt((1 - share) * (high - low) * (high - likely))


def exposure_of(probability: Decimal | None, points: Mapping[str, int] | None) -> Exposure | None:
    """The exposure of a risk ``with_range``; None of one without probability or impact."""
    return None if probability is None or points is None else exposure(float(probability), **points)
