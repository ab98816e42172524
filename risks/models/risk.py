"""What may happen: risks, what they hit and what is done about them."""

from __future__ import annotations

from datetime import date
from typing import Any, Self, TypeVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, OuterRef, Q, Subquery
from django.db.models.functions import JSONObject
from django.utils.translation import gettext_lazy as lazy

from history.models import Record
from history.tracker import track
from milestones.models import MOST_WORK_MINUTES, Milestone
from people.models import User, Viewer
from people.search import search_index
from programs.models import OfProgramQuerySet, Program

FIVE = [MinValueValidator(1), MaxValueValidator(5)]
# The API and tables give a share; forms take per cent and say so themselves.
NO_SHARE: Any = dict.fromkeys(
    ("min_value", "max_value", "max_digits", "max_whole_digits"),
    lazy("A probability lies between 0 and 1: write 0.6 for 60 per cent."),
)


class RiskQuerySet(OfProgramQuerySet["Risk"]):
    def open(self) -> Self:
        return self.filter(closed_on=None)

    def with_exposure(self) -> Self:
        """Adds ``exposure``: probability times the mean working minutes on the milestone it hits hardest, or null."""
        mean = Subquery(_hardest().values("mean")[:1])
        return self.annotate(
            exposure=models.ExpressionWrapper(F("probability") * mean, output_field=models.FloatField(null=True))
        )

    def with_range(self) -> Self:
        """Adds ``points``: low, likely and high working minutes on the milestone it hits hardest, or null."""
        points = JSONObject(low="low", likely="likely", high="high")
        return self.annotate(points=Subquery(_hardest().values(found=points)[:1]))

    def behind(self, today: date) -> Self:
        """Open risks with a mitigation past its day."""
        overdue = MitigationAction.objects.filter(risk=OuterRef("pk"), done_on=None, due_on__lt=today)
        return self.open().filter(models.Exists(overdue))


def _hardest() -> models.QuerySet[Any]:
    """A risk's impacts, the hardest first; what is done or cancelled can no longer be late."""
    impacts: models.QuerySet[Any] = RiskImpact.objects.filter(risk=OuterRef("pk"))
    still_open = impacts.filter(milestone__done_on=None, milestone__cancelled_on=None)
    ordered: models.QuerySet[Any] = still_open.annotate(mean=(F("low") + F("likely") + F("high")) / 3.0)
    return ordered.order_by("-mean", "pk")


@track()
class Risk(Record):
    """Something that may happen: cause, event, effect; a probability, and days on chosen milestones."""

    class Response(models.TextChoices):
        AVOID = "avoid", lazy("Avoid")
        MITIGATE = "mitigate", lazy("Mitigate")
        TRANSFER = "transfer", lazy("Transfer")
        ACCEPT = "accept", lazy("Accept")

    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="risks")
    external_key = models.CharField(max_length=200, blank=True)
    title = models.CharField(max_length=200)
    cause = models.TextField(blank=True, max_length=5_000)
    event = models.TextField(blank=True, max_length=5_000)
    effect = models.TextField(blank=True, max_length=5_000)
    probability = models.DecimalField(
        max_digits=5,
        decimal_places=4,
        null=True,
        blank=True,
        error_messages=NO_SHARE,
        validators=[MinValueValidator(0), MaxValueValidator(1)],
        help_text=lazy("From 0 to 1."),
    )
    residual_probability = models.DecimalField(
        lazy("probability after mitigation"),
        max_digits=5,
        decimal_places=4,
        null=True,
        blank=True,
        error_messages=NO_SHARE,
        validators=[MinValueValidator(0), MaxValueValidator(1)],
        help_text=lazy("From 0 to 1, once what is planned against it is done."),
    )
    likelihood_score = models.PositiveSmallIntegerField(
        lazy("likelihood, 1 to 5"), null=True, blank=True, validators=FIVE
    )
    impact_score = models.PositiveSmallIntegerField(lazy("impact, 1 to 5"), null=True, blank=True, validators=FIVE)
    response = models.CharField(max_length=10, choices=Response.choices, blank=True)
    mitigation = models.TextField(blank=True, max_length=20_000)
    owner = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="risks")
    review_on = models.DateField(lazy("next review"), null=True, blank=True)
    raised_on = models.DateField(lazy("raised"))
    closed_on = models.DateField(lazy("closed"), null=True, blank=True)
    closed_because = models.CharField(lazy("why it was closed"), max_length=500, blank=True)

    objects = RiskQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["program", "external_key"], condition=~Q(external_key=""), name="risk_external_key_once"
            ),
            models.CheckConstraint(
                condition=Q(probability=None) | Q(probability__gte=0, probability__lte=1),
                name="risk_probability_0_to_1",
                violation_error_message=lazy("A probability lies between 0 and 1."),
                violation_error_code="probability",
            ),
            models.CheckConstraint(
                condition=Q(residual_probability=None)
                | Q(residual_probability__gte=0, residual_probability__lte=F("probability")),
                name="risk_residual_below_probability",
                violation_error_message=lazy("Mitigation makes no risk more probable: at most the probability itself."),
                violation_error_code="residual_probability",
            ),
            models.CheckConstraint(
                condition=Q(residual_probability=None) | Q(probability__isnull=False),
                name="risk_residual_beside_probability",
                violation_error_message=lazy("Give the probability first: this is what mitigation leaves of it."),
                violation_error_code="residual_probability",
            ),
            models.CheckConstraint(
                condition=(Q(likelihood_score=None) | Q(likelihood_score__range=(1, 5)))
                & (Q(impact_score=None) | Q(impact_score__range=(1, 5))),
                name="risk_scores_1_to_5",
                violation_error_message=lazy("Scores go from 1 to 5."),
                violation_error_code="impact_score",
            ),
            models.CheckConstraint(
                condition=Q(closed_on=None, closed_because="") | (Q(closed_on__isnull=False) & ~Q(closed_because="")),
                name="risk_closed_with_reason",
                violation_error_message=lazy("A closed risk has a day and a reason."),
                violation_error_code="closed_because",
            ),
        ]
        indexes = [
            models.Index(fields=["program"], condition=Q(closed_on=None), name="risk_open"),
            search_index("risk_search", "title", "cause", "event", "effect", "mitigation", "external_key"),
        ]

    def get_absolute_url(self) -> str:
        return f"/r/{self.reference}"

    def __str__(self) -> str:
        return self.title

    @property
    def reference(self) -> str:
        return f"R-{self.pk}"


R = TypeVar("R", bound=models.Model)


class OfRiskQuerySet(models.QuerySet[R]):
    def visible_to(self, viewer: Viewer) -> Self:
        return self.filter(risk__program__in=Program.objects.visible_to(viewer))


PROGRAM_OF_RISK = "(SELECT program_id FROM risks_risk WHERE id = NEW.risk_id)"


@track(program=PROGRAM_OF_RISK)
class RiskImpact(models.Model):
    """What the risk costs a milestone if it happens, in working minutes."""

    risk = models.ForeignKey(Risk, on_delete=models.CASCADE, related_name="impacts")
    milestone = models.ForeignKey(Milestone, on_delete=models.CASCADE, related_name="risk_impacts")
    low = models.PositiveIntegerField(lazy("at best"))
    likely = models.PositiveIntegerField(lazy("likely"))
    high = models.PositiveIntegerField(lazy("at worst"))

    objects = OfRiskQuerySet["RiskImpact"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["risk", "milestone"],
                name="risk_impact_once",
                violation_error_message=lazy("The risk has an impact on this milestone already."),
                violation_error_code="milestone",
            ),
            models.CheckConstraint(
                condition=Q(low__lte=F("likely"), likely__lte=F("high"), high__lte=MOST_WORK_MINUTES),
                name="risk_impact_in_order",
                violation_error_message=lazy("Best, likely and worst rise in this order, up to 2600 days."),
                violation_error_code="likely",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.risk_id} on {self.milestone_id}"


@track(program=PROGRAM_OF_RISK)
class MitigationAction(Record):
    """What somebody does about a risk, by a day."""

    risk = models.ForeignKey(Risk, on_delete=models.CASCADE, related_name="actions")
    text = models.CharField(max_length=500)
    owner = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="mitigation_actions")
    due_on = models.DateField(lazy("due"), null=True, blank=True)
    done_on = models.DateField(lazy("done"), null=True, blank=True)

    objects = OfRiskQuerySet["MitigationAction"].as_manager()

    def get_absolute_url(self) -> str:
        return f"/mitigations/{self.pk}"

    def __str__(self) -> str:
        return self.text
