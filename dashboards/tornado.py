"""Which risks move a program's end most, as a Plotly figure: what closing each saves, and what it costs alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from forecasts.models import RiskForecast
from programs.models import Program

MOST_BARS = 8
LABEL_LENGTH = 26


@dataclass(frozen=True)
class Tornado:
    """A figure for whoever has scripts, what it shows in a sentence, and its rows for everybody."""

    figure: dict[str, Any]
    finding: str
    rows: list[RiskForecast]


def tornado(program: Program) -> Tornado | None:
    """The weighed open risks of a program, the largest first; None where none of them moves its end. One query."""
    weighed = RiskForecast.objects.filter(program=program, risk__closed_on=None).select_related("risk")
    moving = [row for row in weighed if row.p80_days or row.alone_days]
    rows = sorted(moving, key=lambda row: (-max(row.p80_days, row.alone_days), row.risk_id))[:MOST_BARS]
    if not rows:
        return None
    first = rows[0]
    saves = first.p80_days > 0 and first.p80_days == max(row.p80_days for row in rows)
    days = first.p80_days if saves else first.alone_days
    if saves:
        finding = ngettext(
            "Closing %(risk)s would bring P80 forward by %(days)s day.",
            "Closing %(risk)s would bring P80 forward by %(days)s days.",
            days,
        )
    else:
        finding = ngettext(
            "%(risk)s would cost %(days)s day of P80 alone.", "%(risk)s would cost %(days)s days of P80 alone.", days
        )
    finding %= {"risk": first.risk.title, "days": days}
    return Tornado(_figure(rows).to_plotly_json(), finding, rows)


def _figure(rows: Sequence[RiskForecast]) -> Any:
    """Colours are the page's own tokens: the script that draws it looks them up, in light and in dark."""
    names = [_short(row.risk.title) for row in rows]
    figure = go.Figure(
        layout={
            "template": "none",
            "height": max(300, 90 + 44 * len(rows)),
            "margin": {"l": 164, "r": 16, "t": 36, "b": 36},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"family": "inherit", "size": 11, "color": "var(--text-3)"},
            "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "font": {"color": "var(--text)"}},
            "dragmode": False,
            "bargap": 0.35,
            "hoverlabel": {
                "bgcolor": "var(--surface)", "bordercolor": "var(--line-2)", "font": {"color": "var(--text)"},
            },
            "xaxis": {"gridcolor": "var(--line)", "zerolinecolor": "var(--line-2)", "ticksuffix": " d"},
            "yaxis": {
                "autorange": "reversed", "tickvals": list(range(len(rows))), "ticktext": names,
                "tickfont": {"color": "var(--text)"},
            },
        }
    )  # fmt: skip
    places = list(range(len(rows)))
    for name, days, colour in (
        (_("closing it saves"), [row.p80_days for row in rows], "var(--bad-solid)"),
        (_("alone it would cost"), [row.alone_days for row in rows], "var(--none-solid)"),
    ):
        figure.add_bar(
            orientation="h", y=places, x=days, name=name, marker={"color": colour},
            hovertemplate=_("%{x} d of P80") + f"<extra>{name}</extra>",
        )  # fmt: skip
    return figure


def _short(title: str) -> str:
    return title if len(title) <= LABEL_LENGTH else f"{title[: LABEL_LENGTH - 1]}…"
