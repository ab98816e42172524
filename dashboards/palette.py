"""Pages of the search, and the answers of the command palette: records by name, what one may do, records by text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote, urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_safe

from dashboards.context import PERSONAL, PORTFOLIO, Place, existing, is_there, own_programs
from dashboards.search import BY_NAME, HOLDS, NOUNS, TEXT, Group, search
from dashboards.subjects import named
from dashboards.templatetags.words import PROGRAM_PAGES
from people.models import User
from people.pages import SignedIn
from people.permissions import OrgAct, may
from people.search import MOST_CHARACTERS, plain
from programs.models import Program, Watch

MOST_A_NOUN = 10
MOST_OF_ONE_NOUN = 100
MOST_IN_PALETTE = 4
MOST_RECORDS = 8
MOST_UPDATES = 3
MOST_PROGRAMS = 3
# Pages beside those of the side navigation, offered to who types what they are called.
BESIDE = (
    Place("/issues", "flag", lazy("Issues")),
    Place("/assumptions", "risk", lazy("Assumptions")),
    Place("/accuracy", "trend", lazy("Accuracy of forecasts")),
    Place("/watermelons", "risk", lazy("Watermelons")),
    Place("/reviews", "doc", lazy("Reviews held")),
    Place("/views", "star", lazy("Saved views")),
)


@dataclass(frozen=True, slots=True)
class Option:
    """A line of the palette: where it leads, what it says on the right, and the keys that do the same."""

    label: str
    url: str
    icon: str
    detail: str = ""
    keys: str = ""

    @property
    def strokes(self) -> list[str]:
        return self.keys.split()


@require_safe
def search_page(request: SignedIn) -> HttpResponse:
    """Everything that the reader may see and that holds these words."""
    asked = request.GET.get("q", "").strip()[:MOST_CHARACTERS]
    only = BY_NAME.get(request.GET.get("noun", ""))
    nouns, most = ((only,), MOST_OF_ONE_NOUN) if only else (NOUNS, MOST_A_NOUN)
    context = {
        "title": _("Search"),
        "asked": asked,
        "only": only,
        "most": most,
        "groups": search(request.user, asked, most=most, nouns=nouns),
    }
    return render(request, "dashboards/search.html", context)


@require_safe
def palette(request: SignedIn) -> HttpResponse:
    """The options of the palette for what is typed so far: a fragment."""
    asked = request.GET.get("q", "").strip()[:MOST_CHARACTERS]
    words = plain(asked).split()
    deeds = [deed for deed in actions(request.user) if all(word in plain(deed.label) for word in words)]
    if asked:
        deeds += beside(request, words)
    acting = (_("Actions"), deeds)
    if asked:
        found = search(request.user, asked, most=MOST_IN_PALETTE)
        label = _("Search for “%(words)s”") % {"words": asked}
        # What merely holds the words somewhere in a long text is never what Enter opens.
        groups = [
            *told(group for group in found if group.hits[0].rank < HOLDS),
            acting,
            *told(group for group in found if HOLDS <= group.hits[0].rank < TEXT),
            (_("Search"), [Option(label, f"/search?{urlencode({'q': asked})}", "search")]),
            *told(group for group in found if group.hits[0].rank >= TEXT),
        ]
    else:
        groups = [(_("Watched and yours"), records(request.user)), acting]
    numbered, number = [], 0
    for label, options in groups:
        if options:
            numbered.append((label, list(enumerate(options, start=number))))
            number += len(options)
    return render(request, "dashboards/palette.html", {"groups": numbered})


def told(groups: Iterable[Group]) -> list[tuple[str, list[Option]]]:
    return [
        (
            str(group.noun.label),
            [
                Option(f"{hit.key} {hit.title}".strip(), hit.url, group.noun.icon, detail=hit.detail)
                for hit in group.hits
            ],
        )
        for group in groups
    ]


def records(viewer: User) -> list[Option]:
    """What a person watches, newest first, then the programs in which they have a part."""
    keys = list(
        Watch.objects.visible_to(viewer).order_by("-at", "-id").values_list("kind", "subject_id")[:MOST_RECORDS]
    )
    about = named(keys, viewer)
    seen = [about[key] for key in keys if key in about]
    options = [
        Option(
            one.name,
            one.url,
            one.icon,
            detail=one.program.key if one.url == f"/p/{one.program.key}" else one.program.name,
        )
        for one in seen
    ]
    there = {option.url for option in options}
    options += [
        Option(program.name, program.get_absolute_url(), "grid", detail=program.key)
        for program in own_programs(viewer)
        if program.get_absolute_url() not in there
    ]
    return options[:MOST_RECORDS]


def actions(viewer: User) -> list[Option]:
    """What a person may do from anywhere, then where they may go."""
    led = Program.objects.visible_to(viewer).led_by(viewer).open().by_rank().only("key", "name")[:MOST_UPDATES]
    writing = _("Write update: %(program)s")
    options = [
        Option(writing % {"program": program.name}, f"{program.get_absolute_url()}/updates/new", "pencil", keys="u")
        for program in led
    ]
    offered = (
        (OrgAct.CREATE_PROGRAM, Option(_("New program"), "/programs/new", "plus")),
        (OrgAct.EDIT_OBJECTIVES, Option(_("New objective"), "/objectives/new", "plus")),
        (OrgAct.CREATE_TEAM, Option(_("New team"), "/teams/new", "plus")),
        (OrgAct.RECORD_PROBLEM, Option(_("Record a problem"), "/problems/new", "plus")),
        (OrgAct.IMPORT, Option(_("Import"), "/import", "down")),
        (OrgAct.MANAGE_PEOPLE, Option(_("Go to people"), "/settings/people", "user")),
    )
    options += [option for act, option in offered if may(viewer, act)]
    options += [going(place) for place in (*existing(PORTFOLIO), *existing(PERSONAL))]
    return [*options, Option(_("Go to settings"), "/settings", "gear")]


def going(place: Place) -> Option:
    # A name of capitals, such as KPIs, keeps them.
    label = str(place.label)
    shown = label if label[1:2].isupper() else label.lower()
    return Option(_("Go to %(place)s") % {"place": shown}, place.path, place.icon, keys=place.key)


def beside(request: SignedIn, words: list[str]) -> list[Option]:
    """Other pages that are called what was typed; those of a program: of the one that is open, else of one's own."""
    options = [going(place) for place in existing(BESIDE)]
    options = [option for option in options if all(word in plain(option.label) for word in words)]
    pages = [
        (end, label)
        for end, label in PROGRAM_PAGES
        if any(word in plain(str(label)) for word in words) and is_there(f"/p/ANY{end}")
    ]
    if not pages:
        return options
    open_page = re.match(r"/p/([^/?#\0]+)", unquote(request.htmx.current_url_abs_path or ""))
    here = Program.objects.visible_to(request.user).filter(key=open_page[1]) if open_page else None
    programs = list(here or own_programs(request.user)[:MOST_PROGRAMS])
    named = [
        (f"{label}: {program.name}", f"{program.get_absolute_url()}{end}")
        for program in programs
        for end, label in pages
    ]
    return options + [Option(label, url, "grid") for label, url in named if all(word in plain(label) for word in words)]
