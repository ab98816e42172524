"""What milestones wait for: links inside a program, and hand-offs between programs."""

from __future__ import annotations

from typing import Self

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Case, F, Q, When
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as lazy

from history.models import Record
from history.tracker import track
from milestones.models.milestone import MOST_WORK_MINUTES, Milestone
from people.models import User, Viewer
from programs.models import Program


def is_given() -> Q:
    """Of a hand-off: its giver's milestone is done, or it is said to be delivered."""
    return Q(agreement=Dependency.Agreement.DELIVERED) | Q(predecessor__done_on__isnull=False)


def is_awaited() -> Q:
    """Of a live hand-off: its receiver is not done without it, and neither program is over."""
    programs = Program.objects.open().values("pk")
    return Q(successor__done_on=None, predecessor__program__in=programs, successor__program__in=programs)


class DependencyQuerySet(models.QuerySet["Dependency"]):
    def visible_to(self, viewer: Viewer) -> Self:
        """Links that touch a program the viewer sees. The other end may be hidden: show it as a private program."""
        programs = Program.objects.visible_to(viewer)
        return self.filter(Q(predecessor__program__in=programs) | Q(successor__program__in=programs))

    def hand_offs(self) -> Self:
        return self.exclude(predecessor__program=F("successor__program"))

    def live(self) -> Self:
        """Links between milestones that are neither cancelled themselves nor in a cancelled program."""
        gone = Q()
        for end in ("predecessor", "successor"):
            gone |= Q(**{f"{end}__cancelled_on__isnull": False})
            gone |= Q(**{f"{end}__program__state": Program.State.CANCELLED})
        return self.exclude(gone)

    def pending(self) -> Self:
        """Hand-offs that somebody still waits for: what is open, and may be late."""
        return self.hand_offs().live().filter(is_awaited()).exclude(is_given())

    def with_given_on(self) -> Self:
        """Adds ``given_on`` to hand-offs: the day that the milestone was done, or was said to be delivered."""
        # History from before deliveries had a day of their own has it in that of the agreement.
        said_on = Coalesce("delivered_on", "agreed_on", "promised_on", "need_by_on")
        said = Case(When(agreement=Dependency.Agreement.DELIVERED, then=said_on))
        return self.annotate(given_on=Coalesce("predecessor__done_on", said))

    def agreed(self) -> Self:
        """Hand-offs that the giver stands by: the receiver plans with them."""
        return self.hand_offs().filter(agreement__in=[Dependency.Agreement.ACCEPTED, Dependency.Agreement.DELIVERED])


@track(
    program="(SELECT program_id FROM milestones_milestone WHERE id = NEW.successor_id)",
    other_program="(SELECT program_id FROM milestones_milestone WHERE id = NEW.predecessor_id)",
)
class Dependency(Record):
    """The successor waits for the predecessor. Across programs it is a hand-off: giver, receiver, two dates."""

    class Kind(models.TextChoices):
        FS = "FS", lazy("finish to start")
        SS = "SS", lazy("start to start")
        FF = "FF", lazy("finish to finish")
        SF = "SF", lazy("start to finish")

    class Agreement(models.TextChoices):
        PROPOSED = "proposed", lazy("Proposed")
        ACCEPTED = "accepted", lazy("Accepted")
        COUNTERED = "countered", lazy("Countered")
        DECLINED = "declined", lazy("Declined")
        DELIVERED = "delivered", lazy("Delivered")

    predecessor = models.ForeignKey(Milestone, on_delete=models.CASCADE, related_name="links_out")
    successor = models.ForeignKey(Milestone, on_delete=models.CASCADE, related_name="links_in")
    external_key = models.CharField(max_length=200, blank=True)
    kind = models.CharField(lazy("type"), max_length=2, choices=Kind.choices, default=Kind.FS)
    lag = models.IntegerField(
        default=0,
        validators=[MinValueValidator(-MOST_WORK_MINUTES), MaxValueValidator(MOST_WORK_MINUTES)],
        help_text="Working minutes in the predecessor's calendar; negative is a lead.",
    )
    need_by_on = models.DateField(lazy("needed by"), null=True, blank=True)
    promised_on = models.DateField(lazy("promised by"), null=True, blank=True)
    agreement = models.CharField(max_length=10, choices=Agreement.choices, blank=True)
    agreed_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    agreed_on = models.DateField(null=True, blank=True)
    delivered_on = models.DateField(null=True, blank=True)
    note = models.TextField(blank=True, max_length=5_000)

    objects = DependencyQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["predecessor", "successor", "kind"],
                name="dependency_once",
                violation_error_message=lazy("These milestones are linked like this already."),
                violation_error_code="predecessor",
            ),
            models.CheckConstraint(
                condition=~Q(predecessor=F("successor")),
                name="dependency_between_two",
                violation_error_message=lazy("A milestone cannot wait for itself."),
                violation_error_code="predecessor",
            ),
            models.CheckConstraint(
                condition=Q(delivered_on=None) | Q(agreement="delivered"),
                name="dependency_delivered_when",
                violation_error_message=lazy("Only what is delivered has a day of delivery."),
                violation_error_code="delivered_on",
            ),
        ]
        verbose_name_plural = "dependencies"

    def __str__(self) -> str:
        return f"{self.predecessor_id} → {self.successor_id}"
