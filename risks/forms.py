"""The posted shapes of the RAID log."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django import forms
from django.core.validators import BaseValidator
from django.db.models import Q
from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import pgettext_lazy

from history.bulk import BulkForm
from history.days import DayField
from history.forms import RecordForm
from milestones.forms import WorkField
from milestones.models import Milestone
from people.forms import people
from people.models import User
from programs.models import Objective, Program
from risks.models import Assumption, Decision, Issue, MitigationAction, Problem, Risk, RiskImpact
from risks.odds import contradiction
from risks.services import Impact

LIKELIHOODS = (
    lazy("Rare"),
    lazy("Unlikely"),
    lazy("Possible"),
    pgettext_lazy("likelihood", "Likely"),
    lazy("Almost certain"),
)
IMPACTS = (lazy("Minor"), pgettext_lazy("impact", "Low"), lazy("Moderate"), lazy("Major"), lazy("Severe"))
BLANK_IMPACTS = 3


class PercentField(forms.DecimalField):
    """A share, typed and shown in percent, kept from 0 to 1."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=0, max_value=100, max_digits=5, decimal_places=2, **kwargs)
        for one in self.validators:
            if isinstance(one, BaseValidator):  # of the least and the most
                one.message = lazy("A probability lies between 0 and 100: write 60 for 60%%.")

    def to_python(self, value: Any) -> Any:
        return super().to_python(value.strip().removesuffix("%").strip() if isinstance(value, str) else value)

    def clean(self, value: Any) -> Decimal | None:
        percent: Decimal | None = super().clean(value)
        return None if percent is None else percent / 100

    def prepare_value(self, value: Any) -> Any:
        return f"{(value * 100).normalize():f}" if isinstance(value, Decimal) else value


class ScoreField(forms.TypedChoiceField):
    """One to five, each with its word."""

    def __init__(self, words: Iterable[str | Promise], **kwargs: Any) -> None:
        choices = [("", lazy("Not scored")), *((n, format_lazy("{} · {}", n, word)) for n, word in enumerate(words, 1))]
        super().__init__(choices=choices, coerce=int, empty_value=None, required=False, **kwargs)


class RiskForm(RecordForm):
    model = Risk
    names = (
        "title",
        "cause",
        "event",
        "effect",
        "probability",
        "residual_probability",
        "owner",
        "likelihood_score",
        "impact_score",
        "response",
        "review_on",
        "mitigation",
        "raised_on",
    )
    probability = PercentField(
        required=False, label=lazy("Probability, %"), help_text=lazy("How likely it happens: 0 to 100.")
    )
    residual_probability = PercentField(
        required=False,
        label=lazy("Probability after mitigation, %"),
        help_text=lazy("Once what is planned against it is done: at most the probability."),
    )
    likelihood_score = ScoreField(LIKELIHOODS, label=lazy("Likelihood"))
    impact_score = ScoreField(IMPACTS, label=lazy("Impact"))

    def __init__(self, data: QueryDict | None = None, *, row: Risk | None = None) -> None:
        super().__init__(data, row=row)
        self.fields["owner"] = forms.ModelChoiceField(people(row.owner if row else None), required=False)
        self.fields["cause"].help_text = _("Because of …")
        self.fields["event"].help_text = _("… this may happen …")
        self.fields["effect"].help_text = _("… which would mean …")
        for name in ("cause", "event", "effect"):
            self.fields[name].widget.attrs["rows"] = "2"
        if row is None:
            del self.fields["raised_on"]
        elif differ := contradiction(row.probability, row.likelihood_score):
            self.fields["likelihood_score"].help_text = differ


class BulkRiskForm(BulkForm):
    """What many risks can share, and closing them with one reason."""

    beside = ("closed_because",)
    closed_because = forms.CharField(
        max_length=500,
        required=False,
        label=lazy("Reason to close them"),
        help_text=lazy("Closes all that are ticked, for this reason. Left empty, they stay open."),
    )

    def __init__(self, data: QueryDict | None) -> None:
        super().__init__(data, like=RiskForm(), leave=("title", "cause", "event", "effect"))


class ImpactForm(forms.Form):
    """One row: what the risk costs a milestone if it happens. A row without a milestone is no row."""

    milestone = forms.TypedChoiceField(label=lazy("Milestone"), coerce=int, empty_value=None, required=False)
    low = WorkField(required=False, label=lazy("At best"), help_text="")
    likely = WorkField(required=False, label=lazy("Likely"), help_text="")
    high = WorkField(required=False, label=lazy("At worst"), help_text="")

    def __init__(self, *args: Any, choices: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["milestone"].choices = choices  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not cleaned.get("milestone"):
            return cleaned
        if cleaned.get("likely") is None and "likely" not in self.errors:
            self.add_error("likely", _("Say how many days it would cost."))
        # One number is enough: who gives no range has none.
        for name in ("low", "high"):
            if cleaned.get(name) is None:
                cleaned[name] = cleaned.get("likely")
        low, likely, high = (cleaned.get(name) for name in ("low", "likely", "high"))
        if None not in (low, likely, high) and not low <= likely <= high:  # type: ignore[operator]
            self.add_error("likely", _("Best, likely and worst rise in this order."))
        return cleaned


ImpactRows = forms.formset_factory(ImpactForm, extra=BLANK_IMPACTS, max_num=50, absolute_max=100)


class Impacts:
    """The rows of impacts below a risk's own fields; ``value`` is what to hand to the service."""

    def __init__(
        self, data: QueryDict | None = None, *, program: Program, viewer: User, row: Risk | None = None
    ) -> None:
        present = (
            row.impacts.filter(milestone__in=Milestone.objects.visible_to(viewer))
            .select_related("milestone__program")
            .order_by("id")
            if row
            else RiskImpact.objects.none()
        )
        own = program.milestones.filter(done_on=None, cancelled_on=None).order_by("name", "id")
        self.milestones = {milestone.pk: milestone for milestone in own}
        self.milestones |= {impact.milestone_id: impact.milestone for impact in present}
        names = {
            pk: row.name if row.program_id == program.pk else f"{row.program.name}: {row.name}"
            for pk, row in self.milestones.items()
        }
        self.rows = ImpactRows(
            data,
            prefix="impacts",
            initial=[{"milestone": i.milestone_id, "low": i.low, "likely": i.likely, "high": i.high} for i in present],
            form_kwargs={"choices": [("", _("No milestone")), *((str(pk), name) for pk, name in names.items())]},
        )

    def is_valid(self) -> bool:
        """Whether every row is; a milestone that stands there twice is refused at its second row."""
        if not self.rows.is_valid():
            return False
        chosen: set[int] = set()
        for form in self.rows:
            milestone = form.cleaned_data.get("milestone")
            if milestone in chosen:
                form.add_error("milestone", _("This milestone has a row above."))
                return False
            if milestone:
                chosen.add(milestone)
        return True

    @property
    def value(self) -> list[Impact]:
        return [
            Impact(self.milestones[row["milestone"]], row["low"], row["likely"], row["high"])
            for form in self.rows
            if (row := form.cleaned_data).get("milestone")
        ]


class CloseForm(forms.Form):
    closed_because = forms.CharField(
        max_length=500,
        label=lazy("Why it is closed"),
        help_text=lazy("It happened, it cannot happen any more, or it is accepted: the next reader wants to know."),
        widget=forms.Textarea(attrs={"rows": "3"}),
    )


class ActionForm(RecordForm):
    model = MitigationAction
    names = ("text", "owner", "due_on", "done_on")

    def __init__(self, data: QueryDict | None = None, *, row: MitigationAction | None = None) -> None:
        super().__init__(data, row=row)
        self.fields["text"].label = _("What is done about it")
        self.fields["owner"] = forms.ModelChoiceField(people(row.owner if row else None), required=False)
        if row is None:
            del self.fields["done_on"]


class IssueForm(RecordForm):
    model = Issue
    names = ("title", "note", "owner", "due_on", "milestone", "raised_on", "closed_on")

    def __init__(self, data: QueryDict | None = None, *, program: Program, row: Issue | None = None) -> None:
        super().__init__(data, row=row)
        self.fields["owner"] = forms.ModelChoiceField(people(row.owner if row else None), required=False)
        self.fields["milestone"] = forms.ModelChoiceField(
            program.milestones.filter(
                Q(done_on=None, cancelled_on=None) | Q(pk=row.milestone_id if row else None)
            ).order_by("name", "id"),
            required=False,
            help_text=_("The milestone that it hurts."),
        )
        if row is None:
            del self.fields["raised_on"], self.fields["closed_on"]


class BulkIssueForm(BulkForm):
    """What many issues can share: a milestone where one program has them all."""

    beside = ("close",)
    close = forms.BooleanField(required=False, label=lazy("Close them as of today"))

    def __init__(self, data: QueryDict | None, rows: list[Issue]) -> None:
        leave = ("title", "note") if len({row.program_id for row in rows}) == 1 else ("title", "note", "milestone")
        super().__init__(data, like=IssueForm(program=rows[0].program), leave=leave)


class AssumptionForm(RecordForm):
    model = Assumption
    names = ("text", "owner", "expires_on", "state")

    def __init__(self, data: QueryDict | None = None, *, row: Assumption | None = None) -> None:
        super().__init__(data, row=row)
        self.fields["text"].label = _("Held true")
        self.fields["text"].widget = forms.Textarea(attrs={"rows": "3"})
        self.fields["owner"] = forms.ModelChoiceField(people(row.owner if row else None), required=False)
        self.fields["expires_on"].help_text = _("The day by which somebody looks again.")
        if row is None:
            del self.fields["state"]


class BulkAssumptionForm(BulkForm):
    """What many assumptions can share."""

    def __init__(self, data: QueryDict | None) -> None:
        like = AssumptionForm()
        like.fields["state"] = forms.ChoiceField(choices=Assumption.State.choices)
        super().__init__(data, like=like, leave=("text",))


class DecisionForm(RecordForm):
    model = Decision
    names = ("question", "options", "decider", "decide_by_on", "objective", "consequence")

    def __init__(self, data: QueryDict | None = None, *, row: Decision | None = None) -> None:
        super().__init__(data, row=row)
        self.fields["question"].widget = forms.Textarea(attrs={"rows": "2"})
        self.fields["options"].help_text = _("Each option with what speaks for it and against it.")
        self.fields["decider"] = forms.ModelChoiceField(people(row.decider if row else None), required=False)
        self.fields["objective"] = forms.ModelChoiceField(
            Objective.objects.filter(Q(closed_on=None) | Q(pk=row.objective_id if row else None)).order_by(
                "title", "id"
            ),
            required=False,
        )
        self.fields["consequence"].help_text = _("What follows from it, as far as it is known.")


class BulkDecisionForm(BulkForm):
    """What many decisions can share: who decides, by when, and the objective they serve."""

    def __init__(self, data: QueryDict | None) -> None:
        super().__init__(data, like=DecisionForm(), leave=("question", "options", "consequence"))


class DecideForm(forms.Form):
    answer = forms.CharField(
        max_length=5_000, label=lazy("What was decided"), widget=forms.Textarea(attrs={"rows": "3"})
    )
    consequence = forms.CharField(
        max_length=5_000, required=False, label=lazy("What follows"), widget=forms.Textarea(attrs={"rows": "3"})
    )
    decided_on = DayField(label=lazy("Decided on"))


class ProblemForm(RecordForm):
    model = Problem
    names = ("title", "description", "owner")

    def __init__(self, data: QueryDict | None = None, *, by: User, row: Problem | None = None) -> None:
        super().__init__(data, row=row, initial=None if row else {"owner": by.pk})
        self.fields["description"].help_text = _("What keeps happening, and what would end it.")
        self.fields["owner"] = forms.ModelChoiceField(
            people(row.owner if row else None), help_text=_("Follows it until it is closed.")
        )
        self.order_fields([*self.names])
