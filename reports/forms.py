"""The shape of posted pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from history.forms import RecordForm
from people.forms import people
from people.models import User
from programs.models import Program
from reports.lint import RULES, Level
from reports.models import LintPolicy, Review, ReviewAction, Update
from reports.strictness import levels_of, version_of


class UpdateForm(RecordForm):
    """What a lead writes; of a correction also what it corrects."""

    model = Update
    names = ("correction", "health", "cause", "text", "path_to_green", "path_owner", "path_on", "ask")

    cause = forms.CharField(
        label=lazy("Why it stands so"),
        max_length=5_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=lazy("The cause, when it is not on track. Where you differ from the data: what they miss."),
    )
    text = forms.CharField(
        label=lazy("What happened"),
        max_length=20_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 12}),
        help_text=lazy("Markdown. A new draft begins with what the records say. Days and dates: say against what."),
    )
    path_to_green = forms.CharField(
        label=lazy("Path to green"),
        max_length=5_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=lazy("When at risk or off track: what brings it back."),
    )
    ask = forms.CharField(
        label=lazy("Ask"),
        max_length=5_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=lazy("What you need, from whom, by when; or that you need nothing. Leadership reads it first."),
    )

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        row: Update | None = None,
        initial: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(data, row=row, initial=initial)
        owner = row.path_owner if row else None
        self.fields["path_owner"] = forms.ModelChoiceField(people(owner), required=False, label=_("Who brings it back"))
        self.fields["path_on"].label = _("Back on track by")
        # From the reminder to the keyboard without a detour: what is most often another word than last week.
        self.fields["health"].widget.attrs["autofocus"] = True
        if row is None or row.corrects_id is None:
            del self.fields["correction"]
        self.order_fields([*self.names])


class RulesForm(forms.Form):
    """The level of every rule, and why they change; ``read_version`` is the one that they were chosen against."""

    names = tuple(rule.name for rule in RULES)  # of what a version keeps

    reason = forms.CharField(
        max_length=500,
        label=lazy("Why the rules change"),
        help_text=lazy("It stands in the list of versions."),
        widget=forms.Textarea(attrs={"rows": "2"}),
    )
    read_version = forms.IntegerField(min_value=0, widget=forms.HiddenInput)

    def __init__(self, data: QueryDict | None = None, *, standing: LintPolicy | None) -> None:
        levels = levels_of(standing)
        super().__init__(data, initial=levels | {"read_version": version_of(standing)})
        for rule in RULES:
            self.fields[rule.name] = forms.ChoiceField(choices=Level.choices, label=str(rule.label))
        self.order_fields([*levels, "reason", "read_version"])

    @property
    def chosen(self) -> dict[str, Any]:
        """What the service takes."""
        levels = {name: self.cleaned_data[name] for name in self.names}
        return {"levels": levels} | {name: self.cleaned_data[name] for name in ("reason", "read_version")}


class ReviewForm(RecordForm):
    model = Review
    names = ("held_on", "chair", "agenda", "notes")

    def __init__(
        self, data: QueryDict | None = None, *, row: Review | None = None, initial: dict[str, Any] | None = None
    ) -> None:
        super().__init__(data, row=row, initial=initial)
        self.fields["chair"] = forms.ModelChoiceField(people(row.chair if row else None))
        self.fields["agenda"].help_text = _("A line a point. Everybody in the organisation reads it, and the notes.")
        self.order_fields([*self.names])


class ReviewActionForm(RecordForm):
    model = ReviewAction
    names = ("text", "owner", "due_on", "program", "done_on")

    def __init__(self, data: QueryDict | None = None, *, viewer: User, row: ReviewAction | None = None) -> None:
        super().__init__(data, row=row)
        self.fields["text"].label = _("What is to be done")
        self.fields["owner"] = forms.ModelChoiceField(people(row.owner if row else None))
        programs = Program.objects.visible_to(viewer).order_by("name", "id")
        self.fields["program"] = forms.ModelChoiceField(programs, required=False)
        if row is None:
            del self.fields["done_on"]
        self.order_fields([*self.names])
