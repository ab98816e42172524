"""The health policy, its versions and its preview."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from forecasts.models import HealthPolicy
from forecasts.policy import LIMITS, newest_policy, preview, proposed
from forecasts.services import change_policy
from people.models import User
from people.permissions import OrgAct, require
from people.services import today
from programs.models import Health, Program
from tpm.nouns import (
    LARGEST_ID,
    NUMBER,
    REFERENCE,
    Creatable,
    Filters,
    In,
    Out,
)


class PolicyOut(Out[HealthPolicy]):
    id = serializers.IntegerField(source="version", read_only=True)

    class Meta:
        model = HealthPolicy
        fields = ["id", *LIMITS, "version", "created_at", "created_by", "reason"]


class PolicyLimits(In[HealthPolicy]):
    class Meta:
        model = HealthPolicy
        fields = list(LIMITS)


class PolicyIn(PolicyLimits):
    reason = serializers.CharField(max_length=500)
    read_version = serializers.IntegerField(min_value=1, max_value=LARGEST_ID)

    class Meta:
        model = HealthPolicy
        fields = [*LIMITS, "reason", "read_version"]


class TurnOut(serializers.Serializer[Any]):
    """A program that other limits would judge otherwise."""

    program = serializers.CharField()
    before = serializers.ChoiceField(choices=Health.choices)
    after = serializers.ChoiceField(choices=Health.choices)
    was_stale = serializers.BooleanField()
    is_stale = serializers.BooleanField()
    slip_days = serializers.IntegerField(allow_null=True)


class PreviewOut(serializers.Serializer[Any]):
    programs = TurnOut(many=True)


class PolicyFilters(Filters):
    class Meta(Filters.Meta):
        model = HealthPolicy
        fields = {"version": NUMBER, "created_by": REFERENCE}


class HealthPolicies(Creatable[HealthPolicy]):
    """The limits that derived health is judged by, a row a version; the newest counts.

    Creating one adds a version: limits that are left out stay, ``read_version`` is the version they were chosen
    against.
    """

    queryset = HealthPolicy.objects.all()
    out, new = PolicyOut, PolicyIn
    filterset_class = PolicyFilters
    sorts = {"version": "version"}
    default_sort = "-version"

    def add(self, user: User, fields: dict[str, Any]) -> HealthPolicy:
        reason, read = fields.pop("reason"), fields.pop("read_version")
        policy = proposed(newest_policy(), fields)
        limits = {name: getattr(policy, name) for name in LIMITS}
        return change_policy(by=user, at=timezone.now(), reason=reason, read_version=read, **limits)

    @extend_schema(responses=PreviewOut)
    @action(detail=False, methods=["post"], serializer_class=PolicyLimits)
    def preview(self, request: Request, **kwargs: Any) -> Response:
        """The programs that these limits would judge otherwise, on the facts of now. Nothing is saved."""
        require(self.user, OrgAct.CHANGE_POLICY)
        standing = newest_policy()
        policy = proposed(standing, self.taken(request))
        keys = dict(Program.objects.visible_to(self.user).order_by("pk").values_list("pk", "key"))
        turns = preview(standing, policy, keys, today(timezone.now()))
        return Response(
            PreviewOut({"programs": [asdict(turn) | {"program": keys[turn.program]} for turn in turns]}).data
        )
