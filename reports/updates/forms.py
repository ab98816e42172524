"""The shape of a posted update."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from history.forms import RecordForm
from people.forms import people
from reports.models import Update


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
