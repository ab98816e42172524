"""Updates that are due or late, and the agenda of a program's sync."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from dashboards.api import NOTHING_HERE
from dashboards.hand_offs import Agreement, HandOff
from dashboards.weekly.agenda import agenda
from dashboards.weekly.owed import ask_late, read, with_changes
from forecasts.api.asking import only_known
from forecasts.policy import newest_policy
from milestones.hand_offs import State
from people.services import organisation_zone, today
from reports.plans.nudges import Nudge
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
    since_on = serializers.DateField(
        allow_null=True,
        help_text="Once it is due: changes count from the moment of the update of this day, or from the end of this "
        "day where the update before it is older or there is none.",
    )
    changes = serializers.ListField(child=serializers.CharField(), help_text="What changed since, most telling first.")
    more = serializers.IntegerField(help_text="How many changes there are beside these.")


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
    people = serializers.SerializerMethodField()
    code = serializers.CharField(help_text="“asked” today already, or “nobody” else leads it; empty for whom to ask.")
    why = serializers.CharField()

    def get_people(self, nudge: Nudge) -> list[int]:
        return [person.pk for person in nudge.people]


NUDGES = inline_serializer("NudgesOut", {"data": NudgeOut(many=True)})


class LateUpdates(Endpoint):
    @extend_schema(operation_id="updates_late", responses=NUDGES)
    def get(self, request: Request) -> Response:
        """Late updates of others that you may ask for, the latest first, and whom to ask."""
        only_known(request)
        reader: Any = request.user
        _owed, late = read(reader, today(timezone.now()))
        return Response({"data": NudgeOut([one.nudge for one in late], many=True).data})

    @extend_schema(operation_id="updates_late_nudge", request=NoFields, responses=NUDGES)
    def post(self, request: Request) -> Response:
        """Ask for all of them: it stands in each person's next mail of a day. Asking twice a day changes nothing."""
        reader: Any = request.user
        return Response({"data": NudgeOut(ask_late(reader, timezone.now()), many=True).data})


class ChangeOut(serializers.Serializer[Any]):
    kind = serializers.CharField(help_text="What the days count, or what it is.")
    text = serializers.CharField()
    days = serializers.IntegerField(source="delta", allow_null=True)
    url = serializers.CharField()


class PressingOut(serializers.Serializer[Any]):
    """A hand-off that waits for an answer or comes later than needed.

    Nothing of the other end where you do not see its program.
    """

    dependency = serializers.IntegerField(source="row.pk")
    giver = serializers.CharField(source="link.predecessor.program.key", allow_null=True, default=None)
    receiver = serializers.CharField(source="link.successor.program.key", allow_null=True, default=None)
    milestone = serializers.IntegerField(source="link.predecessor.pk", allow_null=True, default=None)
    agreement = serializers.CharField(source="row.agreement")
    need_by_on = serializers.DateField(source="row.need_by_on", allow_null=True)
    slack_days = serializers.IntegerField(source="row.slack_days", allow_null=True)
    state = serializers.ChoiceField(choices=State.choices, source="row.state", help_text="As pages and letters say it.")
    answer_of = serializers.SerializerMethodField(
        help_text="Whose answer it waits for, “giver” or “receiver”; null where both agree."
    )

    def get_answer_of(self, hand_off: HandOff) -> str | None:
        if hand_off.row.agreement == Agreement.ACCEPTED:
            return None
        return "receiver" if hand_off.link.wants_reply else "giver"


class DueOut(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=["risk", "mitigation", "issue", "assumption"])
    id = serializers.IntegerField(source="pk")
    title = serializers.CharField()
    owner = serializers.IntegerField(source="owner.pk", allow_null=True, default=None)
    due_on = serializers.DateField()


class WaitingOut(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="pk")
    question = serializers.CharField()
    decider = serializers.IntegerField(source="decider_id", allow_null=True)
    decide_by_on = serializers.DateField(allow_null=True)


class AgreedOut(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="pk")
    text = serializers.CharField()
    owner = serializers.IntegerField(source="owner_id")
    due_on = serializers.DateField()


class SyncOut(serializers.Serializer[Any]):
    since_on = serializers.DateField(source="since.on", help_text="Changes count from the end of this day.")
    changes = ChangeOut(many=True)
    hand_offs = PressingOut(many=True)
    due = DueOut(many=True, help_text="Of the log, within a week or past its day.")
    decisions = WaitingOut(many=True)
    actions = AgreedOut(many=True, help_text="Open ones, as its sync or reviews agreed.")
    cut = serializers.ListField(
        child=serializers.CharField(), help_text="Which of these lists leave out what comes after their first."
    )


class Sync(Endpoint):
    @extend_schema(operation_id="programs_sync", responses=SyncOut)
    def get(self, request: Request, key: str) -> Response:
        """What a program's weekly sync talks about, at most 40 of each kind and 24 changes."""
        only_known(request)
        reader: Any = request.user
        zone = organisation_zone()
        found = agenda(reader, key, today=timezone.now().astimezone(zone).date(), zone=zone)
        if found is None:
            raise exceptions.NotFound(NOTHING_HERE)
        return Response(SyncOut(found).data)
