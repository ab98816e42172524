"""The shape of posted pages."""

from __future__ import annotations

from django import forms

from history.forms import RecordForm
from people.models import WEEKDAYS
from reports.models import Subscription, Update


class UpdateForm(RecordForm):
    model = Update
    names = ("health", "text", "ask", "path_to_green")

    text = forms.CharField(
        label="What happened",
        max_length=20_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text="Markdown. Days and dates: say against what.",
    )
    ask = forms.CharField(
        max_length=5_000,
        required=False,
        widget=forms.Textarea,
        help_text="What you need, from whom, by when. It goes into the weekly letter.",
    )
    path_to_green = forms.CharField(
        label="Path to green",
        max_length=5_000,
        required=False,
        widget=forms.Textarea,
        help_text="When at risk or off track: what brings it back, who does it, by when.",
    )


class SubscriptionForm(RecordForm):
    model = Subscription
    names = ("weekday", "hour")

    weekday = forms.TypedChoiceField(coerce=int, choices=list(enumerate(day.capitalize() for day in WEEKDAYS)))
    hour = forms.TypedChoiceField(coerce=int, choices=[(hour, f"{hour:02}:00") for hour in range(24)])
