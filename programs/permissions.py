"""Who may do what in a program: one table. Seeing is ``visible_to``; this is doing."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from history import past
from people.models import User, Viewer
from programs.models import Program, Role


class Act(Enum):
    """An act on a program, in the words of a refusal."""

    VIEW = gettext_noop("see")
    COMMENT = gettext_noop("comment on")
    EDIT = gettext_noop("edit")
    MEASURE = gettext_noop("record measurements of")
    AGREE = gettext_noop("agree hand-offs of")
    PLAN = gettext_noop("change the promised dates of")
    RANK = gettext_noop("change the rank of")
    DECIDE = gettext_noop("decide for")
    REPORT = gettext_noop("report on")
    COMMUNICATE = gettext_noop("change the communication plan of")
    SHARE = gettext_noop("share with outside readers what is in")
    MANAGE = gettext_noop("change the roles of")
    DELETE = gettext_noop("delete")


VIEWER = frozenset({Act.VIEW, Act.COMMENT})
CONTRIBUTOR = VIEWER | {Act.EDIT, Act.MEASURE, Act.AGREE}
LEAD = CONTRIBUTOR | {Act.PLAN, Act.RANK, Act.DECIDE, Act.REPORT, Act.COMMUNICATE, Act.SHARE, Act.MANAGE, Act.DELETE}
ROLES = {Role.Kind.VIEWER: VIEWER, Role.Kind.CONTRIBUTOR: CONTRIBUTOR, Role.Kind.LEAD: LEAD}
SPONSOR = VIEWER | {Act.DECIDE}


def acts(user: Viewer, program: Program) -> frozenset[Act]:
    """All that a person may do in a program: the union of their roles in it."""
    return acts_of_many(user, [program])[program.pk]


def acts_of_many(user: Viewer, programs: Iterable[Program]) -> dict[int, frozenset[Act]]:
    """The same of many programs, by their ids: one query."""
    known = {program.pk: program for program in programs}
    if past.day():
        return dict.fromkeys(known, frozenset({Act.VIEW}))  # the past is read, by who found it, and never written
    if not isinstance(user, User) or not user.is_active:
        return dict.fromkeys(known, frozenset())
    kinds: dict[int, list[str]] = {pk: [] for pk in known}
    if not user.is_admin:
        for pk, kind in Role.objects.filter(user=user, program__in=known).values_list("program_id", "kind"):
            kinds[pk].append(kind)
    return {pk: acts_by(user, program, kinds[pk]) for pk, program in known.items()}


def acts_by(user: User, program: Program, kinds: Iterable[str]) -> frozenset[Act]:
    """What an active person may do in a program today by its own row and by roles that were read: no query."""
    if user.is_admin:
        return frozenset(Act)
    allowed: frozenset[Act] = VIEWER if program.visibility == Program.Visibility.ORGANISATION else frozenset()
    if user.pk == program.lead_id:
        allowed |= LEAD
    if user.pk == program.sponsor_id:
        allowed |= SPONSOR
    return allowed.union(*(ROLES[Role.Kind(kind)] for kind in kinds))


def seen_by_each(users: Iterable[User]) -> dict[int, frozenset[int]]:
    """Which programs each of these people sees, by ids: what ``visible_to`` says one by one, in two queries for all."""
    readers = {user.pk: user for user in users}
    rows = Program.objects.order_by().values_list("pk", "visibility", "lead_id", "sponsor_id")
    everything, open_to_all, private = set(), set(), {}
    for pk, visibility, *own in rows:
        everything.add(pk)
        if visibility == Program.Visibility.ORGANISATION:
            open_to_all.add(pk)
        else:
            private[pk] = {*own}
    for pk, user_id in Role.objects.filter(user__in=readers, program__in=private).values_list("program_id", "user_id"):
        private[pk].add(user_id)
    groups: dict[frozenset[int], frozenset[int]] = {}
    seen = {}
    for user_id, user in readers.items():
        if not user.is_active:
            seen[user_id] = frozenset[int]()
            continue
        if user.is_admin:
            ids = frozenset(everything)
        else:
            ids = frozenset(open_to_all | {pk for pk, people in private.items() if user_id in people})
        # People who see the same share one set: what is written for one of them is found for the others at once.
        seen[user_id] = groups.setdefault(ids, ids)
    return seen


def shared_by_each(users: Iterable[User]) -> dict[int, frozenset[int]]:
    """Which programs each of these people may share with outside readers: those they lead, administrators all."""
    sharers = {user.pk: user for user in users}
    found: dict[int, set[int]] = {user_id: set() for user_id, user in sharers.items() if user.is_active}
    for pk, lead_id in Program.objects.order_by().values_list("pk", "lead_id"):
        for user_id in found:
            if sharers[user_id].is_admin or lead_id == user_id:
                found[user_id].add(pk)
    kinds = [kind for kind, allowed in ROLES.items() if Act.SHARE in allowed]
    roles = Role.objects.filter(user__in=found, kind__in=kinds)
    for pk, user_id in roles.values_list("program_id", "user_id"):
        found[user_id].add(pk)
    return {user_id: frozenset(found.get(user_id, ())) for user_id in sharers}


def editable(user: Viewer, programs: Iterable[Program]) -> set[int]:
    """Which of these programs a person may edit, by id: one query for a whole page of rows."""
    return {pk for pk, allowed in acts_of_many(user, programs).items() if Act.EDIT in allowed}


def may(user: Viewer, act: Act, program: Program) -> bool:
    return act in acts(user, program)


def require(user: Viewer, act: Act, program: Program, *, since: str = "") -> None:
    """Raise PermissionDenied, saying what is not allowed and who can; of a program that is hidden, no name.

    ``since`` is a sentence that comes first, where the act alone does not tell why it is asked for.
    """
    allowed = acts(user, program)
    if act in allowed:
        return
    if Act.VIEW not in allowed:
        raise PermissionDenied(_("You cannot %(act)s a private program.") % {"act": _(act.value)})
    lead = program.lead.name if program.lead else _("an administrator")
    refusal = _("You cannot %(act)s %(program)s. Ask %(lead)s.")
    refusal %= {"act": _(act.value), "program": program.name, "lead": lead}
    raise PermissionDenied(f"{since} {refusal}".lstrip())
