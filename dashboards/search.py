"""Search over all nouns within a reader's rights, in one question to the database.

Each noun says which of its rows a reader sees, by which texts they are found (its own index answers that), and what is
shown of them. A key that is typed whole comes first, then titles that begin with what was typed, then titles that hold
its words, then longer texts. Where nothing is found, titles with words that are spelt like these.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db import connection, transaction
from django.db.models import Case, CharField, Expression, F, FloatField, Func, Q, QuerySet, Value, When
from django.db.models.functions import Cast, Concat, Greatest, Left, Lower, StrIndex, Substr
from django.db.models.lookups import GreaterThan
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as lazy

from dashboards.templatetags.words import short_date
from metrics.models import KPI
from milestones.models import Milestone, Requirement
from people.models import Team, User, Viewer
from people.search import MOST_CHARACTERS, Plain, as_typed, document, in_document, in_title, words_of
from programs.models import Objective, Program
from reports.models import Update
from reports.updates.due import day_of
from risks.models import Decision, Issue, Problem, Risk

TITLE_CHARACTERS = 160
# An excerpt of a long text begins so many letters before the first word that was looked for.
BEFORE = 50
CUT = "…"
FRAGMENT = re.compile(rf"^\S{{0,{BEFORE - 1}}}\s")
# What Markdown reads as its own: the mark before a line of a list, and what keeps a mark from being one.
MARKS = re.compile(r"(?m)^\s*(?:[-*+]|\d+\.)\s+|\\(?=[^\w\s])")
# Each noun's number in its key, such as R-104. Longer than any id is no number that the database could read.
REFERENCE = re.compile(r"([A-Za-z])-([0-9]{1,18})")
EXACT, BEGINS, HOLDS, TEXT = range(4)
# The share of its letters in a row that a word has to have in common with one that is spelt like it. Postgres asks for
# 0.6, where two letters changed round make another word: “netwrok” is 0.5 like “network”.
ALIKE = 0.45
LEAST_LETTERS = 4
NOTHING = Value("", output_field=CharField())


@dataclass(frozen=True, slots=True)
class Noun:
    """How the rows of one noun are found and shown. ``url`` is made of a row's id and, as ``at``, its program's key."""

    name: str
    label: str | Promise
    icon: str
    seen: Callable[[Viewer], Any]
    title: str
    texts: tuple[str, ...] = ()
    detail: str | Expression = "program__name"
    url: str = "/p/{at}"
    at: str | Expression = "program__key"
    prefix: str = ""
    keys: tuple[str, ...] = ()
    order: str = ""
    is_text: bool = False  # what stands for its title is a long text, which holds many a word

    def is_reference(self, asked: str) -> bool:
        """Whether this is one of its numbers, in any case."""
        named = REFERENCE.fullmatch(asked)
        return named is not None and named[1].upper() == self.prefix

    def is_key(self, asked: str) -> Q:
        """Rows of which this is the key, in any case."""
        if self.is_reference(asked):
            return Q(pk=int(asked[2:]))
        found = Q(pk__in=[])
        for key in self.keys:
            found |= Q(**{key: asked}) | Q(**{key: asked.upper()})
        return found


def of_organisation(rows: Callable[[], QuerySet[Any]]) -> Callable[[Viewer], QuerySet[Any]]:
    """What everybody sees who has signed in and is active."""
    return lambda viewer: rows() if viewer.is_authenticated and viewer.is_active else rows().none()


NOUNS = (
    Noun(
        "program",
        lazy("Programs"),
        "grid",
        Program.objects.visible_to,
        "name",
        ("summary", "area"),
        detail="key",
        at="key",
        keys=("key",),
    ),
    Noun(
        "milestone",
        lazy("Milestones"),
        "flag",
        Milestone.objects.visible_to,
        "name",
        ("note", "external_key"),
        url="/m/{id}",
    ),
    Noun(
        "risk",
        lazy("Risks"),
        "risk",
        Risk.objects.visible_to,
        "title",
        ("cause", "event", "effect", "mitigation", "external_key"),
        url="/r/R-{id}",
        prefix="R",
    ),
    Noun(
        "issue", lazy("Issues"), "flag", Issue.objects.visible_to, "title", ("note", "external_key"), url="/issues/{id}"
    ),
    Noun(
        "decision",
        lazy("Decisions"),
        "gavel",
        Decision.objects.visible_to,
        "question",
        ("options", "answer", "consequence"),
        url="/d/D-{id}",
        prefix="D",
    ),
    Noun(
        "problem",
        lazy("Problems"),
        "swap",
        Problem.objects.visible_to,
        "title",
        ("description",),
        detail="owner__name",
        url="/problems/{id}",
        at=NOTHING,
    ),
    Noun(
        "update",
        lazy("Updates"),
        "pencil",
        lambda viewer: Update.objects.visible_to(viewer).published(),
        "text",
        ("ask", "path_to_green"),
        detail=Concat("program__name", Value(", "), Cast(day_of("published_at"), CharField())),
        url="/u/{id}",
        order="-published_at",
        is_text=True,
    ),
    Noun("kpi", lazy("KPIs"), "chart", KPI.objects.visible_to, "name", url="/p/{at}/kpis/{id}"),
    Noun(
        "requirement", lazy("Requirements"), "doc", Requirement.objects.visible_to, "text", url="/p/{at}/requirements"
    ),
    Noun(
        "objective",
        lazy("Objectives"),
        "target",
        of_organisation(Objective.objects.all),
        "title",
        detail="measure",
        url="/objectives",
        at=NOTHING,
    ),
    Noun(
        "team",
        lazy("Teams"),
        "team",
        of_organisation(Team.objects.all),
        "name",
        detail="area",
        url="/teams/{id}",
        at=NOTHING,
    ),
    # A person has no page: what there is to see of them are the programs that they lead.
    Noun(
        "person",
        lazy("People"),
        "user",
        of_organisation(lambda: User.objects.filter(is_active=True)),
        "name",
        detail=NOTHING,
        url="/?lead={id}",
        at=NOTHING,
    ),
)
BY_NAME = {noun.name: noun for noun in NOUNS}


@dataclass(frozen=True, slots=True)
class Hit:
    """A row that was found; ``rank`` says how well it fits, 0 best."""

    noun: Noun
    pk: int
    title: str
    detail: str
    at: str
    rank: float

    @property
    def key(self) -> str:
        return f"{self.noun.prefix}-{self.pk}" if self.noun.prefix else ""

    @property
    def url(self) -> str:
        return self.noun.url.format(id=self.pk, at=self.at)


@dataclass(slots=True)
class Group:
    """The hits of one noun, best first; ``more`` where there are others."""

    noun: Noun
    hits: list[Hit] = field(default_factory=list)
    more: bool = False


def search(viewer: Viewer, asked: str, *, most: int, nouns: tuple[Noun, ...] = NOUNS) -> list[Group]:
    """What a reader may see of what they look for, by noun, the noun with the best hit first: one query, or two."""
    asked = " ".join(asked[:MOST_CHARACTERS].split())
    if not asked:
        return []
    found = _ask([_matching(noun, viewer, asked, most) for noun in nouns], most)
    if not found:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('pg_trgm.word_similarity_threshold', %s, true)", [str(ALIKE)])
            found = _ask([_alike(noun, viewer, asked, most) for noun in nouns], most)
    return found


def _ask(questions: list[Any], most: int) -> list[Group]:
    groups: dict[str, Group] = {}
    first, *rest = questions
    for name, pk, title, detail, at, rank in first.union(*rest, all=True) if rest else first:
        group = groups.setdefault(name, Group(BY_NAME[name]))
        if len(group.hits) < most:
            told = shortened(title or "")
            if group.noun.is_text:
                told, detail = excerpt(told), dated(detail)
            group.hits.append(Hit(group.noun, pk, told, detail or "", at or "", rank))
        else:
            group.more = True
    order = list(BY_NAME)
    return sorted(groups.values(), key=lambda group: (group.hits[0].rank, order.index(group.noun.name)))


def excerpt(text: str) -> str:
    """A piece of a text in Markdown as plain words, without the word that was cut before it.

    >>> excerpt("…ate.\\n- P80 is 2 Mar\\n- Wave \\\\*2\\\\* is done")
    '… P80 is 2 Mar Wave *2* is done'
    """
    cut, whole = text.startswith(CUT), text.removeprefix(CUT)
    # Text without spaces has no word to drop, and would lose what was looked for.
    plain = " ".join(MARKS.sub("", FRAGMENT.sub("", whole) if cut else whole).split())
    return f"{CUT} {plain}" if cut else plain


def dated(detail: str) -> str:
    """A program's name with the day that follows it, as pages write days."""
    name, _comma, day = detail.rpartition(", ")
    return f"{name}, {short_date(date.fromisoformat(day))}"


def shortened(title: str) -> str:
    """What is shown of a title or text, of which one letter more was read: whole words, where it has any."""
    if len(title) <= TITLE_CHARACTERS:
        return title
    whole = title[:TITLE_CHARACTERS]
    if not title[TITLE_CHARACTERS].isspace() and len(parts := whole.rsplit(None, 1)) > 1:
        whole = parts[0]
    return f"{whole.rstrip()}…"


def _matching(noun: Noun, viewer: Viewer, asked: str, most: int) -> Any:
    """Rows that hold all the words, or whose key this is."""
    words = words_of(asked)
    key, titled = noun.is_key(asked), in_title(noun.title, words)
    # A number means that row alone of its own noun; other nouns may speak of it.
    rows, wanted = noun.seen(viewer), key if noun.is_reference(asked) else key | titled
    if noun.texts and not noun.is_reference(asked):
        rows = rows.annotate(document=document(noun.title, *noun.texts))
        wanted |= as_typed(asked) if any(one.is_reference(asked) for one in NOUNS) else in_document(words)
    begins = Q(**{f"{noun.title}__plain__startswith": asked})
    fits = Case(
        When(key, then=Value(float(EXACT))),
        When(begins, then=Value(float(BEGINS))),
        When(titled, then=Value(float(TEXT if noun.is_text else HOLDS))),
        default=Value(float(TEXT)),
        output_field=FloatField(),
    )
    return _shown(noun, rows.filter(wanted).annotate(fits=fits), most, words[0] if words else "")


def _alike(noun: Noun, viewer: Viewer, asked: str, most: int) -> Any:
    """Rows whose title has each of the words, or one that is spelt like it. Another number is never alike."""
    rows = noun.seen(viewer).annotate(bare=Plain(noun.title))
    for word in words_of(asked):
        spelt = Q(**{f"{noun.title}__plain__contains": word})
        if len(word) >= LEAST_LETTERS and not any(map(str.isdigit, word)):
            spelt |= Q(bare__trigram_word_similar=Plain(Value(word)))
        rows = rows.filter(spelt)
    like = Func(Plain(Value(asked)), F("bare"), function="word_similarity")
    after = TEXT if noun.is_text else HOLDS
    return _shown(noun, rows.annotate(fits=Value(after + 1.0) - Cast(like, FloatField())), most)


def _shown(noun: Noun, rows: Any, most: int, word: str = "") -> Any:
    """The columns of a hit, alike for all nouns, and one row more than is shown; of a long text where a word is."""
    title: Func = Left(noun.title, TITLE_CHARACTERS + 1)
    if noun.is_text and word:
        start = Greatest(Value(1), StrIndex(Lower(noun.title), Value(word.lower())) - BEFORE)
        cut = Case(When(GreaterThan(start, 1), then=Value(CUT)), default=NOTHING)
        title = Concat(cut, Substr(noun.title, start, TITLE_CHARACTERS + 1))
    return (
        rows.annotate(
            noun=Value(noun.name, output_field=CharField()),
            shown=title,
            detail=_text(noun.detail),
            place=_text(noun.at),
        )
        .order_by("fits", noun.order or noun.title, "pk")
        .values_list("noun", "pk", "shown", "detail", "place", "fits")[: most + 1]
    )


def _text(column: str | Expression) -> Any:
    return Concat(F(column) if isinstance(column, str) else column, NOTHING, output_field=CharField())
