"""When a milestone may be done, as a Plotly figure: the chance of each day, with P50, P80 and the target marked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import plotly.graph_objects as go
from django.utils.translation import gettext as _

from dashboards.charts import day_name
from dashboards.templatetags.words import chance, written
from forecasts.models import MilestoneForecast

LEVELS = range(5, 100, 5)
DAY, FEW_DAYS = 86_400_000, 10
TICKS = [0, 20, 50, 80, 100]


@dataclass(frozen=True)
class Curve:
    """A figure for whoever has scripts, what it shows in a sentence, and its numbers for everybody."""

    figure: dict[str, Any]
    finding: str
    rows: list[tuple[str, date]]


def curve(forecast: MilestoneForecast) -> Curve | None:
    """The curve of a forecast; None where nothing is uncertain, or nothing was simulated."""
    days = forecast.quantiles
    if len(days) != len(LEVELS) or days[0] == days[-1] or not forecast.p50_on or not forecast.p80_on:
        return None
    return Curve(
        figure=_figure(forecast).to_plotly_json(),
        finding=_finding(forecast, forecast.p50_on, forecast.p80_on),
        rows=[(f"{level}%", day) for level, day in zip(LEVELS, days, strict=True)],
    )


def _finding(forecast: MilestoneForecast, p50_on: date, p80_on: date) -> str:
    words = _("Done by %(p50_on)s with 50%% probability, by %(p80_on)s with 80%%.") % {
        "p50_on": day_name(p50_on),
        "p80_on": day_name(p80_on),
    }
    if forecast.target_on and forecast.chance is not None:
        words += " " + _("The target, %(day)s, has a chance of %(chance)s.") % {
            "day": day_name(forecast.target_on),
            "chance": chance(forecast.chance),
        }
    return words


def ticks(forecast: MilestoneForecast) -> int | None:
    """A tick a day, in milliseconds, where ticks of its own choice would name a day twice."""
    days = [*forecast.quantiles, forecast.target_on or forecast.quantiles[0]]
    return DAY if (max(days) - min(days)).days <= FEW_DAYS else None


def _figure(forecast: MilestoneForecast) -> Any:
    """Colours are the page's own tokens: the script that draws it looks them up, in light and in dark."""
    named = [(50, forecast.p50_on), (80, forecast.p80_on)]
    figure = go.Figure(
        layout={
            "template": "none",
            "height": 300,
            "margin": {"l": 46, "r": 16, "t": 28, "b": 36},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"family": "inherit", "size": 11, "color": "var(--text-3)"},
            "showlegend": False,
            "hovermode": "x",
            "dragmode": False,
            "hoverlabel": {
                "bgcolor": "var(--surface)", "bordercolor": "var(--line-2)", "font": {"color": "var(--text)"},
            },
            "xaxis": {
                "type": "date", "gridcolor": "var(--line)", "linecolor": "var(--line-2)", "tickformat": "%-d %b\n%Y",
                "dtick": ticks(forecast),
            },
            "yaxis": {
                "range": [0, 100], "tickvals": TICKS, "ticktext": [f"{tick}%" for tick in TICKS], "zeroline": False,
                "gridcolor": "var(--line)",
            },
        }
    )  # fmt: skip
    figure.add_scatter(
        x=[day.isoformat() for day in forecast.quantiles],
        y=list(LEVELS),
        mode="lines",
        line={"color": "var(--accent)", "width": 2.5},
        fill="tozeroy",
        fillcolor="var(--accent-tint)",
        hovertemplate=_("%{y}% by %{x|%-d %b %Y}<extra></extra>"),
    )
    figure.add_scatter(
        x=[day.isoformat() for _, day in named if day],
        y=[level for level, _ in named],
        mode="markers+text",
        text=[f"P{level} {written(day, 'j M')}" for level, day in named if day],
        textposition="top left",
        textfont={"color": "var(--text)", "size": 12},
        marker={"color": "var(--accent)", "size": 9, "line": {"color": "var(--surface)", "width": 1.5}},
        hoverinfo="skip",
        cliponaxis=False,
    )
    if forecast.target_on:
        label = _("Target %(day)s") % {"day": day_name(forecast.target_on)}
        label += f", {chance(forecast.chance)}" if forecast.chance is not None else ""
        at = forecast.target_on.isoformat()
        line = {"color": "var(--text)", "width": 1.5}
        figure.add_shape(type="line", x0=at, x1=at, xref="x", y0=0, y1=1, yref="paper", line=line)
        figure.add_annotation(
            x=at, y=1, xref="x", yref="paper", yanchor="bottom", showarrow=False, text=label,
            font={"color": "var(--text)", "size": 12},
        )  # fmt: skip
    return figure
