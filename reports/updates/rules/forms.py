"""The shape of posted rules for updates."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as lazy

from reports.models import LintPolicy
from reports.updates.rules.lint import RULES, Level
from reports.updates.rules.strictness import levels_of, version_of


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
