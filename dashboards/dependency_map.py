"""Who gives to whom as a layered map in SVG, and as a square of givers and receivers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.utils.html import escape
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboards.charts import markup, pixels, signed
from dashboards.hand_offs import HIDDEN, Pair, Part
from dashboards.layers import NODE, Edge, Layout, Point, lay_out
from dashboards.lettering import cut
from dashboards.templatetags.words import GLYPHS, health_word, short_date, tone
from milestones.hand_offs import State

MOST_NODES, MOST_EDGES, MOST_ROWS = 60, 72, 20
WIDE, PITCH, LEFT, TOP = 196, 288, 16, 40  # a node's width, from layer to layer, and the margins
PORT = 9  # between two edges at one node
ROOM = WIDE - 40  # of a name, beside its glyph
EDGES = {State.LATE: "late", State.OPEN: "tight", State.TIGHT: "tight", State.AGREED: "ok"}
# A program has an id above 0; those that the reader does not see are one node.
HIDDEN_NODE = 0


@dataclass(frozen=True, slots=True)
class Shown:
    """What is drawn of the pairs, and what has no room: programs, and hand-offs between them."""

    parts: list[Part]
    pairs: list[Pair]
    parts_left: int
    hand_offs_left: int


def fit(pairs: Sequence[Pair], most_parts: int = MOST_NODES, most_pairs: int = MOST_EDGES) -> Shown:
    """The programs with the most damage, or else the most hand-offs, and what they give each other, worst first."""
    worth: dict[Part, list[float]] = defaultdict(lambda: [0.0, 0, 0, 0])
    for pair in pairs:
        for part in (pair.giver, pair.receiver):
            for place, value in enumerate((pair.damage, pair.late, pair.open, pair.count)):
                worth[part][place] += value
    ranked = sorted(worth, key=lambda part: ([-value for value in worth[part]], part.pk or 0))
    kept = set(ranked[:most_parts])
    drawn = [pair for pair in pairs if pair.giver in kept and pair.receiver in kept][:most_pairs]
    ends = {part for pair in drawn for part in (pair.giver, pair.receiver)}
    return Shown(
        sorted(ends, key=lambda part: (part.name, part.pk or 0)),
        drawn,
        len(worth) - len(ends),
        sum(pair.count for pair in pairs) - sum(pair.count for pair in drawn),
    )


def draw(shown: Shown, address: Callable[[Pair], str], finding: str, focus: int | None = None) -> SafeString:
    """The map. ``address`` says where the hand-offs of a pair are listed; ``focus`` is the program that it is about."""
    by_edge = {(_node(pair.giver), _node(pair.receiver)): pair for pair in shown.pairs}
    layout = lay_out((_node(part) for part in shown.parts), by_edge)
    ports = _ports(layout)
    width = 2 * LEFT + (layout.layers - 1) * PITCH + WIDE
    height = TOP + layout.height + LEFT
    # What hurts is drawn last, over what does not.
    edges = [_edge(pair, layout, ports, address(pair)) for edge, pair in reversed(by_edge.items())]
    nodes = [_card(part, layout.nodes[_node(part)], shown, focus) for part in shown.parts]
    heads = "".join(
        f'<marker id="edge-{css}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="9" markerHeight="9" '
        f'markerUnits="userSpaceOnUse" orient="auto"><path class="edge-head {css}" d="M0 .5 7.5 4 0 7.5z"/></marker>'
        for css in dict.fromkeys(EDGES.values())
    )
    words = _("Dependency map: %(finding)s The table below has the same pairs.") % {"finding": finding}
    gives, receives = _("Who gives"), _("Who receives")
    return markup(
        f'<svg width="{width}" height="{pixels(height)}" viewBox="0 0 {width} {pixels(height)}" role="group" '
        f'aria-label="{escape(words)}">'
        f'<defs>{heads}</defs><text class="v-text v-bold" x="{LEFT}" y="20">{escape(gives)}</text>'
        f'<text class="v-text v-bold" x="{width - LEFT - WIDE}" y="20">{escape(receives)}</text>'
        f"{''.join(edges)}{''.join(nodes)}</svg>"
    )


def _node(part: Part) -> int:
    return HIDDEN_NODE if part.pk is None else part.pk


def _x(layer: int) -> int:
    return LEFT + layer * PITCH


def _y(point: Point) -> float:
    return TOP + point.y


def _ports(layout: Layout) -> dict[tuple[Edge, int], float]:
    """How far from the middle of its node each end of an edge lies: in the order in which the edges run off."""
    sides: dict[tuple[int, bool], list[tuple[float, Edge, int]]] = defaultdict(list)
    for edge, route in layout.routes.items():
        goes_right = edge not in layout.back
        sides[edge[0], goes_right].append((route[1].y, edge, 0))
        sides[edge[1], not goes_right].append((route[-2].y, edge, 1))
    found = {}
    for ends in sides.values():
        step = min(PORT, (NODE - 12) / len(ends))
        for place, (_y, edge, end) in enumerate(sorted(ends)):
            found[edge, end] = (place - (len(ends) - 1) / 2) * step
    return found


def _edge(pair: Pair, layout: Layout, ports: dict[tuple[Edge, int], float], address: str) -> str:
    """An edge with its arrow; one that is late or asked says by how much, and all lead to their hand-offs.

    A keyboard reaches the same lists through the table below, without a stop for each edge.
    """
    edge = (_node(pair.giver), _node(pair.receiver))
    route, is_back = layout.routes[edge], edge in layout.back
    way = -1 if is_back else 1
    near, far = (0, WIDE) if is_back else (WIDE, 0)
    x, y = _x(route[0].layer) + near, _y(route[0]) + ports[edge, 0]
    path = [f"M{x:.0f} {y:.0f}"]
    chip_x, chip_y = 0.0, 0.0
    for place, point in enumerate(route[1:], start=1):
        is_last = place == len(route) - 1
        to_x = _x(point.layer) + far - (2 * way if is_last else 0)
        to_y = _y(point) + (ports[edge, 1] if is_last else 0)
        middle = (x + to_x) / 2
        if place == 1:
            chip_x, chip_y = middle, (y + to_y) / 2
        path.append(f"C{middle:.0f} {y:.0f} {middle:.0f} {to_y:.0f} {to_x:.0f} {to_y:.0f}")
        x, y = to_x, to_y
        if not is_last:
            # Beside nodes there is room for words on a level line.
            chip_x, chip_y = _x(point.layer) + WIDE / 2, to_y
            x = _x(point.layer) + near
            path.append(f"H{x:.0f}")
    css = EDGES[pair.state]
    said = _chip(pair)
    chip = ""
    if said:
        wide = 10 + len(said) * 7
        box = f'x="{chip_x - wide / 2:.0f}" y="{chip_y - 10:.0f}" width="{wide}" height="20" rx="10"'
        chip = (
            f'<g class="s-{pair.state.tone}"><rect class="edge-chip" {box}/>'
            f'<text class="edge-label" x="{chip_x:.0f}" y="{chip_y + 4:.0f}">{said}</text></g>'
        )
    name = f"e{edge[0]}-{edge[1]}"
    names = {"giver": pair.giver.name, "receiver": pair.receiver.name, "hand_offs": pair.words}
    words = escape(_("%(giver)s to %(receiver)s: %(hand_offs)s") % names)
    return (
        f'<a href="{escape(address)}" tabindex="-1" class="edge {css}" marker-end="url(#edge-{css})">'
        f'<title>{words}</title><path id="{name}" d="{"".join(path)}"/><use class="edge-hit" href="#{name}"/>{chip}</a>'
    )


def _chip(pair: Pair) -> str:
    """What stands on an edge: how late, how many open questions, how many that are tight."""
    if pair.late:
        return _("%(days)s d late") % {"days": pair.worst_days}
    if pair.open:
        return _("%(count)s open") % {"count": pair.open}
    return _("%(count)s tight") % {"count": pair.tight} if pair.tight else ""


def _card(part: Part, at: Point, shown: Shown, focus: int | None) -> str:
    x, y = _x(at.layer), _y(at) - NODE / 2
    box = f'x="{x}" y="{pixels(y)}" width="{WIDE}" height="{NODE:.0f}" rx="8"'
    if part is HIDDEN:
        count = sum(pair.count for pair in shown.pairs if HIDDEN in (pair.giver, pair.receiver))
        words = ngettext("%(count)s hand-off", "%(count)s hand-offs", count) % {"count": count}
        return f'<rect class="node-card team" {box}/>{_words(part.name, words, x + 14, y)}'
    if part.p80_on:
        words = f"P80 {short_date(part.p80_on)}" + (f", {signed(part.slip_days)}" if part.slip_days is not None else "")
    else:
        words = health_word(part.health)
    css, page = ("node-card focus", "") if part.pk == focus else ("node-card", "/dependencies")
    glyph = GLYPHS[part.health][""].replace("<svg ", f'<svg x="{x + 12}" y="{pixels(y + 13)}" width="12" height="12" ')
    return (
        f'<a href="/p/{escape(part.key)}{page}"><title>{escape(part.name)}, {health_word(part.health).lower()}</title>'
        f'<g class="s-{tone(part.health)}"><rect class="{css}" {box}/>{glyph}</g>'
        f"{_words(part.name, words, x + 31, y)}</a>"
    )


def _words(name: str, words: str, x: float, y: float) -> str:
    return (
        f'<text class="v-strong" x="{pixels(x)}" y="{pixels(y + 23)}">{escape(cut(name, ROOM))}</text>'
        f'<text class="v-text" x="{pixels(x)}" y="{pixels(y + 42)}">{words}</text>'
    )


# -- the square ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Square:
    """Givers down, receivers across; what they have no room for is counted."""

    receivers: list[Part]
    rows: list[tuple[Part, list[Pair | None]]]
    givers_left: int
    receivers_left: int


def square(pairs: Sequence[Pair]) -> Square:
    """The givers and the receivers with the most damage, each in the order of it."""
    givers, receivers = (_ranked(pairs, side) for side in ("giver", "receiver"))
    by_ends = {(pair.giver, pair.receiver): pair for pair in pairs}
    across = receivers[:MOST_ROWS]
    return Square(
        across,
        [(giver, [by_ends.get((giver, receiver)) for receiver in across]) for giver in givers[:MOST_ROWS]],
        max(len(givers) - MOST_ROWS, 0),
        max(len(receivers) - MOST_ROWS, 0),
    )


def _ranked(pairs: Sequence[Pair], side: str) -> list[Part]:
    worth: dict[Part, list[float]] = defaultdict(lambda: [0.0, 0, 0])
    for pair in pairs:
        for place, value in enumerate((pair.damage, pair.late, pair.count)):
            worth[getattr(pair, side)][place] += value
    return sorted(worth, key=lambda part: ([-value for value in worth[part]], part.name, part.pk or 0))
