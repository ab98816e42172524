"""A list as its address asks for it: a view of its rows, filters and an order; as a page, or as a file of what is seen.

The address holds all of it, so that it can be saved as a view, sent to others and taken along into a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Any

from django.core.paginator import Page
from django.db.models import Count, Q
from django.db.models.expressions import OrderBy
from django.http import HttpResponse, QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from people import export, saved_views
from people.models import User
from people.pages import ROWS_A_PAGE, SignedIn, paged
from people.search import plain

NONE, ME = "none", "me"
# The column that a list of one program leaves out.
PROGRAM = lazy("Program")
MOST_SHOWN = 60
MOST_SUGGESTED = 150
# Longer than any id: a number that the database could not read.
MOST_DIGITS = 18
# Parameters that every list reads: which page or file of it, and as it was on which day.
PASSING = ("page", "format")
DAYS = ("as_of", "week")

# Words of a table that is built once: they are put into the reader's language when they are shown.
Label = str | Promise
Options = list[tuple[str, str]]
Kinds = Mapping[str, tuple[Label, Q]]


@dataclass(frozen=True, slots=True)
class Reader:
    """Who looks at a list, and on which day."""

    viewer: User
    day: date


# -- filters ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Filter:
    """What an address may ask of rows. ``options`` are values as they stand there, and in words; without, any words.

    Those that may be very many are ``typed``: the page holds only the first of them, as suggestions.
    """

    label: Label
    narrow: Callable[[Any, str, Reader], Any]
    options: Callable[[Any, Reader], Options] | None = None
    typed: bool = False


def words(label: Label, *fields: str) -> Filter:
    """Rows that have every word in one of these fields."""

    def narrow(rows: Any, value: str, reader: Reader) -> Any:
        for word in value.split():
            found = Q()
            for name in fields:
                found |= Q(**{f"{name}__plain__contains": word})
            rows = rows.filter(found)
        return rows

    return Filter(label, narrow)


def one_of(label: Label, name: str, choices: Iterable[tuple[Any, Any]], nothing: Label = "") -> Filter:
    """Rows whose field has one of a few values; ``nothing`` names those without."""
    offered = [(str(value), text) for value, text in choices if value]

    def narrow(rows: Any, value: str, reader: Reader) -> Any:
        return rows.filter(**{name: "" if value == NONE and nothing else value})

    def options(rows: Any, reader: Reader) -> Options:
        return [(value, str(text)) for value, text in offered] + ([(NONE, str(nothing))] if nothing else [])

    return Filter(label, narrow, options)


def related(label: Label, name: str, nothing: Label = "", *, to: str = "pk", text: str = "name") -> Filter:
    """Rows that point to one of the things that some row of the list points to: one query to offer them."""

    def narrow(rows: Any, value: str, reader: Reader) -> Any:
        return rows.filter(**{f"{name}__isnull": True} if value == NONE else {f"{name}__{to}": value})

    def options(rows: Any, reader: Reader) -> Options:
        found = rows.exclude(**{name: None}).order_by(f"{name}__{text}", f"{name}__{to}")
        had = found.values_list(f"{name}__{to}", f"{name}__{text}").distinct()
        return [(str(value), shown) for value, shown in had] + ([(NONE, str(nothing))] if nothing else [])

    return Filter(label, narrow, options)


def value(label: Label, name: str, nothing: Label) -> Filter:
    """Rows by a text that many share, such as an area: one query to offer those there are."""

    def narrow(rows: Any, wanted: str, reader: Reader) -> Any:
        return rows.filter(**{name: "" if wanted == NONE else wanted})

    def options(rows: Any, reader: Reader) -> Options:
        had = rows.exclude(**{name: ""}).order_by(name).values_list(name, flat=True).distinct()
        return [*((text, text) for text in had), (NONE, str(nothing))]

    return Filter(label, narrow, options)


def person(label: Label, name: str = "owner") -> Filter:
    """Rows that name a person: the reader first."""
    named = related(label, name, lazy("Nobody"))

    def narrow(rows: Any, value: str, reader: Reader) -> Any:
        return named.narrow(rows, str(reader.viewer.pk) if value == ME else value, reader)

    def options(rows: Any, reader: Reader) -> Options:
        return [(ME, _("Me")), *(named.options(rows, reader) if named.options else [])]

    return Filter(label, narrow, options)


def program() -> Filter:
    return related(PROGRAM, "program", to="key")


DUE = (
    ("past", lazy("Past")),
    ("week", lazy("In the next 7 days")),
    ("month", lazy("In the next 30 days")),
    (NONE, lazy("No day given")),
)


def due(label: Label, name: str) -> Filter:
    """Rows by how near their day is."""

    def narrow(rows: Any, value: str, reader: Reader) -> Any:
        if value == NONE:
            return rows.filter(**{name: None})
        if value == "past":
            return rows.filter(**{f"{name}__lt": reader.day})
        last = reader.day + timedelta(days=7 if value == "week" else 30)
        return rows.filter(**{f"{name}__gte": reader.day, f"{name}__lte": last})

    return Filter(label, narrow, lambda rows, reader: [(name, str(text)) for name, text in DUE])


# -- lists -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shape:
    """What lists of a kind offer. Each order is its words and a column; the default one has a dash where it falls.

    ``columns`` are those of the file, each taken from a line. ``show`` is the parameter that names the view, ``keeps``
    are what else the page itself reads in its address.
    """

    name: str
    noun: Label
    filters: Mapping[str, Filter]
    sorts: Mapping[str, tuple[Label, Any]]
    sort: str
    columns: Sequence[tuple[Label, Callable[[Any], export.Cell]]]
    then: Sequence[OrderBy | str] = ()
    show: str = "show"
    keeps: Sequence[str] = ()
    size: int = ROWS_A_PAGE

    def order(self, sort: str) -> list[OrderBy | str]:
        """What has no value stays last in both directions."""
        column = self.sorts[sort.removeprefix("-")][1]
        asked = column.desc(nulls_last=True) if sort.startswith("-") else column.asc(nulls_last=True)
        return [asked, *self.then, "pk"]


@dataclass
class Listing:
    """The rows that an address asks for; ``refused`` says, in sentences, what of it was left out.

    ``rows`` are all that the reader sees, of one ``program`` or of all; ``kinds`` are the views of the list, the first
    of them shown unless another is named.
    """

    request: SignedIn
    shape: Shape
    rows: Any
    kinds: Kinds
    day: date
    program: Any = None
    refused: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        known = {*self.shape.filters, *self.shape.keeps, *PASSING, *DAYS, self.shape.show, "sort"}
        self.refused += [
            _("This page has no filter “%(name)s”.") % {"name": name[:MOST_SHOWN]}
            for name in self.query
            if name not in known
        ]
        self.shown = self.named(self.shape.show, self.kinds, next(iter(self.kinds)))
        self.sort = self.named("sort", self.shape.sorts, self.shape.sort)
        self.format = self.named("format", export.KINDS, "")
        self.filters = self._filters()

    @property
    def everywhere(self) -> bool:
        return self.program is None

    @property
    def query(self) -> QueryDict:
        return self.request.GET

    @cached_property
    def reader(self) -> Reader:
        return Reader(self.request.user, self.day)

    @cached_property
    def offered(self) -> dict[str, Options]:
        """What each filter offers: only what some row has. In a list of one program nobody chooses another."""
        return {
            name: one.options(self.rows, self.reader)
            for name, one in self.shape.filters.items()
            if one.options and (self.everywhere or name != "program")
        }

    def named(self, name: str, known: Mapping[str, Any], default: str) -> str:
        """What a parameter asks for; where there is no such thing that is said, and the default stands."""
        value = self.query.get(name, "").strip()
        if not value or value.removeprefix("-" if name == "sort" else "") in known:
            return value or default
        self.refused.append(_("There is no %(name)s “%(value)s”.") % {"name": name, "value": value[:MOST_SHOWN]})
        return default

    def _filters(self) -> dict[str, str]:
        """The filters in force; one that no row can answer is left out, and said."""
        asked = {name: self.query.get(name, "").strip().replace("\0", "") for name in self.shape.filters}
        kept = {}
        for name, value in asked.items():
            one = self.shape.filters[name]
            if not value:
                continue
            offered = dict(self.offered.get(name, []))
            if one.typed:
                value = _typed(value, offered)
            if one.options is None or value in offered:
                kept[name] = value
            else:
                self.refused.append(
                    _("No %(noun)s here has the %(label)s “%(value)s”.")
                    % {"noun": self.shape.noun, "label": str(one.label).lower(), "value": value[:MOST_SHOWN]}
                )
        return kept

    @cached_property
    def chosen(self) -> Any:
        """Rows that pass the filters, of all views."""
        rows = self.rows
        for name, value in self.filters.items():
            rows = self.shape.filters[name].narrow(rows, value, self.reader)
        return rows

    @property
    def wanted(self) -> Any:
        """Rows of the view that is shown, in no order."""
        return self.chosen.filter(self.kinds[self.shown][1])

    def ordered(self, rows: Any) -> Any:
        return rows.order_by(*self.shape.order(self.sort))

    def page(self, rows: Any) -> Page[Any]:
        return paged(self.request, rows, self.shape.size)

    def file(self, lines: Iterable[Any]) -> HttpResponse:
        """All pages of the list as a file, one row a line."""
        columns = [one for one in self.shape.columns if self.everywhere or one[0] != PROGRAM]
        headings = [str(heading) for heading, _cell in columns]
        rows = ([cell(line) for _heading, cell in columns] for line in lines)
        of = "" if self.program is None else f"{self.program.key.lower()}-"
        return export.file(self.format, f"{of}{self.shape.name}-{self.day:%Y-%m-%d}", headings, rows)

    # -- what its templates show -------------------------------------------------------------------------------------

    @cached_property
    def saved(self) -> saved_views.Offer:
        return saved_views.offer(self.request)

    @cached_property
    def tabs(self) -> list[dict[str, Any]]:
        """The views with how many rows pass the filters in each: one query."""
        counted = {name: Count("pk", filter=some, distinct=True) for name, (_label, some) in self.kinds.items()}
        counts = self.chosen.order_by().aggregate(**counted)
        return [
            {
                "label": str(label),
                "url": address(self.query, **{self.shape.show: name}),
                "count": counts[name],
                "current": name == self.shown,
            }
            for name, (label, _some) in self.kinds.items()
        ]

    @property
    def selects(self) -> list[tuple[str, str, str, Options]]:
        """Name, label, what is chosen, and what is offered, of the filters that offer anything."""
        filters = self.shape.filters
        return [
            (name, str(filters[name].label), self.filters.get(name, ""), some)
            for name, some in self.offered.items()
            if some and not filters[name].typed
        ]

    @property
    def typed(self) -> list[tuple[str, str, str]]:
        """Name, label and what is chosen, of the filters whose values are typed."""
        filters = self.shape.filters
        return [
            (name, str(filters[name].label), self.filters.get(name, ""))
            for name, some in self.offered.items()
            if some and filters[name].typed
        ]

    @property
    def suggested(self) -> Options:
        """Values for all of these, the first in the order of their words."""
        had = {pair for name, _label, _value in self.typed for pair in self.offered[name]}
        return sorted(had, key=lambda pair: (pair[1].casefold(), pair[0]))[:MOST_SUGGESTED]

    @property
    def texts(self) -> list[tuple[str, str, str]]:
        filters = self.shape.filters.items()
        return [(name, str(one.label), self.filters.get(name, "")) for name, one in filters if one.options is None]

    @property
    def hidden(self) -> list[tuple[str, str]]:
        """What the form of filters carries along."""
        names = (self.shape.show, "sort", *self.shape.keeps, *DAYS)
        return [(name, value) for name in names if (value := self.query.get(name, ""))]

    @property
    def chips(self) -> list[tuple[str, str, str]]:
        """The filters in force: name, value in words, and the address without that filter."""
        return [
            (
                _("Search") if self.shape.filters[name].options is None else str(self.shape.filters[name].label),
                dict(self.offered.get(name, [])).get(value, value),
                address(self.query, **{name: None}),
            )
            for name, value in self.filters.items()
        ]

    @property
    def clear_url(self) -> str:
        return address(self.query, **dict.fromkeys(self.shape.filters))

    @property
    def whole_url(self) -> str:
        """The list without filters, in the view that is shown first; on the same day."""
        return address(self.query, **dict.fromkeys([*self.shape.filters, self.shape.show]))

    @property
    def sorts(self) -> list[tuple[str, str]]:
        return [(name, str(label)) for name, (label, _column) in self.shape.sorts.items()]

    def context(self, page: Page[Any] | None = None) -> dict[str, Any]:
        """What ``list_base.html`` shows of it."""
        return {
            "listing": self,
            "page": page,
            "tabs": self.tabs if len(self.kinds) > 1 else [],
            "sort": self.sort,
            "saved": self.saved,
            "whole_url": self.whole_url,
            "filtered": bool(self.filters) or self.shown != next(iter(self.kinds)),
        }


def _typed(value: str, offered: Mapping[str, str]) -> str:
    """The value that somebody means who typed it or its words, in large letters or small, with accents or without."""
    if value in offered:
        return value
    meant = plain(value)
    known = (key for key in offered if plain(key) == meant)
    named = (key for key, words in offered.items() if plain(words) == meant)
    return next(known, None) or next(named, value)


def address(query: QueryDict, **changes: str | None) -> str:
    """The page with some parameters changed or, with None, taken away; it begins anew at its first page."""
    rest = query.copy()
    for name, value in {**dict.fromkeys(PASSING), **changes}.items():
        rest.pop(name, None)
        if value:
            rest[name] = value
    return f"?{rest.urlencode()}"
