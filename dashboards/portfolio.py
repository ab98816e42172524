"""The portfolio page, and its table as a file."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Count, F, Window
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from dashboards import charts, choosing, news, overview
from dashboards.choosing import FILTERS, GROUPS, ME, PEOPLE, SORTS, VIEWS, Asked, Choices
from dashboards.context import is_there
from dashboards.news import Change
from dashboards.overview import Line
from dashboards.templatetags.words import MINUTES_A_DAY, tone
from history import past
from people import export, saved_views
from people.lists import DAYS, address
from people.models import SavedView, User
from people.pages import SignedIn, day_of, organisation_of
from people.permissions import OrgAct, may
from programs.models import Health
from programs.pages import looks_back
from reports.since import Since
from risks.models import Decision

# With the cards above, the page stays below 150 kB.
PAGE_SIZE = 34
MOST_SHOWN, MOST_DECISIONS = 4, 3
MOST_TABS = 3
MOST_LETTERS = 24
# What a link to other programs keeps of an address: how they are shown, not which.
KEPT = ("sort", "group", *DAYS)


@require_safe
@looks_back
def portfolio(request: SignedIn) -> HttpResponse:
    """Every program the reader may see, and what changed since last Friday; now, or as it was on a day."""
    viewer, named = request.user, request.GET.get("view", "")
    if named not in VIEWS and (view := saved_views.find(viewer, named)) and not leads_on(view):
        return redirect(view.address)
    (organisation, zone), day = organisation_of(request), day_of(request)
    now = past.day() is None
    asked = choosing.read(request.GET)
    # Somebody's Friday is the day of the last letter; a day in the past is compared with its week.
    since = Since.end_of(overview.last_friday(day) if now else day - timedelta(days=7), zone)
    found = overview.lines(viewer, today=day, since=since, zone=zone, closed=asked.view == "closed")
    left = overview.left_behind(found, viewer, deeds=now)
    offered = choosing.choices(found)
    asked = choosing.checked(asked, offered)
    lines = choosing.chosen(found, asked, viewer)
    if fill := choosing.needs(asked):
        fill(lines)
    lines, groups = choosing.grouped(choosing.arrange(lines, asked.sort), asked.group)
    if file := request.GET.get("format", ""):
        if file in export.KINDS:
            return as_file(file, lines, asked, day)
        asked = asked.refusing(_("There is no format “%(file)s”.") % {"file": file[: choosing.MOST_SHOWN]})
    page = Paginator(lines, PAGE_SIZE).get_page(request.GET.get("page"))
    complete(list(page), asked)
    overview.fill_disagreements(page, briefly=found)
    sums = overview.add_up(found)
    axis = charts.forecast_axis(
        [on for line in page for on in (line.program.target_on, line.p50_on, line.p80_on) if on], day
    )
    saved = saved_views.offer(request)
    context = {
        "title": _("%(organisation)s portfolio") % {"organisation": organisation} if organisation else _("Portfolio"),
        "organisation": organisation or _("Portfolio"),
        "today": day,
        "since": since.on,
        "asked": asked,
        "copied_day": day,
        "clear_url": address(request.GET, **dict.fromkeys([*FILTERS, *choosing.ALIASES])),
        "sums": sums,
        "exposure": overview.exposure(found),
        "count": len(found),
        "derived_bar": charts.stacked_bar([(tone(h), sums.derived[h]) for h in Health]),
        "reported_bar": charts.stacked_bar([(tone(h), sums.reported[h]) for h in Health] + [("none", sums.unreported)]),
        "derived_counts": [(h, sums.derived[h]) for h in Health if sums.derived[h]],
        "reported_counts": [(h, sums.reported[h]) for h in Health if sums.reported[h]],
        "changes": folded(news.changes(found, today=day, since=since, zone=zone, left=left)),
        "decisions": next_decisions(found) if now else [],
        "moves": overview.best_moves(found, left) if now else [],
        "page": page,
        "sections": [
            (group, [(line, *drawn(line, axis)) for line in some])
            for group, some in choosing.sections(page, asked.group, groups)
        ],
        "columns": 9 if now else 7,
        "untold": [_("Decisions due, top risks, next milestones and best moves are left out of the past.")],
        "axis_head": charts.axis_head(axis, day),
        "tabs": [
            *tabs(request.GET, found, sums, asked, is_saved=saved.current is not None),
            *saved_tabs(saved, request.GET, asked, found, offered, viewer),
        ],
        "saved": saved,
        "sort": asked.sort,
        "sorts": [(key, label) for key, (label, _) in SORTS.items() if now or key not in choosing.ONLY_NOW],
        "groups": [(name, FILTERS[name][0]) for name in GROUPS],
        "hidden": [(name, request.GET[name]) for name in ("view", *KEPT) if request.GET.get(name)],
        "selects": [
            (name, FILTERS[name][0], asked.filters.get(name, ""), [(ME, _("Me"))] * (name in PEOPLE) + offered[name])
            for name in FILTERS
            if offered.get(name)
        ],
        "chips": chips(request.GET, asked, offered),
        "policy": found[0].policy if found else None,
        "can_create": now and may(viewer, OrgAct.CREATE_PROGRAM) and is_there("/programs/new"),
    }
    return render(request, "dashboards/portfolio.html", context)


def leads_on(view: SavedView) -> bool:
    """Whether a saved view names another one, which might lead back to it."""
    return QueryDict(view.query).get("view", "") not in VIEWS


def complete(lines: list[Line], asked: Asked) -> None:
    """Add what shown lines need and their order did not: at most three queries."""
    fills = [overview.fill_history]
    if past.day() is None:
        fills += [overview.fill_risks, overview.fill_milestones]
    for fill in fills:
        if fill is not choosing.needs(asked):
            fill(lines)


def folded(changes: list[Change]) -> list[tuple[str, str, list[Change], list[Change]]]:
    """What forecasts did and what people recorded: heading, what it counts, the first ones, and the others."""
    forecasts = [change for change in changes if change.is_forecast]
    recorded = [change for change in changes if not change.is_forecast]
    parts = (
        (_("Forecasts"), _("health that fell, then by days of P80"), forecasts),
        (_("Recorded"), _("dates by days moved, then the rest"), recorded),
    )
    return [(name, order, found[:MOST_SHOWN], found[MOST_SHOWN:]) for name, order, found in parts if found]


def next_decisions(found: list[Line]) -> list[Any]:
    """What somebody has to decide next in these programs; each knows how many ``wait``: one query."""
    waiting: Any = Decision.objects.waiting().filter(program__among=[line.program.pk for line in found])
    dated = waiting.select_related("decider", "program").annotate(wait=Window(Count("pk")))
    return list(dated.order_by(F("decide_by_on").asc(nulls_last=True), "id")[:MOST_DECISIONS])


def drawn(line: Line, axis: charts.Axis) -> tuple[Any, Any]:
    health = tone(line.derived)
    return (
        charts.forecast_row(axis, health, line.program.target_on, line.p50_on, line.p80_on),
        charts.sparkline(line.slips, health),
    )


def tabs(
    query: QueryDict, found: list[Line], sums: overview.Sums, asked: Asked, *, is_saved: bool
) -> list[dict[str, object]]:
    """The views that everyone has; each keeps how programs are shown, but not the filters."""
    kept = QueryDict(mutable=True)
    kept.update({name: query.get(name, "") for name in KEPT if query.get(name)})
    # Only the programs of the chosen half are read, so the other half's counts are not known here.
    closed = asked.view == "closed"
    watermelons = None if closed else sum(line.is_watermelon for line in found)
    counts = {"": len(found), "attention": sums.attention, "mismatch": sums.disagree, "closed": len(found)}
    shown: list[dict[str, object]] = [
        {
            "label": label,
            "url": address(kept, view=name),
            "count": counts[name] if (name == "closed") == closed else None,
            "current": name == asked.view and not is_saved,
        }
        for name, (label, _) in VIEWS.items()
    ]
    told = _("Reported better than derived for two weeks or more")
    melons: dict[str, object] = {
        "label": _("Watermelons"),
        "url": "/watermelons",
        "count": watermelons,
        "current": False,
        "told": told,
    }
    shown.insert(-1, melons)
    return shown


def saved_tabs(
    saved: saved_views.Offer, query: QueryDict, asked: Asked, found: list[Line], offered: Choices, viewer: User
) -> list[dict[str, object]]:
    """The first of the saved views; the menu beside the tabs has all."""
    shown: list[dict[str, object]] = []
    for view in saved.views[:MOST_TABS]:
        kept = QueryDict(view.query)
        wanted = choosing.checked(choosing.read(kept), offered)
        # Another day, or the other half of the programs, is not read here.
        same_day = all(kept.get(name, "") == query.get(name, "") for name in DAYS)
        is_here = same_day and (wanted.view == "closed") == (asked.view == "closed")
        count = len(choosing.chosen(found, wanted, viewer)) if is_here else None
        label = Truncator(view.name).chars(MOST_LETTERS)
        shown.append({"label": label, "url": view.address, "count": count, "current": view == saved.current})
    return shown


def chips(query: QueryDict, asked: Asked, offered: Choices) -> list[tuple[str, str, str]]:
    """The filters in force: name, value in words, and the address without that filter."""
    result = []
    for name, value in asked.filters.items():
        words = _("me") if value == ME else dict(offered.get(name, [])).get(value, value)
        aliases = {alias: None for alias, of in choosing.ALIASES.items() if of == name}
        result.append((str(FILTERS[name][0]), words, address(query, **{name: None, **aliases})))
    return result


# -- as a file -------------------------------------------------------------------------------------------------------


def as_file(kind: str, lines: list[Line], asked: Asked, day: date) -> HttpResponse:
    """The table as it is seen, all of its pages."""
    complete(lines, asked)
    overview.fill_disagreements(lines)
    words = {health: str(health.label) for health in Health}
    stale = _("stale")
    # A group that is a column, too, is there once.
    columns: dict[str, list[export.Cell]] = {}
    if asked.group:
        heading = str(FILTERS[asked.group][0])
        columns[heading] = [str(choosing.values(line, asked.group)[0][1]) for line in lines]
    columns |= {
        _("Key"): [line.program.key for line in lines],
        _("Program"): [line.program.name for line in lines],
        _("Lead"): [line.program.lead.name if line.program.lead else None for line in lines],
        _("Team"): [line.program.owning_team.name if line.program.owning_team else None for line in lines],
        _("Derived health"): [words[line.derived] for line in lines],
        _("Reported health"): [words[Health(line.reported.health)] if line.reported else None for line in lines],
        _("Differs for days"): [line.differs_days if line.disagrees else None for line in lines],
        _("Target"): [line.program.target_on for line in lines],
        "P50": [line.p50_on for line in lines],
        "P80": [line.p80_on for line in lines],
        _("P80 slip, days"): [line.slip for line in lines],
        # Never 0 or 100: all simulated futures are not all futures.
        _("Chance of target, %"): [
            None if line.chance is None else min(max(round(line.chance * 100), 1), 99) for line in lines
        ],
        _("P80 slip by week, oldest first"): [
            ", ".join(str(slip) for _day, slip in line.slips) or None for line in lines
        ],
    }
    if past.day() is None:
        columns |= {
            _("Top risk"): [line.top_risk.title if line.top_risk else None for line in lines],
            _("Its exposure, working days"): [
                round(line.top_exposure / MINUTES_A_DAY, 1) if line.top_exposure else None for line in lines
            ],
            _("Next milestone"): [line.next_milestone.name if line.next_milestone else None for line in lines],
            _("Expected on"): [line.next_on for line in lines],
        }
    columns[_("Days since update")] = [line.days_since_update for line in lines]
    columns[_("Stale")] = [stale if line.is_stale else None for line in lines]
    return export.file(kind, f"portfolio-{day:%Y-%m-%d}", list(columns), zip(*columns.values(), strict=True))
