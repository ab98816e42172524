"""The organisation's people with what they do in programs, and the slots that wait for somebody: for administrators."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_safe

from people import lists
from people.lists import Listing, Shape
from people.models import Membership, User
from people.pages import SignedIn, day_of
from people.permissions import OrgAct, require
from people.views import SETTINGS
from programs.models import Program, Role, Slot

PEOPLE = [*SETTINGS, (lazy("People"), "/settings/people")]
MOST_PROGRAMS = 6


@dataclass(frozen=True, slots=True)
class Part:
    """What somebody is in a program: its lead, its sponsor, or by a role."""

    program: Program
    what: str
    role: Role | None = None


@dataclass(slots=True)
class Person:
    """A person with their parts in programs, the weightiest first."""

    user: Any
    parts: list[Part] = field(default_factory=list)

    @property
    def shown(self) -> list[Part]:
        return self.parts[:MOST_PROGRAMS]

    @property
    def more(self) -> int:
        return max(len(self.parts) - MOST_PROGRAMS, 0)

    @property
    def standing(self) -> str:
        if not self.user.is_active:
            return _("May not sign in")
        return _("Administrator") if self.user.is_admin else _("Member")

    @property
    def in_words(self) -> str | None:
        return "; ".join(f"{part.program.key}: {part.what}" for part in self.parts) or None


def with_parts(users: Iterable[User]) -> list[Person]:
    """Two queries, whatever their number."""
    people = {user.pk: Person(user) for user in users}
    found: dict[int, list[Part]] = defaultdict(list)
    programs = Program.objects.filter(Q(lead__in=people) | Q(sponsor__in=people)).order_by("name", "pk")
    for program in programs.only("key", "name", "lead", "sponsor"):
        if program.lead_id in people:
            found[program.lead_id].append(Part(program, _("leads")))
        if program.sponsor_id in people:
            found[program.sponsor_id].append(Part(program, _("sponsors")))
    roles = Role.objects.filter(user__in=people).select_related("program").order_by("program__name", "pk")
    order = list(Role.Kind.values)
    for role in sorted(roles, key=lambda role: order.index(role.kind)):
        found[role.user_id].append(Part(role.program, role.get_kind_display().lower(), role))
    for pk, parts in found.items():
        people[pk].parts = parts
    return list(people.values())


def _in_program(rows: Any, key: str, reader: lists.Reader) -> Any:
    leads = Q(programs_led__key=key) | Q(programs_sponsored__key=key) | Q(roles__program__key=key)
    return rows.filter(pk__in=User.objects.filter(leads).values("pk"))


def _programs(rows: Any, reader: lists.Reader) -> lists.Options:
    return list(Program.objects.visible_to(reader.viewer).order_by("name", "pk").values_list("key", "name"))


PERSON_LIST = Shape(
    name="people",
    noun=lazy("person"),
    filters={
        "q": lists.words(lazy("Words in name or e-mail"), "name", "email"),
        "program": lists.Filter(lazy("Program"), _in_program, _programs),
        "role": lists.Filter(
            lazy("Role"),
            lambda rows, kind, reader: rows.filter(Exists(Role.objects.filter(user=OuterRef("pk"), kind=kind))),
            lambda rows, reader: [(kind.value, str(kind.label)) for kind in Role.Kind],
        ),
        "team": lists.Filter(
            lazy("Team"),
            lambda rows, pk, reader: rows.filter(memberships__team=pk),
            lambda rows, reader: [
                (str(pk), name)
                for pk, name in rows.exclude(memberships=None)
                .order_by("memberships__team__name", "memberships__team")
                .values_list("memberships__team", "memberships__team__name")
                .distinct()
            ],
        ),
    },
    sorts={
        "name": (lazy("Person"), F("name")),
        "email": (lazy("E-mail"), F("email")),
        "zone": (lazy("Time zone"), F("time_zone")),
        "teams": (lazy("Teams"), F("team_count")),
        "seen": (lazy("Last signed in"), F("last_login")),
    },
    sort="name",
    columns=[
        (lazy("Person"), lambda one: one.user.name),
        (lazy("E-mail"), lambda one: one.user.email),
        (lazy("Time zone"), lambda one: one.user.time_zone),
        (lazy("Teams"), lambda one: one.user.team_count),
        (lazy("In programs"), lambda one: one.in_words),
        (lazy("Standing"), lambda one: one.standing),
    ],
)


@require_safe
def people(request: SignedIn) -> HttpResponse:
    require(request.user, OrgAct.MANAGE_PEOPLE)
    part = Q(pk__in=Role.objects.values("user"))
    for name in ("lead", "sponsor"):
        part |= Q(pk__in=Program.objects.exclude(**{name: None}).values(name))
    kinds = {
        "active": (_("May sign in"), Q(is_active=True)),
        "admins": (_("Administrators"), Q(is_active=True, is_admin=True)),
        "idle": (_("In no program"), Q(is_active=True) & ~part),
        "left": (_("May not sign in"), Q(is_active=False)),
    }
    teams = Membership.objects.filter(user=OuterRef("pk")).order_by().values("user").annotate(many=Count("pk"))
    found = User.objects.annotate(team_count=Coalesce(Subquery(teams.values("many")), 0))
    listing = Listing(request, PERSON_LIST, found, kinds, day_of(request))
    rows = listing.ordered(listing.wanted)
    if listing.format:
        return listing.file(with_parts(rows))
    page = listing.page(rows)
    context = listing.context(page) | {
        "title": _("People"),
        "sub": _("Who may sign in, and what each does in programs."),
        "crumbs": SETTINGS,
        "people": with_parts(page),
        "open_count": Slot.objects.filter(person=None, program__in=Program.objects.open()).count(),
        "primary_url": "/settings/people/new",
        "primary_label": _("Add person"),
    }
    return render(request, "programs/all_people.html", context)


@require_safe
def person(request: SignedIn, pk: int) -> HttpResponse:
    """A person's standing, and what they are in each program."""
    require(request.user, OrgAct.MANAGE_PEOPLE)
    row = get_object_or_404(User, pk=pk)
    (found,) = with_parts([row])
    context = {
        "title": row.name,
        "sub": row.email,
        "crumbs": PEOPLE,
        "person": row,
        "rows": found.parts,
        "slots": row.slots.select_related("program", "team").order_by("program__name", "pk"),
        "teams": [one.team for one in row.memberships.select_related("team").order_by("team__name", "pk")],
        "primary_url": f"/settings/people/{row.pk}/edit",
        "primary_label": _("Edit person"),
        "primary_icon": "pencil",
        "empty_heading": _("In no program yet"),
        "empty_text": _("A lead gives roles on the page of a program, under People."),
    }
    return render(request, "programs/person.html", context)


SLOT_LIST = Shape(
    name="open-slots",
    noun=lazy("slot"),
    filters={
        "q": lists.words(lazy("Words in slot or program"), "title", "program__name", "program__key"),
        "program": lists.program(),
        "team": lists.related(lazy("Team"), "team", lazy("No team")),
    },
    sorts={
        "program": (lazy("Program"), F("program__name")),
        "title": (lazy("Slot"), F("title")),
        "team": (lazy("Team"), F("team__name")),
    },
    sort="program",
    columns=[
        (lazy("Slot"), lambda row: row.title),
        (lazy("Program"), lambda row: row.program.name),
        (lazy("Team"), lambda row: row.team and row.team.name),
        (lazy("Lead"), lambda row: row.program.lead and row.program.lead.name),
    ],
)


@require_safe
def open_slots(request: SignedIn) -> HttpResponse:
    """Whom open programs still need."""
    require(request.user, OrgAct.MANAGE_PEOPLE)
    waiting = Slot.objects.filter(person=None, program__in=Program.objects.visible_to(request.user).open())
    listing = Listing(request, SLOT_LIST, waiting, {"": (_("Open"), Q())}, day_of(request))
    rows = listing.ordered(listing.wanted.select_related("program__lead", "team"))
    if listing.format:
        return listing.file(rows)
    context = listing.context(listing.page(rows)) | {
        "title": _("Open slots"),
        "sub": _("Whom open programs still need."),
        "crumbs": PEOPLE,
        "empty_heading": _("No slot is open"),
        "empty_text": _("Programs say whom they need on their page of people."),
    }
    return render(request, "programs/open_slots.html", context)
