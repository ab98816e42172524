"""How rows are found by their words: one index a noun, and the conditions that it answers.

Words of the title match anywhere in it, by trigrams, which also forgive a slip of the pen. Words of the longer texts
match from their beginning, by Postgres' full-text search without a language: what people write has several. Nobody has
to type an accent: “tomas” finds Tomás, and “Tomás” finds Tomas. A migration of ours made what Postgres needs for that.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db.models import CharField, Q, TextField, Transform

MOST_CHARACTERS = 200
MOST_WORDS = 8
# What Postgres' own parser takes for part of a word; anything else could mean something in a query.
WORD = re.compile(r"[^\W_]+")
# Our text search configuration: words as they stand, without accents.
CONFIG = "plain"
# Accents are marks over and under Latin and Greek letters. In other scripts a mark makes another letter: が is not か.
ACCENTS = re.compile("(?<=[\\0-\u03ff])[\u0300-\u036f]+")
# Letters that Unicode does not take apart into a bare letter and its accent, and ё, which is mostly written е.
BARE = str.maketrans("øłđðħŧıŋŀĸɓɗƙƴё", "olddhtinlqbdkyе") | str.maketrans({"æ": "ae", "œ": "oe", "þ": "th", "ĳ": "ij"})


@CharField.register_lookup
@TextField.register_lookup
class Plain(Transform):
    """A text without accents and in capitals, on both sides of a comparison: ``name__plain__contains="tomas"``."""

    function = lookup_name = "plain"
    bilateral = True
    output_field = TextField()


def plain(text: str) -> str:
    """The same of a text that Python holds, in small letters.

    >>> plain("Tomás Łukasz Voß") == plain("TOMAS LUKASZ VOSS")
    True
    >>> plain("が") == plain("か"), plain("й") == plain("и"), plain("Ё") == plain("е")
    (False, False, True)
    """
    apart = unicodedata.normalize("NFD", text.casefold())
    return unicodedata.normalize("NFC", ACCENTS.sub("", apart)).translate(BARE)


def search_index(name: str, title: str, *texts: str) -> GinIndex:
    """The index of a noun that is found by its title and, where it has them, by longer texts."""
    found_by: list[Any] = [OpClass(Plain(title), name="gin_trgm_ops")]
    if texts:
        found_by.append(document(title, *texts))
    return GinIndex(*found_by, name=name)


def document(title: str, *texts: str) -> SearchVector:
    return SearchVector(title, *texts, config=CONFIG)


def words_of(asked: str) -> list[str]:
    """The words that somebody looks for: no more than anybody types."""
    return asked[:MOST_CHARACTERS].split()[:MOST_WORDS]


def in_title(title: str, words: list[str]) -> Q:
    """Rows whose title holds all the words."""
    found = Q()
    for word in words:
        found &= Q(**{f"{title}__plain__contains": word})
    return found


def as_typed(asked: str) -> Q:
    """Rows annotated with their ``document`` that hold just this, word after word."""
    return Q(document=SearchQuery(asked, search_type="phrase", config=CONFIG))


def in_document(words: list[str]) -> Q:
    """Rows annotated with their ``document`` in which words begin with all of these; none where none is a word."""
    beginnings = [f"'{part}':*" for word in words for part in WORD.findall(word)]
    if not beginnings:
        return Q(pk__in=[])
    # As typed, too: Postgres reads the number of TKT-104 as −104, which begins with no 104.
    typed = SearchQuery(" ".join(words), config=CONFIG)
    return Q(document=SearchQuery(" & ".join(beginnings), search_type="raw", config=CONFIG) | typed)
