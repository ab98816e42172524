"""Hand-offs of the portfolio, or of one program: who owes whom what, and by when; as a map, a matrix or a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db.models import Count, F, Q
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from dashboards import dependency_map
from dashboards.hand_offs import (
    DEFAULT_SORT,
    FILTERS,
    HIDDEN,
    SORTS,
    STATES,
    HandOff,
    Pair,
    Part,
    chosen,
    finding,
    hand_offs,
    in_groups,
    ordering,
    pairs_of,
    parts_of,
    sides,
    told,
    with_damage,
)
from history import past
from milestones.forms import causes
from milestones.hand_offs import seen
from people import export, saved_views
from people.lists import DAYS, MOST_SHOWN, PASSING, address
from people.pages import SignedIn
from programs.models import Program
from programs.pages import find_program, looks_back, program_crumbs

# How a list is called in the portfolio, and in a program.
MINE = {"owe": (lazy("I owe"), lazy("Gives")), "owed": (lazy("Owed to me"), lazy("Gets"))}
LAYOUTS = {"map": (lazy("Map"), "graph"), "matrix": (lazy("Matrix"), "grid"), "table": (lazy("Table"), "road")}
ROWS_A_PAGE = 40
MOST_PRESSING = 8
MOST_OFFERED = 150


@looks_back
def dependencies(request: SignedIn, key: str | None = None) -> HttpResponse:
    program = find_program(request, key) if key else None
    mine = request.GET.get("mine", "")
    mine = mine if mine in MINE else ""
    layout = request.GET.get("layout", "table" if mine else "map")
    layout = layout if layout in LAYOUTS else "map"
    filters = {name: request.GET.get(name, "").strip().replace("\0", "") for name in FILTERS}
    rows = hand_offs(request.user)
    if program:
        rows = rows.filter(Q(predecessor__program=program) | Q(successor__program=program))
    answering = Program.objects.worked_on_by(request.user)
    owing = sides(Program.objects.filter(pk=program.pk) if program else answering)
    counts = rows.aggregate(all=Count("pk"), **{name: Count("pk", filter=side) for name, side in owing.items()})
    # Nobody answers in the past.
    own = set() if past.day() else set(answering.values_list("pk", flat=True))
    parts = parts_of(request.user)
    wanted = chosen(rows, filters)
    if mine:
        wanted = wanted.filter(owing[mine])
    is_filtered = bool(mine) or any(filters.values())
    pairs = pairs_of(wanted, parts)
    context: dict[str, Any] = {
        "program": program,
        "place": "dependencies",
        "title": _("Dependencies"),
        "untold": [_("P80 is the one issued in that week.")],
        "sub": summary(pairs_of(rows, parts) if is_filtered else pairs),
        "crumbs": program_crumbs(program) if program else [],
        "layout": layout,
        "layout_tabs": [
            {"label": label, "icon": icon, "url": address(request.GET, layout=name), "current": name == layout}
            for name, (label, icon) in LAYOUTS.items()
        ],
        "mine": mine,
        "mine_tabs": [
            {"label": _("All"), "url": address(request.GET, mine=None), "count": counts["all"], "current": not mine},
            *(
                {
                    "label": labels[program is not None],
                    "url": address(request.GET, mine=name, layout="table"),
                    "count": counts[name],
                    "current": name == mine,
                }
                for name, labels in MINE.items()
            ),
        ],
        "counts": counts,
        "filters": filters,
        "filtered": is_filtered,
        "states": STATES.items(),
        "chips": chips(request, filters, parts),
        "offered": [(part.key, part.name) for part in list(parts.values())[:MOST_OFFERED]],
        "finding": finding(pairs),
        "has_pairs": bool(pairs),
        "refused": refused(request, filters, parts),
        "saved": saved_views.offer(request),
        "clear_url": address(request.GET, **dict.fromkeys(FILTERS)),
        "whole_url": address(request.GET, **dict.fromkeys([*FILTERS, "mine"])),
        "causes": causes(),
        "back": request.get_full_path(),
        "empty_heading": _("No hand-offs yet"),
        "empty_text": _(
            "Open the milestone that waits, and link it to a milestone of another program: its lead is asked to agree."
        ),
    }
    if (kind := request.GET.get("format", "")) in export.KINDS:
        ordered = with_damage(wanted).order_by(*ordering(request.GET.get("sort", DEFAULT_SORT)))
        return as_file(kind, lines(request, ordered, own), program)
    if layout == "table":
        context |= table(request, wanted, own, mine)
    elif layout == "matrix":
        context |= matrix(pairs)
    else:
        context |= drawn(pairs, finding(pairs), program)
        pressing = with_damage(wanted.filter(state__in=["late", "open"])).order_by(*ordering(DEFAULT_SORT))
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
    """Where the hand-offs of a pair are listed."""
    return "?" + urlencode({"layout": "table", "giver": pair.giver.key, "receiver": pair.receiver.key})


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


def table(request: SignedIn, wanted: Any, own: set[int], mine: str) -> dict[str, Any]:
    """The hand-offs themselves, by damage or as asked; what one owes or is owed stands in groups."""
    sort = request.GET.get("sort", DEFAULT_SORT)
    order = ordering(sort)
    rows = with_damage(wanted)
    if mine:
        rows, order = in_groups(rows), [F("rank").asc(), *order]
    page = Paginator(rows.order_by(*order), ROWS_A_PAGE).get_page(request.GET.get("page"))
    return {
        "page": page,
        "hand_offs": lines(request, page, own, grouped=bool(mine)),
        "sort": sort,
        "sorts": SORTS.items(),
    }


def lines(request: SignedIn, rows: Any, own: set[int], *, grouped: bool = False) -> list[HandOff]:
    """Rows of ``with_damage``, as the reader sees them."""
    rows = list(rows)
    return told(rows, seen(rows, request.user), own, request.user.is_admin and not past.day(), grouped=grouped)


def chips(request: SignedIn, filters: dict[str, str], parts: dict[int, Part]) -> list[tuple[str, str, str]]:
    """The filters in force: name, value in words, and the address without that filter."""
    names = {part.key.lower(): part.name for part in [*parts.values(), HIDDEN]}
    return [
        (
            str(FILTERS[name]),
            str(STATES.get(value, value)) if name == "state" else names.get(value.lower(), value),
            address(request.GET, **{name: None}),
        )
        for name, value in filters.items()
        if value
    ]


def refused(request: SignedIn, filters: dict[str, str], parts: dict[int, Part]) -> list[str]:
    """What of the address was left out, or can match nothing, in sentences."""
    known = {*FILTERS, *PASSING, *DAYS, "mine", "layout", "sort"}
    said = [
        _("This page has no filter “%(name)s”.") % {"name": name[:MOST_SHOWN]}
        for name in request.GET
        if name not in known
    ]
    keys = {part.key.lower() for part in [*parts.values(), HIDDEN]}
    said += [
        _("No program here has the key “%(value)s”.") % {"value": value[:MOST_SHOWN]}
        for name, value in filters.items()
        if value and name != "state" and value.lower() not in keys
    ]
    for name, choices in (("state", STATES), ("mine", MINE), ("layout", LAYOUTS), ("format", export.KINDS)):
        value = request.GET.get(name, "")
        if value and value not in choices:
            said.append(_("There is no %(name)s “%(value)s”.") % {"name": name, "value": value[:MOST_SHOWN]})
    if request.GET.get("sort", DEFAULT_SORT).removeprefix("-") not in SORTS:
        asked = request.GET["sort"][:MOST_SHOWN]
        said.append(_("There is no %(name)s “%(value)s”.") % {"name": "sort", "value": asked})
    return said


COLUMNS: list[tuple[str | Promise, Callable[[HandOff], export.Cell]]] = [
    (lazy("From"), lambda one: one.link.predecessor.program.name if one.link.predecessor else HIDDEN.name),
    (lazy("Gives"), lambda one: one.link.predecessor.name if one.link.predecessor else None),
    (lazy("To"), lambda one: one.link.successor.program.name if one.link.successor else HIDDEN.name),
    (lazy("For"), lambda one: one.link.successor.name if one.link.successor else None),
    (lazy("Needed by"), lambda one: one.row.need_by_on),
    (lazy("Promised by"), lambda one: one.row.promised_on),
    (lazy("Expected at P80"), lambda one: one.row.p80_on),
    (lazy("There on"), lambda one: one.row.given_on),
    (lazy("Slack, days"), lambda one: one.row.slack_days),
    (lazy("Days late"), lambda one: one.row.late_days),
    (lazy("Damage"), lambda one: round(one.row.damage, 1)),
    (lazy("State"), lambda one: one.state),
    (lazy("Agreement"), lambda one: one.row.get_agreement_display() or None),
]


def as_file(kind: str, found: list[HandOff], program: Program | None) -> HttpResponse:
    """The hand-offs that pass the filters, all pages of their table."""
    of = f"{program.key.lower()}-" if program else ""
    rows = ([cell(one) for _, cell in COLUMNS] for one in found)
    return export.file(kind, f"{of}hand-offs", [str(heading) for heading, _ in COLUMNS], rows)
