"""How good plans are, and how their forecasts moved."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from forecasts import quality
from forecasts.api.asking import PROGRAM_PARAMETER, WEEKS_PARAMETER, one_program, only_known, weeks_of
from forecasts.trends import lines_of
from people.services import today
from programs.models import Program
from tpm.api import Endpoint


class CheckOut(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    name = serializers.CharField()
    threshold = serializers.FloatField(allow_null=True)
    at_least = serializers.BooleanField()
    count = serializers.IntegerField()
    of = serializers.IntegerField()
    value = serializers.FloatField(allow_null=True)
    passes = serializers.BooleanField(allow_null=True)
    milestones = serializers.ListField(child=serializers.IntegerField(), help_text="Ids to look at.")


class ChecksOut(serializers.Serializer[Any]):
    program = serializers.CharField()
    checks = CheckOut(many=True)
    left_out = serializers.ListField(child=serializers.IntegerField(), help_text="Milestones that no check sees.")


class QualityOut(serializers.Serializer[Any]):
    together = CheckOut(many=True)
    programs = ChecksOut(many=True)


class Quality(Endpoint):
    @extend_schema(operation_id="quality", parameters=[PROGRAM_PARAMETER], responses=QualityOut)
    def get(self, request: Request) -> Response:
        """The fourteen checks of the DCMA over each open program that you see, or over one.

        Number 15 is ours: links that progress has broken.
        """
        only_known(request, "program")
        program = one_program(request)
        visible = Program.objects.visible_to(request.user)
        keys = {program.pk: program.key} if program else dict(visible.open().values_list("pk", "key"))
        judged = quality.judge(keys, today=today(timezone.now()))
        rows = [{"program": keys[row.program], "checks": row.checks, "left_out": row.left_out} for row in judged]
        return Response(QualityOut({"together": quality.together(judged), "programs": rows}).data)


class ReportOut(serializers.Serializer[Any]):
    day = serializers.DateField()
    p10_on = serializers.DateField()
    p50_on = serializers.DateField()
    p80_on = serializers.DateField()
    p90_on = serializers.DateField()


class LineOut(serializers.Serializer[Any]):
    milestone = serializers.IntegerField(source="milestone.pk")
    rule = serializers.CharField(source="reading.rule.value", help_text="What it reads as, T-1 to T-10.")
    meets_on = serializers.DateField(source="reading.meets_on", allow_null=True)
    slope = serializers.FloatField(source="trend.slope", allow_null=True, default=None, help_text="Days a day.")
    drift_days = serializers.IntegerField()
    recent_days = serializers.IntegerField()
    moved_later = serializers.IntegerField()
    steps = serializers.IntegerField()
    reports = ReportOut(many=True)


class TrendsOut(serializers.Serializer[Any]):
    milestones = LineOut(many=True)


class Trends(Endpoint):
    @extend_schema(operation_id="trends", parameters=[WEEKS_PARAMETER], responses=TrendsOut)
    def get(self, request: Request, key: str) -> Response:
        """How the forecast of each milestone moved from report to report; the last report is that of today."""
        only_known(request, "weeks")
        program = Program.objects.visible_to(request.user).filter(key=key).first()
        if program is None:
            raise Http404
        lines = lines_of(program, today=today(timezone.now()), weeks=weeks_of(request, 14))
        return Response(TrendsOut({"milestones": lines}).data)
