"""What waits for what, with how each hand-off stands: the pages' own verdict, which knows forecasts."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import OuterRef, QuerySet, Subquery
from django_filters import rest_framework as filters
from rest_framework import serializers

from dashboards.hand_offs import hand_offs
from milestones import api as milestones
from milestones.hand_offs import State


class DependencyOut(milestones.DependencyOut):
    state = serializers.ChoiceField(
        State.choices,
        allow_null=True,
        read_only=True,
        help_text="Of a hand-off that is there or awaited, by the days that the reader sees; of any other link, none.",
    )

    class Meta(milestones.DependencyOut.Meta):
        fields = [*milestones.DependencyOut.Meta.fields, "state"]


class DependenciesFilters(milestones.DependenciesFilters):
    state = filters.ChoiceFilter(method="standing", choices=State.choices)

    def standing(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        reader = self.request.user if self.request else AnonymousUser()
        return rows.filter(pk__in=hand_offs(reader).filter(state=value).values("pk"))


class Dependencies(milestones.Dependencies):
    """What waits for what. Across programs a link is a hand-off, with how it stands; an end in a private program shows
    only that."""

    out = DependencyOut
    filterset_class = DependenciesFilters

    def get_queryset(self) -> QuerySet[Any]:
        same = hand_offs(self.request.user).filter(pk=OuterRef("pk"))
        rows: QuerySet[Any] = super().get_queryset().annotate(state=Subquery(same.values("state")[:1]))
        return rows
