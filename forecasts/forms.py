"""The posted shape of the health policy."""

from __future__ import annotations

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as lazy

from forecasts.models import MOST_POLICY_DAYS, HealthPolicy
from forecasts.policy import LIMITS


class PolicyForm(forms.Form):
    """Limits and why they change; ``read_version`` is the policy that they were chosen against."""

    at_risk_days = forms.IntegerField(
        min_value=0,
        max_value=MOST_POLICY_DAYS,
        label=lazy("On track up to, days late"),
        help_text=lazy("P80 of the end milestone against its target. Later than this is at risk."),
    )
    off_track_days = forms.IntegerField(
        min_value=1,
        max_value=MOST_POLICY_DAYS,
        label=lazy("At risk up to, days late"),
        help_text=lazy("Later than this is off track."),
    )
    stale_days = forms.IntegerField(
        min_value=1,
        max_value=MOST_POLICY_DAYS,
        label=lazy("Stale without an update for, days"),
        help_text=lazy("A mark beside the colour, never the colour."),
    )
    reason = forms.CharField(
        max_length=500,
        required=False,
        label=lazy("Why the limits change"),
        help_text=lazy("Needed to save. It stands in the list of versions."),
        widget=forms.Textarea(attrs={"rows": "2"}),
    )
    read_version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)

    def __init__(self, data: QueryDict | None = None, *, standing: HealthPolicy) -> None:
        initial = {name: getattr(standing, name) for name in LIMITS}
        super().__init__(data, initial=initial | {"read_version": standing.version})

    @property
    def limits(self) -> dict[str, int]:
        return {name: self.cleaned_data[name] for name in LIMITS}

    def choose_against(self, standing: HealthPolicy) -> None:
        """Let whoever was overtaken save what they typed: the page now sets it against the policy that stands."""
        typed = QueryDict(mutable=True)
        typed.update(self.data)
        typed["read_version"] = str(standing.version)
        self.data = typed
