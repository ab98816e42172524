"""The RAID log: risks, assumptions, issues and decisions; and problems that recur over programs."""

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
from milestones.models import MOST_WORK_MINUTES, Milestone, SlipCause
from people.models import Team, User, Viewer
from people.search import search_index
from programs.models import Objective, OfProgramQuerySet, Program

FIVE = [MinValueValidator(1), MaxValueValidator(5)]
# The API and tables give a share; forms take per cent and say so themselves.
NO_SHARE: Any = dict.fromkeys(
    ("min_value", "max_value", "max_digits", "max_whole_digits"),
    lazy("A probability lies between 0 and 1: write 0.6 for 60%%."),
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


class IssueQuerySet(OfProgramQuerySet["Issue"]):
    def open(self) -> Self:
        return self.filter(closed_on=None)

    def overdue(self, today: date) -> Self:
        return self.open().filter(due_on__lt=today)


@track()
class Issue(Record):
    """Something that has happened and wants an answer by a day."""

    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="issues")
    external_key = models.CharField(max_length=200, blank=True)
    title = models.CharField(max_length=200)
    note = models.TextField(blank=True, max_length=20_000)
    owner = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="issues")
    milestone = models.ForeignKey(Milestone, null=True, blank=True, on_delete=models.SET_NULL, related_name="issues")
    raised_on = models.DateField(lazy("raised"))
    due_on = models.DateField(lazy("due"), null=True, blank=True)
    closed_on = models.DateField(lazy("closed"), null=True, blank=True)

    objects = IssueQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(closed_on=None) | Q(closed_on__gte=F("raised_on")),
                name="issue_closed_after_raised",
                violation_error_message=lazy("It cannot be closed before it was raised."),
                violation_error_code="closed_on",
            )
        ]
        indexes = [search_index("issue_search", "title", "note", "external_key")]

    def get_absolute_url(self) -> str:
        return f"/issues/{self.pk}"

    def __str__(self) -> str:
        return self.title


@track()
class Assumption(Record):
    """Held true until its day; then somebody looks again."""

    class State(models.TextChoices):
        OPEN = "open", lazy("Open")
        CONFIRMED = "confirmed", lazy("Confirmed")
        BROKEN = "broken", lazy("Broken")

    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="assumptions")
    text = models.CharField(max_length=1_000)
    owner = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="assumptions")
    expires_on = models.DateField(lazy("expires"), null=True, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)

    objects = OfProgramQuerySet["Assumption"].as_manager()

    def get_absolute_url(self) -> str:
        return f"/assumptions/{self.pk}"

    def __str__(self) -> str:
        return self.text


class DecisionQuerySet(OfProgramQuerySet["Decision"]):
    def waiting(self) -> Self:
        return self.filter(decided_on=None)

    def overdue(self, today: date) -> Self:
        return self.waiting().filter(decide_by_on__lt=today)

    def by_turn(self, viewer: Viewer, *, newest: bool = False, by_decider: bool = False) -> Self:
        """The viewer's own first, then by the day they are due; the newest answers first where they are taken."""
        if newest:
            return self.order_by(F("decided_on").desc(), "-id")
        own = models.Case(models.When(decider=viewer.pk, then=0), default=1)
        names: list[Any] = [F("decider__name").asc(nulls_last=True), "decider"] if by_decider else []
        return self.order_by(own, *names, F("decide_by_on").asc(nulls_last=True), "id")


@track()
class Decision(Record):
    """A question, who answers it by when, and what follows from the answer."""

    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="decisions")
    question = models.CharField(max_length=500)
    options = models.TextField(blank=True, max_length=20_000)
    decider = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="decisions")
    decide_by_on = models.DateField(lazy("decide by"), null=True, blank=True)
    raised_on = models.DateField(lazy("raised"))
    decided_on = models.DateField(lazy("decided"), null=True, blank=True)
    answer = models.TextField(blank=True, max_length=5_000)
    consequence = models.TextField(blank=True, max_length=5_000)
    objective = models.ForeignKey(Objective, null=True, blank=True, on_delete=models.SET_NULL, related_name="decisions")

    objects = DecisionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(decided_on=None, answer="") | (Q(decided_on__isnull=False) & ~Q(answer="")),
                name="decision_decided_with_answer",
                violation_error_message=lazy("A decision that is taken has a day and an answer."),
                violation_error_code="answer",
            )
        ]
        indexes = [search_index("decision_search", "question", "options", "answer", "consequence")]

    def get_absolute_url(self) -> str:
        return f"/d/{self.reference}"

    def __str__(self) -> str:
        return self.question

    @property
    def reference(self) -> str:
        return f"D-{self.pk}"


class ProblemQuerySet(models.QuerySet["Problem"]):
    def visible_to(self, viewer: Viewer) -> Self:
        """Problems of any program that the viewer sees, their own, and those that nobody found in programs."""
        if not viewer.is_authenticated or not viewer.is_active:
            return self.none()
        if viewer.is_admin:
            return self
        seen = ProblemCost.objects.visible_to(viewer).filter(problem=OuterRef("pk"))
        return self.filter(Q(owner=viewer) | Q(cause=None, team=None) | models.Exists(seen))

    def open(self) -> Self:
        return self.filter(closed_on=None)


@track(final=True)
class Problem(Record):
    """What keeps costing several programs days: owned by a person, until it is closed or a program ends it."""

    title = models.CharField(max_length=200)
    description = models.TextField(blank=True, max_length=20_000)
    cause = models.ForeignKey(SlipCause, null=True, blank=True, on_delete=models.PROTECT, related_name="problems")
    team = models.ForeignKey(
        Team, null=True, blank=True, on_delete=models.PROTECT, related_name="problems", verbose_name=lazy("giving team")
    )
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="problems")
    opened_on = models.DateField(lazy("opened"))
    closed_on = models.DateField(lazy("closed"), null=True, blank=True)
    closed_because = models.CharField(lazy("why it was closed"), max_length=500, blank=True)
    program = models.ForeignKey(
        Program,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="problems",
        verbose_name=lazy("program started from it"),
    )

    objects = ProblemQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(cause=None) | Q(team=None),
                name="problem_of_one_source",
                violation_error_message=lazy("A problem is found by its cause or by the team that gives, not both."),
                violation_error_code="team",
            ),
            models.CheckConstraint(
                condition=Q(closed_on=None, closed_because="") | (Q(closed_on__isnull=False) & ~Q(closed_because="")),
                name="problem_closed_with_reason",
                violation_error_message=lazy("A closed problem has a day and a reason."),
                violation_error_code="closed_because",
            ),
            models.CheckConstraint(
                condition=Q(closed_on=None) | Q(closed_on__gte=F("opened_on")),
                name="problem_closed_after_opened",
                violation_error_message=lazy("It cannot be closed before it was opened."),
                violation_error_code="closed_on",
            ),
        ]
        indexes = [search_index("problem_search", "title", "description")]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return f"/problems/{self.pk}"


@track(final=True)
class ProblemCost(models.Model):
    """The evidence of a problem as it was found: days that it cost one program in one quarter. Never changed."""

    problem = models.ForeignKey(Problem, on_delete=models.CASCADE, related_name="costs")
    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="problem_costs")
    quarter_on = models.DateField(help_text="The first day of the quarter.")
    days = models.PositiveIntegerField()
    slips = models.PositiveIntegerField(help_text="How many promises slipped.")

    objects = OfProgramQuerySet["ProblemCost"].as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["problem", "program", "quarter_on"], name="problem_cost_once")]

    def __str__(self) -> str:
        return f"{self.days} d in {self.program_id} from {self.quarter_on}"
