"""A KPI's measurements as a small line in SVG, and over time as a Plotly figure: rows in, drawing out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import plotly.graph_objects as go
from django.utils.translation import gettext as _

from metrics.kpis import pace
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


def spark(kpi: KPI, measured: Sequence[tuple[date, Decimal]]) -> Spark | None:
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
        return round(EDGE + (WIDTH - 2 * EDGE) * (day - days[0]) / span_days, 1)

    def y(value: float) -> float:
        return round(HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * (value - low) / span, 1)

    return Spark(
        width=WIDTH,
        height=HEIGHT,
        points=" ".join(f"{x(day)},{y(value)}" for day, value in zip(days, values, strict=True)),
        end_x=x(days[-1]),
        end_y=y(values[-1]),
        limit_y=y(marks["limit"]) if "limit" in marks else None,
        target_y=y(marks["target"]) if "target" in marks else None,
    )


@dataclass(frozen=True, slots=True)
class Course:
    """A KPI over time: a figure for whoever has scripts, and what it shows in a sentence for everybody."""

    figure: dict[str, Any]
    finding: str


def course(kpi: KPI, measured: Sequence[tuple[date, Decimal]], finding: str, since: date | None) -> Course | None:
    """Measurements from a day on beside target, limit and pace; None where there is none to draw."""
    shown = [(on, value) for on, value in measured if since is None or on >= since]
    if not shown:
        return None
    return Course(_course(kpi, shown, since).to_plotly_json(), finding)


def _course(kpi: KPI, shown: Sequence[tuple[date, Decimal]], since: date | None) -> Any:
    """Colours are the page's own tokens: the script that draws it looks them up, in light and in dark."""
    unit = f" {kpi.unit}" if kpi.unit else ""
    figure = go.Figure(
        layout={
            "template": "none",
            "height": 320,
            "margin": {"l": 56, "r": 16, "t": 28, "b": 36},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"family": "inherit", "size": 11, "color": "var(--text-3)"},
            "showlegend": False,
            "hovermode": "x unified",
            "dragmode": "zoom",
            "hoverlabel": {
                "bgcolor": "var(--surface)", "bordercolor": "var(--line-2)", "font": {"color": "var(--text)"},
            },
            "xaxis": {
                "type": "date", "gridcolor": "var(--line)", "linecolor": "var(--line-2)", "tickformat": "%-d %b\n%Y",
                "hoverformat": "%-d %b %Y",
            },
            "yaxis": {"gridcolor": "var(--line)", "zerolinecolor": "var(--line-2)", "fixedrange": True},
        }
    )  # fmt: skip
    days = _days_of_pace(kpi, since)
    asked = [float(pace(kpi, day) or 0) for day in days]
    if days:
        figure.add_scatter(
            x=[day.isoformat() for day in days],
            y=asked,
            mode="lines",
            line={"color": "var(--none-solid)", "width": 1.5, "dash": "dot"},
            hovertemplate=_("pace") + f" %{{y:,.1~f}}{unit}<extra></extra>",
        )
    values = [float(value) for _on, value in shown]
    figure.add_scatter(
        x=[on.isoformat() for on, _value in shown],
        y=values,
        mode="lines+markers",
        line={"color": "var(--accent)", "width": 2.5},
        marker={"color": "var(--accent)", "size": 6},
        hovertemplate=_("measured") + f" %{{y:,.4~f}}{unit}<extra></extra>",
    )
    lines = [
        (name, value, colour)
        for name, value, colour in (
            (_("Limit"), kpi.limit_value, "var(--bad-solid)"),
            (_("Target"), kpi.target_value, "var(--text)"),
        )
        if value is not None
    ]
    for name, value, colour in lines:
        figure.add_shape(
            type="line", x0=0, x1=1, xref="paper", y0=float(value), y1=float(value), yref="y",
            line={"color": colour, "width": 1.5, "dash": "dash"},
        )  # fmt: skip
        figure.add_annotation(
            x=0, xref="paper", xanchor="left", y=float(value), yref="y", yanchor="bottom", showarrow=False,
            text=f"{name} {value.normalize():,f}", font={"color": "var(--text)", "size": 12},
        )  # fmt: skip
    # A line over the whole width does not widen the axis by itself.
    reach = [*values, *asked, *(float(value) for _, value, _ in lines)]
    room = (max(reach) - min(reach) or abs(reach[0]) or 1) * 0.08
    figure.update_yaxes(range=[min(reach) - room, max(reach) + 2 * room])
    return figure


def _days_of_pace(kpi: KPI, since: date | None) -> list[date]:
    """The ends of the pace and days between them, so that it can be read beside any measurement; none without one."""
    if kpi.start_on is None or kpi.target_on is None or pace(kpi, kpi.start_on) is None:
        return []
    first = max(kpi.start_on, since) if since else kpi.start_on
    every = max((kpi.target_on - kpi.start_on).days // 60, 1)
    days = [first + timedelta(days=n) for n in range(0, max((kpi.target_on - first).days, 0), every)]
    return [*days, kpi.target_on] if first < kpi.target_on else []
