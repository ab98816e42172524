"""Hand-offs of the portfolio, or of one program: who owes whom what, and by when; as a map, a matrix or a table."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from dashboards import dependency_map
from dashboards.hand_offs import (
    HIDDEN,
    HandOff,
    Pair,
    at,
    finding,
    hand_offs,
    in_groups,
    pairs_of,
    parts_of,
    sides,
    told,
    where,
    with_damage,
)
from history import past
from milestones.forms import causes
from milestones.hand_offs import State, seen
from people import lists
from people.lists import Listing, Shape, address
from people.pages import SignedIn, day_of
from programs.models import Program
from programs.pages import find_program, looks_back, program_crumbs

# How a list is called in the portfolio, and in a program.
MINE = {"owe": (lazy("I owe"), lazy("Gives")), "owed": (lazy("Owed to me"), lazy("Gets"))}
LAYOUTS = {"map": (lazy("Map"), "graph"), "matrix": (lazy("Matrix"), "grid"), "table": (lazy("Table"), "road")}
MOST_PRESSING = 6

HAND_OFFS = Shape(
    name="hand-offs",
    noun=lazy("hand-off"),
    show="mine",
    keeps=["layout"],
    filters={
        "giver": at(lazy("From"), "giver"),
        "receiver": at(lazy("To"), "receiver"),
        "program": at(lazy("Program"), "giver", "receiver"),
        "state": lists.one_of(lazy("State"), "state", State.choices),
    },
    sorts={
        "damage": (lazy("Damage"), F("damage")),
        "slack": (lazy("Slack"), F("slack_days")),
        "needed": (lazy("Needed by"), F("need_by_on")),
        "promised": (lazy("Promised"), Coalesce("promised_on", "p80_on")),
        "name": (lazy("Hand-off"), where("giver_seen", "predecessor__name")),
        "giver": (lazy("From"), where("giver_seen", "predecessor__program__name")),
        "receiver": (lazy("To"), where("receiver_seen", "successor__program__name")),
    },
    sort="-damage",
    then=[F("damage").desc(), F("slack_days").asc(nulls_last=True)],
    # Each row may hold a form: with more of them the page passes 150 kB.
    size=35,
    columns=[
        (lazy("From"), lambda one: one.link.predecessor.program.name if one.link.predecessor else HIDDEN.name),
        (lazy("Gives"), lambda one: one.link.predecessor.name if one.link.predecessor else None),
        (lazy("To"), lambda one: one.link.successor.program.name if one.link.successor else HIDDEN.name),
        (lazy("For"), lambda one: one.link.successor.name if one.link.successor else None),
        (lazy("Needed by"), lambda one: one.row.need_by_on),
        (lazy("Promised by"), lambda one: one.row.promised_on),
        (lazy("Expected at P80"), lambda one: one.row.p80_on),
        (lazy("P80 after the promise, days"), lambda one: one.row.missed_days),
        (lazy("There on"), lambda one: one.row.given_on),
        (lazy("Slack, days"), lambda one: one.row.slack_days),
        (lazy("Days late"), lambda one: one.row.late_days),
        (lazy("Damage"), lambda one: round(one.row.damage, 1)),
        (lazy("State"), lambda one: one.state),
        (lazy("Agreement"), lambda one: one.row.get_agreement_display() or None),
    ],
)


@looks_back
def dependencies(request: SignedIn, key: str | None = None) -> HttpResponse:
    program = find_program(request, key) if key else None
    rows = hand_offs(request.user)
    if program:
        rows = rows.filter(Q(predecessor__program=program) | Q(successor__program=program))
    answering = Program.objects.worked_on_by(request.user)
    owing = sides(Program.objects.filter(pk=program.pk) if program else answering)
    kinds = {"": (_("All"), Q())} | {name: (MINE[name][program is not None], side) for name, side in owing.items()}
    if program:
        # What is there already is neither given nor got: with it the lists of a program are all.
        kinds["given"] = (_("There already"), Q(there=True))
    listing = Listing(request, HAND_OFFS, rows, kinds, day_of(request), program=program)
    mine = listing.shown
    layout = listing.named("layout", LAYOUTS, "table" if mine else "map")
    # Nobody answers in the past.
    own = set() if past.day() else set(answering.values_list("pk", flat=True))
    if listing.format:
        return listing.file(lines(request, listing.ordered(with_damage(listing.wanted)), own))
    parts = parts_of(request.user)
    wanted = listing.wanted
    pairs = pairs_of(wanted, parts)
    everything = pairs_of(rows, parts) if mine or listing.filters else pairs
    context: dict[str, Any] = listing.context() | {
        "program": program,
        "place": "dependencies",
        "title": _("Dependencies"),
        "untold": [_("P80 is the one issued in that week.")],
        "sub": summary(everything),
        "crumbs": program_crumbs(program) if program else [],
        "layout": layout,
        "layout_tabs": [
            {"label": label, "icon": icon, "url": address(request.GET, layout=name), "current": name == layout}
            for name, (label, icon) in LAYOUTS.items()
        ],
        "mine": mine,
        "finding": finding(pairs),
        "has_pairs": bool(pairs),
        "is_empty": not everything,
        "causes": causes(),
        "today": day_of(request),
        "back": request.get_full_path(),
        "empty_heading": _("No hand-offs yet"),
        "empty_text": _(
            "Open the milestone that waits, and link it to a milestone of another program: its lead is asked to agree."
        ),
    }
    if layout == "table":
        context |= table(listing, own)
    elif layout == "matrix":
        context |= matrix(pairs)
    else:
        context |= drawn(pairs, finding(pairs), program)
        pressing = with_damage(wanted.filter(state__in=[State.LATE, State.OPEN])).order_by(
            *HAND_OFFS.order(HAND_OFFS.sort)
        )
        context["pressing"] = lines(request, pressing[:MOST_PRESSING], own)
    return render(request, "dashboards/dependencies.html", context)


def drawn(pairs: list[Pair], words: str, program: Program | None) -> dict[str, Any]:
    """The map, and its pairs as a table."""
    shown = dependency_map.fit(pairs)
    return {
        "shown": shown,
        "map": dependency_map.draw(shown, listed, words, program.pk if program else None),
        "pairs": [(pair, listed(pair)) for pair in shown.pairs],
    }


def matrix(pairs: list[Pair]) -> dict[str, Any]:
    """Givers down and receivers across, each cell with where its hand-offs are listed."""
    square = dependency_map.square(pairs)
    cells = [(giver, [(pair, listed(pair) if pair else "") for pair in row]) for giver, row in square.rows]
    return {"square": square, "cells": cells}


def listed(pair: Pair) -> str:
    """Where the hand-offs of a pair are listed, as of the same day."""
    asked = {"layout": "table", "giver": pair.giver.key, "receiver": pair.receiver.key}
    return "?" + urlencode(asked | ({"as_of": day.isoformat()} if (day := past.day()) else {}))


def summary(pairs: list[Pair]) -> str:
    """“15 hand-offs between 12 programs. 4 come later than needed, 2 of them to Region NA-4.”"""
    count, late = sum(pair.count for pair in pairs), sum(pair.late for pair in pairs)
    if not count:
        return _("A hand-off is what one program gives another, by a day that both agree on.")
    ends = {part for pair in pairs for part in (pair.giver, pair.receiver)}
    said = ngettext(
        "%(count)s hand-off between %(programs)s programs.", "%(count)s hand-offs between %(programs)s programs.", count
    ) % {"count": count, "programs": len(ends)}
    to: dict[str, int] = {}
    for pair in pairs:
        if pair.late:
            to[pair.receiver.name] = to.get(pair.receiver.name, 0) + pair.late
    if not to:
        return said + " " + _("None comes later than needed.")
    most = max(to, key=lambda name: (to[name], name))
    if len(to) > 1:
        form = ngettext(
            "%(count)s comes later than needed, %(share)s of them to %(program)s.",
            "%(count)s come later than needed, %(share)s of them to %(program)s.",
            late,
        )
    else:
        form = ngettext("%(count)s comes later than needed.", "%(count)s come later than needed.", late)
    return said + " " + form % {"count": late, "share": to[most], "program": most}


def table(listing: Listing, own: set[int]) -> dict[str, Any]:
    """The hand-offs themselves, by damage or as asked; what one owes or is owed stands in groups."""
    rows = listing.ordered(with_damage(listing.wanted))
    grouped = listing.shown in MINE
    if grouped:
        rows = in_groups(rows).order_by("rank", *rows.query.order_by)
    page = listing.page(rows)
    return {"page": page, "hand_offs": lines(listing.request, page, own, grouped=grouped)}


def lines(request: SignedIn, rows: Any, own: set[int], *, grouped: bool = False) -> list[HandOff]:
    """Rows of ``with_damage``, as the reader sees them."""
    rows = list(rows)
    return told(rows, seen(rows, request.user), own, request.user.is_admin and not past.day(), grouped=grouped)
