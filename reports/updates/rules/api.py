"""The rules for updates."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from rest_framework import serializers

from people.models import User
from reports.models import LintPolicy
from reports.updates.rules import strictness
from reports.updates.rules.lint import LEVELS, Level
from tpm.nouns import LARGEST_ID, Creatable, In, Out


class RulesOut(Out[LintPolicy]):
    id = serializers.IntegerField(source="version", read_only=True)
    levels = serializers.SerializerMethodField(help_text="Every rule with its level in this version.")

    class Meta:
        model = LintPolicy
        fields = ["id", "levels", "version", "created_at", "created_by", "reason"]

    def get_levels(self, policy: LintPolicy) -> dict[str, str]:
        return {name: level.value for name, level in strictness.levels_of(policy).items()}


class RulesIn(In[LintPolicy]):
    levels = serializers.DictField(
        child=serializers.ChoiceField(choices=Level.choices), help_text=f"By rule: {', '.join(LEVELS)}."
    )
    reason = serializers.CharField(max_length=500)
    read_version = serializers.IntegerField(min_value=0, max_value=LARGEST_ID, help_text="0 is what ships.")

    class Meta:
        model = LintPolicy
        fields = ["levels", "reason", "read_version"]


class UpdateRules(Creatable[LintPolicy]):
    """How strict the rules for updates are, a row a version; the newest counts, and without any what ships.

    Creating one adds a version: rules that are left out stay, ``read_version`` is the version they were chosen against.
    """

    queryset = LintPolicy.objects.all()
    out, new = RulesOut, RulesIn
    sorts = {"version": "version"}
    default_sort = "-version"

    def add(self, user: User, fields: dict[str, Any]) -> LintPolicy:
        return strictness.change_rules(by=user, at=timezone.now(), **fields)
