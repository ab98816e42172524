"""The posted shapes of programs, roles, slots, phases and gates, related programs and objectives."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Q
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from history.forms import RecordForm
from people.forms import people
from people.models import Team, User
from programs.models import Comment, GateAction, GateCriterion, Objective, Phase, Program, RelatedLink, Role, Slot
from programs.permissions import Act, acts

ROLES_IN_WORDS = lazy(
    "A lead changes everything, a contributor edits and agrees hand-offs, a viewer sees and comments."
)


def evidence_field(label: Any) -> forms.URLField:
    return forms.URLField(
        required=False, max_length=500, assume_scheme="https", label=label, help_text=lazy("A link to what shows it.")
    )


class KeyField(forms.CharField):
    """A program's key, in capitals however it was typed."""

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value) or "").upper()


class ProgramForm(RecordForm):
    """A program's own fields; ``related`` holds those that live in rows of their own."""

    model = Program
    names = (
        "name",
        "key",
        "summary",
        "area",
        "rank",
        "lead",
        "sponsor",
        "owning_team",
        "state",
        "target_on",
        "target_precision",
        "visibility",
    )
    key = KeyField(max_length=16, help_text=lazy("Short and for good, such as NA4: it stands in every link."))

    def __init__(self, data: QueryDict | None = None, *, by: User, row: Program | None = None) -> None:
        aligned = list(row.alignments.values_list("objective_id", flat=True)) if row else []
        partners = list(row.partners.values_list("team_id", flat=True)) if row else []
        given: dict[str, Any] = {"objectives": aligned, "partner_teams": partners}
        super().__init__(data, row=row, initial=given if row else given | {"lead": by.pk})
        allowed = acts(by, row) if row else frozenset(Act)
        teams = Team.objects.order_by("name", "id")
        self.fields["lead"] = forms.ModelChoiceField(people(row.lead if row else None), required=False)
        self.fields["sponsor"] = forms.ModelChoiceField(people(row.sponsor if row else None), required=False)
        self.fields["owning_team"] = forms.ModelChoiceField(teams, required=False)
        self.fields["partner_teams"] = forms.ModelMultipleChoiceField(
            teams, required=False, widget=forms.CheckboxSelectMultiple
        )
        self.fields["objectives"] = forms.ModelMultipleChoiceField(
            Objective.objects.filter(Q(closed_on=None) | Q(pk__in=aligned)).order_by("title", "id"),
            required=False,
            widget=forms.CheckboxSelectMultiple,
            label=_("Objectives that it serves"),
        )
        for name in ("partner_teams", "objectives"):
            if not self.fields[name].queryset.exists():  # type: ignore[attr-defined]
                del self.fields[name]
        self.fields["area"].help_text = _("Such as Regions, Compute or Reliability.")
        self.fields["lead"].help_text = _("Answers for it, and changes everything in it.")
        self.fields["sponsor"].help_text = _("Decides for it.")
        self.fields["target_on"].help_text = _("The day promised to the outside; of a period, its last day.")
        self.fields["target_precision"].label = _("Promised to the")
        self.fields["rank"].required = False
        if row:
            self.fields["key"].disabled = True
            self.fields["key"].help_text = _("It stays: it stands in every link.")
        if Act.MANAGE not in allowed:
            for name in ("lead", "sponsor", "visibility"):
                self.fields[name].disabled = True
        if Act.PLAN not in allowed:
            for name in ("state", "target_on", "target_precision"):
                self.fields[name].disabled = True
            self.fields["target_on"].help_text = _("The program's lead moves it.")
        if Act.RANK not in allowed:
            self.fields["rank"].disabled = True
            self.fields["rank"].help_text = _("The program's lead ranks it.")
        self.order_fields([*self.names])

    def clean_rank(self) -> int:
        return self.cleaned_data["rank"] or 0

    @property
    def related(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in ("partner_teams", "objectives") if name in self.fields}


class CommentForm(RecordForm):
    model = Comment
    names = ("text",)

    def __init__(self, data: QueryDict | None = None, *, program: Program, row: Comment | None = None) -> None:
        super().__init__(data, row=row)
        self.fields["text"].help_text = _("Plain text. @ and a name tells somebody who sees the program.")
        self.fields["text"].widget.attrs["data-mentions"] = f"{program.get_absolute_url()}/mentions"


class RoleForm(RecordForm):
    model = Role
    names = ("user", "kind")

    def __init__(self, data: QueryDict | None = None, *, program: Program, row: Role | None = None) -> None:
        super().__init__(data, row=row)
        self.fields["user"] = forms.ModelChoiceField(
            people(None).exclude(roles__program=program) if row is None else people(row.user), label=_("Person")
        )
        self.fields["kind"].help_text = ROLES_IN_WORDS
        if row:
            self.fields["user"].disabled = True
        self.order_fields([*self.names])


class SlotForm(RecordForm):
    model = Slot
    names = ("title", "team", "person", "agreed_on")

    def __init__(self, data: QueryDict | None = None, *, row: Slot | None = None) -> None:
        super().__init__(data, row=row)
        self.fields["team"] = forms.ModelChoiceField(
            Team.objects.order_by("name", "id"), required=False, help_text=_("Who is to send somebody.")
        )
        self.fields["person"] = forms.ModelChoiceField(
            people(row.person if row else None), required=False, empty_label=_("Nobody yet: open")
        )
        self.fields["title"].help_text = _("What the program needs, such as “Network engineer”.")
        self.fields["agreed_on"].help_text = _("When the person and their team agreed.")
        self.order_fields([*self.names])


class PhaseForm(RecordForm):
    model = Phase
    names = ("kind", "starts_on", "gate_on", "approver", "evidence_url")
    evidence_url = evidence_field(lazy("Evidence for the gate"))

    def __init__(self, data: QueryDict | None = None, *, program: Program, row: Phase | None = None) -> None:
        super().__init__(data, row=row)
        self.fields["approver"] = forms.ModelChoiceField(
            people(row.approver if row else None), required=False, help_text=_("Decides the gate at its end.")
        )
        self.fields["kind"].label = _("Phase")
        if row:
            self.fields["kind"].disabled = True
        else:
            taken = set(program.phases.values_list("kind", flat=True))
            self.fields["kind"] = forms.ChoiceField(
                label=_("Phase"), choices=[choice for choice in Phase.Kind.choices if choice[0] not in taken]
            )
        self.order_fields([*self.names])


class DecisionForm(forms.Form):
    """What the approver says at a gate; at the last one, how the whole program went."""

    decision = forms.ChoiceField(label=lazy("Decision"), choices=Phase.Decision.choices, widget=forms.RadioSelect)
    note = forms.CharField(
        required=False,
        max_length=20_000,
        label=lazy("Conditions, or why"),
        widget=forms.Textarea(attrs={"rows": "3"}),
    )
    target_met = forms.TypedChoiceField(
        required=False,
        label=lazy("Target met?"),
        choices=[("yes", lazy("Yes")), ("no", lazy("No"))],
        coerce=lambda answer: answer == "yes",
        empty_value=None,
        widget=forms.RadioSelect,
    )
    lessons = forms.CharField(
        required=False,
        max_length=20_000,
        label=lazy("Lessons"),
        widget=forms.Textarea(attrs={"rows": "5"}),
        help_text=lazy("What others should know who start something like this."),
    )

    def __init__(self, data: QueryDict | None = None, *, row: Phase) -> None:
        met = {True: "yes", False: "no", None: ""}[row.target_met]
        super().__init__(
            data,
            initial={"decision": row.decision, "note": row.note, "target_met": met, "lessons": row.lessons},
        )
        if not row.is_last:
            del self.fields["target_met"], self.fields["lessons"]


class CriterionForm(RecordForm):
    model = GateCriterion
    names = ("text", "met_on", "evidence_url")
    text = forms.CharField(
        max_length=500, label=lazy("What must be true"), widget=forms.Textarea(attrs={"rows": "2", "autofocus": True})
    )
    evidence_url = evidence_field(lazy("Evidence"))


class GateActionForm(RecordForm):
    model = GateAction
    names = ("text", "owner", "due_on", "done_on")
    text = forms.CharField(max_length=500, label=lazy("What is to be done"), widget=forms.Textarea(attrs={"rows": "2"}))

    def __init__(self, data: QueryDict | None = None, *, row: GateAction | None = None) -> None:
        super().__init__(data, row=row)
        self.fields["owner"] = forms.ModelChoiceField(people(row.owner if row else None), required=False)
        self.order_fields([*self.names])


class RelatedForm(forms.Form):
    kind = forms.ChoiceField(choices=RelatedLink.Kind.choices, label=lazy("How they are related"))
    other = forms.ModelChoiceField(Program.objects.none(), to_field_name="key", label=lazy("Program"))

    def __init__(self, data: QueryDict | None = None, *, program: Program, viewer: User) -> None:
        super().__init__(data)
        others = Program.objects.visible_to(viewer).exclude(pk=program.pk).order_by("name", "id")
        self.fields["other"].queryset = others  # type: ignore[attr-defined]


class ObjectiveForm(RecordForm):
    model = Objective
    names = (
        "title",
        "parent",
        "owner",
        "measure",
        "start_value",
        "current_value",
        "target_value",
        "period_start_on",
        "period_end_on",
        "closed_on",
    )

    together = {"period_end_on": ("period_start_on",)}

    def __init__(self, data: QueryDict | None = None, *, row: Objective | None = None) -> None:
        super().__init__(data, row=row)
        above = Objective.objects.exclude(pk=row.pk) if row else Objective.objects.all()
        self.fields["parent"] = forms.ModelChoiceField(
            above.order_by("title", "id"), required=False, label=_("Part of"), empty_label=_("Nothing larger")
        )
        self.fields["owner"] = forms.ModelChoiceField(people(row.owner if row else None), required=False)
        self.fields["measure"].help_text = _("What is counted, with its unit: “racks in service”.")
        self.fields["start_value"].help_text = _("Progress counts from here; empty is 0.")
        self.fields["current_value"].label = _("Measured now")
        self.fields["target_value"].label = _("Target")
        self.fields["period_start_on"].label = _("From")
        self.fields["period_end_on"].label = _("Until")
        self.fields["closed_on"].label = _("Closed on")
        self.fields["closed_on"].help_text = _("A closed objective is offered to programs no more.")
        if row is None:
            del self.fields["closed_on"]
        self.order_fields([*self.names])
