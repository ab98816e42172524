"""The posted shapes of milestones, links, requirements, workstreams, baselines and causes of slips."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from history.bulk import BulkForm
from history.days import DayField, SpanField
from history.forms import RecordForm
from milestones.models import Baseline, Dependency, Milestone, Requirement, SlipCause, Workstream
from people.forms import people
from people.models import Team, User
from programs.models import Precision, Program
from programs.permissions import Act, acts

# Work is shown in days of eight hours on every page, whatever calendar a team keeps.
MINUTES = {"m": 1, "h": 60, "d": 480, "w": 5 * 480}
AMOUNT = re.compile(r"([+-]?\d+(?:[.,]\d+)?)\s*(w(?:eeks?)?|d(?:ays?)?|h(?:ours?)?|m(?:in(?:utes?)?)?)?", re.IGNORECASE)
MOST_DIGITS = 16
NEEDED = lazy("Needed when a promised date moves.")


class WorkField(forms.Field):
    """Working time, typed as people say it (“10”, “2w”, “4 h”) and kept in working minutes. A bare number is days."""

    default_error_messages = {
        "work": lazy("Write days, or a number with w, d, h or min: 10, 2w, 4h."),
        "negative": lazy("Work cannot be negative."),
    }

    def __init__(self, *, signed: bool = False, **kwargs: Any) -> None:
        self.signed = signed
        kwargs.setdefault("help_text", lazy("Days, or with a unit: 10, 2w, 4h."))
        super().__init__(**kwargs)

    def to_python(self, value: Any) -> int | None:
        if isinstance(value, int):
            return value
        text = str(value or "").strip().replace("\u2212", "-")
        if not text:
            return None
        found = AMOUNT.fullmatch(text)
        if not found or len(text) > MOST_DIGITS:
            raise ValidationError(self.error_messages["work"], code="work")
        minutes = round(Decimal(found[1].replace(",", ".")) * MINUTES[(found[2] or "d")[0].lower()])
        if minutes < 0 and not self.signed:
            raise ValidationError(self.error_messages["negative"], code="negative")
        return minutes

    def prepare_value(self, value: Any) -> Any:
        """Minutes in the largest unit that says them exactly."""
        if not isinstance(value, int):
            return value
        if value * 100 % MINUTES["d"] == 0:
            return f"{Decimal(value) / MINUTES['d']:f}"
        return f"{value // 60}h" if value % 60 == 0 else f"{value}min"


def causes() -> QuerySet[SlipCause]:
    return SlipCause.objects.filter(retired_on=None).order_by("position", "name", "id")


def cause_field(help_text: Any = NEEDED) -> forms.ModelChoiceField[SlipCause]:
    """Why a promised date moves; asked beside every date that was promised before."""
    return forms.ModelChoiceField(causes(), required=False, label=lazy("Cause of the move"), help_text=help_text)


class MilestoneForm(RecordForm):
    model = Milestone
    names = (
        "name",
        "kind",
        "workstream",
        "owner",
        "team",
        "target_on",
        "target_precision",
        "not_before_on",
        "work_likely",
        "work_low",
        "work_high",
        "started_on",
        "remaining",
        "done_on",
        "cancelled_on",
        "demand_days",
        "is_end",
        "note",
    )
    together: Mapping[str, tuple[str, ...]] = {
        "target_on": ("target_precision", "cause", "reason"),
        "work_likely": ("work_low", "work_high"),
        "started_on": ("remaining",),
    }
    work_likely = WorkField(required=False, label=lazy("Work"))
    work_low = WorkField(required=False, label=lazy("Work, at best"), help_text="")
    work_high = WorkField(required=False, label=lazy("Work, at worst"), help_text="")
    remaining = WorkField(required=False, label=lazy("Work remaining"), help_text=lazy("Of what has started."))

    def __init__(
        self, data: QueryDict | None = None, *, program: Program, by: User, row: Milestone | None = None
    ) -> None:
        super().__init__(data, row=row)
        self.fields["workstream"] = forms.ModelChoiceField(
            program.workstreams.order_by("position", "name", "id"), required=False
        )
        self.fields["owner"] = forms.ModelChoiceField(people(row.owner if row else None), required=False)
        self.fields["team"] = forms.ModelChoiceField(Team.objects.order_by("name", "id"), required=False)
        self.fields["not_before_on"].help_text = _("Work cannot start earlier, whatever it waits for.")
        self.fields["target_on"].help_text = _("The day promised to the outside.")
        self.fields["target_precision"].label = _("Promised to the")
        self.fields["is_end"].help_text = _("The program's forecast is that of its end milestone.")
        self.fields["demand_days"].label = _("Demand, in people-days")
        may_plan = Act.PLAN in acts(by, program)
        if row and row.started_on:
            # Of what has started, the work that remains is what counts.
            self.together = {**self.together, "work_likely": ("work_low", "work_high", "remaining")}
        if row and not may_plan and row.is_end:
            self.fields["is_end"].disabled = True
            self.fields["is_end"].help_text = _("The program's lead gives it another end.")
        if row and row.target_on:
            if may_plan:
                self.fields["cause"] = cause_field()
                self.fields["reason"] = forms.CharField(
                    max_length=500, required=False, label=_("What happened"), help_text=_("Kept with the move.")
                )
                after = self.names.index("target_precision") + 1
                self.order_fields([*self.names[:after], "cause", "reason", *self.names[after:]])
            else:
                self.fields["target_on"].disabled = self.fields["target_precision"].disabled = True
                self.fields["target_on"].help_text = _("Promised: the program's lead moves it.")

    @property
    def move(self) -> dict[str, Any]:
        """Why the target moves, where that was asked."""
        return {name: self.cleaned_data[name] for name in ("cause", "reason") if name in self.fields}


class BulkMilestoneForm(BulkForm):
    """What many milestones can share: no name, no end; a workstream where one program has them all."""

    beside = ("shift", "cause", "reason")
    shift = SpanField(
        required=False, label=lazy("Shift targets by"), help_text=lazy("Those that have one: 10, 2w, -3.")
    )
    cause = cause_field(lazy("Needed when promised dates move."))
    reason = forms.CharField(
        max_length=500, required=False, label=lazy("What happened"), help_text=lazy("Kept with each move.")
    )

    def __init__(self, data: QueryDict | None, rows: list[Milestone], *, by: User) -> None:
        programs = {row.program_id for row in rows}
        leave = ("name", "is_end") if len(programs) == 1 else ("name", "is_end", "workstream")
        super().__init__(data, like=MilestoneForm(program=rows[0].program, by=by), leave=leave)

    def changes_of(self, row: Milestone) -> dict[str, Any]:
        """What to change in one of the rows."""
        changes = self.changes | {name: self.cleaned_data[name] for name in ("cause", "reason")}
        if self.cleaned_data["shift"] and row.target_on:
            changes["target_on"] = row.target_on + timedelta(days=self.cleaned_data["shift"])
            # The end of a quarter ten days later is no end of a quarter.
            changes["target_precision"] = Precision.DAY
        return changes


class WorkstreamForm(RecordForm):
    model = Workstream
    names = ("name", "position")

    def __init__(self, data: QueryDict | None = None, *, row: Workstream | None = None) -> None:
        super().__init__(data, row=row)
        self.fields["position"].help_text = _("Its place in lists: 0 comes first.")


class RequirementForm(RecordForm):
    model = Requirement
    names = ("text", "priority", "milestone", "in_scope", "scope_reason")
    together = {"in_scope": ("scope_reason",)}

    def __init__(
        self, data: QueryDict | None = None, *, program: Program, by: User, row: Requirement | None = None
    ) -> None:
        super().__init__(data, row=row)
        self.fields["text"].label = _("Requirement")
        self.fields["text"].widget = forms.Textarea(attrs={"rows": "3"})
        self.fields["milestone"] = forms.ModelChoiceField(
            program.milestones.filter(Q(cancelled_on=None) | Q(requirements=row)).distinct().order_by("name", "id")
            if row
            else program.milestones.filter(cancelled_on=None).order_by("name", "id"),
            required=False,
            help_text=_("The milestone that delivers it."),
        )
        self.fields["in_scope"].label = _("In scope")
        self.fields["scope_reason"].label = _("Why it is in or out")
        self.fields["scope_reason"].help_text = _("Needed when it is out of scope.")
        if row and Act.PLAN not in acts(by, program):
            self.fields["in_scope"].disabled = True
            self.fields["in_scope"].help_text = _("The program's lead moves it in or out of scope.")


class ProgramChoice(forms.Form):
    """First step of a new link: whose milestone it waits for."""

    program = forms.ModelChoiceField(
        Program.objects.none(), to_field_name="key", label=lazy("Program of the milestone it waits for")
    )

    def __init__(self, data: QueryDict | None, *, viewer: User, first: Program) -> None:
        super().__init__(data, initial={"program": first.key})
        self.fields["program"].queryset = Program.objects.visible_to(viewer).order_by("name", "id")  # type: ignore[attr-defined]


class LinkForm(RecordForm):
    """Second step of a new link: which milestone, and how it waits."""

    model = Dependency
    names = ("predecessor", "kind", "lag", "need_by_on", "note")
    lag = WorkField(
        signed=True, required=False, label=lazy("Lag"), help_text=lazy("Working days between; negative overlaps.")
    )

    def __init__(self, data: QueryDict | None = None, *, giver: Program, receiver: Milestone) -> None:
        super().__init__(data)
        self.fields["predecessor"] = forms.ModelChoiceField(
            giver.milestones.filter(cancelled_on=None).exclude(pk=receiver.pk).order_by("name", "id"),
            label=_("Waits for, in %(name)s") % {"name": giver.name},
        )
        self.fields["kind"].label = _("How it waits")
        if giver.pk == receiver.program_id:
            del self.fields["need_by_on"]
        else:
            self.fields["note"].help_text = _("What exactly is handed over, so that the giver can agree.")

    def clean_lag(self) -> int:
        return self.cleaned_data["lag"] or 0


class DependencyForm(RecordForm):
    """The receiver says how and by when it waits; the giver, by when it is promised."""

    model = Dependency
    names = ("kind", "lag", "need_by_on", "promised_on", "note")
    lag = WorkField(
        signed=True, required=False, label=lazy("Lag"), help_text=lazy("Working days between; negative overlaps.")
    )

    def __init__(
        self, data: QueryDict | None = None, *, row: Dependency, may_receive: bool, may_promise: bool, crosses: bool
    ) -> None:
        super().__init__(data, row=row)
        self.fields["kind"].label = _("How it waits")
        if not crosses:
            del self.fields["need_by_on"], self.fields["promised_on"]
        for name in {"kind", "lag", "need_by_on", "note"} & self.fields.keys():
            self.fields[name].disabled = not may_receive
        if crosses:
            self.fields["promised_on"].disabled = not may_promise
            self.fields["promised_on"].help_text = _("The giver's word.")
            if row.promised_on and may_promise:
                self.fields["cause"] = cause_field()
                self.fields["reason"] = forms.CharField(max_length=500, required=False, label=_("What happened"))

    def clean_lag(self) -> int:
        return self.cleaned_data["lag"] or 0

    @property
    def days(self) -> dict[str, Any]:
        """The days that are changed."""
        return {name: day for name, day in self.changes.items() if name in ("need_by_on", "promised_on")}

    @property
    def move(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in ("cause", "reason") if name in self.fields}


TAKEN_BACK = "not_delivered_"


class FromList(forms.Form):
    """A form that also stands on the rows of a list, and leads back to it."""

    back = forms.CharField(required=False, widget=forms.HiddenInput)

    def clean_back(self) -> str:
        """The address of the list, if it is one of ours."""
        back = str(self.cleaned_data["back"])
        return back if back.startswith("/") and url_has_allowed_host_and_scheme(back, allowed_hosts=None) else ""


class AnswerForm(FromList):
    """The giver's answer to a hand-off."""

    agreement = forms.ChoiceField(
        label=lazy("Answer"),
        widget=forms.RadioSelect,
        choices=[
            (Dependency.Agreement.ACCEPTED, lazy("Accept: it will be there")),
            (Dependency.Agreement.COUNTERED, lazy("Offer another day, and say why")),
            (Dependency.Agreement.DECLINED, lazy("Decline, with a reason")),
            (Dependency.Agreement.DELIVERED, lazy("It is delivered")),
        ],
    )
    promised_on = DayField(label=lazy("Promised by"), required=False)
    cause = cause_field()
    note = forms.CharField(
        required=False, max_length=5_000, label=lazy("Note to the receiver"), widget=forms.Textarea(attrs={"rows": "3"})
    )

    def __init__(self, data: QueryDict | None = None, *, row: Dependency) -> None:
        is_delivered = row.agreement == Dependency.Agreement.DELIVERED
        answered = "" if is_delivered or row.agreement == Dependency.Agreement.PROPOSED else row.agreement
        if row.predecessor.done_on and not is_delivered:
            answered = Dependency.Agreement.DELIVERED  # what is left to say of it
        super().__init__(data, initial={"agreement": answered, "promised_on": row.promised_on or row.need_by_on})
        if is_delivered:
            # All that is left to say of it is that it is not. An answer from before it was delivered does not say that.
            field: Any = self.fields["agreement"]  # Any: type checkers do not see that it has choices
            field.choices = [
                (f"{TAKEN_BACK}{Dependency.Agreement.ACCEPTED}", _("It will be there: it stays agreed")),
                (f"{TAKEN_BACK}{Dependency.Agreement.DECLINED}", _("It will not come: decline, with a reason")),
            ]
            told = _("This hand-off is delivered. If it is not after all, say so here.")
            field.error_messages["invalid_choice"] = told
        self.stands_on = row.promised_on
        if row.promised_on:
            self.fields["promised_on"].help_text = _("Left empty, the day promised before stands.")
        if not row.promised_on:
            del self.fields["cause"]

    def clean_agreement(self) -> str:
        return str(self.cleaned_data["agreement"]).removeprefix(TAKEN_BACK)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("agreement") == Dependency.Agreement.DECLINED:
            # The field offers the day needed: who declines does not promise it by leaving it there.
            cleaned["promised_on"] = None
        return cleaned

    @property
    def days(self) -> dict[str, Any]:
        """What the answer changes; with a promise, or the offer of one, its day even where that stands as it was."""
        agreement = self.cleaned_data["agreement"]
        if agreement in (Dependency.Agreement.DECLINED, Dependency.Agreement.DELIVERED):
            return {"agreement": agreement}
        return {"agreement": agreement, "promised_on": self.cleaned_data["promised_on"] or self.stands_on}


class ReplyForm(FromList):
    """The receiver's reply to a giver who offers another day, or declines."""

    agreement = forms.ChoiceField(label=lazy("Reply"), widget=forms.RadioSelect)
    need_by_on = DayField(
        label=lazy("Needed by"), required=False, help_text=lazy("Left empty, the day stays as it is.")
    )
    note = forms.CharField(
        required=False, max_length=5_000, label=lazy("Note to the giver"), widget=forms.Textarea(attrs={"rows": "3"})
    )

    def __init__(self, data: QueryDict | None = None, *, row: Dependency) -> None:
        super().__init__(data, initial={"need_by_on": row.need_by_on})
        again = [(Dependency.Agreement.PROPOSED, _("Ask again: by another day, or with other words"))]
        offered = row.agreement == Dependency.Agreement.COUNTERED
        self.fields["agreement"].choices = (  # type: ignore[attr-defined]
            [(Dependency.Agreement.ACCEPTED, _("Take the day offered")), *again] if offered else again
        )

    @property
    def days(self) -> dict[str, Any]:
        """What the reply changes."""
        need_by_on = self.cleaned_data["need_by_on"]
        return {"agreement": self.cleaned_data["agreement"]} | ({"need_by_on": need_by_on} if need_by_on else {})


class BaselineForm(RecordForm):
    model = Baseline
    names = ("name", "cause", "note")

    def __init__(self, data: QueryDict | None = None, *, is_first: bool) -> None:
        super().__init__(data)
        self.fields["note"].widget = forms.Textarea(attrs={"rows": "3"})
        if is_first:
            del self.fields["cause"]
        else:
            self.fields["cause"] = cause_field(_("A new baseline moves promised dates."))


class SlipCauseForm(RecordForm):
    model = SlipCause
    names = ("name", "position")
