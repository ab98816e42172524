"""A KPI's measurements as a small line: rows in, SVG geometry out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from metrics.models import KPI

WIDTH, HEIGHT, EDGE = 160, 36, 4


@dataclass(frozen=True, slots=True)
class Spark:
    """Points of the line, where it ends, and the heights of limit and target, in a drawing of WIDTH × HEIGHT."""

    width: int
    height: int
    points: str
    end_x: float
    end_y: float
    limit_y: float | None
    target_y: float | None


def spark(
    kpi: KPI, measured: Sequence[tuple[date, Decimal]], *, width: int = WIDTH, height: int = HEIGHT
) -> Spark | None:
    """The line of measurements in order of day, or None where there is nothing to draw."""
    if not measured:
        return None
    days = [on.toordinal() for on, _ in measured]
    values = [float(value) for _, value in measured]
    marks = {
        name: float(value)
        for name, value in (("limit", kpi.limit_value), ("target", kpi.target_value))
        if value is not None
    }
    low, high = min([*values, *marks.values()]), max([*values, *marks.values()])
    span_days, span = max(days[-1] - days[0], 1), (high - low) or 1.0

    def x(day: int) -> float:
        return round(EDGE + (width - 2 * EDGE) * (day - days[0]) / span_days, 1)

    def y(value: float) -> float:
        return round(height - EDGE - (height - 2 * EDGE) * (value - low) / span, 1)

    return Spark(
        width=width,
        height=height,
        points=" ".join(f"{x(day)},{y(value)}" for day, value in zip(days, values, strict=True)),
        end_x=x(days[-1]),
        end_y=y(values[-1]),
        limit_y=y(marks["limit"]) if "limit" in marks else None,
        target_y=y(marks["target"]) if "target" in marks else None,
    )
