"""Whom somebody may ask for the updates of programs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _

from people.models import User
from programs.models import Program, Role
from programs.permissions import Act, acts_of_many
from reports.models import Reminder


@dataclass(frozen=True, slots=True)
class Nudge:
    """Whom somebody may ask for the update of a program now; where it is nobody, why, with the code of the refusal."""

    program: Program
    people: list[User]
    code: str = ""
    why: str = ""


def nudges(programs: Iterable[Program], *, by: User, day: date) -> list[Nudge]:
    """Of each program whom to ask: those who lead it, but ``by``, who were not asked today. Three queries."""
    known = {program.pk: program for program in programs}
    allowed = acts_of_many(by, known.values())
    leads = {pk: {program.lead.pk: program.lead} if program.lead else {} for pk, program in known.items()}
    for role in Role.objects.filter(program__in=known, kind=Role.Kind.LEAD).select_related("user"):
        leads[role.program_id][role.user_id] = role.user
    asked = Reminder.objects.filter(kind=Reminder.Kind.NUDGE, owed_on=day, program__in=known)
    told = set(asked.values_list("program", "user"))
    found = []
    for pk, program in known.items():
        others = [person for person in leads[pk].values() if person.is_active and person.pk != by.pk]
        untold = [person for person in others if (pk, person.pk) not in told]
        if Act.COMMUNICATE not in allowed[pk]:
            found.append(Nudge(program, [], "rights", _("It is not yours to ask for.")))
        elif not others:
            found.append(Nudge(program, [], "nobody", _("Nobody else leads this program.")))
        elif not untold:
            found.append(Nudge(program, [], "asked", _("They were asked today already.")))
        else:
            found.append(Nudge(program, untold))
    return found
