"""How often forecasts came true."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from forecasts import accuracy
from forecasts.api.asking import PROGRAM_PARAMETER, WEEKS_PARAMETER, one_program, only_known, weeks_of
from forecasts.models import IssuedForecast
from people.services import today
from programs.models import Program
from tpm.api import Endpoint


class KeptOut(serializers.Serializer[Any]):
    level = serializers.FloatField()
    share = serializers.FloatField()
    low = serializers.FloatField(help_text="Of the 95 % band.")
    high = serializers.FloatField()
    milestones = serializers.IntegerField(help_text="Each has one vote.")
    due = serializers.IntegerField()
    least = serializers.FloatField(help_text="The share of all forecasts if none that can still come true does.")
    most = serializers.FloatField()


class BinOut(serializers.Serializer[Any]):
    chance = serializers.FloatField()
    share = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()
    forecasts = serializers.IntegerField()
    milestones = serializers.IntegerField()


class BiasOut(serializers.Serializer[Any]):
    least_days = serializers.FloatField(allow_null=True, help_text="Median days from P50 to the finish.")
    most_days = serializers.FloatField(allow_null=True, help_text="Null where open ones leave it open.")
    due = serializers.IntegerField()
    chance = serializers.FloatField(allow_null=True)
    foretold = serializers.IntegerField()


class BiasedOut(serializers.Serializer[Any]):
    program = serializers.CharField(required=False)
    team = serializers.IntegerField(required=False, allow_null=True)
    scored = serializers.IntegerField()
    milestones = serializers.IntegerField()
    kept = KeptOut(allow_null=True, help_text="Of P80.")
    bias = BiasOut()


class BrierOut(serializers.Serializer[Any]):
    score = serializers.FloatField()
    reliability = serializers.FloatField()
    resolution = serializers.FloatField()
    uncertainty = serializers.FloatField()
    within_bins = serializers.FloatField()
    bias = serializers.FloatField()
    n = serializers.IntegerField()


class ExpertOut(serializers.Serializer[Any]):
    n = serializers.IntegerField()
    still_open = serializers.IntegerField()
    crps = serializers.FloatField(allow_null=True, help_text="In days.")
    plan_crps = serializers.FloatField(allow_null=True)
    skill = serializers.FloatField(allow_null=True)
    pit = serializers.ListField(child=serializers.FloatField())
    brier = BrierOut(allow_null=True)


class AccuracyOut(serializers.Serializer[Any]):
    issued = serializers.IntegerField()
    milestones = serializers.IntegerField()
    scored = serializers.IntegerField()
    finished = serializers.IntegerField()
    is_enough = serializers.BooleanField(help_text=f"Whether {accuracy.ENOUGH} forecasts or more are scored.")
    kept = KeptOut(many=True)
    reliability = BinOut(many=True, source="bins")
    bias = BiasOut()
    brier = serializers.FloatField(allow_null=True)
    programs = BiasedOut(many=True)
    teams = BiasedOut(many=True)
    scores = ExpertOut()


FOUND = ("issued", "milestones", "scored", "finished", "is_enough", "kept", "bins", "bias", "brier")


class Accuracy(Endpoint):
    @extend_schema(operation_id="accuracy", parameters=[PROGRAM_PARAMETER, WEEKS_PARAMETER], responses=AccuracyOut)
    def get(self, request: Request) -> Response:
        """How often kept forecasts came true, their bias by program and team, and their scores."""
        only_known(request, "program", "weeks")
        program = one_program(request)
        rows = IssuedForecast.objects.visible_to(request.user)
        if program:
            rows = rows.filter(program=program)
        day = today(timezone.now())
        ledger = accuracy.load(rows, today=day, weeks=weeks_of(request, 26), levels=accuracy.LEVELS)
        plain = ledger.at_levels(accuracy.P50, accuracy.P80)
        found, groups = accuracy.score(plain), accuracy.by_program(plain)
        keys = dict(Program.objects.filter(pk__in=[group.key for group in groups]).values_list("pk", "key"))
        shown = {
            **{name: getattr(found, name) for name in FOUND},
            "programs": [_group(group) | {"program": keys[group.key]} for group in groups],
            "teams": [_group(group) | {"team": group.key or None} for group in accuracy.by_team(plain)],
            "scores": accuracy.examine(ledger),
        }
        return Response(AccuracyOut(shown).data)


def _group(group: accuracy.Group) -> dict[str, Any]:
    return {name: getattr(group, name) for name in ("scored", "milestones", "kept", "bias")}
