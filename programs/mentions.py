"""Who is meant by an @ in a text: somebody who sees the program, by name, first name or the front of their address.

Nobody has to type an accent: @tomas is Tomás.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from people.models import User
from people.search import plain
from programs.models import Program

AT = re.compile(r"(?<![\w@])@(?=\w)")
HANDLE = re.compile(r"[\w.+-]*\w")
MOST_OFFERED = 8


@dataclass(frozen=True, slots=True)
class Mention:
    """A stretch of a text, from its @ to where the name ends, and whom it names: None where that is nobody."""

    start: int
    end: int
    person: User | None


def readers(program: Program) -> QuerySet[User]:
    """Whoever sees a program: ``Program.objects.visible_to`` from the other side."""
    active = User.objects.filter(is_active=True)
    if program.visibility == Program.Visibility.ORGANISATION:
        return active
    part = Q(pk__in=[program.lead_id, program.sponsor_id]) | Q(pk__in=program.roles.values("user"))
    return active.filter(Q(is_admin=True) | part)


def offered(program: Program, begun: str) -> list[tuple[User, str]]:
    """Whom an @ with these letters may mean, and what to write for each: their name, where it names them alone."""
    begins = Q(name__plain__startswith=begun) | Q(name__plain__contains=f" {begun}") | Q(email__istartswith=begun)
    people = list(readers(program).filter(begins).order_by("name", "id")[:MOST_OFFERED])
    alike = readers(program).filter(name__plain__in=[person.name for person in people])
    count = Counter(map(plain, alike.values_list("name", flat=True)))
    return [
        (person, person.name if count[plain(person.name)] == 1 and AT.match(f"@{person.name}") else _front(person))
        for person in people
    ]


def _front(person: User) -> str:
    return person.email.partition("@")[0]


def mentions(text: str, people: Iterable[User]) -> list[Mention]:
    """The mentions in a text, in order; of two names that fit, the longer. A name that two people have is nobody's."""
    places = [found.start() for found in AT.finditer(text)]
    if not places:
        return []
    called, lengths = _called(people)
    found = []
    for start in places:
        ends = (start + 1 + length for length in lengths)
        end = next((end for end in ends if _is_name(text, start + 1, end, called)), None)
        if end is None:
            word = HANDLE.match(text, start + 1)
            found.append(Mention(start, word.end() if word else start + 1, None))
        else:
            name = text[start + 1 : end]
            found.append(Mention(start, end, called[name.casefold() if name.casefold() in called else plain(name)]))
    return found


def _called(people: Iterable[User]) -> tuple[dict[str, User | None], list[int]]:
    """Whom each name means, as it is spelt and without accents, and how long such names are, the longest first.

    Whole names and the fronts of addresses go before first names; of people whose names differ by accents alone, each
    is meant by their own spelling.
    """
    exact: dict[str, User | None] = {}
    whole: dict[str, User | None] = {}
    first: dict[str, User | None] = {}
    lengths: set[int] = set()
    for person in people:
        names = {person.name.strip(), _front(person)} - {""}
        for name in set(map(str.casefold, names)):
            exact[name] = None if name in exact else person
        for name in set(map(plain, names)):
            whole[name] = None if name in whole else person
        for name in person.name.split()[:1]:
            first[plain(name)] = None if plain(name) in first else person
            names.add(name)
        lengths.update(len(spelt) for name in names for spelt in (name, plain(name)))
    return first | whole | exact, sorted(lengths, reverse=True)


def _is_name(text: str, start: int, end: int, called: dict[str, User | None]) -> bool:
    """Whether a name fills a stretch of a text, and ends there."""
    return end <= len(text) and plain(text[start:end]) in called and not re.match(r"\w", text[end : end + 1])
