"""All changes, of one program or of all that the reader sees."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_safe

from changes import log
from changes.log import Asked
from changes.nouns import KINDS
from history import past
from history.past import ISO_DAY, WEEK
from people.lists import ME, MOST_DIGITS, MOST_SHOWN, address
from people.models import User
from people.pages import SignedIn, zone_of
from programs.models import Program
from programs.pages import find_program, looks_back, program_crumbs

FILTERS = {
    "program": lazy("Program"),
    "person": lazy("Person"),
    "kind": lazy("Kind"),
    "week": lazy("Week"),
    "since": lazy("Since"),
}
MOST_OFFERED = 200


@require_safe
@partial(looks_back, by=["as_of"])  # a week is one of its filters
def changes(request: SignedIn, key: str | None = None) -> HttpResponse:
    program = find_program(request, key) if key else None
    zone = zone_of(request)
    programs = Program.objects.visible_to(request.user).order_by("name", "pk")
    offered = [] if program else list(programs[:MOST_OFFERED].values_list("key", "name"))
    reading = Reading(request, programs, zone)
    asked = reading.read(program)
    people = list(User.objects.order_by("name", "pk")[:MOST_OFFERED])
    if asked.person and asked.person not in people:
        people.append(asked.person)
    page = log.page(asked, request.user, at=timezone.now())
    selects = [
        ("program", _("Program"), reading.given.get("program", ""), offered),
        (
            "person",
            _("Person"),
            reading.given.get("person", ""),
            [(ME, _("Me")), *((str(u.pk), u.name) for u in people)],
        ),
        (
            "kind",
            _("Kind"),
            reading.given.get("kind", ""),
            [(name, str(label)) for name, (label, _models) in KINDS.items()],
        ),
    ]
    words = {name: dict(options) for name, _label, _chosen, options in selects}
    context = {
        "program": program,
        "place": "changes",
        "title": _("Changes"),
        "sub": _("Who changed what, when and why, up to that day.")
        if past.day()
        else _("Who changed what, when and why. Your own changes of the last day can be taken back."),
        "crumbs": program_crumbs(program) if program else [],
        "acts": page.acts,
        "older_url": address(request.GET, before=str(page.older)) if page.older else None,
        "newest_url": address(request.GET, before=None) if asked.before else None,
        "back": request.get_full_path(),
        "refused": reading.refused,
        "selects": [one for one in selects if one[3]],
        "week": reading.given.get("week", ""),
        "chips": [
            (
                str(FILTERS[name]),
                words.get(name, {}).get(value, value),
                address(request.GET, **{name: None, "before": None}),
            )
            for name, value in reading.given.items()
        ],
        "clear_url": address(request.GET, **dict.fromkeys(FILTERS), before=None),
    }
    return render(request, "changes/changes.html", context)


@dataclass
class Reading:
    """What an address asks of the changes; ``given`` is what was understood, ``refused`` says what was not."""

    request: SignedIn
    programs: Any
    zone: ZoneInfo

    def read(self, program: Program | None) -> Asked:
        query = self.request.GET
        known = {*FILTERS, "before", "as_of"} - ({"program"} if program else set())
        self.refused = [
            _("This page has no filter “%(name)s”.") % {"name": name[:MOST_SHOWN]}
            for name in query
            if name not in known
        ]
        said = {name: query.get(name, "").strip().replace("\0", "") for name in FILTERS if name in known}
        self.given = {name: value for name, value in said.items() if value}
        if not program and (key := self.given.get("program")):
            program = self.programs.filter(key=key).first()
            if program is None:
                self.refuse("program")
        person = self.person() if "person" in self.given else None
        if self.given.get("kind", "") not in {"", *KINDS}:
            self.refuse("kind")
        since, until = self.span()
        before = query.get("before", "")
        return Asked(
            program=program,
            person=person,
            kind=self.given.get("kind", ""),
            since=since,
            until=until,
            before=int(before) if before.isdecimal() and len(before) <= MOST_DIGITS else None,
        )

    def refuse(self, name: str) -> None:
        value = self.given.pop(name)
        self.refused.append(_("There is no %(name)s “%(value)s” here.") % {"name": name, "value": value[:MOST_SHOWN]})

    def person(self) -> User | None:
        value = self.given["person"]
        if value == ME:
            return self.request.user
        known = value.isdecimal() and len(value) <= MOST_DIGITS
        found = User.objects.filter(pk=value).first() if known else None
        if found is None:
            self.refuse("person")
        return found

    def span(self) -> tuple[datetime | None, datetime | None]:
        """A week, or all since a day, by the clocks of the organisation."""
        for name, shape, days in (("week", WEEK, 7), ("since", ISO_DAY, 0)):
            value = self.given.get(name)
            if not value:
                continue
            found = shape.fullmatch(value)
            try:
                week = date.fromisocalendar(int(found[1]), int(found[2]), 1) if found and days else None
                first = week or (date.fromisoformat(value) if found else None)
                last = first + timedelta(days=days) if first else None
            except (ValueError, OverflowError):
                first = last = None
            if first is None or last is None:
                self.refuse(name)
                continue
            start, end = (datetime.combine(day, time.min, self.zone) for day in (first, last))
            return start, end if days else None
        return None, None
