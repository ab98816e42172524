"""Updates that are due or late, and the agenda of a program's sync."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from dashboards.weekly.owed import ask_late, read, with_changes
from forecasts.api.asking import only_known
from forecasts.policy import newest_policy
from people.services import organisation_zone, today
from reports.updates.due import owed_by
from tpm.api import Endpoint
from tpm.nouns import NoFields


class OwedOut(serializers.Serializer[Any]):
    program = serializers.CharField(source="owed.program.key")
    due_on = serializers.DateField(source="owed.due_on")
    is_due = serializers.BooleanField(source="owed.is_due", help_text="Today, past, or within three days.")
    last = serializers.IntegerField(
        source="owed.last.pk", allow_null=True, default=None, help_text="The update before it."
    )
    draft = serializers.IntegerField(source="owed.draft.pk", allow_null=True, default=None)
    since_on = serializers.DateField(allow_null=True, help_text="The day that changes count from, once it is due.")
    changes = serializers.ListField(child=serializers.CharField(), help_text="What changed since, most telling first.")


class OwedUpdates(Endpoint):
    @extend_schema(
        operation_id="updates_owed", responses=inline_serializer("OwedUpdatesOut", {"data": OwedOut(many=True)})
    )
    def get(self, request: Request) -> Response:
        """The next update of each active program that you lead, the first due first, with what changed if it is due."""
        only_known(request)
        reader: Any = request.user
        zone = organisation_zone()
        day = timezone.now().astimezone(zone).date()
        found = with_changes(owed_by(reader, day), today=day, zone=zone, policy=newest_policy())
        return Response({"data": OwedOut(found, many=True).data})


class NudgeOut(serializers.Serializer[Any]):
    """Whom to ask for the update of a program, or whom one asked; where it is nobody, why."""

    program = serializers.CharField(source="program.key")
    people = serializers.PrimaryKeyRelatedField(many=True, read_only=True)
    code = serializers.CharField(help_text="“asked” today already, or “nobody” else leads it; empty for whom to ask.")
    why = serializers.CharField()


class NudgesOut(serializers.Serializer[Any]):
    data = NudgeOut(many=True)


class LateUpdates(Endpoint):
    @extend_schema(operation_id="updates_late", responses=NudgesOut)
    def get(self, request: Request) -> Response:
        """Late updates of others that you may ask for, the latest first, and whom to ask."""
        only_known(request)
        reader: Any = request.user
        _owed, late = read(reader, today(timezone.now()))
        return Response({"data": NudgeOut([one.nudge for one in late], many=True).data})

    @extend_schema(operation_id="updates_late_nudge", request=NoFields, responses=NudgesOut)
    def post(self, request: Request) -> Response:
        """Ask for all of them: it stands in each person's next mail of a day. Asking twice a day changes nothing."""
        reader: Any = request.user
        return Response({"data": NudgeOut(ask_late(reader, timezone.now()), many=True).data})
