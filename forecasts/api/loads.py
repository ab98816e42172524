"""The load of teams."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from forecasts.api.asking import only_known
from forecasts.loads import WEEKS, load_of
from people.models import Team
from people.services import today
from tpm.api import Endpoint


class WeekOut(serializers.Serializer[Any]):
    """One ISO week, in people-days; without a capacity there is no load, and nothing is overloaded."""

    monday = serializers.DateField()
    demand_days = serializers.FloatField()
    capacity_days = serializers.FloatField(allow_null=True)
    load = serializers.FloatField(allow_null=True)
    overload_days = serializers.FloatField()


class LoadOut(serializers.Serializer[Any]):
    team = serializers.IntegerField()
    limits_work = serializers.BooleanField()
    undated_days = serializers.FloatField(help_text="People-days of milestones without a forecast: in no week.")
    weeks = WeekOut(many=True)


class Load(Endpoint):
    @extend_schema(operation_id="teams_load", responses=LoadOut)
    def get(self, request: Request, pk: int) -> Response:
        """What a team is asked for against what it can do in the next 26 weeks, by the programs that you see."""
        only_known(request)
        team, viewer = Team.objects.filter(pk=pk).first(), request.user
        if team is None:
            raise exceptions.NotFound(_("There is nothing here, or nothing that you may see."))
        found = load_of(team, viewer, today=today(timezone.now()), weeks=WEEKS)
        return Response(
            {
                "team": team.pk,
                "limits_work": team.limits_work,
                "undated_days": round(sum(one.demand for one in found.undated), 2),
                "weeks": [
                    {
                        "monday": week.monday.isoformat(),
                        "demand_days": round(week.demand, 2),
                        "capacity_days": None if week.capacity is None else round(week.capacity, 2),
                        "load": None if week.load is None else round(week.load, 4),
                        "overload_days": week.overload,
                    }
                    for week in found.weeks
                ],
            }
        )
