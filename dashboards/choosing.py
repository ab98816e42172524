"""Which programs of the portfolio an address asks for, in which order and groups, and as they were on which day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import groupby

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from dashboards.overview import GRAVITY, Line, fill_history, fill_milestones, fill_risks
from history import past
from people.lists import DAYS, PASSING
from people.models import User
from people.search import plain
from programs.models import Health, Phase, Program

# -- what may be asked -----------------------------------------------------------------------------------------------

VIEWS: dict[str, tuple[str | Promise, Callable[[Line], bool]]] = {
    "": (lazy("Open programs"), lambda line: True),
    "attention": (lazy("Needs attention"), lambda line: line.wants_attention),
    "mismatch": (lazy("Reported ≠ derived"), lambda line: line.disagrees),
    "closed": (lazy("Closed"), lambda line: True),
}
# Each filter in words, and what it says of programs that have no such thing.
FILTERS: dict[str, tuple[str | Promise, str | Promise]] = {
    "q": (lazy("Search"), ""),
    "health": (lazy("Derived health"), ""),
    "reported": (lazy("Reported health"), lazy("Not reported")),
    "lead": (lazy("Lead"), lazy("No lead")),
    "sponsor": (lazy("Sponsor"), lazy("No sponsor")),
    "team": (lazy("Team"), lazy("No team")),
    "area": (lazy("Area"), lazy("No area")),
    "objective": (lazy("Objective"), lazy("No objective")),
    "phase": (lazy("Phase"), lazy("No phase")),
    "mine": (lazy("Mine"), ""),
    "watched": (lazy("Watched"), ""),
    "stale": (lazy("Update or gate overdue"), ""),
}
NONE, ME, YES = "none", "me", "yes"
# What a program is or is not: the page links to those that are, and its form does not offer it.
ALONE = ("mine", "watched", "stale")
PEOPLE = ("lead", "sponsor")
GROUPS = ("area", "lead", "objective", "phase")
# Whoever leads a program is its owner in the words of other tools, and of the saved addresses of their people.
ALIASES = {"owner": "lead"}
KNOWN = frozenset({*FILTERS, *ALIASES, *DAYS, *PASSING, "view", "sort", "group"})
MOST_SHOWN = 60
# What each filter offers: values as they stand in an address, and in words.
Choices = dict[str, list[tuple[str, str]]]

FIRST = date.min
SORTS: dict[str, tuple[str | Promise, Callable[[Line], tuple[object, ...]]]] = {
    "attention": (lazy("attention"), lambda x: (-GRAVITY[x.derived], -(x.slip if x.slip is not None else -9999))),
    "name": (lazy("name"), lambda x: (x.program.name.casefold(),)),
    "slip": (lazy("slip"), lambda x: (x.slip is None, x.slip or 0)),
    "target": (lazy("target"), lambda x: (x.program.target_on is None, x.program.target_on or FIRST)),
    "forecast": ("P80", lambda x: (x.p80_on is None, x.p80_on or FIRST)),
    "chance": (lazy("chance of target"), lambda x: (x.chance is None, x.chance or 0.0)),
    "drift": (lazy("slip in 12 weeks"), lambda x: (len(x.slips) < 2, x.slips[-1][1] - x.slips[0][1] if x.slips else 0)),
    "risk": (lazy("top risk"), lambda x: (x.top_risk is None, x.top_exposure)),
    "milestone": (lazy("next milestone"), lambda x: (x.next_on is None, x.next_on or FIRST)),
    "updated": (lazy("last update"), lambda x: (x.days_since_update is None, x.days_since_update or 0)),
    "rank": (lazy("rank"), lambda x: (x.program.rank == 0, x.program.rank)),
}
NEEDS: dict[str, Callable[[Iterable[Line]], None]] = {
    "drift": fill_history,
    "risk": fill_risks,
    "milestone": fill_milestones,
}
# More than a page of the past has queries left for.
ONLY_NOW = frozenset({"risk", "milestone"})


@dataclass(frozen=True)
class Asked:
    """What an address asks for. ``refused`` says, in sentences, what of it was left out."""

    view: str = ""
    filters: Mapping[str, str] = field(default_factory=dict)
    sort: str = "attention"
    group: str = ""
    refused: tuple[str, ...] = ()

    def refusing(self, sentence: str) -> Asked:
        return replace(self, refused=(*self.refused, sentence))


def read(query: QueryDict) -> Asked:
    """What the parameters of an address ask for, as far as they can be understood without looking at programs."""
    said = {ALIASES.get(name, name): query.get(name, "").strip() for name in query if name in KNOWN}
    given = {name: value for name, value in said.items() if value}
    refused = [
        _("This page has no filter “%(name)s”.") % {"name": name[:MOST_SHOWN]} for name in query if name not in KNOWN
    ]

    def one_of(name: str, choices: Collection[str], default: str) -> str:
        value = given.get(name, default)
        if value.removeprefix("-" if name == "sort" else "") in choices:
            return value
        refused.append(_("There is no %(name)s “%(value)s”.") % {"name": name, "value": value[:MOST_SHOWN]})
        return default

    view = one_of("view", VIEWS, "")
    sort = one_of("sort", SORTS, "attention")
    group = one_of("group", GROUPS, "") if "group" in given else ""
    if past.day() and sort.removeprefix("-") in ONLY_NOW:
        refused.append(_("Top risks and next milestones are left out of the past: sorted by attention instead."))
        sort = "attention"
    filters = {name: given[name] for name in FILTERS if name in given}
    return Asked(view, filters, sort, group, tuple(refused))


# -- values of a program ---------------------------------------------------------------------------------------------


def values(line: Line, name: str) -> list[tuple[str, str | Promise]]:
    """What a program has for a filter, each as it stands in an address and in words; never empty."""
    program = line.program
    found: list[tuple[str, str | Promise]] = []
    match name:
        case "health":
            found = [(line.derived.value, line.derived.label)]
        case "reported" if line.reported:
            found = [(line.reported.health, Health(line.reported.health).label)]
        case "lead" if program.lead:
            found = [(str(program.lead.pk), program.lead.name)]
        case "sponsor" if program.sponsor:
            found = [(str(program.sponsor.pk), program.sponsor.name)]
        case "team" if program.owning_team:
            found = [(str(program.owning_team.pk), program.owning_team.name)]
        case "area" if program.area not in ("", NONE):
            found = [(program.area, program.area)]
        case "objective":
            found = [(str(pk), title) for pk, title in line.objectives]
        case "phase" if line.phase:
            found = [(line.phase, Phase.Kind(line.phase).label)]
        case "watched" if line.is_watched:
            found = [(YES, lazy("yes"))]
        case "stale" if line.is_stale:
            found = [(YES, lazy("yes"))]
        case "mine" if line.is_mine:
            found = [(YES, lazy("yes"))]
    return found or [(NONE, FILTERS[name][1])]


def choices(found: Iterable[Line]) -> Choices:
    """What each filter offers, in order: only what some visible program has, and every health."""
    lines = list(found)
    offered: Choices = {}
    for name in FILTERS.keys() - {"q", *ALONE}:
        # Each in words once, not once a program.
        had = dict(pair for line in lines for pair in values(line, name))
        said = [(value, str(words)) for value, words in had.items()]
        offered[name] = sorted(said, key=lambda pair: (pair[0] == NONE, pair[1].casefold(), pair[0]))
    offered["health"] = [(health.value, str(health.label)) for health in Health]
    order = [*Health.values, NONE]
    offered["reported"] = sorted(offered["reported"], key=lambda pair: order.index(pair[0]))
    order = [*Phase.Kind.values, NONE]
    offered["phase"] = sorted(offered["phase"], key=lambda pair: order.index(pair[0]))
    return offered


def checked(asked: Asked, offered: Choices) -> Asked:
    """Without the filters that no program can answer, each with a sentence that says so."""
    always = {"reported": set(Health.values), "phase": set(Phase.Kind.values), **{name: {YES} for name in ALONE}}
    kept = {}
    for name, value in asked.filters.items():
        known = {key for key, _ in offered.get(name, ())} | always.get(name, set())
        if name == "q" or value in known or (name in PEOPLE and value == ME):
            kept[name] = value
        else:
            asked = asked.refusing(
                _("No program here has the %(filter)s “%(value)s”.")
                % {"filter": str(FILTERS[name][0]).lower(), "value": value[:MOST_SHOWN]}
            )
    return replace(asked, filters=kept)


def needs(asked: Asked) -> Callable[[Iterable[Line]], None] | None:
    """What the order asked for has to know of every program, not only of those on the page."""
    return NEEDS.get(asked.sort.removeprefix("-"))


# -- choosing, ordering, grouping ------------------------------------------------------------------------------------


def chosen(found: Iterable[Line], asked: Asked, viewer: User) -> list[Line]:
    """The programs asked for, in no order."""
    belongs = VIEWS[asked.view][1]
    return [line for line in found if belongs(line) and matches(line, asked.filters, viewer)]


def matches(line: Line, filters: Mapping[str, str], viewer: User) -> bool:
    for name, value in filters.items():
        if name == "q":
            if not says(line.program, plain(value).split()):
                return False
            continue
        wanted = str(viewer.pk) if name in PEOPLE and value == ME else value
        if all(key != wanted for key, _ in values(line, name)):
            return False
    return True


def says(program: Program, words: Collection[str]) -> bool:
    """Whether all words stand in what a line shows of a program."""
    text = plain(f"{program.key} {program.name} {program.lead or ''} {program.owning_team or ''} {program.area}")
    return all(word in text for word in words)


def arrange(found: Iterable[Line], sort: str) -> list[Line]:
    """Lines in the asked order, ties by name. A leading dash turns it round."""
    key = SORTS[sort.removeprefix("-")][1]
    ordered = sorted(found, key=lambda line: (line.program.name.casefold(), line.program.pk))
    if not sort.startswith("-"):
        return sorted(ordered, key=key)
    # What has no value stays last in both directions.
    known = [line for line in ordered if key(line)[0] is not True]
    return sorted(known, key=key, reverse=True) + [line for line in ordered if key(line)[0] is True]


@dataclass(frozen=True)
class Group:
    """Programs that share a value: its words, how many they are on all pages, and their worst health."""

    value: str
    label: str
    count: int
    worst: Health


def grouped(ordered: Sequence[Line], name: str) -> tuple[list[Line], dict[str, Group]]:
    """The same lines group by group, and the groups by value.

    Groups follow their first line; programs without the thing come last. A program is in one group, of several
    objectives that of the first by title, so that counts add up.
    """
    if not name:
        return list(ordered), {}
    had = {line.program.pk: values(line, name)[0] for line in ordered}
    mine = {pk: value for pk, (value, _words) in had.items()}
    labels = dict(had.values())
    counts = Counter(mine.values())
    worst: dict[str, Health] = {}
    for line in ordered:
        value = mine[line.program.pk]
        worst[value] = max(worst.get(value, line.derived), line.derived, key=lambda health: GRAVITY[health])
    # Counters and sorts keep the order of first sight.
    order = {value: place for place, value in enumerate(sorted(counts, key=lambda value: value == NONE))}
    lines = sorted(ordered, key=lambda line: order[mine[line.program.pk]])
    return lines, {value: Group(value, str(labels[value]), counts[value], worst[value]) for value in order}


def sections(page: Iterable[Line], name: str, groups: Mapping[str, Group]) -> list[tuple[Group | None, list[Line]]]:
    """The lines of a page by group; without groups one section of all."""
    if not name:
        return [(None, list(page))]
    return [(groups[value], list(run)) for value, run in groupby(page, key=lambda line: values(line, name)[0][0])]
