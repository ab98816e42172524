"""Hand-offs as a reader may see them: what each does to who receives it, how they add up by pair, what to look for.

Nothing here is read of a hidden program: it is a giver or receiver without id, and its days and slip count for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import (
    BooleanField,
    Case,
    Count,
    ExpressionWrapper,
    F,
    FloatField,
    Func,
    IntegerField,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    When,
)
from django.db.models.functions import Cast, Coalesce, Greatest
from django.utils.formats import date_format
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from forecasts.models import ProgramHealth
from milestones.hand_offs import SeenLink, State, state_column
from milestones.models import Dependency, is_awaited
from people.lists import Filter, Label, Options, Reader
from people.models import Viewer
from programs.models import Health, Program

Agreement = Dependency.Agreement
# In the address this stands for every program that the reader does not see.
PRIVATE = "-"
ENDS = {"giver": "predecessor", "receiver": "successor"}
# A receiver this many days past its target counts double.
DOUBLE_DAYS = 30


# -- rows ------------------------------------------------------------------------------------------------------------


def where(seen: str, field: str) -> Any:
    """A field of what the reader sees; nothing where it is hidden."""
    return Case(When(**{seen: True}, then=F(field)))


def _days_between(later: Any, earlier: Any) -> Any:
    """Days from one day to another, as a number."""
    return Func(later, earlier, template="(%(expressions)s)", arg_joiner=" - ", output_field=IntegerField())


def hand_offs(viewer: Viewer) -> Any:
    """Live hand-offs that a viewer sees and that are there or awaited, with ``giver`` and ``receiver`` (none where
    hidden), ``slack_days``, ``late_days``, ``missed_days`` and ``state``.

    ``missed_days`` is how long after its promise the giver itself expects it at P80, 0 where it does not."""
    visible = Program.objects.visible_to(viewer).values("pk")

    def true(condition: Q) -> Any:
        return ExpressionWrapper(condition, output_field=BooleanField())

    rows: Any = Dependency.objects.visible_to(viewer).hand_offs().live()
    rows = rows.annotate(
        giver_seen=true(Q(predecessor__program__in=visible)), receiver_seen=true(Q(successor__program__in=visible))
    )
    rows = rows.annotate(
        giver=where("giver_seen", "predecessor__program_id"),
        receiver=where("receiver_seen", "successor__program_id"),
        p80_on=where("giver_seen", "predecessor__forecast__p80_on"),
        given_on=where("giver_seen", "predecessor__done_on"),
    )
    # As is_given says, but of a giver that the viewer sees.
    there = true(Q(agreement=Agreement.DELIVERED) | Q(given_on__isnull=False))
    rows = rows.annotate(there=there).filter(Q(there=True) | is_awaited())
    return rows.annotate(
        slack_days=_days_between("need_by_on", Coalesce("given_on", "promised_on", "p80_on"))
    ).annotate(
        late_days=Case(When(there=False, slack_days__lt=0, then=-F("slack_days")), default=0),
        missed_days=Case(
            When(there=False, p80_on__gt=F("promised_on"), then=_days_between("p80_on", "promised_on")), default=0
        ),
        state=state_column(),
    )


def with_damage(rows: Any) -> Any:
    """Rows with their ends, with ``receiver_slip`` in days past its target, and with ``damage``: days late × weight."""
    # Of the row's program and not of ``receiver``: within a subquery Django confuses the aliases of who sees what.
    newest = ProgramHealth.objects.filter(program=OuterRef("successor__program_id")).order_by("-day")
    slip = Cast(Greatest(Coalesce(F("receiver_slip"), 0), 0), FloatField())
    rows = rows.select_related("predecessor__program__lead", "predecessor__owner", "successor__program")
    return rows.annotate(
        receiver_slip=Case(When(receiver_seen=True, then=Subquery(newest.values("slip_days")[:1])))
    ).annotate(damage=ExpressionWrapper(F("late_days") * (1 + slip / DOUBLE_DAYS), output_field=FloatField()))


def weight(slip_days: int | None) -> float:
    """How much a day late counts for a receiver that is so many days past its target."""
    return 1 + max(slip_days or 0, 0) / DOUBLE_DAYS


def sides(own: QuerySet[Program]) -> dict[str, Q]:
    """What these programs owe, and what is owed to them: until it is there."""
    return {
        "owe": Q(predecessor__program__in=own.values("pk"), there=False),
        "owed": Q(successor__program__in=own.values("pk"), there=False),
    }


def at(label: Label, *sides: str) -> Filter:
    """Hand-offs by the program on a side, or on either; all programs that the reader does not see are one."""

    def narrow(rows: Any, key: str, reader: Reader) -> Any:
        found = Q()
        for side in sides:
            named = Q(**{f"{side}_seen": True, f"{ENDS[side]}__program__key": key})
            found |= Q(**{f"{side}_seen": False}) if key == PRIVATE else named
        return rows.filter(found)

    def options(rows: Any, reader: Reader) -> Options:
        had: dict[str, str] = {}
        for side in sides:
            key, name = (where(f"{side}_seen", f"{ENDS[side]}__program__{field}") for field in ("key", "name"))
            said = rows.order_by().values_list(key, name).distinct()
            had |= {one or PRIVATE: title or HIDDEN.name for one, title in said}
        return sorted(had.items(), key=lambda pair: (pair[0] == PRIVATE, pair[1].casefold(), pair[0]))

    return Filter(label, narrow, options, typed=True)


# A list of what one owes, or is owed, stands in groups: what wants a word first.
GROUPS = (
    ((Agreement.PROPOSED, ""), lazy("Asked, not answered")),
    ((Agreement.COUNTERED,), lazy("Another day is offered")),
    ((Agreement.DECLINED,), lazy("Declined")),
    ((Agreement.ACCEPTED,), lazy("Agreed")),
)


def in_groups(rows: Any) -> Any:
    """Rows with ``rank``, the place of their group."""
    ranks = [When(agreement__in=states, then=place) for place, (states, _) in enumerate(GROUPS)]
    return rows.annotate(rank=Case(*ranks, default=len(GROUPS), output_field=IntegerField()))


@dataclass(frozen=True, slots=True)
class HandOff:
    """A hand-off on a page: the row with all that was annotated to it, its ends as seen, and what the reader may do.

    ``gives`` and ``takes`` say whose side the reader stands on; an administrator may answer without a side.
    """

    row: Any
    link: SeenLink
    gives: bool
    takes: bool
    may_answer: bool
    may_edit: bool
    heading: str = ""

    @property
    def tone(self) -> str:
        return State(self.row.state).tone

    @property
    def state(self) -> str:
        return str(State(self.row.state).label)

    @property
    def weight(self) -> float:
        return weight(self.row.receiver_slip)

    @property
    def asks_giver(self) -> bool:
        """Whether the reader is asked to answer."""
        return self.gives and not self.row.there and self.row.agreement in (Agreement.PROPOSED, "")

    @property
    def asks_receiver(self) -> bool:
        """Whether the reader is asked to reply to the giver's answer."""
        return self.takes and not self.row.there and self.link.wants_reply

    @property
    def question_url(self) -> str:
        """Where who receives it asks whoever gives it too late for an earlier day; empty where there is another way."""
        giver = self.link.predecessor
        if not giver or not self.takes or self.gives or self.asks_receiver or self.row.state != State.LATE:
            return ""
        person = giver.owner or giver.program.lead
        # Without a name of the receiver's: others read the comment, who may not see its program.
        form = ngettext(
            "This is needed by %(day)s and comes %(count)s day later. What would bring it forward?",
            "This is needed by %(day)s and comes %(count)s days later. What would bring it forward?",
            self.row.late_days,
        )
        said = form % {"day": date_format(self.row.need_by_on, "j M Y"), "count": self.row.late_days}
        text = f"@{person.name} {said}" if person else said
        return f"/m/{giver.pk}/comments?{urlencode({'text': text})}"


def told(
    rows: Iterable[Any], links: Iterable[SeenLink], own: set[int], is_admin: bool, *, grouped: bool
) -> list[HandOff]:
    """Rows of a page beside their links; the first of each group has its heading."""
    found: list[HandOff] = []
    last: int | None = None
    for row, link in zip(rows, links, strict=True):
        heading = ""
        if grouped and row.rank != last:
            last = row.rank
            heading = str(GROUPS[row.rank][1])
        gives, takes = row.predecessor.program_id in own, row.successor.program_id in own
        found.append(HandOff(row, link, gives, takes, is_admin or gives, is_admin or takes, heading))
    return found


# -- sums ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Part:
    """A program on the map: none has an id and a key where it is every program that the reader does not see."""

    pk: int | None
    key: str
    title: str
    health: str
    p80_on: Any
    slip_days: int | None

    @property
    def name(self) -> str:
        return self.title or _("Private programs")


HIDDEN = Part(None, PRIVATE, "", "", None, None)


@dataclass(frozen=True, slots=True)
class Pair:
    """All hand-offs from one program to another."""

    giver: Part
    receiver: Part
    count: int
    late: int
    open: int
    tight: int
    undated: int
    worst_days: int
    damage: float

    @property
    def state(self) -> State:
        """That of its hand-offs which wants a word first."""
        counts = ((self.late, State.LATE), (self.open, State.OPEN), (self.tight, State.TIGHT))
        return next((state for count, state in counts if count), State.AGREED)

    @property
    def heat(self) -> str:
        """The step of the heat ramp: a day late is warm already."""
        if not self.late:
            return "h1" if self.open or self.tight else "h0"
        return f"h{2 + sum(self.worst_days > days for days in (15, 30, 45))}"

    @property
    def weight(self) -> tuple[Any, ...]:
        """What hurts most comes first."""
        return (-self.damage, -self.late, -self.open, -self.count, self.giver.pk or 0, self.receiver.pk or 0)

    @property
    def words(self) -> str:
        """“3 hand-offs, 1 later than needed by up to 21 days, 1 an open question”."""
        said = [ngettext("%(count)s hand-off", "%(count)s hand-offs", self.count) % {"count": self.count}]
        if self.late:
            days = ngettext("%(count)s day", "%(count)s days", self.worst_days) % {"count": self.worst_days}
            form = ngettext(
                "%(count)s later than needed by %(days)s", "%(count)s later than needed by up to %(days)s", self.late
            )
            said.append(form % {"count": self.late, "days": days})
        if self.open:
            form = ngettext("%(count)s an open question", "%(count)s open questions", self.open)
            said.append(form % {"count": self.open})
        if self.tight:
            said.append(_("%(count)s tight") % {"count": self.tight})
        if self.undated:
            said.append(_("%(count)s agreed without a day") % {"count": self.undated})
        if not said[1:]:
            said.append(_("all agreed and in time"))
        return ", ".join(said)


def parts_of(viewer: Viewer) -> dict[int, Part]:
    """Every visible program beside its newest derived health: one query."""
    newest = ProgramHealth.objects.filter(program=OuterRef("pk")).order_by("-day")
    programs: Any = Program.objects.visible_to(viewer).annotate(
        health=Subquery(newest.values("health")[:1]),
        p80_on=Subquery(newest.values("p80_on")[:1]),
        slip_days=Subquery(newest.values("slip_days")[:1]),
    )
    columns = ("pk", "key", "name", "health", "p80_on", "slip_days")
    return {
        pk: Part(pk, key, name, health or Health.NO_FORECAST, p80_on, slip_days)
        for pk, key, name, health, p80_on, slip_days in programs.order_by("name", "pk").values_list(*columns)
    }


def pairs_of(rows: Any, parts: Mapping[int, Part]) -> list[Pair]:
    """Who gives to whom, what hurts most first: one query."""
    sums = (
        rows.order_by()
        .values_list("giver", "receiver")
        .annotate(
            count=Count("pk"),
            late=Count("pk", filter=Q(state=State.LATE)),
            asked=Count("pk", filter=Q(state=State.OPEN)),
            tight=Count("pk", filter=Q(state=State.TIGHT)),
            undated=Count("pk", filter=Q(state=State.UNDATED)),
            worst=Max("late_days"),
            days=Sum("late_days"),
        )
    )
    pairs = [
        Pair(
            parts.get(giver, HIDDEN),
            parts.get(receiver, HIDDEN),
            count,
            late,
            asked,
            tight,
            undated,
            worst or 0,
            (days or 0) * weight(parts.get(receiver, HIDDEN).slip_days),
        )
        for giver, receiver, count, late, asked, tight, undated, worst, days in sums
    ]
    return sorted(pairs, key=lambda pair: pair.weight)


def finding(pairs: Iterable[Pair]) -> str:
    """What the hand-offs come to, in a sentence or two."""
    pairs = list(pairs)
    count, late = sum(pair.count for pair in pairs), sum(pair.late for pair in pairs)
    if not count:
        return _("No hand-offs.")
    if not late:
        if count == 1:
            return _("The one hand-off is in time.")
        return _("None of %(count)s hand-offs comes later than needed.") % {"count": count}
    by: dict[Part, int] = {}
    for pair in pairs:
        by[pair.giver] = by.get(pair.giver, 0) + pair.late
    # Of those that give as many, the one that comes first in the order of the pairs: that of the most damage.
    most = max(by, key=by.__getitem__)
    form = ngettext(
        "%(late)s of %(count)s hand-offs is promised or expected later than needed",
        "%(late)s of %(count)s hand-offs are promised or expected later than needed",
        late,
    )
    return f"{form % {'late': late, 'count': count}}; {_given(most, by[most], late)}."


def _given(most: Part, share: int, late: int) -> str:
    """Who gives most of what is late; private programs are several."""
    many = most is HIDDEN
    if late == 1:
        form = _("%(program)s give it") if many else _("%(program)s gives it")
    elif share == late:
        form = _("%(program)s give all of them") if many else _("%(program)s gives all of them")
    elif share * 2 > late:
        form = _("%(program)s give most of them") if many else _("%(program)s gives most of them")
    else:
        form = _("%(program)s give %(count)s of them") if many else _("%(program)s gives %(count)s of them")
    return form % {"program": most.name, "count": share}
